//! A clock for databases in memory: SQL's own idea of the present is replaced by the simulator's.

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The present as SQL sees it; copies show the same time.
#[derive(Debug, Clone, Default)]
pub struct Clock(Arc<AtomicU64>);

impl Clock {
    /// A clock that shows this time since the Unix epoch.
    pub fn new(unix: Duration) -> Clock {
        let clock = Clock::default();
        clock.set(unix);
        clock
    }

    /// Sets it.
    pub fn set(&self, unix: Duration) {
        self.0.store(u64::try_from(unix.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Puts functions of the same names before SQLite's own. They hand the work to a plain connection, with 'now' replaced.
    pub(super) fn rule(&self, connection: &Connection) -> rusqlite::Result<()> {
        // The place of the argument that says when.
        for (name, when) in
            [("datetime", 0), ("date", 0), ("time", 0), ("julianday", 0), ("unixepoch", 0), ("strftime", 1)]
        {
            let plain = Connection::open_in_memory()?;
            let plain = std::sync::Mutex::new(plain);
            let clock = self.clone();
            connection.create_scalar_function(name, -1, FunctionFlags::SQLITE_UTF8, move |call: &Context| {
                let mut values = (0..call.len()).map(|at| call.get::<Value>(at)).collect::<Result<Vec<_>, _>>()?;
                clock.replace_now(&mut values, when);
                let places: Vec<&str> = values.iter().map(|_| "?").collect();
                let sql = format!("SELECT {name}({})", places.join(","));
                let plain = plain.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                plain.prepare_cached(&sql)?.query_row(params_from_iter(values), |row| row.get::<_, Value>(0))
            })?;
        }
        Ok(())
    }

    fn replace_now(&self, values: &mut Vec<Value>, when: usize) {
        let is_now = match values.get(when) {
            Some(Value::Text(text)) => text.eq_ignore_ascii_case("now"),
            Some(_) => false,
            // Left out, it is the present too.
            None => values.len() == when,
        };
        if is_now {
            if values.len() > when {
                values.remove(when);
            }
            let seconds = self.0.load(Ordering::Relaxed) as f64 / 1000.0;
            values.insert(when, Value::Real(seconds));
            values.insert(when + 1, Value::Text("unixepoch".into()));
        }
    }
}
