//! `nathelper`: finds senders behind NAT, and mends the addresses they wrote.

mod alias;
mod contact;
mod ping;
mod private;
mod sdp;
mod test;

use crate::builtin::{
    Arg, Args, Background, Changes, Context, Does, Function, LogLevel, Module, Outcome, Param, Routes, Start,
    StartFault, State, Unit, Value, Variable,
};
use crate::modules::core::source;
use crate::modules::usrloc::keepalive::SECOND;
use crate::sip::Message;
use bytes::Bytes;
use std::time::Duration;

/// The module.
pub static MODULE: Module = Module {
    functions: &[
        test::NAT_UAC_TEST,
        test::IS_RFC1918,
        contact::FIX_NATED_CONTACT,
        contact::ADD_RCV_PARAM,
        FIX_NATED_REGISTER,
        alias::SET_CONTACT_ALIAS,
        alias::ADD_CONTACT_ALIAS,
        alias::ADD_CONTACT_ALIAS_OF,
        alias::SET_ALIAS_TO_PV,
        alias::HANDLE_RURI_ALIAS,
        sdp::FIX_NATED_SDP,
    ],
    params: PARAMS,
    variables: VARIABLES,
    rpc: ping::RPC,
    start,
    ..Module::new("nathelper", "Finds senders behind NAT, and mends the addresses they wrote.")
};

static PARAMS: &[Param] = &[
    Param::absent(&["received_avp"], "The $avp that fix_nated_register sets to where a REGISTER came from."),
    Param::text(&["alias_name"], "alias", "The URI parameter that holds where a message came from."),
    Param::text(&["nortpproxy_str"], "a=nortpproxy:yes\r\n", "The line that fix_nated_sdp(4) adds; empty for none."),
    Param::int(&["append_sdp_oldmediaip"], "1", Unit::None, "1: fix_nated_sdp notes each address it replaces."),
    Param::int(&["nat_addr_mode"], "1", Unit::None, "1: 192.0.0.0/24 counts as a private network too."),
    Param::int(&["natping_interval"], "0", Unit::Seconds, "How often contacts over UDP are pinged; 0 for never."),
    Param::int(
        &["ping_nated_only"],
        "0",
        Unit::None,
        "1: only contacts with the branch flag `nat_bflag` of usrloc are pinged.",
    ),
    Param::absent(&["force_socket"], "The socket that pings leave from; else that of the REGISTER."),
    Param::absent(&["sipping_from"], "From of a ping that is a request, as a bare URI."),
    Param::text(&["sipping_method"], "OPTIONS", "The method of such a ping."),
    Param::int(
        &["sipping_bflag"],
        "-1",
        Unit::None,
        "The branch flag of contacts that are pinged with a request instead of four bytes of 0; once it is set, without ping_nated_only all are.",
    ),
    Param::int(&["natping_disable_bflag"], "-1", Unit::None, "The branch flag of contacts that are not pinged."),
    Param::int(&["natping_processes"], "1", Unit::None, "How many processes ping.").inert(),
    Param::absent(&["natping_socket"], "The address that pings pretend to come from.").without(Changes::Wire),
    Param::int(
        &["keepalive_timeout"],
        "0",
        Unit::Seconds,
        "A contact over UDP that has neither registered nor answered a request for so long is gone ten seconds later; 0 for never.",
    ),
    Param::int(&["udpping_from_path"], "0", Unit::None, "Whether pings follow Path.").without(Changes::Wire),
    Param::int(&["ignore_path"], "0", Unit::None, "1: a request goes to the contact itself, not along its Path."),
    Param::int(
        &["filter_server_id"],
        "0",
        Unit::None,
        "1: only contacts that registered with this `server_id` are pinged.",
    ),
];

static VARIABLES: &[Variable] = &[
    Variable::read(
        &["rr_count"],
        |cx, _, _| Value::Int(cx.message.message.record_routes().count() as i64),
        "How many Record-Route addresses the message has.",
    ),
    Variable::read(
        &["rr_top_count"],
        |cx, _, _| {
            Value::Int(cx.message.message.record_routes().next().map_or(0, |top| {
                let double = top.value.ok().and_then(|top| top.uri().ok()).is_some_and(|uri| uri.r2().is_some());
                if double { 2 } else { 1 }
            }))
        },
        "How many Record-Route addresses the last proxy added: 2 when it changed sockets, 0 when there are none.",
    ),
];

