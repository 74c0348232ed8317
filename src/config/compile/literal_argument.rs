//! Arguments of core statements, which take literals only: numbers, strings, declared flags, and some words without quotes.

use super::arguments::FunctionCall;
use crate::builtin::{Arg, ArgKind, Argument, Bare, Template};
use crate::config::ast::{Expression, ExpressionKind, Variable};
use crate::sip::Transport;
use crate::source::{Diagnostic, Span};

/// The highest flag of a message.
const HIGHEST_FLAG: i64 = 31;

impl FunctionCall<'_, '_> {
    pub(super) fn literal_argument(&mut self, arg: &Arg, given: &Expression) -> Option<Argument> {
        let span = given.span;
        match (arg.kind, &given.kind) {
            (ArgKind::Flag, ExpressionKind::Int(number)) => {
                if !(0..=HIGHEST_FLAG).contains(number) {
                    self.compiler.error("bad-flag", format!("{number} is no flag: they are 0 to {HIGHEST_FLAG}"), span);
                }
                Some(Argument::Int(*number))
            }
            (ArgKind::Flag, ExpressionKind::Word(name)) => self.declared(name, false, span),
            (ArgKind::Flag, ExpressionKind::Text(name)) => self.declared(&String::from_utf8_lossy(name), false, span),
            (ArgKind::AvpFlag, ExpressionKind::Word(name)) => self.declared(name, true, span),
            (ArgKind::AvpFlag, ExpressionKind::Text(name)) => self.declared(&String::from_utf8_lossy(name), true, span),
            (ArgKind::AvpFlag, _) => self.not_literal(arg, "a declared flag", span),
            (ArgKind::Bare(Bare::Avp, prepare), ExpressionKind::Text(name)) => {
                self.prepared(prepare, &Template::fixed(name.clone()), span)
            }
            (ArgKind::Bare(Bare::Avp, prepare), ExpressionKind::Variable(avp))
                if (self.compiler.mixed_names || is_percent(avp)) && !avp.text.contains(&b'(') =>
            {
                let name = avp.text.strip_prefix(b"%").unwrap_or(&avp.text);
                self.prepared(prepare, &Template::fixed(avp.text.slice_ref(name)), span)
            }
            (ArgKind::Flag, _) => self.not_literal(arg, "a number or a declared flag", span),
            (ArgKind::Number | ArgKind::Int, ExpressionKind::Int(number)) => Some(Argument::Int(*number)),
            (ArgKind::Count, ExpressionKind::Int(number)) if *number >= 0 => Some(Argument::Int(*number)),
            (ArgKind::Count, ExpressionKind::Int(_)) => self.no_such(arg, "a number without a sign", span),
            (ArgKind::Number | ArgKind::Count | ArgKind::Int, _) => {
                self.not_literal(arg, "a number without quotes", span)
            }
            (ArgKind::Bare(form, _), kind) if !fits(form, kind) => self.no_such(arg, wanted(form), span),
            (ArgKind::Bare(_, prepare), ExpressionKind::Word(word) | ExpressionKind::Address(word)) => {
                self.prepared(prepare, &Template::fixed(word.clone()), span)
            }
            (ArgKind::Bare(_, prepare), ExpressionKind::Int(number)) => {
                self.prepared(prepare, &Template::fixed(number.to_string()), span)
            }
            (ArgKind::Bare(_, prepare) | ArgKind::Custom(prepare), ExpressionKind::Text(_)) => {
                let template = self.template(given, true)??;
                self.prepared(prepare, &template, span)
            }
            (_, ExpressionKind::Text(_)) => Some(Argument::Template(self.template(given, true)??)),
            _ => self.not_literal(arg, "a string in quotes", span),
        }
    }

    /// Reports a port of the Request-URI that goes with another host.
    pub(super) fn port_without_host(&mut self) {
        let word = |at: usize| match self.call.args.get(at).map(|arg| &arg.kind) {
            Some(ExpressionKind::Word(word)) => Some(word.as_str()),
            _ => None,
        };
        if let (Some("uri:port"), Some(port)) = (word(1), self.call.args.get(1))
            && word(0) != Some("uri:host")
        {
            let message = format!("{}: uri:port goes with uri:host only", self.name());
            self.compiler.error("bad-argument", message, port.span);
        }
    }

