//! The paths that an initial INVITE can take through routes, as far as a handful of marks tells them apart.
//!
//! A state is the set of mark combinations that some path arrives with. Calls of routes are followed, once for each state; conditions that an
//! initial INVITE decides (`is_method`, `has_totag`, `loose_route`, tests of the method) take one arm only.

use super::expressions::variable;
use super::mentions::{self, Mention};
use super::script::{Script, argument, variables_in};
use crate::builtin::Does;
use crate::config::ast::{
    BinaryOperator, Block, Call, Case, CaseLabel, Expression, ExpressionKind, Jump, RouteKind, Statement,
    StatementKind, UnaryOperator,
};
use rustc_hash::FxHashMap;

/// A combination of marks: six bits.
pub(super) type Marks = u8;

/// How many marks there are.
pub(super) const MARKS: usize = 6;

/// What happens on the way.
pub(super) trait Walker<'a> {
    /// A function is called: the marks behind it when it is true, and when it is false.
    fn call(&mut self, call: &'a Call, does: &'static [Does], marks: Marks) -> (Marks, Marks);

    /// A variable is read.
    fn read(&mut self, _variable: &Mention<'a>, marks: Marks) -> Marks {
        marks
    }
}

/// A set of mark combinations, one bit for each.
type Set = u64;

/// Statements walked before the walk gives up.
const MOST_STEPS: usize = 200_000;
/// Blocks, routes and operands open inside each other.
const DEEPEST: usize = 200;

/// The walk.
pub(super) struct Paths<'s, 'a, W> {
    script: &'s Script<'a>,
    names: FxHashMap<String, usize>,
    known: FxHashMap<(usize, Set), Set>,
    open: Vec<usize>,
    depth: usize,
    steps: usize,
    walker: W,
}

/// Where paths are behind some statements.
#[derive(Clone, Copy, Default)]
struct Flow {
    next: Set,
    returned: Set,
    broke: Set,
}

