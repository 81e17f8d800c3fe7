//! A branch that only chooses which values a block gets becomes a choice of values: nobody can foresee how most
//! such branches go, and what both ways bring is there already, or is made by an op or two that cannot fail. It comes
//! late, since branches teach more than choices do.
//!
//! ```
//! mochi_ir::filetest::becomes("choose", "
//! func @f -> i64 {
//! b0(v0:i64, v1:i64):
//!   v2:i64 = icmp slt v0, v1
//!   brif v2, b1(v0), b1(v1)
//! b1(v3:i64):
//!   ret v3
//! }", "
//! func @f -> i64 {
//! b0(v0:i64, v1:i64):
//!   v2:i64 = icmp slt v0, v1
//!   v4:i64 = select v2, v0, v1
//!   jump b1(v4)
//! b1(v3:i64):
//!   ret v3
//! }");
//! ```

use super::Context;
use crate::func::{Block, BlockCall, Function, Inst, Type};
use crate::ops::Op;

/// Choices that one branch may become.
const MOST: usize = 2;
/// Ops on the way that is not taken are executed, too, if there are no more.
const MOST_AHEAD: usize = 2;

/// Runs the pass.
pub fn run(func: &mut Function, cx: &Context) {
    if !cx.abilities.conditional_moves {
        return;
    }
    let mut entered = vec![0u32; func.blocks.len()];
    for &b in &func.layout {
        func.successors(b).iter().for_each(|e| entered[e.block.index()] += 1);
    }
    let mut changed = false;
    for li in 0..func.layout.len() {
        let block = func.layout[li];
        if func.insts[func.terminator(block).index()].op == Op::Brif && !func.blocks[block.index()].cold {
            changed |= choose(func, &entered, block);
        }
    }
    if changed {
        func.remove_unreachable_blocks();
    }
}

/// Makes the branch of a block a choice, if it is one.
fn choose(func: &mut Function, entered: &[u32], block: Block) -> bool {
    let last = func.terminator(block);
    let data = func.insts[last.index()];
    let condition = func.operands(last)[0];
    let &[so, not] = func.edges_of(last) else { return false };
    // Where both ways meet, and the block that one of them passes.
    let (ahead, so, not) = match (detour(func, entered, so), detour(func, entered, not)) {
        _ if so.block == not.block => (None, so, not),
        (Some(on), _) if on.block == not.block => (Some(so.block), on, not),
        (_, Some(on)) if on.block == so.block => (Some(not.block), so, on),
        _ => return false,
    };
    let types: Vec<Type> = func.blocks[so.block.index()].params.iter().map(|&p| func.ty(p)).collect();
    let (mut args, other) = (func.list(so.args).to_vec(), func.list(not.args).to_vec());
    let differ: Vec<usize> = (0..args.len()).filter(|&k| args[k] != other[k]).collect();
    if differ.len() > MOST || differ.iter().any(|&k| types[k] == Type::F64) {
        return false;
    }
    func.blocks[block.index()].insts.pop();
    if let Some(ahead) = ahead {
        let mut insts = std::mem::take(&mut func.blocks[ahead.index()].insts);
        let jump = insts.pop().expect("a terminator");
        func.blocks[ahead.index()].insts.push(jump);
        func.blocks[block.index()].insts.extend(insts);
    }
    for k in differ {
        let operands = [condition, args[k], other[k]];
        let choice = func.make_inst(Op::Select, &operands, 0, None, Some(types[k]), data.loc);
        func.blocks[block.index()].insts.push(choice);
        args[k] = func.insts[choice.index()].result.expect("a choice is a value");
    }
    let edge = BlockCall { block: so.block, args: func.args(&args), case: 0 };
    let jump = func.make_inst(Op::Jump, &[], 0, None, None, data.loc);
    func.set_edges(jump, &[edge]);
    func.blocks[block.index()].insts.push(jump);
    true
}

/// Where an edge goes through a block of few ops, which nothing else enters, that cannot fail.
fn detour(func: &Function, entered: &[u32], edge: BlockCall) -> Option<BlockCall> {
    let data = &func.blocks[edge.block.index()];
    let (&last, ops) = data.insts.split_last()?;
    let cheap = |i: &Inst| {
        let op = func.insts[i.index()].op;
        op.is_pure() && !matches!(op, Op::Mul | Op::Smulh | Op::Umulh)
    };
    let constant = |i: &&Inst| func.insts[i.index()].op != Op::Iconst;
    let few = ops.iter().filter(constant).count() <= MOST_AHEAD && ops.iter().all(cheap);
    let alone = entered[edge.block.index()] == 1 && data.params.is_empty() && !data.cold;
    (alone && few && func.insts[last.index()].op == Op::Jump).then(|| func.edges_of(last)[0])
}
