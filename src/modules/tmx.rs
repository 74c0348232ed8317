//! `tmx`: what else scripts may know of a transaction.

use crate::builtin::{
    Context, Fault, Function, Key, KeyKind, Module, Outcome, Param, Place, Prepare, Prepared, RouteKind, Routes,
    Template, Unit, Value, Variable,
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
    Function { names, args: &[], routes: Routes::ANY, run, doc }
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
    Variable::read(&["T_branch_idx"], branch_index, "The number of the branch at hand; 0 before there is one."),
    Variable::read(&["T", "T_branch"], part, "One fact of the transaction: `$T(reply_code)`, `$T(branch_index)`.")
        .keyed(KeyKind::Custom(prepare_part)),
];

fn in_kind(cx: &Context, kinds: &[RouteKind]) -> Outcome {
    Outcome::truth(kinds.contains(&cx.route))
}

fn reply_code(cx: &mut Context, _: &Key, _: Place) -> Value {
    let code = match (cx.message.message.status(), cx.message.transaction) {
        (Some(code), _) => code,
        (None, Some(view)) if cx.route == RouteKind::Request => view.sent_code,
        (None, Some(view)) => view.reply_code,
        (None, None) => 0,
    };
    Value::both(i64::from(code))
}

fn branch_index(cx: &mut Context, _: &Key, _: Place) -> Value {
    let branch = cx.message.transaction.and_then(|view| view.branch);
    Value::both(branch.map_or(0, i64::from))
}

/// What `$T(...)` gives.
enum Part {
    ReplyCode,
    BranchIndex,
}

fn prepare_part(text: &Template, _: &mut Prepare) -> Result<Prepared, Fault> {
    match text.constant().as_deref() {
        Some(b"reply_code") => Ok(Box::new(Part::ReplyCode)),
        Some(b"branch_index") => Ok(Box::new(Part::BranchIndex)),
        _ => Err(Fault::new(format!("$T({text:?}) is not built in")).help("reply_code and branch_index are")),
    }
}

fn part(cx: &mut Context, key: &Key, place: Place) -> Value {
    match key.prepared::<Part>() {
        Some(Part::ReplyCode) => reply_code(cx, key, place),
        Some(Part::BranchIndex) => branch_index(cx, key, place),
        None => Value::Null,
    }
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
