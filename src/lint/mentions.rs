//! Pseudo-variables mentioned in a text, without resolving them.

use crate::config::ast::{Expression, ExpressionKind, Variable};
use crate::config::walk::{self, Node};

/// How deep variables inside the parentheses of others are followed.
const DEEPEST: u8 = 4;

/// A pseudo-variable as it is written somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mention<'a> {
    /// All of it: in text with `$` and outer parentheses, in an expression without.
    pub text: &'a [u8],
    /// Its name: `hdr` of `$(hdr(X)[0]{s.len})`.
    pub name: &'a str,
    /// What stands in its parentheses: `X`.
    pub inner: Option<&'a str>,
    /// What follows: index and transformations.
    pub rest: &'a str,
}

impl<'a> Mention<'a> {
    /// As its author would name it, without index and transformations.
    pub fn shown(&self) -> String {
        match self.inner {
            Some(inner) => format!("${}({inner})", self.name),
            None => format!("${}", self.name),
        }
    }

    /// As it stands there, index and transformations included.
    pub fn as_written(&self) -> String {
        let text = String::from_utf8_lossy(self.text);
        match text.starts_with('$') {
            true => text.into_owned(),
            false if self.rest.is_empty() => format!("${text}"),
            false => format!("$({text})"),
        }
    }

    /// What stands in its brackets.
    pub fn index(&self) -> Option<&'a str> {
        let end = group(self.rest.as_bytes(), b'[', b']')?;
        self.rest.get(1..end - 1)
    }

    /// What stands in each pair of braces.
    pub fn transformations(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let mut rest = &self.rest[group(self.rest.as_bytes(), b'[', b']').unwrap_or(0)..];
        std::iter::from_fn(move || {
            let end = group(rest.as_bytes(), b'{', b'}')?;
            let inner = &rest[1..end - 1];
            rest = &rest[end..];
            Some(inner)
        })
    }

    /// The name in its parentheses when that is fixed text: the first part of `$sht(table=>key)` too.
    pub fn key_name(&self) -> Option<&'a str> {
        let name = self.inner?.split("=>").next().unwrap_or_default().trim();
        (!name.contains('$')).then_some(name)
    }

    /// Whether it is `$name(key)`, both as given, the key in any case.
    pub fn is(&self, name: &str, key: &str) -> bool {
        self.name == name && self.inner.is_some_and(|its| its.trim().eq_ignore_ascii_case(key))
    }

    /// Every variable in its parentheses, brackets and braces, and in those of these.
    pub fn nested(&self) -> Vec<Mention<'a>> {
        let mut found = Vec::new();
        within(*self, DEEPEST, &mut |mention| found.push(mention));
        found
    }
}

/// Every variable in a text, those inside of others behind them.
pub fn variables(text: &[u8]) -> Vec<Mention<'_>> {
    let mut found = Vec::new();
    in_text(text, &mut |mention| found.push(mention));
    found
}

/// The variables in a text with their places, without those inside of others.
pub fn placed(text: &[u8]) -> Vec<(std::ops::Range<usize>, Mention<'_>)> {
    let mut found = Vec::new();
    scan(text, 0, &mut |mention| {
        // It is a piece of the text.
        let start = mention.text.as_ptr().addr() - text.as_ptr().addr();
        found.push((start..start + mention.text.len(), mention));
    });
    found
}

/// Hands every variable in a text to `visit`, an outer one before those in its parentheses.
pub fn in_text<'a>(text: &'a [u8], visit: &mut dyn FnMut(Mention<'a>)) {
    scan(text, DEEPEST, visit);
}

/// Hands a variable, and those in its parentheses, to `visit`.
pub fn in_variable<'a>(variable: &'a Variable, visit: &mut dyn FnMut(Mention<'a>)) {
    one(&variable.text, &variable.text, DEEPEST, visit);
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
    split(&variable.text, &variable.text)
}

/// The variable that is the whole of a text: `$var(x)` or `$(var(x))`.
pub fn whole(text: &[u8]) -> Option<Mention<'_>> {
    let rest = text.strip_prefix(b"$")?;
    match group(rest, b'(', b')') {
        Some(end) if end == rest.len() => split(&rest[1..end - 1], text),
        None if short(rest) == rest.len() => split(rest, text),
        _ => None,
    }
}

