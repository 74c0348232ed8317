//! Pseudo-variables and text with variables in it, from what the author wrote to references.

use super::compile::Names;
use super::registry::{Registry, STAND_IN};
use crate::builtin::{
    Applied, Extension, Fault, Index, Key, KeyKind, Part, Prepare, Reference, Template, Value, Variable,
};
use crate::catalogue::Kind;
use bytes::Bytes;

/// `$re` in a block guarded by a match: the group that the guard found. The slot is the nesting of the guard.
static REGEX_GROUP: Variable = Variable {
    names: &["re"],
    key: KeyKind::Slot,
    get: |cx, key, _| cx.locals.groups.get(key.slot()).cloned().unwrap_or(Value::Null),
    set: None,
    forgotten: None,
    indexed: false,
    doc: "The text of the first group of the =~ that guards the block.",
};

/// An AVP as SER names it, without an index: it is all values of its name, which read as one only when there is one.
static SER_AVP: Variable = Variable {
    names: &["avp"],
    key: KeyKind::Text,
    get: |cx, key, _| {
        let name = key.text(cx);
        let mut values = cx.locals.avps.values(&name);
        match (values.next(), values.next()) {
            (Some(only), None) => only.clone(),
            _ => Value::Null,
        }
    },
    set: Some(|cx, key, _, value| {
        let name = key.text(cx);
        cx.locals.avps.clear(&name);
        if !value.is_null() {
            cx.locals.avps.push(name, value);
        }
        Ok(())
    }),
    forgotten: None,
    indexed: false,
    doc: "All values of an AVP, as SER names it.",
};

/// A mistake in a variable, with the code it is reported under.
#[derive(Debug)]
pub(super) struct Mistake {
    /// The code.
    pub(super) code: &'static str,
    /// What is wrong, and what to do.
    pub(super) fault: Fault,
}

fn mistake(code: &'static str, message: impl Into<String>) -> Mistake {
    Mistake { code, fault: Fault::new(message) }
}

/// Reads a variable without its `$` and outer parentheses: `ru`, `hdr(X)`, and in the long form also `hdr(X)[1]{s.len}`.
pub(super) fn reference(names: &mut Names, text: &[u8], long: bool) -> Result<Reference, Mistake> {
    let written = String::from_utf8_lossy(text);
    let display: Box<str> = if long { format!("$({written})").into() } else { format!("${written}").into() };
    if let Some(name) = text.strip_prefix(b"%") {
        return Ok(ser_avp(name));
    }
    let mut rest = text;
    let name = take_name(&mut rest);
    let name = std::str::from_utf8(name).unwrap_or_default();
    if name.is_empty() {
        return Err(mistake("unknown-variable", format!("{display} has no name")));
    }
    let inner = take_group(&mut rest, b'(', b')');
    let index = take_group(&mut rest, b'[', b']');
    if let (Some(level), "re", None) = (names.guard, name, inner)
        && rest.is_empty()
        && names.rely_on(Extension::RegexGroup)
    {
        return Ok(Reference {
            variable: &REGEX_GROUP,
            module: Default::default(),
            key: Key::Slot(u32::from(level)),
            index: Index::None,
            transformations: Box::default(),
            text: display,
        });
    }
    let (module, variable, key) = match names.registry.variable(name) {
        // A variable that needs a name in parentheses and has none is the AVP of its own name, in expressions.
        Some((_, variable))
            if names.unknown_is_avp && !long && inner.is_none() && !matches!(variable.key, KeyKind::None) =>
        {
            return Ok(ser_avp(name.as_bytes()));
        }
        Some((module, variable)) => (module, variable, read_key(names, variable, name, inner)?),
        None => match names.registry.known_variable(name) {
            Some((owner, variable)) => {
                names.missing.push((Kind::Variable, name.to_owned(), owner));
                (STAND_IN, variable, read_key(names, variable, name, inner)?)
            }
            // Without #!KAMAILIO a name that no variable has is that of an AVP, in expressions.
            None if names.unknown_is_avp && inner.is_none() && !long => return Ok(ser_avp(name.as_bytes())),
            None => return Err(unknown(names.registry, name)),
        },
    };
    if let (Some(extension), Key::Slot(slot)) = (variable.forgotten, &key) {
        names.used(extension, *slot);
    }
    let index = match index {
        None => Index::None,
        Some(_) if !variable.indexed => return Err(no_index(name)),
        Some(text) => read_index(names, text)?,
    };
    let mut transformations = Vec::new();
    while let Some(inner) = take_group(&mut rest, b'{', b'}') {
        transformations.push(transformation(names, inner)?);
        // Blanks may stand between one and the next.
        rest = rest.trim_ascii_start();
    }
    if !rest.iter().all(u8::is_ascii_whitespace) {
        let rest = String::from_utf8_lossy(rest);
        return Err(mistake("bad-variable", format!("{display} has something after its end: {rest}")));
    }
    Ok(Reference { variable, module, key, index, transformations: transformations.into(), text: display })
}

