//! Instructions that are several machine instructions but one to the allocator: exact integer
//! arithmetic with its out-of-line slow path, selects, loops over memory, multi-way branches.
//!
//! Exact arithmetic ([`crate::mach::exact`]) never has to undo anything: what may leave for the
//! slow path after the result is written has its operands apart from the result, or makes the result in
//! a scratch register first.

use crate::mach::divide::{self, Divide, Step};
use crate::mach::exact::{self, Checks, Exact, ExactOp, Places, SlowPath};
use crate::mach::operands::{Opd, RegImm, Tied, i, named_operands, r};
use crate::mach::switch::{Case, Switches};
use crate::mach::{Emitter, Label};
use crate::rv64::Rv64;
use crate::rv64::emit::Cc;
use crate::rv64::imm::fits12;
use crate::rv64::insts::Row;
use crate::rv64::regs::*;
use crate::rv64::select_flow::code;
use mochi_ir::{Cond, Sym};
use regalloc2::PReg;
use std::ops::Not;

named_operands! {
    /// What a branch, a set or a select tests.
    Test {
        /// The condition holds between two registers.
        Words { cc: Cc } (a: R, b: R),
        /// The condition holds (or, `not`, does not hold) between exact integers in two registers.
        Exact { x: Exact, cond: Cond, not: bool } (a: R, b: R),
    }
}

impl<R> Not for Test<R> {
    type Output = Test<R>;

    fn not(self) -> Test<R> {
        match self {
            Test::Words { cc, a, b } => Test::Words { cc: cc.invert(), a, b },
            Test::Exact { x, cond, not, a, b } => Test::Exact { x, cond, not: !not, a, b },
        }
    }
}

named_operands! {
    /// Several machine instructions at once.
    Composite {
        /// Exact arithmetic with two operands.
        Binary { x: Exact } (result: R, a: R, b: RegImm<R>),
        /// Exact negation.
        Neg { x: Exact } (result: R, a: R),
        /// An exact remainder by a power of two, compared with 0: the result is 0 or not.
        RemZero { x: Exact, divisor: i64 } (result: R, a: R),
        /// Comparison of exact integers; for the result see [`raw`].
        Compare { x: Exact, cond: Cond } (result: R, a: R, b: R),
        /// A choice: the other value replaces the first unless the condition holds.
        Select { cc: Cc } (result: Tied<R>, a: R, b: R, other: RegImm<R>),
        /// Result of float arithmetic, for which a NaN is put that is an operand: what the instruction
        /// gave, then the operands that may be NaN.
        Nan {} (result: Tied<R>, first: Option<R>, second: Option<R>),
        /// A load from, or a store to, a symbol plus an offset.
        SymbolAccess { row: Row, store: bool, sym: Sym, addend: i64 } (value: R),
        /// Copy of memory.
        Copy { overlap: bool } (to: Tied<R>, from: Tied<R>, n: Tied<R>),
        /// Fill of memory with a byte.
        Fill {} (to: Tied<R>, byte: Tied<R>, n: Tied<R>),
    }
}

/// How the answer of the runtime to a comparison is used.
#[derive(Clone, Copy, Debug)]
pub enum Decide {
    /// Goes to the first place when the condition holds between the answer and 0, else to the
    /// second.
    Branch(Cond, [Label; 2]),
    /// Makes the result of [`Composite::Compare`].
    Set(Cond),
}

/// Emits the slow path. The answer is kept in the second scratch register.
pub fn slow_path(e: &mut Emitter<Rv64>, s: &SlowPath<Rv64>) {
    e.buf.bind(s.entry);
    let p = &s.places;
    e.put(Row::Addi, &[r(SP), r(SP), i(-16)]);
    e.put(Row::Sd, &[r(A0), i(0), r(SP)]);
    e.put(Row::Sd, &[r(A1), i(8), r(SP)]);
    exact::move_arguments(e, s, T6);
    e.call(s.slow);
    e.mov(T6, A0);
    e.put(Row::Ld, &[r(A0), i(0), r(SP)]);
    e.put(Row::Ld, &[r(A1), i(8), r(SP)]);
    e.put(Row::Addi, &[r(SP), r(SP), i(16)]);
    match (p.undo, p.result) {
        (Some(Decide::Branch(cond, targets)), _) => {
            let (cc, exchange) = code(cond);
            let (a, b) = if exchange { (ZERO, T6) } else { (T6, ZERO) };
            return e.branch_or(cc, a, b, targets, None);
        }
        (Some(Decide::Set(cond)), Some(result)) => raw(e, cond, result, T6, ZERO),
        (_, result) => e.mov(result.expect("arithmetic has a result"), T6),
    }
    e.jump(s.back);
}

