//! Any bytes are read as a message without a panic; what reads well is written byte for byte, and what is made of it reads again.
#![no_main]

#[path = "../../tests/suite/bytes/message.rs"]
mod message;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| message::survives(bytes));
