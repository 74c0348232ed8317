//! A server in memory, one message after another, on a clock that jumps: what a config says to it and what it logs.

use alanui::builtin::{
    Connected, Core, DatabaseId, Extension, Extensions, LogLevel, LogLine, Memory, QueryFault, Random, Rows, Socket,
    SocketId, Sockets, World,
};
use alanui::config::{Additions, CommandLine, Options, extension_diagnostics, has_errors, load};
use alanui::modules::MODULES;
use alanui::node::{Config, Node};
use alanui::sip::Transport;
use alanui::source::{Files, Sources, render};
use alanui::time::{Now, Tick};
use alanui::world::{Answer, Datagram, Flow, Given, Kept, Question, Service, Transmit, Unanswered, drive};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What a config is read with.
#[derive(Default)]
pub(super) struct Stage {
    /// Files by their paths; the config is `main.cfg`.
    pub(super) files: BTreeMap<PathBuf, Vec<u8>>,
    /// `-A` of the command line.
    pub(super) defines: Vec<String>,
    /// The environment.
    pub(super) environment: Vec<(String, String)>,
}

impl Files for Stage {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.files.get(path).cloned().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }
}

/// A world without databases.
struct Bare;

impl World for Bare {
    fn read(&mut self, _: &Path) -> io::Result<Vec<u8>> {
        Err(io::Error::from(io::ErrorKind::NotFound))
    }

    fn connect(&mut self, _: &str, _: Extensions) -> Result<Connected, QueryFault> {
        Err(QueryFault::Unavailable("there is none".to_owned()))
    }

    fn address(&mut self, _: &str) -> Option<std::net::IpAddr> {
        None
    }

    fn query(&mut self, _: DatabaseId, _: &str) -> Result<Rows, QueryFault> {
        Err(QueryFault::Unavailable("there is none".to_owned()))
    }
}

/// A running server.
pub(super) struct Server {
    pub(super) node: Node,
    micros: u64,
    /// Lines of starting, then those that [`Server::log`] has not taken.
    log: Vec<LogLine>,
    /// The script has ended it.
    aborted: bool,
}

/// Why a config does not start: its errors, as codes and as drawn for people.
pub(super) struct Refused {
    pub(super) codes: Vec<&'static str>,
    pub(super) drawn: String,
}

/// Reads a config with Kamailio's own semantics and starts its modules.
fn started(text: &[u8], mut stage: Stage) -> Result<(Config, Vec<LogLine>), Refused> {
    let main = PathBuf::from("main.cfg");
    stage.files.insert(main.clone(), text.to_vec());
    let environment = |name: &str| {
        let found = stage.environment.iter().find(|(its, _)| its == name)?;
        Some(found.1.clone().into_bytes())
    };
    let lines = stage.defines.iter().map(|define| CommandLine::Define(define.clone())).collect();
    let options = Options { lines, environment: Some(&environment), ..Options::default() };
    let additions = Additions { options, ..Additions::default() };
    let (mut sources, mut found) = (Sources::default(), Vec::new());
    let config = load(&main, &stage, &additions, MODULES, Extensions::STRICT, &mut sources, &mut found);
    let started = config.start(Some(&mut Bare), &mut found);
    // What Kamailio refuses to start with, and alanui does not even when it is strict: it is an error of `check --strict`.
    for (extension, span) in &config.used {
        let refused = match extension {
            Extension::EndifAtEnd => true,
            Extension::AnyModuleOrder => sources.slice(*span).starts_with(b"modparam"),
            _ => false,
        };
        if refused {
            found.extend(extension_diagnostics(&[(*extension, *span)], true));
        }
    }
    if has_errors(&found) {
        found.retain(|found| found.level == alanui::source::Level::Error);
        let codes = found.iter().map(|found| found.code).collect();
        return Err(Refused { codes, drawn: render::human(&sources, &found, false) });
    }
    let log = started.log.into_iter().map(|(level, text)| LogLine { level, from_script: false, text }).collect();
    let (settings, modules) = (Arc::new(started.settings), Arc::from(started.states));
    Ok((Config { program: config.program.clone(), settings, extensions: Extensions::STRICT, modules }, log))
}

