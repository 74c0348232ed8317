//! Calls of functions: the row by name and number of arguments, and each argument prepared as its row says.

use super::Compiler;
use super::expression::constant;
use crate::builtin::{
    Arg, ArgKind, Argument, CallSite, Fault, Form, Function, ModuleId, Prepare, Prepared, RouteKind, Template, Value,
};
use crate::catalogue::{self, Kind};
use crate::config::ast::{Call, Expression, ExpressionKind};
use crate::config::registry::STAND_IN;
use crate::config::routes::{RouteUse, allowed, article};
use crate::config::unsupported::Unsupported;
use crate::config::variable;
use crate::script::Op;
use crate::source::{Diagnostic, Span};
use bytes::Bytes;

/// What makes a prepared argument of its text.
pub(super) type Custom = fn(&Template, &mut Prepare) -> Result<Prepared, Fault>;

/// The core's place among the modules.
const CORE: ModuleId = ModuleId(0);

/// Words that begin or end statements: with a capital letter they look like functions.
const KEYWORDS: &[&str] =
    &["if", "else", "while", "switch", "case", "default", "break", "exit", "drop", "return", "route"];

impl Compiler<'_> {
    pub(super) fn call_function(&mut self, call: &Call) {
        let Some((module, function)) = self.function(call) else { return };
        if !call.parentheses && !self.names.registry.is_bare_call(&call.name.text) {
            let message = format!("{} is a function: it is called with parentheses", call.name.text);
            self.diagnostics.push(
                Diagnostic::error("syntax-no-parentheses", message, call.span)
                    .help(format!("write {}()", call.name.text)),
            );
        }
        if let Some(comma) = call.first_comma.filter(|_| module == CORE) {
            self.error("syntax", format!("{} takes no comma before its first argument", call.name.text), comma);
        }
        if module == CORE {
            self.port_without_host(call);
        }
        if !function.routes.allows(self.kind) {
            let message = format!("{} cannot be used in {}", call.name.text, article(self.kind));
            let mut diagnostic =
                Diagnostic::error("wrong-route", message, call.span).note(format!("allowed in: {}", allowed(function)));
            if matches!(self.kind, RouteKind::Reply | RouteKind::CoreReply)
                && function.routes.allows(RouteKind::Failure)
            {
                diagnostic = diagnostic.help("to act on a failed call, use failure_route");
            }
            self.diagnostics.push(diagnostic);
        }
        let mut args = Vec::with_capacity(call.args.len());
        let mut computed = 0u8;
        let constants = self.takes_constants(module, call);
        let first_use = self.names.uses.len();
        for (arg, given) in function.args.iter().zip(&call.args) {
            let argument = if module == CORE {
                self.literal_argument(arg, given, &call.name.text)
            } else if constants && !self.is_constant(arg, given, &call.name.text) {
                None
            } else {
                self.argument(arg, given, &call.name.text, &mut computed)
            };
            match argument {
                Some(argument) => args.push(argument),
                None => args.push(Argument::Int(0)),
            }
        }
        if module == STAND_IN {
            // It may write every variable that it is given: the columns of sql_pvquery.
            self.names.uses[first_use..].iter_mut().for_each(|used| used.writes = true);
        }
        let name = function.names.iter().find(|name| **name == call.name.text).copied().unwrap_or_default();
        self.uses(RouteUse::Function(function, call.name.text.clone(), call.span), call);
        self.program.calls.push((CallSite { function, name, module, args: args.into(), span: call.span }, computed));
        self.emit(Op::Call(self.program.calls.len() as u32 - 1), call.span);
    }

    fn function(&mut self, call: &Call) -> Option<(ModuleId, &'static Function)> {
        let name = call.name.text.as_str();
        let given = call.args.len();
        let registry = self.names.registry;
        let fits = |row: &Function| (row.arity().0..=row.arity().1).contains(&given);
        // Rows of one name may differ in where they are allowed: the one that is allowed here comes first.
        let rows = registry.functions(name);
        let mut fitting = rows.iter().filter(|(_, row)| fits(row));
        let allowed = fitting.clone().find(|(_, row)| row.routes.allows(self.kind));
        if let Some(row) = allowed.or_else(|| fitting.next()) {
            return Some(*row);
        }
        let mut known = registry.known_functions(name).filter(|(_, row)| fits(row));
        if let Some((module, row)) = known.next() {
            let kind = Some(Kind::Function);
            self.unsupported.push(Unsupported { kind, name: name.to_owned(), module, span: call.name.span });
            return Some((STAND_IN, row));
        }
        let built = rows.iter().map(|(_, row)| *row);
        let all: Vec<_> = built.chain(registry.known_functions(name).map(|(_, row)| row)).collect();
        let diagnostic = if let Some(row) = all.first() {
            let message = format!("{name} takes {} arguments, not {given}", arities(&all));
            let args: Vec<_> = row.args.iter().map(|arg| arg.name).collect();
            Diagnostic::error("wrong-arity", message, call.span).help(format!("{name}({})", args.join(", ")))
        } else if let Some(module) = registry.module_of(Kind::Function, name) {
            let message = format!("{name} belongs to the module {module}, which is not loaded");
            Diagnostic::error("missing-module", message, call.name.span).help(format!("add loadmodule \"{module}.so\""))
        } else {
            let unknown = Diagnostic::error("unknown-function", format!("unknown function {name}"), call.name.span);
            match (catalogue::former(Some(Kind::Function), "", name), registry.function_like(name)) {
                _ if KEYWORDS.contains(&&*name.to_ascii_lowercase()) => {
                    unknown.help(format!("words of the language are written small: {}", name.to_ascii_lowercase()))
                }
                (Some(former), _) => unknown.help(former.advice()),
                (None, Some(near)) => unknown.help(format!("did you mean {near}?")),
                (None, None) => unknown,
            }
        };
        self.diagnostics.push(diagnostic);
        None
    }

    /// Whether Kamailio prepares the arguments of this function beforehand and cannot take them apart again: they must be constants then.
    fn takes_constants(&self, module: ModuleId, call: &Call) -> bool {
        let module = self.names.registry.loaded().get(module.0 as usize);
        module.is_some_and(|module| catalogue::takes_constants(module.name, &call.name.text, call.args.len()))
    }

    fn is_constant(&mut self, arg: &Arg, given: &Expression, function: &str) -> bool {
        let is_constant = constant(given).is_some() || matches!(given.kind, ExpressionKind::Word(_));
        if !is_constant {
            let message = format!("{function}: {} must be a constant", arg.name);
            let found = Diagnostic::error("not-constant", message, given.span);
            self.diagnostics.push(match &given.kind {
                ExpressionKind::Variable(variable) => {
                    let text = String::from_utf8_lossy(&variable.text);
                    let (open, close) = if variable.long { ("(", ")") } else { ("", "") };
                    found.help(format!("put it in quotes: \"${open}{text}{close}\""))
                }
                _ => found.help("compute it into a variable first, and put that in quotes"),
            });
        }
        is_constant
    }

    fn argument(&mut self, arg: &Arg, given: &Expression, function: &str, computed: &mut u8) -> Option<Argument> {
        let span = given.span;
        let spelled = arg.plain_dollar.then(|| with_plain_dollars(given)).flatten();
        let given = spelled.as_ref().unwrap_or(given);
        if let ExpressionKind::Word(word) | ExpressionKind::Address(word) = &given.kind {
            self.no_value(word, span);
            return None;
        }
        // The value of a bare variable counts: nothing is no text, where in quotes it would be `<null>`.
        let is_bare = matches!(given.kind, ExpressionKind::Variable(_));
        match arg.kind {
            ArgKind::Text | ArgKind::Anything | ArgKind::Regex if is_bare => Some(self.computed(given, computed)),
            ArgKind::Flag | ArgKind::AvpFlag | ArgKind::Number | ArgKind::Count | ArgKind::Bare(..) => {
                self.literal_argument(arg, given, function)
            }
            ArgKind::Int => self.int_argument(arg, given, function, computed),
            ArgKind::Text => match self.template(given, true)? {
                Some(template) => self.formed(arg, template, function, span),
                None if arg.form == Form::Variable => self.misformed(arg, function, "a variable", span),
                None => Some(self.computed(given, computed)),
            },
            ArgKind::Literal => match self.template(given, false)? {
                Some(template) => Some(Argument::Template(template)),
                None => self.not_constant(arg, function, span),
            },
            ArgKind::Anything => match self.template(given, false)? {
                Some(template) => Some(Argument::Template(template)),
                None => Some(self.computed(given, computed)),
            },
            ArgKind::Regex => match self.template(given, true)? {
                Some(template) => match template.constant() {
                    Some(pattern) => self.regex_argument(&pattern, span),
                    None => Some(Argument::Template(template)),
                },
                None => Some(self.computed(given, computed)),
            },
            ArgKind::Target => self.target_argument(arg, given, function),
            ArgKind::Route(kind, prefix) => {
                let Some(name) = self.constant_text(given) else { return self.not_constant(arg, function, span) };
                let name = String::from_utf8_lossy(&name).into_owned();
                if name.is_empty() || name == "0" {
                    return Some(Argument::Route(None, name.into()));
                }
                let route = self.route_named(kind, &format!("{prefix}{name}"), span);
                Some(Argument::Route(route, name.into()))
            }
            ArgKind::Custom(prepare) => match self.template(given, true)? {
                Some(template) => self.prepared(prepare, &template, function, span),
                None => self.not_constant(arg, function, span),
            },
        }
    }

    pub(super) fn prepared(
        &mut self,
        prepare: Custom,
        template: &Template,
        function: &str,
        span: Span,
    ) -> Option<Argument> {
        let prepared = self.names.prepare(|cx| prepare(template, cx));
        self.note_extensions(span);
        match prepared {
            Ok(prepared) => Some(Argument::Custom(prepared, format!("{template:?}").into())),
            Err(fault) => {
                let message = format!("{function}: {}", fault.message);
                let mut diagnostic = Diagnostic::error("bad-argument", message, span);
                diagnostic.help = fault.help;
                self.diagnostics.push(diagnostic);
                None
            }
        }
    }

    fn int_argument(&mut self, arg: &Arg, given: &Expression, function: &str, computed: &mut u8) -> Option<Argument> {
        let Some(template) = self.template(given, true)? else { return Some(self.computed(given, computed)) };
        let Some(text) = template.constant() else { return Some(Argument::Template(template)) };
        match whole(&text) {
            Some(number) => Some(Argument::Int(number)),
            None => {
                let text = String::from_utf8_lossy(&text).into_owned();
                let message = format!("{function}: {} is a number, not \"{text}\"", arg.name);
                self.error("bad-argument", message, given.span);
                None
            }
        }
    }

    /// A text argument that has the form that its row wants.
    fn formed(&mut self, arg: &Arg, template: Template, function: &str, span: Span) -> Option<Argument> {
        let constant = template.constant();
        let wanted = match arg.form {
            Form::Number if constant.as_ref().is_some_and(|text| !text.is_empty() && whole(text).is_none()) => {
                "a whole number"
            }
            Form::Variable if template.variable().is_none() => "a variable",
            Form::Character if constant.as_ref().is_none_or(|text| text.len() != 1) => "a single character",
            Form::Any | Form::Number | Form::Variable | Form::Character => return Some(Argument::Template(template)),
        };
        self.misformed(arg, function, wanted, span)
    }

    fn misformed(&mut self, arg: &Arg, function: &str, wanted: &str, span: Span) -> Option<Argument> {
        self.error("bad-argument", format!("{function}: {} has to be {wanted}", arg.name), span);
        None
    }

    fn regex_argument(&mut self, pattern: &Bytes, span: Span) -> Option<Argument> {
        match self.patterns.compile(pattern, false, self.names.extensions) {
            Ok(regex) => {
                if regex.is_perl() {
                    self.extensions.push((crate::builtin::Extension::PerlRegex, span));
                }
                Some(Argument::Regex(regex))
            }
            Err(why) => {
                self.error("bad-regex", format!("bad regular expression: {why}"), span);
                None
            }
        }
    }

    fn target_argument(&mut self, arg: &Arg, given: &Expression, function: &str) -> Option<Argument> {
        let template = self.template(given, true)??;
        let mut parts = template.into_parts();
        match (parts.pop(), parts.is_empty()) {
            (Some(crate::builtin::Part::Variable(reference)), true) if reference.is_writable() => {
                self.names.written(reference.key.slot() as u32);
                Some(Argument::Target(reference))
            }
            _ => {
                let message = format!("{function}: {} must be a variable that can be written", arg.name);
                self.error("bad-argument", message, given.span);
                None
            }
        }
    }

    /// The text of an argument, its variables resolved when `interpolate`. `Some(None)` for an expression that must be computed at each call.
    #[allow(clippy::option_option)]
    pub(super) fn template(&mut self, given: &Expression, interpolate: bool) -> Option<Option<Template>> {
        match &given.kind {
            ExpressionKind::Text(text) if !interpolate => Some(Some(Template::fixed(text.clone()))),
            ExpressionKind::Text(text) => {
                let read = variable::template(&mut self.names, text);
                self.note_extensions(given.span);
                match read {
                    Ok(template) => Some(Some(template)),
                    Err(mistake) => {
                        self.mistake(mistake, given.span);
                        None
                    }
                }
            }
            ExpressionKind::Variable(variable) => {
                let reference = self.reference(variable)?;
                Some(Some(Template::new(vec![crate::builtin::Part::Variable(reference)])))
            }
            _ => match self.folded(given) {
                Some(Value::Text(text)) => {
                    let folded = Expression { kind: ExpressionKind::Text(text), span: given.span };
                    self.template(&folded, interpolate)
                }
                Some(value) => Some(Some(Template::fixed(value.to_text()))),
                None => Some(None),
            },
        }
    }

    fn constant_text(&mut self, given: &Expression) -> Option<Bytes> {
        self.folded(given).map(|value| value.to_text())
    }

    fn computed(&mut self, given: &Expression, computed: &mut u8) -> Argument {
        self.value(given);
        *computed += 1;
        Argument::Computed(*computed - 1)
    }

    fn not_constant(&mut self, arg: &Arg, function: &str, span: Span) -> Option<Argument> {
        self.error("not-constant", format!("{function}: {} must be a constant", arg.name), span);
        None
    }
}

/// A number as Kamailio takes it in quotes: digits, with a sign or without one.
fn whole(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse::<i32>().ok().map(i64::from)
}

/// The text of a pattern with `$$` for each `$` that begins no variable; `None` when there is none.
fn with_plain_dollars(given: &Expression) -> Option<Expression> {
    let ExpressionKind::Text(text) = &given.kind else { return None };
    let spelled = variable::plain_dollars(text)?;
    Some(Expression { kind: ExpressionKind::Text(spelled), ..given.clone() })
}

/// The numbers of arguments that rows of one name take: `2 or 3`, `1 to 4 or 6`.
fn arities(rows: &[&Function]) -> String {
    let most = rows.iter().map(|row| row.arity().1).max().unwrap_or(0);
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for count in (0..=most).filter(|count| rows.iter().any(|row| (row.arity().0..=row.arity().1).contains(count))) {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == count => *last = count,
            _ => runs.push((count, count)),
        }
    }
    let shown = runs.iter().map(|&(least, last)| match last - least {
        0 => least.to_string(),
        1 => format!("{least} or {last}"),
        _ => format!("{least} to {last}"),
    });
    shown.collect::<Vec<_>>().join(" or ")
}
