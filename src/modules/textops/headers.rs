//! Header lines: adding, removing, asking for.

use super::HeaderKey;
use crate::builtin::{Arg, Args, Context, Does, Function, LogLevel, Means, Outcome, Regex, Routes, calendar};
use crate::sip::Header;
use std::time::Duration;

/// Where a request can be changed before it is sent.
const SENDING: Routes = Routes::REQUEST.or(Routes::FAILURE).or(Routes::BRANCH);

pub(super) const APPEND_HF: Function = Function {
    names: &["append_hf"],
    args: &[Arg::text("line").means(Means::HeaderLine), HeaderKey::argument("header").optional()],
    routes: Routes::ANY,
    run: append_hf,
    does: &[Does::WriteHeader, Does::AddHeader],
    doc: "Adds a header line, given with its line end, behind the last header, or behind the last one of the name given.",
};

fn append_hf(cx: &mut Context, args: &Args) -> Outcome {
    let line = args.lines(cx, 0);
    if line.is_empty() {
        return Outcome::FALSE;
    }
    let message = &mut *cx.message;
    match args.prepared::<HeaderKey>(1).and_then(|key| key.headers(&message.message).next_back()) {
        Some(header) => message.edits.insert_after(header, line),
        None => message.edits.append(&message.message, line),
    }
    Outcome::TRUE
}

pub(super) const INSERT_HF: Function = Function {
    names: &["insert_hf"],
    args: &[Arg::text("line").means(Means::HeaderLine), HeaderKey::argument("header").optional()],
    routes: Routes::ANY,
    run: insert_hf,
    does: &[Does::WriteHeader, Does::AddHeader],
    doc: "Adds a header line, given with its line end, before the first header, or before the first one of the name given.",
};

fn insert_hf(cx: &mut Context, args: &Args) -> Outcome {
    let line = args.lines(cx, 0);
    if line.is_empty() {
        return Outcome::FALSE;
    }
    let message = &mut *cx.message;
    match args.prepared::<HeaderKey>(1).and_then(|key| key.headers(&message.message).next()) {
        Some(header) => message.edits.insert_before(header, line),
        None => message.edits.insert_first(&message.message, line),
    }
    Outcome::TRUE
}

pub(super) const APPEND_URIHF: Function = Function {
    names: &["append_urihf"],
    args: &[Arg::text("prefix"), Arg::text("suffix")],
    routes: SENDING,
    run: append_urihf,
    does: &[Does::WriteHeader],
    doc: "Adds a line of prefix, Request-URI and suffix behind the last header; the suffix ends the line.",
};

fn append_urihf(cx: &mut Context, args: &Args) -> Outcome {
    let (prefix, suffix) = (args.lines(cx, 0), args.lines(cx, 1));
    let uri = cx.on_one_line(cx.message.request_uri());
    let line = [&prefix[..], &uri, &suffix].concat();
    cx.message.edits.append(&cx.message.message, line);
    Outcome::TRUE
}

pub(super) const APPEND_TO_REPLY: Function = Function {
    names: &["append_to_reply"],
    args: &[Arg::text("line").means(Means::HeaderLine)],
    routes: SENDING,
    run: append_to_reply,
    does: &[Does::WriteHeader],
    doc: "Adds a header line, given with its line end, to replies that are made here.",
};

fn append_to_reply(cx: &mut Context, args: &Args) -> Outcome {
    let line = args.lines(cx, 0);
    if line.is_empty() {
        return Outcome::FALSE;
    }
    cx.message.replies.headers.extend_from_slice(&line);
    Outcome::TRUE
}

pub(super) const APPEND_TIME: Function = Function {
    names: &["append_time"],
    args: &[],
    routes: SENDING,
    run: |cx, _| {
        let line = date(cx.now.unix);
        cx.message.replies.headers.extend_from_slice(line.as_bytes());
        Outcome::TRUE
    },
    does: &[],
    doc: "Adds a Date header to replies that are made here.",
};

pub(super) const APPEND_TIME_TO_REQUEST: Function = Function {
    names: &["append_time_to_request"],
    args: &[],
    routes: Routes::ANY,
    run: append_time_to_request,
    does: &[],
    doc: "Adds a Date header behind the first header of the message.",
};

fn append_time_to_request(cx: &mut Context, _: &Args) -> Outcome {
    let line = date(cx.now.unix);
    let message = &mut *cx.message;
    let Some(first) = message.message.headers().first() else { return Outcome::FALSE };
    message.edits.insert_after(first, line);
    Outcome::TRUE
}

fn date(unix: Duration) -> String {
    format!("Date: {}\r\n", calendar::date_header(unix.as_secs() as i64))
}

