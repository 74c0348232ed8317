use super::table::MOST_SLOTS;
use super::*;
use crate::builtin::bench::Bench;
use crate::builtin::{
    ArgKind, Argument, Command, Effect, Extensions, Function, ModuleId, Outcome, Prepare, Slots, Template,
};

const MESSAGE: &str = "OPTIONS sip:a SIP/2.0\nVia: SIP/2.0/UDP a;branch=z9hG4bK\n\n";

/// A bench with these tables, whose names have the slots 0, 1, ...
fn bench(definitions: &[&str]) -> Bench {
    let table = |text: &&str| {
        let mut table = spec::read(text.as_bytes(), super::table::MOST_OF_ALL).unwrap();
        table.has_event = true;
        table
    };
    let tables: Box<[Table]> = definitions.iter().map(table).collect();
    let by_slot = (0..tables.len()).map(Some).collect();
    let state = Htable { tables, by_slot, locks: Arc::default(), period: None, has_begin: false };
    Bench::new(MESSAGE, Arc::new(state))
}

fn call(bench: &mut Bench, name: &str, args: &[&str]) -> Outcome {
    let mut rows = MODULE.functions.iter();
    let function: &'static Function = rows.find(|row| row.names.contains(&name)).unwrap();
    let (mut used, mut slots) = (Vec::new(), Slots::default());
    let mut prepare = Prepare::new(Extensions::default(), &mut used, &mut slots, &[]);
    let args = args.iter().zip(function.args).map(|(text, arg)| {
        let template = Template::fixed(text.to_string());
        match arg.kind {
            ArgKind::Custom(custom) => Argument::Custom(custom(&template, &mut prepare).unwrap(), (*text).into()),
            _ => Argument::Template(template),
        }
    });
    let args = args.collect();
    bench.call_with(function, args)
}

fn code(outcome: Outcome) -> i32 {
    match outcome {
        Outcome::Return(code) => code,
        Outcome::Wait(effect, _) => panic!("it wants {effect:?}"),
    }
}

/// Keys that differ in nothing but case have the same hash; each has its value, and none is left when it has gone.
#[test]
fn keys_that_share_a_hash_are_apart() {
    let table = spec::read(b"a=>size=4", super::table::MOST_OF_ALL).unwrap();
    let keys: Vec<String> = (0..64).map(|at| format!("{at:06b}").replace('0', "a").replace('1', "A")).collect();
    for (at, key) in keys.iter().enumerate() {
        assert!(table.write(key.as_bytes(), Value::Int(at as i64), None, 0));
    }
    let read = |key: &String| table.read(key.as_bytes(), 0);
    assert!(keys.iter().enumerate().all(|(at, key)| read(key) == Value::Int(at as i64)));
    let mut order = Vec::new();
    let mut position = None;
    while let Some(next) = table.after(position) {
        order.push(table.at(next).unwrap().value);
        position = Some(next);
    }
    assert!(order.iter().enumerate().all(|(at, value)| *value == Value::Int(at as i64)), "as they came: {order:?}");
    table.remove(keys[7].as_bytes());
    table.remove_at(table.after(None).unwrap());
    table.remove_where(|cell| cell.value == Value::Int(20));
    let gone = |at: usize| [0, 7, 20].contains(&at);
    assert!(keys.iter().enumerate().all(|(at, key)| (read(key) == Value::Null) == gone(at)));
    assert_eq!(table.len(), keys.len() - 3);
    assert!(table.write(keys[7].as_bytes(), Value::Int(70), None, 0));
    assert_eq!(read(&keys[7]), Value::Int(70));
}

