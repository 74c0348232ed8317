//! Functions that take `$xavp` and `$xavu` records apart and put them together.

use super::parameters::parameters;
use super::xavp::own_class;
use super::{Pv, vars};
use crate::builtin::{Arg, Args, Context, Form, Function, LogLevel, Outcome, Value, Xavp, anywhere};
use crate::modules::core;
use bytes::Bytes;

const CLASS: Arg = Arg::text("class");
const FIELD: Arg = Arg::text("field");

/// The functions.
pub(super) const ROWS: &[Function] = &[
    anywhere(
        &["xavp_params_explode"],
        &[Arg::text("parameters"), CLASS],
        |cx, args| explode(cx, args, "xavp", b';'),
        "Makes a record of the class from text of the form a=1;b=2.",
    ),
    anywhere(
        &["xavp_xparams_explode"],
        &[Arg::text("parameters"), Arg::text("separator"), CLASS],
        explode_at,
        "The same, with another separator than the semicolon.",
    ),
    anywhere(
        &["xavu_params_explode"],
        &[Arg::text("parameters"), CLASS],
        |cx, args| explode(cx, args, "xavu", b';'),
        "Like xavp_params_explode, for $xavu.",
    ),
    anywhere(
        &["xavp_params_implode"],
        IMPLODE,
        |cx, args| implode(cx, args, "xavp", b""),
        "Writes the newest record of the class into a variable in the form a=1;b=2; and is false without a record.",
    ),
    anywhere(
        &["xavp_params_implode_qval"],
        IMPLODE,
        |cx, args| implode(cx, args, "xavp", b"\""),
        "The same, with each value in quotes.",
    ),
    anywhere(
        &["xavu_params_implode"],
        IMPLODE,
        |cx, args| implode(cx, args, "xavu", b""),
        "Like xavp_params_implode, for $xavu.",
    ),
    anywhere(
        &["xavp_slist_explode"],
        &[Arg::text("list"), Arg::text("separator"), Arg::text("mode"), CLASS],
        list_explode,
        "Makes a record of the class in which each item of the list is a field v; with mode t blanks around items go.",
    ),
    anywhere(
        &["xavp_copy"],
        &[CLASS, Arg::int("index"), Arg::text("to"), Arg::text("to_index").form(Form::Number).optional()],
        copy,
        "Copies a record to another class, as a new record or over the one of to_index; false when there is none to copy.",
    ),
    anywhere(
        &["xavp_child_sets"],
        CHILD,
        |cx, args| set_child(cx, args, "xavp"),
        "Sets a field of the newest record, which is made when there is none.",
    ),
    anywhere(&["xavp_child_seti"], NUMBERED_CHILD, |cx, args| set_child(cx, args, "xavp"), "The same with a number."),
    anywhere(&["xavi_child_sets"], CHILD, |cx, args| set_child(cx, args, "xavi"), "Like xavp_child_sets, for $xavi."),
    anywhere(
        &["xavi_child_seti"],
        NUMBERED_CHILD,
        |cx, args| set_child(cx, args, "xavi"),
        "Like xavp_child_seti, for $xavi.",
    ),
    anywhere(
        &["xavp_child_rm"],
        &[CLASS, FIELD],
        |cx, args| remove_child(cx, args, "xavp"),
        "Takes a field of the newest record away.",
    ),
    anywhere(
        &["xavi_child_rm"],
        &[CLASS, FIELD],
        |cx, args| remove_child(cx, args, "xavi"),
        "Like xavp_child_rm, for $xavi.",
    ),
    anywhere(
        &["xavp_rm"],
        &[CLASS],
        |cx, args| remove(cx, args, "xavp", false),
        "Takes the newest record of the class away.",
    ),
    anywhere(
        &["xavp_rm_all"],
        &[CLASS],
        |cx, args| remove(cx, args, "xavp", true),
        "Takes all records of the class away.",
    ),
    anywhere(&["xavi_rm"], &[CLASS], |cx, args| remove(cx, args, "xavi", false), "Like xavp_rm, for $xavi."),
    anywhere(&["xavi_rm_all"], &[CLASS], |cx, args| remove(cx, args, "xavi", true), "Like xavp_rm_all, for $xavi."),
    anywhere(
        &["xavp_lshift"],
        &[CLASS, Arg::int("count")],
        shift,
        "Takes as many of the newest records of the class away.",
    ),
    anywhere(
        &["xavp_push_dst"],
        &[CLASS],
        push_destination,
        "Goes on to the destination of the newest record of the class: its fields uri, dsturi and socket become the Request-URI, the next hop and the socket to send from; false without a record.",
    ),
    anywhere(
        &["pv_var_to_xavp"],
        &[Arg::text("name"), CLASS],
        from_variables,
        "Copies the $var of this name, or with * each of them, into a record of the class.",
    ),
    anywhere(
        &["pv_xavp_to_var"],
        &[CLASS],
        to_variables,
        "Writes each field of the newest record of the class into the $var of its name; false without a record.",
    ),
];

