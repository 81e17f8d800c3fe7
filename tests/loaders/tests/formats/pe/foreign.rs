//! Executables that LLVM's assembler and linker make: the rules find nothing in them, and they run as ours do.

use super::programs::targets;
use crate::run::{SLIDES, llvm, run, shown, tool};
use mochi_loaders::{lint, load};
use mochi_objwrite::Arch;
use mochi_testkit::Scratch;
use std::process::Command;

/// What the linker has to know of KERNEL32.
const KERNEL32: &str = "LIBRARY KERNEL32.dll\nEXPORTS\nGetStdHandle\nWriteFile\n";

/// The code reads the message's address through a relocation.
const DATA: &str = "
.section .rdata,\"dr\"
message: .ascii \"hello\\n\"
.data
.p2align 3
message_pointer: .quad message
.bss
.zero 64
";

/// Writes the message and gives back the rest of 6 that was written: 0.
const CODE_X64: &str = "
.text
.globl main
.seh_proc main
main:
  subq $56, %rsp
  .seh_stackalloc 56
  .seh_endprologue
  movl $-11, %ecx
  callq *__imp_GetStdHandle(%rip)
  movq %rax, %rcx
  movq message_pointer(%rip), %rdx
  movl $6, %r8d
  leaq 48(%rsp), %r9
  movq $0, 32(%rsp)
  callq *__imp_WriteFile(%rip)
  movl 48(%rsp), %eax
  subl $6, %eax
  addq $56, %rsp
  retq
.seh_endproc
";

const CODE_A64: &str = "
.text
.globl main
.p2align 2
.seh_proc main
main:
  stp x29, x30, [sp, #-32]!
  .seh_save_fplr_x 32
  mov x29, sp
  .seh_set_fp
  .seh_endprologue
  mov w0, #-11
  adrp x8, __imp_GetStdHandle
  ldr x8, [x8, :lo12:__imp_GetStdHandle]
  blr x8
  adrp x1, message_pointer
  ldr x1, [x1, :lo12:message_pointer]
  mov w2, #6
  add x3, sp, #16
  mov x4, #0
  adrp x8, __imp_WriteFile
  ldr x8, [x8, :lo12:__imp_WriteFile]
  blr x8
  ldr w0, [sp, #16]
  sub w0, w0, #6
  .seh_startepilogue
  ldp x29, x30, [sp], #32
  .seh_save_fplr_x 32
  .seh_endepilogue
  ret
.seh_endproc
";

fn executable(arch: Arch, scratch: &Scratch, [assembler, libraries, linker]: [&str; 3]) -> Vec<u8> {
    let (name, library, code) = match arch {
        Arch::A64 => ("aarch64", "arm64", CODE_A64),
        _ => ("x86_64", "i386:x86-64", CODE_X64),
    };
    let source = scratch.write("a.s", &(code.to_string() + DATA));
    let names = scratch.write("kernel32.def", KERNEL32);
    let paths = ["a.obj", "kernel32.lib", "a.exe"].map(|name| scratch.path(name));
    let [object, imports, file] = &paths;
    let triple = format!("{name}-pc-windows-msvc");
    tool(Command::new(assembler).args(["-triple", &triple, "-filetype=obj", "-o"]).arg(object).arg(source));
    tool(Command::new(libraries).args(["-m", library, "-d"]).arg(names).arg("-l").arg(imports));
    let options = ["/entry:main", "/subsystem:console,6.2", "/osversion:6.2", "/nodefaultlib"];
    let out = format!("/out:{}", file.display());
    tool(Command::new(linker).args(options).arg(out).args([object, imports]));
    std::fs::read(file).expect("a file")
}

#[test]
fn llvm_executables_load() {
    let tools = ["llvm-mc", "llvm-dlltool", "lld-link"].map(llvm);
    let [Some(assembler), Some(libraries), Some(linker)] = &tools else { return };
    let scratch = Scratch::new("foreign-windows");
    for target in targets() {
        let file = executable(target.arch, &scratch, [assembler, libraries, linker]);
        assert_eq!(lint(&file), [], "{}", target.short);
        for slide in SLIDES {
            let loaded = load(&file, slide).expect("it loads");
            let Some(outcome) = run(target.arch, &loaded, &scratch) else { continue };
            assert_eq!(shown(&outcome), "hello\n", "{} at {slide:#x}", target.short);
        }
    }
}
