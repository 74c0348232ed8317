//! `sanity`: refuses requests that cannot be right.

use crate::builtin::{
    Arg, Args, Changes, Context, Does, Effect, Extension, Function, LogLevel, Module, Outcome, Param, Reply, ReplyMode,
    Routes, Start, StartFault, State, Unit,
};
use crate::sip::{HeaderName, Message, Method, NameAddr, StartLine, Uri, UriFault};
use bytes::Bytes;

/// The module.
pub static MODULE: Module = Module {
    functions: FUNCTIONS,
    params: PARAMS,
    start,
    ..Module::new("sanity", "Checks that requests are well formed, and answers those that are not.")
};

/// Where messages are checked.
const CHECKED: Routes = Routes::REQUEST.or(Routes::ONREPLY);

static FUNCTIONS: &[Function] = &[
    Function {
        names: &["sanity_check"],
        args: &[Arg::int("checks").optional(), Arg::int("uri_checks").optional()],
        routes: CHECKED,
        run: sanity_check,
        does: &[Does::CheckSanity, Does::ReplyOnFailure],
        doc: "Checks the message. A request that fails is answered at once, without a transaction; the script then ends, or with `autodrop` 0 goes on with false. `checks` adds 1 (SIP version), 2 (scheme of the Request-URI), 4 (required headers), 32 and 64 (method and number of CSeq), 128 (Content-Length), 256 (Expires), 512 (Proxy-Require), 1024 (URIs), 2048 and 8192 (credentials), 4096 (tags given twice); `uri_checks` says which URIs: 1 (Request-URI), 2 (From), 4 (To), 8 (Contact).",
    },
    Function {
        names: &["sanity_reply"],
        args: &[],
        routes: CHECKED,
        run: sanity_reply,
        does: &[Does::Reply],
        doc: "Sends the answer that `sanity_check` kept under `noreply`.",
    },
];

/// A limit of newer releases that is not checked.
const fn limit(names: &'static [&'static str]) -> Param {
    Param::int(names, "0", Unit::Bytes, "The longest part of this kind that newer releases let pass.")
        .without(Changes::Admission)
}

static PARAMS: &[Param] = &[
    Param::int(&["default_checks"], "999", Unit::None, "What `sanity_check` checks when it is not told."),
    Param::int(&["uri_checks"], "7", Unit::None, "Which URIs it reads when it is not told."),
    Param::text(&["proxy_require"], "", "The extensions, separated by commas, that Proxy-Require may ask for."),
    Param::int(&["autodrop"], "1", Unit::None, "Ends the script when a check fails."),
    Param::int(&["noreply"], "0", Unit::None, "Keeps the answer for `sanity_reply`."),
    Param::int(&["size_checks"], "0", Unit::None, "Which sizes newer releases check.").without(Changes::Admission),
    limit(&["size_message"]),
    limit(&["size_method"]),
    limit(&["size_ruri"]),
    limit(&["size_from_uri"]),
    limit(&["size_to_uri"]),
    limit(&["size_contact_uri"]),
    limit(&["size_route_uri"]),
    limit(&["size_path_uri"]),
    limit(&["size_pai_uri"]),
    limit(&["size_header"]),
    limit(&["size_headers"]),
    limit(&["size_body"]),
];

/// What the parameters say.
#[derive(Debug)]
struct Sanity {
    checks: i64,
    uri_checks: i64,
    extensions: Vec<Vec<u8>>,
    autodrop: bool,
    noreply: bool,
}

impl State for Sanity {}

impl Default for Sanity {
    fn default() -> Sanity {
        Sanity { checks: 999, uri_checks: 7, extensions: Vec::new(), autodrop: true, noreply: false }
    }
}

fn start(start: &mut Start) -> Result<Box<dyn State>, StartFault> {
    let params = start.params;
    let extensions = params.text("proxy_require").unwrap_or_default();
    Ok(Box::new(Sanity {
        checks: params.int("default_checks"),
        uri_checks: params.int("uri_checks"),
        extensions: words(&extensions).map(<[u8]>::to_vec).collect(),
        autodrop: params.switch("autodrop"),
        noreply: params.switch("noreply"),
    }))
}