pub(super) const REMOVE_HF: Function = Function {
    names: &["remove_hf"],
    args: &[HeaderKey::argument("header")],
    routes: Routes::ANY,
    run: |cx, args| match args.prepared::<HeaderKey>(0) {
        Some(key) => remove_named(cx, key),
        None => Outcome::FALSE,
    },
    does: &[Does::RemoveHeader],
    doc: "Removes every header of this name; false when there is none.",
};

pub(super) const REMOVE_HF_PV: Function = Function {
    names: &["remove_hf_pv"],
    args: &[Arg::text("header")],
    routes: Routes::ANY,
    run: |cx, args| {
        let key = HeaderKey::new(args.text(cx, 0));
        remove_named(cx, &key);
        Outcome::TRUE
    },
    does: &[],
    doc: "Removes every header of the name that the text expands to.",
};

fn remove_named(cx: &mut Context, key: &HeaderKey) -> Outcome {
    let message = &mut *cx.message;
    let mut any = false;
    for header in key.headers(&message.message) {
        message.edits.remove_header(header);
        any = true;
    }
    Outcome::truth(any)
}

pub(super) const REMOVE_HF_IDX: Function = Function {
    names: &["remove_hf_idx"],
    args: &[Arg::text("header"), Arg::int("index")],
    routes: Routes::ANY,
    run: remove_hf_idx,
    does: &[],
    doc: "Removes one of the headers of this name: 0 is the first, -1 the last. 2 when there are not so many.",
};

fn remove_hf_idx(cx: &mut Context, args: &Args) -> Outcome {
    let key = HeaderKey::new(args.text(cx, 0));
    let index = args.int(cx, 1);
    let message = &mut *cx.message;
    let mut headers = key.headers(&message.message);
    let found = match usize::try_from(index) {
        Ok(index) => headers.nth(index),
        Err(_) => usize::try_from(-(index + 1)).ok().and_then(|index| headers.nth_back(index)),
    };
    match found {
        Some(header) => {
            message.edits.remove_header(header);
            Outcome::TRUE
        }
        None => Outcome::Return(if index < 0 { 1 } else { 2 }),
    }
}

pub(super) const REMOVE_HF_RE: Function = Function {
    names: &["remove_hf_re"],
    args: &[Arg::pattern("pattern")],
    routes: Routes::ANY,
    run: |cx, args| match args.pattern(0) {
        Some(pattern) => remove_matching(cx, pattern, None),
        None => Outcome::FALSE,
    },
    does: &[Does::RemoveHeader],
    doc: "Removes every header whose name the pattern matches; false when there is none.",
};

pub(super) const REMOVE_HF_RE_PV: Function = Function {
    names: &["remove_hf_re_pv"],
    args: &[Arg::text("pattern")],
    routes: Routes::ANY,
    run: |cx, args| match computed(cx, args, 0) {
        Some(pattern) => remove_matching(cx, &pattern, None),
        None => Outcome::FALSE,
    },
    does: &[],
    doc: "Removes every header whose name is matched by the pattern that the text expands to.",
};

pub(super) const REMOVE_HF_EXP: Function = Function {
    names: &["remove_hf_exp"],
    args: &[Arg::pattern("pattern"), Arg::pattern("kept")],
    routes: Routes::ANY,
    run: |cx, args| match (args.pattern(0), args.pattern(1)) {
        (Some(pattern), Some(kept)) => remove_matching(cx, pattern, Some(kept)),
        _ => Outcome::FALSE,
    },
    does: &[Does::RemoveHeader],
    doc: "Removes every header whose name the first pattern matches and the second does not.",
};

pub(super) const REMOVE_HF_EXP_PV: Function = Function {
    names: &["remove_hf_exp_pv"],
    args: &[Arg::text("pattern"), Arg::text("kept")],
    routes: Routes::ANY,
    run: |cx, args| match (computed(cx, args, 0), computed(cx, args, 1)) {
        (Some(pattern), Some(kept)) => remove_matching(cx, &pattern, Some(&kept)),
        _ => Outcome::FALSE,
    },
    does: &[],
    doc: "Removes every header whose name is matched by the first pattern that a text expands to and not by the second.",
};

fn remove_matching(cx: &mut Context, pattern: &Regex, kept: Option<&Regex>) -> Outcome {
    let message = &mut *cx.message;
    let mut any = false;
    for header in message.message.headers() {
        let name = message.message.text(header.name_text);
        if pattern.is_match(name) && !kept.is_some_and(|kept| kept.is_match(name)) {
            message.edits.remove_header(header);
            any = true;
        }
    }
    Outcome::truth(any)
}

fn computed(cx: &mut Context, args: &Args, at: usize) -> Option<std::sync::Arc<Regex>> {
    let text = args.text(cx, at);
    let pattern = cx.core.regexes.compile_ignoring_case(&text, cx.core.extensions);
    if pattern.is_none() {
        cx.log(LogLevel::Error, format!("{} is no regular expression", String::from_utf8_lossy(&text)));
    }
    pattern
}

