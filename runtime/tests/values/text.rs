//! The renderers and JSON on values of every type.

use crate::common::run_both;
use crate::driver::PRELUDE;

/// Types and values; `v(i)` is value number i, `d(i)` its descriptor.
pub const VALUES: &str = r#"
extern data desc_list_any
data list_of_list = [5, 4 | 1 << 16 | 2 << 48, 0, addr(list_of_int), 0, 0, 0, 0, 0]
data map_str_any = [6, 0, 0, addr(desc_str), addr(desc_any), 0, 0, 0, 0]
data map_int_str = [6, 0, 0, addr(desc_int), addr(desc_str), 0, 0, 0, 0]
data map_any_any = [6, 0, 0, addr(desc_any), addr(desc_any), 0, 0, 0, 0]
data option_int = [9, 0, 0, addr(desc_int), 0, 0, 0, 0, 0]
data option_str = [9, 0, 0, addr(desc_str), 0, 0, 0, 0, 0]
data fun_type = [10, 0, 0, 0, 0, 0, 0, 0, 0]
data closure = [addr(fun_type), 0]
data point_rows = ["B", 8, addr(desc_str), "a", 16, addr(desc_int), "m", 0, addr(fun_type), "z", 24, addr(desc_float)]
data point = [7, 4 | 1 << 16 | 1 << 32 | 1 << 48, "P", 0, 0, 4, addr(point_rows), 0, 0]
data pair_rows = ["x", 8, addr(desc_int), "y", 16, addr(desc_int)]
data pair = [7, 3 | 2 << 32 | 1 << 48, "Q", 0, 0, 2, addr(pair_rows), 0, 0]
data plain = [7, 3 | 2 << 32 | 1 << 48, 0, 0, 0, 2, addr(pair_rows), 0, 0]
data union_table = [addr(leaf), addr(node)]
data tree = [8, 0, "Tree", 0, 0, 0, 0, 2, addr(union_table)]
data leaf = [7, 1, "Leaf", 0, 0, 0, 0, addr(tree), 0]
data leaf_value = [addr(leaf)]
data node_rows = ["next", 8, addr(tree), "v", 16, addr(desc_any)]
data node = [7, 3 | 1 << 16 | 1 << 32 | 1 << 48, "Node", 0, 0, 2, addr(node_rows), addr(tree), 0]
data group_rows = ["items", 8, addr(list_of_int), "key", 16, addr(desc_any)]
data group = [13, 3 | 1 << 16 | 1 << 32 | 1 << 48, 0, 0, 0, 2, addr(group_rows), 0, 0]

fun numbers(): ref {
    let xs = list_new(addr(list_of_int) as i64, 0)
    list_push_w(xs, 2 as ref)
    list_push_w(xs, int_parse("-100000000000000000000"))
    list_push_w(xs, 1 as ref)
    return xs
}

fun boxed(p: ref): ref { return (p + 1) as ref }

fun anys(): ref {
    let xs = list_new(addr(desc_list_any) as i64, 0)
    list_push_w(xs, 14 as ref)
    list_push_w(xs, any_from_f64(2.0))
    list_push_w(xs, any_from_bool(1))
    list_push_w(xs, boxed("q\"\n"))
    list_push_w(xs, 1 as ref)
    list_push_w(xs, boxed(numbers()))
    list_push_w(xs, boxed(rat_div(rat_from_int(2 as ref), rat_from_int(6 as ref))))
    list_push_w(xs, boxed(addr(closure) as ref))
    return xs
}

fun str_map(): ref {
    let m = map_new(addr(map_str_any) as i64)
    map_store(m, "b", boxed(numbers()))
    map_store(m, "a<b", any_from_f64(0.5))
    map_store(m, "é", boxed(map_new(addr(map_str_any) as i64)))
    return m
}

fun int_map(): ref {
    let m = map_new(addr(map_int_str) as i64)
    map_store(m, 20 as ref, "ten")
    map_store(m, 18 as ref, "nine")
    map_store(m, (-4) as ref, 0 as ref)
    return m
}

fun any_map(): ref {
    let m = map_new(addr(map_any_any) as i64)
    map_store(m, boxed("k"), 2 as ref)
    map_store(m, 2 as ref, boxed("one"))
    map_store(m, any_from_f64(1.0), boxed("float one"))
    map_store(m, any_from_bool(1), 4 as ref)
    map_store(m, boxed(numbers()), 6 as ref)
    return m
}

fun struct3(desc: i64, a: ref, b: i64, c: i64): ref {
    let p = alloc(32, desc)
    store64(p, a as i64, 8)
    if desc == addr(point) as i64 {
        store64(p, b, 16)
        store64(p, c, 24)
    } else {
        store64(p, b, 16)
    }
    return p
}

