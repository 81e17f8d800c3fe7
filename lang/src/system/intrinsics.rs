//! Intrinsics of the system dialect: calls that stand for IR ops. One table of names.

use super::expr::Operand;
use super::lower::Lowerer;
use super::module::Const;
use super::syntax::*;
use super::{Fault, fault};
use mochi_ir as ir;
use mochi_ir::Op;

/// How an intrinsic is lowered.
#[derive(Clone, Copy)]
enum Rule {
    /// `(address, [offset])`, result type.
    Load(Op, Ty),
    /// `(address, word, [offset])`.
    Store(Op),
    /// `(address, f64, [offset])`.
    StoreFloat,
    /// `(word): i64`.
    Count(Op),
    /// `(a, b)`, 64-bit integers of one type, which is the result's.
    Word(Op),
    /// `(a, b, bit)`, 64-bit integers of one type, which is the result's.
    Carry(Op),
    /// `(f64): f64`.
    Float(Op),
    /// `(f64): i64`.
    FloatBits,
    /// `(i64 or u64): f64`.
    BitsFloat,
    /// `(address, address or byte, size)`.
    Memory(Op),
    /// `(number, ...): i64`.
    Syscall,
    /// `(): ptr`.
    Register(Op),
    /// `(stack, function, argument)`, does not return.
    SwitchStack,
    /// Does not return.
    Unreachable,
    /// `(function, ...)`.
    Call(Option<Ty>),
    /// `(name): ptr`.
    Addr,
    /// `(name)`, a constant.
    Sizeof,
    /// `(bool, a, b)`, without a branch.
    Select,
}

const TABLE: &[(&str, Rule)] = &[
    ("load8", Rule::Load(Op::Load8u, Ty::I64)),
    ("load16", Rule::Load(Op::Load16u, Ty::I64)),
    ("load32", Rule::Load(Op::Load32u, Ty::I64)),
    ("loads8", Rule::Load(Op::Load8s, Ty::I64)),
    ("loads16", Rule::Load(Op::Load16s, Ty::I64)),
    ("loads32", Rule::Load(Op::Load32s, Ty::I64)),
    ("load64", Rule::Load(Op::Load64, Ty::I64)),
    ("loadref", Rule::Load(Op::Load64, Ty::Ref)),
    ("loadptr", Rule::Load(Op::Load64, Ty::Ptr)),
    ("loadf64", Rule::Load(Op::LoadF64, Ty::F64)),
    ("store8", Rule::Store(Op::Store8)),
    ("store16", Rule::Store(Op::Store16)),
    ("store32", Rule::Store(Op::Store32)),
    ("store64", Rule::Store(Op::Store64)),
    ("storef64", Rule::StoreFloat),
    ("clz", Rule::Count(Op::Clz)),
    ("ctz", Rule::Count(Op::Ctz)),
    ("popcnt", Rule::Count(Op::Popcnt)),
    ("umulh", Rule::Word(Op::Umulh)),
    ("smulh", Rule::Word(Op::Smulh)),
    ("rotr", Rule::Word(Op::Rotr)),
    ("addc", Rule::Carry(Op::Addc)),
    ("carry", Rule::Carry(Op::Carry)),
    ("sqrt", Rule::Float(Op::Fsqrt)),
    ("fabs", Rule::Float(Op::Fabs)),
    ("f64_bits", Rule::FloatBits),
    ("f64_from_bits", Rule::BitsFloat),
    ("memcopy", Rule::Memory(Op::MemCopy)),
    ("memmove", Rule::Memory(Op::MemMove)),
    ("memfill", Rule::Memory(Op::MemFill)),
    ("syscall", Rule::Syscall),
    ("getsp", Rule::Register(Op::GetSp)),
    ("getfp", Rule::Register(Op::GetFp)),
    ("switch_stack", Rule::SwitchStack),
    ("unreachable", Rule::Unreachable),
    ("call_i64", Rule::Call(Some(Ty::I64))),
    ("call_ref", Rule::Call(Some(Ty::Ref))),
    ("call_f64", Rule::Call(Some(Ty::F64))),
    ("call_void", Rule::Call(None)),
    ("addr", Rule::Addr),
    ("sizeof", Rule::Sizeof),
    ("select", Rule::Select),
];

