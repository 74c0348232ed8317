//! The figures of a corpus, as a page that reads well as text and as Markdown.

use super::entry::Verdict;
use super::{Fault, Outcome};
use crate::catalogue::{self, Kind};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

/// Whether every config that Kamailio reads is read without a syntax error, and every one that it refuses for syntax is refused at that line.
pub(super) fn is_as_kamailio_says(outcomes: &[Outcome]) -> bool {
    outcomes.iter().all(|outcome| match &outcome.entry.verdict {
        Some(Verdict::Good) => !has_syntax(outcome),
        Some(Verdict::Refused(_, Some(place))) => refuses_at(outcome, place) || is_newer(outcome),
        Some(Verdict::Refused(_, None)) | None => true,
    })
}

/// The page.
pub(super) fn report(outcomes: &[Outcome], top: usize, details: bool) -> String {
    let mut page = String::new();
    reading(outcomes, details, &mut page);
    running(outcomes, &mut page);
    missing(outcomes, top, &mut page);
    faults(outcomes, top, &mut page);
    remarks(outcomes, &mut page);
    page
}

fn has_syntax(outcome: &Outcome) -> bool {
    outcome.errors.iter().any(|fault| fault.code.starts_with("syntax"))
}

fn refuses_at(outcome: &Outcome, (file, line): &(String, usize)) -> bool {
    // A file that is mapped keeps the path by which the config names it.
    let name = Path::new(file).file_name();
    outcome.errors.iter().any(|fault| fault.line == *line && fault.file.file_name() == name)
}

/// Kamailio 5.6 refuses it for something that later releases have.
fn is_newer(outcome: &Outcome) -> bool {
    let Some(Verdict::Refused(said, _)) = &outcome.entry.verdict else { return false };
    let source = said.rsplit_once("syntax error | ").map_or("", |(_, source)| source.trim());
    let word: String = source.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let core = catalogue::module("core");
    source.starts_with("loadmodule(")
        || core.and_then(|core| core.since(Kind::Parameter, &word)).is_some_and(|since| !since.is_empty())
}

fn reading(outcomes: &[Outcome], details: bool, page: &mut String) {
    let _ = writeln!(page, "# Reading\n\n{} configs\n", outcomes.len());
    let of = |fits: fn(&Outcome) -> bool| outcomes.iter().filter(|outcome| fits(outcome)).count();
    let good = of(|outcome| matches!(outcome.entry.verdict, Some(Verdict::Good)));
    let refused = of(|outcome| matches!(outcome.entry.verdict, Some(Verdict::Refused(_, Some(_)))));
    let unknown = of(|outcome| outcome.entry.verdict.is_none());
    let _ = writeln!(page, "| what Kamailio 5.6.3 says | configs | alanui | |\n| --- | ---: | --- | ---: |");
    if unknown > 0 {
        let read = of(|outcome| !has_syntax(outcome));
        let _ = writeln!(page, "| nothing is known | {unknown} | reads them without a syntax error | {read} |");
    }
    let read = of(|outcome| matches!(outcome.entry.verdict, Some(Verdict::Good)) && !has_syntax(outcome));
    let _ = writeln!(page, "| reads them | {good} | reads them without a syntax error | {read} |");
    let same = of(|outcome| match &outcome.entry.verdict {
        Some(Verdict::Refused(_, Some(place))) => refuses_at(outcome, place),
        _ => false,
    });
    let newer = of(|outcome| match &outcome.entry.verdict {
        Some(Verdict::Refused(_, Some(place))) => !refuses_at(outcome, place) && is_newer(outcome),
        _ => false,
    });
    let _ =
        writeln!(page, "| refuses them at a line, for their syntax | {refused} | refuses them at that line | {same} |");
    let _ = writeln!(page, "| | | reads them: later releases do | {newer} |");
    let others = of(|outcome| matches!(outcome.entry.verdict, Some(Verdict::Refused(_, None))));
    let named = of(|outcome| {
        matches!(outcome.entry.verdict, Some(Verdict::Refused(_, None)))
            && (!outcome.errors.is_empty() || !outcome.unsupported.is_empty())
    });
    let _ =
        writeln!(page, "| refuses them for names, values or missing files | {others} | names a cause | {named} |\n");
    if !details {
        return;
    }
    for outcome in outcomes {
        match &outcome.entry.verdict {
            Some(Verdict::Good) if !outcome.errors.is_empty() => {
                let _ = writeln!(page, "- {}: Kamailio reads it", outcome.entry.name);
                list(&outcome.errors, page);
            }
            Some(Verdict::Refused(said, Some(place))) if !refuses_at(outcome, place) && !is_newer(outcome) => {
                let _ = writeln!(page, "- {}: {said}", outcome.entry.name);
                list(&outcome.errors, page);
            }
            Some(Verdict::Refused(said, None)) if outcome.errors.is_empty() => {
                let _ = writeln!(page, "- {}: {said}", outcome.entry.name);
            }
            _ => {}
        }
    }
    page.push('\n');
}

