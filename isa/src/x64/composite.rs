//! Instructions that are several machine instructions but one to the allocator: exact integer
//! arithmetic with its out-of-line slow path, divisions, branches, and a few that need labels.
//!
//! Of exact arithmetic ([`crate::mach::exact`]) additive results are undone in the stub; other
//! operands are not overwritten.

use crate::mach::divide::{self, Divide, Step};
use crate::mach::exact::{self, Checks, Exact, ExactOp, Places};
use crate::mach::switch::Switches;
use crate::mach::{Emitter, Label};
use crate::x64::X64;
use crate::x64::emit::{Addr, Opd, Start};
use crate::x64::insts::{Cc, Row};
use crate::x64::regs::*;
use regalloc2::{Allocation, PReg};

/// A condition in the flags.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Test {
    /// A condition code.
    Is(Cc),
    /// After `ucomisd`: ordered and equal.
    FloatEq,
    /// After `ucomisd`: unordered or unequal.
    FloatNe,
}

/// Several machine instructions at once. The comments give the order of allocations.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Composite {
    /// Exact arithmetic.
    /// Sum or difference: result, a, b (unless constant; kept), scratch (when both words are
    /// checked). The result is in the place of a.
    /// Negation: result, a (same place).
    /// Product: result, a, b (unless constant). Operands kept.
    /// Comparison into the flags: a, b (unless constant), scratch (when both are checked); flags
    /// of the runtime's answer, negated when the operands are exchanged.
    /// Quotient or remainder: a in rax, b (kept), results rax, rdx.
    /// Quotient or remainder by a constant: a (kept), results rdx, rax.
    /// Flags of a remainder by a power of two compared with 0: a.
    Exact(Exact),
    /// Signed division of words where the divisor may be -1: a in rax, b (kept), results rax, rdx.
    DivWord { rem: bool },
    /// Float select on flags: result, value if not (same place), value if so.
    FloatSelect(Test),
    /// Copy of overlapping areas: rdi, rsi, rcx; rax is destroyed.
    MemMove,
    /// Switch of stacks: new stack pointer, code; the argument is in place.
    SwitchStack,
}

/// Code that undoes the result of the fast path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Undo {
    /// Nothing to undo.
    Nothing,
    /// Add the second operand.
    Add,
    /// Subtract the second operand.
    Sub,
    /// Negate.
    Neg,
}

/// The slow path of exact arithmetic.
pub type Stub = exact::Stub<Opd, Undo>;

/// Emits the slow path.
pub fn stub(e: &mut Emitter<X64>, s: &Stub) {
    e.buf.bind(s.entry);
    let p = &s.places;
    match (p.undo, p.result.map(Opd::Reg)) {
        (Undo::Add, Some(r)) => binary(e, false, r, p.b),
        (Undo::Sub, Some(r)) => binary(e, true, r, p.b),
        (Undo::Neg, Some(r)) => e.put(Row::Neg, &[r]),
        _ => {}
    }
    let mut saved: Vec<PReg> = [RAX, RSI, RDI].into_iter().filter(|r| Some(*r) != p.result).collect();
    if saved.len() % 2 == 1 {
        // The stack stays aligned.
        saved.push(RDI);
    }
    for &r in &saved {
        e.put(Row::Push, &[Opd::Reg(r)]);
    }
    let swap = s.exact.op == ExactOp::Cmp { swap: true };
    let (first, second) = if swap { (p.b, p.a) } else { (p.a, p.b) };
    if second == Opd::Reg(RDI) {
        if first == Opd::Reg(RSI) {
            e.put(Row::Xchg, &[Opd::Reg(RDI), Opd::Reg(RSI)]);
        } else {
            e.mov(RSI, second);
            e.mov(RDI, first);
        }
    } else {
        e.mov(RDI, first);
        e.mov(RSI, second);
    }
    e.call(s.exact.slow);
    match p.result {
        Some(r) => e.mov(r, Opd::Reg(RAX)),
        None if swap => e.put(Row::Neg, &[Opd::Reg(RAX)]),
        None => e.put(Row::Test, &[Opd::Reg(RAX), Opd::Reg(RAX)]),
    }
    for &r in saved.iter().rev() {
        e.put(Row::Pop, &[Opd::Reg(r)]);
    }
    e.jump(s.back);
}

