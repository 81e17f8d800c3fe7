//! Whatever the checker accepts becomes a program without a panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    mochi::fuzz::compile_any(data);
});
