//! `sqlops`: asking databases from the script.

mod connection;
mod query;
mod result;
mod statement;
mod transformation;

use crate::builtin::{Arg, Does, Function, KeyKind, Means, Module, Param, Routes, Unit, Variable, Whom};

/// The module.
pub static MODULE: Module = Module {
    functions: FUNCTIONS,
    params: PARAMS,
    variables: &[
        Variable::read(
            &["dbr"],
            result::cell,
            "What the last query into a result found: $dbr(result=>rows), cols, colname[column] or [row,column], counted from 0.",
        )
        .keyed(KeyKind::Custom(result::prepare_key)),
        Variable::read(
            &["sqlrows"],
            result::affected,
            "How many rows the last statement on a connection changed; undefined for SQLite, as in Kamailio.",
        )
        .keyed(KeyKind::Text),
    ],
    transformations: transformation::TRANSFORMATIONS,
    start: connection::start,
    ..Module::new("sqlops", "Runs SQL statements written in the script.")
};

static FUNCTIONS: &[Function] = &[
    Function {
        names: &["sql_query"],
        args: &[
            Arg::custom("connection", connection::prepare),
            Arg::custom("query", query::prepare_unnamed).means(Means::Sql),
        ],
        routes: Routes::ANY,
        run: query::unnamed,
        does: &[Does::Wait(Whom::Database), Does::FillResult],
        doc: "Runs a statement: 3 when it gave rows, 2 when it gave none, false when it failed. In a file that calls sql_result a query without rows is false.",
    },
    Function {
        names: &["sql_query"],
        args: &[
            Arg::custom("connection", connection::prepare),
            Arg::custom("query", query::prepare).means(Means::Sql),
            Arg::custom("result", result::prepare).means(Means::SqlResult),
        ],
        routes: Routes::ANY,
        run: query::named,
        does: &[Does::Wait(Whom::Database), Does::FillResult],
        doc: "Runs a statement and keeps its rows under a name for $dbr: 1 when there are rows, 2 when there are none, false when it failed.",
    },
    Function {
        names: &["sql_query_async"],
        args: &[Arg::custom("connection", connection::prepare), Arg::custom("query", query::prepare).means(Means::Sql)],
        routes: Routes::ANY,
        run: query::detached,
        does: &[],
        doc: "Runs a statement whose rows nobody wants.",
    },
    Function {
        names: &["sql_xquery"],
        args: &[
            Arg::custom("connection", connection::prepare),
            Arg::custom("query", query::prepare).means(Means::Sql),
            Arg::text("xavp").means(Means::SqlResult),
        ],
        routes: Routes::ANY,
        run: query::into_xavp,
        does: &[Does::Wait(Whom::Database), Does::FillRows],
        doc: "Runs a statement and puts each row into a record of an $xavp class, the first row in front: 1 with rows, 2 without.",
    },
    Function {
        names: &["sql_pvquery"],
        args: &[
            Arg::custom("connection", connection::prepare),
            Arg::custom("query", query::prepare).means(Means::Sql),
            Arg::custom("variables", query::prepare_targets),
        ],
        routes: Routes::ANY,
        run: query::into_variables,
        does: &[Does::Wait(Whom::Database)],
        doc: "Runs a statement and writes the columns of the rows into variables, the first row last: 1 with rows, 2 without.",
    },
    Function {
        names: &["sql_result"],
        args: &[
            Arg::custom("connection", connection::prepare_for_result),
            Arg::text("column"),
            Arg::target("variable"),
        ],
        routes: Routes::ANY,
        run: query::column,
        does: &[Does::ReadLastResult],
        doc: "Stores a column of the first row that the last two-argument sql_query on the connection found; without a row it is false and the variable is cleared. Kamailio has no such function.",
    },
    Function {
        names: &["sql_result_free"],
        args: &[Arg::custom("result", result::prepare).means(Means::SqlResult)],
        routes: Routes::ANY,
        run: result::free,
        does: &[Does::FreeResult],
        doc: "Forgets the rows kept under a name.",
    },
];

static PARAMS: &[Param] = &[
    Param::absent(&["sqlcon"], "A connection: name=>url; may be given several times.").repeated(),
    Param::absent(&["sqlres"], "The name of a result; results need not be declared.").repeated().inert(),
    Param::int(&["tr_buf_size"], "2048", Unit::Bytes, "Size of the buffer of transformations; here it grows.").inert(),
    Param::int(&["log_buf_size"], "128", Unit::Bytes, "How much of a failed statement is logged."),
    Param::int(
        &["connect_mode"],
        "0",
        Unit::None,
        "1: start even if a database cannot be opened; its queries are false.",
    ),
    Param::int(&["results_maxsize"], "32", Unit::None, "How many results there may be; here any number.").inert(),
];

#[cfg(test)]
mod tests;
