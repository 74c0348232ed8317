//! Text to program.
//!
//! [`preprocess`] follows includes and defines and remembers where every byte came from; [`parse`] cuts the result into
//! top-level items and turns each into the tree of [`ast`], keeping what it can when a part does not parse; then names become
//! rows, mistakes are gathered, and bytecode comes out. The modules are handed in; none is named here.

pub mod ast;
pub mod codes;
mod compile;
mod literal;
mod load_time;
mod module_pattern;
pub mod parse;
mod placeholder;
pub mod preprocess;
mod reach;
mod registry;
mod routes;
mod setting_rules;
mod settings;
mod start;
#[cfg(test)]
mod tests;
mod unsupported;
mod variable;
pub mod walk;

pub use parse::parse_config;
pub use preprocess::{CommandLine, Options};
pub use registry::{Registry, nearest};
pub use routes::{CallGraph, RouteUse, allowed};
pub use settings::{module_name, parse_address};
pub use start::Started;
pub use unsupported::{Unbuilt, Unsupported};

use crate::builtin::{Extension, Extensions, Facts, Module, Param, ParamGiven, Settings};
use crate::script::Program;
use crate::source::{Diagnostic, FileId, Files, Level, Sources, Span, in_order};
use std::path::Path;
use std::sync::Arc;

/// What the command line adds to a config.
#[derive(Default)]
pub struct Additions<'a> {
    /// Defines and substitutions, in order.
    pub options: Options<'a>,
    /// `--loadmodule`, in order.
    pub modules: Vec<String>,
    /// `--modparam`, in order.
    pub params: Vec<String>,
    /// Whether it runs when something is used that is known but not built in.
    pub unbuilt: Unbuilt,
    /// Modules that do not matter: what they are not built to do is left out whatever `unbuilt` says.
    pub stand_ins: Vec<String>,
}

/// A config, compiled.
#[derive(Debug)]
pub struct Config {
    /// The script.
    pub program: Arc<Program>,
    /// The modules it loads.
    pub registry: Registry,
    /// Which routes and functions each route calls.
    #[cfg_attr(feature = "closed", expect(dead_code, reason = "for tests and benchmarks"))]
    pub graph: CallGraph,
    /// Settings of the core as far as the text alone gives them.
    pub settings: Settings,
    /// The extensions in force.
    pub extensions: Extensions,
    /// Those that it relies on, with places.
    pub used: Vec<(Extension, Span)>,
    /// What it uses that is known but not built in, with places.
    pub unsupported: Vec<Unsupported>,
    /// The syntax tree, for lints.
    pub tree: ast::Config,
    given: settings::Given,
    templates: Vec<compile::Templates>,
}

/// Reads and compiles a config. Whatever is wrong is in `diagnostics`; with an error among them the result must not run.
pub fn load(
    main: &Path,
    files: &dyn Files,
    additions: &Additions,
    modules: &'static [&'static Module],
    extensions: Extensions,
    sources: &mut Sources,
    diagnostics: &mut Vec<Diagnostic>,
) -> Config {
    let mut tree = parse_config(main, files, &additions.options, sources, diagnostics);
    nothing(&tree, diagnostics);
    let mut used = seen_endifs(diagnostics, extensions);
    let mut registry = Registry::new(modules);
    let mut unsupported = Vec::new();
    for name in &additions.modules {
        let base = settings::module_name(name);
        let span = on_command_line(sources, name);
        match registry.load(base) {
            registry::Load::Built => {}
            registry::Load::Known(module) => {
                let module = module.name;
                unsupported.push(Unsupported { kind: None, name: base.to_owned(), module, span });
            }
            registry::Load::Unknown => {
                let message = format!("--loadmodule: there is no module {base}");
                let found = Diagnostic::error("unknown-module", message, span);
                diagnostics.push(match registry.module_like(base) {
                    Some(near) => found.help(format!("did you mean {near}?")),
                    None => found,
                });
            }
        }
    }
    let environment = additions.options.environment;
    let early = Facts { defines: &tree.defines, environment, ..Facts::default() };
    load_time::modules(&mut tree.items, &registry, early, diagnostics);
    used.extend(settings::load_modules(&tree.items, &mut registry, &mut unsupported, diagnostics));
    load_time::params(&mut tree.items, &registry, early, diagnostics);
    let mut core = Settings::default();
    let mut given = settings::read(&tree.items, &registry, &mut core, &mut unsupported, diagnostics);
    used.extend(settings::early_params(&tree.items, &registry));
    for param in &additions.params {
        let span = on_command_line(sources, param);
        if let Err(message) = settings::command_line_param(param, span, &registry, &mut given) {
            diagnostics.push(Diagnostic::error("bad-option", format!("--modparam: {message}"), span));
        }
    }
    let facts = Facts {
        selects: &registry.selects(),
        globals: &core.globals,
        defines: &tree.defines,
        environment,
        modules: registry.loaded(),
        sources: Some(sources),
        ..Facts::default()
    };
    let compiled = compile::compile(&tree, &registry, extensions, facts, &given, diagnostics);
    used.extend(compiled.extensions);
    unsupported.extend(compiled.unsupported);
    diagnostics.extend(unsupported::diagnostics(&unsupported, &registry, additions.unbuilt, &additions.stand_ins));
    routes::check(&compiled.program, &compiled.graph, &compiled.reach, diagnostics);
    if diagnostics.len() >= MOST_DIAGNOSTICS {
        let message = "so much is wrong that the rest was not looked at";
        diagnostics.push(Diagnostic::error("too-many-findings", message, Span::default()));
    }
    placeholder::name(sources, diagnostics);
    in_order(diagnostics);
    Config {
        program: Arc::new(compiled.program),
        registry,
        graph: compiled.graph,
        settings: core,
        extensions,
        used,
        unsupported,
        tree,
        given,
        templates: compiled.templates,
    }
}

