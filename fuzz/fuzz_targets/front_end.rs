//! Any bytes as a config: no panic, twice read says the same, and laying it out keeps its meaning.
#![no_main]

#[path = "../../tests/suite/front_end.rs"]
mod front_end;

use front_end::{Depth, one, survives};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    survives(&one(bytes), Depth::Full);
});
