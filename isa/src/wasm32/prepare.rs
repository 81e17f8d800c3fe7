//! Makes a function fit for structured control flow: edges of a `switch` carry no arguments, and
//! every cycle has one entry (the graph is reducible).
//!
//! Method for cycles: the strongly connected components of the graph, then of each component
//! without its entry, and so on. A component with several entries gets a *dispatcher*, a block that
//! all edges to the entries go through: its first parameter says to which of them, the others are
//! the parameters of all entries. What dominates an entry lies outside of the component and so
//! dominates them all, so no value loses its definition. Functions that need nothing of this, nearly
//! all, are not copied.

use mochi_ir::cfg::{Cfg, DomTree};
use mochi_ir::func::BlockCall;
use mochi_ir::{Block, Function, Op, SrcLoc, Type, Value};
use std::borrow::Cow;

/// The function in the form that the rest of this folder asks for.
pub fn prepare(func: &Function) -> Cow<'_, Function> {
    let mut func = Cow::Borrowed(func);
    split_switch_edges(&mut func);
    let cfg = Cfg::new(&func);
    let dom = DomTree::new(&func, &cfg);
    let backward = |from: Block, to: Block| cfg.rpo_index[to.index()] <= cfg.rpo_index[from.index()];
    let reducible = cfg
        .rpo
        .iter()
        .all(|&b| func.successors(b).iter().all(|e| !backward(b, e.block) || dom.dominates(e.block, b)));
    if !reducible {
        let reduced = func.to_mut();
        reduced.remove_unreachable_blocks();
        dispatch(reduced);
        // What now leads to a dispatcher tells it where to go on.
        split_switch_edges(&mut func);
    }
    func
}

/// Gives a block of its own to every edge of a `switch` that has arguments.
fn split_switch_edges(func: &mut Cow<Function>) {
    for at in 0..func.layout.len() {
        let inst = func.terminator(func.layout[at]);
        if func.insts[inst.index()].op != Op::Switch {
            continue;
        }
        for k in 0..func.edges_of(inst).len() {
            let edge = func.edges_of(inst)[k];
            if edge.args.len == 0 {
                continue;
            }
            let func = func.to_mut();
            let block = func.add_block();
            func.blocks[block.index()].cold = func.blocks[edge.block.index()].cold;
            let loc = func.insts[inst.index()].loc;
            jump(func, block, edge.block, edge, loc);
            let slot = func.insts[inst.index()].edges.start as usize + k;
            func.edges[slot] = BlockCall { block, args: Default::default(), case: edge.case };
        }
    }
}

/// Ends a block with a jump along `edge` (whatever its case).
fn jump(func: &mut Function, from: Block, to: Block, edge: BlockCall, loc: SrcLoc) {
    let inst = func.make_inst(Op::Jump, &[], 0, None, None, loc);
    func.set_edges(inst, &[BlockCall { block: to, case: 0, ..edge }]);
    func.blocks[from.index()].insts.push(inst);
}

/// A set of blocks without the header of the cycle they are in.
struct Region {
    blocks: Vec<Block>,
    header: Option<Block>,
}

/// Adds dispatchers to a function whose blocks are all reachable. A block is looked at once for each cycle
/// around it.
fn dispatch(func: &mut Function) {
    let mut marks = Marks { number: Vec::new(), low: Vec::new() };
    let mut work = vec![Region { blocks: func.layout.clone(), header: None }];
    while let Some(region) = work.pop() {
        for mut component in components(func, &region.blocks, &mut marks) {
            // Edges into a component come from the cycle around it only: that has one entry, its header.
            let around = || region.blocks.iter().chain(&region.header).copied();
            let entries = entries(func, &component, around(), &mut marks);
            let header = match entries[..] {
                [] => func.entry(),
                [one] => one,
                _ => {
                    let made = dispatcher(func, &entries, &component, around());
                    component.extend(&made);
                    made[0]
                }
            };
            component.retain(|b| *b != header);
            work.push(Region { blocks: component, header: Some(header) });
        }
    }
}

const UNSEEN: u32 = u32::MAX;
const DONE: u32 = u32::MAX - 1;

/// Numbers by block, kept for the next region: all are `DONE` between uses, so that edges to blocks outside
/// of what is looked at are not followed.
struct Marks {
    number: Vec<u32>,
    low: Vec<u32>,
}