impl Server {
    /// Starts `text`, listening on `address`.
    pub(super) fn start(text: &[u8], stage: Stage, address: SocketAddr) -> Result<Self, Refused> {
        let (Config { program, settings, extensions, modules }, log) = started(text, stage)?;
        let sockets = Sockets {
            list: vec![Socket { transport: Transport::Udp, address, advertise: None, name: None }],
            ..Sockets::default()
        };
        let core = Core {
            settings,
            extensions,
            sockets: Arc::new(sockets),
            random: Random::repeatable(1),
            regexes: Default::default(),
            meter: Default::default(),
            reported: Default::default(),
            log: Vec::new(),
            commands: Vec::new(),
            trace: None,
            counters: Default::default(),
            zone: jiff::tz::TimeZone::UTC,
            memory: || Memory { total: 64 << 20, free: 32 << 20 },
            modules,
        };
        let micros = 1_000_000;
        let node = Node::new(program, core, true, now(micros));
        Ok(Self { node, micros, log, aborted: false })
    }

    /// Goes on with another config.
    pub(super) fn replace(&mut self, text: &[u8]) -> Result<(), Refused> {
        let (config, _) = started(text, Stage::default())?;
        self.node.replace(now(self.micros), config, true);
        Ok(())
    }

    /// Hands a packet to the server and gives those it sends.
    pub(super) fn receive(&mut self, bytes: impl Into<Bytes>, source: SocketAddr) -> Vec<Transmit> {
        self.micros += 1000;
        self.give(Given::Arrived(Datagram { bytes: bytes.into(), flow: Flow::to(source, SocketId(0)) }))
    }

    /// Lets time pass up to the next timer, at most `patience`; gives what is sent. `None` when nothing is due so soon.
    pub(super) fn wait(&mut self, patience: Duration) -> Option<Vec<Transmit>> {
        let next = self.node.next()?;
        let last = Tick::from_micros(self.micros + patience.as_micros() as u64);
        if next > last {
            return None;
        }
        self.micros = self.micros.max(next.as_micros());
        Some(self.give(Given::Due))
    }

    /// Gives the server something; gives what is sent. Its DNS has no names, and nobody answers its other questions.
    fn give(&mut self, given: Given) -> Vec<Transmit> {
        let (mut kept, mut next) = (Kept::default(), Some(given));
        while let Some(given) = next.take().filter(|_| !self.aborted) {
            drive(&mut self.node, &mut kept, now(self.micros), given);
            self.aborted = kept.aborted;
            let is_of_names =
                |(_, question): &(_, Question)| matches!(question, Question::Service(Service::Resolve(..)));
            if let Some(at) = kept.questions.iter().position(is_of_names) {
                let (ticket, _) = kept.questions.remove(at);
                next = Some(Given::Answered(ticket, Answer::Found(Err(Unanswered::Absent))));
            }
        }
        self.log.append(&mut self.node.core_mut().log);
        kept.packets
    }

    /// Microseconds since the server began.
    pub(super) fn micros(&self) -> u64 {
        self.micros
    }

    /// The lines since the last call: those of the script, and the levels of the server's own from warnings up.
    pub(super) fn log(&mut self) -> (Vec<String>, Vec<LogLevel>) {
        let (mut script, mut own) = (Vec::new(), Vec::new());
        for line in self.log.drain(..) {
            if line.from_script {
                // Kamailio's own `log()` knows no prefix.
                script.extend(line.text.strip_prefix("##").map(str::to_owned));
            } else if line.level <= LogLevel::Warning && !own.contains(&line.level) {
                own.push(line.level);
            }
        }
        own.sort();
        (script, own)
    }
}

fn now(micros: u64) -> Now {
    Now { tick: Tick::from_micros(micros), unix: Duration::from_micros(1_795_179_629_000_000 + micros) }
}
