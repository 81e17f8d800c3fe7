//! How types are represented in words, and the lowerer's own type table.
//!
//! Every type seen by lowering is first *resolved*: type parameters are replaced by the arguments
//! of the instance, `int64` and `bigint` become `int` (one representation), erroneous types become
//! `any`. Resolved types are interned, so equal types share descriptors and instances.

use crate::types::{StructId, Ty, TyKind, Types};
use mochi_ir::{Region, Type};

/// Bits of the float that stands for `none` (a quiet NaN no arithmetic produces).
pub(crate) const NONE_FLOAT: i64 = 0x7FF8_0000_0000_0A0E;

/// Representation of a value in a register or an 8-byte slot.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Repr {
    /// Exact integer: even = small, odd = pointer + 1, 1 = none.
    Int,
    /// Tagged word of any type. A value of type unit is one, too: what a function without a
    /// result type gives may be seen by its caller, as nothing checks such results.
    Any,
    /// `f64`; none is [`NONE_FLOAT`].
    Float,
    /// 0, 1, none is 2.
    Bool,
    /// Plain pointer; none is 0.
    Ref,
}

/// Where the collector looks for a slot of this representation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum SlotClass {
    /// Plain pointer or null.
    Ref,
    /// Tagged word.
    Tag,
    /// Never a reference.
    Raw,
}

impl Repr {
    /// Type of the value in the IR.
    pub(crate) fn ir(self) -> Type {
        match self {
            Repr::Float => Type::F64,
            Repr::Bool => Type::I64,
            _ => Type::Ref,
        }
    }

    /// Class of a heap slot that holds it.
    pub(crate) fn slot(self) -> SlotClass {
        match self {
            Repr::Ref => SlotClass::Ref,
            Repr::Int | Repr::Any => SlotClass::Tag,
            Repr::Float | Repr::Bool => SlotClass::Raw,
        }
    }
}

/// Offsets of the fields of a heap object with a descriptor word in front.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Byte offset of each field, in order of declaration.
    pub(crate) offsets: Vec<u32>,
    /// Resolved types of the fields, for structs.
    pub(crate) types: Vec<Ty>,
    /// The memory of each field, for structs.
    pub(crate) regions: Vec<Region>,
    /// Number of plain reference fields.
    pub(crate) nref: u32,
    /// Number of tagged fields.
    pub(crate) ntag: u32,
    /// Size with the header, in bytes.
    pub(crate) size: u32,
}

impl Layout {
    /// Places slots behind `first` header words: references, then tagged words, then raw ones.
    pub(crate) fn new(first: u32, slots: &[SlotClass]) -> Layout {
        let mut offsets = vec![0; slots.len()];
        let mut word = first;
        let mut counts = [0; 3];
        for (k, class) in [SlotClass::Ref, SlotClass::Tag, SlotClass::Raw].into_iter().enumerate() {
            for (offset, _) in offsets.iter_mut().zip(slots).filter(|(_, s)| **s == class) {
                *offset = word * 8;
                word += 1;
                counts[k] += 1;
            }
        }
        Layout {
            offsets,
            types: Vec::new(),
            regions: Vec::new(),
            nref: counts[0],
            ntag: counts[1],
            size: word * 8,
        }
    }

    /// The word that tells the collector about the object.
    pub(crate) fn gc_word(&self, first: u32) -> i64 {
        i64::from(self.size / 8)
            | i64::from(self.nref) << 16
            | i64::from(self.ntag) << 32
            | i64::from(first) << 48
    }
}

/// The program's types plus those that instances need.
pub(crate) struct TypeTable {
    /// All types.
    pub(crate) types: Types,
    /// By type, what one without parameters is resolved to, as far as somebody asked.
    resolved: Vec<Option<Ty>>,
}

impl TypeTable {
    /// A table that starts from the program's types.
    pub(crate) fn new(types: Types) -> TypeTable {
        TypeTable { types, resolved: Vec::new() }
    }

    /// What a type is.
    pub(crate) fn kind(&self, ty: Ty) -> &TyKind {
        self.types.kind(ty)
    }

    /// Resolves a type without parameters.
    pub(crate) fn plain(&mut self, ty: Ty) -> Ty {
        let at = ty.0 as usize;
        if let Some(&Some(t)) = self.resolved.get(at) {
            return t;
        }
        let t = self.resolve(ty, &[]);
        self.resolved.resize(self.resolved.len().max(at + 1), None);
        self.resolved[at] = Some(t);
        t
    }

    /// Resolves a type: substitutes parameters and merges types of one representation.
    pub(crate) fn resolve(&mut self, ty: Ty, args: &[Ty]) -> Ty {
        match self.kind(ty).clone() {
            TyKind::Int64 | TyKind::BigInt => Ty::INT,
            TyKind::Error => panic!("an expression with an error that was not reported"),
            TyKind::Param(i, _) => args.get(i as usize).copied().unwrap_or(Ty::ANY),
            TyKind::List(e) => {
                let e = self.resolve(e, args);
                self.types.list(e)
            }
            TyKind::Map(k, v) => {
                let (k, v) = (self.resolve(k, args), self.resolve(v, args));
                self.types.map(k, v)
            }
            TyKind::Option(t) => {
                let t = self.resolve(t, args);
                if matches!(self.kind(t), TyKind::Any | TyKind::Unit) { t } else { self.types.option(t) }
            }
            TyKind::Fun(params, result) => {
                let params = params.into_iter().map(|p| self.resolve(p, args)).collect();
                let result = self.resolve(result, args);
                self.types.intern(TyKind::Fun(params, result))
            }
            TyKind::Variadic(param, result) => {
                let param = self.resolve(param, args);
                let result = self.resolve(result, args);
                self.types.intern(TyKind::Fun(vec![param], result))
            }
            TyKind::Group(k, t) => {
                let (k, t) = (self.resolve(k, args), self.resolve(t, args));
                self.types.intern(TyKind::Group(k, t))
            }
            TyKind::Unit
            | TyKind::Int
            | TyKind::BigRat
            | TyKind::Float
            | TyKind::Bool
            | TyKind::Str
            | TyKind::Any
            | TyKind::Struct(_)
            | TyKind::Union(_) => ty,
        }
    }

