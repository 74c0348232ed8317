//! Parameters, and what start makes of them.

use super::health::Thresholds;
use super::load::Loads;
use super::probe::{Mode, Probing};
use super::set::Sets;
use super::table::{Loaded, Names, Source, Table};
use super::{Dispatcher, marked};
use crate::builtin::{Changes, Extension, LogLevel, Param, Start, StartFault, State, Unit, parse_int};
use crate::modules::place::place;
use crate::sip::Parameters;
use arc_swap::ArcSwap;
use bytes::Bytes;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(super) static PARAMS: &[Param] = &[
    Param::text(
        &["list_file"],
        "/etc/kamailio/dispatcher.list",
        "The file with the destinations, when there is no db_url.",
    ),
    Param::absent(&["db_url"], "The database with the table of destinations."),
    Param::text(&["table_name"], "dispatcher", "The table of destinations."),
    Param::text(&["setid_col"], "setid", "Its column with the set."),
    Param::text(&["destination_col"], "destination", "Its column with the URI."),
    Param::text(
        &["flags_col"],
        "flags",
        "Its column with the state: 1 inactive, 2 trying, 4 disabled, 8 probing, 16 no DNS.",
    ),
    Param::text(&["priority_col"], "priority", "Its column with the priority: the highest comes first."),
    Param::text(&["attrs_col"], "attrs", "Its column with attributes such as weight=50;duid=a."),
    Param::absent(&["ds_db_extra_attrs"], "More columns that become attributes: attribute=column;attribute=column."),
    Param::int(&["ds_load_mode"], "0", Unit::None, "1: one bad destination spoils the whole list."),
    Param::int(&["force_dst"], "1", Unit::None, "0: a selection fails when $du is set already."),
    Param::int(
        &["flags"],
        "0",
        Unit::None,
        "1: URIs are hashed by user alone; 2: failover, the other destinations are kept.",
    ),
    Param::int(
        &["use_default"],
        "0",
        Unit::None,
        "1: the last destination of a set is used only when no other can be.",
    ),
    Param::text(&["xavp_dst"], "_dsdst_", "The $xavp with the destinations selected."),
    Param::int(&["xavp_dst_mode"], "0", Unit::None, "1 leaves the attributes out, 4 adds the socket, 8 its name."),
    Param::text(&["xavp_ctx"], "_dsctx_", "The $xavp with the count of destinations selected."),
    Param::int(&["xavp_ctx_mode"], "0", Unit::None, "1 leaves the count out."),
    Param::absent(&["hash_pvar"], "What algorithm 7 hashes, a text with variables.").template(),
    Param::absent(&["setid_pvname"], "The $avp or $var that ds_is_from_list sets to the set it found."),
    Param::absent(&["attrs_pvname"], "The $avp or $var that ds_is_from_list sets to the attributes it found."),
    Param::int(&["ds_probing_threshold"], "1", Unit::None, "Failures in a row until a destination is inactive."),
    Param::int(&["ds_inactive_threshold"], "1", Unit::None, "Answers in a row until it is active again."),
    Param::text(&["ds_ping_method"], "OPTIONS", "The method of pings."),
    Param::text(&["ds_ping_from"], "sip:dispatcher@localhost", "The From URI of pings."),
    Param::int(&["ds_ping_interval"], "0", Unit::Seconds, "How often destinations are pinged; 0 for never."),
    Param::int(
        &["ds_ping_fr_timeout"],
        "0",
        Unit::Milliseconds,
        "How long a ping waits; here as long as any transaction.",
    )
    .inert(),
    Param::int(
        &["ds_ping_fr_timer"],
        "0",
        Unit::Milliseconds,
        "How long a ping waits; here as long as any transaction.",
    )
    .inert(),
    Param::int(&["ds_ping_latency_stats"], "0", Unit::None, "1: the time until the answer to a ping is measured."),
    Param::int(&["ds_retain_latency_stats"], "0", Unit::None, "1: what was measured outlives a reload."),
    Param::int(
        &["ds_latency_estimator_alpha"],
        "900",
        Unit::None,
        "How much of the estimate stays with each sample, in thousandths.",
    ),
    Param::absent(&["ds_ping_reply_codes"], "Codes that are as good as 2xx: code=404;class=5."),
    Param::int(
        &["ds_probing_mode"],
        "0",
        Unit::None,
        "0 pings those with the probing flag, 1 all, 2 the inactive with the flag, 3 those with the flag for ever.",
    ),
    Param::int(&["ds_hash_size"], "0", Unit::None, "Above 0: calls are counted for algorithm 10."),
    Param::int(&["ds_hash_expire"], "7200", Unit::Seconds, "How long a call is counted at most."),
    Param::int(&["ds_hash_initexpire"], "7200", Unit::Seconds, "How long a call that was never answered is counted."),
    Param::int(&["ds_hash_check_interval"], "30", Unit::Seconds, "How often calls that lasted too long are forgotten."),
    Param::absent(&["outbound_proxy"], "The next hop of pings."),
    Param::absent(&["ds_default_socket"], "The socket to send from when a destination names none: udp:host:port."),
    Param::absent(&["ds_default_sockname"], "The same by name."),
    Param::absent(&["ds_ping_socket"], "The socket of pings; here that of the destination.").without(Changes::Wire),
    Param::int(&["ds_timer_mode"], "0", Unit::None, "Which timer process pings; here there is one clock.").inert(),
    Param::absent(&["event_callback"], "A function of another language; event routes are run here.")
        .without(Changes::Wire),
    Param::int(&["event_callback_mode"], "0", Unit::None, "When that function is called.").inert(),
    Param::int(&["ds_attrs_none"], "0", Unit::None, "1: a destination without attributes has none=yes."),
    Param::int(&["reload_delta"], "5", Unit::Seconds, "How often reloads may come; here whenever asked.").inert(),
    Param::int(
        &["ds_dns_mode"],
        "1",
        Unit::None,
        "The sum of 1 or 4, to look host names up when destinations are read and leave those out that have no address, and 8, to do so only where a port is given, for SRV records are not asked for. 0 looks nothing up. 2 and a timer of its own, for 4, are not there.",
    ),
    Param::int(&["ds_dns_interval"], "600", Unit::Seconds, "How often they are resolved; here on a reload.").inert(),
    Param::int(&["ds_dns_ttl"], "0", Unit::Seconds, "How long that is valid.").inert(),
    Param::int(&["ds_dns_match_all"], "0", Unit::None, "Whether all addresses of a host match.").inert(),
];

