//! A file, or part of one, in the dialect of OpenSIPS.

use crate::config::ast::Item;
use crate::lint::{Findings, Rule, Severity, Subject};
use crate::source::Span;

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "dialect-opensips",
    severity: Severity::Portability,
    finds: "Names that OpenSIPS has and Kamailio has not: fr_timeout, socket=udp:..., $T_fr_timeout, async(...).",
    why: "Both servers come from one and have grown apart. A part copied from the other one is refused, or means something else: OpenSIPS counts the \
          timers of tm in seconds, Kamailio in milliseconds.",
    instead: "Write it in Kamailio's words; the message gives them.",
    reference: "https://opensips.org/docs/modules/devel/tm.html",
    check,
};

/// Modules of OpenSIPS.
static MODULES: &[(&str, &str)] = &[
    ("proto_udp", "nothing: UDP is built in"),
    ("proto_tcp", "nothing: TCP is built in"),
    ("proto_tls", "tls"),
    ("proto_ws", "websocket"),
    ("proto_wss", "websocket"),
    ("proto_hep", "siptrace"),
    ("proto_bin", "dmq"),
    ("signaling", "sl"),
    ("sipmsgops", "textops"),
    ("mi_http", "jsonrpcs with xhttp"),
    ("httpd", "xhttp"),
    ("clusterer", "dmq"),
    ("cachedb_local", "htable"),
    ("cachedb_redis", "ndb_redis"),
    ("cachedb_sql", "htable with dbtable"),
    ("b2b_entities", "nothing of the kind"),
    ("b2b_logic", "nothing of the kind"),
    ("mid_registrar", "registrar"),
    ("rest_client", "http_client"),
    ("event_rabbitmq", "rabbitmq"),
    ("load_balancer", "dispatcher with algorithm 10"),
    ("topology_hiding", "topoh or topos"),
    ("fraud_detection", "htable and pipelimit"),
    ("tls_mgm", "tls"),
    ("options", "siputils"),
    ("tracer", "siptrace"),
];

/// Parameters, by module.
static PARAMS: &[(&str, &str, &str)] = &[
    ("tm", "fr_timeout", "fr_timer, in milliseconds"),
    ("tm", "fr_inv_timeout", "fr_inv_timer, in milliseconds"),
    ("tm", "T1_timer", "retr_timer1"),
    ("tm", "T2_timer", "retr_timer2"),
    ("tm", "onreply_avp_mode", "nothing"),
    ("tm", "auto_100trying", "auto_inv_100"),
    ("usrloc", "working_mode_preset", "db_mode"),
    ("usrloc", "cluster_mode", "dmq_usrloc"),
    ("registrar", "tcp_persistent_flag", "tcp_connection_lifetime of the core"),
    ("dispatcher", "persistent_state", "nothing"),
];

/// Settings of the core.
static SETTINGS: &[(&str, &str)] = &[
    ("log_level", "debug"),
    ("xlog_level", "modparam(\"xlog\", ...)"),
    ("log_stdout", "log_stderror"),
    ("stderror_enabled", "log_stderror"),
    ("syslog_enabled", "log_stderror"),
    ("udp_workers", "children"),
    ("tcp_workers", "tcp_children"),
    ("db_default_url", "the db_url of each module"),
    ("auto_scaling_profile", "nothing"),
];

/// Functions.
static FUNCTIONS: &[(&str, &str)] = &[
    ("has_body_part", "has_body()"),
    ("async", "the functions of async"),
    ("launch", "the functions of async"),
    ("cache_store", "$sht(...) of htable"),
    ("cache_fetch", "$sht(...) of htable"),
    ("cache_remove", "$sht(...) of htable"),
    ("lb_start", "ds_select_dst with algorithm 10"),
    ("load_balance", "ds_select_dst with algorithm 10"),
    ("topology_hiding", "the module topos"),
    ("create_dialog", "dlg_manage"),
    ("match_dialog", "dlg_manage"),
    ("validate_dialog", "dlg_manage"),
    ("trace", "sip_trace"),
    ("rest_get", "http_client_query()"),
    ("rest_post", "http_client_query()"),
    ("t_inject_branches", "append_branch()"),
];

/// Variables.
static VARIABLES: &[(&str, &str)] = &[
    ("T_fr_timeout", "t_set_fr(...)"),
    ("T_fr_inv_timeout", "t_set_fr(...)"),
    ("socket_in", "$Ri and $Rp"),
    ("socket_out", "$fs"),
    ("json", "$jsonrpl(...) or the module jansson"),
];

fn check(subject: &Subject, findings: &mut Findings) {
    let mut found: Vec<(Span, String, &str)> = Vec::new();
    for (name, span) in subject.modules() {
        if let Some((_, instead)) = MODULES.iter().find(|(its, _)| its == name)
            && crate::catalogue::module(name).is_none()
        {
            found.push((*span, format!("the module {name}"), instead));
        }
    }
    for item in &subject.config.tree.items {
        match item {
            Item::ModParam(modparam) => {
                let row = PARAMS.iter().find(|(module, name, _)| {
                    *modparam.modules.value == *module.as_bytes() && *modparam.name.value == *name.as_bytes()
                });
                if let Some((module, name, instead)) = row {
                    found.push((modparam.name.span, format!("{name} of {module}"), instead));
                }
            }
            Item::Setting(setting) => {
                let name = setting.name.text.as_str();
                let has = crate::catalogue::module("core")
                    .is_some_and(|core| core.since(crate::catalogue::Kind::Parameter, name).is_some());
                if let Some((_, instead)) = SETTINGS.iter().find(|(its, _)| *its == name).filter(|_| !has) {
                    found.push((setting.name.span, format!("the setting {name}"), instead));
                } else if name == "socket"
                    && !matches!(setting.values.first(), Some(crate::config::ast::SettingValue::Int(..)))
                {
                    found.push((setting.name.span, "socket=...".to_owned(), "listen"));
                }
            }
            _ => {}
        }
    }
    let script = subject.script();
    let has = |kind, name: &str| crate::catalogue::owners(kind, name).next().is_some();
    for at in &script.calls {
        let name = at.call.name.text.as_str();
        if let Some((_, instead)) = FUNCTIONS.iter().find(|(its, _)| *its == name)
            && !has(crate::catalogue::Kind::Function, name)
        {
            found.push((at.call.name.span, format!("{name}()"), instead));
        }
    }
    for mention in &script.mentions {
        let name = mention.written.name;
        if let Some((_, instead)) = VARIABLES.iter().find(|(its, _)| *its == name)
            && !has(crate::catalogue::Kind::Variable, name)
        {
            found.push((subject.place_of(mention), format!("${name}"), instead));
        }
    }
    found.sort_by_key(|(span, ..)| *span);
    let Some((first, what, instead)) = found.first() else { return };
    let diagnostic = findings.add(format!("{what} is of OpenSIPS"), *first);
    for (span, what, instead) in found.iter().skip(1).take(5) {
        diagnostic.add_label(*span, format!("{what}: here {instead}"));
    }
    if found.len() > 6 {
        diagnostic.add_note(format!("and {} more", found.len() - 6));
    }
    diagnostic
        .add_note("OpenSIPS counts the timers of tm in seconds, Kamailio in milliseconds")
        .add_help(format!("in Kamailio it is {instead}"));
}
