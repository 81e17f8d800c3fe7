//! Executables that LLVM's assembler and linker make: the rules find nothing in them but what is known of that
//! linker, and they run as ours do.

use super::file::FLAGS;
use super::programs::targets;
use crate::file::File;
use crate::run::{SLIDES, llvm, run, shown, tool};
use mochi_loaders::macho::{lint, load};
use mochi_objwrite::Arch;
use mochi_testkit::Scratch;
use std::path::Path;
use std::process::Command;

/// What the linker has to know of libSystem.
const LIBSYSTEM: &str = "--- !tapi-tbd
tbd-version: 4
targets: [ x86_64-macos, arm64-macos ]
install-name: /usr/lib/libSystem.B.dylib
exports:
  - targets: [ x86_64-macos, arm64-macos ]
    symbols: [ _write ]
...
";

/// Data of every kind; the code reads the message's address through a fixup.
const DATA: &str = "
.section __DATA,__data
.p2align 3
message_pointer: .quad _message
.section __DATA,__const
.p2align 3
.quad _main
.section __TEXT,__const
.globl _message
_message: .ascii \"hello\\n\"
.zerofill __DATA,__bss,buffer,64,4
.subsections_via_symbols
";

/// Writes the message and gives back the rest of 6 that was written: 0.
const CODE_X64: &str = "
.section __TEXT,__text,regular,pure_instructions
.globl _main
.p2align 4
_main:
  pushq %rbp
  movq %rsp, %rbp
  movl $1, %edi
  movq message_pointer(%rip), %rsi
  movl $6, %edx
  callq *_write@GOTPCREL(%rip)
  subl $6, %eax
  popq %rbp
  retq
";

const CODE_A64: &str = "
.section __TEXT,__text,regular,pure_instructions
.globl _main
.p2align 4
_main:
  stp x29, x30, [sp, #-16]!
  mov x29, sp
  mov w0, #1
  adrp x1, message_pointer@PAGE
  ldr x1, [x1, message_pointer@PAGEOFF]
  mov x2, #6
  adrp x8, _write@GOTPAGE
  ldr x8, [x8, _write@GOTPAGEOFF]
  blr x8
  sub w0, w0, #6
  ldp x29, x30, [sp], #16
  ret
";

fn executable(arch: Arch, scratch: &Scratch, assembler: &str, linker: &str) -> Option<Vec<u8>> {
    let (name, code) = match arch {
        Arch::A64 => ("arm64", CODE_A64),
        _ => ("x86_64", CODE_X64),
    };
    let source = scratch.write("a.s", &(code.to_string() + DATA));
    let library = scratch.write("libSystem.tbd", LIBSYSTEM);
    let (object, file): (&Path, &Path) = (&scratch.path("a.o"), &scratch.path("a.out"));
    let triple = format!("{name}-apple-macos11");
    tool(Command::new(assembler).args(["-triple", &triple, "-filetype=obj", "-o"]).arg(object).arg(source));
    let version = ["-arch", name, "-platform_version", "macos", "11.0", "11.0", "-adhoc_codesign", "-o"];
    tool(Command::new(linker).args(version).args([file, object]).arg(library));
    std::fs::read(file).ok()
}

#[test]
fn llvm_executables_load() {
    let (Some(assembler), Some(linker)) = (llvm("llvm-mc"), llvm("ld64.lld")) else { return };
    let scratch = Scratch::new("foreign");
    for target in targets() {
        let bytes = executable(target.arch, &scratch, &assembler, &linker).expect("a file");
        let mut file = File { bytes, signs: true };
        let flags = file.segment("__DATA_CONST") + FLAGS;
        if file.u32(flags) == 0 {
            // Before version 15 this linker leaves out the flag that new systems ask for.
            let found = lint(&file.bytes);
            assert!(!found.is_empty() && found.iter().all(|f| f.0 == 6), "{}: {found:?}", target.short);
            file.set(flags, 0x10);
            file.sign();
        }
        let file = file.bytes;
        assert_eq!(lint(&file), [], "{}", target.short);
        for slide in SLIDES {
            let loaded = load(&file, slide).expect("it loads");
            let Some(outcome) = run(target.arch, &loaded, &scratch) else { continue };
            assert_eq!(shown(&outcome), "hello\n", "{} at {slide:#x}", target.short);
        }
    }
}
