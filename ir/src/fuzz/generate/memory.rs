//! Statements about memory: the scratch memory, objects, references in global data, storages.

use super::{Generator, OBJECT};
use crate::func::{Type, Value};
use crate::ops::Op;
use crate::regions::COUNT_BITS;

const LOADS: [Op; 7] =
    [Op::Load64, Op::Load8u, Op::Load8s, Op::Load16u, Op::Load16s, Op::Load32u, Op::Load32s];
const STORES: [Op; 4] = [Op::Store64, Op::Store8, Op::Store16, Op::Store32];
/// Where most accesses to it happen, so that they meet; before and behind it is room for far offsets.
const MIDDLE: i64 = 4096;
/// Offsets around the limits of every instruction set's forms.
const OFFSETS: [i64; 20] = [
    1, 3, 127, 128, 255, 256, 2040, 2047, 2048, 4095, 4096, 16_380, 32_760, 32_768, -1, -128, -129, -256,
    -257, -2049,
];
/// Sizes of areas that are copied and filled.
const SIZES: [i64; 16] = [0, 1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 64, 100, 128, 600];
/// Size of a storage: a header of 16 bytes, then elements.
const STORAGE: i64 = 80;

impl Generator<'_> {
    /// An address in the scratch memory, and an offset.
    fn address(&mut self) -> (Value, i64) {
        let offset = match self.source.below(8) {
            0 | 1 => self.source.pick(&OFFSETS),
            n => (n as i64 - 2) * 4,
        };
        if self.source.below(2) == 0 {
            let base = MIDDLE + (self.source.below(8) * 8) as i64;
            return (self.scratch(base), offset);
        }
        let base = self.scratch(MIDDLE);
        let w = self.word();
        let mask = self.b.iconst(0xf8);
        let index = self.b.bin(Op::And, w, mask);
        (self.b.op(Op::Add, &[base, index], Type::Addr), offset)
    }

    fn scratch(&mut self, at: i64) -> Value {
        let scratch = self.module.lookup("scratch").expect("in the prelude");
        self.b.symaddr(scratch, at, Type::Addr)
    }

    /// Areas of the scratch memory are copied and filled. What lies before the middle is never where a copy
    /// without overlap is from.
    pub(super) fn area(&mut self) {
        let size = match self.source.below(4) {
            0 => {
                let w = self.word();
                let mask = self.b.iconst(0x7f);
                self.b.bin(Op::And, w, mask)
            }
            _ => {
                let size = self.source.pick(&SIZES);
                self.b.iconst(size)
            }
        };
        let (at, _) = self.address();
        let front = self.source.below(8) as i64 * 64;
        match self.source.below(4) {
            0 => {
                let w = self.word();
                self.b.inst(Op::MemFill, &[at, w, size], 0, None, None);
            }
            1 => {
                let to = self.scratch(front);
                self.b.inst(Op::MemCopy, &[to, at, size], 0, None, None);
            }
            2 => {
                let from = self.scratch(front);
                self.b.inst(Op::MemMove, &[at, from, size], 0, None, None);
            }
            _ => {
                let (from, _) = self.address();
                self.b.inst(Op::MemMove, &[at, from, size], 0, None, None);
            }
        }
    }

    pub(super) fn memory(&mut self) {
        let (addr, offset) = self.address();
        match self.source.below(6) {
            0..=2 => {
                let op = self.source.pick(&STORES);
                let w = self.word();
                self.b.store(op, addr, w, offset);
            }
            3 => {
                let table = self.module.lookup("table").expect("in the prelude");
                let offset = self.source.below(25) as i64;
                let addr = self.b.symaddr(table, 0, Type::Addr);
                let op = self.source.pick(&LOADS);
                let v = self.b.load(op, addr, offset, Type::I64);
                self.words.push(v);
            }
            _ => {
                let op = self.source.pick(&LOADS);
                let v = self.b.load(op, addr, offset, Type::I64);
                self.words.push(v);
            }
        }
    }

    pub(super) fn object(&mut self) -> Value {
        if self.source.below(4) == 0 {
            let size = self.b.iconst(OBJECT);
            let new = self.call_named("new", &[size], Some(Type::Ref)).expect("has a result");
            if self.source.below(2) == 0 {
                let label = self.word();
                self.b.store(Op::Store64, new, label, 0);
                self.within("Object.label");
            }
            self.objects.push(new);
            return new;
        }
        let objects = std::mem::take(&mut self.objects);
        let v = self.source.pick(&objects);
        self.objects = objects;
        v
    }

    /// Fields of an object: a label that it has from the beginning, a word, an object, an int, a float, a count.
    /// Where it is none, this faults.
    pub(super) fn object_op(&mut self) {
        let object = self.object();
        match self.source.below(15) {
            14 => {
                let (w, bits) = (self.word(), self.b.iconst(64 - i64::from(COUNT_BITS)));
                let v = self.b.bin(Op::Ushr, w, bits);
                self.b.store(Op::Store64, object, v, 40);
                self.within("Object.count");
            }
            13 => {
                let v = self.b.load(Op::Load64, object, 40, Type::I64);
                self.within("Object.count");
                self.words.push(v);
            }
            12 => {
                let v = self.b.load(Op::Load64, object, 0, Type::I64);
                self.within("Object.label");
                self.words.push(v);
            }
            0 => {
                let v = self.word();
                self.b.store(Op::Store64, object, v, 8);
                self.within("Object.word");
            }
            1 => {
                let v = self.object();
                self.b.store(Op::Store64, object, v, 16);
                self.within("Object.object");
            }
            2 => {
                let v = self.int();
                self.b.store(Op::Store64, object, v, 24);
                self.within("Object.int");
            }
            3 => {
                let v = self.float();
                self.b.store(Op::StoreF64, object, v, 32);
                self.within("Object.float");
            }
            4 | 5 => {
                let v = self.b.load(Op::Load64, object, 8, Type::I64);
                self.within("Object.word");
                self.words.push(v);
            }
            6 | 7 => {
                let mut v = self.b.load(Op::Load64, object, 16, Type::Ref);
                self.within("Object.object");
                if self.source.below(4) != 0 {
                    let none = self.is_none(v);
                    v = self.b.op(Op::Select, &[none, object, v], Type::Ref);
                }
                self.objects.push(v);
            }
            8 => {
                let v = self.b.load(Op::Load64, object, 24, Type::Ref);
                self.within("Object.int");
                self.ints.push(v);
            }
            9 => {
                let v = self.b.load(Op::LoadF64, object, 32, Type::F64);
                self.within("Object.float");
                self.floats.push(v);
            }
            10 => {
                let v = self.is_none(object);
                self.words.push(v);
                let v = self.b.op(Op::Copy, &[object], Type::Ref);
                self.objects.push(v);
            }
            _ => self.global(object),
        }
    }

    /// A reference in global data.
    fn global(&mut self, object: Value) {
        let kept = self.module.lookup("kept").expect("in the prelude");
        let place = self.b.symaddr(kept, (self.source.below(4) * 8) as i64, Type::Addr);
        if self.source.below(2) == 0 {
            self.b.store(Op::Store64, place, object, 0);
            self.within("kept");
        } else {
            let v = self.b.load(Op::Load64, place, 0, Type::Ref);
            self.within("kept");
            self.objects.push(v);
        }
    }

    /// Elements of a storage, at any index: words in its first half, objects in the second.
    pub(super) fn element(&mut self) {
        if self.storages.is_empty() || self.source.below(4) == 0 {
            let size = self.b.iconst(STORAGE);
            let new = self.call_named("new", &[size], Some(Type::Ref)).expect("has a result");
            return self.storages.push(new);
        }
        let storages = self.storages.clone();
        let storage = self.source.pick(&storages);
        let (w, mask) = (self.word(), self.b.iconst(0x18));
        let index = self.b.bin(Op::And, w, mask);
        let at = self.b.op(Op::Add, &[storage, index], Type::Addr);
        match self.source.below(4) {
            0 => {
                let v = self.word();
                self.b.store(Op::Store64, at, v, 16);
                self.within("Storage.words");
            }
            1 => {
                let v = self.object();
                self.b.store(Op::Store64, at, v, 48);
                self.within("Storage.objects");
            }
            2 => {
                let v = self.b.load(Op::Load64, at, 16, Type::I64);
                self.within("Storage.words");
                self.words.push(v);
            }
            _ => {
                let v = self.b.load(Op::Load64, at, 48, Type::Ref);
                self.within("Storage.objects");
                self.objects.push(v);
            }
        }
    }

    /// Says in which region the access is that was just made, or nothing.
    fn within(&mut self, region: &str) {
        if self.source.below(4) != 0 {
            let region = self.module.regions.find(region).expect("in the prelude");
            self.b.set_region(region);
        }
    }
}
