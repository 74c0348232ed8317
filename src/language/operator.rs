//! What operators make of values: Kamailio's conversions, 32-bit integers that wrap.

use super::value::{Value, int_text};
use super::words::{BinaryOperator, UnaryOperator};
use crate::sip::{network_contains, parse_ip};
use bytes::Bytes;

/// Applies an operator with two operands; `None` when it cannot be computed (division by zero).
///
/// `&&`, `||` and `=~` are not computed here: they jump or need a pattern.
pub fn apply(operator: BinaryOperator, left: Value, right: Value) -> Option<Value> {
    use BinaryOperator as O;
    Some(match operator {
        O::Add => add(left, right),
        O::Subtract => wrap(int(&left).wrapping_sub(int(&right))),
        O::Multiply => wrap(int(&left).wrapping_mul(int(&right))),
        O::Divide => wrap(int(&left).checked_div(int(&right)).or_else(|| overflow(&left, &right))?),
        O::Modulo => wrap(int(&left).checked_rem(int(&right)).or_else(|| overflow(&left, &right).map(|_| 0))?),
        O::BitOr => wrap(int(&left) | int(&right)),
        O::BitAnd => wrap(int(&left) & int(&right)),
        O::BitXor => wrap(int(&left) ^ int(&right)),
        O::ShiftLeft => wrap(int(&left).wrapping_shl(int(&right) as u32)),
        O::ShiftRight => wrap(int(&left).wrapping_shr(int(&right) as u32)),
        O::Equal => Value::truth(equal(&left, &right)),
        O::NotEqual => Value::truth(!equal(&left, &right)),
        O::TextEqual => Value::truth(left.to_text() == right.to_text()),
        O::TextNotEqual => Value::truth(left.to_text() != right.to_text()),
        O::IntEqual => Value::truth(int(&left) == int(&right)),
        O::IntNotEqual => Value::truth(int(&left) != int(&right)),
        O::Less => Value::truth(int(&left) < int(&right)),
        O::Greater => Value::truth(int(&left) > int(&right)),
        O::LessEqual => Value::truth(int(&left) <= int(&right)),
        O::GreaterEqual => Value::truth(int(&left) >= int(&right)),
        O::And | O::Or | O::Match => Value::Null,
    })
}

/// `+` where an integer is wanted: both sides are integers, whatever they look like.
pub fn add_ints(left: &Value, right: &Value) -> Value {
    wrap(int(left).wrapping_add(int(right)))
}

/// Which of two operands an operator reads as integers: the left one, the right one.
pub fn reads_as_ints(operator: BinaryOperator, left: &Value) -> (bool, bool) {
    use BinaryOperator as O;
    match operator {
        O::Add | O::Equal | O::NotEqual => (false, matches!(left, Value::Int(_))),
        O::TextEqual | O::TextNotEqual | O::Match => (false, false),
        _ => (true, true),
    }
}

/// What an old-style test compares: `method == "INVITE"`, `src_port > 1024`, `src_ip == 10.0.0.0/8`. A number compared with a constant string
/// cannot be computed.
pub fn apply_test(kind: Test, operator: BinaryOperator, left: &Value, right: &Value) -> Option<bool> {
    let negated = matches!(operator, BinaryOperator::NotEqual | BinaryOperator::TextNotEqual);
    Some(match kind {
        // Words of the message ignore case, as its method and its URIs do in Kamailio.
        Test::Text => left.to_text().eq_ignore_ascii_case(&right.to_text()) != negated,
        Test::Address => {
            let inside = parse_ip(&left.to_text()).is_some_and(|address| network_contains(&right.to_text(), address));
            inside != negated
        }
        Test::Number | Test::Constant => match right {
            Value::Int(_) | Value::Both(..) => compare(operator, int(left), int(right)),
            Value::Text(_) if kind == Test::Constant => return None,
            Value::Text(_) | Value::Null | Value::Unset => negated,
        },
    })
}

fn compare(operator: BinaryOperator, left: i32, right: i32) -> bool {
    match operator {
        BinaryOperator::NotEqual | BinaryOperator::TextNotEqual => left != right,
        BinaryOperator::Less => left < right,
        BinaryOperator::Greater => left > right,
        BinaryOperator::LessEqual => left <= right,
        BinaryOperator::GreaterEqual => left >= right,
        _ => left == right,
    }
}

