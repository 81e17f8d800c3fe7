//! Drives runtime functions with many inputs: one interpreted program reads cases from standard input,
//! a line each with tab-separated fields, and prints one line of result per case.

use crate::common::{Outcome, interpret, run};
pub use mochi_testkit::Random;

/// What every driven program has: reading the cases, and fields as values.
pub const PRELUDE: &str = r#"
extern data desc_str
extern data desc_int
extern data desc_float
extern data desc_bool
extern data desc_any
extern data desc_bigrat
data list_of_str = [5, 4 | 1 << 16 | 2 << 48, 0, addr(desc_str), 0, 0, 0, 0, 0]
data list_of_int = [5, 4 | 1 << 16 | 2 << 48, 0, addr(desc_int), 0, 0, 0, 0, 0]
data list_of_float = [5, 4 | 1 << 16 | 2 << 48, 0, addr(desc_float), 0, 0, 0, 0, 0]
data list_of_bool = [5, 4 | 1 << 16 | 2 << 48, 0, addr(desc_bool), 0, 0, 0, 0, 0]
data list_of_any = [5, 4 | 1 << 16 | 2 << 48, 0, addr(desc_any), 0, 0, 0, 0, 0]
data input_chunk: zero(65536)

fun read_all(): ref {
    var text = ""
    while true {
        let n = os_read(0, addr(input_chunk), 65536)
        if n <= 0 { return text }
        text = str_concat(text, str_make(addr(input_chunk), n))
    }
    return text
}

fun field(fields: ref, i: i64): ref { return list_get_raw_r(fields, i) }
fun int_field(fields: ref, i: i64): ref { return int_parse(field(fields, i)) }
fun raw_field(fields: ref, i: i64): i64 { return int_parse(field(fields, i)) as i64 >> 1 }
fun is(fields: ref, op: ref): bool { return str_eq(field(fields, 0), op) != 0 }

/// The 64 bits written as 16 hexadecimal digits.
fun bits_field(fields: ref, i: i64): i64 {
    let p = loadptr(field(fields, i), 24)
    var v = 0
    for k in 0..16 {
        let c = load8(p + k)
        v = v * 16 + if c <= '9' { c - '0' } else { c - 'a' + 10 }
    }
    return v
}
fun float_field(fields: ref, i: i64): f64 { return f64_from_bits(bits_field(fields, i)) }

fun out_bits(v: i64) {
    for k in 0..16 {
        let h = v >> (60 - k * 4) & 15
        out_byte(if h < 10 { h + '0' } else { h - 10 + 'a' })
    }
}

fun mochi_main() {
    let lines = str_split(read_all(), "\n", addr(list_of_str) as i64)
    for i in 0..list_count(lines) - 1 {
        run(str_split(list_get_raw_r(lines, i), "\t", addr(list_of_str) as i64))
        out_newline()
    }
}
"#;

/// One case in this many is also run by the interpreter.
const INTERPRETED: usize = 16;

/// Runs the cases by the dialect function `run(fields: ref)`; the printed lines. All are run natively,
/// a sample by the interpreter too.
pub fn drive(run: &str, cases: &[Vec<String>]) -> Vec<String> {
    drive_with(run, cases, &[])
}

/// As [`drive`], with environment variables.
pub fn drive_with(body: &str, cases: &[Vec<String>], environment: &[&str]) -> Vec<String> {
    let program = format!("{PRELUDE}{body}");
    let all: Vec<&Vec<String>> = cases.iter().collect();
    let found = lines(run(&program, environment, &stdin(&all)), cases.len());
    let sample: Vec<usize> = (0..cases.len()).filter(|i| i % INTERPRETED == 0 || cases.len() < 100).collect();
    let inputs: Vec<&Vec<String>> = sample.iter().map(|i| &cases[*i]).collect();
    let interpreted = lines(interpret(&program, environment, &stdin(&inputs)), inputs.len());
    for (i, line) in sample.iter().zip(interpreted) {
        assert_eq!(found[*i], line, "native, interpreted: {:?}", cases[*i]);
    }
    found
}

fn stdin(cases: &[&Vec<String>]) -> String {
    cases.iter().map(|c| c.join("\t") + "\n").collect()
}

fn lines(outcome: Outcome, n: usize) -> Vec<String> {
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""), "{}", outcome.stdout);
    let lines: Vec<String> = outcome.stdout.split_terminator('\n').map(str::to_string).collect();
    assert_eq!(lines.len(), n);
    lines
}

/// Runs the cases and compares each line with what is expected.
pub fn check(run: &str, cases: &[(Vec<String>, String)]) {
    let inputs: Vec<Vec<String>> = cases.iter().map(|c| c.0.clone()).collect();
    for ((input, expected), found) in cases.iter().zip(drive(run, &inputs)) {
        assert_eq!(&found, expected, "{input:?}");
    }
}

/// A case from anything printable.
pub fn case(fields: &[&dyn std::fmt::Display], expected: impl std::fmt::Display) -> (Vec<String>, String) {
    (fields.iter().map(|f| f.to_string()).collect(), expected.to_string())
}
