//! Types as written, and the declarations they name.
//!
//! Aliases are resolved on first use, so that they may name types declared later; an alias that
//! leads to itself is an unknown type.
//!
//! A struct has one layout, whatever the type arguments of the functions around it: what it is made of,
//! and what its methods see, has `any` for their type parameters ([`Checker::without_params`]).

use super::Checker;
use crate::ast::{Field, TypeRef, TypeRefKind};
use crate::diag::Code;
use crate::span::Span;
use crate::types::{StructDef, StructId, Ty, TyKind, UnionId};

/// Parts a type has at most.
const MAX_PARTS: u32 = 10_000;

/// What a type name stands for.
#[derive(Clone, Copy, Debug)]
pub(super) enum TypeName<'a> {
    /// A struct, or a variant of a union.
    Struct(StructId),
    /// A union.
    Union(UnionId),
    /// An alias not used yet.
    Alias(&'a TypeRef),
    /// An alias being resolved.
    Busy,
    /// A resolved alias.
    Known(Ty),
}

impl<'a> Checker<'a> {
    /// The type a reference means; reports unknown names (T025) and types that are too large.
    pub(super) fn resolve(&mut self, r: &TypeRef) -> Ty {
        let ty = self.resolve_kind(r);
        self.bounded(ty, r.span)
    }

    /// The type, unless it is too large (P103): doubling a type takes one step, and what walks over
    /// types must end.
    pub(super) fn bounded(&mut self, ty: Ty, span: Span) -> Ty {
        if self.types.parts(ty) <= MAX_PARTS {
            return ty;
        }
        self.error(Code::P103, span, &[&MAX_PARTS]);
        Ty::ERROR
    }

    fn resolve_kind(&mut self, r: &TypeRef) -> Ty {
        match &r.kind {
            TypeRefKind::Name(name) => match self.resolve_name(name) {
                Some(t) => t,
                None => {
                    self.error(Code::T025, r.span, &[name]);
                    Ty::ERROR
                }
            },
            TypeRefKind::Generic(name, args) => {
                let args: Vec<Ty> = args.iter().map(|a| self.resolve(a)).collect();
                match (name.as_str(), args.as_slice()) {
                    ("list", [elem]) => self.types.list(*elem),
                    ("map", [key, value]) => self.types.map(*key, *value),
                    _ => Ty::ANY,
                }
            }
            TypeRefKind::Fun(params, result) => {
                let params = params.iter().map(|p| self.resolve(p)).collect();
                let result = result.as_ref().map_or(Ty::UNIT, |r| self.resolve(r));
                self.types.intern(TyKind::Fun(params, result))
            }
            TypeRefKind::Struct(fields) => {
                let fields = self.resolve_fields(fields);
                let id = self.inline_struct(fields);
                self.types.intern(TyKind::Struct(id))
            }
            TypeRefKind::Option(inner) => {
                let inner = self.resolve(inner);
                self.types.option(inner)
            }
        }
    }

    /// Types of declared fields.
    pub(super) fn resolve_fields(&mut self, fields: &[Field]) -> Vec<(String, Ty)> {
        let most = MAX_PARTS as usize;
        if let Some(first) = fields.get(most) {
            self.error(Code::P103, first.name.span, &[&MAX_PARTS]);
        }
        let kept = fields.iter().take(most);
        self.without_params(|c| kept.map(|f| (f.name.name.clone(), c.resolve(&f.ty))).collect())
    }

    /// Does something with `any` for the type parameters in scope.
    pub(super) fn without_params<R>(&mut self, act: impl FnOnce(&mut Checker<'a>) -> R) -> R {
        let any = self.type_params.iter().map(|(name, _)| (name.clone(), Ty::ANY)).collect();
        let params = std::mem::replace(&mut self.type_params, any);
        let made = act(self);
        self.type_params = params;
        made
    }

    fn inline_struct(&mut self, fields: Vec<(String, Ty)>) -> StructId {
        if let Some(&id) = self.inline_structs.get(&fields) {
            return id;
        }
        let id = self.new_struct("");
        self.types.structs[id.0 as usize].fields = fields.iter().cloned().collect();
        self.inline_structs.insert(fields, id);
        id
    }

    /// A struct without fields yet.
    pub(super) fn new_struct(&mut self, name: &str) -> StructId {
        self.types.structs.push(StructDef { name: name.to_string(), ..StructDef::default() });
        StructId(self.types.structs.len() as u32 - 1)
    }

    /// The type of a struct.
    pub(super) fn struct_type(&mut self, id: StructId) -> Ty {
        self.types.intern(TyKind::Struct(id))
    }

    /// The type of a union.
    pub(super) fn union_type(&mut self, id: UnionId) -> Ty {
        self.types.intern(TyKind::Union(id))
    }

    fn resolve_name(&mut self, name: &str) -> Option<Ty> {
        let basic = match name {
            "int" => Ty::INT,
            "int64" => Ty::INT64,
            "float" => Ty::FLOAT,
            "bigint" => Ty::BIGINT,
            "bigrat" => Ty::BIGRAT,
            "string" => Ty::STR,
            "bool" => Ty::BOOL,
            "unit" | "void" => Ty::UNIT,
            "any" => Ty::ANY,
            _ => return self.resolve_declared(name),
        };
        Some(basic)
    }

    fn resolve_declared(&mut self, name: &str) -> Option<Ty> {
        if let Some((_, ty)) = self.type_params.iter().rev().find(|(n, _)| n == name) {
            return Some(*ty);
        }
        match self.type_names.get(name).copied() {
            Some(TypeName::Struct(id)) => Some(self.struct_type(id)),
            Some(TypeName::Union(id)) => Some(self.union_type(id)),
            Some(TypeName::Known(ty)) => Some(ty),
            Some(TypeName::Busy) => None,
            Some(TypeName::Alias(target)) => {
                self.name_type(name, TypeName::Busy);
                let params = std::mem::take(&mut self.type_params);
                let ty = self.resolve(target);
                self.type_params = params;
                self.name_type(name, TypeName::Known(ty));
                Some(ty)
            }
            None => {
                let mut chars = name.chars();
                let single = chars.next().is_some_and(|c| c.is_ascii_uppercase()) && chars.next().is_none();
                single.then_some(Ty::ANY)
            }
        }
    }

    /// The struct a name means in a struct literal, through aliases.
    pub(super) fn struct_named(&mut self, name: &str) -> Option<StructId> {
        if !self.type_names.contains_key(name) {
            return None;
        }
        let ty = self.resolve_declared(name)?;
        match self.types.kind(ty) {
            TyKind::Struct(id) => Some(*id),
            _ => None,
        }
    }
}
