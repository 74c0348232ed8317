//! The DNS of a scenario.

use super::keyword::{Keyword, Misread, Said};
use super::words::Word;
use crate::builtin::{Found, Record, RecordKind, Unanswered};
use bytes::Bytes;

/// The word.
pub(super) static KEYWORD: Keyword = Keyword {
    name: "dns",
    usage: "dns example.com A 192.0.2.1; dns _sip._udp.example.com SRV 10 0 5060 sip.example.com; dns example.com NAPTR 10 20 s SIP+D2U \"\" _sip._udp.example.com; dns 192.0.2.1 PTR sip.example.com",
    has_lines: false,
    read: |parser, _, words| {
        let [name, kind, values @ ..] = words else { return Err(Misread::Form) };
        let (kind, record) = record(&kind.text, values).ok_or(Misread::Form)?;
        parser.scenario.records.push((name.text.to_ascii_lowercase(), kind, record));
        Ok(Said::Stage)
    },
};

/// Reads what stands behind the name in `dns NAME KIND VALUES`.
fn record(kind: &str, values: &[Word]) -> Option<(RecordKind, Record)> {
    let (_, kind) = RecordKind::NAMED.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(kind))?;
    let number = |word: &Word| word.text.parse::<u16>().ok();
    let text = |word: &Word| Bytes::from(word.text.clone());
    let name = |word: &Word| Bytes::from(word.text.strip_suffix('.').unwrap_or(&word.text).to_owned());
    let record = match (kind, values) {
        (RecordKind::A, [address]) => Record::Address(address.text.parse().ok().filter(std::net::IpAddr::is_ipv4)?),
        (RecordKind::Aaaa, [address]) => Record::Address(address.text.parse().ok().filter(std::net::IpAddr::is_ipv6)?),
        (RecordKind::Srv, [priority, weight, port, target]) => Record::Srv {
            priority: number(priority)?,
            weight: number(weight)?,
            port: number(port)?,
            target: name(target),
        },
        (RecordKind::Naptr, [order, preference, flags, services, regexp, replacement]) => Record::Naptr {
            order: number(order)?,
            preference: number(preference)?,
            flags: text(flags),
            services: text(services),
            regexp: text(regexp),
            replacement: name(replacement),
        },
        (RecordKind::Ptr, [its]) => Record::Name(name(its)),
        _ => return None,
    };
    Some((kind, record))
}

/// What the records of a scenario say of a name. An address is its own.
pub(super) fn resolve(
    records: &[(String, RecordKind, Record)],
    name: &str,
    kind: RecordKind,
) -> Result<Found, Unanswered> {
    if let (RecordKind::Address | RecordKind::A, Ok(address)) = (kind, name.parse()) {
        return Ok(Found::Records(vec![Record::Address(address)]));
    }
    let fits = |its: RecordKind| match kind {
        RecordKind::Address => matches!(its, RecordKind::A | RecordKind::Aaaa),
        kind => its == kind,
    };
    let named = records.iter().filter(|(its, kind, _)| its.eq_ignore_ascii_case(name) && fits(*kind));
    let found: Vec<Record> = named.map(|(_, _, record)| record.clone()).collect();
    if found.is_empty() { Err(Unanswered::Absent) } else { Ok(Found::Records(found)) }
}
