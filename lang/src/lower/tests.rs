//! Lowering of trees made by hand, judged by the verifier and run by the interpreter with a few
//! runtime functions written here in the system dialect.

use super::lower;
use crate::ast::BinOp;
use crate::diag::Diagnostics;
use crate::parser::parse;
use crate::sema::check;
use crate::span::{SourceMap, Span};
use crate::system;
use crate::tree::*;
use crate::types::{Ty, TyKind, Types};
use mochi_ir::interp::{Linux, Machine, Trap, link};
use mochi_ir::{Attributes, Conv, Decl, Library, Module, Op, Type, verify};

/// Objects are never freed; a list is its length and elements.
const RUNTIME: &str = "
var top: i64 = 0
data room: zero(65536)
data desc_cell_tag = [17]
fun alloc(bytes: i64, desc: i64): ref {
  let p = addr(room) + top
  top = top + bytes
  store64(p, desc)
  return p as ref
}
fun int_cmp_slow(a: ref, b: ref): i64 { return 2 }
";

fn library() -> Library {
    let decl = |name, params, result| Decl {
        name,
        params,
        result,
        conv: Conv::C,
        attributes: Attributes::default(),
        body: None,
    };
    let decls = vec![
        decl("alloc", &[Type::I64, Type::I64], Some(Type::Ref)),
        decl("int_cmp_slow", &[Type::Ref, Type::Ref], Some(Type::I64)),
        decl("int_from_i64", &[Type::I64], Some(Type::Ref)),
    ];
    Library { decls: Box::leak(decls.into_boxed_slice()), ..Library::EMPTY }
}

fn expr(kind: ExprKind, ty: Ty) -> Expr {
    Expr { kind, ty, span: Span::default() }
}

fn int(v: i64) -> Expr {
    expr(ExprKind::Int(v), Ty::INT)
}

fn var(l: u32, ty: Ty) -> Expr {
    expr(ExprKind::Var(VarRef::Local(LocalId(l))), ty)
}

fn binary(op: BinOp, left: Expr, right: Expr, ty: Ty) -> Expr {
    expr(ExprKind::Binary { op, left: Box::new(left), right: Box::new(right) }, ty)
}

fn call(f: u32, args: Vec<Expr>) -> Expr {
    expr(ExprKind::Call { func: FuncId(f), type_args: Vec::new(), args }, Ty::INT)
}

fn stmt(kind: StmtKind) -> Stmt {
    Stmt { kind, span: Span::default() }
}

fn ret(e: Expr) -> Stmt {
    stmt(StmtKind::Return(Some(e)))
}

fn set(l: u32, value: Expr) -> Stmt {
    let place = Place { root: VarRef::Local(LocalId(l)), root_ty: Ty::INT, steps: Vec::new() };
    stmt(StmtKind::Assign { place, op: None, value })
}

fn define(l: u32, value: Expr) -> Stmt {
    stmt(StmtKind::Let { var: VarRef::Local(LocalId(l)), value: Some(value) })
}

fn local(ty: Ty) -> Local {
    Local { name: String::new(), ty, captured: false, assigned: true, span: Span::default() }
}

fn function(name: &str, params: u32, locals: Vec<Local>, body: Vec<Stmt>) -> Function {
    let params = (0..params).map(LocalId).collect();
    Function { params, locals, result: Ty::INT, body, ..Function::empty(name, Span::default()) }
}

/// Lowers functions; the last one is the program's main.
fn module(types: Types, functions: Vec<Function>) -> Module {
    let main = FuncId(functions.len() as u32 - 1);
    let program = Program { types, functions, globals: Vec::new(), main };
    let mut map = SourceMap::default();
    map.add("test.mochi", "");
    let module = lower(&map, &program, &library());
    assert_eq!(verify::verify_module(&module), []);
    module
}

fn run(types: Types, functions: Vec<Function>) -> Result<i64, Trap> {
    let module = module(types, functions);
    let runtime = system::compile(&[("runtime", RUNTIME)]).expect("the runtime compiles").module;
    let program = link(&[&module, &runtime], true).expect("linked");
    let mut machine = Machine::new(&program, Linux::default());
    machine.steps = 1_000_000;
    machine.call("mochi_main", &[]).map(|v| v.expect("a result") as i64 >> 1)
}

