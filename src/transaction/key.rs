//! Which transaction a message belongs to (RFC 3261 17.1.3 and 17.2.3).
//!
//! A [`Key`] is the 128-bit SipHash-2-4 of what the RFC compares, under a secret [`Seed`]. A peer that does not know the
//! seed cannot make two messages share a key, so equal keys are taken for equal messages and nothing else is compared.
//!
//! Hosts are compared without regard to case (RFC 3261 7.3.1). Branches, tags and Call-IDs are compared byte by byte:
//! whoever sends a message again, or its CANCEL or ACK, copies them.

/// Names a transaction within a node.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Key(u128);

impl Key {
    /// 64 well-mixed bits of the key, to pick a bucket or a worker by.
    pub const fn low(self) -> u64 {
        self.0 as u64
    }
}

/// The secret of a node, drawn once by its host.
#[derive(Clone, Copy)]
pub struct Seed([u64; 2]);

/// What a request without the magic cookie (RFC 2543) is matched by; absent tags are empty.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Legacy<'a> {
    /// The method; see [`Seed::legacy`].
    pub method: &'a [u8],
    /// The Request-URI as it stands.
    pub request_uri: &'a [u8],
    /// The tag of To.
    pub to_tag: &'a [u8],
    /// The tag of From.
    pub from_tag: &'a [u8],
    /// The Call-ID.
    pub call_id: &'a [u8],
    /// The number of CSeq.
    pub cseq: u32,
    /// The value of the topmost Via as it stands.
    pub via: &'a [u8],
}

/// Whether a branch begins with the magic cookie of RFC 3261 8.1.1.7. Only then does it name a transaction.
pub fn has_cookie(branch: &[u8]) -> bool {
    branch.starts_with(b"z9hG4bK") && branch.len() > b"z9hG4bK".len()
}

impl Seed {
    /// The seed made of these random numbers.
    pub const fn new(first: u64, second: u64) -> Seed {
        Seed([first, second])
    }

    /// The server transaction of a request whose branch has the cookie (17.2.3): branch, sent-by and method, where ACK
    /// counts as INVITE. `port` is that of the topmost Via, or the default of its transport.
    ///
    /// The INVITE that a CANCEL is for (9.2) has the key with the method `INVITE`; the CANCEL itself is a transaction of its
    /// own.
    pub fn server(&self, branch: &[u8], host: &[u8], port: u16, method: &[u8]) -> Key {
        let mut hash = self.hash(Kind::Server, u32::from(port));
        hash.field(branch);
        hash.field_without_case(host);
        hash.field(ack_as_invite(method));
        hash.finish()
    }

    /// The server transaction of a request without the cookie (17.2.3, second half), where ACK counts as INVITE.
    ///
    /// The ACK carries the To tag of the reply, which the INVITE did not: an owner that sends a non-2xx final reply enters
    /// the transaction a second time, under the tag of the reply. The INVITE that a CANCEL is for has the key with the
    /// method `INVITE`.
    pub fn legacy(&self, request: &Legacy<'_>) -> Key {
        let mut hash = self.hash(Kind::Legacy, request.cseq);
        hash.field(ack_as_invite(request.method));
        hash.field(request.request_uri);
        hash.field(request.to_tag);
        hash.field(request.from_tag);
        hash.field(request.call_id);
        hash.field(request.via);
        hash.finish()
    }

    /// The branch a reply belongs to (17.1.3): the branch of the topmost Via, which is ours, and the method of CSeq.
    pub fn client(&self, branch: &[u8], method: &[u8]) -> Key {
        let mut hash = self.hash(Kind::Client, 0);
        hash.field(branch);
        hash.field(method);
        hash.finish()
    }

    /// The ACK of a 2xx we sent ourselves: it has a branch of its own (8.1.1.7) and is known by its dialog and the number
    /// of the INVITE (13.3.1.4).
    pub fn success_ack(&self, call_id: &[u8], from_tag: &[u8], to_tag: &[u8], cseq: u32) -> Key {
        let mut hash = self.hash(Kind::SuccessAck, cseq);
        hash.field(call_id);
        hash.field(from_tag);
        hash.field(to_tag);
        hash.finish()
    }

    /// A number for a call, by which its messages find one another and their worker: a peer cannot make two calls share one.
    pub fn call(&self, call_id: &[u8]) -> u64 {
        let mut hash = self.hash(Kind::Call, 0);
        hash.field(call_id);
        hash.finish().low()
    }

