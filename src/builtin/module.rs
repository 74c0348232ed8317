//! The rows: what a module offers to scripts, each row beside the Rust that does it.
//!
//! A row is `static` data. `check`, `run`, `explain` and the manual all read it; nothing about a function, parameter or variable is
//! written a second time.

use super::args::Args;
use super::background::{Start, StartFault, State};
use super::context::Context;
use super::does::{Does, Means};
use super::effect::Outcome;
use super::prepare::{Fault, Prepare, Prepared};
use super::reference::{Key, Place, Template};
use super::rpc::Rpc;
use super::select::Select;
use crate::language::{Extension, RouteKind, Value};
use crate::world::Dialect;

/// A module as `loadmodule` names it.
#[derive(Debug)]
pub struct Module {
    /// Its name without `.so`.
    pub name: &'static str,
    /// What it is for, in a sentence.
    pub doc: &'static str,
    /// Functions callable from route blocks.
    pub functions: &'static [Function],
    /// Parameters settable with `modparam` (for the core: global settings).
    pub params: &'static [Param],
    /// Pseudo-variables.
    pub variables: &'static [Variable],
    /// Words of old-style tests such as `src_ip`.
    pub words: &'static [Word],
    /// Transformation functions.
    pub transformations: &'static [Transformation],
    /// Selects, `@from.uri`.
    pub selects: &'static [Select],
    /// Event routes it runs, such as `dispatcher:dst-down`; where the config chooses the end of a name, `<what>` stands for it.
    pub events: &'static [&'static str],
    /// Functions that may be called without parentheses, also where a value is wanted.
    pub bare_calls: &'static [&'static str],
    /// The kind of databases that it speaks to.
    pub database: Option<&'static Dialect>,
    /// Commands for operators.
    pub rpc: &'static [Rpc],
    /// Modules it cannot work without.
    pub requires: &'static [&'static str],
    /// Modules that Kamailio wants loaded before it, when they are loaded at all.
    pub after: &'static [&'static str],
    /// Makes its state from the parameters, once, before traffic.
    pub start: fn(&mut Start) -> Result<Box<dyn State>, StartFault>,
}

impl Module {
    /// A module of this name with nothing in it: the base for `..`.
    pub const fn new(name: &'static str, doc: &'static str) -> Module {
        Module {
            name,
            doc,
            functions: &[],
            params: &[],
            variables: &[],
            words: &[],
            transformations: &[],
            selects: &[],
            rpc: &[],
            database: None,
            events: &[],
            bare_calls: &[],
            requires: &[],
            after: &[],
            start: stateless,
        }
    }

    /// Whether it runs the event route of this name.
    pub fn runs(&self, event: &str) -> bool {
        self.events.iter().any(|own| event_fits(own, event))
    }
}

/// Whether a name is that of an event route as a row has it; `<what>` at the end of a row stands for anything.
pub fn event_fits(row: &str, name: &str) -> bool {
    match row.split_once('<') {
        Some((fixed, _)) => !fixed.is_empty() && name.len() > fixed.len() && name.starts_with(fixed),
        None => row == name,
    }
}

fn stateless(_: &mut Start) -> Result<Box<dyn State>, StartFault> {
    Ok(Box::new(()))
}

/// A function callable from route blocks. Several rows may share a name when their arguments differ in number.
#[derive(Debug, Clone, Copy)]
pub struct Function {
    /// Its name and aliases.
    pub names: &'static [&'static str],
    /// Its arguments, optional ones last.
    pub args: &'static [Arg],
    /// Where it may be called.
    pub routes: Routes,
    /// What it does. The return code follows Kamailio: above 0 true, below 0 false, 0 ends the script.
    pub run: fn(&mut Context, &Args) -> Outcome,
    /// What it does, for rules and explanations.
    pub does: &'static [Does],
    /// What it does, for people.
    pub doc: &'static str,
}

