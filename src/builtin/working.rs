//! The message that a script works on, with what the script has done to it so far.

use super::context::RouteId;
use super::record_route::RecordRoute;
use super::target::Target;
use crate::sip::{Edits, Message, StartLine, Transport};
use crate::time::Tick;
use crate::world::{Flow, SendFlags};
use bytes::Bytes;
use std::net::SocketAddr;

/// Where a message came from and where it arrived.
#[derive(Clone, Copy, Debug)]
pub struct Received {
    /// The way it came: from whom, and by which socket and connection.
    pub flow: Flow,
    /// When.
    pub at: Tick,
}

/// A message with what the script has done to it so far.
#[derive(Clone, Debug)]
pub struct Working {
    /// The message as it arrived; reads see this.
    pub message: Message,
    /// What will be different when it is written.
    pub edits: Edits,
    /// Where it came from.
    pub received: Received,
    /// A number that tells messages of this worker apart: `$mi`.
    pub id: u64,
    /// Where it goes, as the script has set it.
    pub target: Target,
    /// The Request-URI and next hop that have their branch already: see [`Working::take_uri`].
    pub taken: Option<(Option<Bytes>, Option<Bytes>)>,
    /// What it wants of the connections that it is forwarded by.
    pub forward_flags: SendFlags,
    /// Flags of the message, which its transaction takes over.
    pub flags: MessageFlags,
    /// Flags by which Kamailio's own code goes: `msg_iflag_set`.
    pub internal_flags: u64,
    /// Further destinations to fork to.
    pub branches: Vec<Target>,
    /// Blocks to run for its transaction.
    pub armed: Armed,
    /// What the script wants of replies to it.
    pub replies: ReplyWishes,
    /// What the script wants of our own Via.
    pub own_via: OwnVia,
    /// Record-Route lines that the script added; the node settles them when it knows the socket a request leaves by.
    pub record_routes: Vec<RecordRoute>,
    /// Own `fr_inv_timer` and `fr_timer` for the transaction (milliseconds), each only when given: `t_set_fr`.
    pub timers: Option<(Option<u32>, Option<u32>)>,
    /// What tells whether it comes back.
    pub visit: Visit,
    /// What it says of its breadth (RFC 5393 section 5) where it is forwarded, when that is not what it said as it arrived.
    pub breadth: Option<u32>,
    /// The transaction it belongs to, as far as scripts see it.
    pub transaction: Option<TransactionView>,
    /// Other messages of that transaction, where scripts may ask for them.
    pub related: Option<Box<Related>>,
    /// The packet that it came in, or leaves in, where scripts may ask for it.
    pub packet: Option<Box<Wire>>,
    /// It was answered, or forwarded, without a transaction.
    pub settled: bool,
    /// `drop` was called.
    pub dropped: bool,
}

/// What tells whether a request comes back to a server that it has passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Visit {
    /// A hash of what decides where it goes, as it arrived: the same when it comes back unchanged.
    pub course: u64,
    /// It has passed here before.
    pub is_again: bool,
}

/// Flags that scripts set on a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageFlags {
    /// 0 to 31: `setflag`, `$mf`.
    pub plain: u32,
    /// 0 to 63: `setxflag`.
    pub extended: u64,
}

/// Blocks that run for the transaction of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Armed {
    /// `failure_route` to run when it fails: `t_on_failure`.
    pub failure: Option<RouteId>,
    /// `onreply_route` for its replies: `t_on_reply`.
    pub reply: Option<RouteId>,
    /// `branch_route` for each branch before it leaves: `t_on_branch`.
    pub branch: Option<RouteId>,
    /// `event_route[tm:branch-failure:...]` to run when a branch fails: `t_on_branch_failure`.
    pub branch_failure: Option<RouteId>,
}

impl Armed {
    /// Those that a transaction keeps when a route ends: the others are for the relay at hand.
    pub fn lasting(self) -> Armed {
        Armed { failure: self.failure, reply: self.reply, ..Armed::default() }
    }
}

/// What a script wants of replies to a request.
#[derive(Clone, Debug, Default)]
pub struct ReplyWishes {
    /// What they want of the connections that they leave by.
    pub flags: SendFlags,
    /// They go to the source port even if the sender did not ask (RFC 3581): `force_rport`.
    pub force_rport: bool,
    /// Header lines for those made here: `append_to_reply`.
    pub headers: Vec<u8>,
    /// Body for those made here: `set_reply_body`.
    pub body: Bytes,
}

/// What a script wants of our own Via.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnVia {
    /// It has our source port: `add_local_rport`.
    pub local_rport: bool,
    /// It has `srvid`, the number of this server: `via_add_srvid`.
    pub server_id: bool,
    /// It has the fields of a record as parameters: `via_add_xavp_params`.
    pub parameters: bool,
    /// It has address and port of a record: `via_use_xavp_fields`.
    pub address: bool,
    /// The host that stands in it, and in Record-Route: `set_advertised_address`.
    pub advertised_address: Option<Bytes>,
    /// The port with it: `set_advertised_port`.
    pub advertised_port: Option<u16>,
}

