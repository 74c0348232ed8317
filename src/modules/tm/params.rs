//! The parameters of `tm`.

use crate::builtin::{
    CancelSilent, Changes, Extension, FailureReplyMode, Param, RichRedirect, RouteKind, Start, StartFault, State, Unit,
    UnmatchedCancel,
};
use bytes::Bytes;
use std::time::Duration;

/// A timer in milliseconds.
const fn timer(names: &'static [&'static str], default: &'static str, doc: &'static str) -> Param {
    Param::int(names, default, Unit::Milliseconds, doc)
}

/// A number that tunes what alanui does otherwise.
const fn other(names: &'static [&'static str], default: &'static str, doc: &'static str) -> Param {
    Param::int(names, default, Unit::None, doc).inert()
}

/// A number that would change what is sent.
const fn missing(names: &'static [&'static str], default: &'static str, doc: &'static str) -> Param {
    Param::int(names, default, Unit::None, doc).without(Changes::Wire)
}

/// A string that would change what is sent.
const fn unheard(names: &'static [&'static str], doc: &'static str) -> Param {
    Param::absent(names, doc).without(Changes::Wire)
}

pub(super) static PARAMS: &[Param] = &[
    timer(&["fr_timer"], "30000", "How long a branch without any reply is waited for, and an ACK."),
    timer(&["fr_inv_timer"], "120000", "How long an INVITE is waited for after a provisional reply."),
    timer(&["wt_timer"], "5000", "How long a finished transaction takes retransmissions."),
    timer(&["retr_timer1"], "500", "The first wait before a request or reply is sent again; it doubles each time."),
    timer(&["retr_timer2"], "4000", "The longest wait before a request or reply is sent again."),
    timer(&["max_inv_lifetime"], "180000", "How long an INVITE transaction lives at most."),
    timer(&["max_noninv_lifetime"], "32000", "How long any other transaction lives at most."),
    Param::int(
        &["restart_fr_on_each_reply"],
        "1",
        Unit::None,
        "Starts `fr_inv_timer` again with each provisional reply.",
    ),
    Param::int(&["auto_inv_100"], "1", Unit::None, "Answers an INVITE with 100 at once."),
    Param::text(&["auto_inv_100_reason"], "trying -- your call is important to us", "The reason phrase of that 100."),
    other(
        &["reply_matching"],
        "1",
        "How replies find their transaction; here by the branch (RFC 3261 section 17.1.3).",
    ),
    other(&["ruri_matching"], "1", "Whether requests of RFC 2543 are compared by Request-URI."),
    other(&["via1_matching"], "1", "Whether requests of RFC 2543 are compared by Via."),
    other(&["callid_matching"], "1", "Whether Call-ID is compared beside the branch."),
    other(&["callid_cseq_matching"], "1", "Whether Call-ID and CSeq are compared beside the branch."),
    Param::int(
        &["noisy_ctimer"],
        "1",
        Unit::None,
        "0 ends an INVITE without another word whose one branch brings no reply at all, unless a failure_route waits for it.",
    ),
    other(&["unix_tx_timeout"], "500", "How long an answer over a Unix socket may take."),
    Param::absent(
        &["fr_timer_avp"],
        "The `$avp` that holds the `fr_timer` of a transaction in seconds when it is made; `t_set_fr` is better.",
    ),
    Param::absent(
        &["fr_inv_timer_avp"],
        "The `$avp` that holds the `fr_inv_timer` of a transaction in seconds when it is made; `t_set_fr` is better.",
    ),
    unheard(&["tw_append"], "What `t_write_req` adds.").repeated(),
    other(&["pass_provisional_replies"], "0", "Whether embedded modules are told of provisional replies."),
    Param::int(
        &["aggregate_challenges"],
        "1",
        Unit::None,
        "A 401 or 407 has the challenges of all branches (RFC 3261 section 16.7 step 7).",
    ),
    Param::int(
        &["unmatched_cancel"],
        "0",
        Unit::None,
        "A CANCEL without INVITE is relayed in a transaction (0), forwarded without one (1) or dropped (2).",
    ),
    Param::int(&["default_code"], "500", Unit::None, "The code of a `t_reply` whose code is no number."),
    Param::text(&["default_reason"], "Server Internal Error", "The reason of a `t_reply` whose reason is missing."),
    Param::int(
        &["reparse_invite"],
        "1",
        Unit::None,
        "CANCEL and ACK are made from the INVITE as it was sent (1), or as it arrived (0).",
    ),
    Param::absent(&["ac_extra_hdrs"], "How headers begin that CANCEL and ACK copy from the INVITE, such as `X-`."),
    missing(&["blst_503"], "0", "Whether a 503 blocks its sender."),
    other(&["blst_503_def_timeout"], "0", "How long a 503 blocks its sender."),
    other(&["blst_503_min_timeout"], "0", "The shortest such block."),
    other(&["blst_503_max_timeout"], "3600", "The longest such block."),
    other(&["blst_methods_add"], "1", "Methods whose timeout blocks a destination."),
    other(&["blst_methods_lookup"], "0", "Methods that heed blocked destinations."),
    Param::int(
        &["cancel_b_method"],
        "1",
        Unit::None,
        "What a CANCEL does to a branch without a reply: 0 ends it with 487, 1 waits for one, 2 sends CANCEL all the same.",
    ),
    other(&["reparse_on_dns_failover"], "1", "Whether a request is read again for the next address."),
    Param::absent(
        &["on_sl_reply"],
        "The onreply_route for replies without a transaction, which go no further when it drops them or returns 0.",
    ),
    Param::absent(
        &["contacts_avp"],
        "Where `t_load_contacts` keeps contacts, which is not built: `check` says so where it is called.",
    )
    .inert(),
    Param::absent(&["contact_flows_avp"], "Where `t_load_contacts` keeps flows.").inert(),
    Param::int(&["disable_6xx_block"], "0", Unit::None, "A 6xx lets other branches go on."),
    missing(&["local_ack_mode"], "0", "Where ACKs made here are sent."),
    missing(&["local_ack_branch_mode"], "0", "The branch of ACKs made here."),
    Param::int(
        &["failure_reply_mode"],
        "3",
        Unit::None,
        "Replies that no longer count once a failure_route has run: none (0), all (1), those since the last relay (2), all if it adds a branch (3).",
    ),
    Param::int(
        &["faked_reply_prio"],
        "0",
        Unit::None,
        "How much lower an outcome made here, such as 408, ranks among the replies; a class of replies is 1000.",
    ),
    Param::int(&["remap_503_500"], "1", Unit::None, "A 503 goes back as 500 (RFC 3261 section 16.7 step 6)."),
    Param::int(
        &["failure_exec_mode"],
        "0",
        Unit::None,
        "1 takes a branch that cannot be sent for one that does not answer: after `fr_timer` comes its 408, or the failure_route.",
    ),
    missing(&["dns_reuse_rcv_socket"], "0", "Whether the next address is tried from the same socket."),
    Param::int(
        &["local_cancel_reason"],
        "1",
        Unit::None,
        "A CANCEL made here says in Reason which reply it follows from.",
    ),
    Param::int(&["e2e_cancel_reason"], "1", Unit::None, "A CANCEL that follows from the caller's has its Reason."),
    missing(&["e2e_cancel_hop_by_hop"], "0", "Whether a CANCEL is answered before it is relayed."),
    missing(&["headers_mode"], "0", "Which headers requests made here carry."),
    unheard(&["xavp_contact"], "Where `t_load_contacts` finds branches."),
    unheard(&["event_callback"], "A function of an embedded script for events."),
    unheard(&["event_callback_lres_sent"], "A function of an embedded script for replies sent."),
    unheard(&["evcb_local_ack_sent"], "A function of an embedded script for ACKs sent."),
    Param::int(&["relay_100"], "0", Unit::None, "Forwards a 100."),
    Param::int(
        &["rich_redirect"],
        "0",
        Unit::None,
        "What Contact says in a 3xx that a transaction sends, as a sum: the branch flags (1), the path (2).",
    ),
    other(&["exec_time_check"], "1", "Whether long scripts are kept from making transactions."),
    other(&["reply_relay_mode"], "1", "How replies in different processes are ordered."),
    missing(&["enable_uac_fr"], "0", "Whether failure routes run for requests made here."),
    unheard(&["failover_reply_codes"], "Codes that lead to the next address."),
    missing(&["reply_408_code"], "408", "The code that stands for no answer."),
    unheard(&["reply_408_reason"], "The reason that stands for no answer."),
    missing(&["delayed_reply"], "0", "Whether replies of scripts wait for their end."),
    missing(&["evlreq_mode"], "0", "When event_route[tm:local-request] runs."),
];

