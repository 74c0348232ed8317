//! `name=>key`: a value of a table as scripts name it.

use super::table::Table;
use super::{Htable, SPACE};
use crate::builtin::{Context, Fault, Part, Prepare, Prepared, StateOf, Template};
use bytes::Bytes;

/// `name=>key`, prepared.
#[derive(Debug)]
pub(super) struct Item {
    slot: u32,
    key: Key,
}

#[derive(Debug)]
enum Key {
    /// A text, or a variable alone.
    Plain(Template),
    /// The whole text, and how much of it comes before the key.
    Behind(usize, Template),
}

impl Item {
    /// The key, variables expanded.
    pub(super) fn key(&self, cx: &mut Context) -> Bytes {
        match &self.key {
            Key::Plain(template) => template.text(cx),
            Key::Behind(skipped, template) => {
                let text = template.text(cx);
                if *skipped <= text.len() { text.slice(*skipped..) } else { Bytes::new() }
            }
        }
    }

    /// The table, when it is defined.
    pub(super) fn table<'a>(&self, state: &'a Htable) -> Option<&'a Table> {
        let at = (*state.by_slot.get(self.slot as usize)?)?;
        state.tables.get(at)
    }
}

/// The state, with the item of a variable or function.
pub(super) fn state(cx: &Context) -> Option<StateOf<Htable>> {
    cx.state::<Htable>()
}

/// Prepares `name=>key`.
pub(super) fn prepare(text: &Template, cx: &mut Prepare) -> Result<Prepared, Fault> {
    let bad = || Fault::new(format!("{text:?} names no value of a table")).help("write it as table=>key");
    let Some(Part::Text(first)) = text.parts().first() else { return Err(bad()) };
    let arrow = memchr::memchr(b'=', first).filter(|at| first.get(at + 1) == Some(&b'>')).ok_or_else(bad)?;
    let name = first.get(..arrow).unwrap_or_default().trim_ascii();
    let skipped = arrow + 2;
    if name.is_empty() || name.iter().any(u8::is_ascii_whitespace) || skipped == first.len() && text.parts().len() == 1
    {
        return Err(bad());
    }
    let slot = cx.slot(SPACE, name);
    let key = match text.constant() {
        Some(constant) => Key::Plain(Template::fixed(constant.slice(skipped..))),
        None if skipped == first.len() && text.parts().len() == 2 => match text.only(1) {
            Some(variable) => Key::Plain(variable),
            None => Key::Behind(skipped, text.clone()),
        },
        None => Key::Behind(skipped, text.clone()),
    };
    Ok(Box::new(Item { slot, key }))
}
