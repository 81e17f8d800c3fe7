//! Calls of builtins. The table (`crate::builtins`) says how each is lowered: as the call of a runtime function,
//! or by a method here, which chooses by the static types of the arguments.
//!
//! | file | builtins |
//! |---|---|
//! | `world` | arguments, input, output, the end of the program |
//! | `collections` | what there is in strings, lists, maps and groups, and lists made of them |
//! | `folds` | sums, means, extremes, also of queries |
//! | `functions` | those that call a function |
//! | `strings` | strings, and values as strings |
//! | `numbers` | conversions, arithmetic |

mod collections;
mod folds;
mod functions;
mod numbers;
mod strings;
mod world;

use super::func::Fx;
use super::runtime::Rt;
use crate::builtins::Use;
use crate::tree::{Builtin, Expr, ExprKind};
use crate::types::Ty;
use mochi_ir::Value;

/// How calls of a builtin are lowered.
pub(crate) enum Lowering {
    /// A runtime function takes the arguments, which have the types of the signature.
    Calls(Rt),
    /// A method.
    By(for<'f, 'l, 'a> fn(&'f mut Fx<'l, 'a>, Call<'a>) -> Typed),
}

impl std::fmt::Debug for Lowering {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Lowering::Calls(function) => write!(f, "calls {function:?}"),
            Lowering::By(_) => f.write_str("by a method"),
        }
    }
}

/// A value of a resolved type.
#[derive(Clone, Copy)]
pub(crate) struct Typed {
    v: Value,
    ty: Ty,
}

/// A call of a builtin.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    e: &'a Expr,
    builtin: Builtin,
    args: &'a [Expr],
    /// Resolved type of the call.
    want: Ty,
}

impl<'a> Fx<'_, 'a> {
    /// A call of a builtin.
    pub(crate) fn builtin(&mut self, e: &'a Expr, builtin: Builtin, args: &'a [Expr]) -> Value {
        let call = Call { e, builtin, args, want: self.ty(e.ty) };
        match builtin.definition().lowering {
            Lowering::Calls(function) => {
                let args: Vec<Value> = (0..args.len()).map(|k| self.arg(call, k).v).collect();
                let repr = self.lw.types.repr(call.want);
                self.rt_as(repr, function, &args)
            }
            Lowering::By(method) => {
                let Typed { v, ty } = method(self, call);
                self.convert(v, ty, call.want)
            }
        }
    }

    /// All arguments.
    fn args<const N: usize>(&mut self, call: Call<'a>) -> [Typed; N] {
        assert_eq!(call.args.len(), N, "arguments of {}", call.builtin.name());
        std::array::from_fn(|k| self.arg(call, k))
    }

    /// An argument, evaluated for what the builtin does with it.
    fn arg(&mut self, call: Call<'a>, k: usize) -> Typed {
        let Call { e, builtin, args, .. } = call;
        let ty = self.ty(args[k].ty);
        let sharing = builtin.sharing();
        let v = match sharing.arg(k) {
            Use::Keep => self.keep(&args[k]),
            Use::Read | Use::Call if sharing.calls() => self.read_before(&args[k], [e]),
            Use::Read | Use::Call => self.read_kind(&args[k], &args[k + 1..], expects(builtin, k)),
        };
        Typed { v, ty }
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

    fn as_ty(&mut self, a: Typed, want: Ty) -> Value {
        self.convert(a.v, a.ty, want)
    }

    fn any(&mut self, a: Typed) -> Value {
        self.boxed(a.v, a.ty)
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
