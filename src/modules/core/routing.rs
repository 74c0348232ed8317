//! Statements about sending: where to, from which socket, and what to write into our own Via.

use super::uri::{given, literal};
use crate::builtin::{
    Arg, Args, Bare, Context, Does, Effect, Function, LogLevel, LogLine, Means, Outcome, Relay, Routes, SendFlags,
    SocketId, Sockets,
};
use crate::sip::Transport;
use bytes::Bytes;

const ONWARD: Routes = Routes::REQUEST.or(Routes::FAILURE).or(Routes::BRANCH).or(Routes::ONREPLY);

/// The statements.
pub(super) const ROWS: &[Function] = &[
    Function {
        names: &["forward"],
        args: &[
            Arg::bare("host", Bare::NextHop, literal).means(Means::Host).optional(),
            Arg::bare("port", Bare::Port, literal).means(Means::Port).optional(),
        ],
        routes: ONWARD,
        run: forward,
        does: &[Does::Relay],
        doc: "Forwards the message without a transaction: to the host and port given, by the transport it came by, else to $du or the Request-URI.",
    },
    Function {
        names: &["forward_udp"],
        args: NEXT_HOP,
        routes: ONWARD,
        run: |cx, args| forward_by(cx, args, ";transport=udp"),
        does: &[Does::Relay],
        doc: "Forwards the message without a transaction, over UDP, to the host and port given.",
    },
    Function {
        names: &["forward_tcp"],
        args: NEXT_HOP,
        routes: ONWARD,
        run: |cx, args| forward_by(cx, args, ";transport=tcp"),
        does: &[Does::Relay],
        doc: "Forwards the message without a transaction, over TCP, to the host and port given; false without a TCP socket.",
    },
    Function {
        names: &["forward_tls", "forward_sctp"],
        args: NEXT_HOP,
        routes: ONWARD,
        run: no_socket,
        does: &[Does::Relay],
        doc: "Forwards over a transport that is not served: false, as in Kamailio without a socket of that transport.",
    },
    log_row(
        &[Arg::custom("text", literal)],
        |cx, args| log(cx, args, LogLevel::Error, 0),
        "Writes a line to the log, as an error.",
    ),
    log_row(
        &[Arg::count("level"), Arg::custom("text", literal)],
        |cx, args| {
            let level = LogLevel::from_number(args.int(cx, 0));
            log(cx, args, level, 1)
        },
        "Writes a line to the log at a level: 0 a warning, 1 a notice, 2 an information, 3 debugging.",
    ),
    Function {
        names: &["error"],
        args: &[Arg::custom("kind", literal), Arg::custom("text", literal)],
        routes: Routes::ANY,
        run: |cx, args| log(cx, args, LogLevel::Error, 1),
        does: &[],
        doc: "Writes a line to the log, as an error.",
    },
    bare(
        &["force_rport", "add_rport"],
        force_rport,
        "Replies go back to the source port, as if the sender had asked for rport (RFC 3581).",
    ),
    bare(&["add_local_rport"], add_local_rport, "Asks for rport in our own Via."),
    Function {
        names: &["set_advertised_address"],
        args: &[Arg::bare("host", Bare::Host, literal)],
        routes: ONWARD,
        run: set_advertised_address,
        does: &[],
        doc: "The host that our own Via and Record-Route name for this message.",
    },
    Function {
        names: &["set_advertised_port"],
        args: &[Arg::count("port")],
        routes: ONWARD,
        run: set_advertised_port,
        does: &[],
        doc: "The port that our own Via and Record-Route name for this message.",
    },
    Function {
        names: &["force_send_socket"],
        args: &[Arg::bare("socket", Bare::Socket, literal)],
        routes: ONWARD,
        run: force_send_socket,
        does: &[Does::ChooseSocket],
        doc: "Sends from this socket, written proto:address:port; false when the server does not listen there.",
    },
    bare(
        &["set_forward_no_connect"],
        |cx, _| send_flags(&mut cx.message.forward_flags, |flags| flags.existing = true),
        "Where the request is forwarded no connection is opened for it: without one that is there it fails with 477.",
    ),
    bare(
        &["set_reply_no_connect"],
        |cx, _| send_flags(&mut cx.message.replies.flags, |flags| flags.existing = true),
        "No connection is opened for a reply whose own is gone.",
    ),
    bare(
        &["set_forward_close"],
        |cx, _| send_flags(&mut cx.message.forward_flags, |flags| flags.closing = true),
        "The connection that the request is forwarded by is closed behind it.",
    ),
    bare(
        &["set_reply_close"],
        |cx, _| send_flags(&mut cx.message.replies.flags, |flags| flags.closing = true),
        "The connection that the reply leaves by is closed behind it.",
    ),
    Function {
        names: &["force_tcp_alias", "add_tcp_alias"],
        args: &[Arg::count("port").optional()],
        routes: Routes::ANY,
        run: force_tcp_alias,
        does: &[],
        doc: "What goes to this port of the peer, or to the one in its Via, goes by the connection that this message came by (RFC 5923).",
    },
    Function {
        names: &["udp_mtu_try_proto"],
        args: &[Arg::bare("proto", Bare::Transport, literal)],
        routes: Routes::ANY,
        run: nothing,
        does: &[],
        doc: "Which transport to use for what is too large for UDP; alanui sends it by UDP all the same: always true.",
    },
];

/// The statements that go without parentheses.
pub(super) const BARE_CALLS: &[&str] = &[
    "revert_uri",
    "force_rport",
    "add_rport",
    "add_local_rport",
    "set_forward_no_connect",
    "set_reply_no_connect",
    "set_forward_close",
    "set_reply_close",
    "force_tcp_alias",
    "add_tcp_alias",
];

