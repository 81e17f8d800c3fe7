//! AArch64: rows against yaxpeax-arm and disarm64.
//!
//! yaxpeax prints preferred aliases as our rows do; disarm64 prints the instruction that an alias
//! stands for, so our text is translated for it.

use crate::choices::Choices;
use crate::text::Text;
use mochi_isa::a64::fields::Field;
use mochi_isa::a64::insts::Row;
use mochi_isa::mach::fields::{Field as _, FieldRow};
use yaxpeax_arch::{Decoder, U8Reader};

/// Judges instructions that the bytes stand for: rows with random operands, and any words.
pub fn encode_a64(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    while !choices.done() {
        let row = Row::ALL[choices.below(Row::ALL.len())];
        match choices.below(3) {
            0 => check_word(choices.bits32()),
            1 => check_word(row.info().bits | choices.bits32() & !row.fixed_mask()),
            _ => check_values(row, &mut choices),
        }
    }
}

/// Operands as numbers: what can be encoded reads back as the same, or as an alias with the same
/// bits.
fn check_values(row: Row, choices: &mut Choices) {
    let value = |&(_, field): &(_, Field), choices: &mut Choices| match field.is_register() {
        true => choices.below(32) as i64,
        false => choices.signed(34),
    };
    let values: Vec<i64> = row.info().operands.iter().map(|o| value(o, choices)).collect();
    let Some(word) = row.encode_values(&values) else { return };
    let (found, back) = Row::decode(word).unwrap_or_else(|| panic!("{row:?} {values:?} decodes"));
    assert!(found != row || back == values, "{row:?} {values:?} reads back as {back:?}");
    check_word(word);
}

/// What our decoder knows, others read in the same way.
fn check_word(word: u32) {
    let Some((row, values)) = Row::decode(word) else { return };
    assert_eq!(row.encode_values(&values), Some(word), "{row:?} {values:?} {word:08x}");
    if row.is_unpredictable(&values) {
        return;
    }
    let ours = without_plain_extend(&Text::of(&row.text(&values)));
    let theirs = without_plain_extend(&yaxpeax(word));
    // When a constant can be made in several ways, it is written `mov` or not.
    match row {
        Row::OrrI | Row::Movz | Row::Movn => {
            assert_eq!(base_form(&ours), base_form(&theirs), "{word:08x} {row:?}: yaxpeax");
        }
        _ => assert_eq!(ours, theirs, "{word:08x} {row:?}: yaxpeax"),
    }
    let theirs = base_form(&without_plain_extend(&disarm(word)));
    assert_eq!(base_form(&ours), theirs, "{word:08x} {row:?}: disarm64");
}

fn yaxpeax(word: u32) -> Text {
    let decoder = yaxpeax_arm::armv8::a64::InstDecoder::default();
    match decoder.decode(&mut U8Reader::new(&word.to_le_bytes())) {
        Ok(inst) => {
            let text = Text::of(&inst.to_string());
            match (text.name.as_str(), &text.operands[..]) {
                // An alias since Armv8.2; our table is Armv8.0.
                ("bfc", [d, low, width]) => text.with("bfi", &[d, "xzr", low, width]),
                _ => text,
            }
        }
        Err(e) => panic!("{word:08x}: yaxpeax: {e:?}"),
    }
}

fn disarm(word: u32) -> Text {
    let opcode = disarm64::decoder_full::decode(word).unwrap_or_else(|| panic!("{word:08x}: disarm64"));
    let mut text = String::new();
    disarm64::format_insn::format_insn_pc(0, &mut text, &opcode).expect("strings take text");
    Text::of(&text)
}

/// The others do not agree on how to write an extension that only shifts (`lsl`, `uxtx` or `uxtw`; the
/// register's width tells which it is), and on whether amounts of 0 are written.
fn without_plain_extend(text: &Text) -> Text {
    let mut text = text.clone();
    for operand in &mut text.operands {
        let (word, amount) = operand.split_once(' ').unwrap_or((operand, ""));
        let plain = match word.trim_end_matches(']') {
            "lsl" | "uxtx" | "uxtw" => "ext",
            other => other,
        };
        let close = if operand.ends_with(']') { "]" } else { "" };
        *operand = match amount.trim_end_matches(']') {
            "" if word.ends_with(']') => format!("{plain}]"),
            "" | "0" => format!("{plain}{close}"),
            amount => format!("{plain} {amount}{close}"),
        };
    }
    // An extension without amount is written or not as the registers ask for.
    text.operands.retain(|o| o != "ext");
    text
}

/// The opposite of a condition.
fn inverse(condition: &str) -> &'static str {
    const NAMES: [&str; 14] =
        ["eq", "ne", "hs", "lo", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le"];
    let at = NAMES.iter().position(|n| *n == condition).expect("a condition that has an opposite");
    NAMES[at ^ 1]
}

