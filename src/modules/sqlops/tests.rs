//! The functions against canned answers, and which texts can be bound.

use super::connection::Connections;
use super::statement::{NoName, Statement};
use super::*;
use crate::builtin::bench::Bench;
use crate::builtin::{
    Answer, Applied, Args, Argument, CallSite, Connected, DatabaseId, Dialect, Effect, Extension, Extensions, Function,
    Key, ModuleId, Outcome, Part, Place, Prepare, Query, QueryFault, Question, Reference, Rows, Slots, State, Template,
    Transformation, Value, Variable,
};
use crate::source::Span;
use bytes::Bytes;
use std::sync::Arc;

const CONNECTED: Connected = Connected { id: DatabaseId(0), dialect: &crate::modules::db_sqlite::DIALECT };

const MESSAGE: &str = "OPTIONS sip:a@b SIP/2.0\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\nFrom: <sip:x@y>;tag=1\nTo: <sip:a@b>\nCall-ID: 1\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n";

// $avp(NAME), as pv would have it.
static AVP: Variable = Variable::read(
    &["avp"],
    |cx, key, _| {
        let name = key.text(cx);
        cx.locals.avps.value(&name, 0).cloned().unwrap_or_default()
    },
    "",
)
.keyed(KeyKind::Text)
.written(|cx, key, _, value| {
    let name = key.text(cx);
    cx.locals.avps.push(name, value);
    Ok(())
});

// The same by another name, as of a message: a script cannot write it.
static OF_MESSAGE: Variable = Variable { set: None, ..AVP };

fn reference(name: &str, transformation: Option<&'static Transformation>) -> Reference {
    let none = || Vec::new().into_boxed_slice();
    let transformations =
        transformation.into_iter().map(|row| Applied { row, module: ModuleId(0), params: none() }).collect();
    Reference {
        variable: if name.starts_with(char::is_uppercase) { &OF_MESSAGE } else { &AVP },
        module: ModuleId(0),
        key: Key::Text(Template::fixed(name.to_ascii_lowercase())),
        index: crate::builtin::Index::None,
        transformations,
        text: format!("$avp({name})").into(),
    }
}

/// `$x` is an AVP, `$X` the same as if a message said it, `$x!` the same with `{sql.val}`.
fn template(text: &str) -> Template {
    let mut parts = Vec::new();
    for (at, piece) in text.split('$').enumerate() {
        let rest = match at {
            0 => piece,
            _ => {
                let (name, rest) = piece.split_at(1);
                let escaped = rest.starts_with('!');
                let row = escaped.then(|| &transformation::TRANSFORMATIONS[0]);
                parts.push(Part::Variable(reference(name, row)));
                if escaped { &rest[1..] } else { rest }
            }
        };
        if !rest.is_empty() {
            parts.push(Part::Text(Bytes::from(rest.to_owned())));
        }
    }
    Template::new(parts)
}

struct Desk {
    bench: Bench,
    slots: Slots,
    used: Vec<Extension>,
    calls: Vec<String>,
}

impl Desk {
    fn new() -> Desk {
        let state: Arc<dyn State> = Arc::new(Connections { open: vec![Some(CONNECTED)], logged: 100 });
        Desk { bench: Bench::new(MESSAGE, state), slots: Slots::default(), used: Vec::new(), calls: Vec::new() }
    }

    fn set(&mut self, name: &'static str, value: Value) {
        self.bench.locals.avps.push(Bytes::from_static(name.as_bytes()), value);
    }

    fn query(&mut self, text: &str) -> Result<Query, NoName> {
        Statement::new(&template(text)).query(&mut self.bench.context(), CONNECTED)
    }

    fn call(&mut self, function: &'static Function, args: &[&str], answer: Result<Rows, QueryFault>) -> i32 {
        let mut prepare = Prepare::new(Extensions::default(), &mut self.used, &mut self.slots, &self.calls);
        let args = function.args.iter().zip(args).map(|(arg, text)| match arg.kind {
            crate::builtin::ArgKind::Custom(make) => {
                Argument::Custom(make(&template(text), &mut prepare).unwrap(), (*text).into())
            }
            crate::builtin::ArgKind::Target => Argument::Target(reference(text, None)),
            _ => Argument::Template(template(text)),
        });
        let args: Vec<Argument> = args.collect();
        let name = function.names[0];
        let site = CallSite { function, name, module: ModuleId(0), args: args.into(), span: Span::default() };
        let args = Args::new(&site, &[]);
        let mut cx = self.bench.context();
        let mut outcome = (function.run)(&mut cx, &args);
        let mut answer = Some(answer);
        loop {
            match outcome {
                Outcome::Return(code) => return code,
                Outcome::Wait(Effect::Ask(Question::Query(_)), then) => {
                    outcome = then(&mut cx, &args, Answer::Rows(answer.take().unwrap()));
                }
                Outcome::Wait(..) => panic!("only questions"),
            }
        }
    }

