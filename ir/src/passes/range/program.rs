//! Ranges of parameters, from the calls of the whole program.
//!
//! Functions are analysed callers first; the ranges of arguments at each call are joined into the
//! callee's parameters, and a callee whose parameters grew is analysed again. Functions that code
//! outside the module may call, or whose address is taken, get any arguments. The start is
//! optimistic (no calls, no arguments), so the result holds for recursion; widening bounds the
//! number of visits.

use super::Analysis;
use super::domain::Range;
use crate::cfg::{Cfg, DomTree};
use crate::func::{Function, InstData, Type};
use crate::module::Module;
use crate::ops::Op;
use crate::passes::inline::callees_first;
use crate::regions::Regions;

/// Visits of a function after which its parameters may be anything.
const MAX_VISITS: u32 = 6;

/// Finds the ranges of the parameters of every function; none where nothing is known.
pub(super) fn parameters(module: &mut Module) {
    let mut funcs = std::mem::take(&mut module.funcs);
    let mut index = vec![u32::MAX; module.syms.len()];
    for (i, f) in funcs.iter().enumerate() {
        index[f.sym.0 as usize] = i as u32;
    }
    let mut open: Vec<bool> = module.syms.iter().map(|s| s.export).collect();
    module.datas.iter().flat_map(|d| &d.relocs).for_each(|r| open[r.sym.0 as usize] = true);
    // Exact ops call their slow paths without an instruction that says so.
    for name in Op::SLOW_PATHS {
        module.lookup(name).into_iter().for_each(|s| open[s.0 as usize] = true);
    }
    for f in &funcs {
        for data in f.insts.iter().filter(|d| d.op == Op::Symaddr) {
            data.sym.into_iter().for_each(|s| open[s.0 as usize] = true);
        }
    }
    // Only ints profit. Without exports everything may be called from outside.
    let closed = |f: &Function| {
        let params = &f.blocks[f.entry().index()].params;
        !open[f.sym.0 as usize] && params.iter().any(|&p| f.ty(p) == Type::Ref)
    };
    let exports = module.syms.iter().any(|s| s.export);
    let mut states: Vec<State> = funcs
        .iter()
        .map(|f| State { params: None, known: exports && closed(f), visits: 0, dirty: true })
        .collect();
    if states.iter().any(|s| s.known) {
        let mut order = callees_first(module, &funcs, |_| true);
        order.reverse();
        while states.iter().any(State::is_due) {
            for &i in &order {
                if states[i].is_due() {
                    visit(&mut funcs[i], i, &index, &mut states, &module.regions);
                }
            }
        }
    }
    for (func, state) in funcs.iter_mut().zip(states) {
        func.arguments = state.params.filter(|_| state.known).unwrap_or_default();
    }
    module.funcs = funcs;
}

struct State {
    /// Joined arguments of the calls seen so far.
    params: Option<Vec<Range>>,
    /// All calls are in the module.
    known: bool,
    visits: u32,
    /// Not analysed since the parameters changed.
    dirty: bool,
}

impl State {
    /// To be analysed now: a function nobody calls yet waits.
    fn is_due(&self) -> bool {
        self.dirty && (!self.known || self.params.is_some())
    }
}

/// Analyses a function and passes its arguments on.
fn visit(func: &mut Function, i: usize, index: &[u32], states: &mut [State], regions: &Regions) {
    states[i].dirty = false;
    states[i].visits += 1;
    let is_call = |d: &&InstData| d.op == Op::Call && callee(d, index).is_some();
    if !func.insts.iter().any(|d| is_call(&d)) {
        return;
    }
    let params = if states[i].known { states[i].params.clone().unwrap_or_default() } else { Vec::new() };
    let cfg = Cfg::new(func);
    let dom = DomTree::new(func, &cfg);
    let mut a = Analysis::new(func, &cfg, &dom, &params, regions);
    let solved = a.solve();
    if solved {
        a.finish();
    }
    for &b in &cfg.rpo {
        if solved && !a.reached[b.index()] {
            continue;
        }
        for &inst in &a.func.blocks[b.index()].insts {
            let data = &a.func.insts[inst.index()];
            let Some(to) = callee(data, index).filter(|&to| data.op == Op::Call && states[to].known) else {
                continue;
            };
            let args = data.args.start as usize..(data.args.start + data.args.len) as usize;
            let top = vec![Range::TOP; args.len()];
            join(&mut states[to], if solved { &a.edge_args[args] } else { &top });
        }
    }
}

fn callee(data: &InstData, index: &[u32]) -> Option<usize> {
    let i = index[data.sym?.0 as usize];
    (i != u32::MAX).then_some(i as usize)
}

fn join(state: &mut State, args: &[Range]) {
    let Some(old) = &mut state.params else {
        state.params = Some(args.to_vec());
        state.dirty = true;
        return;
    };
    for (p, &arg) in old.iter_mut().zip(args) {
        let joined = p.join(arg);
        if joined != *p {
            *p = match state.visits {
                0 => joined,
                n if n < MAX_VISITS => p.widen(arg, &[]),
                _ => Range::TOP,
            };
            state.dirty = true;
        }
    }
}
