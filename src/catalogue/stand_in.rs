//! Rows for what is known but not built: they are checked like others, and give what is neutral when they run.

use super::{Known, Neutral, does, means, neutral};
use crate::builtin::{
    Arg, ArgKind, Args, Changes, Context, Form, Function, Inert, KeyKind, LogLevel, Means, Module, Outcome, Param,
    ParamKind, RouteKind, Routes, Transformation, Unit, Value, Variable,
};

const DOC: &str = "Known from Kamailio, not built in.";

/// Names of arguments, for messages.
const ARGUMENTS: [&str; 6] = ["argument 1", "argument 2", "argument 3", "argument 4", "argument 5", "argument 6"];

/// The rows of a module of the table.
pub(super) fn module(known: &Known) -> Module {
    let mut functions = Vec::new();
    let mut params = Vec::new();
    let mut variables = Vec::new();
    let mut transformations = Vec::new();
    let mut events: Vec<&'static str> = Vec::new();
    for line in known.lines.lines() {
        let mut columns = line.split('\t');
        let mut column = || columns.next().unwrap_or_default();
        match column() {
            "f" => functions.push(function(column(), column(), column(), column())),
            "p" => params.push(param(column(), column(), column())),
            "v" => variables.push(variable(column(), column(), column())),
            "t" => transformations.push(transformation(column(), column())),
            "e" => events.push(column()),
            _ => {}
        }
    }
    Module {
        functions: kept(functions),
        params: kept(params),
        variables: kept(variables),
        transformations: kept(transformations),
        events: kept(events),
        ..Module::new(known.name, DOC)
    }
}

/// Rows are static everywhere; a module of the table makes its own once.
fn kept<T>(rows: Vec<T>) -> &'static [T] {
    Box::leak(rows.into_boxed_slice())
}

fn function(name: &'static str, routes: &str, args: &str, constant: &str) -> Function {
    let args = match args {
        "-" => Vec::new(),
        "*" => ARGUMENTS
            .iter()
            .map(|name| Arg {
                name,
                kind: ArgKind::Anything,
                optional: true,
                plain_dollar: false,
                form: Form::Any,
                means: Means::Any,
            })
            .collect(),
        kinds => {
            let args = kinds.bytes().zip(ARGUMENTS).enumerate();
            args.map(|(at, (kind, its))| arg(its, kind, !constant.is_empty()).means(means(name, at))).collect()
        }
    };
    let run = match neutral(name) {
        Neutral::False => refuse,
        Neutral::True | Neutral::Trust => pass,
    };
    Function { names: kept(vec![name]), args: kept(args), routes: allowed(routes), run, does: does(name), doc: DOC }
}

fn arg(name: &'static str, kind: u8, constant: bool) -> Arg {
    let kind = match kind {
        b'i' => ArgKind::Int,
        b't' | b'v' => ArgKind::Text,
        b'w' => ArgKind::Target,
        _ if constant => ArgKind::Literal,
        _ => ArgKind::Anything,
    };
    Arg { name, kind, optional: false, plain_dollar: false, form: Form::Any, means: Means::Any }
}

fn allowed(letters: &str) -> Routes {
    let all = letters.bytes().map(|letter| match letter {
        b'A' => Routes::ANY,
        b'R' => Routes::REQUEST,
        b'F' => Routes::FAILURE,
        b'T' => Routes::REPLY,
        b'C' => Routes::CORE_REPLY,
        b'B' => Routes::BRANCH,
        b'S' => Routes::ONSEND,
        _ => Routes::of(RouteKind::Event),
    });
    all.fold(Routes::NONE, Routes::or)
}

fn refuse(cx: &mut Context, args: &Args) -> Outcome {
    let name = args.name();
    cx.core.log_once(LogLevel::Debug, name, || format!("{name} is not supported: every call of it is false"));
    Outcome::FALSE
}

fn pass(cx: &mut Context, args: &Args) -> Outcome {
    let name = args.name();
    cx.core.log_once(LogLevel::Debug, name, || format!("{name} is not supported: every call of it is true"));
    Outcome::TRUE
}

/// What is not built is reported as that.
const NOTHING: Option<Inert> = Some(Inert { changes: Changes::Nothing, like: None });

fn param(name: &'static str, kind: &str, repeat: &str) -> Param {
    let kind = match kind {
        "i" => ParamKind::Int,
        "s" => ParamKind::Text,
        _ => ParamKind::Any,
    };
    let names = kept(vec![name]);
    Param { names, kind, default: None, unit: Unit::None, repeat: !repeat.is_empty(), inert: NOTHING, doc: DOC }
}

fn variable(name: &'static str, access: &str, inner: &str) -> Variable {
    let key = if inner == "name" { KeyKind::Text } else { KeyKind::None };
    let read = Variable::read(kept(vec![name]), |_, _, _| Value::Null, DOC).keyed(key).indexed();
    if access == "w" { read.written(|_, _, _, _| Ok(())) } else { read }
}

fn transformation(class: &'static str, name: &'static str) -> Transformation {
    Transformation { class, name, params: (0, 99), checks: &[], run: |_, _, _| Value::Null, doc: DOC }
}
