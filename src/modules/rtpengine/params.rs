//! Parameters, and what start makes of them.

use super::nodes::{Calls, Node, Set, Sets, read_list, set_of};
use super::{ExtraId, RtpEngine};
use crate::builtin::{
    Changes, Extensions, LogLevel, Param, ParamGivenValue, QueryFault, Start, StartFault, State, Unit, World,
};
use crate::modules::place::place;
use arc_swap::ArcSwap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(super) static PARAMS: &[Param] = &[
    Param::absent(
        &["rtpengine_sock"],
        "Rtpengines of a set, parted by blanks: `udp:host:port`, with `=weight` behind it where they differ; `2 == udp:...` for set 2.",
    )
    .repeated(),
    Param::int(&["rtpengine_disable_tout"], "60", Unit::Seconds, "How long one that does not answer is left alone."),
    Param::int(
        &["aggressive_redetection"],
        "1",
        Unit::None,
        "1: when none is left, all are tried again before a command fails.",
    ),
    Param::int(&["rtpengine_tout_ms"], "1000", Unit::Milliseconds, "How long an answer is waited for."),
    Param::int(&["rtpengine_retr"], "5", Unit::None, "How often a command is sent."),
    Param::int(&["queried_nodes_limit"], "30", Unit::None, "How many rtpengines are asked about one message."),
    Param::int(
        &["rtpengine_allow_op"],
        "0",
        Unit::None,
        "Commands about a call that an rtpengine has go to it although it is disabled: 1 always, 2 when the table disables it.",
    ),
    Param::int(&["control_cmd_tos"], "-1", Unit::None, "The type of service of commands; here that of the system.").without(Changes::Wire),
    Param::absent(&["db_url"], "The database with the table of rtpengines; rtpengine_sock does not count then."),
    Param::text(&["table_name"], "rtpengine", "The table of rtpengines."),
    Param::text(&["setid_col"], "setid", "Its column with the set."),
    Param::text(&["url_col"], "url", "Its column with the address: `udp:host:port`."),
    Param::text(&["weight_col"], "weight", "Its column with the weight."),
    Param::text(&["disabled_col"], "disabled", "Its column that is 1 for one that is never asked."),
    Param::absent(&["extra_id_pv"], "The $avp or $var, or $ci, that via-branch=extra tells branches apart by."),
    Param::absent(&["setid_avp"], "The $avp with the number of the set to ask."),
    Param::int(&["setid_default"], "0", Unit::None, "The set that is asked when no other is chosen."),
    Param::absent(&["force_send_interface"], "Our address towards rtpengine."),
    Param::absent(&["rtp_inst_pvar"], "The $avp or $var that is set to the URL of the one that answered."),
    Param::absent(&["write_sdp_pv"], "The $avp or $var that gets the new SDP; the message stays as it is."),
    Param::absent(&["read_sdp_pv"], "The $avp or $var with the SDP to send in place of that of the message."),
    Param::absent(&["media_duration"], "The $avp or $var that play_media sets to the length of the file in milliseconds."),
    Param::int(&["hash_table_tout"], "3600", Unit::Seconds, "How long it is remembered which rtpengine has a call."),
    Param::int(&["hash_table_size"], "256", Unit::None, "The slots of that memory.").inert(),
    Param::int(&["hash_algo"], "0", Unit::None, "How a call finds its rtpengine; here always by the sum of its Call-ID.").without(Changes::Wire),
    Param::absent(&["wsapi"], "The module for rtpengines that speak WebSocket, which are not served.").without(Changes::Reachability),
    Param::int(&["ping_mode"], "1", Unit::None, "1: all are pinged at start, and one that does not answer is disabled."),
    Param::int(
        &["ping_interval"],
        "0",
        Unit::Seconds,
        "How often all are pinged; 0: only one that is disabled, once `rtpengine_disable_tout` has passed and it is wanted.",
    ),
    Param::absent(&["dtmf_events_sock"], "Where rtpengine tells of DTMF events.").without(Changes::Wire),
    Param::absent(&["dtmf_event_callid"], "Gets the Call-ID of a DTMF event.").inert(),
    Param::absent(&["dtmf_event_source_tag"], "Gets its tag.").inert(),
    Param::absent(&["dtmf_event_timestamp"], "Gets its time.").inert(),
    Param::absent(&["dtmf_event"], "Gets its digit.").inert(),
    quality(&["mos_min_pv"]),
    quality(&["mos_min_at_pv"]),
    quality(&["mos_min_packetloss_pv"]),
    quality(&["mos_min_jitter_pv"]),
    quality(&["mos_min_roundtrip_pv"]),
    quality(&["mos_min_roundtrip_leg_pv"]),
    quality(&["mos_max_pv"]),
    quality(&["mos_max_at_pv"]),
    quality(&["mos_max_packetloss_pv"]),
    quality(&["mos_max_jitter_pv"]),
    quality(&["mos_max_roundtrip_pv"]),
    quality(&["mos_max_roundtrip_leg_pv"]),
    quality(&["mos_average_pv"]),
    quality(&["mos_average_packetloss_pv"]),
    quality(&["mos_average_jitter_pv"]),
    quality(&["mos_average_roundtrip_pv"]),
    quality(&["mos_average_roundtrip_leg_pv"]),
    quality(&["mos_average_samples_pv"]),
    quality(&["mos_A_label_pv"]),
    quality(&["mos_min_A_pv"]),
    quality(&["mos_min_at_A_pv"]),
    quality(&["mos_min_packetloss_A_pv"]),
    quality(&["mos_min_jitter_A_pv"]),
    quality(&["mos_min_roundtrip_A_pv"]),
    quality(&["mos_min_roundtrip_leg_A_pv"]),
    quality(&["mos_max_A_pv"]),
    quality(&["mos_max_at_A_pv"]),
    quality(&["mos_max_packetloss_A_pv"]),
    quality(&["mos_max_jitter_A_pv"]),
    quality(&["mos_max_roundtrip_A_pv"]),
    quality(&["mos_max_roundtrip_leg_A_pv"]),
    quality(&["mos_average_A_pv"]),
    quality(&["mos_average_packetloss_A_pv"]),
    quality(&["mos_average_jitter_A_pv"]),
    quality(&["mos_average_roundtrip_A_pv"]),
    quality(&["mos_average_roundtrip_leg_A_pv"]),
    quality(&["mos_average_samples_A_pv"]),
    quality(&["mos_B_label_pv"]),
    quality(&["mos_min_B_pv"]),
    quality(&["mos_min_at_B_pv"]),
    quality(&["mos_min_packetloss_B_pv"]),
    quality(&["mos_min_jitter_B_pv"]),
    quality(&["mos_min_roundtrip_B_pv"]),
    quality(&["mos_min_roundtrip_leg_B_pv"]),
    quality(&["mos_max_B_pv"]),
    quality(&["mos_max_at_B_pv"]),
    quality(&["mos_max_packetloss_B_pv"]),
    quality(&["mos_max_jitter_B_pv"]),
    quality(&["mos_max_roundtrip_B_pv"]),
    quality(&["mos_max_roundtrip_leg_B_pv"]),
    quality(&["mos_average_B_pv"]),
    quality(&["mos_average_packetloss_B_pv"]),
    quality(&["mos_average_jitter_B_pv"]),
    quality(&["mos_average_roundtrip_B_pv"]),
    quality(&["mos_average_roundtrip_leg_B_pv"]),
    quality(&["mos_average_samples_B_pv"]),
];

