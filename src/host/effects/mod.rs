//! What answers the effects that need the world outside, one file a service.

pub mod sqlite;