    fn declared(&mut self, name: &str, of_avps: bool, span: Span) -> Option<Argument> {
        let flags = if of_avps { &self.compiler.avp_flags } else { &self.compiler.flags };
        let known = flags.get(name).copied();
        if let Some(flag) = known.filter(|flag| flag.item < self.compiler.item) {
            return Some(Argument::Int(flag.number));
        }
        let word = if of_avps { "avpflags" } else { "flags" };
        let message = match known {
            Some(_) => format!("the flag {name} is declared below its use"),
            None => format!("the flag {name} is not declared"),
        };
        let found = Diagnostic::error("unknown-flag", message, span);
        self.compiler.diagnostics.push(found.help(format!("declare it above all routes: {word} {name}")));
        None
    }

    fn no_such(&mut self, arg: &Arg, wanted: &str, span: Span) -> Option<Argument> {
        self.compiler.error("bad-argument", format!("{}: {} is {wanted}", self.name(), arg.name), span);
        None
    }

    fn not_literal(&mut self, arg: &Arg, wanted: &str, span: Span) -> Option<Argument> {
        let found = Diagnostic::error("not-constant", format!("{}: {} is {wanted}", self.name(), arg.name), span);
        self.compiler.diagnostics.push(found.note("statements of the core compute nothing"));
        None
    }
}

/// What a form is, for messages.
fn wanted(form: Bare) -> &'static str {
    match form {
        Bare::Host => "a host or an address, without a port",
        Bare::NextHop => "a host or an address, without a port and no number, or uri:host",
        Bare::Port => "a number without quotes and sign, or uri:port",
        Bare::Socket => "a host or an address, a transport before it and a port behind it if need be",
        Bare::Avp => "the name of an AVP in quotes",
        Bare::Transport => "UDP, TCP, TLS or SCTP, without quotes",
    }
}

/// Whether it stands as `%name` in the text, which is an AVP everywhere: forms with `$` have that text too, but are longer.
fn is_percent(variable: &Variable) -> bool {
    variable.text.starts_with(b"%") && (variable.span.end - variable.span.start) as usize == variable.text.len()
}

/// Whether Kamailio's grammar takes what is written for an argument of this form. What computes something is refused elsewhere.
fn fits(form: Bare, kind: &ExpressionKind) -> bool {
    match (form, kind) {
        (Bare::Avp, _) => false,
        (Bare::Transport | Bare::Port, ExpressionKind::Text(_)) | (Bare::NextHop, ExpressionKind::Int(_)) => false,
        (Bare::Host | Bare::Socket | Bare::Port, ExpressionKind::Int(number)) => *number >= 0,
        (Bare::NextHop, ExpressionKind::Word(word)) => word == "uri:host" || is_host(word),
        (Bare::Host, ExpressionKind::Word(word)) => is_host(word),
        (Bare::Port, ExpressionKind::Word(word)) => word == "uri:port",
        (Bare::Transport, ExpressionKind::Word(word)) => is_transport(word),
        (Bare::Socket, ExpressionKind::Word(word)) => {
            let parts: Vec<&str> = outside_brackets(word);
            let is_port = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
            match parts.as_slice() {
                [host] => !is_transport(host),
                [first, second] => is_transport(first) || is_port(second),
                [first, ..] => is_transport(first),
                [] => false,
            }
        }
        (Bare::Port | Bare::Transport, ExpressionKind::Address(_) | ExpressionKind::Int(_)) => false,
        (_, ExpressionKind::Address(address)) => !address.contains('/'),
        _ => true,
    }
}

/// What stands between the colons of a socket; those of an address in brackets are its own.
fn outside_brackets(socket: &str) -> Vec<&str> {
    let mut is_inside = false;
    let parts = socket.split(|letter: char| {
        is_inside = letter == '[' || is_inside && letter != ']';
        letter == ':' && !is_inside
    });
    parts.collect()
}

/// Whether it is a host without transport and port.
fn is_host(word: &str) -> bool {
    outside_brackets(word).len() == 1 && word != "*" && !is_transport(word)
}

/// Whether it is one of Kamailio's words for a transport.
fn is_transport(word: &str) -> bool {
    Transport::WORDS.contains(&word)
}