/// The instruction that an alias stands for (Arm ARM, C6.2: "This is an alias of").
fn base_form(text: &Text) -> Text {
    let mut text = text.clone();
    for operand in &mut text.operands {
        match operand.as_str() {
            "cs" => *operand = "hs".to_string(),
            "cc" => *operand = "lo".to_string(),
            _ => {}
        }
    }
    if let Some(suffix) = text.name.strip_prefix("b.") {
        text.name = match suffix {
            "cs" => "b.hs".to_string(),
            "cc" => "b.lo".to_string(),
            other => format!("b.{other}"),
        };
    }
    let o: Vec<&str> = text.operands.iter().map(String::as_str).collect();
    match (text.name.as_str(), &o[..]) {
        ("cmn", rest) => text.with("adds", &[&["xzr"], rest].concat()),
        ("cmp", rest) => text.with("subs", &[&["xzr"], rest].concat()),
        ("tst", rest) => text.with("ands", &[&["xzr"], rest].concat()),
        ("neg", [d, rest @ ..]) => text.with("sub", &[&[*d, "xzr"], rest].concat()),
        ("negs", [d, rest @ ..]) => text.with("subs", &[&[*d, "xzr"], rest].concat()),
        ("mvn", [d, rest @ ..]) => text.with("orn", &[&[*d, "xzr"], rest].concat()),
        ("mul", [d, n, m]) => text.with("madd", &[d, n, m, "xzr"]),
        ("mneg", [d, n, m]) => text.with("msub", &[d, n, m, "xzr"]),
        ("smull", [d, n, m]) => text.with("smaddl", &[d, n, m, "xzr"]),
        ("umull", [d, n, m]) => text.with("umaddl", &[d, n, m, "xzr"]),
        ("cset", [d, c]) => text.with("csinc", &[d, "xzr", "xzr", inverse(c)]),
        ("csetm", [d, c]) => text.with("csinv", &[d, "xzr", "xzr", inverse(c)]),
        ("cinc", [d, n, c]) => text.with("csinc", &[d, n, n, inverse(c)]),
        ("cinv", [d, n, c]) => text.with("csinv", &[d, n, n, inverse(c)]),
        ("cneg", [d, n, c]) => text.with("csneg", &[d, n, n, inverse(c)]),
        ("ret", []) => text.with("ret", &["x30"]),
        ("fmov", [d, number]) => match number.parse::<f64>() {
            Ok(value) => text.with("fmov", &[d, &format!("{value:?}")]),
            Err(_) => text.clone(),
        },
        ("mov" | "movz" | "movn" | "orr", _) => moved(&text, &o),
        _ => field_move(&text, &o).unwrap_or_else(|| text.clone()),
    }
}

/// Moves of registers and of constants: a constant is written as its value. A shift is an `ext` by now.
fn moved(text: &Text, o: &[&str]) -> Text {
    let constant = |at: usize| o.get(at).and_then(|t| t.parse::<i64>().ok());
    let shift: u32 = match o.last().and_then(|l| l.strip_prefix("ext ")) {
        Some(amount) => amount.parse().expect("an amount"),
        None => 0,
    };
    let value = |v: i64| text.with("mov", &[o[0], &v.to_string()]);
    match (text.name.as_str(), o) {
        ("mov", [d, s]) if constant(1).is_none() => {
            let zero = if d.starts_with('w') { "wzr" } else { "xzr" };
            if o.contains(&"sp") { text.with("add", &[d, s, "0"]) } else { text.with("orr", &[d, zero, s]) }
        }
        ("movz", [_, _, ..]) => value(constant(1).expect("a constant") << shift),
        ("movn", [_, _, ..]) => value(!(constant(1).expect("a constant") << shift)),
        ("orr", [_, "xzr", _]) if constant(2).is_some() => value(constant(2).expect("a constant")),
        _ => text.clone(),
    }
}

/// Shifts and extensions are moves of bit fields.
fn field_move(text: &Text, o: &[&str]) -> Option<Text> {
    let number = |at: usize| o.get(at).and_then(|t| t.parse::<i64>().ok());
    let bits = |name: &str, source: &str, immr: i64, imms: i64| {
        Some(text.with(name, &[o[0], source, &immr.to_string(), &imms.to_string()]))
    };
    let wide = |source: &str| source.replacen('w', "x", 1);
    let name = text.name.as_str();
    match (name, number(2), number(3)) {
        ("lsl" | "lsr" | "asr" | "ror", None, None) => Some(text.with(&format!("{name}v"), o)),
        ("lsl", Some(n), None) => bits("ubfm", o[1], (64 - n) & 63, 63 - n),
        ("lsr", Some(n), None) => bits("ubfm", o[1], n, 63),
        ("asr", Some(n), None) => bits("sbfm", o[1], n, 63),
        ("ror", Some(n), None) => Some(text.with("extr", &[o[0], o[1], o[1], &n.to_string()])),
        ("sxtb", ..) => bits("sbfm", &wide(o[1]), 0, 7),
        ("sxth", ..) => bits("sbfm", &wide(o[1]), 0, 15),
        ("sxtw", ..) => bits("sbfm", &wide(o[1]), 0, 31),
        ("uxtb", ..) => bits("ubfm", o[1], 0, 7),
        ("uxth", ..) => bits("ubfm", o[1], 0, 15),
        ("sbfiz", Some(low), Some(width)) => bits("sbfm", o[1], (64 - low) & 63, width - 1),
        ("ubfiz", Some(low), Some(width)) => bits("ubfm", o[1], (64 - low) & 63, width - 1),
        ("bfi", Some(low), Some(width)) => bits("bfm", o[1], (64 - low) & 63, width - 1),
        ("sbfx", Some(low), Some(width)) => bits("sbfm", o[1], low, low + width - 1),
        ("ubfx", Some(low), Some(width)) => bits("ubfm", o[1], low, low + width - 1),
        ("bfxil", Some(low), Some(width)) => bits("bfm", o[1], low, low + width - 1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{check_word, encode_a64};
    use mochi_isa::a64::insts::Row;

    #[test]
    fn every_row_has_a_word_that_is_judged() {
        for &row in Row::ALL {
            let decode = |word| Row::decode(word).map(|(row, _)| row);
            crate::words_of_row(row, (row.info().bits, row.fixed_mask()), decode, check_word);
        }
    }

    #[test]
    fn random_rows() {
        crate::seeds(100, 400, encode_a64);
    }
}
