//! The walk: statements and routes.

use super::names::{Change, Mark, Marks};
use super::state::{Fact, Key, State};
use super::worlds::{World, Worlds, join};
use super::{Broken, Flow, effect};
use crate::builtin::{ArgKind, Does, Means};
use crate::config::ast::{
    Assign, Block, Call, Case, CaseLabel, Expression, ExpressionKind, Jump, Route, RouteKind, Statement, StatementKind,
    UnaryOperator,
};
use crate::lint::Subject;
use crate::lint::expressions;
use crate::lint::mentions::{self, Mention};
use crate::source::Span;
use rustc_hash::{FxHashMap, FxHashSet};
use std::rc::Rc;

/// How many statements are walked before the walk gives up; each counts once for each way to it.
const MOST_WORK: usize = 400_000;
/// How deep statements and routes nest in the walk.
const DEEPEST: usize = 200;

/// What a route gives to those that test it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Truth {
    Yes,
    No,
    Open,
}

/// A mark that should be on, or off, at a place.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Need {
    bit: u32,
    on: bool,
    place: Span,
    asked: bool,
}

/// What a route does to the ways that enter it in one state.
#[derive(Debug, Default)]
struct Summary {
    entered: Option<State>,
    results: Vec<(World, Truth)>,
    needs: Vec<Need>,
}

/// What reading a variable asks of a mark, by its bit.
#[derive(Clone, Copy, Debug)]
enum Read {
    /// The variable should be set.
    Variable(u32),
    /// The header should not be one that was added.
    Header(u32),
    /// The rows should have been counted.
    Cell(u32),
    /// The rows are counted here.
    Rows(u32),
}

/// What the route at hand has done so far.
#[derive(Debug, Default)]
struct Frame {
    returns: Vec<(World, Truth)>,
    breaks: Vec<Worlds>,
    needs: Vec<Need>,
}

pub(super) struct Walk<'s, 'a> {
    pub(super) subject: &'s Subject<'a>,
    pub(super) flow: Flow<'a>,
    pub(super) marks: Marks<'a>,
    routes: Vec<&'a Route>,
    by_name: FxHashMap<&'a str, usize>,
    known: FxHashMap<(usize, Key), Rc<Summary>>,
    reads: FxHashMap<usize, Rc<[Read]>>,
    quiet: FxHashMap<usize, bool>,
    stack: Vec<(usize, Key)>,
    frame: Frame,
    /// Flags that are set where somebody vouches for the sender: one that is found set may say so.
    vetted_flags: FxHashSet<String>,
    /// The bits of the marks of results.
    results: Vec<u32>,
    depth: usize,
    work: usize,
}

impl<'s, 'a> Walk<'s, 'a> {
    pub(super) fn new(subject: &'s Subject<'a>) -> Walk<'s, 'a> {
        let routes: Vec<&Route> = subject.routes().collect();
        let mut by_name = FxHashMap::default();
        for (at, route) in routes.iter().enumerate() {
            if let (RouteKind::Request, Some(name)) = (route.kind, &route.name) {
                by_name.entry(name.text.as_str()).or_insert(at);
            }
        }
        Walk {
            subject,
            flow: Flow::default(),
            marks: Marks::default(),
            routes,
            by_name,
            known: FxHashMap::default(),
            reads: FxHashMap::default(),
            quiet: FxHashMap::default(),
            stack: Vec::new(),
            frame: Frame::default(),
            vetted_flags: FxHashSet::default(),
            results: Vec::new(),
            depth: 0,
            work: 0,
        }
    }

    /// The same, knowing which flags speak of the sender.
    pub(super) fn knowing(self, vetted_flags: FxHashSet<String>) -> Walk<'s, 'a> {
        Walk { vetted_flags, ..self }
    }

