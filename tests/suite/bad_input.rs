//! Configs that nobody means well with: whatever is in a file, reading, checking, laying out and drawing it ends soon, and without a panic.

use super::front_end::{Depth, one, survives};
use alanui::source::Level;
use base64::Engine as _;
use std::path::{Path, PathBuf};

/// Seconds of processor time that this thread has used.
fn used() -> f64 {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    times.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0.0) / 1e9
}

/// Processor time that a case may take without optimisation: a hundred times less is usual.
const MOST_SECONDS: f64 = 30.0;

fn route(body: &str) -> String {
    format!("loadmodule \"pv.so\"\nloadmodule \"xlog.so\"\nrequest_route {{\n{body}\n}}\n")
}

/// Every case has an error with a place.
fn all_refused(depth: Depth, cases: &[(&str, String)]) {
    for (name, text) in cases {
        let before = used();
        let found = survives(&one(text.clone()), depth);
        let took = used() - before;
        let error = found.iter().find(|found| found.level == Level::Error);
        assert!(error.is_some_and(|error| !error.labels.is_empty()), "{name}: no error with a place");
        assert!(took < MOST_SECONDS, "{name}: {took:.1} s");
    }
}

const N: usize = 10_000;

#[test]
fn nesting() {
    let wrap = |open: &str, inner: &str, close: &str| {
        route(&format!("$var(x) = {}{inner}{};", open.repeat(N), close.repeat(N)))
    };
    let blocks = |open: &str, close: &str| route(&format!("{};{}", open.repeat(N), close.repeat(N)));
    all_refused(
        Depth::Full,
        &[
            ("parentheses", wrap("(", "1", ")")),
            ("open parentheses", wrap("(", "1", "")),
            ("not", wrap("!", "1", "")),
            ("minus", wrap("-", "1", "")),
            ("tilde", wrap("~", "1", "")),
            ("the word not", wrap("not ", "1", "")),
            ("casts", wrap("(int)", "1", "")),
            ("calls", wrap("f(", "1", ")")),
            ("selval", wrap("selval(1, ", "1", ", 1)")),
            ("blocks as operands", wrap("({", ";", "})")),
            ("strlen", wrap("strlen(", "\"\"", ")")),
            ("additions", wrap("1 + ", "1", "")),
            ("and", route(&format!("if ({}1) exit;", "1 && ".repeat(N)))),
            ("braces", blocks("{", "}")),
            ("if with braces", blocks("if (1) { ", "}")),
            ("if", blocks("if (1) ", "")),
            ("else if and a mistake", route(&format!("{} foo", "if (1) { ; } else ".repeat(N)))),
            ("while", blocks("while (1) {", "}")),
            ("switch", blocks("switch (1) { case 1: ", "}")),
            ("nested and mistaken", route(&format!("{}foo bar\n{}", "if (1) {\n".repeat(140), "}\n".repeat(140)))),
            ("variables", route(&format!("xlog(\"{}\");", "$(".repeat(N)))),
            ("transformations", route(&format!("xlog(\"$(ru{}\");", "{s.".repeat(N)))),
            ("selects", route(&format!("$var(x) = @a{};", ".b[\"".repeat(N)))),
        ],
    );
}

/// A chain is no nesting: it is read, compiled and looked at whatever its length.
#[test]
fn a_chain_of_else_if_is_no_nesting() {
    let link = |at: usize| format!("if ($rU == \"u{at}\") {{ xlog(\"{at}\\n\"); }} else ");
    let chain: String = (0..2000).map(link).collect();
    let before = used();
    let found = survives(&one(route(&format!("{chain} xlog(\"none\\n\");"))), Depth::Full);
    let took = used() - before;
    let errors: Vec<_> = found.iter().filter(|found| found.level == Level::Error).map(|found| &found.message).collect();
    assert!(errors.is_empty(), "{errors:?}");
    assert!(took < MOST_SECONDS, "{took:.1} s");
}

