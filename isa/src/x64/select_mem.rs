//! Selection: addresses, loads, stores, copies of memory.

use crate::mach::memory::{self, Memory, Start};
use crate::mach::operands::RegImm;
use crate::mach::select::no_rule;
use crate::mach::{MachInst, class_of};
use crate::x64::composite::Composite;
use crate::x64::insts::Row;
use crate::x64::regs::{RAX, RCX, RDI, RSI};
use crate::x64::select::{Amode, Arg, L, put, put_imm};
use crate::x64::{Base, Inst, Mem, X64};
use mochi_ir::{Op, Value};
use regalloc2::{Operand, PRegSet, RegClass, VReg};

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

/// Takes constants off a value; the offset has to fit a displacement.
fn peel(l: &L, v: Value, scale: i64, offset: &mut i64) -> Value {
    memory::peel(l, v, scale, offset, |sum| sum as i32 as i64 == sum)
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
        Op::LoadF64 => Row::MovsdLoad,
        op => no_rule(op),
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
    let size = d.op.access_size().expect("a store").into();
    let [_, row, row_imm] = rows(size, class_of(l.func.ty(value)));
    let value = if size < 8 { memory::truncated(l, value, 8 * size as u32) } else { value };
    if let Some(c) = l.iconst(value).filter(|&c| X64::stores(c, size)) {
        let a = amode(l, addr, d.imm);
        return put(l, row_imm, &[Arg::M(a), Arg::I(cut(c, size))]);
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

/// The rows of a load, extended as it is shortest, of a store, and of a store of a constant.
fn rows(size: i64, class: RegClass) -> [Row; 3] {
    match (size, class) {
        (1, _) => [Row::MovzxB, Row::MovStoreB, Row::MovStoreBI],
        (2, _) => [Row::MovzxW, Row::MovStoreW, Row::MovStoreWI],
        (4, _) => [Row::MovL, Row::MovStoreL, Row::MovStoreLI],
        (_, RegClass::Float) => [Row::MovsdLoad, Row::MovsdStore, Row::MovsdStore],
        _ => [Row::Mov, Row::MovStore, Row::MovStoreI],
    }
}

/// The memory operand of a plain load or store.
fn place(start: Start, offset: i64) -> Arg {
    let disp = offset as i32;
    Arg::M(match start {
        Start::Reg(r) => Amode::reg(r, disp),
        Start::Incoming => Amode::fixed(Base::Incoming, disp),
        Start::Outgoing => Amode::fixed(Base::Outgoing, disp),
    })
}

/// The constant as a store of so many bytes has it.
fn cut(c: i64, size: i64) -> i64 {
    let unused = 64 - 8 * size;
    c << unused >> unused
}

impl Memory for X64 {
    const PIECE: i64 = 8;
    const INLINE_COPY: i64 = 64;
    const INLINE_MOVE: i64 = 32;

    fn stores(c: i64, size: i64) -> bool {
        c as i32 as i64 == c || size < 8
    }

    fn load(l: &mut L, to: &[VReg], start: Start, offset: i64, size: i64) {
        let [row, ..] = rows(size, to[0].class());
        put(l, row, &[Arg::W(to[0]), place(start, offset)]);
    }

    fn store(l: &mut L, values: &[RegImm<VReg>], start: Start, offset: i64, size: i64) {
        let (row, value) = match values[0] {
            RegImm::Reg(r) => (rows(size, r.class())[1], Arg::R(r)),
            RegImm::Imm(c) => (rows(size, RegClass::Int)[2], Arg::I(cut(c, size))),
        };
        put(l, row, &[place(start, offset), value]);
    }

    fn copy_any(l: &mut L, args: &[Value], overlap: bool) {
        let (to, from, n) = (l.fixed(args[0]), l.fixed(args[1]), l.fixed(args[2]));
        let (to, from) = (Operand::reg_fixed_use(to, RDI), Operand::reg_fixed_use(from, RSI));
        let n = Operand::reg_fixed_use(n, RCX);
        let mut clobbers: PRegSet = [RDI, RSI, RCX].into_iter().collect();
        if overlap {
            clobbers.add(RAX);
            l.composite_clobbering(Composite::MemMove { to, from, n }, clobbers);
        } else {
            let row = MachInst::Row(Inst::new(Row::RepMovsB));
            l.push_clobbering(row, &[to, from, n], clobbers);
        }
    }

    fn fill_any(l: &mut L, args: &[Value]) {
        let (to, byte, n) = (l.fixed(args[0]), l.fixed(args[1]), l.fixed(args[2]));
        let ops = [(to, RDI), (byte, RAX), (n, RCX)].map(|(v, r)| Operand::reg_fixed_use(v, r));
        let clobbers = [RDI, RCX].into_iter().collect();
        l.push_clobbering(MachInst::Row(Inst::new(Row::RepStosB)), &ops, clobbers);
    }
}
