//! The one loop between a server and what surrounds it.

use super::command::{Caller, RpcReply};
use super::flow::ConnectionId;
use super::packet::{ModuleId, Transmit};
use super::question::{Answer, Question, Ticket};
use super::want::{Given, Want};
use crate::time::Now;
use std::collections::VecDeque;

/// A server without I/O.
pub trait Server {
    /// Handles what it is given; what follows from it is wanted then.
    fn give(&mut self, now: Now, given: Given);

    /// The next thing it wants. All of it is taken before it is given anything else.
    fn want(&mut self) -> Option<Want>;
}

/// What surrounds a server: sockets and a clock, or a scenario.
pub trait Driver<S: Server> {
    /// Hands the server what it is given.
    fn hand(&mut self, server: &mut S, now: Now, given: Given) {
        server.give(now, given);
    }

    /// Sends a packet; gives it back when it is known at once that it cannot be sent.
    fn send(&mut self, now: Now, packet: Transmit) -> Option<Transmit>;

    /// Asks the world. An answer that is there at once is given back, and reaches the server before anything else does; another is given later.
    fn ask(&mut self, now: Now, ticket: Ticket, question: Question) -> Option<Answer>;

    /// Lets a connection be found under this port of its peer, too.
    fn alias(&mut self, _now: Now, _connection: ConnectionId, _port: u16) {}

    /// Closes a connection, once what waits for it is written.
    fn close(&mut self, _now: Now, _connection: ConnectionId) {}

    /// Has a module load its data again.
    fn reload(&mut self, now: Now, module: ModuleId);

    /// Tells who gave a command what came of it.
    fn answered(&mut self, _now: Now, _caller: Caller, _reply: RpcReply) {}

    /// Ends the server.
    fn abort(&mut self, now: Now);
}

/// Gives a server something and does what it wants, until it wants nothing.
///
/// Wants are taken in their order, all of them before the server is given what follows from one. So the packets of a step leave before an answer that
/// is there at once brings more, and whoever waits for such an answer goes on before anything else arrives: the messages of a call keep their order.
pub fn drive<S: Server>(server: &mut S, driver: &mut impl Driver<S>, now: Now, given: Given) {
    let mut behind = VecDeque::new();
    let mut next = Some(given);
    while let Some(given) = next {
        driver.hand(server, now, given);
        while let Some(want) = server.want() {
            match want {
                Want::Send(packet) => {
                    if let Some(unsent) = driver.send(now, packet) {
                        behind.push_back(Given::Unsent(unsent));
                    }
                }
                Want::Ask(ticket, question) => {
                    if let Some(answer) = driver.ask(now, ticket, question) {
                        behind.push_back(Given::Answered(ticket, answer));
                    }
                }
                Want::Alias(connection, port) => driver.alias(now, connection, port),
                Want::Close(connection) => driver.close(now, connection),
                Want::Reload(module) => driver.reload(now, module),
                Want::Answered(caller, reply) => driver.answered(now, caller, reply),
                Want::Abort => return driver.abort(now),
            }
        }
        next = behind.pop_front();
    }
}

/// Watches in debug builds that server and driver keep to what they promise each other: time never goes back, whatever is wanted is taken before
/// anything is given, each ticket is given out once and answered once, each command is answered once, and what was not sent cannot fail.
#[derive(Debug, Default)]
pub struct Contract {
    #[cfg(debug_assertions)]
    watched: Watched,
}

#[cfg(debug_assertions)]
#[derive(Debug, Default)]
struct Watched {
    last: crate::time::Tick,
    open: rustc_hash::FxHashSet<Ticket>,
    callers: rustc_hash::FxHashSet<Caller>,
    sent: usize,
    aborted: bool,
}

impl Contract {
    /// The server is given something while it wants so much.
    #[cfg_attr(not(debug_assertions), expect(unused_variables, clippy::unused_self))]
    pub fn given(&mut self, now: Now, given: &Given, wanted: usize) {
        #[cfg(debug_assertions)]
        {
            let watched = &mut self.watched;
            assert!(now.tick >= watched.last, "time goes back from {:?} to {:?}", watched.last, now.tick);
            watched.last = now.tick;
            assert_eq!(wanted, 0, "what the server wants is taken before it is given {given:?}");
            assert!(!watched.aborted, "a server that wanted to end is given {given:?}");
            match given {
                Given::Answered(ticket, answer) => {
                    assert!(watched.open.remove(ticket), "{ticket:?} was not asked, or is answered twice: {answer:?}");
                }
                Given::Unsent(packet) => assert!(watched.sent > 0, "{packet:?} was never sent"),
                Given::Command(caller, call) => {
                    assert!(watched.callers.insert(*caller), "{caller:?} gives a second command: {call:?}");
                }
                Given::Arrived(_) | Given::Gone(_) | Given::Due | Given::Stop | Given::Abandon => {}
            }
        }
    }

