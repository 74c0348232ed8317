//! Where a message came from, kept in a parameter of Contact: `;alias=address~port~transport`.

use super::contact::{contact, unreadable};
use super::{CHANGING, MODE, NatHelper, offset};
use crate::builtin::{Arg, Args, Context, Does, Fault, Function, LogLevel, Outcome, Routes, Value};
use crate::modules::core::source;
use crate::sip::{Extent, Parameter, Transport, Uri};
use bytes::Bytes;

fn name(cx: &Context) -> Bytes {
    cx.state::<NatHelper>().map_or(Bytes::from_static(b"alias"), |state| state.alias.clone())
}

/// The parameter for where the message came from.
fn own(cx: &Context) -> Vec<u8> {
    [b";", &name(cx)[..], b"=", source::alias(cx).as_bytes()].concat()
}

pub(super) const SET_CONTACT_ALIAS: Function = Function {
    names: &["set_contact_alias"],
    args: MODE,
    routes: CHANGING,
    run: set_contact_alias,
    does: &[Does::FixContact, Does::ChangeContact],
    doc: "Adds where the message came from as a parameter behind the URI of Contact; with the mode 1 it replaces one that is there.",
};

fn set_contact_alias(cx: &mut Context, args: &Args) -> Outcome {
    let trims = args.int(cx, 0) != 0;
    let (name, alias) = (name(cx), own(cx));
    let message = &mut *cx.message;
    let contact = match contact(&message.message) {
        Some(Ok(contact)) => contact,
        Some(Err(())) => return unreadable(cx),
        None => return Outcome::FALSE,
    };
    let (place, bracketed) = (contact.place, contact.address.is_bracketed());
    let old = contact.uri.parameters().filter(|one| is_alias(one, &name)).last().map(|one| one.range);
    // One that is followed by headers stays, as in Kamailio.
    let old = old.filter(|_| trims && contact.uri.headers_text.is_empty()).map(|range| {
        let base = offset(contact.uri.text, contact.uri.parameters_text);
        // The first parameter's semicolon is not part of the parameters.
        let start = if range.start == 0 { base.saturating_sub(1) } else { base + range.start };
        Extent::new(start, base + range.end).shifted(place.start)
    });
    if let Some(old) = old {
        message.edits.remove(old);
    }
    if !bracketed {
        message.edits.replace(at(place.start), "<");
    }
    let closing: &[u8] = if bracketed { b"" } else { b">" };
    message.edits.replace(at(place.end), [&alias, closing].concat());
    Outcome::TRUE
}

fn is_alias(parameter: &Parameter, name: &[u8]) -> bool {
    parameter.name == name && parameter.value.is_some()
}

fn at(place: u16) -> Extent {
    Extent { start: place, end: place }
}

pub(super) const ADD_CONTACT_ALIAS: Function = Function {
    names: &["add_contact_alias"],
    args: &[],
    routes: CHANGING,
    run: |cx, _| {
        let alias = own(cx);
        add(cx, &alias, true)
    },
    does: &[Does::FixContact, Does::AliasContact],
    doc: "Adds where the message came from as the first parameter of the URI of Contact; 2 when nothing had to be added.",
};

pub(super) const ADD_CONTACT_ALIAS_OF: Function = Function {
    names: &["add_contact_alias"],
    args: &[Arg::text("address"), Arg::text("port"), Arg::text("transport")],
    routes: CHANGING.or(Routes::FAILURE),
    run: add_contact_alias_of,
    does: &[Does::FixContact, Does::AliasContact],
    doc: "Adds this address, port and transport as the first parameter of the URI of Contact; 2 when there is no Contact.",
};

fn add_contact_alias_of(cx: &mut Context, args: &Args) -> Outcome {
    let (address, port, transport) = (args.text(cx, 0), args.text(cx, 1), args.text(cx, 2));
    let known = Transport::of(&transport);
    let (Some(_), Some(_), Some(known)) = (crate::sip::parse_ip(&address), crate::sip::port(&port), known) else {
        cx.log(LogLevel::Error, "add_contact_alias: this is no address, port and transport");
        return Outcome::FALSE;
    };
    let number = known.number().to_string();
    let alias = [b";", &name(cx)[..], b"=", &address, b"~", &port, b"~", number.as_bytes()].concat();
    add(cx, &alias, false)
}

