//! Random functions compile for a target, and the judges of code generation agree.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mochi_isa::fuzz::check_codegen(data));
