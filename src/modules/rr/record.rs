//! Adding Record-Route.
//!
//! The line names the socket the request came in on. When it leaves by another address a second line is put on top and both are marked `r2=on`; the
//! address it leaves by may only be known when it is sent. So the line is written at once for what can be known at the call (the socket the script
//! chose, a next hop that is an IP address), what was asked for is kept in the message, and the node settles it before it sends.

use super::Rr;
use super::direction::{Direction, Routing, direction};
use crate::builtin::{Args, Context, LogLevel, Outcome, RecordRoute, SecondRecordRoute, SocketId, StateOf};
use crate::sip::{Scheme, Transport, Uri};
use bytes::Bytes;
use std::net::{IpAddr, SocketAddr};

pub(super) fn record_route(cx: &mut Context, args: &Args) -> Outcome {
    let parameters = if args.has(0) { args.header_value(cx, 0) } else { Bytes::new() };
    let rr = state(cx);
    let Some(mut line) = begin(cx, &rr, true) else { return Outcome::FALSE };
    let tag = dialog_tag(cx, &rr);
    let pending = std::mem::take(&mut cx.local::<Routing>().parameters);
    for part in [rr.lr, &tag, &parameters, &pending] {
        line.suffix.extend_from_slice(part);
    }
    let received = cx.message.received;
    line.socket = Some(received.flow.socket);
    line.arrived = cx.core.record_route_text(received.flow.socket, received.flow.peer.ip());
    line.second = rr.second;
    add(cx, line);
    Outcome::TRUE
}

pub(super) fn record_route_preset(cx: &mut Context, args: &Args) -> Outcome {
    let rr = state(cx);
    if args.has(1) && rr.second == SecondRecordRoute::Never {
        cx.log(LogLevel::Error, "record_route_preset with two addresses needs enable_double_rr");
        return Outcome::FALSE;
    }
    let addresses = [args.header_value(cx, 0), if args.has(1) { args.header_value(cx, 1) } else { Bytes::new() }];
    let Some(line) = begin(cx, &rr, false) else { return Outcome::FALSE };
    let tag = ftag(&rr, cx.message.message.from_tag());
    let pending = std::mem::take(&mut cx.local::<Routing>().parameters);
    for (place, address) in addresses.iter().enumerate() {
        if place > 0 && address.is_empty() {
            continue;
        }
        let mut line = line.clone();
        line.prefix.extend_from_slice(address);
        for part in [&tag, &pending, rr.lr] {
            line.suffix.extend_from_slice(part);
        }
        add(cx, line);
    }
    Outcome::TRUE
}

pub(super) fn record_route_advertised_address(cx: &mut Context, args: &Args) -> Outcome {
    let address = args.header_value(cx, 0);
    let rr = state(cx);
    let Some(mut line) = begin(cx, &rr, false) else { return Outcome::FALSE };
    line.prefix.extend_from_slice(&address);
    let tag = dialog_tag(cx, &rr);
    let pending = std::mem::take(&mut cx.local::<Routing>().parameters);
    for part in [&tag, rr.lr, &pending] {
        line.suffix.extend_from_slice(part);
    }
    add(cx, line);
    Outcome::TRUE
}

pub(super) fn add_rr_param(cx: &mut Context, args: &Args) -> Outcome {
    let parameter = args.header_value(cx, 0);
    if cx.message.record_routes.is_empty() {
        cx.local::<Routing>().parameters.extend_from_slice(&parameter);
        return Outcome::TRUE;
    }
    for route in &mut cx.message.record_routes {
        route.suffix.extend_from_slice(&parameter);
    }
    let (socket, leaving) = leaving(cx);
    cx.message.settle_record_routes(socket, &leaving);
    Outcome::TRUE
}

pub(super) fn remove_record_route(cx: &mut Context, _: &Args) -> Outcome {
    let message = &mut *cx.message;
    for route in &mut message.record_routes {
        message.edits.replace_inserted(&route.lines, Bytes::new());
        route.lines = Bytes::new();
    }
    Outcome::TRUE
}

fn state(cx: &Context) -> StateOf<Rr> {
    cx.state().unwrap_or_default()
}

