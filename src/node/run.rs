//! What a run of the script is: its task, and what it is for.

use super::fault::Fault;
use super::generation::Generation;
use super::loops::Breadth;
use super::names::Name;
use super::transaction::Transaction;
use crate::builtin::{Armed, Avps, RouteId, Target, TransactionId, Working};
use crate::script::Task;
use crate::world::{Answer, Flow, Question};
use std::collections::VecDeque;
use std::sync::Arc;

/// A run of the script, and what it is for.
pub(super) struct Run {
    pub(super) task: Task,
    pub(super) role: Role,
    /// Its call, whose other messages wait while it waits.
    pub(super) call: u64,
    /// What it took when it was put aside.
    pub(super) weight: usize,
    /// The config that it goes on in once it was put aside.
    pub(super) generation: Option<Arc<Generation>>,
}

/// A run that is to start.
#[must_use]
pub(super) struct Start {
    pub(super) message: Box<Working>,
    pub(super) avps: Avps,
    pub(super) route: RouteId,
    pub(super) role: Role,
    pub(super) call: u64,
}

/// What a run is for: what follows its end.
pub(super) enum Role {
    /// `request_route` on a request.
    Request,
    /// `reply_route` on a reply, before its transaction sees it.
    CoreReply,
    /// `onreply_route[...]` on a reply of this branch; whether the reply counts for it.
    Reply(TransactionId, u16, bool),
    /// The `onreply_route[...]` of `on_sl_reply` on a reply that belongs to no transaction.
    StrayReply,
    /// `failure_route[...]` of a transaction, with the reply that ended its last branch.
    Failure(TransactionId, Option<Box<Working>>),
    /// `branch_route[...]` on one destination of a relay.
    Branch(Box<Forking>),
    /// `event_route[core:pre-routing]` on a message, before its own block.
    BeforeRouting,
    /// `event_route[tm:branch-failure:...]` on a branch that has failed, with the reply that ended it.
    BranchFailure(TransactionId, Option<Box<Working>>),
    /// `event_route[...]`.
    Event,
}

/// What became of an effect, or of the end of a run.
pub(super) enum Performed {
    /// It is answered; the run goes on.
    Answered(Box<Run>, Answer),
    /// Another run comes first.
    Instead(Box<Run>),
    /// Something is to be asked first.
    Asks(Box<Asking>),
    /// No run goes on: it has ended, or was put aside.
    Done,
}

impl Run {
    /// About how many bytes it takes.
    pub(super) fn size(&self) -> usize {
        size_of::<Run>() + size_of_task(&self.task)
    }

    /// Goes on with what its transaction has for it.
    pub(super) fn take_from(&mut self, transaction: &Transaction, avps: Avps) {
        self.task.locals.avps = avps;
        let message = &mut self.task.message;
        if let Some(view) = message.transaction.filter(|view| view.id == transaction.id) {
            message.transaction = Some(transaction.view(view.branch, view.reply_code));
        }
        match self.role {
            Role::Reply(_, branch, _) => {
                message.flags = transaction.flags;
                message.armed.reply = transaction.armed.reply;
                message.target.flags = transaction.branches.get(branch as usize).map_or(0, |branch| branch.flags);
            }
            Role::Failure(..) | Role::BranchFailure(..) => {
                message.flags = transaction.flags;
                let Armed { failure, reply, .. } = transaction.armed;
                message.armed = Armed { failure, reply, ..message.armed };
            }
            // A request hands these over when it is relayed.
            Role::Request | Role::Branch(_) | Role::Event => {}
            Role::CoreReply | Role::StrayReply | Role::BeforeRouting => {}
        }
    }

    /// The transaction that it runs for.
    pub(super) fn transaction(&self) -> Option<TransactionId> {
        match &self.role {
            Role::Request | Role::Event => self.task.message.transaction.map(|view| view.id),
            role => role.transaction(),
        }
    }
}

impl Role {
    /// The transaction whose block it is.
    pub(super) fn transaction(&self) -> Option<TransactionId> {
        match self {
            Role::Reply(id, ..) | Role::Failure(id, _) | Role::BranchFailure(id, _) => Some(*id),
            Role::Branch(forking) => Some(forking.id),
            Role::Request | Role::Event | Role::CoreReply | Role::StrayReply | Role::BeforeRouting => None,
        }
    }
}

/// A relay on its way.
pub(super) struct Forking {
    pub(super) outer: Box<Run>,
    /// The `branch_route`.
    pub(super) route: Option<RouteId>,
    pub(super) id: TransactionId,
    /// Those whose `branch_route` is still to run.
    pub(super) targets: VecDeque<Target>,
    /// How far each of them may spread.
    pub(super) breadth: Breadth,
    /// Those that are ready: they leave together.
    pub(super) ready: VecDeque<Ready>,
    /// The first of them was seen to.
    pub(super) begun: bool,
    pub(super) sent: usize,
    pub(super) fault: Option<Fault>,
    /// Nobody but the script learns what failed.
    pub(super) within: bool,
}

impl Forking {
    /// The message that leaves to one that is ready.
    pub(super) fn message<'a>(&'a self, ready: &'a Ready) -> &'a Working {
        ready.task.as_ref().map_or(&self.outer.task.message, |task| &task.message)
    }
}

/// A destination that a relay sends to next.
pub(super) struct Ready {
    pub(super) target: Target,
    /// The run of its `branch_route`, whose message leaves.
    pub(super) task: Option<Task>,
}

/// A request on its way that something has to be asked for first.
pub(super) struct Asking {
    pub(super) about: About,
    pub(super) what: Sending,
}

/// What has to be asked.
pub(super) enum About {
    /// Where a name leads.
    Name(Name),
    /// Whether there is a connection, where the script wants none opened.
    Connection(Flow),
}

impl About {
    pub(super) fn question(&self) -> Question {
        match self {
            About::Name(name) => name.question().into(),
            About::Connection(flow) => Question::Connection(*flow),
        }
    }
}

/// What leaves once the answer is there.
pub(super) enum Sending {
    /// The first of the branches of a relay that are ready.
    Branch(Box<Forking>),
    /// A request without a transaction.
    Stateless(Box<Run>),
}

impl Asking {
    /// The run that waits for it.
    pub(super) fn run(&mut self) -> &mut Run {
        match &mut self.what {
            Sending::Branch(forking) => &mut forking.outer,
            Sending::Stateless(run) => run,
        }
    }

    /// About how many bytes it takes.
    pub(super) fn size(&self) -> usize {
        let of_ready = |ready: &Ready| size_of::<Ready>() + ready.task.as_ref().map_or(0, size_of_task);
        match &self.what {
            Sending::Branch(forking) => {
                let ready = forking.ready.iter().map(of_ready).sum::<usize>();
                size_of::<Forking>() + forking.outer.size() + ready
            }
            Sending::Stateless(run) => run.size(),
        }
    }
}

fn size_of_task(task: &Task) -> usize {
    task.message.message.bytes().len() + task.size()
}
