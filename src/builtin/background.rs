//! What modules do apart from messages: starting, and work by the clock.

use super::context::{Core, RouteId};
use super::effect::Packet;
use super::log::LogLevel;
use super::module::Module;
use super::prepare::{Fault, Slots};
use super::reference::Template;
use super::settings::{Settings, Sockets};
use crate::language::{Extension, Extensions, RouteKind};
use crate::sip::Message;
use crate::source::Span;
use crate::time::Now;
use crate::world::{
    Connected, ConnectionId, DatabaseId, Dialect, Found, ModuleId, Query, QueryFault, Rows, Service, SocketId,
    Unanswered,
};
use bytes::Bytes;
use std::any::Any;
use std::borrow::Cow;
use std::fmt::{self, Debug};
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

/// What a module made of its parameters; shared by all workers, so what changes in it is atomic or behind a lock held for moments.
pub trait State: Any + Debug + Send + Sync {
    /// Work before the first message, once.
    fn begin(&self, _cx: &mut Background) {}

    /// How often [`tick`](State::tick) is called; `None` for never.
    fn period(&self) -> Option<Duration> {
        None
    }

    /// Work by the clock.
    fn tick(&self, _cx: &mut Background) {}

    /// The final reply to a request of this module, or a timeout (408).
    fn replied(&self, _tag: u64, _code: u16, _cx: &mut Background) {}

    /// A reply that belongs to no transaction and has no Via but our own: it may answer what was sent with [`Command::Send`].
    fn answered(&self, _reply: &Message, _cx: &mut Background) {}

    /// The peer of a connection is gone.
    fn gone(&self, _connection: ConnectionId, _cx: &mut Background) {}

    /// A request of this module was dropped by `event_route[tm:local-request]`: no reply to it is told.
    fn kept_back(&self, _tag: u64) {}

    /// What came of a question of this module.
    fn found(&self, _tag: u64, _found: Result<Found, Unanswered>, _cx: &mut Background) {}

    /// A database did not take a statement of this module: what it was about.
    fn refused(&self, _about: Box<dyn Any + Send>) {}

    /// What it keeps because peers or scripts want it kept, for the operator's report.
    fn held(&self) -> Option<Held> {
        None
    }

    /// Work after the last message, once, where waiting is fine: what was kept to be written later is written.
    ///
    /// # Errors
    /// What is lost, and why, in one line.
    fn end(&self, _cx: &mut Ending) -> Result<(), String> {
        Ok(())
    }

    /// Loads again what was loaded at start, keeping what was learnt since.
    ///
    /// # Errors
    /// Says why, and leaves everything as it was.
    fn reload(&self, _world: &mut dyn World) -> Result<(), StartFault> {
        Ok(())
    }
}

impl State for () {}

/// How much is kept of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Held {
    /// How many.
    pub count: usize,
    /// About how many bytes they take.
    pub bytes: usize,
    /// The most bytes that they may take: beyond, what comes is refused.
    pub most: usize,
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let megabytes = |bytes: usize| bytes as f64 / (1 << 20) as f64;
        write!(f, "{} in {:.1} of {:.0} MB", self.count, megabytes(self.bytes), megabytes(self.most))
    }
}

/// What a module's background work may do.
#[derive(Debug)]
pub struct Background<'a> {
    /// The present.
    pub now: Now,
    /// The worker it runs on; `core.commands` takes its wishes.
    pub core: &'a mut Core,
    /// The module.
    pub module: ModuleId,
}

/// What a module may do at the end of the server.
pub struct Ending<'a> {
    /// The present.
    pub now: Now,
    /// The listeners that were served.
    pub sockets: &'a Sockets,
    /// Files and databases.
    pub world: &'a mut dyn World,
}

/// What background work or a function asks the node to do later, in order.
#[derive(Debug)]
pub enum Command {
    /// Send a request of our own, in a transaction.
    Request(OwnRequest),
    /// Send a packet as it is, in no transaction.
    Send(Packet),
    /// Run an event route.
    Event(Event),
    /// Have a database take statements.
    Execute(Statements),
    /// Ask the world.
    Ask(OwnQuestion),
    /// Close a connection, once what waits for it is written.
    Close(ConnectionId),
    /// Let a module load its data again, where waiting is fine.
    Reload(ModuleId),
}

/// Statements for a database that nobody waits for. It takes them in one transaction, in which one that it refuses undoes only itself; that is
/// logged.
#[derive(Debug)]
pub struct Statements {
    /// The module that wants it.
    pub module: ModuleId,
    /// The statements, all for one database.
    pub list: Vec<Statement>,
}

/// One statement among those.
#[derive(Debug)]
pub struct Statement {
    /// The statement.
    pub query: Query,
    /// What the module is given back when the database does not take it; `None` when it need not know.
    pub about: Option<Box<dyn Any + Send>>,
}

/// A question of a module's own; [`State::found`] is told what comes of it.
#[derive(Debug)]
pub struct OwnQuestion {
    /// The module that wants it.
    pub module: ModuleId,
    /// What it is told beside that.
    pub tag: u64,
    /// What is to be looked up or done.
    pub service: Service,
}

