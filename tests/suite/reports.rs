//! What `alanui test` writes for others: `fixtures/reports/scenarios` has a scenario of every verdict, and the accepted reports stand beside the
//! folder, times aside.

use super::documents::same;
use alanui::command::test::{ReportOptions, Summary, TestOptions, test};
use alanui::report::{Coverage, Outcome, Run, Verdict, html};
use alanui::story::{Entry, Event, Sent};
use alanui::time::Tick;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What one report has on standard output.
fn printed(report: impl Fn(&mut ReportOptions, PathBuf)) -> String {
    let mut options =
        TestOptions { paths: vec![PathBuf::from("fixtures/reports/scenarios")], ..TestOptions::default() };
    report(&mut options.reports, PathBuf::from("-"));
    let mut out = Vec::new();
    let summary = test(&options, &|_| None, true, &mut out).expect("the folder of scenarios");
    assert_eq!(summary, Summary { passed: 1, failed: 3, unreadable: 1, uncovered: false, nothing: false });
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

#[test]
fn times_are_told_when_asked_for() {
    let paths = vec![PathBuf::from("fixtures/reports/scenarios")];
    let mut out = Vec::new();
    test(&TestOptions { paths, times: true, ..TestOptions::default() }, &|_| None, false, &mut out).unwrap();
    let reported = String::from_utf8(out).unwrap();
    let (_, times) = reported.split_once("1 passed, 3 failed, 1 could not be played in ").expect("the summary");
    let seconds = |line: &str| line.trim().split(' ').next().unwrap().parse::<f64>().unwrap();
    let seconds: Vec<f64> = times.lines().skip(3).map(seconds).collect();
    assert!(seconds.len() == 5 && seconds.is_sorted_by(|a, b| a >= b), "{times}");
}

/// The page about these scenarios.
fn page(paths: &[&str]) -> String {
    let reports = ReportOptions { html: Some("-".into()), ..ReportOptions::default() };
    let paths = paths.iter().map(PathBuf::from).collect();
    let mut out = Vec::new();
    test(&TestOptions { paths, reports, ..TestOptions::default() }, &|_| None, false, &mut out).expect("scenarios");
    String::from_utf8(out).expect("a page is UTF-8")
}

/// The tags of a page outside its style and script: each name and the text of its attributes. Panics where the page is not well formed.
fn tags(page: &str) -> Vec<(&str, &str)> {
    const VOID: [&str; 2] = ["meta", "input"];
    let (mut found, mut open): (Vec<(&str, &str)>, Vec<&str>) = (Vec::new(), Vec::new());
    let mut rest = page.strip_prefix("<!DOCTYPE html>").expect("a page of HTML 5");
    while let Some((text, after)) = rest.split_once('<') {
        let raw = matches!(open.last(), Some(&("style" | "script")));
        assert!(raw || !text.contains('>'), "{text} is not escaped");
        let (tag, after) = after.split_once('>').expect("a tag ends");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "before {}", &after[..after.len().min(80)]);
        } else {
            let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
            assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{tag} is no tag");
            assert_eq!(attributes.matches('"').count() % 2, 0, "{tag}");
            found.push((name, attributes));
            if matches!(name, "style" | "script") {
                let (inside, after) = after.split_once(&format!("</{name}>")).expect("an end");
                assert!(!inside.contains("://") && !inside.contains("@import") && !inside.contains("url("));
                rest = after;
                continue;
            }
            if !VOID.contains(&name) {
                open.push(name);
            }
        }
        rest = after;
    }
    assert!(open.is_empty(), "{open:?} stay open");
    found
}

/// The values that an attribute has in a page.
fn values<'a>(tags: &[(&str, &'a str)], name: &str) -> Vec<&'a str> {
    let before = format!("{name}=\"");
    let of = |attributes: &'a str| {
        let place = attributes.find(&before).filter(|place| *place == 0 || attributes[..*place].ends_with(' '))?;
        attributes[place + before.len()..].split('"').next()
    };
    tags.iter().filter_map(|(_, attributes)| of(attributes)).collect()
}

#[test]
fn the_page_is_well_formed_and_needs_nothing_else() {
    let page = page(&["configs/edge-router", "fixtures/reports/scenarios"]);
    let tags = tags(&page);
    for loads in ["link", "img", "iframe", "object", "embed", "base", "form"] {
        assert!(tags.iter().all(|(name, _)| *name != loads), "{loads} would load something");
    }
    assert!(values(&tags, "src").is_empty());
    let ids = values(&tags, "id");
    let different: std::collections::BTreeSet<&&str> = ids.iter().collect();
    assert_eq!(ids.len(), different.len(), "an id stands twice");
    let links = values(&tags, "href");
    assert!(links.len() > 500, "{} links", links.len());
    for link in links {
        let id = link.strip_prefix('#').unwrap_or_else(|| panic!("{link} leads out of the page"));
        assert!(different.contains(&id), "nothing is called {id}");
    }
    // The peers' words are shown, never taken for tags.
    assert!(page.contains("&lt;Alive&gt; &amp; well") && !page.contains("<Alive>"));
}

