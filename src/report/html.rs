//! The report for people: one page that needs nothing else.

use super::coverage::Coverage;
use super::covered::{Files, covered, meters};
use super::details::details;
use super::diagram::diagram;
use super::outcome::{Outcome, Run, Verdict};
use super::page::page;
use super::steps::steps;
use maud::{Markup, html};
use similar::{ChangeTag, DiffOp, InlineChange, TextDiff};

/// The page may grow so large, in bytes, before it leaves out the ways of scripts and whole messages; then, before it leaves out diagrams.
const MOST_WITH_DETAILS: usize = 9_000_000;
const MOST_WITH_DIAGRAMS: usize = 14_000_000;
/// Bytes of one failure's texts: usually, and in a page that is full.
const MOST_TEXT: usize = 60_000;
const MOST_TEXT_WHEN_FULL: usize = 1_000;
/// Lines of one change whose words are compared.
const MOST_LINES_BY_WORD: usize = 200;
/// Steps of one run.
const MOST_STEPS: usize = 500;
/// Failures that are open from the beginning.
const MOST_OPEN: usize = 3;

/// The outcomes and their coverage as a page.
pub fn html(outcomes: &[Outcome], coverage: &Coverage) -> String {
    let files = Files::new(coverage);
    let (failed, passed): (Vec<_>, Vec<_>) = outcomes.iter().partition(|outcome| !outcome.verdict.is_good());
    let mut budget = Budget::default();
    let rows: Vec<Markup> = failed
        .iter()
        .chain(&passed)
        .enumerate()
        .map(|(at, outcome)| scenario(outcome, at, at < failed.len().min(MOST_OPEN), &files, &mut budget))
        .collect();
    let title = match failed.len() {
        0 => format!("{} passed", passed.len()),
        count => format!("{count} of {} failed", outcomes.len()),
    };
    let body = html! {
        header {
            h1 { "alanui test " b class=(if failed.is_empty() { "good" } else { "bad" }) { (title) } }
            (totals(&failed, passed.len()))
            (meters([coverage.lines(), coverage.branches(), coverage.routes()]))
            nav { a href="#scenarios" { "Scenarios" } " " a href="#coverage" { "Coverage" } }
        }
        section id="scenarios" {
            h2 { "Scenarios" }
            p.filter hidden {
                label { "Filter " input type="search" id="filter" placeholder="part of a path, a word" autocomplete="off"; }
                label { input type="checkbox" id="only-failed"; " failed only" }
                span id="shown" aria-live="polite" {}
            }
            @if budget.left_out > 0 {
                p.left-out { "This page is large: " (budget.left_out) " runs stand here without their details. Played with "
                    code { "--filter" } " they have them. Failures come first." }
            }
            @for row in rows { (row) }
        }
        (covered(coverage, &files))
    };
    page("alanui test", &body)
}

/// The coverage alone as a page.
pub fn coverage_html(coverage: &Coverage) -> String {
    let body = html! {
        header {
            h1 { "Coverage" }
            (meters([coverage.lines(), coverage.branches(), coverage.routes()]))
        }
        (covered(coverage, &Files::new(coverage)))
    };
    page("Coverage", &body)
}

fn totals(failed: &[&Outcome], passed: usize) -> Markup {
    let unreadable = failed.iter().filter(|outcome| outcome.verdict == Verdict::Unreadable).count();
    let counts = [("passed", passed), ("failed", failed.len() - unreadable), ("could not be played", unreadable)];
    html! {
        @if !failed.is_empty() {
            div.totals {
                @for ((name, count), class) in counts.into_iter().zip(["good", "bad", "unreadable"]) {
                    @if count > 0 {
                        span class=(class) style=(format!("flex-grow:{count}")) { b { (count) } " " (name) }
                    }
                }
            }
        }
    }
}

/// What the page holds so far.
#[derive(Default)]
struct Budget {
    used: usize,
    left_out: usize,
}

impl Budget {
    fn text(&self) -> usize {
        if self.used > MOST_WITH_DIAGRAMS { MOST_TEXT_WHEN_FULL } else { MOST_TEXT }
    }

    fn took(&mut self, markup: Markup) -> Markup {
        self.used += markup.0.len();
        markup
    }
}

