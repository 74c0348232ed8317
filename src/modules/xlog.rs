//! `xlog`: lines of the script in the log.

use crate::builtin::{
    Arg, Args, Context, Does, Fault, Function, Key, KeyKind, LogLevel, LogLine, Module, Outcome, Param, Place, Prepare,
    Prepared, Routes, Start, StartFault, State, Template, Unit, Value, Variable,
};
use bytes::Bytes;

/// The module.
pub static MODULE: Module = Module {
    functions: FUNCTIONS,
    params: PARAMS,
    variables: VARIABLES,
    start,
    ..Module::new("xlog", "Writes lines with variables into the log.")
};

/// A row that logs at one level.
const fn at_level(
    names: &'static [&'static str],
    run: fn(&mut Context, &Args) -> Outcome,
    doc: &'static str,
) -> Function {
    const TEXT: &[Arg] = &[Arg::text("text")];
    Function { names, args: TEXT, routes: Routes::ANY, run, does: &[], doc }
}

static FUNCTIONS: &[Function] = &[
    at_level(&["xlog", "xlogl"], |cx, args| plain(cx, args, LogLevel::Error), "Logs a line at level L_ERR.")
        .does(&[Does::Log]),
    Function {
        names: &["xlog", "xlogl"],
        args: &[Arg::custom("level", level), Arg::text("text")],
        routes: Routes::ANY,
        run: xlog,
        does: &[Does::Log],
        doc: "Logs a line at a level: `L_ERR`, `L_INFO` and so on, or a variable that holds a number.",
    },
    Function {
        names: &["xlog", "xlogl"],
        args: &[Arg::literal("facility"), Arg::custom("level", level), Arg::text("text")],
        routes: Routes::ANY,
        run: xlog,
        does: &[Does::Log],
        doc: "Logs a line at a level. The facility is syslog's and is not looked at here.",
    },
    Function {
        names: &["xlogm"],
        args: &[Arg::custom("level", level), Arg::text("text")],
        routes: Routes::ANY,
        run: xlogm,
        does: &[],
        doc: "Logs a text of several lines, each for itself.",
    },
    at_level(&["xalert"], |cx, args| plain(cx, args, LogLevel::Alert), "Logs a line at level L_ALERT."),
    at_level(&["xbug"], |cx, args| plain(cx, args, LogLevel::Bug), "Logs a line at level L_BUG.").does(&[Does::Log]),
    at_level(&["xcrit"], |cx, args| plain(cx, args, LogLevel::Critical), "Logs a line at level L_CRIT.")
        .does(&[Does::Log]),
    at_level(&["xerr"], |cx, args| plain(cx, args, LogLevel::Error), "Logs a line at level L_ERR.").does(&[Does::Log]),
    at_level(&["xwarn"], |cx, args| plain(cx, args, LogLevel::Warning), "Logs a line at level L_WARN.")
        .does(&[Does::Log]),
    at_level(&["xnotice"], |cx, args| plain(cx, args, LogLevel::Notice), "Logs a line at level L_NOTICE.")
        .does(&[Does::Log]),
    at_level(&["xinfo"], |cx, args| plain(cx, args, LogLevel::Info), "Logs a line at level L_INFO.").does(&[Does::Log]),
    at_level(&["xdbg", "xdbgl"], |cx, args| plain(cx, args, LogLevel::Debug), "Logs a line at level L_DBG.")
        .does(&[Does::Log]),
];

static PARAMS: &[Param] = &[
    Param::text(&["prefix"], "<script>: ", "What stands before the text of each line.").template(),
    Param::int(&["buf_size"], "4096", Unit::Bytes, "The longest line.").inert(),
    Param::int(&["force_color"], "0", Unit::None, "Colours even where the log is no terminal.").inert(),
    Param::int(&["long_format"], "0", Unit::None, "Adds where in the file a line was logged.").inert(),
    Param::absent(&["log_facility"], "The syslog facility.").inert(),
    Param::absent(&["log_colors"], "The colours of the levels.").inert().repeated(),
    Param::int(&["methods_filter"], "-1", Unit::None, "Which methods are logged at debug level.").inert(),
    Param::int(&["prefix_mode"], "0", Unit::None, "Whether the prefix holds variables."),
    Param::int(&["auto_newline"], "0", Unit::None, "Ends each line in a newline; here each ends in one.").inert(),
];

