//! Operators: arithmetic, comparison, membership, sets, laziness.
//!
//! Chains of a left-associative operator are walked from their leftmost operand in a loop, so that
//! a very long sum needs no deep recursion.

use super::facts::is_some_list;
use super::func::Fx;
use super::repr::{NONE_FLOAT, Repr};
use super::runtime::Rt;
use crate::ast::BinOp;
use crate::tree::{Expr, ExprKind};
use crate::types::{Ty, TyKind};
use mochi_ir::{Cond, FCond, Op, Type, Value};

/// The expression under implicit conversions.
pub(crate) fn strip_coerce(mut e: &Expr) -> &Expr {
    while let ExprKind::Coerce { value } = &e.kind {
        e = value;
    }
    e
}

/// The value of an expression of int constants, if it fits 63 bits.
pub(crate) fn const_int(e: &Expr) -> Option<i64> {
    let small = |v: i64| v.checked_mul(2).map(|_| v);
    match &e.kind {
        ExprKind::Int(v) => small(*v),
        ExprKind::Unary { op: crate::ast::UnOp::Neg, operand } if e.ty == Ty::INT => {
            small(const_int(operand)?.checked_neg()?)
        }
        ExprKind::Binary { op, left, right } if e.ty == Ty::INT && matches!(right.kind, ExprKind::Int(_)) => {
            // Only one level: the left spine is walked elsewhere.
            let (ExprKind::Int(a), ExprKind::Int(b)) = (&left.kind, &right.kind) else { return None };
            match op {
                BinOp::Add => small(a.checked_add(*b)?),
                BinOp::Sub => small(a.checked_sub(*b)?),
                BinOp::Mul => small(a.checked_mul(*b)?),
                _ => None,
            }
        }
        _ => None,
    }
}

/// With what the program ends when an operand of a set operator is no list (section 9).
fn expects_lists(op: BinOp) -> Option<&'static str> {
    match op {
        BinOp::Union | BinOp::UnionAll => Some("union expects lists"),
        BinOp::Except => Some("except expects lists"),
        BinOp::Intersect => Some("intersect expects lists"),
        _ => None,
    }
}

/// The comparison with its operands exchanged.
fn mirrored(op: BinOp) -> BinOp {
    match op {
        BinOp::Lt => BinOp::Gt,
        BinOp::Le => BinOp::Ge,
        BinOp::Gt => BinOp::Lt,
        BinOp::Ge => BinOp::Le,
        other => other,
    }
}

fn is_lazy(op: BinOp) -> bool {
    matches!(op, BinOp::And | BinOp::Or | BinOp::Coalesce)
}

