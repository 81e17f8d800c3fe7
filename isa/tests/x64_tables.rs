//! What travels beside the code: line rows and call frame information, compared with the decoded
//! instructions.

mod tables;

use iced_x86::{Code, Decoder, DecoderOptions, Instruction, Mnemonic, OpKind, Register};
use mochi_ir::fuzz::{generate, random_bytes};
use mochi_ir::text::parse_module;
use mochi_isa::mach::disasm::code;
use mochi_objwrite::{Atom, LineRow, RelocKind};
use tables::{Rules, atoms};

fn instructions(atom: &Atom) -> Vec<Instruction> {
    Decoder::new(64, code(atom), DecoderOptions::NONE).into_iter().collect()
}

const LINES: &str = "
file \"a.mochi\"
declare func @int_add_slow(ref, ref) -> ref preserve_all cold
declare func @g(i64) -> i64
func @f \"f\" file 0 -> ref @3:1 {
b0(v0:ref, v1:i64):
  v2:i64 = call @g(v1) @4:3
  brif v2, b1, b2 @5:3
b1:
  v3:ref = int.add v0, v0 @6:7
  v4:i64 = call @g(v2) @7:2
  ret v3 @8:2
b2:
  v5:i64 = call @g(v1) @9:9
  v6:ref = iconst 1
  ret v6 @10:1
}
";

fn row_at(rows: &[LineRow], offset: u32) -> &LineRow {
    let n = rows.partition_point(|r| r.offset <= offset);
    &rows[n - 1]
}

#[test]
fn every_call_has_its_line() {
    for debug in [false, true] {
        let module = parse_module(LINES).unwrap();
        let atom = &atoms("x64-linux", &module, debug)[0];
        let info = atom.function.as_ref().unwrap();
        assert!(info.lines.is_sorted_by_key(|r| r.offset), "rows in order");
        assert_eq!(info.lines[0].line, 3, "starts with the declaration");
        assert_eq!(info.lines.iter().filter(|r| r.prologue_end).count(), 1);
        let end = info.lines.iter().find(|r| r.prologue_end).unwrap();
        assert_eq!(end.line, 4, "the prologue ends before the first statement");
        let mut lines = Vec::new();
        for r in atom.relocs.iter().filter(|r| r.kind == RelocKind::X64Call) {
            // The byte before the return address.
            let row = row_at(&info.lines, r.offset + 3);
            lines.push((module.syms[r.sym.0 as usize].name.as_str(), row.line, row.column));
        }
        lines.sort();
        let expected = [("g", 4, 3), ("g", 7, 2), ("g", 9, 9), ("int_add_slow", 6, 7)];
        assert_eq!(lines, expected, "debug {debug}");
    }
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
    let mut rules = Rules { register: 7, offset: 8, saved: vec![] };
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
        let module = generate(&random_bytes(seed, 700));
        for debug in [false, true] {
            for atom in atoms("x64-linux", &module, debug) {
                check_frames(&atom);
            }
        }
    }
}
