//! Settings that tune what alanui does not have: they are read, so that configs load, and have no effect.

use crate::builtin::{Changes, Param, ParamKind, Unit, count, join};
use Changes::{Admission, Reachability, Wire};

/// Every setting without effect.
pub(super) const ROWS: &[Param] = &JOINED;

static JOINED: [Param; count(PARTS)] = join(PARTS);
const PARTS: &[&[Param]] =
    &[HABITS, SERVICE, SCRIPTING, PROCESSES, SOCKETS, LOG, TRANSPORTS, TLS, DNS, BLOCKLIST, MEMORY, TIMERS];

const TLS_METHODS: &[&str] = &["TLSv1", "SSLv23", "SSLv2", "SSLv3", "tlsv1", "sslv23", "sslv2", "sslv3"];

/// One whose number takes no sign.
const fn number(names: &'static [&'static str], doc: &'static str) -> Param {
    inert(names, ParamKind::Count, doc)
}

const fn signed(names: &'static [&'static str], doc: &'static str) -> Param {
    inert(names, ParamKind::Int, doc)
}

const fn word(names: &'static [&'static str], doc: &'static str) -> Param {
    inert(names, ParamKind::Word, doc)
}

const fn one_of(names: &'static [&'static str], words: &'static [&'static str], doc: &'static str) -> Param {
    inert(names, ParamKind::OneOf(words), doc)
}

const fn text(names: &'static [&'static str], doc: &'static str) -> Param {
    inert(names, ParamKind::Text, doc)
}

/// One that takes a word, a string or a number.
const fn any(names: &'static [&'static str], doc: &'static str) -> Param {
    inert(names, ParamKind::Any, doc)
}

/// One that would change something, were it not as with this value.
const fn changes(row: Param, changes: Changes, like: &'static str) -> Param {
    row.without(changes).like(like)
}

const fn inert(names: &'static [&'static str], kind: ParamKind, doc: &'static str) -> Param {
    Param { names, kind, default: None, unit: Unit::None, repeat: true, inert: None, doc }.inert()
}

const HABITS: &[Param] = {
    const DOC: &str = "A habit of Kamailio's core that alanui does not have.";
    &[
        changes(number(&["auto_aliases"], DOC), Wire, "0"),
        changes(number(&["auto_domains"], DOC), Wire, "0"),
        any(&["coreparam"], DOC),
        changes(text(&["hdr_name_extra_chars"], DOC), Admission, ""),
        changes(text(&["ipv6_hex_style"], DOC), Wire, "c"),
        changes(number(&["msg_apply_changes_mode"], DOC), Wire, "0"),
        number(&["msg_time"], DOC),
        changes(
            number(
                &["phone2tel"],
                "Whether a SIP URI with user=phone is taken for a telephone number. A URI reads alike wherever it stands, so here it always is.",
            ),
            Wire,
            "1",
        ),
        changes(number(&["return_mode"], DOC), Wire, "0"),
        signed(&["sip_parser_mode"], DOC),
        text(&["stats_name_separator"], DOC),
        changes(text(&["uri_host_extra_chars"], DOC), Admission, ""),
        text(&["version_table"], DOC),
        changes(text(&["xavp_via_reply_params"], DOC), Wire, ""),
    ]
};

const SERVICE: &[Param] = {
    const DOC: &str = "How Kamailio runs as a service; alanui leaves that to the service manager.";
    &[
        word(&["chroot"], DOC),
        number(&["disable_core_dump"], DOC),
        number(&["exit_timeout", "ser_kill_timeout"], DOC),
        word(&["gid", "group"], DOC),
        number(&["open_files_limit"], DOC),
        word(&["run_dir", "rundir"], DOC),
        word(&["uid", "user"], DOC),
        word(&["wdir", "workdir"], DOC),
    ]
};

const SCRIPTING: &[Param] = {
    const DOC: &str = "About a way of running scripts or commands that alanui does not have.";
    &[
        number(&["async_nonblock"], DOC),
        text(&["async_tkv_evcb"], DOC),
        text(&["async_tkv_gname"], DOC),
        number(&["async_usleep"], DOC),
        changes(text(&["kemi.event_route_callback"], DOC), Wire, ""),
        changes(text(&["kemi.onsend_route_callback"], DOC), Wire, ""),
        changes(text(&["kemi.pre_routing_callback"], DOC), Wire, ""),
        changes(text(&["kemi.received_route_callback"], DOC), Wire, ""),
        changes(text(&["kemi.reply_route_callback"], DOC), Wire, ""),
        changes(text(&["kemi.request_route_callback"], DOC), Wire, ""),
        number(&["rpc_exec_delta"], DOC),
        number(&["rpc_exec_locks"], DOC),
        number(&["rpc_exec_locks_mode"], DOC),
    ]
};

