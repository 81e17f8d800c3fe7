//! Runs programs written in the system dialect against the runtime: by the interpreter.

use mochi_ir::interp::{self, Linux, Machine, Trap};
use mochi_ir::{Module, Type, text};
use mochi_lang::system;
use mochi_objwrite::target;

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
