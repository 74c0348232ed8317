//! Which variables hold what a sender wrote: along assignments, whatever the order in which they run.

use super::Subject;
use super::expressions;
use super::mentions::{self, Mention};
use crate::builtin::Does;
use crate::config::ast::{BinaryOperator, Call, ExpressionKind};
use crate::source::Span;
use rustc_hash::{FxHashMap, FxHashSet};

/// Which variables hold what a sender wrote.
#[derive(Debug, Default)]
pub struct Taint<'a> {
    /// A variable that the config sets, with the variable it has it from and the assignment.
    from: FxHashMap<(&'a str, &'a str), Origin>,
    /// Variables that a pattern with both ends is asked about somewhere.
    checked: FxHashSet<String>,
}

/// Where a variable has from what it holds.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The variable of the message.
    pub source: String,
    /// The assignment, when one is between.
    pub place: Option<Span>,
    /// It was decoded on the way, and so may hold any bytes: what arrives in a header holds no line end.
    pub decoded: bool,
}

/// What the sender writes as it likes.
const WRITTEN: &[&str] = &[
    "ru", "rU", "rd", "rz", "ou", "oU", "od", "oru", "oP", "fu", "fU", "fd", "fn", "fur", "tu", "tU", "td", "tn",
    "tur", "ct", "ctu", "hdr", "hdrc", "hfl", "ci", "ua", "au", "aU", "ad", "ar", "adu", "aa", "ai", "pu", "pU", "pd",
    "pn", "di", "dir", "rb", "mb", "ru_q", "re", "rt", "rn", "hu", "xmlstr", "msg", "ft", "tt", "sel", "cT", "prid",
];

/// Transformations after which nothing can be smuggled in.
const HARMLESS: &[&str] = &[
    "s.escape.",
    "sql.",
    "s.int",
    "md5",
    "sha",
    "encode.hexa",
    "s.len",
    "uri.port",
    "s.numeric",
    "uri.scheme",
    "urlencode",
    "param.encode",
];

/// Transformations that may give any bytes; `{s.unescape.user}` and its like give printable ones only.
const DECODING: &[&str] = &["s.decode.", "s.unescape.crlf", "s.urldecode."];

impl<'a> Taint<'a> {
    pub(super) fn of(subject: &Subject<'a>) -> Taint<'a> {
        let mut taint = Taint::default();
        for question in &subject.script().questions {
            expressions::comparisons(question, &mut |operator, left, right, _| {
                if operator == BinaryOperator::Match
                    && let (Some(asked), Some(pattern)) = (expressions::variable(left), expressions::text(right))
                    && pattern.starts_with('^')
                    && pattern.ends_with('$')
                    && !pattern.contains(".*")
                    && !pattern.contains(".+")
                {
                    taint.checked.insert(asked.shown());
                }
            });
        }
        // What a variable gets from one that gets it further down needs another turn.
        for _ in 0..4 {
            let before = taint.from.len();
            for its in &subject.script().assigns {
                taint.assign(its.assign);
            }
            for its in subject.script().calls_that(Does::Print) {
                taint.print(its.call);
            }
            if taint.from.len() == before {
                break;
            }
        }
        taint
    }

    fn assign(&mut self, assign: &'a crate::config::ast::Assign) {
        let Some(target) = mentions::of(&assign.target) else { return };
        let Some(key) = stored(&target) else { return };
        // A text is taken as it stands: variables in it are not read.
        if self.from.contains_key(&key)
            || matches!(assign.value.kind, ExpressionKind::Call(_) | ExpressionKind::Text(_))
        {
            return;
        }
        let mut origin = None;
        expressions::contents(&assign.value, &mut |mention| {
            if origin.is_none() {
                origin = self.origin(&mention);
            }
        });
        if let Some(origin) = origin {
            self.from.insert(key, Origin { place: Some(assign.span), ..origin });
        }
    }

    /// A text that a function puts together in a variable.
    fn print(&mut self, call: &'a Call) {
        let [target, text] = call.args.as_slice() else { return };
        let target = match &target.kind {
            ExpressionKind::Text(text) => mentions::whole(text),
            _ => expressions::variable(target),
        };
        let Some(key) = target.as_ref().and_then(stored).filter(|key| !self.from.contains_key(key)) else { return };
        let mut origin = None;
        expressions::in_argument(text, &mut |mention| origin = origin.take().or_else(|| self.origin(&mention)));
        if let Some(origin) = origin {
            self.from.insert(key, Origin { place: Some(call.span), ..origin });
        }
    }

    /// Where a variable has what a sender wrote from, when it holds that.
    pub fn origin(&self, mention: &Mention) -> Option<Origin> {
        if self.checked.contains(&mention.shown()) {
            return None;
        }
        let (mut harmless, mut decoded) = (false, false);
        for transformation in mention.transformations() {
            if DECODING.iter().any(|its| transformation.starts_with(its)) {
                (harmless, decoded) = (false, true);
            } else if transformation.starts_with("s.unescape.") {
                harmless = false;
            } else if HARMLESS.iter().any(|its| transformation.contains(its)) {
                harmless = true;
            } else if transformation.starts_with("line.") {
                decoded = false;
            }
        }
        if harmless {
            return None;
        }
        if let Some(key) = stored(mention) {
            return self.from.get(&key).map(|its| Origin { decoded: its.decoded || decoded, ..its.clone() });
        }
        let is_own = mention.name == "sel" && mention.inner.is_some_and(of_this_server);
        (WRITTEN.contains(&mention.name) && !is_own).then(|| Origin { source: mention.shown(), place: None, decoded })
    }
}

/// The first words of selects that no sender has a say in: settings of the config, and the addresses of the packet.
const OF_THIS_SERVER: &[&str] = &["cfg_get", "cfg_selected", "dst", "received", "src", "sys"];

/// Whether the path in `$sel(...)` begins with a word of [`OF_THIS_SERVER`].
fn of_this_server(path: &str) -> bool {
    let first = path.trim().split('.').next().unwrap_or_default();
    OF_THIS_SERVER.contains(&first)
}

/// The name of a variable that a config sets.
fn stored<'m>(mention: &Mention<'m>) -> Option<(&'m str, &'m str)> {
    is_kept(mention.name).then_some((mention.name, mention.inner.unwrap_or_default()))
}

/// Whether a script keeps in variables of this name what it likes.
pub fn is_kept(name: &str) -> bool {
    matches!(name, "var" | "avp" | "xavp" | "xavu" | "xavi" | "dlg_var" | "shv" | "sht" | "vn" | "vz")
}
