//! Instructions that are words of fixed bits and bit fields: the fields, the rows of their table, how
//! selection fills in a row and emission encodes it.
//!
//! An instruction set says of each [`Field`] where its bits are and, where the number in them is not the
//! operand's value, how one becomes the other. Encoder and decoder are derived from that, so a row of its
//! table is only its fixed bits and a list of fields. Values are `i64`: a register's number, an immediate as
//! written, or a packed form described at the field.

use crate::mach::operands::{Opd, reg};
use crate::mach::rows::Role;
use crate::mach::{Isa, Lower, Operands};
use regalloc2::{Allocation, Operand, PReg, RegClass, VReg};
use std::fmt::Debug;

/// `len` bits of a number from bit `from` on are at bit `to` of the instruction.
pub type Piece = (u8, u8, u8);

/// Where the bits of a field are, and what the number in them is.
#[derive(Clone, Copy, Debug)]
pub struct BitField {
    pieces: &'static [Piece],
    signed: bool,
    class: Option<RegClass>,
}

/// The field of a register.
pub const fn register(class: RegClass, pieces: &'static [Piece]) -> BitField {
    BitField { pieces, signed: false, class: Some(class) }
}

/// The field of a number without a sign.
pub const fn unsigned(pieces: &'static [Piece]) -> BitField {
    BitField { pieces, signed: false, class: None }
}

/// The field of a number with a sign.
pub const fn signed(pieces: &'static [Piece]) -> BitField {
    BitField { pieces, signed: true, class: None }
}

impl BitField {
    /// The class of registers, if the operand is one.
    pub fn class(self) -> Option<RegClass> {
        self.class
    }

    /// The bits of a number, if it fits.
    fn put(self, number: i64) -> Option<u32> {
        let part = |&(from, len, to): &Piece| ((number >> from) as u32 & ones(len)) << to;
        let word = self.pieces.iter().fold(0, |w, piece| w | part(piece));
        (self.get(word) == number).then_some(word)
    }

    /// The number in an instruction.
    fn get(self, word: u32) -> i64 {
        let (mut number, mut width) = (0, 0);
        for &(from, len, to) in self.pieces {
            number |= ((word >> to & ones(len)) as i64) << from;
            width = width.max(from + len);
        }
        if self.signed { number << (64 - width) >> (64 - width) } else { number }
    }
}

/// So many bits from this one on.
pub fn bits<const LEN: u8>(at: u8) -> &'static [Piece] {
    let all: &'static [[Piece; 1]; 32] = const { &starts(LEN) };
    &all[at as usize]
}

const fn starts(len: u8) -> [[Piece; 1]; 32] {
    let mut all = [[(0, len, 0)]; 32];
    let mut at = 0;
    while at < 32 {
        all[at][0].2 = at as u8;
        at += 1;
    }
    all
}

/// This many ones.
fn ones(len: u8) -> u32 {
    ((1u64 << len) - 1) as u32
}

/// What an operand is and where its bits are.
pub trait Field: Copy + PartialEq + Debug + 'static {
    /// Where its bits are.
    fn bit_field(self) -> BitField;

    /// The number in the bits for a value, `None` when the field has no such value. `word` has the operands
    /// before this one.
    fn number(self, value: i64, _word: u32) -> Option<i64> {
        Some(value)
    }

    /// The value for a number in the bits.
    fn value(self, number: i64, _word: u32) -> Option<i64> {
        Some(number)
    }

    /// The operand can be this register.
    fn takes(self, reg: PReg) -> bool {
        self.bit_field().class() == Some(reg.class())
    }

    /// The operand is a register.
    fn is_register(self) -> bool {
        self.bit_field().class().is_some()
    }

    /// The operand is a float register.
    fn is_float(self) -> bool {
        self.bit_field().class() == Some(RegClass::Float)
    }

    /// The bits of the operand.
    fn mask(self) -> u32 {
        self.bit_field().pieces.iter().fold(0, |m, &(_, len, to)| m | ones(len) << to)
    }

    /// The bits of a value; `word` has the operands before this one. `None` when it cannot be encoded.
    fn encode(self, value: i64, word: u32) -> Option<u32> {
        self.bit_field().put(self.number(value, word)?)
    }

    /// The value in an instruction. `None` when it is not one that [`Field::encode`] makes.
    fn decode(self, word: u32) -> Option<i64> {
        let value = self.value(self.bit_field().get(word), word)?;
        (self.encode(value, word)? == word & self.mask()).then_some(value)
    }
}

