//! Tests of the parser: trees of accepted programs, codes and places of rejected ones, recovery,
//! limits, places of nodes.

use super::*;
use crate::ast::{ExprKind, StmtKind};
use crate::diag::Format;
use crate::dump::dump;

/// The tree of a program without diagnostics, without the positions at the beginning of lines.
fn tree(source: &str) -> String {
    let mut map = SourceMap::default();
    let file = map.add("main.mochi", source);
    let mut diags = Diagnostics::new();
    let program = parse(&map, file, &mut diags);
    assert!(diags.is_empty(), "{source}\n{}", diags.render(&map, Format::Human { color: false }));
    let unplaced = |line: &str| {
        let text = line.trim_start();
        let rest = match text.split_once(' ') {
            Some((place, rest))
                if place.bytes().all(|b| b.is_ascii_digit() || b == b':') && place.contains(':') =>
            {
                rest
            }
            _ => text,
        };
        format!("{}{rest}\n", &line[..line.len() - text.len()])
    };
    dump(&program, &map).lines().map(unplaced).collect()
}

/// The tree of an expression.
fn expr(source: &str) -> String {
    let text = tree(&format!("let v = {source}"));
    text.trim_end().strip_prefix("let v = ").expect("a let statement").to_string()
}

/// Code, line and column of every diagnostic, in order.
fn errors(source: &str) -> Vec<(&'static str, u32, u32)> {
    let mut map = SourceMap::default();
    let file = map.add("main.mochi", source);
    let mut diags = Diagnostics::new();
    parse(&map, file, &mut diags);
    let place = |d: &&crate::diag::Diagnostic| {
        let (line, column) = map.file(file).position(d.span.start);
        (d.code.text(), line, column)
    };
    diags.sorted().iter().map(place).collect()
}

/// The only diagnostic: code, line and column.
fn error(source: &str) -> (&'static str, u32, u32) {
    let all = errors(source);
    assert_eq!(all.len(), 1, "{source}: {all:?}");
    all[0]
}

fn report(source: &str) -> String {
    let mut map = SourceMap::default();
    let file = map.add("main.mochi", source);
    let mut diags = Diagnostics::new();
    parse(&map, file, &mut diags);
    diags.render(&map, Format::Human { color: false })
}

#[test]
fn precedence() {
    for (source, expected) in [
        ("a + b * c == d && e in f union g", "(union (&& (== (+ a (* b c)) d) (in e f)) g)"),
        ("1 - 2 - 3", "(- (- 1 2) 3)"),
        ("1 < 2 < 3", "(< (< 1 2) 3)"),
        ("1 in [1] == true", "(== (in 1 (list 1)) true)"),
        ("a || b && c", "(|| a (&& b c))"),
        ("a ?? b || c", "(?? a (|| b c))"),
        ("a < b == c > d", "(== (< a b) (> c d))"),
        ("a % b / c * d", "(* (/ (% a b) c) d)"),
        ("-3 as float", "(- (as float 3))"),
        ("!3 in xs", "(in (! 3) xs)"),
        ("- ! -x.y", "(- (! (- (. y x))))"),
        ("-a * -b", "(* (- a) (- b))"),
        ("a union all b except c intersect d", "(intersect (except (union all a b) c) d)"),
        ("a + all b", "(+ a b)"),
        ("(1 + 2) * 3", "(* (paren (+ 1 2)) 3)"),
    ] {
        assert_eq!(expr(source), expected, "{source}");
    }
}