    pub(super) fn run(mut self) -> Flow<'a> {
        for at in 0..self.routes.len() {
            let route = self.routes[at];
            // Named request routes run only when something calls them.
            if route.kind != RouteKind::Request || route.name.is_none() {
                self.enter(at);
            }
        }
        self.flow
    }

    fn enter(&mut self, at: usize) {
        let entry = self.routes[at].kind;
        let summary = self.route(at, State::enter(entry));
        for need in &summary.needs {
            let is_on = match self.marks.mark(need.bit) {
                Some(Mark::Free(_)) => true,
                // These run while the request is relayed, in the same process, after what armed them.
                Some(Mark::Set(_)) => matches!(entry, RouteKind::Branch | RouteKind::Onsend),
                _ => false,
            };
            if is_on != need.on {
                self.broken(*need, entry);
            }
        }
        // The result of the last statement still stands when the block ends.
        let ends: Vec<World> = summary.results.iter().map(|(world, _)| world.clone()).collect();
        let end = self.routes[at].body.span;
        let end = Span { start: end.end.saturating_sub(1).max(end.start), ..end };
        for world in ends {
            self.at_end(&world, end, entry);
        }
    }

    /// Results that wait to be freed where a script ends.
    fn at_end(&mut self, world: &World, place: Span, entry: RouteKind) {
        for at in 0..self.results.len() {
            let bit = self.results[at];
            if world.change.of(bit) == Some(false) {
                self.broken(Need { bit, on: true, place, asked: false }, entry);
            }
        }
    }

    fn broken(&mut self, need: Need, entry: RouteKind) {
        let Some(mark) = self.marks.mark(need.bit).cloned() else { return };
        let broken = Broken { mark, place: need.place, entry, asked: need.asked };
        if !self.flow.broken.contains(&broken) {
            self.flow.broken.push(broken);
        }
    }

    /// What a route does, entered in this state with nothing known of names.
    fn route(&mut self, at: usize, state: State) -> Rc<Summary> {
        let key = (at, state.key());
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        // A route that calls itself: what comes back is what its other ways give.
        if self.stack.contains(&key) || self.depth >= DEEPEST {
            return Rc::default();
        }
        self.stack.push(key);
        let outer = std::mem::take(&mut self.frame);
        let depth = self.depth;
        self.depth += 1;
        let body = &self.routes[at].body;
        let mut worlds = self.statements(&body.statements, vec![World { state, change: Change::default() }]);
        self.depth = depth;
        join(&mut worlds);
        if !worlds.is_empty() {
            self.flow.falls.insert(at);
        }
        let truth = ending(&body.statements);
        let frame = std::mem::replace(&mut self.frame, outer);
        self.stack.pop();
        let mut by_truth = [Truth::Yes, Truth::No, Truth::Open].map(|truth| (truth, Worlds::new()));
        let falling = worlds.into_iter().map(|world| (world, truth));
        for (world, truth) in frame.returns.into_iter().chain(falling) {
            by_truth[truth as usize].1.push(world);
        }
        let mut results = Vec::new();
        for (truth, mut worlds) in by_truth {
            join(&mut worlds);
            results.extend(worlds.into_iter().map(|world| (world, truth)));
        }
        let summary = Rc::new(Summary { entered: Some(state), results, needs: frame.needs });
        self.known.insert(key, summary.clone());
        summary
    }

    fn block(&mut self, block: &'a Block, worlds: Worlds) -> Worlds {
        self.statements(&block.statements, worlds)
    }

    fn statements(&mut self, list: &'a [Statement], mut worlds: Worlds) -> Worlds {
        if self.depth >= DEEPEST {
            return Worlds::new();
        }
        self.depth += 1;
        for statement in list {
            self.work += worlds.len();
            if worlds.is_empty() || self.work > MOST_WORK {
                worlds.clear();
                break;
            }
            worlds = self.statement(statement, worlds);
        }
        self.depth -= 1;
        worlds
    }

    fn statement(&mut self, statement: &'a Statement, worlds: Worlds) -> Worlds {
        match &statement.kind {
            StatementKind::Empty => worlds,
            StatementKind::Call(call) => {
                let (mut yes, no) = self.call(call, worlds, false);
                yes.extend(no);
                join(&mut yes);
                yes
            }
            StatementKind::Assign(assign) => self.assign(assign, worlds),
            StatementKind::If { first, more, otherwise } => {
                let (mut out, mut left) = (Worlds::new(), worlds);
                for branch in std::iter::once(first).chain(more) {
                    let (yes, no) = self.condition(&branch.condition, left);
                    out.extend(self.block(&branch.then, yes));
                    join(&mut out);
                    left = no;
                }
                out.extend(match otherwise {
                    Some(otherwise) => self.block(otherwise, left),
                    None => left,
                });
                let branches = std::iter::once(first).chain(more);
                let sends = branches.clone().any(|branch| self.sends(&branch.condition));
                if sends && branches.map(|branch| &branch.then).chain(otherwise.as_ref()).any(notes) {
                    out.iter_mut().for_each(|world| world.state = world.state.open(Fact::Final).open(Fact::Relayed));
                }
                join(&mut out);
                out
            }
            StatementKind::While { condition, body } => {
                let (yes, mut out) = self.condition(condition, worlds);
                self.frame.breaks.push(Worlds::new());
                let again = self.block(body, yes);
                let breaks = self.frame.breaks.pop().unwrap_or_default();
                let (_, no) = self.condition(condition, again);
                out.extend(no);
                out.extend(breaks);
                join(&mut out);
                out
            }
            StatementKind::Switch { value, cases } => self.switch(value, cases, worlds),
            StatementKind::Jump(jump, value) => {
                self.jump(statement.span, *jump, value.as_ref(), worlds);
                Worlds::new()
            }
            StatementKind::Break => {
                match self.frame.breaks.last_mut() {
                    Some(breaks) => breaks.extend(worlds),
                    None => self.frame.returns.extend(worlds.into_iter().map(|world| (world, Truth::No))),
                }
                Worlds::new()
            }
        }
    }

    fn jump(&mut self, place: Span, jump: Jump, value: Option<&'a Expression>, worlds: Worlds) {
        let mut worlds = worlds;
        if let Some(value) = value {
            worlds = self.operand(value, worlds, false);
        }
        let number = value.map_or(Some(1), constant);
        if jump == Jump::Return && number != Some(0) {
            let truth = match number {
                Some(1..) => Truth::Yes,
                Some(_) => Truth::No,
                None => Truth::Open,
            };
            self.frame.returns.extend(worlds.into_iter().map(|world| (world, truth)));
            return;
        }
        for world in worlds {
            if jump == Jump::Drop {
                self.flow.drops.push((place, world.state));
            }
            for at in 0..self.results.len() {
                let bit = self.results[at];
                let is = world.change.of(bit);
                self.need(Need { bit, on: true, place, asked: false }, is, world.state.entry);
            }
        }
    }

    fn switch(&mut self, value: &'a Expression, cases: &'a [Case], worlds: Worlds) -> Worlds {
        let mut left = self.operand(value, worlds, true);
        self.frame.breaks.push(Worlds::new());
        let mut starts: Vec<Worlds> = Vec::with_capacity(cases.len());
        for case in cases {
            let (yes, no) = match &case.label {
                CaseLabel::Value(label) => self.compared(value, label, false, left),
                CaseLabel::Regex(label) => self.compared(value, label, true, left),
                CaseLabel::Default => (Worlds::new(), left),
            };
            starts.push(yes);
            left = no;
        }
        if let Some(default) = cases.iter().position(|case| matches!(case.label, CaseLabel::Default)) {
            starts[default] = std::mem::take(&mut left);
        }
        let mut falling = Worlds::new();
        for (case, mut start) in cases.iter().zip(starts) {
            start.extend(falling);
            join(&mut start);
            falling = self.statements(&case.body, start);
        }
        let mut out = self.frame.breaks.pop().unwrap_or_default();
        out.extend(falling);
        out.extend(left);
        join(&mut out);
        out
    }

    /// A call of a function or route: the ways on which it is true, and those on which it is not.
    pub(super) fn call(&mut self, call: &'a Call, worlds: Worlds, tested: bool) -> (Worlds, Worlds) {
        let does = self.subject.script().does(call);
        let worlds = self.arguments(call, worlds, tested);
        if effect::is_told(call, does) {
            for world in &worlds {
                self.flow.reached(call, does, &world.state);
            }
        }
        if call.name.text == "route" {
            return match effect::literal(call, 0).and_then(|name| self.by_name.get(&*name).copied()) {
                Some(at) => self.called(at, worlds),
                None => (worlds.clone(), worlds),
            };
        }
        if does.contains(&Does::AskFlag)
            && effect::literal(call, 0).is_some_and(|flag| self.vetted_flags.contains(&*flag))
        {
            let vetted = worlds.iter().cloned();
            let vetted = vetted.map(|world| World { state: world.state.open(Fact::Vetted), ..world });
            return (vetted.collect(), worlds);
        }
        // Most functions change nothing that is known: the ways stay as they are.
        let marks = does.iter().any(marks_names);
        if !marks && self.is_quiet(call, does) {
            return if tested { (worlds.clone(), worlds) } else { (worlds, Worlds::new()) };
        }
        let (mut yes, mut no) = (Worlds::with_capacity(worlds.len()), Worlds::new());
        for world in worlds {
            let (holds, fails) = effect::of(call, does, world.state, tested);
            // A query that fails leaves no result; what else marks names does so in any case.
            let fills = does.iter().any(|word| matches!(word, Does::FillResult | Does::FillRows));
            if let Some(state) = fails {
                let mut next = World { state, change: world.change.clone() };
                if marks && !fills {
                    self.marked(call, does, &mut next);
                }
                no.push(next);
            }
            if let Some(state) = holds {
                let mut next = World { state, change: world.change };
                if marks {
                    self.marked(call, does, &mut next);
                }
                yes.push(next);
            }
        }
        join(&mut yes);
        join(&mut no);
        (yes, no)
    }

    fn is_quiet(&mut self, call: &Call, does: &[Does]) -> bool {
        *self.quiet.entry(std::ptr::from_ref(call).addr()).or_insert_with(|| effect::is_quiet(call, does))
    }

    fn called(&mut self, at: usize, worlds: Worlds) -> (Worlds, Worlds) {
        let (mut yes, mut no) = (Worlds::new(), Worlds::new());
        for world in worlds {
            let summary = self.route(at, world.state);
            let entered = summary.entered.unwrap_or(world.state);
            for need in &summary.needs {
                self.need(*need, world.change.of(need.bit), world.state.entry);
            }
            for (result, truth) in &summary.results {
                let next = World {
                    state: result.state.rebase(&entered, &world.state),
                    change: world.change.then(&result.change),
                };
                match truth {
                    Truth::Yes => yes.push(next),
                    Truth::No => no.push(next),
                    Truth::Open => {
                        yes.push(next.clone());
                        no.push(next);
                    }
                }
            }
        }
        join(&mut yes);
        join(&mut no);
        (yes, no)
    }

    /// Changes a part of the message, which must be as it came.
    fn rewrites(&mut self, part: &'static str, place: Span, world: &mut World) {
        let bit = self.marks.bit(Mark::Rewritten(part));
        self.untouched(part, place, world);
        world.change.set(bit, true);
    }

    /// Notes that a part of the message must be as it came.
    fn untouched(&mut self, part: &'static str, place: Span, world: &World) {
        let bit = self.marks.bit(Mark::Rewritten(part));
        let is = world.change.of(bit);
        if is != Some(false) {
            self.need(Need { bit, on: false, place, asked: false }, is, world.state.entry);
        }
    }

    /// Notes that a mark is wanted on or off, given what it is in the route at hand.
    fn need(&mut self, need: Need, is: Option<bool>, entry: RouteKind) {
        match is {
            Some(is) if is == need.on => {}
            Some(_) => self.broken(need, entry),
            None if self.frame.needs.contains(&need) => {}
            None => self.frame.needs.push(need),
        }
    }

    /// What calls do to names.
    fn marked(&mut self, call: &'a Call, does: &[Does], world: &mut World) {
        let for_result = self.subject.script().argument_for(call, Means::SqlResult);
        let result = for_result.and_then(expressions::text);
        for word in does {
            match word {
                Does::FillResult | Does::FillRows => {
                    let Some(result) = result else { continue };
                    let (seen, free) = (self.marks.bit(Mark::RowsSeen(result)), self.marks.bit(Mark::Free(result)));
                    if !self.results.contains(&free) {
                        self.results.push(free);
                    }
                    world.change.set(seen, false);
                    world.change.set(free, *word == Does::FillRows);
                }
                Does::FreeResult => {
                    let Some(result) = result else { continue };
                    let free = self.marks.bit(Mark::Free(result));
                    world.change.set(free, true);
                }
                Does::AddHeader => {
                    let header = call.args.first().and_then(expressions::text).and_then(|text| text.split_once(':'));
                    if let Some((header, _)) = header.filter(|(header, _)| !header.contains('$')) {
                        let added = self.marks.bit(Mark::Added(header.trim().to_ascii_lowercase()));
                        world.change.set(added, true);
                    }
                }
                Does::ApplyChanges => {
                    let all = self.marks.all();
                    let undone = all.filter(|(_, mark)| matches!(mark, Mark::Added(_) | Mark::Rewritten(_)));
                    for bit in undone.map(|(bit, _)| bit).collect::<Vec<_>>() {
                        world.change.set(bit, false);
                    }
                }
                Does::ChangeContact => {
                    self.untouched(CONTACT, call.span, world);
                    let bit = self.marks.bit(Mark::Rewritten(CONTACT));
                    world.change.set(bit, true);
                }
                Does::AliasContact => {
                    self.untouched(CONTACT, call.span, world);
                    self.untouched(ALIAS, call.span, world);
                    let bit = self.marks.bit(Mark::Rewritten(ALIAS));
                    world.change.set(bit, true);
                }
                _ => {}
            }
        }
    }

    /// Reads what the arguments of a call read, and writes what it writes.
    fn arguments(&mut self, call: &'a Call, worlds: Worlds, tested: bool) -> Worlds {
        let mut worlds = worlds;
        for (at, arg) in call.args.iter().enumerate() {
            let whole = match &arg.kind {
                ExpressionKind::Variable(variable) => mentions::of(variable),
                ExpressionKind::Text(text) => mentions::whole(text),
                _ => None,
            };
            if let Some(Mention { name: "var", inner: Some(name), .. }) = whole
                && self.writes(call, at)
            {
                let bit = self.marks.bit(Mark::Set(name));
                for world in &mut worlds {
                    world.change.set(bit, true);
                    self.flow.sets(name, world.state.entry, arg.span);
                }
                continue;
            }
            if let ExpressionKind::Text(text) = &arg.kind {
                // A function that is not built in may write every variable that its text names; a list of them is one that is written, as the
                // columns of sql_pvquery are.
                let is_foreign = self.subject.config.registry.functions(&call.name.text).is_empty();
                if (is_foreign && call.name.text != "route") || is_list(text) {
                    for written in mentions::variables(text).into_iter().filter(|written| written.name == "var") {
                        let bit = self.marks.bit(Mark::Set(written.inner.unwrap_or_default()));
                        worlds.iter_mut().for_each(|world| world.change.set(bit, true));
                    }
                }
                self.read(arg, tested, &mut worlds);
            } else {
                worlds = self.operand(arg, worlds, tested);
            }
        }
        worlds
    }

    /// Whether a function writes the variable that it is given as an argument. Of one that is not built in nobody knows: it may.
    fn writes(&self, call: &Call, at: usize) -> bool {
        let rows = self.subject.config.registry.functions(&call.name.text);
        let row = rows.iter().map(|(_, row)| *row).find(|row| row.arity().1 >= call.args.len());
        let kind = row.and_then(|row| row.args.get(at)).map(|arg| arg.kind);
        matches!(kind, Some(ArgKind::Target | ArgKind::Custom(_)) | None)
    }

    /// What reading an expression asks of names; looked up once for each place.
    fn reads_in(&mut self, its: &'a Expression) -> Rc<[Read]> {
        let address = std::ptr::from_ref(its).addr();
        if let Some(known) = self.reads.get(&address) {
            return known.clone();
        }
        let mut found = Vec::new();
        match &its.kind {
            ExpressionKind::Text(text) => mentions::in_text(text, &mut |mention| self.note_read(mention, &mut found)),
            ExpressionKind::Variable(variable) => {
                mentions::in_variable(variable, &mut |mention| self.note_read(mention, &mut found));
            }
            _ => {}
        }
        let found: Rc<[Read]> = found.into();
        self.reads.insert(address, found.clone());
        found
    }

    fn note_read(&mut self, mention: Mention<'a>, found: &mut Vec<Read>) {
        let Some(inner) = mention.inner else { return };
        match mention.name {
            "var" if !inner.contains('$') => found.push(Read::Variable(self.marks.bit(Mark::Set(inner)))),
            "hdr" => {
                let header = inner.trim().to_ascii_lowercase();
                found.push(Read::Header(self.marks.bit(Mark::Added(header))));
            }
            "dbr" => {
                let Some((result, what)) = inner.split_once("=>") else { return };
                let bit = self.marks.bit(Mark::RowsSeen(result.trim()));
                let is_cell = what.trim_start().starts_with('[');
                found.push(if is_cell { Read::Cell(bit) } else { Read::Rows(bit) });
            }
            _ => {}
        }
    }

    /// Reads an expression on every way.
    fn read(&mut self, its: &'a Expression, asked: bool, worlds: &mut Worlds) {
        let reads = self.reads_in(its);
        let place = its.span;
        for read in reads.iter() {
            for world in worlds.iter_mut() {
                let (bit, on) = match *read {
                    Read::Variable(bit) | Read::Cell(bit) => (bit, true),
                    Read::Header(bit) => (bit, false),
                    Read::Rows(bit) => {
                        world.change.set(bit, true);
                        continue;
                    }
                };
                self.need(Need { bit, on, place, asked }, world.change.of(bit), world.state.entry);
            }
        }
    }

    pub(super) fn assign(&mut self, assign: &'a Assign, worlds: Worlds) -> Worlds {
        let mut worlds = match &assign.value.kind {
            ExpressionKind::Call(call) => {
                let (mut yes, no) = self.call(call, worlds, true);
                yes.extend(no);
                // What was sent is known by the variable, which is not followed.
                if self.sends(&assign.value) {
                    yes.iter_mut().for_each(|world| world.state = world.state.open(Fact::Final).open(Fact::Relayed));
                }
                join(&mut yes);
                yes
            }
            _ => self.operand(&assign.value, worlds, false),
        };
        let Some(target) = mentions::of(&assign.target) else { return worlds };
        let to_null = matches!(&assign.value.kind, ExpressionKind::Variable(value) if &*value.text == b"null");
        for world in &mut worlds {
            match target.name {
                "var" => {
                    let name = target.inner.unwrap_or_default();
                    let bit = self.marks.bit(Mark::Set(name));
                    world.change.set(bit, true);
                    self.flow.sets(name, world.state.entry, assign.span);
                }
                "du" | "ru" | "rd" | "duri" | "ruri" | "nh" | "dd" if !to_null => {
                    world.state = world.state.known(Fact::Bound, true).open(Fact::UriMyself);
                }
                name => {
                    for part in rewritten(name) {
                        self.rewrites(part, assign.span, world);
                    }
                }
            }
        }
        join(&mut worlds);
        worlds
    }

    /// Evaluates an expression for its value: what it reads and calls.
    pub(super) fn operand(&mut self, its: &'a Expression, worlds: Worlds, asked: bool) -> Worlds {
        let mut worlds = worlds;
        match &its.kind {
            ExpressionKind::Int(_)
            | ExpressionKind::Text(_)
            | ExpressionKind::Select(_)
            | ExpressionKind::Word(_)
            | ExpressionKind::Address(_) => worlds,
            ExpressionKind::Variable(_) => {
                self.read(its, asked, &mut worlds);
                worlds
            }
            ExpressionKind::Unary(UnaryOperator::Not, _) | ExpressionKind::Call(_) | ExpressionKind::Block(_) => {
                self.both(its, worlds)
            }
            ExpressionKind::Unary(_, inner) => self.operand(inner, worlds, asked),
            ExpressionKind::Binary(..) if super::condition::is_condition(its) => self.both(its, worlds),
            ExpressionKind::Binary(_, left, right) => {
                let worlds = self.operand(left, worlds, asked);
                self.operand(right, worlds, asked)
            }
            ExpressionKind::Choose(three) => {
                let [condition, then, otherwise] = &**three;
                let (yes, no) = self.condition(condition, worlds);
                let mut out = self.operand(then, yes, asked);
                out.extend(self.operand(otherwise, no, asked));
                join(&mut out);
                out
            }
            ExpressionKind::Assign(assign) => self.assign(assign, worlds),
        }
    }

    /// The ways of both answers.
    fn both(&mut self, its: &'a Expression, worlds: Worlds) -> Worlds {
        let (mut yes, no) = self.condition(its, worlds);
        yes.extend(no);
        join(&mut yes);
        yes
    }

    /// Whether an expression is a call, denied or not, that answers or sends on.
    fn sends(&self, its: &Expression) -> bool {
        match &its.kind {
            ExpressionKind::Unary(UnaryOperator::Not, inner) => self.sends(inner),
            ExpressionKind::Call(call) => {
                let does = self.subject.script().does(call);
                does.iter().any(|word| matches!(word, Does::Relay | Does::Reply | Does::Save))
            }
            _ => false,
        }
    }

    pub(super) fn nested(&mut self, block: &'a Block, worlds: Worlds) -> Worlds {
        self.block(block, worlds)
    }
}

