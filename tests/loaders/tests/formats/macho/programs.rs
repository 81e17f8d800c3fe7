//! Programs of our own, loaded at two addresses: what they find, and what stops them.

use crate::run::{Entry, SLIDES, linked, program, run, shown};
use mochi_loaders::macho;
use mochi_objwrite::Arch;
use mochi_objwrite::target::{self, Target};
use mochi_testkit::Scratch;
use mochi_testkit::process::End;

/// The rows of the target table for macOS.
pub fn targets() -> [Target; 2] {
    ["x64-macos", "a64-macos"].map(|name| target::parse(name).expect("a target"))
}

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
        for (slide, whole) in SLIDES.into_iter().zip([true, false]) {
            let file = linked(target, &text(target), Entry::Begin, whole);
            assert_eq!(macho::lint(&file), [], "{}", target.short);
            let loaded = macho::load(&file, slide).expect("it loads");
            let Some(outcome) = run(target.arch, &loaded, &scratch) else { continue };
            let dots = ".".repeat(51) + "\n";
            assert_eq!(shown(&outcome), dots, "{} at {slide:#x}", target.short);
        }
    }
}

/// A program of code alone, whose result is its status: no data, no fixups, no symbols.
#[test]
fn the_least_program_ends() {
    let scratch = Scratch::new("least");
    for target in targets() {
        let code = match target.arch {
            // mov w0, #3; ret
            Arch::A64 => [0x5280_0060u32, 0xD65F_03C0].iter().flat_map(|w| w.to_le_bytes()).collect(),
            // mov $3,%eax; ret
            _ => vec![0xB8, 3, 0, 0, 0, 0xC3],
        };
        let file = linked(target, "", Entry::Code(code, None), false);
        assert_eq!(macho::lint(&file), [], "{}", target.short);
        let loaded = macho::load(&file, SLIDES[1]).expect("it loads");
        let Some(outcome) = run(target.arch, &loaded, &scratch) else { continue };
        assert_eq!(outcome.end, End::Status(3), "{}: {}", target.short, shown(&outcome));
    }
}

/// Calls with a stack that is not aligned, and with another x18, stop at the gate.
#[test]
fn gates_stop_what_no_convention_allows() {
    let scratch = Scratch::new("gates");
    for target in targets() {
        let (code, at) = match target.arch {
            // mov x18, #1; bl
            Arch::A64 => ([0xD280_0032u32, 0x9400_0000].iter().flat_map(|w| w.to_le_bytes()).collect(), 4u32),
            // call; the stack was aligned before the call of the entry.
            _ => (vec![0xE8, 0, 0, 0, 0], 1),
        };
        let file = program(target, &text(target), Entry::Code(code, Some((at, "write"))));
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
