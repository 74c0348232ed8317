//! What `alanui test` writes for others: `fixtures/reports/scenarios` has a scenario of every verdict, and the accepted reports stand beside the
//! folder, times aside.

use super::documents::same;
use alanui::command::test::{ReportOptions, Summary, TestOptions, test};
use std::path::{Path, PathBuf};

/// What one report has on standard output.
fn printed(report: impl Fn(&mut ReportOptions, PathBuf)) -> String {
    let mut options =
        TestOptions { paths: vec![PathBuf::from("fixtures/reports/scenarios")], ..TestOptions::default() };
    report(&mut options.reports, PathBuf::from("-"));
    let mut out = Vec::new();
    let summary = test(&options, &|_| None, true, &mut out).expect("the folder of scenarios");
    assert_eq!(summary, Summary { passed: 1, failed: 3, unreadable: 1, uncovered: false });
    String::from_utf8(out).expect("a report is UTF-8")
}

/// A text in which what stands between each `before` and the next `after` is `T`.
fn timeless(text: &str, before: &str, after: &str) -> String {
    let mut parts = text.split(before);
    let mut result = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (_, rest) = part.split_once(after).expect("a time ends");
        result.push_str(&format!("{before}T{after}{rest}"));
    }
    result
}

#[test]
fn junit() {
    let text = printed(|reports, path| reports.junit = Some(path));
    let report = quick_junit::Report::deserialize_from_str(&text).expect("XML of JUnit");
    assert_eq!((report.tests, report.failures, report.errors), (5, 3, 1));
    same("fixtures/reports/junit.xml", &timeless(&text, "time=\"", "\""));
}

#[test]
fn tap() {
    let text = printed(|reports, path| reports.tap = Some(path));
    same("fixtures/reports/results.tap", &timeless(&text, "duration_ms: ", "\n"));
}

#[test]
fn json() {
    let text = printed(|reports, path| reports.json = Some(path));
    let report: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(report["summary"]["failed"], 3);
    same("fixtures/reports/results.json", &timeless(&text, "\"seconds\": ", ","));
}

#[test]
fn standard_output_is_for_one_report() {
    let paths = vec![PathBuf::from("fixtures/reports/scenarios")];
    let reports = ReportOptions { tap: Some("-".into()), json: Some("-".into()), ..ReportOptions::default() };
    let mut out = Vec::new();
    assert!(test(&TestOptions { paths, reports, ..TestOptions::default() }, &|_| None, false, &mut out).is_err());
    assert!(out.is_empty());
}

#[test]
fn a_report_goes_to_its_file_and_the_rest_is_told() {
    let folder = std::env::temp_dir().join(format!("alanui-reports-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let reports = ReportOptions { tap: Some(folder.join("x.tap")), ..ReportOptions::default() };
    let paths = vec![Path::new("fixtures/reports/scenarios/passes.call").to_owned()];
    let mut out = Vec::new();
    test(&TestOptions { paths, reports, ..TestOptions::default() }, &|_| None, false, &mut out).unwrap();
    let written = std::fs::read_to_string(folder.join("x.tap")).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(written, "TAP version 14\n1..1\nok 1 - fixtures/reports/scenarios/passes.call\n");
    assert!(String::from_utf8(out).unwrap().ends_with("1 passed, 0 failed\n"));
}
