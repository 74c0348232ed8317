//! `maxfwd`: the hop limit (RFC 3261 section 16.6, step 3).

use crate::builtin::{
    Arg, Args, Context, Does, Function, LogLevel, Module, Outcome, Param, Routes, Start, StartFault, State, Unit,
    print_int,
};
use crate::sip::{HeaderName, number};

/// The module.
pub static MODULE: Module = Module {
    functions: FUNCTIONS,
    params: PARAMS,
    start,
    ..Module::new("maxfwd", "Ends loops: lowers Max-Forwards on the way through.")
};

static FUNCTIONS: &[Function] = &[
    Function {
        names: &["mf_process_maxfwd_header", "maxfwd_process", "process_maxfwd"],
        args: &[Arg::int("max_value")],
        routes: Routes::REQUEST,
        run: process,
        does: &[Does::LimitHops],
        doc: "Lowers Max-Forwards and is 1; without the header it is added with `max_value`, which gives 2. False when it is 0 already or no number.",
    },
    Function {
        names: &["is_maxfwd_lt", "maxfwd_at_least", "mf_lowlimit"],
        args: &[Arg::int("value")],
        routes: Routes::REQUEST.or(Routes::FAILURE).or(Routes::BRANCH),
        run: is_below,
        does: &[Does::LimitHops],
        doc: "True when Max-Forwards is below `value`; false when it is not, when it is missing (-2) or no number (-3).",
    },
];

static PARAMS: &[Param] = &[Param::int(
    &["max_limit"],
    "70",
    Unit::None,
    "The highest Max-Forwards that is sent on; a higher one is lowered to it.",
)];

/// What the parameters say.
#[derive(Debug)]
struct MaxForwards {
    limit: i64,
}

impl State for MaxForwards {}

fn start(start: &mut Start) -> Result<Box<dyn State>, StartFault> {
    Ok(Box::new(MaxForwards { limit: start.params.int("max_limit") }))
}

/// The hop limit of the message.
enum Hops {
    Missing,
    Illegible,
    Left(u32),
}

fn hops(cx: &mut Context) -> Hops {
    match cx.message.message.value(HeaderName::MaxForwards) {
        None => Hops::Missing,
        Some(text) => match number(text.trim_ascii()) {
            Some(left) => Hops::Left(left),
            None => {
                cx.log(LogLevel::Error, "Max-Forwards is no number");
                Hops::Illegible
            }
        },
    }
}

fn process(cx: &mut Context, args: &Args) -> Outcome {
    let limit = cx.state::<MaxForwards>().map_or(70, |state| state.limit);
    let left = match hops(cx) {
        Hops::Missing => {
            let mut line = b"Max-Forwards: ".to_vec();
            print_int(args.int(cx, 0), &mut line);
            line.extend_from_slice(b"\r\n");
            cx.message.edits.insert_first(&cx.message.message, line);
            return Outcome::Return(2);
        }
        Hops::Illegible => return Outcome::Return(-2),
        Hops::Left(0) => return Outcome::FALSE,
        Hops::Left(left) => (i64::from(left) - 1).min(limit),
    };
    let message = &mut *cx.message;
    if let Some(value) = message.message.header(HeaderName::MaxForwards).map(|header| header.value) {
        let mut digits = Vec::with_capacity(8);
        print_int(left, &mut digits);
        // Kamailio writes over the digits: what they leave of the width is blank.
        let mut text = vec![b' '; value.len().saturating_sub(digits.len())];
        text.extend_from_slice(&digits);
        message.message.overwrite(value, &text);
    }
    Outcome::TRUE
}

fn is_below(cx: &mut Context, args: &Args) -> Outcome {
    let limit = args.int(cx, 0);
    match hops(cx) {
        Hops::Missing => Outcome::Return(-2),
        Hops::Illegible => Outcome::Return(-3),
        Hops::Left(left) => Outcome::truth(i64::from(left) < limit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::{Argument, bench::Bench};
    use crate::sip;
    use std::sync::Arc;

    fn code(outcome: Outcome) -> i32 {
        match outcome {
            Outcome::Return(code) => code,
            Outcome::Wait(..) => panic!("it waits"),
        }
    }

    fn bench(header: &str) -> Bench {
        let text = format!("OPTIONS sip:a SIP/2.0\nVia: SIP/2.0/UDP a;branch=z9hG4bK\n{header}To: <sip:a>\n\n");
        Bench::new(&text, Arc::new(MaxForwards { limit: 70 }))
    }

    /// The second to fourth lines of the message as it would be sent.
    fn lines(bench: &Bench) -> String {
        let mut out = Vec::new();
        sip::write(&bench.message.message, &bench.message.edits, &mut out);
        let text = String::from_utf8(out).unwrap();
        text.split("\r\n").find(|line| line.starts_with("Max")).unwrap_or_default().to_owned()
    }

    #[test]
    fn digits_keep_their_width() {
        for (came, result, sent) in [
            ("70", 1, "Max-Forwards: 69"),
            ("10", 1, "Max-Forwards:  9"),
            ("1", 1, "Max-Forwards: 0"),
            ("100", 1, "Max-Forwards:  70"),
            ("256", 1, "Max-Forwards:  70"),
            ("0070", 1, "Max-Forwards:   69"),
            ("  70  ", 1, "Max-Forwards:   69  "),
            ("0", -1, "Max-Forwards: 0"),
            ("abc", -2, "Max-Forwards: abc"),
        ] {
            let mut bench = bench(&format!("Max-Forwards: {came}\n"));
            let done = bench.call_with(&FUNCTIONS[0], vec![Argument::Int(10)]);
            assert_eq!((code(done), lines(&bench).as_str()), (result, sent), "{came}");
        }
    }

    #[test]
    fn twice_lowers_by_two() {
        let mut bench = bench("Max-Forwards: 70\n");
        bench.call_with(&FUNCTIONS[0], vec![Argument::Int(10)]);
        bench.call_with(&FUNCTIONS[0], vec![Argument::Int(10)]);
        assert_eq!(lines(&bench), "Max-Forwards: 68");
    }

    #[test]
    fn a_missing_one_is_added_on_top() {
        let mut bench = bench("");
        assert_eq!(code(bench.call_with(&FUNCTIONS[0], vec![Argument::Int(10)])), 2);
        let mut out = Vec::new();
        sip::write(&bench.message.message, &bench.message.edits, &mut out);
        assert!(out.starts_with(b"OPTIONS sip:a SIP/2.0\r\nMax-Forwards: 10\r\nVia"));
    }

    #[test]
    fn below() {
        for (header, limit, result) in [
            ("Max-Forwards: 70\n", 70, -1),
            ("Max-Forwards: 70\n", 71, 1),
            ("", 10, -2),
            ("Max-Forwards: abc\n", 10, -3),
        ] {
            let done = bench(header).call_with(&FUNCTIONS[1], vec![Argument::Int(limit)]);
            assert_eq!(code(done), result, "{header}");
        }
    }
}
