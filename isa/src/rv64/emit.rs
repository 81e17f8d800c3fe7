//! Emission of RV64 code: rows through the table's encoder, short forms where they fit, branches
//! with their longer forms, constants, symbols, moves, allocated instructions.
//!
//! [`Emitter::put`] is the only place where a row becomes bytes, but for pairs of `auipc` and what
//! follows it, which are never compressed, since they are patched as one unit. Branches to labels and calls
//! are sites of the buffer: a conditional branch that does not reach is inverted over a jump. The
//! longest jump destroys the second scratch register, and so does what the linker puts between a call and
//! its function; nothing is kept there across branches but within short loops.

use crate::mach::exact::SlowPath;
use crate::mach::fields::FieldRow;
use crate::mach::operands::{Opd, i, r, reg, with};
use crate::mach::{Abi, BranchForm, Emitter, Fixups, Isa, Label};
use crate::rv64::composite::{self, Composite, Decide, Test};
use crate::rv64::imm::{self, Step, fits12, high, low12};
use crate::rv64::insts::Row;
use crate::rv64::regs::*;
use crate::rv64::select::symbol_offset;
use crate::rv64::{Inst, Rv64, abi};
use mochi_ir::Sym;
use mochi_objwrite::{RelocKind, SymRef};
use regalloc2::{Allocation, PReg, RegClass};

/// Conditions of branches, in pairs of opposites.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Cc {
    Eq,
    Ne,
    Lt,
    Ge,
    Ltu,
    Geu,
}

impl Cc {
    /// The opposite.
    pub fn invert(self) -> Cc {
        use Cc::*;
        [Ne, Eq, Ge, Lt, Geu, Ltu][self as usize]
    }

    /// The branch.
    fn row(self) -> Row {
        use Row::*;
        [Beq, Bne, Blt, Bge, Bltu, Bgeu][self as usize]
    }
}

/// An instruction with a label for an operand.
#[derive(Clone, Copy, Debug)]
pub enum Branch {
    /// Always.
    Jump,
    /// When the condition holds between two registers.
    If(Cc, PReg, PReg),
    /// A call; its relocation says of what.
    Call,
}

/// A reference to a label by a pair of `auipc` and an instruction with a 12-bit immediate.
#[derive(Clone, Copy, Debug)]
pub struct Pair;

const fn form(size: u8, bits: u32, before: i64) -> BranchForm {
    BranchForm { size, min: before - (1 << (bits - 1)), max: before + (1 << (bits - 1)) - 2 }
}

const fn any(size: u8) -> BranchForm {
    BranchForm { size, min: i64::MIN, max: i64::MAX }
}

/// From how far before the end of its function a call may be a `jal`. What is out of its reach it calls by a
/// veneer, which is at worst behind the function and those of all other calls up to there: twice as large
/// as a call, and all within 1 MiB (`mochi_objwrite::link::veneers`).
const CALL_REACH: i64 = (1 << 20) / 3 - 8;

/// Appends a row, compressed if it can be.
fn append(out: &mut Vec<u8>, row: Row, operands: &[Opd]) {
    match row.compress(&row.values(operands)[..operands.len()]) {
        Some(short) => out.extend((short as u16).to_le_bytes()),
        None => out.extend(&row.encode(operands).to_le_bytes()[..row.size()]),
    }
}

fn append_long(out: &mut Vec<u8>, row: Row, operands: &[Opd]) {
    out.extend(row.encode(operands).to_le_bytes());
}

/// The field of `auipc` for a distance.
fn upper(distance: i64) -> Opd {
    debug_assert!(distance == distance as i32 as i64, "functions are smaller than 2 GiB");
    Opd::Imm(high(distance) & 0xf_ffff)
}

impl Fixups for Rv64 {
    type Branch = Branch;
    type Reference = Pair;
    const JUMP: Branch = Branch::Jump;

