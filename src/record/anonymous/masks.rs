//! What stands in place of what.

use regex::{Captures, Regex};
use rustc_hash::{FxHashMap, FxHashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

/// People, in the order in which they appear.
const PEOPLE: [&str; 12] =
    ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "mallory", "trent"];
/// Domains that belong to nobody (RFC 2606 section 3).
const DOMAINS: [&str; 3] = ["example.com", "example.org", "example.net"];
/// Words that tell nobody.
const HARMLESS_USERS: [&str; 3] = ["anonymous", "unknown", "restricted"];
const HARMLESS_DOMAINS: [&str; 2] = ["localhost", "anonymous.invalid"];
/// Parameters whose values tell nothing of people and networks.
const HARMLESS_PARAMETERS: [&str; 28] = [
    "audio",
    "cause",
    "counter",
    "early-only",
    "expires",
    "handling",
    "id-type",
    "index",
    "lr",
    "method",
    "methods",
    "ob",
    "party",
    "privacy",
    "purpose",
    "q",
    "r2",
    "reason",
    "refresher",
    "reg-id",
    "rport",
    "screen",
    "transport",
    "ttl",
    "user",
    "vsf",
    "video",
    "wss",
];

/// Values with those that stand in their place.
pub(super) struct Masks {
    keep: FxHashSet<String>,
    addresses: FxHashMap<IpAddr, IpAddr>,
    servers: u32,
    /// By kind of value and the value.
    texts: FxHashMap<(Kind, String), String>,
    counts: FxHashMap<Kind, usize>,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    User,
    Number,
    Domain,
    Name,
    Call,
    Tag,
    Branch,
    Product,
    /// Anything else.
    Value,
}

/// Where values stand in a header: URIs, parameters, quoted names, bare addresses.
const PLACES_TEXT: &str = concat!(
    r"(?i)\b(?P<scheme>sips?):(?:(?P<user>[^@\s<>]*)@)?(?P<host>\[[^\]\s]*\]|[a-z0-9_.-]+)",
    r"|\btel:(?P<number>[+0-9.()*#-]+)",
    r"|Replaces=(?P<call>[^;%&>\s]+(?:%40[^;%&>\s]+)?)",
    r"|(?P<sign>;|%3B)(?P<parameter>[a-z0-9_.+-]+)(?P<is>\s*=\s*|%3D)(?P<quoted>\x22[^\x22]*\x22)",
    r"|(?P<sign_2>;|%3B)(?P<parameter_2>[a-z0-9_.+-]+)(?P<is_2>\s*=\s*|%3D)(?P<value>[^;,>\s?&%]+)",
    r"|\x22(?P<name>(?:[^\x22\\]|\\.)*)\x22",
    r"|(?P<ip6>[0-9a-f]{0,4}:[0-9a-f]{0,4}:[0-9a-f:.]*)",
    r"|(?P<ip4>\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b)",
);

/// The same, compiled; a test holds that it can be.
static PLACES: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(PLACES_TEXT).ok());

impl Masks {
    pub(super) fn new(keep: &[String]) -> Masks {
        Masks {
            keep: keep.iter().map(|word| word.to_ascii_lowercase()).collect(),
            addresses: FxHashMap::default(),
            servers: 0,
            texts: FxHashMap::default(),
            counts: FxHashMap::default(),
        }
    }

    /// Whether the user wants it as it is.
    pub(super) fn keeps(&self, word: &str) -> bool {
        self.keep.contains(&word.to_ascii_lowercase())
    }

    /// An address of the server: those have a block of their own.
    pub(super) fn server(&mut self, ip: IpAddr) -> IpAddr {
        if !self.is_plain(ip) && !self.addresses.contains_key(&ip) && ip.is_ipv4() && self.servers < 254 {
            self.servers += 1;
            let masked = IpAddr::V4(Ipv4Addr::from(u32::from(Ipv4Addr::new(198, 51, 100, 0)) + self.servers));
            self.addresses.insert(ip, masked);
        }
        self.address(ip)
    }

