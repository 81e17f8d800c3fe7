//! The C convention against a C compiler: a function of ours with many arguments of both kinds is
//! called from C and calls C, and both sides see the same values.

use crate::native::{MACHINES, Machine};
use mochi_ir::text::parse_module;
use mochi_isa::module::compile_module;
use mochi_isa::{Context, Options};
use mochi_objwrite::{RelocatableInput, relocatable};
use mochi_testkit::engines::{self, Start};
use mochi_testkit::process::End;
use mochi_testkit::{Scratch, have, output, text};
use std::fmt::Write;
use std::process::Command;
use std::time::Duration;

/// The compiler for a machine's programs, if there is one here.
fn compiler(machine: &Machine) -> Option<String> {
    let name = format!("{}-gcc", engines::gnu_name(machine.target().arch)?);
    have(&name).then_some(name)
}

/// A list of argument kinds: `d` is a float, `i` an integer.
struct Case {
    kinds: &'static str,
}

const CASES: &[Case] = &[
    Case { kinds: "" },
    Case { kinds: "idid" },
    Case { kinds: "dddddddddd" },
    Case { kinds: "iiiiiiiiii" },
    Case { kinds: "idididididididididididid" },
    Case { kinds: "ddddddddddddiiiiiiiiiiii" },
    Case { kinds: "iiiiiiiiiiiidddddddddddd" },
    Case { kinds: "dddddddddiiiiiiidddii" },
];

/// `oursN` passes its arguments on to `theirsN` in reverse order, and returns what that returns.
fn our_side() -> String {
    let mut s = String::new();
    for (n, case) in CASES.iter().enumerate() {
        let name = |k: char| if k == 'd' { "f64" } else { "i64" };
        let types: Vec<&str> = case.kinds.chars().map(name).collect();
        let params: Vec<String> = types.iter().enumerate().map(|(i, t)| format!("v{i}:{t}")).collect();
        let args: Vec<String> = (0..types.len()).rev().map(|i| format!("v{i}")).collect();
        let r = types.len();
        let reverse: Vec<&str> = types.iter().rev().copied().collect();
        let _ = writeln!(s, "declare func @theirs{n}({}) -> f64", reverse.join(", "));
        let _ = writeln!(s, "declare func @ours{n}({}) -> f64 export", types.join(", "));
        let params = if params.is_empty() { String::new() } else { format!("({})", params.join(", ")) };
        let _ = writeln!(s, "func @ours{n} -> f64 {{\nb0{params}:");
        let _ = writeln!(s, "  v{r}:f64 = call @theirs{n}({})\n  ret v{r}\n}}", args.join(", "));
    }
    s
}

/// `theirsN` checks every argument and counts; `main` calls each `oursN`.
fn their_side() -> String {
    let mut s = String::from("static int bad;\n");
    let mut main = String::from("int main(void) {\n");
    for (n, case) in CASES.iter().enumerate() {
        let list = |f: &dyn Fn(usize, char) -> String| -> String {
            case.kinds.chars().enumerate().map(|(i, k)| f(i, k)).collect::<Vec<_>>().join(", ")
        };
        let value = |i: usize, k: char| {
            let v = (i as i64 + 1) * if i.is_multiple_of(2) { 1_000_003 } else { -7 };
            if k == 'd' { format!("{v}.5") } else { format!("{v}L") }
        };
        let c_type = |k: char| if k == 'd' { "double" } else { "long" };
        let params = list(&|i, k| format!("{} a{i}", c_type(k)));
        let reverse = params.split(", ").collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join(", ");
        let or_void = |list: String| if list.is_empty() { "void".to_string() } else { list };
        let (params, reverse) = (or_void(params), or_void(reverse));
        let _ = writeln!(s, "double ours{n}({params});\ndouble theirs{n}({reverse}) {{");
        for (i, k) in case.kinds.chars().enumerate() {
            let _ = writeln!(s, "  bad += a{i} != {};", value(i, k));
        }
        let _ = writeln!(s, "  return {n}.25;\n}}");
        let _ = writeln!(main, "  bad += ours{n}({}) != {n}.25;", list(&value));
    }
    s + &main + "  return bad;\n}\n"
}

#[test]
fn arguments_are_where_c_has_them() {
    let module = parse_module(&our_side()).unwrap();
    let names: Vec<String> = (0..CASES.len()).map(|n| format!("ours{n}")).collect();
    let exports: Vec<&str> = names.iter().map(String::as_str).collect();
    for machine in MACHINES {
        let Some(cc) = compiler(machine) else { continue };
        for (engine, debug) in engines::of(machine.target()).iter().flat_map(|e| [(e, false), (e, true)]) {
            let options = Options { debug, verify: true, ..Options::default() };
            let object = compile_module(&Context::new(&module, machine.target(), options));
            let input = RelocatableInput { object: &object, archives: &[], exports: &exports, debug: None };
            let scratch = Scratch::new("convention");
            std::fs::write(scratch.path("ours.o"), relocatable(&input).unwrap().bytes).unwrap();
            scratch.write("theirs.c", &their_side());
            let args = ["-O1", "-static", "theirs.c", "ours.o", "-o", "program"];
            let built = output(Command::new(&cc).args(args).current_dir(&scratch.0));
            assert!(built.status.success(), "{}: {}", machine.name, text(&built.stderr));
            let start =
                Start { args: &[], stdin: b"", env: &[], folder: &scratch.0, time: Duration::from_secs(20) };
            let ran = engine.run(&scratch.path("program"), &start).unwrap();
            assert_eq!(ran.end, End::Status(0), "{}: arguments that differ", machine.name);
        }
    }
}
