//! A difference between what was accepted and what happens, with the words that changed.

use similar::{ChangeTag, TextDiff};

/// Lines shown around a change.
const CONTEXT: usize = 3;

/// Inks of a terminal; empty where there is none.
struct Inks {
    red: &'static str,
    green: &'static str,
    strong_red: &'static str,
    strong_green: &'static str,
    dim: &'static str,
    plain: &'static str,
}

const COLORED: Inks = Inks {
    red: "\x1b[31m",
    green: "\x1b[32m",
    strong_red: "\x1b[0;31;7m",
    strong_green: "\x1b[0;32;7m",
    dim: "\x1b[2m",
    plain: "\x1b[0m",
};

const PLAIN: Inks = Inks { red: "", green: "", strong_red: "", strong_green: "", dim: "", plain: "" };

/// A unified difference between two texts of these names, what was accepted and what happens. In colour the words that changed stand out.
pub fn difference(names: [&str; 2], accepted: &str, happens: &str, color: bool) -> String {
    let inks = if color { COLORED } else { PLAIN };
    let mut text =
        format!("{}--- {}{}\n{}+++ {}{}\n", inks.red, names[0], inks.plain, inks.green, names[1], inks.plain);
    let diff = TextDiff::from_lines(accepted, happens);
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        text.push_str(&format!("{}{}{}\n", inks.dim, hunk.header(), inks.plain));
        for op in hunk.ops() {
            for change in diff.iter_inline_changes(op) {
                let (mark, ink, strong) = match change.tag() {
                    ChangeTag::Delete => ('-', inks.red, inks.strong_red),
                    ChangeTag::Insert => ('+', inks.green, inks.strong_green),
                    ChangeTag::Equal => (' ', "", ""),
                };
                text.push_str(&format!("{ink}{mark}"));
                for (emphasized, part) in change.iter_strings_lossy() {
                    let part = part.trim_end_matches('\n');
                    match emphasized && !strong.is_empty() {
                        true => text.push_str(&format!("{strong}{part}{}{ink}", inks.plain)),
                        false => text.push_str(part),
                    }
                }
                text.push_str(if ink.is_empty() { "" } else { inks.plain });
                text.push('\n');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_shows_both_sides() {
        let text = difference(["accepted", "happens"], "a\nb\nc\n", "a\nx\nc\n", false);
        assert_eq!(text, "--- accepted\n+++ happens\n@@ -1,3 +1,3 @@\n a\n-b\n+x\n c\n");
    }

    #[test]
    fn words_that_changed_stand_out() {
        let text = difference(["accepted", "happens"], "INVITE to asterisk1 now\n", "INVITE to asterisk2 now\n", true);
        assert!(text.contains("\x1b[0;31;7masterisk1"), "{text:?}");
        assert!(text.contains("\x1b[0;32;7masterisk2"), "{text:?}");
    }
}
