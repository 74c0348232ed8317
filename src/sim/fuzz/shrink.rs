//! The plainest messages that still show something.

use super::Baseline;
use super::bench::Bench;
use super::input::{Input, is_named};
use super::properties::{Property, judge};
use super::seeds::plain;
use std::net::SocketAddr;
use std::time::Duration;

/// Messages that show something when they are sent to a fresh server, one after another; the last one does.
pub(super) struct Case {
    pub(super) inputs: Vec<Input>,
    /// Where the server sent requests.
    pub(super) contacted: Vec<SocketAddr>,
    /// The lines of each input as they leave its sender, and who that is.
    pub(super) lines: Vec<(SocketAddr, Vec<Vec<u8>>)>,
}

/// So many servers are started to make one finding plain.
const MOST_TRIES: usize = 300;

/// Makes the last message of a history plain, and leaves out those before it that do not matter.
pub(super) fn plainest(baseline: &Baseline, history: &[Input], property: &'static Property, what: &str) -> Case {
    let mut shrinking = Shrinking { baseline, property, what, tries: 0 };
    let mut inputs = shrinking.shortest(history);
    for at in (0..inputs.len()).rev() {
        shrinking.plain(&mut inputs, at);
    }
    let mut bench = Bench::new(baseline);
    inputs.iter().for_each(|input| {
        bench.send(input);
    });
    let lines = inputs.iter().map(|input| (bench.source(input), bench.lines(input))).collect();
    Case { inputs, contacted: std::mem::take(&mut bench.contacted), lines }
}

struct Shrinking<'a> {
    baseline: &'a Baseline<'a>,
    property: &'static Property,
    what: &'a str,
    tries: usize,
}

impl Shrinking<'_> {
    fn shows(&mut self, inputs: &[Input]) -> bool {
        self.tries += 1;
        if self.tries > MOST_TRIES {
            return false;
        }
        let mut bench = Bench::new(self.baseline);
        let Some((last, before)) = inputs.split_last() else { return false };
        before.iter().for_each(|input| {
            bench.send(input);
        });
        judge(&bench.send(last)).iter().any(|(property, what)| property.name == self.property.name && what == self.what)
    }

    /// The fewest messages of a history that show it, its last one among them.
    fn shortest(&mut self, history: &[Input]) -> Vec<Input> {
        let mut count = 1;
        let mut inputs = history.to_vec();
        while count < history.len() {
            let tail = history.get(history.len() - count..).unwrap_or_default();
            if self.shows(tail) {
                inputs = tail.to_vec();
                break;
            }
            count *= 2;
        }
        let mut size = inputs.len() / 2;
        while size > 0 {
            let mut at = 0;
            while at + size < inputs.len() {
                let fewer = [inputs.get(..at), inputs.get(at + size..)].map(Option::unwrap_or_default).concat();
                if self.shows(&fewer) { inputs = fewer } else { at += size }
            }
            size /= 2;
        }
        inputs
    }

    /// Makes one message like the plain one of its method, as far as it can be.
    fn plain(&mut self, inputs: &mut Vec<Input>, at: usize) {
        let Some(input) = inputs.get(at).cloned() else { return };
        let method = String::from_utf8_lossy(input.method()).into_owned();
        let start = String::from_utf8_lossy(input.lines.first().map(Vec::as_slice).unwrap_or_default()).into_owned();
        let uri = start.split(' ').nth(1).unwrap_or("sip:bob@{server}");
        let models = [plain(&method, "sip:bob@{server}"), plain(&method, uri)];
        let number = input.number;
        for model in &models {
            let whole = Input { number, ..model.clone() };
            if self.keep(inputs, at, whole) {
                return;
            }
        }
        self.change(inputs, at, |input| input.body.clear());
        self.change(inputs, at, |input| input.source = None);
        self.change(inputs, at, |input| input.answers = &[200]);
        self.change(inputs, at, |input| input.pause = Duration::from_millis(10));
        for model in &models {
            for (place, line) in model.lines.iter().enumerate() {
                self.change(inputs, at, |input| put(input, place, line));
            }
        }
        let mut place = 1;
        while place < inputs.get(at).map_or(0, |input| input.lines.len()) {
            let before = inputs.get(at).map_or(0, |input| input.lines.len());
            self.change(inputs, at, |input| remove_surplus(input, place, &models));
            if inputs.get(at).map_or(0, |input| input.lines.len()) == before {
                place += 1;
            }
        }
    }

    fn change(&mut self, inputs: &mut Vec<Input>, at: usize, change: impl FnOnce(&mut Input)) {
        let Some(mut changed) = inputs.get(at).cloned() else { return };
        change(&mut changed);
        self.keep(inputs, at, changed);
    }

    /// Puts an input in the place of another when that still shows it.
    fn keep(&mut self, inputs: &mut Vec<Input>, at: usize, input: Input) -> bool {
        let mut changed = inputs.clone();
        match changed.get_mut(at) {
            Some(place) if *place != input => *place = input,
            _ => return false,
        }
        let shows = self.shows(&changed);
        if shows {
            *inputs = changed;
        }
        shows
    }
}

fn name_of(line: &[u8]) -> String {
    String::from_utf8_lossy(line.split(|byte| *byte == b':').next().unwrap_or_default()).into_owned()
}

/// Has the line of a model stand in an input: in place of its first of that name, or where the model has it.
fn put(input: &mut Input, place: usize, line: &[u8]) {
    let known = if place == 0 { Some(0) } else { input.place(&name_of(line)) };
    match known.and_then(|at| input.lines.get_mut(at)) {
        Some(its) => *its = line.to_vec(),
        None => input.lines.insert(place.min(input.lines.len()), line.to_vec()),
    }
}

/// Removes a line that the plain message has not, or not twice.
fn remove_surplus(input: &mut Input, place: usize, models: &[Input]) {
    let Some(line) = input.lines.get(place) else { return };
    let name = name_of(line);
    let first = input.place(&name) == Some(place);
    let wanted = models.iter().any(|model| model.lines.iter().skip(1).any(|line| is_named(line, &name)));
    if !(wanted && first) {
        input.lines.remove(place);
    }
}
