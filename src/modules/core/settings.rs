//! The global settings of the core that count here, and what they do to [`Settings`].

use crate::builtin::{
    ConnectionSettings, Param, ParamGivenValue, ParamKind, Params, Settings, Start, StartFault, State, Unit, parse_int,
};
use bytes::Bytes;
use std::time::Duration;

/// Settings with an effect.
pub(super) const ROWS: &[Param] = &[
    Param::int(&["debug"], "0", Unit::None, "The highest level of log lines that are seen: -5 (alerts) to 3 (debug)."),
    Param {
        names: &["listen"],
        kind: ParamKind::Addresses,
        default: None,
        unit: Unit::None,
        repeat: true,
        inert: false,
        doc: "An address, host name or interface to listen on, with protocol and port, and what to advertise in its place.",
    },
    Param {
        names: &["alias", "domain"],
        kind: ParamKind::Addresses,
        default: None,
        unit: Unit::None,
        repeat: true,
        inert: false,
        doc: "A host, with or without a port, that is this server beside the addresses it listens on.",
    },
    any(&["advertised_address"], "The host that Via and Record-Route name instead of the socket's own address."),
    Param::int(
        &["advertised_port"],
        "0",
        Unit::None,
        "The port that goes with advertised_address; 0 for the socket's own.",
    )
    .unsigned(),
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
        &["max_branches"],
        "12",
        Unit::None,
        "How many branches a request has at most, those of a failure_route included.",
    )
    .unsigned(),
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
    Param::int(&["received_route_mode"], "0", Unit::None, "Whether event_route[core:msg-received] runs."),
    Param::int(
        &["children"],
        "8",
        Unit::None,
        "Kamailio's receiving processes; how many workers alanui has is chosen with --workers.",
    )
    .unsigned()
    .inert(),
];

const fn any(names: &'static [&'static str], doc: &'static str) -> Param {
    Param { names, kind: ParamKind::Any, default: None, unit: Unit::None, repeat: false, inert: false, doc }
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
    }
}

fn apply(params: &Params, settings: &mut Settings) -> Result<(), StartFault> {
    if params.given("debug").is_some() {
        settings.debug = params.int("debug").clamp(-5, 3) as i8;
    }
    settings.tcp = !params.switch("disable_tcp");
    settings.connections = connections(params);
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
    settings.onsend_route_reply = params.switch("onsend_route_reply");
    settings.received_route_mode = params.switch("received_route_mode");
    settings.check_via = params.switch("check_via");
    settings.max_branches = u16::try_from(params.int("max_branches")).unwrap_or(settings.max_branches);
    settings.max_while_loops = limit(params.int("max_while_loops"));
    settings.max_recursive_level = limit(params.int("max_recursive_level"));
    Ok(())
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
