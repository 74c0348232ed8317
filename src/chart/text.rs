//! The chart as a tree for a terminal.

use super::{Chart, Edge, Entry};
use crate::source::{Sources, Span};
use std::collections::VecDeque;
use std::fmt::Write;

/// Calls inside calls are shown as deep as this; what is called further in gets a tree of its own.
const DEEPEST: usize = 12;
/// Lines that are named for one call.
const MOST_PLACES: usize = 4;

/// Draws a tree for every block that the server or a module runs by itself, then those that nothing reaches. What a block calls is shown where
/// it is called first.
pub fn text(chart: &Chart, sources: &Sources) -> String {
    let mut tree =
        Tree { chart, sources, shown: vec![false; chart.blocks.len()], later: VecDeque::new(), out: String::new() };
    for (at, block) in chart.blocks.iter().enumerate() {
        if block.head.is_some() && block.entry != Entry::No {
            tree.root(at);
        }
    }
    let is_dead = |at: &usize| !chart.blocks[*at].reached && chart.blocks[*at].head.is_some();
    let dead: Vec<usize> = (0..chart.blocks.len()).filter(is_dead).collect();
    if !dead.is_empty() {
        let _ = writeln!(tree.out, "Nothing reaches:\n");
        // First those that no other of them calls.
        let called: Vec<bool> = {
            let mut called = vec![false; chart.blocks.len()];
            dead.iter()
                .flat_map(|at| chart.from(*at))
                .filter(|edge| !edge.recursive)
                .for_each(|edge| called[edge.to] = true);
            called
        };
        for at in dead.iter().filter(|at| !called[**at]).chain(&dead) {
            if !tree.shown[*at] {
                tree.root(*at);
            }
        }
    }
    tree.out
}

struct Tree<'a> {
    chart: &'a Chart,
    sources: &'a Sources,
    /// Blocks whose calls are drawn already.
    shown: Vec<bool>,
    /// Blocks that stand too deep to be drawn in place.
    later: VecDeque<usize>,
    out: String,
}

impl Tree<'_> {
    fn root(&mut self, at: usize) {
        self.later.push_back(at);
        while let Some(at) = self.later.pop_front() {
            if self.shown[at] {
                continue;
            }
            let block = &self.chart.blocks[at];
            let mut line = block.title();
            if let Some(head) = block.head {
                let _ = write!(line, "  {}", self.place(head, None));
            }
            if let Entry::Param(span) = block.entry {
                let _ = write!(line, "  run by a module: {}", self.place(span, None));
            }
            let _ = writeln!(self.out, "{line}");
            self.calls(at, &mut String::new(), 0);
            self.out.push('\n');
        }
    }

    /// Draws what a block calls; `margin` stands before each line.
    fn calls(&mut self, at: usize, margin: &mut String, depth: usize) {
        self.shown[at] = true;
        let block = &self.chart.blocks[at];
        let edges = self.chart.from(at);
        let count = edges.len() + usize::from(!block.computed.is_empty());
        for (number, edge) in edges.iter().enumerate() {
            let last = number + 1 == count;
            let to = &self.chart.blocks[edge.to];
            let has_calls = !self.chart.from(edge.to).is_empty() || !to.computed.is_empty();
            let note = match () {
                () if edge.recursive => "  (recursion)",
                () if to.head.is_none() => "  (there is no such block)",
                () if has_calls && self.shown[edge.to] => "  (see above)",
                () if has_calls && depth >= DEEPEST => "  (see below)",
                () => "",
            };
            let branch = if last { "└─ " } else { "├─ " };
            let _ = writeln!(self.out, "{margin}{branch}{}{}{note}", to.title(), self.details(edge));
            if !has_calls || edge.recursive || self.shown[edge.to] {
                self.shown[edge.to] = true;
                continue;
            }
            if depth >= DEEPEST {
                self.later.push_back(edge.to);
                continue;
            }
            let length = margin.len();
            margin.push_str(if last { "   " } else { "│  " });
            self.calls(edge.to, margin, depth + 1);
            margin.truncate(length);
        }
        if let Some(first) = block.computed.first() {
            let places = self.places(&block.computed, *first);
            let _ = writeln!(self.out, "{margin}└─ whichever its argument names{places}");
        }
    }

    /// How often a call stands there, where, and by which function.
    fn details(&self, edge: &Edge) -> String {
        let by = if edge.by == "route" { String::new() } else { format!("  by {}", edge.by) };
        let times = if edge.places.len() > 1 { format!("  {} times", edge.places.len()) } else { String::new() };
        let head = self.chart.blocks[edge.from].head.unwrap_or_default();
        format!("{by}{times}{}", self.places(&edge.places, head))
    }

    fn places(&self, places: &[Span], from: Span) -> String {
        let mut shown: Vec<String> =
            places.iter().take(MOST_PLACES).map(|span| self.place(*span, Some(from))).collect();
        if places.len() > MOST_PLACES {
            shown.push("...".to_owned());
        }
        format!("  {}", shown.join(", "))
    }

    /// `file:line`, or `:line` in the file of another place.
    fn place(&self, span: Span, beside: Option<Span>) -> String {
        let (line, _) = self.sources.line_column(span.file, span.start);
        match beside {
            Some(other) if other.file == span.file => format!(":{line}"),
            _ => format!("{}:{line}", self.sources.path(span.file).display()),
        }
    }
}