/// What a comparison comes down to: for "equal", "greater or equal" and "less or equal" the
/// result is 0 when it holds, for the others when it does not.
fn raw(e: &mut Emitter<Rv64>, cond: Cond, to: PReg, a: PReg, b: PReg) {
    let (cc, exchange) = code(cond);
    let (a, b) = if exchange { (b, a) } else { (a, b) };
    let row = if matches!(cc, Cc::Eq | Cc::Ne) { Row::Xor } else { Row::Slt };
    e.put(row, &[r(to), r(a), r(b)]);
}

/// The condition between the answer of the runtime and 0, which gets the operands exchanged or
/// not.
fn answer(x: Exact, cond: Cond) -> Cond {
    if x.op == (ExactOp::Cmp { swap: true }) { cond.swap() } else { cond }
}

/// Emits a branch on a comparison of exact integers in two registers.
pub fn exact_branch(
    e: &mut Emitter<Rv64>,
    x: Exact,
    cond: Cond,
    [a, b]: [PReg; 2],
    targets: [Label; 2],
    next: Option<Label>,
) {
    let entry = e.buf.label();
    test_tags(e, x.checks, a, r(b), entry);
    let (cc, exchange) = code(cond);
    let (first, second) = if exchange { (b, a) } else { (a, b) };
    e.branch_or(cc, first, second, targets, next);
    let undo = Some(Decide::Branch(answer(x, cond), targets));
    let places = Places { a: r(a), b: r(b), result: None, undo };
    // The slow path does not come back.
    exact::leave(e, x, entry, entry, places);
}

/// Goes to the slow path when a word to be checked is odd.
fn test_tags(e: &mut Emitter<Rv64>, checks: Checks, a: PReg, b: Opd, odd: Label) {
    let word = match (checks.a, checks.b, b) {
        (false, false, _) => return,
        (true, false, _) => a,
        (false, true, Opd::Reg(b)) => b,
        (true, true, Opd::Reg(b)) if a == b => a,
        (true, true, Opd::Reg(b)) => {
            e.put(Row::Or, &[r(T6), r(a), r(b)]);
            T6
        }
        (_, true, Opd::Imm(_)) => unreachable!("constants are not checked"),
    };
    e.put(Row::Andi, &[r(T6), r(word), i(1)]);
    e.branch_if(Cc::Ne, T6, ZERO, odd);
}

fn binary(e: &mut Emitter<Rv64>, x: Exact, dst: PReg, a: PReg, b: Opd, slow: Label) -> Places<Rv64> {
    test_tags(e, x.checks, a, b, slow);
    let overflow = x.checks.overflow;
    match (x.op, b) {
        (ExactOp::Add, Opd::Imm(c)) => add_constant(e, dst, a, c, overflow, slow),
        (ExactOp::Sub, Opd::Imm(c)) => add_constant(e, dst, a, -c, overflow, slow),
        (ExactOp::Add | ExactOp::Sub, Opd::Reg(b)) => {
            let sub = x.op == ExactOp::Sub;
            e.put(if sub { Row::Sub } else { Row::Add }, &[r(dst), r(a), r(b)]);
            if overflow {
                // Adding a negative number makes less, subtracting one more.
                let less = if sub { [r(T6), r(a), r(dst)] } else { [r(T6), r(dst), r(a)] };
                e.put(Row::Slt, &less);
                e.put(Row::Slti, &[r(RA), r(b), i(0)]);
                e.branch_if(Cc::Ne, T6, RA, slow);
            }
        }
        (ExactOp::Mul, b) => mul(e, dst, a, b, overflow, slow),
        (ExactOp::Div | ExactOp::Rem, Opd::Imm(c)) => {
            divide::by_constant(e, dst, a, c, x.op == ExactOp::Rem);
        }
        (ExactOp::Div | ExactOp::Rem, Opd::Reg(b)) => div(e, dst, a, b, x.op == ExactOp::Rem, slow),
        (op, _) => unreachable!("{op:?} is no operation with a result and two operands"),
    }
    Places { a: r(a), b, result: Some(dst), undo: None }
}

