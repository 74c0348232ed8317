//! Runs a task until it ends or wants something.

use super::op::Op;
use super::program::{Program, SwitchLabel, SwitchTable};
use super::task::{End, Frame, Task};
use crate::builtin::{
    Answer, Args, CallSite, Context, Core, Effect, LogLevel, MOST_HELD, ModuleId, Outcome, RouteId, RouteKind,
    TraceEvent, Value, parse_int,
};
use crate::language::{BinaryOperator, UnaryOperator, add_ints, apply, apply_test, apply_unary, reads_as_ints};
use crate::source::Span;
use crate::time::Now;

/// Why the machine stopped.
#[derive(Debug)]
pub enum Step {
    /// The run is over.
    Done(End),
    /// The task waits for an answer to this.
    Wait(Effect),
}

/// Runs a task until it ends or wants something. `answer` is that to what it last wanted; a task that waits does not run without it.
pub fn run(program: &Program, task: &mut Task, core: &mut Core, now: Now, answer: Option<Answer>) -> Step {
    let mut machine = Machine { program, task, core, now };
    if let Some((call, then)) = machine.task.waiting.take() {
        let Some(answer) = answer else {
            machine.task.waiting = Some((call, then));
            return Step::Done(End { value: -1, exited: true, dropped: false, broken: false });
        };
        match machine.resume(call, then, answer) {
            Flow::Next => {}
            Flow::Stop(step) => return step,
        }
    }
    machine.run()
}

struct Machine<'a> {
    program: &'a Program,
    task: &'a mut Task,
    core: &'a mut Core,
    now: Now,
}

enum Flow {
    Next,
    Stop(Step),
}