impl Function {
    /// How few and how many arguments it takes.
    pub fn arity(&self) -> (usize, usize) {
        (self.args.iter().filter(|arg| !arg.optional).count(), self.args.len())
    }

    /// Whether it may be called with so many arguments.
    pub fn takes(&self, count: usize) -> bool {
        let (least, most) = self.arity();
        (least..=most).contains(&count)
    }

    /// The same row, with what it does for rules and explanations.
    pub const fn does(self, does: &'static [Does]) -> Function {
        Function { does, ..self }
    }
}

/// The row of a function that may be called in every route block.
pub const fn anywhere(
    names: &'static [&'static str],
    args: &'static [Arg],
    run: fn(&mut Context, &Args) -> Outcome,
    doc: &'static str,
) -> Function {
    Function { names, args, routes: Routes::ANY, run, does: &[], doc }
}

/// One argument of a function.
#[derive(Debug, Clone, Copy)]
pub struct Arg {
    /// Its name in messages and manuals.
    pub name: &'static str,
    /// How it is read.
    pub kind: ArgKind,
    /// May be left out, with all that follow.
    pub optional: bool,
    /// A `$` that begins no variable stands for itself, as it must in a pattern.
    pub plain_dollar: bool,
    /// What a text has to be.
    pub form: Form,
    /// What it is for.
    pub means: Means,
}

/// What the text of an argument has to be, as Kamailio wants it when it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Any text.
    Any,
    /// A whole number in digits, where it is constant.
    Number,
    /// One variable and nothing else.
    Variable,
    /// One constant character.
    Character,
}

impl Arg {
    /// An integer: a constant, or a variable read at each call.
    pub const fn int(name: &'static str) -> Arg {
        Arg { name, kind: ArgKind::Int, optional: false, plain_dollar: false, form: Form::Any, means: Means::Any }
    }

    /// Text in which variables are expanded at each call.
    pub const fn text(name: &'static str) -> Arg {
        Arg { name, kind: ArgKind::Text, optional: false, plain_dollar: false, form: Form::Any, means: Means::Any }
    }

    /// Text taken as it stands.
    pub const fn literal(name: &'static str) -> Arg {
        Arg { name, kind: ArgKind::Literal, optional: false, plain_dollar: false, form: Form::Any, means: Means::Any }
    }

    /// Text taken as it stands, or an expression computed at each call.
    pub const fn anything(name: &'static str) -> Arg {
        Arg { name, kind: ArgKind::Anything, optional: false, plain_dollar: true, form: Form::Any, means: Means::Any }
    }

    /// A POSIX extended regular expression, compiled beforehand when constant. Case matters, unlike in `=~`.
    pub const fn regex(name: &'static str) -> Arg {
        Arg { name, kind: ArgKind::Regex, optional: false, plain_dollar: true, form: Form::Any, means: Means::Any }
    }

    /// A constant POSIX extended regular expression that is searched line by line, whatever the case: `search`, `check_route_param`. It is found again
    /// with [`Args::pattern`].
    pub const fn pattern(name: &'static str) -> Arg {
        Arg::custom(name, super::prepare::pattern).plain_dollar()
    }

    /// A variable that the function writes: `$var(x)` or `"$var(x)"`.
    pub const fn target(name: &'static str) -> Arg {
        Arg { name, kind: ArgKind::Target, optional: false, plain_dollar: false, form: Form::Any, means: Means::Any }
    }

    /// The name of a route of this kind, resolved beforehand.
    pub const fn route(name: &'static str, kind: RouteKind) -> Arg {
        Arg {
            name,
            kind: ArgKind::Route(kind, ""),
            optional: false,
            plain_dollar: false,
            form: Form::Any,
            means: Means::Any,
        }
    }

    /// The last part of the name of an event route, resolved beforehand: what stands behind `prefix`.
    pub const fn event_route(name: &'static str, prefix: &'static str) -> Arg {
        Arg {
            name,
            kind: ArgKind::Route(RouteKind::Event, prefix),
            optional: false,
            plain_dollar: false,
            form: Form::Any,
            means: Means::Any,
        }
    }

