//! `corex`: what was a statement once, with variables in it; more flags; sockets by address or name.

mod via;

use crate::builtin::{
    Answer, Arg, Args, Changes, Context, Does, Effect, Found, Function, Key, KeyKind, LogLevel, Module, Outcome,
    Packet, Param, ParamGivenValue, RouteKind, Routes, Service, SocketId, Start, StartFault, State, Template,
    Transformation, Unit, Value, Variable, anywhere, count, join,
};
use crate::modules::core;
use crate::sip::Transport;
use bytes::Bytes;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// The module.
pub static MODULE: Module = Module {
    functions: &FUNCTIONS,
    params: PARAMS,
    start,
    variables: &VARIABLES,
    transformations: TRANSFORMATIONS,
    ..Module::new("corex", "Branches, flags and sockets, chosen by variables.")
};

static FUNCTIONS: [Function; count(PARTS)] = join(PARTS);
const PARTS: &[&[Function]] = &[core::APPEND_BRANCH, ROWS, via::ROWS];

static PARAMS: &[Param] = &[
    Param::absent(
        &["alias_subdomains"],
        "A domain that is this server with all below it, written [proto:]domain[:port].",
    )
    .repeated(),
    Param::absent(&["dns_cache"], "Answers that the resolver keeps from the start.").repeated().without(Changes::Wire),
    Param::absent(&["dns_file"], "A file with such answers.").repeated().without(Changes::Wire),
    Param::int(&["nio_intercept"], "0", Unit::None, "Whether a script sees raw packets.").without(Changes::Wire),
    Param::int(&["nio_min_msg_len"], "0", Unit::Bytes, "How long a packet must be for that.").inert(),
    Param::absent(&["nio_msg_avp"], "The AVP that replaces a packet.").inert(),
    Param::absent(&["evcb_reply_out"], "A function of a script in another language.").without(Changes::Wire),
];

