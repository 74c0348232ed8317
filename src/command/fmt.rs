//! `alanui fmt`: configs in one layout.

use super::output::Output;
use super::{BAD, GOOD, UNREADABLE};
use crate::format::{Refusal, format};
use crate::host::Disk;
use crate::source::render;
use clap::Args;
use similar::TextDiff;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

#[derive(Args, Debug)]
pub(super) struct FmtOptions {
    /// Configs, or files that configs include; - reads standard input and writes standard output.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Write nothing; list the files that would change.
    #[arg(long)]
    check: bool,
    /// Write nothing; show what would change.
    #[arg(long)]
    diff: bool,
}

/// Lays files out and gives the exit code.
pub(super) fn fmt(options: &FmtOptions, out: &mut Output) -> u8 {
    let codes = options.files.iter().map(|path| match one(options, path, out) {
        Ok(code) => code,
        Err(Fault::Refused(refusal)) => {
            out.complain(&render::human(&refusal.sources, &refusal.diagnostics, out.error_color()));
            BAD
        }
        Err(Fault::Unreadable(error)) => {
            out.complain(&format!("{}: {error}\n", path.display()));
            UNREADABLE
        }
    });
    codes.max().unwrap_or(GOOD)
}

/// Why a file is not laid out.
enum Fault {
    Refused(Refusal),
    Unreadable(io::Error),
}

fn one(options: &FmtOptions, path: &Path, out: &mut Output) -> Result<u8, Fault> {
    let standard_input = path == Path::new("-");
    let shown = if standard_input { Path::new("<standard input>") } else { path };
    let mut text = Vec::new();
    if standard_input {
        io::stdin().read_to_end(&mut text).map_err(Fault::Unreadable)?;
    } else {
        text = std::fs::read(path).map_err(Fault::Unreadable)?;
    }
    let formatted = format(shown, &text, &Disk).map_err(Fault::Refused)?;
    if options.diff {
        let (before, after) = (String::from_utf8_lossy(&text), String::from_utf8_lossy(&formatted));
        let diff = TextDiff::from_lines(&before, &after);
        let name = shown.display().to_string();
        out.print(&diff.unified_diff().context_radius(3).header(&name, &name).to_string());
    }
    let changes = formatted != text;
    if options.check || options.diff {
        if options.check && changes {
            out.print(&format!("{}\n", shown.display()));
        }
        return Ok(if options.check && changes { BAD } else { GOOD });
    }
    if standard_input {
        // The output keeps the fault.
        let _ = out.write_all(&formatted);
    } else if changes {
        std::fs::write(path, &formatted).map_err(Fault::Unreadable)?;
    }
    Ok(GOOD)
}
