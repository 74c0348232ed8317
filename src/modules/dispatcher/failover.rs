//! Selecting, and going on to the next: the list of destinations that follows the message in an `$xavp`.

use super::health;
use super::select::{Choice, choose};
use super::set::{Destination, Set, socket_at, socket_named};
use super::{Dispatcher, health::flags_of};
use crate::builtin::{Args, Context, LogLevel, Outcome, SocketId, Target, Value, Xavp};
use crate::sip::{Scheme, Uri};
use bytes::Bytes;
use std::sync::Arc;

/// What a selection writes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Writes {
    Destination,
    Domain,
    Nothing,
}

/// `ds_select_dst`.
pub(super) fn select_dst(cx: &mut Context, args: &Args) -> Outcome {
    select_one(cx, args, Writes::Destination)
}

/// `ds_select_domain`.
pub(super) fn select_domain(cx: &mut Context, args: &Args) -> Outcome {
    select_one(cx, args, Writes::Domain)
}

/// `ds_select`.
pub(super) fn select_only(cx: &mut Context, args: &Args) -> Outcome {
    select_one(cx, args, Writes::Nothing)
}

fn select_one(cx: &mut Context, args: &Args, writes: Writes) -> Outcome {
    let Some(state) = cx.state::<Dispatcher>() else { return Outcome::FALSE };
    let (set, algorithm) = (args.value(cx, 0), args.value(cx, 1));
    if set.is_null() || algorithm.is_null() {
        cx.log(LogLevel::Error, format!("{}: the set or the algorithm is undefined", args.name()));
        return Outcome::FALSE;
    }
    let mut records = Vec::new();
    let limit = limit(args.int(cx, 2));
    let code = select(cx, &state, set.to_int(), algorithm.to_int(), writes, limit, &mut records);
    if code > 0 {
        state.keep(cx, records);
    }
    Outcome::Return(code)
}

fn limit(given: i64) -> usize {
    match usize::try_from(given) {
        Ok(0) | Err(_) => usize::MAX,
        Ok(limit) => limit,
    }
}

/// `ds_select_routes`.
pub(super) fn select_routes(cx: &mut Context, args: &Args) -> Outcome {
    let Some(state) = cx.state::<Dispatcher>() else { return Outcome::FALSE };
    let (rules, mode) = (args.text(cx, 0), args.text(cx, 1));
    let mut writes = match mode.first() {
        Some(b'0' | b'd' | b'D') => Writes::Destination,
        Some(b'1' | b'r' | b'R') => Writes::Domain,
        Some(b'2' | b'x' | b'X') => Writes::Nothing,
        _ => {
            cx.log(LogLevel::Error, "ds_select_routes: the mode is none of 0, 1, 2");
            return Outcome::FALSE;
        }
    };
    let limit = limit(args.int(cx, 2));
    let mut records = Vec::new();
    let mut done = -1;
    for rule in rules.split(|byte| *byte == b';').filter(|rule| !rule.is_empty()) {
        let digits = |text: &[u8]| std::str::from_utf8(text).ok().and_then(|text| text.parse::<i64>().ok());
        let mut sides = rule.splitn(2, |byte| *byte == b'=').map(digits);
        let (Some(Some(set)), Some(Some(algorithm))) = (sides.next(), sides.next()) else {
            cx.log(LogLevel::Error, "ds_select_routes: rules are written set=algorithm;set=algorithm");
            return Outcome::FALSE;
        };
        let code = select(cx, &state, set, algorithm, writes, limit, &mut records);
        if code > 0 {
            done = code;
            writes = Writes::Nothing;
        }
    }
    if done > 0 {
        state.keep(cx, records);
    }
    Outcome::Return(done)
}

fn select(
    cx: &mut Context,
    state: &Dispatcher,
    id: i64,
    algorithm: i64,
    writes: Writes,
    limit: usize,
    records: &mut Vec<Xavp>,
) -> i32 {
    if writes == Writes::Destination && !state.force && cx.message.target.next_hop.is_some() {
        cx.log(LogLevel::Error, "ds_select_dst: $du is set already and force_dst is 0");
        return -1;
    }
    let sets = state.sets.load();
    let Some(set) = sets.set(id) else {
        cx.log(LogLevel::Error, format!("dispatcher: there is no set {id}"));
        return -1;
    };
    let Some(choice) = choose(cx, state, set, algorithm) else { return -1 };
    let Some(chosen) = set.destinations.get(choice.at) else { return -1 };
    let socket = state.socket_of(cx, chosen);
    write(cx, &chosen.uri, socket, writes);
    if algorithm == 12 {
        fork(cx, state, set, choice.at, writes);
        return 1;
    }
    if state.failover && !state.xavp_dst.is_empty() {
        for destination in others(state, set, &choice) {
            if records.len() >= limit {
                break;
            }
            records.push(state.record(cx, destination, choice.counted));
        }
    }
    1
}