/// `$$` is a dollar sign.
fn scan<'a>(text: &'a [u8], depth: u8, visit: &mut dyn FnMut(Mention<'a>)) {
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'$', rest) {
        rest = &rest[at..];
        let behind = &rest[1..];
        let length = match (behind.first(), group(behind, b'(', b')')) {
            (Some(b'$'), _) => 1,
            (_, Some(end)) => {
                one(&behind[1..end - 1], &rest[..=end], depth, visit);
                end
            }
            (_, None) => {
                let end = short(behind);
                one(&behind[..end], &rest[..=end], depth, visit);
                end
            }
        };
        rest = &behind[length..];
    }
}

fn one<'a>(inside: &'a [u8], text: &'a [u8], depth: u8, visit: &mut dyn FnMut(Mention<'a>)) {
    let Some(mention) = split(inside, text) else { return };
    visit(mention);
    within(mention, depth, visit);
}

fn within<'a>(mention: Mention<'a>, depth: u8, visit: &mut dyn FnMut(Mention<'a>)) {
    if depth > 0 {
        scan(mention.inner.unwrap_or_default().as_bytes(), depth - 1, visit);
        scan(mention.rest.as_bytes(), depth - 1, visit);
    }
}

/// The end of the name and the group that follow a `$`.
fn short(text: &[u8]) -> usize {
    let end = name_end(text);
    end + group(&text[end..], b'(', b')').unwrap_or(0)
}

fn name_end(text: &[u8]) -> usize {
    if text.first() == Some(&b'?') {
        return 1;
    }
    let stop = |byte: &u8| !byte.is_ascii_alphanumeric() && !matches!(byte, b'_' | b'.');
    text.iter().position(stop).unwrap_or(text.len())
}

/// The end of the group that opens the text.
fn group(text: &[u8], open: u8, close: u8) -> Option<usize> {
    if text.first() != Some(&open) {
        return None;
    }
    let mut depth = 0usize;
    for (at, &byte) in text.iter().enumerate() {
        if byte == open {
            depth += 1;
        } else if byte == close {
            depth -= 1;
            if depth == 0 {
                return Some(at + 1);
            }
        }
    }
    None
}

/// Takes apart what stands behind the `$`, without outer parentheses.
fn split<'a>(inside: &'a [u8], text: &'a [u8]) -> Option<Mention<'a>> {
    let inside = std::str::from_utf8(inside).ok()?.trim_ascii_start();
    let (name, after) = inside.split_at_checked(name_end(inside.as_bytes()))?;
    if name.is_empty() {
        return None;
    }
    match group(after.as_bytes(), b'(', b')') {
        Some(end) => Some(Mention { text, name, inner: after.get(1..end - 1), rest: after.get(end..)? }),
        None => Some(Mention { text, name, inner: None, rest: after }),
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
        let places: Vec<_> =
            placed(b"a $rU$(hdr($var(x)))").into_iter().map(|(place, its)| (place, its.name)).collect();
        assert_eq!(places, [(2..5, "rU"), (5..20, "hdr")]);
        assert_eq!(whole(b"$(var(x)[*])").map(|its| its.shown()).as_deref(), Some("$var(x)"));
        assert_eq!(whole(b"$var(x) "), None);
    }

    #[test]
    fn variables_are_taken_apart() {
        let found = variables(b"a=$$x $ru,$(hdr(X)[1]{s.len}{s.int}) $sht(ban=>$si::$rU) $");
        let names: Vec<&str> = found.iter().map(|its| its.name).collect();
        assert_eq!(names, ["ru", "hdr", "sht", "si", "rU"]);
        assert_eq!((found[1].index(), found[1].inner), (Some("1"), Some("X")));
        assert_eq!(found[1].transformations().collect::<Vec<_>>(), ["s.len", "s.int"]);
        assert_eq!(found[1].as_written(), "$(hdr(X)[1]{s.len}{s.int})");
        assert_eq!(found[2].key_name(), Some("ban"));
        assert_eq!(found[2].nested().len(), 2);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text in proptest::collection::vec(proptest::sample::select(&b"$(){}[]a=>,"[..]), 0..60)) {
            for mention in variables(&text) {
                proptest::prop_assert!(!mention.name.is_empty());
                proptest::prop_assert!(mention.nested().len() + mention.transformations().count() <= text.len());
            }
        }
    }
}
