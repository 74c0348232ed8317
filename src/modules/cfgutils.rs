//! `cfgutils`: chance, flags and locks that all calls share, pauses, and routes by name.

use super::hash::{core_case_hash, core_hash};
use super::lock::{Holding, Locks};
use crate::builtin::{
    Arg, Args, Context, Does, Effect, Fault, Function, LogLevel, Module, Outcome, Param, Prepare, Prepared, RouteId,
    RouteKind, Start, StartFault, State, Template, Unit, Value, Variable, anywhere, parse_int,
};
use rustc_hash::FxHashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The module.
pub static MODULE: Module = Module {
    functions: FUNCTIONS,
    params: PARAMS,
    variables: &[Variable::read(
        &["RANDOM"],
        |cx, _, _| Value::both(cx.core.random.below(1 << 31) as i64),
        "A random number.",
    )],
    start,
    ..Module::new("cfgutils", "Chance, flags and locks that all calls share, pauses, and routes by name.")
};

static PARAMS: &[Param] = &[
    Param::int(&["initial_probability"], "10", Unit::None, "The percentage of `rand_event` at the start."),
    Param::int(&["initial_gflags"], "0", Unit::None, "The global flags that are set at the start, as a mask."),
    Param::absent(&["hash_file"], "A file that a command compares with what it was at the start.").inert(),
    Param::int(
        &["lock_set_size"],
        "0",
        Unit::None,
        "How many locks there are, as a power of two; without it there is none.",
    ),
];

static FUNCTIONS: &[Function] = &[
    anywhere(
        &["rand_set_prob"],
        &[Arg::custom("percent", prepare_percent)],
        |cx, args| {
            let percent = args.prepared::<u32>(0).copied();
            with(cx, |state| state.probability.store(percent.unwrap_or(0), Ordering::Relaxed))
        },
        "Sets the percentage of `rand_event`.",
    ),
    anywhere(
        &["rand_reset_prob"],
        &[],
        |cx, _| with(cx, |state| state.probability.store(state.first_probability, Ordering::Relaxed)),
        "Sets the percentage of `rand_event` back to `initial_probability`.",
    ),
    anywhere(
        &["rand_get_prob"],
        &[],
        |cx, _| Outcome::Return(cx.state::<CfgUtils>().map_or(0, |state| state.percent() as i32)),
        "The percentage of `rand_event` as return code; 0 ends the script.",
    ),
    anywhere(&["rand_event"], &[], rand_event, "True as often as the percentage says."),
    anywhere(
        &["abort"],
        &[],
        |_, _| Outcome::wait(Effect::Abort, |_, _, _| Outcome::END),
        "Ends the server at once, with every call in flight: for tests only.",
    ),
    anywhere(
        &["sleep"],
        &[Arg::int("seconds")],
        |cx, args| {
            let seconds = u64::try_from(args.int(cx, 0)).unwrap_or(0);
            Outcome::code_of(Effect::Sleep(Duration::from_secs(seconds)))
        },
        "Waits so many seconds. Only this call waits.",
    )
    .does(&[Does::Sleep]),
    anywhere(
        &["usleep"],
        &[Arg::int("microseconds")],
        |cx, args| {
            let micros = u64::try_from(args.int(cx, 0)).unwrap_or(0);
            Outcome::code_of(Effect::Sleep(Duration::from_micros(micros)))
        },
        "Waits so many microseconds. Only this call waits.",
    )
    .does(&[Does::Sleep]),
    anywhere(&["pkg_status"], &[], no_memory, NO_MEMORY),
    anywhere(&["shm_status"], &[], no_memory, NO_MEMORY),
    anywhere(&["pkg_summary"], &[], no_memory, NO_MEMORY),
    anywhere(&["shm_summary"], &[], no_memory, NO_MEMORY),
    anywhere(
        &["set_gflag"],
        FLAG,
        |cx, args| {
            let bit = bit(args);
            with(cx, |state| {
                state.flags.fetch_or(bit, Ordering::Relaxed);
            })
        },
        "Sets a flag, 0 to 31, that all calls see.",
    ),
    anywhere(
        &["reset_gflag"],
        FLAG,
        |cx, args| {
            let bit = bit(args);
            with(cx, |state| {
                state.flags.fetch_and(!bit, Ordering::Relaxed);
            })
        },
        "Clears a flag that all calls see.",
    ),
    anywhere(
        &["is_gflag"],
        FLAG,
        |cx, args| {
            let flags = cx.state::<CfgUtils>().map_or(0, |state| state.flags.load(Ordering::Relaxed));
            Outcome::truth(flags & bit(args) != 0)
        },
        "Whether a flag is set that all calls see.",
    ),
    anywhere(&["lock"], KEYS, lock, "Waits until no other run of the script holds the lock of a key, and takes it."),
    anywhere(&["unlock"], KEYS, unlock, "Gives the lock of a key back."),
    anywhere(&["trylock"], KEYS, try_lock, "Takes the lock of a key; false when another run of the script holds it."),
    anywhere(
        &["core_hash"],
        &[Arg::text("text"), Arg::text("other"), Arg::int("size")],
        hash,
        "A number from 1 to two to the power of `size` that follows from one or two texts.",
    ),
    anywhere(
        &["check_route_exists"],
        &[Arg::text("route")],
        |cx, args| Outcome::truth(named_route(cx, args).is_some()),
        "Whether there is a route of this name.",
    ),
    anywhere(
        &["route_if_exists"],
        &[Arg::text("route")],
        |cx, args| match named_route(cx, args) {
            Some(route) => Outcome::code_of(Effect::Enter(route)),
            None => Outcome::FALSE,
        },
        "Runs the route of this name and gives its result; false when there is none.",
    ),
];

