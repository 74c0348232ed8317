//! Changes of headers: when they show, and how they are written.

use crate::builtin::Means;
use crate::config::ast::ExpressionKind;
use crate::lint::flow::Mark;
use crate::lint::{Findings, Rule, Severity, Subject};
use crate::source::Span;

/// A header that is read before it shows.
pub(super) static INVISIBLE: Rule = Rule {
    code: "header-edit-invisible",
    severity: Severity::Warning,
    finds: "A condition on a header that the script itself added before.",
    why: "Changes are noted and made when the message is sent. Until then $hdr and is_present_hf see the message as it came.",
    instead: "Keep the value in a variable, or call msg_apply_changes() between.",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/textopsx.html",
    check: invisible,
};

/// From or To set twice.
pub(super) static FROM_TWICE: Rule = Rule {
    code: "from-set-twice",
    severity: Severity::Warning,
    finds: "The same part of From or To assigned twice on one way; $fu holds $fU and $fd.",
    why: "Each assignment notes a change of the same bytes, and both are made when the message is sent: the values stand there one behind the \
          other.",
    instead: "Gather the value in a variable and assign once, or call msg_apply_changes() between.",
    reference: "https://www.kamailio.org/wikidocs/tutorials/faq/main/",
    check: from_twice,
};

/// The Contact changed twice.
pub(super) static CONTACT_TWICE: Rule = Rule {
    code: "contact-set-twice",
    severity: Severity::Warning,
    finds: "fix_nated_contact(), set_contact_alias() or add_contact_alias() on a way on which one of them changed the Contact before.",
    why: "Each notes a change of the same bytes. Kamailio refuses the second one with \"you can't update contact twice\" and returns false; \
          add_contact_alias() writes its parameter twice.",
    instead: "Call one of them, in one place; or call msg_apply_changes() between.",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/nathelper.html",
    check: contact_twice,
};

/// A header without its end.
pub(super) static WITHOUT_CRLF: Rule = Rule {
    code: "append-without-crlf",
    severity: Severity::Warning,
    finds: "Text of append_hf(), insert_hf() or append_to_reply() that does not end in \\r\\n.",
    why: "The text is put in as it is. Without the end of the line the next header, or the empty line before the body, is glued to it: a header is lost, or the message \
          does not parse at all.",
    instead: "End the text with \\r\\n.",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/textops.html",
    check: without_crlf,
};

fn invisible(subject: &Subject, findings: &mut Findings) {
    let mut reported = Vec::new();
    for broken in subject.flow().broken() {
        let Mark::Added(header) = &broken.mark else { continue };
        if !broken.asked || reported.contains(&broken.place) {
            continue;
        }
        reported.push(broken.place);
        let found =
            findings.add(format!("the header {header} that was added before does not show here yet"), broken.place);
        found.add_help("call msg_apply_changes() after the change, or test a variable");
    }
}

fn from_twice(subject: &Subject, findings: &mut Findings) {
    let mut reported = Vec::new();
    for broken in subject.flow().broken() {
        let Mark::Rewritten(part) = broken.mark else { continue };
        if reported.contains(&broken.place) {
            continue;
        }
        if part.ends_with("Contact") {
            continue;
        }
        reported.push(broken.place);
        let found = findings.add(format!("{part} was set on this way before; both values are written"), broken.place);
        found.add_note("changes of From and To are made when the message is sent, each of them");
        found.add_help("assign once, or call msg_apply_changes() between");
    }
}

fn contact_twice(subject: &Subject, findings: &mut Findings) {
    let mut reported = Vec::new();
    for broken in subject.flow().broken() {
        let Mark::Rewritten(part) = broken.mark else { continue };
        if !part.ends_with("Contact") || reported.contains(&broken.place) {
            continue;
        }
        reported.push(broken.place);
        findings
            .add("the Contact was changed on this way before", broken.place)
            .add_note("Kamailio refuses the second change and logs an error; an alias is written twice")
            .add_help("change it once, or call msg_apply_changes() between");
    }
}

fn without_crlf(subject: &Subject, findings: &mut Findings) {
    for (_, arg) in subject.script().arguments_for(Means::HeaderLine) {
        let ExpressionKind::Text(text) = &arg.kind else { continue };
        // The end may come from a variable.
        let computed = text.ends_with(b")") && text.contains(&b'$') || crate::lint::mentions::whole(text).is_some();
        if text.ends_with(b"\r\n") || computed || !text.contains(&b':') {
            continue;
        }
        let found = findings.add("this header does not end in \\r\\n", arg.span);
        found.add_note("the next header, or the empty line that ends the headers, is glued to it");
        let written = subject.sources.slice(arg.span);
        if !text.ends_with(b"\n") && written.len() >= 2 && written.starts_with(b"\"") && written.ends_with(b"\"") {
            let end = arg.span.end - 1;
            found.add_fix(Span { start: end, end, ..arg.span }, "\\r\\n");
        }
    }
}
