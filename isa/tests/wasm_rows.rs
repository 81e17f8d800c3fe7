//! The WebAssembly instruction table: every row with operand samples, as functions of one module.
//! wasmparser validates it and reads every instruction back; wabt's assembler makes the same bytes
//! of our text.

use mochi_isa::wasm32::disasm::immediates;
use mochi_isa::wasm32::encode::{Operand, Reader, encode};
use mochi_isa::wasm32::insts::{Imm, Row, Stack, Ty};
use mochi_objwrite::leb;
use mochi_objwrite::wasm::about::FEATURES;
use mochi_testkit::{Scratch, have, output};
use std::process::Command;
use wasmparser::{Parser, Payload, Validator, WasmFeatures};

/// An instruction.
type Inst = (Row, Operand);

/// Types, functions and globals of the module: more than one byte of LEB128 counts.
const MANY: u32 = 301;

fn numbers(list: &[u32]) -> Vec<Operand> {
    list.iter().map(|&n| Operand::Index(n)).collect()
}

/// Samples of a kind of immediate: boundaries of LEB128, signs, special floats.
fn samples(imm: Imm) -> Vec<Operand> {
    let mut words = vec![i64::MIN, i64::MAX, 0x0123_4567_89ab_cdef];
    for bits in (0..63).step_by(7).flat_map(|k| [k, k + 6]).filter(|k| *k < 63) {
        let p = 1i64 << bits;
        words.extend([p - 1, p, p + 1, -p, -p - 1, -p + 1]);
    }
    match imm {
        Imm::None | Imm::Zero | Imm::ZeroZero => vec![Operand::None],
        Imm::Block => [None, Some(Ty::I32), Some(Ty::I64), Some(Ty::F64)].map(Operand::Block).to_vec(),
        Imm::Label => numbers(&[0, 1, 63, 64, 127, 128, 300]),
        Imm::Labels => {
            [&[0][..], &[1, 0], &[0, 127, 128, 5], &[7; 200]].map(|l| Operand::Labels(l.to_vec())).to_vec()
        }
        Imm::Func | Imm::TypeTable | Imm::Global => numbers(&[0, 1, 63, 64, 127, 128, 300]),
        Imm::Local => numbers(&[0, 1, 63, 64, 127, 128, 300, 16_383, 16_384, 19_999]),
        Imm::Memory(_) => [0, 1, 63, 64, 127, 128, 16_383, 16_384, 0x7fff_ffff, 0x8000_0000, u32::MAX]
            .map(Operand::Offset)
            .to_vec(),
        Imm::I32 => words.iter().map(|&w| Operand::Const((w as i32).into())).collect(),
        Imm::I64 => words.iter().map(|&w| Operand::Const(w)).collect(),
        Imm::F64 => {
            let floats =
                [0.0, -0.0, 1.0, -1.5, 0.1, 1e300, 5e-324, f64::MAX, f64::INFINITY, f64::NEG_INFINITY];
            let nans = [
                0x7ff8_0000_0000_0000,
                0xfff8_0000_0000_0000,
                0x7ff0_0000_0000_0001,
                0x7ff8_0000_0000_1234u64,
            ];
            floats.iter().map(|f| f.to_bits()).chain(nans).map(|b| Operand::Const(b as i64)).collect()
        }
    }
}

fn constant(ty: Ty) -> Inst {
    let row = match ty {
        Ty::I32 => Row::I32Const,
        Ty::I64 => Row::I64Const,
        Ty::F64 => Row::F64Const,
    };
    (row, Operand::Const(0))
}

fn plain(row: Row) -> Inst {
    (row, Operand::None)
}

