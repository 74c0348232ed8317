//! The plainest messages that still show something.

use super::Ground;
use super::bench::Bench;
use super::letter::{Letter, is_named};
use super::properties::{Property, judge};
use super::seeds::plain;
use std::net::SocketAddr;
use std::time::Duration;

/// Messages that show something when they are sent to a fresh server, one after another; the last one does.
pub(super) struct Case {
    pub(super) letters: Vec<Letter>,
    /// Where the server sent requests.
    pub(super) contacted: Vec<SocketAddr>,
    /// The lines of each letter as they leave its sender, and who that is.
    pub(super) lines: Vec<(SocketAddr, Vec<Vec<u8>>)>,
}

/// So many servers are started to make one finding plain.
const MOST_TRIES: usize = 300;

/// Makes the last message of a history plain, and leaves out those before it that do not matter.
pub(super) fn plainest(ground: &Ground, history: &[Letter], property: &'static Property, what: &str) -> Case {
    let mut shrinking = Shrinking { ground, property, what, tries: 0 };
    let mut letters = shrinking.shortest(history);
    for at in (0..letters.len()).rev() {
        shrinking.plain(&mut letters, at);
    }
    let mut bench = Bench::new(ground);
    letters.iter().for_each(|letter| {
        bench.send(letter);
    });
    let lines = letters.iter().map(|letter| (bench.source(letter), bench.lines(letter))).collect();
    Case { letters, contacted: std::mem::take(&mut bench.contacted), lines }
}

struct Shrinking<'a> {
    ground: &'a Ground<'a>,
    property: &'static Property,
    what: &'a str,
    tries: usize,
}

impl Shrinking<'_> {
    fn shows(&mut self, letters: &[Letter]) -> bool {
        self.tries += 1;
        if self.tries > MOST_TRIES {
            return false;
        }
        let mut bench = Bench::new(self.ground);
        let Some((last, before)) = letters.split_last() else { return false };
        before.iter().for_each(|letter| {
            bench.send(letter);
        });
        judge(&bench.send(last)).iter().any(|(property, what)| property.name == self.property.name && what == self.what)
    }

    /// The fewest messages of a history that show it, its last one among them.
    fn shortest(&mut self, history: &[Letter]) -> Vec<Letter> {
        let mut count = 1;
        let mut letters = history.to_vec();
        while count < history.len() {
            let tail = history.get(history.len() - count..).unwrap_or_default();
            if self.shows(tail) {
                letters = tail.to_vec();
                break;
            }
            count *= 2;
        }
        let mut size = letters.len() / 2;
        while size > 0 {
            let mut at = 0;
            while at + size < letters.len() {
                let fewer = [letters.get(..at), letters.get(at + size..)].map(Option::unwrap_or_default).concat();
                if self.shows(&fewer) { letters = fewer } else { at += size }
            }
            size /= 2;
        }
        letters
    }

    /// Makes one message like the plain one of its method, as far as it can be.
    fn plain(&mut self, letters: &mut Vec<Letter>, at: usize) {
        let Some(letter) = letters.get(at).cloned() else { return };
        let method = String::from_utf8_lossy(letter.method()).into_owned();
        let start = String::from_utf8_lossy(letter.lines.first().map(Vec::as_slice).unwrap_or_default()).into_owned();
        let uri = start.split(' ').nth(1).unwrap_or("sip:bob@{server}");
        let models = [plain(&method, "sip:bob@{server}"), plain(&method, uri)];
        let number = letter.number;
        for model in &models {
            let whole = Letter { number, ..model.clone() };
            if self.keep(letters, at, whole) {
                return;
            }
        }
        self.change(letters, at, |letter| letter.body.clear());
        self.change(letters, at, |letter| letter.source = None);
        self.change(letters, at, |letter| letter.answers = &[200]);
        self.change(letters, at, |letter| letter.pause = Duration::from_millis(10));
        for model in &models {
            for (place, line) in model.lines.iter().enumerate() {
                self.change(letters, at, |letter| put(letter, place, line));
            }
        }
        let mut place = 1;
        while place < letters.get(at).map_or(0, |letter| letter.lines.len()) {
            let before = letters.get(at).map_or(0, |letter| letter.lines.len());
            self.change(letters, at, |letter| remove_surplus(letter, place, &models));
            if letters.get(at).map_or(0, |letter| letter.lines.len()) == before {
                place += 1;
            }
        }
    }

    fn change(&mut self, letters: &mut Vec<Letter>, at: usize, change: impl FnOnce(&mut Letter)) {
        let Some(mut changed) = letters.get(at).cloned() else { return };
        change(&mut changed);
        self.keep(letters, at, changed);
    }

    /// Puts a letter in the place of another when that still shows it.
    fn keep(&mut self, letters: &mut Vec<Letter>, at: usize, letter: Letter) -> bool {
        let mut changed = letters.clone();
        match changed.get_mut(at) {
            Some(place) if *place != letter => *place = letter,
            _ => return false,
        }
        let shows = self.shows(&changed);
        if shows {
            *letters = changed;
        }
        shows
    }
}

fn name_of(line: &[u8]) -> String {
    String::from_utf8_lossy(line.split(|byte| *byte == b':').next().unwrap_or_default()).into_owned()
}

/// Has the line of a model stand in a letter: in place of its first of that name, or where the model has it.
fn put(letter: &mut Letter, place: usize, line: &[u8]) {
    let known = if place == 0 { Some(0) } else { letter.place(&name_of(line)) };
    match known.and_then(|at| letter.lines.get_mut(at)) {
        Some(its) => *its = line.to_vec(),
        None => letter.lines.insert(place.min(letter.lines.len()), line.to_vec()),
    }
}

/// Removes a line that the plain message has not, or not twice.
fn remove_surplus(letter: &mut Letter, place: usize, models: &[Letter]) {
    let Some(line) = letter.lines.get(place) else { return };
    let name = name_of(line);
    let first = letter.place(&name) == Some(place);
    let wanted = models.iter().any(|model| model.lines.iter().skip(1).any(|line| is_named(line, &name)));
    if !(wanted && first) {
        letter.lines.remove(place);
    }
}