/// Conditionals inside each other, and tests of names that are nearly alike, take no more time than their text is long.
#[test]
fn nested_conditionals() {
    let nested: String = (0..40_000).map(|at| format!("#!ifdef WITH_SWITCH_{at}\n")).collect();
    let letters = |mut at: usize| {
        let mut name = String::new();
        for _ in 0..8 {
            name.push(char::from(b'A' + (at % 26) as u8));
            at /= 26;
        }
        name
    };
    let alike: String = (0..20_000).map(|at| format!("#!ifdef {}\n#!endif\n", letters(at * 7919))).collect();
    for (name, text) in [("nested", nested + &"#!endif\n".repeat(40_000)), ("alike", alike)] {
        let before = used();
        survives(&one(format!("{text}\n{}", route("exit;"))), Depth::Full);
        let took = used() - before;
        assert!(took < MOST_SECONDS, "{name}: {took:.1} s");
    }
}

/// What is wrong with a list is said once, and tables have a bound together.
#[test]
fn long_lists() {
    let names = |form: &dyn Fn(usize) -> String| (0..50_000).map(form).collect::<Vec<_>>().join(", ");
    let tables: String =
        (0..2000).map(|at| format!("modparam(\"htable\", \"htable\", \"t{at}=>size=14;\")\n")).collect();
    let cases = [
        ("flags", format!("flags {};\n", names(&|at| format!("F{at}")))),
        ("numbered flags", format!("flags {};\n", names(&|at| format!("F{at}:{at}")))),
        ("avpflags", format!("avpflags {};\n", names(&|at| format!("F{at}")))),
        ("tables", format!("loadmodule \"htable.so\"\n{tables}")),
    ];
    for (name, text) in cases {
        let before = used();
        let found = survives(&one(format!("{text}{}", route("exit;"))), Depth::Full);
        let took = used() - before;
        let errors = found.iter().filter(|found| found.level == Level::Error).count();
        assert!((1..5).contains(&errors), "{name}: {errors} errors");
        assert!(took < MOST_SECONDS, "{name}: {took:.1} s");
    }
}

/// What nests inside a name is part of the name, and no mistake.
#[test]
fn nesting_in_names() {
    for open in ["$var(", "$sht(a=>", "$avp($"] {
        survives(&one(route(&format!("xlog(\"{}x{}\");", open.repeat(N), ")".repeat(N)))), Depth::Full);
    }
}

#[test]
fn what_does_not_end() {
    let config = include_str!("../../configs/edge-router/kamailio.cfg");
    for at in (0..config.len()).step_by(301) {
        survives(&one(&config[..at]), Depth::Full);
    }
    for cut in ["{", "}", "(", ")", "\"", ";"] {
        for (at, _) in config.match_indices(cut).step_by(7) {
            survives(&one([&config[..at], &config[at + 1..]].concat()), Depth::Full);
        }
    }
    all_refused(
        Depth::Full,
        &[
            ("a quote", format!("{config}\"")),
            ("quotes", route(&"xlog(\"a);\n".repeat(N))),
            ("comments", format!("debug = \n{}", "/*".repeat(N))),
            ("braces", "request_route {\n".repeat(N)),
            ("heads", "route[".repeat(N)),
            ("variables", route(&"$a(".repeat(N))),
            ("conditionals", "#!ifdef A\n".repeat(N)),
            ("ends", "#!endif\n".repeat(N)),
            ("elses", format!("#!ifdef A\n{}", "#!else\n".repeat(N))),
            ("cases", route(&format!("switch ($rm) {{ {} }}", "case \n".repeat(N)))),
            ("selects", route(&"@a[\"".repeat(N))),
        ],
    );
}

