//! The story of what happened: messages, and what led to them inside of the server, one entry after another. Who plays a scenario has it written down;
//! a ladder is a story told as text, and reports and explanations read it too.

mod changes;
mod entry;
mod ladder;
mod names;
mod table;
mod teller;

pub use entry::{Detail, Entry, Event, Sent};
pub use ladder::{is_all_of, ladder, seconds, stamp};
pub(crate) use names::renumbered;
pub(crate) use table::bound_statement;
pub(crate) use teller::{Story, title};
