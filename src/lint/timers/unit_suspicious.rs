//! A duration that was meant in another unit.

use super::spoken_millis;
use super::tm_timer_looks_like_seconds::TIMERS;
use crate::builtin::{ParamGivenValue, Unit, parse_int};
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "unit-suspicious",
    severity: Severity::Warning,
    finds: "A duration more than 20 times away from its default, towards the unit that other modules use.",
    why: "Modules disagree on units: tm counts in milliseconds; dispatcher, htable, registrar and the TCP settings in seconds. A number copied \
          from another module, or from another server, is off by a factor of 1000.",
    instead: "Write the duration in the unit of this parameter; the message says which.",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/tm.html",
    check,
};

/// How far from its default a duration is taken for a mistake.
const FAR: i64 = 20;

fn check(subject: &Subject, findings: &mut Findings) {
    for (module, param, given) in subject.config.params() {
        let ParamGivenValue::Int(value) = given.value else { continue };
        // They have a rule of their own.
        if module == "tm" && TIMERS.contains(&given.name) {
            continue;
        }
        let default = param.default.and_then(|text| parse_int(text.as_bytes())).unwrap_or(0);
        let (unit, meant) = match param.unit {
            // Below 100 an extension reads seconds, and says so itself.
            Unit::Milliseconds if (100..1000).contains(&value) && value * FAR < default => {
                ("milliseconds", value * 1000)
            }
            // People think in round numbers: milliseconds come in thousands. A long time of another kind is meant as it stands: 3605 s outlive a
            // registration of an hour, and ten hours are 36000 s.
            Unit::Seconds if value % 1000 != 0 || value % 3600 == 0 => continue,
            Unit::Seconds if value > default.max(30) * FAR => ("seconds", value / 1000),
            Unit::None | Unit::Bytes | Unit::Seconds | Unit::Milliseconds => continue,
        };
        let message = format!("{} of {module} counts {unit}: {}", given.name, spoken(value, param.unit));
        findings
            .add(message, given.span)
            .add_note(format!("its default is {default}"))
            .add_help(format!("write {meant} if you mean {}", spoken(meant, param.unit)));
    }
}

fn spoken(value: i64, unit: Unit) -> String {
    spoken_millis(if unit == Unit::Seconds { value.saturating_mul(1000) } else { value })
}
