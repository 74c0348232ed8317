//! What a select means: `@to.uri.host`, from the rows of its steps.

use super::list;
use crate::builtin::{Bracket, Select, Step};
use crate::modules::MODULES;
use std::fmt::Write as _;

/// Describes the select that this path, without its `@`, leads to; `*` in a path stands for any word.
pub(super) fn select(page: &mut String, path: &str) {
    // What stands in brackets is an argument.
    let words: Vec<&str> = path.split('.').map(|word| word.split('[').next().unwrap_or_default()).collect();
    for module in MODULES {
        for root in module.selects {
            for name in root.variable.names {
                let length = name.split('.').count();
                if words.len() < length || !words[..length].iter().copied().eq(name.split('.')) {
                    continue;
                }
                if let Some((doc, bracket, steps)) = follow(root, &words[length..]) {
                    let taken = match bracket {
                        Bracket::None => "",
                        Bracket::Number => "[n]",
                        Bracket::Optional => "[n], the number may be left out",
                        Bracket::Text | Bracket::Rest => "[\"name\"]",
                    };
                    let _ = writeln!(page, "@{path}: select of {}\n  {doc}", module.name);
                    if !taken.is_empty() {
                        let _ = writeln!(page, "  takes: {taken}");
                    }
                    list(page, "may go on with", steps.iter().map(|step| step.transformation.name));
                    page.push('\n');
                }
            }
        }
    }
}

type Found = (&'static str, Bracket, &'static [Step]);

fn follow(root: &Select, words: &[&str]) -> Option<Found> {
    let mut at: Found = (root.variable.doc, root.bracket, root.steps);
    for word in words {
        let steps = at.2;
        let named = |wanted: &str| steps.iter().find(|step| step.transformation.name == wanted);
        let step = named(word).or_else(|| named("*"))?;
        at = (step.transformation.doc, step.bracket, step.steps);
    }
    Some(at)
}
