//! Expressions of the system dialect to IR. Constants stay constants as long as they can and take
//! the type of their context; `ref` goes where `ptr` is wanted; everything else needs `as`.

use super::fold::{fold_binary, fold_cast, fold_unary};
use super::lower::{Local, Lowerer};
use super::module::{Const, FunInfo, Global, adapt};
use super::syntax::*;
use super::{Fault, fault};
use mochi_ir as ir;
use mochi_ir::{Cond, FCond, Op};

/// Result of an expression.
#[derive(Clone, Copy)]
pub(super) enum Operand {
    Const(Const),
    Value(ir::Value, Ty),
    /// Of a call without result.
    Nothing,
}

impl Operand {
    /// The type it has or takes without context.
    pub fn ty(self) -> Option<Ty> {
        match self {
            Operand::Const(Const::Int(_)) => Some(Ty::I64),
            Operand::Const(Const::Typed(_, ty)) | Operand::Value(_, ty) => Some(ty),
            Operand::Const(Const::Float(_)) => Some(Ty::F64),
            Operand::Const(Const::Bool(_)) => Some(Ty::Bool),
            Operand::Nothing => None,
        }
    }

    fn is_untyped(self) -> bool {
        matches!(self, Operand::Const(Const::Int(_)))
    }
}

fn comparison(op: BinOp, signed: bool) -> Cond {
    match (op, signed) {
        (BinOp::Eq, _) => Cond::Eq,
        (BinOp::Ne, _) => Cond::Ne,
        (BinOp::Lt, true) => Cond::Slt,
        (BinOp::Le, true) => Cond::Sle,
        (BinOp::Gt, true) => Cond::Sgt,
        (BinOp::Ge, true) => Cond::Sge,
        (BinOp::Lt, false) => Cond::Ult,
        (BinOp::Le, false) => Cond::Ule,
        (BinOp::Gt, false) => Cond::Ugt,
        (BinOp::Ge, false) => Cond::Uge,
        _ => unreachable!("not a comparison"),
    }
}

fn float_comparison(op: BinOp) -> FCond {
    match op {
        BinOp::Eq => FCond::Eq,
        BinOp::Ne => FCond::Ne,
        BinOp::Lt => FCond::Lt,
        BinOp::Le => FCond::Le,
        BinOp::Gt => FCond::Gt,
        BinOp::Ge => FCond::Ge,
        _ => unreachable!("not a comparison"),
    }
}

/// The type of `a op b` for values of these types; `None` when there is no such operation.
fn binary_type(op: BinOp, a: Ty, b: Ty) -> Option<Ty> {
    use BinOp::*;
    let wide = |t: Ty| matches!(t, Ty::I64 | Ty::U64);
    if op.is_comparison() {
        let ordered = !matches!(op, Eq | Ne);
        let fits = match (a, b) {
            (Ty::Bool, Ty::Bool) | (Ty::Ref, Ty::Ref) => !ordered,
            _ => a == b || (a.is_address() && b.is_address()),
        };
        return fits.then_some(Ty::Bool);
    }
    match op {
        Shl | Shr => (a.is_int() && b.is_int()).then_some(a),
        AndAlso | OrElse => None,
        _ if a.is_int() => match (a == b, b.is_address() && wide(a) && op == Add) {
            (true, _) => Some(a),
            (_, true) => Some(Ty::Ptr),
            _ => None,
        },
        Add | Sub | Mul | Div if a == Ty::F64 && b == Ty::F64 => Some(Ty::F64),
        Sub if a.is_address() && b.is_address() => Some(Ty::I64),
        Add | Sub | And | Or | Xor if a.is_address() && wide(b) => Some(Ty::Ptr),
        And | Or | Xor if a == Ty::Bool && b == Ty::Bool => Some(Ty::Bool),
        _ => None,
    }
}

impl Lowerer<'_, '_> {
    /// Lowers an expression to a value; untyped integers become `i64`.
    pub fn value(&mut self, e: &Expr) -> Result<(ir::Value, Ty), Fault> {
        let operand = self.expr(e)?;
        match operand.ty() {
            Some(ty) => Ok((self.coerce(operand, ty, e.pos)?, ty)),
            None => fault(e.pos, "this call has no result"),
        }
    }

    /// Lowers an expression to a value of a type.
    pub fn value_as(&mut self, e: &Expr, ty: Ty) -> Result<ir::Value, Fault> {
        let operand = self.expr(e)?;
        self.coerce(operand, ty, e.pos)
    }