const FLAG: &[Arg] = &[Arg::custom("flag", prepare_flag)];
const KEYS: &[Arg] = &[Arg::text("key"), Arg::text("other").optional()];
const NO_MEMORY: &str = "Logs the state of Kamailio's own memory, of which alanui has none.";

/// What all calls share.
#[derive(Debug)]
struct CfgUtils {
    probability: AtomicU32,
    first_probability: u32,
    flags: AtomicU32,
    locks: Arc<Locks>,
    /// How many locks there are; none without `lock_set_size`.
    lock_count: Option<u32>,
    routes: FxHashMap<String, RouteId>,
}

impl State for CfgUtils {}

impl CfgUtils {
    fn percent(&self) -> u32 {
        self.probability.load(Ordering::Relaxed)
    }
}

/// What the module keeps for the blocks of one message.
#[derive(Debug, Default)]
struct Local {
    holding: Holding,
}

fn start(start: &mut Start) -> Result<Box<dyn State>, StartFault> {
    let percent = start.params.int("initial_probability");
    let Ok(first_probability @ 0..=100) = u32::try_from(percent) else {
        let fault = StartFault::new("initial_probability is a percentage, 0 to 100");
        return Err(start.params.given("initial_probability").map_or(fault.clone(), |given| fault.at(given.span)));
    };
    let size = start.params.int("lock_set_size").clamp(0, 14) as u32;
    let routes = start.routes.iter().filter(|(kind, ..)| *kind == RouteKind::Request);
    Ok(Box::new(CfgUtils {
        probability: AtomicU32::new(first_probability),
        first_probability,
        flags: AtomicU32::new(start.params.int("initial_gflags") as u32),
        locks: Arc::default(),
        lock_count: (size > 0).then_some(1 << size),
        routes: routes.map(|(_, name, route)| (name.clone(), *route)).collect(),
    }))
}

fn with(cx: &Context, body: impl FnOnce(&CfgUtils)) -> Outcome {
    if let Some(state) = cx.state::<CfgUtils>() {
        body(&state);
    }
    Outcome::TRUE
}

fn prepare_percent(text: &Template, _: &mut Prepare) -> Result<Prepared, Fault> {
    let number = text.constant().and_then(|text| parse_int(&text)).and_then(|number| u32::try_from(number).ok());
    match number {
        Some(percent @ 0..=100) => Ok(Box::new(percent)),
        _ => Err(Fault::new(format!("{text:?} is no percentage")).help("write a number from 0 to 100")),
    }
}

fn prepare_flag(text: &Template, _: &mut Prepare) -> Result<Prepared, Fault> {
    let number = text.constant().and_then(|text| parse_int(&text)).and_then(|number| u32::try_from(number).ok());
    match number {
        Some(flag @ 0..=31) => Ok(Box::new(1u32 << flag)),
        _ => Err(Fault::new(format!("{text:?} is no flag")).help("write a number from 0 to 31")),
    }
}

fn bit(args: &Args) -> u32 {
    args.prepared::<u32>(0).copied().unwrap_or(0)
}

fn rand_event(cx: &mut Context, _: &Args) -> Outcome {
    let percent = cx.state::<CfgUtils>().map_or(0, |state| state.percent());
    Outcome::truth(cx.core.random.below(100) < u64::from(percent))
}

fn no_memory(cx: &mut Context, args: &Args) -> Outcome {
    let text = format!("{}: alanui has no memory of this kind", args.name());
    cx.log(LogLevel::Debug, text);
    Outcome::TRUE
}

/// The locks, and the number of the one that the arguments name.
fn lock_of(cx: &mut Context, args: &Args) -> Option<(Arc<Locks>, u32)> {
    let (key, other) = (args.text(cx, 0), args.text(cx, 1));
    let state = cx.state::<CfgUtils>()?;
    let Some(count) = state.lock_count else {
        cx.log(LogLevel::Error, "there are no locks: lock_set_size is not set");
        return None;
    };
    let parts = [&key[..], &other];
    let hash = core_case_hash(if other.is_empty() { &parts[..1] } else { &parts });
    Some((state.locks.clone(), hash & (count - 1)))
}