const PROCESSES: &[Param] = {
    const DOC: &str = "Processes of Kamailio; how many workers alanui has is chosen with --workers.";
    &[
        number(&["async_workers"], DOC),
        text(&["async_workers_group"], DOC),
        number(&["fork"], DOC),
        number(&["fork_delay"], DOC),
        number(&["modinit_delay"], DOC),
        number(&["sctp_children"], DOC),
        number(&["socket_workers"], DOC),
        number(&["tcp_children"], DOC),
        number(&["tcp_main_threads"], DOC),
        number(&["wait_worker1_mode"], DOC),
        number(&["wait_worker1_time"], DOC),
        number(&["wait_worker1_usleep"], DOC),
    ]
};

const SOCKETS: &[Param] = {
    const DOC: &str = "A detail of sockets that alanui leaves to the system.";
    &[
        changes(number(&["auto_bind_ipv6"], DOC), Reachability, "0"),
        changes(number(&["bind_ipv6_link_local"], DOC), Reachability, "0"),
        changes(signed(&["ip_free_bind", "ipfreebind", "ip_nonlocal_bind"], DOC), Reachability, "0"),
        changes(word(&["mcast"], DOC), Reachability, ""),
        changes(number(&["mcast_loopback"], DOC), Wire, "0"),
        changes(number(&["mcast_ttl"], DOC), Wire, "-1"),
        changes(number(&["msg_recv_max_size"], DOC), Admission, "32767"),
        changes(number(&["pmtu_discovery"], DOC), Wire, "0"),
        changes(any(&["socket"], DOC), Reachability, ""),
        changes(signed(&["udp4_raw"], DOC), Wire, "0"),
        number(&["udp4_raw_mtu"], DOC),
        number(&["udp4_raw_ttl"], DOC),
        changes(number(&["udp_accept_proxy"], DOC), Admission, "0"),
        number(&["udp_receiver_mode"], DOC),
    ]
};

const LOG: &[Param] = {
    const DOC: &str =
        "About the form of Kamailio's own log and its measurements; alanui's log is set up on the command line.";
    &[
        signed(&["core_log", "corelog"], DOC),
        signed(&["latency_cfg_log"], DOC),
        number(&["latency_limit_action"], DOC),
        number(&["latency_limit_cfg"], DOC),
        number(&["latency_limit_db"], DOC),
        signed(&["latency_log"], DOC),
        number(&["log_color"], DOC),
        text(&["log_engine_data"], DOC),
        text(&["log_engine_type"], DOC),
        any(&["log_facility"], DOC),
        text(&["log_name"], DOC),
        text(&["log_prefix"], DOC),
        number(&["log_prefix_mode"], DOC),
        number(&["log_stderror"], DOC),
        signed(&["sip_parser_log"], DOC),
        signed(&["sip_parser_log_oneline"], DOC),
        number(&["verbose_startup"], DOC),
    ]
};

const TRANSPORTS: &[Param] = {
    const DOC: &str =
        "About sockets of streams, which alanui keeps as the system has them, and transports that it does not serve.";
    &[
        changes(number(&["disable_sctp"], DOC), Reachability, "1"),
        changes(number(&["enable_sctp"], DOC), Reachability, "0"),
        changes(number(&["http_reply_hack", "http_reply_parse"], DOC), Admission, "0"),
        changes(number(&["tcp_accept_haproxy"], DOC), Admission, "0"),
        changes(number(&["tcp_accept_hep3"], DOC), Admission, "0"),
        changes(number(&["tcp_accept_iplimit"], DOC), Admission, "0"),
        changes(any(&["tcp_accept_protocols", "tcp_accept_protos"], DOC), Admission, ""),
        changes(number(&["tcp_accept_unique"], DOC), Admission, "0"),
        number(&["tcp_async", "tcp_buf_write"], DOC),
        number(&["tcp_check_timer"], DOC),
        number(&["tcp_clone_rcvbuf"], DOC),
        number(&["tcp_close_rst"], DOC),
        number(&["tcp_defer_accept"], DOC),
        number(&["tcp_delayed_ack"], DOC),
        number(&["tcp_fd_cache"], DOC),
        number(&["tcp_linger2"], DOC),
        number(&["tcp_listen_backlog"], DOC),
        changes(number(&["tcp_msg_data_timeout"], DOC), Admission, "0"),
        word(&["tcp_poll_method"], DOC),
        changes(number(&["tcp_rd_buf_size"], DOC), Admission, "16384"),
        number(&["tcp_reuse_port"], DOC),
        signed(&["tcp_script_mode"], DOC),
        changes(any(&["tcp_source_ipv4"], DOC), Wire, ""),
        changes(any(&["tcp_source_ipv6"], DOC), Wire, ""),
        number(&["tcp_syncnt"], DOC),
        signed(&["tcp_wait_data"], DOC),
        number(&["tcp_wq_blk_size"], DOC),
    ]
};

const TLS: &[Param] = {
    const DOC: &str = "About TLS, which alanui does not serve.";
    &[
        changes(number(&["disable_tls", "tls_disable"], DOC), Reachability, "1"),
        changes(number(&["enable_tls", "tls_enable"], DOC), Reachability, "0"),
        text(&["tls_ca_list"], DOC),
        text(&["tls_certificate"], DOC),
        number(&["tls_connection_match_domain"], DOC),
        number(&["tls_handshake_timeout"], DOC),
        number(&["tls_log", "tlslog", "tls_port_no"], DOC),
        number(&["tls_max_connections"], DOC),
        one_of(&["tls_method"], TLS_METHODS, DOC),
        text(&["tls_private_key"], DOC),
        changes(number(&["tls_require_certificate"], DOC), Admission, "0"),
        number(&["tls_send_timeout"], DOC),
        number(&["tls_threads_mode"], DOC),
        changes(number(&["tls_verify"], DOC), Admission, "0"),
    ]
};

