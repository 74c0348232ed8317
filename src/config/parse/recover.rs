//! A route that does not parse, read statement by statement: each mistake is reported, the rest is kept.

use super::cut::{closing, skip_blanks, token_end, word};
use super::{Reader, Rule};
use crate::config::ast::{Block, Branch, Case, Expression, ExpressionKind, Route, Statement, StatementKind};
use crate::source::Diagnostic;
use std::ops::Range;

/// Words that only begin a statement: where one stands, the statement before it has ended.
fn begins_statement(word: &[u8]) -> bool {
    matches!(
        word,
        b"if" | b"else" | b"while" | b"switch" | b"case" | b"default" | b"break" | b"return" | b"exit" | b"drop"
    )
}

/// Statements nest no deeper here, and `else if` without braces goes no further.
const DEEPEST: usize = 200;

impl Reader<'_> {
    /// Reads a route whose text does not parse as a whole. `known` says that the reason is reported already.
    pub(super) fn recover_route(&mut self, range: Range<usize>, known: bool) -> Option<Route> {
        let text = self.text.as_bytes();
        let before = self.diagnostics.len();
        let open = (range.start..range.end).find(|&at| text[at] == b'{').unwrap_or(range.end);
        let head_range = range.start..open;
        let head = match self.run(Rule::only_route, head_range.clone()) {
            Ok(mut pairs) => {
                let head = pairs.next().and_then(|pair| pair.into_inner().next());
                head.and_then(|pair| self.route_head(pair, range.start))
            }
            Err(error) => {
                self.fault(&error, head_range);
                None
            }
        };
        if open == range.end {
            if head.is_some() {
                let place = self.expanded.span_after(range.end);
                self.report(Diagnostic::error("syntax", "expected `{`", place));
            }
            return None;
        }
        let end = closing(text, open, range.end).unwrap_or(range.end);
        let body = self.recover_block(open, end, 0);
        if !known && self.diagnostics.len() == before {
            // The whole did not parse, so its parts cannot all be right; say at least where.
            if let Err(error) = self.run(Rule::top, range.clone()) {
                self.fault(&error, range);
            }
        }
        Some(Route { body, ..head? })
    }

    /// The block from the brace at `open` to `end`, behind its closing brace.
    fn recover_block(&mut self, open: usize, end: usize, depth: usize) -> Block {
        let text = self.text.as_bytes();
        let inner = if text[..end].ends_with(b"}") && end > open + 1 { end - 1 } else { end };
        let before = self.diagnostics.len();
        let statements = self.recover_statements(open + 1..inner, depth);
        let span = self.span(open..end);
        if statements.is_empty() && self.diagnostics.len() == before {
            self.empty_block(span);
        }
        Block { statements, span }
    }

    fn recover_statements(&mut self, range: Range<usize>, depth: usize) -> Vec<Statement> {
        let text = self.text.as_bytes();
        let mut statements = Vec::new();
        let mut at = skip_blanks(text, range.start);
        while at < range.end && self.diagnostics.len() < super::MOST_DIAGNOSTICS {
            let (statement, end) = self.recover_statement(at, range.end, depth);
            statements.extend(statement);
            at = skip_blanks(text, end.max(at + 1));
        }
        statements
    }

    /// The statement at `at`, and where the next one begins.
    fn recover_statement(&mut self, at: usize, limit: usize, depth: usize) -> (Option<Statement>, usize) {
        let text = self.text.as_bytes();
        if depth > DEEPEST {
            self.too_deep(at);
            return (None, limit);
        }
        let first = word(text, at);
        if matches!(first, b"if" | b"while" | b"switch")
            && let Some(open) = head_end(text, at, limit)
        {
            return self.recover_compound(at, open, limit, depth);
        }
        let end = simple_end(text, at, limit);
        let mut statement = self.one_statement(at..end);
        let next = skip_blanks(text, end);
        if first == b"if" && word(text, next) == b"else" && next < limit {
            let mut more = Vec::new();
            let (otherwise, end) = self.recover_chain(next, limit, depth, &mut more);
            if let Some(Statement { kind: StatementKind::If { more: behind, otherwise: last @ None, .. }, .. }) =
                &mut statement
            {
                behind.extend(more);
                *last = otherwise;
            }
            return (statement, end);
        }
        (statement, end)
    }

    /// A statement that is read as a whole.
    fn one_statement(&mut self, range: Range<usize>) -> Option<Statement> {
        match self.run(Rule::only_statement, range.clone()) {
            Ok(mut pairs) => {
                let pair = pairs.next()?.into_inner().next()?;
                self.statement(pair, range.start)
            }
            Err(error) => {
                self.fault(&error, range);
                None
            }
        }
    }

    /// `if`, `while` or `switch` at `at` whose block opens at `open`.
    fn recover_compound(&mut self, at: usize, open: usize, limit: usize, depth: usize) -> (Option<Statement>, usize) {
        let text = self.text.as_bytes();
        let condition = self.recover_condition(at, open);
        let mut end = closing(text, open, limit).unwrap_or(limit);
        let kind = match word(text, at) {
            b"switch" => {
                let inner = if text[..end].ends_with(b"}") { end - 1 } else { end };
                StatementKind::Switch { value: condition, cases: self.recover_cases(open + 1..inner, depth + 1) }
            }
            b"while" => StatementKind::While { condition, body: self.recover_block(open, end, depth + 1) },
            _ => {
                let then = self.recover_block(open, end, depth + 1);
                let first = Branch { condition, then, span: self.span(at..end) };
                let (next, mut more) = (skip_blanks(text, end), Vec::new());
                let mut otherwise = None;
                if next < limit && word(text, next) == b"else" {
                    (otherwise, end) = self.recover_chain(next, limit, depth, &mut more);
                }
                StatementKind::If { first, more, otherwise }
            }
        };
        (Some(Statement { kind, span: self.span(at..end) }), end)
    }

    /// All that follows an `if`, from the `else` at `at` on.
    fn recover_chain(
        &mut self,
        at: usize,
        limit: usize,
        depth: usize,
        more: &mut Vec<Branch>,
    ) -> (Option<Block>, usize) {
        let (text, mut at) = (self.text.as_bytes(), at);
        loop {
            let next = skip_blanks(text, at + b"else".len());
            let open = if word(text, next) == b"if" { head_end(text, next, limit) } else { None };
            let Some(open) = open else { break };
            let condition = self.recover_condition(next, open);
            let end = closing(text, open, limit).unwrap_or(limit);
            let then = self.recover_block(open, end, depth + 1);
            more.push(Branch { condition, then, span: self.span(next..end) });
            at = skip_blanks(text, end);
            if at >= limit || word(text, at) != b"else" || self.diagnostics.len() >= super::MOST_DIAGNOSTICS {
                return (None, end);
            }
        }
        let (otherwise, end) = self.recover_else(at, limit, depth);
        // `else if` without braces is read as a statement of its own.
        match otherwise {
            Some(Block { mut statements, .. })
                if statements.len() == 1 && word(text, skip_blanks(text, at + b"else".len())) == b"if" =>
            {
                match statements.pop().map(|statement| statement.kind) {
                    Some(StatementKind::If { first, more: behind, otherwise }) => {
                        more.push(first);
                        more.extend(behind);
                        (otherwise, end)
                    }
                    _ => (None, end),
                }
            }
            otherwise => (otherwise, end),
        }
    }

    /// The condition between `at` and the brace at `open`. The statement is kept even when it is lost, so that what is inside is known.
    fn recover_condition(&mut self, at: usize, open: usize) -> Expression {
        let found = match self.run(Rule::only_head, at..open) {
            Ok(mut pairs) => {
                let pair = pairs.next().and_then(|pair| pair.into_inner().nth(1));
                pair.map(|pair| self.condition(pair, at))
            }
            Err(error) => {
                self.fault(&error, at..open);
                None
            }
        };
        found.unwrap_or_else(|| Expression { kind: ExpressionKind::Int(1), span: self.span(at..open) })
    }

    /// The `else` at `at`.
    fn recover_else(&mut self, at: usize, limit: usize, depth: usize) -> (Option<Block>, usize) {
        let text = self.text.as_bytes();
        let next = skip_blanks(text, at + b"else".len());
        if next >= limit {
            let place = self.expanded.span_after(at + b"else".len());
            self.report(Diagnostic::error("syntax", "expected a statement behind `else`", place));
            return (None, limit);
        }
        if text[next] == b'{' {
            let end = closing(text, next, limit).unwrap_or(limit);
            return (Some(self.recover_block(next, end, depth + 1)), end);
        }
        let (statement, end) = self.recover_statement(next, limit, depth + 1);
        let span = self.span(next..end);
        (Some(Block { statements: statement.into_iter().collect(), span }), end)
    }

    /// The labels of a `switch` with their statements.
    fn recover_cases(&mut self, range: Range<usize>, depth: usize) -> Vec<Case> {
        let text = self.text.as_bytes();
        let mut cases = Vec::new();
        let mut at = skip_blanks(text, range.start);
        while at < range.end && self.diagnostics.len() < super::MOST_DIAGNOSTICS {
            let next = next_label(text, token_end(text, at), range.end);
            if !matches!(word(text, at), b"case" | b"default") {
                let place = self.span(at..token_end(text, at));
                self.report(Diagnostic::error("syntax", "expected `case` or `default`", place));
                at = next;
                continue;
            }
            let colon = label_end(text, at, next);
            let label_range = at..colon.unwrap_or(token_end(text, skip_blanks(text, token_end(text, at))).min(next));
            let label = match self.run(Rule::only_label, label_range.clone()) {
                Ok(mut pairs) => {
                    let pair = pairs.next().and_then(|pair| pair.into_inner().next());
                    pair.and_then(|pair| self.case_label(pair, at))
                }
                Err(error) => {
                    self.fault(&error, label_range.clone());
                    None
                }
            };
            if colon.is_none() {
                let place = self.expanded.span_after(label_range.end);
                self.report(Diagnostic::error("syntax", "expected `:`", place).help("a label ends with `:`"));
            }
            let body = self.recover_statements(colon.map_or(label_range.end, |colon| colon + 1)..next, depth);
            if let Some(label) = label {
                cases.push(Case { label, body, span: self.span(label_range) });
            }
            at = skip_blanks(text, next);
        }
        cases
    }
}

