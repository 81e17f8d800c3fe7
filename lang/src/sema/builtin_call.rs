//! Calls of builtins: the rules their signatures cannot say, and their result types.

use super::Checker;
use super::call::Slots;
use super::generics::Subst;
use super::relations::{is_integer, is_numeric, is_ordered, numeric_join};
use super::signature::{Row, RowId};
use crate::ast::{self, BinOp};
use crate::builtins::{Gives, Mark};
use crate::diag::Code;
use crate::span::Span;
use crate::tree::{Builtin, Expr, ExprKind as T, Stmt, StmtKind};
use crate::types::{Ty, TyKind};

impl<'a> Checker<'a> {
    /// A call of a builtin; `receiver` is the first argument of a method form.
    pub(super) fn builtin_call(
        &mut self,
        id: RowId,
        receiver: Option<Expr>,
        args: &'a [ast::Expr],
        want: Option<Ty>,
        span: Span,
    ) -> Expr {
        let row = self.row(id);
        let given = args.len() + usize::from(receiver.is_some());
        if matches!(row.builtin, Builtin::Min | Builtin::Max) && given == 2 && receiver.is_none() {
            return self.smaller_of(&row, args, span);
        }
        if self.wrong_count(&row, given, span) {
            self.check_all(args);
            return self.error_expr(span);
        }
        let params = self.parameter_types(&row, receiver.as_ref(), args);
        let peeks = row.has(Mark::Peeks);
        let wanted = want.map(|w| (row.result, w));
        let fresh = row.builtin.sharing().gives != Gives::Part;
        let slots = Slots { params: &params, generics: &row.generics, builtin: true, peeks, wanted, fresh };
        let reported = self.diags.error_count();
        let (values, subst) = self.arguments(&slots, receiver, args, span);
        if self.diags.error_count() > reported || values.iter().any(|v| v.ty == Ty::ERROR) {
            return self.error_of(&row, &subst, span);
        }
        if given < row.required {
            return self.curried(&row, values, span);
        }
        self.finish_builtin(&row, values, &subst, want, span)
    }

    /// T039 or T006.
    fn wrong_count(&mut self, row: &Row, given: usize, span: Span) -> bool {
        let most = row.params.len();
        if row.variadic || (row.required..=most).contains(&given) {
            return false;
        }
        if row.has(Mark::Exact) || row.builtin == Builtin::Range {
            self.error(Code::T039, span, &[&row.name, &most.min(row.required.max(1).min(most)), &given]);
            return true;
        }
        if given > most {
            self.error(Code::T006, span, &[&most, &given]);
            return true;
        }
        if given == 0 && row.required > 0 {
            self.error(Code::T039, span, &[&row.name, &row.required, &given]);
            return true;
        }
        false
    }

    /// Declared parameters, adapted where the signature is too narrow for what is documented.
    fn parameter_types(&mut self, row: &Row, receiver: Option<&Expr>, args: &[ast::Expr]) -> Vec<Ty> {
        let mut params = row.params.clone();
        if row.builtin == Builtin::Round && args.len() + usize::from(receiver.is_some()) == 1 {
            params[0] = Ty::ANY;
        }
        params
    }

    /// The type a reported call is taken to have, to go on quietly.
    fn error_of(&mut self, row: &Row, subst: &Subst, span: Span) -> Expr {
        let open = Subst(subst.0.iter().map(|_| Some(Ty::ERROR)).collect());
        let ty = open.apply(&mut self.types, row.result);
        let ty = if matches!(ty, Ty::STR | Ty::BOOL) { ty } else { Ty::ERROR };
        Expr { ty, ..self.error_expr(span) }
    }

    fn curried(&mut self, row: &Row, values: Vec<Expr>, span: Span) -> Expr {
        let Some(id) = self.builtins.find(row.name) else { return self.error_expr(span) };
        let callee = self.builtin_value(id, span);
        let TyKind::Fun(params, result) = self.types.kind(callee.ty).clone() else {
            unreachable!("a builtin as a value is a function")
        };
        // A call takes arguments for `any` as they are; the function has them converted.
        let rest = params[values.len()..].to_vec();
        let values = values.into_iter().zip(params).map(|(v, p)| self.coerce(v, p)).collect();
        self.partial(callee, values, rest, result, span)
    }

