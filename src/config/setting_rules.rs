//! What Kamailio refuses in top-level statements beside unknown names and wrong types.

use super::MOST_DIAGNOSTICS;
use super::ast::{Flags, Item, Listen, Setting, SettingValue};
use super::registry::Registry;
use crate::source::{Diagnostic, Span};
use rustc_hash::{FxHashMap, FxHashSet};
use std::net::IpAddr;

/// Engines that Kamailio's app_* modules bring.
const ENGINES: [&str; 7] = ["lua", "python", "python3", "ruby", "jsdt", "sqlang", "mono"];
/// Facilities of syslog that Kamailio knows.
const FACILITIES: [&str; 20] = [
    "LOG_AUTH",
    "LOG_AUTHPRIV",
    "LOG_CRON",
    "LOG_DAEMON",
    "LOG_FTP",
    "LOG_KERN",
    "LOG_LOCAL0",
    "LOG_LOCAL1",
    "LOG_LOCAL2",
    "LOG_LOCAL3",
    "LOG_LOCAL4",
    "LOG_LOCAL5",
    "LOG_LOCAL6",
    "LOG_LOCAL7",
    "LOG_LPR",
    "LOG_MAIL",
    "LOG_NEWS",
    "LOG_SYSLOG",
    "LOG_USER",
    "LOG_UUCP",
];

/// Ways to wait for connections, as Kamailio names them.
const POLL_METHODS: &[&str] = &["poll", "epoll_lt", "epoll_et", "sigio_rt", "select", "kqueue", "/dev/poll"];

/// Settings that must stand before all module parameters and routes.
const EARLY: [&str; 5] = ["shm", "shm_mem", "shm_mem_size", "uid", "user"];

/// The highest flag of a message.
const HIGHEST_FLAG: i64 = 31;

/// How many flags of messages there are.
const MOST_FLAGS: usize = HIGHEST_FLAG as usize + 1;

/// How many flags of AVPs Kamailio has room for.
const MOST_AVP_FLAGS: usize = 18;

/// Whether what follows may be one more entry: Kamailio takes words for entries until a word of its own or a `;` comes.
fn is_open_list(setting: &Setting) -> bool {
    let is_list = matches!(setting.name.text.as_str(), "listen" | "alias");
    // Only the last entry of a list can have these.
    let is_complete = |value: &SettingValue| match value {
        SettingValue::Listen(listen) => listen.advertise.is_some() || listen.socket_name.is_some(),
        _ => false,
    };
    is_list && !setting.ended && !setting.values.last().is_some_and(is_complete)
}

/// Reports a value of the author's own whose name Kamailio takes for an entry of the list before it.
fn runs_on(list: &Setting, next: &Setting, registry: &Registry, diagnostics: &mut Vec<Diagnostic>) {
    let name = next.name.text.as_str();
    let Some(end) = name.find(['.', '[']).filter(|end| !registry.is_reserved(&name[..*end])) else { return };
    let message = format!("Kamailio takes {} for one more entry of {}", &name[..end], list.name.text);
    let found = Diagnostic::error("syntax", message, next.name.span)
        .label(list.span, "this list goes on to the next word of the language")
        .help("write a `;` behind the list");
    diagnostics.push(found);
}

