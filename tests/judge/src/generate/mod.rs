//! Random programs: well-typed, ending, and printing their state as they go.
//!
//! A program is written construct by construct ([`writer`] holds the state): each asks for parts of
//! the types it needs, so that nothing has to be thrown away. Loops have bounds, recursion counts
//! down, what is assigned repeatedly cannot grow by a factor, and the cost of calls is added up.
//!
//! [`Programs`] is a strategy of proptest. What it makes is kept as a tree of source text ([`tree`]),
//! in which reduction ([`shrink`]) deletes statements and exchanges expressions; what the checker
//! rejects is a failed attempt, so reduction needs no knowledge of types.

mod containers;
mod exprs;
mod functions;
mod given;
mod literals;
mod matching;
mod meeting;
mod numbers;
mod queries;
mod scope;
mod shrink;
mod statements;
mod tree;
mod types;
mod views;
mod wrap;
mod writer;

pub use shrink::ProgramTree;

use mochi_testkit::Random;
use proptest::strategy::{NewTree, Strategy};
use proptest::test_runner::TestRunner;
use std::fmt;
use tree::{Block, parts, separated};
use writer::{Writer, stmt};

/// Lines that programs read.
const LINES: [&[u8]; 7] = [b"first line", b"12", b"", b"h\xc3\xa9llo", b"a\xe9b", b"  x  ", b"last"];

/// Arguments that programs are given.
const ARGS: [&str; 4] = ["one", "h\u{e9}llo", "", "-2"];

/// A random program.
#[derive(Clone)]
pub struct Program {
    body: Block,
    /// Its arguments.
    pub args: Vec<String>,
    /// What it reads.
    pub stdin: Vec<u8>,
}

impl Program {
    /// The program of these choices.
    pub fn generate(random: Random) -> Program {
        let mut w = Writer::new(random);
        let body = w.program();
        let count = w.below(4);
        let mut stdin = Vec::new();
        for _ in 0..count {
            stdin.extend(w.pick(&LINES));
            stdin.push(b'\n');
        }
        let args = (0..w.below(3)).map(|_| w.pick(&ARGS).to_string()).collect();
        Program { body, args, stdin }
    }

    /// The program's text.
    pub fn source(&self) -> String {
        self.body.text()
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source())
    }
}

/// The strategy of random programs.
#[derive(Clone, Copy, Debug)]
pub struct Programs;

impl Strategy for Programs {
    type Tree = ProgramTree;
    type Value = Program;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let random = Random::from(runner.new_rng());
        Ok(ProgramTree::new(Program::generate(random)))
    }
}

