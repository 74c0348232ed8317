//! The server's own addresses: what it listens on, what it takes for itself, what it sends from.

use crate::builtin::{Does, Means};
use crate::config::ast::{Expression, ExpressionKind, Listen, SettingValue};
use crate::config::parse_address;
use crate::config::walk::{self, Node};
use crate::lint::preprocessor::Raw;
use crate::lint::{Findings, Rule, Severity, Subject};
use crate::source::Span;

/// A socket on every interface.
pub(super) static WILDCARD: Rule = Rule {
    code: "wildcard-listen",
    severity: Severity::Warning,
    finds: "listen on 0.0.0.0 or [::] without an address to advertise.",
    why: "Kamailio writes the address of the socket into Via and Record-Route. With 0.0.0.0 there, replies and the requests of a dialog have \
          nowhere to go. alanui writes the address of the interface a message leaves by.",
    instead: "Listen on the address itself, or add: advertise 198.51.100.1:5060.",
    reference: "https://www.kamailio.org/wikidocs/cookbooks/devel/core/",
    check: wildcard,
};

/// A server that does not know its name.
pub(super) static MYSELF: Rule = Rule {
    code: "myself-without-alias",
    severity: Severity::Warning,
    finds: "A test against myself where nothing tells the server which addresses and names are its own.",
    why: "A socket on 0.0.0.0 matches neither the address nor the domain that phones write into their requests. The own domain is then taken for a \
          foreign one: requests loop back here, or are relayed for anybody.",
    instead: "Name the domains: alias=\"sip.example.org\", or load the domain module with register_myself.",
    reference: "https://www.kamailio.org/wikidocs/cookbooks/devel/core/",
    check: myself,
};

/// Two networks and one way out.
pub(super) static MULTIHOMED: Rule = Rule {
    code: "multihomed-without-mhomed",
    severity: Severity::Warning,
    finds: "Sockets of one protocol in several networks, and nothing that chooses the one to send from.",
    why: "A request leaves by the socket it came in by, whatever its target: packets with the inner address go out on the outer side.",
    instead: "Set mhomed=1, or assign $fs before relaying.",
    reference: "https://www.kamailio.org/wikidocs/cookbooks/devel/core/",
    check: multihomed,
};

/// A next hop without a protocol.
pub(super) static KEEPS_TRANSPORT: Rule = Rule {
    code: "relay-keeps-transport",
    severity: Severity::Hint,
    finds: "t_relay(host, port) where the server listens on more than one protocol.",
    why: "The request goes on by the protocol it came in by: one that came over TCP is sent to the target over TCP.",
    instead: "Name the protocol: t_relay_to_udp(host, port), or $du = \"sip:host:port;transport=udp\".",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/tm.html",
    check: keeps_transport,
};

/// An address that others cannot reach.
pub(super) static NOT_ADVERTISED: Rule = Rule {
    code: "private-address-not-advertised",
    severity: Severity::Warning,
    finds: "Sockets on private addresses only, with nothing to advertise, in a config that relays to a public address or says beside a socket that it \
            faces the internet.",
    why: "The private address goes into Via and Record-Route. The peer outside sends its requests of the dialog there, and they arrive nowhere: \
          calls cannot be ended from that side.",
    instead: "listen=udp:10.0.1.5:5060 advertise 198.51.100.1:5060, or advertised_address.",
    reference: "https://www.kamailio.org/wikidocs/cookbooks/devel/core/",
    check: not_advertised,
};

/// A socket as it is written.
struct Socket {
    proto: Option<String>,
    host: String,
    advertised: bool,
    span: Span,
}

fn sockets(subject: &Subject) -> Vec<Socket> {
    let mut found = Vec::new();
    for setting in subject.settings("listen") {
        for value in &setting.values {
            match value {
                SettingValue::Listen(listen) => of_listen(listen, &mut found),
                SettingValue::Text(text) => of_text(&String::from_utf8_lossy(&text.value), text.span, &mut found),
                SettingValue::Word(word) => of_text(&word.text, word.span, &mut found),
                SettingValue::Int(..) => {}
            }
        }
    }
    found
}