/// What the word on the left of an old-style test is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Test {
    /// Text that ignores case.
    Text,
    /// An address, compared with addresses and networks.
    Address,
    /// A number, compared with what is computed.
    Number,
    /// A number, compared with a constant.
    Constant,
}

/// Applies an operator with one operand.
pub fn apply_unary(operator: UnaryOperator, operand: Value) -> Value {
    match operator {
        UnaryOperator::Not => Value::truth(int(&operand) == 0),
        UnaryOperator::Negate => wrap(int(&operand).wrapping_neg()),
        UnaryOperator::BitNot => wrap(!int(&operand)),
        UnaryOperator::Defined => Value::truth(!operand.is_null()),
        UnaryOperator::Strlen => Value::Int(operand.to_text().len() as i64),
        UnaryOperator::Strempty => Value::truth(operand == Value::Unset || operand.to_text().is_empty()),
        UnaryOperator::ToInt => wrap(int(&operand)),
        UnaryOperator::ToText => Value::Text(operand.to_text()),
    }
}

fn int(value: &Value) -> i32 {
    value.to_int() as i32
}

fn wrap(number: i32) -> Value {
    Value::Int(i64::from(number))
}

/// The one quotient that does not fit: the smallest number by -1 wraps to itself.
fn overflow(left: &Value, right: &Value) -> Option<i32> {
    (int(left) == i32::MIN && int(right) == -1).then_some(i32::MIN)
}

/// An integer on the left adds; a string or nothing on the left joins.
fn add(left: Value, right: Value) -> Value {
    if matches!(left, Value::Int(_) | Value::Unset) {
        return wrap(int(&left).wrapping_add(int(&right)));
    }
    let (left, right) = (left.to_text(), right.to_text());
    if right.is_empty() {
        return Value::Text(left);
    }
    if left.is_empty() {
        return Value::Text(right);
    }
    let mut joined = Vec::with_capacity(left.len() + right.len());
    joined.extend_from_slice(&left);
    joined.extend_from_slice(&right);
    Value::Text(Bytes::from(joined))
}

/// The left side decides: a string compares as strings, an integer as integers, nothing takes the type of the right.
fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Text(left) | Value::Both(_, left), Value::Text(right) | Value::Both(_, right)) => left == right,
        (Value::Text(left) | Value::Both(_, left), Value::Int(right)) => *left == int_text(*right),
        (Value::Text(left) | Value::Both(_, left), Value::Null) => left.is_empty(),
        (Value::Text(left) | Value::Both(_, left), Value::Unset) => left.is_empty() || &left[..] == b"0",
        (Value::Int(left), _) => *left == right.to_int(),
        (Value::Null, Value::Int(right)) => *right == 0,
        (Value::Null, Value::Text(right) | Value::Both(_, right)) => right.is_empty(),
        (Value::Unset, Value::Text(right) | Value::Both(_, right)) => right.is_empty() || &right[..] == b"0",
        (Value::Unset, Value::Int(right)) => *right == 0,
        (Value::Null | Value::Unset, Value::Null | Value::Unset) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_left_side_decides() {
        let text = |text: &'static str| Value::text(text);
        let cases = [
            (BinaryOperator::Add, text("17"), Value::Int(1), text("171")),
            (BinaryOperator::Add, Value::Int(1), text("17"), Value::Int(18)),
            (BinaryOperator::Add, Value::Null, Value::Int(5), text("5")),
            (BinaryOperator::Equal, text("05"), Value::Int(5), Value::Int(0)),
            (BinaryOperator::Equal, Value::Int(5), text("05"), Value::Int(1)),
            (BinaryOperator::Equal, Value::Null, text(""), Value::Int(1)),
            (BinaryOperator::Add, Value::Int(2_147_483_647), Value::Int(1), Value::Int(-2_147_483_648)),
        ];
        for (operator, left, right, result) in cases {
            assert_eq!(apply(operator, left.clone(), right.clone()), Some(result), "{left:?} {operator:?} {right:?}");
        }
        assert_eq!(apply(BinaryOperator::Divide, Value::Int(5), Value::Int(0)), None);
    }
}
