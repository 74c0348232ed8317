//! What is known of an expression before it runs: its type, and its value when that is always the same.

use crate::builtin::{Extensions, Regex, Value};
use crate::config::ast::{BinaryOperator, Expression, ExpressionKind, UnaryOperator};
use crate::language::{apply, apply_unary};

/// What is known of a value beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// An integer.
    Int,
    /// A string.
    Text,
    /// Either: what a variable holds.
    Unknown,
}

/// Whether it is computed from parts, rather than read or run.
pub(super) fn is_operator(expression: &Expression) -> bool {
    use ExpressionKind as K;
    matches!(expression.kind, K::Unary(..) | K::Binary(..) | K::Choose(_))
}

/// What an operator beside a constant comes down to.
pub(super) enum Simpler<'a> {
    /// This number, whatever the other side is.
    Is(i32),
    /// The other side as an integer.
    Keeps(&'a Expression),
}

/// An operand, and its value when that is known.
type Side<'a> = (&'a Expression, Option<Value>);

/// Kamailio knows some operators beside 0 and 1 without computing them.
pub(super) fn simpler<'a>(
    operator: BinaryOperator,
    (left, first): Side<'a>,
    (right, second): Side<'a>,
) -> Option<Simpler<'a>> {
    use BinaryOperator as O;
    // A string is neither.
    let number = |value: Option<Value>| value.map(|value| if let Value::Int(number) = value { number } else { -1 });
    Some(match (operator, number(first), number(second)) {
        (_, Some(_), Some(_)) | (_, None, None) => return None,
        (O::Multiply | O::BitAnd | O::And, Some(0), _) | (O::Multiply | O::BitAnd | O::And, _, Some(0)) => {
            Simpler::Is(0)
        }
        (O::Divide | O::Modulo, Some(0), _) => Simpler::Is(0),
        (O::Or, Some(1), _) | (O::Or, _, Some(1)) => Simpler::Is(1),
        (O::Multiply | O::And, Some(1), _) | (O::Or | O::BitOr | O::Add, Some(0), _) => Simpler::Keeps(right),
        (O::Multiply | O::Divide | O::And, _, Some(1)) | (O::Or | O::BitOr | O::Subtract, _, Some(0)) => {
            Simpler::Keeps(left)
        }
        (O::Add, _, Some(0)) if static_type(left) == Type::Int => Simpler::Keeps(left),
        _ => return None,
    })
}

/// The expression without operators that change nothing.
pub(super) fn without_neutral(expression: &Expression) -> &Expression {
    let mut at = expression;
    while let ExpressionKind::Binary(operator, left, right) = &at.kind
        && let Some(Simpler::Keeps(kept)) = simpler(*operator, (left, constant(left)), (right, constant(right)))
    {
        at = kept;
    }
    at
}

/// What is known of an expression without emitting it.
pub(super) fn static_type(expression: &Expression) -> Type {
    match &expression.kind {
        ExpressionKind::Text(_) | ExpressionKind::Select(_) | ExpressionKind::Unary(UnaryOperator::ToText, _) => {
            Type::Text
        }
        ExpressionKind::Binary(BinaryOperator::Add, left, _) => static_type(left),
        ExpressionKind::Variable(_)
        | ExpressionKind::Word(_)
        | ExpressionKind::Address(_)
        | ExpressionKind::Choose(_) => Type::Unknown,
        _ => Type::Int,
    }
}

/// Whether it is the empty string.
pub(super) fn is_empty(expression: &Expression) -> bool {
    matches!(&expression.kind, ExpressionKind::Text(text) if text.is_empty())
}

/// Whether it is `$null`, which on the right of a comparison asks for being undefined.
pub(super) fn is_null(expression: &Expression) -> bool {
    matches!(&expression.kind, ExpressionKind::Variable(variable) if &*variable.text == b"null")
}

/// The value of an expression that is the same whenever it is computed; `None` when it is not, or cannot be computed.
pub(super) fn constant(expression: &Expression) -> Option<Value> {
    Some(match &expression.kind {
        ExpressionKind::Int(number) => Value::Int(i64::from(*number as i32)),
        ExpressionKind::Text(text) => Value::Text(text.clone()),
        ExpressionKind::Unary(UnaryOperator::Defined, operand) => constant(operand).map(|_| Value::Int(1))?,
        ExpressionKind::Unary(operator, operand) => apply_unary(*operator, constant(operand)?),
        ExpressionKind::Binary(operator, left, right) => match (constant(left), constant(right)) {
            (Some(left), Some(right)) => applied(*operator, left, right)?,
            (first, second) => match simpler(*operator, (left, first), (right, second))? {
                Simpler::Is(number) => Value::Int(number.into()),
                Simpler::Keeps(_) => return None,
            },
        },
        ExpressionKind::Choose(three) => {
            let [condition, then, otherwise] = &**three;
            if constant(condition)?.to_int() > 0 { constant(then)? } else { constant(otherwise)? }
        }
        _ => return None,
    })
}

fn applied(operator: BinaryOperator, left: Value, right: Value) -> Option<Value> {
    match operator {
        BinaryOperator::And => Some(Value::truth(left.to_int() != 0 && right.to_int() != 0)),
        BinaryOperator::Or => Some(Value::truth(left.to_int() != 0 || right.to_int() != 0)),
        BinaryOperator::Match => {
            let pattern = right.to_text();
            // What Perl syntax means depends on the extensions: it is left to the run.
            if Regex::new(&pattern, true, Extensions::default()).ok()?.is_perl() {
                return None;
            }
            let pattern = Regex::new(&pattern, true, Extensions::STRICT).ok()?;
            Some(Value::truth(pattern.is_match(&left.to_text())))
        }
        _ => apply(operator, left, right),
    }
}

/// An operator as it is written, for messages.
pub(super) fn sign(operator: BinaryOperator) -> &'static str {
    use BinaryOperator as O;
    match operator {
        O::Or => "`||`",
        O::And => "`&&`",
        O::BitOr => "`|`",
        O::BitAnd => "`&`",
        O::BitXor => "`^`",
        O::ShiftLeft => "`<<`",
        O::ShiftRight => "`>>`",
        O::Equal => "`==`",
        O::NotEqual => "`!=`",
        O::Match => "`=~`",
        O::TextEqual => "`eq`",
        O::TextNotEqual => "`ne`",
        O::IntEqual => "`ieq`",
        O::IntNotEqual => "`ine`",
        O::Less => "`<`",
        O::Greater => "`>`",
        O::LessEqual => "`<=`",
        O::GreaterEqual => "`>=`",
        O::Add => "`+`",
        O::Subtract => "`-`",
        O::Multiply => "`*`",
        O::Divide => "`/`",
        O::Modulo => "`mod`",
    }
}
