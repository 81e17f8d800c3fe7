//! Selection: addresses, loads, stores, copies of memory.

use crate::a64::composite::{Composite, is_imm12};
use crate::a64::imm;
use crate::a64::insts::Row;
use crate::a64::regs::ZR;
use crate::a64::select::{Arg, L, int_constant, put, put_composite, word};
use mochi_ir::{Op, Value};
use regalloc2::{Operand, VReg};

/// The rows of a load or store, and the size of what it moves as a power of two.
pub struct Access {
    offset: Row,
    unscaled: Row,
    index: Row,
    index_w: Row,
    log2: u8,
}

macro_rules! access {
    ($($name:ident $log2:literal $offset:ident $unscaled:ident $index:ident $index_w:ident;)*) => {
        $(pub static $name: Access = Access {
            offset: Row::$offset,
            unscaled: Row::$unscaled,
            index: Row::$index,
            index_w: Row::$index_w,
            log2: $log2,
        };)*
    };
}

access! {
    LOAD_8U 0 LdrB LdurB LdrBX LdrBW;
    LOAD_8S 0 LdrSb LdurSb LdrSbX LdrSbW;
    LOAD_16U 1 LdrH LdurH LdrHX LdrHW;
    LOAD_16S 1 LdrSh LdurSh LdrShX LdrShW;
    LOAD_32U 2 LdrL LdurL LdrLX LdrLW;
    LOAD_32S 2 LdrSw LdurSw LdrSwX LdrSwW;
    LOAD_64 3 Ldr Ldur LdrX LdrW;
    LOAD_F64 3 LdrD LdurD LdrDX LdrDW;
    STORE_8 0 StrB SturB StrBX StrBW;
    STORE_16 1 StrH SturH StrHX StrHW;
    STORE_32 2 StrL SturL StrLX StrLW;
    STORE_64 3 Str Stur StrX StrW;
    STORE_F64 3 StrD SturD StrDX StrDW;
}

/// An address that a load or store can have.
#[derive(Clone, Copy, Debug)]
pub enum Address {
    /// Base plus offset.
    Offset(Arg, i64),
    /// Base plus a 64-bit register shifted by 0 or the size of the access.
    Index(Arg, VReg, i64),
    /// Base plus a 32-bit register, extended and shifted: see [`crate::a64::fields::Place::ExtScale`].
    IndexW(Arg, VReg, i64),
}

/// Whether an instruction has room for an offset.
fn fits(offset: i64, log2: u8) -> bool {
    (-256..256).contains(&offset) || offset >= 0 && offset & ((1 << log2) - 1) == 0 && offset >> log2 < 4096
}

impl Address {
    /// Base plus any offset.
    pub fn offset(l: &mut L, base: Arg, offset: i64, access: &Access) -> Address {
        if fits(offset, access.log2) {
            return Address::Offset(base, offset);
        }
        // The high part can often be added by one instruction.
        let (high, low) = (offset & !0xfff, offset & 0xfff);
        if is_imm12(high) && fits(low, access.log2) {
            let sum = l.int();
            put(l, Row::AddI, &[Arg::W(sum), base, Arg::I(high)]);
            return Address::Offset(Arg::R(sum), low);
        }
        let index = int_constant(l, offset);
        Address::Index(base, index, 0)
    }
}

/// Emits a load into, or a store of, a register.
pub fn access(l: &mut L, access: &Access, value: Arg, at: Address) {
    match at {
        Address::Offset(base, offset) => {
            let scaled = offset >= 0 && offset & ((1 << access.log2) - 1) == 0;
            let row = if scaled { access.offset } else { access.unscaled };
            put(l, row, &[value, base, Arg::I(offset)]);
        }
        Address::Index(base, index, scale) => {
            put(l, access.index, &[value, base, Arg::R(index), Arg::I(scale)])
        }
        Address::IndexW(base, index, extension) => {
            put(l, access.index_w, &[value, base, Arg::R(index), Arg::I(extension)]);
        }
    }
}

/// A value shifted left by this much: what is shifted. Values that are in a register anyway are
/// not looked into.
pub fn shifted_by(l: &L, v: Value, k: u8) -> Option<Value> {
    let (inst, d) = l.pure_def(v, true)?;
    let &[x, by] = l.operands(inst) else { return None };
    let c = l.iconst(by)?;
    let same = match d.op {
        Op::Shl => c & 63 == k as i64,
        Op::Mul => c == 1 << k,
        _ => false,
    };
    (same && !l.live_after(v)).then_some(x)
}

/// The option of zero extension from 32 bits.
pub const UXTW: i64 = 2;
/// The option of sign extension from 32 bits.
pub const SXTW: i64 = 6;

