//! The report that CI systems show as test results: JUnit's XML.

use super::outcome::{Outcome, Verdict};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The outcomes as JUnit's XML: a suite for each folder, a case for each scenario. What could not be played is an error, all else that is not
/// as accepted a failure.
///
/// # Errors
/// The writer of XML refuses.
pub fn junit(outcomes: &[Outcome]) -> Result<String, String> {
    let mut folders: BTreeMap<PathBuf, Vec<&Outcome>> = BTreeMap::new();
    for outcome in outcomes {
        folders.entry(outcome.path.parent().map(PathBuf::from).unwrap_or_default()).or_default().push(outcome);
    }
    let mut report = Report::new("alanui test");
    report.set_time(outcomes.iter().map(|outcome| outcome.time).sum());
    for (folder, outcomes) in folders {
        let folder = folder.display().to_string();
        let mut suite = TestSuite::new(folder.clone());
        suite.set_time(outcomes.iter().map(|outcome| outcome.time).sum());
        suite.add_test_cases(outcomes.into_iter().map(|outcome| case(outcome, &folder)));
        report.add_test_suite(suite);
    }
    report.to_string().map_err(|fault| fault.to_string())
}

fn case(outcome: &Outcome, folder: &str) -> TestCase {
    let kind = match outcome.verdict {
        Verdict::Unreadable => NonSuccessKind::Error,
        _ => NonSuccessKind::Failure,
    };
    let mut status = TestCaseStatus::success();
    if !outcome.verdict.is_good() {
        status = TestCaseStatus::non_success(kind);
        status.set_message(outcome.verdict.sentence());
        status.set_type(outcome.verdict.word());
        status.set_description(outcome.trouble());
    }
    let name = outcome.path.file_stem().unwrap_or_default().to_string_lossy();
    let mut case = TestCase::new(name.as_ref(), status);
    case.set_classname(folder);
    case.set_time(outcome.time);
    case
}