#[test]
fn the_page_tells_of_every_scenario() {
    let page = page(&["fixtures/reports/scenarios"]);
    for reported in [
        "4 of 5 failed",
        "an expectation was not met",
        "alice got no 603",
        "user dave, code 603",
        // What differs, with the words that changed marked.
        "<mark>&lt;Alive&gt; &amp; well</mark>",
        // The way through the script, and the lines.
        "failure_route[NEXT]",
        "t_check_status(486) <b>= 1</b>",
        "class=\"hit yes\"",
        // What became of messages.
        "m request lost",
        "m request again",
        "because 486 Busy Here (INVITE) of bob is acknowledged hop by hop",
        "1.0 s pass",
        ">Hang up<",
        // Coverage.
        "class=\"half\" title=\"never no\"",
    ] {
        assert!(page.contains(reported), "{reported} is missing");
    }
}

/// What the page's style speaks of is there: a class that was renamed on one side only would leave the page without its layout.
#[test]
fn classes_of_the_style_are_classes_of_the_page() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/report");
    let pages = [page(&["configs/edge-router", "fixtures/reports/scenarios"]), coverage()];
    let made: BTreeSet<&str> =
        pages.iter().flat_map(|page| values(&tags(page), "class")).flat_map(str::split_ascii_whitespace).collect();
    // The page's script sets classes, too.
    let script = std::fs::read_to_string(folder.join("page.js")).unwrap();
    let set: BTreeSet<&str> = script.split('"').skip(1).step_by(2).collect();
    let style = std::fs::read_to_string(folder.join("page.css")).unwrap();
    let selectors = style.split('}').filter_map(|rule| rule.rsplit_once('{')).map(|(selectors, _)| selectors);
    let classes: BTreeSet<String> = selectors
        .flat_map(|text| text.split('.').skip(1))
        .map(|rest| rest.chars().take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '-').collect())
        .collect();
    assert!(classes.len() > 20, "{classes:?}");
    // A body that changed, a redirection, a page with too much to show: none of the scenarios has them.
    let seldom = ["body", "elsewhere", "left-out"];
    let known = |class: &str| made.contains(class) || set.contains(class) || seldom.contains(&class);
    let strange: Vec<&String> = classes.iter().filter(|class| !known(class)).collect();
    assert!(strange.is_empty(), "{strange:?}");
}

/// The page about what these scenarios reach.
fn coverage() -> String {
    let reports = ReportOptions { coverage_html: Some("-".into()), ..ReportOptions::default() };
    let paths = vec![PathBuf::from("fixtures/reports/scenarios")];
    let mut out = Vec::new();
    test(&TestOptions { paths, reports, ..TestOptions::default() }, &|_| None, false, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn the_page_of_coverage_stands_alone() {
    let page = coverage();
    assert!(values(&tags(&page), "class").contains(&"reached") && !page.contains("<svg"));
}

/// An outcome with one run of many large messages.
fn large(verdict: Verdict, path: String) -> Outcome {
    let sent = |at: usize| Sent {
        from: "alice".to_owned(),
        to: "alanui".to_owned(),
        title: format!("INVITE sip:{at}@example.com"),
        call: None,
        again: false,
        lost: false,
        unsent: false,
        changes: vec![format!("+ X-Long: {}", "<&>".repeat(60)); 10],
        lines: Vec::new(),
        bytes: Default::default(),
    };
    let entry = |at| Entry { at: Tick::ZERO, event: Event::Message(Box::new(sent(at))) };
    let (entries, peers) = ((0..40).map(entry).collect(), vec!["alice".to_owned()]);
    let run = Run { row: None, peers, entries, reasons: Vec::new(), places: Default::default() };
    let (ladder, accepted) = ("a line\n".repeat(3_000), Some("another line\n".repeat(3_000)));
    Outcome { verdict, ladder, accepted, runs: vec![run], ..Outcome::unplayed(path.into()) }
}

#[test]
fn a_page_about_much_leaves_out_details_and_says_so() {
    let mut outcomes: Vec<Outcome> = (0..400).map(|at| large(Verdict::Passed, format!("good-{at}.call"))).collect();
    outcomes.extend((0..3).map(|at| large(Verdict::Changed, format!("bad-{at}.call"))));
    let page = html(&outcomes, &Coverage::default());
    assert!(page.len() < 20_000_000, "{} bytes", page.len());
    assert!(page.contains("This page is large"));
    assert!(page.contains("good-399.call") && page.find("bad-2.call") < page.find("good-0.call"));
    tags(&page);
}

/// A browser draws the page: as large as asked, with the colours of text, arrows and coverage.
#[test]
fn a_browser_draws_the_page() {
    let folder = std::env::temp_dir().join(format!("alanui-page-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (html, picture) = (folder.join("page.html"), folder.join("page.png"));
    std::fs::write(&html, page(&["fixtures/reports/scenarios"])).unwrap();
    let browser = std::process::Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1000,900"])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(format!("--screenshot={}", picture.display()))
        .arg(format!("file://{}", html.display()))
        .output();
    let drawn = std::fs::read(&picture).ok();
    std::fs::remove_dir_all(&folder).unwrap();
    let Some(output) = browser.ok() else {
        println!("chromium is absent: nobody looks at the page");
        return;
    };
    let drawn = drawn.unwrap_or_else(|| panic!("no picture: {}", String::from_utf8_lossy(&output.stderr)));
    // PNG, its size in the header (W3C PNG section 11.2.2). A blank page of that size takes 5 kB.
    let number = |at: usize| u32::from_be_bytes(drawn[at..at + 4].try_into().unwrap());
    assert_eq!((&drawn[1..4], number(16), number(20)), (&b"PNG"[..], 1000, 900));
    assert!(drawn.len() > 40_000, "the page is blank, or nearly: {} bytes", drawn.len());
}
