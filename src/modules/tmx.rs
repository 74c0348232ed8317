//! `tmx`: what else scripts may know of a transaction.

use crate::builtin::{
    Context, Does, Fault, Function, Key, KeyKind, Module, Outcome, Param, Place, Prepare, Prepared, Related, RouteKind,
    Routes, Template, Unit, Value, Variable, Working,
};

/// The module.
pub static MODULE: Module = Module {
    functions: FUNCTIONS,
    params: PARAMS,
    variables: VARIABLES,
    requires: &["tm"],
    ..Module::new("tmx", "Variables and tests for the transaction of the message at hand.")
};

/// A row that tells which kind of block runs.
const fn runs_in(
    names: &'static [&'static str],
    run: fn(&mut Context, &crate::builtin::Args) -> Outcome,
    doc: &'static str,
) -> Function {
    Function { names, args: &[], routes: Routes::ANY, run, does: &[], doc }
}

static FUNCTIONS: &[Function] = &[
    runs_in(&["t_is_request_route"], |cx, _| in_kind(cx, &[RouteKind::Request]), "True while a request_route runs."),
    runs_in(&["t_is_failure_route"], |cx, _| in_kind(cx, &[RouteKind::Failure]), "True while a failure_route runs."),
    runs_in(&["t_is_branch_route"], |cx, _| in_kind(cx, &[RouteKind::Branch]), "True while a branch_route runs."),
    runs_in(
        &["t_is_reply_route"],
        |cx, _| in_kind(cx, &[RouteKind::Reply, RouteKind::CoreReply]),
        "True while a reply route runs.",
    ),
    Function {
        names: &["t_precheck_trans"],
        args: &[],
        routes: Routes::REQUEST,
        run: |_, _| Outcome::FALSE,
        does: &[Does::FindTransaction],
        doc: "True when another process works on the same request at this moment; here never, as one worker takes all of a call.",
    },
];

static PARAMS: &[Param] =
    &[Param::int(&["precheck_trans"], "1", Unit::None, "Whether requests being worked on are remembered.").inert()];

static VARIABLES: &[Variable] = &[
    Variable::read(
        &["T_reply_code"],
        reply_code,
        "The code of the reply at hand, in a failure_route of the winning one; 0 without one.",
    ),
    Variable::read(
        &["T_reply_reason"],
        |cx, _, _| reply_reason(cx),
        "The reason phrase of the reply at hand, in a failure_route of the winning one.",
    ),
    Variable::read(
        &["T_reply_last"],
        |cx, _, _| match cx.route {
            RouteKind::Reply => cx.message.message.status().map_or(Value::Null, |code| Value::both(code.into())),
            _ => Value::Null,
        },
        "The code of the last reply that the branch received, in an onreply_route of a transaction.",
    ),
    Variable::read(
        &["T_reply_ruid"],
        |_, _, _| Value::Null,
        "The location record that the branch of the reply came from; undefined, for locations do not keep one.",
    ),
    Variable::read(
        &["T_branch_idx"],
        branch_index,
        "The number of the branch at hand; 0 before there is one, -1 in the reply_route of all replies and for requests in an onsend_route and those made here, the number of branches in a failure_route.",
    ),
    Variable::read(
        &["T"],
        part,
        "A fact of the transaction: reply_code, reply_reason, reply_type, branch_index, id_index, id_label.",
    )
    .keyed(KeyKind::Custom(prepare_part)),
    Variable::read(&["T_branch"], part, "A fact of the branch that a reply came on: uri, flags.")
        .keyed(KeyKind::Custom(prepare_branch)),
    Variable::read(
        &["T_req"],
        |cx, key, _| elsewhere(cx, key, |related| &mut related.request),
        "A variable of the request that a reply answers: $T_req($fu); undefined elsewhere.",
    )
    .keyed(KeyKind::Custom(prepare_elsewhere)),
    Variable::read(
        &["T_rpl"],
        |cx, key, _| elsewhere(cx, key, |related| &mut related.reply),
        "In a failure_route, a variable of the reply that wins: $T_rpl($hdr(Reason)); undefined elsewhere.",
    )
    .keyed(KeyKind::Custom(prepare_elsewhere)),
    Variable::read(
        &["T_inv"],
        |cx, key, _| elsewhere(cx, key, |related| &mut related.invite),
        "In a CANCEL, a variable of the INVITE it is for: $T_inv($hdr(X)); undefined elsewhere.",
    )
    .keyed(KeyKind::Custom(prepare_elsewhere)),
];

fn in_kind(cx: &Context, kinds: &[RouteKind]) -> Outcome {
    Outcome::truth(kinds.contains(&cx.route))
}

fn reply_code(cx: &mut Context, _: &Key, _: Place) -> Value {
    let code = match (cx.message.message.status(), cx.message.transaction) {
        (Some(code), _) => code,
        (None, Some(view)) if matches!(cx.route, RouteKind::Request | RouteKind::Branch) => view.sent_code,
        (None, Some(view)) => view.reply_code,
        (None, None) => 0,
    };
    Value::both(i64::from(code))
}

fn reply_reason(cx: &mut Context) -> Value {
    let message = &cx.message.message;
    if !message.is_request() {
        return Value::Text(message.bytes().slice_ref(message.reason()));
    }
    cx.message.related.as_ref().and_then(|related| related.reason.clone()).map_or(Value::Null, Value::Text)
}

fn branch_index(cx: &mut Context, _: &Key, _: Place) -> Value {
    let view = cx.message.transaction;
    Value::both(match cx.route {
        RouteKind::CoreReply => -1,
        RouteKind::Onsend => view.and_then(|view| view.branch).map_or(-1, i64::from),
        RouteKind::Failure => view.map_or(0, |view| view.branches.into()),
        // A request made here has its transaction before its branch.
        RouteKind::Event => view.map_or(0, |view| view.branch.map_or(-1, i64::from)),
        _ => view.and_then(|view| view.branch).map_or(0, i64::from),
    })
}

