//! Values of a function: constants, the words of slots, parts of objects, new objects, elements of lists.

use super::func::Fx;
use super::layout::{LIST_LEN, RuntimeRegion};
use super::none_word;
use super::repr::{Layout, Repr};
use super::runtime::{ListRt, Rt, RtData};
use crate::tree::ExprKind;
use crate::types::Ty;
use mochi_ir::{Cond, Op, Region, Sym, Type, Value};

impl Fx<'_, '_> {
    // Constants.

    /// None of a representation.
    pub(crate) fn none(&mut self, repr: Repr) -> Value {
        match repr {
            Repr::Float => self.b.fconst(f64::from_bits(none_word(repr) as u64)),
            Repr::Bool => self.b.iconst(none_word(repr)),
            _ => self.b.rconst(none_word(repr)),
        }
    }

    /// The value of a unit expression.
    pub(crate) fn unit(&mut self) -> Value {
        self.none(Repr::Any)
    }

    /// A literal.
    pub(crate) fn literal(&mut self, e: &ExprKind) -> Value {
        match e {
            ExprKind::Int(v) => self.int(*v),
            ExprKind::Float(v) => self.b.fconst(*v),
            ExprKind::Bool(v) => self.b.iconst(i64::from(*v)),
            ExprKind::Str(s) => self.str_value(s),
            _ => unreachable!("not a literal"),
        }
    }

    /// A tagged integer.
    pub(crate) fn int(&mut self, v: i64) -> Value {
        match v.checked_mul(2) {
            Some(word) => self.b.rconst(word),
            None => {
                let raw = self.b.iconst(v);
                self.rt(Rt::int_from_i64, &[raw])
            }
        }
    }

    /// A static string.
    pub(crate) fn str_value(&mut self, text: impl AsRef<[u8]>) -> Value {
        let (sym, at) = self.lw.str_lit(text.as_ref());
        self.b.symaddr(sym, at, Type::Ref)
    }

    /// Whether a value is the literal of a string of one byte: it equals itself only.
    pub(crate) fn is_char_literal(&self, v: Value) -> bool {
        let Some(inst) = self.b.func.def_inst(v) else { return false };
        let data = &self.b.func.insts[inst.index()];
        data.op == Op::Symaddr && data.sym.is_some_and(|s| self.lw.is_runtime_data(s, RtData::byte_strings))
    }

    /// Address of a resolved type's descriptor.
    pub(crate) fn desc(&mut self, ty: Ty) -> Value {
        let sym = self.lw.desc(ty);
        self.b.symaddr(sym, 0, Type::I64)
    }

    // Words.

    /// The 8-byte slot word of a value.
    pub(crate) fn word(&mut self, v: Value) -> Value {
        match self.b.func.ty(v) {
            Type::F64 => self.b.op(Op::FbitsTo, &[v], Type::Ref),
            Type::I64 | Type::Addr => self.b.op(Op::Copy, &[v], Type::Ref),
            Type::Ref => v,
        }
    }

    /// The value a slot word stands for.
    pub(crate) fn unpack(&mut self, repr: Repr, word: Value) -> Value {
        match (repr.ir(), self.b.func.ty(word)) {
            (Type::F64, Type::F64) => word,
            (Type::F64, _) => self.b.op(Op::FbitsFrom, &[word], Type::F64),
            (want, have) if want == have => word,
            (want, _) => self.b.op(Op::Copy, &[word], want),
        }
    }

    /// Loads a slot.
    pub(crate) fn load_slot(&mut self, repr: Repr, addr: Value, offset: i64, region: Region) -> Value {
        let ty = repr.ir();
        let op = if ty == Type::F64 { Op::LoadF64 } else { Op::Load64 };
        let v = self.b.load(op, addr, offset, ty);
        self.b.set_region(region);
        v
    }

    /// Stores to a slot.
    pub(crate) fn store_slot(&mut self, addr: Value, value: Value, offset: i64, region: Region) {
        let op = if self.b.func.ty(value) == Type::F64 { Op::StoreF64 } else { Op::Store64 };
        self.b.store(op, addr, value, offset);
        self.b.set_region(region);
    }

    /// Loads a number from a part of an object.
    pub(crate) fn load_part(&mut self, object: Value, offset: i64, region: RuntimeRegion) -> Value {
        let v = self.b.load(Op::Load64, object, offset, Type::I64);
        let region = self.lw.runtime_region(region);
        self.b.set_region(region);
        v
    }

    /// Allocates an object of fixed size.
    pub(crate) fn alloc(&mut self, layout: &Layout, desc: Sym) -> Value {
        let size = self.b.iconst(i64::from(layout.size));
        let desc = self.b.symaddr(desc, 0, Type::I64);
        self.rt(Rt::alloc, &[size, desc])
    }

    /// Tags a raw integer that fits.
    pub(crate) fn tag(&mut self, v: Value) -> Value {
        let one = self.b.iconst(1);
        self.b.op(Op::Shl, &[v, one], Type::Ref)
    }

    /// 1 when the value is none.
    pub(crate) fn is_none(&mut self, repr: Repr, v: Value) -> Value {
        let word = if repr == Repr::Float { self.b.op(Op::FbitsTo, &[v], Type::I64) } else { v };
        let none = self.b.iconst(none_word(repr));
        self.b.icmp(Cond::Eq, word, none)
    }

    /// `v ^ 1` of a 0/1 value.
    pub(crate) fn flip(&mut self, v: Value) -> Value {
        let zero = self.b.iconst(0);
        self.b.icmp(Cond::Eq, v, zero)
    }

    // Lists.

    /// Raw length of a list.
    pub(crate) fn raw_len(&mut self, list: Value) -> Value {
        self.load_part(list, LIST_LEN, RuntimeRegion::ListLen)
    }

    /// Element of a list by raw index, unchecked.
    pub(crate) fn raw_get(&mut self, elem: Ty, list: Value, index: Value) -> Value {
        let repr = self.lw.types.repr(elem);
        self.rt_as(repr, ListRt::GET_RAW.of(repr), &[list, index])
    }

    /// An empty list of a resolved list type.
    pub(crate) fn new_list(&mut self, list: Ty, capacity: i64) -> Value {
        let desc = self.desc(list);
        let capacity = self.b.iconst(capacity);
        self.rt(Rt::list_new, &[desc, capacity])
    }

    /// Adds an element to a list nobody else holds.
    pub(crate) fn push(&mut self, elem: Ty, list: Value, value: Value) {
        let repr = self.lw.types.repr(elem);
        self.rt_void(ListRt::PUSH.of(repr), &[list, value]);
    }

    /// Gives a new list with room for them its elements.
    pub(crate) fn fill(&mut self, elem: Ty, list: Value, values: &[Value]) {
        let fill = ListRt::FILL.of(self.lw.types.repr(elem));
        for (i, &v) in values.iter().enumerate() {
            let i = self.b.iconst(i as i64);
            self.rt_void(fill, &[list, i, v]);
        }
        let len = self.b.iconst(values.len() as i64);
        self.rt_void(Rt::list_filled, &[list, len]);
    }
}
