//! Which set of rtpengines serves a message.

use super::RtpEngine;
use super::nodes::Set;
use crate::builtin::{Args, Context, LogLevel, Outcome, Value};
use bytes::Bytes;
use std::sync::Arc;

/// The AVP with the choice of a script, which no script can name: it follows the message to its branches and into failure_route. It holds the
/// number of the message, for a reply is another one, and the sets.
const CHOICE: &[u8] = b"\0rtpengine:sets";

/// `set_rtpengine_set`
pub(super) fn select(cx: &mut Context, args: &Args) -> Outcome {
    let Some(state) = cx.state::<RtpEngine>() else { return Outcome::FALSE };
    cx.locals.avps.clear(CHOICE);
    let mut choice = Vec::with_capacity(8);
    for at in 0..args.len() {
        let id = args.int(cx, at);
        let Some(set) = u32::try_from(id).ok().and_then(|id| state.sets.load().find(id)) else {
            cx.log(LogLevel::Error, format!("set_rtpengine_set: there is no set {id}"));
            return Outcome::FALSE;
        };
        // Kamailio counts only where a variable names the set.
        if args.template(at).is_some() && set.active() == 0 {
            cx.log(LogLevel::Warning, format!("set_rtpengine_set: nobody in set {id} answers"));
            return Outcome::Return(-2);
        }
        choice.extend_from_slice(&set.id.to_be_bytes());
    }
    let number = cx.message.id as i64;
    cx.locals.avps.push(Bytes::from_static(CHOICE), Value::Both(number, Bytes::from(choice)));
    Outcome::TRUE
}

/// The sets that are asked about this message, one after the other.
///
/// # Errors
/// Why there is none.
pub(super) fn chosen(cx: &Context, state: &RtpEngine, is_answer: bool) -> Result<(Arc<Set>, Option<Arc<Set>>), String> {
    let find = |id: i64| {
        let set = u32::try_from(id).ok().and_then(|id| state.sets.load().find(id));
        set.ok_or_else(|| format!("there is no set {id} of rtpengines"))
    };
    match state.set_of.as_ref().map(|place| place.read(cx)) {
        Some(Value::Int(id)) => return Ok((find(id)?, None)),
        Some(Value::Text(_)) => return Err("the variable of setid_avp holds no number".into()),
        _ => {}
    }
    let choice = match cx.locals.avps.value(CHOICE, 0) {
        Some(Value::Both(number, choice)) if *number == cx.message.id as i64 => choice.clone(),
        _ => Bytes::new(),
    };
    let ids: Vec<i64> = choice.as_chunks::<4>().0.iter().map(|id| i64::from(u32::from_be_bytes(*id))).collect();
    match ids.as_slice() {
        [] => Ok((find(state.default_set.into())?, None)),
        [first, second] if first != second => {
            let (first, second) = (find(*first)?, find(*second)?);
            Ok(if is_answer { (second, Some(first)) } else { (first, Some(second)) })
        }
        [first, ..] => Ok((find(*first)?, None)),
    }
}
