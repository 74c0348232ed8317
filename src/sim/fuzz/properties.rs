//! What a server must never do, whatever arrives.

use super::words::Foreign;
use crate::sim::second_reader;
use crate::sip::{HeaderName, Message, Method, Uri};
use crate::source::Span;
use std::net::{IpAddr, SocketAddr};

/// Something that must hold for every message.
#[derive(Debug)]
pub struct Property {
    /// Its name.
    pub name: &'static str,
    /// What breaking it means, and where that is ruled out.
    pub doc: &'static str,
    /// What of it does not hold in a trial; empty when all does.
    check: fn(&Trial) -> Vec<String>,
}

/// All of them.
pub static PROPERTIES: &[Property] = &[
    Property { name: "crash", doc: "The server panics: a mistake of alanui's own, please report it.", check: crash },
    Property {
        name: "endless",
        doc: "A loop of the script, or a message that the server sends to itself, does not come to an end.",
        check: endless,
    },
    Property {
        name: "open-relay",
        doc: "A request from somebody unknown, for a place that the config does not speak of, is sent there without any proof of who asks.",
        check: open_relay,
    },
    Property {
        name: "answered-ack",
        doc: "An ACK is never answered (RFC 3261 section 17.1.1.3).",
        check: answered_ack,
    },
    Property {
        name: "unrecorded",
        doc: "The config records routes, yet relays this request that begins a dialog without one: what follows in the dialog goes past the server \
              (RFC 3261 section 16.6, step 4).",
        check: unrecorded,
    },
    Property {
        name: "malformed",
        doc: "What leaves is no proper message, though what arrived was (RFC 3261 sections 7, 8.1.1 and 16.6).",
        check: malformed,
    },
    Property {
        name: "two-finals",
        doc: "One request gets two final replies of different codes (RFC 3261 section 17.2).",
        check: two_finals,
    },
    Property {
        name: "no-to-tag",
        doc: "A reply other than 100 has no tag in To (RFC 3261 section 8.2.6.2).",
        check: no_to_tag,
    },
    Property {
        name: "misread",
        doc: "Another reader of SIP (rsip) finds something else in what the server made itself than alanui's own does.",
        check: misread,
    },
];

/// A message, and what came of it.
#[derive(Debug)]
pub(super) struct Trial {
    /// What arrived, when it is a message.
    pub(super) arrived: Option<Message>,
    /// Who sent it.
    pub(super) source: SocketAddr,
    /// The config does not speak of the sender.
    pub(super) is_outside: bool,
    /// Where nothing may go without leave.
    pub(super) elsewhere: IpAddr,
    /// A message of its number was sent before: what leaves may be about that.
    pub(super) again: bool,
    /// The config records routes somewhere.
    pub(super) records_routes: bool,
    /// What left.
    pub(super) left: Vec<Left>,
    /// Where the script was stopped.
    pub(super) endless: Vec<Span>,
    /// Messages went round.
    pub(super) goes_round: bool,
    /// What a panic said.
    pub(super) crashed: Option<String>,
    /// The forms that messages of this call did not keep themselves, this one among them: a bit for each of [`FORMS`].
    pub(super) allowed: u16,
}

/// A packet that left.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) to: SocketAddr,
    /// The packet as a message, when it is one.
    pub(super) message: Option<Message>,
    /// A timer sent it: perhaps because of an earlier message.
    pub(super) by_timer: bool,
    /// The forms that messages of its call did not keep.
    pub(super) allowed: u16,
}

impl Trial {
    /// What left because of the message: of the same call.
    fn related(&self) -> impl Iterator<Item = (&Left, &Message, &Message)> {
        let arrived = self.arrived.iter();
        arrived.flat_map(|arrived| {
            self.left.iter().filter_map(move |left| {
                let message = left.message.as_ref()?;
                (message.call_id() == arrived.call_id()).then_some((left, message, arrived))
            })
        })
    }

    /// The message as it was relayed, beside the one that arrived: requests that begin something.
    fn relayed(&self) -> impl Iterator<Item = (&Left, &Message, &Message)> {
        self.related().filter(|(_, message, arrived)| {
            message.is_request()
                && arrived.is_request()
                && message.method_text() == arrived.method_text()
                && arrived.to().is_some_and(|to| to.tag().is_none())
        })
    }
}

