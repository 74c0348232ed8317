//! A variable as a script uses it, and text with variables in it: every name resolved.

use super::context::Context;
use super::module::{Transformation, Variable};
use super::prepare::{Fault, Prepared};
use crate::language::{Extension, Value};
use crate::sip::one_line;
use crate::world::ModuleId;
use bytes::Bytes;
use std::fmt;
use std::sync::Arc;

/// A use of a pseudo-variable: its row, what stands in its parentheses and brackets, and what is made of its value.
pub struct Reference {
    /// The row.
    pub variable: &'static Variable,
    /// The module whose state the row reads.
    pub module: ModuleId,
    /// What stands in the parentheses.
    pub key: Key,
    /// What stands in the brackets.
    pub index: Index,
    /// What is made of the value, in order.
    pub transformations: Box<[Applied]>,
    /// As written, for messages: `$(hdr(X){s.len})`.
    pub text: Box<str>,
}

/// A transformation where it is used.
pub struct Applied {
    /// The row.
    pub row: &'static Transformation,
    /// The module of the row.
    pub module: ModuleId,
    /// Its parameters.
    pub params: Box<[Template]>,
}

/// What stands in the parentheses of a variable, prepared.
pub enum Key {
    /// Nothing.
    None,
    /// The number of a fixed name.
    Slot(u32),
    /// Text, perhaps with variables.
    Text(Template),
    /// The row's own form.
    Custom(Prepared),
}

impl Key {
    /// The number of a slot.
    pub fn slot(&self) -> usize {
        match self {
            Key::Slot(slot) => *slot as usize,
            _ => 0,
        }
    }

    /// The text, variables expanded.
    pub fn text(&self, cx: &mut Context) -> Bytes {
        match self {
            Key::Text(template) => template.text(cx),
            _ => Bytes::new(),
        }
    }

    /// What the row prepared, when it is a `T`.
    pub fn prepared<T: 'static>(&self) -> Option<&T> {
        match self {
            Key::Custom(prepared) => prepared.downcast_ref(),
            _ => None,
        }
    }
}

/// What stands in the brackets of a variable, as compiled.
pub enum Index {
    /// Nothing.
    None,
    /// `[*]`.
    All,
    /// `[2]`, `[-1]`.
    At(i32),
    /// `[$var(i)]`.
    From(Box<Reference>),
}

/// The index of one use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// No index.
    Whole,
    /// `[*]`.
    All,
    /// `[n]`; negative counts from the end.
    At(i32),
}

impl Reference {
    /// Its value, transformations applied.
    pub fn value(&self, cx: &mut Context) -> Value {
        let place = self.place(cx);
        let caller = std::mem::replace(&mut cx.module, self.module);
        let mut value = (self.variable.get)(cx, &self.key, place);
        cx.core.meter.make(value.size());
        for applied in &self.transformations {
            cx.module = applied.module;
            value = (applied.row.run)(cx, value, &applied.params);
            cx.core.meter.make(value.size());
        }
        cx.module = caller;
        value
    }

    /// Writes it.
    pub fn assign(&self, cx: &mut Context, value: Value) -> Result<(), Fault> {
        let Some(set) = self.variable.set else {
            return Err(Fault::new(format!("{} cannot be written", self.text)));
        };
        let place = self.place(cx);
        let caller = std::mem::replace(&mut cx.module, self.module);
        let done = set(cx, &self.key, place, value);
        cx.module = caller;
        done
    }

    /// Whether it can be written: a writable row and no transformation.
    pub fn is_writable(&self) -> bool {
        self.variable.set.is_some() && self.transformations.is_empty()
    }