/// Reports it.
pub(super) fn check(items: &[Item], registry: &Registry, diagnostics: &mut Vec<Diagnostic>) {
    let mut late = false;
    let mut custom: FxHashSet<&str> = FxHashSet::default();
    let mut flags: FxHashMap<&str, Span> = FxHashMap::default();
    let mut avp_flags: FxHashMap<&str, Span> = FxHashMap::default();
    let mut open_list: Option<&Setting> = None;
    for item in items {
        if diagnostics.len() >= MOST_DIAGNOSTICS {
            break;
        }
        let list_before = open_list.take();
        match item {
            Item::Setting(setting) => {
                if let Some(list) = list_before {
                    runs_on(list, setting, registry, diagnostics);
                }
                open_list = is_open_list(setting).then_some(setting);
                let name = setting.name.text.as_str();
                let is_core = registry.core_setting(name).is_some();
                match name.split_once('.').filter(|_| !is_core) {
                    Some((group, rest)) => {
                        let indexed = group.split_once('[').map(|(group, _)| format!("{group}.{rest}"));
                        match indexed {
                            Some(plain) if !custom.contains(plain.as_str()) => undefined(setting, &plain, diagnostics),
                            Some(_) => {}
                            None if custom.insert(name) => {}
                            None => {
                                let found = Diagnostic::error(
                                    "duplicate-global",
                                    format!("{name} is set twice"),
                                    setting.name.span,
                                );
                                diagnostics.push(found);
                            }
                        }
                    }
                    None => one(setting, late, registry, diagnostics),
                }
            }
            Item::Flags(declared) => {
                declare(declared, if declared.avp { &mut avp_flags } else { &mut flags }, diagnostics);
            }
            Item::CfgEngine(engine) => {
                if !matches!(&engine.value[..], b"native" | b"default") {
                    let name = String::from_utf8_lossy(&engine.value);
                    diagnostics.push(if ENGINES.contains(&&*name) {
                        let message = format!("routes written in another language are not supported: engine {name}");
                        Diagnostic::error("unsupported-engine", message, engine.span)
                    } else {
                        Diagnostic::error("unknown-engine", format!("there is no engine {name}"), engine.span)
                            .help("write `native`, or leave the statement out")
                    });
                }
            }
            Item::ModParam(_) | Item::Route(_) => late = true,
            Item::LoadModule(_) | Item::LoadPath(_) => {}
        }
    }
}

fn one(setting: &Setting, late: bool, registry: &Registry, diagnostics: &mut Vec<Diagnostic>) {
    let name = setting.name.text.as_str();
    if late && EARLY.contains(&name) {
        let message = format!("{name} stands behind a module parameter or a route");
        let found = Diagnostic::error("late-setting", message, setting.span).note("Kamailio refuses to start");
        diagnostics.push(found.help("put it at the top of the file"));
    }
    for value in &setting.values {
        match (name, value) {
            ("log_facility", SettingValue::Word(word)) if !FACILITIES.contains(&word.text.as_str()) => {
                let message = format!("there is no log facility {}", word.text);
                diagnostics
                    .push(Diagnostic::error("bad-facility", message, word.span).help("write LOG_LOCAL0 to LOG_LOCAL7"));
            }
            ("listen", SettingValue::Listen(listen)) => address(listen, diagnostics),
            _ => {
                if let Some(takes) = other_than(name, value, registry) {
                    diagnostics.push(Diagnostic::error("bad-setting", format!("{name} takes {takes}"), setting.span));
                }
            }
        }
    }
}

