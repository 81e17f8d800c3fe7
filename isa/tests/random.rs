//! Random programs (`mochi_ir::fuzz`): compiled code does what the interpreter does, where it needs
//! no runtime. How many, see [`mochi_testkit::seeds`].
#![cfg(target_os = "linux")]

mod native;

use mochi_ir::fuzz::{ARGUMENTS, Run, SCRATCH, generate, observe};
use mochi_ir::interp::Trap;
use mochi_ir::module::Module;
use mochi_ir::passes::{self, Abilities};
use mochi_ir::text::print_module;
use mochi_isa::Options;
use mochi_testkit::Random;
use native::{Call, MACHINES, Machine, Outcome};

/// Calls the program and adds up its result, its memory and what was seen, so that one word shows all.
const OBSERVE: &str = "
func @__observe -> i64 {
b0(v0:i64, v1:ref, v2:f64):
  v3:i64 = call @main(v0, v1, v2)
  v4:addr = symaddr @scratch
  v5:i64 = iconst 0
  v6:i64 = iconst 8
  v7:i64 = iconst SCRATCH
  v8:i64 = iconst 31
  jump b1(v5, v3)
b1(v9:i64, v10:i64):
  v11:addr = add v4, v9
  v12:i64 = load.64 v11+0
  v13:i64 = mul v10, v8
  v14:i64 = add v13, v12
  v15:i64 = add v9, v6
  v16:i64 = icmp ult v15, v7
  brif v16, b1(v15, v14), b2(v14)
b2(v17:i64):
  v18:addr = symaddr @__seen
  v19:i64 = load.64 v18+0
  v20:i64 = mul v17, v8
  v21:i64 = add v20, v19
  ret v21
}
";

fn digest(result: u64, run: &Run) -> u64 {
    let add = |sum: u64, word: u64| sum.wrapping_mul(31).wrapping_add(word);
    let words = run.scratch.chunks_exact(8).map(|c| u64::from_le_bytes(c.try_into().unwrap()));
    let seen = run.events.iter().copied().fold(0, add);
    add(words.fold(result, add), seen)
}

fn compare(machine: &Machine, seed: u64, module: &Module, expected: &[Run], options: Options) -> usize {
    let text = print_module(module);
    let text = text.clone() + &native::definitions(&text) + &OBSERVE.replace("SCRATCH", &SCRATCH.to_string());
    let calls: Vec<Call> = ARGUMENTS.iter().map(|args| Call { func: "__observe", args }).collect();
    let mut compared = 0;
    let outcomes = native::run(machine, &text, &[], &calls, options);
    for ((outcome, expected), args) in outcomes.iter().zip(expected).zip(ARGUMENTS) {
        let (Ok(Some(result)), Some(made)) = (&expected.result, expected.plain) else { continue };
        if made > native::ROOM {
            continue;
        }
        let want = Outcome::Returned(digest(*result, expected));
        if *outcome != want {
            panic!(
                "{} seed {seed} {options:?}: {outcome:?} instead of {want:?} for {args:x?}\n{text}",
                machine.name
            );
        }
        compared += 1;
    }
    compared
}

/// Programs for each machine and way to compile.
const SEEDS: u64 = 60;

fn run(optimise: bool, options: Options) {
    for machine in MACHINES.iter().filter(|m| m.runs_here()) {
        run_on(machine, optimise, options);
    }
}

fn run_on(machine: &Machine, optimise: bool, options: Options) {
    let mut compared = 0;
    for seed in mochi_testkit::seeds(SEEDS) {
        let bytes = Random::new(seed * 8 + 7).bytes(40 + (seed as usize * 53) % 2000);
        let mut module = generate(&bytes);
        let expected = observe(&module);
        let endless = expected.iter().any(|r| r.result == Err(Trap::StepLimit));
        if !endless {
            if optimise {
                passes::optimise(&mut module, Abilities::ALL, false);
            }
            compared += compare(machine, seed, &module, &expected, options);
        }
    }
    println!("{}: {compared} results compared", machine.name);
    assert!(compared > 10);
}

#[test]
fn plain() {
    run(false, Options { debug: false, verify: true, ..Options::default() });
}

#[test]
fn optimised() {
    run(true, Options { debug: false, verify: true, ..Options::default() });
}

#[test]
fn debug() {
    run(false, Options { debug: true, verify: true, ..Options::default() });
}

#[test]
fn values_in_the_frame() {
    run(true, Options { debug: false, verify: true, most_alive: 0, ..Options::default() });
}