impl Working {
    /// A message as it arrived.
    pub fn new(message: Message, received: Received, id: u64) -> Working {
        Working {
            message,
            edits: Edits::default(),
            received,
            id,
            target: Target::default(),
            taken: None,
            forward_flags: SendFlags::default(),
            flags: MessageFlags::default(),
            internal_flags: 0,
            branches: Vec::new(),
            armed: Armed::default(),
            replies: ReplyWishes::default(),
            own_via: OwnVia::default(),
            record_routes: Vec::new(),
            timers: None,
            visit: Visit::default(),
            breadth: None,
            transaction: None,
            related: None,
            packet: None,
            settled: false,
            dropped: false,
        }
    }

    /// About how many bytes it takes beside the message as it arrived.
    pub fn size(&self) -> usize {
        self.edits.size()
            + self.target.size()
            + self.replies.headers.len()
            + self.replies.body.len()
            + self.branches.iter().map(|target| size_of::<Target>() + target.size()).sum::<usize>()
            + self.record_routes.len() * size_of::<RecordRoute>()
    }

    /// The Request-URI as it stands: the script's, else the message's. Empty for a reply.
    pub fn request_uri(&self) -> Bytes {
        match &self.target.uri {
            Some(uri) => uri.clone(),
            None => match self.message.start() {
                StartLine::Request { uri, .. } => self.message.slice(uri),
                StartLine::Status { .. } => Bytes::new(),
            },
        }
    }

    /// Notes that the Request-URI with its next hop has a branch: a relay leaves it out until the script sets either anew.
    pub fn take_uri(&mut self) {
        self.taken = Some((self.target.uri.clone(), self.target.next_hop.clone()));
    }

    /// Whether the Request-URI and next hop have a branch already. One that was set anew has not, even to the same text.
    pub fn is_taken(&self) -> bool {
        let same = |one: &Option<Bytes>, other: &Option<Bytes>| match (one, other) {
            (Some(one), Some(other)) => std::ptr::eq(&raw const one[..], &raw const other[..]),
            (one, other) => one.is_none() && other.is_none(),
        };
        self.taken.as_ref().is_some_and(|(uri, hop)| same(uri, &self.target.uri) && same(hop, &self.target.next_hop))
    }

    /// Takes what a `branch_route` did to the request as a whole from its branch. The edits, the destination, the socket and the branch
    /// flags are the branch's own.
    pub fn adopt(&mut self, branch: &mut Working) {
        self.flags = branch.flags;
        self.internal_flags = branch.internal_flags;
        self.armed = branch.armed;
        // The branch writes the sender's Via as the request would.
        let headers = std::mem::take(&mut branch.replies.headers);
        self.replies = ReplyWishes { headers, ..branch.replies.clone() };
        self.own_via = branch.own_via.clone();
        self.timers = branch.timers;
    }

    /// The next hop: `$du` when set, else the Request-URI.
    pub fn next_hop(&self) -> Bytes {
        self.target.next_hop.clone().unwrap_or_else(|| self.request_uri())
    }
}

/// A packet between this server and a peer: the one being sent in an `onsend_route`, the one that arrived in
/// `event_route[core:msg-received]`.
#[derive(Clone, Debug)]
pub struct Wire {
    /// Its bytes.
    pub bytes: Bytes,
    /// How it travels.
    pub transport: Transport,
    /// The socket of ours that it uses.
    pub own: SocketAddr,
    /// The peer.
    pub peer: SocketAddr,
}

/// Other messages of the transaction that a message belongs to, and what else scripts see of it.
#[derive(Clone, Debug, Default)]
pub struct Related {
    /// The request that a reply answers: `$T_req`.
    pub request: Option<Working>,
    /// The reply that wins, in a `failure_route`; `None` when it was made here: `$T_rpl`.
    pub reply: Option<Working>,
    /// The INVITE that a CANCEL is for: `$T_inv`.
    pub invite: Option<Working>,
    /// The Request-URI of the branch that a reply came on: `$T_branch(uri)`.
    pub branch_uri: Option<Bytes>,
    /// The reason phrase of the reply that wins, in a `failure_route`.
    pub reason: Option<Bytes>,
}

impl Related {
    /// The name space of a slot that a variable takes when the script asks replies for their request, or CANCELs for their INVITE: nothing is kept
    /// for scripts that do not.
    pub const WANTED: &str = "related messages";
}

/// Names a transaction of one node; a number is not used again soon.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TransactionId(pub u64);

/// What scripts see of the transaction that a message belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TransactionView {
    /// Which.
    pub id: TransactionId,
    /// The code of the reply being handled or of the winning one: `$T_reply_code`. 0 when there is none.
    pub reply_code: u16,
    /// The branch being handled: `$T_branch_idx`.
    pub branch: Option<u16>,
    /// The caller cancelled it.
    pub canceled: bool,
    /// A branch ran into its timer.
    pub timed_out: bool,
    /// A branch received some reply.
    pub replied: bool,
    /// The branch with the winning reply ran into its timer.
    pub branch_timed_out: bool,
    /// The branch with the winning reply received some reply.
    pub branch_replied: bool,
    /// How many branches it has: `$T_branch_idx` in a `failure_route`.
    pub branches: u16,
    /// The last reply sent upstream: `t_get_status_code`.
    pub sent_code: u16,
}
