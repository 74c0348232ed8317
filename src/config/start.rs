//! Modules make their state: the last check of a config, and the first thing `run` does with it.

use super::Config;
use crate::builtin::{Extension, LogLevel, ModuleId, Params, RouteId, RouteKind, Settings, Start, State, World};
use crate::source::{Diagnostic, Span};
use std::sync::Arc;

/// What came of starting.
#[derive(Debug)]
pub struct Started {
    /// The settings, with what modules added.
    pub settings: Settings,
    /// The state of every module, by its place.
    pub states: Vec<Arc<dyn State>>,
    /// Extensions that parameters rely on.
    pub used: Vec<(Extension, Span)>,
    /// Lines for the log.
    pub log: Vec<(LogLevel, String)>,
}

impl Config {
    /// Starts every module in the order of loading. Without a world (in `check`) modules look at their parameters only.
    pub fn start(&self, mut world: Option<&mut dyn World>, diagnostics: &mut Vec<Diagnostic>) -> Started {
        let blocks = self.program.routes.iter().filter(|block| block.kind == RouteKind::Event);
        let events: Vec<_> = blocks.map(|block| (block.name.clone(), block.head)).collect();
        let routes = self.program.routes.iter().enumerate();
        let routes: Vec<_> = routes.map(|(at, block)| (block.kind, block.name.clone(), RouteId(at as u16))).collect();
        let mut started =
            Started { settings: self.settings.clone(), states: Vec::new(), used: Vec::new(), log: Vec::new() };
        for (at, module) in self.registry.loaded().iter().enumerate() {
            let mut start = Start {
                params: Params::new(module.params, self.given.get(at).map_or(&[], Vec::as_slice)),
                settings: &mut started.settings,
                extensions: self.extensions,
                used: &mut started.used,
                slots: &self.program.slots,
                routes: &routes,
                events: &events,
                world: match &mut world {
                    Some(world) => Some(&mut **world),
                    None => None,
                },
                module: ModuleId(at as u16),
                log: &mut started.log,
            };
            match (module.start)(&mut start) {
                Ok(state) => started.states.push(Arc::from(state)),
                Err(fault) => {
                    started.states.push(Arc::new(()));
                    let message = format!("{}: {}", module.name, fault.message);
                    let mut diagnostic = Diagnostic::error("cannot-start", message, fault.span.unwrap_or_default());
                    diagnostic.help = fault.help;
                    diagnostics.push(diagnostic);
                }
            }
        }
        started.used.extend(self.settings_extensions(&started.settings));
        started
    }

    /// A wildcard listener without an advertised address relies on an extension.
    fn settings_extensions(&self, settings: &Settings) -> Option<(Extension, Span)> {
        let wildcard = settings.listen.iter().any(|listen| {
            let host = listen.host.as_str();
            (host == "0.0.0.0" || host == "::") && listen.advertise.is_none()
        });
        let relies = wildcard && settings.advertised_address.is_none();
        (relies && !self.extensions.is_strict()).then(|| (Extension::InterfaceAddress, self.listen_span()))
    }

    fn listen_span(&self) -> Span {
        let mut items = self.tree.items.iter();
        let found = items.find_map(|item| match item {
            super::ast::Item::Setting(setting) if setting.name.text == "listen" => Some(setting.span),
            _ => None,
        });
        found.unwrap_or_default()
    }
}