/// Errors shown of one config.
const SHOWN: usize = 6;

fn list(errors: &[Fault], page: &mut String) {
    for fault in errors.iter().take(SHOWN) {
        let file = fault.file.file_name().unwrap_or_default().to_string_lossy();
        let _ = writeln!(page, "  - {}: {file}:{}: {}", fault.code, fault.line, fault.message);
    }
}

fn running(outcomes: &[Outcome], page: &mut String) {
    let whole = outcomes.iter().filter(|outcome| outcome.unsupported.is_empty()).count();
    let clean = outcomes.iter().filter(|outcome| outcome.unsupported.is_empty() && outcome.errors.is_empty()).count();
    let _ = writeln!(page, "# Running\n\n| | configs |\n| --- | ---: |");
    let _ = writeln!(page, "| use nothing that is not built in, in the branches that are switched on | {whole} |");
    let _ = writeln!(page, "| of these without any error | {clean} |\n");
    let _ = writeln!(
        page,
        "With the next missing modules built, as many configs would be whole as stands in the last column:\n"
    );
    let _ = writeln!(page, "| module | configs that wait for it | whole then |\n| --- | ---: | ---: |");
    let mut built: Vec<&str> = Vec::new();
    for _ in 0..12 {
        let mut waiting: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for outcome in outcomes {
            let mut modules: Vec<&str> = outcome.unsupported.iter().map(|used| used.module).collect();
            modules.sort_unstable();
            modules.dedup();
            modules.retain(|module| !built.contains(module));
            for module in &modules {
                let counts = waiting.entry(module).or_default();
                counts.0 += 1;
                counts.1 += usize::from(modules.len() == 1);
            }
        }
        let Some((module, (wait, _))) = waiting.into_iter().max_by_key(|(_, counts)| *counts) else { break };
        built.push(module);
        let whole =
            outcomes.iter().filter(|outcome| outcome.unsupported.iter().all(|used| built.contains(&used.module)));
        let _ = writeln!(page, "| {module} | {wait} | {} |", whole.count());
    }
    page.push('\n');
}

fn missing(outcomes: &[Outcome], top: usize, page: &mut String) {
    let kinds = [
        (None, "modules"),
        (Some(Kind::Function), "functions"),
        (Some(Kind::Parameter), "parameters"),
        (Some(Kind::Variable), "variables"),
        (Some(Kind::Transformation), "transformations"),
        (Some(Kind::Event), "event routes"),
        (Some(Kind::Select), "selects"),
    ];
    let _ = writeln!(page, "# What is missing, by how many configs use it\n");
    for (kind, title) in kinds {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for outcome in outcomes {
            let used = outcome.unsupported.iter().filter(|used| used.kind == kind);
            let mut names: Vec<String> = used.map(|used| format!("{} ({})", used.name, used.module)).collect();
            names.sort_unstable();
            names.dedup();
            names.into_iter().for_each(|name| *counts.entry(name).or_default() += 1);
        }
        ranking(title, counts, top, page);
    }
}

fn faults(outcomes: &[Outcome], top: usize, page: &mut String) {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for outcome in outcomes {
        let mut codes: Vec<&str> = outcome.errors.iter().map(|fault| fault.code).collect();
        codes.sort_unstable();
        codes.dedup();
        codes.into_iter().for_each(|code| *counts.entry(code.to_owned()).or_default() += 1);
    }
    ranking("errors in their own text", counts, top, page);
}

fn remarks(outcomes: &[Outcome], page: &mut String) {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for outcome in outcomes {
        let mut codes = outcome.found.clone();
        codes.sort_unstable();
        codes.dedup();
        codes.into_iter().for_each(|code| *counts.entry(code.to_owned()).or_default() += 1);
    }
    ranking("rules that found something", counts, usize::MAX, page);
}

fn ranking(title: &str, counts: BTreeMap<String, usize>, top: usize, page: &mut String) {
    if counts.is_empty() {
        return;
    }
    let all = counts.len();
    let mut rows: Vec<(String, usize)> = counts.into_iter().collect();
    rows.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(&other.0)));
    let _ = writeln!(page, "| {title} ({all}) | configs |\n| --- | ---: |");
    for (name, count) in rows.into_iter().take(top) {
        let _ = writeln!(page, "| {name} | {count} |");
    }
    page.push('\n');
}
