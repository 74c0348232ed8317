//! alanui: a SIP server that runs Kamailio's own configuration files.
//!
//! Two hosts drive one silent core. [`node`] is the whole server without I/O: bytes, answers and time go in; packets, questions and a
//! trace come out. [`host`] drives it with sockets and the real clock (`alanui run`), [`sim`] with scripted peers and a clock that jumps
//! (`alanui test`). What crosses that border stands in [`world`], with the one loop that all who drive a server use. Only `host` asks the
//! operating system for anything.
//!
//! ```text
//! kamailio.cfg
//!   -> preprocess   defines, ifdef, subst, includes; every byte keeps its origin
//!   -> parse        cut into items; pest; syntax tree with places
//!   -> resolve      names -> rows of modules; every mistake gathered
//!   -> compile      bytecode in which nothing is a name any more
//!   -> start        modules make their state from their parameters
//!
//! datagram
//!   -> node         index the headers; garbage is counted and dropped, or answered 400
//!   -> transaction  a retransmission, an ACK, a reply to a branch? or new
//!   -> script       the machine runs a task; functions edit the message or want an effect
//!   -> relay        branches, branch_route; timers; failure_route; the reply that wins
//!   -> datagrams
//! ```
//!
//! # Who may use whom
//!
//! Dependencies point one way. Each line may use what stands on the lines above it and is named behind it:
//!
//! ```text
//! time         -
//! source       -
//! sip          -
//! transaction  time
//! language     sip
//! world        time sip language
//! builtin      time source sip language world
//! sqlite       builtin world
//! modules      time source sip builtin
//! script       time source sip language builtin
//! catalogue    builtin
//! config       time source sip language builtin catalogue script
//! lint         source sip builtin catalogue script config
//! format       source config
//! chart        source builtin config
//! node         time source sip transaction world builtin script
//! host         time source sip world builtin sqlite modules script node config
//! story        time source sip builtin modules
//! sim          time source sip world builtin sqlite modules script node config story
//! report       time source sip builtin script sim story
//! record       sip builtin sim story
//! command      time source sip builtin sqlite catalogue modules script node config lint format chart host sim story report record
//! testing      command report
//! ```
//!
//! `config` and `node` are handed the list of modules and name none; `host` and `sim` never meet.
//!
//! # As a library
//!
//! What other crates may rely on is [`assert_scenarios`] and [`testing`], with what they give ([`report`]). All else is public for the program, its
//! tests and benchmarks, and may change with any release; `cargo doc --document-private-items` shows it.

#![cfg_attr(
    feature = "closed",
    allow(unused_imports, unreachable_pub, reason = "what is hidden is public for tests alone")
)]

/// What only the program, its tests and benchmarks use. With the feature `closed` it is private, so that rustc tells what nobody uses any more
/// (`.ci/run` looks). It is called `cfg_if` because rustfmt looks for modules in no other macro.
macro_rules! cfg_if {
    (if #[cfg(not(feature = "closed"))] { $(pub mod $name:ident;)* }) => {
        $(
            #[cfg(not(feature = "closed"))]
            #[doc(hidden)]
            pub mod $name;
            #[cfg(feature = "closed")]
            mod $name;
        )*
    };
}

cfg_if! {
    if #[cfg(not(feature = "closed"))] {
        pub mod builtin;
        pub mod catalogue;
        pub mod chart;
        pub mod command;
        pub mod config;
        pub mod format;
        pub mod host;
        pub mod language;
        pub mod lint;
        pub mod modules;
        pub mod node;
        pub mod record;
        pub mod script;
        pub mod sim;
        pub mod sip;
        pub mod source;
        pub mod sqlite;
        pub mod story;
        pub mod time;
        pub mod transaction;
        pub mod world;
    }
}

pub mod report;
pub mod testing;

#[cfg(feature = "closed")]
pub use command::main;
pub use testing::assert_scenarios;
