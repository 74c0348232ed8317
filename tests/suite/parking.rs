//! Runs that wait, wherever they are: databases, names and the clock keep every block of a call waiting while replies, timers, CANCELs and what comes
//! again go on. Nothing is lost of what a transaction keeps, the caller has one final reply, and in the end nobody waits any more.

use super::hostile::{Driven, node_of, root};
use alanui::builtin::{QueryFault, Rows, Value};
use alanui::sip::{Message, Method, Reply};
use alanui::world::{Answer, Found, Given, Question, Record, Ticket};
use bytes::Bytes;
use proptest::prelude::*;

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    /// One of those who wait is answered, well or not.
    Answer(usize, bool),
    /// A callee answers one of the INVITEs that it was sent.
    Callee(usize, u16),
    /// The caller gives up.
    Cancel,
    /// The INVITE comes again.
    Again,
    /// The caller acknowledges its final reply.
    Ack,
    /// So many milliseconds pass.
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let code = prop::sample::select(vec![100u16, 180, 183, 200, 302, 404, 486, 503, 600]);
    prop_oneof![
        4 => (any::<usize>(), any::<bool>()).prop_map(|(which, well)| Step::Answer(which, well)),
        4 => (any::<usize>(), code).prop_map(|(which, code)| Step::Callee(which, code)),
        1 => Just(Step::Cancel),
        1 => Just(Step::Again),
        1 => Just(Step::Ack),
        3 => prop::sample::select(vec![1u64, 100, 250, 500, 1500, 3000, 6000]).prop_map(Step::Wait),
    ]
}

/// A call on its way through a server.
struct Call {
    node: Driven,
    millis: u64,
    questions: Vec<(Ticket, Question)>,
    invite: String,
    /// The INVITEs that callees were sent, and the final replies that the caller got.
    sent: Vec<Message>,
    answered: Vec<usize>,
    finals: Vec<Message>,
    trails: Vec<String>,
}

impl Call {
    fn new(kind: &str) -> Call {
        let invite = format!(
            "INVITE sip:first@10.0.1.10:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-parking\r\nMax-Forwards: 70\r\n\
             From: <sip:a@example.com>;tag=a\r\nTo: <sip:first@10.0.1.10>\r\nCall-ID: {kind}-parking\r\nCSeq: 1 INVITE\r\n\
             Contact: <sip:a@192.0.2.1:5060>\r\nContent-Length: 0\r\n\r\n"
        );
        let node = node_of(&root().join("fixtures/parking/kamailio.cfg"), 1);
        let (sent, answered, finals, trails) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut call = Call { node, millis: 0, questions: Vec::new(), invite, sent, answered, finals, trails };
        call.receive(call.invite.clone());
        call
    }

    fn receive(&mut self, text: impl Into<Bytes>) {
        self.node.receive(self.millis, text.into());
        self.look();
    }

    fn give(&mut self, given: Given) {
        self.node.give(self.millis, given);
        self.look();
    }

    fn look(&mut self) {
        self.questions.append(&mut self.node.kept.questions);
        for packet in self.node.kept.packets.drain(..) {
            let message = Message::parse(packet.bytes).unwrap();
            let is_new = |all: &[Message]| all.iter().all(|its| its.bytes() != message.bytes());
            if message.method() == Some(Method::Invite) && is_new(&self.sent) {
                self.sent.push(message);
            } else if message.status().is_some_and(|code| code >= 200)
                && message.cseq_method() == Some(b"INVITE")
                && is_new(&self.finals)
            {
                self.finals.push(message);
            }
        }
        for line in self.node.node.core_mut().log.drain(..) {
            if let Some((_, trail)) = line.text.split_once("trail ") {
                self.trails.push(trail.trim_end().to_owned());
            }
        }
    }

