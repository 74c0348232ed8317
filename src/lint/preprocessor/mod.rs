//! Defines, includes and embedded languages.

mod code_after_cfgengine;
mod define_value_unquoted;
mod defines;
mod import_missing;
mod raw;
mod substdef_now_evaluated;

pub(super) use raw::Raw;

use super::Rule;

pub(super) static RULES: &[&Rule] = &[
    &defines::UNKNOWN,
    &defines::UNUSED,
    &defines::LOOKS_COMMENTED,
    &define_value_unquoted::RULE,
    &substdef_now_evaluated::RULE,
    &import_missing::RULE,
    &code_after_cfgengine::RULE,
];

const CORE: &str = "https://www.kamailio.org/wikidocs/cookbooks/devel/core/";
