//! Random programs with one mistake, held against `kamailio -c`: who refuses what, and at which line.
//!
//! `ALANUI_REFUSED_CASES` gives more or fewer; the seed is that of the other programs.

use super::super::say;
use super::super::server::Program;
use super::super::verdict::{Found, Verdict, alanui, kamailio};
use super::number;
use super::program::program;
use super::random::Random;
use std::fmt::Write as _;

#[test]
fn programs_with_a_mistake_are_refused_where_kamailio_refuses_them() {
    let (seed, count) = (number("ALANUI_GENERATED_SEED", 1), number("ALANUI_REFUSED_CASES", 400) as usize);
    if !Program::Kamailio.installed() {
        say(&format!("\nrefused: KAMAILIO IS NOT INSTALLED. Nothing was compared: {count} programs wait for it.\n"));
        return;
    }
    let (texts, places): (Vec<String>, Vec<usize>) = (0..count).map(|at| mistaken(seed, at)).unzip();
    let verdicts = kamailio(&texts);
    let (mut differences, mut syntax, mut taken, mut shown) = (0, 0, 0, String::new());
    for (at, (text, (verdict, said))) in texts.iter().zip(&verdicts).enumerate() {
        syntax += usize::from(matches!(verdict, Verdict::Syntax(_)));
        taken += usize::from(*verdict == Verdict::Taken);
        let found = alanui(text);
        if agrees(places[at], verdict, &found) {
            continue;
        }
        differences += 1;
        let line = match verdict {
            Verdict::Syntax(line) => *line,
            _ => found.first().map_or(0, |found| found.line),
        };
        let _ = writeln!(shown, "\n{at}:\n{}  Kamailio: {verdict:?} {said}\n  alanui:   {found:?}", around(text, line));
    }
    say(&shown);
    say(&format!(
        "\nrefused: {count} cases, {differences} differences ({syntax} for syntax, {taken} taken, seed {seed})\n"
    ));
    assert_eq!(differences, 0, "alanui refuses other texts than Kamailio, or elsewhere");
}

/// Codes that say more than `syntax` of what Kamailio's grammar refuses: a word, a count or a type that no statement takes.
const SHARPER: &[&str] =
    &["assignment-in-condition", "bad-argument", "bad-test", "label-not-constant", "unknown-word", "wrong-arity"];

/// Here alanui names what was opened, Kamailio the word before which it had to be closed.
const OPENED: &[&str] = &["syntax-unbalanced-brace", "syntax-unterminated-string"];

/// Whether alanui says what Kamailio says, there or at the line `mistaken`: Kamailio stops at the first word that cannot follow,
/// which may stand on a later line.
fn agrees(mistaken: usize, verdict: &Verdict, found: &[Found]) -> bool {
    match *verdict {
        Verdict::Taken => found.iter().all(|found| !found.code.starts_with("syntax")),
        Verdict::Syntax(line) => found.iter().any(|found| {
            let named = found.code.starts_with("syntax") || SHARPER.contains(&found.code);
            named && (found.line == line || found.line == mistaken) || found.line < line && OPENED.contains(&found.code)
        }),
        Verdict::Refused => !found.is_empty(),
    }
}

/// A line and those beside it.
fn around(text: &str, line: usize) -> String {
    let lines = text.lines().enumerate().skip(line.saturating_sub(3)).take(4);
    lines.fold(String::new(), |all, (at, text)| format!("{all}    {:>3} {text}\n", at + 1))
}

/// A program with one mistake, in a config that loads what the others load; and the line of the mistake.
fn mistaken(seed: u64, at: usize) -> (String, usize) {
    let mut random = Random::new(seed.wrapping_mul(7_000_003).wrapping_add(at as u64));
    let text = program(&mut random, at);
    let lines: Vec<&str> = text.lines().collect();
    let changed = random.below(lines.len());
    let mut all = super::modules();
    all.push_str("request_route {\n    exit;\n}\n");
    let before = all.lines().count();
    for (at, line) in lines.iter().enumerate() {
        let line = if at == changed { mistake(&mut random, line) } else { (*line).to_owned() };
        let _ = writeln!(all, "{line}");
    }
    (all, before + changed + 1)
}

