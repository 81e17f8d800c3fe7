//! Hand-assembled atoms, and ways to run files and tools.

use mochi_objwrite::{
    Atom, AtomKind, CfiOp, DebugOptions, FrameInfo, FunctionInfo, LineRow, Object, RelocEntry, RelocKind,
    SymRef, Symbol, Target, target,
};
use mochi_testkit::{have, text};
pub use mochi_testkit::{output, traces};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Bytes from hexadecimal text.
pub fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks_exact(2).map(|d| (d[0] << 4 | d[1]) as u8).collect()
}

/// Builds objects by symbol name.
pub struct Builder(pub Object);

impl Builder {
    pub fn new() -> Builder {
        Builder::of(target::parse("x64-linux").unwrap())
    }

    pub fn of(target: Target) -> Builder {
        Builder(Object::new(target))
    }

    pub fn sym(&mut self, name: &str) -> SymRef {
        let found = self.0.symbols.iter().position(|s| s.name == name);
        SymRef(found.unwrap_or_else(|| {
            self.0.symbols.push(Symbol { name: name.to_string(), global: true });
            self.0.symbols.len() - 1
        }) as u32)
    }

    /// Adds an atom; relocations are offset, kind, symbol, addend.
    pub fn atom(
        &mut self,
        name: &str,
        kind: AtomKind,
        bytes: &[u8],
        relocs: &[(u32, RelocKind, &str, i64)],
    ) -> &mut Atom {
        let sym = self.sym(name);
        let relocs = relocs
            .iter()
            .map(|&(offset, kind, name, addend)| RelocEntry { offset, kind, sym: self.sym(name), addend })
            .collect();
        let atom = Atom { sym, kind, align: 16, bytes: bytes.to_vec(), zero_size: 0, relocs, function: None };
        self.0.atoms.push(atom);
        self.0.atoms.last_mut().unwrap()
    }

    /// Adds a function that sets up a frame pointer, with line rows `(offset, line)`.
    pub fn function(
        &mut self,
        name: &str,
        code: &str,
        relocs: &[(u32, RelocKind, &str, i64)],
        display: &str,
        file: Option<u32>,
        lines: &[(u32, u32)],
    ) {
        let row = |(i, &(offset, line)): (usize, &(u32, u32))| LineRow {
            offset,
            line,
            column: 3,
            is_stmt: true,
            prologue_end: i == 1,
            call: None,
        };
        // push rbp; mov rbp, rsp; ...; pop rbp; ret
        let code = hex(code);
        let end = code.len() as u32 - 1;
        let ops = vec![
            (1, CfiOp::DefCfaOffset(16)),
            (1, CfiOp::Offset(6, -16)),
            (4, CfiOp::DefCfaRegister(6)),
            (end, CfiOp::DefCfa(7, 8)),
        ];
        let function = FunctionInfo {
            display: display.to_string(),
            file,
            line: lines.first().map_or(1, |l| l.1),
            code_size: code.len() as u32,
            lines: lines.iter().enumerate().map(row).collect(),
            inlined: Vec::new(),
            frame: FrameInfo { ops },
        };
        self.atom(name, AtomKind::Text, &code, relocs).function = Some(function);
    }
}

pub const PC: RelocKind = RelocKind::X64Pc32;
pub const CALL: RelocKind = RelocKind::X64Call;
pub const ABS: RelocKind = RelocKind::Abs64;

