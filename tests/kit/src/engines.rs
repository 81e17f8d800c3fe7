//! Engines: what runs programs of a target here. The machine itself for its own target, user-mode
//! emulators for the other machines under Linux; for WebAssembly an interpreter in this process
//! ([`crate::wasi`]) and Node.js; for macOS and Windows strict loaders ([`mochi_loaders`]) that make programs for
//! Linux of their programs, which may be in a universal file, and where it is asked for Wine.
//!
//! The engines of a new row of the target table follow from its machine and system; a test needs no
//! change for it.

use crate::process::{self, Outcome};
use crate::tools::{first_installed, output};
use crate::wasi;
use mochi_objwrite::target::{self, Arch, Os, Ran, Target};
use std::io;
use std::path::Path;
use std::process::Command;
use std::sync::Once;
use std::time::Duration;

/// A way to run programs of a target.
#[derive(Clone, Debug)]
pub struct Engine {
    /// What programs are compiled for.
    pub target: Target,
    how: How,
}

#[derive(Clone, Debug)]
enum How {
    Native,
    /// Started with the program as its argument.
    Emulator(&'static str),
    /// In this process.
    Wasmi,
    Node(&'static str),
    /// Started with the program as its argument, with a folder of its own for what it calls a disk.
    Wine(&'static str),
    /// Loaded as the system does, for Linux on the same machine: itself, or by an emulator.
    Loader(Option<&'static str>),
}

/// What Node.js runs to run a program: its argument.
pub const NODE_SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/node.mjs");

/// Bytes that the memory of a program in this process may grow to.
const WASMI_MEMORY: usize = 1 << 30;

/// How far loaders move programs, in bytes: one that works at the address that it was linked for only fails.
const SLIDE: u64 = 0x2345_0000;

/// The stack that WebAssembly engines give to programs, and that these are told of.
const WASM_STACK: (&str, &str) = ("MOCHI_STACK", "200000000");

/// The variable that asks for Wine. It is not asked in every run: one of some 1,500 starts of programs ended
/// without output, and repeating them did not show why.
const WINE: &str = "MOCHI_WINE";

/// What a program is given.
#[derive(Clone, Debug)]
pub struct Start<'a> {
    /// Arguments, without the program's name.
    pub args: &'a [String],
    /// Standard input.
    pub stdin: &'a [u8],
    /// Environment variables beside those of this process. MOCHI_STACK=0 leaves WebAssembly engines
    /// the stack they have by themselves.
    pub env: &'a [(&'a str, &'a str)],
    /// The folder it starts in.
    pub folder: &'a Path,
    /// Time on this machine; an emulator may take [`SLOWER`] times as long.
    pub time: Duration,
}

/// How many times slower than the machine an emulator may be.
pub const SLOWER: u32 = 10;

/// The names of the emulators of a machine.
fn emulators(arch: Arch) -> &'static [&'static str] {
    match arch {
        Arch::X64 => &["qemu-x86_64-static", "qemu-x86_64"],
        Arch::A64 => &["qemu-aarch64-static", "qemu-aarch64"],
        Arch::Rv64 => &["qemu-riscv64-static", "qemu-riscv64"],
        Arch::Wasm32 => &[],
    }
}

/// The GNU name of a machine under Linux, with which the names of Debian's cross compilers start.
pub fn gnu_name(arch: Arch) -> Option<&'static str> {
    match arch {
        Arch::X64 => Some("x86_64-linux-gnu"),
        Arch::A64 => Some("aarch64-linux-gnu"),
        Arch::Rv64 => Some("riscv64-linux-gnu"),
        Arch::Wasm32 => None,
    }
}

/// Node.js, where it is installed.
pub fn node() -> Option<&'static str> {
    first_installed(&["node", "nodejs"])
}

/// The engines of a target that are here. Others are skipped by name; in CI a missing one is a
/// failure.
pub fn of(target: Target) -> Vec<Engine> {
    let here: Vec<How> = if target::host() == Ok(target) {
        vec![How::Native]
    } else if target.os == Os::Wasi {
        [How::Wasmi].into_iter().chain(node().map(How::Node)).collect()
    } else if target.os == Os::Linux && cfg!(target_os = "linux") {
        first_installed(emulators(target.arch)).map(How::Emulator).into_iter().collect()
    } else if matches!(target.os, Os::MacOs | Os::Windows) && cfg!(target_os = "linux") {
        let native = target::host().is_ok_and(|host| host.arch == target.arch);
        let by = if native { Some(None) } else { first_installed(emulators(target.arch)).map(Some) };
        let asked = target.os == Os::Windows && target.arch == Arch::X64 && std::env::var_os(WINE).is_some();
        let wine = if asked { first_installed(&["wine64", "/usr/lib/wine/wine64"]).map(wine) } else { None };
        by.map(How::Loader).into_iter().chain(wine).collect()
    } else {
        eprintln!("skipped: nothing here runs programs of {}", target.triple);
        Vec::new()
    };
    here.into_iter().map(|how| Engine { target, how }).collect()
}

