//! The text of a scenario.

use super::gathered::Capture;
use super::names::names;
use super::story::story;
use super::traffic::{Seen, Server, Traffic, traffic};
use crate::builtin::{Listen, calendar};
use crate::sim::Scenario;
use bytes::Bytes;
use jiff::tz::TimeZone;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// What a scenario is made with.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// What the capture is called, for the comment at the top.
    pub origin: String,
    /// The config as the scenario names it.
    pub config: String,
    /// Files of SQL as the scenario names them.
    pub databases: Vec<String>,
    /// `NAME` or `NAME=VALUE`.
    pub defines: Vec<String>,
    /// The line that allows what is not built in.
    pub allows: Option<&'static str>,
    /// Where the config listens.
    pub listen: Vec<Listen>,
    /// The server's addresses; guessed when there are none.
    pub servers: Vec<Server>,
    /// The calls that are wanted, by Call-ID; all when there are none.
    pub calls: Vec<String>,
    /// All headers as they were, rather than only what a peer would not do by itself.
    pub full: bool,
    /// What names of further files begin with.
    pub stem: String,
}

/// What a capture was made into.
#[derive(Clone, Debug)]
pub struct Recording {
    /// The scenario.
    pub text: String,
    /// Further files that it names, to stand beside it.
    pub files: Vec<(String, Bytes)>,
    /// What the user should know about how it was made.
    pub remarks: Vec<String>,
}

/// Makes a scenario. `None` when no message goes to the server or comes from it.
pub fn scenario(capture: &Capture, wishes: &Wishes) -> Option<Recording> {
    let traffic = traffic(capture, &wishes.servers, &wishes.calls);
    let first = traffic.servers.first()?;
    traffic.events.first()?;
    let names = names(&traffic);
    let story = story(&traffic, &names, wishes.full, &wishes.stem);
    let mut remarks = capture.remarks.clone();
    if wishes.servers.is_empty() && capture.server.is_none() {
        remarks.push(format!(
            "the server is taken to be {first}, for most messages go there or come from there; --server says otherwise"
        ));
    }
    if traffic.foreign > 0 {
        remarks.push(format!("{} messages between others are left out", traffic.foreign));
    }
    let mut lines = vec![format!("# Recorded from {}.", wishes.origin)];
    if traffic.streamed > 0 {
        lines.push(format!("# {} of its messages came over TCP; they are played over UDP.", traffic.streamed));
    }
    lines.push(String::new());
    lines.push(format!("config {}", wishes.config));
    lines.extend(wishes.databases.iter().map(|file| format!("database {file}")));
    lines.extend(wishes.defines.iter().map(|define| format!("define {}", define.replacen('=', " ", 1))));
    lines.extend(wishes.allows.map(str::to_owned));
    if traffic.start.as_secs() != Scenario::CLOCK.as_secs() {
        lines.push(format!("clock {}", date(traffic.start)));
    }
    let (own, main) = own_addresses(&traffic.servers, &wishes.listen);
    lines.extend(own);
    lines.push(String::new());
    lines.extend(peers(&traffic, &names, main.unwrap_or(*first)));
    lines.push(String::new());
    lines.extend(story.lines);
    Some(Recording { text: lines.join("\n") + "\n", files: story.files, remarks })
}

/// The lines that give the simulated server the addresses of the real one, and the address that peers use by themselves.
fn own_addresses(servers: &[SocketAddr], listen: &[Listen]) -> (Vec<String>, Option<SocketAddr>) {
    let ip = |listen: &Listen| listen.host.parse::<IpAddr>().ok();
    let on_any = |listen: &Listen| ip(listen).is_none_or(|ip| ip.is_unspecified());
    let is_listener = |address: &SocketAddr| {
        listen.iter().any(|listen| ip(listen) == Some(address.ip()) && listen.port == address.port())
    };
    let main = |machine: Option<IpAddr>| {
        let first = listen.first()?;
        Some(SocketAddr::new(ip(first).filter(|ip| !ip.is_unspecified()).or(machine)?, first.port))
    };
    if servers.iter().all(is_listener) {
        return (Vec::new(), main(None));
    }
    let machine = servers.iter().find(|address| !is_listener(address)).map(SocketAddr::ip);
    let fits = |address: &SocketAddr| {
        let plain = listen.is_empty() && address.port() == 5060;
        let any = listen.iter().any(|listen| on_any(listen) && listen.port == address.port());
        is_listener(address) || Some(address.ip()) == machine && (plain || any)
    };
    match machine.filter(|_| servers.iter().all(fits)) {
        Some(machine) if machine == Scenario::MACHINE => (Vec::new(), main(Some(machine))),
        Some(machine) => (vec![format!("machine {machine}")], main(Some(machine))),
        None => (servers.iter().map(|address| format!("listen {address}")).collect(), servers.first().copied()),
    }
}

fn peers(traffic: &Traffic, names: &[String], main: SocketAddr) -> Vec<String> {
    let width = names.iter().map(String::len).max().unwrap_or(0);
    let line = |(seen, name): (&Seen, &String)| {
        let uses = if seen.server == main { String::new() } else { format!(" uses {}", seen.server) };
        format!("peer {name:width$} {}{uses}", seen.address)
    };
    traffic.peers.iter().zip(names).map(line).collect()
}

/// A moment as scenarios write it, in UTC.
fn date(at: Duration) -> String {
    calendar::formatted(&TimeZone::UTC, i64::try_from(at.as_secs()).unwrap_or(i64::MAX), b"%Y-%m-%d %H:%M:%S")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(date(Scenario::CLOCK), "2026-01-01 00:00:00");
        assert_eq!(date(Duration::from_secs(951_868_801)), "2000-03-01 00:00:01");
        assert_eq!(date(Duration::from_secs(1_709_164_799)), "2024-02-28 23:59:59");
    }

    #[test]
    fn the_server_keeps_its_addresses() {
        let listen =
            |host: &str, port| Listen { transport: None, host: host.into(), port, advertise: None, name: None };
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let own = |servers: &[&str], listen: &[Listen]| {
            let servers: Vec<SocketAddr> = servers.iter().map(|text| address(text)).collect();
            own_addresses(&servers, listen)
        };
        let one = "10.0.0.1:5060";
        assert_eq!(own(&[one], &[listen("10.0.0.1", 5060)]), (vec![], Some(address(one))));
        assert_eq!(own(&[one], &[listen("0.0.0.0", 5060)]), (vec!["machine 10.0.0.1".into()], Some(address(one))));
        assert_eq!(own(&[one], &[]), (vec!["machine 10.0.0.1".into()], None));
        let other = vec!["listen 10.0.0.1:5060".to_owned()];
        assert_eq!(own(&[one], &[listen("10.0.0.1", 5070)]), (other, Some(address(one))));
    }
}
