//! Statements about flags: of the message, of a branch, of the script.

use crate::builtin::{
    Arg, Args, Bare, Context, Does, Fault, Function, Means, Outcome, Prepare, Prepared, Routes, Template,
};
use bytes::Bytes;

/// The statements.
pub(super) const ROWS: &[Function] = &[
    statement(
        &["setflag"],
        |cx, args| change(cx, args, message_flags, set),
        "Sets a flag of the message, 0 to 31 or a declared name.",
    )
    .does(&[Does::SetFlag]),
    statement(&["resetflag"], |cx, args| change(cx, args, message_flags, reset), "Clears a flag of the message."),
    statement(&["isflagset"], |cx, args| test(cx, args, message_flags), "Whether a flag of the message is set.")
        .does(&[Does::AskFlag]),
    avp(
        &["setavpflag"],
        |cx, args| of_avp(cx, args, set),
        "Sets a flag of an AVP that has one value; false when it has none or several. Of a name such as \"f.x[1]\" it is the oldest value, with [-1] the newest, with [] all of them.",
    ),
    avp(
        &["resetavpflag"],
        |cx, args| of_avp(cx, args, reset),
        "Clears a flag of the same values; true only when one of all has it still: never, as in Kamailio.",
    ),
    avp(
        &["isavpflagset"],
        |cx, args| of_avp(cx, args, |_, _| {}),
        "Whether a flag of the same values is set, with [] of any.",
    ),
];

/// Those that stand in `kex`.
pub(crate) const KEX: &[Function] = &[
    branch(
        &["setbflag"],
        |cx, args| change(cx, args, branch_flags, set),
        "Sets a flag of a branch; of the first one when no index is given.",
    ),
    branch(&["resetbflag"], |cx, args| change(cx, args, branch_flags, reset), "Clears a flag of a branch."),
    branch(&["isbflagset"], |cx, args| test(cx, args, branch_flags), "Whether a flag of a branch is set."),
    message(
        &["setsflag"],
        |cx, args| change(cx, args, script_flags, set),
        "Sets a flag of the script, which lasts for this run of it.",
    ),
    message(&["resetsflag"], |cx, args| change(cx, args, script_flags, reset), "Clears a flag of the script."),
    message(&["issflagset"], |cx, args| test(cx, args, script_flags), "Whether a flag of the script is set."),
];

const FLAG: &[Arg] = &[Arg::int("flag").means(Means::Flag)];
const DECLARED: &[Arg] = &[Arg::flag("flag").means(Means::Flag)];
const AVP_AND_FLAG: &[Arg] = &[Arg::bare("avp", Bare::Avp, avp_name), Arg::avp_flag("flag")];
const FLAG_AND_BRANCH: &[Arg] = &[Arg::int("flag").means(Means::Flag), Arg::int("branch").optional()];

type Names = &'static [&'static str];
type Run = fn(&mut Context, &Args) -> Outcome;

const fn message(names: Names, run: Run, doc: &'static str) -> Function {
    Function { names, args: FLAG, routes: Routes::ANY, run, does: &[], doc }
}

/// A statement of the core, which takes a declared name too.
const fn statement(names: Names, run: Run, doc: &'static str) -> Function {
    Function { names, args: DECLARED, routes: Routes::ANY, run, does: &[], doc }
}

const fn branch(names: Names, run: Run, doc: &'static str) -> Function {
    Function { names, args: FLAG_AND_BRANCH, routes: Routes::ANY, run, does: &[], doc }
}

const fn avp(names: Names, run: Run, doc: &'static str) -> Function {
    Function { names, args: AVP_AND_FLAG, routes: Routes::ANY, run, does: &[], doc }
}

/// The values of an AVP whose flags are meant.
#[derive(Debug, PartialEq, Eq)]
struct Values {
    name: Bytes,
    which: Which,
}

#[derive(Debug, PartialEq, Eq)]
enum Which {
    /// The only one: with several values none is meant, as in Kamailio.
    Only,
    All,
    /// The oldest is 0.
    FromOldest(usize),
    FromNewest(usize),
}

/// Lists of AVPs that are not the one of `$avp`; a name in them keeps its list.
const OTHER_LISTS: [&[u8]; 7] = [b"t.", b"tr.", b"tu.", b"fu.", b"fd.", b"td.", b"g."];

/// Takes the name of an AVP apart: `s:x` and `f.x` are `x` of `$avp`, and `i:5` is a name of its own. Only behind a list such as `f.` an index
/// is read: `[]` for all values, `[1]` for the oldest, `[-1]` for the newest.
fn avp_name(text: &Template, _: &mut Prepare) -> Result<Prepared, Fault> {
    let text = text.constant().unwrap_or_default();
    let own = [&b"f."[..], b"fr."].iter().find_map(|list| text.strip_prefix(*list));
    let listed = own.or_else(|| OTHER_LISTS.iter().any(|list| text.starts_with(list)).then_some(&text));
    let (name, which) = match listed.and_then(indexed) {
        Some((name, which)) => (name, which),
        None => (listed.or_else(|| text.strip_prefix(b"s:")).unwrap_or(&text), Some(Which::Only)),
    };
    let is_number = name.strip_prefix(b"i:").is_none_or(|number| crate::builtin::parse_int(number).is_some());
    match which.filter(|_| !name.is_empty() && is_number) {
        Some(which) => Ok(Box::new(Values { name: Bytes::copy_from_slice(name), which })),
        None => Err(Fault::new("this names no AVP").help("write the name as it stands in $avp(...)")),
    }
}

