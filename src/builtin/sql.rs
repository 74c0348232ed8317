//! SQL text with variables in it: what each of them stands for, and so how its value gets into the statement without ever being read as SQL.
//!
//! The text is read as far as literals, words and parentheses go. Wherever the reader is mistaken about a place, the statement is refused or finds
//! nothing: only [`Piece::Pasted`] lets a value be more than one value or name.

use bytes::Bytes;
use std::borrow::Cow;

/// One byte of the text, or a variable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Symbol {
    /// A byte as written.
    Byte(u8),
    /// A variable.
    Variable {
        /// Its place among what the text is made of.
        at: usize,
        /// The script keeps something in it, which may be a name: `$var(table)`. What a message says is a value.
        kept: bool,
        /// Its value is an SQL literal already: `{sql.val}`.
        literal: bool,
    },
}

/// A piece of the statement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Piece {
    /// Text as written.
    Text(Vec<u8>),
    /// A parameter: a literal that holds variables, as its parts.
    Literal(Vec<Part>),
    /// A parameter: the value of a variable.
    Value(usize),
    /// The value of a variable, which must be a name or names.
    Name(usize, Names),
    /// The value of a variable within quotes of this kind, which are doubled in it.
    Quoted(usize, u8),
    /// The value of a variable, whatever it is: it may be read as SQL.
    Pasted(usize),
}

/// A part of a literal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Part {
    /// As written.
    Text(Vec<u8>),
    /// The value of a variable.
    Variable(usize),
}

impl Part {
    /// The variable, when it is one.
    pub fn variable(&self) -> Option<usize> {
        match self {
            Part::Text(_) => None,
            Part::Variable(at) => Some(*at),
        }
    }
}

/// Which names the value of a variable may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Names {
    /// One name, or a part of it.
    One,
    /// Several with commas between them.
    List,
    /// The same, each perhaps with `ASC` or `DESC`, which may also stand alone.
    Order,
}

impl Names {
    /// Whether a value is nothing but such names.
    pub fn allow(self, value: &[u8]) -> bool {
        let is_name = |text: &[u8]| {
            text == b"*"
                || text
                    .split(|byte| *byte == b'.')
                    .all(|part| !part.is_empty() && part.iter().all(|byte| is_word(*byte)))
        };
        let ordered = |text: &[u8]| {
            let mut words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
            let first = words.next().is_some_and(is_name);
            let second =
                words.next().is_none_or(|word| word.eq_ignore_ascii_case(b"ASC") || word.eq_ignore_ascii_case(b"DESC"));
            first && second && words.next().is_none()
        };
        match self {
            Names::One => is_name(value),
            Names::List => value.split(|byte| *byte == b',').all(|name| is_name(name.trim_ascii())),
            Names::Order => value.split(|byte| *byte == b',').all(ordered),
        }
    }
}

/// Takes a text apart.
pub fn pieces(symbols: &[Symbol]) -> Vec<Piece> {
    let mut reader =
        Reader { symbols, pieces: Vec::new(), before: Before::Start, lists: Vec::new(), list: List::new(Kind::Group) };
    reader.read();
    reader.pieces
}

/// Writes the statement, with a mark for each parameter, counted from 1, and what `value` gives of names and pasted text.
///
/// # Errors
/// The variable whose value is no name where one must stand.
pub fn write(
    pieces: &[Piece],
    mark: fn(usize) -> Cow<'static, str>,
    value: &mut dyn FnMut(usize) -> Bytes,
) -> Result<Vec<u8>, usize> {
    let mut out = Vec::with_capacity(128);
    let mut parameters = 0;
    for piece in pieces {
        match piece {
            Piece::Pasted(at) => out.extend_from_slice(&value(*at)),
            Piece::Name(at, names) => {
                let value = value(*at);
                // Behind a slash the star that stands for all names would begin a comment.
                let begins_comment = value.starts_with(b"*") && out.ends_with(b"/");
                if begins_comment || !names.allow(&value) {
                    return Err(*at);
                }
                out.extend_from_slice(&value);
            }
            Piece::Quoted(at, quote) => {
                // SQL ends at a zero byte.
                for byte in value(*at).iter().filter(|byte| **byte != 0) {
                    out.extend(std::iter::repeat_n(*byte, 1 + usize::from(byte == quote)));
                }
            }
            Piece::Text(text) => out.extend_from_slice(text),
            Piece::Literal(_) | Piece::Value(_) => {
                parameters += 1;
                out.extend_from_slice(mark(parameters).as_bytes());
            }
        }
    }
    Ok(out)
}