fn add(cx: &mut Context, alias: &[u8], unless_same: bool) -> Outcome {
    let transport = source::transport(cx);
    let message = &mut *cx.message;
    let contact = match contact(&message.message) {
        Some(Ok(contact)) => contact,
        Some(Err(())) => return unreadable(cx),
        None => return Outcome::Return(2),
    };
    let source = message.received.flow.peer;
    let uri = &contact.uri;
    let its = uri.transport().and_then(Transport::of) == Some(transport);
    let is_same = uri.host_ip() == Some(source.ip()) && uri.port_or_default() == source.port() && its;
    if unless_same && is_same {
        return Outcome::Return(2);
    }
    let end = at(contact.host_and_port().end);
    if contact.header.contains(&b'<') {
        message.edits.replace(end, alias.to_vec());
    } else {
        let start = at(contact.place.start);
        message.edits.replace(start, "<");
        message.edits.replace(end, [alias, b">"].concat());
    }
    Outcome::TRUE
}

pub(super) const SET_ALIAS_TO_PV: Function = Function {
    names: &["set_alias_to_pv"],
    args: &[Arg::target("variable")],
    routes: Routes::ANY,
    run: set_alias_to_pv,
    does: &[],
    doc: "Writes the alias that the URI of Contact holds into a variable, as a URI with its transport.",
};

fn set_alias_to_pv(cx: &mut Context, args: &Args) -> Outcome {
    let name = name(cx);
    let found = match contact(&cx.message.message) {
        Some(Ok(contact)) => {
            let value = |parameters: crate::sip::Parameters| {
                let mut all = parameters.filter(|one| is_alias(one, &name));
                all.next()
                    .and_then(|one| one.value)
                    .and_then(|value| Alias::read(value).ok())
                    .map(|alias| alias.uri(true))
            };
            value(contact.uri.parameters()).or_else(|| value(contact.address.parameters()))
        }
        Some(Err(())) | None => None,
    };
    let Some(uri) = found else {
        cx.log(LogLevel::Error, "set_alias_to_pv: Contact has no alias");
        return Outcome::FALSE;
    };
    Outcome::truth(args.target(0).is_some_and(|target| target.assign(cx, Value::Text(Bytes::from(uri))).is_ok()))
}

pub(super) const HANDLE_RURI_ALIAS: Function = Function {
    names: &["handle_ruri_alias"],
    args: MODE,
    routes: Routes::REQUEST.or(Routes::BRANCH),
    run: handle_ruri_alias,
    does: &[Does::Rewrite],
    doc: "Takes the first alias, with a mode other than 0 the last, out of the Request-URI and makes it $du; 2 when there is none.",
};

/// What an alias has at least behind `=`: `1~2~1`. A shorter one at the end of the URI is passed over.
const SHORTEST: usize = 5;

fn handle_ruri_alias(cx: &mut Context, args: &Args) -> Outcome {
    let last = args.int(cx, 0) != 0;
    match take_alias(&cx.message.request_uri(), &name(cx), last) {
        Ok(Some((uri, destination))) => {
            cx.message.target.uri = Some(Bytes::from(uri));
            cx.message.target.next_hop = Some(Bytes::from(destination));
            Outcome::TRUE
        }
        Ok(None) => Outcome::Return(2),
        Err(fault) => {
            cx.log(LogLevel::Error, format!("handle_ruri_alias: {fault}"));
            Outcome::FALSE
        }
    }
}

/// A Request-URI without its alias, and the alias as a URI.
type Taken = (Vec<u8>, Vec<u8>);

