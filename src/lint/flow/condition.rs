//! Conditions: the ways on which one holds, and those on which it does not.

use super::effect::by_methods;
use super::state::{Fact, Methods, State};
use super::walk::{Walk, constant};
use super::worlds::{World, Worlds, join};
use crate::config::ast::{BinaryOperator, Expression, ExpressionKind, UnaryOperator};
use crate::lint::expressions::text;
use crate::lint::mentions;
use crate::source::Span;

/// Whether an expression is a question whose parts are conditions themselves.
pub(super) fn is_condition(its: &Expression) -> bool {
    use BinaryOperator as Op;
    matches!(
        &its.kind,
        ExpressionKind::Binary(
            Op::And | Op::Or | Op::Equal | Op::NotEqual | Op::Match | Op::TextEqual | Op::TextNotEqual,
            ..
        )
    )
}

impl<'a> Walk<'_, 'a> {
    /// The ways on which a condition holds, and those on which it does not.
    pub(super) fn condition(&mut self, its: &'a Expression, worlds: Worlds) -> (Worlds, Worlds) {
        if worlds.is_empty() {
            return (Worlds::new(), Worlds::new());
        }
        use BinaryOperator as Op;
        match &its.kind {
            ExpressionKind::Unary(UnaryOperator::Not, inner) => {
                let (yes, no) = self.condition(inner, worlds);
                (no, yes)
            }
            ExpressionKind::Binary(Op::And, left, right) => {
                let (yes, mut no) = self.condition(left, worlds);
                let (both, neither) = self.condition(right, yes);
                no.extend(neither);
                join(&mut no);
                (both, no)
            }
            ExpressionKind::Binary(Op::Or, left, right) => {
                let (mut yes, no) = self.condition(left, worlds);
                let (also, neither) = self.condition(right, no);
                yes.extend(also);
                join(&mut yes);
                (yes, neither)
            }
            ExpressionKind::Binary(Op::Equal | Op::TextEqual | Op::IntEqual, left, right) => {
                let worlds = self.operand(left, worlds, true);
                let worlds = self.operand(right, worlds, true);
                self.compared(left, right, false, worlds)
            }
            ExpressionKind::Binary(Op::NotEqual | Op::TextNotEqual | Op::IntNotEqual, left, right) => {
                let worlds = self.operand(left, worlds, true);
                let worlds = self.operand(right, worlds, true);
                let (yes, no) = self.compared(left, right, false, worlds);
                (no, yes)
            }
            ExpressionKind::Binary(Op::Match, left, right) => {
                let worlds = self.operand(left, worlds, true);
                let worlds = self.operand(right, worlds, true);
                self.compared(left, right, true, worlds)
            }
            ExpressionKind::Binary(operator, left, right) => {
                let worlds = self.operand(left, worlds, true);
                let worlds = self.operand(right, worlds, true);
                let worlds = asked(left, right, worlds);
                match (subject(left), constant(right), statuses_of(*operator, right)) {
                    (Subject::Status, Some(_), Some(statuses)) => split(worlds, |state| by_status(state, statuses)),
                    _ => (worlds.clone(), worlds),
                }
            }
            ExpressionKind::Call(call) => self.call(call, worlds, true),
            ExpressionKind::Int(number) if *number > 0 => (worlds, Worlds::new()),
            ExpressionKind::Int(_) => (Worlds::new(), worlds),
            ExpressionKind::Block(block) => {
                let worlds = self.nested(block, worlds);
                (worlds.clone(), worlds)
            }
            _ => {
                let worlds = self.operand(its, worlds, true);
                (worlds.clone(), worlds)
            }
        }
    }

    /// The ways on which two things are equal, or one matches the other, and those on which not. Both are read already.
    pub(super) fn compared(
        &mut self,
        left: &'a Expression,
        right: &'a Expression,
        by_regex: bool,
        worlds: Worlds,
    ) -> (Worlds, Worlds) {
        let worlds = asked(left, right, worlds);
        let place = left.span;
        if is_word(right, "myself") || is_word(left, "myself") {
            let other = if is_word(right, "myself") { left } else { right };
            let fact = match &other.kind {
                ExpressionKind::Word(word) => match word.as_str() {
                    "uri" => Fact::UriMyself,
                    "from_uri" => Fact::FromMyself,
                    "src_ip" => Fact::SourceMyself,
                    _ => return (worlds.clone(), worlds),
                },
                _ => return (worlds.clone(), worlds),
            };
            let (yes, no) = split(worlds, |state| (state.when(fact, true), state.when(fact, false)));
            let vouched = |world: World| World { state: world.state.done(Fact::Vetted, place), ..world };
            let yes = if fact == Fact::SourceMyself { yes.into_iter().map(vouched).collect() } else { yes };
            return (yes, no);
        }
        match (subject(left), text(right).map(str::as_bytes)) {
            (Subject::Method, Some(text)) => match methods_of(text, by_regex) {
                Some(methods) => split(worlds, |state| by_methods(state, methods)),
                None => (worlds.clone(), worlds),
            },
            (Subject::Status, _) => {
                let statuses = match text(right) {
                    Some(text) => Some(first_digits(text)),
                    None => constant(right).map(|code| class(code / 100)),
                };
                match statuses.filter(|statuses| *statuses != 0) {
                    Some(statuses) => split(worlds, |state| by_status(state, statuses)),
                    None => (worlds.clone(), worlds),
                }
            }
            (Subject::Source, _) => {
                let yes = worlds.iter().cloned();
                let yes = yes.map(|world| World { state: world.state.done(Fact::Vetted, place), ..world });
                (yes.collect(), worlds)
            }
            (Subject::Domain, _) if !of_message(right) => {
                let yes = worlds.iter().cloned();
                let yes = yes.map(|world| World { state: world.state.known(Fact::Bound, true), ..world });
                (yes.collect(), worlds)
            }
            (Subject::Claim, Some(_)) => {
                let yes: Worlds = worlds.iter().cloned().map(|world| claimed(world, place)).collect();
                (yes, worlds)
            }
            _ => (worlds.clone(), worlds),
        }
    }
}

