//! Encoding of x86-64: rows by their templates ([`super::encode`]), branches by hand, allocated instructions.
//!
//! [`Emitter::put`] is the only place where a row becomes bytes. Rip-relative operands become
//! relocations or references into the function's own constants and tables.

use crate::mach::carry::{Carry, CarryEffect};
use crate::mach::exact::SlowPath;
use crate::mach::operands::with;
use crate::mach::{Abi, BranchForm, Emitter, Fixups, Isa, Label};
use crate::x64::composite::{self, Composite, Test};
use crate::x64::encode::{check, encode};
use crate::x64::insts::{Cc, Field, Role, Row};
use crate::x64::regs::*;
use crate::x64::{Base, Inst, Mem, X64, abi};
use mochi_ir::Sym;
use mochi_objwrite::platform::Convention;
use mochi_objwrite::{RelocKind, SymRef};
use regalloc2::{Allocation, PReg, RegClass};

/// Where a memory operand starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Start {
    /// A register.
    Reg(PReg),
    /// Nothing but the index and the displacement.
    None,
    /// A symbol.
    Sym(Sym),
    /// A place in the function.
    Label(Label),
}

/// A memory operand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Addr {
    /// Base.
    pub start: Start,
    /// Index and its factor.
    pub index: Option<(PReg, u8)>,
    /// Displacement.
    pub disp: i32,
}

/// An operand with its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Opd {
    /// A register.
    Reg(PReg),
    /// Memory.
    Mem(Addr),
    /// A constant.
    Imm(i64),
}

impl Opd {
    /// Memory at a register plus displacement.
    pub fn at(base: PReg, disp: i32) -> Opd {
        Opd::Mem(Addr { start: Start::Reg(base), index: None, disp })
    }

    /// Memory in the frame.
    pub fn frame(disp: i32) -> Opd {
        Opd::at(RBP, disp)
    }

    /// Memory above the stack pointer.
    pub fn stack(disp: i32) -> Opd {
        Opd::at(RSP, disp)
    }

    /// A place in the function.
    pub fn label(label: Label) -> Opd {
        Opd::Mem(Addr { start: Start::Label(label), index: None, disp: 0 })
    }
}

/// State of encoding.
#[derive(Default)]
pub struct State {
    /// What is known of the carry flag.
    pub carry: Carry,
}

/// What a row does to the carry flag, as far as carries are concerned.
fn carry_effect(row: Row, operands: &[Opd]) -> CarryEffect {
    match (row, operands) {
        (Row::SetB, _) => CarryEffect::Reads,
        (Row::Mov | Row::MovzxB, &[_, Opd::Reg(from)]) => CarryEffect::Copies(from),
        (Row::Mov | Row::MovStore | Row::Lea | Row::Not, _) => CarryEffect::Keeps,
        _ => CarryEffect::Changes,
    }
}

/// A branch to a label.
#[derive(Clone, Copy, Debug)]
pub enum Branch {
    /// Always.
    Jmp,
    /// When the condition holds.
    Jcc(Cc),
}

/// A rip-relative field of four bytes; the bytes between its end and the end of the instruction.
#[derive(Clone, Copy, Debug)]
pub struct RipField(pub u8);

const fn forms(short: u8, long: u8) -> [BranchForm; 2] {
    [
        BranchForm { size: short, min: -128 + short as i64, max: 127 + short as i64 },
        BranchForm { size: long, min: i64::MIN, max: i64::MAX },
    ]
}

impl Fixups for X64 {
    type Branch = Branch;
    type Reference = RipField;
    const JUMP: Branch = Branch::Jmp;

    fn forms(branch: Branch) -> &'static [BranchForm] {
        static JMP: [BranchForm; 2] = forms(2, 5);
        static JCC: [BranchForm; 2] = forms(2, 6);
        match branch {
            Branch::Jmp => &JMP,
            Branch::Jcc(_) => &JCC,
        }
    }

    fn write_branch(branch: Branch, form: usize, displacement: i64, out: &mut Vec<u8>) {
        let field = displacement - Self::forms(branch)[form].size as i64;
        match (branch, form) {
            (Branch::Jmp, 0) => out.extend([0xeb, field as u8]),
            (Branch::Jcc(cc), 0) => out.extend([0x70 | cc as u8, field as u8]),
            (Branch::Jmp, _) => out.push(0xe9),
            (Branch::Jcc(cc), _) => out.extend([0x0f, 0x80 | cc as u8]),
        }
        if form > 0 {
            out.extend((field as i32).to_le_bytes());
        }
    }

    fn patch(reference: RipField, bytes: &mut [u8], at: usize, displacement: i64) {
        let field = &mut bytes[at..at + 4];
        let addend = i32::from_le_bytes([field[0], field[1], field[2], field[3]]);
        let value = displacement as i32 + addend - 4 - reference.0 as i32;
        field.copy_from_slice(&value.to_le_bytes());
    }
}

