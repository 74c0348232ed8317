//! Functions that ask about a variable's value, or move variables about.

use crate::builtin::{Arg, Args, Context, Does, Form, Function, LogLevel, Outcome, Value, anywhere};

const VARIABLE: &[Arg] = &[Arg::text("variable").form(Form::Variable)];

/// The functions.
pub(super) const ROWS: &[Function] = &[
    anywhere(
        &["pv_isset"],
        VARIABLE,
        |cx, args| Outcome::truth(!args.value(cx, 0).is_null()),
        "Whether a variable has a value.",
    ),
    anywhere(&["pv_unset"], &[Arg::target("variable")], unset, "Takes a variable's value away.")
        .does(&[Does::PopValue]),
    anywhere(
        &["is_int"],
        VARIABLE,
        |cx, args| Outcome::truth(matches!(args.value(cx, 0), Value::Int(_) | Value::Both(..))),
        "Whether a variable holds an integer.",
    ),
    anywhere(&["not_empty"], VARIABLE, not_empty, "Whether a variable holds a string that is not empty."),
    anywhere(
        &["typeof"],
        &[Arg::text("variable").form(Form::Variable), Arg::literal("type")],
        type_of,
        "Whether a variable holds a value of this type: int, str or null. A whole record counts as str.",
    ),
    anywhere(
        &["pv_evalx"],
        &[Arg::target("variable"), Arg::text("text")],
        evaluate,
        "Writes the text, its variables expanded, into a variable. Variables that stand in the value of another one are not expanded again.",
    ),
    anywhere(&["pv_xavp_print", "pv_xavu_print", "pv_xavi_print"], &[], print, "Writes all records to the log."),
];

fn unset(cx: &mut Context, args: &Args) -> Outcome {
    match args.target(0).map(|target| target.assign(cx, Value::Null)) {
        Some(Ok(())) => Outcome::TRUE,
        Some(Err(fault)) => {
            cx.log(LogLevel::Error, fault.message);
            Outcome::FALSE
        }
        None => Outcome::FALSE,
    }
}

fn not_empty(cx: &mut Context, args: &Args) -> Outcome {
    Outcome::truth(match args.value(cx, 0) {
        Value::Text(text) | Value::Both(_, text) => !text.is_empty(),
        Value::Int(_) | Value::Null | Value::Unset => false,
    })
}

fn type_of(cx: &mut Context, args: &Args) -> Outcome {
    let wanted = args.text(cx, 1);
    let value = args.value(cx, 0);
    Outcome::truth(match (&wanted[..], &value) {
        (b"int", Value::Int(_)) | (b"null", Value::Null) => true,
        (b"str", Value::Text(_) | Value::Both(..)) => true,
        // Kamailio 5.6.3 takes the text that stands for a record for a string.
        _ => false,
    })
}

fn evaluate(cx: &mut Context, args: &Args) -> Outcome {
    let text = Value::Text(args.text(cx, 1));
    Outcome::truth(args.target(0).is_some_and(|target| target.assign(cx, text).is_ok()))
}

fn print(cx: &mut Context, _: &Args) -> Outcome {
    let text = format!("{:?}", cx.locals.avps);
    cx.log(LogLevel::Info, text);
    Outcome::TRUE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::bench::Bench;
    use crate::builtin::{Index, Key, Part, Reference, Template, Variable};
    use std::sync::Arc;

    static PORT: Variable = Variable::read(&["rp"], |_, _, _| Value::both(5060), "");
    static NUMBER: Variable = Variable::read(&["n"], |_, _, _| Value::Int(5), "");
    static NOTHING: Variable = Variable::read(&["null"], |_, _, _| Value::Null, "");

    fn variable(variable: &'static Variable) -> crate::builtin::Argument {
        let reference = Reference {
            variable,
            module: Default::default(),
            key: Key::None,
            index: Index::None,
            transformations: Box::default(),
            text: "$x".into(),
        };
        crate::builtin::Argument::Template(Template::new(vec![Part::Variable(reference)]))
    }

    #[test]
    fn types() {
        let mut bench = Bench::new("INVITE sip:x SIP/2.0\nVia: SIP/2.0/UDP h\n\n", Arc::new(()));
        let cases: &[(&str, &'static Variable, &[&str], bool)] = &[
            ("is_int", &PORT, &[], true),
            ("typeof", &PORT, &["int"], false),
            ("typeof", &PORT, &["str"], true),
            ("typeof", &NUMBER, &["int"], true),
            ("typeof", &NOTHING, &["null"], true),
            ("not_empty", &PORT, &[], true),
            ("not_empty", &NUMBER, &[], false),
            ("pv_isset", &NOTHING, &[], false),
        ];
        for (name, its, more, yes) in cases {
            let row = ROWS.iter().find(|row| row.names.contains(name)).unwrap();
            let mut args = vec![variable(its)];
            args.extend(more.iter().map(|text| crate::builtin::Argument::Template(Template::fixed(*text))));
            let outcome = bench.call_with(row, args);
            assert!(matches!(outcome, Outcome::Return(code) if (code > 0) == *yes), "{name} {}", its.names[0]);
        }
    }
}
