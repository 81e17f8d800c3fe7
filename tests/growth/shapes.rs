//! Programs of any size, one kind of construct each.
//!
//! Some sizes are small because the allocator is not linear in these programs, and four times as much
//! would show it: Ion compares what is alive at once in pairs ("variables of one loop": from 100 to 400
//! the work is 6.4 times as much), and sorts what it knows of a block's parameter for each block that
//! leads there ("variants": from 150 to 600 arms 5.7 times). What loops around keep is alive in all blocks
//! of the loops in them, and both allocators look at it there ("nested loops": from 25 to 100 5.7 times with
//! Fastalloc).

use mochi_testkit::Random;
use std::fmt::Write;

/// A kind of program that can have any size.
pub struct Shape {
    /// Name for people.
    pub name: &'static str,
    /// The size at which the construct outweighs what any program costs; the test builds it, and four
    /// times as much.
    pub size: usize,
    /// The program of a size.
    pub program: fn(usize) -> String,
}

/// A program with `n` lines that a function gives, between two texts.
fn lines(before: &str, n: usize, line: impl Fn(usize) -> String, after: &str) -> String {
    let mut s = String::from(before);
    for i in 0..n {
        let _ = writeln!(s, "{}", line(i));
    }
    s + after
}

/// The texts of the numbers below `n` with something between them.
fn row(n: usize, between: &str, item: impl Fn(usize) -> String) -> String {
    (0..n).map(item).collect::<Vec<_>>().join(between)
}

/// The numbers below `n` in an order without a pattern.
fn shuffled(n: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    let mut random = Random::new(1);
    for i in (1..n).rev() {
        order.swap(i, random.below(i + 1));
    }
    order
}

/// `n` blocks in each other.
fn nested(before: &str, n: usize, open: impl Fn(usize) -> String, inside: &str, after: &str) -> String {
    let body = (0..n).fold(String::from(before), |s, i| s + &open(i) + "\n");
    body + inside + "\n" + &"}\n".repeat(n) + after
}

fn call_chain(order: impl Iterator<Item = usize>, n: usize) -> String {
    let mut s = String::new();
    for i in order {
        let _ = writeln!(s, "fun f{i}(x: int): int {{ return f{}(x) + 1 }}", i + 1);
    }
    let _ = writeln!(s, "fun f{n}(x: int): int {{ print(x) return x }}\nprint(f0(1))");
    s
}

fn join(i: usize, var: usize) -> String {
    format!("  if x > {i} {{ v{var} = v{var} * x }}")
}

fn a_loop(_: usize, var: usize) -> String {
    format!("  for k in 0..x {{ v{var} = v{var} + k }}")
}

/// Variables that are all alive through as many statements of a kind, each of which assigns one: with
/// the size of the program doubles both, so what is alive in all blocks together grows with the square.
/// Nothing is known about the argument, which decides about the statements.
fn variables_and(n: usize, statement: fn(usize, usize) -> String) -> String {
    let statements = lines("", n, |i| statement(i, i), "");
    let sum = lines("", n, |i| format!("  sum = sum + v{i}"), "  return sum\n}\nprint(f(len(input())))\n");
    let before = "fun f(x: int): int {\n  var sum = 0\n";
    lines(before, n, |i| format!("  var v{i} = x + {i}"), &(statements + &sum))
}

/// `match` on a value with `n` arms.
fn arms(before: &str, n: usize, arm: impl Fn(usize) -> String, after: &str) -> String {
    lines(before, n, arm, &format!("    _ => 0\n  }}\n}}\n{after}"))
}