    /// The driver takes what the server wants.
    #[cfg_attr(not(debug_assertions), expect(unused_variables, clippy::unused_self))]
    pub fn wanted(&mut self, want: &Want) {
        #[cfg(debug_assertions)]
        match want {
            Want::Send(_) => self.watched.sent += 1,
            Want::Ask(ticket, question) => {
                assert!(self.watched.open.insert(*ticket), "{ticket:?} is given out twice: {question:?}");
            }
            Want::Answered(caller, reply) => {
                assert!(
                    self.watched.callers.remove(caller),
                    "{caller:?} gave no command, or is answered twice: {reply:?}"
                );
            }
            Want::Abort => self.watched.aborted = true,
            Want::Reload(_) | Want::Alias(..) | Want::Close(_) => {}
        }
    }
}

/// A driver that keeps what it is asked for, for those who look at each step themselves: tests and benchmarks.
#[derive(Debug, Default)]
#[cfg_attr(feature = "closed", expect(dead_code, reason = "for tests and benchmarks"))]
pub struct Kept {
    /// Packets, in their order.
    pub packets: Vec<Transmit>,
    /// Questions that nobody has answered.
    pub questions: Vec<(Ticket, Question)>,
    /// Modules that want their data loaded again.
    pub reloads: Vec<ModuleId>,
    /// The server wants to end.
    pub aborted: bool,
}

impl<S: Server> Driver<S> for Kept {
    fn send(&mut self, _now: Now, packet: Transmit) -> Option<Transmit> {
        self.packets.push(packet);
        None
    }

    fn ask(&mut self, _now: Now, ticket: Ticket, question: Question) -> Option<Answer> {
        self.questions.push((ticket, question));
        None
    }

    fn reload(&mut self, _now: Now, module: ModuleId) {
        self.reloads.push(module);
    }

