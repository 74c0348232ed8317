//! A result that stays in memory.

use super::{queries, selects};
use crate::builtin::{Does, Means};
use crate::lint::expressions;
use crate::lint::flow::Mark;
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "sql-result-not-freed",
    severity: Severity::Performance,
    finds: "A result of sql_query that is not freed on some way through the script.",
    why: "Its rows stay in the private memory of the worker until the same result is filled again. With large results, or many names, workers \
          run out of memory.",
    instead: "Call sql_result_free(\"name\") on every way, before exit too.",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/sqlops.html",
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    let mut reported: Vec<&str> = Vec::new();
    for (its, text) in queries(subject) {
        if !selects(text) {
            continue;
        }
        let named = subject.script().argument_for(its.call, Means::SqlResult);
        let Some(result) = named.and_then(expressions::text) else { continue };
        if !its.does.contains(&Does::FillResult) || reported.contains(&result) {
            continue;
        }
        let broken = subject.flow().broken();
        let Some(left) = broken.iter().find(|broken| broken.mark == Mark::Free(result)) else { continue };
        reported.push(result);
        let found = findings.add(format!("the result {result} is not freed on every way"), its.call.span);
        found.add_label(left.place, "it is still there when the script ends here");
        found.add_help(format!("call sql_result_free(\"{result}\") once its rows are read"));
    }
}