    /// `min(a, b)`: the list form over both.
    fn smaller_of(&mut self, row: &Row, args: &'a [ast::Expr], span: Span) -> Expr {
        let a = self.expr(&args[0], None);
        let b = self.expr(&args[1], None);
        if a.ty == Ty::ERROR || b.ty == Ty::ERROR {
            return self.error_expr(span);
        }
        let (x, y) = (a.ty, b.ty);
        let both = is_numeric(&self.types, x) && is_numeric(&self.types, y);
        if !both && !self.compatible(x, y) {
            let (x, y) = (self.show(x), self.show(y));
            self.error(Code::T047, span, &[&"T", &x, &y]);
            return self.error_expr(span);
        }
        let elem = if both { numeric_join(x, y) } else { self.common_type(x, y) };
        let items = vec![self.coerce(a, elem), self.coerce(b, elem)];
        let ty = self.types.list(elem);
        let list = Expr { kind: T::List(items), ty, span };
        self.builtin(row.builtin, vec![list], elem, span)
    }

    /// Checks what the signature cannot say and gives the call its type.
    fn finish_builtin(
        &mut self,
        row: &Row,
        mut values: Vec<Expr>,
        subst: &Subst,
        want: Option<Ty>,
        span: Span,
    ) -> Expr {
        let first = values.first().map_or(Ty::UNIT, |v| v.ty);
        let declared = subst.apply(&mut self.types, row.result);
        if self.escapes(&row.generics, declared, &row.result, subst, span) {
            return self.error_expr(span);
        }
        let kind = self.types.kind(first).clone();
        let builtin = row.builtin;
        let ty = match builtin {
            Builtin::Len => match kind {
                TyKind::List(_) | TyKind::Map(..) | TyKind::Str | TyKind::Any => Ty::INT,
                _ => return self.reject(Code::T036, span, first),
            },
            Builtin::Count => match kind {
                TyKind::List(_) | TyKind::Group(..) | TyKind::Any => Ty::INT,
                _ => return self.reject(Code::T037, span, first),
            },
            Builtin::Exists => match kind {
                TyKind::List(_) | TyKind::Map(..) | TyKind::Str | TyKind::Any | TyKind::Group(..) => Ty::BOOL,
                _ => return self.reject_named(Code::ExistsOperand, span, &[]),
            },
            Builtin::Avg | Builtin::Sum => return self.fold_builtin(builtin, values, want, span),
            Builtin::Min | Builtin::Max => return self.extreme(row, values, declared, span),
            Builtin::Int if row.name == "int" => match kind {
                TyKind::Str | TyKind::Int | TyKind::Float | TyKind::Any => Ty::INT,
                TyKind::Int64 | TyKind::BigInt | TyKind::BigRat => Ty::INT,
                _ => return self.reject_named(Code::ExpectsNumericOrString, span, &[row.name]),
            },
            Builtin::Int | Builtin::Float => match kind {
                TyKind::Str | TyKind::Any => declared,
                _ if is_numeric(&self.types, first) => declared,
                _ => return self.reject_named(Code::ExpectsNumericOrString, span, &[row.name]),
            },
            Builtin::Abs | Builtin::Num | Builtin::Denom | Builtin::Ceil | Builtin::Floor | Builtin::Sqrt => {
                if !is_numeric(&self.types, first) && first != Ty::ANY {
                    return self.reject_named(Code::ExpectsNumeric, span, &[row.name]);
                }
                if builtin == Builtin::Abs {
                    first
                } else {
                    if matches!(builtin, Builtin::Ceil | Builtin::Floor | Builtin::Sqrt) {
                        self.convert_first(&mut values, Ty::FLOAT);
                    }
                    declared
                }
            }
            Builtin::Round => {
                if !is_numeric(&self.types, first) && first != Ty::ANY {
                    return self.reject_named(Code::ExpectsNumeric, span, &[row.name]);
                }
                self.convert_first(&mut values, Ty::FLOAT);
                if values.len() == 1 {
                    values.push(Expr { kind: T::Int(0), ty: Ty::INT, span });
                }
                Ty::FLOAT
            }
            Builtin::Pow => return self.power(row, values, want, span),
            Builtin::Reverse => match kind {
                TyKind::List(_) | TyKind::Str | TyKind::Any => first,
                _ => {
                    let shown = self.show(first);
                    return self.reject_named(
                        Code::ExpectsKind,
                        span,
                        &["reverse", "list or string", &shown],
                    );
                }
            },
            Builtin::Sha256 => match kind {
                TyKind::Str | TyKind::List(_) | TyKind::Any => declared,
                _ => return self.reject_named(Code::Sha256Operand, span, &[]),
            },
            Builtin::Slice => return self.slice_builtin(values, span),
            Builtin::Contains => return self.contains_builtin(values, span),
            Builtin::Range => return self.range_builtin(values, span),
            Builtin::Assert => {
                if values.len() == 1 {
                    values.push(Expr { kind: T::Str("assertion failed".into()), ty: Ty::STR, span });
                }
                Ty::UNIT
            }
            _ if builtin.ends() => return self.ending(builtin, values, want, span),
            Builtin::Sort => {
                if !self.sortable(first) {
                    return self.reject(Code::T056, span, first);
                }
                declared
            }
            _ => declared,
        };
        self.builtin(builtin, values, ty, span)
    }

