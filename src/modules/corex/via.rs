//! What the server's own Via says beside its address and branch.

use crate::builtin::{Arg, Args, Context, Function, Outcome, OwnVia, anywhere};

pub(super) const ROWS: &[Function] = &[
    anywhere(
        &["via_add_srvid"],
        SWITCH,
        |cx, args| switch(cx, args, |via, on| via.server_id = on),
        "1 adds `srvid` with the server_id of the config to our own Via, unless that is 0; 0 takes it back.",
    ),
    anywhere(
        &["via_add_xavp_params"],
        SWITCH,
        |cx, args| switch(cx, args, |via, on| via.parameters = on),
        "1 adds the fields of the $xavp that the setting xavp_via_params names to our own Via as parameters, each with its value unless that is empty; 0 takes it back.",
    ),
    anywhere(
        &["via_use_xavp_fields"],
        SWITCH,
        |cx, args| switch(cx, args, |via, on| via.address = on),
        "1 writes the strings `address` and `port` of the $xavp that the setting xavp_via_fields names into our own Via instead of the socket's; 0 takes it back.",
    ),
];

const SWITCH: &[Arg] = &[Arg::int("flags")];

fn switch(cx: &mut Context, args: &Args, set: fn(&mut OwnVia, bool)) -> Outcome {
    let on = args.int(cx, 0) != 0;
    set(&mut cx.message.own_via, on);
    Outcome::TRUE
}
