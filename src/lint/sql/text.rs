//! What a sender wrote inside the text of a query.

use super::{queries, scheme};
use crate::config::ast::ExpressionKind;
use crate::lint::expressions::{contents, in_argument};
use crate::lint::mentions::{self, Mention};
use crate::lint::{Findings, Rule, Severity, Subject};

/// Message data in SQL text.
pub(super) static TAINTED: Rule = Rule {
    code: "sql-tainted-text",
    severity: Severity::Security,
    finds: "What the sender of a message wrote, inside the text of a query without anything that makes it harmless.",
    why: "Anybody can send a request whose user part or header holds a quote. Pasted into SQL text it ends the string early, and the rest of it \
          is read as SQL: rows of other customers, or a table less.",
    instead: "Escape it for the database in question ({s.escape.common} for MySQL), turn a number into one ({s.int}), or let only expected \
              characters pass before the query: if (!($rU =~ \"^[0-9+]+$\")) exit;",
    reference: "https://www.kamailio.org/wikidocs/cookbooks/devel/transformations/",
    check: tainted,
};

/// The escaping of another database.
pub(super) static WRONG_DIALECT: Rule = Rule {
    code: "sql-escape-wrong-dialect",
    severity: Severity::Security,
    finds: "{s.escape.common} in a query that goes to PostgreSQL or SQLite.",
    why: "It puts a backslash before a quote, which only MySQL reads as an escape. To SQLite, and to PostgreSQL with standard strings, the \
          backslash is a character and the quote still ends the string.",
    instead: "Double the quotes with {re.subst,/'/''/g}, or let only expected characters pass before the query.",
    reference: "https://www.kamailio.org/wikidocs/cookbooks/devel/transformations/",
    check: wrong_dialect,
};

fn tainted(subject: &Subject, findings: &mut Findings) {
    for (call, text) in queries(subject) {
        let mut told: Vec<String> = Vec::new();
        contents(text, &mut |mention| {
            let Some(origin) = subject.taint().origin(&mention) else { return };
            let shown = mention.shown();
            if told.contains(&shown) {
                return;
            }
            let from = if origin.source == shown { String::new() } else { format!(" (from {})", origin.source) };
            let message = format!("{shown}{from} is written by the sender and reaches the text of a query unescaped");
            let found = findings.add(message, text.span);
            if let Some(place) = origin.place {
                found.add_label(place, format!("{} comes in here", origin.source));
            }
            found.add_note("a quote in it ends the SQL string, and what follows is run as SQL");
            if is_bound(text, &shown) {
                found.add_note("alanui binds a variable that stands between quotes as a value; Kamailio pastes it");
            }
            found.add_help(match scheme(subject, &call).as_deref() {
                Some("mysql" | "unixodbc") => format!("write $({}{{s.escape.common}})", shown.trim_start_matches('$')),
                _ => format!("let only expected characters pass first: if (!({shown} =~ \"^[A-Za-z0-9.+-]+$\")) exit;"),
            });
            told.push(shown);
        });
    }
}

/// Whether the variable stands alone between quotes.
fn is_bound(text: &crate::config::ast::Expression, shown: &str) -> bool {
    let ExpressionKind::Text(text) = &text.kind else { return false };
    let text = String::from_utf8_lossy(text);
    text.contains(&format!("'{shown}'"))
}

fn wrong_dialect(subject: &Subject, findings: &mut Findings) {
    for (call, text) in queries(subject) {
        let Some(scheme) = scheme(subject, &call) else { continue };
        if !matches!(scheme.as_str(), "postgres" | "sqlite") {
            continue;
        }
        let mut escaped: Option<String> = None;
        let mut look = |mention: Mention| {
            if mention.rest.contains("escape.common") && escaped.is_none() {
                escaped = Some(mention.shown());
            }
        };
        in_argument(text, &mut look);
        if let ExpressionKind::Text(text) = &text.kind {
            mentions::in_text(text, &mut look);
        }
        if let Some(shown) = escaped {
            let message = format!("{shown} is escaped with a backslash, which {scheme} does not read as an escape");
            let found = findings.add(message, text.span);
            found.add_note("a quote in it still ends the SQL string");
            found.add_help("double the quotes: {re.subst,/'/''/g}");
        }
    }
}
