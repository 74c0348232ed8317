//! Commands of operators.

/// Who gave a command: what names it between a driver and a server.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Caller(pub u64);

/// A command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RpcCall {
    /// Its name: `ul.lookup`.
    pub name: String,
    /// Its parameters, in order.
    pub parameters: Vec<String>,
}

impl RpcCall {
    /// A command as an operator writes it: words with blanks between.
    pub fn read(text: &str) -> RpcCall {
        let mut words = text.split_whitespace().map(str::to_owned);
        RpcCall { name: words.next().unwrap_or_default(), parameters: words.collect() }
    }
}

/// What came of a command: what is printed, line by line.
pub type RpcReply = Result<Vec<String>, RpcFault>;

/// Why a command was not done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RpcFault {
    /// The modules of the config have no such command, but these.
    Unknown(Vec<&'static str>),
    /// It cannot be done.
    Refused {
        /// Why.
        why: String,
        /// How it is written, behind its name.
        usage: &'static str,
    },
}
