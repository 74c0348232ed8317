//! The flags of a function, which become keys and lists of the command.

use super::bencode::Bencode;
use super::operation::Operation;
use bytes::Bytes;

/// What the flags of a call say.
#[derive(Debug, Default)]
pub(super) struct Flags {
    /// Keys of the command, in the order of the flags.
    pub(super) keys: Vec<(Bytes, Bencode)>,
    pub(super) plain: Vec<Bytes>,
    pub(super) direction: Vec<Bytes>,
    pub(super) replace: Vec<Bytes>,
    pub(super) codec: Vec<(&'static str, Vec<Bytes>)>,
    pub(super) transport: Option<Transport>,
    pub(super) rtcp_mux: Vec<Bytes>,
    pub(super) sdes: Vec<Bytes>,
    pub(super) t38: Vec<Bytes>,
    /// `to-tag`: the To tag goes with a command that would leave it out.
    pub(super) with_to: bool,
    pub(super) to_tag: Option<Bytes>,
    pub(super) from_tag: Option<Bytes>,
    pub(super) call_id: Option<Bytes>,
    /// `directional`, or a `from-tag`.
    pub(super) directional: bool,
    pub(super) via: Option<Via>,
    /// `force-answer`
    pub(super) force_answer: bool,
}

/// Which text tells the branches of a call apart: `via-branch=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Via {
    First,
    Second,
    /// `auto`
    Auto,
    /// `extra`: what `extra_id_pv` says.
    Extra,
    /// `auto-extra`: that, or in a reply the first Via.
    AutoExtra,
    /// `next` and `auto-next`: the branch that a relay would make.
    Next,
}

/// The transport of the other side, as flags compose it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Transport {
    secure: bool,
    feedback: bool,
    dtls: bool,
}

impl Transport {
    const fn new(secure: bool, feedback: bool, dtls: bool) -> Transport {
        Transport { secure, feedback, dtls }
    }

    /// As it stands in an `m=` line. DTLS is always secure.
    pub(super) fn name(self) -> &'static str {
        match (self.dtls, self.secure, self.feedback) {
            (false, false, false) => "RTP/AVP",
            (false, true, false) => "RTP/SAVP",
            (false, false, true) => "RTP/AVPF",
            (false, true, true) => "RTP/SAVPF",
            (true, _, false) => "UDP/TLS/RTP/SAVP",
            (true, _, true) => "UDP/TLS/RTP/SAVPF",
        }
    }

    /// The transport that a flag names, whatever earlier ones said.
    fn named(flag: &[u8]) -> Option<Transport> {
        Some(match flag {
            b"RTP/AVP" => Transport::new(false, false, false),
            b"RTP/SAVP" => Transport::new(true, false, false),
            b"RTP/AVPF" => Transport::new(false, true, false),
            b"RTP/SAVPF" => Transport::new(true, true, false),
            b"UDP/TLS/RTP/SAVP" => Transport::new(false, false, true),
            b"UDP/TLS/RTP/SAVPF" => Transport::new(false, true, true),
            _ => return None,
        })
    }

    /// What a flag for one property makes of it.
    fn with(self, flag: &[u8]) -> Option<Transport> {
        Some(match flag {
            b"RTP" => Transport { secure: false, ..self },
            b"SRTP" => Transport { secure: true, ..self },
            b"AVP" => Transport { feedback: false, ..self },
            b"AVPF" => Transport { feedback: true, ..self },
            b"DTLS" => Transport { dtls: true, ..self },
            _ => return None,
        })
    }
}

/// A list of flags.
type List = fn(&mut Flags) -> &mut Vec<Bytes>;

/// Flags that add to a list of their own.
const LISTS: &[(&[u8], List)] = &[
    (b"replace", |flags| &mut flags.replace),
    (b"SDES", |flags| &mut flags.sdes),
    (b"T38", |flags| &mut flags.t38),
    (b"T.38", |flags| &mut flags.t38),
    (b"rtcp-mux", |flags| &mut flags.rtcp_mux),
];

/// Flags for codecs, each with the list that it adds to; the first name that fits counts.
const CODECS: &[(&[u8], &str)] = &[
    (b"transcode", "transcode"),
    (b"codec-transcode", "transcode"),
    (b"codec-strip", "strip"),
    (b"codec-offer", "offer"),
    (b"codec-mask", "mask"),
    (b"codec-set", "set"),
    (b"codec-except", "except"),
];

