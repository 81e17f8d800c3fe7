//! Passes: what exists, in which order they run and why, and the runner.
//!
//! A pass takes a verified function to a verified function with the same meaning (the interpreter
//! is the judge) in roughly linear time and without recursion over blocks. Tables by dense id, no
//! hashing of ids on hot paths. Aliases ([`crate::func::ValueDef::Alias`]) live only inside a pass.

pub mod address;
pub mod attributes;
pub mod choose;
pub mod dce;
pub mod divide;
pub mod flow;
pub mod fold;
pub mod forward;
pub mod gvn;
pub mod inline;
pub mod layout;
pub mod licm;
mod memory;
mod order;
mod origins;
pub mod range;
pub mod rotate;
pub mod sink;
mod survey;
pub mod thread;
pub mod twin;

use crate::func::Function;
use crate::library::Library;
use crate::module::{Data, Module, Sym};
use crate::notes::{Counts, Remark};
use crate::parallel;
use crate::text::print_function;
use crate::verify::verify_function;
use std::cell::RefCell;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// What function passes may look at besides the function: the module without its functions.
pub struct Context<'a> {
    /// Symbols and data; `funcs` is empty while function passes run.
    pub module: &'a Module,
    /// Index into [`Module::datas`] by symbol.
    data_of: Vec<u32>,
    /// What to compile for.
    pub abilities: Abilities,
}

/// What passes ask about the target.
#[derive(Clone, Copy, Debug)]
pub struct Abilities {
    /// There is an instruction for the high half of a product.
    pub high_products: bool,
    /// There is one that gives one of two words.
    pub conditional_moves: bool,
    /// Loads and stores add a base and an index that is shifted by up to 3 bits.
    pub scaled_addresses: bool,
}

impl Abilities {
    /// All of them.
    pub const ALL: Abilities =
        Abilities { high_products: true, conditional_moves: true, scaled_addresses: true };
}

impl<'a> Context<'a> {
    /// Prepares a module.
    pub fn new(module: &'a Module, abilities: Abilities) -> Context<'a> {
        let mut data_of = vec![u32::MAX; module.syms.len()];
        for (i, data) in module.datas.iter().enumerate() {
            data_of[data.sym.0 as usize] = i as u32;
        }
        Context { module, data_of, abilities }
    }

    /// The data a symbol names, if this module defines it.
    pub fn data(&self, sym: Sym) -> Option<&'a Data> {
        self.module.datas.get(self.data_of[sym.0 as usize] as usize)
    }
}

/// How a pass is called.
#[derive(Clone, Copy)]
pub enum Run {
    /// On one function at a time.
    Function(fn(&mut Function, &Context)),
    /// On the whole module.
    Module(fn(&mut Module, &Library)),
}

/// A pass.
pub struct Pass {
    /// Name in `--emit ir:<name>`, `--time-passes` and filetests.
    pub name: &'static str,
    /// Its code.
    pub run: Run,
}

/// A pass at its place in a pipeline.
pub struct Step {
    /// The pass.
    pub pass: &'static Pass,
    /// Why it runs here.
    pub reason: &'static str,
    /// Only functions with loops of two sides need it.
    pub two_sided: bool,
}

const fn step(pass: &'static Pass, reason: &'static str) -> Step {
    Step { pass, reason, two_sided: false }
}

/// A step for functions in which [`TWIN`] found something to do.
const fn two_sided(pass: &'static Pass, reason: &'static str) -> Step {
    Step { pass, reason, two_sided: true }
}

macro_rules! passes {
    ($($constant:ident $name:literal $kind:ident $function:expr;)*) => {
        $(static $constant: Pass = Pass { name: $name, run: Run::$kind($function) };)*

        /// Every pass, for filetests and fuzzing.
        pub static PASSES: &[&Pass] = &[$(&$constant),*];
    };
}

passes! {
    FOLD "fold" Function fold::run;
    INLINE "inline" Module inline::run;
    ALLOCATE "allocate" Module inline::allocate;
    UNUSED "unused" Module inline::drop_unused;
    FLOW "flow" Function flow::run;
    THREAD "thread" Function thread::run;
    GVN "gvn" Function gvn::run;
    RANGE "range" Module range::run;
    RANGE_AGAIN "range.again" Function range::run_again;
    ROTATE "rotate" Function rotate::run;
    TWIN "twin" Function twin::run;
    CHOOSE "choose" Function choose::run;
    DIVIDE "divide" Function |func, cx| divide::run(func, cx.abilities.high_products);
    DIVIDE_POWERS "divide.powers" Function |func, _| divide::run(func, false);
    ADDRESS "address" Function address::run;
    SINK "sink" Function sink::run;
    LICM "licm" Function licm::run;
    FORWARD "forward" Function forward::run;
    LAYOUT "layout" Function layout::run;
    ORIGINS "origins" Module origins::run;
    DCE "dce" Function dce::run;
    COMPACT "compact" Function |func, _| func.compact();
    ATTRIBUTES "attributes" Module attributes::run;
}

