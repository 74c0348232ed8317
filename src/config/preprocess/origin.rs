//! Where every byte of the expanded text came from.

use crate::config::ast::Conditional;
use crate::source::{FileId, Span};
use bytes::Bytes;
use std::ops::Range;
use std::path::PathBuf;

/// The text of a config after preprocessing, and the way back to the files.
#[derive(Clone, Debug, Default)]
pub struct Expanded {
    /// The text: comments and directives are gone, defines are substituted, included files stand in place.
    pub text: Vec<u8>,
    /// `#!KAMAILIO` was seen: a `$name` that is no pseudo-variable is an error.
    pub kamailio_names: bool,
    /// Conditionals in the order of the text.
    pub conditionals: Vec<Conditional>,
    /// Words that were defined, and whether with a value.
    pub defined: Vec<(Vec<u8>, bool)>,
    /// The text holds `#!SER`: `$name` in it is always an AVP.
    pub ser_names: bool,
    /// Files of `import_file` that are not there, with the places that name them.
    pub missing_imports: Vec<(PathBuf, Span)>,
    /// A file that it includes could not be read.
    pub incomplete: bool,
    /// Defines as they stand at the end of the text; the value is absent when none was given.
    pub defines: Vec<(String, Option<Bytes>)>,
    /// Uses of defines that put nothing in their place, or a variable of the environment that is not set, in the order of the text.
    pub(in crate::config) hollow: Vec<Hollow>,
    /// The file that the text begins in.
    pub main: FileId,
    segments: Vec<Segment>,
}

/// The use of a define that has nothing to put in its place.
#[derive(Clone, Debug)]
pub(in crate::config) struct Hollow {
    /// Where it is used in the expanded text.
    pub(in crate::config) at: usize,
    /// Its name.
    pub(in crate::config) name: String,
    /// The define.
    pub(in crate::config) define: Span,
    /// The variable of the environment that its value asks for.
    pub(in crate::config) unset: Option<String>,
}

/// A run of bytes with a common origin; it reaches to the start of the next one.
#[derive(Clone, Copy, Debug)]
struct Segment {
    at: u32,
    origin: Origin,
}

/// What a run of expanded bytes stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A copy of the bytes of a file from this offset.
    Copied(FileId, u32),
    /// Put in place of this span; the second says which define the text comes from.
    Replaced(Span, Option<Span>),
}

impl Expanded {
    /// The place, as its author wrote it, of a range of the text.
    pub fn span(&self, range: Range<usize>) -> Span {
        let first = self.place(range.start);
        if range.end <= range.start {
            return Span { end: if self.is_copied(range.start) { first.start } else { first.end }, ..first };
        }
        first.to(self.place(range.end - 1))
    }

    /// The place just behind the byte before `at`: where something is missing.
    pub fn span_after(&self, at: usize) -> Span {
        match at.checked_sub(1) {
            Some(last) => {
                let span = self.place(last);
                if self.is_copied(last) { Span { start: span.end, ..span } } else { span }
            }
            None => self.span(0..0),
        }
    }

    /// The define whose value the byte at `at` comes from.
    pub fn define(&self, at: usize) -> Option<Span> {
        match self.segment(at)?.origin {
            Origin::Replaced(_, define) => define,
            Origin::Copied(..) => None,
        }
    }

    /// The use of a define with nothing in it that stands in the lines of a range of the text.
    pub(in crate::config) fn hollow(&self, range: Range<usize>) -> Option<&Hollow> {
        let start = memchr::memrchr(b'\n', &self.text[..range.start.min(self.text.len())]).map_or(0, |at| at + 1);
        let rest = self.text.get(range.end..).unwrap_or(&[]);
        let end = range.end + memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let first = self.hollow.partition_point(|hollow| hollow.at < start);
        self.hollow.get(first).filter(|hollow| hollow.at <= end)
    }

    /// Adds text.
    pub(super) fn push(&mut self, text: &[u8], origin: Origin) {
        if text.is_empty() {
            return;
        }
        let at = self.text.len() as u32;
        let continues = self.segments.last().is_some_and(|last| match (last.origin, origin) {
            (Origin::Copied(file, from), Origin::Copied(same, offset)) => {
                file == same && from + (at - last.at) == offset
            }
            (before, origin) => before == origin,
        });
        if !continues {
            self.segments.push(Segment { at, origin });
        }
        self.text.extend_from_slice(text);
    }

    fn segment(&self, at: usize) -> Option<Segment> {
        let index = self.segments.partition_point(|segment| segment.at as usize <= at);
        self.segments.get(index.checked_sub(1)?).copied()
    }

    fn is_copied(&self, at: usize) -> bool {
        matches!(self.segment(at), Some(Segment { origin: Origin::Copied(..), .. }))
    }

    /// The span of one byte; behind the end, of the place behind the last byte.
    fn place(&self, at: usize) -> Span {
        match self.segment(at) {
            Some(Segment { at: from, origin: Origin::Copied(file, start) }) => {
                let start = start + (at as u32 - from);
                Span { file, start, end: start + u32::from(at < self.text.len()) }
            }
            Some(Segment { origin: Origin::Replaced(span, _), .. }) => span,
            None => Span::default(),
        }
    }
}