/// The start-up code of a program, as the runtime has it: applies the packed relative relocations,
/// makes relocated constants read-only, calls `mochi_main` and exits with its result.
///
/// ```text
/// _start:     xor ebp,ebp; lea rdi,[__relr_start]; lea rsi,[__relr_end]; lea rdx,[__image_base]
///             call apply_relr; lea rdi,[__relro_start]; lea rsi,[__relro_end]; sub rsi,rdi; and rdi,-4096
///             mov edx,1; mov eax,10; syscall; call mochi_main; mov edi,eax; mov eax,60; syscall
/// apply_relr: 1: cmp rdi,rsi; jae 9f; mov rax,[rdi]; add rdi,8; test al,1; jnz 2f
///             lea r8,[rax+rdx]; add [r8],rdx; add r8,8; jmp 1b
///             2: mov r9,r8; 3: shr rax,1; jz 4f; test al,1; jz 5f; add [r9],rdx
///             5: add r9,8; jmp 3b; 4: add r8,504; jmp 1b; 9: ret
/// ```
pub fn runtime() -> Object {
    let mut b = Builder::new();
    let start =
        hex("31ed 488d3d00000000 488d3500000000 488d1500000000 e800000000 488d3d00000000 488d3500000000
         4829fe 4881e700f0ffff ba01000000 b80a000000 0f05 e800000000 89c7 b83c000000 0f05");
    let relocs = [
        (5, PC, "__relr_start", -4),
        (12, PC, "__relr_end", -4),
        (19, PC, "__image_base", -4),
        (24, CALL, "apply_relr", -4),
        (31, PC, "__relro_start", -4),
        (38, PC, "__relro_end", -4),
        (65, CALL, "mochi_main", -4),
    ];
    let function =
        FunctionInfo { frame: FrameInfo { ops: vec![(0, CfiOp::NoCaller)] }, ..FunctionInfo::default() };
    b.atom("_start", AtomKind::Text, &start, &relocs).function = Some(function);
    let apply = hex("4839f77336488b074883c708a801750d4c8d04104901104983c008ebe3
         4d89c148d1e8740da80174034901114983c108ebee4981c0f8010000ebc5c3");
    b.atom("apply_relr", AtomKind::Text, &apply, &[]);
    b.atom("unused", AtomKind::Text, &[0xCC; 4096], &[(0, CALL, "nowhere", 0)]);
    b.0
}

/// A program that writes `hello` twice through an address in relocated constants and exits with 2,
/// counted up in writable data.
///
/// ```text
/// mochi_main: push rbp; mov rbp,rsp; call put_line; inc dword [counter]; call put_line
///             mov eax,[counter]; pop rbp; ret
/// put_line:   push rbp; mov rbp,rsp; mov rsi,[table]; mov edx,6; mov edi,1; mov eax,1; syscall
///             pop rbp; ret
/// ```
pub fn hello() -> Object {
    let mut b = Builder::new();
    b.0.files = vec!["hello.mochi".into(), "lib/lines.mochi".into()];
    b.atom("message", AtomKind::ReadOnly, b"..hello\n", &[]).align = 1;
    b.atom("dead", AtomKind::Text, &[0xC3; 999], &[(1, CALL, "nowhere", 0)]);
    b.function(
        "mochi_main",
        "554889e5 e800000000 ff0500000000 e800000000 8b0500000000 5dc3",
        &[
            (5, CALL, "put_line", -4),
            (11, PC, "counter", -4),
            (16, CALL, "put_line", -4),
            (22, PC, "counter", -4),
        ],
        "main",
        Some(0),
        &[(0, 1), (4, 2), (9, 3), (15, 4), (20, 5)],
    );
    b.function(
        "put_line",
        "554889e5 488b3500000000 ba06000000 bf01000000 b801000000 0f05 5dc3",
        &[(7, PC, "table", -4)],
        "put line",
        Some(1),
        &[(0, 10), (4, 11), (11, 12), (28, 13)],
    );
    b.atom("table", AtomKind::RelRo, &[0; 24], &[(0, ABS, "message", 2), (16, ABS, "table", 8)]);
    b.atom("counter", AtomKind::Data, &[1, 0, 0, 0], &[]).align = 4;
    b.0
}

/// Debug information as the tests want it.
pub fn debug() -> DebugOptions {
    DebugOptions { producer: "mochi test".into(), unit: "hello.mochi".into(), directory: "/src".into() }
}

/// A new directory for a test's files.
pub fn directory(test: &str) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(test);
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

/// Writes an executable file.
pub fn write_executable(path: &Path, bytes: &[u8]) {
    mochi_testkit::process::write_executable(path, bytes).unwrap();
}

/// Runs a tool and returns its standard output with its errors; `None`, with a note, when it is
/// not installed. The tool must succeed.
pub fn tool(name: &str, args: &[&str]) -> Option<String> {
    if !have(name) {
        return None;
    }
    let said = output(Command::new(name).args(args));
    let all = text(&said.stdout) + &text(&said.stderr);
    assert!(said.status.success(), "{name} {args:?}: {}\n{all}", said.status);
    Some(all)
}