impl<'a> Fx<'_, 'a> {
    /// A binary operation.
    pub(crate) fn binary(&mut self, e: &'a Expr) -> Value {
        if let Some(v) = const_int(e) {
            return self.int(v);
        }
        let mut spine = Vec::new();
        let mut at = e;
        while let ExprKind::Binary { op, left, right } = &at.kind {
            if is_lazy(*op) && !spine.is_empty() {
                break;
            }
            spine.push((at, *op, &**left, &**right));
            at = left;
            if is_lazy(*op) || const_int(at).is_some() {
                break;
            }
        }
        let (node, op, left, right) = spine.pop().expect("a binary expression");
        let mut value = if is_lazy(op) {
            self.lazy(node, op, left, right)
        } else {
            let first = self.read_kind(left, [right], expects_lists(op));
            self.eager(node, op, left, first, right)
        };
        while let Some((node, op, left, right)) = spine.pop() {
            self.stays(left, value, [right]);
            value = self.eager(node, op, left, value, right);
        }
        value
    }

    fn lazy(&mut self, e: &'a Expr, op: BinOp, left: &'a Expr, right: &'a Expr) -> Value {
        if op == BinOp::Coalesce {
            return self.coalesce(e, left, right);
        }
        let (t, f, join) = (self.b.new_block(), self.b.new_block(), self.b.new_block());
        let result = self.b.declare_var(Type::I64);
        self.branch(e, t, f);
        for (block, v) in [(t, 1), (f, 0)] {
            self.enter(block);
            let v = self.b.iconst(v);
            self.b.def_var(result, v);
            self.jump(join);
        }
        self.enter(join);
        self.b.use_var(result)
    }

    fn coalesce(&mut self, e: &'a Expr, left: &'a Expr, right: &'a Expr) -> Value {
        let (from, to) = (self.ty(left.ty), self.ty(e.ty));
        let (from_repr, repr) = (self.lw.types.repr(from), self.lw.types.repr(to));
        let v = self.expr(left);
        let none = self.is_none(from_repr, v);
        let inner = self.lw.types.strip(from);
        self.choose(none, repr, |fx| fx.expr_as(right, to), |fx| fx.convert(v, inner, to))
    }

    fn eager(&mut self, e: &'a Expr, op: BinOp, left: &'a Expr, a: Value, right: &'a Expr) -> Value {
        use BinOp::*;
        match op {
            Add | Sub | Mul | Div | Mod => {
                let ty = self.ty(e.ty);
                let have = self.ty(left.ty);
                let nonzero = matches!(strip_coerce(right).kind, ExprKind::Int(v) if v != 0)
                    || matches!(strip_coerce(right).kind, ExprKind::Float(v) if v != 0.0);
                let b = self.expr_as(right, ty);
                self.at(e.span);
                let a = self.convert(a, have, ty);
                self.arithmetic(op, ty, a, b, nonzero)
            }
            Eq | Ne | Lt | Le | Gt | Ge => self.comparison(e, op, left, a, right),
            In => self.membership(e, left, a, right),
            _ => {
                let b = self.read_kind(right, [], expects_lists(op));
                self.at(e.span);
                let name = match op {
                    Union => Rt::list_union,
                    UnionAll => Rt::list_concat,
                    Except => Rt::list_except,
                    _ => Rt::list_intersect,
                };
                let ty = self.ty(e.ty);
                let ty = self.lw.types.strip(ty);
                let [a, b] = [(left, a), (right, b)]
                    .map(|(e, v)| if is_some_list(e) { v } else { self.list_or_new(v, ty, |_, _| {}) });
                self.rt(name, &[a, b])
            }
        }
    }

    fn int_op(&mut self, op: Op, args: &[Value]) -> Value {
        self.b.inst(op, args, 0, None, Some(Type::Ref)).expect("result")
    }

    /// Arithmetic on two operands of one resolved type. `nonzero`: the right operand is a constant
    /// other than zero.
    pub(crate) fn arithmetic(&mut self, op: BinOp, ty: Ty, a: Value, b: Value, nonzero: bool) -> Value {
        use BinOp::*;
        let index = match op {
            Add => 0,
            Sub => 1,
            Mul => 2,
            Div => 3,
            _ => 4,
        };
        let stripped = self.lw.types.strip(ty);
        match self.lw.types.kind(stripped) {
            TyKind::Int => {
                let op = [Op::IntAdd, Op::IntSub, Op::IntMul, Op::IntDiv, Op::IntMod][index];
                self.int_op(op, &[a, b])
            }
            TyKind::Float => match op {
                Div if !nonzero => self.rt(Rt::f64_div, &[a, b]),
                Mod => self.rt(Rt::f64_mod, &[a, b]),
                _ => {
                    let op = [Op::Fadd, Op::Fsub, Op::Fmul, Op::Fdiv][index];
                    self.b.op(op, &[a, b], Type::F64)
                }
            },
            TyKind::BigRat => {
                self.rt([Rt::rat_add, Rt::rat_sub, Rt::rat_mul, Rt::rat_div, Rt::rat_mod][index], &[a, b])
            }
            TyKind::Str => self.rt(Rt::str_concat, &[a, b]),
            TyKind::List(_) => {
                let list = self.rt(Rt::list_concat, &[a, b]);
                // Two nones are two empty lists.
                self.list_or_new(list, stripped, |_, _| {})
            }
            _ => {
                let (a, b) = (self.convert(a, ty, Ty::ANY), self.convert(b, ty, Ty::ANY));
                let v = self
                    .rt([Rt::any_add, Rt::any_sub, Rt::any_mul, Rt::any_div, Rt::any_mod][index], &[a, b]);
                self.convert(v, Ty::ANY, ty)
            }
        }
    }

    /// `-operand`.
    pub(crate) fn negate(&mut self, e: &'a Expr, operand: &'a Expr) -> Value {
        if let Some(v) = const_int(e) {
            return self.int(v);
        }
        let ty = self.ty(e.ty);
        let v = self.expr_as(operand, ty);
        match self.lw.types.kind(self.lw.types.strip(ty)) {
            TyKind::Int => self.int_op(Op::IntNeg, &[v]),
            TyKind::Float if matches!(operand.kind, ExprKind::Float(_)) => {
                self.b.op(Op::Fneg, &[v], Type::F64)
            }
            // A difference gives none of none, which another sign would not be.
            TyKind::Float => {
                let zero = self.b.fconst(-0.0);
                self.b.op(Op::Fsub, &[zero, v], Type::F64)
            }
            TyKind::BigRat => self.rt(Rt::rat_neg, &[v]),
            _ => self.rt(Rt::any_neg, &[v]),
        }
    }

    /// Comparison of tagged ints.
    pub(crate) fn int_cmp(&mut self, cond: Cond, a: Value, b: Value) -> Value {
        self.b.inst(Op::IntCmp, &[a, b], cond as i64, None, Some(Type::I64)).expect("result")
    }

    fn comparison(&mut self, e: &'a Expr, op: BinOp, left: &'a Expr, a: Value, right: &'a Expr) -> Value {
        let ty = self.ty(left.ty);
        let equality = matches!(op, BinOp::Eq | BinOp::Ne);
        let is_none = |e: &Expr| matches!(strip_coerce(e).kind, ExprKind::None);
        if equality && is_none(right) {
            let repr = self.lw.types.repr(ty);
            let v = self.is_none(repr, a);
            return if op == BinOp::Eq { v } else { self.flip(v) };
        }
        let right_ty = self.ty(right.ty);
        let b = self.expr(right);
        self.at(e.span);
        if equality && is_none(left) {
            let repr = self.lw.types.repr(right_ty);
            let v = self.is_none(repr, b);
            return if op == BinOp::Eq { v } else { self.flip(v) };
        }
        match (self.lw.types.kind(ty), self.lw.types.kind(right_ty)) {
            (TyKind::Int, TyKind::Float) => return self.int_with_float(op, a, b),
            (TyKind::Float, TyKind::Int) => return self.int_with_float(mirrored(op), b, a),
            (TyKind::BigRat, TyKind::Float) | (TyKind::Float, TyKind::BigRat) => {
                let (a, b) = (self.boxed(a, ty), self.boxed(b, right_ty));
                return self.compared(op, Ty::ANY, a, b);
            }
            _ => {}
        }
        let b = self.convert(b, right_ty, ty);
        self.compared(op, ty, a, b)
    }

    /// A comparison of two values of one resolved type.
    fn compared(&mut self, op: BinOp, ty: Ty, a: Value, b: Value) -> Value {
        match op {
            BinOp::Eq | BinOp::Ne => self.equal(op == BinOp::Ne, ty, a, b),
            _ => self.order(op, ty, a, b),
        }
    }

    /// An exact comparison: as floats where the int is one, else by the runtime.
    fn int_with_float(&mut self, op: BinOp, i: Value, f: Value) -> Value {
        if let Some(tagged) = self.b.func.as_iconst(i).filter(|t| t.unsigned_abs() <= 1 << 54 && t & 1 == 0) {
            let x = self.b.fconst((tagged >> 1) as f64);
            return self.compared(op, Ty::FLOAT, x, f);
        }
        let exact = self.rt(Rt::int_is_f64, &[i]);
        let as_floats = |fx: &mut Self| {
            let x = fx.rt(Rt::int_as_f64, &[i]);
            match op {
                BinOp::Eq => fx.b.fcmp(FCond::Eq, x, f),
                BinOp::Ne => {
                    let same = fx.b.fcmp(FCond::Eq, x, f);
                    fx.flip(same)
                }
                _ => fx.order(op, Ty::FLOAT, x, f),
            }
        };
        self.choose(exact, Repr::Bool, as_floats, |fx| match op {
            BinOp::Eq => fx.rt(Rt::int_f64_eq, &[i, f]),
            BinOp::Ne => {
                let same = fx.rt(Rt::int_f64_eq, &[i, f]);
                fx.flip(same)
            }
            _ => {
                let order = fx.rt(Rt::int_f64_order, &[i, f]);
                fx.ordered(op, order)
            }
        })
    }

    /// `a == b` (or its opposite) of one resolved type.
    pub(crate) fn equal(&mut self, negated: bool, ty: Ty, a: Value, b: Value) -> Value {
        let cond = if negated { Cond::Ne } else { Cond::Eq };
        let same = match self.lw.types.kind(ty) {
            TyKind::Int => return self.int_cmp(cond, a, b),
            TyKind::Bool => return self.b.icmp(cond, a, b),
            TyKind::Float => self.float_equal(a, b),
            TyKind::Option(t) if matches!(self.lw.types.kind(*t), TyKind::Bool) => {
                return self.b.icmp(cond, a, b);
            }
            // Functions are never equal.
            TyKind::Fun(..) | TyKind::Variadic(..) => self.both(Repr::Ref, a, b, true),
            TyKind::Str if self.is_char_literal(a) || self.is_char_literal(b) => {
                return self.b.icmp(cond, a, b);
            }
            TyKind::Str => self.rt(Rt::str_eq, &[a, b]),
            TyKind::Any | TyKind::Unit => self.rt(Rt::any_eq, &[a, b]),
            _ => {
                let desc = self.desc(ty);
                let (a, b) = (self.word(a), self.word(b));
                self.rt(Rt::val_eq, &[a, b, desc])
            }
        };
        if negated { self.flip(same) } else { same }
    }

    /// Floats are equal as numbers; and none, which as a number is unequal to all, equals none.
    fn float_equal(&mut self, a: Value, b: Value) -> Value {
        let same = self.b.fcmp(FCond::Eq, a, b);
        let is_number = |v: Value| {
            let def = self.b.func.def_inst(v).map(|i| &self.b.func.insts[i.index()]);
            def.is_some_and(|d| d.op == Op::Fconst && d.imm != NONE_FLOAT)
        };
        if is_number(a) || is_number(b) {
            return same;
        }
        let yes = self.b.iconst(1);
        self.choose(same, Repr::Bool, |_| yes, |fx| fx.both(Repr::Float, a, b, true))
    }

    /// Whether both values are none, or neither is.
    fn both(&mut self, repr: Repr, a: Value, b: Value, none: bool) -> Value {
        let [a, b] = [a, b].map(|v| {
            let is_none = self.is_none(repr, v);
            if none { is_none } else { self.flip(is_none) }
        });
        self.b.bin(Op::And, a, b)
    }

    fn order(&mut self, op: BinOp, ty: Ty, a: Value, b: Value) -> Value {
        let (cond, fcond) = match op {
            BinOp::Lt => (Cond::Slt, FCond::Lt),
            BinOp::Le => (Cond::Sle, FCond::Le),
            BinOp::Gt => (Cond::Sgt, FCond::Gt),
            _ => (Cond::Sge, FCond::Ge),
        };
        let compare = match self.lw.types.kind(self.lw.types.strip(ty)) {
            TyKind::Int => return self.int_cmp(cond, a, b),
            TyKind::Float => return self.b.fcmp(fcond, a, b),
            TyKind::Bool => {
                // With none, which is 2, no order holds.
                let (either, two) = (self.b.bin(Op::Or, a, b), self.b.iconst(2));
                let (holds, known) = (self.b.icmp(cond, a, b), self.b.icmp(Cond::Slt, either, two));
                return self.b.bin(Op::And, holds, known);
            }
            TyKind::Str => {
                let strict = matches!(op, BinOp::Lt | BinOp::Gt);
                let operands = if matches!(op, BinOp::Lt | BinOp::Le) { [a, b] } else { [b, a] };
                let rt = match (operands.iter().any(|&v| self.is_char_literal(v)), strict) {
                    (true, true) => Rt::str_lt_char,
                    (true, false) => Rt::str_le_char,
                    (false, true) => Rt::str_lt,
                    (false, false) => Rt::str_le,
                };
                return self.rt(rt, &operands);
            }
            TyKind::BigRat => Rt::rat_cmp,
            TyKind::Any => Rt::any_cmp,
            // Lists, maps and structs have no order: `<=` and `>=` hold, the others do not.
            _ if matches!(op, BinOp::Le | BinOp::Ge) => return self.both(Repr::Ref, a, b, false),
            _ => return self.b.iconst(0),
        };
        let order = self.rt(compare, &[a, b]);
        self.ordered(op, order)
    }

    /// A condition on -1, 0, 1, or 2 for unordered.
    fn ordered(&mut self, op: BinOp, order: Value) -> Value {
        let (cond, with) = match op {
            BinOp::Lt => (Cond::Slt, 0),
            BinOp::Le => (Cond::Sle, 0),
            BinOp::Gt => (Cond::Eq, 1),
            // 0 or 1 as an unsigned number.
            _ => (Cond::Ule, 1),
        };
        let with = self.b.iconst(with);
        self.b.icmp(cond, order, with)
    }

    /// `left in right`.
    fn membership(&mut self, e: &'a Expr, left: &'a Expr, a: Value, right: &'a Expr) -> Value {
        let b = self.expr(right);
        self.at(e.span);
        let (have, within) = (self.ty(left.ty), self.ty(right.ty));
        self.contains(a, have, b, within)
    }

    /// Whether a list, map, string, group or any contains a value.
    pub(crate) fn contains(&mut self, a: Value, have: Ty, b: Value, within: Ty) -> Value {
        let stripped = self.lw.types.strip(within);
        match *self.lw.types.kind(stripped) {
            TyKind::List(elem) if self.lw.types.repr(have) == self.lw.types.repr(elem) || elem == Ty::ANY => {
                let a = self.convert(a, have, elem);
                let a = self.word(a);
                self.rt(Rt::list_contains, &[b, a])
            }
            TyKind::Map(key, _) if self.lw.types.repr(have) == self.lw.types.repr(key) || key == Ty::ANY => {
                let k = self.convert(a, have, key);
                let slot = self.map_find(key, b, k);
                let zero = self.b.iconst(0);
                self.b.icmp(Cond::Ne, slot, zero)
            }
            TyKind::Str if self.lw.types.repr(have) == Repr::Ref => self.rt(Rt::str_contains, &[b, a]),
            TyKind::Group(key, item) => {
                let items = self.group_items(key, b);
                let list = self.lw.types.types.list(item);
                self.contains(a, have, items, list)
            }
            _ => {
                let (a, b) = (self.boxed(a, have), self.boxed(b, stripped));
                self.rt(Rt::any_in, &[a, b])
            }
        }
    }
}