fn find(name: &str) -> Option<Rule> {
    TABLE.iter().find(|row| row.0 == name).map(|row| row.1)
}

/// Whether a name is one of the dialect's own.
pub(super) fn is_intrinsic(name: &str) -> bool {
    find(name).is_some()
}

/// The number of arguments: least and most.
fn arity(rule: Rule) -> (usize, usize) {
    match rule {
        Rule::Load(..) => (1, 2),
        Rule::Store(_) | Rule::StoreFloat => (2, 3),
        Rule::Count(_) | Rule::Float(_) | Rule::FloatBits | Rule::BitsFloat => (1, 1),
        Rule::Addr | Rule::Sizeof => (1, 1),
        Rule::Word(_) => (2, 2),
        Rule::Carry(_) | Rule::Memory(_) | Rule::SwitchStack | Rule::Select => (3, 3),
        Rule::Syscall => (1, 7),
        Rule::Register(_) | Rule::Unreachable => (0, 0),
        Rule::Call(_) => (1, 16),
    }
}

impl Lowerer<'_, '_> {
    /// Lowers a call if it is that of an intrinsic.
    pub fn intrinsic(&mut self, name: &str, args: &[Expr], pos: Pos) -> Result<Option<Operand>, Fault> {
        let Some(rule) = find(name) else {
            return Ok(None);
        };
        let (least, most) = arity(rule);
        if !(least..=most).contains(&args.len()) {
            let wanted = if least == most { least.to_string() } else { format!("{least} to {most}") };
            return fault(pos, format!("`{name}` takes {wanted} argument(s), found {}", args.len()));
        }
        self.lower_rule(rule, args, pos).map(Some)
    }

    fn lower_rule(&mut self, rule: Rule, args: &[Expr], pos: Pos) -> Result<Operand, Fault> {
        let value = |v, ty| Ok(Operand::Value(v, ty));
        match rule {
            Rule::Load(op, ty) => {
                let at = self.address(&args[0])?;
                let (offset, region) = self.offset(args.get(1))?;
                let loaded = self.b.load(op, at, offset, ty.ir());
                self.b.set_region(region);
                value(loaded, ty)
            }
            Rule::Store(op) => {
                let at = self.address(&args[0])?;
                let v = self.word(&args[1])?;
                let (offset, region) = self.offset(args.get(2))?;
                self.b.store(op, at, v, offset);
                self.b.set_region(region);
                Ok(Operand::Nothing)
            }
            Rule::StoreFloat => {
                let at = self.address(&args[0])?;
                let v = self.value_as(&args[1], Ty::F64)?;
                let (offset, region) = self.offset(args.get(2))?;
                self.b.store(Op::StoreF64, at, v, offset);
                self.b.set_region(region);
                Ok(Operand::Nothing)
            }
            Rule::Count(op) => {
                let v = self.word(&args[0])?;
                value(self.b.op(op, &[v], ir::Type::I64), Ty::I64)
            }
            Rule::Word(op) => self.two_words(op, args),
            Rule::Carry(op) => self.with_carry(op, args),
            Rule::Float(op) => {
                let v = self.value_as(&args[0], Ty::F64)?;
                value(self.b.op(op, &[v], ir::Type::F64), Ty::F64)
            }
            Rule::FloatBits => {
                let v = self.value_as(&args[0], Ty::F64)?;
                value(self.b.op(Op::FbitsTo, &[v], ir::Type::I64), Ty::I64)
            }
            Rule::BitsFloat => {
                let v = self.word(&args[0])?;
                value(self.b.op(Op::FbitsFrom, &[v], ir::Type::F64), Ty::F64)
            }
            Rule::Memory(op) => {
                let to = self.address(&args[0])?;
                let second = if op == Op::MemFill { self.word(&args[1])? } else { self.address(&args[1])? };
                let size = self.word(&args[2])?;
                self.b.inst(op, &[to, second, size], 0, None, None);
                Ok(Operand::Nothing)
            }
            Rule::Syscall => {
                let words = args.iter().map(|e| self.word(e)).collect::<Result<Vec<_>, _>>()?;
                value(self.b.op(Op::Syscall, &words, ir::Type::I64), Ty::I64)
            }
            Rule::Register(op) => value(self.b.op(op, &[], ir::Type::Addr), Ty::Ptr),
            Rule::SwitchStack => {
                let words = args.iter().map(|e| self.word(e)).collect::<Result<Vec<_>, _>>()?;
                self.b.inst(Op::SwitchStack, &words, 0, None, None);
                self.b.unreachable();
                self.enter_dead();
                Ok(Operand::Nothing)
            }
            Rule::Unreachable => {
                self.b.unreachable();
                self.enter_dead();
                Ok(Operand::Nothing)
            }
            Rule::Call(result) => {
                let mut values = vec![self.address(&args[0])?];
                for e in &args[1..] {
                    values.push(self.value(e)?.0);
                }
                let v = self.b.call_ind(&values, result.map(Ty::ir));
                Ok(v.zip(result).map_or(Operand::Nothing, |(v, ty)| Operand::Value(v, ty)))
            }
            Rule::Addr => {
                let ExprKind::Name(name) = &args[0].kind else {
                    return fault(args[0].pos, "`addr` needs the name of a function, a global or data");
                };
                if self.local(name).is_some() {
                    return fault(args[0].pos, format!("the local `{name}` has no address"));
                }
                let sym = self.m.symbol(name, args[0].pos)?;
                value(self.b.symaddr(sym, 0, ir::Type::Addr), Ty::Ptr)
            }
            Rule::Sizeof => self.m.size_of(args, pos).map(|n| Operand::Const(Const::Int(n as i128))),
            Rule::Select => self.select(args),
        }
    }

