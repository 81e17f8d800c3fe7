//! Random programs as relocatable objects, read by `object` and gimli and linked by the judge.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mochi_fuzzing::objects(data));
