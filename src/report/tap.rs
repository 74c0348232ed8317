//! The Test Anything Protocol, version 14: a line a scenario, failures with their diagnostics as YAML below.

use super::outcome::Outcome;

/// The outcomes as TAP 14.
pub fn tap(outcomes: &[Outcome]) -> String {
    let mut text = format!("TAP version 14\n1..{}\n", outcomes.len());
    for (at, outcome) in outcomes.iter().enumerate() {
        let result = if outcome.verdict.is_good() { "ok" } else { "not ok" };
        let name = escaped(&outcome.path.display().to_string());
        text.push_str(&format!("{result} {} - {name}\n", at + 1));
        if !outcome.verdict.is_good() {
            diagnostics(outcome, &mut text);
        }
    }
    text
}

fn diagnostics(outcome: &Outcome, text: &mut String) {
    let verdict = outcome.verdict;
    text.push_str("  ---\n");
    text.push_str(&format!("  message: \"{}\"\n  severity: fail\n  verdict: {}\n", verdict.sentence(), verdict.word()));
    text.push_str(&format!("  duration_ms: {}\n", outcome.time.as_millis()));
    // The number says how far the block is indented, so that its first line may begin with blanks.
    text.push_str("  details: |2\n");
    for line in outcome.trouble().lines() {
        text.push_str(format!("    {}", printable(line)).trim_end());
        text.push('\n');
    }
    text.push_str("  ...\n");
}

/// A description, in which `#` would begin a directive.
fn escaped(name: &str) -> String {
    printable(name).replace('\\', "\\\\").replace('#', "\\#")
}

/// A line without the characters that YAML takes in no form but escaped (YAML 1.2 section 5.1).
fn printable(line: &str) -> String {
    let fits = |letter: char| {
        letter == '\t' || !letter.is_control() && !matches!(letter, '\u{feff}' | '\u{fffe}' | '\u{ffff}')
    };
    line.chars().map(|letter| if fits(letter) { letter } else { '\u{fffd}' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_ends_no_description() {
        assert_eq!(escaped("a # SKIP\\b\n"), "a \\# SKIP\\\\b\u{fffd}");
    }
}
