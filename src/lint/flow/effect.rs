//! What functions of Kamailio do to a message, as far as rules ask.

use super::state::{Fact, Methods, State};
pub use crate::catalogue::{Does, does};
use crate::config::ast::{Call, RouteKind};
use std::borrow::Cow;

/// The constant text of an argument, numbers included.
pub fn literal(call: &Call, at: usize) -> Option<Cow<'_, str>> {
    use crate::config::ast::ExpressionKind as Kind;
    match &call.args.get(at)?.kind {
        Kind::Text(text) => Some(String::from_utf8_lossy(text)),
        Kind::Word(word) => Some(Cow::Borrowed(word)),
        Kind::Int(number) => Some(Cow::Owned(number.to_string())),
        _ => None,
    }
}

/// Whether a call changes nothing that is known and depends on nothing that is known, in whatever block.
pub(super) fn is_quiet(call: &Call) -> bool {
    let kinds = [
        RouteKind::Request,
        RouteKind::CoreReply,
        RouteKind::Reply,
        RouteKind::Failure,
        RouteKind::Branch,
        RouteKind::Onsend,
        RouteKind::Event,
    ];
    kinds.into_iter().map(State::enter).all(|state| {
        let same = |after: Option<State>| after.is_some_and(|after| after.key() == state.key());
        let (holds, fails) = of(call, state, true);
        same(holds) && same(fails)
    })
}

/// Whether rules may ask what is known where this function is called. Those that are called most are left out.
pub(super) fn is_told(name: &str) -> bool {
    !matches!(
        name,
        "xlog"
            | "xdbg"
            | "xinfo"
            | "xnotice"
            | "xwarn"
            | "xerr"
            | "xcrit"
            | "route"
            | "isflagset"
            | "is_method"
            | "has_totag"
    )
}

/// The states after a call that is true, and after one that is not; of a call whose result nobody tests, what it is meant to do counts.
pub(super) fn of(call: &Call, state: State, tested: bool) -> (Option<State>, Option<State>) {
    let (name, place) = (call.name.text.as_str(), call.span);
    let open = (Some(state), Some(state));
    let always = |state: State| (Some(state), tested.then_some(state));
    if let Some(does) = does(name) {
        return by_kind(does, call, state, tested);
    }
    match name {
        "is_method" => {
            let Some(methods) = literal(call, 0) else { return open };
            by_methods(state, Methods::read(methods.as_bytes()))
        }
        "has_totag" => (state.when(Fact::ToTag, true), state.when(Fact::ToTag, false)),
        "is_request" | "is_reply" => {
            let is_reply = matches!(state.entry, RouteKind::Reply | RouteKind::CoreReply);
            let holds = is_reply == (name == "is_reply");
            if state.entry == RouteKind::Event { open } else { (holds.then_some(state), (!holds).then_some(state)) }
        }
        "is_uri_host_local" => (state.when(Fact::UriMyself, true), state.when(Fact::UriMyself, false)),
        "is_domain_local" => match literal(call, 0).as_deref() {
            Some("$rd") => (state.when(Fact::UriMyself, true), state.when(Fact::UriMyself, false)),
            Some("$fd") => (state.when(Fact::FromMyself, true), state.when(Fact::FromMyself, false)),
            _ => open,
        },
        "is_from_local" => (state.when(Fact::FromMyself, true), state.when(Fact::FromMyself, false)),
        "loose_route" | "loose_route_preloaded" | "loose_route_mode" => {
            (Some(state.done(Fact::LooseRouted, place)), Some(state))
        }
        "record_route" | "record_route_preset" | "record_route_advertised_address" => {
            (Some(state.done(Fact::Recorded, place)), tested.then_some(state))
        }
        "mf_process_maxfwd_header" | "maxfwd_process" | "process_maxfwd" | "maxfwd_at_least" | "is_maxfwd_lt" => {
            let state = state.done(Fact::MaxForwards, place);
            (Some(state), Some(state))
        }
        "t_newtran" | "t_suspend" | "t_continue" => {
            let looked = state.done(Fact::TransactionLooked, place);
            (Some(looked.done(Fact::Transaction, place)), tested.then_some(looked))
        }
        "t_check_trans" | "t_lookup_request" | "t_lookup_cancel" | "t_precheck_trans" | "t_relay_cancel" => {
            let state = state.done(Fact::TransactionLooked, place);
            let found = state.open(Fact::Transaction);
            (Some(found), Some(state))
        }
        "t_on_failure" => always(state.done(Fact::FailureArmed, place)),
        "t_is_canceled" => (state.when(Fact::Canceled, true), state.when(Fact::Canceled, false)),
        "t_check_status" | "t_branch_timeout" | "t_any_timeout" | "t_branch_replied" | "t_any_replied" => {
            (Some(state.done(Fact::StatusTested, place)), Some(state))
        }
        // Test 8 looks at the body. Where one test finds nothing, an earlier one that asked for less found nothing either.
        "nat_uac_test" | "client_nat_test" if literal(call, 0).as_deref() != Some("8") => {
            let (open, found) = (state.open(Fact::Natted), state.done(Fact::Natted, place));
            (Some(found), Some(if state.is(Fact::Natted) { open } else { state }))
        }
        "fix_nated_register" | "add_contact_alias" | "set_contact_alias" | "fix_contact" | "fix_nated_contact"
        | "add_rcv_param" => always(state.done(Fact::ContactFixed, place)),
        "is_known_dlg" | "dlg_get" | "dlg_isflagset" | "is_in_profile" => {
            let state = state.done(Fact::DialogAsked, place);
            (Some(state), Some(state))
        }
        "consume_credentials" => always(state.done(Fact::Consumed, place)),
        "remove_hf" | "remove_hf_re" | "remove_hf_exp" => match literal(call, 0) {
            Some(header) if header.eq_ignore_ascii_case("Route") => always(state.done(Fact::RoutesRemoved, place)),
            _ => open,
        },
        // These speak of who sends, or keep lists of it.
        "secf_check_ip" | "iptrtpproxy" | "check_route_param" => {
            let state = state.done(Fact::SourceAsked, place);
            (Some(state), Some(state))
        }
        _ => open,
    }
}

