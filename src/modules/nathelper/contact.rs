//! Contact: the address its sender wrote, and the one it really has.

use super::{CHANGING, MODE, offset};
use crate::builtin::{Args, Context, Does, Function, LogLevel, Outcome, Routes};
use crate::modules::core::source;
use crate::sip::{Entry, Extent, Message, NameAddr, Scheme, Transport, Uri};
use std::net::IpAddr;

/// The Contact that is looked at and changed.
pub(super) struct Contact<'a> {
    /// The address.
    pub(super) address: NameAddr<'a>,
    /// Its URI.
    pub(super) uri: Uri<'a>,
    /// Where the URI stands in the message.
    pub(super) place: Extent,
    /// All of the header it stands in.
    pub(super) header: &'a [u8],
}

impl Contact<'_> {
    /// Where host and port stand in the message.
    pub(super) fn host_and_port(&self) -> Extent {
        let start = offset(self.uri.text, self.uri.host);
        let port = if self.uri.port_text.is_empty() { 0 } else { self.uri.port_text.len() + 1 };
        Extent::new(start, start + self.uri.host.len() + port).shifted(self.place.start)
    }
}

/// Kamailio looks at the last value of the first Contact header. `None` when there is no such header, an error when its values cannot be read.
pub(super) fn contact(message: &Message) -> Option<Result<Contact<'_>, ()>> {
    let first = message.header(crate::sip::HeaderName::Contact)?;
    let mut last: Option<Entry<Result<NameAddr, _>>> = None;
    for entry in message.contacts().take_while(|entry| entry.header.line == first.line) {
        if entry.value.is_err() {
            return Some(Err(()));
        }
        last = Some(entry);
    }
    let read = || {
        let entry = last?;
        let address = entry.value.ok()?;
        let uri = address.uri().ok().filter(|uri| matches!(uri.scheme, Scheme::Sip | Scheme::Sips))?;
        let place = address.uri_extent().shifted(entry.extent.start);
        Some(Contact { address, uri, place, header: message.text(first.value) })
    };
    Some(read().ok_or(()))
}

/// The host of Contact when it is an address.
pub(super) fn host(cx: &Context) -> Option<IpAddr> {
    contact(&cx.message.message)?.ok()?.uri.host_ip()
}

/// The port of Contact.
pub(super) fn port(cx: &Context) -> Option<u16> {
    contact(&cx.message.message)?.ok().map(|contact| contact.uri.port_or_default())
}

pub(super) const FIX_NATED_CONTACT: Function = Function {
    names: &["fix_nated_contact"],
    args: &[],
    routes: CHANGING,
    run: fix_nated_contact,
    does: &[Does::FixContact, Does::ChangeContact],
    doc: "Puts the address and port the message came from into the URI of Contact, of the first header's last value.",
};

fn fix_nated_contact(cx: &mut Context, _: &Args) -> Outcome {
    let message = &mut *cx.message;
    match contact(&message.message) {
        Some(Ok(contact)) => {
            let place = contact.host_and_port();
            message.edits.replace(place, message.received.flow.peer.to_string());
            Outcome::TRUE
        }
        Some(Err(())) => unreadable(cx),
        None => Outcome::FALSE,
    }
}

/// Says that Contact cannot be read.
pub(super) fn unreadable(cx: &mut Context) -> Outcome {
    cx.log(LogLevel::Error, "Contact cannot be read");
    Outcome::FALSE
}

pub(super) const ADD_RCV_PARAM: Function = Function {
    names: &["add_rcv_param"],
    args: MODE,
    routes: Routes::REQUEST,
    run: add_rcv_param,
    does: &[Does::FixContact],
    doc: "Adds the parameter `received`, where the message came from, to each Contact; to its URI when the mode is not 0, which is only for UDP.",
};

fn add_rcv_param(cx: &mut Context, args: &Args) -> Outcome {
    let in_uri = args.int(cx, 0) != 0;
    if in_uri && source::transport(cx) != Transport::Udp {
        // Its transport would be taken for that of the Contact.
        cx.log(LogLevel::Error, "add_rcv_param: only an address of UDP can stand in the URI");
        return Outcome::FALSE;
    }
    let source = source::uri(cx);
    let message = &mut *cx.message;
    let mut places = Vec::new();
    let mut bad = false;
    for entry in message.message.contacts() {
        match entry.value {
            Ok(address) if address.is_star() => {}
            Ok(address) if in_uri => places.push(address.uri_extent().shifted(entry.extent.start).end),
            Ok(_) => places.push(entry.extent.end),
            Err(_) => bad = true,
        }
    }
    if bad {
        return unreadable(cx);
    }
    let text = if in_uri { format!(";received={source}") } else { format!(";received=\"{source}\"") };
    for place in places {
        message.edits.replace(Extent { start: place, end: place }, text.clone());
    }
    Outcome::TRUE
}
