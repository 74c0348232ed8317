//! What a server asks the world outside: databases, names of the DNS, files, pages of HTTP, other servers.

use super::database::{Query, QueryFault, Rows};
use super::fetch::{Fetch, FetchFault, Page};
use super::flow::Flow;
use bytes::Bytes;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Names a question that waits for its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// What a server asks.
#[derive(Clone, Debug)]
pub enum Question {
    /// Ask a database. The answer is [`Answer::Rows`].
    Query(Query),
    /// Have one database take statements together, behind all that it was given before, in a transaction in which one that it refuses undoes only
    /// itself. The answer is [`Answer::Executed`].
    Execute(Vec<Query>),
    /// Have something looked up or done. The answer is [`Answer::Found`].
    Service(Service),
    /// Whether there is a connection that a packet would leave by. The answer is [`Answer::Code`], positive when there is one.
    Connection(Flow),
}

/// What is looked up or done outside of the server, beside databases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Service {
    /// Look a name up.
    Resolve(String, RecordKind),
    /// Read a whole file.
    ReadFile(PathBuf),
    /// Write a file anew.
    WriteFile(PathBuf, Bytes),
    /// Ask a server of HTTP.
    Fetch(Box<Fetch>),
    /// Ask a server of the network, by datagrams.
    Ask(Box<Ask>),
}

impl From<Query> for Question {
    fn from(query: Query) -> Question {
        Question::Query(query)
    }
}

impl From<Service> for Question {
    fn from(service: Service) -> Question {
        Question::Service(service)
    }
}

impl Question {
    /// The statements in it.
    pub fn statements(&self) -> &[Query] {
        match self {
            Question::Query(query) => std::slice::from_ref(query),
            Question::Execute(statements) => statements,
            Question::Service(_) | Question::Connection(_) => &[],
        }
    }

    /// The answer of one who takes no more questions.
    pub fn refused(&self) -> Answer {
        match self {
            Question::Query(_) => Answer::Rows(Err(QueryFault::Overloaded)),
            Question::Execute(statements) => {
                Answer::Executed((0..statements.len()).map(|at| (at, QueryFault::Overloaded)).collect())
            }
            Question::Service(_) => Answer::Found(Err(Unanswered::Overloaded)),
            Question::Connection(_) => Answer::Code(-1),
        }
    }
}

/// The answer to a question, and to an effect that the server itself performs.
#[derive(Debug)]
pub enum Answer {
    /// A return code.
    Code(i32),
    /// What a database said.
    Rows(Result<Rows, QueryFault>),
    /// The statements of several that a database did not take, by their places.
    Executed(Vec<(usize, QueryFault)>),
    /// What was found.
    Found(Result<Found, Unanswered>),
}

impl Answer {
    /// What was found; an answer of another kind has found nothing.
    pub fn found(self) -> Result<Found, Unanswered> {
        match self {
            Answer::Found(found) => found,
            Answer::Code(_) | Answer::Rows(_) | Answer::Executed(_) => Err(Unanswered::Absent),
        }
    }

    /// The code; an answer of another kind is false.
    pub fn code(&self) -> i32 {
        match self {
            Answer::Code(code) => *code,
            Answer::Rows(_) | Answer::Executed(_) | Answer::Found(_) => -1,
        }
    }
}

/// A question that one datagram asks and one answers: the control protocols of media relays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Whom.
    pub server: AskedServer,
    /// The datagram.
    pub bytes: Bytes,
    /// How many bytes at its beginning its answer begins with, too: the cookie.
    pub cookie: usize,
    /// How long an answer is waited for before the question is sent again.
    pub patience: Duration,
    /// How often it is sent.
    pub tries: u32,
}

impl Ask {
    /// How long nobody answers before it has failed.
    pub fn longest(&self) -> Duration {
        self.patience.saturating_mul(self.tries)
    }
}

/// A server that is asked by datagrams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedServer {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Its name is one of IPv6.
    pub is_v6: bool,
    /// Our own address towards it, when one is wanted.
    pub from: Option<IpAddr>,
}

/// The largest file that is read, in bytes.
pub const MOST_READ: u64 = 1 << 20;

/// What is wanted of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// Its addresses as the system sees them, its own file of hosts included.
    Address,
    /// Its IPv4 addresses (RFC 1035).
    A,
    /// Its IPv6 addresses (RFC 3596).
    Aaaa,
    /// Its servers (RFC 2782).
    Srv,
    /// Its services (RFC 3403).
    Naptr,
    /// The name of an address, which is written as such (RFC 1035 section 3.5).
    Ptr,
}

impl RecordKind {
    /// The kinds by the names that they have in zone files.
    pub const NAMED: [(&'static str, RecordKind); 5] = [
        ("A", RecordKind::A),
        ("AAAA", RecordKind::Aaaa),
        ("SRV", RecordKind::Srv),
        ("NAPTR", RecordKind::Naptr),
        ("PTR", RecordKind::Ptr),
    ];
}

/// What a name has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// An address.
    Address(IpAddr),
    /// A server.
    Srv {
        /// Lower ones come first.
        priority: u16,
        /// Its share among those of the same priority.
        weight: u16,
        /// Its port.
        port: u16,
        /// Its name.
        target: Bytes,
    },
    /// A service.
    Naptr {
        /// Lower ones come first.
        order: u16,
        /// Lower ones come first among those of the same order.
        preference: u16,
        /// What comes next.
        flags: Bytes,
        /// Which service.
        services: Bytes,
        /// How the name is rewritten.
        regexp: Bytes,
        /// The next name.
        replacement: Bytes,
    },
    /// A name.
    Name(Bytes),
}

/// What was found, or done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Records, at least one.
    Records(Vec<Record>),
    /// What a file holds.
    File(Bytes),
    /// What a server of HTTP answered.
    Page(Page),
    /// What stands behind the cookie of an answer.
    Answer(Bytes),
    /// It is done.
    Done,
}

/// Why nothing was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// There is no such name, or it has no such record.
    Absent,
    /// Nobody answered, or the system refused.
    Failed(String),
    /// No server of HTTP answered.
    Unfetched(FetchFault),
    /// Too many questions are under way.
    Overloaded,
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Unanswered::Absent => f.write_str("there is none"),
            Unanswered::Failed(why) => f.write_str(why),
            Unanswered::Unfetched(fault) => fault.fmt(f),
            Unanswered::Overloaded => f.write_str("too much is under way"),
        }
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let text = String::from_utf8_lossy;
        match self {
            Record::Address(address) => write!(f, "{address}"),
            Record::Srv { priority, weight, port, target } => {
                write!(f, "{priority} {weight} {port} {}", text(target))
            }
            Record::Naptr { order, preference, flags, services, regexp, replacement } => {
                let (flags, services, regexp) = (text(flags), text(services), text(regexp));
                write!(f, "{order} {preference} \"{flags}\" \"{services}\" \"{regexp}\" {}", text(replacement))
            }
            Record::Name(name) => f.write_str(&text(name)),
        }
    }
}
