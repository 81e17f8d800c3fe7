//! Strings of any bytes against a plain model: a list of characters, each a list of bytes.
//!
//! Every case is put through every string function; a line of results has the bytes and the count of
//! each. The model finds characters by trying; it shares nothing with the runtime.

use crate::common::{On, compile, run_module};
use crate::driver::{PRELUDE, check};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

const RUN: &str = r#"
extern data byte_strings
data scratch: zero(8)

fun nibble(c: i64): i64 { return if c <= '9' { c - '0' } else { c - 'a' + 10 } }

/// The bytes that a field has in hexadecimal.
fun bytes_field(fields: ref, i: i64): ref {
    let hex = field(fields, i)
    let mark = tb_mark()
    var k = 0
    while k < load64(hex, 8) {
        let p = loadptr(hex, 24) + k
        tb_byte(nibble(load8(p)) * 16 + nibble(load8(p + 1)))
        k = k + 2
    }
    return tb_take(mark)
}

/// A name, then bytes in hexadecimal and the count. A string of one byte has to be the static one.
fun put(name: ref, s: ref) {
    out_byte(' ')
    out_str(name)
    out_byte('=')
    let n = load64(s, 8)
    for i in 0..n {
        let c = load8(loadptr(s, 24) + i)
        out_byte(load8(loadptr("0123456789abcdef", 24) + (c >> 4)))
        out_byte(load8(loadptr("0123456789abcdef", 24) + (c & 15)))
    }
    out_byte('#')
    out_int(str_len(s))
    if n == 1 && s != str_byte(load8(loadptr(s, 24))) { out_byte('!') }
}

fun put_number(name: ref, v: i64) {
    out_byte(' ')
    out_str(name)
    out_byte('=')
    out_int(int_from_i64(v))
}

fun put_all(name: ref, xs: ref) {
    put_number(name, list_count(xs))
    for i in 0..list_count(xs) { put("", list_get_raw_r(xs, i)) }
}

fun run(f: ref) {
    let s = bytes_field(f, 0)
    let t = bytes_field(f, 1)
    let u = bytes_field(f, 2)
    let a = int_field(f, 3)
    let b = int_field(f, 4)
    let n = str_len(s) as i64 >> 1
    put("s", s)
    put("add", str_concat(s, t))
    put("slice", str_slice(s, a, b))
    put("reverse", str_reverse(s))
    put("trim", str_trim(s))
    put_number("contains", str_contains(s, t))
    put_number("find", str_index_of(s, t) as i64 >> 1)
    put_number("starts", str_starts_with(s, t))
    put_number("ends", str_ends_with(s, t))
    put("replace", str_replace(s, t, u))
    put_all("split", str_split(s, t, addr(list_of_str) as i64))
    put_all("chars", str_split(s, "", addr(list_of_str) as i64))
    put("join", str_join(str_split(s, t, addr(list_of_str) as i64), u))
    put("around", str_replace(s, "", u))
    put_number("order", str_cmp(s, t))
    put_number("equal", str_eq(s, t))
    put("repeat", str_repeat(t, ((a as i64 >> 1) % 9 * 2) as ref))
    put("pad", pad_start(t, b, u))
    put("json", json_str(s, addr(desc_str) as i64))
    let xs = list_new(addr(list_of_str) as i64, 0)
    list_push_r(xs, s)
    list_push_r(xs, t)
    if raw_field(f, 5) != 0 {
        put("upper", str_upper(s))
        put("lower", str_lower(s))
        out_val(xs, addr(list_of_str) as i64)
    }
    put("text", str_of_val(xs, addr(list_of_str) as i64))
    // Byte by byte: what is put together is what it would be at once.
    var built = ""
    for i in 0..load64(s, 8) { built = str_concat(built, str_byte(load8(loadptr(s, 24) + i))) }
    put("built", built)
    put_number("same", str_eq(built, s))
    put_number("hash", (hash_str(built) == hash_str(s)) as i64)
    // Forwards, backwards, far jumps between two strings.
    for i in 0..n { put("f", str_index(s, (i * 2) as ref)) }
    for i in 0..n { put("b", str_index(s, ((0 - i - 1) * 2) as ref)) }
    let long = str_repeat(str_concat(s, t), 200 as ref)
    let other = str_concat(long, u)
    let m = str_len(long) as i64 >> 1
    if m > 0 {
        for i in 0..20 {
            put("j", str_index(long, (i * 7919 % m * 2) as ref))
            put("k", str_index(other, (i * 104729 % (str_len(other) as i64 >> 1) * 2) as ref))
        }
        put("part", str_slice(long, (m / 3 * 2) as ref, (m / 3 * 2 + 200) as ref))
    }
    var at = 0
    while at < load64(s, 8) {
        let c = str_char_at(s, at)
        put("c", c)
        at = at + load64(c, 8)
    }
}
"#;

