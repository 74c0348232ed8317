//! Pairs of routes and statements to tree nodes.

use super::cut::{Piece, skip_blanks};
use super::recover::BrokenRoute;
use super::{Reader, Rule, depth, range};
use crate::config::ast::{
    Assign, Block, Branch, Call, Case, CaseLabel, Expression, ExpressionKind, Item, Jump, Name, Route, RouteKind,
    Statement, StatementKind, Text, Variable,
};
use crate::config::literal;
use crate::source::{Diagnostic, Span};
use bytes::Bytes;
use pest::iterators::Pair;

impl<'a> Reader<'a> {
    /// Reads one top-level piece.
    pub(super) fn item(&mut self, piece: Piece, items: &mut Vec<Item>) {
        let text = self.text.as_bytes();
        let (piece, open) = match piece {
            Piece::Stray(range) => return self.faults.stray(range),
            Piece::Statement(range) => (range, None),
            Piece::Route { range, open } => (range, open),
        };
        let most = self.tokens.min(super::MOST_ITEM_TOKENS);
        let mut left = most;
        let excess = depth::excess(text, piece.clone(), &mut left);
        self.tokens -= most - left;
        match excess {
            Some(depth::Excess::Depth(at)) => return self.faults.too_deep(at),
            // Once is enough: what follows is too much as well.
            Some(depth::Excess::Tokens) if self.tokens == 0 && std::mem::replace(&mut self.full, true) => return,
            Some(depth::Excess::Tokens) => return self.faults.too_complex(piece.start),
            None => {}
        }
        if let Some(open) = open {
            self.faults.unclosed(open);
            return items.extend(BrokenRoute::read(self, piece, true).map(Item::Route));
        }
        let base = piece.start;
        match self.run(Rule::top, piece.clone()) {
            Ok(pairs) => {
                let Some(pair) = pairs.into_iter().next() else { return };
                let end = base + pair.as_span().end();
                for pair in pair.into_inner() {
                    match pair.as_rule() {
                        Rule::route => items.extend(self.route(pair, base).map(Item::Route)),
                        _ => self.top_statement(pair, base, items),
                    }
                }
                if let Some(Item::Setting(setting)) = items.last_mut() {
                    setting.ended = text.get(skip_blanks(text, piece.end)) == Some(&b';');
                }
                let rest = skip_blanks(text, end);
                if rest < piece.end {
                    self.faults.stray(rest..piece.end);
                }
            }
            Err(_) if super::cut::is_route_word(super::cut::word(text, base)) => {
                items.extend(BrokenRoute::read(self, piece, false).map(Item::Route));
            }
            Err(error) => self.faults.mismatch(&error, piece),
        }
    }

    pub(super) fn place(&self, pair: &Pair<'_, Rule>, base: usize) -> Span {
        self.expanded.span(range(pair, base))
    }

    pub(super) fn name(&self, pair: &Pair<'_, Rule>, base: usize) -> Name {
        let text = String::from_utf8_lossy(self.bytes(range(pair, base))).into_owned();
        Name { text, span: self.place(pair, base) }
    }

    /// A string: one literal or several that follow each other.
    pub(super) fn string(&self, pair: &Pair<'_, Rule>, base: usize) -> Text {
        let parts = pair.clone().into_inner();
        let value: Vec<u8> = parts.flat_map(|part| literal::string(self.bytes(range(&part, base)))).collect();
        Text { value: Bytes::from(value), span: self.place(pair, base) }
    }

