//! One run of a script on one message: plain data, which can be put aside while it waits.

use crate::builtin::{Locals, RouteId, RouteKind, Then, Value, Working};
use smallvec::SmallVec;

/// One run of a script on one message.
pub struct Task {
    /// The message; it is large, and handed on many times.
    pub message: Box<Working>,
    /// What lives as long as this run.
    pub locals: Locals,
    /// The kind of top-level block that runs.
    pub kind: RouteKind,
    pub(super) stack: Vec<Value>,
    pub(super) frames: SmallVec<[Frame; 4]>,
    pub(super) loops: SmallVec<[u32; 4]>,
    pub(super) place: u32,
    pub(super) last: i64,
    /// The expression at hand could not be computed.
    pub(super) failed: bool,
    pub(super) budget: u32,
    /// Bytes made since what it holds was last added up.
    pub(super) unweighed: usize,
    /// What the action at hand met, and the one before it: a number of Kamailio's `core/error.h`.
    error: i32,
    previous_error: i32,
    /// The call that waits, and what makes its outcome from the answer.
    pub(super) waiting: Option<(u32, Then)>,
}

/// A route that called another, or what stands around a block used as an operand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    /// Where it goes on.
    pub(super) place: u32,
    /// It called a route, whose code `$rc` will be.
    pub(super) called: bool,
    /// How deep blocks are nested up to here.
    pub(super) level: u32,
    /// How many values and loops it had.
    pub(super) values: u32,
    pub(super) loops: u32,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// The result of the block: of `return`, `exit` or the last action.
    pub value: i64,
    /// It ended by `exit` or `drop`, or because something returned 0.
    pub exited: bool,
    /// It ended by `drop`.
    pub dropped: bool,
    /// It was ended, for it used more than a run may.
    pub broken: bool,
}

impl Task {
    /// What an action met that tells no more: `E_UNSPEC`.
    const UNKNOWN_ERROR: i32 = -1;

    /// Instructions after which a run is ended: an endless script must not hold a worker.
    const BUDGET: u32 = 10_000_000;

    /// A run of the block `route`, whose first instruction is `entry`.
    pub fn new(message: Box<Working>, locals: Locals, kind: RouteKind, entry: u32) -> Task {
        Task {
            message,
            locals,
            kind,
            stack: Vec::new(),
            frames: SmallVec::new(),
            loops: SmallVec::new(),
            place: entry,
            last: 1,
            failed: false,
            budget: Task::BUDGET,
            unweighed: 0,
            error: Task::UNKNOWN_ERROR,
            previous_error: Task::UNKNOWN_ERROR,
            waiting: None,
        }
    }

    /// A run of a route of a program.
    #[cfg_attr(feature = "closed", expect(dead_code, reason = "for tests and benchmarks"))]
    pub fn of_route(message: Box<Working>, locals: Locals, program: &super::Program, route: RouteId) -> Task {
        let block = &program.routes[route.0 as usize];
        Task::new(message, locals, block.kind, block.entry)
    }

    /// Has a branch's task send with what is not the branch's own, or gives that back: the locals, and the flags as they stand in the
    /// request.
    pub fn swap_sending(&mut self, branch: &mut Task) {
        std::mem::swap(&mut self.locals, &mut branch.locals);
        std::mem::swap(&mut self.message.flags, &mut branch.message.flags);
        std::mem::swap(&mut self.message.target.flags, &mut branch.message.target.flags);
    }

    /// The action at hand met this: 0 when all went well, else a negative number of Kamailio's `core/error.h`.
    pub fn set_error(&mut self, error: i32) {
        self.error = error;
    }

    /// What the action before the one at hand met.
    pub fn previous_error(&self) -> i32 {
        self.previous_error
    }

    /// Kamailio keeps the error of one action beyond it, whatever kind of action that is.
    pub(super) fn begin_action(&mut self) {
        self.previous_error = std::mem::replace(&mut self.error, Task::UNKNOWN_ERROR);
    }

    /// About how many bytes it holds.
    pub fn size(&self) -> usize {
        let values = self.stack.iter().chain(&self.locals.carried.vars).chain(&self.locals.groups);
        let values = values.map(|value| size_of::<Value>() + value.size()).sum::<usize>();
        values + self.locals.avps.size() + self.message.size()
    }
}

impl std::fmt::Debug for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("Task").field("kind", &self.kind).field("place", &self.place).finish_non_exhaustive()
    }
}
