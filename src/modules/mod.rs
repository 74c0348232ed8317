//! The modules that scripts can load, one file or folder each, listed once.

pub mod core;
pub mod pv;
pub mod xlog;

use crate::builtin::Module;

/// Every module that is built in; `core` is always loaded and stands first.
pub static MODULES: &[&Module] = &[
    &core::MODULE,
    &pv::MODULE,
    &xlog::MODULE,
];
