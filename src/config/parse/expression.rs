//! Pairs of an expression to a tree, by precedence.

use super::{Reader, Rule, range};
use crate::config::ast::{BinaryOperator, Expression, ExpressionKind, UnaryOperator};
use crate::config::literal;
use crate::source::Span;
use pest::iterators::Pair;
use pest::pratt_parser::{Assoc, Op, PrattParser};
use std::sync::LazyLock;

/// Operators of one expression nest no deeper in the tree.
const DEEPEST: usize = 400;

/// Weakest first. Prefixes bind stronger than all of them.
static OPERATORS: LazyLock<PrattParser<Rule>> = LazyLock::new(|| {
    let levels: [&[Rule]; 11] = [
        &[Rule::or],
        &[Rule::and],
        &[Rule::bit_or],
        &[Rule::bit_and],
        &[Rule::bit_xor],
        &[Rule::shift_left],
        &[Rule::shift_right],
        &[
            Rule::equal,
            Rule::not_equal,
            Rule::matches,
            Rule::text_equal,
            Rule::text_not_equal,
            Rule::int_equal,
            Rule::int_not_equal,
        ],
        &[Rule::less, Rule::greater, Rule::less_equal, Rule::greater_equal],
        &[Rule::add, Rule::subtract],
        &[Rule::multiply, Rule::divide, Rule::modulo],
    ];
    let parser = levels.iter().fold(PrattParser::new(), |parser, level| {
        let operators = level.iter().map(|rule| Op::infix(*rule, Assoc::Left)).reduce(|level, op| level | op);
        operators.map_or_else(PrattParser::new, |level| parser.op(level))
    });
    parser
        .op(Op::prefix(Rule::not) | Op::prefix(Rule::negate) | Op::prefix(Rule::bit_not))
        .op(Op::prefix(Rule::defined))
        .op(Op::prefix(Rule::to_int) | Op::prefix(Rule::to_text))
});

/// An expression and how deep its tree is.
type Measured = (Expression, usize);

