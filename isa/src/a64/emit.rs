//! Emission of AArch64 code: rows through the table's encoder, branches with their longer forms,
//! constants, symbols, moves, allocated instructions.
//!
//! [`Emitter::put`] is the only place where a row becomes bytes. Branches to labels are sites of
//! the buffer: a conditional branch that does not reach is inverted over an unconditional one.

use crate::a64::composite::{self, Composite, Test};
use crate::a64::imm::{self, Step};
use crate::a64::insts::{Cc, Row};
use crate::a64::regs::*;
use crate::a64::select::SYMBOL_OFFSETS;
use crate::a64::{A64, Inst, abi};
use crate::mach::carry::{Carry, CarryEffect};
use crate::mach::exact::SlowPath;
use crate::mach::fields::FieldRow;
use crate::mach::operands::{Opd, i, r, reg, with};
use crate::mach::{Abi, BranchForm, Emitter, Fixups, Isa, Label};
use mochi_ir::Sym;
use mochi_objwrite::platform::Saves;
use mochi_objwrite::{RelocKind, SymRef};
use regalloc2::{Allocation, PReg, PRegSet, RegClass};
use std::convert::Infallible;

/// An instruction with a label for an operand.
#[derive(Clone, Copy, Debug)]
pub enum Branch {
    /// Always.
    Jump,
    /// On a condition.
    If(Cc),
    /// When the register is zero, or (`true`) is not.
    Zero(PReg, bool),
    /// When the bit of the register is zero, or (`true`) is one.
    Bit(PReg, u8, bool),
    /// The address of the label.
    Address(PReg),
    /// Load of the float at the label.
    Literal(PReg),
}

impl From<Test<PReg>> for Branch {
    fn from(test: Test<PReg>) -> Branch {
        match test {
            Test::Is { cc } => Branch::If(cc),
            Test::Zero { not, word } => Branch::Zero(word, not),
            Test::Bit { bit, one, word } => Branch::Bit(word, bit, one),
        }
    }
}

const fn form(size: u8, bits: u32) -> BranchForm {
    BranchForm { size, min: -(1 << (bits - 1)), max: (1 << (bits - 1)) - 1 }
}

const fn any(size: u8) -> BranchForm {
    BranchForm { size, min: i64::MIN, max: i64::MAX }
}

fn append(out: &mut Vec<u8>, row: Row, operands: &[Opd]) {
    out.extend(row.encode(operands).to_le_bytes());
}

impl Fixups for A64 {
    type Branch = Branch;
    type Reference = Infallible;
    const JUMP: Branch = Branch::Jump;

    fn forms(branch: Branch) -> &'static [BranchForm] {
        static JUMP: [BranchForm; 1] = [any(4)];
        static IF: [BranchForm; 2] = [form(4, 21), any(8)];
        static BIT: [BranchForm; 2] = [form(4, 16), any(8)];
        static ADDRESS: [BranchForm; 2] = [form(4, 21), any(16)];
        static LITERAL: [BranchForm; 2] = [form(4, 21), any(20)];
        match branch {
            Branch::Jump => &JUMP,
            Branch::If(_) | Branch::Zero(..) => &IF,
            Branch::Bit(..) => &BIT,
            Branch::Address(_) => &ADDRESS,
            Branch::Literal(_) => &LITERAL,
        }
    }

    fn write_branch(branch: Branch, form: usize, displacement: i64, out: &mut Vec<u8>) {
        let to = |long: i64| Opd::Imm(if form == 0 { displacement } else { long });
        match branch {
            Branch::Jump => append(out, Row::Branch, &[Opd::Imm(displacement)]),
            Branch::If(cc) => {
                let cc = if form == 0 { cc } else { cc.invert() };
                append(out, Row::BranchIf, &[Opd::Imm(cc as i64), to(8)]);
            }
            Branch::Zero(r, not) => {
                let row = if not == (form == 0) { Row::Cbnz } else { Row::Cbz };
                append(out, row, &[Opd::Reg(r), to(8)]);
            }
            Branch::Bit(r, bit, one) => {
                let row = if one == (form == 0) { Row::Tbnz } else { Row::Tbz };
                append(out, row, &[Opd::Reg(r), Opd::Imm(bit as i64), to(8)]);
            }
            Branch::Address(r) if form == 0 => append(out, Row::Adr, &[Opd::Reg(r), to(0)]),
            Branch::Address(r) => return far_address(out, r, displacement),
            Branch::Literal(r) if form == 0 => append(out, Row::LdrLiteralD, &[Opd::Reg(r), to(0)]),
            Branch::Literal(r) => {
                far_address(out, IP0, displacement);
                return append(out, Row::LdrD, &[Opd::Reg(r), Opd::Reg(IP0), Opd::Imm(0)]);
            }
        }
        if form > 0 {
            append(out, Row::Branch, &[Opd::Imm(displacement - 4)]);
        }
    }

    fn patch(reference: Infallible, _: &mut [u8], _: usize, _: i64) {
        match reference {}
    }
}

