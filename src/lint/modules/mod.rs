//! Modules, their parameters, settings of the core, and releases.

mod dependency_missing;
mod dialect_opensips;
mod dialog_id_collision;
mod gone;
mod newer_than_target;
mod no_effect;
mod order;
mod param_no_effect;
mod param_repeated;
mod processes;
mod tls;
mod usrloc_memory_only;

use super::{Rule, Subject};
use crate::config::ast::SettingValue;
use crate::sip::Transport;
use crate::source::Span;

pub(super) static RULES: &[&Rule] = &[
    &order::PARAM,
    &order::MODULE,
    &dependency_missing::RULE,
    &param_repeated::RULE,
    &param_no_effect::RULE,
    &no_effect::RULE,
    &gone::MODULE,
    &gone::PARAM,
    &newer_than_target::RULE,
    &dialect_opensips::RULE,
    &tls::THREADS_MODE,
    &tls::WITHOUT_MODULE,
    &processes::TCP_CHILDREN,
    &processes::MULTIPLY,
    &processes::FORK_OFF,
    &processes::AUTO_ALIASES,
    &dialog_id_collision::RULE,
    &usrloc_memory_only::RULE,
];

/// A number that is set in the core, with its place.
fn core_number(subject: &Subject, name: &str) -> Option<(i64, Span)> {
    match subject.settings(name).next_back()?.values.first()? {
        SettingValue::Int(number, span) => Some((*number, *span)),
        _ => None,
    }
}

/// A listener: its transport, when one is named, and its place. One entry for each address.
fn listeners(subject: &Subject) -> Vec<(Option<Transport>, Span)> {
    let mut found = Vec::new();
    for value in subject.settings("listen").flat_map(|setting| &setting.values) {
        match value {
            SettingValue::Listen(listen) => {
                let proto = listen.proto.as_ref().and_then(|proto| Transport::of(proto.text.as_bytes()));
                found.extend(listen.addresses.iter().map(|_| (proto, listen.span)));
            }
            SettingValue::Word(word) => found.push((proto_of(&word.text), word.span)),
            SettingValue::Text(text) => found.push((proto_of(&String::from_utf8_lossy(&text.value)), text.span)),
            SettingValue::Int(..) => {}
        }
    }
    found
}

fn proto_of(text: &str) -> Option<Transport> {
    Transport::of(text.split(':').next().unwrap_or_default().as_bytes())
}
