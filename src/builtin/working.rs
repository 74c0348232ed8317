//! The message that a script works on, with what the script has done to it so far.

use super::context::RouteId;
use super::record_route::RecordRoute;
use crate::sip::{Edits, Message, StartLine, Transport};
use crate::time::Tick;
use crate::world::{Flow, SendFlags, SocketId};
use bytes::Bytes;
use std::net::SocketAddr;
use std::sync::Arc;

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
    /// The Request-URI that the script set: `$ru`.
    pub uri: Option<Bytes>,
    /// Where to send it instead of to the Request-URI: `$du`.
    pub destination: Option<Bytes>,
    /// The Request-URI and next hop that have their branch already: see [`Working::take_uri`].
    pub taken: Option<(Option<Bytes>, Option<Bytes>)>,
    /// The socket to send from, when the script chose one.
    pub send_socket: Option<SocketId>,
    /// What it wants of the connections that it is forwarded by, and its replies leave by.
    pub forward_flags: SendFlags,
    /// See `forward_flags`.
    pub reply_flags: SendFlags,
    /// Flags of the message, which its transaction takes over.
    pub flags: MessageFlags,
    /// Flags by which Kamailio's own code goes: `msg_iflag_set`.
    pub internal_flags: u64,
    /// Flags 0 to 31 of the first branch.
    pub branch_flags: u32,
    /// What a location service knows of the destination, when one named it: `lookup`.
    pub located: Option<Arc<Located>>,
    /// Further destinations to fork to.
    pub branches: Vec<Branch>,
    /// `failure_route` to run when the transaction fails.
    pub on_failure: Option<RouteId>,
    /// `onreply_route` for replies of the transaction.
    pub on_reply: Option<RouteId>,
    /// `branch_route` for each outgoing branch.
    pub on_branch: Option<RouteId>,
    /// Replies go to the source port even if the sender did not ask (RFC 3581): `force_rport`.
    pub force_rport: bool,
    /// Put our source port into our own Via: `add_local_rport`.
    pub local_rport: bool,
    /// What else our own Via says.
    pub via: ViaAdditions,
    /// Record-Route lines that the script added; the node settles them when it knows the socket a request leaves by.
    pub record_routes: Vec<RecordRoute>,
    /// Host to write into our own Via and Record-Route for this message: `set_advertised_address`.
    pub advertised_address: Option<Bytes>,
    /// Port to write with it: `set_advertised_port`.
    pub advertised_port: Option<u16>,
    /// Header lines for replies made here: `append_to_reply`.
    pub reply_headers: Vec<u8>,
    /// Body for replies made here: `set_reply_body`.
    pub reply_body: Bytes,
    /// Own `fr_inv_timer` and `fr_timer` for the transaction (milliseconds), each only when given: `t_set_fr`.
    pub timers: Option<(Option<u32>, Option<u32>)>,
    /// `event_route[tm:branch-failure:...]` to run when a branch of the transaction fails.
    pub on_branch_failure: Option<RouteId>,
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

/// What our own Via says because the script wants it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ViaAdditions {
    /// `srvid`, the number of this server: `via_add_srvid`.
    pub server_id: bool,
    /// The fields of a record as parameters: `via_add_xavp_params`.
    pub parameters: bool,
    /// Address and port of a record: `via_use_xavp_fields`.
    pub address: bool,
}

