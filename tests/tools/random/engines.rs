//! What runs a program: the evaluator, the compiler's code on this machine and on others, and the
//! interpreter of the IR.

use mochi::pipeline::{self, Code, FileOptions, Source};
use mochi_ir::interp::{self, Linux, Machine, TraceLine, Trap};
use mochi_ir::{Module, text};
use mochi_judge::generate::Program;
use mochi_judge::{Given, Limits, Outcome as Evaluated};
use mochi_lang::diag::{Diagnostics, Format};
use mochi_lang::tree;
use mochi_objwrite::target::{self, FileKind, TARGETS, Target, TargetRow};
use mochi_testkit::engines::{self, Engine, Start};
use mochi_testkit::process::{self, End};
use mochi_testkit::{Scratch, text};
use std::collections::HashSet;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The name that traces show.
pub const FILE: &str = "program.mochi";

/// Time of a program on this machine.
const TIME: Duration = Duration::from_secs(10);

/// Limits of the evaluator: what takes longer is not compared.
const LIMITS: Limits = Limits { steps: 3_000_000, depth: 5_000, output: 1 << 20 };

/// Environment variables of programs.
const ENV: [(&str, &str); 1] = [("MOCHI_NOW_SEED", "1")];

/// Instructions of the interpreter.
const STEPS: u64 = 300_000_000;

/// An engine is being asked, so a panic is an answer.
pub static BUSY: AtomicBool = AtomicBool::new(false);

/// Frames that a trace shows in full.
const TRACE: usize = 25;

/// What happened to a program.
#[derive(Clone, PartialEq, Eq)]
pub enum Answer {
    /// It ran to an end: standard output and error, and how it ended.
    Ended(Vec<u8>, Vec<u8>, End),
    /// The compiler or the engine broke down.
    Broke(String),
    /// It is not known what it does.
    Undecided(String),
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answer::Ended(out, err, end) => writeln!(f, "{}{}{end}", text(out), text(err)),
            Answer::Broke(why) => writeln!(f, "broke down: {why}"),
            Answer::Undecided(why) => writeln!(f, "undecided: {why}"),
        }
    }
}

/// What the evaluator is asked about.
#[derive(Clone, Copy)]
enum Tree {
    /// The program.
    Same,
    /// The program checked so that every variable is seen as declared.
    Declared,
    /// The program in other words.
    Wrapped,
}

/// A kind of engine.
enum How {
    Evaluator(Tree),
    Interpreter { optimised: bool, runtime: Box<Module> },
    Compiled { debug: bool, engine: Engine },
}

/// An engine, and how often it is asked.
pub struct Judge {
    /// Its name.
    pub name: String,
    /// It runs one program in this many.
    pub every: u64,
    how: How,
}

/// All engines, and a place for the programs they run.
pub struct Judges {
    /// In the order in which they are asked; what the first knows is right.
    pub list: Vec<Judge>,
    scratch: Scratch,
}

/// What is asked by default: a name, and one program in how many.
const DEFAULT: &str = "evaluator,declared/4,wrapped/4,O,debug,interpreter/20,interpreter-O/20,a64/40,rv64/40,wasm/40,node/80,\
     x64-macos/20,x64-windows/20,a64-macos/80,a64-windows/80";

impl Judges {
    /// Engines of a list such as `evaluator,O,debug,a64/10`, or those by default. Those that are not
    /// installed are left out.
    pub fn new(names: Option<&str>) -> Result<Judges, String> {
        let mut list = Vec::new();
        for entry in names.unwrap_or(DEFAULT).split(',') {
            let (name, every) = entry.split_once('/').unwrap_or((entry, "1"));
            let every = every.parse().ok().filter(|&n| n > 0).ok_or(format!("not a number: {entry}"))?;
            for how in engines_of(name)? {
                list.push(Judge { name: name.to_string(), every, how });
            }
        }
        Ok(Judges { list, scratch: Scratch::new("random") })
    }
}