    /// Text in a form of the function's own, prepared once from the text with its variables unexpanded.
    pub const fn custom(name: &'static str, prepare: fn(&Template, &mut Prepare) -> Result<Prepared, Fault>) -> Arg {
        Arg {
            name,
            kind: ArgKind::Custom(prepare),
            optional: false,
            plain_dollar: false,
            form: Form::Any,
            means: Means::Any,
        }
    }

    /// The same, but a `$` that begins no variable stands for itself.
    pub const fn plain_dollar(self) -> Arg {
        Arg { plain_dollar: true, ..self }
    }

    /// A flag of a core statement: 0 to 31, or a name that `flags` declares.
    pub const fn flag(name: &'static str) -> Arg {
        Arg { name, kind: ArgKind::Flag, optional: false, plain_dollar: false, form: Form::Any, means: Means::Any }
    }

    /// A flag that `avpflags` declares.
    pub const fn avp_flag(name: &'static str) -> Arg {
        Arg { name, kind: ArgKind::AvpFlag, optional: false, plain_dollar: false, form: Form::Any, means: Means::Any }
    }

    /// A number of a core statement, which must be written as one.
    pub const fn number(name: &'static str) -> Arg {
        Arg { name, kind: ArgKind::Number, optional: false, plain_dollar: false, form: Form::Any, means: Means::Any }
    }

    /// The same, without a sign.
    pub const fn count(name: &'static str) -> Arg {
        Arg { name, kind: ArgKind::Count, optional: false, plain_dollar: false, form: Form::Any, means: Means::Any }
    }

    /// A host, address, socket or protocol of a core statement, which may be written without quotes.
    pub const fn bare(
        name: &'static str,
        form: Bare,
        prepare: fn(&Template, &mut Prepare) -> Result<Prepared, Fault>,
    ) -> Arg {
        Arg {
            name,
            kind: ArgKind::Bare(form, prepare),
            optional: false,
            plain_dollar: false,
            form: Form::Any,
            means: Means::Any,
        }
    }

    /// The same, but the text has to be this.
    pub const fn form(self, form: Form) -> Arg {
        Arg { form, ..self }
    }

    /// The same, with what it is for.
    pub const fn means(self, means: Means) -> Arg {
        Arg { means, ..self }
    }

    /// The same, but it may be left out.
    pub const fn optional(self) -> Arg {
        Arg { optional: true, ..self }
    }
}

/// How an argument is read.
#[derive(Debug, Clone, Copy)]
pub enum ArgKind {
    /// See [`Arg::int`].
    Int,
    /// See [`Arg::text`].
    Text,
    /// See [`Arg::literal`].
    Literal,
    /// See [`Arg::anything`].
    Anything,
    /// See [`Arg::regex`].
    Regex,
    /// See [`Arg::target`].
    Target,
    /// See [`Arg::route`] and [`Arg::event_route`].
    Route(RouteKind, &'static str),
    /// See [`Arg::custom`].
    Custom(fn(&Template, &mut Prepare) -> Result<Prepared, Fault>),
    /// See [`Arg::flag`].
    Flag,
    /// See [`Arg::avp_flag`].
    AvpFlag,
    /// See [`Arg::number`].
    Number,
    /// See [`Arg::count`].
    Count,
    /// See [`Arg::bare`].
    Bare(Bare, fn(&Template, &mut Prepare) -> Result<Prepared, Fault>),
}

/// What an argument of a core statement may be that is written without quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bare {
    /// A host or an address.
    Host,
    /// The same, or `uri:host`; no number.
    NextHop,
    /// A number without a sign, or `uri:port`; nothing in quotes.
    Port,
    /// `[proto:]host[:port]`.
    Socket,
    /// The name of a transport, not in quotes.
    Transport,
    /// The name of an AVP in quotes, as it stands; or the AVP itself where the file does not say `#!KAMAILIO`: `$x`.
    Avp,
}

