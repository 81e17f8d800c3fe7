//! Any bytes are read as an archive without a panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mochi_objwrite::archive::fuzz(data));
