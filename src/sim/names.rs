//! Stable names for what the server makes up: branches, tags, Call-IDs.

use rustc_hash::FxHashSet;

/// Values made up by the server, each with the name it is shown by.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Values that peers made up.
    known: FxHashSet<String>,
    made: Vec<(String, String)>,
    counts: [u32; 3],
}

const KINDS: [&str; 3] = ["branch", "tag", "call"];

impl Names {
    /// Takes note of the values in a message that a peer sends: they are shown as they are.
    pub(super) fn sent(&mut self, message: &str) {
        for (_, value) in values(message) {
            if !self.made.iter().any(|(made, _)| made == value) {
                self.known.insert(value.to_owned());
            }
        }
    }

    /// Names the values in a message of the server that no peer made up.
    pub(super) fn received(&mut self, message: &str) {
        for (kind, value) in values(message) {
            let seen = self.known.contains(value) || self.made.iter().any(|(made, _)| made == value);
            // A short value may stand elsewhere in a text by chance.
            if !seen && value.len() >= 8 {
                self.counts[kind] += 1;
                self.made.push((value.to_owned(), format!("<{} {}>", KINDS[kind], self.counts[kind])));
                // Longer values first: one may begin with another.
                self.made.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
            }
        }
    }

    /// A text with the names in place of the values.
    pub(super) fn shown(&self, text: &str) -> String {
        // Accepted ladders outlive versions.
        let mut text = text.replace(concat!("alanui (", env!("CARGO_PKG_VERSION"), ")"), "alanui (<version>)");
        for (value, name) in &self.made {
            if text.contains(value.as_str()) {
                text = text.replace(value.as_str(), name);
            }
        }
        text
    }
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
