//! What Kamailio 5.6.3 made of the same calls, byte for byte.

use super::MODULE;
use crate::builtin::{ArgKind, Argument, Extensions, Function, Outcome, Prepare, Slots, Template, bench::Bench};
use crate::sip;
use std::sync::Arc;

const MESSAGE: &str = "INVITE sip:bob@example.com SIP/2.0
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1
Max-Forwards: 70
From: \"Alice\" <sip:alice@a.com>;tag=from1
To: <sip:bob@b.com>
Call-ID: 1
CSeq: 1 INVITE
X-A: one
X-B: two
X-A: three
Supported: path, 100rel
Contact: <sip:alice@127.0.0.1:5099;transport=udp>;q=0.5
Content-Type: text/plain
Content-Length: 23

hello world
line two
";

fn bench() -> Bench {
    Bench::new(MESSAGE, Arc::new(()))
}

/// Calls a function as a script would, its arguments prepared by its row.
fn call(bench: &mut Bench, name: &str, args: &[&str]) -> i32 {
    let fits = |function: &&Function| {
        let (least, most) = function.arity();
        function.names.contains(&name) && (least..=most).contains(&args.len())
    };
    let function = MODULE.functions.iter().find(fits).unwrap_or_else(|| panic!("{name} has no row"));
    let (mut used, mut slots) = (Vec::new(), Slots::default());
    let mut prepare = Prepare::new(Extensions::default(), &mut used, &mut slots, &[]);
    let args = args.iter().zip(function.args).map(|(text, arg)| {
        let template = Template::fixed(text.to_string());
        match arg.kind {
            ArgKind::Custom(custom) => Argument::Custom(custom(&template, &mut prepare).unwrap(), (*text).into()),
            ArgKind::Int => Argument::Int(text.parse().unwrap()),
            _ => Argument::Template(template),
        }
    });
    let args = args.collect();
    match bench.call_with(function, args) {
        Outcome::Return(code) => code,
        Outcome::Wait(..) => panic!("{name} waits"),
    }
}

/// The message as it would be sent, without the lines that no test changes.
fn written(bench: &Bench) -> String {
    let mut out = Vec::new();
    sip::write(&bench.message.message, &bench.message.edits, &mut out);
    let text = String::from_utf8(out).unwrap();
    let same = ["INVITE ", "Via: ", "From: ", "To: ", "Call-ID: ", "CSeq: ", "Max-Forwards: 70\r\n"];
    text.split_inclusive("\r\n").filter(|line| !same.iter().any(|start| line.starts_with(start))).collect()
}

