//! One row: a snippet and what Kamailio did with it.

/// What the snippet is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Context {
    /// The body of a route that `request_route` calls.
    RouteBody,
    /// The end of a config.
    Config,
    /// The end of a config with `tm`, between a sender and a next hop.
    Flow,
}

/// A snippet and what Kamailio did with it.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) context: Context,
    pub(super) category: String,
    pub(super) snippet: String,
    pub(super) observed: String,
    pub(super) note: String,
}

/// The rows of a table: id, context, category, snippet, observed, note.
pub(super) fn read(text: &str) -> Vec<Row> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines
        .map(|line| {
            let mut cells = line.split('\t').map(str::to_owned);
            let mut next = || cells.next().unwrap_or_default();
            let (id, context, category) = (next(), next(), next());
            let context = match context.as_str() {
                "route-body" => Context::RouteBody,
                "config" => Context::Config,
                "flow" => Context::Flow,
                other => panic!("{id}: {other} is no context"),
            };
            Row { id, context, category, snippet: next(), observed: next(), note: next() }
        })
        .collect()
}

impl Row {
    /// Whether what alanui did is something else. What only a clock, a port or a process id decides is left out.
    pub(super) fn differs(&self, got: &str) -> bool {
        let (mut wanted, mut got) = (self.observed.clone(), got.to_owned());
        if self.note.contains("varies") || self.note.contains("depends on") {
            for text in [&mut wanted, &mut got] {
                *text = digits_masked(text);
            }
        }
        // The collection leaves empty lines out.
        for text in [&mut wanted, &mut got] {
            *text = text.replace("<NL><NL>", "<NL>");
        }
        // The address of a record in Kamailio's memory, and the line of the route in the harness.
        for text in [&mut wanted, &mut got] {
            *text = masked(text, "<<xavp:", ">");
        }
        // The port of the harness, where it does not stand behind its address.
        for text in [&mut wanted, &mut got] {
            *text = harness_ports(text);
        }
        if wanted.starts_with("startup error") {
            return !got.starts_with("startup error");
        }
        wanted = wanted.split(" ; ").filter(|part| *part != "startup warning").collect::<Vec<_>>().join(" ; ");
        wanted != got
    }

    /// What stands behind `## NAME: ` in the snippet, up to the next such mark.
    pub(super) fn extra(&self, name: &str) -> Option<&str> {
        let (_, rest) = self.snippet.split_once(&format!("## {name}: "))?;
        Some(rest.split(" ## ").next().unwrap_or(rest))
    }

    /// The snippet without what stands behind ` ## `.
    pub(super) fn text(&self) -> &str {
        let ends = ["AUX", "GLOBAL", "ARGS", "ENV", "FILES"].map(|name| format!(" ## {name}: "));
        let end = ends.iter().filter_map(|mark| self.snippet.find(mark)).min().unwrap_or(self.snippet.len());
        &self.snippet[..end]
    }
}

/// The text with `\n`, `\t` and `\r` made what they stand for, but for single quotes, in which Kamailio knows no escapes.
pub(super) fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut quote = None;
    let mut chars = text.chars().peekable();
    while let Some(next) = chars.next() {
        // A define ends with its line, so what stands in its strings are escapes.
        let is_define = || out.rsplit('\n').next().is_some_and(|line| line.starts_with("#!def"));
        if next == '\\' && quote == Some('"') && is_define() {
            out.push(next);
            continue;
        }
        match (next, quote) {
            ('\\', Some('\'')) => out.push('\\'),
            ('\\', _) => match chars.peek() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r') => out.push('\r'),
                _ => {
                    out.push('\\');
                    continue;
                }
            },
            ('"' | '\'', None) => {
                quote = Some(next);
                out.push(next);
                continue;
            }
            (mark, Some(open)) if mark == open => {
                quote = None;
                out.push(mark);
                continue;
            }
            _ => {
                out.push(next);
                continue;
            }
        }
        if quote != Some('\'') {
            chars.next();
        }
    }
    out
}

/// Each run of digits as `N`.
fn digits_masked(text: &str) -> String {
    let mut out = String::new();
    for next in text.chars() {
        if !next.is_ascii_digit() {
            out.push(next);
        } else if !out.ends_with('#') {
            out.push('#');
        }
    }
    out
}

/// Ports from 17000 to 18999 as `KPORT`.
fn harness_ports(text: &str) -> String {
    let mut out = text.to_owned();
    let mut from = 0;
    while let Some(at) = out[from..].find(['1']).map(|at| at + from) {
        let digits = out[at..].bytes().take_while(u8::is_ascii_digit).count();
        let alone = !out[..at].ends_with(|before: char| before.is_ascii_digit());
        if alone && digits == 5 && matches!(out.as_bytes()[at + 1], b'7' | b'8') {
            out.replace_range(at..at + 5, "KPORT");
        }
        from = at + 1;
    }
    out
}

/// What stands between two marks taken away.
fn masked(text: &str, from: &str, to: &str) -> String {
    let Some((before, rest)) = text.split_once(from) else { return text.to_owned() };
    let after = rest.find(to).map_or("", |at| &rest[at..]);
    format!("{before}{from}{after}")
}
