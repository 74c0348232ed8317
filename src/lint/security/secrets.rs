//! Passwords in the text of a config.

use crate::config::ast::ParamValue;
use crate::lint::preprocessor::Raw;
use crate::lint::{Findings, Rule, Severity, Subject};
use crate::source::{Diagnostic, Span};

/// A password in a URL.
pub(super) static SECRET: Rule = Rule {
    code: "secret-in-config",
    severity: Severity::Security,
    finds: "A password inside a database URL or a parameter.",
    why: "A config ends in repositories, tickets and backups, and the password with it.",
    instead: "Read it from the environment: #!defenv DBURL, or from an include_file that only the server can read.",
    reference: "https://www.kamailio.org/wikidocs/cookbooks/devel/core/",
    check: secret,
};

/// A password that everybody knows.
pub(super) static DEFAULT: Rule = Rule {
    code: "default-password",
    severity: Severity::Security,
    finds: "A password that the installation ships with.",
    why: "It stands in every tutorial. Whoever reaches the database reads every subscriber's password with it.",
    instead: "Choose one, and change it in the database too.",
    reference: "https://www.kamailio.org/docs/modules/stable/modules/sqlops.html",
    check: default,
};

/// Passwords of tutorials and packages.
const SHIPPED: [&str; 9] = [
    "kamailiorw",
    "kamailioro",
    "openserrw",
    "openserro",
    "heslo",
    "opensipsrw",
    "changeme",
    "password",
    "homer_password",
];

/// The password of a URL such as `mysql://user:password@host/db`.
fn password(url: &str) -> Option<&str> {
    let rest = url.split_once("://")?.1;
    let (user, _) = rest.split_once('@')?;
    let (_, password) = user.split_once(':')?;
    // A word of a template is no password yet.
    let is_word = password.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    let is_template = password.contains(['{', '<', '%'])
        || (password.starts_with("__") && password.ends_with("__"))
        || is_word && ["PASS", "PW", "SECRET"].iter().any(|part| password.contains(part));
    (!password.is_empty() && !password.contains(['/', '$', ' ']) && !is_template).then_some(password)
}

/// A password in the value of a parameter.
struct Secret<'s> {
    password: &'s str,
    /// The parameter and its module.
    of: String,
    /// Where it is written: in a define, when the value is one.
    place: Span,
    /// The value of the parameter.
    used: Span,
}

fn each(subject: &Subject, visit: &mut dyn FnMut(Secret)) {
    let mut reported = Vec::new();
    for given in subject.all_params() {
        let ParamValue::Text(text) = &given.statement.value else { continue };
        let value = String::from_utf8_lossy(&text.value);
        let name = String::from_utf8_lossy(&given.statement.name.value);
        let named = ["password", "passwd", "secret"].iter().any(|end| name.ends_with(end))
            && !value.contains(['$', ' '])
            && value.len() > 1;
        let found = match password(&value) {
            Some(password) => Some(password),
            // The name of a column is no password.
            None if named && !name.contains("column") && !name.contains("col") => Some(&*value),
            None => None,
        };
        // The same define in several parameters is one secret.
        if let Some(password) = found.filter(|password| !reported.iter().any(|its: &String| its == password)) {
            reported.push(password.to_owned());
            let written = subject.sources.slice(text.span);
            let define = Raw::of(subject).define_with(written, password.as_bytes());
            let of = format!("{name} of {}", given.module);
            visit(Secret { password, of, place: define.unwrap_or(text.span), used: text.span });
        }
    }
}

fn secret(subject: &Subject, findings: &mut Findings) {
    each(subject, &mut |secret| {
        if !SHIPPED.contains(&secret.password) {
            let found = findings.add(format!("the password in {} stands in the config", secret.of), secret.place);
            use_of(&secret, found);
            found.add_help("take it from the environment with #!defenv, or from a file that only the server can read");
        }
    });
}

fn default(subject: &Subject, findings: &mut Findings) {
    each(subject, &mut |secret| {
        if SHIPPED.contains(&secret.password) {
            let message = format!("{}, the password in {}, is one that everybody knows", secret.password, secret.of);
            let found = findings.add(message, secret.place);
            use_of(&secret, found);
            found.add_help("choose another, and change it in the database too");
        }
    });
}

fn use_of(secret: &Secret, found: &mut Diagnostic) {
    if secret.used != secret.place {
        found.add_label(secret.used, "used here");
    }
}
