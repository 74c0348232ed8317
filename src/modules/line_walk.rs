//! Walks through the lines of a body: `bl_iterator_*` and `sdp_iterator_*`.

use crate::builtin::{Args, Context, Key, LogLevel, Outcome, Value, Working};
use crate::sip::Extent;
use bytes::Bytes;

/// As many as Kamailio has at once.
const MOST: usize = 4;

/// The walks of one message, by name.
#[derive(Debug, Default)]
pub(super) struct LineWalks {
    walks: Vec<Walk>,
}

#[derive(Debug)]
struct Walk {
    name: Bytes,
    /// The lines that are left.
    rest: Extent,
    /// The line it stands at, with its line end.
    line: Option<Extent>,
}

impl LineWalks {
    /// Puts a walk before the first line of `lines`; false when there are too many walks.
    pub(super) fn start(&mut self, name: Bytes, lines: Extent) -> bool {
        let walk = Walk { name, rest: lines, line: None };
        match self.walks.iter().position(|its| its.name == walk.name) {
            Some(at) => self.walks[at] = walk,
            None if self.walks.len() < MOST => self.walks.push(walk),
            None => return false,
        }
        true
    }

    fn walk(&mut self, name: &[u8]) -> Option<&mut Walk> {
        self.walks.iter_mut().find(|walk| walk.name == name)
    }

    fn line(&mut self, name: &[u8]) -> Option<Extent> {
        self.walk(name)?.line
    }
}

/// Finds the walks of this message.
pub(super) type Walks = for<'a> fn(&'a mut Context<'_>) -> &'a mut LineWalks;

/// Moves the walk that the first argument names to its next line; false when there is none.
pub(super) fn next(cx: &mut Context, args: &Args, walks: Walks) -> Outcome {
    let name = args.text(cx, 0);
    let Some(rest) = walks(cx).walk(&name).map(|walk| walk.rest) else { return missing(cx, &name) };
    let text = cx.message.message.text(rest);
    let length = memchr::memchr(b'\n', text).map_or(text.len(), |end| end + 1);
    let end = usize::from(rest.start) + length;
    let line = Extent::new(rest.start.into(), end);
    if let Some(walk) = walks(cx).walk(&name) {
        walk.line = Some(line).filter(|line| !line.is_empty());
        walk.rest = Extent::new(end, rest.end.into());
    }
    Outcome::truth(!line.is_empty())
}

/// Ends the walk that the first argument names.
pub(super) fn end(cx: &mut Context, args: &Args, walks: Walks) -> Outcome {
    let name = args.text(cx, 0);
    let walks = &mut walks(cx).walks;
    match walks.iter().position(|walk| walk.name == name) {
        Some(at) => {
            walks.swap_remove(at);
            Outcome::TRUE
        }
        None => missing(cx, &name),
    }
}

/// Does something with the line at which the walk stands that the first argument names.
pub(super) fn edit(cx: &mut Context, args: &Args, walks: Walks, edit: impl FnOnce(&mut Working, Extent)) -> Outcome {
    let name = args.text(cx, 0);
    match walks(cx).line(&name) {
        Some(line) => {
            edit(cx.message, line);
            Outcome::TRUE
        }
        None => missing(cx, &name),
    }
}

/// The line at which the walk stands that a variable names.
pub(super) fn value(cx: &mut Context, key: &Key, walks: Walks) -> Value {
    let name = key.text(cx);
    let line = walks(cx).line(&name);
    Value::text_or_null(line.map(|line| cx.message.message.slice(line)))
}

fn missing(cx: &mut Context, name: &[u8]) -> Outcome {
    cx.log(LogLevel::Error, format!("the iterator {} stands at no line", String::from_utf8_lossy(name)));
    Outcome::FALSE
}

/// Where a text goes that is put before a line.
pub(super) fn before(line: Extent) -> Extent {
    Extent { start: line.start, end: line.start }
}

/// Where a text goes that is put behind a line.
pub(super) fn behind(line: Extent) -> Extent {
    Extent { start: line.end, end: line.end }
}
