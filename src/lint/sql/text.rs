//! What a sender wrote inside the text of a query.

use super::{queries, scheme};
use crate::builtin::sql::{self, Piece, Symbol};
use crate::config::ast::{Expression, ExpressionKind};
use crate::lint::expressions::in_argument;
use crate::lint::mentions::{self, Mention};
use crate::lint::script::CallAt;
use crate::lint::taint::is_kept;
use crate::lint::{Findings, Rule, Severity, Subject};

/// Message data in SQL text.
pub(super) static TAINTED: Rule = Rule {
    code: "sql-tainted-text",
    severity: Severity::Security,
    finds: "What the sender of a message wrote, inside the text of a query without anything that makes it harmless, and where it cannot be bound.",
    why: "Anybody can send a request whose user part or header holds a quote. Pasted into SQL text it ends the string early, and the rest of it \
          is read as SQL: rows of other customers, or a table less. alanui binds a variable wherever a value can stand; Kamailio pastes it \
          there, too: that is shown of other databases than SQLite, and with --target kamailio-5.6.",
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

/// Text that is no value and no name.
pub(super) static TEXT_IN_VARIABLE: Rule = Rule {
    code: "sql-text-in-variable",
    severity: Severity::Hint,
    finds: "A variable in the text of a query where neither a value nor a name can stand: what it holds is read as SQL.",
    why: "alanui binds a variable wherever a value can stand, and takes nothing but names where names must stand, so that no value is ever read as \
          SQL. One that stands for a condition, a clause or the whole statement can be neither. Whatever gets into it is run, and each new text is \
          compiled anew.",
    instead: "Write the statement where it is run, with variables where values stand: sql_query(\"con\", \"SELECT a FROM t WHERE b='$rU'\", \"r\").",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/sqlops.html",
    check: text_in_variable,
};

fn tainted(subject: &Subject, findings: &mut Findings) {
    for (call, text) in queries(subject) {
        let mut reported: Vec<String> = Vec::new();
        for (mention, stands) in open(subject, &call, text) {
            let Some(origin) = subject.taint().origin(&mention) else { continue };
            let shown = mention.shown();
            if reported.contains(&shown) {
                continue;
            }
            let from = if origin.source == shown { String::new() } else { format!(" (from {})", origin.source) };
            let what = match stands {
                Stands::ForText | Stands::Bound => "reaches the text of a query unescaped",
                Stands::ForNames => "names a table or column in a query",
            };
            let found = findings.add(format!("{shown}{from} is written by the sender and {what}"), text.span);
            if let Some(place) = origin.place {
                found.add_label(place, format!("{} comes in here", origin.source));
            }
            match stands {
                Stands::ForText => found.add_note("what it holds is run as SQL"),
                Stands::ForNames => {
                    found.add_note("alanui takes nothing but a name here; Kamailio whatever it is, as SQL")
                }
                Stands::Bound => found.add_note("a quote in it ends the SQL string, and what follows is run as SQL"),
            };
            if stands == Stands::Bound && subject.target.is_some() {
                found.add_note("alanui binds it as a value; Kamailio pastes it");
            }
            found.add_help(match scheme(subject, &call).as_deref() {
                Some("mysql" | "unixodbc") => format!("write $({}{{s.escape.common}})", shown.trim_start_matches('$')),
                _ => format!("let only expected characters pass first: if (!({shown} =~ \"^[A-Za-z0-9.+-]+$\")) exit;"),
            });
            reported.push(shown);
        }
    }
}

fn text_in_variable(subject: &Subject, findings: &mut Findings) {
    for (call, text) in queries(subject) {
        let is_meant = |mention: &Mention| subject.taint().origin(mention).is_none();
        let open = open(subject, &call, text).into_iter().filter(|(_, stands)| *stands == Stands::ForText);
        if let Some((mention, _)) = open.into_iter().find(|(mention, _)| is_meant(mention)) {
            let message = format!("what {} holds is run as SQL", mention.shown());
            findings.add(message, text.span).add_note("neither a value nor a name can stand there");
        }
    }
}

/// What a variable in the text of a query stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stands {
    /// A value, which alanui binds.
    Bound,
    /// A name, or several.
    ForNames,
    /// Anything.
    ForText,
}

/// Whether alanui is who asks: a database that it has, by a function that it has, in a config that is not meant for a release of Kamailio.
fn binds(subject: &Subject, call: &CallAt) -> bool {
    let sqlite = scheme(subject, call).is_none_or(|scheme| scheme == "sqlite");
    subject.target.is_none() && subject.config.registry.is_built(&call.call.name.text) && sqlite
}

/// The variables of a text whose values could be read as SQL: by alanui, or by the Kamailio that asks instead.
fn open<'a>(subject: &Subject, call: &CallAt, text: &'a Expression) -> Vec<(Mention<'a>, Stands)> {
    let ExpressionKind::Text(written) = &text.kind else {
        let mut found = Vec::new();
        mentions::in_expression(text, &mut |mention| found.push((mention, Stands::ForText)));
        return found;
    };
    let variables = mentions::placed(written);
    let (mut symbols, mut from) = (Vec::new(), 0);
    for (at, (place, mention)) in variables.iter().enumerate() {
        symbols.extend(written.get(from..place.start).unwrap_or_default().iter().map(|byte| Symbol::Byte(*byte)));
        let literal = mention.transformations().last().is_some_and(|last| last.starts_with("sql."));
        symbols.push(Symbol::Variable { at, kept: is_kept(mention.name), literal });
        from = place.end;
    }
    symbols.extend(written.get(from..).unwrap_or_default().iter().map(|byte| Symbol::Byte(*byte)));
    let stands = sql::pieces(&symbols).into_iter().flat_map(|piece| match piece {
        Piece::Text(_) => Vec::new(),
        Piece::Literal(parts) => parts.iter().filter_map(|part| Some((part.variable()?, Stands::Bound))).collect(),
        Piece::Value(at) => vec![(at, Stands::Bound)],
        Piece::Name(at, _) | Piece::Quoted(at, _) => vec![(at, Stands::ForNames)],
        Piece::Pasted(at) => vec![(at, Stands::ForText)],
    });
    let binds = binds(subject, call);
    let is_open = |stands: Stands| !binds || stands != Stands::Bound;
    stands
        .filter(|(_, stands)| is_open(*stands))
        .filter_map(|(at, stands)| Some((variables.get(at)?.1, stands)))
        .flat_map(|(mention, stands)| {
            // A text that is put together there and then is what is in it.
            let inner = if mention.name == "_s" { mention.nested() } else { Vec::new() };
            std::iter::once(mention).chain(inner).map(move |mention| (mention, stands))
        })
        .collect()
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
