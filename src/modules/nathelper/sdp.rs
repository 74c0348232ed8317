//! The addresses in an SDP body (RFC 4566).

use super::NatHelper;
use crate::builtin::{Arg, Args, Context, Function, LogLevel, Outcome, Routes};
use crate::sip::{Extent, Message, parse_ip};
use std::net::IpAddr;

pub(super) const FIX_NATED_SDP: Function = Function {
    names: &["fix_nated_sdp"],
    args: &[Arg::int("flags"), Arg::text("address").optional()],
    routes: Routes::REQUEST.or(Routes::FAILURE).or(Routes::ONREPLY).or(Routes::BRANCH),
    run: fix_nated_sdp,
    does: &[],
    doc: "Changes the SDP: 1 adds a=direction:active to each medium, 2 puts the address given, else the sender's, into c= and a=rtcp, 4 adds the line of `nortpproxy_str`, 8 puts the address into o= and a=rtcp. 2 when no address changed.",
};

fn fix_nated_sdp(cx: &mut Context, args: &Args) -> Outcome {
    let flags = args.int(cx, 0);
    let given = if args.has(1) { args.text(cx, 1) } else { Default::default() };
    let address = match parse_ip(&given) {
        Some(IpAddr::V4(address)) => IpAddr::V4(address),
        _ if given.is_empty() => cx.message.received.flow.peer.ip(),
        _ => {
            cx.log(LogLevel::Error, "fix_nated_sdp: this is no IPv4 address");
            return Outcome::FALSE;
        }
    };
    let state = cx.state::<NatHelper>().unwrap_or_default();
    let message = &mut *cx.message;
    if !is_sdp(&message.message) {
        cx.log(LogLevel::Error, "fix_nated_sdp: the message has no SDP");
        return Outcome::FALSE;
    }
    let lines: Vec<Extent> = lines(&message.message).collect();
    let line = |place: &Extent| message.message.text(*place);
    let mut added: Vec<(Extent, Vec<u8>)> = Vec::new();
    if flags & 1 != 0 {
        let media = lines.iter().enumerate().filter(|(_, place)| line(place).starts_with(b"m=")).map(|(at, _)| at);
        let mut ends: Vec<usize> = media.clone().skip(1).map(|at| at - 1).collect();
        if media.count() > 0 {
            ends.push(lines.len() - 1);
        }
        let ends = ends.iter().filter_map(|at| lines.get(*at));
        added.extend(ends.map(|place| (end(*place), b"\r\na=direction:active".to_vec())));
    }
    let last = lines.last().copied().map(end).unwrap_or_default();
    if flags & 4 != 0 && !state.sdp_mark.is_empty() {
        added.push((last, [b"\r\n", state.sdp_mark.trim_ascii_end()].concat()));
    }
    let mut replaced: Vec<Extent> = Vec::new();
    // The order in which Kamailio notes what it replaced.
    for (wanted, prefix) in [(2 | 8, &b"a=rtcp:"[..]), (2, b"c="), (8, b"o=")] {
        if flags & wanted != 0 {
            let found = lines.iter().filter(|place| line(place).starts_with(prefix));
            let found = found.filter_map(|place| address_in(line(place)).map(|inner| inner.shifted(place.start)));
            replaced.extend(found.filter(|place| line(place) != b"0.0.0.0"));
        }
    }
    if state.notes_old_address {
        for place in &replaced {
            let old = line(place);
            let name: &[u8] = if old.contains(&b':') { b"\r\na=oldmediaip6:" } else { b"\r\na=oldmediaip:" };
            added.push((last, [name, old].concat()));
        }
    }
    let code = if replaced.is_empty() { 2 } else { 1 };
    let text = address.to_string();
    for place in replaced {
        message.edits.replace(place, text.clone());
    }
    for (place, text) in added {
        message.edits.replace(place, text);
    }
    Outcome::Return(code)
}

/// The addresses of `c=` lines; nothing for one that names no address.
pub(super) fn addresses(message: &Message) -> impl Iterator<Item = Option<IpAddr>> {
    let among = is_sdp(message).then(|| lines(message)).into_iter().flatten();
    let media = among.map(|place| message.text(place)).filter(|line| line.starts_with(b"c="));
    media.filter_map(|line| address_in(line).map(|place| parse_ip(place.of(line))))
}

