//! What commands print: each console block of `fixtures/command/*.trycmd` and of the documentation is run in a copy of the folder `.in` beside its
//! file, or in the root of the project, and what it prints is held against what stands there to the byte. `ALANUI_ACCEPT=1` accepts it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn commands_print_what_was_accepted() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages: Vec<PathBuf> = ["check", "life-of-a-request", "testing", "troubleshooting"]
        .iter()
        .map(|page| root.join(format!("docs/{page}.md")))
        .collect();
    let fixtures = fs::read_dir(root.join("fixtures/command")).unwrap().map(|entry| entry.unwrap().path());
    pages.extend(fixtures.filter(|path| path.extension().is_some_and(|ending| ending == "trycmd")));
    pages.sort();
    let (mut ran, mut reported) = (0, String::new());
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        let folder = Folder::of(&page, root);
        let mut shown = String::new();
        for piece in pieces(&text) {
            match piece {
                Piece::Text(line) => shown.push_str(line),
                Piece::Command(line) => {
                    ran += 1;
                    shown.push_str(line);
                    shown.push_str(&printed(line.trim_start_matches("$ ").trim(), &folder.place));
                }
                Piece::Blank => shown.push('\n'),
            }
        }
        let differs = folder.differences(&page);
        if std::env::var_os("ALANUI_ACCEPT").is_some() {
            fs::write(&page, &shown).unwrap();
        } else if shown != text {
            let diff = similar::TextDiff::from_lines(text.as_str(), &shown).unified_diff().to_string();
            reported.push_str(&format!("{}:\n{diff}\n", page.display()));
        }
        reported.push_str(&differs);
    }
    assert!(reported.is_empty(), "ALANUI_ACCEPT=1 accepts what commands print\n{reported}");
    assert!(ran > 30, "only {ran} commands were run");
}

/// A page in pieces: what a command printed is left out.
enum Piece<'a> {
    Text(&'a str),
    Command(&'a str),
    /// The empty line that parts a command from the one before it.
    Blank,
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let (mut pieces, mut inside, mut printed) = (Vec::new(), false, false);
    for line in text.split_inclusive('\n') {
        let fence = line.starts_with("```");
        if fence {
            inside = !inside && line.trim_end() == "```console";
            printed = false;
        }
        if inside && line.starts_with("$ ") {
            if printed {
                pieces.push(Piece::Blank);
            }
            printed = true;
            pieces.push(Piece::Command(line));
        } else if !printed || !inside {
            pieces.push(Piece::Text(line));
        }
    }
    pieces
}

/// What a command prints, behind its exit code unless that is 0.
fn printed(line: &str, folder: &Path) -> String {
    let words = words(line);
    let program = match words[0].as_str() {
        "alanui" => env!("CARGO_BIN_EXE_alanui"),
        tool @ ("cat" | "cp" | "sed") => tool,
        other => panic!("{other} is not run here: {line}"),
    };
    // Both streams in the order in which they were written.
    let done = Command::new("sh")
        .args(["-c", "exec \"$@\" 2>&1", "sh", program])
        .args(&words[1..])
        .current_dir(folder)
        .output()
        .unwrap();
    let code = match done.status.code() {
        Some(0) => String::new(),
        Some(code) => format!("? {code}\n"),
        None => panic!("{line} was ended by a signal"),
    };
    let text = String::from_utf8(done.stdout).unwrap();
    // How fast the machine is differs from run to run.
    let text: String = text.split_inclusive('\n').filter(|line| !line.ends_with(" messages a second\n")).collect();
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{code}{text}{end}")
}

/// The words of a line; those in single quotes may hold blanks.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut quoted) = (vec![String::new()], false);
    for letter in line.chars() {
        match letter {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            _ => words.last_mut().unwrap().push(letter),
        }
    }
    words
}

/// Where the commands of a page run.
struct Folder {
    place: PathBuf,
    copied: bool,
}

impl Folder {
    fn of(page: &Path, root: &Path) -> Folder {
        let from = page.with_extension("in");
        if !from.is_dir() {
            return Folder { place: root.to_owned(), copied: false };
        }
        let stem = page.file_stem().unwrap().to_string_lossy().into_owned();
        let place = std::env::temp_dir().join(format!("alanui-commands-{}-{stem}", std::process::id()));
        copy(&from, &place);
        Folder { place, copied: true }
    }

    /// How the files differ from those of the folder `.out` beside the page, where there is one.
    fn differences(&self, page: &Path) -> String {
        let wanted = page.with_extension("out");
        let mut reported = String::new();
        for path in files(&wanted) {
            let made = self.place.join(path.strip_prefix(&wanted).unwrap());
            let (made, wanted) = (fs::read_to_string(&made).unwrap_or_default(), fs::read_to_string(&path).unwrap());
            if made != wanted {
                let diff = similar::TextDiff::from_lines(wanted.as_str(), &made).unified_diff().to_string();
                reported.push_str(&format!("{}:\n{diff}\n", path.display()));
            }
        }
        reported
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.copied {
            let _ = fs::remove_dir_all(&self.place);
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn copy(from: &Path, to: &Path) {
    for path in files(from) {
        let copied = to.join(path.strip_prefix(from).unwrap());
        fs::create_dir_all(copied.parent().unwrap()).unwrap();
        fs::copy(&path, copied).unwrap();
    }
}
