//! What values that are no longer needed leave in registers and frames.
//!
//! The collector takes every word of the stack and every register for a reference. A dead one that stays
//! while a loop runs keeps alive what it refers to, and of a queue everything that was ever appended. So
//! whoever enters a loop in which objects are made clears the places that are dead there and may hold a reference
//! of the function's own, or one that a call has left, unless every iteration writes them. Places are registers, spill slots, and the slots
//! of values that live in the frame ([`super::homes`]).
//!
//! What stays: places that die in a branch within an iteration, until the loop is entered again; those of callers;
//! what earlier calls have left where nothing has been written yet.

use crate::mach::Isa;
use crate::mach::code::Code;
use mochi_ir::cfg::immediate_dominators;
use regalloc2::{Allocation, Block, Edit, InstOrEdit, OperandKind, Output, PReg, RegClass, SpillSlot};
use std::ops::Range;

/// Sets for all blocks have at most so many words (8 MB, and there are two of them): they grow with the square
/// of a function, so in larger ones what is dead stays.
const LIMIT: usize = 1 << 20;
/// Numbers of places: integer registers, then slots in the order of the frame, spills before values that live
/// there.
const REGISTERS: usize = 64;

/// What a place is, for those who clear it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Location {
    /// A register.
    Register(PReg),
    /// A slot of the frame.
    Slot(usize),
}

/// The places to clear at the end of each block that enters a loop, no more than the function has instructions;
/// empty when there are none at all.
pub type Stale = Vec<Vec<Location>>;

/// A set of places.
type Set = [u64];

/// A set of places for each block.
struct Sets {
    width: usize,
    words: Vec<u64>,
}

impl Sets {
    fn new(blocks: usize, width: usize) -> Sets {
        Sets { width, words: vec![0; blocks * width] }
    }

    fn of(&self, block: usize) -> &Set {
        &self.words[block * self.width..][..self.width]
    }

    /// Whether this changes the block's set.
    fn set(&mut self, block: usize, set: &Set) -> bool {
        let old = &mut self.words[block * self.width..][..self.width];
        let changed = old != set;
        old.copy_from_slice(set);
        changed
    }
}

/// What a block does with places; lists are ranges of those of [`Accesses`].
#[derive(Clone, Default)]
struct BlockAccesses {
    /// Read before they are written.
    reads: Range<usize>,
    /// Written.
    writes: Range<usize>,
    /// Registers that are not needed after a call, which may keep what is in them.
    destroys: u64,
    /// What is in them at the end may be a reference that the block has made or loaded.
    dirty: Range<usize>,
    /// At the end they hold what other places held at the start.
    copies: Range<usize>,
}

/// What the blocks do with places.
#[derive(Default)]
struct Accesses {
    blocks: Vec<BlockAccesses>,
    reads: Vec<usize>,
    writes: Vec<usize>,
    dirty: Vec<usize>,
    copies: Vec<(usize, usize)>,
}

impl Accesses {
    fn reads(&self, block: usize) -> &[usize] {
        &self.reads[self.blocks[block].reads.clone()]
    }

    fn writes(&self, block: usize) -> &[usize] {
        &self.writes[self.blocks[block].writes.clone()]
    }

    fn dirty(&self, block: usize) -> &[usize] {
        &self.dirty[self.blocks[block].dirty.clone()]
    }

    fn copies(&self, block: usize) -> &[(usize, usize)] {
        &self.copies[self.blocks[block].copies.clone()]
    }
}

/// What is in a place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    /// No reference.
    Clean,
    /// A reference, perhaps.
    Dirty,
    /// What was in a place at the start of the block.
    Start(usize),
}

/// A loop in which objects are made.
struct Loop {
    header: usize,
    /// Places that every iteration writes.
    renewed: Vec<u64>,
}

/// Finds the places to clear.
pub fn find<'a, I: Isa>(code: &'a Code<I>, output: &Output) -> Stale {
    let headers = making_loops(code);
    let width = (REGISTERS + output.num_spillslots + code.homes as usize).div_ceil(64);
    if headers.is_empty() || width * code.blocks.len() > LIMIT {
        return Stale::new();
    }
    let accesses = accesses(code, output, 64 * width);
    let live = live_at_start(code, &accesses, width);
    let numbers = |list: &'a [Block]| list.iter().map(|b| b.index() as u32);
    let dominators = immediate_dominators(
        code.blocks.len(),
        |b| numbers(code.succs(b as usize)),
        |b| numbers(code.preds(b as usize)),
    );
    let loops: Vec<Loop> = headers
        .into_iter()
        .map(|header| Loop { header, renewed: renewed(code, &accesses, &dominators, header, width) })
        .collect();
    clear(code, &accesses, &live, &loops)
}

fn insert(set: &mut Set, place: usize) {
    set[place / 64] |= 1 << (place % 64);
}

