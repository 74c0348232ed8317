//! The chart as a picture that a browser shows by itself.

use super::layers::{Layers, layers};
use super::{Block, Chart, Entry};
use crate::config::ast::RouteKind;
use crate::source::{Sources, Span};
use std::fmt::Write;

/// Heights and distances in pixels.
const ROW: f64 = 42.0;
const HEIGHT: f64 = 26.0;
const LETTER: f64 = 7.3;
const GAP: f64 = 110.0;
const MARGIN: f64 = 24.0;
const LEGEND: f64 = 34.0;
/// A call that leads back to its own block swings out so far.
const LOOP: f64 = 26.0;
/// Room for the words of a call.
const LABEL: f64 = 76.0;

/// Blocks that are drawn; nobody finds anything in a larger picture.
const MOST_BLOCKS: usize = 3000;
/// The same for calls and the bends in them.
const MOST_PLACES: usize = 30_000;

/// The picture; `None` when it would have thousands of blocks.
pub fn svg(chart: &Chart, sources: &Sources) -> Option<String> {
    if chart.blocks.len() > MOST_BLOCKS || chart.calls.len() > MOST_PLACES {
        return None;
    }
    let layers = layers(chart);
    if layers.places.len() > MOST_PLACES {
        return None;
    }
    let picture = Picture::new(chart, &layers);
    let mut out = String::new();
    let (width, height) = (picture.width, MARGIN * 2.0 + LEGEND + layers.rows * ROW);
    // Writing to a string does not fail.
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\">\n{STYLE}",
    );
    picture.legend(&mut out);
    let mut labels = String::new();
    for (at, edge) in chart.calls.iter().enumerate() {
        let back = layers.places[edge.from].column >= layers.places[edge.to].column;
        let class = if edge.recursive {
            "back"
        } else if !chart.blocks[edge.from].reached {
            "dead"
        } else {
            "call"
        };
        let by = if edge.by == "route" { String::new() } else { edge.by.clone() };
        let times = if edge.places.len() > 1 { format!("\u{d7}{}", edge.places.len()) } else { String::new() };
        let label = [by, times].join(" ").trim().to_owned();
        let places: Vec<String> = edge.places.iter().map(|span| place(sources, *span)).collect();
        let title = format!(
            "{} \u{2192} {} by {}\n{}",
            chart.blocks[edge.from].title(),
            chart.blocks[edge.to].title(),
            edge.by,
            places.join("\n")
        );
        let (path, (x, y)) = picture.path(&layers.ways[at], back);
        let _ = writeln!(out, "<g class=\"{class}\"><title>{}</title><path d=\"{path}\"/></g>", escaped(&title));
        if !label.is_empty() {
            let _ =
                writeln!(labels, "<text class=\"label {class}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", escaped(&label));
        }
    }
    for (at, block) in chart.blocks.iter().enumerate() {
        picture.block(&mut out, sources, at, block);
    }
    // Above everything, or lines and boxes would cross them out.
    out.push_str(&labels);
    out.push_str("</svg>\n");
    Some(out)
}

