//! A tree as short text for snapshots.

use crate::config::ast::{
    Assign, Block, Call, CaseLabel, Config, Expression, ExpressionKind, Item, Listen, ParamValue, SettingValue,
    Statement, StatementKind, Variable,
};
use std::fmt::Write;

/// One line an item or statement, expressions with all their parentheses.
pub(super) fn summary(config: &Config) -> String {
    let mut out = String::new();
    for item in &config.items {
        match item {
            Item::Setting(setting) => {
                let values: Vec<String> = setting.values.iter().map(value).collect();
                let description = setting.description.as_ref().map(|text| format!(" -- {}", quoted(&text.value)));
                line(
                    &mut out,
                    0,
                    format!("set {} = {}{}", setting.name.text, values.join(" | "), description.unwrap_or_default()),
                );
            }
            Item::LoadModule(load) => {
                line(&mut out, 0, format!("load {} x={}", quoted(&load.name.value), load.interpolated))
            }
            Item::LoadPath(path) => line(&mut out, 0, format!("path {}", quoted(&path.value))),
            Item::CfgEngine(name) => line(&mut out, 0, format!("engine {}", quoted(&name.value))),
            Item::ModParam(param) => {
                let value = match &param.value {
                    ParamValue::Int(value, _) => value.to_string(),
                    ParamValue::Text(text) => quoted(&text.value),
                    ParamValue::Variable(name) => variable(name),
                };
                let (modules, name) = (quoted(&param.modules.value), quoted(&param.name.value));
                line(&mut out, 0, format!("param {modules} {name} {value} x={}", param.interpolated));
            }
            Item::Flags(flags) => {
                let names: Vec<String> = flags.names.iter().map(|(name, at)| format!("{}:{at:?}", name.text)).collect();
                line(&mut out, 0, format!("flags avp={} {}", flags.avp, names.join(" ")));
            }
            Item::Route(route) => {
                let name = route.name.as_ref().map_or("-", |name| &name.text);
                line(&mut out, 0, format!("{:?} {name}", route.kind));
                block(&mut out, 1, &route.body);
            }
        }
    }
    out
}

fn line(out: &mut String, depth: usize, text: String) {
    writeln!(out, "{}{text}", "  ".repeat(depth)).unwrap();
}

fn quoted(bytes: &[u8]) -> String {
    format!("\"{}\"", bytes.escape_ascii())
}

fn value(value: &SettingValue) -> String {
    match value {
        SettingValue::Int(value, _) => value.to_string(),
        SettingValue::Text(text) => quoted(&text.value),
        SettingValue::Word(name) => name.text.clone(),
        SettingValue::Listen(entry) => listen(entry),
    }
}

fn listen(entry: &Listen) -> String {
    let addresses: Vec<&str> = entry.addresses.iter().map(|name| &name.text[..]).collect();
    let proto = entry.proto.as_ref().map_or("-", |name| &name.text);
    let mut text = format!("<{proto} {} {:?}", addresses.join(","), entry.port.map(|(port, _)| port));
    if let Some((name, port)) = &entry.advertise {
        write!(text, " as {} {port:?}", name.text).unwrap();
    }
    if let Some(name) = &entry.socket_name {
        write!(text, " name {}", quoted(&name.value)).unwrap();
    }
    text + ">"
}

fn block(out: &mut String, depth: usize, block: &Block) {
    for statement in &block.statements {
        one(out, depth, statement);
    }
}

fn one(out: &mut String, depth: usize, statement: &Statement) {
    match &statement.kind {
        StatementKind::Empty => line(out, depth, ";".into()),
        StatementKind::Call(inner) => line(out, depth, call(inner)),
        StatementKind::Assign(inner) => line(out, depth, assign(inner)),
        StatementKind::If { first, more, otherwise } => {
            for (at, branch) in std::iter::once(first).chain(more).enumerate() {
                line(out, depth, format!("{}if {}", if at > 0 { "else " } else { "" }, expression(&branch.condition)));
                block(out, depth + 1, &branch.then);
            }
            if let Some(otherwise) = otherwise {
                line(out, depth, "else".into());
                block(out, depth + 1, otherwise);
            }
        }
        StatementKind::While { condition, body } => {
            line(out, depth, format!("while {}", expression(condition)));
            block(out, depth + 1, body);
        }
        StatementKind::Switch { value, cases } => {
            line(out, depth, format!("switch {}", expression(value)));
            for case in cases {
                let label = match &case.label {
                    CaseLabel::Value(value) => format!("case {}", expression(value)),
                    CaseLabel::Regex(value) => format!("case /{}", expression(value)),
                    CaseLabel::Default => "default".into(),
                };
                line(out, depth + 1, label);
                case.body.iter().for_each(|statement| one(out, depth + 2, statement));
            }
        }
        StatementKind::Jump(jump, value) => {
            let value = value.as_ref().map(|value| format!(" {}", expression(value)));
            line(out, depth, format!("{jump:?}{}", value.unwrap_or_default()));
        }
        StatementKind::Break => line(out, depth, "break".into()),
    }
}

fn variable(variable: &Variable) -> String {
    let text = variable.text.escape_ascii();
    if variable.long { format!("$({text})") } else { format!("${text}") }
}

fn assign(assign: &Assign) -> String {
    format!("{} = {}", variable(&assign.target), expression(&assign.value))
}

fn call(call: &Call) -> String {
    let args: Vec<String> = call.args.iter().map(expression).collect();
    format!("{}({})", call.name.text, args.join(", "))
}

fn expression(node: &Expression) -> String {
    match &node.kind {
        ExpressionKind::Int(value) => value.to_string(),
        ExpressionKind::Text(text) => quoted(text),
        ExpressionKind::Variable(name) => variable(name),
        ExpressionKind::Select(name) => format!("@{name}"),
        ExpressionKind::Word(word) => format!("`{word}`"),
        ExpressionKind::Address(text) => format!("<{text}>"),
        ExpressionKind::Call(inner) => call(inner),
        ExpressionKind::Unary(operator, inner) => format!("({operator:?} {})", expression(inner)),
        ExpressionKind::Binary(operator, left, right) => {
            format!("({} {operator:?} {})", expression(left), expression(right))
        }
        ExpressionKind::Choose(parts) => {
            let parts: Vec<String> = parts.iter().map(expression).collect();
            format!("selval({})", parts.join(", "))
        }
        ExpressionKind::Assign(inner) => format!("({})", assign(inner)),
        ExpressionKind::Block(inner) => {
            let mut out = String::new();
            block(&mut out, 0, inner);
            format!("{{{}}}", out.trim_end().replace('\n', "; "))
        }
    }
}