    /// What a To tag of ours tells of its request (RFC 3261 19.3): the same for the same request (16.11), and nothing of another's.
    pub fn tag(&self, via: &[u8], call_id: &[u8]) -> u32 {
        let mut hash = self.hash(Kind::Tag, 0);
        hash.field(via);
        hash.field(call_id);
        hash.finish().low() as u32
    }

    /// What tells a request that comes back unchanged from one that comes back for another destination (RFC 3261 16.6 step 8): a hash of these.
    pub fn course<'a>(&self, number: u32, fields: impl IntoIterator<Item = &'a [u8]>) -> u64 {
        let mut hash = self.hash(Kind::Course, number);
        fields.into_iter().for_each(|field| hash.field(field));
        hash.finish().low()
    }

    /// The mark by which a node knows a branch of its own making.
    pub fn mark(&self, nonce: u64, course: u64) -> u32 {
        let mut hash = self.hash(Kind::Mark, 0);
        hash.word(nonce);
        hash.word(course);
        hash.finish().low() as u32
    }

    fn hash(&self, kind: Kind, number: u32) -> SipHash {
        let mut hash = SipHash::new(self.0);
        hash.word(u64::from(number) << 8 | kind as u64);
        hash
    }
}

/// Keeps the keys of different kinds apart.
#[derive(Clone, Copy)]
enum Kind {
    Server = 1,
    Legacy,
    Client,
    SuccessAck,
    Call,
    Tag,
    Course,
    Mark,
}

fn ack_as_invite(method: &[u8]) -> &[u8] {
    if method == b"ACK" { b"INVITE" } else { method }
}

/// SipHash-2-4 with a 128-bit result (Aumasson and Bernstein), fed with whole words.
struct SipHash {
    v: [u64; 4],
    words: u64,
}

impl SipHash {
    fn new([k0, k1]: [u64; 2]) -> SipHash {
        let v = [
            k0 ^ 0x736f_6d65_7073_6575,
            k1 ^ 0x646f_7261_6e64_6f6d ^ 0xee,
            k0 ^ 0x6c79_6765_6e65_7261,
            k1 ^ 0x7465_6462_7974_6573,
        ];
        SipHash { v, words: 0 }
    }

    /// The length and then the bytes, filled up to whole words: no two lists of fields look the same.
    fn field(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        let (whole, rest) = bytes.as_chunks();
        for chunk in whole {
            self.word(u64::from_le_bytes(*chunk));
        }
        if !rest.is_empty() {
            self.word(padded(rest));
        }
    }

    fn field_without_case(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        for chunk in bytes.chunks(8) {
            self.word(u64::from_le_bytes(padded(chunk).to_le_bytes().map(|byte| byte.to_ascii_lowercase())));
        }
    }

    fn word(&mut self, word: u64) {
        self.words += 1;
        self.v[3] ^= word;
        self.round();
        self.round();
        self.v[0] ^= word;
    }

    fn finish(mut self) -> Key {
        let length = (self.words * 8) << 56;
        self.word(length);
        self.v[2] ^= 0xee;
        let low = self.half();
        self.v[1] ^= 0xdd;
        let high = self.half();
        Key(u128::from(high) << 64 | u128::from(low))
    }

    fn half(&mut self) -> u64 {
        for _ in 0..4 {
            self.round();
        }
        self.v[0] ^ self.v[1] ^ self.v[2] ^ self.v[3]
    }

    fn round(&mut self) {
        let [mut a, mut b, mut c, mut d] = self.v;
        a = a.wrapping_add(b);
        b = b.rotate_left(13) ^ a;
        a = a.rotate_left(32);
        c = c.wrapping_add(d);
        d = d.rotate_left(16) ^ c;
        a = a.wrapping_add(d);
        d = d.rotate_left(21) ^ a;
        c = c.wrapping_add(b);
        b = b.rotate_left(17) ^ c;
        c = c.rotate_left(32);
        self.v = [a, b, c, d];
    }
}

