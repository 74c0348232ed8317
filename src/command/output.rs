//! Where commands print: standard output and standard error, in colour where that is wanted. No command writes to either in another way.

use super::UNPRINTED;
use anstream::{AutoStream, ColorChoice};
use clap::ValueEnum;
use std::io::{self, Write};

/// Whether what is printed is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// At a terminal that can, unless NO_COLOR is set; anywhere with CLICOLOR_FORCE.
    #[default]
    Auto,
    /// Whatever it is printed to.
    Always,
    /// Nowhere.
    Never,
}

/// The two streams, and the first thing that went wrong with them. Nothing that follows a fault is printed: what is missing in the middle would not be
/// seen.
#[derive(Debug, Default)]
pub(super) struct Output {
    color: Color,
    fault: Option<String>,
}

impl Output {
    pub(super) fn new(color: Color) -> Output {
        Output { color, fault: None }
    }

    /// Whether standard output is coloured.
    pub(super) fn color(&self) -> bool {
        self.chosen(AutoStream::choice(&io::stdout()))
    }

    /// Whether standard error is coloured.
    pub(super) fn error_color(&self) -> bool {
        self.chosen(AutoStream::choice(&io::stderr()))
    }

    fn chosen(&self, auto: ColorChoice) -> bool {
        match self.color {
            Color::Auto => auto != ColorChoice::Never,
            Color::Always => true,
            Color::Never => false,
        }
    }

    /// Prints text to standard output, as it is.
    pub(super) fn print(&mut self, text: &str) {
        // The fault is kept for the end.
        let _ = self.write_all(text.as_bytes());
    }

    /// Prints text to standard error, as it is.
    pub(super) fn complain(&mut self, text: &str) {
        if self.fault.is_none()
            && let Err(fault) = io::stderr().write_all(text.as_bytes())
        {
            self.fault = Some(format!("standard error cannot be written: {fault}"));
        }
    }

    /// Says in one line why something is not done.
    pub(super) fn fault(&mut self, why: &str) {
        self.complain(&format!("alanui: {why}\n"));
    }

    /// The exit code: that of the command, when all that it had to say is printed.
    pub(super) fn end(mut self, code: u8) -> u8 {
        // The fault is kept.
        let _ = self.flush();
        match self.fault.take() {
            None => code,
            Some(fault) => {
                self.fault(&fault);
                UNPRINTED
            }
        }
    }

    fn keep<T>(&mut self, done: io::Result<T>) -> io::Result<T> {
        if let Err(fault) = &done {
            self.fault.get_or_insert_with(|| format!("standard output cannot be written: {fault}"));
        }
        done
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &self.fault {
            Some(fault) => Err(io::Error::other(fault.clone())),
            None => {
                let written = io::stdout().write(bytes);
                // What is interrupted is written again.
                if written.as_ref().is_err_and(|fault| fault.kind() == io::ErrorKind::Interrupted) {
                    return written;
                }
                self.keep(written)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &self.fault {
            Some(_) => Ok(()),
            None => {
                let flushed = io::stdout().flush();
                self.keep(flushed)
            }
        }
    }
}
