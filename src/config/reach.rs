//! Which calls a message of one kind can reach: what stands behind `is_request()` no reply gets to, however the question is put.
//!
//! A walk over the statements of every block that answers one thing at each place: can a reply (or a request) come here? Conditions are taken
//! apart, `return`, `exit` and `drop` end a way, and what a called route answers with, or that it does not come back, counts for its caller.

use super::ast::{
    Block, Call, CaseLabel, Expression, ExpressionKind, Jump, Route, RouteKind, Statement, StatementKind, UnaryOperator,
};
use super::registry::Registry;
use super::walk;
use crate::builtin::{Does, MessageKind, RouteId};
use crate::config::ast::BinaryOperator;
use rustc_hash::{FxHashMap, FxHashSet};

/// The calls that a message of each kind can reach once it is in the block they stand in.
#[derive(Debug, Default)]
pub(super) struct Reach {
    /// Calls by their place in memory: two that come from one define share their place in the text.
    by_request: FxHashSet<usize>,
    by_reply: FxHashSet<usize>,
    /// Text given to functions that are not built in: a block that one names runs when that function says, with whatever message.
    named: FxHashSet<String>,
}

/// The bodies of each route block, by its id.
pub(super) type Blocks<'a> = [Vec<(usize, &'a Route)>];

impl Reach {
    /// Walks every block.
    pub(super) fn of(blocks: &Blocks, ids: &FxHashMap<(RouteKind, String), RouteId>, registry: &Registry) -> Reach {
        let reached = |holds| {
            let answers = vec![Answers::NONE; blocks.len()];
            Walk { registry, ids, holds, answers, reached: FxHashSet::default() }.run(blocks)
        };
        let mut named = FxHashSet::default();
        for (_, route) in blocks.iter().flatten() {
            walk::block(&route.body, &mut |node| {
                let walk::Node::Call(call) = node else { return };
                if registry.functions(&call.name.text).is_empty() && call.name.text != "route" {
                    let texts = call.args.iter().filter_map(|arg| match &arg.kind {
                        ExpressionKind::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
                        _ => None,
                    });
                    named.extend(texts);
                }
            });
        }
        Reach { by_request: reached(MessageKind::Request), by_reply: reached(MessageKind::Reply), named }
    }

    /// Whether a function that is not built in may run the block of this name.
    pub(super) fn is_run_by_others(&self, block: &str) -> bool {
        !block.is_empty() && self.named.contains(block)
    }

    /// Whether a message of this kind can reach a call.
    pub(super) fn reaches(&self, call: usize, holds: MessageKind) -> bool {
        match holds {
            MessageKind::Request => self.by_request.contains(&call),
            MessageKind::Reply => self.by_reply.contains(&call),
        }
    }
}

/// What tells calls apart.
pub(super) fn address(call: &Call) -> usize {
    std::ptr::from_ref(call).addr()
}

/// Whether something may be true, and whether it may be false.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Answers {
    yes: bool,
    no: bool,
}

impl Answers {
    const NONE: Answers = Answers { yes: false, no: false };
    const OPEN: Answers = Answers { yes: true, no: true };
    const YES: Answers = Answers { yes: true, no: false };
    const NO: Answers = Answers { yes: false, no: true };

    fn or(self, other: Answers) -> Answers {
        Answers { yes: self.yes || other.yes, no: self.no || other.no }
    }

    fn not(self) -> Answers {
        Answers { yes: self.no, no: self.yes }
    }

    /// Whether anything comes of it at all.
    fn any(self) -> bool {
        self.yes || self.no
    }
}

/// Where the ways through some statements lead.
#[derive(Clone, Copy)]
struct Ways {
    /// To what follows them.
    next: bool,
    /// Out of the loop or switch around.
    broke: bool,
    /// Back to the caller, with these values.
    returned: Answers,
}

impl Ways {
    const NONE: Ways = Ways { next: false, broke: false, returned: Answers::NONE };

    fn on(next: bool) -> Ways {
        Ways { next, ..Ways::NONE }
    }

