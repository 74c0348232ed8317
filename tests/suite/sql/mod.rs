//! Variables in SQL text: whatever a sender writes, the statement stays the one that the author wrote.

mod survives;

use alanui::builtin::sql::pieces;
use proptest::prelude::*;
use survives::{KEPT, SAID, is_open, survives, symbols, written};

/// What breaks out of literals, names and comments.
fn hostile() -> impl Strategy<Value = String> {
    let bits = [
        "'",
        "''",
        "\"",
        "`",
        "]",
        "[",
        "--",
        "/*",
        "*/",
        ";",
        ")",
        "(",
        ",",
        "?",
        ":a",
        "\\",
        "\\'",
        "\0",
        "\n",
        " ",
        " OR 1=1 ",
        " UNION SELECT ",
        "x",
        "7",
        "é",
        "DROP TABLE t",
        "%",
        "\u{2019}",
        ".",
        "*",
    ];
    prop::collection::vec(prop::sample::select(bits.to_vec()), 0..8).prop_map(|bits| bits.concat())
}

/// An expression in which variables stand in every form of a literal.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "'\u{1}'",
        "\"\u{1}\"",
        "\u{1}",
        "'sip:\u{1}@\u{1}'",
        "'it''s \u{1}'",
        "'\u{2}'",
        "\"\u{2}\"",
        "a",
        "7",
        "'x'",
        "lower(\u{1})",
        "substr('\u{1}', 2, \u{2})",
        "length(\"\u{1}\")",
        "NULL",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(3, 12, 3, |inner| {
        let one = inner.clone();
        let two = (inner.clone(), inner.clone());
        let three = (inner.clone(), inner.clone(), inner);
        prop_oneof![
            one.clone().prop_map(|one| format!("({one})")),
            one.clone().prop_map(|one| format!("CAST({one} AS TEXT)")),
            one.prop_map(|one| format!("(SELECT {one} FROM t LIMIT 1)")),
            two.clone().prop_map(|(one, two)| format!("{one} || {two}")),
            two.clone().prop_map(|(one, two)| format!("{one} + {two}")),
            two.prop_map(|(one, two)| format!("coalesce({one},{two})")),
            three.clone().prop_map(|(one, two, three)| format!("CASE WHEN {one} = {two} THEN {three} ELSE {two} END")),
            three.prop_map(|(one, two, three)| format!("CASE {one} WHEN {two} THEN {three} END")),
        ]
    })
}

fn condition() -> impl Strategy<Value = String> {
    let pair = || (expression(), expression());
    let leaf = prop_oneof![
        (pair(), prop::sample::select(vec!["=", "<>", "<", ">=", "LIKE", "NOT LIKE", "GLOB", "IS NOT"]))
            .prop_map(|((one, two), how)| format!("{one} {how} {two}")),
        (expression(), pair()).prop_map(|(one, (two, three))| format!("{one} IN ({two}, {three})")),
        (expression(), expression()).prop_map(|(one, two)| format!("{one} IN (SELECT {two} FROM t)")),
        (expression(), pair()).prop_map(|(one, (two, three))| format!("{one} BETWEEN {two} AND {three}")),
    ];
    leaf.prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone(), prop::sample::select(vec!["AND", "OR"]))
                .prop_map(|(one, two, how)| format!("{one} {how} {two}")),
            inner.clone().prop_map(|one| format!("NOT ({one})")),
            inner.prop_map(|one| format!("EXISTS (SELECT 1 FROM t WHERE {one})")),
        ]
    })
}

