//! Questions about the transaction of the message at hand.

use crate::builtin::{
    Args, Context, Fault, Outcome, Prepare, Prepared, RouteKind, Template, TransactionView, int_text,
};

/// A kind of route that may be named for a transaction.
enum Armed {
    Failure,
    Branch,
    Reply,
}

pub(super) fn prepare_armed(text: &Template, _: &mut Prepare) -> Result<Prepared, Fault> {
    match text.constant().as_deref() {
        Some(b"failure_route") => Ok(Box::new(Armed::Failure)),
        Some(b"branch_route") => Ok(Box::new(Armed::Branch)),
        Some(b"onreply_route") => Ok(Box::new(Armed::Reply)),
        _ => Err(Fault::new(format!("{text:?} is no kind of route"))
            .help("write failure_route, branch_route or onreply_route")),
    }
}

pub(super) fn is_set(cx: &mut Context, args: &Args) -> Outcome {
    Outcome::truth(match args.prepared::<Armed>(0) {
        Some(Armed::Failure) => cx.message.armed.failure.is_some(),
        Some(Armed::Branch) => cx.message.armed.branch.is_some(),
        Some(Armed::Reply) => cx.message.armed.reply.is_some(),
        None => false,
    })
}

pub(super) fn check_status(cx: &mut Context, args: &Args) -> Outcome {
    let Some(code) = code(cx) else { return Outcome::FALSE };
    let Some(pattern) = args.regex(cx, 0) else { return Outcome::FALSE };
    Outcome::truth(pattern.is_match(&int_text(i64::from(code))))
}

/// The code of the reply at hand; of the winning one in a failure_route, of the branch's in the event of its failure, of
/// the last one sent before.
fn code(cx: &Context) -> Option<u16> {
    if let Some(code) = cx.message.message.status() {
        return Some(code);
    }
    let view = cx.message.transaction?;
    let code = if matches!(cx.route, RouteKind::Failure | RouteKind::Event) { view.reply_code } else { view.sent_code };
    (code > 0).then_some(code)
}

pub(super) fn status_code(cx: &mut Context, _: &Args) -> Outcome {
    match cx.message.transaction {
        Some(view) if view.sent_code > 0 => Outcome::Return(i32::from(view.sent_code)),
        _ => Outcome::FALSE,
    }
}

pub(super) fn is_canceled(cx: &mut Context, _: &Args) -> Outcome {
    ask(cx, |view| view.canceled)
}

pub(super) fn any_timeout(cx: &mut Context, _: &Args) -> Outcome {
    ask(cx, |view| view.timed_out)
}

pub(super) fn any_replied(cx: &mut Context, _: &Args) -> Outcome {
    ask(cx, |view| view.replied)
}

pub(super) fn branch_timeout(cx: &mut Context, _: &Args) -> Outcome {
    ask(cx, |view| view.branch_timed_out)
}

pub(super) fn branch_replied(cx: &mut Context, _: &Args) -> Outcome {
    ask(cx, |view| view.branch_replied)
}

pub(super) fn exists(cx: &mut Context, _: &Args) -> Outcome {
    ask(cx, |_| true)
}

fn ask(cx: &Context, question: fn(&TransactionView) -> bool) -> Outcome {
    Outcome::truth(cx.message.transaction.as_ref().is_some_and(question))
}