impl Emitter<'_, X64> {
    /// Emits a row; hidden operands and `cl` are not given.
    pub fn put(&mut self, row: Row, operands: &[Opd]) {
        let at = self.buf.bytes.len();
        let field = encode(row, operands, &mut self.buf.bytes);
        let result = operands.first().and_then(|o| if let Opd::Reg(r) = o { Some(*r) } else { None });
        self.state.carry.emitted(&self.buf, at, carry_effect(row, operands), result);
        if self.context.options.verify {
            check(row, operands, &self.buf.bytes[at..], field.map(|f| f - at));
        }
        if let Some(field) = field {
            let rest = (self.buf.bytes.len() - field - 4) as u8;
            self.fix(field, rest, operands);
        }
    }

    /// Notes what the rip-relative operand refers to.
    fn fix(&mut self, field: usize, rest: u8, operands: &[Opd]) {
        let Some(Opd::Mem(a)) = operands.iter().find(|o| matches!(o, Opd::Mem(_))) else {
            unreachable!("memory operand")
        };
        match a.start {
            Start::Sym(sym) => {
                let addend = a.disp as i64 - 4 - rest as i64;
                self.buf.reloc(field, RelocKind::X64Pc32, SymRef(sym.0), addend);
            }
            Start::Label(label) => {
                self.buf.bytes[field..field + 4].copy_from_slice(&a.disp.to_le_bytes());
                self.buf.reference(field, RipField(rest), label);
            }
            _ => unreachable!("rip-relative"),
        }
    }

    /// Emits a row whose last operand is an immediate, in its shortest form.
    pub fn put_imm(&mut self, row: Row, operand: Opd, imm: i64) {
        self.put(row.for_imm(imm), &[operand, Opd::Imm(imm)]);
    }

    /// Emits a register move.
    pub fn mov(&mut self, to: PReg, from: Opd) {
        match from {
            Opd::Reg(r) if r == to => {}
            Opd::Imm(v) => self.constant(to, v),
            _ => self.put(Row::Mov, &[Opd::Reg(to), from]),
        }
    }

    /// Emits a conditional jump.
    pub fn jcc(&mut self, cc: Cc, target: Label) {
        self.buf.branch(Branch::Jcc(cc), target);
    }

    /// The place of an allocation.
    pub fn opd(&self, a: Allocation) -> Opd {
        match a.as_reg() {
            Some(r) => Opd::Reg(r),
            None => Opd::frame(self.frame.slot_offset(a.as_stack().expect("allocated").index())),
        }
    }

    /// The memory operand with these registers left in `allocs`.
    pub fn address(&mut self, mem: Mem, allocs: &mut impl Iterator<Item = Allocation>) -> Opd {
        let mut reg = || allocs.next().and_then(|a| a.as_reg()).expect("address register");
        let mut disp = mem.disp;
        let start = match mem.base {
            Base::Reg => Start::Reg(reg()),
            Base::None => Start::None,
            Base::Sym(s) => Start::Sym(s),
            Base::Incoming => {
                disp += 16;
                Start::Reg(RBP)
            }
            Base::Outgoing => Start::Reg(RSP),
            Base::Frame => Start::Reg(RBP),
            Base::Bits(bits) => Start::Label(self.add_constant(&bits.to_le_bytes())),
            Base::Mask(bits) => {
                let wide = (bits as u128) << 64 | bits as u128;
                Start::Label(self.add_constant(&wide.to_le_bytes()))
            }
            Base::Operand => unreachable!("no address"),
        };
        let index = (mem.scale > 0).then(|| (reg(), mem.scale));
        Opd::Mem(Addr { start, index, disp })
    }
}

impl Isa for X64 {
    type Row = Inst;
    type Composite = Composite<()>;
    type Test = Test;
    type Opd = Opd;
    type Undo = composite::Undo;
    type State = State;
    const FUNCTION_ALIGN: u32 = 16;
    const COPIES_FROM_SLOTS: bool = true;
    const SYSCALL: Inst = Inst::new(Row::Syscall);
    const TRAP: Inst = Inst::new(Row::Ud2);
    const CALL: Inst = Inst::new(Row::CallReg);
    const ABI: &'static Abi<X64> = &abi::SYSTEM_V;

