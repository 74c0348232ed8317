//! `sl`: replies without a transaction (RFC 3261 section 8.2.7).

use crate::builtin::{
    Arg, Args, Changes, Context, Does, Effect, Form, Function, Means, Module, Outcome, Param, Relay, Reply, ReplyMode,
    RichRedirect, Routes, Start, StartFault, State, Target, Unit, Value, Working, parse_int, print_int,
};
use crate::sip::{Extent, StartLine};
use bytes::Bytes;

/// The module.
pub static MODULE: Module = Module {
    functions: FUNCTIONS,
    params: PARAMS,
    events: &["sl:filtered-ack", "sl:local-response"],
    start,
    after: &["tm"],
    ..Module::new("sl", "Answers requests without keeping anything of them.")
};

/// Where a request can be answered through its transaction.
const ANSWERING: Routes = Routes::REQUEST.or(Routes::FAILURE).or(Routes::ONREPLY);

static FUNCTIONS: &[Function] = &[
    Function {
        names: &["sl_send_reply", "sl_reply"],
        args: &[Arg::text("code").form(Form::Number).means(Means::ReplyCode), Arg::text("reason")],
        routes: Routes::REQUEST,
        run: sl_send_reply,
        does: &[Does::Reply, Does::WriteHeader, Does::WantRequest],
        doc: "Answers the request without a transaction; an ACK is never answered. A 3xx lists the Request-URI the script set and its branches as Contact.",
    },
    Function {
        names: &["send_reply"],
        args: &[Arg::text("code").form(Form::Number).means(Means::ReplyCode), Arg::text("reason")],
        routes: ANSWERING,
        run: send_reply,
        does: &[Does::Reply, Does::WriteHeader],
        doc: "Answers the request through its transaction when it has one, and without one otherwise.",
    },
    Function {
        names: &["send_reply_mode"],
        args: &[Arg::text("code").form(Form::Number).means(Means::ReplyCode), Arg::text("reason"), Arg::text("mode")],
        routes: ANSWERING,
        run: send_reply_mode,
        does: &[Does::Reply],
        doc: "Answers the request; mode `stateless` answers it without its transaction even when it has one.",
    },
    Function {
        names: &["sl_reply_error"],
        args: &[],
        routes: Routes::REQUEST,
        run: sl_reply_error,
        does: &[Does::Reply, Does::ReplyError, Does::WantRequest],
        doc: "Answers the request with the error that the action right before it met: after `t_relay();`, or first in the block of `if (!t_relay())`.",
    },
    Function {
        names: &["send_reply_error"],
        args: &[],
        routes: ANSWERING,
        run: sl_reply_error,
        does: &[Does::Reply, Does::ReplyError],
        doc: "Answers the request with the error that the action right before it met: after `t_relay();`, or first in the block of `if (!t_relay())`.",
    },
    Function {
        names: &["sl_forward_reply"],
        args: &[Arg::text("code").form(Form::Number).optional(), Arg::text("reason").optional()],
        routes: Routes::ONREPLY,
        run: sl_forward_reply,
        does: &[],
        doc: "Forwards the reply by its Via, with another code and reason when they are given.",
    },
];

static PARAMS: &[Param] = &[
    Param::int(&["default_code"], "500", Unit::None, "The code of a reply whose code is no number."),
    Param::text(&["default_reason"], "Internal Server Error", "The reason of a reply whose reason is missing."),
    Param::int(&["bind_tm"], "1", Unit::None, "0 keeps `send_reply` from using a transaction."),
    Param::int(
        &["rich_redirect"],
        "0",
        Unit::None,
        "What Contact says in a 3xx without a transaction, as a sum: the branch flags (1), the path (2).",
    ),
    Param::absent(&["event_callback_fl_ack"], "A function of an embedded script for ACKs of stateless replies.")
        .without(Changes::Wire),
    Param::absent(&["event_callback_lres_sent"], "A function of an embedded script for stateless replies sent.")
        .without(Changes::Wire),
];

/// What the parameters say.
#[derive(Debug)]
struct Sl {
    code: u16,
    reason: Bytes,
    through_transaction: bool,
    redirect: RichRedirect,
}

impl State for Sl {}

