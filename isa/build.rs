//! Makes the templates of x86-64's rows (`src/x64/template.rs`): encodes samples of each row through iced, and
//! looks at which bits change with which operand.

#[expect(dead_code, reason = "the crate uses the rest")]
#[path = "src/x64/iced.rs"]
mod iced;
#[expect(dead_code, reason = "the crate uses the rest")]
#[path = "src/x64/insts.rs"]
mod insts;
#[expect(dead_code, reason = "the crate uses the rest")]
#[path = "src/x64/regs.rs"]
mod regs;
#[path = "src/mach/rows.rs"]
mod rows;
#[expect(dead_code, reason = "the crate uses the rest")]
#[path = "src/x64/template.rs"]
mod template;

/// Where these files look for each other.
mod mach {
    pub(crate) use crate::rows;
}
mod x64 {
    pub(crate) use crate::{insts, regs};
}

use iced::{Given, Place, encode};
use iced_x86::Code;
use insts::{Field, Row, When};
use regs::{RAX, RBX, Width, gpr, xmm};
use std::path::PathBuf;
use std::{env, fs};
use template::{NONE, Template, Templates};

fn main() {
    for file in ["build.rs", "src/mach/rows.rs"] {
        println!("cargo::rerun-if-changed={file}");
    }
    for file in ["iced", "insts", "regs", "template"] {
        println!("cargo::rerun-if-changed=src/x64/{file}.rs");
    }
    let rows: Vec<Templates> = Row::ALL
        .iter()
        .map(|&row| Templates {
            main: template(row, row.info().code, None),
            special: row.info().special.map(|(when, code)| (when, template(row, code, Some(when)))),
        })
        .collect();
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(out.join("x64_templates.rs"), format!("{rows:?}")).expect("OUT_DIR can be written");
}

/// A sample of a field: registers and bases are number 0, or 3.
fn sample(field: Field, when: Option<When>, other: bool) -> Option<Given> {
    let n = if other { 3 } else { 0 };
    Some(match field {
        Field::Cl | Field::Hidden(_) => return None,
        Field::Reg(Width::X) | Field::RegMem(Width::X) => Given::Reg(xmm(n)),
        Field::Reg(_) | Field::RegMem(_) => Given::Reg(gpr(n)),
        Field::Mem => {
            let base = Some(if other { RBX } else { RAX });
            Given::Mem(Place::Registers { base, index: None, disp: 0 })
        }
        _ if other => Given::Imm(-1),
        _ => Given::Imm(i64::from(when == Some(When::One))),
    })
}

/// The template of a row when it is encoded as `code`.
fn template(row: Row, code: Code, when: Option<When>) -> Template {
    let fields: Vec<Field> =
        row.info().operands.iter().map(|o| o.1).filter(|&f| sample(f, when, false).is_some()).collect();
    let samples: Vec<Given> = fields.iter().filter_map(|&f| sample(f, when, false)).collect();
    let (bytes, _) = encode(row, code, &samples).unwrap_or_else(|e| panic!("{row:?}: {e}"));
    let mut t = prefixes(&bytes);
    let opcode_end = usize::from(t.prefix != 0) + usize::from(t.rex != 0) + usize::from(t.opcode_len);
    for (k, &field) in fields.iter().enumerate() {
        let mut changed = samples.clone();
        changed[k] = sample(field, when, true).expect("it is given");
        // What cannot be another one is no part of the bytes.
        let Ok((others, _)) = encode(row, code, &changed) else { continue };
        assert_eq!(bytes.len(), others.len(), "{row:?}: operand {k}");
        let differ: Vec<usize> = (0..bytes.len()).filter(|&i| bytes[i] != others[i]).collect();
        let number = k as u8;
        if let Given::Imm(_) = samples[k] {
            assert_eq!(differ.last(), Some(&(bytes.len() - 1)), "{row:?}: its immediate is last");
            (t.imm, t.imm_len) = (number, differ.len() as u8);
            continue;
        }
        let &[at] = &differ[..] else { panic!("{row:?}: operand {k} is in bytes {differ:?}") };
        match bytes[at] ^ others[at] {
            3 if at + 1 == opcode_end => t.low = number,
            3 if at == opcode_end => t.rm = number,
            0x18 if at == opcode_end => t.reg = number,
            bits => panic!("{row:?}: operand {k} is in bits {bits:02x} of byte {at}"),
        }
        if matches!(field, Field::Reg(Width::B) | Field::RegMem(Width::B)) {
            t.bytes |= 1 << k;
        }
    }
    let modrm = bytes.len() - opcode_end - usize::from(t.imm_len);
    assert_eq!(modrm, usize::from(t.rm != NONE), "{row:?}: a ModRM byte has its operand");
    if modrm == 1 {
        t.modrm = bytes[opcode_end] & 0x38;
    }
    t
}

/// Prefixes and opcode, which end where the SDM's maps of opcodes say.
fn prefixes(bytes: &[u8]) -> Template {
    let mut rest = bytes.iter().copied().peekable();
    let prefix = rest.next_if(|b| matches!(b, 0x66 | 0xf2 | 0xf3)).unwrap_or(0);
    let rex = rest.next_if(|b| matches!(b, 0x40..=0x4f)).unwrap_or(0);
    let mut opcode = Vec::from_iter(rest.next_if_eq(&0x0f));
    if !opcode.is_empty() {
        opcode.extend(rest.next_if(|b| matches!(b, 0x38 | 0x3a)));
    }
    opcode.extend(rest.next());
    let opcode_len = opcode.len() as u8;
    opcode.resize(4, 0);
    Template {
        prefix,
        rex,
        opcode: opcode.try_into().expect("four bytes"),
        opcode_len,
        modrm: 0,
        reg: NONE,
        rm: NONE,
        low: NONE,
        imm: NONE,
        imm_len: 0,
        bytes: 0,
    }
}