fn by_kind(does: Does, call: &Call, state: State, tested: bool) -> (Option<State>, Option<State>) {
    let place = call.span;
    let untested = |fails: State| tested.then_some(fails);
    match does {
        Does::Relay => {
            let sent = state.done(Fact::Transaction, place).done(Fact::Final, place).done(Fact::Relayed, place);
            (Some(sent), untested(state.done(Fact::Transaction, place).done(Fact::RelayFailed, place)))
        }
        Does::Reply => {
            let provisional = literal(call, 0).is_some_and(|code| code.len() == 3 && code.starts_with('1'));
            let named = matches!(
                call.name.text.as_str(),
                "sl_send_reply" | "sl_reply" | "send_reply" | "t_reply" | "t_send_reply"
            );
            let sent = if named && provisional { state } else { state.done(Fact::Final, place) };
            (Some(sent), untested(state))
        }
        Does::Save => {
            let silent = literal(call, 1).is_some_and(|flags| has_bit(&flags, 2));
            (Some(if silent { state } else { state.done(Fact::Final, place) }), untested(state))
        }
        Does::Choose => (Some(state.known(Fact::Bound, true)), Some(state)),
        Does::Authenticate => {
            let good = state.done(Fact::Authenticated, place).done(Fact::Vetted, place);
            (Some(good), Some(state))
        }
        Does::CheckSource => {
            let asked = state.done(Fact::SourceAsked, place);
            (Some(asked.done(Fact::Vetted, place)), Some(asked))
        }
        Does::LimitRate | Does::Screen | Does::EndMedia => (Some(state), Some(state)),
        Does::Media => (Some(state.done(Fact::Media, place)), untested(state)),
    }
}

fn has_bit(flags: &str, bit: u32) -> bool {
    let number = match flags.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => flags.parse(),
    };
    number.is_ok_and(|number| number & bit != 0)
}

/// The states in which the method is one of these, and in which it is not.
pub(super) fn by_methods(state: State, methods: Methods) -> (Option<State>, Option<State>) {
    let (is, is_not) = (state.methods.and(methods), state.methods.without(methods));
    let with = |methods: Methods| (!methods.is_empty()).then(|| state.with_methods(methods));
    // Of a set that names one method, every method is accounted for.
    let is_not = if state.methods.within(methods) && !methods.meets(Methods::OTHER) { Methods::NONE } else { is_not };
    (with(is), with(is_not))
}
