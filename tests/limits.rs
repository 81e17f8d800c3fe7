//! The ends of stack and memory: a message and a trace, status 1, and everything printed before.
//! On every engine, with the limits that it has by itself.

mod common;

use common::mochi;
use mochi_objwrite::target::{self, Os, TARGETS};
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
    build_with(s, source, target, &[])
}

fn build_with(s: &Scratch, source: &str, target: &str, options: &[&str]) -> PathBuf {
    s.write("prog.mochi", source);
    let args = ["build", "prog.mochi", "--target", target, "-o", "prog"];
    let built = output(mochi().args(args).args(options).current_dir(&s.0));
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
    engine.run(program, &Start { args: &[], stdin: b"", env, folder, time: TIME }).expect("it starts")
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

/// Flags with which Node.js runs code of one tier only: the first, or the optimising one.
const TIERS: [&str; 2] = ["--liftoff --no-wasm-tier-up", "--no-liftoff"];

/// What a function has of each: parameters, values that live across a call, operands that wait for it.
struct Shape {
    params: usize,
    live: usize,
    operands: usize,
    float: bool,
}

impl Shape {
    /// A function of this shape that calls itself for ever.
    fn function(&self, name: usize) -> String {
        let (ty, unit) = if self.float { ("float", "1.5") } else { ("int", "1") };
        let params = self.params;
        let list = |f: &dyn Fn(usize) -> String| (0..params).map(f).collect::<String>();
        let declared = list(&|i| format!(", p{i}: {ty}"));
        let rotated = list(&|i| format!(", p{}", (i + 1) % params));
        let live: String =
            (0..self.live).map(|i| format!("  let a{i} = start * {unit} + (n + {i}) * {unit}\n")).collect();
        let after: String = (0..self.live).map(|i| format!(" + a{i}")).collect();
        let waiting: String = (0..self.operands).map(|i| format!("(n + {i}) * {unit} - (")).collect();
        let closed = ")".repeat(self.operands);
        let used = if params > 0 { "p0" } else { unit };
        format!(
            "fun f{name}(n: int{declared}): {ty} {{
{live}  if n == start {{ return {unit} }}
  return {waiting}f{name}(n + 1{rotated}) + {used}{closed}{after}
}}
"
        )
    }

    /// A call of it.
    fn call(&self, name: usize) -> String {
        let unit = if self.float { "1.5" } else { "1" };
        format!("if which == \"{name}\" {{ print(f{name}(1{})) }}\n", format!(", {unit}").repeat(self.params))
    }
}

fn shapes() -> Vec<Shape> {
    let counts = [0, 1, 5, 6, 8, 16, 64];
    let kinds = |n| [(n, 0, 0), (0, n, 0), (0, 0, n), (n, n, n)];
    let all = counts.into_iter().flat_map(kinds).zip([false, true, true].into_iter().cycle());
    all.map(|((params, live, operands), float)| Shape { params, live, operands, float }).collect()
}

/// An engine that cannot be asked how large its frames are: ours are at least as large, whatever a
/// function has, in both of its tiers and however we compile.
#[test]
fn frames_of_many_shapes() {
    let Some(node) = engines::node() else { return };
    let shapes = shapes();
    let mut source = "var start = 0\nlet which = input()\n".to_string();
    source.extend(shapes.iter().enumerate().map(|(i, shape)| shape.function(i)));
    source += "print(\"before\")\n";
    source.extend(shapes.iter().enumerate().map(|(i, shape)| shape.call(i)));
    for target in TARGETS.iter().filter(|t| t.os == Os::Wasi) {
        for options in [&[][..], &["--debug"]] {
            let s = Scratch::new("shapes");
            let program = build_with(&s, &source, target.short, options);
            let runs: Vec<(usize, &str)> =
                (0..shapes.len()).flat_map(|i| TIERS.map(|flags| (i, flags))).collect();
            mochi_testkit::parallel(2, &runs, |&(i, flags)| {
                let mut command = Command::new(node);
                command.args(flags.split(' ')).args(["--no-warnings", engines::NODE_SCRIPT]).arg(&program);
                let outcome = mochi_testkit::process::run(
                    &mut command,
                    format!("{i}\n").as_bytes(),
                    TIME * engines::SLOWER,
                );
                let place = format!("f{i}, {options:?}, {flags}");
                let innermost = format!("  at f{i} (prog.mochi:");
                check(&place, &outcome.expect("it starts"), "stack overflow", &innermost);
            });
        }
    }
}

