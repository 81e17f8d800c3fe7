//! The verifier: the numbered invariants of the IR.
//!
//! Passes and code generation rely on these without checking. A function that fails one of the
//! structural rules (up to [`LAST_STRUCTURAL`]) is not examined further, because the later rules
//! walk the structure.

use crate::cfg::{Cfg, DomTree};
use crate::func::{ArgList, Block, BlockCall, Function, Inst, Type, Value, ValueDef};
use crate::module::{Module, Signature, Sym, SymKind};
use crate::ops::{Class, Cond, Imm, Op, Role};
use crate::regions::Region;
use crate::roots::hidden;
use std::fmt;

macro_rules! rules {
    ($($name:ident $text:literal;)*) => {
        /// An invariant.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
        pub enum Rule { $(#[doc = $text] $name),* }

        impl Rule {
            /// Every rule.
            pub const ALL: &'static [Rule] = &[$(Rule::$name),*];

            /// What has to hold.
            pub fn text(self) -> &'static str {
                [$($text),*][self as usize]
            }
        }
    };
}

rules! {
    V01 "A function has blocks, and each block is in the layout at most once.";
    V02 "The last instruction of a block, and no other, is a terminator.";
    V03 "Every id and range is in bounds, and edges lead to blocks of the layout; only functions with a file have inlined calls.";
    V04 "An instruction is in one place only.";
    V05 "Results and parameters are defined where their definition says.";
    V06 "Only defined values are used: no alias, no removed instruction.";
    V07 "Operands have the number and classes of the op's row; memory is accessed at `addr` or `ref`.";
    V08 "The result is there, with its class, as the op's row says.";
    V09 "The immediate is in the range of the op's row, and the region one of the module; only accesses have one.";
    V10 "There is a symbol, and of the right kind, exactly when the op's row asks for one.";
    V11 "Calls agree with the callee's signature; what is fresh takes the size first and gives a `ref`.";
    V12 "Jumps have one edge, brif two, switch at least one, everything else none.";
    V13 "Edges have one argument of the same class per parameter of the target.";
    V14 "The entry block has no predecessors.";
    V15 "A definition dominates its uses.";
    V16 "Returned operands agree with the function's result.";
    V17 "The entry's parameters (which may be more visible), the result and the convention agree with the symbol's signature.";
    V18 "Cases of a switch differ; no other edge has a case.";
    V19 "Every block of the layout is reachable from the entry.";
    V20 "Data is well formed: alignment a power of two, bytes or zero size, relocations inside.";
    V21 "A symbol is defined once, as what it is declared.";
    V22 "No number that hides an address becomes one again (see `roots`).";
}

/// The rules after this one are only checked when all up to it hold.
pub const LAST_STRUCTURAL: Rule = Rule::V06;

/// A rule that does not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// The rule.
    pub rule: Rule,
    /// Function or data, by link name.
    pub item: String,
    /// Block and instruction, as in the text form, and details.
    pub place: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{:?} in {}: {} ({})", self.rule, self.item, self.place, self.rule.text())
    }
}

/// Checks a module and all its functions.
pub fn verify_module(module: &Module) -> Vec<Violation> {
    let mut out = Vec::new();
    let mut defined = vec![false; module.syms.len()];
    let mut define = |sym: Sym, func: bool, out: &mut Vec<Violation>| {
        let Some(decl) = module.syms.get(sym.0 as usize) else {
            out.push(Violation { rule: Rule::V03, item: format!("symbol {}", sym.0), place: String::new() });
            return false;
        };
        let twice = std::mem::replace(&mut defined[sym.0 as usize], true);
        if twice || matches!(decl.kind, SymKind::Func(_)) != func {
            out.push(Violation { rule: Rule::V21, item: decl.name.clone(), place: String::new() });
        }
        true
    };
    for data in &module.datas {
        if !define(data.sym, false, &mut out) {
            continue;
        }
        let size = data.bytes.len() as u64;
        let good = data.align.is_power_of_two()
            && (data.bytes.is_empty() || data.zero_size == 0)
            && data
                .relocs
                .iter()
                .all(|r| u64::from(r.offset) + 8 <= size && (r.sym.0 as usize) < module.syms.len());
        if !good {
            let item = module.sym(data.sym).name.clone();
            out.push(Violation { rule: Rule::V20, item, place: String::new() });
        }
    }
    for func in &module.funcs {
        if define(func.sym, true, &mut out) {
            out.extend(verify_function(module, func));
        }
    }
    out
}

