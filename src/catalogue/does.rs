//! What functions of Kamailio do that are not built in; the others say it on their rows.

use crate::builtin::{Does, Means, Whom};

/// What a function does that is not built in, by its name.
pub fn does(name: &str) -> &'static [Does] {
    match name {
        "t_relay_to_avp" => &[Does::Relay, Does::MakeTransaction],
        "forward_uac" | "forward_uac_uri" => &[Does::Relay],
        "t_reply_callid" | "auth_challenge" | "www_challenge" | "proxy_challenge" | "handle_publish"
        | "handle_subscribe" => &[Does::Reply],
        "next_gw"
        | "load_gws"
        | "cr_route"
        | "cr_next_domain"
        | "do_routing"
        | "use_next_gw"
        | "sd_lookup"
        | "i_enum_query"
        | "lookup_domain"
        | "uac_redirect"
        | "t_load_contacts"
        | "t_next_contacts"
        | "pcscf_follows_service_routes"
        | "prefix2domain"
        | "pdt_lookup"
        | "prefix_route"
        | "lb_start"
        | "I_scscf_select"
        | "assign_server_unreg"
        | "dsp_select"
        | "km_cr_route" => &[Does::Choose],
        "alias_db_lookup" => &[Does::Choose, Does::Wait(Whom::Other)],
        "enum_query" | "enum_pv_query" => &[Does::Choose, Does::Wait(Whom::Names)],
        "auth_check" | "proxy_authorize" | "www_authorize" | "radius_www_authorize" => {
            &[Does::Authenticate, Does::Wait(Whom::Other)]
        }
        "pv_auth_check"
        | "pv_www_authorize"
        | "pv_proxy_authorize"
        | "www_authenticate"
        | "proxy_authenticate"
        | "pv_www_authenticate"
        | "pv_proxy_authenticate"
        | "auth_get_www_authenticate"
        | "radius_proxy_authorize"
        | "ims_www_authenticate"
        | "ims_proxy_authenticate"
        | "diameter_www_authorize"
        | "diameter_proxy_authorize"
        | "arnacon_authenticate"
        | "web3_www_authenticate"
        | "web3_proxy_authenticate"
        | "auth_xkeys_check"
        | "jwt_verify"
        | "stirshaken_check_identity"
        | "stirshaken_check_identity_with_cert"
        | "stirshaken_check_identity_with_key"
        | "secsipid_check_identity"
        | "secsipid_check_identity_pubkey"
        | "secsipid_check"
        | "secsipid_verify"
        | "vrfy_check_msgvalidity"
        | "vrfy_check_certificate"
        | "vrfy_check_date"
        | "vrfy_check_callid"
        | "autheph_check"
        | "autheph_check_from"
        | "autheph_check_to"
        | "autheph_check_timestamp"
        | "autheph_www"
        | "autheph_proxy"
        | "autheph_authenticate" => &[Does::Authenticate],
        "allow_source_address"
        | "allow_source_address_group"
        | "allow_address"
        | "allow_address_group"
        | "allow_trusted"
        | "ds_is_from_lists"
        | "is_from_gw"
        | "from_gw"
        | "from_any_gw"
        | "is_from_peer"
        | "allow_routing"
        | "tls_peer_cert_verify"
        | "is_peer_verified"
        | "check_peer" => &[Does::CheckSource],
        "pike_check_req" | "pike_check_ip" | "rl_check" | "rl_check_pipe" | "pl_check" => &[Does::LimitRate],
        "secf_check_ua"
        | "secf_check_from_hdr"
        | "secf_check_to_hdr"
        | "secf_check_contact_hdr"
        | "secf_check_country"
        | "secf_check_dst"
        | "secf_check_sqli_all"
        | "secf_check_sqli_hdr"
        | "secf_check_username_from_hdr"
        | "secf_check_username_contact_hdr"
        | "secf_check_username_to_hdr"
        | "secf_check_domain_from_hdr"
        | "secf_check_domain_contact_hdr"
        | "secf_check_domain_to_hdr"
        | "secf_check_name_from_hdr"
        | "secf_check_name_contact_hdr"
        | "secf_check_name_to_hdr"
        | "check_user_blocklist"
        | "check_user_allowlist"
        | "check_blocklist"
        | "check_allowlist"
        | "allow_register"
        | "allow_register_include_port"
        | "allow_uri" => &[Does::Screen],
        "secf_check_ip" => &[Does::Screen, Does::AskSource],
        "check_from" | "check_to" | "check_uri" => &[Does::Screen, Does::BindIdentity],
        "rtpproxy_manage" | "rtpproxy_manage0" => &[Does::Media, Does::ManageMedia],
        "rtpproxy_offer" | "rtpproxy_answer" | "force_rtp_proxy" => &[Does::Media],
        "unforce_rtp_proxy" | "rtpproxy_destroy" => &[Does::EndMedia],
        "t_suspend" | "t_continue" => &[Does::MakeTransaction],
        "t_grep_status" | "t_is_expired" => &[Does::AskStatus],
        "is_uri_host_local" => &[Does::AskLocalUri],
        "is_from_local" => &[Does::AskLocalFrom],
        "is_domain_local" => &[Does::AskLocalDomain],
        "client_nat_test" => &[Does::AskNat],
        "fix_contact" => &[Does::FixContact],
        "is_known_dlg" | "dlg_get" | "dlg_isflagset" | "is_in_profile" => &[Does::AskDialog],
        "dlg_manage" => &[Does::TrackDialog],
        "acc_log_request" | "acc_db_request" => &[Does::Account],
        "consume_credentials" => &[Does::ConsumeCredentials],
        "iptrtpproxy" => &[Does::AskSource],
        "db_check_from" | "db_check_to" | "db_check_uri" | "is_user_in" => &[Does::BindIdentity],
        "uac_replace_from" | "uac_replace_to" | "add_diversion" => &[Does::WriteHeader],
        "avp_delete" | "avp_pushto" | "is_avp_set" => &[Does::PopValue],
        "avp_db_query" | "avp_db_load" => &[Does::Wait(Whom::Database)],
        "http_client_post" | "http_client_request" | "http_query" => &[Does::Wait(Whom::WebServer)],
        "exec_msg" | "exec_cmd" | "exec_avp" | "exec_dset" => &[Does::Wait(Whom::Command)],
        "ldap_search" => &[Does::Wait(Whom::Directory)],
        "redis_cmd" | "memcached_get" | "jsonrpc_request" => &[Does::Wait(Whom::Other)],
        "rtpproxy_socket" => &[Does::ChooseSocket],
        _ => &[],
    }
}

