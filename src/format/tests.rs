//! Layout of everything at hand: it means the same, and another pass leaves it alone.

use super::*;
use crate::source::render;
use proptest::prelude::*;
use std::io;
use std::path::PathBuf;

/// Files of the disk.
struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a folder.
fn files_below(folder: PathBuf) -> Vec<PathBuf> {
    let (mut folders, mut files) = (vec![folder], Vec::new());
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()) {
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}

/// Formats what can be read; says how many files that is. A text that means something else is a failure, and so is one that changes again.
fn survives(paths: &[PathBuf]) -> usize {
    let (mut formatted, mut wrong) = (0, Vec::new());
    for path in paths {
        let text = std::fs::read(path).unwrap();
        match format(path, &text, &Disk) {
            Ok(once) => {
                formatted += 1;
                match format(path, &once, &Disk) {
                    Ok(twice) if twice == once => {}
                    Ok(twice) => {
                        let (once, twice) = (String::from_utf8_lossy(&once), String::from_utf8_lossy(&twice));
                        let diff = similar::TextDiff::from_lines(&once, &twice).unified_diff().to_string();
                        wrong.push(format!("{} changes again\n{diff}", path.display()));
                    }
                    Err(refusal) => {
                        let drawn = render::human(&refusal.sources, &refusal.diagnostics, false);
                        wrong.push(format!("{} is refused the second time\n{drawn}", path.display()));
                    }
                }
            }
            Err(refusal) if refusal.diagnostics.iter().any(|found| found.code == "format-differs") => {
                let drawn = render::human(&refusal.sources, &refusal.diagnostics, false);
                wrong.push(format!("{}\n{drawn}", path.display()));
            }
            Err(_) => {}
        }
    }
    assert!(wrong.is_empty(), "{} files\n{}", wrong.len(), wrong.join("\n"));
    formatted
}

#[test]
fn own_configs() {
    let mut paths = files_below(root().join("configs"));
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "cfg"));
    let formatted = survives(&paths);
    assert_eq!(formatted, paths.len(), "a config was refused");
}

#[test]
fn fixtures() {
    let mut paths = files_below(root().join("fixtures"));
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "cfg"));
    let formatted = survives(&paths);
    assert!(formatted > 10, "only {formatted} of {} files", paths.len());
}

#[test]
fn corpus() {
    let shared = ["../shared", "../../shared"].iter().map(|up| root().join(up).join("corpus/configs"));
    let Some(configs) = shared.into_iter().find(|path| path.exists()) else {
        println!("../shared/corpus/configs is absent: nothing to walk");
        return;
    };
    let paths = files_below(configs);
    let formatted = survives(&paths);
    println!("{formatted} of {} files", paths.len());
    assert!(formatted > 400, "only {formatted} of {} files", paths.len());
}

/// Each file of `fixtures/format` with the layout that was accepted for it, or why it is refused.
#[test]
fn accepted() {
    insta::with_settings!({snapshot_path => "../../fixtures/format", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::glob!("../../fixtures/format", "*.cfg", |path| {
            let text = std::fs::read(path).unwrap();
            let name = Path::new(path.file_name().unwrap());
            let shown = match format(name, &text, &Nothing) {
                Ok(formatted) => {
                    assert_eq!(format(name, &formatted, &Nothing).ok().as_ref(), Some(&formatted), "another pass changes {name:?}");
                    // Everything but tabs and line feeds is spelled out.
                    formatted.split_inclusive(|&byte| byte == b'\n').map(|line| {
                        let line = line.strip_suffix(b"\n").map_or((line, ""), |line| (line, "\n"));
                        line.0.escape_ascii().to_string().replace("\\t", "\t").replace("\\\"", "\"").replace("\\'", "'").replace("\\\\", "\\") + line.1
                    }).collect()
                }
                Err(refusal) => render::human(&refusal.sources, &refusal.diagnostics, false),
            };
            insta::assert_snapshot!(shown);
        });
    });
}

/// No file but the one that is read.
struct Nothing;

impl Files for Nothing {
    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Err(io::Error::from(io::ErrorKind::NotFound))
    }
}

