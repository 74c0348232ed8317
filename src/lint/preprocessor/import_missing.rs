//! Imports that import nothing.

use super::CORE;
use crate::lint::{Findings, Rule, Severity, Subject};

/// See the file.
pub(super) static RULE: Rule = Rule {
    code: "import-missing",
    severity: Severity::Hint,
    finds: "import_file of a file that is not there.",
    why: "It is skipped without a word. When the file was moved, or the server starts in another folder, its settings are silently missing.",
    instead: "Use include_file when the file must be there.",
    reference: CORE,
    check,
};

fn check(subject: &Subject, findings: &mut Findings) {
    for (path, span) in &subject.config.tree.missing_imports {
        findings
            .add(format!("{} is not there and is skipped", path.display()), *span)
            .add_help("if it must be there, write include_file");
    }
}
