//! Lists, maps and sorting against Rust's collections.

use crate::common::run_both;
use crate::driver::{PRELUDE, Random, case, check, drive_with};
use std::collections::{BTreeMap, HashSet};

const RUN: &str = r#"
extern data desc_list_any
data map_int_int = [6, 0, 0, addr(desc_int), addr(desc_int), 0, 0, 0, 0]
data map_str_int = [6, 0, 0, addr(desc_str), addr(desc_int), 0, 0, 0, 0]
data map_any_int = [6, 0, 0, addr(desc_any), addr(desc_int), 0, 0, 0, 0]
data map_float_bool = [6, 0, 0, addr(desc_float), addr(desc_bool), 0, 0, 0, 0]

fun ints(text: ref): ref {
    let parts = str_split(text, " ", addr(list_of_str) as i64)
    let xs = list_new(addr(list_of_int) as i64, 0)
    for i in 0..list_count(parts) {
        if str_eq(list_get_raw_r(parts, i), "none") != 0 {
            list_push_w(xs, 1 as ref)
        } else {
            list_push_w(xs, int_parse(list_get_raw_r(parts, i)))
        }
    }
    return xs
}

fun show_ints(xs: ref) { out_val(xs, addr(list_of_int) as i64) }

fun run(f: ref) {
    if is(f, "sort") { show_ints(list_sort(ints(field(f, 1)))) }
    if is(f, "stable") { show_ints(list_sort_by(ints(field(f, 1)), ints(field(f, 2)))) }
    if is(f, "sort_str") {
        let parts = str_split(field(f, 1), " ", addr(list_of_str) as i64)
        out_str(str_join(list_sort(parts), " "))
    }
    if is(f, "sort_float") {
        let xs = list_new(addr(list_of_float) as i64, 0)
        for i in 1..list_count(f) { list_push_f(xs, float_field(f, i)) }
        out_val(list_sort(xs), addr(list_of_float) as i64)
    }
    if is(f, "distinct") { show_ints(list_distinct(ints(field(f, 1)))) }
    if is(f, "union") { show_ints(list_union(ints(field(f, 1)), ints(field(f, 2)))) }
    if is(f, "except") { show_ints(list_except(ints(field(f, 1)), ints(field(f, 2)))) }
    if is(f, "intersect") { show_ints(list_intersect(ints(field(f, 1)), ints(field(f, 2)))) }
    if is(f, "folds") {
        let xs = ints(field(f, 1))
        out_int(list_sum_int(xs)) out_byte(' ')
        out_val(list_sum(xs), addr(desc_any) as i64) out_byte(' ')
        out_f64(list_avg(xs)) out_byte(' ')
        out_int(list_min(xs)) out_byte(' ')
        out_int(list_max(xs)) out_byte(' ')
        show_ints(list_reverse(xs)) out_byte(' ')
        out_int((list_find(xs, list_get_raw_w(xs, list_count(xs) - 1)) * 2) as ref)
    }
    if is(f, "among") {
        let parts = str_split(field(f, 1), " ", addr(list_of_str) as i64)
        out_int((list_find(parts, field(f, 2)) * 2) as ref)
    }
    if is(f, "slice") { show_ints(list_slice(ints(field(f, 1)), int_field(f, 2), int_field(f, 3))) }
    if is(f, "map_i") { fill(ints(field(f, 1)), addr(map_int_int) as i64, 0) }
    if is(f, "map_x") { fill(ints(field(f, 1)), addr(map_any_int) as i64, 2) }
    if is(f, "map_s") {
        fill(str_split(field(f, 1), " ", addr(list_of_str) as i64), addr(map_str_int) as i64, 1)
    }
}

fun find(m: ref, kind: i64, key: ref): ptr {
    if kind == 0 { return map_find_i(m, key) }
    if kind == 1 { return map_find_s(m, key) }
    return map_find_x(m, key)
}

