//! Variables in text that is taken as it stands.

use super::{PV, known_variables};
use crate::builtin::{ArgKind, Does};
use crate::config::ast::{Expression, ExpressionKind};
use crate::lint::{Findings, Rule, Severity, Subject};

/// In an argument.
pub(super) static ARGUMENT: Rule = Rule {
    code: "pv-in-literal-argument",
    severity: Severity::Warning,
    finds: "A variable inside an argument that Kamailio takes as it stands: in rewritehost, rewritehostport, rewriteport, rewriteuser, rewriteuri, \
            prefix and others.",
    why: "The text goes into the request URI with its dollar sign. The URI can no longer be read, shows up as null later, and the request goes \
          nowhere. alanui expands variables in these statements of the core.",
    instead: "Assign the part itself: $rd, $rp, $rU, $ru or $du.",
    reference: "https://www.kamailio.org/wikidocs/cookbooks/devel/core/",
    check: argument,
};

/// On the right of `=`.
pub(super) static ASSIGNMENT: Rule = Rule {
    code: "pv-in-plain-assignment",
    severity: Severity::Warning,
    finds: "A variable inside a quoted text on the right side of an assignment.",
    why: "A text in an expression is taken as it stands: the variable gets the characters $rU, not the user. A destination made that way cannot be \
          resolved.",
    instead: "Put the pieces together with +, or write the text in $_s(...).",
    reference: PV,
    check: assignment,
};

fn argument(subject: &Subject, findings: &mut Findings) {
    for at in &subject.script().calls {
        let name = at.call.name.text.as_str();
        let assign = at.does.iter().find_map(|word| match word {
            Does::Assign(instead) => Some(*instead),
            _ => None,
        });
        let rows = subject.config.registry.functions(name);
        let row = rows.iter().find(|(_, row)| row.takes(at.call.args.len()));
        for (place, arg) in at.call.args.iter().enumerate() {
            let literal =
                row.and_then(|(_, row)| row.args.get(place)).is_some_and(|arg| matches!(arg.kind, ArgKind::Literal));
            let ExpressionKind::Text(text) = &arg.kind else { continue };
            if assign.is_none() && !literal {
                continue;
            }
            let Some(first) = known_variables(subject, text).into_iter().next() else { continue };
            let span = subject.narrow(arg.span, first.text);
            let message =
                format!("Kamailio does not expand {} here: {name} takes its text as it stands", first.as_written());
            let found = findings.add(message, span);
            match assign {
                Some(instead) => {
                    let port = text.iter().rposition(|byte| *byte == b':').filter(|_| instead.contains("$rp"));
                    let (host, port) = port.map_or((&text[..], None), |at| (&text[..at], Some(&text[at + 1..])));
                    let mut part = instead.replacen("...", &concatenated(host), 1);
                    part = match port {
                        Some(port) => part.replacen("...", &concatenated(port), 1),
                        None => part.replace("; $rp = ...", ""),
                    };
                    found
                        .add_note("the request URI gets the dollar sign, and nothing can read it")
                        .add_help(format!("write {part};"));
                }
                None => {
                    found.add_note("what goes out holds the dollar sign and the name");
                }
            }
        }
    }
}

fn assignment(subject: &Subject, findings: &mut Findings) {
    let kazoo = subject.loaded("kazoo").is_some();
    for at in &subject.script().assigns {
        // The functions of kazoo expand what a variable holds.
        if kazoo && at.target.name == "var" {
            continue;
        }
        pieces(
            subject,
            &at.assign.value,
            &String::from_utf8_lossy(subject.sources.slice(at.assign.target.span)),
            findings,
        );
    }
}

/// The texts that make up a value.
fn pieces(subject: &Subject, value: &Expression, target: &str, findings: &mut Findings) {
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        match &value.kind {
            ExpressionKind::Binary(_, left, right) => open.extend([&**right, &**left]),
            ExpressionKind::Choose(three) => open.extend([&three[2], &three[1]]),
            ExpressionKind::Text(text) => {
                let Some(first) = known_variables(subject, text).into_iter().next() else { continue };
                // What a substitution has put there was computed when the file was read.
                if !subject.sources.slice(value.span).contains(&b'$') {
                    continue;
                }
                let span = subject.narrow(value.span, first.text);
                findings
                    .add(format!("{} is not expanded in an assignment", first.as_written()), span)
                    .add_note(format!("{target} gets these characters, dollar sign included"))
                    .add_help(format!("write {}", concatenated(text)));
            }
            _ => {}
        }
    }
}

/// A text with variables as pieces put together.
fn concatenated(text: &[u8]) -> String {
    let mut pieces = Vec::new();
    let mut rest = text;
    for written in crate::lint::mentions::variables(text) {
        let Some(at) = memchr::memmem::find(rest, written.text) else { continue };
        if at > 0 {
            pieces.push(format!("\"{}\"", String::from_utf8_lossy(&rest[..at])));
        }
        pieces.push(written.as_written());
        rest = &rest[at + written.text.len()..];
    }
    if !rest.is_empty() {
        pieces.push(format!("\"{}\"", String::from_utf8_lossy(rest)));
    }
    // A sum takes the type of its first piece.
    if pieces.first().is_some_and(|first| first.starts_with('$')) && pieces.len() > 1 {
        pieces.insert(0, "\"\"".to_owned());
    }
    pieces.join(" + ")
}
