//! `group by`: keys, what an item of a group is, and the fields of groups and of items.
//!
//! An item of a group over one variable is that variable's value. Over several it is a *row*: a
//! record with a field for each variable. A name that is no variable is looked for in the
//! variables' values, by their types: the first variable's field if it has it, else that of the
//! only other one that has it. Which keys a map has is not known before the program runs, so where
//! a map (or a value of type `any`) may have the name, the choice is left to
//! [`RowField`](T::RowField), which never gives none for a missing name.

use super::Checker;
use super::literal::string_key;
use super::query::Row;
use super::relations::{contains_param, name_list};
use super::scope::Origin;
use super::scope::VarKey;
use crate::ast::{self, ExprKind, Ident};
use crate::diag::Code;
use crate::span::Span;
use crate::tree::{Expr, ExprKind as T, Group, LocalId, VarRef};
use crate::types::{StructId, Ty, TyKind};

/// A group variable whose key is known to be a record with these names.
pub(super) struct GroupKeys {
    depth: usize,
    local: LocalId,
    names: Vec<String>,
}

/// Whether values of a type have a field.
#[derive(Clone, Copy, PartialEq)]
enum Has {
    No,
    /// A map or `any`: only the value knows.
    Maybe,
    Yes,
}

/// Where a row's field of a name is.
enum Owner {
    /// In the variable of this position.
    Variable(usize),
    /// In one of these variables; the first of them is the first of the query if `first`.
    Search { first: bool, vars: Vec<u32> },
    /// In several variables, none of which is the first.
    Ambiguous(Vec<usize>),
    /// Nowhere.
    Unknown,
}

impl<'a> Checker<'a> {
    /// `group by`: the key (a record of several), what an item is, `having`.
    pub(super) fn group(&mut self, g: &'a ast::Group, rows: &[Row]) -> Group {
        let mut keys: Vec<Expr> = g.keys.iter().map(|k| self.expr(k, None)).collect();
        let mut names = None;
        let key = if keys.len() == 1 {
            names = literal_names(&g.keys[0]);
            keys.remove(0)
        } else {
            self.composite_key(g, keys, &mut names)
        };
        let item = self.item(rows, g.name.span);
        let ty = self.types.intern(TyKind::Group(key.ty, item.ty));
        let local = self.declare_local(&g.name.name, ty, true, g.name.span);
        if let Some(names) = names {
            self.group_keys.push(GroupKeys { depth: self.depth(), local, names });
        }
        let having = g.having.as_ref().map(|h| {
            let c = self.predicate(h, Code::T042);
            self.check_predicate(h, "having");
            c
        });
        Group { key, local, item, having }
    }

    /// Several keys make a map with a key for each, named by its last field; by its position, `k1`, where
    /// it has none or an earlier key has that name.
    fn composite_key(&mut self, g: &'a ast::Group, keys: Vec<Expr>, names: &mut Option<Vec<String>>) -> Expr {
        let span = g.name.span;
        let mut fields: Vec<String> = Vec::new();
        let mut pairs: Vec<(Expr, Expr)> = Vec::new();
        for (i, (source, key)) in g.keys.iter().zip(keys).enumerate() {
            let last = match &source.kind {
                ExprKind::Field { field, .. } => Some(&field.name),
                ExprKind::Name(n) => Some(&n.name),
                _ => None,
            };
            let mut name = match last {
                Some(name) if !fields.contains(name) => name.clone(),
                _ => format!("k{i}"),
            };
            while fields.contains(&name) {
                name.push('_');
            }
            let text = Expr { kind: T::Str(name.as_str().into()), ty: Ty::STR, span };
            pairs.push((text, self.coerce(key, Ty::ANY)));
            fields.push(name);
        }
        *names = Some(fields);
        let ty = self.types.map(Ty::STR, Ty::ANY);
        Expr { kind: T::Map(pairs), ty, span }
    }

    /// What an item of a group is: the only variable, or a row of all.
    fn item(&mut self, rows: &[Row], span: Span) -> Expr {
        let read = |r: &Row, ty| Expr { kind: T::Var(VarRef::Local(r.local)), ty, span };
        if let [only] = rows {
            return read(only, only.plain);
        }
        let mut fields: Vec<(String, Ty)> = Vec::new();
        let mut plain: Vec<Ty> = Vec::new();
        let mut values: Vec<Expr> = Vec::new();
        for r in rows {
            let key = VarKey::Local(self.depth(), r.local);
            let tested = matches!(self.lookup_var(&r.name), Some((v, Some(view))) if v.key == key && view.origin == Origin::Test);
            // Records are the same in all instances of a function; what may be missing is `any`.
            let open = r.optional && !tested || contains_param(&self.types, r.plain);
            let ty = if open { Ty::ANY } else { r.plain };
            let declared = if r.optional { self.types.option(r.plain) } else { r.plain };
            let value = self.coerce(read(r, declared), ty);
            match fields.iter().position(|(n, _)| *n == r.name) {
                Some(at) => (fields[at].1, plain[at], values[at]) = (ty, r.plain, value),
                None => {
                    fields.push((r.name.clone(), ty));
                    plain.push(r.plain);
                    values.push(value);
                }
            }
        }
        let id = self.row_record(fields, plain);
        let ty = self.struct_type(id);
        let fields = values.into_iter().enumerate().map(|(i, v)| (i as u32, v)).collect();
        Expr { kind: T::Struct { id, fields }, ty, span }
    }