fn ser_avp(name: &[u8]) -> Reference {
    let name = String::from_utf8_lossy(name).into_owned();
    Reference {
        variable: &SER_AVP,
        module: Default::default(),
        text: format!("${name}").into(),
        key: Key::Text(Template::fixed(name)),
        index: Index::None,
        transformations: Box::default(),
    }
}

/// Reads text with variables in it.
pub(super) fn template(names: &mut Names, text: &Bytes) -> Result<Template, Mistake> {
    let mut parts = Vec::new();
    let mut plain = Vec::new();
    let mut rest: &[u8] = text;
    while let Some(at) = memchr::memchr(b'$', rest) {
        plain.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(b"$") {
            plain.push(b'$');
            rest = after;
            continue;
        }
        let reference = if rest.first() == Some(&b'(') {
            let Some(inner) = take_group(&mut rest, b'(', b')') else {
                return Err(mistake("bad-variable", "the parenthesis after $ is not closed"));
            };
            reference(names, inner, true)?
        } else {
            let written = take_short(&mut rest);
            if written.is_empty() {
                return Err(Mistake {
                    code: "bad-variable",
                    fault: Fault::new("a $ stands alone in the text").help("write $$ for a dollar sign"),
                });
            }
            reference(names, written, false)?
        };
        if !plain.is_empty() {
            parts.push(Part::Text(Bytes::from(std::mem::take(&mut plain))));
        }
        parts.push(Part::Variable(reference));
    }
    plain.extend_from_slice(rest);
    if !plain.is_empty() {
        parts.push(Part::Text(Bytes::from(plain)));
    }
    Ok(Template::new(parts))
}

fn unknown(registry: &Registry, name: &str) -> Mistake {
    let mut fault = Fault::new(format!("unknown pseudo-variable ${name}"));
    if let Some(module) = registry.module_of(Kind::Variable, name) {
        fault = fault.help(format!("it belongs to the module {module}: add loadmodule \"{module}.so\""));
    } else if let Some(near) = registry.variable_like(name) {
        fault = fault.help(format!(
            "did you mean ${near}? A name runs as far as letters, digits and _ go: write $({near}) to end it earlier"
        ));
    }
    Mistake { code: "unknown-variable", fault }
}

fn read_key(names: &mut Names, variable: &'static Variable, name: &str, inner: Option<&[u8]>) -> Result<Key, Mistake> {
    match (variable.key, inner) {
        (KeyKind::None, None) => Ok(Key::None),
        (KeyKind::None, Some(_)) => Err(mistake("bad-variable", format!("${name} takes nothing in parentheses"))),
        (_, None) => Err(mistake("bad-variable", format!("${name} needs a name in parentheses: ${name}(...)"))),
        (_, Some([])) => Err(mistake("bad-variable", format!("the parentheses of ${name} are empty"))),
        (KeyKind::Slot, Some(inner)) => {
            let space = variable.names.first().copied().unwrap_or("var");
            Ok(Key::Slot(names.slots.slot(space, inner)))
        }
        (KeyKind::Text, Some(inner)) => Ok(Key::Text(template(names, &Bytes::copy_from_slice(inner))?)),
        (KeyKind::Custom(prepare), Some(inner)) => {
            let text = template(names, &Bytes::copy_from_slice(inner))?;
            let prepared = names.prepare(|cx: &mut Prepare| prepare(&text, cx));
            prepared.map(Key::Custom).map_err(|fault| Mistake { code: "bad-variable", fault })
        }
    }
}

fn no_index(name: &str) -> Mistake {
    let fault = Fault::new(format!("${name} has one value: it takes no index"));
    Mistake { code: "bad-variable", fault: fault.help("leave the brackets out") }
}

fn read_index(names: &mut Names, text: &[u8]) -> Result<Index, Mistake> {
    let text = text.trim_ascii();
    if text == b"*" {
        return Ok(Index::All);
    }
    if let Some(name) = text.strip_prefix(b"$") {
        let (inner, long) = match name.strip_prefix(b"(").and_then(|inner| inner.strip_suffix(b")")) {
            Some(inner) => (inner, true),
            None => (name, false),
        };
        return Ok(Index::From(Box::new(reference(names, inner, long)?)));
    }
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    number
        .map(Index::At)
        .ok_or_else(|| mistake("bad-variable", format!("[{}] is no index", String::from_utf8_lossy(text))))
}