#[test]
fn codes() {
    let cases: &[(&str, &[&str], i32)] = &[
        ("is_method", &["INVITE|ACK"], 1),
        ("is_method", &["invite"], 1),
        ("is_method", &["FOO"], -1),
        ("remove_hf", &["Nope"], -1),
        ("is_present_hf", &["X-A"], 1),
        ("is_present_hf", &["k"], 1),
        ("is_present_hf", &["nope"], -1),
        ("is_present_hf_re", &["^x-"], 1),
        ("is_present_hf_pv", &["X-B"], 1),
        ("remove_hf_idx", &["X-A", "1"], 1),
        ("remove_hf_idx", &["X-A", "5"], 2),
        ("remove_hf_idx", &["X-A", "-1"], 1),
        ("remove_hf_match", &["X-A", "re", "^t"], 1),
        ("remove_hf_match", &["X-A", "sw", "t"], -1),
        ("search", &["HELLO"], 1),
        ("search", &["^X-B"], 1),
        ("search", &["X-A: one$"], -1),
        ("search", &["X-A: one.$"], 1),
        ("search", &["^INVITE"], 1),
        ("search_body", &["^line"], 1),
        ("search_body", &["hello.*two"], -1),
        ("search_hf", &["X-A", "th", "a"], 1),
        ("search_hf", &["X-A", "th", "f"], -1),
        ("search_hf", &["X-A", "th", "l"], 1),
        ("search_hf", &["X-A", "^one$", "f"], 1),
        ("search_hf", &["nope", "th", "a"], -1),
        ("search_append", &["nope", "x"], -1),
        ("replace", &["zzz", "b"], -1),
        ("replace", &["^INVITE", "X"], -1),
        ("replace_hdrs", &["hello", "X"], -1),
        ("subst", &["/zzz/q/"], -1),
        ("subst_user", &["/^/pre/"], -1),
        ("subst_uri", &["/EXAMPLE/q/"], -1),
        ("has_body", &[], 1),
        ("has_body", &["text/PLAIN"], 1),
        ("has_body", &["application/sdp"], -1),
        ("is_privacy", &["id"], -1),
        ("in_list", &["a", "x,a,b", ","], 1),
        ("in_list", &["q", "x,a,b", ","], -1),
        ("in_list_prefix", &["abc", "x,ab", ","], 1),
        ("cmp_str", &["a", "b"], -2),
        ("cmp_istr", &["A", "a"], 1),
        ("search_str", &["abc", "B"], 1),
        ("starts_with", &["abc", "ab"], 1),
        ("starts_with", &["ab", "abc"], -1),
        ("ends_with", &["abc", "bc"], 1),
        ("ends_with", &["a", "b"], -2),
        ("str_find", &["abc", "bc"], 2),
        ("str_find", &["abc", "BC"], -1),
        ("str_ifind", &["abc", "BC"], 2),
        ("str_find", &["", "a"], -1),
        ("filter_body", &["text/plain"], -1),
        ("append_hf", &[""], -1),
    ];
    for (name, args, code) in cases {
        assert_eq!(call(&mut bench(), name, args), *code, "{name} {args:?}");
    }
}

#[test]
fn header_lines() {
    let mut bench = bench();
    for (name, args) in [
        ("append_hf", &["X-New: 1\r\n"][..]),
        ("append_hf", &["X-After: 1\r\n", "X-A"]),
        ("append_hf", &["X-None: 1\r\n", "Nope"]),
        ("insert_hf", &["X-First: 1\r\n"]),
        ("insert_hf", &["X-Second: 1\r\n"]),
        ("insert_hf", &["X-Before: 1\r\n", "X-B"]),
        ("insert_hf", &["X-Bc: 1\r\n", "m"]),
        ("remove_hf", &["Supported"]),
        ("remove_hf_re", &["^X-B"]),
    ] {
        assert_eq!(call(&mut bench, name, args), 1, "{name} {args:?}");
    }
    let expected = "X-First: 1\r\nX-Second: 1\r\nX-A: one\r\nX-Before: 1\r\nX-A: three\r\nX-After: 1\r\nX-Bc: 1\r\nContact: <sip:alice@127.0.0.1:5099;transport=udp>;q=0.5\r\nContent-Type: text/plain\r\nContent-Length: 23\r\nX-New: 1\r\nX-None: 1\r\n\r\nhello world\r\nline two\r\n";
    assert_eq!(written(&bench), expected);
}

