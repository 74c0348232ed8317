//! Blanks between two tokens of one line.

use super::token::{Kind, Token};

/// What a symbol is where it stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Role {
    /// No operator, or none that asks for blanks.
    #[default]
    Plain,
    /// Between two operands: a blank on either side.
    Binary,
    /// Before its operand.
    Unary,
    /// As part of an address or a name: as its author wrote it.
    Glued,
}

/// Where two tokens meet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// The token behind the two.
    pub(super) after: Option<&'a Token<'a>>,
    /// In a route, or in what is included into one.
    pub(super) route: bool,
    /// The role of the token before.
    pub(super) role: Role,
    /// The token before ends `(int)` or `(str)`.
    pub(super) cast: bool,
    /// `=` of this statement has blanks around it.
    pub(super) spaced_equals: bool,
}

/// Whether a blank stands between two tokens of code, and the role of the second.
pub(super) fn between(before: &Token<'_>, next: &Token<'_>, place: Place<'_>) -> (bool, Role) {
    let role = role(before, next, place);
    (blank(before, next, role, place), role)
}

fn blank(before: &Token<'_>, next: &Token<'_>, role: Role, place: Place<'_>) -> bool {
    let found = next.space;
    if next.is(b",") || next.is(b";") || next.is(b")") || next.is(b"]") || before.is(b"(") || before.is(b"[") {
        return false;
    }
    if before.is(b",") || before.is(b";") || [before, next].iter().any(|token| token.is(b"{") || token.is(b"}")) {
        return true;
    }
    if !place.route {
        return match () {
            () if next.is(b"=") || before.is(b"=") => place.spaced_equals,
            () if next.is(b"(") && before.kind == Kind::Word => false,
            () if next.text.starts_with(b"[") && is_route_word(before.text) => false,
            () if next.kind == Kind::String && before.kind != Kind::Symbol => true,
            () => found,
        };
    }
    match (place.role, role) {
        // Two symbols that stand together might be read as another one.
        (Role::Unary, _) => next.kind == Kind::Symbol && !next.is(b"(") && found,
        (Role::Binary, _) | (_, Role::Binary) => true,
        (Role::Glued, _) | (_, Role::Glued) => found,
        (_, Role::Unary) => before.kind != Kind::Symbol || before.is(b")") || found,
        _ if place.cast => false,
        _ if next.is(b"(") => match before.kind {
            Kind::Word if is_jump(before.text) => found,
            Kind::Word => is_operator_word(before.text),
            _ => before.is(b")") || found,
        },
        _ if next.is(b"[") => !is_route_word(before.text) && found,
        _ if before.is(b")") && next.kind != Kind::Symbol => true,
        _ if next.kind == Kind::String || before.kind == Kind::String => {
            before.kind != Kind::Symbol && next.kind != Kind::Symbol || found
        }
        _ => found,
    }
}

/// What `next` is, seen from what stands before it.
fn role(before: &Token<'_>, next: &Token<'_>, place: Place<'_>) -> Role {
    if next.kind != Kind::Symbol || !place.route {
        return Role::Plain;
    }
    let operand = ends_operand(before);
    match next.text {
        b"==" | b"!=" | b"=~" | b"<=" | b">=" | b"<<" | b">>" | b"&&" | b"||" | b"=" => Role::Binary,
        b"+" | b"*" | b"&" | b"|" | b"^" | b"<" | b">" => {
            if operand {
                Role::Binary
            } else {
                Role::Glued
            }
        }
        // `10.0.0.0/8` and `my-host` are one thing.
        b"-" | b"/" if operand => {
            let after = place.after.is_some_and(|after| after.kind == Kind::Word && !after.space);
            if before.kind == Kind::Word && after && !next.space { Role::Glued } else { Role::Binary }
        }
        b"-" | b"/" | b"~" | b"!" | b"!!" => Role::Unary,
        b":" | b"." | b"[" => Role::Glued,
        _ => Role::Plain,
    }
}

fn ends_operand(token: &Token<'_>) -> bool {
    match token.kind {
        Kind::Variable | Kind::String => true,
        Kind::Word => !is_operator_word(token.text) && !is_jump(token.text),
        _ => token.is(b")") || token.is(b"]") || token.is(b"}"),
    }
}

/// Words behind which an operand begins.
fn is_operator_word(word: &[u8]) -> bool {
    matches!(
        word,
        b"if"
            | b"else"
            | b"while"
            | b"switch"
            | b"case"
            | b"not"
            | b"and"
            | b"or"
            | b"mod"
            | b"eq"
            | b"ne"
            | b"ieq"
            | b"ine"
    )
}

/// Words that are written with parentheses or without.
fn is_jump(word: &[u8]) -> bool {
    matches!(word, b"return" | b"exit" | b"drop")
}

/// Whether a word opens a route block.
pub(super) fn is_route_word(word: &[u8]) -> bool {
    matches!(
        word,
        b"route"
            | b"request_route"
            | b"reply_route"
            | b"failure_route"
            | b"branch_route"
            | b"onreply_route"
            | b"onsend_route"
            | b"event_route"
    )
}
