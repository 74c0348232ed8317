//! Any bytes are read as the value of each header with a shape without a panic; extents lie within the value.
#![no_main]

#[path = "../../tests/suite/bytes/headers.rs"]
mod headers;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| headers::survives(bytes));