/// Pieces of configs with bytes taken out, doubled and exchanged; the seed is always the same.
#[test]
fn mutated_configs() {
    let mut paths = files_below(root().join("configs"));
    paths.extend(files_below(root().join("fixtures/format")));
    paths.extend(files_below(root().join("fixtures/syntax")));
    let rounds = std::env::var("ALANUI_FUZZ_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
    if rounds.is_some() {
        paths.extend(files_below(root().join("../shared/corpus/configs")));
        paths.extend(files_below(root().join("../../shared/corpus/configs")));
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "cfg"));
    let texts: Vec<Vec<u8>> = paths.iter().map(|path| std::fs::read(path).unwrap()).collect();
    let mut state = 11u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % below.max(1)
    };
    let mut wrong = Vec::new();
    for _ in 0..rounds.unwrap_or(100) {
        let whole = &texts[next(texts.len())];
        // Some lines of it, so that much is read in little time.
        let lines: Vec<&[u8]> = whole.split_inclusive(|&byte| byte == b'\n').collect();
        let from = next(lines.len());
        let mut text = lines[from..lines.len().min(from + 40)].concat();
        for _ in 0..next(4) {
            let at = next(text.len());
            match next(4) {
                _ if text.is_empty() => {}
                0 => drop(text.remove(at)),
                1 => text.insert(at, text[at]),
                2 => text.insert(at, b" \n\t;{}()\"'#/*!$=-x0,:[]\\\r@%\x08\xff\0"[next(30)]),
                _ => text[at] = b" \n\t;{}()\"'#/*!$=-x0,:[]\\\r@%\x08\xff\0"[next(30)],
            }
        }
        match std::panic::catch_unwind(|| stable(&text)) {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => wrong.push(format!("{}\n{fault}", text.escape_ascii())),
            Err(_) => wrong.push(format!("{}\npanics", text.escape_ascii())),
        }
    }
    assert!(wrong.is_empty(), "{} texts\n{}", wrong.len(), wrong[..wrong.len().min(8)].join("\n\n"));
}

/// What an author might have written: whatever is taken is taken again, unchanged.
fn stable(text: &[u8]) -> Result<(), TestCaseError> {
    let path = Path::new("main.cfg");
    match format(path, text, &Nothing) {
        Ok(once) => match format(path, &once, &Nothing) {
            Ok(twice) => prop_assert_eq!(once.escape_ascii().to_string(), twice.escape_ascii().to_string()),
            Err(refusal) => prop_assert!(false, "{}\n{:?}", once.escape_ascii(), refusal.diagnostics),
        },
        Err(refusal) => {
            let differs = refusal.diagnostics.iter().any(|found| found.code == "format-differs");
            prop_assert!(!differs, "{:?}\n{}", refusal.diagnostics, text.escape_ascii());
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Other blanks, comments and directives between the tokens of a route.
    #[test]
    fn blanks(parts in proptest::collection::vec((0..STATEMENTS.len(), 0..BETWEEN.len(), 0..BETWEEN.len()), 1..12)) {
        let mut text = b"request_route {".to_vec();
        for (statement, first, second) in parts {
            for (at, token) in STATEMENTS[statement].iter().enumerate() {
                text.extend_from_slice(BETWEEN[if at % 2 == 0 { first } else { second }].as_bytes());
                text.extend_from_slice(token.as_bytes());
            }
        }
        text.extend_from_slice(b"\n}\n");
        stable(&text)?;
    }

    /// A config in which some bytes are others.
    #[test]
    fn mutations(edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..3u8), 1..5)) {
        let mut text = include_bytes!("../../fixtures/format/statements.cfg").to_vec();
        for (index, byte, how) in edits {
            let at = index.index(text.len());
            let byte = *byte.get(b" \n\t;{}()\"'#/*!$=-x0,:[]\\\r@%");
            match how {
                0 => text[at] = byte,
                1 => { text.remove(at); }
                _ => text.insert(at, byte),
            }
        }
        stable(&text)?;
    }
}

const BETWEEN: [&str; 9] =
    ["", " ", "\n", "\n\n\n\t", "/* c */", " # c\n", "\n#!ifdef A\n", "\n#!else\n", "\n#!endif\n"];

const STATEMENTS: [&[&str]; 8] = [
    &["if", "(", "$var(x)", "==", "-1", "&&", "!", "is_method", "(", "\"A\"", ")", ")", "{", "exit", ";", "}"],
    &["else", "{", "route", "(", "X", ")", ";", "}"],
    &["else", "if", "(", "$rU", "=~", "'x'", ")", "drop", ";"],
    &["$var(x)", "=", "$(ru{s.len})", "-", "1", "*", "(int)", "$y", ";"],
    &["switch", "(", "$rm", ")", "{", "case", "1", ":", "x", "(", ")", ";", "break", ";", "default", ":", ";", "}"],
    &["while", "(", "$i", "<", "3", ")", "{", ";", "}"],
    &["src_ip", "==", "10.0.0.0/8", ";"],
    &["x", "(", "a-b", ",", "!", "~", "$y", "/", "2", ",", "udp:1.2.3.4:5060", ")", ";", ";"],
];
