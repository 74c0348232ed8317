//! Lines for people who run the server.

/// Kamailio's levels: `debug` is the highest that is seen.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(i8)]
pub enum LogLevel {
    /// `L_ALERT`.
    Alert = -5,
    /// `L_BUG`.
    Bug = -4,
    /// `L_CRIT`.
    Critical = -2,
    /// `L_ERR`.
    Error = -1,
    /// `L_WARN`.
    Warning = 0,
    /// `L_NOTICE`.
    Notice = 1,
    /// `L_INFO`.
    Info = 2,
    /// `L_DBG`.
    Debug = 3,
}

impl LogLevel {
    /// The level of a number, as `debug=` and `log()` give it; beyond the ends the end.
    pub const fn from_number(number: i64) -> LogLevel {
        match number {
            i64::MIN..=-5 => LogLevel::Alert,
            -4 => LogLevel::Bug,
            -3 | -2 => LogLevel::Critical,
            -1 => LogLevel::Error,
            0 => LogLevel::Warning,
            1 => LogLevel::Notice,
            2 => LogLevel::Info,
            3..=i64::MAX => LogLevel::Debug,
        }
    }

    /// The word Kamailio prints.
    pub const fn name(self) -> &'static str {
        match self {
            LogLevel::Alert => "ALERT",
            LogLevel::Bug => "BUG",
            LogLevel::Critical => "CRITICAL",
            LogLevel::Error => "ERROR",
            LogLevel::Warning => "WARNING",
            LogLevel::Notice => "NOTICE",
            LogLevel::Info => "INFO",
            LogLevel::Debug => "DEBUG",
        }
    }
}

/// One line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogLine {
    /// Its level.
    pub level: LogLevel,
    /// Written by the script itself (`xlog`), which Kamailio marks `<script>`.
    pub from_script: bool,
    /// The text, without a newline at the end.
    pub text: String,
}
