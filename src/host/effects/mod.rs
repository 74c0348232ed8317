//! What answers the effects that need the world outside, one file a service.

mod datagrams;
mod dns;
pub(in crate::host) mod errands;
mod http;
pub mod sqlite;
