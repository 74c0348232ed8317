//! Durations and their units.

mod unit_suspicious;

use super::Rule;

pub(super) static RULES: &[&Rule] = &[&unit_suspicious::RULE];
