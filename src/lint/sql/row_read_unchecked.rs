//! A row that may not be there.

use crate::lint::flow::Mark;
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "sql-row-read-unchecked",
    severity: Severity::Warning,
    finds: "A column of a result that is read on a way on which nothing asked whether there is a row.",
    why: "Without a row the column is null, and null in a $var is 0: dispatcher set 0, user 0, price 0.",
    instead: "Ask first: if ($dbr(r=>rows) > 0) { $var(set) = $dbr(r=>[0,0]); }",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/sqlops.html",
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    let mut reported = Vec::new();
    for broken in subject.flow().broken() {
        let Mark::RowsSeen(result) = broken.mark else { continue };
        // A comparison of the column is a question in itself.
        if broken.asked || reported.contains(&broken.place) {
            continue;
        }
        reported.push(broken.place);
        let found = findings.add(format!("a row of {result} is read that may not be there"), broken.place);
        found.add_note("a query without rows succeeds, and the column is null then: 0 in a $var");
        found.add_help(format!("ask first whether $dbr({result}=>rows) > 0"));
    }
}