/// The answer to a message that fails.
#[derive(Clone, Debug)]
struct Refusal {
    code: u16,
    reason: &'static str,
    headers: Vec<u8>,
}

/// The answer that waits for `sanity_reply`.
#[derive(Debug, Default)]
struct Kept(Option<Refusal>);

const fn refuse(reason: &'static str) -> Refusal {
    Refusal { code: 400, reason, headers: Vec::new() }
}

fn sanity_check(cx: &mut Context, args: &Args) -> Outcome {
    let sanity = cx.state::<Sanity>().unwrap_or_default();
    let checks = if args.has(0) { args.int(cx, 0) } else { sanity.checks };
    let uri_checks = if args.has(1) { args.int(cx, 1) } else { sanity.uri_checks };
    let uri = cx.message.request_uri();
    let Some(mut refusal) = fault(&cx.message.message, &uri, &sanity, checks, uri_checks) else { return Outcome::TRUE };
    if refusal.reason == BAD_REQUEST_URI {
        // RFC 3261 section 16.3, step 2.
        if has_foreign_scheme(&uri) && cx.core.extensions.allows(Extension::AnswerBadRequests) {
            refusal = Refusal { code: 416, ..refuse("Unsupported URI Scheme") };
        }
        cx.log(LogLevel::Warning, format!("failed to parse request uri [{}]", String::from_utf8_lossy(&uri)));
    }
    if sanity.noreply {
        cx.local::<Kept>().0 = Some(refusal);
        return failed(&sanity);
    }
    match answer(&cx.message.message, refusal) {
        Some(reply) => {
            Outcome::wait(Effect::Reply(reply), |cx, _, _| failed(&cx.state::<Sanity>().unwrap_or_default()))
        }
        None => failed(&sanity),
    }
}

fn failed(sanity: &Sanity) -> Outcome {
    if sanity.autodrop { Outcome::END } else { Outcome::FALSE }
}

fn sanity_reply(cx: &mut Context, _: &Args) -> Outcome {
    let kept = cx.local::<Kept>().0.take();
    match kept.and_then(|refusal| answer(&cx.message.message, refusal)) {
        Some(reply) => Outcome::code_of(Effect::Reply(reply)),
        None => Outcome::FALSE,
    }
}

/// The reply to send: none to an ACK, none to a reply.
fn answer(message: &Message, refusal: Refusal) -> Option<Reply> {
    message.method().filter(|method| *method != Method::Ack)?;
    let reply = Reply::new(refusal.code, Bytes::from_static(refusal.reason.as_bytes()), ReplyMode::Stateless);
    Some(Reply { headers: refusal.headers, ..reply })
}

const BAD_REQUEST_URI: &str = "Bad Request URI";

/// Whether a URI begins with the name of a scheme that nobody here routes by, rather than with something else (RFC 3986 section 3.1).
fn has_foreign_scheme(uri: &[u8]) -> bool {
    let name = uri.split(|byte| *byte == b':').next().unwrap_or_default();
    let is_name = name.first().is_some_and(u8::is_ascii_alphabetic)
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    is_name && Uri::parse(uri) == Err(UriFault::UnknownScheme)
}

