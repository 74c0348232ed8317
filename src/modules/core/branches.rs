//! Statements about further branches.

use crate::builtin::{Arg, Args, Context, Does, Function, Located, LogLevel, Means, Outcome, Routes, Target};
use crate::modules::usrloc::preference;
use bytes::Bytes;
use std::sync::Arc;

/// The statements.
pub(super) const ROWS: &[Function] = &[
    Function {
        names: &["remove_branch"],
        args: &[Arg::number("index").optional()],
        routes: Routes::ANY,
        run: remove,
        does: &[],
        doc: "Takes the further branch of this index away, counted from 0; without one the last. A negative index counts from the end.",
    },
    Function {
        names: &["clear_branches"],
        args: &[],
        routes: Routes::ANY,
        run: clear,
        does: &[],
        doc: "Takes all further branches away.",
    },
];

/// The one that stands in `corex`.
pub(crate) const APPEND: &[Function] = &[Function {
    names: &["append_branch"],
    args: &[Arg::text("uri").means(Means::Uri).optional(), Arg::text("q").optional()],
    routes: Routes::REQUEST.or(Routes::FAILURE),
    run: append,
    does: &[Does::WriteHeader, Does::Rewrite],
    doc: "Adds a destination to fork to: the URI given with the next hop `$du`, else the Request-URI without it. The q value, such as 0.5, stands in the Contact of a redirection and in `$(branch(q)[i])`.",
}];

fn append(cx: &mut Context, args: &Args) -> Outcome {
    if !cx.core.has_room_for_branch(cx.message.branches.len()) {
        cx.log(LogLevel::Error, "there are too many branches");
        return Outcome::FALSE;
    }
    let q = if args.has(1) { args.text(cx, 1) } else { Bytes::new() };
    let located = match preference::read(&q) {
        _ if q.is_empty() => None,
        Some(q) => Some(Arc::new(Located { q: Some(q), ..Located::default() })),
        None => {
            let q = String::from_utf8_lossy(&q);
            cx.log(LogLevel::Error, format!("append_branch: {q} is no q value"));
            return Outcome::FALSE;
        }
    };
    let uri = args.header_value(cx, 0);
    let message = &mut *cx.message;
    // `$du` goes with a URI that is given, not with the Request-URI.
    let (uri, next_hop) = match uri.is_empty() {
        true => (message.request_uri(), None),
        false => (uri, message.target.next_hop.clone()),
    };
    message.branches.push(Target { uri: Some(uri), next_hop, located, ..message.target.clone() });
    Outcome::TRUE
}

fn remove(cx: &mut Context, args: &Args) -> Outcome {
    let index = if args.has(0) { args.int(cx, 0) } else { -1 };
    let branches = &mut cx.message.branches;
    let at = if index < 0 { index + branches.len() as i64 } else { index };
    match usize::try_from(at) {
        Ok(at) if at < branches.len() => {
            branches.remove(at);
            Outcome::TRUE
        }
        _ => Outcome::FALSE,
    }
}

fn clear(cx: &mut Context, _: &Args) -> Outcome {
    cx.message.branches.clear();
    Outcome::TRUE
}
