//! The DNS: `dns_query` and its kin, and the variables that show what they found.
//!
//! What a query found is kept for the run of the script, under a name that the script chooses.

use super::read as read_address;
use crate::builtin::{
    Answer, Arg, Args, Context, Does, Fault, Found, Function, Key, KeyKind, LogLevel, Outcome, Part, Prepare, Prepared,
    Random, Record, RecordKind, Service, Template, Unanswered, Value, Variable, Whom, anywhere, parse_int,
};
use bytes::Bytes;
use std::net::IpAddr;

/// The functions.
pub(super) const ROWS: &[Function] = &[
    anywhere(
        &["dns_query"],
        QUERY,
        |cx, args| ask(cx, args, RecordKind::Address, keep_addresses),
        "Looks up the addresses of a name as the system does and keeps them under an id for $dns(id=>...); -4 when it has none.",
    ).does(&[Does::Wait(Whom::Names)]),
    anywhere(
        &["srv_query"],
        QUERY,
        |cx, args| ask(cx, args, RecordKind::Srv, keep_services),
        "Looks up the SRV records of a name and keeps them under an id for $srvquery(id=>...), in the order in which RFC 2782 tries them. True with no record as well.",
    ).does(&[Does::Wait(Whom::Names)]),
    anywhere(
        &["naptr_query"],
        QUERY,
        |cx, args| ask(cx, args, RecordKind::Naptr, keep_services),
        "Looks up the NAPTR records of a name and keeps them under an id for $naptrquery(id=>...), by order and preference. True with no record as well.",
    ).does(&[Does::Wait(Whom::Names)]),
    anywhere(
        &["ptr_query"],
        &[Arg::text("address"), Arg::text("id")],
        pointer_query,
        "Looks up the name of an address and keeps it under an id for $ptrquery(id=>hostname); -6 when it has none, -4 when it is no address.",
    ),
    anywhere(
        &["dns_sys_match_ip"],
        MATCH,
        |cx, args| compare(cx, args, RecordKind::Address),
        "Whether a name has this address, by the system's resolver with its file of hosts; -3 when the second is no address, -4 when the name has none.",
    ).does(&[Does::Wait(Whom::Names)]),
    anywhere(
        &["dns_int_match_ip"],
        MATCH,
        |cx, args| compare(cx, args, RecordKind::A),
        "The same, by the DNS alone: IPv4 addresses, and where the name has none and the server listens on IPv6 its IPv6 addresses.",
    ),
    anywhere(
        &["dns_set_local_ttl"],
        &[Arg::int("seconds")],
        |_, _| Outcome::TRUE,
        "Accepted: answers of the DNS are kept for as long as they say.",
    ),
];

const QUERY: &[Arg] = &[Arg::text("name"), Arg::text("id")];
const MATCH: &[Arg] = &[Arg::text("name"), Arg::text("address")];

/// What queries found in this run: kind, id and records.
#[derive(Debug, Default)]
struct Kept(Vec<(RecordKind, Bytes, Vec<Record>)>);

/// Ids of one run; of more the oldest goes.
const MOST_IDS: usize = 64;

impl Kept {
    fn set(&mut self, kind: RecordKind, id: Bytes, records: Vec<Record>) {
        self.0.retain(|(its_kind, its, _)| *its_kind != kind || *its != id);
        if self.0.len() >= MOST_IDS {
            self.0.remove(0);
        }
        self.0.push((kind, id, records));
    }

    fn records(&self, kind: RecordKind, id: &[u8]) -> &[Record] {
        let found = self.0.iter().find(|(its_kind, its, _)| *its_kind == kind && *its == id);
        found.map_or(&[], |(_, _, records)| records)
    }
}

/// A name that the DNS may have.
fn asked_name(cx: &mut Context, args: &Args) -> Option<String> {
    let name = args.text(cx, 0);
    String::from_utf8(name.to_vec()).ok().filter(|name| !name.is_empty())
}

fn ask(cx: &mut Context, args: &Args, kind: RecordKind, then: fn(&mut Context, &Args, Answer) -> Outcome) -> Outcome {
    let id = args.text(cx, 1);
    cx.local::<Kept>().set(kind, id, Vec::new());
    match asked_name(cx, args) {
        Some(name) if name.len() <= 255 => Outcome::ask(Service::Resolve(name, kind), then),
        Some(_) => Outcome::Return(-2),
        None => Outcome::Return(if kind == RecordKind::Address { -4 } else { -2 }),
    }
}

