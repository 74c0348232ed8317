//! `$sdp` and `$sdpitval`.

use super::session::{Address, Sdp, Session, Stream, lines};
use super::{lines::walks, look, sdp};
use crate::builtin::{
    Context, Fault, Key, KeyKind, LogLevel, Place, Prepare, Prepared, Template, Value, Variable, int_text, parse_int,
};
use crate::modules::line_walk;
use crate::sip::Message;
use bytes::Bytes;

/// The variables.
pub(super) const ROWS: &[Variable] = &[
    Variable::read(&["sdp"], read, "A part of the session description: $sdp(body), $sdp(c:ip), $sdp(m0:rtp:port).")
        .keyed(KeyKind::Custom(prepare))
        .written(write),
    Variable::read(
        &["sdpitval"],
        |cx, key, _| line_walk::value(cx, key, walks),
        "The line at which an iterator stands.",
    )
    .keyed(KeyKind::Text),
];

/// A part of a session description.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Body,
    Version,
    Address,
    Family,
    Origin,
    Port,
    RtcpPort,
    Stream,
    /// The bandwidth of this type.
    Bandwidth(&'static [u8]),
}

const PARTS: &[(&str, Part)] = &[
    ("body", Part::Body),
    ("raw", Part::Body),
    ("sess_version", Part::Version),
    ("c:ip", Part::Address),
    ("c:af", Part::Family),
    ("o:ip", Part::Origin),
    ("m0:rtp:port", Part::Port),
    ("m0:rtcp:port", Part::RtcpPort),
    ("m0:raw", Part::Stream),
    ("m0:b:AS", Part::Bandwidth(b"b=AS:")),
    ("m0:b:RR", Part::Bandwidth(b"b=RR:")),
    ("m0:b:RS", Part::Bandwidth(b"b=RS:")),
];

fn prepare(text: &Template, _: &mut Prepare) -> Result<Prepared, Fault> {
    let name = text.constant().unwrap_or_default();
    match PARTS.iter().find(|(its, _)| its.as_bytes() == name) {
        Some((_, part)) => Ok(Box::new(*part)),
        None => {
            let names: Vec<_> = PARTS.iter().map(|(name, _)| *name).collect();
            Err(Fault::new(format!("$sdp({text:?}) is nothing")).help(format!("write one of {}", names.join(", "))))
        }
    }
}

fn read(cx: &mut Context, key: &Key, _: Place) -> Value {
    // Reading is no mistake: Kamailio only informs.
    let (Some(part), Ok(sdp)) = (key.prepared::<Part>(), look(cx, LogLevel::Info)) else { return Value::Null };
    part_of(&cx.message.message, &sdp, *part).unwrap_or_default()
}

fn part_of(message: &Message, sdp: &Sdp, part: Part) -> Option<Value> {
    let session = || sdp.sessions.first();
    let stream = || session()?.streams.first();
    let text = |extent| Some(Value::Text(message.slice(extent)));
    match part {
        Part::Body => text(sdp.raw),
        Part::Version => {
            let version = message.slice(sdp.sessions.last()?.version);
            Some(Value::Both(parse_int(&version)?, version))
        }
        Part::Address => text(address(session()?)?.text),
        // The numbers of the system's address families.
        Part::Family => address(session()?).map(|address| Value::Int(if address.is_v6 { 10 } else { 2 })),
        Part::Origin => text(session()?.origin.text),
        Part::Port => text(stream()?.port),
        Part::RtcpPort => match stream()?.rtcp_port {
            Some(port) => text(port),
            None => {
                let port = crate::sip::number(message.text(stream()?.port)).filter(|port| *port < 65_535)?;
                Some(Value::Text(int_text(port as i64 + 1)))
            }
        },
        Part::Stream => text(stream()?.raw),
        Part::Bandwidth(start) => bandwidth(message, stream()?, start).map(Value::Text),
    }
}

fn address(session: &Session) -> Option<Address> {
    session.streams.first().and_then(|stream| stream.address).or(session.address)
}

fn bandwidth(message: &Message, stream: &Stream, start: &[u8]) -> Option<Bytes> {
    let mut values = lines(message, stream.raw).filter_map(|line| {
        let line = message.slice(line);
        line.starts_with(start).then(|| line.slice_ref(line.trim_ascii_end()).slice(start.len()..))
    });
    values.next().filter(|value| !value.is_empty())
}

fn write(cx: &mut Context, key: &Key, _: Place, value: Value) -> Result<(), Fault> {
    if key.prepared::<Part>() != Some(&Part::Version) {
        return Err(Fault::new("of $sdp only the session version can be written"));
    }
    let (Value::Int(version) | Value::Both(version, _)) = value else {
        return Err(Fault::new("the session version is a number"));
    };
    let sdp = sdp(cx).map_err(|_| Fault::new("the body is no session description"))?;
    let message = &mut *cx.message;
    let Some(place) = sdp.sessions.last().map(|session| session.version) else {
        return Err(Fault::new("the body has no session description"));
    };
    let version = match version {
        -1 => parse_int(message.message.text(place)).and_then(|version| version.checked_add(1)),
        version => Some(version),
    };
    let version = version.ok_or_else(|| Fault::new("the session version cannot be counted up"))?;
    message.edits.replace(place, int_text(version));
    Ok(())
}