    fn forms(branch: Branch) -> &'static [BranchForm] {
        static JUMP: [BranchForm; 3] = [form(2, 12, 0), form(4, 21, 0), any(8)];
        static IF: [BranchForm; 3] = [form(4, 13, 0), form(8, 21, 4), any(12)];
        static IF_ZERO: [BranchForm; 4] = [form(2, 9, 0), form(4, 13, 0), form(6, 21, 2), any(10)];
        static CALL: [BranchForm; 2] = [BranchForm { size: 4, min: 0, max: CALL_REACH }, any(8)];
        match branch {
            Branch::Jump => &JUMP,
            Branch::Call => &CALL,
            Branch::If(cc, a, b) => {
                let (a, b) = (a.hw_enc() as i64, b.hw_enc() as i64);
                if cc.row().compress(&[a, b, 0]).is_some() { &IF_ZERO } else { &IF }
            }
        }
    }

    fn write_branch(branch: Branch, form: usize, displacement: i64, out: &mut Vec<u8>) {
        let size = Self::forms(branch)[form].size;
        match (branch, size) {
            (Branch::Jump, 2) => append(out, Row::Jal, &[r(ZERO), i(displacement)]),
            (Branch::Jump, 4) => append_long(out, Row::Jal, &[r(ZERO), i(displacement)]),
            (Branch::Jump, _) => {
                append_long(out, Row::Auipc, &[r(T6), upper(displacement)]);
                append_long(out, Row::Jalr, &[r(ZERO), i(low12(displacement)), r(T6)]);
            }
            (Branch::Call, 4) => append_long(out, Row::Jal, &[r(RA), i(0)]),
            (Branch::Call, _) => {
                append_long(out, Row::Auipc, &[r(RA), i(0)]);
                append_long(out, Row::Jalr, &[r(RA), i(0), r(RA)]);
            }
            (Branch::If(cc, a, b), 2) => append(out, cc.row(), &[r(a), r(b), i(displacement)]),
            (Branch::If(cc, a, b), 4) => append_long(out, cc.row(), &[r(a), r(b), i(displacement)]),
            (Branch::If(cc, a, b), _) => {
                let (jump, form) = if size <= 8 { (4, 1) } else { (8, 2) };
                append(out, cc.invert().row(), &[r(a), r(b), i(size as i64)]);
                let over = (size - jump) as i64;
                Self::write_branch(Branch::Jump, form, displacement - over, out);
            }
        }
    }

    fn patch(_: Pair, bytes: &mut [u8], at: usize, displacement: i64) {
        let unit = &mut bytes[at..at + 8];
        // The same unit as for a symbol, with the displacement as its distance.
        mochi_objwrite::reloc::apply(RelocKind::Rv64PcI, unit, displacement as u64, 0)
            .expect("functions are smaller than 2 GiB");
    }
}

/// Steps up to which a constant is made by instructions; longer ones are loaded.
const STEPS: usize = 4;

