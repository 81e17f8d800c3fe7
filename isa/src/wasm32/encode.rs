//! Bytes of instructions: immediates as LEB128 numbers (5.2.2) and the rest, written and read by row; and the
//! code of a function while it grows.
//!
//! A number that only the linker knows has no bytes: a relocation stands in its place.

use crate::wasm32::insts::{Imm, Row, Ty};
use mochi_ir::{SrcLoc, Sym};
use mochi_objwrite::leb;
use mochi_objwrite::{LineRow, RelocEntry, RelocKind, SymRef};

/// The immediates of an instruction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Operand {
    /// There are none, or they are zeros that the row knows of.
    None,
    /// Index of a local, global, label, function or (with table 0) type.
    Index(u32),
    /// A constant, by its bits.
    Const(i64),
    /// Offset of an access; its alignment is the size's.
    Offset(u32),
    /// Type of a block.
    Block(Option<Ty>),
    /// Labels, the default last.
    Labels(Vec<u32>),
}

/// Appends an instruction.
pub fn encode(out: &mut Vec<u8>, row: Row, operand: &Operand) {
    let info = row.info();
    out.extend_from_slice(info.opcode);
    match (info.imm, operand) {
        (Imm::None, Operand::None) => {}
        (Imm::Zero, Operand::None) => out.push(0),
        (Imm::ZeroZero, Operand::None) => out.extend([0, 0]),
        (Imm::Label | Imm::Func | Imm::Local | Imm::Global, &Operand::Index(n)) => leb::write(out, n.into()),
        (Imm::TypeTable, &Operand::Index(n)) => {
            leb::write(out, n.into());
            out.push(0);
        }
        (Imm::I32, &Operand::Const(c)) => leb::write_signed(out, i64::from(c as i32)),
        (Imm::I64, &Operand::Const(c)) => leb::write_signed(out, c),
        (Imm::F64, &Operand::Const(c)) => out.extend(c.to_le_bytes()),
        (Imm::Memory(size), &Operand::Offset(offset)) => {
            leb::write(out, size.trailing_zeros().into());
            leb::write(out, offset.into());
        }
        (Imm::Block, Operand::Block(ty)) => out.push(ty.map_or(0x40, Ty::byte)),
        (Imm::Labels, Operand::Labels(labels)) => {
            leb::write(out, labels.len() as u64 - 1);
            labels.iter().for_each(|&l| leb::write(out, l.into()));
        }
        _ => panic!("{} with {operand:?}", info.name),
    }
}

/// Reads bytes again, for people and tests.
pub struct Reader<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// Where it is.
    pub at: usize,
}

impl Reader<'_> {
    /// The next byte.
    pub fn byte(&mut self) -> Option<u8> {
        let b = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(b)
    }

    /// An unsigned number.
    pub fn unsigned(&mut self) -> Option<u64> {
        leb::read(self.bytes, &mut self.at, 64)
    }

    /// A signed number.
    fn signed(&mut self) -> Option<i64> {
        let start = self.at;
        let n = self.unsigned()?;
        // Extended from the last bit that was read.
        let unread = 64usize.saturating_sub(7 * (self.at - start));
        Some((n << unread) as i64 >> unread)
    }

    /// The next opcode.
    pub fn row(&mut self) -> Option<Row> {
        let rest = &self.bytes[self.at..];
        let row = Row::ALL.iter().find(|r| rest.starts_with(r.info().opcode))?;
        self.at += row.info().opcode.len();
        Some(*row)
    }

    /// The immediates of a row.
    pub fn operand(&mut self, row: Row) -> Option<Operand> {
        Some(match row.info().imm {
            Imm::None => Operand::None,
            Imm::Zero => {
                self.byte()?;
                Operand::None
            }
            Imm::ZeroZero => {
                self.byte()?;
                self.byte()?;
                Operand::None
            }
            Imm::Label | Imm::Func | Imm::Local | Imm::Global => Operand::Index(self.unsigned()? as u32),
            Imm::TypeTable => {
                let n = self.unsigned()? as u32;
                self.byte()?;
                Operand::Index(n)
            }
            Imm::I32 | Imm::I64 => Operand::Const(self.signed()?),
            Imm::F64 => {
                let mut bits = [0; 8];
                for b in &mut bits {
                    *b = self.byte()?;
                }
                Operand::Const(i64::from_le_bytes(bits))
            }
            Imm::Memory(_) => {
                self.unsigned()?;
                Operand::Offset(self.unsigned()? as u32)
            }
            Imm::Block => Operand::Block(Ty::from_byte(self.byte()?)),
            Imm::Labels => {
                let n = self.unsigned()? + 1;
                let labels: Option<Vec<u32>> = (0..n).map(|_| self.unsigned().map(|l| l as u32)).collect();
                Operand::Labels(labels?)
            }
        })
    }
}

