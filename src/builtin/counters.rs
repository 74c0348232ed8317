//! What the server counts, under the names of Kamailio's statistics: `$stat(name)` reads them.
//!
//! Each worker writes numbers of its own; a reader adds up those of all. Nothing waits for anything.

use crate::sip::Method;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// One thing that is counted, by its place among the names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Counter(u8);

/// The module that shows a number in Kamailio, and its name there. Without that module the name is unknown.
const NAMES: &[(&str, &str)] = &[
    ("kex", "bad_URIs_rcvd"),
    ("kex", "bad_msg_hdr"),
    ("kex", "drop_replies"),
    ("kex", "drop_requests"),
    ("kex", "err_replies"),
    ("kex", "err_requests"),
    ("kex", "fwd_replies"),
    ("kex", "fwd_requests"),
    ("kex", "unsupported_methods"),
    ("kex", "rcv_requests"),
    ("kex", "rcv_requests_ack"),
    ("kex", "rcv_requests_bye"),
    ("kex", "rcv_requests_cancel"),
    ("kex", "rcv_requests_info"),
    ("kex", "rcv_requests_invite"),
    ("kex", "rcv_requests_message"),
    ("kex", "rcv_requests_notify"),
    ("kex", "rcv_requests_options"),
    ("kex", "rcv_requests_prack"),
    ("kex", "rcv_requests_publish"),
    ("kex", "rcv_requests_refer"),
    ("kex", "rcv_requests_register"),
    ("kex", "rcv_requests_subscribe"),
    ("kex", "rcv_requests_update"),
    ("kex", "rcv_replies"),
    ("kex", "rcv_replies_18x"),
    ("kex", "rcv_replies_401"),
    ("kex", "rcv_replies_404"),
    ("kex", "rcv_replies_407"),
    ("kex", "rcv_replies_480"),
    ("kex", "rcv_replies_486"),
    ("kex", "rcv_replies_1xx"),
    ("kex", "rcv_replies_2xx"),
    ("kex", "rcv_replies_3xx"),
    ("kex", "rcv_replies_4xx"),
    ("kex", "rcv_replies_5xx"),
    ("kex", "rcv_replies_6xx"),
    ("kex", "rcv_replies_1xx_bye"),
    ("kex", "rcv_replies_2xx_bye"),
    ("kex", "rcv_replies_3xx_bye"),
    ("kex", "rcv_replies_4xx_bye"),
    ("kex", "rcv_replies_5xx_bye"),
    ("kex", "rcv_replies_6xx_bye"),
    ("kex", "rcv_replies_1xx_cancel"),
    ("kex", "rcv_replies_2xx_cancel"),
    ("kex", "rcv_replies_3xx_cancel"),
    ("kex", "rcv_replies_4xx_cancel"),
    ("kex", "rcv_replies_5xx_cancel"),
    ("kex", "rcv_replies_6xx_cancel"),
    ("kex", "rcv_replies_1xx_invite"),
    ("kex", "rcv_replies_2xx_invite"),
    ("kex", "rcv_replies_3xx_invite"),
    ("kex", "rcv_replies_4xx_invite"),
    ("kex", "rcv_replies_5xx_invite"),
    ("kex", "rcv_replies_6xx_invite"),
    ("kex", "rcv_replies_1xx_message"),
    ("kex", "rcv_replies_2xx_message"),
    ("kex", "rcv_replies_3xx_message"),
    ("kex", "rcv_replies_4xx_message"),
    ("kex", "rcv_replies_5xx_message"),
    ("kex", "rcv_replies_6xx_message"),
    ("kex", "rcv_replies_1xx_prack"),
    ("kex", "rcv_replies_2xx_prack"),
    ("kex", "rcv_replies_3xx_prack"),
    ("kex", "rcv_replies_4xx_prack"),
    ("kex", "rcv_replies_5xx_prack"),
    ("kex", "rcv_replies_6xx_prack"),
    ("kex", "rcv_replies_1xx_refer"),
    ("kex", "rcv_replies_2xx_refer"),
    ("kex", "rcv_replies_3xx_refer"),
    ("kex", "rcv_replies_4xx_refer"),
    ("kex", "rcv_replies_5xx_refer"),
    ("kex", "rcv_replies_6xx_refer"),
    ("kex", "rcv_replies_1xx_reg"),
    ("kex", "rcv_replies_2xx_reg"),
    ("kex", "rcv_replies_3xx_reg"),
    ("kex", "rcv_replies_4xx_reg"),
    ("kex", "rcv_replies_5xx_reg"),
    ("kex", "rcv_replies_6xx_reg"),
    ("kex", "rcv_replies_1xx_update"),
    ("kex", "rcv_replies_2xx_update"),
    ("kex", "rcv_replies_3xx_update"),
    ("kex", "rcv_replies_4xx_update"),
    ("kex", "rcv_replies_5xx_update"),
    ("kex", "rcv_replies_6xx_update"),
    ("registrar", "accepted_regs"),
    ("registrar", "rejected_regs"),
    ("sl", "1xx_replies"),
    ("sl", "2xx_replies"),
    ("sl", "3xx_replies"),
    ("sl", "4xx_replies"),
    ("sl", "5xx_replies"),
    ("sl", "6xx_replies"),
    ("sl", "xxx_replies"),
    ("sl", "200_replies"),
    ("sl", "202_replies"),
    ("sl", "300_replies"),
    ("sl", "301_replies"),
    ("sl", "302_replies"),
    ("sl", "400_replies"),
    ("sl", "401_replies"),
    ("sl", "403_replies"),
    ("sl", "404_replies"),
    ("sl", "407_replies"),
    ("sl", "408_replies"),
    ("sl", "483_replies"),
    ("sl", "500_replies"),
    ("sl", "failures"),
    ("sl", "received_ACKs"),
    ("sl", "sent_err_replies"),
    ("sl", "sent_replies"),
    ("tmx", "2xx_transactions"),
    ("tmx", "3xx_transactions"),
    ("tmx", "4xx_transactions"),
    ("tmx", "5xx_transactions"),
    ("tmx", "6xx_transactions"),
    ("tmx", "UAC_transactions"),
    ("tmx", "UAS_transactions"),
    ("tmx", "active_transactions"),
    ("tmx", "inuse_transactions"),
    ("tmx", "rpl_absorbed"),
    ("tmx", "rpl_generated"),
    ("tmx", "rpl_received"),
    ("tmx", "rpl_relayed"),
    ("tmx", "rpl_sent"),
];

