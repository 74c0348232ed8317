//! What was found, as a scenario.

use super::Baseline;
use super::input::Input;
use super::properties::Property;
use super::shrink::Case;
use crate::config::Unbuilt;
use crate::sim::database::Canned;
use crate::sim::scenario::Scenario;
use crate::source::{FileId, Span};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The text of a scenario that plays the case, and the place in the config that the finding is about.
pub(super) fn scenario(
    baseline: &Baseline,
    case: &Case,
    property: &Property,
    what: &str,
) -> (String, Option<(PathBuf, usize)>) {
    let place = place(baseline, what);
    let what = match &place {
        Some((path, line)) => format!("a loop at {}:{line}", path.display()),
        None => what.to_owned(),
    };
    let mut text = format!("# {}: {what}\n# {}\n\n", property.name, property.doc);
    stage(baseline.scenario, &mut text);
    let mut peers: Vec<(String, SocketAddr)> = Vec::new();
    for (source, _) in &case.lines {
        let name = if *source == baseline.words.foreign.outside { "outside" } else { "sender" };
        name_peer(&mut peers, name, *source);
    }
    for address in &case.contacted {
        name_peer(
            &mut peers,
            if address.ip() == baseline.words.foreign.elsewhere { "elsewhere" } else { "world" },
            *address,
        );
    }
    for (name, address) in &peers {
        let _ = writeln!(text, "peer {name} {address}");
    }
    let mut waits = Duration::ZERO;
    for (input, (source, lines)) in case.inputs.iter().zip(&case.lines) {
        if !waits.is_zero() {
            let _ = writeln!(text, "wait {}ms", waits.as_millis());
        }
        text.push('\n');
        answers(case, input, &peers, &mut text);
        let sender = peers.iter().find(|(_, address)| address == source).map_or("outside", |(name, _)| name);
        message(sender, lines, &input.body, &mut text);
        waits = input.pause;
    }
    if waits > Duration::from_secs(1) {
        let _ = writeln!(text, "\nwait {}ms", waits.as_millis());
    }
    (text, place)
}

/// The file and line of a loop: what is found names it by its place in the sources.
fn place(baseline: &Baseline, what: &str) -> Option<(PathBuf, usize)> {
    let (file, start) = what.strip_prefix("a loop at ")?.split_once(':')?;
    let span = Span { file: FileId(file.parse().ok()?), start: start.parse().ok()?, end: 0 };
    let (line, _) = baseline.sources.line_column(span.file, span.start);
    Some((baseline.sources.path(span.file).to_owned(), line))
}

fn name_peer(peers: &mut Vec<(String, SocketAddr)>, name: &str, address: SocketAddr) {
    if peers.iter().any(|(_, known)| *known == address) {
        return;
    }
    let same = peers.iter().filter(|(known, _)| known.trim_end_matches(|c: char| c.is_ascii_digit()) == name).count();
    peers.push((if same == 0 { name.to_owned() } else { format!("{name}{}", same + 1) }, address));
}

