//! Casts and the operators of `any`.

use crate::common::run_both;
use crate::driver::PRELUDE;
use crate::text::VALUES;

fn prints(main: &str) -> String {
    let program = format!("{PRELUDE}{VALUES}\n{MORE}\nfun run(f: ref) {{ {main} }}");
    let outcome = run_both(&program, &["MOCHI_GC_STRESS=4"], "x\n");
    format!("{}{}", outcome.stdout, outcome.stderr).trim_end().to_string()
}

const MORE: &str = r#"
data map_str_int = [6, 0, 0, addr(desc_str), addr(desc_int), 0, 0, 0, 0]
data map_int_int = [6, 0, 0, addr(desc_int), addr(desc_int), 0, 0, 0, 0]
data option_any = [9, 0, 0, addr(desc_any), 0, 0, 0, 0, 0]

fun any_out(w: ref) { out_val(w, addr(desc_any) as i64) }

/// Value number i as `any`.
fun a(i: i64): ref { return any_box(v(i), d(i)) }

/// Casts an `any` and prints.
fun cast(w: ref, to: i64) { out_val(cast_val(w, addr(desc_any) as i64, to), to) }

fun xy(x: ref, y: ref): ref {
    let m = map_new(addr(map_str_any) as i64)
    map_store(m, "x", x)
    if y as i64 != 3 { map_store(m, "y", y) }
    return boxed(m)
}
"#;

#[test]
fn casts() {
    let cases = [
        ("cast(any_from_f64(-2.7), addr(desc_int) as i64)", "-2"),
        ("cast(boxed(\"+0042\"), addr(desc_int) as i64)", "42"),
        ("cast(boxed(\"4x\"), addr(desc_int) as i64)", "cannot cast \"4x\" to int"),
        ("cast(boxed(\" 4\"), addr(desc_int) as i64)", "cannot cast \" 4\" to int"),
        ("cast(any_from_bool(1), addr(desc_int) as i64)", "cannot cast bool to int"),
        ("cast(1 as ref, addr(desc_int) as i64)", "0"),
        ("cast(1 as ref, addr(desc_float) as i64)", "0"),
        ("cast(6 as ref, addr(desc_float) as i64)", "3"),
        ("cast(boxed(\"2.5\"), addr(desc_float) as i64)", "2.5"),
        ("cast(boxed(\"2.5.\"), addr(desc_float) as i64)", "cannot cast \"2.5.\" to float"),
        ("cast(6 as ref, addr(desc_str) as i64)", "cannot cast int to string"),
        ("cast(1 as ref, addr(desc_str) as i64)", "cannot cast <nil> to string"),
        ("cast(any_from_f64(0.75), addr(desc_bigrat) as i64)", "3/4"),
        ("cast(boxed(\"-6/4\"), addr(desc_bigrat) as i64)", "-3/2"),
        ("cast(boxed(\"1.25e-1\"), addr(desc_bigrat) as i64)", "1/8"),
        ("cast(boxed(\"1/0\"), addr(desc_bigrat) as i64)", "cannot cast \"1/0\" to bigrat"),
        ("cast(boxed(numbers()), addr(desc_list_any) as i64)", "[1, -100000000000000000000, nil]"),
        ("cast(a(5), addr(list_of_int) as i64)", "cannot cast bool to int"),
        ("cast(6 as ref, addr(list_of_int) as i64)", "cannot cast int to [int]"),
        ("cast(6 as ref, addr(map_str_int) as i64)", "cannot cast int to {string: int}"),
        ("cast(a(7), addr(map_str_any) as i64)", "{\"-2\": nil, \"10\": \"ten\", \"9\": \"nine\"}"),
        ("cast(xy(6 as ref, 8 as ref), addr(map_str_int) as i64)", "{\"x\": 3, \"y\": 4}"),
        ("cast(xy(6 as ref, 8 as ref), addr(map_int_int) as i64)", "cannot cast key \"x\" to int"),
        (
            "cast(xy(6 as ref, any_from_f64(4.5)), addr(pair) as i64)",
            "{\"__name\": \"Q\", \"x\": 3, \"y\": 4}",
        ),
        ("cast(xy(6 as ref, 3 as ref), addr(pair) as i64)", "missing field y for Q"),
        ("cast(a(10), addr(pair) as i64)", "{\"__name\": \"Q\", \"x\": 5, \"y\": 6}"),
        (
            "cast(a(11), addr(tree) as i64)",
            "{\"__name\": \"Node\", \"next\": {\"__name\": \"Leaf\"}, \"v\": nil}",
        ),
        ("cast(6 as ref, addr(tree) as i64)", "cannot cast int to Tree"),
        ("cast(1 as ref, addr(option_int) as i64)", "nil"),
        ("cast(6 as ref, addr(option_int) as i64)", "3"),
        (
            "out_int(cast_val(1 as ref, addr(option_int) as i64, addr(desc_int) as i64))",
            "cannot cast <nil> to int",
        ),
        ("out_int(cast_val(8 as ref, addr(option_int) as i64, addr(desc_int) as i64))", "4"),
        (
            "let xs = numbers() if any_to_ref(boxed(xs), addr(list_of_int) as i64) == xs { out_str(\"same\") }",
            "same",
        ),
        ("out_str(any_to_str(boxed(\"s\"))) out_bool(any_to_bool(any_from_bool(0)))", "sfalse"),
    ];
    for (main, expected) in cases {
        assert_eq!(prints(main), expected, "{main}");
    }
}

