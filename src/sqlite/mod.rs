//! SQLite as everybody here speaks to it: one statement with its values and cells, and a database in memory. Files and threads are the host's
//! ([`host::databases`](crate::host)).

mod memory;
pub mod statement;

pub use memory::{Calendar, MAGIC, Memory};
