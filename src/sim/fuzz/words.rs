//! What the config speaks of: its strings, what its patterns match, the addresses, domains and header names in it.

use super::super::scenario::Scenario;
use super::pattern;
use crate::builtin::{Argument, Does, Record, RecordKind, Value};
use crate::config::Config;
use crate::script::SwitchLabel;
use crate::sim::Reading;
use crate::source::Sources;
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

/// What the config speaks of.
#[derive(Debug)]
pub(super) struct Words {
    /// Strings it compares with, in part or whole, and what its patterns match.
    pub(super) all: Vec<String>,
    /// Those that its conditions compare with.
    pub(super) compared: Vec<String>,
    /// Those that could be domains or addresses.
    pub(super) hosts: Vec<String>,
    /// Those that are addresses: messages may come from there.
    pub(super) addresses: Vec<SocketAddr>,
    /// Names of headers it looks at.
    pub(super) headers: Vec<String>,
    /// Those the config does not speak of.
    pub(super) foreign: Foreign,
    /// It calls `record_route` or a function like it.
    pub(super) records_routes: bool,
}

/// Places that the config does not speak of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Foreign {
    /// Where messages come from.
    pub(super) outside: SocketAddr,
    /// Where none may go without leave.
    pub(super) elsewhere: IpAddr,
}

impl Foreign {
    /// A domain of [`Foreign::elsewhere`].
    pub(super) const DOMAIN: &str = "elsewhere.example";

    /// Has the DNS of a scenario know the domain.
    pub(super) fn know(self, scenario: &mut Scenario) {
        let kind = if self.elsewhere.is_ipv4() { RecordKind::A } else { RecordKind::Aaaa };
        scenario.records.push((Foreign::DOMAIN.to_owned(), kind, Record::Address(self.elsewhere)));
    }

    /// Addresses of networks that are for documentation and tests (RFC 5737, RFC 2544, RFC 6598): the first that no text speaks of.
    fn beside(texts: &[String], server: IpAddr) -> Foreign {
        let free = |network: &str| {
            let parts = network.rsplit_once('.').map_or(network, |(front, _)| front);
            !texts.iter().any(|text| text.contains(parts)) && !server.to_string().starts_with(parts)
        };
        let first = |of: [&str; 3]| of.into_iter().find(|its| free(its)).unwrap_or(of[0]).parse::<IpAddr>().ok();
        let unspecified = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
        Foreign {
            outside: SocketAddr::new(first(["192.0.2.66", "100.64.9.66", "198.18.9.66"]).unwrap_or(unspecified), 5060),
            elsewhere: first(["203.0.113.77", "198.19.7.77", "192.88.99.77"]).unwrap_or(unspecified),
        }
    }
}

impl Words {
    /// Those of a config and the databases of its scenario.
    pub(super) fn of(config: &Config, scenario: &Scenario, reading: &Reading, sources: &Sources) -> Words {
        let mut texts: Vec<String> =
            sources.files().map(|file| String::from_utf8_lossy(sources.text(file)).into_owned()).collect();
        let tables = scenario.databases.iter().flat_map(|line| &line.paths);
        texts.extend(
            tables.filter_map(|path| Some(String::from_utf8_lossy(&reading.files.read(path).ok()?).into_owned())),
        );
        let mut all = BTreeSet::new();
        for text in &texts {
            quoted(text).for_each(|word| add(&mut all, word));
        }
        let mut compared = BTreeSet::new();
        of_program(config, &mut compared);
        all.extend(compared.iter().cloned());
        let mut headers: BTreeSet<String> = ["User-Agent", "Subject", "X-Any"].map(str::to_owned).into();
        for text in &texts {
            let named = text.split("hdr(").skip(1).filter_map(|rest| rest.split(')').next());
            headers.extend(named.map(|name| name.trim_matches('"').to_owned()).filter(|name| is_token(name)));
        }
        let capital = |word: &&String| word.starts_with(|c: char| c.is_ascii_uppercase()) && word.contains('-');
        headers.extend(all.iter().filter(capital).filter(|word| is_token(word)).cloned());
        let hosts: Vec<String> =
            all.iter().filter_map(|word| host(word)).collect::<BTreeSet<_>>().into_iter().collect();
        let addresses = hosts.iter().filter_map(|host| Some(SocketAddr::new(host.parse().ok()?, 5060))).collect();
        Words {
            records_routes: config
                .program
                .calls
                .iter()
                .any(|(site, _)| site.function.does.contains(&Does::RecordRoute)),
            all: all.into_iter().collect(),
            compared: compared.into_iter().collect(),
            hosts,
            addresses,
            headers: headers.into_iter().collect(),
            foreign: Foreign::beside(&texts, scenario.machine),
        }
    }
}

