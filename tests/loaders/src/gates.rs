//! Code that the system dialect cannot say: gates around the functions of libraries, and the ways into programs
//! and out of handlers.
//!
//! A gate stops the program (`ud2`, `brk`) when it is called with a stack that is not aligned to 16, or on
//! arm64 with another x18 than the program was given: systems may change that register at any time (macOS) or
//! keep something of theirs there (Windows), so programs must not use it. It gives back each register that the
//! convention does not keep with rubbish in it.

use mochi_objwrite::{Arch, RelocEntry, RelocKind, SymRef};

/// Rubbish in the registers of arm64: the lowest and the highest 16 bits, between them zeros.
const LOW: u32 = 0xBABE;
const HIGH: u32 = 0xDEAD;
/// Rubbish in the registers of x86-64.
const RUBBISH: u64 = 0xDEAD_BEEF_CAFE_BABE;

/// What the files of libsystem declare and do not have.
///
/// `enter_program(argc, argv, envp, apple, entry)` calls the program, which returns to the caller.
pub fn of_libsystem(arch: Arch) -> Vec<(&'static str, Vec<u8>)> {
    let enter = match arch {
        Arch::A64 => {
            let [low, high] = load(18);
            // br x4
            words(&[low, high, 0xD61F_0080])
        }
        // jmp *%r8
        _ => vec![0x41, 0xFF, 0xE0],
    };
    vec![("enter_program", enter), ("signal_restorer", signal_restorer(arch))]
}

/// What the files of KERNEL32 declare and do not have.
///
/// `call_program(argument, function)` calls a function of the program in the convention of Windows.
/// `continue_with(context)` stops, by which the handler of signals knows it.
pub fn of_kernel32(arch: Arch) -> Vec<(&'static str, Vec<u8>)> {
    let (call, stop) = match arch {
        Arch::A64 => {
            let [low, high] = load(18);
            // br x1; brk #0xF00
            (words(&[low, high, 0xD61F_0020]), words(&[0xD421_E000]))
        }
        _ => {
            // mov %rdx,%rax; movabs $rubbish,%rdx
            let mut code = vec![0x48, 0x89, 0xD0, 0x48, 0xBA];
            code.extend(RUBBISH.to_le_bytes());
            // mov %rdx to %r8 to %r11, and to the room for the arguments
            code.extend((0..4).flat_map(|n| [0x49, 0x89, 0xD0 + n]));
            code.extend((1..5).flat_map(|n| [0x48, 0x89, 0x54, 0x24, 8 * n]));
            // jmp *%rax
            code.extend([0xFF, 0xE0]);
            (code, vec![0x0F, 0x0B])
        }
    };
    vec![("call_program", call), ("continue_with", stop), ("signal_restorer", signal_restorer(arch))]
}

/// Where Linux wants handlers to return to: it ends the signal.
fn signal_restorer(arch: Arch) -> Vec<u8> {
    match arch {
        // mov x8, #139; svc #0
        Arch::A64 => words(&[0xD280_1168, 0xD400_0001]),
        // mov $15,%eax; syscall
        _ => vec![0xB8, 0x0F, 0, 0, 0, 0x0F, 0x05],
    }
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|w| w.to_le_bytes()).collect()
}

/// movz xN, #LOW; movk xN, #HIGH, lsl #48
fn load(register: u32) -> [u32; 2] {
    [0xD280_0000 | LOW << 5 | register, 0xF2E0_0000 | HIGH << 5 | register]
}

/// The gate of a function on arm64, and its call of it.
pub fn a64(function: SymRef) -> (Vec<u8>, RelocEntry) {
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

/// lea 8(%rsp),%rax; test $15,%al; je over ud2
const ALIGNED: [u8; 11] = [0x48, 0x8D, 0x44, 0x24, 0x08, 0xA8, 0x0F, 0x74, 0x02, 0x0F, 0x0B];

/// movabs $rubbish,%rcx; mov %rcx to %rdx and %r8 to %r11
fn x64_rubbish() -> Vec<u8> {
    let mut code = vec![0x48, 0xB9];
    code.extend(RUBBISH.to_le_bytes());
    code.extend([0x48, 0x89, 0xCA]);
    code.extend((0..4).flat_map(|n| [0x49, 0x89, 0xC8 + n]));
    code
}

/// movq %rcx to the first SSE registers
fn x64_vector_rubbish(registers: u8) -> impl Iterator<Item = u8> {
    (0..registers).flat_map(|n| [0x66, if n < 8 { 0x48 } else { 0x4C }, 0x0F, 0x6E, 0xC1 + 8 * (n % 8)])
}

/// A gate around `before`, a call and `after`.
fn x64_gate(before: &[u8], function: SymRef, after: &[u8]) -> (Vec<u8>, RelocEntry) {
    let code = [&ALIGNED, before, &[0xE8, 0, 0, 0, 0], after].concat();
    let offset = (ALIGNED.len() + before.len() + 1) as u32;
    (code, RelocEntry { offset, kind: RelocKind::X64Call, sym: function, addend: -4 })
}

/// The gate of a function on x86-64, with System V's convention, and its call of it.
pub fn x64(function: SymRef) -> (Vec<u8>, RelocEntry) {
    // add $8,%rsp; then %rsi and %rdi, too
    let mut after = vec![0x48, 0x83, 0xC4, 0x08];
    after.extend(x64_rubbish());
    after.extend([0x48, 0x89, 0xCE, 0x48, 0x89, 0xCF]);
    after.extend(x64_vector_rubbish(16));
    after.push(0xC3);
    // sub $8,%rsp
    x64_gate(&[0x48, 0x83, 0xEC, 0x08], function, &after)
}

/// The gate of a function on x86-64 with the convention of Windows and at most eight arguments, and its call of
/// it. The room that callers have for four arguments comes back with rubbish in it.
pub fn win64(function: SymRef) -> (Vec<u8>, RelocEntry) {
    // sub $0x68,%rsp; the arguments behind the fourth: mov 0x90(%rsp),%rax; mov %rax,0x20(%rsp), and so on
    let mut before = vec![0x48, 0x83, 0xEC, 0x68];
    for n in 0..4u8 {
        before.extend([0x48, 0x8B, 0x84, 0x24, 0x90 + 8 * n, 0, 0, 0, 0x48, 0x89, 0x44, 0x24, 0x20 + 8 * n]);
    }
    // add $0x68,%rsp
    let mut after = vec![0x48, 0x83, 0xC4, 0x68];
    after.extend(x64_rubbish());
    // mov %rcx to 8(%rsp) and the three words behind it
    after.extend((1..5).flat_map(|n| [0x48, 0x89, 0x4C, 0x24, 8 * n]));
    after.extend(x64_vector_rubbish(6));
    after.push(0xC3);
    x64_gate(&before, function, &after)
}
