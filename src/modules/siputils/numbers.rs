//! Numbers and other plain texts.

use super::SipUtils;
use crate::builtin::{Arg, Args, Context, Form, Function, Outcome, Routes};

const TEXT: &[Arg] = &[Arg::text("text")];
const VARIABLE: &[Arg] = &[Arg::text("variable").form(Form::Variable)];

pub(super) const IS_E164: Function = Function {
    names: &["is_e164"],
    args: VARIABLE,
    routes: Routes::REQUEST.or(Routes::FAILURE),
    run: |cx, args| {
        let text = args.text(cx, 0);
        Outcome::truth(e164(cx, &text))
    },
    does: &[],
    doc: "True for an international number: a plus sign and 2 to 15 digits.",
};

pub(super) const IS_URI_USER_E164: Function = Function {
    names: &["is_uri_user_e164"],
    args: VARIABLE,
    routes: Routes::ANY,
    run: |cx, args| {
        let text = args.text(cx, 0);
        // What stands between the scheme and `@`, the parameters of a telephone number included; a tel: has no such user.
        let behind = memchr::memchr(b':', &text).and_then(|colon| text.get(colon + 1..)).unwrap_or_default();
        let user = memchr::memchr(b'@', behind).and_then(|at| behind.get(..at));
        Outcome::truth(user.is_some_and(|user| e164(cx, user)))
    },
    does: &[],
    doc: "True when the user of the URI is an international number.",
};

pub(super) fn e164(cx: &Context, text: &[u8]) -> bool {
    let most = cx.state::<SipUtils>().map_or(15, |state| state.e164_digits);
    let Some(digits) = text.strip_prefix(b"+") else { return false };
    (2..=most).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit)
}

pub(super) const IS_TEL_NUMBER: Function = Function {
    names: &["is_tel_number"],
    args: TEXT,
    routes: Routes::ANY,
    run: |cx, args| {
        let text = args.text(cx, 0);
        let digits = text.strip_prefix(b"+").unwrap_or(&text);
        consists(digits, -2, |byte| byte.is_ascii_digit())
    },
    does: &[],
    doc: "True for digits, with or without a plus sign before them.",
};

pub(super) const IS_NUMERIC: Function = Function {
    names: &["is_numeric"],
    args: TEXT,
    routes: Routes::ANY,
    run: |cx, args| consists(&args.text(cx, 0), -2, |byte| byte.is_ascii_digit()),
    does: &[],
    doc: "True for digits alone.",
};

pub(super) const IS_ALPHANUM: Function = Function {
    names: &["is_alphanum"],
    args: TEXT,
    routes: Routes::ANY,
    run: |cx, args| consists(&args.text(cx, 0), -3, |byte| byte.is_ascii_alphanumeric()),
    does: &[],
    doc: "True for letters and digits alone.",
};

pub(super) const IS_ALPHANUMEX: Function = Function {
    names: &["is_alphanumex"],
    args: &[Arg::text("text"), Arg::text("others")],
    routes: Routes::ANY,
    run: is_alphanumex,
    does: &[],
    doc: "True for letters, digits and the other characters given alone.",
};

fn is_alphanumex(cx: &mut Context, args: &Args) -> Outcome {
    let (text, others) = (args.text(cx, 0), args.text(cx, 1));
    consists(&text, -3, |byte| byte.is_ascii_alphanumeric() || others.contains(&byte))
}

/// 1 when all bytes fit, -2 when there are none, else `otherwise`.
fn consists(text: &[u8], otherwise: i32, fits: impl Fn(u8) -> bool) -> Outcome {
    Outcome::Return(match text {
        [] => -2,
        _ if text.iter().all(|byte| fits(*byte)) => 1,
        _ => otherwise,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::bench::Bench;
    use std::sync::Arc;

    #[test]
    fn as_kamailio_answers() {
        let cases: &[(&'static Function, &[&str], i32)] = &[
            (&const { IS_E164 }, &["+123"], 1),
            (&const { IS_E164 }, &["123"], -1),
            (&const { IS_URI_USER_E164 }, &["sip:+12@a"], 1),
            (&const { IS_URI_USER_E164 }, &["sip:+12;npdi@a;user=phone"], -1),
            (&const { IS_URI_USER_E164 }, &["tel:+12"], -1),
            (&const { IS_TEL_NUMBER }, &["+123"], 1),
            (&const { IS_TEL_NUMBER }, &["12a"], -2),
            (&const { IS_TEL_NUMBER }, &["+1-2"], -2),
            (&const { IS_NUMERIC }, &["12"], 1),
            (&const { IS_NUMERIC }, &[""], -2),
            (&const { IS_NUMERIC }, &["1a"], -2),
            (&const { IS_ALPHANUM }, &["a1"], 1),
            (&const { IS_ALPHANUM }, &["a-"], -3),
            (&const { IS_ALPHANUMEX }, &["a-", "-"], 1),
            (&const { IS_ALPHANUMEX }, &["", "-"], -2),
        ];
        for (function, args, code) in cases {
            let mut bench = Bench::new("OPTIONS sip:a SIP/2.0\nVia: SIP/2.0/UDP a;branch=z9hG4bK\n\n", Arc::new(()));
            let done = bench.call(function, args);
            assert!(matches!(done, Outcome::Return(its) if its == *code), "{} {args:?}", function.names[0]);
        }
    }
}
