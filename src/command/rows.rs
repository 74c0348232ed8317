//! Rows of the table of destinations from SQL statements, each with its place and what is written beside it.
//!
//! The statements are carried out by SQLite in memory, so what counts is what a database would hold. Only those that make tables and that change
//! rows are: nothing is opened, attached or written. `INSERT`s are carried out row by row, which tells the place of each.

use super::statements::{self, Statement};
use crate::builtin::{QueryFault, Value};
use crate::config::Config;
use crate::config::ast::ParamValue;
use crate::lint::destinations::Destination;
use crate::source::{Diagnostic, FileId, Span};
use crate::sqlite::{Calendar, Memory};
use std::collections::HashMap;

/// All statements together take no more thousands of SQLite's steps.
const MOST_STEPS: u64 = 100_000;
/// The columns of the table as Kamailio ships it, with the parameters that rename them.
const COLUMNS: [(&str, &str); 6] = [
    ("setid", "setid_col"),
    ("destination", "destination_col"),
    ("flags", "flags_col"),
    ("priority", "priority_col"),
    ("attrs", "attrs_col"),
    ("description", ""),
];

/// What the parameters of the dispatcher call the table and its columns.
struct Names {
    table: String,
    columns: [String; 6],
}

impl Names {
    fn of(config: &Config) -> Names {
        let given = config.given_params();
        let named = |param: &str, default: &str| {
            let mut its = given.iter().filter(|(module, statement)| {
                *module == "dispatcher" && *statement.name.value == *param.as_bytes() && !param.is_empty()
            });
            match its.next_back().map(|(_, statement)| &statement.value) {
                Some(ParamValue::Text(text)) => String::from_utf8_lossy(&text.value).into_owned(),
                _ => default.to_owned(),
            }
        };
        let columns = COLUMNS.map(|(column, param)| named(param, column));
        Names { table: named("table_name", "dispatcher"), columns }
    }
}

/// The destinations that some statements leave in the table; a statement about it that cannot be carried out is reported.
pub(super) fn read(
    config: &Config,
    text: &[u8],
    file: FileId,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<Vec<Destination>, QueryFault> {
    let names = Names::of(config);
    let database = Memory::new("", None, &Calendar::default()).map_err(QueryFault::Unavailable)?;
    // A statement that goes on for ever is ended.
    database.limit(MOST_STEPS);
    let mut places: HashMap<i64, (Span, String)> = HashMap::new();
    for statement in statements::of(text, file) {
        if let Err(fault) = carry_out(&database, &statement, &names, &mut places)
            && statement.speaks_of(&names.table)
        {
            let why = match fault {
                QueryFault::Refused(why) => why,
                fault => fault.to_string(),
            };
            let message = format!("the rows of this statement are not checked: {why}");
            diagnostics.push(Diagnostic::warning("bad-statement", message, statement.span));
        }
    }
    // A script without rows of the table leaves none.
    Ok(rows(&database, &names, &places).unwrap_or_default())
}

fn carry_out(
    database: &Memory,
    statement: &Statement,
    names: &Names,
    places: &mut HashMap<i64, (Span, String)>,
) -> Result<(), QueryFault> {
    match statement.verb.as_str() {
        // Types of other databases stop SQLite; the table is then that of Kamailio.
        "create" if statement.speaks_of(&names.table) => match database.query(&statement.text, &[]) {
            Ok(_) => Ok(()),
            Err(_) => standard(database, names),
        },
        "insert" | "replace" if statement.speaks_of(&names.table) => {
            standard(database, names)?;
            for row in &statement.rows {
                database.query(&format!("{} {}", statement.head, row.text), &[])?;
                if database.changes() > 0 {
                    places.insert(database.last_row(), (row.span, row.words.clone()));
                }
            }
            Ok(())
        }
        "update" | "delete" if statement.speaks_of(&names.table) => database.query(&statement.text, &[]).map(|_| ()),
        _ => Ok(()),
    }
}

/// Makes the table with the columns that Kamailio gives it, unless it is there.
fn standard(database: &Memory, names: &Names) -> Result<(), QueryFault> {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let [set, uri, flags, priority, attributes, description] = names.columns.each_ref().map(|name| quoted(name));
    let table = quoted(&names.table);
    let made = format!(
        "CREATE TABLE IF NOT EXISTS {table} (id INTEGER PRIMARY KEY, {set} INTEGER DEFAULT 0, {uri} TEXT DEFAULT '', \
         {flags} INTEGER DEFAULT 0, {priority} INTEGER DEFAULT 0, {attributes} TEXT DEFAULT '', {description} TEXT DEFAULT '')"
    );
    database.query(&made, &[]).map(|_| ())
}

fn rows(
    database: &Memory,
    names: &Names,
    places: &HashMap<i64, (Span, String)>,
) -> Result<Vec<Destination>, QueryFault> {
    let statement = format!("SELECT rowid AS row, * FROM \"{}\"", names.table.replace('"', "\"\""));
    let rows = database.query(&statement, &[])?;
    let at = names.columns.each_ref().map(|name| rows.column(name.as_bytes()));
    let mut found = Vec::new();
    for row in 0..rows.len() {
        let number = rows.cell(row, 0).map_or(0, Value::to_int);
        let cell = |which: usize| match at[which].and_then(|column| rows.cell(row, column)) {
            Some(value) if !value.is_nothing() => String::from_utf8_lossy(&value.to_text()).into_owned(),
            _ => String::new(),
        };
        let integer = |which: usize| cell(which).trim().parse().unwrap_or(0);
        let Some((span, said)) = places.get(&number) else { continue };
        found.push(Destination {
            set: integer(0),
            uri: cell(1),
            flags: integer(2),
            priority: integer(3),
            attributes: cell(4),
            words: format!("{} {said}", cell(5)).to_lowercase(),
            span: *span,
        });
    }
    found.sort_by_key(|its| its.span);
    Ok(found)
}
