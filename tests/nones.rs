//! What a program does with none where its types have no option: every engine ends it with the same
//! message at the same place, or goes on alike, whatever is done with the none and whoever follows it
//! (code of the program, an operator of the runtime, a function that it calls).

#[path = "tools/random/engines.rs"]
#[allow(dead_code, reason = "the command uses all of it")]
mod engines;
#[path = "tools/random/verdict.rs"]
#[allow(dead_code, reason = "the command uses all of it")]
mod verdict;

use engines::{Case, Judges};

/// Nones of every kind of type, by themselves and in collections.
const BEGIN: &str = "\
type P { x: int, s: string }
fun ns(): string { }
fun nl(): list<int> { }
fun nm(): map<string, int> { }
fun nmi(): map<int, int> { }
fun np(): P { }
fun nb(): bigint { }
fun nr(): bigrat { }
fun nf(): fun(): int { }
fun nf1(): fun(int): int { }
fun go(s: string, l: list<int>, m: map<string, int>, mi: map<int, int>, p: P, i: int, big: bigint, r: bigrat, f: fun(): int,
    us: list<string>, mm: map<string, map<string, int>>, ll: list<list<int>>, fs: list<fun(int): int>) {
";

const END: &str = r#"
}
go(ns(), nl(), nm(), nmi(), np(), 1, nb(), nr(), nf(), [ns()], {"a": nm()}, [nl()], [nf1()])
print("end")
"#;

/// What is printed.
const VALUES: &[&str] = &[
    r#"s + "x""#,
    r#""x" + s"#,
    "s + s",
    "s[0:1]",
    "s[0:]",
    "s[0]",
    "upper(s)",
    "lower(s)",
    "trim(s)",
    r#"split(s, ",")"#,
    r#"split("a,b", s)"#,
    r#"contains(s, "a")"#,
    r#"contains("a", s)"#,
    r#"indexOf(s, "a")"#,
    r#"indexOf("a", s)"#,
    r#"replace(s, "a", "b")"#,
    r#"replace("a", s, "b")"#,
    r#"replace("a", "b", s)"#,
    r#"s.starts_with("a")"#,
    r#""a".starts_with(s)"#,
    r#"s.ends_with("a")"#,
    r#""a".ends_with(s)"#,
    "reverse(s)",
    "repeat(s, 2)",
    r#"padStart(s, 3, "0")"#,
    r#"padStart("a", 3, s)"#,
    "substring(s, 0, 1)",
    r#""a" in s"#,
    r#"s in "a""#,
    "s as int",
    "s as float",
    "int(s)",
    "float(s)",
    "len(s)",
    "str(s)",
    r#"s == "a""#,
    r#"s < "a""#,
    r#"max(s, "a")"#,
    r#"join(["a", s], ",")"#,
    r#"join(["a", "b"], s)"#,
    "sha256(s)",
    "l[0:1]",
    "l[1:]",
    "l[0]",
    "reverse(l)",
    "distinct(l)",
    "len(l)",
    "1 in l",
    "append(l, 1)",
    "concat(l, [1])",
    "l + [1]",
    "sum(l)",
    "avg(l)",
    "min(l)",
    "max(l)",
    "first(l)",
    "last(l)",
    "l union [1]",
    "l except [1]",
    "l intersect [1]",
    "from x in l select x",
    "from a in [1][0:0] from x in l select a + x",
    "from a in [1][0:0] join x in l on a == x select a + x",
    "from a in [1][0:0] left join x in l on a < x select a",
    "from a in [1][0:0] right join x in l on a < x select x",
    "from x in l from a in [1][0:0] select a + x",
    "from x in l join a in [1][0:0] on a < x select a",
    "from x in l sort by x select x",
    "from x in l group by x into g select g.key",
    "exists(l)",
    "count(l)",
    r#"m["a"]"#,
    "m[s]",
    r#""a" in m"#,
    "keys(m)",
    "values(m)",
    "len(m)",
    "mi[1]",
    "mi[i]",
    "1 in mi",
    r#"m.get("a", 1)"#,
    r#"contains(m, "a")"#,
    "m.keys()",
    "p.x",
    "p.s",
    "json(m)",
    "to_json(l)",
    r#"{"a": s}["a"]"#,
    r#"us[0] + "x""#,
    "upper(us[0])",
    r#"us[0].starts_with("a")"#,
    r#"join(us, ",")"#,
    "from u in us sort by u select u",
    "from u in us select upper(u)",
    "ll[0][0]",
    "len(us[0])",
    "big + 1",
    "-big",
    "big * big",
    "str(big)",
    "r + 1",
    "r * r",
    "num(r)",
    "denom(r)",
    "f()",
    "fs[0](1)",
];

/// What is done.
const STATEMENTS: &[&str] = &[
    r#"m["a"] = 7  print(m)"#,
    "mi[i] = 7  print(mi)",
    "l[0] = 1  print(l)",
    r#"m["a"] += 1  print(m)"#,
    r#"s += "x"  print(s)"#,
    "p.x = 1  print(p)",
    "for k in m { print(k) }",
    "for x in l { print(x) }",
    "for c in s { print(c) }",
    "l = append(l, 1)  print(l)",
    r#"var t = s  t = t + "a"  print(t)"#,
    r#"mm["a"]["b"] = 1  print(mm)"#,
    "ll[0][0] = 1  print(ll)",
    "m[s] = 1  print(m)",
    r#"us[0] += "x"  print(us)"#,
];

fn agree(bodies: impl Iterator<Item = String> + Send) {
    let judges = Judges::new(Some("evaluator,O,wasm")).unwrap_or_else(|e| panic!("{e}"));
    let bad: Vec<String> = mochi_lang::stack::large(|| {
        let judged = bodies.filter_map(|body| {
            let case = Case::plain(format!("{BEGIN}{body}{END}"), None);
            let verdict = verdict::judge(&judges, case, |_| true);
            let good = verdict.agrees() && !verdict.answers.is_empty();
            (!good).then(|| format!("{body}: {}", verdict.summary()))
        });
        judged.collect()
    })
    .expect("a stack");
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn engines_agree_about_values() {
    agree(VALUES.iter().map(|v| format!("print({v})")));
}

#[test]
fn engines_agree_about_statements() {
    agree(STATEMENTS.iter().map(|s| s.to_string()));
}
