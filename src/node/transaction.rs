//! One transaction as the node keeps it: the machines, the messages they send, and what the script left with it.

use super::generation::Generation;
use crate::builtin::{
    Armed, Avps, FailureReplyMode, MessageFlags, ModuleId, Received, TransactionId, TransactionView, Working,
};
use crate::sip::{HeaderName, Message, Method};
use crate::time::Tick;
use crate::transaction::{
    Key, Timer, TimerId, Timers, client_invite, client_non_invite, server_invite, server_non_invite,
};
use crate::world::{Flow, SendFlags, Ticket};
use bytes::Bytes;
use std::sync::Arc;

/// A request, the replies to it, and the branches it went out on.
pub(super) struct Transaction {
    pub(super) id: TransactionId,
    /// The request as it arrived; for an own request as it was sent.
    pub(super) request: Message,
    pub(super) received: Received,
    /// The config that it began in, and ends in.
    pub(super) generation: Arc<Generation>,
    pub(super) is_invite: bool,
    pub(super) born: Tick,
    pub(super) timers: Timers,
    /// What scripts want of them: `fr_inv_timer` and `fr_timer` in milliseconds.
    pub(super) wanted_timers: (Option<u32>, Option<u32>),
    /// The side towards the caller; `None` for an own request.
    pub(super) server: Option<Side>,
    pub(super) branches: Vec<Branch>,
    /// The module that sent it, and its tag, when it is an own request.
    pub(super) owner: Option<(ModuleId, u64)>,
    /// The message as it stood when it was relayed, for `failure_route`.
    pub(super) relayed: Option<Box<Working>>,
    pub(super) avps: Avps,
    pub(super) flags: MessageFlags,
    /// What its further branches begin with.
    pub(super) armed: Armed,
    pub(super) force_rport: bool,
    /// The Request-URI that the script had set as the transaction began; only where a Warning tells it.
    pub(super) uri: Option<Bytes>,
    /// Header lines for replies made here.
    pub(super) reply_headers: Vec<u8>,
    /// The body of replies made here.
    pub(super) reply_body: Bytes,
    pub(super) canceled: bool,
    /// Header lines for the CANCELs of its branches: the Reason of the caller's CANCEL.
    pub(super) cancel_headers: Vec<u8>,
    /// A `failure_route`, or one for a failed branch, of this transaction is running or waiting.
    pub(super) failing: bool,
    /// The fault of the last relay, answered when the script ends without a reply.
    pub(super) fault: Option<super::fault::Fault>,
    /// The code of the last reply sent to the caller.
    pub(super) sent_code: u16,
    /// Callees whose 2xx was relayed, and whose ACK has not passed yet (RFC 6026).
    pub(super) unacknowledged: u16,
    /// Runs for it that wait.
    pub(super) waiting: u16,
    /// What it took when it was last weighed.
    pub(super) weight: usize,
    /// The INVITE with which an ACK for our own 2xx is recognised.
    pub(super) keys: Vec<Key>,
}

/// The machine towards the caller.
pub(super) struct Side {
    pub(super) machine: Server,
    pub(super) kept: Option<Bytes>,
    pub(super) flow: Flow,
    pub(super) send_flags: SendFlags,
    pub(super) timers: TimerSet,
}

pub(super) enum Server {
    Invite(server_invite::State),
    Other(server_non_invite::State),
}

/// One outgoing branch.
pub(super) struct Branch {
    pub(super) machine: Client,
    pub(super) key: Key,
    pub(super) sent: Bytes,
    pub(super) flow: Flow,
    pub(super) send_flags: SendFlags,
    pub(super) timers: TimerSet,
    /// The final code that counts; 0 while there is none.
    pub(super) code: u16,
    /// The failure that counts; `None` when the code was made here, and for a 2xx.
    pub(super) reply: Option<Box<Message>>,
    pub(super) replied: bool,
    /// How much of its request's breadth it holds while it is pending (RFC 5393 section 5).
    pub(super) breadth: u32,
    /// The branch's flags; `onreply_route` sees and changes them.
    pub(super) flags: u32,
    pub(super) timed_out: bool,
    /// It never left: its network cannot be reached.
    pub(super) unsent: bool,
    /// It left, and was sent again.
    pub(super) sent_again: bool,
    /// Blocks to run for its replies, when its outcome wins, when it fails.
    pub(super) armed: Armed,
    /// Its outcome was handed to a `failure_route` that tried something else.
    pub(super) superseded: bool,
    /// It is the first of those that one relay sent.
    pub(super) begins_relay: bool,
    pub(super) cancel: Option<Box<Cancel>>,
}

