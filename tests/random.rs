//! Random programs do the same on every engine: some of those that `--example random` goes on with.

#[path = "tools/random/engines.rs"]
mod engines;
#[path = "tools/random/verdict.rs"]
#[allow(dead_code, reason = "the command uses all of it")]
mod verdict;

use engines::Judges;
use mochi_judge::generate::Program;
use mochi_testkit::{Random, seeds};

/// Programs that a test runs.
const PROGRAMS: u64 = 30;

#[test]
fn engines_agree() {
    let names = "evaluator,declared,wrapped,O,debug,interpreter/4,interpreter-O/4,a64/10,rv64/10,wasm/10,node/20,\
                 x64-macos/5,x64-windows/5,a64-macos/20,a64-windows/20";
    let judges = Judges::new(Some(names)).unwrap_or_else(|e| panic!("{e}"));
    mochi_lang::stack::large(|| {
        for seed in seeds(PROGRAMS) {
            let program = Program::generate(Random::new(seed));
            let again = format!("--seed {seed} --show 0");
            verdict::check(&judges, &program, |j| seed.is_multiple_of(j.every), &again);
        }
    })
    .expect("a stack");
}