impl Reader<'_> {
    pub(super) fn expression(&mut self, pair: Pair<'_, Rule>, base: usize) -> Expression {
        self.measured(pair, base).0
    }

    fn measured(&mut self, pair: Pair<'_, Rule>, base: usize) -> Measured {
        let start = base + pair.as_span().start();
        let span = self.place(&pair, base);
        let expanded = self.expanded;
        let too_deep = std::cell::Cell::new(false);
        let bounded = |kind: ExpressionKind, span: Span, depth: usize| {
            if depth <= DEEPEST {
                return (Expression { kind, span }, depth);
            }
            too_deep.set(true);
            (Expression { kind: ExpressionKind::Int(0), span }, 1)
        };
        let (mut expression, depth) = OPERATORS
            .map_primary(|pair| self.primary(pair, base))
            .map_prefix(|operator, (operand, depth)| {
                let span = expanded.span(range(&operator, base)).to(operand.span);
                bounded(prefix(operator.as_rule(), operand), span, depth + 1)
            })
            .map_infix(|(left, deep), operator, (right, depth)| {
                let span = left.span.to(right.span);
                let kind = joined(left, binary(operator.as_rule()), right);
                bounded(kind, span, deep.max(depth) + 1)
            })
            .parse(pair.into_inner());
        if too_deep.get() {
            self.faults.too_complex(start);
        }
        expression.span = span;
        (expression, depth)
    }

    fn primary(&mut self, pair: Pair<'_, Rule>, base: usize) -> Measured {
        let span = self.place(&pair, base);
        let bytes = self.bytes(range(&pair, base));
        let kind = match pair.as_rule() {
            Rule::string => ExpressionKind::Text(self.string(&pair, base).value),
            Rule::variable => ExpressionKind::Variable(self.variable(&pair, base)),
            Rule::select => {
                ExpressionKind::Select(literal::select(&String::from_utf8_lossy(bytes.get(1..).unwrap_or(&[]))))
            }
            Rule::address => ExpressionKind::Address(literal::without_blanks(pair.as_str())),
            Rule::number => ExpressionKind::Int(literal::number(bytes)),
            Rule::block => ExpressionKind::Block(self.block(pair, base)),
            Rule::paren => {
                let inner =
                    pair.into_inner().find(|pair| matches!(pair.as_rule(), Rule::expression | Rule::assignment));
                return match inner {
                    Some(inner) if inner.as_rule() == Rule::expression => {
                        let (inner, depth) = self.measured(inner, base);
                        (Expression { kind: inner.kind, span }, depth + 1)
                    }
                    Some(inner) => match self.assignment(inner, base) {
                        Some(assign) => (Expression { kind: ExpressionKind::Assign(Box::new(assign)), span }, 2),
                        None => (Expression { kind: ExpressionKind::Int(0), span }, 1),
                    },
                    None => (Expression { kind: ExpressionKind::Int(0), span }, 1),
                };
            }
            Rule::strlen => return self.function(pair, base, UnaryOperator::Strlen),
            Rule::strempty => return self.function(pair, base, UnaryOperator::Strempty),
            Rule::selval => {
                let pairs = pair.into_inner().filter(|pair| pair.as_rule() == Rule::expression);
                let parts: Vec<Measured> = pairs.map(|pair| self.measured(pair, base)).collect();
                let depth = parts.iter().map(|(_, depth)| *depth).max().unwrap_or(0) + 1;
                let parts: Vec<Expression> = parts.into_iter().map(|(expression, _)| expression).collect();
                let Ok(parts) = <[Expression; 3]>::try_from(parts) else {
                    return (Expression { kind: ExpressionKind::Int(0), span }, 1);
                };
                return (Expression { kind: ExpressionKind::Choose(Box::new(parts)), span }, depth);
            }
            _ => return self.operand(pair, base),
        };
        (Expression { kind, span }, 1)
    }

    /// `strlen(...)` and `strempty(...)`.
    fn function(&mut self, pair: Pair<'_, Rule>, base: usize, operator: UnaryOperator) -> Measured {
        let span = self.place(&pair, base);
        match pair.into_inner().find(|pair| pair.as_rule() == Rule::expression) {
            Some(inner) => {
                let (inner, depth) = self.measured(inner, base);
                (Expression { kind: ExpressionKind::Unary(operator, Box::new(inner)), span }, depth + 1)
            }
            None => (Expression { kind: ExpressionKind::Int(0), span }, 1),
        }
    }

    /// A word, or a call when arguments follow it.
    fn operand(&mut self, pair: Pair<'_, Rule>, base: usize) -> Measured {
        let span = self.place(&pair, base);
        let mut inner = pair.into_inner();
        let kind = match inner.next() {
            Some(word) => match inner.next() {
                Some(arguments) => {
                    let name = self.name(&word, base);
                    ExpressionKind::Call(self.call(name, Some(arguments), base))
                }
                None => match literal::number_word(word.as_str().as_bytes()) {
                    Some(value) => ExpressionKind::Int(value),
                    None => ExpressionKind::Word(word.as_str().to_string()),
                },
            },
            None => ExpressionKind::Int(0),
        };
        (Expression { kind, span }, 1)
    }

    /// An argument of a call: an expression, or a socket such as `udp:10.0.0.1:5060`.
    pub(super) fn argument(&mut self, pair: Pair<'_, Rule>, base: usize) -> Option<Expression> {
        let inner = pair.into_inner().next()?;
        if inner.as_rule() == Rule::expression {
            return Some(self.expression(inner, base));
        }
        let span = self.place(&inner, base);
        // A host in quotes is the same host.
        let word = literal::without_blanks(inner.as_str()).replace('"', "");
        Some(Expression { kind: ExpressionKind::Word(word), span })
    }
}