/// What the last statement of a route makes of its value.
fn ending(statements: &[Statement]) -> Truth {
    match statements.last().map(|last| &last.kind) {
        Some(StatementKind::Assign(_) | StatementKind::Empty) => Truth::Yes,
        _ => Truth::Open,
    }
}

/// The number of a constant.
pub(super) fn constant(its: &Expression) -> Option<i64> {
    match &its.kind {
        ExpressionKind::Int(number) => Some(*number),
        ExpressionKind::Unary(UnaryOperator::Negate, inner) => constant(inner).map(i64::wrapping_neg),
        _ => None,
    }
}

/// Whether a block notes in a variable that it was run: what comes later may ask.
fn notes(block: &Block) -> bool {
    block.statements.iter().any(|statement| match &statement.kind {
        StatementKind::Assign(assign) => matches!(assign.value.kind, ExpressionKind::Int(_) | ExpressionKind::Text(_)),
        _ => false,
    })
}

/// Whether a text is several variables with commas between.
fn is_list(text: &[u8]) -> bool {
    text.contains(&b',') && text.split(|byte| *byte == b',').all(|part| mentions::whole(part.trim_ascii()).is_some())
}

/// The parts of From or To that an assignment rewrites: the URI holds user and domain.
fn rewritten(name: &str) -> &'static [&'static str] {
    match name {
        "fu" => &["the user of From", "the domain of From"],
        "fU" => &["the user of From"],
        "fd" => &["the domain of From"],
        "fn" => &["the display name of From"],
        "tu" => &["the user of To", "the domain of To"],
        "tU" => &["the user of To"],
        "td" => &["the domain of To"],
        "tn" => &["the display name of To"],
        _ => &[],
    }
}

/// The parts of the Contact that functions change.
const CONTACT: &str = "Contact";
const ALIAS: &str = "the alias of Contact";

/// Whether what a function does marks names.
fn marks_names(does: &Does) -> bool {
    matches!(
        does,
        Does::FillResult
            | Does::FillRows
            | Does::FreeResult
            | Does::AddHeader
            | Does::ApplyChanges
            | Does::ChangeContact
            | Does::AliasContact
    )
}
