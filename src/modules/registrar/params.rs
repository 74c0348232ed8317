//! Parameters, and what start makes of them.

use super::answer::{Outbound, PathMode};
use crate::builtin::{Changes, ModuleId, Param, Start, StartFault, State, Unit};
use bytes::Bytes;

pub(super) static PARAMS: &[Param] = &[
    Param::int(&["default_expires"], "3600", Unit::Seconds, "How long a contact is kept that says nothing."),
    Param::int(
        &["default_expires_range"],
        "0",
        Unit::None,
        "By how many percent that is shortened by chance at most, so that phones do not all come back at once.",
    ),
    Param::int(&["expires_range"], "0", Unit::None, "The same for what a contact says."),
    Param::int(&["min_expires"], "60", Unit::Seconds, "The shortest time; a shorter one becomes this long."),
    Param::int(&["min_expires_mode"], "0", Unit::None, "1: a shorter one is refused with 423."),
    Param::int(&["max_expires"], "0", Unit::Seconds, "The longest time; a longer one becomes this long. 0 for any."),
    Param::int(&["default_q"], "-1", Unit::None, "The q of a contact that has none, in thousandths; -1 for none."),
    Param::int(&["append_branches"], "1", Unit::None, "0: lookup takes the first contact only."),
    Param::int(&["case_sensitive"], "0", Unit::None, "1: users that differ in case are different."),
    Param::text(&["realm_prefix"], "", "What is taken away from the front of a domain."),
    Param::text(
        &["received_param"],
        "received",
        "The parameter of Contact in the reply that tells where a contact behind NAT is; empty for none.",
    ),
    Param::absent(&["received_avp"], "The $avp with the URI that a REGISTER came from, as fix_nated_register sets it."),
    Param::int(
        &["max_contacts"],
        "0",
        Unit::None,
        "Contacts of one user at most; more are refused with 503. 0 for any.",
    ),
    Param::int(&["retry_after"], "0", Unit::Seconds, "What Retry-After says in a 5xx reply; 0 for no such header."),
    Param::int(&["sock_mode"], "0", Unit::None, "1: the advertised address is kept as the socket; here the socket.")
        .without(Changes::State),
    Param::int(
        &["sock_flag"],
        "-1",
        Unit::None,
        "The flag of requests whose socket stands in sock_hdr_name or xavp_cfg.",
    ),
    Param::text(&["sock_hdr_name"], "", "The header with the socket, as add_sock_hdr writes it."),
    Param::int(&["method_filtering"], "0", Unit::None, "1: lookup passes over contacts that do not take the method."),
    Param::int(&["use_path"], "0", Unit::None, "1: Path is kept with a contact."),
    Param::int(
        &["path_mode"],
        "2",
        Unit::None,
        "Path in the reply: 0 never, 1 for those that support it, 2 others are refused with 420.",
    ),
    Param::int(
        &["path_use_received"],
        "0",
        Unit::None,
        "1: the parameter `received` of the first Path URI counts as where a contact is.",
    ),
    Param::int(
        &["path_check_local"],
        "0",
        Unit::None,
        "1: lookup leaves the first Path URI out when it is this server.",
    ),
    Param::absent(
        &["xavp_cfg"],
        "The $xavp that overrides: expires, q, max_contacts, socket, rlf_bflags, match_callid, match_received, match_contact.",
    ),
    Param::absent(
        &["xavp_rcd"],
        "The $xavp that lookup, registered and save fill: ruid, contact, expires, received, path.",
    ),
    Param::int(
        &["xavp_rcd_mask"],
        "0",
        Unit::None,
        "What it leaves out: 1 ruid, 2 contact, 4 expires, 8 received, 16 path.",
    ),
    Param::int(&["gruu_enabled"], "1", Unit::None, "0: addresses of devices (GRUU) are not told."),
    Param::int(&["outbound_mode"], "0", Unit::None, "SIP outbound: 0 not, 1 supported, 2 required."),
    Param::int(&["regid_mode"], "0", Unit::None, "1: reg-id counts even without outbound."),
    Param::int(&["flow_timer"], "0", Unit::Seconds, "What Flow-Timer says; 0 for no such header."),
    Param::int(&["contact_max_size"], "512", Unit::Bytes, "The longest URI of a contact."),
    Param::absent(&["event_callback"], "A function of an embedded script for contacts that expire.")
        .without(Changes::Wire),
    Param::int(
        &["lookup_filter_mode"],
        "0",
        Unit::None,
        "1: lookup takes contacts with a branch flag of $xavp(cfg=>rlf_bflags) only; 2 is about TCP connections.",
    ),
    Param::int(&["use_expired_contacts"], "0", Unit::None, "1: contacts that have expired can still be found."),
];

