//! Lines and indentation: one statement a line, braces where their statement is, what is inside one tab further.
//!
//! The layout follows brackets and a handful of words of the language. Where a conditional opens, what is known is kept; `#!else` goes back
//! to it, so that both branches are laid out alike, and behind `#!endif` it goes on as the first branch ended.

use super::output::Output;
use super::spacing::{self, Place, Role, is_route_word};
use super::token::{Directive, Kind, Token};

/// Writes the tokens of `text` anew. A fragment is what is included into a route.
pub(super) fn lay_out(text: &[u8], tokens: &[Token<'_>], fragment: bool) -> Vec<u8> {
    let mark = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK } else { &[] };
    let tokens = if mark.is_empty() { tokens } else { tokens.get(1..).unwrap_or(&[]) };
    let lines = memchr::memchr_iter(b'\n', text).count();
    let returns = memchr::memmem::find_iter(text, b"\r\n").count();
    let newline: &[u8] = if returns * 2 > lines { b"\r\n" } else { b"\n" };
    let mut layout = Layout { out: Output::default(), state: State::default(), conditionals: Vec::new(), before: None };
    if fragment {
        layout.state.blocks.push(Block { outer: 0, inner: 0, route: true, labelled: false });
    }
    for (at, token) in tokens.iter().enumerate() {
        layout.token(token, &tokens[at + 1..]);
    }
    let mut formatted = [mark, &layout.out.finish(newline)].concat();
    // Kamailio does not see a directive that the end of the file ends: seeing it is another meaning.
    if !text.ends_with(b"\n") && tokens.last().is_some_and(|last| matches!(last.kind, Kind::Directive(_))) {
        formatted.truncate(formatted.len() - newline.len());
    }
    formatted
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What goes before the next token of code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Pending {
    /// It belongs to the statement that is open.
    Nothing,
    /// A statement has ended.
    #[default]
    Statement,
    /// A block has opened.
    Open,
    /// A label of a `switch` has ended.
    Label,
}

/// An open brace.
#[derive(Clone, Debug)]
struct Block {
    /// Where its closing brace goes.
    outer: usize,
    /// Where its statements go.
    inner: usize,
    /// It is a route, or inside one.
    route: bool,
    /// A label stood in it: statements go one further.
    labelled: bool,
}

/// All that the layout of the next token depends on.
#[derive(Clone, Debug, Default)]
struct State {
    blocks: Vec<Block>,
    pending: Pending,
    /// Brackets open in the statement.
    depth: usize,
    /// Words such as `if` that began a line in the statement.
    heads: usize,
    /// Where the line of the last of them is.
    head_indent: usize,
    /// The statement is a label of a `switch`.
    label: bool,
    /// Tokens of code in the statement.
    count: usize,
    /// The statement begins with the word of a route block.
    route: bool,
    /// A dot stands in the name of the setting.
    dotted: bool,
    role: Role,
    cast: bool,
}

/// A conditional that is open.
struct Conditional {
    before: State,
    /// How its first branch ended.
    first: Option<State>,
}

/// Tabs before a line; what nests deeper goes no further to the right.
const WIDEST: usize = 32;
/// Conditionals nest no deeper here; beyond, what is known at their beginning is not kept.
const DEEPEST: usize = 100;

struct Layout<'a> {
    out: Output,
    state: State,
    conditionals: Vec<Option<Conditional>>,
    /// The last token, whatever it is.
    before: Option<&'a Token<'a>>,
}

