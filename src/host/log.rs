//! Lines for people: from nodes to standard error, as text in Kamailio's form or as JSON.

use super::spool::{Batch, PATIENCE, Spool, Stream};
use crate::builtin::{LogLevel, LogLine};
use std::borrow::Cow;
use std::fmt;
use std::io;
use std::ops::ControlFlow;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::registry::LookupSpan;

/// How lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// As Kamailio writes them: process index, process id, level, text. No time: the journal or whatever reads them knows it.
    #[default]
    Text,
    /// One JSON object a line, with the time.
    Json,
}

/// Bytes of lines that may wait until whoever reads standard error takes them.
const WAITING: usize = 4 << 20;
/// The target of the line that says how many are missing: it is never one of them.
const LEFT_OUT: &str = "left-out";

/// The way of lines to standard error.
#[derive(Debug)]
pub struct Log(Spool);

impl Log {
    /// Lets what was logged be written, for a moment; what comes later is left out.
    pub fn end(self) {
        self.0.end(PATIENCE);
    }
}

/// Starts writing lines to standard error, on a thread of its own: a reader who is slow, or gone, holds up nobody and ends nothing. `debug` is
/// Kamailio's number; from 4 on every packet is a line.
///
/// # Errors
/// Standard error is closed, or the system has no thread.
pub fn start(format: LogFormat, debug: i8) -> io::Result<Log> {
    let level = match debug {
        i8::MIN..=2 => LevelFilter::INFO,
        3 => LevelFilter::DEBUG,
        4..=i8::MAX => LevelFilter::TRACE,
    };
    let mut stream = Stream::of(&io::stderr())?;
    let mut loss = Loss::default();
    let spool = Spool::begin("log", WAITING, move |batch| {
        loss.write(batch, &mut |bytes| stream.write(bytes).map_err(|(written, _)| written), &mut say_missing);
        ControlFlow::Continue(())
    })?;
    // What the subscriber says of its own faults would go to standard error past the spool.
    let lines = tracing_subscriber::fmt().with_max_level(level).log_internal_errors(false);
    let lines = lines.with_writer(Lines(spool.clone()));
    // A second start keeps the first.
    let _ = match format {
        LogFormat::Text => {
            let form = KamailioForm { process: std::process::id() };
            tracing::subscriber::set_global_default(lines.event_format(form).finish())
        }
        LogFormat::Json => tracing::subscriber::set_global_default(lines.json().flatten_event(true).finish()),
    };
    std::panic::set_hook(Box::new(|panic| {
        let thread = std::thread::current();
        let text = format!("thread {} broke: {panic}", thread.name().unwrap_or("without a name"));
        write(0, &LogLine { level: LogLevel::Bug, from_script: false, text });
    }));
    Ok(Log(spool))
}

/// Where the subscriber writes its lines.
struct Lines(Spool);

/// Where one line goes.
struct Line<'a> {
    spool: &'a Spool,
    always: bool,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { spool: &self.0, always: false }
    }

    fn make_writer_for(&'a self, line: &Metadata<'_>) -> Line<'a> {
        Line { spool: &self.0, always: line.target() == LEFT_OUT }
    }
}

/// The subscriber writes each line at once.
impl io::Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // What is left out is counted.
        let _ = if self.always { self.spool.put_always(line) } else { self.spool.put(line) };
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What standard error lacks so far.
#[derive(Debug, Default)]
struct Loss {
    lines: u64,
    /// So many of them the last batch tells of, which is not written yet.
    reported: u64,
    /// The last line that was written has no end.
    torn: bool,
}

impl Loss {
    /// Writes a batch with `write`, which gives how much it wrote before it failed. As soon as anything can be written, `say` is given how many lines
    /// are missing; it puts that into the next batch.
    fn write(&mut self, batch: &Batch, write: &mut dyn FnMut(&[u8]) -> Result<(), usize>, say: &mut dyn FnMut(u64)) {
        self.lines += batch.left_out;
        if self.torn && write(b"\n").is_ok() {
            self.torn = false;
        }
        let reported = std::mem::take(&mut self.reported);
        match write(&batch.bytes) {
            Ok(()) => self.lines -= reported,
            Err(written) => {
                // The line that tells of some is in the batch and none of them.
                self.lines += batch.pieces.saturating_sub(u64::from(reported > 0));
                let last = written.checked_sub(1).and_then(|last| batch.bytes.get(last));
                self.torn |= last.is_some_and(|byte| *byte != b'\n');
                return;
            }
        }
        if self.lines > 0 {
            self.reported = self.lines;
            say(self.lines);
        }
    }
}

fn say_missing(lines: u64) {
    let text = format!("log: up to {lines} lines are missing here: standard error was full or its reader too slow");
    tracing::warn!(target: LEFT_OUT, process = 0_usize, "{text}");
}

/// Writes the lines of worker number `index` and forgets them.
pub(super) fn drain(index: usize, lines: &mut Vec<LogLine>) {
    for line in lines.drain(..) {
        write(index + 1, &line);
    }
}