/// The address of a place this far from here.
fn far_address(out: &mut Vec<u8>, to: PReg, displacement: i64) {
    append(out, Row::Adr, &[Opd::Reg(to), Opd::Imm(0)]);
    // The link register is in the frame and free.
    let part = |k: u32| Opd::Imm(displacement >> (16 * k) & 0xffff);
    append(out, Row::Movz, &[Opd::Reg(LR), part(0), Opd::Imm(0)]);
    append(out, Row::Movk, &[Opd::Reg(LR), part(1), Opd::Imm(16)]);
    // The displacement is signed: `sxtw`.
    append(out, Row::AddW, &[Opd::Reg(to), Opd::Reg(to), Opd::Reg(LR), Opd::Imm(6 * 8)]);
}

/// No shift.
pub const NO_SHIFT: Opd = Opd::Imm(0);

/// What is known of the code before.
#[derive(Default)]
pub struct State {
    /// The load or store of eight bytes that was emitted last, if it was one.
    single: Option<Single>,
    /// What is known of the carry flag.
    pub carry: Carry,
}

/// What a row does to the carry flag, as far as carries are concerned.
fn carry_effect(row: Row, operands: &[Opd]) -> CarryEffect {
    match (row, operands) {
        (Row::Cset, &[_, Opd::Imm(cc)]) if cc == Cc::Hs as i64 => CarryEffect::Reads,
        (Row::Mov, &[_, Opd::Reg(from)]) => CarryEffect::Copies(from),
        (Row::Mov | Row::Ldr | Row::Str | Row::LdrX | Row::StrX | Row::Ldur | Row::Stur, _)
        | (Row::Add | Row::AddI | Row::AddX | Row::Mvn | Row::Mul | Row::Umulh, _) => CarryEffect::Keeps,
        _ => CarryEffect::Changes,
    }
}

/// A load or store of eight bytes.
struct Single {
    row: Row,
    value: PReg,
    base: PReg,
    offset: i64,
    /// Raw offset of the instruction.
    at: usize,
}

impl Single {
    fn new(row: Row, operands: &[Opd], at: usize) -> Option<Single> {
        match (row, operands) {
            (
                Row::Ldr | Row::Str | Row::LdrD | Row::StrD,
                &[Opd::Reg(value), Opd::Reg(base), Opd::Imm(offset)],
            ) => Some(Single { row, value, base, offset, at }),
            _ => None,
        }
    }

    /// The pair that does the same as this one and then the other.
    fn pair(&self, next: &Single) -> Option<(Row, [Opd; 4])> {
        let (row, loads) = match self.row {
            Row::Ldr => (Row::Ldp, true),
            Row::LdrD => (Row::LdpD, true),
            Row::Str => (Row::Stp, false),
            _ => (Row::StpD, false),
        };
        let (low, high) = if self.offset < next.offset { (self, next) } else { (next, self) };
        let ok = self.row == next.row
            && self.base == next.base
            && low.offset + 8 == high.offset
            && (-512..512).contains(&low.offset)
            && low.offset % 8 == 0
            && !(loads && (self.value == self.base || self.value == next.value));
        ok.then_some((row, [r(low.value), r(high.value), r(self.base), i(low.offset)]))
    }
}