    /// The record of query variables with these fields; `plain` are the types of the variables
    /// where they are not missing.
    fn row_record(&mut self, fields: Vec<(String, Ty)>, plain: Vec<Ty>) -> StructId {
        let key = (fields, plain);
        if let Some(&id) = self.row_ids.get(&key) {
            return id;
        }
        let id = self.new_struct("");
        self.types.structs[id.0 as usize].fields = key.0.iter().cloned().collect();
        self.rows.insert(id, key.1.clone());
        self.row_ids.insert(key, id);
        id
    }

    /// Whether values of a type have a field of a name.
    fn has_field(&self, ty: Ty, name: &str) -> Has {
        let yes = |b: bool| if b { Has::Yes } else { Has::No };
        match self.types.kind(ty) {
            TyKind::Struct(id) => yes(self.types.struct_def(*id).fields.position(name).is_some()),
            TyKind::Map(k, _) if self.compatible(*k, Ty::STR) => Has::Maybe,
            TyKind::Any => Has::Maybe,
            TyKind::Option(inner) => self.has_field(*inner, name),
            TyKind::Group(..) => yes(GROUP_FIELDS.contains(&name)),
            TyKind::Error => Has::Yes,
            _ => Has::No,
        }
    }

    fn owner(&self, id: StructId, name: &str) -> Owner {
        let has: Vec<Has> = self.rows[&id].iter().map(|ty| self.has_field(*ty, name)).collect();
        let first = has[0] == Has::Maybe;
        if has[0] == Has::Yes {
            return Owner::Variable(0);
        }
        let sure: Vec<usize> = (1..has.len()).filter(|&i| has[i] == Has::Yes).collect();
        let vars: Vec<u32> = (0..has.len()).filter(|&i| has[i] != Has::No).map(|i| i as u32).collect();
        match sure.as_slice() {
            [only] if vars.len() == 1 => Owner::Variable(*only),
            [] if vars.is_empty() => Owner::Unknown,
            [_, _, ..] if !first => Owner::Ambiguous(sure),
            _ => Owner::Search { first, vars },
        }
    }

    /// The variable (position and type) of a row that surely has a field, when `ty` is a row
    /// without a variable of that name.
    pub(super) fn row_step(&self, ty: Ty, field: &Ident) -> Option<(u32, Ty)> {
        let TyKind::Struct(id) = *self.types.kind(ty) else { return None };
        let own = self.types.struct_def(id).fields.position(&field.name).is_some();
        if own || !self.rows.contains_key(&id) {
            return None;
        }
        match self.owner(id, &field.name) {
            Owner::Variable(at) => Some((at as u32, self.types.struct_def(id).fields[at].1)),
            _ => None,
        }
    }

    /// A field of a row that is none of its variables; `None` when the struct is no row.
    pub(super) fn row_field(
        &mut self,
        b: Expr,
        source: &ast::Expr,
        field: &Ident,
        span: Span,
    ) -> Option<Expr> {
        let TyKind::Struct(id) = *self.types.kind(b.ty) else { return None };
        if !self.rows.contains_key(&id) {
            return None;
        }
        Some(match self.owner(id, &field.name) {
            Owner::Variable(at) => {
                let ty = self.types.struct_def(id).fields[at].1;
                let value = Expr { kind: T::Field { base: Box::new(b), field: at as u32 }, ty, span };
                self.field_of(value, source, field, span)
            }
            Owner::Search { first, vars } => {
                let types: Vec<Ty> = vars.iter().map(|v| self.value_type(id, *v, &field.name)).collect();
                let kind = T::RowField { base: Box::new(b), first, vars, name: field.name.clone() };
                let value = Expr { kind, ty: Ty::ANY, span };
                let common = if types.iter().all(|t| *t == types[0]) { types[0] } else { Ty::ANY };
                self.coerce(value, common)
            }
            Owner::Ambiguous(vars) => {
                let names: Vec<String> =
                    vars.iter().map(|v| self.types.struct_def(id).fields[*v].0.clone()).collect();
                let one = format!("{}.{}", names[0], field.name);
                let advice = format!("Write which one: `{}.{one}`.", self.source_text(source.span));
                self.diags.error(Code::AmbiguousField, span, &[&field.name, &name_list(&names)]).help(advice);
                self.error_expr(span)
            }
            Owner::Unknown => {
                let advice = self.row_advice(id);
                let names = self.field_names(id);
                let of = format!("the row of {}", name_list(&names));
                self.diags.error(Code::T026, span, &[&field.name, &of]).help(advice);
                self.error_expr(span)
            }
        })
    }

