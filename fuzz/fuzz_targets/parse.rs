//! Any bytes parse without a panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mochi_lang::fuzz::parse_any(data));
