//! Instructions of x86-64: rows and any bytes, read by iced and yaxpeax.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mochi_fuzzing::encode_x64(data));