/// The strongly connected components with a cycle of the subgraph of these blocks (Tarjan 1972, with
/// a stack of its own).
fn components(func: &Function, region: &[Block], marks: &mut Marks) -> Vec<Vec<Block>> {
    marks.number.resize(func.blocks.len(), DONE);
    marks.low.resize(func.blocks.len(), 0);
    let Marks { number, low } = marks;
    region.iter().for_each(|b| number[b.index()] = UNSEEN);
    let (mut next, mut open, mut result) = (0, Vec::new(), Vec::new());
    for &root in region {
        if number[root.index()] != UNSEEN {
            continue;
        }
        let mut stack = vec![(root, 0)];
        while let Some((block, edge)) = stack.last_mut() {
            let b = *block;
            if *edge == 0 {
                (number[b.index()], low[b.index()]) = (next, next);
                next += 1;
                open.push(b);
            }
            if let Some(e) = func.successors(b).get(*edge) {
                *edge += 1;
                match number[e.block.index()] {
                    UNSEEN => stack.push((e.block, 0)),
                    DONE => {}
                    n => low[b.index()] = low[b.index()].min(n),
                }
                continue;
            }
            stack.pop();
            if let Some((parent, _)) = stack.last() {
                low[parent.index()] = low[parent.index()].min(low[b.index()]);
            }
            if low[b.index()] == number[b.index()] {
                let at = open.iter().rposition(|o| *o == b).expect("open");
                let component = open.split_off(at);
                component.iter().for_each(|c| number[c.index()] = DONE);
                if component.len() > 1 || func.successors(b).iter().any(|e| e.block == b) {
                    result.push(component);
                }
            }
        }
    }
    result
}

/// Blocks of a component that edges from outside lead to, in order of id; `around` are the blocks where such
/// edges start, and the component.
fn entries(
    func: &Function,
    component: &[Block],
    around: impl Iterator<Item = Block>,
    marks: &mut Marks,
) -> Vec<Block> {
    marks.number.resize(func.blocks.len(), DONE);
    component.iter().for_each(|b| marks.number[b.index()] = UNSEEN);
    let inside = |b: &Block| marks.number[b.index()] == UNSEEN;
    let outer = around.filter(|b| !inside(b));
    let mut entries: Vec<Block> =
        outer.flat_map(|b| func.successors(b)).map(|e| e.block).filter(inside).collect();
    if inside(&func.entry()) {
        entries.push(func.entry());
    }
    component.iter().for_each(|b| marks.number[b.index()] = DONE);
    entries.sort_unstable();
    entries.dedup();
    entries
}

/// Leads every edge to one of the entries through a new block; all of them start in blocks `around`. The
/// blocks it made are returned, that one first.
fn dispatcher(
    func: &mut Function,
    entries: &[Block],
    component: &[Block],
    around: impl Iterator<Item = Block>,
) -> Vec<Block> {
    let d = func.add_block();
    let which = func.add_param(d, Type::I64);
    // The dispatcher's parameters for each entry.
    let params: Vec<Vec<Value>> = entries
        .iter()
        .map(|e| {
            let types: Vec<Type> = func.blocks[e.index()].params.iter().map(|&p| func.ty(p)).collect();
            types.into_iter().map(|ty| func.add_param(d, ty)).collect()
        })
        .collect();
    let loc = func.insts[func.terminator(component[0]).index()].loc;
    for b in around {
        let range = func.insts[func.terminator(b).index()].edges;
        for at in range.start as usize..(range.start + range.len) as usize {
            let edge = func.edges[at];
            let Some(k) = entries.iter().position(|e| *e == edge.block) else { continue };
            let mut args = vec![constant(func, b, Type::I64, k as i64)];
            for (j, list) in params.iter().enumerate() {
                if j == k {
                    args.extend_from_slice(func.list(edge.args));
                } else {
                    // Nobody reads them on this path.
                    args.extend(list.iter().map(|&p| constant(func, b, func.ty(p), 0)).collect::<Vec<_>>());
                }
            }
            func.edges[at] = BlockCall { args: func.args(&args), block: d, case: edge.case };
        }
    }
    // A chain of branches: edges of a `switch` have no arguments.
    let mut made = vec![d];
    let mut from = d;
    for (k, list) in params.iter().enumerate() {
        let edge = func.edge(entries[k], list);
        if k + 1 == params.len() {
            jump(func, from, entries[k], edge, loc);
            break;
        }
        let value = constant(func, from, Type::I64, k as i64);
        let test =
            func.make_inst(Op::Icmp, &[which, value], mochi_ir::Cond::Eq as i64, None, Some(Type::I64), loc);
        func.blocks[from.index()].insts.push(test);
        let test = func.insts[test.index()].result.expect("a comparison has a result");
        let branch = func.make_inst(Op::Brif, &[test], 0, None, None, loc);
        let rest = func.add_block();
        let other = func.edge(rest, &[]);
        func.set_edges(branch, &[edge, other]);
        func.blocks[from.index()].insts.push(branch);
        made.push(rest);
        from = rest;
    }
    made
}

/// A constant at the end of a block, before its terminator if it has one.
fn constant(func: &mut Function, block: Block, ty: Type, c: i64) -> Value {
    let op = if ty == Type::F64 { Op::Fconst } else { Op::Iconst };
    let inst = func.make_inst(op, &[], c, None, Some(ty), SrcLoc::NONE);
    let list = &mut func.blocks[block.index()].insts;
    let ended = list.last().is_some_and(|&i| func.insts[i.index()].op.is_terminator());
    list.insert(list.len() - usize::from(ended), inst);
    func.insts[inst.index()].result.expect("a constant has a result")
}
