//! Where a next hop is whose host is a name (RFC 3263 section 4, as Kamailio goes by it unless told otherwise): a name without a port leads to the first
//! server of its SRV records that has an address, any other, and one without such servers, to its own address. NAPTR records are not asked for.

use crate::builtin::{SocketId, Sockets};
use crate::sip::Transport;
use crate::world::{Flow, Found, Record, RecordKind, Service, Unanswered};
use bytes::Bytes;
use std::cmp::Reverse;
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

/// Servers of one name that are tried.
const MOST_SERVERS: usize = 16;

/// A name on its way to an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    transport: Transport,
    pub(super) host: String,
    port: Option<u16>,
    /// Its servers are not known yet.
    asks_for_servers: bool,
    /// Those that are still to be tried: port and name.
    servers: VecDeque<(u16, Bytes)>,
}

/// What an answer says of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Resolution {
    /// Something else is asked for.
    Next(Name),
    /// It is there.
    Found(Flow),
    /// It has no address that a socket of ours reaches.
    Failed,
}

impl Name {
    pub(super) fn new(transport: Transport, host: &str, port: Option<u16>) -> Name {
        let (asks_for_servers, servers) = (port.is_none(), VecDeque::new());
        Name { transport, host: host.to_owned(), port, asks_for_servers, servers }
    }

    /// What is to be asked.
    pub(super) fn question(&self) -> Service {
        if self.asks_for_servers {
            let name = format!("_sip._{}.{}", self.transport.name(), self.host);
            return Service::Resolve(name, RecordKind::Srv);
        }
        let server = self.servers.front().map(|(_, target)| String::from_utf8_lossy(target).into_owned());
        Service::Resolve(server.unwrap_or_else(|| self.host.clone()), RecordKind::Address)
    }

    /// Goes on with the answer, towards an address that a socket reaches: the one that is `wanted`, or that the message `arrived` by, or another.
    pub(super) fn answered(
        mut self,
        found: Result<Found, Unanswered>,
        sockets: &Sockets,
        (wanted, arrived): (Option<SocketId>, Option<SocketId>),
    ) -> Resolution {
        let records = match found {
            Ok(Found::Records(records)) => records,
            _ => Vec::new(),
        };
        if std::mem::take(&mut self.asks_for_servers) {
            self.servers = servers(records);
            return Resolution::Next(self);
        }
        let server = self.servers.pop_front();
        let port = server.as_ref().map_or(self.port, |(port, _)| Some(*port));
        let port = port.unwrap_or(self.transport.default_port());
        let reached = |address: IpAddr| {
            let peer = SocketAddr::new(address, port);
            let socket = sockets.towards(self.transport, peer, wanted, arrived)?;
            Some(Flow::to(peer, socket))
        };
        let addresses = |is_v6: bool| {
            records.iter().filter_map(move |record| match record {
                Record::Address(address) if address.is_ipv6() == is_v6 => Some(*address),
                _ => None,
            })
        };
        match addresses(false).chain(addresses(true)).find_map(reached) {
            Some(flow) => Resolution::Found(flow),
            None if server.is_some() => Resolution::Next(self),
            None => Resolution::Failed,
        }
    }
}

/// The servers in SRV records, in the order in which Kamailio tries them without `dns_srv_lb`: the lowest priority first, and in it the largest weight.
fn servers(records: Vec<Record>) -> VecDeque<(u16, Bytes)> {
    let server = |record| match record {
        Record::Srv { priority, weight, port, target } => Some(((priority, Reverse(weight)), (port, target))),
        _ => None,
    };
    let mut all: Vec<_> = records.into_iter().filter_map(server).collect();
    all.sort_by_key(|(order, _)| *order);
    all.into_iter().map(|(_, server)| server).take(MOST_SERVERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::Socket;
    use proptest::prelude::*;

    fn record() -> impl Strategy<Value = Record> {
        prop_oneof![
            any::<[u8; 4]>().prop_map(|octets| Record::Address(octets.into())),
            any::<[u8; 16]>().prop_map(|octets| Record::Address(octets.into())),
            (any::<(u16, u16, u16)>(), any::<Vec<u8>>()).prop_map(|((priority, weight, port), target)| {
                Record::Srv { priority, weight, port, target: target.into() }
            }),
            Just(Record::Name("other.example.com".into())),
        ]
    }

    proptest! {
        /// Whatever a resolver says, a name is followed to its end, and to an address of a kind that we have.
        #[test]
        fn every_name_comes_to_an_end(
            port in any::<Option<u16>>(),
            answers in prop::collection::vec(prop::collection::vec(record(), 0..40), 1..4),
        ) {
            let own = Socket {
                transport: Transport::Udp,
                address: "192.0.2.1:5060".parse().expect("an address"),
                advertise: None,
                name: None,
            };
            let sockets = Sockets { list: vec![own], ..Sockets::default() };
            let mut name = Name::new(Transport::Udp, "example.com", port);
            for asked in 0.. {
                prop_assert!(asked < MOST_SERVERS + 2);
                let _ = name.question();
                let found = Found::Records(answers[asked % answers.len()].clone());
                match name.answered(Ok(found), &sockets, (None, None)) {
                    Resolution::Next(next) => name = next,
                    Resolution::Found(flow) => {
                        prop_assert!(flow.peer.is_ipv4());
                        break;
                    }
                    Resolution::Failed => break,
                }
            }
        }
    }
}
