//! Twice the program costs twice the work: programs of one construct each ([`shapes`]) are built in
//! two sizes, and what the compiler does for the larger one is bounded by what it does for the other.
//!
//! Judges of the compiler's own (`--verify`) are off: they may take longer.
//!
//! Work is the number of basic blocks that valgrind sees executed, which does not depend on what else
//! the machine does; memory is the most that the compiler says it used. What every program costs is
//! measured with an empty one, and taken off. `MOCHI_GROWTH=name` builds only shapes with that in
//! their names, `MOCHI_GROWTH_SCALE=n` all of them n times as large; `--nocapture` shows the numbers.

#[path = "../common/mod.rs"]
mod common;
mod shapes;

use common::mochi;
use mochi_testkit::{Scratch, have, output, parallel, text, threads};
use shapes::{SHAPES, Shape};
use std::path::Path;
use std::process::Command;

/// How much more a program of twice the size may cost.
const PER_DOUBLING: f64 = 2.3;
/// Doublings between the sizes of a shape.
const DOUBLINGS: i32 = 2;
/// Memory that says nothing: the allocator takes it from the system in pieces.
const NOISE: f64 = 3e6;

/// What building a program costs.
#[derive(Clone, Copy, Debug)]
struct Cost {
    /// Basic blocks executed.
    blocks: f64,
    /// Bytes in use at most.
    memory: f64,
}

fn build(mode: &str, source: &Path) -> Command {
    let mut c = mochi();
    c.args(["build", mode, "-j1", "--verify=false", "--time-passes", "-o"])
        .arg(source.with_extension("out"))
        .arg(source);
    c
}

/// The number in front of some words.
fn number_before(text: &str, words: &str) -> f64 {
    let line =
        text.lines().find_map(|l| l.split_once(words)).unwrap_or_else(|| panic!("no `{words}` in {text}")).0;
    let digits = line.rsplit_once(' ').map_or(line, |(_, last)| last).replace(',', "");
    digits.parse().unwrap_or_else(|e| panic!("{digits}: {e}"))
}

/// Builds a program twice, the second time counted; the compiler's message where it cannot.
fn cost(s: &Scratch, mode: &str, name: &str, program: &str) -> Result<Cost, String> {
    let source = s.write(&format!("{}{mode}.mochi", name.replace(' ', "_")), program);
    let plain = output(&mut build(mode, &source));
    if !plain.status.success() {
        return Err(text(&plain.stderr));
    }
    let memory = number_before(&text(&plain.stderr), " KB  peak memory") * 1e3;
    let inner = build(mode, &source);
    let mut c = Command::new("valgrind");
    c.args(["--tool=none", "--stats=yes", "--vgdb=no"]).arg(inner.get_program()).args(inner.get_args());
    let counted = output(&mut c);
    assert!(counted.status.success(), "{name}: {}", text(&counted.stderr));
    Ok(Cost { blocks: number_before(&text(&counted.stderr), " event checks"), memory })
}

#[test]
fn twice_the_program_is_twice_the_work() {
    if !have("valgrind") {
        return;
    }
    let wanted = std::env::var("MOCHI_GROWTH").unwrap_or_default();
    let scale: usize = std::env::var("MOCHI_GROWTH_SCALE").map_or(1, |s| s.parse().expect("a number"));
    let s = Scratch::new("growth");
    let jobs: Vec<(&Shape, &str)> = SHAPES
        .iter()
        .filter(|shape| shape.name.contains(&wanted))
        .flat_map(|shape| ["-O", "--debug"].map(|mode| (shape, mode)))
        .collect();
    assert!(!jobs.is_empty(), "no shape is named `{wanted}`");
    let bases = ["-O", "--debug"].map(|mode| cost(&s, mode, "empty", "print(1)\n").expect("it builds"));
    let bound = PER_DOUBLING.powi(DOUBLINGS);
    let broken = parallel(threads(), &jobs, |&(shape, mode)| {
        let base = bases[usize::from(mode == "--debug")];
        let costs = [1, 1 << DOUBLINGS].map(|k| {
            let n = shape.size * scale * k;
            cost(&s, mode, &format!("{} {n}", shape.name), &(shape.program)(n))
        });
        let [Ok(small), Ok(large)] = costs else {
            return Some(format!("{} {mode}: not built: {costs:?}", shape.name));
        };
        let work = (large.blocks - base.blocks) / (small.blocks - base.blocks);
        let memory = (large.memory - base.memory).max(0.0) / (small.memory - base.memory).max(NOISE);
        println!(
            "{:40} {mode:8} {:7.2} M blocks x{work:.2} {:6.1} MB x{memory:.2}",
            format!("{} {}", shape.name, shape.size * scale),
            (small.blocks - base.blocks) / 1e6,
            small.memory / 1e6,
        );
        let broken = work > bound || memory > bound;
        broken.then(|| format!("{} {mode}: work x{work:.2}, memory x{memory:.2}", shape.name))
    });
    let broken: Vec<String> = broken.into_iter().flatten().collect();
    assert!(broken.is_empty(), "more than x{bound:.2} for {DOUBLINGS} doublings:\n{}", broken.join("\n"));
}