/// What stands before and behind an instruction in a valid function.
fn around(row: Row, operand: &Operand) -> (Vec<Inst>, Vec<Inst>) {
    let blocks = |n: u32| vec![(Row::Block, Operand::Block(None)); n as usize];
    let ends = |n: u32| vec![plain(Row::End); n as usize];
    let (takes, leaves) = match row.info().stack {
        Stack::Fixed(takes, leaves) => (takes, leaves),
        Stack::Other(takes) => (takes, &[][..]),
    };
    let mut before: Vec<Inst> = takes.iter().map(|&t| constant(t)).collect();
    let mut after = vec![plain(Row::Drop); leaves.len()];
    match (row, operand) {
        (Row::Block | Row::Loop | Row::If, &Operand::Block(ty)) => {
            let value: Vec<Inst> = ty.map(constant).into_iter().collect();
            after.extend(value.clone());
            if row == Row::If && ty.is_some() {
                after.push(plain(Row::Else));
                after.extend(value);
            }
            after.push(plain(Row::End));
            after.extend(ty.map(|_| plain(Row::Drop)));
        }
        (Row::Else, _) => {
            before = vec![constant(Ty::I32), (Row::If, Operand::Block(None))];
            // wabt leaves out an empty arm.
            after = vec![plain(Row::Unreachable), plain(Row::End)];
        }
        (Row::End, _) => before = blocks(1),
        (Row::Br | Row::BrIf, &Operand::Index(n)) => {
            before.splice(0..0, blocks(n + 1));
            after = ends(n + 1);
        }
        (Row::BrTable, Operand::Labels(labels)) => {
            let n = labels.iter().max().expect("a default") + 1;
            before.splice(0..0, blocks(n));
            after = ends(n);
        }
        (Row::Drop, _) => before = vec![constant(Ty::F64)],
        (Row::Select, _) => {
            before.splice(0..0, [constant(Ty::I64), constant(Ty::I64)]);
            after = vec![plain(Row::Drop)];
        }
        (Row::LocalGet | Row::GlobalGet, _) => after = vec![plain(Row::Drop)],
        (Row::LocalSet | Row::GlobalSet, _) => before = vec![constant(Ty::I32)],
        (Row::LocalTee, _) => (before, after) = (vec![constant(Ty::I32)], vec![plain(Row::Drop)]),
        _ => {}
    }
    (before, after)
}

/// A function: its instructions but the last `end`, and the index of the one it is about.
struct Case {
    insts: Vec<Inst>,
    about: usize,
}

impl Case {
    /// Number of locals, all i32.
    fn locals(&self) -> u32 {
        match self.insts[self.about] {
            (row, Operand::Index(n)) if row.info().imm == Imm::Local => n + 1,
            _ => 0,
        }
    }

    /// The bytes of the function as in the code section, without their size.
    fn body(&self) -> Vec<u8> {
        let mut bytes = vec![u8::from(self.locals() > 0)];
        if self.locals() > 0 {
            leb::write(&mut bytes, self.locals().into());
            bytes.push(Ty::I32.byte());
        }
        self.insts.iter().for_each(|(row, operand)| encode(&mut bytes, *row, operand));
        encode(&mut bytes, Row::End, &Operand::None);
        bytes
    }
}

fn cases() -> Vec<Case> {
    let mut list = Vec::new();
    for &row in Row::ALL {
        for operand in samples(row.info().imm) {
            let (mut insts, after) = around(row, &operand);
            let about = insts.len();
            insts.push((row, operand));
            insts.extend(after);
            list.push(Case { insts, about });
        }
    }
    list
}

fn section(out: &mut Vec<u8>, id: u8, count: u32, content: &[u8]) {
    let mut body = Vec::new();
    leb::write(&mut body, count.into());
    body.extend(content);
    out.push(id);
    leb::write(out, body.len() as u64);
    out.extend(body);
}

fn module(cases: &[Case]) -> Vec<u8> {
    let functions = MANY + cases.len() as u32;
    let mut out = b"\0asm\x01\0\0\0".to_vec();
    section(&mut out, 1, MANY, &[0x60, 0, 0].repeat(MANY as usize));
    section(&mut out, 3, functions, &vec![0; functions as usize]);
    section(&mut out, 4, 1, &[0x70, 0, 1]);
    section(&mut out, 5, 1, &[0, 1]);
    section(&mut out, 6, MANY, &[0x7f, 1, 0x41, 0, 0x0b].repeat(MANY as usize));
    let mut code = [2, 0, 0x0b].repeat(MANY as usize);
    for case in cases {
        let body = case.body();
        leb::write(&mut code, body.len() as u64);
        code.extend(body);
    }
    section(&mut out, 10, functions, &code);
    out
}

/// The bodies of a module's functions after the first ones.
fn bodies(bytes: &[u8]) -> Vec<wasmparser::FunctionBody<'_>> {
    let payloads = Parser::new(0).parse_all(bytes).map(|p| p.expect("a section"));
    let all =
        payloads.filter_map(|p| if let Payload::CodeSectionEntry(body) = p { Some(body) } else { None });
    all.skip(MANY as usize).collect()
}