static VARIABLES: &[Variable] = &[Variable::read(
    &["C"],
    colour,
    "The terminal's escape sequence for two colours: `$C(rg)` is red on green, `x` the terminal's own, a capital bold.",
)
.keyed(KeyKind::Custom(prepare_colour))];

/// What the parameters say.
#[derive(Debug)]
struct Xlog {
    prefix: Template,
}

impl State for Xlog {}

fn start(start: &mut Start) -> Result<Box<dyn State>, StartFault> {
    let params = start.params;
    let prefix = match params.switch("prefix_mode") {
        true => params.template("prefix")?,
        false => params.text("prefix").map(Template::fixed),
    };
    Ok(Box::new(Xlog { prefix: prefix.unwrap_or_else(|| Template::fixed("")) }))
}

/// The level of a call.
enum Level {
    /// A word known beforehand.
    Fixed(LogLevel),
    /// What a variable holds: a number, for Kamailio reads no words there.
    Held(Template),
}

fn level(text: &Template, _: &mut Prepare) -> Result<Prepared, Fault> {
    match text.constant() {
        Some(word) => match level_of(&word) {
            Some(level) => Ok(Box::new(Level::Fixed(level))),
            None => Err(Fault::new(format!("{text:?} is no log level"))
                .help("write one of L_ALERT, L_BUG, L_CRIT, L_ERR, L_WARN, L_NOTICE, L_INFO, L_DBG")),
        },
        None => Ok(Box::new(Level::Held(text.clone()))),
    }
}

/// Kamailio tells the words apart by the letter behind `L_`.
fn level_of(word: &[u8]) -> Option<LogLevel> {
    if let Some(letter) = word.strip_prefix(b"L_").and_then(|rest| rest.first()) {
        return Some(match letter {
            b'A' => LogLevel::Alert,
            b'B' => LogLevel::Bug,
            b'C' => LogLevel::Critical,
            b'E' => LogLevel::Error,
            b'W' => LogLevel::Warning,
            b'N' => LogLevel::Notice,
            b'I' => LogLevel::Info,
            b'D' => LogLevel::Debug,
            _ => return None,
        });
    }
    None
}

/// Where the level and the text stand among the arguments, and the level.
fn levelled(cx: &mut Context, args: &Args) -> Option<(LogLevel, usize)> {
    let text = args.len().saturating_sub(1);
    match args.prepared::<Level>(text.saturating_sub(1))? {
        Level::Fixed(level) => Some((*level, text)),
        Level::Held(template) => match template.variable().map(|reference| reference.value(cx)) {
            Some(Value::Int(number) | Value::Both(number, _)) => Some((LogLevel::from_number(number), text)),
            _ => {
                cx.log(LogLevel::Error, "the level of a log line is no number, and the line is lost");
                None
            }
        },
    }
}

fn xlog(cx: &mut Context, args: &Args) -> Outcome {
    let Some((level, text)) = levelled(cx, args) else { return Outcome::FALSE };
    if cx.core.logs(level) {
        let text = args.text(cx, text);
        line(cx, level, &text);
    }
    Outcome::TRUE
}

fn xlogm(cx: &mut Context, args: &Args) -> Outcome {
    let Some((level, text)) = levelled(cx, args) else { return Outcome::FALSE };
    if cx.core.logs(level) {
        let text = args.text(cx, text);
        for part in text.split(|byte| *byte == b'\n').filter(|part| !part.trim_ascii().is_empty()) {
            line(cx, level, part);
        }
    }
    Outcome::TRUE
}

fn plain(cx: &mut Context, args: &Args, level: LogLevel) -> Outcome {
    if cx.core.logs(level) {
        let text = args.text(cx, 0);
        line(cx, level, &text);
    }
    Outcome::TRUE
}

