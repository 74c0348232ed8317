//! Words of the language that its tree, its rows and its machine share.

/// Which kind of block a route is; each kind has its own names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RouteKind {
    /// `request_route`, `route`, `route[NAME]`.
    Request,
    /// `reply_route`, and `onreply_route` without a name or with name 0: every reply.
    CoreReply,
    /// `onreply_route[NAME]`: replies of a transaction.
    Reply,
    /// `failure_route[NAME]`.
    Failure,
    /// `branch_route[NAME]`.
    Branch,
    /// `onsend_route`.
    Onsend,
    /// `event_route[a:b]`.
    Event,
}

impl RouteKind {
    /// The word that opens a block of it that has a name.
    pub const fn word(self) -> &'static str {
        match self {
            RouteKind::Request => "route",
            RouteKind::CoreReply | RouteKind::Reply => "onreply_route",
            RouteKind::Failure => "failure_route",
            RouteKind::Branch => "branch_route",
            RouteKind::Onsend => "onsend_route",
            RouteKind::Event => "event_route",
        }
    }
}

/// Operators with one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOperator {
    /// `!`, `not`.
    Not,
    /// `-`.
    Negate,
    /// `~`.
    BitNot,
    /// `defined`.
    Defined,
    /// `strlen(...)`.
    Strlen,
    /// `strempty(...)`.
    Strempty,
    /// `(int)`.
    ToInt,
    /// `(str)`.
    ToText,
}

/// Operators with two operands, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOperator {
    /// `||`, `or`.
    Or,
    /// `&&`, `and`.
    And,
    /// `|`.
    BitOr,
    /// `&`.
    BitAnd,
    /// `^`.
    BitXor,
    /// `<<`.
    ShiftLeft,
    /// `>>`.
    ShiftRight,
    /// `==`.
    Equal,
    /// `!=`.
    NotEqual,
    /// `=~`.
    Match,
    /// `eq`: compares strings.
    TextEqual,
    /// `ne`.
    TextNotEqual,
    /// `ieq`: compares integers.
    IntEqual,
    /// `ine`.
    IntNotEqual,
    /// `<`.
    Less,
    /// `>`.
    Greater,
    /// `<=`.
    LessEqual,
    /// `>=`.
    GreaterEqual,
    /// `+`.
    Add,
    /// `-`.
    Subtract,
    /// `*`.
    Multiply,
    /// `/`.
    Divide,
    /// `mod`.
    Modulo,
}

/// The two kinds of SIP messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// A request.
    Request,
    /// A reply.
    Reply,
}

impl MessageKind {
    /// The other one.
    pub const fn other(self) -> MessageKind {
        match self {
            MessageKind::Request => MessageKind::Reply,
            MessageKind::Reply => MessageKind::Request,
        }
    }
}
