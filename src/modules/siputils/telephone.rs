//! Telephone numbers as SIP addresses (RFC 3261 section 19.1.6).

use crate::builtin::{Arg, Args, Context, Function, Outcome, Routes, Value};
use bytes::Bytes;

const ARGS: &[Arg] = &[Arg::text("uri"), Arg::text("host"), Arg::target("target")];
const ROUTES: Routes = Routes::REQUEST.or(Routes::FAILURE).or(Routes::BRANCH).or(Routes::ONREPLY);

pub(super) const TEL2SIP: Function = Function {
    names: &["tel2sip"],
    args: ARGS,
    routes: ROUTES,
    run: |cx, args| converted(cx, args, 2, <[u8]>::to_ascii_lowercase),
    does: &[],
    doc: "Stores the `sip:` form of a `tel:` URI (RFC 3261 section 19.1.6) with this host; 2 when the URI is no `tel:`, which stores nothing.",
};

pub(super) const TEL2SIP2: Function = Function {
    names: &["tel2sip2"],
    args: ARGS,
    routes: ROUTES,
    run: |cx, args| converted(cx, args, 1, ordered),
    does: &[],
    doc: "The same with the parameters in the order of RFC 3261 and without a `phone-context` that is a domain; 1 when the URI is no `tel:`.",
};

/// `other` is what a URI that is no `tel:` gives; `parameters` makes those of the result from all that stands behind the number.
fn converted(cx: &mut Context, args: &Args, other: i32, parameters: fn(&[u8]) -> Vec<u8>) -> Outcome {
    let (text, host) = (args.text(cx, 0), args.text(cx, 1));
    let is_tel = text.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"tel:"));
    let Some(number) = text.get(4..).filter(|_| is_tel) else { return Outcome::Return(other) };
    let (digits, behind) = number.split_at(memchr::memchr(b';', number).unwrap_or(number.len()));
    let mut sip = b"sip:".to_vec();
    // Visual separators go; equal numbers are to be equal texts.
    sip.extend(digits.iter().filter(|byte| !is_separator(byte)).map(u8::to_ascii_lowercase));
    sip.extend(parameters(behind));
    for part in [b"@", &host[..], b";user=phone"] {
        sip.extend_from_slice(part);
    }
    match args.target(2) {
        Some(target) => Outcome::truth(target.assign(cx, Value::Text(Bytes::from(sip))).is_ok()),
        None => Outcome::FALSE,
    }
}

fn is_separator(byte: &u8) -> bool {
    matches!(byte, b'-' | b'.' | b'(' | b')')
}

/// By name, but `isdn-subaddress` and `post-dial` first. A `phone-context` that is a number loses its separators; one that is a domain goes.
fn ordered(text: &[u8]) -> Vec<u8> {
    let text = text.to_ascii_lowercase();
    let all = text.split(|byte| *byte == b';').filter(|parameter| !parameter.is_empty());
    let mut parameters: Vec<(&[u8], Vec<u8>)> = Vec::new();
    for parameter in all {
        let end = memchr::memchr(b'=', parameter).unwrap_or(parameter.len());
        let (name, value) = parameter.split_at(end);
        let is_context = name == b"phone-context";
        let context = value.strip_prefix(b"=").unwrap_or(value);
        let digits = context.strip_prefix(b"+").unwrap_or(context);
        if is_context && !digits.iter().all(|byte| byte.is_ascii_digit() || is_separator(byte)) {
            continue;
        }
        let kept = if is_context {
            let digits = context.iter().copied().filter(|byte| !is_separator(byte));
            b"phone-context=".iter().copied().chain(digits).collect()
        } else {
            parameter.to_vec()
        };
        parameters.push((name, kept));
    }
    let place = |name: &[u8]| match name {
        b"isdn-subaddress" => 0,
        b"post-dial" => 1,
        _ => 2,
    };
    parameters.sort_by(|(one, _), (other, _)| (place(one), one).cmp(&(place(other), other)));
    parameters.into_iter().flat_map(|(_, text)| [b";".to_vec(), text].concat()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_in_order() {
        let cases = [
            ("", ""),
            (";npdi;rn=5;Ext=1;post-dial=2;ISDN-subaddress=3", ";isdn-subaddress=3;post-dial=2;ext=1;npdi;rn=5"),
            (";phone-context=example.com;a=b", ";a=b"),
            (";x=1;phone-context=+1-(914)-555", ";phone-context=+1914555;x=1"),
        ];
        for (text, wanted) in cases {
            assert_eq!(String::from_utf8(ordered(text.as_bytes())).unwrap(), wanted, "{text}");
        }
    }
}
