//! What answers the effects that need the world outside, one file a service.

mod aside;
mod datagrams;
mod dns;
mod http;
pub(in crate::host) mod services;
