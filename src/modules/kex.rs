//! `kex`: flags of branches and scripts, the next hop, and whether a URI is this server.

use crate::builtin::{
    Arg, Context, Does, Function, Module, Outcome, Start, StartFault, State, Value, Variable, anywhere, count, join,
};
use crate::modules::core;
use crate::sip::{Transport, Uri};
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The module.
pub static MODULE: Module = Module {
    functions: &FUNCTIONS,
    variables: VARIABLES,
    start,
    ..Module::new("kex", "Flags of branches and scripts, the next hop, and whether a URI is this server.")
};

static FUNCTIONS: [Function; count(PARTS)] = join(PARTS);
const PARTS: &[&[Function]] = &[core::KEX_FLAGS, ROWS];

const ROWS: &[Function] = &[
    anywhere(
        &["setdsturi"],
        &[Arg::text("uri")],
        |cx, args| {
            let uri = args.text(cx, 0);
            cx.message.target.next_hop = Some(uri).filter(|uri| !uri.is_empty());
            Outcome::TRUE
        },
        "Sends the request to this URI, whatever the Request-URI: sets $du.",
    ),
    anywhere(
        &["resetdsturi"],
        &[],
        |cx, _| {
            cx.message.target.next_hop = None;
            Outcome::TRUE
        },
        "Sends the request to its Request-URI: unsets $du.",
    ),
    anywhere(
        &["isdsturiset"],
        &[],
        |cx, _| Outcome::truth(cx.message.target.next_hop.is_some()),
        "Whether $du is set.",
    ),
    anywhere(
        &["pv_printf", "avp_printf"],
        &[Arg::target("variable"), Arg::text("text")],
        |cx, args| {
            let text = Value::Text(args.text(cx, 1));
            Outcome::truth(args.target(0).is_some_and(|target| target.assign(cx, text).is_ok()))
        },
        "Writes the text, its variables expanded, into a variable.",
    )
    .does(&[Does::Print]),
    anywhere(
        &["is_myself"],
        &[Arg::text("uri")],
        |cx, args| {
            let text = args.text(cx, 0);
            Outcome::truth(is_myself(cx, &text, true))
        },
        "Whether a URI, an address or a host is this server; a port and a transport count when they are written.",
    ),
    anywhere(
        &["is_myhost"],
        &[Arg::text("uri")],
        |cx, args| {
            let text = args.text(cx, 0);
            Outcome::truth(is_myself(cx, &text, false))
        },
        "Whether the host of a URI, or an address or a host, is this server, whatever the port.",
    ),
    anywhere(
        &["setdebug"],
        &[Arg::int("level")],
        |cx, args| {
            let level = args.int(cx, 0).clamp(-5, 10) as i8;
            Arc::make_mut(&mut cx.core.settings).debug = level;
            Outcome::TRUE
        },
        "The highest level that the log shows on this worker.",
    ),
    anywhere(
        &["resetdebug"],
        &[],
        |cx, _| {
            if let Some(state) = cx.state::<Kex>() {
                Arc::make_mut(&mut cx.core.settings).debug = state.debug;
            }
            Outcome::TRUE
        },
        "Takes back what `setdebug` did.",
    ),
];

static VARIABLES: &[Variable] =
    &[Variable::read(&["sruid"], |cx, _, _| unique(cx), "A text that no other reading gives, on any server.")];

/// What is kept from the start.
#[derive(Debug)]
struct Kex {
    debug: i8,
    given: AtomicU64,
}

impl State for Kex {}

fn start(start: &mut Start) -> Result<Box<dyn State>, StartFault> {
    Ok(Box::new(Kex { debug: start.settings.debug, given: AtomicU64::new(0) }))
}

fn unique(cx: &mut Context) -> Value {
    let count = cx.state::<Kex>().map_or(0, |state| state.given.fetch_add(1, Ordering::Relaxed) + 1);
    let chance = cx.core.random.below(1 << 32);
    Value::Text(Bytes::from(format!("srid-{:x}-{chance:x}-{count:x}", cx.now.unix.as_secs())))
}

fn is_myself(cx: &Context, text: &[u8], whole: bool) -> bool {
    let Ok(uri) = Uri::parse(text) else {
        return !text.is_empty() && cx.core.is_own(text, None);
    };
    if uri.host.is_empty() {
        return false;
    }
    match uri.transport().filter(|_| whole) {
        None => cx.core.is_own(uri.host, uri.port.filter(|_| whole)),
        // A name that is this server's is so by every transport, a socket only by its own.
        Some(name) => match Transport::of(name) {
            Some(Transport::Udp) => cx.core.is_own(uri.host, uri.port),
            Some(transport) => cx.core.socket_at(Some(transport), uri.host, uri.port).is_some(),
            None => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::bench::Bench;

    fn call(bench: &mut Bench, name: &str, args: &[&str]) -> i32 {
        let row = ROWS.iter().find(|row| row.names.contains(&name)).unwrap();
        match bench.call(row, args) {
            Outcome::Return(code) => code,
            Outcome::Wait(..) => panic!("{name} waits"),
        }
    }

    #[test]
    fn the_next_hop_and_who_we_are() {
        let state = Kex { debug: 3, given: AtomicU64::new(0) };
        let mut bench = Bench::new("INVITE sip:h SIP/2.0\nVia: SIP/2.0/UDP h\n\n", Arc::new(state));
        let steps: &[(&str, &[&str], i32)] = &[
            ("isdsturiset", &[], -1),
            ("setdsturi", &["sip:1.2.3.4"], 1),
            ("isdsturiset", &[], 1),
            ("setdsturi", &[""], 1),
            ("isdsturiset", &[], -1),
            ("is_myself", &["sip:127.0.0.1"], 1),
            ("is_myself", &["sips:127.0.0.1:5060"], 1),
            ("is_myself", &["127.0.0.1"], 1),
            ("is_myself", &["sip:127.0.0.1:99"], -1),
            ("is_myself", &["sip:127.0.0.1;transport=tcp"], -1),
            ("is_myself", &["junk"], -1),
            ("is_myself", &["tel:1"], -1),
            ("is_myhost", &["sip:127.0.0.1:99;transport=tcp"], 1),
            ("setdebug", &["-1"], 1),
        ];
        for (name, args, code) in steps {
            assert_eq!(call(&mut bench, name, args), *code, "{name}{args:?}");
        }
        assert_eq!(bench.core.settings.debug, -1);
        call(&mut bench, "resetdebug", &[]);
        assert_eq!(bench.core.settings.debug, 3);
        assert_ne!(unique(&mut bench.context()), unique(&mut bench.context()));
    }
}