impl Working {
    /// A message as it arrived.
    pub fn new(message: Message, received: Received, id: u64) -> Working {
        Working {
            message,
            edits: Edits::default(),
            received,
            id,
            uri: None,
            destination: None,
            taken: None,
            forward_flags: SendFlags::default(),
            reply_flags: SendFlags::default(),
            send_socket: None,
            flags: MessageFlags::default(),
            internal_flags: 0,
            branch_flags: 0,
            located: None,
            branches: Vec::new(),
            on_failure: None,
            on_reply: None,
            on_branch: None,
            force_rport: false,
            local_rport: false,
            via: ViaAdditions::default(),
            record_routes: Vec::new(),
            advertised_address: None,
            advertised_port: None,
            reply_headers: Vec::new(),
            reply_body: Bytes::new(),
            timers: None,
            on_branch_failure: None,
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
        let text = |text: &Option<Bytes>| text.as_ref().map_or(0, Bytes::len);
        let branch = |branch: &Branch| size_of::<Branch>() + branch.uri.len() + text(&branch.destination);
        self.edits.size()
            + text(&self.uri)
            + text(&self.destination)
            + self.reply_headers.len()
            + self.reply_body.len()
            + self.branches.iter().map(branch).sum::<usize>()
            + self.record_routes.len() * size_of::<RecordRoute>()
    }

    /// The Request-URI as it stands: the script's, else the message's. Empty for a reply.
    pub fn request_uri(&self) -> Bytes {
        match &self.uri {
            Some(uri) => uri.clone(),
            None => match self.message.start() {
                StartLine::Request { uri, .. } => self.message.slice(uri),
                StartLine::Status { .. } => Bytes::new(),
            },
        }
    }

    /// Notes that the Request-URI with its next hop has a branch: a relay leaves it out until the script sets either anew.
    pub fn take_uri(&mut self) {
        self.taken = Some((self.uri.clone(), self.destination.clone()));
    }

    /// Whether the Request-URI and next hop have a branch already. One that was set anew has not, even to the same text.
    pub fn is_taken(&self) -> bool {
        let same = |one: &Option<Bytes>, other: &Option<Bytes>| match (one, other) {
            (Some(one), Some(other)) => std::ptr::eq(&raw const one[..], &raw const other[..]),
            (one, other) => one.is_none() && other.is_none(),
        };
        self.taken.as_ref().is_some_and(|(uri, hop)| same(uri, &self.uri) && same(hop, &self.destination))
    }

    /// Takes what a `branch_route` did to the request as a whole from its branch. The edits, the destination, the socket and the branch
    /// flags are the branch's own.
    pub fn adopt(&mut self, branch: &mut Working) {
        self.flags = branch.flags;
        self.internal_flags = branch.internal_flags;
        self.on_failure = branch.on_failure;
        self.on_reply = branch.on_reply;
        self.on_branch = branch.on_branch;
        self.on_branch_failure = branch.on_branch_failure;
        self.force_rport = branch.force_rport;
        self.local_rport = branch.local_rport;
        self.via = branch.via;
        self.advertised_address = branch.advertised_address.clone();
        self.advertised_port = branch.advertised_port;
        self.reply_headers = std::mem::take(&mut branch.reply_headers);
        self.reply_body = branch.reply_body.clone();
        self.timers = branch.timers;
    }

    /// The next hop: `$du` when set, else the Request-URI.
    pub fn next_hop(&self) -> Bytes {
        self.destination.clone().unwrap_or_else(|| self.request_uri())
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

/// A further destination to fork to.
#[derive(Clone, Debug, Default)]
pub struct Branch {
    /// Its Request-URI.
    pub uri: Bytes,
    /// Its next hop when not the Request-URI.
    pub destination: Option<Bytes>,
    /// Its socket.
    pub send_socket: Option<SocketId>,
    /// Its flags.
    pub flags: u32,
    /// What a location service knows of it.
    pub located: Option<Arc<Located>>,
}

/// What a location service knows of a destination beside its addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Located {
    /// The proxies before it, as the value of a Route header (RFC 3327); empty when there are none.
    pub path: Bytes,
    /// How much it is preferred, in thousandths (RFC 3261 section 20.10); `None` when that is not said.
    pub q: Option<u16>,
    /// What names its record: `$ruid`.
    pub ruid: Bytes,
    /// Its `+sip.instance` (RFC 5626 section 4.1), with the angle brackets; empty without one.
    pub instance: Bytes,
    /// Its `reg-id` (RFC 5626 section 4.2); 0 without one.
    pub reg_id: u32,
    /// The User-Agent that registered it: `$location_ua`.
    pub user_agent: Bytes,
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