/// The kinds of route block in which a function may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Routes(u8);

impl Routes {
    /// `request_route` and `route` blocks (and `event_route`, which Kamailio treats alike).
    pub const REQUEST: Routes = Routes(1 << RouteKind::Request as u8 | 1 << RouteKind::Event as u8);
    /// `failure_route`.
    pub const FAILURE: Routes = Routes(1 << RouteKind::Failure as u8);
    /// `onreply_route[NAME]`.
    pub const REPLY: Routes = Routes(1 << RouteKind::Reply as u8);
    /// `reply_route`, `onreply_route`.
    pub const CORE_REPLY: Routes = Routes(1 << RouteKind::CoreReply as u8);
    /// Both kinds of reply route.
    pub const ONREPLY: Routes = Routes::REPLY.or(Routes::CORE_REPLY);
    /// `branch_route`.
    pub const BRANCH: Routes = Routes(1 << RouteKind::Branch as u8);
    /// `onsend_route`.
    pub const ONSEND: Routes = Routes(1 << RouteKind::Onsend as u8);
    /// Everywhere.
    pub const ANY: Routes = Routes(0xff);
    /// Nowhere.
    pub const NONE: Routes = Routes(0);

    /// One kind of block.
    pub const fn of(kind: RouteKind) -> Routes {
        Routes(1 << kind as u8)
    }

    /// Both.
    pub const fn or(self, other: Routes) -> Routes {
        Routes(self.0 | other.0)
    }

    /// Whether a block of this kind is among them.
    pub const fn allows(self, kind: RouteKind) -> bool {
        self.0 & (1 << kind as u8) != 0
    }
}

/// A module parameter or core setting.
#[derive(Debug, Clone, Copy)]
pub struct Param {
    /// Its name and aliases.
    pub names: &'static [&'static str],
    /// The type it takes.
    pub kind: ParamKind,
    /// What it is when not set, as it would be written.
    pub default: Option<&'static str>,
    /// What the number counts.
    pub unit: Unit,
    /// May be given several times; all values count.
    pub repeat: bool,
    /// It is read and has no effect here; what it would change.
    pub inert: Option<Inert>,
    /// What it does.
    pub doc: &'static str,
}

/// A parameter that is read and has no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inert {
    /// What it would change.
    pub changes: Changes,
    /// The value that the server behaves as if it had; the default when there is none.
    pub like: Option<&'static str>,
}

/// What a parameter changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Changes {
    /// What is sent, and where to.
    Wire,
    /// Where the server, and who through it, can be reached.
    Reachability,
    /// What is kept, and for how long.
    State,
    /// Who is let in, and what.
    Admission,
    /// Speed, memory, the form of a log, how the server is run.
    Nothing,
}

impl Changes {
    /// All of them.
    pub const ALL: [Changes; 5] =
        [Changes::Wire, Changes::Reachability, Changes::State, Changes::Admission, Changes::Nothing];

    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Changes::Wire => "what is sent, and where to",
            Changes::Reachability => "who can be reached",
            Changes::State => "what is kept",
            Changes::Admission => "who and what is let in",
            Changes::Nothing => "nothing that is seen from outside",
        }
    }
}

