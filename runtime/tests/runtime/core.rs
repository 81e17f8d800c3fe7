//! Output, input, errors and the heap; the interpreter and the machine must agree.

use crate::common::{interpret, run_both};

fn prints(program: &str) -> String {
    let outcome = run_both(program, &[], "");
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""), "{}", outcome.stdout);
    outcome.stdout
}

#[test]
fn output_is_written_at_the_end() {
    assert_eq!(prints(r#"fun mochi_main() { out_text("hé") out_number(-120) out_newline() }"#), "hé-120\n");
}

#[test]
fn trimmed_lines() {
    let program = r#"
fun mochi_main() {
    out_text("a ") out_newline()
    out_mark() out_text("\u3000 x\u00a0") out_byte(' ') out_text("y \u2003\n") out_trim() out_newline()
    out_mark() out_text(" \t ") out_trim() out_newline()
    // Longer than the buffer, with white space on both sides of its end.
    out_mark()
    for i in 0..70000 { out_byte(' ') }
    out_byte('|')
    for i in 0..70000 { out_byte(' ') }
    out_byte('|')
    for i in 0..140000 { out_byte(' ') }
    out_trim()
    out_newline()
}"#;
    let expected = format!("a \nx\u{a0} y\n\n|{}|\n", " ".repeat(70000));
    assert_eq!(prints(program), expected);
}

#[test]
fn errors_come_after_output() {
    let outcome = run_both(r#"fun mochi_main() { out_text("before") panic_msg("no good") }"#, &[], "");
    assert_eq!((outcome.status, outcome.stdout.as_str()), (1, "before"));
    assert_eq!(outcome.stderr, "no good\n");
}

#[test]
fn environment() {
    let program = r#"fun mochi_main() {
        out_number(env_number("A")) out_byte(' ') out_number(env_number("AB")) out_byte(' ')
        out_number(env_number("NONE")) }"#;
    assert_eq!(run_both(program, &["AB=-17", "A=4", "ABC=9"], "").stdout, "4 -17 0");
}

#[test]
fn input_by_lines() {
    let program = r#"fun mochi_main() {
        for i in 0..7 { out_byte('[') out_text(input()) out_text("]\n") } }"#;
    let long = "x".repeat(150_000);
    // The return is the last byte of the first read, the line feed the first of the second.
    let split = "y".repeat((64 << 10) - 1);
    let text = format!("{split}\r\none\n\n{long}\nwith\rreturn\r\nlast\r");
    let outcome = run_both(program, &[], &text);
    let expected = format!("[{split}]\n[one]\n[]\n[{long}]\n[with\rreturn]\n[last\r]\n[]\n");
    assert!(outcome.stdout == expected, "{} bytes", outcome.stdout.len());
}

#[test]
fn time() {
    let program = "fun mochi_main() { out_int(now()) out_byte(' ') out_int(now()) }";
    assert_eq!(run_both(program, &["MOCHI_NOW_SEED=1"], "").stdout, "1015568748 1586792639");
    let program = r#"fun mochi_main() { bench_begin() alloc(48, addr(desc_any) as i64) bench_end("a\"b") }
        extern data desc_any"#;
    // The clock of the interpreter makes a step of a microsecond per look.
    let text = interpret(program, &[], "").stdout;
    assert!(text.starts_with("{\n  \"duration_us\": 1,\n  \"memory_bytes\": "), "{text}");
    assert!(text.ends_with(",\n  \"name\": \"a\\\"b\"\n}\n"), "{text}");
}

#[test]
fn sha256_of_strings_and_lists() {
    // FIPS 180-4 examples, an empty text, and lengths around the padding's limits.
    let texts = ["", "abc", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"];
    let mut program = String::new();
    program += "extern data desc_int
data ints = [5, 0, 0, addr(desc_int), 0, 0, 0, 0, 0]
fun print_digest(v: ref) {
    let digest = sha256(v, addr(ints) as i64)
    for i in 0..32 {
        let b = list_get_w(digest, (i * 2) as ref) as i64 >> 1
        digit(b >> 4)
        digit(b & 15)
    }
    out_newline()
}
fun digit(d: i64) { out_byte(if d < 10 { '0' + d } else { 'a' + d - 10 }) }
fun mochi_main() {
";
    for t in texts {
        program += &format!("print_digest(\"{t}\")\n");
    }
    program += "let xs = list_new(addr(ints) as i64, 0)
for i in 0..119 { list_push_w(xs, 194 as ref) }
print_digest(xs) }";
    assert_eq!(
        prints(&program),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad
248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1
31eba51c313a5c08226adf18d4a359cfdfd8d2e816b13f4af952f7ea6584dcfb
"
    );
}

/// Structures of all kinds of references, checked after each of many collections.
const LIVE: &str = r#"
extern data heap_stress
extern data desc_cell_ref
extern data desc_cell_tag
extern data desc_float
extern data desc_storage_ref
extern data desc_storage_tag
extern data desc_buffer
extern data desc_str
extern data gc_count
extern data mark_end
data node = [7, 4 | 2 << 16 | 1 << 32 | 1 << 48, 0, 0, 0, 0, 0, 0, 0]
var kept: ref = 0

fun box(x: f64): ref {
    let b = alloc(16, addr(desc_float) as i64)
    storef64(b, x, 8)
    return b
}

// A binary tree; every node also has a tagged reference to a box of its number.
fun tree(depth: i64, number: i64): ref {
    let n = alloc(32, addr(node) as i64)
    if depth > 0 {
        store64(n, tree(depth - 1, number * 2), 8)
        store64(n, tree(depth - 1, number * 2 + 1), 16)
    }
    store64(n, box(number as f64) as i64 + 1, 24)
    return n
}

fun sum(n: ref): f64 {
    if n == 0 { return 0.0 }
    return loadf64((load64(n, 24) - 1) as ptr, 8) + sum(loadref(n, 8)) + sum(loadref(n, 16))
}

fun storage(n: i64): ref {
    let s = alloc(16 + n * 8, addr(desc_storage_ref) as i64)
    store64(s, n, 8)
    for i in 0..n { store64(s + i * 8, box(i as f64), 16) }
    return s
}

fun storage_sum(s: ref): f64 {
    var x = 0.0
    for i in 0..load64(s, 8) { x = x + loadf64(loadptr(s + i * 8, 16), 8) }
    return x
}

fun string_in_buffer(): ref {
    let b = alloc(24 + 400, addr(desc_buffer) as i64)
    memfill(b + 24, 'x', 400)
    let s = alloc(32, addr(desc_str) as i64)
    store64(s, 3, 8)
    store64(s, 3, 16)
    store64(s, b + 24 + 390, 24)
    return s
}

// Only the global refers to it.
fun keep() {
    kept = alloc(16, addr(desc_cell_ref) as i64)
    store64(kept, box(42.0), 8)
}

fun check(t: ref, large: ref, s: ref) {
    out_number(sum(t) as i64)
    out_byte(' ')
    out_number(storage_sum(large) as i64)
    out_byte(' ')
    out_text(s)
    out_byte(' ')
    out_number(loadf64(loadptr(kept, 8), 8) as i64)
    out_newline()
}
"#;

#[test]
fn everything_reachable_survives() {
    for stress in [1, 2, 7, 100] {
        let main = format!(
            "fun mochi_main() {{
                store64(addr(heap_stress), {stress})
                let t = tree(4, 1)
                let large = storage(100)
                let s = string_in_buffer()
                keep()
                for i in 0..3 {{ tree(3, 1) storage(40) check(t, large, s) }}
            }}"
        );
        assert_eq!(prints(&format!("{LIVE}{main}")), "496 4950 xxx 42\n".repeat(3), "stress {stress}");
    }
}