fn claimed(world: World, place: Span) -> World {
    World { state: world.state.done(Fact::HeaderTrusted, place), ..world }
}

/// What a comparison asks about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Subject {
    Method,
    Status,
    /// Where the message comes from: its address, or the socket it came in by.
    Source,
    /// The domain of the Request-URI.
    Domain,
    /// What the sender says of itself.
    Claim,
    Other,
}

fn subject(its: &Expression) -> Subject {
    match &its.kind {
        ExpressionKind::Word(word) => match word.as_str() {
            "method" => Subject::Method,
            "status" => Subject::Status,
            "src_ip" | "src_port" | "dst_ip" | "dst_port" | "proto" => Subject::Source,
            _ => Subject::Other,
        },
        ExpressionKind::Variable(variable) => match mentions::of(variable) {
            Some(mention) => match mention.name {
                "rm" => Subject::Method,
                "rs" | "T_reply_code" => Subject::Status,
                "si"
                | "sp"
                | "su"
                | "sut"
                | "Ri"
                | "Rp"
                | "RAi"
                | "RAp"
                | "Rn"
                | "Ru"
                | "proto"
                | "pr"
                | "siz"
                | "tls_peer_subject_cn" => Subject::Source,
                "rd" | "dd" | "dp" => Subject::Domain,
                "fd" | "fu" | "fU" | "ua" | "ai" | "pd" | "pU" | "pu" | "fn" => Subject::Claim,
                "hdr" => match mention.inner {
                    Some("P-Asserted-Identity" | "User-Agent" | "From" | "Remote-Party-ID") => Subject::Claim,
                    _ => Subject::Other,
                },
                _ => Subject::Other,
            },
            None => Subject::Other,
        },
        _ => Subject::Other,
    }
}

/// A comparison that mentions the source asks about it, whatever comes of it; a table that is asked about it vouches for nobody. The same of
/// what a dialog is known by.
fn asked(left: &Expression, right: &Expression, worlds: Worlds) -> Worlds {
    let mut source = matches!(subject(left), Subject::Source) || is_word(right, "src_ip");
    let mut dialog = false;
    for side in [left, right] {
        mentions::in_expression(side, &mut |mention| {
            source |= matches!(mention.name, "si" | "su" | "Ri" | "Rp");
            dialog |= matches!(mention.name, "ci" | "DLG_status" | "dlg" | "dlg_ctx" | "dlg_var");
        });
    }
    if !source && !dialog {
        return worlds;
    }
    let asked = worlds.into_iter().map(|world| {
        let state = if source { world.state.done(Fact::SourceAsked, left.span) } else { world.state };
        let state = if dialog { state.done(Fact::DialogAsked, left.span) } else { state };
        World { state, ..world }
    });
    asked.collect()
}

