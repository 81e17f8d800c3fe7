//! x86-64: rows against iced, which has to encode the same bytes, and yaxpeax-x86, which does not know iced.
//!
//! Our text of a row is compared with iced's of the bytes; what iced read is compared with what
//! yaxpeax read, operand by operand. There is no decoder of ours: `--emit asm` asks iced, so any
//! bytes that iced takes for an instruction of our table are read by both.

use crate::choices::Choices;
use iced_x86::{Code, Decoder, DecoderOptions, Formatter, Instruction, Mnemonic, OpKind, Register};
use mochi_isa::x64::emit::{Addr, Opd, Start};
use mochi_isa::x64::encode::{check, encode};
use mochi_isa::x64::insts::{Field, Row};
use mochi_isa::x64::print::{formatter, text};
use mochi_isa::x64::regs::{Width, gpr, xmm};
use std::collections::HashSet;
use std::sync::LazyLock;
use yaxpeax_arch::{Decoder as _, LengthedInstruction, U8Reader};
use yaxpeax_x86::long_mode;

/// The longest instruction (Intel SDM volume 2, 2.3.11).
const LONGEST: usize = 15;

/// Judges instructions that the bytes stand for: rows with random operands, and any bytes.
pub fn encode_x64(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    while !choices.done() {
        if choices.below(4) == 0 {
            any_bytes(&mut choices);
        } else {
            row(&mut choices);
        }
    }
}

fn row(choices: &mut Choices) {
    let (row, operands) = random(choices);
    check_x64_row(row, &operands);
}

/// A row and operands for it.
fn random(choices: &mut Choices) -> (Row, Vec<Opd>) {
    let row = Row::ALL[choices.below(Row::ALL.len())];
    let shown = row.info().operands.iter().filter(|o| !matches!(o.1, Field::Cl | Field::Hidden(_)));
    (row, shown.map(|o| operand(o.1, choices)).collect())
}

fn encoded(row: Row, operands: &[Opd]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let field = encode(row, operands, &mut bytes);
    check(row, operands, &bytes, field);
    bytes
}

/// Judges a row with operands (hidden ones and `cl` are not given). Panics when a decoder reads something
/// else, or iced's text is not ours.
pub fn check_x64_row(row: Row, operands: &[Opd]) {
    let bytes = encoded(row, operands);
    let read = Decoder::new(64, &bytes, DecoderOptions::NONE).decode();
    assert_eq!(read.len(), bytes.len(), "{row:?} {operands:?} {bytes:02x?}");
    assert!(codes(row).contains(&read.code()), "{row:?} {operands:?} {bytes:02x?}");
    let mut iced = String::new();
    formatter().format(&read, &mut iced);
    assert_eq!(text(row, operands), iced, "{row:?} {operands:?} {bytes:02x?}");
    compare(&read, &bytes);
}

/// What a row's bytes can be.
fn codes(row: Row) -> Vec<Code> {
    let info = row.info();
    [info.code].into_iter().chain(info.special.map(|s| s.1)).collect()
}

/// Judges bytes that need not be an instruction of ours. Gives the code when they are.
fn any_bytes(choices: &mut Choices) -> Option<Code> {
    static CODES: LazyLock<HashSet<Code>> =
        LazyLock::new(|| Row::ALL.iter().flat_map(|&r| codes(r)).collect());
    let mut bytes = Vec::new();
    if choices.below(2) == 0 {
        // A prefix and an opcode that occur make it likely that the bytes are an instruction.
        bytes.extend([&[][..], &[0x48], &[0x66], &[0xf2, 0x48, 0x0f], &[0x41], &[0x4f]][choices.below(6)]);
        bytes.extend([&[][..], &[0x0f]][choices.below(2)]);
    } else {
        // What is like an instruction of ours has more chances.
        let (row, operands) = random(choices);
        bytes = encoded(row, &operands);
        for _ in 0..1 + choices.below(3) {
            let at = choices.below(bytes.len());
            bytes[at] = choices.below(256) as u8;
        }
    }
    while bytes.len() < LONGEST {
        bytes.push(choices.below(256) as u8);
    }
    let read = Decoder::new(64, &bytes, DecoderOptions::NONE).decode();
    let plain = !read.has_lock_prefix() && !read.has_segment_prefix();
    if !CODES.contains(&read.code()) || !plain || has_idle_prefix(&bytes[..read.len()]) {
        return None;
    }
    compare(&read, &bytes[..read.len()]);
    Some(read.code())
}