/// The records that were found; a failure goes to the log.
fn records(cx: &mut Context, args: &Args, answer: Answer) -> Option<Vec<Record>> {
    match answer {
        Answer::Found(Ok(Found::Records(records))) => Some(records),
        Answer::Found(Err(fault)) => {
            let text = format!("{}: {}: {fault}", args.name(), String::from_utf8_lossy(&args.text(cx, 0)));
            // A name without services is no failure of those that ask for them.
            let asks_services = matches!(args.name(), "srv_query" | "naptr_query");
            let harmless = asks_services && fault == Unanswered::Absent;
            cx.log(if harmless { LogLevel::Debug } else { LogLevel::Error }, text);
            None
        }
        _ => None,
    }
}

fn keep_addresses(cx: &mut Context, args: &Args, answer: Answer) -> Outcome {
    let Some(records) = records(cx, args, answer) else { return Outcome::Return(-4) };
    let id = args.text(cx, 1);
    cx.local::<Kept>().set(RecordKind::Address, id, records);
    Outcome::TRUE
}

fn keep_services(cx: &mut Context, args: &Args, answer: Answer) -> Outcome {
    let mut records = records(cx, args, answer).unwrap_or_default();
    let kind = match records.first() {
        Some(Record::Srv { .. }) => RecordKind::Srv,
        Some(Record::Naptr { .. }) => RecordKind::Naptr,
        _ => return Outcome::TRUE,
    };
    match kind {
        RecordKind::Srv => records = in_turn(records, &mut cx.core.random),
        _ => records.sort_by_key(|record| match record {
            Record::Naptr { order, preference, .. } => (*order, *preference),
            _ => (0, 0),
        }),
    }
    let id = args.text(cx, 1);
    cx.local::<Kept>().set(kind, id, records);
    Outcome::TRUE
}

/// The servers in the order in which they are tried: by priority, and among those of one priority by chance as their weights say (RFC 2782).
fn in_turn(mut records: Vec<Record>, random: &mut Random) -> Vec<Record> {
    let rank = |record: &Record| match record {
        Record::Srv { priority, weight, .. } => (*priority, *weight),
        _ => (0, 0),
    };
    records.sort_by_key(|record| rank(record).0);
    let mut ordered = Vec::with_capacity(records.len());
    while let Some(first) = records.first() {
        let priority = rank(first).0;
        let same = records.iter().take_while(|record| rank(record).0 == priority);
        let weights: Vec<u64> = same.map(|record| u64::from(rank(record).1)).collect();
        let total: u64 = weights.iter().sum();
        let mut left = if total == 0 { 0 } else { random.below(total) + 1 };
        let chosen = weights.iter().position(|weight| {
            let taken = left <= *weight;
            left = left.saturating_sub(*weight);
            taken
        });
        ordered.push(records.remove(chosen.unwrap_or(0)));
    }
    ordered
}

fn pointer_query(cx: &mut Context, args: &Args) -> Outcome {
    let id = args.text(cx, 1);
    cx.local::<Kept>().set(RecordKind::Ptr, id, Vec::new());
    let Some((_, address)) = read_address(&args.text(cx, 0)) else {
        cx.log(LogLevel::Error, "ptr_query: this is no address");
        return Outcome::Return(-4);
    };
    let question = Service::Resolve(address.to_string(), RecordKind::Ptr);
    Outcome::ask(question, |cx, args, answer| {
        let Some(mut records) = records(cx, args, answer) else { return Outcome::Return(-6) };
        if let Some((_, address)) = read_address(&args.text(cx, 0)) {
            records.truncate(1);
            records.push(Record::Address(address));
        }
        let id = args.text(cx, 1);
        cx.local::<Kept>().set(RecordKind::Ptr, id, records);
        Outcome::TRUE
    })
}

fn compare(cx: &mut Context, args: &Args, kind: RecordKind) -> Outcome {
    let (name, wanted) = (asked_name(cx, args), read_address(&args.text(cx, 1)));
    if wanted.is_none() {
        let text = format!("{}: the second argument is no address", args.name());
        cx.log(LogLevel::Error, text);
        return Outcome::Return(-3);
    }
    match name {
        Some(name) => Outcome::ask(Service::Resolve(name, kind), compared),
        None => Outcome::Return(-4),
    }
}