#[test]
fn bombs() {
    let chain = |next: &str| {
        (0..80).map(|at| format!("#!define A{at} {}\n", next.replace('N', &format!("A{}", at + 1)))).collect::<String>()
    };
    all_refused(
        Depth::Once,
        &[
            ("a define of itself", format!("#!define A A\n{}", route("A;"))),
            ("defines of each other", format!("#!define A B\n#!define B A\n{}", route("A;"))),
            ("a long chain of defines", format!("{}{}", chain("N"), route("A0"))),
            (
                "a string that doubles",
                format!(
                    "#!define A0 \"aaaa\"\n{}#!ifexp A40\n#!endif\n",
                    (0..40).map(|at| format!("#!defexp A{} A{at} + A{at}\n", at + 1)).collect::<String>()
                ),
            ),
            ("a large pattern", route("if ($rU =~ \"(.{999}){999}\") exit;\n")),
            ("a deep pattern", route(&format!("if ($rU =~ \"{}a{}\") exit;", "(".repeat(N), ")".repeat(N)))),
            ("a large rule", "#!subst \"/a{1000}{1000}{1000}/x/g\"\n".to_owned()),
            ("parentheses in a condition", format!("#!ifexp {}\n#!endif\n", "(".repeat(N))),
        ],
    );
}

/// What is repeated for a megabyte, or grows by rules that feed each other, ends with an error that has a place.
#[test]
fn floods() {
    const LENGTH: usize = 1_000_000;
    let flood = |text: &str| text.repeat(LENGTH / text.len());
    let numbered =
        |text: &str, count: usize| (0..count).map(|at| text.replace('N', &at.to_string())).collect::<String>();
    let rules = |rule: &str| format!("{}{}", rule.repeat(60), route("xlog(\"aaaaaaaaaa\");"));
    all_refused(
        Depth::Once,
        &[
            ("rules that grow", rules("#!subst \"/a/aa/g\"\n")),
            (
                "a rule with a long text",
                format!("#!subst \"/a/{}/\"\n{}", "b".repeat(1_000_000), "xlog(\"a\");\n".repeat(50_000)),
            ),
            (
                "rules that are slow",
                format!(
                    "{}{}",
                    "#!subst \"/[ab]*a[ab]{900}x/y/g\"\n".repeat(60),
                    route(&format!("xlog(\"{}\");", "ab".repeat(100_000)))
                ),
            ),
            ("names of routes", flood("route[")),
            ("routes", flood("route{")),
            ("routes of one name", flood("route[a]{}\n")),
            ("settings", flood("a=1\n")),
            ("different settings", numbered("a.bN=1\n", 100_000)),
            ("parameters", flood("modparam(\"a\",\"b\",1)\n")),
            ("defines", numbered("#!define bN 1\n", 100_000)),
        ],
    );
}

#[test]
fn includes() {
    let mut files = one(
        "include_file \"main.cfg\"\ninclude_file \"a.cfg\"\ninclude_file \"deep0.cfg\"\nimport_file \"none.cfg\"\n",
    );
    files.0.insert("a.cfg".into(), b"include_file \"b.cfg\"\n".to_vec());
    files.0.insert("b.cfg".into(), b"include_file \"a.cfg\"\n".to_vec());
    for at in 0..30 {
        // Each file includes the next ten times.
        let text = format!("include_file \"deep{}.cfg\"\n", at + 1).repeat(10);
        files.0.insert(format!("deep{at}.cfg").into(), text.into_bytes());
    }
    files.0.insert("deep30.cfg".into(), b"debug=3\n".to_vec());
    let before = used();
    let found = survives(&files, Depth::Once);
    for code in ["include-loop", "include-too-deep"] {
        assert!(found.iter().any(|found| found.code == code), "{code} is missing");
    }
    assert!(used() - before < MOST_SECONDS);
}

