//! Following Route headers.

use super::Rr;
use super::direction::Routing;
use super::own::is_own;
use crate::builtin::{Args, Context, Core, Key, LogLevel, Outcome, Place, SecondRecordRoute, SocketId, Value, Working};
use crate::sip::{Entry, Extent, Message, NameAddr, NameAddrFault, Transport, Uri};
use bytes::Bytes;

/// The request followed Route headers, or all of them were ours.
pub(super) const DRIVEN: i32 = 1;
/// The headers cannot be read, or there are none.
const UNREADABLE: i32 = -1;
/// The Routes of a request outside a dialog were all ours.
pub(super) const PRELOADED: i32 = -3;

/// Bit 1 of a mode: the Request-URI is not looked at.
const LOOSE_ONLY: i64 = 1;

pub(super) fn loose_route(cx: &mut Context, _: &Args) -> Outcome {
    let mode = cx.state::<Rr>().map_or(0, |rr| rr.mode);
    Outcome::Return(follow(cx, mode))
}

pub(super) fn loose_route_mode(cx: &mut Context, args: &Args) -> Outcome {
    let mode = args.int(cx, 0);
    Outcome::Return(follow(cx, mode))
}

pub(super) fn loose_route_preloaded(cx: &mut Context, _: &Args) -> Outcome {
    Outcome::truth(follow(cx, 0) == PRELOADED)
}

pub(super) fn rr_next_hop_route(cx: &mut Context, _: &Args) -> Outcome {
    Outcome::truth(cx.local::<Routing>().by_route)
}

pub(super) fn route_uri(cx: &mut Context, _: &Key, _: Place) -> Value {
    let message = &cx.message.message;
    let first = message.routes().next().and_then(|route| route.value.ok().filter(|route| route.is_bracketed()));
    Value::Text(first.map(|route| message.bytes().slice_ref(route.uri_text())).unwrap_or_default())
}

/// One Route of the message.
type Route<'a> = Entry<'a, Result<NameAddr<'a>, NameAddrFault>>;

/// What the Route headers ask for, read before anything is changed.
#[derive(Debug, Default)]
struct Plan {
    /// How many Routes go, from the first.
    taken: usize,
    /// The last Route goes, as it became the Request-URI.
    last_taken: bool,
    /// The Request-URI to set.
    uri: Option<Bytes>,
    /// The next hop to set.
    destination: Option<Bytes>,
    /// The Request-URI as it came goes into a Route at the end, for a strict router.
    keep_uri: bool,
    socket: Option<SocketId>,
    /// Parameters of the Route (or of the Request-URI a strict router wrote) that was ours.
    routed: Option<Bytes>,
    by_route: bool,
    code: i32,
    /// The second of two Routes of ours names no socket.
    mismatch: bool,
}

pub(super) fn follow(cx: &mut Context, mode: i64) -> i32 {
    let rr = cx.state::<Rr>().unwrap_or_default();
    cx.local::<Routing>().routed = None;
    let message = &cx.message.message;
    let routes: Vec<Route> = message.routes().collect();
    let plan = match plan(cx.core, cx.message, &rr, &routes, mode) {
        Ok(plan) => plan,
        Err(Unreadable::None) => return UNREADABLE,
        Err(Unreadable::Bad(uri)) => {
            let text = format!("Route: {} cannot be read", String::from_utf8_lossy(&uri));
            cx.log(LogLevel::Error, text);
            return UNREADABLE;
        }
    };
    let cuts = cuts(&routes, &plan);
    let working = &mut *cx.message;
    for cut in cuts {
        working.edits.remove(cut);
    }
    if plan.keep_uri {
        let line = [b"Route: <", working.message.request_uri(), b">\r\n"].concat();
        working.edits.append(&working.message, line);
    }
    if let Some(uri) = plan.uri {
        working.target.uri = Some(uri);
    }
    if let Some(destination) = plan.destination {
        working.target.next_hop = Some(destination);
    }
    if let Some(socket) = plan.socket {
        working.target.socket = Some(socket);
    }
    if plan.mismatch && rr.mismatch_warning {
        cx.log(LogLevel::Warning, "no socket fits the second of two Routes of this server");
    }
    let routing = cx.local::<Routing>();
    routing.routed = plan.routed;
    routing.by_route = plan.by_route;
    plan.code
}

/// Why there is nothing to follow.
enum Unreadable {
    /// There is no Route.
    None,
    /// This one cannot be read.
    Bad(Bytes),
}

fn plan(core: &Core, working: &Working, rr: &Rr, routes: &[Route], mode: i64) -> Result<Plan, Unreadable> {
    let message = &working.message;
    let first = routes.first().ok_or(Unreadable::None)?;
    // All of the first header must be readable.
    for route in routes.iter().take_while(|route| route.header == first.header) {
        bracketed(message, route)?;
    }
    let uri = working.request_uri();
    let request_uri = Uri::parse(&uri).map_err(|_| Unreadable::Bad(uri.clone()))?;
    let in_dialog = message.to().ok_or(Unreadable::None)?.tag().is_some();
    if in_dialog && mode & LOOSE_ONLY == 0 && is_own(core, &request_uri) {
        let routed = Some(uri.slice_ref(request_uri.parameters_text));
        after_strict(core, message, rr, routes).map(|plan| Plan { routed, ..plan })
    } else {
        after_loose(core, message, rr, routes, in_dialog)
    }
}

