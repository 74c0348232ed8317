use super::*;
use crate::builtin::bench::Bench;
use crate::builtin::{Argument, Key, Outcome, Place, Prepare, Slots, Template, Value};
use crate::sip;
use proptest::prelude::*;
use std::sync::Arc;

const BODY: &str = "v=0
o=- 1 2 IN IP4 192.0.2.1
s=-
t=0 0
m=audio 49170 RTP/AVP 0 8
c=IN IP6 2001:db8::1
b=AS:64
a=rtcp:50000 IN IP4 192.0.2.1
m=video 51372 RTP/SAVP 99
c=IN IP4 192.0.2.3
";

fn bench(kind: &str, body: &str) -> Bench {
    let body = body.replace('\n', "\r\n");
    let text = format!(
        "INVITE sip:b SIP/2.0\nVia: SIP/2.0/UDP a;branch=z9hG4bK\nContent-Type: {kind}\nContent-Length: {}\n\n{body}",
        body.len()
    );
    Bench::new(&text, Arc::new(()))
}

fn code(bench: &mut Bench, function: &'static Function, args: &[&str]) -> i32 {
    let args = args.iter().map(|text| Argument::Template(Template::fixed(text.to_string())));
    let args = args.collect();
    match bench.call_with(function, args) {
        Outcome::Return(code) => code,
        Outcome::Wait(..) => panic!("{} waits", function.names[0]),
    }
}

fn function(name: &str) -> &'static Function {
    MODULE.functions.iter().find(|row| row.names.contains(&name)).unwrap()
}

fn written(bench: &Bench) -> String {
    let mut out = Vec::new();
    sip::write(&bench.message.message, &bench.message.edits, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

#[test]
fn parts() {
    let mut bench = bench("application/sdp", BODY);
    let (mut used, mut slots) = (Vec::new(), Slots::default());
    let mut prepare = Prepare::new(Default::default(), &mut used, &mut slots, &[]);
    let row = MODULE.variables.iter().find(|row| row.names == ["sdp"]).unwrap();
    let crate::builtin::KeyKind::Custom(custom) = row.key else { panic!("$sdp has a key of its own") };
    for (name, value) in [
        ("c:ip", "2001:db8::1"),
        ("c:af", "10"),
        ("o:ip", "192.0.2.1"),
        ("m0:rtp:port", "49170"),
        ("m0:rtcp:port", "50000"),
        ("sess_version", "2"),
        ("m0:b:AS", "64"),
        ("m0:b:RR", ""),
    ] {
        let key = Key::Custom(custom(&Template::fixed(name), &mut prepare).unwrap());
        let read = (row.get)(&mut bench.context(), &key, Place::Whole);
        assert_eq!(read.to_text(), value, "$sdp({name})");
    }
    assert!(custom(&Template::fixed("nope"), &mut prepare).is_err());
    let key = Key::Custom(custom(&Template::fixed("m0:raw"), &mut prepare).unwrap());
    let read = (row.get)(&mut bench.context(), &key, Place::Whole).to_text();
    assert!(read.starts_with(b"m=audio") && read.ends_with(b"192.0.2.1\r\n"), "{read:?}");
    assert!(row.set.unwrap()(&mut bench.context(), &key, Place::Whole, Value::Int(1)).is_err());
}

#[test]
fn lines_are_walked_and_changed() {
    let mut bench = bench("application/sdp", BODY);
    assert_eq!(code(&mut bench, function("sdp_iterator_next"), &["i"]), -1);
    assert_eq!(code(&mut bench, function("sdp_iterator_start"), &["i"]), 1);
    assert_eq!(code(&mut bench, function("sdp_iterator_rm"), &["i"]), -1);
    let mut count = 0;
    while code(&mut bench, function("sdp_iterator_next"), &["i"]) == 1 {
        count += 1;
        match count {
            3 => assert_eq!(code(&mut bench, function("sdp_iterator_rm"), &["i"]), 1),
            4 => assert_eq!(code(&mut bench, function("sdp_iterator_insert"), &["i", "s=x\r\n"]), 1),
            10 => assert_eq!(code(&mut bench, function("sdp_iterator_append"), &["i", "a=end\r\n"]), 1),
            _ => {}
        }
    }
    assert_eq!(count, 10);
    assert_eq!(code(&mut bench, function("sdp_iterator_end"), &["i"]), 1);
    assert_eq!(code(&mut bench, function("sdp_iterator_end"), &["i"]), -1);
    let text = written(&bench);
    assert!(text.contains("192.0.2.1\r\ns=x\r\nt=0 0\r\n") && text.ends_with("192.0.2.3\r\na=end\r\n"), "{text}");
    let body = text.split("\r\n\r\n").nth(1).unwrap();
    assert!(text.contains(&format!("Content-Length: {}\r\n", body.len())), "{text}");
}

proptest! {
    /// Whatever a peer sends: no function breaks, and what is written can be read.
    #[test]
    fn any_body(
        kind in prop::sample::select(vec!["application/sdp", "multipart/mixed;boundary=x", "multipart/mixed"]),
        pieces in prop::collection::vec(prop::sample::select(vec![
            "v=0\n", "o=- 1 2 IN IP4 1.2.3.4\n", "o=\n", "c=IN IP4 1.2.3.4\n", "c=IN\n", "m=audio 1 RTP/AVP 0  8 0\n",
            "m=audio 1 x\n", "m=\n", "a=rtpmap:8 PCMA/8000\n", "a=rtpmap:\n", "a=rtpmap:0 \n", "a=fmtp:0 x\n", "a=rtcp:\n", "a=",
            "b=AS:\n", "--x\n", "--x--", "Content-Type: application/sdp\n", "c: application/sdp", "\n", "é", " ", "\0",
        ]), 0..20),
        name in prop::sample::select(MODULE.functions.iter().map(|row| row.names[0]).collect::<Vec<_>>()),
        args in prop::collection::vec(prop::sample::select(vec!["", "0", "0,8", "PCMU,,x", "audio", "a=", "m"]), 2),
    ) {
        let mut bench = bench(kind, &pieces.concat());
        code(&mut bench, function("sdp_iterator_start"), &args);
        code(&mut bench, function("sdp_iterator_next"), &args);
        code(&mut bench, function(name), &args);
        let text = written(&bench);
        prop_assert!(sip::Message::parse(text.clone().into()).is_ok(), "{}", text);
    }
}