/// A value extended from 32 bits: what is extended, and the option of the extension.
pub fn extended(l: &L, v: Value) -> Option<(Value, i64)> {
    let (inst, d) = l.pure_def(v, true)?;
    let option = match d.op {
        Op::Zext32 => UXTW,
        Op::Sext32 => SXTW,
        _ => return None,
    };
    (!l.live_after(v)).then(|| (l.operands(inst)[0], option))
}

/// Constants taken off one address at most, so that selection stays linear.
const MAX_PEEL: usize = 4;

/// Takes constants off a value as long as their sum with the offset fits: what remains.
fn peel(l: &L, mut v: Value, offset: &mut i64, log2: u8) -> Value {
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
        match offset.checked_add(c) {
            Some(sum) if fits(sum, log2) => *offset = sum,
            _ => break,
        }
        v = rest;
    }
    v
}

/// The index a value is: shifted by the size of the access or not, extended or not.
fn index(l: &mut L, base: Value, v: Value, log2: u8) -> Address {
    let (inner, scale) = match shifted_by(l, v, log2).filter(|_| log2 > 0) {
        Some(inner) => (inner, log2 as i64),
        None => (v, 0),
    };
    let base = Arg::R(l.reg(base));
    match extended(l, inner) {
        Some((narrow, option)) => Address::IndexW(base, l.reg(narrow), option * 8 + scale),
        None => Address::Index(base, l.reg(inner), scale),
    }
}

/// The address for an address value plus offset.
pub fn address(l: &mut L, addr: Value, offset: i64, access: &Access) -> Address {
    let mut offset = offset;
    let base = peel(l, addr, &mut offset, access.log2);
    let sum = l.pure_def(base, true).filter(|(_, d)| d.op == Op::Add && !l.live_after(base));
    if let (0, Some((inst, _))) = (offset, sum) {
        let args = l.operands(inst);
        let scaled = |v| access.log2 > 0 && shifted_by(l, v, access.log2).is_some();
        let exchange = !scaled(args[1]) && (scaled(args[0]) || extended(l, args[0]).is_some());
        let (base, by) = if exchange { (args[1], args[0]) } else { (args[0], args[1]) };
        return index(l, base, by, access.log2);
    }
    let base = Arg::R(l.reg(base));
    Address::offset(l, base, offset, access)
}

fn load_rows(op: Op) -> &'static Access {
    match op {
        Op::Load8u => &LOAD_8U,
        Op::Load8s => &LOAD_8S,
        Op::Load16u => &LOAD_16U,
        Op::Load16s => &LOAD_16S,
        Op::Load32u => &LOAD_32U,
        Op::Load32s => &LOAD_32S,
        Op::Load64 => &LOAD_64,
        _ => &LOAD_F64,
    }
}

/// Selects a load.
pub fn load(l: &mut L, inst: mochi_ir::Inst) {
    let d = l.data(inst);
    let dst = l.result(inst);
    load_as(l, inst, load_rows(d.op), dst);
}

/// Emits a load by the given rows.
pub fn load_as(l: &mut L, inst: mochi_ir::Inst, rows: &Access, dst: VReg) {
    let offset = l.data(inst).imm;
    let at = address(l, l.operands(inst)[0], offset, rows);
    access(l, rows, Arg::W(dst), at);
}

/// Looks through operations that only change bits which a store of this size drops.
fn truncated(l: &L, mut v: Value, bits: u32) -> Value {
    for _ in 0..MAX_PEEL {
        let Some((inst, d)) = l.pure_def(v, true).filter(|_| !l.live_after(v)) else { break };
        let args = l.operands(inst);
        let kept = match d.op {
            Op::Zext8 | Op::Sext8 => 8,
            Op::Zext16 | Op::Sext16 => 16,
            Op::Zext32 | Op::Sext32 => 32,
            Op::And => l.iconst(args[1]).map_or(0, i64::trailing_ones),
            _ => break,
        };
        if kept < bits {
            break;
        }
        v = args[0];
    }
    v
}

/// Selects a store.
pub fn store(l: &mut L, inst: mochi_ir::Inst) {
    let d = l.data(inst);
    let args = l.operands(inst);
    let (rows, bits) = match d.op {
        Op::Store8 => (&STORE_8, 8),
        Op::Store16 => (&STORE_16, 16),
        Op::Store32 => (&STORE_32, 32),
        Op::Store64 => (&STORE_64, 64),
        _ => return store_float(l, inst),
    };
    let value = truncated(l, args[1], bits);
    let value = word(l, value);
    let at = address(l, args[0], d.imm, rows);
    access(l, rows, value, at);
}

