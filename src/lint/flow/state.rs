//! What is known at a place of a route: about the message, and about what was done to it.

use crate::config::ast::RouteKind;
use crate::source::Span;

/// A set of request methods.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Methods(u16);

/// The methods that have a place of their own in a set; the last place is that of every other method.
const METHODS: [&str; 15] = [
    "INVITE",
    "ACK",
    "BYE",
    "CANCEL",
    "REGISTER",
    "OPTIONS",
    "SUBSCRIBE",
    "NOTIFY",
    "PUBLISH",
    "MESSAGE",
    "INFO",
    "UPDATE",
    "PRACK",
    "REFER",
    "KDMQ",
];

impl Methods {
    /// Every method.
    pub const ALL: Methods = Methods(u16::MAX);
    /// No method.
    pub const NONE: Methods = Methods(0);
    /// Every method without a place of its own.
    pub const OTHER: Methods = Methods(1 << 15);
    /// `INVITE`.
    pub const INVITE: Methods = Methods(1);
    /// `ACK`.
    pub const ACK: Methods = Methods(1 << 1);
    /// `CANCEL`.
    pub const CANCEL: Methods = Methods(1 << 3);
    /// `REGISTER`.
    pub const REGISTER: Methods = Methods(1 << 4);

    /// `PUBLISH`.
    pub const PUBLISH: Methods = Methods(1 << 8);

    /// The methods of a text such as `INVITE|BYE`, as `is_method` takes it.
    pub fn read(text: &[u8]) -> Methods {
        text.split(|byte| *byte == b'|').fold(Methods(0), |all, name| all.or(Methods::named(name.trim_ascii())))
    }

    fn named(name: &[u8]) -> Methods {
        let place = METHODS.iter().position(|known| known.as_bytes().eq_ignore_ascii_case(name));
        Methods(1 << place.unwrap_or(METHODS.len()))
    }

    /// Either.
    pub const fn or(self, other: Methods) -> Methods {
        Methods(self.0 | other.0)
    }

    /// Both.
    pub const fn and(self, other: Methods) -> Methods {
        Methods(self.0 & other.0)
    }

    /// What is not in `other`. The place of all unnamed methods stays: taking one of them out leaves the rest.
    pub const fn without(self, other: Methods) -> Methods {
        Methods(self.0 & (!other.0 | Methods::OTHER.0))
    }

    /// Whether some method is in both.
    pub const fn meets(self, other: Methods) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether every method of this is in `other`.
    pub const fn within(self, other: Methods) -> bool {
        self.0 & !other.0 == 0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// Something that is so or not, was done or not.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Fact {
    /// The request stands in a dialog.
    ToTag,
    /// The From URI is of a domain of this server.
    FromMyself,
    /// The Request-URI is of a domain of this server.
    UriMyself,
    /// The caller hung up (asked in a failure_route).
    Canceled,
    /// The message came from this server itself.
    SourceMyself,
    // From here on things that are done, or that a test settled for good.
    /// A final reply or a relay went out.
    Final,
    /// It was a relay.
    Relayed,
    /// A transaction exists.
    Transaction,
    /// A test for a known transaction was made.
    TransactionLooked,
    /// Credentials were found good.
    Authenticated,
    /// Something tells who sends: credentials, a known source address or socket.
    Vetted,
    /// Something was asked about the source, whatever the answer.
    SourceAsked,
    /// The next hop was chosen here, or the domain found to be known.
    Bound,
    /// A header that the sender writes decided.
    HeaderTrusted,
    /// `record_route` ran.
    Recorded,
    /// `loose_route` was true.
    LooseRouted,
    /// Max-Forwards was looked at.
    MaxForwards,
    /// Credentials were taken out.
    Consumed,
    /// A NAT was found.
    Natted,
    /// The address behind a NAT was kept.
    ContactFixed,
    /// A media relay was told.
    Media,
    /// A failure_route was armed.
    FailureArmed,
    /// The code of a failed branch was looked at.
    StatusTested,
    /// `remove_hf` took Route headers out.
    RoutesRemoved,
    /// A relay was false.
    RelayFailed,
    /// Something was asked about the dialog: whether it is known, or about what was kept for its Call-ID.
    DialogAsked,
}

/// The facts of which both answers may be put together without losing anything.
const TESTS: u64 = (1 << Fact::Final as u8) - 1;

/// The actions whose place is kept.
const PLACED: [Fact; 5] = [Fact::Final, Fact::Recorded, Fact::Media, Fact::Natted, Fact::HeaderTrusted];

/// What is known at a place, of one way to it.
#[derive(Clone, Copy, Debug)]
pub struct State {
    /// The kind of block in which the server entered the script.
    pub entry: RouteKind,
    /// The methods that the request may have.
    pub methods: Methods,
    /// The classes that the reply may have: bit 1 for 1xx to bit 6 for 6xx.
    pub statuses: u8,
    yes: u64,
    no: u64,
    places: [Span; PLACED.len()],
}

/// What states are told apart by: all but places.
pub(super) type Key = (RouteKind, Methods, u8, u64, u64);

impl State {
    /// What is known when the server enters a block.
    pub(super) fn enter(entry: RouteKind) -> State {
        let is_later = !matches!(entry, RouteKind::Request | RouteKind::Event);
        // What request_route did before is not followed into the blocks it arms.
        let yes = if is_later { u64::MAX } else { TESTS };
        let mut state = State {
            entry,
            methods: Methods::ALL,
            statuses: 0b111_1110,
            yes,
            no: u64::MAX,
            places: [Span::default(); PLACED.len()],
        };
        if is_later {
            for fact in [Fact::Final, Fact::Relayed, Fact::Media, Fact::StatusTested, Fact::Natted] {
                state.yes &= !bit(fact);
            }
            state = state.known(Fact::Transaction, true);
        }
        if entry == RouteKind::Failure {
            state.methods = Methods::ALL.without(Methods::ACK.or(Methods::CANCEL));
        }
        state
    }