const COUNT: usize = NAMES.len();

impl Counter {
    /// The counter of this name and the module that shows it.
    pub fn find(name: &[u8]) -> Option<(Counter, &'static str)> {
        let at = NAMES.iter().position(|(_, its)| its.as_bytes() == name)?;
        Some((Counter(at as u8), NAMES[at].0))
    }

    /// The counter of this name; a misspelt one does not compile where this makes a constant.
    pub const fn named(name: &str) -> Counter {
        let mut at = 0;
        while at < COUNT {
            if same(NAMES[at].1.as_bytes(), name.as_bytes()) {
                return Counter(at as u8);
            }
            at += 1;
        }
        unreachable!()
    }

    /// That `steps` places further on: the next class of a row of classes.
    const fn after(self, steps: u8) -> Counter {
        Counter(self.0 + steps)
    }
}

const fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// The numbers of one worker, on cache lines of their own.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Counts([AtomicI64; COUNT]);

impl Default for Counts {
    fn default() -> Counts {
        Counts([const { AtomicI64::new(0) }; COUNT])
    }
}

/// A worker's view of all numbers.
#[derive(Debug, Clone)]
pub struct Counters {
    all: Arc<[Counts]>,
    own: usize,
}

impl Default for Counters {
    fn default() -> Counters {
        Counters::of(1).remove(0)
    }
}

impl Counters {
    /// A view for each of `workers` workers.
    pub fn of(workers: usize) -> Vec<Counters> {
        let all: Arc<[Counts]> = (0..workers).map(|_| Counts::default()).collect();
        (0..workers).map(|own| Counters { all: all.clone(), own }).collect()
    }

    /// The sum over all workers.
    pub fn read(&self, counter: Counter) -> i64 {
        self.all.iter().filter_map(|counts| counts.0.get(usize::from(counter.0))).map(|one| one.load(READ)).sum()
    }

    /// One more.
    pub fn count(&self, counter: Counter) {
        self.add(counter, 1);
    }

    /// So many more, or fewer.
    pub fn add(&self, counter: Counter, by: i64) {
        if let Some(one) = self.all.get(self.own).and_then(|counts| counts.0.get(usize::from(counter.0))) {
            // Nobody else writes it.
            one.store(one.load(READ) + by, READ);
        }
    }

    /// A request that arrived.
    pub fn request(&self, method: Method) {
        self.count(const { Counter::named("rcv_requests") });
        self.count(match method {
            Method::Ack => const { Counter::named("rcv_requests_ack") },
            Method::Bye => const { Counter::named("rcv_requests_bye") },
            Method::Cancel => const { Counter::named("rcv_requests_cancel") },
            Method::Info => const { Counter::named("rcv_requests_info") },
            Method::Invite => const { Counter::named("rcv_requests_invite") },
            Method::Message => const { Counter::named("rcv_requests_message") },
            Method::Notify => const { Counter::named("rcv_requests_notify") },
            Method::Options => const { Counter::named("rcv_requests_options") },
            Method::Prack => const { Counter::named("rcv_requests_prack") },
            Method::Publish => const { Counter::named("rcv_requests_publish") },
            Method::Refer => const { Counter::named("rcv_requests_refer") },
            Method::Register => const { Counter::named("rcv_requests_register") },
            Method::Subscribe => const { Counter::named("rcv_requests_subscribe") },
            Method::Update => const { Counter::named("rcv_requests_update") },
            Method::Kdmq | Method::Other => const { Counter::named("unsupported_methods") },
        });
    }

