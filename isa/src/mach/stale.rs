//! What values that are no longer needed leave in registers and frames.
//!
//! The collector takes every word of the stack and every register for a reference. A dead one that stays
//! while a loop runs keeps alive what it refers to, and of a queue everything that was ever appended. So
//! whoever enters a loop in which objects are made clears the places that are dead there and may hold a reference
//! of the function's own, unless every iteration writes them. Places are registers, spill slots, and the slots
//! of values that live in the frame ([`super::homes`]).
//!
//! What stays: places that die in a branch within an iteration, until the loop is entered again; those of callers;
//! what earlier calls have left where nothing has been written yet.

use crate::mach::Isa;
use crate::mach::code::Code;
use mochi_ir::cfg::immediate_dominators;
use regalloc2::{Allocation, Block, Edit, InstOrEdit, OperandKind, Output, PReg, RegClass, SpillSlot};

/// Sets for all blocks have at most so many words (8 MB, and there are two of them): they grow with the square
/// of a function, so in larger ones what is dead stays.
const LIMIT: usize = 1 << 20;
/// Numbers of places: integer registers, then slots in the order of the frame, spills before values that live
/// there.
const REGISTERS: usize = 64;

/// What a place is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// A register.
    Register(PReg),
    /// A slot of the frame.
    Slot(usize),
}

/// The places to clear at the end of each block that enters a loop, no more than the function has instructions;
/// empty when there are none at all.
pub type Stale = Vec<Vec<Place>>;

/// A set of places.
type Set = Vec<u64>;

/// What a block does with places.
#[derive(Default)]
struct Effects {
    /// Read before they are written.
    reads: Vec<usize>,
    /// Written.
    writes: Vec<usize>,
    /// Registers that are not needed after a call, which may keep what is in them.
    destroys: u64,
    /// What is in them at the end may be a reference that the block has made or loaded.
    dirty: Vec<usize>,
    /// At the end they hold what other places held at the start.
    copies: Vec<(usize, usize)>,
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
    renewed: Set,
}

/// Finds the places to clear.
pub fn find<'a, I: Isa>(code: &'a Code<I>, output: &Output) -> Stale {
    let headers = making_loops(code);
    let width = (REGISTERS + output.num_spillslots + code.homes as usize).div_ceil(64);
    if headers.is_empty() || width * code.blocks.len() > LIMIT {
        return Stale::new();
    }
    let effects = effects(code, output, 64 * width);
    let live = live_at_start(code, &effects, width);
    let numbers = |list: &'a [Block]| list.iter().map(|b| b.index() as u32);
    let dominators = immediate_dominators(
        code.blocks.len(),
        |b| numbers(&code.blocks[b as usize].succs),
        |b| numbers(&code.blocks[b as usize].preds),
    );
    let loops: Vec<Loop> = headers
        .into_iter()
        .map(|header| Loop { header, renewed: renewed(code, &effects, &dominators, header, width) })
        .collect();
    clear(code, &effects, &live, &loops)
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
    let mut calls = vec![0u32];
    for b in &code.blocks {
        calls.push(calls[calls.len() - 1] + u32::from(b.makes_objects));
    }
    let last = |h: usize| code.blocks[h].preds.iter().map(|p| p.index()).filter(|&p| p >= h).max();
    (0..code.blocks.len()).filter(|&h| last(h).is_some_and(|l| calls[l + 1] > calls[h])).collect()
}

/// Follows a block.
struct Walk {
    effects: Effects,
    content: Vec<Content>,
    /// Whether the block has written a place.
    written: Vec<bool>,
}

/// What each block does.
fn effects<I: Isa>(code: &Code<I>, output: &Output, places: usize) -> Vec<Effects> {
    let content = (0..places).map(Content::Start).collect();
    let mut w = Walk { effects: Effects::default(), content, written: vec![false; places] };
    let of_block = |b| {
        for item in output.block_insts_and_edits(code, Block::new(b)) {
            match item {
                InstOrEdit::Edit(Edit::Move { from, to }) => w.copy(*from, *to),
                InstOrEdit::Inst(inst) => w.inst(code, output, inst),
            }
        }
        w.finish()
    };
    (0..code.blocks.len()).map(of_block).collect()
}

impl Walk {
    fn copy(&mut self, from: Allocation, to: Allocation) {
        self.read(from);
        let content = number(from).map_or(Content::Clean, |place| self.content[place]);
        self.write(to, content);
    }