/// Whether the message has a body that is, or says nothing against being, SDP.
fn is_sdp(message: &Message) -> bool {
    let kind = message.content_type().unwrap_or(b"application/sdp");
    let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    !message.body().is_empty() && kind.eq_ignore_ascii_case(b"application/sdp")
}

/// The lines of the body without their ends; empty ones at its end do not count.
fn lines(message: &Message) -> impl Iterator<Item = Extent> {
    let body = message.body().trim_ascii_end();
    let base = message.body_extent().start;
    let mut start = 0;
    body.split(|byte| *byte == b'\n').map(move |line| {
        let trimmed = line.strip_suffix(b"\r").unwrap_or(line);
        let place = Extent::new(start, start + trimmed.len()).shifted(base);
        start += line.len() + 1;
        place
    })
}

/// Where the address stands in a line: behind `IN IP4` or `IN IP6`.
fn address_in(line: &[u8]) -> Option<Extent> {
    let at = [&b"IN IP4 "[..], b"IN IP6 "].iter().find_map(|mark| memchr::memmem::find(line, mark))? + 7;
    let rest = line.get(at..)?;
    let blanks = rest.iter().take_while(|byte| **byte == b' ').count();
    let length = rest.iter().skip(blanks).take_while(|byte| !byte.is_ascii_whitespace()).count();
    (length > 0).then(|| Extent::new(at + blanks, at + blanks + length))
}

fn end(place: Extent) -> Extent {
    Extent { start: place.end, end: place.end }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::{Argument, bench::Bench};
    use crate::sip;
    use std::sync::Arc;

    const SDP: &str = "v=0|o=- 1 2 IN IP4 192.168.1.10|c=IN IP4 192.168.1.10|m=audio 1 RTP/AVP 0|a=rtcp:4001 IN IP4 192.168.1.11|m=video 2 RTP/AVP 31|c=IN IP6 ::1|";

    fn changed(flags: i64, sdp: &str) -> (i32, String) {
        let sdp = sdp.replace('|', "\n");
        let text = format!("INVITE sip:b SIP/2.0\nVia: SIP/2.0/UDP a;branch=z9hG4bK\n\n{sdp}");
        let mut bench = Bench::new(&text, Arc::new(NatHelper::default()));
        let Outcome::Return(code) = bench.call_with(&const { FIX_NATED_SDP }, vec![Argument::Int(flags)]) else {
            panic!("it waits")
        };
        let mut out = Vec::new();
        sip::write(&bench.message.message, &bench.message.edits, &mut out);
        let out = String::from_utf8(out).unwrap();
        (code, out.split_once("\r\n\r\n").unwrap().1.replace("\r\n", "|"))
    }

    #[test]
    fn sdp_changes_as_kamailio_changes_it() {
        let noted = "a=oldmediaip:192.168.1.11|a=oldmediaip:192.168.1.10|a=oldmediaip6:::1|";
        let c = "v=0|o=- 1 2 IN IP4 192.168.1.10|c=IN IP4 192.0.2.1|m=audio 1 RTP/AVP 0|a=rtcp:4001 IN IP4 192.0.2.1|m=video 2 RTP/AVP 31|c=IN IP6 192.0.2.1|";
        assert_eq!(changed(2, SDP), (1, format!("{c}{noted}")));
        assert_eq!(changed(4, SDP), (2, format!("{SDP}a=nortpproxy:yes|")));
        assert_eq!(changed(4, SDP.trim_end_matches('|')), (2, format!("{SDP}a=nortpproxy:yes")));
        let directed = SDP.replace("|m=video", "|a=direction:active|m=video");
        assert_eq!(changed(1, SDP), (2, format!("{directed}a=direction:active|")));
        assert_eq!(changed(10, "o=- 1 2 IN IP4 0.0.0.0|"), (2, "o=- 1 2 IN IP4 0.0.0.0|".into()));
        assert_eq!(changed(2, "").0, -1);
    }
}
