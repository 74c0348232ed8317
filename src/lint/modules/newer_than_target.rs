//! Names that the release a config is meant for does not have yet.

use crate::catalogue::{self, Kind};
use crate::config::ast::Item;
use crate::lint::{Findings, Release, Rule, Severity, Subject};
use crate::source::Span;
use rustc_hash::FxHashSet;

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "newer-than-target",
    severity: Severity::Portability,
    finds: "A module, function, parameter, setting, variable or transformation that is newer than the release named by --target.",
    why: "That release does not know the name: it refuses to start, or takes an unknown variable for an AVP that nothing sets.",
    instead: "Write it with what the release has, or name a newer release.",
    reference: "https://www.kamailio.org/wikidocs/install/upgrade/",
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    let Some(target) = subject.target else { return };
    let mut told: FxHashSet<(Kind, String)> = FxHashSet::default();
    let mut tell = |kind: Kind, what: String, since: &str, span: Span| {
        if Release::read(since).is_none_or(|since| since <= target) || !told.insert((kind, what.clone())) {
            return;
        }
        let release = format!("{}.{}", target.major, target.minor);
        findings.add(format!("{what} is not in Kamailio {release}: it came with {since}"), span);
    };
    for (name, span) in subject.modules() {
        if let Some(known) = catalogue::module(name) {
            tell(Kind::Event, format!("the module {name}"), known.since, *span);
        }
    }
    for given in subject.all_params() {
        let name = String::from_utf8_lossy(&given.statement.name.value).into_owned();
        let since = catalogue::module(given.module).and_then(|known| known.since(Kind::Parameter, &name));
        tell(
            Kind::Parameter,
            format!("the parameter {name} of {}", given.module),
            since.unwrap_or_default(),
            given.statement.name.span,
        );
    }
    for item in &subject.config.tree.items {
        let Item::Setting(setting) = item else { continue };
        let since = catalogue::module("core").and_then(|known| known.since(Kind::Parameter, &setting.name.text));
        tell(
            Kind::Parameter,
            format!("the setting {}", setting.name.text),
            since.unwrap_or_default(),
            setting.name.span,
        );
    }
    let script = subject.script();
    for at in &script.calls {
        let (name, count) = (at.call.name.text.as_str(), at.call.args.len());
        let owners = loaded_owners(subject, Kind::Function, name);
        let since =
            owners.filter_map(|known| known.function_since(name, count)).min_by_key(|since| Release::read(since));
        let plural = if count == 1 { "" } else { "s" };
        tell(Kind::Function, format!("{name} with {count} argument{plural}"), since.unwrap_or_default(), at.call.span);
    }
    for mention in &script.mentions {
        let name = mention.written.name;
        let owners = loaded_owners(subject, Kind::Variable, name);
        let since =
            owners.filter_map(|known| known.since(Kind::Variable, name)).min_by_key(|since| Release::read(since));
        tell(Kind::Variable, format!("${name}"), since.unwrap_or_default(), subject.place_of(mention));
        for transformation in &mention.written.transformations {
            let text = String::from_utf8_lossy(transformation).into_owned();
            let name = text.split(',').next().unwrap_or_default().trim();
            let owners = loaded_owners(subject, Kind::Transformation, name);
            let since = owners
                .filter_map(|known| known.since(Kind::Transformation, name))
                .min_by_key(|since| Release::read(since));
            tell(Kind::Transformation, format!("{{{name}}}"), since.unwrap_or_default(), subject.place_of(mention));
        }
    }
}

/// The modules of the catalogue that have the name and are loaded, the core among them.
fn loaded_owners(subject: &Subject, kind: Kind, name: &str) -> impl Iterator<Item = &'static catalogue::Known> {
    let owners: Vec<_> = catalogue::owners(kind, name)
        .filter(|known| known.name == "core" || subject.loaded(known.name).is_some())
        .collect();
    owners.into_iter()
}