    fn inst<I: Isa>(&mut self, code: &Code<I>, output: &Output, inst: regalloc2::Inst) {
        if let Some(home) = I::as_home(&code.insts[inst.index()]) {
            let slot = Allocation::stack(SpillSlot::new(output.num_spillslots + home.slot as usize));
            let register = output.inst_allocs(inst)[0];
            return if home.store { self.copy(register, slot) } else { self.copy(slot, register) };
        }
        let operands = || code.operands_of(inst.index()).iter().zip(output.inst_allocs(inst));
        operands().filter(|(op, _)| op.kind() == OperandKind::Use).for_each(|(_, &a)| self.read(a));
        for r in &code.clobber_sets[code.meta[inst.index()].clobbers as usize] {
            if let Some(place) = number(Allocation::reg(r)) {
                self.effects.destroys |= 1 << place;
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
            && (place >= REGISTERS || self.effects.destroys >> place & 1 == 0)
        {
            self.effects.reads.push(place);
        }
    }

    fn write(&mut self, a: Allocation, content: Content) {
        let Some(place) = number(a) else { return };
        if !std::mem::replace(&mut self.written[place], true) {
            self.effects.writes.push(place);
        }
        self.content[place] = content;
    }

    fn finish(&mut self) -> Effects {
        let mut effects = std::mem::take(&mut self.effects);
        for &place in &effects.writes {
            self.written[place] = false;
            match std::mem::replace(&mut self.content[place], Content::Start(place)) {
                Content::Clean => {}
                Content::Dirty => effects.dirty.push(place),
                Content::Start(from) => effects.copies.push((place, from)),
            }
        }
        effects
    }
}

/// The places that are read after the start of each block before they are written.
fn live_at_start<I: Isa>(code: &Code<I>, effects: &[Effects], width: usize) -> Vec<Set> {
    let mut live: Vec<Set> = vec![vec![0; width]; code.blocks.len()];
    let mut changed = true;
    while changed {
        changed = false;
        for b in (0..code.blocks.len()).rev() {
            let e = &effects[b];
            let mut start = vec![0; width];
            code.blocks[b].succs.iter().for_each(|s| unite(&mut start, &live[s.index()]));
            e.writes.iter().for_each(|&place| remove(&mut start, place));
            start[0] &= !e.destroys;
            e.reads.iter().for_each(|&place| insert(&mut start, place));
            changed |= start != live[b];
            live[b] = start;
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
    effects: &[Effects],
    dominators: &[u32],
    header: usize,
    width: usize,
) -> Set {
    let mut set = vec![0; width];
    let back = code.blocks[header].preds.iter().map(|p| p.index()).filter(|&p| p >= header);
    let mut at = back.rev().reduce(|x, y| common(dominators, x, y)).expect("a loop has a jump back");
    loop {
        effects[at].writes.iter().for_each(|&place| insert(&mut set, place));
        if at <= header {
            return set;
        }
        at = dominators[at] as usize;
    }
}

/// Follows what may be in places from the start of the function, and clears where loops are entered.
fn clear<I: Isa>(code: &Code<I>, effects: &[Effects], live: &[Set], loops: &[Loop]) -> Stale {
    let width = live[0].len();
    // For each block that enters a loop, what must stay.
    let mut stays: Vec<Option<Set>> = vec![None; code.blocks.len()];
    for l in loops {
        for p in code.blocks[l.header].preds.iter().map(|p| p.index()) {
            if p < l.header && code.blocks[p].succs.len() == 1 {
                stays[p] = Some(live[l.header].iter().zip(&l.renewed).map(|(a, b)| a | b).collect());
            }
        }
    }
    let mut at_end: Vec<Set> = vec![vec![0; width]; code.blocks.len()];
    let mut stale: Vec<Set> = vec![Set::new(); code.blocks.len()];
    let mut changed = true;
    while changed {
        changed = false;
        for (b, e) in effects.iter().enumerate() {
            let mut start = vec![0; width];
            code.blocks[b].preds.iter().for_each(|p| unite(&mut start, &at_end[p.index()]));
            let mut end = start.clone();
            e.writes.iter().for_each(|&place| remove(&mut end, place));
            e.dirty.iter().for_each(|&place| insert(&mut end, place));
            e.copies
                .iter()
                .filter(|(_, from)| contains(&start, *from))
                .for_each(|&(to, _)| insert(&mut end, to));
            if let Some(stays) = &stays[b] {
                stale[b] = end.iter().zip(stays).map(|(e, s)| e & !s).collect();
                end.iter_mut().zip(stays).for_each(|(e, s)| *e &= s);
            }
            changed |= end != at_end[b];
            at_end[b] = end;
        }
    }
    // Where each of many loops may be passed by, what is dead before all of them would be cleared in each.
    let mut left = code.insts.len();
    let mut places = |set: &Set| {
        let numbers = set.iter().enumerate().flat_map(|(w, &word)| ones(word).map(move |i| 64 * w + i));
        let places: Vec<Place> = numbers.take(left).map(place).collect();
        left -= places.len();
        places
    };
    stale.iter().map(&mut places).collect()
}

fn ones(word: u64) -> impl Iterator<Item = usize> {
    (0..64).filter(move |i| word >> i & 1 != 0)
}

fn place(number: usize) -> Place {
    match number.checked_sub(REGISTERS) {
        Some(slot) => Place::Slot(slot),
        None => Place::Register(PReg::new(number, RegClass::Int)),
    }
}