    /// A reply that arrived, and the method in its CSeq.
    pub fn reply(&self, code: u16, method: Method) {
        self.count(const { Counter::named("rcv_replies") });
        let Some(class) = class(code) else { return };
        self.count(const { Counter::named("rcv_replies_1xx") }.after(class));
        let row = match method {
            Method::Bye => const { Counter::named("rcv_replies_1xx_bye") },
            Method::Cancel => const { Counter::named("rcv_replies_1xx_cancel") },
            Method::Invite => const { Counter::named("rcv_replies_1xx_invite") },
            Method::Message => const { Counter::named("rcv_replies_1xx_message") },
            Method::Prack => const { Counter::named("rcv_replies_1xx_prack") },
            Method::Refer => const { Counter::named("rcv_replies_1xx_refer") },
            Method::Register => const { Counter::named("rcv_replies_1xx_reg") },
            Method::Update => const { Counter::named("rcv_replies_1xx_update") },
            _ => return self.reply_code(code),
        };
        self.count(row.after(class));
        self.reply_code(code);
    }

    fn reply_code(&self, code: u16) {
        self.count(match code {
            180..190 => const { Counter::named("rcv_replies_18x") },
            401 => const { Counter::named("rcv_replies_401") },
            404 => const { Counter::named("rcv_replies_404") },
            407 => const { Counter::named("rcv_replies_407") },
            480 => const { Counter::named("rcv_replies_480") },
            486 => const { Counter::named("rcv_replies_486") },
            _ => return,
        });
    }

    /// A reply sent without a transaction: by its code where Kamailio has a number for it, else by its class.
    pub fn stateless(&self, code: u16) {
        self.count(const { Counter::named("sent_replies") });
        self.count(match (code, class(code)) {
            (200, _) => const { Counter::named("200_replies") },
            (202, _) => const { Counter::named("202_replies") },
            (300, _) => const { Counter::named("300_replies") },
            (301, _) => const { Counter::named("301_replies") },
            (302, _) => const { Counter::named("302_replies") },
            (400, _) => const { Counter::named("400_replies") },
            (401, _) => const { Counter::named("401_replies") },
            (403, _) => const { Counter::named("403_replies") },
            (404, _) => const { Counter::named("404_replies") },
            (407, _) => const { Counter::named("407_replies") },
            (408, _) => const { Counter::named("408_replies") },
            (483, _) => const { Counter::named("483_replies") },
            (500, _) => const { Counter::named("500_replies") },
            (_, Some(class)) => const { Counter::named("1xx_replies") }.after(class),
            (_, None) => const { Counter::named("xxx_replies") },
        });
    }

    /// A transaction that its caller got a final reply to.
    pub fn answered(&self, code: u16) {
        self.add(const { Counter::named("active_transactions") }, -1);
        if let Some(class @ 1..) = class(code) {
            self.count(const { Counter::named("2xx_transactions") }.after(class - 1));
        }
    }
}

const READ: Ordering = Ordering::Relaxed;

/// 0 for 1xx to 5 for 6xx.
fn class(code: u16) -> Option<u8> {
    (100..700).contains(&code).then(|| (code / 100 - 1) as u8)
}

/// The memory of the machine, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// All of it.
    pub total: u64,
    /// What programs can still have.
    pub free: u64,
}

/// Asks how much memory there is.
pub type AskMemory = fn() -> Memory;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_stand_in_a_row() {
        let rows =
            [("rcv_replies_", ""), ("rcv_replies_", "_bye"), ("rcv_replies_", "_reg"), ("rcv_replies_", "_update")];
        for (head, tail) in rows {
            let first = Counter::named(&format!("{head}1xx{tail}"));
            for class in 0..6 {
                assert_eq!(first.after(class), Counter::named(&format!("{head}{}xx{tail}", class + 1)));
            }
        }
        assert_eq!(Counter::named("1xx_replies").after(5), Counter::named("6xx_replies"));
        assert_eq!(Counter::named("2xx_transactions").after(4), Counter::named("6xx_transactions"));
    }

    #[test]
    fn workers_are_added_up() {
        let views = Counters::of(2);
        views[0].request(Method::Options);
        views[1].request(Method::Options);
        views[1].request(Method::Other);
        let read = |name| views[0].read(Counter::named(name));
        assert_eq!((read("rcv_requests"), read("rcv_requests_options"), read("unsupported_methods")), (3, 2, 1));
        views[0].stateless(503);
        views[1].stateless(200);
        assert_eq!((read("sent_replies"), read("5xx_replies"), read("200_replies")), (2, 1, 1));
    }
}
