//! What a config uses and Kamailio has, but alanui has not: counted by name, each told once with all its places.

use super::registry::Registry;
use crate::catalogue::{Kind, Neutral, neutral};
use crate::source::{Diagnostic, Span};
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

/// Whether a config runs that uses what is not built in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Unbuilt {
    /// It does not.
    #[default]
    Refused,
    /// It does, but for functions that check who somebody is.
    Allowed,
    /// It does, and everybody is taken for who he says he is.
    AllowedWithAuthentication,
}

impl Unbuilt {
    fn allows(self, used: &Unsupported) -> bool {
        let trusts = used.kind == Some(Kind::Function) && neutral(&used.name) == Neutral::Trust;
        self >= if trusts { Unbuilt::AllowedWithAuthentication } else { Unbuilt::Allowed }
    }
}

/// One error for each name, at its first place, in the order of the text. What is allowed is told in one warning.
pub(super) fn diagnostics(
    uses: &[Unsupported],
    registry: &Registry,
    unbuilt: Unbuilt,
    stand_ins: &[String],
) -> Vec<Diagnostic> {
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
    let (allowed, refused): (Vec<_>, Vec<_>) = names
        .into_iter()
        .partition(|(first, _)| stand_ins.iter().any(|name| name == first.module) || unbuilt.allows(first));
    let summary_of_allowed = summary(&allowed.into_iter().map(|(first, _)| first).collect::<Vec<_>>());
    summary_of_allowed
        .into_iter()
        .chain(refused.into_iter().map(|(first, more)| one(first, &more, registry, unbuilt)))
        .collect()
}

/// What is left out, in one finding.
fn summary(allowed: &[&Unsupported]) -> Option<Diagnostic> {
    let first = allowed.first()?;
    let what = if allowed.len() == 1 { "one thing".to_owned() } else { format!("{} things", allowed.len()) };
    let message = format!("this config uses {what} that alanui does not have");
    let written = |used: &&Unsupported| match used.kind {
        None => format!("module {}", used.name),
        Some(Kind::Variable) => format!("${}", used.name),
        Some(Kind::Transformation) => format!("{{{}}}", used.name),
        Some(Kind::Event) => format!("event_route[{}]", used.name),
        Some(Kind::Select) => format!("@{}", used.name),
        Some(Kind::Function | Kind::Parameter) => used.name.clone(),
    };
    let passes = |used: &&Unsupported| used.kind == Some(Kind::Function) && neutral(&used.name) != Neutral::False;
    let (passing, others): (Vec<&Unsupported>, Vec<&Unsupported>) = allowed.iter().copied().partition(passes);
    let listed = |list: &[&Unsupported]| list.iter().map(written).collect::<Vec<_>>().join(", ");
    let mut diagnostic = Diagnostic::warning("unsupported-allowed", message, first.span);
    if !others.is_empty() {
        let text = format!("without effect, calls false and values null: {}", listed(&others));
        diagnostic = diagnostic.note(text);
    }
    if !passing.is_empty() {
        diagnostic = diagnostic.note(format!("true for everybody: {}", listed(&passing)));
    }
    Some(diagnostic)
}

fn one(first: &Unsupported, more: &[Span], registry: &Registry, unbuilt: Unbuilt) -> Diagnostic {
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
    let mut diagnostic = Diagnostic::error(code, format!("{what}{count}"), *span);
    for place in more.iter().take(SHOWN).filter(|place| place.file == span.file) {
        diagnostic = diagnostic.label(*place, "also here");
    }
    diagnostic = match unbuilt {
        Unbuilt::Refused => diagnostic
            .note("Kamailio has it; alanui does not start without it, unless `run --allow-unsupported` says so"),
        Unbuilt::Allowed | Unbuilt::AllowedWithAuthentication => diagnostic
            .note("it checks who somebody is: without it, everybody is who he says he is")
            .help("to try the config with that, say --allow-unsupported=auth"),
    };
    match registry.events(module) {
        events @ [_, ..] if *kind == Some(Kind::Event) => {
            diagnostic.help(format!("those of {module} that run: {}", events.join(", ")))
        }
        _ => diagnostic,
    }
}
