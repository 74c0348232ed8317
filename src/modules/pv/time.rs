//! The calendar: `$time`, `$timef`, `$TS` and their kin. There is no time zone here but UTC.

use super::{one_of, pick};
use crate::builtin::{Context, KeyKind, Value, Variable};
use bytes::Bytes;
use std::fmt::Write;
use std::time::Duration;

/// The variables.
pub(super) const ROWS: &[Variable] = &[
    Variable::read(&["TS", "Ts"], |cx, _, _| Value::Int(unix(cx)), "Seconds since 1970."),
    Variable::read(
        &["Tf", "TF"],
        |cx, _, _| formatted(unix(cx), b"%a %b %e %H:%M:%S %Y"),
        "The present, in the form Sat Nov 21 00:34:28 2026, UTC.",
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
    one_of(
        &["time", "utime"],
        KeyKind::Custom(|text, _| pick(text, FIELDS)),
        "A part of the present, UTC: sec, min, hour, mday, mon (1 to 12), year, wday (1 is Sunday), yday (from 1), isdst.",
    ),
    Variable::read(
        &["timef", "utimef"],
        |cx, key, _| {
            let format = key.text(cx);
            formatted(unix(cx), &format)
        },
        "The present, UTC, in a form that strftime describes: $timef(%Y-%m-%d).",
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
        let date = format(unix(cx), b"%F %T");
        Value::Text(Bytes::from(format!("{date}.{:06}", cx.now.unix.subsec_micros())))
    }),
];

const FIELDS: &[(&str, super::Get)] = &[
    ("sec", |cx| field(cx, |civil| civil.second)),
    ("min", |cx| field(cx, |civil| civil.minute)),
    ("hour", |cx| field(cx, |civil| civil.hour)),
    ("mday", |cx| field(cx, |civil| civil.day)),
    ("mon", |cx| field(cx, |civil| civil.month)),
    ("year", |cx| field(cx, |civil| civil.year)),
    ("wday", |cx| field(cx, |civil| civil.weekday + 1)),
    ("yday", |cx| field(cx, |civil| civil.day_of_year)),
    ("isdst", |_| Value::Int(0)),
];

fn unix(cx: &Context) -> i64 {
    cx.now.unix.as_secs() as i64
}

fn field(cx: &mut Context, part: fn(&Civil) -> i64) -> Value {
    Value::Int(part(&Civil::of(unix(cx))))
}

/// The second of 1970-based time in a form that `strftime` describes.
pub(super) fn formatted(unix: i64, form: &[u8]) -> Value {
    Value::Text(Bytes::from(format(unix, form)))
}

/// A date and time of day, UTC.
struct Civil {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    /// 0 is Sunday.
    weekday: i64,
    /// From 1.
    day_of_year: i64,
}

impl Civil {
    /// Days are counted in eras of 400 years that begin on 1 March, so that a leap day ends its year.
    fn of(unix: i64) -> Civil {
        let (days, second) = (unix.div_euclid(86_400), unix.rem_euclid(86_400));
        let shifted = days + 719_468;
        let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let day_from_march = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_from_march + 2) / 153;
        let day = day_from_march - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = era * 400 + year_of_era + i64::from(month <= 2);
        let leap = i64::from(year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
        let day_of_year = if month <= 2 { day_from_march - 305 } else { day_from_march + 60 + leap };
        Civil {
            year,
            month,
            day,
            hour: second / 3600,
            minute: second / 60 % 60,
            second: second % 60,
            weekday: (days + 4).rem_euclid(7),
            day_of_year,
        }
    }
}

const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

fn format(unix: i64, form: &[u8]) -> String {
    let civil = Civil::of(unix);
    let mut out = String::with_capacity(form.len() * 2);
    let form = String::from_utf8_lossy(form);
    let mut letters = form.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            out.push(letter);
            continue;
        }
        let Some(which) = letters.next() else { break };
        // Writing to a string does not fail.
        let _ = conversion(&civil, unix, which, &mut out);
    }
    out
}

