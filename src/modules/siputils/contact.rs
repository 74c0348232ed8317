//! The URI of a Contact kept in a parameter of another: `<sip:proxy;name=...>`, in Base64 for URLs without padding.

use super::uris::without_parameter;
use crate::builtin::{Arg, Args, Context, Function, LogLevel, Outcome, Routes};
use crate::modules::core::source;
use crate::sip::{Extent, Uri};
use bytes::Bytes;

/// Where Contact can be changed.
const CHANGING: Routes = Routes::REQUEST.or(Routes::ONREPLY);
const NAME: &[Arg] = &[Arg::text("name")];

pub(super) const CONTACT_PARAM_ENCODE: Function = Function {
    names: &["contact_param_encode"],
    args: &[Arg::text("name"), Arg::text("uri")],
    routes: CHANGING,
    run: encode,
    does: &[],
    doc: "Puts another URI into each Contact and keeps the one that was there in its parameter `name`.",
};

fn encode(cx: &mut Context, args: &Args) -> Outcome {
    let (name, server) = (args.text(cx, 0), args.text(cx, 1));
    each_contact(cx, |uri| Some([&server[..], b";", &name, b"=", encoded(uri).as_bytes()].concat()))
}

pub(super) const CONTACT_PARAM_ENCODE_ALIAS: Function = Function {
    names: &["contact_param_encode_alias"],
    args: &[Arg::text("name"), Arg::text("uri")],
    routes: CHANGING,
    run: |cx, args| {
        let (name, server) = (args.text(cx, 0), args.text(cx, 1));
        let alias = format!(";alias={}", source::alias(cx));
        each_contact(cx, |uri| {
            let kept = encoded(&[uri, alias.as_bytes()].concat());
            Some([&server[..], b";", &name, b"=", kept.as_bytes()].concat())
        })
    },
    does: &[],
    doc: "Like contact_param_encode, but the URI that is kept has where the message came from in a parameter alias, for handle_ruri_alias.",
};

pub(super) const CONTACT_PARAM_DECODE: Function = Function {
    names: &["contact_param_decode"],
    args: NAME,
    routes: CHANGING,
    run: |cx, args| {
        let name = args.text(cx, 0);
        each_contact(cx, |uri| decoded_parameter(uri, &name))
    },
    does: &[],
    doc: "Puts the URI that the parameter `name` keeps back into each Contact.",
};

pub(super) const CONTACT_PARAM_DECODE_RURI: Function = Function {
    names: &["contact_param_decode_ruri"],
    args: NAME,
    routes: Routes::REQUEST,
    run: decode_request_uri,
    does: &[],
    doc: "Makes the URI that the parameter `name` of the Request-URI keeps the Request-URI; without the parameter it stays.",
};

fn decode_request_uri(cx: &mut Context, args: &Args) -> Outcome {
    let name = args.text(cx, 0);
    if let Some(uri) = decoded_parameter(&cx.message.request_uri(), &name) {
        cx.message.target.uri = Some(Bytes::from(uri));
    }
    Outcome::TRUE
}

pub(super) const CONTACT_PARAM_RM: Function = Function {
    names: &["contact_param_rm"],
    args: NAME,
    routes: CHANGING,
    run: |cx, args| {
        let name = args.text(cx, 0);
        each_contact(cx, |text| {
            let uri = Uri::parse(text).ok().filter(|uri| uri.parameter(&name).is_some())?;
            Some(uri.with_parameters(&without_parameter(&uri, &name)))
        })
    },
    does: &[],
    doc: "Removes a parameter from the URI of each Contact.",
};

pub(super) const CONTACT_PARAM_CHECK: Function = Function {
    names: &["contact_param_check"],
    args: NAME,
    routes: Routes::ANY,
    run: |cx, args| {
        let name = args.text(cx, 0);
        let mut contacts = cx.message.message.contacts().filter_map(|contact| contact.value.ok());
        let has = |contact: crate::sip::NameAddr| contact.uri().is_ok_and(|uri| uri.parameter(&name).is_some());
        Outcome::truth(contacts.any(has))
    },
    does: &[],
    doc: "True when the URI of a Contact has this parameter.",
};

