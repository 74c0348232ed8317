//! Bracket expressions: sets of bytes.

use super::Mode;

/// Reads the expression behind its opening bracket, and gives the set as the crates write it.
pub(super) fn read(rest: &mut &[u8], mode: Mode) -> Result<String, String> {
    let mut reader = Reader { rest, mode };
    let negated = reader.take(b'^');
    let mut set = Set::default();
    let mut first = true;
    while let Some(element) = reader.element(first)? {
        first = false;
        match element {
            Element::Class(fits) => (0..=127).filter(fits).for_each(|byte| set.add(byte)),
            Element::Byte(low) => match reader.range_end()? {
                Some(high) if low > high => {
                    return Err(format!("the range {}-{} is empty", low.escape_ascii(), high.escape_ascii()));
                }
                Some(high) => (low..=high).for_each(|byte| set.add(byte)),
                None => set.add(low),
            },
            Element::Same(byte) => set.add(byte),
        }
    }
    if mode.ignore_case {
        // What is compared are capital letters.
        set = Set(std::array::from_fn(|byte| set.0[usize::from((byte as u8).to_ascii_uppercase())]));
    }
    if negated {
        set.0.iter_mut().for_each(|has| *has = !*has);
        if mode.by_line {
            set.0[usize::from(b'\n')] = false;
        }
    }
    Ok(set.written())
}

/// One element of the list.
enum Element {
    Byte(u8),
    /// A class by what fits it.
    Class(fn(&u8) -> bool),
    /// An equivalence class, which in the locale "C" is one byte, but begins and ends no range.
    Same(u8),
}

struct Reader<'a, 'b> {
    rest: &'a mut &'b [u8],
    mode: Mode,
}

const OPEN: &str = "a bracket is not closed";

impl Reader<'_, '_> {
    fn next(&mut self) -> Result<u8, String> {
        let (first, rest) = self.rest.split_first().ok_or(OPEN)?;
        *self.rest = rest;
        Ok(*first)
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.rest.first() == Some(&byte);
        if is_next {
            *self.rest = self.rest.get(1..).unwrap_or_default();
        }
        is_next
    }

    /// The pattern is compared in capital letters when case does not count.
    fn folded(&self, byte: u8) -> u8 {
        if self.mode.ignore_case { byte.to_ascii_uppercase() } else { byte }
    }

    /// The next element; `None` at the closing bracket, which is plain as the first.
    fn element(&mut self, first: bool) -> Result<Option<Element>, String> {
        let byte = self.next()?;
        match byte {
            b']' if !first => Ok(None),
            b'-' if !first && self.rest.first().ok_or(OPEN)? != &b']' => {
                Err("a hyphen in a bracket expression stands first, last, or between the ends of a range".to_owned())
            }
            b'[' => match self.rest.first() {
                Some(kind @ (b':' | b'=' | b'.')) => self.named(*kind).map(Some),
                _ => Ok(Some(Element::Byte(byte))),
            },
            _ => Ok(Some(Element::Byte(self.folded(byte)))),
        }
    }

    /// The end of a range, when a hyphen follows that is not the last of the list.
    fn range_end(&mut self) -> Result<Option<u8>, String> {
        let [b'-', behind, ..] = self.rest[..] else { return Ok(None) };
        if behind == b']' {
            return Ok(None);
        }
        self.next()?;
        let byte = self.next()?;
        match (byte, self.rest.first()) {
            (b'[', Some(kind @ (b':' | b'=' | b'.'))) => match self.named(*kind)? {
                Element::Byte(high) => Ok(Some(high)),
                Element::Class(_) | Element::Same(_) => Err("a class is no end of a range".to_owned()),
            },
            _ => Ok(Some(self.folded(byte))),
        }
    }

    /// `[:name:]`, `[=x=]` or `[.x.]`, behind the bracket.
    fn named(&mut self, kind: u8) -> Result<Element, String> {
        self.next()?;
        let end = memchr::memmem::find(self.rest, &[kind, b']']).ok_or(OPEN)?;
        let (name, behind) = self.rest.split_at(end);
        *self.rest = behind.get(2..).unwrap_or_default();
        let element = match (kind, name) {
            (b':', _) => {
                // When case does not count the letters of either are all letters.
                let letters = self.mode.ignore_case && matches!(name, b"lower" | b"upper");
                let class = class(if letters { b"alpha" } else { name })
                    .ok_or_else(|| format!("[:{}:] is no class", String::from_utf8_lossy(name)))?;
                if self.rest.first() == Some(&b'-') && self.rest.get(1) != Some(&b']') {
                    return Err("a class is no end of a range".to_owned());
                }
                Element::Class(class)
            }
            (b'=', [byte]) => {
                if self.rest.first() == Some(&b'-') && self.rest.get(1) != Some(&b']') {
                    return Err("a class is no end of a range".to_owned());
                }
                Element::Same(self.folded(*byte))
            }
            (_, [byte]) => Element::Byte(self.folded(*byte)),
            _ => return Err(format!("{} is no single character", String::from_utf8_lossy(name))),
        };
        Ok(element)
    }
}

fn class(name: &[u8]) -> Option<fn(&u8) -> bool> {
    Some(match name {
        b"alnum" => u8::is_ascii_alphanumeric,
        b"alpha" => u8::is_ascii_alphabetic,
        b"blank" => |byte| matches!(byte, b' ' | b'\t'),
        b"cntrl" => u8::is_ascii_control,
        b"digit" => u8::is_ascii_digit,
        b"graph" => u8::is_ascii_graphic,
        b"lower" => u8::is_ascii_lowercase,
        b"print" => |byte| matches!(byte, b' '..=b'~'),
        b"punct" => u8::is_ascii_punctuation,
        b"space" => |byte| matches!(byte, b' ' | b'\t'..=b'\r'),
        b"upper" => u8::is_ascii_uppercase,
        b"xdigit" => u8::is_ascii_hexdigit,
        _ => return None,
    })
}

/// A set of bytes.
struct Set([bool; 256]);

impl Default for Set {
    fn default() -> Set {
        Set([false; 256])
    }
}

impl Set {
    fn add(&mut self, byte: u8) {
        self.0[usize::from(byte)] = true;
    }

    fn written(&self) -> String {
        let mut out = String::from("[");
        let mut at = 0;
        while at < self.0.len() {
            let length = self.0.iter().skip(at).take_while(|has| **has).count();
            match length {
                0 => at += 1,
                1 => out.push_str(&format!("\\x{at:02x}")),
                _ => out.push_str(&format!("\\x{at:02x}-\\x{:02x}", at + length - 1)),
            }
            at += length;
        }
        // Nothing at all is written as the opposite of everything.
        if out.len() == 1 {
            out.push_str("^\\x00-\\xff");
        }
        out.push(']');
        out
    }
}
