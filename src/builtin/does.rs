//! What functions do, in words that others ask for: rules of `check`, explanations, the compiler. A function's words stand on its row, so that what is
//! true of one is true of the next that says the same, under whatever name.

use crate::language::{MessageKind, RouteKind};

/// Something that a function does or asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Does {
    /// Forwards the request.
    Relay,
    /// Takes the transport that the request came by, where the arguments name none.
    KeepTransport,
    /// Makes the transaction of the request; of what relays: answers through it when the request cannot be sent.
    MakeTransaction,
    /// Looks for the transaction of the message.
    FindTransaction,
    /// Says which block runs for the transaction later on: the name is the first argument.
    Arm(RouteKind),
    /// Asks whether such a block is set: what the first argument says.
    AskArmed,
    /// Asks whether the caller cancelled the call.
    AskCanceled,
    /// Asks what became of the branches: a code, a timeout.
    AskStatus,

    /// Answers the request; the code is the first argument, when there is one.
    Reply,
    /// Answers with what the action before it met.
    ReplyError,
    /// Answers through a transaction, which has to be there.
    ReplyInTransaction,
    /// Answers when it is false.
    ReplyOnFailure,
    /// Does nothing sensible with a reply in hand, however it is reached.
    WantRequest,

    /// Answers a REGISTER after keeping its contacts.
    Save,
    /// Looks for where somebody is registered.
    LookUp,
    /// Finds where the request goes, when it is true.
    Choose,
    /// Writes where the request goes, as the script says.
    Rewrite,
    /// Puts its argument, which Kamailio takes as it stands, into a part of the Request-URI; what to assign to have variables expanded.
    Assign(&'static str),
    /// Chooses a destination of the dispatcher by an algorithm: the set is the first argument.
    SelectDestination,
    /// The same, where the algorithm is the second argument.
    SelectByAlgorithm,
    /// Takes the next destination of the dispatcher.
    NextDestination,
    /// Sets the state of the destination in use: the first argument says which.
    MarkDestination,
    /// Asks whether the sender is a destination of a set: the first argument.
    AskDestinations,
    /// Confirms or ends the call's share of a destination's load.
    CountLoad,
    /// Ends the call's share of a destination's load.
    EndLoad,
    /// Has the destinations read again.
    ReloadDestinations,
    /// Names the socket that a request leaves by.
    ChooseSocket,

    /// Checks credentials.
    Authenticate,
    /// Compares who somebody says to be with whose credentials were checked.
    BindIdentity,
    /// Takes the credentials out of the request.
    ConsumeCredentials,
    /// Checks who sends, by address.
    CheckSource,
    /// Speaks of who sends, without a verdict.
    AskSource,
    /// Limits how much a source may send.
    LimitRate,
    /// Looks for what is forbidden: a word, a country, a number.
    Screen,
    /// Checks that the message is well formed.
    CheckSanity,

    /// Asks or tells a media relay.
    Media,
    /// Asks or tells it whatever the message wants, and ends the session with the call.
    ManageMedia,
    /// Ends what a media relay holds.
    EndMedia,

    /// Asks for the method: the first argument holds those that count.
    AskMethod,
    /// Asks whether the request stands in a dialog.
    AskToTag,
    /// Is true for one kind of message only: what it guards is not reached with the other.
    AskKind(MessageKind),
    /// Asks whether the Request-URI is this server's.
    AskLocalUri,
    /// Asks whether From is this server's.
    AskLocalFrom,
    /// Asks whether a domain, the first argument, is this server's.
    AskLocalDomain,
    /// Asks for a dialog that is known.
    AskDialog,
    /// Keeps the dialog of the request.
    TrackDialog,
    /// Writes a record of the request.
    Account,
    /// Follows the Route headers.
    LooseRoute,
    /// Adds a Record-Route.
    RecordRoute,
    /// Looks at Max-Forwards.
    LimitHops,
    /// Asks whether the sender is behind NAT: what to look at is the first argument.
    AskNat,
    /// Keeps where the message came from, for the Contact.
    FixContact,
    /// The same, in the variable that the registrar reads.
    FixRegister,
    /// Changes the Contact itself.
    ChangeContact,
    /// Adds a parameter to the Contact.
    AliasContact,

    /// Takes headers out: the first argument says which.
    RemoveHeader,
    /// Adds a header: the text is the first argument.
    AddHeader,
    /// Writes its arguments into headers, or into the first line.
    WriteHeader,
    /// Makes changes of the message show.
    ApplyChanges,

    /// Writes to the log.
    Log,
    /// Sets a flag of the message.
    SetFlag,
    /// Asks for a flag of the message.
    AskFlag,
    /// Asks for a beginning: of the first argument, by the second.
    AskPrefix,
    /// Puts a text, its second argument, together in the variable that is its first.
    Print,
    /// Takes a value off a variable, or reads one below the top.
    PopValue,
    /// Takes entries out of a table, or gives them a time to live.
    RemoveEntries,
    /// Fills a result that has to be freed by the script.
    FillResult,
    /// Fills a result that goes by itself.
    FillRows,
    /// Frees a result.
    FreeResult,
    /// Reads a cell of the result of the last query, which Kamailio does not keep.
    ReadLastResult,
    /// Waits for an answer: a worker of Kamailio takes no message meanwhile.
    Wait(Whom),
    /// Waits, and nothing else.
    Sleep,
}

/// Whom a function waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whom {
    /// A database.
    Database,
    /// A web server.
    WebServer,
    /// A command of the machine.
    Command,
    /// A directory.
    Directory,
    /// The domain name system.
    Names,
    /// Any other server: of a cache, of accounts.
    Other,
}

/// What an argument is for, where others ask: it need not be the whole of its text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Means {
    /// Nothing that anybody asks for.
    Any,
    /// A SIP URI.
    Uri,
    /// The host of the next hop, or of the Request-URI.
    Host,
    /// `host:port`.
    HostPort,
    /// A port.
    Port,
    /// The code of a reply.
    ReplyCode,
    /// A header with its line end.
    HeaderLine,
    /// The name of a hash table, or `table=>key`.
    Table,
    /// SQL.
    Sql,
    /// The name of a query's result.
    SqlResult,
    /// A time in milliseconds; the parameter that it stands in for.
    Timer(&'static str),
    /// The number of a flag, or its name.
    Flag,
}