/// What the parameters say.
#[derive(Debug)]
pub struct Registrar {
    pub(super) usrloc: ModuleId,
    pub(super) default_expires: i64,
    pub(super) default_range: i64,
    pub(super) range: i64,
    pub(super) min_expires: i64,
    pub(super) refuses_brief: bool,
    pub(super) max_expires: i64,
    pub(super) default_q: Option<u16>,
    pub(super) append_branches: bool,
    pub(super) case_sensitive: bool,
    pub(super) realm_prefix: Bytes,
    pub(super) received_param: Bytes,
    pub(super) received_avp: Option<Bytes>,
    pub(super) max_contacts: i64,
    pub(super) retry_after: i64,
    /// The flag of `sock_flag` as a mask, 0 for none.
    pub(super) socket_flag: u32,
    pub(super) socket_header: Bytes,
    pub(super) filters_methods: bool,
    pub(super) use_path: bool,
    pub(super) path_mode: PathMode,
    pub(super) path_received: bool,
    pub(super) path_check_local: bool,
    pub(super) xavp_cfg: Option<Bytes>,
    pub(super) xavp_rcd: Option<Bytes>,
    pub(super) xavp_rcd_mask: i64,
    pub(super) gruu: bool,
    pub(super) outbound: Outbound,
    pub(super) always_reg_id: bool,
    pub(super) flow_timer: i64,
    pub(super) longest_contact: usize,
    pub(super) filters_flags: bool,
    pub(super) uses_expired: bool,
}

impl State for Registrar {}

/// The longest Flow-Timer.
const MOST_FLOW_TIMER: i64 = 999;

pub(super) fn start(start: &mut Start) -> Result<Box<dyn State>, StartFault> {
    let params = start.params;
    let text = |name| params.text(name).filter(|text| !text.is_empty());
    let fault = |name: &'static str, help: &str| {
        let fault = StartFault::new(format!("there is no {name} {}", params.int(name))).help(help);
        params.given(name).map_or(fault.clone(), |given| fault.at(given.span))
    };
    let Some(usrloc) = start.module_id("usrloc") else {
        return Err(
            StartFault::new("it keeps contacts in usrloc, which is not loaded").help("loadmodule \"usrloc.so\"")
        );
    };
    let outbound = match params.int("outbound_mode") {
        0 => Outbound::None,
        1 => Outbound::Supported,
        2 => Outbound::Required,
        _ => return Err(fault("outbound_mode", "0 to 2")),
    };
    let always_reg_id = match params.int("regid_mode") {
        0 => false,
        1 => true,
        _ => return Err(fault("regid_mode", "0 or 1")),
    };
    let flow_timer = params.int("flow_timer");
    if !(0..=MOST_FLOW_TIMER).contains(&flow_timer) || flow_timer > 0 && outbound == Outbound::None {
        return Err(fault("flow_timer", "0 to 999, and only with an outbound_mode"));
    }
    let socket_header = params.text("sock_hdr_name").unwrap_or_default();
    let names_socket = !socket_header.is_empty() || text("xavp_cfg").is_some();
    Ok(Box::new(Registrar {
        usrloc,
        default_expires: params.int("default_expires"),
        default_range: params.int("default_expires_range"),
        range: params.int("expires_range"),
        min_expires: params.int("min_expires"),
        refuses_brief: params.switch("min_expires_mode"),
        max_expires: params.int("max_expires"),
        default_q: u16::try_from(params.int("default_q").min(1000)).ok(),
        append_branches: params.switch("append_branches"),
        case_sensitive: params.switch("case_sensitive"),
        realm_prefix: params.text("realm_prefix").unwrap_or_default(),
        received_param: params.text("received_param").unwrap_or_default(),
        received_avp: start.avp("received_avp")?,
        max_contacts: params.int("max_contacts"),
        retry_after: params.int("retry_after"),
        socket_flag: match params.int("sock_flag") {
            flag @ 0..=31 if names_socket => 1 << flag,
            _ => 0,
        },
        socket_header,
        filters_methods: params.switch("method_filtering"),
        use_path: params.switch("use_path"),
        path_mode: match params.int("path_mode") {
            0 => PathMode::Off,
            2 => PathMode::Strict,
            _ => PathMode::Lazy,
        },
        path_received: params.switch("path_use_received"),
        path_check_local: params.int("path_check_local") > 0,
        xavp_cfg: text("xavp_cfg"),
        xavp_rcd: text("xavp_rcd"),
        xavp_rcd_mask: params.int("xavp_rcd_mask"),
        gruu: params.int("gruu_enabled") == 1,
        outbound,
        always_reg_id,
        flow_timer,
        longest_contact: usize::try_from(params.int("contact_max_size")).unwrap_or(0),
        filters_flags: params.int("lookup_filter_mode") & 1 != 0,
        uses_expired: params.switch("use_expired_contacts"),
    }))
}
