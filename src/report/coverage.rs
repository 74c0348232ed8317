//! Which lines, branches and routes of a config ran, over any number of scenarios.

use crate::builtin::Reached;
use crate::script::{Op, Program};
use crate::source::{Sources, Span};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// What ran of every file that holds statements.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// By the path as it was read.
    pub files: BTreeMap<PathBuf, FileCoverage>,
}

/// What ran of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileCoverage {
    /// Its text.
    pub text: String,
    /// Lines that hold statements, from 1, and how often they ran.
    pub lines: BTreeMap<usize, u32>,
    /// Lines with statements that no message can reach: behind an `exit`, or behind a route that always ends the script.
    pub dead: BTreeSet<usize>,
    /// Conditions and labels of `switch`, by line and by place in the file.
    pub branches: BTreeMap<(usize, u32), Branch>,
    /// Route blocks, by the line of their head.
    pub routes: BTreeMap<usize, RouteCoverage>,
}

/// The ways that one condition went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Branch {
    /// How often each way was taken: of a condition first when it held, then when it did not; of a `switch` each label, then the default.
    pub ways: Vec<u32>,
}

/// One route block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RouteCoverage {
    /// What opens it: `route[RELAY]`.
    pub head: String,
    /// How often it was entered.
    pub runs: u32,
}

/// How much of something was reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// What was reached.
    pub reached: usize,
    /// All there is.
    pub all: usize,
}

impl Share {
    /// In percent; nothing at all is reached whole.
    pub fn percent(self) -> f64 {
        if self.all == 0 { 100.0 } else { self.reached as f64 * 100.0 / self.all as f64 }
    }

    fn of(counts: impl Iterator<Item = u32>) -> Share {
        counts.fold(Share::default(), |share, count| Share {
            reached: share.reached + usize::from(count > 0),
            all: share.all + 1,
        })
    }

    fn plus(self, other: Share) -> Share {
        Share { reached: self.reached + other.reached, all: self.all + other.all }
    }
}

impl Coverage {
    /// What ran of a program.
    pub fn of(program: &Program, reached: &Reached, sources: &Sources) -> Coverage {
        let mut coverage = Coverage::default();
        let runs = |place: u32| reached.runs.get(place as usize).copied().unwrap_or(0);
        for route in &program.routes {
            let (file, line) = coverage.file(route.head, sources);
            let head =
                String::from_utf8_lossy(sources.slice(route.head)).split_whitespace().collect::<Vec<_>>().join(" ");
            file.routes.insert(line, RouteCoverage { head, runs: runs(route.entry) });
        }
        let reachable = program.reachable();
        for (place, (op, span)) in program.code.iter().zip(&program.spans).enumerate() {
            // The end of a block is no statement: what ends earlier never comes there.
            if matches!(op, Op::End) {
                continue;
            }
            // What no message can reach is no scenario's fault; check tells of it.
            if reachable.get(place).is_some_and(|reachable| !reachable) {
                coverage.file(*span, sources).0.dead.insert(sources.line_column(span.file, span.start).0);
                continue;
            }
            let place = place as u32;
            let (file, line) = coverage.file(*span, sources);
            let count = file.lines.entry(line).or_default();
            *count = (*count).max(runs(place));
            let targets: Vec<u32> = match *op {
                Op::JumpUnless(away) | Op::LoopWhile(away) => vec![place + 1, away],
                Op::Switch(at) => match program.switches.get(at as usize) {
                    Some(table) => {
                        let labels = table.labels.iter().map(|(_, target)| *target);
                        let mut targets: Vec<u32> = labels.chain([table.otherwise]).collect();
                        targets.dedup();
                        targets
                    }
                    None => continue,
                },
                _ => continue,
            };
            let ways = targets.iter().map(|to| reached.ways.get(&(place, *to)).copied().unwrap_or(0)).collect();
            file.branches.insert((line, span.start), Branch { ways });
        }
        coverage
    }

