//! Statements about modules in an order that Kamailio does not take.

use crate::builtin::{Extensions, Regex};
use crate::catalogue;
use crate::config::ast::Item;
use crate::config::module_name;
use crate::lint::{Findings, Rule, Severity, Subject};

/// A parameter before its module.
pub(super) static PARAM: Rule = Rule {
    code: "modparam-before-loadmodule",
    severity: Severity::Warning,
    finds: "A parameter of a module that is loaded further down.",
    why: "Kamailio sets a parameter while it reads the file and looks for it in the modules loaded so far. It refuses the file with a message that \
          speaks of a missing module, although the file loads it. In alanui the order does not matter.",
    instead: "Load the module first.",
    reference: "https://www.kamailio.org/wikidocs/cookbooks/devel/core/#modparam",
    check: param,
};

/// A module before one that must be initialised first.
pub(super) static MODULE: Rule = Rule {
    code: "module-order",
    severity: Severity::Warning,
    finds: "A module that is loaded before one which Kamailio must initialise first, such as tmx before tm.",
    why: "Modules are initialised in the order in which they are loaded. These ask the other one for its functions at that time, and Kamailio ends \
          with an error although kamailio -c has said that the file is fine. In alanui the order does not matter.",
    instead: "Load it behind the module that it needs.",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/tm.html",
    check: module,
};

fn param(subject: &Subject, findings: &mut Findings) {
    let mut loaded: Vec<String> = Vec::new();
    for item in &subject.config.tree.items {
        match item {
            Item::LoadModule(load) => {
                loaded.push(module_name(&String::from_utf8_lossy(&load.name.value)).to_owned());
            }
            Item::ModParam(modparam) => {
                let written = String::from_utf8_lossy(&modparam.modules.value).into_owned();
                let pattern = format!("^({written})$");
                let Ok(regex) = Regex::new(pattern.as_bytes(), true, Extensions::default()) else { continue };
                if loaded.iter().any(|name| regex.is_match(name.as_bytes())) {
                    continue;
                }
                // One that is loaded nowhere is reported as missing.
                let later = subject.modules().iter().find(|(name, _)| regex.is_match(name.as_bytes()));
                let Some((name, span)) = later else { continue };
                let name = name.clone();
                findings
                    .add(format!("{name} is not loaded yet"), modparam.modules.span)
                    .add_label(*span, "it is loaded here")
                    .add_note(format!("Kamailio says \"No module matching <{written}> found\" and does not start"))
                    .add_help("move this line below the loadmodule");
            }
            _ => {}
        }
    }
}

/// Modules with one that must come first, beside those that use transactions: observed by starting Kamailio 5.6.3 with both orders.
static FIRST: &[(&str, &str)] = &[
    ("registrar", "usrloc"),
    ("async", "tm"),
    ("uac", "tm"),
    ("presence_conference", "presence"),
    ("presence_dialoginfo", "presence"),
    ("presence_mwi", "presence"),
    ("presence_profile", "presence"),
    ("presence_reginfo", "presence"),
];

fn module(subject: &Subject, findings: &mut Findings) {
    let place = |wanted: &str| subject.modules().iter().position(|(name, _)| name == wanted);
    for (at, (name, span)) in subject.modules().iter().enumerate() {
        // Without pings the dispatcher asks for no transactions.
        let pings = || subject.param("dispatcher", "ds_ping_interval").is_some_and(|given| given.int() != Some(0));
        let uses_tm = catalogue::module(name).is_some_and(|known| known.binds.split(',').any(|bound| bound == "tm"));
        let own = FIRST.iter().filter(|(its, _)| its == name).map(|(_, first)| *first);
        let transactions = (uses_tm && (name != "dispatcher" || pings())).then_some("tm");
        let mut wanted: Vec<&str> = own.chain(transactions).collect();
        wanted.dedup();
        for first in wanted {
            let Some(first_at) = place(first).filter(|first_at| *first_at > at) else { continue };
            findings
                .add(format!("Kamailio does not start when {name} is loaded before {first}"), *span)
                .add_label(subject.modules()[first_at].1, format!("{first} is initialised after {name}"))
                .add_note("in alanui the order does not matter")
                .add_help(format!("load {name} behind {first}"));
        }
    }
}
