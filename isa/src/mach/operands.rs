//! The operands of one instruction: a list while it is selected, without an allocation on the heap, and
//! by name where an instruction is more than a row of a table.
//!
//! What has named operands is an enum over what stands for a register ([`named_operands`]): selection
//! fills in regalloc2's operands, the code keeps `()`, emission gets the places that the allocator chose.
//! All three are the same declaration, whose order is that of the list, so nobody counts operands.

use regalloc2::{Allocation, Operand, OperandConstraint, OperandKind, OperandPos, PReg, RegClass, VReg};

/// Operands that an instruction can have here; calls and parameters have lists of their own.
const MAX: usize = 10;

/// Operands of one instruction.
pub struct Operands {
    list: [Operand; MAX],
    len: usize,
}

/// A use in a register that no result of the instruction overwrites.
pub fn late(v: VReg) -> Operand {
    Operand::new(v, OperandConstraint::Reg, OperandKind::Use, OperandPos::Late)
}

impl Default for Operands {
    fn default() -> Operands {
        Operands { list: [Operand::reg_use(VReg::new(0, RegClass::Int)); MAX], len: 0 }
    }
}

impl Operands {
    /// No operands yet.
    pub fn new() -> Operands {
        Operands::default()
    }

    /// Adds one.
    pub fn add(&mut self, operand: Operand) {
        self.list[self.len] = operand;
        self.len += 1;
    }

    /// Adds a definition and a use in the same register.
    pub fn tied(&mut self, def: VReg, from: VReg) {
        self.add(Operand::reg_reuse_def(def, self.len + 1));
        self.add(Operand::reg_use(from));
    }

    /// Adds one of an instruction with named operands: a definition that reuses a register reuses that
    /// of the operand behind it ([`Tied`]).
    pub fn add_named(&mut self, operand: Operand) {
        match operand.constraint() {
            OperandConstraint::Reuse(_) => self.add(Operand::reg_reuse_def(operand.vreg(), self.len + 1)),
            _ => self.add(operand),
        }
    }

    /// The list.
    pub fn list(&self) -> &[Operand] {
        &self.list[..self.len]
    }
}

/// The register of an allocation.
pub fn reg(a: Allocation) -> PReg {
    a.as_reg().expect("register")
}

/// A register, or a constant that the instruction has in itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RegImm<R> {
    /// A register, or what else stands for one.
    Reg(R),
    /// A constant.
    Imm(i64),
}

/// An operand with its place, where instructions have registers and constants only.
pub type Opd = RegImm<PReg>;

/// An operand for a register.
pub fn r(reg: PReg) -> Opd {
    Opd::Reg(reg)
}

/// An operand for an immediate.
pub fn i(v: i64) -> Opd {
    Opd::Imm(v)
}

/// A result and the operand in whose place it is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tied<R> {
    /// The result.
    pub def: R,
    /// The operand, which is overwritten.
    pub from: R,
}

impl Tied<Operand> {
    /// A definition and a use in the same register.
    pub fn new(def: VReg, from: VReg) -> Tied<Operand> {
        Tied { def: Operand::reg_reuse_def(def, 0), from: Operand::reg_use(from) }
    }
}

/// A part of an instruction with something of type `R` for each of its registers.
pub trait Part<R> {
    /// The same part with something else for them.
    type Of<S>;
    /// Exchanges what stands for registers, in order.
    fn each<S>(self, f: &mut impl FnMut(R) -> S) -> Self::Of<S>;
}

impl<R> Part<R> for R {
    type Of<S> = S;

    fn each<S>(self, f: &mut impl FnMut(R) -> S) -> S {
        f(self)
    }
}

impl<R> Part<R> for Option<R> {
    type Of<S> = Option<S>;

    fn each<S>(self, f: &mut impl FnMut(R) -> S) -> Option<S> {
        self.map(f)
    }
}

impl<R> Part<R> for RegImm<R> {
    type Of<S> = RegImm<S>;

    fn each<S>(self, f: &mut impl FnMut(R) -> S) -> RegImm<S> {
        match self {
            RegImm::Reg(r) => RegImm::Reg(f(r)),
            RegImm::Imm(c) => RegImm::Imm(c),
        }
    }
}

impl<R> Part<R> for Tied<R> {
    type Of<S> = Tied<S>;

    fn each<S>(self, f: &mut impl FnMut(R) -> S) -> Tied<S> {
        Tied { def: f(self.def), from: f(self.from) }
    }
}

impl<R> RegImm<R> {
    /// Exchanges what stands for the register.
    pub fn map<S>(self, mut f: impl FnMut(R) -> S) -> RegImm<S> {
        self.each(&mut f)
    }

    /// The constant.
    pub fn imm(self) -> Option<i64> {
        if let RegImm::Imm(c) = self { Some(c) } else { None }
    }
}

/// Moves the operands of an instruction to its list: what remains is for the code.
pub fn list<P: Part<Operand>>(part: P, ops: &mut Operands) -> P::Of<()> {
    part.each(&mut |operand| ops.add_named(operand))
}

/// Puts what the allocator chose back to where the operands were.
pub fn with<P: Part<()>, S>(
    part: P,
    allocs: &[Allocation],
    mut place: impl FnMut(Allocation) -> S,
) -> P::Of<S> {
    let mut allocs = allocs.iter();
    let full = part.each(&mut |()| place(*allocs.next().expect("an allocation for each operand")));
    debug_assert!(allocs.next().is_none(), "an operand for each allocation");
    full
}

/// Makes an enum over what stands for a register, `R`. Each variant has fields for what is known when it
/// is selected, then, in the order of the allocator's list, its operands: `R`, `Option<R>`, [`RegImm`] or
/// [`Tied`].
macro_rules! named_operands {
    ($(#[$meta:meta])* $name:ident {
        $($(#[$doc:meta])* $variant:ident { $($field:ident: $type:ty),* } ($($operand:ident: $part:ty),*)),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[allow(missing_docs)]
        pub enum $name<R> { $($(#[$doc])* $variant { $($field: $type,)* $($operand: $part,)* }),* }

        impl<R> $crate::mach::operands::Part<R> for $name<R> {
            type Of<S> = $name<S>;

            #[allow(unused_variables)]
            fn each<S>(self, f: &mut impl FnMut(R) -> S) -> $name<S> {
                match self {
                    $($name::$variant { $($field,)* $($operand,)* } => $name::$variant {
                        $($field,)*
                        $($operand: <$part as $crate::mach::operands::Part<R>>::each($operand, f),)*
                    }),*
                }
            }
        }
    };
}

pub(crate) use named_operands;
