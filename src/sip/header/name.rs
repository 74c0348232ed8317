macro_rules! header_names {
    ($($variant:ident $text:literal $compact:literal $source:literal;)*) => {
        /// The name of a header. Names are compared without regard to case, and a compact form is the same name
        /// (RFC 3261 section 7.3).
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum HeaderName {
            $(#[doc = concat!($text, ", ", $source, ".")] $variant,)*
            /// Any other header; its name stands in the message.
            Other,
        }

        /// One row a header, in the order of the variants: name, printed name, compact form (a blank when it has none).
        const ROWS: &[(HeaderName, &str, u8)] = &[$((HeaderName::$variant, $text, $compact),)*];
    };
}

header_names! {
    Via "Via" b'v' "RFC 3261 section 20.42";
    From "From" b'f' "RFC 3261 section 20.20";
    To "To" b't' "RFC 3261 section 20.39";
    CallId "Call-ID" b'i' "RFC 3261 section 20.8";
    CSeq "CSeq" b' ' "RFC 3261 section 20.16";
    Contact "Contact" b'm' "RFC 3261 section 20.10";
    MaxForwards "Max-Forwards" b' ' "RFC 3261 section 20.22";
    MaxBreadth "Max-Breadth" b' ' "RFC 5393 section 5.8";
    Route "Route" b' ' "RFC 3261 section 20.34";
    RecordRoute "Record-Route" b' ' "RFC 3261 section 20.30";
    ContentLength "Content-Length" b'l' "RFC 3261 section 20.14";
    ContentType "Content-Type" b'c' "RFC 3261 section 20.15";
    Expires "Expires" b' ' "RFC 3261 section 20.19";
    Authorization "Authorization" b' ' "RFC 3261 section 20.7";
    ProxyAuthorization "Proxy-Authorization" b' ' "RFC 3261 section 20.28";
    WwwAuthenticate "WWW-Authenticate" b' ' "RFC 3261 section 20.44";
    ProxyAuthenticate "Proxy-Authenticate" b' ' "RFC 3261 section 20.27";
    AuthenticationInfo "Authentication-Info" b' ' "RFC 3261 section 20.6";
    Require "Require" b' ' "RFC 3261 section 20.32";
    ProxyRequire "Proxy-Require" b' ' "RFC 3261 section 20.29";
    Supported "Supported" b'k' "RFC 3261 section 20.37";
    Unsupported "Unsupported" b' ' "RFC 3261 section 20.40";
    Allow "Allow" b' ' "RFC 3261 section 20.5";
    Event "Event" b'o' "RFC 6665 section 8.2.1";
    AllowEvents "Allow-Events" b'u' "RFC 6665 section 8.2.2";
    SubscriptionState "Subscription-State" b' ' "RFC 6665 section 8.2.3";
    UserAgent "User-Agent" b' ' "RFC 3261 section 20.41";
    Server "Server" b' ' "RFC 3261 section 20.35";
    Subject "Subject" b's' "RFC 3261 section 20.36";
    Date "Date" b' ' "RFC 3261 section 20.17";
    Accept "Accept" b' ' "RFC 3261 section 20.1";
    AcceptEncoding "Accept-Encoding" b' ' "RFC 3261 section 20.2";
    AcceptLanguage "Accept-Language" b' ' "RFC 3261 section 20.3";
    AcceptContact "Accept-Contact" b'a' "RFC 3841 section 9.2";
    RejectContact "Reject-Contact" b'j' "RFC 3841 section 9.2";
    RequestDisposition "Request-Disposition" b'd' "RFC 3841 section 9.1";
    AlertInfo "Alert-Info" b' ' "RFC 3261 section 20.4";
    CallInfo "Call-Info" b' ' "RFC 3261 section 20.9";
    ContentDisposition "Content-Disposition" b' ' "RFC 3261 section 20.11";
    ContentEncoding "Content-Encoding" b'e' "RFC 3261 section 20.12";
    ContentLanguage "Content-Language" b' ' "RFC 3261 section 20.13";
    InReplyTo "In-Reply-To" b' ' "RFC 3261 section 20.21";
    MimeVersion "MIME-Version" b' ' "RFC 3261 section 20.24";
    MinExpires "Min-Expires" b' ' "RFC 3261 section 20.23";
    Organization "Organization" b' ' "RFC 3261 section 20.25";
    Priority "Priority" b' ' "RFC 3261 section 20.26";
    ReplyTo "Reply-To" b' ' "RFC 3261 section 20.31";
    RetryAfter "Retry-After" b' ' "RFC 3261 section 20.33";
    Timestamp "Timestamp" b' ' "RFC 3261 section 20.38";
    Warning "Warning" b' ' "RFC 3261 section 20.43";
    ReferTo "Refer-To" b'r' "RFC 3515 section 2.1";
    ReferredBy "Referred-By" b'b' "RFC 3892 section 3";
    Replaces "Replaces" b' ' "RFC 3891 section 6.1";
    Diversion "Diversion" b' ' "RFC 5806 section 4";
    HistoryInfo "History-Info" b' ' "RFC 7044 section 5";
    RemotePartyId "Remote-Party-ID" b' ' "draft-ietf-sip-privacy-04";
    PAssertedIdentity "P-Asserted-Identity" b' ' "RFC 3325 section 9.1";
    PPreferredIdentity "P-Preferred-Identity" b' ' "RFC 3325 section 9.2";
    Privacy "Privacy" b' ' "RFC 3323 section 4.2";
    Rpid "RPID" b' ' "seen in the field, the short name of Remote-Party-ID";
    Path "Path" b' ' "RFC 3327 section 4";
    ServiceRoute "Service-Route" b' ' "RFC 3608 section 5";
    SessionExpires "Session-Expires" b'x' "RFC 4028 section 4";
    MinSe "Min-SE" b' ' "RFC 4028 section 5";
    Reason "Reason" b' ' "RFC 3326 section 2";
    Identity "Identity" b'y' "RFC 8224 section 4";
    IdentityInfo "Identity-Info" b'n' "RFC 4474 section 9";
    RSeq "RSeq" b' ' "RFC 3262 section 7.1";
    RAck "RAck" b' ' "RFC 3262 section 7.2";
    SipIfMatch "SIP-If-Match" b' ' "RFC 3903 section 11.3.2";
    SipEtag "SIP-ETag" b' ' "RFC 3903 section 11.3.1";
}

impl HeaderName {
    /// Every header that has a row here.
    pub fn all() -> impl Iterator<Item = HeaderName> {
        ROWS.iter().map(|row| row.0)
    }

    /// The header called `text`, in its long or compact form, in any case; [`HeaderName::Other`] without a row here.
    pub fn parse(text: &[u8]) -> HeaderName {
        if let [letter] = text {
            let place = usize::from(letter.to_ascii_lowercase().wrapping_sub(b'a'));
            let row = COMPACT.get(place).copied();
            return row.and_then(|row| ROWS.get(usize::from(row))).map_or(HeaderName::Other, |row| row.0);
        }
        let mut slot = hash(text);
        while let Some(row) = TABLE.get(slot).and_then(|row| ROWS.get(usize::from(*row))) {
            // Nearly everybody writes names as the RFCs do, and comparing bytes is cheaper.
            let known = row.1.as_bytes();
            if known == text || known.eq_ignore_ascii_case(text) {
                return row.0;
            }
            slot = (slot + 1) % SLOTS;
        }
        HeaderName::Other
    }

    /// Its name as alanui prints it; empty for [`HeaderName::Other`].
    pub fn as_str(self) -> &'static str {
        ROWS.get(self as usize).map_or("", |row| row.1)
    }

    /// Its compact form, where it has one.
    pub fn compact(self) -> Option<char> {
        ROWS.get(self as usize).map(|row| char::from(row.2)).filter(|letter| *letter != ' ')
    }

    /// Its bit in a 128-bit mask of headers.
    pub(in crate::sip) const fn bit(self) -> u128 {
        1 << (self as u8)
    }
}

