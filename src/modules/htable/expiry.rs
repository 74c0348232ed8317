//! What the tables do by themselves: `htable:mod-init` before the first message, and values that expire.

use super::{Htable, Local};
use crate::builtin::{Background, Command, Event};

/// Runs `event_route[htable:mod-init]`.
pub(super) fn begin(state: &Htable, cx: &mut Background) {
    if state.has_begin {
        cx.core.commands.push(Command::Event(Event::new("htable:mod-init")));
    }
}

/// Removes what has expired; where the config has an `event_route[htable:expired:NAME]`, it runs for each value.
pub(super) fn tick(state: &Htable, cx: &mut Background) {
    let now = cx.now.unix.as_secs();
    for table in state.tables.iter().filter(|table| table.expires > 0) {
        let name = table.has_event.then(|| format!("htable:expired:{}", String::from_utf8_lossy(&table.name)));
        table.remove_where(|cell| {
            let over = table.is_over(cell, now);
            if over && let Some(name) = &name {
                let run = Local { expired: Some((cell.key.clone(), cell.value.clone())), ..Local::default() };
                let event = Event { local: Some((cx.module, Box::new(run))), ..Event::new(name.clone()) };
                cx.core.commands.push(Command::Event(event));
            }
            over
        });
    }
}
