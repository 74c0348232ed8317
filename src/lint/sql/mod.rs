//! Queries: what they are made of, what becomes of their rows.

mod empty_result;
mod result_not_freed;
mod row_read_unchecked;
mod select_without_result;
mod text;

use super::expressions;
use super::script::CallAt;
use super::{Rule, Subject};
use crate::builtin::Means;
use crate::config::ast::{Expression, ExpressionKind};

pub(super) static RULES: &[&Rule] = &[
    &text::TAINTED,
    &text::WRONG_DIALECT,
    &text::TEXT_IN_VARIABLE,
    &empty_result::RULE,
    &select_without_result::RULE,
    &result_not_freed::RULE,
    &row_read_unchecked::RULE,
];

/// Every query with the argument that holds its text.
fn queries<'a>(subject: &Subject<'a>) -> Vec<(CallAt<'a>, &'a Expression)> {
    let mut found: Vec<_> = subject.script().arguments_for(Means::Sql).map(|(its, text)| (*its, text)).collect();
    found.sort_by_key(|(its, _)| its.call.span);
    found
}

/// Whether the text of a query asks for rows.
fn selects(text: &Expression) -> bool {
    let start = match &text.kind {
        ExpressionKind::Text(text) => text.trim_ascii_start(),
        ExpressionKind::Binary(_, left, _) => return selects(left),
        _ => return false,
    };
    start.get(..6).is_some_and(|word| word.eq_ignore_ascii_case(b"select"))
}

/// The scheme of the database that a connection goes to: `mysql`, `sqlite`.
fn scheme(subject: &Subject, call: &CallAt) -> Option<String> {
    let connection = expressions::text(call.call.args.first()?)?;
    let wanted = subject.params("sqlops", "sqlcon").find_map(|given| {
        let value = given.text()?;
        let (name, url) = std::str::from_utf8(&value.value).ok()?.split_once("=>")?;
        (name.trim() == connection).then(|| url.trim().to_owned())
    })?;
    Some(wanted.split_once("://")?.0.to_ascii_lowercase())
}
