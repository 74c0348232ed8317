//! Questions about the message as a whole.

use super::SipUtils;
use crate::builtin::{
    Arg, Args, Context, Does, Effect, Fault, Function, LogLevel, MessageKind, Outcome, Prepare, Prepared, Reply,
    ReplyMode, Routes, Template,
};
use crate::modules::rr::is_own;
use crate::sip::{HeaderName, Method, Uri};
use bytes::Bytes;

/// A row of a question without arguments.
const fn question(
    names: &'static [&'static str],
    run: fn(&mut Context, &Args) -> Outcome,
    doc: &'static str,
) -> Function {
    Function { names, args: &[], routes: Routes::ANY, run, does: &[], doc }
}

pub(super) const HAS_TOTAG: Function = question(
    &["has_totag"],
    |cx, _| Outcome::truth(cx.message.message.to_tag().is_some()),
    "True when To has a tag: the request belongs to a dialog.",
)
.does(&[Does::AskToTag]);

pub(super) const IS_REQUEST: Function =
    question(&["is_request"], |cx, _| Outcome::truth(cx.message.message.is_request()), "True for a request.")
        .does(&[Does::AskKind(MessageKind::Request)]);

pub(super) const IS_REPLY: Function =
    question(&["is_reply"], |cx, _| Outcome::truth(!cx.message.message.is_request()), "True for a reply.")
        .does(&[Does::AskKind(MessageKind::Reply)]);

pub(super) const IS_SIP: Function =
    question(&["is_sip"], |_, _| Outcome::TRUE, "True for a SIP message; here every one is.");

pub(super) const IS_HTTP: Function =
    question(&["is_http"], |_, _| Outcome::FALSE, "True for an HTTP message; here none is.");

pub(super) const IS_FIRST_HOP: Function = Function {
    names: &["is_first_hop"],
    args: &[Arg::int("mode").optional()],
    routes: Routes::ANY,
    run: is_first_hop,
    does: &[],
    doc: "True when no other proxy stands between the server and the sender: a request has a single Via, a reply no Record-Route above the server's own.",
};

fn is_first_hop(cx: &mut Context, _: &Args) -> Outcome {
    let message = &cx.message.message;
    if message.is_request() {
        return Outcome::truth(message.vias().nth(1).is_none());
    }
    let top = message.record_routes().next().and_then(|route| route.value.ok());
    Outcome::truth(match top {
        None => !message.has(HeaderName::RecordRoute),
        Some(route) => route.uri().is_ok_and(|uri| is_own(cx.core, &uri)),
    })
}

pub(super) const IS_SUPPORTED: Function = Function {
    names: &["is_supported"],
    args: &[Arg::custom("option", prepare_option)],
    routes: Routes::ANY,
    run: is_supported,
    does: &[],
    doc: "True when Supported names this option.",
};

/// An option tag.
struct OptionTag(Bytes);

fn prepare_option(text: &Template, _: &mut Prepare) -> Result<Prepared, Fault> {
    match text.constant().filter(|tag| !tag.is_empty()) {
        Some(tag) => Ok(Box::new(OptionTag(tag))),
        None => Err(Fault::new(format!("{text:?} is no option tag")).help("write one such as path or 100rel")),
    }
}

fn is_supported(cx: &mut Context, args: &Args) -> Outcome {
    let Some(OptionTag(tag)) = args.prepared::<OptionTag>(0) else { return Outcome::FALSE };
    let message = &cx.message.message;
    let mut tags = message
        .headers_named(HeaderName::Supported)
        .flat_map(|header| message.text(header.value).split(|byte| *byte == b',').map(<[u8]>::trim_ascii));
    Outcome::truth(tags.any(|its| its.eq_ignore_ascii_case(tag)))
}

pub(super) const CMP_HDR_NAME: Function = Function {
    names: &["cmp_hdr_name"],
    args: &[Arg::text("name"), Arg::text("other")],
    routes: Routes::ANY,
    run: |cx, args| {
        let (name, other) = (args.text(cx, 0), args.text(cx, 1));
        let known = HeaderName::parse(&name);
        let same =
            name.eq_ignore_ascii_case(&other) || known != HeaderName::Other && known == HeaderName::parse(&other);
        Outcome::Return(if same { 1 } else { -2 })
    },
    does: &[],
    doc: "True when both are names of the same header, in long or compact form.",
};

pub(super) const SIP_PARSE_HEADERS: Function =
    question(&["sip_parse_headers"], |_, _| Outcome::TRUE, "True when all headers can be read; here they have been.");

pub(super) const OPTIONS_REPLY: Function = Function {
    names: &["options_reply"],
    args: &[],
    routes: Routes::REQUEST,
    run: options_reply,
    does: &[Does::Reply],
    doc: "Answers an OPTIONS that is meant for the server itself with 200 and what it accepts; false when the Request-URI has a user.",
};

fn options_reply(cx: &mut Context, _: &Args) -> Outcome {
    if cx.message.message.method() != Some(Method::Options) {
        cx.log(LogLevel::Error, "options_reply: the request is no OPTIONS");
        return Outcome::FALSE;
    }
    let uri = cx.message.request_uri();
    if Uri::parse(&uri).map_or(true, |uri| uri.user.is_some()) {
        cx.log(LogLevel::Error, "options_reply: the Request-URI has a user");
        return Outcome::FALSE;
    }
    let headers = cx.state::<SipUtils>().map(|state| state.options.clone()).unwrap_or_default();
    Outcome::code_of(Effect::Reply(Reply { headers, ..Reply::new(200, "OK", ReplyMode::Either) }))
}
