//! Passes do not change what random functions compute.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mochi_ir::fuzz::check_passes(data));
