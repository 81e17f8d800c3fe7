//! The ends of stack and memory: a message and a trace, status 1, and everything printed before.
//! On every engine, with the limits that it has by itself.

mod common;

use common::mochi;
use mochi_objwrite::target::{Os, TARGETS};
use mochi_testkit::engines::{self, Engine, Start};
use mochi_testkit::process::{End, Outcome};
use mochi_testkit::{Scratch, output, text, wasi};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const TIME: Duration = Duration::from_secs(20);

/// Every call needs a frame and a reference; few are deep in registers, so engines differ.
const DEEP: &str = "\
fun down(n: int, name: string): int {
  return 1 + down(n + 1, name) + len(name)
}
print(\"before\")
print(down(0, \"x\"))
";

const FILL: &str = "\
fun fill(): int {
  var rows: list<list<int>> = []
  var i = 0
  while true {
    rows = append(rows, [i, i + 1, i + 2])
    i = i + 1
  }
  return len(rows)
}
print(\"before\")
print(fill())
";

fn build(s: &Scratch, source: &str, target: &str) -> PathBuf {
    s.write("prog.mochi", source);
    let built =
        output(mochi().args(["build", "prog.mochi", "--target", target, "-o", "prog"]).current_dir(&s.0));
    assert!(built.status.success(), "{}", text(&built.stderr));
    s.path("prog")
}

fn check(place: &str, outcome: &Outcome, message: &str, innermost: &str) {
    let stderr = text(&outcome.stderr);
    let mut lines = stderr.lines();
    assert_eq!(text(&outcome.stdout), "before\n", "{place}: {stderr}");
    assert_eq!(lines.next(), Some(message), "{place}: {stderr}");
    assert!(lines.next().is_some_and(|l| l.starts_with(innermost)), "{place}: {stderr}");
    let outermost = lines.next_back().unwrap_or("");
    assert!(outermost.starts_with("  at __main (prog.mochi:"), "{place}: {stderr}");
    assert_eq!(outcome.end, End::Status(1), "{place}");
}

fn run(engine: &Engine, program: &Path, env: &[(&str, &str)]) -> Outcome {
    let folder = program.parent().expect("a folder");
    engine.run(program, &Start { stdin: b"", env, folder, time: TIME }).expect("it starts")
}

#[test]
fn deep_recursion() {
    for target in TARGETS {
        let s = Scratch::new("deep");
        let program = build(&s, DEEP, target.short);
        for engine in engines::of(target) {
            let outcome = run(&engine, &program, &[("MOCHI_STACK", "0")]);
            // The declaration's line, where the check is in the code before the first.
            check(&engine.name(), &outcome, "stack overflow", "  at down (prog.mochi:");
        }
    }
}

/// Memory is limited as each engine lets it be.
#[test]
fn all_memory_in_use() {
    for target in TARGETS.iter().filter(|t| t.os == Os::Wasi) {
        let s = Scratch::new("fill");
        let program = build(&s, FILL, target.short);
        for pages in [100, 400] {
            let engine = engines::of(target).into_iter().find(|e| e.name().contains("node"));
            if let Some(engine) = engine {
                let outcome =
                    run(&engine, &program, &[("MOCHI_STACK", "0"), ("WASM_PAGES", &pages.to_string())]);
                check(&engine.name(), &outcome, "out of memory", "  at fill (prog.mochi:5)");
            }
            let module = std::fs::read(&program).expect("the program");
            let options =
                wasi::Options { stdin: b"", env: &[], time: TIME * engines::SLOWER, memory: pages << 16 };
            let outcome = wasi::run(&module, &options).expect("a module");
            check("wasmi", &outcome, "out of memory", "  at fill (prog.mochi:5)");
        }
    }
    if cfg!(target_os = "linux") {
        let s = Scratch::new("fill");
        let program = build(&s, FILL, mochi_objwrite::target::host().expect("a target").short);
        let mut limited = Command::new("sh");
        limited.args(["-c", "ulimit -v 200000 && exec \"$0\""]).arg(&program);
        let outcome = mochi_testkit::process::run(&mut limited, b"", TIME).expect("it starts");
        check("this machine", &outcome, "out of memory", "  at fill (prog.mochi:5)");
    }
}