#[test]
fn operands_and_what_follows() {
    for (source, expected) in [
        ("f(1, g())(2)", "(call (call f 1 (call g)) 2)"),
        ("a.b.c()[0].d", "(. d (index (call (. c (. b a))) 0))"),
        ("a?.b?[c]", "(?index (?. b a) c)"),
        ("xs[1:2:3]", "(slice xs 1 2 3)"),
        ("xs[:2]", "(slice xs _ 2 _)"),
        ("xs[1:]", "(slice xs 1 _ _)"),
        ("xs[::2]", "(slice xs _ _ 2)"),
        ("xs[1: -1]", "(slice xs 1 (- 1) _)"),
        ("[1, [2], ]", "(list 1 (list 2))"),
        ("{}", "(map)"),
        ("{a: 1, \"b\": 2, (c): 3,}", "(map a 1 \"b\" 2 (paren c) 3)"),
        ("P { x: 1, y: Q { } , }", "(struct P {x: 1, y: (struct Q {})})"),
        ("x as list<map<string, int?>>?", "(as list<map<string, int?>>? x)"),
        ("x as int < y", "(< (as int x) y)"),
        ("x as float < y as float", "(< (as float x) (as float y))"),
        ("x as fun(int): {a: int}", "(as fun(int): {a: int} x)"),
        ("1_000 + 0xff + 0b11", "(+ (+ 1000 255) 3)"),
        ("1.5e3", "1500.0"),
        ("none", "none"),
        ("nil", "nil"),
        ("query p(x, \"s\", 3)", "(query p(x, \"s\", 3))"),
        ("query(x)", "(call query x)"),
        ("generate m { a: 1 }", "(generate m {a: 1})"),
        ("fetch u with { a: 1 }", "(fetch u (map a 1))"),
        ("(fetch u) as T", "(as T (paren (fetch u)))"),
        ("load \"p\" as T with o", "(load \"p\" as T o)"),
        ("load as T", "(load \"-\" as T)"),
        ("save xs to \"p\" with o", "(save \"p\" xs o)"),
        ("x1y + a1_b + h264_x", "(+ (+ x1y a1_b) h264_x)"),
    ] {
        assert_eq!(expr(source), expected, "{source}");
    }
}

#[test]
fn functions_as_values() {
    assert_eq!(expr("fun(x: int): int => x + 1"), "(fun (x: int): int => (+ x 1))");
    assert_eq!(expr("fun<T>(x: T, y) ! io, fs => {}"), "(fun <T>(x: T, y) ! io, fs => (map))");
    assert_eq!(expr("fun(x) => {a: x}"), "(fun (x) => (map a x))");
    assert_eq!(expr("fun() { return 1 }"), "(fun ()\n    return 1\n  )");
    // The `:` of a result is not that of a map.
    for lambda in ["fun(x: int): int => x", "fun<T>(f: fun(T): T): fun(T): T => f", "x as fun(int): int"] {
        let alone = expr(lambda);
        assert_eq!(
            expr(&format!("if a {{ {lambda} }} else {{ {lambda} }}")),
            format!("(if a {alone} {alone})")
        );
        assert_eq!(expr(&format!("{{a: {lambda}}}")), format!("(map a {alone})"));
    }
    // An extension: statements after the arrow.
    assert_eq!(expr("fun() => { return 1 }"), "(fun ()\n    return 1\n  )");
}

#[test]
fn if_expressions() {
    for (source, expected) in [
        ("if a { 1 } else { 2 }", "(if a 1 2)"),
        ("if a then 1 else 2", "(if a 1 2)"),
        ("if a { 1 }", "(if a 1)"),
        ("if a { 1 } else if b { 2 } else { 3 }", "(if a 1 (if b 2 3))"),
        ("if a then 1 else if b then 2 else 3 + 4", "(if a 1 (if b 2 (+ 3 4)))"),
        ("if a { if b { 1 } else { 2 } } else { 3 }", "(if a (if b 1 2) 3)"),
        ("if a { 1 } else {\"k\": 1}", "(if a 1 (map \"k\" 1))"),
        ("if a { 1 } else {}", "(if a 1 (map))"),
        ("if p == P { x: 1 } { 1 } else { 2 }", "(if (== p (struct P {x: 1})) 1 2)"),
        // An extension: statements before the value.
        ("if a { let b = 1 b } else { 2 }", "(if a (block\n    let b = 1\n    b\n  ) 2)"),
    ] {
        assert_eq!(expr(source), expected, "{source}");
    }
    // Branches without a value make it a statement.
    let text = expr("if a { if b { x = 1 } c } else { 2 }");
    assert_eq!(text, "(if a (block\n    if b\n      x = 1\n    c\n  ) 2)");
}

#[test]
fn matches() {
    let arms = "match t { Leaf => 0 Node(l, _) => { f(l) 1 }, 3 => {\"a\": 1}, (\"s\") => g() _ => {} }";
    let expected = "(match t [Leaf => 0] [(call Node l _) => (block\n    (call f l)\n    1\n  )] \
                    [3 => (map \"a\" 1)] [(paren \"s\") => (call g)] [_ => (map)])";
    assert_eq!(expr(arms), expected);
}