#[test]
fn size() {
    let long = |text: &str| text.repeat((1 << 20) / text.len());
    let mut bytes = Vec::new();
    let mut seed = 1u64;
    while bytes.len() < 1 << 18 {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        bytes.extend_from_slice(&seed.to_le_bytes()[3..]);
    }
    let printable: Vec<u8> =
        bytes.iter().map(|byte| b" \n\t;{}()\"'#/*!$=-x0,:[]\\\r@%abc"[usize::from(*byte % 30)]).collect();
    for text in [
        vec![0; 1 << 20],
        b"\0\n".repeat(1 << 16),
        bytes,
        printable,
        route(&format!("xlog(\"{}\");", long("x"))).into_bytes(),
        route(&format!("xlog(\"{}\");", long("$rU "))).into_bytes(),
        route(&format!("xlog(\"a\"{});", long(" \"b\""))).into_bytes(),
        format!("#{}\n", long("x")).into_bytes(),
        format!("#!define A {}\n", long("x")).into_bytes(),
        long("x").into_bytes(),
        route(&format!("$var(x) = {};", long("1"))).into_bytes(),
        long("debug=3\r\n").into_bytes(),
        long("a=").into_bytes(),
        format!("listen={}\n", long("a:")).into_bytes(),
        format!("alias=\"a\"{}\n", long(" \"b\"")).into_bytes(),
        long("\\\n").into_bytes(),
        long("\u{feff}").into_bytes(),
        long("!!").into_bytes(),
        long("#!").into_bytes(),
        long("@a[").into_bytes(),
        long("$").into_bytes(),
        vec![b'a'; (10 << 20) + 1],
    ] {
        let before = used();
        survives(&one(text.clone()), Depth::Once);
        let took = used() - before;
        assert!(took < MOST_SECONDS, "{}...: {took:.1} s", text[..20.min(text.len())].escape_ascii());
    }
}

/// Configs of the package, with pieces cut out, doubled, moved and exchanged; the seed is always the same.
#[test]
fn mutations() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seeds = Vec::new();
    for folder in
        ["configs/edge-router", "configs/endpoint-tracking", "fixtures/syntax", "fixtures/format", "fixtures/fuzz"]
    {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "cfg") {
                seeds.push((path.clone(), std::fs::read(path).unwrap()));
            }
        }
    }
    // What the fuzz target found to reach new code: one file a line.
    let kept = std::fs::read_to_string(root.join("fixtures/fuzz/corpus.base64")).unwrap();
    for (at, line) in kept.lines().enumerate() {
        let text = base64::engine::general_purpose::STANDARD.decode(line).unwrap();
        seeds.push((PathBuf::from(format!("corpus.base64:{}", at + 1)), text));
    }
    seeds.sort();
    assert!(seeds.len() > 10);
    for (_, text) in &seeds {
        survives(&one(text.clone()), Depth::Full);
    }
    let mut state = 7u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % below.max(1)
    };
    let rounds = std::env::var("ALANUI_FUZZ_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(150);
    for _ in 0..rounds {
        let mut text = seeds[next(seeds.len())].1.clone();
        for _ in 0..=next(6) {
            let other = &seeds[next(seeds.len())].1;
            let (at, from) = (next(text.len()), next(other.len()));
            let length = next(40).min(text.len() - at);
            match next(5) {
                0 => drop(text.drain(at..at + length)),
                1 => drop(text.splice(at..at, other[from..(from + 60).min(other.len())].iter().copied())),
                2 => drop(text.splice(at..at + length, other[from..(from + 20).min(other.len())].iter().copied())),
                3 => text.extend_from_within(at..at + length),
                _ => text[at] = b" \n\t;{}()\"'#/*!$=-x0,:[]\\\r@%\0\xff"[next(29)],
            }
            if text.is_empty() {
                break;
            }
        }
        let shown = text.clone();
        let result = std::panic::catch_unwind(|| survives(&one(text), Depth::Full));
        assert!(result.is_ok(), "put this into fixtures/fuzz: {}", shown.escape_ascii());
    }
}
