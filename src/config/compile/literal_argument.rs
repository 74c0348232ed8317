//! Arguments of core statements, which take literals only: numbers, strings, declared flags, and some words without quotes.

use super::Compiler;
use crate::builtin::{Arg, ArgKind, Argument, Template};
use crate::config::ast::{Expression, ExpressionKind};
use crate::source::{Diagnostic, Span};

/// The highest flag of a message.
const HIGHEST_FLAG: i64 = 31;

impl Compiler<'_> {
    pub(super) fn literal_argument(&mut self, arg: &Arg, given: &Expression, function: &str) -> Option<Argument> {
        let span = given.span;
        match (arg.kind, &given.kind) {
            (ArgKind::Flag, ExpressionKind::Int(number)) => {
                if !(0..=HIGHEST_FLAG).contains(number) {
                    self.error("bad-flag", format!("{number} is no flag: they are 0 to {HIGHEST_FLAG}"), span);
                }
                Some(Argument::Int(*number))
            }
            (ArgKind::Flag, ExpressionKind::Word(name)) => self.declared(name, span),
            (ArgKind::Flag, ExpressionKind::Text(name)) => self.declared(&String::from_utf8_lossy(name), span),
            (ArgKind::Flag, _) => self.not_literal(arg, function, "a number or a declared flag", span),
            (ArgKind::Number | ArgKind::Int, ExpressionKind::Int(number)) => Some(Argument::Int(*number)),
            (ArgKind::Number | ArgKind::Int, _) => self.not_literal(arg, function, "a number without quotes", span),
            (ArgKind::Bare(prepare), ExpressionKind::Word(word) | ExpressionKind::Address(word)) => {
                self.prepared(prepare, &Template::fixed(word.clone()), function, span)
            }
            (ArgKind::Bare(prepare), ExpressionKind::Int(number)) => {
                self.prepared(prepare, &Template::fixed(number.to_string()), function, span)
            }
            (ArgKind::Bare(prepare) | ArgKind::Custom(prepare), ExpressionKind::Text(_)) => {
                let template = self.template(given, true)??;
                self.prepared(prepare, &template, function, span)
            }
            (_, ExpressionKind::Text(_)) => Some(Argument::Template(self.template(given, true)??)),
            _ => self.not_literal(arg, function, "a string in quotes", span),
        }
    }

    fn declared(&mut self, name: &str, span: Span) -> Option<Argument> {
        if let Some(place) = self.flags.get(name) {
            return Some(Argument::Int(*place));
        }
        let found = Diagnostic::error("unknown-flag", format!("the flag {name} is not declared"), span);
        self.diagnostics.push(found.help(format!("declare it above all routes: flags {name}")));
        None
    }

    fn not_literal(&mut self, arg: &Arg, function: &str, wanted: &str, span: Span) -> Option<Argument> {
        let found = Diagnostic::error("not-constant", format!("{function}: {} is {wanted}", arg.name), span);
        self.diagnostics.push(found.note("statements of the core compute nothing"));
        None
    }
}
