//! Large and odd functions: they compile in about linear time, with correct branch distances, and
//! do the right thing.
#![cfg(target_os = "linux")]

mod convention;
mod native;

use mochi_ir::text::parse_module;
use mochi_isa::{Context, Options, compile};
use mochi_objwrite::{RelocEntry, target};
use native::{Call, MACHINES, Outcome};
use std::fmt::Write;

/// What every machine makes of the calls.
fn run_all(text: &str, calls: &[Call], options: Options) -> Vec<Outcome> {
    let machines = MACHINES.iter().filter(|m| m.runs_here());
    let mut all: Vec<_> = machines.map(|m| (m.name, native::run(m, text, &[], calls, options))).collect();
    let (first, outcomes) = all.pop().expect("a machine");
    for (name, other) in all {
        assert_eq!(outcomes, other, "{first} and {name}");
    }
    outcomes
}

fn run(text: &str, func: &str, args: &[u64]) -> Outcome {
    run_all(text, &[Call { func, args }], Options::default())[0]
}

/// A loop around a body of 100,000 instructions: the branch back is far.
#[test]
fn straight_line() {
    let mut s = String::from("func @f -> i64 {\nb0(v0:i64):\n  v1:i64 = iconst 3\n  v2:i64 = iconst 1\n");
    s.push_str("  v3:i64 = iconst 0\n  jump b1(v0, v1)\nb1(v4:i64, v5:i64):\n");
    let (mut v, mut x) = (6, 4u64);
    for i in 0..100_000 {
        let op = ["add", "xor", "mul", "sub"][i % 4];
        let _ = writeln!(s, "  v{v}:i64 = {op} v{x}, v{}", if i % 3 == 0 { 1 } else { 0 });
        x = v;
        v += 1;
    }
    let _ = writeln!(s, "  v{v}:i64 = sub v5, v2\n  brif v{v}, b1(v{x}, v{v}), b2(v{x})",);
    let _ = writeln!(s, "b2(v{}:i64):\n  ret v{}\n}}", v + 1, v + 1);
    let mut expect = 12345u64;
    for _ in 0..3 {
        for i in 0..100_000 {
            let b = if i % 3 == 0 { 3 } else { 12345u64 };
            expect = match i % 4 {
                0 => expect.wrapping_add(b),
                1 => expect ^ b,
                2 => expect.wrapping_mul(b),
                _ => expect.wrapping_sub(b),
            };
        }
    }
    assert_eq!(run(&s, "f", &[12345]), Outcome::Returned(expect));
}

/// 15,000 diamonds, each of which adds its number when a bit is set.
#[test]
fn many_blocks() {
    let n = 15_000;
    let mut s = String::from(
        "func @f -> i64 {\nb0(v0:i64):\n  v1:i64 = iconst 0\n  v2:i64 = iconst 1\n  jump b1(v1)\n",
    );
    let mut v = 3;
    for i in 0..n {
        let b = 1 + 2 * i;
        let _ = writeln!(s, "b{b}(v{v}:i64):\n  v{}:i64 = iconst {}", v + 1, i);
        let _ = writeln!(s, "  v{}:i64 = ushr v0, v{}\n  v{}:i64 = and v{}, v2", v + 2, v + 1, v + 3, v + 2);
        let _ = writeln!(s, "  brif v{}, b{}, b{}(v{v})", v + 3, b + 1, b + 2);
        let _ = writeln!(
            s,
            "b{}:\n  v{}:i64 = add v{v}, v{}\n  jump b{}(v{})",
            b + 1,
            v + 4,
            v + 1,
            b + 2,
            v + 4
        );
        v += 5;
    }
    let _ = writeln!(s, "b{}(v{v}:i64):\n  ret v{v}\n}}", 1 + 2 * n);
    let bits = 0xdead_beef_1234_5678u64;
    let expect = (0..n).filter(|i| bits >> (i % 64) & 1 == 1).sum();
    assert_eq!(run(&s, "f", &[bits]), Outcome::Returned(expect));
}

