use super::*;
use crate::builtin::Does;

#[test]
fn names_are_found_with_their_release() {
    let htable = module("htable").unwrap();
    assert_eq!(htable.since(Kind::Function, "sht_rm"), Some(""));
    assert_eq!(htable.since(Kind::Function, "sht_is_null"), Some("6.1"));
    assert_eq!(htable.since(Kind::Function, "sht"), None);
    assert_eq!(htable.since(Kind::Variable, "sht"), Some(""));
    assert_eq!(module("pv").unwrap().since(Kind::Transformation, "s.LEN"), Some(""));
    let owners: Vec<_> = owners(Kind::Function, "send_reply").map(|known| known.name).collect();
    assert_eq!(owners, ["sl"]);
    assert_eq!(module("app_sqlang").unwrap().removed_after, "5.6.3");
}

#[test]
fn rows_are_checked_like_those_of_built_modules() {
    let pike = rows("pike").unwrap();
    let row = pike.functions.iter().find(|row| row.names == ["pike_check_req"]).unwrap();
    assert_eq!(row.arity(), (0, 0));
    assert!(row.routes.allows(crate::builtin::RouteKind::Request));
    assert!(!row.routes.allows(crate::builtin::RouteKind::Failure));
    assert!(pike.params.iter().any(|row| row.names == ["sampling_time_unit"]));
}

#[test]
fn what_stands_in_is_neutral_and_says_so_once() {
    use crate::builtin::bench::Bench;
    use crate::builtin::{Function, Outcome};
    let mut bench = Bench::new("OPTIONS sip:h SIP/2.0\nVia: SIP/2.0/UDP h\n\n", std::sync::Arc::new(()));
    for (module, function, args, code) in [
        ("pike", "pike_check_req", &[][..], 1),
        ("ratelimit", "rl_check", &[], 1),
        ("pipelimit", "pl_check", &["x"], 1),
        ("permissions", "allow_trusted", &[], 1),
        ("secfilter", "secf_check_ua", &[], 1),
        ("auth_db", "auth_check", &["a", "b", "1"], 1),
        ("acc", "acc_log_request", &["x"], -1),
        ("geoip2", "geoip2_match", &["1.2.3.4", "x"], -1),
    ] {
        let fits = |row: &&Function| row.names == [function] && row.args.len() == args.len();
        let row = rows(module).unwrap().functions.iter().find(fits).unwrap();
        bench.core.log.clear();
        for _ in 0..3 {
            assert!(matches!(bench.call(row, args), Outcome::Return(its) if its == code), "{function}");
        }
        assert_eq!(bench.core.log.len(), 1, "{function}");
    }
}

#[test]
fn former_names_are_not_names_any_more() {
    assert_eq!(former(None, "", "jsonrpc-s").unwrap().renamed, Some("jsonrpcs"));
    assert!(former(Some(Kind::Parameter), "tm", "dst_avp").is_none());
    for row in history::FORMER {
        match row.kind {
            None => assert!(module(row.name).is_none(), "{}", row.name),
            Some(kind) => assert!(!owners(kind, row.name).any(|known| known.name == row.module), "{}", row.name),
        }
        if let Some(renamed) = row.renamed {
            assert!(module(renamed).is_some(), "{renamed}");
        }
    }
}

/// A function that sends the request on and is not said to escapes every rule about relays.
#[test]
fn what_relays_by_its_name_is_said_to() {
    let others = ["t_relay_cancel", "forward_reply"];
    let relays = |name: &str| {
        let starts = ["t_relay", "t_forward", "forward"].iter().any(|start| name.starts_with(start));
        starts || matches!(name, "send_udp" | "send_tcp")
    };
    let built = crate::modules::MODULES.iter();
    for module in ["core", "tm", "corex", "tmx", "sl"] {
        let names = module_of(module).names(Kind::Function);
        for name in names.filter(|name| relays(name) && !others.contains(name)) {
            let mut rows = built.clone().flat_map(|module| module.functions).filter(|row| row.names.contains(&name));
            let does = rows.next().map_or_else(|| does(name), |row| row.does);
            assert!(
                does.contains(&Does::Relay) && rows.all(|row| row.does.contains(&Does::Relay)),
                "{name} of {module}"
            );
        }
    }
}

fn module_of(name: &str) -> &'static Known {
    module(name).unwrap()
}
