//! Selects: `@from.uri.host`, a value of the message and what is taken out of it step by step.
//!
//! A select is resolved to a [`Reference`]: its root is a variable, its steps are transformations. So expressions, `$sel(...)` and
//! functions read it like any other variable.

use super::module::{KeyKind, Module, Transformation, Variable};
use super::prepare::{Fault, Prepare};
use super::reference::{Applied, Index, Key, Reference, Template};
use crate::source::{Sources, Span};
use crate::world::ModuleId;
use bytes::Bytes;
use std::path::Path;

/// A root: what a path begins with.
#[derive(Debug, Clone, Copy)]
pub struct Select {
    /// Its value. The names are paths without `@`, dots between their words.
    pub variable: Variable,
    /// What stands in brackets behind it.
    pub bracket: Bracket,
    /// What may follow.
    pub steps: &'static [Step],
}

/// What stands in brackets behind a word of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bracket {
    /// Nothing.
    None,
    /// A number.
    Number,
    /// A number, or nothing.
    Optional,
    /// A string.
    Text,
    /// The rest of the path, whatever it is, is a name for the root to prepare.
    Rest,
}

/// A step: what is taken out of the value before it.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// Its name, or `*` for any word. A word for `*` is the first parameter; what stands in brackets is the next one.
    pub transformation: Transformation,
    /// What stands in brackets behind it.
    pub bracket: Bracket,
    /// What may follow.
    pub steps: &'static [Step],
}

impl Select {
    /// A root without brackets.
    pub const fn root(variable: Variable, steps: &'static [Step]) -> Select {
        Select { variable, bracket: Bracket::None, steps }
    }

    /// The same, with something in brackets.
    pub const fn bracketed(self, bracket: Bracket) -> Select {
        Select { bracket, ..self }
    }
}

impl Step {
    /// A step without brackets.
    pub const fn named(
        name: &'static str,
        run: fn(&mut super::Context, super::Value, &[Template]) -> super::Value,
        steps: &'static [Step],
        doc: &'static str,
    ) -> Step {
        let transformation = Transformation { class: "@", name, params: (0, 2), checks: &[], run, doc };
        Step { transformation, bracket: Bracket::None, steps }
    }

    /// The same, with something in brackets.
    pub const fn bracketed(self, bracket: Bracket) -> Step {
        Step { bracket, ..self }
    }
}

/// A word of a path with what stands in brackets behind it.
struct Word<'a> {
    name: &'a str,
    bracket: Option<Written<'a>>,
    /// Where it ends in the path.
    end: usize,
}

enum Written<'a> {
    Number(i32),
    Text(&'a str),
}

/// Resolves a path, written without `@`.
///
/// # Errors
/// A path that no loaded module has.
pub(super) fn resolve(path: &str, cx: &mut Prepare) -> Result<Reference, Fault> {
    let roots = cx.facts().selects;
    // Blanks behind the path are no part of it, those before it are.
    let path = path.trim_ascii_end();
    let words = words(path).ok_or_else(|| Fault::new(format!("@{path} is not written like a select")))?;
    let unknown = || Fault::new(format!("unknown select @{path}"));
    let (module, root, taken) = roots
        .iter()
        .filter_map(|(id, root)| Some((*id, *root, taken(root, &words)?)))
        .max_by_key(|found| found.2)
        .ok_or_else(unknown)?;
    let last = words.get(taken - 1).ok_or_else(unknown)?;
    let text: Box<str> = format!("@{path}").into();
    let mut reference = Reference {
        variable: &root.variable,
        module,
        key: Key::None,
        index: Index::None,
        transformations: Box::default(),
        text,
    };
    if root.bracket == Bracket::Rest {
        let KeyKind::Custom(prepare) = root.variable.key else { return Err(unknown()) };
        let rest = path.get(last.end..).unwrap_or_default().trim_start_matches('.');
        reference.key = Key::Custom(prepare(&Template::fixed(rest.to_owned()), cx)?);
        return Ok(reference);
    }
    let mut steps = root.steps;
    let mut applied = Vec::new();
    // A name for `*` may also stand in brackets: @hf_value["x-name"].
    if let (Bracket::None, Some(Written::Text(name)), Some(star)) = (root.bracket, &last.bracket, star(steps)) {
        let params = [Template::fixed(name.to_string())].into();
        applied.push(Applied { row: &star.transformation, module, params });
        steps = star.steps;
    } else {
        match bracket(root.bracket, last)? {
            Some(Written::Number(number)) => reference.index = Index::At(*number),
            Some(Written::Text(text)) => reference.key = Key::Text(Template::fixed(text.to_string())),
            None => {}
        }
    }
    for word in words.get(taken..).unwrap_or_default() {
        let exact = steps.iter().find(|step| step.transformation.name == word.name);
        let step = exact.or_else(|| star(steps)).ok_or_else(unknown)?;
        let mut params = Vec::new();
        if step.transformation.name == "*" {
            params.push(Template::fixed(word.name.to_owned()));
        }
        match bracket(step.bracket, word)? {
            Some(Written::Number(number)) => params.push(Template::fixed(number.to_string())),
            Some(Written::Text(text)) => params.push(Template::fixed(text.to_string())),
            None => {}
        }
        applied.push(Applied { row: &step.transformation, module, params: params.into() });
        steps = step.steps;
    }
    reference.transformations = applied.into();
    Ok(reference)
}

