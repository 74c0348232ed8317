//! What the functions ask of the node.

use super::params::Defaults;
use crate::builtin::{
    Args, Context, Effect, Fault, LogLevel, Outcome, Part, Prepare, Prepared, Relay, Reply, ReplyMode, Template,
    TransactionStep, Value, print_int,
};
use crate::modules::sl;
use crate::sip::Transport;
use bytes::Bytes;

pub(super) fn step(step: TransactionStep) -> Outcome {
    Outcome::code_of(Effect::Transaction(step))
}

pub(super) fn relay(_: &mut Context, _: &Args) -> Outcome {
    Outcome::code_of(Effect::Relay(Relay::default()))
}

fn send_to(uri: Vec<u8>) -> Outcome {
    Outcome::code_of(Effect::Relay(Relay { next_hop: Some(Bytes::from(uri)), within: false }))
}

/// Without a next hop to `$du` or the Request-URI.
fn forward(uri: Option<Vec<u8>>) -> Outcome {
    Outcome::code_of(Effect::Relay(Relay { next_hop: uri.map(Bytes::from), within: true }))
}

/// `host` and `port` as given, by the transport that the request came by.
pub(super) fn relay_as_received(cx: &mut Context, args: &Args) -> Outcome {
    let transport = cx.core.sockets.transport(cx.message.received.flow.socket);
    relay_to(cx, args, Some(transport))
}

pub(super) fn relay_to(cx: &mut Context, args: &Args, transport: Option<Transport>) -> Outcome {
    send_to(address(cx, args, transport))
}

pub(super) fn forward_nonack(cx: &mut Context, args: &Args, transport: Option<Transport>) -> Outcome {
    forward(Some(address(cx, args, transport)))
}

pub(super) fn forward_nonack_uri(_: &mut Context, _: &Args) -> Outcome {
    forward(None)
}

/// `host` and `port` as given; a port that is empty or 0 is left to DNS.
fn address(cx: &mut Context, args: &Args, transport: Option<Transport>) -> Vec<u8> {
    let (host, port) = (args.text(cx, 0), args.int(cx, 1));
    let mut uri = [b"sip:", &host[..]].concat();
    if port > 0 {
        uri.push(b':');
        print_int(port, &mut uri);
    }
    push_transport(&mut uri, transport.map_or("", Transport::name).as_bytes());
    uri
}

/// The next hop as it stands, by another protocol.
pub(super) fn relay_by(cx: &mut Context, transport: Transport) -> Outcome {
    let next = cx.message.next_hop();
    let Ok(uri) = crate::sip::Uri::parse(&next) else {
        cx.log(LogLevel::Error, "the next hop is no URI");
        return Outcome::FALSE;
    };
    let mut hop = [b"sip:", uri.maddr().unwrap_or(uri.host)].concat();
    if !uri.port_text.is_empty() {
        hop.push(b':');
        hop.extend_from_slice(uri.port_text);
    }
    push_transport(&mut hop, transport.name().as_bytes());
    send_to(hop)
}

pub(super) fn relay_to_proxy(cx: &mut Context, args: &Args) -> Outcome {
    let proxy = args.text(cx, 0);
    let is_flags = !proxy.is_empty() && crate::builtin::parse_int(&proxy).is_some();
    if proxy.is_empty() || is_flags { relay(cx, args) } else { send_to(proxy_uri(&proxy)) }
}

pub(super) fn forward_nonack_to(cx: &mut Context, args: &Args) -> Outcome {
    let (protocol, proxy) = (args.text(cx, 0), args.text(cx, 1));
    let mut uri = [b"sip:", &proxy[..]].concat();
    push_transport(&mut uri, &protocol);
    forward(Some(uri))
}

/// `udp:host:port` as a URI.
fn proxy_uri(proxy: &[u8]) -> Vec<u8> {
    for protocol in Transport::ALL.into_iter().filter(|its| its.is_word()).map(|its| its.name().as_bytes()) {
        let is = proxy.split_at_checked(protocol.len()).filter(|(start, _)| start.eq_ignore_ascii_case(protocol));
        if let Some(address) = is.and_then(|(_, rest)| rest.strip_prefix(b":")) {
            let mut uri = [b"sip:", address].concat();
            push_transport(&mut uri, protocol);
            return uri;
        }
    }
    [b"sip:", proxy].concat()
}

fn push_transport(uri: &mut Vec<u8>, protocol: &[u8]) {
    if !protocol.is_empty() {
        uri.extend_from_slice(b";transport=");
        uri.extend(protocol.to_ascii_lowercase());
    }
}

pub(super) fn reply(reply: Reply) -> Outcome {
    Outcome::code_of(Effect::Reply(reply))
}

pub(super) fn t_reply(cx: &mut Context, args: &Args) -> Outcome {
    if cx.message.transaction.is_none() {
        cx.log(LogLevel::Error, "t_reply: the request has no transaction");
        return Outcome::FALSE;
    }
    t_send_reply(cx, args)
}

pub(super) fn t_send_reply(cx: &mut Context, args: &Args) -> Outcome {
    let constant = args.template(0).and_then(Template::constant).is_some();
    let code = match args.value(cx, 0) {
        // As in Kamailio a variable that holds text is no number, whatever the text.
        Value::Null | Value::Unset => None,
        Value::Text(_) if !constant => None,
        value => Some(sl::status_code(&value)),
    };
    let defaults = cx.state::<Defaults>();
    let code = code.unwrap_or_else(|| Some(defaults.as_ref().map_or(500, |defaults| defaults.code)));
    let Some(code) = code else {
        cx.log(LogLevel::Error, "the status code of a reply is none");
        return Outcome::FALSE;
    };
    let reason = match (args.prepared::<Template>(1).map(|reason| reason.value(cx)), defaults) {
        (Some(Value::Null | Value::Unset), Some(defaults)) => defaults.reason.clone(),
        (reason, _) => cx.on_one_line(reason.map_or_else(Bytes::new, |reason| reason.to_text())),
    };
    reply(sl::reply(cx, code, reason, ReplyMode::Transaction))
}

/// A reason is a variable, or text that is taken as it stands, with whatever dollars are in it.
pub(super) fn prepare_reason(text: &Template, _: &mut Prepare) -> Result<Prepared, Fault> {
    if text.variable().is_some() {
        return Ok(Box::new(text.clone()));
    }
    let mut whole = Vec::new();
    for part in text.parts() {
        match part {
            Part::Text(text) => whole.extend_from_slice(text),
            Part::Variable(reference) => whole.extend_from_slice(reference.text.as_bytes()),
        }
    }
    Ok(Box::new(Template::fixed(whole)))
}

pub(super) fn set_fr(cx: &mut Context, args: &Args) -> Outcome {
    let milliseconds = |number: i64| u32::try_from(number).ok().filter(|number| *number > 0);
    let (inv, fr) = (milliseconds(args.int(cx, 0)), milliseconds(args.int(cx, 1)));
    let (old_inv, old_fr) = cx.message.timers.unwrap_or_default();
    cx.message.timers = Some((inv.or(old_inv), fr.or(old_fr)));
    Outcome::TRUE
}
