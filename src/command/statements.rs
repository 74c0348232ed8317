//! SQL cut into statements, and those that insert into rows: no more of SQL is understood here than quotes, comments, brackets and semicolons.

use crate::source::{FileId, Span};

/// One statement.
#[derive(Debug, Default)]
pub(super) struct Statement {
    /// Its text.
    pub(super) text: String,
    /// Its first word, in small letters.
    pub(super) verb: String,
    /// What stands before the first row: `INSERT INTO t (a, b) VALUES`.
    pub(super) head: String,
    /// The rows behind `VALUES`.
    pub(super) rows: Vec<Row>,
    /// Where it stands.
    pub(super) span: Span,
}

/// One row of values.
#[derive(Debug)]
pub(super) struct Row {
    /// The values with their brackets.
    pub(super) text: String,
    /// The comments on its lines, and, of a row alone, on the line above its statement.
    pub(super) words: String,
    /// Where it stands.
    pub(super) span: Span,
}

impl Statement {
    /// Whether its head names a table.
    pub(super) fn speaks_of(&self, table: &str) -> bool {
        let text = if self.head.is_empty() { &self.text } else { &self.head };
        let is_name = |letter: char| letter.is_alphanumeric() || letter == '_';
        text.split(|letter: char| !is_name(letter)).any(|word| word.eq_ignore_ascii_case(table))
    }
}

/// A text as it is read: twice with the places kept, and where its comments stand.
struct Read<'t> {
    text: &'t [u8],
    file: FileId,
    /// Spaces for comments.
    bare: Vec<u8>,
    /// Spaces for comments and for what is quoted.
    plain: Vec<u8>,
    comments: Vec<(usize, usize)>,
}

/// The statements of a text.
pub(super) fn of(text: &[u8], file: FileId) -> Vec<Statement> {
    let read = Read::new(text, file);
    let (mut found, mut start) = (Vec::new(), 0);
    for end in memchr::memchr_iter(b';', &read.plain) {
        found.extend(read.statement(start, end));
        start = end + 1;
    }
    found.extend(read.statement(start, text.len()));
    found
}

impl<'t> Read<'t> {
    fn new(text: &'t [u8], file: FileId) -> Read<'t> {
        let (mut bare, mut plain, mut comments) = (text.to_vec(), text.to_vec(), Vec::new());
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            let line = || memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let (is_comment, length) = match rest[0] {
                quote @ (b'\'' | b'"' | b'`') => (false, quoted(rest, quote)),
                b'#' => (true, line()),
                b'-' if rest.starts_with(b"--") => (true, line()),
                b'/' if rest.starts_with(b"/*") => {
                    (true, memchr::memmem::find(rest, b"*/").map_or(rest.len(), |end| end + 2))
                }
                _ => {
                    at += 1;
                    continue;
                }
            };
            plain[at..at + length].fill(b' ');
            if is_comment {
                bare[at..at + length].fill(b' ');
                comments.push((at, at + length));
            }
            at += length;
        }
        Read { text, file, bare, plain, comments }
    }

    fn shown(&self, from: usize, to: usize) -> String {
        String::from_utf8_lossy(&self.bare[from..to]).into_owned()
    }

    fn span(&self, from: usize, to: usize) -> Span {
        Span { file: self.file, start: from as u32, end: to as u32 }
    }

    fn statement(&self, from: usize, to: usize) -> Option<Statement> {
        let is_text = |byte: &u8| !byte.is_ascii_whitespace();
        let first = from + self.bare[from..to].iter().position(is_text)?;
        let last = from + self.bare[from..to].iter().rposition(is_text)? + 1;
        let text = self.shown(first, last);
        let verb = text.chars().take_while(char::is_ascii_alphabetic).collect::<String>().to_ascii_lowercase();
        let mut its = Statement { text, verb, span: self.span(first, last), ..Statement::default() };
        let inserts = matches!(its.verb.as_str(), "insert" | "replace");
        let Some(values) = self.values(first, last).filter(|_| inserts) else { return Some(its) };
        its.head = self.shown(first, values);
        let groups = self.groups(values, last);
        let is_alone = groups.len() == 1;
        for (start, end) in groups {
            let words = self.words(if is_alone { first } else { start }, end, is_alone);
            its.rows.push(Row { text: self.shown(start, end), words, span: self.span(start, end) });
        }
        Some(its)
    }

