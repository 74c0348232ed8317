//! Comments that silence a rule where its finding is meant.
//!
//! `# alanui: allow(code) reason` at the end of a line silences the rule on that line; on a line of its own, in the statement or block that
//! follows; `# alanui: allow-file(code) reason` anywhere, in the whole file. Several codes stand between commas. Errors and security findings
//! want the reason.

use super::{Severity, rule};
use crate::config::Config;
use crate::config::ast::{Block, Item};
use crate::config::walk::{self, Node};
use crate::source::{Diagnostic, FileId, Level, Sources, Span};

const MARK: &[u8] = b"alanui:";

/// Which findings the author allows.
#[derive(Debug)]
pub struct Allowed {
    list: Vec<Allow>,
}

#[derive(Debug)]
struct Allow {
    code: String,
    /// The comment.
    span: Span,
    /// Offsets of the text it speaks of.
    from: u32,
    to: u32,
    used: bool,
}

impl Allowed {
    /// Finds the comments in every file; one that is malformed, or lacks its reason, is reported.
    pub(super) fn read(
        config: &Config,
        sources: &Sources,
        files: impl Iterator<Item = FileId>,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Allowed {
        let mut list = Vec::new();
        for file in files {
            let text = sources.text(file);
            for at in memchr::memmem::find_iter(text, MARK) {
                comment(config, file, text, at, &mut list, diagnostics);
            }
        }
        Allowed { list }
    }

    /// Whether a finding is allowed.
    pub(super) fn covers(&mut self, diagnostic: &Diagnostic) -> bool {
        let Some(label) = diagnostic.labels.first() else { return false };
        let span = label.span;
        let fits = |allow: &&mut Allow| {
            let inside = allow.from <= span.start && span.start < allow.to.max(allow.from + 1);
            allow.code == diagnostic.code && allow.span.file == span.file && inside
        };
        match self.list.iter_mut().find(fits) {
            Some(allow) => {
                allow.used = true;
                true
            }
            None => false,
        }
    }

    /// Tells of comments that silence nothing.
    pub(super) fn unused(&self, diagnostics: &mut Vec<Diagnostic>) {
        for allow in self.list.iter().filter(|allow| !allow.used) {
            let message = format!("nothing here is reported as {}", allow.code);
            diagnostics.push(Diagnostic::new(Level::Note, "unused-allow", message, allow.span));
        }
    }
}

fn comment(
    config: &Config,
    file: FileId,
    text: &[u8],
    at: usize,
    list: &mut Vec<Allow>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let line_start = memchr::memrchr(b'\n', &text[..at]).map_or(0, |before| before + 1);
    let line_end = memchr::memchr(b'\n', &text[at..]).map_or(text.len(), |length| at + length);
    let before = text[line_start..at].trim_ascii_end();
    let Some(code_before) = ["#".as_bytes(), b"//", b"--"].into_iter().find_map(|mark| before.strip_suffix(mark))
    else {
        return;
    };
    let span = Span {
        file,
        start: (line_start + code_before.len()) as u32,
        end: text[..line_end].trim_ascii_end().len() as u32,
    };
    let said = String::from_utf8_lossy(&text[at + MARK.len()..line_end]).into_owned();
    let said = said.trim();
    let (whole_file, rest) = match (said.strip_prefix("allow-file("), said.strip_prefix("allow(")) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        (None, None) => {
            let found = Diagnostic::warning("bad-allow", "this comment to alanui is not understood", span);
            return diagnostics.push(found.help("write `# alanui: allow(code) reason`"));
        }
    };
    let Some((codes, reason)) = rest.split_once(')') else {
        let found = Diagnostic::warning("bad-allow", "the `)` is missing", span);
        return diagnostics.push(found.help("write `# alanui: allow(code) reason`"));
    };
    let (from, to) = if whole_file {
        (0, text.len() as u32)
    } else if code_before.trim_ascii().is_empty() {
        let next = next_line(text, line_end);
        (next, extent(config, file, text, next))
    } else {
        (line_start as u32, line_end as u32)
    };
    for code in codes.split(',').map(str::trim) {
        match rule(code) {
            None => {
                let message = format!("there is no rule {code}");
                diagnostics.push(Diagnostic::warning("bad-allow", message, span));
            }
            Some(rule) if matches!(rule.severity, Severity::Error | Severity::Security) && reason.trim().is_empty() => {
                let message = format!("say why {code} is allowed here");
                let found = Diagnostic::warning("bad-allow", message, span);
                diagnostics.push(found.help(format!("write `# alanui: allow({code}) reason`")));
            }
            Some(_) => list.push(Allow { code: code.to_owned(), span, from, to, used: false }),
        }
    }
}

/// Where the next line begins that is neither empty nor a comment.
fn next_line(text: &[u8], line_end: usize) -> u32 {
    let mut at = (line_end + 1).min(text.len());
    while at < text.len() {
        let end = memchr::memchr(b'\n', &text[at..]).map_or(text.len(), |length| at + length);
        let line = text[at..end].trim_ascii();
        if !line.is_empty() && !line.starts_with(b"#") && !line.starts_with(b"//") {
            break;
        }
        at = end + 1;
    }
    at.min(text.len()) as u32
}

/// The end of the route, statement or line that begins on the line at `from`.
fn extent(config: &Config, file: FileId, text: &[u8], from: u32) -> u32 {
    let line_end =
        memchr::memchr(b'\n', &text[from as usize..]).map_or(text.len(), |length| from as usize + length) as u32;
    let begins = |span: Span| span.file == file && (from..=line_end).contains(&span.start);
    let mut end = line_end;
    for item in &config.tree.items {
        let Item::Route(route) = item else { continue };
        if begins(route.head) {
            end = end.max(route.body.span.end);
        } else if route.body.span.file == file {
            within(&route.body, &begins, &mut end);
        }
    }
    end
}

/// The furthest end of a statement of the block, however deep, that begins where it is asked for.
fn within(block: &Block, begins: &dyn Fn(Span) -> bool, end: &mut u32) {
    walk::block(block, &mut |node| {
        if let Node::Statement(statement) = node
            && begins(statement.span)
        {
            *end = (*end).max(statement.span.end);
        }
    });
}
