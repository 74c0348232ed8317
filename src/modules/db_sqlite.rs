//! `db_sqlite`: SQLite as a database of other modules, and what its URLs mean.

use crate::builtin::{Changes, Extension, Extensions, Module, Param, Unit};
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
    ..Module::new("db_sqlite", "SQLite databases, by URLs such as sqlite:////var/lib/kamailio/routing.db.")
};

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
pub fn relies_on(url: &str) -> Option<Extension> {
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
