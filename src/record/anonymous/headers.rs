//! Header lines without names.

use super::masks::{Kind, Masks};
use crate::sip::HeaderName;

/// What becomes of a header line.
pub(super) enum Line {
    /// It stays, as this.
    Kept(String),
    /// It stays, and says what the body is.
    ContentType(String, String),
    /// It says how long the body is.
    ContentLength(String),
    /// It goes.
    Dropped,
}

/// A start line: the URI of a request is replaced, the phrase of a reply tells nobody.
pub(super) fn request_line(line: &str, masks: &mut Masks) -> String {
    if line.starts_with("SIP/2.0 ") { line.to_owned() } else { masks.value(line) }
}

/// One header line, unfolded.
pub(super) fn header(line: &str, masks: &mut Masks) -> Line {
    let Some((name, value)) = line.split_once(':') else { return Line::Dropped };
    let (name, value) = (name.trim(), value.trim());
    use HeaderName as H;
    let masked = match H::parse(name.as_bytes()) {
        _ if masks.keeps(name) => value.to_owned(),
        H::ContentLength => return Line::ContentLength(value.to_owned()),
        H::ContentType => {
            let kind = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            return Line::ContentType(format!("{name}: {value}"), kind);
        }
        H::CSeq
        | H::MaxForwards
        | H::Expires
        | H::MinExpires
        | H::Require
        | H::ProxyRequire
        | H::Supported
        | H::Unsupported
        | H::Allow
        | H::AllowEvents
        | H::Event
        | H::SubscriptionState
        | H::Accept
        | H::AcceptEncoding
        | H::AcceptLanguage
        | H::ContentDisposition
        | H::ContentEncoding
        | H::ContentLanguage
        | H::Date
        | H::MimeVersion
        | H::MinSe
        | H::Priority
        | H::Privacy
        | H::RAck
        | H::RSeq
        | H::Reason
        | H::RequestDisposition
        | H::RetryAfter
        | H::SessionExpires
        | H::Timestamp => value.to_owned(),
        H::CallId => masks.call(value),
        H::Via => via(value, masks),
        H::UserAgent | H::Server | H::Organization => masks.text(Kind::Product, value),
        H::Authorization | H::ProxyAuthorization | H::WwwAuthenticate | H::ProxyAuthenticate => {
            match credentials(value, masks) {
                Some(value) => value,
                None => return Line::Dropped,
            }
        }
        H::AuthenticationInfo | H::Identity | H::IdentityInfo => return Line::Dropped,
        H::Replaces | H::InReplyTo => {
            let (call, parameters) =
                value.split_once(';').map_or((value, String::new()), |(call, rest)| (call, format!(";{rest}")));
            format!("{}{}", masks.call(call.trim()), masks.value(&parameters))
        }
        H::From
        | H::To
        | H::Contact
        | H::Route
        | H::RecordRoute
        | H::Path
        | H::ServiceRoute
        | H::ReplyTo
        | H::ReferTo
        | H::ReferredBy
        | H::Diversion
        | H::HistoryInfo
        | H::RemotePartyId
        | H::PAssertedIdentity
        | H::PPreferredIdentity
        | H::Rpid => addresses(value, masks),
        _ => masks.text(Kind::Value, value),
    };
    Line::Kept(format!("{name}: {masked}"))
}

/// Addresses with names in front: quoted ones are found like everything else, bare ones stand before the bracket.
fn addresses(value: &str, masks: &mut Masks) -> String {
    match value.split_once('<') {
        Some((name, rest)) if !name.contains('"') && !name.trim().is_empty() => {
            format!("\"{}\" {}", masks.text(Kind::Name, name.trim()), masks.value(&format!("<{rest}")))
        }
        _ => masks.value(value),
    }
}

/// Via: its host stands alone.
fn via(value: &str, masks: &mut Masks) -> String {
    let one = |value: &str, masks: &mut Masks| {
        let (protocol, rest) = value.trim().split_once(' ')?;
        let (sent_by, parameters) = rest.split_at(rest.find(';').unwrap_or(rest.len()));
        let sent_by = sent_by.trim();
        let colon =
            sent_by.rfind(':').filter(|at| !sent_by.ends_with(']') && sent_by.get(at + 1..).is_some_and(is_port));
        let (host, port) = sent_by.split_at(colon.unwrap_or(sent_by.len()));
        Some(format!("{protocol} {}{port}{}", masks.host(host), masks.value(parameters)))
    };
    let all: Option<Vec<String>> = value.split(',').map(|value| one(value, masks)).collect();
    all.map_or_else(|| masks.text(Kind::Value, value), |all| all.join(", "))
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Digest credentials and challenges with the user and the realm only; of other schemes nothing is left.
fn credentials(value: &str, masks: &mut Masks) -> Option<String> {
    let parameters = value.strip_prefix("Digest ").or_else(|| value.strip_prefix("digest "))?;
    let mut kept = Vec::new();
    for parameter in parameters.split(',') {
        let Some((name, value)) = parameter.trim().split_once('=') else { continue };
        let (name, value) = (name.trim(), value.trim().trim_matches('"'));
        match name.to_ascii_lowercase().as_str() {
            "username" => {
                let (user, host) = value.split_once('@').map_or((value, None), |(user, host)| (user, Some(host)));
                let host = host.map(|host| format!("@{}", masks.host(host))).unwrap_or_default();
                kept.push(format!("username=\"{}{host}\"", masks.user(user)));
            }
            "realm" => kept.push(format!("realm=\"{}\"", masks.host(value))),
            "uri" => kept.push(format!("uri=\"{}\"", masks.value(value))),
            "algorithm" | "qop" | "stale" => kept.push(format!("{name}={value}")),
            _ => {}
        }
    }
    Some(format!("Digest {}", kept.join(", ")))
}
