//! Files of a config, places in them, and what is said about those places.
//!
//! Uses nothing of ours. [`Span`] is a byte range of one file; [`Diagnostic`] is a message with labelled spans, apart
//! from how it is drawn ([`render`]).

mod diagnostic;
mod files;
pub mod render;

pub use diagnostic::{Diagnostic, Fix, Label, Level, in_order};
pub use files::{FileId, Files, Sources, Span};
