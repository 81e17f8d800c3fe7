//! Random programs, and the properties they must keep.
//!
//! [`generate`] turns bytes into a verified module; [`World`] is what it runs in: a heap that frees
//! whatever the collector is not shown, and an observer. The bodies here are what `cargo fuzz`
//! targets call; `cargo test` runs them on some seeds.
//!
//! A transformation keeps all that can be observed: what was seen, in order; the scratch memory; the
//! result, or the trap that ends the program, and everything before it. Only a program that has
//! used up its steps may go on after a transformation, from where it was, and when a none was followed the
//! memory does not count: the load may have been moved before a store, which nobody can see.

mod generate;
mod world;

pub use generate::{SCRATCH, generate, generate_functions};
pub use world::World;

use crate::interp::{Machine, Trap, link};
use crate::library::Library;
use crate::module::Module;
use crate::passes::{self, Abilities};
use crate::text::{parse_module, print_module};
use crate::verify::verify_module;

/// The function to call in a generated module: `main(i64, ref, f64) -> i64`, where the second
/// argument is a tagged int.
pub const MAIN: &str = "main";

/// Arguments to call [`MAIN`] with.
pub const ARGUMENTS: [[u64; 3]; 4] = [
    [0, 0, 0],
    [5, 20, 0x3ff8_0000_0000_0000],
    [u64::MAX, -14i64 as u64, 0xc059_0000_0000_0000],
    [0x8000_0000_0000_0001, 1, 0x7ff8_0000_0000_0000],
];

/// Steps of a run before a transformation. After it, there are twice as many.
const STEPS: u64 = 100_000;
/// Bytes that become functions in [`check_passes`].
const MOST: usize = 600;

/// What a run shows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Run {
    /// The result.
    pub result: Result<Option<u64>, Trap>,
    /// The scratch memory at the end.
    pub scratch: Vec<u8>,
    /// What was seen ([`World`]).
    pub events: Vec<u64>,
    /// Every int was small, and the objects take this many bytes: what machines can do without a
    /// runtime.
    pub plain: Option<u64>,
}

/// Calls [`MAIN`] with each of [`ARGUMENTS`]; memory starts fresh each time.
pub fn observe(module: &Module) -> Vec<Run> {
    observe_within(module, STEPS, false)
}

/// `judged`: accesses must be in their regions.
fn observe_within(module: &Module, steps: u64, judged: bool) -> Vec<Run> {
    let program = link(&[module], true).expect("generated modules fit together");
    let scratch = program.address("scratch").expect("in the prelude");
    let run = |args: &[u64; 3]| {
        let mut machine = Machine::new(&program, World::default());
        machine.steps = steps;
        if judged {
            machine.judge_regions();
        }
        let result = machine.call(MAIN, args);
        let scratch = machine.memory.read(scratch, SCRATCH).expect("mapped");
        let World { events, big, made, .. } = machine.host;
        Run { result, scratch, events, plain: (!big).then_some(made) }
    };
    ARGUMENTS.iter().map(run).collect()
}

