//! The golden programs in the interpreter of the IR, together with the runtime's IR, collecting at
//! every chance.
//!
//! The interpreter shows the collector only what the rule of references promises
//! (`mochi_ir::roots`), and the runtime overwrites what it frees. So a reference that lowering or a
//! pass keeps in a number is lost here, on any machine. Programs that use a none end with the
//! interpreter's trap, without the fault handler that would print what is left.

mod common;

use common::{mochi, programs, root};
use mochi_ir::interp::{Linux, Machine, Trap, link};
use mochi_ir::text::parse_module;
use mochi_objwrite::target;
use mochi_testkit::{Golden, output, parallel, text, threads};
use std::path::PathBuf;

/// Instructions of a program, collections included. What takes more is run with fewer collections.
const STEPS: u64 = 60_000_000;
/// Allocations between two collections, in order of trial.
const STRESS: [&str; 3] = ["MOCHI_GC_STRESS=1", "MOCHI_GC_STRESS=31", "MOCHI_GC_STRESS=997"];

/// What is emitted before the passes, when every access is in the region that it names.
const BEFORE: &str = "ir:lower";

#[test]
fn golden_programs_before_the_passes() {
    check_all(BEFORE);
}

#[test]
fn golden_programs_after_the_passes() {
    check_all("ir");
}

fn check_all(emit: &str) {
    let host = target::host().expect("a supported host");
    let runtime = parse_module(mochi_runtime::ir_text(host)).expect("the runtime's IR");
    let check = |path: &PathBuf| {
        let name = path.strip_prefix(root()).unwrap_or(path).display().to_string();
        let emitted = output(mochi().arg("build").arg(path).args(["-O", "--emit", emit]));
        assert!(emitted.status.success(), "{name}: {}", text(&emitted.stderr));
        let program = parse_module(&text(&emitted.stdout)).unwrap_or_else(|e| panic!("{name}: {e}"));
        let linked = link(&[&runtime, &program], true).unwrap_or_else(|e| panic!("{name}: {e}"));
        let golden = Golden::beside(path);
        let args: Vec<&str> = ["program"].into_iter().chain(golden.args.iter().map(String::as_str)).collect();
        let variables: Vec<String> =
            golden.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
        for stress in STRESS {
            let mut machine = Machine::new(&linked, Linux::default());
            machine.steps = STEPS;
            if emit == BEFORE {
                machine.judge_regions();
            }
            machine.host.stdin = golden.stdin.clone();
            let env: Vec<&str> = variables.iter().map(String::as_str).chain([stress]).collect();
            let ended = machine.start("rt_start", &args, &env);
            let printed = &machine.host.stdout;
            let good = match ended {
                Err(Trap::StepLimit) => continue,
                Err(Trap::Exit(status)) => status == golden.status && *printed == golden.stdout,
                // What was printed last is still in the program's memory.
                Err(Trap::NullDereference) => golden.status == 1 && golden.stdout.starts_with(printed),
                _ => false,
            };
            println!("{name} ({emit}): {stress}, {} instructions", STEPS - machine.steps);
            let trace = || machine.trace().into_iter().take(12).collect::<Vec<_>>();
            return (!good)
                .then(|| format!("{name} ({emit}, {stress}): {ended:?}\n{:?}\n{}", trace(), text(printed)));
        }
        Some(format!("{name} ({emit}): takes too long for this test"))
    };
    let problems = parallel(threads(), &programs("golden"), check);
    let problems: Vec<String> = problems.into_iter().flatten().collect();
    assert!(problems.is_empty(), "\n{}", problems.join("\n\n"));
}