    pub(super) fn with_methods(self, methods: Methods) -> State {
        State { methods, ..self }
    }

    pub(super) fn with_statuses(self, statuses: u8) -> State {
        State { statuses, ..self }
    }

    pub(super) fn key(&self) -> Key {
        (self.entry, self.methods, self.statuses, self.yes, self.no)
    }

    /// Whether it is certain.
    pub fn is(&self, fact: Fact) -> bool {
        self.no & bit(fact) == 0
    }

    /// Whether it is certain that not.
    pub fn is_not(&self, fact: Fact) -> bool {
        self.yes & bit(fact) == 0
    }

    /// Where the action was done, as far as that is kept.
    pub fn place(&self, fact: Fact) -> Span {
        PLACED.iter().position(|its| *its == fact).map_or(Span::default(), |at| self.places[at])
    }

    /// The same with this settled.
    pub(super) fn known(mut self, fact: Fact, holds: bool) -> State {
        let (set, clear) = if holds { (&mut self.yes, &mut self.no) } else { (&mut self.no, &mut self.yes) };
        *set |= bit(fact);
        *clear &= !bit(fact);
        self
    }

    /// The same with this done at a place. The first place is kept.
    pub(super) fn done(self, fact: Fact, place: Span) -> State {
        let was = self.is(fact);
        let mut state = self.known(fact, true);
        if !was && let Some(at) = PLACED.iter().position(|its| *its == fact) {
            state.places[at] = place;
        }
        state
    }

    /// The same with this open again.
    pub(super) fn open(mut self, fact: Fact) -> State {
        self.yes |= bit(fact);
        self.no |= bit(fact);
        self
    }

    /// The state in which the test has this answer, when that is possible.
    pub(super) fn when(self, fact: Fact, holds: bool) -> Option<State> {
        let excluded = if holds { self.is_not(fact) } else { self.is(fact) };
        (!excluded).then(|| self.known(fact, holds))
    }

    /// Places that a route which was walked for another caller took over from that caller become those of this one.
    pub(super) fn rebase(mut self, theirs: &State, ours: &State) -> State {
        for at in 0..PLACED.len() {
            if self.places[at] == theirs.places[at] {
                self.places[at] = ours.places[at];
            }
        }
        self
    }

    /// Both together, when that says neither more nor less than the two apart.
    pub(super) fn exactly_with(&self, other: &State) -> Option<State> {
        if self.entry != other.entry {
            return None;
        }
        let facts = (self.yes ^ other.yes) | (self.no ^ other.no);
        let differs = [self.methods != other.methods, self.statuses != other.statuses, facts != 0];
        let loses = facts & !TESTS != 0 || facts.count_ones() > 1;
        (differs.iter().filter(|its| **its).count() <= 1 && !loses).then(|| self.with(other))
    }

    /// Both together; what differs is open.
    pub(super) fn with(&self, other: &State) -> State {
        State {
            methods: self.methods.or(other.methods),
            statuses: self.statuses | other.statuses,
            yes: self.yes | other.yes,
            no: self.no | other.no,
            ..*self
        }
    }
}

fn bit(fact: Fact) -> u64 {
    1 << fact as u8
}
