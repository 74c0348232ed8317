//! `http_client`: asking servers of HTTP from the script. Only the call that asks waits.

mod connection;
mod query;

use crate::builtin::{
    Arg, Args, Changes, Context, Does, FetchFault, Function, Key, KeyKind, Module, Outcome, Param, Place, Routes, Unit,
    Value, Variable, Whom, parse_int,
};

/// The module.
pub static MODULE: Module = Module {
    functions: FUNCTIONS,
    params: PARAMS,
    variables: &[Variable::read(&["curlerror"], words, "The words for a code that a function of the module gave.")
        .keyed(KeyKind::Text)],
    start: connection::start,
    ..Module::new("http_client", "Asks servers of HTTP.")
};

const ROUTES: Routes =
    Routes::REQUEST.or(Routes::FAILURE).or(Routes::ONREPLY).or(Routes::BRANCH).or(Routes::CORE_REPLY);

const fn row(
    names: &'static [&'static str],
    args: &'static [Arg],
    run: fn(&mut Context, &Args) -> Outcome,
    doc: &'static str,
) -> Function {
    Function { names, args, routes: ROUTES, run, does: &[], doc }
}

static FUNCTIONS: &[Function] = &[
    row(
        &["http_client_query"],
        &[Arg::text("url"), Arg::target("result")],
        query::query,
        "Gets a URL and stores the answer, or its first line. Gives the status, or the code of a failure below 100, which is true as well.",
    ).does(&[Does::Wait(Whom::WebServer)]),
    row(
        &["http_client_query"],
        &[Arg::text("url"), Arg::text("body"), Arg::target("result")],
        query::query,
        "The same; with a body, if it is not empty, it posts that.",
    ).does(&[Does::Wait(Whom::WebServer)]),
    row(
        &["http_client_query"],
        &[Arg::text("url"), Arg::text("body"), Arg::text("headers"), Arg::target("result")],
        query::query,
        "The same with header lines of its own, parted by CRLF.",
    ).does(&[Does::Wait(Whom::WebServer)]),
    row(
        &["http_client_get"],
        &[Arg::text("url"), Arg::text("body"), Arg::text("headers"), Arg::target("result")],
        query::get,
        "Gets a URL, sending a body and header lines that are not empty.",
    ).does(&[Does::Wait(Whom::WebServer)]),
    row(
        &["http_connect"],
        &[Arg::text("connection"), Arg::text("path"), Arg::target("result")],
        query::connect,
        "Gets a path of a connection and stores the whole answer. Gives the status, or the code of a failure below 100.",
    ).does(&[Does::Wait(Whom::WebServer)]),
    row(
        &["http_connect"],
        &[
            Arg::text("connection"),
            Arg::text("path"),
            Arg::anything("content_type"),
            Arg::text("body"),
            Arg::target("result"),
        ],
        query::connect,
        "Posts a body to a path of a connection and stores the whole answer.",
    ).does(&[Does::Wait(Whom::WebServer)]),
    row(
        &["http_connect_raw"],
        &[
            Arg::text("connection"),
            Arg::text("path"),
            Arg::anything("content_type"),
            Arg::literal("body").plain_dollar(),
            Arg::target("result"),
        ],
        query::connect,
        "The same with a body that is sent as it stands, variables and all.",
    ),
    row(
        &["http_get_redirect"],
        &[Arg::text("connection"), Arg::target("result")],
        query::redirect,
        "Stores the URL that answered last on a connection, for this message; empty when none did.",
    ).does(&[Does::Wait(Whom::WebServer)]),
];

static PARAMS: &[Param] = &[
    Param::absent(&["httpcon"], "A connection: name=>url;parameter=value;... It may be given several times.")
        .repeated(),
    Param::int(&["httpredirect"], "0", Unit::None, "Whether redirections are followed."),
    Param::absent(&["httpproxy"], "The URL of a proxy."),
    Param::int(&["httpproxyport"], "0", Unit::None, "The port of the proxy, when its URL names none."),
    Param::absent(&["useragent"], "What User-Agent says."),
    Param::int(&["maxdatasize"], "0", Unit::Bytes, "How much of an answer on a connection is stored; 0 for all."),
    Param::int(&["query_maxdatasize"], "0", Unit::Bytes, "The same for http_client_query."),
    Param::int(
        &["connection_timeout"],
        "4",
        Unit::Seconds,
        "How long an answer may take, in the unit that timeout_mode names.",
    ),
    Param::int(&["timeout_mode"], "1", Unit::None, "0: no limit; 1: seconds; 2: milliseconds."),
    Param::int(&["verify_peer"], "1", Unit::None, "0: certificates of servers are not looked at."),
    Param::int(&["verify_host"], "2", Unit::None, "0: certificates of servers are not looked at."),
    Param::int(&["query_result"], "1", Unit::None, "1: http_client_query stores the first line only; 0: all."),
    Param::int(&["keep_connections"], "0", Unit::None, "Connections are kept as long as servers keep them.").inert(),
    Param::int(&["authmethod"], "3", Unit::None, "Names and passwords are sent by basic authentication.")
        .without(Changes::Wire),
    Param::int(&["tlsversion"], "0", Unit::None, "TLS 1.2 or 1.3, as the server likes.").without(Changes::Admission),
    Param::absent(&["cipher_suites"], "The good ones of TLS 1.2 and 1.3.").without(Changes::Admission),
    Param::absent(&["netinterface"], "The system chooses the interface.").without(Changes::Wire),
];

fn words(cx: &mut Context, key: &Key, _: Place) -> Value {
    let Some(code) = parse_int(&key.text(cx)) else { return Value::Null };
    if code >= 100 {
        return Value::text("HTTP result code");
    }
    let fault = FetchFault::ALL.into_iter().find(|fault| *fault as i64 == code);
    fault.map_or_else(|| Value::text("Unknown error"), |fault| Value::text(fault.text()))
}