/// What a setting takes, when it is not this value.
fn other_than(name: &str, value: &SettingValue, registry: &Registry) -> Option<&'static str> {
    let text = match value {
        SettingValue::Word(word) => word.text.as_bytes(),
        SettingValue::Text(text) => &text.value,
        SettingValue::Int(..) | SettingValue::Listen(_) => &[],
    };
    let is_any = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word.as_bytes()));
    let inner = text.strip_prefix(b"[").and_then(|inner| inner.strip_suffix(b"]")).unwrap_or(text);
    let address = || std::str::from_utf8(inner).ok()?.parse::<IpAddr>().ok();
    let is_word = matches!(value, SettingValue::Word(_));
    let is_reserved = || matches!(value, SettingValue::Word(word) if registry.is_reserved(&word.text));
    let is_text = matches!(value, SettingValue::Text(_));
    let is_negative = matches!(value, SettingValue::Int(..0, _));
    let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let (fits, takes) = match name {
        "log_facility" => (is_word, "a word without quotes, such as LOG_LOCAL0"),
        "tos" => (
            !is_text && !is_negative && !is_reserved() && text.iter().all(is_of_name),
            "a number or a word, both without quotes",
        ),
        "max_branches" => (!matches!(value, SettingValue::Int(..=0 | 32.., _)), "a number from 1 to 31"),
        "tcp_poll_method" => (is_any(POLL_METHODS), "poll, epoll_lt, epoll_et, sigio_rt, select, kqueue or /dev/poll"),
        "ipv6_hex_style" => (!is_text || matches!(text.first(), Some(b'a' | b'A' | b'c')), "\"a\", \"A\" or \"c\""),
        "tcp_source_ipv4" => (is_word && address().is_some_and(|its| its.is_ipv4()), "an IPv4 address without quotes"),
        "tcp_source_ipv6" => (is_word && address().is_some_and(|its| its.is_ipv6()), "an IPv6 address without quotes"),
        "advertised_address" => {
            let is_host = !is_word || !text.contains(&b':') || address().is_some();
            (is_host && !is_negative && !is_reserved(), "a host without a port: advertised_port has it")
        }
        _ => return None,
    };
    (!fits).then_some(takes)
}

/// A listener whose address can be none.
fn address(listen: &Listen, diagnostics: &mut Vec<Diagnostic>) {
    for address in &listen.addresses {
        let text = address.text.as_str();
        let digits = text.contains('.') && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let message = if digits && text.parse::<std::net::Ipv4Addr>().is_err() {
            format!("{text} is no address")
        } else if text.is_empty() || text == "*" {
            format!("`{text}` is no address")
        } else if text.contains(':') && text.parse::<std::net::Ipv6Addr>().is_err() {
            format!("{text} is no address")
        } else {
            continue;
        };
        let found = Diagnostic::error("bad-address", message, address.span);
        diagnostics.push(found.help("write proto:address:port without quotes, with 0.0.0.0 for every address"));
    }
}

fn declare<'a>(declared: &'a Flags, known: &mut FxHashMap<&'a str, Span>, diagnostics: &mut Vec<Diagnostic>) {
    for (name, place) in &declared.names {
        if let Some(place) = place.filter(|place| !(0..=HIGHEST_FLAG).contains(place)) {
            let message = format!("{place} is no flag: they are 0 to {HIGHEST_FLAG}");
            diagnostics.push(Diagnostic::error("bad-flag", message, name.span));
            // Those behind it are hardly better.
            break;
        }
        if declared.avp {
            if known.insert(&name.text, name.span).is_none() && known.len() > MOST_AVP_FLAGS {
                let message = format!("{} is one too many: there are {MOST_AVP_FLAGS} flags of AVPs", name.text);
                diagnostics.push(Diagnostic::error("bad-flag", message, name.span));
                break;
            }
            if place.is_some() {
                let found = Diagnostic::error("bad-flag", "a flag of AVPs has no number of its own", name.span);
                diagnostics.push(found.help(format!("write avpflags {}", name.text)));
            }
            continue;
        }
        match known.get(name.text.as_str()) {
            Some(first) => {
                let found = Diagnostic::error("duplicate-flag", format!("{} is declared twice", name.text), name.span);
                diagnostics.push(found.label(*first, "first here"));
            }
            None if known.len() == MOST_FLAGS => {
                let message = format!("{} is one too many: there are {MOST_FLAGS} flags", name.text);
                diagnostics.push(Diagnostic::error("bad-flag", message, name.span));
                break;
            }
            None => _ = known.insert(&name.text, name.span),
        }
    }
}

fn undefined(setting: &Setting, plain: &str, diagnostics: &mut Vec<Diagnostic>) {
    let message = format!("{} changes a setting that is not defined", setting.name.text);
    let found = Diagnostic::error("unknown-setting", message, setting.name.span).note("Kamailio refuses to start");
    diagnostics.push(found.help(format!("define it above: {plain} = value")));
}
