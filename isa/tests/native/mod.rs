//! Runs compiled IR on this machine, or on another one that an emulator knows: a module with runs
//! becomes one static-PIE executable, which forks for every run, so that runs see the data in its
//! initial state and may fault. Modules of WebAssembly run in this process ([`wasm`]).
//!
//! The executable writes records of two words: 1 and the result (by the child), 2 and the status
//! that `wait4` gives (by the parent). Entry, self-relocation and the forks are IR of their own.

mod wasm;

use mochi_ir::library::Library;
use mochi_ir::passes::run_named;
use mochi_ir::text::parse_module;
use mochi_ir::{Module, Op, SymKind, Type};
use mochi_isa::module::compile_module;
use mochi_isa::{Context, Options, entry_stub};
use mochi_objwrite::link::{LinkInput, link};
use mochi_objwrite::target::{self, Target};
use mochi_testkit::Scratch;
use mochi_testkit::engines::{self, Start};
use mochi_testkit::process::{self, End};
use std::fmt::Write as _;
use std::time::Duration;

/// A call to make: function, arguments as bits.
pub struct Call<'a> {
    pub func: &'a str,
    pub args: &'a [u64],
}

/// What became of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Returned this word (0 without a result).
    Returned(u64),
    /// Killed by this signal, or by a trap that is the same.
    Signal(u32),
}

/// A machine that programs are compiled for and run on.
pub struct Machine {
    /// Short name of the target.
    pub name: &'static str,
    how: How,
}

/// How programs are run.
enum How {
    /// WebAssembly in this process.
    Wasmi,
    /// WebAssembly in Node.js.
    Node,
    /// As processes under Linux.
    Linux(Linux),
}

/// What is particular to a machine that runs Linux.
struct Linux {
    /// System call numbers: write, wait4, exit_group.
    write: u32,
    wait4: u32,
    exit_group: u32,
    /// Instructions that make `v2` the result of a fork.
    fork: &'static str,
}

/// The machines.
pub static MACHINES: &[Machine] = &[
    Machine {
        name: "x64-linux",
        how: How::Linux(Linux {
            write: 1,
            wait4: 61,
            exit_group: 231,
            fork: "v1:i64 = iconst 57\n  v2:i64 = syscall v1",
        }),
    },
    Machine {
        name: "a64-linux",
        how: How::Linux(Linux { write: 64, wait4: 260, exit_group: 94, fork: CLONE }),
    },
    Machine {
        name: "rv64-linux",
        how: How::Linux(Linux { write: 64, wait4: 260, exit_group: 94, fork: CLONE }),
    },
    Machine { name: "wasm32-wasi", how: How::Wasmi },
    Machine { name: "wasm32-wasi", how: How::Node },
];

/// `clone` with SIGCHLD, on machines with Linux's generic system call numbers.
const CLONE: &str = "v1:i64 = iconst 220\n  v20:i64 = iconst 17\n  v21:i64 = iconst 0\n  \
                     v2:i64 = syscall v1, v20, v21, v21, v21, v21";

impl Machine {
    /// The target.
    pub fn target(&self) -> Target {
        target::parse(self.name).expect("a supported target")
    }

    /// Whether its programs can be run here; a missing emulator is named.
    pub fn runs_here(&self) -> bool {
        match self.how {
            How::Wasmi => true,
            How::Node => engines::node().is_some(),
            How::Linux(_) => !engines::of(self.target()).is_empty(),
        }
    }
}

impl Linux {
    /// The driver with this machine's numbers.
    fn driver(&self) -> String {
        DRIVER
            .replace("FORK", self.fork)
            .replace("WRITE", &self.write.to_string())
            .replace("WAIT4", &self.wait4.to_string())
            .replace("EXIT_GROUP", &self.exit_group.to_string())
    }

    /// The function that makes every call in a process of its own.
    fn main(&self, calls: usize) -> String {
        let mut main = String::from("func @__main {\nb0(v0:i64):\n  call @__relocate()\n");
        for i in 0..calls {
            let _ = writeln!(main, "  v{}:i64 = symaddr @__run{i}\n  call @__spawn(v{})", i + 1, i + 1);
        }
        let n = calls + 1;
        let _ = writeln!(main, "  v{n}:i64 = iconst {}\n  v{}:i64 = iconst 0", self.exit_group, n + 1);
        let _ = writeln!(main, "  v{}:i64 = syscall v{n}, v{}\n  unreachable\n}}", n + 2, n + 1);
        main
    }
}

const DRIVER: &str = "
declare func @_start() export
declare data @__relr_start
declare data @__relr_end
declare data @__image_base
declare data @__record
data @__record align 8 writable zero 16