#[test]
fn recursion() {
    let n = || var(0, Ty::INT);
    let less = |k| binary(BinOp::Sub, n(), int(k), Ty::INT);
    let fib = vec![
        stmt(StmtKind::If {
            cond: binary(BinOp::Lt, n(), int(2), Ty::BOOL),
            then: vec![ret(n())],
            otherwise: Vec::new(),
        }),
        ret(binary(BinOp::Add, call(0, vec![less(1)]), call(0, vec![less(2)]), Ty::INT)),
    ];
    let fib = function("fib", 1, vec![local(Ty::INT)], fib);
    let main = function("__main", 0, Vec::new(), vec![ret(call(0, vec![int(15)]))]);
    assert_eq!(run(Types::default(), vec![fib, main]), Ok(610));
}

#[test]
fn range_loops_leave_and_continue() {
    // Adds 0..100 without multiples of 3, up to 50.
    let (sum, i) = (|| var(0, Ty::INT), || var(1, Ty::INT));
    let skip = binary(BinOp::Eq, binary(BinOp::Mod, i(), int(3), Ty::INT), int(0), Ty::BOOL);
    let stop = binary(BinOp::Gt, i(), int(50), Ty::BOOL);
    let when = |cond, kind| stmt(StmtKind::If { cond, then: vec![stmt(kind)], otherwise: Vec::new() });
    let body = vec![
        when(skip, StmtKind::Continue),
        when(stop, StmtKind::Break),
        set(0, binary(BinOp::Add, sum(), i(), Ty::INT)),
    ];
    let range = StmtKind::ForRange {
        var: VarRef::Local(LocalId(1)),
        start: int(0),
        end: var(2, Ty::INT),
        inclusive: false,
        body,
    };
    let body = vec![define(2, int(100)), define(0, int(0)), stmt(range), ret(sum())];
    let main = function("__main", 0, vec![local(Ty::INT), local(Ty::INT), local(Ty::INT)], body);
    let expected = (0..=50).filter(|i| i % 3 != 0).sum();
    assert_eq!(run(Types::default(), vec![main]), Ok(expected));
}

#[test]
fn closures_share_assigned_variables() {
    // let n = 5; let f = fun(k) { n = n + k }; f(1); f(10); return n
    let mut types = Types::default();
    let ty = types.intern(TyKind::Fun(vec![Ty::INT], Ty::INT));
    let shared = || Local { captured: true, ..local(Ty::INT) };
    let add = vec![set(1, binary(BinOp::Add, var(1, Ty::INT), var(0, Ty::INT), Ty::INT)), ret(int(0))];
    let mut lambda = function("fn1", 1, vec![local(Ty::INT), shared()], add);
    lambda.captures = vec![Capture { outer: LocalId(0), inner: LocalId(1) }];
    let apply = |k| {
        let callee = Box::new(var(1, ty));
        stmt(StmtKind::Expr(expr(ExprKind::CallValue { callee, args: vec![int(k)] }, Ty::INT)))
    };
    let body = vec![
        define(0, int(5)),
        define(1, expr(ExprKind::Closure(FuncId(0)), ty)),
        apply(1),
        apply(10),
        ret(var(0, Ty::INT)),
    ];
    let main = function("__main", 0, vec![shared(), local(ty)], body);
    assert_eq!(run(types, vec![lambda, main]), Ok(16));
}

#[test]
fn conditions_are_lazy_and_nest() {
    // (n > 0 && 100 / n > 10) || n == 0, for n = 5, 20, 0.
    let n = || var(0, Ty::INT);
    let some = binary(BinOp::Gt, n(), int(0), Ty::BOOL);
    let part = binary(BinOp::Gt, binary(BinOp::Div, int(100), n(), Ty::INT), int(10), Ty::BOOL);
    let zero = binary(BinOp::Eq, n(), int(0), Ty::BOOL);
    let cond = binary(BinOp::Or, binary(BinOp::And, some, part, Ty::BOOL), zero, Ty::BOOL);
    let choice = expr(
        ExprKind::If { cond: Box::new(cond), then: Box::new(int(1)), otherwise: Box::new(int(0)) },
        Ty::INT,
    );
    let f = function("f", 1, vec![local(Ty::INT)], vec![ret(choice)]);
    let digit = |k: i64, place| binary(BinOp::Mul, call(0, vec![int(k)]), int(place), Ty::INT);
    let sum = binary(BinOp::Add, digit(5, 100), digit(20, 10), Ty::INT);
    let sum = binary(BinOp::Add, sum, digit(0, 1), Ty::INT);
    let main = function("__main", 0, Vec::new(), vec![ret(sum)]);
    assert_eq!(run(Types::default(), vec![f, main]), Ok(101));
}