fn compared(cx: &mut Context, args: &Args, answer: Answer) -> Outcome {
    if let Some(found) = records(cx, args, answer) {
        return matched(cx, args, &found);
    }
    let listens_on_six = cx.core.sockets.list.iter().any(|socket| socket.address.is_ipv6());
    match asked_name(cx, args).filter(|_| listens_on_six && args.name() == "dns_int_match_ip") {
        Some(name) => Outcome::ask(Service::Resolve(name, RecordKind::Aaaa), compared_six),
        None => Outcome::Return(-4),
    }
}

fn compared_six(cx: &mut Context, args: &Args, answer: Answer) -> Outcome {
    match records(cx, args, answer) {
        Some(found) => matched(cx, args, &found),
        None => Outcome::Return(-4),
    }
}

fn matched(cx: &mut Context, args: &Args, records: &[Record]) -> Outcome {
    let wanted = read_address(&args.text(cx, 1)).map(|(_, address)| address);
    Outcome::truth(wanted.is_some_and(|wanted| records.contains(&Record::Address(wanted))))
}

/// The variables.
pub(super) const VARIABLES: &[Variable] = &[
    Variable::read(
        &["dns"],
        |cx, key, _| read_field(cx, key),
        "What dns_query found: $dns(id=>count), $dns(id=>addr[0]), type[0] 4 or 6, ipv4 and ipv6 1 when there is such an address, hostname what was asked for. Undefined with no address; [-1] is the last one.",
    )
    .keyed(KeyKind::Custom(|text, cx| prepare(text, cx, &DNS))),
    Variable::read(
        &["ptrquery"],
        |cx, key, _| read_field(cx, key),
        "What ptr_query found: $ptrquery(id=>hostname), and addr, type, ipv4, ipv6 and count as of $dns.",
    )
    .keyed(KeyKind::Custom(|text, cx| prepare(text, cx, &POINTERS))),
    Variable::read(
        &["srvquery"],
        |cx, key, _| read_field(cx, key),
        "What srv_query found: $srvquery(id=>count), and port[0], priority[0], weight[0], target[0] of each record.",
    )
    .keyed(KeyKind::Custom(|text, cx| prepare(text, cx, &SERVERS))),
    Variable::read(
        &["naptrquery"],
        |cx, key, _| read_field(cx, key),
        "What naptr_query found: $naptrquery(id=>count), and order[0], pref[0], flags[0], services[0], regex[0], replace[0] of each record.",
    )
    .keyed(KeyKind::Custom(|text, cx| prepare(text, cx, &SERVICES))),
];

/// A variable's records and the names of its fields.
struct Shape {
    kind: RecordKind,
    fields: &'static [(&'static str, Field)],
    /// A field of a record must say which, and not from the end.
    numbered: bool,
}

type Field = fn(&[Record], usize) -> Value;

static DNS: Shape = Shape { kind: RecordKind::Address, fields: OF_ADDRESSES, numbered: false };
static POINTERS: Shape = Shape { kind: RecordKind::Ptr, fields: OF_ADDRESSES, numbered: false };
static SERVERS: Shape = Shape { kind: RecordKind::Srv, fields: OF_SERVERS, numbered: true };
static SERVICES: Shape = Shape { kind: RecordKind::Naptr, fields: OF_SERVICES, numbered: true };

const OF_ADDRESSES: &[(&str, Field)] = &[
    ("addr", |records, at| {
        address(records, at).map_or(Value::Null, |address| Value::Text(Bytes::from(address.to_string())))
    }),
    ("type", |records, at| {
        address(records, at).map_or(Value::Null, |address| Value::Int(if address.is_ipv4() { 4 } else { 6 }))
    }),
    ("ipv4", |records, _| Value::truth(addresses(records).any(|address| address.is_ipv4()))),
    ("ipv6", |records, _| Value::truth(addresses(records).any(|address| address.is_ipv6()))),
    ("count", |records, _| Value::Int(addresses(records).count() as i64)),
    ("hostname", |records, _| match records.iter().find(|record| matches!(record, Record::Name(_))) {
        Some(Record::Name(name)) => Value::Text(name.clone()),
        _ => Value::Null,
    }),
];

fn addresses(records: &[Record]) -> impl Iterator<Item = IpAddr> {
    records.iter().filter_map(|record| match record {
        Record::Address(address) => Some(*address),
        _ => None,
    })
}