fn statement() -> impl Strategy<Value = String> {
    let pair = || (expression(), expression());
    let comment = prop::sample::select(vec!["", " /* it's \u{1} */", " -- \u{1}'\n", " "]);
    let statement = prop_oneof![
        (pair(), condition()).prop_map(|((one, two), when)| format!("SELECT {one}, {two} AS x FROM t WHERE {when}")),
        (pair(), condition(), pair()).prop_map(|((one, two), having, (three, four))| format!(
            "SELECT a FROM t GROUP BY a HAVING {having} ORDER BY ({one}), {two} DESC LIMIT {three} OFFSET {four}"
        )),
        (pair(), pair()).prop_map(|((one, two), (three, four))| format!(
            "INSERT INTO t (a, b) VALUES ({one}, {two}), ({three},{four})"
        )),
        (pair(), condition())
            .prop_map(|((one, two), when)| format!("INSERT INTO t (a, b) SELECT {one}, {two} FROM t WHERE {when}")),
        (pair(), condition()).prop_map(|((one, two), when)| format!("UPDATE t SET a = {one}, b={two} WHERE {when}")),
        condition().prop_map(|when| format!("DELETE FROM t WHERE {when}")),
        (pair(), condition())
            .prop_map(|((one, two), when)| format!("SELECT {one} FROM t UNION SELECT {two} FROM t WHERE {when}")),
    ];
    (statement, comment).prop_map(|(statement, comment)| statement + comment)
}

/// Words, signs and variables in any order.
fn soup() -> impl Strategy<Value = String> {
    let bits = [
        "SELECT",
        "FROM",
        "WHERE",
        "ORDER BY",
        "GROUP BY",
        "INSERT INTO",
        "UPDATE",
        "SET",
        "VALUES",
        "IN",
        "LIKE",
        "AND",
        "NOT",
        "AS",
        "LIMIT",
        "CASE",
        "WHEN",
        "BETWEEN",
        "JOIN",
        "ON",
        "a",
        "t",
        "7",
        "3.14",
        "'x'",
        "'it''s'",
        "\"c\"",
        "`c`",
        "[c]",
        "(",
        ")",
        ",",
        ".",
        "=",
        "+",
        "-",
        "*",
        "||",
        ";",
        "--",
        "\n",
        "/*",
        "*/",
        "'",
        "\"",
        "`",
        "[",
        "]",
        "\u{1}",
        "\u{1}",
        "\u{2}",
        "\u{2}",
        "'\u{1}'",
        "\"\u{2}\"",
        " ",
        "",
    ];
    prop::collection::vec(prop::sample::select(bits.to_vec()), 0..30).prop_map(|bits| bits.join(" ").replace("  ", ""))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn a_literal_is_a_value_wherever_it_stands(text in statement()) {
        let pieces = pieces(&symbols(text.as_bytes()));
        let open = pieces.iter().find(|piece| is_open(piece));
        prop_assert_eq!(open, None, "{}", text);
        let sql = String::from_utf8(written(&pieces, b"").unwrap()).unwrap();
        prop_assert!(!sql.contains([char::from(SAID), char::from(KEPT)]));
        // What runs with plain literals runs with parameters.
        let database = rusqlite::Connection::open_in_memory().unwrap();
        database.execute_batch("CREATE TABLE t (a, b)").unwrap();
        let plain = text.replace("\"\u{1}\"", "'v'").replace("\"\u{2}\"", "'v'");
        let plain = bare(&plain);
        let runs = |sql: &str| database.prepare(sql).map(|_| ()).map_err(|fault| fault.to_string());
        if runs(&plain).is_ok() {
            prop_assert_eq!(runs(&sql), Ok(()), "{} became {}", text, sql);
        }
    }

    #[test]
    fn no_value_changes_what_a_statement_is(text in soup(), value in hostile()) {
        survives(format!("{}\n{text}", value.replace('\n', "\r")).as_bytes());
    }
}

/// Bare variables as literals; those within quotes as letters.
fn bare(text: &str) -> String {
    let (mut out, mut quoted) = (String::new(), false);
    for letter in text.chars() {
        quoted ^= letter == '\'';
        match letter {
            '\u{1}' | '\u{2}' if quoted => out.push('v'),
            '\u{1}' | '\u{2}' => out.push_str("'v'"),
            letter => out.push(letter),
        }
    }
    out
}

/// What fuzzing found, and where it begins.
#[test]
fn what_was_found_once_holds() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/fuzz-sql");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    assert!(files.map(|bytes| survives(&bytes)).count() > 5);
}