impl<'s, 'a, W: Walker<'a>> Paths<'s, 'a, W> {
    /// A walk that shows what happens to a walker.
    pub(super) fn new(script: &'s Script<'a>, walker: W) -> Paths<'s, 'a, W> {
        let mut names = FxHashMap::default();
        for (at, route) in script.routes.iter().enumerate() {
            if let (RouteKind::Request, Some(name)) = (route.kind, &route.name) {
                names.insert(name.text.clone(), at);
            }
        }
        Paths { script, names, known: FxHashMap::default(), open: Vec::new(), depth: 0, steps: 0, walker }
    }

    /// Goes through every block of a kind from its start, without marks.
    pub(super) fn walk(mut self, enter: impl Fn(RouteKind, bool) -> bool) -> W {
        for (at, route) in self.script.routes.iter().enumerate() {
            if enter(route.kind, route.name.is_none()) {
                self.route(at, 1);
            }
        }
        self.walker
    }

    fn route(&mut self, at: usize, set: Set) -> Set {
        if set == 0 || self.open.contains(&at) || self.open.len() > DEEPEST {
            return set;
        }
        if let Some(known) = self.known.get(&(at, set)) {
            return *known;
        }
        self.open.push(at);
        let flow = self.block(&self.script.routes[at].body, set);
        self.open.pop();
        let after = flow.next | flow.returned | flow.broke;
        self.known.insert((at, set), after);
        after
    }

    fn block(&mut self, block: &'a Block, set: Set) -> Flow {
        self.statements(&block.statements, set)
    }

    fn statements(&mut self, list: &'a [Statement], set: Set) -> Flow {
        let mut flow = Flow { next: set, ..Flow::default() };
        if self.depth > DEEPEST {
            return flow;
        }
        self.depth += 1;
        for statement in list {
            self.steps += 1;
            if flow.next == 0 || self.steps > MOST_STEPS {
                break;
            }
            let its = self.statement(statement, flow.next);
            flow = Flow { next: its.next, returned: flow.returned | its.returned, broke: flow.broke | its.broke };
        }
        self.depth -= 1;
        flow
    }

    fn statement(&mut self, statement: &'a Statement, set: Set) -> Flow {
        let on = |next| Flow { next, ..Flow::default() };
        match &statement.kind {
            StatementKind::Empty => on(set),
            StatementKind::Call(call) => {
                let (yes, no) = self.call(call, set);
                on(yes | no)
            }
            StatementKind::Assign(assign) => on(self.value(&assign.value, set)),
            StatementKind::If { first, more, otherwise } => {
                let (mut flow, mut left) = (Flow::default(), set);
                for branch in std::iter::once(first).chain(more) {
                    self.steps += 1;
                    let (yes, no) = self.condition(&branch.condition, left);
                    flow = either(flow, self.block(&branch.then, yes));
                    left = no;
                }
                let other = otherwise.as_ref().map_or(on(left), |otherwise| self.block(otherwise, left));
                either(flow, other)
            }
            StatementKind::While { condition, body } => {
                let (yes, no) = self.condition(condition, set);
                let once = self.block(body, yes);
                // A second turn finds what the first one leaves.
                let (again, done) = self.condition(condition, once.next);
                let twice = self.block(body, again & !yes);
                let next = no | done | once.broke | twice.next | twice.broke;
                Flow { next, returned: once.returned | twice.returned, broke: 0 }
            }
            StatementKind::Switch { value, cases } => {
                let set = self.value(value, set);
                self.switch(cases, set)
            }
            StatementKind::Jump(jump, value) => {
                let set = value.as_ref().map_or(set, |value| self.value(value, set));
                match jump {
                    Jump::Return => Flow { returned: set, ..Flow::default() },
                    Jump::Exit | Jump::Drop => Flow::default(),
                }
            }
            StatementKind::Break => Flow { broke: set, ..Flow::default() },
        }
    }

    fn switch(&mut self, cases: &'a [Case], set: Set) -> Flow {
        let has_default = cases.iter().any(|case| matches!(case.label, CaseLabel::Default));
        let mut flow = Flow::default();
        let mut falling = 0;
        for case in cases {
            let its = self.statements(&case.body, set | falling);
            falling = its.next;
            flow.returned |= its.returned;
            flow.next |= its.broke;
        }
        flow.next |= falling | if has_default { 0 } else { set };
        flow
    }

    /// The states in which a condition holds, and in which it does not.
    fn condition(&mut self, condition: &'a Expression, set: Set) -> (Set, Set) {
        if set == 0 || self.depth > DEEPEST {
            return (set, set);
        }
        self.depth += 1;
        let arms = self.arms(condition, set);
        self.depth -= 1;
        arms
    }

    fn arms(&mut self, condition: &'a Expression, set: Set) -> (Set, Set) {
        match &condition.kind {
            ExpressionKind::Call(call) => self.call(call, set),
            ExpressionKind::Int(number) if *number > 0 => (set, 0),
            ExpressionKind::Int(_) => (0, set),
            ExpressionKind::Unary(UnaryOperator::Not, inner) => {
                let (yes, no) = self.condition(inner, set);
                (no, yes)
            }
            ExpressionKind::Binary(BinaryOperator::And, left, right) => {
                let (left_yes, left_no) = self.condition(left, set);
                let (yes, no) = self.condition(right, left_yes);
                (yes, left_no | no)
            }
            ExpressionKind::Binary(BinaryOperator::Or, left, right) => {
                let (left_yes, left_no) = self.condition(left, set);
                let (yes, no) = self.condition(right, left_no);
                (left_yes | yes, no)
            }
            ExpressionKind::Binary(operator, left, right) => {
                let set = self.value(left, set);
                let set = self.value(right, set);
                match of_invite(*operator, left, right) {
                    Some(true) => (set, 0),
                    Some(false) => (0, set),
                    None => (set, set),
                }
            }
            ExpressionKind::Block(block) => {
                let flow = self.block(block, set);
                (flow.next, flow.next)
            }
            _ => {
                let set = self.value(condition, set);
                (set, set)
            }
        }
    }

    /// What computing a value does.
    fn value(&mut self, expression: &'a Expression, set: Set) -> Set {
        match &expression.kind {
            ExpressionKind::Variable(variable) => {
                let mention = mentions::of(variable);
                mention.map_or(set, |mention| each(set, |marks| self.walker.read(&mention, marks)))
            }
            ExpressionKind::Call(_)
            | ExpressionKind::Block(_)
            | ExpressionKind::Binary(..)
            | ExpressionKind::Unary(UnaryOperator::Not, _) => {
                let (yes, no) = self.condition(expression, set);
                yes | no
            }
            ExpressionKind::Unary(_, inner) if self.depth < DEEPEST => {
                self.depth += 1;
                let set = self.value(inner, set);
                self.depth -= 1;
                set
            }
            ExpressionKind::Assign(assign) => self.value(&assign.value, set),
            ExpressionKind::Choose(three) => {
                let (yes, no) = self.condition(&three[0], set);
                self.value(&three[1], yes) | self.value(&three[2], no)
            }
            _ => set,
        }
    }

    fn call(&mut self, call: &'a Call, set: Set) -> (Set, Set) {
        let mut set = set;
        for written in call.args.iter().flat_map(variables_in) {
            set = each(set, |marks| self.walker.read(&written, marks));
        }
        if call.name.text == "route" {
            let named = argument(call, 0).and_then(|name| self.names.get(&name).copied());
            let after = named.map_or(set, |at| self.route(at, set));
            return (after, after);
        }
        let does = self.script.does(call);
        let (mut yes, mut no) = (0, 0);
        for marks in marks_of(set) {
            let (when_true, when_false) = self.walker.call(call, does, marks);
            yes |= bit(when_true);
            no |= bit(when_false);
        }
        match decided(call, does) {
            Some(true) => (yes, 0),
            Some(false) => (0, no),
            None => (yes, no),
        }
    }
}

