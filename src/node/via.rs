//! What the server writes of itself into the messages it forwards: its Via (RFC 3261 section 18.1.1).

use crate::builtin::{Avps, Core, SocketId, Value, Working};
use std::io::Write;
use std::net::IpAddr;

/// Where a message leaves by, and the branch it leaves on.
pub(super) struct Leaving<'a> {
    pub(super) socket: SocketId,
    pub(super) next: IpAddr,
    pub(super) branch: &'a [u8],
}

/// Appends the value of our Via, with what the script wants in it in Kamailio's order.
pub(super) fn push_via(core: &Core, message: &Working, avps: &Avps, leaving: &Leaving, out: &mut Vec<u8>) {
    out.extend_from_slice(b"SIP/2.0/");
    out.extend_from_slice(core.sockets.transport(leaving.socket).in_via().as_bytes());
    out.push(b' ');
    push_address(core, message, avps, leaving, out);
    out.extend_from_slice(b";branch=");
    out.extend_from_slice(leaving.branch);
    if message.own_via.local_rport || core.settings.local_rport {
        out.extend_from_slice(b";rport");
    }
    if message.own_via.server_id && core.settings.server_id != 0 {
        // Writing to a Vec does not fail.
        let _ = write!(out, ";srvid={}", core.settings.server_id);
    }
    if message.own_via.parameters
        && let Some(class) = &core.settings.xavp_via_params
        && let Some(record) = avps.record(class, 0)
    {
        for (name, value) in &record.fields {
            push_parameter(name, value, out);
        }
    }
}

/// Appends a parameter as `xavp_serialize_fields` of Kamailio writes it: numbers without a sign, nothing for an empty string.
fn push_parameter(name: &[u8], value: &Value, out: &mut Vec<u8>) {
    let text = match value {
        Value::Int(number) => (*number as u32).to_string().into(),
        Value::Text(text) | Value::Both(_, text) => text.clone(),
        Value::Null | Value::Unset => return,
    };
    out.push(b';');
    out.extend_from_slice(name);
    if !text.is_empty() {
        out.push(b'=');
        out.extend_from_slice(&text);
    }
}

/// Appends host and port: those of the record that the config names for this, where the script wants them, else our own.
fn push_address(core: &Core, message: &Working, avps: &Avps, leaving: &Leaving, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&core.via_text(leaving.socket, Some(message), leaving.next));
    let record = core.settings.xavp_via_fields.as_ref().filter(|_| message.own_via.address);
    let Some(record) = record.and_then(|class| avps.record(class, 0)) else { return };
    let string = |name: &[u8]| match record.field(name) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    };
    let own = out.split_off(start);
    // The colon before the port, which stands behind the brackets of an IPv6 address.
    let behind = own.iter().rposition(|byte| *byte == b']').unwrap_or(0);
    let colon = own.iter().skip(behind).position(|byte| *byte == b':').map_or(own.len(), |at| behind + at);
    let (host, port) = own.split_at_checked(colon).unwrap_or((&own, b""));
    out.extend_from_slice(string(b"address").map_or(host, |text| text));
    match string(b"port") {
        Some(port) => {
            out.push(b':');
            out.extend_from_slice(port);
        }
        None => out.extend_from_slice(port),
    }
}
