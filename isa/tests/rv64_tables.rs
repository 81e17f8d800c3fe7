//! Line rows and call frame information of RV64, compared with what the decoded instructions do to the stack
//! pointer, the frame pointer and saved registers.

mod tables;

use mochi_ir::fuzz::generate;
use mochi_isa::mach::disasm::code;
use mochi_isa::rv64::fields::Field;
use mochi_isa::rv64::insts::{Role, Row};
use mochi_objwrite::{Atom, RelocKind};
use mochi_testkit::Random;
use std::collections::BTreeMap;
use tables::{Rules, atoms, calls_have_their_lines};

const SP: i64 = 2;
const FP: i64 = 8;

/// What is known of a frame while its code runs.
#[derive(Clone, PartialEq, Debug, Default)]
struct Machine {
    /// Bytes from the stack pointer up to the frame's address, if they are known.
    depth: Option<i64>,
    /// s0 is the frame's address.
    framed: bool,
    /// Registers by DWARF number that have been stored, and where from the frame's address.
    stored: BTreeMap<u16, i64>,
}

impl Machine {
    /// An address relative to the frame's address.
    fn place(&self, base: i64, offset: i64) -> Option<i64> {
        match base {
            SP => Some(offset - self.depth?),
            FP if self.framed => Some(offset),
            _ => None,
        }
    }

    fn step(&mut self, row: Row, v: &[i64]) {
        match (row, v) {
            (Row::Addi, &[SP, from, c]) => self.depth = self.place(from, c).map(|at| -at),
            (Row::Addi, &[FP, SP, c]) => self.framed = self.depth == Some(c),
            (_, &[SP, ..]) if row.info().operands[0] == (Role::W, Field::X(7)) => self.depth = None,
            (Row::Ld, &[FP, offset, base]) => {
                assert_eq!(self.place(base, offset), Some(-16), "the caller's frame pointer");
                self.framed = false;
            }
            (Row::Sd | Row::Fsd, &[reg, offset, base]) => {
                let number = reg as u16 + if row == Row::Fsd { 32 } else { 0 };
                if let Some(at) = self.place(base, offset) {
                    self.stored.entry(number).or_insert(at);
                }
            }
            _ => {}
        }
    }
}

/// The instructions as long ones: offset, row, operands.
fn instructions(atom: &Atom) -> Vec<(u32, Row, Vec<i64>)> {
    let mut list = Vec::new();
    let mut rest = code(atom);
    while !rest.is_empty() {
        let mut word = [0; 4];
        let n = rest.len().min(4);
        word[..n].copy_from_slice(&rest[..n]);
        let (row, values) = Row::decode(u32::from_le_bytes(word)).expect("decodes");
        let (long, operands) = row.expand(&values).unwrap_or((row, values));
        list.push(((code(atom).len() - rest.len()) as u32, long, operands));
        rest = &rest[row.size()..];
    }
    list
}

fn check_frames(atom: &Atom) {
    let ops = &atom.function.as_ref().unwrap().frame.ops;
    let mut rules = Rules { register: SP as u16, offset: 0, saved: vec![], no_caller: false };
    let (mut remembered, mut next) = (vec![], 0);
    let mut m = Machine { depth: Some(0), ..Machine::default() };
    let mut body = m.clone();
    for (at, row, operands) in instructions(atom) {
        while next < ops.len() && ops[next].0 <= at {
            rules.apply(&mut remembered, ops[next].1);
            next += 1;
        }
        let text = row.text(&operands);
        let right = match rules.register as i64 {
            SP => m.depth == Some(rules.offset),
            FP => m.framed && rules.offset == 0,
            other => panic!("frame by register {other}"),
        };
        assert!(right, "at {at:#x} {text}: {rules:?} but {m:?}");
        for &(reg, offset) in &rules.saved {
            assert_eq!(m.stored.get(&reg), Some(&(offset as i64)), "at {at:#x} {text}: register {reg}");
        }
        if rules.register as i64 == FP {
            body = m.clone();
        }
        m.step(row, &operands);
        if (row, &operands[..]) == (Row::Jalr, &[0, 0, 1]) {
            assert_eq!(m.depth, Some(0), "at {at:#x}: returns with the stack as it was");
            m = body.clone();
        }
    }
}

#[test]
fn every_call_has_its_line() {
    calls_have_their_lines("rv64-linux", RelocKind::Rv64Jal, 4);
}

#[test]
fn frames() {
    let mut large = String::from("func @large -> i64 {\nb0(v0:addr):\n");
    let n = 900;
    for i in 0..n {
        large.push_str(&format!("  v{}:i64 = load.64 v0+{}\n", i + 1, 8 * i));
    }
    large.push_str(&format!("  v{}:i64 = load.64 v0+0\n", n + 1));
    for i in 0..n {
        large.push_str(&format!("  v{}:i64 = add v{}, v{}\n", n + 2 + i, n + 1 + i, i + 1));
    }
    large.push_str(&format!("  ret v{}\n}}\n", 2 * n + 1));
    let mut modules = vec![mochi_ir::text::parse_module(&large).unwrap()];
    modules.extend((0..60).map(|seed| generate(&Random::new(seed).bytes(700))));
    for module in modules {
        for debug in [false, true] {
            atoms("rv64-linux", &module, debug).iter().for_each(check_frames);
        }
    }
}
