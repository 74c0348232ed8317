//! `--against`: the scenarios in memory and against a real server, what both decide side by side.

use super::{Summary, TestOptions, Variable, scenarios};
use crate::host::{Disk, Peers};
use crate::modules::MODULES;
use crate::report::difference;
use crate::sim::{self, PeerSockets, Reading, decisions, left_out};
use crate::sip::Transport;
use crate::source::{Diagnostic, Sources, render};
use crate::time::Tick;
use bytes::Bytes;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

impl PeerSockets for Peers {
    fn send(&mut self, peer: usize, to: SocketAddr, bytes: &Bytes) -> Result<(), String> {
        Peers::send(self, peer, to, bytes)
    }

    fn receive(&mut self, within: Duration) -> Option<(usize, SocketAddr, Bytes)> {
        Peers::receive(self, within)
    }

    fn disconnect(&mut self, peer: usize) {
        Peers::disconnect(self, peer);
    }

    fn now(&self) -> Tick {
        Peers::now(self)
    }

    fn mark(&self) -> String {
        Peers::mark(self)
    }
}

/// What came of a scenario that was played both ways.
#[derive(Default)]
struct Compared {
    /// What differs; empty when nothing does.
    differs: String,
    /// What was not played against the real server.
    left_out: Vec<String>,
}

/// Plays all scenarios in memory and against the server whose listeners stand at `address`: one, or several with commas between them.
pub(super) fn test(
    address: &str,
    options: &TestOptions,
    variable: Variable,
    color: bool,
    out: &mut dyn Write,
) -> io::Result<Summary> {
    let mut stands = Vec::new();
    for place in address.split(',') {
        let Some(listener) = listener(place) else {
            writeln!(out, "{place} is no address; write for example udp:127.0.0.1:5060")?;
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        };
        stands.push(listener);
    }
    let mut summary = Summary::default();
    let found = scenarios(options, out)?;
    if found.is_empty() {
        writeln!(out, "{}", super::nothing(options))?;
        return Ok(Summary { nothing: true, ..Summary::default() });
    }
    for path in found {
        match one(&path, address, &stands, options, variable, color) {
            Ok(compared) => {
                let passed = compared.differs.is_empty();
                writeln!(out, "{} {}", if passed { "ok    " } else { "FAILED" }, path.display())?;
                for what in &compared.left_out {
                    writeln!(out, "  left out against {address}: {what}")?;
                }
                if passed {
                    summary.passed += 1;
                } else {
                    writeln!(out, "{}", compared.differs)?;
                    summary.failed += 1;
                }
            }
            Err(faults) => {
                writeln!(out, "cannot play {}\n{faults}", path.display())?;
                summary.unreadable += 1;
            }
        }
    }
    summary.tell(None, out)?;
    Ok(summary)
}

/// A transport and an address; without a transport it is UDP's.
fn listener(text: &str) -> Option<(Transport, SocketAddr)> {
    if let Ok(address) = text.parse() {
        return Some((Transport::Udp, address));
    }
    let (transport, address) = text.split_once(':')?;
    Some((Transport::served(transport.as_bytes())?, address.parse().ok()?))
}

/// Plays one scenario both ways; the fault is what it cannot be played for.
fn one(
    path: &Path,
    address: &str,
    stands: &[(Transport, SocketAddr)],
    options: &TestOptions,
    variable: Variable,
    color: bool,
) -> Result<Compared, String> {
    let (mut sources, mut diagnostics) = (Sources::default(), Vec::new());
    let reading = Reading { files: &Disk, variable, unbuilt: options.unbuilt.allowed() };
    let scenarios = sim::parse(path, &reading, &mut sources, &mut diagnostics).unwrap_or_default();
    let drawn = |sources: &Sources, faults: &[Diagnostic]| render::human(sources, faults, color);
    if !diagnostics.is_empty() {
        return Err(drawn(&sources, &diagnostics));
    }
    let mut compared = Compared::default();
    for mut scenario in scenarios {
        // In memory the server stands where the real one does.
        scenario.stands = stands.to_vec();
        scenario.machine = stands.first().map_or(scenario.machine, |(_, server)| server.ip());
        let here = sim::play(&scenario, &reading, MODULES, options.strict, &mut sources);
        let here = here.map_err(|faults| drawn(&sources, &faults))?;
        let addresses: Vec<_> = scenario.peers.iter().map(|peer| (peer.transport, peer.address)).collect();
        let mut wire = Peers::bind(&addresses).map_err(|fault| {
            format!("  {fault}\n  the peers of a scenario that is played against a real server need addresses of this machine, such as 127.0.0.2:5060\n")
        })?;
        let (there, failures) = sim::against(&scenario, &here, &mut wire, &sources);
        let (here, there) = (decisions(&scenario, &here.entries), decisions(&scenario, &there));
        for what in left_out(&scenario, &sources) {
            if !compared.left_out.contains(&what) {
                compared.left_out.push(what);
            }
        }
        let differs = &mut compared.differs;
        if here != there || !failures.is_empty() {
            if let Some(row) = &scenario.row {
                differs.push_str(&format!("== {row}\n\n"));
            }
            differs.push_str(&drawn(&sources, &failures));
        }
        if here != there {
            differs.push_str(&difference(["alanui", address], &here, &there, color));
        }
    }
    Ok(compared)
}