fn remove(set: &mut Set, place: usize) {
    set[place / 64] &= !(1 << (place % 64));
}

fn contains(set: &Set, place: usize) -> bool {
    set[place / 64] >> (place % 64) & 1 != 0
}

fn unite(set: &mut Set, other: &Set) {
    set.iter_mut().zip(other).for_each(|(s, o)| *s |= o);
}

/// The number of a place; none of a float register.
fn number(a: Allocation) -> Option<usize> {
    match a.as_reg() {
        Some(r) => (r.class() == RegClass::Int).then_some(r.hw_enc()),
        None => a.as_stack().map(|s| REGISTERS + s.index()),
    }
}

/// Headers of the loops in which objects are made.
pub fn making_loops<I: Isa>(code: &Code<I>) -> Vec<usize> {
    let last = |h: usize| code.preds(h).iter().map(|p| p.index()).filter(|&p| p >= h).max();
    let mut headers = (0..code.blocks.len()).filter_map(|h| last(h).map(|l| (h, l))).peekable();
    if headers.peek().is_none() {
        return Vec::new();
    }
    let mut calls = Vec::with_capacity(code.blocks.len() + 1);
    calls.push(0u32);
    for b in &code.blocks {
        calls.push(calls[calls.len() - 1] + u32::from(b.makes_objects));
    }
    headers.filter(|&(h, l)| calls[l + 1] > calls[h]).map(|(h, _)| h).collect()
}

/// Follows a block.
struct Walk {
    accesses: Accesses,
    /// What the block does so far.
    block: BlockAccesses,
    content: Vec<Content>,
    /// Whether the block has written a place.
    written: Vec<bool>,
}

/// What each block does.
fn accesses<I: Isa>(code: &Code<I>, output: &Output, places: usize) -> Accesses {
    let content = (0..places).map(Content::Start).collect();
    let (accesses, block) = (Accesses::default(), BlockAccesses::default());
    let mut w = Walk { accesses, block, content, written: vec![false; places] };
    for b in 0..code.blocks.len() {
        w.start();
        for item in output.block_insts_and_edits(code, Block::new(b)) {
            match item {
                InstOrEdit::Edit(Edit::Move { from, to }) => w.copy(*from, *to),
                InstOrEdit::Inst(inst) => w.inst(code, output, inst),
            }
        }
        w.finish();
    }
    w.accesses
}

impl Walk {
    fn start(&mut self) {
        let empty = |end: usize| end..end;
        let e = &self.accesses;
        self.block = BlockAccesses {
            reads: empty(e.reads.len()),
            writes: empty(e.writes.len()),
            destroys: 0,
            dirty: empty(e.dirty.len()),
            copies: empty(e.copies.len()),
        };
    }

    fn copy(&mut self, from: Allocation, to: Allocation) {
        self.read(from);
        let content = number(from).map_or(Content::Clean, |place| self.content[place]);
        self.write(to, content);
    }

    fn inst<I: Isa>(&mut self, code: &Code<I>, output: &Output, inst: regalloc2::Inst) {
        if let Some(home) = code.insts[inst.index()].as_home() {
            let slot = Allocation::stack(SpillSlot::new(output.num_spillslots + home.slot as usize));
            let register = output.inst_allocs(inst)[0];
            return if home.store { self.copy(register, slot) } else { self.copy(slot, register) };
        }
        let operands = || code.operands_of(inst.index()).iter().zip(output.inst_allocs(inst));
        operands().filter(|(op, _)| op.kind() == OperandKind::Use).for_each(|(_, &a)| self.read(a));
        for r in &code.clobber_sets[code.meta[inst.index()].clobbers as usize] {
            if let Some(place) = number(Allocation::reg(r)) {
                self.block.destroys |= 1 << place;
                // Callees leave there what they have looked at.
                self.content[place] = Content::Dirty;
            }
        }
        for (op, &a) in operands().filter(|(op, _)| op.kind() == OperandKind::Def) {
            let root = code.roots[op.vreg().vreg()];
            self.write(a, if root { Content::Dirty } else { Content::Clean });
        }
    }

    fn read(&mut self, a: Allocation) {
        if let Some(place) = number(a)
            && !self.written[place]
            && (place >= REGISTERS || self.block.destroys >> place & 1 == 0)
        {
            self.accesses.reads.push(place);
        }
    }

    fn write(&mut self, a: Allocation, content: Content) {
        let Some(place) = number(a) else { return };
        if !std::mem::replace(&mut self.written[place], true) {
            self.accesses.writes.push(place);
        }
        self.content[place] = content;
    }