const CHILD: &[Arg] = &[CLASS, FIELD, Arg::text("value")];
const NUMBERED_CHILD: &[Arg] = &[CLASS, FIELD, Arg::text("value").form(Form::Number)];
const IMPLODE: &[Arg] = &[CLASS, Arg::target("variable")];

/// Goes on to the destination that the first record of a class describes.
fn push_destination(cx: &mut Context, args: &Args) -> Outcome {
    let class = class(cx, args, 0, "xavp");
    let Some(record) = cx.locals.avps.record(&class, 0) else { return Outcome::FALSE };
    let text = |name: &[u8]| match record.field(name) {
        Some(Value::Text(text)) => Some(text.clone()),
        _ => None,
    };
    let (uri, destination, socket) = (text(b"uri"), text(b"dsturi"), text(b"socket"));
    if let Some(uri) = uri {
        cx.message.target.uri = Some(uri);
    }
    if destination.is_some() {
        cx.message.target.next_hop = destination;
    }
    if let Some(found) = socket.and_then(|socket| core::socket(cx, &socket)) {
        cx.message.target.socket = Some(found);
    }
    Outcome::TRUE
}

fn class(cx: &mut Context, args: &Args, at: usize, kind: &str) -> Bytes {
    let name = args.text(cx, at);
    if kind == "xavi" { own_class(kind, &name.to_ascii_lowercase()) } else { own_class(kind, &name) }
}

fn field(cx: &mut Context, args: &Args, kind: &str) -> Bytes {
    let name = args.text(cx, 1);
    if kind == "xavi" { Bytes::from(name.to_ascii_lowercase()) } else { name }
}

fn explode(cx: &mut Context, args: &Args, kind: &str, separator: u8) -> Outcome {
    let text = args.text(cx, 0);
    let class = class(cx, args, args.len() - 1, kind);
    exploded(cx, &text, separator, kind, class)
}

fn explode_at(cx: &mut Context, args: &Args) -> Outcome {
    let separator = args.text(cx, 1).first().copied().unwrap_or(b';');
    explode(cx, args, "xavp", separator)
}

fn exploded(cx: &mut Context, text: &Bytes, separator: u8, kind: &str, class: Bytes) -> Outcome {
    let Some(list) = parameters(text, separator).filter(|list| list.iter().all(|(name, _)| !name.is_empty())) else {
        return Outcome::FALSE;
    };
    let owned = |(name, value)| (text.slice_ref(name), Value::Text(text.slice_ref(value)));
    let fields: Vec<_> = list.into_iter().map(owned).collect();
    let avps = &mut cx.locals.avps;
    match avps.record_mut(&class, 0) {
        Some(record) if kind == "xavu" => fields.into_iter().for_each(|(name, value)| record.set(&name, value)),
        _ => avps.push_record(Xavp { class, fields }),
    }
    Outcome::TRUE
}

fn implode(cx: &mut Context, args: &Args, kind: &str, quote: &[u8]) -> Outcome {
    let class = class(cx, args, 0, kind);
    let (Some(record), Some(target)) = (cx.locals.avps.record(&class, 0), args.target(1)) else {
        return Outcome::FALSE;
    };
    let mut out = Vec::new();
    for (name, value) in &record.fields {
        out.extend_from_slice(name);
        let text = value.to_text();
        if !text.is_empty() {
            [b"=", quote, &text, quote].into_iter().for_each(|part| out.extend_from_slice(part));
        }
        out.push(b';');
    }
    Outcome::truth(target.assign(cx, Value::Text(Bytes::from(out))).is_ok())
}

fn list_explode(cx: &mut Context, args: &Args) -> Outcome {
    let (text, separator, mode) = (args.text(cx, 0), args.text(cx, 1), args.text(cx, 2));
    let class = class(cx, args, 3, "xavp");
    let Some(separator) = separator.first() else { return Outcome::FALSE };
    if text.is_empty() {
        return Outcome::FALSE;
    }
    let items = text.split(|byte| byte == separator);
    let trimmed = items.map(|item| if mode.contains(&b't') { item.trim_ascii() } else { item });
    let kept = trimmed.filter(|item| !item.is_empty());
    let fields: Vec<_> = kept.map(|item| (Bytes::from_static(b"v"), Value::Text(text.slice_ref(item)))).collect();
    cx.locals.avps.push_record(Xavp { class, fields });
    Outcome::TRUE
}

fn copy(cx: &mut Context, args: &Args) -> Outcome {
    let from = class(cx, args, 0, "xavp");
    let to = class(cx, args, 2, "xavp");
    let index = usize::try_from(args.int(cx, 1)).unwrap_or(usize::MAX);
    let over = args.has(3).then(|| args.int(cx, 3)).and_then(|index| usize::try_from(index).ok());
    let avps = &mut cx.locals.avps;
    let Some(fields) = avps.record(&from, index).map(|record| record.fields.clone()) else {
        let text = format!("there is no record {} to copy", String::from_utf8_lossy(&from));
        cx.log(LogLevel::Error, text);
        return Outcome::FALSE;
    };
    match over {
        None => avps.push_record(Xavp { class: to, fields }),
        Some(over) => match avps.record_mut(&to, over) {
            Some(record) => record.fields = fields,
            None => return Outcome::FALSE,
        },
    }
    Outcome::TRUE
}

