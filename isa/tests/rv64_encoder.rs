//! The RV64 instruction table against LLVM: every row, every operand over all registers and the
//! boundaries of immediates.
//!
//! Three judgements: our bytes read back as our text; a compressed instruction reads like the
//! long one that it stands for; the assembler finds a short form for our text exactly when we do,
//! and the same one.

mod encoder;

use encoder::{Random, llvm_mc};
use mochi_isa::mach::fields::{Field as _, FieldRow};
use mochi_isa::rv64::fields::Field;
use mochi_isa::rv64::insts::Row;

/// The sizes of an immediate: bits with the low zeros that are not stored, those zeros, signed.
fn shape(field: Field) -> (u32, u32, bool) {
    use Field::*;
    match field {
        I12 | Off12 | OffS12 => (12, 0, true),
        B13 => (13, 1, true),
        U20 => (20, 0, false),
        J21 => (21, 1, true),
        Shamt6 | CShamt => (6, 0, false),
        Shamt5 => (5, 0, false),
        CImm | CImmNz | CLui => (6, 0, true),
        CSp16 => (10, 4, true),
        CSp4 => (10, 2, false),
        COff4 => (7, 2, false),
        COff8 => (8, 3, false),
        CLwSp | CSwSp => (8, 2, false),
        CLdSp | CSdSp => (9, 3, false),
        CJ => (12, 1, true),
        CB => (9, 1, true),
        _ => panic!("{field:?} is no immediate"),
    }
}

/// Values of an operand: all registers; boundaries, both signs, and single bits of immediates, and
/// those of the compressed forms.
fn samples(field: Field) -> Vec<i64> {
    use Field::*;
    match field {
        X(_) | F(_) | Base | Addr => return (0..32).collect(),
        Xnz(_) => return (1..32).collect(),
        XnzSp(_) => return (1..32).filter(|&n| n != 2).collect(),
        X3(_) | F3(_) | Base3 => return (8..16).collect(),
        Sp | BaseSp => return vec![2],
        Rm => return vec![0, 1, 2, 3, 4, 7],
        Order => return (0..4).collect(),
        Access(_) => return (1..16).collect(),
        _ => {}
    }
    let (width, zeros, signed) = shape(field);
    let unit = 1i64 << zeros;
    let mut v = vec![0, unit, 2 * unit, 3 * unit, 5 * unit];
    for bits in [6, 7, 8, 9, 10, 11, 12, 13, width].into_iter().filter(|&b| b <= width && b > zeros) {
        let top = 1i64 << (bits - signed as u32);
        v.extend([top - unit, top - 2 * unit]);
        if bits < width {
            v.extend([top, top + unit]);
        }
        if signed {
            v.extend([-top, unit - top]);
            if bits < width {
                v.extend([-top - unit]);
            }
        }
    }
    v.extend((zeros..width - signed as u32).map(|k| 1i64 << k));
    if signed {
        v.extend((zeros..width).map(|k| -(1i64 << k)));
    }
    if field == CLui {
        v.iter_mut().for_each(|v| *v &= 0xf_ffff);
    }
    if field == U20 {
        v.extend([31, 32, 33, 0xf_ffe0, 0xf_ffdf, 0xf_ffff, 0x8_0000, 0x7_ffff]);
    }
    v.sort_unstable();
    v.dedup();
    v
}

/// Operand values to try for a row: each operand over all of its samples with others at random,
/// the same with registers that short forms like, then random combinations.
fn combinations(row: Row, random: &mut Random) -> Vec<Vec<i64>> {
    let lists: Vec<Vec<i64>> = row.info().operands.iter().map(|&(_, p)| samples(p)).collect();
    let registers: Vec<bool> = row.info().operands.iter().map(|(_, p)| p.is_register()).collect();
    let mut all = Vec::new();
    if lists.is_empty() {
        all.push(vec![]);
    }
    for (varied, list) in lists.iter().enumerate() {
        for &v in list {
            for round in 0..5 {
                let mut values: Vec<i64> = lists.iter().map(|l| l[random.below(l.len())]).collect();
                let favourite = [8 + random.below(8) as i64, random.below(3) as i64];
                for (k, value) in values.iter_mut().enumerate() {
                    // Two equal registers, and the special first ones; zero.
                    let wish = match round {
                        2 | 4 if !registers[k] => 0,
                        _ if !registers[k] => continue,
                        1 | 2 => favourite[0],
                        3 if k == 0 => favourite[0],
                        3 | 4 => favourite[1],
                        _ => *value,
                    };
                    if lists[k].contains(&wish) {
                        *value = wish;
                    }
                }
                values[varied] = v;
                all.push(values);
            }
        }
    }
    for _ in 0..if lists.len() > 1 { 100 } else { 0 } {
        all.push(lists.iter().map(|l| l[random.below(l.len())]).collect());
    }
    all
}

/// The machine, for LLVM.
const MACHINE: [&str; 2] = ["--triple=riscv64", "--mattr=+m,+a,+f,+d,+c,+zba,+zbb"];

