use bytes::Bytes;
use smallvec::SmallVec;

use super::extent::Extent;
use super::message::{Header, Message};

/// Changes to be made to a message when it is written. The message itself stays as it came.
///
/// At one place of the message stand, in this order: what was inserted *after* the line before it, what was inserted
/// *before* the line behind it, then that line or its replacement.
#[derive(Clone, Debug, Default)]
pub struct Edits {
    list: SmallVec<[Edit; 2]>,
    /// The request URI to write in place of the message's own.
    pub new_uri: Option<Bytes>,
    body: Option<Bytes>,
    /// Parts were put into a body or taken out of it: its delimiters are set right when it is written, by the boundary
    /// that the Content-Type of the message names before all edits.
    pub parts_changed: bool,
}

/// One change.
#[derive(Clone, Debug)]
pub(super) struct Edit {
    /// What goes; empty for an insertion.
    pub(super) remove: Extent,
    pub(super) order: Order,
    /// What comes.
    pub(super) text: Bytes,
}

/// The order of changes at one place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Order {
    After,
    Before,
    /// The proxy's own Via, next to the one it goes on top of.
    Via,
    /// The Route that a location's Path becomes.
    Path,
    /// Where Content-Length goes if there is none yet.
    ContentLength,
    Replace,
}

impl Edits {
    /// No edits.
    pub fn new() -> Edits {
        Edits::default()
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty() && self.new_uri.is_none() && self.body.is_none() && !self.parts_changed
    }

    /// About how many bytes they take.
    pub fn size(&self) -> usize {
        let edits = self.list.iter().map(|edit| size_of::<Edit>() + edit.text.len()).sum::<usize>();
        edits + self.body.as_ref().map_or(0, Bytes::len) + self.new_uri.as_ref().map_or(0, Bytes::len)
    }

    /// Forgets every edit.
    pub fn clear(&mut self) {
        *self = Edits::default();
    }

    /// Puts `lines` (whole header lines) before `header`, behind what was inserted there earlier: `insert_hf`.
    pub fn insert_before(&mut self, header: &Header, lines: impl Into<Bytes>) {
        self.insert_before_at(header.line.start, lines);
    }

    /// Puts `lines` before the first header, behind what was inserted there earlier: `insert_hf`, `record_route`.
    pub fn insert_first(&mut self, message: &Message, lines: impl Into<Bytes>) {
        self.insert_before_at(message.start_line().end, lines);
    }

    /// Puts `lines` before `header` and before everything inserted there earlier: the newest on top, as a stack.
    pub fn stack_before(&mut self, header: &Header, lines: impl Into<Bytes>) {
        self.stack_at(header.line.start, lines);
    }

    /// Puts `lines` before the first header and before everything inserted there earlier: the newest on top.
    pub fn stack_first(&mut self, message: &Message, lines: impl Into<Bytes>) {
        self.stack_at(message.start_line().end, lines);
    }

    /// Puts `lines` after `header`, behind what was inserted there earlier: `append_hf` with a header's name.
    pub fn insert_after(&mut self, header: &Header, lines: impl Into<Bytes>) {
        self.push(at(header.line.end), Order::After, lines);
    }

    /// Puts `lines` behind the last header, and behind what was put there earlier: `append_hf`.
    pub fn append(&mut self, message: &Message, lines: impl Into<Bytes>) {
        self.push(at(message.end_of_headers()), Order::Before, lines);
    }

    /// Removes the bytes in `extent`.
    pub fn remove(&mut self, extent: Extent) {
        self.replace(extent, Bytes::new());
    }

    /// Removes the whole line of `header`.
    pub fn remove_header(&mut self, header: &Header) {
        self.remove(header.line);
    }

    /// Removes the values of `header` that `gone` names, such as the Route values a proxy has used up; the whole line
    /// when none is left. All values to remove of one line go in one call.
    pub fn remove_values(&mut self, message: &Message, header: &Header, gone: impl Fn(Extent) -> bool) {
        message.removals(header, gone).into_iter().for_each(|extent| self.remove(extent));
    }

    /// Writes `text` in place of the bytes in `extent`. The last replacement of one and the same extent counts; of two
    /// that overlap, the one that begins first, and of two that begin together the longer.
    pub fn replace(&mut self, extent: Extent, text: impl Into<Bytes>) {
        if extent.is_empty() {
            return self.push(extent, Order::Before, text);
        }
        let same = |edit: &&mut Edit| edit.order == Order::Replace && edit.remove == extent;
        match self.list.iter_mut().find(same) {
            Some(edit) => edit.text = text.into(),
            None => self.push(extent, Order::Replace, text),
        }
    }

    /// What is written in place of the bytes in `extent`, when they were replaced.
    pub fn replacement(&self, extent: Extent) -> Option<&Bytes> {
        let same = |edit: &&Edit| edit.order == Order::Replace && edit.remove == extent;
        self.list.iter().find(same).map(|edit| &edit.text)
    }

    /// Writes `text` in the value of `header`.
    pub fn replace_value(&mut self, header: &Header, text: impl Into<Bytes>) {
        self.replace(header.value, text);
    }

    /// Writes `body` as the body. Content-Length follows; without one it is added among the lines that are appended,
    /// after those that were appended before this call. Content-Type is the caller's.
    pub fn replace_body(&mut self, message: &Message, body: impl Into<Bytes>) {
        if self.body.is_none() {
            self.push(at(message.end_of_headers()), Order::ContentLength, Bytes::new());
        }
        self.body = Some(body.into());
    }

    /// Puts `text` behind the body.
    pub fn append_to_body(&mut self, message: &Message, text: impl Into<Bytes>) {
        self.push(at(message.body_extent().end), Order::Before, text);
    }

    /// The body to write, when it was replaced.
    pub fn new_body(&self) -> Option<&Bytes> {
        self.body.as_ref()
    }

    /// Writes `text` in place of an insertion, found by what it inserts; empty takes it away. False when there is none.
    pub fn replace_inserted(&mut self, inserted: &[u8], text: impl Into<Bytes>) -> bool {
        let found = self.list.iter_mut().find(|edit| edit.order == Order::Before && edit.text == inserted);
        let Some(edit) = found else { return false };
        edit.text = text.into();
        true
    }

    /// Whether `header`'s line is removed.
    pub fn removes(&self, header: &Header) -> bool {
        let whole = |edit: &Edit| edit.remove.start <= header.line.start && edit.remove.end >= header.line.end;
        self.list.iter().any(|edit| edit.order == Order::Replace && whole(edit))
    }

    pub(super) fn list(&self) -> &[Edit] {
        &self.list
    }

    fn insert_before_at(&mut self, place: u16, lines: impl Into<Bytes>) {
        self.push(at(place), Order::Before, lines);
    }

    fn stack_at(&mut self, place: u16, lines: impl Into<Bytes>) {
        let same = |edit: &Edit| edit.order == Order::Before && edit.remove == at(place);
        let first = self.list.iter().position(same).unwrap_or(self.list.len());
        self.list.insert(first, Edit { remove: at(place), order: Order::Before, text: lines.into() });
    }

    fn push(&mut self, remove: Extent, order: Order, text: impl Into<Bytes>) {
        self.list.push(Edit { remove, order, text: text.into() });
    }
}

fn at(place: u16) -> Extent {
    Extent { start: place, end: place }
}
