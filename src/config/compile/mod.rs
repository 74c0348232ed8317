//! The syntax tree to bytecode: every name is resolved here, and every mistake gathered.

mod arguments;
mod expression;
mod flags;
mod known;
mod literal_argument;
mod params;
mod patterns;
mod statement;
mod switch;
mod test;

use super::ast;
use super::reach::Reach;
use super::registry::Registry;
use super::routes::{CallGraph, RouteUse};
use super::unsupported::Unsupported;
use super::walk;
use crate::builtin::{
    Does, Extension, Extensions, Facts, Fault, ModuleId, ParamGiven, Prepare, Reference, RouteId, RouteKind, Slots,
    Value, event_fits,
};
use crate::catalogue::{self, Kind};
use crate::script::{Op, Program, RouteBlock};
use crate::source::{Diagnostic, Span};
use flags::Flag;
pub(super) use params::Templates;
use rustc_hash::{FxHashMap, FxHashSet};

/// What names mean while a config is compiled.
#[derive(Debug)]
pub(super) struct Names<'a> {
    /// Modules and their rows.
    pub(super) registry: &'a Registry,
    /// The extensions in force.
    pub(super) extensions: Extensions,
    /// Names that become numbers.
    pub(super) slots: Slots,
    /// Extensions that the text relied on since they were last taken.
    pub(super) used: Vec<Extension>,
    /// What is known but not built in, used since it was last taken: kind, name and module.
    pub(super) missing: Vec<(Kind, String, &'static str)>,
    /// Names of all functions that the config calls.
    pub(super) functions: Vec<String>,
    /// An unknown variable in an expression is the AVP of that name.
    pub(super) unknown_is_avp: bool,
    /// Uses of variables that an extension unsets for each message, in the order of the text.
    pub(super) uses: Vec<VariableUse>,
    /// What rows may know of the config.
    pub(super) facts: Facts<'a>,
    /// The statement at hand, and the name of its block.
    pub(super) span: Span,
    pub(super) route: String,
    /// How deep guards are nested here: `$re` reads the innermost group. `None` outside any.
    pub(super) guard: Option<u16>,
}

/// A use of a variable that an extension unsets for each message.
#[derive(Debug)]
pub(super) struct VariableUse {
    pub(super) extension: Extension,
    pub(super) slot: u32,
    /// It is written here.
    pub(super) writes: bool,
    /// Block and place; known once the compiler has seen it.
    route: RouteId,
    span: Span,
}

impl<'a> Names<'a> {
    /// Nothing used so far, no extension in force.
    pub(super) fn new(registry: &'a Registry, facts: Facts<'a>) -> Names<'a> {
        Names {
            registry,
            extensions: Extensions::STRICT,
            slots: Slots::default(),
            used: Vec::new(),
            missing: Vec::new(),
            functions: Vec::new(),
            unknown_is_avp: false,
            uses: Vec::new(),
            facts,
            span: facts.span,
            route: String::new(),
            guard: None,
        }
    }

    /// Whether an extension is in force; the text relies on it then.
    pub(super) fn rely_on(&mut self, extension: Extension) -> bool {
        if self.extensions.allows(extension) {
            self.used.push(extension);
            return true;
        }
        false
    }

    /// Notes that a variable is used; as read until [`Names::written`] says otherwise.
    pub(super) fn used(&mut self, extension: Extension, slot: u32) {
        let (route, span) = (RouteId(0), Span::default());
        self.uses.push(VariableUse { extension, slot, writes: false, route, span });
    }

    /// Notes that the variable used last is written there.
    pub(super) fn written(&mut self, slot: u32) {
        if let Some(last) = self.uses.last_mut().filter(|last| last.slot == slot) {
            last.writes = true;
        }
    }

    /// Lets a row prepare something.
    pub(super) fn prepare<T>(&mut self, body: impl FnOnce(&mut Prepare) -> Result<T, Fault>) -> Result<T, Fault> {
        let facts = Facts { span: self.span, route: &self.route, ..self.facts };
        body(&mut Prepare::new(self.extensions, &mut self.used, &mut self.slots, &self.functions).knowing(facts))
    }
}

/// What compiling found beside the program.
#[derive(Debug)]
pub(super) struct Compiled {
    /// The program.
    pub(super) program: Program,
    /// Which routes and functions each route calls.
    pub(super) graph: CallGraph,
    /// Which calls each kind of message can reach.
    pub(super) reach: Reach,
    /// Extensions that the script relies on, with places.
    pub(super) extensions: Vec<(Extension, Span)>,
    /// What is used that is known but not built in.
    pub(super) unsupported: Vec<Unsupported>,
    /// Values of parameters that may hold variables, by the place of their module.
    pub(super) templates: Vec<Templates>,
}