func @__relocate {
b0:
  v0:addr = symaddr @__relr_start
  v1:i64 = symaddr @__relr_end
  v2:addr = symaddr @__image_base
  jump b1(v0, v2)
b1(v3:addr, v4:addr):
  v5:i64 = icmp ult v3, v1
  brif v5, b2, b9
b2:
  v6:i64 = load.64 v3+0
  v7:i64 = iconst 8
  v8:addr = add v3, v7
  v9:i64 = iconst 1
  v10:i64 = and v6, v9
  brif v10, b4, b3
b3:
  v11:addr = add v6, v2
  v12:i64 = load.64 v11+0
  v13:i64 = add v12, v2
  store.64 v11+0, v13
  v14:addr = add v11, v7
  jump b1(v8, v14)
b4:
  v15:i64 = ushr v6, v9
  jump b5(v15, v4)
b5(v16:i64, v17:addr):
  v18:i64 = iconst 0
  v19:i64 = icmp ne v16, v18
  brif v19, b6, b8
b6:
  v20:i64 = and v16, v9
  v21:i64 = mul v20, v2
  v22:i64 = load.64 v17+0
  v23:i64 = add v22, v21
  store.64 v17+0, v23
  v24:i64 = ushr v16, v9
  v25:addr = add v17, v7
  jump b5(v24, v25)
b8:
  v26:i64 = iconst 504
  v27:addr = add v4, v26
  jump b1(v8, v27)
b9:
  ret
}

func @__write {
b0:
  v0:i64 = iconst 1
  v1:i64 = symaddr @__record
  v2:i64 = iconst 16
  v4:i64 = iconst WRITE
  v3:i64 = syscall v4, v0, v1, v2
  ret
}

func @__spawn {
b0(v0:i64):
  FORK
  v3:addr = symaddr @__record
  brif v2, b1, b2
b1:
  v4:i64 = iconst WAIT4
  v6:i64 = iconst 8
  v5:i64 = add v3, v6
  v7:i64 = iconst 0
  v8:i64 = syscall v4, v2, v5, v7, v7
  v9:i64 = iconst 2
  store.64 v3+0, v9
  call @__write()
  ret
b2:
  v10:i64 = iconst 1
  store.64 v3+0, v10
  call.ind v0()
  call @__write()
  v11:i64 = iconst EXIT_GROUP
  v12:i64 = iconst 0
  v13:i64 = syscall v11, v12
  unreachable
}
";

/// What functions of `mochi_ir::fuzz::World` do on a machine: objects follow one another in a room, and
/// what is seen becomes one word.
const WORLD: [(&str, &str); 3] = [
    (
        "new",
        "
declare data @__room
data @__room align 16 writable zero ROOM
func @new -> ref {
b0(v0:i64):
  v1:addr = symaddr @__room
  v2:i64 = load.64 v1+0
  v3:i64 = add v2, v0
  store.64 v1+0, v3
  v4:addr = add v1, v2
  v5:i64 = iconst 16
  v6:ref = add v4, v5
  ret v6
}
",
    ),
    (
        "see",
        "
declare data @__seen
data @__seen align 8 writable zero 8
func @see {
b0(v0:i64):
  v1:addr = symaddr @__seen
  v2:i64 = load.64 v1+0
  v3:i64 = iconst 31
  v4:i64 = mul v2, v3
  v5:i64 = add v4, v0
  store.64 v1+0, v5
  ret
}
",
    ),
    (
        "see_int",
        "
func @see_int {
b0(v0:ref):
  v1:i64 = copy v0
  call @see(v1)
  ret
}
",
    ),
];

/// Bytes that the objects of a run may take.
pub const ROOM: u64 = 1 << 16;

/// A slow path: what the op gives if an operand is none. No run needs more.
fn slow_path(name: &str) -> String {
    let result = if matches!(name, "int_cmp_slow" | "int_eq_slow") { "i64" } else { "ref" };
    let (params, second) = if name == "int_neg_slow" { ("v0:ref", "v0") } else { ("v0:ref, v1:ref", "v1") };
    let none = match name {
        "int_eq_slow" => "icmp ne v0, v1",
        "int_cmp_slow" => "iconst 2",
        _ => "iconst 1",
    };
    format!(
        "
func @{name} preserve_all -> {result} {{
b0({params}):
  v2:i64 = iconst 1
  v3:i64 = icmp eq v0, v2
  v4:i64 = icmp eq {second}, v2
  v5:i64 = or v3, v4
  brif v5, b1, b2
b1:
  v6:{result} = {none}
  ret v6
b2:
  unreachable
}}
"
    )
}

