//! Compiles programs written in the system dialect against the runtime, and runs them.

use mochi_ir::interp::{self, Linux, Machine, Trap};
use mochi_ir::{Module, Type, text};
use mochi_isa::{Context, Options, module::compile_module};
use mochi_lang::system;
use mochi_objwrite::link::{LinkInput, link};
use mochi_objwrite::{Archive, target};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

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
        Type::Ref => "ref",
        Type::F64 => "f64",
    };
    let mut prelude = String::new();
    for d in mochi_runtime::library().decls {
        let params: Vec<String> =
            d.params.iter().enumerate().map(|(i, t)| format!("p{i}: {}", name(t))).collect();
        let result = d.result.map_or(String::new(), |t| format!(": {}", name(&t)));
        let noreturn = if d.effects.noreturn { "@noreturn " } else { "" };
        prelude += &format!("{noreturn}extern fun {}({}){result}\n", d.name, params.join(", "));
    }
    match system::compile(&[("prelude", &prelude), ("program", program)]) {
        Ok(mut module) => {
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
    let base = m.memory.map(1 << 16);
    let (mut slot, mut at) = (base + 16, base + 4096);
    for variable in environment {
        m.memory.store(slot, 8, at).expect("mapped");
        m.memory.write(at, variable.as_bytes()).expect("mapped");
        slot += 8;
        at += variable.len() as u64 + 1;
    }
    let trap = m.call("rt_start", &[base]).expect_err("the program ends itself");
    let Trap::Exit(status) = trap else {
        panic!("{trap}\n{:?}", m.trace());
    };
    let show = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Outcome { status, stdout: show(&m.host.stdout), stderr: show(&m.host.stderr) }
}

/// Links a program for the host.
pub fn executable(module: &Module) -> Vec<u8> {
    let target = target::host().expect("a supported host");
    let context = Context::new(module, target, Options::default());
    let object = compile_module(&context);
    let archive = Archive::open(mochi_runtime::archive(target)).expect("the runtime's archive");
    let input = LinkInput {
        object: &object,
        archives: &[archive],
        entry: "_start",
        symbols: true,
        debug: None,
        build_id: false,
    };
    link(&input).unwrap_or_else(|e| panic!("{e}")).bytes
}

/// An executable file that goes away with this value, to be run after shell commands.
pub struct File {
    path: PathBuf,
    setup: String,
}

impl Drop for File {
    fn drop(&mut self) {
        std::fs::remove_file(&self.path).expect("removed");
    }
}

/// Writes a file to be run after shell commands such as `ulimit`.
pub fn file(bytes: &[u8], setup: &str) -> File {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("mochi-rt-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, bytes).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("executable");
    File { path, setup: setup.into() }
}

/// Runs a file with this environment.
pub fn run_file(file: File, environment: &[&str], stdin: &str) -> Outcome {
    let mut child = Command::new("sh")
        .arg("-c")
        .arg(format!("{}\nexec \"$0\"", file.setup))
        .arg(&file.path)
        .env_clear()
        .envs(environment.iter().filter_map(|v| v.split_once('=')))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    // A program that does not read may have ended already.
    let _ = child.stdin.take().expect("piped").write_all(stdin.as_bytes());
    let output = child.wait_with_output().expect("ended");
    let show = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Outcome {
        // As a shell shows it: 128 plus the number of the signal.
        status: output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or(0)),
        stdout: show(&output.stdout),
        stderr: show(&output.stderr),
    }
}

/// Compiles, links and runs a program with this environment.
pub fn run(program: &str, environment: &[&str], stdin: &str) -> Outcome {
    run_file(file(&executable(&compile(program)), ""), environment, stdin)
}

/// Runs a program by the interpreter and natively; both must do the same.
pub fn run_both(program: &str, environment: &[&str], stdin: &str) -> Outcome {
    let expected = interpret(program, environment, stdin);
    assert_eq!(run(program, environment, stdin), expected, "native, expected as interpreted");
    expected
}