/// Reads the parameters and the destinations.
pub(super) fn start(start: &mut Start) -> Result<Box<dyn State>, StartFault> {
    let params = start.params;
    let text = |name| params.text(name).map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default();
    let seconds = |name| Duration::from_secs(u64::try_from(params.int(name)).unwrap_or(0));
    let count = |name| u32::try_from(params.int(name)).unwrap_or(0).max(1);
    let optional = |name| params.text(name).filter(|text| !text.is_empty());

    let source = source(start)?;
    let probing = Probing {
        mode: mode(start)?,
        interval: seconds("ds_ping_interval"),
        method: Bytes::from(text("ds_ping_method")),
        from: Bytes::from(text("ds_ping_from")),
        proxy: optional("outbound_proxy"),
        good: reply_codes(start)?,
        latency: params.switch("ds_ping_latency_stats"),
        alpha: match params.int("ds_latency_estimator_alpha") {
            alpha @ 1..=999 => alpha as f64 / 1000.0,
            _ => 0.9,
        },
        waiting: Mutex::default(),
    };
    // Without a table Kamailio counts nothing and sends every call to the first; the documents expect an even spread.
    let counts = params.int("ds_hash_size") > 0 || start.extensions.allows(Extension::CallLoadByDefault);
    if let Some((_, place)) = start.events.iter().find(|(name, _)| super::MODULE.events.contains(&name.as_str())) {
        start.used.push((Extension::EventDestination, *place));
    }
    let loads = counts.then(|| Loads::new(seconds("ds_hash_expire"), seconds("ds_hash_initexpire")));
    let hash_of = params.template("hash_pvar")?.filter(|_| optional("hash_pvar").is_some());
    let load_all = params.switch("ds_load_mode");
    let names = Names::of_mode(params.int("ds_dns_mode"));
    let mark_plain = params.switch("ds_attrs_none");
    let loaded = match &mut start.world {
        Some(world) => source.load(&mut **world, names, load_all).map_err(|fault| {
            match params.given("db_url").or(params.given("list_file")) {
                Some(given) if fault.span.is_none() => fault.at(given.span),
                _ => fault,
            }
        })?,
        None => Loaded::default(),
    };
    if let (Some(extension), Some(given)) = (loaded.relies_on, params.given("db_url")) {
        start.used.push((extension, given.span));
    }
    start.log.extend(loaded.log);
    let flags = params.int("flags");
    Ok(Box::new(Dispatcher {
        sets: ArcSwap::from(Arc::new(Sets::new(marked(loaded.destinations, mark_plain)))),
        source,
        names,
        load_all,
        mark_plain,
        keep_latency: params.switch("ds_retain_latency_stats"),
        user_only: flags & 1 != 0,
        failover: flags & 2 != 0,
        use_default: params.switch("use_default"),
        force: params.switch("force_dst"),
        xavp_dst: Bytes::from(text("xavp_dst")),
        xavp_mode: params.int("xavp_dst_mode"),
        xavp_ctx: Bytes::from(text("xavp_ctx")),
        xavp_ctx_mode: params.int("xavp_ctx_mode"),
        socket: optional("ds_default_socket"),
        socket_name: optional("ds_default_sockname"),
        hash_of,
        found_set: place(start, "setid_pvname")?,
        found_attributes: place(start, "attrs_pvname")?,
        thresholds: Thresholds { failures: count("ds_probing_threshold"), successes: count("ds_inactive_threshold") },
        probing,
        loads,
        check_loads: seconds("ds_hash_check_interval").max(Duration::from_secs(1)),
        loads_checked: AtomicU64::new(0),
        notes: Mutex::default(),
    }))
}

