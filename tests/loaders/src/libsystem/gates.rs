//! Code that the system dialect cannot say: gates around the library's functions, and the ways into the program
//! and out of its handlers.
//!
//! A gate stops the program (`ud2`, `brk`) when it is called with a stack that is not aligned to 16, or on
//! arm64 with another x18 than the program was given: the system may change that register at any time, so
//! programs must not use it.

use mochi_objwrite::{Arch, RelocEntry, RelocKind, SymRef};

/// Rubbish in the registers of arm64: the lowest and the highest 16 bits, between them zeros.
const LOW: u32 = 0xBABE;
const HIGH: u32 = 0xDEAD;

/// Functions that the library's files declare and that are not in the dialect: names and code.
///
/// `enter_program(argc, argv, envp, apple, entry)` calls the program, which returns to the caller.
/// `signal_restorer` is where Linux wants handlers to return to: it ends the signal.
pub fn own(arch: Arch) -> [(&'static str, Vec<u8>); 2] {
    match arch {
        Arch::A64 => {
            let [low, high] = load(18);
            // br x4; mov x8, #139; svc #0
            let enter = words(&[low, high, 0xD61F_0080]);
            [("enter_program", enter), ("signal_restorer", words(&[0xD280_1168, 0xD400_0001]))]
        }
        _ => {
            // jmp *%r8; mov $15,%eax; syscall
            let restorer = vec![0xB8, 0x0F, 0, 0, 0, 0x0F, 0x05];
            [("enter_program", vec![0x41, 0xFF, 0xE0]), ("signal_restorer", restorer)]
        }
    }
}

/// The gate of a function, and its call of it.
pub fn gate(arch: Arch, function: SymRef) -> (Vec<u8>, RelocEntry) {
    match arch {
        Arch::A64 => a64(function),
        _ => x64(function),
    }
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|w| w.to_le_bytes()).collect()
}

/// movz xN, #LOW; movk xN, #HIGH, lsl #48
fn load(register: u32) -> [u32; 2] {
    [0xD280_0000 | LOW << 5 | register, 0xF2E0_0000 | HIGH << 5 | register]
}

fn a64(function: SymRef) -> (Vec<u8>, RelocEntry) {
    let rubbish = load(17);
    // mov x1 to x16, x17; fmov d0 to d7 and d16 to d31, x17; ret; brk #1
    let mut after = rubbish.to_vec();
    after.extend((1..17).map(|n| 0xAA11_03E0 | n));
    after.extend((0..8).chain(16..32).map(|n| 0x9E67_0220 | n));
    after.extend([0xD65F_03C0, 0xD420_0020]);
    // stp x29, x30, [sp, #-16]!; bl; ldp x29, x30, [sp], #16
    let call = [0xA9BF_7BFD, 0x9400_0000, 0xA8C1_7BFD];
    // b.ne to the last word, from a word that so many are behind.
    let unequal = |behind: usize| 0x5400_0001 | (behind as u32) << 5;
    let end = call.len() + after.len();
    // mov x16, sp; tst x16, #15; b.ne; x17; cmp x18, x17; b.ne
    let mut code = vec![0x9100_03F0, 0xF240_0E1F, unequal(end + 4), rubbish[0], rubbish[1]];
    code.extend([0xEB11_025F, unequal(end)]);
    code.extend(call);
    code.extend(after);
    (words(&code), RelocEntry { offset: 32, kind: RelocKind::A64Call, sym: function, addend: 0 })
}

fn x64(function: SymRef) -> (Vec<u8>, RelocEntry) {
    // add $8,%rsp; movabs $rubbish,%rcx; mov %rcx to %rdx, %rsi, %rdi, %r8 to %r11
    let mut after = vec![0x48, 0x83, 0xC4, 0x08, 0x48, 0xB9, 0xBE, 0xBA, 0xFE, 0xCA, 0xEF, 0xBE, 0xAD, 0xDE];
    after.extend([0x48, 0x89, 0xCA, 0x48, 0x89, 0xCE, 0x48, 0x89, 0xCF]);
    after.extend((0..4).flat_map(|n| [0x49, 0x89, 0xC8 + n]));
    // movq %rcx to %xmm0 to %xmm15
    after.extend((0..8).flat_map(|n| [0x66, 0x48, 0x0F, 0x6E, 0xC1 + 8 * n]));
    after.extend((0..8).flat_map(|n| [0x66, 0x4C, 0x0F, 0x6E, 0xC1 + 8 * n]));
    after.push(0xC3);
    // sub $8,%rsp; call
    let call = [0x48, 0x83, 0xEC, 0x08, 0xE8, 0, 0, 0, 0];
    // lea 8(%rsp),%rax; test $15,%al; je over ud2
    let mut code = vec![0x48, 0x8D, 0x44, 0x24, 0x08, 0xA8, 0x0F, 0x74, 0x02, 0x0F, 0x0B];
    let offset = code.len() as u32 + 5;
    code.extend(call);
    code.extend(after);
    (code, RelocEntry { offset, kind: RelocKind::X64Call, sym: function, addend: -4 })
}