/// Up to eight bytes as a little-endian word.
fn padded(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SEED: Seed = Seed::new(0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908);
    const BRANCH: &[u8] = b"z9hG4bK776asdhds";

    /// The published vectors of the algorithm (key 00..0f, input 00, 01, ..), for inputs of whole words.
    #[test]
    fn the_hash_is_siphash() {
        let mut hash = SipHash::new(SEED.0);
        assert_eq!(SipHash::new(SEED.0).finish().0, 0x9302_55c7_1472_f66d_e6a8_25ba_047f_81a3);
        hash.word(0x0706_0504_0302_0100);
        assert_eq!(hash.finish().0, 0xb497_14f3_64e2_830f_61f5_5862_baa9_623b);
    }

    #[test]
    fn a_request_and_its_ack_share_a_key_and_its_cancel_has_another() {
        let invite = SEED.server(BRANCH, b"pc33.atlanta.com", 5060, b"INVITE");
        assert_eq!(invite, SEED.server(BRANCH, b"pc33.atlanta.com", 5060, b"ACK"));
        assert_eq!(invite, SEED.server(BRANCH, b"PC33.Atlanta.com", 5060, b"INVITE"));
        assert_ne!(invite, SEED.server(BRANCH, b"pc33.atlanta.com", 5060, b"CANCEL"));
        assert_ne!(invite, SEED.server(BRANCH, b"pc33.atlanta.com", 5062, b"INVITE"));
        assert_ne!(invite, SEED.server(BRANCH, b"pc34.atlanta.com", 5060, b"INVITE"));
        assert_ne!(invite, SEED.server(b"z9hG4bK776ASDHDS", b"pc33.atlanta.com", 5060, b"INVITE"));
        assert_ne!(invite, Seed::new(1, 2).server(BRANCH, b"pc33.atlanta.com", 5060, b"INVITE"));
    }

    #[test]
    fn a_reply_belongs_to_its_branch_and_method() {
        let invite = SEED.client(BRANCH, b"INVITE");
        assert_eq!(invite, SEED.client(BRANCH, b"INVITE"));
        assert_ne!(invite, SEED.client(BRANCH, b"CANCEL"));
        assert_ne!(invite, SEED.client(b"z9hG4bK776asdhdt", b"INVITE"));
    }

    #[test]
    fn an_old_request_is_known_by_six_values() {
        let invite = Legacy {
            method: b"INVITE",
            request_uri: b"sip:bob@biloxi.com",
            to_tag: b"",
            from_tag: b"1928301774",
            call_id: b"a84b4c76e66710",
            cseq: 314159,
            via: b"SIP/2.0/UDP pc33.atlanta.com:5060",
        };
        let key = SEED.legacy(&invite);
        assert_eq!(key, SEED.legacy(&Legacy { method: b"ACK", ..invite }));
        assert_ne!(key, SEED.legacy(&Legacy { method: b"CANCEL", ..invite }));
        assert_ne!(key, SEED.legacy(&Legacy { to_tag: b"1", ..invite }));
        assert_ne!(key, SEED.legacy(&Legacy { from_tag: b"", ..invite }));
        assert_ne!(key, SEED.legacy(&Legacy { call_id: b"a", ..invite }));
        assert_ne!(key, SEED.legacy(&Legacy { request_uri: b"sip:bob@biloxi.co", ..invite }));
        assert_ne!(key, SEED.legacy(&Legacy { via: b"", ..invite }));
        assert_ne!(key, SEED.legacy(&Legacy { cseq: 314160, ..invite }));
    }

    #[test]
    fn the_cookie_alone_is_no_branch() {
        assert!(has_cookie(b"z9hG4bK0"));
        assert!(!has_cookie(b"z9hG4bK"));
        assert!(!has_cookie(b"Z9HG4BK0"));
        assert!(!has_cookie(b""));
    }

    proptest! {
        /// Moving bytes from one field to its neighbour is seen.
        #[test]
        fn fields_do_not_run_into_each_other(
            left in prop::collection::vec(any::<u8>(), 0..20),
            right in prop::collection::vec(any::<u8>(), 0..20),
            cut in 0..40usize,
        ) {
            let whole = [left.as_slice(), right.as_slice()].concat();
            let (other_left, other_right) = whole.split_at(cut.min(whole.len()));
            let same = other_left == left;
            prop_assert_eq!(SEED.client(&left, &right) == SEED.client(other_left, other_right), same);
            prop_assert_ne!(SEED.client(&left, &right), SEED.success_ack(&left, &right, b"", 0));
        }
    }
}
