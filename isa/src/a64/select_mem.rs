//! Selection: addresses, loads, stores, copies of memory.

use crate::a64::A64;
use crate::a64::composite::{Composite, Tail, is_imm12};
use crate::a64::imm;
use crate::a64::insts::Row;
use crate::a64::regs::{FP, SP, ZR, x};
use crate::a64::select::{Arg, L, SYMBOL_OFFSETS, put, word};
use crate::mach::memory::{self, Memory, Start, low_zeros, repeated};
use crate::mach::operands::{RegImm, late};
use crate::mach::select::no_rule;
use mochi_ir::{Op, Sym, Value};
use regalloc2::{Operand, RegClass, VReg};

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
    /// Base plus a 32-bit register, extended and shifted: see [`crate::a64::fields::Field::ExtScale`].
    IndexW(Arg, VReg, i64),
    /// Symbol plus offset, a multiple of the access's size.
    Symbol(Sym, i64),
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
        let index = l.word(offset);
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
        Address::Symbol(sym, offset) => {
            let (row, log2, value) = (access.offset, access.log2, value.operand());
            l.composite(Composite::Global { row, log2, sym, offset, value });
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
    let base = memory::peel(l, addr, 1, &mut offset, |sum| fits(sum, access.log2));
    let sum = l.pure_def(base, true).filter(|(_, d)| d.op == Op::Add && !l.live_after(base));
    if let (0, Some((inst, _))) = (offset, sum) {
        let args = l.operands(inst);
        let scaled = |v| access.log2 > 0 && shifted_by(l, v, access.log2).is_some();
        let exchange = !scaled(args[1]) && (scaled(args[0]) || extended(l, args[0]).is_some());
        let (base, by) = if exchange { (args[1], args[0]) } else { (args[0], args[1]) };
        return index(l, base, by, access.log2);
    }
    if let Some((_, d)) = l.def_of(base).filter(|(_, d)| d.op == Op::Symaddr) {
        let (sym, place) = (d.sym.expect("symaddr has a symbol"), d.imm.wrapping_add(offset));
        let size = 1 << access.log2;
        if SYMBOL_OFFSETS.contains(&place) && place % size == 0 && l.context.align(sym) as i64 >= size {
            return Address::Symbol(sym, place);
        }
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
        Op::LoadF64 => &LOAD_F64,
        op => no_rule(op),
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

/// Selects a store.
pub fn store(l: &mut L, inst: mochi_ir::Inst) {
    let d = l.data(inst);
    let args = l.operands(inst);
    if d.op == Op::StoreF64 {
        return store_float(l, inst);
    }
    let size = d.op.access_size().expect("a store").into();
    let (_, rows) = rows(size, RegClass::Int);
    let value = memory::truncated(l, args[1], 8 * size as u32);
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
            (Arg::R(l.word(bits)), &STORE_64)
        }
        _ => (Arg::R(l.reg(args[1])), &STORE_F64),
    };
    let at = address(l, args[0], l.data(inst).imm, rows);
    access(l, rows, value, at);
}

/// The rows of loads, not extended, and of stores.
fn rows(size: i64, class: RegClass) -> (&'static Access, &'static Access) {
    match (size, class) {
        (1, _) => (&LOAD_8U, &STORE_8),
        (2, _) => (&LOAD_16U, &STORE_16),
        (4, _) => (&LOAD_32U, &STORE_32),
        (_, RegClass::Float) => (&LOAD_F64, &STORE_F64),
        _ => (&LOAD_64, &STORE_64),
    }
}

/// What remains of a size after pieces of 16 bytes.
fn tail(l: &L, size: Value) -> Tail {
    match l.iconst(size) {
        Some(n) => Tail { bits: (n & 15) as u8, known: true },
        None => Tail { bits: (15 << low_zeros(l, size).min(4)) as u8 & 15, known: false },
    }
}

/// The address of a plain load or store.
fn place(l: &mut L, start: Start, offset: i64, access: &Access) -> Address {
    let (base, offset) = match start {
        Start::Reg(r) => (Arg::R(r), offset),
        // Stack arguments are above the frame record.
        Start::Incoming => (Arg::P(FP), offset + 16),
        Start::Outgoing => (Arg::P(SP), offset),
    };
    Address::offset(l, base, offset, access)
}

impl Memory for A64 {
    const PIECE: i64 = 16;
    const INLINE_COPY: i64 = 96;
    const INLINE_MOVE: i64 = 48;

    fn load(l: &mut L, to: &[VReg], start: Start, offset: i64, size: i64) {
        let (rows, _) = rows(size, to[0].class());
        let at = place(l, start, offset, rows);
        match (to, at) {
            (&[to], _) => access(l, rows, Arg::W(to), at),
            (&[first, second], Address::Offset(base, offset)) => {
                put(l, Row::Ldp, &[Arg::W(first), Arg::W(second), base, Arg::I(offset)]);
            }
            _ => unreachable!("pairs are near"),
        }
    }

    fn store(l: &mut L, values: &[RegImm<VReg>], start: Start, offset: i64, size: i64) {
        let value = |v: RegImm<VReg>| if let RegImm::Reg(r) = v { Arg::R(r) } else { Arg::P(ZR) };
        let class = if let RegImm::Reg(r) = values[0] { r.class() } else { RegClass::Int };
        let (_, rows) = rows(size, class);
        let at = place(l, start, offset, rows);
        match (values, at) {
            (&[v], _) => access(l, rows, value(v), at),
            (&[first, second], Address::Offset(base, offset)) => {
                put(l, Row::Stp, &[value(first), value(second), base, Arg::I(offset)]);
            }
            _ => unreachable!("pairs are near"),
        }
    }

    fn copy_any(l: &mut L, args: &[Value], overlap: bool) {
        let tail = tail(l, args[2]);
        let mut fixed = |k: usize| Operand::reg_fixed_use(l.fixed(args[k]), x(k));
        let c = Composite::Copy { overlap, tail, to: fixed(0), from: fixed(1), n: fixed(2) };
        l.composite_clobbering(c, [x(0), x(1), x(2)].into_iter().collect());
    }

    fn fill_any(l: &mut L, args: &[Value]) {
        let tail = tail(l, args[2]);
        let byte = l.iconst(args[1]);
        let word = match byte.map(repeated) {
            Some(0) => Operand::fixed_nonallocatable(ZR),
            Some(word) => late(l.word(word)),
            None => late(l.reg(args[1])),
        };
        let to = Operand::reg_fixed_use(l.fixed(args[0]), x(0));
        let n = Operand::reg_fixed_use(l.fixed(args[2]), x(1));
        let c = Composite::Fill { spread: byte.is_none(), tail, to, n, word };
        l.composite_clobbering(c, [x(0), x(1)].into_iter().collect());
    }
}