const ROWS: &[Function] = &[
    anywhere(
        &["setxflag"],
        FLAG,
        |cx, args| extended(cx, args, |flags, bit| *flags |= bit),
        "Sets an extended flag of the message, 0 to 63; its transaction takes it over.",
    ),
    anywhere(
        &["resetxflag"],
        FLAG,
        |cx, args| extended(cx, args, |flags, bit| *flags &= !bit),
        "Clears an extended flag of the message.",
    ),
    anywhere(
        &["isxflagset"],
        FLAG,
        |cx, args| {
            let bit = bit(args.int(cx, 0));
            Outcome::truth(bit.is_some_and(|bit| cx.message.flags.extended & bit != 0))
        },
        "Whether an extended flag of the message is set.",
    ),
    anywhere(
        &["set_send_socket"],
        &[Arg::text("socket")],
        |cx, args| {
            let text = args.text(cx, 0);
            let found = core::socket(cx, &text);
            choose(cx, found, &text, |cx, socket| cx.message.target.socket = Some(socket))
        },
        "Sends from this socket, written proto:address:port. One that the server does not have changes nothing.",
    ).does(&[Does::ChooseSocket]),
    anywhere(
        &["set_send_socket_name"],
        &[Arg::text("name")],
        |cx, args| {
            let name = args.text(cx, 0);
            let found = named(cx, &name);
            choose(cx, found, &name, |cx, socket| cx.message.target.socket = Some(socket))
        },
        "Sends from the socket of this name. A name that no socket has changes nothing.",
    ).does(&[Does::ChooseSocket]),
    anywhere(
        &["set_recv_socket"],
        &[Arg::text("socket")],
        |cx, args| {
            let text = args.text(cx, 0);
            let found = core::socket(cx, &text);
            choose(cx, found, &text, |cx, socket| cx.message.received.flow.socket = socket)
        },
        "Treats the message as if it had arrived on this socket.",
    ),
    anywhere(
        &["set_recv_socket_name"],
        &[Arg::text("name")],
        |cx, args| {
            let name = args.text(cx, 0);
            let found = named(cx, &name);
            choose(cx, found, &name, |cx, socket| cx.message.received.flow.socket = socket)
        },
        "Treats the message as if it had arrived on the socket of this name.",
    ),
    anywhere(
        &["set_source_address"],
        &[Arg::text("address")],
        set_source_address,
        "Treats the message as if it had come from here, written proto:address:port.",
    ),
    anywhere(
        &["is_socket_name"],
        &[Arg::text("name")],
        |cx, args| {
            let name = args.text(cx, 0);
            Outcome::truth(named(cx, &name).is_some())
        },
        "Whether a socket has this name.",
    ),
    Function {
        names: &["forward_reply"],
        args: &[],
        routes: Routes::CORE_REPLY,
        run: |_, _| Outcome::code_of(Effect::ForwardReply),
        does: &[],
        doc: "Forwards the reply to the next Via, whether or not it belongs to a transaction.",
    },
    anywhere(
        &["send_udp"],
        &[Arg::text("address").optional()],
        |cx, args| {
            let next_hop = match args.text(cx, 0) {
                given if given.is_empty() => cx.message.next_hop(),
                given => Bytes::from([b"sip:", &given[..]].concat()),
            };
            send_as_it_came(cx, next_hop)
        },
        "Sends the message as it came to an address, written host:port, else to the next hop.",
    ).does(&[Does::Relay]),
    anywhere(
        &["send_data"],
        &[Arg::text("uri"), Arg::text("data")],
        |cx, args| {
            let (uri, data) = (args.text(cx, 0), args.text(cx, 1));
            send(uri, None, data)
        },
        "Sends a text in a packet of its own to a URI.",
    ),
    anywhere(
        &["sendx"],
        &[Arg::text("uri"), Arg::text("socket"), Arg::text("data")],
        |cx, args| {
            let (uri, socket, data) = (args.text(cx, 0), args.text(cx, 1), args.text(cx, 2));
            let socket = core::socket(cx, &socket);
            send(uri, socket, data)
        },
        "Sends a text in a packet of its own to a URI, from this socket.",
    ),
    anywhere(
        &["is_faked_msg"],
        &[],
        |cx, _| Outcome::truth(cx.route == RouteKind::Event),
        "Whether the message stands in for one that never was, as in an event route.",
    ),
    anywhere(
        &["file_read"],
        &[Arg::text("path"), Arg::target("variable")],
        |cx, args| {
            let question = Service::ReadFile(path(&args.text(cx, 0)));
            Outcome::ask(question, |cx, args, answer| match (answer, args.target(1)) {
                (Answer::Found(Ok(Found::File(text))), Some(target)) => {
                    Outcome::truth(target.assign(cx, Value::Text(text)).is_ok())
                }
                (answer, _) => file_fault(cx, args, answer),
            })
        },
        "Reads a whole file of up to a mebibyte into a variable. Only this call waits for it.",
    ),
    anywhere(
        &["file_write"],
        &[Arg::text("path"), Arg::text("text")],
        |cx, args| {
            let (path, text) = (path(&args.text(cx, 0)), args.text(cx, 1));
            Outcome::ask(Service::WriteFile(path, text), |cx, args, answer| match answer {
                Answer::Found(Ok(_)) => Outcome::TRUE,
                answer => file_fault(cx, args, answer),
            })
        },
        "Writes a file anew with this text. Only this call waits for it.",
    ),
    anywhere(
        &["send_tcp"],
        &[Arg::text("address").optional()],
        |cx, args| {
            let next_hop = match args.text(cx, 0) {
                given if given.is_empty() => cx.message.next_hop(),
                given => Bytes::from([b"sip:", &given[..], b";transport=tcp"].concat()),
            };
            send_as_it_came(cx, next_hop)
        },
        "Sends the message as it came over TCP to an address, written host:port, else to the next hop; false without a TCP socket.",
    ).does(&[Does::Relay]),
    anywhere(
        &["is_incoming"],
        &[],
        |_, _| Outcome::FALSE,
        "Whether event_route[network:msg] sees a packet that arrived. That block is not run, and elsewhere it is false.",
    ),
    anywhere(
        &["msg_iflag_set"],
        NAME,
        |cx, args| {
            let bit = internal(cx, args);
            cx.message.internal_flags |= bit;
            Outcome::TRUE
        },
        "Sets an internal flag by name or number. alanui goes by none of them.",
    ),
    anywhere(
        &["msg_iflag_reset"],
        NAME,
        |cx, args| {
            let bit = internal(cx, args);
            cx.message.internal_flags &= !bit;
            Outcome::TRUE
        },
        "Clears an internal flag.",
    ),
    anywhere(
        &["msg_iflag_is_set"],
        NAME,
        |cx, args| {
            let bit = internal(cx, args);
            Outcome::Return(if cx.message.internal_flags & bit != 0 { 1 } else { -2 })
        },
        "Whether an internal flag was set by msg_iflag_set.",
    ),
];

