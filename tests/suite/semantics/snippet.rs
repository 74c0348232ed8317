//! Snippets in a route, and ends of configs.

use super::super::simulated::{Refused, Server, Stage};
use super::row::{Row, unescaped};
use alanui::builtin::LogLevel;
use alanui::modules::MODULES;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Where the server listens; in results `KPORT`.
pub(super) const SERVER: &str = "127.0.0.1:17253";
/// Where the sender is; in results `LPORT`.
pub(super) const SENDER: &str = "127.0.0.1:41001";

const MODULES_OF_ROUTES: [&str; 13] =
    ["pv", "xlog", "sl", "tm", "rr", "maxfwd", "siputils", "textops", "textopsx", "kex", "corex", "cfgutils", "htable"];

/// The snippet as the body of a route.
pub(super) fn route_body(row: &Row) -> String {
    let mut modules: Vec<&str> = MODULES_OF_ROUTES.to_vec();
    modules.push("sdpops");
    let mut config = head(&modules, SERVER);
    config.push_str("disable_tcp=yes\nmodparam(\"pv\", \"shvset\", \"cnt=i:0\")\n");
    let global = row.extra("GLOBAL").unwrap_or_default();
    if is_built("htable") && !global.contains("\"htable\"") {
        config.push_str("modparam(\"htable\", \"htable\", \"t1=>size=4;\")\n");
    }
    config.push_str(&format!("{}\n{}\n", unescaped(global), unescaped(row.extra("AUX").unwrap_or_default())));
    config.push_str(&format!("route[T] {{\n{}\n}}\n", unescaped(row.text())));
    config.push_str("request_route {\nroute(T);\nxinfo(\"RETURNED $rc\");\nexit;\n}\n");
    let mut server = match start(&config, Stage::default(), SERVER) {
        Ok(server) => server,
        Err(why) => return why,
    };
    let method = row.note.strip_prefix("method ").unwrap_or("OPTIONS");
    let mut outcomes = Vec::new();
    let messages = if row.observed.contains("2nd message") { 2 } else { 1 };
    let before = server.log().1;
    for number in 1..=messages {
        let sent = server.receive(message(method, &format!("c{number}"), &row.id), address(SENDER));
        let replies = sent.iter().filter(|packet| packet.flow.peer == address(SENDER));
        let replies: Vec<String> = replies.map(|packet| status(&packet.bytes)).collect();
        let (mut lines, mut own) = server.log();
        own.extend(before.iter().filter(|level| !own.contains(level)).copied().collect::<Vec<_>>());
        own.sort();
        let returned = lines.pop_if(|line| line.starts_with("RETURNED"));
        let ended = match returned {
            Some(line) => format!("=> rc={}", line.trim_start_matches("RETURNED ")),
            None => "=> script ended".to_owned(),
        };
        let mut outcome = [shown(&lines), ended].join(" ").trim_start().to_owned();
        for reply in replies {
            outcome.push_str(&format!(" ; reply {reply}"));
        }
        outcome.push_str(&logged(&own));
        outcomes.push(outcome);
    }
    match outcomes.as_slice() {
        [one] => one.clone(),
        several => {
            let numbered = several
                .iter()
                .enumerate()
                .map(|(at, outcome)| format!("{} message: {outcome}", if at == 0 { "1st" } else { "2nd" }));
            numbered.collect::<Vec<_>>().join(" || ")
        }
    }
}

/// The snippet as the end of a config.
pub(super) fn config(row: &Row) -> String {
    let mut modules = vec!["pv", "xlog"];
    if matches!(row.category.as_str(), "typecheck" | "routekind") {
        modules.push("textops");
    }
    let mut stage = Stage::default();
    if let Some(args) = row.extra("ARGS") {
        let define = args.trim_start_matches("-A ").to_owned();
        stage.defines.push(define);
    }
    if let Some((name, value)) = row.extra("ENV").and_then(|text| text.split_once('=')) {
        stage.environment.push((name.to_owned(), value.to_owned()));
    }
    for (name, text) in row.extra("FILES").map(files).unwrap_or_default() {
        stage.files.insert(PathBuf::from(name), unescaped(&text).into_bytes());
    }
    let config = format!("{}{}", head(&modules, SERVER), unescaped(row.text()));
    let mut server = match start(&config, stage, SERVER) {
        Ok(server) => server,
        Err(why) => return why,
    };
    let before = server.log().1;
    server.receive(message("OPTIONS", "c1", &row.id), address(SENDER));
    let (lines, mut own) = server.log();
    own.extend(before);
    own.sort();
    own.dedup();
    let mut outcome = "starts".to_owned();
    if row.observed.contains("; prints") {
        outcome.push_str(&format!("; prints {}", shown(&lines).replace("KPORT", "LPORT")));
    }
    if let (Some(logs), false) = (row.observed.split("; logs ").nth(1), own.is_empty()) {
        let _ = logs;
        outcome.push_str(&logged(&own).replace(" ;", ";"));
    }
    outcome
}

