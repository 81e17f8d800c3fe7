//! Ints against i128 and a schoolbook model.

use crate::driver::{Random, case, check, drive};
use crate::model::Natural;

const RUN: &str = r#"
fun run(f: ref) {
    let a = if is(f, "base") { 0 as ref } else { int_field(f, 1) }
    let b = int_field(f, 2)
    if is(f, "add") { out_int(int_add_slow(a, b)) }
    if is(f, "sub") { out_int(int_sub_slow(a, b)) }
    if is(f, "mul") { out_int(int_mul_slow(a, b)) }
    if is(f, "div") { out_int(int_div_slow(a, b)) }
    if is(f, "mod") { out_int(int_mod_slow(a, b)) }
    if is(f, "cmp") { out_number(int_cmp_slow(a, b)) }
    if is(f, "pow") { out_int(int_pow(a, b)) }
    if is(f, "base") { out_int(int_parse_base(field(f, 1), b)) }
    if is(f, "neg") { out_int(int_neg_slow(a)) }
    if is(f, "float") { out_bits(f64_bits(int_to_f64(a))) }
    if is(f, "divmod") {
        out_int(int_div_slow(a, b))
        out_byte(' ')
        out_int(int_mod_slow(a, b))
    }
}
"#;

#[test]
fn small_and_medium() {
    let mut r = Random::new(1);
    let edges =
        [0, 1, -1, 2, -2, 1 << 61, (1 << 62) - 1, 1 << 62, -(1 << 62), -(1 << 62) - 1, i64::MAX, i64::MIN];
    let mut cases = Vec::new();
    for i in 0..6000 {
        let mut pick = || if r.below(3) == 0 { edges[r.below(12) as usize] } else { r.int() } as i128;
        let (a, b) = (pick(), pick());
        cases.push(case(&[&"add", &a, &b], a + b));
        cases.push(case(&[&"sub", &a, &b], a - b));
        cases.push(case(&[&"mul", &a, &b], a * b));
        cases.push(case(&[&"cmp", &a, &b], a.cmp(&b) as i8));
        cases.push(case(&[&"neg", &a, &b], -a));
        if b != 0 {
            cases.push(case(&[&"div", &a, &b], a / b));
            cases.push(case(&[&"mod", &a, &b], a % b));
            let wide = a * 0x7fff_ffff_ffff_ffff + i as i128;
            cases.push(case(&[&"div", &wide, &b], wide / b));
            cases.push(case(&[&"mod", &wide, &b], wide % b));
        }
        let product = a * b;
        cases.push(case(&[&"float", &product, &0], format!("{:016x}", (product as f64).to_bits())));
    }
    check(RUN, &cases);
}

#[test]
fn powers() {
    let cases = [
        case(&[&"pow", &2, &200], "1606938044258990275541962092341162602522202993782792835301376"),
        case(&[&"pow", &-3, &3], "-27"),
        case(&[&"base", &"-ff", &16], "-255"),
        case(&[&"base", &"1010", &2], "10"),
        case(&[&"base", &"ZZzz", &36], "1679615"),
        case(&[&"base", &"+77777777777777777777777777", &8], "302231454903657293676543"),
        case(&[&"pow", &0, &0], "1"),
        case(&[&"pow", &7, &0], "1"),
        case(&[&"pow", &-1, &1001], "-1"),
        case(&[&"pow", &2, &-1], "0"),
        case(&[&"pow", &-1, &-3], "-1"),
        case(&[&"pow", &10, &25], "10000000000000000000000000"),
    ];
    check(RUN, &cases);
}

fn digits(r: &mut Random, n: usize) -> String {
    let mut s: String = (0..n).map(|_| char::from(b'0' + r.below(10) as u8)).collect();
    match r.below(4) {
        0 => s = "9".repeat(n),
        1 => s = format!("1{}", "0".repeat(n - 1)),
        _ => s.replace_range(0..1, "7"),
    }
    s
}

#[test]
fn large_products_and_sums() {
    let mut r = Random::new(2);
    let mut cases = Vec::new();
    for n in [5, 20, 40, 100, 300, 620, 1000, 2500] {
        for m in [1, 19, 45, 290, 700, 2500] {
            let (a, b) = (digits(&mut r, n), digits(&mut r, m));
            let (x, y) = (Natural::parse(&a), Natural::parse(&b));
            cases.push(case(&[&"mul", &a, &b], x.times(&y)));
            cases.push(case(&[&"add", &a, &b], x.plus(&y)));
            cases.push(case(&[&"sub", &x.plus(&y), &b], &x));
            cases.push(case(&[&"mul", &format!("-{a}"), &b], format!("-{}", x.times(&y))));
        }
    }
    check(RUN, &cases);
}

#[test]
fn large_quotients() {
    let mut r = Random::new(3);
    let mut cases = Vec::new();
    for n in [25, 60, 200, 1300, 2600, 5000, 6000] {
        for m in [10, 21, 58, 190, 1240, 1300, 2450, 2600] {
            cases.push(vec!["divmod".to_string(), digits(&mut r, n), digits(&mut r, m)]);
        }
    }
    for (input, line) in cases.iter().zip(drive(RUN, &cases)) {
        let (q, rest) = line.split_once(' ').expect("two numbers");
        let (a, b) = (Natural::parse(&input[1]), Natural::parse(&input[2]));
        let (q, rest) = (Natural::parse(q), Natural::parse(rest));
        assert!(rest < b, "{input:?}");
        assert_eq!(q.times(&b).plus(&rest), a, "{input:?}");
    }
}