impl Emitter<'_, Rv64> {
    /// Emits a row, compressed if it can be.
    pub fn put(&mut self, row: Row, operands: &[Opd]) {
        append(&mut self.buf.bytes, row, operands);
    }

    /// Emits `auipc` and a row whose immediate is the rest of the distance.
    fn pair(&mut self, upper: PReg, row: Row, operands: &[Opd]) {
        append_long(&mut self.buf.bytes, Row::Auipc, &[r(upper), i(0)]);
        append_long(&mut self.buf.bytes, row, operands);
    }

    /// Emits a register move.
    pub fn mov(&mut self, to: PReg, from: PReg) {
        if to == from {
            return;
        }
        match (to.class(), from.class()) {
            (RegClass::Float, RegClass::Float) => self.put(Row::FsgnjD, &[r(to), r(from), r(from)]),
            (RegClass::Float, _) => self.put(Row::FmvDX, &[r(to), r(from)]),
            (_, RegClass::Float) => self.put(Row::FmvXD, &[r(to), r(from)]),
            _ => self.put(Row::Addi, &[r(to), r(from), i(0)]),
        }
    }

    /// Loads eight bytes from behind the code.
    fn load_constant(&mut self, row: Row, to: PReg, base: PReg, bits: u64) {
        let label = self.add_constant(&bits.to_le_bytes());
        self.label_pair(base, row, &[r(to), i(0), r(base)], label);
    }

    fn label_pair(&mut self, upper: PReg, row: Row, operands: &[Opd], label: Label) {
        let at = self.buf.bytes.len();
        self.pair(upper, row, operands);
        self.buf.reference(at, Pair, label);
    }

    /// The address of a label.
    pub fn label_address(&mut self, to: PReg, label: Label) {
        self.label_pair(to, Row::Addi, &[r(to), r(to), i(0)], label);
    }

    /// Loads from or stores to the place of a symbol plus an offset.
    pub fn symbol_access(&mut self, row: Row, reg: PReg, store: bool, sym: Sym, addend: i64) {
        let kind = if store { RelocKind::Rv64PcS } else { RelocKind::Rv64PcI };
        let base = if store || reg.class() == RegClass::Float { T6 } else { reg };
        self.symbol_pair(base, row, &[r(reg), i(0), r(base)], kind, sym, addend);
    }

    fn symbol_pair(
        &mut self,
        upper: PReg,
        row: Row,
        operands: &[Opd],
        kind: RelocKind,
        sym: Sym,
        addend: i64,
    ) {
        let at = self.buf.bytes.len();
        self.pair(upper, row, operands);
        self.buf.reloc(at, kind, SymRef(sym.0), addend);
    }

    /// Adds a constant, through the second scratch register when it needs one.
    pub fn add_constant_to(&mut self, to: PReg, from: PReg, v: i64) {
        let half = if v < 0 { -2048 } else { 2047 };
        if fits12(v) {
            if v != 0 || to != from {
                self.put(Row::Addi, &[r(to), r(from), i(v)]);
            }
        } else if fits12(v.wrapping_sub(half)) {
            self.put(Row::Addi, &[r(to), r(from), i(half)]);
            self.put(Row::Addi, &[r(to), r(to), i(v - half)]);
        } else {
            self.constant(T6, v);
            self.put(Row::Add, &[r(to), r(from), r(T6)]);
        }
    }

    /// Emits a conditional branch.
    pub fn branch_if(&mut self, cc: Cc, a: PReg, b: PReg, target: Label) {
        self.buf.branch(Branch::If(cc, a, b), target);
    }

    /// Emits a branch to one of two places.
    pub fn branch_or(&mut self, cc: Cc, a: PReg, b: PReg, targets: [Label; 2], next: Option<Label>) {
        let [so, not] = targets;
        if next == Some(so) {
            self.branch_if(cc.invert(), a, b, not);
        } else {
            self.branch_if(cc, a, b, so);
            self.jump_unless_next(not, next);
        }
    }
}

impl Isa for Rv64 {
    type Row = Inst;
    type Composite = Composite<()>;
    type Test = Test<()>;
    type Opd = Opd;
    /// Nothing is undone; the slow path of a comparison says how its answer is used.
    type Undo = Option<Decide>;
    type State = ();
    /// That of jump tables; instructions need two.
    const FUNCTION_ALIGN: u32 = 4;
    const COPIES_FROM_SLOTS: bool = false;
    const SYSCALL: Inst = Inst::new(Row::Ecall, 0);
    const TRAP: Inst = Inst::new(Row::Ebreak, 0);
    const CALL: Inst = Inst::new(Row::CJalr, 0);
    const ABI: &'static Abi<Rv64> = &abi::LP64D;

    fn row(e: &mut Emitter<Rv64>, inst: &Inst, allocs: &[Allocation]) {
        inst.with_operands(allocs, |row, operands| e.put(row, operands));
    }

    fn composite(e: &mut Emitter<Rv64>, c: &Composite<()>, allocs: &[Allocation]) {
        composite::emit(e, with(*c, allocs, reg));
    }