#[test]
fn code_after_a_return_is_dropped() {
    let forever = StmtKind::While { cond: expr(ExprKind::Bool(true), Ty::BOOL), body: vec![ret(int(7))] };
    let body = vec![stmt(forever), ret(int(8))];
    let main = function("__main", 0, Vec::new(), body);
    assert_eq!(run(Types::default(), vec![main]), Ok(7));
}

#[test]
fn long_sums_do_not_recurse() {
    let mut sum = var(0, Ty::INT);
    for k in 0..100_000 {
        sum = binary(BinOp::Add, sum, int(k % 7), Ty::INT);
    }
    let main = function("__main", 0, vec![local(Ty::INT)], vec![define(0, int(1)), ret(sum)]);
    // Dropping such a tree recurses, which is not what this tests.
    let program = std::mem::ManuallyDrop::new(Program {
        types: Types::default(),
        functions: vec![main],
        globals: Vec::new(),
        main: FuncId(0),
    });
    let mut map = SourceMap::default();
    map.add("test.mochi", "");
    let module = lower(&map, &program, &library());
    assert_eq!(verify::verify_module(&module), []);
    assert!(module.funcs[0].insts.len() > 100_000);
}

/// The cases of each `switch` in the function `f` of a program.
fn switches(source: &str) -> Vec<Vec<i64>> {
    let mut map = SourceMap::default();
    let file = map.add("test.mochi", source);
    let mut diags = Diagnostics::new();
    let program = parse(&map, file, &mut diags);
    let program = check(&map, &program, &mut diags).expect(source);
    let module = lower(&map, &program, &library());
    assert_eq!(verify::verify_module(&module), []);
    let f = module.funcs.iter().find(|f| f.display == "f").expect("a function f");
    let ends = f.layout.iter().map(|&b| f.terminator(b));
    let switches = ends.filter(|i| f.insts[i.index()].op == Op::Switch);
    switches.map(|i| f.edges_of(i)[1..].iter().map(|e| e.case).collect()).collect()
}

#[test]
fn many_arms_are_one_switch() {
    let arms = |n: i64, arm: fn(i64) -> String| (0..n).map(|k| arm(k) + "\n").collect::<String>();
    let ints = |n| arms(n, |k| format!("{} => {k}", k * 3));
    let of_ints = |body: String| {
        switches(&format!(
            "let x = 7\nfun f(i: int): int {{\nreturn match i {{\n{body}_ => -1\n}}\n}}\nlet r = f(3)"
        ))
    };
    let words = |n: i64| (0..n).map(|k| k * 6).collect::<Vec<i64>>();
    assert_eq!(of_ints(ints(29)), [[]; 0]);
    assert_eq!(of_ints(ints(30)), [words(30)]);
    assert_eq!(of_ints(format!("x => -7\n{}x => -7\n", ints(31))), [words(31)]);
    // What does not fit a word, and what another test parts.
    assert_eq!(of_ints(format!("4611686018427387904 => 0\n{}", ints(30))), [words(30)]);
    assert_eq!(of_ints(format!("1 => 0\nx => 1\n{}", ints(29))), [[]; 0]);
    let of_variants = |declared: i64, named: i64, last: &str| {
        let union: Vec<String> = (0..declared).map(|k| format!("V{k}(n: int)")).collect();
        let arms = arms(named, |k| format!("V{k}(7) => 0\nV{k}(n) => n"));
        let union = union.join(" | ");
        switches(&format!(
            "type U = {union}\nfun f(u: U): int {{\nreturn match u {{\n{arms}{last}}}\n}}\nlet r = f(V0 {{ n: 1 }})"
        ))
    };
    // Of variants that are all named the last one needs no test.
    assert_eq!(of_variants(30, 30, ""), [(0..29).collect::<Vec<i64>>()]);
    assert_eq!(of_variants(31, 30, "_ => 1\n"), [(0..30).collect::<Vec<i64>>()]);
    assert_eq!(of_variants(29, 29, ""), [[]; 0]);
}
