//! Scanner filters that stop phones.

use super::patterns;
use crate::builtin::{Does, Extensions, Regex};
use crate::config::ast::{Block, Expression, Jump, StatementKind};
use crate::config::walk::{self, Node};
use crate::lint::expressions::variable;
use crate::lint::{Findings, Rule, Severity, Subject};
use crate::source::Span;
use rustc_hash::FxHashSet;

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "regex-too-broad-ua",
    severity: Severity::Hint,
    finds: "A filter by User-Agent that drops or refuses several kinds of ordinary phones.",
    why: "A short word such as sip or voip stands in the names of many phones. =~ finds it anywhere and ignores case, so the filter against scanners \
          locks out customers.",
    instead: "Name the scanners: friendly-scanner, sipvicious, sipcli, pplsip, sip-scan.",
    reference: "https://www.kamailio.org/wikidocs/tutorials/security/kamailio-security/",
    check,
};

/// How ordinary phones and servers call themselves, each with a name for people.
static ORDINARY: &[(&str, &str)] = &[
    ("Yealink SIP-T46S 66.85.0.5", "Yealink"),
    ("Grandstream GXP2170 1.0.11.16", "Grandstream"),
    ("PolycomVVX-VVX_411-UA/5.9.0.9373", "Polycom"),
    ("snomD785/10.1.101.11", "snom"),
    ("Cisco-CP8841-3PCC/11.3.1", "Cisco"),
    ("Fanvil X4 2.4.6 0c383e2f0000", "Fanvil"),
    ("Z 5.4.12 v2.10.13.2", "Zoiper"),
    ("LinphoneAndroid/4.6.3 LinphoneSDK/5.1.7", "Linphone"),
    ("MicroSIP/3.20.7", "MicroSIP"),
    ("Bria 5 release 5.8.3 stamp 102678", "Bria"),
    ("baresip v1.1.0 (x86_64/linux)", "baresip"),
    ("AVM FRITZ!Box 7590 154.07.29", "FRITZ!Box"),
    ("Asterisk PBX 18.10.0", "Asterisk"),
    ("FreeSWITCH-mod_sofia/1.10.7", "FreeSWITCH"),
];

fn check(subject: &Subject, findings: &mut Findings) {
    let refused = refused(subject);
    for pattern in patterns(subject) {
        let by_name =
            pattern.left.and_then(variable).is_some_and(|left| left.name == "ua" || left.is("hdr", "User-Agent"));
        if !by_name || !refused.contains(&pattern.span) {
            continue;
        }
        let inner = pattern.text.strip_prefix("(?i)").unwrap_or(&pattern.text);
        let inner = inner.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')).unwrap_or(inner);
        for token in inner.split('|').filter(|token| !token.contains(['(', ')'])) {
            let Ok(regex) = Regex::new(token.as_bytes(), true, Extensions::default()) else { continue };
            let hit: Vec<&str> =
                ORDINARY.iter().filter(|(name, _)| regex.is_match(name.as_bytes())).map(|(_, name)| *name).collect();
            if hit.len() < 2 {
                continue;
            }
            let span = subject.narrow(pattern.span, token.as_bytes());
            findings
                .add(format!("\"{token}\" also stands in the name of ordinary phones"), span)
                .add_note(format!("this locks out {}", hit.join(", ")))
                .add_help("name the scanners that are meant");
        }
    }
}

/// The patterns whose match ends the request: dropped, or answered and done.
fn refused(subject: &Subject) -> FxHashSet<Span> {
    let mut found = FxHashSet::default();
    for route in &subject.script().routes {
        walk::block(&route.body, &mut |node| {
            let Node::Statement(statement) = node else { return };
            let StatementKind::If { first, more, .. } = &statement.kind else { return };
            for branch in std::iter::once(first).chain(more).filter(|branch| refuses(subject, &branch.then)) {
                walk::expression(&branch.condition, &mut |node| {
                    if let Node::Expression(Expression { span, .. }) = node {
                        found.insert(*span);
                    }
                });
            }
        });
    }
    found
}

fn refuses(subject: &Subject, block: &Block) -> bool {
    let ends = block
        .statements
        .last()
        .is_some_and(|last| matches!(last.kind, StatementKind::Jump(Jump::Exit | Jump::Drop, _)));
    let mut forwards = false;
    walk::block(block, &mut |node| {
        if let Node::Call(call) = node {
            let does = subject.script().does(call);
            forwards |= call.name.text == "route" || does.contains(&Does::Relay) || does.contains(&Does::Save);
        }
    });
    ends && !forwards
}
