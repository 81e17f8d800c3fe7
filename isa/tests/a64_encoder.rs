//! The AArch64 instruction table against LLVM's disassembler: every row, every operand over all
//! registers and the boundaries of immediates. Our bytes must read back as our text.
//!
//! A sample that has a preferred alias in the table is compared under the alias: what counts is
//! that our decoder's text for the bytes is LLVM's, and that encoding inverts decoding.

mod encoder;

use encoder::{Random, disassembled};
use mochi_isa::a64::fields::Field;
use mochi_isa::a64::insts::Row;
use mochi_isa::mach::fields::{Field as _, FieldRow};

/// Values of an operand: all registers; boundaries, both signs, and single bits of immediates.
fn samples(field: Field) -> Vec<i64> {
    use Field::*;
    let signed = |width: u32, unit: i64| -> Vec<i64> {
        let top = 1i64 << (width - 1);
        let mut v = vec![0, 1, -1, 2, -2, 5, top - 1, -top, top - 2, 1 - top];
        v.extend((0..width - 1).flat_map(|k| [1 << k, -(1 << k)]));
        v.iter().map(|v| v * unit).collect()
    };
    let unsigned = |width: u32, unit: i64| -> Vec<i64> {
        let mut v = vec![0, 1, 2, 3, (1 << width) - 1, (1 << width) - 2];
        v.extend((0..width).map(|k| 1i64 << k));
        v.iter().map(|v| v * unit).collect()
    };
    match field {
        X(_) | XTwice | Sp(_) | W(_) | D(_) | S(_) | B(_) | V8b(_) | Base | Index | IndexW | BitReg => {
            (0..32).collect()
        }
        Scale(n) => vec![0, n as i64],
        ExtScale(n) => [2, 6].iter().flat_map(|o| [o * 8, o * 8 + n as i64]).collect(),
        Imm12 => {
            let mut v = unsigned(12, 1);
            v.extend(unsigned(12, 4096));
            v
        }
        Bits => {
            let mut v = Vec::new();
            for size in [2u32, 4, 8, 16, 32, 64] {
                for ones in [1, 2, size / 2, size - 1] {
                    for rotation in [0, 1, size / 2, size - 1] {
                        let run = u64::MAX >> (64 - ones);
                        let mut value = 0;
                        for k in 0..64 / size {
                            value |= run << (k * size);
                        }
                        v.push(value.rotate_right(rotation) as i64);
                    }
                }
            }
            v.retain(|&v| v != 0 && v != -1);
            v
        }
        Imm16 | Code16 => unsigned(16, 1),
        Hw => vec![0, 16, 32, 48],
        Shift | ShiftAdd => {
            let kinds = if field == Shift { 4 } else { 3 };
            (0..kinds).flat_map(|k| [0, 1, 2, 31, 32, 33, 62, 63].map(|a| k * 64 + a)).collect()
        }
        Ext => [0, 1, 2, 4, 5, 6].iter().flat_map(|o| (0..5).map(move |a| o * 8 + a)).collect(),
        ExtLsl => (0..5).collect(),
        Immr | Imms | Lsb | BitNumber => (0..64).collect(),
        LslImm | LsbTo => (1..64).collect(),
        Width => (1..65).collect(),
        WidthTo => (1..64).collect(),
        Cond | CondSuffix | Nzcv => (0..16).collect(),
        CondInv => (0..14).collect(),
        Imm5 => (0..32).collect(),
        Fimm => (0..=255).map(|f| mochi_isa::a64::imm::float_value(f) as i64).collect(),
        Off(n) => unsigned(12, 1 << n),
        Off9 | Pre9 | Post9 => signed(9, 1),
        Off7 | Pre7 | Post7 => signed(7, 8),
        Rel26 => signed(26, 4),
        Rel19 => signed(19, 4),
        Rel14 => signed(14, 4),
        Rel21 => signed(21, 1),
        RelPage => signed(21, 4096),
    }
}

/// Operand values of a row that can be encoded and mean something: each operand over all of its
/// samples, twice with others at random, then random combinations.
fn combinations(row: Row, random: &mut Random) -> Vec<Vec<i64>> {
    let lists: Vec<Vec<i64>> = row.info().operands.iter().map(|&(_, p)| samples(p)).collect();
    let mut all = Vec::new();
    if lists.is_empty() {
        all.push(vec![]);
    }
    let good = |values: &[i64]| row.encode_values(values).is_some() && !row.is_unpredictable(values);
    let draw = |random: &mut Random| lists.iter().map(|l| l[random.below(l.len())]).collect::<Vec<i64>>();
    for (varied, list) in lists.iter().enumerate() {
        for &v in list {
            let tries = (0..4000).map(|_| {
                let mut values = draw(random);
                values[varied] = v;
                values
            });
            let found: Vec<_> = tries.filter(|values| good(values)).take(2).collect();
            assert!(!found.is_empty(), "{row:?}: operand {varied} is never {v:#x}");
            all.extend(found);
        }
    }
    if lists.len() > 1 {
        all.extend((0..60).map(|_| draw(random)).filter(|values| good(values)));
    }
    all
}

#[test]
fn rows_read_back_as_their_text() {
    let mut random = Random::new(1);
    let mut words = Vec::new();
    let mut texts = Vec::new();
    for &row in Row::ALL {
        let mut direct = 0;
        for values in combinations(row, &mut random) {
            let word = row.encode_values(&values).expect("can be encoded");
            let (found, back) = Row::decode(word).unwrap_or_else(|| panic!("{row:?} {values:?} decodes"));
            assert_eq!(found.encode_values(&back), Some(word), "{row:?} {values:?}");
            if found == row {
                assert_eq!(back, values, "{row:?}");
                direct += 1;
            }
            words.push(word);
            texts.push(found.text(&back));
        }
        assert!(direct > 0, "{row:?} is hidden by another row");
    }
    let code: Vec<Vec<u8>> = words.iter().map(|w| w.to_le_bytes().to_vec()).collect();
    let Some(theirs) = disassembled(&["--triple=aarch64"], &code) else { return };
    let wrong: Vec<String> = words
        .iter()
        .zip(&texts)
        .zip(&theirs)
        .filter(|((_, ours), theirs)| ours != theirs)
        .map(|((w, ours), theirs)| format!("{w:08x} ours `{ours}` LLVM `{theirs}`"))
        .collect();
    println!("{} rows, {} samples", Row::ALL.len(), words.len());
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong[..wrong.len().min(60)].join("\n"));
}

#[test]
fn fields_of_a_row_do_not_overlap() {
    for &row in Row::ALL {
        let info = row.info();
        let mut seen = 0u32;
        for (_, field) in info.operands {
            assert_eq!(seen & field.mask(), 0, "{row:?} {field:?}");
            seen |= field.mask();
        }
        assert_eq!(info.bits & seen, 0, "{row:?}");
        assert!(!info.manual.is_empty());
        assert!(Row::ALL.iter().filter(|r| r.info().variant == info.variant).count() == 1);
    }
}