    /// An address of RFC 5737 or RFC 3849 in place of another; when those are used up, of RFC 2544.
    pub(super) fn address(&mut self, ip: IpAddr) -> IpAddr {
        if self.is_plain(ip) {
            return ip;
        }
        if let Some(masked) = self.addresses.get(&ip) {
            return *masked;
        }
        let count =
            self.addresses.keys().filter(|its| its.is_ipv4() == ip.is_ipv4()).count() as u32 - self.servers_of(ip);
        let block = |first: [u8; 4], at: u32| IpAddr::V4(Ipv4Addr::from(u32::from(Ipv4Addr::from(first)) + at));
        let masked = match ip {
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from(
                u128::from(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0)) + u128::from(count) + 1,
            )),
            IpAddr::V4(_) if count < 254 => block([192, 0, 2, 1], count),
            IpAddr::V4(_) if count < 508 => block([203, 0, 113, 1], count - 254),
            IpAddr::V4(_) => block([198, 18, 0, 1], (count - 508) % (1 << 17)),
        };
        self.addresses.insert(ip, masked);
        masked
    }

    fn servers_of(&self, ip: IpAddr) -> u32 {
        if ip.is_ipv4() { self.servers } else { 0 }
    }

    fn is_plain(&self, ip: IpAddr) -> bool {
        ip.is_loopback() || ip.is_unspecified() || self.keeps(&ip.to_string())
    }

    pub(super) fn call(&mut self, call: &str) -> String {
        self.text(Kind::Call, call)
    }

    /// What stands in place of a text.
    pub(super) fn text(&mut self, kind: Kind, text: &str) -> String {
        let key = (kind, text.to_owned());
        if let Some(masked) = self.texts.get(&key) {
            return masked.clone();
        }
        let count = self.counts.entry(kind).or_default();
        let at = *count;
        *count += 1;
        let masked = match kind {
            Kind::User => person(at),
            Kind::Name => capital(&person(at)),
            Kind::Number => number(text, at),
            Kind::Domain => {
                DOMAINS.get(at).map_or_else(|| format!("{}.example.com", at + 1), |name| (*name).to_owned())
            }
            Kind::Call => format!("call-{}@example.com", at + 1),
            Kind::Tag => format!("tag-{}", at + 1),
            Kind::Branch => format!("z9hG4bK-{}", at + 1),
            Kind::Product => format!("product {}", at + 1),
            Kind::Value => format!("value-{}", at + 1),
        };
        self.texts.insert(key, masked.clone());
        masked
    }

    /// The user part of a URI. A password in it goes, parameters of it, too.
    pub(super) fn user(&mut self, user: &str) -> String {
        let name = user.split([':', ';']).next().unwrap_or(user);
        let known = HARMLESS_USERS.contains(&name.to_ascii_lowercase().as_str());
        if known || name.is_empty() || self.keeps(name) {
            return name.to_owned();
        }
        let dialled = name.bytes().all(|byte| byte.is_ascii_digit() || b"+*#-.()".contains(&byte));
        if dialled { self.number(name) } else { self.text(Kind::User, &name.to_ascii_lowercase()) }
    }

    /// A number; how it is written with dots and dashes is no part of it (RFC 3966 section 5.1.1).
    pub(super) fn number(&mut self, number: &str) -> String {
        let bare: String = number.chars().filter(|letter| !"-.()".contains(*letter)).collect();
        if self.keeps(&bare) || self.keeps(number) { number.to_owned() } else { self.text(Kind::Number, &bare) }
    }

    /// A host: an address, in brackets or not, or a domain.
    pub(super) fn host(&mut self, host: &str) -> String {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(ip) = bare.parse::<IpAddr>() {
            return match self.address(ip) {
                IpAddr::V6(ip) if host.starts_with('[') => format!("[{ip}]"),
                ip => ip.to_string(),
            };
        }
        let name = host.to_ascii_lowercase();
        if HARMLESS_DOMAINS.contains(&name.as_str()) || self.keeps(&name) {
            return host.to_owned();
        }
        self.text(Kind::Domain, &name)
    }

    /// A header's value with all that is known to stand in such replaced, in one pass.
    pub(super) fn value(&mut self, text: &str) -> String {
        let Some(places) = &*PLACES else { return String::new() };
        places.replace_all(text, |found: &Captures| self.place(found)).into_owned()
    }

    fn place(&mut self, found: &Captures) -> String {
        let text = |name: &str| found.name(name).map(|part| part.as_str());
        if let (Some(scheme), Some(host)) = (text("scheme"), text("host")) {
            let user = text("user").map(|user| format!("{}@", self.user(user)));
            return format!("{scheme}:{}{}", user.unwrap_or_default(), self.host(host));
        }
        if let Some(number) = text("number") {
            return format!("tel:{}", self.number(number));
        }
        if let Some(call) = text("call") {
            return format!("Replaces={}", self.call(&call.replace("%40", "@")).replace('@', "%40"));
        }
        let quoted = (text("sign"), text("parameter"), text("is"), text("quoted"));
        let plain = (text("sign_2"), text("parameter_2"), text("is_2"), text("value"));
        for (sign, name, is, value) in [quoted, plain] {
            if let (Some(sign), Some(name), Some(is), Some(value)) = (sign, name, is, value) {
                return format!("{sign}{name}{is}{}", self.parameter(name, value));
            }
        }
        if let Some(name) = text("name") {
            let masked =
                if name.is_empty() || self.keeps(name) { name.to_owned() } else { self.text(Kind::Name, name) };
            return format!("\"{masked}\"");
        }
        let address = text("ip6").or(text("ip4")).unwrap_or_default();
        address.parse().map_or_else(|_| address.to_owned(), |ip| self.address(ip).to_string())
    }

    fn parameter(&mut self, name: &str, value: &str) -> String {
        let name = name.to_ascii_lowercase();
        match name.as_str() {
            "received" | "maddr" => self.host(value),
            "branch" => self.text(Kind::Branch, value),
            name if name.ends_with("tag") => self.text(Kind::Tag, value),
            name if HARMLESS_PARAMETERS.contains(&name) || self.keeps(name) => value.to_owned(),
            _ if value.starts_with('"') => format!("\"{}\"", self.text(Kind::Value, value)),
            _ => self.text(Kind::Value, value),
        }
    }
}

