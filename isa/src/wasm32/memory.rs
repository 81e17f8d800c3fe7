//! Selection: loads, stores, copies, and the test for none in front of them.
//!
//! An address is a word whose low half is the i32 that instructions take. Their offset is added
//! without wrapping, so only offsets of 0 and more are left to them: a base is the address of
//! something, so it and what is above it do not wrap.

use crate::wasm32::emit::Emit;
use crate::wasm32::insts::{Row, Ty};
use mochi_ir::{Block, Inst, Op, Type, Value, ValueDef, nones};

/// Copies and fills up to this size are written out.
const INLINE: i64 = 64;

impl Emit<'_> {
    /// Pushes the address of an access as an i32, and returns the offset for the machine's instruction.
    fn address(&mut self, inst: Inst) -> u32 {
        let (base, offset) = (self.func.operands(inst)[0], self.data(inst).imm);
        if self.may_be_none(base) {
            let base = self.keep(base);
            return self.tested_address(inst, base);
        }
        if let ValueDef::Inst(i) = self.func.values[base.index()].def
            && self.data(i).op == Op::Symaddr
        {
            let d = self.data(i);
            self.code.address(Row::I32Const, d.sym.expect("an address has a symbol"), d.imm + offset);
            return 0;
        }
        if let Some(c) = self.constant(base) {
            self.code.i32(c.wrapping_add(offset) as i32);
            return 0;
        }
        self.low(base);
        self.offset(offset)
    }

    /// The same for a base that may be none, in a local that is perhaps to be given back.
    fn tested_address(&mut self, inst: Inst, (local, temp): (u32, bool)) -> u32 {
        self.fail_on_none(inst, local);
        self.code.get(local);
        self.code.op(Row::I32WrapI64);
        if temp {
            self.free(local);
        }
        self.offset(self.data(inst).imm)
    }

    /// The offset of an access whose base is on the stack, where part of it may be added first.
    fn offset(&mut self, offset: i64) -> u32 {
        match u32::try_from(offset) {
            Ok(offset) => offset,
            Err(_) => {
                self.code.i32(offset as i32);
                self.code.op(Row::I32Add);
                0
            }
        }
    }

    /// Pushes what a load gives.
    pub fn load(&mut self, inst: Inst) {
        let row = match self.data(inst).op {
            Op::Load8u => Row::I64Load8U,
            Op::Load8s => Row::I64Load8S,
            Op::Load16u => Row::I64Load16U,
            Op::Load16s => Row::I64Load16S,
            Op::Load32u => Row::I64Load32U,
            Op::Load32s => Row::I64Load32S,
            Op::Load64 => Row::I64Load,
            Op::LoadF64 => Row::F64Load,
            op => panic!("no rule for {}", op.info().name),
        };
        self.load_by(inst, row);
    }

    /// Pushes the low half of what a load of at most four bytes gives.
    pub fn load_low(&mut self, inst: Inst) {
        let row = match self.data(inst).op {
            Op::Load8u => Row::I32Load8U,
            Op::Load8s => Row::I32Load8S,
            Op::Load16u => Row::I32Load16U,
            Op::Load16s => Row::I32Load16S,
            _ => Row::I32Load,
        };
        self.load_by(inst, row);
    }

    fn load_by(&mut self, inst: Inst, row: Row) {
        let offset = self.address(inst);
        self.code.memory(row, offset);
    }

    /// Stores.
    pub fn store(&mut self, inst: Inst) {
        let d = self.data(inst);
        let &[base, v] = self.func.operands(inst) else { unreachable!("two operands") };
        let narrow = d.op != Op::Store64 && d.op != Op::StoreF64 && self.is_low(v);
        let offset = if self.trees.nested[v.index()] && self.may_be_none(base) {
            // What a nested value does comes before the failure of the store.
            let base = self.keep(base);
            let value = self.kept_value(v, narrow);
            let offset = self.tested_address(inst, base);
            self.code.get(value);
            self.free(value);
            offset
        } else {
            let offset = self.address(inst);
            self.push(v, narrow);
            offset
        };
        let row = match d.op {
            Op::Store8 if narrow => Row::I32Store8,
            Op::Store16 if narrow => Row::I32Store16,
            Op::Store32 if narrow => Row::I32Store,
            Op::Store8 => Row::I64Store8,
            Op::Store16 => Row::I64Store16,
            Op::Store32 => Row::I64Store32,
            Op::Store64 => Row::I64Store,
            Op::StoreF64 => Row::F64Store,
            op => panic!("no rule for {}", op.info().name),
        };
        self.code.memory(row, offset);
    }

    fn push(&mut self, v: Value, narrow: bool) {
        if narrow {
            self.low(v);
        } else {
            self.value(v);
        }
    }

    /// What is stored, in a local.
    fn kept_value(&mut self, v: Value, narrow: bool) -> u32 {
        self.push(v, narrow);
        let local = self.temp(match self.func.ty(v) {
            _ if narrow => Ty::I32,
            Type::F64 => Ty::F64,
            _ => Ty::I64,
        });
        self.code.set(local);
        local
    }

    /// Copies memory. The instruction does what both ops ask for; a few bytes all go through the
    /// operand stack, so that they are read before the first is written.
    pub fn copy_memory(&mut self, inst: Inst) {
        let &[to, from, size] = self.func.operands(inst) else { unreachable!("three operands") };
        let Some(n) = self.constant(size).filter(|n| (0..=INLINE).contains(n)) else {
            for v in [to, from, size] {
                self.low(v);
            }
            return self.code.op(Row::MemoryCopy);
        };
        let (to, from) = (self.kept_address(to), self.kept_address(from));
        let mut pieces = Vec::new();
        let mut at = 0;
        for (size, load, store) in [
            (8, Row::I64Load, Row::I64Store),
            (4, Row::I32Load, Row::I32Store),
            (2, Row::I32Load16U, Row::I32Store16),
            (1, Row::I32Load8U, Row::I32Store8),
        ] {
            while n - at >= size {
                pieces.push((at as u32, load, store));
                at += size;
            }
        }
        for &(at, load, _) in &pieces {
            self.code.get(to);
            self.code.get(from);
            self.code.memory(load, at);
        }
        for &(at, _, store) in pieces.iter().rev() {
            self.code.memory(store, at);
        }
        self.free(to);
        self.free(from);
    }

    /// Sets memory to a byte.
    pub fn fill_memory(&mut self, inst: Inst) {
        let &[to, byte, size] = self.func.operands(inst) else { unreachable!("three operands") };
        if let (Some(b), Some(n)) = (self.constant(byte), self.constant(size))
            && (0..=INLINE).contains(&n)
        {
            let to = self.kept_address(to);
            let word = i64::from_le_bytes([b as u8; 8]);
            let mut at = 0;
            for (size, store) in
                [(8, Row::I64Store), (4, Row::I64Store32), (2, Row::I64Store16), (1, Row::I64Store8)]
            {
                while n - at >= size {
                    self.code.get(to);
                    self.code.i64(if size == 8 { word } else { word & ((1 << (8 * size)) - 1) });
                    self.code.memory(store, at as u32);
                    at += size;
                }
            }
            return self.free(to);
        }
        for v in [to, byte, size] {
            self.low(v);
        }
        self.code.op(Row::MemoryFill);
    }

    /// An address in a local of its own.
    fn kept_address(&mut self, v: Value) -> u32 {
        self.low(v);
        let local = self.temp(Ty::I32);
        self.code.set(local);
        local
    }

    // None.

    /// Whether a reference that is about to be followed may be none, if nothing has found out before. From here
    /// on it is known.
    fn may_be_none(&mut self, base: Value) -> bool {
        if !nones::may_be_none(self.context.module, self.func, base) {
            return false;
        }
        let v = nones::origin(self.func, base);
        let known = self.checked[v.index()].iter().any(|&b| self.dom.dominates(b, self.block));
        if !known {
            self.checked[v.index()].push(self.block);
        }
        !known
    }

    /// A load that nobody needs: only whether there is an object matters.
    pub fn discard_load(&mut self, inst: Inst) {
        let base = self.func.operands(inst)[0];
        if self.may_be_none(base) {
            let (local, temp) = self.keep(base);
            self.fail_on_none(inst, local);
            if temp {
                self.free(local);
            }
        } else if self.nested(base).is_some() {
            self.word(base);
            self.code.op(Row::Drop);
        }
    }

    /// Ends the program with the language's message when the local is none, which an access would follow. It may
    /// be part of another instruction on another line.
    fn fail_on_none(&mut self, inst: Inst, local: u32) {
        self.position(self.data(inst).loc);
        self.code.get(local);
        self.code.op(Row::I64Eqz);
        self.open(Row::If, None);
        self.fail("panic_none");
        self.close();
    }

    /// Notes what a branch to a block says of references compared with none.
    pub fn learn_from_branch(&mut self, from: Block, to: Block) {
        if let Some(v) = nones::excluded(self.func, from, to) {
            self.checked[v.index()].push(to);
        }
    }
}
