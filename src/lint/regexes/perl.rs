//! Perl's regular expressions where POSIX counts.

use super::{compiles, is_verbatim, patterns};
use crate::lint::{Findings, Rule, Severity, Subject};
use crate::source::Span;

/// Groups with a question mark, and quantifiers with one.
pub(super) static GROUP: Rule = Rule {
    code: "regex-perl-group",
    severity: Severity::Warning,
    finds: "(?i), (?:...), a look-around or a lazy quantifier in a pattern of =~.",
    why: "Kamailio's patterns are POSIX extended regular expressions. The C library refuses the groups, and only when the server starts: kamailio \
          -c says the file is fine; a lazy quantifier it takes for a greedy one. (?i) is pointless besides, for =~ ignores case anyway. alanui accepts flags and \
          groups, and takes the quantifiers as Kamailio does.",
    instead: "Leave (?i) out, write ( for (?:, and a class such as [^;]* for a lazy .*?.",
    reference: "https://www.kamailio.org/wikidocs/cookbooks/devel/core/",
    check: group,
};

/// `\d` and its like.
pub(super) static CLASS: Rule = Rule {
    code: "regex-perl-class",
    severity: Severity::Warning,
    finds: "\\d, \\w, \\s, \\b or their opposites in a pattern of =~.",
    why: "POSIX has none of these. With the C library of GNU \\d compiles and matches no digit, so the test is silently never true; \\w, \\s and \\b \
          work there and not elsewhere. alanui reads them as Perl does.",
    instead: "Write [0-9] for \\d, [[:alnum:]_] for \\w, [[:space:]] for \\s.",
    reference: "https://www.kamailio.org/wikidocs/cookbooks/devel/core/",
    check: class,
};

fn group(subject: &Subject, findings: &mut Findings) {
    for pattern in patterns(subject) {
        let Some((at, what)) = perl_group(pattern.text.as_bytes()) else { continue };
        if !compiles(&pattern.text) {
            continue;
        }
        let rest = &pattern.text[at..];
        let length = rest.find([')', ':']).map_or(2, |end| end + 1);
        let written = if rest.starts_with("(?") { &rest[..length] } else { rest.get(..2).unwrap_or(rest) };
        let span = subject.narrow(pattern.span, written.as_bytes());
        let lazy = what == "lazy quantifiers";
        let message = match lazy {
            true => format!("{written} is not lazy in Kamailio: POSIX has no {what}"),
            false => format!("Kamailio refuses {written}: POSIX has no {what}"),
        };
        let found = findings.add(message, span);
        let is_case = written == "(?i)";
        if is_case {
            found.add_note("=~ ignores case anyway").add_help("leave it out");
        } else if lazy {
            found.add_note("it takes as much as it can").add_help("match up to a delimiter instead: [^;]*");
        } else {
            found.add_note("kamailio -c does not see it, the start fails");
            found.add_help(match what {
                "groups that are not kept" => "write a plain ( )",
                _ => "test the parts one after the other",
            });
        }
        let once = pattern.text.matches("(?").count() == 1 && pattern.text.starts_with("(?i)");
        if is_case && once && span != pattern.span && is_verbatim(subject, &pattern) {
            found.add_fix(span, "");
        }
    }
}

/// The first thing in a pattern that only Perl has, beside classes, and what it is.
fn perl_group(pattern: &[u8]) -> Option<(usize, &'static str)> {
    let (mut at, mut in_class) = (0, false);
    while let Some(&byte) = pattern.get(at) {
        match byte {
            b'\\' if !in_class => at += 1,
            b'[' if !in_class => {
                in_class = true;
                // A bracket first in a class is a character.
                at += usize::from(pattern.get(at + 1) == Some(&b'^'));
                at += usize::from(pattern.get(at + 1) == Some(&b']'));
            }
            b'[' if pattern.get(at + 1) == Some(&b':') => {
                at += memchr::memmem::find(&pattern[at..], b":]").map_or(0, |length| length + 1);
            }
            b']' => in_class = false,
            b'(' if !in_class && pattern.get(at + 1) == Some(&b'?') => {
                let what = match pattern.get(at + 2) {
                    Some(b':') => "groups that are not kept",
                    Some(b'=' | b'!' | b'<') => "look-around",
                    _ => "inline flags",
                };
                return Some((at, what));
            }
            b'*' | b'+' | b'?' | b'}' if !in_class && pattern.get(at + 1) == Some(&b'?') => {
                return Some((at, "lazy quantifiers"));
            }
            _ => {}
        }
        at += 1;
    }
    None
}

