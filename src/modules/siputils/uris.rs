//! URIs: those given, and the Request-URI.

use crate::builtin::{Arg, Args, Context, Function, LogLevel, Outcome, Routes, Value};
use crate::sip::{Scheme, Uri};
use bytes::Bytes;

/// Where the Request-URI is at hand.
const ROUTING: Routes = Routes::REQUEST.or(Routes::FAILURE).or(Routes::BRANCH);

pub(super) const IS_URI: Function = Function {
    names: &["is_uri"],
    args: &[Arg::text("text")],
    routes: Routes::ANY,
    run: |cx, args| Outcome::truth(Uri::parse(&args.text(cx, 0)).is_ok()),
    does: &[],
    doc: "True when the text is a URI that SIP knows.",
};

pub(super) const URI_PARAM: Function = Function {
    names: &["uri_param"],
    args: &[Arg::text("name")],
    routes: ROUTING,
    run: |cx, args| {
        let name = args.text(cx, 0);
        Outcome::truth(parameter(cx, &name, |value| value.is_none_or(<[u8]>::is_empty)))
    },
    does: &[],
    doc: "True when the Request-URI has this parameter without a value.",
};

pub(super) const URI_PARAM_VALUE: Function = Function {
    names: &["uri_param"],
    args: &[Arg::text("name"), Arg::text("value")],
    routes: ROUTING,
    run: |cx, args| {
        let (name, wanted) = (args.text(cx, 0), args.text(cx, 1));
        Outcome::truth(parameter(cx, &name, |value| value == Some(&wanted[..])))
    },
    does: &[],
    doc: "True when the Request-URI has this parameter with this value.",
};

pub(super) const URI_PARAM_ANY: Function = Function {
    names: &["uri_param_any"],
    args: &[Arg::text("name")],
    routes: ROUTING,
    run: |cx, args| {
        let name = args.text(cx, 0);
        Outcome::truth(parameter(cx, &name, |_| true))
    },
    does: &[],
    doc: "True when the Request-URI has this parameter, with or without a value.",
};

fn parameter(cx: &Context, name: &[u8], fits: impl Fn(Option<&[u8]>) -> bool) -> bool {
    let uri = cx.message.request_uri();
    Uri::parse(&uri).ok().and_then(|uri| uri.identity_parameters().lookup(name)).is_some_and(fits)
}

pub(super) const ADD_URI_PARAM: Function = Function {
    names: &["add_uri_param"],
    args: &[Arg::literal("parameter")],
    routes: Routes::REQUEST,
    run: add_uri_param,
    does: &[],
    doc: "Adds a parameter, written without its semicolon, to the Request-URI.",
};

fn add_uri_param(cx: &mut Context, args: &Args) -> Outcome {
    let parameter = args.text(cx, 0);
    if parameter.is_empty() {
        return Outcome::TRUE;
    }
    change(cx, |uri| {
        let parameters = match uri.parameters_text {
            [] => parameter.to_vec(),
            present => [present, b";", &parameter].concat(),
        };
        Some(uri.with_parameters(&parameters))
    })
}

pub(super) const URI_PARAM_RM: Function = Function {
    names: &["uri_param_rm"],
    args: &[Arg::text("name")],
    routes: ROUTING,
    run: uri_param_rm,
    does: &[],
    doc: "Removes a parameter from the Request-URI.",
};

fn uri_param_rm(cx: &mut Context, args: &Args) -> Outcome {
    let name = args.text(cx, 0);
    change(cx, |uri| Some(uri.with_parameters(&without_parameter(uri, &name))))
}

/// The parameters of a URI without those of this name.
pub(super) fn without_parameter(uri: &Uri, name: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(uri.parameters_text.len());
    for parameter in uri.parameters().filter(|parameter| !parameter.name.eq_ignore_ascii_case(name)) {
        let text = uri.parameters_text.get(parameter.range).unwrap_or_default();
        let text = text.strip_prefix(b";").unwrap_or(text);
        if !out.is_empty() {
            out.push(b';');
        }
        out.extend_from_slice(text);
    }
    out
}

fn change(cx: &mut Context, make: impl Fn(&Uri) -> Option<Vec<u8>>) -> Outcome {
    let text = cx.message.request_uri();
    let Ok(uri) = Uri::parse(&text) else {
        cx.log(LogLevel::Error, "the Request-URI cannot be read");
        return Outcome::FALSE;
    };
    match make(&uri) {
        Some(changed) => {
            cx.message.target.uri = Some(Bytes::from(changed));
            Outcome::TRUE
        }
        None => Outcome::FALSE,
    }
}

