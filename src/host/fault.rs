//! Why serving ends.

use crate::builtin::QueryFault;
use std::fmt;
use std::io;

/// Why serving ended without being asked to.
#[derive(Debug)]
pub enum ServerFault {
    /// The system refused threads, signals or watching sockets.
    System(io::Error),
    /// A database cannot be opened once more.
    Database(QueryFault),
    /// The script called `abort`.
    Aborted,
    /// A worker broke.
    Worker(usize),
}

impl From<io::Error> for ServerFault {
    fn from(error: io::Error) -> ServerFault {
        ServerFault::System(error)
    }
}

impl fmt::Display for ServerFault {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            ServerFault::System(error) => write!(f, "the system refused: {error}"),
            ServerFault::Database(fault) => fault.fmt(f),
            ServerFault::Aborted => f.write_str("the script called abort()"),
            ServerFault::Worker(index) => write!(f, "worker {index} broke"),
        }
    }
}

impl std::error::Error for ServerFault {}