    fn answer(&mut self, which: usize, well: bool) {
        if self.questions.is_empty() {
            return;
        }
        let (ticket, question) = self.questions.remove(which % self.questions.len());
        let rows = Rows { columns: vec![Bytes::from_static(b"one")], cells: vec![Value::Int(1)] };
        let answer = match question {
            Question::Query(_) if well => Answer::Rows(Ok(rows)),
            Question::Query(_) => Answer::Rows(Err(QueryFault::Locked("busy".to_owned()))),
            Question::Service(_) if well => {
                Answer::Found(Ok(Found::Records(vec![Record::Address("10.0.1.9".parse().unwrap())])))
            }
            other => other.refused(),
        };
        self.give(Given::Answered(ticket, answer));
    }

    fn callee(&mut self, which: usize, code: u16) {
        if self.sent.is_empty() {
            return;
        }
        let which = which % self.sent.len();
        // Whoever has answered for good says no more.
        if self.answered.contains(&which) {
            return;
        }
        if code >= 200 {
            self.answered.push(which);
        }
        let request = &self.sent[which];
        let to_tag = (code > 100).then_some(&b"callee"[..]);
        let reply = Reply { code, reason: b"So", to_tag, ..Reply::default() }.to_bytes(request);
        self.receive(reply);
    }

    fn caller(&mut self, method: &str) {
        let to = self.finals.first().and_then(|reply| reply.to_tag()).unwrap_or_default();
        let tag = if method == "ACK" && !to.is_empty() {
            format!(";tag={}", String::from_utf8_lossy(to))
        } else {
            String::new()
        };
        let text = self.invite.replace("INVITE ", &format!("{method} ")).replace(" INVITE", &format!(" {method}"));
        self.receive(text.replace("To: <sip:first@10.0.1.10>", &format!("To: <sip:first@10.0.1.10>{tag}")));
    }

    fn play(&mut self, step: &Step) {
        match step {
            Step::Answer(which, well) => self.answer(*which, *well),
            Step::Callee(which, code) => self.callee(*which, *code),
            Step::Cancel => self.caller("CANCEL"),
            // Whoever has a final reply does not ask again (RFC 3261 section 17.1.1.2).
            Step::Again if !self.finals.is_empty() => {}
            Step::Again => self.receive(self.invite.clone()),
            Step::Ack if self.finals.is_empty() => {}
            Step::Ack => self.caller("ACK"),
            Step::Wait(time) => {
                self.millis += time;
                self.give(Given::Due);
            }
        }
    }

    /// Answers all who wait and lets time pass, until nothing is left.
    fn end(&mut self) {
        for _ in 0..100 {
            while !self.questions.is_empty() {
                self.answer(0, true);
            }
            if !self.finals.is_empty() {
                self.caller("ACK");
            }
            self.millis += 2000;
            self.give(Given::Due);
        }
        while !self.questions.is_empty() {
            self.answer(0, true);
        }
    }
}

/// Plays a call; says what is wrong.
fn played(kind: &str, steps: &[Step]) -> Result<(), String> {
    let mut call = Call::new(kind);
    steps.iter().for_each(|step| call.play(step));
    call.end();
    let Call { node, finals, trails, sent, .. } = &call;
    if !node.node.is_idle() || node.node.transactions() > 0 {
        return Err(format!("{} transactions are left; idle: {}", node.node.transactions(), node.node.is_idle()));
    }
    let codes: Vec<u16> = finals.iter().filter_map(|reply| reply.status()).collect();
    // One refusal at most, and none behind a 2xx. A 2xx goes through whenever it comes (RFC 3261 section 16.7 step 5).
    let refused = codes.iter().skip(1).any(|code| *code >= 300);
    if refused || codes.is_empty() && !sent.is_empty() {
        return Err(format!("the caller got {codes:?}"));
    }
    let mut known = vec!["r".to_owned()];
    for trail in trails {
        let is_next =
            known.iter().any(|its| trail == its || trail.len() == its.len() + 1 && trail.starts_with(its.as_str()));
        if !is_next {
            return Err(format!("{trail} follows from none of {known:?}"));
        }
        known.push(trail.clone());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn whoever_waits_holds_nothing_back(kind in "[xn][xf][xd]", steps in prop::collection::vec(step(), 1..40)) {
        let done = played(&kind, &steps);
        prop_assert!(done.is_ok(), "{}", done.unwrap_err());
    }
}