/// The hop before knows loose routing (RFC 3261 section 16.4, last paragraph).
fn after_loose(core: &Core, message: &Message, rr: &Rr, routes: &[Route], in_dialog: bool) -> Result<Plan, Unreadable> {
    let mut plan = Plan { code: DRIVEN, ..Plan::default() };
    if let Some(first) = routes.first() {
        let (_, uri) = readable(message, first)?;
        if is_own(core, &uri) {
            plan.routed = Some(message.bytes().slice_ref(uri.parameters_text));
            plan.taken = 1;
            if is_double(rr, &uri) {
                // The second names the socket to send from.
                if let Some(second) = routes.get(1) {
                    let (_, uri) = readable(message, second)?;
                    plan.socket = socket_of(core, rr, &uri);
                    plan.mismatch = plan.socket.is_none();
                    plan.taken = 2;
                }
            } else if rr.force_send_socket {
                plan.socket = socket_of(core, rr, &uri);
            }
        }
    }
    let Some(next) = routes.get(plan.taken) else {
        plan.code = if in_dialog { DRIVEN } else { PRELOADED };
        return Ok(plan);
    };
    let (address, uri) = readable(message, next)?;
    plan.by_route = plan.taken > 0;
    if uri.is_loose() {
        plan.destination = Some(hop(message, &address, &uri));
    } else {
        // A strict router is addressed in the Request-URI (RFC 3261 section 16.6, step 6).
        plan.uri = Some(hop(message, &address, &uri));
        plan.keep_uri = true;
        plan.taken += 1;
    }
    Ok(plan)
}

/// The hop before was a strict router: it put our own address into the Request-URI (RFC 3261 section 16.4, first paragraph).
fn after_strict(core: &Core, message: &Message, rr: &Rr, routes: &[Route]) -> Result<Plan, Unreadable> {
    let mut plan = Plan { code: DRIVEN, ..Plan::default() };
    if let Some(first) = routes.first() {
        let (_, uri) = readable(message, first)?;
        if is_double(rr, &uri) && is_own(core, &uri) {
            plan.socket = socket_of(core, rr, &uri);
            plan.mismatch = plan.socket.is_none();
            plan.taken = 1;
        }
    }
    let Some(next) = routes.get(plan.taken) else {
        plan.code = UNREADABLE;
        return Ok(plan);
    };
    let (address, uri) = readable(message, next)?;
    if !uri.is_loose() {
        plan.uri = Some(hop(message, &address, &uri));
        plan.taken += 1;
        return Ok(plan);
    }
    plan.destination = Some(hop(message, &address, &uri));
    if let Some(last) = routes.last() {
        let (address, uri) = readable(message, last)?;
        plan.uri = Some(hop(message, &address, &uri));
        plan.last_taken = true;
    }
    Ok(plan)
}

fn is_double(rr: &Rr, uri: &Uri) -> bool {
    rr.second != SecondRecordRoute::Never && uri.r2().is_some_and(|r2| r2.eq_ignore_ascii_case(b"on"))
}

fn socket_of(core: &Core, rr: &Rr, uri: &Uri) -> Option<SocketId> {
    let named = if rr.by_name { uri.parameter(b"sn").flatten().and_then(|name| core.socket_named(name)) } else { None };
    named.or_else(|| {
        let transport = match uri.transport() {
            Some(name) => Some(Transport::served(name)?),
            None => None,
        };
        core.socket_at(transport, uri.host, Some(uri.port.unwrap_or(5060)))
    })
}

fn bracketed<'a>(message: &Message, route: &Route<'a>) -> Result<NameAddr<'a>, Unreadable> {
    let bad = || Unreadable::Bad(message.slice(route.extent));
    route.value.ok().filter(|address| address.is_bracketed()).ok_or_else(bad)
}

fn readable<'a>(message: &Message, route: &Route<'a>) -> Result<(NameAddr<'a>, Uri<'a>), Unreadable> {
    let address = bracketed(message, route)?;
    match address.uri() {
        Ok(uri) => Ok((address, uri)),
        Err(_) => Err(Unreadable::Bad(message.slice(route.extent))),
    }
}

/// Where a Route leads: its URI, or the host its `maddr` names.
fn hop(message: &Message, address: &NameAddr, uri: &Uri) -> Bytes {
    match uri.maddr() {
        None => message.bytes().slice_ref(address.uri_text()),
        Some(host) if uri.port_text.is_empty() => [b"sip:", host].concat().into(),
        Some(host) => [b"sip:", host, b":", uri.port_text].concat().into(),
    }
}

/// The bytes that go with the Routes taken: whole headers, or the first values of one that keeps others.
fn cuts(routes: &[Route], plan: &Plan) -> Vec<Extent> {
    let last = routes.len().saturating_sub(1);
    let taken = if plan.last_taken && plan.taken == last { routes.len() } else { plan.taken };
    let mut cuts: Vec<Extent> = Vec::new();
    for (place, route) in routes.iter().enumerate().take(taken) {
        let header = route.header;
        if routes.get(place + 1).is_some_and(|next| next.header == header) {
            // A later value of the same header says how much of it goes.
            if let Some(next) = routes.get(taken).filter(|next| place + 1 == taken && next.header == header) {
                cuts.push(Extent { start: header.value.start, end: next.extent.start });
            }
        } else {
            cuts.push(header.line);
        }
    }
    if plan.last_taken && taken < routes.len() {
        match (routes.get(last), last.checked_sub(1).and_then(|before| routes.get(before))) {
            (Some(route), Some(before)) if before.header == route.header => {
                cuts.push(Extent { start: before.extent.end, end: route.extent.end });
            }
            (Some(route), _) => cuts.push(route.header.line),
            (None, _) => {}
        }
    }
    cuts
}
