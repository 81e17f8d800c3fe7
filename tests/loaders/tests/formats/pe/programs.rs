//! Programs of our own, loaded at two addresses: what they find, and what stops them.

use crate::run::{Entry, SLIDES, linked, program, run, shown};
use mochi_loaders::pe;
use mochi_objwrite::Arch;
use mochi_objwrite::target::{self, Target};
use mochi_testkit::Scratch;
use mochi_testkit::process::End;

/// The rows of the target table for Windows.
pub fn targets() -> [Target; 2] {
    ["x64-windows", "a64-windows"].map(|name| target::parse(name).expect("a target"))
}

/// The program that looks at everything, with the numbers of a machine.
fn text(target: Target) -> String {
    let numbers = match target.arch {
        Arch::A64 => [0x108, 0x100, 0, 0],
        _ => [0xF8, 0x98, 8, 1],
    };
    let [pc, sp, below, divides] = numbers;
    let numbers =
        format!("const PC = {pc}\nconst SP = {sp}\nconst BELOW = {below}\nconst DIVIDES = {divides}\n");
    include_str!("program.mochi").to_string() + &numbers
}

#[test]
fn programs_find_windows() {
    let scratch = Scratch::new("windows");
    for target in targets() {
        for (slide, whole) in SLIDES.into_iter().zip([true, false]) {
            let file = linked(target, &text(target), Entry::Begin, whole);
            assert_eq!(pe::lint(&file), [], "{}", target.short);
            let loaded = pe::load(&file, slide).expect("it loads");
            let Some(outcome) = run(target.arch, &loaded, &scratch) else { continue };
            let dots = ".".repeat(if target.arch == Arch::A64 { 79 } else { 84 }) + "\n";
            assert_eq!(shown(&outcome), dots, "{} at {slide:#x}", target.short);
        }
    }
}

/// A program of code alone, whose result is its status: no data, no relocations, no imports.
#[test]
fn the_least_program_ends() {
    let scratch = Scratch::new("least-windows");
    for target in targets() {
        let code = match target.arch {
            // mov w0, #3; ret
            Arch::A64 => [0x5280_0060u32, 0xD65F_03C0].iter().flat_map(|w| w.to_le_bytes()).collect(),
            // mov $3,%eax; ret
            _ => vec![0xB8, 3, 0, 0, 0, 0xC3],
        };
        let file = linked(target, "", Entry::Code(code, None), false);
        assert_eq!(pe::lint(&file), [], "{}", target.short);
        let loaded = pe::load(&file, SLIDES[1]).expect("it loads");
        let Some(outcome) = run(target.arch, &loaded, &scratch) else { continue };
        assert_eq!(outcome.end, End::Status(3), "{}: {}", target.short, shown(&outcome));
    }
}

/// What ends a program without a word: code, a call in it, the signals on x86-64 and arm64.
#[test]
fn programs_stop_that_windows_ends() {
    let scratch = Scratch::new("stops");
    const ILLEGAL: i32 = 4;
    const TRAP: i32 = 5;
    const ACCESS: i32 = 11;
    for target in targets() {
        let words = |words: &[u32]| words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<u8>>();
        let cases = match target.arch {
            Arch::A64 => vec![
                // mov x18, #1; bl: x18 is the system's.
                (words(&[0xD280_0032, 0x9400_0000]), Some(4), TRAP),
                // movz x9, #2, lsl 16; mov x10, sp; sub x10, x10, x9; mov sp, x10; str x0, [sp]: pages that were not
                // touched, in a way that no rule sees.
                (words(&[0xD2A0_0049, 0x9100_03EA, 0xCB09_014A, 0x9100_015F, 0xF900_03E0]), None, ACCESS),
            ],
            _ => vec![
                // push %rax; call: the stack is aligned before the return address of the entry only.
                (vec![0x50, 0x50, 0xE8, 0, 0, 0, 0], Some(3), ILLEGAL),
                // lea -0x18000(%rsp),%rsp; push %rax: pages that were not touched, in a way that no rule sees.
                (vec![0x48, 0x8D, 0xA4, 0x24, 0, 0x80, 0xFE, 0xFF, 0x50], None, ACCESS),
            ],
        };
        for (code, call, signal) in cases {
            let call = call.map(|at| (at, "Sleep"));
            let file = program(target, &text(target), Entry::Code(code, call));
            let loaded = pe::load(&file, 0).expect("it loads");
            let Some(outcome) = run(target.arch, &loaded, &scratch) else { continue };
            assert_eq!(outcome.end, End::Signal(signal), "{}: {}", target.short, shown(&outcome));
        }
    }
}

#[test]
fn slides_are_whole_below_the_library() {
    for target in targets() {
        let file = program(target, &text(target), Entry::Begin);
        for slide in [0x1000, 1 << 36, !0xFFFF] {
            let refusal = pe::load(&file, slide).expect_err("a wrong slide");
            assert_eq!(refusal.0[0].0, mochi_loaders::UNREADABLE, "{refusal}");
        }
    }
}
