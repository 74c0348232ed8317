//! Functions that look at all keys or values of a table.

use super::functions::with_table;
use super::item::{Item, prepare, state};
use super::variables::Half;
use crate::builtin::{Arg, Args, Context, Does, Function, LogLevel, Means, Outcome, Regex, anywhere};
use std::sync::Arc;

/// The functions.
pub(super) const ROWS: &[Function] = &[
    anywhere(
        &["sht_rm_name_re"],
        ITEM,
        |cx, args| remove_by_regex(cx, args, Half::Key),
        "Removes the values whose key the pattern matches, written table=>pattern.",
    )
    .does(&[Does::RemoveEntries]),
    anywhere(
        &["sht_rm_value_re"],
        ITEM,
        |cx, args| remove_by_regex(cx, args, Half::Value),
        "Removes the texts that the pattern matches, written table=>pattern.",
    )
    .does(&[Does::RemoveEntries]),
    anywhere(
        &["sht_rm_name"],
        TEST,
        |cx, args| remove(cx, args, Half::Key),
        "Removes the values whose key the text matches (`re`), begins (`sw`), ends (`ew`) or is in (`in`).",
    )
    .does(&[Does::RemoveEntries]),
    anywhere(
        &["sht_rm_value"],
        TEST,
        |cx, args| remove(cx, args, Half::Value),
        "Removes the texts that the text matches (`re`), begins (`sw`), ends (`ew`) or is in (`in`).",
    )
    .does(&[Does::RemoveEntries]),
    anywhere(
        &["sht_match_name", "sht_has_name"],
        TEST,
        |cx, args| find(cx, args, Half::Key),
        "Whether a key is (`eq`) or is not (`ne`) the text, begins with it (`sw`) or is matched by it (`re`).",
    ),
    anywhere(
        &["sht_match_str_value", "sht_has_str_value"],
        TEST,
        |cx, args| find(cx, args, Half::Value),
        "Whether a text in the table is (`eq`) or is not (`ne`) the text, begins with it (`sw`) or is matched by it (`re`).",
    ),
];

const ITEM: &[Arg] = &[Arg::custom("item", prepare).means(Means::Table)];
const TEST: &[Arg] = &[Arg::text("table").means(Means::Table), Arg::text("operator"), Arg::text("text")];

fn remove_by_regex(cx: &mut Context, args: &Args, half: Half) -> Outcome {
    let (Some(item), Some(state)) = (args.prepared::<Item>(0), state(cx)) else { return Outcome::FALSE };
    // Kamailio finds nothing wrong in a table that is not defined.
    let Some(table) = item.table(&state) else { return Outcome::TRUE };
    let pattern = item.key(cx);
    let Some(pattern) = compile(cx, &pattern) else { return Outcome::FALSE };
    table.remove_where(|cell| half.text(cell).is_some_and(|text| pattern.is_match(text)));
    Outcome::TRUE
}

fn remove(cx: &mut Context, args: &Args, half: Half) -> Outcome {
    let Some(test) = test(cx, args, &[b"re", b"sw", b"ew", b"in"]) else { return Outcome::FALSE };
    with_table(cx, args, |_, table| {
        table.remove_where(|cell| half.text(cell).is_some_and(|text| test(text)));
        Outcome::TRUE
    })
}

fn find(cx: &mut Context, args: &Args, half: Half) -> Outcome {
    let Some(test) = test(cx, args, &[b"eq", b"ne", b"sw", b"re"]) else { return Outcome::FALSE };
    with_table(cx, args, |_, table| {
        let mut position = None;
        while let Some(next) = table.after(position) {
            let cell = table.at(next);
            if cell.as_ref().and_then(|cell| half.text(cell)).is_some_and(|text| test(text)) {
                return Outcome::TRUE;
            }
            position = Some(next);
        }
        Outcome::FALSE
    })
}

/// What a text must pass.
type Test = Box<dyn Fn(&[u8]) -> bool>;

/// The test that the second and third argument make; none when the operator is not among those known.
fn test(cx: &mut Context, args: &Args, known: &[&[u8]]) -> Option<Test> {
    let (operator, wanted) = (args.text(cx, 1), args.text(cx, 2));
    if !known.contains(&&operator[..]) {
        let operator = String::from_utf8_lossy(&operator);
        let text = format!("{operator} is no operator of {}", args.name());
        cx.log(LogLevel::Warning, text);
        return None;
    }
    if wanted.is_empty() {
        return None;
    }
    Some(match &operator[..] {
        b"eq" => Box::new(move |text| text == wanted),
        b"ne" => Box::new(move |text| text != wanted),
        b"sw" => Box::new(move |text| text.starts_with(&wanted)),
        b"ew" => Box::new(move |text| text.ends_with(&wanted)),
        b"in" => Box::new(move |text| memchr::memmem::find(text, &wanted).is_some()),
        _ => {
            let pattern = compile(cx, &wanted)?;
            Box::new(move |text| pattern.is_match(text))
        }
    })
}

fn compile(cx: &mut Context, pattern: &[u8]) -> Option<Arc<Regex>> {
    let compiled = cx.core.regexes.compile_by_line(pattern, cx.core.extensions).filter(|_| !pattern.is_empty());
    if compiled.is_none() {
        cx.log(LogLevel::Error, format!("{} is no regular expression", String::from_utf8_lossy(pattern)));
    }
    compiled
}
