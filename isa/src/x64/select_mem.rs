//! Selection: addresses, loads, stores, copies of memory.

use crate::x64::composite::Composite;
use crate::x64::insts::Row;
use crate::x64::regs::{RAX, RCX, RDI, RSI};
use crate::x64::select::{Amode, Arg, L, Operands, put, put_imm};
use crate::x64::{Base, Inst, Mem};
use mochi_ir::{Op, Value};
use regalloc2::{Operand, PRegSet, VReg};

/// What an address is made of.
struct Parts {
    base: Option<Value>,
    index: Option<(Value, u8)>,
    disp: i64,
}

/// A value shifted left by at most 3: the value and the factor.
fn scaled(l: &L, v: Value) -> Option<(Value, u8)> {
    let (inst, d) = l.pure_def(v, true)?;
    if l.live_after(v) {
        return None;
    }
    let &[v, factor] = l.operands(inst) else { return None };
    match (d.op, l.iconst(factor)?) {
        (Op::Shl, k @ 0..=3) => Some((v, 1 << k)),
        (Op::Mul, k @ (2 | 4 | 8)) => Some((v, k as u8)),
        _ => None,
    }
}

/// Constants taken off one address at most, so that selection stays linear.
const MAX_PEEL: usize = 4;

/// Takes constants off a value: what remains, with `scale` times the constant added to `disp`.
fn peel(l: &L, mut v: Value, scale: i64, disp: &mut i64) -> Value {
    for _ in 0..MAX_PEEL {
        let Some((inst, d)) = l.pure_def(v, true) else { break };
        if l.live_after(v) || !matches!(d.op, Op::Add | Op::Sub) {
            break;
        }
        let args = l.operands(inst);
        let (rest, c) = match (d.op, l.iconst(args[0]), l.iconst(args[1])) {
            (Op::Add, _, Some(c)) => (args[0], c),
            (Op::Add, Some(c), _) => (args[1], c),
            (Op::Sub, _, Some(c)) => (args[0], c.wrapping_neg()),
            _ => break,
        };
        let sum = c.checked_mul(scale).and_then(|c| c.checked_add(*disp));
        match sum {
            Some(sum) if sum as i32 as i64 == sum => *disp = sum,
            _ => break,
        }
        v = rest;
    }
    v
}

/// Splits the sum `a + b`, if it is worth it, and peels constants.
fn parts(l: &L, addr: Value, disp: i64) -> Parts {
    let mut p = Parts { base: None, index: None, disp };
    let rest = peel(l, addr, 1, &mut p.disp);
    let sum = l.pure_def(rest, true).filter(|(_, d)| d.op == Op::Add && !l.live_after(rest));
    let Some((inst, _)) = sum else {
        p.base = Some(rest);
        return p;
    };
    let args = l.operands(inst);
    let (base, (index, scale)) = match (scaled(l, args[1]), scaled(l, args[0])) {
        (Some(i), _) => (args[0], i),
        (None, Some(i)) => (args[1], i),
        (None, None) => (args[0], (args[1], 1)),
    };
    p.base = Some(peel(l, base, 1, &mut p.disp));
    p.index = Some((peel(l, index, scale as i64, &mut p.disp), scale));
    p
}

/// The memory operand for an address plus offset. `room` bytes more can be added to its
/// displacement.
pub fn amode(l: &mut L, addr: Value, offset: i64) -> Amode {
    let p = parts(l, addr, offset);
    let disp = i32::try_from(p.disp).expect("peeled displacements fit");
    let base = p.base.expect("address has a base");
    match p.index {
        None => {
            if let Some((_, d)) = l.def_of(base)
                && d.op == Op::Symaddr
                && let Some(disp) = d.imm.checked_add(p.disp).and_then(|v| i32::try_from(v).ok())
            {
                return Amode::fixed(Base::Sym(d.sym.expect("symbol")), disp);
            }
            Amode::reg(l.reg(base), disp)
        }
        Some((index, scale)) => {
            let (base, index) = (l.reg(base), l.reg(index));
            Amode { mem: Mem { base: Base::Reg, scale, disp }, base: Some(base), index: Some(index) }
        }
    }
}

/// The address an `add` computes when it takes more than adding two operands: a scaled index, or
/// two sums in one.
pub fn lea_source(l: &mut L, inst: mochi_ir::Inst) -> Option<Amode> {
    let args = l.operands(inst);
    let (a, b) = (args[0], args[1]);
    let inner = |l: &L, v| l.used_once(v) && l.pure_def(v, false).is_some_and(|(_, d)| d.op == Op::Add);
    let (base, (index, scale), mut disp) = if let Some(i) = scaled(l, b).filter(|_| l.used_once(b)) {
        (a, i, 0)
    } else if let Some(i) = scaled(l, a).filter(|_| l.used_once(a)) {
        (b, i, 0)
    } else if let (Some(c), true) = (l.iconst(b).filter(|&c| c as i32 as i64 == c), inner(l, a)) {
        let (sum, _) = l.pure_def(a, false)?;
        let parts = l.operands(sum);
        match (scaled(l, parts[1]), scaled(l, parts[0])) {
            (Some(i), _) => (parts[0], i, c),
            (None, Some(i)) => (parts[1], i, c),
            (None, None) => (parts[0], (parts[1], 1), c),
        }
    } else {
        return None;
    };
    let base = peel(l, base, 1, &mut disp);
    let index = peel(l, index, scale as i64, &mut disp);
    let disp = i32::try_from(disp).ok()?;
    let (base, index) = (l.reg(base), l.reg(index));
    Some(Amode { mem: Mem { base: Base::Reg, scale, disp }, base: Some(base), index: Some(index) })
}