/// From the first byte to the last, in cells and in objects of many blocks.
#[test]
fn a_word_into_an_object_finds_it() {
    let program = "
extern data desc_buffer
var kept: ref = 0
fun check(bytes: i64) {
    kept = alloc(bytes, addr(desc_buffer) as i64)
    gc_collect()
    let p = kept as ptr
    var found = 0
    for i in 0..8 { if object_at(p + i * (bytes - 1) / 7) == p { found += 1 } }
    if object_at(p + bytes + 70000) == p { found += 100 }
    out_number(found)
    out_byte(' ')
}
fun mochi_main() {
    check(16) check(48) check(512) check(1000) check(5000) check(40000) check(100000) check(3000000)
}";
    assert_eq!(prints(program), "8 ".repeat(8));
}

#[test]
fn memory_stays_bounded() {
    let main = "
extern data heap_blocks
fun mochi_main() {
    let t = tree(6, 1)
    let large = storage(600)
    let s = string_in_buffer()
    keep()
    // 200 MB in objects of many sizes.
    for i in 0..2000 {
        alloc(100000 + i, addr(desc_buffer) as i64)
        alloc(i * 8 + 16, addr(desc_buffer) as i64)
        for k in 0..10 { box(1.5) }
    }
    check(t, large, s)
    if load64(addr(gc_count)) < 5 { out_text(\"too few collections\") }
    if load64(addr(heap_blocks)) > 700 { out_number(load64(addr(heap_blocks))) }
}";
    assert_eq!(prints(&format!("{LIVE}{main}")), "8128 179700 xxx 42\n");
}

#[test]
fn a_full_mark_stack_is_no_problem() {
    // Dead objects are overwritten, so that one that was not marked is noticed.
    let main = "
fun mochi_main() {
    let t = tree(7, 1)
    let large = storage(2000)
    let s = string_in_buffer()
    keep()
    store64(addr(heap_stress), 1 << 40)
    mark_limit(2)
    gc_collect()
    check(t, large, s)
}
fun mark_limit(n: i64) { store64(addr(mark_most), n * 16) }
extern data mark_most
";
    assert_eq!(prints(&format!("{LIVE}{main}")), "32640 1999000 xxx 42\n");
}
