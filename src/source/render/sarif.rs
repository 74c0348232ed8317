//! SARIF 2.1.0 (OASIS), which code scanning services read: one run with its rules and results.

use super::level_name;
use crate::source::{Diagnostic, Label, Sources};
use serde_json::{Value, json};

/// What a code means, why it matters and where that is documented.
pub type Described = dyn Fn(&str) -> Option<(String, String, String)>;

/// One run over the findings of several variants of a config.
pub fn sarif(pieces: &[(&Sources, &[Diagnostic])], described: &Described) -> String {
    let mut codes: Vec<&str> = Vec::new();
    let mut results = Vec::new();
    for (sources, diagnostics) in pieces {
        for diagnostic in *diagnostics {
            let rule = codes.iter().position(|code| *code == diagnostic.code).unwrap_or_else(|| {
                codes.push(diagnostic.code);
                codes.len() - 1
            });
            results.push(result(sources, diagnostic, rule));
        }
    }
    let rules: Vec<Value> = codes.iter().map(|code| rule(code, described(code))).collect();
    let driver = json!({
        "name": "alanui",
        "version": env!("CARGO_PKG_VERSION"),
        "rules": rules,
    });
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{ "tool": { "driver": driver }, "columnKind": "unicodeCodePoints", "results": results }],
    });
    format!("{log:#}")
}

fn rule(code: &str, described: Option<(String, String, String)>) -> Value {
    let (means, why, address) = described.unwrap_or_default();
    let mut rule = json!({ "id": code });
    let mut put = |key: &str, value: Value| {
        if let Some(object) = rule.as_object_mut() {
            object.insert(key.into(), value);
        }
    };
    if !means.is_empty() {
        put("shortDescription", json!({ "text": means }));
    }
    if !why.is_empty() {
        put("fullDescription", json!({ "text": why }));
    }
    if address.starts_with("http") {
        put("helpUri", json!(address));
    }
    rule
}

fn result(sources: &Sources, diagnostic: &Diagnostic, rule: usize) -> Value {
    let mut text = diagnostic.message.clone();
    for note in &diagnostic.notes {
        text += &format!("\n{note}");
    }
    if let Some(help) = &diagnostic.help {
        text += &format!("\nhelp: {help}");
    }
    let (main, others) = match diagnostic.labels.split_first() {
        Some((main, others)) => (Some(main), others),
        None => (None, &[][..]),
    };
    json!({
        "ruleId": diagnostic.code,
        "ruleIndex": rule,
        "level": level_name(diagnostic.level),
        "message": { "text": text },
        "locations": main.map(|label| location(sources, label)).into_iter().collect::<Vec<_>>(),
        "relatedLocations": others.iter().map(|label| location(sources, label)).collect::<Vec<_>>(),
    })
}

fn location(sources: &Sources, label: &Label) -> Value {
    let span = label.span;
    let (line, column) = sources.line_column(span.file, span.start);
    let (end_line, end_column) = sources.line_column(span.file, span.end);
    let mut location = json!({
        "physicalLocation": {
            "artifactLocation": { "uri": sources.path(span.file).display().to_string() },
            "region": { "startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column },
        },
    });
    if !label.text.is_empty()
        && let Some(object) = location.as_object_mut()
    {
        object.insert("message".into(), json!({ "text": label.text }));
    }
    location
}