/// Counts occurrences of keys, looks all up again, and some that are not there; shows the map.
fun fill(keys: ref, desc: i64, kind: i64) {
    let m = map_new(desc)
    for i in 0..list_count(keys) {
        let key = list_word(keys, 0, i)
        var slot: ptr = 0
        if kind == 0 { slot = map_put_i(m, key) }
        if kind == 1 { slot = map_put_s(m, key) }
        if kind == 2 { slot = map_put_x(m, key) }
        if load64(slot) == 1 { store64(slot, 0) }
        store64(slot, load64(slot) + 2)
    }
    for i in 0..list_count(keys) {
        if find(m, kind, list_word(keys, 0, i)) == 0 { out_str("lost") }
    }
    if kind != 1 {
        if find(m, kind, 123456789012 as ref) != 0 { out_str("found") }
        if find(m, kind, int_parse("98765432109876543210987654321")) != 0 { out_str("found") }
    } else if find(m, kind, "nobody") != 0 {
        out_str("found")
    }
    out_int(map_len(m))
    out_val(m, desc)
    out_int(list_len(map_values(m, addr(list_of_int) as i64)))
}
"#;

fn shown<T: ToString>(xs: impl IntoIterator<Item = T>) -> String {
    format!("[{}]", xs.into_iter().map(|x| x.to_string()).collect::<Vec<_>>().join(", "))
}

fn spaced<T: ToString>(xs: &[T]) -> String {
    xs.iter().map(|x| x.to_string()).collect::<Vec<_>>().join(" ")
}

fn some_ints(r: &mut Random, most: u64) -> Vec<i128> {
    let range = [10, 1000, u64::MAX][r.below(3) as usize];
    let big = r.below(3) == 0;
    (0..1 + r.below(most))
        .map(|_| {
            let x = r.below(range) as i128 - (range / 3) as i128;
            if big && x % 5 == 0 { x % 1000 * 1_000_000_000_000_000_000_000 } else { x }
        })
        .collect()
}

/// Among strings of all lengths around those of words, which differ in one byte.
#[test]
fn strings_are_found() {
    let words: Vec<String> = (0..20)
        .flat_map(|n| {
            let end = move |c: &str| format!("{}{c}", "a".repeat(n));
            [end("x"), end("y"), end("é"), end("")]
        })
        .collect();
    let mut cases = Vec::new();
    for (k, word) in words.iter().enumerate() {
        let all = words.join(" ");
        cases.push(case(&[&"among", &all, word], words.iter().position(|w| w == word).expect("it is there")));
        let others: Vec<&str> = words.iter().map(|w| &w[..]).filter(|w| w != word).collect();
        cases.push(case(&[&"among", &others[k / 2..].join(" "), word], -1));
    }
    check(RUN, &cases);
}