    pub(super) fn variable(&mut self, pair: &Pair<'_, Rule>, base: usize) -> Variable {
        let span = self.place(pair, base);
        let written = self.bytes(range(pair, base));
        let (text, long) = match written {
            [b'$', b'(', inner @ .., b')'] => (Bytes::copy_from_slice(inner), true),
            [b'$', name @ ..] => match avp_form(name) {
                Some(avp) => (avp, true),
                None => (Bytes::copy_from_slice(name), false),
            },
            // `%name` is the AVP of that name.
            [_, name @ ..] => (avp_form(name).unwrap_or_else(|| [b"%", name].concat().into()), true),
            [] => (Bytes::new(), false),
        };
        if !long && text.ends_with(b"]") && memchr::memmem::find(&text, b")[").is_some() {
            let found = Diagnostic::error("syntax", "an index needs parentheses around the variable", span);
            let name = String::from_utf8_lossy(&text);
            self.faults.report(found.help(format!("write $({name})")));
        }
        let name = text.split(|byte| *byte == b'(').next().unwrap_or_default();
        if !long && name.contains(&b'.') && !self.expanded.ser_names {
            let found = Diagnostic::error("syntax", "a name with a dot needs parentheses around it", span);
            self.faults.report(found.help(format!("write $({})", String::from_utf8_lossy(&text))));
        }
        if self.expanded.ser_names && written.first() == Some(&b'$') {
            let name = &text[..];
            if text.contains(&b'(') && !text.starts_with(b"avp(") {
                let found = Diagnostic::error("syntax", "parentheses cannot follow the name of an AVP", span);
                self.faults.report(found.note("#!SER makes every $ the mark of an AVP"));
            }
            let avp = [b"%", name.strip_prefix(b"%").unwrap_or(name)].concat().into();
            return Variable { text: avp, long: true, span };
        }
        if let Some(token) = return_code(&text).filter(|_| !long) {
            let (token, rest) = text.split_at(token);
            let (token, rest) = (String::from_utf8_lossy(token), String::from_utf8_lossy(rest));
            let found = Diagnostic::error("syntax", format!("`{rest}` cannot follow ${token}"), span);
            self.faults.report(found.note(format!("Kamailio reads ${token} first, whatever stands behind it")));
        }
        Variable { text, long, span }
    }

    fn route(&mut self, pair: Pair<'_, Rule>, base: usize) -> Option<Route> {
        let mut inner = pair.into_inner();
        let head = self.route_head(inner.next()?, base)?;
        let body = self.block(inner.next()?, base);
        Some(Route { body, ..head })
    }

    /// The kind, name and place of a route, without its body.
    pub(super) fn route_head(&mut self, pair: Pair<'_, Rule>, base: usize) -> Option<Route> {
        let head = self.place(&pair, base);
        let mut inner = pair.into_inner();
        let word = inner.next()?;
        let name = inner.find(|pair| matches!(pair.as_rule(), Rule::route_name | Rule::event_name));
        let quoted = name.as_ref().is_some_and(|pair| pair.as_str().starts_with(['"', '\'']));
        let name = name.and_then(|pair| self.route_name(pair, base));
        let kind = match (word.as_str(), &name) {
            ("reply_route", _) | ("onreply_route", None) => RouteKind::CoreReply,
            ("onreply_route", Some(_)) => RouteKind::Reply,
            ("failure_route", _) => RouteKind::Failure,
            ("branch_route", _) => RouteKind::Branch,
            ("onsend_route", _) => RouteKind::Onsend,
            ("event_route", _) => RouteKind::Event,
            _ => RouteKind::Request,
        };
        if let (RouteKind::Event, Some(name)) = (kind, &name)
            && !name.text.contains(':')
        {
            let found = Diagnostic::error(
                "syntax-event-name",
                format!("`{}` is not the name of an event", name.text),
                name.span,
            );
            self.faults.report(found.help("event names have a colon, such as `tm:local-request`"));
        }
        Some(Route { kind, name, quoted, head, body: Block::default() })
    }

    /// A route's name; none when it is written as 0.
    fn route_name(&self, pair: Pair<'_, Rule>, base: usize) -> Option<Name> {
        let span = self.place(&pair, base);
        if pair.as_rule() == Rule::event_name {
            let text = pair.as_str().trim_matches(['"', '\'']).to_string();
            return Some(Name { text, span });
        }
        let inner = pair.into_inner().next()?;
        let text = match inner.as_rule() {
            Rule::number => literal::number(inner.as_str().as_bytes()).to_string(),
            Rule::string => String::from_utf8_lossy(&self.string(&inner, base).value).into_owned(),
            _ => match literal::number_word(inner.as_str().as_bytes()) {
                Some(number) => number.to_string(),
                None => inner.as_str().to_string(),
            },
        };
        (text != "0").then_some(Name { text, span })
    }

