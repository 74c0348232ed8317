//! `db_sqlite`: SQLite as a database of other modules, and what its URLs mean.

use crate::builtin::{Changes, Dialect, Extension, Extensions, Module, Param, Unit, Value, calendar};
use bytes::Bytes;
use std::borrow::Cow;
use std::path::PathBuf;

/// The module.
pub static MODULE: Module = Module {
    params: &[
        Param::absent(&["db_set_readonly"], "A database file that is only read.").repeated().without(Changes::State),
        Param::absent(&["db_set_journal_mode"], "The journal mode of a database file; here it is WAL when possible.")
            .repeated()
            .inert(),
        Param::int(&["db_set_busy_timeout"], "500", Unit::Milliseconds, "How long to wait for another writer.").inert(),
    ],
    database: Some(&DIALECT),
    ..Module::new("db_sqlite", "SQLite databases, by URLs such as sqlite:////var/lib/kamailio/routing.db.")
};

/// How SQLite is spoken to. Kamailio's module writes times as Julian days.
pub static DIALECT: Dialect =
    Dialect { scheme: "sqlite", mark: |_| Cow::Borrowed("?"), time: julian_day, seconds: of_julian_day, relies_on };

/// The Julian day at which the Unix epoch begins.
const EPOCH: f64 = 2_440_587.5;
const DAY: f64 = 86_400.0;

fn julian_day(unix: u64) -> Value {
    Value::Text(Bytes::from(format!("{:.8}", unix as f64 / DAY + EPOCH)))
}

/// The time of a Julian day, or of a date as other programs write it.
fn of_julian_day(text: &[u8]) -> u64 {
    let text = std::str::from_utf8(text).unwrap_or_default().trim();
    match text.parse::<f64>() {
        Ok(day) if day > EPOCH => ((day - EPOCH) * DAY).round() as u64,
        Ok(_) => 0,
        Err(_) => calendar::read_date(text).and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(0),
    }
}

/// The file that a URL names. After `sqlite://` stands the path: with two slashes more it is absolute; with one more it is absolute under an
/// extension, for Kamailio takes it as relative to the working directory; with none it is relative.
///
/// # Errors
/// Says what is wrong with the URL.
pub fn path_of(url: &str, extensions: Extensions) -> Result<PathBuf, String> {
    let Some(rest) = url.strip_prefix("sqlite:") else {
        return Err(format!("{url} is not an sqlite URL"));
    };
    let Some(rest) = rest.strip_prefix("//") else {
        return Err(format!("{url} lacks // after sqlite:"));
    };
    let path = match rest.strip_prefix('/') {
        Some(path) if path.starts_with('/') => path,
        Some(_) if extensions.allows(Extension::AbsoluteSqlitePath) => rest,
        Some(path) => path,
        None => rest,
    };
    if path.trim_matches('/').is_empty() {
        return Err(format!("{url} names no file"));
    }
    Ok(PathBuf::from(path))
}

/// The extension that a URL relies on.
fn relies_on(url: &str) -> Option<Extension> {
    let path = url.strip_prefix("sqlite:///")?;
    (!path.starts_with('/')).then_some(Extension::AbsoluteSqlitePath)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_say_where_the_file_is() {
        let cases = [
            ("sqlite:////var/lib/x.db", Some("/var/lib/x.db"), Some("/var/lib/x.db")),
            ("sqlite:///var/lib/x.db", Some("/var/lib/x.db"), Some("var/lib/x.db")),
            ("sqlite://x.db", Some("x.db"), Some("x.db")),
            ("sqlite:x.db", None, None),
            ("sqlite:///", None, None),
            ("sqlite://", None, None),
            ("mysql://u:p@h/d", None, None),
        ];
        for (url, usual, strict) in cases {
            assert_eq!(path_of(url, Extensions::default()).ok(), usual.map(PathBuf::from), "{url}");
            assert_eq!(path_of(url, Extensions::STRICT).ok(), strict.map(PathBuf::from), "{url}, strict");
        }
        assert_eq!(relies_on("sqlite:///x"), Some(Extension::AbsoluteSqlitePath));
        assert_eq!(relies_on("sqlite:////x"), None);
    }
}
