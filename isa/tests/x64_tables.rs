//! What travels beside the code: line rows and call frame information, compared with the decoded
//! instructions.

mod tables;

use iced_x86::{Code, Decoder, DecoderOptions, Instruction, Mnemonic, OpKind, Register};
use mochi_ir::fuzz::generate;
use mochi_isa::mach::disasm::code;
use mochi_objwrite::{Atom, RelocKind};
use mochi_testkit::Random;
use tables::{Rules, atoms, calls_have_their_lines};

fn instructions(atom: &Atom) -> Vec<Instruction> {
    Decoder::new(64, code(atom), DecoderOptions::NONE).into_iter().collect()
}

#[test]
fn every_call_has_its_line() {
    // A relocation covers the four bytes before the return address.
    calls_have_their_lines("x64-linux", RelocKind::X64Call, 4);
}

/// Where the stack pointer is below the frame's address, and whether rbp is the frame pointer.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Machine {
    depth: i64,
    framed: bool,
}

fn step(m: &mut Machine, i: &Instruction) {
    let rsp = i.op_count() > 0 && i.op_kind(0) == OpKind::Register && i.op0_register() == Register::RSP;
    match i.mnemonic() {
        Mnemonic::Push => m.depth += 8,
        Mnemonic::Pop => {
            m.depth -= 8;
            m.framed &= i.op0_register() != Register::RBP;
        }
        Mnemonic::Sub if rsp => m.depth += i.immediate(1) as i64,
        Mnemonic::Add if rsp => m.depth -= i.immediate(1) as i64,
        Mnemonic::Mov if i.op0_register() == Register::RBP && i.op1_register() == Register::RSP => {
            m.framed = true;
        }
        _ => {}
    }
}

fn check_frames(atom: &Atom) {
    let ops = &atom.function.as_ref().unwrap().frame.ops;
    let mut rules = Rules { register: 7, offset: 8, saved: vec![], no_caller: false };
    let (mut remembered, mut next) = (vec![], 0);
    let mut m = Machine { depth: 8, framed: false };
    let mut body = m;
    let code = instructions(atom);
    for i in &code {
        while next < ops.len() && u64::from(ops[next].0) <= i.ip() {
            rules.apply(&mut remembered, ops[next].1);
            next += 1;
        }
        let right = match rules.register {
            7 => rules.offset == m.depth,
            6 => m.framed && rules.offset == 16,
            other => panic!("frame by register {other}"),
        };
        assert!(right, "at {:#x} {i}: {rules:?} but {m:?}", i.ip());
        step(&mut m, i);
        if m.framed && rules.register == 6 && i.code() != Code::Retnq && m.depth > body.depth {
            body = m;
        }
        if matches!(i.code(), Code::Retnq) {
            assert_eq!(m.depth, 8, "at {:#x}: returns with the stack as it was", i.ip());
            m = body;
        }
    }
}

#[test]
fn frames() {
    for seed in 0..60 {
        let module = generate(&Random::new(seed).bytes(700));
        for debug in [false, true] {
            for atom in atoms("x64-linux", &module, debug) {
                check_frames(&atom);
            }
        }
    }
}