// The chosen one, those after it, those before it, and the default last.
fn others<'a>(state: &'a Dispatcher, set: &'a Set, choice: &'a Choice) -> impl Iterator<Item = &'a Arc<Destination>> {
    let count = set.destinations.len();
    let last = count.saturating_sub(1);
    let circle: Vec<usize> = match &choice.order {
        Some(order) => order.clone(),
        None => (0..count).map(|step| (choice.at + step) % count).collect(),
    };
    let usable = move |at: &usize| {
        *at == choice.at
            || set.destinations.get(*at).is_some_and(|destination| {
                let default = state.use_default && *at == last;
                !(default || destination.is_skipped() || choice.counted && destination.is_full())
            })
    };
    let default = (state.use_default && choice.at != last).then_some(last);
    circle.into_iter().filter(usable).chain(default).filter_map(|at| set.destinations.get(at))
}

// A branch for each destination after the chosen one; like Kamailio it does not ask whether they are active.
fn fork(cx: &mut Context, state: &Dispatcher, set: &Set, chosen: usize, writes: Writes) {
    for destination in set.destinations.iter().skip(chosen + 1) {
        let socket = state.socket_of(cx, destination);
        let (uri, next_hop) = match writes {
            Writes::Domain => (with_host_of(&cx.message.request_uri(), &destination.uri), None),
            Writes::Destination | Writes::Nothing => (cx.message.request_uri(), Some(destination.uri.clone())),
        };
        cx.message.branches.push(Target { uri: Some(uri), next_hop, socket, ..Target::default() });
    }
}

fn write(cx: &mut Context, uri: &Bytes, socket: Option<SocketId>, writes: Writes) {
    match writes {
        Writes::Nothing => return,
        Writes::Destination => cx.message.target.next_hop = Some(uri.clone()),
        Writes::Domain => cx.message.target.uri = Some(with_host_of(&cx.message.request_uri(), uri)),
    }
    if socket.is_some() {
        cx.message.target.socket = socket;
    }
}

// The user of one URI at the host, port and parameters of another.
fn with_host_of(uri: &[u8], target: &Bytes) -> Bytes {
    let Ok(target_uri) = Uri::parse(target) else { return target.clone() };
    let host_on = target.iter().position(|byte| *byte == b'@').map_or_else(
        || target.get(scheme_length(&target_uri)..).unwrap_or_default(),
        |at| target.get(at + 1..).unwrap_or_default(),
    );
    let Ok(parsed) = Uri::parse(uri) else { return target.clone() };
    let mut out = uri.get(..scheme_length(&parsed)).unwrap_or_default().to_vec();
    if let Some(user) = parsed.written_user() {
        out.extend_from_slice(user);
        if let Some(password) = parsed.password {
            out.push(b':');
            out.extend_from_slice(password);
        }
        out.push(b'@');
    }
    out.extend_from_slice(host_on);
    Bytes::from(out)
}

fn scheme_length(uri: &Uri) -> usize {
    match uri.scheme {
        Scheme::Sip => 4,
        Scheme::Sips => 5,
        Scheme::Tel => 4,
        Scheme::Tels => 5,
        Scheme::Urn => 4,
    }
}

impl Dispatcher {
    fn socket_of(&self, cx: &Context, destination: &Destination) -> Option<SocketId> {
        let sockets = &cx.core.sockets;
        destination
            .socket(sockets)
            .or_else(|| self.socket_name.as_ref().and_then(|name| socket_named(sockets, name)))
            .or_else(|| self.socket.as_ref().and_then(|text| socket_at(sockets, text)))
    }

    fn record(&self, cx: &Context, destination: &Destination, counted: bool) -> Xavp {
        // Newest first, as the script sees them.
        let mut fields = Vec::with_capacity(4);
        if let Some(duid) = destination.attributes.duid.as_ref().filter(|_| counted) {
            fields.push((DSTID, Value::Text(duid.clone())));
        }
        if let Some(name) = destination.attributes.socket_name.as_ref().filter(|_| self.xavp_mode & 8 != 0) {
            fields.push((Bytes::from_static(b"sockname"), Value::Text(name.clone())));
        }
        if let Some(socket) = destination.attributes.socket.as_ref().filter(|_| self.xavp_mode & 4 != 0) {
            fields.push((Bytes::from_static(b"socket"), Value::Text(socket.clone())));
        }
        if let Some(socket) = self.socket_of(cx, destination) {
            fields.push((SOCK, Value::Int(i64::from(socket.0))));
        }
        if let Some(attributes) = destination.attributes.value().filter(|_| self.xavp_mode & 1 == 0) {
            fields.push((Bytes::from_static(b"attrs"), attributes));
        }
        fields.push((GRP, Value::Int(destination.set)));
        fields.push((URI, Value::Text(destination.uri.clone())));
        Xavp { class: self.xavp_dst.clone(), fields }
    }

