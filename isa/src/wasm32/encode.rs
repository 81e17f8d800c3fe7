//! Bytes of instructions: immediates as LEB128 numbers (5.2.2) and the rest, written and read by row; and the
//! code of a function while it grows.
//!
//! A number that only the linker knows has no bytes: a relocation stands in its place.
//!
//! While code is written, the height of the operand stack is followed, because what a function puts there
//! counts for the size of its frame in an engine ([`Code::operands`]).

use crate::lines;
use crate::wasm32::insts::{Imm, Row, Stack, Ty};
use crate::wasm32::locals::FRAME_LOCALS;
use mochi_ir::{Function, SrcLoc, Sym};
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

/// Arguments that engines pass in registers, at least. Others are on their stack.
const REGISTER_ARGUMENTS: usize = 5;
/// Values that engines keep in registers between calls, at least.
const REGISTERS: usize = 10;

/// Heights of the operand stack.
#[derive(Default)]
struct Heights {
    /// Now.
    now: usize,
    /// For each open block: where it begins, and whether it leaves a result.
    open: Vec<(usize, bool)>,
    /// The highest so far.
    most: usize,
    /// The highest at a call.
    calls: usize,
    /// The largest number of arguments for which registers do not suffice.
    arguments: usize,
}

impl Heights {
    fn push(&mut self, n: usize) {
        self.now += n;
        self.most = self.most.max(self.now);
    }

    /// Code that cannot be reached may take what is not there.
    fn pop(&mut self, n: usize) {
        self.now = self.now.saturating_sub(n);
    }

    fn call(&mut self, params: usize, results: usize) {
        self.calls = self.calls.max(self.now);
        self.arguments = self.arguments.max(params.saturating_sub(REGISTER_ARGUMENTS));
        self.pop(params);
        self.push(results);
    }

    /// Follows an instruction that is no call.
    fn follow(&mut self, row: Row, operand: &Operand) {
        let takes = match row.info().stack {
            Stack::Fixed(takes, leaves) => {
                self.pop(takes.len());
                return self.push(leaves.len());
            }
            Stack::Other(takes) => takes.len(),
        };
        self.pop(takes);
        match row {
            Row::Block | Row::Loop | Row::If => {
                self.open.push((self.now, matches!(operand, Operand::Block(Some(_)))));
            }
            Row::Else => self.now = self.open.last().map_or(0, |block| block.0),
            Row::End => {
                let (height, result) = self.open.pop().unwrap_or_default();
                self.now = height;
                self.push(result.into());
            }
            Row::Select => self.pop(1),
            Row::Drop | Row::LocalSet | Row::GlobalSet => self.pop(1),
            Row::LocalGet | Row::GlobalGet => self.push(1),
            Row::LocalTee | Row::Br | Row::BrIf | Row::BrTable | Row::Return | Row::Unreachable => {}
            Row::Call | Row::CallIndirect => unreachable!("followed with its signature"),
            _ => unreachable!("{} has fixed types", row.info().name),
        }
    }
}

/// The words of the frame that stand for locals with numbers from [`FRAME_LOCALS`] on.
#[derive(Default)]
pub struct FrameLocals {
    /// Local with the address of the frame.
    pub fp: u32,
    /// Offset of the first in the frame.
    pub offset: u32,
    /// Type of each.
    pub types: Vec<Ty>,
    /// A local of each type.
    pub temps: [u32; 3],
}

/// Code of a function.
#[derive(Default)]
pub struct Code {
    /// What stands for some of the locals.
    pub frame_locals: FrameLocals,
    /// Bytes of the instructions.
    pub bytes: Vec<u8>,
    /// Relocations in order.
    pub relocs: Vec<RelocEntry>,
    /// Source positions.
    pub lines: Vec<LineRow>,
    /// Offset of a `local.set` that has just been written, and its local.
    set: Option<(usize, u32)>,
    heights: Heights,
    loc: SrcLoc,
}