/// The encoding of a function type without its first byte (5.3.6).
pub fn function_type(params: impl ExactSizeIterator<Item = Ty>, result: Option<Ty>) -> Vec<u8> {
    let mut out = Vec::new();
    leb::write(&mut out, params.len() as u64);
    out.extend(params.map(Ty::byte));
    out.push(u8::from(result.is_some()));
    out.extend(result.map(Ty::byte));
    out
}

/// Code of a function.
#[derive(Default)]
pub struct Code {
    /// Bytes of the instructions.
    pub bytes: Vec<u8>,
    /// Relocations in order.
    pub relocs: Vec<RelocEntry>,
    /// Source positions.
    pub lines: Vec<LineRow>,
    /// Offset of a `local.set` that has just been written, and its local.
    set: Option<(usize, u32)>,
    loc: SrcLoc,
}

impl Code {
    /// Appends an instruction with its immediates.
    pub fn put(&mut self, row: Row, operand: &Operand) {
        self.set = None;
        encode(&mut self.bytes, row, operand);
    }

    /// Appends an instruction without immediates.
    pub fn op(&mut self, row: Row) {
        self.put(row, &Operand::None);
    }

    /// Appends an instruction with an index.
    pub fn index(&mut self, row: Row, n: u32) {
        self.put(row, &Operand::Index(n));
    }

    /// Pushes a local. Right after it was set, the set becomes a tee.
    pub fn get(&mut self, local: u32) {
        if let Some((at, set)) = self.set
            && set == local
        {
            self.bytes.truncate(at);
            return self.index(Row::LocalTee, local);
        }
        self.index(Row::LocalGet, local);
    }

    /// Pops into a local.
    pub fn set(&mut self, local: u32) {
        let at = self.bytes.len();
        self.index(Row::LocalSet, local);
        self.set = Some((at, local));
    }

    /// Copies the top of the stack into a local.
    pub fn tee(&mut self, local: u32) {
        self.index(Row::LocalTee, local);
    }

    /// Pushes a 32-bit constant.
    pub fn i32(&mut self, c: i32) {
        self.put(Row::I32Const, &Operand::Const(c.into()));
    }

    /// Pushes a word.
    pub fn i64(&mut self, c: i64) {
        self.put(Row::I64Const, &Operand::Const(c));
    }

    /// A load or store.
    pub fn memory(&mut self, row: Row, offset: u32) {
        self.put(row, &Operand::Offset(offset));
    }

    /// Opens a block.
    pub fn open(&mut self, row: Row, ty: Option<Ty>) {
        self.put(row, &Operand::Block(ty));
    }

    /// Appends the opcode of an instruction whose immediate the linker inserts.
    fn inserted(&mut self, row: Row, kind: RelocKind, sym: Sym, addend: i64) {
        self.set = None;
        self.bytes.extend_from_slice(row.info().opcode);
        let offset = self.bytes.len() as u32;
        self.relocs.push(RelocEntry { offset, kind, sym: SymRef(sym.0), addend });
    }

    /// Calls a function.
    pub fn call(&mut self, sym: Sym) {
        self.inserted(Row::Call, RelocKind::WasmFunc, sym, 0);
    }

    /// Pushes the address of a symbol, plus `addend`, by `i32.const` or `i64.const`.
    pub fn address(&mut self, row: Row, sym: Sym, addend: i64) {
        self.inserted(row, RelocKind::WasmAddr, sym, addend);
    }

    /// Pushes the code offset of this place as a word; `this` is the function.
    pub fn place(&mut self, this: Sym) {
        self.inserted(Row::I64Const, RelocKind::WasmPc, this, 0);
    }

    /// Calls the table's function on top of the stack, whose type this is; `this` is the function.
    pub fn call_indirect(&mut self, ty: &[u8], this: Sym) {
        self.inserted(Row::CallIndirect, RelocKind::WasmType, this, ty.len() as i64);
        self.bytes.extend_from_slice(ty);
        self.bytes.push(0);
    }

    /// Code from here on belongs to this position.
    pub fn position(&mut self, loc: SrcLoc, prologue_end: bool) {
        if loc == SrcLoc::NONE || loc == self.loc && !prologue_end {
            return;
        }
        let (line, column) = (loc.line(), loc.column());
        let is_stmt = line != self.loc.line() || prologue_end;
        self.loc = loc;
        let offset = self.bytes.len() as u32;
        if self.lines.last().is_some_and(|l| l.offset == offset) {
            self.lines.pop();
        }
        self.lines.push(LineRow { offset, line, column, is_stmt, prologue_end });
    }
}
