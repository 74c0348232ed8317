//! The global settings of the core that count here, and what they do to [`Settings`].

use crate::builtin::{
    ConnectionSettings, Param, ParamGivenValue, ParamKind, Params, Settings, Start, StartFault, State, SystemKeepalive,
    Unit, parse_int,
};
use crate::sip::Transport;
use bytes::Bytes;
use std::time::Duration;

/// More branches Kamailio does not keep.
const MOST_BRANCHES: usize = 31;

/// Settings with an effect.
pub(super) const ROWS: &[Param] = &[
    Param::int(&["debug"], "0", Unit::None, "The highest level of log lines that are seen: -5 (alerts) to 3 (debug)."),
    Param {
        names: &["listen"],
        kind: ParamKind::Addresses,
        default: None,
        unit: Unit::None,
        repeat: true,
        inert: None,
        doc: "An address, host name or interface to listen on, with protocol and port, and what to advertise in its place.",
    },
    Param {
        names: &["alias", "domain"],
        kind: ParamKind::Addresses,
        default: None,
        unit: Unit::None,
        repeat: true,
        inert: None,
        doc: "A host, with or without a port, that is this server beside the addresses it listens on.",
    },
    Param::int(&["port"], "5060", Unit::None, "The port of listen entries without one.").unsigned(),
    Param {
        default: Some("IPTOS_LOWDELAY"),
        ..any(
            &["tos"],
            "The type of service of what is sent: a number, or IPTOS_LOWDELAY, IPTOS_THROUGHPUT, IPTOS_RELIABILITY, IPTOS_MINCOST.",
        )
    },
    any(&["advertised_address"], "The host that Via and Record-Route name instead of the socket's own address."),
    Param::int(
        &["advertised_port"],
        "0",
        Unit::None,
        "The port that goes with advertised_address; 0 for the socket's own.",
    )
    .unsigned(),
    Param::int(
        &["add_rport", "force_rport"],
        "0",
        Unit::None,
        "Whether replies go to the port that a request came from, asked or not (RFC 3581).",
    )
    .unsigned(),
    Param::int(&["local_rport"], "0", Unit::None, "Whether the server's own Via asks for that.").unsigned(),
    Param::int(
        &["reply_to_via"],
        "0",
        Unit::None,
        "Whether replies by UDP go to the address in Via instead of the one that a request came from; a name there is not looked up, and stands for the latter.",
    )
    .unsigned(),
    Param::int(
        &["sip_warning"],
        "0",
        Unit::None,
        "Whether replies made here have a Warning that tells the addresses and URIs of the request: for tests, strangers read it.",
    )
    .unsigned(),
    Param::int(
        &["mhomed"],
        "0",
        Unit::None,
        "Whether what goes by UDP leaves by the socket whose address the system takes towards its destination, replies of a transaction left out.",
    )
    .unsigned(),
    Param::int(
        &["udp_mtu"],
        "0",
        Unit::Bytes,
        "A request that would be a longer datagram goes by the transport that udp_mtu_try_proto names; 0 for no limit.",
    )
    .unsigned(),
    Param {
        default: Some(Transport::Udp.in_via()),
        ..Param::one_of(
            &["udp_mtu_try_proto"],
            &Transport::WORDS,
            "The transport of requests that are longer than udp_mtu: TCP, which is served, or UDP, as they are.",
        )
    },
    Param::int(&["server_id"], "0", Unit::None, "The number of this server among several; 0 for none.").unsigned(),
    Param::absent(
        &["xavp_via_params"],
        "The $xavp whose fields via_add_xavp_params adds to the server's own Via as parameters.",
    ),
    Param::absent(
        &["xavp_via_fields"],
        "The $xavp whose fields `address` and `port` via_use_xavp_fields writes into the server's own Via.",
    ),
    Param::absent(
        &["server_header"],
        "The whole Server header line of replies made here; an empty one leaves the header out.",
    ),
    Param::int(&["server_signature"], "1", Unit::None, "Whether replies made here carry a Server header.").unsigned(),
    Param::absent(&["user_agent_header"], "The whole User-Agent header line of requests made here."),
    Param::int(
        &["check_via"],
        "0",
        Unit::None,
        "Whether a reply that belongs to nothing is dropped when its topmost Via is another's; so it is without --strict.",
    )
    .unsigned(),
    Param::int(&["max_while_loops"], "100", Unit::None, "How often the body of a while runs at most; 0 for no limit.")
        .unsigned(),
    Param::int(&["max_recursive_level"], "256", Unit::None, "How deep blocks and calls of routes may nest.").unsigned(),
    Param::int(&["max_branches"], "12", Unit::None, "How many branches a request has at most, its own and those of a failure_route included: 1 to 31.")
        .unsigned(),
    Param::int(
        &["onsend_route_reply"],
        "0",
        Unit::None,
        "Whether the onsend_route runs for forwarded replies as well.",
    )
    .unsigned(),
    Param::int(&["disable_tcp"], "0", Unit::None, "Whether TCP is not served.").unsigned(),
    Param::int(
        &["tcp_connect_timeout"],
        "10",
        Unit::Seconds,
        "How long opening a connection may take; 0 or less for the default.",
    ),
    Param::int(
        &["tcp_connection_lifetime"],
        "120",
        Unit::Seconds,
        "A connection that is silent for so long is closed; a negative number keeps it for ever.",
    ),
    Param::int(
        &["tcp_max_connections"],
        "2048",
        Unit::None,
        "How many connections are kept at a time; further ones are refused.",
    )
    .unsigned(),
    Param::int(
        &["tcp_crlf_ping"],
        "1",
        Unit::None,
        "Whether an empty line twice in a connection is answered with one (RFC 5626 section 3.5.1).",
    )
    .unsigned(),
    Param::int(
        &["tcp_msg_read_timeout"],
        "20",
        Unit::Seconds,
        "How long a message may take from its first byte to its last; a connection that is slower is closed.",
    )
    .unsigned(),
    Param::int(
        &["tcp_send_timeout"],
        "10",
        Unit::Seconds,
        "A connection that takes nothing for so long while something waits for it is closed; a negative number never does.",
    ),
    Param::int(
        &["tcp_conn_wq_max"],
        "16777216",
        Unit::Bytes,
        "How much may wait to be written to one connection; what comes beyond is dropped. Kamailio's default is 32 kB.",
    )
    .unsigned(),
    Param::int(
        &["tcp_wq_max"],
        "268435456",
        Unit::Bytes,
        "How much may wait to be written to all connections. Kamailio's default is 10 MB.",
    )
    .unsigned(),
    Param::int(
        &["tcp_accept_no_cl"],
        "0",
        Unit::None,
        "Whether a message that comes over TCP without Content-Length is taken, as one without a body.",
    )
    .unsigned(),
    Param::int(
        &["tcp_accept_aliases"],
        "0",
        Unit::None,
        "Whether a Via that says ;alias lets its connection be found under its port (RFC 5923), as force_tcp_alias does.",
    )
    .unsigned(),
    Param::int(
        &["tcp_connection_match"],
        "0",
        Unit::None,
        "1: a message leaves by a connection of its own socket only; 0: by any to the same address.",
    )
    .unsigned(),
    Param::int(&["tcp_no_connect"], "0", Unit::None, "Whether no connection is opened from here.").unsigned(),
    Param::int(&["tcp_keepalive"], "1", Unit::None, "Whether the system asks silent peers if they are there.")
        .unsigned(),
    Param::int(
        &["tcp_keepidle"],
        "0",
        Unit::Seconds,
        "How long a peer is silent before it is asked; 0 for as long as the system likes.",
    )
    .unsigned(),
    Param::int(&["tcp_keepintvl"], "0", Unit::Seconds, "How long until it is asked again; 0 likewise.").unsigned(),
    Param::int(&["tcp_keepcnt"], "0", Unit::None, "How often it is asked in vain; 0 likewise.").unsigned(),
    Param::int(&["received_route_mode"], "0", Unit::None, "Whether event_route[core:msg-received] runs."),
    Param::int(
        &["children"],
        "8",
        Unit::None,
        "Kamailio's receiving processes: how many slow queries of one database run at once. How many workers alanui has is chosen with --workers.",
    )
    .unsigned(),
];

