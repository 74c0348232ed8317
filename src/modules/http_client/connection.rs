//! Connections: names for servers, with how to speak to them.

use crate::builtin::{FetchSettings, ParamGiven, ParamGivenValue, Params, Start, StartFault, State, parse_int};
use std::sync::Arc;
use std::time::Duration;

/// What the module keeps.
#[derive(Debug)]
pub(super) struct HttpClient {
    /// How URLs outside of connections are asked.
    pub(super) settings: Arc<FetchSettings>,
    /// How much of an answer is stored; 0 for all.
    pub(super) most: usize,
    /// Only the first line is stored.
    pub(super) first_line: bool,
    pub(super) connections: Vec<Arc<Connection>>,
}

impl State for HttpClient {}

/// A server and how to speak to it.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) name: String,
    /// Scheme, host and path that come before a call's own.
    pub(super) url: String,
    pub(super) settings: Arc<FetchSettings>,
    pub(super) most: usize,
    /// The connection that is asked when this one fails.
    pub(super) failover: Option<String>,
}

impl HttpClient {
    pub(super) fn connection(&self, name: &[u8]) -> Option<Arc<Connection>> {
        self.connections.iter().find(|its| its.name.as_bytes() == name).cloned()
    }
}

impl Connection {
    /// The URL of a path.
    pub(super) fn of(&self, path: &str) -> String {
        match path {
            "" => self.url.clone(),
            path if path.starts_with('/') => format!("{}{path}", self.url),
            path => format!("{}/{path}", self.url),
        }
    }
}

/// Reads the parameters.
pub(super) fn start(start: &mut Start) -> Result<Box<dyn State>, StartFault> {
    let params = start.params;
    let defaults = settings(&params, &start.settings.user_agent_header);
    let size = |name| usize::try_from(params.int(name)).unwrap_or(0);
    let mut connections: Vec<Arc<Connection>> = Vec::new();
    for given in params.all("httpcon") {
        let connection = read(given, &defaults, params.int("timeout_mode"), size("maxdatasize"))?;
        if connections.iter().any(|known| known.name == connection.name) {
            let fault = StartFault::new(format!("there are two connections {}", connection.name));
            return Err(fault.at(given.span).help("give the second one another name"));
        }
        connections.push(Arc::new(connection));
    }
    let missing = connections.iter().filter_map(|connection| {
        let name = connection.failover.as_ref()?;
        (!connections.iter().any(|known| known.name == *name)).then_some((&connection.name, name))
    });
    if let Some((connection, name)) = missing.into_iter().next() {
        let fault = StartFault::new(format!("{connection} fails over to {name}, which is no connection"));
        return Err(fault.help("define it with httpcon"));
    }
    Ok(Box::new(HttpClient {
        settings: Arc::new(defaults),
        most: size("query_maxdatasize"),
        first_line: params.switch("query_result"),
        connections,
    }))
}

fn settings(params: &Params, agent_line: &[u8]) -> FetchSettings {
    let own = agent_line.strip_prefix(b"User-Agent: ").unwrap_or(agent_line);
    let text = |name| params.text(name).map(|text| String::from_utf8_lossy(&text).into_owned());
    let proxy = text("httpproxy").filter(|url| !url.is_empty()).map(|url| match params.int("httpproxyport") {
        port @ 1..=65535 => format!("{}:{port}", url.trim_end_matches('/')),
        _ => url,
    });
    FetchSettings {
        timeout: timeout(params.int("connection_timeout"), params.int("timeout_mode")),
        follows_redirects: params.switch("httpredirect"),
        verifies: params.switch("verify_peer") && params.switch("verify_host"),
        agent: text("useragent").unwrap_or_else(|| String::from_utf8_lossy(own).into_owned()),
        user: None,
        proxy,
    }
}

/// The longest that an answer is waited for.
const LONGEST: Duration = Duration::from_secs(3600);

fn timeout(number: i64, mode: i64) -> Option<Duration> {
    let number = u64::try_from(number).ok().filter(|number| *number > 0)?;
    let timeout = match mode {
        1 => Duration::from_secs(number),
        2 => Duration::from_millis(number),
        _ => return None,
    };
    Some(timeout.min(LONGEST))
}

/// Reads `name=>scheme://[user:password@]host/path[;parameter=value...]`.
fn read(given: &ParamGiven, defaults: &FetchSettings, mode: i64, most: usize) -> Result<Connection, StartFault> {
    const FORM: &str =
        "write name=>http://host/path;parameter=value, as in \"api=>https://api.example.com/v1;timeout=2\"";
    let text = match &given.value {
        ParamGivenValue::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ParamGivenValue::Int(number) => number.to_string(),
    };
    let bad = |why: String| StartFault::new(format!("{text} is no connection: {why}")).at(given.span).help(FORM);
    let (name, rest) = text.split_once("=>").ok_or_else(|| bad("it has no name".into()))?;
    let (url, parameters) = rest.split_once(';').unwrap_or((rest, ""));
    let (scheme, place) = url.split_once("://").ok_or_else(|| bad("its URL has no scheme".into()))?;
    if !["http", "https"].contains(&scheme) || place.is_empty() {
        return Err(bad(format!("{url} is no URL of HTTP")));
    }
    let mut settings = defaults.clone();
    let host = place.find('/').unwrap_or(place.len());
    let place = match place.get(..host).and_then(|host| host.rfind('@')) {
        Some(at) => {
            let (user, password) = place[..at].split_once(':').unwrap_or((&place[..at], ""));
            settings.user = Some((user.to_owned(), password.to_owned()));
            &place[at + 1..]
        }
        None => place,
    };
    let (mut most, mut failover) = (most, None);
    for parameter in parameters.split(';').filter(|parameter| !parameter.is_empty()) {
        let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let number = || parse_int(value.as_bytes()).ok_or_else(|| bad(format!("{key} is a number")));
        match key {
            "timeout" => settings.timeout = timeout(number()?, mode),
            "httpredirect" => settings.follows_redirects = number()? != 0,
            "verify_peer" | "verify_host" => settings.verifies &= number()? != 0,
            "maxdatasize" => most = usize::try_from(number()?).unwrap_or(0),
            "useragent" => settings.agent = value.to_owned(),
            "httpproxy" => settings.proxy = Some(value.to_owned()).filter(|url| !url.is_empty()),
            "failover" => failover = Some(value.to_owned()),
            "tlsversion" | "authmethod" | "keep_connections" | "cipher_suites" => {}
            _ => return Err(bad(format!("{key} is no parameter of a connection"))),
        }
    }
    let url = format!("{scheme}://{place}");
    Ok(Connection { name: name.trim().to_owned(), url, settings: Arc::new(settings), most, failover })
}