/// What the text before a place says about it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    /// Nothing stands before it.
    Start,
    /// An operator, or a word that wants an operand.
    Operator,
    /// A word behind which a condition stands: `WHERE`.
    Condition,
    /// A word behind which a condition goes on: `AND`.
    More,
    /// A word behind which a list of expressions or names stands: `SELECT`, `BY`.
    Items,
    /// A word or sign behind which a name stands: `FROM`, `a.`.
    Name,
    /// `IN`, `VALUES`: behind it stands a list of values.
    Values,
    /// An opening parenthesis.
    Open,
    /// A comma.
    Comma,
    /// A name, perhaps that of a function.
    Word,
    /// Anything else that is whole.
    Whole,
}

/// What stands in a pair of parentheses, or outside of all.
struct List {
    kind: Kind,
    clause: Clause,
    /// `BETWEEN` waits for its `AND`.
    between: bool,
}

impl List {
    fn new(kind: Kind) -> List {
        List { kind, clause: Clause::None, between: false }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Values: arguments of a function, a list behind `IN`, a row, an operand.
    Values,
    /// Names: columns of an `INSERT`, an index.
    Names,
    /// A condition or a query.
    Group,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Clause {
    None,
    Select,
    From,
    Condition,
    By,
    Limit,
    /// Behind `INTO`: a name is a table, and its parenthesis holds columns.
    Into,
    /// Behind `VALUES` every parenthesis is a row.
    Rows,
    Set,
}

/// What a place is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Value,
    Name(Names),
    /// An item of a list of expressions: a value or names.
    Either(Names),
    /// A whole condition, or a value.
    Condition,
    /// None of these.
    None,
}

struct Reader<'a> {
    symbols: &'a [Symbol],
    pieces: Vec<Piece>,
    before: Before,
    list: List,
    /// The lists around this one.
    lists: Vec<List>,
}

