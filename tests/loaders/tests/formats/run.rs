//! Programs that the tests make with our own crates, and who runs what the loader makes of them.

use mochi_ir::{Attributes, Signature, Sym, verify};
use mochi_isa::{Context, Options, entry_stub, import_stub, module::compile_module};
use mochi_lang::system;
use mochi_objwrite::target::{self, Target};
use mochi_objwrite::{Arch, Atom, AtomKind, DebugOptions, LinkInput, RelocEntry, RelocKind, SymRef};
use mochi_testkit::process::{self, End, Outcome};
use mochi_testkit::{Scratch, first_installed};
use std::process::Command;
use std::time::Duration;

/// How far programs are moved, in bytes.
pub const SLIDES: [u64; 2] = [0, 0x9678_0000];

/// What the entry point of a program is.
pub enum Entry {
    /// A call of its function `begin`.
    Begin,
    /// Bytes, and where they call a function that the program declares.
    Code(Vec<u8>, Option<(u32, &'static str)>),
}

/// An executable of a program in the system dialect, with symbols and debug information.
pub fn program(target: Target, text: &str, entry: Entry) -> Vec<u8> {
    linked(target, text, entry, true)
}

/// An executable of a program in the system dialect, with or without what a debugger wants.
pub fn linked(target: Target, text: &str, entry: Entry, whole: bool) -> Vec<u8> {
    let mut module = match system::compile(&[("program.mochi", text)]) {
        Ok(compiled) => compiled.module,
        Err(errors) => panic!("{errors:?}"),
    };
    let violations = verify::verify_module(&module);
    assert!(violations.is_empty(), "{violations:?}");
    let start = module.declare_func("_start", Signature::default(), Attributes::default(), true);
    let begin = module.lookup("begin");
    let imports = imports(&mut module, target);
    let mut object = compile_module(&Context::new(&module, target, Options::default()));
    object.atoms.push(match entry {
        Entry::Begin => entry_stub(target, start, begin.expect("a start")),
        Entry::Code(bytes, call) => {
            let (kind, addend) =
                if target.arch == Arch::A64 { (RelocKind::A64Call, 0) } else { (RelocKind::X64Call, -4) };
            let reloc = |(offset, name): (u32, &str)| {
                let function = module.lookup(name).expect("an import");
                RelocEntry { offset, kind, sym: SymRef(function.0), addend }
            };
            let relocs = call.map(reloc).into_iter().collect();
            let sym = SymRef(start.0);
            Atom { sym, kind: AtomKind::Text, align: 16, bytes, zero_size: 0, relocs, function: None }
        }
    });
    object.atoms.extend(imports.iter().map(|&(function, slot)| import_stub(target, function, slot)));
    let name = |s: &str| s.to_string();
    let debug = DebugOptions { producer: name("tests"), unit: name("program"), directory: name(".") };
    let (symbols, debug) = (whole, whole.then_some(debug));
    let input =
        LinkInput { object: &object, archives: &[], entry: "_start", symbols, debug, build_id: whole };
    mochi_objwrite::link(&input).expect("the program links").bytes
}

fn imports(module: &mut mochi_ir::Module, target: Target) -> Vec<(Sym, Sym)> {
    let names: Vec<String> = module.syms.iter().map(|s| s.name.clone()).collect();
    let slots = names.iter().filter_map(|name| Some((name, target.platform.slot_symbol(name)?)));
    slots
        .map(|(name, slot)| (module.lookup(name).expect("its symbol"), module.declare_data(&slot, false)))
        .collect()
}

/// One of LLVM's tools, whatever version it is of.
pub fn llvm(tool: &str) -> Option<String> {
    let versions = (14..=19).rev().map(|version| format!("{tool}-{version}"));
    let names: Vec<String> = std::iter::once(tool.to_string()).chain(versions).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    first_installed(&names).map(str::to_string)
}

/// Runs a tool, which has nothing to complain.
pub fn tool(command: &mut Command) {
    let out = mochi_testkit::output(command);
    assert!(out.status.success(), "{command:?}: {}", mochi_testkit::text(&out.stderr));
}

/// Runs a program for Linux, with its input, itself or by an emulator; `None` where nothing can.
pub fn run(arch: Arch, program: &[u8], scratch: &Scratch) -> Option<Outcome> {
    let path = scratch.path("program");
    process::write_executable(&path, program).expect("written");
    let emulator = match arch {
        _ if target::host().is_ok_and(|host| host.arch == arch) => None,
        Arch::A64 => Some(first_installed(&["qemu-aarch64-static", "qemu-aarch64"])?),
        _ => Some(first_installed(&["qemu-x86_64-static", "qemu-x86_64"])?),
    };
    let mut command = match emulator {
        None => Command::new(path),
        Some(emulator) => {
            let mut command = Command::new(emulator);
            command.arg(path);
            command
        }
    };
    Some(process::run(&mut command, b"input", Duration::from_secs(60)).expect("it starts"))
}

/// What a program did, in a line: output and end.
pub fn shown(outcome: &Outcome) -> String {
    let text = mochi_testkit::text(&outcome.stdout);
    let end = match outcome.end {
        End::Status(0) => String::new(),
        end => end.to_string(),
    };
    text + &end + &mochi_testkit::text(&outcome.stderr)
}
