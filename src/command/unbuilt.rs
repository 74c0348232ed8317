//! `--allow-unsupported`, which every command takes that runs a config.

use crate::config::Unbuilt;
use clap::{Args, ValueEnum};

/// Whether a config runs that uses what is not built in.
#[derive(Args, Debug, Clone, Copy, Default)]
pub struct UnbuiltOption {
    /// Run even if the config uses functions, variables or modules that alanui does not have. Calls of them are false and values null, but
    /// checks whose false would mean guilty, such as pike_check_req, are true. `=auth` also takes everybody for who he says he is.
    #[arg(long, value_name = "WHAT", value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "all")]
    pub allow_unsupported: Option<Allowed>,
}

/// What may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Allowed {
    /// All but the checks of who somebody is.
    All,
    /// These, too.
    Auth,
}

impl UnbuiltOption {
    /// What it says.
    pub fn allowed(self) -> Unbuilt {
        match self.allow_unsupported {
            None => Unbuilt::Refused,
            Some(Allowed::All) => Unbuilt::Allowed,
            Some(Allowed::Auth) => Unbuilt::AllowedWithAuthentication,
        }
    }
}
