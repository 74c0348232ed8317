//! Variables along the ways of a script: how long they live, who sees them, what they hold.

mod avp_push;
mod lifetime;
mod null_right_side;
mod rc_overwritten;
mod text_and_numbers;

use super::Rule;

pub(super) static RULES: &[&Rule] = &[
    &lifetime::SURVIVES,
    &lifetime::OTHER_PROCESS,
    &avp_push::RULE,
    &text_and_numbers::ORDERING,
    &text_and_numbers::CONCAT,
    &rc_overwritten::RULE,
    &null_right_side::RULE,
];
