//! The one test binary of alanui.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the test harness shows what a test says of itself")]

mod against;
mod bad_input;
mod bytes;
mod catalogue;
mod check;
mod codes;
mod commands;
mod connections;
mod documents;
mod fmt;
mod front_end;
mod fuzz;
mod generations;
mod hostile;
mod lints;
mod map;
mod mistakes;
mod oracle;
mod output;
mod parking;
mod patience;
mod phones;
mod ports;
mod record;
mod reports;
mod routes;
mod running;
mod sample;
mod scenarios;
mod semantics;
mod simulated;
mod sipp;
mod sql;
mod stopping;
mod testing;
mod torture;
mod workers;
