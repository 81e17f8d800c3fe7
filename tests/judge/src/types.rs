//! Types at run time: what a type of the tree means inside a function with type arguments.
//!
//! `int64` and `bigint` have the values of `int` (section 3.1), so they are one type here; `any?` is `any`.

use mochi_lang::types::{Ty, TyKind, Types};
use std::collections::HashMap;
use std::rc::Rc;

/// The program's types, and those that type arguments make of them.
pub struct TypeTable {
    /// All types.
    pub types: Types,
    known: HashMap<(Ty, Rc<[Ty]>), Ty>,
    plain: Vec<Option<Ty>>,
}

impl TypeTable {
    /// A table over a program's types.
    pub fn new(types: Types) -> TypeTable {
        TypeTable { types, known: HashMap::new(), plain: Vec::new() }
    }

    /// What a type is.
    pub fn kind(&self, ty: Ty) -> &TyKind {
        self.types.kind(ty)
    }

    /// The type that `ty` means under type arguments.
    pub fn resolve(&mut self, ty: Ty, args: &Rc<[Ty]>) -> Ty {
        if args.is_empty() {
            if let Some(Some(known)) = self.plain.get(ty.0 as usize) {
                return *known;
            }
            let known = self.substitute(ty, args);
            if self.plain.len() <= ty.0 as usize {
                self.plain.resize(ty.0 as usize + 1, None);
            }
            self.plain[ty.0 as usize] = Some(known);
            return known;
        }
        let key = (ty, args.clone());
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let known = self.substitute(ty, args);
        self.known.insert(key, known);
        known
    }

    fn substitute(&mut self, ty: Ty, args: &Rc<[Ty]>) -> Ty {
        match self.kind(ty).clone() {
            TyKind::Int64 | TyKind::BigInt => Ty::INT,
            TyKind::Param(k, _) => args.get(k as usize).copied().unwrap_or(Ty::ANY),
            TyKind::List(x) => {
                let x = self.substitute(x, args);
                self.types.list(x)
            }
            TyKind::Map(k, v) => {
                let (k, v) = (self.substitute(k, args), self.substitute(v, args));
                self.types.map(k, v)
            }
            TyKind::Option(t) => {
                let t = self.substitute(t, args);
                if matches!(self.kind(t), TyKind::Any | TyKind::Unit) { t } else { self.types.option(t) }
            }
            TyKind::Fun(params, result) => {
                let params = params.into_iter().map(|p| self.substitute(p, args)).collect();
                let result = self.substitute(result, args);
                self.types.intern(TyKind::Fun(params, result))
            }
            TyKind::Group(k, x) => {
                let (k, x) = (self.substitute(k, args), self.substitute(x, args));
                self.types.intern(TyKind::Group(k, x))
            }
            _ => ty,
        }
    }

    /// The type inside an option, or the type itself.
    pub fn strip(&self, ty: Ty) -> Ty {
        match self.kind(ty) {
            TyKind::Option(t) => *t,
            _ => ty,
        }
    }

    /// Element type of a list type, item type of a group type; `any` for others.
    pub fn elem(&self, ty: Ty) -> Ty {
        match self.kind(self.strip(ty)) {
            TyKind::List(x) | TyKind::Group(_, x) => *x,
            _ => Ty::ANY,
        }
    }

    /// Key and value type of a map type; `any` for others.
    pub fn map_parts(&self, ty: Ty) -> (Ty, Ty) {
        match self.kind(self.strip(ty)) {
            TyKind::Map(k, v) => (*k, *v),
            _ => (Ty::ANY, Ty::ANY),
        }
    }

    /// The list type of an element type.
    pub fn list_of(&mut self, elem: Ty) -> Ty {
        self.types.list(elem)
    }

    /// A type as messages write it (section 3): `[int]`, `{string: int}`, `option[int]`.
    pub fn name(&self, ty: Ty) -> String {
        match self.kind(ty) {
            TyKind::Unit => "unit".into(),
            TyKind::Int | TyKind::Int64 | TyKind::BigInt => "int".into(),
            TyKind::BigRat => "bigrat".into(),
            TyKind::Float => "float".into(),
            TyKind::Bool => "bool".into(),
            TyKind::Str => "string".into(),
            TyKind::Any | TyKind::Error => "any".into(),
            TyKind::List(x) => format!("[{}]", self.name(*x)),
            TyKind::Map(k, v) => format!("{{{}: {}}}", self.name(*k), self.name(*v)),
            TyKind::Option(t) => format!("option[{}]", self.name(*t)),
            TyKind::Fun(params, result) => {
                let params: Vec<String> = params.iter().map(|p| self.name(*p)).collect();
                let result = match self.kind(*result) {
                    TyKind::Unit => String::new(),
                    _ => format!(": {}", self.name(*result)),
                };
                format!("fun({}){result}", params.join(", "))
            }
            TyKind::Variadic(..) => "fun(any)".into(),
            TyKind::Struct(id) => self.types.struct_def(*id).name.clone(),
            TyKind::Union(id) => self.types.union_def(*id).name.clone(),
            TyKind::Group(..) => "group".into(),
            TyKind::Param(_, name) => name.clone(),
        }
    }
}
