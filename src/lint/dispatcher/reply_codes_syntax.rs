//! Reply codes of pings in a form that is dropped.

use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "ds-reply-codes-syntax",
    severity: Severity::Warning,
    finds: "An item of ds_ping_reply_codes that is neither code=NNN nor class=N.",
    why: "Kamailio drops what it does not understand without a word, so the code is not among those that count as alive. alanui understands a bare \
          list of codes.",
    instead: "Write code=404;class=5. 2xx counts always.",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/dispatcher.html#dispatcher.p.ds_ping_reply_codes",
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    for given in subject.params("dispatcher", "ds_ping_reply_codes") {
        let Some(text) = given.text() else { continue };
        let text = String::from_utf8_lossy(&text.value).into_owned();
        for item in text.split([';', ',']).map(str::trim).filter(|item| !item.is_empty()) {
            if is_understood(item) {
                continue;
            }
            let span = subject.narrow(given.span(), item.as_bytes());
            let found = findings.add(format!("Kamailio drops \"{item}\" silently"), span);
            match item.parse::<u16>() {
                Ok(code @ 200..300) => {
                    found
                        .add_note("2xx counts as alive always")
                        .add_help(format!("leave it out, or write code={code}"));
                }
                Ok(code @ 100..700) => {
                    found.add_help(format!("write code={code}")).add_fix(span, format!("code={code}"));
                }
                Ok(class @ 1..=6) => {
                    found.add_help(format!("write class={class}")).add_fix(span, format!("class={class}"));
                }
                _ => {
                    found.add_help("write code=404 for a code, class=5 for all of 5xx, with semicolons between");
                }
            }
        }
    }
}

fn is_understood(item: &str) -> bool {
    let Some((name, value)) = item.split_once('=') else { return false };
    let number = value.trim().parse::<u16>();
    match name.trim() {
        "code" => number.is_ok_and(|number| (100..700).contains(&number)),
        "class" => number.is_ok_and(|number| (1..=6).contains(&number)),
        _ => false,
    }
}