/// The first thing that is wrong, in Kamailio's order. Two bits (8 and 16, of Via) check nothing there either.
fn fault(message: &Message, uri: &[u8], sanity: &Sanity, checks: i64, uri_checks: i64) -> Option<Refusal> {
    let wanted = |bit: i64| checks & bit != 0;
    if let StartLine::Request { version, .. } = message.start() {
        if wanted(1) && message.text(version).get(4..) != Some(b"2.0") {
            return Some(Refusal { code: 505, ..refuse("Version Not Supported (R-URI)") });
        }
        if wanted(2) && Uri::parse(uri).is_err() {
            return Some(refuse(BAD_REQUEST_URI));
        }
    }
    None.or_else(|| if wanted(4) { required(message) } else { None })
        .or_else(|| cseq(message, wanted(32), wanted(64)))
        .or_else(|| if wanted(128) { content_length(message) } else { None })
        .or_else(|| if wanted(256) { expires(message) } else { None })
        .or_else(|| if wanted(512) { proxy_require(message, &sanity.extensions) } else { None })
        .or_else(|| if wanted(1024) { uris(message, uri, uri_checks) } else { None })
        .or_else(|| if wanted(2048) { credentials(message, true) } else { None })
        .or_else(|| if wanted(4096) { tags(message) } else { None })
        .or_else(|| if wanted(8192) { credentials(message, false) } else { None })
}

fn required(message: &Message) -> Option<Refusal> {
    use HeaderName::{CSeq, CallId, From, To, Via};
    let all = [From, To, CallId, CSeq, Via].into_iter().all(|name| message.has(name));
    (!all).then(|| refuse("Missing Required Header in Request"))
}

fn cseq(message: &Message, method: bool, number: bool) -> Option<Refusal> {
    if !method && !number {
        return None;
    }
    let value = message.value(HeaderName::CSeq)?;
    let blank = value.iter().position(u8::is_ascii_whitespace).unwrap_or(value.len());
    let (digits, rest) = value.split_at_checked(blank)?;
    let name = rest.trim_ascii();
    if method && name.is_empty() {
        return Some(refuse("Missing method in CSeq header"));
    }
    if method && message.is_request() && name != message.method_text() {
        return Some(refuse("CSeq method does not match request method"));
    }
    (number && !is_number(digits)).then(|| refuse("CSeq number is illegal"))
}

/// Digits that Kamailio takes for 32 bits; its limit is one too high.
fn is_number(digits: &[u8]) -> bool {
    let all = !digits.is_empty() && digits.len() <= 10 && digits.iter().all(u8::is_ascii_digit);
    all && digits.iter().fold(0u64, |sum, digit| sum * 10 + u64::from(digit - b'0')) <= 4_294_967_296
}

fn content_length(message: &Message) -> Option<Refusal> {
    let header = message.value(HeaderName::ContentLength)?;
    let length = crate::sip::number(header).and_then(|length| usize::try_from(length).ok());
    let fits = length == Some(message.body().len()) && !message.had_surplus();
    (!fits).then(|| refuse("Content-Length mis-match"))
}

fn expires(message: &Message) -> Option<Refusal> {
    let value = message.value(HeaderName::Expires)?;
    if value.is_empty() {
        return Some(refuse("Bad Expires Header"));
    }
    (!is_number(value)).then(|| refuse("Expires value is illegal"))
}

fn proxy_require(message: &Message, known: &[Vec<u8>]) -> Option<Refusal> {
    let value = message.value(HeaderName::ProxyRequire)?;
    if value.is_empty() {
        return Some(refuse("Bad Proxy Require Header"));
    }
    let unknown = words(value).find(|word| !known.iter().any(|its| its == word))?;
    let headers = [b"Unsupported: ", unknown, b"\r\n"].concat();
    Some(Refusal { code: 420, headers, ..refuse("Bad Proxy Require Extension") })
}

fn words(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|word| !word.is_empty())
}

fn uris(message: &Message, uri: &[u8], checks: i64) -> Option<Refusal> {
    let readable = |address: Option<NameAddr>| address.is_some_and(|address| address.uri().is_ok());
    if checks & 1 != 0 && message.is_request() && Uri::parse(uri).is_err() {
        return Some(refuse(BAD_REQUEST_URI));
    }
    if checks & 2 != 0 && !readable(message.from()) {
        return Some(refuse("Invalid From Header"));
    }
    if checks & 4 != 0 && !readable(message.to()) {
        // The word is Kamailio's.
        return Some(refuse("Ivalid To Header"));
    }
    if checks & 8 != 0 {
        for contact in message.contacts() {
            match contact.value {
                Err(_) => return Some(refuse("Bad Contact Header")),
                Ok(address) if address.is_star() => {}
                Ok(address) if address.uri().is_err() => return Some(refuse("Bad Contact URI")),
                Ok(_) => {}
            }
        }
    }
    None
}