const FLAG: &[Arg] = &[Arg::int("flag")];
const NAME: &[Arg] = &[Arg::text("flag")];

fn send_as_it_came(cx: &Context, next_hop: Bytes) -> Outcome {
    let bytes = cx.message.message.bytes().clone();
    send(next_hop, cx.message.target.socket, bytes)
}

fn send(next_hop: Bytes, socket: Option<SocketId>, bytes: Bytes) -> Outcome {
    Outcome::code_of(Effect::Send(Packet { next_hop, socket, bytes }))
}

fn path(text: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(text))
}

fn file_fault(cx: &mut Context, args: &Args, answer: Answer) -> Outcome {
    if let Answer::Found(Err(fault)) = answer {
        let text = format!("{}: {}: {fault}", args.name(), String::from_utf8_lossy(&args.text(cx, 0)));
        cx.log(LogLevel::Error, text);
    }
    Outcome::FALSE
}

fn bit(flag: i64) -> Option<u64> {
    1u64.checked_shl(u32::try_from(flag).ok()?)
}

fn extended(cx: &mut Context, args: &Args, change: fn(&mut u64, u64)) -> Outcome {
    match bit(args.int(cx, 0)) {
        Some(bit) => {
            change(&mut cx.message.flags.extended, bit);
            Outcome::TRUE
        }
        None => Outcome::FALSE,
    }
}

/// The flag of this name or number; none of an unknown name.
fn internal(cx: &mut Context, args: &Args) -> u64 {
    let text = args.text(cx, 0);
    match &text[..] {
        b"USE_UAC_FROM" => 1,
        b"USE_UAC_TO" => 1 << 1,
        b"UAC_AUTH" => 1 << 2,
        b"MSG_APPLY_CHANGES" => 1 << 3,
        number => crate::builtin::parse_int(number).and_then(bit).unwrap_or(0),
    }
}

fn named(cx: &Context, name: &[u8]) -> Option<SocketId> {
    let at = cx.core.sockets.list.iter().position(|socket| socket.name.as_deref() == Some(name))?;
    u16::try_from(at).ok().map(SocketId)
}

/// A socket that the server does not have is no failure: the choice stays as it was.
fn choose(cx: &mut Context, found: Option<SocketId>, wanted: &[u8], take: fn(&mut Context, SocketId)) -> Outcome {
    match found {
        Some(socket) => take(cx, socket),
        None => {
            let text = format!("the server does not listen on {}", String::from_utf8_lossy(wanted));
            cx.log(LogLevel::Warning, text);
        }
    }
    Outcome::TRUE
}

fn set_source_address(cx: &mut Context, args: &Args) -> Outcome {
    let text = args.text(cx, 0);
    let address = text.strip_prefix(b"udp:").unwrap_or(&text);
    let address = std::str::from_utf8(address).ok().and_then(|address| {
        let bare = || crate::sip::parse_ip(address.as_bytes()).map(|ip| (ip, 5060).into());
        address.parse().ok().or_else(bare)
    });
    match address {
        Some(address) => {
            cx.message.received.flow.peer = address;
            Outcome::TRUE
        }
        None => {
            cx.log(LogLevel::Error, format!("{} is no address", String::from_utf8_lossy(&text)));
            Outcome::FALSE
        }
    }
}

