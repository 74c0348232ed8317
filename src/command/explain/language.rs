//! The words of the language itself, which belong to no module.

/// A word, what it is, and what it does.
pub(super) struct Word {
    pub(super) names: &'static [&'static str],
    pub(super) what: &'static str,
    pub(super) doc: &'static str,
}

const fn word(names: &'static [&'static str], what: &'static str, doc: &'static str) -> Word {
    Word { names, what, doc }
}

const STATEMENT: &str = "statement";
const OPERATOR: &str = "operator";
const BLOCK: &str = "block";
const LINE: &str = "preprocessor line";
const TOP: &str = "statement outside of blocks";

/// The row of a word, with or without the `#!` of a preprocessor line.
pub(super) fn row(name: &str) -> Option<&'static Word> {
    let plain = name.strip_prefix("#!").or_else(|| name.strip_prefix("!!")).unwrap_or(name);
    WORDS.iter().find(|row| row.names.contains(&plain))
}

/// Every word, for suggestions.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    WORDS.iter().flat_map(|row| row.names).copied()
}

const WORDS: &[Word] = &[
    word(
        &["if", "else"],
        STATEMENT,
        "Runs a statement or block when a condition holds: a number other than 0, a text that is not empty, a call that returned more than 0.",
    ),
    word(&["while"], STATEMENT, "Repeats a block while a condition holds, at most max_while_loops times."),
    word(
        &["switch", "case", "default"],
        STATEMENT,
        "Goes on at the label that equals the value: numbers, texts or /regular expressions/, but not numbers and texts together. Without break it runs into the next label.",
    ),
    word(&["break"], STATEMENT, "Leaves the switch or while around it."),
    word(
        &["return"],
        STATEMENT,
        "Ends the block and gives its caller a number; less than 0 is false, 0 ends the whole script.",
    ),
    word(&["exit"], STATEMENT, "Ends the script for this message."),
    word(
        &["drop"],
        STATEMENT,
        "Ends the script and keeps what was about to happen from happening: a branch, a provisional reply, a packet in an onsend_route.",
    ),
    word(
        &["request_route"],
        BLOCK,
        "Runs for each request that belongs to no earlier transaction. route without a name is the same.",
    ),
    word(&["route"], BLOCK, "route[NAME] is a block that route(NAME) calls; without a name it is the request_route."),
    word(
        &["reply_route", "onreply_route"],
        BLOCK,
        "reply_route, or onreply_route without a name, runs for each reply; onreply_route[NAME] for those of a transaction that t_on_reply(\"NAME\") named it for.",
    ),
    word(
        &["failure_route"],
        BLOCK,
        "failure_route[NAME] runs when every branch has failed, before the caller hears of it, if t_on_failure(\"NAME\") named it.",
    ),
    word(
        &["branch_route"],
        BLOCK,
        "branch_route[NAME] runs for each branch before it leaves, if t_on_branch(\"NAME\") named it; drop takes the branch away.",
    ),
    word(
        &["onsend_route"],
        BLOCK,
        "Runs for each request before its packet leaves, and with onsend_route_reply for forwarded replies; $snd and snd_ip tell where to, drop keeps the packet back. It cannot wait: a query in it fails.",
    ),
    word(
        &["event_route"],
        BLOCK,
        "event_route[module:event] runs when the module says so; `alanui explain` of a module lists its events.",
    ),
    word(
        &["and", "&&", "or", "||"],
        OPERATOR,
        "Truth of both sides, or of one; the right side is looked at only when it counts.",
    ),
    word(&["not", "!"], OPERATOR, "True when its operand is 0 or empty, and when a call returned less than 0."),
    word(
        &["==", "!="],
        OPERATOR,
        "Equal or not: as numbers when the left side is one, else as texts. With $null on the right they ask whether a value is there.",
    ),
    word(&["eq", "ne"], OPERATOR, "Equal or not as texts."),
    word(&["ieq", "ine"], OPERATOR, "Equal or not as numbers."),
    word(&["=~", "!~"], OPERATOR, "Whether a text matches a regular expression, or does not."),
    word(&["mod"], OPERATOR, "The rest of a division."),
    word(&["defined"], OPERATOR, "1 when its operand has a value, 0 when it is undefined."),
    word(&["strlen"], OPERATOR, "How many bytes a text has."),
    word(&["strempty"], OPERATOR, "1 when a text is empty."),
    word(&["selval"], OPERATOR, "selval(condition, a, b): a when the condition holds, else b."),
    word(
        &["myself"],
        "value of a comparison",
        "uri == myself asks whether the host and port of a URI are this server's: a socket, an alias or an advertised address.",
    ),
    word(
        &["loadmodule", "loadmodulex"],
        TOP,
        "Loads a module, by name or path; in loadmodulex variables such as $def(X) and $env(X) are replaced.",
    ),
    word(
        &["modparam", "modparamx"],
        TOP,
        "Sets a parameter of a module, or of several, \"a|b\"; in modparamx variables such as $def(X) and $env(X) are replaced.",
    ),
    word(&["loadpath", "mpath"], TOP, "Where Kamailio looks for modules; alanui has its own built in."),
    word(&["cfgengine"], TOP, "Which language the routes are written in; alanui runs the native one."),
    word(&["flags", "avpflags"], TOP, "Names for flags: flags NAME:number, ..."),
    word(
        &["include_file"],
        LINE,
        "Puts the text of another file here; the file must be there. A relative path counts from this file.",
    ),
    word(&["import_file"], LINE, "Puts the text of another file here, if it is there."),
    word(
        &["define", "trydef", "redefine"],
        LINE,
        "Gives a word a text that stands in its place from here on; trydef leaves an earlier one alone, redefine takes its place without a word.",
    ),
    word(&["defexp", "defexps"], LINE, "Defines a word as the value of an expression, defexps as a string in quotes."),
    word(
        &["defenv", "defenvs", "trydefenv", "trydefenvs"],
        LINE,
        "Defines a word from a variable of the environment: NAME or NAME=VARIABLE; the forms with s put it into quotes.",
    ),
    word(
        &["ifdef", "ifndef", "ifexp", "endif"],
        LINE,
        "Reads what follows, up to #!else or #!endif, when a word is defined, is not, or when an expression holds.",
    ),
    word(
        &["subst", "substdef", "substdefs"],
        LINE,
        "Replaces what a regular expression matches in the strings that follow; substdef defines the word as well, substdefs as a string in quotes.",
    ),
];
