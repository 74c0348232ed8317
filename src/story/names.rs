//! Stable names for what the server makes up: branches, tags, Call-IDs.

use rustc_hash::{FxHashMap, FxHashSet};

/// Values made up by the server, each with the name it is shown by.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Values that peers made up.
    known: FxHashSet<String>,
    made: Vec<(String, String)>,
    /// Places in `made`, by how a value ends: its beginning is mostly that of many others.
    ends: FxHashMap<[u8; END], Vec<usize>>,
    counts: [u32; 3],
}

/// The shortest value that gets a name: a shorter one may stand elsewhere in a text by chance.
const END: usize = 8;

const KINDS: [&str; 3] = ["branch", "tag", "call"];

impl Names {
    /// Takes note of the values in a message that a peer sends: they are shown as they are.
    pub(super) fn sent(&mut self, message: &str) {
        for (_, value) in values(message) {
            if !self.is_made(value) && !self.known.contains(value) {
                self.known.insert(value.to_owned());
            }
        }
    }

    /// Names the values in a message of the server that no peer made up.
    pub(super) fn received(&mut self, message: &str) {
        for (kind, value) in values(message) {
            let Some(end) = value.as_bytes().last_chunk::<END>() else { continue };
            if !self.known.contains(value) && !self.is_made(value) {
                self.counts[kind] += 1;
                self.ends.entry(*end).or_default().push(self.made.len());
                self.made.push((value.to_owned(), format!("<{} {}>", KINDS[kind], self.counts[kind])));
            }
        }
    }

    fn is_made(&self, value: &str) -> bool {
        self.ending_at(value.as_bytes()).any(|(made, _)| made == value)
    }

    /// The values that a text ends with.
    fn ending_at<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = &'a (String, String)> {
        let places = text.last_chunk::<END>().and_then(|end| self.ends.get(end)).map_or(&[][..], Vec::as_slice);
        places.iter().filter_map(|place| self.made.get(*place)).filter(|(value, _)| text.ends_with(value.as_bytes()))
    }

    /// A text with the names in place of the values.
    pub(super) fn shown(&self, text: &str) -> String {
        // Accepted ladders outlive versions.
        let text = text.replace(concat!("alanui (", env!("CARGO_PKG_VERSION"), ")"), "alanui (<version>)");
        if self.made.is_empty() {
            return text;
        }
        let mut found: Vec<(usize, usize, &str)> = Vec::new();
        for end in END..=text.len() {
            let values = self.ending_at(text.as_bytes().get(..end).unwrap_or_default());
            found.extend(values.map(|(value, name)| (end - value.len(), end, name.as_str())));
        }
        // Of values that begin at one place the longest: one may begin with another.
        found.sort_by_key(|(start, end, _)| (*start, std::cmp::Reverse(*end)));
        let (mut shown, mut copied) = (String::with_capacity(text.len()), 0);
        for (start, end, name) in found {
            if let Some(between) = text.get(copied..start) {
                shown.push_str(between);
                shown.push_str(name);
                copied = end;
            }
        }
        shown.push_str(text.get(copied..).unwrap_or_default());
        shown
    }
}

/// A text that has such names, numbered anew in the order in which they stand in it: what else a server made up, and nobody saw, counts for nothing.
/// The number of a connection is left out, which Kamailio writes behind the branch of its Via.
pub(crate) fn renumbered(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    let mut seen: [Vec<&str>; KINDS.len()] = Default::default();
    while let Some((before, from)) = rest.split_once('<') {
        out.push_str(before);
        rest = from;
        let found = from.split_once('>').and_then(|(name, after)| {
            let (kind, number) = name.split_once(' ')?;
            let kind = KINDS.iter().position(|its| *its == kind)?;
            number.bytes().all(|byte| byte.is_ascii_digit()).then_some((kind, number, after))
        });
        let (Some((kind, number, after)), Some(numbers)) = (found, found.and_then(|(kind, ..)| seen.get_mut(kind)))
        else {
            out.push('<');
            continue;
        };
        let at = numbers.iter().position(|its| *its == number).unwrap_or_else(|| {
            numbers.push(number);
            numbers.len() - 1
        });
        out.push_str(&format!("<{} {}>", KINDS[kind], at + 1));
        let connection = after.strip_prefix(";i=").filter(|_| kind == 0);
        rest = connection.map_or(after, |after| after.trim_start_matches(|letter: char| letter.is_ascii_hexdigit()));
    }
    out.push_str(rest);
    out
}

/// The branches, tags and Call-IDs of a message.
fn values(message: &str) -> impl Iterator<Item = (usize, &str)> {
    let head = message.split("\r\n\r\n").next().unwrap_or(message);
    head.lines().skip(1).flat_map(|line| {
        let name = line.split(':').next().unwrap_or("").trim();
        let whole = (name.eq_ignore_ascii_case("call-id") || name == "i")
            .then(|| (2, line[name.len()..].trim_start_matches([' ', ':']).trim()));
        let branch = after(line, "branch=").map(|value| (0, value));
        let tag = after(line, ";tag=").map(|value| (1, value));
        [whole, branch, tag].into_iter().flatten()
    })
}

fn after<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let rest = line.get(line.find(name)? + name.len()..)?;
    rest.get(..rest.find([';', ',', ' ', '>', '\r']).unwrap_or(rest.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_server_made_up_is_named() {
        let mut names = Names::default();
        names.sent("INVITE sip:b SIP/2.0\r\nVia: x;branch=z9hG4bK-alice-1\r\nFrom: a;tag=alice-1-tag\r\nCall-ID: 1@alice.x\r\n\r\n");
        let forwarded = "INVITE sip:b SIP/2.0\r\nVia: y;branch=z9hG4bKaa.bb.0\r\nVia: x;branch=z9hG4bK-alice-1;rport\r\nFrom: a;tag=alice-1-tag\r\n\r\n";
        names.received(forwarded);
        let reply = "SIP/2.0 404 No\r\nTo: b;tag=0123456789abcdef-1\r\nCall-ID: 1@alice.x\r\n\r\n";
        names.received(reply);
        assert!(names.shown(forwarded).contains("branch=<branch 1>\r\nVia: x;branch=z9hG4bK-alice-1;rport"));
        assert!(names.shown(reply).contains("To: b;tag=<tag 1>\r\nCall-ID: 1@alice.x"));
    }
}