/// The brace that opens the body of the `if`, `while` or `switch` at `at`; none when its body has no braces.
fn head_end(text: &[u8], at: usize, limit: usize) -> Option<usize> {
    let mut next = skip_blanks(text, token_end(text, at));
    let mut previous = b'(';
    while next < limit {
        match text[next] {
            // Behind an opening parenthesis or an operator a brace opens an operand.
            b'{' if matches!(previous, b'(' | b'&' | b'|' | b'=' | b',' | b'!') => {
                next = skip_blanks(text, closing(text, next, limit)?);
                previous = b'}';
                continue;
            }
            b'{' => return Some(next),
            b';' | b'}' => return None,
            _ if begins_statement(word(text, next)) => return None,
            byte => previous = byte,
        }
        next = skip_blanks(text, token_end(text, next));
    }
    None
}

/// Where the statement at `at`, which has no block as its body, ends.
fn simple_end(text: &[u8], at: usize, limit: usize) -> usize {
    // The head of an `if` without braces belongs to the statement that follows it.
    let mut head = matches!(word(text, at), b"if" | b"while" | b"switch");
    let mut end = token_end(text, at);
    let mut next = skip_blanks(text, end);
    if text[at] == b';' {
        return end;
    }
    if text[at] == b'{' {
        return closing(text, at, limit).unwrap_or(limit);
    }
    while next < limit {
        match text[next] {
            b';' => return next + 1,
            b'{' => return closing(text, next, limit).unwrap_or(limit),
            b'}' => return end,
            _ if begins_statement(word(text, next)) => {
                if !head {
                    return end;
                }
                head = false;
            }
            _ => {}
        }
        end = token_end(text, next).min(limit);
        next = skip_blanks(text, end);
    }
    end
}

/// The next `case` or `default` from `at` that is not inside braces.
fn next_label(text: &[u8], at: usize, limit: usize) -> usize {
    let mut next = skip_blanks(text, at);
    while next < limit {
        if matches!(word(text, next), b"case" | b"default") {
            return next;
        }
        let end = if text[next] == b'{' { closing(text, next, limit).unwrap_or(limit) } else { token_end(text, next) };
        next = skip_blanks(text, end);
    }
    limit
}

/// The colon that ends the label at `at`.
fn label_end(text: &[u8], at: usize, limit: usize) -> Option<usize> {
    let mut next = skip_blanks(text, token_end(text, at));
    while next < limit && !matches!(text[next], b';' | b'{' | b'}') {
        if text[next] == b':' {
            return Some(next);
        }
        next = skip_blanks(text, token_end(text, next));
    }
    None
}