/// Prefixes that mean nothing for the instruction that follows, or that a later prefix undoes:
/// decoders show them in their own ways, and we write none. `rep` and operand sizes are part of opcodes.
fn has_idle_prefix(bytes: &[u8]) -> bool {
    let legacy = bytes.iter().take_while(|b| matches!(b, 0x66 | 0x67 | 0xf2 | 0xf3)).count();
    let rex = bytes[legacy..].iter().take_while(|b| matches!(b, 0x40..=0x4f)).count();
    let opcode = bytes[legacy + rex];
    // A prefix behind `rex` makes that mean nothing.
    let undone = matches!(opcode, 0x40..=0x4f | 0x66 | 0x67 | 0xf2 | 0xf3);
    let is_part = legacy == 0 || legacy == 1 && matches!(opcode, 0x0f | 0xc7 | 0x89);
    rex > 1 || undone || bytes[0] == 0x67 || !is_part
}

fn operand(field: Field, choices: &mut Choices) -> Opd {
    let register = |w: Width, n: usize| Opd::Reg(if w == Width::X { xmm(n) } else { gpr(n) });
    match field {
        Field::Reg(w) => register(w, choices.below(16)),
        Field::RegMem(w) if choices.below(2) == 0 => register(w, choices.below(16)),
        Field::RegMem(_) | Field::Mem => Opd::Mem(memory(choices)),
        Field::Imm8 | Field::Imm8L | Field::Imm8Q => Opd::Imm(choices.signed(8)),
        Field::Imm16 => Opd::Imm(choices.signed(16)),
        Field::Imm32 | Field::Imm32Q => Opd::Imm(choices.signed(32)),
        Field::Imm64 => Opd::Imm(choices.signed(64)),
        Field::Cl | Field::Hidden(_) => unreachable!("not an operand that is given"),
    }
}

fn memory(choices: &mut Choices) -> Addr {
    // The stack pointer is no index (SDM volume 2, table 2-3).
    let index = |choices: &mut Choices| {
        let n = choices.below(15);
        (gpr(if n < 4 { n } else { n + 1 }), choices.pick(&[1, 2, 4, 8]))
    };
    let disp = choices.signed(32) as i32;
    match choices.below(3) {
        0 => Addr { start: Start::Reg(gpr(choices.below(16))), index: None, disp },
        1 => Addr { start: Start::Reg(gpr(choices.below(16))), index: Some(index(choices)), disp },
        // Without a base an index of factor 1 is written as a base.
        _ => {
            let (register, factor) = index(choices);
            Addr { start: Start::None, index: Some((register, factor.max(2))), disp }
        }
    }
}

/// An operand as both decoders can say it.
#[derive(PartialEq, Eq, Debug)]
enum Read {
    Register(String),
    Memory { base: Option<String>, index: Option<(String, u32)>, disp: i64 },
    Number(i64),
}

fn compare(iced: &Instruction, bytes: &[u8]) {
    let decoder = long_mode::InstDecoder::default();
    let yaxpeax = decoder
        .decode(&mut U8Reader::new(bytes))
        .unwrap_or_else(|e| panic!("{bytes:02x?} {iced}: yaxpeax: {e:?}"));
    assert_eq!(yaxpeax.len().to_const() as usize, bytes.len(), "{bytes:02x?} {iced}: yaxpeax: {yaxpeax}");
    assert_eq!(name_of_iced(iced), name_of_yaxpeax(&yaxpeax), "{bytes:02x?}");
    assert_eq!(iced.op_count(), yaxpeax.operand_count().into(), "{bytes:02x?} {iced} / {yaxpeax}");
    for k in 0..iced.op_count() {
        let mut ours = read_by_iced(iced, k);
        let mut theirs = read_by_yaxpeax(&yaxpeax, k as u8, bytes.len());
        // Whether a number that is as wide as its operation is signed is for readers to choose.
        let bits = match iced.op_kind(k) {
            OpKind::Immediate8 => 8,
            OpKind::Immediate16 => 16,
            OpKind::Immediate32 => 32,
            _ => 64,
        };
        for read in [&mut ours, &mut theirs] {
            if let Read::Number(n) = read {
                *n = *n << (64 - bits) >> (64 - bits);
            }
        }
        assert_eq!(ours, theirs, "{bytes:02x?} {iced} / {yaxpeax}");
    }
}

fn name_of_iced(inst: &Instruction) -> String {
    match inst.mnemonic() {
        // The operands show the width.
        Mnemonic::Stosb => "stos".to_string(),
        Mnemonic::Movsb => "movs".to_string(),
        other => format!("{other:?}").to_lowercase(),
    }
}

