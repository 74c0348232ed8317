//! Statements that change the Request-URI.

use super::rewrite;
use crate::builtin::{
    Arg, Args, Context, Does, Extension, Fault, Function, LogLevel, Means, Outcome, Prepare, Prepared, Routes, Template,
};
use crate::sip::Uri;
use bytes::Bytes;

/// Where Kamailio allows them.
pub(super) const ROUTES: Routes = Routes::REQUEST.or(Routes::FAILURE).or(Routes::BRANCH).or(Routes::ONREPLY);

/// The statements.
pub(super) const ROWS: &[Function] = &[
    text(&["rewriteuri", "seturi"], URI, set_uri, "Makes the text the Request-URI.")
        .does(&[Does::Rewrite, Does::Assign("$ru = ...")]),
    text(
        &["rewritehost", "sethost", "seth"],
        HOST,
        |cx, args| changed(cx, args, |uri, text| uri.with_host(text)),
        "Puts another host into the Request-URI; its port stays.",
    )
    .does(&[Does::Rewrite, Does::Assign("$rd = ...")]),
    text(
        &["rewritehostport", "sethostport", "sethp"],
        HOST_PORT,
        |cx, args| changed(cx, args, rewrite::host_and_port),
        "Puts another host and port into the Request-URI.",
    )
    .does(&[Does::Rewrite, Does::Assign("$rd = ...; $rp = ...")]),
    text(
        &["rewritehostporttrans", "sethostporttrans", "sethpt"],
        HOST_PORT,
        |cx, args| changed(cx, args, rewrite::host_port_transport),
        "Puts another host, port and transport parameter into the Request-URI.",
    )
    .does(&[Does::Rewrite, Does::Assign("$ru = ...")]),
    text(
        &["rewriteport", "setport", "setp"],
        TEXT,
        |cx, args| changed(cx, args, |uri, text| uri.with_port(text)),
        "Puts another port into the Request-URI; an empty one leaves none.",
    )
    .does(&[Does::Assign("$rp = ...")]),
    text(
        &["rewriteuser", "setuser", "setu"],
        TEXT,
        |cx, args| changed(cx, args, rewrite::user),
        "Puts another user into the Request-URI; an empty one takes user and password away.",
    )
    .does(&[Does::Assign("$rU = ...")]),
    text(
        &["rewriteuserpass", "setuserpass", "setup"],
        TEXT,
        |cx, args| changed(cx, args, rewrite::user_and_password),
        "Puts another user and password into the Request-URI.",
    )
    .does(&[Does::Assign("$ru = ...")]),
    text(&["prefix"], TEXT, prefix, "Puts text before the user of the Request-URI.")
        .does(&[Does::Assign("$rU = ... + $rU")]),
    Function {
        names: &["strip"],
        args: &[Arg::count("count")],
        routes: ROUTES,
        run: strip,
        does: &[],
        doc: "Takes the first characters of the Request-URI's user away.",
    },
    Function {
        names: &["strip_tail"],
        args: &[Arg::count("count")],
        routes: ROUTES,
        run: strip_tail,
        does: &[],
        doc: "Takes the last characters of the Request-URI's user away.",
    },
    Function {
        names: &["userphone"],
        args: &[],
        routes: ROUTES,
        run: user_phone,
        does: &[],
        doc: "Adds the parameter user=phone to the Request-URI.",
    },
    Function {
        names: &["revert_uri"],
        args: &[],
        routes: ROUTES,
        run: revert,
        does: &[],
        doc: "Makes the Request-URI what it was when the request arrived.",
    },
];

const TEXT: &[Arg] = &[Arg::custom("text", literal)];
const URI: &[Arg] = &[Arg::custom("text", literal).means(Means::Uri)];
const HOST: &[Arg] = &[Arg::custom("text", literal).means(Means::Host)];
const HOST_PORT: &[Arg] = &[Arg::custom("text", literal).means(Means::HostPort)];

const fn text(
    names: &'static [&'static str],
    args: &'static [Arg],
    run: fn(&mut Context, &Args) -> Outcome,
    doc: &'static str,
) -> Function {
    Function { names, args, routes: ROUTES, run, does: &[], doc }
}

