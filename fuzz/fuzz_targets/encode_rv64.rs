//! Instructions of RV64: rows and any words, read by rvdasm and raki.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mochi_fuzzing::encode_rv64(data));