/// What the runtime does by recursion over values that are nested deeply.
const NESTED: &str = "\
type Tree = Leaf | Node(left: Tree, value: int)
fun tree(n: int): Tree {
  var t: Tree = Leaf
  for i in 0..n { t = Node { left: t, value: i } }
  return t
}
fun nest(n: int): any {
  var xs: any = 1
  for i in 0..n { xs = [xs] }
  return xs
}
let which = input()
let size = 100000
print(\"before\")
if which == \"0\" { print(tree(size)) }
if which == \"1\" { print(tree(size) == tree(size)) }
if which == \"2\" { print(nest(size)) }
if which == \"3\" { json(nest(size)) }
if which == \"4\" { print(len(str(nest(size)))) }
if which == \"5\" { print(len(distinct([nest(size), nest(size)]))) }
if which == \"6\" { print(nest(size) == nest(size)) }
if which == \"7\" {
  var m: map<any, int> = {}
  m[nest(size)] = 1
  print(len(m))
}
if which == \"8\" {
  let kept = [nest(size)]
  var n = 0
  for i in 0..300000 { n = n + len([i, i + 1]) }
  print(n, len(kept))
}
if which == \"9\" { print(len(from x in [nest(size), nest(size)] group by x into g select count(g))) }
";

/// Each ends with its result or with a stack overflow, and loses nothing.
#[test]
fn deep_values() {
    for target in TARGETS.iter().filter(|t| t.os == Os::Wasi) {
        let s = Scratch::new("nested");
        let program = build(&s, NESTED, target.short);
        for engine in engines::of(target) {
            for which in 0..10 {
                let stdin = format!("{which}\n");
                let start = Start {
                    args: &[],
                    stdin: stdin.as_bytes(),
                    env: &[("MOCHI_STACK", "0")],
                    folder: &s.0,
                    time: TIME,
                };
                let outcome = engine.run(&program, &start).expect("it starts");
                let (stdout, stderr) = (text(&outcome.stdout), text(&outcome.stderr));
                let place = format!("{}, {which}: {stderr}", engine.name());
                assert!(stdout.starts_with("before\n"), "{place}");
                if outcome.end == End::Status(0) {
                    assert_eq!((stderr.as_str(), stdout.lines().count()), ("", 2), "{place}");
                } else {
                    assert_eq!(outcome.end, End::Status(1), "{place}");
                    assert!(stderr.starts_with("stack overflow\n  at __main (prog.mochi:"), "{place}");
                }
            }
        }
    }
}

/// On an engine with less stack than V8 has the engine ends the program: with nothing lost.
#[test]
fn a_small_stack() {
    let Some(node) = engines::node() else { return };
    let s = Scratch::new("small");
    for target in TARGETS.iter().filter(|t| t.os == Os::Wasi) {
        let program = build(&s, DEEP, target.short);
        let mut command = Command::new(node);
        command.args(["--stack-size=500", "--no-warnings", engines::NODE_SCRIPT]).arg(&program);
        let outcome = mochi_testkit::process::run(&mut command, b"", TIME).expect("it starts");
        assert_eq!(text(&outcome.stdout), "before\n");
        assert!(text(&outcome.stderr).contains("RangeError"), "{}", text(&outcome.stderr));
    }
}

/// Has Node.js say how much memory it has used, in KiB, on standard error.
const NODE_MEMORY: &str =
    "--import=data:text/javascript,process.on('exit',()=>console.error(process.resourceUsage().maxRSS))";

/// Values of every type that live long, in functions that are large: an engine that copies all locals where
/// control flow joins does not need memory for their product.
#[test]
fn many_locals() {
    let Some(node) = engines::node() else { return };
    let s = Scratch::new("locals");
    let mut source = "fun half(x: float): float { return x * 0.5 }\nfun wide(n: int): int {\n".to_string();
    for i in 0..2500 {
        source += &format!("  let a{i} = n * n + {i}\n  let f{i} = half(1.0 * n + {i})\n");
        source += &format!("  var t{i} = [n]\n  if a{i} % 7 > 2 {{ t{i} = [a{i}, n] }}\n");
    }
    source += "  var sum = 0\n";
    for i in 0..2500 {
        source += &format!("  if f{i} > 600.0 {{ sum = sum * 3 % 1000003 + a{i} + len(t{i}) }}\n");
    }
    source += "  return sum\n}\nprint(wide(10))\n";
    let host = output(&mut Command::new(build(&s, &source, target::host().expect("a target").short)));
    for target in TARGETS.iter().filter(|t| t.os == Os::Wasi) {
        for options in [&[][..], &["--debug"]] {
            let program = build_with(&s, &source, target.short, options);
            let mut command = Command::new(node);
            command.args(["--no-warnings", NODE_MEMORY, engines::NODE_SCRIPT]).arg(&program);
            let outcome = mochi_testkit::process::run(&mut command, b"", TIME * engines::SLOWER);
            let outcome = outcome.expect("it starts");
            assert_eq!(text(&outcome.stdout), text(&host.stdout), "{options:?}");
            let memory: u64 = text(&outcome.stderr).trim().parse().expect("a number");
            assert!(memory < 500_000, "{options:?}: {memory} KiB");
        }
    }
}

