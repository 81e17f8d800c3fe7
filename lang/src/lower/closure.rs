//! Closures and the small functions lowering makes for them.
//!
//! A closure is `descriptor, code, captures`; code is called as `code(closure, args...)`. A
//! capture is the variable's value, or the address of its cell when the variable is assigned.
//!
//! A function value is called as the type of its place says: the static type of a variable, parameter or
//! result, the type in the descriptor of the container or struct it is in. Inside `any` it is *plain*: all
//! parameters and the result are `any`, and its own descriptor tells how many parameters there are (that of
//! other functions tells the collector's part only). So whatever moves it to a place of another type
//! adapts it: the checker between function types, `convert` and the runtime's `function.mochi` at `any` and
//! inside containers.

use super::desc::CLOSURE_HEADER;
use super::func::Fx;
use super::layout::{CLOSURE_CODE, RuntimeRegion};
use super::repr::{Layout, Repr, SlotClass};
use super::runtime::Rt;
use super::variables::Home;
use super::{Lowerer, Thunk};
use crate::tree::{self, Expr, FuncId, LocalId, VarRef};
use crate::types::{Ty, TyKind};
use mochi_ir::{Function, Region, Signature, Sym, Type, Value};

impl<'a> Fx<'_, 'a> {
    fn capture_slot(&mut self, local: LocalId) -> SlotClass {
        match self.home(VarRef::Local(local)) {
            Home::Cell(_) => SlotClass::Ref,
            _ => {
                let ty = self.var_ty(VarRef::Local(local));
                self.lw.types.repr(ty).slot()
            }
        }
    }

    /// Makes the closure of a lambda or nested function.
    pub(crate) fn closure(&mut self, func: FuncId) -> Value {
        let args = self.type_args();
        let (code, args) = self.lw.instance(func, args);
        let ty = self.function_type(func, &args);
        let plain = self.lw.types.plain_arity(ty);
        let captures = &self.lw.program.functions[func.0 as usize].captures;
        if captures.is_empty() {
            let closure = self.lw.static_closure(code, plain);
            return self.b.symaddr(closure, 0, Type::Ref);
        }
        let slots: Vec<SlotClass> = captures.iter().map(|c| self.capture_slot(c.outer)).collect();
        let mut values = Vec::with_capacity(captures.len());
        for c in captures {
            let v = self.get_capture(c.outer);
            let ty = self.var_ty(VarRef::Local(c.outer));
            if self.lw.types.is_list(ty) && !self.facts(c.outer).cell {
                self.share(v);
            }
            values.push(v);
        }
        self.make_closure(code, plain, &Layout::new(CLOSURE_HEADER, &slots), &values)
    }

    /// Allocates a closure; `plain` is the number of parameters of a plain one.
    pub(crate) fn make_closure(
        &mut self,
        code: Sym,
        plain: Option<usize>,
        layout: &Layout,
        captures: &[Value],
    ) -> Value {
        let desc = self.lw.closure_desc(layout, plain);
        let closure = self.alloc(layout, desc);
        let code = self.b.symaddr(code, 0, Type::I64);
        let region = self.lw.runtime_region(RuntimeRegion::ClosureCode);
        self.store_slot(closure, code, CLOSURE_CODE, region);
        let region = self.lw.runtime_region(RuntimeRegion::Captured);
        for (&v, &offset) in captures.iter().zip(&layout.offsets) {
            self.store_slot(closure, v, i64::from(offset), region);
        }
        closure
    }

    /// Reads the captures of this function out of its closure.
    pub(crate) fn load_captures(&mut self, tree: &'a tree::Function, env: Value) {
        let slots: Vec<SlotClass> = tree.captures.iter().map(|c| self.capture_slot(c.inner)).collect();
        let layout = Layout::new(CLOSURE_HEADER, &slots);
        for (c, &offset) in tree.captures.iter().zip(&layout.offsets) {
            let repr = match self.home(VarRef::Local(c.inner)) {
                Home::Cell(_) => Repr::Ref,
                _ => {
                    let ty = self.var_ty(VarRef::Local(c.inner));
                    self.lw.types.repr(ty)
                }
            };
            let region = self.lw.runtime_region(RuntimeRegion::Captured);
            let v = self.load_slot(repr, env, i64::from(offset), region);
            self.set_capture(c.inner, v);
        }
    }

    /// A top-level function as a value.
    pub(crate) fn func_ref(&mut self, func: FuncId, type_args: &[Ty]) -> Value {
        let wanted = self.callee_args(func, type_args);
        let (code, args) = self.lw.instance(func, wanted.clone());
        let code =
            if self.lw.facts.has_env[func.0 as usize] { code } else { self.lw.thunk(Thunk::Plain(code)) };
        let (have, want) = (self.function_type(func, &args), self.function_type(func, &wanted));
        let plain = self.lw.types.plain_arity(have);
        let closure = self.lw.static_closure(code, plain);
        let closure = self.b.symaddr(closure, 0, Type::Ref);
        self.convert(closure, have, want)
    }

    /// The resolved type of a function under type arguments.
    fn function_type(&mut self, func: FuncId, args: &[Ty]) -> Ty {
        let f = &self.lw.program.functions[func.0 as usize];
        let types = &mut self.lw.types;
        let params = f.params.iter().map(|p| types.resolve(f.locals[p.0 as usize].ty, args)).collect();
        let result = types.resolve(f.result, args);
        types.types.intern(TyKind::Fun(params, result))
    }

    /// A function of the parameters that are not given yet.
    pub(crate) fn partial(&mut self, callee: &'a Expr, args: &'a [Expr]) -> Value {
        let closure = self.expr(callee);
        let ty = self.ty(callee.ty);
        let (params, result) = self.lw.types.signature(ty);
        let mut values = vec![closure];
        for (arg, ty) in args.iter().zip(&params) {
            let v = self.keep_as(arg, *ty);
            // The closure holds it, and every call hands it to a parameter.
            if self.lw.types.is_list(*ty) {
                self.share(v);
            }
            values.push(v);
        }
        let reprs: Vec<Repr> = params.iter().map(|p| self.lw.types.repr(*p)).collect();
        let layout = partial_layout(&reprs, args.len());
        let result = self.lw.types.repr(result);
        let rest = reprs[args.len()..].iter().chain([&result]);
        let plain = rest.clone().all(|r| *r == Repr::Any).then(|| rest.count() - 1);
        let code = self.lw.thunk(Thunk::Partial(reprs, args.len(), result));
        self.make_closure(code, plain, &layout, &values)
    }
}

