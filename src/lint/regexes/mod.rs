//! Regular expressions that match more, less or nothing.

mod dynamic_per_message;
mod perl;
mod source_ip_prefix;
mod too_broad_ua;
mod unescaped_dot;

use super::script::case_patterns;
use super::{Rule, Subject};
use crate::builtin::{Extensions, Regex};
use crate::config::ast::{BinaryOperator, Expression, ExpressionKind};
use crate::source::Span;

pub(super) static RULES: &[&Rule] = &[
    &perl::GROUP,
    &perl::CLASS,
    &unescaped_dot::RULE,
    &source_ip_prefix::RULE,
    &too_broad_ua::RULE,
    &dynamic_per_message::RULE,
];

/// A constant pattern of `=~` or of a `case`, with what it is matched against.
struct Pattern<'s> {
    text: String,
    span: Span,
    left: Option<&'s Expression>,
}

/// Every constant pattern that compiles; the others are reported as such.
fn patterns<'s>(subject: &'s Subject) -> Vec<Pattern<'s>> {
    let script = subject.script();
    let matches = script.operations.iter().filter(|its| its.operator == BinaryOperator::Match);
    let mut all: Vec<(&Expression, Option<&Expression>)> = matches.map(|its| (its.right, Some(its.left))).collect();
    all.extend(script.routes.iter().flat_map(|route| case_patterns(&route.body)).map(|pattern| (pattern, None)));
    let found = all.into_iter().filter_map(|(pattern, left)| match &pattern.kind {
        ExpressionKind::Text(text) => {
            Some(Pattern { text: String::from_utf8_lossy(text).into_owned(), span: pattern.span, left })
        }
        _ => None,
    });
    found.collect()
}

/// Whether a pattern is one at all, with every extension.
fn compiles(pattern: &str) -> bool {
    Regex::new(pattern.as_bytes(), true, Extensions::default()).is_ok()
}

/// Whether the source writes a pattern as it is, without escapes or defines: then its bytes can be replaced.
fn is_verbatim(subject: &Subject, pattern: &Pattern) -> bool {
    let written = subject.sources.slice(pattern.span);
    written.len() == pattern.text.len() + 2 && written.get(1..written.len() - 1) == Some(pattern.text.as_bytes())
}