/// 1 in a failure_route whose winning reply was made here, 0 for one that was received; undefined where there is none.
fn reply_type(cx: &mut Context) -> Value {
    match cx.route {
        RouteKind::Reply => Value::Int(0),
        RouteKind::Failure => Value::truth(cx.message.related.as_ref().is_some_and(|related| related.reply.is_none())),
        _ => Value::Null,
    }
}

/// What `$T(...)` or `$T_branch(...)` gives.
type Part = fn(&mut Context) -> Value;

const PARTS: &[(&str, Part)] = &[
    ("reply_code", |cx| reply_code(cx, &Key::None, Place::Whole)),
    ("reply_reason", reply_reason),
    ("reply_type", reply_type),
    ("branch_index", |cx| branch_index(cx, &Key::None, Place::Whole)),
    ("id_index", |cx| id(cx, |id| id & 0xffff_ffff)),
    ("id_label", |cx| id(cx, |id| id >> 32)),
    ("id_index_n", |cx| id(cx, |id| id & 0xffff_ffff)),
    ("id_label_n", |cx| id(cx, |id| id >> 32)),
    // Facts of a branch, of which a transaction may have several.
    ("uri", |_| Value::Null),
    ("flags", |_| Value::Null),
    ("ruid", |_| Value::Null),
];

const BRANCH_PARTS: &[(&str, Part)] = &[
    ("uri", |cx| {
        let related = cx.message.related.as_ref().filter(|_| cx.route == RouteKind::Reply);
        related.and_then(|related| related.branch_uri.clone()).map_or(Value::Null, Value::Text)
    }),
    ("flags", |cx| match cx.route {
        RouteKind::Reply | RouteKind::Failure => Value::Int(cx.message.target.flags.into()),
        _ => Value::Null,
    }),
    // A location keeps no such record.
    ("ruid", |_| Value::Null),
    ("branch_index", |_| Value::Null),
    ("reply_code", |_| Value::Null),
    ("reply_reason", |_| Value::Null),
    ("reply_type", |_| Value::Null),
    ("id_index", |_| Value::Null),
    ("id_label", |_| Value::Null),
    ("id_index_n", |_| Value::Null),
    ("id_label_n", |_| Value::Null),
];

/// A half of the transaction's number; undefined before there is one.
fn id(cx: &mut Context, half: fn(u64) -> u64) -> Value {
    cx.message.transaction.map_or(Value::Null, |view| Value::both(half(view.id.0) as i64))
}

fn prepare_part(text: &Template, cx: &mut Prepare) -> Result<Prepared, Fault> {
    named(text, PARTS, cx)
}

fn prepare_branch(text: &Template, cx: &mut Prepare) -> Result<Prepared, Fault> {
    named(text, BRANCH_PARTS, cx)
}

fn named(text: &Template, parts: &'static [(&'static str, Part)], cx: &mut Prepare) -> Result<Prepared, Fault> {
    cx.slot(Related::WANTED, b"");
    let name = text.constant().unwrap_or_default();
    match parts.iter().find(|(its, _)| its.as_bytes() == name) {
        Some((_, part)) => Ok(Box::new(*part)),
        None => {
            let names: Vec<_> = parts.iter().map(|(its, _)| *its).collect();
            let fault = Fault::new(format!("a transaction has no {text:?}"));
            Err(fault.help(format!("one of: {}", names.join(", "))))
        }
    }
}

fn part(cx: &mut Context, key: &Key, _: Place) -> Value {
    key.prepared::<Part>().map_or(Value::Null, |part| part(cx))
}

/// The variable that is read in another message.
fn prepare_elsewhere(text: &Template, cx: &mut Prepare) -> Result<Prepared, Fault> {
    if text.variable().is_none() {
        return Err(Fault::new(format!("{text:?} is no variable")).help("write one in the parentheses: $T_req($fu)"));
    }
    cx.slot(Related::WANTED, b"");
    Ok(Box::new(text.clone()))
}

/// Reads a variable in another message of the transaction, which stands in the place of the present one meanwhile.
fn elsewhere(cx: &mut Context, key: &Key, pick: fn(&mut Related) -> &mut Option<Working>) -> Value {
    let Some(variable) = key.prepared::<Template>() else { return Value::Null };
    let Some(mut related) = cx.message.related.take() else { return Value::Null };
    let value = match pick(&mut related) {
        Some(other) => {
            std::mem::swap(cx.message, other);
            let value = variable.value(cx);
            std::mem::swap(cx.message, other);
            value
        }
        None => Value::Null,
    };
    cx.message.related = Some(related);
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::bench::Bench;
    use std::sync::Arc;

    #[test]
    fn without_a_transaction_there_is_no_code() {
        let text = "OPTIONS sip:a SIP/2.0\nVia: SIP/2.0/UDP a;branch=z9hG4bK\n\n";
        let mut bench = Bench::new(text, Arc::new(()));
        assert_eq!(reply_code(&mut bench.context(), &Key::None, Place::Whole), Value::both(0));
        assert!(matches!(bench.call(&FUNCTIONS[0], &[]), Outcome::Return(1)));
        assert!(matches!(bench.call(&FUNCTIONS[1], &[]), Outcome::Return(-1)));
        let mut bench = Bench::new(&text.replace("OPTIONS sip:a SIP/2.0", "SIP/2.0 180 Ringing"), Arc::new(()));
        assert_eq!(reply_code(&mut bench.context(), &Key::None, Place::Whole), Value::both(180));
    }
}
