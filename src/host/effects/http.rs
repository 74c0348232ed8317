//! Requests of HTTP, each on a thread that may wait.

use super::aside::aside;
use crate::builtin::{Fetch, FetchFault, FetchSettings, Found, MOST_READ, Page, Unanswered};
use bytes::Bytes;
use std::io::{self, Read};
use std::sync::{Arc, Mutex};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Error, ResponseExt};

/// Clients by how they are set: one keeps the connections that servers leave open.
#[derive(Debug, Default)]
pub(super) struct Clients {
    known: Mutex<Vec<(Arc<FetchSettings>, Agent)>>,
}

/// Redirections that are followed.
const MOST_REDIRECTS: u32 = 10;

impl Clients {
    /// Asks and takes the answer.
    pub(super) async fn fetch(&self, fetch: Fetch) -> Result<Found, Unanswered> {
        let agent = self.agent(&fetch.settings).map_err(Unanswered::Unfetched)?;
        match aside(move || Ok(ask(&agent, fetch))).await? {
            Ok(page) => Ok(Found::Page(page)),
            Err(fault) => Err(Unanswered::Unfetched(fault)),
        }
    }

    fn agent(&self, settings: &Arc<FetchSettings>) -> Result<Agent, FetchFault> {
        let mut known = self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((_, agent)) = known.iter().find(|(its, _)| its == settings) {
            return Ok(agent.clone());
        }
        let proxy = match &settings.proxy {
            Some(url) => Some(ureq::Proxy::new(url).map_err(|_| FetchFault::Url)?),
            None => None,
        };
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .disable_verification(!settings.verifies)
            .build();
        let agent: Agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(settings.timeout)
            .max_redirects(if settings.follows_redirects { MOST_REDIRECTS } else { 0 })
            .max_redirects_will_error(settings.follows_redirects)
            .user_agent(&settings.agent)
            .proxy(proxy)
            .tls_config(tls)
            .build()
            .into();
        known.push((settings.clone(), agent.clone()));
        Ok(agent)
    }
}

fn ask(agent: &Agent, fetch: Fetch) -> Result<Page, FetchFault> {
    if !["http://", "https://"].iter().any(|scheme| fetch.url.starts_with(scheme)) {
        return Err(FetchFault::Scheme);
    }
    let mut request = ureq::http::Request::builder().method(fetch.method).uri(&fetch.url);
    for (name, value) in &fetch.headers {
        request = request.header(name, value);
    }
    if let Some((user, password)) = &fetch.settings.user {
        use base64::Engine;
        let both = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        request = request.header("Authorization", format!("Basic {both}"));
    }
    let answered = match fetch.body {
        Some(body) => {
            let request = request.body(body.to_vec()).map_err(|_| FetchFault::Url)?;
            // A GET with a body is unusual, and Kamailio sends it.
            let request = agent.configure_request(request).allow_non_standard_methods(true).build();
            agent.run(request)
        }
        None => agent.run(request.body(()).map_err(|_| FetchFault::Url)?),
    };
    let mut response = answered.map_err(|error| fault(&error))?;
    let (status, url) = (response.status().as_u16(), response.get_uri().to_string());
    let mut body = Vec::new();
    // More than that is cut off.
    let read = response.body_mut().as_reader().take(MOST_READ).read_to_end(&mut body);
    read.map_err(
        |error| if error.kind() == io::ErrorKind::TimedOut { FetchFault::Timeout } else { FetchFault::Broken },
    )?;
    Ok(Page { status, body: Bytes::from(body), url })
}

