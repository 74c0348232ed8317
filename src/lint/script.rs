//! What the routes and parameters of a config hold, by what rules ask for: calls, assignments, comparisons, mentions of variables.

use super::expressions::reads_code;
use super::mentions::{self, Mention, variables};
use super::{Given, Subject};
use crate::builtin::{Does, Function, Means};
use crate::catalogue;
use crate::config::Registry;
use crate::config::ast::{
    Assign, BinaryOperator, Block, Branch, Call, CaseLabel, Expression, ExpressionKind, Item, ParamValue, Route,
    RouteKind, Statement, StatementKind,
};
use crate::config::walk::{self, Node};
use crate::source::Span;
use rustc_hash::{FxHashMap, FxHashSet};

/// What a config holds, gathered in one walk.
#[derive(Debug, Default)]
pub struct Script<'a> {
    /// The route blocks, in the order of the text.
    pub routes: Vec<&'a Route>,
    /// Every call.
    pub calls: Vec<CallAt<'a>>,
    /// Every assignment.
    pub assigns: Vec<AssignAt<'a>>,
    /// Every operator with two operands.
    pub operations: Vec<Operation<'a>>,
    /// Every variable: in expressions, in text given to functions, in parameters.
    pub mentions: Vec<MentionAt<'a>>,
    /// Every condition of an `if` or `while`, and what a `switch` compares.
    pub questions: Vec<&'a Expression>,
    /// Every list of statements, with its route.
    pub lists: Vec<(usize, &'a [Statement])>,
    by_name: FxHashMap<&'a str, Vec<usize>>,
    /// The rows of what is called, by name and number of arguments.
    rows: FxHashMap<(&'a str, usize), Option<&'static Function>>,
}

/// A call and where it stands.
#[derive(Clone, Copy, Debug)]
pub struct CallAt<'a> {
    /// The call.
    pub call: &'a Call,
    /// What it does.
    pub does: &'static [Does],
    /// Its route, by place in [`Script::routes`].
    pub route: usize,
    /// The kind of block it is written in.
    pub kind: RouteKind,
    /// It is a statement: nobody asks for its value at once.
    pub is_statement: bool,
    /// It stands in a condition.
    pub asked: bool,
    /// The statement after the one that holds it; of one in the condition of an `if`, the first behind that.
    pub next: Option<&'a Statement>,
}

/// An assignment and where it stands.
#[derive(Clone, Debug)]
pub struct AssignAt<'a> {
    /// The assignment.
    pub assign: &'a Assign,
    /// Its left side.
    pub target: Mention<'a>,
    /// Its route.
    pub route: usize,
}

/// An operator with its operands.
#[derive(Clone, Copy, Debug)]
pub struct Operation<'a> {
    /// The operator.
    pub operator: BinaryOperator,
    /// The left operand.
    pub left: &'a Expression,
    /// The right operand.
    pub right: &'a Expression,
    /// The whole.
    pub span: Span,
}

/// Where a variable stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// In an expression, or an argument by itself.
    Expression,
    /// On the left side of an assignment.
    Target,
    /// In text that is an argument of a function.
    Text,
    /// In the value of a module parameter.
    Param,
}

/// A use of a variable.
#[derive(Clone, Debug)]
pub struct MentionAt<'a> {
    /// The variable.
    pub written: Mention<'a>,
    /// Where it stands, or the text around it.
    pub span: Span,
    /// What it stands in.
    pub place: Place,
    /// Its route; none in a parameter.
    pub route: Option<usize>,
}

