//! A config as its author wrote it: names unresolved, every node with its place.
//!
//! Built by [`parse`](super::parse) and read by the compiler; knows no module, function or setting.

use crate::source::{FileId, Span};
use bytes::Bytes;
use std::path::PathBuf;

pub use crate::language::{BinaryOperator, RouteKind, UnaryOperator};

/// A whole config, includes and defines already followed.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Top-level items in the order of the text.
    pub items: Vec<Item>,
    /// The text holds `#!KAMAILIO`: a `$name` that is no pseudo-variable is an error. Otherwise it is the AVP of that name.
    pub kamailio_names: bool,
    /// Conditionals of the preprocessor, in the order of the text, also those that were not read.
    pub conditionals: Vec<Conditional>,
    /// Words that the text itself defines, and whether with a value.
    pub defined: Vec<(Vec<u8>, bool)>,
    /// Files of `import_file` that are not there, with the places that name them.
    pub missing_imports: Vec<(PathBuf, Span)>,
    /// A file that it includes could not be read: what is missed may stand there.
    pub incomplete: bool,
    /// There is nothing in it but comments and directives; the file that it begins in.
    pub blank: Option<FileId>,
    /// Defines as they stand at the end of the text; the value is absent when none was given.
    pub defines: Vec<(String, Option<Bytes>)>,
}

/// An `#!ifdef`, `#!ifndef` or `#!ifexp`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conditional {
    /// The word that it asks for; `None` for an `#!ifexp`.
    pub word: Option<Vec<u8>>,
    /// Whether its first branch is read when the word is defined.
    pub when_defined: bool,
    /// The conditional around it, and whether it stands in its first branch.
    pub inside: Option<(usize, bool)>,
    /// It has an `#!else`.
    pub has_else: bool,
    /// Which of its branches were read: the first, the one behind `#!else`.
    pub read: (bool, bool),
    /// Its line.
    pub span: Span,
}

/// A name with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The name itself.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// A string constant after escapes, joining and `#!subst`; bytes, for configs are not always UTF-8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The bytes that the program sees.
    pub value: Bytes,
    /// Where it stands, quotes included.
    pub span: Span,
}

/// One top-level statement.
#[derive(Clone, Debug)]
pub enum Item {
    /// `debug=2`, `group.name = 5`, `listen=udp:1.2.3.4:5060`.
    Setting(Setting),
    /// `loadmodule "tm.so"`, `loadmodulex`.
    LoadModule(LoadModule),
    /// `mpath`, `loadpath`.
    LoadPath(#[cfg_attr(feature = "closed", expect(dead_code, reason = "for tests and benchmarks"))] Text),
    /// `modparam("tm", "fr_timer", 5)`, `modparamx`.
    ModParam(ModParam),
    /// `cfgengine "native"`.
    CfgEngine(Text),
    /// `flags NAME:3, OTHER` and `avpflags`.
    Flags(Flags),
    /// Any kind of route block.
    Route(Route),
}

/// A core setting, or a custom one with a dot in its name.
#[derive(Clone, Debug)]
pub struct Setting {
    /// `debug`, or `group.name` for a custom one.
    pub name: Name,
    /// One value, or several for `listen` and `alias` lists.
    pub values: Vec<SettingValue>,
    /// `desc "..."` of a custom setting.
    #[cfg_attr(feature = "closed", expect(dead_code, reason = "for tests and benchmarks"))]
    pub description: Option<Text>,
    /// A `;` stands behind it.
    pub ended: bool,
    /// The whole statement.
    pub span: Span,
}

/// The value of a setting.
#[derive(Clone, Debug)]
pub enum SettingValue {
    /// A number; `yes`, `on`, `true`, `enable` are 1, their opposites 0.
    Int(i64, Span),
    /// A quoted string.
    Text(Text),
    /// Bare words of an address or an identifier: `udp:0.0.0.0:5060`, `example.com`, `inet`.
    Word(Name),
    /// A `listen` entry.
    Listen(Listen),
}

/// `[proto:]address[:port] [advertise address[:port]] [name "x"]`, as written.
#[derive(Clone, Debug)]
pub struct Listen {
    /// `udp`, `tcp`, ... when given.
    pub proto: Option<Name>,
    /// Addresses, host or interface names; several with `(a, b)`. An IPv6 address without brackets.
    pub addresses: Vec<Name>,
    /// The port when given.
    pub port: Option<(u16, Span)>,
    /// The address and port to advertise.
    pub advertise: Option<(Name, Option<u16>)>,
    /// The socket's name.
    pub socket_name: Option<Text>,
    /// The whole entry.
    pub span: Span,
}

/// `loadmodule "name.so"`.
#[derive(Clone, Debug)]
pub struct LoadModule {
    /// The name as written: a path and `.so` included.
    pub name: Text,
    /// Written as `loadmodulex`: the name may hold pseudo-variables.
    pub interpolated: bool,
}

/// `modparam("modules", "name", value)`.
#[derive(Clone, Debug)]
pub struct ModParam {
    /// A case-insensitive regular expression that matches whole module names.
    pub modules: Text,
    /// The parameter.
    pub name: Text,
    /// Its value.
    pub value: ParamValue,
    /// Written as `modparamx`: a string value may hold pseudo-variables.
    pub interpolated: bool,
    /// The whole statement.
    pub span: Span,
}

/// The value of a module parameter.
#[derive(Clone, Debug)]
pub enum ParamValue {
    /// A number.
    Int(i64, Span),
    /// A string.
    Text(Text),
    /// A pseudo-variable (`modparamx` only).
    Variable(Variable),
}

impl ParamValue {
    /// Where the value stands.
    pub fn span(&self) -> Span {
        match self {
            ParamValue::Int(_, span) => *span,
            ParamValue::Text(text) => text.span,
            ParamValue::Variable(variable) => variable.span,
        }
    }
}

/// `flags A:1, B` or `avpflags A`.
#[derive(Clone, Debug)]
pub struct Flags {
    /// Declared with `avpflags`.
    pub avp: bool,
    /// Names with their positions when given.
    pub names: Vec<(Name, Option<i64>)>,
}

/// A route block.
#[derive(Clone, Debug)]
pub struct Route {
    /// Its kind.
    pub kind: RouteKind,
    /// Its name; `None` for the main block of its kind (also when written as 0). Numbers are normalised.
    pub name: Option<Name>,
    /// The name stands in quotes: any word may be one then.
    pub quoted: bool,
    /// The keyword (and name) that opens it: what a message underlines.
    pub head: Span,
    /// Its statements.
    pub body: Block,
}

/// Statements between braces, or the single statement of an `if` without them.
#[derive(Clone, Debug, Default)]
pub struct Block {
    /// The statements.
    pub statements: Vec<Statement>,
    /// Where, braces included.
    pub span: Span,
}

/// One statement.
#[derive(Clone, Debug)]
pub struct Statement {
    /// What it does.
    pub kind: StatementKind,
    /// Where, without the semicolon.
    pub span: Span,
}

/// One condition of an `if`.
#[derive(Clone, Debug)]
pub struct Branch {
    /// The condition.
    pub condition: Expression,
    /// Run when it is the first that holds.
    pub then: Block,
    /// Where, `if` included.
    pub span: Span,
}

/// What a statement does.
#[derive(Clone, Debug)]
pub enum StatementKind {
    /// A lone `;`.
    Empty,
    /// A function, core statement or `route(...)` called for its effect.
    Call(Call),
    /// `$x = expression`.
    Assign(Assign),
    /// `if (condition) then else if (condition) then else otherwise`.
    If {
        /// What stands behind `if`.
        first: Branch,
        /// What stands behind each `else if`, in order: a chain is no nesting, however long it is.
        more: Vec<Branch>,
        /// Run when no condition holds.
        otherwise: Option<Block>,
    },
    /// `while (condition) body`.
    While {
        /// The condition.
        condition: Expression,
        /// The body.
        body: Block,
    },
    /// `switch (value) { case ... default ... }`.
    Switch {
        /// What is compared.
        value: Expression,
        /// Labels with their statements in order; control falls through without `break`.
        cases: Vec<Case>,
    },
    /// `return`, `exit`, `drop` with an optional value.
    Jump(Jump, Option<Expression>),
    /// `break`.
    Break,
}

/// The statements that leave a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jump {
    /// Leaves the route.
    Return,
    /// Ends the script.
    Exit,
    /// Ends the script and sets the drop mark.
    Drop,
}

