//! The walk on small configs, and on ones that are made to be hard.

use super::{Fact, Flow, Methods, State};
use crate::builtin::Extensions;
use crate::config::ast::RouteKind;
use crate::config::{Additions, load};
use crate::lint::Subject;
use crate::modules::MODULES;
use crate::source::{Files, Sources};
use proptest::prelude::*;
use std::path::Path;

struct Memory(String);

impl Files for Memory {
    fn read(&self, _: &Path) -> std::io::Result<Vec<u8>> {
        Ok(self.0.clone().into_bytes())
    }
}

const HEAD: &str = "#!KAMAILIO\nloadmodule \"tm.so\"\nloadmodule \"sl.so\"\nloadmodule \"pv.so\"\nloadmodule \"rr.so\"\n\
                    loadmodule \"siputils.so\"\nloadmodule \"textops.so\"\nloadmodule \"xlog.so\"\n";

fn walked<T>(routes: &str, look: impl FnOnce(&Flow) -> T) -> T {
    let (mut sources, mut diagnostics) = (Sources::default(), Vec::new());
    let files = Memory(format!("{HEAD}{routes}\n"));
    let (additions, extensions) = (Additions::default(), Extensions::default());
    let config = load(Path::new("test.cfg"), &files, &additions, MODULES, extensions, &mut sources, &mut diagnostics);
    let subject = Subject::new(&config, &sources, None);
    look(subject.flow())
}

/// The states in which the first `force_rport` is reached.
fn at_mark(routes: &str) -> Vec<State> {
    walked(routes, |flow| flow.calls(&["force_rport"]).first().map(|site| site.states.clone()).unwrap_or_default())
}

fn all(states: &[State], holds: impl Fn(&State) -> bool) -> bool {
    !states.is_empty() && states.iter().all(holds)
}

#[test]
fn conditions_split_ways_and_jumps_end_them() {
    let states = at_mark("request_route { if (!is_method(\"INVITE|BYE\") || has_totag()) exit; force_rport(); }");
    assert!(all(&states, |state| state.methods.within(Methods::read(b"INVITE|BYE")) && state.is_not(Fact::ToTag)));
    let states =
        at_mark("request_route { if ($rm == \"ACK\") { exit; } else if (method == \"BYE\") return; force_rport(); }");
    assert!(
        all(&states, |state| !state.methods.meets(Methods::read(b"ACK|BYE")) && state.methods.meets(Methods::INVITE))
    );
    let states = at_mark(
        "request_route { switch ($rm) { case \"ACK\": exit; case \"INVITE\": force_rport(); break; default: exit; } }",
    );
    assert!(all(&states, |state| state.methods.within(Methods::INVITE)));
    assert!(at_mark("request_route { exit; force_rport(); }").is_empty());
    assert!(at_mark("request_route { if (1) return 0; force_rport(); }").is_empty());
}

#[test]
fn routes_are_followed_with_what_they_return() {
    let states = at_mark(
        "request_route { if (!route(KNOWN)) exit; force_rport(); }\n\
         route[KNOWN] { if (src_ip == 10.0.0.1) return 1; if (is_method(\"REGISTER\")) return -1; exit; }",
    );
    assert!(all(&states, |state| state.is(Fact::Vetted)));
    let states = at_mark("request_route { route(A); force_rport(); } route[A] { if (!has_totag()) return; exit; }");
    assert!(all(&states, |state| state.is_not(Fact::ToTag)));
}

#[test]
fn what_was_done_on_a_way_stays_with_it() {
    let routes =
        "request_route { if (is_method(\"INVITE\")) { record_route(); } if (is_method(\"INVITE\")) force_rport(); }";
    assert!(all(&at_mark(routes), |state| state.is(Fact::Recorded)));
    let routes =
        "request_route { if (is_method(\"INVITE\")) { record_route(); } if (!is_method(\"INVITE\")) force_rport(); }";
    assert!(all(&at_mark(routes), |state| state.is_not(Fact::Recorded)));
    let states = at_mark("request_route { if (!t_relay()) { force_rport(); } }");
    assert!(all(&states, |state| state.is_not(Fact::Final)));
    let states = at_mark("failure_route[F] { force_rport(); }");
    assert!(all(&states, |state| state.entry == RouteKind::Failure
        && !state.is(Fact::Recorded)
        && !state.is_not(Fact::Recorded)));
}

#[test]
fn circles_of_routes_end() {
    let states = at_mark(
        "request_route { route(A); force_rport(); } route[A] { if (is_method(\"BYE\")) return; route(B); } route[B] { route(A); }",
    );
    assert!(all(&states, |state| state.methods.within(Methods::read(b"BYE"))));
    assert!(at_mark("request_route { route(A); force_rport(); } route[A] { route(A); }").is_empty());
}

/// A statement out of a few that set, test, leave and call.
fn statement() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        (0..6u8).prop_map(|route| format!("route(R{route});")),
        (0..40u8).prop_map(|name| format!("$var(v{name}) = $var(v{});", name / 2)),
        Just("record_route();".to_owned()),
        Just("return;".to_owned()),
        Just("exit;".to_owned()),
        Just("break;".to_owned()),
        Just("t_relay();".to_owned()),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        let condition = prop_oneof![
            Just("is_method(\"INVITE|BYE\")".to_owned()),
            Just("has_totag() && !loose_route()".to_owned()),
            Just("uri == myself || src_ip == 10.0.0.1".to_owned()),
            (0..6u8).prop_map(|route| format!("route(R{route})")),
            Just("$rm == \"ACK\"".to_owned()),
        ];
        (condition, prop::collection::vec(inner.clone(), 1..5), prop::collection::vec(inner, 1..5)).prop_map(
            |(condition, then, otherwise)| {
                format!(
                    "if ({condition}) {{ {} }} else {{ {} }} while ({condition}) {{ {} }}",
                    then.concat(),
                    otherwise.concat(),
                    then.concat()
                )
            },
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Whatever routes call each other, the walk ends, and every state it reports is one that a message can be in.
    #[test]
    fn every_walk_ends(bodies in prop::collection::vec(prop::collection::vec(statement(), 1..6), 7)) {
        let mut text = format!("request_route {{ {} }}\n", bodies[0].concat());
        for (at, body) in bodies[1..].iter().enumerate() {
            text.push_str(&format!("route[R{at}] {{ {} }}\n", body.concat()));
        }
        walked(&text, |flow| {
            for site in flow.sites() {
                assert!(!site.states.is_empty());
                for state in &site.states {
                    assert!(!state.methods.is_empty());
                    for fact in [Fact::ToTag, Fact::Final, Fact::Recorded, Fact::UriMyself] {
                        assert!(!(state.is(fact) && state.is_not(fact)), "{fact:?}");
                    }
                }
            }
        });
    }
}
