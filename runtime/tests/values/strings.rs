//! Strings against Rust's.

use crate::driver::{Random, case, check, drive_with};

const RUN: &str = r#"
fun run(f: ref) {
    let s = field(f, 1)
    if is(f, "len") { out_int(str_len(s)) }
    if is(f, "index") { out_str(str_index(s, int_field(f, 2))) }
    if is(f, "slice") { out_str(str_slice(s, int_field(f, 2), int_field(f, 3))) }
    if is(f, "upper") { out_str(str_upper(s)) }
    if is(f, "lower") { out_str(str_lower(s)) }
    if is(f, "reverse") { out_str(str_reverse(s)) }
    if is(f, "trim") { out_str(str_trim(s)) }
    if is(f, "contains") { out_bool(str_contains(s, field(f, 2))) }
    if is(f, "find") { out_int(str_index_of(s, field(f, 2))) }
    if is(f, "starts") { out_bool(str_starts_with(s, field(f, 2))) }
    if is(f, "ends") { out_bool(str_ends_with(s, field(f, 2))) }
    if is(f, "replace") { out_str(str_replace(s, field(f, 2), field(f, 3))) }
    if is(f, "split") { out_str(str_join(str_split(s, field(f, 2), addr(list_of_str) as i64), "|")) }
    if is(f, "cmp") { out_int(int_from_i64(str_cmp(s, field(f, 2)))) }
    if is(f, "repeat") { out_str(str_repeat(s, int_field(f, 2))) }
    if is(f, "pad") { out_str(pad_start(s, int_field(f, 2), field(f, 3))) }
    if is(f, "quote") {
        let xs = list_new(addr(list_of_str) as i64, 0)
        list_push_r(xs, s)
        out_val(xs, addr(list_of_str) as i64)
    }
    if is(f, "scan") { scan(s) }
    if is(f, "grow") { grow(s, raw_field(f, 2)) }
}

/// Forwards, backwards and jumping through the characters.
fun scan(s: ref) {
    let n = str_len(s) as i64 >> 1
    for i in 0..n { out_str(str_index(s, (i * 2) as ref)) }
    for i in 0..n { out_str(str_index(s, ((0 - i - 1) * 2) as ref)) }
    for i in 0..n { out_str(str_index(s, (i * 7 % n * 2) as ref)) }
    var at = 0
    while at < load64(s, 8) {
        let c = str_char_at(s, at)
        out_str(c)
        at = at + load64(c, 8)
    }
}

/// Appends in place, with branches that append to the same start.
fun grow(s: ref, n: i64) {
    var a = ""
    for i in 0..n { a = str_concat(a, s) }
    let b = str_concat(a, "B")
    let c = str_concat(a, "C")
    let d = str_concat(b, c)
    out_str(d)
    out_int(str_len(d))
}
"#;

const PIECES: [&str; 20] = [
    "a", "b", "ab", "Z", "é", "É", "ß", "ж", "Ж", "ω", "Ω", "日本", "🍣", " ", "\u{a0}", "ÿ", "ﬁ", "ǅ",
    "\u{301}", "x9",
];

fn text(r: &mut Random, pieces: u64) -> String {
    let alphabet = if r.below(2) == 0 { 3 } else { PIECES.len() as u64 };
    (0..r.below(pieces)).map(|_| PIECES[r.below(alphabet) as usize]).collect()
}

fn sliced(s: &[char], a: i64, b: i64) -> String {
    let n = s.len() as i64;
    let fix = |i: i64| if i < 0 { i + n } else { i }.clamp(0, n);
    let (a, b) = (fix(a), fix(b));
    if a < b { s[a as usize..b as usize].iter().collect() } else { String::new() }
}

/// Simple case mapping: what Rust maps to one character.
fn simple(s: &str, map: impl Fn(char) -> Vec<char>) -> String {
    s.chars().map(|c| if map(c).len() == 1 { map(c)[0] } else { c }).collect()
}

