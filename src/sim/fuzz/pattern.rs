//! Texts that a regular expression matches, made by reading it; a guess where it is subtle.

/// A few texts that the pattern matches, most likely.
pub(super) fn matching(pattern: &str) -> Vec<String> {
    let bare = pattern.strip_prefix("(?i)").unwrap_or(pattern);
    let mut found: Vec<String> = alternatives(bare).into_iter().take(MOST).map(|part| one(part, 0)).collect();
    found.retain(|text| !text.is_empty() && text.len() < 200 && !text.contains(['\r', '\n']));
    found.sort();
    found.dedup();
    found
}

/// So many alternatives of one pattern are used.
const MOST: usize = 24;
/// Groups are read so deep.
const DEEPEST: usize = 8;

/// The alternatives of the outermost level.
fn alternatives(pattern: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth, mut escaped, mut in_class) = (Vec::new(), 0, 0usize, false, false);
    for (at, c) in pattern.char_indices() {
        match c {
            _ if std::mem::take(&mut escaped) => {}
            '\\' => escaped = true,
            '[' => in_class = true,
            ']' => in_class = false,
            '(' if !in_class => depth += 1,
            ')' if !in_class => depth = depth.saturating_sub(1),
            '|' if depth == 0 && !in_class => {
                parts.push(pattern.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(pattern.get(start..).unwrap_or_default());
    parts
}

/// One text that a pattern without outer alternatives matches.
fn one(pattern: &str, depth: usize) -> String {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let (atom, behind) = match c {
            '^' | '$' => (String::new(), &rest[1..]),
            '.' => ("a".to_owned(), &rest[1..]),
            '\\' => escape(rest),
            '[' => class(rest),
            '(' => group(rest, depth),
            _ => (c.to_string(), &rest[c.len_utf8()..]),
        };
        let (times, behind) = quantifier(behind);
        out.push_str(&atom.repeat(times));
        rest = behind;
    }
    out
}

fn escape(text: &str) -> (String, &str) {
    let mut chars = text.chars();
    chars.next();
    let atom = match chars.next() {
        Some('d') => "5".to_owned(),
        Some('w') => "a".to_owned(),
        Some('s') => " ".to_owned(),
        Some('b' | 'B' | 'A' | 'z') | None => String::new(),
        Some(c) => c.to_string(),
    };
    (atom, chars.as_str())
}

fn class(text: &str) -> (String, &str) {
    let inner = text.strip_prefix('[').unwrap_or(text);
    // A bracket that comes first stands for itself, and one of a named class ends only that.
    let skip = inner.char_indices().find(|(_, c)| *c != '^' && *c != ']').map_or(inner.len(), |(at, _)| at);
    let mut end = skip;
    while let Some(found) = inner.get(end..).and_then(|rest| rest.find(']')).map(|at| end + at) {
        end = found + 1;
        let so_far = inner.get(..found).unwrap_or_default();
        let opened = so_far.matches("[:").count();
        if opened <= so_far.matches(":]").count() + usize::from(so_far.ends_with(':') && opened > 0)
            && !so_far.ends_with(':')
        {
            break;
        }
    }
    let (content, behind) =
        (inner.get(..end.saturating_sub(1)).unwrap_or_default(), inner.get(end..).unwrap_or_default());
    let atom = match content.strip_prefix('^') {
        Some(excluded) => "aZ5_~".chars().find(|c| !excluded.contains(*c)).unwrap_or('q'),
        None if content.contains("[:digit:]") => '5',
        None if content.starts_with("[:") => 'a',
        None => content.trim_start_matches('\\').chars().next().unwrap_or('a'),
    };
    let atom = if content.starts_with("\\d") { '5' } else { atom };
    (atom.to_string(), behind)
}

fn group(text: &str, depth: usize) -> (String, &str) {
    let (mut level, mut escaped, mut end) = (0usize, false, text.len());
    for (at, c) in text.char_indices() {
        match c {
            _ if std::mem::take(&mut escaped) => {}
            '\\' => escaped = true,
            '(' => level += 1,
            ')' => {
                level = level.saturating_sub(1);
                if level == 0 {
                    end = at;
                    break;
                }
            }
            _ => {}
        }
    }
    let inner = text.get(1..end).unwrap_or_default();
    let inner = ["?:", "?i:", "?i)"].iter().find_map(|lead| inner.strip_prefix(lead)).unwrap_or(inner);
    let atom = match alternatives(inner).first() {
        Some(first) if depth < DEEPEST => one(first, depth + 1),
        _ => String::new(),
    };
    (atom, text.get(end + 1..).unwrap_or_default())
}

/// How often what stands before it is repeated, and what follows.
fn quantifier(text: &str) -> (usize, &str) {
    let lazy = |rest: &'_ str| rest.strip_prefix('?').map_or(rest.len(), str::len);
    match text.chars().next() {
        Some('*' | '+' | '?') => {
            let rest = &text[1..];
            (1, &rest[rest.len() - lazy(rest)..])
        }
        Some('{') => match text.split_once('}') {
            Some((counts, rest)) => {
                let least = counts[1..].split(',').next().and_then(|count| count.parse().ok()).unwrap_or(1);
                (usize::min(least, 40), rest)
            }
            None => (1, text.get(1..).unwrap_or_default()),
        },
        _ => (1, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_matches() {
        let patterns = [
            "^sip:1[0-9]{3}@",
            "friendly-scanner|sipcli",
            "^(00|\\+)49[1-9]+$",
            "x[^a]y",
            "a.*b",
            "[[:digit:]]+-(foo|bar)?",
            "\\d{2}\\.com$",
            "^[a-z]+\\(x\\)",
            "(?i)Asterisk.*PBX",
            "[+]?[0-9]+",
            "^(a(b|c)d|e)f",
        ];
        for pattern in patterns {
            let made = matching(pattern);
            let read = regex::Regex::new(pattern).unwrap();
            assert!(!made.is_empty() && made.iter().all(|text| read.is_match(text)), "{pattern}: {made:?}");
        }
    }

    #[test]
    fn nothing_panics() {
        for pattern in ["[", "(", "\\", "{", "a{", "a{,}", "[]", "[^", "((((", "ä{9999}", ")|(", "[[:", "*?+"] {
            matching(pattern);
        }
    }
}
