//! `$sbranch`: a branch prepared beside the message, then added or made the Request-URI.

use super::branch::{FIELDS, Field, field, set_field};
use super::{Run, pick};
use crate::builtin::{Args, Context, Fault, Function, Key, KeyKind, Outcome, Place, Routes, Target, Value, Variable};

/// The branch, once a field of it was set.
pub(super) type StaticBranch = Option<Target>;

/// The variable.
pub(super) const VARIABLES: &[Variable] = &[Variable {
    names: &["sbranch"],
    key: KeyKind::Custom(|text, _| pick(text, FIELDS)),
    get: read,
    set: Some(write),
    forgotten: None,
    indexed: false,
    doc: "A field of the branch that sbranch_append and sbranch_set_ruri use: uri, dst_uri, flags, send_socket. It lasts through all blocks of this message.",
}];

/// What is done with it.
pub(super) const ROWS: &[Function] = &[
    row(
        &["sbranch_set_ruri"],
        set_uri,
        "Makes the fields of $sbranch those of the request itself; false when none was set.",
    ),
    row(&["sbranch_append"], append, "Adds $sbranch as a further branch; false when none was set."),
    row(&["sbranch_reset"], reset, "Forgets the fields of $sbranch."),
];

const fn row(names: &'static [&'static str], run: fn(&mut Context, &Args) -> Outcome, doc: &'static str) -> Function {
    Function { names, args: &[], routes: Routes::ANY, run, does: &[], doc }
}

fn read(cx: &mut Context, key: &Key, _: Place) -> Value {
    let branch = cx.local::<Run>().static_branch.clone();
    match (key.prepared::<Field>(), branch) {
        (Some(Field::Count), _) => Value::Int(0),
        (Some(which), Some(branch)) => field(cx, &branch, *which),
        _ => Value::Null,
    }
}

fn write(cx: &mut Context, key: &Key, _: Place, value: Value) -> Result<(), Fault> {
    let mut branch = cx.local::<Run>().static_branch.clone().unwrap_or_default();
    set_field(cx, &mut branch, key.prepared::<Field>().copied().unwrap_or(Field::Location), &value)?;
    cx.local::<Run>().static_branch = Some(branch);
    Ok(())
}

fn ready(cx: &mut Context) -> Option<Target> {
    cx.local::<Run>().static_branch.clone().filter(|branch| branch.uri.as_ref().is_some_and(|uri| !uri.is_empty()))
}

fn set_uri(cx: &mut Context, _: &Args) -> Outcome {
    let Some(branch) = ready(cx) else { return Outcome::FALSE };
    let message = &mut *cx.message;
    message.target.uri = branch.uri;
    message.target.next_hop = branch.next_hop;
    message.target.socket = branch.socket.or(message.target.socket);
    message.target.flags = branch.flags;
    Outcome::TRUE
}

fn append(cx: &mut Context, _: &Args) -> Outcome {
    let Some(branch) = ready(cx) else { return Outcome::FALSE };
    cx.message.branches.push(branch);
    Outcome::TRUE
}

fn reset(cx: &mut Context, _: &Args) -> Outcome {
    cx.local::<Run>().static_branch = None;
    Outcome::TRUE
}
