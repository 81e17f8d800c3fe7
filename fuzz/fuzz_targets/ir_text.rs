//! The text form of random IR parses back to itself.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mochi_ir::fuzz::check_round_trip(data));