impl Reader<'_> {
    fn read(&mut self) {
        let mut at = 0;
        while let Some(symbol) = self.symbols.get(at) {
            at = match *symbol {
                Symbol::Variable { at: variable, kept, literal } => self.variable(at, variable, kept, literal),
                Symbol::Byte(quote @ (b'\'' | b'"' | b'`')) => self.quoted(at, quote),
                Symbol::Byte(b'[') => self.bracketed(at),
                Symbol::Byte(b'-') if self.byte(at + 1) == Some(b'-') => self.comment(at, b"\n"),
                Symbol::Byte(b'/') if self.byte(at + 1) == Some(b'*') => self.comment(at, b"*/"),
                Symbol::Byte(byte) if is_word(byte) => self.word(at),
                Symbol::Byte(byte) => {
                    if !byte.is_ascii_whitespace() {
                        self.sign(byte);
                    }
                    self.text(&[byte]);
                    at + 1
                }
            };
        }
    }

    fn byte(&self, at: usize) -> Option<u8> {
        match self.symbols.get(at) {
            Some(Symbol::Byte(byte)) => Some(*byte),
            Some(Symbol::Variable { .. }) | None => None,
        }
    }

    fn text(&mut self, text: &[u8]) {
        match self.pieces.last_mut() {
            Some(Piece::Text(before)) => before.extend_from_slice(text),
            _ if text.is_empty() => {}
            _ => self.pieces.push(Piece::Text(text.to_vec())),
        }
    }

    /// Text that nobody reads. A blank stands for a variable in it, whose value could end the comment; so could what stands around it, were it left out.
    fn comment(&mut self, from: usize, end: &[u8]) -> usize {
        let begins = from + 2;
        let ends = |at: usize| end.iter().enumerate().all(|(offset, byte)| self.byte(at + offset) == Some(*byte));
        let to = (begins..self.symbols.len()).find(|at| ends(*at)).map_or(self.symbols.len(), |at| at + end.len());
        let text: Vec<u8> = (from..to).map(|at| self.byte(at).unwrap_or(b' ')).collect();
        self.text(&text);
        to
    }

    /// A literal, or a name in quotes.
    fn quoted(&mut self, from: usize, quote: u8) -> usize {
        let mut parts: Vec<Part> = Vec::new();
        let mut at = from + 1;
        loop {
            match self.symbols.get(at) {
                // It has no end: what stands there is no SQL, and variables would only make some of it.
                None => {
                    let text: Vec<u8> = (from..at).map(|at| self.byte(at).unwrap_or(b' ')).collect();
                    self.text(&text);
                    return at;
                }
                Some(Symbol::Variable { at: variable, .. }) => parts.push(Part::Variable(*variable)),
                Some(Symbol::Byte(byte)) => {
                    if *byte == quote {
                        if self.byte(at + 1) != Some(quote) {
                            break;
                        }
                        at += 1;
                    }
                    match parts.last_mut() {
                        Some(Part::Text(text)) => text.push(*byte),
                        _ => parts.push(Part::Text(vec![*byte])),
                    }
                }
            }
            at += 1;
        }
        at += 1;
        let constant = parts.iter().all(|part| matches!(part, Part::Text(_)));
        let named = matches!(self.place(at), Place::Name(_)) || self.byte(at) == Some(b'.');
        let is_name = quote == b'`' || named || quote == b'"' && self.place(at) == Place::None;
        if constant || is_name {
            self.text(&[quote]);
            for part in parts {
                match part {
                    Part::Text(text) => {
                        let doubled =
                            text.iter().flat_map(|byte| std::iter::repeat_n(*byte, 1 + usize::from(*byte == quote)));
                        self.text(&doubled.collect::<Vec<u8>>());
                    }
                    Part::Variable(variable) => self.pieces.push(Piece::Quoted(variable, quote)),
                }
            }
            self.text(&[quote]);
        } else {
            self.pieces.push(Piece::Literal(parts));
        }
        self.before = if quote == b'\'' { Before::Whole } else { Before::Word };
        at
    }

    /// A name in brackets: a variable in it is a part of it.
    fn bracketed(&mut self, from: usize) -> usize {
        let mut at = from;
        while let Some(symbol) = self.symbols.get(at) {
            at += 1;
            match symbol {
                Symbol::Variable { at: variable, .. } => self.pieces.push(Piece::Name(*variable, Names::One)),
                Symbol::Byte(byte) => {
                    self.text(&[*byte]);
                    if *byte == b']' {
                        break;
                    }
                }
            }
        }
        self.before = Before::Word;
        at
    }

    fn variable(&mut self, at: usize, variable: usize, kept: bool, literal: bool) -> usize {
        let touches = |symbol: Option<&Symbol>| match symbol {
            Some(Symbol::Byte(byte)) => is_word(*byte) || b".'\"`".contains(byte),
            Some(Symbol::Variable { .. }) => true,
            None => false,
        };
        let before = at.checked_sub(1).and_then(|before| self.symbols.get(before));
        let piece = match self.place(at + 1) {
            // A part of a name, or of a number.
            _ if touches(before) || touches(self.symbols.get(at + 1)) => Piece::Name(variable, Names::One),
            _ if literal => Piece::Value(variable),
            Place::Value => Piece::Value(variable),
            Place::Name(names) => Piece::Name(variable, names),
            Place::Either(names) if kept => Piece::Name(variable, names),
            Place::Condition if kept => Piece::Pasted(variable),
            Place::Either(_) | Place::Condition => Piece::Value(variable),
            Place::None => Piece::Pasted(variable),
        };
        self.pieces.push(piece);
        self.before = Before::Whole;
        at + 1
    }

    /// What the place is for that ends at `end`.
    fn place(&self, end: usize) -> Place {
        match self.before {
            Before::Operator | Before::More => Place::Value,
            Before::Condition if self.is_compared(end) => Place::Value,
            Before::Condition => Place::Condition,
            Before::Items => Place::Either(self.names()),
            Before::Name => Place::Name(Names::One),
            Before::Values | Before::Start => Place::None,
            Before::Open | Before::Comma => match (self.list.kind, self.list.clause) {
                (_, Clause::Select | Clause::By) => Place::Either(self.names()),
                (_, Clause::Limit) | (Kind::Values, Clause::None) => Place::Value,
                (_, Clause::Set | Clause::From) => Place::Name(Names::One),
                (Kind::Names, Clause::None) => Place::Name(Names::List),
                (Kind::Group, Clause::None) if self.before == Before::Open => Place::Value,
                (_, _) => Place::None,
            },
            Before::Word | Before::Whole => match self.list.clause {
                Clause::By => Place::Name(Names::Order),
                Clause::From | Clause::Select => Place::Name(Names::One),
                Clause::None | Clause::Condition | Clause::Limit | Clause::Into | Clause::Rows | Clause::Set => {
                    Place::None
                }
            },
        }
    }

    fn names(&self) -> Names {
        if self.list.clause == Clause::By { Names::Order } else { Names::List }
    }

    /// Whether what begins at `at` compares what stands before it.
    fn is_compared(&self, at: usize) -> bool {
        let Some(from) =
            (at..self.symbols.len()).find(|at| self.byte(*at).is_none_or(|byte| !byte.is_ascii_whitespace()))
        else {
            return false;
        };
        let word: Vec<u8> =
            (from..self.symbols.len()).map_while(|at| self.byte(at).filter(|byte| is_word(*byte))).collect();
        match self.byte(from) {
            Some(b'=' | b'<' | b'>' | b'!' | b'+' | b'-' | b'*' | b'/' | b'%' | b'|' | b'&' | b'~') => true,
            _ => is_one_of(&word, COMPARING),
        }
    }

    fn word(&mut self, from: usize) -> usize {
        let mut word: Vec<u8> =
            (from..self.symbols.len()).map_while(|at| self.byte(at).filter(|byte| is_word(*byte))).collect();
        self.text(&word);
        let to = from + word.len();
        word.make_ascii_uppercase();
        // In `trim(x FROM y)` and its like it begins no clause.
        let inside = self.list.kind == Kind::Values && self.list.clause == Clause::None;
        let (before, clause) = match &*word {
            b"SELECT" | b"RETURNING" => (Before::Items, Some(Clause::Select)),
            b"DISTINCT" | b"ALL" if self.before == Before::Items => (Before::Items, None),
            b"FROM" if inside => (Before::Operator, None),
            b"FROM" | b"JOIN" | b"UPDATE" | b"TABLE" => (Before::Name, Some(Clause::From)),
            b"INTO" => (Before::Name, Some(Clause::Into)),
            b"AS" | b"COLLATE" | b"INDEX" | b"VIEW" | b"SAVEPOINT" => (Before::Name, None),
            b"WHERE" | b"ON" | b"HAVING" => (Before::Condition, Some(Clause::Condition)),
            b"AND" if self.list.between => {
                self.list.between = false;
                (Before::Operator, None)
            }
            b"AND" | b"OR" | b"NOT" => (Before::More, None),
            b"BETWEEN" => {
                self.list.between = true;
                (Before::Operator, None)
            }
            b"BY" => (Before::Items, Some(Clause::By)),
            b"LIMIT" | b"OFFSET" => (Before::Operator, Some(Clause::Limit)),
            b"SET" => (Before::Name, Some(Clause::Set)),
            b"VALUES" => (Before::Values, Some(Clause::Rows)),
            b"IN" => (Before::Values, None),
            b"UNION" | b"EXCEPT" | b"INTERSECT" => (Before::Whole, Some(Clause::None)),
            word if is_one_of(word, OPERATORS) => (Before::Operator, None),
            word if word.first().is_some_and(u8::is_ascii_digit) => (Before::Whole, None),
            _ => (Before::Word, None),
        };
        self.before = before;
        if let Some(clause) = clause {
            self.list.clause = clause;
        }
        to
    }

    fn sign(&mut self, byte: u8) {
        match byte {
            b'(' => {
                let kind = match self.before {
                    Before::Values | Before::Operator => Kind::Values,
                    Before::Comma if self.list.clause == Clause::Rows => Kind::Values,
                    Before::Word if matches!(self.list.clause, Clause::Into) => Kind::Names,
                    // A function.
                    Before::Word => Kind::Values,
                    Before::Open | Before::Comma => self.list.kind,
                    Before::Start | Before::Condition | Before::More | Before::Items | Before::Name | Before::Whole => {
                        Kind::Group
                    }
                };
                let outer = std::mem::replace(&mut self.list, List::new(kind));
                self.lists.push(outer);
                self.before = Before::Open;
            }
            b')' => {
                // One that closes nothing leaves the reader where it is.
                if let Some(outer) = self.lists.pop() {
                    self.list = outer;
                }
                self.before = Before::Whole;
            }
            b',' => self.before = Before::Comma,
            b'.' => self.before = Before::Name,
            b';' => {
                self.lists.clear();
                self.list = List::new(Kind::Group);
                self.before = Before::Start;
            }
            b'=' | b'<' | b'>' | b'!' | b'+' | b'-' | b'*' | b'/' | b'%' | b'|' | b'&' | b'~' => {
                // The star of `SELECT *` and `count(*)` is an item itself.
                let star =
                    byte == b'*' && matches!(self.before, Before::Items | Before::Open | Before::Comma | Before::Name);
                self.before = if star { Before::Whole } else { Before::Operator };
            }
            _ => self.before = Before::Whole,
        }
    }
}

/// Words behind an operand that compare it.
const COMPARING: &[&str] =
    &["LIKE", "GLOB", "REGEXP", "RLIKE", "MATCH", "IN", "BETWEEN", "IS", "ISNULL", "NOTNULL", "NOT", "COLLATE"];
/// Words that want an operand.
const OPERATORS: &[&str] = &[
    "LIKE", "GLOB", "REGEXP", "RLIKE", "MATCH", "WHEN", "THEN", "ELSE", "IS", "CASE", "ESCAPE", "DIV", "MOD", "XOR",
    "INTERVAL",
];

fn is_one_of(word: &[u8], words: &[&str]) -> bool {
    words.iter().any(|its| word.eq_ignore_ascii_case(its.as_bytes()))
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}