    fn file(&mut self, span: Span, sources: &Sources) -> (&mut FileCoverage, usize) {
        let line = sources.line_column(span.file, span.start).0;
        let file = self.files.entry(sources.path(span.file).to_owned()).or_insert_with(|| FileCoverage {
            text: String::from_utf8_lossy(sources.text(span.file)).into_owned(),
            ..FileCoverage::default()
        });
        (file, line)
    }

    /// Adds what another run reached, of the same files.
    pub fn add(&mut self, other: &Coverage) {
        for (path, its) in &other.files {
            let file = self
                .files
                .entry(path.clone())
                .or_insert_with(|| FileCoverage { text: its.text.clone(), ..FileCoverage::default() });
            file.dead.extend(&its.dead);
            for (line, count) in &its.lines {
                *file.lines.entry(*line).or_default() += count;
            }
            for (line, route) in &its.routes {
                let own =
                    file.routes.entry(*line).or_insert_with(|| RouteCoverage { head: route.head.clone(), runs: 0 });
                own.runs += route.runs;
            }
            for (place, branch) in &its.branches {
                let own = file.branches.entry(*place).or_default();
                own.ways.resize(own.ways.len().max(branch.ways.len()), 0);
                for (own, its) in own.ways.iter_mut().zip(&branch.ways) {
                    *own += its;
                }
            }
        }
    }

    /// Lines that ran.
    pub fn lines(&self) -> Share {
        self.files.values().map(FileCoverage::line_share).fold(Share::default(), Share::plus)
    }

    /// Ways of conditions that were taken.
    pub fn branches(&self) -> Share {
        self.files.values().map(FileCoverage::branch_share).fold(Share::default(), Share::plus)
    }

    /// Route blocks that were entered.
    pub fn routes(&self) -> Share {
        self.files.values().map(FileCoverage::route_share).fold(Share::default(), Share::plus)
    }

    /// The summary that stands below the results of a test: one line a file, with the lines that never ran.
    pub fn summary(&self) -> String {
        let mut rows = vec![["lines".to_owned(), "branches".to_owned(), "routes".to_owned(), String::new()]];
        let shown = |share: Share| format!("{:.1} %", share.percent());
        for (path, file) in &self.files {
            let (lines, branches, routes) = (file.line_share(), file.branch_share(), file.route_share());
            rows.push([shown(lines), shown(branches), shown(routes), path.display().to_string()]);
            let missing = file.missing();
            if !missing.is_empty() {
                let text = format!("never reached: {missing}");
                rows.push([String::new(), String::new(), String::new(), format!("  {text}")]);
            }
            let dead = file.never();
            if !dead.is_empty() {
                rows.push([
                    String::new(),
                    String::new(),
                    String::new(),
                    format!("  not counted, for nothing can reach it: {dead}"),
                ]);
            }
        }
        if self.files.len() > 1 {
            rows.push([shown(self.lines()), shown(self.branches()), shown(self.routes()), "in all".to_owned()]);
        }
        let lines = rows.iter().map(|[lines, branches, routes, text]| {
            format!("{lines:>8} {branches:>9} {routes:>8}  {text}").trim_end().to_owned() + "\n"
        });
        lines.collect()
    }

    /// The tracefile that `lcov`, `genhtml` and the services that show coverage read.
    pub fn lcov(&self) -> String {
        let mut text = String::new();
        for (path, file) in &self.files {
            let mut say = |line: String| {
                text.push_str(&line);
                text.push('\n');
            };
            say("TN:".to_owned());
            say(format!("SF:{}", path.display()));
            for (line, route) in &file.routes {
                say(format!("FN:{line},{}", route.head));
                say(format!("FNDA:{},{}", route.runs, route.head));
            }
            let routes = file.route_share();
            say(format!("FNF:{}\nFNH:{}", routes.all, routes.reached));
            for ((line, place), branch) in &file.branches {
                for (way, count) in branch.ways.iter().enumerate() {
                    say(format!("BRDA:{line},{place},{way},{count}"));
                }
            }
            let branches = file.branch_share();
            say(format!("BRF:{}\nBRH:{}", branches.all, branches.reached));
            for (line, count) in &file.lines {
                say(format!("DA:{line},{count}"));
            }
            let lines = file.line_share();
            say(format!("LF:{}\nLH:{}\nend_of_record", lines.all, lines.reached));
        }
        text
    }
}