    fn reject(&mut self, code: Code, span: Span, ty: Ty) -> Expr {
        self.type_error(code, span, &[ty]);
        self.error_expr(span)
    }

    fn reject_named(&mut self, code: Code, span: Span, args: &[&str]) -> Expr {
        let args: Vec<&dyn std::fmt::Display> = args.iter().map(|a| a as &dyn std::fmt::Display).collect();
        self.error(code, span, &args);
        self.error_expr(span)
    }

    fn convert_first(&mut self, values: &mut [Expr], to: Ty) {
        if let Some(slot) = values.first_mut() {
            let placeholder = Expr { kind: T::None, ty: Ty::ERROR, span: slot.span };
            let v = std::mem::replace(slot, placeholder);
            *slot = self.coerce(v, to);
        }
    }

    /// Element type of a list or group.
    fn elements(&self, ty: Ty) -> Option<Ty> {
        match self.types.kind(ty) {
            TyKind::List(x) | TyKind::Group(_, x) => Some(*x),
            TyKind::Any => Some(Ty::ANY),
            _ => None,
        }
    }

    /// `sum` and `avg`: lists and groups of numbers. The sum has the type of the elements.
    fn fold_builtin(&mut self, builtin: Builtin, values: Vec<Expr>, want: Option<Ty>, span: Span) -> Expr {
        let first = values[0].ty;
        let code = if builtin == Builtin::Sum { Code::T041 } else { Code::T038 };
        let Some(elem) = self.elements(first) else { return self.reject(code, span, first) };
        let accepted = elem == Ty::ANY || is_numeric(&self.types, elem) || matches!(elem, Ty::STR | Ty::BOOL);
        if !accepted {
            return self.reject(code, span, elem);
        }
        let ty = match builtin {
            Builtin::Avg => Ty::FLOAT,
            _ if matches!(elem, Ty::STR | Ty::BOOL) => Ty::INT,
            _ => elem,
        };
        let value = self.builtin(builtin, values, ty, span);
        match want {
            // The reference calls every sum an int.
            Some(Ty::INT) if ty == Ty::ANY => self.coerce(value, Ty::INT),
            _ => value,
        }
    }

    fn extreme(&mut self, row: &Row, values: Vec<Expr>, declared: Ty, span: Span) -> Expr {
        let Some(elem) = self.elements(values[0].ty) else {
            return self.reject_named(Code::ExpectsList, span, &[row.name]);
        };
        let accepted = elem == Ty::ANY || is_numeric(&self.types, elem) || matches!(elem, Ty::STR | Ty::BOOL);
        if !accepted {
            return self.reject_named(Code::ExpectsNumericList, span, &[row.name]);
        }
        self.builtin(row.builtin, values, declared, span)
    }

    /// `pow`: exact for ints, also in an `any`, else over floats.
    fn power(&mut self, row: &Row, values: Vec<Expr>, want: Option<Ty>, span: Span) -> Expr {
        let (a, b) = (values[0].ty, values[1].ty);
        let number = |c: &Self, t: Ty| is_numeric(&c.types, t) || t == Ty::ANY;
        if !number(self, a) || !number(self, b) {
            return self.reject_named(Code::ExpectsNumeric, span, &[row.name]);
        }
        let ints = is_integer(&self.types, a) && is_integer(&self.types, b);
        let may_be_ints = [a, b].iter().all(|t| *t == Ty::ANY || is_integer(&self.types, *t));
        let ty = match ints {
            true => numeric_join(a, b),
            false if may_be_ints => Ty::ANY,
            false => Ty::FLOAT,
        };
        let values = values.into_iter().map(|v| self.coerce(v, ty)).collect();
        let value = self.builtin(row.builtin, values, ty, span);
        if ty == Ty::ANY && want == Some(Ty::FLOAT) { self.coerce(value, Ty::FLOAT) } else { value }
    }

    fn slice_builtin(&mut self, mut values: Vec<Expr>, span: Span) -> Expr {
        let first = values[0].ty;
        if !matches!(self.types.kind(first), TyKind::List(_) | TyKind::Str | TyKind::Any) {
            return self.reject(Code::T018, span, first);
        }
        let end = values.pop().map(Box::new);
        let start = values.pop().map(Box::new);
        let base = Box::new(values.remove(0));
        Expr { kind: T::Slice { base, start, end }, ty: first, span }
    }

