//! Strings and pseudo-variables: where they end, what `#!subst` makes of them, and what to do when they do not end.

use super::lexer::{is_blank, is_word, string_end, variable_end, word_end};
use super::origin::Origin;
use super::{
    Define, Expect, Input, LARGEST_TEXT, LONGEST_STRING, MOST_SUBSTITUTED, MOST_UNCLOSED, Preprocessor, RULE_STEP,
    lexer,
};
use crate::config::literal;
use crate::source::{Diagnostic, Span};

impl Preprocessor<'_> {
    /// A string, with the double-quoted ones that follow it when rules have to see them joined.
    pub(super) fn string(&mut self, input: &Input, at: usize) -> usize {
        let text = &input.text[..];
        let end = match string_end(text, at) {
            Some(end) if !is_suspicious(text, at, end) => end,
            found => return self.unterminated(input, at, found),
        };
        let expected = self.expect;
        if self.rules.is_empty() {
            self.copy(input, at, end);
            self.loaded(expected, &literal::string(&text[at..end]), input, at, end);
            return end;
        }
        let mut value = literal::string(&text[at..end]);
        let mut last = end;
        if text[at] == b'"' {
            loop {
                let next = lexer::skip_blanks(text, last, true);
                let Some(end) = (text.get(next) == Some(&b'"')).then(|| string_end(text, next)).flatten() else {
                    break;
                };
                value.extend(literal::string(&text[next..end]));
                last = end;
            }
        }
        match self.substitute(&value, input.span(at, last)) {
            Some(changed) => {
                self.expect = Expect::Nothing;
                let origin = Origin::Replaced(input.span(at, last), input.value.map(|(_, define)| define));
                self.out.push(&literal::quote(&changed), origin);
                self.loaded(expected, &changed, input, at, last);
            }
            None => {
                self.copy(input, at, last);
                self.loaded(expected, &value, input, at, last);
            }
        }
        last
    }

    /// A pseudo-variable.
    pub(super) fn variable(&mut self, input: &Input, at: usize) -> usize {
        let text = &input.text[..];
        match variable_end(text, at) {
            Ok(end) => {
                match self.substitute(&text[at..end], input.span(at, end)) {
                    Some(changed) => {
                        self.expect = Expect::Nothing;
                        let origin = Origin::Replaced(input.span(at, end), input.value.map(|(_, define)| define));
                        self.out.push(&changed, origin);
                    }
                    None => {
                        self.copy(input, at, end);
                    }
                }
                end
            }
            Err(open) => {
                let name_end = word_end(text, open + 1);
                let end = unclosed_end(text, name_end);
                let found = Diagnostic::error(
                    "syntax-unterminated-variable",
                    "the parenthesis of this pseudo-variable is not closed",
                    input.span(at, end),
                );
                let name = String::from_utf8_lossy(&text[at..name_end]);
                self.report(if text[name_end..end].contains(&b'(') {
                    found.note("a parenthesis in a transformation counts as well").help("give it its partner")
                } else {
                    found.help(format!("write `{name})`"))
                });
                self.unclosed += 1;
                self.stopped |= self.unclosed > MOST_UNCLOSED;
                self.copy(input, at, name_end);
                self.out.push(b")", Origin::Replaced(input.span(at, end), None));
                end
            }
        }
    }

    /// `value`, which stands at `span`, after all rules, when one of them changes it.
    pub(super) fn substitute(&mut self, value: &[u8], span: Span) -> Option<Vec<u8>> {
        let mut changed: Option<Vec<u8>> = None;
        let mut exceeded = false;
        let most = value.len() + LONGEST_STRING;
        for rule in &self.rules {
            let text = changed.as_deref().unwrap_or(value);
            self.substituted += RULE_STEP + rule.cost(text.len());
            if self.substituted > MOST_SUBSTITUTED {
                exceeded = true;
                break;
            }
            if let Some((next, matches)) = rule.apply(text, most) {
                self.substituted += matches * RULE_STEP;
                exceeded |= next.len() > most;
                changed = Some(next);
            }
            exceeded |= self.out.text.len() + changed.as_ref().map_or(0, Vec::len) > LARGEST_TEXT;
            if exceeded {
                break;
            }
        }
        if exceeded && !self.stopped {
            let message = "the text grows without bounds: substitution rules repeat too much";
            self.report(Diagnostic::error("input-too-large", message, span));
            self.stopped = true;
        }
        changed
    }

    /// A string behind `loadmodule` defines `MOD_<name>`.
    fn loaded(&mut self, expected: Expect, value: &[u8], input: &Input, at: usize, end: usize) {
        if expected != Expect::Module {
            return;
        }
        let file = value.rsplit(|&byte| byte == b'/').next().unwrap_or(value);
        let name = [b"MOD_", file.strip_suffix(b".so").unwrap_or(file)].concat();
        self.defines.entry(name).or_insert(Define { value: None, span: input.span(at, end), unset: None });
    }

    /// Reports a string without its closing quote, and goes on as if it stood at the end of the line, before what
    /// ends the statement there.
    fn unterminated(&mut self, input: &Input, at: usize, found: Option<usize>) -> usize {
        let text = &input.text[..];
        let line = lexer::line_end(text, at);
        let tail = text[at + 1..line].iter().rev().take_while(|byte| is_blank(**byte) || b");{".contains(byte)).count();
        let end = line - tail;
        let mut diagnostic = Diagnostic::error(
            "syntax-unterminated-string",
            "this string has no closing quote",
            input.span(at, end.max(at + 1)),
        );
        if let Some(found) = found {
            diagnostic = diagnostic.label(input.span(found - 1, found), "the next quote, which begins another string");
        }
        let quote = text[at] as char;
        self.report(diagnostic.help(format!("add the missing `{quote}`")));
        let value = match text[at] {
            b'"' => literal::string(&[&text[at..end], b"\""].concat()),
            _ => text[at + 1..end].to_vec(),
        };
        self.expect = Expect::Nothing;
        self.out.push(&literal::quote(&value), Origin::Replaced(input.span(at, end), None));
        end
    }
}

/// Whether a closing quote rather opens the next string: the text between spans lines, and what follows could not
/// follow a string.
fn is_suspicious(text: &[u8], at: usize, end: usize) -> bool {
    let follows = text.get(end).copied().unwrap_or(b'\n');
    let odd = is_word(follows) || matches!(follows, b'$' | b'\\' | b'%' | b'<' | b'[' | b'@' | b':');
    odd && memchr::memchr(b'\n', &text[at..end]).is_some()
}

/// Where an unclosed variable was meant to end whose name ends at `at`: behind its transformations in this line, and the
/// parenthesis that stands there.
fn unclosed_end(text: &[u8], mut at: usize) -> usize {
    let line = &text[..lexer::line_end(text, at)];
    while line.get(at) == Some(&b'{') {
        let Some(length) = memchr::memchr(b'}', &line[at..]) else { break };
        at += length + 1;
    }
    at + usize::from(line.get(at) == Some(&b')'))
}
