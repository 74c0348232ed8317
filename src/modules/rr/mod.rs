//! `rr`: Record-Route and loose routing (RFC 3261 sections 16.4, 16.6 and 16.12).

mod direction;
mod loose;
mod own;
mod record;
#[cfg(test)]
mod tests;

use crate::builtin::{
    Arg, Does, Function, KeyKind, Module, Param, RouteKind, Routes, SecondRecordRoute, Start, StartFault, State, Unit,
    Variable,
};
use bytes::Bytes;

pub use own::is_own;

/// The module.
pub static MODULE: Module = Module {
    functions: FUNCTIONS,
    params: PARAMS,
    variables: VARIABLES,
    start,
    ..Module::new(
        "rr",
        "Keeps the server on the path of a dialog, and follows the Route headers of requests inside it.",
    )
};

/// Where Record-Route may be added.
const RECORDING: Routes = Routes::REQUEST.or(Routes::FAILURE).or(Routes::BRANCH);

static FUNCTIONS: &[Function] = &[
    Function {
        names: &["record_route"],
        args: &[Arg::text("parameters").optional()],
        routes: RECORDING,
        run: record::record_route,
        does: &[Does::WriteHeader, Does::RecordRoute],
        doc: "Adds a Record-Route with this server's address, and two when the request leaves by another address than it came in on. `parameters` follow the URI's own and begin with a semicolon. False when the request has one already.",
    },
    Function {
        names: &["record_route_preset"],
        args: &[Arg::text("address"), Arg::text("second_address").optional()],
        routes: RECORDING,
        run: record::record_route_preset,
        does: &[Does::WriteHeader, Does::RecordRoute],
        doc: "Adds a Record-Route with the address given, and a second one under it with the second address.",
    },
    Function {
        names: &["record_route_advertised_address"],
        args: &[Arg::text("address")],
        routes: RECORDING,
        run: record::record_route_advertised_address,
        does: &[Does::RecordRoute],
        doc: "Adds a Record-Route with the address given in place of the socket's.",
    },
    Function {
        names: &["add_rr_param"],
        args: &[Arg::text("parameter")],
        routes: RECORDING,
        run: record::add_rr_param,
        does: &[Does::WriteHeader],
        doc: "Adds a parameter, written with its semicolon, to the Record-Route; it may be called before or after `record_route`.",
    },
    Function {
        names: &["remove_record_route"],
        args: &[],
        routes: Routes::REQUEST.or(Routes::FAILURE),
        run: record::remove_record_route,
        does: &[],
        doc: "Takes back the Record-Route that was added to this request.",
    },
    Function {
        names: &["loose_route"],
        args: &[],
        routes: Routes::REQUEST,
        run: loose::loose_route,
        does: &[Does::LooseRoute],
        doc: "Follows the Route headers: takes this server's own away and sets the next hop. False without a Route that can be read, and for a request without To tag that is left with none.",
    },
    Function {
        names: &["loose_route_mode"],
        args: &[Arg::int("mode")],
        routes: Routes::REQUEST,
        run: loose::loose_route_mode,
        does: &[Does::LooseRoute],
        doc: "Like `loose_route`; bit 1 of the mode leaves strict routers out, which a Request-URI with this server's address stands for.",
    },
    Function {
        names: &["loose_route_preloaded"],
        args: &[],
        routes: Routes::REQUEST,
        run: loose::loose_route_preloaded,
        does: &[Does::LooseRoute],
        doc: "Like `loose_route`, but true only for a request without To tag whose Route headers were all this server's.",
    },
    Function {
        names: &["rr_next_hop_route"],
        args: &[],
        routes: Routes::ANY,
        run: loose::rr_next_hop_route,
        does: &[],
        doc: "True when `loose_route` took the next hop from a Route header behind this server's own.",
    },
    Function {
        names: &["is_direction"],
        args: &[Arg::custom("direction", direction::prepare)],
        routes: Routes::REQUEST,
        run: direction::is_direction,
        does: &[],
        doc: "True when the request goes `downstream`, from the caller of the dialog to the callee, or `upstream`; it is told by the `ftag` of this server's Route.",
    },
    Function {
        names: &["check_route_param"],
        args: &[Arg::pattern("pattern")],
        routes: Routes::REQUEST,
        run: direction::check_route_param,
        does: &[Does::AskSource],
        doc: "True when the pattern matches the parameters of this server's Route, from their first semicolon.",
    },
];

