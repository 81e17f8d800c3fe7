//! Large and odd functions: they compile in about linear time, with correct branch distances, and
//! do the right thing.
#![cfg(target_os = "linux")]

mod native;

use mochi_isa::Options;
use native::{Call, MACHINES, Outcome};
use std::fmt::Write;

/// What every machine makes of the calls.
fn run_all(text: &str, calls: &[Call], options: Options) -> Vec<Outcome> {
    let machines = MACHINES.iter().filter(|m| m.start().is_some());
    let mut all: Vec<_> = machines.map(|m| (m.name, native::run(m, text, calls, options))).collect();
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