pub(super) const GET_URI_PARAM: Function = Function {
    names: &["get_uri_param"],
    args: &[Arg::literal("name"), Arg::target("target")],
    routes: Routes::REQUEST,
    run: get_uri_param,
    does: &[],
    doc: "Stores the value of a parameter of the Request-URI; false without it.",
};

fn get_uri_param(cx: &mut Context, args: &Args) -> Outcome {
    let name = args.text(cx, 0);
    let text = cx.message.request_uri();
    let value = Uri::parse(&text)
        .ok()
        .and_then(|uri| uri.identity_parameters().lookup(&name))
        .map(|value| text.slice_ref(value.unwrap_or_default()));
    match (value, args.target(1)) {
        (Some(value), Some(target)) => Outcome::truth(target.assign(cx, Value::Text(value)).is_ok()),
        _ => Outcome::FALSE,
    }
}

pub(super) const IS_GRUU: Function = Function {
    names: &["is_gruu"],
    args: &[Arg::text("uri").optional()],
    routes: Routes::ANY,
    run: is_gruu,
    does: &[],
    doc: "1 when the URI, else the Request-URI, is a public GRUU (RFC 5627), 2 when it is a temporary one.",
};

fn is_gruu(cx: &mut Context, args: &Args) -> Outcome {
    let text = if args.has(0) { args.text(cx, 0) } else { cx.message.request_uri() };
    Outcome::Return(match Uri::parse(&text).ok().and_then(|uri| uri.gruu()) {
        Some(Some(value)) if !value.is_empty() => 1,
        Some(_) => 2,
        None => -1,
    })
}

pub(super) const CMP_URI: Function = Function {
    names: &["cmp_uri"],
    args: &[Arg::text("uri"), Arg::text("other")],
    routes: Routes::ANY,
    run: |cx, args| compare(cx, args, same_uri),
    does: &[],
    doc: "True when both URIs are equal; a parameter counts when both have it. -2 when one is no URI.",
};

pub(super) const CMP_AOR: Function = Function {
    names: &["cmp_aor"],
    args: &[Arg::text("uri"), Arg::text("other")],
    routes: Routes::ANY,
    run: |cx, args| compare(cx, args, same_aor),
    does: &[],
    doc: "True when user and host of both URIs are equal. -2 when one is no URI.",
};

fn compare(cx: &mut Context, args: &Args, same: fn(&Uri, &Uri) -> bool) -> Outcome {
    let (text, other) = (args.text(cx, 0), args.text(cx, 1));
    match (Uri::parse(&text), Uri::parse(&other)) {
        (Ok(uri), Ok(other)) => Outcome::truth(same(&uri, &other)),
        _ => Outcome::Return(-2),
    }
}

fn same_aor(uri: &Uri, other: &Uri) -> bool {
    same_user_and_host(uri, other) && uri.port.unwrap_or(5060) == other.port.unwrap_or(5060)
}

fn same_user_and_host(uri: &Uri, other: &Uri) -> bool {
    uri.user.unwrap_or_default() == other.user.unwrap_or_default() && uri.host.eq_ignore_ascii_case(other.host)
}

/// RFC 3261 section 19.1.4, but that of two URIs one of which has no parameters at all the other must not have those that always count.
fn same_uri(uri: &Uri, other: &Uri) -> bool {
    let always: [&[u8]; 4] = [b"user", b"ttl", b"method", b"maddr"];
    let bare = |uri: &Uri| uri.identity_parameters().next().is_none();
    let counts = |uri: &Uri| always.iter().any(|name| uri.parameter(name).is_some());
    let agree = |name: &[u8], value: Option<&[u8]>| {
        let others = other.identity_parameters().lookup(name);
        others.is_none_or(|its| its.unwrap_or_default().eq_ignore_ascii_case(value.unwrap_or_default()))
    };
    let parameters_agree = match (bare(uri), bare(other)) {
        (true, true) => true,
        (true, false) => !counts(other),
        (false, true) => !counts(uri),
        (false, false) => uri.identity_parameters().all(|parameter| agree(parameter.name, parameter.value)),
    };
    uri.kind() == other.kind()
        && same_user_and_host(uri, other)
        && uri.password == other.password
        && uri.port_text == other.port_text
        && parameters_agree
}

