//! Instructions that are several machine instructions but one to the allocator: exact integer
//! arithmetic with its out-of-line slow path, divisions, branches, and a few that need labels.
//!
//! Of exact arithmetic ([`crate::mach::exact`]) additive results are undone in the slow path; other
//! operands are not overwritten.

use crate::mach::divide::{self, Divide, Step};
use crate::mach::exact::{self, Checks, Exact, ExactOp, Places, SlowPath};
use crate::mach::operands::{RegImm, Tied, named_operands};
use crate::mach::switch::{Case, Switches};
use crate::mach::{Emitter, Label};
use crate::x64::X64;
use crate::x64::emit::{Addr, Opd, Start};
use crate::x64::insts::{Cc, Row};
use crate::x64::regs::*;
use regalloc2::PReg;

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

named_operands! {
    /// Several machine instructions at once.
    Composite {
        /// Exact sum or difference; a scratch register when both words are checked.
        Sum { x: Exact } (result: Tied<R>, b: RegImm<R>, scratch: Option<R>),
        /// Exact negation.
        Neg { x: Exact } (result: Tied<R>),
        /// Exact product.
        Mul { x: Exact } (result: R, a: R, b: RegImm<R>),
        /// Exact comparison; a scratch register when both words are checked. Its flags are those of the
        /// runtime's answer, negated when the operands are exchanged.
        Cmp { x: Exact } (a: R, b: RegImm<R>, scratch: Option<R>),
        /// Exact quotient or remainder of rax, both results.
        Div { x: Exact } (a: R, b: R, rax: R, rdx: R),
        /// Exact quotient (rdx) or remainder (rax) by a constant; the other one is destroyed.
        DivConst { x: Exact, divisor: i64 } (a: R, rdx: R, rax: R),
        /// Flags of an exact remainder by a power of two, compared with 0.
        RemZero { x: Exact, divisor: i64 } (a: R),
        /// Signed division of words where the divisor may be -1, of rax; both results.
        DivWord { rem: bool } (a: R, b: R, rax: R, rdx: R),
        /// Float select on flags; `so` replaces the other value.
        FloatSelect { test: Test } (result: Tied<R>, so: R),
        /// The carry flag is the lowest bit of the word, which (`last`) nothing else wants.
        TakeCarry { last: bool } (word: R),
        /// Copy of overlapping areas: rdi, rsi, rcx; rax is destroyed.
        MemMove {} (to: R, from: R, n: R),
    }
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

/// Emits the slow path.
pub fn slow_path(e: &mut Emitter<X64>, s: &SlowPath<X64>) {
    e.buf.bind(s.entry);
    let p = &s.places;
    match (p.undo, p.result.map(Opd::Reg)) {
        (Undo::Add, Some(r)) => binary(e, false, r, p.b),
        (Undo::Sub, Some(r)) => binary(e, true, r, p.b),
        (Undo::Neg, Some(r)) => e.put(Row::Neg, &[r]),
        _ => {}
    }
    // The stack stays aligned.
    let saved: &[PReg] = match p.result {
        Some(RAX) => &[RSI, RDI],
        Some(RSI) => &[RAX, RDI],
        Some(RDI) => &[RAX, RSI],
        _ => &[RAX, RSI, RDI, RDI],
    };
    for &r in saved {
        e.put(Row::Push, &[Opd::Reg(r)]);
    }
    let (first, second) = s.arguments();
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
    e.call(s.slow);
    match p.result {
        Some(r) => e.mov(r, Opd::Reg(RAX)),
        None if s.is_swapped() => e.put(Row::Neg, &[Opd::Reg(RAX)]),
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

/// Goes to the slow path when the word is odd.
fn test_tag(e: &mut Emitter<X64>, word: Opd, odd: Label) {
    let row = if matches!(word, Opd::Mem(_)) { Row::TestMemBI } else { Row::TestBI };
    e.put(row, &[word, Opd::Imm(1)]);
    e.jcc(Cc::Ne, odd);
}

/// Goes to the slow path when a word to be checked is odd. Destroys the scratch register if both are.
fn test_tags(e: &mut Emitter<X64>, checks: Checks, a: Opd, b: Opd, scratch: Option<Opd>, odd: Label) {
    match (checks.a, checks.b) {
        (true, true) => {
            let scratch = scratch.expect("scratch register");
            e.mov(reg(scratch), a);
            e.put(Row::Or, &[scratch, b]);
            test_tag(e, scratch, odd);
        }
        (true, false) => test_tag(e, a, odd),
        (false, true) => test_tag(e, b, odd),
        (false, false) => {}
    }
}

fn reg(operand: Opd) -> PReg {
    if let Opd::Reg(reg) = operand { reg } else { unreachable!("register") }
}

fn opd(operand: RegImm<Opd>) -> Opd {
    match operand {
        RegImm::Reg(place) => place,
        RegImm::Imm(c) => Opd::Imm(c),
    }
}

/// Emits a composite.
pub fn emit(e: &mut Emitter<X64>, c: Composite<Opd>) {
    match c {
        Composite::Sum { x, result, b, scratch } => {
            exact::emit(e, x, |e, slow| sum(e, x, result.def, opd(b), scratch, slow));
        }
        Composite::Neg { x, result } => exact::emit(e, x, |e, slow| neg(e, x, result.def, slow)),
        Composite::Mul { x, result, a, b } => exact::emit(e, x, |e, slow| mul(e, x, result, a, b, slow)),
        Composite::Cmp { x, a, b, scratch } => {
            exact::emit(e, x, |e, slow| {
                let b = opd(b);
                test_tags(e, x.checks, a, b, scratch, slow);
                match b {
                    Opd::Imm(0) => e.put(Row::Test, &[a, a]),
                    Opd::Imm(v) => e.put_imm(Row::CmpI, a, v),
                    _ => e.put(Row::Cmp, &[a, b]),
                }
                Places { a, b, result: None, undo: Undo::Nothing }
            });
        }
        Composite::Div { x, a, b, rax, rdx } => {
            exact::emit(e, x, |e, slow| div(e, x, a, b, [rax, rdx], slow))
        }
        Composite::DivConst { x, divisor, a, rdx, rax } => {
            exact::emit(e, x, |e, slow| {
                let rem = x.op == ExactOp::Rem;
                test_tags(e, x.checks, a, a, None, slow);
                match (divisor, rem) {
                    (4, false) => half(e, reg(a)),
                    _ => divide::by_constant(e, reg(rax), reg(a), divisor, rem),
                }
                let result = Some(reg(if rem { rax } else { rdx }));
                Places { a, b: Opd::Imm(divisor), result, undo: Undo::Nothing }
            });
        }
        Composite::RemZero { x, divisor, a } => {
            exact::emit(e, x, |e, slow| {
                test_tag(e, a, slow);
                // The word is even here, so the tag's bit need not be tested.
                let mask = divisor - 2;
                match mask {
                    0..256 => e.put(Row::TestBI, &[a, Opd::Imm(mask as i8 as i64)]),
                    _ => e.put(Row::TestLI, &[a, Opd::Imm(mask)]),
                }
                Places { a, b: Opd::Imm(divisor), result: None, undo: Undo::Nothing }
            });
        }
        Composite::DivWord { rem, a, b, rdx, .. } => div_word(e, rem, a, b, rdx),
        Composite::FloatSelect { test, result, so } => {
            let (take, over) = (e.buf.label(), e.buf.label());
            branch_if(e, test, take, over, Some(take));
            e.buf.bind(take);
            e.put(Row::Movaps, &[result.def, so]);
            e.buf.bind(over);
        }
        Composite::TakeCarry { last, word } => {
            if !e.state.carry.take(&mut e.buf, reg(word), last) {
                e.put(Row::BtI, &[word, Opd::Imm(0)]);
            }
        }
        Composite::MemMove { to, from, n } => mem_move(e, reg(to), reg(from), reg(n)),
    }
}

fn sum(e: &mut Emitter<X64>, x: Exact, to: Opd, b: Opd, scratch: Option<Opd>, slow: Label) -> Places<X64> {
    let (sub, checks) = (x.op == ExactOp::Sub, x.checks);
    if let Some(both) = scratch {
        e.mov(reg(both), to);
        e.put(Row::Or, &[both, b]);
    }
    binary(e, sub, to, b);
    if checks.overflow {
        e.jcc(Cc::O, slow);
    }
    // Sum and difference of an odd and an even word are odd.
    if let Some(both) = scratch {
        test_tag(e, both, slow);
    } else if checks.a || checks.b {
        test_tag(e, to, slow);
    }
    Places { a: to, b, result: Some(reg(to)), undo: if sub { Undo::Add } else { Undo::Sub } }
}

fn neg(e: &mut Emitter<X64>, x: Exact, to: Opd, slow: Label) -> Places<X64> {
    e.put(Row::Neg, &[to]);
    if x.checks.overflow {
        e.jcc(Cc::O, slow);
    }
    if x.checks.a {
        test_tag(e, to, slow);
    }
    Places { a: to, b: to, result: Some(reg(to)), undo: Undo::Neg }
}

fn mul(e: &mut Emitter<X64>, x: Exact, to: Opd, a: Opd, b: RegImm<Opd>, slow: Label) -> Places<X64> {
    let checks = x.checks;
    match b {
        // The product with the untagged constant is tagged already.
        RegImm::Imm(c) => {
            test_tags(e, checks, a, a, None, slow);
            let factor = c >> 1;
            e.put(Row::ImulI.for_imm(factor), &[to, a, Opd::Imm(factor)]);
        }
        RegImm::Reg(b) => {
            test_tags(e, checks, a, b, Some(to), slow);
            e.mov(reg(to), a);
            e.put(Row::SarI, &[to, Opd::Imm(1)]);
            e.put(Row::Imul, &[to, b]);
        }
    }
    if checks.overflow {
        e.jcc(Cc::O, slow);
    }
    Places { a, b: opd(b), result: Some(reg(to)), undo: Undo::Nothing }
}

/// The quotient of tagged words is untagged, the remainder tagged. Words of at most 32 bits take
/// the short division, which is much faster on many processors.
fn div(e: &mut Emitter<X64>, x: Exact, a: Opd, b: Opd, [rax, rdx]: [Opd; 2], slow: Label) -> Places<X64> {
    let (wide, done) = (e.buf.label(), e.buf.label());
    let rem = x.op == ExactOp::Rem;
    test_tags(e, x.checks, a, b, Some(rdx), slow);
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
    Places { a, b, result: Some(reg(if rem { rdx } else { rax })), undo: Undo::Nothing }
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
                    e.put(Row::ImulI.for_imm(d), &[rdx, rdx, Opd::Imm(d)]);
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

fn div_word(e: &mut Emitter<X64>, rem: bool, a: Opd, b: Opd, rdx: Opd) {
    let (normal, done) = (e.buf.label(), e.buf.label());
    e.put_imm(Row::CmpI, b, -1);
    e.jcc(Cc::Ne, normal);
    if rem {
        e.put(Row::XorL, &[rdx, rdx]);
    } else {
        e.put(Row::Neg, &[a]);
    }
    e.jump(done);
    e.buf.bind(normal);
    e.put(Row::Cqo, &[]);
    e.put(Row::Idiv, &[b]);
    e.buf.bind(done);
}

/// Forward unless the destination starts inside the source.
fn mem_move(e: &mut Emitter<X64>, to: PReg, from: PReg, n: PReg) {
    let (forward, done) = (e.buf.label(), e.buf.label());
    e.mov(RAX, Opd::Reg(to));
    e.put(Row::Sub, &[Opd::Reg(RAX), Opd::Reg(from)]);
    e.put(Row::Cmp, &[Opd::Reg(RAX), Opd::Reg(n)]);
    e.jcc(Cc::Ae, forward);
    for r in [to, from] {
        let end = Addr { start: Start::Reg(r), index: Some((n, 1)), disp: -1 };
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

impl Switches for X64 {
    const SCRATCH: bool = true;

    fn branch_case(e: &mut Emitter<X64>, case: &Case<PReg>, less: bool, c: i64, target: Label) {
        let &Case::Scratch { word, first: scratch, .. } = case else { unreachable!("scratch registers") };
        let v = Opd::Reg(word);
        match i32::try_from(c) {
            Ok(0) => e.put(Row::Test, &[v, v]),
            Ok(_) => e.put_imm(Row::CmpI, v, c),
            Err(_) => {
                e.constant(scratch, c);
                e.put(Row::Cmp, &[v, Opd::Reg(scratch)]);
            }
        }
        e.jcc(if less { Cc::L } else { Cc::E }, target);
    }

    fn branch_table(
        e: &mut Emitter<X64>,
        case: &Case<PReg>,
        first: i64,
        size: i64,
        table: Label,
        default: Label,
    ) {
        let &Case::Scratch { word, first: t1, second: t2 } = case else { unreachable!("scratch registers") };
        match i32::try_from(first.wrapping_neg()) {
            Ok(disp) => e.put(Row::Lea, &[Opd::Reg(t1), Opd::at(word, disp)]),
            Err(_) => {
                e.constant(t1, first.wrapping_neg());
                e.put(Row::Add, &[Opd::Reg(t1), Opd::Reg(word)]);
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
