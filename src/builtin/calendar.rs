//! Dates as people and other programs write them, of seconds since 1970.

use jiff::fmt::strtime::{BrokenDownTime, Config, PosixCustom};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime, civil};

/// The time where the server stands; the nearest end of what the calendar knows for a second beyond it.
pub fn local(zone: &TimeZone, unix: i64) -> ZonedDateTime {
    let clamped = unix.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
    Timestamp::from_second(clamped).unwrap_or_default().to_zoned_datetime(zone.clone())
}

/// A second in a form that `strftime` describes; what is no conversion stands as it is.
pub fn formatted(zone: &TimeZone, unix: i64, form: &[u8]) -> String {
    let config = Config::new().custom(PosixCustom::new()).lenient(true);
    let form = String::from_utf8_lossy(form);
    let mut out = String::with_capacity(form.len() * 2);
    // Lenient formatting has no fault of its own, and a string takes all.
    let _ = BrokenDownTime::from(&local(zone, unix)).format_with_config(&config, &*form, &mut out);
    out
}

/// The value of a Date header (RFC 3261 section 20.17): always GMT.
pub fn date_header(unix: i64) -> String {
    formatted(&TimeZone::UTC, unix, b"%a, %d %b %Y %H:%M:%S GMT")
}

/// The second that a Date header names.
pub fn read_date_header(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    // The day of the week follows from the date; what it says is not looked at.
    let date = text.split_once(',')?.1.trim();
    let date = civil::DateTime::strptime("%d %b %Y %H:%M:%S GMT", date).ok()?;
    Some(TimeZone::UTC.to_timestamp(date).ok()?.as_second())
}

/// The second of `2026-01-31`, `2026-01-31 12:00:00` or either with a `T` between, UTC.
pub fn read_date(text: &str) -> Option<i64> {
    let midnight = || text.parse::<civil::Date>().ok().map(|date| date.at(0, 0, 0, 0));
    let date = text.parse::<civil::DateTime>().ok().or_else(midnight)?;
    Some(TimeZone::UTC.to_timestamp(date).ok()?.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokyo() -> TimeZone {
        jiff::tz::TimeZoneDatabase::bundled().get("Asia/Tokyo").unwrap()
    }

    #[test]
    fn forms() {
        let cases = [
            (1_795_221_402, "%Y-%m-%d %H:%M:%S %j %a %B %e %p %I", "2026-11-21 00:36:42 325 Sat November 21 AM 12"),
            (1_795_221_402, "%D %R %u %w %U %W %V %G", "11/21/26 00:36 6 6 46 46 47 2026"),
            (1_795_221_402, "%c | %x | %X | %r", "Sat Nov 21 00:36:42 2026 | 11/21/26 | 00:36:42 | 12:36:42 AM"),
            (0, "%F %T %j %A %V %G %Z %z %s", "1970-01-01 00:00:00 001 Thursday 01 1970 UTC +0000 0"),
            (951_782_400, "%F %j %a", "2000-02-29 060 Tue"),
            (1_104_537_600, "%F %j %V %G %U %g %C", "2005-01-01 001 53 2004 00 04 20"),
            (1_230_768_000 - 86_400, "%F %j %V %G", "2008-12-31 366 01 2009"),
            (-1, "%F %T %a%%", "1969-12-31 23:59:59 Wed%"),
        ];
        for (unix, form, text) in cases {
            assert_eq!(formatted(&TimeZone::UTC, unix, form.as_bytes()), text, "{form} of {unix}");
        }
        assert_eq!(formatted(&tokyo(), 0, b"%F %T %Z %z"), "1970-01-01 09:00:00 JST +0900");
        for unix in [i64::MIN, i64::MAX] {
            assert!(formatted(&tokyo(), unix, b"%F").contains('-'));
        }
    }

    /// Each conversion, beside what the C library makes of it.
    #[cfg(target_env = "gnu")]
    #[test]
    fn conversions_as_the_c_library_makes_them() {
        for letter in "aAbBcCdDeFgGhHIjklmMnpPrRsStTuUVwWxXyYz%".chars() {
            for flag in ["", "-", "_", "0", "^"] {
                let form = format!("%{flag}{letter}");
                // The C library writes these as blanks too, or leaves the flag without effect; nobody asks for them.
                if matches!(
                    (flag, letter),
                    (
                        "_" | "0" | "^" | "-",
                        'c' | 'x' | 'X' | 'r' | 'D' | 'F' | 'R' | 'T' | 'z' | 's' | 'n' | 't' | '%' | 'p' | 'P'
                    )
                ) || matches!((flag, letter), ("_" | "0" | "-", 'a' | 'A' | 'b' | 'B' | 'h'))
                {
                    continue;
                }
                for unix in [0, 951_782_400, 1_104_537_600, 1_230_681_600, 1_709_251_199, 1_795_221_402, 1_795_264_602]
                {
                    assert_eq!(
                        formatted(&TimeZone::UTC, unix, form.as_bytes()),
                        c_library(unix, &form),
                        "{form} of {unix}"
                    );
                }
            }
        }
    }

    #[cfg(target_env = "gnu")]
    fn c_library(unix: i64, form: &str) -> String {
        let form = std::ffi::CString::new(form).unwrap();
        let mut out = [0u8; 200];
        // SAFETY: the form ends in a NUL, and the size of the buffer is told.
        let length = unsafe {
            let mut parts = std::mem::zeroed::<libc::tm>();
            libc::gmtime_r(&unix, &mut parts);
            libc::strftime(out.as_mut_ptr().cast(), out.len(), form.as_ptr(), &parts)
        };
        String::from_utf8(out[..length].to_vec()).unwrap()
    }

    #[test]
    fn headers_and_databases() {
        assert_eq!(date_header(1_700_000_000), "Tue, 14 Nov 2023 22:13:20 GMT");
        for (text, seconds) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Tue, 14 Nov 2023 22:13:20 GMT", Some(1_700_000_000)),
            ("Thu, 29 Feb 2024 00:00:01 GMT", Some(1_709_164_801)),
            ("Thu, 29 Feb 2024 00:00:01 CET", None),
            ("Thu, 30 Feb 2024 00:00:01 GMT", None),
            ("soon", None),
        ] {
            assert_eq!(read_date_header(text.as_bytes()), seconds, "{text}");
        }
        for (text, seconds) in [
            ("1970-01-01 00:00:00", Some(0)),
            ("2026-01-31 12:00:01", Some(1_769_860_801)),
            ("2026-01-31T12:00:01", Some(1_769_860_801)),
            ("2024-02-29", Some(1_709_164_800)),
            ("2023-02-29", None),
            ("soon", None),
        ] {
            assert_eq!(read_date(text), seconds, "{text}");
        }
    }
}
