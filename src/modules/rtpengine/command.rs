//! Commands of the control protocol, made of a message and flags (<https://rtpengine.readthedocs.io>, "The ng Control Protocol").

use super::bencode::Bencode;
use super::flags::{Flags, Via};
use super::operation::Operation;
use crate::builtin::{Context, Value};
use crate::modules::sdpops;
use crate::sip::{Extent, HeaderName, Message};
use bytes::Bytes;

/// A command, and what it is chosen and remembered by.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) operation: Operation,
    pub(super) entries: Bencode,
    pub(super) call_id: Bytes,
    pub(super) via_branch: Bytes,
}

/// The session description of a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Description {
    pub(super) place: Extent,
    /// It is a fragment with ICE candidates (RFC 8840).
    is_fragment: bool,
}

/// Finds the session description.
///
/// # Errors
/// Why there is none.
pub(super) fn description(message: &Message) -> Result<Description, &'static str> {
    let body = message.body_extent();
    if !message.has(HeaderName::ContentLength) || body.is_empty() {
        return Err("the message has no body");
    }
    let whole = |is_fragment| Ok(Description { place: body, is_fragment });
    let Some(kind) = message.content_type() else { return whole(false) };
    let plain = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    if plain.eq_ignore_ascii_case(b"application/sdp") {
        return whole(false);
    }
    if plain.eq_ignore_ascii_case(b"application/trickle-ice-sdpfrag") {
        return whole(true);
    }
    let part = sdpops::description(message).filter(|_| plain.eq_ignore_ascii_case(b"multipart/mixed"));
    let part = part.ok_or("the body is no session description")?;
    // The line end in front of a delimiter belongs to that (RFC 2046 section 5.1.1).
    let text = message.text(part);
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    let start = usize::from(part.start);
    Ok(Description { place: Extent::new(start, start + text.len()), is_fragment: false })
}

/// What the caller of a command knows beside the message.
#[derive(Debug, Default)]
pub(super) struct Given<'a> {
    pub(super) flags: Bytes,
    /// The session description, when not that of the message.
    pub(super) sdp: Option<Bytes>,
    /// What `extra_id_pv` says.
    pub(super) extra_id: Option<&'a Value>,
}

/// Makes a command.
///
/// # Errors
/// Why it cannot be made.
pub(super) fn command(cx: &Context, operation: Operation, given: &Given) -> Result<Command, String> {
    let message = &cx.message.message;
    let text = |text: &[u8]| Bytes::copy_from_slice(text);
    let list = |texts: Vec<Bytes>| Bencode::List(texts.into_iter().map(Bencode::Text).collect());
    let mut entries = Entries::default();
    entries.add("supports", Bencode::List(vec![Bencode::text("load limit")]));
    let mut is_fragment = false;
    if operation.has_sdp() {
        let sdp = match &given.sdp {
            Some(sdp) => sdp.clone(),
            None => {
                let found = description(message)?;
                is_fragment = found.is_fragment;
                message.slice(found.place)
            }
        };
        entries.add("sdp", Bencode::Text(sdp));
    }
    let mut flags = Flags::read(&given.flags, operation)?;
    let operation = if flags.force_answer { Operation::Answer } else { operation };
    if is_fragment {
        flags.plain.push(Bytes::from_static(b"fragment"));
    }
    entries.0.append(&mut flags.keys);
    entries.add_list("direction", flags.direction);
    entries.add_list("flags", flags.plain);
    entries.add_list("replace", flags.replace);
    if !flags.codec.is_empty() {
        let lists = flags.codec.into_iter().map(|(name, items)| (text(name.as_bytes()), list(items)));
        entries.add("codec", Bencode::Dict(lists.collect()));
    }
    if let Some(transport) = flags.transport {
        entries.add("transport-protocol", Bencode::text(transport.name()));
    }
    entries.add_list("rtcp-mux", flags.rtcp_mux);
    entries.add_list("SDES", flags.sdes);
    entries.add_list("T.38", flags.t38);
    let call_id = flags.call_id.take().unwrap_or_else(|| text(message.call_id()));
    if call_id.is_empty() {
        return Err("the message has no Call-ID".into());
    }
    entries.add("call-id", Bencode::Text(call_id.clone()));
    let via_branch = match flags.via {
        Some(via) => via_branch(message, via, given.extra_id)?,
        None => Bytes::new(),
    };
    if flags.via.is_some() {
        entries.add("via-branch", Bencode::Text(via_branch.clone()));
    }
    let source = cx.message.received.flow.peer.ip();
    let family = if source.is_ipv4() { "IP4" } else { "IP6" };
    entries.add("received-from", list(vec![text(family.as_bytes()), Bytes::from(source.to_string())]));

    let tag = |party: Option<crate::sip::NameAddr>| text(party.and_then(|party| party.tag()).unwrap_or_default());
    let from_tag = flags.from_tag.take().unwrap_or_else(|| tag(message.from()));
    let to_tag = flags.to_tag.take().unwrap_or_else(|| tag(message.to()));
    if from_tag.is_empty() {
        return Err("From has no tag".into());
    }
    let is_reply = !message.is_request();
    let is_answer = operation == Operation::Answer;
    if operation.is_about_all() {
        if flags.directional {
            entries.add("from-tag", Bencode::Text(from_tag));
        }
    } else if is_reply == is_answer || is_reply && operation == Operation::Delete || flags.directional {
        entries.add("from-tag", Bencode::Text(from_tag));
        if flags.with_to && !to_tag.is_empty() {
            entries.add("to-tag", Bencode::Text(to_tag));
        }
    } else if to_tag.is_empty() {
        return Err("To has no tag".into());
    } else {
        // Who answers in a request, or offers in a reply, is the one whom To names.
        entries.add("from-tag", Bencode::Text(to_tag));
        entries.add("to-tag", Bencode::Text(from_tag));
    }
    entries.add("command", Bencode::text(operation.name()));
    Ok(Command { operation, entries: Bencode::Dict(entries.0), call_id, via_branch })
}

/// The entries of a command, in their order.
#[derive(Default)]
struct Entries(Vec<(Bytes, Bencode)>);

impl Entries {
    fn add(&mut self, name: &'static str, value: Bencode) {
        self.0.push((Bytes::from_static(name.as_bytes()), value));
    }

    /// Adds a list unless it is empty.
    fn add_list(&mut self, name: &'static str, items: Vec<Bytes>) {
        if !items.is_empty() {
            self.add(name, Bencode::List(items.into_iter().map(Bencode::Text).collect()));
        }
    }
}

/// The text that tells the branches of a call apart.
fn via_branch(message: &Message, via: Via, extra_id: Option<&Value>) -> Result<Bytes, String> {
    let is_reply = !message.is_request();
    let of_via = |which: usize| {
        let via = message.vias().nth(which).and_then(|entry| entry.value.ok());
        via.and_then(|via| via.branch().map(Bytes::copy_from_slice))
    };
    let found = match via {
        Via::First => of_via(0),
        Via::Second => of_via(1),
        Via::Auto => of_via(usize::from(is_reply)),
        Via::AutoExtra if is_reply => of_via(0),
        Via::Extra | Via::AutoExtra => extra_id.map(Value::to_text),
        Via::Next => return Err("via-branch=next is not known here: a branch is made when the request leaves".into()),
    };
    found.filter(|found| !found.is_empty()).ok_or_else(|| "there is no Via branch or extra id".into())
}