const fn any(names: &'static [&'static str], doc: &'static str) -> Param {
    Param { names, kind: ParamKind::Any, default: None, unit: Unit::None, repeat: false, inert: None, doc }
}

/// Fills the settings; the compiler has filled `listen` and `alias`.
///
/// # Errors
/// A port beyond 65535.
pub(super) fn start(start: &mut Start) -> Result<Box<dyn State>, StartFault> {
    let Start { params, settings, .. } = start;
    apply(params, settings)?;
    Ok(Box::new(()))
}

/// Connections that are never closed for their silence live this long: a year.
const FOR_EVER: Duration = Duration::from_secs(365 * 86_400);

fn connections(params: &Params) -> ConnectionSettings {
    let seconds = |name| u32::try_from(params.int(name)).ok().map(|seconds| Duration::from_secs(seconds.into()));
    ConnectionSettings {
        connect_timeout: seconds("tcp_connect_timeout")
            .filter(|time| !time.is_zero())
            .unwrap_or(ConnectionSettings::default().connect_timeout),
        lifetime: seconds("tcp_connection_lifetime").unwrap_or(FOR_EVER).min(FOR_EVER),
        most: usize::try_from(params.int("tcp_max_connections")).unwrap_or(0),
        answers_pings: params.switch("tcp_crlf_ping"),
        message_time: seconds("tcp_msg_read_timeout").unwrap_or(FOR_EVER),
        send_timeout: seconds("tcp_send_timeout").unwrap_or(FOR_EVER).min(FOR_EVER),
        queue: usize::try_from(params.int("tcp_conn_wq_max")).unwrap_or(0),
        queues: usize::try_from(params.int("tcp_wq_max")).unwrap_or(0),
        takes_no_length: params.switch("tcp_accept_no_cl"),
        opens_none: params.switch("tcp_no_connect"),
        matches_both_ends: params.switch("tcp_connection_match"),
        accepts_aliases: params.switch("tcp_accept_aliases"),
        tos: ConnectionSettings::default().tos,
        keepalive: params.switch("tcp_keepalive").then(|| {
            let some = |name| seconds(name).filter(|time| !time.is_zero());
            let count = u32::try_from(params.int("tcp_keepcnt")).ok().filter(|count| *count > 0);
            SystemKeepalive { idle: some("tcp_keepidle"), interval: some("tcp_keepintvl"), count }
        }),
    }
}

