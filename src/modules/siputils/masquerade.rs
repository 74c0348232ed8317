//! The parts of a Contact hidden in the user of another: `sip:prefix*user*password*host*port*transport@address`.

use super::SipUtils;
use super::contact::each_contact;
use crate::builtin::{Arg, Args, Context, Function, LogLevel, Outcome, Routes};
use crate::sip::Uri;
use bytes::Bytes;

pub(super) const ENCODE_CONTACT: Function = Function {
    names: &["encode_contact"],
    args: &[Arg::literal("prefix"), Arg::literal("address")],
    routes: Routes::REQUEST.or(Routes::ONREPLY),
    run: encode_contact,
    does: &[],
    doc: "Hides the URI of each Contact in the user of one with this address.",
};

fn encode_contact(cx: &mut Context, args: &Args) -> Outcome {
    let (prefix, address) = (args.text(cx, 0), args.text(cx, 1));
    let separator = separator(cx);
    each_contact(cx, |text| {
        let uri = Uri::parse(text).ok()?;
        let mut out = b"sip:".to_vec();
        let parts = [
            &prefix[..],
            uri.written_user().unwrap_or_default(),
            uri.password.unwrap_or_default(),
            uri.host,
            uri.port_text,
            uri.transport().unwrap_or_default(),
        ];
        for (place, part) in parts.into_iter().enumerate() {
            if place > 0 {
                out.push(separator);
            }
            out.extend_from_slice(part);
        }
        out.push(b'@');
        out.extend_from_slice(&address);
        Some(out)
    })
}

pub(super) const DECODE_CONTACT: Function = Function {
    names: &["decode_contact"],
    args: &[],
    routes: Routes::REQUEST,
    run: decode_contact,
    does: &[],
    doc: "Makes the URI hidden in the user of the Request-URI the Request-URI; false when there is none.",
};

fn decode_contact(cx: &mut Context, _: &Args) -> Outcome {
    let separator = separator(cx);
    match decoded(&cx.message.request_uri(), separator) {
        Some(uri) => {
            cx.message.target.uri = Some(Bytes::from(uri));
            Outcome::TRUE
        }
        None => {
            cx.log(LogLevel::Error, "decode_contact: the Request-URI hides no URI");
            Outcome::Return(-26)
        }
    }
}

pub(super) const DECODE_CONTACT_HEADER: Function = Function {
    names: &["decode_contact_header"],
    args: &[],
    routes: Routes::REQUEST.or(Routes::FAILURE).or(Routes::ONREPLY),
    run: |cx, _| {
        let separator = separator(cx);
        each_contact(cx, |uri| decoded(uri, separator))
    },
    does: &[],
    doc: "Puts the URI hidden in the user of each Contact back into it.",
};

fn separator(cx: &Context) -> u8 {
    cx.state::<SipUtils>().map_or(b'*', |state| state.separator)
}

fn decoded(text: &[u8], separator: u8) -> Option<Vec<u8>> {
    let uri = Uri::parse(text).ok()?;
    let parts: Vec<&[u8]> = uri.user?.split(|byte| *byte == separator).collect();
    let [_, user, password, host, port, transport] = parts[..] else { return None };
    let mut out = b"sip:".to_vec();
    let mut push = |mark: &[u8], part: &[u8]| {
        if !part.is_empty() {
            [mark, part].into_iter().for_each(|text| out.extend_from_slice(text));
        }
    };
    let at: &[u8] = if user.is_empty() { b"" } else { b"@" };
    push(b"", user);
    push(b":", password);
    push(at, host);
    push(b":", port);
    push(b";transport=", transport);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_what_kamailio_encodes() {
        let cases: [(&str, Option<&str>); 4] = [
            ("sip:pre*alice*pw*127.0.0.1*5099*udp@1.2.3.4", Some("sip:alice:pw@127.0.0.1:5099;transport=udp")),
            ("sip:pre*alice**127.0.0.1**@1.2.3.4", Some("sip:alice@127.0.0.1")),
            ("sip:pre***127.0.0.1**@1.2.3.4", Some("sip:127.0.0.1")),
            ("sip:alice@1.2.3.4", None),
        ];
        for (hidden, shown) in cases {
            let done = decoded(hidden.as_bytes(), b'*').map(|uri| String::from_utf8(uri).unwrap());
            assert_eq!(done.as_deref(), shown, "{hidden}");
        }
    }
}
