//! Archives of random objects, whole and damaged: never a panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mochi_fuzzing::archives(data));