/// A partial application holds the callee, then the bound arguments.
fn partial_layout(params: &[Repr], bound: usize) -> Layout {
    let mut slots = vec![SlotClass::Ref];
    slots.extend(params[..bound].iter().map(|p| p.slot()));
    Layout::new(CLOSURE_HEADER, &slots)
}

/// Parameter and result types of a thunk.
pub(crate) fn thunk_signature(lw: &Lowerer<'_>, thunk: &Thunk) -> Signature {
    let mut params = vec![Type::Ref];
    let any = Repr::Any.ir();
    let result = match thunk {
        Thunk::Plain(callee) => {
            let signature = lw.module.signature(*callee);
            params.extend_from_slice(&signature.params);
            signature.result.or(Some(Type::Ref))
        }
        Thunk::Partial(all, bound, result) => {
            params.extend(all[*bound..].iter().map(|r| r.ir()));
            Some(result.ir())
        }
        Thunk::Adapter(_, to) => {
            let (all, result) = lw.types.signature(*to);
            params.extend(all.iter().map(|t| lw.types.repr(*t).ir()));
            Some(lw.types.repr(result).ir())
        }
        Thunk::Spread(_) => {
            params.push(Type::Addr);
            Some(any)
        }
        Thunk::Gather(n) => {
            params.extend(vec![any; *n]);
            Some(any)
        }
    };
    Signature { params, result, ..Signature::default() }
}

/// The body of a thunk. Thunks have no source file: traces skip them.
pub(crate) fn lower_thunk(lw: &mut Lowerer<'_>, thunk: &Thunk, sym: Sym) -> Function {
    let mut fx = Fx::bare(lw, sym, "thunk");
    let params = fx.b.params();
    let (env, own) = (params[0], &params[1..]);
    match thunk {
        Thunk::Plain(callee) => {
            let result = fx.lw.module.signature(*callee).result;
            let v = fx.b.call(*callee, own, result);
            let v = v.unwrap_or_else(|| fx.unit());
            fx.b.ret(Some(v));
        }
        Thunk::Partial(all, bound, result) => {
            let layout = partial_layout(all, *bound);
            let region = fx.lw.runtime_region(RuntimeRegion::Captured);
            let closure = fx.load_slot(Repr::Ref, env, i64::from(layout.offsets[0]), region);
            let code = fx.load_part(closure, CLOSURE_CODE, RuntimeRegion::ClosureCode);
            let mut values = vec![code, closure];
            for (k, repr) in all[..*bound].iter().enumerate() {
                values.push(fx.load_slot(*repr, env, i64::from(layout.offsets[k + 1]), region));
            }
            values.extend_from_slice(own);
            let v = fx.b.call_ind(&values, Some(result.ir()));
            fx.b.ret(v);
        }
        Thunk::Adapter(from, to) => {
            let (inner, inner_result) = fx.lw.types.signature(*from);
            let (outer, outer_result) = fx.lw.types.signature(*to);
            let region = fx.lw.runtime_region(RuntimeRegion::Captured);
            let closure = fx.load_slot(Repr::Ref, env, i64::from(CLOSURE_HEADER) * 8, region);
            let mut values = Vec::with_capacity(inner.len());
            for (k, &param) in inner.iter().enumerate() {
                values.push(fx.convert(own[k], outer[k], param));
            }
            let v = fx.invoke(closure, &values, inner_result);
            let v = fx.convert(v, inner_result, outer_result);
            fx.b.ret(Some(v));
        }
        Thunk::Spread(n) => {
            let values: Vec<Value> =
                (0..*n).map(|k| fx.load_slot(Repr::Any, own[0], 8 * k as i64, Region::ANY)).collect();
            let v = fx.invoke(env, &values, Ty::ANY);
            fx.b.ret(Some(v));
        }
        Thunk::Gather(n) => {
            let list = fx.lw.types.types.list(Ty::ANY);
            let args = fx.new_list(list, *n as i64);
            for &v in own {
                fx.push(Ty::ANY, args, v);
            }
            let v = fx.rt(Rt::fun_apply, &[env, args]);
            fx.b.ret(Some(v));
        }
    }
    fx.b.finish()
}
