//! Calls of functions: the row by name and number of arguments, and each argument prepared as its row says.

use super::Compiler;
use super::known::constant;
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

/// A call of a function, while it is compiled.
pub(super) struct FunctionCall<'c, 'a> {
    pub(super) compiler: &'c mut Compiler<'a>,
    pub(super) call: &'c Call,
    /// Arguments so far that are computed at each call.
    computed: u8,
}

impl<'c, 'a> FunctionCall<'c, 'a> {
    pub(super) fn new(compiler: &'c mut Compiler<'a>, call: &'c Call) -> FunctionCall<'c, 'a> {
        FunctionCall { compiler, call, computed: 0 }
    }

    /// Emits the call with its arguments.
    pub(super) fn emit(mut self) {
        let call = self.call;
        let Some((module, function)) = self.row() else { return };
        self.check(module, function);
        let mut args = Vec::with_capacity(call.args.len());
        let constants = self.takes_constants(module);
        let first_use = self.compiler.names.uses.len();
        for (arg, given) in function.args.iter().zip(&call.args) {
            let argument = if module == CORE {
                self.literal_argument(arg, given)
            } else if constants && !self.is_constant(arg, given) {
                None
            } else {
                self.argument(arg, given)
            };
            match argument {
                Some(argument) => args.push(argument),
                None => args.push(Argument::Int(0)),
            }
        }
        if module == STAND_IN {
            // It may write every variable that it is given: the columns of sql_pvquery.
            self.compiler.names.uses[first_use..].iter_mut().for_each(|used| used.writes = true);
        }
        let name = function.names.iter().find(|name| **name == call.name.text).copied().unwrap_or_default();
        let FunctionCall { compiler, computed, .. } = self;
        compiler.uses(RouteUse::Function(function, call.name.text.clone(), call.span), call);
        let site = CallSite { function, name, module, args: args.into(), span: call.span };
        compiler.program.calls.push((site, computed));
        compiler.emit(Op::Call(compiler.program.calls.len() as u32 - 1), call.span);
    }