fn apply(params: &Params, settings: &mut Settings) -> Result<(), StartFault> {
    if params.given("debug").is_some() {
        settings.debug = params.int("debug").clamp(-5, 3) as i8;
    }
    settings.children = usize::try_from(params.int("children")).unwrap_or(1);
    settings.tcp = !params.switch("disable_tcp");
    settings.connections = connections(params);
    if let Some(port) = port(params, "port")? {
        settings.port = port;
    }
    settings.tos = tos(params)?;
    settings.connections.tos = settings.tos;
    settings.force_rport = params.switch("add_rport");
    settings.local_rport = params.switch("local_rport");
    settings.reply_to_via = params.switch("reply_to_via");
    settings.sip_warning = params.switch("sip_warning");
    settings.mhomed = params.switch("mhomed");
    let by_tcp = params.text("udp_mtu_try_proto").is_some_and(|word| Transport::of(&word) == Some(Transport::Tcp));
    let longest = usize::try_from(params.int("udp_mtu")).ok().filter(|longest| *longest > 0);
    settings.longest_datagram = longest.filter(|_| by_tcp && settings.tcp);
    settings.advertised_address = params.text("advertised_address").filter(|host| !host.is_empty());
    settings.advertised_port = port(params, "advertised_port")?;
    // As in Kamailio, a number is taken by its low bits.
    settings.server_id = params.int("server_id") as u32;
    settings.xavp_via_params = params.text("xavp_via_params").filter(|name| !name.is_empty());
    settings.xavp_via_fields = params.text("xavp_via_fields").filter(|name| !name.is_empty());
    if !params.switch("server_signature") {
        settings.server_header = Bytes::new();
    } else if let Some(line) = params.text("server_header") {
        settings.server_header = line;
    }
    if let Some(line) = params.text("user_agent_header") {
        settings.user_agent_header = line;
    }
    let most = usize::try_from(params.int("max_branches")).ok().filter(|most| (1..=MOST_BRANCHES).contains(most));
    settings.max_branches = most.ok_or_else(|| {
        let fault = StartFault::new("max_branches is no number of branches").help("1 to 31");
        params.given("max_branches").map_or(fault.clone(), |given| fault.at(given.span))
    })?;
    settings.onsend_route_reply = params.switch("onsend_route_reply");
    settings.received_route_mode = params.switch("received_route_mode");
    settings.check_via = params.switch("check_via");
    settings.max_while_loops = limit(params.int("max_while_loops"));
    settings.max_recursive_level = limit(params.int("max_recursive_level"));
    Ok(())
}

/// The type of service: a number, or one of the names of RFC 1349 section 4. Where it is not set, Kamailio's own.
fn tos(params: &Params) -> Result<u8, StartFault> {
    const NAMES: [(&str, u8); 5] = [
        ("IPTOS_LOWDELAY", 0x10),
        ("IPTOS_THROUGHPUT", 0x08),
        ("IPTOS_RELIABILITY", 0x04),
        ("IPTOS_MINCOST", 0x02),
        ("IPTOS_LOWCOST", 0x02),
    ];
    let text = params.text("tos").unwrap_or_default();
    let named = NAMES.iter().find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(&text)).map(|(_, value)| *value);
    named.or_else(|| u8::try_from(parse_int(&text)?).ok()).ok_or_else(|| {
        let fault = StartFault::new("tos is no type of service").help("write a number up to 255, or IPTOS_LOWDELAY");
        params.given("tos").map_or(fault.clone(), |given| fault.at(given.span))
    })
}

fn limit(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

fn port(params: &Params, name: &'static str) -> Result<Option<u16>, StartFault> {
    let Some(given) = params.given(name) else { return Ok(None) };
    let number = match &given.value {
        ParamGivenValue::Int(number) => Some(*number),
        ParamGivenValue::Text(text) => parse_int(text),
    };
    match number.and_then(|number| u16::try_from(number).ok()) {
        Some(0) => Ok(None),
        Some(port) => Ok(Some(port)),
        None => {
            Err(StartFault::new(format!("{name} is no port")).at(given.span).help("a port is a number up to 65535"))
        }
    }
}
