//! `$HN(...)`: what the machine calls itself.

use crate::builtin::{
    Context, Fault, HostName, Key, KeyKind, Prepare, Prepared, Start, StartFault, State, Template, Value, Variable,
};
use bytes::Bytes;

/// The variable.
pub(super) const VARIABLES: &[Variable] = &[Variable::read(
    &["HN"],
    |cx, key, _| read(cx, key),
    "What the machine calls itself, as it was at start: $HN(n) its name, $HN(f) with the domain, $HN(d) the domain, $HN(i) the address by that name. Undefined where it has none.",
)
.keyed(KeyKind::Custom(prepare))];

/// Its slot says that a script asks.
const WANTED: &str = "host name";

/// What the machine said at start.
#[derive(Debug)]
struct Host(Option<HostName>);

impl State for Host {}

/// Asks only when a script wants to know: a resolver that does not answer would hold up the start.
pub(super) fn start(start: &mut Start) -> Result<Box<dyn State>, StartFault> {
    let wanted = start.slots.len(WANTED) > 0;
    Ok(Box::new(Host(start.world.as_mut().filter(|_| wanted).and_then(|world| world.host_name()))))
}

type Part = fn(&HostName) -> Option<Bytes>;

const PARTS: &[(&str, Part)] = &[
    ("n", |host| Some(host.name.slice(..dot(&host.name)))),
    ("f", |host| Some(host.name.clone())),
    ("d", |host| host.name.get(dot(&host.name) + 1..).map(Bytes::copy_from_slice)),
    ("i", |host| host.address.map(|address| Bytes::from(address.to_string()))),
];

/// Where the name without its domain ends.
fn dot(name: &[u8]) -> usize {
    memchr::memchr(b'.', name).unwrap_or(name.len())
}

fn prepare(text: &Template, cx: &mut Prepare) -> Result<Prepared, Fault> {
    let name = text.constant().unwrap_or_default();
    let Some((_, part)) = PARTS.iter().find(|(its, _)| its.as_bytes() == name) else {
        return Err(Fault::new(format!("there is no {text:?} here")).help("one of: n, f, d, i"));
    };
    cx.slot(WANTED, b"");
    Ok(Box::new(*part))
}

fn read(cx: &mut Context, key: &Key) -> Value {
    let (Some(state), Some(part)) = (cx.state::<Host>(), key.prepared::<Part>()) else { return Value::Null };
    Value::text_or_null(state.0.as_ref().and_then(part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::bench::Bench;
    use std::sync::Arc;

    #[test]
    fn names_are_taken_apart() {
        for (name, parts) in [("h.example.com", ["h", "h.example.com", "example.com"]), ("h", ["h", "h", "<null>"])] {
            let host = HostName { name: name.into(), address: None };
            let message = "INVITE sip:h SIP/2.0\nVia: SIP/2.0/UDP h\n\n";
            let mut bench = Bench::new(message, Arc::new(Host(Some(host))));
            for ((_, part), wanted) in PARTS.iter().zip(parts) {
                let mut out = Vec::new();
                read(&mut bench.context(), &Key::Custom(Box::new(*part))).print(&mut out);
                assert_eq!(String::from_utf8_lossy(&out), wanted, "{name}");
            }
        }
    }
}