/// A line up to its address, with the user when one is wanted; `None` when the request has a line already or its URI cannot be read.
fn begin(cx: &mut Context, rr: &Rr, custom_user: bool) -> Option<RecordRoute> {
    // A branch_route works on a copy, where a line of its own may follow the request's.
    if !super::in_branch(cx.route) && !cx.message.record_routes.is_empty() {
        cx.log(LogLevel::Error, "the request has a Record-Route of this server already");
        return None;
    }
    let uri = cx.message.request_uri();
    let parsed = Uri::parse(&uri);
    let secure = !rr.ignore_sips && parsed.is_ok_and(|uri| uri.scheme == Scheme::Sips);
    let mut prefix = Vec::with_capacity(64);
    prefix.extend_from_slice(if secure { b"Record-Route: <sips:" } else { b"Record-Route: <sip:" });
    if rr.add_username {
        let custom = rr.user_avp.as_ref().filter(|_| custom_user).and_then(|name| cx.locals.avps.value(name, 0));
        let custom = custom.map(|value| value.to_text()).filter(|user| !user.is_empty());
        let user = match &custom {
            Some(user) => &user[..],
            None => match request_user(cx.message.message.request_uri(), &uri) {
                Some(user) => user,
                None => {
                    cx.log(LogLevel::Error, "Record-Route: the Request-URI cannot be read");
                    return None;
                }
            },
        };
        if !user.is_empty() {
            prefix.extend_from_slice(user);
            prefix.push(b'@');
        }
    }
    let (arrived, suffix) = (Vec::new(), Vec::with_capacity(64));
    let (lines, second) = (Bytes::new(), SecondRecordRoute::Never);
    Some(RecordRoute { lines, prefix, socket: None, arrived, suffix, second })
}

/// The user of the Request-URI as it came, else as the script set it; `None` when it is no URI.
fn request_user<'a>(came: &'a [u8], set: &'a [u8]) -> Option<&'a [u8]> {
    let user = Uri::parse(came).ok()?.user.unwrap_or_default();
    if user.is_empty() { Some(Uri::parse(set).ok()?.user.unwrap_or_default()) } else { Some(user) }
}

/// `;ftag=` with the tag of the dialog's caller: on the way back it stands in To.
fn dialog_tag(cx: &mut Context, rr: &Rr) -> Vec<u8> {
    if !rr.append_fromtag {
        return Vec::new();
    }
    let direction = direction(cx);
    let message = &cx.message.message;
    let address = if direction == Direction::Upstream { message.to() } else { message.from() };
    ftag(rr, address.and_then(|address| address.tag()))
}

fn ftag(rr: &Rr, tag: Option<&[u8]>) -> Vec<u8> {
    match tag.filter(|_| rr.append_fromtag) {
        Some(tag) => [b";ftag=", tag].concat(),
        None => Vec::new(),
    }
}

fn add(cx: &mut Context, mut line: RecordRoute) {
    let (socket, leaving) = leaving(cx);
    let message = &mut *cx.message;
    line.lines = Bytes::from(line.write(socket, &leaving));
    message.edits.insert_first(&message.message, line.lines.clone());
    message.record_routes.push(line);
}

/// The socket the request leaves by, as far as it can be told: the socket the script chose or the one that reaches a next hop given as an IP address,
/// else the one it came in on.
fn leaving(cx: &Context) -> (SocketId, Vec<u8>) {
    let received = cx.message.received;
    let next = cx.message.next_hop();
    let next = Uri::parse(&next).ok().and_then(|uri| {
        let transport = uri.transport().map_or(Some(Transport::Udp), Transport::served)?;
        Some((transport, SocketAddr::new(uri.host_ip()?, uri.port_or_default())))
    });
    let arrived = Some(received.flow.socket);
    let peer: IpAddr = next.map_or(received.flow.peer.ip(), |(_, next)| next.ip());
    let socket = match (next, cx.message.target.socket) {
        (Some((transport, next)), wanted) => cx.core.sockets.towards(transport, next, wanted, arrived),
        (None, wanted) => wanted.or(arrived),
    };
    let socket = socket.unwrap_or(received.flow.socket);
    (socket, cx.core.leaving_route_text(socket, Some(cx.message), peer))
}

#[cfg(test)]
mod tests {
    use super::super::MODULE;
    use super::*;
    use crate::builtin::{Function, Socket, Sockets, bench::Bench};
    use crate::sip;
    use std::sync::Arc;

    const INVITE: &str = "INVITE sip:bob@example.com SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\nFrom: <sip:a@b>;tag=from1\nTo: <sip:c@d>\nCall-ID: 1\nCSeq: 1 INVITE\n\n";