/// The lines that set the stage.
fn stage(scenario: &Scenario, text: &mut String) {
    let shown = |path: &Path| path.display().to_string();
    let _ = writeln!(text, "config {}", shown(&scenario.config));
    for define in &scenario.defines {
        let (name, value) = define.split_once('=').unwrap_or((define, ""));
        let _ = writeln!(text, "define {name} {value}");
    }
    if scenario.strict {
        text.push_str("strict\n");
    }
    match scenario.unbuilt {
        Unbuilt::Refused => {}
        Unbuilt::Allowed => text.push_str("allow-unsupported\n"),
        Unbuilt::AllowedWithAuthentication => text.push_str("allow-unsupported auth\n"),
    }
    if !scenario.stand_ins.is_empty() {
        let _ = writeln!(text, "stand-in {}", scenario.stand_ins.join(" "));
    }
    for (path, stand_in) in &scenario.files {
        let _ = writeln!(text, "file {} is {}", shown(path), shown(stand_in));
    }
    if let Some(zone) = scenario.zone.iana_name().filter(|name| *name != "UTC") {
        let _ = writeln!(text, "zone {zone}");
    }
    for line in &scenario.databases {
        let paths: Vec<String> = line.paths.iter().map(|path| shown(path)).collect();
        let part = if line.url_part.is_empty() { String::new() } else { format!(" for {}", line.url_part) };
        let _ = writeln!(text, "database {}{part}", paths.join(" "));
    }
    for (name, kind, record) in &scenario.records {
        let kind = crate::builtin::RecordKind::NAMED.iter().find(|(_, its)| its == kind).map_or("A", |(name, _)| name);
        let _ = writeln!(text, "dns {name} {kind} {record}");
    }
    for canned in &scenario.canned {
        canned_rows(canned, text);
    }
    for page in &scenario.pages {
        match &page.answer {
            None => _ = writeln!(text, "http fails \"{}\"", page.part),
            Some((status, body)) => {
                let _ = writeln!(text, "http answers \"{}\" {status}", page.part);
                for line in String::from_utf8_lossy(body).lines() {
                    let _ = writeln!(text, "  | {line}");
                }
            }
        }
    }
    for (transport, listen) in &scenario.listen {
        let _ = writeln!(text, "listen {transport}:{listen}");
    }
    if scenario.machine != Scenario::MACHINE {
        let _ = writeln!(text, "machine {}", scenario.machine);
    }
    let _ = writeln!(text, "seed {}", scenario.seed);
}

/// What a database answers without being asked.
fn canned_rows(canned: &Canned, text: &mut String) {
    let _ = writeln!(text, "database answers \"{}\"", canned.part);
    let Some(rows) = &canned.rows else {
        text.push_str("  fails\n");
        return;
    };
    let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if !rows.columns.is_empty() {
        let names: Vec<String> = rows.columns.iter().map(|name| shown(name)).collect();
        let _ = writeln!(text, "  {}", names.join(" | "));
        for row in rows.cells.chunks(rows.columns.len()) {
            let cells = row.iter().map(|cell| if cell.is_null() { "NULL".to_owned() } else { shown(&cell.to_text()) });
            let _ = writeln!(text, "  {}", cells.collect::<Vec<_>>().join(" | "));
        }
    }
}

/// How those whom the server sends to answer.
fn answers(case: &Case, input: &Input, peers: &[(String, SocketAddr)], text: &mut String) {
    let method = String::from_utf8_lossy(input.method()).into_owned();
    if input.answers.is_empty() || !method.bytes().all(|byte| byte.is_ascii_alphanumeric()) || method.is_empty() {
        return;
    }
    let codes: Vec<String> = input.answers.iter().map(u16::to_string).collect();
    for (name, _) in peers.iter().filter(|(_, address)| case.contacted.contains(address)) {
        let _ = writeln!(text, "{name} always answers {method} with {}", codes.join(" "));
    }
}

fn message(sender: &str, lines: &[Vec<u8>], body: &[u8], text: &mut String) {
    let whole = [lines.join(&b"\r\n"[..]), body.to_vec()].concat();
    let is_text = std::str::from_utf8(&whole).is_ok_and(|text| {
        let rest = text.replace("\r\n", "");
        !rest.contains(|c: char| c.is_control() && c != '\t')
    });
    if !is_text {
        let all = [lines.join(&b"\r\n"[..]), b"\r\n\r\n".to_vec(), body.to_vec()].concat();
        let _ = writeln!(
            text,
            "# Not only text: these bytes in a file, and `{sender} sends file FILE`; below is what comes near."
        );
        let _ = writeln!(text, "# printf '%b' '{}'", all.escape_ascii().to_string().replace('\'', "\\x27"));
    }
    let _ = writeln!(text, "{sender} sends raw");
    let mut all: Vec<String> = lines.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    all.push(String::new());
    let body = String::from_utf8_lossy(body);
    all.extend(body.lines().map(str::to_owned));
    for line in all.iter().flat_map(|line| line.split("\r\n")) {
        let _ = writeln!(text, "  | {}", line.replace(['\r', '\n'], " "));
    }
}
