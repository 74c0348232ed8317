//! Pseudo-variables as they are written, in expressions and inside of strings; no name is resolved.

use crate::config::ast::Variable;

/// A pseudo-variable taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written<'a> {
    /// As written: in text with `$` and parentheses, in an expression without.
    pub text: &'a [u8],
    /// Its name: `hdr`.
    pub name: &'a str,
    /// What stands in its parentheses: `X` of `$hdr(X)`.
    pub key: Option<&'a [u8]>,
    /// What stands in its brackets.
    pub index: Option<&'a [u8]>,
    /// What stands in each pair of braces.
    pub transformations: Vec<&'a [u8]>,
}

/// Variables inside of variables are followed this far.
const DEEPEST: usize = 4;

impl<'a> Written<'a> {
    /// Takes a variable of the tree apart.
    pub fn of(variable: &'a Variable) -> Written<'a> {
        read(&variable.text, &variable.text)
    }

    /// The name in its parentheses when that is fixed text: the first part of `$sht(table=>key)` too.
    pub fn key_name(&self) -> Option<&'a str> {
        let key = self.key?;
        let end = memchr::memmem::find(key, b"=>").unwrap_or(key.len());
        let name = std::str::from_utf8(&key[..end]).ok()?.trim();
        (!name.contains('$')).then_some(name)
    }

    /// Whether it is `$name(key)`, both as given, the key in any case.
    pub fn is(&self, name: &str, key: &str) -> bool {
        self.name == name && self.key.is_some_and(|its| its.trim_ascii().eq_ignore_ascii_case(key.as_bytes()))
    }

    /// Every variable in its parentheses, brackets and braces, and in those of these.
    pub fn inner(&self) -> Vec<Written<'a>> {
        let mut found = Vec::new();
        let parts = self.key.iter().chain(&self.index).chain(&self.transformations);
        parts.for_each(|part| gather(part, DEEPEST, &mut found));
        found
    }

    /// As written, for messages.
    pub fn shown(&self) -> String {
        let text = String::from_utf8_lossy(self.text);
        match text.starts_with('$') {
            true => text.into_owned(),
            false if self.index.is_some() || !self.transformations.is_empty() => format!("$({text})"),
            false => format!("${text}"),
        }
    }
}

/// Every variable in a text, those inside of others behind them. `$$` is a dollar sign.
pub(super) fn variables(text: &[u8]) -> Vec<Written<'_>> {
    let mut found = Vec::new();
    gather(text, DEEPEST, &mut found);
    found
}

fn gather<'a>(text: &'a [u8], depth: usize, found: &mut Vec<Written<'a>>) {
    let mut at = 0;
    while let Some(length) = memchr::memchr(b'$', text.get(at..).unwrap_or_default()) {
        let start = at + length;
        at = start + 1;
        let rest = &text[at..];
        if rest.first() == Some(&b'$') {
            at += 1;
            continue;
        }
        let (inside, length) = match group(rest, b'(', b')') {
            Some((inside, length)) => (inside, length),
            None => {
                let length = short(rest);
                (&rest[..length], length)
            }
        };
        at += length;
        let written = read(inside, &text[start..at]);
        if written.name.is_empty() {
            continue;
        }
        let inner = if depth > 0 { [written.key, written.index] } else { [None, None] };
        let transformations = if depth > 0 { written.transformations.clone() } else { Vec::new() };
        found.push(written);
        for part in inner.into_iter().flatten().chain(transformations) {
            gather(part, depth - 1, found);
        }
    }
}

/// Takes apart what stands behind the `$`, without outer parentheses.
fn read<'a>(inside: &'a [u8], text: &'a [u8]) -> Written<'a> {
    let end = name_end(inside);
    let mut rest = &inside[end..];
    let mut take = |open, close| {
        let (inner, length) = group(rest, open, close)?;
        rest = &rest[length..];
        Some(inner)
    };
    let key = take(b'(', b')');
    let index = take(b'[', b']');
    let transformations = std::iter::from_fn(|| take(b'{', b'}')).collect();
    let name = std::str::from_utf8(&inside[..end]).unwrap_or_default();
    Written { text, name, key, index, transformations }
}

fn name_end(text: &[u8]) -> usize {
    if text.first() == Some(&b'?') {
        return 1;
    }
    let stop = |byte: &u8| !byte.is_ascii_alphanumeric() && !matches!(byte, b'_' | b'.');
    text.iter().position(stop).unwrap_or(text.len())
}

/// The length of the short form: a name, and a parenthesis directly behind it.
fn short(text: &[u8]) -> usize {
    let end = name_end(text);
    end + group(&text[end..], b'(', b')').map_or(0, |(_, length)| length)
}

/// What stands between an opening byte at the start and its match, and the length with both.
fn group(text: &[u8], open: u8, close: u8) -> Option<(&[u8], usize)> {
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
                return Some((&text[1..at], at + 1));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_found_and_taken_apart() {
        let text = b"a=$$x $ru,$(hdr(X)[1]{s.len}) $sht(ban=>$si::$rU) $";
        let found = variables(text);
        let names: Vec<&str> = found.iter().map(|its| its.name).collect();
        assert_eq!(names, ["ru", "hdr", "sht", "si", "rU"]);
        assert_eq!(found[1].index, Some(&b"1"[..]));
        assert_eq!(found[1].transformations, [&b"s.len"[..]]);
        assert_eq!(found[2].key_name(), Some("ban"));
        assert_eq!(found[2].shown(), "$sht(ban=>$si::$rU)");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text in proptest::collection::vec(proptest::sample::select(&b"$(){}[]a=>,"[..]), 0..60)) {
            for written in variables(&text) {
                proptest::prop_assert!(!written.name.is_empty());
                written.inner();
            }
        }
    }
}