    fn or(self, other: Ways) -> Ways {
        Ways {
            next: self.next || other.next,
            broke: self.broke || other.broke,
            returned: self.returned.or(other.returned),
        }
    }
}

struct Walk<'w> {
    registry: &'w Registry,
    ids: &'w FxHashMap<(RouteKind, String), RouteId>,
    /// The kind of message that is followed.
    holds: MessageKind,
    /// What each route gives to its caller, as far as is known.
    answers: Vec<Answers>,
    reached: FxHashSet<usize>,
}

/// How often all blocks are walked for what routes answer; beyond that every route may answer anything.
const MOST_TURNS: usize = 20;

impl Walk<'_> {
    fn run(mut self, blocks: &Blocks) -> FxHashSet<usize> {
        let mut settled = false;
        for _ in 0..MOST_TURNS {
            settled = !self.turn(blocks);
            if settled {
                break;
            }
        }
        if !settled {
            self.answers.fill(Answers::OPEN);
            self.turn(blocks);
        }
        self.reached
    }

    /// Walks every block once, called ones before their callers where the text has them further down. Whether anything new came of it.
    fn turn(&mut self, blocks: &Blocks) -> bool {
        let mut changed = false;
        for (at, bodies) in blocks.iter().enumerate().rev() {
            let mut ways = Ways::on(true);
            for (_, route) in bodies {
                if ways.next {
                    ways = Ways { next: false, ..ways }.or(self.statements(&route.body.statements));
                }
            }
            // The value of a route that runs off its end is that of its last statement.
            let ends = if ways.next || ways.broke { Answers::OPEN } else { ways.returned };
            let answers = ends.or(self.answers[at]);
            changed |= answers != self.answers[at];
            self.answers[at] = answers;
        }
        changed
    }

    /// Where reached statements lead.
    fn statements(&mut self, list: &[Statement]) -> Ways {
        let mut ways = Ways::on(true);
        for statement in list {
            if !ways.next {
                break;
            }
            ways = Ways { next: false, ..ways }.or(self.statement(statement));
        }
        ways
    }

    fn block(&mut self, block: &Block, reached: bool) -> Ways {
        if reached { self.statements(&block.statements) } else { Ways::NONE }
    }

    fn statement(&mut self, statement: &Statement) -> Ways {
        match &statement.kind {
            StatementKind::Empty => Ways::on(true),
            StatementKind::Call(call) => Ways::on(self.call(call).any()),
            StatementKind::Assign(assign) => Ways::on(self.value(&assign.value)),
            StatementKind::If { first, more, otherwise } => {
                let (mut ways, mut left) = (Ways::NONE, true);
                for branch in std::iter::once(first).chain(more) {
                    if !left {
                        break;
                    }
                    let answers = self.condition(&branch.condition);
                    ways = ways.or(self.block(&branch.then, answers.yes));
                    left = answers.no;
                }
                ways.or(match otherwise {
                    Some(otherwise) => self.block(otherwise, left),
                    None => Ways::on(left),
                })
            }
            StatementKind::While { condition, body } => {
                let answers = self.condition(condition);
                let body = self.block(body, answers.yes);
                Ways { next: answers.no || body.next || body.broke, broke: false, returned: body.returned }
            }
            StatementKind::Switch { value, cases } => {
                if !self.value(value) {
                    return Ways::NONE;
                }
                let mut ways = Ways::NONE;
                for case in cases {
                    if let CaseLabel::Value(label) | CaseLabel::Regex(label) = &case.label {
                        self.value(label);
                    }
                    // Every label may fit; control falls through from the one before.
                    ways = Ways { next: false, ..ways }.or(self.statements(&case.body));
                }
                let has_default = cases.iter().any(|case| matches!(case.label, CaseLabel::Default));
                Ways { next: ways.next || ways.broke || !has_default, broke: false, returned: ways.returned }
            }
            StatementKind::Jump(jump, value) => {
                let comes_back = value.as_ref().is_none_or(|value| self.value(value));
                let answers = match (jump, value.as_ref().map(|value| &value.kind)) {
                    (Jump::Exit | Jump::Drop, _) => Answers::NONE,
                    _ if !comes_back => Answers::NONE,
                    // `return 0` ends the script.
                    (Jump::Return, Some(ExpressionKind::Int(0))) => Answers::NONE,
                    (Jump::Return, None) => Answers::YES,
                    (Jump::Return, Some(ExpressionKind::Int(number))) if *number > 0 => Answers::YES,
                    (Jump::Return, Some(ExpressionKind::Int(_))) => Answers::NO,
                    (Jump::Return, Some(_)) => Answers::OPEN,
                };
                Ways { returned: answers, ..Ways::NONE }
            }
            StatementKind::Break => Ways { broke: true, ..Ways::NONE },
        }
    }

    /// What a reached condition may come to.
    fn condition(&mut self, condition: &Expression) -> Answers {
        match &condition.kind {
            ExpressionKind::Call(call) => self.call(call),
            ExpressionKind::Int(number) => Answers { yes: *number > 0, no: *number <= 0 },
            ExpressionKind::Unary(UnaryOperator::Not, inner) => self.condition(inner).not(),
            ExpressionKind::Binary(BinaryOperator::And, left, right) => {
                let left = self.condition(left);
                let right = if left.yes { self.condition(right) } else { Answers::NONE };
                Answers { yes: right.yes, no: left.no || right.no }
            }
            ExpressionKind::Binary(BinaryOperator::Or, left, right) => {
                let left = self.condition(left);
                let right = if left.no { self.condition(right) } else { Answers::NONE };
                Answers { yes: left.yes || right.yes, no: right.no }
            }
            ExpressionKind::Block(block) => {
                let ways = self.statements(&block.statements);
                if ways.next || ways.broke || ways.returned.any() { Answers::OPEN } else { Answers::NONE }
            }
            _ => {
                if self.value(condition) {
                    Answers::OPEN
                } else {
                    Answers::NONE
                }
            }
        }
    }

    /// Whether the computing of a reached value comes to its end.
    fn value(&mut self, value: &Expression) -> bool {
        use BinaryOperator as Op;
        match &value.kind {
            ExpressionKind::Call(_)
            | ExpressionKind::Block(_)
            | ExpressionKind::Unary(UnaryOperator::Not, _)
            | ExpressionKind::Binary(Op::And | Op::Or, ..) => self.condition(value).any(),
            ExpressionKind::Unary(_, inner) => self.value(inner),
            ExpressionKind::Binary(_, left, right) => self.value(left) && self.value(right),
            ExpressionKind::Assign(assign) => self.value(&assign.value),
            ExpressionKind::Choose(three) => {
                let answers = self.condition(&three[0]);
                let (then, otherwise) = (answers.yes && self.value(&three[1]), answers.no && self.value(&three[2]));
                then || otherwise
            }
            ExpressionKind::Int(_)
            | ExpressionKind::Text(_)
            | ExpressionKind::Variable(_)
            | ExpressionKind::Select(_)
            | ExpressionKind::Word(_)
            | ExpressionKind::Address(_) => true,
        }
    }

    /// What a reached call may answer.
    fn call(&mut self, call: &Call) -> Answers {
        for arg in &call.args {
            self.value(arg);
        }
        self.reached.insert(address(call));
        if call.name.text == "route" {
            let called = called(call).and_then(|name| self.ids.get(&(RouteKind::Request, name)).copied());
            return called.map_or(Answers::OPEN, |id| self.answers[id.0 as usize]);
        }
        let does = self.registry.does(&call.name.text, call.args.len());
        let asked = does.iter().find_map(|word| match word {
            Does::AskKind(kind) => Some(*kind),
            _ => None,
        });
        match asked {
            Some(kind) if kind == self.holds => Answers::YES,
            Some(_) => Answers::NO,
            None => Answers::OPEN,
        }
    }
}

/// The name of the route that a call names as it stands; empty for the main one.
fn called(call: &Call) -> Option<String> {
    let name = match &call.args.first()?.kind {
        ExpressionKind::Word(name) => name.clone(),
        ExpressionKind::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ExpressionKind::Int(number) => number.to_string(),
        _ => return None,
    };
    Some(if name == "0" { String::new() } else { name })
}
