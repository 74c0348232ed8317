//! The names of mistakes that reading and compiling a config report, one row each; rules of `check` have rows of their own.

/// A name under which something is reported.
#[derive(Clone, Copy, Debug)]
pub struct Code {
    /// The name.
    pub code: &'static str,
    /// What it means, in a sentence or two.
    pub means: &'static str,
}

const fn code(code: &'static str, means: &'static str) -> Code {
    Code { code, means }
}

/// The row of a name.
pub fn row(name: &str) -> Option<&'static Code> {
    CODES.iter().find(|row| row.code == name)
}

/// Every name, in alphabetical order.
pub static CODES: &[Code] = &[
    code(
        "assignment-in-condition",
        "A condition assigns with `=` where `==` compares. Kamailio refuses it and points somewhere else.",
    ),
    code("bad-address", "A listen or alias entry is no address."),
    code(
        "bad-allow",
        "A comment to alanui is not understood, or lacks the reason that allowing an error or a security finding wants.",
    ),
    code(
        "bad-argument",
        "An argument of a function cannot be what is written: no number where one is wanted, an unknown flag, text that its own form does not allow.",
    ),
    code("bad-facility", "There is no log facility of this name."),
    code("bad-flag", "A flag is declared beyond 31, or a number is no flag."),
    code("bad-option", "An option of the command line cannot be followed."),
    code(
        "bad-regex",
        "A constant regular expression does not compile. Kamailio's config check says ok and its start fails.",
    ),
    code("bad-setting", "A core setting has a value that Kamailio does not take."),
    code(
        "bad-statement",
        "A statement of the file given with `--database` cannot be carried out, so the rows it makes are not checked.",
    ),
    code("bad-test", "An old-style test compares a word with an operator that it does not have."),
    code(
        "bad-variable",
        "A pseudo-variable is not written as it must be: parentheses missing or too many, an index that is none, a `$` alone in a text. Kamailio's config check does not look into texts; its start fails.",
    ),
    code("cannot-start", "A module cannot start with the parameters it was given."),
    code(
        "comment-in-define",
        "What stands behind a define belongs to its value, a comment too. Where the define is used, the comment swallows the rest of the line.",
    ),
    code(
        "default-first",
        "The default of a switch over strings stands before its cases, which Kamailio 5.6.3 refuses.",
    ),
    code("duplicate-define", "A word is defined twice. `#!redef` replaces a define, `#!trydef` keeps the first."),
    code("duplicate-flag", "A flag is declared twice."),
    code("duplicate-global", "A value of the author's own, group.name, is set twice."),
    code("duplicate-label", "Two labels of a switch are equal. Kamailio's config check says ok and its start fails."),
    code("duplicate-module", "A module is loaded twice."),
    code("duplicate-route", "Two blocks of one kind have the same name."),
    code(
        "extension",
        "The config relies on something that alanui does and Kamailio does not; docs/extensions.md lists them. An error under --strict.",
    ),
    code(
        "failing-test",
        "An old-style test compares a number with a string: it is never true, and Kamailio logs a critical error each time.",
    ),
    code("ignored-socket-attribute", "An attribute of a `socket` block has no effect here."),
    code("include-loop", "A file includes itself, directly or through others."),
    code("include-too-deep", "More than ten files are open inside each other, which Kamailio refuses."),
    code(
        "input-too-large",
        "A file, or the text after includes and defines, is larger than anything that can be a config.",
    ),
    code("label-not-constant", "The label of a `case` is no constant."),
    code("late-setting", "A setting stands behind a module parameter or a route, where Kamailio does not take it."),
    code("missing-module", "Something belongs to a module that is not loaded, or a module needs another one."),
    code("mixed-labels", "The labels of a switch are integers and strings together."),
    code("not-constant", "An argument that is read once, at the start, is given as something that changes."),
    code("only-default", "A switch has nothing but a default."),
    code(
        "placeholder",
        "A word of a template, such as `<ip>`, `{{ dns }}` or `__PORT__`, stands where a value belongs: what fills it in has not run.",
    ),
    code("read-only", "The left side of an assignment cannot be written, or has a transformation."),
    code(
        "recursive-define",
        "The value of a define leads back to itself. Kamailio hangs on it, even in a config check.",
    ),
    code(
        "reserved-word",
        "A route or a value of a group has a word of the language for a name, without quotes: Kamailio's parser stops there.",
    ),
    code("ser-mode", "`#!SER` asks for the variable names of SER, which are not supported."),
    code(
        "stray-character",
        "A character that means nothing outside of strings is skipped, as Kamailio does; it is often a typographic quote or a byte order mark.",
    ),
    code("stray-else", "An `#!else` outside of a conditional is ignored."),
    code("syntax", "The text is not what the language allows at this place."),
    code("syntax-directive", "A preprocessor directive is not complete."),
    code("syntax-empty-block", "A block between braces must hold a statement; a lone `;` is enough."),
    code(
        "syntax-event-name",
        "The name of an event route has two parts with a colon between, such as `tm:local-request`.",
    ),
    code("syntax-include", "An include needs the name of a file in double quotes."),
    code(
        "syntax-no-parentheses",
        "A function is called without its parentheses, which only some core statements can do without.",
    ),
    code("syntax-nul", "The file holds a NUL byte: it is broken, or no config."),
    code("syntax-port", "A port is at most 65535."),
    code("syntax-subst", "A substitution is not written /regex/replacement/flags."),
    code("syntax-too-complex", "A piece of text takes more steps to read than any config needs."),
    code("syntax-too-deep", "Parentheses, braces or statements nest deeper than can be read."),
    code("syntax-unbalanced-brace", "A brace is never closed, or one closes nothing."),
    code("syntax-unbalanced-ifdef", "A conditional has no `#!endif`, or an `#!endif` has no conditional."),
    code(
        "syntax-unseen-endif",
        "A file ends with `#!endif` and no newline. Kamailio does not see it and misses the end of the conditional.",
    ),
    code(
        "syntax-unterminated-comment",
        "A block comment is never closed. Comments nest: each opening needs its own end.",
    ),
    code("syntax-unterminated-string", "A string has no closing quote."),
    code("syntax-unterminated-variable", "The parenthesis of a pseudo-variable is not closed."),
    code("text-after-directive", "What stands behind the word of a conditional is thrown away."),
    code("too-many-findings", "So much is wrong that the rest was not looked at."),
    code("too-many-routes", "There are more route blocks than can be counted."),
    code(
        "type-mismatch",
        "An operator wants an integer and finds a string, or the other way round. Kamailio knows the types of constants, calls and most operators beforehand and refuses to start.",
    ),
    code("unknown-define", "`#!undef` names something that is not defined."),
    code(
        "unknown-directive",
        "`#!word` is no directive and reads as a comment; often one of another release, or misspelt.",
    ),
    code("unknown-engine", "There is no engine of this name."),
    code("unknown-environment", "A define asks for an environment variable that is not set."),
    code("unknown-flag", "A flag is used by a name that is not declared."),
    code("unknown-function", "No module has a function of this name."),
    code("unknown-include", "A file that is included cannot be read. `import_file` skips one that is missing."),
    code("unknown-module", "There is no module of this name."),
    code("unknown-parameter", "The module has no parameter of this name."),
    code(
        "unknown-route",
        "There is no block of this name. For route() Kamailio's start fails; for t_on_failure and its like it starts, and what the block should do is never done.",
    ),
    code(
        "unknown-select",
        "No loaded module has a select of this path, or something in its brackets is missing or too much. Kamailio's config check says ok and its start fails.",
    ),
    code("unknown-setting", "The core has no setting of this name."),
    code("unknown-transformation", "No module has a transformation of this name."),
    code(
        "unknown-variable",
        "No module has a pseudo-variable of this name. In an expression Kamailio takes an unknown name for an AVP, unless the file says `#!KAMAILIO`; inside a text its start fails.",
    ),
    code("unknown-word", "A bare word is no value that can be read or compared."),
    code("unreadable-file", "The config cannot be read."),
    code(
        "unsupported-allowed",
        "What a config uses that alanui has not, while --allow-unsupported lets it run: what is false or null, and what is true for everybody.",
    ),
    code("unsupported-engine", "The routes are written in another language."),
    code("unsupported-event", "An event route that Kamailio runs and alanui does not."),
    code(
        "unsupported-function",
        "A function that Kamailio has and alanui has not. `run` refuses; with --allow-unsupported each call of it is false, or true where false would mean guilty. Functions that check who somebody is want --allow-unsupported=auth.",
    ),
    code(
        "unsupported-module",
        "A module that Kamailio has and alanui has not. `run` refuses; with --allow-unsupported its functions are false and its variables null.",
    ),
    code("unsupported-parameter", "A parameter that the module has in Kamailio and not in alanui."),
    code("unsupported-select", "A select that Kamailio has and alanui has not."),
    code("unsupported-setting", "A core setting that Kamailio has and alanui has not."),
    code("unsupported-transformation", "A transformation that Kamailio has and alanui has not."),
    code("unsupported-transport", "A transport that alanui does not serve."),
    code(
        "unsupported-variable",
        "A pseudo-variable that Kamailio has and alanui has not. With --allow-unsupported its value is null.",
    ),
    code("unused-allow", "A comment allows what is not reported there."),
    code("wrong-arity", "A function or transformation is given too few or too many arguments."),
    code(
        "wrong-route",
        "A function stands in a block of a kind in which it cannot be called, or is reached from one through route().",
    ),
    code("wrong-type", "A string where a number is wanted, or a number where a string is."),
];
