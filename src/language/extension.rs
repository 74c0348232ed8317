//! Where alanui follows what documents say and Kamailio does not do: one row each, listed once.

/// One deliberate difference from Kamailio. `check` names each that a file relies on; `--strict` switches all of them off.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Extension {
    /// `sql_result`.
    SqlResult,
    /// A two-argument `sql_query` without rows is false beside `sql_result`.
    EmptyQueryIsFalse,
    /// Perl syntax in regular expressions.
    PerlRegex,
    /// `$re` as the first group.
    RegexGroup,
    /// Small `tm` timers are seconds.
    TimerSeconds,
    /// Probing by interval alone.
    ProbingByInterval,
    /// A bare list of reply codes.
    BareReplyCodes,
    /// `sqlite:///` is absolute.
    AbsoluteSqlitePath,
    /// No `version` table needed.
    NoVersionTable,
    /// Modules in any order.
    AnyModuleOrder,
    /// Variables in core statements.
    StatementVariables,
    /// `$var` is unset for each message.
    VariablePerMessage,
    /// The destination is `$du` in dispatcher's event routes.
    EventDestination,
    /// Calls are counted without `ds_hash_size`.
    CallLoadByDefault,
    /// The wildcard address is replaced by the interface's.
    InterfaceAddress,
    /// `#!endif` at the very end of a file.
    EndifAtEnd,
    /// Requests that come back unchanged are refused, those that come back are forked within bounds.
    LoopDetection,
    /// `lookup` leaves out contacts that are the server itself.
    ContactElsewhere,
    /// Replies whose topmost Via is another's are dropped.
    OwnVia,
    /// Requests that nobody can serve are answered.
    AnswerBadRequests,
    /// What is written into a header begins no other.
    HeaderValuesOnOneLine,
}

/// Name and sentence of an extension.
#[derive(Clone, Copy, Debug)]
pub struct ExtensionRow {
    /// The extension.
    pub extension: Extension,
    /// Its name in messages.
    pub name: &'static str,
    /// What Kamailio does and what alanui does instead.
    pub sentence: &'static str,
}

/// Every extension, in the order of [`Extension`].
pub static EXTENSIONS: &[ExtensionRow] = &[
    row(
        Extension::SqlResult,
        "sql-result",
        "Kamailio knows no function sql_result and refuses to start; here it stores a column of the first row of the last two-argument sql_query",
    ),
    row(
        Extension::EmptyQueryIsFalse,
        "empty-query-is-false",
        "in Kamailio a two-argument sql_query without rows returns 2, which is true; in a file that calls sql_result it is false",
    ),
    row(
        Extension::PerlRegex,
        "perl-regex",
        "Kamailio's regular expressions are POSIX: it refuses inline flags such as (?i), and \\d matches no digit; here both work",
    ),
    row(
        Extension::RegexGroup,
        "regex-group",
        "in Kamailio $re is the Remote-Party-ID URI; in a block guarded by a single =~ with a group it is the text of that group",
    ),
    row(
        Extension::TimerSeconds,
        "timer-seconds",
        "Kamailio reads tm timers in milliseconds, so one below 100 cancels calls at once; here it is read as seconds",
    ),
    row(
        Extension::ProbingByInterval,
        "probing-by-interval",
        "Kamailio's ds_probing_mode 0 never pings an ordinary destination; with an interval and no mode given it is 1",
    ),
    row(
        Extension::BareReplyCodes,
        "bare-reply-codes",
        "Kamailio ignores a bare number in ds_ping_reply_codes silently; here a bare list of codes is understood",
    ),
    row(
        Extension::AbsoluteSqlitePath,
        "absolute-sqlite-path",
        "in Kamailio sqlite:///x is relative to the working directory; here it is the absolute path /x",
    ),
    row(
        Extension::NoVersionTable,
        "no-version-table",
        "Kamailio refuses a database without a version table; here it is optional",
    ),
    row(
        Extension::AnyModuleOrder,
        "any-module-order",
        "in Kamailio sl must be loaded after tm, or its replies lose their transaction, registrar after usrloc, or it does not start, and a parameter set before its module is loaded is refused; here the order does not matter",
    ),
    row(
        Extension::StatementVariables,
        "statement-variables",
        "Kamailio's core statements take their text literally; here variables in it are expanded",
    ),
    row(
        Extension::VariablePerMessage,
        "variable-per-message",
        "in Kamailio $var keeps the value an earlier message left in that process; here it is unset when a message arrives, and lives through all blocks that this message runs",
    ),
    row(
        Extension::EventDestination,
        "event-destination",
        "in event_route[dispatcher:dst-up] and dst-down Kamailio leaves $du undefined after a ping and shows the destination as $ru; here it is both",
    ),
    row(
        Extension::CallLoadByDefault,
        "call-load-by-default",
        "without ds_hash_size Kamailio counts no calls, and algorithm 10 takes the first destination every time; here they are counted",
    ),
    row(
        Extension::InterfaceAddress,
        "interface-address",
        "Kamailio writes 0.0.0.0 into Via and Record-Route when it listens there; here it is the address of the interface the message leaves by, or advertised_address",
    ),
    row(
        Extension::EndifAtEnd,
        "endif-at-end",
        "Kamailio does not see an #!endif that ends a file without a newline, and refuses to start; here it counts",
    ),
    row(
        Extension::LoopDetection,
        "loop-detection",
        "Kamailio sends a request on that comes back to it unchanged, until Max-Forwards ends it; here it is answered 482 (RFC 3261 16.3, RFC 5393), and one that comes back otherwise is forked to 60 destinations at most, 440 beyond, told by a Max-Breadth header",
    ),
    row(
        Extension::ContactElsewhere,
        "contact-elsewhere",
        "Kamailio's lookup sends a request to a contact that is the server itself; here such a contact counts as not registered",
    ),
    row(
        Extension::OwnVia,
        "own-via",
        "Kamailio forwards a reply that belongs to nothing to the second Via whoever stands in the first, unless check_via=yes; here it is dropped unless the first is this server (RFC 3261 18.1.2)",
    ),
    row(
        Extension::AnswerBadRequests,
        "answer-bad-requests",
        "Kamailio drops a request with missing, doubled or unreadable headers, or of another SIP version, without a word, passes on a CSeq that is no number, and sanity_check answers 400 to a scheme it does not know; here they are answered 400, 505, 400 and 416",
    ),
    row(
        Extension::HeaderValuesOnOneLine,
        "header-values-on-one-line",
        "in Kamailio a value with line ends, such as {s.decode.base64} may give, begins headers of its own where it is written into one; here it is cut at its first line end, unless it is the whole text of append_hf and its like",
    ),
];

const fn row(extension: Extension, name: &'static str, sentence: &'static str) -> ExtensionRow {
    ExtensionRow { extension, name, sentence }
}

impl Extension {
    /// Its row.
    pub fn row(self) -> &'static ExtensionRow {
        &EXTENSIONS[self as usize]
    }
}

/// The extensions in force: all, or none under `--strict`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Extensions {
    strict: bool,
}

impl Extensions {
    /// Kamailio to the letter: no extension.
    pub const STRICT: Extensions = Extensions { strict: true };

    /// Whether an extension is in force.
    pub const fn allows(self, _extension: Extension) -> bool {
        !self.strict
    }

    /// Whether none is.
    pub const fn is_strict(self) -> bool {
        self.strict
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_stands_at_its_own_place() {
        for (place, row) in EXTENSIONS.iter().enumerate() {
            assert_eq!(row.extension as usize, place, "{}", row.name);
        }
    }
}
