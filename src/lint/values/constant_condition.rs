//! Conditions that come out the same for every message, and text that is compared where a pattern is meant.

use crate::builtin::Does;
use crate::config::ast::{BinaryOperator, CaseLabel, Expression, ExpressionKind, StatementKind, UnaryOperator};
use crate::config::walk::{self, Node};
use crate::lint::expressions::{text, variable};
use crate::lint::flow::Methods;
use crate::lint::flow::effect::literal;
use crate::lint::{Findings, Rule, Severity, Subject};

const CORE: &str = "https://www.kamailio.org/wikidocs/cookbooks/devel/core/";

/// Never, or always.
pub(super) static SAME: Rule = Rule {
    code: "condition-always-same",
    severity: Severity::Warning,
    finds: "Comparisons of one value with two others that are joined by the wrong word: $x != \"a\" || $x != \"b\" is always true, \
            $x == \"a\" && $x == \"b\" never.",
    why: "A value differs from at least one of two others, and is never both. What the condition guards runs for every message, a refusal for \
          instance, or for none.",
    instead: "Join != with &&, and == with ||.",
    reference: CORE,
    check: same,
};

/// `==` with alternatives.
pub(super) static AS_TEXT: Rule = Rule {
    code: "pattern-compared-as-text",
    severity: Severity::Warning,
    finds: "A pattern, a list of alternatives or a network on the right of == or !=, or as the label of a case.",
    why: "== compares texts letter by letter: no method is called INVITE|ACK, no address 10.0.0.0/8. The condition is never true.",
    instead: "Write =~ \"^(INVITE|ACK)$\", is_method(\"INVITE|ACK\"), or is_in_subnet(\"$si\", \"10.0.0.0/8\").",
    reference: CORE,
    check: as_text,
};

/// One question about one value.
struct Asked<'a> {
    /// The value as it is written.
    subject: String,
    /// What it is compared with: text, a number, or methods.
    other: Other<'a>,
    /// Whether the answer is yes when they differ.
    negated: bool,
}

#[derive(PartialEq)]
enum Other<'a> {
    Text(&'a str),
    Int(i64),
    Methods(Methods),
}

impl Other<'_> {
    /// Whether nothing is both.
    fn excludes(&self, other: &Other) -> bool {
        match (self, other) {
            (Other::Text(one), Other::Text(two)) => !one.eq_ignore_ascii_case(two),
            (Other::Int(one), Other::Int(two)) => one != two,
            (Other::Methods(one), Other::Methods(two)) => one.and(*two).is_empty(),
            _ => false,
        }
    }
}

/// Variables that give another value each time they are read.
const CHANGING: [&str; 8] = ["RANDOM", "rand", "TV", "Ts", "TS", "Tf", "utimef", "timef"];

fn asked<'e>(config: &Subject, its: &'e Expression) -> Option<Asked<'e>> {
    use BinaryOperator as Op;
    match &its.kind {
        ExpressionKind::Unary(UnaryOperator::Not, inner) => {
            let inner = asked(config, inner)?;
            Some(Asked { negated: !inner.negated, ..inner })
        }
        ExpressionKind::Call(call) if config.script().does(call).contains(&Does::AskMethod) => {
            let methods = literal(call, 0)?;
            let methods = Methods::read(methods.as_bytes());
            Some(Asked { subject: "the method".to_owned(), other: Other::Methods(methods), negated: false })
        }
        ExpressionKind::Binary(operator, left, right) => {
            let negated = match operator {
                Op::Equal | Op::TextEqual | Op::IntEqual => false,
                Op::NotEqual | Op::TextNotEqual | Op::IntNotEqual => true,
                _ => return None,
            };
            let subject = match &left.kind {
                ExpressionKind::Word(word) if word == "method" => "the method".to_owned(),
                ExpressionKind::Variable(_) => {
                    let mention = variable(left).filter(|mention| !CHANGING.contains(&mention.name))?;
                    if mention.name == "rm" && mention.rest.is_empty() {
                        "the method".to_owned()
                    } else {
                        mention.as_written()
                    }
                }
                _ => return None,
            };
            let other = match &right.kind {
                ExpressionKind::Int(number) => Other::Int(*number),
                _ => {
                    let text = text(right)?;
                    if subject == "the method" {
                        Other::Methods(Methods::read(text.as_bytes()))
                    } else {
                        Other::Text(text)
                    }
                }
            };
            Some(Asked { subject, other, negated })
        }
        _ => None,
    }
}

/// The operands of a chain of one operator.
fn operands<'a>(its: &'a Expression, operator: BinaryOperator, all: &mut Vec<&'a Expression>) {
    match &its.kind {
        ExpressionKind::Binary(own, left, right) if *own == operator => {
            operands(left, operator, all);
            operands(right, operator, all);
        }
        _ => all.push(its),
    }
}