fn line(cx: &mut Context, level: LogLevel, text: &[u8]) {
    let prefix = cx.state::<Xlog>().map_or_else(Bytes::new, |state| state.prefix.text(cx));
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    let text = String::from_utf8_lossy(&[&prefix[..], text].concat()).into_owned();
    cx.core.write_line(LogLine { level, from_script: true, text });
}

/// Letters of the colours, in the order of their codes.
const COLOURS: &[u8] = b"srgybpcw";

fn prepare_colour(text: &Template, _: &mut Prepare) -> Result<Prepared, Fault> {
    let bad = || Fault::new(format!("$C({text:?}) names no colours")).help("write two letters out of xsrgybpcw");
    let word = text.constant().ok_or_else(bad)?;
    let [front, back] = word[..] else { return Err(bad()) };
    let place = |letter: u8| COLOURS.iter().position(|its| *its == letter.to_ascii_lowercase());
    let front = match (front, place(front)) {
        (b'x', _) => "0;39".to_owned(),
        (letter, Some(code)) => format!("{};3{code}", u8::from(letter.is_ascii_uppercase())),
        (_, None) => return Err(bad()),
    };
    let back = match (back, place(back)) {
        (b'x', _) => 9,
        (_, Some(code)) => code,
        (_, None) => return Err(bad()),
    };
    Ok(Box::new(Bytes::from(format!("\x1b[{front};4{back}m"))))
}

fn colour(_: &mut Context, key: &Key, _: Place) -> Value {
    Value::text_or_null(key.prepared::<Bytes>().cloned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::{Argument, Settings, Slots, bench::Bench};
    use std::sync::Arc;

    fn bench() -> Bench {
        let text = "OPTIONS sip:a SIP/2.0\nVia: SIP/2.0/UDP a;branch=z9hG4bK\n\n";
        Bench::new(text, Arc::new(Xlog { prefix: Template::fixed("##") }))
    }

    fn prepared(
        prepare: fn(&Template, &mut Prepare) -> Result<Prepared, Fault>,
        text: &str,
    ) -> Result<Prepared, Fault> {
        let (mut used, mut slots) = (Vec::new(), Slots::default());
        prepare(&Template::fixed(text.to_owned()), &mut Prepare::new(Default::default(), &mut used, &mut slots, &[]))
    }

    #[test]
    fn levels_are_words() {
        for (word, level) in [
            ("L_ALERT", LogLevel::Alert),
            ("L_BAD", LogLevel::Bug),
            ("L_CRIT2", LogLevel::Critical),
            ("L_ERR", LogLevel::Error),
            ("L_NPRL", LogLevel::Notice),
        ] {
            let mut bench = bench();
            let level_argument = Argument::Custom(prepared(super::level, word).unwrap(), word.into());
            bench.call_with(&FUNCTIONS[1], vec![level_argument, Argument::Template(Template::fixed("x\n"))]);
            assert_eq!(bench.core.log, [LogLine { level, from_script: true, text: "##x".into() }], "{word}");
        }
        assert!(prepared(super::level, "INFO").is_err());
    }

    #[test]
    fn unseen_levels_log_nothing() {
        let mut bench = bench();
        bench.core.settings = Arc::new(Settings { debug: 0, ..Settings::default() });
        for function in FUNCTIONS.iter().filter(|function| function.args.len() == 1) {
            bench.call(function, &["a"]);
        }
        let seen: Vec<_> = bench.core.log.iter().map(|line| line.level as i8).collect();
        assert_eq!(seen, [-1, -5, -4, -2, -1, 0]);
    }

    #[test]
    fn colours() {
        for (letters, escape) in [("rg", "\x1b[0;31;42m"), ("xx", "\x1b[0;39;49m"), ("Bs", "\x1b[1;34;40m")] {
            let made = prepared(prepare_colour, letters).unwrap();
            assert_eq!(made.downcast_ref::<Bytes>().unwrap(), escape, "{letters}");
        }
        assert!(prepared(prepare_colour, "q").is_err());
    }
}
