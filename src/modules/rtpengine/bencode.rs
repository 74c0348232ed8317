//! Bencode (BEP 3), the notation of rtpengine's control protocol. Keys keep the order in which they were added, as Kamailio sends them.

use bytes::Bytes;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Bencode {
    /// A number.
    Int(i64),
    /// A string.
    Text(Bytes),
    /// Values.
    List(Vec<Bencode>),
    /// Values by name.
    Dict(Vec<(Bytes, Bencode)>),
}

/// Lists within lists that are read; an answer needs five.
const DEEPEST: usize = 32;

impl Bencode {
    /// A string that outlives everything.
    pub(crate) const fn text(text: &'static str) -> Bencode {
        Bencode::Text(Bytes::from_static(text.as_bytes()))
    }

    /// A dictionary of fixed names.
    pub(crate) fn dict<const N: usize>(entries: [(&'static str, Bencode); N]) -> Bencode {
        Bencode::Dict(entries.into_iter().map(|(name, value)| (Bytes::from_static(name.as_bytes()), value)).collect())
    }

    /// Appends it as it is written.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Bencode::Int(number) => {
                out.push(b'i');
                crate::builtin::print_int(*number, out);
                out.push(b'e');
            }
            Bencode::Text(text) => write_text(text, out),
            Bencode::List(values) => {
                out.push(b'l');
                values.iter().for_each(|value| value.write(out));
                out.push(b'e');
            }
            Bencode::Dict(entries) => {
                out.push(b'd');
                for (name, value) in entries {
                    write_text(name, out);
                    value.write(out);
                }
                out.push(b'e');
            }
        }
    }

    /// Reads a value; what stands behind it is nobody's. `None` when it is none.
    pub(crate) fn read(bytes: &Bytes) -> Option<Bencode> {
        read(bytes, &mut 0, DEEPEST)
    }

    /// The first value of a name in a dictionary.
    pub(crate) fn get(&self, name: &str) -> Option<&Bencode> {
        match self {
            Bencode::Dict(entries) => entries.iter().find(|(its, _)| its == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// A string by its name in a dictionary.
    pub(crate) fn get_text(&self, name: &str) -> Option<&Bytes> {
        match self.get(name)? {
            Bencode::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A number by its name in a dictionary.
    pub(crate) fn get_int(&self, name: &str) -> Option<i64> {
        match self.get(name)? {
            Bencode::Int(number) => Some(*number),
            _ => None,
        }
    }
}

fn write_text(text: &[u8], out: &mut Vec<u8>) {
    crate::builtin::print_int(text.len() as i64, out);
    out.push(b':');
    out.extend_from_slice(text);
}

fn read(bytes: &Bytes, at: &mut usize, depth: usize) -> Option<Bencode> {
    let depth = depth.checked_sub(1)?;
    match *bytes.get(*at)? {
        b'i' => {
            *at += 1;
            let digits = upto(bytes, at, b'e')?;
            std::str::from_utf8(&digits).ok()?.parse().ok().map(Bencode::Int)
        }
        b'l' => {
            *at += 1;
            let mut values = Vec::new();
            while !closes(bytes, at)? {
                values.push(read(bytes, at, depth)?);
            }
            Some(Bencode::List(values))
        }
        b'd' => {
            *at += 1;
            let mut entries = Vec::new();
            while !closes(bytes, at)? {
                let name = text(bytes, at)?;
                entries.push((name, read(bytes, at, depth)?));
            }
            Some(Bencode::Dict(entries))
        }
        _ => text(bytes, at).map(Bencode::Text),
    }
}

/// Whether a list or dictionary ends here; `None` when the bytes do.
fn closes(bytes: &Bytes, at: &mut usize) -> Option<bool> {
    let ends = *bytes.get(*at)? == b'e';
    *at += usize::from(ends);
    Some(ends)
}

fn text(bytes: &Bytes, at: &mut usize) -> Option<Bytes> {
    let digits = upto(bytes, at, b':')?;
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let length: usize = std::str::from_utf8(&digits).ok()?.parse().ok()?;
    let end = at.checked_add(length).filter(|end| *end <= bytes.len())?;
    let text = bytes.slice(*at..end);
    *at = end;
    Some(text)
}

/// What stands before a mark, which is passed.
fn upto(bytes: &Bytes, at: &mut usize, mark: u8) -> Option<Bytes> {
    let length = memchr::memchr(mark, bytes.get(*at..)?)?;
    let found = bytes.slice(*at..*at + length);
    *at += length + 1;
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(value: &Bencode) -> Bytes {
        let mut out = Vec::new();
        value.write(&mut out);
        Bytes::from(out)
    }

    fn read(text: &'static str) -> Option<Bencode> {
        Bencode::read(&Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn values_are_written_and_read() {
        let value = Bencode::dict([
            ("b", Bencode::List(vec![Bencode::text("x"), Bencode::Int(-7)])),
            ("a", Bencode::dict([("", Bencode::List(vec![]))])),
        ]);
        assert_eq!(written(&value), "d1:bl1:xi-7ee1:ad0:leee");
        assert_eq!(Bencode::read(&written(&value)), Some(value));
        assert_eq!(
            read("d6:result4:ponge rest").and_then(|dict| dict.get_text("result").cloned()),
            Some("pong".into())
        );
        for bad in [
            "",
            "d",
            "l",
            "i5",
            "ie",
            "ixe",
            "5:abc",
            "-1:a",
            "+1:a",
            ":",
            "d1:ae",
            "di1e1:ae",
            "x",
            "99999999999999999999:a",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(Bencode::read(&Bytes::from(vec![b'l'; 1 << 16])), None);
    }

    fn values() -> impl Strategy<Value = Bencode> {
        let text = || proptest::collection::vec(any::<u8>(), 0..12).prop_map(Bytes::from);
        let leaf = prop_oneof![any::<i64>().prop_map(Bencode::Int), text().prop_map(Bencode::Text)];
        leaf.prop_recursive(4, 40, 6, move |inner| {
            let entry = (text(), inner.clone());
            prop_oneof![
                proptest::collection::vec(inner, 0..6).prop_map(Bencode::List),
                proptest::collection::vec(entry, 0..6).prop_map(Bencode::Dict),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(value in values()) {
            prop_assert_eq!(Bencode::read(&written(&value)), Some(value));
        }

        #[test]
        fn no_bytes_break_it(value in values(), cut in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut bytes = written(&value).to_vec();
            let at = cut.index(bytes.len());
            bytes[at] = byte;
            Bencode::read(&Bytes::from(bytes.clone()));
            bytes.truncate(at);
            Bencode::read(&Bytes::from(bytes));
        }
    }
}