/// Compiles the route blocks of a config, and the values `given` to parameters that may hold variables.
pub(super) fn compile(
    config: &ast::Config,
    registry: &Registry,
    extensions: Extensions,
    facts: Facts,
    given: &[Vec<ParamGiven>],
    diagnostics: &mut Vec<Diagnostic>,
) -> Compiled {
    let functions = called_functions(config);
    let rows = functions.iter().flat_map(|called| registry.functions(called));
    let marks_actions = rows.into_iter().any(|(_, row)| row.does.contains(&Does::ReplyError));
    let names = Names { extensions, functions, ..Names::new(registry, facts) };
    let mut compiler = Compiler {
        names,
        program: Program::default(),
        graph: CallGraph::default(),
        extensions: Vec::new(),
        unsupported: Vec::new(),
        diagnostics,
        flags: flags::of_messages(config),
        avp_flags: flags::of_avps(config),
        mixed_names: !config.kamailio_names,
        route: RouteId(0),
        item: 0,
        kind: RouteKind::Request,
        breaks: Vec::new(),
        depth: 0,
        guards: 0,
        folding: false,
        marks_actions,
        constants: FxHashMap::default(),
        patterns: patterns::Patterns::default(),
        route_ids: FxHashMap::default(),
    };
    let blocks = compiler.declare(config);
    compiler.filled_by_modules(config);
    for (at, bodies) in blocks.iter().enumerate() {
        compiler.block(RouteId(at as u16), bodies);
    }
    compiler.rely_on_unset();
    let templates = compiler.param_templates(given);
    let reach = Reach::of(&blocks, &compiler.route_ids, registry);
    let modules = registry.loaded().iter().enumerate();
    compiler.program.commands =
        modules.flat_map(|(at, module)| module.rpc.iter().map(move |row| (ModuleId(at as u16), row))).collect();
    compiler.program.slots = compiler.names.slots;
    let Compiler { program, graph, extensions, unsupported, .. } = compiler;
    Compiled { program, graph, reach, extensions, unsupported, templates }
}

/// The name of a block as Kamailio calls it.
fn own_name(block: &RouteBlock) -> String {
    let main = match block.kind {
        RouteKind::Request => "DEFAULT_ROUTE",
        RouteKind::CoreReply => "DEFAULT_ONREPLY",
        RouteKind::Onsend => "DEFAULT_ONSEND",
        RouteKind::Failure | RouteKind::Branch | RouteKind::Reply | RouteKind::Event => "",
    };
    if block.name.is_empty() { main.to_owned() } else { block.name.clone() }
}

struct Compiler<'a> {
    names: Names<'a>,
    program: Program,
    graph: CallGraph,
    extensions: Vec<(Extension, Span)>,
    unsupported: Vec<Unsupported>,
    diagnostics: &'a mut Vec<Diagnostic>,
    flags: FxHashMap<String, Flag>,
    avp_flags: FxHashMap<String, Flag>,
    /// The config does not say `#!KAMAILIO`.
    mixed_names: bool,
    /// The block being compiled, and its place among the items of the text.
    route: RouteId,
    item: usize,
    kind: RouteKind,
    /// Jumps out of the loops and switches around the statement at hand.
    breaks: Vec<Vec<usize>>,
    depth: u16,
    guards: u16,
    /// What is emitted goes away again: only its types count.
    folding: bool,
    /// A function reads what the action before it met: each action begins with a mark.
    marks_actions: bool,
    constants: FxHashMap<bytes::Bytes, u32>,
    patterns: patterns::Patterns,
    /// Route blocks by kind and name.
    route_ids: FxHashMap<(RouteKind, String), RouteId>,
}

