//! Variables of the script: `$var`, `$vn`, `$shv`, and what is evaluated from text.

use super::Pv;
use crate::builtin::{
    Context, Extension, Fault, Key, KeyKind, Prepare, Prepared, Reference, Template, Value, Variable,
};
use std::sync::{Mutex, PoisonError};

/// The variables.
pub(super) const ROWS: &[Variable] = &[
    Variable::read(
        &["var", "vz"],
        |cx, key, _| var(cx, key.slot()),
        "A variable of the script; 0 until it is written, and again after $null.",
    )
    .keyed(KeyKind::Slot)
    .forgotten(Extension::VariablePerMessage)
    .written(|cx, key, _, value| {
        let nothing = if cx.core.extensions.is_strict() { Value::Int(0) } else { Value::Unset };
        cx.locals.carried.set_var(key.slot(), if value.is_null() { nothing } else { value });
        Ok(())
    }),
    Variable::read(
        &["vn"],
        |cx, key, _| slot(key).and_then(|at| cx.locals.carried.vars.get(at).cloned()).unwrap_or_default(),
        "A variable of the script that is undefined until it is written, and again after $null.",
    )
    .keyed(KeyKind::Custom(nullable))
    .written(|cx, key, _, value| {
        if let Some(at) = slot(key) {
            cx.locals.carried.set_var(at, value);
        }
        Ok(())
    }),
    Variable::read(
        &["shv"],
        |cx, key, _| shared(cx, key.slot(), |value| value.clone()),
        "A variable that all calls and workers share; 0 until it is written, empty after $null. modparam shvset gives it a first value.",
    )
    .keyed(KeyKind::Slot)
    .written(|cx, key, _, value| {
        let value = if value.is_null() { Value::Text(Default::default()) } else { value };
        shared(cx, key.slot(), |kept| std::mem::replace(kept, value));
        Ok(())
    }),
    Variable::read(
        &["shvinc"],
        |cx, key, _| {
            let Some(at) = slot(key) else { return Value::Null };
            shared(cx, at, |kept| {
                *kept = Value::Int(kept.to_int().wrapping_add(1));
                kept.clone()
            })
        },
        "Adds one to the $shv of this name, and is the sum.",
    )
    .keyed(KeyKind::Custom(same_shared)),
    Variable::read(
        &["_s"],
        |cx, key, _| Value::Text(key.text(cx)),
        "The text in the parentheses, its variables expanded.",
    )
    .keyed(KeyKind::Text),
    Variable::read(
        &["sel"],
        |cx, key, _| key.prepared::<Reference>().map_or(Value::Null, |reference| reference.value(cx)),
        "The value of a select, written without @: $sel(cfg_get.group.name).",
    )
    .keyed(KeyKind::Custom(select)),
    Variable::read(
        &["ccp"],
        |cx, key, _| match key.prepared::<Reference>() {
            Some(reference) => reference.value(cx),
            None => Value::Null,
        },
        "A value that the config sets by group.name = value, or core.debug: $ccp(group.name).",
    )
    .keyed(KeyKind::Custom(|text, cx| {
        let path = text.constant().unwrap_or_default();
        Ok(Box::new(cx.select(&format!("cfg_get.{}", String::from_utf8_lossy(&path)))?))
    })),
    Variable::read(&["true"], |_, _, _| Value::Int(1), "1."),
    Variable::read(
        &["cnt"],
        |cx, key, _| super::avp::counted(cx, key),
        "How many values an AVP has, or how many records an XAVP: $cnt($avp(x)).",
    )
    .keyed(KeyKind::Custom(super::avp::countable)),
];

/// What stands before the name of a `$vn`, and before that of no `$var`.
pub(super) const NULLABLE: &[u8] = b"vn(";

/// The value of a `$var` by its slot.
pub(super) fn var(cx: &mut Context, at: usize) -> Value {
    match cx.locals.carried.vars.get(at) {
        Some(Value::Null) | None => match cx.state::<Pv>().and_then(|state| state.initial.get(at).cloned()) {
            Some(Value::Null) | None if cx.core.extensions.allows(Extension::VariablePerMessage) => Value::Unset,
            Some(Value::Null) | None => Value::Int(0),
            Some(initial) => initial,
        },
        Some(value) => value.clone(),
    }
}

/// `$vn` shares the slots of `$var`, under a name that no `$var` has.
fn nullable(text: &Template, prepare: &mut Prepare) -> Result<Prepared, Fault> {
    let name = text.constant().ok_or_else(|| Fault::new("the name of a variable must be fixed"))?;
    Ok(Box::new(prepare.slot("var", &[NULLABLE, &name[..]].concat())))
}

/// What a select stands for.
fn select(text: &Template, prepare: &mut Prepare) -> Result<Prepared, Fault> {
    let path = text.constant().ok_or_else(|| Fault::new("the path of a select must not hold a variable"))?;
    let path = String::from_utf8_lossy(&path);
    Ok(Box::new(prepare.select(path.strip_prefix('@').unwrap_or(&path))?))
}

/// The slot of the `$shv` of this name.
fn same_shared(text: &Template, prepare: &mut Prepare) -> Result<Prepared, Fault> {
    let name = text.constant().ok_or_else(|| Fault::new("the name of a variable must be fixed"))?;
    Ok(Box::new(prepare.slot("shv", &name)))
}

fn slot(key: &Key) -> Option<usize> {
    key.prepared::<u32>().map(|slot| *slot as usize)
}

fn shared(cx: &mut Context, at: usize, body: impl FnOnce(&mut Value) -> Value) -> Value {
    let Some(state) = cx.state::<Pv>() else { return Value::Int(0) };
    let Some(place) = state.shared.get(at) else { return Value::Int(0) };
    // A value is whole at any moment, whatever became of the thread that wrote it.
    let place: &Mutex<Value> = place;
    body(&mut place.lock().unwrap_or_else(PoisonError::into_inner))
}
