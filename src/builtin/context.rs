//! What a function or variable sees while it runs.

use super::avp::Avps;
use super::background::{Command, State};
use super::counters::{AskMemory, Counters};
use super::log::{LogLevel, LogLine};
use super::meter::{Line, Meter};
use super::random::Random;
use super::regex_cache::RegexCache;
use super::settings::{Settings, Sockets};
use super::trace::{Trace, TraceEvent};
use super::working::Working;
use crate::language::{Extension, Extensions, RouteKind, Value};
use crate::sip::one_line;
use crate::time::Now;
use crate::world::ModuleId;
use bytes::Bytes;
use jiff::tz::TimeZone;
use rustc_hash::FxHashSet;
use std::any::Any;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

/// A route block by its place in the program.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct RouteId(pub u16);

/// What a function or variable sees and may change while it runs.
#[derive(Debug)]
pub struct Context<'a> {
    /// The present.
    pub now: Now,
    /// The message being routed.
    pub message: &'a mut Working,
    /// What lives as long as this run of the script.
    pub locals: &'a mut Locals,
    /// What lives as long as the worker.
    pub core: &'a mut Core,
    /// The module whose row runs.
    pub module: ModuleId,
    /// The kind of top-level block that runs.
    pub route: RouteKind,
}

impl Context<'_> {
    /// The state that the running module made at start; `None` when it made no `T`.
    pub fn state<T: State>(&self) -> Option<StateOf<T>> {
        self.core.state(self.module)
    }

    /// What the running module keeps for the blocks of this message, made when first asked for.
    pub fn local<T: Any + Default + Send>(&mut self) -> &mut T {
        self.locals.carried.of_module(self.module)
    }

    /// What the running module keeps for the message at hand only: another message of the same call finds it empty.
    pub fn local_of_message<T: Any + Default + Send>(&mut self) -> &mut T {
        let message = Some(self.message.id);
        let kept = self.local::<OfMessage<T>>();
        if kept.message != message {
            *kept = OfMessage { message, kept: T::default() };
        }
        &mut kept.kept
    }

    /// A value that is written into a header or a first line, up to the line end where another would begin (extension `header-values-on-one-line`).
    pub fn on_one_line(&self, value: Bytes) -> Bytes {
        let kept = one_line(&value).len();
        if kept < value.len() && self.core.extensions.allows(Extension::HeaderValuesOnOneLine) {
            return value.slice(..kept);
        }
        value
    }

    /// Logs a line of the running module.
    pub fn log(&mut self, level: LogLevel, text: impl Into<String>) {
        self.core.log(level, text);
    }
}

/// What a module keeps for one message.
#[derive(Default)]
struct OfMessage<T> {
    message: Option<u64>,
    kept: T,
}

/// What a run of the script holds beside its message.
#[derive(Debug, Default)]
pub struct Locals {
    /// What blocks hand on to each other.
    pub carried: Carried,
    /// `$rc`: the last return code of a function or route.
    pub return_code: i64,
    /// `$sf`: flags 0 to 31 of this run.
    pub script_flags: u32,
    /// Text of the group that the last guarding `=~` matched, by nesting: what `$re` reads under its extension.
    pub groups: Vec<Value>,
    /// AVPs and XAVPs; they follow the transaction.
    pub avps: Avps,
}

/// What the blocks that one message runs hand on to each other, whichever message or transaction they work on: in Kamailio one process
/// runs them all.
#[derive(Debug, Default)]
pub struct Carried {
    /// `$var`, by slot.
    pub vars: Vec<Value>,
    modules: Vec<Option<Box<dyn Any + Send>>>,
}

impl Carried {
    /// Forgets what modules keep, so that locks held here are let go; `$var` too, unless it lives on.
    pub fn forget(&mut self, vars_too: bool) {
        self.modules.clear();
        if vars_too {
            self.vars.clear();
        }
    }

    /// Writes a `$var` by its slot.
    pub fn set_var(&mut self, at: usize, value: Value) {
        if self.vars.len() <= at {
            self.vars.resize(at + 1, Value::Null);
        }
        if let Some(place) = self.vars.get_mut(at) {
            *place = value;
        }
    }

    /// What a module keeps here, made when first asked for.
    pub fn of_module<T: Any + Default + Send>(&mut self, module: ModuleId) -> &mut T {
        let slot = self.slot(module);
        if !slot.as_ref().is_some_and(|kept| kept.is::<T>()) {
            *slot = Some(Box::new(T::default()));
        }
        match slot.as_mut().and_then(|kept| kept.downcast_mut()) {
            Some(kept) => kept,
            None => unreachable!("the slot was just filled with a value of this type"),
        }
    }

