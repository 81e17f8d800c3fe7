//! Types of the language, interned: equal types have equal ids.

use crate::named::Named;
use std::collections::HashMap;

/// A type, an index into [`Types`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct Ty(pub u32);

/// A declared struct, a variant of a union, or an inline struct: an index into [`Types::structs`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct StructId(pub u32);

/// A declared union: an index into [`Types::unions`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct UnionId(pub u32);

/// See [`Ty`].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)]
pub enum TyKind {
    Unit,
    Int,
    Int64,
    BigInt,
    BigRat,
    Float,
    Bool,
    Str,
    Any,
    List(Ty),
    Map(Ty, Ty),
    Option(Ty),
    Fun(Vec<Ty>, Ty),
    /// `fun(...any): unit`, the type of `print`.
    Variadic(Ty, Ty),
    Struct(StructId),
    Union(UnionId),
    /// A group of a query: key, item.
    Group(Ty, Ty),
    /// A type parameter inside a generic function, by index; lowering substitutes it.
    Param(u32, String),
    /// Type of something already reported: compatible with everything, never reported again.
    Error,
}

/// A struct or variant.
#[derive(Clone, Debug, Default)]
pub struct StructDef {
    /// Name; empty for an inline struct.
    pub name: String,
    /// Fields in order of declaration.
    pub fields: Named<Ty>,
    /// The union this is a variant of.
    pub union: Option<UnionId>,
    /// Methods: name, and index into [`crate::tree::Program::functions`] (set by the checker).
    pub methods: Named<u32>,
}

/// A union.
#[derive(Clone, Debug, Default)]
pub struct UnionDef {
    /// Name.
    pub name: String,
    /// Variants in order.
    pub variants: Vec<StructId>,
}

/// All types of a program.
#[derive(Clone, Debug)]
pub struct Types {
    kinds: Vec<TyKind>,
    /// How many types a type is written with, itself included; no more than `u32::MAX`.
    parts: Vec<u32>,
    ids: HashMap<TyKind, Ty>,
    /// Structs and variants.
    pub structs: Vec<StructDef>,
    /// Unions.
    pub unions: Vec<UnionDef>,
}

macro_rules! basic {
    ($($name:ident = $index:literal $kind:ident;)*) => {
        impl Ty {
            $(#[doc = concat!("The type `", stringify!($kind), "`.")]
            pub const $name: Ty = Ty($index);)*
        }
        const BASIC: &[TyKind] = &[$(TyKind::$kind),*];
    };
}
basic! {
    UNIT = 0 Unit;
    INT = 1 Int;
    INT64 = 2 Int64;
    BIGINT = 3 BigInt;
    BIGRAT = 4 BigRat;
    FLOAT = 5 Float;
    BOOL = 6 Bool;
    STR = 7 Str;
    ANY = 8 Any;
    ERROR = 9 Error;
}

impl Default for Types {
    fn default() -> Types {
        let mut t = Types {
            kinds: Vec::new(),
            parts: Vec::new(),
            ids: HashMap::new(),
            structs: Vec::new(),
            unions: Vec::new(),
        };
        for k in BASIC {
            t.intern(k.clone());
        }
        t
    }
}

impl Types {
    /// The id of a type.
    pub fn intern(&mut self, kind: TyKind) -> Ty {
        if let Some(&t) = self.ids.get(&kind) {
            return t;
        }
        let t = Ty(self.kinds.len() as u32);
        self.parts.push(self.count_parts(&kind));
        self.kinds.push(kind.clone());
        self.ids.insert(kind, t);
        t
    }

    fn count_parts(&self, kind: &TyKind) -> u32 {
        use TyKind::*;
        let sum = |types: &[Ty]| types.iter().fold(1, |n, t| self.parts(*t).saturating_add(n));
        match kind {
            List(x) | Option(x) => sum(&[*x]),
            Map(x, y) | Group(x, y) | Variadic(x, y) => sum(&[*x, *y]),
            Fun(params, result) => sum(params).saturating_add(self.parts(*result)),
            _ => 1,
        }
    }

    /// How many types a type is written with, itself included: `map<int, string>` has three parts.
    /// Equal parts are shared, so a type of many parts can be made in few steps.
    pub fn parts(&self, ty: Ty) -> u32 {
        self.parts[ty.0 as usize]
    }

    /// What a type is.
    pub fn kind(&self, ty: Ty) -> &TyKind {
        &self.kinds[ty.0 as usize]
    }

    /// `list<T>`.
    pub fn list(&mut self, elem: Ty) -> Ty {
        self.intern(TyKind::List(elem))
    }

    /// `map<K, V>`.
    pub fn map(&mut self, key: Ty, value: Ty) -> Ty {
        self.intern(TyKind::Map(key, value))
    }

    /// `T?`; collapses (`T??` is `T?`, `any?` stays an option of any).
    pub fn option(&mut self, ty: Ty) -> Ty {
        if matches!(self.kind(ty), TyKind::Option(_)) {
            return ty;
        }
        self.intern(TyKind::Option(ty))
    }

    /// A struct.
    pub fn struct_def(&self, id: StructId) -> &StructDef {
        &self.structs[id.0 as usize]
    }

    /// A union.
    pub fn union_def(&self, id: UnionId) -> &UnionDef {
        &self.unions[id.0 as usize]
    }
}