#[test]
fn queries() {
    let source = "from a in xs from b in a.ys left join c in zs on c.k == b.k join from d in ws on true \
                  where a > 1 && b < 2 group by a.k, b.k into g having count(g) > 1 \
                  sort by g.key, -g.n skip 1 take 2 select distinct g";
    let expected = "(from a in xs from b in (. ys a) left join c in zs on (== (. k c) (. k b)) \
                    join d in ws on true where (&& (> a 1) (< b 2)) group by (. k a), (. k b) into g \
                    having (> (call count g) 1) sort by (. key g), (- (. n g)) skip 1 take 2 select distinct g)";
    assert_eq!(expr(source), expected);
    assert_eq!(expr("from x in xs order by x select x"), "(from x in xs sort by x select x)");
    assert_eq!(expr("[from x in xs select x, 3]"), "(list (from x in xs select x) 3)");
    assert_eq!(expr("from x in xs select distinct"), "(from x in xs select distinct)");
}

#[test]
fn statements() {
    for (source, expected) in [
        ("package p let a: int", "package p\nlet a: int\n"),
        ("var a: list<int> = []", "var a: list<int> = (list)\n"),
        ("a = 1 a[0][1].b.c = 2", "a = 1\na[0][1].b.c = 2\n"),
        ("a.b[0] = 1", "a.b[0] = 1\n"),
        ("a += 1 a[0] -= 2 a.b *= 3 a /= 4 a %= 5", "a += 1\na[0] -= 2\na.b *= 3\na /= 4\na %= 5\n"),
        ("return return 1 break continue", "return\nreturn 1\nbreak\ncontinue\n"),
        ("return\nprint(2)", "return (call print 2)\n"),
        ("print(1)\n(f)(3)", "(call (call (call print 1) f) 3)\n"),
        ("let a = 5\n-3", "let a = (- 5 3)\n"),
        ("let b = a\n[0]", "let b = (index a 0)\n"),
        ("let a = b\n!f()", "let a = b\n(! (call f))\n"),
        ("let a = 1; let b = 2;", "let a = 1\nlet b = 2\n"),
        ("let a = b\nunion = 3", "let a = b\nunion = 3\n"),
        ("let a = b\nunion(1, 2)", "let a = b\n(call union 1 2)\n"),
        ("let a = b union (c)", "let a = (union b (paren c))\n"),
        ("let a = b union (f, g)", "let a = b\n(call union f g)\n"),
        ("let a = b\nas = 3", "let a = b\nas = 3\n"),
        ("bench = 1 model = 2 update = 3 from = 4", "bench = 1\nmodel = 2\nupdate = 3\nfrom = 4\n"),
        ("while a { b() }", "while a\n  (call b)\n"),
        (
            "for i in 0..n { } for x in xs { } while ok { } if ok { }",
            "for i in 0 .. n\nfor x in xs\nwhile ok\nif ok\n",
        ),
        ("for i in 0..=n { f(i) }", "for i in 0 ..= n\n  (call f i)\n"),
        ("if a { f() } else if b { } else { g() }", "if a\n  (call f)\nelse if b\nelse\n  (call g)\n"),
        ("if a then f() else g()", "(if a (call f) (call g))\n"),
        ("fun f<T, U>(a: int, b): T ! io { }", "fun f<T, U>(a: int, b): T ! io\n"),
        ("export fun f() { return }", "export fun f()\n  return\n"),
        ("test \"t\" { expect a == 1 } bench \"b\" { }", "test \"t\"\n  expect (== a 1)\nbench \"b\"\n"),
        ("import \"m\" import go \"m\" as x auto", "import \"m\"\nimport go \"m\" as x auto\n"),
        ("fetch u into x with o", "fetch u into x with o\n"),
        ("fetch u + f()", "(fetch (+ u (call f)))\n"),
        ("update xs set { a: 1, \"b\": a } where a > 1", "update xs set {a: 1, b: a} where (> a 1)\n"),
        ("fact p(\"a\", 1) rule r(x) :- p(x, y), x != y", "fact p(\"a\", 1)\nrule r(x) :- p(x, y), x != y\n"),
        ("stream S { a: int b: T } emit S { a: 1, }", "stream S {a: int, b: T}\nemit S {a: 1}\n"),
        ("on S as s { f(s) } model m { a: 1 b: 2 }", "on S as s\n  (call f s)\nmodel m {a: 1, b: 2}\n"),
        ("agent A { let a = 1 a = 2 intent i(x) { } }", "agent A\n  let a = 1\n  a = 2\n  intent i(x)\n"),
        ("match a { _ => f() }", "(match a [_ => (call f)])\n"),
    ] {
        assert_eq!(tree(source), expected, "{source}");
    }
}

