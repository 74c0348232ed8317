//! Loops that do not end by themselves.

use crate::builtin::Does;
use crate::config::ast::{BinaryOperator, Block, Expression, ExpressionKind, SettingValue, Statement, StatementKind};
use crate::config::walk::{self, Node};
use crate::lint::expressions::{self, is_code};
use crate::lint::flow::effect::literal;
use crate::lint::mentions;
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "unbounded-while",
    severity: Severity::Warning,
    finds: "A loop whose condition its body does not change, or one that wants more turns than Kamailio gives it.",
    why: "Kamailio cuts every loop at max_while_loops, 100 turns by default, writes an error, and goes on behind it with half-done data.",
    instead: "Change in the body what the condition asks for, leave with break;, or raise max_while_loops.",
    reference: "https://www.kamailio.org/wikidocs/cookbooks/devel/core/",
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    let cap = subject.settings("max_while_loops").next_back().and_then(|setting| match setting.values.first() {
        Some(SettingValue::Int(number, _)) => Some(*number),
        _ => None,
    });
    let cap = cap.unwrap_or(100);
    for (_, list) in &subject.script().lists {
        for statement in *list {
            let StatementKind::While { condition, body } = &statement.kind else { continue };
            if !moves(subject, condition, body, 3) {
                let found = findings.add("nothing in this loop changes what its condition asks for", condition.span);
                found.add_note(format!("it is cut after {cap} turns, with an error in the log"));
            } else if let Some(limit) = counted_to(condition).filter(|limit| cap > 0 && *limit > cap) {
                let found = findings
                    .add(format!("this loop counts to {limit}, and loops are cut after {cap} turns"), condition.span);
                found.add_help(format!("set max_while_loops={limit}"));
            }
        }
    }
}

/// Whether the body leaves the loop, or changes something that the condition reads.
fn moves(subject: &Subject, condition: &Expression, body: &Block, depth: u8) -> bool {
    let mut read: Vec<(String, String)> = Vec::new();
    let mut opaque = false;
    walk::expression(condition, &mut |node| opaque |= matches!(node, Node::Call(_) | Node::Assign(_)));
    mentions::in_expression(condition, &mut |mention| {
        // The return code changes with every call, and header lists and the like with the functions that step through them.
        opaque |= is_code(&mention) || !matches!(mention.name, "var" | "avp" | "vn" | "vz" | "shv" | "xavp");
        read.push((mention.name.to_owned(), mention.inner.unwrap_or_default().to_owned()));
    });
    opaque || changes(subject, &read, body, depth)
}

fn changes(subject: &Subject, read: &[(String, String)], body: &Block, depth: u8) -> bool {
    let is_read = |name: &str, inner: Option<&str>| {
        let inner = inner.unwrap_or_default();
        read.iter()
            .any(|(its, key)| its == name && (key == inner || inner.starts_with(key.split('=').next().unwrap_or(key))))
    };
    let mut moves = false;
    walk::block(body, &mut |node| match node {
        Node::Statement(Statement { kind: StatementKind::Jump(..) | StatementKind::Break, .. }) => moves = true,
        Node::Assign(assign) => {
            moves |= mentions::of(&assign.target).is_some_and(|target| is_read(target.name, target.inner));
        }
        Node::Call(call) if call.name.text == "route" => {
            let name = literal(call, 0);
            let called =
                subject.routes().find(|route| route.name.as_ref().map(|its| its.text.as_str()) == name.as_deref());
            moves |= depth == 0 || called.is_none_or(|route| changes(subject, read, &route.body, depth - 1));
        }
        Node::Call(call) => {
            // A function that is given the variable may write it.
            let logs = subject.script().does(call).contains(&Does::Log);
            let given = |arg: &Expression| {
                let mut found = false;
                if !logs {
                    expressions::in_argument(arg, &mut |mention| found |= is_read(mention.name, mention.inner));
                }
                found
            };
            moves |= call.args.iter().any(given);
        }
        _ => {}
    });
    moves
}

/// The number that `$var(i) < number` counts to.
fn counted_to(condition: &Expression) -> Option<i64> {
    let ExpressionKind::Binary(BinaryOperator::Less | BinaryOperator::LessEqual, left, right) = &condition.kind else {
        return None;
    };
    match (expressions::variable(left)?.name, &right.kind) {
        ("var", ExpressionKind::Int(limit)) => Some(*limit),
        _ => None,
    }
}