/// Whether it is, or is made of, what the sender writes.
fn of_message(its: &Expression) -> bool {
    let mut found = false;
    mentions::in_expression(its, &mut |mention| {
        found |= matches!(mention.name, "fd" | "td" | "fu" | "tu" | "hdr" | "null" | "ct" | "ad" | "ar" | "fU" | "tU");
    });
    found
}

fn is_word(its: &Expression, word: &str) -> bool {
    matches!(&its.kind, ExpressionKind::Word(its) if its == word)
}

fn split(worlds: Worlds, answer: impl Fn(State) -> (Option<State>, Option<State>)) -> (Worlds, Worlds) {
    let (mut yes, mut no) = (Worlds::new(), Worlds::new());
    for world in worlds {
        let (holds, fails) = answer(world.state);
        if let Some(state) = holds {
            yes.push(World { state, change: world.change.clone() });
        }
        if let Some(state) = fails {
            no.push(World { state, change: world.change });
        }
    }
    (yes, no)
}

/// The methods that a comparison names: one word, or alternatives of a pattern.
fn methods_of(text: &[u8], by_regex: bool) -> Option<Methods> {
    if !by_regex {
        return Some(Methods::read(text));
    }
    let text = text.strip_prefix(b"^").unwrap_or(text);
    let text = text.strip_suffix(b"$").unwrap_or(text);
    let text = text.strip_prefix(b"(").and_then(|text| text.strip_suffix(b")")).unwrap_or(text);
    let plain = text.iter().all(|byte| byte.is_ascii_alphabetic() || *byte == b'|');
    plain.then(|| Methods::read(text))
}

fn by_status(state: State, statuses: u8) -> (Option<State>, Option<State>) {
    let with = |statuses: u8| (statuses != 0).then(|| state.with_statuses(statuses));
    let tested = with(state.statuses & statuses).map(|state| state.known(Fact::StatusTested, true));
    // One code of a class says nothing about the others, so the class stays open.
    (tested, Some(state))
}

fn class(digit: i64) -> u8 {
    if (1..=6).contains(&digit) { 1 << digit } else { 0 }
}

/// The classes that the first digit of a code or pattern stands for: `200`, `[12][0-9][0-9]`, `^(18.|2..)`.
fn first_digits(pattern: &str) -> u8 {
    let pattern = pattern.trim_start_matches('^').trim_start_matches('(').trim_end_matches(')');
    pattern.split('|').fold(0, |all, one| {
        let one = one.trim_start_matches('^');
        let first = match one.strip_prefix('[') {
            Some(set) => set.split(']').next().unwrap_or_default(),
            None => one.get(..1).unwrap_or_default(),
        };
        let bytes = first.as_bytes();
        let mut classes = 0;
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b'-' => {
                    let (from, to) = (bytes.get(at.wrapping_sub(1)), bytes.get(at + 1));
                    if let (Some(from), Some(to)) = (from, to) {
                        (*from..=*to).for_each(|digit| classes |= class(i64::from(digit) - 48));
                    }
                }
                b'.' => classes |= 0b111_1110,
                digit => classes |= class(i64::from(*digit) - 48),
            }
        }
        all | classes
    })
}

/// The classes of codes that fulfil a comparison with a number.
fn statuses_of(operator: BinaryOperator, right: &Expression) -> Option<u8> {
    let limit = constant(right)?;
    let holds = |code: i64| match operator {
        BinaryOperator::Less => code < limit,
        BinaryOperator::LessEqual => code <= limit,
        BinaryOperator::Greater => code > limit,
        BinaryOperator::GreaterEqual => code >= limit,
        _ => false,
    };
    let classes = (1..=6).filter(|digit| (digit * 100..digit * 100 + 100).any(holds));
    let all = classes.fold(0, |all, digit| all | class(digit));
    (all != 0).then_some(all)
}