impl<'a> Layout<'a> {
    fn token(&mut self, token: &'a Token<'a>, rest: &'a [Token<'a>]) {
        match token.kind {
            Kind::Directive(directive) => self.directive(token, directive),
            Kind::LineComment | Kind::BlockComment => self.comment(token, rest),
            Kind::Include => self.include(token),
            _ => self.code(token, rest),
        }
        self.before = Some(token);
    }

    fn directive(&mut self, token: &Token<'_>, directive: Directive) {
        if self.begins_line(token) {
            self.line(token, 0);
        } else {
            self.out.text(b" ");
        }
        self.out.text(token.text);
        match directive {
            Directive::If | Directive::IfNot => {
                let known = self.conditionals.len() < DEEPEST;
                self.conditionals.push(known.then(|| Conditional { before: self.state.clone(), first: None }));
            }
            Directive::Else => {
                if let Some(Some(conditional)) = self.conditionals.last_mut() {
                    let ended = std::mem::replace(&mut self.state, conditional.before.clone());
                    conditional.first.get_or_insert(ended);
                }
            }
            Directive::End => match self.conditionals.pop() {
                Some(Some(Conditional { first: Some(first), .. })) => self.state = first,
                // What opens a block at top level and does not close it is prose that is never on.
                Some(Some(Conditional { before, .. })) if before.blocks.is_empty() && !self.state.blocks.is_empty() => {
                    self.state = before;
                }
                _ => {}
            },
            Directive::Other => {}
        }
    }

    fn comment(&mut self, token: &Token<'_>, rest: &[Token<'_>]) {
        if !self.begins_line(token) {
            if token.kind == Kind::LineComment {
                return self.out.trailing(token.text);
            }
            self.out.text(b" ");
            return self.out.text(token.text);
        }
        let next = rest.iter().find(|token| !token.is_comment());
        let brace = next.is_some_and(|next| next.is(b"{")) && self.state.depth == 0;
        let indent = match next {
            _ if brace => self.state.head_indent,
            _ if !self.is_between() => self.continued(),
            Some(next) if next.is_word(b"case") || next.is_word(b"default") => {
                self.state.blocks.last().map_or(0, |block| block.inner)
            }
            _ => self.base(),
        };
        self.line(token, indent);
        let stars =
            token.text.split(|&byte| byte == b'\n').skip(1).all(|line| line.trim_ascii_start().starts_with(b"*"));
        if token.kind == Kind::LineComment || !stars {
            return self.out.text(token.text);
        }
        // A frame of stars moves as a whole.
        for (at, line) in token.text.split(|&byte| byte == b'\n').enumerate() {
            if at > 0 {
                self.out.text(b"\n");
                self.out.text(&b"\t".repeat(indent));
                self.out.text(b" ");
            }
            self.out.text(if at > 0 { line.trim_ascii_start() } else { line });
        }
    }

    fn include(&mut self, token: &Token<'_>) {
        if self.begins_line(token) {
            let indent = if self.is_between() { self.base() } else { self.continued() };
            self.line(token, indent);
        } else {
            self.out.text(b" ");
        }
        self.out.text(token.text);
        if self.state.depth == 0 {
            self.end_statement(Pending::Statement);
        }
    }

    fn code(&mut self, token: &'a Token<'a>, rest: &[Token<'_>]) {
        let opens = rest.first().is_some_and(|next| next.is(b"{") || next.text.starts_with(b"["));
        if opens && token.lines > 0 && is_route_word(token.text) {
            // A route block cannot stand inside another: whatever is open was not meant to be.
            self.state.blocks.clear();
            self.end_statement(Pending::Statement);
        }
        let before = self.before;
        let after_code = before.is_some_and(Token::is_code);
        let inline = self.state.depth > 0;
        let else_if = |before: &Token<'_>| before.is_word(b"else") && token.is_word(b"if");
        let joins = after_code
            && !inline
            && (token.is(b"{")
                || token.is(b";") && self.state.pending != Pending::Open
                || token.is_word(b"else") && before.is_some_and(|before| before.is(b"}"))
                || before.is_some_and(else_if));
        let starts = !joins && !inline && !token.is(b"{") && self.starts(token);
        let mut gap = Role::Plain;
        if joins || !self.breaks(token, starts) {
            let blank = self.blank(token, rest.first(), &mut gap, starts);
            if blank {
                self.out.text(b" ");
            }
        } else {
            if let Some(before) = before {
                gap = self.between(before, token, rest.first()).1;
            }
            let indent = self.indent(token, starts);
            self.line(token, indent);
        }
        if starts || joins && self.state.pending != Pending::Nothing {
            self.begin_statement(token, rest);
        }
        self.out.text(token.text);
        self.follow(token, gap);
    }

    /// Whether a token of code begins a line.
    fn breaks(&self, token: &Token<'_>, starts: bool) -> bool {
        let Some(before) = self.before else { return true };
        if self.out.is_empty() || self.begins_line(token) && !(before.is_code() && token.is(b";")) {
            return true;
        }
        starts && self.state.pending != Pending::Nothing && !matches!(before.kind, Kind::Directive(_) | Kind::Include)
    }

    /// Whether a blank goes before a token that goes on with the line; its role, too.
    fn blank(&self, token: &Token<'_>, after: Option<&Token<'_>>, role: &mut Role, starts: bool) -> bool {
        let Some(before) = self.before else { return false };
        if !before.is_code() {
            return true;
        }
        let (blank, its) = self.between(before, token, after);
        *role = its;
        if self.state.label && token.is(b":") && self.state.depth == 0 {
            return false;
        }
        if starts { token.space } else { blank }
    }

    fn between(&self, before: &Token<'_>, token: &Token<'_>, after: Option<&Token<'_>>) -> (bool, Role) {
        let state = &self.state;
        let block = state.blocks.last();
        let place = Place {
            after,
            route: block.is_some_and(|block| block.route),
            role: state.role,
            cast: state.cast,
            spaced_equals: block.is_some() || state.dotted,
        };
        spacing::between(before, token, place)
    }

    /// Whether the token stands on a line of its own in the text, or has to.
    fn begins_line(&self, token: &Token<'_>) -> bool {
        token.lines > 0 || self.before.is_none_or(|before| before.kind == Kind::LineComment)
    }

    /// Whether no statement is open.
    fn is_between(&self) -> bool {
        self.state.pending != Pending::Nothing || self.state.blocks.is_empty() && self.state.depth == 0
    }

    /// Whether a token of code, outside of brackets, begins a statement.
    fn starts(&self, token: &Token<'_>) -> bool {
        let state = &self.state;
        if state.pending != Pending::Nothing || token.is(b"}") {
            return true;
        }
        if token.lines == 0 {
            return false;
        }
        let open =
            self.before.is_some_and(|before| before.kind == Kind::Symbol && !before.is(b")") && !before.is(b"]"));
        if state.blocks.is_empty() {
            // At top level a line is a statement unless something is missing at its end.
            return !open && token.kind != Kind::String && token.kind != Kind::Symbol;
        }
        // A define that stands for a whole statement.
        state.count == 1
            && state.heads == 0
            && !state.label
            && !open
            && matches!(token.kind, Kind::Word | Kind::Variable)
    }

    fn begin_statement(&mut self, token: &Token<'_>, rest: &[Token<'_>]) {
        let state = &mut self.state;
        let blocks = std::mem::take(&mut state.blocks);
        *state = State { blocks, pending: Pending::Nothing, ..State::default() };
        state.label = !state.blocks.is_empty() && (token.is_word(b"case") || token.is_word(b"default"));
        state.route = state.blocks.is_empty() && token.kind == Kind::Word && is_route_word(token.text);
        let head = rest.iter().position(|token| token.is(b"="));
        state.dotted = state.blocks.is_empty()
            && head.is_some_and(|head| {
                rest[..head].iter().all(|token| token.is_code() && token.lines == 0)
                    && (rest[..head].iter().any(|token| token.is(b"."))
                        || rest.get(head + 1).is_some_and(|token| token.is(b"{")))
            });
        state.head_indent = self.out.indent();
    }

    fn end_statement(&mut self, pending: Pending) {
        let blocks = std::mem::take(&mut self.state.blocks);
        self.state = State { blocks, pending, ..State::default() };
    }

    /// Where a line that begins with this token of code goes.
    fn indent(&self, token: &Token<'_>, starts: bool) -> usize {
        let block = self.state.blocks.last();
        match () {
            () if token.is(b"}") && self.state.depth == 0 => block.map_or(0, |block| block.outer),
            () if token.is(b"{") && self.state.depth == 0 => self.state.head_indent,
            () if starts && (token.is_word(b"case") || token.is_word(b"default")) => {
                block.map_or(0, |block| block.inner)
            }
            () if starts => self.base(),
            () => self.continued(),
        }
    }

    /// Where a statement goes.
    fn base(&self) -> usize {
        self.state.blocks.last().map_or(0, |block| block.inner + usize::from(block.labelled))
    }

    /// Where the further lines of a statement go.
    fn continued(&self) -> usize {
        let state = &self.state;
        self.base() + if state.depth > 0 { state.heads + 1 } else { state.heads.max(1) }
    }

    fn line(&mut self, token: &Token<'_>, indent: usize) {
        let state = &self.state;
        let after_code = self.before.is_some_and(Token::is_code);
        let closes = (token.is(b"}") || token.is_word(b"else")) && state.depth == 0;
        let opened = after_code && matches!(state.pending, Pending::Open | Pending::Label);
        let inside = after_code && token.is_code() && !self.is_between();
        // What a statement consists of stays together; so do a brace and what is next to it.
        self.out.line(indent.min(WIDEST), token.lines > 1 && !closes && !opened && !inside);
    }

    /// Takes note of a token of code that was written.
    fn follow(&mut self, token: &Token<'_>, role: Role) {
        let state = &mut self.state;
        let cast = token.is(b")") && self.before.is_some_and(|before| before.is_word(b"int") || before.is_word(b"str"));
        state.cast = cast && state.cast;
        // `(` of a cast stands two tokens before: remembered through the word.
        if token.is_word(b"int") || token.is_word(b"str") {
            state.cast = self.before.is_some_and(|before| before.is(b"("));
        }
        state.role = role;
        state.count += 1;
        if state.depth > 0 {
            match token.text {
                b"(" | b"[" | b"{" if token.kind == Kind::Symbol => state.depth += 1,
                b")" | b"]" | b"}" if token.kind == Kind::Symbol => state.depth -= 1,
                _ => {}
            }
            return;
        }
        match (token.kind, token.text) {
            (Kind::Symbol, b"(" | b"[") => state.depth = 1,
            (Kind::Symbol, b"{") => {
                let outer = state.head_indent;
                let route = state.route || state.blocks.last().is_some_and(|block| block.route);
                state.blocks.push(Block { outer, inner: outer + 1, route, labelled: false });
                self.end_statement(Pending::Open);
            }
            (Kind::Symbol, b"}") => {
                state.blocks.pop();
                self.end_statement(Pending::Statement);
            }
            (Kind::Symbol, b";") => self.end_statement(Pending::Statement),
            (Kind::Symbol, b":") if state.label => {
                if let Some(block) = state.blocks.last_mut() {
                    block.labelled = true;
                }
                self.end_statement(Pending::Label);
            }
            (Kind::Word, b"if" | b"while" | b"switch" | b"else") if !state.blocks.is_empty() => {
                let indent = self.out.indent();
                if state.heads == 0 || indent > state.head_indent {
                    state.heads += 1;
                }
                state.head_indent = indent;
            }
            _ => {}
        }
    }
}