impl Code {
    /// Appends an instruction with its immediates.
    pub fn put(&mut self, row: Row, operand: &Operand) {
        self.set = None;
        self.heights.follow(row, operand);
        encode(&mut self.bytes, row, operand);
    }

    /// Operands on the stack in a function with so many locals: those that are there when something is
    /// called, or all when registers do not suffice between calls.
    pub fn operands(&self, locals: usize) -> usize {
        let between = if locals + self.heights.most > REGISTERS { self.heights.most } else { 0 };
        self.heights.calls.max(between)
    }

    /// Arguments of a call that engines pass on their stack, at most.
    pub fn arguments(&self) -> usize {
        self.heights.arguments
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
        if let Some(k) = local.checked_sub(FRAME_LOCALS) {
            let row = match self.frame_locals.types[k as usize] {
                Ty::I32 => Row::I32Load,
                Ty::I64 => Row::I64Load,
                Ty::F64 => Row::F64Load,
            };
            self.get(self.frame_locals.fp);
            return self.memory(row, self.frame_locals.offset + 8 * k);
        }
        if let Some((at, set)) = self.set
            && set == local
        {
            self.bytes.truncate(at);
            self.heights.push(1);
            return self.index(Row::LocalTee, local);
        }
        self.index(Row::LocalGet, local);
    }

    /// Pops into a local.
    pub fn set(&mut self, local: u32) {
        if let Some(k) = local.checked_sub(FRAME_LOCALS) {
            let ty = self.frame_locals.types[k as usize];
            let row = match ty {
                Ty::I32 => Row::I32Store,
                Ty::I64 => Row::I64Store,
                Ty::F64 => Row::F64Store,
            };
            let temp = self.frame_locals.temps[ty as usize];
            self.index(Row::LocalSet, temp);
            self.get(self.frame_locals.fp);
            self.get(temp);
            return self.memory(row, self.frame_locals.offset + 8 * k);
        }
        let at = self.bytes.len();
        self.index(Row::LocalSet, local);
        self.set = Some((at, local));
    }

    /// Copies the top of the stack into a local.
    pub fn tee(&mut self, local: u32) {
        self.set(local);
        self.get(local);
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

    /// Calls a function with so many parameters and results.
    pub fn call(&mut self, sym: Sym, params: usize, results: usize) {
        self.heights.call(params, results);
        self.inserted(Row::Call, RelocKind::WasmFunc, sym, 0);
    }

    /// Pushes the address of a symbol, plus `addend`, by `i32.const` or `i64.const`.
    pub fn address(&mut self, row: Row, sym: Sym, addend: i64) {
        self.heights.push(1);
        self.inserted(row, RelocKind::WasmAddr, sym, addend);
    }

    /// Pushes the code offset of this place plus a number as a word; `this` is the function.
    pub fn place(&mut self, this: Sym, plus: i64) {
        self.heights.push(1);
        self.inserted(Row::I64Const, RelocKind::WasmPc, this, plus);
    }

    /// Calls the table's function on top of the stack, which has this type; `this` is the calling function.
    pub fn call_indirect(&mut self, params: &[Ty], result: Option<Ty>, this: Sym) {
        let ty = function_type(params.iter().copied(), result);
        self.heights.pop(1);
        self.heights.call(params.len(), result.is_some().into());
        self.inserted(Row::CallIndirect, RelocKind::WasmType, this, ty.len() as i64);
        self.bytes.extend_from_slice(&ty);
        self.bytes.push(0);
    }

    /// Code from here on belongs to this position.
    pub fn position(&mut self, func: &Function, loc: SrcLoc, prologue_end: bool) {
        if loc == SrcLoc::NONE || loc == self.loc && !prologue_end {
            return;
        }
        let row = lines::row(func, self.loc, loc, prologue_end);
        self.loc = loc;
        let offset = self.bytes.len() as u32;
        if self.lines.last().is_some_and(|l| l.offset == offset) {
            self.lines.pop();
        }
        self.lines.push(LineRow { offset, ..row });
    }
}
