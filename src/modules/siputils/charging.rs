//! P-Charging-Vector (RFC 7315 section 4.6): `sip_p_charging_vector` and `$pcv`.

use super::Local;
use crate::builtin::{
    Arg, Args, Context, Fault, Function, Key, KeyKind, Outcome, Place, Prepare, Prepared, Routes, Template, Value,
    Variable,
};
use crate::sip::Header;
use bytes::Bytes;
use std::net::IpAddr;

const NAME: &[u8] = b"P-Charging-Vector";

pub(super) const SIP_P_CHARGING_VECTOR: Function = Function {
    names: &["sip_p_charging_vector"],
    args: &[Arg::text("flags")],
    routes: Routes::ANY,
    run: handle,
    does: &[],
    doc: "Removes the P-Charging-Vector (`r`), makes one when there is none (`g`), or puts another in its place (`f`). 1 when nothing changed, 3 made, 4 removed, 5 replaced; a header without icid-value is always removed.",
};

pub(super) const PCV: Variable = Variable::read(
    &["pcv"],
    read,
    "A part of the P-Charging-Vector: `all`, `value`, `genaddr`, `orig`, `term`, or the `status` of the header as a number.",
)
.keyed(KeyKind::Custom(prepare));

/// What became of the header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Status {
    #[default]
    None,
    Parsed,
    WithoutId,
    Generated,
    Deleted,
    Replaced,
}

/// The header as far as the blocks of one message have come with it.
#[derive(Debug, Default)]
pub(super) struct Vector {
    /// It has been looked for.
    seen: bool,
    status: Status,
    text: Bytes,
}

fn header<'a>(cx: &'a Context) -> Option<&'a Header> {
    let message = &cx.message.message;
    let mut headers = message.headers().iter();
    headers.find(|header| message.text(header.name_text).eq_ignore_ascii_case(NAME))
}

/// Looks for the header, once.
fn vector<'a>(cx: &'a mut Context) -> &'a mut Vector {
    let found = header(cx).map(|header| cx.message.message.slice(header.value));
    let vector = &mut cx.local_of_message::<Local>().vector;
    if !vector.seen || vector.status == Status::None {
        vector.seen = true;
        vector.text = found.clone().unwrap_or_default();
        vector.status = match found {
            None => Status::None,
            Some(text) if part(&text, b"icid-value=").is_some() => Status::Parsed,
            Some(_) => Status::WithoutId,
        };
    }
    vector
}

/// The value behind a name.
fn part(text: &Bytes, name: &[u8]) -> Option<Bytes> {
    let start = memchr::memmem::find(text, name)? + name.len();
    let rest = text.get(start..)?;
    let ends = |byte: &u8| matches!(byte, 0 | b' ' | b';' | b',' | b'\r' | b'\n');
    let length = rest.iter().position(ends).unwrap_or(rest.len());
    Some(text.slice(start..start + length))
}

fn handle(cx: &mut Context, args: &Args) -> Outcome {
    let flags = args.text(cx, 0).to_ascii_lowercase();
    let replace = flags.contains(&b'f');
    let (remove, generate) = (flags.contains(&b'r'), replace || flags.contains(&b'g'));
    let mut status = vector(cx).status;
    let mut action = Status::Parsed;
    if status == Status::Generated || status == Status::Deleted && remove {
        return Outcome::Return(action as i32);
    }
    if status == Status::Parsed && (replace || remove) || status == Status::WithoutId {
        if let Some(header) = header(cx).copied() {
            cx.message.edits.remove_header(&header);
        }
        (status, action) = (Status::Deleted, Status::Deleted);
        let vector = vector(cx);
        (vector.status, vector.text) = (status, Bytes::new());
    }
    if replace || generate && status != Status::Parsed {
        let text = Bytes::from(generated(cx));
        let line = [NAME, b": ", &text, b"\r\n"].concat();
        let message = &mut *cx.message;
        message.edits.append(&message.message, line);
        action = if status == Status::Deleted { Status::Replaced } else { Status::Generated };
        let vector = vector(cx);
        (vector.status, vector.text) = (Status::Generated, text);
    }
    Outcome::Return(action as i32)
}

/// A header value that no other has: sixteen bytes, of which the address and chance make up most.
fn generated(cx: &mut Context) -> String {
    let received = cx.message.received;
    let own = cx.core.sockets.address_towards(received.flow.socket, received.flow.peer.ip());
    let address = match own {
        IpAddr::V4(address) => address.to_bits(),
        IpAddr::V6(address) => address.to_bits() as u32,
    };
    let chance = cx.core.random.bits();
    let time = cx.now.unix.as_secs() as u8;
    format!("icid-value=495653{address:08X}{chance:016X}{time:02X};icid-generated-at={own}")
}

/// A part of the header.
enum Part {
    All,
    Status,
    Named(&'static [u8]),
}

fn prepare(text: &Template, _: &mut Prepare) -> Result<Prepared, Fault> {
    let part = match text.constant().as_deref() {
        Some(b"all") => Part::All,
        Some(b"status") => Part::Status,
        Some(b"value") => Part::Named(b"icid-value="),
        Some(b"genaddr") => Part::Named(b"icid-generated-at="),
        Some(b"orig") => Part::Named(b"orig-ioi="),
        Some(b"term") => Part::Named(b"term-ioi="),
        _ => {
            let fault = Fault::new(format!("$pcv({text:?}) is nothing"));
            return Err(fault.help("write all, value, genaddr, orig, term or status"));
        }
    };
    Ok(Box::new(part))
}

fn read(cx: &mut Context, key: &Key, _: Place) -> Value {
    let vector = vector(cx);
    let text = match key.prepared::<Part>() {
        Some(Part::Status) => return Value::Int(vector.status as i64),
        Some(Part::All) => Some(vector.text.clone()),
        // A vector without its id is not taken apart.
        Some(Part::Named(name)) if vector.status != Status::WithoutId => part(&vector.text, name),
        Some(Part::Named(_)) | None => None,
    };
    Value::text_or_null(text.filter(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::bench::Bench;
    use crate::sip;
    use std::sync::Arc;

    fn run(header: &str, flags: &str) -> (i32, String) {
        let text = format!("INVITE sip:b SIP/2.0\nVia: SIP/2.0/UDP a;branch=z9hG4bK\n{header}\n");
        let mut bench = Bench::new(&text, Arc::new(()));
        let Outcome::Return(code) = bench.call(&const { SIP_P_CHARGING_VECTOR }, &[flags]) else { panic!("it waits") };
        let mut out = Vec::new();
        sip::write(&bench.message.message, &bench.message.edits, &mut out);
        (code, String::from_utf8(out).unwrap())
    }

    #[test]
    fn made_removed_and_replaced() {
        let (code, text) = run("", "g");
        assert_eq!(code, 3);
        assert!(text.contains("P-Charging-Vector: icid-value=4956537F000001"), "{text}");
        assert!(text.contains(";icid-generated-at=127.0.0.1\r\n"), "{text}");
        let present = "P-Charging-Vector: icid-value=1;orig-ioi=x\n";
        assert_eq!(run(present, "g").0, 1);
        let (code, text) = run(present, "f");
        assert!(code == 5 && !text.contains("orig-ioi") && text.contains("icid-value=495653"), "{text}");
        let (code, text) = run("P-Charging-Vector: orig-ioi=x\n", "");
        assert!(code == 4 && !text.contains("P-Charging"), "{text}");
    }
}