impl<'a> Script<'a> {
    /// What a call does, as the row of its function says.
    pub fn does(&self, call: &Call) -> &'static [Does] {
        let name = call.name.text.as_str();
        match self.rows.get(&(name, call.args.len())) {
            Some(Some(row)) => row.does,
            _ => catalogue::does(name),
        }
    }

    /// The argument of a call that is for something.
    pub fn argument_for<'c>(&self, call: &'c Call, means: Means) -> Option<&'c Expression> {
        let row = (*self.rows.get(&(call.name.text.as_str(), call.args.len()))?)?;
        let at = row.args.iter().position(|arg| arg.means == means)?;
        call.args.get(at)
    }

    /// What the arguments of a call are for, each with that.
    pub fn arguments<'c>(&self, call: &'c Call) -> impl Iterator<Item = (Means, &'c Expression)> {
        let row = self.rows.get(&(call.name.text.as_str(), call.args.len())).copied().flatten();
        row.into_iter().flat_map(|row| row.args).map(|arg| arg.means).zip(&call.args)
    }

    /// Calls that do something, in the order of the text.
    pub fn calls_that(&self, does: Does) -> impl Iterator<Item = &CallAt<'a>> {
        self.calls.iter().filter(move |its| its.does.contains(&does))
    }

    /// Calls that do one of these, in the order of the text.
    pub fn calls_that_any<'s>(&'s self, does: &'s [Does]) -> impl Iterator<Item = &'s CallAt<'a>> {
        self.calls.iter().filter(|its| does.iter().any(|does| its.does.contains(does)))
    }

    /// Whether anything does this.
    pub fn anything(&self, does: Does) -> bool {
        self.calls_that(does).next().is_some()
    }

    /// Arguments that are for something, each with its call, in the order of the text.
    pub fn arguments_for(&self, means: Means) -> impl Iterator<Item = (&CallAt<'a>, &'a Expression)> {
        self.calls.iter().filter_map(move |its| Some((its, self.argument_for(its.call, means)?)))
    }

    /// Calls of a function, in the order of the text.
    pub fn calls_of(&self, name: &str) -> impl Iterator<Item = &CallAt<'a>> {
        self.by_name.get(name).into_iter().flatten().map(|at| &self.calls[*at])
    }

    /// Calls of functions, name by name.
    pub fn calls_of_any<'s>(&'s self, names: &'s [&str]) -> impl Iterator<Item = &'s CallAt<'a>> {
        names.iter().flat_map(|name| self.calls_of(name))
    }

    /// Whether any of these functions is called.
    pub fn calls_any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.by_name.contains_key(name))
    }

    /// Every use of a variable by name.
    pub fn mentions_of<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s MentionAt<'a>> {
        self.mentions.iter().filter(move |mention| mention.written.name == name)
    }

    /// Which routes are reached from those that `enter` says, these included.
    pub fn reached_from(&self, enter: impl Fn(&Route) -> bool) -> Vec<bool> {
        let mut names: FxHashMap<&str, usize> = FxHashMap::default();
        for (at, route) in self.routes.iter().enumerate() {
            if let (RouteKind::Request, Some(name)) = (route.kind, &route.name) {
                names.insert(&name.text, at);
            }
        }
        let mut calls: Vec<Vec<usize>> = vec![Vec::new(); self.routes.len()];
        for at in self.calls_of("route") {
            if let Some(to) = argument(at.call, 0).and_then(|name| names.get(name.as_str()).copied()) {
                calls[at.route].push(to);
            }
        }
        let mut reached = vec![false; self.routes.len()];
        let mut open: Vec<usize> = (0..self.routes.len()).filter(|at| enter(self.routes[*at])).collect();
        while let Some(at) = open.pop() {
            if !std::mem::replace(&mut reached[at], true) {
                open.extend(&calls[at]);
            }
        }
        reached
    }

    pub(super) fn read(items: &'a [Item], given: &[Given<'a>], registry: &Registry) -> Script<'a> {
        let mut script = Script::default();
        for given in given {
            if let ParamValue::Text(text) = &given.statement.value {
                for written in variables(&text.value) {
                    script.mentions.push(MentionAt { written, span: text.span, place: Place::Param, route: None });
                }
            }
        }
        for item in items {
            let Item::Route(route) = item else { continue };
            let at = script.routes.len();
            script.routes.push(route);
            script.list(&route.body.statements, Around { route: at, kind: route.kind, next: None });
        }
        for at in 0..script.calls.len() {
            let call = script.calls[at].call;
            let key = (call.name.text.as_str(), call.args.len());
            script.rows.entry(key).or_insert_with(|| registry.row(key.0, key.1));
            script.calls[at].does = script.does(call);
        }
        for (at, its) in script.calls.iter().enumerate() {
            script.by_name.entry(its.call.name.text.as_str()).or_default().push(at);
        }
        script
    }

    fn list(&mut self, list: &'a [Statement], around: Around<'a>) {
        self.lists.push((around.route, list));
        for (at, statement) in list.iter().enumerate() {
            self.statement(statement, Around { next: list.get(at + 1), ..around });
        }
    }

    fn statement(&mut self, statement: &'a Statement, around: Around<'a>) {
        match &statement.kind {
            StatementKind::Empty | StatementKind::Break | StatementKind::Jump(_, None) => {}
            StatementKind::Call(call) => {
                self.call(call, around, true, false);
                call.args.iter().for_each(|arg| self.expression(arg, around, false));
            }
            StatementKind::Assign(assign) => {
                self.assign(assign, around.route);
                self.expression(&assign.value, around, false);
            }
            StatementKind::If { first, more, otherwise } => {
                for Branch { condition, then, .. } in std::iter::once(first).chain(more) {
                    self.questions.push(condition);
                    self.expression(condition, Around { next: then.statements.first(), ..around }, true);
                    self.list(&then.statements, around);
                }
                if let Some(otherwise) = otherwise {
                    self.list(&otherwise.statements, around);
                }
            }
            StatementKind::While { condition, body } => {
                self.questions.push(condition);
                self.expression(condition, around, true);
                self.list(&body.statements, around);
            }
            StatementKind::Switch { value, cases } => {
                self.questions.push(value);
                self.expression(value, around, true);
                for case in cases {
                    if let CaseLabel::Value(label) | CaseLabel::Regex(label) = &case.label {
                        self.expression(label, around, true);
                    }
                    self.list(&case.body, around);
                }
            }
            StatementKind::Jump(_, Some(value)) => self.expression(value, around, false),
        }
    }

    fn expression(&mut self, its: &'a Expression, around: Around<'a>, asked: bool) {
        let route = around.route;
        // Statements stand in an expression where a block is one.
        let mut statements: FxHashSet<*const Call> = FxHashSet::default();
        walk::expression(its, &mut |node| match node {
            Node::Statement(statement) => {
                if let StatementKind::Call(call) = &statement.kind {
                    statements.insert(call);
                }
            }
            Node::Call(call) if statements.contains(&std::ptr::from_ref(call)) => {
                self.call(call, Around { next: None, ..around }, true, false);
            }
            Node::Call(call) => self.call(call, around, false, asked),
            Node::Assign(assign) => self.assign(assign, route),
            Node::Expression(expression) => match &expression.kind {
                ExpressionKind::Variable(variable) => {
                    if let Some(written) = mentions::of(variable) {
                        self.mention(written, variable.span, Place::Expression, route);
                    }
                }
                ExpressionKind::Binary(operator, left, right) => {
                    let (operator, span) = (*operator, expression.span);
                    self.operations.push(Operation { operator, left, right, span });
                }
                _ => {}
            },
        });
    }

    fn call(&mut self, call: &'a Call, around: Around<'a>, is_statement: bool, asked: bool) {
        let Around { route, kind, next } = around;
        self.calls.push(CallAt { call, does: &[], kind, route, is_statement, asked, next });
        for arg in &call.args {
            let ExpressionKind::Text(text) = &arg.kind else { continue };
            for written in variables(text) {
                let (span, place) = (arg.span, Place::Text);
                self.mentions.push(MentionAt { written, span, place, route: Some(route) });
            }
        }
    }

    fn assign(&mut self, assign: &'a Assign, route: usize) {
        // What is no text has no name.
        let unnamed = Mention { text: &assign.target.text, name: "", inner: None, rest: "" };
        let target = mentions::of(&assign.target).unwrap_or(unnamed);
        self.mention(target, assign.target.span, Place::Target, route);
        self.assigns.push(AssignAt { assign, target, route });
    }

    fn mention(&mut self, written: Mention<'a>, span: Span, place: Place, route: usize) {
        let inner = written.nested();
        self.mentions.push(MentionAt { written, span, place, route: Some(route) });
        for written in inner {
            self.mentions.push(MentionAt { written, span, place: Place::Expression, route: Some(route) });
        }
    }
}