fun cycle(): ref {
    let xs = list_new(addr(desc_list_any) as i64, 0)
    list_push_w(xs, 2 as ref)
    list_push_w(xs, boxed(xs))
    let m = map_new(addr(map_str_any) as i64)
    map_store(m, "m", boxed(m))
    list_push_w(xs, boxed(m))
    return xs
}

fun v(i: i64): ref {
    match i {
        0 => { return (-84) as ref }
        1 => { return f64_bits(1e6) as ref }
        2 => { return 1 as ref }
        3 => { return "a b" }
        4 => { return numbers() }
        5 => { return anys() }
        6 => { return str_map() }
        7 => { return int_map() }
        8 => { return any_map() }
        9 => { return struct3(addr(point) as i64, "s", 10, f64_bits(1.5)) }
        10 => { return struct3(addr(plain) as i64, 10 as ref, 12, 0) }
        11 => { return struct3(addr(node) as i64, addr(leaf_value) as ref, 1, 0) }
        12 => { return struct3(addr(group) as i64, numbers(), "k" as i64 + 1, 0) }
        13 => { return cycle() }
        14 => { return rat_from_int(6 as ref) }
        15 => { return addr(closure) as ref }
        16 => { return 1 as ref }
        17 => { return 0 as ref }
        18 => { return list_new(addr(list_of_list) as i64, 0) }
    }
    return 0 as ref
}

fun d(i: i64): i64 {
    match i {
        0 => { return addr(desc_int) as i64 }
        1 => { return addr(desc_float) as i64 }
        2 => { return addr(desc_bool) as i64 }
        3 => { return addr(desc_str) as i64 }
        4 => { return addr(list_of_int) as i64 }
        5 => { return addr(desc_list_any) as i64 }
        6 => { return addr(map_str_any) as i64 }
        7 => { return addr(map_int_str) as i64 }
        8 => { return addr(map_any_any) as i64 }
        9 => { return addr(point) as i64 }
        10 => { return addr(plain) as i64 }
        11 => { return addr(tree) as i64 }
        12 => { return addr(group) as i64 }
        13 => { return addr(desc_list_any) as i64 }
        14 => { return addr(desc_bigrat) as i64 }
        15 => { return addr(fun_type) as i64 }
        16 => { return addr(option_int) as i64 }
        17 => { return addr(option_str) as i64 }
        18 => { return addr(list_of_list) as i64 }
    }
    return 0
}
"#;

/// The print, list and str forms of each value.
const FORMS: [[&str; 3]; 19] = [
    ["-42", "[-42]", "-42"],
    ["1e+06", "[1000000.0]", "1e+06"],
    ["true", "[true]", "true"],
    ["a b", "[\"a b\"]", "a b"],
    [
        "[1, -100000000000000000000, nil]",
        "[[1, -100000000000000000000, nil]]",
        "[1 -100000000000000000000 <nil>]",
    ],
    [
        "[7, 2.0, true, \"q\\\"\\n\", nil, [1, -100000000000000000000, nil], nil, nil]",
        "[[7, 2.0, true, \"q\\\"\\n\", nil, [1, -100000000000000000000, nil], nil, nil]]",
        "[7 2 true q\"\n <nil> [1 -100000000000000000000 <nil>] 1/3 <fun>]",
    ],
    [
        "{\"a<b\": 0.5, \"b\": [1, -100000000000000000000, nil], \"é\": {}}",
        "[{\"a<b\": 0.5, \"b\": [1, -100000000000000000000, nil], \"é\": {}}]",
        "map[a<b:0.5 b:[1 -100000000000000000000 <nil>] é:map[]]",
    ],
    [
        "{\"-2\": nil, \"10\": \"ten\", \"9\": \"nine\"}",
        "[{\"-2\": nil, \"10\": \"ten\", \"9\": \"nine\"}]",
        "map[-2:<nil> 10:ten 9:nine]",
    ],
    [
        "{\"1\": \"one\", \"1.0\": \"float one\", \"[1, -100000000000000000000, nil]\": 3, \"k\": 1, \"true\": 2}",
        "[{\"1\": \"one\", \"1.0\": \"float one\", \"[1, -100000000000000000000, nil]\": 3, \"k\": 1, \"true\": 2}]",
        "map[1:one 1.0:float one [1, -100000000000000000000, nil]:3 k:1 true:2]",
    ],
    [
        "{\"B\": \"s\", \"__name\": \"P\", \"a\": 5, \"m\": nil, \"z\": 1.5}",
        "[{\"B\": \"s\", \"__name\": \"P\", \"a\": 5, \"m\": nil, \"z\": 1.5}]",
        "map[B:s __name:P a:5 m:<nil> z:1.5]",
    ],
    ["{\"x\": 5, \"y\": 6}", "[{\"x\": 5, \"y\": 6}]", "map[x:5 y:6]"],
    [
        "{\"__name\": \"Node\", \"next\": {\"__name\": \"Leaf\"}, \"v\": nil}",
        "[{\"__name\": \"Node\", \"next\": {\"__name\": \"Leaf\"}, \"v\": nil}]",
        "map[__name:Node next:map[__name:Leaf] v:<nil>]",
    ],
    [
        "{\"__group__\": true, \"count\": 3, \"items\": [1, -100000000000000000000, nil], \"key\": \"k\"}",
        "[{\"__group__\": true, \"count\": 3, \"items\": [1, -100000000000000000000, nil], \"key\": \"k\"}]",
        "map[__group__:true count:3 items:[1 -100000000000000000000 <nil>] key:k]",
    ],
    ["[1, [...], {\"m\": {...}}]", "[[1, [...], {\"m\": {...}}]]", "[1 [...] map[m:{...}]]"],
    ["3/1", "[nil]", "3/1"],
    ["&{1 []}", "[nil]", "<fun>"],
    ["nil", "[nil]", "<nil>"],
    ["nil", "[nil]", "<nil>"],
    ["[]", "[[]]", "[]"],
];

