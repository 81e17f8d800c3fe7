//! The order in which blocks are emitted, after allocation.
//!
//! Hot blocks come first, in the order of allocation, then cold ones. A block that is only a jump
//! is not emitted: branches to it go where it goes. Moves on the way out of a loop are placed
//! where they lead to. A loop that is entered at its test gets the test at its end, so that one
//! jump per iteration is enough.

use crate::mach::Isa;
use crate::mach::code::Code;
use regalloc2::{Edit, Output, ProgPoint};

/// Where blocks go.
pub struct Layout {
    /// For each block the block a jump to it ends up in.
    pub target: Vec<u32>,
    /// Emitted blocks in order.
    pub order: Vec<u32>,
}

impl Layout {
    /// Lays out the blocks of allocated code; `clears` says which of them do something else besides.
    pub fn new<I: Isa>(code: &Code<I>, output: &Output, clears: impl Fn(usize) -> bool) -> Layout {
        let target = jump_targets(code, output, clears);
        let kept = |&b: &u32| target[b as usize] == b;
        let all = 0..code.blocks.len() as u32;
        let hot = all.clone().filter(|&b| !code.blocks[b as usize].cold).filter(kept).collect();
        let mut order = place_exits(code, &target, hot);
        rotate_loops(code, &target, &mut order);
        order.extend(all.filter(|&b| code.blocks[b as usize].cold).filter(kept));
        Layout { target, order }
    }
}

/// For each block the block a jump to it ends up in: blocks without code are looked through.
fn jump_targets<I: Isa>(code: &Code<I>, output: &Output, clears: impl Fn(usize) -> bool) -> Vec<u32> {
    let mut target: Vec<u32> = (0..code.blocks.len() as u32).collect();
    for b in (1..code.blocks.len()).rev() {
        let block = &code.blocks[b];
        if block.end - block.first != 1 || code.succs(b).len() != 1 || clears(b) {
            continue;
        }
        let first = ProgPoint::before(regalloc2::Inst::new(block.first as usize));
        let end = ProgPoint::before(regalloc2::Inst::new(block.end as usize));
        let from = output.edits.partition_point(|(p, _)| *p < first);
        let moves = output.edits[from..]
            .iter()
            .take_while(|(p, _)| *p < end)
            .any(|(_, Edit::Move { from, to })| from != to);
        // Following the successor's own target; a circle of empty blocks keeps its last member.
        let to = follow(&target, code.succs(b)[0].index() as u32);
        if !moves && to != b as u32 {
            target[b] = to;
        }
    }
    (0..target.len() as u32).map(|b| follow(&target, b)).collect()
}

fn follow(target: &[u32], mut b: u32) -> u32 {
    while target[b as usize] != b {
        b = target[b as usize];
    }
    b
}

/// The only successor of a block that ends in a jump.
fn only_successor<I: Isa>(code: &Code<I>, target: &[u32], b: u32) -> Option<u32> {
    match code.succs(b as usize) {
        [s] => Some(target[s.index()]),
        _ => None,
    }
}

/// Takes the moves on exits of loops out of the loops: before the block they lead to, unless
/// another block falls into that one; else behind everything.
fn place_exits<I: Isa>(code: &Code<I>, target: &[u32], order: Vec<u32>) -> Vec<u32> {
    if !order.iter().any(|&b| code.blocks[b as usize].exit) {
        return order;
    }
    let (exits, rest): (Vec<u32>, Vec<u32>) = order.into_iter().partition(|&b| code.blocks[b as usize].exit);
    let mut before = vec![u32::MAX; code.blocks.len()];
    let mut falls_into = vec![false; code.blocks.len()];
    for pair in rest.windows(2) {
        falls_into[pair[1] as usize] = only_successor(code, target, pair[0]) == Some(pair[1]);
    }
    let mut behind = Vec::new();
    for e in exits {
        let to = target[code.succs(e as usize)[0].index()] as usize;
        if falls_into[to] || before[to] != u32::MAX || code.blocks[to].cold {
            behind.push(e);
        } else {
            before[to] = e;
        }
    }
    let mut order = Vec::with_capacity(rest.len() + behind.len());
    for b in rest {
        if before[b as usize] != u32::MAX {
            order.push(before[b as usize]);
        }
        order.push(b);
    }
    order.extend(behind);
    order
}

/// Moves headers that end in a test behind the last block of their loop, when that block jumps
/// back to the header and the header falls into the loop.
fn rotate_loops<I: Isa>(code: &Code<I>, target: &[u32], order: &mut [u32]) {
    let mut position = vec![u32::MAX; code.blocks.len()];
    for (i, &b) in order.iter().enumerate() {
        position[b as usize] = i as u32;
    }
    for last in (1..order.len()).rev() {
        let Some(header) = only_successor(code, target, order[last]) else { continue };
        let first = position[header as usize] as usize;
        if first == 0 || first >= last || code.succs(header as usize).len() != 2 {
            continue;
        }
        let place = |k: usize| position[target[code.succs(header as usize)[k].index()] as usize];
        let inside = |p: u32| (first as u32 + 1..=last as u32).contains(&p);
        let falls = place(0) == first as u32 + 1 || place(1) == first as u32 + 1;
        if falls && inside(place(0)) != inside(place(1)) {
            order[first..=last].rotate_left(1);
            for (i, &b) in order[first..=last].iter().enumerate() {
                position[b as usize] = (first + i) as u32;
            }
        }
    }
}
