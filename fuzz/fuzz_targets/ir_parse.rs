//! Any bytes go through the parser of the text form without a panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mochi_ir::fuzz::check_parser(data));
