//! `registrar`: REGISTER (RFC 3261 section 10), and the way to those who are registered.
//!
//! `request` reads a REGISTER, `save` and `change` change the record of its user, `answer` has the words of the reply; `lookup` sends requests to what was kept, `fetched`
//! shows it to the script.

mod answer;
mod aor;
mod change;
mod fetched;
mod lookup;
mod params;
mod registered;
mod request;
mod save;

use super::usrloc::contact::{Contact, Record};
use super::usrloc::table::Table;
use super::usrloc::{TableSlot, Usrloc, prepare_table};
use crate::builtin::{
    Answer, Arg, Args, Context, Does, Function, LogLevel, Module, OnAnswer, Outcome, Routes, StateOf, Value, Xavp,
};
use bytes::Bytes;
pub(crate) use fetched::expired;
pub use params::Registrar;

/// The module.
pub static MODULE: Module = Module {
    functions: FUNCTIONS,
    params: params::PARAMS,
    variables: fetched::VARIABLES,
    events: &["usrloc:contact-expired"],
    requires: &["usrloc"],
    after: &["usrloc"],
    start: params::start,
    ..Module::new("registrar", "Keeps where users register, and sends requests there.")
};

const REQUEST_OR_FAILURE: Routes = Routes::REQUEST.or(Routes::FAILURE);
const SAVING: Routes = REQUEST_OR_FAILURE.or(Routes::ONREPLY);
const TABLE: Arg = Arg::custom("table", prepare_table);

static FUNCTIONS: &[Function] = &[
    Function {
        names: &["save"],
        args: &[TABLE, Arg::custom("flags", save::prepare_flags).optional(), Arg::text("uri").optional()],
        routes: SAVING,
        run: save::save,
        does: &[Does::WantRequest, Does::Save],
        doc: "Keeps the contacts of a REGISTER for the user of To, or of the URI given, and answers it. 1 they are new, 2 refreshed, 3 removed, 4 only asked for; -1 refused, -2 too many. Flags: 1 in memory only, 2 no reply, 4 replaces the other contacts, 8 exact times, 16 prepares the reply.",
    },
    Function {
        names: &["lookup"],
        args: &[TABLE, Arg::text("uri").optional()],
        routes: REQUEST_OR_FAILURE,
        run: lookup::lookup,
        does: &[Does::LookUp, Does::Choose],
        doc: "Makes the first contact of the user of the Request-URI, or of the URI given, the Request-URI, with its next hop, Path, socket and branch flags, and the others further branches. -1 not registered, -2 no contact takes the method, -3 an error.",
    },
    Function {
        names: &["lookup_to_dset"],
        args: &[TABLE, Arg::text("uri").optional()],
        routes: REQUEST_OR_FAILURE,
        run: lookup::lookup_to_dset,
        does: &[],
        doc: "The same, but all contacts become further branches and the Request-URI stays.",
    },
    Function {
        names: &["lookup_branches"],
        args: &[TABLE],
        routes: REQUEST_OR_FAILURE,
        run: lookup::lookup_branches,
        does: &[Does::LookUp, Does::Choose],
        doc: "The same as lookup for the Request-URI and for each further branch that has only a URI.",
    },
    Function {
        names: &["registered"],
        args: &[TABLE, Arg::text("uri").optional(), Arg::int("flags").optional(), Arg::int("action").optional()],
        routes: Routes::ANY,
        run: registered::registered,
        does: &[],
        doc: "Whether the user of the Request-URI (in a reply of To), or of the URI given, has a contact. Flags, each against $xavp(cfg): 1 of this Call-ID, 2 received from there, 4 with this URI; action 2 leaves xavp_rcd alone.",
    },
    Function {
        names: &["unregister"],
        args: &[TABLE, Arg::text("uri"), Arg::text("ruid").optional()],
        routes: Routes::ANY,
        run: registered::unregister,
        does: &[],
        doc: "Removes all contacts of the user of a URI, or the one whose record is named. -1 no URI, -2 not done, -3 not found.",
    },
    Function {
        names: &["add_sock_hdr"],
        args: &[Arg::text("name")],
        routes: Routes::REQUEST,
        run: add_sock_hdr,
        does: &[],
        doc: "Adds a header with the socket that the request came in on, for a registrar behind.",
    },
    Function {
        names: &["reg_fetch_contacts"],
        args: &[TABLE, Arg::text("uri"), Arg::literal("profile")],
        routes: REQUEST_OR_FAILURE,
        run: fetched::fetch,
        does: &[],
        doc: "Makes the contacts of the user of a URI readable as $ulc(profile=>field); false when there are none.",
    },
    Function {
        names: &["reg_free_contacts"],
        args: &[Arg::literal("profile")],
        routes: REQUEST_OR_FAILURE,
        run: fetched::free,
        does: &[],
        doc: "Forgets what reg_fetch_contacts made readable.",
    },
    Function {
        names: &["reg_send_reply"],
        args: &[],
        routes: REQUEST_OR_FAILURE,
        run: save::reg_send_reply,
        does: &[],
        doc: "Answers a REGISTER as the last save, told not to answer, has found.",
    },
];

