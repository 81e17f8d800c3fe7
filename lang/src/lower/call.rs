//! Calls: direct, through function values, and of builtins that take functions.

use super::func::Fx;
use super::layout::{CLOSURE_CODE, RuntimeRegion};
use crate::tree::{Expr, ExprKind, FuncId, VarRef};
use crate::types::Ty;
use mochi_ir::Value;
use std::rc::Rc;

impl<'a> Fx<'_, 'a> {
    /// Resolved type arguments for a callee.
    pub(crate) fn callee_args(&mut self, func: FuncId, type_args: &[Ty]) -> Rc<[Ty]> {
        let generics = self.lw.program.functions[func.0 as usize].generics;
        if generics == 0 && self.lw.facts.has_env[func.0 as usize] {
            // A nested function: it lives under the type arguments of its surroundings.
            return self.type_args();
        }
        type_args.iter().map(|t| self.ty(*t)).collect()
    }

    /// A direct call.
    pub(crate) fn call(&mut self, e: &'a Expr, func: FuncId, type_args: &[Ty], args: &'a [Expr]) -> Value {
        let instance_args = self.callee_args(func, type_args);
        let env = if self.lw.facts.has_env[func.0 as usize] {
            let own = self.instance.as_ref().is_some_and(|i| i.func == func);
            let env = if own { self.env } else { None };
            Some(match env {
                Some(env) => env,
                None => self.b.rconst(0),
            })
        } else {
            None
        };
        self.call_instance(e, func, instance_args, env, args)
    }

    fn call_instance(
        &mut self,
        e: &'a Expr,
        func: FuncId,
        instance_args: Rc<[Ty]>,
        env: Option<Value>,
        args: &'a [Expr],
    ) -> Value {
        let callee = &self.lw.program.functions[func.0 as usize];
        let (sym, instance_args) = self.lw.instance(func, instance_args);
        let mut values: Vec<Value> = env.into_iter().collect();
        for k in 0..args.len() {
            let want = self.lw.types.resolve(callee.locals[callee.params[k].0 as usize].ty, &instance_args);
            values.push(self.argument(func, args, k, want));
        }
        let result = self.lw.types.resolve(callee.result, &instance_args);
        let ir = self.lw.result_type(func, result);
        let v = self.b.call(sym, &values, ir);
        self.result(e, v, result)
    }

    /// An argument of a known function.
    fn argument(&mut self, func: FuncId, args: &'a [Expr], k: usize, want: Ty) -> Value {
        let arg = &args[k];
        if self.lends(func, k, arg) {
            let v = self.read_before(arg, &args[k + 1..]);
            let have = self.ty(arg.ty);
            self.convert(v, have, want)
        } else {
            self.keep_as(arg, want)
        }
    }

    fn result(&mut self, e: &'a Expr, v: Option<Value>, ty: Ty) -> Value {
        let v = match v {
            Some(v) => v,
            None => self.unit(),
        };
        let want = self.ty(e.ty);
        self.convert(v, ty, want)
    }

    /// A call through a function value.
    pub(crate) fn call_value(&mut self, e: &'a Expr, callee: &'a Expr, args: &'a [Expr]) -> Value {
        if let ExprKind::Var(VarRef::Local(l)) = callee.kind {
            let own = self.fun.is_some_and(|f| f.self_ref == Some(l)).then(|| {
                let instance = self.instance.as_ref().expect("instance");
                instance.func
            });
            let known = own.or(self.facts(l).known);
            let arity = known.map(|f| self.lw.program.functions[f.0 as usize].params.len());
            if let Some(func) = known.filter(|_| arity == Some(args.len())) {
                let env = self.expr(callee);
                let type_args = self.type_args();
                return self.call_instance(e, func, type_args, Some(env), args);
            }
        }
        let closure = self.expr(callee);
        let ty = self.ty(callee.ty);
        let (params, result) = self.lw.types.signature(ty);
        let values: Vec<Value> = args.iter().zip(&params).map(|(a, p)| self.keep_as(a, *p)).collect();
        let v = self.invoke(closure, &values, result);
        let want = self.ty(e.ty);
        self.convert(v, result, want)
    }

    /// Calls a closure with values of its parameter types.
    pub(crate) fn invoke(&mut self, closure: Value, args: &[Value], result: Ty) -> Value {
        let code = self.load_part(closure, CLOSURE_CODE, RuntimeRegion::ClosureCode);
        let mut all = vec![code, closure];
        all.extend_from_slice(args);
        let ir = self.lw.types.repr(result).ir();
        self.b.call_ind(&all, Some(ir)).expect("closures have a result")
    }

    /// Calls a closure of a (resolved) function type with values of the given types.
    pub(crate) fn invoke_as(&mut self, closure: Value, ty: Ty, args: &[(Value, Ty)], want: Ty) -> Value {
        let (params, result) = self.lw.types.signature(ty);
        let mut values = Vec::with_capacity(args.len());
        for (&(v, have), &param) in args.iter().zip(&params) {
            if self.lw.types.is_list(have) {
                self.share(v);
            }
            values.push(self.convert(v, have, param));
        }
        let v = self.invoke(closure, &values, result);
        self.convert(v, result, want)
    }
}