/// What stands in for what a `t_reply` does not say.
#[derive(Debug)]
pub(super) struct Defaults {
    pub(super) code: u16,
    pub(super) reason: Bytes,
}

impl State for Defaults {}

pub(super) fn start(start: &mut Start) -> Result<Box<dyn State>, StartFault> {
    let mut read = |name| milliseconds(start, name);
    let timers = (
        read("fr_timer")?,
        read("fr_inv_timer")?,
        read("wt_timer")?,
        read("retr_timer1")?,
        read("retr_timer2")?,
        read("max_inv_lifetime")?,
        read("max_noninv_lifetime")?,
    );
    let params = start.params;
    let avps = (start.avp("fr_timer_avp")?, start.avp("fr_inv_timer_avp")?);
    let code = params.int("default_code");
    let code = u16::try_from(code).ok().filter(|code| (100..700).contains(code)).ok_or_else(|| {
        let fault = StartFault::new(format!("default_code is {code}")).help("write a status code from 100 to 699");
        params.given("default_code").map_or(fault.clone(), |given| fault.at(given.span))
    })?;
    let on_sl_reply = params.text("on_sl_reply").and_then(|wanted| {
        let mut blocks = start.routes.iter();
        blocks.find(|(kind, name, _)| *kind == RouteKind::Reply && name.as_bytes() == wanted).map(|(.., id)| *id)
    });
    let settings = &mut start.settings.transaction;
    settings.loaded = true;
    (
        settings.fr_timer,
        settings.fr_inv_timer,
        settings.wt_timer,
        settings.retr_timer1,
        settings.retr_timer2,
        settings.max_inv_lifetime,
        settings.max_noninv_lifetime,
    ) = timers;
    settings.restart_fr_on_each_reply = params.switch("restart_fr_on_each_reply");
    settings.auto_inv_100 = params.switch("auto_inv_100");
    settings.auto_inv_100_reason = params.text("auto_inv_100_reason").unwrap_or_default();
    settings.relay_100 = params.switch("relay_100");
    settings.aggregate_challenges = params.switch("aggregate_challenges");
    settings.remap_503_500 = params.switch("remap_503_500");
    settings.disable_6xx_block = params.switch("disable_6xx_block");
    settings.faked_reply_prio = params.int("faked_reply_prio");
    settings.local_cancel_reason = params.switch("local_cancel_reason");
    settings.e2e_cancel_reason = params.switch("e2e_cancel_reason");
    settings.ac_extra_hdrs = params.text("ac_extra_hdrs").unwrap_or_default();
    settings.reparse_invite = params.switch("reparse_invite");
    settings.on_sl_reply = on_sl_reply;
    settings.rich_redirect = RichRedirect::new(params.int("rich_redirect"));
    (settings.fr_timer_avp, settings.fr_inv_timer_avp) = avps;
    settings.noisy_ctimer = params.switch("noisy_ctimer");
    settings.failure_exec_mode = params.switch("failure_exec_mode");
    settings.failure_reply_mode = match params.int("failure_reply_mode") {
        0 => FailureReplyMode::Keep,
        2 => FailureReplyMode::DropLast,
        3 => FailureReplyMode::DropWhenAdding,
        _ => FailureReplyMode::Drop,
    };
    settings.unmatched_cancel = match params.int("unmatched_cancel") {
        0 => UnmatchedCancel::Stateful,
        2 => UnmatchedCancel::Dropped,
        _ => UnmatchedCancel::Stateless,
    };
    settings.cancel_b_method = match params.int("cancel_b_method") {
        1 => CancelSilent::Awaited,
        2 => CancelSilent::Cancelled,
        _ => CancelSilent::Answered,
    };
    Ok(Box::new(Defaults { code, reason: params.text("default_reason").unwrap_or_default() }))
}

