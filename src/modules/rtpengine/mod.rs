//! `rtpengine`: has a media relay offer its own addresses in place of those that the parties wrote.

mod ask;
pub(crate) mod bencode;
mod command;
mod flags;
mod media;
mod nodes;
mod operation;
mod params;
mod sets;
pub(crate) mod shown;
#[cfg(test)]
mod tests;

use crate::builtin::{
    Arg, Background, Command, Context, Does, Found, Function, LogLevel, Module, OwnQuestion, Service, StartFault,
    State, Unanswered, Value, Variable, World, anywhere,
};
use crate::modules::place::Place;
use arc_swap::ArcSwap;
use bytes::Bytes;
use nodes::{Calls, Node, Sets};
use operation::Operation;
use rustc_hash::FxHashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The module.
pub static MODULE: Module = Module {
    functions: FUNCTIONS,
    params: params::PARAMS,
    variables: VARIABLES,
    start: params::start,
    ..Module::new(
        "rtpengine",
        "Has the media relay rtpengine put its own addresses into the session descriptions of a call.",
    )
};

const FLAGS: &[Arg] = &[Arg::text("flags").optional()];

static FUNCTIONS: &[Function] = &[
    anywhere(
        &["rtpengine_manage"],
        FLAGS,
        media::manage,
        "Does what the message asks for: an offer for INVITE and UPDATE with SDP, an answer for replies, ACK and PRACK with SDP (an offer for a reply to an INVITE without SDP), a delete for BYE, CANCEL, replies from 300 on, and an INVITE with SDP in a failure_route. False for all else and when rtpengine refuses.",
    ).does(&[Does::Media, Does::ManageMedia]),
    anywhere(
        &["rtpengine_offer"],
        FLAGS,
        |cx, args| media::describe(cx, args, Operation::Offer),
        "Has rtpengine take the SDP as an offer, and puts its own in place.",
    ).does(&[Does::Media]),
    anywhere(
        &["rtpengine_answer"],
        FLAGS,
        |cx, args| media::describe(cx, args, Operation::Answer),
        "Has rtpengine take the SDP as an answer, and puts its own in place. Of requests only for ACK and PRACK.",
    ).does(&[Does::Media]),
    anywhere(
        &["rtpengine_delete"],
        FLAGS,
        |cx, args| media::simple(cx, args, Operation::Delete),
        "Ends what rtpengine holds of the call.",
    ).does(&[Does::EndMedia]),
    anywhere(
        &["rtpengine_query"],
        FLAGS,
        |cx, args| media::simple(cx, args, Operation::Query),
        "Asks what went through rtpengine: $rtpstat shows it.",
    ),
    anywhere(
        &["rtpengine_info"],
        FLAGS,
        |cx, args| media::simple(cx, args, Operation::Offer),
        "Has rtpengine take the SDP as an offer, and leaves the message as it is.",
    ),
    anywhere(
        &["set_rtpengine_set"],
        &[Arg::int("set"), Arg::int("second").optional()],
        sets::select,
        "Chooses the set of rtpengines for this message; with two of them an offer goes through the first, then the second, an answer the other way. -1 when there is none, -2 when a set that a variable names has nobody who answers.",
    ),
    anywhere(
        &["start_recording"],
        FLAGS,
        |cx, args| media::simple(cx, args, Operation::StartRecording),
        "Has rtpengine record the call.",
    ),
    anywhere(&["stop_recording"], FLAGS, |cx, args| media::simple(cx, args, Operation::StopRecording), "Has it stop."),
    anywhere(
        &["block_dtmf"],
        FLAGS,
        |cx, args| media::simple(cx, args, Operation::BlockDtmf),
        "Has rtpengine keep DTMF events back.",
    ),
    anywhere(
        &["unblock_dtmf"],
        FLAGS,
        |cx, args| media::simple(cx, args, Operation::UnblockDtmf),
        "Has it let them pass again.",
    ),
    anywhere(
        &["block_media"],
        FLAGS,
        |cx, args| media::simple(cx, args, Operation::BlockMedia),
        "Has rtpengine keep media back.",
    ),
    anywhere(
        &["unblock_media"],
        FLAGS,
        |cx, args| media::simple(cx, args, Operation::UnblockMedia),
        "Has it let them pass again.",
    ),
    anywhere(
        &["silence_media"],
        FLAGS,
        |cx, args| media::simple(cx, args, Operation::SilenceMedia),
        "Has rtpengine put silence in place of audio.",
    ),
    anywhere(
        &["unsilence_media"],
        FLAGS,
        |cx, args| media::simple(cx, args, Operation::UnsilenceMedia),
        "Has it let audio pass again.",
    ),
    anywhere(
        &["start_forwarding"],
        FLAGS,
        |cx, args| media::simple(cx, args, Operation::StartForwarding),
        "Has rtpengine send a copy of the media elsewhere.",
    ),
    anywhere(
        &["stop_forwarding"],
        FLAGS,
        |cx, args| media::simple(cx, args, Operation::StopForwarding),
        "Has it stop.",
    ),
    anywhere(
        &["play_media"],
        &[Arg::text("flags")],
        |cx, args| media::simple(cx, args, Operation::PlayMedia),
        "Has rtpengine play a file: from-tag=..., file=.... The parameter media_duration names what is set to its length in milliseconds.",
    ),
    anywhere(&["stop_media"], FLAGS, |cx, args| media::simple(cx, args, Operation::StopMedia), "Has it stop."),
    anywhere(
        &["play_dtmf"],
        &[Arg::text("flags")],
        |cx, args| media::simple(cx, args, Operation::PlayDtmf),
        "Has rtpengine send DTMF events: code=....",
    ),
];