fn take_alias(text: &[u8], name: &[u8], last: bool) -> Result<Option<Taken>, Fault> {
    let uri = Uri::parse(text).map_err(|_| Fault::new("the Request-URI cannot be read"))?;
    let parameters = uri.parameters_text;
    let long_enough = |one: &Parameter| {
        // The range of all but the first begins with the semicolon.
        let start = one.range.start + usize::from(one.range.start > 0);
        parameters.len().saturating_sub(start) > name.len() + SHORTEST
    };
    let mut all = uri.parameters().filter(|one| is_alias(one, name) && long_enough(one));
    let Some(found) = (if last { all.last() } else { all.next() }) else { return Ok(None) };
    let destination = Alias::read(found.value.unwrap_or_default())?.uri(false);
    let (before, after) = (parameters.get(..found.range.start), parameters.get(found.range.end..));
    let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
    let after = if before.is_empty() { after.strip_prefix(b";").unwrap_or(after) } else { after };
    Ok(Some((uri.with_parameters(&[before, after].concat()), destination)))
}

/// An alias taken apart.
struct Alias<'a> {
    address: &'a [u8],
    port: &'a [u8],
    transport: Transport,
}

impl<'a> Alias<'a> {
    fn read(value: &'a [u8]) -> Result<Alias<'a>, Fault> {
        let mut parts = value.splitn(3, |byte| *byte == b'~');
        let (Some(address), Some(port), Some(number)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Fault::new("the alias is not written address~port~transport"));
        };
        let transport = match number {
            [digit @ b'0'..=b'9'] => Transport::numbered(i64::from(digit - b'0')),
            _ => None,
        };
        let transport = transport.ok_or_else(|| Fault::new("the transport of the alias is unknown"))?;
        // WebSocket over TLS is reached as plain WebSocket is.
        let transport = if transport == Transport::Wss { Transport::Ws } else { transport };
        Ok(Alias { address, port, transport })
    }

    fn uri(&self, with_udp: bool) -> Vec<u8> {
        let mut out = [b"sip:", self.address, b":", self.port].concat();
        if with_udp || self.transport != Transport::Udp {
            out.extend_from_slice(b";transport=");
            out.extend_from_slice(self.transport.name().as_bytes());
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_uri_gives_its_alias_up() {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let cases = [
            ("alias=1.2.3.4~5060~1", false, Some(("sip:b@h", "sip:1.2.3.4:5060"))),
            ("alias=1.2.3.4~5060~2;x=y", true, Some(("sip:b@h;x=y", "sip:1.2.3.4:5060;transport=tcp"))),
            ("a=b;alias=1~5~3;alias=6~9~1;z", false, Some(("sip:b@h;a=b;alias=6~9~1;z", "sip:1:5;transport=tls"))),
            ("a=b;alias=1~5~3;alias=6~9~1;z", true, Some(("sip:b@h;a=b;alias=1~5~3;z", "sip:6:9"))),
            ("alias=1.2.3.4~5060~6?h=v", false, Some(("sip:b@h?h=v", "sip:1.2.3.4:5060;transport=ws"))),
            ("alias=[::1]~5060~4", false, Some(("sip:b@h", "sip:[::1]:5060;transport=sctp"))),
            ("alias=junk", false, None),
            ("alias", false, None),
            ("ALIAS=1.2.3.4~5060~1", false, None),
        ];
        for (parameters, last, wanted) in cases {
            let taken = take_alias(format!("sip:b@h;{parameters}").as_bytes(), b"alias", last).unwrap();
            let taken = taken.map(|(uri, destination)| (text(uri), text(destination)));
            assert_eq!(taken.as_ref().map(|(uri, to)| (&uri[..], &to[..])), wanted, "{parameters}");
        }
        for bad in ["alias=junk;xxxxxxxxxxxxx", "alias=1.2.3.4~5060~9", "alias=1~5060~1~5", "alias=1.2.3.4~5060~"] {
            assert!(take_alias(format!("sip:b@h;{bad}").as_bytes(), b"alias", false).is_err(), "{bad}");
        }
    }
}