#[test]
fn declarations_of_types() {
    for (source, expected) in [
        (
            "type A { x: int y: int, fun f(): int { return x } }",
            "type A {x: int, y: int}\n  fun f(): int\n    return x\n",
        ),
        ("type A = { x: int }", "type A {x: int}\n"),
        ("type A = {}", "type A = {}\n"),
        (
            "type A = B | C(x: int,) | D { y: int z: int }",
            "type A = B {} | C {x: int} | D {y: int, z: int}\n",
        ),
        ("type A = B { x: int, y: int }", "type A = B {x: int, y: int}\n"),
        ("type A = B(x: int)", "type A = B {x: int}\n"),
        (
            "type A = B type C = list<B>? type D = fun(A, B): C",
            "type A = B\ntype C = list<B>?\ntype D = fun(A, B): C\n",
        ),
        ("extern type T extern object o", "extern type T\nextern object o\n"),
        (
            "extern var a.b: int extern fun a.f(x: int): int",
            "extern var a.b: int\nextern fun a.f(x: int): int\n",
        ),
    ] {
        assert_eq!(tree(source), expected, "{source}");
    }
}

#[test]
fn codes_of_syntax_errors() {
    for (source, expected) in [
        ("agent A {\n  let x = 1\n", ("P001", 3, 1)),
        ("if x { print(1)", ("P001", 1, 16)),
        ("if x print(1)", ("P001", 1, 6)),
        ("if x = 1 { f() }", ("P001", 1, 6)),
        ("while true", ("P001", 1, 11)),
        ("fun f(): int\n", ("P001", 2, 1)),
        ("fun f(x: int) => x", ("P001", 1, 15)),
        ("type T", ("P001", 1, 7)),
        ("emit S { a: 1 b: 2 }", ("P001", 1, 15)),
        ("let p = P { x: 1 y: 2 }", ("P001", 1, 18)),
        ("{ let x = 1 }", ("P001", 1, 3)),
        ("fun f() {\n  + 1\n}", ("P001", 2, 3)),
        ("if a { f() } else g()", ("P001", 1, 19)),
        ("let f = fun x => 1", ("P011", 1, 13)),
        ("let f = fun(x y) => 1", ("P011", 1, 15)),
        ("let x = match y { 1 > 2 }", ("P011", 1, 25)),
        ("let : int = 5", ("P031", 1, 5)),
        ("f(a b)", ("P052", 1, 5)),
        ("print(\"a\"", ("P052", 1, 10)),
        ("fun f(a: int: int { return 1 }", ("P052", 1, 13)),
        ("fun f(a b) { return 1 }", ("P052", 1, 9)),
        ("let x = (1 + 2", ("P052", 1, 15)),
        ("fact p(x+1)", ("P052", 1, 9)),
        ("let a = x . . y", ("P055", 1, 13)),
        ("let let x = 1", ("P056", 1, 5)),
        ("export let x = 1", ("P056", 1, 8)),
        ("let x = 1 + * 2", ("P999", 1, 13)),
        ("x =", ("P999", 1, 4)),
        ("expect", ("P999", 1, 7)),
        ("let x = xs[1:-1]", ("P999", 1, 13)),
        ("let x = [a b]", ("P999", 1, 12)),
        ("let x = {a b}", ("P999", 1, 12)),
        ("let x = f(1,)", ("P999", 1, 13)),
        ("let x: = 5", ("P999", 1, 8)),
        ("let x: list<int = 5", ("P999", 1, 17)),
        ("let x = y.", ("P999", 1, 11)),
        ("let x = a ? b : c", ("P999", 1, 13)),
        ("type T { x int }", ("P999", 1, 12)),
        ("type T { }", ("P999", 1, 10)),
        ("type T = | A | B", ("P999", 1, 10)),
        ("while {\n  f()\n}", ("P999", 1, 7)),
        ("for i in 0.. { f() }", ("P999", 1, 14)),
        ("for x xs { print(x) }", ("P999", 1, 7)),
        ("fun test() { }", ("P999", 1, 5)),
        ("let x = generate { a: 1 }", ("P999", 1, 18)),
        ("import python math as m", ("P999", 1, 15)),
        ("let a = from x in xs where x", ("P999", 1, 29)),
        ("let a = from x in xs join y in ys select x", ("P999", 1, 35)),
        ("rule p(x) q(x)", ("P999", 1, 11)),
        ("f() = 3", ("P999", 1, 5)),
        ("x++", ("P999", 1, 3)),
        ("}", ("P999", 1, 1)),
        ("else { }", ("P999", 1, 1)),
        ("agent A { print(1) }", ("P999", 1, 20)),
    ] {
        let found = errors(source);
        assert_eq!(found, [expected], "{source}");
    }
}

