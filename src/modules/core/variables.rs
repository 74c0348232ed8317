//! Pseudo-variables that exist without any module.

use crate::builtin::{Fault, KeyKind, Prepare, Prepared, Template, Value, Variable, parse_int};
use bytes::Bytes;

/// The variables.
pub(super) const ROWS: &[Variable] = &[
    Variable::read(
        &["rc", "retcode", "?"],
        |cx, _, _| Value::Int(cx.locals.return_code),
        "The code that the last function or route returned.",
    ),
    Variable::read(&["null"], |_, _, _| Value::Null, "Nothing: what is undefined."),
    constant(
        &["env", "envn"],
        environment,
        "A variable of the environment, as it was at the start; undefined when it is not set.",
    ),
    constant(
        &["def", "defv"],
        |text, cx| define(text, cx, Value::Null, false),
        "The value of a define; undefined when there is none of this name.",
    ),
    constant(
        &["defn"],
        number,
        "The value of a define, as a number when it is one; 0 when there is none of this name.",
    ),
    constant(
        &["defs"],
        |text, cx| define(text, cx, Value::text(""), true),
        "The value of a define without its quotes; empty when there is none of this name.",
    ),
];

/// The one that stands in `corex`.
pub(crate) const PLACE: &[Variable] = &[constant(
    &["cfg"],
    place,
    "Where in the config the statement stands: line, file or name the file, route the block.",
)];

/// A variable whose value is known before any message.
const fn constant(
    names: &'static [&'static str],
    prepare: fn(&Template, &mut Prepare) -> Result<Prepared, Fault>,
    doc: &'static str,
) -> Variable {
    Variable::read(names, |_, key, _| key.prepared::<Value>().cloned().unwrap_or_default(), doc)
        .keyed(KeyKind::Custom(prepare))
}

fn name(text: &Template) -> Result<String, Fault> {
    let name = text.constant().ok_or_else(|| Fault::new("the name in the parentheses must not hold a variable"))?;
    Ok(String::from_utf8_lossy(&name).into_owned())
}

fn environment(text: &Template, cx: &mut Prepare) -> Result<Prepared, Fault> {
    let name = name(text)?;
    let value = cx.facts().environment.and_then(|environment| environment(&name));
    Ok(Box::new(value.map_or(Value::Null, |value| Value::Text(Bytes::from(value)))))
}

fn define(text: &Template, cx: &mut Prepare, missing: Value, bare: bool) -> Result<Prepared, Fault> {
    let name = name(text)?;
    let found = cx.facts().defines.iter().find(|(its, _)| *its == name);
    let value = found.map_or(missing, |(_, value)| {
        let value = value.clone().unwrap_or_default();
        let inner = value.strip_prefix(b"\"").and_then(|inner| inner.strip_suffix(b"\""));
        Value::Text(inner.filter(|_| bare).map_or_else(|| value.clone(), |inner| value.slice_ref(inner)))
    });
    Ok(Box::new(value))
}

fn number(text: &Template, cx: &mut Prepare) -> Result<Prepared, Fault> {
    let value = define(text, cx, Value::Int(0), false)?;
    match value.downcast_ref::<Value>() {
        Some(Value::Text(text)) => match parse_int(text) {
            Some(number) => Ok(Box::new(Value::Both(number, text.clone()))),
            None => Ok(value),
        },
        _ => Ok(value),
    }
}

fn place(text: &Template, cx: &mut Prepare) -> Result<Prepared, Fault> {
    let facts = cx.facts();
    let file =
        || facts.place().map_or(Value::Null, |(path, _)| Value::Text(Bytes::from(path.to_string_lossy().into_owned())));
    Ok(Box::new(match name(text)?.as_str() {
        "line" => facts.place().map_or(Value::Null, |(_, line)| Value::Int(line as i64)),
        "file" | "name" => file(),
        "route" => Value::Text(Bytes::from(facts.route.to_owned())),
        other => return Err(Fault::new(format!("a place has no {other}")).help("one of: line, file, name, route")),
    }))
}