impl Machine<'_> {
    fn run(&mut self) -> Step {
        // Watching costs nothing where nobody watches.
        if self.core.trace.is_some() { self.execute::<true>() } else { self.execute::<false>() }
    }

    fn execute<const WATCHED: bool>(&mut self) -> Step {
        let program = self.program;
        let mut before = None;
        loop {
            if WATCHED {
                self.watch(before);
                before = Some(self.task.place);
            }
            let Some(op) = program.code.get(self.task.place as usize) else {
                return self.end(-1, false);
            };
            self.task.place += 1;
            self.task.budget = self.task.budget.saturating_sub(1);
            if self.task.budget == 0 {
                return self.stop("the script did not come to an end and was stopped");
            }
            let made = self.core.meter.take_made();
            if made > 0 && self.holds_too_much(made) {
                return self.stop("the script makes more than a run may hold and was stopped");
            }
            match *op {
                Op::Null => self.push(Value::Null),
                Op::Int(number) => self.push(Value::Int(i64::from(number))),
                Op::Constant(at) => self.push(program.constants[at as usize].clone()),
                Op::Load(at) => {
                    let value = program.references[at as usize].value(&mut self.context());
                    self.push(value);
                }
                Op::LoadTruth => self.push(Value::truth(self.task.last > 0)),
                Op::LoadLast => self.push(Value::Int(self.task.last)),
                Op::Unary(operator) => self.unary(operator),
                Op::Binary(operator) => self.binary(operator),
                Op::AddInts => {
                    let (right, left) = (self.pop(), self.pop());
                    self.read_as_int(&left);
                    self.read_as_int(&right);
                    self.push(add_ints(&left, &right));
                }
                Op::Test(kind, operator) => {
                    let (right, left) = (self.pop(), self.pop());
                    let holds = apply_test(kind, operator, &left, &right);
                    if holds.is_none() {
                        self.core.log(LogLevel::Critical, "a number cannot be compared with a string");
                        self.task.failed = true;
                    }
                    self.push(Value::truth(holds.unwrap_or(false)));
                }
                Op::IsNull => {
                    let value = self.pop();
                    self.push(Value::truth(value.is_nothing()));
                }
                Op::Match(at) => {
                    let text = self.pop().to_text();
                    self.push(Value::truth(program.regexes[at as usize].is_match(&text)));
                }
                Op::MatchGroup(at, level) => self.match_group(at, level),
                Op::MatchComputed => self.match_computed(),
                Op::Truth => {
                    let value = self.pop_number();
                    self.push(Value::truth(value != 0));
                }
                Op::Jump(place) => self.task.place = place,
                Op::JumpUnless(place) => {
                    let holds = self.pop_number() > 0;
                    if std::mem::take(&mut self.task.failed) || !holds {
                        self.task.place = place;
                    }
                }
                Op::JumpIfZero(place) => {
                    if self.pop_number() == 0 {
                        self.push(Value::Int(0));
                        self.task.place = place;
                    }
                }
                Op::JumpIfNotZero(place) => {
                    if self.pop_number() != 0 {
                        self.push(Value::Int(1));
                        self.task.place = place;
                    }
                }
                Op::Switch(at) => {
                    let value = self.pop();
                    if WATCHED {
                        let span = self.span();
                        let value = String::from_utf8_lossy(&value.to_text()).into_owned();
                        self.core.trace(|| TraceEvent::Switch { value, span });
                    }
                    let table = &program.switches[at as usize];
                    if let Some((SwitchLabel::Int(_), _)) = table.labels.first() {
                        self.read_as_int(&value);
                    }
                    self.task.place = match std::mem::take(&mut self.task.failed) {
                        true => table.otherwise,
                        false => target(table, &value),
                    };
                }
                Op::Store(at) => self.store(at),
                Op::StoreMade(at) => {
                    let is_null = self.task.stack.last().is_none_or(Value::is_null);
                    self.store(at);
                    if is_null {
                        self.core.log(LogLevel::Error, "the right side of an assignment has no value");
                        self.task.last = -1;
                    }
                }
                Op::Action => self.task.begin_action(),
                Op::SetLast(value) => self.task.last = i64::from(value),
                Op::Call(at) => match self.call(at) {
                    Flow::Next => {}
                    Flow::Stop(step) => return step,
                },
                Op::Route(route, depth) => self.enter(RouteId(route), depth),
                Op::RouteNamed(depth) => self.enter_named(depth),
                Op::Operand(place) => {
                    if self.task.failed {
                        self.task.place = place;
                        self.push(Value::Null);
                    } else {
                        self.task.locals.return_code = 0;
                    }
                }
                Op::ChooseUnless(place) => {
                    if self.pop_number() <= 0 {
                        self.task.place = place;
                    }
                }
                Op::IfInt(place) => {
                    if matches!(self.task.stack.last(), Some(Value::Int(_) | Value::Unset)) {
                        self.task.place = place;
                    }
                }
                Op::Fill => {
                    let value = self.pop();
                    self.push(if value.is_null() { Value::text("") } else { value });
                }
                Op::EnterBlock(end, depth) => self.enter_block(end, depth),
                Op::LoopEnter => self.task.loops.push(0),
                Op::LoopWhile(place) => {
                    let ends = self.pop_number() == 0;
                    if std::mem::take(&mut self.task.failed) || ends {
                        self.task.place = place;
                    }
                }
                Op::LoopCount(place) => self.count_loop(place),
                Op::LoopLeave => {
                    self.task.loops.pop();
                }
                Op::Return => {
                    let value = self.pop_int();
                    if value == 0 {
                        self.tell_end("return 0");
                        return self.end(0, false);
                    }
                    if let Some(step) = self.leave(value) {
                        return step;
                    }
                }
                Op::End => {
                    if let Some(step) = self.leave(self.task.last) {
                        return step;
                    }
                }
                Op::Exit => {
                    let value = self.pop_int();
                    self.tell_end("exit");
                    return self.end(value, false);
                }
                Op::Drop => {
                    let value = self.pop_int();
                    self.tell_end("drop");
                    return self.end(value, true);
                }
            }
        }
    }

    /// Takes note of what an instruction made: copying takes time, and what is kept takes space. What a run holds is added up whenever it has made a
    /// good part of what it may hold.
    fn holds_too_much(&mut self, made: usize) -> bool {
        const BYTES_OF_AN_INSTRUCTION: usize = 8;
        const WEIGHED: usize = MOST_HELD / 8;
        let cost = u32::try_from(made / BYTES_OF_AN_INSTRUCTION).unwrap_or(u32::MAX);
        // The instruction that comes next finds it used up.
        self.task.budget = self.task.budget.saturating_sub(cost).max(1);
        self.task.unweighed = self.task.unweighed.saturating_add(made);
        if self.task.unweighed < WEIGHED {
            return false;
        }
        self.task.unweighed = 0;
        self.task.size() > MOST_HELD
    }

    /// Ends a run that uses more than it may.
    fn stop(&mut self, why: &str) -> Step {
        // This line is never among those that are left out.
        self.core.meter.begin();
        self.core.log(LogLevel::Critical, why);
        self.tell_endless();
        // What it held need not live until its message is answered.
        self.task.stack.clear();
        Step::Done(End { value: -1, exited: true, dropped: false, broken: true })
    }

    /// The place in the text of the instruction at hand.
    fn span(&self) -> Span {
        let at = (self.task.place as usize).saturating_sub(1);
        self.program.spans.get(at).copied().unwrap_or_default()
    }

    fn tell_end(&mut self, how: &'static str) {
        if self.core.trace.is_some() {
            let span = self.span();
            self.core.trace(|| TraceEvent::End { how, span });
        }
    }

    fn tell_endless(&mut self) {
        let span = self.span();
        if let Some(trace) = &mut self.core.trace {
            trace.endless.push(span);
        }
    }

    /// Counts the instruction that comes next, and tells which way the one before went.
    fn watch(&mut self, before: Option<u32>) {
        let Some(trace) = &mut self.core.trace else { return };
        if let Some(budget) = trace.budget {
            self.task.budget = self.task.budget.min(budget);
        }
        let next = self.task.place;
        if (next as usize) < self.program.code.len() {
            trace.reached.count(next as usize);
        }
        let Some(before) = before else { return };
        let Some(op) = self.program.code.get(before as usize).filter(|op| op.has_ways()) else { return };
        trace.reached.count_way(before, next);
        if let Op::JumpUnless(_) | Op::LoopWhile(_) | Op::ChooseUnless(_) = op {
            let span = self.program.spans.get(before as usize).copied().unwrap_or_default();
            trace.events.push((self.core.log.len(), TraceEvent::Condition { span, holds: next == before + 1 }));
        }
    }

    fn context(&mut self) -> Context<'_> {
        Context {
            now: self.now,
            message: &mut self.task.message,
            locals: &mut self.task.locals,
            core: self.core,
            module: ModuleId(0),
            route: self.task.kind,
        }
    }

    fn push(&mut self, value: Value) {
        self.task.stack.push(value);
    }

    /// The compiler pushes before it pops; a missing value reads as undefined.
    fn pop(&mut self) -> Value {
        self.task.stack.pop().unwrap_or_default()
    }

    fn pop_int(&mut self) -> i64 {
        let value = self.pop_number();
        if std::mem::take(&mut self.task.failed) { -1 } else { value }
    }

    /// The top as a 32-bit integer.
    fn pop_number(&mut self) -> i64 {
        let value = self.pop();
        self.read_as_int(&value);
        i64::from(value.to_int() as i32)
    }

    /// Kamailio warns where it reads a string that is no number as an integer, and goes on with 0.
    fn read_as_int(&mut self, value: &Value) {
        if let Value::Text(text) = value
            && parse_int(text).is_none()
        {
            let text = String::from_utf8_lossy(text);
            self.core.log(LogLevel::Warning, format!("\"{text}\" is no number and counts as 0"));
        }
    }

    fn unary(&mut self, operator: UnaryOperator) {
        let operand = self.pop();
        if matches!(operator, UnaryOperator::Not | UnaryOperator::Negate | UnaryOperator::BitNot | UnaryOperator::ToInt)
        {
            self.read_as_int(&operand);
        }
        self.push(apply_unary(operator, operand));
    }

    fn binary(&mut self, operator: BinaryOperator) {
        let (right, left) = (self.pop(), self.pop());
        let (left_is_int, right_is_int) = reads_as_ints(operator, &left);
        if left_is_int {
            self.read_as_int(&left);
        }
        if right_is_int {
            self.read_as_int(&right);
        }
        match apply(operator, left, right) {
            Some(value) => {
                self.core.meter.make(value.size());
                self.push(value);
            }
            None => {
                self.core.log(LogLevel::Error, "division by zero");
                self.task.failed = true;
                self.push(Value::Null);
            }
        }
    }

    fn match_group(&mut self, at: u32, level: u16) {
        let text = self.pop().to_text();
        let group = self.program.regexes[at as usize].first_group(&text);
        self.push(Value::truth(group.is_some()));
        if let Some(range) = group {
            let groups = &mut self.task.locals.groups;
            if groups.len() <= level as usize {
                groups.resize(level as usize + 1, Value::Null);
            }
            groups[level as usize] = Value::Text(text.slice(range));
        }
    }

    fn match_computed(&mut self) {
        let (pattern, text) = (self.pop().to_text(), self.pop().to_text());
        let compiled = self.core.regexes.compile_ignoring_case(&pattern, self.core.extensions);
        if compiled.is_none() {
            self.core.log(LogLevel::Error, format!("bad regular expression '{}'", String::from_utf8_lossy(&pattern)));
            self.task.failed = true;
        }
        self.push(Value::truth(compiled.is_some_and(|pattern| pattern.is_match(&text))));
    }

    fn store(&mut self, at: u32) {
        let value = self.pop();
        if std::mem::take(&mut self.task.failed) {
            self.task.last = -1;
            return;
        }
        // Of a value with both forms the text is kept.
        let value = match value {
            Value::Both(_, text) => Value::Text(text),
            value => value,
        };
        let reference = &self.program.references[at as usize];
        let written = self.core.trace.is_some().then(|| shown(&value));
        let done = reference.assign(&mut self.context(), value);
        if let Some(value) = written {
            let (name, span, value) = (reference.text.to_string(), self.span(), value.filter(|_| done.is_ok()));
            self.core.trace(|| TraceEvent::Set { name, value, span });
        }
        // A value that is kept takes more than its text.
        self.core.meter.make(32);
        self.task.last = if done.is_ok() { 1 } else { -1 };
        if let Err(fault) = done {
            self.core.log(LogLevel::Error, fault.message);
        }
    }

    fn call(&mut self, at: u32) -> Flow {
        let (site, computed) = &self.program.calls[at as usize];
        if std::mem::take(&mut self.task.failed) {
            // An argument could not be computed.
            self.task.stack.truncate(self.task.stack.len().saturating_sub(usize::from(*computed)));
            self.task.last = -1;
            return Flow::Next;
        }
        let (outcome, args) = self.with_args(site, *computed, |cx, args| {
            let described = cx.core.trace.is_some().then(|| describe(cx, site, args));
            ((site.function.run)(cx, args), described)
        });
        self.settle(at, outcome, args)
    }

    fn resume(&mut self, at: u32, then: crate::builtin::Then, answer: Answer) -> Flow {
        let (site, computed) = &self.program.calls[at as usize];
        let (outcome, args) = self.with_args(site, *computed, |cx, args| {
            let described = cx.core.trace.is_some().then(|| describe(cx, site, args));
            (then(cx, args, answer), described)
        });
        self.settle(at, outcome, args)
    }

    /// Runs something with the arguments of a call: its computed ones lie on top of the stack and stay there.
    fn with_args<T>(&mut self, site: &CallSite, computed: u8, body: impl FnOnce(&mut Context, &Args) -> T) -> T {
        let base = self.task.stack.len().saturating_sub(usize::from(computed));
        let mut context = Context {
            now: self.now,
            message: &mut self.task.message,
            locals: &mut self.task.locals,
            core: self.core,
            module: site.module,
            route: self.task.kind,
        };
        body(&mut context, &Args::new(site, &self.task.stack[base..]))
    }

    fn settle(&mut self, at: u32, outcome: Outcome, args: Option<String>) -> Flow {
        let (site, computed) = &self.program.calls[at as usize];
        let code = match outcome {
            Outcome::Wait(Effect::Enter(route), _) => {
                let base = self.task.stack.len().saturating_sub(usize::from(*computed));
                self.task.stack.truncate(base);
                self.enter(route, 0);
                return Flow::Next;
            }
            Outcome::Wait(effect, then) => {
                self.task.waiting = Some((at, then));
                return Flow::Stop(Step::Wait(effect));
            }
            Outcome::Return(code) => code,
        };
        if let Some(args) = args {
            self.core.trace(|| TraceEvent::Call {
                name: site.name,
                args,
                code,
                does: site.function.does,
                span: site.span,
            });
        }
        let base = self.task.stack.len().saturating_sub(usize::from(*computed));
        self.task.stack.truncate(base);
        self.task.last = i64::from(code);
        // Core statements leave $rc alone, as in Kamailio.
        if site.module != ModuleId(0) {
            self.task.locals.return_code = i64::from(code);
        }
        if code == 0 { Flow::Stop(self.end(0, false)) } else { Flow::Next }
    }

    fn enter(&mut self, route: RouteId, depth: u16) {
        if self.push_frame(self.task.place, true, depth) {
            let block = &self.program.routes[route.0 as usize];
            self.core.trace(|| TraceEvent::Route { kind: block.kind, name: block.name.clone(), span: block.head });
            self.task.place = block.entry;
        }
    }

    fn enter_block(&mut self, end: u32, depth: u16) {
        if !self.push_frame(end, false, depth) {
            self.task.place = end;
        }
    }

    /// Goes one level deeper; false when that is too deep.
    fn push_frame(&mut self, place: u32, called: bool, depth: u16) -> bool {
        let level = self.task.frames.last().map_or(0, |frame| frame.level) + u32::from(depth) + 1;
        if level >= self.core.settings.max_recursive_level {
            self.core.log(LogLevel::Error, "too many nested routes and blocks");
            self.task.last = -1;
            return false;
        }
        let (values, loops) = (self.task.stack.len() as u32, self.task.loops.len() as u32);
        self.task.frames.push(Frame { place, called, level, values, loops });
        self.task.last = 1;
        true
    }

    fn enter_named(&mut self, depth: u16) {
        let name = self.pop().to_text();
        if std::mem::take(&mut self.task.failed) {
            self.task.last = -1;
            return;
        }
        let name = String::from_utf8_lossy(&name);
        match self.program.route(RouteKind::Request, &name) {
            Some(route) => self.enter(route, depth),
            None => {
                self.core.log(LogLevel::Error, format!("route({name}) does not exist"));
                self.task.last = -1;
            }
        }
    }

    fn count_loop(&mut self, place: u32) {
        let limit = self.core.settings.max_while_loops;
        let Some(count) = self.task.loops.last_mut() else { return };
        *count += 1;
        if limit != 0 && *count > limit {
            self.core
                .log(LogLevel::Error, format!("a while loop was ended after {limit} iterations (max_while_loops)"));
            self.tell_endless();
            self.task.last = -1;
            self.task.place = place;
        }
    }

    /// Leaves a route with a result; the run is over when nobody called it.
    fn leave(&mut self, value: i64) -> Option<Step> {
        let Some(frame) = self.task.frames.pop() else {
            return Some(Step::Done(End { value, exited: false, dropped: false, broken: false }));
        };
        self.task.stack.truncate(frame.values as usize);
        self.task.loops.truncate(frame.loops as usize);
        self.task.place = frame.place;
        self.task.last = value;
        if frame.called {
            self.task.locals.return_code = value;
            self.tell_back(frame.place);
        }
        None
    }

    /// Tells which block goes on at a place.
    fn tell_back(&mut self, place: u32) {
        if self.core.trace.is_none() {
            return;
        }
        let before = self.program.routes.iter().filter(|block| block.entry <= place);
        if let Some(block) = before.max_by_key(|block| block.entry) {
            self.core.trace(|| TraceEvent::Back { kind: block.kind, name: block.name.clone() });
        }
    }

    fn end(&mut self, value: i64, dropped: bool) -> Step {
        if dropped {
            self.task.message.dropped = true;
        }
        Step::Done(End { value, exited: true, dropped, broken: false })
    }
}