    /// Statements between braces.
    pub(super) fn block(&mut self, pair: Pair<'_, Rule>, base: usize) -> Block {
        let span = self.place(&pair, base);
        let pairs = pair.into_inner().filter(|pair| pair.as_rule() == Rule::statement);
        let statements: Vec<Statement> = pairs.filter_map(|pair| self.statement(pair, base)).collect();
        if statements.is_empty() {
            self.faults.empty_block(span);
        }
        Block { statements, span }
    }

    fn body(&mut self, pair: Pair<'_, Rule>, base: usize) -> Block {
        let span = self.place(&pair, base);
        match pair.into_inner().next() {
            Some(inner) if inner.as_rule() == Rule::block => self.block(inner, base),
            Some(inner) => Block { statements: self.statement(inner, base).into_iter().collect(), span },
            None => Block { statements: Vec::new(), span },
        }
    }

    pub(super) fn statement(&mut self, pair: Pair<'_, Rule>, base: usize) -> Option<Statement> {
        let pair = pair.into_inner().next()?;
        let whole = range(&pair, base);
        let rule = pair.as_rule();
        let mut inner = pair.into_inner();
        let kind = match rule {
            Rule::empty => StatementKind::Empty,
            Rule::if_ => {
                let span = self.expanded.span(whole);
                return Some(Statement { kind: self.if_statement(inner.collect(), base, span)?, span });
            }
            Rule::while_ => {
                let (_, condition, body) = (inner.next()?, inner.next()?, inner.next()?);
                StatementKind::While { condition: self.condition(condition, base), body: self.body(body, base) }
            }
            Rule::switch => {
                let (_, value) = (inner.next()?, inner.next()?);
                let value = self.expression(value, base);
                let cases = inner.filter(|pair| pair.as_rule() == Rule::case);
                StatementKind::Switch { value, cases: cases.filter_map(|pair| self.case(pair, base)).collect() }
            }
            Rule::jump => {
                let jump = match inner.next()?.as_str() {
                    "return" => Jump::Return,
                    "exit" => Jump::Exit,
                    _ => Jump::Drop,
                };
                let value = inner.find(|pair| pair.as_rule() == Rule::expression);
                StatementKind::Jump(jump, value.map(|pair| self.expression(pair, base)))
            }
            Rule::break_ => StatementKind::Break,
            Rule::assign => StatementKind::Assign(self.assignment(inner.next()?, base)?),
            _ => {
                let name = self.name(&inner.next()?, base);
                let arguments = inner.find(|pair| pair.as_rule() == Rule::arguments);
                StatementKind::Call(self.call(name, arguments, base))
            }
        };
        Some(Statement { kind, span: self.without_semicolon(whole) })
    }

    /// The place of a statement without the semicolon that ends it.
    fn without_semicolon(&self, whole: std::ops::Range<usize>) -> Span {
        let text = self.bytes(whole.clone());
        match text.strip_suffix(b";") {
            Some(before) if text.len() > 1 => {
                self.expanded.span(whole.start..whole.start + before.trim_ascii_end().len())
            }
            _ => self.expanded.span(whole),
        }
    }

    /// `if`, with its `else if` parts.
    fn if_statement(&mut self, pairs: Vec<Pair<'_, Rule>>, base: usize, span: Span) -> Option<StatementKind> {
        let (mut first, mut more, mut otherwise, mut condition) = (None, Vec::new(), None, None);
        for pair in pairs {
            match pair.as_rule() {
                Rule::expression => condition = Some(self.condition(pair, base)),
                Rule::body => {
                    let (condition, then) = (condition.take()?, self.body(pair, base));
                    first = Some(Branch { condition, then, span });
                }
                Rule::else_if => {
                    let whole = range(&pair, base);
                    let mut inner = pair.into_inner();
                    let (_, word, test, body) = (inner.next()?, inner.next()?, inner.next()?, inner.next()?);
                    let span = self.expanded.span(range(&word, base).start..whole.end);
                    let (condition, then) = (self.condition(test, base), self.body(body, base));
                    more.push(Branch { condition, then, span });
                }
                Rule::else_ => otherwise = pair.into_inner().nth(1).map(|body| self.body(body, base)),
                _ => {}
            }
        }
        Some(StatementKind::If { first: first?, more, otherwise })
    }

