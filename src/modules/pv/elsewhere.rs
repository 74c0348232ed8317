//! Variables of faults in a message, which are not kept.

use crate::builtin::{Context, Key, Place, Value, Variable};

/// The variables.
pub(super) const ROWS: &[Variable] = &[
    Variable::read(&["err.class"], nothing, "The kind of the last fault in a message: undefined, faults are not kept."),
    Variable::read(&["err.level"], nothing, "How bad the last fault in a message was: undefined."),
    Variable::read(&["err.info"], nothing, "The last fault in a message: undefined."),
    Variable::read(&["err.rcode"], nothing, "The code to answer the last fault with: undefined."),
    Variable::read(&["err.rreason"], nothing, "The reason phrase to answer the last fault with: undefined."),
];

fn nothing(_: &mut Context, _: &Key, _: Place) -> Value {
    Value::Null
}
