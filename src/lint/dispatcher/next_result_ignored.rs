//! Relaying whether a destination was found or not.

use super::{DOCS, Faults, Sites};
use crate::builtin::Does;
use crate::config::ast::{Call, RouteKind};
use crate::lint::mentions::Mention;
use crate::lint::paths::{MARKS, Marks, Paths, Walker};
use crate::lint::{Findings, Rule, Severity, Subject};
use crate::source::Span;
use rustc_hash::FxHashSet;

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "ds-next-result-ignored",
    severity: Severity::Warning,
    finds: "A selection of the dispatcher whose result nobody looks at before the request is relayed.",
    why: "When the set is empty, or its last destination is used up, the destination stays what it was: the request goes to the gateway that has \
          just failed, or by its request URI back to this server.",
    instead: "Relay only when the selection is true, and answer otherwise.",
    reference: DOCS,
    check,
};

/// What takes a destination.
const CHOOSING: &[Does] = &[Does::SelectDestination, Does::NextDestination];

struct Ignored {
    statements: FxHashSet<Span>,
    sites: Sites,
    faults: Faults,
}

impl<'a> Walker<'a> for Ignored {
    fn call(&mut self, call: &'a Call, does: &'static [Does], marks: Marks) -> (Marks, Marks) {
        if does.iter().any(|word| CHOOSING.contains(word)) {
            let marks = if self.statements.contains(&call.span) { self.sites.mark(call.span) } else { 0 };
            return (marks, marks);
        }
        if does.contains(&Does::Relay) {
            self.sites.marked(marks).for_each(|site| self.faults.add(site, call.span));
        }
        (marks, marks)
    }

    fn read(&mut self, variable: &Mention<'a>, marks: Marks) -> Marks {
        match variable.name {
            "rc" | "retcode" | "?" | "du" | "dd" | "ru" | "rd" => 0,
            "xavp" if variable.key_name().is_some_and(|name| name.starts_with("_ds")) => 0,
            _ => marks,
        }
    }
}

fn check(subject: &Subject, findings: &mut Findings) {
    let script = subject.script();
    let calls = script.calls_that_any(CHOOSING).filter(|at| at.is_statement);
    let statements: FxHashSet<Span> = calls.map(|at| at.call.span).collect();
    if statements.is_empty() {
        return;
    }
    let walker = Ignored { statements, sites: Sites::new(MARKS), faults: Faults::default() };
    let enter = |kind, main| kind == RouteKind::Failure || kind == RouteKind::Request && main;
    for (site, relay) in Paths::new(script, walker).walk(enter).faults.0 {
        let next = script.calls_that(Does::NextDestination).any(|at| at.call.span == site);
        let effect = match next {
            true => "when no destination is left, the request goes to the one that has just failed",
            false => {
                "when the set has no healthy destination, the request goes where its URI points: back here, perhaps"
            }
        };
        findings
            .add("the result of this selection is ignored", site)
            .add_label(relay, "relayed whatever came of it")
            .add_note(effect)
            .add_help("write if (...) { t_relay(); } and answer 503 otherwise");
    }
}
