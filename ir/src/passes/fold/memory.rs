//! Rules for loads and stores: constant offsets move into the immediate, constant data is read at
//! compile time.

use super::super::memory::kind_of;
use super::{Action, Fold};
use crate::func::{Inst, InstData, Value};
use crate::ops::Op;

impl Fold<'_, '_> {
    /// An odd word that comes from an object was noted there: whoever stores it back need not.
    pub(super) fn noted_before(&mut self, branch: Inst) {
        let word = match self.is_op_const(self.arg(branch, 0), Op::And) {
            Some((word, 1)) => word,
            _ => return,
        };
        let Some((load, d)) = self.def(word) else { return };
        if d.op != Op::Load64 {
            return;
        }
        let Some((object, kind)) = kind_of(self.func, self.cx, load) else { return };
        let notes = &self.func.blocks[self.func.edges_of(branch)[0].block.index()];
        let Some((&jump, insts)) = notes.insts.split_last().filter(|_| notes.params.is_empty()) else {
            return;
        };
        let is_note = |i: &Inst| {
            let d = self.func.insts[i.index()];
            let stores = d.op == Op::Store64 && d.region == kind && d.imm == 0;
            stores && self.func.resolve(self.func.operands(*i)[0]) == object
        };
        let is_constant = |i: &Inst| self.func.insts[i.index()].op == Op::Symaddr;
        let is_jump = self.func.insts[jump.index()].op == Op::Jump;
        if is_jump && insts.iter().all(|i| is_note(i) || is_constant(i)) {
            let edge = self.func.edges_of(jump)[0];
            let made_here = |v: &Value| self.func.def_inst(*v).is_some_and(|d| insts.contains(&d));
            if self.func.list(edge.args).iter().any(made_here) {
                return;
            }
            let first = self.func.insts[branch.index()].edges.start;
            self.func.edges[first as usize] = edge;
        }
    }

    pub(super) fn memory(&mut self, inst: Inst, data: &InstData) -> Action {
        let addr = self.arg(inst, 0);
        // In code that never runs a constant may be the address, and the rest a number.
        if let Some((base, c)) = self.is_op_const(addr, Op::Add)
            && self.func.ty(base).is_visible()
            && let Some(offset) = data.imm.checked_add(c)
            && i32::try_from(offset).is_ok()
        {
            self.func.pool[data.args.start as usize] = base;
            self.func.insts[inst.index()].imm = offset;
            return Action::Again;
        }
        if data.op.is_load() {
            return self.constant_data(inst, data);
        }
        // Only the low bits of a narrow store count.
        let bits = match data.op {
            Op::Store8 => 8,
            Op::Store16 => 16,
            Op::Store32 => 32,
            _ => return Action::Keep,
        };
        let value = self.arg(inst, 1);
        let Some((def, d)) = self.def(value) else { return Action::Keep };
        let same_low_bits = match d.op {
            Op::Zext8 | Op::Sext8 => bits <= 8,
            Op::Zext16 | Op::Sext16 => bits <= 16,
            Op::Zext32 | Op::Sext32 => bits <= 32,
            Op::And => self.constant(self.arg(def, 1)).is_some_and(|c| !c << (64 - bits) == 0),
            _ => false,
        };
        if same_low_bits {
            self.func.pool[data.args.start as usize + 1] = self.arg(def, 0);
            return Action::Again;
        }
        Action::Keep
    }

    /// Loads from data that nobody writes.
    fn constant_data(&mut self, inst: Inst, data: &InstData) -> Action {
        let Some((_, base)) = self.def(self.arg(inst, 0)) else { return Action::Keep };
        let (Op::Symaddr, Some(sym)) = (base.op, base.sym) else { return Action::Keep };
        let Some(item) = self.cx.data(sym).filter(|d| !d.writable) else { return Action::Keep };
        let (size, signed) = match data.op {
            Op::Load8u => (1, false),
            Op::Load8s => (1, true),
            Op::Load16u => (2, false),
            Op::Load16s => (2, true),
            Op::Load32u => (4, false),
            Op::Load32s => (4, true),
            _ => (8, false),
        };
        let Some(at) = base.imm.checked_add(data.imm).filter(|&at| at >= 0) else { return Action::Keep };
        if at.checked_add(size).is_none_or(|end| end > item.bytes.len() as i64) {
            return Action::Keep;
        }
        let touches = |offset: i64| offset < at + size && at < offset + 8;
        if let Some(reloc) = item.relocs.iter().find(|r| touches(i64::from(r.offset))) {
            if data.op == Op::Load64 && i64::from(reloc.offset) == at {
                return self.set_symaddr(inst, reloc.sym, reloc.addend);
            }
            return Action::Keep;
        }
        let mut word = [0; 8];
        word[..size as usize].copy_from_slice(&item.bytes[at as usize..(at + size) as usize]);
        let word = u64::from_le_bytes(word);
        let shift = 64 - 8 * size as u32;
        Action::Const(if signed { ((word << shift) as i64 >> shift) as u64 } else { word })
    }
}