    // Puts the list in front of what an earlier selection left, and the count beside it.
    fn keep(&self, cx: &mut Context, records: Vec<Xavp>) {
        let count = Value::Int(records.len() as i64);
        for record in records.into_iter().rev() {
            cx.locals.avps.push_record(record);
        }
        if self.xavp_ctx_mode & 1 != 0 || self.xavp_ctx.is_empty() {
            return;
        }
        if cx.locals.avps.record(&self.xavp_ctx, 0).is_none() {
            cx.locals.avps.push_record(Xavp { class: self.xavp_ctx.clone(), fields: Vec::new() });
        }
        if let Some(record) = cx.locals.avps.record_mut(&self.xavp_ctx, 0) {
            record.set(&Bytes::from_static(b"cnt"), count);
        }
    }
}

const URI: Bytes = Bytes::from_static(b"uri");
const GRP: Bytes = Bytes::from_static(b"grp");
const SOCK: Bytes = Bytes::from_static(b"sock");
const DSTID: Bytes = Bytes::from_static(b"dstid");

/// `ds_next_dst`.
pub(super) fn next_dst(cx: &mut Context, _: &Args) -> Outcome {
    go_on(cx, Writes::Destination, true)
}

/// `ds_next_domain`.
pub(super) fn next_domain(cx: &mut Context, _: &Args) -> Outcome {
    go_on(cx, Writes::Domain, true)
}

/// `ds_set_dst`.
pub(super) fn set_dst(cx: &mut Context, _: &Args) -> Outcome {
    go_on(cx, Writes::Destination, false)
}

/// `ds_set_domain`.
pub(super) fn set_domain(cx: &mut Context, _: &Args) -> Outcome {
    go_on(cx, Writes::Domain, false)
}

// Uses the record in front, after the one that was used has been taken away when `next`.
fn go_on(cx: &mut Context, writes: Writes, next: bool) -> Outcome {
    let Some(state) = cx.state::<Dispatcher>() else { return Outcome::FALSE };
    if next && (!state.failover || state.xavp_dst.is_empty()) {
        cx.log(LogLevel::Warning, "dispatcher: failover needs modparam(\"dispatcher\", \"flags\", 2)");
        return Outcome::FALSE;
    }
    loop {
        if next {
            cx.locals.avps.remove_record(&state.xavp_dst, 0);
        }
        let Some(record) = cx.locals.avps.record(&state.xavp_dst, 0) else { return Outcome::FALSE };
        let Some(Value::Text(uri)) = record.field(&URI).cloned() else { return Outcome::FALSE };
        let socket = match record.field(&SOCK) {
            Some(Value::Int(socket)) => u16::try_from(*socket).ok().map(SocketId),
            _ => None,
        };
        let duid = record.field(&DSTID).map(Value::to_text);
        write(cx, &uri, socket, writes);
        let Some(duid) = duid.filter(|_| next) else { return Outcome::TRUE };
        let (now, call_id) = (cx.now.tick, Bytes::copy_from_slice(cx.message.message.call_id()));
        match state.loads.as_ref().and_then(|loads| loads.replace(&call_id, &duid, &state.sets.load(), now)) {
            Some(true) => return Outcome::TRUE,
            // It has gone from the set since: the one after it.
            Some(false) => {}
            None => return Outcome::FALSE,
        }
    }
}

/// `ds_mark_dst`.
pub(super) fn mark_dst(cx: &mut Context, args: &Args) -> Outcome {
    let Some(state) = cx.state::<Dispatcher>() else { return Outcome::FALSE };
    if !state.failover {
        cx.log(LogLevel::Warning, "ds_mark_dst: failover needs modparam(\"dispatcher\", \"flags\", 2)");
        return Outcome::FALSE;
    }
    let letters = args.text(cx, 0);
    let wanted = match letters.is_empty() {
        true => Some(health::INACTIVE | if state.probing.all() { health::PROBING } else { 0 }),
        false => flags_of(&letters),
    };
    let record = cx.locals.avps.record(&state.xavp_dst, 0);
    let current = record.and_then(|record| match (record.field(&GRP), record.field(&URI)) {
        (Some(Value::Int(set)), Some(Value::Text(uri))) => Some((*set, uri.clone())),
        _ => None,
    });
    match (wanted, current) {
        (Some(wanted), Some((set, uri))) => Outcome::truth(state.mark(cx, set, &uri, wanted)),
        _ => Outcome::FALSE,
    }
}

/// `ds_mark_addr`.
pub(super) fn mark_addr(cx: &mut Context, args: &Args) -> Outcome {
    let Some(state) = cx.state::<Dispatcher>() else { return Outcome::FALSE };
    let Some(wanted) = flags_of(&args.text(cx, 0)) else { return Outcome::FALSE };
    let (set, uri) = (args.int(cx, 1), args.text(cx, 2));
    Outcome::truth(state.mark(cx, set, &uri, wanted))
}

impl Dispatcher {
    fn mark(&self, cx: &mut Context, set: i64, uri: &[u8], wanted: u32) -> bool {
        let sets = self.sets.load();
        let Some(set) = sets.set(set) else { return false };
        let named = set.destinations.iter().find(|destination| destination.uri.eq_ignore_ascii_case(uri));
        let Some(destination) = named else { return false };
        // What Kamailio calls the code of a mark made while a request is handled.
        let code = cx.message.message.status().unwrap_or(820);
        self.report(destination, set, wanted, code, cx.core);
        true
    }
}
