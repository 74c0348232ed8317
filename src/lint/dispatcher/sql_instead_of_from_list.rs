//! Asking the database what the dispatcher knows.

use crate::builtin::Means;
use crate::config::ast::ExpressionKind;
use crate::lint::expressions::variable;
use crate::lint::mentions::{Mention, variables};
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "ds-sql-instead-of-from-list",
    severity: Severity::Hint,
    finds: "An SQL query that compares the source address with the table of the dispatcher.",
    why: "The destinations are in memory already. A query for each request makes the worker wait for the database, and a pattern such as \
          LIKE '%10.0.0.1%' also matches 10.0.0.10 and 110.0.0.1.",
    instead: "ds_is_from_list(\"set\") compares address and, if wanted, port and protocol.",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/dispatcher.html#dispatcher.f.ds_is_from_list",
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    let table = subject.param("dispatcher", "table_name").and_then(|given| given.text());
    let table = table.map_or_else(|| "dispatcher".to_owned(), |text| String::from_utf8_lossy(&text.value).into_owned());
    let script = subject.script();
    // The source address under another name.
    let copied = |written: &Mention| {
        let mut same =
            script.assigns.iter().filter(|at| at.target.name == written.name && at.target.inner == written.inner);
        written.inner.is_some() && same.any(|at| variable(&at.assign.value).is_some_and(|value| value.name == "si"))
    };
    // In a piece of a config its name has to say what it holds.
    let named = |written: &Mention| {
        let key = written.inner.unwrap_or_default().to_ascii_lowercase();
        let is_set = script.assigns.iter().any(|at| at.target.name == written.name && at.target.inner == written.inner);
        !is_set && ["source_ip", "src_ip", "source_address"].contains(&key.as_str())
    };
    for (_, arg) in script.arguments_for(Means::Sql) {
        let ExpressionKind::Text(text) = &arg.kind else { continue };
        let words = String::from_utf8_lossy(text).to_ascii_lowercase();
        let mut parts = words.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        let asks_table = parts.next() == Some("select")
            && parts.any(|word| word == "from")
            && parts.any(|word| word == table.to_ascii_lowercase());
        let address = variables(text).into_iter().find(|its| its.name == "si" || copied(its) || named(its));
        let Some(address) = address.filter(|_| asks_table) else { continue };
        let found = findings.add("the database is asked for an address that the dispatcher has in memory", arg.span);
        if words.contains("like") {
            found.add_note(format!("a LIKE around {} also matches addresses that contain it", address.as_written()));
        }
        found.add_help("write if (ds_is_from_list(\"set\")) or, for any set, ds_is_from_list()");
    }
}