/// LLVM's text for each instruction. `plain` is without aliases.
fn disassembled(code: &[Vec<u8>], plain: bool) -> Option<Vec<String>> {
    let aliases: &[&str] = if plain { &["-M", "no-aliases"] } else { &[] };
    encoder::disassembled(&[&MACHINE, aliases].concat(), code)
}

fn bytes(row: Row, word: u32) -> Vec<u8> {
    word.to_le_bytes()[..row.size()].to_vec()
}

/// Fails with the first of many differences.
fn report(what: &str, count: usize, wrong: Vec<String>) {
    println!("{count} {what}");
    assert!(wrong.is_empty(), "{} {what} differ:\n{}", wrong.len(), wrong[..wrong.len().min(60)].join("\n"));
}

#[test]
fn rows_read_back_as_their_text() {
    let mut random = Random::new(1);
    let (mut code, mut texts) = (Vec::new(), Vec::new());
    for &row in Row::ALL {
        let before = code.len();
        for values in combinations(row, &mut random) {
            let Some(word) = row.encode_values(&values) else { continue };
            let back = Row::decode(word).unwrap_or_else(|| panic!("{row:?} {values:?} decodes"));
            assert_eq!(back, (row, values.clone()), "{word:#x}");
            code.push(bytes(row, word));
            texts.push(row.text(&values));
        }
        assert!(code.len() > before, "{row:?} has no sample");
    }
    let Some(theirs) = disassembled(&code, true) else { return };
    let wrong = code
        .iter()
        .zip(&texts)
        .zip(&theirs)
        .filter(|((_, ours), theirs)| ours != theirs)
        .map(|((c, ours), theirs)| format!("{c:02x?} ours `{ours}` LLVM `{theirs}`"))
        .collect();
    report(&format!("samples of {} rows", Row::ALL.len()), code.len(), wrong);
}

#[test]
fn compressed_rows_mean_what_they_stand_for() {
    let mut random = Random::new(2);
    let (mut short, mut long) = (Vec::new(), Vec::new());
    for &row in Row::ALL.iter().filter(|r| r.size() == 2) {
        for values in combinations(row, &mut random) {
            let Some(word) = row.encode_values(&values) else { continue };
            let (full, operands) =
                row.expand(&values).unwrap_or_else(|| panic!("{row:?} stands for nothing"));
            assert_eq!(full.size(), 4);
            let expansion = full.encode_values(&operands).expect("what is compressed can be encoded");
            short.push(bytes(row, word));
            long.push(bytes(full, expansion));
            assert!(full.compress(&operands).is_some(), "{row:?} {values:?} is not found");
        }
    }
    let (Some(a), Some(b)) = (disassembled(&short, false), disassembled(&long, false)) else { return };
    let wrong = a
        .iter()
        .zip(&b)
        .zip(&short)
        .filter(|((a, b), _)| a != b)
        .map(|((a, b), c)| format!("{c:02x?} means `{a}`, not `{b}`"))
        .collect();
    report("compressed samples", short.len(), wrong);
}

#[test]
fn short_forms_are_found_when_the_assembler_finds_them() {
    let mut random = Random::new(3);
    let (mut input, mut ours) = (String::new(), Vec::new());
    let mut used = vec![false; Row::ALL.len()];
    for &row in Row::ALL.iter().filter(|r| r.size() == 4) {
        for values in combinations(row, &mut random) {
            let Some(word) = row.encode_values(&values) else { continue };
            let text = row.text(&values);
            input.push_str(&text);
            input.push('\n');
            let code = match row.compress(&values) {
                Some(short) => {
                    used[Row::decode(short).expect("short forms decode").0 as usize] = true;
                    short.to_le_bytes()[..2].to_vec()
                }
                None => word.to_le_bytes().to_vec(),
            };
            ours.push((text, code));
        }
    }
    for &row in Row::ALL.iter().filter(|r| r.size() == 2) {
        assert!(used[row as usize], "{row:?} is never found");
    }
    let Some(text) = llvm_mc(&[&MACHINE[..], &["--assemble", "--show-encoding"]].concat(), &input) else {
        return;
    };
    let theirs: Vec<Vec<u8>> = text
        .lines()
        .filter_map(|l| l.split_once("encoding: [")?.1.split_once(']'))
        .map(|(list, _)| {
            list.split(',').map(|b| u8::from_str_radix(b.trim_start_matches("0x"), 16).unwrap()).collect()
        })
        .collect();
    assert_eq!(theirs.len(), ours.len());
    let wrong = ours
        .iter()
        .zip(&theirs)
        .filter(|((_, ours), theirs)| ours != *theirs)
        .map(|((text, ours), theirs)| format!("`{text}` ours {ours:02x?} LLVM {theirs:02x?}"))
        .collect();
    report("samples assembled", ours.len(), wrong);
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
        assert_eq!(info.bits & 3 == 3, info.expansions.is_empty(), "{row:?}");
        assert!(!info.manual.is_empty());
        assert!(Row::ALL.iter().filter(|r| r.info().variant == info.variant).count() == 1);
    }
}