impl From<Query> for Statement {
    fn from(query: Query) -> Statement {
        Statement { query, about: None }
    }
}

/// A request made here, such as a dispatcher's OPTIONS.
#[derive(Debug)]
pub struct OwnRequest {
    /// The module that is told the reply.
    pub module: ModuleId,
    /// What it is told beside the reply.
    pub tag: u64,
    /// Method.
    pub method: Bytes,
    /// Request-URI; also the To URI.
    pub uri: Bytes,
    /// From URI.
    pub from: Bytes,
    /// Next hop when not the Request-URI.
    pub next_hop: Option<Bytes>,
    /// Socket to send from, when one is wanted.
    pub socket: Option<SocketId>,
    /// More header lines, each with CRLF.
    pub headers: Bytes,
}

/// An event route to run, with the addresses it sees.
#[derive(Debug)]
pub struct Event {
    /// Its name: `dispatcher:dst-down`.
    pub name: Cow<'static, str>,
    /// `$ru` in it.
    pub uri: Bytes,
    /// `$du` in it.
    pub destination: Option<Bytes>,
    /// `$rs`-like code when a reply caused it; 0 when none did.
    pub code: u16,
    /// What the module that runs it finds in [`Context::local`](super::Context::local).
    pub local: Option<(ModuleId, Box<dyn Any + Send>)>,
}

impl Event {
    /// An event route that no address and no reply caused.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Event {
        Event { name: name.into(), uri: Bytes::new(), destination: None, code: 0, local: None }
    }
}

/// The world as a module may use it at start, before traffic: blocking is fine.
pub trait World {
    /// The bytes of a file.
    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>>;

    /// Opens a database, or finds the one open under this URL.
    fn connect(&mut self, url: &str, extensions: Extensions) -> Result<Connected, QueryFault>;

    /// What the machine calls itself; `None` when it does not say.
    fn host_name(&mut self) -> Option<HostName> {
        None
    }

    /// The address of a host by its name; `None` when it cannot be found.
    fn address(&mut self, name: &str) -> Option<IpAddr>;

    /// Asks a database.
    fn query(&mut self, database: DatabaseId, sql: &str) -> Result<Rows, QueryFault>;

    /// Has a database take statements behind all that it was given before, in one transaction. One that it refuses undoes only itself and is given back with
    /// its place.
    fn execute(&mut self, _database: DatabaseId, statements: Vec<Query>) -> Vec<(usize, QueryFault)> {
        let fault = QueryFault::Unavailable("this world is only looked at".into());
        statements.iter().enumerate().map(|(at, _)| (at, fault.clone())).collect()
    }
}

/// What a machine calls itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostName {
    /// Its name, with its domain when it has one.
    pub name: Bytes,
    /// Its address by that name.
    pub address: Option<IpAddr>,
}

/// What a module's `start` sees.
pub struct Start<'a> {
    /// The values of its parameters.
    pub params: Params<'a>,
    /// Core settings, to which a module may add.
    pub settings: &'a mut Settings,
    /// The extensions in force.
    pub extensions: Extensions,
    /// Those that its parameters rely on, with the value's place.
    pub used: &'a mut Vec<(Extension, Span)>,
    /// Names that became slots.
    pub slots: &'a Slots,
    /// Route blocks that the config defines.
    pub routes: &'a [(RouteKind, String, RouteId)],
    /// Event routes that the config defines, with their places.
    pub events: &'a [(String, Span)],
    /// Files and databases; `None` in `check`, where nothing may be opened.
    pub world: Option<&'a mut dyn World>,
    /// How the kinds of databases are spoken to that are built in.
    pub dialects: &'a [&'static Dialect],
    /// Its place among the modules.
    pub module: ModuleId,
    /// The modules that are loaded, by their places.
    pub modules: &'a [&'static Module],
    /// The values given to the parameters of each.
    pub given: &'a [Vec<ParamGiven>],
    /// Lines for the log.
    pub log: &'a mut Vec<(LogLevel, String)>,
}

impl<'a> Start<'a> {
    /// The name in a parameter such as `$avp(s:name)`; `None` when it is not given, or empty.
    ///
    /// # Errors
    /// It is no `$avp` with a constant name.
    pub fn avp(&self, name: &'static str) -> Result<Option<Bytes>, StartFault> {
        let Some(given) = self.params.given(name) else { return Ok(None) };
        let text = self.params.text(name).unwrap_or_default();
        let text = text.trim_ascii();
        if text.is_empty() {
            return Ok(None);
        }
        let avp = text.strip_prefix(b"$avp(").and_then(|rest| rest.strip_suffix(b")")).map(<[u8]>::trim_ascii);
        let avp = avp.map(|avp| avp.strip_prefix(b"s:").or_else(|| avp.strip_prefix(b"i:")).unwrap_or(avp));
        match avp.filter(|avp| !avp.is_empty() && !avp.contains(&b'$')) {
            Some(avp) => Ok(Some(Bytes::copy_from_slice(avp))),
            None => Err(StartFault::new(format!("{name} is no $avp")).at(given.span).help("write \"$avp(NAME)\"")),
        }
    }