/// The memory operand of a load (`op`) that can be folded into the current instruction.
pub fn load_source(l: &mut L, v: Value, op: Op) -> Option<Amode> {
    let (inst, d) = l.movable_def(v)?;
    if d.op != op {
        return None;
    }
    l.absorb(inst);
    Some(amode(l, l.operands(inst)[0], d.imm))
}

/// The same for a byte load whose sign or zero extension does not matter.
pub fn load_byte_source(l: &mut L, v: Value) -> Option<Amode> {
    load_source(l, v, Op::Load8u)
}

/// Selects a load.
pub fn load(l: &mut L, inst: mochi_ir::Inst) {
    let d = l.data(inst);
    let dst = l.result(inst);
    let a = amode(l, l.operands(inst)[0], d.imm);
    let row = match d.op {
        Op::Load8u => Row::MovzxB,
        Op::Load8s => Row::MovsxB,
        Op::Load16u => Row::MovzxW,
        Op::Load16s => Row::MovsxW,
        Op::Load32u => Row::MovL,
        Op::Load32s => Row::MovsxL,
        Op::Load64 => Row::Mov,
        _ => Row::MovsdLoad,
    };
    put(l, row, &[Arg::W(dst), Arg::M(a)]);
}

/// Selects a store.
pub fn store(l: &mut L, inst: mochi_ir::Inst) {
    let d = l.data(inst);
    let args = l.operands(inst);
    let (addr, value) = (args[0], args[1]);
    if d.op == Op::Store64 && update(l, addr, value, d.imm) {
        return;
    }
    let (row, row_imm) = match d.op {
        Op::Store8 => (Row::MovStoreB, Row::MovStoreBI),
        Op::Store16 => (Row::MovStoreW, Row::MovStoreWI),
        Op::Store32 => (Row::MovStoreL, Row::MovStoreLI),
        Op::Store64 => (Row::MovStore, Row::MovStoreI),
        _ => (Row::MovsdStore, Row::MovsdStore),
    };
    if let Some(c) = l.iconst(value) {
        let c = match d.op {
            Op::Store8 => Some(c as i8 as i64),
            Op::Store16 => Some(c as i16 as i64),
            Op::Store32 => Some(c as i32 as i64),
            _ => (c as i32 as i64 == c).then_some(c),
        };
        if let Some(c) = c {
            let a = amode(l, addr, d.imm);
            return put(l, row_imm, &[Arg::M(a), Arg::I(c)]);
        }
    }
    let value = l.reg(value);
    let a = amode(l, addr, d.imm);
    put(l, row, &[Arg::M(a), Arg::R(value)]);
}

/// A store of an operation on the loaded old value, as one instruction.
fn update(l: &mut L, addr: Value, value: Value, offset: i64) -> bool {
    let Some((op_inst, op)) = l.pure_def(value, false) else { return false };
    let (row, row_imm) = match op.op {
        Op::Add => (Row::AddMem, Some(Row::AddMemI)),
        Op::Sub => (Row::SubMem, None),
        Op::And => (Row::AndMem, Some(Row::AndMemI)),
        Op::Or => (Row::OrMem, Some(Row::OrMemI)),
        Op::Xor => (Row::XorMem, None),
        _ => return false,
    };
    let args = l.operands(op_inst);
    let old = |v: Value| {
        let (i, d) = l.movable_def(v)?;
        let load = d.op == Op::Load64 && d.imm == offset;
        (load && l.resolve(l.operands(i)[0]) == l.resolve(addr)).then_some(i)
    };
    let (load, other) = match (old(args[0]), old(args[1])) {
        (Some(load), _) => (load, args[1]),
        (None, Some(load)) if op.op != Op::Sub => (load, args[0]),
        _ => return false,
    };
    l.absorb(load);
    if let (Some(row), Some(c)) = (row_imm, l.iconst(other).filter(|&c| c as i32 as i64 == c)) {
        let a = amode(l, addr, offset);
        put_imm(l, row, &[Arg::M(a)], c);
    } else {
        let other = l.reg(other);
        let a = amode(l, addr, offset);
        put(l, row, &[Arg::M(a), Arg::R(other)]);
    }
    true
}

/// Sizes up to which constant copies are unrolled.
const INLINE_COPY: i64 = 64;