fn engines_of(name: &str) -> Result<Vec<How>, String> {
    let host = target::host().map_err(|e| e.to_string())?;
    let runtime = || Box::new(text_of_runtime(host));
    let compiled = |target: Target, which: fn(&Engine) -> bool| {
        let found = engines::of(target).into_iter().filter(which);
        found.map(|engine| How::Compiled { debug: false, engine }).collect()
    };
    Ok(match name {
        "evaluator" => vec![How::Evaluator(Tree::Same)],
        "declared" => vec![How::Evaluator(Tree::Declared)],
        "wrapped" => vec![How::Evaluator(Tree::Wrapped)],
        "interpreter" => vec![How::Interpreter { optimised: false, runtime: runtime() }],
        "interpreter-O" => vec![How::Interpreter { optimised: true, runtime: runtime() }],
        "O" => compiled(host, |_| true),
        "debug" => {
            let found = engines::of(host).into_iter();
            found.map(|engine| How::Compiled { debug: true, engine }).collect()
        }
        "wasm" => compiled(wasm(), |e| !e.name().contains("node")),
        "node" => compiled(wasm(), |e| e.name().contains("node")),
        _ => {
            // The first of a machine by its name, others by theirs.
            let is = |t: &&TargetRow| t.short == name || t.short.split('-').next() == Some(name);
            let found = TARGETS.iter().find(is);
            compiled(found.ok_or(format!("no engine is named {name}"))?, |_| true)
        }
    })
}

fn wasm() -> Target {
    TARGETS.iter().find(|t| t.short.starts_with("wasm")).expect("its row in the table of targets")
}

fn text_of_runtime(host: Target) -> Module {
    text::parse_module(mochi_runtime::ir_text(host)).expect("the runtime's IR")
}

/// A program that the checker accepts.
pub struct Checked {
    source: Source,
    tree: tree::Program,
    text: String,
    wrapped: Option<String>,
    args: Vec<String>,
    stdin: Vec<u8>,
}

/// A program that is judged.
pub struct Case {
    /// Its text.
    pub text: String,
    /// The same program in other words.
    pub wrapped: Option<String>,
    /// Its arguments.
    pub args: Vec<String>,
    /// What it reads.
    pub stdin: Vec<u8>,
}

impl Case {
    /// A generated program.
    pub fn of(program: &Program) -> Case {
        let Program { args, stdin, .. } = program.clone();
        Case { args, stdin, ..Case::plain(program.source(), program.wrapped()) }
    }

    /// A program that is given nothing.
    pub fn plain(text: String, wrapped: Option<String>) -> Case {
        Case { text, wrapped, args: Vec::new(), stdin: Vec::new() }
    }
}

impl Checked {
    /// Parses and checks a program. Fails with the diagnostics.
    pub fn new(case: Case) -> Result<Checked, String> {
        let Case { text, wrapped, args, stdin } = case;
        let source = Source::new(FILE, &text);
        let mut diags = Diagnostics::new();
        let program = source.parse(&mut diags);
        let tree = if diags.has_errors() { None } else { source.check(&program, &mut diags) };
        match tree {
            Some(tree) => Ok(Checked { source, tree, text, wrapped, args, stdin }),
            None => Err(diags.render(&source.map, Format::Human { color: false })),
        }
    }

    fn module(&self, target: Target, code: Option<&Code>) -> Module {
        let mut module = self.source.lower(&self.tree);
        if let Some(code) = code {
            pipeline::optimize(&mut module, target, code, None);
        }
        module
    }
}

impl Judge {
    /// What a program does on this engine.
    pub fn ask(&self, program: &Checked, judges: &Judges) -> Answer {
        BUSY.store(true, Ordering::Relaxed);
        let asked = catch_unwind(AssertUnwindSafe(|| match &self.how {
            How::Evaluator(tree) => evaluate(program, *tree),
            How::Interpreter { optimised, runtime } => interpret(program, *optimised, runtime),
            How::Compiled { debug, engine } => compile_and_run(program, *debug, engine, &judges.scratch),
        }));
        BUSY.store(false, Ordering::Relaxed);
        asked.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|s| s.to_string()));
            Answer::Broke(text.unwrap_or_else(|| "a panic".into()))
        })
    }
}

fn evaluate(program: &Checked, tree: Tree) -> Answer {
    let given = Given { args: &program.args, env: &ENV, stdin: &program.stdin };
    let run = |evaluate: fn(&str, &[u8], Given, Limits) -> Evaluated, text: &str| {
        evaluate(FILE, text.as_bytes(), given, LIMITS)
    };
    let text = &program.text;
    let ended = match (tree, &program.wrapped) {
        (Tree::Same, _) => run(mochi_judge::evaluate, text),
        (Tree::Declared, _) => run(mochi_judge::evaluate_as_declared, text),
        (Tree::Wrapped, None) => return Answer::Undecided("there is no other form of it".into()),
        (Tree::Wrapped, Some(wrapped)) => {
            let plain = run(mochi_judge::evaluate, text);
            let other = run(mochi_judge::evaluate, wrapped);
            if same_but_for_places(&plain, &other) { plain } else { other }
        }
    };
    match ended {
        Evaluated::Ended(e) => Answer::Ended(e.stdout, e.stderr, End::Status(e.status)),
        Evaluated::Undecided(why) => Answer::Undecided(why.to_string()),
        Evaluated::Rejected(why) => match tree {
            Tree::Same => Answer::Broke(format!("the evaluator rejects what the checker accepts: {why}")),
            _ => Answer::Undecided("the checker rejects it in this form".into()),
        },
    }
}

