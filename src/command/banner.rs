//! What a server says of itself when it starts.

use crate::builtin::{RouteKind, Settings, Socket, Sockets};
use crate::config::{Config, Started};
use crate::host::Opened;
use crate::source::{Sources, Span};
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

/// What there is to say.
pub(super) struct Facts<'a> {
    pub(super) path: &'a Path,
    pub(super) config: &'a Config,
    pub(super) sources: &'a Sources,
    pub(super) started: &'a Started,
    pub(super) databases: &'a [Opened],
    pub(super) init_db: Option<&'a Path>,
    pub(super) sockets: &'a Sockets,
    pub(super) workers: u16,
}

/// The lines; the last ones are those that scripts wait for.
pub(super) fn banner(facts: &Facts) -> String {
    let mut text = format!("alanui {}\n", env!("CARGO_PKG_VERSION"));
    let mut line = |name: &str, value: &str| {
        let mut name = name;
        for value in value.lines() {
            let _ = writeln!(text, "  {name:<10} {value}");
            name = "";
        }
    };
    line("config", &facts.path.display().to_string());
    // The first is the core.
    let modules: Vec<_> = facts.config.registry.loaded().iter().skip(1).map(|module| module.name).collect();
    line("modules", &modules.join(" "));
    line("routes", &routes(facts.config));
    line("timers", &timers(&facts.started.settings));
    line("databases", &databases(facts));
    line("extensions", &extensions(facts));
    line("workers", &facts.workers.to_string());
    let _ = writeln!(text, "Listening on");
    for socket in &facts.sockets.list {
        let _ = writeln!(text, "             {}", place(socket));
    }
    text.push_str("ready");
    text
}

fn place(socket: &Socket) -> String {
    let mut text = format!("{}: {}", socket.transport, socket.address);
    if let Some((host, port)) = socket.advertised() {
        let _ = write!(text, " advertise {}:{port}", String::from_utf8_lossy(host));
    }
    if let Some(name) = &socket.name {
        let _ = write!(text, " name {}", String::from_utf8_lossy(name));
    }
    text
}

/// One line for each kind of route: how many, and their names.
fn routes(config: &Config) -> String {
    let kinds = [
        (RouteKind::Request, "request_route", "route"),
        (RouteKind::CoreReply, "reply_route", "reply_route"),
        (RouteKind::Reply, "onreply_route", "onreply_route"),
        (RouteKind::Failure, "failure_route", "failure_route"),
        (RouteKind::Branch, "branch_route", "branch_route"),
        (RouteKind::Onsend, "onsend_route", "onsend_route"),
        (RouteKind::Event, "event_route", "event_route"),
    ];
    let mut lines = String::new();
    for (kind, main, named) in kinds {
        let of_kind: Vec<_> = config.program.routes.iter().filter(|route| route.kind == kind).collect();
        if of_kind.iter().any(|route| route.name.is_empty()) {
            let _ = writeln!(lines, "{main}");
        }
        let names: Vec<_> = of_kind.iter().map(|route| route.name.as_str()).filter(|name| !name.is_empty()).collect();
        if !names.is_empty() {
            let _ = writeln!(lines, "{} {named}: {}", names.len(), names.join(" "));
        }
    }
    lines
}

fn timers(settings: &Settings) -> String {
    let tm = &settings.transaction;
    if !tm.loaded {
        return "none: tm is not loaded".to_owned();
    }
    let timers = [
        ("fr_timer", tm.fr_timer),
        ("fr_inv_timer", tm.fr_inv_timer),
        ("retr_timer1", tm.retr_timer1),
        ("retr_timer2", tm.retr_timer2),
        ("wt_timer", tm.wt_timer),
    ];
    timers.map(|(name, wait)| format!("{name} {}", human(wait))).join(", ")
}

/// A time as people say it: `500 ms`, `1.5 s`, `3 min`.
fn human(wait: Duration) -> String {
    let millis = wait.as_millis();
    match millis {
        0..1000 => format!("{millis} ms"),
        _ if millis.is_multiple_of(60_000) => format!("{} min", millis / 60_000),
        _ => format!("{} s", wait.as_secs_f64()),
    }
}

fn databases(facts: &Facts) -> String {
    if facts.databases.is_empty() {
        return "none".to_owned();
    }
    let mut lines = String::new();
    for database in facts.databases {
        let _ = write!(lines, "{}", database.name);
        match facts.init_db {
            Some(template) if database.made => {
                let _ = writeln!(lines, " (made from {})", template.display());
            }
            Some(_) => lines.push_str(" (was there, left alone)\n"),
            None => lines.push('\n'),
        }
    }
    lines
}

/// Each extension that the config relies on, with the places.
fn extensions(facts: &Facts) -> String {
    let mut used = [facts.config.used.as_slice(), &facts.started.used].concat();
    if used.is_empty() {
        return "none".to_owned();
    }
    used.sort();
    used.dedup();
    let mut lines = String::new();
    for group in used.chunk_by(|(one, _), (other, _)| one == other) {
        let [(extension, _), ..] = group else { continue };
        let places: Vec<_> = group.iter().filter_map(|(_, span)| where_is(facts.sources, *span)).collect();
        let _ = writeln!(lines, "{} {}", extension.row().name, places.join(" "));
    }
    lines
}

/// `file:line`; nothing for what no text says.
fn where_is(sources: &Sources, span: Span) -> Option<String> {
    let (line, _) = sources.line_column(span.file, span.start);
    (span != Span::default()).then(|| format!("{}:{line}", sources.path(span.file).display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_in_the_largest_unit_that_fits() {
        let cases =
            [(0, "0 ms"), (500, "500 ms"), (1500, "1.5 s"), (5000, "5 s"), (30_000, "30 s"), (180_000, "3 min")];
        for (millis, text) in cases {
            assert_eq!(human(Duration::from_millis(millis)), text);
        }
    }
}
