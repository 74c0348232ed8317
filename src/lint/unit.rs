//! A duration that was meant in another unit.

use super::Rule;
use crate::builtin::{ParamGivenValue, Unit, parse_int};
use crate::config::Config;
use crate::source::{Diagnostic, Level};

/// See the file.
pub(super) const RULE: Rule = Rule {
    code: "unit-suspicious",
    level: Level::Warning,
    doc: "A duration more than 20 times away from its default, towards the unit that other modules use: tm counts in milliseconds, most others in seconds.",
    check,
};

/// How far from its default a duration is taken for a mistake.
const FAR: i64 = 20;

fn check(rule: &Rule, config: &Config, diagnostics: &mut Vec<Diagnostic>) {
    for (module, param, given) in config.params() {
        let ParamGivenValue::Int(value) = given.value else { continue };
        let default = param.default.and_then(|text| parse_int(text.as_bytes())).unwrap_or(0);
        let (unit, meant) = match param.unit {
            // Below 100 an extension reads seconds, and says so itself.
            Unit::Milliseconds if (100..1000).contains(&value) && value * FAR < default => {
                ("milliseconds", value * 1000)
            }
            Unit::Seconds if value >= 1000 && value > default.max(30) * FAR => ("seconds", value / 1000),
            Unit::None | Unit::Bytes | Unit::Seconds | Unit::Milliseconds => continue,
        };
        let message = format!("{} of {module} counts {unit}: {}", given.name, spoken(value, param.unit));
        let diagnostic = Diagnostic::new(rule.level, rule.code, message, given.span)
            .note(format!("its default is {default}"))
            .help(format!("write {meant} if you mean {}", spoken(meant, param.unit)));
        diagnostics.push(diagnostic);
    }
}

/// A duration in the unit that people think in.
fn spoken(value: i64, unit: Unit) -> String {
    let millis = if unit == Unit::Seconds { value.saturating_mul(1000) } else { value };
    match millis {
        ..1000 => format!("{millis} ms"),
        120_000..7_200_000 if millis % 60_000 == 0 => format!("{} minutes", millis / 60_000),
        1000..7_200_000 => format!("{} s", millis as f64 / 1000.0),
        _ => format!("{} hours", millis / 3_600_000),
    }
}