/// One label of a `switch` with what follows it.
#[derive(Clone, Debug)]
pub struct Case {
    /// The label.
    pub label: CaseLabel,
    /// The statements up to the next label.
    pub body: Vec<Statement>,
    /// The label's place.
    pub span: Span,
}

/// The label of a `case`.
#[derive(Clone, Debug)]
pub enum CaseLabel {
    /// `case expression:`.
    Value(Expression),
    /// `case /"regex":`.
    Regex(Expression),
    /// `default:`.
    Default,
}

/// `$x = value`.
#[derive(Clone, Debug)]
pub struct Assign {
    /// The left side.
    pub target: Variable,
    /// The right side.
    pub value: Expression,
    /// The whole assignment.
    pub span: Span,
}

/// A pseudo-variable as written, `$` included in the span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// The text between `$` (or `$(`) and its end, after `#!subst`: `var(x)`, `ru`, `ct{uri.host}`, `(hdr(X)[1]{s.len})` without the outer parentheses.
    pub text: Bytes,
    /// Written in the long form `$(...)`, the only one in which an index and transformations are read.
    pub long: bool,
    /// Where it stands.
    pub span: Span,
}

/// A call of a function, core statement or route.
#[derive(Clone, Debug)]
pub struct Call {
    /// The function.
    pub name: Name,
    /// Its arguments.
    pub args: Vec<Expression>,
    /// Parentheses stand behind the name; some core statements go without.
    pub parentheses: bool,
    /// A comma before the first argument, which Kamailio takes from functions of modules.
    pub first_comma: Option<Span>,
    /// From the name to the closing parenthesis.
    pub span: Span,
}

/// An expression.
#[derive(Clone, Debug)]
pub struct Expression {
    /// What it computes.
    pub kind: ExpressionKind,
    /// Where it stands.
    pub span: Span,
}

/// What an expression computes.
#[derive(Clone, Debug)]
pub enum ExpressionKind {
    /// A number, or a word that is one (`yes`, `inet`).
    Int(i64),
    /// A string constant.
    Text(Bytes),
    /// A pseudo-variable.
    Variable(Variable),
    /// `@path.of.select`, without the `@`.
    Select(String),
    /// A bare word: an argument such as a flag or route name, or a network word in a test (`udp`, `myself`, `method`, `src_ip`, `msg:len`).
    Word(String),
    /// An IP address or network written bare: `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, `[::1]`.
    Address(String),
    /// A function or route called for its value.
    Call(Call),
    /// An operator with one operand.
    Unary(UnaryOperator, Box<Expression>),
    /// An operator with two.
    Binary(BinaryOperator, Box<Expression>, Box<Expression>),
    /// `selval(condition, then, otherwise)`.
    Choose(Box<[Expression; 3]>),
    /// `($x = 5)`.
    Assign(Box<Assign>),
    /// A block used as an operand.
    Block(Block),
}