fn lock(cx: &mut Context, args: &Args) -> Outcome {
    let Some((locks, number)) = lock_of(cx, args) else { return Outcome::FALSE };
    let random = &mut cx.core.random;
    let holding = &mut cx.locals.carried.of_module::<Local>(cx.module).holding;
    if holding.take(&locks, number, random) {
        return Outcome::TRUE;
    }
    match holding.wait() {
        Some(effect) => Outcome::wait(effect, |cx, args, _| lock(cx, args)),
        None => {
            cx.log(LogLevel::Error, "lock: another run of the script does not give the lock back");
            Outcome::FALSE
        }
    }
}

fn try_lock(cx: &mut Context, args: &Args) -> Outcome {
    let Some((locks, number)) = lock_of(cx, args) else { return Outcome::FALSE };
    let random = &mut cx.core.random;
    let holding = &mut cx.locals.carried.of_module::<Local>(cx.module).holding;
    // Unlike `lock`, this tells a script that it holds the lock itself.
    Outcome::truth(!holding.has(&locks, number) && holding.take(&locks, number, random))
}

fn unlock(cx: &mut Context, args: &Args) -> Outcome {
    let Some((locks, number)) = lock_of(cx, args) else { return Outcome::FALSE };
    cx.local::<Local>().holding.release(&locks, number);
    Outcome::TRUE
}

fn hash(cx: &mut Context, args: &Args) -> Outcome {
    let (text, other) = (args.text(cx, 0), args.text(cx, 1));
    let size = match args.int(cx, 2) {
        ..=0 => 1,
        size => size.min(30) as u32,
    };
    let parts = [&text[..], &other];
    let hash = core_hash(if other.is_empty() { &parts[..1] } else { &parts });
    Outcome::Return((hash & ((1 << size) - 1)) as i32 + 1)
}

fn named_route(cx: &mut Context, args: &Args) -> Option<RouteId> {
    let name = args.text(cx, 0);
    let state = cx.state::<CfgUtils>()?;
    state.routes.get(std::str::from_utf8(&name).ok()?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::{Argument, bench::Bench};

    fn bench(percent: u32) -> Bench {
        let state = CfgUtils {
            probability: AtomicU32::new(percent),
            first_probability: percent,
            flags: AtomicU32::new(0),
            locks: Arc::default(),
            lock_count: Some(4),
            routes: FxHashMap::default(),
        };
        Bench::new("OPTIONS sip:a SIP/2.0\nVia: SIP/2.0/UDP a;branch=z9hG4bK\n\n", Arc::new(state))
    }

    fn code(bench: &mut Bench, name: &str, args: &[&str]) -> i32 {
        let function = FUNCTIONS.iter().find(|row| row.names.contains(&name)).unwrap();
        match bench.call(function, args) {
            Outcome::Return(code) => code,
            Outcome::Wait(effect, _) => panic!("{name} wants {effect:?}"),
        }
    }

    #[test]
    fn chance() {
        for (percent, least, most) in [(0, 0, 0), (30, 240, 360), (100, 1000, 1000)] {
            let mut bench = bench(percent);
            let true_ones = (0..1000).filter(|_| code(&mut bench, "rand_event", &[]) == 1).count();
            assert!((least..=most).contains(&true_ones), "{percent}: {true_ones}");
        }
    }

    #[test]
    fn locks_belong_to_runs() {
        let mut bench = bench(0);
        assert_eq!(code(&mut bench, "lock", &["a"]), 1);
        assert_eq!(code(&mut bench, "trylock", &["A"]), -1, "it is this run that holds it");
        let first = std::mem::take(&mut bench.locals);
        assert_eq!(code(&mut bench, "trylock", &["a"]), -1);
        assert_eq!(code(&mut bench, "trylock", &["b"]), 1);
        let lock = FUNCTIONS.iter().find(|row| row.names == ["lock"]).unwrap();
        assert!(matches!(bench.call(lock, &["a"]), Outcome::Wait(Effect::Sleep(_), _)));
        drop(first);
        assert_eq!(code(&mut bench, "lock", &["a"]), 1);
    }

    #[test]
    fn pauses_are_effects() {
        let mut bench = bench(0);
        for (name, time) in [("sleep", Duration::from_secs(5)), ("usleep", Duration::from_micros(5))] {
            let function = FUNCTIONS.iter().find(|row| row.names == [name]).unwrap();
            let outcome = bench.call_with(function, vec![Argument::Int(5)]);
            assert!(matches!(outcome, Outcome::Wait(Effect::Sleep(its), _) if its == time), "{name}");
        }
    }
}
