//! Requests of HTTP that scripts make by the host.

use bytes::Bytes;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A request of HTTP (RFC 9110).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// `GET`, `POST` and so on.
    pub method: &'static str,
    /// Where, with `http://` or `https://` in front.
    pub url: String,
    /// Names and values of header lines.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: Option<Bytes>,
    /// How.
    pub settings: Arc<FetchSettings>,
}

/// How a request of HTTP is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchSettings {
    /// How long it may take as a whole; `None` for as long as it takes.
    pub timeout: Option<Duration>,
    /// Redirections are followed.
    pub follows_redirects: bool,
    /// The server's certificate is looked at.
    pub verifies: bool,
    /// What `User-Agent` says.
    pub agent: String,
    /// Name and password for basic authentication.
    pub user: Option<(String, String)>,
    /// The URL of a proxy.
    pub proxy: Option<String>,
}

/// What a server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The status code.
    pub status: u16,
    /// The body, cut off at [`MOST_READ`](super::MOST_READ) bytes.
    pub body: Bytes,
    /// The URL that answered, after redirections.
    pub url: String,
}

/// Why no server answered. The numbers are those of libcurl, which scripts of Kamailio see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchFault {
    /// Neither `http://` nor `https://`.
    Scheme = 1,
    /// It is no URL.
    Url = 3,
    /// The host has no address.
    Host = 6,
    /// The host takes no connection.
    Connection = 7,
    /// It took too long.
    Timeout = 28,
    /// Too many redirections.
    Redirects = 47,
    /// The connection broke, or what came is no HTTP.
    Broken = 56,
    /// The server's certificate is not good.
    Certificate = 60,
}

impl FetchFault {
    /// All of them.
    pub const ALL: [FetchFault; 8] = [
        FetchFault::Scheme,
        FetchFault::Url,
        FetchFault::Host,
        FetchFault::Connection,
        FetchFault::Timeout,
        FetchFault::Redirects,
        FetchFault::Broken,
        FetchFault::Certificate,
    ];

    /// What it is, in words.
    pub const fn text(self) -> &'static str {
        match self {
            FetchFault::Scheme => "Unsupported protocol",
            FetchFault::Url => "URL using bad/illegal format or missing URL",
            FetchFault::Host => "Couldn't resolve host name",
            FetchFault::Connection => "Couldn't connect to server",
            FetchFault::Timeout => "Timeout was reached",
            FetchFault::Redirects => "Number of redirects hit maximum amount",
            FetchFault::Broken => "Failure when receiving data from the peer",
            FetchFault::Certificate => "SSL peer certificate or SSH remote key was not OK",
        }
    }
}

impl fmt::Display for FetchFault {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.text())
    }
}