/// Whether wasmparser's form of an instruction has these immediates.
fn shows(operator: &wasmparser::Operator, row: Row, operand: &Operand) -> bool {
    let text = format!("{operator:?}");
    let name = text.split([' ', '(']).next().unwrap();
    let has = |part: String| text.contains(&format!("{part} ")) || text.contains(&format!("{part},"));
    name == row.info().variant
        && match operand {
            Operand::None => true,
            Operand::Index(n) => has(format!("index: {n}")) || has(format!("depth: {n}")),
            Operand::Const(c) if row == Row::F64Const => text.contains(&format!("Ieee64({})", *c as u64)),
            Operand::Const(c) => has(format!("value: {c}")),
            Operand::Offset(n) => has(format!("offset: {n}")),
            Operand::Block(None) => has("blockty: Empty".to_string()),
            Operand::Block(Some(ty)) => text.contains(&format!("Type({})", ty.name().to_uppercase())),
            Operand::Labels(list) => {
                let wasmparser::Operator::BrTable { targets } = operator else { return false };
                let mut read: Vec<u32> = targets.targets().map(|t| t.unwrap()).collect();
                read.push(targets.default());
                read == *list
            }
        }
}

#[test]
fn rows_are_read_back() {
    let cases = cases();
    let bytes = module(&cases);
    if let Err(e) = Validator::new().validate_all(&bytes) {
        panic!("{e}");
    }
    for (case, read) in cases.iter().zip(bodies(&bytes)) {
        let (row, operand) = &case.insts[case.about];
        let operators: Vec<_> =
            read.get_operators_reader().unwrap().into_iter().map(|o| o.unwrap()).collect();
        assert_eq!(operators.len(), case.insts.len() + 1, "{row:?} {operand:?}");
        assert!(
            shows(&operators[case.about], *row, operand),
            "{:?} for {row:?} {operand:?}",
            operators[case.about]
        );
        let mut own = Vec::new();
        encode(&mut own, *row, operand);
        let mut reader = Reader { bytes: &own, at: 0 };
        assert_eq!(reader.row(), Some(*row));
        assert_eq!(reader.operand(*row).as_ref(), Some(operand));
        assert_eq!(reader.at, own.len());
    }
    println!("{} rows, {} samples", Row::ALL.len(), cases.len());
    assert!(cases.len() > 500);
}

/// The features that modules say they use are those that the rows need: all, and none too many.
#[test]
fn rows_need_the_features_that_modules_name() {
    let of = |feature: &str| match feature {
        "bulk-memory" => WasmFeatures::BULK_MEMORY,
        "nontrapping-fptoint" => WasmFeatures::SATURATING_FLOAT_TO_INT,
        "sign-ext" => WasmFeatures::SIGN_EXTENSION,
        _ => panic!("what does wasmparser call {feature}?"),
    };
    let bytes = module(&cases());
    let valid = |features| Validator::new_with_features(features).validate_all(&bytes).is_ok();
    let all = FEATURES.iter().fold(WasmFeatures::WASM1, |all, feature| all | of(feature));
    assert!(valid(all));
    for feature in FEATURES {
        assert!(!valid(all - of(feature)), "no row needs {feature}");
    }
}

#[test]
fn rows_are_assembled_to_the_same_bytes() {
    if !have("wat2wasm") {
        return;
    }
    let cases = cases();
    let mut text = String::from("(module\n");
    text.push_str(&"(type (func))\n".repeat(MANY as usize));
    text.push_str(&"(func (type 0))\n".repeat(MANY as usize));
    for case in &cases {
        text.push_str(&format!("(func (type 0) (local{})\n", " i32".repeat(case.locals() as usize)));
        for (row, operand) in &case.insts {
            text.push_str(&format!("{}{}\n", row.info().name, immediates(*row, operand)));
        }
        text.push_str(")\n");
    }
    text.push_str("(table 1 funcref)\n(memory 1)\n");
    text.push_str(&"(global (mut i32) (i32.const 0))\n".repeat(MANY as usize));
    text.push_str(")\n");
    let scratch = Scratch::new("wasm-rows");
    let (source, target) = (scratch.write("rows.wat", &text), scratch.path("rows.wasm"));
    let done = output(Command::new("wat2wasm").arg(source).arg("-o").arg(&target));
    assert!(done.status.success(), "{}", mochi_testkit::text(&done.stderr));
    let bytes = std::fs::read(target).unwrap();
    let assembled = bodies(&bytes);
    assert_eq!(assembled.len(), cases.len());
    for (case, theirs) in cases.iter().zip(assembled) {
        let range = theirs.range();
        assert_eq!(case.body(), bytes[range], "{:?}", case.insts[case.about]);
    }
}