#[test]
fn a_lock_that_another_run_holds_is_waited_for() {
    let mut bench = bench(&["a=>size=4"]);
    assert_eq!(code(call(&mut bench, "sht_lock", &["a=>k"])), 1);
    assert_eq!(code(call(&mut bench, "sht_lock", &["a=>k"])), 1, "a run may take a lock twice");
    assert_eq!(code(call(&mut bench, "sht_unlock", &["a=>k"])), 1);
    let first = std::mem::take(&mut bench.locals);
    assert!(matches!(call(&mut bench, "sht_lock", &["a=>k"]), Outcome::Wait(Effect::Sleep(_), _)));
    assert_eq!(code(call(&mut bench, "sht_unlock", &["a=>k"])), 1);
    assert!(matches!(call(&mut bench, "sht_lock", &["a=>k"]), Outcome::Wait(Effect::Sleep(_), _)));
    drop(first);
    assert_eq!(code(call(&mut bench, "sht_lock", &["a=>k"])), 1, "the end of a run gives back what it held");
}

#[test]
fn a_lock_is_not_waited_for_for_ever() {
    let mut bench = bench(&["a=>size=4"]);
    call(&mut bench, "sht_lock", &["a=>k"]);
    let first = std::mem::take(&mut bench.locals);
    let tries =
        (0..20_000).take_while(|_| matches!(call(&mut bench, "sht_lock", &["a=>k"]), Outcome::Wait(..))).count();
    assert_eq!(tries, 10_000);
    drop(first);
}

#[test]
fn what_expires_is_removed_and_told() {
    let mut bench = bench(&["a=>autoexpire=10", "b=>size=4"]);
    let now = bench.now.unix.as_secs();
    let state = bench.context().state::<Htable>().unwrap();
    state.tables[0].write(b"k", Value::Int(3), None, now);
    state.tables[0].write(b"never", Value::Int(3), None, now);
    state.tables[0].set_until(b"never", 0);
    state.tables[1].write(b"k", Value::Int(3), None, now);
    for (later, left, events) in [(10, 2, 0), (11, 1, 1)] {
        bench.now.unix = Duration::from_secs(now + later);
        state.tick(&mut Background { now: bench.now, core: &mut bench.core, module: ModuleId(0) });
        assert_eq!(bench.core.commands.len(), events, "after {later} s");
        assert_eq!((state.tables[0].len(), state.tables[1].len()), (left, 1), "after {later} s");
    }
    let Some(Command::Event(event)) = bench.core.commands.pop() else { panic!("no event") };
    assert_eq!(event.name, "htable:expired:a");
    let Some((_, local)) = event.local else { panic!("the event tells nothing") };
    let local: Box<Local> = local.downcast().unwrap();
    assert_eq!(local.expired, Some(("k".into(), Value::Int(3))));
}

#[test]
fn definitions() {
    let table = spec::read(
        b" t => size=3; autoexpire = 5 ;updateexpire=0;initval=-2;dmqreplicate=1;",
        super::table::MOST_OF_ALL,
    )
    .unwrap();
    assert_eq!((&table.name[..], table.slots.len(), table.expires), (&b"t"[..], 8, 5));
    assert_eq!((table.renews, table.initial), (false, Some(-2)));
    for (text, slots) in [("t=>", 16), ("t=>size=0", 8), ("t=>size=60", MOST_SLOTS)] {
        assert_eq!(spec::read(text.as_bytes(), super::table::MOST_OF_ALL).unwrap().slots.len(), slots, "{text}");
    }
    for bad in ["t", "=>size=3", "t=>size=x", "t=>colour=red", "t=>size"] {
        assert!(spec::read(bad.as_bytes(), super::table::MOST_OF_ALL).is_err(), "{bad}");
    }
}

#[test]
fn keys_that_peers_choose_fill_no_more_than_the_table() {
    let table = spec::read(b"t=>size=2", super::table::MOST_OF_ALL).unwrap();
    let mebibyte = Value::Text(vec![b'x'; 1 << 20].into());
    let written = (0..2000).take_while(|at: &i32| table.write(at.to_string().as_bytes(), mebibyte.clone(), None, 1));
    assert!((1000..1024).contains(&written.count()));
    table.remove_where(|_| true);
    assert!(table.write(b"k", mebibyte, None, 1));
}