static PARAMS: &[Param] = &[
    Param::int(
        &["append_fromtag"],
        "1",
        Unit::None,
        "Writes the caller's tag into Record-Route as `ftag`, by which directions are told.",
    ),
    Param::int(
        &["enable_double_rr"],
        "1",
        Unit::None,
        "1 adds a second Record-Route when the addresses differ, 2 always, 0 never.",
    ),
    Param::int(&["enable_full_lr"], "0", Unit::None, "Writes `lr=on` in place of `lr`."),
    Param::int(&["add_username"], "0", Unit::None, "Writes the user of the Request-URI into Record-Route."),
    Param::absent(&["custom_user_avp"], "An AVP whose value is written as the user instead, beside `add_username`."),
    Param::int(
        &["enable_socket_mismatch_warning"],
        "1",
        Unit::None,
        "Warns when the second of two Routes of ours names no socket.",
    ),
    Param::int(&["force_send_socket"], "0", Unit::None, "Sends from the socket that a single Route of ours names."),
    Param::int(
        &["ignore_sips"],
        "0",
        Unit::None,
        "Writes `sip:` into Record-Route even when the Request-URI is a `sips:` one.",
    ),
    Param::int(&["sockname_mode"], "0", Unit::None, "Finds the socket of a Route by the name in its `sn` parameter."),
    Param::int(&["loose_route_mode"], "0", Unit::None, "The mode of `loose_route`; see `loose_route_mode`."),
    Param::text(&["ignore_user"], "", "A user that older releases left out of the test for own addresses.").inert(),
];

static VARIABLES: &[Variable] = &[
    Variable::read(&["route_uri"], loose::route_uri, "The URI of the first Route; empty without one."),
    Variable::read(
        &["fti"],
        direction::from_tag_of_dialog,
        "The From tag as the request that began the dialog had it.",
    ),
    Variable::read(
        &["tti"],
        direction::to_tag_of_dialog,
        "The To tag as the reply to the request that began the dialog had it.",
    ),
    Variable::read(
        &["rdir"],
        direction::rdir,
        "The direction of the request: `$rdir(id)` is 1 downstream and 2 upstream, `$rdir(name)` the word.",
    )
    .keyed(KeyKind::Custom(direction::prepare_rdir)),
];

/// What the parameters say.
#[derive(Debug)]
struct Rr {
    append_fromtag: bool,
    second: SecondRecordRoute,
    lr: &'static [u8],
    add_username: bool,
    user_avp: Option<Bytes>,
    mismatch_warning: bool,
    force_send_socket: bool,
    ignore_sips: bool,
    by_name: bool,
    mode: i64,
}

impl State for Rr {}

impl Default for Rr {
    fn default() -> Rr {
        Rr {
            append_fromtag: true,
            second: SecondRecordRoute::WhenDifferent,
            lr: b";lr",
            add_username: false,
            user_avp: None,
            mismatch_warning: true,
            force_send_socket: false,
            ignore_sips: false,
            by_name: false,
            mode: 0,
        }
    }
}

fn start(start: &mut Start) -> Result<Box<dyn State>, StartFault> {
    let params = start.params;
    let second = match params.int("enable_double_rr") {
        0 => SecondRecordRoute::Never,
        2 => SecondRecordRoute::Always,
        _ => SecondRecordRoute::WhenDifferent,
    };
    let user_avp = match params.given("custom_user_avp") {
        Some(given) => {
            let text = params.text("custom_user_avp").unwrap_or_default();
            let name = avp_name(&text).ok_or_else(|| {
                StartFault::new("custom_user_avp names no AVP").at(given.span).help("write it as \"$avp(name)\"")
            })?;
            Some(name)
        }
        None => None,
    };
    Ok(Box::new(Rr {
        append_fromtag: params.switch("append_fromtag"),
        second,
        lr: if params.switch("enable_full_lr") { b";lr=on" } else { b";lr" },
        add_username: params.switch("add_username"),
        user_avp,
        mismatch_warning: params.switch("enable_socket_mismatch_warning"),
        force_send_socket: params.switch("force_send_socket"),
        ignore_sips: params.switch("ignore_sips"),
        by_name: params.switch("sockname_mode"),
        mode: params.int("loose_route_mode"),
    }))
}

/// The name in `$avp(name)` or `$avp(s:name)`.
fn avp_name(text: &Bytes) -> Option<Bytes> {
    let inner = text.strip_prefix(b"$avp(")?.strip_suffix(b")")?;
    let name = inner.strip_prefix(b"s:").unwrap_or(inner);
    (!name.is_empty()).then(|| text.slice_ref(name))
}

/// Whether the running block is a branch_route, whose Record-Route is the branch's alone.
fn in_branch(route: RouteKind) -> bool {
    route == RouteKind::Branch
}