/// Changes the URI of each Contact; `change` gives nothing where it stays. False when the headers cannot be read.
pub(super) fn each_contact(cx: &mut Context, change: impl Fn(&[u8]) -> Option<Vec<u8>>) -> Outcome {
    let message = &mut *cx.message;
    let mut bad = false;
    let mut changes: Vec<(Extent, Vec<u8>)> = Vec::new();
    for contact in message.message.contacts() {
        match contact.value {
            Ok(address) if !address.is_star() => {
                if let Some(changed) = change(address.uri_text()) {
                    changes.push((address.uri_extent().shifted(contact.extent.start), changed));
                }
            }
            Ok(_) => {}
            Err(_) => bad = true,
        }
    }
    if bad {
        cx.log(LogLevel::Error, "Contact cannot be read");
        return Outcome::FALSE;
    }
    for (extent, text) in changes {
        message.edits.replace(extent, text);
    }
    Outcome::TRUE
}

fn decoded_parameter(text: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    decoded(Uri::parse(text).ok()?.parameter(name)??)
}

/// RFC 4648 section 5.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn encoded(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len().div_ceil(3) * 4);
    for chunk in text.chunks(3) {
        let bits = chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            let digit = bits >> (18 - 6 * place) & 63;
            out.push(ALPHABET.get(digit as usize).map_or('A', |letter| char::from(*letter)));
        }
    }
    out
}

fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    for chunk in text.chunks(4) {
        let digit = |bits: u32, letter: &u8| {
            let digit = ALPHABET.iter().position(|its| its == letter)?;
            Some(bits << 6 | digit as u32)
        };
        let bits = chunk.iter().try_fold(0u32, digit)? << (6 * (4 - chunk.len()));
        let [_, bytes @ ..] = bits.to_be_bytes();
        out.extend_from_slice(bytes.get(..chunk.len().checked_sub(1).filter(|length| *length > 0)?)?);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::bench::Bench;
    use crate::sip;
    use std::sync::Arc;

    #[test]
    fn base64_goes_both_ways() {
        for text in ["", "a", "ab", "abc", "sip:alice@127.0.0.1:5099;transport=udp"] {
            assert_eq!(decoded(encoded(text.as_bytes()).as_bytes()).unwrap(), text.as_bytes());
        }
        assert_eq!(decoded(b"a"), None);
        assert_eq!(decoded(b"!!"), None);
    }

    #[test]
    fn contact_is_kept_and_given_back() {
        let contact = "sip:alice@127.0.0.1:5099;transport=udp";
        let text = format!("INVITE sip:b SIP/2.0\nVia: SIP/2.0/UDP a;branch=z9hG4bK\nContact: <{contact}>;q=0.5\n\n");
        let mut bench = Bench::new(&text, Arc::new(()));
        bench.call(&const { CONTACT_PARAM_ENCODE }, &["orig", "sip:me@h"]);
        let mut out = Vec::new();
        sip::write(&bench.message.message, &bench.message.edits, &mut out);
        let out = String::from_utf8(out).unwrap();
        let kept = "sip:me@h;orig=c2lwOmFsaWNlQDEyNy4wLjAuMTo1MDk5O3RyYW5zcG9ydD11ZHA";
        assert!(out.contains(&format!("Contact: <{kept}>;q=0.5\r\n")), "{out}");
        bench.message.target.uri = Some(kept.into());
        bench.call(&const { CONTACT_PARAM_DECODE_RURI }, &["orig"]);
        assert_eq!(bench.message.request_uri(), contact);
    }

    #[test]
    fn the_source_is_kept_with_contact() {
        let text = "INVITE sip:b SIP/2.0\nVia: SIP/2.0/UDP a;branch=z9hG4bK\nContact: <sip:alice@10.0.0.1>\n\n";
        let mut bench = Bench::new(text, Arc::new(()));
        bench.call(&const { CONTACT_PARAM_ENCODE_ALIAS }, &["k", "sip:me@h"]);
        let mut out = Vec::new();
        sip::write(&bench.message.message, &bench.message.edits, &mut out);
        let kept = encoded(b"sip:alice@10.0.0.1;alias=192.0.2.1~5060~1");
        let out = String::from_utf8(out).unwrap();
        assert!(out.contains(&format!("Contact: <sip:me@h;k={kept}>")), "{out}");
    }
}