/// Input of one case.
#[derive(Clone, Debug)]
struct Case {
    s: Vec<u8>,
    t: Vec<u8>,
    u: Vec<u8>,
    a: i64,
    b: i64,
}

impl Case {
    fn fields(&self) -> Vec<String> {
        let mut fields: Vec<String> = [&self.s, &self.t, &self.u].map(|s| hex(s)).into();
        fields.extend([self.a.to_string(), self.b.to_string(), i32::from(self.is_plain()).to_string()]);
        fields
    }

    /// Whether all characters are those of the model of case and quoting.
    fn is_plain(&self) -> bool {
        let known = |c: &Char| point(c).is_none_or(|c| c.is_ascii() || CHARS.iter().any(|k| k.contains(c)));
        [&self.s, &self.t].into_iter().all(|s| chars(s).iter().all(known))
    }
}

/// Characters of the cases.
const CHARS: [&str; 16] = [
    "a", "b", "Z", " ", "\t", "\"", "<", "é", "É", "ж", "\u{85}", "\u{a0}", "日", "\u{2028}", "\u{fffd}",
    "🍣",
];

/// What strings are made of: few different characters, so that searches find something, and their
/// parts; what only looks like a sequence (surrogates, long forms, beyond the last code point).
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let wrong: [&[u8]; 9] = [
        b"\xed\xa0\x80",
        b"\xed\xbf\xbf",
        b"\xc0\x80",
        b"\xc1\xbf",
        b"\xe0\x9f\xbf",
        b"\xf0\x8f\xbf\xbf",
        b"\xf4\x90\x80\x80",
        b"\xf5\x80\x80\x80",
        b"\xff",
    ];
    let bounds: [&[u8]; 8] = [
        b"\xed\x9f\xbf",
        b"\xee\x80\x80",
        b"\xc2\x80",
        b"\xdf\xbf",
        b"\xe0\xa0\x80",
        b"\xef\xbf\xbf",
        b"\xf0\x90\x80\x80",
        b"\xf4\x8f\xbf\xbf",
    ];
    let whole = select(&CHARS[..]).prop_map(|c| c.as_bytes().to_vec());
    let part = (select(vec!["é", "日", "🍣"]), 0..4usize, 1..4usize)
        .prop_map(|(c, from, size)| c.bytes().skip(from).take(size).collect::<Vec<u8>>());
    prop_oneof![
        4 => whole,
        2 => part,
        1 => select(wrong.to_vec()).prop_map(<[u8]>::to_vec),
        1 => select(bounds.to_vec()).prop_map(<[u8]>::to_vec),
        1 => any::<u8>().prop_map(|b| vec![b]),
    ]
}

fn text(most: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(piece(), 0..=most).prop_map(|pieces| pieces.concat())
}

fn case() -> impl Strategy<Value = Case> {
    (text(12), text(2), text(2), -15i64..15, -15i64..15).prop_map(|(s, t, u, a, b)| Case { s, t, u, a, b })
}

fn hex(s: &[u8]) -> String {
    s.iter().map(|b| format!("{b:02x}")).collect()
}

// The model.

type Char = Vec<u8>;

fn chars(s: &[u8]) -> Vec<Char> {
    let mut rest = s;
    let mut found = Vec::new();
    while !rest.is_empty() {
        let one = |n: &usize| {
            std::str::from_utf8(rest.get(..*n).unwrap_or(b"")).is_ok_and(|c| c.chars().count() == 1)
        };
        let (c, after) = rest.split_at([1, 2, 3, 4].into_iter().find(one).unwrap_or(1));
        found.push(c.to_vec());
        rest = after;
    }
    found
}

/// The code point; none for a stray byte.
fn point(c: &Char) -> Option<char> {
    std::str::from_utf8(c).ok()?.chars().next()
}

fn mapped(s: &[Char], map: impl Fn(char) -> Vec<char>) -> Vec<u8> {
    let one = |c: &Char| match point(c).map(&map) {
        Some(to) if to.len() == 1 => to[0].to_string().into_bytes(),
        _ => c.clone(),
    };
    s.iter().flat_map(one).collect()
}

