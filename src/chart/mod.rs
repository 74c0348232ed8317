//! Who calls whom among the route blocks of a config, as a picture.
//!
//! Made from the syntax tree, so that it shows what is known of a config that does not compile. [`text()`] draws a tree for a terminal,
//! [`dot()`] the graph for graphviz, [`svg()`] the same for a browser.

mod dot;
mod layers;
mod svg;
mod text;

pub use dot::dot;
pub use svg::svg;
pub use text::text;

use crate::builtin::{ArgKind, Function, Module};
use crate::config::ast::{Call, Config, Expression, ExpressionKind, Item, ParamValue, RouteKind};
use crate::config::walk::{self, Node};
use crate::source::Span;
use std::collections::{BTreeMap, BTreeSet};

/// The route blocks of a config and the calls between them.
#[derive(Debug)]
pub struct Chart {
    /// The blocks in the order of the text, then those that are named and not there.
    pub blocks: Vec<Block>,
    /// The calls, by caller and then in the order of the text.
    pub calls: Vec<Edge>,
}

/// One route block, or several without a name that run one after another.
#[derive(Debug)]
pub struct Block {
    /// Its kind.
    pub kind: RouteKind,
    /// Its name; empty for the main block of its kind.
    pub name: String,
    /// Where it begins; nowhere when it is only named.
    pub head: Option<Span>,
    /// What runs it without a call in a script.
    pub entry: Entry,
    /// Whether anything that runs leads here.
    pub reached: bool,
    /// Places that call a block whose name is only known while they run.
    pub computed: Vec<Span>,
}

/// What runs a block without a call in a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Nothing does.
    No,
    /// The server, by itself.
    Server,
    /// A module, for a parameter names the block here.
    Param(Span),
}

/// All calls of one block by another in one way.
#[derive(Debug)]
pub struct Edge {
    /// The caller's place among the blocks.
    pub from: usize,
    /// The place of what is called.
    pub to: usize,
    /// The function: `route`, `t_on_failure`.
    pub by: String,
    /// Each place.
    pub places: Vec<Span>,
    /// The call leads back to its own block.
    pub recursive: bool,
}

impl Chart {
    /// The chart of a config. The rows of `modules` say which arguments of functions are names of routes.
    pub fn new(config: &Config, modules: &[&'static Module]) -> Chart {
        let mut builder = Builder {
            chart: Chart { blocks: Vec::new(), calls: Vec::new() },
            places: BTreeMap::new(),
            edges: BTreeMap::new(),
        };
        for item in &config.items {
            if let Item::Route(route) = item {
                let name = route.name.as_ref().map_or("", |name| name.text.as_str());
                let at = builder.block(route.kind, name);
                builder.chart.blocks[at].head.get_or_insert(route.head);
            }
        }
        let functions: BTreeMap<&str, &Function> = modules
            .iter()
            .flat_map(|module| module.functions)
            .flat_map(|function| function.names.iter().map(move |name| (*name, function)))
            .collect();
        for item in &config.items {
            match item {
                Item::Route(route) => {
                    let from = builder.block(route.kind, route.name.as_ref().map_or("", |name| name.text.as_str()));
                    walk::block(&route.body, &mut |node| {
                        if let Node::Call(call) = node {
                            builder.call(from, call, functions.get(call.name.text.as_str()).copied());
                        }
                    });
                }
                Item::ModParam(param) => {
                    if let ParamValue::Text(text) = &param.value {
                        builder.param(&String::from_utf8_lossy(&param.name.value), &text.value, text.span);
                    }
                }
                _ => {}
            }
        }
        let mut chart = builder.chart;
        chart.calls.sort_by_key(|edge| (edge.from, edge.places.first().copied()));
        chart.mark_reached();
        chart.mark_recursive();
        chart
    }

    /// The calls that a block makes.
    pub fn from(&self, block: usize) -> &[Edge] {
        let start = self.calls.partition_point(|edge| edge.from < block);
        let end = self.calls.partition_point(|edge| edge.from <= block);
        &self.calls[start..end]
    }

    fn mark_reached(&mut self) {
        let mut open: Vec<usize> = (0..self.blocks.len()).filter(|at| self.blocks[*at].entry != Entry::No).collect();
        while let Some(at) = open.pop() {
            if !std::mem::replace(&mut self.blocks[at].reached, true) {
                open.extend(self.from(at).iter().map(|edge| edge.to));
            }
        }
    }

    /// Marks calls that lead back to a block whose calls are being followed.
    fn mark_recursive(&mut self) {
        #[derive(Clone, Copy, PartialEq)]
        enum Seen {
            No,
            Open,
            Done,
        }
        let mut seen = vec![Seen::No; self.blocks.len()];
        for start in 0..self.blocks.len() {
            // Each block on the way, with the calls of it that are still to be followed.
            let mut way: Vec<(usize, usize)> = Vec::new();
            if seen[start] == Seen::No {
                seen[start] = Seen::Open;
                way.push((start, self.calls.partition_point(|edge| edge.from < start)));
            }
            while let Some((block, next)) = way.last_mut() {
                match self.calls.get_mut(*next).filter(|edge| edge.from == *block) {
                    Some(edge) => {
                        *next += 1;
                        match seen[edge.to] {
                            Seen::Open => edge.recursive = true,
                            Seen::Done => {}
                            Seen::No => {
                                let to = edge.to;
                                seen[to] = Seen::Open;
                                way.push((to, self.calls.partition_point(|edge| edge.from < to)));
                            }
                        }
                    }
                    None => {
                        seen[*block] = Seen::Done;
                        way.pop();
                    }
                }
            }
        }
    }
}

impl Block {
    /// As it is written: `route[RELAY]`, `request_route`.
    pub fn title(&self) -> String {
        match self.kind {
            RouteKind::Request if self.name.is_empty() => "request_route".to_owned(),
            RouteKind::CoreReply => "reply_route".to_owned(),
            kind if self.name.is_empty() => kind.word().to_owned(),
            kind => format!("{}[{}]", kind.word(), self.name),
        }
    }
}

struct Builder {
    chart: Chart,
    places: BTreeMap<(RouteKind, String), usize>,
    edges: BTreeMap<(usize, usize, String), usize>,
}

impl Builder {
    /// The place of a block, which is made when it is not there.
    fn block(&mut self, kind: RouteKind, name: &str) -> usize {
        let blocks = &mut self.chart.blocks;
        *self.places.entry((kind, name.to_owned())).or_insert_with(|| {
            let server = match kind {
                RouteKind::Request | RouteKind::Reply | RouteKind::Failure | RouteKind::Branch => {
                    kind == RouteKind::Request && name.is_empty()
                }
                RouteKind::CoreReply | RouteKind::Onsend | RouteKind::Event => true,
            };
            let entry = if server { Entry::Server } else { Entry::No };
            blocks.push(Block { kind, name: name.to_owned(), head: None, entry, reached: false, computed: Vec::new() });
            blocks.len() - 1
        })
    }