fn source(start: &mut Start) -> Result<Source, StartFault> {
    let params = start.params;
    let text = |name| params.text(name).map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default();
    let Some(given) = params.given("db_url").filter(|_| !text("db_url").is_empty()) else {
        return Ok(Source::File(text("list_file")));
    };
    let url = text("db_url");
    start.rely_on_url(&url, given.span);
    let names = ["table_name", "setid_col", "destination_col", "flags_col", "priority_col", "attrs_col"];
    for name in names {
        let value = text(name);
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.".contains(&byte);
        if value.is_empty() || !value.bytes().all(plain) {
            let fault = StartFault::new(format!("{value} is no name of a table or column"));
            return Err(params.given(name).map_or(fault.clone(), |given| fault.at(given.span)));
        }
    }
    let mut extra = Vec::new();
    if let Some(given) = params.given("ds_db_extra_attrs") {
        for pair in text("ds_db_extra_attrs").split(';').filter(|pair| !pair.trim().is_empty()) {
            let Some((attribute, column)) = pair.split_once('=').filter(|(_, column)| !column.trim().is_empty()) else {
                return Err(StartFault::new(format!("{pair} names no column"))
                    .at(given.span)
                    .help("write attribute=column;attribute=column"));
            };
            extra.push((attribute.trim().to_owned(), column.trim().to_owned()));
        }
    }
    let columns = ["setid_col", "destination_col", "flags_col", "priority_col", "attrs_col"].map(text);
    Ok(Source::Table(Table { url, name: text("table_name"), columns, extra, extensions: start.extensions }))
}

fn mode(start: &mut Start) -> Result<Mode, StartFault> {
    let params = start.params;
    match params.given("ds_probing_mode") {
        Some(given) => match params.int("ds_probing_mode") {
            0 => Ok(Mode::Flagged),
            1 => Ok(Mode::All),
            2 => Ok(Mode::Inactive),
            3 => Ok(Mode::AlwaysFlagged),
            other => Err(StartFault::new(format!("there is no ds_probing_mode {other}")).at(given.span).help("0 to 3")),
        },
        None => match params.given("ds_ping_interval").filter(|_| params.int("ds_ping_interval") > 0) {
            Some(given) => {
                start.used.push((Extension::ProbingByInterval, given.span));
                let allowed = start.extensions.allows(Extension::ProbingByInterval);
                Ok(if allowed { Mode::All } else { Mode::Flagged })
            }
            None => Ok(Mode::Flagged),
        },
    }
}

// `code=404;class=5`, or under an extension bare codes.
fn reply_codes(start: &mut Start) -> Result<Vec<(u16, u16)>, StartFault> {
    let Some(given) = start.params.given("ds_ping_reply_codes") else { return Ok(Vec::new()) };
    let text = start.params.text("ds_ping_reply_codes").unwrap_or_default();
    let list: Vec<u8> = text.iter().map(|byte| if *byte == b',' { b';' } else { *byte }).collect();
    let mut good = Vec::new();
    for parameter in Parameters::new(&list) {
        let number = |value: &[u8]| parse_int(value).and_then(|number| u16::try_from(number).ok());
        let name = parameter.name.to_ascii_lowercase();
        let range = match (name.as_slice(), parameter.value.and_then(number)) {
            (b"code", Some(code @ 100..=699)) => Some((code, code)),
            (b"class", Some(class @ 1..=6)) => Some((class * 100, class * 100 + 99)),
            (b"code" | b"class", _) => None,
            (bare, None) => {
                let code = number(bare).filter(|code| (100..700).contains(code));
                if code.is_some() {
                    start.used.push((Extension::BareReplyCodes, given.span));
                }
                code.filter(|_| start.extensions.allows(Extension::BareReplyCodes)).map(|code| (code, code))
            }
            _ => None,
        };
        match range {
            Some(range) => good.push(range),
            None => {
                let shown = String::from_utf8_lossy(parameter.name).into_owned();
                start.log.push((LogLevel::Warning, format!("dispatcher: ds_ping_reply_codes: {shown} is ignored")));
            }
        }
    }
    Ok(good)
}
