//! From life to test: what was captured of calls becomes a scenario that the simulator plays.
//!
//! [`read`] takes pcap and pcapng files (Ethernet, Linux cooked, loopback and raw IP frames; IPv4 and IPv6, also in
//! fragments; SIP over UDP and TCP, and in HEP packets), streams of HEP3 packets, sipp's message logs and the text that
//! sngrep saves; which one it is shows in its first bytes. [`anonymous()`] replaces what tells people and networks.
//! [`scenario()`] makes the text of a scenario: what peers of the server sent are its steps, what the server sent are its
//! expectations, and of each message only that is written which a peer of the simulator would not make by itself.
//! [`differences`] holds what the simulator gave against what was captured.
//!
//! Nothing here opens a file or asks a clock. Memory is bounded whatever the bytes say, and no bytes make it panic.

mod anonymous;
mod calls;
mod capture;
mod comparison;
mod difference;
mod fragments;
mod gathered;
mod hep;
mod log;
mod names;
mod network;
mod pcap;
mod scenario;
mod story;
mod tcp;
mod traffic;
mod translation;

pub use anonymous::{Anonymous, anonymous};
pub use capture::read;
pub use comparison::differences;
pub use gathered::{Capture, CaptureFault, Packet, Transport};
pub use scenario::{Recording, Wishes, scenario};
pub use traffic::Server;
