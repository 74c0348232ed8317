//! Asking, and what is stored of the answer.

use super::connection::{Connection, HttpClient};
use crate::builtin::{
    Answer, Args, Context, Fetch, FetchFault, FetchSettings, Found, LogLevel, OnAnswer, Outcome, Service, Unanswered,
    Value,
};
use bytes::Bytes;
use std::sync::Arc;

/// The URL that answered last on each connection, for `http_get_redirect`.
#[derive(Debug, Default)]
struct Answered(Vec<(Bytes, String)>);

/// `http_client_query`: a URL, a body and header lines, as far as there are that many arguments.
pub(super) fn query(cx: &mut Context, args: &Args) -> Outcome {
    ask_url(cx, args, "POST")
}

/// `http_client_get`.
pub(super) fn get(cx: &mut Context, args: &Args) -> Outcome {
    ask_url(cx, args, "GET")
}

fn ask_url(cx: &mut Context, args: &Args, with_body: &'static str) -> Outcome {
    let Some(state) = cx.state::<HttpClient>() else { return Outcome::FALSE };
    let inner = args.len().saturating_sub(1);
    let [url, body, lines] = [0, 1, 2].map(|at| if at < inner { args.text(cx, at) } else { Bytes::new() });
    if url.is_empty() {
        cx.log(LogLevel::Error, "the URL is empty");
        return Outcome::FALSE;
    }
    let mut headers = headers(&lines);
    let url = String::from_utf8_lossy(&url).into_owned();
    let url = if url.contains("://") { url } else { format!("http://{url}") };
    if !body.is_empty() && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("Content-Type")) {
        headers.push(("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned()));
    }
    fetch(with_body, url, headers, body, &state.settings, |cx, args, answer| {
        let Some(state) = cx.state::<HttpClient>() else { return Outcome::FALSE };
        store(cx, args, &answer, state.most, state.first_line)
    })
}

/// `http_connect`, with or without a body.
pub(super) fn connect(cx: &mut Context, args: &Args) -> Outcome {
    let Some(connection) = connection(cx, args) else { return Outcome::FALSE };
    ask_connection(cx, args, &connection, |cx, args, answer| {
        let Some(connection) = self::connection(cx, args) else { return Outcome::FALSE };
        let failed = match &answer {
            Answer::Found(Ok(Found::Page(page))) => page.status >= 500,
            _ => true,
        };
        match failover(cx, &connection).filter(|_| failed) {
            Some(other) => {
                cx.log(LogLevel::Error, format!("{} does not serve, {} is asked", connection.name, other.name));
                ask_connection(cx, args, &other, |cx, args, answer| {
                    let connection = self::connection(cx, args).and_then(|connection| failover(cx, &connection));
                    connection.map_or(Outcome::FALSE, |connection| keep(cx, args, &answer, &connection))
                })
            }
            None => keep(cx, args, &answer, &connection),
        }
    })
}

fn ask_connection(cx: &mut Context, args: &Args, connection: &Connection, then: impl OnAnswer) -> Outcome {
    let path = String::from_utf8_lossy(&args.text(cx, 1)).into_owned();
    let posts = args.len() > 3;
    let (kind, body) = if posts { (args.text(cx, 2), args.text(cx, 3)) } else { (Bytes::new(), Bytes::new()) };
    let headers = match body.is_empty() {
        true => Vec::new(),
        false => vec![("Content-Type".to_owned(), String::from_utf8_lossy(&kind).into_owned())],
    };
    fetch("POST", connection.of(&path), headers, body, &connection.settings, then)
}

/// The connection that a call names.
fn connection(cx: &mut Context, args: &Args) -> Option<Arc<Connection>> {
    let name = args.text(cx, 0);
    let found = cx.state::<HttpClient>()?.connection(&name);
    if found.is_none() {
        cx.log(LogLevel::Error, format!("there is no connection {}", String::from_utf8_lossy(&name)));
    }
    found
}

/// The connection that is asked when this one fails.
fn failover(cx: &Context, connection: &Connection) -> Option<Arc<Connection>> {
    cx.state::<HttpClient>()?.connection(connection.failover.as_ref()?.as_bytes())
}

/// Stores an answer and the URL it came from.
fn keep(cx: &mut Context, args: &Args, answer: &Answer, connection: &Connection) -> Outcome {
    if let Answer::Found(Ok(Found::Page(page))) = answer {
        let name = args.text(cx, 0);
        let Answered(answered) = cx.local::<Answered>();
        answered.retain(|(known, _)| *known != name);
        answered.push((name, page.url.clone()));
    }
    store(cx, args, answer, connection.most, false)
}

/// `http_get_redirect`.
pub(super) fn redirect(cx: &mut Context, args: &Args) -> Outcome {
    if connection(cx, args).is_none() {
        return Outcome::FALSE;
    }
    let name = args.text(cx, 0);
    let Answered(answered) = cx.local::<Answered>();
    let url = answered.iter().find(|(known, _)| *known == name).map(|(_, url)| url.clone()).unwrap_or_default();
    let stored = args.target(1).is_some_and(|target| target.assign(cx, Value::Text(Bytes::from(url))).is_ok());
    Outcome::truth(stored)
}

fn fetch(
    with_body: &'static str,
    url: String,
    headers: Vec<(String, String)>,
    body: Bytes,
    settings: &Arc<FetchSettings>,
    then: impl OnAnswer,
) -> Outcome {
    let body = Some(body).filter(|body| !body.is_empty());
    let method = if body.is_some() { with_body } else { "GET" };
    let fetch = Fetch { method, url, headers, body, settings: settings.clone() };
    Outcome::ask(Service::Fetch(Box::new(fetch)), then)
}

/// Stores what was answered below 500, and gives the status; a failure stores the empty text and gives its code.
fn store(cx: &mut Context, args: &Args, answer: &Answer, most: usize, first_line: bool) -> Outcome {
    let (code, body) = match answer {
        Answer::Found(Ok(Found::Page(page))) if page.status < 500 => (i32::from(page.status), page.body.clone()),
        Answer::Found(Ok(Found::Page(page))) => (i32::from(page.status), Bytes::new()),
        Answer::Found(Err(Unanswered::Unfetched(fault))) => {
            cx.log(LogLevel::Warning, format!("{}: {fault}", args.name()));
            (*fault as i32, Bytes::new())
        }
        _ => {
            cx.log(LogLevel::Warning, format!("{}: too much is under way", args.name()));
            (FetchFault::Connection as i32, Bytes::new())
        }
    };
    let line = if first_line { memchr::memchr(b'\n', &body) } else { None };
    let whole = if most == 0 { body.len() } else { body.len().min(most) };
    let stored = body.slice(..line.unwrap_or(whole));
    if let Some(target) = args.target(args.len().saturating_sub(1))
        && target.assign(cx, Value::Text(stored)).is_err()
    {
        return Outcome::FALSE;
    }
    Outcome::Return(code)
}

/// Header lines as names and values; what is none is left out.
fn headers(lines: &[u8]) -> Vec<(String, String)> {
    let lines = lines.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
    let pairs = lines.filter_map(|line| line.split_once(':'));
    pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect()
}
