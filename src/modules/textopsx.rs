//! `textopsx`: more changes of messages.

use crate::builtin::{Arg, Args, Context, Function, LogLevel, Module, Outcome, Routes};
use crate::modules::sl;
use crate::sip::{self, Edits, HeaderName};
use bytes::Bytes;

/// The module.
pub static MODULE: Module = Module {
    functions: FUNCTIONS,
    ..Module::new("textopsx", "Changes messages further, and makes changes visible to the script.")
};

static FUNCTIONS: &[Function] = &[
    Function {
        names: &["msg_apply_changes"],
        args: &[],
        routes: Routes::REQUEST.or(Routes::ONREPLY),
        run: msg_apply_changes,
        doc: "Writes the message with all changes made so far and reads it anew, so that the script sees them.",
    },
    Function {
        names: &["change_reply_status"],
        args: &[Arg::text("code"), Arg::text("reason")],
        routes: Routes::ONREPLY,
        run: change_reply_status,
        doc: "Gives the reply at hand another code and reason; a provisional or positive one keeps its class.",
    },
    Function {
        names: &["change_reply_status_code"],
        args: &[Arg::text("code")],
        routes: Routes::ONREPLY,
        run: change_reply_status,
        doc: "Gives the reply at hand another code; a provisional or positive one keeps its class.",
    },
    Function {
        names: &["remove_body"],
        args: &[],
        routes: Routes::ANY,
        run: remove_body,
        doc: "Takes the body away; Content-Length follows, Content-Type stays.",
    },
    Function {
        names: &["keep_hf"],
        args: &[Arg::pattern("pattern").optional()],
        routes: Routes::ANY,
        run: keep_hf,
        doc: "Removes every header whose name the pattern does not match, but for those that routing needs.",
    },
];

fn msg_apply_changes(cx: &mut Context, _: &Args) -> Outcome {
    let message = &mut *cx.message;
    message.edits.new_uri = message.uri.clone().or(message.edits.new_uri.take());
    if message.edits.is_empty() {
        return Outcome::TRUE;
    }
    match sip::apply(&message.message, &message.edits) {
        Ok(applied) => {
            message.message = applied;
            message.edits = Edits::default();
            message.uri = None;
            Outcome::TRUE
        }
        Err(fault) => {
            cx.log(LogLevel::Error, format!("msg_apply_changes: the message cannot be read any more: {fault:?}"));
            Outcome::FALSE
        }
    }
}

fn change_reply_status(cx: &mut Context, args: &Args) -> Outcome {
    let code = sl::status_code(&args.value(cx, 0));
    let reason = if args.has(1) { args.text(cx, 1) } else { Bytes::new() };
    let message = &mut *cx.message;
    let done = code.is_some_and(|code| sl::change_status(&message.message, &mut message.edits, code, &reason));
    if !done {
        cx.log(LogLevel::Error, "the reply cannot have this status");
    }
    Outcome::truth(done)
}

fn remove_body(cx: &mut Context, _: &Args) -> Outcome {
    let message = &mut *cx.message;
    if !message.message.body().is_empty() {
        message.edits.replace_body(&message.message, Bytes::new());
    }
    Outcome::TRUE
}

/// Headers without which a message cannot be routed or its body read.
const NEEDED: [HeaderName; 12] = [
    HeaderName::Via,
    HeaderName::From,
    HeaderName::To,
    HeaderName::CallId,
    HeaderName::CSeq,
    HeaderName::Contact,
    HeaderName::MaxForwards,
    HeaderName::Route,
    HeaderName::RecordRoute,
    HeaderName::ContentType,
    HeaderName::ContentLength,
    HeaderName::Expires,
];

fn keep_hf(cx: &mut Context, args: &Args) -> Outcome {
    let kept = args.pattern(0);
    let message = &mut *cx.message;
    for header in message.message.headers() {
        let name = message.message.text(header.name_text);
        if !NEEDED.contains(&header.name) && !kept.is_some_and(|kept| kept.is_match(name)) {
            message.edits.remove_header(header);
        }
    }
    // Kamailio gives no other answer, though the headers are gone.
    Outcome::FALSE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::bench::Bench;
    use std::sync::Arc;

    fn written(bench: &Bench) -> String {
        let mut out = Vec::new();
        sip::write(&bench.message.message, &bench.message.edits, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn changes_become_visible() {
        let text = "INVITE sip:b SIP/2.0\nVia: SIP/2.0/UDP a;branch=z9hG4bK\nContent-Length: 2\n\nhi";
        let mut bench = Bench::new(text, Arc::new(()));
        let message = &mut bench.message;
        message.uri = Some("sip:c".into());
        message.edits.append(&message.message, "X-N: 1\r\n");
        bench.call(&FUNCTIONS[0], &[]);
        assert_eq!(bench.message.message.headers_called(b"x-n").count(), 1);
        assert!(bench.message.edits.is_empty());
        assert_eq!(bench.message.message.request_uri(), b"sip:c");
        bench.call(&FUNCTIONS[3], &[]);
        assert!(written(&bench).ends_with("Content-Length: 0\r\nX-N: 1\r\n\r\n"));
    }

    #[test]
    fn a_reply_keeps_its_class() {
        let reply = "SIP/2.0 180 Ringing\nVia: SIP/2.0/UDP a;branch=z9hG4bK\n\n";
        let mut bench = Bench::new(reply, Arc::new(()));
        assert!(matches!(bench.call(&FUNCTIONS[1], &["404", "x"]), Outcome::Return(-1)));
        assert!(matches!(bench.call(&FUNCTIONS[1], &["183", "Progress"]), Outcome::Return(1)));
        assert!(written(&bench).starts_with("SIP/2.0 183 Progress\r\n"));
    }
}
