//! Lines as they are gathered, and how they become text.

/// One line: what stands before its trailing comment, and that comment.
#[derive(Debug)]
struct Line {
    /// Tabs before it.
    indent: usize,
    /// An empty line stands before it.
    blank: bool,
    code: std::ops::Range<usize>,
    comment: std::ops::Range<usize>,
}

/// The text so far.
#[derive(Debug, Default)]
pub(super) struct Output {
    bytes: Vec<u8>,
    lines: Vec<Line>,
}

/// Trailing comments of neighbouring lines are put into one column when their lines differ no more than this in length.
const FARTHEST: usize = 40;

impl Output {
    /// Whether nothing is written yet.
    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// How far the line being written is indented.
    pub(super) fn indent(&self) -> usize {
        self.lines.last().map_or(0, |line| line.indent)
    }

    /// Begins a line.
    pub(super) fn line(&mut self, indent: usize, blank: bool) {
        let here = self.bytes.len()..self.bytes.len();
        let blank = blank && !self.lines.is_empty();
        self.lines.push(Line { indent, blank, code: here.clone(), comment: here });
    }

    /// Goes on with the line.
    pub(super) fn text(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        if let Some(line) = self.lines.last_mut() {
            line.code.end = self.bytes.len();
            line.comment = line.code.end..line.code.end;
        }
    }

    /// Ends the line with a comment.
    pub(super) fn trailing(&mut self, text: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(text);
        if let Some(line) = self.lines.last_mut() {
            line.comment = start..self.bytes.len();
        }
    }

    /// The text, its lines ended by `newline`.
    pub(super) fn finish(self, newline: &[u8]) -> Vec<u8> {
        let mut text = Vec::with_capacity(self.bytes.len() + self.bytes.len() / 8);
        let mut at = 0;
        while at < self.lines.len() {
            let end = self.run_end(at);
            let widths = self.lines[at..end].iter().map(|line| width(&self.bytes[line.code.clone()]));
            let (least, most) =
                widths.fold((usize::MAX, 0), |(least, most), width| (least.min(width), most.max(width)));
            let column = if most - least.min(most) <= FARTHEST { most } else { 0 };
            for line in &self.lines[at..end] {
                let code = &self.bytes[line.code.clone()];
                if line.blank {
                    text.extend_from_slice(newline);
                }
                text.extend(std::iter::repeat_n(b'\t', line.indent));
                text.extend_from_slice(code);
                if !line.comment.is_empty() {
                    let blanks = if at + 1 == end { 1 } else { column.saturating_sub(width(code)) + 1 };
                    text.extend(std::iter::repeat_n(b' ', blanks));
                    text.extend_from_slice(&self.bytes[line.comment.clone()]);
                }
                text.extend_from_slice(newline);
            }
            at = end;
        }
        text
    }

    /// Behind the last line whose trailing comment stands in one column with that of the line at `at`.
    fn run_end(&self, at: usize) -> usize {
        let indent = self.lines[at].indent;
        let belongs = |line: &&Line| {
            line.indent == indent && !line.comment.is_empty() && !self.bytes[line.code.clone()].contains(&b'\n')
        };
        if !belongs(&&self.lines[at]) {
            return at + 1;
        }
        let more = self.lines[at + 1..].iter().take_while(|line| !line.blank).take_while(belongs).count();
        at + 1 + more
    }
}

/// Columns a text takes; a byte that begins no character takes none.
fn width(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
}