fn of_listen(listen: &Listen, found: &mut Vec<Socket>) {
    let proto = listen.proto.as_ref().map(|proto| proto.text.to_ascii_lowercase());
    for address in &listen.addresses {
        let host = address.text.trim_matches(['[', ']']).to_owned();
        found.push(Socket { proto: proto.clone(), host, advertised: listen.advertise.is_some(), span: listen.span });
    }
}

fn of_text(text: &str, span: Span, found: &mut Vec<Socket>) {
    if let Some((proto, host, _)) = parse_address(text) {
        found.push(Socket { proto, host, advertised: false, span });
    }
}

fn is_wildcard(host: &str) -> bool {
    matches!(host, "0.0.0.0" | "::" | "*")
}

/// Whether `advertise` stands behind a socket, readable or not.
fn advertises(subject: &Subject, place: Span) -> bool {
    let text = subject.sources.text(place.file);
    let rest = text.get(place.start as usize..).unwrap_or(&[]);
    let line = &rest[..memchr::memchr(b'\n', rest).unwrap_or(rest.len())];
    memchr::memmem::find(line, b"advertise").is_some()
}

fn wildcard(subject: &Subject, findings: &mut Findings) {
    if subject.settings("advertised_address").next().is_some() || subject.only_captures() {
        return;
    }
    for socket in sockets(subject) {
        if is_wildcard(&socket.host) && !socket.advertised && !advertises(subject, socket.span) {
            let found = findings
                .add(format!("Kamailio writes {} into Via and Record-Route for this socket", socket.host), socket.span);
            found.add_note("replies and the requests of a dialog then have nowhere to go");
            found.add_note("alanui writes the address of the interface that a message leaves by");
            found.add_help("listen on the address itself, or add `advertise ADDRESS:PORT`");
        }
    }
}

fn myself(subject: &Subject, findings: &mut Findings) {
    let sockets = sockets(subject);
    let knows = subject.settings("alias").next().is_some()
        || subject
            .settings("auto_aliases")
            .next()
            .is_some_and(|its| matches!(its.values.first(), Some(SettingValue::Int(1, _))))
        || subject.settings("advertised_address").next().is_some()
        || subject.loaded("domain").is_some()
        || subject.script().calls_any(&["corex_alias"]);
    let blind = !sockets.is_empty() && sockets.iter().all(|socket| is_wildcard(&socket.host) && !socket.advertised);
    if knows || !blind {
        return;
    }
    let mut first: Option<Span> = None;
    for question in &subject.script().questions {
        walk::expression(question, &mut |node| {
            if let Node::Expression(Expression { kind: ExpressionKind::Word(word), span }) = node
                && word == "myself"
                && first.is_none()
            {
                first = Some(*span);
            }
        });
    }
    if let (Some(place), Some(socket)) = (first, sockets.first()) {
        let found = findings.add("nothing tells this server which domains and addresses are its own", place);
        found.add_label(socket.span, "this address stands in no request");
        found.add_help("add alias=\"your.domain\" for each domain");
    }
}

fn multihomed(subject: &Subject, findings: &mut Findings) {
    let chooses = subject.settings("mhomed").next().is_some()
        || subject.script().anything(Does::ChooseSocket)
        || subject.script().assigns.iter().any(|its| matches!(&*its.assign.target.text, b"fs" | b"fsn"));
    // Destinations may name the socket themselves.
    if chooses || ["dispatcher", "lcr", "drouting"].iter().any(|module| subject.loaded(module).is_some()) {
        return;
    }
    let sockets = sockets(subject);
    for (at, socket) in sockets.iter().enumerate() {
        let Some(network) = network(&socket.host) else { continue };
        let mut before = sockets[..at].iter().filter(|its| its.proto == socket.proto);
        let other = before.find(|its| self::network(&its.host).is_some_and(|its| its != network));
        if let Some(other) = other {
            let found = findings.add("nothing chooses between this socket and one in another network", socket.span);
            found.add_label(other.span, "the other network");
            found.add_note("a request is sent from the socket that it came in by");
            found.add_help("set mhomed=1, or assign $fs before relaying");
            return;
        }
    }
}

/// The first three parts of an IPv4 address that is not of this machine alone.
fn network(host: &str) -> Option<[u8; 3]> {
    let address: std::net::Ipv4Addr = host.parse().ok()?;
    let [a, b, c, _] = address.octets();
    (!address.is_loopback() && !address.is_unspecified()).then_some([a, b, c])
}

