//! Compiles programs written in the system dialect against the runtime, and runs them by the
//! interpreter, on this machine, and on the engines of other targets.
#![allow(dead_code, reason = "each test binary uses a part of this")]

use mochi_ir::interp::{self, Linux, Machine, Trap};
use mochi_ir::{Module, Type, text};
use mochi_isa::{Context, Options, module::compile_module};
use mochi_lang::system::{self, Compiled};
use mochi_objwrite::Archive;
use mochi_objwrite::link::{LinkInput, link};
use mochi_objwrite::target::{self, Os, TARGETS, Target};
use mochi_testkit::Scratch;
use mochi_testkit::engines::{self, Start};
use mochi_testkit::process::{self, End};
use std::process::Command;
use std::time::Duration;

/// Time of a program.
const TIME: Duration = Duration::from_secs(60);

/// What a program did.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Compiles a program that may use every function of the runtime, and data it declares `extern`.
pub fn compile(program: &str) -> Module {
    let name = |t: &Type| match t {
        Type::I64 => "i64",
        Type::Addr => "ptr",
        Type::Ref => "ref",
        Type::F64 => "f64",
    };
    let mut prelude = String::new();
    for d in mochi_runtime::library().decls {
        let params: Vec<String> =
            d.params.iter().enumerate().map(|(i, t)| format!("p{i}: {}", name(t))).collect();
        let result = d.result.map_or(String::new(), |t| format!(": {}", name(&t)));
        let noreturn = if d.attributes.noreturn { "@noreturn " } else { "" };
        prelude += &format!("{noreturn}extern fun {}({}){result}\n", d.name, params.join(", "));
    }
    match system::compile(&[("prelude", &prelude), ("program", program)]) {
        Ok(Compiled { mut module, .. }) => {
            // Names of string literals would clash with the runtime's.
            module.syms.iter_mut().for_each(|s| s.export = s.name == "mochi_main");
            module
        }
        Err(errors) => panic!("{}", errors.iter().map(|e| e.to_string()).collect::<Vec<_>>().join("\n")),
    }
}

/// Runs a program, started as the system would, without arguments and with this environment.
pub fn interpret(program: &str, environment: &[&str], stdin: &str) -> Outcome {
    let host = target::host().expect("a supported host");
    let runtime = text::parse_module(mochi_runtime::ir_text(host)).expect("the runtime's IR");
    let user = compile(program);
    let linked = interp::link(&[&runtime, &user], true).expect("linked");
    let mut m = Machine::new(&linked, Linux::default());
    m.host.stdin = stdin.into();
    m.judge_regions();
    let trap = m.start("rt_start", &[], environment).expect_err("the program ends itself");
    let Trap::Exit(status) = trap else {
        panic!("{trap}\n{:?}", m.trace());
    };
    let show = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Outcome { status, stdout: show(&m.host.stdout), stderr: show(&m.host.stderr) }
}

/// Links a program.
fn executable(module: &Module, target: Target) -> Vec<u8> {
    let context = Context::new(module, target, Options::default());
    let object = compile_module(&context);
    let archive = Archive::open(mochi_runtime::archive(target)).expect("the runtime's archive");
    let input = LinkInput {
        object: &object,
        archives: &[archive],
        entry: target.platform.start,
        symbols: true,
        debug: None,
        build_id: false,
    };
    link(&input).unwrap_or_else(|e| panic!("{}: {e}", target.short)).bytes
}

impl From<process::Outcome> for Outcome {
    fn from(ended: process::Outcome) -> Outcome {
        let status = match ended.end {
            End::Status(n) => n,
            // As a shell shows it.
            End::Signal(n) => 128 + n,
            End::Timeout => panic!("no end in time; printed:\n{}", String::from_utf8_lossy(&ended.stdout)),
        };
        let show = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Outcome { status, stdout: show(&ended.stdout), stderr: show(&ended.stderr) }
    }
}

/// Which targets a program is run for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// This machine: what takes long, or has this machine's numbers.
    Host,
    /// All machines under this system: what the system does.
    System,
    /// All targets.
    All,
}

/// Links a program for these targets and runs it on their engines with this environment; all must do
/// the same.
pub fn run_module(module: &Module, on: On, environment: &[&str], stdin: &str) -> Outcome {
    let scratch = Scratch::new("runtime");
    let env: Vec<(&str, &str)> = environment.iter().filter_map(|v| v.split_once('=')).collect();
    let start = Start { args: &[], stdin: stdin.as_bytes(), env: &env, folder: &scratch.0, time: TIME };
    let host = target::host().expect("a supported host");
    let run = |target: Target| -> Vec<Outcome> {
        let engines = engines::of(target);
        let path = scratch.path(target.short);
        if !engines.is_empty() {
            process::write_executable(&path, &executable(module, target)).expect("written");
        }
        engines.iter().map(|engine| engine.run(&path, &start).expect("started").into()).collect()
    };
    let outcome = run(host).remove(0);
    let others = TARGETS.iter().filter(|&t| t != host && on != On::Host);
    for target in others.filter(|t| on == On::All || t.os == Os::Linux) {
        for found in run(target) {
            assert_eq!(found, outcome, "{}, expected as on {}", target.short, host.short);
        }
    }
    outcome
}

/// Compiles, links and runs a program for all targets.
pub fn run(program: &str, environment: &[&str], stdin: &str) -> Outcome {
    run_module(&compile(program), On::All, environment, stdin)
}

/// Runs a program on this machine after shell commands such as `ulimit`.
pub fn run_after(commands: &str, program: &str) -> Outcome {
    let scratch = Scratch::new("runtime");
    let path = scratch.path("program");
    let image = executable(&compile(program), target::host().expect("a supported host"));
    process::write_executable(&path, &image).expect("written");
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("{commands}\nexec \"$0\"")).arg(&path);
    process::run(&mut shell, b"", TIME).expect("started").into()
}

/// Runs a program by the interpreter and for all targets; all must do the same.
pub fn run_both(program: &str, environment: &[&str], stdin: &str) -> Outcome {
    let expected = interpret(program, environment, stdin);
    assert_eq!(run(program, environment, stdin), expected, "compiled, expected as interpreted");
    expected
}
