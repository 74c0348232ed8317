//! Tests of methods and of privacy.

use crate::builtin::{Arg, Args, Context, Does, Fault, Function, Outcome, Prepare, Prepared, Routes, Template};
use crate::sip::{HeaderName, Method, MethodSet};
use bytes::Bytes;

pub(super) const IS_METHOD: Function = Function {
    names: &["is_method"],
    args: &[Arg::custom("methods", prepare_methods)],
    routes: Routes::ANY,
    run: is_method,
    does: &[Does::AskMethod],
    doc: "True when the method is one of those given, separated by `|`; of a reply the method in CSeq counts.",
};

/// The methods of a call: those with a name of their own as a set, and all as text, for their case is not looked at.
struct Methods {
    set: MethodSet,
    names: Vec<Bytes>,
}

fn prepare_methods(text: &Template, _: &mut Prepare) -> Result<Prepared, Fault> {
    let bad = || {
        Fault::new(format!("{text:?} is no list of methods")).help("write methods separated by |, such as INVITE|BYE")
    };
    let list = text.constant().ok_or_else(bad)?;
    let mut methods = Methods { set: MethodSet::EMPTY, names: Vec::new() };
    for name in
        list.split(|byte| *byte == b'|' || *byte == b',').map(<[u8]>::trim_ascii).filter(|name| !name.is_empty())
    {
        if !name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(byte)) {
            return Err(bad());
        }
        match Method::parse(&name.to_ascii_uppercase()) {
            Method::Other => {}
            known => methods.set = methods.set.with(known),
        }
        methods.names.push(list.slice_ref(name));
    }
    if methods.names.is_empty() { Err(bad()) } else { Ok(Box::new(methods)) }
}

fn is_method(cx: &mut Context, args: &Args) -> Outcome {
    let Some(methods) = args.prepared::<Methods>(0) else { return Outcome::FALSE };
    let message = &cx.message.message;
    let (method, text) = match (message.method(), message.cseq()) {
        (Some(method), _) => (method, message.method_text()),
        (None, Some(cseq)) => (cseq.method, cseq.method_text),
        (None, None) => return Outcome::FALSE,
    };
    Outcome::truth(match method {
        Method::Other => methods.names.iter().any(|name| name.eq_ignore_ascii_case(text)),
        known => methods.set.contains(known),
    })
}

pub(super) const IS_PRIVACY: Function = Function {
    names: &["is_privacy"],
    args: &[Arg::custom("kind", prepare_privacy)],
    routes: Routes::ANY,
    run: is_privacy,
    does: &[],
    doc: "True when Privacy (RFC 3323) asks for this kind: `id`, `header`, `session`, `user`, `none` or `critical`.",
};

/// A value of Privacy.
struct Privacy(Bytes);

fn prepare_privacy(text: &Template, _: &mut Prepare) -> Result<Prepared, Fault> {
    let kind = text.constant().unwrap_or_default();
    let known: [&[u8]; 7] = [b"id", b"header", b"session", b"user", b"none", b"critical", b"history"];
    if known.iter().any(|its| its.eq_ignore_ascii_case(&kind)) {
        return Ok(Box::new(Privacy(kind)));
    }
    Err(Fault::new(format!("{text:?} is no kind of privacy")).help("write id, header, session, user, none or critical"))
}

fn is_privacy(cx: &mut Context, args: &Args) -> Outcome {
    let Some(Privacy(kind)) = args.prepared::<Privacy>(0) else { return Outcome::FALSE };
    let message = &cx.message.message;
    let mut values = message.headers_named(HeaderName::Privacy).flat_map(|header| {
        message.text(header.value).split(|byte| *byte == b';' || *byte == b',').map(<[u8]>::trim_ascii)
    });
    Outcome::truth(values.any(|value| value.eq_ignore_ascii_case(kind)))
}
