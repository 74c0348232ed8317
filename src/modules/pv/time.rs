//! The calendar: `$time`, `$timef`, `$TS` and their kin, in the time zone of the server, or in UTC.

use super::{one_of, pick};
use crate::builtin::{Context, KeyKind, Value, Variable, calendar};
use bytes::Bytes;
use jiff::ZonedDateTime;
use jiff::tz::TimeZone;
use std::time::Duration;

/// The variables.
pub(super) const ROWS: &[Variable] = &[
    Variable::read(&["TS", "Ts"], |cx, _, _| Value::Int(unix(cx)), "Seconds since 1970."),
    Variable::read(
        &["Tf", "TF"],
        |cx, _, _| date(cx, &cx.core.zone, b"%a %b %e %H:%M:%S %Y"),
        "The present, in the form Sat Nov 21 00:34:28 2026, local time.",
    ),
    Variable::read(
        &["Tb"],
        |cx, _, _| {
            Value::Int(cx.now.unix.saturating_sub(Duration::from_micros(cx.now.tick.as_micros())).as_secs() as i64)
        },
        "When the server started, in seconds since 1970.",
    ),
    one_of(
        &["TV"],
        KeyKind::Custom(|text, _| pick(text, PRECISE)),
        "The present with microseconds: s and sn seconds, u and un the microseconds beyond, Sn both with a dot, Fn as a date.",
    ),
    one_of(&["time"], KeyKind::Custom(|text, _| pick(text, LOCAL)), FIELDS_DOC),
    one_of(&["utime"], KeyKind::Custom(|text, _| pick(text, UTC)), "The same, UTC."),
    Variable::read(
        &["timef"],
        |cx, key, _| {
            let form = key.text(cx);
            date(cx, &cx.core.zone, &form)
        },
        "The present, local time, in a form that strftime describes: $timef(%Y-%m-%d).",
    )
    .keyed(KeyKind::Text),
    Variable::read(
        &["utimef"],
        |cx, key, _| {
            let form = key.text(cx);
            date(cx, &TimeZone::UTC, &form)
        },
        "The same, UTC.",
    )
    .keyed(KeyKind::Text),
];

const PRECISE: &[(&str, super::Get)] = &[
    ("s", |cx| Value::Int(unix(cx))),
    ("sn", |cx| Value::Int(unix(cx))),
    ("u", |cx| Value::Int(cx.now.unix.subsec_micros().into())),
    ("un", |cx| Value::Int(cx.now.unix.subsec_micros().into())),
    ("Sn", |cx| Value::Text(Bytes::from(format!("{}.{:06}", unix(cx), cx.now.unix.subsec_micros())))),
    ("Sm", |cx| Value::Text(Bytes::from(format!("{}.{:03}", unix(cx), cx.now.unix.subsec_millis())))),
    ("Fn", |cx| {
        let date = calendar::formatted(&cx.core.zone, unix(cx), b"%F %T");
        Value::Text(Bytes::from(format!("{date}.{:06}", cx.now.unix.subsec_micros())))
    }),
];

const FIELDS_DOC: &str = "A part of the present, local time: sec, min, hour, mday, mon (1 to 12), year, wday (1 is Sunday), yday (from 1), isdst.";

/// The parts of the present in the zone that an expression over `cx` names.
macro_rules! parts {
    ($name:ident, $zone:expr) => {
        const $name: &[(&str, super::Get)] = &[
            ("sec", |cx| part(cx, $zone, |now| now.second().into())),
            ("min", |cx| part(cx, $zone, |now| now.minute().into())),
            ("hour", |cx| part(cx, $zone, |now| now.hour().into())),
            ("mday", |cx| part(cx, $zone, |now| now.day().into())),
            ("mon", |cx| part(cx, $zone, |now| now.month().into())),
            ("year", |cx| part(cx, $zone, |now| now.year().into())),
            ("wday", |cx| part(cx, $zone, |now| now.weekday().to_sunday_one_offset().into())),
            ("yday", |cx| part(cx, $zone, |now| now.day_of_year().into())),
            ("isdst", |cx| {
                part(cx, $zone, |now| now.time_zone().to_offset_info(now.timestamp()).dst().is_dst().into())
            }),
        ];
    };
}

parts!(LOCAL, |cx: &Context| cx.core.zone.clone());
parts!(UTC, |_: &Context| TimeZone::UTC);

fn part(cx: &Context, zone: fn(&Context) -> TimeZone, part: fn(&ZonedDateTime) -> i64) -> Value {
    Value::Int(part(&calendar::local(&zone(cx), unix(cx))))
}

fn unix(cx: &Context) -> i64 {
    cx.now.unix.as_secs() as i64
}

fn date(cx: &Context, zone: &TimeZone, form: &[u8]) -> Value {
    Value::Text(Bytes::from(calendar::formatted(zone, unix(cx), form)))
}
