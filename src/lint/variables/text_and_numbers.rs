//! Text where numbers are meant.

use crate::config::ast::{BinaryOperator, Expression, ExpressionKind};
use crate::config::walk::{self, Node};
use crate::lint::expressions::variable;
use crate::lint::mentions::{self, Mention};
use crate::lint::{Findings, Rule, Severity, Subject};

/// An order among texts.
pub(super) static ORDERING: Rule = Rule {
    code: "cmp-ordering-on-text",
    severity: Severity::Portability,
    finds: "<, >, <= or >= with a value that is text: a header, or a part of a URI.",
    why: "Releases differ: 5.6 takes the text for a number and refuses a constant text, newer documentation compares texts letter by letter, where 10 \
          comes before 9.",
    instead: "Turn it into a number: $(hdr(X-Level){s.int}) > 9.",
    reference: "https://www.kamailio.org/wikidocs/cookbooks/devel/core/",
    check: ordering,
};

/// A sum that is none.
pub(super) static CONCAT: Rule = Rule {
    code: "plus-is-concat",
    severity: Severity::Warning,
    finds: "+ between a text on the left and a number, where a sum is meant.",
    why: "The left side decides: text on the left joins. \"1\" + 20 is 120, and $hdr(Expires) + 60 is 360060.",
    instead: "Put a number first, or convert: (int)$hdr(Expires) + 60, $(hdr(Expires){s.int}) + 60.",
    reference: "https://www.kamailio.org/wikidocs/cookbooks/devel/core/",
    check: concat,
};

/// A variable that is text: it comes as letters, whatever they say.
fn is_text(mention: &Mention) -> bool {
    let number = ["s.int", "s.len", "uri.port", "{nameaddr.len", "re.count", "s.count"]
        .iter()
        .any(|its| mention.rest.contains(its));
    let named = matches!(
        mention.name,
        "hdr" | "rU" | "fU" | "tU" | "rd" | "fd" | "td" | "ua" | "ci" | "ru" | "fu" | "tu" | "au" | "hdrc"
    );
    named && mention.name != "hdrc" && !number
}

fn ordering(subject: &Subject, findings: &mut Findings) {
    each(subject, &mut |operator, left, right, its| {
        use BinaryOperator as Op;
        if !matches!(operator, Op::Less | Op::Greater | Op::LessEqual | Op::GreaterEqual) {
            return;
        }
        let text = [left, right].into_iter().filter_map(variable).find(is_text);
        if let Some(text) = text {
            let shown = text.shown();
            let found = findings.add(format!("{shown} is text, and releases order text differently"), its.span);
            found.add_help(format!("write $({}{{s.int}})", shown.trim_start_matches('$')));
        }
    });
}

fn concat(subject: &Subject, findings: &mut Findings) {
    each(subject, &mut |operator, left, right, its| {
        if operator != BinaryOperator::Add || !matches!(right.kind, ExpressionKind::Int(_)) {
            return;
        }
        let text = match &left.kind {
            ExpressionKind::Text(text) if !text.is_empty() && text.iter().all(u8::is_ascii_digit) => {
                format!("\"{}\"", String::from_utf8_lossy(text))
            }
            ExpressionKind::Variable(variable) => match mentions::of(variable) {
                // Only headers that hold numbers are added to.
                Some(mention) if is_number_header(&mention) => mention.shown(),
                _ => return,
            },
            _ => return,
        };
        let found = findings.add(format!("{text} is text, so this joins and does not add"), its.span);
        found.add_help("convert it first: (int) before it, or {s.int} in it");
    });
}

fn is_number_header(mention: &Mention) -> bool {
    let numbers =
        ["expires", "max-forwards", "min-expires", "content-length", "session-expires", "min-se", "retry-after"];
    let named = mention
        .inner
        .is_some_and(|inner| numbers.contains(&inner.to_ascii_lowercase().as_str()) || inner.starts_with("X-"));
    mention.name == "hdr" && named && !mention.rest.contains("s.int")
}

fn each<'a>(
    subject: &Subject<'a>,
    visit: &mut dyn FnMut(BinaryOperator, &'a Expression, &'a Expression, &'a Expression),
) {
    for route in subject.routes() {
        walk::block(&route.body, &mut |node| {
            if let Node::Expression(its) = node
                && let ExpressionKind::Binary(operator, left, right) = &its.kind
            {
                visit(*operator, left, right, its);
            }
        });
    }
}