/// `to += b` or `to -= b`, with b a register, a slot or a constant.
fn binary(e: &mut Emitter<X64>, sub: bool, to: Opd, b: Opd) {
    match b {
        Opd::Imm(v) => e.put_imm(if sub { Row::SubI } else { Row::AddI }, to, v),
        _ => e.put(if sub { Row::Sub } else { Row::Add }, &[to, b]),
    }
}

/// Goes to the stub when the word is odd.
fn test_tag(e: &mut Emitter<X64>, word: Opd, odd: Label) {
    let row = if matches!(word, Opd::Mem(_)) { Row::TestMemBI } else { Row::TestBI };
    e.put(row, &[word, Opd::Imm(1)]);
    e.jcc(Cc::Ne, odd);
}

/// Goes to the stub when a word to be checked is odd. Destroys the scratch register if both are.
fn test_tags(e: &mut Emitter<X64>, checks: Checks, a: Opd, b: Opd, scratch: Option<PReg>, odd: Label) {
    match (checks.a, checks.b) {
        (true, true) => {
            let scratch = scratch.expect("scratch register");
            e.mov(scratch, a);
            e.put(Row::Or, &[Opd::Reg(scratch), b]);
            test_tag(e, Opd::Reg(scratch), odd);
        }
        (true, false) => test_tag(e, a, odd),
        (false, true) => test_tag(e, b, odd),
        (false, false) => {}
    }
}

fn reg(a: Allocation) -> PReg {
    a.as_reg().expect("register")
}

/// Emits the fast path of exact arithmetic.
pub fn fast_path(e: &mut Emitter<X64>, x: &Exact, allocs: &[Allocation], slow: Label) -> Places<Opd, Undo> {
    let imm = x.imm.map(Opd::Imm);
    let first = Opd::Reg(reg(allocs[0]));
    let checks = x.checks;
    let places = |a, b, result| Places { a, b, result, undo: Undo::Nothing };
    match x.op {
        ExactOp::Add | ExactOp::Sub => add_sub(e, x, allocs, slow),
        ExactOp::Neg => {
            e.put(Row::Neg, &[first]);
            if checks.overflow {
                e.jcc(Cc::O, slow);
            }
            if checks.a {
                test_tag(e, first, slow);
            }
            Places { a: first, b: first, result: Some(reg(allocs[0])), undo: Undo::Neg }
        }
        ExactOp::Mul => mul(e, x, allocs, slow),
        ExactOp::Cmp { .. } => {
            let b = imm.unwrap_or_else(|| e.opd(allocs[1]));
            let scratch = (checks.a && checks.b).then(|| reg(allocs[2]));
            test_tags(e, checks, first, b, scratch, slow);
            match b {
                Opd::Imm(0) => e.put(Row::Test, &[first, first]),
                Opd::Imm(v) => e.put_imm(Row::CmpI, first, v),
                _ => e.put(Row::Cmp, &[first, b]),
            }
            places(first, b, None)
        }
        ExactOp::Div | ExactOp::Rem => {
            let rem = x.op == ExactOp::Rem;
            match x.imm {
                None => div(e, rem, checks, allocs, slow),
                Some(divisor) => {
                    test_tag(e, first, slow);
                    match (divisor, rem) {
                        (4, false) => half(e, reg(allocs[0])),
                        _ => divide::by_constant(e, RAX, reg(allocs[0]), divisor, rem),
                    }
                    places(first, Opd::Imm(divisor), Some(if rem { RAX } else { RDX }))
                }
            }
        }
        ExactOp::RemZero => {
            let divisor = x.imm.expect("constant divisor");
            test_tag(e, first, slow);
            // The word is even here, so the tag's bit need not be tested.
            let mask = divisor - 2;
            match mask {
                0..256 => e.put(Row::TestBI, &[first, Opd::Imm(mask as i8 as i64)]),
                _ => e.put(Row::TestLI, &[first, Opd::Imm(mask)]),
            }
            places(first, Opd::Imm(divisor), None)
        }
    }
}