fn address(records: &[Record], at: usize) -> Option<IpAddr> {
    addresses(records).nth(at)
}

/// A row for a field of SRV records.
macro_rules! of_server {
    ($name:literal, $field:ident, $make:expr) => {
        ($name, |records, at| match records.get(at) {
            Some(Record::Srv { $field, .. }) => $make($field),
            _ => Value::Null,
        })
    };
}

/// The same for one of NAPTR records.
macro_rules! of_service {
    ($name:literal, $field:ident, $make:expr) => {
        ($name, |records, at| match records.get(at) {
            Some(Record::Naptr { $field, .. }) => $make($field),
            _ => Value::Null,
        })
    };
}

const OF_SERVERS: &[(&str, Field)] = &[
    ("count", |records, _| Value::Int(records.len() as i64)),
    of_server!("port", port, number),
    of_server!("priority", priority, number),
    of_server!("weight", weight, number),
    of_server!("target", target, text),
];

const OF_SERVICES: &[(&str, Field)] = &[
    ("count", |records, _| Value::Int(records.len() as i64)),
    of_service!("order", order, number),
    of_service!("pref", preference, number),
    of_service!("flags", flags, text),
    of_service!("services", services, text),
    of_service!("regex", regexp, text),
    of_service!("replace", replacement, text),
];

fn number(number: &u16) -> Value {
    Value::Int(i64::from(*number))
}

fn text(text: &Bytes) -> Value {
    Value::Text(text.clone())
}

/// `id=>field[index]`, prepared.
struct Wanted {
    shape: &'static Shape,
    id: Bytes,
    field: Field,
    index: Index,
}

enum Index {
    /// None, for a field of all records.
    Whole,
    At(i64),
    From(Template),
}

fn prepare(key: &Template, _: &mut Prepare, shape: &'static Shape) -> Result<Prepared, Fault> {
    let names: Vec<&str> = shape.fields.iter().map(|(name, _)| *name).collect();
    let fault = || Fault::new("this is no id=>field[index]").help(format!("fields are {}", names.join(", ")));
    let (head, variable) = match key.parts() {
        [Part::Text(head)] => (head, None),
        [Part::Text(head), Part::Variable(_), Part::Text(tail)] if &tail[..] == b"]" => (head, key.only(1)),
        _ => return Err(fault()),
    };
    let arrow = memchr::memmem::find(head, b"=>").ok_or_else(fault)?;
    let (id, rest) = (head[..arrow].trim_ascii(), &head[arrow + 2..]);
    let (name, index) = match (memchr::memchr(b'[', rest), variable) {
        (None, None) => (rest, Index::Whole),
        (Some(at), Some(variable)) if at + 1 == rest.len() => (&rest[..at], Index::From(variable)),
        (Some(at), None) => {
            let digits = rest[at + 1..].strip_suffix(b"]").filter(|digits| !digits.is_empty());
            (&rest[..at], Index::At(digits.and_then(parse_int).ok_or_else(fault)?))
        }
        _ => return Err(fault()),
    };
    let (name, field) = shape.fields.iter().find(|(its, _)| its.as_bytes() == name.trim_ascii()).ok_or_else(fault)?;
    if id.is_empty() {
        return Err(fault());
    }
    let refused = match index {
        Index::Whole => *name != "count",
        Index::At(at) => at < 0,
        Index::From(_) => false,
    };
    if shape.numbered && refused {
        return Err(Fault::new(format!("{name} is one of each record")).help(format!("write {name}[0] for the first")));
    }
    Ok(Box::new(Wanted { shape, id: Bytes::copy_from_slice(id), field: *field, index }))
}

fn read_field(cx: &mut Context, key: &Key) -> Value {
    let Some(Wanted { shape, id, field, index }) = key.prepared() else { return Value::Null };
    let index = match index {
        Index::Whole => 0,
        Index::At(at) => *at,
        Index::From(variable) => variable.value(cx).to_int(),
    };
    let records = cx.local::<Kept>().records(shape.kind, id);
    // What is asked of all records is undefined in $dns when there is none, as of a record that is not there.
    let count = if shape.numbered { records.len() } else { addresses(records).count() };
    let at = if index < 0 { index + count as i64 } else { index };
    match usize::try_from(at) {
        Ok(at) if shape.numbered || at < count => field(records, at),
        _ => Value::Null,
    }
}
