//! What queries found, kept for the blocks of one message, and `$dbr`.

use crate::builtin::{
    Args, Context, Fault, Key, Outcome, Part, Place, Prepare, Prepared, Rows, Template, Value, parse_int,
};

/// The name space of results.
const SPACE: &str = "sql-result";

/// The rows kept for the blocks of one message.
#[derive(Debug, Default)]
pub(super) struct Results {
    named: Vec<Option<Rows>>,
    last: Vec<Option<Rows>>,
}

impl Results {
    /// Rows under a name.
    pub(super) fn keep(&mut self, slot: usize, rows: Option<Rows>) {
        put(&mut self.named, slot, rows);
    }

    /// Rows of the last two-argument query on a connection.
    pub(super) fn keep_last(&mut self, connection: usize, rows: Option<Rows>) {
        put(&mut self.last, connection, rows);
    }

    /// Those again.
    pub(super) fn last(&self, connection: usize) -> Option<&Rows> {
        self.last.get(connection)?.as_ref()
    }
}

fn put(list: &mut Vec<Option<Rows>>, at: usize, rows: Option<Rows>) {
    if list.len() <= at {
        list.resize_with(at + 1, || None);
    }
    if let Some(place) = list.get_mut(at) {
        *place = rows;
    }
}

/// The number of a result's name, as an argument was prepared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot(pub(super) usize);

/// Prepares a result argument.
pub(super) fn prepare(name: &Template, prepare: &mut Prepare) -> Result<Prepared, Fault> {
    match name.constant() {
        Some(name) if !name.trim_ascii().is_empty() => {
            Ok(Box::new(Slot(prepare.slot(SPACE, name.trim_ascii()) as usize)))
        }
        _ => Err(Fault::new("the result must be a fixed name")),
    }
}

/// `sql_result_free`.
pub(super) fn free(cx: &mut Context, args: &Args) -> Outcome {
    let Some(slot) = args.prepared::<Slot>(0) else { return Outcome::FALSE };
    cx.local::<Results>().keep(slot.0, None);
    Outcome::TRUE
}

// What stands in the parentheses of $dbr.
struct Cell {
    slot: usize,
    what: What,
}

enum What {
    Rows,
    Columns,
    Name(Number),
    Cell(Number, Number),
}

// A fixed number, or the variable that is this part of the key.
enum Number {
    Fixed(i64),
    Variable(Template),
}

impl Number {
    fn value(&self, cx: &mut Context) -> Option<usize> {
        let number = match self {
            Number::Fixed(number) => *number,
            Number::Variable(template) => template.value(cx).to_int(),
        };
        usize::try_from(number).ok()
    }
}

/// `$dbr`.
pub(super) fn cell(cx: &mut Context, key: &Key, _: Place) -> Value {
    let Some(Cell { slot, what }) = key.prepared::<Cell>() else { return Value::Null };
    let (row, column) = match what {
        What::Rows | What::Columns => (None, None),
        What::Name(column) => (None, column.value(cx)),
        What::Cell(row, column) => (row.value(cx), column.value(cx)),
    };
    let rows = cx.local::<Results>().named.get(*slot).and_then(Option::as_ref);
    match what {
        What::Rows => Value::Int(rows.map_or(0, |rows| rows.len() as i64)),
        What::Columns => Value::Int(rows.map_or(0, |rows| rows.columns.len() as i64)),
        What::Name(_) => {
            let name = rows.zip(column).and_then(|(rows, column)| rows.columns.get(column));
            name.map_or(Value::Null, |name| Value::Text(name.clone()))
        }
        What::Cell(..) => {
            let cell = rows.zip(row.zip(column)).and_then(|(rows, (row, column))| rows.cell(row, column));
            cell.cloned().unwrap_or_default()
        }
    }
}

/// `$sqlrows`.
pub(super) fn affected(_: &mut Context, _: &Key, _: Place) -> Value {
    Value::Null
}

/// Prepares the key of `$dbr`.
pub(super) fn prepare_key(key: &Template, prepare: &mut Prepare) -> Result<Prepared, Fault> {
    let bad = || {
        Fault::new("this is no cell of a result")
            .help("write $dbr(result=>rows), $dbr(result=>cols), $dbr(result=>colname[0]) or $dbr(result=>[0,0])")
    };
    let mut parts = key.parts().iter().enumerate();
    let Some((_, Part::Text(first))) = parts.next() else { return Err(bad()) };
    let first = String::from_utf8_lossy(first);
    let (name, rest) = first.split_once("=>").ok_or_else(bad)?;
    let name = name.trim();
    if name.is_empty() {
        return Err(bad());
    }
    // The text with a $ for each variable, so that it can be cut as a whole.
    let mut text = rest.trim_start().to_owned();
    let mut variables = Vec::new();
    for (at, part) in parts {
        match part {
            Part::Text(piece) => text.push_str(&String::from_utf8_lossy(piece)),
            Part::Variable(_) => {
                text.push('$');
                variables.push(at);
            }
        }
    }
    let mut variables = variables.into_iter();
    let mut number = |text: &str| match text.trim() {
        "$" => variables.next().and_then(|at| key.only(at)).map(Number::Variable),
        "" => None,
        digits => parse_int(digits.as_bytes()).map(Number::Fixed),
    };
    let bracketed =
        |text: &str| text.trim_end().strip_prefix('[').and_then(|text| text.strip_suffix(']')).map(str::to_owned);
    let what = match text.trim() {
        "rows" => What::Rows,
        "cols" => What::Columns,
        text => match text.strip_prefix("colname") {
            Some(rest) => {
                let column = bracketed(rest.trim_start()).ok_or_else(bad)?;
                What::Name(number(&column).ok_or_else(bad)?)
            }
            None => {
                let cell = bracketed(text).ok_or_else(bad)?;
                let (row, column) = cell.split_once(',').ok_or_else(bad)?;
                What::Cell(number(row).ok_or_else(bad)?, number(column).ok_or_else(bad)?)
            }
        },
    };
    Ok(Box::new(Cell { slot: prepare.slot(SPACE, name.as_bytes()) as usize, what }))
}