fn start(start: &mut Start) -> Result<Box<dyn State>, StartFault> {
    let params = start.params;
    let code = params.int("default_code");
    let bad = || StartFault::new(format!("default_code is {code}")).help("write a status code from 100 to 699");
    let code = u16::try_from(code).ok().filter(|code| (100..700).contains(code)).ok_or_else(|| {
        match params.given("default_code") {
            Some(given) => bad().at(given.span),
            None => bad(),
        }
    })?;
    let reason = params.text("default_reason").unwrap_or_default();
    let redirect = RichRedirect::new(params.int("rich_redirect"));
    Ok(Box::new(Sl { code, reason, through_transaction: params.switch("bind_tm"), redirect }))
}

fn sl_send_reply(cx: &mut Context, args: &Args) -> Outcome {
    answer(cx, args, ReplyMode::Stateless)
}

fn send_reply(cx: &mut Context, args: &Args) -> Outcome {
    let bound = cx.state::<Sl>().is_none_or(|sl| sl.through_transaction);
    answer(cx, args, if bound { ReplyMode::Either } else { ReplyMode::Stateless })
}

fn send_reply_mode(cx: &mut Context, args: &Args) -> Outcome {
    let mode = args.text(cx, 2);
    if mode.eq_ignore_ascii_case(b"stateless") { answer(cx, args, ReplyMode::Stateless) } else { send_reply(cx, args) }
}

fn sl_reply_error(_: &mut Context, _: &Args) -> Outcome {
    Outcome::code_of(Effect::Reply(Reply::new(500, "", ReplyMode::Error)))
}

fn answer(cx: &mut Context, args: &Args, mode: ReplyMode) -> Outcome {
    let sl = cx.state::<Sl>();
    let code = status_code(&args.value(cx, 0)).or_else(|| sl.as_ref().map(|sl| sl.code)).unwrap_or(500);
    let reason = args.value(cx, 1);
    let reason = match (reason, sl) {
        (Value::Null, Some(sl)) => sl.reason.clone(),
        (reason, _) => cx.on_one_line(reason.to_text()),
    };
    Outcome::code_of(Effect::Reply(reply(cx, code, reason, mode)))
}

/// A reply made here; a 3xx carries the destinations the script gathered.
pub(super) fn reply(cx: &Context, code: u16, reason: Bytes, mode: ReplyMode) -> Reply {
    let headers = if (300..400).contains(&code) { contact(cx, mode) } else { Vec::new() };
    Reply { headers, ..Reply::new(code, reason, mode) }
}

/// The status code that a value is; `None` when it is none.
pub(super) fn status_code(value: &Value) -> Option<u16> {
    let number = match value {
        Value::Text(text) if text.is_empty() => return None,
        Value::Text(text) => parse_int(text)?,
        Value::Int(number) | Value::Both(number, _) => *number,
        Value::Null | Value::Unset => return None,
    };
    u16::try_from(number).ok().filter(|code| (100..700).contains(code))
}

/// The Contact line of a redirection: the Request-URI when the script set it, then the branches. The module that sends it says what it tells
/// of them: `tm` where a transaction does.
fn contact(cx: &Context, mode: ReplyMode) -> Vec<u8> {
    let message = &cx.message;
    let through = match mode {
        ReplyMode::Transaction => true,
        ReplyMode::Either => message.transaction.is_some(),
        ReplyMode::Stateless | ReplyMode::Error => false,
    };
    let redirect = if through {
        cx.core.settings.transaction.rich_redirect
    } else {
        cx.state::<Sl>().map(|sl| sl.redirect).unwrap_or_default()
    };
    let mut line = Vec::new();
    for Target { uri, located, flags, .. } in std::iter::once(&message.target).chain(&message.branches) {
        let Some(uri) = uri else { continue };
        line.extend_from_slice(if line.is_empty() { b"Contact: <" } else { b", <" });
        line.extend_from_slice(uri);
        let path = located.as_ref().map(|located| &located.path).filter(|path| !path.is_empty());
        if let Some(path) = path.filter(|_| redirect.paths) {
            line.extend_from_slice(b"?Route=");
            super::pv::push_escaped_param(path, &mut line);
        }
        line.push(b'>');
        if let Some(q) = located.as_ref().and_then(|located| located.q) {
            line.extend_from_slice(b";q=");
            super::usrloc::preference::push(q, &mut line);
        }
        if redirect.flags {
            line.extend_from_slice(b";flags=");
            print_int(i64::from(*flags), &mut line);
        }
    }
    if !line.is_empty() {
        line.extend_from_slice(b"\r\n");
    }
    line
}