/// The row of a table.
pub trait FieldRow: Copy + Debug + 'static {
    /// Its fields.
    type Field: Field;

    /// The fixed bits, and the operands in the order of the text.
    fn encoding(self) -> (u32, &'static [(Role, Self::Field)]);

    /// The bits of operands.
    fn mask(self) -> u32 {
        self.encoding().1.iter().fold(0, |m, (_, field)| m | field.mask())
    }

    /// The instruction with these values as operands. `None` when one cannot be encoded.
    fn encode_values(self, values: &[i64]) -> Option<u32> {
        let (bits, operands) = self.encoding();
        debug_assert_eq!(values.len(), operands.len(), "{self:?}");
        let mut fields = operands.iter().zip(values);
        fields.try_fold(bits, |word, (&(_, field), &v)| Some(word | field.encode(v, word)?))
    }

    /// The values of operands. The stack pointer, where it has a number of its own, is in the place of the
    /// zero register.
    fn values(self, operands: &[Opd]) -> [i64; MOST] {
        let (_, fields) = self.encoding();
        debug_assert_eq!(operands.len(), fields.len(), "{self:?} {operands:?}");
        let mut values = [0; MOST];
        for ((v, &(_, field)), &operand) in values.iter_mut().zip(fields).zip(operands) {
            *v = match operand {
                Opd::Imm(v) if !field.is_register() => v,
                Opd::Reg(r) if field.takes(r) => r.hw_enc().min(31) as i64,
                _ => panic!("{self:?} {operands:?}"),
            };
        }
        values
    }

    /// The instruction with these operands. Panics when one cannot be encoded: selection checks.
    fn encode(self, operands: &[Opd]) -> u32 {
        let word = self.encode_values(&self.values(operands)[..operands.len()]);
        word.unwrap_or_else(|| panic!("{self:?} {operands:?} cannot be encoded"))
    }

    /// The values of the operands of an instruction with the row's fixed bits.
    fn decode_values(self, word: u32) -> Option<Vec<i64>> {
        self.encoding().1.iter().map(|(_, field)| field.decode(word)).collect()
    }
}

/// Operands that a row has at most.
const MOST: usize = 5;

/// An instruction of the table without its registers.
#[derive(Clone, Debug)]
pub struct Inst<R> {
    /// Which one.
    pub row: R,
    /// The first of its operands that are no registers.
    imm: i64,
    /// The other ones, which are small, in order.
    more: [i32; 2],
}

impl<R: FieldRow> Inst<R> {
    /// An instruction with no more than one operand that is no register.
    pub const fn new(row: R, imm: i64) -> Inst<R> {
        Inst { row, imm, more: [0; 2] }
    }

    /// Calls `emit` with the operands.
    pub fn with_operands(&self, allocs: &[Allocation], emit: impl FnOnce(R, &[Opd])) {
        let mut allocs = allocs.iter();
        let mut imm = [self.imm, self.more[0] as i64, self.more[1] as i64].into_iter();
        let mut operands = [Opd::Imm(0); MOST];
        let (_, fields) = self.row.encoding();
        for (operand, &(role, field)) in operands.iter_mut().zip(fields) {
            if !field.is_register() {
                *operand = Opd::Imm(imm.next().expect("immediate"));
                continue;
            }
            if role == Role::Rw {
                // The definition comes first; the use has the same place.
                allocs.next();
            }
            *operand = Opd::Reg(reg(*allocs.next().expect("allocation")));
        }
        emit(self.row, &operands[..fields.len()]);
    }
}

/// An operand of a row while it is selected.
#[derive(Clone, Copy, Debug)]
pub enum Arg {
    /// Written.
    W(VReg),
    /// Read.
    R(VReg),
    /// Written and read: the new and the old register.
    Rw(VReg, VReg),
    /// A register that is never allocated, read.
    P(PReg),
    /// Anything else.
    I(i64),
}

impl From<Operand> for Arg {
    fn from(operand: Operand) -> Arg {
        operand.as_fixed_nonallocatable().map_or(Arg::R(operand.vreg()), Arg::P)
    }
}

impl Arg {
    /// The operand of an instruction, of one register.
    pub fn operand(self) -> Operand {
        match self {
            Arg::W(v) => Operand::reg_def(v),
            Arg::R(v) => Operand::reg_use(v),
            Arg::P(p) => Operand::fixed_nonallocatable(p),
            Arg::Rw(..) | Arg::I(_) => unreachable!("{self:?} is not one register"),
        }
    }
}

/// Appends a row.
pub fn put<R: FieldRow, I: Isa<Row = Inst<R>>>(l: &mut Lower<I>, row: R, args: &[Arg]) {
    let mut ops = Operands::new();
    let mut inst = Inst::new(row, 0);
    let mut imms = 0;
    let (_, fields) = row.encoding();
    debug_assert_eq!(fields.len(), args.len(), "{row:?}");
    for (&(role, field), &arg) in fields.iter().zip(args) {
        debug_assert_eq!(matches!(arg, Arg::I(_)), !field.is_register(), "{row:?} {args:?}");
        debug_assert_eq!(matches!(arg, Arg::W(_)), role == Role::W, "{row:?} {args:?}");
        match arg {
            Arg::I(v) if imms == 0 => (inst.imm, imms) = (v, 1),
            Arg::I(v) => {
                inst.more[imms - 1] = i32::try_from(v).expect("only the first immediate may be large");
                imms += 1;
            }
            Arg::Rw(to, from) => ops.tied(to, from),
            _ => ops.add(arg.operand()),
        }
    }
    l.row(inst, &ops);
}

/// Appends a row with one register written and others read.
pub fn put_regs<R: FieldRow, I: Isa<Row = Inst<R>>>(l: &mut Lower<I>, row: R, dst: VReg, from: &[VReg]) {
    let mut args = [Arg::W(dst); MOST];
    for (arg, &r) in args[1..].iter_mut().zip(from) {
        *arg = Arg::R(r);
    }
    put(l, row, &args[..=from.len()]);
}