static VARIABLES: &[Variable] = &[Variable::read(
    &["rtpstat", "rtpestat"],
    |cx, _, _| Value::text_or_null(cx.local::<Local>().statistics.clone()),
    "What went through rtpengine, as the last rtpengine_query, rtpengine_delete or rtpengine_manage of this run told it; Kamailio asks when the variable is read.",
)];

/// What the parameters say.
#[derive(Debug)]
pub(super) struct RtpEngine {
    sets: ArcSwap<Sets>,
    table: Option<params::Table>,
    default_set: u32,
    /// `ping_mode`
    pings_at_start: bool,
    /// `ping_interval`
    ping_interval: Option<Duration>,
    /// Those that are pinged by the clock, by the tag of the question.
    pinged: Mutex<FxHashMap<u64, Arc<Node>>>,
    /// `rtpengine_tout_ms`
    patience: Duration,
    /// `rtpengine_retr`
    tries: u32,
    /// `rtpengine_disable_tout`
    rest: Duration,
    /// `queried_nodes_limit`
    most_asked: usize,
    /// `aggressive_redetection`
    revives: bool,
    /// `rtpengine_allow_op`: 1 all disabled ones, 2 those that a table disables.
    allow_op: i64,
    /// Which one has which call; `None` where there is no choice.
    calls: Option<Calls>,
    set_of: Option<Place>,
    extra_id: Option<ExtraId>,
    instance: Option<Place>,
    read_sdp: Option<Place>,
    write_sdp: Option<Place>,
    duration: Option<Place>,
}

/// What tells the branches of a call apart: `extra_id_pv`.
#[derive(Debug)]
enum ExtraId {
    CallId,
    Place(Place),
}

impl ExtraId {
    fn read(&self, cx: &Context) -> Value {
        match self {
            ExtraId::CallId => Value::Text(Bytes::copy_from_slice(cx.message.message.call_id())),
            ExtraId::Place(place) => place.read(cx),
        }
    }
}

impl RtpEngine {
    /// Whether one that does not answer is asked all the same about a call that it has.
    fn allows_disabled(&self, node: &Node) -> bool {
        self.allow_op == 1 || self.allow_op != 0 && node.is_off()
    }

    /// Asks all that are not off for good whether they are there.
    fn ping_all(&self, cx: &mut Background) {
        let sets = self.sets.load();
        let nodes = sets.0.iter().flat_map(|set| &set.nodes).filter(|node| !node.is_off());
        let mut pinged = self.pinged.lock().unwrap_or_else(PoisonError::into_inner);
        for node in nodes {
            let tag = cx.core.random.bits();
            pinged.insert(tag, node.clone());
            let service = Service::Ask(Box::new(ask::ping(self, node, &mut cx.core.random)));
            cx.core.commands.push(Command::Ask(OwnQuestion { module: cx.module, tag, service }));
        }
    }
}

impl State for RtpEngine {
    fn begin(&self, cx: &mut Background) {
        if self.pings_at_start {
            self.ping_all(cx);
        }
    }

    fn period(&self) -> Option<Duration> {
        self.ping_interval
    }

    fn tick(&self, cx: &mut Background) {
        self.ping_all(cx);
    }

    fn found(&self, tag: u64, found: Result<Found, Unanswered>, cx: &mut Background) {
        let node = self.pinged.lock().unwrap_or_else(PoisonError::into_inner).remove(&tag);
        // It was not asked, so nothing is known of it.
        let Some(node) = node.filter(|_| found != Err(Unanswered::Overloaded)) else { return };
        let url = String::from_utf8_lossy(&node.url);
        let is_pong = matches!(&found, Ok(Found::Answer(answer)) if ask::is_pong(answer));
        match (is_pong, node.is_disabled()) {
            (true, true) => {
                cx.core.log(LogLevel::Info, format!("rtpengine {url} answers again"));
                node.enable();
            }
            (true, false) => {}
            (false, _) => {
                cx.core.log(LogLevel::Error, format!("rtpengine {url} does not answer a ping"));
                node.disable(cx.now.unix, self.rest);
            }
        }
    }

    fn reload(&self, world: &mut dyn World) -> Result<(), StartFault> {
        if let Some(table) = &self.table {
            let (sets, _) = table.load(world)?;
            self.sets.store(Arc::new(sets));
        }
        Ok(())
    }
}

/// What the module keeps for the blocks of one message.
#[derive(Default)]
struct Local {
    /// What the last answer with totals told.
    statistics: Option<Bytes>,
}