#[test]
fn arithmetic() {
    let cases = [
        ("any_out(any_add(6 as ref, any_from_f64(0.5)))", "3.5"),
        ("any_out(any_add(9223372036854775806 as ref, 9223372036854775806 as ref))", "9223372036854775806"),
        ("any_out(any_mul(a(0), boxed(v(14))))", "-126/1"),
        ("any_out(any_sub(boxed(v(14)), any_from_f64(0.5)))", "2.5"),
        ("any_out(any_div(14 as ref, 4 as ref))", "3"),
        ("any_out(any_mod((-14) as ref, 4 as ref))", "-1"),
        ("any_out(any_div(14 as ref, 0 as ref))", "division by zero"),
        ("any_out(any_div(any_from_f64(1.0), any_from_f64(0.0)))", "division by zero"),
        ("any_out(any_neg(any_from_f64(2.5)))", "-2.5"),
        ("any_out(any_mod(boxed(rat_from_str(\"-7/2\")), 4 as ref))", "-3/2"),
        ("any_out(any_add(1 as ref, 4 as ref))", "nil"),
        ("any_out(any_add(boxed(\"n=\"), 4 as ref))", "n=2"),
        (
            "any_out(any_add(boxed(numbers()), boxed(numbers())))",
            "[1, -100000000000000000000, nil, 1, -100000000000000000000, nil]",
        ),
        ("any_out(any_sub(boxed(\"s\"), 4 as ref))", "operator - cannot be used on types string and int"),
        ("out_int(int_from_i64(any_cmp(4 as ref, any_from_f64(2.5))))", "-1"),
        ("out_int(int_from_i64(any_cmp(1 as ref, 4 as ref)))", "2"),
        ("out_int(int_from_i64(any_cmp(boxed(\"b\"), boxed(\"a\"))))", "1"),
        ("out_bool(any_eq(4 as ref, any_from_f64(2.0)))", "true"),
        ("out_bool(any_eq(4 as ref, boxed(\"2\")))", "false"),
        ("out_bool(any_truth(boxed(\"\"))) out_bool(any_truth(a(4)))", "falsetrue"),
    ];
    for (main, expected) in cases {
        assert_eq!(prints(main), expected, "{main}");
    }
}

#[test]
fn containers() {
    let cases = [
        ("any_out(any_index(a(4), (-6) as ref))", "1"),
        ("any_out(any_index(a(4), 8 as ref))", "list index out of range: 4 (len 3)"),
        ("any_out(any_index(a(6), boxed(\"b\")))", "[1, -100000000000000000000, nil]"),
        ("any_out(any_index(a(6), boxed(\"nothing\")))", "nil"),
        ("any_out(any_index(a(7), 18 as ref))", "nine"),
        ("any_out(any_index(a(3), 4 as ref))", "b"),
        ("any_out(any_index(a(9), boxed(\"a\")))", "5"),
        ("any_out(any_index(a(3), a(3)))", "string index must be int"),
        ("any_out(any_index(4 as ref, 4 as ref))", "cannot index value of this kind"),
        ("any_out(any_field(a(9), \"z\"))", "1.5"),
        ("any_out(any_field(a(6), \"a<b\"))", "0.5"),
        ("any_out(any_field(a(12), \"count\"))", "3"),
        ("any_out(any_field(a(12), \"key\"))", "k"),
        (
            "any_out(any_set_field(a(9), \"a\", 14 as ref))",
            "{\"B\": \"s\", \"__name\": \"P\", \"a\": 7, \"m\": nil, \"z\": 1.5}",
        ),
        (
            "any_out(any_set_index(a(4), 10 as ref, 14 as ref))",
            "[1, -100000000000000000000, nil, nil, nil, 7]",
        ),
        ("any_out(any_set_index(a(4), 0 as ref, a(3)))", "cannot cast \"a b\" to int"),
        (
            "any_out(any_set_index(a(7), 8 as ref, a(3)))",
            "{\"-2\": nil, \"10\": \"ten\", \"4\": \"a b\", \"9\": \"nine\"}",
        ),
        ("any_out(any_set_index(1 as ref, 2 as ref, a(3)))", "[nil, \"a b\"]"),
        ("any_out(any_set_index(4 as ref, 2 as ref, a(3)))", "invalid index target"),
        (
            "any_out(any_slice(a(3), 2 as ref, 1 as ref)) any_out(any_slice(a(4), 1 as ref, 2 as ref))",
            " b[1]",
        ),
        ("any_out(any_slice(a(3), a(3), 1 as ref))", "invalid index"),
        (
            "out_int(any_len(a(3))) out_int(any_len(a(6))) out_int(any_len(a(0))) out_int(any_len(1 as ref))",
            "3330",
        ),
        ("out_int(any_len(any_from_bool(1)))", "invalid len operand"),
        (
            "out_bool(any_in(2 as ref, a(4))) out_bool(any_in(boxed(\"b\"), a(3))) out_bool(any_in(20 as ref, a(7)))",
            "truetruetrue",
        ),
        ("out_bool(any_in(any_from_f64(1.0), a(4))) out_bool(any_in(boxed(\"q\"), a(6)))", "truefalse"),
        ("out_bool(any_in(2 as ref, 2 as ref))", "invalid 'in' operand"),
        ("any_out(any_reverse(a(3))) out_str(any_type_of(a(4))) out_str(any_type_of(a(9)))", "b a[int]P"),
        (
            "cast_val(a(1), addr(desc_any) as i64, addr(option_any) as i64) out_int(any_to_int(a(1)))",
            "1000000",
        ),
    ];
    for (main, expected) in cases {
        assert_eq!(prints(main), expected, "{main}");
    }
}