#[test]
fn texts_are_replaced() {
    type Call = (&'static str, &'static [&'static str]);
    let cases: &[(&[Call], &[&str])] = &[
        (
            &[("search_append", &["X-A: on", "ZZ"]), ("search_append_body", &["hel", "YY"])],
            &["X-A: onZZe", "Content-Length: 25", "helYYlo world"],
        ),
        (&[("replace", &["one", "ONE"]), ("replace_body", &["l", "L"])], &["X-A: ONE", "heLlo world"]),
        (&[("replace_str", &["two", "TWO", "a"])], &["X-B: TWO", "line TWO"]),
        (
            &[("replace_body_all", &["l", "L"]), ("replace_hdrs", &["X-A", "Q-A"])],
            &["Q-A: one", "X-A: three", "heLLo worLd", "Line two"],
        ),
        (
            &[("replace_body_atonce", &["l(.)", "L"]), ("replace_body_str", &["o", "0", "f"])],
            &["heL0 worL", "Lne two", "Content-Length: 20"],
        ),
        (
            &[("replace_body_str", &["o", "0", "a"]), ("replace_hdrs_str", &["X-", "Z-", "a"])],
            &["hell0 w0rld", "line tw0", "Z-A: one", "Z-B: two", "Z-A: three"],
        ),
        (&[("subst", &["/X-A: (.*)/X-A: <\\1>/"])], &["X-A: <one\r>"]),
        (
            &[("subst_hf", &["X-B", "/two/a-\\0/", "a"]), ("subst_body", &["/l/L/g"])],
            &["X-B: a-two", "heLLo worLd", "Line two"],
        ),
        (
            &[("subst", &["/x-a/Q/ig"]), ("subst_body", &["/LINE/Q/i"])],
            &["Q: one", "Q: three", "Q two", "Content-Length: 20"],
        ),
        (&[("subst_hf", &["X-A", "/e/E/g", "f"]), ("subst", &["|X-B|Y-B|"])], &["X-A: onE", "Y-B: two", "X-A: three"]),
        (&[("subst_hf", &["X-A", "/one|three/<&>\\\\0/", "a"])], &["X-A: <&>\\0"]),
        (&[("set_body", &["new", "a/b"])], &["Content-Length: 3\r\nContent-Type: a/b\r\n\r\nnew"]),
        (
            &[("set_body", &["v=0\r\n", "text/plain"])],
            &["Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nv=0\r\n"],
        ),
    ];
    for (calls, pieces) in cases {
        let mut bench = bench();
        for (name, args) in *calls {
            assert_eq!(call(&mut bench, name, args), 1, "{name} {args:?}");
        }
        let text = written(&bench);
        for piece in *pieces {
            assert!(text.contains(piece), "{calls:?} lacks {piece:?}:\n{text}");
        }
    }
}

#[test]
fn the_request_uri_is_substituted() {
    let mut bench = bench();
    assert_eq!(call(&mut bench, "subst_uri", &["/bob/robINVITE/"]), 1);
    assert_eq!(call(&mut bench, "subst_user", &["/r(o)b/s\\1x/"]), 1);
    assert_eq!(bench.message.request_uri(), "sip:soxINVITE@example.com");
}

#[test]
fn dates_and_reply_headers() {
    let mut bench = bench();
    call(&mut bench, "append_to_reply", &["X-R: 1\r\n"]);
    call(&mut bench, "append_time", &[]);
    let headers = String::from_utf8(bench.message.replies.headers.clone()).unwrap();
    assert_eq!(headers, "X-R: 1\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT\r\n");
}

#[test]
fn one_part_of_several() {
    let body = "--foo\r\nContent-Type: text/plain\r\n\r\nabc\r\n--foo\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n--foo--\r\n";
    let text = format!(
        "INVITE sip:b SIP/2.0\nVia: SIP/2.0/UDP a;branch=z9hG4bK\nContent-Type: multipart/mixed;boundary=foo\nContent-Length: {}\n\n{body}",
        body.len()
    );
    let mut bench = Bench::new(&text, Arc::new(()));
    assert_eq!(call(&mut bench, "filter_body", &["application/sdp"]), 1);
    assert!(written(&bench).ends_with("boundary=foo\r\nContent-Length: 5\r\n\r\nv=0\r\n"), "{}", written(&bench));
}

#[test]
fn bad_arguments_are_refused_beforehand() {
    for (name, at, text) in [
        ("is_method", 0, "$rm"),
        ("is_method", 0, ""),
        ("search", 0, "("),
        ("subst", 0, "/a/b"),
        ("has_body", 0, "text"),
        ("remove_hf", 0, ""),
        ("search_hf", 2, "x"),
        ("is_privacy", 0, "nope"),
    ] {
        let function = MODULE.functions.iter().find(|function| function.names.contains(&name)).unwrap();
        let ArgKind::Custom(custom) = function.args[at].kind else { panic!("{name} prepares nothing") };
        let (mut used, mut slots) = (Vec::new(), Slots::default());
        let mut prepare = Prepare::new(Extensions::default(), &mut used, &mut slots, &[]);
        assert!(custom(&Template::fixed(text.to_owned()), &mut prepare).is_err(), "{name} {text}");
    }
}