fn class(subject: &Subject, findings: &mut Findings) {
    for pattern in patterns(subject) {
        let all = perl_classes(pattern.text.as_bytes());
        let Some((_, first, _)) = all.first() else { continue };
        if !compiles(&pattern.text) {
            continue;
        }
        let written = format!("\\{}", *first as char);
        let span = subject.narrow(pattern.span, written.as_bytes());
        let digits = all.iter().any(|(_, letter, _)| letter.eq_ignore_ascii_case(&b'd'));
        let message = match first {
            b'd' => "in Kamailio \\d never matches a digit".to_owned(),
            b'D' => "in Kamailio \\D is not \"no digit\": it matches next to nothing".to_owned(),
            _ => format!("{written} is no POSIX: it depends on the C library"),
        };
        let found = findings.add(message, span);
        if digits && !first.eq_ignore_ascii_case(&b'd') {
            found.add_note("\\d in it never matches a digit");
        }
        let plain = match first {
            b'd' => "[0-9]",
            b'D' => "[^0-9]",
            b'w' => "[[:alnum:]_]",
            b'W' => "[^[:alnum:]_]",
            b's' => "[[:space:]]",
            b'S' => "[^[:space:]]",
            _ => "(^|[^[:alnum:]_]) or another delimiter",
        };
        found.add_help(format!("write {plain}"));
        if is_verbatim(subject, &pattern) {
            for (at, fix) in fixes(&all) {
                let start = pattern.span.start + 1 + at as u32;
                found.add_fix(Span { start, end: start + 2, ..pattern.span }, fix);
            }
        }
    }
}

/// What to write for each class, when that is certain for all of them.
fn fixes(all: &[(usize, u8, bool)]) -> Vec<(usize, &'static str)> {
    let fixes = all.iter().map(|(at, letter, in_class)| match (letter, in_class) {
        (b'd', false) => Some((*at, "[0-9]")),
        (b'd', true) => Some((*at, "0-9")),
        (b's', false) => Some((*at, "[[:space:]]")),
        (b's', true) => Some((*at, "[:space:]")),
        (b'w', false) => Some((*at, "[[:alnum:]_]")),
        (b'w', true) => Some((*at, "[:alnum:]_")),
        (b'D', false) => Some((*at, "[^0-9]")),
        (b'S', false) => Some((*at, "[^[:space:]]")),
        _ => None,
    });
    fixes.collect::<Option<Vec<_>>>().unwrap_or_default()
}

/// Perl's classes in a pattern: where, which letter, whether in brackets.
fn perl_classes(pattern: &[u8]) -> Vec<(usize, u8, bool)> {
    let (mut found, mut at, mut in_class) = (Vec::new(), 0, false);
    while let Some(&byte) = pattern.get(at) {
        match byte {
            b'\\' => {
                if let Some(letter @ (b'd' | b'D' | b'w' | b'W' | b's' | b'S' | b'b' | b'B')) = pattern.get(at + 1) {
                    found.push((at, *letter, in_class));
                }
                at += 1;
            }
            b'[' => in_class = true,
            b']' => in_class = false,
            _ => {}
        }
        at += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_perl_has_is_found() {
        assert_eq!(perl_group(b"(?i)a"), Some((0, "inline flags")));
        assert_eq!(perl_group(b"a(?:b)"), Some((1, "groups that are not kept")));
        assert_eq!(perl_group(b"a.*?b"), Some((2, "lazy quantifiers")));
        assert_eq!(perl_group(br"a\(?b"), None);
        assert_eq!(perl_group(b"[(?]+?"), Some((4, "lazy quantifiers")));
        assert_eq!(perl_group(b"[*?]"), None);
        assert_eq!(perl_classes(br"^\d+[\w]\\d"), [(1, b'd', false), (5, b'w', true)]);
    }
}
