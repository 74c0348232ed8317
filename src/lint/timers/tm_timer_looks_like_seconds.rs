//! Transaction timers in seconds.

use super::spoken_millis;
use crate::builtin::Means;
use crate::config::ast::{Expression, ExpressionKind};
use crate::lint::{Findings, Rule, Severity, Subject};
use crate::source::Span;

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "tm-timer-looks-like-seconds",
    severity: Severity::Warning,
    finds: "A timer of tm, or an argument of t_set_fr and t_set_max_lifetime, below 1000.",
    why: "These timers count milliseconds. In Kamailio everything up to 62 is one tick of its timer, so with both failure timers small an INVITE \
          is answered 408 and cancelled a few milliseconds after it came, even though the next hop has answered 100. Going from 5 to 30 changes \
          nothing, which hides the cause. SER and OpenSIPS count the same timers in seconds. alanui reads a parameter below 100 as seconds.",
    instead: "Write milliseconds: 30000 for half a minute.",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/tm.html#tm.p.fr_timer",
    check,
};

/// The parameters.
pub(super) static TIMERS: &[&str] =
    &["fr_timer", "fr_inv_timer", "wt_timer", "max_inv_lifetime", "max_noninv_lifetime"];
/// The length of a tick of Kamailio's timer, rounded down.
const TICK: i64 = 62;
/// A number up to here is certainly no duration in milliseconds.
const CERTAIN: i64 = 120;

fn check(subject: &Subject, findings: &mut Findings) {
    for name in TIMERS {
        for given in subject.params("tm", name) {
            if let Some(number) = given.int().filter(is_small) {
                tell(name, number, given.span(), given.span(), findings);
                if number < 100 {
                    findings.note_last("alanui reads a parameter below 100 as seconds, unless under --strict");
                }
                tell_of_other(subject, name, findings);
            }
        }
    }
    for at in &subject.script().calls {
        for (means, arg) in subject.script().arguments(at.call) {
            let Means::Timer(timer) = means else { continue };
            if let Some(number) = number(arg).filter(is_small) {
                let digits = subject.narrow(arg.span, number.to_string().as_bytes());
                tell(timer, number, arg.span, digits, findings);
            }
        }
    }
}

fn is_small(number: &i64) -> bool {
    (1..1000).contains(number)
}

fn number(arg: &Expression) -> Option<i64> {
    match &arg.kind {
        ExpressionKind::Int(number) => Some(*number),
        ExpressionKind::Text(text) => std::str::from_utf8(text).ok()?.trim().parse().ok(),
        _ => None,
    }
}

fn tell(name: &str, number: i64, span: Span, digits: Span, findings: &mut Findings) {
    let found = findings.add(format!("{name} is {number} ms"), span);
    if number <= TICK {
        found.add_note(format!("Kamailio rounds up to one 62.5 ms tick: 1 to {TICK} all do the same"));
    }
    let effect = match name {
        "fr_timer" => "a next hop that has not answered finally by then counts as dead: 408, or the failure_route",
        "fr_inv_timer" => "a callee that rings longer than that is cancelled, and the caller gets 408",
        "wt_timer" => "a retransmission that comes later counts as a request of its own",
        _ => "a transaction that lives longer is ended, whatever state it is in",
    };
    found.add_note(effect);
    let wanted = number * 1000;
    found.add_help(format!("write {wanted} if you mean {}", spoken_millis(wanted)));
    if number <= CERTAIN {
        found.add_fix(digits, wanted.to_string());
    }
}

/// Both failure timers small is worse than one.
fn tell_of_other(subject: &Subject, name: &str, findings: &mut Findings) {
    let other = match name {
        "fr_timer" => "fr_inv_timer",
        "fr_inv_timer" => "fr_timer",
        _ => return,
    };
    let Some(given) = subject.param("tm", other).filter(|given| given.int().is_some_and(|number| is_small(&number)))
    else {
        return;
    };
    findings.label_last(given.span(), format!("{other} is as short: 100 Trying does not help"));
}