#[test]
fn lists() {
    let mut r = Random::new(31);
    let mut cases = Vec::new();
    for round in 0..400 {
        let xs = some_ints(&mut r, if round % 50 == 0 { 1500 } else { 20 });
        let ys = some_ints(&mut r, 20);
        let mut sorted = xs.clone();
        sorted.sort();
        cases.push(case(&[&"sort", &spaced(&xs)], shown(&sorted)));
        let keys: Vec<i128> = xs.iter().map(|x| x % 4).collect();
        let mut order: Vec<usize> = (0..xs.len()).collect();
        order.sort_by_key(|i| keys[*i]);
        cases.push(case(&[&"stable", &spaced(&xs), &spaced(&keys)], shown(order.iter().map(|i| xs[*i]))));
        let mut texts: Vec<String> = xs.iter().map(|x| x.to_string()).collect();
        texts.sort();
        cases.push(case(&[&"sort_str", &spaced(&xs)], spaced(&texts)));
        let distinct = |xs: &[i128]| {
            let mut seen = HashSet::new();
            xs.iter().copied().filter(|x| seen.insert(*x)).collect::<Vec<_>>()
        };
        cases.push(case(&[&"distinct", &spaced(&xs)], shown(distinct(&xs))));
        let both = [xs.clone(), ys.clone()].concat();
        cases.push(case(&[&"union", &spaced(&xs), &spaced(&ys)], shown(distinct(&both))));
        let except: Vec<i128> = xs.iter().copied().filter(|x| !ys.contains(x)).collect();
        cases.push(case(&[&"except", &spaced(&xs), &spaced(&ys)], shown(except)));
        let common: Vec<i128> = ys.iter().copied().filter(|y| xs.contains(y)).collect();
        cases.push(case(&[&"intersect", &spaced(&xs), &spaced(&ys)], shown(distinct(&common))));
        let n = xs.len() as i64;
        let (a, b) = (r.below(20) as i64 - 10, r.below(20) as i64 - 10);
        let fix = |i: i64| if i < 0 { i + n } else { i }.clamp(0, n) as usize;
        let part = if fix(a) < fix(b) { &xs[fix(a)..fix(b)] } else { &[] };
        cases.push(case(&[&"slice", &spaced(&xs), &a, &b], shown(part)));
    }
    let folds = "12 12 3 -4 10 [3, 3, 10, -4, 3] 0";
    cases.push(case(&[&"folds", &"3 -4 10 3 none"], folds.replace("[3, 3", "[nil, 3").replace("] 0", "] 4")));
    cases.push(case(
        &[&"sort", &"3 none 1 none 100000000000000000000 2"],
        "[1, 2, 3, 100000000000000000000, nil, nil]",
    ));
    check(RUN, &cases);
}

#[test]
fn floats_sort_by_value() {
    let mut r = Random::new(32);
    let mut xs: Vec<f64> = (0..300).map(|_| (r.int() >> 20) as f64 / 8.0).collect();
    xs.extend([f64::INFINITY, f64::NEG_INFINITY, 0.5, -0.5]);
    let mut fields: Vec<String> = vec!["sort_float".into()];
    fields.extend(xs.iter().map(|x| format!("{:016x}", x.to_bits())));
    fields.push(format!("{:016x}", f64::NAN.to_bits()));
    fields.push("7ff8000000000a0e".into());
    xs.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
    let plain = |x: &f64| match *x {
        x if x.is_infinite() => if x > 0.0 { "+Inf.0" } else { "-Inf.0" }.to_string(),
        x if x.fract() == 0.0 => format!("{x}.0"),
        x => format!("{x}"),
    };
    let mut expected: Vec<String> = xs.iter().map(plain).collect();
    expected.extend(["NaN.0".to_string(), "nil".to_string()]);
    check(RUN, &[(fields, shown(expected))]);
}

/// Keys in the order of their text, with counts.
fn counted(keys: &[String]) -> String {
    let mut counts = BTreeMap::new();
    keys.iter().for_each(|k| *counts.entry(k).or_insert(0) += 1);
    let n = counts.len();
    let entries: Vec<String> = counts.iter().map(|(k, v)| format!("\"{k}\": {v}")).collect();
    format!("{n}{{{}}}{n}", entries.join(", "))
}

#[test]
fn maps() {
    let mut r = Random::new(33);
    let mut cases = Vec::new();
    for round in 0..120 {
        let xs = some_ints(&mut r, [5, 12, 40, 700][round % 4]);
        let keys: Vec<String> = xs.iter().map(|x| x.to_string()).collect();
        for op in ["map_i", "map_x", "map_s"] {
            cases.push(case(&[&op, &spaced(&xs)], counted(&keys)));
        }
    }
    check(RUN, &cases);
    let inputs: Vec<Vec<String>> = cases.iter().take(36).map(|c| c.0.clone()).collect();
    for ((_, expected), line) in cases.iter().zip(drive_with(RUN, &inputs, &["MOCHI_GC_STRESS=20"])) {
        assert_eq!(&line, expected);
    }
}