impl Writer {
    /// A whole program.
    fn program(&mut self) -> Block {
        // Gives none in a place of a type.
        let mut block = Block(vec![stmt(parts!["fun nothing<T>(xs: list<T>): T { }"])]);
        for _ in 0..self.pick(&[0, 1, 2, 3]) {
            block.0.push(self.type_declaration());
        }
        while !self.is_tired() {
            self.fuel -= 1;
            match self.below(10) {
                0 if block.0.len() < 30 => block.0.push(self.type_declaration()),
                1 | 2 => block.0.push(self.function()),
                _ => {
                    self.cost = 0;
                    let made = self.statement(3);
                    block.0.extend(made);
                }
            }
        }
        let all = self.scope.select(|v| !v.fixed);
        let shown: Vec<_> = all.into_iter().filter(|v| self.decls.is_printable(&v.ty)).collect();
        for group in shown.chunks(4) {
            let items = group.iter().map(|v| self.read(v)).collect();
            let mut parts = parts!["print(\"end\", "];
            parts.extend(separated(items, ", "));
            parts.push(")".into());
            block.0.push(stmt(parts));
        }
        block
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mochi_lang::diag::{Diagnostics, Format};
    use mochi_lang::span::SourceMap;
    use mochi_lang::tree::Builtin;
    use mochi_lang::{parser, sema, stack};
    use proptest::test_runner::{Config, TestCaseError, TestError};

    /// Builtins whose results differ from run to run.
    const LEFT_OUT: [Builtin; 1] = [Builtin::Now];

    /// Constructs, by text that only they have.
    const CONSTRUCTS: [&str; 60] = [
        "let ",
        "var ",
        "fun ",
        "type ",
        " | ",
        "if ",
        " else if ",
        "while ",
        "for ",
        "..=",
        "break",
        "continue",
        "return ",
        "match (",
        "_ =>",
        "none =>",
        "=> {",
        "test \"",
        "expect ",
        "update ",
        " set {",
        " where ",
        "from ",
        " join ",
        " left join ",
        " right join ",
        " outer join ",
        " group by ",
        " having ",
        " sort by ",
        " skip ",
        " take ",
        "select distinct ",
        "select sum(",
        "select avg(",
        " union ",
        " union all ",
        " except ",
        " intersect ",
        " in ",
        " ?? ",
        ")?.",
        " as any",
        " as int",
        " as bigint",
        " as bigrat",
        " as int64",
        "<T>(",
        "<T, U>(",
        "+=",
        "[0: 2]",
        "\\xe9",
        "4611686018427387904",
        "9223372036854775807",
        "input()",
        " in lines()",
        " ?? exit(",
        "(-0.0)",
        " != none",
        ".push(",
    ];

    fn rejected(text: &str) -> Option<String> {
        let mut map = SourceMap::default();
        let file = map.add("program.mochi", text);
        let mut diags = Diagnostics::new();
        let program = parser::parse(&map, file, &mut diags);
        let tree = if diags.has_errors() { None } else { sema::check(&map, &program, &mut diags) };
        tree.is_none().then(|| diags.render(&map, Format::Human { color: false }))
    }

    #[test]
    fn programs_are_accepted_and_have_every_construct() {
        const COUNT: u64 = 600;
        stack::large(|| {
            let texts: Vec<String> =
                (0..COUNT).map(|seed| Program::generate(Random::new(seed)).source()).collect();
            let wrong: Vec<String> = texts.iter().filter_map(|t| rejected(t)).collect();
            assert!(wrong.len() as u64 * 50 <= COUNT, "{} of {COUNT}\n{}", wrong.len(), wrong.join("\n"));
            let all = texts.concat();
            let calls =
                Builtin::ALL.iter().filter(|b| !LEFT_OUT.contains(b)).map(|b| format!("{}(", b.name()));
            let missing: Vec<String> = calls
                .chain(CONSTRUCTS.iter().map(|c| c.to_string()))
                .filter(|c| !all.contains(c.as_str()))
                .collect();
            assert!(missing.is_empty(), "no program has {missing:?}");
        })
        .expect("a stack");
    }

    #[test]
    fn any_bytes_make_a_program() {
        for length in [0, 8, 100, 3000] {
            let bytes = Random::new(length as u64).bytes(length);
            let program = Program::generate(Random::from_bytes(&bytes));
            assert!(rejected(&program.source()).is_none(), "{}", program.source());
        }
    }

    #[test]
    fn reduction_keeps_what_was_found() {
        let config = Config { failure_persistence: None, max_shrink_iters: 10_000, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config, mochi_testkit::random_seed(5, 0));
        let shows = |p: Program| {
            let text = p.source();
            let found = rejected(&text).is_none() && text.contains("append(") && text.contains("match");
            if found { Err(TestCaseError::fail("found")) } else { Ok(()) }
        };
        let program = stack::large(|| {
            loop {
                let tree = Programs.new_tree(&mut runner).expect("a program");
                if let Err(TestError::Fail(_, program)) = runner.run_one(tree, shows) {
                    return program;
                }
            }
        })
        .expect("a stack");
        let text = program.source();
        assert!(text.lines().count() < 16, "{text}");
    }
}
