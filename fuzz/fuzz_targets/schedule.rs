//! Any bytes where a schedule is expected.
#![no_main]

#[path = "../../tests/it/fuzzed.rs"]
#[expect(dead_code, reason = "the other target's body is there too")]
mod fuzzed;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzzed::schedule(bytes));