/// `print(parse(print(m)))` is `print(m)`.
pub fn check_round_trip(bytes: &[u8]) {
    let text = print_module(&generate(bytes));
    let again = parse_module(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    assert_eq!(print_module(&again), text);
}

/// Parsing any text gives a module that prints and parses to the same, or an error.
pub fn check_parser(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(module) = parse_module(&text) {
        let printed = print_module(&module);
        let again = parse_module(&printed).unwrap_or_else(|e| panic!("{e}\n{printed}"));
        assert_eq!(print_module(&again), printed);
        let _ = verify_module(&module);
    }
}

fn same(before: &Run, after: &Run) -> bool {
    if before.result == Err(Trap::StepLimit) {
        let both = before.events.len().min(after.events.len());
        return before.events[..both] == after.events[..both];
    }
    let memory = before.result == Err(Trap::NullDereference) || before.scratch == after.scratch;
    memory && (&before.result, &before.events) == (&after.result, &after.events)
}

/// A run as text, of the scratch memory what is not as in another run.
fn show(run: &Run, other: &Run) -> String {
    let bytes = run.scratch.iter().zip(&other.scratch).enumerate();
    let differ: Vec<(usize, u8)> = bytes.filter(|(_, (a, b))| a != b).map(|(i, (a, _))| (i, *a)).collect();
    format!("{:x?}, seen {:x?}, scratch {differ:x?}", run.result, run.events)
}

/// Each pass alone, and the optimising pipeline.
pub fn ways() -> usize {
    passes::PASSES.len() + 1
}

/// A pass, or the optimising pipeline, keeps the meaning. The first byte says which.
pub fn check_passes(bytes: &[u8]) {
    let (&way, rest) = bytes.split_first().unwrap_or((&0, &[]));
    let original = generate(&rest[..rest.len().min(MOST)]);
    let mut module = original.clone();
    let name = match passes::PASSES.get(way as usize % ways()) {
        Some(pass) => {
            passes::run_named(&mut module, &Library::EMPTY, &[pass.name.to_string()]);
            pass.name
        }
        None => {
            passes::optimise(&mut module, Abilities::ALL, true);
            "the pipeline"
        }
    };
    let (before, after) = (observe_within(&original, STEPS, true), observe_within(&module, STEPS * 2, false));
    if let Some(i) = (0..before.len()).find(|&i| !same(&before[i], &after[i])) {
        panic!(
            "{name} changes\n{}\nto\n{}\nfor {:x?}\nbefore:\n{}\nafter:\n{}",
            show(&before[i], &after[i]),
            show(&after[i], &before[i]),
            ARGUMENTS[i],
            print_module(&original),
            print_module(&module)
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mochi_testkit::Random;
    use std::collections::BTreeSet;

    /// Runs a body on random bytes.
    fn run(salt: u64, count: u64, body: impl Fn(&[u8])) {
        for seed in mochi_testkit::seeds(count) {
            let bytes = Random::new(seed * 8 + salt).bytes(40 + (seed as usize * 37) % 1200);
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| body(&bytes)));
            assert!(result.is_ok(), "seed {seed}");
        }
    }

    #[test]
    fn programs_are_worth_running() {
        let (mut returned, mut total, mut insts) = (0, 0, 0);
        for seed in 0..50 {
            let module = generate(&Random::new(seed).bytes(600));
            insts += module.funcs.iter().map(|f| f.insts.len()).sum::<usize>();
            for run in observe(&module) {
                total += 1;
                returned += usize::from(run.result.is_ok());
            }
        }
        assert!(returned * 2 > total && insts > 50 * 100, "{returned} of {total}, {insts} instructions");
    }

    #[test]
    fn every_op_occurs_but_those_for_the_machine() {
        use crate::ops::Op;
        let mut missing: BTreeSet<Op> = Op::ALL.iter().copied().collect();
        for op in [Op::GetSp, Op::GetFp, Op::SwitchStack, Op::Syscall, Op::Unreachable] {
            assert!(missing.remove(&op));
        }
        for seed in 0..100 {
            for func in &generate(&Random::new(seed).bytes(600)).funcs {
                missing.retain(|&op| func.insts.iter().all(|inst| inst.op != op));
            }
        }
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn round_trip() {
        run(1, 1000, check_round_trip);
    }

    #[test]
    fn passes() {
        run(2, 300, |bytes| {
            let mut bytes = bytes.to_vec();
            for way in 0..ways() {
                bytes[0] = way as u8;
                check_passes(&bytes);
            }
        });
    }

    #[test]
    fn parser() {
        run(3, 3000, |bytes| {
            // Random damage to a good text.
            let mut text = print_module(&generate(&bytes[..bytes.len() / 4])).into_bytes();
            for pair in bytes.chunks(2).take(6) {
                let at = (pair[0] as usize * 251 + bytes.len() * 7) % text.len();
                text[at] = *pair.last().expect("chunks are not empty");
            }
            check_parser(&text);
        });
    }
}
