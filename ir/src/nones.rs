//! Where code may follow a none, which is a reference of 0.
//!
//! A load or store whose base is none ends the program with the language's message. Machines whose page at 0
//! is not mapped notice by themselves; where there is none (WebAssembly), code tests what may be none before it
//! follows it, and whoever fails needs a frame that says where the program is ([`crate::passes::attributes`]).
//! Both ask here.

use crate::cfg::{Cfg, DomTree};
use crate::effects::effects;
use crate::func::{Block, Function, Type, Value, ValueDef};
use crate::module::Module;
use crate::ops::{Cond, Op};

/// Nothing is mapped below this address (Linux: `vm.mmap_min_addr`; the runtime's handler of faults says the
/// same): an access of a none at an offset below it faults.
pub const LOWEST_MAPPED: i64 = 1 << 16;

/// Whether an access of a none at this offset faults.
pub fn faults(offset: i64) -> bool {
    (0..LOWEST_MAPPED).contains(&offset)
}

/// Whether a base may be none as far as its definition tells.
///
/// In functions of the program (with a file) every reference may. The runtime's own functions test what may
/// be absent, but follow what they are given and what they find in collections as the program would: their
/// parameters, what they load, and results of calls that make no object.
pub fn may_be_none(module: &Module, func: &Function, base: Value) -> bool {
    let v = origin(func, base);
    if func.ty(v) != Type::Ref {
        return false;
    }
    let ValueDef::Inst(i) = func.values[v.index()].def else { return true };
    let d = &func.insts[i.index()];
    match d.op {
        Op::Symaddr | Op::Add | Op::Sub | Op::And | Op::Or => false,
        Op::Iconst => d.imm == 0,
        Op::Call => {
            let effects = effects(module, func, d);
            !(effects.fresh || effects.makes_objects && func.file.is_none())
        }
        _ => true,
    }
}

/// What a value is a copy of.
pub fn origin(func: &Function, mut v: Value) -> Value {
    while let Some(i) = func.def_inst(v)
        && func.insts[i.index()].op == Op::Copy
    {
        v = func.operands(i)[0];
    }
    func.resolve(v)
}

/// The reference that is not none where a branch from one block to another was taken.
pub fn excluded(func: &Function, from: Block, to: Block) -> Option<Value> {
    let inst = func.terminator(from);
    if func.insts[inst.index()].op != Op::Brif {
        return None;
    }
    let test = func.def_inst(func.operands(inst)[0])?;
    let d = &func.insts[test.index()];
    let edges = func.edges_of(inst);
    if d.op != Op::Icmp || edges[0].block == edges[1].block {
        return None;
    }
    let args = func.operands(test);
    let v = match (func.as_iconst(args[0]), func.as_iconst(args[1])) {
        (_, Some(0)) => args[0],
        (Some(0), _) => args[1],
        _ => return None,
    };
    let holds = edges[0].block == to;
    let not_none = match Cond::from_imm(d.imm) {
        Cond::Ne => holds,
        Cond::Eq => !holds,
        _ => false,
    };
    not_none.then(|| origin(func, v))
}

/// Whether a branch on the way to a block has found that a base is not none.
pub fn is_tested(func: &Function, cfg: &Cfg, dom: &DomTree, base: Value, block: Block) -> bool {
    let v = origin(func, base);
    let above = std::iter::successors(Some(block), |&b| dom.idom(b));
    let mut entered = above.filter_map(|b| match cfg.preds(b) {
        [pred] => excluded(func, pred.block, b),
        _ => None,
    });
    !cfg.is_reachable(block) || entered.any(|tested| tested == v)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::func::Inst;
    use crate::text::parse_module;

    /// Of each access of the function `f`: whether its base may be none, and whether that was tested.
    fn accesses(text: &str) -> Vec<(bool, bool)> {
        let module = parse_module(text).unwrap();
        let func = module.funcs.iter().find(|f| f.display == "f").expect("a function f");
        let cfg = Cfg::new(func);
        let dom = DomTree::new(func, &cfg);
        let mut out = Vec::new();
        for &b in &func.layout {
            let is_access = |i: &&Inst| func.insts[i.index()].op.access_size().is_some();
            for &i in func.blocks[b.index()].insts.iter().filter(is_access) {
                let base = func.operands(i)[0];
                out.push((may_be_none(&module, func, base), is_tested(func, &cfg, &dom, base, b)));
            }
        }
        out
    }

    #[test]
    fn what_may_be_none_and_what_was_tested() {
        let tests = |cond: &str| {
            accesses(&format!(
                "func @f -> i64 {{
                b0(v0:ref):
                  v1:ref = iconst 0
                  v2:i64 = icmp {cond} v0, v1
                  brif v2, b1, b2
                b1:
                  v3:i64 = load.64 v0+8
                  ret v3
                b2:
                  v4:ref = copy v0
                  v5:i64 = load.64 v4+8
                  ret v5
                }}"
            ))
        };
        assert_eq!(tests("eq"), [(true, false), (true, true)]);
        assert_eq!(tests("ne"), [(true, true), (true, false)]);
        assert_eq!(tests("ult"), [(true, false), (true, false)]);
    }

    #[test]
    fn the_runtime_follows_what_it_is_given() {
        let text = |file: &str| {
            format!(
                "file \"a.mochi\"
                declare data @d
                declare func @find(i64) -> ref barren
                declare func @alloc(i64) -> ref
                declare func @new(i64) -> ref fresh
                data @d align 8 writable zero 16
                func @f {file} -> i64 {{
                b0(v0:ref, v1:i64):
                  v2:ref = call @alloc(v1)
                  store.64 v2+8, v1
                  v9:ref = call @new(v1)
                  store.64 v9+8, v1
                  v3:ref = call @find(v1)
                  v4:i64 = load.64 v3+8
                  v5:addr = symaddr @d
                  v6:ref = load.64 v5
                  v7:i64 = load.64 v6+8
                  v8:i64 = load.64 v0+8
                  ret v8
                }}"
            )
        };
        let bases = |file| accesses(&text(file)).into_iter().map(|(none, _)| none).collect::<Vec<_>>();
        // A result, a new object, what is found, a global's address, what it holds, a parameter.
        assert_eq!(bases(""), [false, false, true, false, true, true]);
        assert_eq!(bases("file 0"), [true, false, true, false, true, true]);
    }
}
