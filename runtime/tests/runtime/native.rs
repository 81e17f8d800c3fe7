//! What only the system itself can show: faults, limits, signals, traces from code addresses, and
//! amounts of memory that would take the interpreter too long.

use crate::common::{On, Outcome, compile, run, run_after, run_module};
use mochi_ir::text;

fn ends(status: i32, stdout: &str, stderr: &str) -> Outcome {
    Outcome { status, stdout: stdout.into(), stderr: stderr.into() }
}

fn run_on(on: On, program: &str) -> Outcome {
    run_module(&compile(program), on, &[], "")
}

#[test]
fn use_of_none() {
    let program = r#"
data null: zero(8)
fun mochi_main() { out_text("before") out_number(load64(loadref(addr(null)), 24)) }"#;
    assert_eq!(run_on(On::System, program), ends(1, "before", "cannot use none here\n"));
}

#[test]
fn other_faults() {
    let program = "fun mochi_main() { store64(addr(mochi_main), 1) }";
    assert_eq!(run_on(On::System, program), ends(1, "", "invalid memory access\n"));
}

const DEEP: &str = "
fun down(n: i64): i64 {
    if n == 0 { return 0 }
    return call_i64(addr(down), n - 1) + 1
}
";

#[test]
fn a_million_calls() {
    let program = format!("{DEEP} fun mochi_main() {{ out_number(down(1000000)) gc_collect() }}");
    assert_eq!(run(&program, &[], ""), ends(0, "1000000", ""));
}

#[test]
fn stack_overflow() {
    let program = format!("{DEEP} fun mochi_main() {{ out_text(\"before\") out_number(down(1 << 40)) }}");
    assert_eq!(run(&program, &[], ""), ends(1, "before", "stack overflow\n"));
    // The stack is smaller when the address space is limited, and the main stack's limit is no matter.
    assert_eq!(
        run_after("ulimit -v 1000000\nulimit -s 100", &program),
        ends(1, "before", "stack overflow\n")
    );
}

const LIST: &str = "
data node = [7, 3 | 1 << 16 | 1 << 48, 0, 0, 0, 0, 0, 0, 0]
extern data desc_buffer
extern data gc_count
extern data heap_blocks
";

