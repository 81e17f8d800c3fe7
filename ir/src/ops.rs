//! The op table: one row per op. A row gives the enum variant, the name in the text form, the
//! operand classes, the result class, what the immediate means, the effects, and the meaning.
//!
//! Everything else about ops is derived from this table, except the meaning as code (`eval.rs`, `interp/step.rs`)
//! and selection: one rule per instruction set.
//!
//! Conventions: operands are words (`i64`, `addr` or `ref`) or `f`, a float. The letter of a word says
//! what becomes of an address in it (the rule is in [`crate::roots`]):
//! - `w`: nothing of it is left in the result;
//! - `p`: the result may be the same address, or one near it;
//! - `r`: it is taken for a reference;
//! - `a`: memory is accessed there.
//!
//! A `~` stands between operands that can be exchanged. (Those of float sums and products cannot: of two
//! NaNs the first is the result.)
//!
//! Word results have the type the builder gave the value.
//!
//! **Tagged ints.** The `int.*` ops work on exact integers in one word: an even word is a small
//! integer times two (63-bit range), an odd word is a pointer plus one to an immutable heap
//! object (a big integer), and the word 1 is `none`. They have an inline fast path and an
//! out-of-line slow path that calls the runtime function of the same name (`int_add_slow`, ...)
//! and keeps every register; instruction selection emits both. Their immediate holds facts that
//! range analysis proved, bits [`KNOWN_A`], [`KNOWN_B`], [`NO_OVERFLOW`].

use std::sync::OnceLock;

/// `int.*` immediate: the first operand is known to be a small int.
pub const KNOWN_A: i64 = 1;
/// `int.*` immediate: the second operand is known to be a small int.
pub const KNOWN_B: i64 = 2;
/// `int.*` immediate: the result is known to fit a small int.
pub const NO_OVERFLOW: i64 = 4;

/// Class of an operand or result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// `i64`, `addr` or `ref`.
    Word,
    /// `f64`.
    Float,
}

/// What an op does with an operand, see the letters in the head of this file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// `w`: a word of which the result has nothing but what arithmetic made of it.
    Word,
    /// `p`: a word whose address the result carries on.
    Carried,
    /// `r`: a word that is taken for a reference.
    Reference,
    /// `a`: the address of an access.
    Address,
    /// `f`.
    Float,
}

impl Role {
    /// The class of the operand.
    pub fn class(self) -> Class {
        if self == Role::Float { Class::Float } else { Class::Word }
    }
}

/// What the instruction's immediate (`imm`) and symbol (`sym`) fields mean.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Imm {
    /// Both unused.
    None,
    /// `imm` is a 64-bit integer constant.
    Int,
    /// `imm` is the bit pattern of an `f64`.
    Float,
    /// `sym` is a symbol, `imm` a byte offset added to its address.
    Sym,
    /// `imm` is a byte offset added to the address operand; it fits `i32`.
    Offset,
    /// `imm` is a [`Cond`].
    Cond,
    /// `imm` is an [`FCond`].
    FCond,
    /// `imm` is a [`Cond`] in the low byte (signed conditions only), known bits in the next.
    IntCond,
    /// `imm` holds [`KNOWN_A`], [`KNOWN_B`], [`NO_OVERFLOW`].
    Known,
    /// `sym` is the callee.
    Callee,
    /// Terminator `switch`: `imm` is unused; case values are in the block calls' `case`.
    Switch,
}

/// What an op does besides giving its result. What that means for code motion and removal is said by
/// [`crate::effects`], which also knows callees.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Nothing: the result depends on the operands only.
    Pure,
    /// Nothing, but it is undefined (or traps) when the second operand is 0.
    Partial,
    /// Reads so many bytes at its address.
    Load(u8),
    /// Writes so many bytes at its address.
    Store(u8),
    /// Writes as much memory as an operand says.
    Fill,
    /// Exact arithmetic, whose slow path may allocate, and so collect.
    Exact,
    /// As [`Effect::Exact`], and an error of the program when the second operand is 0.
    ExactPartial,
    /// Reads a register of the machine that says where the stack is.
    Stack,
    /// Asks the system for something.
    System,
    /// Runs code from elsewhere.
    Call,
    /// Leaves this stack for good.
    Leave,
    /// Ends a block.
    Terminator,
}

/// Integer comparison of 64-bit words.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Cond {
    Eq,
    Ne,
    Slt,
    Sle,
    Sgt,
    Sge,
    Ult,
    Ule,
    Ugt,
    Uge,
}