    /// Where the word `VALUES` ends.
    fn values(&self, from: usize, to: usize) -> Option<usize> {
        let lower = self.plain[from..to].to_ascii_lowercase();
        let is_word = |at: Option<usize>| {
            at.and_then(|at| lower.get(at)).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        };
        let mut found = memchr::memmem::find_iter(&lower, b"values");
        found.find(|at| !is_word(at.checked_sub(1)) && !is_word(Some(at + 6))).map(|at| from + at + 6)
    }

    /// The brackets that follow each other between two places.
    fn groups(&self, from: usize, to: usize) -> Vec<(usize, usize)> {
        let (mut groups, mut depth, mut start) = (Vec::new(), 0usize, from);
        for (at, byte) in self.plain[from..to].iter().enumerate().map(|(at, byte)| (from + at, byte)) {
            match byte {
                b'(' => {
                    start = if depth == 0 { at } else { start };
                    depth += 1;
                }
                b')' if depth > 0 => {
                    depth -= 1;
                    if depth == 0 {
                        groups.push((start, at + 1));
                    }
                }
                _ => {}
            }
        }
        groups
    }

    /// The comments that begin on the lines of a place, and with `above` the one alone on the line before it, in small letters.
    fn words(&self, from: usize, to: usize, above: bool) -> String {
        let line_start = |at: usize| memchr::memrchr(b'\n', &self.text[..at]).map_or(0, |before| before + 1);
        let between = |from: usize, to: usize| {
            let first = self.comments.partition_point(|(at, _)| *at < from);
            self.comments[first..].iter().take_while(move |(at, _)| *at < to)
        };
        let mut start = line_start(from);
        if above && start > 0 {
            let before = line_start(start - 1);
            let is_alone = |(at, _): &(usize, usize)| self.text[before..*at].trim_ascii().is_empty();
            start = if between(before, start).next().is_some_and(is_alone) { before } else { start };
        }
        let end = memchr::memchr(b'\n', &self.text[to..]).map_or(self.text.len(), |length| to + length);
        let said = between(start, end).map(|(from, to)| String::from_utf8_lossy(&self.text[*from..*to]).to_lowercase());
        said.collect::<Vec<_>>().join(" ")
    }
}

/// The length of a quoted text; a doubled quote stands for one.
fn quoted(text: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while let Some(end) = text.get(at..).and_then(|rest| memchr::memchr(quote, rest)) {
        at += end + 1;
        if text.get(at) != Some(&quote) {
            return at;
        }
        at += 1;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Statement> {
        of(text.as_bytes(), FileId(0))
    }

    #[test]
    fn statements_end_where_no_quote_or_comment_is_open() {
        let found =
            read("CREATE TABLE a (x); -- one; two\nINSERT INTO a VALUES ('it''s; (1)'), (2) /* ; */ ;\n# end;\n");
        assert_eq!(found.iter().map(|its| its.verb.as_str()).collect::<Vec<_>>(), ["create", "insert"]);
        assert_eq!(found[1].head, "INSERT INTO a VALUES");
        assert_eq!(found[1].rows.iter().map(|row| row.text.as_str()).collect::<Vec<_>>(), ["('it''s; (1)')", "(2)"]);
        assert!(found[1].speaks_of("a") && !found[1].speaks_of("b"));
    }

    #[test]
    fn a_row_has_the_comments_of_its_lines() {
        let found = read(
            "-- Tier 1\nINSERT INTO d (u) VALUES\n ('x'); -- Main\n\nINSERT INTO d VALUES ('a'), -- one\n('b') -- two\n;",
        );
        assert_eq!(found[0].rows[0].words, "-- tier 1 -- main");
        let words: Vec<_> = found[1].rows.iter().map(|row| row.words.as_str()).collect();
        assert_eq!(words, ["-- one", "-- two"]);
    }

    proptest::proptest! {
        #[test]
        fn no_text_stops_the_reader(text in "[a-c(){};,'\"`\\\\ \\n#*/-]{0,60}|(insert into d values|[(1)';#\\n-]| ){0,12}") {
            for its in read(&text) {
                for span in its.rows.iter().map(|row| row.span).chain([its.span]) {
                    assert!(span.start <= span.end && span.end as usize <= text.len());
                }
            }
        }
    }
}
