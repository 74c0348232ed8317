//! `@cfg_get.group.name`: values that the config sets by `group.name = value`.

use crate::builtin::{
    Bracket, Context, Fault, Key, KeyKind, Place, Prepare, Prepared, Select, Template, Value, Variable,
};

/// The root.
pub(super) const ROWS: &[Select] = &[Select::root(
    Variable::read(&["cfg_get"], read, "A value that the config sets by group.name = value: @cfg_get.group.name.")
        .keyed(KeyKind::Custom(prepare)),
    &[],
)
.bracketed(Bracket::Rest)];

/// What a path behind `cfg_get` names.
enum Wanted {
    /// A value of the author's own, by its place.
    Global(usize),
    /// The setting `debug`.
    Debug,
}

fn prepare(text: &Template, cx: &mut Prepare) -> Result<Prepared, Fault> {
    let path = text.constant().unwrap_or_default();
    let path = String::from_utf8_lossy(&path);
    let Some((group, name)) = path.split_once('.') else {
        return Err(Fault::new("a value of the config has a group and a name").help("write cfg_get.group.name"));
    };
    if (group, name) == ("core", "debug") {
        return Ok(Box::new(Wanted::Debug));
    }
    let globals = cx.facts().globals;
    match globals.iter().position(|global| global.group == group && global.name == name) {
        Some(at) => Ok(Box::new(Wanted::Global(at))),
        None => {
            let fault = Fault::new(format!("the config does not set {path}"));
            let names: Vec<_> =
                globals.iter().filter(|global| global.group == group).map(|global| global.name.as_str()).collect();
            Err(match names.is_empty() {
                true => fault.help(format!("write {path} = \"value\" above the routes")),
                false => fault.help(format!("{group} has {}", names.join(", "))),
            })
        }
    }
}

fn read(cx: &mut Context, key: &Key, _: Place) -> Value {
    match key.prepared::<Wanted>() {
        Some(Wanted::Global(at)) => match cx.core.settings.globals.get(*at).map(|global| &global.value) {
            Some(value) => Value::Text(value.to_text()),
            None => Value::Null,
        },
        Some(Wanted::Debug) => super::number(cx.core.settings.debug.into()),
        None => Value::Null,
    }
}