#[test]
fn deep_values_print() {
    let program = format!(
        "{PRELUDE}{VALUES}\n{}",
        r#"fun run(f: ref) {
            var xs = list_new(addr(desc_list_any) as i64, 0)
            let inner = xs
            for i in 0..200 {
                let outer = list_new(addr(desc_list_any) as i64, 0)
                list_push_w(outer, boxed(xs))
                xs = outer
            }
            out_val(xs, addr(desc_list_any) as i64)
            list_push_w(inner, boxed(xs))
            list_push_w(inner, boxed(inner))
            out_val(xs, addr(desc_list_any) as i64)
            out_val(inner, addr(desc_list_any) as i64)
        }"#
    );
    let outcome = run_both(&program, &[], "x\n");
    let (open, close) = ("[".repeat(200), "]".repeat(200));
    let expected = format!("{open}[]{close}{open}[[...], [...]]{close}[{open}[...]{close}, [...]]\n");
    assert_eq!((outcome.stdout, outcome.stderr), (expected, String::new()));
}

fn run(main: &str) -> String {
    let program = format!("{PRELUDE}{VALUES}\nfun run(f: ref) {{ let i = raw_field(f, 0) {main} }}");
    let stdin: String = (0..FORMS.len()).map(|i| format!("{i}\n")).collect();
    let outcome = run_both(&program, &["MOCHI_GC_STRESS=5"], &stdin);
    assert_eq!(outcome.stderr, "");
    outcome.stdout
}

#[test]
fn renderers() {
    let expected: String = FORMS.iter().map(|f| format!("{}\n", f.join("~"))).collect();
    let found = run(r#"
        out_val(v(i), d(i)) out_byte('~')
        let xs = list_new(addr(desc_list_any) as i64, 0)
        list_push_w(xs, any_box(v(i), d(i)))
        out_val(xs, addr(desc_list_any) as i64) out_byte('~')
        out_str(str_of_val(v(i), d(i)))"#);
    assert_eq!(found, expected);
}

#[test]
fn json() {
    let found = run("if i != 5 { out_str(json_str(v(i), d(i))) }");
    let expected = r#"-42
1000000
true
"a b"
[
  1,
  -100000000000000000000,
  null
]

{
  "a\u003cb": 0.5,
  "b": [
    1,
    -100000000000000000000,
    null
  ],
  "é": {}
}
{
  "-2": null,
  "10": "ten",
  "9": "nine"
}
{
  "1": "one",
  "1.0": "float one",
  "[1, -100000000000000000000, nil]": 3,
  "k": 1,
  "true": 2
}
{
  "B": "s",
  "__name": "P",
  "a": 5,
  "m": {},
  "z": 1.5
}
{
  "x": 5,
  "y": 6
}
{
  "__name": "Node",
  "next": {
    "__name": "Leaf"
  },
  "v": null
}
{
  "__group__": true,
  "count": 3,
  "items": [
    1,
    -100000000000000000000,
    null
  ],
  "key": "k"
}

"3/1"
{}
null
null
[]
"#;
    assert_eq!(found, expected);
}

#[test]
fn equality_and_hash() {
    // Every value equals itself, but for functions and structs with methods; equal values hash alike.
    let found = run(r#"
        for k in 0..19 {
            if i != 13 && k != 13 {
                let a = any_box(v(i), d(i))
                let b = any_box(v(k), d(k))
                if any_eq(a, b) != 0 {
                    out_int(int_from_i64(k))
                    out_byte(' ')
                    if val_hash(a, addr(desc_any) as i64) != val_hash(b, addr(desc_any) as i64) { out_byte('!') }
                }
            }
        }"#);
    let mut expected = String::new();
    for i in 0..19 {
        expected += &match i {
            5 | 9 | 13 | 15 => String::new(),
            16 | 17 => "16 17 ".to_string(),
            _ => format!("{i} "),
        };
        expected += "\n";
    }
    assert_eq!(found, expected);
}
