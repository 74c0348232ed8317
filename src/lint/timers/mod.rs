//! Durations and their units.

mod ban_never_expires;
mod ds_detect_slower_than_ping;
mod tcp_lifetime_below_expires;
mod tm_order;
mod tm_timer_looks_like_seconds;
mod unit_suspicious;

use super::{Rule, Subject};
use crate::builtin::parse_int;
use crate::source::Span;

pub(super) static RULES: &[&Rule] = &[
    &tm_timer_looks_like_seconds::RULE,
    &tm_order::BELOW_RTT,
    &tm_order::ABOVE_LIFETIME,
    &tm_order::BELOW_FR,
    &tm_order::RETRANSMIT,
    &unit_suspicious::RULE,
    &ds_detect_slower_than_ping::RULE,
    &tcp_lifetime_below_expires::RULE,
    &ban_never_expires::RULE,
];

/// A timer of `tm`, in milliseconds, and where it is set.
#[derive(Clone, Copy)]
struct Timer {
    millis: i64,
    span: Option<Span>,
}

/// A timer as the config sets it, or its default. None when `tm` is not loaded, or the number is taken for seconds.
fn tm_timer(subject: &Subject, name: &str) -> Option<Timer> {
    subject.loaded("tm")?;
    match subject.param("tm", name) {
        Some(given) => {
            let millis = given.int().filter(|number| *number >= 1000 || name == "retr_timer1")?;
            Some(Timer { millis, span: Some(given.span()) })
        }
        None => {
            let tm = subject.config.registry.loaded().iter().find(|module| module.name == "tm")?;
            let default = tm.params.iter().find(|param| param.names.contains(&name))?.default?;
            Some(Timer { millis: parse_int(default.as_bytes())?, span: None })
        }
    }
}

/// A duration in the unit that people think in.
fn spoken_millis(millis: i64) -> String {
    match millis {
        ..1000 => format!("{millis} ms"),
        120_000..7_200_000 if millis % 60_000 == 0 => format!("{} minutes", millis / 60_000),
        1000..7_200_000 => format!("{} s", millis as f64 / 1000.0),
        _ => format!("{} hours", millis / 3_600_000),
    }
}

fn of_default(timer: Timer) -> &'static str {
    if timer.span.is_some() { "" } else { " (its default)" }
}
