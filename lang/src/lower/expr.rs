//! Expressions: dispatch, literals and constructors, access to parts, conditionals.

use super::func::Fx;
use super::layout::RuntimeRegion;
use super::ops::strip_coerce;
use super::repr::Repr;
use super::runtime::{ListRt, MapRt, Rt};
use crate::ast::{BinOp, UnOp};
use crate::tree::{Builtin, Expr, ExprKind};
use crate::types::{StructId, Ty, TyKind};
use mochi_ir::{Cond, FCond, Op, Type, Value};

/// A list literal of more elements takes each as soon as it is known, so that they need not all be
/// alive at once; of fewer, they may stay in registers until the list is made.
const FEW_ELEMENTS: usize = 16;

impl<'a> Fx<'_, 'a> {
    /// Evaluates an expression for what it does.
    pub(crate) fn effect(&mut self, e: &'a Expr) {
        match &e.kind {
            ExprKind::Coerce { value } if !self.holds_any(value.ty) => self.effect(value),
            ExprKind::List(items) => items.iter().for_each(|x| self.effect(x)),
            ExprKind::Struct { fields, .. } => fields.iter().for_each(|(_, x)| self.effect(x)),
            ExprKind::Builtin { builtin: Builtin::Print, args } => {
                self.print_stmt(args);
            }
            ExprKind::Match { value, arms } => {
                self.match_expr(e, value, arms, false);
            }
            ExprKind::If { cond, then, otherwise } => {
                let (t, f, join) = (self.b.new_block(), self.b.new_block(), self.b.new_block());
                self.branch(cond, t, f);
                self.enter(t);
                self.effect(then);
                self.jump(join);
                self.enter(f);
                self.effect(otherwise);
                self.jump(join);
                self.enter(join);
            }
            ExprKind::Block { body, value } => {
                self.stmts(body);
                self.revive();
                if let Some(v) = value {
                    self.effect(v);
                }
            }
            _ => {
                self.expr(e);
            }
        }
    }

    /// Whether values of a type may be of any kind, so that an implicit conversion may fail.
    fn holds_any(&mut self, ty: Ty) -> bool {
        let ty = self.ty(ty);
        self.lw.types.strip(ty) == Ty::ANY
    }

    /// Evaluates an expression. When it does not come back, code goes on unreached. What follows has the
    /// position that was before: that of what this is an operand of.
    pub(crate) fn expr(&mut self, e: &'a Expr) -> Value {
        let around = self.b.loc;
        self.at(e.span);
        let v = self.value(e);
        self.b.loc = around;
        v
    }

    fn value(&mut self, e: &'a Expr) -> Value {
        if let Some(&(_, v, ty)) = self.known.iter().find(|known| std::ptr::eq(known.0, e)) {
            let want = self.ty(e.ty);
            return self.convert(v, ty, want);
        }
        match &e.kind {
            ExprKind::Int(_) | ExprKind::Float(_) | ExprKind::Bool(_) | ExprKind::Str(_) => {
                self.literal(&e.kind)
            }
            ExprKind::None => {
                let repr = self.repr(e.ty);
                self.none(repr)
            }
            ExprKind::Var(var) => {
                // A variable may be seen under a narrower type than it has.
                let v = self.read(*var);
                let (have, want) = (self.var_ty(*var), self.ty(e.ty));
                self.convert(v, have, want)
            }
            ExprKind::FuncRef { func, type_args } => self.func_ref(*func, type_args),
            ExprKind::Closure(f) => self.closure(*f),
            ExprKind::List(items) => {
                let ty = self.ty(e.ty);
                self.list_literal(ty, items)
            }
            ExprKind::Map(pairs) => {
                let ty = self.ty(e.ty);
                self.map_literal(ty, pairs)
            }
            ExprKind::Struct { id, fields } => self.struct_literal(*id, fields),
            ExprKind::Unary { op: UnOp::Not, operand } => {
                let v = self.truth(operand);
                self.flip(v)
            }
            ExprKind::Unary { op: UnOp::Neg, operand } => self.negate(e, operand),
            ExprKind::Binary { .. } => self.binary(e),
            ExprKind::Call { func, type_args, args } => self.call(e, *func, type_args, args),
            ExprKind::CallValue { callee, args } => self.call_value(e, callee, args),
            ExprKind::Partial { callee, args } => self.partial(callee, args),
            ExprKind::Builtin { builtin, args } => self.builtin(e, *builtin, args),
            ExprKind::Index { base, index } => {
                let v = self.read_before(base, [&**index]);
                let base_ty = self.ty(base.ty);
                let ty = self.ty(e.ty);
                self.index(v, base_ty, index, ty)
            }
            ExprKind::Slice { base, start, end } => self.slice(base, start.as_deref(), end.as_deref()),
            ExprKind::Field { base, field } => {
                let v = self.expr(base);
                let ty = self.ty(base.ty);
                self.field(v, ty, *field).0
            }
            ExprKind::DynField { base, name } => self.dyn_field(e, base, name),
            ExprKind::GroupField { base, name } => self.group_field(base, name),
            ExprKind::RowField { base, first, vars, name } => self.row_field(base, (*first, vars), name),
            ExprKind::SafeField { base, field } => {
                let ty = self.ty(base.ty);
                let (v, field) = (self.expr(base), *field);
                self.safe(e, base, v, |fx, v| fx.field(v, ty, field))
            }
            ExprKind::SafeIndex { base, index } => {
                let (ty, result) = (self.ty(base.ty), self.ty(e.ty));
                let v = self.read_before(base, [&**index]);
                self.safe(e, base, v, |fx, v| (fx.index(v, ty, index, result), result))
            }
            ExprKind::Cast { value } => self.cast(e, value),
            ExprKind::Coerce { value } => self.coerce(e, value),
            ExprKind::If { cond, then, otherwise } => self.if_expr(e, cond, then, otherwise),
            ExprKind::Match { value, arms } => self.match_expr(e, value, arms, true),
            ExprKind::Block { body, value } => {
                self.stmts(body);
                self.revive();
                match value {
                    Some(v) => self.expr(v),
                    None => {
                        let repr = self.repr(e.ty);
                        self.none(repr)
                    }
                }
            }
            ExprKind::Query(q) => self.query(e, q),
        }
    }

    // Constructors.

    /// A list of these elements, given its (resolved) type.
    pub(crate) fn list_literal(&mut self, ty: Ty, items: &'a [Expr]) -> Value {
        let elem = self.lw.types.elem(ty);
        if items.len() > FEW_ELEMENTS {
            let list = self.new_list(ty, items.len() as i64);
            for i in items {
                let v = self.keep_as(i, elem);
                self.push(elem, list, v);
            }
            return list;
        }
        let values: Vec<Value> = items.iter().map(|i| self.keep_as(i, elem)).collect();
        let list = self.new_list(ty, values.len() as i64);
        if !values.is_empty() {
            self.fill(elem, list, &values);
        }
        list
    }

    /// A map of these pairs, given its (resolved) type; all are evaluated before it is built.
    pub(crate) fn map_literal(&mut self, ty: Ty, pairs: &'a [(Expr, Expr)]) -> Value {
        let (key, value) = self.map_types(ty);
        let mut values = Vec::with_capacity(pairs.len());
        for (k, v) in pairs {
            let k = self.keep_as(k, key);
            values.push((k, self.keep_as(v, value)));
        }
        let desc = self.desc(self.lw.types.strip(ty));
        let map = self.rt(Rt::map_new, &[desc]);
        let put = MapRt::PUT.of(self.lw.types.kind(key));
        for (k, v) in values {
            let k = self.word(k);
            let slot = self.rt(put, &[map, k]);
            self.store_map_slot(slot, v);
        }
        map
    }

    /// [`Fx::expr`], converted to a resolved type.
    pub(crate) fn expr_as(&mut self, e: &'a Expr, want: Ty) -> Value {
        let v = self.expr(e);
        let have = self.ty(e.ty);
        self.convert(v, have, want)
    }

    /// Key and value type of a map type.
    pub(crate) fn map_types(&self, ty: Ty) -> (Ty, Ty) {
        match self.lw.types.kind(self.lw.types.strip(ty)) {
            TyKind::Map(k, v) => (*k, *v),
            other => panic!("not a map type: {other:?}"),
        }
    }

    fn struct_literal(&mut self, id: StructId, fields: &'a [(u32, Expr)]) -> Value {
        let layout = self.lw.layout(id);
        let mut values = Vec::with_capacity(fields.len());
        for (field, e) in fields {
            values.push((*field, self.keep_as(e, layout.types[*field as usize])));
        }
        self.make_struct(id, &values)
    }

    /// A struct of these field values.
    pub(crate) fn make_struct(&mut self, id: StructId, values: &[(u32, Value)]) -> Value {
        let layout = self.lw.layout(id);
        if layout.offsets.is_empty() {
            let only = self.lw.singleton(id);
            return self.b.symaddr(only, 0, Type::Ref);
        }
        let desc = self.lw.struct_desc(id);
        let object = self.alloc(&layout, desc);
        for (field, v) in values {
            let region = self.lw.field_region(id, *field);
            self.store_slot(object, *v, i64::from(layout.offsets[*field as usize]), region);
        }
        object
    }

    // Parts.

    /// The struct a type (or option of it) names.
    pub(crate) fn struct_id(&self, ty: Ty) -> StructId {
        match self.lw.types.kind(self.lw.types.strip(ty)) {
            TyKind::Struct(id) => *id,
            other => panic!("not a struct type: {other:?}"),
        }
    }

    /// Loads a field; gives its type, too.
    pub(crate) fn field(&mut self, base: Value, ty: Ty, field: u32) -> (Value, Ty) {
        let id = self.struct_id(ty);
        let layout = self.lw.layout(id);
        let field_ty = layout.types[field as usize];
        let repr = self.lw.types.repr(field_ty);
        let region = self.lw.field_region(id, field);
        let v = self.load_slot(repr, base, i64::from(layout.offsets[field as usize]), region);
        (v, field_ty)
    }

    /// Element of a list or map, character of a string, by an index expression.
    pub(crate) fn index(&mut self, base: Value, base_ty: Ty, index: &'a Expr, result: Ty) -> Value {
        let stripped = self.lw.types.strip(base_ty);
        match *self.lw.types.kind(stripped) {
            TyKind::List(elem) => {
                let i = self.expr_as(index, Ty::INT);
                let v = self.list_get(elem, base, i);
                self.convert(v, elem, result)
            }
            TyKind::Str => {
                let i = self.expr_as(index, Ty::INT);
                self.rt(Rt::str_index, &[base, i])
            }
            TyKind::Map(key, value) => {
                let k = self.expr_as(index, key);
                let v = self.map_get(key, value, base, k);
                self.convert(v, value, result)
            }
            _ => {
                let base = self.convert(base, stripped, Ty::ANY);
                let i = self.expr_as(index, Ty::ANY);
                let v = self.rt(Rt::any_index, &[base, i]);
                self.convert(v, Ty::ANY, result)
            }
        }
    }

    /// Element of a list by tagged index, checked.
    pub(crate) fn list_get(&mut self, elem: Ty, list: Value, index: Value) -> Value {
        let repr = self.lw.types.repr(elem);
        self.rt_as(repr, ListRt::GET.of(repr), &[list, index])
    }

    /// Address of the slot of a key, 0 when there is none.
    pub(crate) fn map_find(&mut self, key: Ty, map: Value, k: Value) -> Value {
        let k = self.word(k);
        self.rt(MapRt::FIND.of(self.lw.types.kind(key)), &[map, k])
    }

    /// Address of the slot of a key, which is made when there is none. Where the key was looked up before, with nothing
    /// changed since, passes know what that found.
    pub(crate) fn map_slot(&mut self, key: Ty, map: Value, k: Value) -> Value {
        let k = self.word(k);
        let kind = self.lw.types.kind(key);
        let (find, add) = (MapRt::FIND.of(kind), MapRt::ADD.of(kind));
        if add == MapRt::PUT.of(kind) {
            return self.rt(add, &[map, k]);
        }
        let slot = self.b.declare_var(Type::Addr);
        let (missing, join) = (self.b.new_block(), self.b.new_block());
        let found = self.rt(find, &[map, k]);
        self.b.def_var(slot, found);
        self.brif(found, join, missing);
        self.enter(missing);
        let made = self.rt(add, &[map, k]);
        self.b.def_var(slot, made);
        self.jump(join);
        self.enter(join);
        self.b.use_var(slot)
    }

    /// Loads the value of a key.
    pub(crate) fn load_map_slot(&mut self, repr: Repr, slot: Value) -> Value {
        let region = self.lw.runtime_region(RuntimeRegion::MapSlot);
        self.load_slot(repr, slot, 0, region)
    }

    /// Stores the value of a key.
    pub(crate) fn store_map_slot(&mut self, slot: Value, v: Value) {
        let region = self.lw.runtime_region(RuntimeRegion::MapSlot);
        self.store_slot(slot, v, 0, region);
    }

    /// The value of a key, or none.
    pub(crate) fn map_get(&mut self, key: Ty, value: Ty, map: Value, k: Value) -> Value {
        let repr = self.lw.types.repr(value);
        let slot = self.map_find(key, map, k);
        self.choose(slot, repr, |fx| fx.load_map_slot(repr, slot), |fx| fx.none(repr))
    }

    /// A copy of a key that shares no container with it.
    pub(crate) fn copy_key(&mut self, key: Ty, k: Value) -> Value {
        let repr = self.lw.types.repr(key);
        if !matches!(repr, Repr::Ref | Repr::Any) || *self.lw.types.kind(key) == TyKind::Str {
            return k;
        }
        let desc = self.desc(key);
        self.rt(Rt::val_copy, &[k, desc])
    }

    /// Stores under a key.
    pub(crate) fn map_put(&mut self, key: Ty, map: Value, k: Value, v: Value) {
        let slot = self.map_slot(key, map, k);
        self.store_map_slot(slot, v);
    }

    fn slice(&mut self, base: &'a Expr, start: Option<&'a Expr>, end: Option<&'a Expr>) -> Value {
        let v = self.read_before(base, start.into_iter().chain(end));
        let start = self.bound(start);
        let end = self.bound(end);
        let ty = self.ty(base.ty);
        let name = match self.lw.types.kind(self.lw.types.strip(ty)) {
            TyKind::List(_) => Rt::list_slice,
            TyKind::Str => Rt::str_slice,
            _ => Rt::any_slice,
        };
        self.rt(name, &[v, start, end])
    }

    /// A bound of a slice; the word 1 when it is absent.
    pub(crate) fn bound(&mut self, e: Option<&'a Expr>) -> Value {
        match e {
            Some(e) => self.expr_as(e, Ty::INT),
            None => self.none(Repr::Int),
        }
    }

    fn dyn_field(&mut self, e: &'a Expr, base: &'a Expr, name: &str) -> Value {
        let v = self.expr(base);
        let (base_ty, result) = (self.ty(base.ty), self.ty(e.ty));
        let name = self.str_value(name);
        if let TyKind::Map(key, value) = *self.lw.types.kind(self.lw.types.strip(base_ty)) {
            let key_value = self.convert(name, Ty::STR, key);
            let v = self.map_get(key, value, v, key_value);
            return self.convert(v, value, result);
        }
        let v = self.convert(v, base_ty, Ty::ANY);
        let v = self.rt(Rt::any_field, &[v, name]);
        self.convert(v, Ty::ANY, result)
    }

    /// Key and item type of a group type.
    pub(crate) fn group_types(&self, ty: Ty) -> (Ty, Ty) {
        match self.lw.types.kind(self.lw.types.strip(ty)) {
            TyKind::Group(k, t) => (*k, *t),
            other => panic!("not a group type: {other:?}"),
        }
    }

    /// The list of a group's items.
    pub(crate) fn group_items(&mut self, key: Ty, group: Value) -> Value {
        let offset = self.lw.group_layout(key).offsets[1];
        let region = self.lw.group_region("items");
        self.load_slot(Repr::Ref, group, i64::from(offset), region)
    }

    fn group_field(&mut self, base: &'a Expr, name: &str) -> Value {
        let group = self.expr(base);
        let ty = self.ty(base.ty);
        let (key, _) = self.group_types(ty);
        match name {
            "key" => {
                let offset = self.lw.group_layout(key).offsets[0];
                let repr = self.lw.types.repr(key);
                let region = self.lw.group_region("key");
                self.load_slot(repr, group, i64::from(offset), region)
            }
            "items" => self.group_items(key, group),
            _ => {
                let items = self.group_items(key, group);
                self.rt(Rt::list_len, &[items])
            }
        }
    }

    /// A name that the values of a row or the key of a group are asked for.
    fn row_field(&mut self, base: &'a Expr, (first, vars): (bool, &[u32]), name: &str) -> Value {
        let v = self.expr(base);
        let ty = self.ty(base.ty);
        let rows = match *self.lw.types.kind(self.lw.types.strip(ty)) {
            TyKind::Group(key, _) => {
                vec![("key".to_string(), i64::from(self.lw.group_layout(key).offsets[0]), key)]
            }
            TyKind::Struct(id) => {
                let layout = self.lw.layout(id);
                let fields = &self.lw.types.types.struct_def(id).fields;
                let row = |&at: &u32| {
                    let at = at as usize;
                    (fields[at].0.clone(), i64::from(layout.offsets[at]), layout.types[at])
                };
                vars.iter().map(row).collect()
            }
            ref other => panic!("not a row or group: {other:?}"),
        };
        let (count, first) = (self.b.iconst(rows.len() as i64), self.b.iconst(i64::from(first)));
        let table = self.lw.field_table(rows);
        let table = self.b.symaddr(table, 0, Type::I64);
        let name = self.str_value(name);
        self.rt(Rt::row_field, &[v, table, count, first, name])
    }

    /// `base?...`: none when the base is none.
    fn safe(
        &mut self,
        e: &'a Expr,
        base: &'a Expr,
        v: Value,
        part: impl FnOnce(&mut Self, Value) -> (Value, Ty),
    ) -> Value {
        let (base_ty, result) = (self.ty(base.ty), self.ty(e.ty));
        let (base_repr, repr) = (self.lw.types.repr(base_ty), self.lw.types.repr(result));
        let none = self.is_none(base_repr, v);
        self.choose(
            none,
            repr,
            |fx| fx.none(repr),
            |fx| {
                let (v, ty) = part(fx, v);
                fx.convert(v, ty, result)
            },
        )
    }

    // Conditions.

    fn if_expr(&mut self, e: &'a Expr, cond: &'a Expr, then: &'a Expr, otherwise: &'a Expr) -> Value {
        let ty = self.ty(e.ty);
        let (t, f, join) = (self.b.new_block(), self.b.new_block(), self.b.new_block());
        let result = self.b.declare_var(self.lw.types.repr(ty).ir());
        self.branch(cond, t, f);
        for (block, arm) in [(t, then), (f, otherwise)] {
            self.enter(block);
            let v = self.expr_as(arm, ty);
            self.b.def_var(result, v);
            self.jump(join);
        }
        self.enter(join);
        self.b.use_var(result)
    }

    /// 0 or 1: the truth of an expression of any type.
    pub(crate) fn truth(&mut self, e: &'a Expr) -> Value {
        let ty = self.ty(e.ty);
        let v = self.expr(e);
        match self.lw.types.repr(ty) {
            Repr::Bool if self.is_plain_bool(e) => v,
            Repr::Bool => {
                let one = self.b.iconst(1);
                self.b.icmp(Cond::Eq, v, one)
            }
            Repr::Any => self.rt(Rt::any_truth, &[v]),
            Repr::Int => {
                let one = self.b.iconst(1);
                self.b.icmp(Cond::Ugt, v, one)
            }
            Repr::Float => {
                let zero = self.b.fconst(0.0);
                let nonzero = self.b.fcmp(FCond::Ne, v, zero);
                let none = self.is_none(Repr::Float, v);
                let some = self.flip(none);
                self.b.bin(Op::And, nonzero, some)
            }
            Repr::Ref => {
                let any = self.boxed(v, ty);
                self.rt(Rt::any_truth, &[any])
            }
        }
    }

    /// A bool expression that is never none.
    fn is_plain_bool(&self, e: &Expr) -> bool {
        match &strip_coerce(e).kind {
            ExprKind::Bool(_) | ExprKind::Unary { .. } => true,
            ExprKind::Binary { op, .. } => *op != BinOp::Coalesce,
            ExprKind::Builtin { builtin, .. } => matches!(
                builtin,
                Builtin::Contains | Builtin::Exists | Builtin::StartsWith | Builtin::EndsWith
            ),
            _ => false,
        }
    }
}
