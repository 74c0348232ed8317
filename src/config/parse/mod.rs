//! Expanded text to [`ast`](super::ast).
//!
//! The text is cut into top-level items (`cut`), so that an error in one does not hide those of the others; each is
//! read by pest and its pairs are walked into the tree (`walk`). A route that does not parse is read statement by
//! statement (`recover`), so that each of its mistakes is reported once. pest is visible in this folder only.

mod cut;
mod depth;
mod expression;
mod fault;
mod recover;
mod setting;
mod walk;

use super::ast::Config;
use super::preprocess::{Expanded, Options, preprocess};
use crate::source::{Diagnostic, Files, Sources, in_order};
use fault::Faults;
use grammar::{Grammar, Rule};
use pest::Parser;
use pest::iterators::{Pair, Pairs};
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Reads a config with everything it includes. Files land in `sources`, findings in `diagnostics`; what could be read
/// is returned.
pub fn parse_config(
    main: &Path,
    files: &dyn Files,
    options: &Options<'_>,
    sources: &mut Sources,
    diagnostics: &mut Vec<Diagnostic>,
) -> Config {
    let expanded = preprocess(main, files, options, sources, diagnostics);
    let config = parse(&expanded, diagnostics);
    in_order(diagnostics);
    config
}

/// Reads the text of a config.
pub fn parse(expanded: &Expanded, diagnostics: &mut Vec<Diagnostic>) -> Config {
    // pest reads characters, a config is bytes: a placeholder for all that is not ASCII keeps offsets equal.
    let text: String = expanded.text.iter().map(|&byte| if byte.is_ascii() { byte as char } else { '\x7f' }).collect();
    let faults = Faults::new(expanded, &text, diagnostics);
    let mut reader = Reader { expanded, text: &text, faults, tokens: MOST_TOKENS, full: false };
    let mut config = Config {
        items: Vec::new(),
        kamailio_names: expanded.kamailio_names,
        conditionals: expanded.conditionals.clone(),
        defined: expanded.defined.clone(),
        missing_imports: expanded.missing_imports.clone(),
        incomplete: expanded.incomplete,
        blank: expanded.text.iter().all(u8::is_ascii_whitespace).then_some(expanded.main),
        defines: expanded.defines.clone(),
    };
    for (count, piece) in cut::items(text.as_bytes()).enumerate() {
        if count >= MOST_ITEMS || reader.faults.is_full() {
            reader.faults.stop(count, piece.range().start);
            // What uses the part that was not read would be told wrong things.
            config.items.clear();
            break;
        }
        reader.item(piece, &mut config.items);
    }
    config
}

/// Whether the grammar has this word for itself.
pub(super) fn is_keyword(word: &str) -> bool {
    Grammar::parse(Rule::only_keyword, word).is_ok()
}

mod grammar {
    //! What pest generates from the grammar file.
    #![allow(missing_docs, unreachable_pub, reason = "generated code")]

    #[derive(pest_derive::Parser)]
    #[grammar = "../grammar/kamailio.pest"]
    pub(super) struct Grammar;
}

/// Statements and routes at top level: those of a config with hundreds of thousands of lines.
const MOST_ITEMS: usize = 50_000;
/// Tokens of a config, includes and defines among them; one of a hundred thousand lines has less.
const MOST_TOKENS: usize = 1_400_000;
/// Tokens of one top-level item: each costs hundreds of bytes while it is read.
const MOST_ITEM_TOKENS: usize = 500_000;

/// What walks the text into the tree: the text, its origins, and where findings go.
struct Reader<'a> {
    expanded: &'a Expanded,
    /// The expanded text with a placeholder for every byte outside ASCII.
    text: &'a str,
    faults: Faults<'a>,
    /// Tokens that may still be read.
    tokens: usize,
    /// It was said that there are too many.
    full: bool,
}

impl<'a> Reader<'a> {
    /// The bytes of a range of the expanded text.
    fn bytes(&self, range: Range<usize>) -> &'a [u8] {
        self.expanded.text.get(range).unwrap_or(&[])
    }

    /// Runs a rule of the grammar over a range. The offsets of the pairs count from the start of the range.
    fn run(&self, rule: Rule, range: Range<usize>) -> Result<Pairs<'a, Rule>, Box<pest::error::Error<Rule>>> {
        let text = self.text.get(range).unwrap_or("");
        raise_call_limit(text.len());
        Grammar::parse(rule, text).map_err(Box::new)
    }
}

/// The range of a pair in the expanded text.
fn range(pair: &Pair<'_, Rule>, base: usize) -> Range<usize> {
    let span = pair.as_span();
    base + span.start()..base + span.end()
}

/// Lets pest take a number of steps that a text of this length justifies. The limit belongs to the process, so it is
/// only ever raised: another thread may be reading a longer text.
fn raise_call_limit(length: usize) {
    static LIMIT: AtomicUsize = AtomicUsize::new(0);
    const FLOOR: usize = 1_000_000;
    const STEPS_A_BYTE: usize = 1_000;
    let wanted = length.saturating_mul(STEPS_A_BYTE).saturating_add(FLOOR);
    if LIMIT.fetch_max(wanted, Ordering::Relaxed) < wanted {
        pest::set_call_limit(NonZeroUsize::new(LIMIT.load(Ordering::Relaxed)));
    }
}
