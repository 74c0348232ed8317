//! A route that does not parse, read statement by statement: each mistake is reported, the rest is kept.

use super::cut::{closing, skip_blanks, token_end, word};
use super::{Reader, Rule};
use crate::config::ast::{Block, Branch, Case, CaseLabel, Expression, ExpressionKind, Route, Statement, StatementKind};
use crate::source::{Diagnostic, Span};
use pest::iterators::Pairs;
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

/// A route whose text does not parse as a whole.
pub(super) struct BrokenRoute<'r, 'a> {
    reader: &'r mut Reader<'a>,
    text: &'a [u8],
    /// Where the statements at hand end.
    limit: usize,
    /// How deep they nest.
    depth: usize,
}

impl<'a> BrokenRoute<'_, 'a> {
    /// Reads what can be read of the route in a range. `known` says that the reason why it does not parse is reported already.
    pub(super) fn read(reader: &mut Reader<'a>, range: Range<usize>, known: bool) -> Option<Route> {
        let mut route = BrokenRoute { text: reader.text.as_bytes(), reader, limit: range.end, depth: 0 };
        let text = route.text;
        let before = route.reader.faults.count();
        let open = (range.start..range.end).find(|&at| text[at] == b'{').unwrap_or(range.end);
        let head = route.head(range.start..open);
        if open == range.end {
            if head.is_some() {
                let place = route.reader.expanded.span_after(range.end);
                route.reader.faults.report(Diagnostic::error("syntax", "expected `{`", place));
            }
            return None;
        }
        let end = closing(text, open, range.end).unwrap_or(range.end);
        let body = route.block(open, end);
        if !known && route.reader.faults.count() == before {
            // The whole did not parse, so its parts cannot all be right; say at least where.
            route.parsed(Rule::top, range);
        }
        Some(Route { body, ..head? })
    }

    /// What a rule of the grammar makes of a range; reported when it does not match.
    fn parsed(&mut self, rule: Rule, range: Range<usize>) -> Option<Pairs<'a, Rule>> {
        let read = self.reader.run(rule, range.clone());
        read.map_err(|error| self.reader.faults.mismatch(&error, range)).ok()
    }

    fn head(&mut self, range: Range<usize>) -> Option<Route> {
        let base = range.start;
        let pair = self.parsed(Rule::only_route, range)?.next()?.into_inner().next()?;
        self.reader.route_head(pair, base)
    }

    /// Reads something one level deeper.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        self.depth += 1;
        let found = read(self);
        self.depth -= 1;
        found
    }

    /// The block from the brace at `open` to `end`, behind its closing brace.
    fn block(&mut self, open: usize, end: usize) -> Block {
        let inner = if self.text[..end].ends_with(b"}") && end > open + 1 { end - 1 } else { end };
        let before = self.reader.faults.count();
        let statements = self.statements(open + 1..inner);
        let span = self.span(open..end);
        if statements.is_empty() && self.reader.faults.count() == before {
            self.reader.faults.empty_block(span);
        }
        Block { statements, span }
    }

    fn statements(&mut self, range: Range<usize>) -> Vec<Statement> {
        let outer = std::mem::replace(&mut self.limit, range.end);
        let mut statements = Vec::new();
        let mut at = skip_blanks(self.text, range.start);
        while at < range.end && !self.reader.faults.is_full() {
            let (statement, end) = self.statement(at);
            statements.extend(statement);
            at = skip_blanks(self.text, end.max(at + 1));
        }
        self.limit = outer;
        statements
    }

    /// The statement at `at`, and where the next one begins.
    fn statement(&mut self, at: usize) -> (Option<Statement>, usize) {
        if self.depth > DEEPEST {
            self.reader.faults.too_deep(at);
            return (None, self.limit);
        }
        let first = word(self.text, at);
        if matches!(first, b"if" | b"while" | b"switch")
            && let Some(open) = head_end(self.text, at, self.limit)
        {
            let (statement, end) = self.compound(at, open);
            return (Some(statement), end);
        }
        let end = simple_end(self.text, at, self.limit);
        let mut statement = self.one_statement(at..end);
        let next = skip_blanks(self.text, end);
        if first == b"if" && self.is_else(next) {
            let mut more = Vec::new();
            let (otherwise, end) = self.chain(next, &mut more);
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
        let base = range.start;
        let pair = self.parsed(Rule::only_statement, range)?.next()?.into_inner().next()?;
        self.reader.statement(pair, base)
    }

    /// `if`, `while` or `switch` at `at` whose block opens at `open`, and where the next statement begins.
    fn compound(&mut self, at: usize, open: usize) -> (Statement, usize) {
        let text = self.text;
        let condition = self.condition(at, open);
        let mut end = self.closing(open);
        let kind = match word(text, at) {
            b"switch" => {
                let inner = if text[..end].ends_with(b"}") { end - 1 } else { end };
                let cases = self.deeper(|inside| inside.cases(open + 1..inner));
                StatementKind::Switch { value: condition, cases }
            }
            b"while" => {
                let body = self.deeper(|inside| inside.block(open, end));
                StatementKind::While { condition, body }
            }
            _ => {
                let then = self.deeper(|inside| inside.block(open, end));
                let first = Branch { condition, then, span: self.span(at..end) };
                let (next, mut more) = (skip_blanks(text, end), Vec::new());
                let mut otherwise = None;
                if self.is_else(next) {
                    (otherwise, end) = self.chain(next, &mut more);
                }
                StatementKind::If { first, more, otherwise }
            }
        };
        (Statement { kind, span: self.span(at..end) }, end)
    }

    /// All that follows an `if`, from the `else` at `at` on.
    fn chain(&mut self, at: usize, more: &mut Vec<Branch>) -> (Option<Block>, usize) {
        let (text, mut at) = (self.text, at);
        loop {
            let next = skip_blanks(text, at + b"else".len());
            let open = if word(text, next) == b"if" { head_end(text, next, self.limit) } else { None };
            let Some(open) = open else { break };
            let condition = self.condition(next, open);
            let end = self.closing(open);
            let then = self.deeper(|inside| inside.block(open, end));
            more.push(Branch { condition, then, span: self.span(next..end) });
            at = skip_blanks(text, end);
            if !self.is_else(at) || self.reader.faults.is_full() {
                return (None, end);
            }
        }
        let (otherwise, end) = self.otherwise(at);
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
    fn condition(&mut self, at: usize, open: usize) -> Expression {
        let pair = self.parsed(Rule::only_head, at..open).and_then(|mut pairs| pairs.next()?.into_inner().nth(1));
        match pair {
            Some(pair) => self.reader.condition(pair, at),
            None => Expression { kind: ExpressionKind::Int(1), span: self.span(at..open) },
        }
    }

    /// The `else` at `at`.
    fn otherwise(&mut self, at: usize) -> (Option<Block>, usize) {
        let next = skip_blanks(self.text, at + b"else".len());
        if next >= self.limit {
            let place = self.reader.expanded.span_after(at + b"else".len());
            let found = Diagnostic::error("syntax", "expected a statement behind `else`", place);
            self.reader.faults.report(found);
            return (None, self.limit);
        }
        if self.text[next] == b'{' {
            let end = self.closing(next);
            return (Some(self.deeper(|inside| inside.block(next, end))), end);
        }
        let (statement, end) = self.deeper(|inside| inside.statement(next));
        let span = self.span(next..end);
        (Some(Block { statements: statement.into_iter().collect(), span }), end)
    }

    /// The labels of a `switch` with their statements.
    fn cases(&mut self, range: Range<usize>) -> Vec<Case> {
        let text = self.text;
        let mut cases = Vec::new();
        let mut at = skip_blanks(text, range.start);
        while at < range.end && !self.reader.faults.is_full() {
            let next = next_label(text, token_end(text, at), range.end);
            if !matches!(word(text, at), b"case" | b"default") {
                let place = self.span(at..token_end(text, at));
                self.reader.faults.report(Diagnostic::error("syntax", "expected `case` or `default`", place));
                at = next;
                continue;
            }
            let colon = label_end(text, at, next);
            let label_range = at..colon.unwrap_or(token_end(text, skip_blanks(text, token_end(text, at))).min(next));
            let label = self.label(label_range.clone());
            if colon.is_none() {
                let place = self.reader.expanded.span_after(label_range.end);
                let found = Diagnostic::error("syntax", "expected `:`", place);
                self.reader.faults.report(found.help("a label ends with `:`"));
            }
            let body = self.statements(colon.map_or(label_range.end, |colon| colon + 1)..next);
            if let Some(label) = label {
                cases.push(Case { label, body, span: self.span(label_range) });
            }
            at = skip_blanks(text, next);
        }
        cases
    }

    fn label(&mut self, range: Range<usize>) -> Option<CaseLabel> {
        let base = range.start;
        let pair = self.parsed(Rule::only_label, range)?.next()?.into_inner().next()?;
        self.reader.case_label(pair, base)
    }

    /// Behind the brace that closes the one at `open`.
    fn closing(&self, open: usize) -> usize {
        closing(self.text, open, self.limit).unwrap_or(self.limit)
    }

    /// Whether what stands at `at` belongs to the `if` before it.
    fn is_else(&self, at: usize) -> bool {
        at < self.limit && word(self.text, at) == b"else"
    }

    fn span(&self, range: Range<usize>) -> Span {
        self.reader.expanded.span(range)
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
