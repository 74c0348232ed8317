//! Questions that one datagram asks and one answers.

use super::dns::Resolver;
use crate::builtin::{Ask, AskedServer, Found, Record, RecordKind, Unanswered};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::net::UdpSocket;
use tokio::time::timeout;

/// Names of servers whose addresses are kept: configs name a handful.
const MOST_NAMES: usize = 256;
/// The largest datagram (RFC 768).
const LARGEST: usize = 1 << 16;

type Names = BTreeMap<(String, bool), IpAddr>;

/// Asks, and keeps the addresses of servers for as long as they answer.
#[derive(Default)]
pub(super) struct Asker {
    names: Mutex<Names>,
}

impl Asker {
    /// What stands behind the cookie of the answer.
    pub(super) async fn ask(&self, resolver: &Resolver, ask: &Ask) -> Result<Bytes, Unanswered> {
        let address = self.address(resolver, &ask.server).await?;
        let answered = exchange(SocketAddr::new(address, ask.server.port), ask).await;
        let answer = match answered {
            Ok(answer) => answer.ok_or_else(|| Unanswered::Failed("nobody answers".into())),
            Err(fault) => Err(Unanswered::Failed(fault.to_string())),
        };
        if answer.is_err() {
            // It may have moved.
            self.names().remove(&(ask.server.host.clone(), ask.server.is_v6));
        }
        answer
    }

    async fn address(&self, resolver: &Resolver, server: &AskedServer) -> Result<IpAddr, Unanswered> {
        if let Ok(address) = server.host.parse() {
            return Ok(address);
        }
        let key = (server.host.clone(), server.is_v6);
        if let Some(known) = self.names().get(&key) {
            return Ok(*known);
        }
        let found = resolver.resolve(server.host.clone(), RecordKind::Address).await?;
        let Found::Records(records) = found else { return Err(Unanswered::Absent) };
        let fits = |record: &Record| match record {
            Record::Address(address) if address.is_ipv6() == server.is_v6 => Some(*address),
            _ => None,
        };
        let address = records.iter().find_map(fits).ok_or(Unanswered::Absent)?;
        let mut names = self.names();
        if names.len() < MOST_NAMES {
            names.insert(key, address);
        }
        Ok(address)
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends the question until its answer is there; `None` when nobody gives one. That the system refuses it, or the server's host does by ICMP
/// (RFC 1122 section 4.1.3.1), is an answer, too: nobody is there.
async fn exchange(server: SocketAddr, ask: &Ask) -> io::Result<Option<Bytes>> {
    let anywhere: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind(SocketAddr::new(ask.server.from.unwrap_or(anywhere), 0)).await?;
    // Whoever else sends to this socket is not heard.
    socket.connect(server).await?;
    let cookie = ask.bytes.get(..ask.cookie).unwrap_or_default();
    let mut buffer = vec![0; LARGEST];
    for _ in 0..ask.tries {
        socket.send(&ask.bytes).await?;
        if let Ok(answered) = timeout(ask.patience, answer(&socket, cookie, &mut buffer)).await {
            let answer = buffer.get(cookie.len()..answered?).unwrap_or_default();
            return Ok(Some(Bytes::copy_from_slice(answer)));
        }
    }
    Ok(None)
}

/// The length of the first datagram that begins with the cookie.
async fn answer(socket: &UdpSocket, cookie: &[u8], buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        let length = socket.recv(buffer).await?;
        if buffer.get(..length).is_some_and(|datagram| datagram.starts_with(cookie)) {
            return Ok(length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn ask(port: u16, tries: u32) -> Ask {
        let server = AskedServer { host: "127.0.0.1".into(), port, is_v6: false, from: None };
        Ask { server, bytes: "7_ ping".into(), cookie: 2, patience: Duration::from_millis(200), tries }
    }

    fn asked(ask: &Ask, answers: &'static [&'static str]) -> (Result<Bytes, Unanswered>, usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let server = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
            let port = server.local_addr().expect("its address").port();
            let ask = Ask { server: AskedServer { port, ..ask.server.clone() }, ..ask.clone() };
            let serve = async {
                let mut buffer = [0; 64];
                let mut got = 0;
                loop {
                    let (_, from) = server.recv_from(&mut buffer).await.expect("a question");
                    for answer in answers.get(got).into_iter().flat_map(|all| all.split('|')) {
                        server.send_to(answer.as_bytes(), from).await.expect("it goes");
                    }
                    got += 1;
                    if got >= ask.tries as usize || got >= answers.len() {
                        return got;
                    }
                }
            };
            let (resolver, asker) = (Resolver::default(), Asker::default());
            tokio::join!(asker.ask(&resolver, &ask), serve)
        })
    }

    #[test]
    fn the_answer_with_the_cookie_counts() {
        let (answer, _) = asked(&ask(0, 3), &["8_ other|7|7_ pong"]);
        assert_eq!(answer, Ok(Bytes::from_static(b" pong")));
    }

    #[test]
    fn a_question_is_repeated_and_given_up() {
        let (answer, got) = asked(&ask(0, 3), &["", "x", "7_"]);
        assert_eq!((answer, got), (Ok(Bytes::new()), 3));
        let (answer, got) = asked(&ask(0, 2), &["", ""]);
        assert_eq!((answer, got), (Err(Unanswered::Failed("nobody answers".into())), 2));
    }

    #[test]
    fn a_closed_port_is_an_answer() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        // Without that answer the test would take as long as it waits.
        let ask = Ask { patience: Duration::from_secs(3600), ..ask(1, 2) };
        let answer = runtime.block_on(async { Asker::default().ask(&Resolver::default(), &ask).await });
        assert!(matches!(answer, Err(Unanswered::Failed(why)) if why.contains("refused")));
    }
}