/// A value for those who watch; `None` when it is undefined.
fn shown(value: &Value) -> Option<String> {
    (!value.is_null()).then(|| String::from_utf8_lossy(&value.to_text()).into_owned())
}

/// Where a `switch` over this value goes.
fn target(table: &SwitchTable, value: &Value) -> u32 {
    let found = match table.labels.first() {
        None => None,
        Some((SwitchLabel::Int(_), _)) => {
            let number = value.to_int();
            table.labels.iter().find(|(label, _)| matches!(label, SwitchLabel::Int(its) if *its == number))
        }
        Some(_) => {
            let text = value.to_text();
            table.labels.iter().find(|(label, _)| match label {
                SwitchLabel::Text(its) => *its == text,
                SwitchLabel::Regex(pattern) => pattern.is_match(&text),
                SwitchLabel::Int(_) => false,
            })
        }
    };
    found.map_or(table.otherwise, |(_, place)| *place)
}

fn describe(cx: &mut Context, site: &CallSite, args: &Args) -> String {
    use crate::builtin::Argument;
    let mut out = Vec::new();
    for (at, argument) in site.args.iter().enumerate() {
        if at > 0 {
            out.extend_from_slice(b", ");
        }
        match argument {
            Argument::Int(_) | Argument::Computed(_) => args.value(cx, at).print(&mut out),
            Argument::Template(template) => match template.variable() {
                Some(reference) => reference.value(cx).print(&mut out),
                None => {
                    out.push(b'"');
                    template.expand(cx, &mut out);
                    out.push(b'"');
                }
            },
            Argument::Target(reference) => out.extend_from_slice(reference.text.as_bytes()),
            Argument::Regex(regex) => out.extend_from_slice(regex.source().as_bytes()),
            Argument::Route(_, text) | Argument::Custom(_, text) => out.extend(format!("\"{text}\"").into_bytes()),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