fn prints(main: &str) -> String {
    let run =
        RUN.replace("fun run(f: ref) {", &format!("fun run(f: ref) {{ {main} }}\nfun unused(f: ref) {{"));
    let outcome = run_both(&format!("{PRELUDE}{run}"), &[], "x\n");
    format!("{}{}", outcome.stdout, outcome.stderr).trim_end().to_string()
}

#[test]
fn access() {
    let list = "let xs = ints(\"10 20 30\") ";
    let cases = [
        ("out_int(list_get_w(xs, (-2) as ref))", "30"),
        ("out_int(list_get_w(xs, (-6) as ref))", "10"),
        ("out_int(list_get_w(xs, 6 as ref))", "list index out of range: 3 (len 3)"),
        ("out_int(list_get_w(xs, (-8) as ref))", "list index out of range: -4 (len 3)"),
        ("out_int(list_get_w(xs, 1 as ref))", "cannot use none here"),
        (
            "out_int(list_get_w(xs, int_parse(\"100000000000000000000\")))",
            "list index out of range: 100000000000000000000 (len 3)",
        ),
        ("show_ints(list_set_w(xs, 4 as ref, 14 as ref))", "[10, 20, 7]"),
        ("show_ints(list_set_w(xs, (-6) as ref, 14 as ref))", "[7, 20, 30]"),
        ("show_ints(list_set_w(xs, 10 as ref, 14 as ref))", "[10, 20, 30, nil, nil, 7]"),
        ("show_ints(list_set_w(xs, (-8) as ref, 14 as ref))", "index out of range"),
        (
            "list_share(xs) let ys = list_set_w(xs, 6 as ref, 14 as ref) show_ints(xs) show_ints(ys)",
            "[10, 20, 30][10, 20, 30, 7]",
        ),
        (
            "list_share(xs) let ys = list_append_place_w(xs, 14 as ref) show_ints(xs) show_ints(ys)",
            "[10, 20, 30][10, 20, 30, 7]",
        ),
        (
            "let ys = list_append_place_w(xs, 14 as ref) show_ints(xs) show_ints(ys)",
            "[10, 20, 30, 7][10, 20, 30, 7]",
        ),
        ("let ys = list_append_w(xs, 14 as ref) show_ints(xs) show_ints(ys)", "[10, 20, 30][10, 20, 30, 7]"),
        ("let ys = list_concat_place(xs, xs) show_ints(ys)", "[10, 20, 30, 10, 20, 30]"),
        (
            "let ys = list_set_copy_w(xs, 6 as ref, 14 as ref) show_ints(xs) show_ints(ys)",
            "[10, 20, 30][10, 20, 30, 7]",
        ),
        (
            "show_ints(list_range_step(10 as ref, (-4) as ref, (-8) as ref, addr(list_of_int) as i64))",
            "[5, 1]",
        ),
        ("out_int(list_len(0 as ref))", "0"),
        ("out_int(list_first_w(xs)) out_int(list_last_w(xs))", "1030"),
        ("show_ints(list_range((-4) as ref, 4 as ref, addr(list_of_int) as i64))", "[-2, -1, 0, 1]"),
    ];
    for (main, expected) in cases {
        assert_eq!(prints(&format!("{list}{main}")), expected, "{main}");
    }
    let bools = "let xs = list_new(addr(list_of_bool) as i64, 0) list_push_b(xs, 1) list_push_b(xs, 0) ";
    let show = "out_val(xs, addr(list_of_bool) as i64)";
    for (main, expected) in [
        ("list_set_b(xs, 10 as ref, 1) ", "[true, false, nil, nil, nil, true]"),
        (
            "list_set_b(xs, (-2) as ref, 1) for i in 0..20 { list_push_b(xs, i & 1) } out_int(list_len(xs))",
            "22[true, true, false, true, false, true, false, true, false, true, false, true, false, true, false, true, false, true, false, true, false, true]",
        ),
    ] {
        assert_eq!(prints(&format!("{bools}{main}{show}")), expected, "{main}");
    }
}