/// Wine, with a disk, which it makes on first use and says so.
fn wine(program: &'static str) -> How {
    static MADE: Once = Once::new();
    MADE.call_once(|| drop(output(in_wine(program).args(["wineboot", "--init"]))));
    How::Wine(program)
}

fn in_wine(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env("WINEPREFIX", std::env::temp_dir().join("mochi-wine")).env("WINEDEBUG", "-all");
    command
}

/// Whether there are rules for executables of a target, beside an engine that runs them.
pub fn has_rules(target: Target) -> bool {
    matches!(target.os, Os::MacOs | Os::Windows)
}

/// What the rules for executables of a target find in a file: what its system would refuse, one finding a line.
pub fn findings(target: Target, file: &[u8]) -> String {
    let found = if has_rules(target) { mochi_loaders::lint(file) } else { Vec::new() };
    found.iter().map(|(trap, what)| format!("{trap}: {what}\n")).collect()
}

/// How an emulator runs a program, and the time it has.
fn emulated(emulator: &str, program: &Path, time: Duration) -> (Command, Duration) {
    let mut command = Command::new(emulator);
    command.arg(program);
    (command, time * SLOWER)
}

impl Engine {
    /// The target, and the emulator if there is one.
    pub fn name(&self) -> String {
        match self.how {
            How::Native => self.target.short.to_string(),
            How::Emulator(program) | How::Node(program) | How::Wine(program) => {
                format!("{} by {program}", self.target.short)
            }
            How::Loader(None) => format!("{} by the loader", self.target.short),
            How::Loader(Some(program)) => format!("{} by the loader and {program}", self.target.short),
            How::Wasmi => format!("{} by wasmi", self.target.short),
        }
    }

    /// What it is, as the table of targets says it.
    pub fn kinds(&self) -> &'static [Ran] {
        match self.how {
            How::Native => &[Ran::Natively],
            How::Emulator(_) => &[Ran::Emulator],
            How::Loader(None) => &[Ran::Loader],
            How::Loader(Some(_)) => &[Ran::Loader, Ran::Emulator],
            How::Wine(_) => &[Ran::Wine],
            How::Wasmi | How::Node(_) => &[Ran::Engines],
        }
    }

    /// Runs an executable file to its end.
    pub fn run(&self, program: &Path, start: &Start) -> io::Result<Outcome> {
        let (mut command, time) = match self.how {
            How::Native => (Command::new(program), start.time),
            How::Emulator(emulator) => emulated(emulator, program, start.time),
            How::Loader(emulator) => {
                let loaded = program.with_extension("loaded");
                let file = std::fs::read(program)?;
                let own = mochi_loaders::macho::slice(&file, self.target.arch).map_err(io::Error::other)?;
                let bytes = mochi_loaders::load(own, SLIDE).map_err(io::Error::other)?;
                process::write_executable(&loaded, &bytes)?;
                match emulator {
                    None => (Command::new(loaded), start.time),
                    Some(emulator) => emulated(emulator, &loaded, start.time),
                }
            }
            How::Node(node) => {
                let mut command = Command::new(node);
                command.args(["--no-warnings", NODE_SCRIPT]).arg(program).env(WASM_STACK.0, WASM_STACK.1);
                (command, start.time * SLOWER)
            }
            How::Wine(wine) => {
                let mut command = in_wine(wine);
                command.arg(program);
                (command, start.time * SLOWER)
            }
            How::Wasmi => {
                let env = [&[WASM_STACK], start.env].concat();
                let options = wasi::Options {
                    args: start.args,
                    stdin: start.stdin,
                    env: &env,
                    time: start.time * SLOWER,
                    memory: WASMI_MEMORY,
                };
                return wasi::run(&std::fs::read(program)?, &options).map_err(io::Error::other);
            }
        };
        command.args(start.args).envs(start.env.iter().copied()).current_dir(start.folder);
        process::run(&mut command, start.stdin, time)
    }
}