/// Everything that does not hold.
pub(super) fn judge(trial: &Trial) -> Vec<(&'static Property, String)> {
    let all =
        PROPERTIES.iter().flat_map(|property| (property.check)(trial).into_iter().map(move |what| (property, what)));
    let mut found: Vec<(&'static Property, String)> = all.collect();
    found.dedup_by(|one, other| one.0.name == other.0.name && one.1 == other.1);
    found
}

/// A request that begins a dialog is relayed without Record-Route.
pub(super) fn relays_without_recording(trial: &Trial) -> bool {
    trial.relayed().any(|(_, message, _)| begins_dialog(message) && !message.has(HeaderName::RecordRoute))
}

fn begins_dialog(message: &Message) -> bool {
    matches!(message.method_text(), b"INVITE" | b"SUBSCRIBE" | b"REFER")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn crash(trial: &Trial) -> Vec<String> {
    trial.crashed.iter().cloned().collect()
}

fn endless(trial: &Trial) -> Vec<String> {
    let places = trial.endless.iter().map(|span| format!("a loop at {}:{}", span.file.0, span.start));
    places.chain(trial.goes_round.then(|| "messages go round".to_owned())).collect()
}

fn open_relay(trial: &Trial) -> Vec<String> {
    let goes = |(left, _, arrived): (&Left, &Message, &Message)| {
        let begins = !matches!(arrived.method(), Some(Method::Ack | Method::Cancel));
        (begins && left.to.ip() == trial.elsewhere).then(|| match names(arrived.request_uri(), trial.elsewhere) {
            true => "to where its Request-URI says".to_owned(),
            false => "to where its Route says".to_owned(),
        })
    };
    if trial.is_outside { trial.relayed().filter_map(goes).take(1).collect() } else { Vec::new() }
}

/// Whether a URI names the place that is elsewhere.
fn names(uri: &[u8], elsewhere: IpAddr) -> bool {
    let place = |uri: &Uri| uri.host_ip() == Some(elsewhere) || uri.host == Foreign::DOMAIN.as_bytes();
    Uri::parse(uri).is_ok_and(|uri| place(&uri))
}

fn answered_ack(trial: &Trial) -> Vec<String> {
    let is_ack = trial.arrived.as_ref().is_some_and(|arrived| arrived.method() == Some(Method::Ack));
    let answered = |(left, message, arrived): (&Left, &Message, &Message)| {
        let its = message.cseq().map(|cseq| (cseq.number, cseq.method_text))
            == arrived.cseq().map(|cseq| (cseq.number, cseq.method_text));
        (its && left.to.ip() == trial.source.ip()).then(|| format!("with {}", message.status()?).into()).flatten()
    };
    if is_ack { trial.related().filter_map(answered).take(1).collect() } else { Vec::new() }
}

fn unrecorded(trial: &Trial) -> Vec<String> {
    let bare =
        trial.relayed().filter(|(_, message, _)| begins_dialog(message) && !message.has(HeaderName::RecordRoute));
    if trial.records_routes {
        bare.map(|(_, message, _)| text(message.method_text())).take(1).collect()
    } else {
        Vec::new()
    }
}

/// A rule of form: what a message that breaks it has, and whether one keeps it.
type Form = (&'static str, fn(&Message) -> bool);

/// The place of the rule for From and To: what stands behind a quote that never ends is no tag, and none can be added.
const FROM_AND_TO: usize = 1;

const FORMS: [Form; 8] = [
    ("no readable Via", |message| message.via().is_some()),
    ("no readable From or To", |message| {
        let is_whole =
            |name| message.value(name).is_some_and(|value| memchr::memchr_iter(b'"', value).count().is_multiple_of(2));
        message.from().is_some() && message.to().is_some() && is_whole(HeaderName::From) && is_whole(HeaderName::To)
    }),
    ("no Call-ID", |message| !message.call_id().is_empty()),
    ("no readable CSeq", |message| message.cseq().is_some()),
    ("a CSeq of another method", |message| {
        !message.is_request() || message.cseq().is_none_or(|cseq| cseq.method_text == message.method_text())
    }),
    ("a Content-Length that does not fit", |message| {
        let value = message.value(HeaderName::ContentLength);
        value.is_none() || message.content_length().is_some_and(|length| length as usize == message.body().len())
    }),
    ("a Request-URI that is none", |message| !message.is_request() || Uri::parse(message.request_uri()).is_ok()),
    ("a Max-Forwards out of range", |message| {
        let value = message.value(HeaderName::MaxForwards);
        value.is_none() || message.max_forwards().is_some_and(|hops| hops <= 255)
    }),
];

/// The forms that a message does not keep.
pub(super) fn broken_forms(message: &Message) -> u16 {
    let broken = FORMS.iter().enumerate().filter(|(_, (_, keeps))| !keeps(message));
    broken.fold(0, |mask, (place, _)| mask | 1 << place)
}

fn malformed(trial: &Trial) -> Vec<String> {
    let Some(arrived) = &trial.arrived else { return Vec::new() };
    let of_this = |left: &&Left| {
        let is_same = || left.message.as_ref().is_some_and(|message| message.call_id() == arrived.call_id());
        !left.by_timer || is_same()
    };
    let mut found = Vec::new();
    for left in trial.left.iter().filter(of_this) {
        let Some(message) = &left.message else {
            found.push("cannot be read".to_owned());
            continue;
        };
        let broken = broken_forms(message) & !trial.allowed & !left.allowed;
        let named = FORMS.iter().enumerate().filter(|(place, _)| broken & (1 << place) != 0);
        found.extend(named.map(|(_, (name, _))| (*name).to_owned()));
    }
    found.sort();
    found.dedup();
    found
}

fn two_finals(trial: &Trial) -> Vec<String> {
    let key = |its: &Message| {
        let branch = its.via().and_then(|via| via.branch().map(<[u8]>::to_vec));
        (branch, its.cseq().map(|cseq| (cseq.number, cseq.method_text.to_vec())))
    };
    let to_it = trial.related().filter(|(left, message, arrived)| {
        left.to.ip() == trial.source.ip() && !message.is_request() && key(message) == key(arrived)
    });
    let mut codes = to_it.filter_map(|(_, message, _)| message.status().filter(|code| *code >= 200));
    // A second one of the same code tells the peer nothing else: Kamailio's t_relay and sl_reply_error both answer what cannot be sent. And each
    // branch of a forked INVITE may end in a 2xx (RFC 3261 section 13.2.2.4).
    let first = codes.next().filter(|_| !trial.again);
    let mut other = |first: u16| codes.any(|code| code != first && (code >= 300 || first >= 300));
    match first {
        Some(first) if other(first) => vec![format!("{first}, then another")],
        _ => Vec::new(),
    }
}

fn no_to_tag(trial: &Trial) -> Vec<String> {
    let is_bare = |message: &Message| {
        message.status().is_some_and(|code| code > 100) && message.to().is_some_and(|to| to.tag().is_none())
    };
    let bare = trial.related().any(|(_, message, _)| is_bare(message));
    let is_readable = trial.allowed & (1 << FROM_AND_TO) == 0;
    if bare && is_readable { vec!["a reply".to_owned()] } else { Vec::new() }
}

fn misread(trial: &Trial) -> Vec<String> {
    let made = trial.related().filter(|(left, message, arrived)| {
        let is_well_formed = (left.allowed | trial.allowed | broken_forms(message)) == 0;
        is_well_formed && second_reader::is_made_here(message, arrived)
    });
    made.filter_map(|(_, message, arrived)| second_reader::disagreement(message, [arrived])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn message(start: &str, cseq: &str) -> Message {
        let text = format!(
            "{start}\r\nVia: SIP/2.0/UDP 192.0.2.66;branch=z9hG4bK-1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:b@b>;tag=2\r\nCall-ID: 1\r\nCSeq: {cseq}\r\n\r\n"
        );
        Message::parse(Bytes::from(text)).unwrap()
    }

    fn trial(arrived: Message, left: &[Message]) -> Trial {
        let source = "192.0.2.66:5060".parse().unwrap();
        let left =
            left.iter().map(|message| Left { to: source, message: Some(message.clone()), by_timer: false, allowed: 0 });
        Trial {
            arrived: Some(arrived),
            source,
            is_outside: true,
            elsewhere: "203.0.113.77".parse().unwrap(),
            again: false,
            records_routes: false,
            left: left.collect(),
            endless: Vec::new(),
            goes_round: false,
            crashed: None,
            allowed: 0,
        }
    }

    fn names(trial: &Trial) -> Vec<&'static str> {
        judge(trial).into_iter().map(|(property, _)| property.name).collect()
    }

    /// No script can make alanui answer an ACK, so that none is planted.
    #[test]
    fn an_answered_ack_is_seen() {
        let ack = message("ACK sip:b@b SIP/2.0", "1 ACK");
        assert_eq!(names(&trial(ack.clone(), &[message("SIP/2.0 404 Not Found", "1 ACK")])), ["answered-ack"]);
        assert!(names(&trial(ack, &[message("SIP/2.0 404 Not Found", "1 INVITE")])).is_empty());
    }

    #[test]
    fn two_finals_are_seen_and_one_twice_is_none() {
        let invite = message("INVITE sip:b@b SIP/2.0", "1 INVITE");
        let [not_found, busy] =
            ["404 Not Found", "486 Busy Here"].map(|status| message(&format!("SIP/2.0 {status}"), "1 INVITE"));
        assert_eq!(names(&trial(invite.clone(), &[not_found.clone(), busy])), ["two-finals"]);
        assert!(names(&trial(invite, &[not_found.clone(), not_found])).is_empty());
    }
}
