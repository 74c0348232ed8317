//! Core settings, modules and their parameters: from what the author wrote to values checked against rows.

use super::MOST_DIAGNOSTICS;
use super::ast::{Item, Listen as ListenItem, LoadModule, ModParam, ParamValue, Setting, SettingValue};
use super::module_pattern::ModulePattern;
use super::registry::{Load, Registry, nearest};
use super::unsupported::Unsupported;
use crate::builtin::{
    Extension, Global, Listen, Module, ModuleId, Param, ParamGiven, ParamGivenValue, ParamKind, Settings, Value,
};
use crate::catalogue::{self, Former, Kind};
use crate::sip::Transport;
use crate::source::{Diagnostic, Span};
use bytes::Bytes;
use rustc_hash::FxHashSet;

/// The values given to the parameters of each loaded module, by its place.
pub(super) type Given = Vec<Vec<ParamGiven>>;

/// Loads the modules that the config names. Gives the extensions that their order relies on.
pub(super) fn load_modules(
    items: &[Item],
    registry: &mut Registry,
    unsupported: &mut Vec<Unsupported>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<(Extension, Span)> {
    let mut places: Vec<Span> = vec![Span::default(); registry.loaded().len()];
    for item in items {
        let Item::LoadModule(LoadModule { name, .. }) = item else { continue };
        if diagnostics.len() + unsupported.len() >= MOST_DIAGNOSTICS {
            break;
        }
        let written = String::from_utf8_lossy(&name.value).into_owned();
        let base = module_name(&written);
        if registry.is_loaded(base) {
            let message = format!("the module {base} is loaded twice");
            diagnostics.push(Diagnostic::error("duplicate-module", message, name.span));
            continue;
        }
        match registry.load(base) {
            Load::Built => places.push(name.span),
            Load::Known(module) => {
                unsupported.push(Unsupported {
                    kind: None,
                    name: base.to_owned(),
                    module: module.name,
                    span: name.span,
                });
            }
            Load::Unknown => {
                registry.miss(base);
                let former = catalogue::former(None, "", base);
                let message = former.map_or_else(|| format!("there is no module {base}"), Former::module_is_gone);
                let mut diagnostic = Diagnostic::error("unknown-module", message, name.span);
                if let Some(former) = former {
                    diagnostic = diagnostic.help(former.instead);
                    if let Some(renamed) = former.renamed {
                        diagnostic.add_fix(name.span, format!("\"{}\"", written.replacen(base, renamed, 1)));
                    }
                } else if let Some(near) = registry.module_like(base) {
                    diagnostic = diagnostic.help(format!("did you mean {near}?"));
                }
                diagnostics.push(diagnostic);
            }
        }
    }
    let mut used = Vec::new();
    for (at, module) in registry.loaded().iter().enumerate() {
        let place = places.get(at).copied().unwrap_or_default();
        for wanted in module.requires {
            if registry.loaded_id(wanted).is_none() {
                let message = format!("the module {} needs {wanted}, which is not loaded", module.name);
                let help = format!("add loadmodule \"{wanted}.so\"");
                diagnostics.push(Diagnostic::error("missing-module", message, place).help(help));
            }
        }
        for earlier in module.after {
            if registry.loaded_id(earlier).is_some_and(|its| its.0 as usize > at) {
                used.push((Extension::AnyModuleOrder, place));
            }
        }
    }
    used
}

/// The name of a module as it is written in `loadmodule`: without folders and `.so`.
pub fn module_name(written: &str) -> &str {
    let base = written.rsplit('/').next().unwrap_or_default();
    base.strip_suffix(".so").unwrap_or(base)
}

/// Reads core settings and module parameters.
pub(super) fn read(
    items: &[Item],
    registry: &Registry,
    settings: &mut Settings,
    unsupported: &mut Vec<Unsupported>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Given {
    let mut given: Given = vec![Vec::new(); registry.loaded().len()];
    let mut own = FxHashSet::default();
    super::setting_rules::check(items, registry, diagnostics);
    settings.port = port(items).unwrap_or(settings.port);
    for item in items {
        if diagnostics.len() >= MOST_DIAGNOSTICS {
            break;
        }
        match item {
            // Told already.
            Item::Setting(setting) if setting.name.text.contains('.') && !own.insert(setting.name.text.as_str()) => {}
            Item::Setting(setting) => read_setting(setting, registry, settings, &mut given, unsupported, diagnostics),
            Item::ModParam(modparam) => read_modparam(modparam, registry, &mut given, unsupported, diagnostics),
            Item::LoadModule(_) | Item::LoadPath(_) | Item::CfgEngine(_) | Item::Flags(_) | Item::Route(_) => {}
        }
    }
    given
}

/// The port of `listen` entries without one, wherever it is set.
fn port(items: &[Item]) -> Option<u16> {
    let settings = items.iter().filter_map(|item| match item {
        Item::Setting(setting) if setting.name.text == "port" => setting.values.first(),
        _ => None,
    });
    match settings.last()? {
        SettingValue::Int(number, _) => u16::try_from(*number).ok().filter(|port| *port > 0),
        SettingValue::Text(_) | SettingValue::Word(_) | SettingValue::Listen(_) => None,
    }
}

fn read_setting(
    setting: &Setting,
    registry: &Registry,
    settings: &mut Settings,
    given: &mut Given,
    unsupported: &mut Vec<Unsupported>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let name = setting.name.text.as_str();
    let Some(core) = registry.loaded().first() else { return };
    let Some(param) = Registry::param(core, name) else {
        if let Some((group, own)) = name.split_once('.') {
            read_global(setting, group, own, registry, settings, diagnostics);
            return;
        }
        if registry.known_param("core", name).is_some() {
            let (kind, span) = (Some(Kind::Parameter), setting.name.span);
            unsupported.push(Unsupported { kind, name: name.to_owned(), module: "core", span });
            return;
        }
        let mut diagnostic = Diagnostic::error("unknown-setting", format!("unknown setting {name}"), setting.name.span);
        if let Some(former) = catalogue::former(Some(Kind::Parameter), "core", name) {
            diagnostic = diagnostic.help(former.advice());
        } else if let Some(near) = nearest(name, core.params.iter().flat_map(|param| param.names).copied()) {
            diagnostic = diagnostic.help(format!("did you mean {near}?"));
        }
        diagnostics.push(diagnostic);
        return;
    };
    for written in &setting.values {
        if param.kind == ParamKind::Addresses {
            read_address(param, written, settings, diagnostics);
            continue;
        }
        let (value, span) = match written {
            SettingValue::Int(number, span) => (ParamGivenValue::Int(*number), *span),
            SettingValue::Text(text) => (ParamGivenValue::Text(text.value.clone()), text.span),
            SettingValue::Word(word) => (ParamGivenValue::Text(Bytes::from(word.text.clone())), word.span),
            SettingValue::Listen(listen) => {
                diagnostics.push(Diagnostic::error(
                    "wrong-type",
                    format!("{name} does not take an address"),
                    listen.span,
                ));
                continue;
            }
        };
        if takes(param.kind, written, registry) {
            given[0].push(ParamGiven { name: param.names[0], value, span });
        } else {
            diagnostics.push(wrong_type(name, param, span));
        }
    }
}

/// Whether a core setting of this kind takes the value.
fn takes(kind: ParamKind, value: &SettingValue, registry: &Registry) -> bool {
    match (kind, value) {
        (ParamKind::Any, _) => true,
        (ParamKind::Int, SettingValue::Int(..))
        | (ParamKind::Text | ParamKind::Template | ParamKind::Word, SettingValue::Text(_)) => true,
        (ParamKind::Count, SettingValue::Int(number, _)) => *number >= 0,
        (ParamKind::Word, SettingValue::Word(word)) => {
            let is_name = word.text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            is_name && !word.text.starts_with(|first: char| first.is_ascii_digit()) && !registry.is_reserved(&word.text)
        }
        (ParamKind::OneOf(words), SettingValue::Word(word)) => words.contains(&word.text.as_str()),
        (ParamKind::Int | ParamKind::Count | ParamKind::Text | ParamKind::Template | ParamKind::Word, _) => false,
        (ParamKind::OneOf(_) | ParamKind::Addresses, _) => false,
    }
}

/// A value of the author's own, `group.name = value`, for `@cfg_get.group.name`.
fn read_global(
    setting: &Setting,
    group: &str,
    name: &str,
    registry: &Registry,
    settings: &mut Settings,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let bare_group = group.split('[').next().unwrap_or_default();
    let reserved = |word: &&str| *word != "default" && registry.is_reserved(word);
    if let Some(word) = [bare_group, name].into_iter().find(reserved) {
        let message = format!("{word} is a word of the language, no name");
        let found = Diagnostic::error("reserved-word", message, setting.name.span);
        diagnostics.push(found.help("choose another name: none can stand in quotes here"));
        return;
    }
    // A value for one instance of a group, group[1].name, is only seen after cfg_select.
    if group.contains('[') {
        return;
    }
    let value = match setting.values.first() {
        Some(SettingValue::Int(number, _)) => Value::Int(*number),
        Some(SettingValue::Text(text)) => Value::Text(text.value.clone()),
        Some(SettingValue::Word(_) | SettingValue::Listen(_)) | None => {
            let message = format!("{} takes a number or a string", setting.name.text);
            diagnostics.push(Diagnostic::error("wrong-type", message, setting.span).help("write a string in quotes"));
            return;
        }
    };
    settings.globals.push(Global { group: group.to_owned(), name: name.to_owned(), value });
}

fn read_address(param: &Param, value: &SettingValue, settings: &mut Settings, diagnostics: &mut Vec<Diagnostic>) {
    let is_listen = param.names[0] == "listen";
    match value {
        SettingValue::Listen(listen) if is_listen => {
            settings.listen.extend(listens(listen, settings.port, diagnostics))
        }
        SettingValue::Listen(listen) => {
            for address in &listen.addresses {
                settings.alias.push((Bytes::from(address.text.clone()), listen.port.map(|(port, _)| port)));
            }
        }
        SettingValue::Word(_) | SettingValue::Text(_) | SettingValue::Int(..) => {
            let text = match value {
                SettingValue::Word(word) => word.text.clone(),
                SettingValue::Text(text) => String::from_utf8_lossy(&text.value).into_owned(),
                _ => String::new(),
            };
            match parse_address(&text) {
                Some((_, host, port)) if !is_listen => settings.alias.push((Bytes::from(host), port)),
                Some((_, host, port)) => {
                    settings.listen.push(Listen {
                        transport: None,
                        host,
                        port: port.unwrap_or(settings.port),
                        advertise: None,
                        name: None,
                    });
                }
                None => {}
            }
        }
    }
}

/// The sockets of one `listen` entry. A transport that is not served is an error; none means each that is.
fn listens(item: &ListenItem, default_port: u16, diagnostics: &mut Vec<Diagnostic>) -> Vec<Listen> {
    let transport = match item.proto.as_ref().filter(|proto| proto.text != "*") {
        None => None,
        Some(proto) => match Transport::served(proto.text.as_bytes()) {
            Some(transport) => Some(transport),
            None => {
                let message = format!("the transport {} is not supported", proto.text);
                let found = Diagnostic::error("unsupported-transport", message, proto.span);
                diagnostics.push(found.help("udp and tcp are served"));
                return Vec::new();
            }
        },
    };
    let advertise = item.advertise.as_ref().map(|(host, port)| (Bytes::from(host.text.clone()), *port));
    let port = item.port.map_or(default_port, |(port, _)| port);
    let name = item.socket_name.as_ref().map(|name| name.value.clone());
    let hosts = item.addresses.iter().map(|address| address.text.trim_matches(['[', ']']).to_owned());
    hosts.map(|host| Listen { transport, host, port, advertise: advertise.clone(), name: name.clone() }).collect()
}

/// Reads `[proto:]host[:port]`.
pub fn parse_address(text: &str) -> Option<(Option<String>, String, Option<u16>)> {
    let (proto, rest) = match text.split_once(':') {
        Some((proto, rest)) if Transport::of(proto.as_bytes()).is_some() => (Some(proto.to_owned()), rest),
        _ => (None, text),
    };
    if let Some(inner) = rest.strip_prefix('[') {
        let (host, after) = inner.split_once(']')?;
        let port = match after.strip_prefix(':') {
            Some(port) => Some(port.parse().ok()?),
            None => None,
        };
        return Some((proto, host.to_owned(), port));
    }
    match rest.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') => Some((proto, host.to_owned(), Some(port.parse().ok()?))),
        _ if rest.is_empty() => None,
        _ => Some((proto, rest.to_owned(), None)),
    }
}

fn read_modparam(
    modparam: &ModParam,
    registry: &Registry,
    given: &mut Given,
    unsupported: &mut Vec<Unsupported>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let written = String::from_utf8_lossy(&modparam.modules.value).into_owned();
    let Some(regex) = ModulePattern::of(modparam) else {
        diagnostics.push(Diagnostic::error("bad-regex", "bad module name", modparam.modules.span));
        return;
    };
    let name = String::from_utf8_lossy(&modparam.name.value).into_owned();
    let matches = |module: &&'static Module| regex.is_match(module.name.as_bytes());
    let mut found = false;
    for (at, module) in registry.loaded().iter().enumerate().skip(1).filter(|(_, module)| matches(module)) {
        found = true;
        if let Some(param) = Registry::param(module, &name) {
            if let Some(value) = param_value(modparam, param, &name, diagnostics) {
                given[at].push(ParamGiven { name: param.names[0], value, span: modparam.value.span() });
            }
        } else if registry.known_param(module.name, &name).is_some() {
            let (kind, span) = (Some(Kind::Parameter), modparam.name.span);
            unsupported.push(Unsupported { kind, name: name.clone(), module: module.name, span });
        } else {
            diagnostics.push(unknown_parameter(module, &name, modparam.name.span));
        }
    }
    for module in registry.stand_ins().filter(matches) {
        found = true;
        match Registry::param(module, &name) {
            Some(param) => _ = param_value(modparam, param, &name, diagnostics),
            None => diagnostics.push(unknown_parameter(module, &name, modparam.name.span)),
        }
    }
    // A module that does not exist is told where it is loaded.
    if !found && !registry.is_missed(&regex) {
        diagnostics.push(
            Diagnostic::error("missing-module", format!("no module {written} is loaded"), modparam.modules.span)
                .help(format!("add loadmodule \"{written}.so\" before this line")),
        );
    }
}

/// The value as the parameter takes it; reported when it has another type.
fn param_value(
    modparam: &ModParam,
    param: &Param,
    name: &str,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<ParamGivenValue> {
    match (&modparam.value, param.kind) {
        (ParamValue::Int(number, _), ParamKind::Int | ParamKind::Any) => Some(ParamGivenValue::Int(*number)),
        (ParamValue::Text(text), ParamKind::Text | ParamKind::Template | ParamKind::Any) => {
            Some(ParamGivenValue::Text(text.value.clone()))
        }
        // Its value was put in its place; a variable without one has been told.
        (ParamValue::Variable(_), _) => None,
        _ => {
            diagnostics.push(wrong_type(name, param, modparam.value.span()));
            None
        }
    }
}

/// Every parameter statement with each loaded module that it speaks of, in the order of the text.
pub(super) fn given_params<'a>(items: &'a [Item], registry: &Registry) -> Vec<(&'static str, &'a ModParam)> {
    let statements = items.iter().filter_map(|item| match item {
        Item::ModParam(modparam) => Some(modparam),
        _ => None,
    });
    let mut given = Vec::new();
    for modparam in statements {
        let Some(regex) = ModulePattern::of(modparam) else { continue };
        let built = registry.loaded().iter().skip(1).copied().chain(registry.stand_ins());
        given.extend(
            built.filter(|module| regex.is_match(module.name.as_bytes())).map(|module| (module.name, modparam)),
        );
    }
    given
}

/// Parameters that stand before the `loadmodule` of their module, which Kamailio refuses.
pub(super) fn early_params(items: &[Item], registry: &Registry) -> Vec<(Extension, Span)> {
    let mut later: Vec<String> = Vec::new();
    let names = items.iter().filter_map(|item| match item {
        Item::LoadModule(load) => Some(module_name(&String::from_utf8_lossy(&load.name.value)).to_owned()),
        _ => None,
    });
    later.extend(names.filter(|name| registry.is_loaded(name)));
    let mut early = Vec::new();
    for item in items {
        match item {
            Item::LoadModule(load) => {
                let written = String::from_utf8_lossy(&load.name.value);
                later.retain(|name| name != module_name(&written));
            }
            Item::ModParam(modparam) => {
                let is_early = ModulePattern::of(modparam)
                    .is_some_and(|regex| later.iter().any(|name| regex.is_match(name.as_bytes())));
                if is_early {
                    early.push((Extension::AnyModuleOrder, modparam.span));
                }
            }
            _ => {}
        }
    }
    early
}

fn unknown_parameter(module: &Module, name: &str, span: Span) -> Diagnostic {
    let message = format!("the module {} has no parameter {name}", module.name);
    let diagnostic = Diagnostic::error("unknown-parameter", message, span);
    if let Some(former) = catalogue::former(Some(Kind::Parameter), module.name, name) {
        return diagnostic.help(former.advice());
    }
    match nearest(name, module.params.iter().flat_map(|param| param.names).copied()) {
        Some(near) => diagnostic.help(format!("did you mean {near}?")),
        None => diagnostic,
    }
}

fn wrong_type(name: &str, param: &Param, span: Span) -> Diagnostic {
    let (wanted, help) = match param.kind {
        ParamKind::Int => ("a number".to_owned(), "write it without quotes"),
        ParamKind::Count => ("a number without a sign".to_owned(), "write it without quotes and sign"),
        ParamKind::Text | ParamKind::Template => ("a string".to_owned(), "write it in quotes"),
        ParamKind::Word => ("a word or a string".to_owned(), "write it in quotes"),
        ParamKind::OneOf(words) => (format!("one of {}", words.join(", ")), "write it without quotes"),
        ParamKind::Any | ParamKind::Addresses => ("an address".to_owned(), "write it as proto:address:port"),
    };
    Diagnostic::error("wrong-type", format!("{name} takes {wanted}"), span).help(help)
}

/// The name of a value of the form name=>text; a value without one stands for itself.
fn entry(value: &ParamGivenValue) -> Option<&[u8]> {
    match value {
        ParamGivenValue::Text(text) => Some(text.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii()),
        ParamGivenValue::Int(_) => None,
    }
}

/// A parameter given on the command line: `module:param:type:value`, the type `s` or `i`.
///
/// # Errors
/// The fault in one sentence.
pub(super) fn command_line_param(text: &str, span: Span, registry: &Registry, given: &mut Given) -> Result<(), String> {
    let mut pieces = text.splitn(4, ':');
    let (Some(module), Some(name), Some(kind), Some(value)) =
        (pieces.next(), pieces.next(), pieces.next(), pieces.next())
    else {
        return Err("write module:param:s:text or module:param:i:number".to_owned());
    };
    let Some(ModuleId(at)) = registry.loaded_id(module) else {
        return Err(format!("the module {module} is not loaded"));
    };
    let Some(param) = Registry::param(registry.loaded()[at as usize], name) else {
        return Err(format!("the module {module} has no parameter {name}"));
    };
    let value = match (kind, param.kind) {
        ("i", ParamKind::Int | ParamKind::Any) => match value.parse() {
            Ok(number) => ParamGivenValue::Int(number),
            Err(_) => return Err(format!("{value} is no number")),
        },
        ("s", ParamKind::Text | ParamKind::Template | ParamKind::Any) => {
            ParamGivenValue::Text(Bytes::from(value.to_owned()))
        }
        ("i" | "s", _) => return Err(format!("{name} has the other type")),
        _ => return Err("the type is s or i".to_owned()),
    };
    let given = &mut given[at as usize];
    // The command line wins over the file. Of a parameter that may be repeated it replaces the value with the same name, as in name=>text.
    given.retain(|its| its.name != param.names[0] || param.repeat && entry(&its.value) != entry(&value));
    given.push(ParamGiven { name: param.names[0], value, span });
    Ok(())
}
