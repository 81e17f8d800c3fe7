//! Static data of a program: type descriptors, string literals, singletons, writable globals.
//!
//! Layouts are those of the runtime's objects: a descriptor is nine words, a string is
//! `desc, bytes, code points, address of the bytes`, then the bytes. Everything is deduplicated.

use super::layout::{
    CLOSURE_SIZE, DESC_SIZE, FIELD_ROW_SIZE, LIST_SIZE, LIST_STORE, OBJECT_HEADER, STR_SIZE,
};
use super::repr::{Layout, Repr, SlotClass};
use super::runtime::RtData;
use super::{Lowerer, Thunk};
use crate::types::{StructId, Ty, TyKind, UnionId};
use mochi_ir::{Data, Reloc, Sym};
use std::rc::Rc;

/// Descriptor kinds, shared with the runtime.
#[derive(Clone, Copy)]
#[repr(i64)]
enum DescKind {
    List = 5,
    Map = 6,
    Struct = 7,
    Union = 8,
    Option = 9,
    Fun = 10,
    Group = 13,
}

/// Header words of a closure in front of its captures: descriptor and code.
pub(crate) const CLOSURE_HEADER: u32 = CLOSURE_SIZE as u32 / 8;

/// Layout of the closures that the runtime makes: the function they hold and a list of arguments that wait
/// for the others.
fn holder_layout() -> Layout {
    Layout::new(CLOSURE_HEADER, &[SlotClass::Ref, SlotClass::Ref])
}

/// A data item being filled with words.
struct Words {
    bytes: Vec<u8>,
    relocs: Vec<Reloc>,
}

impl Words {
    fn new() -> Words {
        Words { bytes: Vec::new(), relocs: Vec::new() }
    }

    fn word(&mut self, w: i64) {
        self.bytes.extend_from_slice(&w.to_le_bytes());
    }

    fn addr(&mut self, sym: Sym, addend: i64) {
        self.relocs.push(Reloc { offset: self.bytes.len() as u32, sym, addend });
        self.word(0);
    }
}

/// An address in static data: symbol and offset.
pub(crate) type DataAddress = (Sym, i64);

/// Size of a static string, in whole words.
pub(super) fn str_size(bytes: usize) -> usize {
    STR_SIZE as usize + bytes.next_multiple_of(8)
}

/// Number of characters: a byte that belongs to no well-formed sequence is one (`runtime/lib/utf8.mochi`).
fn characters(text: &[u8]) -> usize {
    text.utf8_chunks().map(|c| c.valid().chars().count() + c.invalid().len()).sum()
}

/// Fields of a descriptor that differ from zero.
struct Desc {
    kind: DescKind,
    gc: i64,
    name: Option<DataAddress>,
    elem: Option<Sym>,
    value: Option<Sym>,
    fields: Option<(usize, Sym)>,
    union: Option<UnionPart>,
}

/// Words 7 and 8 of a descriptor.
enum UnionPart {
    Variants(usize, Sym),
    /// Its union and its number there.
    VariantOf(Sym, i64),
    /// Of a function type: code of the plain function that holds one of the type, and the other way round.
    Adapters(Sym, Sym),
}

impl Desc {
    fn new(kind: DescKind) -> Desc {
        Desc { kind, gc: 0, name: None, elem: None, value: None, fields: None, union: None }
    }
}