/// Thousands of cases, dense and sparse.
#[test]
fn large_switches() {
    for stride in [1, 977] {
        let n = 3000;
        let mut s = String::from("func @f -> i64 {\nb0(v0:i64):\n  switch v0, b1");
        for i in 0..n {
            let _ = write!(s, ", {}: b{}", i * stride - 5000, i + 2);
        }
        s.push_str("\nb1:\n  v1:i64 = iconst -1\n  ret v1\n");
        for i in 0..n {
            let _ = writeln!(s, "b{}:\n  v{}:i64 = iconst {}\n  ret v{}", i + 2, i + 2, i * 7, i + 2);
        }
        s.push_str("}\n");
        let values: Vec<[u64; 1]> = (0..40).map(|k| [(k * 997 % (n + 100) * stride - 5000) as u64]).collect();
        let calls: Vec<Call> = values.iter().map(|args| Call { func: "f", args }).collect();
        for (call, got) in calls.iter().zip(run_all(&s, &calls, Options::default())) {
            let i = (call.args[0] as i64 + 5000) / stride;
            let expect = if i < n { i * 7 } else { -1 };
            assert_eq!(got, Outcome::Returned(expect as u64), "{}", call.args[0] as i64);
        }
    }
}

/// More live values than registers, across calls with many arguments, with a large frame.
#[test]
fn spills() {
    for n in [40, 3000] {
        let mut s = String::from(
            "func @g -> i64 {\nb0(v0:i64, v1:i64, v2:i64, v3:i64, v4:i64, v5:i64, v6:i64, v7:f64, v8:i64):\n",
        );
        s.push_str("  v9:i64 = add v0, v6\n  v10:i64 = add v9, v8\n  v11:i64 = fcvt.to.s64 v7\n  v12:i64 = add v10, v11\n  ret v12\n}\n");
        s.push_str("func @f -> i64 {\nb0(v0:i64):\n  v1:f64 = fcvt.from.s64 v0\n");
        for i in 0..n {
            let prev = if i == 0 { 0 } else { i + 1 };
            let _ = writeln!(s, "  v{}:i64 = call @g(v0, v0, v0, v0, v0, v0, v{prev}, v1, v0)", i + 2);
        }
        let mut sum = 2;
        for i in 1..n {
            let v = n + 1 + i;
            let _ = writeln!(s, "  v{v}:i64 = add v{sum}, v{}", i + 2);
            sum = v;
        }
        let _ = writeln!(s, "  ret v{sum}\n}}");
        let (mut value, mut total) = (7u64, 0u64);
        for _ in 0..n {
            value += 21;
            total += value;
        }
        for debug in [false, true] {
            let options = Options { debug, verify: true, ..Options::default() };
            let got = run_all(&s, &[Call { func: "f", args: &[7] }], options)[0];
            assert_eq!(got, Outcome::Returned(total), "{n} {debug}");
        }
    }
}

/// A function whose entry is a loop header.
#[test]
fn entry_is_a_loop() {
    let s = "func @f -> i64 {\nb0(v0:i64, v1:i64):\n  v2:i64 = add v1, v0\n  v3:i64 = iconst 1\n  v4:i64 = sub v0, v3\n  brif v4, b0(v4, v2), b1\nb1:\n  ret v2\n}\n";
    assert_eq!(run(s, "f", &[10, 0]), Outcome::Returned(55));
}