/// yaxpeax's name, with iced's choice among the names of a condition.
fn name_of_yaxpeax(inst: &long_mode::Instruction) -> String {
    let name = inst.opcode().to_string();
    for prefix in ["cmov", "set", "j"] {
        let Some(condition) = name.strip_prefix(prefix) else { continue };
        let condition = match condition {
            "nb" => "ae",
            "z" => "e",
            "nz" => "ne",
            "na" => "be",
            "nbe" => "a",
            "nl" => "ge",
            "ng" => "le",
            "nle" => "g",
            other => other,
        };
        return format!("{prefix}{condition}");
    }
    name
}

fn register_of_iced(r: Register) -> Option<String> {
    (r != Register::None).then(|| {
        let name = format!("{r:?}").to_lowercase();
        match name.strip_suffix('l') {
            // r8b and r8l are two names of one register.
            Some(number) if name.starts_with('r') => format!("{number}b"),
            _ => name,
        }
    })
}

fn read_by_iced(inst: &Instruction, k: u32) -> Read {
    match inst.op_kind(k) {
        OpKind::Register => Read::Register(register_of_iced(inst.op_register(k)).expect("a register")),
        OpKind::Memory if inst.is_ip_rel_memory_operand() => Read::Memory {
            base: Some("rip".to_string()),
            index: None,
            disp: i64::from((inst.memory_displacement64() as i64 - inst.len() as i64) as i32),
        },
        OpKind::Memory => Read::Memory {
            base: register_of_iced(inst.memory_base()),
            index: register_of_iced(inst.memory_index()).map(|r| (r, inst.memory_index_scale())),
            disp: i64::from(inst.memory_displacement64() as i32),
        },
        OpKind::MemorySegRSI | OpKind::MemoryESRDI => Read::Memory {
            base: Some(if inst.op_kind(k) == OpKind::MemoryESRDI { "rdi" } else { "rsi" }.to_string()),
            index: None,
            disp: 0,
        },
        OpKind::NearBranch64 => Read::Number(inst.near_branch64() as i64),
        _ => Read::Number(inst.immediate(k) as i64),
    }
}

fn read_by_yaxpeax(inst: &long_mode::Instruction, k: u8, len: usize) -> Read {
    use long_mode::Operand::*;
    let name = |r: yaxpeax_x86::long_mode::RegSpec| r.name().to_string();
    let at = |base, index, disp: i32| Read::Memory { base, index, disp: i64::from(disp) };
    let number = |n: i64| match inst.opcode() {
        // Distances from the end of the instruction.
        long_mode::Opcode::CALL | long_mode::Opcode::JMP => Read::Number(n + len as i64),
        _ if inst.opcode().to_string().starts_with('j') => Read::Number(n + len as i64),
        _ => Read::Number(n),
    };
    match inst.operand(k) {
        ImmediateI8 { imm } => number(imm.into()),
        ImmediateU8 { imm } => number(imm.into()),
        ImmediateI16 { imm } => number(imm.into()),
        ImmediateU16 { imm } => number(imm.into()),
        ImmediateI32 { imm } => number(imm.into()),
        ImmediateU32 { imm } => number(imm.into()),
        ImmediateI64 { imm } => number(imm),
        ImmediateU64 { imm } => number(imm as i64),
        Register { reg } => Read::Register(name(reg)),
        AbsoluteU32 { addr } => at(None, None, addr as i32),
        AbsoluteU64 { addr } => Read::Memory { base: None, index: None, disp: addr as i64 },
        MemDeref { base } => at(Some(name(base)), None, 0),
        Disp { base, disp } => at(Some(name(base)), None, disp),
        MemIndexScale { index, scale } => at(None, Some((name(index), scale.into())), 0),
        MemIndexScaleDisp { index, scale, disp } => at(None, Some((name(index), scale.into())), disp),
        MemBaseIndexScale { base, index, scale } => {
            at(Some(name(base)), Some((name(index), scale.into())), 0)
        }
        MemBaseIndexScaleDisp { base, index, scale, disp } => {
            at(Some(name(base)), Some((name(index), scale.into())), disp)
        }
        other => panic!("{inst}: {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{any_bytes, encode_x64};
    use crate::choices::Choices;
    use mochi_isa::x64::insts::Row;
    use mochi_testkit::Random;
    use std::collections::HashSet;

    #[test]
    fn random_rows() {
        crate::seeds(100, 400, encode_x64);
    }

    #[test]
    fn any_bytes_are_of_every_row() {
        let mut random = Random::new(1);
        let bytes = random.bytes(4_000_000);
        let mut choices = Choices::new(&bytes);
        let mut read = HashSet::new();
        while !choices.done() {
            read.extend(any_bytes(&mut choices));
        }
        let missing: Vec<&Row> = Row::ALL.iter().filter(|r| !read.contains(&r.info().code)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
