//! What functions of Kamailio do to a message, built here or not: rules and explanations ask.

/// What a function does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Does {
    /// Forwards the request.
    Relay,
    /// Answers it; the code is the first argument, when there is one.
    Reply,
    /// Answers a REGISTER after keeping its contacts.
    Save,
    /// Chooses where the request goes, when it is true.
    Choose,
    /// Checks credentials.
    Authenticate,
    /// Checks who sends, by address.
    CheckSource,
    /// Limits how much a source may send.
    LimitRate,
    /// Looks for what is forbidden: a word, a country, a number.
    Screen,
    /// Asks or tells a media relay.
    Media,
    /// Ends what a media relay holds.
    EndMedia,
}

/// What a function does, by its name.
pub fn does(name: &str) -> Option<Does> {
    let does = match name {
        "t_relay"
        | "t_relay_to"
        | "t_relay_to_udp"
        | "t_relay_to_tcp"
        | "t_relay_to_tls"
        | "t_relay_to_sctp"
        | "t_relay_to_avp"
        | "t_relay_to_proxy"
        | "t_forward_nonack"
        | "t_forward_nonack_to"
        | "t_forward_nonack_uri"
        | "t_forward_nonack_udp"
        | "t_forward_nonack_tcp"
        | "t_forward_nonack_tls"
        | "t_forward_nonack_sctp"
        | "forward"
        | "forward_udp"
        | "forward_tcp"
        | "forward_tls"
        | "forward_sctp"
        | "forward_uac"
        | "forward_uac_uri"
        | "send_udp"
        | "send_tcp" => Does::Relay,
        "sl_send_reply" | "sl_reply" | "send_reply" | "send_reply_mode" | "t_reply" | "t_reply_callid"
        | "sanity_reply" | "t_send_reply" | "sl_reply_error" | "send_reply_error" | "auth_challenge"
        | "www_challenge" | "proxy_challenge" | "options_reply" | "handle_publish" | "handle_subscribe"
        | "t_reply_error" => Does::Reply,
        "save" => Does::Save,
        "lookup"
        | "lookup_branches"
        | "ds_select_dst"
        | "ds_select_domain"
        | "ds_select"
        | "ds_next_dst"
        | "ds_next_domain"
        | "next_gw"
        | "load_gws"
        | "cr_route"
        | "cr_next_domain"
        | "do_routing"
        | "use_next_gw"
        | "alias_db_lookup"
        | "sd_lookup"
        | "enum_query"
        | "i_enum_query"
        | "enum_pv_query"
        | "lookup_domain"
        | "rewritehost"
        | "rewritehostport"
        | "rewritehostporttrans"
        | "rewriteuri"
        | "sethost"
        | "sethp"
        | "sethostport"
        | "sethostporttrans"
        | "seturi"
        | "append_branch"
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
        | "handle_ruri_alias"
        | "km_cr_route" => Does::Choose,
        "auth_check"
        | "pv_auth_check"
        | "proxy_authorize"
        | "www_authorize"
        | "pv_www_authorize"
        | "pv_proxy_authorize"
        | "www_authenticate"
        | "proxy_authenticate"
        | "pv_www_authenticate"
        | "pv_proxy_authenticate"
        | "auth_get_www_authenticate"
        | "radius_www_authorize"
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
        | "autheph_authenticate"
        | "is_user" => Does::Authenticate,
        "allow_source_address"
        | "allow_source_address_group"
        | "allow_address"
        | "allow_address_group"
        | "allow_trusted"
        | "ds_is_from_list"
        | "ds_is_from_lists"
        | "is_from_gw"
        | "from_gw"
        | "from_any_gw"
        | "is_in_subnet"
        | "is_ip_rfc1918"
        | "compare_ips"
        | "compare_pure_ips"
        | "is_from_peer"
        | "allow_routing"
        | "tls_peer_cert_verify"
        | "is_peer_verified"
        | "check_peer" => Does::CheckSource,
        "pike_check_req" | "pike_check_ip" | "rl_check" | "rl_check_pipe" | "pl_check" => Does::LimitRate,
        "secf_check_ua"
        | "secf_check_from_hdr"
        | "secf_check_to_hdr"
        | "secf_check_contact_hdr"
        | "secf_check_ip"
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
        | "check_from"
        | "check_to"
        | "check_uri"
        | "allow_register"
        | "allow_register_include_port"
        | "allow_uri" => Does::Screen,
        "rtpproxy_manage" | "rtpproxy_offer" | "rtpproxy_answer" | "rtpengine_manage" | "rtpengine_offer"
        | "rtpengine_answer" | "force_rtp_proxy" | "rtpproxy_manage0" => Does::Media,
        "unforce_rtp_proxy" | "rtpproxy_destroy" | "rtpengine_delete" => Does::EndMedia,
        _ => return None,
    };
    Some(does)
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
    match does(name) {
        Some(Does::Authenticate) => Neutral::Trust,
        Some(Does::CheckSource) if name.starts_with("allow_") => Neutral::True,
        Some(Does::CheckSource) if matches!(name, "tls_peer_cert_verify" | "is_peer_verified") => Neutral::Trust,
        Some(Does::LimitRate | Does::Screen) => Neutral::True,
        Some(
            Does::Relay | Does::Reply | Does::Save | Does::Choose | Does::CheckSource | Does::Media | Does::EndMedia,
        )
        | None => Neutral::False,
    }
}