    /// The function as it is written.
    pub(super) fn name(&self) -> &'c str {
        &self.call.name.text
    }

    /// The row of the function; reported when there is none.
    fn row(&mut self) -> Option<(ModuleId, &'static Function)> {
        let (call, name) = (self.call, self.name());
        let given = call.args.len();
        let registry = self.compiler.names.registry;
        let fits = |row: &Function| (row.arity().0..=row.arity().1).contains(&given);
        // Rows of one name may differ in where they are allowed: the one that is allowed here comes first.
        let rows = registry.functions(name);
        let mut fitting = rows.iter().filter(|(_, row)| fits(row));
        let allowed = fitting.clone().find(|(_, row)| row.routes.allows(self.compiler.kind));
        if let Some(row) = allowed.or_else(|| fitting.next()) {
            return Some(*row);
        }
        let mut known = registry.known_functions(name).filter(|(_, row)| fits(row));
        if let Some((module, row)) = known.next() {
            let kind = Some(Kind::Function);
            self.compiler.unsupported.push(Unsupported { kind, name: name.to_owned(), module, span: call.name.span });
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
        self.compiler.diagnostics.push(diagnostic);
        None
    }

    /// Reports what is wrong with the call as a whole.
    fn check(&mut self, module: ModuleId, function: &Function) {
        let (call, name, kind) = (self.call, self.name(), self.compiler.kind);
        if !call.parentheses && !self.compiler.names.registry.is_bare_call(name) {
            let message = format!("{name} is a function: it is called with parentheses");
            let found = Diagnostic::error("syntax-no-parentheses", message, call.span);
            self.compiler.diagnostics.push(found.help(format!("write {name}()")));
        }
        if let Some(comma) = call.first_comma.filter(|_| module == CORE) {
            self.compiler.error("syntax", format!("{name} takes no comma before its first argument"), comma);
        }
        if module == CORE {
            self.port_without_host();
        }
        if !function.routes.allows(kind) {
            let message = format!("{name} cannot be used in {}", article(kind));
            let mut diagnostic =
                Diagnostic::error("wrong-route", message, call.span).note(format!("allowed in: {}", allowed(function)));
            if matches!(kind, RouteKind::Reply | RouteKind::CoreReply) && function.routes.allows(RouteKind::Failure) {
                diagnostic = diagnostic.help("to act on a failed call, use failure_route");
            }
            self.compiler.diagnostics.push(diagnostic);
        }
    }

    /// Whether Kamailio prepares the arguments of this function beforehand and cannot take them apart again: they must be constants then.
    fn takes_constants(&self, module: ModuleId) -> bool {
        let module = self.compiler.names.registry.loaded().get(module.0 as usize);
        module.is_some_and(|module| catalogue::takes_constants(module.name, self.name(), self.call.args.len()))
    }

    fn is_constant(&mut self, arg: &Arg, given: &Expression) -> bool {
        let is_constant = constant(given).is_some() || matches!(given.kind, ExpressionKind::Word(_));
        if !is_constant {
            let message = format!("{}: {} must be a constant", self.name(), arg.name);
            let found = Diagnostic::error("not-constant", message, given.span);
            self.compiler.diagnostics.push(match &given.kind {
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

    fn argument(&mut self, arg: &Arg, given: &Expression) -> Option<Argument> {
        let span = given.span;
        let spelled = arg.plain_dollar.then(|| with_plain_dollars(given)).flatten();
        let given = spelled.as_ref().unwrap_or(given);
        if let ExpressionKind::Word(word) | ExpressionKind::Address(word) = &given.kind {
            self.compiler.no_value(word, span);
            return None;
        }
        // The value of a bare variable counts: nothing is no text, where in quotes it would be `<null>`.
        let is_bare = matches!(given.kind, ExpressionKind::Variable(_));
        match arg.kind {
            ArgKind::Text | ArgKind::Anything | ArgKind::Regex if is_bare => Some(self.computed(given)),
            ArgKind::Flag | ArgKind::AvpFlag | ArgKind::Number | ArgKind::Count | ArgKind::Bare(..) => {
                self.literal_argument(arg, given)
            }
            ArgKind::Int => self.int_argument(arg, given),
            ArgKind::Text => match self.template(given, true)? {
                Some(template) => self.formed(arg, template, span),
                None if arg.form == Form::Variable => self.misformed(arg, "a variable", span),
                None => Some(self.computed(given)),
            },
            ArgKind::Literal => match self.template(given, false)? {
                Some(template) => Some(Argument::Template(template)),
                None => self.not_constant(arg, span),
            },
            ArgKind::Anything => match self.template(given, false)? {
                Some(template) => Some(Argument::Template(template)),
                None => Some(self.computed(given)),
            },
            ArgKind::Regex => match self.template(given, true)? {
                Some(template) => match template.constant() {
                    Some(pattern) => self.regex_argument(&pattern, span),
                    None => Some(Argument::Template(template)),
                },
                None => Some(self.computed(given)),
            },
            ArgKind::Target => self.target_argument(arg, given),
            ArgKind::Route(kind, prefix) => {
                let Some(name) = self.constant_text(given) else { return self.not_constant(arg, span) };
                let name = String::from_utf8_lossy(&name).into_owned();
                if name.is_empty() || name == "0" {
                    return Some(Argument::Route(None, name.into()));
                }
                let route = self.compiler.route_named(kind, &format!("{prefix}{name}"), span);
                Some(Argument::Route(route, name.into()))
            }
            ArgKind::Custom(prepare) => match self.template(given, true)? {
                Some(template) => self.prepared(prepare, &template, span),
                None => self.not_constant(arg, span),
            },
        }
    }

    pub(super) fn prepared(&mut self, prepare: Custom, template: &Template, span: Span) -> Option<Argument> {
        let prepared = self.compiler.names.prepare(|cx| prepare(template, cx));
        self.compiler.note_extensions(span);
        match prepared {
            Ok(prepared) => Some(Argument::Custom(prepared, format!("{template:?}").into())),
            Err(fault) => {
                let message = format!("{}: {}", self.name(), fault.message);
                let mut diagnostic = Diagnostic::error("bad-argument", message, span);
                diagnostic.help = fault.help;
                self.compiler.diagnostics.push(diagnostic);
                None
            }
        }
    }

    fn int_argument(&mut self, arg: &Arg, given: &Expression) -> Option<Argument> {
        let Some(template) = self.template(given, true)? else { return Some(self.computed(given)) };
        let Some(text) = template.constant() else { return Some(Argument::Template(template)) };
        match whole(&text) {
            Some(number) => Some(Argument::Int(number)),
            None => {
                let text = String::from_utf8_lossy(&text).into_owned();
                let message = format!("{}: {} is a number, not \"{text}\"", self.name(), arg.name);
                self.compiler.error("bad-argument", message, given.span);
                None
            }
        }
    }

    /// A text argument that has the form that its row wants.
    fn formed(&mut self, arg: &Arg, template: Template, span: Span) -> Option<Argument> {
        let constant = template.constant();
        let wanted = match arg.form {
            Form::Number if constant.as_ref().is_some_and(|text| !text.is_empty() && whole(text).is_none()) => {
                "a whole number"
            }
            Form::Variable if template.variable().is_none() => "a variable",
            Form::Character if constant.as_ref().is_none_or(|text| text.len() != 1) => "a single character",
            Form::Any | Form::Number | Form::Variable | Form::Character => return Some(Argument::Template(template)),
        };
        self.misformed(arg, wanted, span)
    }

    fn misformed(&mut self, arg: &Arg, wanted: &str, span: Span) -> Option<Argument> {
        self.compiler.error("bad-argument", format!("{}: {} has to be {wanted}", self.name(), arg.name), span);
        None
    }

    fn regex_argument(&mut self, pattern: &Bytes, span: Span) -> Option<Argument> {
        match self.compiler.patterns.compile(pattern, false, self.compiler.names.extensions) {
            Ok(regex) => {
                if regex.is_perl() {
                    self.compiler.extensions.push((crate::builtin::Extension::PerlRegex, span));
                }
                Some(Argument::Regex(regex))
            }
            Err(why) => {
                self.compiler.error("bad-regex", format!("bad regular expression: {why}"), span);
                None
            }
        }
    }

    fn target_argument(&mut self, arg: &Arg, given: &Expression) -> Option<Argument> {
        let template = self.template(given, true)??;
        let mut parts = template.into_parts();
        match (parts.pop(), parts.is_empty()) {
            (Some(crate::builtin::Part::Variable(reference)), true) if reference.is_writable() => {
                self.compiler.names.written(reference.key.slot() as u32);
                Some(Argument::Target(reference))
            }
            _ => {
                let message = format!("{}: {} must be a variable that can be written", self.name(), arg.name);
                self.compiler.error("bad-argument", message, given.span);
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
                let read = variable::template(&mut self.compiler.names, text);
                self.compiler.note_extensions(given.span);
                match read {
                    Ok(template) => Some(Some(template)),
                    Err(mistake) => {
                        self.compiler.mistake(mistake, given.span);
                        None
                    }
                }
            }
            ExpressionKind::Variable(variable) => {
                let reference = self.compiler.reference(variable)?;
                Some(Some(Template::new(vec![crate::builtin::Part::Variable(reference)])))
            }
            _ => match self.compiler.folded(given) {
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
        self.compiler.folded(given).map(|value| value.to_text())
    }

    fn computed(&mut self, given: &Expression) -> Argument {
        self.compiler.value(given);
        self.computed += 1;
        Argument::Computed(self.computed - 1)
    }

    fn not_constant(&mut self, arg: &Arg, span: Span) -> Option<Argument> {
        self.compiler.error("not-constant", format!("{}: {} must be a constant", self.name(), arg.name), span);
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