/// Statements that are no mistake of spelling: unknown names, wrong counts and types, words at a wrong place.
const MISTAKEN: &[&str] = &[
    "nonesuch(\"a\");",
    "nonesuch();",
    "is_method();",
    "is_method(\"A\", \"B\");",
    "xinfo();",
    "xinfo(\"a\", \"b\", \"c\", \"d\");",
    "t_relay(\"a\", \"b\", \"c\", \"d\");",
    "sl_send_reply(\"200\");",
    "setflag(\"a\", 1);",
    "$var(r) = 1 - \"a\";",
    "$var(r) = \"a\" * 2;",
    "$var(r) = -\"a\";",
    "$var(r) = strlen(5);",
    "$var(r) = 1 == \"a\";",
    "$var(r) = nonesuch;",
    "$var(r) = @;",
    "if (nonesuch == 1) exit;",
    "if (method > 1) exit;",
    "if 1 exit;",
    "if () exit;",
    "if ($var(r) = 1) exit;",
    "else { ; }",
    "while { ; }",
    "while (1) exit",
    "switch (1) { }",
    "switch (1) { default: exit; }",
    "switch (1) { case 1: exit; case \"a\": exit; }",
    "switch ($rU) { case $rd: exit; }",
    "default: ;",
    "case 1: ;",
    "\"text\" = 1;",
    "1 = $var(r);",
    "$var(r) == 1;",
    "$var(r) = \"never closed;",
    "$var(r = 1;",
    "route(\"nowhere\", 1);",
    "route[nowhere];",
    "{ }",
    "{ exit; ",
    "exit }",
    "drop(1, 2);",
    "return 1 2;",
    "xinfo(1 2);",
    "xinfo(\"a\" \"b\");",
    "xinfo(\"a\",);",
    "xinfo(, \"a\");",
    "route(, nowhere);",
    "if (src_ip == 127 . 0.0.1 / 8) exit;",
    "if (revert_uri && !force_rport) exit;",
    "force_send_socket(udp : 127.0.0.1);",
    "force_send_socket(*:5060);",
    "force_send_socket(ws:127.0.0.1:5060);",
    "force_send_socket(udp);",
    "set_advertised_address(127.0.0.1:5060);",
    "forward;",
    "forward_udp();",
    "forward(\"a\", \"5060\");",
    "forward(127.0.0.1:5060);",
    "userphone;",
    "clear_branches;",
    "strip_tail(-1);",
    "log(-1, \"x\");",
    "udp_mtu_try_proto(\"TCP\");",
    "$var(r) = $(var(r){param.count,});",
    "$var(r) = $(var(r){re.subst,/a/b});",
];

/// What is put where it does not belong.
const STRAY: &[&str] = &[
    "{",
    "}",
    "(",
    ")",
    ";",
    "==",
    "&&",
    "=",
    ",",
    "if",
    "else",
    "while",
    "case",
    "17",
    "\"text\"",
    "$var(i)",
    "!",
    "+",
    "route",
    "drop",
    "nonesuch(\"a\");",
    "t_relay",
    "]",
    ":",
];

/// The line with one mistake, which may be none: then Kamailio takes it.
fn mistake(random: &mut Random, line: &str) -> String {
    let mut tokens = tokens(line);
    let at = random.below(tokens.len());
    match random.below(8) {
        0 => drop(tokens.remove(at)),
        1 => {
            let twice = tokens[at];
            tokens.insert(at, twice);
        }
        2 => {
            let beside = (at + 1) % tokens.len();
            tokens.swap(at, beside);
        }
        3 => tokens.insert(at, random.pick(STRAY)),
        4 => tokens[at] = random.pick(STRAY),
        5 => return format!("{line} {}", random.pick(MISTAKEN)),
        6 => return format!("{}\n{line}", random.pick(MISTAKEN)),
        _ => tokens.truncate(at + 1),
    }
    let text = tokens.join(" ");
    // With spaces it is no cast, for either of the two.
    text.replace("( int )", "(int)").replace("( str )", "(str)")
}

/// Strings, variables, words and single characters.
fn tokens(line: &str) -> Vec<&str> {
    let (mut all, mut rest) = (Vec::new(), line.trim_start());
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '"' | '\'' => quoted(rest, first),
            '$' if rest[1..].starts_with('(') => closed(rest),
            '@' => rest.find([' ', ')', ',', ';']).unwrap_or(rest.len()),
            '$' => match rest.find(|other: char| !other.is_ascii_alphanumeric() && other != '$') {
                Some(end) if rest[end..].starts_with('(') => end + closed(&rest[end..]),
                end => end.unwrap_or(rest.len()),
            },
            _ if first.is_ascii_alphanumeric() || first == '_' => {
                rest.find(|other: char| !other.is_ascii_alphanumeric() && other != '_').unwrap_or(rest.len())
            }
            '=' | '!' | '<' | '>' | '&' | '|'
                if ["==", "=~", "!=", "<=", ">=", "&&", "||", "<<", ">>"]
                    .iter()
                    .any(|operator| rest.starts_with(operator)) =>
            {
                2
            }
            _ => first.len_utf8(),
        };
        all.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    if all.is_empty() { vec![";"] } else { all }
}

/// Where a string ends.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = quote == '"',
            _ if letter == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Where the parentheses close that open first.
fn closed(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' if depth == 1 => return at + 1,
            ')' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}
