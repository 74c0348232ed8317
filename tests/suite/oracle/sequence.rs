//! The text of a sequence file, taken apart. `tests/oracle/README.md` explains the form.

use std::path::Path;

/// One `==` section of a file.
pub(super) struct Sequence {
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) name: String,
    /// The configuration, `tests/oracle/<config>.cfg.in`.
    pub(super) config: String,
    /// Values for `@NAME@` in the configuration, first match wins.
    pub(super) settings: Vec<(String, String)>,
    /// Nobody gets anything; without this word an empty record is a mistake.
    pub(super) silence: bool,
    /// alanui runs with `--strict`.
    pub(super) strict: bool,
    /// The peers that speak TCP.
    pub(super) tcp: Vec<String>,
    /// Why alanui does something else here on purpose.
    pub(super) deliberate: Option<String>,
    /// Of messages that begin so, a peer's first is compared.
    pub(super) once: Vec<String>,
    pub(super) steps: Vec<Step>,
}

impl Sequence {
    pub(super) fn title(&self) -> String {
        format!("{}: {}", self.file, self.name)
    }
}

pub(super) struct Step {
    pub(super) peer: String,
    pub(super) action: Action,
}

pub(super) enum Action {
    /// From here on the messages of this peer belong to another call.
    Call(String),
    /// A request made from usual headers and the lines below it.
    Send { start: String, block: Block },
    /// A message that stands below it as it is, lines joined by CRLF.
    SendText(Vec<String>),
    /// Bytes with the escapes `\r \n \0 \\`.
    SendBytes(String),
    /// The last datagram of this peer once more.
    Repeat,
    /// Closes the peer's connections.
    Disconnect,
    /// A reply to the last request of this method.
    Answer { method: String, status: String, block: Block },
    /// Waits for a message whose start line begins so.
    Expect { start: String, again: bool },
}

/// The indented lines below a message: header lines, then, after an empty line, a body.
#[derive(Default)]
pub(super) struct Block {
    pub(super) headers: Vec<String>,
    pub(super) body: Vec<String>,
}

pub(super) fn read(path: &Path) -> Vec<Sequence> {
    let file = path.file_name().unwrap().to_string_lossy().into_owned();
    let text = std::fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let mut sequences: Vec<Sequence> = Vec::new();
    let (mut config, mut settings, mut tcp) = (String::new(), Vec::new(), Vec::new());
    let mut at = 0;
    while let Some(&line) = lines.get(at) {
        at += 1;
        let number = at;
        let wrong = |what: &str| -> ! { panic!("{file}:{number}: {what}: {line}") };
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix("== ") {
            sequences.push(Sequence {
                file: file.clone(),
                line: at,
                name: name.trim().to_owned(),
                config: config.clone(),
                settings: settings.clone(),
                silence: false,
                strict: false,
                tcp: tcp.clone(),
                deliberate: None,
                once: Vec::new(),
                steps: Vec::new(),
            });
            continue;
        }
        // Before the first section these hold for the file, below a heading for the section.
        if let Some(value) = line.strip_prefix("config ") {
            *sequences.last_mut().map_or(&mut config, |sequence| &mut sequence.config) = value.trim().to_owned();
            continue;
        }
        if let Some(value) = line.strip_prefix("set ") {
            let Some((name, value)) = value.split_once(' ') else { wrong("`set NAME value` expected") };
            let settings = sequences.last_mut().map_or(&mut settings, |sequence| &mut sequence.settings);
            settings.insert(0, (name.to_owned(), value.trim().to_owned()));
            continue;
        }
        if let Some(names) = line.strip_prefix("tcp") {
            let names = names.split_whitespace().map(str::to_owned).collect();
            *sequences.last_mut().map_or(&mut tcp, |sequence| &mut sequence.tcp) = names;
            continue;
        }
        if let (Some(sequence), Some(start)) = (sequences.last_mut(), line.strip_prefix("once ")) {
            sequence.once.push(start.trim().to_owned());
            continue;
        }
        if let (Some(sequence), Some(reason)) = (sequences.last_mut(), line.strip_prefix("deliberate ")) {
            sequence.deliberate = Some(reason.trim().to_owned());
            continue;
        }
        if let (Some(sequence), "silence") = (sequences.last_mut(), line.trim()) {
            sequence.silence = true;
            continue;
        }
        if let (Some(sequence), "strict") = (sequences.last_mut(), line.trim()) {
            sequence.strict = true;
            continue;
        }
        let Some((peer, rest)) = line.split_once(' ') else { wrong("`peer action` expected") };
        let (verb, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let block = indented(&lines, &mut at);
        let action = match verb {
            "call" => Action::Call(rest.to_owned()),
            "repeats" => Action::Repeat,
            "disconnects" => Action::Disconnect,
            "sends" if rest == "text" => Action::SendText(block),
            "sends" if rest.starts_with("bytes ") => Action::SendBytes(rest["bytes ".len()..].to_owned()),
            "sends" => Action::Send { start: rest.to_owned(), block: split(block) },
            "expects" => match rest.strip_prefix("again ") {
                Some(start) => Action::Expect { start: start.to_owned(), again: true },
                None => Action::Expect { start: rest.to_owned(), again: false },
            },
            "answers" => {
                let Some((method, status)) = rest.split_once(' ') else {
                    wrong("`answers METHOD CODE reason` expected")
                };
                Action::Answer { method: method.to_owned(), status: status.to_owned(), block: split(block) }
            }
            _ => wrong("unknown action"),
        };
        let Some(sequence) = sequences.last_mut() else { wrong("a step before the first `== name`") };
        sequence.steps.push(Step { peer: peer.to_owned(), action });
    }
    sequences
}

/// The lines below that are indented by four blanks, and the empty ones between them.
fn indented(lines: &[&str], at: &mut usize) -> Vec<String> {
    let mut block = Vec::new();
    let mut end = *at;
    for (index, line) in lines.iter().enumerate().skip(*at) {
        if let Some(line) = line.strip_prefix("    ") {
            block.resize(index - *at, String::new());
            block.push(line.to_owned());
            end = index + 1;
        } else if !line.is_empty() {
            break;
        }
    }
    *at = end;
    block
}

fn split(mut lines: Vec<String>) -> Block {
    match lines.iter().position(String::is_empty) {
        Some(blank) => {
            let body = lines.split_off(blank).split_off(1);
            Block { headers: lines, body }
        }
        None => Block { headers: lines, body: Vec::new() },
    }
}