/// A variable that Kamailio sets to what rtpengine measured: quality by MOS, lowest, highest and on average, of a side or of both.
const fn quality(name: &'static [&'static str]) -> Param {
    Param::absent(name, "Gets what rtpengine measured of a call that is deleted or queried; here nothing.").inert()
}

/// The names in the database.
#[derive(Debug)]
pub(super) struct Table {
    url: String,
    name: String,
    /// Set, URL, weight, whether it is disabled.
    columns: [String; 4],
    from: Option<IpAddr>,
    extensions: Extensions,
}

/// Reads the parameters, and the table when there is one.
pub(super) fn start(start: &mut Start) -> Result<Box<dyn State>, StartFault> {
    let params = start.params;
    let number = |name, least: i64| params.int(name).clamp(least, i64::from(u32::MAX)) as u64;
    let from = match params.given("force_send_interface") {
        Some(given) => {
            let text = params.text("force_send_interface").unwrap_or_default();
            let fault = || StartFault::new("force_send_interface is no address").at(given.span);
            Some(crate::sip::parse_ip(&text).ok_or_else(fault)?)
        }
        None => None,
    };
    let default_set = number("setid_default", 0) as u32;
    let table = table(start, from)?;
    let sets = match (&table, &mut start.world) {
        (None, _) => sockets(start, default_set, from)?,
        (Some(table), Some(world)) => {
            let at = |fault: StartFault| params.given("db_url").map_or(fault.clone(), |given| fault.at(given.span));
            let (sets, warnings) = table.load(&mut **world).map_err(at)?;
            start.log.extend(warnings.into_iter().map(|text| (LogLevel::Warning, text)));
            sets
        }
        (Some(_), None) => Sets::default(),
    };
    // Where a table may grow there may be a choice later.
    let choice = sets.count() > 1 || table.is_some();
    let calls = choice.then(|| Calls::new(Duration::from_secs(number("hash_table_tout", 0))));
    Ok(Box::new(RtpEngine {
        sets: ArcSwap::from(Arc::new(sets)),
        table,
        default_set,
        pings_at_start: params.switch("ping_mode"),
        ping_interval: Some(number("ping_interval", 0)).filter(|seconds| *seconds > 0).map(Duration::from_secs),
        pinged: Mutex::default(),
        patience: Duration::from_millis(number("rtpengine_tout_ms", 1)),
        tries: number("rtpengine_retr", 0).min(100) as u32,
        rest: Duration::from_secs(number("rtpengine_disable_tout", 0)),
        most_asked: number("queried_nodes_limit", 1).min(30) as usize,
        revives: params.switch("aggressive_redetection"),
        allow_op: params.int("rtpengine_allow_op"),
        calls,
        set_of: place(start, "setid_avp")?,
        extra_id: match params.text("extra_id_pv") {
            Some(text) if text == "$ci" => Some(ExtraId::CallId),
            _ => place(start, "extra_id_pv")?.map(ExtraId::Place),
        },
        instance: place(start, "rtp_inst_pvar")?,
        read_sdp: place(start, "read_sdp_pv")?,
        write_sdp: place(start, "write_sdp_pv")?,
        duration: place(start, "media_duration")?,
    }))
}