    /// An address: `ptr` or `ref`.
    fn address(&mut self, e: &Expr) -> Result<ir::Value, Fault> {
        let (v, ty) = self.value(e)?;
        if ty.is_address() { Ok(v) } else { fault(e.pos, format!("expected ptr or ref, found {ty}")) }
    }

    /// Any word.
    fn word(&mut self, e: &Expr) -> Result<ir::Value, Fault> {
        let (v, ty) = self.value(e)?;
        if ty != Ty::F64 { Ok(v) } else { fault(e.pos, "expected a word, found f64") }
    }

    /// The offset of an access and the memory that it is in.
    fn offset(&mut self, e: Option<&Expr>) -> Result<(i64, ir::Region), Fault> {
        let Some(e) = e else {
            return Ok((0, ir::Region::ANY));
        };
        let region = self.m.region(e)?;
        match self.m.evaluate(e, 0)? {
            Const::Int(n) | Const::Typed(n, _) if i32::try_from(n).is_ok() => Ok((n as i64, region)),
            _ => fault(e.pos, "the offset is a constant of 32 bits"),
        }
    }

    fn two_words(&mut self, op: Op, args: &[Expr]) -> Result<Operand, Fault> {
        let (a, ty) = self.value(&args[0])?;
        if ty != Ty::I64 && ty != Ty::U64 {
            return fault(args[0].pos, format!("expected i64 or u64, found {ty}"));
        }
        let count = if op == Op::Rotr { self.word(&args[1])? } else { self.value_as(&args[1], ty)? };
        Ok(Operand::Value(self.b.bin(op, a, count), ty))
    }

    fn with_carry(&mut self, op: Op, args: &[Expr]) -> Result<Operand, Fault> {
        let (a, ty) = self.value(&args[0])?;
        if ty != Ty::I64 && ty != Ty::U64 {
            return fault(args[0].pos, format!("expected i64 or u64, found {ty}"));
        }
        let (b, bit) = (self.value_as(&args[1], ty)?, self.value_as(&args[2], ty)?);
        Ok(Operand::Value(self.b.op(op, &[a, b, bit], ty.ir()), ty))
    }

    fn select(&mut self, args: &[Expr]) -> Result<Operand, Fault> {
        let cond = self.value_as(&args[0], Ty::Bool)?;
        let (a, b) = (self.expr(&args[1])?, self.expr(&args[2])?);
        let ty = match (a, a.ty(), b.ty()) {
            (Operand::Const(_), _, Some(ty)) | (_, Some(ty), _) => ty,
            _ => return fault(args[1].pos, "this call has no result"),
        };
        let (a, b) = (self.coerce(a, ty, args[1].pos)?, self.coerce(b, ty, args[2].pos)?);
        let op = if ty == Ty::F64 { Op::Fselect } else { Op::Select };
        Ok(Operand::Value(self.b.op(op, &[cond, a, b], ty.ir()), ty))
    }
}