const NEXT_HOP: &[Arg] = &[
    Arg::bare("host", Bare::NextHop, literal).means(Means::Host),
    Arg::bare("port", Bare::Port, literal).means(Means::Port).optional(),
];

type Run = fn(&mut Context, &Args) -> Outcome;

const fn bare(names: &'static [&'static str], run: Run, doc: &'static str) -> Function {
    Function { names, args: &[], routes: Routes::ANY, run, does: &[], doc }
}

const fn log_row(args: &'static [Arg], run: Run, doc: &'static str) -> Function {
    Function { names: &["log"], args, routes: Routes::ANY, run, does: &[], doc }
}

/// The socket written `[proto:]address[:port]`; without a transport the first at that place.
pub(crate) fn socket(cx: &Context, text: &[u8]) -> Option<SocketId> {
    socket_of(&cx.core.sockets, text)
}

/// A socket as Kamailio's variables and tables name it.
pub(crate) fn socket_name(sockets: &Sockets, id: SocketId) -> Option<Bytes> {
    sockets.socket(id).map(|socket| Bytes::from(format!("{}:{}", socket.transport.name(), socket.address)))
}

/// The socket of this name.
pub(crate) fn socket_of(sockets: &Sockets, text: &[u8]) -> Option<SocketId> {
    let text = std::str::from_utf8(text).ok()?;
    let (transport, address) = match text.split_once(':') {
        Some((proto, rest)) if let Some(transport) = Transport::served(proto.as_bytes()) => (Some(transport), rest),
        _ => (None, text),
    };
    let mut places = sockets.list.iter();
    let at = places.position(|socket| {
        let bound = socket.address;
        let exactly = address.parse().is_ok_and(|wanted: std::net::SocketAddr| wanted == bound);
        let default_port = crate::sip::parse_ip(address.as_bytes()).is_some_and(|ip| ip == bound.ip());
        transport.is_none_or(|wanted| wanted == socket.transport) && (exactly || default_port && bound.port() == 5060)
    });
    at.and_then(|at| u16::try_from(at).ok()).map(SocketId)
}

fn forward(cx: &mut Context, args: &Args) -> Outcome {
    let came_by = cx.core.sockets.transport(cx.message.received.flow.socket);
    forward_by(cx, args, &format!(";transport={came_by}"))
}

fn forward_by(cx: &mut Context, args: &Args, transport: &str) -> Outcome {
    let host = args.has(0).then(|| given(cx, args, 0)).filter(|host| &host[..] != b"uri:host");
    let next_hop = host.map(|host| {
        let mut uri = b"sip:".to_vec();
        uri.extend_from_slice(&host);
        if args.has(1) {
            uri.push(b':');
            uri.extend_from_slice(&given(cx, args, 1));
        }
        uri.extend_from_slice(transport.as_bytes());
        Bytes::from(uri)
    });
    Outcome::code_of(Effect::Forward(Relay { next_hop, ..Relay::default() }))
}

fn log(cx: &mut Context, args: &Args, level: LogLevel, at: usize) -> Outcome {
    if cx.core.logs(level) {
        let text = given(cx, args, at);
        let text = String::from_utf8_lossy(&text).trim_end_matches('\n').to_owned();
        cx.core.write_line(LogLine { level, from_script: true, text });
    }
    Outcome::TRUE
}

fn force_rport(cx: &mut Context, _: &Args) -> Outcome {
    cx.message.replies.force_rport = true;
    Outcome::TRUE
}

fn add_local_rport(cx: &mut Context, _: &Args) -> Outcome {
    cx.message.own_via.local_rport = true;
    Outcome::TRUE
}

fn set_advertised_address(cx: &mut Context, args: &Args) -> Outcome {
    cx.message.own_via.advertised_address = Some(given(cx, args, 0));
    Outcome::TRUE
}

fn set_advertised_port(cx: &mut Context, args: &Args) -> Outcome {
    cx.message.own_via.advertised_port = u16::try_from(args.int(cx, 0)).ok().filter(|port| *port != 0);
    Outcome::truth(cx.message.own_via.advertised_port.is_some())
}

fn force_send_socket(cx: &mut Context, args: &Args) -> Outcome {
    let text = given(cx, args, 0);
    match socket(cx, &text) {
        Some(socket) => {
            cx.message.target.socket = Some(socket);
            Outcome::TRUE
        }
        None => {
            cx.log(LogLevel::Error, format!("the server does not listen on {}", String::from_utf8_lossy(&text)));
            Outcome::FALSE
        }
    }
}

fn no_socket(cx: &mut Context, _: &Args) -> Outcome {
    cx.log(LogLevel::Error, "the server has no socket of this transport".to_owned());
    // Kamailio's code for a destination without a fitting socket.
    Outcome::Return(-7)
}

fn send_flags(flags: &mut SendFlags, set: impl FnOnce(&mut SendFlags)) -> Outcome {
    set(flags);
    Outcome::TRUE
}

fn force_tcp_alias(cx: &mut Context, args: &Args) -> Outcome {
    let port = args.has(0).then(|| args.int(cx, 0));
    match port.map(u16::try_from) {
        None => Outcome::code_of(Effect::Alias(None)),
        Some(Ok(port)) => Outcome::code_of(Effect::Alias(Some(port))),
        Some(Err(_)) => Outcome::FALSE,
    }
}

fn nothing(_: &mut Context, _: &Args) -> Outcome {
    Outcome::TRUE
}
