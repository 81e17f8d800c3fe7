//! Call frame information of AArch64 against the instructions: a walk over the code knows where the
//! stack pointer is, which registers still have their caller's values and where those are stored.
//! At every instruction the rules must find the frame's address and every kept register.

mod tables;

use mochi_ir::fuzz::generate;
use mochi_isa::a64::insts::{Role, Row, register};
use mochi_isa::a64::regs::{FP, LR, SP, ZR, dwarf};
use mochi_isa::mach::disasm::code;
use mochi_objwrite::{Atom, CfiOp, RelocKind};
use mochi_testkit::Random;
use std::collections::{BTreeMap, BTreeSet};
use tables::{Rules, atoms, calls_have_their_lines};

/// What is true before an instruction. Registers by DWARF number, places relative to the frame's
/// address, which is the stack pointer at the call.
#[derive(Clone, Debug)]
struct State {
    /// Bytes that the stack pointer is below the frame's address.
    depth: i64,
    /// The frame pointer is where the frame record is.
    framed: bool,
    /// Registers with their caller's values.
    intact: BTreeSet<u16>,
    /// Caller's values in memory.
    stored: BTreeMap<i64, u16>,
}

/// Stands for the zero register, which has no number.
const ZERO: u16 = 99;

/// A decoded instruction: row, values, register operands with roles.
struct Line {
    row: Row,
    values: Vec<i64>,
    registers: Vec<(Role, u16)>,
}

fn decode(word: u32) -> Line {
    let (row, values) = Row::decode(word).expect("an instruction of ours");
    let operands = row.info().operands.iter().zip(&values);
    let number = |r| if r == ZR { ZERO } else { dwarf(r) };
    let registers = operands.filter_map(|(&(role, field), &v)| Some((role, number(register(field, v)?))));
    let registers = registers.collect();
    Line { row, values, registers }
}

impl State {
    /// Where a load or store of words is: the first one's place, how many, and how it moves the
    /// stack pointer.
    fn access(&self, line: &Line) -> Option<(i64, usize, i64)> {
        use Row::*;
        let count = match line.row {
            Ldr | Str | LdrD | StrD | Ldur | Stur | LdurD | SturD => 1,
            Ldp | Stp | LdpD | StpD | LdpPre | StpPre | LdpPost | StpPost | LdpDPost | StpDPre => 2,
            _ => return None,
        };
        let offset = *line.values.last()?;
        let base = line.registers[count].1;
        let start = match base {
            31 => -self.depth,
            29 if self.framed => -16,
            _ => return None,
        };
        match line.row {
            LdpPre | StpPre | StpDPre => Some((start + offset, count, offset)),
            LdpPost | StpPost | LdpDPost => Some((start, count, offset)),
            _ => Some((start + offset, count, 0)),
        }
    }

    fn step(&mut self, line: &Line) {
        let access = self.access(line);
        let store = line.row.info().name.starts_with("st");
        for (k, &(role, r)) in line.registers.iter().enumerate() {
            let loaded = access.filter(|a| k < a.1 && !store);
            match loaded {
                Some((at, ..)) if self.stored.get(&(at + 8 * k as i64)) == Some(&r) => {
                    self.intact.insert(r);
                }
                _ if role != Role::R => {
                    self.intact.remove(&r);
                }
                _ => {}
            }
        }
        if let Some((at, count, moves)) = access {
            for (k, &(_, r)) in line.registers[..count].iter().enumerate().filter(|_| store) {
                let place = at + 8 * k as i64;
                if self.intact.contains(&r) {
                    self.stored.insert(place, r);
                } else {
                    self.stored.remove(&place);
                }
            }
            self.depth -= moves;
        }
        let sp = |k: usize| line.registers.get(k).is_some_and(|r| r.1 == dwarf(SP));
        match line.row {
            Row::SubI if sp(0) && sp(1) => self.depth += line.values[2],
            Row::AddI if sp(0) && sp(1) => self.depth -= line.values[2],
            Row::MovSp if sp(0) => self.depth = 16,
            Row::SubI if sp(0) && self.framed && line.registers[1].1 == dwarf(FP) => {
                self.depth = 16 + line.values[2];
            }
            Row::AddI if sp(1) && line.registers[0].1 == dwarf(FP) => {
                self.framed = self.depth - line.values[2] == 16;
            }
            Row::MovSp if sp(1) => self.framed = true,
            // A call leaves its return address.
            Row::Bl | Row::CallReg => {
                self.intact.remove(&dwarf(LR));
            }
            _ => assert!(!sp(0) || line.registers[0].0 == Role::R, "{:?} moves the stack", line.row),
        }
        self.framed &= !(self.intact.contains(&dwarf(FP)) && line.row == Row::LdpPost);
        // What is below the stack pointer may be overwritten by a signal.
        let depth = self.depth;
        self.stored.retain(|&at, _| at >= -depth);
    }
}

