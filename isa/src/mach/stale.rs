//! What values that are no longer needed leave in registers and frames.
//!
//! The collector takes every word of the stack and every register for a reference. A dead one that stays
//! while a loop runs keeps alive what it refers to, and of a queue everything that was ever appended. So
//! whoever enters a loop in which objects are made clears the places that are dead there and may hold a reference
//! of the function's own, unless every iteration writes them.
//!
//! What stays: places that die in a branch within an iteration, until the loop is entered again; those of callers;
//! what earlier calls have left where nothing has been written yet.

use crate::mach::Isa;
use crate::mach::code::Code;
use regalloc2::{Allocation, Block, Edit, InstOrEdit, OperandKind, Output, PReg, RegClass};

/// Sets for all blocks have at most so many words: more are not worth the time in which they are found.
const LIMIT: usize = 1 << 20;
/// Numbers of places: integer registers, then spill slots.
const REGISTERS: usize = 64;

/// What a place is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// A register.
    Register(PReg),
    /// A spill slot.
    Slot(usize),
}

/// The places to clear at the end of each block that enters a loop; empty when there are none at all.
pub type Stale = Vec<Vec<Place>>;

/// A set of places.
type Set = Vec<u64>;

/// What a block does with places.
struct Effects {
    /// Read before they are written.
    reads: Set,
    /// Written.
    writes: Set,
    /// Not needed after a call, which may keep what is in them.
    destroys: Set,
    /// What is in them at the end may be a reference that the block has made or loaded.
    dirty: Set,
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
pub fn find<I: Isa>(code: &Code<I>, output: &Output) -> Stale {
    let headers = making_loops(code);
    let width = (REGISTERS + output.num_spillslots).div_ceil(64);
    if headers.is_empty() || width * code.blocks.len() > LIMIT {
        return Stale::new();
    }
    let effects = effects(code, output, width);
    let live = live_at_start(code, &effects, width);
    let dominators = dominators(code);
    let loops: Vec<Loop> = headers
        .into_iter()
        .map(|header| Loop { header, renewed: renewed(code, &effects, &dominators, header, width) })
        .collect();
    clear(code, &effects, &live, &loops)
}

fn insert(set: &mut Set, place: usize) {
    set[place / 64] |= 1 << (place % 64);
}

fn contains(set: &Set, place: usize) -> bool {
    set[place / 64] >> (place % 64) & 1 != 0
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
    /// Places whose content is not what it was.
    changed: Vec<usize>,
}

/// What each block does.
fn effects<I: Isa>(code: &Code<I>, output: &Output, width: usize) -> Vec<Effects> {
    let none = || vec![0; width];
    let new =
        || Effects { reads: none(), writes: none(), destroys: none(), dirty: none(), copies: Vec::new() };
    let content = (0..64 * width).map(Content::Start).collect();
    let mut w = Walk { effects: new(), content, changed: Vec::new() };
    let of_block = |b| {
        for item in output.block_insts_and_edits(code, Block::new(b)) {
            match item {
                InstOrEdit::Edit(Edit::Move { from, to }) => w.copy(*from, *to),
                InstOrEdit::Inst(inst) => w.inst(code, output, inst),
            }
        }
        w.finish(new())
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
        let operands = || code.operands_of(inst.index()).iter().zip(output.inst_allocs(inst));
        operands().filter(|(op, _)| op.kind() == OperandKind::Use).for_each(|(_, &a)| self.read(a));
        for r in &code.clobber_sets[code.meta[inst.index()].clobbers as usize] {
            if let Some(place) = number(Allocation::reg(r)) {
                insert(&mut self.effects.destroys, place);
            }
        }
        for (op, &a) in operands().filter(|(op, _)| op.kind() == OperandKind::Def) {
            let root = code.roots[op.vreg().vreg()];
            self.write(a, if root { Content::Dirty } else { Content::Clean });
        }
    }

    fn read(&mut self, a: Allocation) {
        if let Some(place) = number(a)
            && !contains(&self.effects.writes, place)
            && !contains(&self.effects.destroys, place)
        {
            insert(&mut self.effects.reads, place);
        }
    }

    fn write(&mut self, a: Allocation, content: Content) {
        let Some(place) = number(a) else { return };
        insert(&mut self.effects.writes, place);
        self.content[place] = content;
        self.changed.push(place);
    }

    fn finish(&mut self, next: Effects) -> Effects {
        let mut effects = std::mem::replace(&mut self.effects, next);
        self.changed.sort_unstable();
        self.changed.dedup();
        for place in self.changed.drain(..) {
            match std::mem::replace(&mut self.content[place], Content::Start(place)) {
                Content::Clean => {}
                Content::Dirty => insert(&mut effects.dirty, place),
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
            let start: Set = (0..width)
                .map(|w| {
                    let out = code.blocks[b].succs.iter().fold(0, |set, s| set | live[s.index()][w]);
                    out & !e.writes[w] & !e.destroys[w] | e.reads[w]
                })
                .collect();
            changed |= start != live[b];
            live[b] = start;
        }
    }
    live
}

/// The immediate dominator of each block (Cooper, Harvey, Kennedy, "A Simple, Fast Dominance Algorithm"): every
/// block but the entry has a predecessor before it.
fn dominators<I: Isa>(code: &Code<I>) -> Vec<usize> {
    let unknown = usize::MAX;
    let mut dominators = vec![unknown; code.blocks.len()];
    dominators[0] = 0;
    let mut changed = true;
    while changed {
        changed = false;
        for b in 1..code.blocks.len() {
            let known = code.blocks[b].preds.iter().map(|p| p.index()).filter(|&p| dominators[p] != unknown);
            let d = known.reduce(|x, y| common(&dominators, x, y)).unwrap_or(unknown);
            changed |= d != dominators[b];
            dominators[b] = d;
        }
    }
    dominators
}

/// The nearest block that dominates both.
fn common(dominators: &[usize], mut x: usize, mut y: usize) -> usize {
    while x != y {
        if x > y { x = dominators[x] } else { y = dominators[y] }
    }
    x
}

/// What every iteration of a loop writes: the blocks that dominate all its jumps back.
fn renewed<I: Isa>(
    code: &Code<I>,
    effects: &[Effects],
    dominators: &[usize],
    header: usize,
    width: usize,
) -> Set {
    let mut set = vec![0; width];
    let back = code.blocks[header].preds.iter().map(|p| p.index()).filter(|&p| p >= header);
    let mut at = back.reduce(|x, y| common(dominators, x, y)).expect("a loop has a jump back");
    loop {
        set.iter_mut().zip(&effects[at].writes).for_each(|(s, w)| *s |= w);
        if at <= header {
            return set;
        }
        at = dominators[at];
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
    let mut stale: Stale = vec![Vec::new(); code.blocks.len()];
    let mut changed = true;
    while changed {
        changed = false;
        for (b, e) in effects.iter().enumerate() {
            let mut start = vec![0; width];
            for p in &code.blocks[b].preds {
                start.iter_mut().zip(&at_end[p.index()]).for_each(|(s, p)| *s |= p);
            }
            let mut end: Set = (0..width).map(|w| start[w] & !e.writes[w] | e.dirty[w]).collect();
            e.copies
                .iter()
                .filter(|(_, from)| contains(&start, *from))
                .for_each(|&(to, _)| insert(&mut end, to));
            if let Some(stays) = &stays[b] {
                stale[b].clear();
                for w in 0..width {
                    let now = end[w] & !stays[w];
                    end[w] &= stays[w];
                    stale[b].extend((0..64).filter(|i| now >> i & 1 != 0).map(|i| place(64 * w + i)));
                }
            }
            changed |= end != at_end[b];
            at_end[b] = end;
        }
    }
    stale
}

fn place(number: usize) -> Place {
    match number.checked_sub(REGISTERS) {
        Some(slot) => Place::Slot(slot),
        None => Place::Register(PReg::new(number, RegClass::Int)),
    }
}