/// Float constants that are easy to make as words are stored as words.
fn store_float(l: &mut L, inst: mochi_ir::Inst) {
    let args = l.operands(inst);
    let constant = l.def_of(args[1]).filter(|(_, c)| c.op == Op::Fconst).map(|(_, c)| c.imm);
    let (value, rows) = match constant {
        Some(0) => (Arg::P(ZR), &STORE_64),
        Some(bits) if imm::float(bits as u64).is_none() && imm::plan(bits as u64).steps().len() <= 2 => {
            (Arg::R(int_constant(l, bits)), &STORE_64)
        }
        _ => (Arg::R(l.reg(args[1])), &STORE_F64),
    };
    let at = address(l, args[0], l.data(inst).imm, rows);
    access(l, rows, value, at);
}

/// Sizes up to which constant copies are unrolled.
const INLINE_COPY: i64 = 96;

/// Parts of an area of `n` bytes: size and start. The last two may overlap.
fn pieces(n: i64) -> Vec<(i64, i64)> {
    let mut list = Vec::new();
    let mut at = 0;
    while at < n {
        let (size, start) = match n - at {
            16.. => (16, at),
            8.. => (8, at),
            5..=7 if n >= 8 => (8, n - 8),
            4.. => (4, at),
            3 if n >= 4 => (4, n - 4),
            2.. => (2, at),
            _ => (1, at),
        };
        list.push((size, start));
        at = start + size;
    }
    list
}

fn piece_rows(size: i64) -> (&'static Access, &'static Access) {
    match size {
        8 => (&LOAD_64, &STORE_64),
        4 => (&LOAD_32U, &STORE_32),
        2 => (&LOAD_16U, &STORE_16),
        _ => (&LOAD_8U, &STORE_8),
    }
}

/// Selects `mem.copy` and `mem.move`.
pub fn copy(l: &mut L, inst: mochi_ir::Inst) {
    let args = l.operands(inst);
    let overlap = l.data(inst).op == Op::MemMove;
    match l.iconst(args[2]) {
        Some(0) => return,
        // All loads come before all stores, which takes a register per word.
        Some(n @ 1..=INLINE_COPY) if !overlap || n <= 48 => {
            let (to, from) = (l.reg(args[0]), l.reg(args[1]));
            return copy_inline(l, to, from, n, overlap);
        }
        _ => {}
    }
    let mut ops = Vec::new();
    for &v in args {
        tied(l, v, &mut ops);
    }
    put_composite(l, Composite::Copy { overlap }, &ops);
}

/// Adds a register that starts with a value and is overwritten.
fn tied(l: &mut L, v: Value, ops: &mut Vec<Operand>) {
    let old = l.reg(v);
    ops.push(Operand::reg_reuse_def(l.temp(old.class()), ops.len() + 1));
    ops.push(Operand::reg_use(old));
}

fn copy_inline(l: &mut L, to: VReg, from: VReg, n: i64, overlap: bool) {
    let mut stores: Vec<(i64, i64, VReg, VReg)> = Vec::new();
    for (size, start) in pieces(n) {
        let (first, second) = (l.int(), l.int());
        if size == 16 {
            put(l, Row::Ldp, &[Arg::W(first), Arg::W(second), Arg::R(from), Arg::I(start)]);
        } else {
            let (load, _) = piece_rows(size);
            let at = Address::offset(l, Arg::R(from), start, load);
            access(l, load, Arg::W(first), at);
        }
        if overlap {
            stores.push((size, start, first, second));
        } else {
            store_piece(l, to, size, start, Arg::R(first), Arg::R(second));
        }
    }
    for (size, start, first, second) in stores {
        store_piece(l, to, size, start, Arg::R(first), Arg::R(second));
    }
}

fn store_piece(l: &mut L, to: VReg, size: i64, start: i64, first: Arg, second: Arg) {
    if size == 16 {
        return put(l, Row::Stp, &[first, second, Arg::R(to), Arg::I(start)]);
    }
    let (_, store) = piece_rows(size);
    let at = Address::offset(l, Arg::R(to), start, store);
    access(l, store, first, at);
}

/// Selects `mem.fill`.
pub fn fill(l: &mut L, inst: mochi_ir::Inst) {
    let args = l.operands(inst);
    if let (Some(byte), Some(n @ 0..=INLINE_COPY)) = (l.iconst(args[1]), l.iconst(args[2])) {
        if n == 0 {
            return;
        }
        let to = l.reg(args[0]);
        let pattern = (byte as u8 as u64).wrapping_mul(0x0101_0101_0101_0101) as i64;
        let value = if pattern == 0 { Arg::P(ZR) } else { Arg::R(int_constant(l, pattern)) };
        for (size, start) in pieces(n) {
            store_piece(l, to, size, start, value, value);
        }
        return;
    }
    let mut ops = Vec::new();
    for &v in args {
        tied(l, v, &mut ops);
    }
    put_composite(l, Composite::Fill, &ops);
}
