//! `loadmodulex` and `modparamx`: variables in them are replaced by their values when the file is read.

use super::ast::{Item, ParamValue, Text};
use super::compile::Names;
use super::registry::Registry;
use super::variable::{Mistake, reference, template};
use crate::builtin::{Facts, Fault, Part, Reference, Value};
use crate::source::{Diagnostic, Span};
use bytes::Bytes;

/// Replaces the variables in the names of modules.
pub(super) fn modules(items: &mut [Item], registry: &Registry, facts: Facts, diagnostics: &mut Vec<Diagnostic>) {
    for item in items {
        let Item::LoadModule(load) = item else { continue };
        if load.interpolated {
            replace(&mut load.name, registry, facts, diagnostics);
        }
    }
}

/// Replaces the variables in the names of modules and parameters, and in the values.
pub(super) fn params(items: &mut [Item], registry: &Registry, facts: Facts, diagnostics: &mut Vec<Diagnostic>) {
    for item in items {
        let Item::ModParam(param) = item else { continue };
        if !param.interpolated {
            continue;
        }
        replace(&mut param.modules, registry, facts, diagnostics);
        replace(&mut param.name, registry, facts, diagnostics);
        match &mut param.value {
            ParamValue::Int(..) => {}
            ParamValue::Text(text) => replace(text, registry, facts, diagnostics),
            ParamValue::Variable(variable) => {
                let span = variable.span;
                let mut names = Names::new(registry, Facts { span, ..facts });
                let found =
                    reference(&mut names, &variable.text, variable.long).and_then(|found| known(&found).cloned());
                match found.and_then(|value| typed(value, span)) {
                    Ok(value) => param.value = value,
                    Err(mistake) => diagnostics.push(diagnostic(mistake, span)),
                }
            }
        }
    }
}

fn replace(text: &mut Text, registry: &Registry, facts: Facts, diagnostics: &mut Vec<Diagnostic>) {
    let mut names = Names::new(registry, Facts { span: text.span, ..facts });
    match template(&mut names, &text.value).and_then(|template| expanded(template.parts())) {
        Ok(value) => text.value = value,
        Err(mistake) => diagnostics.push(diagnostic(mistake, text.span)),
    }
}

/// The text; what is undefined prints as it does in a log line.
fn expanded(parts: &[Part]) -> Result<Bytes, Mistake> {
    let mut out = Vec::new();
    for part in parts {
        match part {
            Part::Text(text) => out.extend_from_slice(text),
            Part::Variable(reference) => match known(reference)? {
                Value::Null => out.extend_from_slice(b"<null>"),
                value => value.print(&mut out),
            },
        }
    }
    Ok(Bytes::from(out))
}

/// The value that a variable has before any message.
fn known(reference: &Reference) -> Result<&Value, Mistake> {
    let value = reference.key.prepared::<Value>().filter(|_| reference.transformations.is_empty());
    value.ok_or_else(|| Mistake {
        code: "unsupported-variable",
        fault: Fault::new(format!("{} has no value when the file is read", reference.text))
            .help("a define ($def, $defn, $defs) or a variable of the environment ($env) has one, as it stands"),
    })
}

/// A value on its own keeps its type.
fn typed(value: Value, span: Span) -> Result<ParamValue, Mistake> {
    match value {
        Value::Int(number) | Value::Both(number, _) => Ok(ParamValue::Int(number, span)),
        Value::Null | Value::Unset => Err(Mistake {
            code: "bad-variable",
            fault: Fault::new("the variable is undefined: the parameter has no value"),
        }),
        Value::Text(value) => Ok(ParamValue::Text(Text { value, span })),
    }
}

fn diagnostic(Mistake { code, fault }: Mistake, span: Span) -> Diagnostic {
    let diagnostic = Diagnostic::error(code, fault.message, span);
    match fault.help {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}
