//! Branches so deep that Kamailio does not run them.

use crate::config::ast::{SettingValue, Statement, StatementKind};
use crate::lint::{Findings, Rule, Severity, Subject};
use crate::source::Span;

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "chain-too-deep",
    severity: Severity::Warning,
    finds: "A branch that stands deeper than max_recursive_level (256): in a long chain of `else if`, each is one level below the one before it.",
    why: "Kamailio loads the file. A request that comes to the branch ends with an error instead, and gets no answer. Here a chain is no deeper than its first if.",
    instead: "Write a switch, look the value up in an htable or with dialplan, or let several routes have a part of the chain each.",
    reference: "https://www.kamailio.org/wikidocs/cookbooks/devel/core/",
    check,
};

/// The level of Kamailio when the config sets none.
const LEVEL: usize = 256;

fn check(subject: &Subject, findings: &mut Findings) {
    let given = subject.settings("max_recursive_level").next_back();
    let most = match given.and_then(|setting| setting.values.first()) {
        Some(SettingValue::Int(level, _)) => usize::try_from(*level).unwrap_or(0),
        _ => LEVEL,
    };
    for route in subject.routes() {
        let mut walk = Walk { most, deep: Vec::new() };
        walk.statements(&route.body.statements, 1);
        for (level, span) in walk.deep {
            let message = format!("Kamailio does not come here: this is level {level} of blocks, and {most} are run");
            findings.add(message, span).add_note(
                "each `else if` is one level below the one before it; routes that are called add theirs to those of their caller",
            );
        }
    }
}

/// The first branch of each chain that is too deep.
struct Walk {
    most: usize,
    deep: Vec<(usize, Span)>,
}

impl Walk {
    /// Statements that Kamailio runs at this level.
    fn statements(&mut self, statements: &[Statement], level: usize) {
        for statement in statements {
            for (within, deeper, span) in inside(&statement.kind) {
                if level + deeper > self.most {
                    self.deep.push((level + deeper, span));
                    break;
                }
                self.statements(within, level + deeper);
            }
        }
    }
}

/// The blocks of a statement, each with how many levels it is below it, and its place.
fn inside(statement: &StatementKind) -> Vec<(&[Statement], usize, Span)> {
    match statement {
        StatementKind::If { first, more, otherwise } => {
            let branches = std::iter::once(first).chain(more);
            let branches = branches.map(|branch| (branch.then.statements.as_slice(), branch.span));
            let rest = otherwise.iter().map(|block| (block.statements.as_slice(), block.span));
            // What is left when no condition holds is as deep as the last of them.
            let last = more.len() + 1;
            let blocks = branches.chain(rest).enumerate();
            blocks.map(|(at, (block, span))| (block, (at + 1).min(last), span)).collect()
        }
        StatementKind::While { body, .. } => vec![(&body.statements, 1, body.span)],
        StatementKind::Switch { cases, .. } => cases.iter().map(|case| (case.body.as_slice(), 1, case.span)).collect(),
        _ => Vec::new(),
    }
}
