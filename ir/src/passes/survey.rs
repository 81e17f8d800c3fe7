//! What is left when all passes have run, for those who want to know ([`crate::notes`]): exact ops, calls, and
//! checks, which are branches from likely to unlikely code.
//!
//! Remarks are about what each iteration of a loop does. Before a loop with two sides there is code that is in a
//! loop only because the twin goes back to it; so a loop counts when likely code does.

use super::twin::Checks;
use crate::cfg::{Cfg, DomTree, Loops};
use crate::func::{Block, Function, Inst};
use crate::module::Module;
use crate::notes::{Count, Counts, Exact, Notes, Remark};
use crate::ops::{Cond, Op};
use crate::parallel;

/// Looks at the functions, and gives what was noted of all of them, remarks by place.
pub(super) fn run(module: &mut Module) -> (Counts, Vec<Remark>) {
    let mut program = vec![false; module.syms.len()];
    module.funcs.iter().filter(|f| f.file.is_some()).for_each(|f| program[f.sym.0 as usize] = true);
    let mut funcs = std::mem::take(&mut module.funcs);
    parallel::for_each(&mut funcs, |func| {
        if let Some(mut notes) = func.notes.take() {
            function(func, &mut notes, &program, module.sym(func.sym).attributes.cold);
            func.notes = Some(notes);
        }
    });
    let (mut counts, mut remarks) = (Counts::default(), Vec::new());
    for func in &mut funcs {
        if let Some(notes) = func.notes.take() {
            counts.merge(&notes.counts);
            remarks.extend(notes.remarks(func));
        }
    }
    module.funcs = funcs;
    remarks.sort();
    remarks.dedup();
    (counts, remarks)
}

fn function(func: &Function, notes: &mut Notes, program: &[bool], seldom: bool) {
    let repeated = repeated(func);
    for &b in &func.layout {
        let cold = seldom || func.blocks[b.index()].cold;
        let repeated = !cold && repeated[b.index()];
        for &inst in &func.blocks[b.index()].insts {
            let data = &func.insts[inst.index()];
            if data.op == Op::Call && data.sym.is_some_and(|s| program[s.0 as usize]) {
                notes.counts.add(Count::CallsLeft);
            }
            if data.op.is_int() {
                notes.counts.add_exact(if cold { Exact::Cold } else { Exact::Warm }, data.op);
                if repeated && let Some(text) = exact(func, inst) {
                    notes.remark(data.loc, text);
                }
            }
        }
        let last = func.terminator(b);
        let Some(check) = check(func, last).filter(|_| !cold) else { continue };
        notes.counts.add(Count::Branches);
        if matches!(check, Check::Index) {
            notes.counts.add(Count::Indices);
        }
        if repeated && let Some(text) = check.text() {
            notes.remark(func.insts[last.index()].loc, text);
        }
    }
}

/// Whether the innermost loop around a block is one that likely code repeats.
fn repeated(func: &Function) -> Vec<bool> {
    let cfg = Cfg::new(func);
    let dom = DomTree::new(func, &cfg);
    let loops = Loops::new(func, &cfg, &dom);
    let repeats = |header: Block| {
        let latch = |b: Block| dom.dominates(header, b) && !func.blocks[b.index()].cold;
        cfg.preds(header).iter().any(|p| latch(p.block))
    };
    let repeats: Vec<bool> = loops.loops.iter().map(|l| repeats(l.header)).collect();
    let in_one = |b: usize| loops.innermost(Block(b as u32)).is_some_and(|l| repeats[l as usize]);
    (0..func.blocks.len()).map(in_one).collect()
}

/// What an exact op still has to test.
fn exact(func: &Function, inst: Inst) -> Option<String> {
    let checks = Checks::of(func, inst)?;
    let op = func.insts[inst.index()].op;
    let mut big = Vec::new();
    if checks.operands.iter().any(Option::is_some) {
        big.push("an operand");
    }
    if checks.overflow {
        big.push("the result");
    }
    let mut why = Vec::new();
    if !big.is_empty() {
        why.push(format!("{} may be no small int", big.join(" and ")));
    }
    if checks.divisor {
        why.push("the divisor may be 0".to_string());
    }
    Some(format!("{} is exact in each iteration: {}", noun(op), why.join(", ")))
}

fn noun(op: Op) -> &'static str {
    match op {
        Op::IntAdd | Op::Add => "addition",
        Op::IntSub | Op::Sub => "subtraction",
        Op::IntMul | Op::Mul => "multiplication",
        Op::IntDiv => "division",
        Op::IntMod => "remainder",
        Op::IntNeg => "negation",
        _ => "comparison",
    }
}

/// What a branch to unlikely code asks.
enum Check {
    /// Whether the result of this op on words fits.
    Fits(Op),
    /// Whether a word is no small int.
    Tag,
    /// Whether an index, which a tagged int becomes by a shift, is beyond its limit.
    Index,
    Other,
}

/// The check that a branch is: one side of it is unlikely.
fn check(func: &Function, branch: Inst) -> Option<Check> {
    if func.insts[branch.index()].op != Op::Brif {
        return None;
    }
    let unlikely = func.edges_of(branch).iter().filter(|e| func.blocks[e.block.index()].cold).count();
    if unlikely != 1 {
        return None;
    }
    let Some(def) = func.def_inst(func.operands(branch)[0]) else { return Some(Check::Other) };
    let (data, args) = (&func.insts[def.index()], func.operands(def));
    if let Some(row) = data.op.overflow_of() {
        return Some(Check::Fits(row));
    }
    let halved = |k: usize| {
        func.def_inst(args[k]).is_some_and(|d| {
            let by = func.operands(d).get(1).and_then(|&v| func.as_iconst(v));
            matches!(func.insts[d.index()].op, Op::Rotr | Op::Ushr) && by == Some(1)
        })
    };
    let one = |k: usize| func.as_iconst(args[k]) == Some(1);
    Some(match data.op {
        Op::And if one(0) || one(1) => Check::Tag,
        Op::Icmp => match Cond::from_imm(data.imm) {
            Cond::Ult | Cond::Ule | Cond::Ugt | Cond::Uge if halved(0) || halved(1) => Check::Index,
            _ => Check::Other,
        },
        _ => Check::Other,
    })
}

impl Check {
    fn text(self) -> Option<String> {
        Some(match self {
            Check::Fits(op) => {
                format!("{} is tested in each iteration: the result may be no small int", noun(op))
            }
            Check::Tag => "a value is tested in each iteration: it may be no small int".to_string(),
            Check::Index => "index is tested in each iteration: it may be out of range".to_string(),
            Check::Other => return None,
        })
    }
}