fn neg(e: &mut Emitter<Rv64>, x: Exact, dst: PReg, a: PReg, slow: Label) -> Places<Rv64> {
    test_tags(e, x.checks, a, r(a), slow);
    e.put(Row::Sub, &[r(dst), r(ZERO), r(a)]);
    if x.checks.overflow {
        // The minimum is its own negative.
        e.put(Row::And, &[r(T6), r(dst), r(a)]);
        e.branch_if(Cc::Lt, T6, ZERO, slow);
    }
    Places { a: r(a), b: r(a), result: Some(dst), undo: None }
}

/// The bits of a word under a mask of low ones.
fn low_mask(e: &mut Emitter<Rv64>, dst: PReg, a: PReg, mask: i64) {
    if fits12(mask) {
        return e.put(Row::Andi, &[r(dst), r(a), i(mask)]);
    }
    e.put(Row::Slli, &[r(dst), r(a), i(mask.leading_zeros() as i64)]);
}

/// The sum of a word and a constant.
fn add_constant(e: &mut Emitter<Rv64>, dst: PReg, a: PReg, c: i64, overflow: bool, slow: Label) {
    let sum = if overflow && dst == a { T6 } else { dst };
    e.put(Row::Addi, &[r(sum), r(a), i(c)]);
    if overflow {
        let (less, more) = if c < 0 { (a, sum) } else { (sum, a) };
        e.branch_if(Cc::Lt, less, more, slow);
    }
    e.mov(dst, sum);
}

/// The product of a tagged and an untagged word is tagged. It fits when the high half of the
/// product is the sign of the low one.
fn mul(e: &mut Emitter<Rv64>, dst: PReg, a: PReg, b: Opd, overflow: bool, slow: Label) {
    let (first, second) = match b {
        Opd::Imm(c) if c > 2 && c.count_ones() == 1 => {
            let k = c.trailing_zeros() as i64 - 1;
            e.put(Row::Slli, &[r(dst), r(a), i(k)]);
            if overflow {
                e.put(Row::Srai, &[r(T6), r(dst), i(k)]);
                e.branch_if(Cc::Ne, T6, a, slow);
            }
            return;
        }
        Opd::Imm(c) => {
            e.constant(T6, c >> 1);
            (a, T6)
        }
        Opd::Reg(b) => {
            e.put(Row::Srai, &[r(T6), r(a), i(1)]);
            (T6, b)
        }
    };
    if overflow {
        e.put(Row::Mulh, &[r(RA), r(first), r(second)]);
    }
    e.put(Row::Mul, &[r(dst), r(first), r(second)]);
    if overflow {
        e.put(Row::Srai, &[r(T6), r(dst), i(63)]);
        e.branch_if(Cc::Ne, T6, RA, slow);
    }
}

/// The quotient of tagged words is untagged, the remainder tagged.
fn div(e: &mut Emitter<Rv64>, dst: PReg, a: PReg, b: PReg, rem: bool, slow: Label) {
    e.branch_if(Cc::Eq, b, ZERO, slow);
    if rem {
        return e.put(Row::Rem, &[r(dst), r(a), r(b)]);
    }
    e.put(Row::Div, &[r(T6), r(a), r(b)]);
    e.put(Row::Add, &[r(dst), r(T6), r(T6)]);
    // Overflows for the smallest value divided by -1 only.
    e.put(Row::Xor, &[r(T6), r(T6), r(dst)]);
    e.branch_if(Cc::Lt, T6, ZERO, slow);
}

