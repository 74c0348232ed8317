//! What holds up a worker, or the whole server.

mod calls;
mod trace_target;

use super::Rule;

pub(super) static RULES: &[&Rule] = &[&calls::RULE, &trace_target::RULE];
