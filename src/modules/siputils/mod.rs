//! `siputils`: questions about URIs, numbers and messages, and small changes of Contact and Request-URI.

mod charging;
mod contact;
mod identity;
mod masquerade;
mod message;
mod numbers;
mod telephone;
mod uris;

use crate::builtin::{Module, Param, Start, StartFault, State, Unit};
use bytes::Bytes;

/// The module.
pub static MODULE: Module = Module {
    functions: &[
        message::HAS_TOTAG,
        message::IS_REQUEST,
        message::IS_REPLY,
        message::IS_SIP,
        message::IS_HTTP,
        message::IS_FIRST_HOP,
        message::IS_SUPPORTED,
        message::CMP_HDR_NAME,
        message::OPTIONS_REPLY,
        message::SIP_PARSE_HEADERS,
        charging::SIP_P_CHARGING_VECTOR,
        identity::IS_RPID_USER_E164,
        identity::APPEND_RPID_HF,
        identity::APPEND_RPID_HF_WITH,
        identity::HDR_DATE_CHECK,
        identity::IS_USER,
        uris::IS_URI,
        uris::URI_PARAM,
        uris::URI_PARAM_VALUE,
        uris::URI_PARAM_ANY,
        uris::ADD_URI_PARAM,
        uris::GET_URI_PARAM,
        uris::URI_PARAM_RM,
        telephone::TEL2SIP,
        telephone::TEL2SIP2,
        uris::IS_GRUU,
        uris::CMP_URI,
        uris::CMP_AOR,
        uris::SET_URI_USER,
        uris::SET_URI_HOST,
        numbers::IS_E164,
        numbers::IS_URI_USER_E164,
        numbers::IS_TEL_NUMBER,
        numbers::IS_NUMERIC,
        numbers::IS_ALPHANUM,
        numbers::IS_ALPHANUMEX,
        contact::CONTACT_PARAM_ENCODE,
        contact::CONTACT_PARAM_ENCODE_ALIAS,
        contact::CONTACT_PARAM_DECODE,
        contact::CONTACT_PARAM_DECODE_RURI,
        contact::CONTACT_PARAM_RM,
        contact::CONTACT_PARAM_CHECK,
        masquerade::ENCODE_CONTACT,
        masquerade::DECODE_CONTACT,
        masquerade::DECODE_CONTACT_HEADER,
    ],
    params: PARAMS,
    variables: &[charging::PCV],
    start,
    ..Module::new("siputils", "Asks about URIs, numbers and messages.")
};

static PARAMS: &[Param] = &[
    Param::text(&["options_accept"], "*/*", "Accept in the answer of `options_reply`."),
    Param::text(&["options_accept_encoding"], "", "Accept-Encoding in the answer of `options_reply`."),
    Param::text(&["options_accept_language"], "en", "Accept-Language in the answer of `options_reply`."),
    Param::text(&["options_support"], "", "Supported in the answer of `options_reply`."),
    Param::text(&["contact_flds_separator"], "*", "What separates the parts of a URI that `encode_contact` makes."),
    Param::text(&["rpid_prefix"], "", "What stands before the URI in a Remote-Party-ID."),
    Param::text(&["rpid_suffix"], ";party=calling;id-type=subscriber;screen=yes", "What stands behind it."),
    Param::absent(&["rpid_avp"], "The AVP that holds the URI of a Remote-Party-ID: `$avp(name)`."),
    Param::int(&["e164_max_len"], "15", Unit::None, "The most digits of an E.164 number."),
];

/// What the parameters say.
#[derive(Debug)]
struct SipUtils {
    /// The header lines of an answer to OPTIONS.
    options: Vec<u8>,
    separator: u8,
    e164_digits: usize,
    rpid_prefix: Bytes,
    rpid_suffix: Bytes,
    /// The name of the AVP.
    rpid_avp: Option<Bytes>,
}

/// What the module keeps for one message.
#[derive(Debug, Default)]
struct Local {
    vector: charging::Vector,
}

impl State for SipUtils {}

impl Default for SipUtils {
    fn default() -> SipUtils {
        let options = b"Accept: */*\r\nAccept-Encoding: \r\nAccept-Language: en\r\nSupported: \r\n".to_vec();
        let (rpid_prefix, rpid_suffix) =
            (Bytes::new(), Bytes::from_static(b";party=calling;id-type=subscriber;screen=yes"));
        SipUtils { options, separator: b'*', e164_digits: 15, rpid_prefix, rpid_suffix, rpid_avp: None }
    }
}

fn start(start: &mut Start) -> Result<Box<dyn State>, StartFault> {
    let params = start.params;
    let mut options = Vec::new();
    for (name, value) in [
        ("Accept", params.text("options_accept")),
        ("Accept-Encoding", params.text("options_accept_encoding")),
        ("Accept-Language", params.text("options_accept_language")),
        ("Supported", params.text("options_support")),
    ] {
        for part in [name.as_bytes(), b": ", &value.unwrap_or_default(), b"\r\n"] {
            options.extend_from_slice(part);
        }
    }
    let separator = params.text("contact_flds_separator").unwrap_or_else(|| Bytes::from_static(b"*"));
    let separator = match (&separator[..], params.given("contact_flds_separator")) {
        ([one], _) => *one,
        (_, Some(given)) => {
            return Err(StartFault::new("contact_flds_separator is no single character").at(given.span));
        }
        (_, None) => b'*',
    };
    let e164_digits = usize::try_from(params.int("e164_max_len")).unwrap_or(15);
    let text = |name| params.text(name).unwrap_or_default();
    let (rpid_prefix, rpid_suffix) = (text("rpid_prefix"), text("rpid_suffix"));
    let rpid_avp = match params.given("rpid_avp") {
        None => None,
        Some(given) => match avp_name(&text("rpid_avp")) {
            Some(name) => Some(name),
            None => return Err(StartFault::new("rpid_avp names no AVP").at(given.span).help("write it as $avp(name)")),
        },
    };
    Ok(Box::new(SipUtils { options, separator, e164_digits, rpid_prefix, rpid_suffix, rpid_avp }))
}

/// The name in `$avp(name)`, in which `s:` is left out.
fn avp_name(text: &[u8]) -> Option<Bytes> {
    let name = text.strip_prefix(b"$avp(")?.strip_suffix(b")")?;
    let name = name.strip_prefix(b"s:").unwrap_or(name);
    (!name.is_empty()).then(|| Bytes::copy_from_slice(name))
}
