//! The messages that all others are made from.

use super::input::Input;
use super::words::{Foreign, Words};
use std::time::Duration;

/// Every method that is registered (RFC 3261 and its extensions), and one that is not.
pub(super) const METHODS: [&str; 15] = [
    "INVITE",
    "REGISTER",
    "OPTIONS",
    "MESSAGE",
    "SUBSCRIBE",
    "NOTIFY",
    "PUBLISH",
    "REFER",
    "INFO",
    "UPDATE",
    "PRACK",
    "BYE",
    "CANCEL",
    "ACK",
    "KDMQ",
];

const SDP: &[u8] = b"v=0\r\no=- 1 1 IN IP4 10.1.1.1\r\ns=-\r\nc=IN IP4 10.1.1.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n";
const PARTS: &[u8] = b"--edge\r\nContent-Type: application/sdp\r\n\r\nv=0\r\no=- 1 1 IN IP4 10.1.1.1\r\ns=-\r\nt=0 0\r\n\r\n--edge\r\nContent-Type: text/plain\r\n\r\nhello\r\n--edge--\r\n";

/// The plainest request of a method: what shrinking goes back to.
pub(super) fn plain(method: &str, uri: &str) -> Input {
    let to = if uri.contains('@') { uri.to_owned() } else { format!("sip:bob@{}", uri.trim_start_matches("sip:")) };
    let mut lines = vec![
        format!("{method} {uri} SIP/2.0"),
        "Via: SIP/2.0/UDP {source};branch=z9hG4bK-{n}".to_owned(),
        "Max-Forwards: 70".to_owned(),
        "From: <sip:alice@{server}>;tag=f{n}".to_owned(),
        format!("To: <{}>", to.split(';').next().unwrap_or_default()),
        "Call-ID: {n}@outside".to_owned(),
        "CSeq: 1 {method}".to_owned(),
        "Contact: <sip:alice@{source}>".to_owned(),
        "Content-Length: *".to_owned(),
    ];
    let more = match method {
        "SUBSCRIBE" | "NOTIFY" | "PUBLISH" => Some("Event: presence"),
        "REFER" => Some("Refer-To: <sip:carol@{server}>"),
        "PRACK" => Some("RAck: 1 1 INVITE"),
        _ => None,
    };
    lines.extend(more.map(str::to_owned));
    Input {
        lines: lines.into_iter().map(String::into_bytes).collect(),
        body: Vec::new(),
        number: 0,
        source: None,
        answers: &[200],
        pause: Duration::from_millis(10),
    }
}

/// All of them, the plain ones first.
pub(super) fn seeds(words: &Words) -> Vec<Input> {
    let mut all: Vec<Input> = METHODS.iter().map(|method| plain(method, "sip:bob@{server}")).collect();
    let elsewhere = format!("sip:bob@{}", words.foreign.elsewhere);
    for method in METHODS {
        all.push(plain(method, &elsewhere));
        all.push(plain(method, &format!("sip:bob@{}", Foreign::DOMAIN)));
    }
    all.push(plain("OPTIONS", "sip:{server}"));
    all.extend(METHODS.iter().map(|method| in_dialog(method)));
    for host in &words.hosts {
        for method in ["INVITE", "REGISTER", "SUBSCRIBE", "MESSAGE"] {
            let mut input = plain(method, &format!("sip:bob@{host}"));
            input.set("From", format!("<sip:alice@{host}>;tag=f{{n}}").as_bytes());
            all.push(input);
        }
    }
    for source in &words.addresses {
        all.push(Input { source: Some(*source), ..plain("INVITE", "sip:bob@{server}") });
        all.push(Input { source: Some(*source), ..plain("INVITE", &elsewhere) });
    }
    for (kind, body) in [("application/sdp", SDP), ("multipart/mixed;boundary=edge", PARTS)] {
        let mut input = plain("INVITE", "sip:bob@{server}");
        input.set("Content-Type", kind.as_bytes());
        input.body = body.to_vec();
        all.push(input);
    }
    all.extend(tortures());
    all
}