/// Order for optimised builds; what it has to keep is in `order.rs`.
pub static OPTIMISE: &[Step] = &[
    step(&INLINE, "the runtime's fast paths and small functions meet their callers"),
    step(&UNUSED, "functions that were inlined everywhere need not be compiled"),
    step(&FOLD, "lowering emits naive code; later passes see canonical forms"),
    step(&FLOW, "folded branches leave dead and trivial blocks"),
    step(&GVN, "equal values, loads and checks become one"),
    step(&FOLD, "equal operands and forwarded stores expose more folding"),
    step(&FLOW, "branches decided since"),
    step(&THREAD, "conditions are branches where they are known"),
    step(&RANGE, "tag, overflow and bounds checks that cannot fail go"),
    step(&FOLD, "raw ops fold where exact ones could not"),
    step(&FLOW, "checks that went leave straight code"),
    step(&TWIN, "checks that may fail are known, and do not come back into loops from here on"),
    two_sided(&FLOW, "blocks that were split"),
    two_sided(&GVN, "in loops with two sides what was checked once need not be checked again"),
    two_sided(&FOLD, "words that were made of exact ops"),
    two_sided(&RANGE_AGAIN, "words that were tested are small"),
    two_sided(&FLOW, "tests that were decided"),
    step(&ROTATE, "after range analysis, which learns from tests at the top of loops"),
    step(&FOLD, "copies of loop tests know where their loops start"),
    step(&DIVIDE, "what is not negative is known now; quotient and remainder share steps in the next pass"),
    step(&GVN, "straight code shows equal loads and raw ops; copies of loop tests unite"),
    step(&LICM, "invariant loads and sums leave the inverted loops"),
    step(&FORWARD, "what branches and loops change in memory is in registers, too"),
    step(&ORIGINS, "for users of a library; what makes objects is still a call"),
    step(&ALLOCATE, "nothing is moved or merged any more: what makes objects may become code"),
    step(&CHOOSE, "branches have taught what they know"),
    step(&FLOW, "landing blocks that nothing needs, and what is joined by choices"),
    step(&ADDRESS, "nothing unites equal values any more"),
    step(&DCE, "what nobody uses any more"),
    step(&SINK, "code that is unlikely to run is final, and so what only it needs"),
    step(&LAYOUT, "code generation emits blocks in this order"),
    step(&COMPACT, "code generation wants dense ids"),
    step(&ATTRIBUTES, "about the final code; code generation asks for it"),
];

/// Order for `--debug` builds: nothing that moves or merges code. Built functions are dense.
pub static DEBUG: &[Step] = &[step(&DIVIDE, "code generation has nothing of its own for constant divisors")];

/// What to run and to watch.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// The steps.
    pub steps: &'static [Step],
    /// The runtime, for inlining.
    pub library: &'a Library,
    /// What to compile for.
    pub abilities: Abilities,
    /// Verify after every pass, and panic with the function when a rule is broken; and that the order of the steps
    /// is a good one.
    pub verify: bool,
    /// Stop after the first step with this pass.
    pub stop_after: Option<&'a str>,
    /// Measure each pass.
    pub time: bool,
    /// Count and remark what passes do to functions of the program, and what they leave.
    pub notes: bool,
}

/// Runs [`OPTIMISE`] on a module that stands alone: nothing of a runtime is inlined.
pub fn optimise(module: &mut Module, abilities: Abilities, verify: bool) {
    let library = &Library::EMPTY;
    let (steps, stop_after) = (OPTIMISE, None);
    run(module, &Options { steps, library, abilities, verify, stop_after, time: false, notes: false });
}

/// Runs [`OPTIMISE`] on a library, and gives the bodies of what is inlined as users of the library want them: what
/// makes objects is a call in them.
pub fn optimise_library(module: &mut Module, abilities: Abilities) -> Vec<Function> {
    let allocates = |s: &Step| std::ptr::eq(s.pass, &ALLOCATE);
    let (before, rest) = OPTIMISE.split_at(OPTIMISE.iter().position(allocates).expect("a step"));
    let library = &Library::EMPTY;
    let half = |steps| {
        let (verify, stop_after) = (true, None);
        Options { steps, library, abilities, verify, stop_after, time: false, notes: false }
    };
    run(module, &half(before));
    let cx = Context::new(module, abilities);
    let inlined = module.funcs.iter().filter(|f| module.sym(f.sym).attributes.inline);
    let mut bodies: Vec<Function> = inlined.cloned().collect();
    for func in &mut bodies {
        dce::run(func, &cx);
        func.compact();
    }
    run(module, &half(rest));
    bodies
}

