//! The text of every file that took part in a config, and byte ranges in it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Names one file of a [`Sources`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct FileId(pub u32);

/// A byte range of one file. `start == end` is a place between two bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// Offset of the first byte.
    pub start: u32,
    /// Offset after the last byte.
    pub end: u32,
}

impl Span {
    /// The smallest range that holds both, when they are of one file; else `self`.
    pub fn to(self, other: Span) -> Span {
        if self.file != other.file {
            return self;
        }
        Span { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// Where files come from: the disk for a command, a table in memory for a test.
pub trait Files {
    /// The bytes of the file at `path`.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// The same when there are no more than `most`; what has more need not be read at all, and is [`io::ErrorKind::FileTooLarge`].
    fn read_within(&self, path: &Path, most: usize) -> io::Result<Vec<u8>> {
        let bytes = self.read(path)?;
        if bytes.len() > most { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
    }
}

/// One file: its path as written, its bytes, and where its lines begin.
#[derive(Clone, Debug)]
struct File {
    path: PathBuf,
    text: Arc<[u8]>,
    lines: Vec<u32>,
}

/// Every file that took part in a config.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<File>,
}

impl Sources {
    /// Keeps a file and names it.
    pub fn add(&mut self, path: impl Into<PathBuf>, text: impl Into<Arc<[u8]>>) -> FileId {
        let text = text.into();
        let mut lines = vec![0];
        lines.extend(memchr::memchr_iter(b'\n', &text).map(|at| at as u32 + 1));
        self.files.push(File { path: path.into(), text, lines });
        FileId(self.files.len() as u32 - 1)
    }

    /// Every file, in the order of reading.
    pub fn files(&self) -> impl Iterator<Item = FileId> + use<> {
        (0..self.files.len() as u32).map(FileId)
    }

    /// The path of a file, as it was given.
    pub fn path(&self, file: FileId) -> &Path {
        self.files.get(file.0 as usize).map_or(Path::new("?"), |file| &file.path)
    }

    /// The bytes of a file.
    pub fn text(&self, file: FileId) -> &[u8] {
        self.files.get(file.0 as usize).map_or(&[], |file| &file.text)
    }

    /// The bytes under a span.
    pub fn slice(&self, span: Span) -> &[u8] {
        self.text(span.file).get(span.start as usize..span.end as usize).unwrap_or(&[])
    }

    /// Line and column of an offset, both from 1. A column counts characters, a byte that is no UTF-8 as one; far to the right in a very long
    /// line every byte counts.
    pub fn line_column(&self, file: FileId, offset: u32) -> (usize, usize) {
        let Some(file) = self.files.get(file.0 as usize) else { return (1, 1) };
        let line = file.lines.partition_point(|&start| start <= offset);
        let start = file.lines[line - 1] as usize;
        let before = file.text.get(start..(offset as usize).min(file.text.len())).unwrap_or(&[]);
        let column =
            if before.len() > 100_000 { before.len() } else { String::from_utf8_lossy(before).chars().count() };
        (line, column + 1)
    }
}
