//! What Kamailio has, built here or not: the names, arities, types and allowed routes of all its modules.
//!
//! The table `kamailio.tsv` is facts about 5.6.3 and the releases since, one name a line, columns apart by tabs:
//!
//! ```text
//! m  module          since  removed after  modules it binds
//! f  function        routes arguments      const, when its arguments must be constants   since
//! p  parameter       type   + when it may be repeated                                    since
//! v  variable        r or w name, when something stands in its parentheses               since
//! t  class           name   since
//! e  event route
//! @  select
//! ```
//!
//! `since` is the release that has it first, empty for 5.6.3 and older. Routes are R(equest), F(ailure), T (onreply of a transaction), C (every
//! reply), B(ranch), S (onsend), E(vent) or A(ny); arguments are i(nteger), t(ext with variables), v(ariable), w(ritten variable) or
//! c (a form of their own), `-` for none, `*` for any number.
//!
//! [`rows`] makes of a module the same rows that a built one has, so that calls, parameters and variables are checked alike; what runs is a
//! stand-in that gives what is [`neutral`]: false, or true where false would mean that somebody is guilty.

mod does;
mod history;
mod stand_in;
#[cfg(test)]
mod tests;

use does::means;
pub use does::{Neutral, does, neutral};
pub use history::{Former, former};

use crate::builtin::Module;
use std::sync::{LazyLock, OnceLock};

const TABLE: &str = include_str!("kamailio.tsv");

/// A module as the table has it.
#[derive(Debug)]
pub struct Known {
    /// Its name without `.so`.
    pub name: &'static str,
    /// The release that has it first; empty for 5.6.3 and older.
    pub since: &'static str,
    /// The last release line that has it; empty when it is still there.
    pub removed_after: &'static str,
    /// Modules whose interface it binds: without them it does not start, unless parameters say otherwise.
    pub binds: &'static str,
    lines: &'static str,
    rows: OnceLock<Module>,
}

/// What kind of thing a line of the table names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// A function of route blocks.
    Function,
    /// A module parameter or core setting.
    Parameter,
    /// A pseudo-variable.
    Variable,
    /// A transformation: `class.name`.
    Transformation,
    /// An event route.
    Event,
    /// A select.
    Select,
}

impl Kind {
    fn letter(self) -> &'static str {
        match self {
            Kind::Function => "f",
            Kind::Parameter => "p",
            Kind::Variable => "v",
            Kind::Transformation => "t",
            Kind::Event => "e",
            Kind::Select => "@",
        }
    }
}

static MODULES: LazyLock<Vec<Known>> = LazyLock::new(|| {
    let sections = TABLE.split("\nm\t").skip(1);
    let known = sections.map(|section| {
        let (head, lines) = section.split_once('\n').unwrap_or((section, ""));
        let mut columns = head.split('\t');
        let mut column = || columns.next().unwrap_or_default();
        let (name, since, removed_after, binds) = (column(), column(), column(), column());
        Known { name, since, removed_after, binds, lines, rows: OnceLock::new() }
    });
    known.collect()
});

/// Every module of the table, `core` first.
pub fn modules() -> &'static [Known] {
    &MODULES
}

/// A module of the table.
pub fn module(name: &str) -> Option<&'static Known> {
    MODULES.iter().find(|known| known.name == name)
}

/// The rows of a module of the table; each does nothing and gives what is neutral.
pub fn rows(name: &str) -> Option<&'static Module> {
    let known = module(name)?;
    Some(known.rows.get_or_init(|| stand_in::module(known)))
}

/// The modules that have something of this name, in the order of the table. A transformation is named `class.name`, or by its class alone.
pub fn owners(kind: Kind, name: &str) -> impl Iterator<Item = &'static Known> {
    let name = name.to_owned();
    MODULES.iter().filter(move |known| known.line(kind, &name).is_some())
}

/// Whether a function of a module takes constants only, when it is called with so many arguments.
pub fn takes_constants(module_name: &str, function: &str, args: usize) -> bool {
    let Some(known) = module(module_name) else { return false };
    let mut lines = known.lines.lines().filter_map(|line| line.strip_prefix("f\t"));
    lines.any(|line| {
        let mut columns = line.split('\t');
        let (name, _routes, kinds, constant) = (columns.next(), columns.next(), columns.next(), columns.next());
        name == Some(function) && constant == Some("const") && kinds.is_some_and(|kinds| kinds.len() == args)
    })
}

impl Known {
    /// The release that has a name of this module first: empty for 5.6.3 and older, `None` when it has no such name.
    pub fn since(&self, kind: Kind, name: &str) -> Option<&'static str> {
        let its = self.line(kind, name)?;
        Some(its.rsplit('\t').next().filter(|_| its.contains('\t')).unwrap_or_default())
    }

    /// The release that has a function with this many arguments first: empty for 5.6.3 and older, `None` when it has no such function.
    pub fn function_since(&self, name: &str, arguments: usize) -> Option<&'static str> {
        let lines = self.lines.lines().filter_map(|line| line.strip_prefix("f\t"));
        let fitting = lines.filter_map(|line| {
            let mut columns = line.split('\t');
            let (its, _, args) = (columns.next()?, columns.next()?, columns.next()?);
            let count = if args == "-" { 0 } else { args.len() };
            (its == name && (args == "*" || count == arguments)).then(|| columns.next_back().unwrap_or_default())
        });
        fitting.min()
    }

    /// The names of one kind, a function with several arities once for each.
    pub fn names(&self, kind: Kind) -> impl Iterator<Item = &'static str> {
        let lines = self.lines.lines().filter_map(move |line| line.strip_prefix(kind.letter())?.strip_prefix('\t'));
        lines.map(|line| line.split('\t').next().unwrap_or_default())
    }

    /// The columns behind the kind of the first line with this name.
    fn line(&self, kind: Kind, name: &str) -> Option<&'static str> {
        let (first, second) = match name.split_once('.').filter(|_| kind == Kind::Transformation) {
            Some((class, name)) => (class, Some(name)),
            None => (name, None),
        };
        let mut lines = self.lines.lines().filter_map(|line| line.strip_prefix(kind.letter())?.strip_prefix('\t'));
        lines.find(|line| {
            let mut columns = line.split('\t');
            columns.next() == Some(first)
                && second.is_none_or(|second| columns.next().is_some_and(|its| its.eq_ignore_ascii_case(second)))
        })
    }
}
