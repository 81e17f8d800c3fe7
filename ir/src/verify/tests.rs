//! One test per rule: a good module is spoiled so that exactly that rule complains.

use super::*;
use crate::func::InstData;
use crate::positions::{InlinedCall, Position, Positions, SrcLoc};
use crate::text::parse_module;

const GOOD: &str = "
file \"a.mochi\"
declare func @g(i64, f64) -> i64
declare data @d
data @d align 8 { hex x0000000000000000 reloc 0 @g }
func @f -> i64 {
b0(v0:i64):
  v1:f64 = fconst 1.0
  v2:i64 = call @g(v0, v1)
  brif v2, b1(v0), b2
b1(v3:i64):
  v4:i64 = add v3, v2
  ret v4
b2:
  switch v0, b1(v0), 1: b1(v2), 2: b3
b3:
  ret v0
}";

/// Spoils the good module by editing its text, and gives the rules that complain.
fn replaced(from: &str, to: &str) -> Vec<Rule> {
    assert!(GOOD.contains(from));
    rules(&parse_module(&GOOD.replace(from, to)).unwrap())
}

/// Spoils the good module's function.
fn edited(edit: impl FnOnce(&mut Function)) -> Vec<Rule> {
    let mut module = parse_module(GOOD).unwrap();
    edit(&mut module.funcs[0]);
    rules(&module)
}

fn rules(module: &Module) -> Vec<Rule> {
    let mut rules: Vec<Rule> = verify_module(module).iter().map(|v| v.rule).collect();
    rules.dedup();
    rules
}

fn inst(func: &mut Function, op: Op) -> &mut InstData {
    func.insts.iter_mut().find(|i| i.op == op).unwrap()
}

#[test]
fn good() {
    assert_eq!(verify_module(&parse_module(GOOD).unwrap()), []);
}

#[test]
fn v01_layout() {
    assert_eq!(edited(|f| f.layout.clear()), [Rule::V01]);
    assert_eq!(edited(|f| f.layout.push(Block(1))), [Rule::V01]);
}

#[test]
fn v02_terminators() {
    assert_eq!(edited(|f| f.blocks[1].insts.truncate(1)), [Rule::V02]);
    assert_eq!(edited(|f| f.blocks[1].insts.swap(0, 1)), [Rule::V02]);
    assert_eq!(edited(|f| f.blocks[3].insts.clear()), [Rule::V02]);
}

#[test]
fn v03_bounds() {
    assert_eq!(edited(|f| f.layout.push(Block(9))), [Rule::V03]);
    assert_eq!(edited(|f| f.file = Some(3)), [Rule::V03]);
    assert_eq!(edited(|f| f.blocks[3].insts[0] = Inst(99)), [Rule::V03]);
    assert_eq!(edited(|f| f.pool[0] = Value(99)), [Rule::V03]);
    assert_eq!(edited(|f| inst(f, Op::Call).sym = Some(Sym(99))), [Rule::V03]);
    assert_eq!(edited(|f| inst(f, Op::Brif).edges.len = 99), [Rule::V03]);
    assert_eq!(edited(|f| f.edges[0].block = Block(99)), [Rule::V03]);
    assert_eq!(edited(|f| f.layout.truncate(3)), [Rule::V03]);
    let call = |file| InlinedCall { function: "g".into(), file, declared: 1, at: SrcLoc::new(2, 1) };
    let mut others = Positions::default();
    others.add_call(call(0));
    let row = others.add(Position { line: 1, column: 1, call: Some(0) });
    assert_eq!(edited(|f| f.loc = row), [Rule::V03]);
    assert_eq!(edited(|f| inst(f, Op::Call).loc = row), [Rule::V03]);
    let inlined = |file, at| {
        edited(|f| {
            f.file = file;
            f.positions.add_call(InlinedCall { at, ..call(0) });
        })
    };
    assert_eq!(inlined(Some(0), SrcLoc::new(2, 1)), []);
    assert_eq!(inlined(Some(0), row), [Rule::V03]);
    assert_eq!(inlined(None, SrcLoc::new(2, 1)), [Rule::V03]);
    assert_eq!(edited(|f| _ = f.positions.add_call(call(9))), [Rule::V03]);
}

#[test]
fn v04_one_place() {
    assert_eq!(
        edited(|f| {
            let i = f.blocks[1].insts[0];
            f.blocks[3].insts.insert(0, i);
        }),
        [Rule::V04]
    );
}

#[test]
fn v05_definitions() {
    assert_eq!(edited(|f| f.values[4].def = ValueDef::Inst(Inst(0))), [Rule::V05]);
    assert_eq!(edited(|f| f.values[3].def = ValueDef::Param(Block(1), 1)), [Rule::V05]);
    assert_eq!(edited(|f| f.values[4].def = ValueDef::Alias(Value(0))), [Rule::V05]);
}

#[test]
fn v06_used_means_defined() {
    assert_eq!(edited(|f| f.blocks[1].insts = f.blocks[1].insts.split_off(1)), [Rule::V06]);
}

#[test]
fn v07_operands() {
    assert_eq!(replaced("add v3, v2", "add v3"), [Rule::V07]);
    assert_eq!(replaced("add v3, v2", "add v3, v1"), [Rule::V07]);
    assert_eq!(replaced("v4:i64 = add v3, v2", "v4:i64 = syscall"), [Rule::V07]);
    assert_eq!(replaced("add v3, v2", "call.ind v1()"), [Rule::V07]);
}

#[test]
fn v08_results() {
    assert_eq!(replaced("v1:f64 = fconst 1.0", "v1:f64 = fconst 1.0 fconst 2.0"), [Rule::V08]);
    assert_eq!(replaced("v1:f64 = fconst 1.0", "v1:f64 = fconst 1.0 v9:f64 = iconst 1"), [Rule::V08]);
}

