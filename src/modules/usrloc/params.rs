//! Parameters, and what start makes of them.

use super::keepalive::Keepalive;
use super::store::{COLUMNS, Store};
use super::table::Table;
use super::{Ids, Matching, Mode, Rules, SPACE, Usrloc};
use crate::builtin::{Changes, LogLevel, Param, Start, StartFault, State, Unit};
use bytes::Bytes;
use std::time::Duration;

pub(super) static PARAMS: &[Param] = &[
    Param::int(
        &["db_mode"],
        "0",
        Unit::None,
        "Where contacts are kept: 0 in memory, 1 also in the database and written at once, 2 also in the database and written by the clock, 3 in the database only, 4 in memory and loaded from the database once.",
    ),
    Param::text(&["db_url"], "mysql://kamailio:kamailiorw@localhost/kamailio", "The database, when db_mode wants one."),
    Param::int(&["db_load"], "1", Unit::None, "0: the table is not loaded at start."),
    Param::int(&["use_domain"], "0", Unit::None, "1: users are told apart by their domains, too."),
    Param::int(
        &["timer_interval"],
        "60",
        Unit::Seconds,
        "How often contacts that have expired are removed, and with db_mode 2 the database is written.",
    ),
    Param::int(
        &["matching_mode"],
        "0",
        Unit::None,
        "What tells contacts of one user apart: 0 the URI, 1 URI and Call-ID, 2 URI and Path, 3 the Call-ID.",
    ),
    Param::int(
        &["cseq_delay"],
        "20",
        Unit::Seconds,
        "How long a REGISTER with a CSeq that was seen already counts as sent again and not as out of order.",
    ),
    Param::int(
        &["desc_time_order"],
        "0",
        Unit::None,
        "1: the contact that was registered last is tried first; otherwise the one with the highest q.",
    ),
    Param::int(&["nat_bflag"], "-1", Unit::None, "The branch flag of contacts behind NAT."),
    Param::absent(&["preload"], "A table that is there even when no function names it.").repeated(),
    Param::text(&["ruid_column"], "ruid", "The column with the name of the record."),
    Param::text(&["user_column"], "username", "The column with the user."),
    Param::text(&["domain_column"], "domain", "The column with the domain."),
    Param::text(&["contact_column"], "contact", "The column with the URI of the contact."),
    Param::text(&["expires_column"], "expires", "The column with the time at which it expires."),
    Param::text(&["q_column"], "q", "The column with q."),
    Param::text(&["callid_column"], "callid", "The column with the Call-ID."),
    Param::text(&["cseq_column"], "cseq", "The column with CSeq."),
    Param::text(&["flags_column"], "flags", "The column with the module's own flags."),
    Param::text(&["cflags_column"], "cflags", "The column with the branch flags."),
    Param::text(&["user_agent_column"], "user_agent", "The column with the User-Agent."),
    Param::text(&["received_column"], "received", "The column with the URI that the REGISTER came from."),
    Param::text(&["path_column"], "path", "The column with Path."),
    Param::text(&["socket_column"], "socket", "The column with the socket that the REGISTER came in on."),
    Param::text(&["methods_column"], "methods", "The column with the methods, as a bit mask."),
    Param::text(&["instance_column"], "instance", "The column with the instance."),
    Param::text(&["reg_id_column"], "reg_id", "The column with the reg-id."),
    Param::text(&["server_id_column"], "server_id", "The column with the number of the server."),
    Param::text(&["connection_id_column"], "connection_id", "The column with the TCP connection; always -1 here."),
    Param::text(&["keepalive_column"], "keepalive", "The column that says whether a contact is pinged; always 0 here."),
    Param::text(&["partition_column"], "partition", "The column that spreads pings over servers; always 0 here."),
    Param::int(
        &["expires_type"],
        "0",
        Unit::None,
        "How times stand in the database: 0 as a date, 1 as seconds since 1970.",
    ),
    Param::int(
        &["db_timer_clean"],
        "0",
        Unit::None,
        "1: with db_mode 1 and 2 the clock removes from the database what others left there and has expired, too.",
    ),
    Param::int(
        &["db_update_as_insert"],
        "0",
        Unit::None,
        "1: changes are inserted, where the database takes that as a change; here they are changes.",
    )
    .inert(),
    Param::int(
        &["db_insert_update"],
        "0",
        Unit::None,
        "1: an insertion may change a row; a row is found by its name here.",
    )
    .inert(),
    Param::int(&["db_check_update"], "0", Unit::None, "1: a change that finds no row becomes an insertion.")
        .without(Changes::State),
    Param::int(
        &["db_ops_ruid"],
        "1",
        Unit::None,
        "0: rows are found by user and contact; here always by the name of the record.",
    )
    .inert(),
    Param::int(
        &["db_raw_fetch_type"],
        "0",
        Unit::None,
        "How contacts to ping are read from a database that alone has them; here they are not pinged then.",
    )
    .inert(),
    Param::int(&["db_insert_null"], "0", Unit::None, "1: columns without a value are written, too.")
        .without(Changes::State),
    Param::int(
        &["db_clean_tcp"],
        "0",
        Unit::None,
        "1: contacts over TCP are removed at start; here they stay until they expire.",
    )
    .without(Changes::State),
    Param::int(
        &["server_id_filter"],
        "0",
        Unit::None,
        "1: only rows of this server are read, and cleaned up; `server_id` is its number.",
    ),
    Param::int(&["version_table"], "1", Unit::None, "0: the version of the table is not asked for; here it never is.")
        .inert(),
    Param::int(
        &["rm_expired_delay"],
        "0",
        Unit::Seconds,
        "How long a contact stays in the database after it has expired, with db_mode 3.",
    ),
    Param::int(&["fetch_rows"], "2000", Unit::None, "How many rows are read at a time.").inert(),
    Param::int(&["load_rank"], "0", Unit::None, "Which process loads the table.").inert(),
    Param::int(&["hash_size"], "10", Unit::None, "How many slots a table has, as a power of two.").inert(),
    Param::int(&["timer_procs"], "0", Unit::None, "How many processes remove what has expired.").inert(),
    Param::int(
        &["handle_lost_tcp"],
        "0",
        Unit::None,
        "1: a contact expires when the connection that it registered by is lost.",
    ),
    Param::int(
        &["close_expired_tcp"],
        "0",
        Unit::None,
        "1: the connection that a contact registered by is closed when it expires.",
    ),
    Param::int(&["skip_remote_socket"], "0", Unit::None, "1: rows with a socket of another server are not loaded."),
    Param::absent(&["xavp_contact"], "The $xavp that is kept with a contact.").without(Changes::State),
    Param::int(
        &["ka_mode"],
        "0",
        Unit::None,
        "Contacts are pinged, each once in `timer_interval`: 1 all, 2 those with the branch flag `nat_bflag`, 4 those over UDP; 0 none.",
    ),
    Param::text(&["ka_from"], "sip:server@kamailio.org", "The From URI of a ping."),
    Param::text(&["ka_domain"], "kamailio.org", "The domain in To of a ping, where domains do not count."),
    Param::text(&["ka_method"], "OPTIONS", "The method of a ping."),
    Param::int(&["ka_filter"], "0", Unit::None, "1: only contacts that registered with this `server_id` are pinged."),
    Param::int(
        &["ka_interval"],
        "0",
        Unit::Seconds,
        "A contact that has registered or answered within so many seconds is not pinged.",
    ),
    Param::int(&["ka_randomize"], "0", Unit::Seconds, "Up to so many seconds are added to ka_interval by chance."),
    Param::absent(
        &["ka_reply_codes"],
        "Which answers count, by their codes or the first digit of those: 2,405,486; else all.",
    ),
    Param::int(
        &["ka_timeout"],
        "0",
        Unit::Seconds,
        "A contact that has neither registered nor answered for so long is gone ten seconds later; 0 for never.",
    ),
    Param::int(&["ka_loglevel"], "255", Unit::None, "The level at which answers to pings are logged.").inert(),
    Param::text(&["ka_logmsg"], " to-uri: [$tu] remote-addr: [$sas]", "What is logged then.").inert(),
];

