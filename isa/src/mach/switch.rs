//! Multi-way branches: jump tables for dense cases, binary search otherwise.

use crate::mach::operands::{list, named_operands};
use crate::mach::{Emitter, Flow, Isa, Label, Lower, MachInst, Operands};
use mochi_ir::{Function, Inst};
use regalloc2::{Operand, PReg};

/// A way to find the case of a value. Numbers are edges of the terminator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Compare with each value in turn, then go to the default.
    Chain(Vec<(i64, u32)>),
    /// Values below (signed) the bound are in the first plan, others in the second.
    Split(i64, Box<Plan>, Box<Plan>),
    /// Values from the first on index the table; outside it is the default, edge 0.
    Table(i64, Vec<u32>),
}

/// Cases up to which a chain of compares is used.
const CHAIN: usize = 4;

named_operands! {
    /// What a multi-way branch works with.
    Case {
        /// The word, where machines have registers of their own for the rest.
        Word {} (word: R),
        /// The word, and registers that may be destroyed.
        Scratch {} (word: R, first: R, second: R),
    }
}

/// What an instruction set adds.
pub trait Switches: Isa {
    /// The allocator has to find two registers that may be destroyed.
    const SCRATCH: bool;

    /// Goes to the target when the word is equal to or (`less`) less than a constant, signed.
    fn branch_case(e: &mut Emitter<Self>, case: &Case<PReg>, less: bool, c: i64, target: Label);
    /// Goes to the place in the table of `size` entries, whose index is the word minus `first`, or
    /// to the default.
    fn branch_table(
        e: &mut Emitter<Self>,
        case: &Case<PReg>,
        first: i64,
        size: i64,
        table: Label,
        default: Label,
    );
}

impl<R: Copy> Case<R> {
    /// The word.
    pub fn word(&self) -> R {
        let (Case::Word { word } | Case::Scratch { word, .. }) = *self;
        word
    }
}

/// Selects `switch`.
pub fn lower<I: Switches>(l: &mut Lower<I>, inst: Inst) {
    let plan = plan(l.func, inst);
    let word = Operand::reg_use(l.reg(l.operands(inst)[0]));
    let case = if I::SCRATCH {
        Case::Scratch { word, first: Operand::reg_temp(l.int()), second: Operand::reg_temp(l.int()) }
    } else {
        Case::Word { word }
    };
    let mut ops = Operands::new();
    let case = list(case, &mut ops);
    l.push(MachInst::Switch(Box::new(plan), case), Flow::Branch, ops.list());
}

/// The plan of a `switch`.
pub fn plan(func: &Function, inst: Inst) -> Plan {
    let cases = func.edges_of(inst).iter().enumerate().skip(1);
    plan_cases(cases.map(|(i, e)| (e.case, i as u32)).collect())
}

/// Emits a plan. `next` is the block emitted next.
pub fn emit<I: Switches>(
    e: &mut Emitter<I>,
    plan: &Plan,
    case: &Case<PReg>,
    targets: &[Label],
    next: Option<Label>,
) {
    match plan {
        Plan::Chain(cases) => {
            for &(c, edge) in cases {
                I::branch_case(e, case, false, c, targets[edge as usize]);
            }
            e.jump_unless_next(targets[0], next);
        }
        Plan::Split(at, low, high) => {
            let below = e.buf.label();
            I::branch_case(e, case, true, *at, below);
            emit(e, high, case, targets, None);
            e.buf.bind(below);
            emit(e, low, case, targets, next);
        }
        Plan::Table(first, edges) => {
            let table = e.add_table(edges.iter().map(|&edge| targets[edge as usize]).collect());
            I::branch_table(e, case, *first, edges.len() as i64, table, targets[0]);
        }
    }
}

/// Makes a plan for cases (value, edge).
fn plan_cases(mut cases: Vec<(i64, u32)>) -> Plan {
    cases.sort_unstable();
    cases.dedup_by_key(|c| c.0);
    split(&cases)
}

fn split(cases: &[(i64, u32)]) -> Plan {
    if cases.len() <= CHAIN {
        return Plan::Chain(cases.to_vec());
    }
    let (first, last) = (cases[0].0, cases[cases.len() - 1].0);
    let span = last.wrapping_sub(first) as u64;
    if span < cases.len() as u64 * 2 + 8 {
        let mut table = vec![0; span as usize + 1];
        for &(value, edge) in cases {
            table[value.wrapping_sub(first) as usize] = edge;
        }
        return Plan::Table(first, table);
    }
    let middle = cases.len() / 2;
    Plan::Split(cases[middle].0, Box::new(split(&cases[..middle])), Box::new(split(&cases[middle..])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(plan: &Plan, v: i64) -> u32 {
        match plan {
            Plan::Chain(c) => c.iter().find(|c| c.0 == v).map_or(0, |c| c.1),
            Plan::Split(at, low, high) => find(if v < *at { low } else { high }, v),
            Plan::Table(first, t) => *t.get(v.wrapping_sub(*first) as u64 as usize).unwrap_or(&0),
        }
    }

    #[test]
    fn plans_find_their_cases() {
        let dense: Vec<i64> = (10..30).collect();
        let sparse: Vec<i64> = (0..50).map(|k| k * 1000 - 20_000).collect();
        let extreme = vec![i64::MIN, i64::MAX, 0, 1, 2, 3, 4, 5];
        for values in [dense, sparse, extreme, vec![], vec![7]] {
            let cases: Vec<(i64, u32)> = values.iter().enumerate().map(|(i, &v)| (v, i as u32 + 1)).collect();
            let p = plan_cases(cases.clone());
            for &(v, edge) in &cases {
                assert_eq!(find(&p, v), edge);
                for near in [v.wrapping_sub(1), v.wrapping_add(1)] {
                    let expect = cases.iter().find(|c| c.0 == near).map_or(0, |c| c.1);
                    assert_eq!(find(&p, near), expect);
                }
            }
        }
    }
}
