//! Flags of the message, of the first branch and of the script, as numbers.

use crate::builtin::{Context, Fault, Key, KeyKind, Prepare, Prepared, Template, Value, Variable};
use bytes::Bytes;

/// The variables.
pub(super) const ROWS: &[Variable] = &[
    Variable::read(&["mf"], |cx, _, _| number(message(cx)), "The flags of the message as a number.")
        .written(|cx, _, _, value| write(message(cx), &value)),
    Variable::read(&["mF"], |cx, _, _| hex(message(cx)), "The flags of the message in hexadecimal digits.")
        .written(|cx, _, _, value| write(message(cx), &value)),
    Variable::read(&["Mf"], |cx, key, _| bit(message(cx), key), "One flag of the message, 1 or 0.")
        .keyed(PLACE)
        .written(|cx, key, _, value| write_bit(message(cx), key, &value)),
    Variable::read(&["bf"], |cx, _, _| number(branch(cx)), "The flags of the first branch as a number.")
        .written(|cx, _, _, value| write(branch(cx), &value)),
    Variable::read(&["bF"], |cx, _, _| hex(branch(cx)), "The flags of the first branch in hexadecimal digits.")
        .written(|cx, _, _, value| write(branch(cx), &value)),
    Variable::read(&["Bf"], |cx, key, _| bit(branch(cx), key), "One flag of the first branch, 1 or 0.")
        .keyed(PLACE)
        .written(|cx, key, _, value| write_bit(branch(cx), key, &value)),
    Variable::read(&["sf"], |cx, _, _| number(script(cx)), "The flags of the script as a number.")
        .written(|cx, _, _, value| write(script(cx), &value)),
    Variable::read(&["sF"], |cx, _, _| hex(script(cx)), "The flags of the script in hexadecimal digits.")
        .written(|cx, _, _, value| write(script(cx), &value)),
    Variable::read(&["Sf"], |cx, key, _| bit(script(cx), key), "One flag of the script, 1 or 0.")
        .keyed(PLACE)
        .written(|cx, key, _, value| write_bit(script(cx), key, &value)),
];

const PLACE: KeyKind = KeyKind::Custom(place);

fn place(text: &Template, _: &mut Prepare) -> Result<Prepared, Fault> {
    let number = text.constant().and_then(|text| crate::builtin::parse_int(&text));
    match number.and_then(|number| u32::try_from(number).ok()).filter(|number| *number < 32) {
        Some(number) => Ok(Box::new(number)),
        None => Err(Fault::new("a flag is a number from 0 to 31")),
    }
}

fn message<'a>(cx: &'a mut Context) -> &'a mut u32 {
    &mut cx.message.flags.plain
}

fn branch<'a>(cx: &'a mut Context) -> &'a mut u32 {
    &mut cx.message.target.flags
}

fn script<'a>(cx: &'a mut Context) -> &'a mut u32 {
    &mut cx.locals.script_flags
}

fn number(flags: &mut u32) -> Value {
    Value::Int(i64::from(*flags))
}

fn hex(flags: &mut u32) -> Value {
    Value::Text(Bytes::from(format!("{flags:08x}")))
}

fn bit(flags: &mut u32, key: &Key) -> Value {
    Value::Int(key.prepared::<u32>().map_or(0, |place| i64::from(*flags >> place & 1)))
}

fn write(flags: &mut u32, value: &Value) -> Result<(), Fault> {
    match value {
        Value::Text(_) => Err(Fault::new("flags are a number")),
        value => {
            *flags = value.to_int() as u32;
            Ok(())
        }
    }
}

fn write_bit(flags: &mut u32, key: &Key, value: &Value) -> Result<(), Fault> {
    let bit = key.prepared::<u32>().map_or(0, |place| 1 << place);
    if value.to_int() != 0 {
        *flags |= bit;
    } else {
        *flags &= !bit;
    }
    Ok(())
}