/// Every shape.
pub const SHAPES: &[Shape] = &[
    Shape {
        name: "variables",
        size: 400,
        program: |n| {
            let sum = format!("  return {}\n}}\nprint(f(1))\n", row(n.min(1000), " + ", |i| format!("v{i}")));
            lines("fun f(x: int): int {\n", n, |i| format!("  var v{i} = x + {i}"), &sum)
        },
    },
    Shape { name: "variables and joins", size: 200, program: |n| variables_and(n, join) },
    Shape { name: "variables and loops", size: 100, program: |n| variables_and(n, a_loop) },
    Shape {
        name: "objects that loops make",
        size: 100,
        program: |n| {
            let a_loop =
                |i| format!("  for k in 0..x {{ v{i} = Q {{ v: k, next: v{i} }} }}\n  sum = sum + v{i}.v");
            let loops = lines("", n, a_loop, "  return sum\n}\nprint(f(len(input())))\n");
            let before = "type Q { v: int, next: any }\nfun f(x: int): int {\n  var sum = 0\n";
            lines(before, n, |i| format!("  var v{i} = Q {{ v: x, next: none }}"), &loops)
        },
    },
    Shape {
        name: "variables of one loop",
        size: 25,
        program: |n| {
            let sum = lines("  }\n", n, |i| format!("  sum = sum + v{i}"), "  return sum\n}\nprint(f(1))\n");
            let body = lines(
                "  while sum < x {\n    sum = sum + 1\n",
                n,
                |i| format!("    v{i} = v{i} + sum"),
                &sum,
            );
            lines("fun f(x: int): int {\n  var sum = 0\n", n, |i| format!("  var v{i} = x + {i}"), &body)
        },
    },
    Shape {
        name: "ifs in a row",
        size: 200,
        program: |n| {
            lines(
                "fun f(x: int): int {\n  var r = 0\n",
                n,
                |i| format!("  if x > {i} {{ r = r + {i} }} else {{ r = r - x }}"),
                "  return r\n}\nprint(f(1))\n",
            )
        },
    },
    Shape {
        name: "else-if chain",
        size: 200,
        program: |n| {
            let chain = row(n, " else ", |i| format!("if x == {i} {{\n    r = x * {i}\n  }}"));
            format!("fun f(x: int): int {{\n  var r = 0\n  {chain}\n  return r\n}}\nprint(f(1))\n")
        },
    },
    Shape {
        name: "returns",
        size: 300,
        program: |n| {
            lines(
                "fun f(x: int): int {\n",
                n,
                |i| format!("  if x == {i} {{ return x * {i} }}"),
                "  return 0\n}\nprint(f(1))\n",
            )
        },
    },
    Shape {
        name: "conditions of one branch",
        size: 300,
        program: |n| {
            let all = row(n, " && ", |i| format!("x > {i}"));
            let any = row(n, " || ", |i| format!("x == {i}"));
            format!(
                "fun f(x: int): int {{\n  if {all} {{ return 1 }}\n  if {any} {{ return 2 }}\n  return 3\n}}\nprint(f(1))\n"
            )
        },
    },
    Shape {
        name: "loops in a row",
        size: 100,
        program: |n| {
            lines(
                "fun f(x: int): int {\n  var r = 0\n",
                n,
                |i| format!("  for i in 0..x {{ r = r + i * {i} }}"),
                "  return r\n}\nprint(f(1))\n",
            )
        },
    },
    Shape {
        name: "loops over lists in a row",
        size: 30,
        program: |n| {
            lines(
                "fun f(xs: list<int>): int {\n  var r = 0\n",
                n,
                |i| format!("  for x in xs {{ r = r + x * {i} }}"),
                "  return r\n}\nprint(f([1]))\n",
            )
        },
    },
    Shape {
        name: "breaks of one loop",
        size: 150,
        program: |n| {
            lines(
                "fun f(x: int): int {\n  var r = 0\n  while r < x {\n    r = r + 1\n",
                n,
                |i| format!("    if r * x == {i} {{ break }}\n    if r + x == {i} {{ continue }}"),
                "  }\n  return r\n}\nprint(f(1))\n",
            )
        },
    },
    Shape {
        name: "nested loops",
        size: 16,
        program: |n| {
            nested(
                "fun f(x: int): int {\nvar r = 0\n",
                n,
                |i| format!("for i{i} in 0..x {{"),
                "r = r + x",
                "return r\n}\nprint(f(1))\n",
            )
        },
    },
    Shape {
        name: "nested while loops",
        size: 32,
        program: |n| {
            nested(
                "fun f(x: int): int {\nvar r = 0\n",
                n,
                |i| format!("while r < x + {i} {{ r = r + {i}"),
                "r = r + x",
                "return r\n}\nprint(f(1))\n",
            )
        },
    },
    Shape {
        name: "nested ifs",
        size: 40,
        program: |n| {
            nested(
                "fun f(x: int): int {\nvar r = 0\n",
                n,
                |i| format!("r = r + 1\nif x > {i} {{"),
                "r = r + x",
                "return r\n}\nprint(f(1))\n",
            )
        },
    },
    Shape {
        name: "nested parentheses",
        size: 50,
        program: |n| {
            lines(
                "fun f(x: int): int {\n",
                10,
                |i| format!("  let v{i} = {}x{}", "(x + ".repeat(n), ")".repeat(n)),
                "  return v1\n}\nprint(f(1))\n",
            )
        },
    },
    Shape {
        name: "nested closures",
        size: 30,
        program: |n| {
            nested(
                "fun f(x: int): int {\n",
                n,
                |i| format!("let a{i} = x + {i}\nlet g{i} = fun(y{i}: int): int {{"),
                &format!("return a0 + y{}", n - 1),
                "return x\n}\nprint(f(1))\n",
            )
        },
    },
    Shape {
        name: "operators of one expression",
        size: 300,
        program: |n| {
            format!(
                "fun f(x: int): int {{ return {} }}\nprint(f(1))\n",
                row(n, " + ", |i| format!("x * {i}"))
            )
        },
    },
    Shape {
        name: "strings put together",
        size: 300,
        program: |n| {
            format!(
                "fun f(x: string): string {{ return {} }}\nprint(f(\"\"))\n",
                row(n, " + ", |i| format!("x + \"{i}\""))
            )
        },
    },
    Shape {
        name: "list of ints",
        size: 3000,
        program: |n| format!("let xs = [{}]\nprint(len(xs))\n", row(n, ", ", |i| (i * i).to_string())),
    },
    Shape {
        name: "list of floats",
        size: 3000,
        program: |n| format!("let xs = [{}]\nprint(len(xs))\n", row(n, ", ", |i| format!("{i}.25"))),
    },
    Shape {
        name: "list of strings",
        size: 1500,
        program: |n| format!("let xs = [{}]\nprint(len(xs))\n", row(n, ", ", |i| format!("\"s{i}\""))),
    },
    Shape {
        name: "list of lists",
        size: 1200,
        program: |n| format!("let xs = [{}]\nprint(len(xs))\n", row(n, ", ", |i| format!("[{i}, 7]"))),
    },
    Shape {
        name: "list of anything",
        size: 600,
        program: |n| {
            format!(
                "let xs: list<any> = [{}]\nprint(len(xs))\n",
                row(n, ", ", |i| format!("{i}, \"a\", 1.5, true"))
            )
        },
    },
    Shape {
        name: "map",
        size: 1000,
        program: |n| format!("let xs = {{{}}}\nprint(len(xs))\n", row(n, ", ", |i| format!("\"k{i}\": {i}"))),
    },
    Shape {
        name: "float arithmetic",
        size: 300,
        program: |n| {
            lines(
                "fun f(x: float): float {\n  var r = x\n",
                n,
                |i| format!("  r = r * {i}.5 + x"),
                "  return r\n}\nprint(f(1.0))\n",
            )
        },
    },
    Shape { name: "strings", size: 400, program: |n| lines("", n, |i| format!("print(\"text {i}\")"), "") },
    Shape {
        name: "calls",
        size: 300,
        program: |n| {
            lines(
                "fun g(x: int): int { if x > 100 { return g(x - 1) } return x }\nfun f(x: int): int {\n  var r = 0\n",
                n,
                |i| format!("  r = r + g({i})"),
                "  return r\n}\nprint(f(1))\n",
            )
        },
    },
    Shape {
        name: "builtins",
        size: 100,
        program: |n| {
            lines(
                "fun f(xs: list<int>, s: string): int {\n  var r = 0\n",
                n,
                |i| format!("  r = r + xs[{i}] + len(s) + len(xs)"),
                "  return r\n}\nprint(f([1], \"\"))\n",
            )
        },
    },
    Shape {
        name: "accesses of elements",
        // Four times 100 are so large that Fastalloc takes over, whose debug assertions walk through all
        // registers at each use.
        size: 70,
        program: |n| {
            lines(
                "fun f(xs: list<int>, x: int): int {\n  var ys = [0]\n",
                n,
                |i| format!("  ys[x + {i}] = xs[x - {i}] + ys[{i}]"),
                "  return ys[0]\n}\nprint(f([1], 0))\n",
            )
        },
    },
    Shape {
        name: "accesses in one loop",
        size: 100,
        program: |n| {
            lines(
                "type S { a: int, b: int }\nfun f(s: S, x: int): int {\n  var r = 0\n  while r < x {\n    r = r + 1\n",
                n,
                |i| format!("    s.a = s.b + {i}\n    s.b = s.a + r"),
                "  }\n  return r\n}\nprint(f(S { a: 1, b: 2 }, 3))\n",
            )
        },
    },
    Shape {
        name: "closures",
        size: 100,
        program: |n| {
            lines(
                "fun f(x: int): int {\n  var r = 0\n",
                n,
                |i| format!("  let g{i} = fun(y: int): int => x + y * {i}\n  r = r + g{i}(r)"),
                "  return r\n}\nprint(f(1))\n",
            )
        },
    },
    Shape {
        name: "closures that share a variable",
        size: 100,
        program: |n| {
            lines(
                "fun f(x: int): int {\n  var r = 0\n",
                n,
                |i| format!("  let g{i} = fun(): int {{ r = r + {i} return r }}"),
                "  return g0()\n}\nprint(f(1))\n",
            )
        },
    },
    Shape {
        name: "functions",
        size: 200,
        program: |n| {
            let calls = lines("", n, |i| format!("print(f{i}({i}))"), "");
            lines(
                "",
                n,
                |i| {
                    format!(
                        "fun f{i}(x: int): int {{\n  var r = x\n  while r < 10 {{ r = r + x }}\n  return r\n}}"
                    )
                },
                &calls,
            )
        },
    },
    Shape {
        name: "parameters",
        size: 300,
        program: |n| {
            format!(
                "fun f({}): int {{ return p0 + p{} }}\nprint(f({}))\n",
                row(n, ", ", |i| format!("p{i}: int")),
                n - 1,
                row(n, ", ", |i| i.to_string())
            )
        },
    },
    Shape { name: "call chain", size: 300, program: |n| call_chain(0..n, n) },
    Shape { name: "call chain backwards", size: 300, program: |n| call_chain((0..n).rev(), n) },
    Shape { name: "call chain in any order", size: 300, program: |n| call_chain(shuffled(n).into_iter(), n) },
    Shape {
        name: "methods",
        size: 400,
        program: |n| {
            lines(
                "type T {\n  x: int\n",
                n,
                |i| format!("  fun m{i}(y: int): int {{ return x + y * {i} }}"),
                "}\nlet t = T { x: 1 }\nprint(t.m0(1))\n",
            )
        },
    },
    Shape {
        name: "fields",
        size: 1000,
        program: |n| {
            format!(
                "type T {{\n{}\n}}\nfun f(t: T): int {{ return t.f0 + t.f{} }}\nprint(1)\n",
                row(n, "\n", |i| format!("  f{i}: int")),
                n - 1
            )
        },
    },
    Shape {
        name: "fields of a literal",
        size: 500,
        program: |n| {
            format!(
                "type T {{\n{}\n}}\nlet t = T {{ {} }}\nprint(t.f0)\n",
                row(n, "\n", |i| format!("  f{i}: int")),
                row(n, ", ", |i| format!("f{i}: {i}"))
            )
        },
    },
    Shape {
        name: "keys of a record",
        size: 500,
        program: |n| format!("let t = {{ {} }}\nprint(t.f0)\n", row(n, ", ", |i| format!("f{i}: {i}"))),
    },
    Shape {
        name: "types",
        size: 300,
        program: |n| {
            let uses = lines("", n, |i| format!("print(T{i} {{ a: {i}, b: \"x\" }})"), "");
            lines("", n, |i| format!("type T{i} {{ a: int, b: string }}"), &uses)
        },
    },
    Shape {
        name: "variants",
        size: 100,
        program: |n| {
            let uses = lines(
                "\nfun f(u: U): int {\n  return match u {\n",
                n,
                |i| format!("    V{i}(a) => a + {i}"),
                "  }\n}\nprint(f(V1 { a: 2 }))\n",
            );
            format!("type U = {}{uses}", row(n, " | ", |i| format!("V{i}(a: int)")))
        },
    },
    Shape {
        name: "match of ints",
        size: 400,
        program: |n| {
            arms(
                "fun f(x: int): int {\n  return match x {\n",
                n,
                |i| format!("    {i} => {}", i * i),
                "print(f(3))\n",
            )
        },
    },
    Shape {
        name: "match of strings",
        size: 300,
        program: |n| {
            arms(
                "fun f(x: string): int {\n  return match x {\n",
                n,
                |i| format!("    \"k{i}\" => {i}"),
                "print(f(\"k3\"))\n",
            )
        },
    },
    Shape {
        name: "match of nested patterns",
        size: 120,
        program: |n| {
            arms(
                "type N = Leaf(v: int) | Two(l: N, r: N)\nfun f(x: N): int {\n  return match x {\n",
                n,
                |i| format!("    Two(Leaf({i}), Two(a, Leaf({i}))) => {i}"),
                "print(f(Leaf { v: 3 }))\n",
            )
        },
    },
    Shape {
        name: "match with blocks",
        size: 200,
        program: |n| {
            arms(
                "fun f(x: int): int {\n  return match x {\n",
                n,
                |i| {
                    format!(
                        "    {i} => {{\n      let a = if x > 3 {{ x }} else {{ {i} }}\n      a * a\n    }}"
                    )
                },
                "print(f(3))\n",
            )
        },
    },
    Shape {
        name: "globals",
        size: 300,
        program: |n| {
            let uses = lines(
                "fun f(): int {\n  var r = 0\n",
                n,
                |i| format!("  r = r + g{i}\n  g{i} = r"),
                "  return r\n}\nprint(f())\n",
            );
            lines("", n, |i| format!("var g{i} = {i}"), &uses)
        },
    },
    Shape {
        name: "globals that are lists",
        size: 100,
        program: |n| {
            let uses = lines(
                "fun f(): int {\n  var r = 0\n",
                n,
                |i| format!("  r = r + g{i}[0]\n  g{i} = append(g{i}, r)"),
                "  return r\n}\nprint(f())\n",
            );
            lines("", n, |i| format!("var g{i} = [{i}]"), &uses)
        },
    },
    Shape {
        name: "statements",
        size: 300,
        program: |n| {
            lines("var r = 0\n", n, |i| format!("r = r + {i}\nif r > {i} {{ print(r) }}"), "print(r)\n")
        },
    },
    Shape {
        name: "lists that start empty",
        size: 100,
        program: |n| {
            let uses = lines("", n, |i| format!("print(f{i}({i}))"), "");
            lines(
                "",
                n,
                |i| {
                    format!(
                        "fun f{i}(x: int): int {{\n  var xs = []\n  xs = append(xs, x)\n  return len(xs)\n}}"
                    )
                },
                &uses,
            )
        },
    },
    Shape {
        name: "lists that start empty from others",
        size: 200,
        program: |n| {
            lines(
                "fun f(): int {\n  var x0 = []\n  x0 = append(x0, 1)\n",
                n,
                |i| format!("  var x{} = []\n  x{} = append(x{}, x{i}[0])", i + 1, i + 1, i + 1),
                "  return len(x0)\n}\nprint(f())\n",
            )
        },
    },
    Shape {
        name: "queries",
        size: 50,
        program: |n| {
            lines(
                "let xs = [1, 2, 3]\n",
                n,
                |i| format!("print(from x in xs where x > {i} sort by -x select x * {i})"),
                "",
            )
        },
    },
    Shape {
        name: "sources of a query",
        size: 10,
        program: |n| {
            let sources = row(n, " ", |i| format!("from x{i} in xs"));
            format!("let xs = [1]\nprint({sources} select x0 + x{})\n", n - 1)
        },
    },
    Shape {
        name: "conditions of a query",
        size: 100,
        program: |n| {
            format!(
                "let xs = [1]\nprint(from x in xs where {} select x)\n",
                row(n, " && ", |i| format!("x != {}", i + 5))
            )
        },
    },
    Shape {
        name: "joins of a query",
        size: 6,
        program: |n| {
            let joins = row(n, " ", |i| format!("join y{i} in xs on y{i} == x"));
            format!("let xs = [1]\nprint(from x in xs {joins} select x + y{})\n", n - 1)
        },
    },
    Shape {
        name: "instances of a generic function",
        size: 100,
        program: |n| {
            let uses = lines(
                "fun same<T>(x: T): T { return x }\n",
                n,
                |i| format!("print(same(T{i} {{ a: {i} }}))"),
                "",
            );
            lines("", n, |i| format!("type T{i} {{ a: int }}"), &uses)
        },
    },
    Shape {
        name: "test blocks",
        size: 200,
        program: |n| lines("", n, |i| format!("test \"t{i}\" {{\n  expect {i} + 1 > {i}\n}}"), "print(1)\n"),
    },
    Shape {
        name: "variables that start empty",
        size: 100,
        program: |n| {
            lines(
                "",
                n,
                |i| format!("fun f{i}(x: int): int {{ var xs = [] xs = append(xs, x + {i}) return xs[0] }}"),
                "print(f0(1))\n",
            )
        },
    },
    Shape {
        name: "functions beside a variable that starts empty",
        size: 200,
        program: |n| {
            lines(
                "var xs = []\nxs = append(xs, 1)\n",
                n,
                |i| format!("fun f{i}(x: int): int {{ let g = fun(y: int): int => x + y return g({i}) }}"),
                "print(f0(xs[0]))\n",
            )
        },
    },
    Shape {
        name: "functions with a variable that starts empty",
        size: 100,
        program: |n| {
            lines(
                "var xs = []\nxs = append(xs, 1)\n",
                n,
                |i| format!("fun f{i}(x: int): int {{ xs = append(xs, x) return xs[0] + {i} }}"),
                "print(f0(xs[0]))\n",
            )
        },
    },
    Shape {
        name: "narrowed options",
        size: 80,
        program: |n| {
            lines(
                "fun f(m: map<string, int>): int {\n  var r = 0\n",
                n,
                |i| format!("  let v{i} = m[\"k{i}\"]\n  if v{i} != none {{ r = r + v{i} }}"),
                "  return r\n}\nprint(f({\"k0\": 1}))\n",
            )
        },
    },
    Shape {
        name: "scopes",
        size: 300,
        program: |n| {
            lines(
                "fun f(x: int): int {\n  var r = x\n",
                n,
                |i| format!("  if r > {i} {{ let v = r let w = v + {i} r = w }}"),
                "  return r\n}\nprint(f(1))\n",
            )
        },
    },
    Shape {
        name: "letters that are not ASCII",
        size: 400,
        program: |n| lines("", n, |i| format!("print(\"é{i}\") // ü"), ""),
    },
    Shape {
        name: "one line",
        size: 300,
        program: |n| format!("{}\n", row(n, " ", |i| format!("print(\"ü\", {i})"))),
    },
];
