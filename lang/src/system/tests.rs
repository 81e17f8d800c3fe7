//! Tests of the system dialect: errors here, meaning by the interpreter.

use super::{Compiled, compile};
use mochi_ir::interp::{self, Linux, Machine};

fn error(text: &str) -> String {
    match compile(&[("t.mochi", text)]) {
        Ok(_) => "no error".to_string(),
        Err(errors) => errors.iter().map(|e| e.to_string()).collect::<Vec<_>>().join("\n"),
    }
}

fn ok(text: &str) {
    if let Err(errors) = compile(&[("t.mochi", text)]) {
        panic!("{}", errors.iter().map(|e| e.to_string()).collect::<Vec<_>>().join("\n"));
    }
}

#[test]
fn all_constructs() {
    ok(r#"
const A = 1 << 20
const B: u64 = 0xffff_ffff_ffff_ffff
const PI = 3.25e0
const C = A * 2 + sizeof(table)
var counter: i64 = 0
var where_: ptr = addr(table) + 8
data table = [1, 2, addr(f), addr(table) + 8, "text"]
data small: u8 = ['a', "bc", 0xff]
data zeros: zero(A * 8)
extern data __roots_start
extern fun mochi_main()
record Object { let desc: ptr }
record Pair: Object {
    var first: i64
    var flag: u8
    var size: u32
    let items: [ref]
}
const D = sizeof(Pair) + Pair.size

@inline
fun f(a: i64, b: i64): i64 {
    return if a < b { a } else { b + A }
}
@cold
fun g(r: ref, x: f64): ref {
    var i = 0
    while i < 10 && (load8(r, 3) != 'x' || x == PI) {
        i += 1
        if i == 5 { continue } else if i == 7 { break }
        counter = counter + i
    }
    for k in 0..i { store64(addr(zeros) + k * 8, k as u64, 8) }
    match i { 1, 2 => { return r } _ => { stop("no") } }
    return "end"
}
@noreturn
fun stop(message: ref) {
    while true { syscall(60, message) }
}
fun wide(a: u8, b: i16): u64 {
    let c = (a + 200) as i64 + b as i64
    return (c as u64 >> 3) / 7 % (~0 as u64) + umulh(B, c as u64)
}
fun dead(): i64 {
    return 1
    return f(1, 2)
}
fun indirect(p: ptr, r: ref): i64 {
    return call_i64(p + 8, r, 1.5, p - r) & -8
}
"#);
}

#[test]
fn messages() {
    assert_eq!(error("fun f() { let a = }"), "t.mochi:1:19: error: expected an expression, found `}`");
    assert_eq!(error("fun f(): i64 { }"), "t.mochi:1:16: error: `f` can end without `return`");
    assert_eq!(error("fun f(a: i64): u64 {\n  return a\n}"), "t.mochi:2:10: error: expected u64, found i64");
    assert_eq!(error("fun f(a: u8): u8 { return a + 300 }"), "t.mochi:1:29: error: 300 does not fit u8");
    assert_eq!(
        error("fun f(a: ref): bool { return a < a }"),
        "t.mochi:1:32: error: `<` does not apply to ref and ref"
    );
    assert_eq!(error("fun f() { g() }"), "t.mochi:1:11: error: unknown function `g`");
    assert_eq!(error("fun f() { f(1) }"), "t.mochi:1:11: error: `f` takes 0 argument(s), found 1");
    assert_eq!(
        error("const A = B const B = A"),
        "t.mochi:1:7: error: the value of `A` depends on itself\nt.mochi:1:19: error: the value of `B` depends on itself"
    );
    assert_eq!(
        error("fun f() { let a = 1 a = 2 }"),
        "t.mochi:1:21: error: `a` is declared by `let` or `for` and cannot be assigned"
    );
    assert_eq!(error("fun f() {}\nfun f() {}"), "t.mochi:2:5: error: `f` is already declared in line 1");
    assert_eq!(error("var x = 1"), "t.mochi:1:5: error: the global `x` needs a type");
    assert_eq!(
        error("fun f() { x }\nfun g() { y = 1 }"),
        "t.mochi:1:11: error: unknown name `x`\nt.mochi:2:11: error: unknown name `y`"
    );
}

/// Runs `main` of a program by the interpreter.
fn run(text: &str) -> i64 {
    let Compiled { module, .. } = match compile(&[("t.mochi", text)]) {
        Ok(module) => module,
        Err(errors) => panic!("{}", errors.iter().map(|e| e.to_string()).collect::<Vec<_>>().join("\n")),
    };
    let violations = mochi_ir::verify::verify_module(&module);
    assert!(violations.is_empty(), "{}", violations.iter().map(|v| format!("{v}\n")).collect::<String>());
    let program = interp::link(&[&module], false).expect("linked");
    let mut machine = Machine::new(&program, Linux::default());
    machine.call("main", &[]).expect("no trap").expect("a result") as i64
}

/// The value of an `i64` expression; `a` is 7, `m` -7, `b` 250 as `u8`, `x` 2.5, `p` 4096.
fn value(expr: &str) -> i64 {
    run(&format!(
        "fun main(): i64 {{ return f(7, -7, 250, 2.5, 4096 as ptr) }}
         fun f(a: i64, m: i64, b: u8, x: f64, p: ptr): i64 {{ return {expr} }}"
    ))
}

#[test]
fn arithmetic_follows_the_type() {
    assert_eq!(value("m / 2"), -3);
    assert_eq!(value("m % 2"), -1);
    assert_eq!(value("m >> 1"), -4);
    assert_eq!(value("(m as u64 >> 60) as i64"), 15);
    assert_eq!(value("(m as u64 / 2) as i64"), i64::MAX - 3);
    assert_eq!(value("(m as u64 % 10) as i64"), 9);
    assert_eq!(value("(b + 10) as i64"), 4);
    assert_eq!(value("(b as i8) as i64"), -6);
    assert_eq!(value("(b as i8 as u16) as i64"), 65530);
    assert_eq!(value("(~b) as i64"), 5);
    assert_eq!(value("(-b) as i64"), 6);
    assert_eq!(value("(b << 1) as i64"), 244);
    assert_eq!(value("(b as i8 >> 1) as i64"), -3);
    assert_eq!(value("(b * b) as i64"), 36);
    assert_eq!(value("(m as u32) as i64"), 0xffff_fff9);
    assert_eq!(value("(m as i32 as u32) as i64"), 0xffff_fff9);
    assert_eq!(value("a + 2 * 3 << 1 & 15 | 16 ^ 1"), 27);
    assert_eq!(value("-a as i64"), -7);
    assert_eq!(value("p + a - p"), 7);
    assert_eq!(value("((p + 5) & -4) as i64"), 4100);
    assert_eq!(value("0xffff_ffff_ffff_ffff"), -1);
    assert_eq!(value("'a' + '\\n' + '\\x41'"), 97 + 10 + 65);
}

#[test]
fn floats_and_conversions() {
    assert_eq!(value("(x * 3.0 - 0.5) as i64"), 7);
    assert_eq!(value("(-x) as i64"), -2);
    assert_eq!(value("(x / 0.0) as i64"), i64::MIN);
    assert_eq!(value("f64_bits(m as u64 as f64)"), (u64::MAX as f64).to_bits() as i64);
    assert_eq!(value("f64_bits((m as u64 >> 1) as f64)"), 2f64.powi(63).to_bits() as i64);
    assert_eq!(value("f64_bits(sqrt(x))"), 2.5f64.sqrt().to_bits() as i64);
    assert_eq!(value("(fabs(m as f64) + f64_from_bits(f64_bits(x))) as i64"), 9);
    assert_eq!(value("if x != x { 1 } else { 2 }"), 2);
    assert_eq!(value("(b as f64 as i64)"), 250);
}

#[test]
fn conditions() {
    assert_eq!(value("if m < a && m as u64 > a as u64 { 1 } else { 0 }"), 1);
    assert_eq!(value("(a > 3 || a / 0 == 1) as i64"), 1);
    assert_eq!(value("(a < 3 && a / 0 == 1) as i64"), 0);
    assert_eq!(value("(!(a == 7) || p != 0 && !false) as i64"), 1);
    assert_eq!(value("select(a > 8, a, 5) + select(x < 3.0, 1, 2)"), 6);
    assert_eq!(value("if a == 1 { 10 } else if a == 7 { a * 3 } else { 30 }"), 21);
    assert_eq!(value("clz(1) + ctz(8) + popcnt(255) + clz(0)"), 63 + 3 + 8 + 64);
    assert_eq!(value("addc(m, 1, 3) + carry(m, m, a)"), -5 + 1);
    assert_eq!(value("(umulh(m as u64, 3) as i64) + smulh(m, 3) + rotr(a, 1)"), 2 - 1 + (i64::MIN | 3));
}

#[test]
fn loops_and_memory() {
    let program = r#"
data desc_str = [4]
data area: zero(64)
data words = [1, addr(area) + 8, "hé"]
data small: i16 = [-1, 300, 0x7fff]
data floats: f64 = [1.5]
var total: i64 = 3
var last: u8 = 255

fun main(): i64 {
    var n = 0
    for i in 0..10 {
        if i == 3 { continue }
        if i == 8 { break }
        n += i
    }
    var k = 0
    while true {
        k += 1
        match k {
            1, 2 => { continue }
            5 => { break }
            _ => { n += 100 }
        }
    }
    for b in 250 as u8..last { total += 1 }
    store64(loadptr(addr(words), 8), n)
    store16(addr(area), -2, 2)
    memcopy(addr(area) + 32, addr(area), 16)
    memfill(addr(area), 0xff, 8)
    let s = loadref(addr(words), 16)
    let text = load64(s, 8) * 10 + load64(s, 16) + load8(loadptr(s, 24))
    let c = loads16(addr(small)) + loads16(addr(small), 2) + loads16(addr(area) + 32, 2) + loads8(addr(area))
    return load64(addr(area) + 32, 8) * 1000000 + total * 10000 + text + c + loadf64(addr(floats)) as i64
        + call_i64(addr(twice), sizeof(area)) + sizeof(small)
}
fun twice(n: i64): i64 { return n * 2 }
"#;
    // 0+1+2+4+5+6+7 = 25, and k = 3, 4 add 200.
    let (text, c) = (3 * 10 + 2 + 'h' as i64, -1 + 300 - 2 - 1);
    assert_eq!(run(program), 225 * 1_000_000 + 8 * 10_000 + text + c + 1 + 128 + 6);
}

#[test]
fn records_are_laid_out() {
    let text = "record Pair: Object { var first: count var flag: u8 var size: u32 let items: [ref] }
        record Object { let desc: ptr }
        fun f(p: ref): i64 {
            store64(p, 1, Pair.first)
            store8(p, 2, Pair.flag)
            store64(p + 8, 3)
            return load32(p, Pair.size) + load64(p, Pair.items + 8) + load64(p, Pair.desc)
        }";
    let Compiled { module, layout } = compile(&[("t.mochi", text)]).expect("compiles");
    let rows = [
        ("Object.desc", 0),
        ("Pair.desc", 0),
        ("Pair.first", 8),
        ("Pair.flag", 16),
        ("Pair.items", 24),
        ("Pair.size", 20),
        ("sizeof Object", 8),
        ("sizeof Pair", 24),
    ];
    assert_eq!(layout, rows.map(|(name, bytes)| (name.to_string(), bytes)));
    let accesses = module.funcs[0].insts.iter().filter(|d| d.op.access_size().is_some());
    let regions: Vec<Option<&str>> = accesses.map(|d| module.regions.name(d.region)).collect();
    let (first, flag) = (Some("Pair.first"), Some("Pair.flag"));
    // Narrow fields of one word are one region, and the header is that of all objects.
    assert_eq!(regions, [first, flag, None, flag, Some("Pair.items"), Some("Object.desc")]);
    let constant = |name| module.regions.is_constant(module.regions.find(name).expect("declared"));
    assert!(constant("Object.desc") && constant("Pair.items") && !constant("Pair.first"));
    let count = |name| module.regions.is_count(module.regions.find(name).expect("declared"));
    assert!(count("Pair.first") && !count("Pair.flag"));
}

#[test]
fn records_that_are_wrong() {
    assert_eq!(error("record A: B { }"), "t.mochi:1:8: error: unknown name `B`");
    assert_eq!(error("record A: f { } fun f() { }"), "t.mochi:1:8: error: `f` is not a record");
    assert_eq!(
        error("record A: B { } record B: A { }"),
        "t.mochi:1:8: error: the record `A` begins with itself\nt.mochi:1:24: error: the record `B` begins with itself"
    );
    assert_eq!(
        error("record A { var x: i64 var x: i64 }"),
        "t.mochi:1:23: error: `A` has a field `x` already"
    );
    assert_eq!(
        error("record A { var x: i64 } fun f(): i64 { return A.y }"),
        "t.mochi:1:47: error: `A` has no field `y`"
    );
    assert_eq!(
        error("record A { let x: u32 var y: u32 }"),
        "t.mochi:1:23: error: fields in one word are all `let` or all `var`"
    );
    assert_eq!(error("record A { x: i64 }"), "t.mochi:1:12: error: expected `var`, found `x`");
}