impl FileCoverage {
    /// Lines that ran.
    pub fn line_share(&self) -> Share {
        Share::of(self.lines.values().copied())
    }

    /// Ways of conditions that were taken.
    pub fn branch_share(&self) -> Share {
        Share::of(self.branches.values().flat_map(|branch| branch.ways.iter().copied()))
    }

    /// Route blocks that were entered.
    pub fn route_share(&self) -> Share {
        Share::of(self.routes.values().map(|route| route.runs))
    }

    /// The lines that no message can reach.
    fn never(&self) -> String {
        let mut lines: BTreeMap<usize, bool> = self.dead.iter().map(|line| (*line, true)).collect();
        lines.extend(self.lines.keys().map(|line| (*line, false)));
        ranges(lines.into_iter())
    }

    /// The lines that never ran: `12 20-23`.
    fn missing(&self) -> String {
        ranges(self.lines.iter().map(|(line, count)| (*line, *count == 0)))
    }
}

/// Lines that are meant, in short: those in between that are not meant part them.
fn ranges(lines: impl Iterator<Item = (usize, bool)>) -> String {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    let mut open = false;
    for (line, is_meant) in lines {
        match ranges.last_mut() {
            _ if !is_meant => open = false,
            Some((_, end)) if open => *end = line,
            _ => {
                ranges.push((line, line));
                open = true;
            }
        }
    }
    let texts =
        ranges.iter().map(|(start, end)| if start == end { start.to_string() } else { format!("{start}-{end}") });
    texts.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_runs() -> Coverage {
        let file = FileCoverage {
            text: "route {\n  a();\n  b();\n}\n".to_owned(),
            lines: BTreeMap::from([(1, 2), (2, 2), (3, 0), (4, 0), (6, 1), (8, 0)]),
            dead: BTreeSet::from([9]),
            branches: BTreeMap::from([((2, 10), Branch { ways: vec![2, 0] })]),
            routes: BTreeMap::from([(1, RouteCoverage { head: "route".to_owned(), runs: 2 })]),
        };
        Coverage { files: BTreeMap::from([(PathBuf::from("k.cfg"), file)]) }
    }

    #[test]
    fn runs_add_up() {
        let mut coverage = two_runs();
        coverage.add(&two_runs());
        let file = &coverage.files[&PathBuf::from("k.cfg")];
        assert_eq!((file.lines[&2], file.lines[&3]), (4, 0));
        assert_eq!(file.branches[&(2, 10)].ways, [4, 0]);
        assert_eq!(coverage.lines(), Share { reached: 3, all: 6 });
    }

    #[test]
    fn the_summary_names_what_never_ran() {
        insta::assert_snapshot!(two_runs().summary(), @r"
           lines  branches   routes
          50.0 %    50.0 %  100.0 %  k.cfg
                                       never reached: 3-4 8
                                       not counted, for nothing can reach it: 9
        ");
    }

    #[test]
    fn the_tracefile() {
        insta::assert_snapshot!(two_runs().lcov(), @r"
        TN:
        SF:k.cfg
        FN:1,route
        FNDA:2,route
        FNF:1
        FNH:1
        BRDA:2,10,0,2
        BRDA:2,10,1,0
        BRF:2
        BRH:1
        DA:1,2
        DA:2,2
        DA:3,0
        DA:4,0
        DA:6,1
        DA:8,0
        LF:6
        LH:3
        end_of_record
        ");
    }
}