/// What the module keeps for the blocks of one message.
#[derive(Debug, Default)]
struct Local {
    profiles: Vec<fetched::Profile>,
    ready: save::Ready,
}

/// The location service, and the table that a function names.
struct Location {
    registrar: StateOf<Registrar>,
    usrloc: StateOf<Usrloc>,
    slot: TableSlot,
}

impl Location {
    /// That of a call whose first argument names the table.
    fn of(cx: &mut Context, args: &Args) -> Option<Location> {
        let registrar = cx.state::<Registrar>()?;
        let usrloc = cx.core.state::<Usrloc>(registrar.usrloc)?;
        let slot = *args.prepared::<TableSlot>(0)?;
        slot.of(&usrloc)?;
        Some(Location { registrar, usrloc, slot })
    }

    fn table(&self) -> &Table {
        match self.slot.of(&self.usrloc) {
            Some(table) => table,
            None => unreachable!("Location::of has found the table"),
        }
    }

    /// Hands the record of an address to `on`, by way of the database and `then` when it is only there.
    fn find(&self, cx: &mut Context, args: &Args, aor: &[u8], on: OnRecord, then: impl OnAnswer) -> Outcome {
        use super::usrloc::Mode;
        if self.usrloc.mode != Mode::DatabaseOnly {
            return self.table().read(aor, |record| on(cx, args, self, aor, record));
        }
        match self.usrloc.store.as_ref().and_then(|store| store.select(&self.table().name, aor)) {
            Some(query) => Outcome::ask(query, then),
            None => Outcome::FALSE,
        }
    }
}

/// What a function does with the record of an address.
type OnRecord = fn(&mut Context, &Args, &Location, &[u8], Option<&Record>) -> Outcome;

/// The record that the database has; `None` when it did not answer.
fn record_of_rows(cx: &mut Context, location: &Location, answer: Answer) -> Option<Record> {
    let store = location.usrloc.store.as_ref()?;
    match answer {
        Answer::Rows(Ok(rows)) => Some(store.record(&rows, &location.usrloc.rules, &cx.core.sockets)),
        Answer::Rows(Err(fault)) => {
            cx.log(LogLevel::Error, format!("the location table cannot be read: {fault}"));
            None
        }
        Answer::Code(_) | Answer::Executed(_) | Answer::Found(_) => None,
    }
}

/// A number that `$xavp(cfg=>name)` overrides.
fn config_number(cx: &Context, registrar: &Registrar, name: &[u8]) -> Option<i64> {
    let class = registrar.xavp_cfg.as_ref()?;
    match cx.locals.avps.record(class, 0)?.field(name)? {
        Value::Int(number) => Some(*number),
        _ => None,
    }
}

/// A text that `$xavp(cfg=>name)` gives.
fn config_text(cx: &Context, registrar: &Registrar, name: &[u8]) -> Option<Bytes> {
    let class = registrar.xavp_cfg.as_ref()?;
    match cx.locals.avps.record(class, 0)?.field(name)? {
        Value::Text(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        _ => None,
    }
}

/// Writes what is known of a contact into the `$xavp` that `xavp_rcd` names.
fn tell(cx: &mut Context, registrar: &Registrar, contact: &Contact) {
    let Some(class) = registrar.xavp_rcd.clone() else { return };
    let left = contact.expires.wrapping_sub(cx.now.unix.as_secs()) as i32;
    let text = |text: &Bytes| Some(Value::Text(text.clone())).filter(|_| !text.is_empty());
    let fields: [(&'static str, i64, Option<Value>); 5] = [
        ("ruid", 1, text(&contact.located.ruid)),
        ("received", 8, text(&contact.received)),
        ("contact", 2, text(&contact.uri)),
        ("expires", 4, Some(Value::Int(i64::from(left)))),
        ("path", 16, text(&contact.located.path)),
    ];
    if cx.locals.avps.record(&class, 0).is_none() {
        cx.locals.avps.push_record(Xavp { class: class.clone(), ..Xavp::default() });
    }
    let Some(record) = cx.locals.avps.record_mut(&class, 0) else { return };
    for (name, bit, value) in fields {
        if let Some(value) = value.filter(|_| registrar.xavp_rcd_mask & bit == 0) {
            record.fields.insert(0, (Bytes::from_static(name.as_bytes()), value));
        }
    }
}

fn add_sock_hdr(cx: &mut Context, args: &Args) -> Outcome {
    let name = args.text(cx, 0);
    let socket = super::core::socket_name(&cx.core.sockets, cx.message.received.flow.socket);
    let Some(socket) = socket.filter(|_| !name.is_empty()) else { return Outcome::FALSE };
    let line = [&name[..], b": ", &socket, b"\r\n"].concat();
    cx.message.edits.append(&cx.message.message, line);
    Outcome::TRUE
}
