//! Values that live in the frame: in functions so large that what is alive in all their blocks would
//! be too much, a value that is used outside of its block is stored where it is defined and loaded
//! where it is used.
//!
//! The allocators look at every value that is alive in every block, Ion several times (and at pairs of
//! those that conflict), so their work grows with the product of both. Machine code for a program can
//! be linear in it only if not everything is alive at once. A frame slot is what most of these values
//! would get anyway, as there are far more of them than registers. Parameters of blocks stay: moves
//! between blocks are the allocator's.

use crate::mach::order::{Order, Origin};
use mochi_ir::{Block, Function, Op, Value, ValueDef};

/// [`Options::most_alive`](crate::Options::most_alive) unless a test says otherwise.
pub const MOST_ALIVE: usize = 1_000_000;

const NONE: u32 = u32::MAX;

/// A load from, or a store to, a slot of its own: the register.
#[derive(Clone, Copy, Debug)]
pub struct Home {
    /// Which slot.
    pub slot: u32,
    /// A store.
    pub store: bool,
}

/// The slots of the values of a function; most functions have none.
#[derive(Debug, Default)]
pub struct Homes {
    /// By value; empty if there are none.
    slots: Vec<u32>,
    /// Number of slots.
    pub count: u32,
}

impl Homes {
    /// Chooses for a function.
    pub fn new(func: &Function, order: &Order, most_alive: usize) -> Homes {
        // There are no more values than instructions and parameters.
        if order.blocks.len().saturating_mul(func.values.len()) <= most_alive {
            return Homes::default();
        }
        let mut homes = Homes { slots: vec![NONE; func.values.len()], count: 0 };
        let mut block_of = vec![Block(u32::MAX); func.insts.len()];
        for b in &order.blocks {
            if let Origin::Block(b) = b.origin {
                func.blocks[b.index()].insts.iter().for_each(|i| block_of[i.index()] = b);
            }
        }
        let defined_in = |v: Value| match func.values[v.index()].def {
            ValueDef::Inst(i) => {
                let constant = matches!(func.insts[i.index()].op, Op::Iconst | Op::Fconst | Op::Symaddr);
                (!constant).then_some(block_of[i.index()])
            }
            ValueDef::Param(b, _) => Some(b),
            ValueDef::Alias(_) => unreachable!("resolved"),
        };
        for b in &order.blocks {
            let Origin::Block(b) = b.origin else { continue };
            for &inst in &func.blocks[b.index()].insts {
                let several = func.edges_of(inst).len() > 1;
                let mut used = |v: Value, elsewhere: bool| {
                    let v = behind_copies(func, v);
                    if homes.slots[v.index()] == NONE
                        && defined_in(v).is_some_and(|home| elsewhere || home != b)
                    {
                        homes.slots[v.index()] = homes.count;
                        homes.count += 1;
                    }
                };
                func.operands(inst).iter().for_each(|&v| used(v, false));
                // Arguments of one of several edges are used in a block between.
                for e in func.edges_of(inst) {
                    func.list(e.args).iter().for_each(|&v| used(v, several));
                }
            }
        }
        let fits = order.blocks.len().saturating_mul(homes.count as usize) <= most_alive;
        if fits { Homes::default() } else { homes }
    }

    /// The slot of a value.
    pub fn slot(&self, v: Value) -> Option<u32> {
        self.slots.get(v.index()).copied().filter(|&s| s != NONE)
    }
}

/// What a copy, or a copy of a copy, is a copy of.
pub fn behind_copies(func: &Function, mut v: Value) -> Value {
    while let ValueDef::Inst(i) = func.values[v.index()].def {
        let d = &func.insts[i.index()];
        if d.op != Op::Copy {
            break;
        }
        v = func.pool[d.args.start as usize];
    }
    v
}
