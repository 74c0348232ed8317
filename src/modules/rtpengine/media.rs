//! The functions: what is asked about a message, and what its answer does to it.

use super::ask::ask;
use super::bencode::Bencode;
use super::command::{self, Given, description};
use super::nodes::Set;
use super::operation::Operation;
use super::sets::chosen;
use super::{Local, RtpEngine};
use crate::builtin::{Args, Context, LogLevel, Outcome, RouteKind, Value};
use crate::modules::sdpops;
use crate::sip::Method;
use bytes::Bytes;
use std::sync::Arc;

/// What is done with an answer.
pub(super) struct Job {
    operation: Operation,
    /// The SDP of the answer replaces that of the message.
    replaces: bool,
    /// The set that is asked behind this one.
    next: Option<Arc<Set>>,
}

/// `rtpengine_offer` and `rtpengine_answer`
pub(super) fn describe(cx: &mut Context, args: &Args, operation: Operation) -> Outcome {
    let answers = || matches!(cx.message.message.method(), Some(Method::Ack | Method::Prack));
    if operation == Operation::Answer && cx.message.message.is_request() && !answers() {
        return Outcome::FALSE;
    }
    begin(cx, args, operation, true)
}

/// A function that leaves the message as it is.
pub(super) fn simple(cx: &mut Context, args: &Args, operation: Operation) -> Outcome {
    begin(cx, args, operation, false)
}

/// The AVP that says that the INVITE of a transaction had SDP when it was managed, so that its replies answer; no script can name it.
const OFFERED: &[u8] = b"\0rtpengine:offered";

/// `rtpengine_manage`
pub(super) fn manage(cx: &mut Context, args: &Args) -> Outcome {
    // In the event of a failed branch: the call may go on with another.
    if cx.route == RouteKind::Event && cx.message.transaction.is_some_and(|view| view.branch.is_some()) {
        return Outcome::TRUE;
    }
    let message = &cx.message.message;
    let Some(method) = message.cseq().map(|cseq| cseq.method) else { return Outcome::FALSE };
    match method {
        Method::Cancel | Method::Bye => return simple(cx, args, Operation::Delete),
        Method::Invite | Method::Ack | Method::Update | Method::Prack => {}
        _ => return Outcome::FALSE,
    }
    let has_sdp = sdpops::is_described(message);
    let operation = match (message.status(), method) {
        (Some(300..), _) => return simple(cx, args, Operation::Delete),
        _ if !has_sdp => return Outcome::FALSE,
        (None, Method::Ack | Method::Prack) => Operation::Answer,
        (None, Method::Update) => Operation::Offer,
        (None, _) => {
            if cx.locals.avps.value(OFFERED, 0).is_none() {
                cx.locals.avps.push(Bytes::from_static(OFFERED), Value::Int(1));
            }
            if cx.route == RouteKind::Failure {
                return simple(cx, args, Operation::Delete);
            }
            Operation::Offer
        }
        (Some(_), Method::Update) => Operation::Answer,
        (Some(_), _) if cx.message.transaction.is_none() => Operation::Answer,
        (Some(_), _) if cx.locals.avps.value(OFFERED, 0).is_some() => Operation::Answer,
        (Some(_), _) => Operation::Offer,
    };
    begin(cx, args, operation, true)
}

fn begin(cx: &mut Context, args: &Args, operation: Operation, replaces: bool) -> Outcome {
    let Some(state) = cx.state::<RtpEngine>() else { return Outcome::FALSE };
    // Only the function of this name begins with the second set: Kamailio's manage does not.
    let reverse = args.name() == "rtpengine_answer";
    let (set, next) = match chosen(cx, &state, reverse) {
        Ok(sets) => sets,
        Err(why) => return refuse(cx, args, &why),
    };
    let sdp = state.read_sdp.as_ref().filter(|_| operation.has_sdp()).map(|place| place.read(cx).to_text());
    send(cx, args, &state, set, Job { operation, replaces, next }, sdp)
}

fn send(cx: &mut Context, args: &Args, state: &RtpEngine, set: Arc<Set>, job: Job, sdp: Option<Bytes>) -> Outcome {
    let flags = if args.has(0) { args.text(cx, 0) } else { Bytes::new() };
    let extra_id = state.extra_id.as_ref().map(|place| place.read(cx));
    let given = Given { flags, sdp, extra_id: extra_id.as_ref() };
    match command::command(cx, job.operation, &given) {
        Ok(command) => ask(cx, args, command, set, |cx, args, answer| finish(cx, args, job, answer)),
        Err(why) => refuse(cx, args, &why),
    }
}

fn refuse(cx: &mut Context, args: &Args, why: &str) -> Outcome {
    cx.log(LogLevel::Error, format!("{}: {why}", args.name()));
    Outcome::FALSE
}

fn finish(cx: &mut Context, args: &Args, job: Job, answer: Option<Bencode>) -> Outcome {
    let (Some(state), Some(answer)) = (cx.state::<RtpEngine>(), answer) else { return Outcome::FALSE };
    if let Some(totals) = answer.get("totals").and_then(statistics) {
        cx.local::<Local>().statistics = Some(totals);
    }
    if job.operation == Operation::PlayMedia
        && let Some(place) = &state.duration
    {
        let duration = answer.get_int("duration").unwrap_or(-1);
        place.store(cx, Value::Text(crate::builtin::int_text(duration)));
    }
    let sdp = answer.get_text("sdp").filter(|_| job.replaces).cloned();
    if job.replaces && sdp.is_none() {
        return refuse(cx, args, "the answer has no session description");
    }
    if let Some(next) = job.next {
        return send(cx, args, &state, next, Job { next: None, ..job }, sdp);
    }
    match sdp {
        Some(sdp) => replace(cx, args, &state, sdp),
        None => Outcome::TRUE,
    }
}

/// Puts a session description in place of the message's, or into the variable that `write_sdp_pv` names.
fn replace(cx: &mut Context, args: &Args, state: &RtpEngine, sdp: Bytes) -> Outcome {
    if let Some(place) = &state.write_sdp {
        place.store(cx, Value::Text(sdp));
        return Outcome::TRUE;
    }
    let message = &cx.message.message;
    let place = match &state.read_sdp {
        Some(_) => Ok(message.body_extent()),
        None => description(message).map(|found| found.place),
    };
    match place {
        Ok(place) => {
            cx.message.edits.replace(place, sdp);
            Outcome::TRUE
        }
        Err(why) => refuse(cx, args, why),
    }
}

/// What `$rtpstat` shows of the totals of an answer.
fn statistics(totals: &Bencode) -> Option<Bytes> {
    let (rtp, rtcp) = (totals.get("RTP")?, totals.get("RTCP")?);
    let of = |kind: &Bencode| {
        let number = |name| kind.get_int(name).unwrap_or(-1);
        format!("{} bytes, {} packets, {} errors", number("bytes"), number("packets"), number("errors"))
    };
    Some(Bytes::from(format!("RTP: {}; RTCP: {}", of(rtp), of(rtcp))))
}