/// What the parameters say.
#[derive(Debug)]
struct NatHelper {
    received_avp: Option<Bytes>,
    alias: Bytes,
    sdp_mark: Bytes,
    notes_old_address: bool,
    reserved: bool,
    pings: Option<ping::Pings>,
}

impl State for NatHelper {
    fn period(&self) -> Option<Duration> {
        self.pings.as_ref().map(|_| SECOND)
    }

    fn tick(&self, cx: &mut Background) {
        if let Some(pings) = &self.pings {
            pings.tick(cx);
        }
    }

    fn answered(&self, reply: &Message, cx: &mut Background) {
        if let Some(pings) = &self.pings {
            pings.reply(reply, cx);
        }
    }
}

impl Default for NatHelper {
    fn default() -> NatHelper {
        NatHelper {
            received_avp: None,
            alias: Bytes::from_static(b"alias"),
            sdp_mark: Bytes::from_static(b"a=nortpproxy:yes\r\n"),
            notes_old_address: true,
            reserved: true,
            pings: None,
        }
    }
}

fn start(start: &mut Start) -> Result<Box<dyn State>, StartFault> {
    let params = start.params;
    let received_avp = match params.given("received_avp") {
        None => None,
        Some(given) => {
            let text = params.text("received_avp").unwrap_or_default();
            let name = text.strip_prefix(b"$avp(").and_then(|rest| rest.strip_suffix(b")")).map(<[u8]>::trim_ascii);
            let name = name.map(|name| name.strip_prefix(b"s:").unwrap_or(name)).filter(|name| !name.is_empty());
            let wrong = || StartFault::new("received_avp names no AVP").at(given.span).help("write $avp(name)");
            Some(Bytes::copy_from_slice(name.ok_or_else(wrong)?))
        }
    };
    Ok(Box::new(NatHelper {
        received_avp,
        alias: params.text("alias_name").filter(|name| !name.is_empty()).unwrap_or(Bytes::from_static(b"alias")),
        sdp_mark: params.text("nortpproxy_str").unwrap_or_default(),
        notes_old_address: params.switch("append_sdp_oldmediaip"),
        reserved: params.switch("nat_addr_mode"),
        pings: ping::start(start)?,
    }))
}

const FIX_NATED_REGISTER: Function = Function {
    names: &["fix_nated_register"],
    args: &[],
    routes: Routes::REQUEST,
    run: fix_nated_register,
    does: &[Does::FixContact, Does::FixRegister],
    doc: "Keeps where the message came from, as a URI, in the AVP that `received_avp` names.",
};

fn fix_nated_register(cx: &mut Context, _: &Args) -> Outcome {
    let Some(name) = cx.state::<NatHelper>().and_then(|state| state.received_avp.clone()) else {
        cx.log(LogLevel::Error, "fix_nated_register: the parameter received_avp is not set");
        return Outcome::FALSE;
    };
    let source = Bytes::from(source::uri(cx));
    cx.locals.avps.push(name, Value::Text(source));
    Outcome::TRUE
}

/// Where the routes of the functions that change Contact are.
const CHANGING: Routes = Routes::REQUEST.or(Routes::ONREPLY).or(Routes::BRANCH);

/// An argument that is a bare number.
const MODE: &[Arg] = &[Arg::int("mode").optional()];

