//! Any bytes are read as a URI without a panic; its parts lie within it.
#![no_main]

#[path = "../../tests/suite/bytes/uri.rs"]
mod uri;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| uri::survives(bytes));