impl Cond {
    /// All conditions, indexed by discriminant.
    pub const ALL: [Cond; 10] = [
        Cond::Eq,
        Cond::Ne,
        Cond::Slt,
        Cond::Sle,
        Cond::Sgt,
        Cond::Sge,
        Cond::Ult,
        Cond::Ule,
        Cond::Ugt,
        Cond::Uge,
    ];

    /// The name in the text form.
    pub fn name(self) -> &'static str {
        ["eq", "ne", "slt", "sle", "sgt", "sge", "ult", "ule", "ugt", "uge"][self as usize]
    }

    /// The condition from an instruction's immediate (low byte).
    pub fn from_imm(imm: i64) -> Cond {
        Cond::ALL[(imm & 0xff) as usize]
    }

    /// The condition that holds exactly when this one does not.
    pub fn invert(self) -> Cond {
        use Cond::*;
        [Ne, Eq, Sge, Sgt, Sle, Slt, Uge, Ugt, Ule, Ult][self as usize]
    }

    /// The condition with the operands exchanged.
    pub fn swap(self) -> Cond {
        use Cond::*;
        [Eq, Ne, Sgt, Sge, Slt, Sle, Ugt, Uge, Ult, Ule][self as usize]
    }

    /// Evaluates the condition.
    pub fn eval(self, a: i64, b: i64) -> bool {
        let (ua, ub) = (a as u64, b as u64);
        match self {
            Cond::Eq => a == b,
            Cond::Ne => a != b,
            Cond::Slt => a < b,
            Cond::Sle => a <= b,
            Cond::Sgt => a > b,
            Cond::Sge => a >= b,
            Cond::Ult => ua < ub,
            Cond::Ule => ua <= ub,
            Cond::Ugt => ua > ub,
            Cond::Uge => ua >= ub,
        }
    }
}

/// Comparison of floats. Every condition but `Ne` is false when an operand is NaN; `Ne` is true.
/// Note that the inverse of `Lt` is therefore not `Ge`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum FCond {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl FCond {
    /// All conditions, indexed by discriminant.
    pub const ALL: [FCond; 6] = [FCond::Eq, FCond::Ne, FCond::Lt, FCond::Le, FCond::Gt, FCond::Ge];

    /// The name in the text form.
    pub fn name(self) -> &'static str {
        ["eq", "ne", "lt", "le", "gt", "ge"][self as usize]
    }

    /// The condition from an instruction's immediate.
    pub fn from_imm(imm: i64) -> FCond {
        FCond::ALL[(imm & 0xff) as usize]
    }

    /// Evaluates the condition.
    pub fn eval(self, a: f64, b: f64) -> bool {
        match self {
            FCond::Eq => a == b,
            FCond::Ne => a != b,
            FCond::Lt => a < b,
            FCond::Le => a <= b,
            FCond::Gt => a > b,
            FCond::Ge => a >= b,
        }
    }
}

/// Number of operands: fixed by the row, or free (calls, `ret`).
pub struct OpInfo {
    /// Name in the text form.
    pub name: &'static str,
    /// Operands, or `None` when the number is free.
    pub operands: Option<&'static [Role]>,
    /// Result class: `None` for no result; calls may have either ([`OpInfo::free_result`]).
    pub result: Option<Class>,
    /// The result is there or not, and of any class (calls).
    pub free_result: bool,
    /// Meaning of the immediate.
    pub imm: Imm,
    /// The first two operands can be exchanged.
    pub commutes: bool,
    /// Effect.
    pub effect: Effect,
    /// Meaning, one sentence.
    pub doc: &'static str,
}

macro_rules! roles {
    (*) => { None };
    ($a:ident ~ $b:ident) => { Some(&[roles!(@ $a), roles!(@ $b)]) };
    ($($c:ident)*) => { Some(&[$(roles!(@ $c)),*]) };
    (@ w) => { Role::Word };
    (@ p) => { Role::Carried };
    (@ r) => { Role::Reference };
    (@ a) => { Role::Address };
    (@ f) => { Role::Float };
}
macro_rules! result {
    (-) => {
        (None::<Class>, false)
    };
    (w) => {
        (Some(Class::Word), false)
    };
    (f) => {
        (Some(Class::Float), false)
    };
    (?) => {
        (None::<Class>, true)
    };
}
macro_rules! commutes {
    ($a:ident ~ $b:ident) => {
        true
    };
    ($($operand:tt)*) => {
        false
    };
}
macro_rules! ops {
    ($($variant:ident $name:literal ($($operand:tt)*) -> $result:tt, $imm:ident,
        $effect:ident $(($bytes:literal))?, $doc:literal;)*) => {
        /// An operation. See the table in this file.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Op { $(#[doc = $doc] $variant),* }

        impl Op {
            /// Every op, in table order.
            pub const ALL: &'static [Op] = &[$(Op::$variant),*];

            /// The op's row.
            pub fn info(self) -> &'static OpInfo {
                static TABLE: &[OpInfo] = &[$(OpInfo {
                    name: $name,
                    operands: roles!($($operand)*),
                    result: result!($result).0,
                    free_result: result!($result).1,
                    imm: Imm::$imm,
                    commutes: commutes!($($operand)*),
                    effect: Effect::$effect$(($bytes))?,
                    doc: $doc,
                }),*];
                &TABLE[self as usize]
            }
        }
    };
}