    fn dbr(&mut self, key: &str) -> Value {
        let mut prepare = Prepare::new(Extensions::default(), &mut self.used, &mut self.slots, &self.calls);
        let key = Key::Custom(result::prepare_key(&template(key), &mut prepare).unwrap());
        result::cell(&mut self.bench.context(), &key, Place::Whole)
    }
}

fn function(name: &str, arity: usize) -> &'static Function {
    FUNCTIONS.iter().find(|row| row.names.contains(&name) && row.args.len() == arity).unwrap()
}

fn rows(columns: &[&'static str], cells: Vec<Value>) -> Rows {
    Rows { columns: columns.iter().map(|name| Bytes::from_static(name.as_bytes())).collect(), cells }
}

#[test]
fn what_can_be_bound_is_bound() {
    let text = |text: &'static str| Value::text(text);
    let evil = "x' OR '1'='1";
    let cases: Vec<(&str, &str, Vec<Value>)> = vec![
        (
            "SELECT a FROM d WHERE domain='$u' AND enabled=1",
            "SELECT a FROM d WHERE domain=? AND enabled=1",
            vec![text("alice")],
        ),
        ("SELECT 1 WHERE a LIKE '$u@%' LIMIT 1", "SELECT 1 WHERE a LIKE ? LIMIT 1", vec![text("alice@%")]),
        ("SELECT 1 WHERE a='it''s $u'", "SELECT 1 WHERE a=?", vec![text("it's alice")]),
        ("SELECT 1 WHERE a='x''y' AND b='$e'", "SELECT 1 WHERE a='x''y' AND b=?", vec![text(evil)]),
        ("SELECT a FROM t LIMIT $n", "SELECT a FROM t LIMIT ?", vec![Value::Int(7)]),
        ("SELECT a FROM t LIMIT $n, $s", "SELECT a FROM t LIMIT ?, ?", vec![Value::Int(7), Value::Int(12)]),
        ("SELECT a FROM t WHERE setid = $s", "SELECT a FROM t WHERE setid = ?", vec![Value::Int(12)]),
        ("SELECT a FROM t WHERE setid=$e", "SELECT a FROM t WHERE setid=?", vec![text(evil)]),
        (
            "INSERT INTO t (a, b) VALUES ('$u', $n)",
            "INSERT INTO t (a, b) VALUES (?, ?)",
            vec![text("alice"), Value::Int(7)],
        ),
        ("INSERT INTO t VALUES ($n), ($s)", "INSERT INTO t VALUES (?), (?)", vec![Value::Int(7), Value::Int(12)]),
        ("UPDATE t SET a=$n, b='$u'", "UPDATE t SET a=?, b=?", vec![Value::Int(7), text("alice")]),
        (
            "SELECT datetime(strftime('%s', 'now') + $s, 'unixepoch')",
            "SELECT datetime(strftime('%s', 'now') + ?, 'unixepoch')",
            vec![Value::Int(12)],
        ),
        ("SELECT 1 WHERE a='$z'", "SELECT 1 WHERE a=?", vec![text("<null>")]),
        ("SELECT 1 WHERE a=\"$u\"", "SELECT 1 WHERE a=?", vec![text("alice")]),
        ("SELECT 1 /* it's */ WHERE a='$u'", "SELECT 1 /* it's */ WHERE a=?", vec![text("alice")]),
        ("SELECT 1 WHERE a=$e!", "SELECT 1 WHERE a=?", vec![text(evil)]),
        ("SELECT 1 WHERE a IN ('$u','$s')", "SELECT 1 WHERE a IN (?,?)", vec![text("alice"), text("12")]),
        // Of the edge router in the troubleshooting document.
        (
            "SELECT COUNT(*) FROM dispatcher WHERE CASE WHEN destination LIKE 'sip:%' THEN substr(destination, 5) ELSE destination END = '$u'",
            "SELECT COUNT(*) FROM dispatcher WHERE CASE WHEN destination LIKE 'sip:%' THEN substr(destination, 5) ELSE destination END = ?",
            vec![text("alice")],
        ),
        (
            "INSERT OR REPLACE INTO l (aor, expires) VALUES ('$u', datetime(strftime('%s', 'now') + $s, 'unixepoch'))",
            "INSERT OR REPLACE INTO l (aor, expires) VALUES (?, datetime(strftime('%s', 'now') + ?, 'unixepoch'))",
            vec![text("alice"), Value::Int(12)],
        ),
        // Wherever a literal stands.
        ("SELECT 1 WHERE a=\"$e\" AND \"$e\" LIKE b", "SELECT 1 WHERE a=? AND ? LIKE b", vec![text(evil), text(evil)]),
        ("SELECT 1 WHERE b IN ($s, \"$e\")", "SELECT 1 WHERE b IN (?, ?)", vec![Value::Int(12), text(evil)]),
        ("SELECT 1 WHERE ($e = a OR (b = $E))", "SELECT 1 WHERE (? = a OR (b = ?))", vec![text(evil), text(evil)]),
        ("SELECT 1 WHERE $E LIKE a || '%'", "SELECT 1 WHERE ? LIKE a || '%'", vec![text(evil)]),
        ("SELECT $E, \"$e\", '$e' AS u FROM t", "SELECT ?, ?, ? AS u FROM t", vec![text(evil); 3]),
        ("SELECT a FROM t WHERE b = (SELECT \"$e\")", "SELECT a FROM t WHERE b = (SELECT ?)", vec![text(evil)]),
        (
            "SELECT CASE a WHEN $e THEN $s ELSE '$u' END",
            "SELECT CASE a WHEN ? THEN ? ELSE ? END",
            vec![text(evil), Value::Int(12), text("alice")],
        ),
        ("SELECT a || $e || \"$e\" FROM t", "SELECT a || ? || ? FROM t", vec![text(evil); 2]),
        (
            "SELECT a FROM t GROUP BY a HAVING $E = a ORDER BY $E",
            "SELECT a FROM t GROUP BY a HAVING ? = a ORDER BY ?",
            vec![text(evil); 2],
        ),
        ("UPDATE t SET a=\"$e\", b=$e WHERE \"$e\"=a", "UPDATE t SET a=?, b=? WHERE ?=a", vec![text(evil); 3]),
        ("SELECT 1 WHERE a BETWEEN $s AND $e", "SELECT 1 WHERE a BETWEEN ? AND ?", vec![Value::Int(12), text(evil)]),
        // A comment holds no value, and what has no end is no SQL.
        ("SELECT 1 -- '$e'\n WHERE a='$u'", "SELECT 1 -- ' '\n WHERE a=?", vec![text("alice")]),
        ("SELECT 1 /* $e */", "SELECT 1 /*   */", vec![]),
        // Left out, it would join what ends the comment.
        ("SELECT 1 /* *$e/ '$e' */", "SELECT 1 /* * / ' ' */", vec![]),
        ("SELECT 'open $e", "SELECT 'open  ", vec![]),
        // Names are names.
        ("SELECT a FROM $t", "SELECT a FROM tab", vec![]),
        ("SELECT a FROM x$t, $t.y", "SELECT a FROM xtab, tab.y", vec![]),
        ("SELECT $t, $l FROM t", "SELECT tab, one, two FROM t", vec![]),
        ("SELECT a FROM t ORDER BY $t $d", "SELECT a FROM t ORDER BY tab DESC", vec![]),
        (
            "INSERT INTO t ($l) VALUES ('$u', $s)",
            "INSERT INTO t (one, two) VALUES (?, ?)",
            vec![text("alice"), Value::Int(12)],
        ),
        ("SELECT `a$i` FROM \"$i\" AS '$i'", "SELECT `aq\"q` FROM \"q\"\"q\" AS 'q\"q'", vec![]),
        // The author's own: nothing else can stand there.
        ("$q", "DELETE FROM t", vec![]),
        ("SELECT a FROM t WHERE $c", "SELECT a FROM t WHERE a = 1", vec![]),
    ];
    for (written, sql, parameters) in cases {
        let mut desk = Desk::new();
        desk.set("u", Value::text("alice"));
        desk.set("e", Value::text(evil));
        desk.set("n", Value::Int(7));
        desk.set("s", Value::text("12"));
        desk.set("t", Value::text("tab"));
        desk.set("l", Value::text("one, two"));
        desk.set("d", Value::text("DESC"));
        desk.set("i", Value::text("q\"q"));
        desk.set("c", Value::text("a = 1"));
        desk.set("q", Value::text("DELETE FROM t"));
        let statement = Statement::new(&template(written));
        let query = statement.query(&mut desk.bench.context(), CONNECTED).unwrap();
        assert_eq!((&*query.statement, &query.parameters), (sql, &parameters), "{written}");
        assert_eq!(query.fixed, statement.fixed().is_some(), "{written}");
    }
}

#[test]
fn what_is_no_name_is_refused_where_a_name_must_stand() {
    let mut desk = Desk::new();
    desk.set("e", Value::text("t; DROP TABLE t"));
    for text in [
        "SELECT a FROM $e",
        "SELECT $e FROM t",
        "SELECT a FROM t ORDER BY $e",
        "SELECT a FROM t ORDER BY a $e",
        "SELECT a$e FROM t",
    ] {
        assert_eq!(desk.query(text).map(|query| query.statement), Err(NoName { variable: "$avp(e)".into() }), "{text}");
    }
    assert_eq!(desk.call(function("sql_query", 2), &["cb", "SELECT a FROM $e"], Ok(Rows::default())), -1);
    assert_eq!(desk.bench.core.log.len(), 1);
}

#[test]
fn a_fixed_statement_is_the_same_text_each_time() {
    let mut desk = Desk::new();
    let statement = Statement::new(&template("SELECT 1 WHERE a='$u'"));
    let [one, two] = [(); 2].map(|()| statement.query(&mut desk.bench.context(), CONNECTED).unwrap().statement);
    assert!(Arc::ptr_eq(&one, &two));
}

#[test]
fn codes_are_those_of_kamailio() {
    let mut desk = Desk::new();
    let (two, three) = (function("sql_query", 2), function("sql_query", 3));
    let row = || Ok(rows(&["a"], vec![Value::Int(1)]));
    let none = || Ok(rows(&["a"], vec![]));
    let bad = || Err(QueryFault::Refused("no such table".into()));
    assert_eq!(desk.call(two, &["cb", "SELECT 1"], row()), 3);
    assert_eq!(desk.call(two, &["cb", "SELECT 1"], none()), 2);
    assert_eq!(desk.call(two, &["cb", "SELECT 1"], bad()), -1);
    assert_eq!(desk.call(three, &["cb", "SELECT 1", "r"], row()), 1);
    assert_eq!(desk.call(three, &["cb", "SELECT 1", "r"], none()), 2);
    assert_eq!(desk.call(three, &["cb", "SELECT 1", "r"], bad()), -1);
    assert_eq!(desk.bench.core.log.len(), 2);
    assert!(desk.used.is_empty());
}

#[test]
fn beside_sql_result_an_empty_query_is_false() {
    let mut desk = Desk::new();
    desk.calls.push("sql_result".into());
    let (query, result) = (function("sql_query", 2), function("sql_result", 3));
    let none = rows(&["setid"], vec![]);
    assert_eq!(desk.call(query, &["cb", "SELECT 1"], Ok(none.clone())), -1);
    assert_eq!(desk.call(result, &["cb", "setid", "x"], Ok(none.clone())), -1);
    assert!(desk.used.contains(&Extension::EmptyQueryIsFalse) && desk.used.contains(&Extension::SqlResult));
    // A statement that gives no columns has done what it should.
    assert_eq!(desk.call(query, &["cb", "DELETE FROM t"], Ok(Rows::default())), 2);
    assert_eq!(desk.call(query, &["cb", "SELECT 1"], Ok(rows(&["setid"], vec![Value::Int(10)]))), 3);
    assert_eq!(desk.call(result, &["cb", "SetId", "x"], Ok(none.clone())), 1);
    assert_eq!(desk.bench.locals.avps.value(b"x", 0), Some(&Value::Int(10)));
    assert_eq!(desk.call(result, &["cb", "other", "x"], Ok(none)), -1);
    assert_eq!(desk.bench.locals.avps.value(b"x", 0), Some(&Value::Null));
}

#[test]
fn results_are_read_by_place_and_forgotten_when_freed() {
    let mut desk = Desk::new();
    let found = rows(&["a", "b"], vec![Value::Int(1), Value::text("one"), Value::Int(2), Value::Null]);
    assert_eq!(desk.call(function("sql_query", 3), &["cb", "SELECT a,b FROM t", "r"], Ok(found)), 1);
    desk.set("i", Value::Int(1));
    let cases = [
        ("r=>rows", Value::Int(2)),
        ("r=>cols", Value::Int(2)),
        ("r=>[0,0]", Value::Int(1)),
        ("r=>[0,1]", Value::text("one")),
        ("r=>[$i,0]", Value::Int(2)),
        ("r=>[ 0 , $i ]", Value::text("one")),
        ("r=>[1,1]", Value::Null),
        ("r=>[9,0]", Value::Null),
        ("r=>[0,9]", Value::Null),
        ("r=>[-1,0]", Value::Null),
        ("r=>colname[1]", Value::text("b")),
        ("never=>rows", Value::Int(0)),
        ("never=>[0,0]", Value::Null),
    ];
    for (key, value) in cases {
        assert_eq!(desk.dbr(key), value, "{key}");
    }
    assert_eq!(desk.call(function("sql_result_free", 1), &["r"], Ok(Rows::default())), 1);
    assert_eq!(desk.dbr("r=>rows"), Value::Int(0));
}

#[test]
fn a_bad_cell_is_a_mistake() {
    let mut desk = Desk::new();
    for key in ["r", "r=>", "r=>row", "r=>[0]", "r=>[a,b]", "r=>colname", "=>rows"] {
        let mut prepare = Prepare::new(Extensions::default(), &mut desk.used, &mut desk.slots, &desk.calls);
        assert!(result::prepare_key(&template(key), &mut prepare).is_err(), "{key}");
    }
}

#[test]
fn rows_become_records_and_variables() {
    let mut desk = Desk::new();
    let found = || Ok(rows(&["a", "b"], vec![Value::Int(1), Value::text("one"), Value::Int(2), Value::Null]));
    assert_eq!(desk.call(function("sql_xquery", 3), &["cb", "SELECT a,b FROM t", "rec"], found()), 1);
    let record = |desk: &Desk, at| desk.bench.locals.avps.record(b"rec", at).and_then(|its| its.field(b"a").cloned());
    assert_eq!((record(&desk, 0), record(&desk, 1)), (Some(Value::Int(1)), Some(Value::Int(2))));
    assert_eq!(desk.call(function("sql_pvquery", 3), &["cb", "SELECT a,b FROM t", "$x, $y"], found()), 1);
    assert_eq!(desk.bench.locals.avps.value(b"x", 0), Some(&Value::Int(1)));
    assert_eq!(desk.bench.locals.avps.value(b"y", 0), Some(&Value::text("one")));
    assert_eq!(desk.call(function("sql_pvquery", 3), &["cb", "SELECT a,b FROM t", "$x"], found()), -1);
}

#[test]
fn values_are_written_as_sql() {
    let written = |row: usize, value: Value| {
        (transformation::TRANSFORMATIONS[row].run)(&mut Desk::new().bench.context(), value, &[]).to_text()
    };
    assert_eq!(written(0, Value::Null), "NULL");
    assert_eq!(written(1, Value::Null), "0");
    assert_eq!(written(2, Value::Null), "''");
    assert_eq!(written(0, Value::Int(5)), "5");
    assert_eq!(written(0, Value::text("it's")), "'it\\'s'");
}

/// A database whose parameters are numbered, as PostgreSQL's are.
#[test]
fn marks_are_those_of_the_dialect() {
    static NUMBERED: Dialect = Dialect {
        scheme: "numbered",
        mark: |at| format!("${at}").into(),
        time: |_| Value::Null,
        seconds: |_| 0,
        relies_on: |_| None,
    };
    let mut desk = Desk::new();
    for (name, value) in [("u", "alice"), ("t", "tab")] {
        desk.set(name, Value::text(value));
    }
    let connected = Connected { dialect: &NUMBERED, ..CONNECTED };
    for (written, sql) in [
        (
            "SELECT a FROM d WHERE domain='$u' AND n = $n AND x = '$u?'",
            "SELECT a FROM d WHERE domain=$1 AND n = $2 AND x = $3",
        ),
        ("SELECT a FROM $t WHERE b = '$u'", "SELECT a FROM tab WHERE b = $1"),
    ] {
        let query = Statement::new(&template(written)).query(&mut desk.bench.context(), connected).unwrap();
        assert_eq!(&*query.statement, sql);
    }
}