#[test]
fn v09_immediates() {
    let add = "add v3, v2";
    let far = "v5:addr = symaddr @d v4:i64 = load.64 v5+2147483648";
    assert_eq!(replaced("v4:i64 = add v3, v2", far), [Rule::V09]);
    assert_eq!(replaced(add, "int.cmp ult v3, v2"), [Rule::V09]);
    assert_eq!(edited(|f| inst(f, Op::Add).imm = 1), [Rule::V09]);
}

#[test]
fn v10_symbols() {
    assert_eq!(replaced("add v3, v2", "call @d()"), [Rule::V10]);
    assert_eq!(edited(|f| inst(f, Op::Add).sym = Some(Sym(0))), [Rule::V10]);
    assert_eq!(edited(|f| inst(f, Op::Call).sym = None), [Rule::V10]);
}

#[test]
fn v11_calls() {
    assert_eq!(replaced("call @g(v0, v1)", "call @g(v0)"), [Rule::V11]);
    assert_eq!(replaced("call @g(v0, v1)", "call @g(v0, v0)"), [Rule::V11]);
    assert_eq!(replaced("(i64, f64) -> i64", "(i64, f64)"), [Rule::V11]);
    assert_eq!(replaced("(i64, f64) -> i64", "(i64, f64) -> i64 fresh"), [Rule::V11]);
}

#[test]
fn v12_edges() {
    assert_eq!(edited(|f| inst(f, Op::Brif).edges.len = 1), [Rule::V12]);
    assert_eq!(
        edited(|f| {
            let e = inst(f, Op::Brif).edges;
            inst(f, Op::Add).edges = e;
        }),
        [Rule::V12]
    );
}

#[test]
fn v13_arguments() {
    assert_eq!(replaced("brif v2, b1(v0), b2", "brif v2, b1, b2"), [Rule::V13]);
    assert_eq!(replaced("brif v2, b1(v0), b2", "brif v2, b1(v1), b2"), [Rule::V13]);
}

#[test]
fn v14_entry() {
    assert_eq!(replaced("2: b3", "2: b3, 3: b0(v0)"), [Rule::V14]);
}

#[test]
fn v15_dominance() {
    assert_eq!(replaced("b3:\n  ret v0", "b3:\n  ret v4"), [Rule::V15]);
    assert_eq!(replaced("add v3, v2", "add v3, v4"), [Rule::V15]);
}

#[test]
fn v16_return() {
    assert_eq!(replaced("ret v0", "ret"), [Rule::V16]);
    assert_eq!(replaced("ret v0", "ret v1"), [Rule::V16]);
}

#[test]
fn v17_signature() {
    assert_eq!(edited(|f| f.conv = crate::module::Conv::PreserveAll), [Rule::V17]);
    assert_eq!(edited(|f| f.result = Some(Type::Ref)), [Rule::V17]);
    assert_eq!(edited(|f| f.values[0].ty = Type::Ref), []);
}

#[test]
fn v18_cases() {
    assert_eq!(replaced("2: b3", "1: b3"), [Rule::V18]);
    assert_eq!(edited(|f| f.edges[0].case = 1), [Rule::V18]);
}

#[test]
fn v19_reachable() {
    assert_eq!(replaced("b3:\n  ret v0", "b3:\n  ret v0\nb4: unreachable"), [Rule::V19]);
}

#[test]
fn v20_data() {
    assert_eq!(replaced("align 8", "align 3"), [Rule::V20]);
    assert_eq!(replaced("reloc 0", "reloc 1"), [Rule::V20]);
    assert_eq!(replaced("align 8 {", "align 8 zero 8 {"), [Rule::V20]);
}

#[test]
fn v21_definitions() {
    let mut module = parse_module(GOOD).unwrap();
    let data = module.datas[0].clone();
    module.datas.push(data);
    assert_eq!(rules(&module), [Rule::V21]);
}

#[test]
fn v22_hidden_addresses() {
    let rules_of = |body: &str| {
        let text = format!(
            "declare func @k(ref) -> ref\nfunc @k -> ref {{\nb0(v0:ref):\n  v1:i64 = iconst 16\n{body}\n}}"
        );
        rules(&parse_module(&text).unwrap())
    };
    assert_eq!(rules_of("  v2:addr = add v0, v1\n  v3:ref = load.64 v2\n  ret v3"), []);
    // Memory is accessed at what the collector sees.
    assert_eq!(rules_of("  v2:i64 = load.64 v0+16\n  v3:ref = load.64 v2\n  ret v3"), [Rule::V07]);
    // A number that hides an address: as operand, argument, result, and through a parameter.
    let hidden = "  v2:i64 = add v0, v1\n";
    for use_ in [
        "  v3:addr = copy v2\n  ret v0",
        "  v3:addr = add v2, v1\n  ret v0",
        "  v3:ref = int.add v2, v0\n  ret v0",
        "  v3:ref = call @k(v2)\n  ret v0",
        "  ret v2",
        "  jump b1(v2)\nb1(v3:i64):\n  jump b2(v3)\nb2(v4:ref):\n  ret v4",
    ] {
        assert_eq!(rules_of(&format!("{hidden}{use_}")), [Rule::V22], "{use_}");
    }
    // Numbers that hide none: differences, low bits, what shifts make.
    for number in ["sub v2, v0", "and v2, v5", "shl v2, v5"] {
        let body = format!("{hidden}  v5:i64 = iconst 6\n  v3:i64 = {number}\n  v4:ref = copy v3\n  ret v4");
        assert_eq!(rules_of(&body), [], "{number}");
    }
}