    /// Representation of a resolved type.
    pub(crate) fn repr(&self, ty: Ty) -> Repr {
        match self.kind(ty) {
            TyKind::Unit => Repr::Any,
            TyKind::Int | TyKind::Int64 | TyKind::BigInt => Repr::Int,
            TyKind::Float => Repr::Float,
            TyKind::Bool => Repr::Bool,
            TyKind::Any | TyKind::Error => Repr::Any,
            TyKind::Option(t) => self.repr(*t),
            TyKind::Param(_, name) => panic!("type parameter {name} left after substitution"),
            _ => Repr::Ref,
        }
    }

    /// The type inside an option, or the type itself.
    pub(crate) fn strip(&self, ty: Ty) -> Ty {
        match self.kind(ty) {
            TyKind::Option(t) => *t,
            _ => ty,
        }
    }

    /// Whether the type is an option.
    pub(crate) fn is_option(&self, ty: Ty) -> bool {
        matches!(self.kind(ty), TyKind::Option(_))
    }

    /// Element type of a list, item type of a group, `any` for anything else.
    pub(crate) fn elem(&self, ty: Ty) -> Ty {
        match self.kind(self.strip(ty)) {
            TyKind::List(e) | TyKind::Group(_, e) => *e,
            _ => Ty::ANY,
        }
    }

    /// Whether the type is a list or an option of one.
    pub(crate) fn is_list(&self, ty: Ty) -> bool {
        matches!(self.kind(self.strip(ty)), TyKind::List(_))
    }

    /// Parameter and result types of a function type.
    pub(crate) fn signature(&self, ty: Ty) -> (Vec<Ty>, Ty) {
        match self.kind(self.strip(ty)) {
            TyKind::Fun(params, result) => (params.clone(), *result),
            other => panic!("not a function type: {other:?}"),
        }
    }

    /// The number of parameters of a *plain* function type: one whose functions are called with `any` only
    /// and give `any`.
    pub(crate) fn plain_arity(&self, ty: Ty) -> Option<usize> {
        let TyKind::Fun(params, result) = self.kind(ty) else { return None };
        let plain = params.iter().chain([result]).all(|t| self.repr(*t) == Repr::Any);
        plain.then_some(params.len())
    }

    /// Whether functions of one type are, as they stand, functions of the other: the words that go in and
    /// out are of the same types, but for options.
    pub(crate) fn called_alike(&self, a: Ty, b: Ty) -> bool {
        let (a, b) = (self.strip(a), self.strip(b));
        let any = |t| self.repr(t) == Repr::Any;
        match (self.kind(a), self.kind(b)) {
            _ if a == b || any(a) && any(b) => true,
            (TyKind::Fun(p, r), TyKind::Fun(q, s)) => {
                let mut pairs = p.iter().zip(q).chain([(r, s)]);
                p.len() == q.len() && pairs.all(|(x, y)| self.called_alike(*x, *y))
            }
            (TyKind::List(x), TyKind::List(y)) => self.called_alike(*x, *y),
            (TyKind::Map(k, v), TyKind::Map(l, w)) => k == l && self.called_alike(*v, *w),
            (TyKind::Struct(s), TyKind::Union(u)) | (TyKind::Union(u), TyKind::Struct(s)) => {
                self.types.struct_def(*s).union == Some(*u)
            }
            _ => false,
        }
    }

    /// Name of a type as messages render it (`[int]`, `{string: int}`, `option[int]`).
    pub(crate) fn name(&self, ty: Ty) -> String {
        match self.kind(ty) {
            TyKind::Unit => "unit".into(),
            TyKind::Int => "int".into(),
            TyKind::Int64 => "int64".into(),
            TyKind::BigInt => "bigint".into(),
            TyKind::BigRat => "bigrat".into(),
            TyKind::Float => "float".into(),
            TyKind::Bool => "bool".into(),
            TyKind::Str => "string".into(),
            TyKind::Any | TyKind::Error => "any".into(),
            TyKind::List(e) => format!("[{}]", self.name(*e)),
            TyKind::Map(k, v) => format!("{{{}: {}}}", self.name(*k), self.name(*v)),
            TyKind::Option(t) => format!("option[{}]", self.name(*t)),
            TyKind::Fun(params, result) => {
                let params: Vec<String> = params.iter().map(|p| self.name(*p)).collect();
                match self.kind(*result) {
                    TyKind::Unit => format!("fun({})", params.join(", ")),
                    _ => format!("fun({}): {}", params.join(", "), self.name(*result)),
                }
            }
            TyKind::Variadic(..) => "fun(...any)".into(),
            TyKind::Struct(id) => self.types.struct_def(*id).name.clone(),
            TyKind::Union(id) => self.types.union_def(*id).name.clone(),
            TyKind::Group(..) => "group".into(),
            TyKind::Param(_, name) => name.clone(),
        }
    }

    /// Resolved field types of a struct.
    pub(crate) fn field_types(&mut self, id: StructId) -> Vec<Ty> {
        let fields: Vec<Ty> = self.types.struct_def(id).fields.iter().map(|f| f.1).collect();
        fields.into_iter().map(|t| self.plain(t)).collect()
    }
}