#[test]
fn operations() {
    let mut r = Random::new(21);
    let mut cases = Vec::new();
    for _ in 0..2000 {
        let s = text(&mut r, 30);
        let t = text(&mut r, 3);
        let u = text(&mut r, 4);
        let chars: Vec<char> = s.chars().collect();
        let n = chars.len() as i64;
        let mut bound = || r.below(2 * n as u64 + 6) as i64 - n - 3;
        let (a, b) = (bound(), bound());
        cases.push(case(&[&"len", &s], n));
        cases.push(case(&[&"slice", &s, &a, &b], sliced(&chars, a, b)));
        if n > 0 {
            let i = a.rem_euclid(n);
            cases.push(case(&[&"index", &s, &i], chars[i as usize]));
            cases.push(case(&[&"index", &s, &(i - n)], chars[i as usize]));
        }
        cases.push(case(&[&"upper", &s], simple(&s, |c| c.to_uppercase().collect())));
        cases.push(case(&[&"lower", &s], simple(&s, |c| c.to_lowercase().collect())));
        cases.push(case(&[&"reverse", &s], s.chars().rev().collect::<String>()));
        cases.push(case(&[&"trim", &s], s.trim()));
        cases.push(case(&[&"contains", &s, &t], s.contains(&t)));
        let found = s.find(&t).map_or(-1, |at| s[..at].chars().count() as i64);
        cases.push(case(&[&"find", &s, &t], found));
        cases.push(case(&[&"starts", &s, &t], s.starts_with(&t)));
        cases.push(case(&[&"ends", &s, &t], s.ends_with(&t)));
        cases.push(case(&[&"replace", &s, &t, &u], s.replace(&t, &u)));
        let parts: Vec<String> = if t.is_empty() {
            chars.iter().map(|c| c.to_string()).collect()
        } else {
            s.split(&t).map(str::to_string).collect()
        };
        cases.push(case(&[&"split", &s, &t], parts.join("|")));
        cases.push(case(&[&"cmp", &s, &t], s.cmp(&t) as i8));
        cases.push(case(&[&"repeat", &s, &(a % 9)], s.repeat((a % 9).max(0) as usize)));
        let unit: Vec<char> = if u.is_empty() { vec![' '] } else { u.chars().collect() };
        let pad: String = unit.iter().cycle().take((b - n).max(0) as usize).collect();
        cases.push(case(&[&"pad", &s, &b, &u], pad + &s));
        let mut scanned = s.clone();
        scanned.extend(chars.iter().rev());
        scanned.extend((0..chars.len()).map(|i| chars[i * 7 % chars.len()]));
        cases.push(case(&[&"scan", &s], scanned + &s));
    }
    check(RUN, &cases);
}

#[test]
fn case_of_every_character() {
    let mut cases = Vec::new();
    for first in (0x80..0x1_1000u32).chain(0x1_e900..0x1_e980).step_by(64) {
        let s: String = (first..first + 64).filter_map(char::from_u32).filter(|c| *c != '\u{85}').collect();
        // Characters newer than the table, and final sigma, which is no simple mapping.
        let skip = |c: char| {
            matches!(c, '\u{2c2f}' | '\u{2c5f}' | '\u{a7c0}'..='\u{a7dc}' | '\u{1c89}' | '\u{1c8a}' | '\u{264}' | '\u{19b}'
                | '\u{10570}'..='\u{105bf}' | '\u{10d50}'..='\u{10d85}' | '\u{16ea0}'..='\u{16ed3}')
        };
        let s: String = s.chars().filter(|c| !skip(*c)).collect();
        let upper = simple(&s, |c| titled(c).unwrap_or_else(|| c.to_uppercase().collect()));
        cases.push(case(&[&"upper", &s], upper));
        let lower = simple(&s, |c| if c == 'İ' { vec!['i'] } else { c.to_lowercase().collect() });
        cases.push(case(&[&"lower", &s], lower));
    }
    check(RUN, &cases);
}

/// Greek letters with iota subscript have a simple upper case that is not their full one.
fn titled(c: char) -> Option<Vec<char>> {
    let n = c as u32;
    let upper = match n {
        0x1f80..=0x1faf if n & 8 == 0 => n + 8,
        0x1fb3 | 0x1fc3 | 0x1ff3 => n + 9,
        0x1f80..=0x1faf => n,
        _ => return None,
    };
    char::from_u32(upper).map(|u| vec![u])
}

#[test]
fn quoting() {
    let cases = [
        case(&[&"quote", &"a\\\"é🍣\x01\x7f"], "[\"a\\\\\\\"é🍣\\x01\\x7f\"]"),
        case(&[&"quote", &"\r\x07\x08\x0b\x0c"], "[\"\\r\\a\\b\\v\\f\"]"),
        case(
            &[&"quote", &"\u{a0}\u{ad}\u{200b}\u{feff}\u{e000}\u{10ffff}\u{85}"],
            "[\"\\u00a0\\u00ad\\u200b\\ufeff\\ue000\\U0010ffff\\u0085\"]",
        ),
        case(&[&"quote", &"\u{301}ж日"], "[\"\u{301}ж日\"]"),
    ];
    check(RUN, &cases);
}

#[test]
fn growing() {
    let mut cases = Vec::new();
    for (s, n) in [("x", 0), ("x", 200), ("é", 100), ("ab", 1000), ("日本", 70), ("", 5)] {
        let a = s.repeat(n);
        let d = format!("{a}B{a}C");
        cases.push(case(&[&"grow", &s, &n], format!("{d}{}", d.chars().count())));
    }
    check(RUN, &cases);
    // The same while the collector runs all the time.
    let inputs: Vec<Vec<String>> = cases.iter().map(|c| c.0.clone()).collect();
    for ((_, expected), line) in cases.iter().zip(drive_with(RUN, &inputs, &["MOCHI_GC_STRESS=3"])) {
        assert_eq!(&line, expected);
    }
}

#[test]
fn search_is_not_quadratic() {
    // The interpreter would take minutes for a quadratic search.
    let s = "a".repeat(200_000);
    let t = "a".repeat(1000) + "b";
    check(RUN, &[case(&[&"find", &s, &t], -1), case(&[&"find", &format!("{s}b"), &t], 199_000)]);
}