fn fault(error: &Error) -> FetchFault {
    match error {
        Error::BadUri(_) | Error::Http(_) | Error::RequireHttpsOnly(_) => FetchFault::Url,
        Error::HostNotFound => FetchFault::Host,
        Error::ConnectionFailed => FetchFault::Connection,
        Error::Timeout(_) => FetchFault::Timeout,
        Error::TooManyRedirects | Error::RedirectFailed => FetchFault::Redirects,
        Error::Rustls(_) | Error::Tls(_) | Error::Pem(_) => FetchFault::Certificate,
        Error::Io(error) => match error.kind() {
            io::ErrorKind::ConnectionRefused | io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                FetchFault::Connection
            }
            io::ErrorKind::TimedOut => FetchFault::Timeout,
            _ => FetchFault::Broken,
        },
        _ => FetchFault::Broken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::net::{SocketAddr, TcpListener};
    use std::time::Duration;

    fn settings() -> FetchSettings {
        FetchSettings {
            timeout: Some(Duration::from_secs(5)),
            follows_redirects: false,
            verifies: true,
            agent: "me".into(),
            user: None,
            proxy: None,
        }
    }

    fn fetch(url: String, settings: FetchSettings) -> Fetch {
        Fetch { method: "GET", url, headers: Vec::new(), body: None, settings: Arc::new(settings) }
    }

    /// A server that gives this answer once, and what it was asked.
    fn server(answer: &'static str) -> (SocketAddr, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let asked = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("somebody comes");
            let (mut got, mut chunk) = (Vec::new(), [0; 1000]);
            while !String::from_utf8_lossy(&got).contains("\r\n\r\n") || got.ends_with(b"Continue") {
                let count = stream.read(&mut chunk).expect("a request");
                got.extend_from_slice(&chunk[..count]);
            }
            let text = String::from_utf8_lossy(&got).into_owned();
            let rest = text.split_once("ontent-length: ").and_then(|(_, rest)| rest.split("\r\n").next()?.parse().ok());
            let head = text.find("\r\n\r\n").expect("its end") + 4;
            while got.len() < head + rest.unwrap_or(0) {
                let count = stream.read(&mut chunk).expect("a body");
                got.extend_from_slice(&chunk[..count]);
            }
            stream.write_all(answer.as_bytes()).expect("a reader");
            String::from_utf8_lossy(&got).into_owned()
        });
        (address, asked)
    }

    fn run(fetch: Fetch) -> Result<Found, Unanswered> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(Clients::default().fetch(fetch))
    }

    #[test]
    fn a_page_is_got() {
        let (address, asked) = server("HTTP/1.1 404 No\r\nContent-Length: 4\r\n\r\ngone");
        let url = format!("http://{address}/a?b=c");
        let found = run(fetch(url.clone(), settings()));
        assert_eq!(found, Ok(Found::Page(Page { status: 404, body: "gone".into(), url })));
        let asked = asked.join().expect("it was asked").to_ascii_lowercase();
        assert!(asked.starts_with("get /a?b=c http/1.1\r\n"), "{asked}");
        assert!(asked.contains("\r\nuser-agent: me\r\n"), "{asked}");
    }

    #[test]
    fn a_body_and_headers_are_sent_and_a_redirection_stays_when_it_is_not_followed() {
        for method in ["POST", "GET"] {
            let (address, asked) = server("HTTP/1.1 302 There\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n");
            let user = Some(("bob".to_owned(), "secret".to_owned()));
            let fetch = Fetch {
                method,
                headers: vec![("Content-Type".into(), "application/json".into())],
                body: Some("{}".into()),
                ..fetch(format!("http://{address}/"), FetchSettings { user, ..settings() })
            };
            let found = run(fetch);
            assert!(matches!(&found, Ok(Found::Page(page)) if page.status == 302), "{found:?}");
            let asked = asked.join().expect("it was asked").to_ascii_lowercase();
            for part in ["content-type: application/json", "authorization: basic ", "content-length: 2", "{}"] {
                assert!(asked.contains(part), "{part}\n{asked}");
            }
            assert!(asked.starts_with(&method.to_ascii_lowercase()), "{asked}");
        }
    }

    #[test]
    fn failures_have_libcurls_numbers() {
        let closed = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound");
        let broken = server("this is no HTTP\r\n\r\n").0;
        for (url, fault) in [
            (format!("http://{closed}/"), FetchFault::Connection),
            (format!("http://{broken}/"), FetchFault::Broken),
            ("ftp://127.0.0.1/".to_owned(), FetchFault::Scheme),
            ("http://a b/".to_owned(), FetchFault::Url),
            ("http://".to_owned(), FetchFault::Url),
        ] {
            assert_eq!(run(fetch(url.clone(), settings())), Err(Unanswered::Unfetched(fault)), "{url}");
        }
        let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/", silent.local_addr().expect("bound"));
        let hasty = FetchSettings { timeout: Some(Duration::from_millis(50)), ..settings() };
        assert_eq!(run(fetch(url, hasty)), Err(Unanswered::Unfetched(FetchFault::Timeout)));
    }
}
