//! Floats to text and back against Rust's own.

use crate::driver::{Random, case, check, drive};

const RUN: &str = r#"
fun run(f: ref) {
    if is(f, "short") {
        f64_shortest(float_field(f, 1))
        out_int(int_from_u64(load64(addr(short_digits))))
        out_byte(' ')
        out_int(int_from_i64(load64(addr(short_exp))))
    }
    if is(f, "print") { out_f64(float_field(f, 1)) }
    if is(f, "str") { out_str(str_of_f64(float_field(f, 1))) }
    if is(f, "list") {
        let xs = list_new(addr(list_of_float) as i64, 0)
        list_push_f(xs, float_field(f, 1))
        out_val(xs, addr(list_of_float) as i64)
    }
    if is(f, "json") { out_str(json_str(bits_field(f, 1) as ref, addr(desc_float) as i64)) }
    if is(f, "parse") { out_bits(f64_bits(f64_parse(field(f, 1)))) }
    if is(f, "mod") { out_bits(f64_bits(f64_mod(float_field(f, 1), float_field(f, 2)))) }
    if is(f, "pow") { out_f64(f64_pow(float_field(f, 1), float_field(f, 2))) }
    if is(f, "exp") { out_f64(f64_exp(float_field(f, 1))) }
    if is(f, "log") { out_f64(f64_log(float_field(f, 1))) }
    if is(f, "floor") { out_bits(f64_bits(f64_floor(float_field(f, 1)))) }
    if is(f, "ceil") { out_bits(f64_bits(f64_ceil(float_field(f, 1)))) }
    if is(f, "round") { out_f64(f64_round(float_field(f, 1), int_field(f, 2))) }
    if is(f, "int") { out_int(int_from_f64(float_field(f, 1))) }
}
extern data short_digits
extern data short_exp
"#;

fn hex(x: f64) -> String {
    format!("{:016x}", x.to_bits())
}

/// Floats of every kind: any bits, few bits, decimal-looking, powers of two and ten, edges.
fn samples(r: &mut Random, n: usize) -> Vec<f64> {
    let mut xs = vec![
        0.0,
        -0.0,
        5e-324,
        f64::MIN_POSITIVE,
        f64::MAX,
        f64::EPSILON,
        9007199254740993.0,
        1e22,
        1e23,
        9.5e-5,
        0.3,
        2.225073858507201e-308,
    ];
    for e in 0..2047 {
        xs.push(f64::from_bits(e << 52));
    }
    for e in -308..308 {
        xs.push(format!("1e{e}").parse().expect("float"));
    }
    while xs.len() < n {
        let x = match r.below(4) {
            0 => f64::from_bits(r.bits()),
            1 => r.int() as f64,
            2 => r.int() as f64 / 10f64.powi(r.below(20)),
            _ => f64::from_bits(r.bits() & r.bits() & r.bits() & r.bits()),
        };
        if x.is_finite() {
            xs.push(x);
        }
    }
    xs
}

#[test]
fn shortest_digits() {
    let mut r = Random::new(11);
    let mut cases = Vec::new();
    for x in samples(&mut r, 60000) {
        let text = format!("{:e}", x.abs());
        let (digits, exponent) = text.split_once('e').expect("exponent");
        let fraction = digits.split_once('.').map_or(0, |(_, f)| f.len() as i32);
        let whole = digits.replace('.', "");
        let mut e = exponent.parse::<i32>().expect("exponent") - fraction;
        if whole == "0" {
            e = 0;
        }
        cases.push(case(&[&"short", &hex(x)], format!("{whole} {e}")));
    }
    let inputs: Vec<Vec<String>> = cases.iter().map(|c| c.0.clone()).collect();
    for ((input, expected), found) in cases.iter().zip(drive(RUN, &inputs)) {
        if *expected == found {
            continue;
        }
        // Two candidates at the same distance: Rust takes the upper one, we (as Go) the even one.
        let number = |s: &str| s.split_once(' ').map(|(d, e)| format!("{d}e{e}")).expect("two numbers");
        let x = f64::from_bits(u64::from_str_radix(&input[1], 16).expect("bits")).abs();
        assert_eq!(number(&found).parse(), Ok::<f64, std::num::ParseFloatError>(x), "{found} {expected}");
        let digits = found.split_once(' ').expect("two numbers").0;
        assert_eq!(digits.len() + found.len(), digits.len() + expected.len());
        assert!(digits.ends_with(['0', '2', '4', '6', '8']), "{found} {expected}");
        assert!(halfway_digits(x, digits), "{found} {expected}");
    }
}

#[test]
fn formats() {
    let p = |x: f64, s: &str| case(&[&"print", &hex(x)], s);
    let l = |x: f64, s: &str| case(&[&"list", &hex(x)], s);
    let j = |x: f64, s: &str| case(&[&"json", &hex(x)], s);
    let none = f64::from_bits(0x7ff8_0000_0000_0a0e);
    let cases = [
        p(1.0, "1"),
        p(100000.0, "100000"),
        p(1000000.0, "1e+06"),
        p(1234567.5, "1.2345675e+06"),
        p(0.0001, "0.0001"),
        p(0.00001, "1e-05"),
        p(123456.5, "123456.5"),
        p(-0.0, "-0"),
        p(0.1 + 0.2, "0.30000000000000004"),
        p(1e100, "1e+100"),
        p(f64::INFINITY, "+Inf"),
        p(f64::NEG_INFINITY, "-Inf"),
        p(f64::NAN, "NaN"),
        p(none, "nil"),
        case(&[&"str", &hex(none)], "<nil>"),
        case(&[&"str", &hex(2.5)], "2.5"),
        l(1.0, "[1.0]"),
        l(1000000.0, "[1000000.0]"),
        l(0.00001, "[0.00001]"),
        l(1e21, "[1000000000000000000000.0]"),
        l(-0.0, "[-0.0]"),
        l(1.5e-7, "[0.00000015]"),
        l(f64::INFINITY, "[+Inf.0]"),
        l(f64::NAN, "[NaN.0]"),
        l(none, "[nil]"),
        j(1.0, "1"),
        j(1e-6, "0.000001"),
        j(1e-7, "1e-7"),
        j(1.25e-10, "1.25e-10"),
        j(1e20, "100000000000000000000"),
        j(1e21, "1e+21"),
        j(f64::NAN, ""),
    ];
    check(RUN, &cases);
}