pub(super) const REMOVE_HF_MATCH: Function = Function {
    names: &["remove_hf_match"],
    args: &[Arg::text("header"), Arg::text("operator"), Arg::text("text")],
    routes: Routes::ANY,
    run: remove_hf_match,
    does: &[],
    doc: "Removes the headers of this name whose value is (`eq`), is not (`ne`), holds (`in`) or is matched by (`re`) the text.",
};

fn remove_hf_match(cx: &mut Context, args: &Args) -> Outcome {
    let key = HeaderKey::new(args.text(cx, 0));
    let (operator, wanted) = (args.text(cx, 1), args.text(cx, 2));
    let pattern = if &operator[..] == b"re" { computed(cx, args, 2) } else { None };
    let fits = |value: &[u8]| -> Option<bool> {
        Some(match &operator[..] {
            b"eq" => value == wanted,
            b"ne" => value != wanted,
            b"in" => memchr::memmem::find(value, &wanted).is_some(),
            b"re" => pattern.as_ref()?.is_match(value),
            _ => return None,
        })
    };
    if fits(b"").is_none() {
        cx.log(LogLevel::Error, format!("{} is no operator of remove_hf_match", String::from_utf8_lossy(&operator)));
        return Outcome::FALSE;
    }
    let message = &mut *cx.message;
    let mut any = false;
    for header in key.headers(&message.message) {
        if fits(message.message.text(header.value)) == Some(true) {
            message.edits.remove_header(header);
            any = true;
        }
    }
    Outcome::Return(if any { 1 } else { -2 })
}

pub(super) const VIA_PARAM_RM: Function = Function {
    names: &["via_param_rm"],
    args: &[Arg::text("name"), Arg::int("via")],
    routes: Routes::ANY,
    run: via_param_rm,
    does: &[],
    doc: "Removes a parameter from one Via: 0 is the topmost, -1 the last. The number of those removed, or false.",
};

fn via_param_rm(cx: &mut Context, args: &Args) -> Outcome {
    let (name, index) = (args.text(cx, 0), args.int(cx, 1));
    let message = &mut *cx.message;
    let count = message.message.vias().count() as i64;
    let place = usize::try_from(if index < 0 { count + index } else { index }).ok();
    let Some(via) = place.and_then(|place| message.message.vias().nth(place)) else { return Outcome::FALSE };
    let text = message.message.text(via.extent);
    let Some(first) = memchr::memchr(b';', text) else { return Outcome::FALSE };
    let parameters = crate::sip::Parameters::new(text.get(first..).unwrap_or_default());
    let mut gone = 0;
    for parameter in parameters.filter(|parameter| parameter.name.eq_ignore_ascii_case(&name)) {
        let range = parameter.range;
        let extent = crate::sip::Extent::new(first + range.start, first + range.end).shifted(via.extent.start);
        message.edits.remove(extent);
        gone += 1;
    }
    Outcome::Return(if gone > 0 { gone } else { -1 })
}

pub(super) const IS_PRESENT_HF: Function = Function {
    names: &["is_present_hf"],
    args: &[HeaderKey::argument("header")],
    routes: Routes::ANY,
    run: |cx, args| {
        let key = args.prepared::<HeaderKey>(0);
        Outcome::truth(key.is_some_and(|key| key.headers(&cx.message.message).next().is_some()))
    },
    does: &[],
    doc: "True when the message came with a header of this name.",
};

pub(super) const IS_PRESENT_HF_PV: Function = Function {
    names: &["is_present_hf_pv"],
    args: &[Arg::text("header")],
    routes: Routes::ANY,
    run: |cx, args| {
        let key = HeaderKey::new(args.text(cx, 0));
        Outcome::truth(key.headers(&cx.message.message).next().is_some())
    },
    does: &[],
    doc: "True when the message came with a header of the name that the text expands to.",
};

pub(super) const IS_PRESENT_HF_RE: Function = Function {
    names: &["is_present_hf_re"],
    args: &[Arg::pattern("pattern")],
    routes: Routes::ANY,
    run: |cx, args| Outcome::truth(args.pattern(0).is_some_and(|pattern| is_named(cx, pattern))),
    does: &[],
    doc: "True when the message came with a header whose name the pattern matches.",
};

pub(super) const IS_PRESENT_HF_RE_PV: Function = Function {
    names: &["is_present_hf_re_pv"],
    args: &[Arg::text("pattern")],
    routes: Routes::ANY,
    run: |cx, args| {
        let pattern = computed(cx, args, 0);
        Outcome::truth(pattern.is_some_and(|pattern| is_named(cx, &pattern)))
    },
    does: &[],
    doc: "True when the message came with a header whose name is matched by the pattern that the text expands to.",
};

fn is_named(cx: &Context, pattern: &Regex) -> bool {
    let message = &cx.message.message;
    message.headers().iter().any(|header: &Header| pattern.is_match(message.text(header.name_text)))
}
