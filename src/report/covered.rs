//! The configs with what ran of them: each line with its count, reached, unreached or half taken.

use super::coverage::{Branch, Coverage, FileCoverage, Share};
use maud::{Markup, html};
use std::collections::BTreeMap;
use std::path::Path;

/// The configs of a page: what links name them by, and their texts.
pub(super) struct Files<'a>(BTreeMap<&'a Path, (String, &'a str)>);

impl<'a> Files<'a> {
    pub(super) fn new(coverage: &'a Coverage) -> Files<'a> {
        let files = coverage.files.iter().enumerate();
        Files(files.map(|(at, (path, file))| (path.as_path(), (format!("f{at}"), file.text.as_str()))).collect())
    }

    pub(super) fn id(&self, path: &Path) -> Option<&str> {
        self.0.get(path).map(|(id, _)| id.as_str())
    }

    pub(super) fn text(&self, path: &Path) -> Option<&'a str> {
        self.0.get(path).map(|(_, text)| *text)
    }
}

/// Lines, branches and routes as bars.
pub(super) fn meters(shares: [Share; 3]) -> Markup {
    html! {
        div.meters {
            @for (name, share) in ["lines", "branches", "routes"].into_iter().zip(shares) {
                div.meter {
                    span.name { (name) }
                    b { (format!("{:.1}", share.percent())) small { " %" } }
                    span.bar { span style=(format!("width:{:.1}%", share.percent())) {} }
                    span.of { (share.reached) " of " (share.all) }
                }
            }
        }
    }
}

/// The section of a page about coverage.
pub(super) fn covered(coverage: &Coverage, files: &Files) -> Markup {
    html! {
        section id="coverage" {
            h2 { "Coverage" }
            p.legend {
                span.reached { "ran" } " " span.half { "one way of a condition never taken" } " "
                span.missed { "never ran" } " " span.dead { "no message can reach it" }
            }
            @if coverage.files.is_empty() { p { "No config was read." } }
            @for (path, file) in &coverage.files {
                @let shares = [file.line_share(), file.branch_share(), file.route_share()];
                details.file open[coverage.files.len() == 1] {
                    summary { span.path { (path.display()) } (meters(shares)) }
                    @if let Some(id) = files.id(path) { (text(file, id)) }
                }
            }
        }
    }
}

fn text(file: &FileCoverage, id: &str) -> Markup {
    let mut branches: BTreeMap<usize, Vec<&Branch>> = BTreeMap::new();
    for ((line, _), branch) in &file.branches {
        branches.entry(*line).or_default().push(branch);
    }
    html! {
        pre.code.covered {
            @for (at, text) in file.text.lines().enumerate() {
                @let line = at + 1;
                @let remark = branches.get(&line).and_then(|branches| remark(branches));
                @let count = file.lines.get(&line).or(file.routes.get(&line).map(|route| &route.runs));
                @let class = class(count, remark.is_some(), file.dead.contains(&line));
                span id=(format!("{id}-{line}")) class=[class] title=[&remark] {
                    i { (line) } em { @if let Some(count) = count { (count) "\u{d7}" } } (text.replace('\t', "    "))
                    @if let Some(remark) = &remark { small { (remark) } }
                    "\n"
                }
            }
        }
    }
}

fn class(count: Option<&u32>, half: bool, dead: bool) -> Option<&'static str> {
    match count {
        Some(0) => Some("missed"),
        Some(_) if half => Some("half"),
        Some(_) => Some("reached"),
        None => dead.then_some("dead"),
    }
}

/// What of the conditions of a line never happened, when some of it did.
fn remark(branches: &[&Branch]) -> Option<String> {
    let partly = branches.iter().filter(|branch| branch.ways.iter().any(|count| *count > 0));
    let remarks = partly.filter(|branch| branch.ways.contains(&0)).map(|branch| match branch.ways.as_slice() {
        [0, _] => "never yes".to_owned(),
        [_, 0] => "never no".to_owned(),
        ways => format!("{} of {} ways never taken", ways.iter().filter(|count| **count == 0).count(), ways.len()),
    });
    let remarks: Vec<String> = remarks.collect();
    (!remarks.is_empty()).then(|| remarks.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_that_went_one_way_is_half_taken() {
        let branch = |ways: &[u32]| Branch { ways: ways.to_vec() };
        assert_eq!(remark(&[&branch(&[2, 0])]).as_deref(), Some("never no"));
        assert_eq!(remark(&[&branch(&[0, 1]), &branch(&[1, 1])]).as_deref(), Some("never yes"));
        assert_eq!(remark(&[&branch(&[0, 1, 0])]).as_deref(), Some("2 of 3 ways never taken"));
        assert_eq!(remark(&[&branch(&[0, 0]), &branch(&[1, 1])]), None);
    }
}