/// What was asked for.
#[derive(Debug, Default)]
pub struct Report {
    /// Time spent per step, in order: name of the pass and its time over all functions, and so over all threads.
    pub times: Vec<(&'static str, Duration)>,
    /// How often passes did what.
    pub counts: Counts,
    /// By place, without repetitions.
    pub remarks: Vec<Remark>,
}

thread_local! {
    static CURRENT: RefCell<(&'static str, String)> = const { RefCell::new(("", String::new())) };
}

/// The pass and the function this thread works on, for the message when the compiler panics. Both
/// are empty when no pass runs.
pub fn current() -> (&'static str, String) {
    CURRENT.with_borrow(|c| c.clone())
}

/// The pass of this name.
pub fn find(name: &str) -> Option<&'static Pass> {
    PASSES.iter().copied().find(|p| p.name == name)
}

/// Runs the steps over a module.
pub fn run(module: &mut Module, options: &Options) -> Report {
    let end = match options.stop_after {
        Some(name) => options.steps.iter().position(|s| s.pass.name == name).map_or(0, |i| i + 1),
        None => options.steps.len(),
    };
    let steps = &options.steps[..end];
    if options.verify {
        assert_eq!(order::broken(options.steps), None);
    }
    let mut report = Report::default();
    if options.time {
        report.times = steps.iter().map(|s| (s.pass.name, Duration::ZERO)).collect();
    }
    if options.notes {
        let program = module.funcs.iter_mut().filter(|f| f.file.is_some());
        program.for_each(|f| f.notes = Some(Box::default()));
    }
    // Rows of function passes go over one function after the other, which keeps it in the cache.
    let mut at = 0;
    while at < steps.len() {
        if let Run::Module(pass) = steps[at].pass.run {
            let start = options.time.then(Instant::now);
            CURRENT.set((steps[at].pass.name, String::new()));
            pass(module, options.library);
            if let Some(start) = start {
                report.times[at].1 += start.elapsed();
            }
            if options.verify {
                module.funcs.iter().for_each(|f| check(module, f, steps[at].pass.name));
            }
            at += 1;
            continue;
        }
        let is_module = |s: &Step| matches!(s.pass.run, Run::Module(_));
        let stop = steps[at..].iter().position(is_module).map_or(steps.len(), |i| at + i);
        let mut funcs = std::mem::take(&mut module.funcs);
        let cx = Context::new(module, options.abilities);
        let times = Mutex::new(report.times.get_mut(at..stop).unwrap_or_default());
        parallel::for_each(&mut funcs, |func| run_row(func, &cx, options, &steps[at..stop], &times));
        module.funcs = funcs;
        at = stop;
    }
    if options.notes {
        (report.counts, report.remarks) = survey::run(module);
    }
    CURRENT.set(("", String::new()));
    report
}

type Times = [(&'static str, Duration)];

fn run_row(func: &mut Function, cx: &Context, options: &Options, row: &[Step], times: &Mutex<&mut Times>) {
    CURRENT.set(("", func.display.clone()));
    for (i, step) in row.iter().enumerate() {
        let Run::Function(pass) = step.pass.run else { unreachable!("rows have function passes only") };
        if step.two_sided && !func.two_sided {
            continue;
        }
        CURRENT.with_borrow_mut(|c| c.0 = step.pass.name);
        let start = options.time.then(Instant::now);
        pass(func, cx);
        if let Some(start) = start {
            let mut times = times.lock().expect("no thread panics while it adds");
            times[i].1 += start.elapsed();
        }
        if options.verify {
            check(cx.module, func, step.pass.name);
        }
    }
    CURRENT.set(("", String::new()));
}

fn check(module: &Module, func: &Function, pass: &str) {
    let violations = verify_function(module, func);
    if let Some(first) = violations.first() {
        panic!("pass {pass} broke a function: {first}\n{}", print_function(module, func));
    }
}

/// Runs single passes by name, verifying after each; for tests. Panics on an unknown name.
pub fn run_named(module: &mut Module, library: &Library, names: &[String]) {
    for name in names {
        let pass = find(name).unwrap_or_else(|| panic!("no pass `{name}`"));
        match pass.run {
            Run::Module(run) => run(module, library),
            Run::Function(run) => {
                let mut funcs = std::mem::take(&mut module.funcs);
                let cx = Context::new(module, Abilities::ALL);
                funcs.iter_mut().for_each(|f| run(f, &cx));
                module.funcs = funcs;
            }
        }
        module.funcs.iter().for_each(|f| check(module, f, name));
    }
}
