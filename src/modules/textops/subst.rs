//! Substitutions in the message.

use super::HeaderKey;
use super::search::{Which, behind_first_line, change, in_body, prepare_which};
use super::substitution::{Changes, EmptyMatch, Substitution, SubstitutionFault};
use crate::builtin::{
    Arg, Args, Check, Context, Extension, Extensions, Fault, Function, LogLevel, Outcome, Prepare, Prepared, Routes,
    Template, Transformation, Value,
};
use crate::sip::{Message, Uri};
use bytes::Bytes;
use std::ops::Range;

/// Where the Request-URI can be changed.
const ROUTING: Routes = Routes::REQUEST.or(Routes::FAILURE).or(Routes::BRANCH).or(Routes::ONREPLY);
const EXPRESSION: &[Arg] = &[Arg::custom("expression", prepare).plain_dollar()];

pub(super) const SUBST: Function = Function {
    names: &["subst"],
    args: EXPRESSION,
    routes: Routes::ANY,
    run: |cx, args| subst(cx, args, behind_first_line),
    does: &[],
    doc: "Makes a substitution `/pattern/replacement/flags` behind the first line; false without a match.",
};

pub(super) const SUBST_BODY: Function = Function {
    names: &["subst_body"],
    args: EXPRESSION,
    routes: Routes::ANY,
    run: |cx, args| subst(cx, args, in_body),
    does: &[],
    doc: "Makes a substitution in the body; false without a match.",
};

fn prepare(text: &Template, cx: &mut Prepare) -> Result<Prepared, Fault> {
    let substitution = Substitution::parse(text, cx.extensions)
        .map_err(|why| Fault::new(format!("the substitution cannot be made: {why}")))?;
    if substitution.is_perl() {
        cx.rely_on(Extension::PerlRegex);
    }
    Ok(Box::new(substitution))
}

fn subst(cx: &mut Context, args: &Args, place: fn(&Message) -> Range<usize>) -> Outcome {
    let Some(substitution) = args.prepared::<Substitution>(0) else { return Outcome::FALSE };
    let range = place(&cx.message.message);
    let bytes = cx.message.message.bytes().clone();
    let text = bytes.get(range.clone()).unwrap_or_default();
    let in_head = range.start < usize::from(cx.message.message.body_extent().start);
    match substitution.changes(cx, text, in_head) {
        Ok(changes) => finish(cx, shifted(changes, range.start)),
        Err(EmptyMatch) => empty(cx),
    }
}

/// Changes of a part as changes of the whole.
fn shifted(changes: Changes, base: usize) -> Changes {
    changes.into_iter().map(|(range, text)| (range.start + base..range.end + base, text)).collect()
}

fn finish(cx: &mut Context, changes: Changes) -> Outcome {
    if changes.is_empty() {
        return Outcome::FALSE;
    }
    let message = &mut *cx.message;
    change(&message.message, &mut message.edits, changes);
    Outcome::TRUE
}

fn empty(cx: &mut Context) -> Outcome {
    cx.log(LogLevel::Error, "the pattern of a substitution matches the empty text");
    Outcome::FALSE
}

pub(super) const SUBST_HF: Function = Function {
    names: &["subst_hf"],
    args: &[
        HeaderKey::argument("header"),
        Arg::custom("expression", prepare).plain_dollar(),
        Arg::custom("which", prepare_which),
    ],
    routes: Routes::ANY,
    run: subst_hf,
    does: &[],
    doc: "Makes a substitution in the value of all (`a`), the first (`f`) or the last (`l`) headers of this name; false without a match.",
};

fn subst_hf(cx: &mut Context, args: &Args) -> Outcome {
    let (Some(key), Some(substitution)) = (args.prepared::<HeaderKey>(0), args.prepared::<Substitution>(1)) else {
        return Outcome::FALSE;
    };
    let which = args.prepared::<Which>(2).copied().unwrap_or(Which::Any);
    let message = &cx.message.message;
    let values: Vec<Range<usize>> = which.of(key.headers(message)).map(|header| header.value.range()).collect();
    let bytes = message.bytes().clone();
    let mut all = Vec::new();
    for range in values {
        match substitution.changes(cx, bytes.get(range.clone()).unwrap_or_default(), true) {
            Ok(changes) => all.extend(shifted(changes, range.start)),
            Err(EmptyMatch) => return empty(cx),
        }
    }
    finish(cx, all)
}