/// Of millions of nodes, each linked from the one before it, only the last is ever in reach, also when the
/// first is the first object of all. What follows is what they print.
const QUEUES: [(&str, &str); 6] = [
    (
        "\
type Q { v: int, next: Q? }
fun step(q: Q, i: int): Q {
  let n = Q { v: i, next: none }
  q.next = n
  return n
}
var tail = Q { v: 0, next: none }
for i in 0..5000000 { tail = step(tail, i) }
print(tail.v)
",
        "4999999\n",
    ),
    (
        "\
type Q { v: int, next: any }
fun go(n: int): int {
  var tail = Q { v: 0, next: none }
  var i = 0
  while i < n {
    let q = Q { v: i, next: none }
    tail.next = q
    tail = q
    i = i + 1
  }
  return tail.v
}
print(go(5000000))
",
        "4999999\n",
    ),
    // In a loop, after other loops, with nodes that were printed.
    (
        "\
type Q { v: int, next: any }
var tail = Q { v: 0, next: none }
var a = Q { v: 7, next: tail }
var b = Q { v: 8, next: a }
print(a.v + b.v)
a = Q { v: 9, next: none }
b = Q { v: 9, next: none }
for k in [1, 2, 3] {
  for i in 0..2000000 {
    let q = Q { v: i * k, next: none }
    tail.next = q
    tail = q
  }
  print(tail)
  print(str(tail.v) + str(a.v) + str(b.v))
}
",
        "\
15
{\"__name\": \"Q\", \"next\": nil, \"v\": 1999999}
199999999
{\"__name\": \"Q\", \"next\": nil, \"v\": 3999998}
399999899
{\"__name\": \"Q\", \"next\": nil, \"v\": 5999997}
599999799
",
    ),
    // Nodes with lists, and calls.
    (
        "\
type Q { v: list<int>, next: any }
fun make(i: int): Q { return Q { v: [i, i + 1], next: none } }
fun link(a: Q, b: Q): Q { a.next = b  return b }
fun total(a: Q): int { return sum(a.v) }
fun run(n: int): int {
  var t = make(0)
  var acc = 0
  for i in 0..n {
    t = link(t, make(i))
    acc = (acc + total(t)) % 1000003
  }
  return acc
}
print(run(3000000))
",
        "81\n",
    ),
    // In a closure.
    (
        "\
type Q { v: int, next: any }
fun make(): fun(int): int {
  var tail = Q { v: 0, next: none }
  return fun(i: int): int {
    let q = Q { v: i, next: none }
    tail.next = q
    tail = q
    return tail.v
  }
}
let f = make()
var last = 0
for i in 0..5000000 { last = f(i) }
print(last)
",
        "4999999\n",
    ),
    // More variables than registers.
    (
        "\
type Q { v: int, next: any, a: int, b: float, c: string }
fun calc(a: int, b: int, c: int, d: int, e: int, f: int): int {
  var t = Q { v: a, next: none, a: b, b: 1.5, c: \"x\" }
  var s1 = a + b
  var s2 = b * c
  var s3 = c - d
  var s4 = d * e
  var s5 = e + f
  var s6 = f - a
  var x = 1.5
  for i in 0..2000000 {
    let q = Q { v: i, next: none, a: s1, b: x, c: \"y\" }
    t.next = q
    t = q
    s1 = s1 + s2 % 7
    s2 = s2 + s3 % 5
    s3 = s3 + s4 % 3
    s4 = s4 + s5 % 9
    s5 = s5 + s6 % 11
    s6 = s6 + s1 % 13
    x = x * 0.5 + 1.0
  }
  return t.v + s1 + s2 + s3 + s4 + s5 + s6
}
print(calc(1, 2, 3, 4, 5, 6))
",
        "44020637\n",
    ),
];

/// What nobody can reach is freed: neither the collector's own variables hold anything, nor what is left in
/// registers and frames, nor numbers that look like addresses.
#[test]
fn queues_in_little_memory() {
    let s = Scratch::new("queues");
    QUEUES.iter().for_each(|(source, printed)| in_little_memory(&s, source, printed));
}

/// Neither is anything held by slots of values that live in the frame, as they do in functions of so many blocks
/// and values.
#[test]
fn queue_in_a_large_function() {
    let of_all = |line: fn(usize) -> String| (0..500).map(line).collect::<String>();
    let variables = of_all(|i| format!("  var v{i} = x + {i}\n"));
    let joins = of_all(|i| format!("  if v{i} % 3 == x {{ v{i} = v{i} + first.v }}\n"));
    let sum = of_all(|i| format!("  sum = (sum + v{i}) % 1000\n"));
    let source = format!(
        "\
type Q {{ v: int, next: any }}
fun f(x: int): int {{
  let kept = \"kept\" + str(x)
  var first = Q {{ v: x, next: none }}
{variables}{joins}  var tail = first
  for i in 0..2000000 {{
    let q = Q {{ v: i + x, next: none }}
    tail.next = q
    tail = q
  }}
  print(kept)
  var sum = tail.v
{sum}  return sum
}}
print(f(len(input())))
"
    );
    in_little_memory(&Scratch::new("large"), &source, "kept0\n749\n");
}

/// Builds and runs a program on this machine and on WebAssembly.
fn in_little_memory(s: &Scratch, source: &str, printed: &str) {
    let host = target::host().expect("a target");
    for options in [&[][..], &["--debug"]] {
        let program = build_with(s, source, host.short, options);
        let mut limited = Command::new("sh");
        limited.args(["-c", "ulimit -v 80000 && exec \"$0\""]).arg(&program);
        let outcome = mochi_testkit::process::run(&mut limited, b"", TIME).expect("it starts");
        let said = (text(&outcome.stdout), text(&outcome.stderr));
        assert_eq!(said, (printed.to_string(), String::new()), "{options:?} {source}");
        for target in TARGETS.iter().filter(|t| t.os == Os::Wasi) {
            let program = build_with(s, source, target.short, options);
            if let Some(engine) = engines::of(target).into_iter().find(|e| e.name().contains("node")) {
                let outcome = run(&engine, &program, &[("MOCHI_STACK", "0"), ("WASM_PAGES", "200")]);
                let said = (text(&outcome.stdout), text(&outcome.stderr));
                assert_eq!(said, (printed.to_string(), String::new()), "{options:?} {source}");
            }
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
            let options = wasi::Options {
                args: &[],
                stdin: b"",
                env: &[],
                time: TIME * engines::SLOWER,
                memory: pages << 16,
            };
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

/// Signals that ask a program to end: what was printed is written first.
#[test]
fn ended_by_a_signal() {
    let s = Scratch::new("signal");
    let program =
        "print(\"first\")\neprint(\"started\")\nprint(\"last\")\nvar i = 0\nwhile true { i = i + 1 }\n";
    let target = target::host().expect("a target");
    build(&s, program, target.short);
    for signal in ["HUP", "INT", "QUIT", "ALRM", "TERM", "XCPU"] {
        // Whoever runs the tests may ignore some.
        let script = format!(
            "ulimit -c 0; env --default-signal={signal} ./prog > out 2> err & \
             while ! [ -s err ]; do sleep 0.01; done; kill -{signal} $!; wait $!; echo $?"
        );
        let ran = output(Command::new("timeout").args(["20", "bash", "-c", &script]).current_dir(&s.0));
        let status: i32 = text(&ran.stdout).trim().parse().expect("a status");
        assert!(status > 128, "{signal}: {status}");
        let out = std::fs::read(s.path("out")).expect("the output");
        assert_eq!(text(&out), "first\nlast\n", "{signal}");
        std::fs::remove_file(s.path("err")).expect("removed");
    }
}

/// A struct with more fields than descriptors have room for.
#[test]
fn a_struct_with_too_many_fields() {
    let s = Scratch::new("fields");
    let fields = |n: usize| (0..n).map(|i| format!("f{i}: int")).collect::<Vec<_>>().join(", ");
    for (n, status) in [(10_000, 0), (10_001, 1)] {
        s.write("p.mochi", &format!("type T {{ {} }}\nlet t: T? = none\nprint(t == none)\n", fields(n)));
        let checked = output(mochi().args(["check", "p.mochi"]).current_dir(&s.0));
        assert_eq!(checked.status.code(), Some(status), "{n}: {}", text(&checked.stderr));
        assert_eq!(text(&checked.stderr).contains("P103"), status == 1);
    }
}

/// A function that calls itself with ever larger types is compiled for few of them.
#[test]
fn types_that_grow_with_every_call() {
    let s = Scratch::new("types");
    let source =
        "fun f<T>(x: T, n: int): int { if n == 0 { return 0 } return f([x], n - 1) + 1 }\nprint(f(1, 40))\n";
    s.write("p.mochi", source);
    let built = output(mochi().args(["build", "p.mochi", "--emit", "ir", "-o", "p.ir"]).current_dir(&s.0));
    assert!(built.status.success(), "{}", text(&built.stderr));
    let ir = std::fs::read_to_string(s.path("p.ir")).expect("the output");
    let functions = ir.lines().filter(|l| l.starts_with("func @")).count();
    assert!((5..20).contains(&functions), "{functions}");
}
