//! The arguments of a call: prepared once, read at each call.

use super::context::{Context, RouteId};
use super::module::Function;
use super::prepare::Prepared;
use super::reference::{Reference, Template};
use crate::language::{Regex, Value};
use crate::source::Span;
use bytes::Bytes;
use std::sync::Arc;

/// One place in a script that calls a function.
#[derive(Debug)]
pub struct CallSite {
    /// The function's row.
    pub function: &'static Function,
    /// The name it is called by.
    pub name: &'static str,
    /// The module it belongs to.
    pub module: crate::world::ModuleId,
    /// The arguments.
    pub args: Box<[Argument]>,
    /// Where it stands.
    pub span: Span,
}

/// One argument, prepared.
#[derive(Debug)]
pub enum Argument {
    /// A constant integer.
    Int(i64),
    /// Text, perhaps with variables; also a lone variable.
    Template(Template),
    /// An expression: its value is computed before the call and lies at this place.
    Computed(u8),
    /// A constant regular expression.
    Regex(Arc<Regex>),
    /// A variable to write.
    Target(Reference),
    /// A route (none when the argument is empty), and its name.
    Route(Option<RouteId>, Box<str>),
    /// The function's own form, and the text as written.
    Custom(Prepared, Box<str>),
}

/// The arguments of one call.
#[derive(Debug, Clone, Copy)]
pub struct Args<'a> {
    site: &'a CallSite,
    computed: &'a [Value],
}

impl<'a> Args<'a> {
    /// For the machine: the call site and the values of its computed arguments.
    pub fn new(site: &'a CallSite, computed: &'a [Value]) -> Args<'a> {
        Args { site, computed }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.site.args.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.site.args.is_empty()
    }

    /// Whether argument `at` was given.
    pub fn has(&self, at: usize) -> bool {
        at < self.site.args.len()
    }

    /// Argument `at`, when it was given. That the row has one there is what its function relies on.
    fn get(&self, at: usize) -> Option<&'a Argument> {
        let (name, row) = (self.site.name, self.site.function.args);
        debug_assert!(at < row.len(), "{name} looks at argument {at}, and its row has {}", row.len());
        self.site.args.get(at)
    }

    /// The name the function was called by.
    pub fn name(&self) -> &'static str {
        self.site.name
    }

    /// Argument `at` as a value; undefined when it was not given.
    pub fn value(&self, cx: &mut Context, at: usize) -> Value {
        match self.get(at) {
            Some(Argument::Int(number)) => Value::Int(*number),
            Some(Argument::Template(template)) => template.value(cx),
            Some(Argument::Computed(place)) => self.computed.get(*place as usize).cloned().unwrap_or_default(),
            Some(Argument::Target(reference)) => reference.value(cx),
            Some(Argument::Regex(_) | Argument::Route(..) | Argument::Custom(..)) | None => Value::Null,
        }
    }

    /// Argument `at` as an integer; 0 when it was not given or is no number.
    pub fn int(&self, cx: &mut Context, at: usize) -> i64 {
        match self.get(at) {
            Some(Argument::Int(number)) => *number,
            _ => self.value(cx, at).to_int(),
        }
    }

    /// Argument `at` as text; empty when it was not given.
    pub fn text(&self, cx: &mut Context, at: usize) -> Bytes {
        let text = match self.get(at) {
            Some(Argument::Template(template)) => template.text(cx),
            _ => self.value(cx, at).to_text(),
        };
        // Whoever asks for it may keep it, and keeps more than the text.
        cx.core.meter.make(text.len() + 32);
        text
    }

    /// Argument `at` as header lines, see [`Template::lines`].
    pub fn lines(&self, cx: &mut Context, at: usize) -> Bytes {
        match self.get(at) {
            Some(Argument::Template(template)) => template.lines(cx),
            _ => self.value(cx, at).to_text(),
        }
    }

    /// Argument `at` as something that is written into a header or a first line.
    pub fn header_value(&self, cx: &mut Context, at: usize) -> Bytes {
        let value = self.text(cx, at);
        cx.on_one_line(value)
    }

    /// The text template of argument `at`, for functions that decide first whether to expand it.
    pub fn template(&self, at: usize) -> Option<&'a Template> {
        match self.get(at) {
            Some(Argument::Template(template)) => Some(template),
            _ => None,
        }
    }

    /// The regular expression of argument `at`; one that is computed is compiled here, and `None` when it is bad.
    pub fn regex(&self, cx: &mut Context, at: usize) -> Option<Arc<Regex>> {
        match self.get(at) {
            Some(Argument::Regex(regex)) => Some(regex.clone()),
            _ => {
                let text = self.text(cx, at);
                cx.core.regexes.compile(&text, cx.core.extensions)
            }
        }
    }

    /// The pattern of argument `at`, when it is an [`Arg::pattern`](super::Arg::pattern).
    pub fn pattern(&self, at: usize) -> Option<&'a Regex> {
        self.prepared(at)
    }

    /// The variable that argument `at` names.
    pub fn target(&self, at: usize) -> Option<&'a Reference> {
        match self.get(at) {
            Some(Argument::Target(reference)) => Some(reference),
            _ => None,
        }
    }

    /// The route that argument `at` names.
    pub fn route(&self, at: usize) -> Option<RouteId> {
        match self.get(at) {
            Some(Argument::Route(route, _)) => *route,
            _ => None,
        }
    }

    /// What the function prepared of argument `at`, when it is a `T`.
    pub fn prepared<T: 'static>(&self, at: usize) -> Option<&'a T> {
        match self.get(at) {
            Some(Argument::Custom(prepared, _)) => {
                let found = prepared.downcast_ref();
                debug_assert!(found.is_some(), "{} has prepared argument {at} as something else", self.site.name);
                found
            }
            _ => None,
        }
    }
}