/// Two operands joined. A bare word is no value: a comparison behind it belongs to it and not to what stands before it, so that
/// `!method == "INVITE"` is `!(method == "INVITE")`.
fn joined(left: Expression, operator: BinaryOperator, right: Expression) -> ExpressionKind {
    let is_test = matches!(
        operator,
        BinaryOperator::Equal
            | BinaryOperator::NotEqual
            | BinaryOperator::Match
            | BinaryOperator::TextEqual
            | BinaryOperator::TextNotEqual
            | BinaryOperator::Less
            | BinaryOperator::Greater
            | BinaryOperator::LessEqual
            | BinaryOperator::GreaterEqual
    );
    if !is_test || !ends_in_word(&left) {
        return ExpressionKind::Binary(operator, Box::new(left), Box::new(right));
    }
    let at = |inner: &Expression| inner.span.to(right.span);
    match left.kind {
        ExpressionKind::Unary(unary, inner) => {
            let span = at(&inner);
            ExpressionKind::Unary(unary, Box::new(Expression { kind: joined(*inner, operator, right), span }))
        }
        ExpressionKind::Binary(outer, first, inner) => {
            let span = at(&inner);
            let test = Expression { kind: joined(*inner, operator, right), span };
            ExpressionKind::Binary(outer, first, Box::new(test))
        }
        kind => {
            let left = Expression { kind, span: left.span };
            ExpressionKind::Binary(operator, Box::new(left), Box::new(right))
        }
    }
}

/// Whether the last operand is a word that is not yet part of a test.
fn ends_in_word(expression: &Expression) -> bool {
    let mut at = expression;
    loop {
        at = match &at.kind {
            ExpressionKind::Word(_) => return true,
            ExpressionKind::Unary(UnaryOperator::Strlen | UnaryOperator::Strempty, _) => return false,
            ExpressionKind::Unary(_, inner) => inner,
            ExpressionKind::Binary(_, left, _) if matches!(left.kind, ExpressionKind::Word(_)) => return false,
            ExpressionKind::Binary(_, _, right) => right,
            _ => return false,
        };
    }
}

fn prefix(rule: Rule, operand: Expression) -> ExpressionKind {
    let operator = match rule {
        // A signed constant is one constant.
        Rule::negate => match operand.kind {
            ExpressionKind::Int(value) => return ExpressionKind::Int(i64::from((value as i32).wrapping_neg())),
            _ => UnaryOperator::Negate,
        },
        Rule::not => UnaryOperator::Not,
        Rule::bit_not => UnaryOperator::BitNot,
        Rule::defined => UnaryOperator::Defined,
        Rule::to_int => UnaryOperator::ToInt,
        _ => UnaryOperator::ToText,
    };
    ExpressionKind::Unary(operator, Box::new(operand))
}

fn binary(rule: Rule) -> BinaryOperator {
    match rule {
        Rule::or => BinaryOperator::Or,
        Rule::and => BinaryOperator::And,
        Rule::bit_or => BinaryOperator::BitOr,
        Rule::bit_and => BinaryOperator::BitAnd,
        Rule::bit_xor => BinaryOperator::BitXor,
        Rule::shift_left => BinaryOperator::ShiftLeft,
        Rule::shift_right => BinaryOperator::ShiftRight,
        Rule::equal => BinaryOperator::Equal,
        Rule::not_equal => BinaryOperator::NotEqual,
        Rule::matches => BinaryOperator::Match,
        Rule::text_equal => BinaryOperator::TextEqual,
        Rule::text_not_equal => BinaryOperator::TextNotEqual,
        Rule::int_equal => BinaryOperator::IntEqual,
        Rule::int_not_equal => BinaryOperator::IntNotEqual,
        Rule::less => BinaryOperator::Less,
        Rule::greater => BinaryOperator::Greater,
        Rule::less_equal => BinaryOperator::LessEqual,
        Rule::greater_equal => BinaryOperator::GreaterEqual,
        Rule::add => BinaryOperator::Add,
        Rule::subtract => BinaryOperator::Subtract,
        Rule::multiply => BinaryOperator::Multiply,
        Rule::divide => BinaryOperator::Divide,
        _ => BinaryOperator::Modulo,
    }
}