    /// An operand as a value of a type, without conversion other than `ref` to `ptr`.
    pub fn coerce(&mut self, operand: Operand, ty: Ty, pos: Pos) -> Result<ir::Value, Fault> {
        match operand {
            Operand::Const(c) => Ok(match adapt(c, ty, pos)? {
                Const::Int(n) | Const::Typed(n, _) => self.b.constant(n as i64, ty.ir()),
                Const::Float(x) => self.b.fconst(x),
                Const::Bool(b) => self.b.iconst(b as i64),
            }),
            Operand::Value(v, t) if t == ty => Ok(v),
            Operand::Value(v, Ty::Ref) if ty == Ty::Ptr => Ok(v),
            Operand::Value(_, t) => fault(pos, format!("expected {ty}, found {t}")),
            Operand::Nothing => fault(pos, format!("expected {ty}, found a call without result")),
        }
    }

    /// Lowers an expression.
    pub fn expr(&mut self, e: &Expr) -> Result<Operand, Fault> {
        match &e.kind {
            ExprKind::Int(n) => Ok(Operand::Const(Const::Int(*n))),
            ExprKind::Float(x) => Ok(Operand::Const(Const::Float(*x))),
            ExprKind::Bool(b) => Ok(Operand::Const(Const::Bool(*b))),
            ExprKind::Str(s) => {
                let sym = self.m.string(s);
                Ok(Operand::Value(self.b.symaddr(sym, 0, ir::Type::Ref), Ty::Ref))
            }
            ExprKind::Name(name) => self.name(name, e.pos),
            ExprKind::Field(..) => Ok(Operand::Const(self.m.evaluate(e, 0)?)),
            ExprKind::Call(name, args) => self.call(name, args, e.pos),
            ExprKind::Unary(op, a) => self.unary(*op, a, e.pos),
            ExprKind::Binary(BinOp::AndAlso | BinOp::OrElse, ..) => self.short_circuit(e),
            ExprKind::Binary(op, a, b) => {
                let (a, b) = (self.expr(a)?, self.expr(b)?);
                self.binary(*op, a, b, e.pos)
            }
            ExprKind::Cast(a, ty) => {
                let operand = self.expr(a)?;
                self.cast(operand, *ty, e.pos)
            }
            ExprKind::If(cond, then, other) => self.if_expr(cond, then, other, e.pos),
        }
    }

    /// The value of a local, a global or a constant.
    pub fn name(&mut self, name: &str, pos: Pos) -> Result<Operand, Fault> {
        match self.local(name) {
            Some(Local::Var(var, ty)) => return Ok(Operand::Value(self.b.use_var(var), ty)),
            Some(Local::Value(v, ty)) => return Ok(Operand::Value(v, ty)),
            None => {}
        }
        match self.m.globals.get(name) {
            Some(Global::Const(c)) => Ok(Operand::Const(*c)),
            Some(Global::Var(sym, ty)) => {
                let (sym, ty) = (*sym, *ty);
                let at = self.b.symaddr(sym, 0, ir::Type::Addr);
                let op = if ty == Ty::F64 { Op::LoadF64 } else { Op::Load64 };
                let loaded = self.b.load(op, at, 0, ty.ir());
                self.b.set_region(self.m.variables);
                Ok(Operand::Value(loaded, ty))
            }
            Some(Global::Fun(_) | Global::Data(..)) => {
                fault(pos, format!("`{name}` is not a value; its address is `addr({name})`"))
            }
            None => fault(pos, format!("unknown name `{name}`")),
        }
    }

    fn unary(&mut self, op: UnOp, a: &Expr, pos: Pos) -> Result<Operand, Fault> {
        let operand = self.expr(a)?;
        let (v, ty) = match operand {
            Operand::Const(c) => return fold_unary(op, c, pos).map(Operand::Const),
            Operand::Value(v, ty) => (v, ty),
            Operand::Nothing => return fault(a.pos, "this call has no result"),
        };
        let result = match (op, ty) {
            (UnOp::Neg, Ty::F64) => self.b.op(Op::Fneg, &[v], ir::Type::F64),
            (UnOp::Neg, _) if ty.is_int() => {
                let n = self.b.op(Op::Neg, &[v], ir::Type::I64);
                self.narrow(n, ty)
            }
            (UnOp::Complement, _) if ty.is_int() => {
                let n = self.b.op(Op::Not, &[v], ir::Type::I64);
                self.narrow(n, ty)
            }
            (UnOp::Not, Ty::Bool) => {
                let zero = self.b.iconst(0);
                self.b.icmp(Cond::Eq, v, zero)
            }
            _ => return fault(pos, format!("this operator does not apply to {ty}")),
        };
        Ok(Operand::Value(result, ty))
    }