pub(super) const SUBST_URI: Function = Function {
    names: &["subst_uri"],
    args: EXPRESSION,
    routes: ROUTING,
    run: subst_uri,
    does: &[],
    doc: "Makes a substitution in the Request-URI; false without a match.",
};

fn subst_uri(cx: &mut Context, args: &Args) -> Outcome {
    let Some(substitution) = args.prepared::<Substitution>(0) else { return Outcome::FALSE };
    let uri = cx.message.request_uri();
    match substitution.apply(cx, &uri) {
        Ok(Some(uri)) => {
            cx.message.target.uri = Some(Bytes::from(uri));
            Outcome::TRUE
        }
        Ok(None) => Outcome::FALSE,
        Err(EmptyMatch) => empty(cx),
    }
}

pub(super) const SUBST_USER: Function = Function {
    names: &["subst_user"],
    args: EXPRESSION,
    routes: ROUTING,
    run: subst_user,
    does: &[],
    doc: "Makes a substitution in the user of the Request-URI; false without a match.",
};

fn subst_user(cx: &mut Context, args: &Args) -> Outcome {
    let Some(substitution) = args.prepared::<Substitution>(0) else { return Outcome::FALSE };
    let text = cx.message.request_uri();
    let Ok(uri) = Uri::parse(&text) else { return Outcome::FALSE };
    match substitution.apply(cx, uri.user.unwrap_or_default()) {
        Ok(Some(user)) => {
            let changed = if user.is_empty() { uri.without_user() } else { uri.with_user(&user) };
            cx.message.target.uri = Some(Bytes::from(changed));
            Outcome::TRUE
        }
        Ok(None) => Outcome::FALSE,
        Err(EmptyMatch) => empty(cx),
    }
}

pub(super) const SUBST_V: Function = Function {
    names: &["subst_v"],
    args: &[Arg::text("text"), Arg::custom("expression", prepare).plain_dollar(), Arg::target("target")],
    routes: Routes::ANY,
    run: subst_v,
    does: &[],
    doc: "Stores a text with a substitution made in it; false without a match, which stores nothing.",
};

fn subst_v(cx: &mut Context, args: &Args) -> Outcome {
    let (Some(substitution), Some(target)) = (args.prepared::<Substitution>(1), args.target(2)) else {
        return Outcome::FALSE;
    };
    let text = args.text(cx, 0);
    match substitution.apply(cx, &text) {
        Ok(Some(changed)) => Outcome::truth(target.assign(cx, Value::Text(Bytes::from(changed))).is_ok()),
        Ok(None) => Outcome::FALSE,
        Err(EmptyMatch) => empty(cx),
    }
}

pub(super) const RE_SUBST: Transformation = Transformation {
    class: "re",
    name: "subst",
    params: (1, 1),
    checks: &[(0, Check::Form(is_substitution))],
    run: re_subst,
    doc: "The value with a substitution `/pattern/replacement/flags` made in it; as it is without a match.",
};

/// Kamailio takes the expression apart when it starts.
fn is_substitution(text: &str) -> Result<(), String> {
    match Substitution::parse(&Template::fixed(text.to_owned()), Extensions::default()) {
        Err(why @ (SubstitutionFault::Form | SubstitutionFault::Flag(_) | SubstitutionFault::Pattern(_))) => {
            Err(format!("cannot be read: {why}"))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

fn re_subst(cx: &mut Context, value: Value, params: &[Template]) -> Value {
    let Some(expression) = params.first() else { return value };
    let substitution = match Substitution::parse(expression, cx.core.extensions) {
        Ok(substitution) => substitution,
        Err(why) => {
            cx.log(LogLevel::Error, format!("re.subst: {why}"));
            return Value::Null;
        }
    };
    let text = value.to_text();
    match substitution.apply(cx, &text) {
        Ok(Some(changed)) => Value::Text(Bytes::from(changed)),
        Ok(None) => value,
        Err(EmptyMatch) => {
            empty(cx);
            Value::Null
        }
    }
}
