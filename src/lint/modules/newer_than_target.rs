//! Names that the release a config is meant for does not have yet.

use crate::catalogue::{self, Kind, Known, modules};
use crate::config::ast::Item;
use crate::lint::{Findings, Release, Rule, Severity, Subject};
use crate::source::Span;
use rustc_hash::{FxHashMap, FxHashSet};

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
    let mut reported: FxHashSet<(Kind, String)> = FxHashSet::default();
    let mut tell = |kind: Kind, what: &dyn Fn() -> String, since: &str, span: Span| {
        if Release::read(since).is_none_or(|since| since <= target) || !reported.insert((kind, what())) {
            return;
        }
        let what = what();
        let release = format!("{}.{}", target.major, target.minor);
        findings.add(format!("{what} is not in Kamailio {release}: it came with {since}"), span);
    };
    for (name, span) in subject.modules() {
        if let Some(known) = catalogue::module(name) {
            tell(Kind::Event, &|| format!("the module {name}"), known.since, *span);
        }
    }
    for given in subject.all_params() {
        let name = String::from_utf8_lossy(&given.statement.name.value).into_owned();
        let since = catalogue::module(given.module).and_then(|known| known.since(Kind::Parameter, &name));
        tell(
            Kind::Parameter,
            &|| format!("the parameter {name} of {}", given.module),
            since.unwrap_or_default(),
            given.statement.name.span,
        );
    }
    for item in &subject.config.tree.items {
        let Item::Setting(setting) = item else { continue };
        let since = catalogue::module("core").and_then(|known| known.since(Kind::Parameter, &setting.name.text));
        tell(
            Kind::Parameter,
            &|| format!("the setting {}", setting.name.text),
            since.unwrap_or_default(),
            setting.name.span,
        );
    }
    let script = subject.script();
    let loaded: Vec<&Known> =
        modules().iter().filter(|known| known.name == "core" || subject.loaded(known.name).is_some()).collect();
    let mut first: FxHashMap<(Kind, String, usize), &'static str> = FxHashMap::default();
    // The oldest release in which any loaded module has a name; every name is looked up once.
    let mut since = |kind: Kind, name: &str, count: usize| -> &'static str {
        first.entry((kind, name.to_owned(), count)).or_insert_with(|| {
            let all = loaded.iter().filter_map(|known| match kind {
                Kind::Function => known.function_since(name, count),
                _ => known.since(kind, name),
            });
            all.min_by_key(|since| Release::read(since)).unwrap_or_default()
        })
    };
    for at in &script.calls {
        let (name, count) = (at.call.name.text.as_str(), at.call.args.len());
        let plural = if count == 1 { "" } else { "s" };
        let what = || format!("{name} with {count} argument{plural}");
        tell(Kind::Function, &what, since(Kind::Function, name, count), at.call.span);
    }
    for mention in &script.mentions {
        let name = mention.written.name;
        tell(Kind::Variable, &|| format!("${name}"), since(Kind::Variable, name, 0), subject.place_of(mention));
        for transformation in mention.written.transformations() {
            let name = transformation.split(',').next().unwrap_or_default().trim();
            let since = since(Kind::Transformation, name, 0);
            tell(Kind::Transformation, &|| format!("{{{name}}}"), since, subject.place_of(mention));
        }
    }
}