    fn call(&mut self, from: usize, call: &Call, function: Option<&Function>) {
        let by = call.name.text.as_str();
        if by == "route" {
            if let Some(arg) = call.args.first() {
                self.names(from, RouteKind::Request, "", arg, by, call.span);
            }
            return;
        }
        match function {
            Some(function) => {
                for (arg, row) in call.args.iter().zip(function.args) {
                    if let ArgKind::Route(kind, prefix) = row.kind {
                        self.names(from, kind, prefix, arg, by, call.span);
                    }
                }
            }
            // Nothing is known of the function: a string that is the name of a route very likely means it.
            None => {
                for name in call.args.iter().filter_map(|arg| match &arg.kind {
                    ExpressionKind::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
                    _ => None,
                }) {
                    let known = !name.is_empty() && self.places.contains_key(&(RouteKind::Request, name.clone()));
                    if known {
                        let to = self.block(RouteKind::Request, &name);
                        self.edge(from, to, by, call.span);
                    }
                }
            }
        }
    }

    /// A call whose argument is the name of a block, or what stands in it behind `prefix`.
    fn names(&mut self, from: usize, kind: RouteKind, prefix: &str, arg: &Expression, by: &str, span: Span) {
        let name = match &arg.kind {
            ExpressionKind::Word(name) => name.clone(),
            ExpressionKind::Text(text) if text.contains(&b'$') && kind != RouteKind::Request => {
                return self.chart.blocks[from].computed.push(span);
            }
            ExpressionKind::Text(text) => String::from_utf8_lossy(text).into_owned(),
            ExpressionKind::Int(number) => number.to_string(),
            _ => return self.chart.blocks[from].computed.push(span),
        };
        let plain = if name == "0" { "" } else { &name };
        // `t_on_failure("0")` names no block but takes a name back.
        if plain.is_empty() && kind != RouteKind::Request {
            return;
        }
        let to = self.block(kind, &format!("{prefix}{plain}"));
        self.edge(from, to, by, span);
    }

    fn edge(&mut self, from: usize, to: usize, by: &str, span: Span) {
        let calls = &mut self.chart.calls;
        let at = *self.edges.entry((from, to, by.to_owned())).or_insert_with(|| {
            calls.push(Edge { from, to, by: by.to_owned(), places: Vec::new(), recursive: false });
            calls.len() - 1
        });
        calls[at].places.push(span);
    }

    /// A parameter whose value is the name of a route, or holds `route=NAME`.
    fn param(&mut self, param: &str, value: &[u8], span: Span) {
        let value = String::from_utf8_lossy(value);
        let parts = value.split(';').filter_map(|part| part.trim().strip_prefix("route="));
        let whole = param.contains("route").then_some(value.as_ref());
        let names: BTreeSet<&str> = parts.chain(whole).map(str::trim).filter(|name| !name.is_empty()).collect();
        for name in names {
            if let Some(at) = self.places.get(&(RouteKind::Request, name.to_owned())) {
                self.chart.blocks[*at].entry = Entry::Param(span);
            }
        }
    }
}
