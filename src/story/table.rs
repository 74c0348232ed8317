//! Rows of a database as text.

use crate::builtin::{Rows, Value};

/// A cell as people read it.
pub(super) fn cell_text(value: &Value) -> String {
    match value {
        Value::Null => "NULL".into(),
        value => String::from_utf8_lossy(&value.to_text()).into_owned(),
    }
}

/// What a query gave, in a few words.
pub(super) fn summary(rows: &Rows) -> String {
    let line = |row: usize| -> String {
        let cells = (0..rows.columns.len()).filter_map(|column| rows.cell(row, column));
        cells.map(cell_text).collect::<Vec<_>>().join(", ")
    };
    match rows.len() {
        0 => "no row".into(),
        1 => format!("1 row: {}", line(0)),
        many => format!("{many} rows: {} ...", line(0)),
    }
}

/// All rows, in columns.
pub(super) fn table(rows: &Rows) -> Vec<String> {
    let names = rows.columns.iter().map(|name| String::from_utf8_lossy(name).into_owned());
    let mut lines: Vec<Vec<String>> = vec![names.collect()];
    for row in 0..rows.len() {
        lines.push((0..rows.columns.len()).filter_map(|column| rows.cell(row, column)).map(cell_text).collect());
    }
    let width = |column: usize| lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..rows.columns.len()).map(|column| width(column).unwrap_or(0)).collect();
    let padded = lines.iter().map(|line| {
        let cells = line.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    });
    padded.collect()
}

/// A statement on one line, with its parameters in place.
pub(crate) fn bound_statement(statement: &str, parameters: &[Value]) -> String {
    let mut parameters = parameters.iter();
    let (mut out, mut blank, mut quote) = (String::new(), false, None);
    for c in statement.trim().chars() {
        if c.is_whitespace() && quote.is_none() {
            blank = true;
            continue;
        }
        if std::mem::take(&mut blank) {
            out.push(' ');
        }
        match (quote, c) {
            (None, '?') => match parameters.next() {
                Some(Value::Int(number)) => out.push_str(&number.to_string()),
                Some(Value::Null) => out.push_str("NULL"),
                Some(value) => {
                    let text = String::from_utf8_lossy(&value.to_text()).replace('\'', "''");
                    out.push_str(&format!("'{text}'"));
                }
                None => out.push('?'),
            },
            (None, '\'' | '"') => {
                quote = Some(c);
                out.push(c);
            }
            (Some(open), c) => {
                if open == c {
                    quote = None;
                }
                out.push(c);
            }
            (None, c) => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_read_as_they_were_meant() {
        let parameters = [Value::text("o'hara"), Value::Int(1), Value::Null];
        let text = bound_statement("SELECT  a,\n  '?  ' FROM t WHERE u=? AND e=? AND n=?", &parameters);
        assert_eq!(text, "SELECT a, '?  ' FROM t WHERE u='o''hara' AND e=1 AND n=NULL");
    }

    #[test]
    fn columns_stand_below_each_other() {
        let columns = vec!["aor".into(), "n".into()];
        let rows = Rows { columns, cells: vec![Value::text("bob@x"), Value::Int(5), Value::Null, Value::Int(10)] };
        assert_eq!(table(&rows), ["aor    n", "bob@x  5", "NULL   10"]);
        assert_eq!(summary(&rows), "2 rows: bob@x, 5 ...");
    }
}