/// Whether two programs do the same, but for lines and texts of the program in messages.
fn same_but_for_places(a: &Evaluated, b: &Evaluated) -> bool {
    let message = |stderr: &[u8]| {
        let text = String::from_utf8_lossy(stderr);
        text.lines().next().and_then(|line| line.split(" at ").next()).map(str::to_string)
    };
    match (a, b) {
        (Evaluated::Ended(a), Evaluated::Ended(b)) => {
            a.stdout == b.stdout && a.status == b.status && message(&a.stderr) == message(&b.stderr)
        }
        _ => false,
    }
}

fn interpret(program: &Checked, optimised: bool, runtime: &Module) -> Answer {
    let code = Code::default();
    let host = target::host().expect("a host, or there was no such engine");
    let module = program.module(host, optimised.then_some(&code));
    let linked = interp::link(&[runtime, &module], true).expect("linked");
    let mut m = Machine::new(&linked, Linux::default());
    m.host.stdin = program.stdin.clone();
    if !optimised {
        m.judge_regions();
    }
    m.steps = STEPS;
    let args: Vec<&str> = ["program"].into_iter().chain(program.args.iter().map(String::as_str)).collect();
    let variables = ENV.map(|(name, value)| format!("{name}={value}"));
    let env: Vec<&str> = variables.iter().map(String::as_str).collect();
    let mut ended = m.start("rt_start", &args, &env).expect_err("a program ends itself");
    let frames = m.trace();
    if ended == Trap::NullDereference {
        // What the handler of the fault does.
        ended = m.call("panic_none", &[]).expect_err("it does not return");
    }
    match ended {
        Trap::Exit(status) => {
            let mut stderr = std::mem::take(&mut m.host.stderr);
            // What ended by itself has no trace.
            if !frames.iter().any(|f| f.function == "rt_exit") {
                match trace(&module, &frames) {
                    Some(lines) => stderr.extend(lines.bytes()),
                    None => return Answer::Undecided("a trace that is shortened".into()),
                }
            }
            Answer::Ended(std::mem::take(&mut m.host.stdout), stderr, End::Status(status))
        }
        Trap::StepLimit | Trap::StackOverflow => Answer::Undecided(ended.to_string()),
        trap => Answer::Broke(format!("{trap} in {}", frames.first().map_or("", |l| &l.function))),
    }
}

/// What a linked program would print of these frames: those of functions with a source. Tables from addresses
/// to lines are the linker's, so an interpreted program prints none.
fn trace(module: &Module, frames: &[TraceLine]) -> Option<String> {
    let shown = module.funcs.iter().filter(|f| f.file.is_some());
    let own: HashSet<&str> = shown.map(|f| f.display.as_str()).collect();
    let frames: Vec<&TraceLine> = frames.iter().filter(|f| own.contains(f.function.as_str())).collect();
    let lines = frames.iter().map(|f| format!("  at {} ({FILE}:{})\n", f.function, f.line));
    (frames.len() <= TRACE).then(|| lines.collect())
}

fn compile_and_run(program: &Checked, debug: bool, engine: &Engine, scratch: &Scratch) -> Answer {
    let code = Code { debug, ..Code::default() };
    let module = program.module(engine.target, Some(&code));
    let (object, _) = pipeline::generate(&module, engine.target, &code);
    let options = FileOptions::default();
    let linked = program.source.link(&object, engine.target, FileKind::Executable, options);
    let image = linked.unwrap_or_else(|e| panic!("link: {e}"));
    let path = scratch.path("program");
    process::write_executable(&path, &image).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let Checked { args, stdin, .. } = program;
    let start = Start { args, stdin, env: &ENV, folder: &scratch.0, time: TIME };
    let ran = engine.run(&path, &start).unwrap_or_else(|e| panic!("{}: {e}", engine.name()));
    match ran.end {
        End::Status(_) | End::Signal(_) => Answer::Ended(ran.stdout, ran.stderr, ran.end),
        End::Timeout => Answer::Undecided("no end in time".into()),
    }
}
