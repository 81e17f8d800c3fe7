//! Random functions compile for every target, and the judges of code generation agree.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    for target in mochi_objwrite::target::TARGETS {
        mochi_isa::fuzz::check_codegen(target, data);
    }
});