/// Checks a function; gives the number of instructions.
fn check(atom: &Atom) -> usize {
    let kept: BTreeSet<u16> = (19..31).chain(72..80).collect();
    let ops = &atom.function.as_ref().unwrap().frame.ops;
    let mut rules = Rules { register: 31, offset: 0, saved: vec![], no_caller: false };
    let mut state = State { depth: 0, framed: false, intact: kept.clone(), stored: BTreeMap::new() };
    let (mut remembered, mut states, mut next) = (vec![], vec![], 0);
    for (k, word) in code(atom).chunks_exact(4).enumerate() {
        let at = 4 * k as u32;
        while next < ops.len() && ops[next].0 <= at {
            match ops[next].1 {
                CfiOp::RememberState => states.push(state.clone()),
                CfiOp::RestoreState => state = states.pop().expect("remembered"),
                _ => {}
            }
            rules.apply(&mut remembered, ops[next].1);
            next += 1;
        }
        let line = decode(u32::from_le_bytes(word.try_into().unwrap()));
        let text = || format!("at {at:#x} {}: {rules:?} but {state:?}", line.row.text(&line.values));
        match rules.register {
            31 => assert_eq!(rules.offset, state.depth, "{}", text()),
            29 => assert!(state.framed && rules.offset == 16, "{}", text()),
            other => panic!("frame by register {other}"),
        }
        for r in &kept {
            let place = rules.saved.iter().find(|s| s.0 == *r);
            let found = match place {
                Some(&(_, at)) => state.stored.get(&i64::from(at)) == Some(r),
                None => state.intact.contains(r),
            };
            assert!(found, "register {r} is lost {}", text());
        }
        if line.row == Row::Return {
            assert_eq!((state.depth, &state.intact), (0, &kept), "{}", text());
        }
        state.step(&line);
    }
    code(atom).len() / 4
}

#[test]
fn every_call_has_its_line() {
    calls_have_their_lines("a64-linux", RelocKind::A64Call, 4);
}

#[test]
fn frames() {
    let mut checked = 0;
    let mut floats = BTreeSet::new();
    for seed in 0..60 {
        let module = generate(&Random::new(seed).bytes(700));
        for (debug, target) in
            [false, true].map(|debug| ["a64-linux", "a64-windows"].map(|t| (debug, t))).concat()
        {
            for atom in atoms(target, &module, debug) {
                checked += check(&atom);
                let words = code(&atom).chunks_exact(4);
                let rows = words.map(|w| decode(u32::from_le_bytes(w.try_into().unwrap())).row);
                floats.extend(
                    rows.filter(|row| matches!(row, Row::StpDPre | Row::LdpDPost)).map(|row| row as u32),
                );
            }
        }
    }
    println!("{checked} instructions");
    assert!(checked > 1000);
    assert_eq!(floats.len(), 2, "no floats are saved in pairs");
}
