//! `$stat(name)`: what the server has counted.

use crate::builtin::{
    Context, Counter, Fault, Key, KeyKind, LogLevel, Memory, Place, Prepare, Prepared, Template, Value, Variable,
};
use bytes::Bytes;

/// The variable.
pub(super) const ROWS: &[Variable] = &[Variable::read(
    &["stat"],
    read,
    "A number that the server counts, by Kamailio's name without a group: those of the core and of memory with the module kex, of replies without a transaction with sl, of transactions with tmx. Undefined when no loaded module has it. There is no pool of shared memory here: total_size is the memory of the machine in bytes, free_size what is available of it, used_size the rest.",
)
.keyed(KeyKind::Custom(prepare))];

/// What a name stands for.
enum Statistic {
    Counted(Counter),
    Memory(Part),
    /// No loaded module has it.
    Unknown(Bytes),
}

type Part = fn(Memory) -> u64;

const MEMORY: &[(&str, Part)] = &[
    ("total_size", |memory| memory.total),
    ("free_size", |memory| memory.free),
    ("used_size", used),
    ("real_used_size", used),
    ("max_used_size", used),
    ("fragments", |_| 0),
];

fn used(memory: Memory) -> u64 {
    memory.total.saturating_sub(memory.free)
}

/// Variables are not expanded in the name: it is taken as it stands, as in Kamailio.
fn prepare(text: &Template, cx: &mut Prepare) -> Result<Prepared, Fault> {
    let Some(name) = text.constant() else {
        return Err(Fault::new("the name of a statistic must not hold a variable"));
    };
    let loaded = |module: &str| cx.facts().modules.iter().any(|its| its.name == module);
    if let Some((counter, module)) = Counter::find(&name)
        && loaded(module)
    {
        return Ok(Box::new(Statistic::Counted(counter)));
    }
    let of_memory = MEMORY.iter().find(|(its, _)| its.as_bytes() == name && loaded("kex"));
    Ok(Box::new(match of_memory {
        Some((_, part)) => Statistic::Memory(*part),
        None => Statistic::Unknown(name),
    }))
}

fn read(cx: &mut Context, key: &Key, _: Place) -> Value {
    match key.prepared::<Statistic>() {
        Some(Statistic::Counted(counter)) => Value::Int(cx.core.counters.read(*counter)),
        Some(Statistic::Memory(part)) => Value::Int(i64::try_from(part((cx.core.memory)())).unwrap_or(i64::MAX)),
        Some(Statistic::Unknown(name)) => {
            let text = format!("there is no statistic {}", String::from_utf8_lossy(name));
            cx.log(LogLevel::Warning, text);
            Value::Null
        }
        None => Value::Null,
    }
}