fn find(s: &[Char], t: &[Char], from: usize) -> Option<usize> {
    (from..=s.len()).find(|&i| s[i..].starts_with(t))
}

/// The parts between what is found; of an empty separator, the characters.
fn split(s: &[Char], t: &[Char]) -> Vec<Vec<u8>> {
    if t.is_empty() {
        return s.to_vec();
    }
    let (mut parts, mut from) = (Vec::new(), 0);
    while let Some(at) = find(s, t, from) {
        parts.push(s[from..at].concat());
        from = at + t.len();
    }
    parts.push(s[from..].concat());
    parts
}

fn around(s: &[Char], u: &[u8]) -> Vec<u8> {
    [u.to_vec()].into_iter().chain(s.iter().map(|c| [c, u].concat())).flatten().collect()
}

fn trim(s: &[Char]) -> Vec<u8> {
    let black = |c: &Char| !point(c).is_some_and(char::is_whitespace);
    let from = s.iter().position(black).unwrap_or(s.len());
    let to = s.iter().rposition(black).map_or(from, |i| i + 1);
    s[from..to].concat()
}

/// The characters `a..b`, with negative places from the end.
fn slice(s: &[Char], a: i64, b: i64) -> Vec<u8> {
    let n = s.len() as i64;
    let place = |i: i64| if i < 0 { i + n } else { i }.clamp(0, n) as usize;
    s.get(place(a)..place(b)).unwrap_or_default().concat()
}

fn json(s: &[Char]) -> String {
    let one = |c: &Char| match point(c) {
        None => "\\ufffd".to_string(),
        Some('"') => "\\\"".to_string(),
        Some('\\') => "\\\\".to_string(),
        Some('\t') => "\\t".to_string(),
        Some('\n') => "\\n".to_string(),
        Some('\r') => "\\r".to_string(),
        Some(c) if c < ' ' || matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}') => {
            format!("\\u{:04x}", c as u32)
        }
        Some(c) => c.to_string(),
    };
    format!("\"{}\"", s.iter().map(one).collect::<String>())
}

/// As Go quotes, for plain cases.
fn quoted(s: &[Char]) -> String {
    let one = |c: &Char| match point(c) {
        None => format!("\\x{:02x}", c[0]),
        Some(c @ ('"' | '\\')) => format!("\\{c}"),
        Some(c @ '\x07'..='\r') => format!("\\{}", b"abtnvfr"[c as usize - 7] as char),
        Some(c) if c < ' ' || c == '\x7f' => format!("\\x{:02x}", c as u32),
        Some(c @ ('\u{85}' | '\u{a0}' | '\u{2028}')) => format!("\\u{:04x}", c as u32),
        Some(c) => c.to_string(),
    };
    format!("\"{}\"", s.iter().map(one).collect::<String>())
}

/// The line of a case.
#[derive(Default)]
struct Line(String);

impl Line {
    fn show(&mut self, name: &str, v: &[u8]) {
        self.0 += &format!(" {name}={}#{}", hex(v), chars(v).len());
    }

    fn number(&mut self, name: &str, v: i64) {
        self.0 += &format!(" {name}={v}");
    }

    fn all(&mut self, name: &str, parts: &[Vec<u8>]) {
        self.number(name, parts.len() as i64);
        parts.iter().for_each(|p| self.show("", p));
    }
}