impl Emitter<'_, A64> {
    /// Emits a row. A load or store beside the one before it makes a pair with it.
    pub fn put(&mut self, row: Row, operands: &[Opd]) {
        let at = self.buf.bytes.len();
        let single = Single::new(row, operands, at);
        let effect = carry_effect(row, operands);
        // The result is the first operand.
        let result = operands.first().and_then(|o| if let Opd::Reg(r) = o { Some(*r) } else { None });
        let pair = match (&self.state.single, &single) {
            (Some(last), Some(single)) if last.at + 4 == at && self.buf.is_straight(last.at) => {
                last.pair(single)
            }
            _ => None,
        };
        self.state.single = single.filter(|_| pair.is_none());
        match pair {
            Some((row, operands)) => {
                self.buf.bytes.truncate(at - 4);
                append(&mut self.buf.bytes, row, &operands);
            }
            None => append(&mut self.buf.bytes, row, operands),
        }
        self.state.carry.emitted(&self.buf, at, effect, result);
    }

    /// Emits a register move.
    pub fn mov(&mut self, to: PReg, from: PReg) {
        if to == from {
            return;
        }
        match (to.class(), to == SP || from == SP) {
            (RegClass::Float, _) => self.put(Row::Fmov, &[r(to), r(from)]),
            (_, true) => self.put(Row::MovSp, &[r(to), r(from)]),
            (_, false) => self.put(Row::Mov, &[r(to), r(from)]),
        }
    }

    /// A load or store of `2^log2` bytes at a symbol plus an offset, by a row with an unsigned offset.
    pub fn global(&mut self, row: Row, log2: u8, value: PReg, sym: Sym, offset: i64) {
        let at = self.buf.bytes.len();
        self.put(Row::Adrp, &[r(IP0), i(0)]);
        self.put(row, &[r(value), r(IP0), i(0)]);
        // Its offset is not known here.
        self.state.single = None;
        let low = match log2 {
            0 => RelocKind::A64Ldst8Lo12,
            1 => RelocKind::A64Ldst16Lo12,
            2 => RelocKind::A64Ldst32Lo12,
            _ => RelocKind::A64Ldst64Lo12,
        };
        self.buf.reloc(at, RelocKind::A64Page, SymRef(sym.0), offset);
        self.buf.reloc(at + 4, low, SymRef(sym.0), offset);
    }

    /// Adds a constant, through the second scratch register when it needs one. Flags are kept.
    pub fn add_constant_to(&mut self, to: PReg, from: PReg, v: i64) {
        let (row, size) = if v < 0 { (Row::SubI, v.unsigned_abs()) } else { (Row::AddI, v as u64) };
        let (low, high) = ((size & 0xfff) as i64, (size & 0xfff_000) as i64);
        if size >= 1 << 24 {
            self.constant(IP1, v);
            return self.put(Row::AddX, &[r(to), r(from), r(IP1), NO_SHIFT]);
        }
        if high > 0 {
            self.put(row, &[r(to), r(from), i(high)]);
        }
        if low > 0 || high == 0 {
            let from = if high > 0 { to } else { from };
            self.put(row, &[r(to), r(from), i(low)]);
        }
    }

    /// Emits a conditional branch.
    pub fn branch_if(&mut self, cc: Cc, target: Label) {
        self.buf.branch(Branch::If(cc), target);
    }

    /// Emits a branch on a bit: to the target when it is one.
    pub fn branch_bit(&mut self, reg: PReg, bit: u8, target: Label) {
        self.buf.branch(Branch::Bit(reg, bit, true), target);
    }
}

impl Isa for A64 {
    type Row = Inst;
    type Composite = Composite<()>;
    type Test = Test<()>;
    type Opd = Opd;
    type Undo = Option<composite::Undo>;
    type State = State;
    /// Half of what processors fetch at once: small functions are many.
    const FUNCTION_ALIGN: u32 = 8;
    const COPIES_FROM_SLOTS: bool = false;
    const SYSCALL: Inst = Inst::new(Row::Svc, 0);
    const TRAP: Inst = Inst::new(Row::Brk, 1);
    const CALL: Inst = Inst::new(Row::CallReg, 0);
    const ABI: &'static Abi<A64> = &abi::AAPCS64;

    fn row(e: &mut Emitter<A64>, inst: &Inst, allocs: &[Allocation]) {
        inst.with_operands(allocs, |row, operands| e.put(row, operands));
    }

