//! The server of a scenario: its config, started on a stage instead of in the world.

use super::parse::Reading;
use super::scenario::Scenario;
use super::world::Stage;
use crate::builtin::{Core, Extensions, Leaving, LogLine, Memory, Module, Random, Settings, Socket, Sockets, Trace};
use crate::config::{self, Additions, CommandLine, Config, Options};
use crate::script::Program;
use crate::sip::Transport;
use crate::source::{Diagnostic, Sources, Span};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// A module parameter as the config gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its name.
    pub name: String,
    /// Its value as written.
    pub value: String,
    /// Where it is set.
    pub span: Span,
}

/// Instructions of one run: far more than a config needs, and what is told of them fits in memory.
const BUDGET: u32 = 200_000;

/// Everything a node is made of.
pub(super) struct Server {
    pub(super) program: Arc<Program>,
    pub(super) core: Core,
    pub(super) modules: Vec<&'static Module>,
    pub(super) log: Vec<LogLine>,
    pub(super) settings: Vec<Setting>,
    /// Where the config, or the scenario, has a listener, and where it stands instead.
    pub(super) moves: Vec<(SocketAddr, SocketAddr)>,
}

/// Loads the config of a scenario and starts its modules. What is wrong is in `diagnostics`.
pub(super) fn start(
    scenario: &Scenario,
    stage: &mut Stage,
    reading: &Reading,
    modules: &'static [&'static Module],
    extensions: Extensions,
    sources: &mut Sources,
    diagnostics: &mut Vec<Diagnostic>,
) -> Server {
    let config = load(scenario, reading, modules, extensions, sources, diagnostics);
    begin(&config, scenario, stage, sources, diagnostics)
}

/// Loads the config of a scenario.
pub(super) fn load(
    scenario: &Scenario,
    reading: &Reading,
    modules: &'static [&'static Module],
    extensions: Extensions,
    sources: &mut Sources,
    diagnostics: &mut Vec<Diagnostic>,
) -> Config {
    let lines = scenario.defines.iter().map(|define| CommandLine::Define(define.clone())).collect();
    let options = Options { lines, ..Options::default() };
    let additions =
        Additions { options, unbuilt: scenario.unbuilt, stand_ins: scenario.stand_ins.clone(), ..Additions::default() };
    if let Err(fault) = reading.files.read(&scenario.config) {
        let message = format!("{} cannot be read: {fault}", scenario.config.display());
        diagnostics.push(Diagnostic::error("unreadable-file", message, scenario.config_span));
    }
    // Places in the config are counted from its first file; the scenario's own files come before it.
    config::load(&scenario.config, reading.files, &additions, modules, extensions, sources, diagnostics)
}

/// Starts the modules of a config: as often as wanted, each time as if the server had just been started.
pub(super) fn begin(
    config: &Config,
    scenario: &Scenario,
    stage: &mut Stage,
    sources: &Sources,
    diagnostics: &mut Vec<Diagnostic>,
) -> Server {
    let started = config.start(Some(stage), diagnostics);
    let (sockets, moves) = sockets(scenario, &started.settings);
    let log = started.log.iter().map(|(level, text)| LogLine { level: *level, from_script: false, text: text.clone() });
    let given = config.given_params().into_iter().map(|(_, param)| Setting {
        name: String::from_utf8_lossy(&param.name.value).into_owned(),
        value: String::from_utf8_lossy(sources.slice(param.value.span())).into_owned(),
        span: param.span,
    });
    Server {
        moves,
        settings: given.collect(),
        program: config.program.clone(),
        log: log.collect(),
        modules: config.registry.loaded().to_vec(),
        core: Core {
            settings: Arc::new(started.settings),
            extensions: config.extensions,
            sockets: Arc::new(sockets),
            random: Random::repeatable(scenario.seed),
            regexes: Default::default(),
            meter: Default::default(),
            reported: Default::default(),
            log: Vec::new(),
            commands: Vec::new(),
            trace: Some(Box::new(Trace { budget: Some(BUDGET), ..Trace::default() })),
            counters: Default::default(),
            zone: scenario.zone.clone(),
            memory: || Memory { total: 64 << 20, free: 32 << 20 },
            modules: Arc::from(started.states),
        },
    }
}