/// Every Digest must name user, realm, nonce, URI and response (RFC 3261 section 22.4); `only` refuses other schemes too.
fn credentials(message: &Message, only: bool) -> Option<Refusal> {
    let names = [HeaderName::Authorization, HeaderName::ProxyAuthorization];
    for header in names.into_iter().flat_map(|name| message.headers_named(name)) {
        let value = message.text(header.value);
        let split = value.iter().position(u8::is_ascii_whitespace).unwrap_or(value.len());
        let (scheme, rest) = value.split_at_checked(split)?;
        if !scheme.eq_ignore_ascii_case(b"digest") {
            if only {
                return Some(refuse("Bad Auth Header"));
            }
            continue;
        }
        let has = |name: &str| {
            crate::sip::Values::new(rest).filter_map(|range| rest.get(range)).any(|part| {
                let equals = part.iter().position(|byte| *byte == b'=').unwrap_or(part.len());
                let (its, value) = part.split_at_checked(equals).unwrap_or_default();
                let value = value.strip_prefix(b"=").unwrap_or_default().trim_ascii();
                its.trim_ascii().eq_ignore_ascii_case(name.as_bytes()) && !value.is_empty() && value != b"\"\""
            })
        };
        if !["username", "realm", "nonce", "uri", "response"].into_iter().all(has) {
            return Some(refuse("Bad Auth Credentials"));
        }
    }
    None
}

