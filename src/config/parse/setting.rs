//! Pairs of settings and module statements to tree nodes.

use super::{Reader, Rule, range};
use crate::config::ast::{Flags, Item, Listen, LoadModule, ModParam, Name, ParamValue, Setting, SettingValue, Text};
use crate::config::literal;
use crate::source::{Diagnostic, Span};
use pest::iterators::Pair;

/// Settings that take a list without commas.
const LISTS: [&str; 3] = ["listen", "alias", "domain"];

impl Reader<'_> {
    /// A top-level statement that is no route.
    pub(super) fn top_statement(&mut self, pair: Pair<'_, Rule>, base: usize, items: &mut Vec<Item>) {
        let item = match pair.as_rule() {
            Rule::setting => self.setting(pair, base).map(Item::Setting),
            Rule::load_module => {
                let interpolated = pair.as_str().starts_with("loadmodulex");
                self.first_string(pair, base).map(|name| Item::LoadModule(LoadModule { name, interpolated }))
            }
            Rule::load_path => self.first_string(pair, base).map(Item::LoadPath),
            Rule::cfg_engine => self.first_string(pair, base).map(Item::CfgEngine),
            Rule::mod_param => self.mod_param(pair, base).map(Item::ModParam),
            Rule::flags => Some(Item::Flags(self.flags(pair, base))),
            _ => None,
        };
        items.extend(item);
    }

    fn first_string(&mut self, pair: Pair<'_, Rule>, base: usize) -> Option<Text> {
        let string = pair.into_inner().find(|pair| pair.as_rule() == Rule::string)?;
        Some(self.string(&string, base))
    }

    fn mod_param(&mut self, pair: Pair<'_, Rule>, base: usize) -> Option<ModParam> {
        let span = self.place(&pair, base);
        let interpolated = pair.as_str().starts_with("modparamx");
        let mut inner = pair.into_inner().filter(|pair| matches!(pair.as_rule(), Rule::string | Rule::param_value));
        let modules = self.string(&inner.next()?, base);
        let name = self.string(&inner.next()?, base);
        let value = inner.next()?.into_inner().next()?;
        let place = self.place(&value, base);
        let value = match value.as_rule() {
            Rule::string => ParamValue::Text(self.string(&value, base)),
            Rule::variable => ParamValue::Variable(self.variable(&value, base)),
            Rule::integer => ParamValue::Int(integer(value.as_str()), place),
            _ => ParamValue::Int(literal::number_word(value.as_str().as_bytes())?, place),
        };
        Some(ModParam { modules, name, value, interpolated, span })
    }

    fn flags(&mut self, pair: Pair<'_, Rule>, base: usize) -> Flags {
        let avp = pair.as_str().starts_with("avp");
        let mut names = Vec::new();
        for flag in pair.into_inner().filter(|pair| pair.as_rule() == Rule::flag) {
            let mut inner = flag.into_inner();
            let Some(name) = inner.next() else { continue };
            let position = inner.find(|pair| pair.as_rule() == Rule::number);
            names.push((self.bare(&name, base), position.map(|pair| literal::number(pair.as_str().as_bytes()))));
        }
        Flags { avp, names }
    }

    /// A word, or the value of a string used as one.
    fn bare(&self, pair: &Pair<'_, Rule>, base: usize) -> Name {
        if pair.as_rule() != Rule::string {
            return self.name(pair, base);
        }
        let Text { value, span } = self.string(pair, base);
        Name { text: String::from_utf8_lossy(&value).into_owned(), span }
    }

    fn setting(&mut self, pair: Pair<'_, Rule>, base: usize) -> Option<Setting> {
        let mut span = self.place(&pair, base);
        let mut inner = pair.into_inner();
        let mut name = self.name(&inner.next()?, base);
        name.text.retain(is_no_blank);
        let is_list = LISTS.contains(&name.text.as_str());
        let (mut values, mut description) = (Vec::new(), None);
        for pair in inner {
            match pair.as_rule() {
                Rule::value if !values.is_empty() && !is_list => {
                    let whole = range(&pair, base);
                    let end = base + pair.get_input().trim_ascii_end().len();
                    span.end = span.end.min(self.expanded.span(whole.clone()).start.max(name.span.end));
                    self.faults.stray(whole.start..end.max(whole.end));
                    break;
                }
                Rule::value => values.extend(self.value(pair, base, name.text == "listen")),
                Rule::description => {
                    description = pair.into_inner().next().map(|string| self.string(&string, base));
                }
                Rule::socket_block => values.push(SettingValue::Listen(self.socket_block(pair, base))),
                _ => {}
            }
        }
        // Most have one value, and a value is large.
        values.shrink_to_fit();
        Some(Setting { name, values, description, ended: false, span })
    }

    fn value(&mut self, pair: Pair<'_, Rule>, base: usize, listen: bool) -> Option<SettingValue> {
        let span = self.place(&pair, base);
        let inner = pair.into_inner().next()?;
        if inner.as_rule() == Rule::integer {
            return Some(SettingValue::Int(integer(inner.as_str()), span));
        }
        let text = inner.as_str();
        let mut pairs = inner.into_inner();
        let parts = pairs.next()?;
        let rest: Vec<Pair<'_, Rule>> = pairs.collect();
        if listen || !rest.is_empty() {
            let mut entry = self.listen(parts, base, span);
            for suffix in rest {
                match suffix.as_rule() {
                    Rule::advertise => entry.advertise = self.advertise(suffix, base),
                    Rule::socket_name => {
                        entry.socket_name = suffix.into_inner().nth(1).map(|string| self.string(&string, base));
                    }
                    _ => {}
                }
            }
            return Some(SettingValue::Listen(entry));
        }
        let mut single = parts.into_inner();
        if let (Some(part), None) = (single.next(), single.next()) {
            let inner = part.into_inner().next()?;
            if inner.as_rule() == Rule::string {
                return Some(SettingValue::Text(self.string(&inner, base)));
            }
            if let Some(value) = literal::number_word(inner.as_str().as_bytes()).filter(|value| *value < 2) {
                return Some(SettingValue::Int(value, span));
            }
        }
        let text = text.chars().filter(|c| is_no_blank(*c)).collect();
        Some(SettingValue::Word(Name { text, span }))
    }

    /// `[proto:]address[:port]`: a last part of digits is the port.
    fn listen(&mut self, parts: Pair<'_, Rule>, base: usize, span: Span) -> Listen {
        let mut parts: Vec<Pair<'_, Rule>> = parts.into_inner().filter_map(|part| part.into_inner().next()).collect();
        let mut port = None;
        let several = parts.len() > 1;
        if let Some(last) = parts.pop_if(|last| several && literal::is_number(last.as_str())) {
            let place = self.place(&last, base);
            match u16::try_from(literal::number(last.as_str().as_bytes())) {
                Ok(number) => port = Some((number, place)),
                Err(_) => self.faults.report(Diagnostic::error("syntax-port", "a port is at most 65535", place)),
            }
        }
        let proto = if parts.len() > 1 { Some(self.name(&parts.remove(0), base)) } else { None };
        if let Some(extra) = parts.get(1) {
            let found = Diagnostic::error("syntax", "expected `proto:address:port`", self.place(extra, base));
            self.faults.report(found.help("an IPv6 address is written in brackets"));
        }
        let addresses = match parts.into_iter().next() {
            Some(list) if list.as_rule() == Rule::address_list => {
                let parts = list.into_inner().filter(|pair| pair.as_rule() == Rule::part);
                parts.filter_map(|part| Some(self.address(&part.into_inner().next()?, base))).collect()
            }
            Some(part) => vec![self.address(&part, base)],
            None => Vec::new(),
        };
        Listen { proto, addresses, port, advertise: None, socket_name: None, span }
    }

    /// An address or name; an IPv6 address loses its brackets.
    fn address(&self, pair: &Pair<'_, Rule>, base: usize) -> Name {
        let mut name = self.bare(pair, base);
        if let Some(inner) = name.text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
            name.text = inner.to_string();
        }
        name
    }

    fn advertise(&mut self, pair: Pair<'_, Rule>, base: usize) -> Option<(Name, Option<u16>)> {
        let parts = pair.into_inner().find(|pair| pair.as_rule() == Rule::parts)?;
        let span = self.place(&parts, base);
        let Listen { addresses, port, .. } = self.listen(parts, base, span);
        Some((addresses.into_iter().next()?, port.map(|(port, _)| port)))
    }

    /// `socket = { bind = ...; advertise = ...; name = ...; }`.
    fn socket_block(&mut self, pair: Pair<'_, Rule>, base: usize) -> Listen {
        let span = self.place(&pair, base);
        let mut entry =
            Listen { proto: None, addresses: Vec::new(), port: None, advertise: None, socket_name: None, span };
        for attribute in pair.into_inner().filter(|pair| pair.as_rule() == Rule::attribute) {
            let place = self.place(&attribute, base);
            let mut inner = attribute.into_inner();
            let Some(key) = inner.next() else { continue };
            let Some(parts) = inner.find(|pair| pair.as_rule() == Rule::parts) else { continue };
            let mut value = self.listen(parts, base, place);
            match key.as_str() {
                "bind" => {
                    entry.proto = value.proto;
                    entry.addresses = value.addresses;
                    entry.port = value.port;
                }
                "advertise" => {
                    entry.advertise = value.addresses.pop().map(|name| (name, value.port.map(|(port, _)| port)))
                }
                "name" => {
                    let text = |name: Name| Text { value: name.text.into_bytes().into(), span: name.span };
                    entry.socket_name = value.addresses.pop().map(text);
                }
                other => {
                    let message = format!("the attribute `{other}` of a socket is ignored");
                    self.faults.report(Diagnostic::warning("ignored-socket-attribute", message, place));
                }
            }
        }
        entry
    }
}

/// Blanks are those of the grammar: a backslash and a backspace are among them.
fn is_no_blank(c: char) -> bool {
    !c.is_ascii_whitespace() && c != '\\' && c != '\x08'
}

/// The value of a number with an optional sign.
fn integer(text: &str) -> i64 {
    match text.strip_prefix('-') {
        Some(digits) => i64::from((literal::number(digits.trim_ascii_start().as_bytes()) as i32).wrapping_neg()),
        None => literal::number(text.as_bytes()),
    }
}
