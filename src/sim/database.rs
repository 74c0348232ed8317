//! The databases of a scenario: `database FILE`, how they behave, and what `sql` lines ask them.

use super::blocks::Block;
use super::keyword::{Keyword, Misread, Said};
use super::parse::Parser;
use super::play::{Happens, Play};
use super::rows::cells;
use super::scenario::Action;
use super::words::{Word, duration_of};
use crate::builtin::{Rows, Value};
use crate::source::Span;
use crate::story::seconds;
use bytes::Bytes;
use std::path::PathBuf;
use std::time::Duration;

/// Files of SQL statements that make one database, and the part of a URL it stands for; empty for every URL.
#[derive(Debug, Clone)]
pub struct DatabaseFile {
    /// The files, in order.
    pub paths: Vec<PathBuf>,
    /// Part of the URLs it serves.
    pub url_part: String,
    /// Where the scenario names it.
    pub span: Span,
}

/// What a database answers without being asked: for configs whose SQL is not SQLite's.
#[derive(Debug, Clone)]
pub struct Canned {
    /// Part of the statements that it answers.
    pub part: String,
    /// The answer; `None` when the statement fails.
    pub rows: Option<Rows>,
}

/// How databases behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum DatabaseMood {
    /// They answer at once.
    #[default]
    Works,
    /// They cannot be reached.
    Fails,
    /// They answer after this long.
    Slow(Duration),
}

/// The words.
pub(super) static KEYWORDS: &[&Keyword] = &[
    &Keyword {
        name: "database",
        usage: "database FILE ... [for PART_OF_URL]; database works, fails, or slow 2s; database answers \"PART OF A STATEMENT\" with rows below",
        has_lines: true,
        read: database,
    },
    &Keyword { name: "sql", usage: "sql SELECT * FROM dispatcher", has_lines: true, read: sql },
];

fn database(parser: &mut Parser, block: &Block, words: &[Word]) -> Result<Said, Misread> {
    let said = match words {
        [word, part] if word.text == "answers" && part.quoted => {
            let canned = canned(parser, block, part).ok_or(Misread::Reported)?;
            if !parser.scenario.steps.is_empty() {
                return Ok(Said::Happens(Action::host(canned)));
            }
            parser.scenario.canned.push(canned);
            return Ok(Said::AtFirst);
        }
        [word, ..] if word.text == "answers" => return Err(Misread::Form),
        [word] if word.text == "works" => Said::Happens(Action::host(DatabaseMood::Works)),
        [word] if word.text == "fails" => Said::Happens(Action::host(DatabaseMood::Fails)),
        [word, time] if word.text == "slow" => {
            let time = duration_of(parser, time).ok_or(Misread::Reported)?;
            Said::Happens(Action::host(DatabaseMood::Slow(time)))
        }
        [word, ..] if matches!(word.text.as_str(), "works" | "fails" | "slow") => return Err(Misread::Form),
        [files @ .., word, part] if word.text == "for" && !files.is_empty() => file(parser, block, files, &part.text),
        [_, ..] => file(parser, block, words, ""),
        [] => return Err(Misread::Form),
    };
    parser.bare(block);
    Ok(said)
}

fn file(parser: &mut Parser, block: &Block, files: &[Word], url_part: &str) -> Said {
    let paths: Vec<PathBuf> = files.iter().filter_map(|file| parser.path(file)).collect();
    parser.scenario.databases.push(DatabaseFile { paths, url_part: url_part.to_owned(), span: block.span });
    Said::Stage
}

/// The rows of a canned answer: names of columns, then cells, parted by `|`; a number is one, NULL is none. Without any line there is no row; the
/// line `fails` alone means that the statement is refused.
fn canned(parser: &mut Parser, block: &Block, part: &Word) -> Option<Canned> {
    let part = part.text.clone();
    let (names, rows) = match block.below.split_first() {
        None => return Some(Canned { part, rows: Some(Rows::default()) }),
        Some((line, [])) if line.text.trim() == "fails" => return Some(Canned { part, rows: None }),
        Some((names, rows)) => (cells(names), rows),
    };
    let mut found = Vec::new();
    for line in rows {
        let row = cells(line);
        if row.len() != names.len() {
            let message = format!("this row has {} cells, the answer {} columns", row.len(), names.len());
            parser.helped(line.span, message, "cells are parted by |");
            return None;
        }
        found.extend(row.iter().map(|cell| match (cell.as_str(), cell.parse()) {
            ("NULL", _) => Value::Null,
            (_, Ok(number)) => Value::Int(number),
            (text, Err(_)) => Value::Text(Bytes::copy_from_slice(text.as_bytes())),
        }));
    }
    Some(Canned { part, rows: Some(Rows { columns: names.into_iter().map(Bytes::from).collect(), cells: found }) })
}

fn sql(_: &mut Parser, block: &Block, words: &[Word]) -> Result<Said, Misread> {
    if words.is_empty() {
        return Err(Misread::Form);
    }
    let mut statement = block.rest().to_owned();
    for line in &block.below {
        statement.push('\n');
        statement.push_str(line.text.trim_end());
    }
    Ok(Said::Happens(Action::host(Sql(statement))))
}

impl Happens for Canned {
    fn happen(&self, play: &mut Play, _: Span) {
        play.around.stage.canned.insert(0, self.clone());
    }
}

impl Happens for DatabaseMood {
    fn happen(&self, play: &mut Play, _: Span) {
        play.around.stage.mood = *self;
        let words = match self {
            DatabaseMood::Works => "the database works".to_owned(),
            DatabaseMood::Fails => "the database fails".to_owned(),
            DatabaseMood::Slow(time) => format!("the database is slow: {}", seconds(*time)),
        };
        play.around.moment(&words);
    }
}

/// A statement that the scenario asks the first database.
#[derive(Debug)]
struct Sql(String);

impl Happens for Sql {
    fn happen(&self, play: &mut Play, span: Span) {
        let scene = &mut play.around.scene;
        match play.around.stage.first() {
            Some(database) => {
                let said = database.query(&self.0, &[]);
                let changed = database.changes();
                scene.story.sql(scene.now, &self.0, &said, changed);
            }
            None => scene.stuck(span, "the scenario has no database".into()),
        }
    }
}
