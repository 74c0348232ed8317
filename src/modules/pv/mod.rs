//! `pv`: the pseudo-variables of a message and of the script, and the transformations.

mod address;
mod auth;
mod avp;
mod branch;
mod character;
mod elsewhere;
mod flags;
mod functions;
mod header;
mod keyword;
mod message;
mod packet;
mod parameters;
mod record;
mod reply;
mod socket;
mod static_branch;
mod statistic;
mod time;
mod transform;
mod uri;
mod vars;
mod via;
mod xavp;

pub(super) use transform::push_escaped_param;

use crate::builtin::{
    Changes, Context, Fault, Function, Key, KeyKind, Module, Param, ParamGivenValue, Prepared, Start, StartFault,
    State, Template, Transformation, Value, Variable, count, join, parse_int,
};
use bytes::Bytes;
use std::sync::Mutex;

/// The rows of the module.
pub static MODULE: Module = Module {
    functions: &FUNCTIONS,
    params: PARAMS,
    variables: &VARIABLES,
    transformations: &TRANSFORMATIONS,
    start,
    ..Module::new("pv", "Pseudo-variables of messages and scripts, and transformations of their values.")
};

static FUNCTIONS: [Function; count(FUNCTION_PARTS)] = join(FUNCTION_PARTS);
const FUNCTION_PARTS: &[&[Function]] = &[functions::ROWS, record::ROWS, static_branch::ROWS];

static VARIABLES: [Variable; count(VARIABLE_PARTS)] = join(VARIABLE_PARTS);
const VARIABLE_PARTS: &[&[Variable]] = &[
    uri::ROWS,
    address::ROWS,
    message::ROWS,
    via::ROWS,
    header::ROWS,
    socket::ROWS,
    auth::ROWS,
    flags::ROWS,
    branch::ROWS,
    static_branch::VARIABLES,
    vars::ROWS,
    avp::ROWS,
    xavp::ROWS,
    time::ROWS,
    keyword::ROWS,
    reply::ROWS,
    elsewhere::ROWS,
    packet::ROWS,
    statistic::ROWS,
    character::ROWS,
];

static TRANSFORMATIONS: [Transformation; count(transform::PARTS)] = join(transform::PARTS);

const PARAMS: &[Param] = &[
    Param::absent(&["shvset"], "Gives a $shv its first value: name=i:number or name=s:text.").repeated(),
    Param::absent(&["varset"], "Gives a $var its value at the start of each message: name=i:number or name=s:text.")
        .repeated(),
    Param::absent(&["avp_aliases"], "Other names for AVPs, in the form of old releases; such names are not resolved.")
        .repeated()
        .without(Changes::Wire),
];

/// What the module made of its parameters, and `$shv`.
#[derive(Debug, Default)]
struct Pv {
    shared: Box<[Mutex<Value>]>,
    initial: Box<[Value]>,
    /// The names of `$var` by slot; undefined for the slot of a `$vn`.
    names: Box<[Option<Bytes>]>,
}

impl State for Pv {}

/// What the module keeps for the blocks of one message.
#[derive(Debug, Default)]
struct Run {
    /// `$sbranch`.
    static_branch: static_branch::StaticBranch,
}

fn start(start: &mut Start) -> Result<Box<dyn State>, StartFault> {
    let shared = initial(start, "shvset", "shv")?.into_iter().map(|value| match value {
        Value::Null => Mutex::new(Value::Int(0)),
        value => Mutex::new(value),
    });
    let names = start.slots.names("var").map(|name| {
        let plain = !name.starts_with(vars::NULLABLE);
        plain.then(|| Bytes::copy_from_slice(name))
    });
    let (names, shared) = (names.collect(), shared.collect());
    Ok(Box::new(Pv { shared, names, initial: initial(start, "varset", "var")?.into() }))
}

/// First values by slot, of the names that the script uses.
fn initial(start: &Start, param: &'static str, space: &'static str) -> Result<Vec<Value>, StartFault> {
    let mut values = vec![Value::Null; start.slots.len(space)];
    for given in start.params.all(param) {
        let ParamGivenValue::Text(text) = &given.value else { continue };
        let Some((name, value)) = declaration(text) else {
            let fault = StartFault::new(format!("{param}: {} is no declaration", String::from_utf8_lossy(text)));
            return Err(fault.at(given.span).help("write name=i:number or name=s:text"));
        };
        if let Some(at) = start.slots.names(space).position(|its| its == name) {
            values[at] = value;
        }
    }
    Ok(values)
}

fn declaration(text: &Bytes) -> Option<(&[u8], Value)> {
    let equals = memchr::memchr(b'=', text)?;
    let (name, value) = (text.get(..equals)?.trim_ascii(), text.get(equals + 1..)?.trim_ascii());
    let value = match value.split_first_chunk()? {
        (b"i:", number) => Value::Int(parse_int(number)?),
        (b"s:", text) => Value::Text(Bytes::copy_from_slice(text)),
        _ => return None,
    };
    (!name.is_empty()).then_some((name, value))
}

/// How a variable with a name from a fixed list reads one of them.
type Get = fn(&mut Context) -> Value;

/// Finds the name in the parentheses among those there are.
fn pick<T: Copy + Send + Sync + 'static>(
    text: &Template,
    choices: &'static [(&'static str, T)],
) -> Result<Prepared, Fault> {
    let name = text.constant().ok_or_else(|| Fault::new("the name in the parentheses must not hold a variable"))?;
    match choices.iter().find(|(its, _)| its.as_bytes() == name) {
        Some((_, choice)) => Ok(Box::new(*choice)),
        None => {
            let names: Vec<_> = choices.iter().map(|(its, _)| *its).collect();
            let fault = Fault::new(format!("there is no {} here", String::from_utf8_lossy(&name)));
            Err(fault.help(format!("one of: {}", names.join(", "))))
        }
    }
}

/// Reads what [`pick`] found.
fn picked(cx: &mut Context, key: &Key) -> Value {
    key.prepared::<Get>().map_or(Value::Null, |get| get(cx))
}

/// A variable with a name from a fixed list.
const fn one_of(names: &'static [&'static str], key: KeyKind, doc: &'static str) -> Variable {
    Variable { names, key, get: |cx, key, _| picked(cx, key), set: None, forgotten: None, indexed: false, doc }
}

/// The string that an assignment needs.
fn wanted_text(value: &Value) -> Result<Bytes, Fault> {
    match value {
        Value::Text(text) | Value::Both(_, text) => Ok(text.clone()),
        Value::Int(_) | Value::Null | Value::Unset => Err(Fault::new("a string is needed here")),
    }
}

/// Bytes of the message as a value; they share its memory.
fn within(base: &Bytes, part: &[u8]) -> Value {
    Value::Text(base.slice_ref(part))
}

/// The same, undefined when there are none.
fn within_or_null(base: &Bytes, part: &[u8]) -> Value {
    if part.is_empty() { Value::Null } else { within(base, part) }
}
