//! Pseudo-variables mentioned in a text, without resolving them.

use crate::config::ast::{Expression, ExpressionKind, Variable};
use crate::config::walk::{self, Node};

/// How deep variables inside the parentheses of others are followed.
const DEEPEST: u8 = 4;

/// A pseudo-variable as it is written somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mention<'a> {
    /// Its name: `hdr` of `$(hdr(X)[0]{s.len})`.
    pub name: &'a str,
    /// What stands in its parentheses: `X`.
    pub inner: Option<&'a str>,
    /// What follows: index and transformations.
    pub rest: &'a str,
}

impl Mention<'_> {
    /// As its author would name it, without index and transformations.
    pub fn shown(&self) -> String {
        match self.inner {
            Some(inner) => format!("${}({inner})", self.name),
            None => format!("${}", self.name),
        }
    }
}

/// Hands every variable in a text to `visit`, an outer one before those in its parentheses.
pub fn in_text<'a>(text: &'a [u8], visit: &mut dyn FnMut(Mention<'a>)) {
    scan(text, DEEPEST, visit);
}

/// Hands a variable, and those in its parentheses, to `visit`.
pub fn in_variable<'a>(variable: &'a Variable, visit: &mut dyn FnMut(Mention<'a>)) {
    one(&variable.text, DEEPEST, visit);
}

/// Hands every variable of an expression to `visit`: operands, arguments of calls, and what the text of such arguments mentions.
pub fn in_expression<'a>(expression: &'a Expression, visit: &mut dyn FnMut(Mention<'a>)) {
    walk::expression(expression, &mut |node| match node {
        Node::Expression(Expression { kind: ExpressionKind::Variable(variable), .. }) => in_variable(variable, visit),
        Node::Call(call) => {
            for arg in &call.args {
                if let ExpressionKind::Text(text) = &arg.kind {
                    in_text(text, visit);
                }
            }
        }
        _ => {}
    });
}

/// The variable itself, when it can be read.
pub fn of(variable: &Variable) -> Option<Mention<'_>> {
    split(&variable.text)
}

/// The variable that is the whole of a text: `$var(x)` or `$(var(x))`.
pub fn whole(text: &[u8]) -> Option<Mention<'_>> {
    let rest = text.strip_prefix(b"$")?;
    match rest.strip_prefix(b"(") {
        Some(_) if group(rest) == Some(rest.len()) => split(&rest[1..rest.len() - 1]),
        Some(_) => None,
        None if short(rest) == rest.len() => split(rest),
        None => None,
    }
}

fn scan<'a>(text: &'a [u8], depth: u8, visit: &mut dyn FnMut(Mention<'a>)) {
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'$', rest) {
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(b"$") {
            rest = after;
        } else if rest.first() == Some(&b'(') {
            let Some(end) = group(rest) else { return };
            one(&rest[1..end - 1], depth, visit);
            rest = &rest[end..];
        } else {
            let end = short(rest);
            one(&rest[..end], depth, visit);
            rest = &rest[end..];
        }
    }
}

fn one<'a>(written: &'a [u8], depth: u8, visit: &mut dyn FnMut(Mention<'a>)) {
    let Some(mention) = split(written) else { return };
    visit(mention);
    if depth > 0 {
        scan(mention.inner.unwrap_or_default().as_bytes(), depth - 1, visit);
        scan(mention.rest.as_bytes(), depth - 1, visit);
    }
}

/// The end of the name and the group that follow a `$`.
fn short(text: &[u8]) -> usize {
    let name = text.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    if name == 0 && text.first() == Some(&b'?') {
        return 1;
    }
    name + text.get(name..).and_then(group).unwrap_or(0)
}

/// The end of the group in parentheses that opens the text.
fn group(text: &[u8]) -> Option<usize> {
    if text.first() != Some(&b'(') {
        return None;
    }
    let mut open = 0usize;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'(' => open += 1,
            b')' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(at + 1);
        }
    }
    None
}

fn split(written: &[u8]) -> Option<Mention<'_>> {
    let written = std::str::from_utf8(written).ok()?.trim_ascii_start();
    let name = written.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'?')).count();
    if name == 0 {
        return None;
    }
    let after = &written[name..];
    match group(after.as_bytes()) {
        Some(end) => Some(Mention { name: &written[..name], inner: after.get(1..end - 1), rest: after.get(end..)? }),
        None => Some(Mention { name: &written[..name], inner: None, rest: after }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> String {
        let mut names = Vec::new();
        in_text(text.as_bytes(), &mut |mention| names.push(format!("{}|{}", mention.shown(), mention.rest)));
        names.join(" ")
    }

    #[test]
    fn variables_are_found_in_text() {
        assert_eq!(
            names("a $rU, $(hdr(X)[0]{s.len}) $$no $var(x)y $ $sht(a=>$var(k))"),
            "$rU| $hdr(X)|[0]{s.len} $var(x)| $sht(a=>$var(k))| $var(k)|"
        );
        assert_eq!(names("$(open"), "");
        assert_eq!(whole(b"$(var(x)[*])").map(|its| its.shown()).as_deref(), Some("$var(x)"));
        assert_eq!(whole(b"$var(x) "), None);
    }
}