fn sl_forward_reply(cx: &mut Context, args: &Args) -> Outcome {
    let code = if args.has(0) { status_code(&args.value(cx, 0)) } else { None };
    let reason = if args.has(1) { args.header_value(cx, 1) } else { Bytes::new() };
    if args.has(0) {
        let Some(code) = code else { return Outcome::FALSE };
        let message = &mut *cx.message;
        if !change_status(message, code, &reason) {
            return Outcome::FALSE;
        }
    }
    Outcome::code_of(Effect::Forward(Relay::default()))
}

/// Writes another code, and another reason unless it is empty. The class of a final reply stays (a 200 becomes no 404); false when it would not, or when
/// it is no reply.
pub(super) fn change_status(working: &mut Working, code: u16, reason: &[u8]) -> bool {
    let message = &mut working.message;
    let StartLine::Status { code: came, reason: reason_place } = message.start() else { return false };
    if code / 100 != came / 100 && (came < 300 || code < 300) {
        return false;
    }
    let line = message.start_line();
    let text = message.text(line);
    let digits = text.iter().position(|byte| *byte == b' ').map_or(text.len(), |blank| blank + 1);
    let skipped = text.get(digits..).unwrap_or_default().iter().take_while(|byte| **byte == b' ').count();
    let place = usize::from(line.start) + digits + skipped;
    message.overwrite(Extent::new(place, place + 3), code.to_string().as_bytes());
    if !reason.is_empty() {
        working.edits.replace(reason_place, Bytes::copy_from_slice(reason));
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::bench::Bench;
    use crate::sip;
    use std::sync::Arc;

    const REQUEST: &str = "OPTIONS sip:a SIP/2.0\nVia: SIP/2.0/UDP a;branch=z9hG4bK\n\n";

    fn bench(text: &str) -> Bench {
        let redirect = RichRedirect::default();
        let sl = Sl { code: 500, reason: "Internal Server Error".into(), through_transaction: true, redirect };
        Bench::new(text, Arc::new(sl))
    }

    fn sent(outcome: Outcome) -> (u16, String, ReplyMode, String) {
        let Outcome::Wait(Effect::Reply(reply), _) = outcome else { panic!("no reply") };
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (reply.code, text(&reply.reason), reply.mode, text(&reply.headers))
    }

    #[test]
    fn code_and_reason_are_expanded_text() {
        let reply = bench(REQUEST).call(&FUNCTIONS[0], &["404", "Not Here"]);
        assert_eq!(sent(reply), (404, "Not Here".into(), ReplyMode::Stateless, String::new()));
        let reply = bench(REQUEST).call(&FUNCTIONS[0], &["abc", ""]);
        assert_eq!(sent(reply).0, 500);
        assert_eq!(sent(bench(REQUEST).call(&FUNCTIONS[1], &["404", "x"])).2, ReplyMode::Either);
        assert_eq!(sent(bench(REQUEST).call(&FUNCTIONS[3], &[])).2, ReplyMode::Error);
    }

    #[test]
    fn a_redirection_lists_what_the_script_gathered() {
        let mut bench = bench(REQUEST);
        bench.message.branches.push(Target { uri: Some("sip:z@w".into()), ..Target::default() });
        assert_eq!(sent(bench.call(&FUNCTIONS[0], &["302", "Moved"])).3, "Contact: <sip:z@w>\r\n");
        bench.message.target.uri = Some("sip:x@y".into());
        assert_eq!(sent(bench.call(&FUNCTIONS[0], &["302", "Moved"])).3, "Contact: <sip:x@y>, <sip:z@w>\r\n");
    }

    #[test]
    fn a_forwarded_reply_may_change_its_first_line() {
        let mut bench = bench("SIP/2.0 404 Not Found\nVia: SIP/2.0/UDP a;branch=z9hG4bK\n\n");
        let done = bench.call(&FUNCTIONS[5], &["410", "Gone"]);
        assert!(matches!(done, Outcome::Wait(Effect::Forward(_), _)));
        let mut out = Vec::new();
        sip::write(&bench.message.message, &bench.message.edits, &mut out);
        assert!(out.starts_with(b"SIP/2.0 410 Gone\r\n"));
        assert!(matches!(bench.call(&FUNCTIONS[5], &["200"]), Outcome::Return(-1)));
    }
}