/// Reports a config without a statement, which Kamailio refuses; a lone `;` is enough for it, and so is a comment that never ends.
fn nothing(tree: &ast::Config, diagnostics: &mut Vec<Diagnostic>) {
    let says_more = |found: &Diagnostic| found.level == Level::Error || found.code == "syntax-unterminated-comment";
    let Some(file) = tree.blank.filter(|_| !diagnostics.iter().any(says_more)) else { return };
    let found = Diagnostic::error("syntax", "there is nothing in this config", Span { file, start: 0, end: 0 });
    diagnostics.push(match tree.conditionals.iter().all(|its| its.read.0 && its.read.1) {
        true => found.help("a setting, `loadmodule` or a route block is expected"),
        false => found.help("all of it stands in branches that are switched off: define the words that switch them on"),
    });
}

/// The place of an option of the command line: each shows as a file of its own.
fn on_command_line(sources: &mut Sources, text: &str) -> Span {
    let file = sources.add(preprocess::COMMAND_LINE, text.as_bytes());
    Span { file, start: 0, end: text.len() as u32 }
}

/// An `#!endif` that Kamailio does not see is an extension when extensions are in force, and an error otherwise.
fn seen_endifs(diagnostics: &mut Vec<Diagnostic>, extensions: Extensions) -> Vec<(Extension, Span)> {
    let is_unseen = |diagnostic: &Diagnostic| diagnostic.code == preprocess::UNSEEN_ENDIF;
    if extensions.is_strict() {
        diagnostics.iter_mut().filter(|found| is_unseen(found)).for_each(|found| found.level = Level::Error);
        return Vec::new();
    }
    let unseen = diagnostics.extract_if(.., |diagnostic| is_unseen(diagnostic));
    unseen.filter_map(|diagnostic| Some((Extension::EndifAtEnd, diagnostic.labels.first()?.span))).collect()
}

impl Config {
    /// Every parameter statement with each loaded module that it speaks of, built in or not.
    pub fn given_params(&self) -> Vec<(&'static str, &ast::ModParam)> {
        settings::given_params(&self.tree.items, &self.registry)
    }

    /// Every value given to a parameter or core setting, with its module and row.
    pub fn params(&self) -> impl Iterator<Item = (&'static str, &'static Param, &ParamGiven)> {
        let modules = self.registry.loaded().iter().zip(&self.given);
        modules.flat_map(|(module, given)| {
            given.iter().filter_map(|given| Some((module.name, Registry::param(module, given.name)?, given)))
        })
    }
}

/// Behind so many findings a config is not read on: each costs memory, and nobody reads them.
const MOST_DIAGNOSTICS: usize = 5000;

/// Whether a config with these findings must not run.
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|diagnostic| diagnostic.level == Level::Error)
}

/// One finding for each extension a config relies on, at the first place that does, in the order of the text: a warning, or under
/// `--strict` an error.
pub fn extension_diagnostics(used: &[(Extension, Span)], strict: bool) -> Vec<Diagnostic> {
    let mut first: Vec<(Extension, Span, usize)> = Vec::new();
    for (extension, span) in used {
        match first.iter_mut().find(|(known, ..)| known == extension) {
            Some((_, earliest, count)) => {
                *count += 1;
                if *earliest == Span::default() || (*span != Span::default() && span < earliest) {
                    *earliest = *span;
                }
            }
            None => first.push((*extension, *span, 1)),
        }
    }
    first.sort_by_key(|(extension, span, _)| (*span, *extension));
    let level = if strict { Level::Error } else { Level::Warning };
    let diagnostics = first.into_iter().map(|(extension, span, count)| {
        let row = extension.row();
        let more = if count > 1 { format!(" ({count} places)") } else { String::new() };
        let message = format!("relies on the extension {}{more}", row.name);
        Diagnostic::new(level, "extension", message, span).note(row.sentence)
    });
    diagnostics.collect()
}

/// The file that a place outside any file is shown in: the first one read.
pub const MAIN_FILE: FileId = FileId(0);