    fn function(name: &str) -> &'static Function {
        MODULE.functions.iter().find(|function| function.names.contains(&name)).unwrap()
    }

    fn code(outcome: Outcome) -> i32 {
        match outcome {
            Outcome::Return(code) => code,
            Outcome::Wait(..) => panic!("it waits"),
        }
    }

    fn record_routes(bench: &Bench) -> Vec<String> {
        let mut out = Vec::new();
        sip::write(&bench.message.message, &bench.message.edits, &mut out);
        let text = String::from_utf8(out).unwrap();
        text.split("\r\n").skip(1).take_while(|line| line.starts_with("Record-Route")).map(str::to_owned).collect()
    }

    fn two_sockets(bench: &mut Bench) {
        let socket = |address: &str| Socket {
            transport: Transport::Udp,
            address: address.parse().unwrap(),
            advertise: None,
            name: None,
        };
        let list = vec![socket("127.0.0.7:17001"), socket("127.0.0.8:17002")];
        bench.core.sockets = Arc::new(Sockets { list, ..Sockets::default() });
    }

    #[test]
    fn one_socket_is_one_line_without_the_default_port() {
        let mut bench = Bench::new(INVITE, Arc::new(Rr::default()));
        assert_eq!(code(bench.call(function("record_route"), &[";x=y"])), 1);
        assert_eq!(code(bench.call(function("record_route"), &[])), -1);
        assert_eq!(record_routes(&bench), ["Record-Route: <sip:127.0.0.1;lr;ftag=from1;x=y>"]);
        assert_eq!(code(bench.call(function("remove_record_route"), &[])), 1);
        assert!(record_routes(&bench).is_empty());
        assert_eq!(code(bench.call(function("record_route"), &[])), -1);
    }

    #[test]
    fn another_socket_puts_a_second_line_on_top() {
        let mut bench = Bench::new(INVITE, Arc::new(Rr::default()));
        two_sockets(&mut bench);
        bench.call(function("add_rr_param"), &[";before=1"]);
        bench.call(function("record_route"), &[";x=y"]);
        bench.call(function("add_rr_param"), &[";after=2"]);
        assert_eq!(record_routes(&bench), ["Record-Route: <sip:127.0.0.7:17001;lr;ftag=from1;x=y;before=1;after=2>"]);
        let two = [
            "Record-Route: <sip:127.0.0.8:17002;r2=on;lr;ftag=from1;x=y;before=1;after=2>",
            "Record-Route: <sip:127.0.0.7:17001;r2=on;lr;ftag=from1;x=y;before=1;after=2>",
        ];
        bench.message.settle_record_routes(SocketId(1), b"127.0.0.8:17002");
        assert_eq!(record_routes(&bench), two);
        bench.message.settle_record_routes(SocketId(0), b"127.0.0.7:17001");
        assert_eq!(record_routes(&bench).len(), 1);
    }

    #[test]
    fn the_socket_the_script_chose_is_known_at_once() {
        let mut bench = Bench::new(INVITE, Arc::new(Rr::default()));
        two_sockets(&mut bench);
        bench.message.target.socket = Some(SocketId(1));
        bench.call(function("record_route"), &[]);
        assert_eq!(record_routes(&bench).len(), 2);
    }

    #[test]
    fn preset_lines_stand_as_given() {
        let mut bench = Bench::new(INVITE, Arc::new(Rr::default()));
        bench.call(function("add_rr_param"), &[";p=1"]);
        bench.call(function("record_route_preset"), &["1.1.1.1:5060;a=b", "2.2.2.2"]);
        bench.call(function("add_rr_param"), &[";q=1"]);
        assert_eq!(
            record_routes(&bench),
            [
                "Record-Route: <sip:1.1.1.1:5060;a=b;ftag=from1;p=1;lr;q=1>",
                "Record-Route: <sip:2.2.2.2;ftag=from1;p=1;lr;q=1>"
            ]
        );
        let mut bench = Bench::new(INVITE, Arc::new(Rr::default()));
        bench.call(function("add_rr_param"), &[";p=1"]);
        bench.call(function("record_route_advertised_address"), &["1.1.1.1:5060"]);
        assert_eq!(record_routes(&bench), ["Record-Route: <sip:1.1.1.1:5060;ftag=from1;lr;p=1>"]);
    }

    #[test]
    fn user_full_lr_and_sips() {
        let rr = Rr { add_username: true, lr: b";lr=on", append_fromtag: false, ..Rr::default() };
        let mut bench = Bench::new(INVITE, Arc::new(rr));
        bench.call(function("record_route"), &[";x=y"]);
        assert_eq!(record_routes(&bench), ["Record-Route: <sip:bob@127.0.0.1;lr=on;x=y>"]);
        let mut bench = Bench::new(&INVITE.replacen("sip:", "sips:", 1), Arc::new(Rr::default()));
        bench.call(function("record_route"), &[]);
        assert_eq!(record_routes(&bench), ["Record-Route: <sips:127.0.0.1;lr;ftag=from1>"]);
    }
}