impl<'a> Compiler<'a> {
    /// Gives each block its place; bodies of unnamed blocks of one kind run one after another, as in Kamailio.
    fn declare<'c>(&mut self, config: &'c ast::Config) -> Vec<Vec<(usize, &'c ast::Route)>> {
        let mut blocks: Vec<Vec<(usize, &ast::Route)>> = Vec::new();
        for (at, item) in config.items.iter().enumerate() {
            let ast::Item::Route(route) = item else { continue };
            let name = route.name.as_ref().map_or("", |name| name.text.as_str());
            if self.is_full() {
                break;
            }
            if let Some(name) = route.name.as_ref().filter(|_| !route.quoted && route.kind != RouteKind::Event) {
                self.reserved(&name.text, name.span);
            }
            match self.route_ids.get(&(route.kind, name.to_owned())).copied() {
                Some(known) if name.is_empty() => blocks[known.0 as usize].push((at, route)),
                // A body of semicolons does not count: the next one of the name takes its place.
                Some(known) if blocks[known.0 as usize].iter().all(|(_, route)| is_blank(&route.body)) => {
                    blocks[known.0 as usize] = vec![(at, route)];
                }
                Some(known) => {
                    let first = self.program.routes[known.0 as usize].head;
                    let message = format!("the route {name} is defined twice");
                    self.diagnostics.push(
                        Diagnostic::error("duplicate-route", message, route.head).label(first, "first defined here"),
                    );
                }
                None if blocks.len() > usize::from(u16::MAX) => {
                    self.error("too-many-routes", "there are more than 65536 route blocks", route.head);
                    break;
                }
                None => {
                    self.route_ids.insert((route.kind, name.to_owned()), RouteId(blocks.len() as u16));
                    let block = RouteBlock { kind: route.kind, name: name.to_owned(), entry: 0, head: route.head };
                    self.program.routes.push(block);
                    blocks.push(vec![(at, route)]);
                }
            }
        }
        self.graph.resize(self.program.routes.len());
        blocks
    }

    /// Notes the variables that parameters name, as dispatcher's attrs_pvname does: their modules write them.
    fn filled_by_modules(&mut self, config: &ast::Config) {
        for item in &config.items {
            let ast::Item::ModParam(ast::ModParam { value: ast::ParamValue::Text(text), .. }) = item else { continue };
            if memchr::memmem::find(&text.value, b"$var(").is_none() {
                continue;
            }
            // What is wrong with the text is told where the parameter is read.
            _ = super::variable::template(&mut self.names, &text.value);
            self.names.used.clear();
            self.names.missing.clear();
            for used in self.names.uses.iter_mut().filter(|used| used.span == Span::default()) {
                (used.writes, used.route, used.span) = (true, RouteId(u16::MAX), text.span);
            }
        }
    }

    /// Reports a name that must stand in quotes, for it is a word of the language.
    fn reserved(&mut self, name: &str, span: Span) -> bool {
        let is_reserved = self.names.registry.is_reserved(name);
        if is_reserved {
            let found = Diagnostic::error("reserved-word", format!("{name} is a word of the language, no name"), span);
            self.diagnostics.push(found.help(format!("put it in quotes: \"{name}\"")));
        }
        is_reserved
    }

    fn block(&mut self, id: RouteId, bodies: &[(usize, &ast::Route)]) {
        let at = id.0 as usize;
        self.route = id;
        self.kind = self.program.routes[at].kind;
        if self.kind == RouteKind::Event {
            self.event(at);
        }
        self.names.route = own_name(&self.program.routes[at]);
        self.program.routes[at].entry = self.here();
        for (item, route) in bodies {
            self.item = *item;
            self.statements(&route.body.statements);
        }
        self.emit(Op::End, self.program.routes[at].head);
    }

    /// Notes an event route that a loaded module runs in Kamailio and none does here. Lints tell of those that no module runs.
    fn event(&mut self, at: usize) {
        let RouteBlock { name, head, .. } = &self.program.routes[at];
        let registry = self.names.registry;
        if registry.loaded().iter().any(|module| module.runs(name)) {
            return;
        }
        let owner = catalogue::modules().iter().find(|known| {
            registry.is_loaded(known.name) && known.names(Kind::Event).any(|event| event_fits(event, name))
        });
        if let Some(owner) = owner {
            let (kind, module) = (Some(Kind::Event), owner.name);
            self.unsupported.push(Unsupported { kind, name: name.clone(), module, span: *head });
        }
    }

    /// Whether so much is wrong that more says nothing.
    fn is_full(&self) -> bool {
        self.diagnostics.len() >= super::MOST_DIAGNOSTICS
    }

    fn here(&self) -> u32 {
        self.program.code.len() as u32
    }

    fn emit(&mut self, op: Op, span: Span) -> usize {
        self.program.code.push(op);
        self.program.spans.push(span);
        self.program.code.len() - 1
    }

    /// Begins an action in Kamailio's sense: a call, an assignment, a jump, or a block with what stands in its head.
    fn action(&mut self, span: Span) {
        if self.marks_actions {
            self.emit(Op::Action, span);
        }
    }

    /// Lets the jump at `at` go to here.
    fn land(&mut self, at: usize) {
        let here = self.here();
        match &mut self.program.code[at] {
            Op::Jump(place)
            | Op::JumpUnless(place)
            | Op::JumpIfZero(place)
            | Op::JumpIfNotZero(place)
            | Op::EnterBlock(place, _)
            | Op::IfInt(place)
            | Op::Operand(place)
            | Op::ChooseUnless(place)
            | Op::LoopWhile(place)
            | Op::LoopCount(place) => *place = here,
            _ => {}
        }
    }

    fn constant(&mut self, text: &bytes::Bytes) -> u32 {
        if let Some(known) = self.constants.get(text) {
            return *known;
        }
        let place = self.program.constants.len() as u32;
        self.program.constants.push(Value::Text(text.clone()));
        self.constants.insert(text.clone(), place);
        place
    }

    fn keep(&mut self, reference: Reference) -> u32 {
        self.program.references.push(reference);
        self.program.references.len() as u32 - 1
    }

    /// A read that no write precedes relies on the extension that unsets the variable for each message: nothing ever writes it, or only its own
    /// block does, further down.
    fn rely_on_unset(&mut self) {
        let uses = std::mem::take(&mut self.names.uses);
        // For each variable where it is first written, and the block that alone writes it.
        let mut writes: FxHashMap<u32, (usize, Option<RouteId>)> = FxHashMap::default();
        for (at, write) in uses.iter().enumerate().filter(|(_, used)| used.writes) {
            let (_, route) = writes.entry(write.slot).or_insert((at, Some(write.route)));
            *route = route.filter(|route| *route == write.route);
        }
        for (at, read) in uses.iter().enumerate().filter(|(_, used)| !used.writes) {
            let unset = match writes.get(&read.slot) {
                Some((first, route)) => *route == Some(read.route) && *first > at,
                None => true,
            };
            if unset {
                self.extensions.push((read.extension, read.span));
            }
        }
    }

    /// Notes at a place what was relied on, what is not built in, and which variables were used, since the last call.
    fn note_extensions(&mut self, span: Span) {
        let route = self.route;
        for used in self.names.uses.iter_mut().rev().take_while(|used| used.span == Span::default()) {
            used.span = span;
            used.route = route;
        }
        for extension in self.names.used.drain(..) {
            self.extensions.push((extension, span));
        }
        for (kind, name, module) in self.names.missing.drain(..) {
            self.unsupported.push(Unsupported { kind: Some(kind), name, module, span });
        }
    }

    fn error(&mut self, code: &'static str, message: impl Into<String>, span: Span) {
        self.diagnostics.push(Diagnostic::error(code, message, span));
    }

    fn mistake(&mut self, mistake: super::variable::Mistake, span: Span) {
        let mut diagnostic = Diagnostic::error(mistake.code, mistake.fault.message, span);
        diagnostic.help = mistake.fault.help;
        self.diagnostics.push(diagnostic);
    }

    /// Reads a variable; after a mistake `$null`-like nothing stands in its place.
    fn reference(&mut self, variable: &ast::Variable) -> Option<Reference> {
        self.names.unknown_is_avp = self.mixed_names;
        let read = super::variable::reference(&mut self.names, &variable.text, variable.long);
        self.names.unknown_is_avp = false;
        self.note_extensions(variable.span);
        match read {
            Ok(reference) => Some(reference),
            Err(mistake) => {
                self.mistake(mistake, variable.span);
                None
            }
        }
    }

    fn uses(&mut self, used: RouteUse, call: &ast::Call) {
        self.graph.add(self.route, used, call);
    }
}

/// Whether a block does nothing.
fn is_blank(block: &ast::Block) -> bool {
    block.statements.iter().all(|statement| matches!(statement.kind, ast::StatementKind::Empty))
}

/// Names of all functions that the config calls anywhere.
fn called_functions(config: &ast::Config) -> Vec<String> {
    let mut seen = FxHashSet::default();
    let mut names = Vec::new();
    for item in &config.items {
        let ast::Item::Route(route) = item else { continue };
        walk::block(&route.body, &mut |node| {
            if let walk::Node::Call(call) = node
                && seen.insert(call.name.text.as_str())
            {
                names.push(call.name.text.clone());
            }
        });
    }
    names
}