#[test]
fn parsing() {
    let mut r = Random::new(12);
    let mut cases = Vec::new();
    let mut add = |text: String| {
        let x: f64 = text.parse().expect("float");
        cases.push(case(&[&"parse", &text], hex(x)));
    };
    for x in samples(&mut r, 30000) {
        add(format!("{x:e}"));
        // The exact middle between two floats, and just beside it.
        let (a, b) = (x.abs(), f64::from_bits(x.abs().to_bits() + 1));
        if b.is_finite() && (1e-290..1e290).contains(&a) && r.below(8) == 0 {
            let middle = halfway(a);
            add(middle.clone());
            add(format!("{middle}0000000000000000000000001"));
        }
    }
    for _ in 0..10000 {
        let digits: String = (0..1 + r.below(30)).map(|_| char::from(b'0' + r.below(10) as u8)).collect();
        add(format!("{digits}.{}e{}", r.bits(), r.below(700) as i64 - 350));
        add(format!("-{}e{}", r.below(1000), r.below(60) as i64 - 30));
    }
    for text in [
        "0.0",
        "-0",
        "1e400",
        "-1e400",
        "1e-400",
        "+5",
        "1.",
        ".5",
        "00012.500",
        "inf",
        "1e5",
        "1E+5",
        "1e-5",
    ] {
        add(text.to_string());
    }
    add(format!("0.{}1", "0".repeat(400)));
    add(format!("1{}", "0".repeat(400)));
    add(format!("{}e-1000", "7".repeat(1200)));
    check(RUN, &cases);
}

/// Whether the exact value of a float is these digits, then a five and nothing more.
fn halfway_digits(x: f64, digits: &str) -> bool {
    let exact = format!("{x:.1100}").replace('.', "");
    exact.trim_matches('0') == format!("{digits}5")
}

/// The decimal expansion of the middle between a float from 1e-290 to 1e290 and the next one.
fn halfway(a: f64) -> String {
    let bits = a.to_bits();
    let e = ((bits >> 52) & 0x7ff) as i32 - 1075;
    let m = ((bits & ((1 << 52) - 1)) | (1 << 52)) * 2 + 1;
    // m * 2^(e-1), digit by digit.
    let mut digits: Vec<u8> = m.to_string().bytes().rev().map(|b| b - b'0').collect();
    let steps = e - 1;
    let factor = if steps >= 0 { 2 } else { 5 };
    for _ in 0..steps.abs() {
        let mut carry = 0;
        for d in &mut digits {
            let t = *d * factor + carry;
            *d = t % 10;
            carry = t / 10;
        }
        if carry > 0 {
            digits.push(carry);
        }
    }
    let text: String = digits.iter().rev().map(|d| char::from(b'0' + d)).collect();
    if steps >= 0 { text } else { format!("{text}e{steps}") }
}

#[test]
fn arithmetic() {
    let mut r = Random::new(13);
    let mut cases = Vec::new();
    let xs = samples(&mut r, 30000);
    for (i, &x) in xs.iter().enumerate() {
        let y = xs[(i * 7919 + 13) % xs.len()];
        if y != 0.0 {
            cases.push(case(&[&"mod", &hex(x), &hex(y)], hex(x % y)));
        }
        cases.push(case(&[&"floor", &hex(x)], hex(x.floor())));
        cases.push(case(&[&"ceil", &hex(x)], hex(x.ceil())));
        let int =
            if (-9223372036854775808.0..9223372036854775808.0).contains(&x) { x as i64 } else { i64::MIN };
        cases.push(case(&[&"int", &hex(x)], int));
    }
    for (x, n, s) in
        [(2.5, 0, "3"), (-2.5, 0, "-3"), (1.005, 2, "1"), (8.76543, 3, "8.765"), (1234.5, -2, "1200")]
    {
        cases.push(case(&[&"round", &hex(x), &n], s));
    }
    check(RUN, &cases);
}

/// The expected values are those of Go's math.Pow, math.Exp and math.Log.
#[test]
fn powers() {
    let pow = |x: f64, y: f64, s: &str| case(&[&"pow", &hex(x), &hex(y)], s);
    let cases = [
        pow(2.0, 10.0, "1024"),
        pow(2.0, 0.5, "1.4142135623730951"),
        pow(10.0, -2.0, "0.01"),
        pow(-8.0, 3.0, "-512"),
        pow(-8.0, 0.3, "NaN"),
        pow(0.0, -1.0, "+Inf"),
        pow(1.1, 100.0, "13780.612339822364"),
        pow(2.0, -1074.0, "5e-324"),
        pow(10.0, 308.0, "1.0000000000000006e+308"),
        pow(10.0, 309.0, "+Inf"),
        pow(9.7, 3.3, "1804.457771761897"),
        case(&[&"exp", &hex(1.0)], "2.718281828459045"),
        case(&[&"exp", &hex(-20.5)], "1.2501528663867426e-09"),
        case(&[&"log", &hex(10.0)], "2.302585092994046"),
        case(&[&"log", &hex(0.1)], "-2.3025850929940455"),
    ];
    check(RUN, &cases);
}