/// Definitions that a module given as text does not have: slow paths, and what it uses of the random
/// functions' world.
pub fn definitions(text: &str) -> String {
    let plain = parse_module(text).expect("IR parses");
    let defined = |name: &str| plain.lookup(name).is_some_and(|s| plain.funcs.iter().any(|f| f.sym == s));
    let slow = Op::SLOW_PATHS.into_iter().filter(|name| !defined(name)).map(slow_path);
    let world = WORLD.iter().filter(|(name, _)| plain.lookup(name).is_some() && !defined(name));
    let world = world.map(|(_, text)| text.replace("ROOM", &(ROOM + 16).to_string()));
    slow.chain(world).collect()
}

/// Compiles and runs the calls of functions of a module given as text.
pub fn run(
    machine: &Machine,
    text: &str,
    passes: &[String],
    calls: &[Call],
    options: Options,
) -> Vec<Outcome> {
    let plain = parse_module(text).expect("IR parses");
    let (mut all, main) = match &machine.how {
        How::Wasmi | How::Node => (wasm::DRIVER.to_string(), wasm::main(calls.len())),
        How::Linux(linux) => (linux.driver(), linux.main(calls.len())),
    };
    all.push_str(text);
    all.push_str(&definitions(text));
    for (i, call) in calls.iter().enumerate() {
        all.push_str(&runner(&plain, i, call));
    }
    all.push_str(&main);
    let mut module = parse_module(&all).expect("driver parses");
    run_named(&mut module, &Library::EMPTY, passes);
    let program = executable(machine, &module, options);
    match machine.how {
        How::Wasmi => return wasm::run(&program, calls.len()),
        How::Node => return wasm::run_in_node(&program, calls.len()),
        How::Linux(_) => {}
    }
    let output = execute(machine, &program);
    let words: Vec<u64> = output.chunks_exact(8).map(|c| u64::from_le_bytes(c.try_into().unwrap())).collect();
    let mut outcomes = Vec::new();
    let mut value = 0;
    for record in words.chunks_exact(2) {
        match record[0] {
            1 => value = record[1],
            _ if record[1] as u32 & 0x7f != 0 => outcomes.push(Outcome::Signal(record[1] as u32 & 0x7f)),
            _ => outcomes.push(Outcome::Returned(value)),
        }
    }
    assert_eq!(outcomes.len(), calls.len(), "every call has a record");
    outcomes
}

/// A function without parameters that makes a call and stores the result.
fn runner(module: &Module, index: usize, call: &Call) -> String {
    let sym = module.lookup(call.func).expect("function of a run");
    let SymKind::Func(sig) = &module.sym(sym).kind else { panic!("{} is data", call.func) };
    let mut s = format!("func @__run{index} {{\nb0:\n");
    for (i, (&a, ty)) in call.args.iter().zip(&sig.params).enumerate() {
        let _ = match ty {
            Type::F64 => {
                let _ = writeln!(s, "  v{}:i64 = iconst {}", 100 + i, a as i64);
                writeln!(s, "  v{i}:f64 = fbits.from v{}", 100 + i)
            }
            ty => writeln!(s, "  v{i}:{} = iconst {}", ty.name(), a as i64),
        };
    }
    let args: Vec<String> = (0..call.args.len()).map(|i| format!("v{i}")).collect();
    let target = format!("call @{}({})", call.func, args.join(", "));
    let _ = match sig.result {
        None => writeln!(s, "  {target}"),
        Some(ty) => {
            let store = if ty == Type::F64 { "store.f64" } else { "store.64" };
            writeln!(
                s,
                "  v50:{} = {target}\n  v51:addr = symaddr @__record\n  {store} v51+8, v50",
                ty.name()
            )
        }
    };
    s.push_str("  ret\n}\n");
    s
}

/// Links a module whose first function to run is `__main`.
pub fn executable(machine: &Machine, module: &Module, options: Options) -> Vec<u8> {
    let target = machine.target();
    let context = Context::new(module, target, options);
    let mut object = compile_module(&context);
    let (entry, start) = (module.lookup("_start").unwrap(), module.lookup("__main").unwrap());
    object.atoms.push(entry_stub(target, entry, start));
    let input = LinkInput {
        object: &object,
        archives: &[],
        entry: "_start",
        symbols: true,
        debug: None,
        build_id: false,
    };
    link(&input).expect("links").bytes
}

/// Runs an executable and returns what it printed.
fn execute(machine: &Machine, bytes: &[u8]) -> Vec<u8> {
    let scratch = Scratch::new("isa");
    let path = scratch.path("program");
    process::write_executable(&path, bytes).expect("written");
    let engine = engines::of(machine.target()).into_iter().next().expect("checked before");
    let start = Start { args: &[], stdin: b"", env: &[], folder: &scratch.0, time: Duration::from_secs(60) };
    let ran = engine.run(&path, &start).expect("started");
    assert_eq!(ran.end, End::Status(0), "{}: {}", engine.name(), String::from_utf8_lossy(&ran.stderr));
    ran.stdout
}
