//! Names that Kamailio had before 5.6.3, and what has taken their place.

use super::Kind;

/// A name of an older release.
#[derive(Clone, Copy, Debug)]
pub struct Former {
    /// What kind of thing it was; `None` for a module.
    pub kind: Option<Kind>,
    /// Its module; of a function or a parameter of several, empty.
    pub module: &'static str,
    /// Its name.
    pub name: &'static str,
    /// The first release without it; empty when that is long ago.
    pub gone: &'static str,
    /// The name that does the same, when it has only been renamed.
    pub renamed: Option<&'static str>,
    /// What to use.
    pub instead: &'static str,
}

/// A module, parameter or function that an older release had; `module` empty for any.
pub fn former(kind: Option<Kind>, module: &str, name: &str) -> Option<&'static Former> {
    FORMER.iter().find(|row| row.kind == kind && row.name == name && (row.module.is_empty() || row.module == module))
}

impl Former {
    /// Of a module: what has become of it.
    pub fn module_is_gone(&self) -> String {
        match self.renamed {
            Some(to) if self.gone.is_empty() => format!("the module {} is called {to}", self.name),
            Some(to) => format!("the module {} is called {to} since Kamailio {}", self.name, self.gone),
            None if self.gone.is_empty() => format!("Kamailio has no module {} any more", self.name),
            None => format!("Kamailio has no module {} since {}", self.name, self.gone),
        }
    }

    /// In words: since when it is gone, and what to use.
    pub fn advice(&self) -> String {
        match self.renamed {
            _ if self.gone.is_empty() => format!("older releases had it: {}", self.instead),
            Some(_) => format!("it was renamed in {}: {}", self.gone, self.instead),
            None => format!("it is gone since {}: {}", self.gone, self.instead),
        }
    }
}

const fn gone(name: &'static str, gone: &'static str, instead: &'static str) -> Former {
    Former { kind: None, module: "", name, gone, renamed: None, instead }
}

const fn renamed(name: &'static str, gone: &'static str, to: &'static str, instead: &'static str) -> Former {
    Former { kind: None, module: "", name, gone, renamed: Some(to), instead }
}

const fn param(module: &'static str, name: &'static str, gone: &'static str, instead: &'static str) -> Former {
    Former { kind: Some(Kind::Parameter), module, name, gone, renamed: None, instead }
}

const fn function(name: &'static str, gone: &'static str, instead: &'static str) -> Former {
    Former { kind: Some(Kind::Function), module: "", name, gone, renamed: None, instead }
}

pub(super) static FORMER: &[Former] = &[
    gone("mi_fifo", "5.0", "use jsonrpcs with its parameter fifo_name"),
    gone("mi_datagram", "5.0", "use jsonrpcs with its parameter dgram_socket"),
    gone("mi_xmlrpc", "5.0", "use xmlrpc, or jsonrpcs with xhttp"),
    gone("mi_rpc", "5.0", "use ctl or jsonrpcs"),
    renamed("jsonrpc-s", "5.0", "jsonrpcs", "load jsonrpcs"),
    renamed("jsonrpc-c", "5.0", "jsonrpcc", "load jsonrpcc"),
    renamed("cpl-c", "5.0", "cplc", "load cplc"),
    renamed("userblacklist", "5.5", "userblocklist", "load userblocklist"),
    renamed("malloc_test", "5.6", "misctest", "load misctest"),
    renamed("mysql", "", "db_mysql", "load db_mysql"),
    renamed("postgres", "", "db_postgres", "load db_postgres"),
    renamed("dbtext", "", "db_text", "load db_text"),
    renamed("unixodbc", "", "db_unixodbc", "load db_unixodbc"),
    gone("uri", "", "use siputils, and uri_db for what needs the database"),
    gone("options", "", "use siputils"),
    gone("snmp", "", "use snmpstats"),
    gone("python", "", "use app_python3"),
    param("dispatcher", "dst_avp", "5.2", "use xavp_dst"),
    param("dispatcher", "grp_avp", "5.2", "use xavp_dst"),
    param("dispatcher", "cnt_avp", "5.2", "use xavp_ctx"),
    param("dispatcher", "sock_avp", "5.2", "use xavp_dst"),
    param("dispatcher", "attrs_avp", "5.2", "use xavp_dst"),
    param("dispatcher", "dstid_avp", "5.2", "use xavp_dst"),
    param("dispatcher", "ds_probing_threshhold", "", "write ds_probing_threshold"),
    param("corex", "min_msg_len", "5.4", "leave it out"),
    param("sipcapture", "promiscious_on", "5.4", "write promiscuous_on"),
    param("core", "use_dst_blacklist", "5.5", "write use_dst_blocklist"),
    param("core", "fifo", "", "use jsonrpcs with its parameter fifo_name"),
    function("force_rtp_proxy", "3.2", "use rtpproxy_offer and rtpproxy_answer, or rtpproxy_manage"),
    function("ring_insert_callid", "5.6", "leave it out"),
    function("http_query", "5.0", "use http_client_query of http_client"),
];
