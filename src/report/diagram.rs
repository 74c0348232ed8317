//! The steps of a run as a sequence diagram: SVG that stands in a page of HTML and takes its colours from there.

use super::outcome::Run;
use super::steps::{Step, What, short, title};
use crate::story::{Sent, stamp};
use maud::{Markup, html};

/// Distances in pixels: the margin for times, the head with names, a row of each kind.
const MARGIN: f64 = 76.0;
const HEAD: f64 = 46.0;
const MESSAGE: f64 = 34.0;
const SCRIPT: f64 = 32.0;
const LINE: f64 = 30.0;
/// Between two lifelines, at least and at most.
const NEAREST: f64 = 132.0;
const FARTHEST: f64 = 330.0;
/// A letter of 12 pixels is about so wide in the fonts of systems; rather more, so that nothing overlaps.
const LETTER: f64 = 6.7;
/// Between an arrow's end and its title.
const INSET: f64 = 14.0;
/// Beyond the outermost lifelines.
const EDGE: f64 = 54.0;
/// What the script did may be as wide, beside the server on each side.
const WIDEST: f64 = 150.0;

/// The diagram; each step links to `#prefix-place`.
pub(super) fn diagram(run: &Run, steps: &[Step], prefix: &str) -> Markup {
    let picture = Picture::new(run, steps);
    let mut rows = Vec::with_capacity(steps.len());
    let (mut y, mut last) = (HEAD, String::new());
    for (place, step) in steps.iter().enumerate() {
        let time = stamp(step.at);
        let shown = (time != last && !matches!(step.what, What::Pause(_) | What::Note(_))).then(|| time.clone());
        let link = format!("#{prefix}-{place}");
        let (height, row) = picture.row(step, y, &link);
        rows.push(html! {
            (row)
            @if let Some(time) = &shown { text.t x=(px(MARGIN - 16.0)) y=(px(y + 20.0)) { (time) } }
        });
        if shown.is_some() {
            last = time;
        }
        y += height;
    }
    let (width, height) = (picture.width, y + 22.0);
    html! {
        svg.diagram width=(px(width)) height=(px(height)) viewBox=(format!("0 0 {} {}", px(width), px(height))) role="img"
            aria-label="sequence diagram" {
            @for (name, x) in picture.names.iter().zip(&picture.places) {
                path.life d=(format!("M{} {}V{}", px(*x), px(HEAD - 10.0), px(y + 8.0))) {}
                (self::name(name, *x))
            }
            @for row in &rows { (row) }
        }
    }
}

fn name(name: &str, x: f64) -> Markup {
    let width = (name.chars().count() as f64 * 7.4 + 24.0).min(NEAREST - 8.0);
    let class = if name == "alanui" { "peer server" } else { "peer" };
    html! {
        g class=(class) {
            rect x=(px(x - width / 2.0)) y="6" width=(px(width)) height="26" rx="6" {}
            text x=(px(x)) y="23.5" { (cut(name, width - 10.0)) title { (name) } }
        }
    }
}

/// Where everything stands.
struct Picture<'a> {
    /// Those who take part, from left to right.
    names: Vec<&'a str>,
    /// The lifeline of each.
    places: Vec<f64>,
    width: f64,
}