    /// The condition of `if` and `while`: an assignment there is legal, and hardly ever meant.
    pub(super) fn condition(&mut self, pair: Pair<'_, Rule>, base: usize) -> Expression {
        let expression = self.expression(pair, base);
        if let ExpressionKind::Assign(_) = expression.kind {
            let found = Diagnostic::warning("assignment-in-condition", "this condition assigns", expression.span);
            self.faults.report(found.note("an assignment is always true").help("`=` assigns, `==` compares"));
        }
        expression
    }

    fn case(&mut self, pair: Pair<'_, Rule>, base: usize) -> Option<Case> {
        let mut inner = pair.into_inner();
        let label = inner.next()?;
        let span = self.place(&label, base);
        let label = self.case_label(label, base)?;
        let pairs = inner.filter(|pair| pair.as_rule() == Rule::statement);
        Some(Case { label, body: pairs.filter_map(|pair| self.statement(pair, base)).collect(), span })
    }

    pub(super) fn case_label(&mut self, pair: Pair<'_, Rule>, base: usize) -> Option<CaseLabel> {
        let inner = pair.into_inner().last()?;
        Some(match inner.as_rule() {
            Rule::regex_label => CaseLabel::Regex(self.expression(inner.into_inner().next()?, base)),
            Rule::expression => CaseLabel::Value(self.expression(inner, base)),
            _ => CaseLabel::Default,
        })
    }

    pub(super) fn assignment(&mut self, pair: Pair<'_, Rule>, base: usize) -> Option<Assign> {
        let span = self.place(&pair, base);
        let mut inner = pair.into_inner();
        let left = inner.next()?;
        let target = self.variable(&left, base);
        let written = left.as_str().as_bytes();
        let is_long = written.starts_with(b"$(") || memchr::memmem::find(written, b")[").is_some();
        if let Some(name) = left.as_str().strip_prefix('$').filter(|_| !is_long && written.ends_with(b"]")) {
            let found = Diagnostic::error("syntax", "an index needs parentheses around the variable", target.span);
            self.faults.report(found.help(format!("write $({name})")));
        }
        let value = inner.find(|pair| pair.as_rule() == Rule::expression)?;
        Some(Assign { target, value: self.expression(value, base), span })
    }

    /// A call of `name` with the arguments of a pair.
    pub(super) fn call(&mut self, name: Name, arguments: Option<Pair<'_, Rule>>, base: usize) -> Call {
        let mut span = name.span;
        let mut args = Vec::new();
        let parentheses = arguments.is_some();
        let mut first_comma = None;
        if let Some(pair) = arguments {
            span = span.to(self.place(&pair, base));
            for pair in pair.into_inner() {
                match pair.as_rule() {
                    Rule::argument => args.extend(self.argument(pair, base)),
                    Rule::first_comma => first_comma = Some(self.place(&pair, base)),
                    _ => {}
                }
            }
        }
        Call { name, args, parentheses, first_comma, span }
    }
}

/// The forms of SER that mean an AVP: `name[1]`, and as `%name` all values of a name: `name[]`, ` name`, and `f.name`, whose list is the
/// ordinary one; other lists keep their letters.
fn avp_form(name: &[u8]) -> Option<Bytes> {
    let word = |text: &[u8]| !text.is_empty() && text.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let trimmed = name.trim_ascii_start();
    if trimmed.len() < name.len() && word(trimmed) {
        return Some([b"%", trimmed].concat().into());
    }
    if let Some(open) = name.iter().position(|byte| *byte == b'[')
        && word(&name[..open])
    {
        let (name, index) = name.split_at(open);
        let text = if index == b"[]" { [b"%", name].concat() } else { [b"avp(", name, b")", index].concat() };
        return Some(text.into());
    }
    let dot = name.iter().position(|byte| *byte == b'.')?;
    let (list, rest) = (&name[..dot], &name[dot + 1..]);
    match list {
        _ if !word(rest) => None,
        b"f" | b"fr" => Some([b"%", rest].concat().into()),
        b"t" | b"tr" | b"tu" | b"fu" | b"fd" | b"td" | b"g" => Some([b"%", list, b".", rest].concat().into()),
        _ => None,
    }
}

/// Where the token of the return code ends, when something follows it.
fn return_code(name: &[u8]) -> Option<usize> {
    let token = [&b"retcode"[..], b"rc"].into_iter().find(|token| name.starts_with(token))?;
    (name.len() > token.len()).then_some(token.len())
}