ops! {
    // Constants and addresses.
    Iconst "iconst" () -> w, Int, Pure, "The constant imm.";
    Fconst "fconst" () -> f, Float, Pure, "The float whose bits are imm.";
    Symaddr "symaddr" () -> w, Sym, Pure, "Address of sym plus imm.";
    // 64-bit integers, wrapping.
    Add "add" (p ~ p) -> w, None, Pure, "a + b modulo 2^64.";
    Sub "sub" (p w) -> w, None, Pure, "a - b modulo 2^64.";
    Mul "mul" (w ~ w) -> w, None, Pure, "a * b modulo 2^64.";
    Smulh "smulh" (w ~ w) -> w, None, Pure, "High 64 bits of the signed 128-bit product.";
    Umulh "umulh" (w ~ w) -> w, None, Pure, "High 64 bits of the unsigned 128-bit product.";
    AddOver "add.over" (w ~ w) -> w, None, Pure, "1 when the sum of signed words does not fit a word, else 0.";
    SubOver "sub.over" (w w) -> w, None, Pure, "1 when the difference of signed words does not fit a word, else 0.";
    MulOver "mul.over" (w ~ w) -> w, None, Pure, "1 when the product of signed words does not fit a word, else 0.";
    Addc "addc" (w w w) -> w, None, Pure, "a + b + the lowest bit of c, modulo 2^64.";
    Carry "carry" (w w w) -> w, None, Pure, "1 when a + b + the lowest bit of c is 2^64 or more, else 0.";
    Sdiv "sdiv" (w w) -> w, None, Partial, "Signed quotient, truncated; b is not 0; the minimum divided by -1 is the minimum.";
    Udiv "udiv" (w w) -> w, None, Partial, "Unsigned quotient; b is not 0.";
    Srem "srem" (w w) -> w, None, Partial, "Signed remainder with the sign of a; b is not 0; the minimum by -1 gives 0.";
    Urem "urem" (w w) -> w, None, Partial, "Unsigned remainder; b is not 0.";
    And "and" (p ~ p) -> w, None, Pure, "Bitwise and.";
    Or "or" (p ~ p) -> w, None, Pure, "Bitwise or.";
    Xor "xor" (p ~ p) -> w, None, Pure, "Bitwise exclusive or.";
    Shl "shl" (w w) -> w, None, Pure, "a shifted left by b modulo 64.";
    Sshr "sshr" (w w) -> w, None, Pure, "a shifted right by b modulo 64, copies of the sign enter.";
    Ushr "ushr" (w w) -> w, None, Pure, "a shifted right by b modulo 64, zeros enter.";
    Rotr "rotr" (w w) -> w, None, Pure, "a rotated right by b modulo 64.";
    Neg "neg" (w) -> w, None, Pure, "0 - a modulo 2^64.";
    Not "not" (w) -> w, None, Pure, "Bitwise complement.";
    Clz "clz" (w) -> w, None, Pure, "Leading zero bits; 64 for 0.";
    Ctz "ctz" (w) -> w, None, Pure, "Trailing zero bits; 64 for 0.";
    Popcnt "popcnt" (w) -> w, None, Pure, "Number of one bits.";
    Sext8 "sext8" (w) -> w, None, Pure, "Low 8 bits, sign extended.";
    Sext16 "sext16" (w) -> w, None, Pure, "Low 16 bits, sign extended.";
    Sext32 "sext32" (w) -> w, None, Pure, "Low 32 bits, sign extended.";
    Zext8 "zext8" (w) -> w, None, Pure, "Low 8 bits, zero extended.";
    Zext16 "zext16" (w) -> w, None, Pure, "Low 16 bits, zero extended.";
    Zext32 "zext32" (w) -> w, None, Pure, "Low 32 bits, zero extended.";
    Icmp "icmp" (w w) -> w, Cond, Pure, "1 when the condition holds, else 0.";
    Select "select" (w p p) -> w, None, Pure, "b when a is not 0, else c.";
    Copy "copy" (p) -> w, None, Pure, "The operand, as a word of the result's type.";
    // Floats: IEEE 754 binary64, never fused or reassociated. When an operand of arithmetic is a quiet NaN
    // the result is that NaN, of two the first; WebAssembly leaves it to the engine which NaN it is.
    Fadd "fadd" (f f) -> f, None, Pure, "a + b.";
    Fsub "fsub" (f f) -> f, None, Pure, "a - b.";
    Fmul "fmul" (f f) -> f, None, Pure, "a * b.";
    Fdiv "fdiv" (f f) -> f, None, Pure, "a / b.";
    Fneg "fneg" (f) -> f, None, Pure, "a with the sign bit flipped.";
    Fabs "fabs" (f) -> f, None, Pure, "a with the sign bit cleared.";
    Fsqrt "fsqrt" (f) -> f, None, Pure, "Square root, correctly rounded.";
    Fcmp "fcmp" (f f) -> w, FCond, Pure, "1 when the condition holds, else 0.";
    Fselect "fselect" (w f f) -> f, None, Pure, "b when a is not 0, else c.";
    FcvtFromS "fcvt.from.s64" (w) -> f, None, Pure, "Nearest float of a signed integer, ties to even.";
    FcvtToS "fcvt.to.s64" (f) -> w, None, Pure, "Truncated toward zero; NaN and out of range give the minimum.";
    FbitsTo "fbits.to" (f) -> w, None, Pure, "The bits of a float.";
    FbitsFrom "fbits.from" (w) -> f, None, Pure, "The float with these bits.";
    // Memory: little endian, any alignment, address operand plus imm.
    Load8u "load.u8" (a) -> w, Offset, Load(1), "Byte, zero extended.";
    Load8s "load.s8" (a) -> w, Offset, Load(1), "Byte, sign extended.";
    Load16u "load.u16" (a) -> w, Offset, Load(2), "Two bytes, zero extended.";
    Load16s "load.s16" (a) -> w, Offset, Load(2), "Two bytes, sign extended.";
    Load32u "load.u32" (a) -> w, Offset, Load(4), "Four bytes, zero extended.";
    Load32s "load.s32" (a) -> w, Offset, Load(4), "Four bytes, sign extended.";
    Load64 "load.64" (a) -> w, Offset, Load(8), "Eight bytes.";
    LoadF64 "load.f64" (a) -> f, Offset, Load(8), "A float.";
    Store8 "store.8" (a w) -> -, Offset, Store(1), "Stores the low byte of b at a plus imm.";
    Store16 "store.16" (a w) -> -, Offset, Store(2), "Stores the low two bytes of b.";
    Store32 "store.32" (a w) -> -, Offset, Store(4), "Stores the low four bytes of b.";
    Store64 "store.64" (a w) -> -, Offset, Store(8), "Stores b.";
    StoreF64 "store.f64" (a f) -> -, Offset, Store(8), "Stores the float b.";
    MemCopy "mem.copy" (a a w) -> -, None, Fill, "Copies c bytes from b to a; the areas do not overlap.";
    MemMove "mem.move" (a a w) -> -, None, Fill, "Copies c bytes from b to a; the areas may overlap.";
    MemFill "mem.fill" (a w w) -> -, None, Fill, "Sets c bytes at a to the low byte of b.";
    // Exact ints: tagged words, see the header. The slow path may call the collector or not return.
    IntAdd "int.add" (r ~ r) -> w, Known, Exact, "a + b. Slow path int_add_slow.";
    IntSub "int.sub" (r r) -> w, Known, Exact, "a - b. Slow path int_sub_slow.";
    IntMul "int.mul" (r ~ r) -> w, Known, Exact, "a * b. Slow path int_mul_slow.";
    IntDiv "int.div" (r r) -> w, Known, ExactPartial, "Quotient truncated toward zero. Slow path int_div_slow, also for a zero divisor.";
    IntMod "int.mod" (r r) -> w, Known, ExactPartial, "Remainder with the sign of a. Slow path int_mod_slow, also for a zero divisor.";
    IntNeg "int.neg" (r) -> w, Known, Exact, "0 - a. Slow path int_neg_slow.";
    IntCmp "int.cmp" (r r) -> w, IntCond, Exact, "1 when the condition holds between the integers. Slow path of eq and ne int_eq_slow, which returns 0 when they are equal (none equals none), else 1; of the others int_cmp_slow, which returns -1, 0 or 1, or 2 when none is an operand and no condition holds.";
    // Calls. Arguments are the callee's; the result is there when the signature has one.
    Call "call" (*) -> ?, Callee, Call, "Calls sym.";
    CallInd "call.ind" (*) -> ?, None, Call, "Calls the address in the first operand with the rest as arguments, C convention.";
    Syscall "syscall" (*) -> w, None, System, "System call: number, then up to six arguments; the raw result.";
    // Machine state, for the runtime.
    GetSp "get.sp" () -> w, None, Stack, "The stack pointer: everything live in callers is above it.";
    GetFp "get.fp" () -> w, None, Stack, "The frame pointer of this function, as the target's convention has it.";
    SwitchStack "switch.stack" (w w w) -> -, None, Leave, "Sets the stack pointer to a, clears the frame pointer, calls the address b with argument c; does not return.";
    // Terminators.
    Jump "jump" () -> -, None, Terminator, "Goes to the block call.";
    Brif "brif" (w) -> -, None, Terminator, "Goes to the first block call when the operand is not 0, else to the second.";
    Switch "switch" (w) -> -, Switch, Terminator, "Goes to the block call whose case equals the operand, else to the first (default).";
    Ret "ret" (*) -> -, None, Terminator, "Returns the operand, if the function has a result.";
    Unreachable "unreachable" () -> -, None, Terminator, "Never reached; traps if it is.";
}

