//! Selection: addresses, loads, stores, copies of memory.

use crate::mach::memory::{self, Memory, Start};
use crate::mach::operands::{RegImm, Tied};
use crate::mach::select::no_rule;
use crate::rv64::Rv64;
use crate::rv64::composite::Composite;
use crate::rv64::imm::{self, fits12, low12};
use crate::rv64::insts::Row;
use crate::rv64::regs::{FP, SP, ZERO};
use crate::rv64::select::{Arg, L, put, symbol_offset, word};
use mochi_ir::{Op, Sym, Value};
use regalloc2::{Operand, RegClass, VReg};

/// An address that a load or store can have.
enum Address {
    /// Base plus offset.
    Offset(Arg, Arg),
    /// A symbol plus an offset.
    Symbol(Sym, i64),
}

/// Base and offset for a base plus any offset.
fn based(l: &mut L, base: Arg, offset: i64) -> (Arg, Arg) {
    if fits12(offset) {
        return (base, Arg::I(offset));
    }
    let upper = l.word(offset.wrapping_sub(low12(offset)));
    let sum = l.int();
    put(l, Row::Add, &[Arg::W(sum), base, Arg::R(upper)]);
    (Arg::R(sum), Arg::I(low12(offset)))
}

/// The address for an address value plus offset.
fn address(l: &mut L, addr: Value, offset: i64) -> Address {
    let mut offset = offset;
    let base = memory::peel(l, addr, 1, &mut offset, fits12);
    if let Some((_, d)) = l.def_of(base).filter(|(_, d)| d.op == Op::Symaddr) {
        let sum = d.imm.wrapping_add(offset);
        if symbol_offset(sum) {
            return Address::Symbol(d.sym.expect("symaddr has a symbol"), sum);
        }
    }
    let base = word(l, base);
    let (base, offset) = based(l, base, offset);
    Address::Offset(base, offset)
}

/// Emits a load into, or a store of, a register.
fn access(l: &mut L, row: Row, value: Arg, at: Address) {
    match at {
        Address::Offset(base, offset) => put(l, row, &[value, offset, base]),
        Address::Symbol(sym, addend) => {
            let store = !matches!(value, Arg::W(_));
            let value = value.operand();
            l.composite(Composite::SymbolAccess { row, store, sym, addend, value });
        }
    }
}

/// Selects a load.
pub fn load(l: &mut L, inst: mochi_ir::Inst) {
    let row = match l.data(inst).op {
        Op::Load8u => Row::Lbu,
        Op::Load8s => Row::Lb,
        Op::Load16u => Row::Lhu,
        Op::Load16s => Row::Lh,
        Op::Load32u => Row::Lwu,
        Op::Load32s => Row::Lw,
        Op::Load64 => Row::Ld,
        Op::LoadF64 => Row::Fld,
        op => no_rule(op),
    };
    let dst = l.result(inst);
    load_as(l, inst, row, dst);
}

/// Emits a load by the given row.
pub fn load_as(l: &mut L, inst: mochi_ir::Inst, row: Row, dst: VReg) {
    let at = address(l, l.operands(inst)[0], l.data(inst).imm);
    access(l, row, Arg::W(dst), at);
}

/// Selects a store.
pub fn store(l: &mut L, inst: mochi_ir::Inst) {
    let d = l.data(inst);
    let args = l.operands(inst);
    if d.op == Op::StoreF64 {
        return store_float(l, inst);
    }
    let size = d.op.access_size().expect("a store").into();
    let (_, row) = rows(size, RegClass::Int);
    let value = memory::truncated(l, args[1], 8 * size as u32);
    let value = word(l, value);
    let at = address(l, args[0], d.imm);
    access(l, row, value, at);
}

/// Float constants that are easy to make as words are stored as words.
fn store_float(l: &mut L, inst: mochi_ir::Inst) {
    let args = l.operands(inst);
    let constant = l.def_of(args[1]).filter(|(_, c)| c.op == Op::Fconst).map(|(_, c)| c.imm);
    let (value, row) = match constant {
        Some(0) => (Arg::P(ZERO), Row::Sd),
        Some(bits) if imm::plan(bits).steps().len() <= 2 => (Arg::R(l.word(bits)), Row::Sd),
        _ => (Arg::R(l.reg(args[1])), Row::Fsd),
    };
    let at = address(l, args[0], l.data(inst).imm);
    access(l, row, value, at);
}

/// A register that starts with a value and is overwritten.
fn destroyed(l: &mut L, v: Value) -> Tied<Operand> {
    let old = l.reg(v);
    Tied::new(l.temp(old.class()), old)
}

/// The rows of a load, extended as it is shortest, and of a store.
fn rows(size: i64, class: RegClass) -> (Row, Row) {
    match (size, class) {
        (1, _) => (Row::Lbu, Row::Sb),
        (2, _) => (Row::Lhu, Row::Sh),
        (4, _) => (Row::Lw, Row::Sw),
        (_, RegClass::Float) => (Row::Fld, Row::Fsd),
        _ => (Row::Ld, Row::Sd),
    }
}

/// Base and offset of a plain load or store. The frame pointer is the stack pointer before the call.
fn place(l: &mut L, start: Start, offset: i64) -> (Arg, Arg) {
    let base = match start {
        Start::Reg(r) => Arg::R(r),
        Start::Incoming => Arg::P(FP),
        Start::Outgoing => Arg::P(SP),
    };
    based(l, base, offset)
}

impl Memory for Rv64 {
    const PIECE: i64 = 8;
    const INLINE_COPY: i64 = 64;
    const INLINE_MOVE: i64 = 48;

    fn load(l: &mut L, to: &[VReg], start: Start, offset: i64, size: i64) {
        let (base, offset) = place(l, start, offset);
        put(l, rows(size, to[0].class()).0, &[Arg::W(to[0]), offset, base]);
    }

    fn store(l: &mut L, values: &[RegImm<VReg>], start: Start, offset: i64, size: i64) {
        let (base, offset) = place(l, start, offset);
        let (value, class) = match values[0] {
            RegImm::Reg(r) => (Arg::R(r), r.class()),
            RegImm::Imm(_) => (Arg::P(ZERO), RegClass::Int),
        };
        put(l, rows(size, class).1, &[value, offset, base]);
    }

    fn copy_any(l: &mut L, args: &[Value], overlap: bool) {
        let [to, from, n] = [0, 1, 2].map(|k| destroyed(l, args[k]));
        l.composite(Composite::Copy { overlap, to, from, n });
    }

    fn fill_any(l: &mut L, args: &[Value]) {
        let [to, byte, n] = [0, 1, 2].map(|k| destroyed(l, args[k]));
        l.composite(Composite::Fill { to, byte, n });
    }
}
