//! How databases are asked.

use super::database::Query;
use super::question::{Answer, Ticket};

/// A way to a database: of a worker, of a scenario.
pub trait Way {
    /// Asks. The answer, [`Answer::Rows`], when it is there at once; else it comes later under the ticket.
    fn ask(&mut self, ticket: Ticket, query: Query) -> Option<Answer>;

    /// Has statements taken in one transaction, in which one that is refused undoes only itself. The answer, [`Answer::Executed`], when it is there at
    /// once; else it comes later under the ticket.
    fn execute(&mut self, ticket: Ticket, statements: Vec<Query>) -> Option<Answer>;
}
