//! Which modules a `modparam` speaks of.

use super::ast::ModParam;
use crate::builtin::Regex;

/// The pattern that whole module names must match; case is ignored.
#[derive(Debug)]
pub(super) enum ModulePattern {
    /// Nearly every one is a plain name, and a config has hundreds: no regular expression is made of it.
    Name(String),
    Pattern(Regex),
}

impl ModulePattern {
    /// The pattern of a statement, unless it is a bad regular expression.
    pub(super) fn of(modparam: &ModParam) -> Option<ModulePattern> {
        let written = String::from_utf8_lossy(&modparam.modules.value);
        if !written.is_empty() && written.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Some(ModulePattern::Name(written.into_owned()));
        }
        let pattern = Regex::new(format!("^({written})$").as_bytes(), true, Default::default()).ok()?;
        Some(ModulePattern::Pattern(pattern))
    }

    /// Whether it speaks of the module of this name.
    pub(super) fn is_match(&self, name: &[u8]) -> bool {
        match self {
            ModulePattern::Name(written) => written.as_bytes().eq_ignore_ascii_case(name),
            ModulePattern::Pattern(pattern) => pattern.is_match(name),
        }
    }
}
