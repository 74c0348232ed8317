//! What a config uses and Kamailio has, but alanui has not: counted by name, each told once with all its places.

use super::registry::Registry;
use crate::catalogue::Kind;
use crate::source::{Diagnostic, Level, Span};
use rustc_hash::FxHashMap;

/// One place that uses something which is not built in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// What kind of thing it is; `None` for a whole module.
    pub kind: Option<Kind>,
    /// Its name: a transformation as `class.name`.
    pub name: String,
    /// The module that has it.
    pub module: &'static str,
    /// Where it is used.
    pub span: Span,
}

/// Places shown beside the first one.
const SHOWN: usize = 3;

/// One finding for each name, at its first place, in the order of the text: errors, or warnings when the config is to run all the same.
pub(super) fn diagnostics(uses: &[Unsupported], registry: &Registry, allowed: bool) -> Vec<Diagnostic> {
    let mut places: FxHashMap<(Option<Kind>, &str), usize> = FxHashMap::default();
    let mut names: Vec<(&Unsupported, Vec<Span>)> = Vec::new();
    for used in uses {
        match places.get(&(used.kind, used.name.as_str())) {
            Some(&place) => names[place].1.push(used.span),
            None => {
                places.insert((used.kind, &used.name), names.len());
                names.push((used, Vec::new()));
            }
        }
    }
    let level = if allowed { Level::Warning } else { Level::Error };
    names.into_iter().map(|(first, more)| one(first, &more, registry, level)).collect()
}

fn one(first: &Unsupported, more: &[Span], registry: &Registry, level: Level) -> Diagnostic {
    let Unsupported { kind, name, module, span } = first;
    let (code, what) = match kind {
        None => ("unsupported-module", format!("the module {name} is not supported")),
        Some(Kind::Function) => ("unsupported-function", format!("{name} of the module {module} is not supported")),
        Some(Kind::Parameter) if *module == "core" => {
            ("unsupported-setting", format!("the setting {name} is not supported"))
        }
        Some(Kind::Parameter) => {
            ("unsupported-parameter", format!("the parameter {name} of the module {module} is not supported"))
        }
        Some(Kind::Variable) => ("unsupported-variable", format!("${name} of the module {module} is not supported")),
        Some(Kind::Transformation) => {
            ("unsupported-transformation", format!("{{{name}}} of the module {module} is not supported"))
        }
        Some(Kind::Event) => {
            ("unsupported-event", format!("event_route[{name}] of the module {module} is not supported"))
        }
        Some(Kind::Select) => ("unsupported-select", format!("the select @{name} is not supported")),
    };
    let count = if more.is_empty() { String::new() } else { format!(" ({} places)", more.len() + 1) };
    let mut diagnostic = Diagnostic::new(level, code, format!("{what}{count}"), *span);
    for place in more.iter().take(SHOWN).filter(|place| place.file == span.file) {
        diagnostic = diagnostic.label(*place, "also here");
    }
    let effect = match (level, kind) {
        (Level::Error, _) => {
            "Kamailio has it; alanui does not start without it, unless `run --allow-unsupported` says so"
        }
        (_, Some(Kind::Function)) => "every call of it is false",
        (_, Some(Kind::Event)) => "the block never runs",
        (_, Some(Kind::Variable | Kind::Transformation | Kind::Select)) => "its value is always null",
        _ => "it has no effect",
    };
    diagnostic = diagnostic.note(effect);
    match registry.events(module) {
        events @ [_, ..] if *kind == Some(Kind::Event) => {
            diagnostic.help(format!("those of {module} that run: {}", events.join(", ")))
        }
        _ => diagnostic,
    }
}
