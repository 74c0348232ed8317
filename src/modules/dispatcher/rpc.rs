//! Commands for operators.

use super::Dispatcher;
use super::health::{DISABLED, Health, INACTIVE, PROBING, TRYING, flags_of};
use crate::builtin::{Background, Rpc};
use std::sync::Arc;

/// The commands of the module.
pub(super) static ROWS: &[Rpc] = &[
    Rpc {
        name: "dispatcher.set_state",
        usage: "STATE GROUP ADDRESS",
        doc: "Makes a destination active (a), inactive (i), on trial (t) or disabled (d), and probed when a p follows; the address `all` means all of the group.",
        run: set_state,
    },
    Rpc {
        name: "dispatcher.list",
        usage: "",
        doc: "Lists the groups with their destinations, flags (A, I, T or D, then P or X) and priorities.",
        run: list,
    },
];

fn state(cx: &Background) -> Result<Arc<Dispatcher>, String> {
    cx.core.state::<Dispatcher>(cx.module).ok_or_else(|| "the module is not started".to_owned())
}

fn set_state(cx: &mut Background, args: &[&str]) -> Result<Vec<String>, String> {
    let [letters, group, address] = args else {
        return Err("it takes a state, a group and an address".to_owned());
    };
    let flags = flags_of(letters.as_bytes()).ok_or("a state is one of a, i, t and d, and p may follow it")?;
    let group: i64 = group.parse().map_err(|_| "a group is a number".to_owned())?;
    let sets = state(cx)?.sets();
    let set = sets.set(group).ok_or_else(|| format!("there is no group {group}"))?;
    let meant = set.destinations.iter().filter(|its| *address == "all" || its.uri == *address);
    let mut found = false;
    for destination in meant {
        found = true;
        let kept = destination.live.health.load().flags & !(INACTIVE | TRYING | DISABLED | PROBING);
        destination.live.health.store(Health { flags: kept | flags, count: 0 });
    }
    if found { Ok(Vec::new()) } else { Err(format!("the group {group} has no {address}")) }
}

fn list(cx: &mut Background, _: &[&str]) -> Result<Vec<String>, String> {
    let sets = state(cx)?.sets();
    let mut lines = Vec::new();
    for set in sets.iter() {
        lines.push(format!("group {}", set.id));
        for destination in &set.destinations {
            let letters = destination.live.health.load().letters();
            let uri = String::from_utf8_lossy(&destination.uri);
            lines.push(format!("  {uri} {} {}", String::from_utf8_lossy(&letters), destination.priority));
        }
    }
    Ok(lines)
}