/// Emits a composite.
pub fn emit(e: &mut Emitter<X64>, c: &Composite, allocs: &[Allocation]) {
    match *c {
        Composite::Exact(x) => exact::emit(e, &x, allocs),
        Composite::DivWord { rem } => div_word(e, rem, allocs),
        Composite::FloatSelect(test) => {
            let (dst, so) = (Opd::Reg(reg(allocs[0])), Opd::Reg(reg(allocs[2])));
            let (take, over) = (e.buf.label(), e.buf.label());
            branch_if(e, test, take, over, Some(take));
            e.buf.bind(take);
            e.put(Row::Movaps, &[dst, so]);
            e.buf.bind(over);
        }
        Composite::MemMove => mem_move(e),
        Composite::SwitchStack => {
            let (sp, code) = (reg(allocs[0]), reg(allocs[1]));
            e.mov(RSP, Opd::Reg(sp));
            e.put(Row::XorL, &[Opd::Reg(RBP), Opd::Reg(RBP)]);
            e.put(Row::CallReg, &[Opd::Reg(code)]);
            e.put(Row::Ud2, &[]);
        }
    }
}

fn add_sub(e: &mut Emitter<X64>, x: &Exact, allocs: &[Allocation], slow: Label) -> Places<Opd, Undo> {
    let (sub, checks) = (x.op == ExactOp::Sub, x.checks);
    let dst = reg(allocs[0]);
    let to = Opd::Reg(dst);
    let b = x.imm.map_or_else(|| e.opd(allocs[2]), Opd::Imm);
    let both = checks.a && checks.b;
    if both {
        let scratch = reg(allocs[3]);
        e.mov(scratch, to);
        e.put(Row::Or, &[Opd::Reg(scratch), b]);
    }
    binary(e, sub, to, b);
    if checks.overflow {
        e.jcc(Cc::O, slow);
    }
    // Sum and difference of an odd and an even word are odd.
    if both {
        test_tag(e, Opd::Reg(reg(allocs[3])), slow);
    } else if checks.a || checks.b {
        test_tag(e, to, slow);
    }
    Places { a: to, b, result: Some(dst), undo: if sub { Undo::Add } else { Undo::Sub } }
}

fn mul(e: &mut Emitter<X64>, x: &Exact, allocs: &[Allocation], slow: Label) -> Places<Opd, Undo> {
    let checks = x.checks;
    let (dst, a) = (reg(allocs[0]), Opd::Reg(reg(allocs[1])));
    let to = Opd::Reg(dst);
    let b = match x.imm {
        // The product with the untagged constant is tagged already.
        Some(c) => {
            test_tags(e, checks, a, a, None, slow);
            let factor = c >> 1;
            let row = if factor as i8 as i64 == factor { Row::ImulI8 } else { Row::ImulI };
            e.put(row, &[to, a, Opd::Imm(factor)]);
            Opd::Imm(c)
        }
        None => {
            let b = e.opd(allocs[2]);
            test_tags(e, checks, a, b, Some(dst), slow);
            e.mov(dst, a);
            e.put(Row::SarI, &[to, Opd::Imm(1)]);
            e.put(Row::Imul, &[to, b]);
            b
        }
    };
    if checks.overflow {
        e.jcc(Cc::O, slow);
    }
    Places { a, b, result: Some(dst), undo: Undo::Nothing }
}

/// The quotient of tagged words is untagged, the remainder tagged. Words of at most 32 bits take
/// the short division, which is much faster on many processors.
fn div(
    e: &mut Emitter<X64>,
    rem: bool,
    checks: Checks,
    allocs: &[Allocation],
    slow: Label,
) -> Places<Opd, Undo> {
    let (wide, done) = (e.buf.label(), e.buf.label());
    let (rax, rdx) = (Opd::Reg(RAX), Opd::Reg(RDX));
    let b = Opd::Reg(reg(allocs[1]));
    test_tags(e, checks, rax, b, Some(RDX), slow);
    e.put(Row::Test, &[b, b]);
    e.jcc(Cc::E, slow);
    e.put(Row::Mov, &[rdx, rax]);
    e.put(Row::Or, &[rdx, b]);
    e.put(Row::ShrI, &[rdx, Opd::Imm(32)]);
    e.jcc(Cc::Ne, wide);
    e.put(Row::DivL, &[b]);
    e.jump(done);
    e.buf.bind(wide);
    // Does not trap: an even divisor is not -1.
    e.put(Row::Cqo, &[]);
    e.put(Row::Idiv, &[b]);
    e.buf.bind(done);
    if !rem {
        // Overflows for the smallest value divided by -1 only; rax is the dividend again then.
        e.put(Row::Add, &[rax, rax]);
        e.jcc(Cc::O, slow);
    }
    Places { a: rax, b, result: Some(if rem { RDX } else { RAX }), undo: Undo::Nothing }
}

