//! What functions of Kamailio do to a message, as far as rules ask.

use super::state::{Fact, Methods, State};
use crate::builtin::{Does, MessageKind};
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
pub(super) fn is_quiet(call: &Call, does: &[Does]) -> bool {
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
        let (holds, fails) = of(call, does, state, true);
        same(holds) && same(fails)
    })
}

/// Whether rules may ask what is known where something is called. What is called most is left out.
pub(super) fn is_told(call: &Call, does: &[Does]) -> bool {
    let common = |word| matches!(word, &Does::Log | &Does::AskFlag | &Does::AskMethod | &Does::AskToTag);
    call.name.text != "route" && !does.iter().any(common)
}

/// The states after a call that is true, and after one that is not; of a call whose result nobody tests, what it is meant to do counts. The first
/// word of its row that changes what is known, or depends on it, says it.
pub(super) fn of(call: &Call, does: &[Does], state: State, tested: bool) -> (Option<State>, Option<State>) {
    does.iter().find_map(|does| by_word(*does, call, state, tested)).unwrap_or((Some(state), Some(state)))
}

fn by_word(does: Does, call: &Call, state: State, tested: bool) -> Option<(Option<State>, Option<State>)> {
    let place = call.span;
    let open = (Some(state), Some(state));
    let untested = |fails: State| tested.then_some(fails);
    let always = |state: State| (Some(state), untested(state));
    let both = |state: State| (Some(state), Some(state));
    let splits = |fact: Fact| (state.when(fact, true), state.when(fact, false));
    let states = match does {
        Does::Relay => {
            let sent = state.done(Fact::Transaction, place).done(Fact::Final, place).done(Fact::Relayed, place);
            (Some(sent), untested(state.done(Fact::Transaction, place).done(Fact::RelayFailed, place)))
        }
        Does::Reply => {
            let provisional = literal(call, 0).is_some_and(|code| code.len() == 3 && code.starts_with('1'));
            (Some(if provisional { state } else { state.done(Fact::Final, place) }), untested(state))
        }
        Does::Save => {
            let silent = literal(call, 1).is_some_and(|flags| has_bit(&flags, 2));
            (Some(if silent { state } else { state.done(Fact::Final, place) }), untested(state))
        }
        Does::Choose | Does::Rewrite => (Some(state.known(Fact::Bound, true)), Some(state)),
        Does::Authenticate => {
            let good = state.done(Fact::Authenticated, place).done(Fact::Vetted, place);
            (Some(good), Some(state))
        }
        Does::CheckSource => {
            let asked = state.done(Fact::SourceAsked, place);
            (Some(asked.done(Fact::Vetted, place)), Some(asked))
        }
        Does::LimitRate | Does::EndMedia => open,
        Does::Media => (Some(state.done(Fact::Media, place)), untested(state)),
        Does::AskMethod => match literal(call, 0) {
            Some(methods) => by_methods(state, Methods::read(methods.as_bytes())),
            None => open,
        },
        Does::AskToTag => splits(Fact::ToTag),
        Does::AskKind(kind) => {
            let is_reply = matches!(state.entry, RouteKind::Reply | RouteKind::CoreReply);
            let holds = is_reply == (kind == MessageKind::Reply);
            if state.entry == RouteKind::Event { open } else { (holds.then_some(state), (!holds).then_some(state)) }
        }
        Does::AskLocalUri => splits(Fact::UriMyself),
        Does::AskLocalFrom => splits(Fact::FromMyself),
        Does::AskLocalDomain => match literal(call, 0).as_deref() {
            Some("$rd") => splits(Fact::UriMyself),
            Some("$fd") => splits(Fact::FromMyself),
            _ => open,
        },
        Does::LooseRoute => (Some(state.done(Fact::LooseRouted, place)), Some(state)),
        Does::RecordRoute => always(state.done(Fact::Recorded, place)),
        Does::LimitHops => both(state.done(Fact::MaxForwards, place)),
        Does::MakeTransaction => {
            let looked = state.done(Fact::TransactionLooked, place);
            (Some(looked.done(Fact::Transaction, place)), untested(looked))
        }
        Does::FindTransaction => {
            let state = state.done(Fact::TransactionLooked, place);
            (Some(state.open(Fact::Transaction)), Some(state))
        }
        Does::Arm(RouteKind::Failure) => always(state.done(Fact::FailureArmed, place)),
        Does::AskCanceled => splits(Fact::Canceled),
        Does::AskStatus => (Some(state.done(Fact::StatusTested, place)), Some(state)),
        // Test 8 looks at the body. Where one test finds nothing, an earlier one that asked for less found nothing either.
        Does::AskNat if literal(call, 0).as_deref() != Some("8") => {
            let (open, found) = (state.open(Fact::Natted), state.done(Fact::Natted, place));
            (Some(found), Some(if state.is(Fact::Natted) { open } else { state }))
        }
        Does::FixContact => always(state.done(Fact::ContactFixed, place)),
        Does::AskDialog => both(state.done(Fact::DialogAsked, place)),
        Does::ConsumeCredentials => always(state.done(Fact::Consumed, place)),
        Does::RemoveHeader => match literal(call, 0) {
            Some(header) if header.eq_ignore_ascii_case("Route") => always(state.done(Fact::RoutesRemoved, place)),
            _ => open,
        },
        Does::AskSource => both(state.done(Fact::SourceAsked, place)),
        _ => return None,
    };
    Some(states)
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
