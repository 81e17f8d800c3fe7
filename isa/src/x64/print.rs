//! The text of a row with its operands, as the GNU assembler writes it: operands from last to
//! first, `%` before registers, `$` before constants. The judge is iced's formatter, which has to
//! give the same for the encoded bytes.

use crate::x64::emit::{Addr, Opd, Start};
use crate::x64::insts::{Field, Row};
use crate::x64::regs::{Width, iced};
use iced_x86::{Formatter, GasFormatter, NumberBase};
use regalloc2::PReg;

fn register(r: PReg, width: Width) -> String {
    let name = format!("{:?}", iced(r, width)).to_lowercase();
    match name.strip_suffix('l') {
        Some(number) if width == Width::B && r.hw_enc() >= 8 => format!("%{number}b"),
        _ => format!("%{name}"),
    }
}

fn memory(a: &Addr) -> String {
    let base = match a.start {
        Start::Reg(r) => register(r, Width::Q),
        Start::None => String::new(),
        Start::Sym(s) => return format!("sym{}{:+}(%rip)", s.0, a.disp),
        Start::Label(l) => return format!("L{}{:+}(%rip)", l.0, a.disp),
    };
    let disp = if a.disp == 0 { String::new() } else { a.disp.to_string() };
    match a.index {
        Some((index, 1)) if a.start != Start::None => {
            format!("{disp}({base},{})", register(index, Width::Q))
        }
        Some((index, scale)) => format!("{disp}({base},{},{scale})", register(index, Width::Q)),
        None => format!("{disp}({base})"),
    }
}

/// The text of a row with operands (hidden ones and `cl` are not given).
pub fn text(row: Row, operands: &[Opd]) -> String {
    let info = row.info();
    let mut given = operands.iter();
    let mut parts: Vec<String> = Vec::new();
    for &(_, field) in info.operands {
        let width = match field {
            Field::Hidden(_) => continue,
            Field::Cl => {
                parts.push("%cl".to_string());
                continue;
            }
            Field::Reg(w) | Field::RegMem(w) => w,
            _ => Width::Q,
        };
        parts.push(match given.next() {
            Some(Opd::Reg(r)) => register(*r, width),
            Some(Opd::Mem(a)) => memory(a),
            Some(Opd::Imm(v)) => format!("${v}"),
            None => "?".to_string(),
        });
    }
    parts.reverse();
    let star = if matches!(row, Row::CallReg | Row::JmpReg) { "*" } else { "" };
    if matches!(row, Row::ImulI | Row::ImulI8) && parts[1] == parts[2] {
        // Written with two operands then.
        parts.pop();
    }
    match row {
        Row::RepMovsB => "rep movsb (%rsi),(%rdi)".to_string(),
        Row::RepStosB => "rep stos %al,(%rdi)".to_string(),
        Row::CallReg if matches!(operands, [Opd::Mem(_)]) => format!("callq *{}", parts[0]),
        _ if parts.is_empty() => info.name.to_string(),
        _ => format!("{} {star}{}", info.name, parts.join(",")),
    }
}

/// iced's formatter, set to the same style.
pub fn formatter() -> GasFormatter {
    let mut f = GasFormatter::new();
    let o = f.options_mut();
    o.set_number_base(NumberBase::Decimal);
    o.set_signed_immediate_operands(true);
    o.set_signed_memory_displacements(true);
    o.set_rip_relative_addresses(true);
    f
}
