//! Databases, whatever their kind: each kind is a [`Backend`] in a file or folder here, found by what its URLs begin with.
//!
//! A database is opened once ([`Shared`]) and asked by each worker on a way of its own ([`Way`]): in place where that is cheap, by threads or tasks
//! of the backend otherwise.

mod sqlite;

use crate::builtin::{Answer, Connected, DatabaseId, Dialect, Extensions, Query, QueryFault, Rows};
use crate::world::{Ticket, Way};
use std::sync::Arc;

/// The kinds that are built in.
static BACKENDS: &[&Backend] = &[&sqlite::BACKEND];

/// A kind of database.
pub(super) struct Backend {
    /// How it is spoken to.
    dialect: &'static Dialect,
    /// Opens the database of a URL; one that is missing may be made from the statements given.
    open: fn(url: &str, extensions: Extensions, template: Option<&str>) -> Result<Opening, QueryFault>,
}

/// A database that has been opened.
pub(super) struct Opening {
    shared: Box<dyn Shared>,
    /// It was missing and has been made.
    made: bool,
}

/// Called with the ticket of a question and its answer, on a thread of the backend.
pub(super) type Answered = Arc<dyn Fn(Ticket, Answer) + Send + Sync>;

/// What has become of what a database is kept in since it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::host) enum Changed {
    /// Another file has its name.
    Replaced,
    /// No file has it.
    Gone,
}

/// A database as all workers share it.
pub(super) trait Shared: std::fmt::Debug + Send {
    /// What people know it by: its file, its server.
    fn name(&self) -> String;

    /// How many slow statements may run at once.
    fn allow(&self, most: usize);

    /// Asks at start, where waiting is fine.
    fn query(&mut self, query: &Query) -> Result<Rows, QueryFault>;

    /// Has statements taken in one transaction, behind all that was handed over, and waits until it is done. Gives what was refused.
    fn execute(&self, statements: Vec<Query>) -> Vec<(usize, QueryFault)>;

    /// Whether it is still kept where it was opened.
    fn changed(&self) -> Option<Changed> {
        None
    }

    /// Opens it anew where it is kept now; what was open goes on being asked when that cannot be done.
    fn renew(&self) -> Result<(), QueryFault> {
        Ok(())
    }

    /// A way for one worker; `answered` is called for what is not answered in place.
    fn way(&self, answered: Answered) -> Result<Box<dyn Way + Send>, QueryFault>;
}

/// The databases of a config, opened at start.
#[derive(Debug, Default)]
pub(super) struct Databases {
    open: Vec<Open>,
}

#[derive(Debug)]
struct Open {
    urls: Vec<String>,
    dialect: &'static Dialect,
    shared: Box<dyn Shared>,
    made: bool,
}

impl Databases {
    /// Opens the database of a URL, or finds it when it is open; one that is missing is made from `template`, when there is one.
    ///
    /// # Errors
    /// When no backend knows the URL, or the database cannot be opened.
    pub(super) fn connect(
        &mut self,
        url: &str,
        extensions: Extensions,
        template: Option<&str>,
    ) -> Result<Connected, QueryFault> {
        let at = match self.open.iter().position(|open| open.urls.iter().any(|its| its == url)) {
            Some(at) => at,
            None => self.open(url, extensions, template)?,
        };
        let id = u16::try_from(at).map(DatabaseId).map_err(|_| QueryFault::Overloaded)?;
        Ok(Connected { id, dialect: self.open[at].dialect })
    }

    fn open(&mut self, url: &str, extensions: Extensions, template: Option<&str>) -> Result<usize, QueryFault> {
        let Some(backend) = BACKENDS.iter().find(|backend| backend.dialect.speaks(url)) else {
            let built = BACKENDS.iter().map(|backend| format!("{}://...", backend.dialect.scheme));
            let built = built.collect::<Vec<_>>().join(", ");
            return Err(QueryFault::BadUrl(format!("no database of the kind of {url} is built in, only {built}")));
        };
        let Opening { shared, made } = (backend.open)(url, extensions, template)?;
        // Another URL may name the same database.
        let name = shared.name();
        if let Some(at) = self.open.iter().position(|open| open.shared.name() == name) {
            self.open[at].urls.push(url.to_owned());
            return Ok(at);
        }
        self.open.push(Open { urls: vec![url.to_owned()], dialect: backend.dialect, shared, made });
        Ok(self.open.len() - 1)
    }