const DNS: &[Param] = {
    const DOC: &str = "Tunes Kamailio's own DNS resolver and cache; alanui asks the resolver of its host.";
    &[
        number(&["dns"], DOC),
        number(&["dns_cache_del_nonexp", "dns_cache_delete_nonexpired"], DOC),
        number(&["dns_cache_flags"], DOC),
        number(&["dns_cache_gc_interval"], DOC),
        number(&["dns_cache_init"], DOC),
        number(&["dns_cache_max_ttl"], DOC),
        number(&["dns_cache_mem"], DOC),
        number(&["dns_cache_min_ttl"], DOC),
        number(&["dns_cache_negative_ttl"], DOC),
        number(&["dns_cache_rec_pref"], DOC),
        changes(number(&["dns_naptr_ignore_rfc"], DOC), Wire, "1"),
        number(&["dns_retr_no"], DOC),
        number(&["dns_retr_time"], DOC),
        changes(number(&["dns_rev_via", "rev_dns"], DOC), Wire, "0"),
        changes(signed(&["dns_sctp_pref", "dns_sctp_preference"], DOC), Wire, "20"),
        changes(number(&["dns_search_full_match"], DOC), Wire, "1"),
        number(&["dns_servers_no"], DOC),
        number(&["dns_slow_query_ms"], DOC),
        changes(number(&["dns_srv_lb", "dns_srv_loadbalancing"], DOC), Wire, "0"),
        changes(signed(&["dns_tcp_pref", "dns_tcp_preference"], DOC), Wire, "20"),
        changes(signed(&["dns_tls_pref", "dns_tls_preference"], DOC), Wire, "10"),
        changes(number(&["dns_try_ipv6"], DOC), Wire, "1"),
        changes(number(&["dns_try_naptr"], DOC), Wire, "0"),
        changes(signed(&["dns_udp_pref", "dns_udp_preference"], DOC), Wire, "30"),
        number(&["dns_use_cache", "use_dns_cache"], DOC),
        changes(number(&["dns_use_failover", "use_dns_failover"], DOC), Wire, "0"),
        changes(number(&["dns_use_search_list"], DOC), Wire, "1"),
    ]
};

const BLOCKLIST: &[Param] = {
    const DOC: &str = "Kamailio's list of destinations that did not answer; alanui keeps none.";
    &[
        number(&["dst_blocklist_expire", "dst_blocklist_ttl"], DOC),
        number(&["dst_blocklist_gc_interval"], DOC),
        number(&["dst_blocklist_init"], DOC),
        number(&["dst_blocklist_mem"], DOC),
        number(&["dst_blocklist_sctp_imask"], DOC),
        number(&["dst_blocklist_tcp_imask"], DOC),
        number(&["dst_blocklist_tls_imask"], DOC),
        number(&["dst_blocklist_udp_imask"], DOC),
        changes(number(&["use_dst_blocklist"], DOC), Wire, "0"),
    ]
};

const MEMORY: &[Param] = {
    const DOC: &str = "Sizes and habits of Kamailio's memory; alanui takes memory as it needs it.";
    &[
        number(&["maxbuffer"], DOC),
        number(&["maxsndbuffer"], DOC),
        signed(&["mem_add_size"], DOC),
        signed(&["mem_dbg", "memdbg"], DOC),
        signed(&["mem_join"], DOC),
        signed(&["mem_log", "memlog"], DOC),
        signed(&["mem_safety"], DOC),
        signed(&["mem_status_mode"], DOC),
        signed(&["mem_summary"], DOC),
        number(&["mlock_pages"], DOC),
        number(&["msg_clone_extra_size"], DOC),
        number(&["pv_buffer_size"], DOC),
        number(&["pv_buffer_slots"], DOC),
        number(&["pv_cache_action"], DOC),
        number(&["pv_cache_limit"], DOC),
        number(&["route_locks_size"], DOC),
        number(&["shm", "shm_mem", "shm_mem_size"], DOC),
        number(&["shm_force_alloc"], DOC),
        number(&["sql_buffer_size"], DOC),
    ]
};

const TIMERS: &[Param] = {
    const DOC: &str = "Scheduling of Kamailio's timer processes, which alanui does not have.";
    &[
        number(&["real_time"], DOC),
        number(&["rt_fast_timer_prio", "rt_timer1_prio", "rt_ftimer_prio"], DOC),
        number(&["rt_ftimer_policy", "rt_timer1_policy"], DOC),
        number(&["rt_policy"], DOC),
        number(&["rt_prio"], DOC),
        number(&["rt_stimer_policy", "rt_timer2_policy"], DOC),
        number(&["rt_stimer_prio", "rt_timer2_prio"], DOC),
    ]
};