impl Op {
    /// Ends a block.
    pub fn is_terminator(self) -> bool {
        self.info().effect == Effect::Terminator
    }

    /// Gives the same word always: it lives in no register for long.
    pub fn is_constant(self) -> bool {
        matches!(self, Op::Iconst | Op::Fconst | Op::Symaddr)
    }

    /// The op whose overflow this one tells. Directly behind that op, with the same operands, it is free in
    /// most instruction sets.
    pub fn overflow_of(self) -> Option<Op> {
        match self {
            Op::AddOver => Some(Op::Add),
            Op::SubOver => Some(Op::Sub),
            Op::MulOver => Some(Op::Mul),
            _ => None,
        }
    }

    /// A question, of which the answer is 1 or 0.
    pub fn is_question(self) -> bool {
        matches!(self, Op::Icmp | Op::Fcmp | Op::IntCmp) || self.overflow_of().is_some()
    }

    /// The result depends on the operands only, and there is nothing else.
    pub fn computes(self) -> bool {
        matches!(self.info().effect, Effect::Pure | Effect::Partial)
    }

    /// As [`Op::computes`], for all operands.
    pub fn is_pure(self) -> bool {
        self.info().effect == Effect::Pure
    }

    /// An access to memory at the first operand plus the immediate: how many bytes it touches.
    pub fn access_size(self) -> Option<u8> {
        match self.info().effect {
            Effect::Load(n) | Effect::Store(n) => Some(n),
            _ => None,
        }
    }