/// The step that takes any word.
fn star(steps: &'static [Step]) -> Option<&'static Step> {
    steps.iter().find(|step| step.transformation.name == "*")
}

/// How many words of the path the longest name of the root is, when it begins with it.
fn taken(root: &Select, words: &[Word]) -> Option<usize> {
    let fits = root.variable.names.iter().filter_map(|name| {
        let count = name.split('.').count();
        let same = name.split('.').zip(words).all(|(name, word)| name == word.name);
        // Only the last word of a root has brackets.
        let plain = words.iter().take(count.saturating_sub(1)).all(|word| word.bracket.is_none());
        (words.len() >= count && same && plain).then_some(count)
    });
    fits.max()
}

fn bracket<'a, 'b>(wanted: Bracket, word: &'b Word<'a>) -> Result<Option<&'b Written<'a>>, Fault> {
    let fault = |what: &str| Err(Fault::new(format!("{} takes {what}", word.name)));
    match (wanted, &word.bracket) {
        (Bracket::None | Bracket::Optional, None) => Ok(None),
        (Bracket::Number | Bracket::Optional, Some(written @ Written::Number(_))) => Ok(Some(written)),
        (Bracket::Text, Some(written @ Written::Text(_))) => Ok(Some(written)),
        (Bracket::None | Bracket::Rest, _) => fault("nothing in brackets"),
        (Bracket::Number | Bracket::Optional, _) => fault("a number in brackets"),
        (Bracket::Text, _) => fault("a string in brackets"),
    }
}

/// Takes a path apart: `via[1].params["x"]`.
fn words(path: &str) -> Option<Vec<Word<'_>>> {
    let mut words = Vec::new();
    let mut at = 0;
    while at < path.len() || words.is_empty() {
        let rest = path.get(at..)?;
        let length = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(rest.len());
        let name = rest.get(..length).filter(|name| !name.is_empty())?;
        at += length;
        let mut bracket = None;
        if let Some(inner) = path.get(at..)?.strip_prefix('[') {
            let (written, length) = match inner.strip_prefix('"') {
                Some(text) => {
                    let end = text.find('"')?;
                    (Written::Text(text.get(..end)?), end + 2)
                }
                None => {
                    let end = inner.find(']')?;
                    (Written::Number(inner.get(..end)?.trim().parse().ok()?), end)
                }
            };
            if !inner.get(length..)?.starts_with(']') {
                return None;
            }
            bracket = Some(written);
            at += length + 2;
        }
        words.push(Word { name, bracket, end: at });
        if at < path.len() {
            at += path.get(at..)?.starts_with('.').then_some(1)?;
            if at == path.len() {
                return None;
            }
        }
    }
    Some(words)
}

/// A value set in the config by `group.name = value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Global {
    /// The group.
    pub group: String,
    /// Its name in the group.
    pub name: String,
    /// Its value.
    pub value: super::Value,
}

/// The value of an environment variable by its name.
pub type Environment<'a> = dyn Fn(&str) -> Option<Vec<u8>> + 'a;

/// What a row that prepares itself may know of the config beside its own text.
#[derive(Clone, Copy, Default)]
pub struct Facts<'a> {
    /// The roots of selects of all loaded modules.
    pub selects: &'a [(ModuleId, &'static Select)],
    /// Values set by `group.name = value`.
    pub globals: &'a [Global],
    /// Defines as they stand at the end of the config; the value is absent when none was given.
    pub defines: &'a [(String, Option<Bytes>)],
    /// A variable of the environment by its name.
    pub environment: Option<&'a Environment<'a>>,
    /// The modules that are loaded.
    pub modules: &'a [&'static Module],
    /// The files of the config.
    pub sources: Option<&'a Sources>,
    /// The statement that the row stands in.
    pub span: Span,
    /// The name of the block that it stands in, as `$cfg(route)` has it.
    pub route: &'a str,
}

impl<'a> Facts<'a> {
    /// File and line of the statement that the row stands in.
    pub fn place(&self) -> Option<(&'a Path, usize)> {
        let sources = self.sources?;
        Some((sources.path(self.span.file), sources.line_column(self.span.file, self.span.start).0))
    }
}

impl std::fmt::Debug for Facts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("Facts").field("globals", &self.globals).field("defines", &self.defines).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_apart() {
        let cases = [
            ("from.uri.host", Some(3)),
            ("via[-1].params[\"x.y]\"]", Some(2)),
            ("", None),
            ("a.", None),
            ("a[x]", None),
            ("a[\"x]", None),
            ("a[1", None),
            ("a b", None),
            ("é", None),
        ];
        for (path, count) in cases {
            assert_eq!(words(path).map(|words| words.len()), count, "{path}");
        }
    }
}