const URI_AND_PART: &[Arg] = &[Arg::target("uri"), Arg::text("part")];

pub(super) const SET_URI_USER: Function = Function {
    names: &["set_uri_user"],
    args: URI_AND_PART,
    routes: Routes::ANY,
    run: |cx, args| {
        set_part(cx, args, |uri, user| {
            if user.is_empty() { uri.without_user() } else { Uri { password: None, ..*uri }.with_user(user) }
        })
    },
    does: &[],
    doc: "Gives the URI in a variable another user; an empty one leaves none.",
};

pub(super) const SET_URI_HOST: Function = Function {
    names: &["set_uri_host"],
    args: URI_AND_PART,
    routes: Routes::ANY,
    run: |cx, args| set_part(cx, args, |uri, host| uri.with_host(host)),
    does: &[],
    doc: "Gives the URI in a variable another host.",
};

fn set_part(cx: &mut Context, args: &Args, make: fn(&Uri, &[u8]) -> Vec<u8>) -> Outcome {
    let Some(target) = args.target(0) else { return Outcome::FALSE };
    let (text, part) = (target.value(cx).to_text(), args.text(cx, 1));
    let Ok(uri) = Uri::parse(&text) else {
        cx.log(LogLevel::Error, "the variable holds no URI");
        return Outcome::FALSE;
    };
    if uri.scheme == Scheme::Urn {
        return Outcome::FALSE;
    }
    let changed = make(&uri, &part);
    Outcome::truth(target.assign(cx, Value::Text(Bytes::from(changed))).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::bench::Bench;
    use std::sync::Arc;

    fn bench() -> Bench {
        Bench::new("INVITE sip:bob@example.com;t=1 SIP/2.0\nVia: SIP/2.0/UDP a;branch=z9hG4bK\n\n", Arc::new(()))
    }

    fn code(outcome: Outcome) -> i32 {
        match outcome {
            Outcome::Return(code) => code,
            Outcome::Wait(..) => panic!("it waits"),
        }
    }

    #[test]
    fn the_request_uri_gains_and_loses_parameters() {
        let mut bench = bench();
        assert_eq!(code(bench.call(&const { URI_PARAM }, &["x"])), -1);
        bench.call(&const { ADD_URI_PARAM }, &["x=y"]);
        assert_eq!(bench.message.request_uri(), "sip:bob@example.com;t=1;x=y");
        assert_eq!(code(bench.call(&const { URI_PARAM }, &["x"])), -1);
        assert_eq!(code(bench.call(&const { URI_PARAM_VALUE }, &["x", "y"])), 1);
        assert_eq!(code(bench.call(&const { URI_PARAM_ANY }, &["x"])), 1);
        bench.call(&const { URI_PARAM_RM }, &["t"]);
        assert_eq!(bench.message.request_uri(), "sip:bob@example.com;x=y");
    }

    #[test]
    fn comparisons_as_kamailio_makes_them() {
        for (one, other, uri, aor) in [
            ("sip:a@b", "sip:a@B;x=y", 1, 1),
            ("sip:a@b;transport=tcp", "sip:a@b", 1, 1),
            ("sip:a@b:5060", "sip:a@b", -1, 1),
            ("sip:a@b:5070", "sip:a@b", -1, -1),
            ("sip:a@b;user=ip", "sip:a@b", -1, 1),
            ("sip:a@b;x=1", "sip:a@b;x=2", -1, 1),
            ("sip:+1;npdi@b;user=phone", "sip:+1@b;user=phone", -1, 1),
            ("sip:A@b", "sip:a@b", -1, -1),
            ("foo", "sip:a@b", -2, -2),
        ] {
            let mut bench = bench();
            assert_eq!(code(bench.call(&const { CMP_URI }, &[one, other])), uri, "{one} {other}");
            assert_eq!(code(bench.call(&const { CMP_AOR }, &[one, other])), aor, "{one} {other}");
        }
    }

    #[test]
    fn gruu() {
        for (uri, result) in [("sip:a@b;gr=x", 1), ("sip:a@b;gr", 2), ("sip:a@b", -1)] {
            assert_eq!(code(bench().call(&const { IS_GRUU }, &[uri])), result, "{uri}");
        }
    }
}
