//! The program that any bytes make does the same by the evaluator and by the interpreter of the IR, before
//! and after the passes.
#![no_main]

#[path = "../../tests/tools/random/engines.rs"]
#[allow(dead_code, reason = "the command uses all of it")]
mod engines;
#[path = "../../tests/tools/random/verdict.rs"]
#[allow(dead_code, reason = "the command uses all of it")]
mod verdict;

use engines::Judges;
use mochi_judge::generate::Program;
use mochi_testkit::Random;
use std::sync::LazyLock;

static JUDGES: LazyLock<Judges> = LazyLock::new(|| {
    Judges::new(Some("evaluator,interpreter,interpreter-O")).expect("engines of this process")
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    mochi_lang::stack::large(|| {
        let program = Program::generate(Random::from_bytes(data));
        verdict::check(&JUDGES, &program, |_| true, "these bytes");
    })
    .expect("a stack");
});
