//! Nothing that can be written as a file stops the reader or keeps it busy.

use super::{ast, parse_text};
use crate::source::render;
use proptest::prelude::*;

const SAMPLE: &str = r#"#!KAMAILIO
#!define FLAG 5
#!substdef "!HOST!sip.example.com!g"
#!ifdef WITH_X
debug=3
#!else
debug=2
#!endif
listen=udp:127.0.0.1:5060 advertise 1.2.3.4:5060
loadmodule "tm.so"
modparam("tm", "fr_timer", 5)
/* a comment */
request_route {
    if (is_method("INVITE|ACK") && !($rU =~ "^[0-9]+$")) {
        setflag(FLAG);
        $var(x) = $(ru{uri.host}) + "HOST" + 5 * 2; # tail
    } else if src_ip==10.0.0.0/8 { route(OUT); } else exit;
    switch ($rm) { case "A": case /"^B": break; default: return -1; }
    while ($var(i) < 3) { $var(i) = $var(i) + 1; }
}
route[OUT] { t_relay(); }
"#;

/// Reads and draws; spans must lie in their files.
fn survives(text: Vec<u8>) -> ast::Config {
    let (config, diagnostics, sources) = parse_text(text);
    for label in diagnostics.iter().flat_map(|found| &found.labels) {
        assert!(label.span.start <= label.span.end);
        assert!(label.span.end as usize <= sources.text(label.span.file).len());
    }
    render::human(&sources, &diagnostics, true);
    render::json(&sources, &diagnostics);
    config
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bytes(text in proptest::collection::vec(any::<u8>(), 0..400)) {
        survives(text);
    }

    #[test]
    fn tokens(parts in proptest::collection::vec(prop_oneof![
        Just("route"), Just("["), Just("]"), Just("{"), Just("}"), Just("("), Just(")"), Just("if"), Just("else"),
        Just(";"), Just("$x"), Just("$("), Just("="), Just("\""), Just("'"), Just("#!ifdef A\n"), Just("#!endif\n"),
        Just("#!define A A A\n"), Just("A"), Just("!"), Just("switch"), Just("case"), Just(":"), Just("5"), Just(" "),
        Just("include_file \"main.cfg\""), Just("/*"), Just("@a"), Just("\n"), Just("while"), Just(","), Just("debug"),
    ], 0..120)) {
        survives(parts.concat().into_bytes());
    }

    #[test]
    fn mutations(edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4u8), 1..6)) {
        let mut text = SAMPLE.as_bytes().to_vec();
        for (index, byte, how) in edits {
            if text.is_empty() {
                break;
            }
            let at = index.index(text.len());
            match how {
                0 => text[at] = byte,
                1 => { text.remove(at); }
                2 => text.insert(at, byte),
                _ => text.truncate(at.max(1)),
            }
        }
        survives(text);
    }
}

#[test]
fn sample_is_clean() {
    let (config, diagnostics, _) = parse_text(SAMPLE);
    assert_eq!(diagnostics, []);
    assert_eq!(config.items.len(), 6);
}

#[test]
fn large_and_deep() {
    let wrap = |text: String| format!("request_route {{ $x = {text}; }}\n").into_bytes();
    survives(wrap("(".repeat(100_000)));
    survives(wrap(format!("{}1{}", "(".repeat(140), ")".repeat(140))));
    survives(wrap("!".repeat(100_000)));
    survives(wrap(format!("1{}", " + 1".repeat(20_000))));
    survives(wrap("$(".repeat(50_000)));
    survives(format!("request_route {{ {} }}", "if (a) ".repeat(5_000)).into_bytes());
    survives(format!("request_route {{ {} ; }}", "if (a) { ; } else ".repeat(5_000)).into_bytes());
    survives(format!("request_route {{ {} foo }}", "if (a) { ; } else ".repeat(5_000)).into_bytes());
    survives(format!("request_route {{ {}", "if (a) { ".repeat(5_000)).into_bytes());
    survives(b"route[x] { xlog(\"a\"); }\n".repeat(20_000));
    survives(b"\"'".repeat(50_000));
    survives(b"route { ".repeat(20_000));
    survives(b"/*".repeat(100_000));
    survives(b"#!ifdef A\n".repeat(20_000));
    survives(b"$a(".repeat(20_000));
    survives(b"a = ".repeat(20_000));
}

#[test]
fn defines_that_explode() {
    let mut text = String::new();
    for index in 0..40 {
        text.push_str(&format!("#!define A{index} A{next} A{next}\n", next = index + 1));
    }
    text.push_str("#!define SELF SELF\n#!define LINE debug=1 # LINE\nrequest_route { $x = A0; $y = SELF; }");
    let (_, diagnostics, _) = parse_text(text);
    assert!(diagnostics.iter().any(|found| found.code == "input-too-large"));
}