    fn finish(&mut self) {
        let e = &mut self.accesses;
        self.block.writes.end = e.writes.len();
        for &place in &e.writes[self.block.writes.clone()] {
            self.written[place] = false;
            match std::mem::replace(&mut self.content[place], Content::Start(place)) {
                Content::Clean => {}
                Content::Dirty => e.dirty.push(place),
                Content::Start(from) => e.copies.push((place, from)),
            }
        }
        for place in ones(self.block.destroys) {
            if self.content[place] == Content::Dirty {
                self.content[place] = Content::Start(place);
                e.dirty.push(place);
            }
        }
        self.block.reads.end = e.reads.len();
        self.block.dirty.end = e.dirty.len();
        self.block.copies.end = e.copies.len();
        e.blocks.push(self.block.clone());
    }
}

/// The places that are read after the start of each block before they are written.
fn live_at_start<I: Isa>(code: &Code<I>, accesses: &Accesses, width: usize) -> Sets {
    let mut live = Sets::new(code.blocks.len(), width);
    let mut start = vec![0; width];
    let mut changed = true;
    while changed {
        changed = false;
        for b in (0..code.blocks.len()).rev() {
            start.fill(0);
            code.succs(b).iter().for_each(|s| unite(&mut start, live.of(s.index())));
            accesses.writes(b).iter().for_each(|&place| remove(&mut start, place));
            start[0] &= !accesses.blocks[b].destroys;
            accesses.reads(b).iter().for_each(|&place| insert(&mut start, place));
            changed |= live.set(b, &start);
        }
    }
    live
}

/// The nearest block that dominates both. Every block but the entry has a predecessor before it, so what
/// dominates a block is before it, too. Of many the later ones come first: nothing is passed twice then.
fn common(dominators: &[u32], mut x: usize, mut y: usize) -> usize {
    while x != y {
        if x > y { x = dominators[x] as usize } else { y = dominators[y] as usize }
    }
    x
}

/// What every iteration of a loop writes: the blocks that dominate all its jumps back.
fn renewed<I: Isa>(
    code: &Code<I>,
    accesses: &Accesses,
    dominators: &[u32],
    header: usize,
    width: usize,
) -> Vec<u64> {
    let mut set = vec![0; width];
    let back = code.preds(header).iter().map(|p| p.index()).filter(|&p| p >= header);
    let mut at = back.rev().reduce(|x, y| common(dominators, x, y)).expect("a loop has a jump back");
    loop {
        accesses.writes(at).iter().for_each(|&place| insert(&mut set, place));
        if at <= header {
            return set;
        }
        at = dominators[at] as usize;
    }
}

/// Follows what may be in places from the start of the function, and clears where loops are entered.
fn clear<I: Isa>(code: &Code<I>, accesses: &Accesses, live: &Sets, loops: &[Loop]) -> Stale {
    // For each block that enters a loop, what must stay.
    let mut stays: Vec<Option<Vec<u64>>> = vec![None; code.blocks.len()];
    for l in loops {
        for p in code.preds(l.header).iter().map(|p| p.index()) {
            if p < l.header && code.succs(p).len() == 1 {
                stays[p] = Some(live.of(l.header).iter().zip(&l.renewed).map(|(a, b)| a | b).collect());
            }
        }
    }
    let mut at_end = Sets::new(code.blocks.len(), live.width);
    let mut stale: Vec<Vec<u64>> = vec![Vec::new(); code.blocks.len()];
    let (mut start, mut end) = (vec![0; live.width], vec![0; live.width]);
    let mut changed = true;
    while changed {
        changed = false;
        for b in 0..code.blocks.len() {
            start.fill(0);
            code.preds(b).iter().for_each(|p| unite(&mut start, at_end.of(p.index())));
            end.copy_from_slice(&start);
            accesses.writes(b).iter().for_each(|&place| remove(&mut end, place));
            accesses.dirty(b).iter().for_each(|&place| insert(&mut end, place));
            let kept = accesses.copies(b).iter().filter(|(_, from)| contains(&start, *from));
            kept.for_each(|&(to, _)| insert(&mut end, to));
            if let Some(stays) = &stays[b] {
                stale[b] = end.iter().zip(stays).map(|(e, s)| e & !s).collect();
                end.iter_mut().zip(stays).for_each(|(e, s)| *e &= s);
            }
            changed |= at_end.set(b, &end);
        }
    }
    // Where each of many loops may be passed by, what is dead before all of them would be cleared in each.
    let mut left = code.insts.len();
    let mut places = |set: &Vec<u64>| {
        let numbers = set.iter().enumerate().flat_map(|(w, &word)| ones(word).map(move |i| 64 * w + i));
        let places: Vec<Location> = numbers.take(left).map(location).collect();
        left -= places.len();
        places
    };
    stale.iter().map(&mut places).collect()
}

fn ones(word: u64) -> impl Iterator<Item = usize> {
    (0..64).filter(move |i| word >> i & 1 != 0)
}

fn location(number: usize) -> Location {
    match number.checked_sub(REGISTERS) {
        Some(slot) => Location::Slot(slot),
        None => Location::Register(PReg::new(number, RegClass::Int)),
    }
}