/// The text with `$$` for each `$` that begins no variable; `None` when there is none.
pub(super) fn plain_dollars(text: &[u8]) -> Option<Bytes> {
    let mut out = Vec::with_capacity(text.len() + 2);
    for (at, byte) in text.iter().enumerate() {
        out.push(*byte);
        let begins = |next: &u8| next.is_ascii_alphanumeric() || matches!(next, b'_' | b'(' | b'?' | b'$');
        if *byte == b'$' && !text.get(at + 1).is_some_and(begins) && text.get(at.wrapping_sub(1)) != Some(&b'$') {
            out.push(b'$');
        }
    }
    (out.len() > text.len()).then(|| Bytes::from(out))
}

fn transformation(names: &mut Names, text: &[u8]) -> Result<Applied, Mistake> {
    let written = String::from_utf8_lossy(text).into_owned();
    let (head, params) = match memchr::memchr(b',', text) {
        Some(comma) => (&text[..comma], Some(&text[comma + 1..])),
        None => (text, None),
    };
    let head = String::from_utf8_lossy(head.trim_ascii_end()).into_owned();
    let Some((class, name)) = head.split_once('.') else {
        return Err(mistake("unknown-transformation", format!("{{{written}}} is no transformation: it has no class")));
    };
    let (module, row) = match names.registry.transformation(class, name) {
        Some(row) => row,
        None => match names.registry.known_transformation(class, name) {
            Some((owner, row)) => {
                names.missing.push((Kind::Transformation, head.to_ascii_lowercase(), owner));
                (STAND_IN, row)
            }
            None => {
                let mut fault = Fault::new(format!("unknown transformation {{{head}}}"));
                if let Some(module) = names.registry.module_of(Kind::Transformation, &head) {
                    fault = fault.help(format!("it belongs to the module {module}: add loadmodule \"{module}.so\""));
                }
                return Err(Mistake { code: "unknown-transformation", fault });
            }
        },
    };
    let given = params.map_or_else(Vec::new, |params| split_params(params, row.params.1));
    if given.len() < row.params.0 || given.len() > row.params.1 {
        let (least, most) = row.params;
        let wanted = if least == most { most.to_string() } else { format!("{least} to {most}") };
        let message = format!("{{{head}}} takes {wanted} parameters, not {}", given.len());
        return Err(mistake("wrong-arity", message));
    }
    for (at, check) in row.checks {
        if let Some(Err(wrong)) = given.get(*at).map(|param| check.apply(param)) {
            return Err(mistake("bad-argument", format!("parameter {} of {{{head}}} {wrong}", at + 1)));
        }
    }
    let mut templates = Vec::with_capacity(given.len());
    for param in given {
        // A regular expression may end in a `$`.
        let param = plain_dollars(param).unwrap_or_else(|| Bytes::copy_from_slice(param));
        templates.push(template(names, &param)?);
    }
    Ok(Applied { row, module, params: templates.into() })
}

/// Parameters between commas; the last one may hold commas itself.
fn split_params(text: &[u8], most: usize) -> Vec<&[u8]> {
    let mut params = Vec::new();
    let (mut start, mut depth) = (0, 0usize);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'(' | b'{' => depth += 1,
            b')' | b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 && params.len() + 1 < most => {
                params.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    params.push(&text[start..]);
    params
}

fn take_name<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    if let Some(after) = rest.strip_prefix(b"?") {
        let name = &rest[..1];
        *rest = after;
        return name;
    }
    let end = rest
        .iter()
        .position(|byte| !byte.is_ascii_alphanumeric() && !matches!(byte, b'_' | b'.'))
        .unwrap_or(rest.len());
    let (name, after) = rest.split_at(end);
    *rest = after;
    name
}

/// The short form: a name, and directly after it a parenthesis.
fn take_short<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let whole = *rest;
    take_name(rest);
    let before = *rest;
    if take_group(rest, b'(', b')').is_none() {
        *rest = before;
    }
    &whole[..whole.len() - rest.len()]
}

/// What stands between an opening byte, when it comes next, and its match; nothing is taken when it is not closed.
fn take_group<'a>(rest: &mut &'a [u8], open: u8, close: u8) -> Option<&'a [u8]> {
    if rest.first() != Some(&open) {
        return None;
    }
    let mut depth = 0usize;
    for (at, &byte) in rest.iter().enumerate() {
        if byte == open {
            depth += 1;
        } else if byte == close {
            depth -= 1;
            if depth == 0 {
                let inner = &rest[1..at];
                *rest = &rest[at + 1..];
                return Some(inner);
            }
        }
    }
    None
}

/// The reference that reads a word of an old-style test, or asks whether what it reads is this server.
pub(super) fn word_reference(names: &Names, word: &str, myself: bool) -> Option<Reference> {
    let (module, row) = names.registry.word(word)?;
    let asked = if myself { names.registry.transformation("core", "myself") } else { None };
    let transformations = asked.map(|(module, row)| Applied { row, module, params: Box::default() });
    Some(Reference {
        variable: &row.variable,
        module,
        key: Key::None,
        index: Index::None,
        transformations: transformations.into_iter().collect(),
        text: word.into(),
    })
}
