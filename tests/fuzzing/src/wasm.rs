//! WebAssembly: rows against wasmparser and wasmbin.
//!
//! Both show an instruction by its name and its numbers; the judge compares these.

use crate::choices::Choices;
use mochi_isa::wasm32::encode::{Operand, Reader, encode};
use mochi_isa::wasm32::insts::{Imm, Row, Ty};
use wasmbin::io::Decode;
use wasmparser::{BinaryReader, FunctionBody};

/// Judges instructions that the bytes stand for: rows with random operands, and any bytes.
pub fn encode_wasm(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    while !choices.done() {
        if choices.below(4) == 0 {
            any_bytes(&mut choices);
            continue;
        }
        let row = Row::ALL[choices.below(Row::ALL.len())];
        let operand = operand(row.info().imm, &mut choices);
        let mut code = Vec::new();
        encode(&mut code, row, &operand);
        let mut reader = Reader { bytes: &code, at: 0 };
        assert_eq!(reader.row(), Some(row), "{operand:?} {code:02x?}");
        assert_eq!(reader.operand(row), Some(operand.clone()), "{row:?} {code:02x?}");
        assert_eq!(reader.at, code.len(), "{row:?} {operand:?} {code:02x?}");
        compare(row, &operand, &code);
    }
}

/// What our reader knows, others read in the same way. Bytes that we would not write (numbers with
/// more bytes than they need) are no concern of the table.
fn any_bytes(choices: &mut Choices) {
    let mut bytes: Vec<u8> = (0..1 + choices.below(12)).map(|_| choices.below(256) as u8).collect();
    if choices.below(2) == 0 {
        let row = Row::ALL[choices.below(Row::ALL.len())];
        bytes.splice(0..0, row.info().opcode.iter().copied());
    }
    let mut reader = Reader { bytes: &bytes, at: 0 };
    let Some(row) = reader.row() else { return };
    // The length of a table of labels comes from the bytes.
    if row.info().imm == Imm::Labels && bytes.get(reader.at).is_some_and(|&n| n > 8) {
        return;
    }
    let Some(operand) = reader.operand(row) else { return };
    let mut again = Vec::new();
    encode(&mut again, row, &operand);
    if again == bytes[..reader.at] {
        compare(row, &operand, &again);
    }
}

fn operand(imm: Imm, choices: &mut Choices) -> Operand {
    let index = |choices: &mut Choices| choices.signed(33) as u32;
    match imm {
        Imm::None | Imm::Zero | Imm::ZeroZero => Operand::None,
        Imm::Block => Operand::Block(choices.pick(&[None, Some(Ty::I32), Some(Ty::I64), Some(Ty::F64)])),
        Imm::Label | Imm::Func | Imm::Local | Imm::Global | Imm::TypeTable => Operand::Index(index(choices)),
        Imm::Labels => Operand::Labels((0..1 + choices.below(9)).map(|_| index(choices)).collect()),
        Imm::Memory(_) => Operand::Offset(index(choices)),
        Imm::I32 => Operand::Const(choices.signed(32)),
        Imm::I64 | Imm::F64 => Operand::Const(choices.signed(64)),
    }
}

/// An instruction as its readers show it.
#[derive(PartialEq, Debug)]
struct Read {
    name: String,
    /// A block's type.
    block: Option<&'static str>,
    numbers: Vec<i64>,
}

/// Takes the debug form of an instruction apart: the name (letters of one case), and numbers that are no part of a name.
fn read(debug: &str) -> Read {
    let debug = debug.strip_prefix("Misc(").unwrap_or(debug);
    let end = debug.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(debug.len());
    let name = match &debug[..end] {
        "BlockStart" => "Block",
        "LoopStart" => "Loop",
        "IfStart" => "If",
        "IfElse" => "Else",
        other => other,
    };
    let block = ["Empty", "I32)", "I64)", "F64)"].into_iter().find(|t| debug[end..].contains(t));
    let rest = &debug[end..];
    let bytes = rest.as_bytes();
    let mut numbers = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        at += 1;
        let sign = bytes[start] == b'-';
        let after_letter =
            start > 0 && (bytes[start - 1].is_ascii_alphanumeric() || bytes[start - 1] == b'_');
        if after_letter || !(sign || bytes[start].is_ascii_digit()) {
            continue;
        }
        while at < bytes.len() && bytes[at].is_ascii_digit() {
            at += 1;
        }
        let number: i128 = rest[start..at].parse().expect("digits");
        numbers.push(number as i64);
    }
    // wasmbin writes `RotR`.
    Read { name: name.to_lowercase(), block, numbers }
}

