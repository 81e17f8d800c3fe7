//! What passes know about memory: which loads a write can change.
//!
//! Addresses are a base value and a constant offset. Two accesses are apart when their bases are the
//! same value and their bytes are not, when they are at different symbols, when they are of objects that are apart
//! ([`super::origins`]), or when they are in different regions ([`crate::regions`]). What is known of a constant region only a store at the same base can change. Slow paths of exact ints may allocate, which changes the allocator's
//! global data and nothing else that can be seen.

use super::Context;
use super::origins::Origins;
use crate::cfg::Loops;
use crate::effects::{Effects, Memory, effects};
use crate::func::{Function, Inst, InstData, Type, Value};
use crate::ops::Op;
use crate::regions::{Region, Regions};

/// Something known about memory at a point: a load of this form, or this readonly call, would give
/// this value.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Fact {
    pub(super) op: Op,
    pub(super) base: Value,
    pub(super) offset: i64,
    pub(super) value: Value,
    /// Of loads.
    pub(super) region: Region,
    /// For calls.
    pub(super) inst: Inst,
}

pub(super) fn size(op: Op) -> i64 {
    op.access_size().expect("an access").into()
}

/// How an instruction changes memory.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Write {
    Nothing,
    /// Only what the allocator keeps in global data.
    Globals,
    /// A store instruction.
    Store(Inst),
    /// All that may change but the program's own words of data.
    Library,
    /// All that may change: constant regions do not.
    Everything,
    /// Constant regions, too.
    Constants,
}

/// How an instruction with these effects changes memory.
pub(super) fn write_of(effects: &Effects, inst: Inst) -> Write {
    match effects.writes {
        Memory::NONE => Write::Nothing,
        Memory::ALLOCATOR => Write::Globals,
        Memory::ACCESSED => Write::Store(inst),
        Memory::LIBRARY => Write::Library,
        _ => Write::Everything,
    }
}

/// The symbol and offset of an address that is one.
fn symbol_base(func: &Function, base: Value) -> Option<&InstData> {
    let def = func.def_inst(base)?;
    let data = &func.insts[def.index()];
    (data.op == Op::Symaddr).then_some(data)
}

/// The address is a symbol's, or a place in a table at a symbol.
fn is_global(func: &Function, base: Value) -> bool {
    let Some(def) = func.def_inst(base) else { return false };
    match func.insts[def.index()].op {
        Op::Symaddr => true,
        Op::Add | Op::Copy => func.operands(def).iter().any(|&v| symbol_base(func, v).is_some()),
        _ => false,
    }
}

fn is_constant_data(func: &Function, cx: &Context, base: Value) -> bool {
    symbol_base(func, base)
        .is_some_and(|d| cx.data(d.sym.expect("symaddr has a symbol")).is_some_and(|d| !d.writable))
}

/// It is a word of the program itself, of which the runtime knows nothing: its functions have no file.
fn is_own_data(func: &Function, cx: &Context, base: Value) -> bool {
    let own = |d: &InstData| cx.data(d.sym.expect("symaddr has a symbol")).is_some();
    func.file.is_some() && symbol_base(func, base).is_some_and(own)
}

/// Whether a write may change what a fact says.
pub(super) fn kills(func: &Function, cx: &Context, origins: &Origins, write: Write, fact: &Fact) -> bool {
    let is_constant = |fact: &Fact| fact.op != Op::Call && cx.module.regions.is_constant(fact.region);
    match write {
        Write::Nothing => false,
        _ if fact.op != Op::Call && is_constant_data(func, cx, fact.base) => false,
        Write::Globals => {
            fact.op != Op::Call && is_global(func, fact.base) && !is_own_data(func, cx, fact.base)
        }
        Write::Library => !is_constant(fact) && (fact.op == Op::Call || !is_own_data(func, cx, fact.base)),
        Write::Everything => !is_constant(fact),
        Write::Constants => true,
        Write::Store(_) if fact.op == Op::Call => true,
        Write::Store(inst) => {
            let data = &func.insts[inst.index()];
            let base = func.resolve(func.operands(inst)[0]);
            let (mut a, mut b) = (fact.offset, data.imm);
            if base != fact.base {
                if Regions::apart(data.region, fact.region) || origins.apart(func, cx.module, base, fact.base)
                {
                    return false;
                }
                let (Some(x), Some(y)) = (symbol_base(func, base), symbol_base(func, fact.base)) else {
                    return !is_constant(fact);
                };
                if x.sym != y.sym {
                    return false;
                }
                (a, b) = (a.wrapping_add(y.imm), b.wrapping_add(x.imm));
            }
            a < b.saturating_add(size(data.op)) && b < a.saturating_add(size(fact.op))
        }
    }
}

/// Whether one of these writes may change what a load gives.
pub(super) fn changes(
    func: &Function,
    cx: &Context,
    origins: &Origins,
    writes: &[Write],
    load: Inst,
) -> bool {
    let data = &func.insts[load.index()];
    let base = func.operands(load)[0];
    let fact = Fact { op: data.op, base, offset: data.imm, value: base, region: data.region, inst: load };
    writes.iter().any(|&w| kills(func, cx, origins, w, &fact))
}

/// The object that a word is loaded from, and the region of its kind, when that says whether the word is even.
pub(super) fn kind_of(func: &Function, cx: &Context, load: Inst) -> Option<(Value, Region)> {
    let kind = cx.module.regions.kind_of(func.insts[load.index()].region)?;
    let base = func.resolve(func.operands(load)[0]);
    let Some(def) = func.def_inst(base).filter(|d| func.insts[d.index()].op == Op::Add) else {
        return Some((base, kind));
    };
    let mut objects = func.operands(def).iter().filter(|&&v| func.ty(v) == Type::Addr);
    let object = func.resolve(*objects.next()?);
    objects.next().is_none().then_some((object, kind))
}

/// Writes of each loop, inner loops included; a long list becomes "everything", beside which stores to constant
/// regions stay: an object may be made in the loop.
pub(super) fn loop_writes(func: &Function, cx: &Context, loops: &Loops) -> Vec<Vec<Write>> {
    const MAX: usize = 16;
    let mut writes: Vec<Vec<Write>> = vec![Vec::new(); loops.loops.len()];
    let makes = |write: &Write| match write {
        Write::Store(inst) => cx.module.regions.is_constant(func.insts[inst.index()].region),
        write => *write == Write::Constants,
    };
    let add = |list: &mut Vec<Write>, write: Write| {
        let known = write == Write::Nothing || list.contains(&write) || list.contains(&Write::Constants);
        if known || list.contains(&Write::Everything) && !makes(&write) {
            return;
        }
        if write == Write::Everything || list.len() >= MAX {
            list.retain(makes);
            list.push(Write::Everything);
        }
        if list.len() > MAX {
            *list = vec![Write::Constants];
        } else if write != Write::Everything && (makes(&write) || !list.contains(&Write::Everything)) {
            list.push(write);
        }
    };
    for &b in &func.layout {
        if let Some(l) = loops.innermost(b) {
            for &inst in &func.blocks[b.index()].insts {
                let effects = effects(cx.module, func, &func.insts[inst.index()]);
                add(&mut writes[l as usize], write_of(&effects, inst));
            }
        }
    }
    // Inner loops come after outer ones.
    for l in (0..loops.loops.len()).rev() {
        if let Some(p) = loops.loops[l].parent {
            let inner = writes[l].clone();
            inner.into_iter().for_each(|w| add(&mut writes[p as usize], w));
        }
    }
    writes
}