    fn system_abi(convention: Convention) -> &'static Abi<X64> {
        match convention {
            Convention::Machine => &abi::SYSTEM_V,
            Convention::Win64 => &abi::WIN64,
        }
    }

    fn row(e: &mut Emitter<X64>, &Inst { row, mem, imm }: &Inst, allocs: &[Allocation]) {
        let mut allocs = allocs.iter().copied();
        let mut operands = [Opd::Imm(0); 4];
        let mut n = 0;
        for &(role, field) in row.info().operands {
            if role == Role::Rw && field != Field::Mem {
                // The definition comes first; the use has the same place.
                allocs.next();
            }
            let operand = match field {
                Field::Hidden(_) | Field::Cl => {
                    allocs.next();
                    continue;
                }
                Field::Reg(_) => e.opd(allocs.next().expect("allocation")),
                Field::RegMem(_) if mem.base == Base::Operand => e.opd(allocs.next().expect("allocation")),
                Field::RegMem(_) | Field::Mem => e.address(mem, &mut allocs),
                _ => Opd::Imm(imm),
            };
            operands[n] = operand;
            n += 1;
        }
        e.put(row, &operands[..n]);
    }

    fn composite(e: &mut Emitter<X64>, c: &Composite<()>, allocs: &[Allocation]) {
        composite::emit(e, with(*c, allocs, |a| e.opd(a)));
    }

    fn branch(
        e: &mut Emitter<X64>,
        test: &Test,
        _: &[Allocation],
        [so, not]: [Label; 2],
        next: Option<Label>,
    ) {
        composite::branch_if(e, *test, so, not, next);
    }

    /// Does not change flags, except for zero.
    fn constant(e: &mut Emitter<X64>, to: PReg, v: i64) {
        let to = Opd::Reg(to);
        if v == 0 {
            e.put(Row::XorL, &[to, to]);
        } else if v as u32 as i64 == v {
            e.put(Row::MovLI, &[to, Opd::Imm(v)]);
        } else if v as i32 as i64 == v {
            e.put(Row::MovI, &[to, Opd::Imm(v)]);
        } else {
            e.put(Row::MovAbs, &[to, Opd::Imm(v)]);
        }
    }

    fn float(e: &mut Emitter<X64>, to: PReg, bits: u64) {
        if bits == 0 {
            e.put(Row::Xorps, &[Opd::Reg(to), Opd::Reg(to)]);
        } else {
            let label = e.add_constant(&bits.to_le_bytes());
            e.put(Row::MovsdLoad, &[Opd::Reg(to), Opd::label(label)]);
        }
    }

    /// Changes flags for offsets of more than 32 bits.
    fn symbol(e: &mut Emitter<X64>, to: PReg, sym: Sym, offset: i64) {
        let near = i32::try_from(offset);
        let at = Addr { start: Start::Sym(sym), index: None, disp: near.unwrap_or(0) };
        e.put(Row::Lea, &[Opd::Reg(to), Opd::Mem(at)]);
        if near.is_err() {
            let rest = e.add_constant(&offset.to_le_bytes());
            e.put(Row::Add, &[Opd::Reg(to), Opd::label(rest)]);
        }
    }

    fn call(e: &mut Emitter<X64>, sym: Sym) {
        e.buf.bytes.push(0xe8);
        let at = e.buf.bytes.len();
        e.buf.bytes.extend([0; 4]);
        e.buf.reloc(at, RelocKind::X64Call, SymRef(sym.0), -4);
    }

    fn move_register(e: &mut Emitter<X64>, from: PReg, to: PReg) {
        let row = if to.class() == RegClass::Float { Row::Movaps } else { Row::Mov };
        e.put(row, &[Opd::Reg(to), Opd::Reg(from)]);
    }

    fn frame_access(e: &mut Emitter<X64>, offset: i32, reg: PReg, store: bool) {
        let (reg, place, float) = (Opd::Reg(reg), Opd::frame(offset), reg.class() == RegClass::Float);
        match (float, store) {
            (true, true) => e.put(Row::MovsdStore, &[place, reg]),
            (true, false) => e.put(Row::MovsdLoad, &[reg, place]),
            (false, true) => e.put(Row::MovStore, &[place, reg]),
            (false, false) => e.put(Row::Mov, &[reg, place]),
        }
    }

    fn clear_word(e: &mut Emitter<X64>, offset: i32) {
        e.put(Row::MovStoreI, &[Opd::frame(offset), Opd::Imm(0)]);
    }

    fn slow_path(e: &mut Emitter<X64>, path: &SlowPath<X64>) {
        composite::slow_path(e, path);
    }
}
