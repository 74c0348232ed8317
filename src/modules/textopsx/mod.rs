//! `textopsx`: more changes of messages.

mod hf_value;
mod parameter;
mod selector;
mod walk;

use super::line_walk::LineWalks;
use crate::builtin::{Arg, Args, Context, Does, Form, Function, LogLevel, Module, Outcome, Routes, count, join};
use crate::modules::{core, sl};
use crate::sip::{self, Edits, HeaderName, Message};
use bytes::Bytes;

/// The module.
pub static MODULE: Module = Module {
    functions: &const { join::<_, { count(ALL) }>(ALL) },
    variables: walk::VARIABLES,
    selects: core::HEADER_VALUES,
    ..Module::new("textopsx", "Changes messages further, and makes changes visible to the script.")
};

const ALL: &[&[Function]] = &[FUNCTIONS, hf_value::ROWS, walk::ROWS];

const FUNCTIONS: &[Function] = &[
    Function {
        names: &["msg_apply_changes"],
        args: &[],
        routes: Routes::REQUEST.or(Routes::ONREPLY),
        run: msg_apply_changes,
        does: &[Does::ApplyChanges],
        doc: "Writes the message with all changes made so far and reads it anew, so that the script sees them.",
    },
    Function {
        names: &["change_reply_status"],
        args: &[Arg::text("code").form(Form::Number), Arg::text("reason")],
        routes: Routes::ONREPLY,
        run: change_reply_status,
        does: &[],
        doc: "Gives the reply at hand another code and reason; a provisional or positive one keeps its class.",
    },
    Function {
        names: &["change_reply_status_code"],
        args: &[Arg::text("code").form(Form::Number)],
        routes: Routes::ONREPLY,
        run: change_reply_status,
        does: &[],
        doc: "Gives the reply at hand another code; a provisional or positive one keeps its class.",
    },
    Function {
        names: &["remove_body"],
        args: &[],
        routes: Routes::ANY,
        run: remove_body,
        does: &[],
        doc: "Takes the body away; Content-Length follows, Content-Type stays.",
    },
    Function {
        names: &["keep_hf"],
        args: &[Arg::pattern("pattern").optional()],
        routes: Routes::ANY,
        run: keep_hf,
        does: &[],
        doc: "Removes every header whose name the pattern does not match, but for those that routing needs.",
    },
    Function {
        names: &["msg_set_buffer"],
        args: &[Arg::text("message")],
        routes: Routes::REQUEST.or(Routes::ONREPLY),
        run: msg_set_buffer,
        does: &[],
        doc: "Puts another message in the place of the one at hand; changes made so far are forgotten.",
    },
    Function {
        names: &["fnmatch"],
        args: &[Arg::text("text"), Arg::text("pattern"), Arg::text("flags").optional()],
        routes: Routes::ANY,
        run: fnmatch,
        does: &[],
        doc: "True when a pattern as of file names (`*`, `?`, `[a-z]`) fits the text; the flag `i` ignores case.",
    },
];

/// What the module keeps for one message.
#[derive(Debug, Default)]
struct Local {
    headers: Vec<walk::HeaderWalk>,
    lines: LineWalks,
}

