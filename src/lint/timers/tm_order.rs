//! Timers of `tm` that do not fit each other.

use super::{of_default, spoken_millis, tm_timer};
use crate::lint::{Findings, Rule, Severity, Subject};

const TM: &str = "https://www.kamailio.org/docs/modules/stable/modules/tm.html#tm.p.fr_timer";

/// `fr_timer` hardly above the retransmission timer.
pub(super) static BELOW_RTT: Rule = Rule {
    code: "tm-timer-below-rtt",
    severity: Severity::Warning,
    finds: "An fr_timer of a second or more that is below four times retr_timer1.",
    why: "A request is sent again after retr_timer1, then after twice that time. Below four times retr_timer1 there is room for one repetition, \
          so a single lost packet on the way fails the call.",
    instead: "Leave room for several repetitions: RFC 3261 waits 64 times the first interval.",
    reference: "RFC 3261 section 17.1.1.2",
    check: below_rtt,
};

/// `fr_inv_timer` that never ends.
pub(super) static ABOVE_LIFETIME: Rule = Rule {
    code: "tm-inv-timer-above-lifetime",
    severity: Severity::Warning,
    finds: "An fr_inv_timer above max_inv_lifetime.",
    why: "max_inv_lifetime ends every INVITE transaction, so what fr_inv_timer has beyond it never counts: the phone stops ringing earlier than \
          the config says.",
    instead: "Raise max_inv_lifetime above fr_inv_timer, or lower fr_inv_timer.",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/tm.html#tm.p.max_inv_lifetime",
    check: above_lifetime,
};

/// `fr_inv_timer` below `fr_timer`.
pub(super) static BELOW_FR: Rule = Rule {
    code: "tm-inv-timer-below-fr",
    severity: Severity::Warning,
    finds: "An fr_inv_timer below fr_timer.",
    why: "fr_timer waits for any sign of life, fr_inv_timer for somebody to pick up. Waiting longer for the first than for the second is nearly \
          always a pair of swapped numbers: phones ring for a moment, and dead gateways hold the call for long.",
    instead: "Swap the two numbers: fr_timer a few seconds, fr_inv_timer a minute or two.",
    reference: TM,
    check: below_fr,
};

/// `retr_timer1` not below `fr_timer`.
pub(super) static RETRANSMIT: Rule = Rule {
    code: "tm-retransmit-slower-than-fr",
    severity: Severity::Warning,
    finds: "A retr_timer1 that is not below fr_timer.",
    why: "The transaction has failed before the request is sent a second time, so every lost packet is a failed call.",
    instead: "Keep retr_timer1 at 500, the T1 of RFC 3261, and fr_timer at several seconds.",
    reference: TM,
    check: retransmit,
};

fn below_rtt(subject: &Subject, findings: &mut Findings) {
    let (Some(fr), Some(retr)) = (tm_timer(subject, "fr_timer"), tm_timer(subject, "retr_timer1")) else { return };
    let Some(span) = fr.span else { return };
    if fr.millis <= retr.millis || fr.millis >= 4 * retr.millis {
        return;
    }
    let message = format!("fr_timer is {}, room for one retransmission", spoken_millis(fr.millis));
    let found = findings.add(message, span);
    if let Some(span) = retr.span {
        found.add_label(span, "the first retransmission");
    }
    found
        .add_note(format!("retr_timer1 is {}{}", spoken_millis(retr.millis), of_default(retr)))
        .add_help(format!("write {} or more", 4 * retr.millis));
}

fn above_lifetime(subject: &Subject, findings: &mut Findings) {
    let (Some(inv), Some(life)) = (tm_timer(subject, "fr_inv_timer"), tm_timer(subject, "max_inv_lifetime")) else {
        return;
    };
    if inv.millis <= life.millis {
        return;
    }
    let Some(span) = inv.span.or(life.span) else { return };
    let (inv_text, life_text) = (spoken_millis(inv.millis), spoken_millis(life.millis));
    let message = format!(
        "fr_inv_timer is {inv_text}{}, but an INVITE lives {life_text}{} at most",
        of_default(inv),
        of_default(life)
    );
    let found = findings.add(message, span);
    if let Some(span) = life.span.filter(|_| inv.span.is_some()) {
        found.add_label(span, "this ends it first");
    }
    found.add_help(format!("add modparam(\"tm\", \"max_inv_lifetime\", {})", inv.millis + 60_000));
}

fn below_fr(subject: &Subject, findings: &mut Findings) {
    let (Some(inv), Some(fr)) = (tm_timer(subject, "fr_inv_timer"), tm_timer(subject, "fr_timer")) else { return };
    if inv.millis >= fr.millis {
        return;
    }
    let Some(span) = inv.span.or(fr.span) else { return };
    let (inv_text, fr_text) = (spoken_millis(inv.millis), spoken_millis(fr.millis));
    let message =
        format!("fr_inv_timer, {inv_text}{}, is shorter than fr_timer, {fr_text}{}", of_default(inv), of_default(fr));
    let found = findings.add(message, span);
    if let Some(span) = fr.span.filter(|_| inv.span.is_some()) {
        found.add_label(span, "how long a silent next hop is waited for");
    }
    found.add_help(
        "fr_timer waits for the first answer, fr_inv_timer for the callee to pick up: swap them if they are swapped",
    );
}

fn retransmit(subject: &Subject, findings: &mut Findings) {
    let Some(retr) = tm_timer(subject, "retr_timer1") else { return };
    // An fr_timer that is read as seconds here is one tick in Kamailio: nothing is ever sent again there.
    let fr = subject.param("tm", "fr_timer").and_then(|given| given.int());
    let fr = fr.or_else(|| tm_timer(subject, "fr_timer").map(|timer| timer.millis)).unwrap_or(i64::MAX);
    let Some(span) = retr.span.filter(|_| retr.millis >= fr) else { return };
    let found =
        findings.add(format!("retr_timer1 is {}, fr_timer {}", spoken_millis(retr.millis), spoken_millis(fr)), span);
    if let Some(given) = subject.param("tm", "fr_timer") {
        found.add_label(given.span(), "the transaction fails by then");
    }
    found.add_note("no request is ever sent a second time").add_help("write 500, or raise fr_timer");
}
