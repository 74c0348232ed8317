//! Variables and values that are not what they seem.

mod capture_pv_misread;
mod constant_condition;
mod constant_uris;
mod empty_string_vs_null;
mod flag_number_undeclared;
mod function_compared_with_number;
mod htable_undeclared;
mod literals;
mod multi_header_first_only;
mod return_code_in_wrong_variable;
mod uri_transform_on_nameaddr;
mod var_compared_with_null;

use super::mentions::{Mention, variables};
use super::{Rule, Subject};

pub(super) static RULES: &[&Rule] = &[
    &var_compared_with_null::RULE,
    &empty_string_vs_null::RULE,
    &function_compared_with_number::RULE,
    &return_code_in_wrong_variable::RULE,
    &literals::ARGUMENT,
    &literals::ASSIGNMENT,
    &uri_transform_on_nameaddr::RULE,
    &capture_pv_misread::RULE,
    &multi_header_first_only::RULE,
    &flag_number_undeclared::RULE,
    &htable_undeclared::RULE,
    &constant_condition::SAME,
    &constant_condition::AS_TEXT,
    &constant_uris::WITHOUT_SCHEME,
    &constant_uris::PORT,
    &constant_uris::REPLY_CODE,
];

const PV: &str = "https://www.kamailio.org/wikidocs/cookbooks/devel/pseudovariables/";

/// The variables of a text whose names exist in Kamailio.
fn known_variables<'t>(subject: &Subject, text: &'t [u8]) -> Vec<Mention<'t>> {
    let registry = &subject.config.registry;
    let mut found = variables(text);
    found
        .retain(|written| registry.variable(written.name).is_some() || registry.known_variable(written.name).is_some());
    found
}
