//! The files as they are, before any define: directives in every branch, comments, words.

use crate::config::preprocess::COMMAND_LINE;
use crate::lint::Subject;
use crate::source::{FileId, Sources, Span};
use rustc_hash::FxHashMap;

/// What the files hold.
#[derive(Debug, Default)]
pub(in crate::lint) struct Raw<'a> {
    /// Every directive, also in branches that do not count.
    pub(super) directives: Vec<Directive<'a>>,
    /// Every comment up to the end of a line.
    pub(in crate::lint) comments: Vec<(&'a [u8], Span)>,
    /// How often a word stands in the text, strings included and comments not.
    pub(super) words: FxHashMap<&'a [u8], usize>,
    /// `include_file` and `import_file` in every branch.
    pub(super) includes: usize,
}

/// `#!word argument`.
#[derive(Debug)]
pub(super) struct Directive<'a> {
    /// The word behind `#!`.
    pub(super) word: &'a str,
    /// What stands behind it up to the end of the line.
    pub(super) argument: &'a [u8],
    /// Where that stands.
    pub(super) span: Span,
}

impl<'a> Directive<'a> {
    /// The name it begins with.
    pub(super) fn name(&self) -> &'a [u8] {
        let end = self.argument.iter().position(|byte| !is_word(*byte)).unwrap_or(self.argument.len());
        &self.argument[..end]
    }

    /// Where the name stands.
    pub(super) fn name_span(&self) -> Span {
        Span { end: self.span.start + self.name().len() as u32, ..self.span }
    }

    /// Whether it makes a define.
    pub(super) fn defines(&self) -> bool {
        matches!(
            self.word,
            "define"
                | "def"
                | "trydefine"
                | "trydef"
                | "redefine"
                | "redef"
                | "defexp"
                | "defexps"
                | "defenv"
                | "defenvs"
                | "trydefenv"
                | "trydefenvs"
        )
    }

    /// Whether it asks for one.
    pub(super) fn tests(&self) -> bool {
        matches!(self.word, "ifdef" | "ifndef" | "ifexp")
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

impl<'a> Raw<'a> {
    /// What the files of a config hold, gathered when it is first asked for.
    pub(in crate::lint) fn of<'s>(subject: &'s Subject<'a>) -> &'s Raw<'a> {
        subject.raw.get_or_init(|| Raw::read(subject.sources))
    }

    /// The define of a name whose value holds this text.
    pub(in crate::lint) fn define_with(&self, name: &[u8], value: &[u8]) -> Option<Span> {
        let its = self.directives.iter().filter(|its| its.defines() && its.name() == name);
        its.rev().find(|its| memchr::memmem::find(its.argument, value).is_some()).map(|its| its.span)
    }

    /// Whether a place is in a branch that depends on the release of Kamailio.
    pub(in crate::lint) fn asks_release(&self, place: Span) -> bool {
        let mut open: Vec<bool> = Vec::new();
        let before = self.directives.iter().filter(|its| its.span.file == place.file && its.span.start < place.start);
        for its in before {
            match its.word {
                "ifdef" | "ifndef" | "ifexp" => {
                    open.push(memchr::memmem::find(its.argument, b"KAMAILIO_").is_some());
                }
                "endif" => _ = open.pop(),
                _ => {}
            }
        }
        open.contains(&true)
    }

    fn read(sources: &'a Sources) -> Raw<'a> {
        let mut raw = Raw::default();
        for file in sources.files() {
            let text = sources.text(file);
            if sources.path(file).as_os_str() == COMMAND_LINE {
                raw.words(text);
            } else {
                raw.file(text, file);
            }
        }
        raw
    }

    /// The names that `-A` and its like define.
    pub(super) fn command_line(subject: &Subject<'a>) -> Vec<&'a [u8]> {
        let files = subject.sources.files().filter(|file| subject.sources.path(*file).as_os_str() == COMMAND_LINE);
        files.filter_map(|file| subject.sources.text(file).split(|byte| *byte == b'=').next()).collect()
    }

    fn file(&mut self, text: &'a [u8], file: FileId) {
        let mut at = 0;
        while at < text.len() {
            let line = || memchr::memchr(b'\n', &text[at..]).map_or(text.len(), |length| at + length);
            match text[at] {
                b'#' | b'!' if directive(text, at).is_some() => {
                    let end = continued(text, at);
                    if let Some((word, start)) = directive(text, at) {
                        let argument = text[start..end].trim_ascii();
                        let start = (end - text[start..end].trim_ascii_start().len()).min(end);
                        let span = Span { file, start: start as u32, end: (start + argument.len()) as u32 };
                        self.words(argument);
                        if matches!(word, "include_file" | "import_file") {
                            self.includes += 1;
                        }
                        self.directives.push(Directive { word, argument, span });
                    }
                    at = end;
                }
                b'#' => at = self.comment(text, at, line(), file),
                b'/' if text[at..].starts_with(b"//") => at = self.comment(text, at, line(), file),
                b'/' if text[at..].starts_with(b"/*") => {
                    at = memchr::memmem::find(&text[at..], b"*/").map_or(text.len(), |length| at + length + 2);
                }
                quote @ (b'"' | b'\'') => {
                    let end = string_end(text, at, quote);
                    self.words(&text[at..end]);
                    at = end;
                }
                byte if is_word(byte) => {
                    let end =
                        text[at..].iter().position(|byte| !is_word(*byte)).map_or(text.len(), |length| at + length);
                    let word = &text[at..end];
                    *self.words.entry(word).or_default() += 1;
                    if matches!(word, b"include_file" | b"import_file") {
                        self.includes += 1;
                    }
                    at = end;
                }
                _ => at += 1,
            }
        }
    }

    fn comment(&mut self, text: &'a [u8], at: usize, end: usize, file: FileId) -> usize {
        let comment = text[at..end].trim_ascii_end();
        let span = Span { file, start: at as u32, end: (at + comment.len()) as u32 };
        self.comments.push((comment, span));
        end
    }

    fn words(&mut self, text: &'a [u8]) {
        for word in text.split(|byte| !is_word(*byte)).filter(|word| !word.is_empty()) {
            *self.words.entry(word).or_default() += 1;
        }
    }
}

/// The word of a directive at `at`, and where it ends.
fn directive(text: &[u8], at: usize) -> Option<(&str, usize)> {
    let start = at + 2;
    if !matches!(text.get(at..start)?, b"#!" | b"!!") || !text.get(start)?.is_ascii_alphabetic() {
        return None;
    }
    let end = text[start..].iter().position(|byte| !is_word(*byte)).map_or(text.len(), |length| start + length);
    Some((std::str::from_utf8(&text[start..end]).ok()?, end))
}

/// The end of a line, going on behind a backslash.
fn continued(text: &[u8], at: usize) -> usize {
    let mut from = at;
    loop {
        let end = memchr::memchr(b'\n', &text[from..]).map_or(text.len(), |length| from + length);
        if end == text.len() || !text[from..end].trim_ascii_end().ends_with(b"\\") {
            return end;
        }
        from = end + 1;
    }
}

fn string_end(text: &[u8], at: usize, quote: u8) -> usize {
    let mut end = at + 1;
    while let Some(byte) = text.get(end) {
        match byte {
            b'\\' if quote == b'"' => end += 1,
            byte if *byte == quote => return end + 1,
            _ => {}
        }
        end += 1;
    }
    text.len()
}