/// Where `part`, a slice of `whole`, stands in it.
fn offset(whole: &[u8], part: &[u8]) -> usize {
    (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::{Argument, bench::Bench};
    use crate::sip;
    use std::sync::Arc;

    /// What Kamailio makes of a Contact of a message from 192.0.2.1:5060.
    fn contact(function: &'static Function, args: &[i64], contacts: &str) -> (i32, String) {
        let lines = contacts.split('|').map(|value| format!("Contact: {value}\n")).collect::<String>();
        let text = format!("INVITE sip:b SIP/2.0\nVia: SIP/2.0/UDP a;branch=z9hG4bK\n{lines}\n");
        let mut bench = Bench::new(&text, Arc::new(NatHelper::default()));
        let args = args.iter().map(|number| Argument::Int(*number)).collect();
        let Outcome::Return(code) = bench.call_with(function, args) else { panic!("it waits") };
        let mut out = Vec::new();
        sip::write(&bench.message.message, &bench.message.edits, &mut out);
        let out = String::from_utf8(out).unwrap();
        let values = out.lines().filter_map(|line| line.strip_prefix("Contact: "));
        (code, values.collect::<Vec<_>>().join("|"))
    }

    #[test]
    fn contacts_change_as_kamailio_changes_them() {
        const FIX: &Function = &contact::FIX_NATED_CONTACT;
        const SET: &Function = &alias::SET_CONTACT_ALIAS;
        const ADD: &Function = &alias::ADD_CONTACT_ALIAS;
        const RCV: &Function = &contact::ADD_RCV_PARAM;
        let cases: &[(&'static Function, &[i64], &str, i32, &str)] = &[
            (FIX, &[], "<sip:a:p@10.0.0.1:9;t=1?h=v>;q=1", 1, "<sip:a:p@192.0.2.1:5060;t=1?h=v>;q=1"),
            (FIX, &[], "sip:a@[::1];expires=7", 1, "sip:a@192.0.2.1:5060;expires=7"),
            (FIX, &[], "<sip:a@h1>, <sip:b@h2>|<sip:c@h3>", 1, "<sip:a@h1>, <sip:b@192.0.2.1:5060>|<sip:c@h3>"),
            (FIX, &[], "*", -1, "*"),
            (FIX, &[], "<tel:+1>", -1, "<tel:+1>"),
            (SET, &[], "<sip:a@h;x=y?h=v>;q=1", 1, "<sip:a@h;x=y?h=v;alias=192.0.2.1~5060~1>;q=1"),
            (SET, &[], "sip:a@h;q=1", 1, "<sip:a@h;alias=192.0.2.1~5060~1>;q=1"),
            (SET, &[], "<sip:a@h;alias=1~1~1>", 1, "<sip:a@h;alias=1~1~1;alias=192.0.2.1~5060~1>"),
            (SET, &[1], "<sip:a@h;alias=1~1~1;x=y>", 1, "<sip:a@h;x=y;alias=192.0.2.1~5060~1>"),
            (SET, &[1], "<sip:a@h;alias=1~1~1;alias=2~2~2>", 1, "<sip:a@h;alias=1~1~1;alias=192.0.2.1~5060~1>"),
            (SET, &[1], "<sip:a@h;alias=1~1~1?h=v>", 1, "<sip:a@h;alias=1~1~1?h=v;alias=192.0.2.1~5060~1>"),
            (ADD, &[], "<sip:a@h:1;x=y>", 1, "<sip:a@h:1;alias=192.0.2.1~5060~1;x=y>"),
            (ADD, &[], "<sip:a@192.0.2.1>", 1, "<sip:a@192.0.2.1;alias=192.0.2.1~5060~1>"),
            (ADD, &[], "<sip:a@192.0.2.1;transport=udp>", 2, "<sip:a@192.0.2.1;transport=udp>"),
            (ADD, &[], "sip:a@h;q=1", 1, "<sip:a@h;alias=192.0.2.1~5060~1>;q=1"),
            (ADD, &[], "<sip:x@y>, sip:a@h;q=1", 1, "<sip:x@y>, sip:a@h;alias=192.0.2.1~5060~1;q=1"),
            (ADD, &[], "*", -1, "*"),
            (
                RCV,
                &[],
                "<sip:a@h>;q=1, sip:b@h|*",
                1,
                "<sip:a@h>;q=1;received=\"sip:192.0.2.1:5060\", sip:b@h;received=\"sip:192.0.2.1:5060\"|*",
            ),
            (RCV, &[1], "<sip:a@h;x=y>;q=1", 1, "<sip:a@h;x=y;received=sip:192.0.2.1:5060>;q=1"),
            (RCV, &[1], "sip:a@h;q=1", 1, "sip:a@h;received=sip:192.0.2.1:5060;q=1"),
        ];
        for (function, args, before, code, after) in cases {
            let done = contact(function, args, before);
            assert_eq!(done, (*code, after.to_string()), "{}{args:?} of {before}", function.names[0]);
        }
    }
}
