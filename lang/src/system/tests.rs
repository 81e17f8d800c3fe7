//! Tests of the system dialect: errors here, meaning by the interpreter.

use super::compile;

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
extern data __data_start
extern fun mochi_main()

@inline @pure
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
