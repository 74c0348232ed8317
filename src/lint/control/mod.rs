//! Which statements run, and what they give: blocks, jumps, conditions.

mod after_final;
mod blocks;
mod chain_too_deep;
mod drop_expectation;
mod failure_route_without_cancel_check;
mod implicit_return_value;
mod loops;
mod relay_result_ignored;
mod return_value;
mod route_recursion;
mod sleep_in_route;
mod transactional_reply;
mod unreachable;
mod without_body;
mod xlog;

use super::Rule;

pub(super) static RULES: &[&Rule] = &[
    &after_final::RULE,
    &relay_result_ignored::RULE,
    &blocks::NEVER_ARMED,
    &blocks::UNUSED,
    &blocks::EVENT_UNKNOWN,
    &route_recursion::RULE,
    &chain_too_deep::RULE,
    &transactional_reply::RULE,
    &unreachable::RULE,
    &without_body::RULE,
    &implicit_return_value::RULE,
    &return_value::ZERO,
    &return_value::MODE_MIXED,
    &drop_expectation::RULE,
    &failure_route_without_cancel_check::RULE,
    &loops::RULE,
    &sleep_in_route::RULE,
    &xlog::NO_NEWLINE,
];
