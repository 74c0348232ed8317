//! What scripts ask about sets, sources and calls.

use super::Dispatcher;
use super::set::{Destination, Set, protocol};
use crate::builtin::{Args, Command, Context, Key, LogLevel, Outcome, Place, Value};
use crate::sip::{Method, Uri};
use bytes::Bytes;
use std::net::IpAddr;
use std::sync::Arc;

/// `ds_list_exists`.
pub(super) fn list_exists(cx: &mut Context, args: &Args) -> Outcome {
    let id = args.int(cx, 0);
    Outcome::truth(cx.state::<Dispatcher>().is_some_and(|state| state.sets.load().set(id).is_some()))
}

/// `ds_is_active`.
pub(super) fn is_active(cx: &mut Context, args: &Args) -> Outcome {
    let (id, uri) = (args.int(cx, 0), args.text(cx, 1));
    let Some(state) = cx.state::<Dispatcher>() else { return Outcome::FALSE };
    let sets = state.sets.load();
    let active =
        |destination: &Arc<Destination>| !destination.is_skipped() && (uri.is_empty() || destination.uri == uri);
    Outcome::truth(sets.set(id).is_some_and(|set| set.destinations.iter().any(active)))
}

// Whom `ds_is_from_list` looks for, and how closely.
struct Sought {
    address: IpAddr,
    port: u16,
    /// As in [`protocol`].
    protocol: i64,
    mode: i64,
}

impl Sought {
    fn is(&self, destination: &Destination) -> bool {
        let port = self.mode & 1 != 0 || destination.port == 0 || destination.port == self.port;
        // One that names no transport is another one than any that a message can come by.
        let transport = self.mode & 2 != 0 || destination.protocol == self.protocol;
        let active = self.mode & 4 == 0 || !destination.is_skipped();
        destination.address == Some(self.address) && port && transport && active
    }
}

/// `ds_is_from_list`.
pub(super) fn is_from_list(cx: &mut Context, args: &Args) -> Outcome {
    let Some(state) = cx.state::<Dispatcher>() else { return Outcome::FALSE };
    let id = if args.has(0) { args.int(cx, 0) } else { -1 };
    let mode = if args.has(1) { args.int(cx, 1) } else { 2 };
    let uri = args.text(cx, 2);
    let sought = match uri.is_empty() {
        true => {
            let source = cx.message.received.flow.peer;
            let protocol = cx.core.sockets.transport(cx.message.received.flow.socket).number();
            Sought { address: source.ip().to_canonical(), port: source.port(), protocol, mode }
        }
        false => {
            let Some((address, parsed)) = Uri::parse(&uri).ok().and_then(|uri| Some((uri.host_ip()?, uri))) else {
                cx.log(LogLevel::Error, "ds_is_from_list: the URI holds no address");
                return Outcome::FALSE;
            };
            Sought { address, port: parsed.port.unwrap_or(0), protocol: protocol(&parsed), mode }
        }
    };
    let sets = state.sets.load();
    let find = |set: &Set| set.destinations.iter().find(|destination| sought.is(destination)).cloned();
    let found = match id {
        -1 => sets.iter().find_map(|set| find(set)),
        id => sets.set(id).and_then(|set| find(set)),
    };
    let Some(found) = found else { return Outcome::FALSE };
    if let Some(target) = state.found_set.as_ref().filter(|_| id == -1) {
        target.store(cx, Value::Int(found.set));
    }
    if let Some((target, value)) = state.found_attributes.as_ref().zip(found.attributes.value()) {
        target.store(cx, value);
    }
    Outcome::TRUE
}

/// `ds_load_update`.
pub(super) fn load_update(cx: &mut Context, _: &Args) -> Outcome {
    let Some(state) = cx.state::<Dispatcher>() else { return Outcome::FALSE };
    let Some(loads) = &state.loads else { return Outcome::TRUE };
    let message = &cx.message.message;
    let Some(cseq) = message.cseq() else { return Outcome::FALSE };
    match message.status() {
        None if matches!(message.method(), Some(Method::Bye | Method::Cancel)) => {
            loads.remove(message.call_id());
        }
        Some(200..=299) if cseq.method == Method::Invite => loads.confirm(message.call_id()),
        None | Some(_) => {}
    }
    Outcome::TRUE
}

/// `ds_load_unset`.
pub(super) fn load_unset(cx: &mut Context, _: &Args) -> Outcome {
    let Some(state) = cx.state::<Dispatcher>() else { return Outcome::FALSE };
    let message = &cx.message.message;
    if message.method() == Some(Method::Invite) && message.is_request() {
        // Before a selection there is nothing to take back.
        let counted = cx.locals.avps.record(&state.xavp_dst, 0).is_some_and(|record| record.field(b"dstid").is_some());
        if !counted {
            return Outcome::TRUE;
        }
    }
    Outcome::truth(state.loads.as_ref().is_some_and(|loads| loads.remove(message.call_id())))
}

/// `ds_reload`.
pub(super) fn reload(cx: &mut Context, _: &Args) -> Outcome {
    cx.core.commands.push(Command::Reload(cx.module));
    Outcome::TRUE
}

// What ds_dsg_fetch counted.
#[derive(Debug, Default)]
struct Group {
    count: i64,
    active: i64,
}

/// `ds_dsg_fetch`.
pub(super) fn fetch(cx: &mut Context, args: &Args) -> Outcome {
    let id = args.int(cx, 0);
    let Some(state) = cx.state::<Dispatcher>() else { return Outcome::FALSE };
    let sets = state.sets.load();
    let Some(set) = sets.set(id) else { return Outcome::FALSE };
    let active = set.destinations.iter().filter(|destination| !destination.is_skipped()).count();
    *cx.local::<Group>() = Group { count: set.destinations.len() as i64, active: active as i64 };
    Outcome::TRUE
}

/// `$dsg`.
pub(super) fn group(cx: &mut Context, key: &Key, _: Place) -> Value {
    let name = key.text(cx);
    let Group { count, active } = *cx.local::<Group>();
    let percent = |part: i64| Value::Int((part * 100).checked_div(count).unwrap_or(0));
    match &*name {
        b"count" => Value::Int(count),
        b"active" => Value::Int(active),
        b"inactive" => Value::Int(count - active),
        b"pactive" => percent(active),
        b"pinactive" => percent(count - active),
        _ => Value::Null,
    }
}

/// `$dsv`.
pub(super) fn event(cx: &mut Context, key: &Key, _: Place) -> Value {
    let name = key.text(cx);
    let message = &cx.message.message;
    match &*name {
        b"code" => message.status().map_or(Value::Null, |code| Value::Int(i64::from(code))),
        b"reason" if !message.reason().is_empty() => Value::Text(Bytes::copy_from_slice(message.reason())),
        _ => Value::Null,
    }
}