/// Selects `mem.copy` and `mem.move`.
pub fn copy(l: &mut L, inst: mochi_ir::Inst) {
    let args = l.operands(inst);
    let overlap = l.data(inst).op == Op::MemMove;
    match l.iconst(args[2]) {
        Some(0) => return,
        // All loads come before all stores, which takes a register per word.
        Some(n @ 1..=INLINE_COPY) if !overlap || n <= 32 => {
            let (to, from) = (l.reg(args[0]), l.reg(args[1]));
            return copy_inline(l, to, from, n as i32, overlap);
        }
        _ => {}
    }
    let (to, from, n) = (l.fixed(args[0]), l.fixed(args[1]), l.fixed(args[2]));
    let mut ops = Operands::new();
    ops.add(Operand::reg_fixed_use(to, RDI));
    ops.add(Operand::reg_fixed_use(from, RSI));
    ops.add(Operand::reg_fixed_use(n, RCX));
    let mut clobbers: PRegSet = [RDI, RSI, RCX].into_iter().collect();
    if overlap {
        clobbers.add(RAX);
        l.push_clobbering(Inst::Composite(Composite::MemMove), ops.list(), clobbers);
    } else {
        let (row, mem) = (Row::RepMovsB, Mem::NONE);
        l.push_clobbering(Inst::Row { row, mem, imm: 0 }, ops.list(), clobbers);
    }
}

/// Loads and stores for a copy of `n` bytes: words, then an overlapping or smaller rest.
fn copy_inline(l: &mut L, to: VReg, from: VReg, n: i32, overlap: bool) {
    let mut chunks = Vec::new();
    let mut at = 0;
    while at < n {
        let left = n - at;
        let (size, start) = match left {
            8.. => (8, at),
            5..=7 if n >= 8 => (8, n - 8),
            4.. => (4, at),
            3 if n >= 4 => (4, n - 4),
            2.. => (2, at),
            _ => (1, at),
        };
        chunks.push((size, start));
        at = start + size;
    }
    let mut stores: Vec<(Row, Amode, VReg)> = Vec::new();
    for (size, start) in chunks {
        let (load, store) = match size {
            8 => (Row::Mov, Row::MovStore),
            4 => (Row::MovL, Row::MovStoreL),
            2 => (Row::MovzxW, Row::MovStoreW),
            _ => (Row::MovzxB, Row::MovStoreB),
        };
        let word = l.int();
        put(l, load, &[Arg::W(word), Arg::M(Amode::reg(from, start))]);
        let place = Amode::reg(to, start);
        if overlap {
            stores.push((store, place, word));
        } else {
            put(l, store, &[Arg::M(place), Arg::R(word)]);
        }
    }
    for (row, place, word) in stores {
        put(l, row, &[Arg::M(place), Arg::R(word)]);
    }
}

/// Selects `mem.fill`.
pub fn fill(l: &mut L, inst: mochi_ir::Inst) {
    let args = l.operands(inst);
    if let (Some(byte), Some(n @ 0..=INLINE_COPY)) = (l.iconst(args[1]), l.iconst(args[2])) {
        if n == 0 {
            return;
        }
        let to = l.reg(args[0]);
        let word = (byte as u8 as u64).wrapping_mul(0x0101_0101_0101_0101) as i64;
        return fill_inline(l, to, word, n as i32);
    }
    let (to, byte, n) = (l.fixed(args[0]), l.fixed(args[1]), l.fixed(args[2]));
    let ops =
        [Operand::reg_fixed_use(to, RDI), Operand::reg_fixed_use(byte, RAX), Operand::reg_fixed_use(n, RCX)];
    let clobbers = [RDI, RCX].into_iter().collect();
    l.push_clobbering(Inst::Row { row: Row::RepStosB, mem: Mem::NONE, imm: 0 }, &ops, clobbers);
}

fn fill_inline(l: &mut L, to: VReg, word: i64, n: i32) {
    let reg = (word as i32 as i64 != word && n >= 8).then(|| crate::x64::select::int_constant(l, word));
    let mut at = 0;
    while at < n {
        let place = |at| Arg::M(Amode::reg(to, at));
        let (size, start) = match n - at {
            8.. => (8, at),
            1..=7 if n >= 8 => (8, n - 8),
            4.. => (4, at),
            2.. => (2, at),
            _ => (1, at),
        };
        match (size, reg) {
            (8, Some(r)) => put(l, Row::MovStore, &[place(start), Arg::R(r)]),
            (8, None) => put(l, Row::MovStoreI, &[place(start), Arg::I(word)]),
            (4, _) => put(l, Row::MovStoreLI, &[place(start), Arg::I(word as i32 as i64)]),
            (2, _) => put(l, Row::MovStoreWI, &[place(start), Arg::I(word as i16 as i64)]),
            _ => put(l, Row::MovStoreBI, &[place(start), Arg::I(word as i8 as i64)]),
        }
        at = start + size;
    }
}