#[test]
fn codes_of_shapes() {
    assert_eq!(error("let a = xs[]"), ("P060", 1, 11));
    assert_eq!(error("let a = xs[:]"), ("P060", 1, 11));
    assert_eq!(error("f(xs[::])"), ("P060", 1, 5));
    assert_eq!(error("let r = match v { 0 => }"), ("P061", 1, 19));
    assert_eq!(error("let r = match v { 0 =>, 1 => 2 }"), ("P061", 1, 19));
    assert_eq!(error("let r = load \"\" as T"), ("P062", 1, 9));
    assert_eq!(error("save xs to \"\""), ("P062", 1, 1));
    for pattern in
        ["-1", "1 + 2", "p.x", "xs[0]", "[1]", "x as int", "(a + b)", "A(b.c)", "P { x: 1 }", "f()()"]
    {
        assert_eq!(error(&format!("let r = match v {{ {pattern} => 1 }}")), ("P063", 1, 19), "{pattern}");
    }
    assert_eq!(error("import pythn \"math\" as math"), ("P064", 1, 1));
    assert_eq!(error("let f = fun(x)\nlet y = 1"), ("P070", 1, 9));
}

#[test]
fn statements_without_effect() {
    for useless in
        ["x", "x + 2", "xs[0]", "[a]", "{a: 1}", "fun() { f() }", "-x", "a.b", "none", "a?.b", "(x)"]
    {
        assert_eq!(error(&format!("{useless}\nlet q = 1")).0, "P065", "{useless}");
    }
    assert_eq!(error("from x in xs select f(x)"), ("P065", 1, 1));
    assert_eq!(error("match a { _ => 1 }"), ("P065", 1, 1));
    assert_eq!(error("fun f() { if a { 1 } }"), ("P065", 1, 18));
    for useful in
        ["f()", "x + f()", "xs[f()]", "[f()]", "{a: f()}", "-f()", "a.b()", "match a { _ => { x = 1 } }"]
    {
        assert_eq!(errors(&format!("{useful}\nlet q = 1")), [], "{useful}");
    }
    // One report for what is left of a line, none where the syntax is wrong as well.
    assert_eq!(errors("foo bar baz\nqux"), [("P065", 1, 1), ("P065", 2, 1)]);
    assert_eq!(error("x y)"), ("P999", 1, 4));
    assert!(report("const x = 1").contains("Constants are declared with `let`."));
}

#[test]
fn literals_out_of_range() {
    assert_eq!(error("let n = 9223372036854775808"), ("P045", 1, 9));
    assert_eq!(error("let n = 0xFFFFFFFFFFFFFFFF"), ("P045", 1, 9));
    assert!(report("let n = 0xFFFFFFFFFFFFFFFF").contains("literal FFFFFFFFFFFFFFFF is out"));
    assert_eq!(error("let n = 1e999"), ("P045", 1, 9));
    assert_eq!(error("let s = \"a\\qb\""), ("P041", 1, 11));
}

