//! Success of a query that is taken for a row.

use super::{queries, selects};
use crate::builtin::{Does, Means};
use crate::lint::expressions::{self, in_argument};
use crate::lint::mentions::Mention;
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "sql-empty-result-is-true",
    severity: Severity::Warning,
    finds: "A condition that takes the success of a SELECT for a row found.",
    why: "A query that finds nothing succeeds: it returns 2, and that is true. An allow-list written this way lets everybody in, a block-list \
          blocks everybody, until the database itself fails.",
    instead: "Give the result a name and ask for its rows: sql_query(\"con\", \"SELECT ...\", \"r\"); if ($dbr(r=>rows) > 0) ...",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/sqlops.html",
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    let counted = counted_results(subject);
    for (its, text) in queries(subject) {
        if !its.asked || !selects(text) || its.call.name.text == "avp_db_query" {
            continue;
        }
        let result = subject.script().argument_for(its.call, Means::SqlResult).and_then(expressions::text);
        if result.is_some_and(|result| counted.iter().any(|its| its == result)) {
            continue;
        }
        let message = match result {
            Some(result) => {
                format!("this is true also when no row is found, and nothing asks how many rows {result} has")
            }
            None => "this is true also when no row is found".to_owned(),
        };
        let found = findings.add(message, its.call.span);
        found.add_note("a query without rows returns 2, which is true; only one that fails is false");
        if result.is_none() && subject.script().anything(Does::ReadLastResult) {
            found.add_note("alanui takes it for false in a file that calls sql_result, which Kamailio does not know");
        }
        found.add_help("give the result a name and test $dbr(name=>rows) > 0");
    }
}

/// Results of which something looks at the number of rows, or at whether a column is there.
fn counted_results(subject: &Subject) -> Vec<String> {
    let mut counted = Vec::new();
    let mut look = |mention: Mention| {
        let Some(inner) = mention.inner else { return };
        let (result, what) = inner.split_once("=>").unwrap_or((inner, ""));
        let counts = match mention.name {
            "dbr" => !what.trim_start().starts_with('['),
            "xavp" | "xavu" | "xavi" => true,
            _ => false,
        };
        if counts {
            counted.push(result.trim().trim_end_matches("[0]").to_owned());
        }
    };
    for question in &subject.script().questions {
        in_argument(question, &mut look);
    }
    for its in &subject.script().assigns {
        in_argument(&its.assign.value, &mut |mention| {
            if mention.name == "dbr" {
                look(mention);
            }
        });
    }
    counted
}
