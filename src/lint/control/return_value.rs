//! What `return` gives.

use crate::config::ast::{Expression, ExpressionKind, Jump, SettingValue, StatementKind, UnaryOperator};
use crate::lint::{Findings, Rule, Severity, Subject};

/// `return 0`.
pub(super) static ZERO: Rule = Rule {
    code: "return-zero",
    severity: Severity::Warning,
    finds: "return 0, also with parentheses.",
    why: "In Kamailio it does not return: 0 ends the whole script, as exit does. The statements after the call never run.",
    instead: "Write return 1; for true, return -1; for false, and exit; where the script should end.",
    reference: "https://www.kamailio.org/wikidocs/cookbooks/devel/core/",
    check: zero,
};

/// `return_mode` that turns negative values around.
pub(super) static MODE_MIXED: Rule = Rule {
    code: "return-mode-mixed",
    severity: Severity::Portability,
    finds: "return_mode=1 together with a condition that relies on negative values being false.",
    why: "With that setting every value but 0 is true, so if (route(X)) holds for return -1 as well, and return 0 no longer ends the script.",
    instead: "Compare the value: if (route(X) > 0), or leave return_mode alone.",
    reference: "https://www.kamailio.org/wikidocs/cookbooks/devel/core/",
    check: mode_mixed,
};

fn zero(subject: &Subject, findings: &mut Findings) {
    for (_, list) in &subject.script().lists {
        for statement in *list {
            if let StatementKind::Jump(Jump::Return, Some(Expression { kind: ExpressionKind::Int(0), .. })) =
                &statement.kind
            {
                let found = findings.add("return 0 ends the whole script, like exit", statement.span);
                found.add_help("write return -1; for false, or exit; if the script should end");
            }
        }
    }
}

fn mode_mixed(subject: &Subject, findings: &mut Findings) {
    let mut modes = subject.settings("return_mode");
    let Some(mode) = modes.find(|its| matches!(its.values.first(), Some(SettingValue::Int(1, _)))) else { return };
    for question in &subject.script().questions {
        let call = match &question.kind {
            ExpressionKind::Call(call) => call,
            ExpressionKind::Unary(UnaryOperator::Not, inner) => match &inner.kind {
                ExpressionKind::Call(call) => call,
                _ => continue,
            },
            _ => continue,
        };
        if call.name.text == "route" {
            let found = findings.add("a negative value of this route is true here", call.span);
            found.add_label(mode.span, "return_mode 1 takes every value but 0 for true");
            found.add_help("compare the value: if (route(X) > 0)");
        }
    }
}