/// Tagged half of a tagged word in rdx: the sign is added as a one, the new low bit is cleared for the tag.
fn half(e: &mut Emitter<X64>, n: PReg) {
    let rdx = Opd::Reg(RDX);
    e.mov(RDX, Opd::Reg(n));
    e.put(Row::ShrI, &[rdx, Opd::Imm(63)]);
    let sum = Addr { start: Start::Reg(n), index: Some((RDX, 2)), disp: 0 };
    e.put(Row::Lea, &[rdx, Opd::Mem(sum)]);
    e.put(Row::SarI, &[rdx, Opd::Imm(1)]);
    e.put_imm(Row::AndI, rdx, -2);
}

impl Divide for X64 {
    /// q is rdx, where quotients are left; remainders are left in rax.
    fn step(e: &mut Emitter<X64>, step: Step, _: PReg, n: PReg) {
        let (rax, rdx, n) = (Opd::Reg(RAX), Opd::Reg(RDX), Opd::Reg(n));
        match step {
            Step::Biased(k) => {
                e.mov(RDX, n);
                e.put(Row::SarI, &[rdx, Opd::Imm(63)]);
                e.put(Row::ShrI, &[rdx, Opd::Imm(64 - k)]);
                e.put(Row::Add, &[rdx, n]);
            }
            Step::High(m) => {
                e.constant(RAX, m);
                e.put(Row::ImulWide, &[n]);
            }
            Step::Plus => e.put(Row::Add, &[rdx, n]),
            Step::Minus => e.put(Row::Sub, &[rdx, n]),
            Step::Shift(k) => e.put(Row::SarI, &[rdx, Opd::Imm(k)]),
            Step::Sign => {
                e.mov(RAX, rdx);
                e.put(Row::ShrI, &[rax, Opd::Imm(63)]);
                e.put(Row::Add, &[rdx, rax]);
            }
            Step::Double => e.put(Row::Add, &[rdx, rdx]),
            Step::Rest(d) => {
                if i32::try_from(d).is_ok() {
                    e.put(Row::ImulI, &[rdx, rdx, Opd::Imm(d)]);
                } else {
                    e.constant(RAX, d);
                    e.put(Row::Imul, &[rdx, rax]);
                }
                e.mov(RAX, n);
                e.put(Row::Sub, &[rax, rdx]);
            }
            Step::Low(k) => {
                if k < 32 {
                    e.put_imm(Row::AndI, rdx, -1 << k);
                } else {
                    e.put(Row::SarI, &[rdx, Opd::Imm(k)]);
                    e.put(Row::ShlI, &[rdx, Opd::Imm(k)]);
                }
                e.mov(RAX, n);
                e.put(Row::Sub, &[rax, rdx]);
            }
        }
    }
}

fn div_word(e: &mut Emitter<X64>, rem: bool, allocs: &[Allocation]) {
    let b = Opd::Reg(reg(allocs[1]));
    let (normal, done) = (e.buf.label(), e.buf.label());
    e.put_imm(Row::CmpI, b, -1);
    e.jcc(Cc::Ne, normal);
    if rem {
        e.put(Row::XorL, &[Opd::Reg(RDX), Opd::Reg(RDX)]);
    } else {
        e.put(Row::Neg, &[Opd::Reg(RAX)]);
    }
    e.jump(done);
    e.buf.bind(normal);
    e.put(Row::Cqo, &[]);
    e.put(Row::Idiv, &[b]);
    e.buf.bind(done);
}