fn msg_apply_changes(cx: &mut Context, _: &Args) -> Outcome {
    let message = &mut *cx.message;
    message.edits.new_uri = message.target.uri.clone().or(message.edits.new_uri.take());
    if message.edits.is_empty() {
        return Outcome::TRUE;
    }
    match sip::apply(&message.message, &message.edits) {
        Ok(applied) => {
            message.message = applied;
            // Parts that are added to the message as it is now belong to the same body.
            let parts_changed = message.edits.parts_changed;
            message.edits = Edits::default();
            message.edits.parts_changed = parts_changed;
            message.target.uri = None;
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
    let reason = if args.has(1) { args.header_value(cx, 1) } else { Bytes::new() };
    let message = &mut *cx.message;
    let done = code.is_some_and(|code| sl::change_status(message, code, &reason));
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

fn msg_set_buffer(cx: &mut Context, args: &Args) -> Outcome {
    let text = args.text(cx, 0);
    let message = &mut *cx.message;
    match Message::parse(text).ok().filter(|parsed| parsed.is_request() == message.message.is_request()) {
        Some(parsed) => {
            message.message = parsed;
            message.edits = Edits::default();
            message.target.uri = None;
            Outcome::TRUE
        }
        None => {
            cx.log(LogLevel::Error, "msg_set_buffer: the text is no such message");
            Outcome::FALSE
        }
    }
}

fn fnmatch(cx: &mut Context, args: &Args) -> Outcome {
    let (text, pattern, flags) = (args.text(cx, 0), args.text(cx, 1), args.text(cx, 2));
    let expression = regex_of(&pattern);
    let regexes = &mut cx.core.regexes;
    let compiled = match flags.first() {
        Some(b'i' | b'I') => regexes.compile_ignoring_case(&expression, cx.core.extensions),
        _ => regexes.compile(&expression, cx.core.extensions),
    };
    Outcome::truth(compiled.is_some_and(|compiled| compiled.is_match(&text)))
}

/// The regular expression for a pattern as of file names.
fn regex_of(pattern: &[u8]) -> Vec<u8> {
    let mut out = b"^".to_vec();
    let mut rest = pattern.iter().enumerate();
    while let Some((at, byte)) = rest.next() {
        match byte {
            b'*' => out.extend_from_slice(b".*"),
            b'?' => out.push(b'.'),
            b'[' => match bracket(pattern.get(at + 1..).unwrap_or_default()) {
                Some(inner) => {
                    out.push(b'[');
                    match inner.split_first() {
                        Some((b'!', others)) => {
                            out.push(b'^');
                            out.extend_from_slice(others);
                        }
                        _ => out.extend_from_slice(inner),
                    }
                    out.push(b']');
                    // The set and its closing bracket are taken.
                    rest.nth(inner.len());
                }
                None => out.extend_from_slice(b"\\["),
            },
            b'\\' => {
                let escaped = rest.next().map_or(b'\\', |(_, byte)| *byte);
                push_plain(escaped, &mut out);
            }
            byte => push_plain(*byte, &mut out),
        }
    }
    out.push(b'$');
    out
}

/// What stands in a bracket; `]` is plain as the first.
fn bracket(rest: &[u8]) -> Option<&[u8]> {
    let first = usize::from(rest.first() == Some(&b'!'));
    let end = rest.iter().skip(first + 1).position(|byte| *byte == b']')? + first + 1;
    rest.get(..end)
}

fn push_plain(byte: u8, out: &mut Vec<u8>) {
    if byte.is_ascii_punctuation() {
        out.push(b'\\');
    }
    out.push(byte);
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
        message.target.uri = Some("sip:c".into());
        message.edits.append(&message.message, "X-N: 1\r\n");
        bench.call(&MODULE.functions[0], &[]);
        assert_eq!(bench.message.message.headers_called(b"x-n").count(), 1);
        assert!(bench.message.edits.is_empty());
        assert_eq!(bench.message.message.request_uri(), b"sip:c");
        bench.call(&MODULE.functions[3], &[]);
        assert!(written(&bench).ends_with("Content-Length: 0\r\nX-N: 1\r\n\r\n"));
    }

    #[test]
    fn patterns_of_file_names() {
        for (text, pattern, flags, fits) in [
            ("abc", "a*c", "", 1),
            ("abc", "A?C", "", -1),
            ("abc", "A?C", "i", 1),
            ("a/b", "a*", "", 1),
            ("b1", "[a-c][!2-9]", "", 1),
            ("b2", "[a-c][!2-9]", "", -1),
            ("a]", "a[]]", "", 1),
            ("a*", "a\\*", "", 1),
            ("ab", "a\\*", "", -1),
            ("a[b", "a[b", "", 1),
            ("a.c", "a.c", "", 1),
            ("abc", "a.c", "", -1),
            ("x(y|z){2}", "x(y|z){2}", "", 1),
        ] {
            let mut bench = Bench::new("OPTIONS sip:b SIP/2.0\nVia: SIP/2.0/UDP a\n\n", Arc::new(()));
            let row = MODULE.functions.iter().find(|row| row.names == ["fnmatch"]).unwrap();
            let done = bench.call(row, &[text, pattern, flags]);
            assert!(matches!(done, Outcome::Return(code) if code == fits), "{text} {pattern} {flags}");
        }
    }

    #[test]
    fn a_reply_keeps_its_class() {
        let reply = "SIP/2.0 180 Ringing\nVia: SIP/2.0/UDP a;branch=z9hG4bK\n\n";
        let mut bench = Bench::new(reply, Arc::new(()));
        assert!(matches!(bench.call(&MODULE.functions[1], &["404", "x"]), Outcome::Return(-1)));
        assert!(matches!(bench.call(&MODULE.functions[1], &["183", "Progress"]), Outcome::Return(1)));
        assert!(written(&bench).starts_with("SIP/2.0 183 Progress\r\n"));
    }
}
