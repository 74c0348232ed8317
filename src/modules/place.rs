//! Variables that a module parameter names: `$avp(name)` and `$var(name)`. Parameters are read before there are names, so no other variable
//! can stand there.

use crate::builtin::{Context, Start, StartFault, Value};
use bytes::Bytes;

/// A variable that a parameter names.
#[derive(Debug, Clone)]
pub(super) enum Place {
    Avp(Bytes),
    Var(usize),
}

impl Place {
    /// What it holds.
    pub(super) fn read(&self, cx: &Context) -> Value {
        let found = match self {
            Place::Avp(name) => cx.locals.avps.value(name, 0),
            Place::Var(at) => cx.locals.carried.vars.get(*at),
        };
        found.cloned().unwrap_or_default()
    }

    /// Writes it.
    pub(super) fn store(&self, cx: &mut Context, value: Value) {
        match self {
            Place::Avp(name) => cx.locals.avps.push(name.clone(), value),
            Place::Var(at) => cx.locals.carried.set_var(*at, value),
        }
    }
}

/// The variable that a parameter names; `None` when it is not set, or names a `$var` that the script does not have.
///
/// # Errors
/// It names something else.
pub(super) fn place(start: &Start, param: &'static str) -> Result<Option<Place>, StartFault> {
    let Some(given) = start.params.given(param) else { return Ok(None) };
    let text = start.params.text(param).unwrap_or_default();
    let text = text.trim_ascii();
    if text.is_empty() {
        return Ok(None);
    }
    let inside = |open: &[u8]| Some(text.strip_prefix(open)?.strip_suffix(b")")?.trim_ascii());
    if let Some(name) = inside(b"$var(") {
        return Ok(start.slots.names("var").position(|its| its == name).map(Place::Var));
    }
    let name = inside(b"$avp(").map(|name| name.strip_prefix(b"s:").or(name.strip_prefix(b"i:")).unwrap_or(name));
    match name.filter(|name| !name.is_empty() && !name.contains(&b'$')) {
        Some(name) => Ok(Some(Place::Avp(Bytes::copy_from_slice(name)))),
        None => Err(StartFault::new(format!("{} cannot be used for {param}", String::from_utf8_lossy(text)))
            .at(given.span)
            .help("name an $avp(name), and have the script read or write that")),
    }
}
