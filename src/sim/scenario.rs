//! What a scenario file says.

use super::database::{Canned, DatabaseFile};
use super::digest::Account;
use super::expect::Expectation;
use super::pages::CannedPage;
use super::play::Happens;
use crate::builtin::{Record, RecordKind};
use crate::config::Unbuilt;
use crate::sip::Transport;
use crate::source::Span;
use crate::story::Detail;
use bytes::Bytes;
use jiff::tz::TimeZone;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A scenario: a server with its config, the peers around it, and what happens.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The row of its table of inputs, when it has one: `user bob, code 200`.
    pub row: Option<String>,
    /// The config, its path resolved against the scenario's folder.
    pub config: PathBuf,
    /// Where the scenario names it.
    pub config_span: Span,
    /// `define NAME` and `define NAME value`, as `-A` takes them.
    pub defines: Vec<String>,
    /// All extensions are off.
    pub strict: bool,
    /// Whether the config runs when it uses what is not built in.
    pub unbuilt: Unbuilt,
    /// Modules that do not matter: what of them is not built is left out.
    pub stand_ins: Vec<String>,
    /// Files that stand in for others: the path that the config names, and the one that is read.
    pub files: Vec<(PathBuf, PathBuf)>,
    /// The SQL files that databases are made from.
    pub databases: Vec<DatabaseFile>,
    /// What the DNS knows: names and their records.
    pub records: Vec<(String, RecordKind, Record)>,
    /// The seed of all randomness.
    pub seed: u64,
    /// The calendar at the start: time since the Unix epoch.
    pub clock: Duration,
    /// The time zone that the server stands in.
    pub zone: TimeZone,
    /// How long a packet travels.
    pub latency: Duration,
    /// What goes wrong on the wires.
    pub faults: Faults,
    /// What databases answer without being asked.
    pub canned: Vec<Canned>,
    /// What servers of HTTP answer.
    pub pages: Vec<CannedPage>,
    /// Replaces the config's listeners when there are any.
    pub listen: Vec<(Transport, SocketAddr)>,
    /// Where listeners stand that the config has elsewhere, in its order: those of the real server that the scenario is held against. Peers use the
    /// first unless they say otherwise.
    pub stands: Vec<(Transport, SocketAddr)>,
    /// The address of the machine: what a listener on the wildcard means.
    pub machine: IpAddr,
    /// Who takes part.
    pub peers: Vec<PeerLine>,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// What goes wrong on the wires, by chance that follows from the seed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// Of a thousand packets, how many never arrive.
    pub lost: u64,
    /// Of a thousand packets, how many arrive twice.
    pub doubled: u64,
    /// How much longer a packet may travel.
    pub jitter: Duration,
}

/// Somebody the server talks to.
#[derive(Debug, Clone)]
pub struct PeerLine {
    /// Its name.
    pub name: String,
    /// Where the scenario names it.
    pub span: Span,
    /// How it speaks with the server.
    pub transport: Transport,
    /// Where it sends from and listens.
    pub address: SocketAddr,
    /// The server's listener it uses, when not the first one.
    pub uses: Option<SocketAddr>,
    /// What it answers challenges with.
    pub account: Option<Account>,
}

impl PeerLine {
    /// A peer by UDP that no line names.
    pub fn new(name: String, address: SocketAddr) -> PeerLine {
        PeerLine { name, span: Span::default(), transport: Transport::Udp, address, uses: None, account: None }
    }
}

/// A peer by its place in the scenario.
pub(super) type PeerId = usize;

/// One line of what happens.
#[derive(Debug, Clone)]
pub struct Step {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub action: Action,
}

/// What happens.
#[derive(Debug, Clone)]
pub enum Action {
    /// `alice sends INVITE sip:bob@example.com`
    Send(PeerId, Sending),
    /// `bob answers 200`
    Answer(PeerId, Answering),
    /// `alice sends raw`, `alice sends file x.sip`
    SendVerbatim(PeerId, Bytes),
    /// `bob always answers OPTIONS with 200`
    Always(PeerId, String, Vec<Status>),
    /// `bob is silent`: ends all that it always does.
    Silent(PeerId),
    /// `bob disconnects`: its connections break, and it takes none until it sends something.
    Disconnect(PeerId),
    /// `wait 20s`
    Wait(Duration),
    /// `wait until 20s`
    WaitUntil(Duration),
    /// `expect ...`
    Expect(Expectation),
    /// `lose next 2 to bob`: packets between this peer and the server that never arrive.
    Lose {
        /// The peer.
        peer: PeerId,
        /// Those to the peer, or those from it.
        to_peer: bool,
        /// How many.
        count: u32,
    },
    /// Something about the server and its world.
    Host(Arc<dyn Happens>),
    /// `show flow`
    Show(Detail),
    /// `note Text`
    Note(String),
}

impl Action {
    /// Something about the server and its world.
    pub(super) fn host(happens: impl Happens + 'static) -> Action {
        Action::Host(Arc::new(happens))
    }
}

/// A request to send.
#[derive(Debug, Clone, Default)]
pub struct Sending {
    /// Its method.
    pub method: String,
    /// Its Request-URI; without one it belongs to the dialog or call at hand.
    pub uri: Option<String>,
    /// The address of record that From and To name, when it is not the peer's own.
    pub about: Option<String>,
    /// The call it begins or belongs to, when it has a name.
    pub call: Option<String>,
    /// The last such request once more, byte for byte.
    pub again: bool,
    /// What stands below it.
    pub extra: Extra,
}

/// A reply to send.
#[derive(Debug, Clone)]
pub struct Answering {
    /// Code and reason.
    pub status: Status,
    /// The method of the request it answers, when it says.
    pub method: Option<String>,
    /// The call it belongs to, when it has a name.
    pub call: Option<String>,
    /// The last such reply once more, byte for byte.
    pub again: bool,
    /// What stands below it.
    pub extra: Extra,
}

/// Code and reason of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The code.
    pub code: u16,
    /// The reason phrase, when the scenario gives one.
    pub reason: Option<String>,
}

/// Header lines and the body below a step.
#[derive(Debug, Clone, Default)]
pub struct Extra {
    /// Names and values: the first of a name replaces, further ones add, an empty value removes.
    pub headers: Vec<(String, String)>,
    /// Lines of the body.
    pub body: Vec<String>,
}

impl Scenario {
    /// The calendar at the start unless the scenario says otherwise: 2026-01-01 00:00:00 UTC.
    pub const CLOCK: Duration = Duration::from_secs(1_767_225_600);
    /// How long a packet travels unless the scenario says otherwise.
    pub const LATENCY: Duration = Duration::from_millis(1);
    /// The address of the machine unless the scenario says otherwise (RFC 5737).
    pub const MACHINE: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));

    /// The names of the peers.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.peers.iter().map(|peer| peer.name.as_str())
    }

    /// The calls that its steps name.
    pub(super) fn calls(&self) -> Vec<String> {
        let named = self.steps.iter().filter_map(|step| match &step.action {
            Action::Send(_, sending) => sending.call.clone(),
            _ => None,
        });
        named.collect()
    }

    /// The place of the peer called `name`.
    pub fn peer(&self, name: &str) -> Option<PeerId> {
        self.peers.iter().position(|peer| peer.name == name)
    }
}
