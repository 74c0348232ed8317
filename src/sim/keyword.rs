//! Words that a line may begin with: a row each, beside what reads the line and does what it says. Lines of peers begin with a method or a name.

use super::blocks::Block;
use super::parse::Parser;
use super::scenario::Action;
use super::words::Word;
use super::{database, dns, expect, location, operator, pages, rtpengine, stage, steps};

/// A word that a line may begin with.
pub(super) struct Keyword {
    /// The word.
    pub(super) name: &'static str,
    /// How its lines are written.
    pub(super) usage: &'static str,
    /// Lines may stand below it.
    pub(super) has_lines: bool,
    /// Reads a line from the word behind it on.
    pub(super) read: fn(&mut Parser, &Block, &[Word]) -> Result<Said, Misread>,
}

/// What a line says.
pub(super) enum Said {
    /// Something of the stage, which goes before everything that happens.
    Stage,
    /// The same, of how somebody behaves at first: later on such a line happens.
    AtFirst,
    /// Something that happens.
    Happens(Action),
}

/// Why a line says nothing.
pub(super) enum Misread {
    /// It is not written as its word wants.
    Form,
    /// The diagnostics have it.
    Reported,
}

static FAMILIES: &[&[&Keyword]] = &[
    stage::KEYWORDS,
    &[&dns::KEYWORD, &pages::KEYWORD, &rtpengine::KEYWORD, &location::KEYWORD, &expect::KEYWORD],
    database::KEYWORDS,
    operator::KEYWORDS,
    steps::KEYWORDS,
];

/// All of them.
pub(super) fn keywords() -> impl Iterator<Item = &'static Keyword> {
    FAMILIES.iter().flat_map(|family| family.iter().copied())
}

/// The row of a word.
pub(super) fn keyword(word: &str) -> Option<&'static Keyword> {
    keywords().find(|row| row.name == word)
}
