//! A message while a peer writes it: lines that a scenario may replace.

use super::scenario::Extra;
use bytes::Bytes;

/// A message being written.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    pub(crate) start: String,
    pub(crate) headers: Vec<(String, String)>,
    body: String,
}

impl Text {
    pub(super) fn new(start: String) -> Text {
        Text { start, headers: Vec::new(), body: String::new() }
    }

    /// Adds a header line.
    pub(super) fn add(&mut self, name: &str, value: impl Into<String>) {
        self.headers.push((name.to_owned(), value.into()));
    }

    /// The bytes, with what the scenario says: its first header of a name replaces all of that name, further ones follow
    /// it, an empty value removes. Content-Length counts the body unless the scenario gives it.
    pub(crate) fn finish(mut self, extra: &Extra) -> Bytes {
        if !extra.body.is_empty() {
            self.body = extra.body.join("\r\n");
            self.body.push_str("\r\n");
            let given = extra.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
            if !given {
                self.add("Content-Type", "application/sdp");
            }
        }
        self.add("Content-Length", self.body.len().to_string());
        for (at, (name, value)) in extra.headers.iter().enumerate() {
            let same = |(its, _): &(String, String)| its.eq_ignore_ascii_case(name);
            let before = extra.headers.get(..at).unwrap_or_default();
            let place = if before.iter().any(same) {
                self.headers.iter().rposition(same).map(|place| place + 1)
            } else {
                let place = self.headers.iter().position(same);
                self.headers.retain(|line| !same(line));
                place
            };
            if !value.is_empty() {
                let end = self.headers.iter().position(|(name, _)| name == "Content-Length");
                let place = place.or(end).unwrap_or(self.headers.len()).min(self.headers.len());
                self.headers.insert(place, (name.clone(), value.clone()));
            }
        }
        let mut text = format!("{}\r\n", self.start);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        text.push_str(&self.body);
        Bytes::from(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_replaces_adds_and_removes() {
        let mut text = Text::new("OPTIONS sip:a SIP/2.0".into());
        for (name, value) in [("Via", "one"), ("Max-Forwards", "70"), ("Contact", "<sip:x>")] {
            text.add(name, value);
        }
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let headers = vec![header("via", "two"), header("Via", "three"), header("Contact", ""), header("X-A", "b")];
        let bytes = text.finish(&Extra { headers, body: vec!["v=0".into()] });
        let expected = "OPTIONS sip:a SIP/2.0\r\nvia: two\r\nVia: three\r\nMax-Forwards: 70\r\n\
            Content-Type: application/sdp\r\nX-A: b\r\nContent-Length: 5\r\n\r\nv=0\r\n";
        assert_eq!(String::from_utf8_lossy(&bytes), expected);
    }
}
