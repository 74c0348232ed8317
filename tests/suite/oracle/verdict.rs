//! What `kamailio -c` and alanui say of a text: taken or refused, and where.

use super::server;
use crate::front_end::{Table, one};
use alanui::builtin::Extensions;
use alanui::config::{Additions, load};
use alanui::modules::MODULES;
use alanui::source::{Level, Sources};
use std::path::Path;
use std::process::Command;

/// What Kamailio says of a text.
#[derive(Debug, PartialEq)]
pub(super) enum Verdict {
    Taken,
    /// The parser stopped at this line.
    Syntax(usize),
    /// It parses, and something in it is unknown or of a wrong type.
    Refused,
}

/// An error of alanui.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) code: &'static str,
    pub(super) line: usize,
}

pub(super) fn alanui(text: &str) -> Vec<Found> {
    let (mut sources, mut found) = (Sources::default(), Vec::new());
    let files: Table = one(text);
    let path = Path::new("main.cfg");
    let config = load(path, &files, &Additions::default(), MODULES, Extensions::default(), &mut sources, &mut found);
    config.start(None, &mut found);
    let line = |at: u32| 1 + text.as_bytes()[..at as usize].iter().filter(|byte| **byte == b'\n').count();
    let errors = found.iter().filter(|found| found.level == Level::Error);
    errors
        .map(|found| Found { code: found.code, line: found.labels.first().map_or(0, |label| line(label.span.start)) })
        .collect()
}

/// What Kamailio says of each, and its first complaint, asked by two threads.
pub(super) fn kamailio(texts: &[String]) -> Vec<(Verdict, String)> {
    let half = texts.len().div_ceil(2).max(1);
    std::thread::scope(|scope| {
        let halves: Vec<_> = texts
            .chunks(half)
            .map(|texts| {
                scope.spawn(move || {
                    let file = server::fresh_folder().unwrap().join("mistaken.cfg");
                    texts.iter().map(|text| ask(&file, text)).collect::<Vec<_>>()
                })
            })
            .collect();
        halves.into_iter().flat_map(|half| half.join().unwrap()).collect()
    })
}

fn ask(file: &Path, text: &str) -> (Verdict, String) {
    std::fs::write(file, text).unwrap();
    let output = Command::new("kamailio").arg("-c").arg("-f").arg(file).output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    let said = log.lines().find(|line| line.contains("CRITICAL") || line.contains("ERROR"));
    let said = said.and_then(|line| line.split_once("(): ")).map_or("", |(_, said)| said).to_owned();
    // What the parser says first is where the mistake is; behind one of meaning in a switch it says `syntax error` too.
    let first =
        log.lines().find_map(|line| line.split_once("parse error in config file ")).map_or("", |(_, first)| first);
    let line = first.split_once(", line ").filter(|_| first.ends_with(": syntax error"));
    let line = line.and_then(|(_, rest)| rest.split(|other: char| !other.is_ascii_digit()).next()?.parse().ok());
    let verdict = match line {
        // The rest of the file was the name of a variable: Kamailio throws it away and says ok.
        _ if log.contains("unexpected EOF while parsing pvar name") => Verdict::Refused,
        _ if output.status.success() => Verdict::Taken,
        Some(line) => Verdict::Syntax(line),
        None => Verdict::Refused,
    };
    (verdict, said)
}