impl<'a> Picture<'a> {
    fn new(run: &'a Run, steps: &[Step<'a>]) -> Picture<'a> {
        let names = order(run, steps);
        let mut gaps = vec![NEAREST; names.len().saturating_sub(1)];
        let place = |name: &str| names.iter().position(|its| *its == name);
        for step in steps {
            let What::Message(sent, _) = step.what else { continue };
            let (Some(from), Some(to)) = (place(&sent.from), place(&sent.to)) else { continue };
            let (left, right) = (from.min(to), from.max(to));
            let wanted = (label(sent).chars().count() as f64 * LETTER + 2.0 * INSET + 8.0).min(FARTHEST);
            let Some(between) = gaps.get_mut(left..right) else { continue };
            let missing = wanted - between.iter().sum::<f64>();
            // The first gap grows: there the titles begin.
            if let Some(first) = between.first_mut().filter(|_| missing > 0.0) {
                *first += missing;
            }
        }
        let mut places = vec![MARGIN + EDGE];
        for gap in gaps {
            places.push(places.last().copied().unwrap_or_default() + gap);
        }
        let width = places.last().copied().unwrap_or_default() + EDGE;
        let mut picture = Picture { names, places, width };
        let scripts = steps.iter().filter_map(|step| match step.what {
            What::Script(script) => Some(pill(&title(script)) / 2.0),
            _ => None,
        });
        let side = scripts.fold(0.0, f64::max).min(WIDEST) + 10.0;
        picture.width = picture.width.max(picture.x("alanui") + side);
        picture
    }

    fn x(&self, name: &str) -> f64 {
        let place = self.names.iter().position(|its| *its == name);
        place.and_then(|place| self.places.get(place)).copied().unwrap_or(MARGIN)
    }

    /// A step as its height and what is drawn.
    fn row(&self, step: &Step, y: f64, link: &str) -> (f64, Markup) {
        let band = |class: &str, text: &str| {
            html! {
                g class=(class) {
                    rect x=(px(MARGIN)) y=(px(y + 5.0)) width=(px(self.width - MARGIN)) height=(px(LINE - 6.0)) {}
                    text x=(px(MARGIN + 10.0)) y=(px(y + 21.0)) { (cut(text, self.width - MARGIN - 20.0)) }
                }
            }
        };
        match &step.what {
            What::Message(sent, reason) => {
                (MESSAGE, self.message(sent, reason.map(|reason| reason.why.as_str()), y, link))
            }
            What::Script(script) => (SCRIPT, self.script(&title(script), y, link)),
            What::Moment(line, _) => (LINE, html! { a href=(link) { (band("moment", line)) } }),
            What::Note(text) => (LINE, band("note", text)),
            What::Pause(time) => (LINE, band("pause", &format!("{} pass", short(*time)))),
        }
    }

    fn script(&self, text: &str, y: f64, link: &str) -> Markup {
        let server = self.x("alanui");
        // As wide as its words, as far as both sides have room.
        let most = 2.0 * (server - MARGIN).min(self.width - server) - 16.0;
        let width = pill(text).min(most.max(110.0));
        html! {
            a.script href=(link) {
                title { (text) }
                rect x=(px(server - width / 2.0)) y=(px(y + 6.0)) width=(px(width)) height="20" rx="10" {}
                text x=(px(server)) y=(px(y + 20.0)) { (cut(text, (width - 14.0) * LETTER / 6.2)) }
            }
        }
    }

    fn message(&self, sent: &Sent, why: Option<&str>, y: f64, link: &str) -> Markup {
        let (from, to) = (self.x(&sent.from), self.x(&sent.to));
        let (left, right, line) = (from.min(to), from.max(to), y + MESSAGE - 8.0);
        let toward = if to < from { -1.0 } else { 1.0 };
        // What is lost ends on its way.
        let end = if sent.lost { from + (to - from) * 0.72 } else { to - toward };
        let text = cut(&label(sent), right - left - 2.0 * INSET);
        let (strong, rest) = text.split_at(text.find(' ').unwrap_or(text.len()));
        html! {
            a class=(class(sent)) href=(link) {
                title { (tooltip(sent, why)) }
                rect.hit x=(px(left)) y=(px(y + 2.0)) width=(px(right - left)) height=(px(MESSAGE - 2.0)) {}
                text x=(px(left + INSET)) y=(px(line - 7.0)) { tspan { (strong) } (rest) }
                path.line d=(format!("M{} {}H{}", px(from), px(line), px(end - toward * 5.0))) {}
                @if sent.lost {
                    path.cross d=(format!("M{} {}l10 10m0-10l-10 10", px(end - 5.0), px(line - 5.0))) {}
                } @else {
                    path.head d=(format!("M{} {}l{}-4.5v9z", px(end), px(line), px(-9.0 * toward))) {}
                }
            }
        }
    }
}

/// How wide what the script did is drawn.
fn pill(text: &str) -> f64 {
    text.chars().count() as f64 * 6.4 + 26.0
}

/// Those who take part: on the left who speaks to the server first, on the right whom the server speaks to first.
fn order<'a>(run: &'a Run, steps: &[Step<'a>]) -> Vec<&'a str> {
    let (mut left, mut right): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    for step in steps {
        let What::Message(sent, _) = step.what else { continue };
        for (name, begins) in [(sent.from.as_str(), true), (sent.to.as_str(), false)] {
            if name != "alanui" && !left.contains(&name) && !right.contains(&name) {
                if begins { left.push(name) } else { right.push(name) }
            }
        }
    }
    let rank = |name: &&str| run.peers.iter().position(|peer| peer == *name);
    left.sort_by_key(rank);
    right.sort_by_key(rank);
    left.into_iter().chain(["alanui"]).chain(right).collect()
}

/// `INVITE sip:bob@example.com in first`
fn label(sent: &Sent) -> String {
    let mut label = sent.title.clone();
    if let Some(call) = &sent.call {
        label.push_str(&format!(" in {call}"));
    }
    if sent.again {
        label.push_str(" \u{21bb}");
    }
    label
}

/// How a message is drawn: by what it is, and what becomes of it.
pub(super) fn class(sent: &Sent) -> String {
    let kind = match sent.title.as_bytes().first() {
        Some(b'1') => "trying",
        Some(b'2') => "good",
        Some(b'3') => "elsewhere",
        Some(b'4'..=b'6') => "bad",
        _ => "request",
    };
    let [again, lost] = [(sent.again, " again"), (sent.lost, " lost")].map(|(is, word)| if is { word } else { "" });
    format!("m {kind}{again}{lost}")
}

fn tooltip(sent: &Sent, why: Option<&str>) -> String {
    let mut text = format!("{} \u{2192} {}  {}", sent.from, sent.to, sent.title);
    if sent.lost {
        text.push_str("\nlost on its way");
    }
    for line in sent.changes.iter().filter(|_| !sent.again) {
        text.push_str(&format!("\n{line}"));
    }
    if let Some(why) = why {
        text.push_str(&format!("\nbecause {why}"));
    }
    text
}

/// A text that fits into so many pixels.
fn cut(text: &str, width: f64) -> String {
    let most = (width / LETTER).max(4.0) as usize;
    match text.char_indices().nth(most) {
        Some(_) => text.chars().take(most - 1).chain(['\u{2026}']).collect(),
        None => text.to_owned(),
    }
}

fn px(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_title_is_cut_to_the_room_it_has() {
        assert_eq!(cut("INVITE sip:bob@example.com", 100.0), "INVITE sip:bo\u{2026}");
        assert_eq!(cut("ACK", 1.0), "ACK");
    }

    #[test]
    fn pixels_are_written_short() {
        assert_eq!((px(76.0), px(76.25), px(-0.5)), ("76".to_owned(), "76.2".to_owned(), "-0.5".to_owned()));
    }
}
