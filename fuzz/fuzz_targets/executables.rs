//! Random programs as executables, read by `object`, gimli and wasmparser.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mochi_fuzzing::executables(data));