    /// A load: an access that gives what is in memory.
    pub fn is_load(self) -> bool {
        matches!(self.info().effect, Effect::Load(_))
    }

    /// The op with this name in the text form.
    pub fn from_name(name: &str) -> Option<Op> {
        static SORTED: OnceLock<Vec<Op>> = OnceLock::new();
        let sorted = SORTED.get_or_init(|| {
            let mut ops = Op::ALL.to_vec();
            ops.sort_unstable_by_key(|op| op.info().name);
            ops
        });
        sorted.binary_search_by(|op| op.info().name.cmp(name)).ok().map(|i| sorted[i])
    }

    /// An `int.*` op: tagged operands and an out-of-line slow path.
    pub fn is_int(self) -> bool {
        matches!(self.info().effect, Effect::Exact | Effect::ExactPartial)
    }

    /// The runtime function an `int.*` op with this immediate calls on its slow path.
    pub fn slow_path(self, imm: i64) -> Option<&'static str> {
        self.slow_path_number(imm).map(|n| Op::SLOW_PATHS[n])
    }

    /// The number of that function in [`Op::SLOW_PATHS`].
    pub fn slow_path_number(self, imm: i64) -> Option<usize> {
        Some(match self {
            Op::IntAdd => 0,
            Op::IntSub => 1,
            Op::IntMul => 2,
            Op::IntDiv => 3,
            Op::IntMod => 4,
            Op::IntNeg => 5,
            Op::IntCmp if matches!(Cond::from_imm(imm), Cond::Eq | Cond::Ne) => 6,
            Op::IntCmp => 7,
            _ => return None,
        })
    }

    /// The functions that `int.*` ops call on their slow paths.
    pub const SLOW_PATHS: [&'static str; 8] = [
        "int_add_slow",
        "int_sub_slow",
        "int_mul_slow",
        "int_div_slow",
        "int_mod_slow",
        "int_neg_slow",
        "int_eq_slow",
        "int_cmp_slow",
    ];
}