fn same(subject: &Subject, findings: &mut Findings) {
    for question in &subject.script().questions {
        chain(subject, question, None, findings);
    }
}

/// Looks at a chain of `&&` or `||`, and at those inside of it.
fn chain(config: &Subject, its: &Expression, inside: Option<BinaryOperator>, findings: &mut Findings) {
    use BinaryOperator as Op;
    match &its.kind {
        ExpressionKind::Unary(UnaryOperator::Not, inner) => chain(config, inner, None, findings),
        ExpressionKind::Binary(operator @ (Op::And | Op::Or), left, right) => {
            if inside != Some(*operator) {
                one(config, its, *operator, findings);
            }
            chain(config, left, Some(*operator), findings);
            chain(config, right, Some(*operator), findings);
        }
        _ => {}
    }
}

fn one(config: &Subject, its: &Expression, operator: BinaryOperator, findings: &mut Findings) {
    let is_or = operator == BinaryOperator::Or;
    let mut all = Vec::new();
    operands(its, operator, &mut all);
    // Of equal questions in `&&`, of unequal ones in `||`: two that exclude each other decide the whole.
    let all: Vec<Asked> =
        all.into_iter().filter_map(|its| asked(config, its)).filter(|asked| asked.negated == is_or).collect();
    for (at, first) in all.iter().enumerate() {
        let second = all[at + 1..].iter().find(|its| its.subject == first.subject && its.other.excludes(&first.other));
        if second.is_none() {
            continue;
        }
        let (answer, why, help) = match is_or {
            true => ("always true", "always differs from one of them", "join the two with &&"),
            false => ("never true", "is never both", "join the two with ||"),
        };
        let found = findings.add(format!("this is {answer}"), its.span);
        found.add_note(format!("{} {why}", first.subject));
        found.add_help(help);
        return;
    }
}

/// What holds no `|` in any message.
const WITHOUT_BAR: [&str; 14] =
    ["rm", "rs", "si", "Ri", "ua", "rU", "fU", "tU", "rd", "fd", "td", "proto", "pr", "T_reply_code"];

/// What is wrong with a text as the other side of a comparison with this.
fn misread(left: &Expression, text: &str) -> Option<&'static str> {
    let name = match &left.kind {
        ExpressionKind::Word(word) if word == "method" => "rm",
        ExpressionKind::Word(word) if word == "status" => "rs",
        _ => variable(left).filter(|mention| mention.rest.is_empty())?.name,
    };
    let is_address = matches!(name, "si" | "Ri");
    let is_number = matches!(name, "rs" | "T_reply_code");
    match name {
        _ if WITHOUT_BAR.contains(&name) && text.contains('|') => Some("alternatives"),
        "rm" if text.contains(['^', '*', '(', '[']) => Some("a pattern"),
        _ if is_number && text.contains(['[', '.', '*', 'x', 'X']) => Some("a pattern"),
        _ if is_address && text.contains('/') => Some("a network"),
        _ if is_address && text.contains(['*', '^', '[']) && !text.contains(':') => Some("a pattern"),
        _ => None,
    }
}

fn as_text(subject: &Subject, findings: &mut Findings) {
    use BinaryOperator as Op;
    for its in &subject.script().operations {
        let answer = match its.operator {
            Op::Equal | Op::TextEqual => "never true",
            Op::NotEqual | Op::TextNotEqual => "always true",
            _ => continue,
        };
        let ExpressionKind::Text(text) = &its.right.kind else { continue };
        let Some(what) = misread(its.left, &String::from_utf8_lossy(text)) else { continue };
        let found = findings.add(format!("this compares with {what} letter by letter: it is {answer}"), its.span);
        found.add_help(help(what));
    }
    for route in &subject.script().routes {
        walk::block(&route.body, &mut |node| {
            let Node::Statement(statement) = node else { return };
            let StatementKind::Switch { value, cases } = &statement.kind else { return };
            for case in cases {
                let CaseLabel::Value(label) = &case.label else { continue };
                let ExpressionKind::Text(text) = &label.kind else { continue };
                let Some(what) = misread(value, &String::from_utf8_lossy(text)) else { continue };
                let message = format!("this compares with {what} letter by letter: the case is never taken");
                findings.add(message, label.span).add_help("write case /\"^...$\": for a pattern, or a case for each");
            }
        });
    }
}

fn help(what: &str) -> &'static str {
    match what {
        "a network" => "ask is_in_subnet(\"$si\", \"...\") of ipops, or src_ip == without quotes",
        _ => "=~ takes a pattern: write =~ \"^(...)$\", or is_method(\"A|B\") for methods",
    }
}