/// The value of a timer. Below 100 it is read as seconds under its extension; to the letter it is rounded up to the next of Kamailio's ticks of 62.5 ms.
fn milliseconds(start: &mut Start, name: &'static str) -> Result<Duration, StartFault> {
    let value = start.params.int(name);
    let given = start.params.given(name);
    let number = u64::try_from(value).map_err(|_| {
        let fault = StartFault::new(format!("{name} is negative")).help("write milliseconds");
        given.map_or(fault.clone(), |given| fault.at(given.span))
    })?;
    if let Some(given) = given.filter(|_| (1..100).contains(&number)) {
        start.used.push((Extension::TimerSeconds, given.span));
        if start.extensions.allows(Extension::TimerSeconds) {
            return Ok(Duration::from_secs(number));
        }
    }
    if start.extensions.is_strict() {
        const TICK: u64 = 62_500;
        return Ok(Duration::from_micros(number.saturating_mul(1000).div_ceil(TICK).saturating_mul(TICK)));
    }
    Ok(Duration::from_millis(number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::{Extensions, ModuleId, ParamGiven, ParamGivenValue, Params, Settings, Slots};
    use crate::source::Span;

    fn settings(given: &[(&'static str, i64)], extensions: Extensions) -> (Settings, usize) {
        let given: Vec<ParamGiven> = given
            .iter()
            .map(|(name, value)| ParamGiven { name, value: ParamGivenValue::Int(*value), span: Span::default() })
            .collect();
        let (mut settings, mut used, slots, mut log) = (Settings::default(), Vec::new(), Slots::default(), Vec::new());
        let mut start = Start {
            params: Params::new(PARAMS, &given),
            settings: &mut settings,
            extensions,
            used: &mut used,
            slots: &slots,
            routes: &[],
            events: &[],
            world: None,
            dialects: &[],
            module: ModuleId(0),
            modules: &[],
            given: &[],
            log: &mut log,
        };
        super::start(&mut start).unwrap();
        (settings, used.len())
    }

    #[test]
    fn small_timers_are_seconds_unless_strict() {
        let given = [("fr_timer", 5), ("fr_inv_timer", 30_000), ("retr_timer1", 100)];
        let (read, used) = settings(&given, Extensions::default());
        assert_eq!(used, 1);
        assert_eq!(read.transaction.fr_timer, Duration::from_secs(5));
        assert_eq!(read.transaction.fr_inv_timer, Duration::from_secs(30));
        assert!(read.transaction.loaded);
        let (read, used) = settings(&given, Extensions::STRICT);
        assert_eq!(used, 1);
        assert_eq!(read.transaction.fr_timer, Duration::from_micros(62_500));
        assert_eq!(read.transaction.retr_timer1, Duration::from_millis(125));
        assert_eq!(read.transaction.max_noninv_lifetime, Duration::from_millis(32_000));
    }
}