/// Exits of a loop, its back edge, a jump table and a constant, all further away than the short forms
/// of AArch64 reach (1 MiB, 32 KiB for tests of a bit), around a body of memory copies.
#[test]
fn far_targets() {
    let mut s = String::from(
        "declare data @a\ndeclare data @b\ndata @a align 8 writable zero 96\ndata @b align 8 writable zero 96\n\
         func @f -> i64 {\nb0(v0:i64):\n  v1:f64 = fconst 0.0\n  jump b1(v0, v1)\n\
         b1(v2:i64, v3:f64):\n  v4:f64 = fconst 0.1\n  v5:f64 = fadd v3, v4\n  v6:i64 = iconst 1024\n\
         v7:i64 = and v2, v6\n  brif v7, b2, b3\nb2:\n  v8:i64 = iconst 1\n  ret v8\n\
         b3:\n  v9:i64 = iconst 77\n  v10:i64 = icmp eq v2, v9\n  brif v10, b4, b5\n\
         b4:\n  v11:i64 = iconst 2\n  ret v11\n\
         b5:\n  switch v2, b6, 0: b7, 1: b8, 2: b9, 3: b7, 4: b8, 5: b9\n\
         b7:\n  v12:i64 = iconst 3\n  ret v12\nb8:\n  v13:i64 = iconst 4\n  ret v13\n\
         b9:\n  v14:f64 = fconst 100.0\n  v15:f64 = fmul v5, v14\n  v16:i64 = fcvt.to.s64 v15\n  ret v16\n\
         b6:\n  v17:addr = symaddr @a\n  v18:addr = symaddr @b\n  v19:i64 = iconst 96\n",
    );
    for i in 0..24_000 {
        let _ = writeln!(s, "  mem.copy {}, v19", if i % 2 == 0 { "v17, v18" } else { "v18, v17" });
    }
    s.push_str("  v20:i64 = iconst 10\n  v21:i64 = sub v2, v20\n  v22:i64 = iconst -1\n");
    s.push_str("  v23:i64 = icmp ne v21, v22\n  brif v23, b1(v21, v5), b10\n");
    s.push_str("b10:\n  v24:i64 = iconst 5\n  ret v24\n}\n");
    let calls = [1024u64, 97, 20, 21, 22, 9].map(|n| [n]);
    let calls: Vec<Call> = calls.iter().map(|args| Call { func: "f", args }).collect();
    let expect = [1, 2, 3, 4, 30, 5].map(Outcome::Returned);
    assert_eq!(run_all(&s, &calls, Options::default()), expect);
    let module = parse_module(&s).unwrap();
    let target = target::parse("a64-linux").unwrap();
    let atom = compile(&Context::new(&module, target, Options::default()), &module.funcs[0]);
    assert!(atom.function.unwrap().code_size > 1 << 20, "far enough");
}

/// Calls of functions that are further away than the shortest call of RV64 reaches (1 MiB), from a small function
/// and from both ends of a large one.
#[test]
fn far_calls() {
    let mut s = String::from(
        "declare data @a\ndeclare data @b\ndata @a align 8 writable zero 96\ndata @b align 8 writable zero 96\n\
         declare func @first(i64) -> i64\ndeclare func @last(i64) -> i64\ndeclare func @large(i64) -> i64\n\
         func @f -> i64 {\nb0(v0:i64):\n  v1:i64 = call @last(v0)\n  v2:i64 = call @large(v1)\n  ret v2\n}\n\
         func @first -> i64 {\nb0(v0:i64):\n  v1:i64 = iconst 10\n  v2:i64 = mul v0, v1\n  ret v2\n}\n\
         func @large -> i64 {\nb0(v0:i64):\n  v1:i64 = call @last(v0)\n  v2:i64 = call @first(v1)\n\
         v3:addr = symaddr @a\n  v4:addr = symaddr @b\n  v5:i64 = iconst 96\n",
    );
    for i in 0..30_000 {
        if i == 24_000 {
            s.push_str("  v8:i64 = call @first(v5)\n");
        }
        let _ = writeln!(s, "  mem.copy {}, v5", if i % 2 == 0 { "v3, v4" } else { "v4, v3" });
    }
    s.push_str("  v6:i64 = call @last(v2)\n  v7:i64 = call @first(v6)\n  ret v7\n}\n");
    s.push_str("func @last -> i64 {\nb0(v0:i64):\n  v1:i64 = iconst 1\n  v2:i64 = add v0, v1\n  ret v2\n}\n");
    assert_eq!(run(&s, "f", &[5]), Outcome::Returned(((5 + 1 + 1) * 10 + 1) * 10));
    let module = parse_module(&s).unwrap();
    let target = target::parse("rv64-linux").unwrap();
    let large = module.funcs.iter().find(|f| module.syms[f.sym.0 as usize].name == "large").unwrap();
    let atom = compile(&Context::new(&module, target, Options::default()), large);
    assert!(atom.function.unwrap().code_size > 1 << 20, "far enough");
    let function = |r: &&RelocEntry| ["first", "last"].contains(&module.syms[r.sym.0 as usize].name.as_str());
    let sizes: Vec<u32> = atom.relocs.iter().filter(function).map(|r| r.kind.row().bytes).collect();
    // Not far enough from the end there might be more veneers behind the function than a call spans.
    assert_eq!(sizes, [8, 8, 8, 4, 4], "calls at the start, in the middle and at the end");
}