    fn narrow(&mut self, v: ir::Value, ty: Ty) -> ir::Value {
        match ty.narrowing() {
            Some(op) => self.b.op(op, &[v], ir::Type::I64),
            None => v,
        }
    }

    /// A binary operator other than `&&` and `||` on operands already evaluated.
    pub fn binary(&mut self, op: BinOp, a: Operand, b: Operand, pos: Pos) -> Result<Operand, Fault> {
        if let (Operand::Const(a), Operand::Const(b)) = (a, b) {
            return fold_binary(op, a, b, pos).map(Operand::Const);
        }
        let (Some(ta), Some(tb)) = (a.ty(), b.ty()) else {
            return fault(pos, "this call has no result");
        };
        // Untyped integers take the type of the other side; as offsets and shift counts they are i64.
        let shift = matches!(op, BinOp::Shl | BinOp::Shr);
        let offset = |t: Ty| shift || (t.is_address() && !op.is_comparison());
        let ta = if a.is_untyped() && !offset(tb) { tb } else { ta };
        let tb = if b.is_untyped() && !offset(ta) { ta } else { tb };
        let Some(ty) = binary_type(op, ta, tb) else {
            return fault(pos, format!("`{}` does not apply to {ta} and {tb}", op.text()));
        };
        let (x, y) = (self.coerce(a, ta, pos)?, self.coerce(b, tb, pos)?);
        let result = if op.is_comparison() {
            match ta {
                Ty::F64 => self.b.fcmp(float_comparison(op), x, y),
                _ => self.b.icmp(comparison(op, ta.is_signed()), x, y),
            }
        } else if ty == Ty::F64 {
            let float_op = match op {
                BinOp::Add => Op::Fadd,
                BinOp::Sub => Op::Fsub,
                BinOp::Mul => Op::Fmul,
                _ => Op::Fdiv,
            };
            self.b.op(float_op, &[x, y], ir::Type::F64)
        } else {
            let signed = ta.is_signed();
            let word_op = match op {
                BinOp::Add => Op::Add,
                BinOp::Sub => Op::Sub,
                BinOp::Mul => Op::Mul,
                BinOp::Div if signed => Op::Sdiv,
                BinOp::Div => Op::Udiv,
                BinOp::Rem if signed => Op::Srem,
                BinOp::Rem => Op::Urem,
                BinOp::And => Op::And,
                BinOp::Or => Op::Or,
                BinOp::Xor => Op::Xor,
                BinOp::Shl => Op::Shl,
                BinOp::Shr if signed => Op::Sshr,
                _ => Op::Ushr,
            };
            let n = self.b.op(word_op, &[x, y], ty.ir());
            self.narrow(n, ty)
        };
        Ok(Operand::Value(result, ty))
    }

    /// `as`.
    fn cast(&mut self, operand: Operand, to: Ty, pos: Pos) -> Result<Operand, Fault> {
        let (v, from) = match operand {
            Operand::Const(c) => return fold_cast(c, to, pos).map(Operand::Const),
            Operand::Value(v, ty) => (v, ty),
            Operand::Nothing => return fault(pos, "this call has no result"),
        };
        if from == to {
            return Ok(operand);
        }
        let result = match (from, to) {
            (Ty::F64, Ty::Bool | Ty::Ptr | Ty::Ref | Ty::U64) => {
                return fault(pos, format!("f64 cannot become {to}; use i64 or f64_bits"));
            }
            (Ty::Bool | Ty::Ptr | Ty::Ref, Ty::F64) => {
                return fault(pos, format!("{from} cannot become f64"));
            }
            (Ty::F64, _) => {
                let n = self.b.op(Op::FcvtToS, &[v], ir::Type::I64);
                self.narrow(n, to)
            }
            (Ty::U64, Ty::F64) => self.unsigned_to_float(v),
            (_, Ty::F64) => self.b.op(Op::FcvtFromS, &[v], ir::Type::F64),
            (_, Ty::Bool) => {
                let zero = self.b.iconst(0);
                self.b.icmp(Cond::Ne, v, zero)
            }
            _ => {
                let inside = to.size() == 8
                    || from == Ty::Bool
                    || (from.is_signed() == to.is_signed() && from.size() <= to.size())
                    || (!from.is_signed() && from.size() < to.size());
                let n = if inside { v } else { self.narrow(v, to) };
                if self.b.func.ty(n) == to.ir() { n } else { self.b.op(Op::Copy, &[n], to.ir()) }
            }
        };
        Ok(Operand::Value(result, to))
    }