/// Where the server listens: as the config says, or the scenario; and what moved to where the real server has it.
fn sockets(scenario: &Scenario, settings: &Settings) -> (Sockets, Vec<(SocketAddr, SocketAddr)>) {
    let mut list: Vec<Socket> = Vec::new();
    if scenario.listen.is_empty() {
        for (transport, listen) in settings.listeners() {
            // A name of a host or an interface means the machine.
            let ip: IpAddr = listen.host.parse().unwrap_or(scenario.machine);
            let address = SocketAddr::new(ip, listen.port);
            if !list.iter().any(|socket| socket.transport == transport && socket.address == address) {
                let advertise = listen.advertise.clone();
                list.push(Socket { transport, address, advertise, name: listen.name.clone() });
            }
        }
    }
    for (at, (transport, address)) in scenario.listen.iter().enumerate() {
        let listen = settings.listen.get(at);
        list.push(Socket {
            transport: *transport,
            address: *address,
            advertise: listen.and_then(|listen| listen.advertise.clone()),
            name: listen.and_then(|listen| listen.name.clone()),
        });
    }
    if list.is_empty() {
        let address = SocketAddr::new(scenario.machine, 5060);
        list.extend(settings.transports().map(|transport| Socket { transport, address, advertise: None, name: None }));
    }
    list.sort_by_key(|socket| socket.transport != Transport::Udp);
    let moves = stand(&mut list, &scenario.stands);
    let interface = |ip: IpAddr| (ip, if ip.is_ipv4() { 24 } else { 64 });
    let mut interfaces = vec![interface(scenario.machine)];
    let mut leaving = Leaving::Unasked;
    if settings.mhomed {
        leaving = Leaving::ByNetwork;
        // Each listener is in a network of its own; the first that is told of one has it.
        let own = list.iter().map(|socket| socket.address.ip()).filter(|ip| !ip.is_unspecified());
        interfaces.extend(own.map(interface));
        interfaces.reverse();
    }
    (Sockets { list, interfaces, default_address: Some(scenario.machine), leaving }, moves)
}

/// Moves listeners to where those of the real server stand; gives what moved, from where and to where. One that stands at a place is left there, the
/// others are taken in order, each with that of the other transport at its address. No two end at one place: the later moves to a port of its own.
fn stand(list: &mut [Socket], places: &[(Transport, SocketAddr)]) -> Vec<(SocketAddr, SocketAddr)> {
    let is_at = |socket: &Socket, (transport, place): &(Transport, SocketAddr)| {
        let (own, ip) = (socket.address, place.ip());
        let same_ip = own.ip() == ip || own.ip().is_unspecified() && own.is_ipv4() == ip.is_ipv4();
        socket.transport == *transport && own.port() == place.port() && same_ip
    };
    let stays = |socket: &Socket| places.iter().any(|place| is_at(socket, place));
    let mut settled: Vec<bool> = list.iter().map(stays).collect();
    let mut moves = Vec::new();
    for place in places {
        if list.iter().any(|socket| is_at(socket, place)) {
            continue;
        }
        let free = list.iter().zip(&settled).find(|(socket, settled)| !**settled && socket.transport == place.0);
        let Some(from) = free.map(|(socket, _)| socket.address) else { continue };
        moves.push((from, place.1));
        for (socket, settled) in list.iter_mut().zip(&mut settled) {
            if socket.address == from && !*settled {
                (socket.address, *settled) = (place.1, true);
            }
        }
    }
    for at in 0..list.len() {
        let (before, rest) = list.split_at_mut(at);
        let Some(socket) = rest.first_mut() else { continue };
        let from = socket.address;
        while before.iter().any(|other| other.transport == socket.transport && other.address == socket.address) {
            socket.address.set_port(socket.address.port().checked_add(1).unwrap_or(1024));
        }
        if socket.address != from {
            moves.push((from, socket.address));
        }
    }
    moves
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What listeners become that stand at these places.
    fn stood(list: &[&str], places: &[&str]) -> Vec<String> {
        let read = |text: &&str| {
            let (transport, address) = text.split_once(':').unwrap();
            (Transport::of(transport.as_bytes()).unwrap(), address.parse::<SocketAddr>().unwrap())
        };
        let sockets = list.iter().map(read);
        let mut sockets: Vec<Socket> =
            sockets.map(|(transport, address)| Socket { transport, address, advertise: None, name: None }).collect();
        stand(&mut sockets, &places.iter().map(read).collect::<Vec<_>>());
        sockets.iter().map(|socket| format!("{}:{}", socket.transport, socket.address)).collect()
    }

    #[test]
    fn listeners_stand_where_the_real_ones_do() {
        let two = ["udp:127.0.0.1:5060", "udp:127.0.0.1:5070"];
        assert_eq!(stood(&two, &["udp:127.0.0.1:5070"]), two, "one stands there");
        assert_eq!(stood(&["udp:0.0.0.0:5060"], &["udp:127.0.0.1:5060"]), ["udp:0.0.0.0:5060"]);
        assert_eq!(stood(&two, &["udp:127.0.0.9:9"]), ["udp:127.0.0.9:9", two[1]]);
        assert_eq!(stood(&two, &["udp:127.0.0.9:9", "udp:127.0.0.9:10"]), ["udp:127.0.0.9:9", "udp:127.0.0.9:10"]);
        assert_eq!(stood(&two, &["udp:127.0.0.9:9", two[0]]), [two[0], "udp:127.0.0.9:9"], "those that stand stay");
    }

    #[test]
    fn the_other_transport_goes_with_it() {
        let list = ["udp:10.0.0.1:5060", "tcp:10.0.0.1:5060", "tcp:127.0.0.9:9"];
        let stood = stood(&list, &["udp:127.0.0.9:9"]);
        assert_eq!(stood, ["udp:127.0.0.9:9", "tcp:127.0.0.9:9", "tcp:127.0.0.9:10"], "the place was taken");
    }
}
