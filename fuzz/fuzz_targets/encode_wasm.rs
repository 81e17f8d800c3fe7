//! Instructions of WebAssembly: rows and any bytes, read by wasmparser and wasmbin.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mochi_fuzzing::encode_wasm(data));