impl Param {
    /// The value that the server behaves as if it had, as it would be written; `None` for one that is not set.
    pub fn effective(&self) -> Option<&'static str> {
        self.inert.and_then(|inert| inert.like).or(self.default)
    }

    /// An integer.
    pub const fn int(name: &'static [&'static str], default: &'static str, unit: Unit, doc: &'static str) -> Param {
        Param { names: name, kind: ParamKind::Int, default: Some(default), unit, repeat: false, inert: None, doc }
    }

    /// The same without a sign.
    pub const fn unsigned(self) -> Param {
        Param { kind: ParamKind::Count, ..self }
    }

    /// A string with a default.
    pub const fn text(name: &'static [&'static str], default: &'static str, doc: &'static str) -> Param {
        Param {
            names: name,
            kind: ParamKind::Text,
            default: Some(default),
            unit: Unit::None,
            repeat: false,
            inert: None,
            doc,
        }
    }

    /// A string that is absent when not set.
    pub const fn absent(name: &'static [&'static str], doc: &'static str) -> Param {
        Param { names: name, kind: ParamKind::Text, default: None, unit: Unit::None, repeat: false, inert: None, doc }
    }

    /// One of these words, without quotes.
    pub const fn one_of(names: &'static [&'static str], words: &'static [&'static str], doc: &'static str) -> Param {
        Param { kind: ParamKind::OneOf(words), ..Param::absent(names, doc) }
    }

    /// A string that may hold variables.
    pub const fn template(self) -> Param {
        Param { kind: ParamKind::Template, ..self }
    }

    /// The same, but without effect here, and without one that anybody outside would see.
    pub const fn inert(self) -> Param {
        self.without(Changes::Nothing)
    }

    /// The same, but without effect here, though it would change something. What is done is as with its default.
    pub const fn without(self, changes: Changes) -> Param {
        Param { inert: Some(Inert { changes, like: None }), ..self }
    }

    /// The same, but what is done without it is as with this value.
    pub const fn like(self, value: &'static str) -> Param {
        match self.inert {
            Some(inert) => Param { inert: Some(Inert { like: Some(value), ..inert }), ..self },
            None => self,
        }
    }

    /// The same, but every value given counts.
    pub const fn repeated(self) -> Param {
        Param { repeat: true, ..self }
    }
}

/// The type of a parameter's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamKind {
    /// A number or a word such as `yes`.
    Int,
    /// A number without a sign, for core settings.
    Count,
    /// A string.
    Text,
    /// A string that may hold variables.
    Template,
    /// A string, or a word without quotes, for core settings.
    Word,
    /// One of these words, without quotes, for core settings.
    OneOf(&'static [&'static str]),
    /// A core setting that takes a word, a string or a number.
    Any,
    /// A core setting with addresses: `listen`, `alias`.
    Addresses,
}

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A bare number, a switch, a mask.
    None,
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
    /// Bytes.
    Bytes,
}

/// Writes a pseudo-variable.
pub type Write = fn(&mut Context, &Key, Place, Value) -> Result<(), Fault>;

/// A pseudo-variable.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// Its name without `$`, and aliases.
    pub names: &'static [&'static str],
    /// What stands in its parentheses.
    pub key: KeyKind,
    /// Reads it.
    pub get: fn(&mut Context, &Key, Place) -> Value,
    /// The extension that unsets it for each message: a read before any write relies on it.
    pub forgotten: Option<Extension>,
    /// Writes it; `None` when it cannot be written.
    pub set: Option<Write>,
    /// An index may pick one of its values.
    pub indexed: bool,
    /// What it is.
    pub doc: &'static str,
}

impl Variable {
    /// A variable without parentheses that is only read.
    pub const fn read(
        names: &'static [&'static str],
        get: fn(&mut Context, &Key, Place) -> Value,
        doc: &'static str,
    ) -> Variable {
        Variable { names, key: KeyKind::None, get, forgotten: None, set: None, indexed: false, doc }
    }

    /// The same with something in its parentheses.
    pub const fn keyed(self, key: KeyKind) -> Variable {
        Variable { key, ..self }
    }

    /// The same, unset for each message under an extension.
    pub const fn forgotten(self, extension: Extension) -> Variable {
        Variable { forgotten: Some(extension), ..self }
    }

    /// The same with several values: an index picks one.
    pub const fn indexed(self) -> Variable {
        Variable { indexed: true, ..self }
    }

    /// The same, writable.
    pub const fn written(self, set: Write) -> Variable {
        Variable { set: Some(set), ..self }
    }
}