const STYLE: &str = "<defs>\
<marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto-start-reverse\">\
<path class=\"tip\" d=\"M0,0 L8,4 L0,8 z\"/></marker></defs>
<style>
svg { background: #fff; font: 12px ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; }
rect { fill: #eef3fb; stroke: #5b7db1; }
rect.failure { fill: #fdeee0; stroke: #c77a2c; }
rect.reply { fill: #e5f5f1; stroke: #35907a; }
rect.branch { fill: #f2ebfa; stroke: #8659b5; }
rect.event { fill: #fbf6dc; stroke: #a8922a; }
rect.entry { stroke-width: 2.5; }
rect.unreached { stroke-dasharray: 4 3; fill: #f4f4f4; stroke: #999; }
rect.missing { stroke-dasharray: 2 3; fill: #fff; stroke: #c22; }
text { fill: #222; dominant-baseline: central; text-anchor: middle; }
text.unreached { fill: #888; }
text.missing { fill: #c22; }
text.legend { text-anchor: start; fill: #555; }
text.label { font-size: 10px; fill: #555; stroke: #fff; stroke-width: 3; paint-order: stroke; }
path { fill: none; stroke: #8a94a6; stroke-width: 1.2; marker-end: url(#tip); }
path.tip { fill: context-stroke; stroke: none; marker-end: none; }
.back path { stroke: #c22; stroke-dasharray: 5 3; }
text.label.back { fill: #c22; }
.dead path { stroke: #ccc; }
g:hover path { stroke-width: 2.6; }
</style>
";

/// Where columns begin and end.
struct Picture<'a> {
    chart: &'a Chart,
    layers: &'a Layers,
    columns: Vec<(f64, f64)>,
    width: f64,
}

impl<'a> Picture<'a> {
    fn new(chart: &'a Chart, layers: &'a Layers) -> Picture<'a> {
        let mut widths = vec![60.0f64; layers.columns];
        for (at, place) in layers.places.iter().enumerate().filter(|(_, place)| place.block.is_some()) {
            widths[place.column] = widths[place.column].max(width(&chart.blocks[at]));
        }
        let mut left = MARGIN;
        let mut columns = Vec::new();
        for width in widths {
            columns.push((left, left + width));
            left += width + GAP;
        }
        let width = columns.last().map_or(0.0, |(_, right)| right + MARGIN + LOOP + LABEL).max(900.0);
        Picture { chart, layers, columns, width }
    }

    fn y(&self, place: usize) -> f64 {
        MARGIN + LEGEND + self.layers.places[place].row * ROW + ROW / 2.0
    }

    /// The left and right end of a place.
    fn x(&self, place: usize) -> (f64, f64) {
        let its = &self.layers.places[place];
        let (left, right) = self.columns[its.column];
        match its.block {
            Some(block) => (left, left + width(&self.chart.blocks[block])),
            None => (left, right),
        }
    }

    /// The line of a call through its places, and where its label stands.
    fn path(&self, way: &[usize], back: bool) -> (String, (f64, f64)) {
        let (first, last) = (way[0], way[way.len() - 1]);
        let (x, y) = (self.x(first).1, self.y(first));
        if first == last {
            let (top, bottom) = (y - HEIGHT / 4.0, y + HEIGHT / 4.0);
            let far = x + LOOP;
            let path =
                format!("M{x:.1},{top:.1} C{far:.1},{:.1} {far:.1},{:.1} {x:.1},{bottom:.1}", top - 8.0, bottom + 8.0);
            return (path, (far + LABEL / 2.0, y));
        }
        // From left to right; what leads back is drawn the other way round, so that its tip is at the other end.
        let mut points = vec![(x, y)];
        for place in &way[1..way.len() - 1] {
            let ((left, right), y) = (self.x(*place), self.y(*place));
            points.extend([(left, y), (right, y)]);
        }
        points.push((self.x(last).0, self.y(last)));
        // In the gap behind the column, where no box covers it.
        let label = on_curve(points[0], points[1], self.columns[self.layers.places[first].column].1 + GAP / 2.0);
        if back {
            points.reverse();
        }
        let mut path = format!("M{:.1},{:.1}", points[0].0, points[0].1);
        for pair in points.windows(2) {
            let ((x1, y1), (x2, y2)) = (pair[0], pair[1]);
            let middle = (x1 + x2) / 2.0;
            let _ = write!(path, " C{middle:.1},{y1:.1} {middle:.1},{y2:.1} {x2:.1},{y2:.1}");
        }
        (path, label)
    }

    fn block(&self, out: &mut String, sources: &Sources, at: usize, block: &Block) {
        let ((x, _), y) = (self.x(at), self.y(at));
        let (class, width, name) = (class(block), width(block), escaped(&block.title()));
        let mut title = block.head.map_or("there is no such block".to_owned(), |head| place(sources, head));
        match block.entry {
            Entry::No if !block.reached => title.push_str("\nnothing reaches it"),
            Entry::No => {}
            Entry::Server => title.push_str("\nrun by the server"),
            Entry::Param(span) => {
                let _ = write!(title, "\nrun by a module: {}", place(sources, span));
            }
        }
        let mark = if block.computed.is_empty() { "" } else { " ?" };
        if !mark.is_empty() {
            let places: Vec<String> = block.computed.iter().map(|span| place(sources, *span)).collect();
            let _ = write!(title, "\n? calls whichever block its argument names: {}", places.join(", "));
        }
        let _ = writeln!(
            out,
            "<g><title>{}</title><rect class=\"{class}\" x=\"{x:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{HEIGHT}\" rx=\"5\"/>\
             <text class=\"{class}\" x=\"{:.1}\" y=\"{y:.1}\">{name}{mark}</text></g>",
            escaped(&title),
            y - HEIGHT / 2.0,
            x + width / 2.0,
        );
    }

    fn legend(&self, out: &mut String) {
        let items = [
            ("entry", "run by the server"),
            ("", "route"),
            ("failure", "failure_route"),
            ("reply", "onreply_route"),
            ("branch", "branch_route"),
            ("event", "event_route"),
            ("unreached", "nothing reaches it"),
            ("missing", "not there"),
        ];
        let mut x = MARGIN;
        for (class, words) in items {
            let _ = writeln!(
                out,
                "<rect class=\"{class}\" x=\"{x:.0}\" y=\"14\" width=\"14\" height=\"12\" rx=\"3\"/>\
                 <text class=\"legend\" x=\"{:.0}\" y=\"20\" font-size=\"10\">{words}</text>",
                x + 19.0
            );
            x += 19.0 + words.chars().count() as f64 * 6.1 + 14.0;
        }
    }
}

/// The point of the line between two points that stands at this distance from the left.
fn on_curve((x1, y1): (f64, f64), (x2, y2): (f64, f64), x: f64) -> (f64, f64) {
    let middle = (x1 + x2) / 2.0;
    let at = |a: f64, b: f64, c: f64, d: f64, t: f64| {
        let rest = 1.0 - t;
        rest * rest * rest * a + 3.0 * rest * rest * t * b + 3.0 * rest * t * t * c + t * t * t * d
    };
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..20 {
        let t = (low + high) / 2.0;
        if at(x1, middle, middle, x2, t) < x { low = t } else { high = t }
    }
    (at(x1, middle, middle, x2, low), at(y1, y1, y2, y2, low))
}

fn width(block: &Block) -> f64 {
    (block.title().chars().count() + if block.computed.is_empty() { 0 } else { 2 }) as f64 * LETTER + 18.0
}

fn class(block: &Block) -> String {
    let kind = match block.kind {
        RouteKind::Request => "",
        RouteKind::Failure => "failure",
        RouteKind::Reply | RouteKind::CoreReply => "reply",
        RouteKind::Branch | RouteKind::Onsend => "branch",
        RouteKind::Event => "event",
    };
    let state = match () {
        () if block.head.is_none() => " missing",
        () if block.entry != Entry::No => " entry",
        () if !block.reached => " unreached",
        () => "",
    };
    format!("{kind}{state}").trim().to_owned()
}

fn place(sources: &Sources, span: Span) -> String {
    let (line, _) = sources.line_column(span.file, span.start);
    format!("{}:{line}", sources.path(span.file).display())
}

/// Text as it may stand in XML: control characters may not.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() && c != '\n' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