    fn branch(
        e: &mut Emitter<Rv64>,
        test: &Test<()>,
        allocs: &[Allocation],
        targets: [Label; 2],
        next: Option<Label>,
    ) {
        match with(*test, allocs, reg) {
            Test::Words { cc, a, b } => e.branch_or(cc, a, b, targets, next),
            Test::Exact { x, cond, not, a, b } => {
                let [so, or] = targets;
                composite::exact_branch(e, x, cond, [a, b], if not { [or, so] } else { targets }, next);
            }
        }
    }

    fn constant(e: &mut Emitter<Rv64>, to: PReg, v: i64) {
        let plan = imm::plan(v);
        if plan.steps().len() > STEPS {
            return e.load_constant(Row::Ld, to, to, v as u64);
        }
        let mut from = ZERO;
        for step in plan.steps() {
            match *step {
                Step::Lui(v) => e.put(Row::Lui, &[r(to), i(v)]),
                Step::Addi(v) => e.put(Row::Addi, &[r(to), r(from), i(v)]),
                Step::Addiw(v) => e.put(Row::Addiw, &[r(to), r(from), i(v)]),
                Step::Slli(k) => e.put(Row::Slli, &[r(to), r(from), i(k)]),
                Step::Srli(k) => e.put(Row::Srli, &[r(to), r(from), i(k)]),
            }
            from = to;
        }
    }

    fn float(e: &mut Emitter<Rv64>, to: PReg, bits: u64) {
        if bits == 0 {
            e.put(Row::FmvDX, &[r(to), r(ZERO)]);
        } else if imm::plan(bits as i64).steps().len() <= 2 {
            e.constant(T6, bits as i64);
            e.put(Row::FmvDX, &[r(to), r(T6)]);
        } else {
            e.load_constant(Row::Fld, to, T6, bits);
        }
    }

    fn symbol(e: &mut Emitter<Rv64>, to: PReg, sym: Sym, offset: i64) {
        let near = if symbol_offset(offset) { offset } else { 0 };
        e.symbol_pair(to, Row::Addi, &[r(to), r(to), i(0)], RelocKind::Rv64PcI, sym, near);
        if near != offset {
            e.add_constant_to(to, to, offset);
        }
    }

    fn call(e: &mut Emitter<Rv64>, sym: Sym) {
        e.buf.call(Branch::Call, &[RelocKind::Rv64Jal, RelocKind::Rv64Call], SymRef(sym.0));
    }

    fn move_register(e: &mut Emitter<Rv64>, from: PReg, to: PReg) {
        e.mov(to, from);
    }

    /// Addressed from the stack pointer, which has short forms and does not move between
    /// instructions, or, in large frames, from the frame pointer or by a sum.
    fn frame_access(e: &mut Emitter<Rv64>, offset: i32, reg: PReg, store: bool) {
        let row = match (reg.class(), store) {
            (RegClass::Float, false) => Row::Fld,
            (RegClass::Float, true) => Row::Fsd,
            (_, false) => Row::Ld,
            (_, true) => Row::Sd,
        };
        let (above, below) = ((e.frame.size as i32 + offset) as i64, (offset - abi::RECORD) as i64);
        if fits12(above) {
            e.put(row, &[r(reg), i(above), r(SP)]);
        } else if fits12(below) {
            e.put(row, &[r(reg), i(below), r(FP)]);
        } else {
            e.constant(T6, above - low12(above));
            e.put(Row::Add, &[r(T6), r(T6), r(SP)]);
            e.put(row, &[r(reg), i(low12(above)), r(T6)]);
        }
    }

    fn clear_word(e: &mut Emitter<Rv64>, offset: i32) {
        e.frame_access(offset, ZERO, true);
    }

    fn slow_path(e: &mut Emitter<Rv64>, path: &SlowPath<Rv64>) {
        composite::slow_path(e, path);
    }
}
