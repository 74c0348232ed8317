//! Lines for people: from nodes to standard error, as text in Kamailio's form or as JSON.

use crate::builtin::{LogLevel, LogLine};
use std::borrow::Cow;
use std::fmt;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
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

/// Starts writing lines to standard error. `debug` is Kamailio's number; from 4 on every packet is a line.
pub fn start(format: LogFormat, debug: i8) {
    let level = match debug {
        i8::MIN..=2 => LevelFilter::INFO,
        3 => LevelFilter::DEBUG,
        4..=i8::MAX => LevelFilter::TRACE,
    };
    let lines = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr);
    // A second start keeps the first.
    let _ = match format {
        LogFormat::Text => {
            let form = KamailioForm { process: std::process::id() };
            tracing::subscriber::set_global_default(lines.event_format(form).finish())
        }
        LogFormat::Json => tracing::subscriber::set_global_default(lines.json().flatten_event(true).finish()),
    };
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
    use std::io;
    use std::sync::{Arc, Mutex};

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