/// A word of old-style tests: `src_ip == 10.0.0.0/8`. It is no value by itself.
#[derive(Debug, Clone, Copy)]
pub struct Word {
    /// Its names, and how it is read.
    pub variable: Variable,
    /// What it may be compared with.
    pub kind: WordKind,
    /// Where it may stand.
    pub routes: Routes,
}

/// What a word of an old-style test may be compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WordKind {
    /// Text that ignores case; a bare word stands for itself.
    Text,
    /// Text that ignores case, or `myself`.
    Uri,
    /// A number.
    Number,
    /// A number, or a word of the kind [`WordKind::Value`].
    Protocol,
    /// An address, a network, the name of a host, or `myself`.
    Address,
    /// Nothing: it stands on the right of a [`WordKind::Protocol`].
    Value,
}

/// What stands in the parentheses of a variable.
#[derive(Debug, Clone, Copy)]
pub enum KeyKind {
    /// Nothing: `$ru`.
    None,
    /// A fixed name that becomes the number of a slot: `$var(x)`.
    Slot,
    /// Text, which may hold variables: `$hdr(X)`, `$avp($var(name))`.
    Text,
    /// A form of its own, prepared once.
    Custom(fn(&Template, &mut Prepare) -> Result<Prepared, Fault>),
}

/// One function of a transformation class: `{s.len}`, `{uri.param,transport}`.
#[derive(Debug, Clone, Copy)]
pub struct Transformation {
    /// Its class: `s`, `uri`. Case matters.
    pub class: &'static str,
    /// Its name, in lower case; configs may write it in any case.
    pub name: &'static str,
    /// How few and how many parameters it takes.
    pub params: (usize, usize),
    /// Which of them, counted from 0, are looked at when the file is read, and for what.
    pub checks: &'static [(usize, Check)],
    /// What it makes of a value.
    pub run: fn(&mut Context, Value, &[Template]) -> Value,
    /// What it does.
    pub doc: &'static str,
}

/// How many rows several slices have.
pub const fn count<T>(parts: &[&[T]]) -> usize {
    let (mut sum, mut part) = (0, 0);
    while part < parts.len() {
        sum += parts[part].len();
        part += 1;
    }
    sum
}

/// Joins the rows of several files into one list; `N` is their [`count`].
pub const fn join<T: Copy, const N: usize>(parts: &[&[T]]) -> [T; N] {
    let mut all = [parts[0][0]; N];
    let (mut at, mut part) = (0, 0);
    while part < parts.len() {
        let mut row = 0;
        while row < parts[part].len() {
            all[at] = parts[part][row];
            at += 1;
            row += 1;
        }
        part += 1;
    }
    all
}

/// What a parameter of a transformation must be.
#[derive(Debug, Clone, Copy)]
pub enum Check {
    /// A number, no less than this; or a variable.
    Number(i64),
    /// One character, which no variable can give.
    Character,
    /// Text that this says nothing against; or one with variables.
    Form(fn(&str) -> Result<(), String>),
}

impl Check {
    /// What is wrong with a parameter, if anything.
    ///
    /// # Errors
    /// What it should be.
    pub fn apply(self, param: &[u8]) -> Result<(), String> {
        let text = String::from_utf8_lossy(param);
        let is_constant = !param.contains(&b'$');
        match self {
            Check::Number(least) if is_constant => {
                let is_good = text.trim().parse::<i64>().is_ok_and(|number| number >= least);
                let wanted = if least == 0 { "a number, 0 or more" } else { "a number" };
                if is_good { Ok(()) } else { Err(format!("is {wanted}, not {}", text.trim())) }
            }
            Check::Character if param.len() != 1 => Err(format!("is one character, not \"{text}\"")),
            Check::Form(check) if is_constant => check(&text),
            Check::Number(_) | Check::Character | Check::Form(_) => Ok(()),
        }
    }
}
