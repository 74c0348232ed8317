//! Messages that cannot be served: answered where that helps the sender, counted, and told in the log once in a while.

use super::driver::Node;
use crate::builtin::{Counter, Extension, LogLevel, SocketId, Working};
use crate::sip::{HeaderName, Malformed, Message};
use crate::time::Now;
use std::net::SocketAddr;

impl Node {
    /// Drops a packet that is no message.
    pub(super) fn drop_unread(&mut self, now: Now, source: SocketAddr, fault: Malformed) {
        self.statistics.garbage += 1;
        if self.refusals.note(now.tick, source.ip(), fault) {
            self.stack.core.log(LogLevel::Warning, format!("dropped a packet from {source}: {fault}"));
        }
    }

    /// Refuses a message. Kamailio drops most of these without a word to the sender; a body or a head that was cut short on its way is answered
    /// there, too.
    pub(super) fn refuse(&mut self, now: Now, mut working: Box<Working>, fault: Malformed) {
        self.statistics.garbage += 1;
        let (is_request, source) = (working.message.is_request(), working.received.flow.peer);
        self.stack.core.counters.count(match is_request {
            true => const { Counter::named("err_requests") },
            false => const { Counter::named("err_replies") },
        });
        let cut_short = match fault {
            Malformed::BodyTooShort => true,
            // Within a line Kamailio is silent, too.
            Malformed::NoEndOfHeaders => working.message.bytes().ends_with(b"\n"),
            _ => false,
        };
        let answers = working.message.can_be_answered()
            && (cut_short || self.stack.core.extensions.allows(Extension::AnswerBadRequests));
        let (code, reason) = answer(fault);
        if self.refusals.note(now.tick, source.ip(), fault) {
            let what = match working.message.method() {
                Some(_) => String::from_utf8_lossy(working.message.method_text()).into_owned(),
                None => format!("reply {}", working.message.status().unwrap_or(0)),
            };
            let done = if answers { format!("answered {code} to") } else { "dropped".to_owned() };
            self.stack.core.log(LogLevel::Warning, format!("{done} a message ({what}) from {source}: {fault}"));
        }
        if answers {
            self.stateless_reply(now, &mut working, code, reason.as_bytes(), &[]);
        }
    }

    /// Why a message that has all it needs is not served here: from a stream it needs a Content-Length (RFC 3261 section 18.3), and Kamailio alone
    /// passes on what counts no further than it can.
    pub(super) fn unfit(&self, message: &Message, socket: SocketId) -> Option<Malformed> {
        let must_say = || {
            self.stack.core.sockets.transport(socket).is_reliable()
                && !self.stack.core.settings.connections.takes_no_length
        };
        if !message.has(HeaderName::ContentLength) && must_say() {
            return Some(Malformed::Missing(HeaderName::ContentLength));
        }
        let counts = message.cseq().is_some() || !self.stack.core.extensions.allows(Extension::AnswerBadRequests);
        (!counts).then_some(Malformed::NoNumber(HeaderName::CSeq))
    }
}

/// Code and reason for a request with this fault; the reason names the fault (RFC 3261 section 21.4.1). Three of them are those of Kamailio's `sanity_check`.
fn answer(fault: Malformed) -> (u16, String) {
    match fault {
        Malformed::BadVersion => (505, "Version Not Supported".to_owned()),
        Malformed::BodyTooShort => (400, "Content-Length mis-match".to_owned()),
        Malformed::NoEndOfHeaders => (400, "Content-Length Body Failure".to_owned()),
        Malformed::NoNumber(name) => (400, format!("{} number is illegal", name.as_str())),
        Malformed::BadRequestLine => (400, "Bad Request-Line".to_owned()),
        Malformed::HeaderWithoutColon | Malformed::HeaderWithoutName => (400, "Bad Header".to_owned()),
        Malformed::TooManyHeaders => (400, "Too Many Headers".to_owned()),
        Malformed::Missing(name) => (400, format!("Missing {} Header", name.as_str())),
        Malformed::Unreadable(name) => (400, format!("Bad {} Header", name.as_str())),
        Malformed::Twice(name) => (400, format!("Several {} Headers", name.as_str())),
        // Such a packet is no request.
        Malformed::TooLarge | Malformed::NoStartLine | Malformed::NotSip | Malformed::BadStatus => {
            (400, "Bad Request".to_owned())
        }
    }
}
