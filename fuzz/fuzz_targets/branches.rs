//! Layouts of labels, branches, tables and constants: each reaches what was meant.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mochi_fuzzing::branches(data));