pub(super) enum Client {
    Invite(client_invite::State),
    Other(client_non_invite::State),
}

/// What [`Transaction::challenges`] found.
#[derive(Default)]
pub(super) struct Challenges {
    /// How many replies hold some.
    pub(super) count: usize,
    /// Their header lines.
    pub(super) lines: Vec<u8>,
}

/// The CANCEL of a branch: a transaction of its own.
pub(super) struct Cancel {
    pub(super) machine: client_non_invite::State,
    pub(super) key: Key,
    pub(super) sent: Bytes,
    pub(super) timers: TimerSet,
}

/// The timers of one machine, at most one of each kind.
#[derive(Default)]
pub(super) struct TimerSet([Option<TimerId>; 3]);

impl TimerSet {
    /// The place of a kind.
    pub(super) fn slot(&mut self, timer: Timer) -> &mut Option<TimerId> {
        &mut self.0[timer as usize]
    }

    /// Those that are set.
    pub(super) fn ids(&self) -> impl Iterator<Item = TimerId> {
        self.0.into_iter().flatten()
    }
}

/// What a timer of the node is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Due {
    Server(TransactionId, Timer),
    Branch(TransactionId, u16, Timer),
    Cancel(TransactionId, u16, Timer),
    /// The clock of a module, as of the generation of this number.
    Module(ModuleId, u32),
    /// Modules do what comes before the first message.
    Begin,
    /// A run that sleeps goes on.
    Wake(Ticket),
}

impl Branch {
    /// A branch that was sent this way and has no reply yet.
    pub(super) fn new(machine: Client, key: Key, sent: Bytes, flow: Flow) -> Branch {
        Branch {
            machine,
            key,
            sent,
            flow,
            send_flags: SendFlags::default(),
            timers: TimerSet::default(),
            code: 0,
            reply: None,
            replied: false,
            breadth: 0,
            flags: 0,
            timed_out: false,
            unsent: false,
            sent_again: false,
            armed: Armed::default(),
            superseded: false,
            begins_relay: false,
            cancel: None,
        }
    }
}

impl Due {
    /// The next turn of a module's clock.
    pub(super) fn tick(module: ModuleId, generation: &Generation) -> Due {
        Due::Module(module, generation.number)
    }
}

impl Transaction {
    /// Takes what a script wants in the replies made here.
    pub(super) fn take_reply(&mut self, message: &mut Working) {
        self.reply_headers.append(&mut message.replies.headers);
        if !message.replies.body.is_empty() {
            self.reply_body = std::mem::take(&mut message.replies.body);
        }
    }

    /// A transaction with neither side yet.
    pub(super) fn new(
        id: TransactionId,
        request: Message,
        received: Received,
        timers: Timers,
        generation: Arc<Generation>,
    ) -> Transaction {
        Transaction {
            id,
            is_invite: request.method() == Some(Method::Invite),
            request,
            received,
            generation,
            born: received.at,
            timers,
            wanted_timers: (None, None),
            server: None,
            branches: Vec::with_capacity(1),
            owner: None,
            relayed: None,
            avps: Avps::default(),
            flags: MessageFlags::default(),
            armed: Armed::default(),
            force_rport: false,
            uri: None,
            reply_headers: Vec::new(),
            reply_body: Bytes::new(),
            canceled: false,
            cancel_headers: Vec::new(),
            failing: false,
            fault: None,
            sent_code: 0,
            unacknowledged: 0,
            waiting: 0,
            weight: 0,
            keys: Vec::new(),
        }
    }

    /// About how many bytes it takes.
    pub(super) fn size(&self) -> usize {
        let message = |message: &Message| size_of::<Message>() + message.bytes().len();
        let branch = |branch: &Branch| {
            let cancel = branch.cancel.as_ref().map_or(0, |cancel| size_of::<Cancel>() + cancel.sent.len());
            size_of::<Branch>() + branch.sent.len() + branch.reply.as_deref().map_or(0, message) + cancel
        };
        let relayed = self.relayed.as_ref().map_or(0, |relayed| size_of::<Working>() + relayed.size());
        let kept = self.server.as_ref().and_then(|side| side.kept.as_ref());
        size_of::<Transaction>()
            + self.request.bytes().len()
            + self.branches.iter().map(branch).sum::<usize>()
            + relayed
            + kept.map_or(0, Bytes::len)
            + self.avps.size()
            + self.reply_headers.len()
            + self.reply_body.len()
            + self.cancel_headers.len()
    }