/// A request within a dialog, whose Route names the server.
fn in_dialog(method: &str) -> Input {
    let mut input = plain(method, "sip:bob@10.0.0.9:5060");
    input.set("To", b"<sip:bob@{server}>;tag=t{n}");
    input.lines.insert(2, b"Route: <sip:{server};lr>".to_vec());
    input
}

/// Forms that are allowed or nearly so, each after a thought of RFC 4475.
fn tortures() -> Vec<Input> {
    let with = |method: &str, lines: &[(&str, &str)]| {
        let mut input = plain(method, "sip:bob@{server}");
        lines.iter().for_each(|(name, value)| input.set(name, value.as_bytes()));
        input
    };
    let long = "x".repeat(3000);
    let mut all = vec![
        // Section 3.1.1.1: blanks and folds wherever they may stand.
        with(
            "INVITE",
            &[("To", "\r\n  \"Bob \\\\\\\"Q\\\"\"   <sip:bob@{server}>  ;\r\n\tx = y"), ("CSeq", "0009\r\n  {method}")],
        ),
        // 3.1.1.2: every letter a token may have.
        with("OPTIONS", &[("From", "token1~` <sip:a%20b;c=d@{server}:5060;p=%3D?Subject=x>;tag=-.!%*_+`'~{n}")]),
        // 3.1.1.3, 3.1.1.6: escapes, none at all.
        with(
            "REGISTER",
            &[("To", "sip:null-%00-null@{server}"), ("Contact", "<sip:%00@{source}>, <sip:%00%00@{source}>;q=0.5, *")],
        ),
        // 3.1.1.7: values that are long.
        with("INVITE", &[("To", &format!("\"{long}\" <sip:bob@{{server}}>")), ("X-Any", &long)]),
        // 3.1.1.9: no blank in a list of several Vias, and a strange transport.
        with(
            "OPTIONS",
            &[(
                "Via",
                "SIP/2.0/UDP {source};branch=z9hG4bK-{n},SIP / 2.0\r\n /UNKNOWN host.example.com ;branch=z9hG4bKb",
            )],
        ),
        // 3.1.2.2, 3.1.2.4: numbers beyond their range.
        with(
            "INVITE",
            &[
                ("CSeq", "36893488147419103232 {method}"),
                ("Max-Forwards", "300"),
                ("Expires", "1000000000000000000000"),
            ],
        ),
        with("INVITE", &[("Content-Length", "9999")]),
        with("INVITE", &[("Content-Length", "-999")]),
        // 3.1.2.7, 3.1.2.17: quotes left open, methods that differ.
        with("INVITE", &[("To", "\"Bob <sip:bob@{server}>")]),
        with("OPTIONS", &[("CSeq", "8 INVITE")]),
        // 3.3: requests of other schemes, and Max-Forwards that has run out.
        with("OPTIONS", &[("Max-Forwards", "0")]),
        with("REFER", &[("To", "isbn:2983792873"), ("Refer-To", "<tel:+15551234;isub=1>")]),
        with(
            "INVITE",
            &[("Route", "<sip:{server};lr>, <sip:10.0.0.7;lr>"), ("Proxy-Require", "nothing"), ("Require", "nothing")],
        ),
    ];
    for uri in [
        "tel:+15551234",
        "sips:bob@{server}",
        "sip:@{server}",
        "nobodyKnowsThis:totallyopaquecontent",
        "sip:bob@[2001:db8::9]:5060",
        "<sip:bob@{server}>",
        "*",
    ] {
        let mut input = plain("INVITE", "sip:bob@{server}");
        if let Some(start) = input.lines.first_mut() {
            *start = format!("INVITE {uri} SIP/2.0").into_bytes();
        }
        all.push(input);
    }
    all
}