impl Divide for Rv64 {
    fn step(e: &mut Emitter<Rv64>, step: Step, result: PReg, n: PReg) {
        let (q, other, result, n) = (r(T6), r(RA), r(result), r(n));
        match step {
            Step::Biased(k) => {
                e.put(Row::Srai, &[q, n, i(63)]);
                e.put(Row::Srli, &[q, q, i(64 - k)]);
                e.put(Row::Add, &[q, n, q]);
            }
            Step::High(m) => {
                e.constant(T6, m);
                e.put(Row::Mulh, &[q, n, q]);
            }
            Step::Plus => e.put(Row::Add, &[q, q, n]),
            Step::Minus => e.put(Row::Sub, &[q, q, n]),
            Step::Shift(k) => e.put(Row::Srai, &[q, q, i(k)]),
            Step::Sign => {
                e.put(Row::Srli, &[other, q, i(63)]);
                e.put(Row::Add, &[q, q, other]);
            }
            Step::Double => e.put(Row::Slli, &[result, q, i(1)]),
            Step::Rest(d) => {
                e.constant(RA, d);
                e.put(Row::Mul, &[q, q, other]);
                e.put(Row::Sub, &[result, n, q]);
            }
            Step::Low(k) => {
                if fits12(-1 << k) {
                    e.put(Row::Andi, &[q, q, i(-1 << k)]);
                } else {
                    e.put(Row::Srai, &[q, q, i(k)]);
                    e.put(Row::Slli, &[q, q, i(k)]);
                }
                e.put(Row::Sub, &[result, n, q]);
            }
        }
    }
}

/// Emits a composite.
pub fn emit(e: &mut Emitter<Rv64>, c: Composite<PReg>) {
    match c {
        Composite::Binary { x, result, a, b } => {
            exact::emit(e, x, |e, slow| binary(e, x, result, a, b, slow));
        }
        Composite::Neg { x, result, a } => exact::emit(e, x, |e, slow| neg(e, x, result, a, slow)),
        Composite::RemZero { x, divisor, result, a } => {
            exact::emit(e, x, |e, slow| {
                test_tags(e, x.checks, a, i(divisor), slow);
                // The word is even here, so the tag's bit need not be tested.
                low_mask(e, result, a, divisor - 1);
                Places { a: r(a), b: i(divisor), result: Some(result), undo: None }
            });
        }
        Composite::Compare { x, cond, result, a, b } => {
            exact::emit(e, x, |e, slow| {
                test_tags(e, x.checks, a, r(b), slow);
                raw(e, cond, result, a, b);
                let undo = Some(Decide::Set(answer(x, cond)));
                Places { a: r(a), b: r(b), result: Some(result), undo }
            });
        }
        Composite::Select { cc, result, a, b, other } => {
            let done = e.buf.label();
            e.branch_if(cc, a, b, done);
            match other {
                RegImm::Imm(c) => e.constant(result.def, c),
                RegImm::Reg(other) => e.mov(result.def, other),
            }
            e.buf.bind(done);
        }
        Composite::Nan { result, first, second } => nan(e, result.def, [first, second]),
        Composite::SymbolAccess { row, store, sym, addend, value } => {
            e.symbol_access(row, value, store, sym, addend);
        }
        Composite::Copy { overlap, to, from, n } => copy(e, to.def, from.def, n.def, overlap),
        Composite::Fill { to, byte, n } => fill(e, to.def, byte.def, n.def),
    }
}

/// Replaces a NaN, which is the canonical one whatever the operands were (RISC-V ISA manual, volume I,
/// 11.3), by the first operand that is NaN.
fn nan(e: &mut Emitter<Rv64>, result: PReg, operands: [Option<PReg>; 2]) {
    let done = e.buf.label();
    e.put(Row::FeqD, &[r(T6), r(result), r(result)]);
    e.branch_if(Cc::Ne, T6, ZERO, done);
    let mut operands = operands.into_iter().flatten().peekable();
    while let Some(operand) = operands.next() {
        let next = e.buf.label();
        e.put(Row::FeqD, &[r(T6), r(operand), r(operand)]);
        e.branch_if(Cc::Ne, T6, ZERO, next);
        e.mov(result, operand);
        if operands.peek().is_some() {
            e.jump(done);
        }
        e.buf.bind(next);
    }
    e.buf.bind(done);
}

/// Loads and stores of 8, 4, 2 and 1 bytes.
const PIECES: [(i64, Row, Row); 4] =
    [(8, Row::Ld, Row::Sd), (4, Row::Lw, Row::Sw), (2, Row::Lhu, Row::Sh), (1, Row::Lbu, Row::Sb)];