fn conversion(civil: &Civil, unix: i64, which: char, out: &mut String) -> std::fmt::Result {
    let Civil { year, month, day, hour, minute, second, weekday, day_of_year } = *civil;
    let day_name = DAYS.get(weekday as usize).copied().unwrap_or_default();
    let month_name = MONTHS.get(month as usize - 1).copied().unwrap_or_default();
    let twelve = if hour % 12 == 0 { 12 } else { hour % 12 };
    // Monday is the first day of an ISO week.
    let from_monday = (weekday + 6) % 7;
    match which {
        'Y' => write!(out, "{year}"),
        'C' => write!(out, "{:02}", year / 100),
        'y' => write!(out, "{:02}", year % 100),
        'm' => write!(out, "{month:02}"),
        'd' => write!(out, "{day:02}"),
        'e' => write!(out, "{day:2}"),
        'H' => write!(out, "{hour:02}"),
        'k' => write!(out, "{hour:2}"),
        'I' => write!(out, "{twelve:02}"),
        'l' => write!(out, "{twelve:2}"),
        'M' => write!(out, "{minute:02}"),
        'S' => write!(out, "{second:02}"),
        'p' => out.write_str(if hour < 12 { "AM" } else { "PM" }),
        'j' => write!(out, "{day_of_year:03}"),
        'a' => out.write_str(day_name.get(..3).unwrap_or_default()),
        'A' => out.write_str(day_name),
        'b' | 'h' => out.write_str(month_name.get(..3).unwrap_or_default()),
        'B' => out.write_str(month_name),
        'u' => write!(out, "{}", from_monday + 1),
        'w' => write!(out, "{weekday}"),
        'U' => write!(out, "{:02}", (day_of_year + 6 - weekday) / 7),
        'W' => write!(out, "{:02}", (day_of_year + 6 - from_monday) / 7),
        'V' => write!(out, "{:02}", iso_week(civil).1),
        'G' => write!(out, "{}", iso_week(civil).0),
        'g' => write!(out, "{:02}", iso_week(civil).0 % 100),
        's' => write!(out, "{unix}"),
        'Z' => out.write_str("UTC"),
        'z' => out.write_str("+0000"),
        'n' => out.write_str("\n"),
        't' => out.write_str("\t"),
        '%' => out.write_str("%"),
        'D' | 'x' => write!(out, "{month:02}/{day:02}/{:02}", year % 100),
        'F' => write!(out, "{year}-{month:02}-{day:02}"),
        'T' | 'X' => write!(out, "{hour:02}:{minute:02}:{second:02}"),
        'R' => write!(out, "{hour:02}:{minute:02}"),
        'r' => write!(out, "{twelve:02}:{minute:02}:{second:02} {}", if hour < 12 { "AM" } else { "PM" }),
        'c' => {
            let (day_name, month_name) =
                (day_name.get(..3).unwrap_or_default(), month_name.get(..3).unwrap_or_default());
            write!(out, "{day_name} {month_name} {day:2} {hour:02}:{minute:02}:{second:02} {year}")
        }
        other => write!(out, "%{other}"),
    }
}

/// Year and week of ISO 8601: a week belongs to the year that its Thursday lies in.
fn iso_week(civil: &Civil) -> (i64, i64) {
    let from_monday = (civil.weekday + 6) % 7;
    let week = (civil.day_of_year - from_monday + 9) / 7;
    if week < 1 {
        let year = civil.year - 1;
        return (year, weeks(year));
    }
    if week > weeks(civil.year) { (civil.year + 1, 1) } else { (civil.year, week) }
}

fn weeks(year: i64) -> i64 {
    let last = |year: i64| (year + year / 4 - year / 100 + year / 400) % 7;
    if last(year) == 4 || last(year - 1) == 3 { 53 } else { 52 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        let cases = [
            (1_795_221_402, "%Y-%m-%d %H:%M:%S %j %a %B %e %p %I", "2026-11-21 00:36:42 325 Sat November 21 AM 12"),
            (1_795_221_402, "%D %R %u %w %U %W %V %G", "11/21/26 00:36 6 6 46 46 47 2026"),
            (1_795_221_402, "%c", "Sat Nov 21 00:36:42 2026"),
            (0, "%F %T %j %A %V %G", "1970-01-01 00:00:00 001 Thursday 01 1970"),
            (951_782_400, "%F %j %a", "2000-02-29 060 Tue"),
            (951_868_800, "%F %j", "2000-03-01 061"),
            (1_104_537_600, "%F %j %V %G %U", "2005-01-01 001 53 2004 00"),
            (1_230_768_000 - 86_400, "%F %j %V %G", "2008-12-31 366 01 2009"),
            (1_709_251_199, "%F %T", "2024-02-29 23:59:59"),
            (-1, "%F %T %a%%%q", "1969-12-31 23:59:59 Wed%%q"),
        ];
        for (unix, form, text) in cases {
            assert_eq!(format(unix, form.as_bytes()), text, "{form} of {unix}");
        }
    }
}
