//! Two readers, a stream and a datagram, agree where a message ends.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../src/sip/tests/agree.rs"]
mod agree;

// What the shared property is written in terms of.
use alanui::sip::{Frame, Framer, HeaderName, Malformed, Message, Uri};

fuzz_target!(|bytes: &[u8]| agree::agree(bytes));