/// Copies memory: eight bytes at a time, then what the low bits of the size say. Backward when
/// the destination starts inside the source.
fn copy(e: &mut Emitter<Rv64>, to: PReg, from: PReg, n: PReg, overlap: bool) {
    if !overlap {
        return words_then_rest(e, n, |e, piece| copy_piece(e, to, from, piece, false));
    }
    let (backward, done) = (e.buf.label(), e.buf.label());
    e.put(Row::Sub, &[r(T6), r(to), r(from)]);
    e.branch_if(Cc::Ltu, T6, n, backward);
    words_then_rest(e, n, |e, piece| copy_piece(e, to, from, piece, false));
    e.jump(done);
    e.buf.bind(backward);
    e.put(Row::Add, &[r(to), r(to), r(n)]);
    e.put(Row::Add, &[r(from), r(from), r(n)]);
    words_then_rest(e, n, |e, piece| copy_piece(e, to, from, piece, true));
    e.buf.bind(done);
}

/// Copies one piece and moves the addresses.
fn copy_piece(e: &mut Emitter<Rv64>, to: PReg, from: PReg, piece: (i64, Row, Row), down: bool) {
    let (size, load, store) = piece;
    let (step, at) = if down { (-size, -size) } else { (size, 0) };
    e.put(load, &[r(RA), i(at), r(from)]);
    e.put(Row::Addi, &[r(from), r(from), i(step)]);
    e.put(store, &[r(RA), i(at), r(to)]);
    e.put(Row::Addi, &[r(to), r(to), i(step)]);
}

/// Emits `step` for eight bytes as often as they are in `n`, then for each smaller size that is.
fn words_then_rest(e: &mut Emitter<Rv64>, n: PReg, step: impl Fn(&mut Emitter<Rv64>, (i64, Row, Row))) {
    let (again, rest) = (e.buf.label(), e.buf.label());
    e.constant(T6, 8);
    e.branch_if(Cc::Ltu, n, T6, rest);
    e.buf.bind(again);
    step(e, PIECES[0]);
    e.put(Row::Addi, &[r(n), r(n), i(-8)]);
    e.branch_if(Cc::Geu, n, T6, again);
    e.buf.bind(rest);
    for piece in &PIECES[1..] {
        let skip = e.buf.label();
        e.put(Row::Andi, &[r(T6), r(n), i(piece.0)]);
        e.branch_if(Cc::Eq, T6, ZERO, skip);
        step(e, *piece);
        e.buf.bind(skip);
    }
}

/// Fills memory with a byte.
fn fill(e: &mut Emitter<Rv64>, to: PReg, byte: PReg, n: PReg) {
    e.put(Row::Andi, &[r(byte), r(byte), i(0xff)]);
    for k in [8, 16, 32] {
        e.put(Row::Slli, &[r(T6), r(byte), i(k)]);
        e.put(Row::Or, &[r(byte), r(byte), r(T6)]);
    }
    words_then_rest(e, n, |e, (size, _, store)| {
        e.put(store, &[r(byte), i(0), r(to)]);
        e.put(Row::Addi, &[r(to), r(to), i(size)]);
    });
}

impl Switches for Rv64 {
    const SCRATCH: bool = false;

    fn branch_case(e: &mut Emitter<Rv64>, case: &Case<PReg>, less: bool, c: i64, target: Label) {
        let other = constant_register(e, c);
        e.branch_if(if less { Cc::Lt } else { Cc::Eq }, case.word(), other, target);
    }

    fn branch_table(
        e: &mut Emitter<Rv64>,
        case: &Case<PReg>,
        first: i64,
        size: i64,
        table: Label,
        default: Label,
    ) {
        e.add_constant_to(RA, case.word(), first.wrapping_neg());
        e.constant(T6, size);
        e.branch_if(Cc::Geu, RA, T6, default);
        e.put(Row::Slli, &[r(RA), r(RA), i(2)]);
        e.label_address(T6, table);
        e.put(Row::Add, &[r(RA), r(RA), r(T6)]);
        e.put(Row::Lw, &[r(RA), i(0), r(RA)]);
        e.put(Row::Add, &[r(T6), r(T6), r(RA)]);
        e.put(Row::Jalr, &[r(ZERO), i(0), r(T6)]);
    }
}

/// A register that holds a constant: the second scratch register unless it is 0.
fn constant_register(e: &mut Emitter<Rv64>, c: i64) -> PReg {
    if c == 0 {
        return ZERO;
    }
    e.constant(T6, c);
    T6
}