    fn composite(e: &mut Emitter<A64>, c: &Composite<()>, allocs: &[Allocation]) {
        composite::emit(e, with(*c, allocs, reg));
    }

    fn branch(
        e: &mut Emitter<A64>,
        test: &Test<()>,
        allocs: &[Allocation],
        [so, not]: [Label; 2],
        next: Option<Label>,
    ) {
        let test = with(*test, allocs, reg);
        if next == Some(so) {
            e.buf.branch((!test).into(), not);
        } else {
            e.buf.branch(test.into(), so);
            e.jump_unless_next(not, next);
        }
    }

    /// Keeps flags.
    fn constant(e: &mut Emitter<A64>, to: PReg, v: i64) {
        for step in imm::plan(v as u64).steps() {
            match *step {
                Step::Movz(v, s) => e.put(Row::Movz, &[r(to), i(v as i64), i(s as i64)]),
                Step::Movn(v, s) => e.put(Row::Movn, &[r(to), i(v as i64), i(s as i64)]),
                Step::Movk(v, s) => e.put(Row::Movk, &[r(to), i(v as i64), i(s as i64)]),
                Step::Orr(v) => e.put(Row::OrrI, &[r(to), r(ZR), i(v as i64)]),
            }
        }
    }

    fn float(e: &mut Emitter<A64>, to: PReg, bits: u64) {
        if bits == 0 {
            e.put(Row::FmovFromX, &[r(to), r(ZR)]);
        } else if imm::float(bits).is_some() {
            e.put(Row::FmovI, &[r(to), i(bits as i64)]);
        } else if imm::plan(bits).steps().len() <= 2 {
            e.constant(IP0, bits as i64);
            e.put(Row::FmovFromX, &[r(to), r(IP0)]);
        } else {
            let label = e.add_constant(&bits.to_le_bytes());
            e.buf.branch(Branch::Literal(to), label);
        }
    }

    fn symbol(e: &mut Emitter<A64>, to: PReg, sym: Sym, offset: i64) {
        let near = if SYMBOL_OFFSETS.contains(&offset) { offset } else { 0 };
        let at = e.buf.bytes.len();
        e.put(Row::Adrp, &[r(to), i(0)]);
        e.put(Row::AddI, &[r(to), r(to), i(0)]);
        e.buf.reloc(at, RelocKind::A64Page, SymRef(sym.0), near);
        e.buf.reloc(at + 4, RelocKind::A64Lo12, SymRef(sym.0), near);
        if near != offset {
            e.add_constant_to(to, to, offset);
        }
    }

    fn call(e: &mut Emitter<A64>, sym: Sym) {
        let at = e.buf.bytes.len();
        e.put(Row::Bl, &[i(0)]);
        e.buf.reloc(at, RelocKind::A64Call, SymRef(sym.0), 0);
    }

    fn move_register(e: &mut Emitter<A64>, from: PReg, to: PReg) {
        e.mov(to, from);
    }

    fn in_order_of_saving(saves: Saves, saved: PRegSet) -> Vec<PReg> {
        match saves {
            Saves::Anywhere => saved.into_iter().collect(),
            Saves::PushedPairs => abi::in_pairs(saved),
        }
    }

    /// Addressed from the stack pointer, which has longer offsets and does not move between
    /// instructions.
    fn frame_access(e: &mut Emitter<A64>, offset: i32, reg: PReg, store: bool) {
        let float = reg.class() == RegClass::Float;
        let at = (e.frame.size as i32 + offset) as i64;
        let (row, index) = match (float, store) {
            (false, false) => (Row::Ldr, Row::LdrX),
            (false, true) => (Row::Str, Row::StrX),
            (true, false) => (Row::LdrD, Row::LdrDX),
            (true, true) => (Row::StrD, Row::StrDX),
        };
        if at < 4096 * 8 {
            e.put(row, &[r(reg), r(SP), i(at)]);
        } else {
            e.constant(IP0, at);
            e.put(index, &[r(reg), r(SP), r(IP0), NO_SHIFT]);
        }
    }

    fn clear_word(e: &mut Emitter<A64>, offset: i32) {
        e.frame_access(offset, ZR, true);
    }

    fn slow_path(e: &mut Emitter<A64>, path: &SlowPath<A64>) {
        composite::slow_path(e, path);
    }
}
