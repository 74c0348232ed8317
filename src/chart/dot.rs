//! The chart in the language of graphviz.

use super::{Chart, Entry};
use std::fmt::Write;

/// The graph: blocks that run by themselves have a bold frame, those that nothing reaches a dashed one; an arrow says by which function and
/// how often when it is not `route` and once.
pub fn dot(chart: &Chart) -> String {
    let mut out = String::from("digraph routes {\n\trankdir=LR;\n\tnode [shape=box, fontname=\"monospace\"];\n");
    for (at, block) in chart.blocks.iter().enumerate() {
        let style = match () {
            () if block.head.is_none() => ", style=dotted, color=red",
            () if block.entry != Entry::No => ", style=bold",
            () if !block.reached => ", style=dashed, fontcolor=gray50",
            () => "",
        };
        // Writing to a string does not fail.
        let _ = writeln!(out, "\tb{at} [label={}{style}];", quoted(&block.title()));
    }
    for edge in &chart.calls {
        let by = if edge.by == "route" { "" } else { &edge.by };
        let times = if edge.places.len() > 1 { format!("x{}", edge.places.len()) } else { String::new() };
        let label = [by, &times].join(" ");
        let style = if edge.recursive { ", color=red" } else { "" };
        let _ = writeln!(out, "\tb{} -> b{} [label={}{style}];", edge.from, edge.to, quoted(label.trim()));
    }
    for (at, _) in chart.blocks.iter().enumerate().filter(|(_, block)| !block.computed.is_empty()) {
        let _ = writeln!(out, "\tb{at} -> c{at} [style=dotted];\n\tc{at} [label=\"?\", shape=circle];");
    }
    out.push_str("}\n");
    out
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
