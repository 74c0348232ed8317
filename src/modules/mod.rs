//! The modules that scripts can load, one file or folder each, listed once.

pub mod cfgutils;
pub mod core;
pub mod corex;
pub mod db_sqlite;
pub mod dispatcher;
mod hash;
pub mod htable;
pub mod http_client;
pub mod ipops;
pub mod kex;
mod line_walk;
mod lock;
pub mod maxfwd;
pub mod nathelper;
mod place;
pub mod pv;
pub mod registrar;
pub mod rr;
pub mod rtpengine;
pub mod sanity;
pub mod sdpops;
pub mod siputils;
pub mod sl;
pub mod sqlops;
pub mod textops;
pub mod textopsx;
pub mod tm;
pub mod tmx;
pub mod usrloc;
pub mod xlog;

use crate::builtin::Module;

/// Every module that is built in; `core` is always loaded and stands first.
pub static MODULES: &[&Module] = &[
    &core::MODULE,
    &cfgutils::MODULE,
    &corex::MODULE,
    &db_sqlite::MODULE,
    &dispatcher::MODULE,
    &htable::MODULE,
    &http_client::MODULE,
    &ipops::MODULE,
    &kex::MODULE,
    &maxfwd::MODULE,
    &nathelper::MODULE,
    &pv::MODULE,
    &registrar::MODULE,
    &rr::MODULE,
    &rtpengine::MODULE,
    &sanity::MODULE,
    &sdpops::MODULE,
    &siputils::MODULE,
    &sl::MODULE,
    &sqlops::MODULE,
    &textops::MODULE,
    &textopsx::MODULE,
    &tm::MODULE,
    &tmx::MODULE,
    &usrloc::MODULE,
    &xlog::MODULE,
];
