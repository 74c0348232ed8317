//! Random expressions that Kamailio accepts: what it knows of a type beforehand is known here too.

use super::random::Random;
use super::words::{CLASSES, INTS, REGEXES, STRUCTURED, TESTS, TEXTS, TRANSFORMATIONS, VARIABLES};

/// What Kamailio knows of an expression before it runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Type {
    Int,
    Text,
    Unknown,
}

/// Makes expressions of one program.
pub(super) struct Maker<'a> {
    pub(super) random: &'a mut Random,
    /// Routes that may be called.
    pub(super) routes: Vec<String>,
}

impl Maker<'_> {
    /// An expression of any type.
    pub(super) fn any(&mut self, depth: usize) -> (String, Type) {
        if depth == 0 || self.random.one_in(6) {
            return self.leaf();
        }
        match self.random.below(16) {
            0..=3 => self.sum(depth),
            4 => (format!("(str){}", self.operand(depth, None).0), Type::Text),
            5..=9 => (self.comparison(depth), Type::Int),
            _ => (self.number(depth), Type::Int),
        }
    }

    /// `selval`, which Kamailio 5.6.3 computes only where no integer is wanted.
    pub(super) fn choice(&mut self) -> String {
        let (condition, then, otherwise) = (self.condition(1), self.any(1).0, self.any(1).0);
        format!("selval({condition}, {then}, {otherwise})")
    }

    /// A condition.
    pub(super) fn condition(&mut self, depth: usize) -> String {
        if self.random.one_in(4) { self.any(depth).0 } else { self.comparison(depth) }
    }

    fn leaf(&mut self) -> (String, Type) {
        match self.random.below(10) {
            0..=2 => {
                let sign = if self.random.one_in(4) { "-" } else { "" };
                let value = self.random.pick(INTS);
                (
                    if value.starts_with(|first: char| first.is_ascii_digit()) {
                        format!("{sign}{value}")
                    } else {
                        value.to_owned()
                    },
                    Type::Int,
                )
            }
            3 => (self.random.pick(TEXTS).to_owned(), Type::Text),
            _ => (self.random.pick(VARIABLES).to_owned(), Type::Unknown),
        }
    }

    /// A part of a bigger expression, in parentheses when it needs them, and sometimes when not; never of type `not`.
    fn operand(&mut self, depth: usize, not: Option<Type>) -> (String, Type) {
        for _ in 0..20 {
            let (text, its_type) = self.any(depth.saturating_sub(1));
            if Some(its_type) != not {
                let is_word = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
                let text = if is_word && !self.random.one_in(8) { text } else { format!("({text})") };
                return (text, its_type);
            }
        }
        (self.random.pick(VARIABLES).to_owned(), Type::Unknown)
    }

    /// Operands without parentheses, where precedence decides.
    fn flat(&mut self, not: Option<Type>) -> (String, Type) {
        for _ in 0..20 {
            let leaf = self.leaf();
            if Some(leaf.1) != not {
                return leaf;
            }
        }
        (self.random.pick(VARIABLES).to_owned(), Type::Unknown)
    }

    fn sum(&mut self, depth: usize) -> (String, Type) {
        let (left, its_type) = self.operand(depth, None);
        let not = (its_type == Type::Int).then_some(Type::Text);
        let right = self.operand(depth, not).0;
        (format!("{left} + {right}"), its_type)
    }

    fn number(&mut self, depth: usize) -> String {
        let text = Some(Type::Text);
        match self.random.below(15) {
            0 => format!("{} - {}", self.operand(depth, text).0, self.operand(depth, text).0),
            1 => format!("{} * {}", self.operand(depth, text).0, self.operand(depth, text).0),
            2 => {
                let divisor = self.random.pick(&["1", "2", "3", "7", "10", "$var(z)", "$var(z)"]);
                format!("{} {} {divisor}", self.operand(depth, text).0, self.random.pick(&["/", "mod"]))
            }
            3 => {
                let operator = self.random.pick(&["|", "&", "^"]);
                format!("{} {operator} {}", self.operand(depth, text).0, self.operand(depth, text).0)
            }
            4 => {
                let (operator, by) =
                    (self.random.pick(&["<<", ">>"]), self.random.pick(&["0", "1", "4", "16", "31", "$var(z)"]));
                format!("{} {operator} {by}", self.operand(depth, text).0)
            }
            5 => format!("{}{}", self.random.pick(&["-", "~", "!", "not "]), self.operand(depth, text).0),
            6 => format!("(int){}", self.operand(depth, None).0),
            7 => format!("strlen({})", self.operand(depth, Some(Type::Int)).0),
            8 => format!("strempty({})", self.operand(depth, Some(Type::Int)).0),
            9 => format!("defined {}", self.operand(depth, Some(Type::Int)).0),
            10 => self
                .random
                .pick(&["is_method(\"OPTIONS\")", "is_method(\"INVITE|ACK\")", "isflagset(3)", "has_totag()"])
                .to_owned(),
            11 => match self.routes.len() {
                0 => "is_method(\"OPTIONS\")".to_owned(),
                routes => format!("route({})", self.routes[self.random.below(routes)].clone()),
            },
            12 => format!("($var(w) = {})", self.any(depth - 1).0),
            13 => {
                let value = self.any(depth - 1).0;
                let end = self.random.pick(&["", " return 1;", " return -2;", " break;", " isflagset(3);"]);
                format!("{{ $var(w) = {value};{end} }}")
            }
            // Several operators in a row: precedence decides.
            _ => {
                let mut all = self.flat(text).0;
                let null = |operand: String| if operand == "$null" { "$avp(none)".to_owned() } else { operand };
                for _ in 0..2 + self.random.below(3) {
                    let operator = self
                        .random
                        .pick(&["-", "*", "|", "&", "^", "<", ">", "<=", ">=", "ieq", "ine", "&&", "||", "and", "or"]);
                    let prefix = self.random.pick(&["", "", "", "-", "!", "~", "not "]);
                    all = format!("{all} {operator} {prefix}{}", null(self.flat(text).0));
                }
                all
            }
        }
    }

    fn comparison(&mut self, depth: usize) -> String {
        let text = Some(Type::Text);
        match self.random.below(12) {
            0..=2 => {
                let operator = self.random.pick(&["==", "!="]);
                let (left, its_type) = self.operand(depth, None);
                let not = (its_type == Type::Int).then_some(Type::Text);
                let right = self.beside(its_type, depth, not);
                format!("{left} {operator} {right}")
            }
            3 => {
                let operator = self.random.pick(&["eq", "ne"]);
                let left = self.operand(depth, Some(Type::Int)).0;
                // Kamailio reads this one after the right side, which may have changed it.
                let left = if matches!(left.as_str(), "($rc)" | "($retcode)") { "($rm)" } else { &left };
                format!("{left} {operator} {}", self.operand(depth, None).0)
            }
            4 => {
                let operator = self.random.pick(&["ieq", "ine", "<", ">", "<=", ">="]);
                let (left, its_type) = self.operand(depth, text);
                let right = self.beside(its_type, depth, text);
                format!("{left} {operator} {right}")
            }
            5 | 6 => format!("{} =~ {}", self.operand(depth, Some(Type::Int)).0, self.random.pick(REGEXES)),
            7 => {
                let operator = self.random.pick(&["==", "!="]);
                format!("{} {operator} $null", self.random.pick(VARIABLES))
            }
            8 | 9 => {
                let operator = self.random.pick(&["&&", "||", "and", "or"]);
                format!("{} {operator} {}", self.operand(depth, text).0, self.operand(depth, text).0)
            }
            10 => {
                let not = self.random.pick(&["", "", "!"]);
                format!("{not}{}", self.random.pick(TESTS))
            }
            _ => {
                let (one, other) = (self.random.pick(TESTS), self.random.pick(TESTS));
                format!("{one} {} {other}", self.random.pick(&["&&", "||"]))
            }
        }
    }

    /// The right side of a comparison: with `$null` there it asks whether the left one is undefined, which an integer cannot be.
    fn beside(&mut self, left: Type, depth: usize, not: Option<Type>) -> String {
        let right = self.operand(depth, not).0;
        if left == Type::Int && matches!(right.as_str(), "$null" | "($null)") { "$avp(none)".to_owned() } else { right }
    }

    /// A value as it is printed: a variable with transformations.
    pub(super) fn transformed(&mut self) -> String {
        if self.random.one_in(3) {
            let (mut variable, class) = (self.random.pick(STRUCTURED), self.random.pick(CLASSES));
            // In a loop Kamailio is asked a second time, and what did not parse is garbage then.
            if class.starts_with("{nameaddr.") {
                variable = self.random.pick(&["hdr(From)", "hdr(To)", "hdr(X-Address)", "avp(none)"]);
            }
            return format!("$({variable}{class})");
        }
        let variable =
            self.random.pick(&["var(s)", "var(t)", "var(u)", "avp(x)", "avp(none)", "hdr(X-Str)", "var(i)", "fu"]);
        let mut text = format!("$({variable}");
        // Behind parameters Kamailio 5.6.3 reads another transformation wrongly.
        text.push_str(self.random.pick(TRANSFORMATIONS));
        if text.contains("{s.") && self.random.one_in(2) {
            text.push_str(self.random.pick(TRANSFORMATIONS));
        }
        text.push(')');
        text
    }

    /// A random string constant of printable letters.
    pub(super) fn random_text(&mut self) -> String {
        const LETTERS: &[u8] = b"aabbccABC 019._-@:;,=/+<>&?!~*()'%%";
        let length = self.random.below(14);
        let letters = (0..length).map(|_| LETTERS[self.random.below(LETTERS.len())] as char);
        format!("\"{}\"", letters.collect::<String>())
    }
}