/// Writes one line; `process` is the place among Kamailio's processes: 0 is the server itself, its workers count from 1.
pub fn write(process: usize, line: &LogLine) {
    macro_rules! event {
        ($level:expr) => {{
            let name = line.level.name();
            if line.from_script {
                tracing::event!(target: "script", $level, process, name, "{}", line.text);
            } else {
                tracing::event!(target: "alanui", $level, process, name, "{}", line.text);
            }
        }};
    }
    match line.level {
        LogLevel::Alert | LogLevel::Bug | LogLevel::Critical | LogLevel::Error => event!(Level::ERROR),
        LogLevel::Warning => event!(Level::WARN),
        LogLevel::Notice | LogLevel::Info => event!(Level::INFO),
        LogLevel::Debug => event!(Level::DEBUG),
    }
}

/// ` 1(4711) NOTICE: <script>: text`: what people's filters look for.
struct KamailioForm {
    process: u32,
}

impl<S, N> FormatEvent<S, N> for KamailioForm
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let level = fields.name.as_deref().unwrap_or(match *event.metadata().level() {
            Level::ERROR => "ERROR",
            Level::WARN => "WARNING",
            Level::INFO => "NOTICE",
            Level::DEBUG | Level::TRACE => "DEBUG",
        });
        // What a script writes carries its own prefix, which a module parameter sets.
        let place = if event.metadata().target() == "script" { "" } else { "<core>: " };
        writeln!(writer, "{:2}({}) {level}: {place}{}", fields.process, self.process, harmless(&fields.message))
    }
}

/// What stands before each further line of a text, so that nobody takes it for a line of the server's own: what a caller writes forges none.
const CONTINUED: &str = "\n    | ";

/// The text with control characters of a message made visible: what a caller writes must not move a terminal's cursor.
fn harmless(text: &str) -> Cow<'_, str> {
    let bad = |c: char| c.is_control() && c != '\t';
    if !text.contains(bad) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => shown.push_str(CONTINUED),
            c if bad(c) => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

#[derive(Default)]
struct Fields {
    process: u64,
    name: Option<String>,
    message: String,
}

impl Visit for Fields {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "process" {
            self.process = value;
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "name" {
            self.name = Some(value.to_owned());
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    /// Standard error that is well, full at once, or full after some bytes.
    #[test]
    fn what_is_missing_is_said_as_soon_as_anything_can_be_written() {
        let batch =
            |text: &str, left_out| Batch { bytes: text.into(), pieces: text.matches('\n').count() as u64, left_out };
        let (mut loss, mut reported) = (Loss::default(), Vec::new());
        let mut put = |room: Option<usize>, batch: Batch| {
            let mut written = Vec::new();
            let mut write = |bytes: &[u8]| match room {
                Some(room) => {
                    written.extend_from_slice(&bytes[..room.min(bytes.len())]);
                    Err(room)
                }
                None => {
                    written.extend_from_slice(bytes);
                    Ok(())
                }
            };
            loss.write(&batch, &mut write, &mut |lines| reported.push(lines));
            (String::from_utf8(written).unwrap(), std::mem::take(&mut reported))
        };
        assert_eq!(put(None, batch("a\n", 0)), ("a\n".to_owned(), vec![]));
        // Two had no room; the line that says so is lost with one more, half of which is there.
        assert_eq!(put(None, batch("b\n", 2)), ("b\n".to_owned(), vec![2]));
        assert_eq!(put(Some(3), batch("c\n2 missing\n", 0)), ("c\n2".to_owned(), vec![]));
        assert_eq!(put(Some(0), batch("d\n", 0)), (String::new(), vec![]));
        assert_eq!(put(None, batch("e\n", 0)), ("\ne\n".to_owned(), vec![4]));
        assert_eq!(put(None, batch("4 missing\n", 0)), ("4 missing\n".to_owned(), vec![]));
        assert_eq!(put(None, batch("f\n", 0)), ("f\n".to_owned(), vec![]));
    }

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("one thread").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_look_as_kamailio_writes_them() {
        let kept = Kept::default();
        let writer = kept.clone();
        let form = KamailioForm { process: 4711 };
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_writer(move || writer.clone())
            .event_format(form)
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let mut lines = vec![
                LogLine { level: LogLevel::Notice, from_script: true, text: "<script>: Door-knock blocked".into() },
                LogLine { level: LogLevel::Critical, from_script: false, text: "100 % {} of it".into() },
                LogLine { level: LogLevel::Error, from_script: true, text: "<script>: ua=\u{1b}[2J".into() },
                LogLine { level: LogLevel::Info, from_script: true, text: "x\r\n 1(4711) CRITICAL: y\n".into() },
            ];
            drain(0, &mut lines);
            tracing::info!(target: "alanui", "ready");
        });
        let text = String::from_utf8(kept.0.lock().expect("one thread").clone()).expect("text");
        assert_eq!(
            text,
            " 1(4711) NOTICE: <script>: Door-knock blocked\n 1(4711) CRITICAL: <core>: 100 % {} of it\n 1(4711) ERROR: <script>: ua=\\u{1b}[2J\n 1(4711) INFO: x\\r\n    |  1(4711) CRITICAL: y\n    | \n 0(4711) NOTICE: <core>: ready\n"
        );
    }
}
