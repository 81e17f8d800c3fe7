//! Selection: signed quotients, and the high half of products.

use crate::wasm32::emit::Emit;
use crate::wasm32::insts::{Row, Ty};
use mochi_ir::Value;

impl Emit<'_> {
    /// `a / b`, truncated; the instruction traps for the minimum by -1, the op does not.
    pub fn signed_quotient(&mut self, a: Value, b: Value) {
        match self.constant(b) {
            Some(c) if c != -1 => {
                self.word(a);
                self.code.i64(c);
                self.code.op(Row::I64DivS);
            }
            _ => {
                let (x, free_x) = self.keep(a);
                let (y, free_y) = self.keep(b);
                self.code.get(y);
                self.code.i64(-1);
                self.code.op(Row::I64Eq);
                self.open(Row::If, Some(Ty::I64));
                self.code.i64(0);
                self.code.get(x);
                self.code.op(Row::I64Sub);
                self.code.op(Row::Else);
                self.code.get(x);
                self.code.get(y);
                self.code.op(Row::I64DivS);
                self.close();
                for (local, temp) in [(x, free_x), (y, free_y)] {
                    if temp {
                        self.free(local);
                    }
                }
            }
        }
    }

    /// The high 64 bits of a product, from four products of halves (Warren, "Hacker's Delight",
    /// figure 8-2); `shift` gives the high half of a word with or without its sign.
    pub fn multiply_high(&mut self, a: Value, b: Value, shift: Row) {
        let (x, free_x) = self.keep(a);
        let (y, free_y) = self.keep(b);
        self.high_half(x, y, shift);
        for (local, temp) in [(x, free_x), (y, free_y)] {
            if temp {
                self.free(local);
            }
        }
    }

    /// The same for two locals.
    pub fn high_half(&mut self, x: u32, y: u32, shift: Row) {
        const LOW: i64 = 0xffff_ffff;
        let [cross, high] = [self.temp(Ty::I64), self.temp(Ty::I64)];
        let half = |e: &mut Self, v: u32, row: Row| {
            e.code.get(v);
            e.code.i64(if row == Row::I64And { LOW } else { 32 });
            e.code.op(row);
        };
        let product = |e: &mut Self, row_x: Row, row_y: Row| {
            half(e, x, row_x);
            half(e, y, row_y);
            e.code.op(Row::I64Mul);
        };
        // cross = high(x) * low(y) + (low(x) * low(y) >> 32)
        product(self, shift, Row::I64And);
        product(self, Row::I64And, Row::I64And);
        self.code.i64(32);
        self.code.op(Row::I64ShrU);
        self.code.op(Row::I64Add);
        self.code.set(cross);
        // high(x) * high(y) + high(cross)
        product(self, shift, shift);
        half(self, cross, shift);
        self.code.op(Row::I64Add);
        self.code.set(high);
        // + high(low(x) * high(y) + low(cross))
        product(self, Row::I64And, shift);
        half(self, cross, Row::I64And);
        self.code.op(Row::I64Add);
        self.code.i64(32);
        self.code.op(shift);
        self.code.get(high);
        self.code.op(Row::I64Add);
        self.free(cross);
        self.free(high);
    }
}