/// What the compiled program compares with.
fn of_program(config: &Config, all: &mut BTreeSet<String>) {
    let program = &config.program;
    for constant in &program.constants {
        if let Value::Text(text) = constant {
            add(all, &String::from_utf8_lossy(text));
        }
    }
    let arguments = program.calls.iter().flat_map(|(site, _)| &site.args);
    let in_calls = arguments.filter_map(|argument| match argument {
        Argument::Regex(regex) => Some(regex.source()),
        _ => None,
    });
    let in_labels = program.switches.iter().flat_map(|table| &table.labels).filter_map(|(label, _)| match label {
        SwitchLabel::Regex(regex) => Some(regex.source()),
        SwitchLabel::Text(_) | SwitchLabel::Int(_) => None,
    });
    for (label, _) in program.switches.iter().flat_map(|table| &table.labels) {
        if let SwitchLabel::Text(text) = label {
            add(all, &String::from_utf8_lossy(text));
        }
    }
    let patterns = program.regexes.iter().map(|regex| regex.source()).chain(in_calls).chain(in_labels);
    for pattern in patterns {
        all.extend(pattern::matching(pattern));
    }
}

/// Adds a word, the alternatives in it, and what it matches in case it is a pattern.
fn add(all: &mut BTreeSet<String>, word: &str) {
    const LONGEST: usize = 120;
    let is_plain = |word: &str| !word.is_empty() && word.len() <= LONGEST && !word.contains(['\n', '\r', '$']);
    for part in std::iter::once(word).chain(word.split(['|', ',', ';', ' ', '='])) {
        if is_plain(part) {
            all.insert(part.to_owned());
        }
    }
    if is_plain(word) && word.contains(['^', '[', '\\', '*', '(']) {
        all.extend(pattern::matching(word));
    }
}

/// What stands between quotes, line by line.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| {
        let between = |quote: char| line.split(quote).skip(1).step_by(2);
        between('"').chain(between('\''))
    })
}

fn is_token(word: &str) -> bool {
    !word.is_empty() && word.len() < 40 && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// The host that a word is or names: `sip:10.0.0.1:5060;x=y` is 10.0.0.1.
fn host(word: &str) -> Option<String> {
    let bare = word.strip_prefix("sip:").or_else(|| word.strip_prefix("sips:")).unwrap_or(word);
    let bare = bare.rsplit('@').next()?.split([';', ':', '/', '?']).next()?;
    let is_host = bare.contains('.')
        && bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
        && bare.starts_with(|c: char| c.is_ascii_alphanumeric())
        && bare.ends_with(|c: char| c.is_ascii_alphanumeric())
        && ![".so", ".cfg", ".db", ".sql"].iter().any(|ending| bare.ends_with(ending));
    is_host.then(|| bare.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_found_in_uris_and_files_are_none() {
        assert_eq!(host("sip:bob@10.0.0.1:5060;x=y").as_deref(), Some("10.0.0.1"));
        assert_eq!(host("tenant.example.com").as_deref(), Some("tenant.example.com"));
        assert_eq!((host("tm.so"), host("INVITE"), host("..")), (None, None, None));
    }

    #[test]
    fn quotes_of_both_kinds_are_read() {
        assert_eq!(quoted("a(\"x\", \"y\") 'z'\n\"w\"").collect::<Vec<_>>(), ["x", "y", "z", "w"]);
    }
}