fn tags(message: &Message) -> Option<Refusal> {
    let twice = |address: Option<NameAddr>| {
        let tag = |parameter: &crate::sip::Parameter| parameter.name.eq_ignore_ascii_case(b"tag");
        address.is_some_and(|address| address.parameters().filter(tag).count() > 1)
    };
    if twice(message.from()) {
        return Some(refuse("Many From Tag Params"));
    }
    twice(message.to()).then(|| refuse("Many To Tag Params"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::{Argument, bench::Bench};
    use std::sync::Arc;

    const GOOD: &str = "INVITE sip:bob@b.com SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\nFrom: <sip:a@b>;tag=1\nTo: <sip:c@d>\nCall-ID: 1\nCSeq: 1 INVITE\nContent-Length: 0\n\n";

    fn reason(text: &str, checks: i64, uri_checks: i64) -> String {
        let mut bench = Bench::new(text, Arc::new(Sanity::default()));
        match bench.call_with(&FUNCTIONS[0], vec![Argument::Int(checks), Argument::Int(uri_checks)]) {
            Outcome::Return(code) => code.to_string(),
            Outcome::Wait(Effect::Reply(reply), then) => {
                assert_eq!(reply.mode, ReplyMode::Stateless);
                let site = crate::builtin::CallSite {
                    function: &FUNCTIONS[0],
                    name: "sanity_check",
                    module: Default::default(),
                    args: [].into(),
                    span: Default::default(),
                };
                let answer = crate::builtin::Answer::Code(1);
                assert!(matches!(then(&mut bench.context(), &Args::new(&site, &[]), answer), Outcome::Return(0)));
                format!("{} {}", reply.code, String::from_utf8_lossy(&reply.reason))
            }
            Outcome::Wait(..) => panic!("no reply"),
        }
    }

    /// The table of what Kamailio 5.6.3 answers to `sanity_check("1511", "7")`.
    #[test]
    fn what_is_wrong_is_answered() {
        let cases = [
            ("", "", "1"),
            ("CSeq: 1 INVITE", "CSeq: 1 OPTIONS", "400 CSeq method does not match request method"),
            ("CSeq: 1 INVITE", "CSeq: x INVITE", "400 CSeq number is illegal"),
            ("CSeq: 1 INVITE", "CSeq: 4294967296 INVITE", "1"),
            ("sip:bob@b.com", "http:x", "416 Unsupported URI Scheme"),
            ("sip:bob@b.com", "<http:x>", "400 Bad Request URI"),
            ("sip:bob@b.com", "sip:", "400 Bad Request URI"),
            ("sip:bob@b.com", "sip:a:99999", "400 Bad Request URI"),
            ("sip:bob@b.com", "tel:+1", "1"),
            ("<sip:a@b>;tag=1", "<tel:+1>;tag=1", "1"),
            ("<sip:a@b>;tag=1", "<sip:a@b>", "1"),
            ("<sip:a@b>;tag=1", "<sip:alice@;tag=1", "400 Invalid From Header"),
            ("<sip:a@b>;tag=1", "<foo>;tag=1", "400 Invalid From Header"),
            ("<sip:c@d>", "<foo>", "400 Ivalid To Header"),
            ("CSeq: 1 INVITE", "CSeq: 1 INVITE\nContact: <foo", "1"),
            ("CSeq: 1 INVITE", "CSeq: 1 INVITE\nExpires: abc", "400 Expires value is illegal"),
            ("CSeq: 1 INVITE", "CSeq: 1 INVITE\nExpires: -1", "400 Expires value is illegal"),
            ("CSeq: 1 INVITE", "CSeq: 1 INVITE\nExpires: 4294967296", "1"),
            ("CSeq: 1 INVITE", "CSeq: 1 INVITE\nProxy-Require: foo", "1"),
            ("CSeq: 1 INVITE\n", "", "400 Missing Required Header in Request"),
            ("Content-Length: 0\n", "", "1"),
        ];
        for (from, to, result) in cases {
            assert_eq!(reason(&GOOD.replacen(from, to, 1), 1511, 7), result, "{to}");
        }
    }

    #[test]
    fn an_ack_is_dropped_in_silence() {
        assert_eq!(reason(&GOOD.replace("INVITE", "ACK").replace("sip:bob", "http:bob"), 1511, 7), "0");
    }

    #[test]
    fn other_bits() {
        let with = |line: &str| GOOD.replacen("CSeq", &format!("{line}\nCSeq"), 1);
        assert_eq!(reason(&with("Proxy-Require: foo"), 512, 0), "420 Bad Proxy Require Extension");
        assert_eq!(reason(&with("Contact: <foo"), 1024, 8), "400 Bad Contact Header");
        assert_eq!(reason(&with("Authorization: Basic x"), 2048, 0), "400 Bad Auth Header");
        assert_eq!(reason(&with("Authorization: Basic x"), 8192, 0), "1");
        assert_eq!(reason(&with("Authorization: Digest username=\"a\""), 8192, 0), "400 Bad Auth Credentials");
        let whole = "Authorization: Digest username=\"a\", realm=\"b\", nonce=\"c\", uri=\"sip:x,y\", response=\"d\"";
        assert_eq!(reason(&with(whole), 2048, 0), "1");
        assert_eq!(reason(&GOOD.replace("tag=1", "tag=1;tag=2"), 4096, 0), "400 Many From Tag Params");
    }

    #[test]
    fn a_kept_answer_is_sent_later() {
        let sanity = Sanity { noreply: true, autodrop: false, ..Sanity::default() };
        let mut bench = Bench::new(&GOOD.replace("sip:bob@b.com", "sip:"), Arc::new(sanity));
        assert!(matches!(bench.call_with(&FUNCTIONS[0], vec![]), Outcome::Return(-1)));
        let Outcome::Wait(Effect::Reply(reply), _) = bench.call_with(&FUNCTIONS[1], vec![]) else { panic!("no reply") };
        assert_eq!(reply.reason, "Bad Request URI");
        assert!(matches!(bench.call_with(&FUNCTIONS[1], vec![]), Outcome::Return(-1)));
    }
}