fn sockets(start: &mut Start, default_set: u32, from: Option<IpAddr>) -> Result<Sets, StartFault> {
    let mut sets = Vec::new();
    for given in start.params.all("rtpengine_sock") {
        let ParamGivenValue::Text(text) = &given.value else { continue };
        if text.trim_ascii().is_empty() {
            continue;
        }
        let warn = |text| start.log.push((LogLevel::Warning, format!("rtpengine_sock: {text}")));
        read_list(text, default_set, from, &mut sets, warn).map_err(|why| {
            let shown = String::from_utf8_lossy(text);
            let fault = StartFault::new(format!("rtpengine_sock \"{shown}\": {why}"));
            fault.at(given.span).help("write udp:10.0.0.5:2223, or 2 == udp:10.0.0.5:2223 for set 2")
        })?;
    }
    Ok(Sets(sets.into_iter().map(Arc::new).collect()))
}

fn table(start: &mut Start, from: Option<IpAddr>) -> Result<Option<Table>, StartFault> {
    let params = start.params;
    let text = |name| params.text(name).map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default();
    let url = text("db_url");
    let Some(given) = params.given("db_url").filter(|_| !url.is_empty()) else { return Ok(None) };
    start.rely_on_url(&url, given.span);
    for name in ["table_name", "setid_col", "url_col", "weight_col", "disabled_col"] {
        let value = text(name);
        if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(&byte)) {
            let fault = StartFault::new(format!("{value} is no name of a table or column"));
            return Err(params.given(name).map_or(fault.clone(), |given| fault.at(given.span)));
        }
    }
    let columns = ["setid_col", "url_col", "weight_col", "disabled_col"].map(text);
    Ok(Some(Table { url, name: text("table_name"), columns, from, extensions: start.extensions }))
}

impl Table {
    /// Reads the table, and says what of it cannot be used.
    pub(super) fn load(&self, world: &mut dyn World) -> Result<(Sets, Vec<String>), StartFault> {
        let (url, name) = (&self.url, &self.name);
        let unreadable =
            |fault: QueryFault| StartFault::new(format!("the table {name} of {url} cannot be read: {fault}"));
        let connection = world.connect(url, self.extensions).map_err(unreadable)?.id;
        let statement = format!("SELECT {} FROM {name}", self.columns.join(", "));
        let rows = world.query(connection, &statement).map_err(unreadable)?;
        let (mut sets, mut warnings): (Vec<Set>, _) = (Vec::new(), Vec::new());
        for row in 0..rows.len() {
            let cell = |column| rows.cell(row, column).cloned().unwrap_or_default();
            let number = |column| u32::try_from(cell(column).to_int()).unwrap_or(0);
            let url = cell(1).to_text();
            match Node::new(url.trim_ascii(), number(2), number(3) != 0, self.from) {
                Ok(node) => set_of(&mut sets, number(0)).add(node),
                Err(why) => warnings.push(format!("rtpengine: {} is left out: {why}", String::from_utf8_lossy(&url))),
            }
        }
        Ok((Sets(sets.into_iter().map(Arc::new).collect()), warnings))
    }
}
