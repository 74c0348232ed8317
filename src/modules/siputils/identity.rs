//! Remote-Party-ID from the AVP that `rpid_avp` names, and the age of a message.

use super::SipUtils;
use super::numbers::e164;
use crate::builtin::{Arg, Args, Context, Does, Function, LogLevel, Outcome, Routes, Value, calendar};
use crate::sip::{NameAddr, Uri};
use bytes::Bytes;

pub(super) const IS_RPID_USER_E164: Function = Function {
    names: &["is_rpid_user_e164"],
    args: &[],
    routes: Routes::REQUEST,
    run: is_rpid_user_e164,
    does: &[],
    doc: "True when the user of the URI in the AVP `rpid_avp` is an international number.",
};

fn is_rpid_user_e164(cx: &mut Context, _: &Args) -> Outcome {
    let Some(text) = identity(cx) else { return Outcome::FALSE };
    let uri = match NameAddr::parse(&text) {
        Ok(address) if text.contains(&b'<') => text.slice_ref(address.uri_text()),
        _ => text.clone(),
    };
    let user = Uri::parse(&uri).ok().and_then(|uri| uri.user);
    Outcome::truth(user.is_some_and(|user| e164(cx, user)))
}

pub(super) const APPEND_RPID_HF: Function = Function {
    names: &["append_rpid_hf"],
    args: &[],
    routes: Routes::REQUEST.or(Routes::FAILURE).or(Routes::BRANCH),
    run: |cx, _| {
        let state = cx.state::<SipUtils>().unwrap_or_default();
        append(cx, &state.rpid_prefix, &state.rpid_suffix)
    },
    does: &[],
    doc: "Adds a Remote-Party-ID of `rpid_prefix`, the AVP `rpid_avp` and `rpid_suffix`; false without a text in the AVP.",
};

pub(super) const APPEND_RPID_HF_WITH: Function = Function {
    names: &["append_rpid_hf"],
    args: &[Arg::literal("prefix"), Arg::literal("suffix")],
    routes: Routes::REQUEST.or(Routes::FAILURE).or(Routes::BRANCH),
    run: |cx, args| {
        let (prefix, suffix) = (args.text(cx, 0), args.text(cx, 1));
        append(cx, &prefix, &suffix)
    },
    does: &[],
    doc: "Adds a Remote-Party-ID of the prefix, the AVP `rpid_avp` and the suffix; false without a text in the AVP.",
};

fn append(cx: &mut Context, prefix: &[u8], suffix: &[u8]) -> Outcome {
    let Some(text) = identity(cx) else { return Outcome::FALSE };
    let line = [b"Remote-Party-ID: ", prefix, &text, suffix, b"\r\n"].concat();
    let message = &mut *cx.message;
    message.edits.append(&message.message, line);
    Outcome::TRUE
}

/// The text in the AVP.
fn identity(cx: &mut Context) -> Option<Bytes> {
    let state = cx.state::<SipUtils>()?;
    let Some(name) = &state.rpid_avp else {
        cx.log(LogLevel::Error, "rpid_avp is not set");
        return None;
    };
    match cx.locals.avps.value(name, 0) {
        Some(Value::Text(text)) if !text.is_empty() => Some(text.clone()),
        _ => None,
    }
}

pub(super) const IS_USER: Function = Function {
    names: &["is_user"],
    args: &[Arg::text("user")],
    routes: Routes::REQUEST,
    run: |cx, args| {
        // Kamailio asks for credentials that a module of authentication has found good, and no such module is built in.
        let user = args.text(cx, 0);
        let text = format!("is_user({}): no credentials were checked before", String::from_utf8_lossy(&user));
        cx.log(LogLevel::Error, text);
        Outcome::FALSE
    },
    does: &[Does::Authenticate, Does::BindIdentity],
    doc: "Whether credentials that were found good are those of this user. No module that checks credentials is built in, so that none ever are: it is false and says so in the log.",
};

pub(super) const HDR_DATE_CHECK: Function = Function {
    names: &["hdr_date_check"],
    args: &[Arg::int("seconds")],
    routes: Routes::ANY,
    run: hdr_date_check,
    does: &[],
    doc: "True when Date is no older than so many seconds; -4 when it is, else false.",
};

fn hdr_date_check(cx: &mut Context, args: &Args) -> Outcome {
    let seconds = args.int(cx, 0);
    let message = &cx.message.message;
    let date = message
        .headers_called(b"Date")
        .next()
        .and_then(|header| calendar::read_date_header(message.text(header.value)));
    let Some(date) = date else {
        cx.log(LogLevel::Error, "hdr_date_check: the message has no Date that can be read");
        return Outcome::FALSE;
    };
    let now = cx.now.unix.as_secs() as i64;
    Outcome::Return(if now > date.saturating_add(seconds) { -4 } else { 1 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::bench::Bench;
    use std::sync::Arc;

    #[test]
    fn old_messages() {
        for (date, allowed, code) in [
            ("Date: Tue, 14 Nov 2023 22:13:20 GMT\n", 0, 1),
            ("Date: Tue, 14 Nov 2023 22:13:10 GMT\n", 9, -4),
            ("Date: Tue, 14 Nov 2023 22:13:10 GMT\n", 10, 1),
            ("", 10, -1),
        ] {
            let text = format!("INVITE sip:b SIP/2.0\nVia: SIP/2.0/UDP a;branch=z9hG4bK\n{date}\n");
            let mut bench = Bench::new(&text, Arc::new(()));
            let done = bench.call_with(&const { HDR_DATE_CHECK }, vec![crate::builtin::Argument::Int(allowed)]);
            assert!(matches!(done, Outcome::Return(its) if its == code), "{date} {allowed}");
        }
    }
}