    /// The type of a field that a variable of a row may have, as a search finds it.
    fn value_type(&self, id: StructId, var: u32, name: &str) -> Ty {
        if self.types.struct_def(id).fields[var as usize].1 == Ty::ANY {
            return Ty::ANY;
        }
        match self.types.kind(self.rows[&id][var as usize]) {
            TyKind::Map(_, v) => *v,
            TyKind::Struct(s) => {
                let fields = &self.types.struct_def(*s).fields;
                fields.get(name).copied().unwrap_or(Ty::ANY)
            }
            _ => Ty::ANY,
        }
    }

    fn field_names(&self, id: StructId) -> Vec<String> {
        self.types.struct_def(id).fields.iter().map(|(n, _)| n.clone()).collect()
    }

    /// What a row's variables have, for the help of a diagnostic.
    fn row_advice(&self, id: StructId) -> String {
        let mut parts = Vec::new();
        for ((name, _), ty) in self.types.struct_def(id).fields.iter().zip(&self.rows[&id]) {
            let fields = match self.types.kind(*ty) {
                TyKind::Struct(s) => self.field_names(*s),
                _ => Vec::new(),
            };
            parts.push(match fields.as_slice() {
                [] => format!("`{name}` has no fields"),
                some => format!("`{name}` has {}", name_list(some)),
            });
        }
        format!("{}.", parts.join("; "))
    }

    /// `.name` of a group: its own fields, and those of a key that is a record.
    pub(super) fn group_field(&mut self, b: Expr, source: &ast::Expr, field: &Ident, span: Span) -> Expr {
        let TyKind::Group(key, item) = *self.types.kind(b.ty) else { return self.error_expr(span) };
        let own = match field.name.as_str() {
            "key" => Some(key),
            "items" => Some(self.types.list(item)),
            "count" => Some(Ty::INT),
            _ => None,
        };
        let get = |b: Expr, name: &str, ty: Ty| {
            let kind = T::GroupField { base: Box::new(b), name: name.to_string() };
            Expr { kind, ty, span }
        };
        if let Some(ty) = own {
            return get(b, &field.name, ty);
        }
        let names = self.key_names(&b);
        let has = match &names {
            Some(names) if names.contains(&field.name) => Has::Yes,
            Some(_) => Has::No,
            None => self.has_field(key, &field.name),
        };
        match has {
            Has::Yes => self.field_of(get(b, "key", key), source, field, span),
            Has::Maybe => {
                let ty = if let TyKind::Map(_, v) = self.types.kind(key) { *v } else { Ty::ANY };
                let kind = T::RowField {
                    base: Box::new(b),
                    first: true,
                    vars: Vec::new(),
                    name: field.name.clone(),
                };
                let value = Expr { kind, ty: Ty::ANY, span };
                self.coerce(value, ty)
            }
            Has::No => {
                let shown = self.show(b.ty);
                let names = names.or_else(|| match self.types.kind(key) {
                    TyKind::Struct(s) => Some(self.field_names(*s)),
                    _ => None,
                });
                let own: Vec<String> = GROUP_FIELDS.iter().map(|n| n.to_string()).collect();
                let advice = match names {
                    Some(names) => {
                        format!("A group has {}; its key has {}.", name_list(&own), name_list(&names))
                    }
                    None => format!("A group has {}; its key has no fields.", name_list(&own)),
                };
                self.diags.error(Code::T026, span, &[&field.name, &shown]).help(advice);
                self.error_expr(span)
            }
        }
    }

    /// The names of a group variable's key, where its query says them.
    fn key_names(&self, group: &Expr) -> Option<Vec<String>> {
        let T::Var(VarRef::Local(local)) = group.kind else { return None };
        let depth = self.depth();
        let known = self.group_keys.iter().rev().find(|g| g.depth == depth && g.local == local);
        known.map(|g| g.names.clone())
    }
}

/// What every group has.
const GROUP_FIELDS: [&str; 3] = ["key", "items", "count"];

/// The names of a map literal, if it is one with names only.
fn literal_names(key: &ast::Expr) -> Option<Vec<String>> {
    let mut key = key;
    while let ExprKind::Paren(inner) = &key.kind {
        key = inner;
    }
    let ExprKind::Map(pairs) = &key.kind else { return None };
    let text = |k| std::str::from_utf8(string_key(k)?).ok().map(str::to_string);
    pairs.iter().map(|(k, _)| text(k)).collect()
}
