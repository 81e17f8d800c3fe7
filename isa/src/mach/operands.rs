//! The operands of one instruction while it is selected, without an allocation.

use regalloc2::{Operand, OperandConstraint, OperandKind, OperandPos, RegClass, VReg};

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

    /// The list.
    pub fn list(&self) -> &[Operand] {
        &self.list[..self.len]
    }
}
