//! Whether the server does in the simulator what it did in life.

use super::gathered::{Capture, Packet, Transport};
use super::scenario::Wishes;
use super::traffic::{Kind, Server, Traffic, title, traffic};
use crate::sim::{Played, Scenario};
use crate::story::Event;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

/// How often the server sent what to whom.
type Sent = BTreeMap<(SocketAddr, String), usize>;

/// What the server sent in life and not in the simulator, or the other way round; without repetitions and pings.
pub fn differences(capture: &Capture, wishes: &Wishes, scenario: &Scenario, played: &Played) -> Vec<String> {
    let life = traffic(capture, &wishes.servers, &wishes.calls);
    let Some(server) = life.servers.first().copied() else { return Vec::new() };
    let again = replayed(scenario, played, server);
    let servers: Vec<Server> = life.servers.iter().copied().map(Server::Port).collect();
    let (before, after) = (sent(&life), sent(&traffic(&again, &servers, &[])));
    let mut keys: Vec<&(SocketAddr, String)> = before.keys().chain(after.keys()).collect();
    keys.sort();
    keys.dedup();
    let mut found = Vec::new();
    for key in keys {
        let [was, is] = [&before, &after].map(|sent| sent.get(key).copied().unwrap_or(0));
        if was != is {
            let (peer, what) = key;
            let name = scenario.peers.iter().find(|line| line.address == *peer).map(|line| line.name.clone());
            let name = name.unwrap_or_else(|| peer.to_string());
            found.push(format!("the server sent {what} to {name} {} in the capture, {} here", times(was), times(is)));
        }
    }
    found
}

fn sent(traffic: &Traffic) -> Sent {
    let mut sent = Sent::new();
    for event in &traffic.events {
        if let Kind::Gets(peer, packet) = &event.kind
            && let Some(seen) = traffic.peers.get(*peer)
        {
            *sent.entry((seen.address, title(&packet.bytes))).or_default() += 1;
        }
    }
    sent
}

/// What was played, as if somebody had captured it beside the server.
fn replayed(scenario: &Scenario, played: &Played, server: SocketAddr) -> Capture {
    let address = |name: &str| {
        let peer = scenario.peers.iter().find(|peer| peer.name == name).map(|peer| peer.address);
        peer.or_else(|| name.parse().ok()).unwrap_or(server)
    };
    let packets = played.entries.iter().filter_map(|entry| match &entry.event {
        Event::Message(sent) => Some(Packet {
            at: scenario.clock + Duration::from_micros(entry.at.as_micros()),
            source: address(&sent.from),
            destination: address(&sent.to),
            transport: Transport::Udp,
            bytes: sent.bytes.clone(),
        }),
        _ => None,
    });
    Capture { packets: packets.collect(), ..Capture::default() }
}

fn times(count: usize) -> String {
    match count {
        0 => "never".to_owned(),
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        more => format!("{more} times"),
    }
}