fn not_advertised(subject: &Subject, findings: &mut Findings) {
    let sockets = sockets(subject);
    let is_private = |host: &str| host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_private());
    let hidden = !sockets.is_empty() && sockets.iter().all(|socket| is_private(&socket.host) && !socket.advertised);
    if !hidden || subject.settings("advertised_address").next().is_some() {
        return;
    }
    let mut reported = Vec::new();
    for socket in &sockets {
        let Some(comment) = faces_outside(subject, socket.span) else { continue };
        reported.push(socket.span);
        let message = format!("peers outside are told to answer to {}, which they cannot reach", socket.host);
        let found = findings.add(message, socket.span);
        found.add_label(comment, "the outer side, as this says");
        found.add_help("add `advertise PUBLIC_ADDRESS:PORT`");
    }
    let is_target = |name: &[u8]| matches!(name, b"du" | b"ru" | b"rd");
    let assigned =
        subject.script().assigns.iter().filter(|its| is_target(&its.assign.target.text)).map(|its| &its.assign.value);
    let given = subject.script().arguments_for(Means::Host);
    for value in assigned.chain(given.map(|(_, arg)| arg)) {
        let ExpressionKind::Text(text) = &value.kind else { continue };
        let text = String::from_utf8_lossy(text);
        let Some(public) = text.split(['@', ':', ';', '/']).find(|part| is_public(part)) else { continue };
        if let Some(socket) = sockets.first().filter(|socket| !reported.contains(&socket.span)) {
            let found = findings
                .add(format!("{public} is told to answer to {}, which it cannot reach", socket.host), socket.span);
            found.add_label(value.span, "requests go to a public address here");
            found.add_help("add `advertise PUBLIC_ADDRESS:PORT`");
        }
        return;
    }
}

/// The comment on the line of a socket, or alone on the line above, that calls its side the outer one.
fn faces_outside(subject: &Subject, socket: Span) -> Option<Span> {
    let line = |span: Span| subject.sources.line_column(span.file, span.start).0;
    let alone = |span: Span| {
        let before = subject.sources.slice(Span { start: 0, end: span.start, ..span });
        before[memchr::memrchr(b'\n', before).unwrap_or(0)..].trim_ascii().is_empty()
    };
    let says = |comment: &[u8]| {
        let comment = String::from_utf8_lossy(comment).to_ascii_lowercase();
        let mut words = comment.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        words.any(|word| matches!(word, "wan" | "internet" | "public" | "external"))
    };
    let at = line(socket);
    let raw = Raw::of(subject);
    let mut near = raw
        .comments
        .iter()
        .filter(|(_, span)| span.file == socket.file && (line(*span) == at || line(*span) + 1 == at && alone(*span)));
    near.find(|(comment, _)| says(comment)).map(|(_, span)| *span)
}

/// A literal address of the internet.
fn is_public(text: &str) -> bool {
    let Ok(address) = text.parse::<std::net::Ipv4Addr>() else { return false };
    !(address.is_private()
        || address.is_loopback()
        || address.is_unspecified()
        || address.is_link_local()
        || address.is_multicast())
}

fn keeps_transport(subject: &Subject, findings: &mut Findings) {
    let sockets = sockets(subject);
    let mut protocols: Vec<&str> = sockets.iter().filter_map(|socket| socket.proto.as_deref()).collect();
    protocols.sort_unstable();
    protocols.dedup();
    if protocols.len() < 2 {
        return;
    }
    for its in subject.script().calls_that(Does::KeepTransport) {
        let found = findings.add("the request goes on by the protocol it came in by", its.call.span);
        found.add_note(format!("the server listens on {}", protocols.join(", ")));
        found.add_help("name the protocol: t_relay_to_udp(host, port)");
    }
}

/// Whether a config names an address to listen on: what a rule may ask before it takes the server for a public one.
pub(in crate::lint) fn listens_beyond_loopback(subject: &Subject) -> bool {
    let is_local = |host: &str| host == "localhost" || host.starts_with("127.") || host == "::1" || host == "lo";
    sockets(subject).iter().any(|socket| !is_local(&socket.host))
}
