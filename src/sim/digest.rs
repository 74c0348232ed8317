//! How a peer answers a challenge (RFC 3261 section 22, RFC 7616): read, reckoned and written by rsip, so that a server is judged by somebody
//! else's arithmetic.

use super::call::text_of;
use crate::sip::Message;
use bytes::Bytes;
use rsip::headers::auth::{Algorithm, AuthQop, Qop};
use rsip::headers::{ToTypedHeader, UntypedHeader};
use rsip::services::DigestGenerator;
use rsip::typed;

/// Who a peer is to those who ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its user name.
    pub user: String,
    /// Its password.
    pub password: String,
}

/// A header line.
pub(super) type Line = (String, String);

/// The header line that answers the challenge of a reply, for `request` as it will be sent; `None` when the reply holds none.
///
/// # Errors
/// Why nobody can answer it.
pub(super) fn answer(
    account: &Account,
    reply: &Bytes,
    request: &Message,
    cnonce: String,
) -> Result<Option<Line>, String> {
    let reply = rsip::Response::try_from(reply.to_vec()).map_err(|fault| format!("rsip cannot read it: {fault}"))?;
    let unreadable = |fault: rsip::Error| format!("its challenge cannot be read: {fault}");
    for header in reply.headers.iter() {
        let (name, value) = match header {
            rsip::Header::WwwAuthenticate(header) => ("Authorization", header.value()),
            rsip::Header::ProxyAuthenticate(header) => ("Proxy-Authorization", header.value()),
            _ => continue,
        };
        let challenge = rsip::headers::WwwAuthenticate::new(in_its_words(value)).typed().map_err(unreadable)?;
        return answered(account, challenge, request, cnonce).map(|value| Some((name.to_owned(), value)));
    }
    Ok(None)
}

/// A challenge as rsip reads it: it knows one way of protection at a time, and has a name of its own for SHA-256.
fn in_its_words(value: &str) -> String {
    let both = ["\"auth,auth-int\"", "\"auth-int,auth\"", "\"auth, auth-int\"", "\"auth-int, auth\""];
    let one = both.iter().fold(value.to_owned(), |value, both| value.replace(both, "\"auth\""));
    one.replace("=SHA-256", "=SHA256")
}

/// Whether a reply says that the answer was right, and only too old (RFC 7616 section 3.3).
pub(super) fn is_stale(reply: &Message) -> bool {
    let lines = reply.headers().iter().map(|header| text_of(reply.text(header.line)).to_ascii_lowercase());
    lines.filter(|line| line.contains("-authenticate")).any(|line| line.replace('"', "").contains("stale=true"))
}

fn answered(
    account: &Account,
    challenge: typed::WwwAuthenticate,
    request: &Message,
    cnonce: String,
) -> Result<String, String> {
    let (method, uri) = (text_of(request.method_text()), text_of(request.request_uri()));
    let method = method.parse::<rsip::Method>().map_err(|fault| format!("rsip knows no {method}: {fault}"))?;
    let uri = rsip::Uri::try_from(uri.as_str()).map_err(|fault| format!("rsip cannot read {uri}: {fault}"))?;
    let algorithm = challenge.algorithm.unwrap_or(Algorithm::Md5);
    if matches!(algorithm, Algorithm::Md5Sess | Algorithm::Sha256Sess | Algorithm::Sha512Sess) {
        return Err(format!("rsip reckons {algorithm} otherwise than RFC 7616"));
    }
    let qop = match challenge.qop {
        Some(Qop::Auth) => Some(AuthQop::Auth { cnonce, nc: 1 }),
        Some(Qop::AuthInt) => return Err("rsip reckons auth-int without the body".to_owned()),
        None => None,
    };
    let (user, password, realm) = (&account.user, &account.password, &challenge.realm);
    let generator = DigestGenerator {
        username: user,
        password,
        nonce: &challenge.nonce,
        uri: &uri,
        realm,
        method: &method,
        qop: qop.as_ref(),
        algorithm,
    };
    let response = generator.compute();
    let answer = typed::Authorization {
        scheme: challenge.scheme,
        username: user.clone(),
        realm: realm.clone(),
        nonce: challenge.nonce.clone(),
        uri: uri.clone(),
        response,
        algorithm: challenge.algorithm,
        opaque: challenge.opaque.clone(),
        qop,
    };
    // RFC 7616 section 6.1.
    Ok(answer.to_string().replace("algorithm=SHA256", "algorithm=SHA-256"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &str = "REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:bob@example.com>;tag=1\r\n\
        To: <sip:bob@example.com>\r\nCall-ID: 1@x\r\nCSeq: 2 REGISTER\r\nContent-Length: 0\r\n\r\n";

    fn asked(challenge: &str) -> Result<Option<Line>, String> {
        let reply = format!(
            "SIP/2.0 401 Unauthorized\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:bob@example.com>;tag=1\r\n\
             To: <sip:bob@example.com>;tag=2\r\nCall-ID: 1@x\r\nCSeq: 1 REGISTER\r\n{challenge}Content-Length: 0\r\n\r\n"
        );
        let account = Account { user: "bob".to_owned(), password: "zanzibar".to_owned() };
        let request = Message::parse(Bytes::from_static(REQUEST.as_bytes())).expect("it is good");
        answer(&account, &Bytes::from(reply), &request, "0a4f113b".to_owned())
    }

    #[test]
    fn a_challenge_is_answered_where_it_asks() {
        // Reckoned with md5sum and sha256sum: H(H(bob:biloxi.com:zanzibar):nonce[:nc:cnonce:auth]:H(REGISTER:sip:example.com)).
        let plain = asked("WWW-Authenticate: Digest realm=\"biloxi.com\", nonce=\"dcd98b7102dd\", opaque=\"5ccc\"\r\n");
        let (name, value) = plain.expect("it is read").expect("a challenge");
        assert_eq!(name, "Authorization");
        assert!(
            value.contains("response=\"a1ce73c2522dcd03d4fefba7aedfc77c\"") && value.contains("opaque=\"5ccc\""),
            "{value}"
        );
        let proxy = asked(
            "Proxy-Authenticate: Digest realm=\"biloxi.com\", nonce=\"dcd98b7102dd\", qop=\"auth,auth-int\", algorithm=SHA-256\r\n",
        );
        let (name, value) = proxy.expect("it is read").expect("a challenge");
        assert_eq!(name, "Proxy-Authorization");
        assert!(
            value.contains("response=\"d7810cdf579b20ff50dc4e4c15aa40517177e472273fe4e28dec85bac7fa1ef5\"")
                && value.contains("cnonce=\"0a4f113b\"")
                && value.contains("algorithm=SHA-256"),
            "{value}"
        );
    }

    #[test]
    fn what_cannot_be_answered_is_told() {
        assert_eq!(asked(""), Ok(None));
        assert!(asked("WWW-Authenticate: Digest realm=\"x\"\r\n").is_err(), "there is no nonce");
        let session = asked("WWW-Authenticate: Digest realm=\"x\", nonce=\"y\", algorithm=MD5-sess\r\n");
        assert!(session.is_err_and(|fault| fault.contains("MD5-sess")));
    }
}
