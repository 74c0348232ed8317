//! Modules make their state: the last check of a config, and the first thing `run` does with it.

use super::ast::{Item, Name, SettingValue};
use super::{Config, module_name};
use crate::builtin::{
    ArgKind, Argument, Bare, Extension, Listen, LogLevel, ModuleId, Params, RouteId, RouteKind, Settings, Start, State,
    World,
};
use crate::sip::Transport;
use crate::source::{Diagnostic, Span};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// The port of SIP over UDP when none is written (RFC 3261 section 19.1.2).
const DEFAULT_PORT: u16 = 5060;

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
        let dialects = self.registry.dialects();
        let mut started =
            Started { settings: self.settings.clone(), states: Vec::new(), used: Vec::new(), log: Vec::new() };
        for (at, module) in self.registry.loaded().iter().enumerate() {
            let mut start = Start {
                params: Params::new(module.params, self.given.get(at).map_or(&[], Vec::as_slice))
                    .knowing(self.templates.get(at).map_or(&[], Vec::as_slice)),
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
                dialects: &dialects,
                module: ModuleId(at as u16),
                modules: self.registry.loaded(),
                given: &self.given,
                log: &mut started.log,
            };
            match (module.start)(&mut start) {
                Ok(state) => started.states.push(Arc::from(state)),
                Err(fault) => {
                    started.states.push(Arc::new(()));
                    let message = format!("{}: {}", module.name, fault.message);
                    let span = fault.span.or_else(|| self.loaded_at(module.name)).unwrap_or_default();
                    let mut diagnostic = Diagnostic::error("cannot-start", message, span);
                    diagnostic.help = fault.help;
                    diagnostics.push(diagnostic);
                }
            }
        }
        self.hold_sockets(&started.settings, diagnostics);
        started.used.extend(self.settings_extensions(&started.settings));
        started
    }

    /// Where the config loads a module.
    fn loaded_at(&self, name: &str) -> Option<Span> {
        self.tree.items.iter().find_map(|item| match item {
            Item::LoadModule(load) if module_name(&String::from_utf8_lossy(&load.name.value)) == name => {
                Some(load.name.span)
            }
            _ => None,
        })
    }

    /// Holds the constant sockets of statements against the listeners, as Kamailio does when it starts. Names and wildcards are left to the run.
    fn hold_sockets(&self, settings: &Settings, diagnostics: &mut Vec<Diagnostic>) {
        let bound = |(transport, listen): (Transport, &Listen)| {
            let host: IpAddr = listen.host.trim_matches(['[', ']']).parse().ok()?;
            (!host.is_unspecified()).then(|| (transport, SocketAddr::new(host, listen.port)))
        };
        let Some(own) = settings.listeners().map(bound).collect::<Option<Vec<_>>>() else { return };
        if own.is_empty() {
            return;
        }
        for (site, _) in &self.program.calls {
            for (row, given) in site.function.args.iter().zip(&site.args) {
                let (ArgKind::Bare(Bare::Socket, _), Argument::Custom(_, text)) = (row.kind, given) else { continue };
                let Some((transport, wanted)) = socket(text) else { continue };
                let is_wanted = |its: &(Transport, SocketAddr)| {
                    its.1 == wanted && transport.is_none_or(|transport| transport == its.0)
                };
                if own.iter().any(is_wanted) {
                    continue;
                }
                let place = transport.map_or(wanted.to_string(), |transport| format!("{transport}:{wanted}"));
                let message = format!("{}: the server does not listen on {place}", site.name);
                let found = Diagnostic::error("bad-argument", message, site.span).note("Kamailio refuses to start");
                let listeners: Vec<String> = own.iter().map(|(transport, its)| format!("{transport}:{its}")).collect();
                diagnostics.push(found.help(format!("it listens on {}", listeners.join(", "))));
            }
        }
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

    /// The first listener on every address.
    fn listen_span(&self) -> Span {
        let mut items = self.tree.items.iter();
        let is_wildcard = |value: &SettingValue| match value {
            SettingValue::Listen(listen) => {
                let any = |name: &Name| matches!(name.text.as_str(), "0.0.0.0" | "::");
                listen.advertise.is_none() && listen.addresses.iter().any(any)
            }
            SettingValue::Text(text) => memchr::memmem::find(&text.value, b"0.0.0.0").is_some(),
            _ => false,
        };
        let found = items.find_map(|item| match item {
            Item::Setting(setting) if setting.name.text == "listen" && setting.values.iter().any(is_wildcard) => {
                Some(setting.span)
            }
            _ => None,
        });
        found.unwrap_or_default()
    }
}

/// The place that a socket names, when it is an address and no name, with its transport, when it names one that is served.
fn socket(text: &str) -> Option<(Option<Transport>, SocketAddr)> {
    let served = text.split_once(':').and_then(|(proto, rest)| Some((Transport::served(proto.as_bytes())?, rest)));
    let (transport, text) = served.map_or((None, text), |(transport, rest)| (Some(transport), rest));
    let address = || text.trim_matches(['[', ']']).parse().ok().map(|address| SocketAddr::new(address, DEFAULT_PORT));
    Some((transport, text.parse().ok().or_else(address)?))
}