    /// How it prints when it is undefined: what a transformation could not make prints as nothing.
    fn undefined(&self) -> &'static [u8] {
        if self.transformations.is_empty() { b"<null>" } else { b"" }
    }

    fn place(&self, cx: &mut Context) -> Place {
        match &self.index {
            Index::None => Place::Whole,
            Index::All => Place::All,
            Index::At(index) => Place::At(*index),
            Index::From(reference) => Place::At(reference.value(cx).to_int() as i32),
        }
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Text with variables in it, ready to be expanded. A copy shares the pieces.
#[derive(Clone)]
pub struct Template {
    parts: Arc<Vec<Part>>,
    // The pieces that count: all, or one of another template.
    from: usize,
    to: usize,
}

/// A piece of a [`Template`].
#[derive(Debug)]
pub enum Part {
    /// Fixed text.
    Text(Bytes),
    /// A variable.
    Variable(Reference),
}

impl Template {
    /// A template of these pieces.
    pub fn new(parts: Vec<Part>) -> Template {
        Template { from: 0, to: parts.len(), parts: Arc::new(parts) }
    }

    /// A template without variables.
    pub fn fixed(text: impl Into<Bytes>) -> Template {
        Template::new(vec![Part::Text(text.into())])
    }

    /// The pieces.
    pub fn parts(&self) -> &[Part] {
        self.parts.get(self.from..self.to).unwrap_or_default()
    }

    /// A template of the piece at `place` alone.
    pub fn only(&self, place: usize) -> Option<Template> {
        let place = self.from + place;
        (place < self.to).then(|| Template { parts: self.parts.clone(), from: place, to: place + 1 })
    }

    /// The pieces themselves, when no copy shares them; none otherwise.
    pub fn into_parts(self) -> Vec<Part> {
        Arc::try_unwrap(self.parts).unwrap_or_default()
    }

    /// The text when it holds no variable.
    pub fn constant(&self) -> Option<Bytes> {
        match self.parts() {
            [] => Some(Bytes::new()),
            [Part::Text(text)] => Some(text.clone()),
            _ => None,
        }
    }

    /// The variable when it is nothing else.
    pub fn variable(&self) -> Option<&Reference> {
        match self.parts() {
            [Part::Variable(reference)] => Some(reference),
            _ => None,
        }
    }

    /// The value: a lone variable keeps its type, all else is text.
    pub fn value(&self, cx: &mut Context) -> Value {
        match self.parts() {
            [Part::Variable(reference)] => reference.value(cx),
            _ => Value::Text(self.text(cx)),
        }
    }

    /// The text with variables expanded; undefined prints as `<null>`, as in `xlog`.
    pub fn text(&self, cx: &mut Context) -> Bytes {
        match self.parts() {
            [] => Bytes::new(),
            [Part::Text(text)] => text.clone(),
            [Part::Variable(reference)] => match reference.value(cx) {
                Value::Null => Bytes::from_static(reference.undefined()),
                value => value.to_text(),
            },
            _ => {
                let mut out = Vec::with_capacity(128);
                self.expand(cx, &mut out);
                Bytes::from(out)
            }
        }
    }

    /// The text of header lines with variables expanded. What stands behind text of the script is a value, and begins no line of its own; a variable
    /// that comes first may hold lines that the script has made.
    pub fn lines(&self, cx: &mut Context) -> Bytes {
        if !cx.core.extensions.allows(Extension::HeaderValuesOnOneLine) || self.parts().len() < 2 {
            return self.text(cx);
        }
        let (mut out, mut begun) = (Vec::with_capacity(128), false);
        for part in self.parts() {
            match part {
                Part::Text(text) => {
                    out.extend_from_slice(text);
                    begun |= !text.trim_ascii().is_empty();
                }
                Part::Variable(reference) => match reference.value(cx) {
                    Value::Null => out.extend_from_slice(reference.undefined()),
                    value => {
                        let start = out.len();
                        value.print(&mut out);
                        if begun {
                            let kept = one_line(out.get(start..).unwrap_or_default()).len();
                            out.truncate(start + kept);
                        }
                    }
                },
            }
        }
        Bytes::from(out)
    }

    /// Appends the text with variables expanded.
    pub fn expand(&self, cx: &mut Context, out: &mut Vec<u8>) {
        for part in self.parts() {
            if cx.core.meter.is_spent() {
                return;
            }
            match part {
                Part::Text(text) => out.extend_from_slice(text),
                Part::Variable(reference) => match reference.value(cx) {
                    Value::Null => out.extend_from_slice(reference.undefined()),
                    value => value.print(out),
                },
            }
        }
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for part in self.parts() {
            match part {
                Part::Text(text) => f.write_str(&String::from_utf8_lossy(text))?,
                Part::Variable(reference) => f.write_str(&reference.text)?,
            }
        }
        Ok(())
    }
}
