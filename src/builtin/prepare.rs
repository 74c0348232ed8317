//! What happens to names and arguments once, before any message.

use super::reference::{Reference, Template};
use super::select::{self, Facts};
use crate::language::{Extension, Extensions, Regex};
use std::any::Any;
use std::fmt;

/// Something a function or variable made of its text beforehand; it finds it again with [`Args::prepared`](super::Args::prepared).
pub type Prepared = Box<dyn Any + Send + Sync>;

/// A mistake of the config's author, found while preparing or starting. The compiler adds the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The fault in one sentence.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Fault {
    /// A fault with no advice.
    pub fn new(message: impl Into<String>) -> Fault {
        Fault { message: message.into(), help: None }
    }

    /// Says what to do.
    pub fn help(self, help: impl Into<String>) -> Fault {
        Fault { help: Some(help.into()), ..self }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// What a row's `prepare` may ask and tell.
#[derive(Debug)]
pub struct Prepare<'a> {
    /// The extensions in force.
    pub extensions: Extensions,
    used: &'a mut Vec<Extension>,
    slots: &'a mut Slots,
    names: &'a [String],
    facts: Facts<'a>,
}

impl<'a> Prepare<'a> {
    /// For the compiler: `functions` are the names of all functions the config calls.
    pub fn new(
        extensions: Extensions,
        used: &'a mut Vec<Extension>,
        slots: &'a mut Slots,
        functions: &'a [String],
    ) -> Prepare<'a> {
        Prepare { extensions, used, slots, names: functions, facts: Facts::default() }
    }

    /// The same, knowing this of the config.
    pub fn knowing(self, facts: Facts<'a>) -> Prepare<'a> {
        Prepare { facts, ..self }
    }

    /// What is known of the config.
    pub fn facts(&self) -> Facts<'a> {
        self.facts
    }

    /// The value that a select, written without `@`, stands for.
    ///
    /// # Errors
    /// A path that no loaded module has.
    pub fn select(&mut self, path: &str) -> Result<Reference, Fault> {
        select::resolve(path, self)
    }

    /// Whether an extension is in force; when it is, the place is reported as relying on it.
    pub fn rely_on(&mut self, extension: Extension) -> bool {
        let allowed = self.extensions.allows(extension);
        self.used.push(extension);
        allowed
    }

    /// The number of a name in a name space (`"var"`, a connection, ...): the same for the same name.
    pub fn slot(&mut self, space: &'static str, name: &[u8]) -> u32 {
        self.slots.slot(space, name)
    }

    /// Whether the config calls a function of this name anywhere.
    pub fn calls(&self, function: &str) -> bool {
        self.names.iter().any(|name| name == function)
    }
}

/// Prepares [`Arg::pattern`](super::Arg::pattern).
pub(super) fn pattern(text: &Template, cx: &mut Prepare) -> Result<Prepared, Fault> {
    let Some(text) = text.constant() else {
        return Err(Fault::new("the pattern holds a variable").help("a constant regular expression is wanted here"));
    };
    let regex = Regex::by_line(&text, cx.extensions).map_err(|why| Fault::new(format!("the pattern is bad: {why}")))?;
    if regex.is_perl() {
        cx.rely_on(Extension::PerlRegex);
    }
    Ok(Box::new(regex))
}

/// Names that became numbers.
#[derive(Debug, Clone, Default)]
pub struct Slots {
    names: Vec<(&'static str, Vec<u8>)>,
}

impl Slots {
    /// The number of a name within its space.
    pub fn slot(&mut self, space: &'static str, name: &[u8]) -> u32 {
        let mut same = self.names.iter().filter(|(its, _)| *its == space);
        if let Some(at) = same.position(|(_, its)| its == name) {
            return at as u32;
        }
        self.names.push((space, name.to_vec()));
        self.len(space) as u32 - 1
    }

    /// How many names a space has.
    pub fn len(&self, space: &'static str) -> usize {
        self.names.iter().filter(|(its, _)| *its == space).count()
    }

    /// The names of a space, by number.
    pub fn names(&self, space: &'static str) -> impl Iterator<Item = &[u8]> {
        self.names.iter().filter(move |(its, _)| *its == space).map(|(_, name)| name.as_slice())
    }
}
