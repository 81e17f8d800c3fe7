//! Builtins of the language: each by the static types of its arguments.
//!
//! Arguments of type `any` in a signature arrive as they are, so the choice between, say, the
//! length of a string and of a list is made here. `map`, `filter`, `reduce` and `find` are loops.

use super::facts::is_some_list;
use super::func::Fx;
use super::repr::Repr;
use super::runtime::{ListRt, Rt};
use crate::ast::BinOp;
use crate::sema::{Use, sharing};
use crate::tree::{Builtin, Expr, ExprKind};
use crate::types::{Ty, TyKind};
use mochi_ir::{Cond, Op, Type, Value};

/// An evaluated argument.
#[derive(Clone, Copy)]
struct Arg {
    v: Value,
    ty: Ty,
}

impl<'a> Fx<'_, 'a> {
    /// A call of a builtin.
    pub(crate) fn builtin(&mut self, e: &'a Expr, builtin: Builtin, args: &'a [Expr]) -> Value {
        use Builtin::*;
        let want = self.ty(e.ty);
        match builtin {
            Print => return self.print_expr(args),
            Eprint => {
                self.eprint(args);
                return self.unit();
            }
            Sum | Count | Len | Avg | Min | Max => {
                if let Some(v) = self.fold_of_query(builtin, args, want) {
                    return v;
                }
            }
            Bool => return self.truth(&args[0]),
            Assert => return self.assert(args),
            Append | Push => {
                let list = self.list_arg(builtin, args, 0, want);
                let elem = self.lw.types.elem(want);
                let v = self.keep_as(&args[1], elem);
                return self.rt(ListRt::APPEND.of(self.lw.types.repr(elem)), &[list, v]);
            }
            Concat => {
                let mut list = self.list_arg(builtin, args, 0, want);
                if args.len() == 1 {
                    let (from, to) = (self.none(Repr::Int), self.none(Repr::Int));
                    return self.rt(Rt::list_slice, &[list, from, to]);
                }
                for k in 1..args.len() {
                    let other = self.list_arg(builtin, args, k, want);
                    let name = if k == 1 { Rt::list_concat } else { Rt::list_concat_place };
                    list = self.rt(name, &[list, other]);
                }
                return list;
            }
            _ => {}
        }
        let args: Vec<Arg> = (0..args.len()).map(|k| self.arg(e, builtin, args, k)).collect();
        let (v, ty) = self.builtin_value(builtin, &args, want);
        self.convert(v, ty, want)
    }

    /// An argument, evaluated for what the builtin does with it.
    fn arg(&mut self, call: &'a Expr, builtin: Builtin, args: &'a [Expr], k: usize) -> Arg {
        let ty = self.ty(args[k].ty);
        let sharing = sharing(builtin);
        let v = match sharing.arg(k) {
            Use::Keep | Use::Any => self.keep(&args[k]),
            Use::Read | Use::Call if sharing.calls() => self.read_before(&args[k], [call]),
            Use::Read | Use::Call => self.read_kind(&args[k], &args[k + 1..], expects(builtin, k)),
        };
        Arg { v, ty }
    }

    /// A list argument as the wanted list type; none counts as empty.
    fn list_arg(&mut self, builtin: Builtin, args: &'a [Expr], k: usize, want: Ty) -> Value {
        let e = &args[k];
        let v = self.read_kind(e, &args[k + 1..], expects(builtin, k));
        let have = self.ty(e.ty);
        let list = self.convert(v, have, want);
        if is_some_list(e) { list } else { self.list_or_new(list, want, |_, _| {}) }
    }

    /// [`Fx::read_before`] of an operand whose type says a kind. Where it comes from an `any` that holds another
    /// kind, the program ends with `message`, if there is one.
    pub(crate) fn read_kind(
        &mut self,
        e: &'a Expr,
        later: impl IntoIterator<Item = &'a Expr>,
        message: Option<&'static str>,
    ) -> Value {
        let (ExprKind::Coerce { value }, Some(message)) = (&e.kind, message) else {
            return self.read_before(e, later);
        };
        if self.ty(value.ty) != Ty::ANY {
            return self.read_before(e, later);
        }
        let any = self.expr(value);
        let ty = self.ty(e.ty);
        let kind = self.lw.types.strip(ty);
        let (desc, message) = (self.desc(kind), self.str_value(message));
        self.at(e.span);
        self.rt_void(Rt::any_expect, &[any, desc, message]);
        let v = self.convert(any, Ty::ANY, ty);
        self.stays(e, v, later);
        v
    }

    fn as_ty(&mut self, a: Arg, want: Ty) -> Value {
        self.convert(a.v, a.ty, want)
    }

    fn any(&mut self, a: Arg) -> Value {
        self.boxed(a.v, a.ty)
    }

    fn opt_int(&mut self, args: &[Arg], k: usize) -> Value {
        match args.get(k) {
            Some(&a) => self.as_ty(a, Ty::INT),
            None => self.none(Repr::Int),
        }
    }

    /// The value and its type.
    fn builtin_value(&mut self, builtin: Builtin, args: &[Arg], want: Ty) -> (Value, Ty) {
        use Builtin::*;
        match builtin {
            Len => (self.len(args[0]), Ty::INT),
            Count | Exists if args[0].ty == Ty::ANY => {
                let (name, ty) =
                    if builtin == Count { (Rt::any_count, Ty::INT) } else { (Rt::any_exists, Ty::BOOL) };
                (self.rt(name, &[args[0].v]), ty)
            }
            Count => (self.len(args[0]), Ty::INT),
            Exists => {
                let n = self.len(args[0]);
                let zero = self.b.iconst(0);
                (self.b.icmp(Cond::Ne, n, zero), Ty::BOOL)
            }
            First | Last => self.end(builtin, args[0]),
            Sum | Avg | Min | Max => self.fold(builtin, args[0]),
            Str => (self.str_of(args[0]), Ty::STR),
            Lower => {
                let text = self.str_of(args[0]);
                (self.rt(Rt::str_lower, &[text]), Ty::STR)
            }
            Int => (self.int_of(args[0]), Ty::INT),
            Float => (self.float_of(args[0]), Ty::FLOAT),
            Json => {
                self.rt_word_desc(Rt::json_val, args[0].v, args[0].ty);
                (self.as_ty(args[0], Ty::ANY), Ty::UNIT)
            }
            ToJson => {
                let v = self.rt_word_desc(Rt::json_str, args[0].v, args[0].ty);
                (v.expect("json_str has a result"), Ty::STR)
            }
            Input => (self.rt(Rt::input, &[]), Ty::STR),
            Now => (self.rt(Rt::now, &[]), Ty::INT),
            Panic => {
                let message = self.str_of(args[0]);
                self.panic(message);
                (self.unit(), Ty::UNIT)
            }
            TypeOf => (self.type_of(args[0]), Ty::STR),
            Map | Filter | Reduce | Find => (self.higher_order(builtin, args, want), want),
            Abs | Ceil | Floor | Sqrt | Pow | Round | Num | Denom => self.numeric(builtin, args, want),
            Reverse | Distinct | Values | Keys | Range | Sort | Slice | Repeat | Contains | IndexOf
            | Sha256 => self.collection(builtin, args),
            _ => self.text(builtin, args),
        }
    }

    /// The `str` form.
    fn str_of(&mut self, a: Arg) -> Value {
        if a.ty != Ty::STR {
            return self.text_of(a.v, a.ty);
        }
        let none = self.is_none(Repr::Ref, a.v);
        self.choose(none, Repr::Ref, |fx| fx.str_value("<nil>"), |_| a.v)
    }

    fn text(&mut self, builtin: Builtin, args: &[Arg]) -> (Value, Ty) {
        use Builtin::*;
        let s = self.as_ty(args[0], if builtin == Join { args[0].ty } else { Ty::STR });
        match builtin {
            Upper => (self.rt(Rt::str_upper, &[s]), Ty::STR),
            Trim => (self.rt(Rt::str_trim, &[s]), Ty::STR),
            Substring | Substr => {
                let (from, to) = (self.opt_int(args, 1), self.opt_int(args, 2));
                (self.rt(Rt::str_slice, &[s, from, to]), Ty::STR)
            }
            PadStart => {
                let (width, pad) = (self.opt_int(args, 1), self.as_ty(args[2], Ty::STR));
                (self.rt(Rt::pad_start, &[s, width, pad]), Ty::STR)
            }
            ParseIntStr => {
                let base = match args.get(1) {
                    Some(&a) => self.as_ty(a, Ty::INT),
                    None => self.int(10),
                };
                (self.rt(Rt::int_parse_base, &[s, base]), Ty::INT)
            }
            Split => {
                let sep = self.as_ty(args[1], Ty::STR);
                let list = self.lw.types.types.list(Ty::STR);
                let desc = self.desc(list);
                (self.rt(Rt::str_split, &[s, sep, desc]), list)
            }
            Join => {
                let list = self.lw.types.types.list(Ty::STR);
                let parts = self.as_ty(args[0], list);
                let sep = self.as_ty(args[1], Ty::STR);
                (self.rt(Rt::str_join, &[parts, sep]), Ty::STR)
            }
            StartsWith | EndsWith => {
                let other = self.as_ty(args[1], Ty::STR);
                let name = if builtin == StartsWith { Rt::str_starts_with } else { Rt::str_ends_with };
                (self.rt(name, &[s, other]), Ty::BOOL)
            }
            Replace => {
                let (old, new) = (self.as_ty(args[1], Ty::STR), self.as_ty(args[2], Ty::STR));
                (self.rt(Rt::str_replace, &[s, old, new]), Ty::STR)
            }
            other => unreachable!("builtin {other:?}"),
        }
    }

    fn collection(&mut self, builtin: Builtin, args: &[Arg]) -> (Value, Ty) {
        use Builtin::*;
        let a = args[0];
        let stripped = self.lw.types.strip(a.ty);
        let is_str = matches!(self.lw.types.kind(stripped), TyKind::Str);
        match builtin {
            Reverse if is_str => (self.rt(Rt::str_reverse, &[a.v]), Ty::STR),
            Reverse if self.lw.types.is_list(a.ty) => (self.rt(Rt::list_reverse, &[a.v]), stripped),
            Reverse => {
                let any = self.any(a);
                (self.rt(Rt::any_reverse, &[any]), Ty::ANY)
            }
            Distinct => (self.rt(Rt::list_distinct, &[a.v]), stripped),
            Sort => (self.rt(Rt::list_sort, &[a.v]), stripped),
            Values | Keys => {
                let (key, value) = self.map_types(a.ty);
                let list = self.lw.types.types.list(if builtin == Keys { key } else { value });
                let desc = self.desc(list);
                let name = if builtin == Keys { Rt::map_keys } else { Rt::map_values };
                (self.rt(name, &[a.v, desc]), list)
            }
            Range => (self.range(args), self.lw.types.types.list(Ty::INT)),
            Slice => {
                let (from, to) = (self.opt_int(args, 1), self.opt_int(args, 2));
                if is_str {
                    (self.rt(Rt::str_slice, &[a.v, from, to]), Ty::STR)
                } else if self.lw.types.is_list(a.ty) {
                    (self.rt(Rt::list_slice, &[a.v, from, to]), stripped)
                } else {
                    let any = self.any(a);
                    (self.rt(Rt::any_slice, &[any, from, to]), Ty::ANY)
                }
            }
            Repeat => {
                let (s, n) = (self.as_ty(a, Ty::STR), self.as_ty(args[1], Ty::INT));
                (self.rt(Rt::str_repeat, &[s, n]), Ty::STR)
            }
            Contains => (self.contains(args[1].v, args[1].ty, a.v, a.ty), Ty::BOOL),
            IndexOf if self.lw.types.is_list(a.ty) => {
                let elem = self.lw.types.elem(a.ty);
                let v = self.as_ty(args[1], elem);
                let word = self.word(v);
                (self.rt(Rt::list_index_of, &[a.v, word]), Ty::INT)
            }
            IndexOf => {
                let (s, t) = (self.as_ty(a, Ty::STR), self.as_ty(args[1], Ty::STR));
                (self.rt(Rt::str_index_of, &[s, t]), Ty::INT)
            }
            _ => {
                let list = self.lw.types.types.list(Ty::INT);
                let desc = self.desc(list);
                let name = if a.ty == Ty::ANY { Rt::any_sha256 } else { Rt::sha256 };
                (self.rt(name, &[a.v, desc]), list)
            }
        }
    }

    /// `range(end)`, `range(start, end)`, `range(start, end, step)`.
    fn range(&mut self, args: &[Arg]) -> Value {
        let list = self.lw.types.types.list(Ty::INT);
        let zero = self.int(0);
        let (from, to) = match args {
            [to] => (zero, self.as_ty(*to, Ty::INT)),
            [from, to, ..] => (self.as_ty(*from, Ty::INT), self.as_ty(*to, Ty::INT)),
            [] => (zero, zero),
        };
        let desc = self.desc(list);
        let Some(&step) = args.get(2) else { return self.rt(Rt::list_range, &[from, to, desc]) };
        let step = self.as_ty(step, Ty::INT);
        if self.b.func.as_iconst(step) == Some(2) {
            return self.rt(Rt::list_range, &[from, to, desc]);
        }
        self.rt(Rt::list_range_step, &[from, to, step, desc])
    }

    /// Tagged length of a value.
    fn len(&mut self, a: Arg) -> Value {
        match *self.lw.types.kind(a.ty) {
            TyKind::Str => self.rt(Rt::str_len, &[a.v]),
            TyKind::List(_) => self.rt(Rt::list_len, &[a.v]),
            TyKind::Map(..) => self.rt(Rt::map_len, &[a.v]),
            TyKind::Group(key, _) => {
                let items = self.group_items(key, a.v);
                self.rt(Rt::list_len, &[items])
            }
            _ => {
                let any = self.any(a);
                self.rt(Rt::any_len, &[any])
            }
        }
    }

    /// First or last element, none of an empty list.
    fn end(&mut self, builtin: Builtin, a: Arg) -> (Value, Ty) {
        let elem = self.lw.types.elem(a.ty);
        let repr = self.lw.types.repr(elem);
        let f = if builtin == Builtin::First { ListRt::FIRST } else { ListRt::LAST };
        let none = self.is_none(Repr::Ref, a.v);
        let v = self.choose(none, repr, |fx| fx.none(repr), |fx| fx.rt_as(repr, f.of(repr), &[a.v]));
        (v, elem)
    }

    /// `sum`, `avg`, `min`, `max` of a list or group.
    fn fold(&mut self, builtin: Builtin, a: Arg) -> (Value, Ty) {
        let mut list = a;
        if let TyKind::Group(key, item) = *self.lw.types.kind(self.lw.types.strip(a.ty)) {
            list = Arg { v: self.group_items(key, a.v), ty: self.lw.types.types.list(item) };
        }
        self.fold_list(builtin, list.v, list.ty)
    }

    /// `sum`, `avg`, `min`, `max` of a list of a resolved type.
    pub(crate) fn fold_list(&mut self, builtin: Builtin, list: Value, ty: Ty) -> (Value, Ty) {
        let (list, elem) = if self.lw.types.is_list(ty) {
            (list, self.lw.types.elem(ty))
        } else {
            let any = self.convert(list, ty, Ty::ANY);
            let anys = self.lw.types.types.list(Ty::ANY);
            let (desc, message) = (self.desc(anys), expects(builtin, 0).unwrap_or_default());
            let message = self.str_value(message);
            (self.rt(Rt::any_items, &[any, desc, message]), Ty::ANY)
        };
        match (builtin, self.lw.types.kind(elem)) {
            (Builtin::Sum, TyKind::Int) => (self.rt(Rt::list_sum_int, &[list]), Ty::INT),
            (Builtin::Sum, TyKind::Float) => (self.rt(Rt::list_sum_f64, &[list]), Ty::FLOAT),
            (Builtin::Sum, _) => (self.rt(Rt::list_sum, &[list]), Ty::ANY),
            (Builtin::Avg, _) => (self.rt(Rt::list_avg, &[list]), Ty::FLOAT),
            (builtin, _) => {
                let repr = self.lw.types.repr(elem);
                let name = if builtin == Builtin::Min { Rt::list_min } else { Rt::list_max };
                (self.rt_as(repr, name, &[list]), elem)
            }
        }
    }

    fn int_of(&mut self, a: Arg) -> Value {
        match self.lw.types.kind(a.ty) {
            TyKind::Int | TyKind::Float | TyKind::Str | TyKind::BigRat => self.as_ty(a, Ty::INT),
            _ => {
                let any = self.any(a);
                self.rt(Rt::any_as_int, &[any])
            }
        }
    }

    fn float_of(&mut self, a: Arg) -> Value {
        match self.lw.types.kind(a.ty) {
            TyKind::Int | TyKind::Float | TyKind::Str | TyKind::BigRat => self.as_ty(a, Ty::FLOAT),
            _ => {
                let any = self.any(a);
                self.rt(Rt::any_to_f64, &[any])
            }
        }
    }

    fn type_of(&mut self, a: Arg) -> Value {
        if a.ty == Ty::ANY {
            return self.rt(Rt::any_type_of, &[a.v]);
        }
        let name = self.lw.types.name(self.lw.types.strip(a.ty));
        self.str_value(&name)
    }

    fn numeric(&mut self, builtin: Builtin, args: &[Arg], want: Ty) -> (Value, Ty) {
        use Builtin::*;
        let a = args[0];
        let is_int = matches!(self.lw.types.kind(a.ty), TyKind::Int);
        match builtin {
            Abs if is_int => (self.rt(Rt::int_abs, &[a.v]), Ty::INT),
            Abs if a.ty == Ty::ANY => (self.rt(Rt::any_abs, &[a.v]), Ty::ANY),
            Abs if a.ty == Ty::BIGRAT => (self.rt(Rt::rat_abs, &[a.v]), Ty::BIGRAT),
            Abs => {
                let x = self.float_of(a);
                (self.b.op(Op::Fabs, &[x], Type::F64), Ty::FLOAT)
            }
            Ceil | Floor if is_int && want == Ty::INT => (a.v, Ty::INT),
            Ceil | Floor | Sqrt => {
                let x = self.float_of(a);
                let v = match builtin {
                    Ceil => self.rt(Rt::f64_ceil, &[x]),
                    Floor => self.rt(Rt::f64_floor, &[x]),
                    _ => self.b.op(Op::Fsqrt, &[x], Type::F64),
                };
                (v, Ty::FLOAT)
            }
            Pow if is_int && matches!(self.lw.types.kind(args[1].ty), TyKind::Int) => {
                (self.rt(Rt::int_pow, &[a.v, args[1].v]), Ty::INT)
            }
            Pow if a.ty == Ty::ANY => (self.rt(Rt::any_pow, &[a.v, args[1].v]), Ty::ANY),
            Pow => {
                let (x, y) = (self.float_of(a), self.float_of(args[1]));
                (self.rt(Rt::f64_pow, &[x, y]), Ty::FLOAT)
            }
            Round => {
                let x = self.float_of(a);
                let digits = match args.get(1) {
                    Some(&d) => self.as_ty(d, Ty::INT),
                    None => self.int(0),
                };
                (self.rt(Rt::f64_round, &[x, digits]), Ty::FLOAT)
            }
            _ => {
                let rat = match self.lw.types.kind(a.ty) {
                    TyKind::Any => self.rt(Rt::any_to_rat, &[a.v]),
                    _ => self.as_ty(a, Ty::BIGRAT),
                };
                (self.rt(if builtin == Num { Rt::rat_num } else { Rt::rat_den }, &[rat]), Ty::INT)
            }
        }
    }

    fn assert(&mut self, args: &'a [Expr]) -> Value {
        let (ok, fail) = (self.b.new_block(), self.b.new_cold_block());
        self.branch(&args[0], ok, fail);
        self.enter(fail);
        let message = match args.get(1) {
            Some(m) => {
                let v = self.expr(m);
                let ty = self.ty(m.ty);
                self.str_of(Arg { v, ty })
            }
            None => self.str_value("assertion failed"),
        };
        self.rt_void(Rt::panic_msg, &[message]);
        self.b.unreachable();
        self.enter(ok);
        self.unit()
    }

    /// `map(list, f)`, `filter(list, f)`, `reduce(list, f, start)`, `find(list, f)`.
    fn higher_order(&mut self, builtin: Builtin, args: &[Arg], want: Ty) -> Value {
        let (list, f) = (args[0], args[1]);
        let elem = self.lw.types.elem(list.ty);
        let len = self.raw_len(list.v);
        match builtin {
            Builtin::Map => {
                let out = self.new_list(want, 0);
                let out_elem = self.lw.types.elem(want);
                self.count_loop(len, |fx, i| {
                    let x = fx.raw_get(elem, list.v, i);
                    let y = fx.invoke_as(f.v, f.ty, &[(x, elem)], out_elem);
                    fx.push(out_elem, out, y);
                });
                out
            }
            Builtin::Filter => {
                let out = self.new_list(want, 0);
                self.count_loop(len, |fx, i| {
                    let x = fx.raw_get(elem, list.v, i);
                    let keep = fx.keeps(f, x, elem);
                    let (yes, no) = (fx.b.new_block(), fx.b.new_block());
                    fx.brif(keep, yes, no);
                    fx.enter(yes);
                    if fx.lw.types.is_list(elem) {
                        fx.share(x);
                    }
                    fx.push(elem, out, x);
                    fx.jump(no);
                    fx.enter(no);
                });
                out
            }
            Builtin::Reduce => {
                let start = self.as_ty(args[2], want);
                let acc = self.b.declare_var(self.lw.types.repr(want).ir());
                self.b.def_var(acc, start);
                self.count_loop(len, |fx, i| {
                    let x = fx.raw_get(elem, list.v, i);
                    let so_far = fx.b.use_var(acc);
                    let next = fx.invoke_as(f.v, f.ty, &[(so_far, want), (x, elem)], want);
                    fx.b.def_var(acc, next);
                });
                self.b.use_var(acc)
            }
            _ => {
                let repr = self.lw.types.repr(want);
                let found = self.b.declare_var(repr.ir());
                let none = self.none(repr);
                self.b.def_var(found, none);
                let done = self.b.new_block();
                self.count_loop(len, |fx, i| {
                    let x = fx.raw_get(elem, list.v, i);
                    let hit = fx.keeps(f, x, elem);
                    let (yes, no) = (fx.b.new_block(), fx.b.new_block());
                    fx.brif(hit, yes, no);
                    fx.enter(yes);
                    let v = fx.convert(x, elem, want);
                    fx.b.def_var(found, v);
                    fx.jump(done);
                    fx.enter(no);
                });
                self.jump(done);
                self.enter(done);
                self.b.use_var(found)
            }
        }
    }

    fn keeps(&mut self, f: Arg, x: Value, elem: Ty) -> Value {
        let keep = self.invoke_as(f.v, f.ty, &[(x, elem)], Ty::BOOL);
        let one = self.b.iconst(1);
        self.b.icmp(Cond::Eq, keep, one)
    }

    /// `sum(query)` and the like, without building the list.
    fn fold_of_query(&mut self, builtin: Builtin, args: &'a [Expr], want: Ty) -> Option<Value> {
        let [Expr { kind: ExprKind::Query(q), .. }] = args else { return None };
        let streams = matches!(builtin, Builtin::Sum | Builtin::Count | Builtin::Len);
        if !streams || q.fold.is_some() || q.distinct || q.skip.is_some() || q.take.is_some() {
            return None;
        }
        let builtin = if builtin == Builtin::Len { Builtin::Count } else { builtin };
        let (v, ty) = self.fold_rows(q, builtin)?;
        Some(self.convert(v, ty, want))
    }

    /// Adds to an accumulator of a resolved type.
    pub(crate) fn accumulate(&mut self, ty: Ty, acc: Value, v: Value) -> Value {
        self.arithmetic(BinOp::Add, ty, acc, v, false)
    }
}

/// With what the program ends when an `any` for argument `k` of a builtin holds another kind (section 9);
/// `None`: with the message of the conversion.
pub(super) fn expects(builtin: Builtin, k: usize) -> Option<&'static str> {
    use Builtin::*;
    Some(match (builtin, k) {
        (Append, 0) => "append expects list",
        (Push, 0) => "push expects list",
        (Concat, _) => "union expects lists",
        (Sum, 0) => "sum expects list",
        (Avg, 0) => "avg expects list",
        (Upper, 0) => "upper expects string",
        (PadStart, 0 | 2) => "padStart expects (string, int, string)",
        _ => return None,
    })
}