fn set_child(cx: &mut Context, args: &Args, kind: &str) -> Outcome {
    let (class, name) = (class(cx, args, 0, kind), field(cx, args, kind));
    let value = if args.name().ends_with("seti") { Value::Int(args.int(cx, 2)) } else { Value::Text(args.text(cx, 2)) };
    let avps = &mut cx.locals.avps;
    match avps.record_mut(&class, 0) {
        Some(record) => record.set(&name, value),
        None => avps.push_record(Xavp { class, fields: vec![(name, value)] }),
    }
    Outcome::TRUE
}

fn remove_child(cx: &mut Context, args: &Args, kind: &str) -> Outcome {
    let (class, name) = (class(cx, args, 0, kind), field(cx, args, kind));
    if let Some(record) = cx.locals.avps.record_mut(&class, 0)
        && let Some(at) = record.fields.iter().position(|(its, _)| *its == name)
    {
        record.fields.remove(at);
    }
    Outcome::TRUE
}

fn remove(cx: &mut Context, args: &Args, kind: &str, all: bool) -> Outcome {
    let class = class(cx, args, 0, kind);
    if all {
        cx.locals.avps.clear_records(&class);
    } else {
        let _ = cx.locals.avps.remove_record(&class, 0);
    }
    Outcome::TRUE
}

fn shift(cx: &mut Context, args: &Args) -> Outcome {
    let class = class(cx, args, 0, "xavp");
    let count = args.int(cx, 1);
    let gone = (0..count).take_while(|_| cx.locals.avps.remove_record(&class, 0).is_some()).count();
    Outcome::truth(gone > 0)
}

/// Only names that the script uses are variables.
fn from_variables(cx: &mut Context, args: &Args) -> Outcome {
    let name = args.text(cx, 0);
    let class = class(cx, args, 1, "xavp");
    let Some(state) = cx.state::<Pv>() else { return Outcome::FALSE };
    let mut fields = Vec::new();
    for (at, its) in state.names.iter().enumerate().filter_map(|(at, its)| Some((at, its.as_ref()?))) {
        if name == b"*"[..] || name == *its {
            let value = vars::var(cx, at);
            fields.push((its.clone(), if value == Value::Unset { Value::Int(0) } else { value }));
        }
    }
    if fields.is_empty() {
        return Outcome::FALSE;
    }
    cx.locals.avps.clear_records(&class);
    cx.locals.avps.push_record(Xavp { class, fields });
    Outcome::TRUE
}

fn to_variables(cx: &mut Context, args: &Args) -> Outcome {
    let class = class(cx, args, 0, "xavp");
    let Some(state) = cx.state::<Pv>() else { return Outcome::FALSE };
    let Some(fields) = cx.locals.avps.record(&class, 0).map(|record| record.fields.clone()) else {
        let text = format!("there is no record {}", String::from_utf8_lossy(&class));
        cx.log(LogLevel::Error, text);
        return Outcome::FALSE;
    };
    for (name, value) in fields {
        if let Some(at) = state.names.iter().position(|its| its.as_ref() == Some(&name)) {
            cx.locals.carried.set_var(at, value);
        }
    }
    Outcome::TRUE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::bench::Bench;
    use std::sync::Arc;

    #[test]
    fn records_from_text() {
        let mut bench = Bench::new("INVITE sip:x SIP/2.0\nVia: SIP/2.0/UDP h\n\n", Arc::new(()));
        let steps: &[(&str, &[&str], i32)] = &[
            ("xavp_params_explode", &["a=1;b=\"q r\";c", "x"], 1),
            ("xavp_copy", &["x", "0", "y"], 1),
            ("xavp_copy", &["nope", "0", "y"], -1),
            ("xavp_child_seti", &["k", "i", "7"], 1),
            ("xavp_child_rm", &["x", "a"], 1),
            ("xavp_slist_explode", &["a, b,,c", ",", "t", "s"], 1),
        ];
        for (name, args, code) in steps {
            let row = ROWS.iter().find(|row| row.names.contains(name)).unwrap();
            let site_name = row.names.iter().find(|its| *its == name).unwrap();
            assert_eq!(site_name, name);
            assert!(matches!(bench.call(row, args), Outcome::Return(its) if its == *code), "{name}{args:?}");
        }
        let avps = &bench.locals.avps;
        let text = |class: &[u8], field: &[u8]| avps.record(class, 0).and_then(|record| record.field(field).cloned());
        assert_eq!(text(b"x", b"a"), None);
        assert_eq!(text(b"x", b"b"), Some(Value::text("q r")));
        assert_eq!(text(b"y", b"a"), Some(Value::text("1")));
        assert_eq!(text(b"k", b"i"), Some(Value::Int(7)));
        assert_eq!(avps.record(b"s", 0).map(|record| record.fields.len()), Some(3));
    }
}
