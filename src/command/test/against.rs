//! `--against`: the scenarios in memory and against a real server, what both decide side by side.

use super::{Summary, TestOptions, Variable, scenarios};
use crate::host::{Disk, UdpPeers};
use crate::modules::MODULES;
use crate::report::difference;
use crate::sim::{self, PeerSockets, Reading, Scenario, decisions};
use crate::sip::Transport;
use crate::source::{Diagnostic, Sources, render};
use crate::time::Tick;
use bytes::Bytes;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

impl PeerSockets for UdpPeers {
    fn send(&mut self, peer: usize, bytes: &Bytes) -> Result<(), String> {
        UdpPeers::send(self, peer, bytes)
    }

    fn receive(&mut self, within: Duration) -> Option<(usize, Bytes)> {
        UdpPeers::receive(self, within)
    }

    fn now(&self) -> Tick {
        UdpPeers::now(self)
    }

    fn mark(&self) -> String {
        UdpPeers::mark(self)
    }
}

/// Plays all scenarios in memory and against the server at `address`.
pub(super) fn test(
    address: &str,
    options: &TestOptions,
    variable: Variable,
    color: bool,
    out: &mut dyn Write,
) -> io::Result<Summary> {
    let bare = address.strip_prefix("udp:").unwrap_or(address);
    let Ok(server) = bare.parse::<SocketAddr>() else {
        writeln!(out, "{address} is no address; write for example udp:127.0.0.1:5060")?;
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    };
    let mut summary = Summary::default();
    let found = scenarios(options, out)?;
    if found.is_empty() {
        writeln!(out, "{}", super::nothing(options))?;
        return Ok(Summary { nothing: true, ..Summary::default() });
    }
    for path in found {
        match one(&path, address, server, options, variable, color) {
            Ok(None) => {
                writeln!(out, "ok     {}", path.display())?;
                summary.passed += 1;
            }
            Ok(Some(told)) => {
                writeln!(out, "FAILED {}\n{told}", path.display())?;
                summary.failed += 1;
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

/// Plays one scenario both ways; gives what differs.
fn one(
    path: &Path,
    address: &str,
    server: SocketAddr,
    options: &TestOptions,
    variable: Variable,
    color: bool,
) -> Result<Option<String>, String> {
    let (mut sources, mut diagnostics) = (Sources::default(), Vec::new());
    let reading = Reading { files: &Disk, variable, unbuilt: options.unbuilt.allowed() };
    let scenarios = sim::parse(path, &reading, &mut sources, &mut diagnostics).unwrap_or_default();
    let drawn = |sources: &Sources, faults: &[Diagnostic]| render::human(sources, faults, color);
    if !diagnostics.is_empty() {
        return Err(drawn(&sources, &diagnostics));
    }
    let mut told = String::new();
    for mut scenario in scenarios {
        if let Some(peer) = scenario.peers.iter().find(|peer| peer.transport != Transport::Udp) {
            return Err(format!(
                "  {} speaks {}: peers of a scenario that is played against a real server speak udp\n",
                peer.name, peer.transport
            ));
        }
        // In memory the server stands where the real one does.
        (scenario.listen, scenario.machine) = (vec![(Transport::Udp, server)], server.ip());
        let here = sim::play(&scenario, &reading, MODULES, options.strict, &mut sources);
        let here = here.map_err(|faults| drawn(&sources, &faults))?;
        let mut wire = UdpPeers::bind(&addresses(&scenario), server).map_err(|fault| {
            format!("  {fault}\n  the peers of a scenario that is played against a real server need addresses of this machine, such as 127.0.0.2:5060\n")
        })?;
        let (there, failures) = sim::against(&scenario, &mut wire, &sources);
        let (here, there) = (decisions(&here.entries), decisions(&there));
        if here != there || !failures.is_empty() {
            if let Some(row) = &scenario.row {
                told.push_str(&format!("== {row}\n\n"));
            }
            told.push_str(&drawn(&sources, &failures));
        }
        if here != there {
            told.push_str(&difference(["alanui", address], &here, &there, color));
        }
    }
    Ok((!told.is_empty()).then_some(told))
}

fn addresses(scenario: &Scenario) -> Vec<SocketAddr> {
    scenario.peers.iter().map(|peer| peer.address).collect()
}