    /// What scripts see of it. `branch` is the branch at hand, `code` the reply.
    pub(super) fn view(&self, branch: Option<u16>, code: u16) -> TransactionView {
        let at_hand = branch.and_then(|branch| self.branches.get(branch as usize));
        TransactionView {
            id: self.id,
            reply_code: code,
            branch,
            canceled: self.canceled,
            timed_out: self.branches.iter().any(|branch| branch.timed_out),
            replied: self.branches.iter().any(|branch| branch.replied),
            branch_timed_out: at_hand.is_some_and(|branch| branch.timed_out),
            branch_replied: at_hand.is_some_and(|branch| branch.replied),
            branches: self.branches.len() as u16,
            sent_code: self.sent_code,
        }
    }

    /// Takes back what a route on a failure leaves with the transaction as it ends.
    pub(super) fn take_back(&mut self, message: &Working, avps: Avps) {
        self.failing = false;
        self.avps = avps;
        self.take_from(message);
    }

    /// Takes the flags and armed blocks of a message.
    pub(super) fn take_from(&mut self, message: &Working) {
        self.flags = message.flags;
        self.armed = message.armed.lasting();
    }

    /// Whether it is an INVITE of which the caller need not hear when its branch has had its time: `noisy_ctimer` 0.
    pub(super) fn ends_quietly(&self) -> bool {
        let [branch] = &self.branches[..] else { return false };
        self.is_invite && self.owner.is_none() && !branch.replied && branch.armed.failure.is_none()
    }

    /// Has the CANCELs of its branches say which reply they follow from (RFC 3326).
    pub(super) fn set_cancel_reason(&mut self, code: u16) {
        self.cancel_headers = match code {
            200 => b"Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n".to_vec(),
            _ => format!("Reason: SIP;cause={code}\r\n").into_bytes(),
        };
    }

    /// Takes the outcomes out of the choice that a `failure_route`, which has run, went beyond.
    pub(super) fn supersede(&mut self, mode: FailureReplyMode) {
        let adds = self.is_pending();
        let from = match mode {
            FailureReplyMode::Keep => return,
            FailureReplyMode::DropWhenAdding if !adds => return,
            FailureReplyMode::Drop | FailureReplyMode::DropWhenAdding => 0,
            FailureReplyMode::DropLast => {
                let failed = self.branches.iter().rposition(|branch| branch.code != 0).unwrap_or(0);
                self.branches.iter().take(failed + 1).rposition(|branch| branch.begins_relay).unwrap_or(0)
            }
        };
        for branch in self.branches.iter_mut().skip(from).filter(|branch| branch.code != 0) {
            branch.superseded = true;
        }
    }

    /// The challenges of all branches that the caller can answer (RFC 3261 16.7 step 7).
    pub(super) fn challenges(&self) -> Challenges {
        let mut challenges = Challenges::default();
        let counts = |branch: &&Branch| matches!(branch.code, 401 | 407) && !branch.superseded;
        for reply in self.branches.iter().filter(counts).filter_map(|branch| branch.reply.as_deref()) {
            challenges.count += 1;
            let is = |name| matches!(name, HeaderName::WwwAuthenticate | HeaderName::ProxyAuthenticate);
            for header in reply.headers().iter().filter(|header| is(header.name)) {
                challenges.lines.extend_from_slice(reply.text(header.line));
            }
        }
        challenges
    }

    /// Whether the caller has its final reply.
    pub(super) fn is_answered(&self) -> bool {
        self.sent_code >= 200
    }

    /// Whether nobody waits for anything that only this server can bring: the caller has its final reply, and callees their ACK.
    pub(super) fn is_settled(&self) -> bool {
        self.owner.is_some() || self.is_answered() && self.unacknowledged == 0
    }

    /// Whether some branch may still bring a reply that counts.
    pub(super) fn is_pending(&self) -> bool {
        self.branches.iter().any(|branch| branch.code == 0)
    }

    /// Every timer that is set.
    pub(super) fn timer_ids(&self) -> impl Iterator<Item = TimerId> {
        let server = self.server.iter().flat_map(|side| side.timers.ids());
        let branches = self
            .branches
            .iter()
            .flat_map(|branch| branch.timers.ids().chain(branch.cancel.iter().flat_map(|cancel| cancel.timers.ids())));
        server.chain(branches)
    }
}