/// Keeps the text, with its variables when the extension allows them and as it stands otherwise.
pub(super) fn literal(text: &Template, prepare: &mut Prepare) -> Result<Prepared, Fault> {
    let expands = text.constant().is_some() || prepare.rely_on(Extension::StatementVariables);
    let kept = if expands { text.clone() } else { Template::fixed(format!("{text:?}")) };
    Ok(Box::new(kept))
}

/// What [`literal`] kept of argument `at`.
pub(super) fn given(cx: &mut Context, args: &Args, at: usize) -> Bytes {
    let text = match args.prepared::<Template>(at) {
        Some(template) => template.text(cx),
        None => args.text(cx, at),
    };
    cx.on_one_line(text)
}

fn changed(cx: &mut Context, args: &Args, change: for<'a> fn(&Uri<'a>, &[u8]) -> Vec<u8>) -> Outcome {
    let text = given(cx, args, 0);
    rewrite::statement(cx, |uri| change(uri, &text))
}

fn set_uri(cx: &mut Context, args: &Args) -> Outcome {
    cx.message.target.uri = Some(given(cx, args, 0));
    Outcome::TRUE
}

fn prefix(cx: &mut Context, args: &Args) -> Outcome {
    let text = given(cx, args, 0);
    rewrite::statement(cx, |uri| {
        let old = uri.user.unwrap_or_default();
        rewrite::user(uri, &[&text[..], old].concat())
    })
}

fn strip(cx: &mut Context, args: &Args) -> Outcome {
    stripped(cx, args, |user, count| user.get(count..))
}

fn strip_tail(cx: &mut Context, args: &Args) -> Outcome {
    stripped(cx, args, |user, count| user.get(..user.len().checked_sub(count)?))
}

fn stripped(cx: &mut Context, args: &Args, keep: for<'a> fn(&'a [u8], usize) -> Option<&'a [u8]>) -> Outcome {
    let count = usize::try_from(args.int(cx, 0)).unwrap_or(0);
    let mut whole = true;
    let outcome = rewrite::statement(cx, |uri| {
        let old = uri.user.unwrap_or_default();
        let kept = keep(old, count);
        whole = kept.is_some() || old.is_empty();
        rewrite::user(uri, kept.unwrap_or_default())
    });
    if !whole {
        cx.log(LogLevel::Warning, format!("the user of the Request-URI is shorter than {count}: it is gone"));
    }
    outcome
}

fn user_phone(cx: &mut Context, _: &Args) -> Outcome {
    rewrite::statement(cx, rewrite::user_phone)
}

fn revert(cx: &mut Context, _: &Args) -> Outcome {
    cx.message.target.uri = None;
    Outcome::TRUE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::Argument;
    use crate::builtin::bench::Bench;
    use std::sync::Arc;

    #[test]
    fn statements_in_a_row() {
        let mut bench =
            Bench::new("INVITE sip:alice:pw@10.0.0.1:5070;transport=udp SIP/2.0\nVia: SIP/2.0/UDP h\n\n", Arc::new(()));
        let steps: &[(&str, &str, &str)] = &[
            ("seth", "hh", "sip:alice:pw@hh:5070;transport=udp"),
            ("sethp", "h2:99", "sip:alice:pw@h2:99;transport=udp"),
            ("setp", "77", "sip:alice:pw@h2:77;transport=udp"),
            ("setup", "u2:p2", "sip:u2:p2@h2:77;transport=udp"),
            ("prefix", "00", "sip:00u2:p2@h2:77;transport=udp"),
            ("strip", "1", "sip:0u2:p2@h2:77;transport=udp"),
            ("strip_tail", "1", "sip:0u:p2@h2:77;transport=udp"),
            ("strip", "99", "sip:h2:77;transport=udp"),
            ("prefix", "9", "sip:9@h2:77;transport=udp"),
            ("revert_uri", "", "sip:alice:pw@10.0.0.1:5070;transport=udp"),
        ];
        for (name, text, after) in steps {
            let row = ROWS.iter().find(|row| row.names.contains(name)).unwrap();
            let kept: Vec<Argument> = match row.args.first().map(|arg| arg.kind) {
                None => vec![],
                Some(crate::builtin::ArgKind::Count) => vec![Argument::Int(text.parse().unwrap())],
                Some(_) => vec![Argument::Custom(Box::new(Template::fixed(text.to_string())), "".into())],
            };
            let _ = bench.call_with(row, kept);
            assert_eq!(bench.message.request_uri(), after.as_bytes(), "{name}({text})");
        }
    }
}
