//! `@hf_value`: the values of headers that commas part, whichever headers they are. It is offered by `textopsx`.

use super::{bracket, of_text, plain, within};
use crate::builtin::{Bracket, Context, Select, Step, Template, Value, Variable};
use crate::sip::{NameAddr, Parameters, Values};
use bytes::Bytes;

/// The roots.
pub(crate) static VALUES: &[Select] = &[
    Select::root(
        Variable::read(
            &["hf_value"],
            |_, _, _| Value::Null,
            "The values of the headers of a name: @hf_value.x_name[1].",
        ),
        NAMES,
    ),
    Select::root(
        Variable::read(
            &["hf_value_exists"],
            |_, _, _| Value::Null,
            "1 when the headers of a name have this value: @hf_value_exists[\"supported\"].path.",
        ),
        EXISTS,
    ),
];

static NAMES: &[Step] = &[Step::named(
    "*",
    named,
    PARTS,
    "All values with commas between, or that of the index, counted from 1; a negative one counts from the end.",
)
.bracketed(Bracket::Optional)];

static EXISTS: &[Step] = &[Step::named("*", |cx, _, params| named(cx, Value::Null, params), HAS, "All values.")];

static HAS: &[Step] = &[Step::named(
    "*",
    |cx, value, params| {
        let wanted = bracket(cx, params);
        let text = if value.is_null() { Bytes::new() } else { value.to_text() };
        let mut all = Values::new(&text).filter_map(|range| text.get(range));
        let found = all.any(|value| value.eq_ignore_ascii_case(&wanted));
        super::number(found.into())
    },
    &[],
    "Whether one of them is this word.",
)];

static PARTS: &[Step] = &[
    Step::named(
        "uri",
        |_, value, _| {
            of_text(value, |text| {
                let all = Values::new(text).filter_map(|range| NameAddr::parse(text.get(range)?).ok());
                let uris: Vec<&[u8]> = all.map(|address| address.uri_text()).collect();
                Some(Value::Text(uris.join(&b","[..]).into()))
            })
        },
        &[],
        "The URI of each value.",
    ),
    Step::named(
        "name",
        |_, value, _| {
            of_text(value, |text| {
                let name = NameAddr::parse(text).ok()?.display();
                let bare = name.strip_prefix(b"\"").and_then(|inner| inner.strip_suffix(b"\""));
                Some(within(text, bare.unwrap_or(name)))
            })
        },
        &[],
        "The display name of the value, without quotes.",
    ),
    Step::named("param", parameter, &[], "The parameter of this name.").bracketed(Bracket::Text),
    Step::named("p", parameter, &[], "The parameter of this name.").bracketed(Bracket::Text),
];

/// The values of the headers whose name is the first parameter, with `_` for `-`.
fn named(cx: &mut Context, _: Value, params: &[Template]) -> Value {
    let name = params.first().map_or_else(Bytes::new, |param| param.text(cx));
    let index = params.get(1).map(|param| param.value(cx).to_int());
    let name: Vec<u8> = name.iter().map(|byte| if *byte == b'_' { b'-' } else { *byte }).collect();
    let message = &cx.message.message;
    let all = || {
        message.headers_called(&name).flat_map(|header| {
            let text = message.text(header.value);
            Values::new(text).filter_map(|range| text.get(range))
        })
    };
    if message.headers_called(&name).next().is_none() {
        return Value::Null;
    }
    let found = match index {
        None => return Value::Text(all().collect::<Vec<_>>().join(&b","[..]).into()),
        Some(index) if index < 0 => {
            let back = usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX);
            all().count().checked_sub(back).and_then(|at| all().nth(at))
        }
        Some(index) => all().nth(usize::try_from(index.max(1) - 1).unwrap_or(usize::MAX)),
    };
    found.map_or(Value::Null, |found| within(message.bytes(), found))
}

fn parameter(cx: &mut Context, value: Value, params: &[Template]) -> Value {
    let name = bracket(cx, params);
    of_text(value, |text| {
        let behind = match memchr::memchr(b'>', text) {
            Some(end) => end + 1,
            None => memchr::memchr(b';', text)?,
        };
        match Parameters::new(text.get(behind..)?).lookup(&name)? {
            Some(value) => Some(match plain(text, value) {
                Value::Null => Value::Text(Bytes::new()),
                value => value,
            }),
            None => Some(Value::Text(Bytes::new())),
        }
    })
}
