//! Pseudo-variables that exist without any module.

use crate::builtin::{KeyKind, Value, Variable};

/// The variables.
pub(super) const ROWS: &[Variable] = &[
    Variable::read(
        &["rc", "retcode", "?"],
        |cx, _, _| Value::Int(cx.locals.return_code),
        "The code that the last function or route returned.",
    ),
    Variable::read(&["null"], |_, _, _| Value::Null, "Nothing: what is undefined."),
    Variable::read(
        &["env", "envn"],
        |_, _, _| Value::Null,
        "A variable of the environment. The environment is not handed to scripts: always undefined.",
    )
    .keyed(KeyKind::Text),
];