fn either(one: Flow, other: Flow) -> Flow {
    Flow { next: one.next | other.next, returned: one.returned | other.returned, broke: one.broke | other.broke }
}

fn bit(marks: Marks) -> Set {
    1 << (marks & 63)
}

fn marks_of(set: Set) -> impl Iterator<Item = Marks> {
    (0..64u8).filter(move |marks| set & bit(*marks) != 0)
}

fn each(set: Set, mut change: impl FnMut(Marks) -> Marks) -> Set {
    marks_of(set).fold(0, |all, marks| all | bit(change(marks)))
}

/// What a function says of an initial INVITE.
fn decided(call: &Call, does: &[Does]) -> Option<bool> {
    does.iter().find_map(|word| match word {
        Does::AskMethod => {
            let methods = argument(call, 0)?;
            Some(methods.split('|').any(|method| method.trim().eq_ignore_ascii_case("INVITE")))
        }
        Does::AskToTag | Does::LooseRoute | Does::FindTransaction => Some(false),
        _ => None,
    })
}

/// What a comparison with the method says of an INVITE.
fn of_invite(operator: BinaryOperator, left: &Expression, right: &Expression) -> Option<bool> {
    let is_method = match &left.kind {
        ExpressionKind::Word(word) => word == "method",
        _ => variable(left).is_some_and(|written| written.name == "rm" && written.rest.is_empty()),
    };
    let (true, ExpressionKind::Text(text)) = (is_method, &right.kind) else { return None };
    let equal = text.eq_ignore_ascii_case(b"INVITE");
    match operator {
        BinaryOperator::Equal | BinaryOperator::TextEqual => Some(equal),
        BinaryOperator::NotEqual | BinaryOperator::TextNotEqual => Some(!equal),
        _ => None,
    }
}
