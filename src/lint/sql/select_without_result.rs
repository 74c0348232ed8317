//! Rows that nobody keeps.

use super::{queries, selects};
use crate::builtin::{Does, Means};
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "sql-select-without-result",
    severity: Severity::Warning,
    finds: "A SELECT in the form of sql_query that keeps no result.",
    why: "Without the name of a result the rows are thrown away: the query only tells whether the database answered.",
    instead: "Name a result, read it with $dbr(name=>[0,0]), and free it.",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/sqlops.html",
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    for (its, text) in queries(subject) {
        let is_kept = subject.script().argument_for(its.call, Means::SqlResult).is_some();
        if !its.does.contains(&Does::FillResult) || is_kept || !selects(text) {
            continue;
        }
        let found = findings.add("the rows of this SELECT are thrown away", its.call.span);
        if subject.script().anything(Does::ReadLastResult) {
            found.add_note("alanui keeps them for sql_result, which Kamailio does not know");
        }
        found.add_help("add the name of a result: sql_query(\"con\", \"SELECT ...\", \"r\"), and read $dbr(r=>[0,0])");
    }
}
