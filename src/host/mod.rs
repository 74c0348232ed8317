//! The world a running server lives in: the only async, sockets, threads and operating system's clock.
//!
//! [`bind`] opens the sockets, [`run`] serves until a signal ends it. Each worker is a thread with its own sockets and
//! connections, its own node and its own runtime (`worker`); packets go in and out in batches (`udp`), messages of streams by tasks
//! (`connections`). What belongs to another worker, a call or a connection, is handed over (`ways`).

mod clock;
mod connections;
mod databases;
mod datagram_socket;
pub mod effects;
mod fault;
mod files;
mod handed;
pub mod log;
mod memory;
mod parallel;
mod pcap;
mod peers;
mod pipe;
mod routes;
mod server;
mod sockets;
mod spool;
mod trace;
mod udp;
mod watch;
mod ways;
mod wires;
mod worker;
mod world;

pub use clock::Stopwatch;
pub use fault::ServerFault;
pub use log::LogFormat;
pub use parallel::{parallel, processors};
pub use pcap::{StreamNumbers, pcap_header, pcap_packet, pcap_stream};
pub use peers::Peers;
pub use pipe::end_with_the_reader;
pub use server::{DEFAULT_WORKERS, Plan, run};
pub use sockets::{Bound, SocketFault, bind};
pub use spool::Announcement;
pub use trace::MessageTrace;
pub use watch::FileWatch;
pub use world::{Disk, HostWorld, Opened};