/// The line of a case, as the model sees it.
fn expected(case: &Case) -> String {
    let (s, t, u) = (chars(&case.s), chars(&case.t), chars(&case.u));
    let parts = split(&s, &t);
    let mut line = Line::default();
    line.show("s", &case.s);
    line.show("add", &[case.s.clone(), case.t.clone()].concat());
    line.show("slice", &slice(&s, case.a, case.b));
    line.show("reverse", &s.iter().rev().flatten().copied().collect::<Vec<u8>>());
    line.show("trim", &trim(&s));
    line.number("contains", i64::from(find(&s, &t, 0).is_some()));
    line.number("find", find(&s, &t, 0).map_or(-1, |i| i as i64));
    line.number("starts", i64::from(s.starts_with(&t)));
    line.number("ends", i64::from(s.ends_with(&t)));
    line.show("replace", &if t.is_empty() { around(&s, &case.u) } else { parts.join(&case.u[..]) });
    line.all("split", &parts);
    line.all("chars", &s);
    line.show("join", &parts.join(&case.u[..]));
    line.show("around", &around(&s, &case.u));
    line.number("order", case.s.cmp(&case.t) as i64);
    line.number("equal", i64::from(case.s == case.t));
    line.show("repeat", &case.t.repeat((case.a % 9).max(0) as usize));
    let unit = if u.is_empty() { vec![b" ".to_vec()] } else { u };
    let pad = unit.iter().cycle().take((case.b - t.len() as i64).max(0) as usize).flatten();
    line.show("pad", &pad.chain(&case.t).copied().collect::<Vec<u8>>());
    line.show("json", json(&s).as_bytes());
    if case.is_plain() {
        line.show("upper", &mapped(&s, |c| c.to_uppercase().collect()));
        line.show("lower", &mapped(&s, |c| c.to_lowercase().collect()));
        line.0 += &format!("[{}, {}]", quoted(&s), quoted(&t));
    }
    line.show("text", &[b"[", &case.s[..], b" ", &case.t, b"]"].concat());
    line.show("built", &case.s);
    line.number("same", 1);
    line.number("hash", 1);
    s.iter().for_each(|c| line.show("f", c));
    s.iter().rev().for_each(|c| line.show("b", c));
    let bytes = [case.s.clone(), case.t.clone()].concat().repeat(100);
    let (long, other) = (chars(&bytes), chars(&[bytes.clone(), case.u.clone()].concat()));
    let m = long.len();
    if m > 0 {
        for i in 0..20 {
            line.show("j", &long[i * 7919 % m]);
            line.show("k", &other[i * 104729 % other.len()]);
        }
        line.show("part", &slice(&long, (m / 3) as i64, (m / 3) as i64 + 100));
    }
    s.iter().for_each(|c| line.show("c", c));
    line.0
}

fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 300, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[13; 32]))
}

/// Natively on this machine; what fails is made small.
#[test]
fn any_bytes() {
    let module = compile(&format!("{PRELUDE}{RUN}"));
    let outcome = runner(10).run(&vec(case(), 1..400), |cases| {
        let stdin: String = cases.iter().map(|c| c.fields().join("\t") + "\n").collect();
        let found = run_module(&module, On::Host, &[], &stdin);
        prop_assert_eq!((found.status, found.stderr.as_str()), (0, ""));
        let expected: Vec<String> = cases.iter().map(expected).collect();
        let lines: Vec<&str> = found.stdout.split_terminator('\n').collect();
        for ((case, want), got) in cases.iter().zip(&expected).zip(&lines) {
            prop_assert_eq!(want, got, "{:?}", case);
        }
        prop_assert_eq!(lines.len(), cases.len());
        Ok(())
    });
    outcome.unwrap_or_else(|e| panic!("{e}"));
}

/// By the interpreter and for all targets.
#[test]
fn any_bytes_everywhere() {
    let mut runner = runner(1);
    let strategy = case();
    let cases: Vec<(Vec<String>, String)> = (0..300)
        .map(|_| strategy.new_tree(&mut runner).expect("a case").current())
        .map(|case| (case.fields(), expected(&case)))
        .collect();
    check(RUN, &cases);
}

/// Quadratic search or access would take minutes.
#[test]
fn long_strings_take_no_quadratic_time() {
    let run = r#"
        fun run(f: ref) {
            let e = bytes_field(f, 0)
            let many = str_repeat(e, 400000 as ref)
            // Found at every second byte, but never as a whole character at both ends.
            let from_inside = str_slice(str_concat(bytes_field(f, 1), str_repeat(e, 20000 as ref)), 0 as ref, 20000 as ref)
            out_int(str_index_of(many, from_inside))
            out_byte(' ')
            out_int(str_index_of(many, str_concat(str_repeat(e, 20000 as ref), bytes_field(f, 2))))
            let other = str_concat(many, "x")
            var sum = 0
            for i in 0..100000 {
                sum = sum + load64(str_index(many, (i * 7919 % 200000 * 2) as ref), 8)
                sum = sum + load64(str_index(other, (i * 104729 % 200000 * 2) as ref), 8)
            }
            out_byte(' ')
            out_int(int_from_i64(sum))
        }
    "#;
    let rest = RUN.split_once("fun run(").expect("`run`").0;
    let found = run_module(&compile(&format!("{PRELUDE}{rest}{run}")), On::Host, &[], "c3a9\ta9\tc3\n");
    assert_eq!((found.stdout.as_str(), found.stderr.as_str()), ("-1 -1 400000\n", ""));
}
