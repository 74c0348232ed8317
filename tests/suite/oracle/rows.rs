//! Every core setting with a value of each type, every pseudo-variable in each form and every word as the name of a route, held against
//! `kamailio -c`: who takes what.
//!
//! `ALANUI_ROWS_CASES` gives more or fewer, 0 all; `ALANUI_GENERATED_SEED` other ones.

use super::generated::number;
use super::say;
use super::server::Program;
use super::verdict::{Verdict, alanui, kamailio};
use alanui::builtin::KeyKind;
use alanui::catalogue::{self, Kind};
use alanui::modules::MODULES;
use std::fmt::Write as _;

/// Modules whose pseudo-variables are asked for.
const LOADED: &[&str] = &["pv", "tm", "tmx", "sl", "rr", "kex", "siputils", "textops", "textopsx", "ipops", "sdpops"];

/// Settings that are not compared, each with what else than their value decides.
const OTHER_SETTINGS: &[(&[&str], &str)] = &[
    (&["listen", "alias"], "whether a name is that of a host"),
    (&["user", "uid", "group", "gid"], "whether there is such a user"),
    (&["enable_sctp", "disable_sctp", "auto_bind_ipv6"], "what the system can"),
    (&["chroot", "wdir", "workdir", "run_dir", "rundir"], "whether there is such a folder"),
];

/// Pseudo-variables that are not compared.
const OTHER_VARIABLES: &[(&str, &str)] =
    &[("shv", "a config check of Kamailio has no memory that is shared"), ("shvinc", "the same")];

const VALUES: &[&str] = &[
    "1",
    "-1",
    "0x1f",
    "yes",
    "word",
    "a.b",
    "\"text\"",
    "\"1\"",
    "127.0.0.1",
    "[::1]",
    "TCP",
    "SSLv23",
    "LOG_USER",
    "",
];

/// What is done with a variable, here `$V`.
const FORMS: &[&str] = &[
    "if ($V == \"a\") exit;",
    "$V = \"a\";",
    "$V = 5;",
    "$V = $null;",
    "if ($(V[0]) == \"a\") exit;",
    "if ($(V[-1]) == \"a\") exit;",
    "if ($(V[*]) == \"a\") exit;",
    "$(V[0]) = \"a\";",
    "$V[0] = \"a\";",
];

/// One text, and what of it is asked.
struct Case {
    asked: String,
    text: String,
}

#[test]
fn rows_take_what_kamailio_takes() {
    let all: Vec<Case> = settings().chain(variables()).chain(names()).collect();
    let (seed, count) = (number("ALANUI_GENERATED_SEED", 1) as usize, number("ALANUI_ROWS_CASES", 1200) as usize);
    let step = if count == 0 { 1 } else { all.len().div_ceil(count) };
    let (asked, texts): (Vec<_>, Vec<_>) =
        all.into_iter().skip(seed % step).step_by(step).map(|case| (case.asked, case.text)).unzip();
    if !Program::Kamailio.installed() {
        say(&format!("\nrows: KAMAILIO IS NOT INSTALLED. Nothing was compared: {} cases wait for it.\n", texts.len()));
        return;
    }
    let (mut differences, mut taken, mut shown) = (0, 0, String::new());
    for ((asked, text), (verdict, said)) in asked.iter().zip(&texts).zip(kamailio(&texts)) {
        let found = alanui(text);
        taken += usize::from(verdict == Verdict::Taken);
        if (verdict == Verdict::Taken) != found.is_empty() {
            differences += 1;
            let _ = writeln!(shown, "{asked}\n  Kamailio: {verdict:?} {said}\n  alanui:   {found:?}");
        }
    }
    say(&shown);
    say(&format!("\nrows: {} cases, {differences} differences ({taken} taken, seed {seed})\n", texts.len()));
    assert_eq!(differences, 0, "alanui takes other texts than Kamailio");
}

/// Whether Kamailio 5.6.3 has something of this name.
fn is_old(module: &str, kind: Kind, name: &str) -> bool {
    catalogue::module(module).and_then(|module| module.since(kind, name)) == Some("")
}

/// A config around one statement at its top.
fn whole(asked: &str, modules: &[&str], routes: &str) -> String {
    let loaded = modules.iter().fold(String::new(), |text, name| format!("{text}loadmodule \"{name}.so\"\n"));
    format!("#!KAMAILIO\nlisten=udp:127.0.0.1:5060\nauto_aliases=no\n{loaded}{asked}\n{routes}")
}

const EMPTY: &str = "request_route {\n    exit;\n}\n";

fn settings() -> impl Iterator<Item = Case> {
    let other = |name: &str| OTHER_SETTINGS.iter().any(|(names, _)| names.contains(&name));
    let names = MODULES[0].params.iter().flat_map(|param| param.names).copied();
    let names = names.filter(move |name| is_old("core", Kind::Parameter, name) && !other(name));
    names.flat_map(|name| {
        VALUES.iter().map(move |value| {
            let asked = format!("{name}={value}");
            Case { text: whole(&asked, &[], EMPTY), asked }
        })
    })
}

fn variables() -> impl Iterator<Item = Case> {
    let other = |name: &str| OTHER_VARIABLES.iter().any(|(its, _)| name == *its);
    let modules = MODULES.iter().filter(|module| LOADED.contains(&module.name) || module.name == "core");
    let rows = modules.flat_map(|module| module.variables.iter().map(|row| (module.name, row)));
    let names = rows.flat_map(|(module, row)| row.names.iter().map(move |name| (module, *name, row.key)));
    // Where a fixed list of names stands in the parentheses, the name decides.
    let names = names.filter(move |(module, name, key)| {
        is_old(module, Kind::Variable, name) && !other(name) && !matches!(key, KeyKind::Custom(_))
    });
    names.flat_map(|(_, name, key)| {
        let name = if matches!(key, KeyKind::None) { name.to_owned() } else { format!("{name}(a)") };
        FORMS.iter().map(move |form| {
            let asked = form.replace("$V", &format!("${name}")).replace("(V", &format!("({name}"));
            let routes = format!("request_route {{\n    {asked}\n    exit;\n}}\n");
            Case { text: whole("", LOADED, &routes), asked }
        })
    })
}

/// Words of the core, and some that are none, as names of routes.
fn names() -> impl Iterator<Item = Case> {
    let core = MODULES[0];
    let rows = core.params.iter().flat_map(|param| param.names);
    let rows = rows.chain(core.functions.iter().flat_map(|row| row.names));
    let rows = rows.chain(core.words.iter().flat_map(|word| word.variable.names)).copied();
    let others = "if else while switch case default break return exit drop route failure_route loadmodule modparam flags avpflags bool \
                  cfgengine and or not eq ne strlen defined selval myself error exec name advertise virtual description \
                  xlog t_relay is_method yes on inet tenant relay ROUTE If";
    let is_name = |name: &&str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    rows.chain(others.split_whitespace()).filter(is_name).map(|name| {
        let asked = format!("route[{name}]");
        let routes = format!("{EMPTY}{asked} {{\n    exit;\n}}\n");
        Case { text: whole("", &[], &routes), asked }
    })
}