    /// Numbers from 2^63 on are halved with the lost bit kept for rounding, converted and doubled.
    fn unsigned_to_float(&mut self, v: ir::Value) -> ir::Value {
        let (zero, one) = (self.b.iconst(0), self.b.iconst(1));
        let small = self.b.icmp(Cond::Sge, v, zero);
        let half = self.b.bin(Op::Ushr, v, one);
        let low = self.b.bin(Op::And, v, one);
        let half = self.b.bin(Op::Or, half, low);
        let half = self.b.op(Op::FcvtFromS, &[half], ir::Type::F64);
        let large = self.b.op(Op::Fadd, &[half, half], ir::Type::F64);
        let direct = self.b.op(Op::FcvtFromS, &[v], ir::Type::F64);
        self.b.op(Op::Fselect, &[small, direct, large], ir::Type::F64)
    }

    /// Branches on a condition.
    pub fn condition(&mut self, e: &Expr, then: ir::Block, other: ir::Block) -> Result<(), Fault> {
        match &e.kind {
            ExprKind::Unary(UnOp::Not, a) => return self.condition(a, other, then),
            ExprKind::Binary(op @ (BinOp::AndAlso | BinOp::OrElse), a, b) => {
                let second = self.b.new_block();
                if *op == BinOp::AndAlso {
                    self.condition(a, second, other)?;
                } else {
                    self.condition(a, then, second)?;
                }
                self.enter(second);
                return self.condition(b, then, other);
            }
            _ => {}
        }
        match self.expr(e)? {
            Operand::Const(Const::Bool(c)) => self.jump(if c { then } else { other }),
            operand => {
                let v = self.coerce(operand, Ty::Bool, e.pos)?;
                self.branch(v, then, other);
            }
        }
        Ok(())
    }

    /// `&&` and `||` as values.
    fn short_circuit(&mut self, e: &Expr) -> Result<Operand, Fault> {
        if let Ok(c) = self.m.evaluate(e, 0) {
            return Ok(Operand::Const(c));
        }
        let (yes, no, end) = (self.b.new_block(), self.b.new_block(), self.b.new_block());
        let var = self.b.declare_var(ir::Type::I64);
        self.condition(e, yes, no)?;
        for (block, n) in [(yes, 1), (no, 0)] {
            self.enter(block);
            let v = self.b.iconst(n);
            self.b.def_var(var, v);
            self.jump(end);
        }
        self.enter(end);
        Ok(Operand::Value(self.b.use_var(var), Ty::Bool))
    }

    fn if_expr(&mut self, cond: &Expr, then: &Expr, other: &Expr, pos: Pos) -> Result<Operand, Fault> {
        let (yes, no, end) = (self.b.new_block(), self.b.new_block(), self.b.new_block());
        self.condition(cond, yes, no)?;
        self.enter(yes);
        let a = self.expr(then)?;
        let (yes_end, yes_live) = (self.b.current().expect("in a block"), self.live);
        // The type of the second arm is needed when the first one is an untyped integer.
        self.enter(no);
        let b = self.expr(other)?;
        let (Some(ta), Some(tb)) = (a.ty(), b.ty()) else {
            return fault(pos, "both arms need a value");
        };
        let ty = match (a.is_untyped(), ta == Ty::Ref && tb == Ty::Ptr) {
            (true, _) | (_, true) => tb,
            _ => ta,
        };
        let var = self.b.declare_var(ty.ir());
        let v = self.coerce(b, ty, other.pos)?;
        self.b.def_var(var, v);
        self.jump(end);
        self.reenter(yes_end, yes_live);
        let v = self.coerce(a, ty, then.pos)?;
        self.b.def_var(var, v);
        self.jump(end);
        self.enter(end);
        Ok(Operand::Value(self.b.use_var(var), ty))
    }

    fn call(&mut self, name: &str, args: &[Expr], pos: Pos) -> Result<Operand, Fault> {
        if let Some(result) = self.intrinsic(name, args, pos)? {
            return Ok(result);
        }
        let info: FunInfo = match self.m.globals.get(name) {
            Some(Global::Fun(info)) => info.clone(),
            Some(_) => return fault(pos, format!("`{name}` is not a function")),
            None => return fault(pos, format!("unknown function `{name}`")),
        };
        if info.params.len() != args.len() {
            let n = info.params.len();
            return fault(pos, format!("`{name}` takes {n} argument(s), found {}", args.len()));
        }
        let mut values = Vec::new();
        for (e, ty) in args.iter().zip(&info.params) {
            values.push(self.value_as(e, *ty)?);
        }
        let v = self.b.call(info.sym, &values, info.result.map(Ty::ir));
        if info.noreturn {
            self.b.unreachable();
            self.enter_dead();
        }
        Ok(match (v, info.result) {
            (Some(v), Some(ty)) => Operand::Value(v, ty),
            _ => Operand::Nothing,
        })
    }
}