fn person(at: usize) -> String {
    PEOPLE.get(at).map_or_else(|| format!("user{}", at + 1), |name| (*name).to_owned())
}

fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or(String::new(), |first| first.to_ascii_uppercase().to_string() + letters.as_str())
}

/// A number of the same length that begins alike: with +, 00, or 0.
fn number(text: &str, at: usize) -> String {
    let start: String = text.chars().take_while(|letter| matches!(letter, '+' | '0')).take(2).collect();
    let digits = text.len() - start.len();
    let counted = format!("{}", at + 1);
    let filler = "1555010000000000000000000000";
    let room = digits.saturating_sub(counted.len());
    format!("{start}{}{counted}", filler.get(..room).unwrap_or(filler))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found() {
        assert!(PLACES.is_some());
    }

    #[test]
    fn numbers_keep_their_form() {
        for (text, expected) in
            [("+4930123456", "+1555010001"), ("0049301", "0015551"), ("0301", "0151"), ("42", "11"), ("7", "1")]
        {
            assert_eq!(number(text, 0), expected.get(..text.len()).unwrap_or(expected), "{text}");
        }
    }

    #[test]
    fn addresses_are_of_the_documentation() {
        let mut masks = Masks::new(&["10.0.0.9".to_owned()]);
        let mut masked = |text: &str| masks.address(text.parse().unwrap()).to_string();
        assert_eq!(masked("10.0.0.1"), "192.0.2.1");
        assert_eq!(masked("10.0.0.2"), "192.0.2.2");
        assert_eq!(masked("10.0.0.1"), "192.0.2.1");
        assert_eq!(masked("fe80::1"), "2001:db8::1");
        assert_eq!(masked("127.0.0.1"), "127.0.0.1");
        assert_eq!(masked("10.0.0.9"), "10.0.0.9");
    }
}