impl Flags {
    /// Reads flags, parted by blanks, each a word or `key=value`.
    ///
    /// # Errors
    /// The flag that cannot be used, with the reason.
    pub(super) fn read(text: &Bytes, operation: Operation) -> Result<Flags, String> {
        let mut flags = Flags { with_to: operation != Operation::Delete, ..Flags::default() };
        for flag in text.split(|byte| *byte == b' ').filter(|flag| !flag.is_empty()) {
            let flag = text.slice_ref(flag);
            let (key, value) = match memchr::memchr(b'=', &flag) {
                // Kamailio reads no further.
                Some(0) => break,
                Some(end) => (flag.slice(..end), Some(flag.slice(end + 1..))),
                None => (flag, None),
            };
            if let Err(why) = flags.take(&key, value.as_ref(), operation) {
                let value = value.map(|value| format!("={}", String::from_utf8_lossy(&value))).unwrap_or_default();
                return Err(format!("the flag {}{value} cannot be used: {why}", String::from_utf8_lossy(&key)));
            }
        }
        Ok(flags)
    }

    fn take(&mut self, key: &Bytes, value: Option<&Bytes>, operation: Operation) -> Result<(), &'static str> {
        if self.take_list(key, value, operation) {
            return Ok(());
        }
        let known = self.transport.unwrap_or_default();
        let transport = Transport::named(key).or_else(|| known.with(key)).filter(|_| value.is_none());
        if transport.is_some() {
            self.transport = transport;
            return Ok(());
        }
        let number = |value: &Bytes| Bencode::Int(leading_number(value));
        match (&key[..], value) {
            (b"TOS", Some(value)) => self.add_key(b"TOS", number(value)),
            (b"to-tag", value) => {
                self.to_tag = value.cloned().or(self.to_tag.take());
                self.with_to = true;
            }
            (b"call-id" | b"from-tag" | b"via-branch" | b"repacketize", None) => return Err("it needs a value"),
            (b"call-id", Some(value)) => self.call_id = Some(value.clone()),
            (b"from-tag", Some(value)) => {
                self.from_tag = Some(value.clone());
                self.directional = true;
            }
            (b"internal" | b"external" | b"direction", _) if !operation.has_sdp() => {}
            (b"internal" | b"external", _) => self.direction.push(key.clone()),
            (b"direction", value) => self.direction.extend(value.cloned()),
            (b"via-branch", Some(value)) => self.via = Some(via(value).ok_or("it is no known one")?),
            (b"repacketize", Some(value)) => match number(value) {
                Bencode::Int(0) => return Err("it is no number"),
                number => self.add_key(b"repacketize", number),
            },
            (b"directional", _) => self.directional = true,
            (b"force-answer", _) if operation == Operation::Offer => self.force_answer = true,
            (b"force-answer", _) => return Err("only an offer can be made an answer"),
            (b"delete-delay", Some(value)) => {
                self.add_key(b"delete delay", number(value));
                // Kamailio sends it under its own name, too.
                self.keys.push((key.clone(), Bencode::Text(value.clone())));
            }
            (_, Some(value)) => self.keys.push((key.clone(), Bencode::Text(value.clone()))),
            (_, None) => self.plain.push(key.clone()),
        }
        Ok(())
    }

    /// Takes a flag that belongs into a list; only a command with SDP has these lists, others lose the flag.
    fn take_list(&mut self, key: &Bytes, value: Option<&Bytes>, operation: Operation) -> bool {
        for (name, list) in LISTS {
            if let Some(item) = item(key, name, value) {
                list(self).extend(operation.has_sdp().then_some(item));
                return true;
            }
        }
        for (name, list) in CODECS {
            if let Some(item) = item(key, name, value) {
                match self.codec.iter_mut().find(|(its, _)| its == list) {
                    _ if !operation.has_sdp() => {}
                    Some((_, items)) => items.push(item),
                    None => self.codec.push((list, vec![item])),
                }
                return true;
            }
        }
        false
    }

    fn add_key(&mut self, key: &'static [u8], value: Bencode) {
        self.keys.push((Bytes::from_static(key), value));
    }
}

/// The rest of `name-rest`, or the value of `name=value`.
fn item(key: &Bytes, name: &[u8], value: Option<&Bytes>) -> Option<Bytes> {
    match key.strip_prefix(name)? {
        b"" => value.filter(|value| !value.is_empty()).cloned(),
        [b'-', _, ..] => Some(key.slice(name.len() + 1..)),
        _ => None,
    }
}

fn via(value: &[u8]) -> Option<Via> {
    Some(match value {
        [b'1', ..] => Via::First,
        [b'2', ..] => Via::Second,
        b"auto" => Via::Auto,
        b"extra" => Via::Extra,
        b"auto-extra" | b"extra-auto" => Via::AutoExtra,
        b"next" | b"auto-next" | b"next-auto" => Via::Next,
        _ => return None,
    })
}

/// The number that a text begins with; 0 when it begins with none.
fn leading_number(text: &[u8]) -> i64 {
    let sign = usize::from(text.first().is_some_and(|first| b"+-".contains(first)));
    let digits = text.iter().skip(sign).take_while(|byte| byte.is_ascii_digit()).count();
    let number = text.get(..sign + digits).and_then(|text| std::str::from_utf8(text).ok());
    number.and_then(|text| text.parse::<i32>().ok()).unwrap_or(0).into()
}
