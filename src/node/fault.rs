//! Why a request does not leave, in the numbers and words of Kamailio.

/// Why a request could not be forwarded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    /// The next hop is no address.
    Unresolvable,
    /// It wants a transport that is not served.
    Transport,
    /// No branch was left.
    NoBranch,
    /// It would be forked wider than it may be.
    Breadth,
    /// The `onsend_route` kept it back.
    Dropped,
    /// Anything else.
    Internal,
}

impl Fault {
    /// Its number in Kamailio's `core/error.h`.
    pub(super) fn error(self) -> i32 {
        match self {
            Fault::Unresolvable => -478,
            Fault::Transport => -7,
            Fault::NoBranch => -6,
            Fault::Breadth => -440,
            Fault::Dropped => -477,
            Fault::Internal => -1,
        }
    }

    /// What `t_relay` and `forward` return for it.
    pub(super) fn code(self) -> i32 {
        match self {
            Fault::NoBranch => -6,
            Fault::Transport => -7,
            Fault::Unresolvable => -478,
            Fault::Breadth | Fault::Dropped | Fault::Internal => -1,
        }
    }
}

/// What functions of `tm` return for a Request-URI that cannot be read: `E_BAD_URI`.
pub(super) const BAD_URI: i32 = -400;
/// The number of that error.
pub(super) const UNREADABLE: i32 = -479;

/// Code and reason that Kamailio answers for an error; `by` is `SL` or `TM`.
pub(super) fn error_reply(error: i32, by: &str) -> (u16, String) {
    let (code, words) = match error {
        0 => (500, "No error"),
        // RFC 5393 section 6; Kamailio has no such error.
        -440 => (440, "Max-Breadth Exceeded"),
        -477 => (477, "Unfortunately error on sending to next hop occurred"),
        -478 => (478, "Unresolvable destination"),
        UNREADABLE => (479, "Regretfully, we were not able to process the URI"),
        _ => (500, "I'm terribly sorry, server error occurred"),
    };
    (code, format!("{words} ({}/{by})", error.unsigned_abs()))
}

/// The reason phrase of a code made here.
pub(super) fn reason(code: u16) -> &'static [u8] {
    match code {
        401 => b"Unauthorized",
        407 => b"Proxy Authentication Required",
        408 => b"Request Timeout",
        477 => b"Unfortunately error on sending to next hop occurred (477/TM)",
        487 => b"Request Terminated",
        503 => b"Service Unavailable",
        _ => b"Server Internal Error",
    }
}