fn start(start: &mut Start) -> Result<Box<dyn State>, StartFault> {
    for given in start.params.all("alias_subdomains") {
        let ParamGivenValue::Text(text) = &given.value else {
            return Err(StartFault::new("alias_subdomains is a domain").at(given.span));
        };
        let Some((domain, port)) = domain(text) else {
            let fault = StartFault::new("alias_subdomains is no domain").at(given.span);
            return Err(fault.help("write it as example.com, udp:example.com or example.com:5060"));
        };
        start.settings.alias_subdomains.extend(domain.map(|domain| (domain, port)));
    }
    Ok(Box::new(()))
}

/// Reads `[proto:]domain[:port]`; the domain is none when it is meant for another transport than UDP.
fn domain(text: &[u8]) -> Option<(Option<Bytes>, Option<u16>)> {
    let mut parts: Vec<&[u8]> = text.split(|byte| *byte == b':').collect();
    let is_any = |part: &[u8]| part.eq_ignore_ascii_case(b"any");
    let is_protocol = |part: &&[u8]| is_any(part) || Transport::of(part).is_some();
    let is_for_udp = match parts.first().copied().filter(|part| is_protocol(part) && parts.len() > 1) {
        Some(protocol) => {
            parts.remove(0);
            is_any(protocol) || Transport::of(protocol) == Some(Transport::Udp)
        }
        None => true,
    };
    let (domain, port) = match parts[..] {
        [domain] => (domain, None),
        [domain, port] => (domain, Some(crate::sip::port(port)?)),
        _ => return None,
    };
    let domain = (!domain.is_empty()).then(|| Bytes::copy_from_slice(domain))?;
    Some((Some(domain).filter(|_| is_for_udp), port))
}

static VARIABLES: [Variable; count(VARIABLE_PARTS)] = join(VARIABLE_PARTS);
const VARIABLE_PARTS: &[&[Variable]] = &[SOCKETS, core::PLACE];

const SOCKETS: &[Variable] = &[Variable::read(
    &["lsock"],
    |cx, key, _| listening(cx, key).unwrap_or_default(),
    "What the server listens on: $lsock(n/name/l) is the address of the socket of this name. `n` is a name, `l` an address as udp:host:port, `a` the advertised one, `i` a number.",
)
.keyed(KeyKind::Text)];

/// Reads `match/value/field`.
fn listening(cx: &mut Context, key: &Key) -> Option<Value> {
    let text = key.text(cx);
    let mut parts = text.splitn(3, |byte| *byte == b'/');
    let (what, wanted, field) = (parts.next()?, parts.next()?, parts.next()?);
    let sockets = cx.core.sockets.clone();
    let part = |place: usize, what: u8| -> Option<Value> {
        let socket = sockets.list.get(place)?;
        Some(match what {
            b'n' => Value::Text(socket.name.clone().unwrap_or_default()),
            b'l' => Value::Text(Bytes::from(format!("{}:{}", socket.transport, socket.address))),
            b'a' => Value::Text(socket.advertised().map_or_else(Bytes::new, |(host, port)| {
                Bytes::from(format!("{}:{}:{port}", socket.transport, String::from_utf8_lossy(host)))
            })),
            b'i' => Value::Int(place as i64),
            _ => return None,
        })
    };
    let [what] = what else { return None };
    let place = (0..sockets.list.len()).find(|place| part(*place, *what).is_some_and(|its| its.to_text() == wanted))?;
    part(place, *field.first()?)
}

static TRANSFORMATIONS: &[Transformation] = &[
    part("host", |_, value, _| of_socket(&value, |_, host, _| host.to_vec()), "The host of proto:host:port."),
    part("port", |_, value, _| of_socket(&value, |_, _, port| port.to_vec()), "The port of proto:host:port."),
    part("proto", |_, value, _| of_socket(&value, |proto, _, _| proto.to_vec()), "The transport of proto:host:port."),
    part(
        "touri",
        |_, value, _| {
            of_socket(&value, |proto, host, port| [b"sip:", host, b":", port, b";transport=", proto].concat())
        },
        "A socket, written proto:host:port, as a URI.",
    ),
];

type Transform = fn(&mut Context, Value, &[Template]) -> Value;

const fn part(name: &'static str, run: Transform, doc: &'static str) -> Transformation {
    Transformation { class: "sock", name, params: (0, 0), checks: &[], run, doc }
}

