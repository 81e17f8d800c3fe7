//! Every row of the x86-64 table over operand samples: bytes -> iced's decoder and formatter, and
//! yaxpeax -> the row's own text and the row's own `Code`.

use mochi_ir::Sym;
use mochi_isa::x64::emit::{Addr, Opd, Start};
use mochi_isa::x64::encode;
use mochi_isa::x64::insts::{Cc, Field, Row};
use mochi_isa::x64::regs::{Width, gpr, xmm};

fn registers(width: Width) -> Vec<Opd> {
    (0..16).map(|n| Opd::Reg(if width == Width::X { xmm(n) } else { gpr(n) })).collect()
}

fn memories() -> Vec<Opd> {
    let mut all = Vec::new();
    let disps = [0, 1, -1, 8, 127, -128, 128, -129, 0x1234, i32::MIN, i32::MAX];
    for base in 0..16 {
        for disp in disps {
            all.push(Opd::Mem(Addr { start: Start::Reg(gpr(base)), index: None, disp }));
        }
        for index in (0..16).filter(|&i| i != 4) {
            for (scale, disp) in [(1, 0), (2, 1), (4, -128), (8, 0x1000)] {
                let index = Some((gpr(index), scale));
                all.push(Opd::Mem(Addr { start: Start::Reg(gpr(base)), index, disp }));
            }
        }
    }
    for index in (0..16).filter(|&i| i != 4) {
        for disp in [0, 1, -1000] {
            all.push(Opd::Mem(Addr { start: Start::None, index: Some((gpr(index), 8)), disp }));
        }
    }
    all
}

/// Samples of a field: the interesting ones first.
fn samples(field: Field) -> Vec<Opd> {
    let imm = |v: &[i64]| v.iter().map(|&v| Opd::Imm(v)).collect();
    match field {
        Field::Reg(w) => registers(w),
        Field::RegMem(w) => registers(w).into_iter().chain(memories()).collect(),
        Field::Mem => memories(),
        Field::Imm8 | Field::Imm8L | Field::Imm8Q => imm(&[0, 1, -1, 5, 127, -128, 63]),
        Field::Imm16 => imm(&[0, 1, -1, 300, 0x7fff, -0x8000]),
        Field::Imm32 | Field::Imm32Q => {
            imm(&[0, 1, -1, 127, 128, -129, 0x1234_5678, -0x8000_0000, 0x7fff_ffff])
        }
        Field::Imm64 => imm(&[0, 1, -1, 0x8000_0000, i64::MIN, i64::MAX, 0x1234_5678_9abc_def0]),
        Field::Cl | Field::Hidden(_) => vec![],
    }
}

fn check(row: Row, operands: &[Opd], seen: &mut usize) {
    mochi_fuzzing::check_x64_row(row, operands);
    *seen += 1;
}

#[test]
fn rows() {
    let mut seen = 0;
    for &row in Row::ALL {
        let fields: Vec<Field> = row.info().operands.iter().map(|o| o.1).collect();
        let shown: Vec<Field> =
            fields.into_iter().filter(|p| !matches!(p, Field::Cl | Field::Hidden(_))).collect();
        let lists: Vec<Vec<Opd>> = shown.iter().map(|&p| samples(p)).collect();
        if lists.is_empty() {
            check(row, &[], &mut seen);
        }
        // Each operand goes through its samples while the others move along with it.
        for varied in 0..lists.len() {
            for i in 0..lists[varied].len() {
                for shift in [0, 3, 13] {
                    let pick =
                        |(k, l): (usize, &Vec<Opd>)| l[(i + if k == varied { 0 } else { shift }) % l.len()];
                    let operands: Vec<Opd> = lists.iter().enumerate().map(pick).collect();
                    check(row, &operands, &mut seen);
                }
            }
        }
    }
    assert!(seen > 50_000, "{seen} samples");
}

/// Operands in the function or outside, and addresses without any register: texts and decoders show them in ways
/// of their own, so iced's encoder is the judge alone.
#[test]
fn places_without_registers() {
    let places = [(Start::Sym(Sym(1)), 8), (Start::None, 0x1234), (Start::None, -1)];
    let places = places.map(|(start, disp)| Opd::Mem(Addr { start, index: None, disp }));
    let mut seen = 0;
    for &row in Row::ALL {
        let fields = row.info().operands.iter().map(|o| o.1);
        let shown: Vec<Field> = fields.filter(|p| !matches!(p, Field::Cl | Field::Hidden(_))).collect();
        let Some(at) = shown.iter().position(|f| matches!(f, Field::Mem | Field::RegMem(_))) else {
            continue;
        };
        for (place, k) in places.into_iter().flat_map(|p| (0..16).map(move |k| (p, k))) {
            let mut operands: Vec<Opd> = shown.iter().map(|&f| samples(f)).map(|s| s[k % s.len()]).collect();
            operands[at] = place;
            let mut bytes = Vec::new();
            let field = encode::encode(row, &operands, &mut bytes);
            encode::check(row, &operands, &bytes, field);
            seen += 1;
        }
    }
    assert!(seen > 2_000, "{seen} samples");
}

#[test]
fn condition_codes() {
    for cc in Cc::ALL {
        assert_eq!(cc.set_row().info().name, format!("set{cc:?}").to_lowercase());
        assert_eq!(cc.cmov_row().info().name, format!("cmov{cc:?}").to_lowercase());
        assert_eq!(cc.invert().invert(), cc);
    }
}
