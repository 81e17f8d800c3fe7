//! Instructions of AArch64: rows and any words, read by yaxpeax and disarm64.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mochi_fuzzing::encode_a64(data));