    /// Has a module find this here.
    pub fn keep(&mut self, module: ModuleId, kept: Box<dyn Any + Send>) {
        *self.slot(module) = Some(kept);
    }

    fn slot(&mut self, module: ModuleId) -> &mut Option<Box<dyn Any + Send>> {
        let at = module.0 as usize;
        if self.modules.len() <= at {
            self.modules.resize_with(at + 1, || None);
        }
        &mut self.modules[at]
    }
}

/// What lives as long as a worker and is seen by everything that runs on it.
#[derive(Debug)]
pub struct Core {
    /// The settings of the config.
    pub settings: Arc<Settings>,
    /// The extensions in force.
    pub extensions: Extensions,
    /// Where the server listens.
    pub sockets: Arc<Sockets>,
    /// Randomness.
    pub random: Random,
    /// Patterns known only at run time.
    pub regexes: RegexCache,
    /// Lines to be logged, taken by the host after each step.
    pub log: Vec<LogLine>,
    /// What the work at hand uses.
    pub meter: Meter,
    /// What was logged already and is worth saying once.
    pub reported: FxHashSet<&'static str>,
    /// What the node is asked to do after this step, in order.
    pub commands: Vec<Command>,
    /// What happened, when somebody watches (`alanui test`).
    pub trace: Option<Box<Trace>>,
    /// What the server counts.
    pub counters: Counters,
    /// The time zone that the server stands in.
    pub zone: TimeZone,
    /// How much memory there is.
    pub memory: AskMemory,
    /// The state of every module, by [`ModuleId`]. The list is this worker's own, so that who holds a state counts where no other worker does.
    pub modules: Arc<[Arc<dyn State>]>,
}

/// The state of a module, held while it is used.
pub struct StateOf<T> {
    states: Arc<[Arc<dyn State>]>,
    at: usize,
    kind: PhantomData<fn() -> T>,
}

impl<T: State> Deref for StateOf<T> {
    type Target = T;

    fn deref(&self) -> &T {
        let state: &dyn Any = &*self.states[self.at];
        match state.downcast_ref() {
            Some(state) => state,
            None => unreachable!("its type was looked at when this was made"),
        }
    }
}

impl<T: State + Default> Default for StateOf<T> {
    fn default() -> StateOf<T> {
        let state: Arc<dyn State> = Arc::new(T::default());
        StateOf { states: Arc::from([state]), at: 0, kind: PhantomData }
    }
}

impl<T> Clone for StateOf<T> {
    fn clone(&self) -> StateOf<T> {
        StateOf { states: self.states.clone(), at: self.at, kind: PhantomData }
    }
}

impl Core {
    /// Whether a message with so many further branches may have another one.
    pub fn has_room_for_branch(&self, branches: usize) -> bool {
        branches + 1 < self.settings.max_branches
    }

    /// The state that a module made at start; `None` when it made no `T`.
    pub fn state<T: State>(&self, module: ModuleId) -> Option<StateOf<T>> {
        let at = module.0 as usize;
        let state: &dyn Any = &**self.modules.get(at)?;
        state.is::<T>().then(|| StateOf { states: self.modules.clone(), at, kind: PhantomData })
    }

    /// Whether a line of this level would be seen.
    pub fn logs(&self, level: LogLevel) -> bool {
        level as i8 <= self.settings.debug || self.trace.is_some()
    }

    /// Keeps a line for the log, when the level is seen.
    pub fn log(&mut self, level: LogLevel, text: impl Into<String>) {
        if self.logs(level) {
            self.write_line(LogLine { level, from_script: false, text: text.into() });
        }
    }

    /// Keeps a line for the log, until the message at hand has logged too much.
    pub fn write_line(&mut self, line: LogLine) {
        match self.meter.line(line.text.len()) {
            Line::Kept => self.log.push(line),
            Line::First => {
                let text = "this message logs too much: its further lines are left out".to_owned();
                self.log.push(LogLine { level: LogLevel::Error, from_script: false, text });
            }
            Line::LeftOut => {}
        }
    }

    /// Keeps a line for the log the first time that this worker has something to say about `what`.
    pub fn log_once(&mut self, level: LogLevel, what: &'static str, text: impl FnOnce() -> String) {
        if self.reported.insert(what) {
            self.log(level, text());
        }
    }

    /// Notes what happened, when somebody watches; `event` is only made then.
    pub fn trace(&mut self, event: impl FnOnce() -> TraceEvent) {
        if let Some(trace) = &mut self.trace {
            trace.events.push((self.log.len(), event()));
        }
    }
}