#[test]
fn out_of_memory() {
    let program = format!(
        "{LIST}
fun mochi_main() {{
    out_text(\"before\")
    var list: ref = 0
    while true {{
        let n = alloc(24, addr(node) as i64)
        store64(n, list, 8)
        list = n
    }}
}}"
    );
    assert_eq!(run_after("ulimit -v 300000", &program), ends(1, "before", "out of memory\n"));
    let program = "extern data desc_buffer
fun mochi_main() { alloc(1 << 60, addr(desc_buffer) as i64) }";
    assert_eq!(run(program, &[], ""), ends(1, "", "out of memory\n"));
}

#[test]
fn small_and_large_objects_in_bounded_memory() {
    // 5 GB with 10 MB live.
    let program = format!(
        "{LIST}
fun mochi_main() {{
    var list: ref = 0
    for i in 0..400000 {{
        let n = alloc(24, addr(node) as i64)
        store64(n, list, 8)
        store64(n, i, 16)
        list = n
    }}
    for i in 0..60000000 {{ alloc(40, addr(desc_buffer) as i64) }}
    for i in 0..4000 {{ store64(alloc(500000 + i * 50, addr(desc_buffer) as i64), 1, 8) }}
    var sum = 0
    while list != 0 {{
        sum += load64(list, 16)
        list = loadref(list, 8)
    }}
    out_number(sum)
    if load64(addr(heap_blocks)) * 32768 > 60 << 20 {{ out_text(\" too much memory\") }}
    if load64(addr(gc_count)) < 100 {{ out_text(\" too few collections\") }}
}}"
    );
    assert_eq!(run_on(On::Host, &program), ends(0, "79999800000", ""));
}

/// The collector's own variables hold addresses of objects, and keep none alive.
#[test]
fn roots_are_references() {
    for target in mochi_objwrite::target::TARGETS {
        let module = mochi_ir::text::parse_module(mochi_runtime::ir_text(target)).expect("the runtime's IR");
        let names = |roots| {
            let datas = module.datas.iter().filter(move |d| d.writable && d.roots == roots);
            datas.map(|d| module.sym(d.sym).name.as_str()).collect::<Vec<_>>()
        };
        let own = |name: &&str| ["heap_", "mark_", "gc_", "stack_"].iter().any(|p| name.starts_with(p));
        assert_eq!(names(true).into_iter().find(own), None, "{}", target.short);
        assert!(names(false).iter().filter(|n| own(n)).count() > 20 && names(true).contains(&"sort_keys"));
    }
}

#[test]
fn ended_by_a_signal() {
    let program = r#"fun mochi_main() {
        out_text("printed")
        syscall(62, syscall(39), 15)
        while true { }
    }"#;
    assert_eq!(run_on(On::Host, program), ends(128 + 15, "printed", ""));
    // Ignored before the start: still ignored.
    let program = r#"fun mochi_main() {
        syscall(62, syscall(39), 2)
        out_text("goes on")
    }"#;
    assert_eq!(run_after("trap '' INT", program), ends(0, "goes on", ""));
}

#[test]
fn ended_by_a_signal_that_has_no_effect() {
    // As on process 1, whose default actions do nothing: the second `kill` does not send the signal.
    let program = r#"@noreturn extern fun on_end(signal: i64)
    fun mochi_main() {
        out_text("printed")
        on_end(0)
    }"#;
    assert_eq!(run_on(On::Host, program), ends(128, "printed", ""));
}

#[test]
fn output_that_cannot_be_written() {
    let program = "fun mochi_main() { while true { out_text(\"y\\n\") } }";
    let bad = "cannot write standard output: error 9\n";
    assert_eq!(run_after("exec >&- ", program), ends(1, "", bad));
    // What was found when the program had ended; and another error, which is reported all the same.
    let ended = r#"fun mochi_main() { out_text("y") }"#;
    assert_eq!(run_after("exec >&- ", ended), ends(1, "", bad));
    let failed = r#"fun mochi_main() { out_text("y") panic_division() }"#;
    assert_eq!(run_after("exec >&- ", failed), ends(1, "", &format!("{bad}division by zero\n")));
    // A pipe that nobody reads.
    let closed = "trap '' PIPE
mkfifo \"$0.pipe\"
exec 4<>\"$0.pipe\"
exec >\"$0.pipe\"
exec 4<&-";
    assert_eq!(run_after(closed, program), ends(1, "", ""));
}

#[test]
fn output_and_input_alternate() {
    let program = r#"fun mochi_main() {
        out_text("name? ")
        let line = input()
        err_begin() out_text("<") out_text(line) out_text(">") err_end()
        out_text("done")
    }"#;
    assert_eq!(run(program, &[], "x y\n"), ends(0, "name? done", "<x y>"));
}

/// `main` (line 2 calls in line 3) -> `f` -> `f` ... -> error.
fn traced(depth: i64, error: &str) -> Outcome {
    let ir = format!(
        "file \"dir/prog.mochi\"
declare func @panic_division() noreturn cold
declare data @null_word
data @null_word align 8 writable zero 8
declare func @mochi_main() export
declare func @f(i64) -> i64
func @mochi_main \"main\" file 0 @2:1 {{
b0:
  v0:i64 = iconst {depth} @3:3
  v1:i64 = call @f(v0) @3:5
  ret @4:1
}}
func @f \"P.f\" file 0 -> i64 @10:1 {{
b0(v0:i64):
  v1:i64 = iconst 0 @11:1
  v2:i64 = icmp eq v0, v1 @11:4
  brif v2, b1, b2 @11:4
b1:
  v3:i64 = symaddr @null_word @12:1
  v4:ref = load.64 v3 @12:1
  {error}
b2:
  v5:i64 = iconst -1 @15:9
  v6:i64 = add v0, v5 @15:9
  v7:i64 = call @f(v6) @16:9
  v8:i64 = mul v7, v7 @16:9
  ret v8 @17:1
}}
"
    );
    let module = text::parse_module(&ir).unwrap_or_else(|e| panic!("{e}"));
    run_module(&module, On::All, &[], "")
}

#[test]
fn traces() {
    let f = "  at P.f (dir/prog.mochi:16)\n";
    let main = "  at main (dir/prog.mochi:3)\n";
    let called = "call @panic_division() @13:7\n  unreachable @13:7";
    let first = "division by zero\n  at P.f (dir/prog.mochi:13)\n";
    assert_eq!(traced(2, called), ends(1, "", &format!("{first}{f}{f}{main}")));
    // A fault: the place is that of the load.
    let fault = "v9:i64 = load.64 v4+8 @14:3\n  ret v9 @14:9";
    let none = "cannot use none here\n  at P.f (dir/prog.mochi:14)\n";
    assert_eq!(traced(1, fault), ends(1, "", &format!("{none}{f}{main}")));
    // 20 frames of the inside, 5 of the outside.
    let (inner, outer) = (f.repeat(19), f.repeat(4));
    let all = format!("{first}{inner}  ... 77 more calls\n{outer}{main}");
    assert_eq!(traced(100, called), ends(1, "", &all));
    let all = format!("{first}{inner}{outer}{main}");
    assert_eq!(traced(23, called), ends(1, "", &all));
}