    /// The databases that are open, by name, and whether each was made.
    pub(super) fn names(&self) -> impl Iterator<Item = (String, bool)> {
        self.open.iter().map(|open| (open.shared.name(), open.made))
    }

    /// How many slow statements of a database may run at once.
    pub(super) fn allow(&self, most: usize) {
        self.open.iter().for_each(|open| open.shared.allow(most));
    }

    /// Asks at start, where waiting is fine.
    ///
    /// # Errors
    /// When the database refuses.
    pub(super) fn query(&mut self, database: DatabaseId, sql: &str) -> Result<Rows, QueryFault> {
        let query = Query { database, statement: sql.into(), fixed: false, parameters: Vec::new() };
        let open = self.open.get_mut(database.0 as usize).ok_or_else(closed)?;
        open.shared.query(&query)
    }

    /// Has a database take statements behind all that was handed over, and waits until it is done. Gives what it refused.
    pub(super) fn execute(&self, database: DatabaseId, statements: Vec<Query>) -> Vec<(usize, QueryFault)> {
        match self.open.get(database.0 as usize) {
            Some(open) => open.shared.execute(statements),
            None => (0..statements.len()).map(|at| (at, closed())).collect(),
        }
    }

    /// Waits until every change that was handed over is done. Reads are not waited for: nobody wants their answer any more.
    pub(super) fn finish(&self) {
        self.open.iter().for_each(|open| drop(open.shared.execute(Vec::new())));
    }

    /// The databases that are not kept any more where they were opened.
    pub(super) fn changed(&self) -> impl Iterator<Item = (String, Changed)> {
        self.open.iter().filter_map(|open| Some((open.shared.name(), open.shared.changed()?)))
    }

    /// Opens those anew. Gives those for which that cannot be done; what was open goes on being asked then.
    pub(super) fn renew(&self) -> Vec<(String, QueryFault)> {
        let changed = self.open.iter().filter(|open| open.shared.changed().is_some());
        changed.filter_map(|open| Some((open.shared.name(), open.shared.renew().err()?))).collect()
    }

    /// A worker's ways to all of them.
    ///
    /// # Errors
    /// When a database cannot be opened once more.
    pub(super) fn worker(&self, answered: &Answered) -> Result<Worker, QueryFault> {
        let ways = self.open.iter().map(|open| open.shared.way(answered.clone()));
        Ok(Worker { ways: ways.collect::<Result<_, _>>()? })
    }
}

/// A worker's ways to the databases.
pub(super) struct Worker {
    ways: Vec<Box<dyn Way + Send>>,
}

impl Worker {
    /// Asks; see [`Way::ask`].
    pub(super) fn ask(&mut self, ticket: Ticket, query: Query) -> Option<Answer> {
        match self.ways.get_mut(query.database.0 as usize) {
            Some(way) => way.ask(ticket, query),
            None => Some(Answer::Rows(Err(closed()))),
        }
    }

    /// Has statements taken; see [`Way::execute`].
    pub(super) fn execute(&mut self, ticket: Ticket, statements: Vec<Query>) -> Option<Answer> {
        let database = statements.first().map_or(DatabaseId(0), |query| query.database);
        match self.ways.get_mut(database.0 as usize) {
            Some(way) => way.execute(ticket, statements),
            None => Some(Answer::Executed((0..statements.len()).map(|at| (at, closed())).collect())),
        }
    }
}

fn closed() -> QueryFault {
    QueryFault::Unavailable("it is not open".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_of_another_kind_says_what_is_built_in() {
        let fault = Databases::default().connect("mysql://u:p@h/d", Extensions::default(), None).unwrap_err();
        assert!(matches!(&fault, QueryFault::BadUrl(why) if why.contains("sqlite://")), "{fault}");
    }
}