/// What every config begins with. A module that is not built in is left out.
pub(super) fn head(modules: &[&str], listen: &str) -> String {
    let mut text = format!("debug=2\nlisten=udp:{listen}\nchildren=1\n");
    for module in modules.iter().filter(|module| is_built(module)) {
        text.push_str(&format!("loadmodule \"{module}.so\"\n"));
    }
    text.push_str("modparam(\"xlog\", \"prefix\", \"##\")\n");
    text
}

fn is_built(module: &str) -> bool {
    MODULES.iter().any(|built| built.name == module)
}

/// Starts a config, or says `startup error` and why.
pub(super) fn start(config: &str, stage: Stage, listen: &str) -> Result<Server, String> {
    Server::start(config.as_bytes(), stage, address(listen))
        .map_err(|Refused { codes, drawn }| format!("startup error {}\n{drawn}", codes.join(" ")))
}

/// The request that snippets see.
pub(super) fn message(method: &str, id: &str, row: &str) -> String {
    let test = row.get(1..).and_then(|digits| digits.parse::<u32>().ok()).unwrap_or(1) - 1;
    format!(
        "{method} sip:alice@{SERVER};transport=udp SIP/2.0\r\n\
         Via: SIP/2.0/UDP {SENDER};branch=z9hG4bK{id}\r\n\
         Max-Forwards: 70\r\n\
         From: \"Bob B\" <sip:bob@example.com>;tag=ft1\r\n\
         To: <sip:alice@example.org>\r\n\
         Call-ID: cid-{id}@test\r\n\
         CSeq: 42 {method}\r\n\
         Contact: <sip:bob@{SENDER}>\r\n\
         User-Agent: alanui-test\r\n\
         X-Test: {test}\r\n\
         X-Num: 17\r\n\
         X-Str: abc\r\n\
         Content-Type: text/plain\r\n\
         Content-Length: 5\r\n\r\nhello"
    )
}

/// Printed lines as a result shows them.
pub(super) fn shown(lines: &[String]) -> String {
    let lines = lines.iter().map(|line| {
        let line = line.replace("\r\n", "\n").replace("z9hG4bKc1", "z9hG4bKBR").replace("cid-c1@", "cid-BR@");
        ports(&line.replace('\n', "<NL>").replace('\t', "\\t"))
    });
    lines.collect::<Vec<_>>().join(" / ")
}

/// Ports by their names.
pub(super) fn ports(text: &str) -> String {
    text.replace(SERVER, "127.0.0.1:KPORT")
        .replace(SENDER, "127.0.0.1:LPORT")
        .replace("127.0.0.1:42001", "127.0.0.1:UPORT")
}

pub(super) fn logged(levels: &[LogLevel]) -> String {
    if levels.is_empty() {
        return String::new();
    }
    let names: Vec<_> = levels.iter().map(|level| level.name()).collect();
    format!(" ; logs {}", names.join(","))
}

/// Code and phrase of a reply.
pub(super) fn status(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let line = text.lines().next().unwrap_or_default();
    line.trim_start_matches("SIP/2.0 ").to_owned()
}

pub(super) fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// `name={text}; name={text}`, or the words for a chain of includes.
fn files(text: &str) -> Vec<(String, String)> {
    if text.starts_with("chain ") {
        let chain = (1..10).map(|at| (format!("n{at}.cfg"), format!("include_file \"n{}.cfg\"\n", at + 1)));
        return chain.chain([("n10.cfg".to_owned(), ";\n".to_owned())]).collect();
    }
    let mut found = Vec::new();
    let mut rest = text.trim();
    while let Some((name, more)) = rest.split_once("={") {
        let end = more.find("}; ").filter(|at| more[at + 3..].contains("={"));
        let end = end.unwrap_or_else(|| more.rfind('}').unwrap_or(more.len()));
        found.push((name.trim().to_owned(), format!("{}\n", &more[..end])));
        rest = more.get(end + 1..).unwrap_or_default().trim_start_matches(';').trim();
    }
    found
}