/// Forward unless the destination starts inside the source.
fn mem_move(e: &mut Emitter<X64>) {
    let (forward, done) = (e.buf.label(), e.buf.label());
    e.mov(RAX, Opd::Reg(RDI));
    e.put(Row::Sub, &[Opd::Reg(RAX), Opd::Reg(RSI)]);
    e.put(Row::Cmp, &[Opd::Reg(RAX), Opd::Reg(RCX)]);
    e.jcc(Cc::Ae, forward);
    for r in [RDI, RSI] {
        let end = Addr { start: Start::Reg(r), index: Some((RCX, 1)), disp: -1 };
        e.put(Row::Lea, &[Opd::Reg(r), Opd::Mem(end)]);
    }
    e.put(Row::Std, &[]);
    e.put(Row::RepMovsB, &[]);
    e.put(Row::Cld, &[]);
    e.jump(done);
    e.buf.bind(forward);
    e.put(Row::RepMovsB, &[]);
    e.buf.bind(done);
}

/// Branches on the flags.
pub fn branch_if(e: &mut Emitter<X64>, test: Test, so: Label, not: Label, next: Option<Label>) {
    match test {
        Test::Is(cc) if next == Some(so) => e.jcc(cc.invert(), not),
        Test::Is(cc) => {
            e.jcc(cc, so);
            e.jump_unless_next(not, next);
        }
        Test::FloatEq if next == Some(so) => {
            e.jcc(Cc::P, not);
            e.jcc(Cc::Ne, not);
        }
        Test::FloatEq => {
            e.jcc(Cc::P, not);
            e.jcc(Cc::E, so);
            e.jump_unless_next(not, next);
        }
        Test::FloatNe => branch_if(e, Test::FloatEq, not, so, next),
    }
}

impl X64 {
    /// Compares the word of a multi-way branch (value, two scratch registers).
    fn compare_case(e: &mut Emitter<X64>, allocs: &[Allocation], c: i64) {
        let (v, scratch) = (Opd::Reg(reg(allocs[0])), reg(allocs[1]));
        match i32::try_from(c) {
            Ok(0) => e.put(Row::Test, &[v, v]),
            Ok(_) => e.put_imm(Row::CmpI, v, c),
            Err(_) => {
                e.constant(scratch, c);
                e.put(Row::Cmp, &[v, Opd::Reg(scratch)]);
            }
        }
    }
}

impl Switches for X64 {
    fn branch_equal(e: &mut Emitter<X64>, allocs: &[Allocation], c: i64, target: Label) {
        X64::compare_case(e, allocs, c);
        e.jcc(Cc::E, target);
    }

    fn branch_less(e: &mut Emitter<X64>, allocs: &[Allocation], c: i64, target: Label) {
        X64::compare_case(e, allocs, c);
        e.jcc(Cc::L, target);
    }

    fn branch_table(
        e: &mut Emitter<X64>,
        allocs: &[Allocation],
        first: i64,
        size: i64,
        table: Label,
        default: Label,
    ) {
        let [v, t1, t2] = [0, 1, 2].map(|k| reg(allocs[k]));
        match i32::try_from(first.wrapping_neg()) {
            Ok(disp) => e.put(Row::Lea, &[Opd::Reg(t1), Opd::at(v, disp)]),
            Err(_) => {
                e.constant(t1, first.wrapping_neg());
                e.put(Row::Add, &[Opd::Reg(t1), Opd::Reg(v)]);
            }
        }
        e.put_imm(Row::CmpI, Opd::Reg(t1), size);
        e.jcc(Cc::Ae, default);
        e.put(Row::Lea, &[Opd::Reg(t2), Opd::label(table)]);
        let entry = Addr { start: Start::Reg(t2), index: Some((t1, 4)), disp: 0 };
        e.put(Row::MovsxL, &[Opd::Reg(t1), Opd::Mem(entry)]);
        e.put(Row::Add, &[Opd::Reg(t1), Opd::Reg(t2)]);
        e.put(Row::JmpReg, &[Opd::Reg(t1)]);
    }
}
