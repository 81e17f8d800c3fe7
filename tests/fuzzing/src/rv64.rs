//! RV64: rows against rvdasm and raki.
//!
//! rvdasm's text without aliases is our text in other spellings. raki gives fields, and knows the
//! integer instructions (I, M, A and their compressed forms) only; rvdasm knows no Zba and Zbb.
//! What only one of them knows is judged by that one, and all of it by LLVM in isa's tests.

use crate::choices::Choices;
use crate::text::Text;
use mochi_isa::mach::fields::{Field as _, FieldRow};
use mochi_isa::rv64::fields::Field;
use mochi_isa::rv64::insts::Row;
use raki::{Decode, Isa};
use rvdasm::disassembler::{Disassembler, Xlen};
use std::sync::LazyLock;

/// Judges instructions that the bytes stand for: rows with random operands, and any words.
pub fn encode_rv64(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    while !choices.done() {
        let row = Row::ALL[choices.below(Row::ALL.len())];
        match choices.below(4) {
            0 => check_word(choices.bits32()),
            // Words of 16 bits are rare among random ones.
            1 => check_word(u32::from(choices.bits32() as u16)),
            2 => check_word(row.info().bits | choices.bits32() & !row.fixed_mask()),
            _ => check_values(row, &mut choices),
        }
    }
}

/// Operands as numbers: what can be encoded reads back as the same; a compressed form and what it
/// stands for are each other's.
fn check_values(row: Row, choices: &mut Choices) {
    let value = |field: Field, choices: &mut Choices| match field {
        _ if field.is_register() => choices.below(32) as i64,
        // Its negative numbers have two spellings, of which texts show this one.
        Field::CLui => choices.signed(20) & 0xf_ffff,
        _ => choices.signed(22),
    };
    let values: Vec<i64> = row.info().operands.iter().map(|&(_, p)| value(p, choices)).collect();
    let Some(word) = row.encode_values(&values) else { return };
    assert_eq!(Row::decode(word), Some((row, values.clone())), "{word:08x}");
    check_word(word);
    if let Some(short) = row.compress(&values) {
        let (found, operands) = Row::decode(short).unwrap_or_else(|| panic!("{short:04x} decodes"));
        // It may stand for several long forms that do the same.
        let (long, expanded) = found.expand(&operands).unwrap_or_else(|| panic!("{found:?} is long"));
        assert_eq!(long.compress(&expanded), Some(short), "{found:?} {operands:?} for {row:?} {values:?}");
    }
}

/// What our decoder knows, others read in the same way.
fn check_word(word: u32) {
    let Some((row, values)) = Row::decode(word) else { return };
    let word = if row.size() == 2 { word & 0xffff } else { word };
    assert_eq!(row.encode_values(&values), Some(word), "{row:?} {values:?} {word:08x}");
    check_rvdasm(word, row, &values);
    check_raki(word, row, &values);
}

/// Rows of extensions that rvdasm does not know. It reads some of their words as something else.
fn is_bit_manipulation(row: Row) -> bool {
    use Row::*;
    (Sh1add as usize..=Rev8 as usize).contains(&(row as usize))
}

fn check_rvdasm(word: u32, row: Row, values: &[i64]) {
    static READER: LazyLock<Disassembler> = LazyLock::new(|| Disassembler::new(Xlen::XLEN64));
    if is_bit_manipulation(row) {
        return;
    }
    let read = READER.disassmeble_one(word).unwrap_or_else(|| panic!("{word:08x} {row:?}: rvdasm"));
    let theirs = Text::of(&read.asm_no_aliases(0));
    let mut ours = Text::of(&row.text(values));
    // The rounding mode of the control register is not written by others, nor is one where none matters.
    if row.info().operands.last().is_some_and(|&(_, p)| p == Field::Rm)
        && ours.operands.last().is_some_and(|o| o == "dyn")
    {
        ours.operands.pop();
    }
    if row == Row::CNop {
        // objdump's words, which rvdasm uses, show the addition.
        ours = ours.with("c.addi", &["zero", "0"]);
    }
    assert_eq!(ours, theirs, "{word:08x} {row:?}: rvdasm");
}

/// Registers that instructions imply.
const ZERO: usize = 0;
const SP: usize = 2;

/// raki: the name, the registers and the number.
fn check_raki(word: u32, row: Row, values: &[i64]) {
    let read = match row.size() {
        2 => (word as u16).decode(Isa::Rv64),
        _ => word.decode(Isa::Rv64),
    };
    let operands = row.info().operands;
    let float = operands.iter().any(|(_, p)| p.is_float());
    if float || is_bit_manipulation(row) || matches!(row, Row::Fence | Row::FenceI) {
        return;
    }
    let read = read.unwrap_or_else(|e| panic!("{word:08x} {row:?}: raki: {e:?}"));
    let name = read.opc.to_string().to_lowercase();
    assert_eq!(name.trim_end_matches(','), row.info().name, "{word:08x} {row:?}: raki: {read:?}");
    let mut ours: Vec<usize> =
        operands.iter().zip(values).filter(|((_, p), _)| p.is_register()).map(|(_, &v)| v as usize).collect();
    let mut theirs: Vec<usize> = [read.rd, read.rs1, read.rs2].into_iter().flatten().collect();
    // A register that is not for the writer to choose is shown or not.
    let implied = match row {
        Row::CJr | Row::CJalr => Some(ZERO),
        _ => operands.iter().any(|(_, p)| matches!(p, Field::Sp | Field::BaseSp)).then_some(SP),
    };
    for list in [&mut ours, &mut theirs] {
        list.retain(|&r| Some(r) != implied);
        list.sort_unstable();
        list.dedup();
    }
    assert_eq!(ours, theirs, "{word:08x} {row:?} {values:?}: raki: {read:?}");
    let number = operands.iter().zip(values).find(|((_, p), _)| !p.is_register());
    let number = match number.map(|((_, p), &v)| (p, v)) {
        // The value that is loaded, not its upper bits.
        Some((Field::CLui, v)) => Some(i64::from((v << 12) as i32)),
        Some((_, v)) => Some(v),
        // What is added to nothing.
        None if row == Row::CNop => Some(0),
        None => None,
    };
    assert_eq!(number, read.imm.map(i64::from), "{word:08x} {row:?}: raki: {read:?}");
}

#[cfg(test)]
mod tests {
    use super::{check_word, encode_rv64};
    use mochi_isa::rv64::insts::Row;

    #[test]
    fn every_row_has_a_word_that_is_judged() {
        for &row in Row::ALL {
            let decode = |word| Row::decode(word).map(|(row, _)| row);
            crate::words_of_row(row, (row.info().bits, row.fixed_mask()), decode, check_word);
        }
    }

    #[test]
    fn random_rows() {
        crate::seeds(100, 400, encode_rv64);
    }
}