/// A name and the index behind it, which is no index when it is 0 or no number; `None` without brackets.
fn indexed(name: &[u8]) -> Option<(&[u8], Option<Which>)> {
    let inner = name.strip_suffix(b"]")?;
    let (name, index) = inner.split_at_checked(inner.iter().position(|byte| *byte == b'[')?)?;
    let index = index.get(1..)?;
    let place =
        |digits: &[u8]| crate::builtin::parse_int(digits).and_then(|at| usize::try_from(at).ok()?.checked_sub(1));
    let which = match index.strip_prefix(b"-") {
        _ if index.is_empty() => Some(Which::All),
        Some(digits) => place(digits).map(Which::FromNewest),
        None => place(index).map(Which::FromOldest),
    };
    Some((name, which))
}

/// Changes the flags of an AVP; true when a value that is meant has the flag behind that.
fn of_avp(cx: &mut Context, args: &Args, change: fn(&mut u32, u32)) -> Outcome {
    let bit = 1u32.checked_shl(args.int(cx, 1) as u32);
    let (Some(values), Some(bit)) = (args.prepared::<Values>(0), bit) else { return Outcome::FALSE };
    let mut flags = cx.locals.avps.flags_mut(&values.name);
    let apply = |flags: Option<&mut u32>| {
        flags.is_some_and(|flags| {
            change(flags, bit);
            *flags & bit != 0
        })
    };
    Outcome::truth(match values.which {
        Which::Only => {
            let only = flags.next();
            apply(only.filter(|_| flags.next().is_none()))
        }
        Which::All => {
            let mut any = false;
            for flags in flags {
                any |= apply(Some(flags));
            }
            any
        }
        Which::FromOldest(at) => apply(flags.nth(at)),
        Which::FromNewest(at) => apply(flags.nth_back(at)),
    })
}

fn message_flags<'a>(cx: &'a mut Context, _: &Args) -> Option<&'a mut u32> {
    Some(&mut cx.message.flags.plain)
}

/// The flags of the branch that the second argument names: 0 is the first, and the further ones follow.
fn branch_flags<'a>(cx: &'a mut Context, args: &Args) -> Option<&'a mut u32> {
    match usize::try_from(args.int(cx, 1)).ok()?.checked_sub(1) {
        None => Some(&mut cx.message.target.flags),
        Some(further) => cx.message.branches.get_mut(further).map(|branch| &mut branch.flags),
    }
}

fn script_flags<'a>(cx: &'a mut Context, _: &Args) -> Option<&'a mut u32> {
    Some(&mut cx.locals.script_flags)
}

fn set(flags: &mut u32, bit: u32) {
    *flags |= bit;
}

fn reset(flags: &mut u32, bit: u32) {
    *flags &= !bit;
}

type Flags = for<'a> fn(&'a mut Context, &Args) -> Option<&'a mut u32>;

fn change(cx: &mut Context, args: &Args, flags: Flags, change: fn(&mut u32, u32)) -> Outcome {
    let bit = bit(cx, args);
    match (flags(cx, args), bit) {
        (Some(flags), Some(bit)) => {
            change(flags, bit);
            Outcome::TRUE
        }
        _ => Outcome::FALSE,
    }
}

fn test(cx: &mut Context, args: &Args, flags: Flags) -> Outcome {
    let bit = bit(cx, args);
    Outcome::truth(matches!((flags(cx, args), bit), (Some(flags), Some(bit)) if *flags & bit != 0))
}

fn bit(cx: &mut Context, args: &Args) -> Option<u32> {
    1u32.checked_shl(u32::try_from(args.int(cx, 0)).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::Argument;
    use crate::builtin::bench::Bench;
    use std::sync::Arc;

    #[test]
    fn flags_stay_apart() {
        let mut bench = Bench::new("INVITE sip:h SIP/2.0\nVia: SIP/2.0/UDP h\n\n", Arc::new(()));
        let cases: &[(&str, &[i64], i32)] = &[
            ("isflagset", &[5], -1),
            ("setflag", &[5], 1),
            ("isflagset", &[5], 1),
            ("issflagset", &[5], -1),
            ("setbflag", &[3, 0], 1),
            ("isbflagset", &[3], 1),
            ("isbflagset", &[3, 1], -1),
            ("setbflag", &[3, 9], -1),
            ("setflag", &[32], -1),
            ("resetflag", &[5], 1),
            ("isflagset", &[5], -1),
        ];
        for (name, args, code) in cases {
            let row = ROWS.iter().chain(KEX).find(|row| row.names.contains(name)).unwrap();
            let outcome = bench.call_with(row, args.iter().map(|number| Argument::Int(*number)).collect());
            assert!(matches!(outcome, Outcome::Return(its) if its == *code), "{name}{args:?}");
        }
    }
}