const SLOTS: usize = 256;
const EMPTY: u8 = u8::MAX;

/// Open addressing over the long names, filled by the compiler.
static TABLE: [u8; SLOTS] = {
    let mut table = [EMPTY; SLOTS];
    let mut row = 0;
    while row < ROWS.len() {
        let mut slot = hash(ROWS[row].1.as_bytes());
        while table[slot] != EMPTY {
            slot = (slot + 1) % SLOTS;
        }
        table[slot] = row as u8;
        row += 1;
    }
    table
};

/// The row of each compact letter, from `A`.
static COMPACT: [u8; 26] = {
    let mut table = [EMPTY; 26];
    let mut row = 0;
    while row < ROWS.len() {
        if ROWS[row].2 != b' ' {
            table[(ROWS[row].2 - b'a') as usize] = row as u8;
        }
        row += 1;
    }
    table
};

// A row per bit of a u128, `Other` included.
const _: () = assert!(ROWS.len() < 128);

/// Where a name starts to look for its row: from its length and its two end letters and a middle one, without case.
const fn hash(text: &[u8]) -> usize {
    if text.is_empty() {
        return 0;
    }
    let first = (text[0] | 0x20) as usize;
    let middle = (text[text.len() / 2] | 0x20) as usize;
    let last = (text[text.len() - 1] | 0x20) as usize;
    (text.len() * 37 + first * 5 + middle * 11 + last * 3) % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_find_themselves() {
        for name in HeaderName::all() {
            assert_eq!(HeaderName::parse(name.as_str().as_bytes()), name);
            assert_eq!(HeaderName::parse(name.as_str().to_uppercase().as_bytes()), name);
            assert_eq!(HeaderName::parse(name.as_str().to_lowercase().as_bytes()), name);
            if let Some(letter) = name.compact() {
                assert_eq!(HeaderName::parse(letter.to_string().as_bytes()), name);
                assert_eq!(HeaderName::parse(letter.to_ascii_uppercase().to_string().as_bytes()), name);
            }
        }
        assert_eq!(ROWS.len(), HeaderName::Other as usize);
    }

    #[test]
    fn strangers_are_other() {
        for text in ["", "X-Foo", "z", "1", "@", "[", "`", "{", "Via ", "Vi"] {
            assert_eq!(HeaderName::parse(text.as_bytes()), HeaderName::Other, "{text}");
        }
    }
}