pub(super) fn start(start: &mut Start) -> Result<Box<dyn State>, StartFault> {
    let params = start.params;
    let mode = choice(
        start,
        "db_mode",
        &[Mode::Memory, Mode::WriteThrough, Mode::WriteBack, Mode::DatabaseOnly, Mode::ReadOnly],
    )?;
    let kinds = [Matching::Contact, Matching::ContactAndCallId, Matching::ContactAndPath, Matching::CallId];
    let matching = choice(start, "matching_mode", &kinds)?;
    let mut names: Vec<Bytes> = start.slots.names(SPACE).map(Bytes::copy_from_slice).collect();
    let own = names.len();
    for given in params.all("preload") {
        let crate::builtin::ParamGivenValue::Text(name) = &given.value else { continue };
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    debug_assert!(names.len() >= own, "the slots come first");
    let seconds = |name| u64::try_from(params.int(name)).unwrap_or(0);
    let nat_flag = match params.int("nat_bflag") {
        -1 => 0,
        flag @ 0..=31 => 1 << flag,
        flag => {
            let fault = StartFault::new(format!("there is no branch flag {flag}")).help("0 to 31");
            return Err(params.given("nat_bflag").map_or(fault.clone(), |given| fault.at(given.span)));
        }
    };
    let delay = seconds("rm_expired_delay");
    if let Some(given) = params.given("rm_expired_delay").filter(|_| delay > 0 && mode != Mode::DatabaseOnly) {
        return Err(StartFault::new("rm_expired_delay is for db_mode 3").at(given.span).help("leave it out"));
    }
    let cleans = match mode {
        Mode::DatabaseOnly => true,
        Mode::WriteThrough | Mode::WriteBack => params.switch("db_timer_clean"),
        Mode::Memory | Mode::ReadOnly => false,
    };
    let expired = start.events.iter().any(|(name, _)| name == "usrloc:contact-expired");
    if expired && mode == Mode::DatabaseOnly {
        let text = "usrloc: with db_mode 3 the database removes what has expired: event_route[usrloc:contact-expired] does not run";
        start.log.push((LogLevel::Warning, text.to_owned()));
    }
    let store = if mode == Mode::Memory {
        None
    } else {
        Some(Store::open(start, mode, &names, COLUMNS.map(|param| column(start, param)))?)
    };
    Ok(Box::new(Usrloc {
        tables: names.into_iter().map(Table::new).collect(),
        rules: Rules {
            matching,
            cseq_delay: seconds("cseq_delay"),
            newest_first: params.switch("desc_time_order"),
            stores: matches!(mode, Mode::WriteThrough | Mode::WriteBack),
            writes_later: mode == Mode::WriteBack,
        },
        mode,
        use_domain: params.switch("use_domain"),
        nat_flag,
        store,
        cleans_after: cleans.then_some(delay),
        period: Duration::from_secs(seconds("timer_interval").max(1)),
        lost_connections: params.switch("handle_lost_tcp"),
        closes_connections: params.switch("close_expired_tcp"),
        on_expired: start.module_id("registrar").filter(|_| expired),
        keepalive: Keepalive::start(start, mode, nat_flag),
        ids: Ids::default(),
    }))
}

/// What a number chooses from a list.
fn choice<T: Copy>(start: &Start, name: &'static str, all: &[T]) -> Result<T, StartFault> {
    let number = start.params.int(name);
    let chosen = usize::try_from(number).ok().and_then(|at| all.get(at)).copied();
    chosen.ok_or_else(|| {
        let fault = StartFault::new(format!("there is no {name} {number}"))
            .help(format!("0 to {}", all.len().saturating_sub(1)));
        start.params.given(name).map_or(fault.clone(), |given| fault.at(given.span))
    })
}

/// The name of a column; one has no parameter and is called as here.
fn column(start: &Start, param: &'static str) -> String {
    if !PARAMS.iter().any(|row| row.names.contains(&param)) {
        return param.to_owned();
    }
    start.params.text(param).map(|name| String::from_utf8_lossy(&name).into_owned()).unwrap_or_default()
}