/// Where a walk stands.
#[derive(Clone, Copy)]
struct Around<'a> {
    route: usize,
    kind: RouteKind,
    next: Option<&'a Statement>,
}

impl CallAt<'_> {
    /// Nobody looks at the result: it stands as a statement, and what follows does not read the return code.
    pub fn is_ignored(&self) -> bool {
        self.is_statement && !self.next.is_some_and(reads_code)
    }
}

/// The patterns of `case /"regex":` labels under a block.
pub(super) fn case_patterns(body: &Block) -> Vec<&Expression> {
    let mut found = Vec::new();
    walk::block(body, &mut |node| {
        let Node::Statement(Statement { kind: StatementKind::Switch { cases, .. }, .. }) = node else { return };
        for case in cases {
            if let CaseLabel::Regex(pattern) = &case.label {
                found.push(pattern);
            }
        }
    });
    found
}

/// The constant text of an expression: a string, a word or a number.
pub(super) fn constant(expression: &Expression) -> Option<String> {
    match &expression.kind {
        ExpressionKind::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
        ExpressionKind::Word(word) | ExpressionKind::Address(word) => Some(word.clone()),
        ExpressionKind::Int(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The constant text of an argument.
pub(super) fn argument(call: &Call, at: usize) -> Option<String> {
    constant(call.args.get(at)?)
}

/// Every variable in an expression, also inside of text that is given to functions.
pub(super) fn variables_in(expression: &Expression) -> Vec<Mention<'_>> {
    let mut found = Vec::new();
    mentions::in_expression(expression, &mut |mention| found.push(mention));
    found
}

impl<'a> Subject<'a> {
    /// What the routes and parameters hold; gathered when it is first asked for.
    pub fn script(&self) -> &Script<'a> {
        self.script.get_or_init(|| Script::read(&self.config.tree.items, self.all_params(), &self.config.registry))
    }

    /// Where a variable stands, as near as the text around it tells.
    pub fn place_of(&self, mention: &MentionAt) -> Span {
        match mention.place {
            Place::Text | Place::Param => self.narrow(mention.span, mention.written.text),
            Place::Expression | Place::Target => mention.span,
        }
    }

    /// The first place of some bytes under a span; the span itself when they are not there.
    pub fn narrow(&self, span: Span, bytes: &[u8]) -> Span {
        match memchr::memmem::find(self.sources.slice(span), bytes).filter(|_| !bytes.is_empty()) {
            Some(at) => {
                let start = span.start + at as u32;
                Span { start, end: start + bytes.len() as u32, ..span }
            }
            None => span,
        }
    }
}