/// What an argument of a function is for that is not built in.
pub(super) fn means(name: &str, argument: usize) -> Means {
    match (name, argument) {
        ("avp_db_query", 0) | ("db_query", 1) => Means::Sql,
        ("avp_db_query", 1) | ("db_query", 2) => Means::SqlResult,
        ("t_set_max_lifetime", 0) => Means::Timer("max_inv_lifetime"),
        ("t_set_max_lifetime", 1) => Means::Timer("max_noninv_lifetime"),
        _ => Means::Any,
    }
}

/// What a function gives that is not built in, so that calls go on as if there were nothing to find.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Neutral {
    /// False.
    False,
    /// True: false would mean that the sender is guilty.
    True,
    /// True, and with it everybody is who he says he is: nothing that is taken without a word of its own.
    Trust,
}

/// What a function gives while it is not built in.
pub fn neutral(name: &str) -> Neutral {
    let does = |word| does(name).contains(&word);
    match () {
        () if does(Does::Authenticate) => Neutral::Trust,
        () if does(Does::CheckSource) && name.starts_with("allow_") => Neutral::True,
        () if does(Does::CheckSource) && matches!(name, "tls_peer_cert_verify" | "is_peer_verified") => Neutral::Trust,
        () if does(Does::LimitRate) || does(Does::Screen) => Neutral::True,
        () => Neutral::False,
    }
}
