//! Any text as a statement with variables, and any value in them: the statement stays the one that was written. The first line is the value; in the rest
//! the bytes 1 and 2 are variables.
#![no_main]

#[path = "../../tests/suite/sql/survives.rs"]
mod survives;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| survives::survives(bytes));