    /// `contains(collection, value)` is `value in collection`; on strings, a builtin.
    fn contains_builtin(&mut self, mut values: Vec<Expr>, span: Span) -> Expr {
        let x = values.remove(1);
        let c = values.remove(0);
        let elem = match self.types.kind(c.ty) {
            TyKind::Str => Ty::STR,
            TyKind::List(t) | TyKind::Map(t, _) | TyKind::Group(_, t) => *t,
            TyKind::Any => Ty::ANY,
            _ => {
                self.type_error(Code::T008, span, &[Ty::STR, c.ty]);
                return self.error_expr(span);
            }
        };
        if !self.compatible(x.ty, elem) {
            let at = x.span;
            self.type_error(Code::T008, at, &[elem, x.ty]);
            return self.error_expr(span);
        }
        if c.ty == Ty::STR {
            let x = self.coerce(x, elem);
            return self.builtin(Builtin::Contains, vec![c, x], Ty::BOOL, span);
        }
        let x = self.compared(x, elem);
        let kind = T::Binary { op: BinOp::In, left: Box::new(x), right: Box::new(c) };
        Expr { kind, ty: Ty::BOOL, span }
    }

    /// `range(end)`, `range(start, end)`, `range(start, end, step)`: always start, end, step.
    fn range_builtin(&mut self, mut values: Vec<Expr>, span: Span) -> Expr {
        let int = |v| Expr { kind: T::Int(v), ty: Ty::INT, span };
        if values.len() == 1 {
            values.insert(0, int(0));
        }
        if values.len() == 2 {
            values.push(int(1));
        }
        let ty = self.types.list(Ty::INT);
        self.builtin(Builtin::Range, values, ty, span)
    }

    /// Ends the program, so the call has whatever type its place wants.
    fn ending(&mut self, builtin: Builtin, values: Vec<Expr>, want: Option<Ty>, span: Span) -> Expr {
        let call = self.builtin(builtin, values, Ty::UNIT, span);
        match want {
            Some(ty) if ty != Ty::UNIT => {
                let body = vec![Stmt { kind: StmtKind::Expr(call), span }];
                let value = Some(Box::new(Expr { kind: T::None, ty, span }));
                Expr { kind: T::Block { body, value }, ty, span }
            }
            _ => call,
        }
    }

    fn sortable(&self, list: Ty) -> bool {
        match self.types.kind(list) {
            TyKind::List(x) => *x == Ty::ANY || is_ordered(&self.types, *x),
            _ => true,
        }
    }

    /// `sort_by(xs, key)` as the query it abbreviates.
    pub(super) fn sort_by(&mut self, args: &'a [ast::Expr], span: Span) -> Expr {
        let (Some(list), Some(key)) = (args.first(), args.get(1)) else {
            self.check_all(args);
            self.error(Code::T039, span, &[&"sort_by", &2, &args.len()]);
            return self.error_expr(span);
        };
        let xs = self.expr(list, None);
        let TyKind::List(elem) = self.types.kind(xs.ty).clone() else {
            self.expr(key, None);
            return if xs.ty == Ty::ERROR {
                xs
            } else {
                self.reject_named(Code::ExpectsList, span, &["sort_by"])
            };
        };
        let want = self.types.intern(TyKind::Fun(vec![elem], Ty::ERROR));
        let f = self.expr(key, Some(want));
        let result = match self.types.kind(f.ty).clone() {
            TyKind::Fun(p, r) if p.len() == 1 && self.compatible(elem, p[0]) => r,
            TyKind::Error => return f,
            _ => {
                let (expected, got) = (self.show(want), self.show(f.ty));
                self.error(Code::T007, span, &[&2, &expected, &got]);
                return self.error_expr(span);
            }
        };
        let from = self.types.intern(TyKind::Fun(vec![elem], result));
        let f = self.coerce(f, from);
        let tmp = self.new_local("", from, span);
        let row = self.new_local("", elem, span);
        let var = |local, ty| Expr { kind: T::Var(crate::tree::VarRef::Local(local)), ty, span };
        let call = T::CallValue { callee: Box::new(var(tmp, from)), args: vec![var(row, elem)] };
        let ty = xs.ty;
        let query = crate::tree::Query {
            sources: vec![(row, xs)],
            joins: Vec::new(),
            filter: None,
            group: None,
            sort: vec![Expr { kind: call, ty: result, span }],
            skip: None,
            take: None,
            distinct: false,
            select: var(row, elem),
            fold: None,
        };
        let query = Expr { kind: T::Query(Box::new(query)), ty, span };
        self.let_in(tmp, f, query)
    }
}
