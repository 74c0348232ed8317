//! The core: global settings, statements that are no module's, the words of old-style tests. Always loaded, always first.

mod branches;
mod flags;
mod inert;
pub(crate) mod rewrite;
mod routing;
mod select;
mod settings;
pub(crate) mod source;
mod uri;
mod variables;
mod words;

use crate::builtin::{Function, Module, Param, count, join};

pub(crate) use branches::APPEND as APPEND_BRANCH;
pub(crate) use flags::KEX as KEX_FLAGS;
pub(crate) use routing::{socket, socket_name, socket_of};
pub(crate) use select::VALUES as HEADER_VALUES;
pub(crate) use variables::PLACE;
pub(crate) use words::family;

/// The rows of the core.
pub static MODULE: Module = Module {
    functions: &FUNCTIONS,
    params: &PARAMS,
    variables: variables::ROWS,
    words: words::ROWS,
    transformations: words::TESTS,
    selects: &select::ROWS,
    bare_calls: routing::BARE_CALLS,
    events: &["core:worker-one-init", "core:msg-received", "core:pre-routing", "core:receive-parse-error"],
    start: settings::start,
    ..Module::new("core", "Settings, statements and words that need no module.")
};

static FUNCTIONS: [Function; count(FUNCTION_PARTS)] = join(FUNCTION_PARTS);
const FUNCTION_PARTS: &[&[Function]] = &[uri::ROWS, flags::ROWS, branches::ROWS, routing::ROWS];

static PARAMS: [Param; count(PARAM_PARTS)] = join(PARAM_PARTS);
const PARAM_PARTS: &[&[Param]] = &[settings::ROWS, inert::ROWS];
