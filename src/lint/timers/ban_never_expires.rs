//! Bans for ever.

use crate::builtin::Does;
use crate::config::ast::{Expression, ExpressionKind};
use crate::lint::script::{Place, argument};
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "ban-never-expires",
    severity: Severity::Warning,
    finds: "A hash table that keeps marks for source addresses, is asked about them, and has neither autoexpire nor anything that removes them.",
    why: "What is put into such a table stays until the server restarts. One burst, or one phone with a wrong password, locks out a whole office \
          behind one address for good.",
    instead: "Declare the table with autoexpire: \"ipban=>size=8;autoexpire=300;\".",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/htable.html",
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    let script = subject.script();
    for declared in subject.params("htable", "htable") {
        let Some(text) = declared.text() else { continue };
        let text = String::from_utf8_lossy(&text.value).into_owned();
        let Some((table, attributes)) = text.split_once("=>") else { continue };
        let table = table.trim();
        let keeps = attributes.split(';').any(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            name.trim() == "dbtable" || name.trim() == "autoexpire" && value.trim() != "0"
        });
        if keeps {
            continue;
        }
        let of_table = |name: &'static str| {
            script.mentions_of(name).filter(move |mention| mention.written.key_name() == Some(table))
        };
        let by_source = |key: Option<&str>| key.is_some_and(|key| key.contains("=>$si"));
        let asked = of_table("sht").any(|mention| mention.place != Place::Target && by_source(mention.written.inner));
        let expires = of_table("shtex").next().is_some();
        // Also a table that is named by a variable, or by a pattern, may be this one.
        let removed = script
            .calls_that(Does::RemoveEntries)
            .any(|at| argument(at.call, 0).is_none_or(|name| name.contains(table) || name.contains(['$', '%', '='])));
        if !asked || expires || removed {
            continue;
        }
        let of_this =
            |at: &&crate::lint::script::AssignAt| at.target.name == "sht" && at.target.key_name() == Some(table);
        if script.assigns.iter().filter(of_this).any(|at| is_null(&at.assign.value)) {
            continue;
        }
        let ban = script
            .assigns
            .iter()
            .filter(of_this)
            .find(|at| by_source(at.target.inner) && is_constant(&at.assign.value));
        let Some(ban) = ban else { continue };
        findings
            .add(format!("a source address in {table} stays there until the restart"), ban.assign.span)
            .add_label(declared.span(), "the table has no autoexpire")
            .add_note("nothing in this config removes entries from it")
            .add_help(format!(
                "declare it as \"{table}=>{};autoexpire=300;\"",
                attributes.trim().trim_end_matches(';')
            ));
    }
}

fn is_null(value: &Expression) -> bool {
    matches!(&value.kind, ExpressionKind::Variable(variable) if &*variable.text == b"null")
}

fn is_constant(value: &Expression) -> bool {
    matches!(&value.kind, ExpressionKind::Int(number) if *number != 0) || matches!(value.kind, ExpressionKind::Text(_))
}