    fn abort(&mut self, _now: Now) {
        self.aborted = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Tick;
    use crate::world::{Datagram, Flow, RpcCall, SendFlags, SocketId};
    use bytes::Bytes;
    use std::path::PathBuf;
    use std::time::Duration;

    /// A server that wants what it is told to, each time it is given something.
    #[derive(Default)]
    struct Scripted {
        steps: VecDeque<Vec<Want>>,
        wants: VecDeque<Want>,
        contract: Contract,
        given: Vec<String>,
    }

    impl Server for Scripted {
        fn give(&mut self, now: Now, given: Given) {
            self.contract.given(now, &given, self.wants.len());
            self.given.push(match given {
                Given::Unsent(packet) => format!("unsent {}", String::from_utf8_lossy(&packet.bytes)),
                Given::Answered(ticket, _) => format!("answered {}", ticket.0),
                Given::Arrived(_) => "arrived".to_owned(),
                Given::Gone(_) | Given::Command(..) | Given::Due | Given::Stop | Given::Abandon => "told".to_owned(),
            });
            self.wants.extend(self.steps.pop_front().unwrap_or_default());
        }

        fn want(&mut self) -> Option<Want> {
            let want = self.wants.pop_front()?;
            self.contract.wanted(&want);
            Some(want)
        }
    }

    /// A world that cannot send what is called "lost" and answers at once whatever has an even number.
    #[derive(Default)]
    struct Around(Vec<String>);

    impl Driver<Scripted> for Around {
        fn send(&mut self, _now: Now, packet: Transmit) -> Option<Transmit> {
            self.0.push(String::from_utf8_lossy(&packet.bytes).into_owned());
            (packet.bytes == "lost").then_some(packet)
        }

        fn ask(&mut self, _now: Now, ticket: Ticket, _question: Question) -> Option<Answer> {
            self.0.push(format!("ask {}", ticket.0));
            ticket.0.is_multiple_of(2).then_some(Answer::Code(1))
        }

        fn reload(&mut self, _now: Now, module: ModuleId) {
            self.0.push(format!("reload {}", module.0));
        }

        fn abort(&mut self, _now: Now) {
            self.0.push("abort".to_owned());
        }
    }

    fn flow() -> Flow {
        Flow::to("192.0.2.1:5060".parse().expect("an address"), SocketId(0))
    }

    fn send(text: &'static str) -> Want {
        Want::Send(Transmit { bytes: Bytes::from_static(text.as_bytes()), flow: flow(), flags: SendFlags::default() })
    }

    fn ask(number: u64) -> Want {
        Want::Ask(Ticket(number), Question::Service(crate::world::Service::ReadFile(PathBuf::new())))
    }

    fn at(millis: u64) -> Now {
        Now { tick: Tick::from_micros(millis * 1000), unix: Duration::ZERO }
    }

    fn arrived() -> Given {
        Given::Arrived(Datagram { bytes: Bytes::new(), flow: flow() })
    }

    #[test]
    fn all_that_is_wanted_is_taken_before_what_follows_from_it_is_given() {
        let steps = [vec![send("a"), ask(2), send("lost"), ask(1), send("b")], vec![send("c")], vec![send("d")]];
        let mut server = Scripted { steps: steps.into(), ..Scripted::default() };
        let mut around = Around::default();
        drive(&mut server, &mut around, at(1), arrived());
        assert_eq!(around.0, ["a", "ask 2", "lost", "ask 1", "b", "c", "d"]);
        assert_eq!(server.given, ["arrived", "answered 2", "unsent lost"]);
    }

    #[test]
    fn a_server_that_ends_is_asked_for_nothing_more() {
        let mut server = Scripted { steps: [vec![send("a"), Want::Abort, send("b")]].into(), ..Scripted::default() };
        let mut around = Around::default();
        drive(&mut server, &mut around, at(1), arrived());
        assert_eq!(around.0, ["a", "abort"]);
    }

    /// Whether giving these things, one after another, breaks the contract.
    fn breaks(steps: Vec<Vec<Want>>, given: Vec<(u64, Given)>) -> bool {
        let mut server = Scripted { steps: steps.into(), ..Scripted::default() };
        let give =
            || given.into_iter().for_each(|(time, what)| drive(&mut server, &mut Around::default(), at(time), what));
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(give)).is_err()
    }

    #[test]
    #[cfg(debug_assertions)]
    fn who_breaks_the_contract_is_told() {
        let answered = |number| Given::Answered(Ticket(number), Answer::Code(1));
        assert!(!breaks(vec![vec![ask(1)]], vec![(1, arrived()), (1, answered(1))]));
        assert!(breaks(vec![vec![ask(1)]], vec![(1, arrived()), (1, answered(1)), (2, answered(1))]), "answered twice");
        assert!(breaks(vec![], vec![(1, answered(7))]), "never asked");
        assert!(breaks(vec![vec![ask(1), ask(1)]], vec![(1, arrived())]), "one ticket for two questions");
        assert!(breaks(vec![], vec![(2, arrived()), (1, arrived())]), "time goes back");
        assert!(breaks(vec![vec![Want::Abort]], vec![(1, arrived()), (1, arrived())]), "it has ended");
        let Want::Send(packet) = send("a") else { return };
        assert!(breaks(vec![], vec![(1, Given::Unsent(packet))]), "never sent");
        let command = || Given::Command(Caller(1), RpcCall::read("ul.dump brief"));
        let done = || Want::Answered(Caller(1), Ok(Vec::new()));
        assert!(!breaks(
            vec![vec![], vec![done()], vec![done()]],
            vec![(1, command()), (2, Given::Due), (3, command())]
        ));
        assert!(breaks(vec![vec![done(), done()]], vec![(1, command())]), "a command is answered twice");
        assert!(breaks(vec![vec![done()]], vec![(1, arrived())]), "nobody gave a command");
        assert!(breaks(vec![], vec![(1, command()), (1, command())]), "a caller waits already");
        let mut server = Scripted { wants: [send("a")].into(), ..Scripted::default() };
        let undrained = std::panic::AssertUnwindSafe(|| server.give(at(1), arrived()));
        assert!(std::panic::catch_unwind(undrained).is_err(), "wants are left");
    }
}