/// Checks a function. It need not be in the module's list.
pub fn verify_function(module: &Module, func: &Function) -> Vec<Violation> {
    let mut v = Verifier { module, func, out: Vec::new() };
    v.structure();
    if v.out.is_empty() {
        v.instructions();
        if v.out.is_empty() {
            v.dominance();
        }
        if v.out.is_empty() {
            v.visibility();
        }
    }
    v.out
}

struct Verifier<'a> {
    module: &'a Module,
    func: &'a Function,
    out: Vec<Violation>,
}

fn class(ty: Type) -> Class {
    if ty == Type::F64 { Class::Float } else { Class::Word }
}

impl Verifier<'_> {
    fn fail(&mut self, rule: Rule, place: impl fmt::Display) {
        let item = match self.module.syms.get(self.func.sym.0 as usize) {
            Some(decl) => decl.name.clone(),
            None => self.func.display.clone(),
        };
        self.out.push(Violation { rule, item, place: place.to_string() });
    }

    fn check(&mut self, good: bool, rule: Rule, block: Block, inst: Inst) {
        if !good {
            let data = &self.func.insts[inst.index()];
            let name = data.op.info().name;
            let place = match data.result {
                Some(v) => format!("b{}: v{} = {name}", block.0, v.0),
                None => format!("b{}: {name}", block.0),
            };
            self.fail(rule, place);
        }
    }

    fn in_pool(&self, list: ArgList) -> bool {
        list.start as u64 + list.len as u64 <= self.func.pool.len() as u64
            && self.func.list(list).iter().all(|v| v.index() < self.func.values.len())
    }

    /// V01-V06: everything that lets the other rules index without thinking.
    fn structure(&mut self) {
        let func = self.func;
        if func.layout.is_empty() {
            return self.fail(Rule::V01, "no blocks");
        }
        let mut in_layout = vec![false; func.blocks.len()];
        for &b in &func.layout {
            match in_layout.get_mut(b.index()) {
                None => return self.fail(Rule::V03, format!("b{}", b.0)),
                Some(seen) if *seen => return self.fail(Rule::V01, format!("b{} twice", b.0)),
                Some(seen) => *seen = true,
            }
        }
        if func.sym.0 as usize >= self.module.syms.len()
            || func.file.is_some_and(|f| f as usize >= self.module.files.len())
        {
            self.fail(Rule::V03, "symbol or file of the function");
        }
        let calls = !func.positions.calls().is_empty();
        if !func.positions.is_sound(self.module.files.len())
            || !func.positions.has(func.loc)
            || calls && func.file.is_none()
        {
            self.fail(Rule::V03, "positions");
        }
        let mut placed = vec![false; func.insts.len()];
        let mut defined = vec![false; func.values.len()];
        for &b in &func.layout {
            let data = &func.blocks[b.index()];
            for (i, &p) in data.params.iter().enumerate() {
                match func.values.get(p.index()) {
                    None => return self.fail(Rule::V03, format!("b{} parameter {i}", b.0)),
                    Some(v) if v.def != ValueDef::Param(b, i as u32) => {
                        self.fail(Rule::V05, format!("b{} parameter v{}", b.0, p.0));
                    }
                    Some(_) => defined[p.index()] = true,
                }
            }
            if data.insts.is_empty() {
                self.fail(Rule::V02, format!("b{} is empty", b.0));
            }
            for (i, &inst) in data.insts.iter().enumerate() {
                let Some(seen) = placed.get_mut(inst.index()) else {
                    return self.fail(Rule::V03, format!("b{} instruction {i}", b.0));
                };
                if std::mem::replace(seen, true) {
                    self.check(false, Rule::V04, b, inst);
                }
                let last = i + 1 == data.insts.len();
                self.check(func.insts[inst.index()].op.is_terminator() == last, Rule::V02, b, inst);
                self.ranges(b, inst, &in_layout);
                if let Some(v) = func.insts[inst.index()].result
                    && v.index() < func.values.len()
                {
                    let good = func.values[v.index()].def == ValueDef::Inst(inst);
                    self.check(good, Rule::V05, b, inst);
                    defined[v.index()] = true;
                }
            }
        }
        if !self.out.is_empty() {
            return;
        }
        for &b in &func.layout {
            for &inst in &func.blocks[b.index()].insts {
                let edges = func.edges_of(inst).iter().flat_map(|e| func.list(e.args));
                if let Some(v) = func.operands(inst).iter().chain(edges).find(|v| !defined[v.index()]) {
                    self.fail(Rule::V06, format!("b{}: v{}", b.0, v.0));
                }
            }
        }
    }

    /// The instruction's part of V03.
    fn ranges(&mut self, b: Block, inst: Inst, in_layout: &[bool]) {
        let func = self.func;
        let data = func.insts[inst.index()];
        let mut good = self.in_pool(data.args)
            && func.positions.has(data.loc)
            && data.result.is_none_or(|v| v.index() < func.values.len())
            && data.sym.is_none_or(|s| (s.0 as usize) < self.module.syms.len())
            && data.edges.start as u64 + data.edges.len as u64 <= func.edges.len() as u64;
        if good {
            let edge = |e: &BlockCall| {
                in_layout.get(e.block.index()).copied().unwrap_or(false) && self.in_pool(e.args)
            };
            good = func.edges_of(inst).iter().all(edge);
        }
        self.check(good, Rule::V03, b, inst);
    }

    /// V07-V14, V16-V18.
    fn instructions(&mut self) {
        let func = self.func;
        for &b in &func.layout {
            for &inst in &func.blocks[b.index()].insts {
                self.operands(b, inst);
                self.immediate(b, inst);
                self.call(b, inst);
                self.edges(b, inst);
            }
        }
        match &self.module.sym(func.sym).kind {
            SymKind::Func(sig) => {
                let params = &func.blocks[func.entry().index()].params;
                // A pass may show a parameter that callers give as a number.
                let fits = |(&v, &ty): (&Value, &Type)| {
                    class(func.ty(v)) == class(ty) && func.ty(v).join(ty) == func.ty(v)
                };
                let same = params.len() == sig.params.len() && params.iter().zip(&sig.params).all(fits);
                if !same || sig.result != func.result || sig.conv != func.conv {
                    self.fail(Rule::V17, "signature");
                }
            }
            SymKind::Data => self.fail(Rule::V17, "the symbol is data"),
        }
    }

    fn operands(&mut self, b: Block, inst: Inst) {
        let func = self.func;
        let data = &func.insts[inst.index()];
        let info = data.op.info();
        let args = func.operands(inst);
        let good = match info.operands {
            Some(roles) => {
                let fits = |(&v, &role): (&Value, &Role)| {
                    class(func.ty(v)) == role.class() && (role != Role::Address || func.ty(v).is_visible())
                };
                args.len() == roles.len() && args.iter().zip(roles).all(fits)
            }
            None => match data.op {
                Op::Syscall => (1..=7).contains(&args.len()) && args.iter().all(|&v| func.ty(v).is_word()),
                Op::CallInd => args.first().is_some_and(|&v| func.ty(v).is_word()),
                _ => true,
            },
        };
        self.check(good, Rule::V07, b, inst);
        if data.op == Op::Ret {
            let types: Vec<Class> = args.iter().map(|&v| class(func.ty(v))).collect();
            let good = types == func.result.map(class).into_iter().collect::<Vec<_>>();
            self.check(good, Rule::V16, b, inst);
        }
        let result = data.result.map(|v| class(func.ty(v)));
        self.check(info.free_result || result == info.result, Rule::V08, b, inst);
    }

    fn immediate(&mut self, b: Block, inst: Inst) {
        let data = self.func.insts[inst.index()];
        let known = |bits: i64| (0..8).contains(&bits);
        let good = match data.op.info().imm {
            Imm::Int | Imm::Float | Imm::Sym => true,
            Imm::None | Imm::Callee | Imm::Switch => data.imm == 0,
            Imm::Offset => i32::try_from(data.imm).is_ok(),
            Imm::Cond => (0..Cond::ALL.len() as i64).contains(&data.imm),
            Imm::FCond => (0..6).contains(&data.imm),
            Imm::IntCond => (data.imm & 0xff) <= Cond::Sge as i64 && known(data.imm >> 8),
            Imm::Known => known(data.imm),
        };
        let placed = data.region == Region::ANY || data.op.access_size().is_some();
        let good = good && placed && self.module.regions.contains(data.region);
        self.check(good, Rule::V09, b, inst);
        let wants = matches!(data.op.info().imm, Imm::Sym | Imm::Callee);
        let callee_is_data =
            data.op == Op::Call && data.sym.is_some_and(|s| self.module.sym(s).kind == SymKind::Data);
        self.check(data.sym.is_some() == wants && !callee_is_data, Rule::V10, b, inst);
    }

    fn call(&mut self, b: Block, inst: Inst) {
        let func = self.func;
        let data = func.insts[inst.index()];
        if data.op != Op::Call {
            return;
        }
        let Some(SymKind::Func(Signature { params, result, .. })) =
            data.sym.map(|s| &self.module.sym(s).kind)
        else {
            return;
        };
        let fresh = self.module.sym(data.sym.expect("found")).attributes.fresh;
        let makes = params.first() == Some(&Type::I64) && *result == Some(Type::Ref);
        let args = func.operands(inst).iter().map(|&v| class(func.ty(v)));
        let good = (makes || !fresh)
            && args.eq(params.iter().map(|&t| class(t)))
            && data.result.map(|v| class(func.ty(v))) == result.map(class);
        self.check(good, Rule::V11, b, inst);
    }

    fn edges(&mut self, b: Block, inst: Inst) {
        let func = self.func;
        let edges = func.edges_of(inst);
        let op = func.insts[inst.index()].op;
        let good = match op {
            Op::Jump => edges.len() == 1,
            Op::Brif => edges.len() == 2,
            Op::Switch => !edges.is_empty(),
            _ => edges.is_empty(),
        };
        self.check(good, Rule::V12, b, inst);
        for e in edges {
            let params = func.blocks[e.block.index()].params.iter().map(|&v| class(func.ty(v)));
            let good = func.list(e.args).iter().map(|&v| class(func.ty(v))).eq(params);
            self.check(good, Rule::V13, b, inst);
            self.check(e.block != func.entry(), Rule::V14, b, inst);
        }
        let good = if op == Op::Switch && !edges.is_empty() {
            let mut cases: Vec<i64> = edges[1..].iter().map(|e| e.case).collect();
            cases.sort_unstable();
            edges[0].case == 0 && cases.windows(2).all(|w| w[0] != w[1])
        } else {
            edges.iter().all(|e| e.case == 0)
        };
        self.check(good, Rule::V18, b, inst);
    }

    /// V22.
    fn visibility(&mut self) {
        let func = self.func;
        let hidden = hidden(func);
        let shows = |ty: Option<Type>| ty.is_some_and(Type::is_visible);
        for &b in &func.layout {
            for &inst in &func.blocks[b.index()].insts {
                let data = &func.insts[inst.index()];
                let args = func.operands(inst);
                let mut good = match (data.op, data.op.info().operands) {
                    (Op::Ret, _) => !shows(func.result) || args.iter().all(|v| !hidden[v.index()]),
                    (Op::Call, _) => {
                        let params = &self.module.signature(data.sym.expect("V10")).params;
                        args.iter().zip(params).all(|(v, &ty)| !ty.is_visible() || !hidden[v.index()])
                    }
                    (_, Some(roles)) => args.iter().zip(roles).all(|(v, role)| {
                        let carried = *role == Role::Carried && shows(data.result.map(|r| func.ty(r)));
                        !(carried || *role == Role::Reference) || !hidden[v.index()]
                    }),
                    _ => true,
                };
                for e in func.edges_of(inst) {
                    let params = &func.blocks[e.block.index()].params;
                    let fits = |(v, p): (&Value, &Value)| !func.ty(*p).is_visible() || !hidden[v.index()];
                    good &= func.list(e.args).iter().zip(params).all(fits);
                }
                self.check(good, Rule::V22, b, inst);
            }
        }
    }

    /// V15 and V19.
    fn dominance(&mut self) {
        let func = self.func;
        let cfg = Cfg::new(func);
        for &b in &func.layout {
            if !cfg.is_reachable(b) {
                self.fail(Rule::V19, format!("b{}", b.0));
            }
        }
        let dom = DomTree::new(func, &cfg);
        let mut home = vec![Block(u32::MAX); func.values.len()];
        for &b in &cfg.rpo {
            let data = &func.blocks[b.index()];
            let results = data.insts.iter().filter_map(|i| func.insts[i.index()].result);
            for v in data.params.iter().copied().chain(results) {
                home[v.index()] = b;
            }
        }
        let mut seen = vec![false; func.values.len()];
        for &b in &cfg.rpo {
            for &p in &func.blocks[b.index()].params {
                seen[p.index()] = true;
            }
            for &inst in &func.blocks[b.index()].insts {
                let edges = func.edges_of(inst).iter().flat_map(|e| func.list(e.args));
                let good = |v: &Value| {
                    let h = home[v.index()];
                    if h == b { seen[v.index()] } else { h.0 != u32::MAX && dom.dominates(h, b) }
                };
                let all = func.operands(inst).iter().chain(edges).all(good);
                self.check(all, Rule::V15, b, inst);
                if let Some(v) = func.insts[inst.index()].result {
                    seen[v.index()] = true;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