impl Lowerer<'_> {
    /// Adds a data item under a name made from `prefix` and a number.
    fn emit(&mut self, prefix: &str, words: Words, writable: bool) -> Sym {
        let sym = self.fresh_data(prefix);
        self.define(sym, words, writable);
        sym
    }

    fn fresh_data(&mut self, prefix: &str) -> Sym {
        self.counter += 1;
        let name = format!("{prefix}.{}", self.counter);
        self.module.declare_data(&name, false)
    }

    fn define(&mut self, sym: Sym, words: Words, writable: bool) {
        let Words { bytes, relocs } = words;
        // What a program writes are references, or words that look like none.
        self.module.datas.push(Data { bytes, writable, roots: writable, relocs, ..Data::new(sym) });
    }

    /// A static string. Those of one byte are the runtime's, at one address each.
    pub(crate) fn str_lit(&mut self, text: &[u8]) -> DataAddress {
        if let [c] = text {
            return (self.runtime_data(RtData::byte_strings), i64::from(*c) * str_size(1) as i64);
        }
        if let Some(&s) = self.strings.get(text) {
            return (s, 0);
        }
        let sym = self.fresh_data("str");
        let header = self.runtime_data(RtData::desc_str);
        let mut w = Words::new();
        w.addr(header, 0);
        w.word(text.len() as i64);
        w.word(characters(text) as i64);
        w.addr(sym, STR_SIZE);
        w.bytes.extend_from_slice(text);
        w.bytes.resize(str_size(text.len()), 0);
        self.define(sym, w, false);
        self.strings.insert(text.to_vec(), sym);
        (sym, 0)
    }

    /// The writable word of a top-level variable, initially none.
    pub(crate) fn global_word(&mut self, repr: Repr) -> Sym {
        let mut w = Words::new();
        w.word(super::none_word(repr));
        self.emit("global", w, true)
    }

    /// Layout of a struct or variant.
    pub(crate) fn layout(&mut self, id: StructId) -> Rc<Layout> {
        if let Some(l) = self.layouts.get(&id) {
            return l.clone();
        }
        let fields = self.types.field_types(id);
        let slots: Vec<SlotClass> = fields.iter().map(|&t| self.types.repr(t).slot()).collect();
        let regions = self.declare_fields(id);
        let layout = Rc::new(Layout { types: fields, regions, ..Layout::new(OBJECT_HEADER, &slots) });
        self.layouts.insert(id, layout.clone());
        layout
    }

    /// Layout of a group: key, items.
    pub(crate) fn group_layout(&mut self, key: Ty) -> Layout {
        Layout::new(OBJECT_HEADER, &[self.types.repr(key).slot(), SlotClass::Ref])
    }

    /// Descriptor of a closure with this many captures of each class; `plain` is the number of parameters
    /// of a plain one.
    pub(crate) fn closure_desc(&mut self, layout: &Layout, plain: Option<usize>) -> Sym {
        let gc = layout.gc_word(CLOSURE_HEADER);
        if let Some(&s) = self.closure_descs.get(&(gc, plain)) {
            return s;
        }
        let sym = self.fresh_data("desc");
        self.closure_descs.insert((gc, plain), sym);
        let elem = plain.map(|_| self.desc(Ty::ANY));
        let value = plain.map(|n| self.plain_shape(n));
        self.write_desc(sym, Desc { gc, elem, value, ..Desc::new(DescKind::Fun) });
        sym
    }

    /// What the runtime knows of plain functions of this many parameters: the number, their type's
    /// descriptor, how they are called with arguments in memory, the code of those that hold a function of
    /// another number of parameters, and the same of one parameter less.
    fn plain_shape(&mut self, params: usize) -> Sym {
        if let Some(&s) = self.plain_shapes.get(&params) {
            return s;
        }
        let sym = self.fresh_data("plain");
        self.plain_shapes.insert(params, sym);
        let desc = self.closure_desc(&holder_layout(), Some(params));
        let (spread, gather) = (self.thunk(Thunk::Spread(params)), self.thunk(Thunk::Gather(params)));
        let mut w = Words::new();
        w.word(params as i64);
        w.addr(desc, 0);
        w.addr(spread, 0);
        w.addr(gather, 0);
        match params {
            0 => w.word(0),
            _ => w.addr(self.plain_shape(params - 1), 0),
        }
        self.define(sym, w, false);
        sym
    }

    /// Descriptor of a function type: of the functions in places of that type, and of the closures that the
    /// runtime makes to put plain functions there.
    fn fun_desc(&mut self, ty: Ty) -> Sym {
        let holder = holder_layout();
        if let Some(n) = self.types.plain_arity(ty) {
            let sym = self.closure_desc(&holder, Some(n));
            self.descs.insert(ty, sym);
            return sym;
        }
        let sym = self.fresh_data("desc");
        self.descs.insert(ty, sym);
        let (params, result) = self.types.signature(ty);
        let plain = self.types.types.intern(TyKind::Fun(vec![Ty::ANY; params.len()], Ty::ANY));
        let boxing = self.thunk(Thunk::Adapter(ty, plain));
        let unboxing = self.thunk(Thunk::Adapter(plain, ty));
        let desc = Desc {
            gc: holder.gc_word(CLOSURE_HEADER),
            elem: Some(self.desc(result)),
            value: Some(self.plain_shape(params.len())),
            union: Some(UnionPart::Adapters(boxing, unboxing)),
            ..Desc::new(DescKind::Fun)
        };
        self.write_desc(sym, desc);
        sym
    }

    /// A closure without captures, as static data; `plain` is the number of parameters of a plain one.
    pub(crate) fn static_closure(&mut self, code: Sym, plain: Option<usize>) -> Sym {
        if let Some(&s) = self.static_closures.get(&code) {
            return s;
        }
        let desc = self.closure_desc(&Layout::new(CLOSURE_HEADER, &[]), plain);
        let mut w = Words::new();
        w.addr(desc, 0);
        w.addr(code, 0);
        let sym = self.emit("closure", w, false);
        self.static_closures.insert(code, sym);
        sym
    }

    /// The only object of a variant (or struct) without fields.
    pub(crate) fn singleton(&mut self, id: StructId) -> Sym {
        if let Some(&s) = self.singletons.get(&id) {
            return s;
        }
        let desc = self.struct_desc(id);
        let mut w = Words::new();
        w.addr(desc, 0);
        let sym = self.emit("only", w, false);
        self.singletons.insert(id, sym);
        sym
    }

    /// Descriptor of a resolved type.
    pub(crate) fn desc(&mut self, ty: Ty) -> Sym {
        if let Some(&s) = self.descs.get(&ty) {
            return s;
        }
        let kind = self.types.kind(ty).clone();
        let basic = match kind {
            TyKind::List(Ty::ANY) => Some(RtData::desc_list_any),
            TyKind::Int | TyKind::Int64 | TyKind::BigInt => Some(RtData::desc_int),
            TyKind::Float => Some(RtData::desc_float),
            TyKind::Bool => Some(RtData::desc_bool),
            TyKind::Str => Some(RtData::desc_str),
            TyKind::Any | TyKind::Unit | TyKind::Error => Some(RtData::desc_any),
            TyKind::BigRat => Some(RtData::desc_bigrat),
            _ => None,
        };
        if let Some(basic) = basic {
            let s = self.runtime_data(basic);
            self.descs.insert(ty, s);
            return s;
        }
        match kind {
            TyKind::Struct(id) => return self.struct_desc(id),
            TyKind::Union(id) => return self.union_desc(ty, id),
            TyKind::Fun(..) => return self.fun_desc(ty),
            _ => {}
        }
        let sym = self.fresh_data("desc");
        self.descs.insert(ty, sym);
        let desc = match kind {
            TyKind::List(e) => {
                let layout = Layout { size: LIST_SIZE as u32, nref: 1, ..Layout::new(0, &[]) };
                let gc = layout.gc_word(LIST_STORE as u32 / 8);
                Desc { gc, elem: Some(self.desc(e)), ..Desc::new(DescKind::List) }
            }
            TyKind::Map(k, v) => {
                Desc { elem: Some(self.desc(k)), value: Some(self.desc(v)), ..Desc::new(DescKind::Map) }
            }
            TyKind::Option(t) => Desc { elem: Some(self.desc(t)), ..Desc::new(DescKind::Option) },
            TyKind::Group(key, item) => self.group_desc(key, item),
            other => unreachable!("descriptor of {other:?}"),
        };
        self.write_desc(sym, desc);
        sym
    }

    fn group_desc(&mut self, key: Ty, item: Ty) -> Desc {
        let layout = self.group_layout(key);
        let items = self.types.types.list(item);
        let row = |name: &str, at: usize, ty| (name.to_string(), i64::from(layout.offsets[at]), ty);
        let table = self.field_table(vec![row("items", 1, items), row("key", 0, key)]);
        Desc { gc: layout.gc_word(OBJECT_HEADER), fields: Some((2, table)), ..Desc::new(DescKind::Group) }
    }

    /// A table of fields: name, byte offset (0 for a method), resolved type.
    pub(crate) fn field_table(&mut self, rows: Vec<(String, i64, Ty)>) -> Sym {
        if let Some(&s) = self.field_tables.get(&rows) {
            return s;
        }
        let sym = self.fresh_data("fields");
        let mut table = Words::new();
        for (name, offset, ty) in &rows {
            let (name, desc) = (self.str_lit(name.as_bytes()), self.desc(*ty));
            table.addr(name.0, name.1);
            table.word(*offset);
            table.addr(desc, 0);
        }
        debug_assert_eq!(table.bytes.len() as i64, rows.len() as i64 * FIELD_ROW_SIZE);
        self.define(sym, table, false);
        self.field_tables.insert(rows, sym);
        sym
    }

    /// Descriptor of a struct or variant.
    pub(crate) fn struct_desc(&mut self, id: StructId) -> Sym {
        if let Some(&s) = self.struct_descs.get(&id) {
            return s;
        }
        let sym = self.fresh_data("desc");
        self.struct_descs.insert(id, sym);
        let def = self.types.types.struct_def(id).clone();
        let layout = self.layout(id);
        let types = &layout.types;
        let mut rows: Vec<(String, i64, Ty)> = Vec::new();
        for (k, (name, _)) in def.fields.iter().enumerate() {
            rows.push((name.clone(), i64::from(layout.offsets[k]), types[k]));
        }
        rows.extend(def.methods.iter().map(|(name, _)| (name.clone(), 0, Ty::UNIT)));
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        let count = rows.len();
        let fields = (count > 0).then(|| (count, self.field_table(rows)));
        let name = if def.name.is_empty() { None } else { Some(self.str_lit(def.name.as_bytes())) };
        let union = def.union.map(|u| {
            let ty = self.types.types.intern(TyKind::Union(u));
            let number = self.types.types.union_def(u).variants.iter().position(|v| *v == id);
            let number = number.expect("a union has its variants");
            UnionPart::VariantOf(self.union_desc(ty, u), number as i64)
        });
        self.write_desc(
            sym,
            Desc { gc: layout.gc_word(OBJECT_HEADER), name, fields, union, ..Desc::new(DescKind::Struct) },
        );
        sym
    }

    fn union_desc(&mut self, ty: Ty, id: UnionId) -> Sym {
        if let Some(&s) = self.descs.get(&ty) {
            return s;
        }
        let sym = self.fresh_data("desc");
        self.descs.insert(ty, sym);
        let def = self.types.types.union_def(id).clone();
        let mut table = Words::new();
        for &v in &def.variants {
            let d = self.struct_desc(v);
            table.addr(d, 0);
        }
        let table = self.emit("variants", table, false);
        let name = Some(self.str_lit(def.name.as_bytes()));
        let union = Some(UnionPart::Variants(def.variants.len(), table));
        self.write_desc(sym, Desc { name, union, ..Desc::new(DescKind::Union) });
        sym
    }

    fn write_desc(&mut self, sym: Sym, d: Desc) {
        let mut w = Words::new();
        let addr = |w: &mut Words, s: Option<Sym>| match s {
            Some(s) => w.addr(s, 0),
            None => w.word(0),
        };
        w.word(d.kind as i64);
        w.word(d.gc);
        match d.name {
            Some((s, at)) => w.addr(s, at),
            None => w.word(0),
        }
        addr(&mut w, d.elem);
        addr(&mut w, d.value);
        w.word(d.fields.map_or(0, |f| f.0 as i64));
        addr(&mut w, d.fields.map(|f| f.1));
        match d.union {
            None => {
                w.word(0);
                w.word(0);
            }
            Some(UnionPart::VariantOf(u, number)) => {
                w.addr(u, 0);
                w.word(number);
            }
            Some(UnionPart::Adapters(boxing, unboxing)) => {
                w.addr(boxing, 0);
                w.addr(unboxing, 0);
            }
            Some(UnionPart::Variants(n, table)) => {
                w.word(n as i64);
                w.addr(table, 0);
            }
        }
        debug_assert_eq!(w.bytes.len() as i64, DESC_SIZE);
        self.define(sym, w, false);
    }
}
