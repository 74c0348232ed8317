//! Commands for operators.

use super::Dispatcher;
use super::health::{DISABLED, Health, INACTIVE, PROBING, TRYING};
use crate::builtin::{Background, Commanded, Rpc, RpcResult, StateOf};

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

fn state(cx: &Background) -> Result<StateOf<Dispatcher>, String> {
    cx.core.state::<Dispatcher>(cx.module).ok_or_else(|| "the module is not started".to_owned())
}

fn set_state(cx: &mut Background, args: &[&str]) -> RpcResult {
    let [letters, group, address] = args else {
        return Err("it takes a state, a group and an address".to_owned());
    };
    let flags = state_of(letters.as_bytes()).ok_or("a state begins with a, i, t or d, or with 1, 0, 3 or 2")?;
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
    if found { Ok(Commanded::Done(Vec::new())) } else { Err(format!("the group {group} has no {address}")) }
}

/// The flags of a state: its first letter or digit counts, and a `p` right behind it; what follows does not.
fn state_of(word: &[u8]) -> Option<u32> {
    let (first, rest) = word.split_first()?;
    let probed = if rest.first().is_some_and(|letter| letter.eq_ignore_ascii_case(&b'p')) { PROBING } else { 0 };
    match first.to_ascii_lowercase() {
        b'a' | b'1' => Some(probed),
        b'i' | b'0' => Some(INACTIVE | probed),
        b't' | b'3' => Some(TRYING | probed),
        b'd' | b'2' => Some(DISABLED),
        _ => None,
    }
}

fn list(cx: &mut Background, _: &[&str]) -> RpcResult {
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
    Ok(Commanded::Done(lines))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_as_kamailio_reads_them() {
        for (word, flags) in [
            ("a", Some(0)),
            ("AP", Some(PROBING)),
            ("1p", Some(PROBING)),
            ("i", Some(INACTIVE)),
            ("ip", Some(INACTIVE | PROBING)),
            ("0", Some(INACTIVE)),
            ("t", Some(TRYING)),
            ("3x", Some(TRYING)),
            ("dx", Some(DISABLED)),
            ("dp", Some(DISABLED)),
            ("2", Some(DISABLED)),
            ("", None),
            ("x", None),
            ("p", None),
        ] {
            assert_eq!(state_of(word.as_bytes()), flags, "{word}");
        }
    }
}