fn scenario(outcome: &Outcome, at: usize, open: bool, files: &Files, budget: &mut Budget) -> Markup {
    let path = outcome.path.display().to_string();
    let (folder, name) = path.split_at(path.rfind('/').map_or(0, |slash| slash + 1));
    let runs: Vec<Markup> = outcome
        .runs
        .iter()
        .enumerate()
        .map(|(place, shown)| run(shown, &format!("s{at}r{place}"), files, budget))
        .collect();
    let class = match outcome.verdict {
        Verdict::Passed | Verdict::Accepted => "scenario good",
        Verdict::Changed | Verdict::New | Verdict::Unmet => "scenario bad",
        Verdict::Unreadable => "scenario unreadable",
    };
    let markup = html! {
        details class=(class) open[open] {
            summary {
                span.verdict { (outcome.verdict.word()) }
                span.path { (folder) b { (name) } }
                span.about { (outcome.about) }
            }
            @if !outcome.verdict.is_good() { (trouble(outcome, budget.text())) }
            @for run in runs { (run) }
        }
    };
    budget.took(markup)
}

fn run(run: &Run, prefix: &str, files: &Files, budget: &mut Budget) -> Markup {
    if budget.used > MOST_WITH_DIAGRAMS {
        budget.left_out += 1;
        return html! {};
    }
    let mut steps = steps(run);
    let left_out = steps.len().saturating_sub(MOST_STEPS);
    steps.truncate(MOST_STEPS);
    let with_details = budget.used <= MOST_WITH_DETAILS;
    budget.left_out += usize::from(!with_details);
    html! {
        div.run {
            @if let Some(row) = &run.row { h3 { (row) } }
            div.beside {
                div.drawn { (diagram(run, &steps, prefix)) }
                @if with_details { div.details { (details(run, &steps, prefix, files)) } }
            }
            @if left_out > 0 { p.left-out { "and " (left_out) " more steps, which the ladder has" } }
        }
    }
}

/// Why it failed.
fn trouble(outcome: &Outcome, most: usize) -> Markup {
    let faults = outcome.plain_faults();
    let accepted = outcome.accepted.as_ref().filter(|_| outcome.verdict == Verdict::Changed);
    html! {
        p.sentence { (outcome.verdict.sentence()) }
        @if !faults.is_empty() { pre.faults { (limited(faults.trim_end(), most)) } }
        @if let Some(accepted) = accepted { (difference(accepted, &outcome.ladder, most)) }
    }
}

fn limited(text: &str, most: usize) -> &str {
    let end = (0..=text.len().min(most)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

/// The lines of a piece; words are compared only where that takes no time.
fn changes<'a>(diff: &'a TextDiff<'a, 'a, 'a, str>, op: &DiffOp) -> Vec<InlineChange<'a, str>> {
    if op.old_range().len() + op.new_range().len() > MOST_LINES_BY_WORD {
        return diff.iter_changes(op).map(InlineChange::from).collect();
    }
    diff.iter_inline_changes(op).collect()
}

/// The lines that differ, with the words that changed.
fn difference(accepted: &str, happens: &str, most: usize) -> Markup {
    let diff = TextDiff::from_lines(accepted, happens);
    let mut lines: Vec<Markup> = Vec::new();
    let mut size = 0;
    for hunk in diff.unified_diff().context_radius(3).iter_hunks() {
        lines.push(html! { span.hunk { (hunk.header().to_string()) "\n" } });
        for change in hunk.ops().iter().flat_map(|op| changes(&diff, op)) {
            let (mark, class) = match change.tag() {
                ChangeTag::Delete => ("-", "removed"),
                ChangeTag::Insert => ("+", "added"),
                ChangeTag::Equal => (" ", "same"),
            };
            let line = html! {
                span class=(class) {
                    (mark)
                    @for (emphasized, part) in change.iter_strings_lossy() {
                        @let part = part.trim_end_matches('\n');
                        @if emphasized && !part.is_empty() { mark { (part) } } @else { (part) }
                    }
                    "\n"
                }
            };
            size += line.0.len();
            lines.push(line);
            if size > most {
                lines.push(html! { span.hunk { "and more" } });
                return html! { pre.difference { @for line in lines { (line) } } };
            }
        }
    }
    html! {
        pre.difference {
            span.removed { "--- accepted\n" } span.added { "+++ happens\n" }
            @for line in lines { (line) }
        }
    }
}