    /// Notes the extension that the URL of a database, given there, relies on.
    pub fn rely_on_url(&mut self, url: &str, span: Span) {
        let dialect = self.dialects.iter().find(|dialect| dialect.speaks(url));
        self.used.extend(dialect.and_then(|dialect| (dialect.relies_on)(url)).map(|extension| (extension, span)));
    }

    /// The parameters of another module that is loaded, before it or behind it.
    pub fn params_of(&self, name: &str) -> Option<Params<'a>> {
        let at = self.modules.iter().position(|module| module.name == name)?;
        Some(Params::new(self.modules[at].params, self.given.get(at).map_or(&[], Vec::as_slice)))
    }

    /// The place of a module that is loaded, before it or behind it.
    pub fn module_id(&self, name: &str) -> Option<ModuleId> {
        self.modules.iter().position(|module| module.name == name).map(|at| ModuleId(at as u16))
    }
}

/// Why a module cannot start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartFault {
    /// One clear line.
    pub message: String,
    /// The parameter at fault, when it is one.
    pub span: Option<Span>,
    /// What to do about it.
    pub help: Option<String>,
}

impl StartFault {
    /// A fault that no parameter's value shows.
    pub fn new(message: impl Into<String>) -> StartFault {
        StartFault { message: message.into(), span: None, help: None }
    }

    /// The parameter at fault.
    pub fn at(self, span: Span) -> StartFault {
        StartFault { span: Some(span), ..self }
    }

    /// Says what to do.
    pub fn help(self, help: impl Into<String>) -> StartFault {
        StartFault { help: Some(help.into()), ..self }
    }
}

/// A value given to a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamGiven {
    /// The parameter's first name.
    pub name: &'static str,
    /// The value.
    pub value: ParamGivenValue,
    /// Where.
    pub span: Span,
}

/// A number or a string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParamGivenValue {
    /// A number.
    Int(i64),
    /// A string.
    Text(Bytes),
}

/// The values given to the parameters of one module, and the defaults of the rest.
#[derive(Debug, Clone, Copy)]
pub struct Params<'a> {
    rows: &'static [super::module::Param],
    given: &'a [ParamGiven],
    templates: &'a [(&'static str, Result<Template, Fault>)],
}

impl<'a> Params<'a> {
    /// For the compiler: the module's rows and what the config gave, checked against them.
    pub fn new(rows: &'static [super::module::Param], given: &'a [ParamGiven]) -> Params<'a> {
        Params { rows, given, templates: &[] }
    }

    /// The same with the values that may hold variables, read by the compiler.
    pub fn knowing(self, templates: &'a [(&'static str, Result<Template, Fault>)]) -> Params<'a> {
        Params { templates, ..self }
    }

    /// The string with variables given, or the default, when there is one.
    ///
    /// # Errors
    /// The variables in it cannot be read.
    pub fn template(&self, name: &'static str) -> Result<Option<Template>, StartFault> {
        let Some((_, read)) = self.templates.iter().find(|(its, _)| *its == name) else {
            return Ok(self.text(name).map(Template::fixed));
        };
        read.clone().map(Some).map_err(|fault| StartFault {
            message: format!("{name}: {}", fault.message),
            span: self.given(name).map(|given| given.span),
            help: fault.help,
        })
    }

    /// All values given to a parameter, in order.
    pub fn all(&self, name: &'static str) -> impl Iterator<Item = &'a ParamGiven> + use<'a> {
        debug_assert!(self.rows.iter().any(|row| row.names.contains(&name)), "{name} has no row");
        self.given.iter().filter(move |given| given.name == name)
    }

    /// The last value given, when there was one.
    pub fn given(&self, name: &'static str) -> Option<&'a ParamGiven> {
        self.all(name).last()
    }

    /// The number given or the default; 0 when there is neither.
    pub fn int(&self, name: &'static str) -> i64 {
        match self.given(name).map(|given| &given.value) {
            Some(ParamGivenValue::Int(number)) => *number,
            _ => self.default(name).and_then(|text| crate::language::parse_int(text.as_bytes())).unwrap_or(0),
        }
    }

    /// Whether the number is not 0.
    pub fn switch(&self, name: &'static str) -> bool {
        self.int(name) != 0
    }

    /// The string given or the default, when there is one.
    pub fn text(&self, name: &'static str) -> Option<Bytes> {
        match self.given(name).map(|given| &given.value) {
            Some(ParamGivenValue::Text(text)) => Some(text.clone()),
            Some(ParamGivenValue::Int(number)) => Some(crate::language::int_text(*number)),
            None => self.default(name).map(|text| Bytes::from_static(text.as_bytes())),
        }
    }

    fn default(&self, name: &'static str) -> Option<&'static str> {
        self.rows.iter().find(|row| row.names.contains(&name))?.default
    }
}
