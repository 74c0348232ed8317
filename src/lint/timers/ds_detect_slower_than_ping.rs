//! Health checks that are noticed late.

use super::{of_default, spoken_millis, tm_timer};
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "ds-detect-slower-than-ping",
    severity: Severity::Warning,
    finds: "A ds_ping_interval shorter than the fr_timer of tm.",
    why: "A ping is a transaction: that it stays unanswered is known after fr_timer, not after one interval. With an interval of 3 and fr_timer at \
          its default of 30000 a dead gateway is noticed after half a minute instead of three seconds, and calls go to it all the while.",
    instead: "Lower fr_timer below the interval, or count with fr_timer for the time a failure takes to show.",
    reference: "https://github.com/kamailio/kamailio/issues/3446",
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    let Some(interval) = subject.param("dispatcher", "ds_ping_interval") else { return };
    let Some(seconds) = interval.int().filter(|seconds| *seconds > 0) else { return };
    // Releases that have it let pings wait for a time of their own.
    if ["ds_ping_fr_timer", "ds_ping_fr_timeout"].iter().any(|name| subject.param("dispatcher", name).is_some()) {
        return;
    }
    let Some(fr) = tm_timer(subject, "fr_timer").filter(|fr| seconds.saturating_mul(1000) < fr.millis) else { return };
    let fr_text = spoken_millis(fr.millis);
    let message = format!("a gateway is pinged every {seconds} s, but its silence shows after {fr_text}");
    let found = findings.add(message, interval.span());
    if let Some(span) = fr.span {
        found.add_label(span, "an unanswered ping ends after this");
    }
    found.add_note(format!("fr_timer of tm is {fr_text}{}", of_default(fr)));
    let threshold =
        subject.param("dispatcher", "ds_probing_threshold").and_then(|given| given.int()).filter(|times| *times > 1);
    if let Some(times) = threshold {
        let total = fr.millis.saturating_add(seconds.saturating_mul(1000).saturating_mul(times - 1));
        found.add_note(format!(
            "with ds_probing_threshold {times} calls go to a dead gateway for about {}",
            spoken_millis(total)
        ));
    }
    found.add_help(format!("set fr_timer of tm below {}, or the interval above {}", seconds * 1000, fr.millis / 1000));
}