/// Makes something of transport, host and port.
type Make = fn(&[u8], &[u8], &[u8]) -> Vec<u8>;

fn of_socket(value: &Value, make: Make) -> Value {
    let text = value.to_text();
    let split = || {
        let proto = memchr::memchr(b':', &text)?;
        let port = memchr::memrchr(b':', &text).filter(|port| *port > proto)?;
        Some(make(text.get(..proto)?, text.get(proto + 1..port)?, text.get(port + 1..)?))
    };
    Value::text_or_null(split().map(Bytes::from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::Argument;
    use crate::builtin::bench::Bench;
    use std::sync::Arc;

    #[test]
    fn flags_and_sockets() {
        let mut bench = Bench::new("INVITE sip:h SIP/2.0\nVia: SIP/2.0/UDP h\n\n", Arc::new(()));
        let number = |number: i64| Argument::Int(number);
        let text = |text: &'static str| Argument::Template(Template::fixed(text));
        let steps: Vec<(&str, Argument, i32)> = vec![
            ("setxflag", number(63), 1),
            ("isxflagset", number(63), 1),
            ("isxflagset", number(62), -1),
            ("setxflag", number(64), -1),
            ("resetxflag", number(63), 1),
            ("isxflagset", number(63), -1),
            ("set_send_socket", text("udp:127.0.0.1:99"), 1),
            ("is_socket_name", text("a"), -1),
            ("msg_iflag_set", text("UAC_AUTH"), 1),
            ("msg_iflag_is_set", text("UAC_AUTH"), 1),
            ("msg_iflag_is_set", text("USE_UAC_TO"), -2),
            ("msg_iflag_set", text("junk"), 1),
            ("set_source_address", text("junk"), -1),
            ("set_source_address", text("udp:1.2.3.4:77"), 1),
        ];
        for (name, arg, code) in steps {
            let row = ROWS.iter().find(|row| row.names.contains(&name)).unwrap();
            let shown = format!("{name} {arg:?}");
            assert!(matches!(bench.call_with(row, vec![arg]), Outcome::Return(its) if its == code), "{shown}");
        }
        assert_eq!(bench.message.received.flow.peer, "1.2.3.4:77".parse().unwrap());
        assert_eq!(bench.message.target.socket, None);
    }

    #[test]
    fn a_domain_with_all_below_it() {
        for (text, read) in [
            ("example.com", Some((Some("example.com"), None))),
            ("udp:example.com:5070", Some((Some("example.com"), Some(5070)))),
            ("tcp:example.com", Some((None, None))),
            ("udp", Some((Some("udp"), None))),
            ("", None),
            ("example.com:port", None),
        ] {
            let read = read.map(|(domain, port)| (domain.map(Bytes::from), port));
            assert_eq!(domain(text.as_bytes()), read, "{text}");
        }
        let mut bench = Bench::new("INVITE sip:h SIP/2.0\nVia: SIP/2.0/UDP h\n\n", Arc::new(()));
        let settings = Arc::make_mut(&mut bench.core.settings);
        settings.alias_subdomains = vec![("example.com".into(), None), ("example.org".into(), Some(5070))];
        for (host, port, own) in [
            ("example.com", None, true),
            ("a.EXAMPLE.com", Some(5099), true),
            ("an-example.com", None, false),
            ("com", None, false),
            ("a.b.example.org", Some(5070), true),
            ("a.b.example.org", None, true),
            ("a.b.example.org", Some(5060), false),
        ] {
            assert_eq!(bench.core.is_own(host.as_bytes(), port), own, "{host} {port:?}");
        }
    }

    #[test]
    fn parts_of_a_socket() {
        let mut bench = Bench::new("INVITE sip:h SIP/2.0\nVia: SIP/2.0/UDP h\n\n", Arc::new(()));
        let shown: Vec<Bytes> = TRANSFORMATIONS
            .iter()
            .map(|row| (row.run)(&mut bench.context(), Value::text("udp:[::1]:5060"), &[]).to_text())
            .collect();
        assert_eq!(shown, ["[::1]", "5060", "udp", "sip:[::1]:5060;transport=udp"]);
    }
}
