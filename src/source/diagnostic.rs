//! What is said about a place in a config.

use super::Span;
use rustc_hash::FxHashSet;

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Level {
    /// `run` refuses to start.
    Error,
    /// It runs, but probably not as its author thinks.
    Warning,
    /// Worth knowing.
    Note,
}

/// A span with the words that stand beside its underline; they may be empty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Label {
    /// The text underlined.
    pub span: Span,
    /// The words beside it.
    pub text: String,
}

/// One finding: a code that names the fault, a sentence, the place, the reasons, and what to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// How bad it is.
    pub level: Level,
    /// The name of the fault, such as `unknown-route`: words, never reused.
    pub code: &'static str,
    /// The fault in one sentence, without a full stop.
    pub message: String,
    /// Where: the first is the place itself, others say how it came about.
    pub labels: Vec<Label>,
    /// Reasons and effects, one sentence each.
    pub notes: Vec<String>,
    /// What to do about it.
    pub help: Option<String>,
    /// Changes of the text that mend it, all together.
    pub fixes: Vec<Fix>,
}

/// A change of the text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fix {
    /// What is taken out.
    pub span: Span,
    /// What stands there instead.
    pub text: String,
}

/// Puts findings in the order of the text, file by file as they were read, whichever stage found them; what was found twice stands once.
pub fn in_order(diagnostics: &mut Vec<Diagnostic>) {
    let place = |its: &Diagnostic| its.labels.first().map(|label| label.span);
    diagnostics.sort_by_key(place);
    let mut reported: FxHashSet<(Option<Span>, &'static str, String)> = FxHashSet::default();
    diagnostics.retain(|its| reported.insert((place(its), its.code, its.message.clone())));
}

impl Diagnostic {
    /// A finding of the given level at `span`.
    pub fn new(level: Level, code: &'static str, message: impl Into<String>, span: Span) -> Diagnostic {
        let labels = vec![Label { span, text: String::new() }];
        Diagnostic { level, code, message: message.into(), labels, notes: Vec::new(), help: None, fixes: Vec::new() }
    }

    /// An error at `span`.
    pub fn error(code: &'static str, message: impl Into<String>, span: Span) -> Diagnostic {
        Diagnostic::new(Level::Error, code, message, span)
    }

    /// A warning at `span`.
    pub fn warning(code: &'static str, message: impl Into<String>, span: Span) -> Diagnostic {
        Diagnostic::new(Level::Warning, code, message, span)
    }

    /// Adds another place with its words.
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Adds another place with its words, to a finding that is kept already.
    pub fn add_label(&mut self, span: Span, text: impl Into<String>) -> &mut Diagnostic {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Adds a reason or an effect, to a finding that is kept already.
    pub fn add_note(&mut self, text: impl Into<String>) -> &mut Diagnostic {
        self.notes.push(text.into());
        self
    }

    /// Says what to do, to a finding that is kept already.
    pub fn add_help(&mut self, text: impl Into<String>) -> &mut Diagnostic {
        self.help = Some(text.into());
        self
    }

    /// Adds a change of the text that mends the fault, for `check --fix`: only where it is certain what is meant.
    pub fn add_fix(&mut self, span: Span, text: impl Into<String>) -> &mut Diagnostic {
        self.fixes.push(Fix { span, text: text.into() });
        self
    }

    /// Adds a reason or an effect.
    pub fn note(mut self, text: impl Into<String>) -> Diagnostic {
        self.notes.push(text.into());
        self
    }

    /// Says what to do.
    pub fn help(mut self, text: impl Into<String>) -> Diagnostic {
        self.help = Some(text.into());
        self
    }
}
