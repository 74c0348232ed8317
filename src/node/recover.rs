//! After a fault of ours: what was at hand is given up, everything else goes on.

use super::driver::Node;
use super::stack::AtHand;
use super::transaction::Due;
use crate::builtin::{LogLevel, TransactionId, Working};
use crate::sip::{Message, Method};
use crate::time::Now;

impl Node {
    /// Picks up after a panic while it was given something: the call at hand is dropped, its callers are answered 500. Whatever else there was in the
    /// middle of is as if it had not begun.
    pub fn recover(&mut self, now: Now) {
        self.statistics.broken += 1;
        self.stack
            .core
            .log(LogLevel::Critical, "a fault of alanui's has ended a message: its call is dropped, all else goes on");
        self.sharing.forget();
        self.carried.forget(true);
        let at_hand = self.stack.at_hand.take();
        let call = match &at_hand {
            Some(AtHand::Packet(_, call)) => *call,
            Some(AtHand::Run(call)) => Some(*call),
            Some(AtHand::Due(Due::Server(id, _) | Due::Branch(id, ..) | Due::Cancel(id, ..))) => self.call_of(*id),
            Some(AtHand::Due(Due::Module(..) | Due::Begin | Due::Wake(_))) | None => None,
        };
        let mut answered = false;
        if let Some(call) = call {
            answered = self.drop_call(now, call);
        }
        if let (Some(AtHand::Packet(datagram, _)), false) = (at_hand, answered)
            && let Ok(message) = Message::parse(datagram.bytes)
            && message.can_be_answered()
        {
            let received = crate::builtin::Received { flow: datagram.flow, at: now.tick };
            self.answer_broken(now, Working::new(message, received, 0));
        }
    }

    fn call_of(&mut self, id: TransactionId) -> Option<u64> {
        let call_id = self.stack.layer.table.get(id)?.request.call_id().to_vec();
        Some(self.stack.layer.seed.call(&call_id))
    }

    /// Drops all that is kept of a call; whether a caller was answered.
    fn drop_call(&mut self, now: Now, call: u64) -> bool {
        let seed = self.stack.layer.seed;
        self.parked.drop_call(call);
        let its = self.stack.layer.table.iter().filter(|transaction| seed.call(transaction.request.call_id()) == call);
        let its: Vec<TransactionId> = its.map(|transaction| transaction.id).collect();
        let mut answered = false;
        for id in its {
            let Some(transaction) = self.stack.layer.table.get(id) else { continue };
            let waits = transaction.owner.is_none() && !transaction.is_answered();
            let working = Working::new(transaction.request.clone(), transaction.received, 0);
            self.stack.end_transaction(id);
            if waits {
                self.answer_broken(now, working);
                answered = true;
            }
        }
        answered
    }

    fn answer_broken(&mut self, now: Now, mut working: Working) {
        if working.message.method() != Some(Method::Ack) {
            self.stateless_reply(now, &mut working, 500, b"Server Internal Error", &[]);
        }
    }
}