#[test]
fn several_errors_in_one_go() {
    let source = "let = 1\nfun f(a: int: int {\n  let b = \n  let c = 1\n  return c +\n}\nlet ok = 1\n\
                  f(1 2)\nif ok {\n  print(\"a\"\n  print(\"b\")\n  let d = ]\n}\ntype T { x int }\nlet e = }\n";
    let lines: Vec<(&str, u32)> = errors(source).into_iter().map(|(code, line, _)| (code, line)).collect();
    let expected = [
        ("P999", 1),
        ("P052", 2),
        ("P056", 4),
        ("P999", 6),
        ("P052", 8),
        ("P052", 11),
        ("P999", 12),
        ("P999", 14),
        ("P999", 15),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn errors_do_not_cascade() {
    assert_eq!(error("fun f() {\n  g({ a: 1 b: 2 })\n  h()\n}\nlet x = 1\n").1, 2);
    assert_eq!(error("fun f() {\n  if a {\n    b()\n\nfun g() { }\n").1, 6);
    assert_eq!(error("let a = [1,\n  2\n  3]\nlet b = 2").1, 3);
    assert_eq!(error("let a = b & c\nlet d = 1"), ("P040", 1, 11));
    assert_eq!(error("let a = 'text'\nlet d = 1"), ("P040", 1, 9));
    assert_eq!(error("let a = 12ab + 3"), ("P043", 1, 9));
    assert_eq!(error("let s = \"abc\nlet b = [\n"), ("P040", 1, 9));
    assert_eq!(error("fun f() {\n /* }\n"), ("P042", 2, 2));
}

#[test]
fn advice() {
    for (source, text) in [
        ("x++", "Write `x += 1`."),
        ("let x := 1", "Write `let x = value`"),
        ("if a = b { }", "Comparison is `==`"),
        ("let a = xs[1:-1]", "`:-` is one token"),
        ("let test = 1", "`test` is reserved."),
        ("f(1, )", "Remove the comma"),
        ("let a = b ? c : d", "if c then a else b"),
        ("fun f() { g(\n", "this `(` is not closed"),
        ("fun f() {\n  if a {\n    b()\n}\nfun g() { }\n", "this `{` is probably not closed"),
        ("fun f() {\n  if a {\n    b()\n  }\nfun g() { }\n", "this `{` is not closed"),
        ("let a = b & c", "Logical and is `&&`"),
        ("fun f(x) => x", "The body of a named function is a block"),
        ("let a = from x in xs select x + from y in ys", "this query has no `select`"),
        ("let a = from x in xs sort by x where x select x", "the order of clauses"),
    ] {
        let shown = report(source);
        assert!(shown.contains(text), "{source}: no {text:?} in\n{shown}");
    }
}

#[test]
fn places() {
    let source = "let a = f(x, -y.z)[1] as int + b\nif c { d() } else if e { }\n";
    let mut map = SourceMap::default();
    let file = map.add("main.mochi", source);
    let mut diags = Diagnostics::new();
    let program = parse(&map, file, &mut diags);
    let text = |s: Span| &source[s.start as usize..s.end as usize];
    assert_eq!(text(program.statements[0].span), "let a = f(x, -y.z)[1] as int + b");
    assert_eq!(text(program.statements[1].span), "if c { d() } else if e { }");
    let StmtKind::Let { value: Some(value), name, .. } = &program.statements[0].kind else {
        panic!("no let")
    };
    assert_eq!(text(name.span), "a");
    assert_eq!(text(value.span), "f(x, -y.z)[1] as int + b");
    let ExprKind::Binary { left, right, op_span, .. } = &value.kind else { panic!("no operator") };
    assert_eq!((text(left.span), text(*op_span), text(right.span)), ("f(x, -y.z)[1] as int", "+", "b"));
    let ExprKind::Cast { value, ty } = &left.kind else { panic!("no cast") };
    assert_eq!((text(value.span), text(ty.span)), ("f(x, -y.z)[1]", "int"));
    let ExprKind::Index { base, .. } = &value.kind else { panic!("no index") };
    let ExprKind::Call { args, .. } = &base.kind else { panic!("no call") };
    assert_eq!((text(args[0].span), text(args[1].span)), ("x", "-y.z"));
    let StmtKind::If { then, otherwise: Some(otherwise), .. } = &program.statements[1].kind else {
        panic!("no if")
    };
    assert_eq!(text(then.span), "{ d() }");
    let crate::ast::Else::If(inner) = &**otherwise else { panic!("no else if") };
    assert_eq!(text(inner.span), "if e { }");
}

#[test]
fn nesting_and_length_are_limited() {
    let n = 100_000;
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(n), close.repeat(n));
    for (name, source) in [
        ("parentheses", format!("let x = {}", deep("(", ")"))),
        ("lists", format!("let x = {}", deep("[", "]"))),
        ("maps", format!("let x = {}", deep("{a: ", "}"))),
        ("calls", format!("let x = {}", deep("f(", ")"))),
        ("lambdas", format!("let x = {}", deep("fun() => ", ""))),
        ("function bodies", format!("let x = {}", deep("fun() { return ", "}"))),
        ("if expressions", format!("let x = {}", deep("if a { ", "} else { 2 }"))),
        ("else branches", format!("let x = {}", deep("if a then b else ", ""))),
        ("matches", format!("let x = {}", deep("match a { _ => ", "}"))),
        ("blocks", deep("if a { f() ", "}")),
        ("loops", deep("while a {\n", "}\n")),
        ("else if", format!("if a {{ }}{}", " else if b { }".repeat(n))),
        ("types", format!("let x: {}int{}", "list<".repeat(n), ">".repeat(n))),
        ("cast types", format!("let x = y as {}int{}", "list<".repeat(n), ">".repeat(n))),
        ("minus", format!("let x = {}1", "-".repeat(n))),
        ("not", format!("let x = {}a", "!".repeat(n))),
        ("sums", format!("let x = 1{}", " + 1".repeat(n))),
        ("mixed operators", format!("let x = 1{}", " + 2 * 3 == 4 && a".repeat(n))),
        ("fields", format!("let x = a{}", ".b".repeat(n))),
        ("indexes", format!("let x = a{}", "[0]".repeat(n))),
        ("casts", format!("let x = a{}", " as any".repeat(n))),
        ("queries", format!("let x = {}", "from a in ".repeat(n))),
        ("unclosed", format!("let x = {}", "[".repeat(n))),
    ] {
        let found = errors(&source);
        let limit = found.iter().find(|e| matches!(e.0, "P100" | "P101"));
        assert!(limit.is_some() && found.len() <= 2, "{name}: {found:?}");
    }
    // What follows is still read.
    assert_eq!(errors(&format!("let x = 1{}\nlet = 2", " + 1".repeat(n))).len(), 2);
}

#[test]
fn long_programs_are_not_limited() {
    let n = 20_000;
    assert_eq!(errors(&format!("let x = [{}]", "1 + 2, -a.b, f(3 * 4)(5),\n".repeat(n))), []);
    assert_eq!(errors(&"f(1 + 2)\n".repeat(n)), []);
    assert_eq!(errors(&format!("fun f() {{ {} }}", "if a { b() } else { c() }\n".repeat(n))), []);
    assert_eq!(errors(&format!("let x = 1{}", " + 1".repeat(2_900))), []);
    assert_eq!(errors(&format!("if a {{ }}{}", " else if b { }".repeat(2_900))), []);
    assert_eq!(errors(&format!("let x = {}1{}", "(".repeat(250), ")".repeat(250))), []);
}

#[test]
fn reserved_words_and_others() {
    for word in ["test", "on", "load", "save", "match", "fact", "rule", "all", "then", "none", "generate"] {
        assert_eq!(error(&format!("let {word} = 1")).0, "P999", "{word}");
    }
    for word in
        ["from", "where", "select", "union", "as", "model", "bench", "query", "object", "auto", "int", "list"]
    {
        assert_eq!(errors(&format!("let {word} = 1\nprint({word})\n{word} = 2")), [], "{word}");
    }
}

#[test]
fn byte_order_mark_and_empty_files() {
    assert_eq!(errors("\u{feff}let x = 1"), []);
    assert_eq!(error("let x = 1 \u{feff}"), ("P040", 1, 11));
    assert_eq!(errors(""), []);
    assert_eq!(errors("// nothing\n;;"), []);
}