fn compare(row: Row, operand: &Operand, code: &[u8]) {
    let what = || format!("{row:?} {operand:?} {code:02x?}");
    let body = [&[0][..], code].concat();
    let operators = FunctionBody::new(BinaryReader::new(&body, 0)).get_operators_reader();
    let mut operators = operators.expect("no locals").into_iter_with_offsets();
    let (theirs, at) =
        operators.next().expect("an instruction").unwrap_or_else(|e| panic!("{}: {e}", what()));
    assert_eq!(at, 1);
    let theirs = match theirs {
        wasmparser::Operator::F64Const { value } => {
            Read { name: "f64const".to_string(), block: None, numbers: vec![value.bits() as i64] }
        }
        other => read(&format!("{other:?}")),
    };
    assert_eq!(ours(row, operand, Style::Wasmparser), theirs, "wasmparser: {}", what());
    let mut rest = code;
    let theirs = wasmbin::instructions::Instruction::decode(&mut rest)
        .unwrap_or_else(|e| panic!("{}: wasmbin: {e}", what()));
    assert!(rest.is_empty(), "wasmbin leaves {rest:02x?}: {}", what());
    let theirs = match theirs {
        wasmbin::instructions::Instruction::F64Const(c) => {
            Read { name: "f64const".to_string(), block: None, numbers: vec![c.value.to_bits() as i64] }
        }
        other => read(&format!("{other:?}")),
    };
    assert_eq!(ours(row, operand, Style::Wasmbin), theirs, "wasmbin: {}", what());
}

/// Which numbers a reader shows, and in which order.
#[derive(Clone, Copy, PartialEq)]
enum Style {
    Wasmparser,
    Wasmbin,
}

fn ours(row: Row, operand: &Operand, style: Style) -> Read {
    let info = row.info();
    let wide = |list: &[u32]| list.iter().map(|&n| i64::from(n)).collect::<Vec<i64>>();
    let numbers = match (info.imm, operand) {
        (Imm::Zero, _) => vec![0],
        (Imm::ZeroZero, _) => vec![0, 0],
        (Imm::TypeTable, &Operand::Index(n)) => vec![n.into(), 0],
        (Imm::Memory(size), &Operand::Offset(offset)) => {
            let log = i64::from(size.trailing_zeros());
            match style {
                Style::Wasmparser => vec![log, log, offset.into(), 0],
                Style::Wasmbin => vec![log, offset.into()],
            }
        }
        (_, Operand::Labels(list)) => {
            let (default, others) = list.split_last().expect("a default");
            match style {
                Style::Wasmparser => [vec![others.len() as i64, i64::from(*default)], wide(others)].concat(),
                Style::Wasmbin => wide(list),
            }
        }
        (_, &Operand::Index(n)) => vec![n.into()],
        (_, &Operand::Const(c)) => vec![c],
        _ => vec![],
    };
    let block = match operand {
        Operand::Block(None) => Some("Empty"),
        Operand::Block(Some(Ty::I32)) => Some("I32)"),
        Operand::Block(Some(Ty::I64)) => Some("I64)"),
        Operand::Block(Some(Ty::F64)) => Some("F64)"),
        _ => None,
    };
    Read { name: info.variant.to_lowercase(), block, numbers }
}

#[cfg(test)]
mod tests {
    use super::encode_wasm;

    #[test]
    fn random_rows() {
        crate::seeds(200, 400, encode_wasm);
    }
}
