//! Whether a sender is behind NAT.

use super::private::is_private;
use super::{NatHelper, contact, sdp};
use crate::builtin::{Arg, Args, Context, Does, Function, LogLevel, Outcome, Routes};
use crate::sip::{Transport, Uri, parse_ip};
use std::net::IpAddr;

pub(super) const NAT_UAC_TEST: Function = Function {
    names: &["nat_uac_test"],
    args: &[Arg::int("flags")],
    routes: Routes::REQUEST.or(Routes::FAILURE).or(Routes::ONREPLY).or(Routes::BRANCH),
    run: nat_uac_test,
    does: &[Does::AskNat],
    doc: "True when one of the tests given finds a NAT: 1 a private address in Contact, 2 another host in Via than the sender's, 4 a private address in Via, 8 in the SDP, 16 another port in Via than the sender's, 32 a private sender, 64 WebSocket, 128 another port in Contact than the sender's, 256 another address in the SDP, 512 a $du that goes elsewhere than the Request-URI; for a reply, a second Via that came from elsewhere.",
};

type Test = fn(&Context, &dyn Fn(IpAddr) -> bool) -> bool;

/// Each with its flag.
const TESTS: [(i64, Test); 9] = [
    (1, |cx, private| contact::host(cx).is_some_and(private)),
    (2, |cx, _| cx.message.message.via().is_some_and(|via| via.host_ip() != Some(source(cx)))),
    (4, |cx, private| cx.message.message.via().and_then(|via| via.host_ip()).is_some_and(private)),
    (8, |cx, private| sdp::addresses(&cx.message.message).any(|address| address.is_some_and(private))),
    (16, |cx, _| cx.message.message.via().is_some_and(|via| via.port().unwrap_or(5060) != source_port(cx))),
    (32, |cx, private| private(source(cx))),
    (128, |cx, _| contact::port(cx).is_some_and(|port| port != source_port(cx))),
    (256, |cx, _| sdp::addresses(&cx.message.message).any(|address| address != Some(source(cx)))),
    (512, |cx, _| target_differs(cx)),
];

fn nat_uac_test(cx: &mut Context, args: &Args) -> Outcome {
    let flags = args.int(cx, 0);
    let reserved = reserved(cx);
    let private = |address| is_private(address, reserved);
    Outcome::truth(TESTS.iter().any(|(flag, test)| flags & flag != 0 && test(cx, &private)))
}

fn source(cx: &Context) -> IpAddr {
    cx.message.received.flow.peer.ip()
}

fn source_port(cx: &Context) -> u16 {
    cx.message.received.flow.peer.port()
}

fn target_differs(cx: &Context) -> bool {
    let message = &cx.message.message;
    if !message.is_request() {
        let Some(Ok(via)) = message.vias().nth(1).map(|via| via.value) else { return false };
        let moved = via.received().is_some_and(|received| parse_ip(received) != via.host_ip());
        let rport = match via.rport() {
            crate::sip::Rport::Port(port) => Some(port),
            crate::sip::Rport::Absent | crate::sip::Rport::Asked => None,
        };
        return moved || rport.is_some_and(|port| port != via.port().unwrap_or(5060));
    }
    let Some(destination) = &cx.message.target.next_hop else { return false };
    let own = cx.message.request_uri();
    let (Ok(uri), Ok(destination)) = (Uri::parse(&own), Uri::parse(destination)) else { return false };
    let transport = destination.transport().and_then(Transport::of);
    let websocket = matches!(transport, Some(Transport::Ws | Transport::Wss));
    let same_host = uri.host.eq_ignore_ascii_case(destination.host);
    websocket || !same_host || uri.port_or_default() != destination.port_or_default()
}

fn reserved(cx: &Context) -> bool {
    cx.state::<NatHelper>().is_none_or(|state| state.reserved)
}

pub(super) const IS_RFC1918: Function = Function {
    names: &["is_rfc1918"],
    args: &[Arg::text("address")],
    routes: Routes::ANY,
    run: is_rfc1918,
    does: &[],
    doc: "True when the text is an address of a private network.",
};

fn is_rfc1918(cx: &mut Context, args: &Args) -> Outcome {
    let text = args.text(cx, 0);
    if text.is_empty() {
        cx.log(LogLevel::Error, "is_rfc1918: the address is empty");
        return Outcome::Return(-2);
    }
    Outcome::truth(parse_ip(&text).is_some_and(|address| is_private(address, reserved(cx))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::Argument;
    use crate::builtin::bench::Bench;
    use std::sync::Arc;

    fn found(text: &str) -> Vec<i64> {
        let mut bench = Bench::new(text, Arc::new(NatHelper::default()));
        let flags = (0..10).map(|bit| 1 << bit);
        let is_found = |flag: &i64| {
            let outcome = bench.call_with(&const { NAT_UAC_TEST }, vec![Argument::Int(*flag)]);
            matches!(outcome, Outcome::Return(1))
        };
        flags.filter(is_found).collect()
    }

    #[test]
    fn each_test_finds_what_it_should() {
        let sdp = "v=0\no=- 1 2 IN IP4 10.0.0.1\nc=IN IP4 10.0.0.1\nm=audio 1 RTP/AVP 0\nc=IN IP4 192.0.2.1\n";
        let cases = [
            (
                "Via: SIP/2.0/UDP 10.0.0.5:5070;branch=z9hG4bK\nContact: <sip:a@192.168.1.10:5062>\n\n".into(),
                vec![1, 2, 4, 16, 128],
            ),
            ("Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK\nContact: <sip:a@8.8.8.8>\n\n".into(), vec![]),
            ("Via: SIP/2.0/UDP host.example;branch=z9hG4bK\nContact: *\n\n".into(), vec![2]),
            ("Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK\nContact: <sip:a@h>,<sip:b@10.1.1.1>\n\n".into(), vec![1]),
            ("Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK\nContact: bad <\n\n".into(), vec![]),
            (
                format!("Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK\nContent-Type: application/sdp\n\n{sdp}"),
                vec![8, 256],
            ),
        ];
        for (text, flags) in cases {
            assert_eq!(found(&format!("INVITE sip:b SIP/2.0\n{text}")), flags, "{text}");
        }
    }

    #[test]
    fn a_second_via_tells_of_nat_in_a_reply() {
        let via = "SIP/2.0 200 OK\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK\nVia: SIP/2.0/UDP";
        assert_eq!(found(&format!("{via} 10.0.0.1;received=192.0.2.9;branch=z9hG4bK\n\n")), [512]);
        assert!(found(&format!("{via} 192.0.2.9;received=192.0.2.9;rport=5060;branch=z9hG4bK\n\n")).is_empty());
    }
}
