//! Programs of our own, loaded at two addresses: what they find, and what stops them.

use crate::run::{Entry, SLIDES, program, run, shown, targets};
use mochi_loaders::macho;
use mochi_objwrite::Arch;
use mochi_objwrite::target::Target;
use mochi_testkit::Scratch;
use mochi_testkit::process::End;

/// The program that looks at everything, with the numbers of a machine.
fn text(target: Target) -> String {
    let numbers = match target.arch {
        Arch::A64 => [16 + 32 * 8, 16 + 31 * 8, 16 + 29 * 8, 816],
        _ => [16 + 16 * 8, 16 + 7 * 8, 16 + 6 * 8, 712],
    };
    let [pc, sp, fp, size] = numbers;
    let numbers = format!("const PC = {pc}\nconst SP = {sp}\nconst FP = {fp}\nconst MCONTEXT = {size}\n");
    include_str!("program.mochi").to_string() + &numbers
}

#[test]
fn programs_find_macos() {
    let scratch = Scratch::new("loaders");
    for target in targets() {
        let file = program(target, &text(target), Entry::Begin);
        assert_eq!(macho::lint(&file), [], "{}", target.short);
        for slide in SLIDES {
            let loaded = macho::load(&file, slide).expect("it loads");
            let Some(outcome) = run(target.arch, &loaded, &scratch) else { continue };
            let dots = ".".repeat(51) + "\n";
            assert_eq!(shown(&outcome), dots, "{} at {slide:#x}", target.short);
        }
    }
}

/// Calls with a stack that is not aligned, and with another x18, stop at the gate.
#[test]
fn gates_stop_what_no_convention_allows() {
    let scratch = Scratch::new("gates");
    for target in targets() {
        let (code, at) = match target.arch {
            // mov x18, #1; bl
            Arch::A64 => ([0xD280_0032u32, 0x9400_0000].iter().flat_map(|w| w.to_le_bytes()).collect(), 4),
            // call; the stack was aligned before the call of the entry.
            _ => (vec![0xE8, 0, 0, 0, 0], 1),
        };
        let file = program(target, &text(target), Entry::Code(code, at));
        let loaded = macho::load(&file, 0).expect("it loads");
        let Some(outcome) = run(target.arch, &loaded, &scratch) else { continue };
        // SIGTRAP, SIGILL.
        let signal = if target.arch == Arch::A64 { 5 } else { 4 };
        assert_eq!(outcome.end, End::Signal(signal), "{}: {}", target.short, shown(&outcome));
    }
}

#[test]
fn slides_are_pages_below_the_library() {
    for target in targets() {
        let file = program(target, &text(target), Entry::Begin);
        for slide in [0x800, 1 << 36, !0x3FFF] {
            let refusal = macho::load(&file, slide).expect_err("a wrong slide");
            assert_eq!(refusal.0[0].0, macho::UNREADABLE, "{refusal}");
        }
    }
}
