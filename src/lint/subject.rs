//! What a rule looks at.

use super::destinations::Destination;
use super::flow::Flow;
use super::preprocessor::Raw;
use super::script::Script;
use super::taint::Taint;
use crate::builtin::Does;
use crate::config::ast::{Item, ModParam, ParamValue, Route, Setting, Text};
use crate::config::{Config, module_name};
use crate::source::{Sources, Span};
use std::cell::OnceCell;

/// A release line of Kamailio, as in `--target kamailio-5.6`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Release {
    /// The first number.
    pub major: u8,
    /// The second number.
    pub minor: u8,
}

impl Release {
    /// The releases of which the catalogue knows what they have.
    pub const KNOWN: [Release; 4] = [
        Release { major: 5, minor: 6 },
        Release { major: 5, minor: 8 },
        Release { major: 6, minor: 0 },
        Release { major: 6, minor: 1 },
    ];

    /// Reads `5.6` or `kamailio-5.6`.
    pub fn read(text: &str) -> Option<Release> {
        let numbers = text.strip_prefix("kamailio-").unwrap_or(text);
        let mut parts = numbers.split(['.', '-']);
        let (major, minor) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some(Release { major, minor })
    }
}

/// A config with what rules ask of it.
#[derive(Debug)]
pub struct Subject<'a> {
    /// The config, compiled as far as its mistakes let it.
    pub config: &'a Config,
    /// Its text.
    pub sources: &'a Sources,
    /// The release it is meant for, when one is named.
    pub target: Option<Release>,
    /// The destinations of the dispatcher, where they are at hand.
    pub destinations: &'a [Destination],
    given: Vec<Given<'a>>,
    modules: Vec<(String, Span)>,
    pub(super) script: OnceCell<Script<'a>>,
    pub(super) raw: OnceCell<Raw<'a>>,
    flow: OnceCell<Flow<'a>>,
    taint: OnceCell<Taint<'a>>,
}

/// A value given to a module parameter.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// The module.
    pub module: &'a str,
    /// The statement.
    pub statement: &'a ModParam,
}

impl<'a> Given<'a> {
    /// The number, when it is one.
    pub fn int(&self) -> Option<i64> {
        match &self.statement.value {
            ParamValue::Int(number, _) => Some(*number),
            ParamValue::Text(_) | ParamValue::Variable(_) => None,
        }
    }

    /// The text, when it is some.
    pub fn text(&self) -> Option<&'a Text> {
        match &self.statement.value {
            ParamValue::Text(text) => Some(text),
            ParamValue::Int(..) | ParamValue::Variable(_) => None,
        }
    }

    /// Where the value stands.
    pub fn span(&self) -> Span {
        self.statement.value.span()
    }
}

impl<'a> Subject<'a> {
    pub(super) fn new(config: &'a Config, sources: &'a Sources, target: Option<Release>) -> Subject<'a> {
        let loads = config.tree.items.iter().filter_map(|item| match item {
            Item::LoadModule(load) => Some((String::from_utf8_lossy(&load.name.value).into_owned(), load.name.span)),
            _ => None,
        });
        let modules = loads.map(|(written, span)| (module_name(&written).to_owned(), span)).collect();
        let given = config.given_params().into_iter().map(|(module, statement)| Given { module, statement });
        Subject {
            config,
            sources,
            target,
            destinations: &[],
            given: given.collect(),
            modules,
            script: OnceCell::new(),
            raw: OnceCell::new(),
            flow: OnceCell::new(),
            taint: OnceCell::new(),
        }
    }

    /// Which variables hold what a sender wrote.
    pub fn taint(&self) -> &Taint<'a> {
        self.taint.get_or_init(|| Taint::of(self))
    }

    /// What may happen on the ways through the config.
    pub fn flow(&self) -> &Flow<'a> {
        self.flow.get_or_init(|| Flow::of(self))
    }

    /// The modules that the text loads, in order, with their places.
    pub fn modules(&self) -> &[(String, Span)] {
        &self.modules
    }

    /// Where a module is loaded, when it is: built in or not.
    pub fn loaded(&self, module: &str) -> Option<Span> {
        let in_text = self.modules.iter().find(|(name, _)| name == module).map(|(_, span)| *span);
        in_text.or_else(|| self.config.registry.is_loaded(module).then(Span::default))
    }

    /// Whether this is a node of an IMS core: its neighbours are known by the network, requests come with routes that other nodes made, and who a
    /// user is was asked by the one before.
    pub fn is_ims(&self) -> bool {
        self.modules.iter().any(|(name, _)| name.starts_with("ims_"))
    }

    /// Whether this is a node that only captures what others send it: nothing goes out from here.
    pub fn only_captures(&self) -> bool {
        self.loaded("sipcapture").is_some() && !self.script().anything(Does::Relay)
    }

    /// Every value given to a parameter of a module, in the order of the text; a statement for several modules counts for each.
    pub fn params(&self, module: &str, name: &str) -> impl DoubleEndedIterator<Item = Given<'a>> {
        let fits = |given: &&Given| given.module == module && *given.statement.name.value == *name.as_bytes();
        self.given.iter().filter(fits).copied().collect::<Vec<_>>().into_iter()
    }

    /// The value that counts of a parameter that is given once.
    pub fn param(&self, module: &str, name: &str) -> Option<Given<'a>> {
        self.params(module, name).next_back()
    }

    /// Every value given to any parameter.
    pub fn all_params(&self) -> &[Given<'a>] {
        &self.given
    }

    /// Every statement of a core setting, in the order of the text.
    pub fn settings(&self, name: &str) -> impl DoubleEndedIterator<Item = &'a Setting> {
        let items = self.config.tree.items.iter().filter_map(|item| match item {
            Item::Setting(setting) => Some(setting),
            _ => None,
        });
        items.filter(|setting| setting.name.text == name).collect::<Vec<_>>().into_iter()
    }

    /// Every route block, in the order of the text.
    pub fn routes(&self) -> impl Iterator<Item = &'a Route> + use<'a> {
        self.config.tree.items.iter().filter_map(|item| match item {
            Item::Route(route) => Some(route),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{Kind, modules};

    /// What is not released yet is no target.
    #[test]
    fn every_release_of_the_catalogue_is_known() {
        let of_modules = modules().iter().map(|known| known.since);
        let of_params = modules()
            .iter()
            .flat_map(|known| known.names(Kind::Parameter).filter_map(|name| known.since(Kind::Parameter, name)));
        for since in of_modules.chain(of_params).filter(|since| !since.is_empty() && !since.ends_with("-dev")) {
            assert!(Release::read(since).is_some_and(|release| Release::KNOWN.contains(&release)), "{since}");
        }
    }
}
