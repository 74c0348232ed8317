//! Numbers of flags beside their names.

use crate::builtin::Means;
use crate::config::ast::{ExpressionKind, Item};
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "flag-number-undeclared",
    severity: Severity::Hint,
    finds: "The number of a flag in a config that declares names for flags, or a number above 31.",
    why: "A name without a number takes a free place. A number in the text may be the place of a name, and then two parts of the config, or a module, \
          change the same flag without knowing of each other. There are 32 flags.",
    instead: "Declare a name for it: flags ACC:1, NAT:5.",
    reference: "https://www.kamailio.org/wikidocs/tutorials/kamailio-flag-operations/",
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    let declared = subject.config.tree.items.iter().find_map(|item| match item {
        Item::Flags(flags) if !flags.avp => flags.names.first(),
        _ => None,
    });
    let clash = |number: i64| {
        let items = subject.config.tree.items.iter().filter_map(|item| match item {
            Item::Flags(flags) if !flags.avp => Some(flags),
            _ => None,
        });
        items.flat_map(|flags| &flags.names).find(|(_, place)| *place == Some(number)).map(|(name, _)| name)
    };
    for (_, arg) in subject.script().arguments_for(Means::Flag) {
        let number = match &arg.kind {
            ExpressionKind::Int(number) => *number,
            ExpressionKind::Text(text) => {
                match std::str::from_utf8(text).ok().and_then(|text| text.trim().parse().ok()) {
                    Some(number) => number,
                    None => continue,
                }
            }
            _ => continue,
        };
        if number > 31 {
            findings.add(format!("there is no flag {number}: they go from 0 to 31"), arg.span);
        } else if let Some((name, _)) = declared {
            let found = findings.add(format!("flag {number} has no name, others have"), arg.span);
            match clash(number) {
                Some(same) => found.add_label(same.span, format!("{} is flag {number} too", same.text)),
                None => found.add_label(name.span, "names are declared here"),
            };
            found.add_help(format!("declare it: flags NAME:{number}"));
        }
    }
}
