//! Random programs, and the properties they must keep.
//!
//! [`generate`] turns bytes into a verified module: structured control flow with bounded loops,
//! calls of earlier functions, words, tagged ints, floats, and memory in a scratch area. The bytes
//! are choices in order; when they run out, every choice is the first one, which ends the function.
//! The bodies here are what `cargo fuzz` targets call; `cargo test` runs them on some seeds.
//!
//! Slow paths of the generated ints propagate none and trap on overflow and division by zero: there
//! are no big integers. Where the program before a transformation traps, the one after may do
//! anything.

use crate::builder::{FunctionBuilder, Var};
use crate::func::{Function, Type, Value};
use crate::interp::{Linux, Machine, Trap, link};
use crate::library::Library;
use crate::module::{Effects, Module, Signature, Sym};
use crate::ops::{Class, Cond, Effect, Imm, Op};
use crate::passes;
use crate::text::{parse_module, print_module};
use crate::verify::verify_module;

/// The function to call in a generated module: `main(i64, ref, f64) -> i64`, where the second
/// argument is a tagged int.
pub const MAIN: &str = "main";

/// Arguments to call [`MAIN`] with.
pub const ARGUMENTS: [[u64; 3]; 4] = [
    [0, 0, 0],
    [5, 20, 0x3ff8_0000_0000_0000],
    [u64::MAX, -14i64 as u64, 0xc059_0000_0000_0000],
    [0x8000_0000_0000_0001, 1, 0x7ff8_0000_0000_0000],
];

const PRELUDE: &str = "
declare data @scratch export
declare data @table
declare func @int_add_slow(ref, ref) -> ref preserve_all cold
declare func @int_sub_slow(ref, ref) -> ref preserve_all cold
declare func @int_mul_slow(ref, ref) -> ref preserve_all cold
declare func @int_div_slow(ref, ref) -> ref preserve_all cold
declare func @int_mod_slow(ref, ref) -> ref preserve_all cold
declare func @int_neg_slow(ref) -> ref preserve_all cold
declare func @int_eq_slow(ref, ref) -> i64 preserve_all cold
declare func @int_cmp_slow(ref, ref) -> i64 preserve_all cold
declare func @touch(i64) -> i64
declare func @peek(i64) -> i64 readonly
declare func @mix(i64, i64) -> i64 pure
data @scratch align 8 writable zero 512
data @table align 8 { hex x0102030405060708 xf1f2f3f4f5f6f7f8 x8899aabbccddeeff x1100220033004400 }
func @touch -> i64 {
b0(v0:i64):
  v1:addr = symaddr @scratch
  v2:i64 = iconst 504
  v3:i64 = and v0, v2
  v4:addr = add v1, v3
  v5:i64 = load.64 v4
  v6:i64 = add v5, v0
  store.64 v4, v6
  ret v5
}
func @peek -> i64 {
b0(v0:i64):
  v1:addr = symaddr @scratch
  v2:i64 = iconst 504
  v3:i64 = and v0, v2
  v4:addr = add v1, v3
  v5:i64 = load.64 v4
  ret v5
}
func @mix -> i64 {
b0(v0:i64, v1:i64):
  v2:i64 = mul v0, v1
  v3:i64 = xor v2, v0
  ret v3
}
";

const INT_OPS: [Op; 5] = [Op::IntAdd, Op::IntSub, Op::IntMul, Op::IntDiv, Op::IntMod];
const LOADS: [Op; 7] =
    [Op::Load64, Op::Load8u, Op::Load8s, Op::Load16u, Op::Load16s, Op::Load32u, Op::Load32s];
const STORES: [Op; 4] = [Op::Store64, Op::Store8, Op::Store16, Op::Store32];
const CONSTANTS: [i64; 16] =
    [0, 1, 2, -1, 3, 8, 10, 16, 255, 63, -2, 1 << 31, i64::MIN, i64::MAX, 1 << 62, 0x1234_5678_9abc];

struct Source<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Source<'_> {
    fn byte(&mut self) -> u8 {
        let b = self.bytes.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        b
    }

    fn below(&mut self, n: usize) -> usize {
        self.byte() as usize % n
    }

    fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }

    fn done(&self) -> bool {
        self.at >= self.bytes.len()
    }
}

/// Makes a verified module.
pub fn generate(bytes: &[u8]) -> Module {
    let mut module = parse_module(PRELUDE).expect("the prelude parses");
    for slow in Op::SLOW_PATHS {
        slow_path(&mut module, slow);
    }
    let mut source = Source { bytes, at: 0 };
    let count = 1 + source.below(3);
    let mut callees = Vec::new();
    for i in 0..count {
        let name = if i + 1 == count { MAIN.to_string() } else { format!("f{i}") };
        let params = vec![Type::I64, Type::Ref, Type::F64];
        let sig = Signature { params: params.clone(), result: Some(Type::I64), ..Signature::default() };
        let effects = Effects { inline: source.below(2) == 1, ..Effects::default() };
        let sym = module.declare_func(&name, sig, effects, name == MAIN);
        let func = Function::new(sym, &name, Some(Type::I64));
        let builder = FunctionBuilder::new(func, &params);
        // Earlier functions get an equal share of the bytes.
        let limit = bytes.len() * (i + 1) / count;
        let mut g = Generator {
            b: builder,
            module: &module,
            source: Source { bytes: &bytes[..limit.max(source.at.min(bytes.len()))], at: source.at },
            callees: callees.clone(),
            words: Vec::new(),
            ints: Vec::new(),
            floats: Vec::new(),
            vars: Vec::new(),
        };
        let func = g.function();
        source.at = limit.max(source.at);
        callees.push(sym);
        module.funcs.push(func);
    }
    let violations = verify_module(&module);
    assert!(violations.is_empty(), "generator: {}\n{}", violations[0], print_module(&module));
    module
}

/// What the op gives if an operand is none, else a trap.
fn slow_path(module: &mut Module, name: &str) {
    let sym = module.lookup(name).expect("declared in the prelude");
    let sig = module.signature(sym).clone();
    let mut func = Function::new(sym, name, sig.result);
    func.conv = sig.conv;
    let mut b = FunctionBuilder::new(func, &sig.params);
    let one = b.rconst(1);
    let mut none = b.iconst(0);
    for p in b.params() {
        let is = b.icmp(Cond::Eq, p, one);
        none = b.bin(Op::Or, none, is);
    }
    let (yes, no) = (b.new_block(), b.new_cold_block());
    b.brif(none, yes, &[], no, &[]);
    b.switch_to(yes);
    let result = match name {
        "int_eq_slow" => {
            let operands = b.params();
            b.icmp(Cond::Ne, operands[0], operands[1])
        }
        "int_cmp_slow" => b.iconst(2),
        _ => one,
    };
    b.ret(Some(result));
    b.switch_to(no);
    b.unreachable();
    module.funcs.push(b.finish());
}

struct Generator<'a> {
    b: FunctionBuilder,
    module: &'a Module,
    source: Source<'a>,
    callees: Vec<Sym>,
    /// Values that can be used at the current point.
    words: Vec<Value>,
    ints: Vec<Value>,
    floats: Vec<Value>,
    /// A variable of each type, assigned everywhere.
    vars: Vec<(Var, Type)>,
}

impl Generator<'_> {
    fn function(&mut self) -> Function {
        let params = self.b.params();
        self.words.push(params[0]);
        self.ints.push(params[1]);
        self.floats.push(params[2]);
        for _ in 0..2 {
            for (k, ty) in [Type::I64, Type::Ref, Type::F64].into_iter().enumerate() {
                let var = self.b.declare_var(ty);
                self.b.def_var(var, params[k]);
                self.vars.push((var, ty));
            }
        }
        self.statements(0);
        // Everything that is left decides the result.
        let mut result = self.word();
        for (var, ty) in self.vars.clone() {
            let v = self.b.use_var(var);
            let v = if ty == Type::F64 { self.float_word(v) } else { v };
            result = self.b.bin(Op::Xor, result, v);
            let k = self.b.iconst(7);
            result = self.b.bin(Op::Rotr, result, k);
        }
        self.b.ret(Some(result));
        let empty = FunctionBuilder::new(Function::new(Sym(0), "", None), &[]);
        std::mem::replace(&mut self.b, empty).finish()
    }

    /// A word that tells floats apart, but not one NaN from another.
    fn float_word(&mut self, v: Value) -> Value {
        let same = self.b.fcmp(crate::ops::FCond::Eq, v, v);
        let bits = self.b.op(Op::FbitsTo, &[v], Type::I64);
        let zero = self.b.iconst(0);
        self.b.op(Op::Select, &[same, bits, zero], Type::I64)
    }

    fn word(&mut self) -> Value {
        if self.source.below(4) == 0 {
            let c = self.source.pick(&CONSTANTS);
            return self.b.iconst(c);
        }
        let words = std::mem::take(&mut self.words);
        let v = self.source.pick(&words);
        self.words = words;
        v
    }

    fn int(&mut self) -> Value {
        match self.source.below(5) {
            0 => {
                let c = self.source.byte() as i8 as i64;
                self.b.rconst(c * 2)
            }
            1 => {
                // A small int from any word.
                let w = self.word();
                let mask = self.b.iconst(0x7fff);
                let plain = self.b.bin(Op::And, w, mask);
                let one = self.b.iconst(1);
                self.b.op(Op::Shl, &[plain, one], Type::Ref)
            }
            2 => {
                let w = self.word();
                let k = self.b.iconst(50);
                let narrow = self.b.bin(Op::Sshr, w, k);
                let one = self.b.iconst(1);
                self.b.op(Op::Shl, &[narrow, one], Type::Ref)
            }
            _ => {
                let ints = std::mem::take(&mut self.ints);
                let v = self.source.pick(&ints);
                self.ints = ints;
                v
            }
        }
    }

    fn float(&mut self) -> Value {
        if self.source.below(4) == 0 {
            let c = self.source.pick(&[0.0, -0.0, 1.0, 0.5, -3.25, 1e300, f64::INFINITY, 1e-310]);
            return self.b.fconst(c);
        }
        let floats = std::mem::take(&mut self.floats);
        let v = self.source.pick(&floats);
        self.floats = floats;
        v
    }

    fn statements(&mut self, depth: usize) {
        for _ in 0..24 {
            if self.source.done() {
                return;
            }
            match self.source.below(16) {
                0 => return,
                1..=4 => self.word_op(),
                5 | 6 => self.int_op(),
                7 => self.float_op(),
                8 | 9 => self.memory(),
                10 => self.assign(),
                11 => self.call(),
                12 if depth < 4 => self.if_else(depth),
                13 if depth < 3 => self.counted_loop(depth),
                14 if depth < 3 => self.fuel_loop(depth),
                15 if depth < 3 => self.switch(depth),
                _ => self.assign(),
            }
        }
    }

    /// Statements whose values are not visible afterwards.
    fn scope(&mut self, depth: usize) {
        let sizes = (self.words.len(), self.ints.len(), self.floats.len());
        self.statements(depth + 1);
        self.words.truncate(sizes.0);
        self.ints.truncate(sizes.1);
        self.floats.truncate(sizes.2);
    }

    fn word_op(&mut self) {
        // Any op of the table that computes a word from words.
        let fits = |op: &&Op| {
            let info = op.info();
            matches!(info.effect, Effect::Pure | Effect::Partial)
                && info.result == Some(Class::Word)
                && matches!(info.imm, Imm::None | Imm::Cond)
                && info.operands.is_some_and(|o| !o.is_empty() && o.iter().all(|r| r.class() == Class::Word))
        };
        let ops: Vec<Op> = Op::ALL.iter().filter(fits).copied().collect();
        let op = self.source.pick(&ops);
        let mut args: Vec<Value> = Vec::new();
        for _ in 0..op.info().operands.map_or(0, |o| o.len()) {
            args.push(self.word());
        }
        if op.info().effect == Effect::Partial {
            let one = self.b.iconst(1);
            args[1] = self.b.bin(Op::Or, args[1], one);
        }
        let imm = if op == Op::Icmp { self.source.pick(&Cond::ALL) as i64 } else { 0 };
        let v = self.b.inst(op, &args, imm, None, Some(Type::I64)).expect("has a result");
        self.words.push(v);
    }

    fn int_op(&mut self) {
        let a = self.int();
        match self.source.below(8) {
            0 => {
                let v = self.b.op(Op::IntNeg, &[a], Type::Ref);
                self.ints.push(v);
            }
            1 | 2 => {
                let b = self.int();
                let cond = self.source.pick(&Cond::ALL[..6]) as i64;
                let v = self.b.inst(Op::IntCmp, &[a, b], cond, None, Some(Type::I64)).expect("result");
                self.words.push(v);
            }
            3 => self.words.push(a),
            _ => {
                let op = self.source.pick(&INT_OPS);
                let mut b = self.int();
                if matches!(op, Op::IntDiv | Op::IntMod) {
                    let two = self.b.rconst(2);
                    b = self.b.op(Op::Or, &[b, two], Type::Ref);
                }
                let v = self.b.op(op, &[a, b], Type::Ref);
                self.ints.push(v);
            }
        }
    }

    fn float_op(&mut self) {
        let (a, c) = (self.float(), self.float());
        let w = self.word();
        let v = match self.source.below(12) {
            0 => self.b.op(Op::Fadd, &[a, c], Type::F64),
            1 => self.b.op(Op::Fsub, &[a, c], Type::F64),
            2 => self.b.op(Op::Fmul, &[a, c], Type::F64),
            3 => self.b.op(Op::Fdiv, &[a, c], Type::F64),
            4 => self.b.op(Op::Fneg, &[a], Type::F64),
            5 => self.b.op(Op::Fabs, &[a], Type::F64),
            6 => self.b.op(Op::Fsqrt, &[a], Type::F64),
            7 => self.b.op(Op::Fselect, &[w, a, c], Type::F64),
            8 => self.b.op(Op::FcvtFromS, &[w], Type::F64),
            9 => self.b.op(Op::FbitsFrom, &[w], Type::F64),
            10 => {
                let v = self.b.op(Op::FcvtToS, &[a], Type::I64);
                return self.words.push(v);
            }
            _ => {
                let cond = self.source.pick(&crate::ops::FCond::ALL);
                let v = self.b.fcmp(cond, a, c);
                return self.words.push(v);
            }
        };
        self.floats.push(v);
    }

    /// An address in the scratch area, at least 16 bytes from its end, and a small offset.
    fn address(&mut self) -> (Value, i64) {
        let scratch = self.module.lookup("scratch").expect("in the prelude");
        let offset = (self.source.below(4) * 4) as i64;
        if self.source.below(2) == 0 {
            let base = (self.source.below(8) * 8) as i64;
            return (self.b.symaddr(scratch, base, Type::Addr), offset);
        }
        let base = self.b.symaddr(scratch, 0, Type::Addr);
        let w = self.word();
        let mask = self.b.iconst(0xf8);
        let index = self.b.bin(Op::And, w, mask);
        (self.b.op(Op::Add, &[base, index], Type::Addr), offset)
    }

    fn memory(&mut self) {
        let (addr, offset) = self.address();
        match self.source.below(6) {
            0..=2 => {
                let op = self.source.pick(&STORES);
                let w = self.word();
                self.b.store(op, addr, w, offset);
            }
            3 => {
                let table = self.module.lookup("table").expect("in the prelude");
                let offset = self.source.below(25) as i64;
                let addr = self.b.symaddr(table, 0, Type::Addr);
                let op = self.source.pick(&LOADS);
                let v = self.b.load(op, addr, offset, Type::I64);
                self.words.push(v);
            }
            _ => {
                let op = self.source.pick(&LOADS);
                let v = self.b.load(op, addr, offset, Type::I64);
                self.words.push(v);
            }
        }
    }

    fn assign(&mut self) {
        let vars = self.vars.clone();
        let (var, ty) = self.source.pick(&vars);
        if self.source.below(2) == 0 {
            let v = self.b.use_var(var);
            return match ty {
                Type::I64 => self.words.push(v),
                Type::Addr | Type::Ref => self.ints.push(v),
                Type::F64 => self.floats.push(v),
            };
        }
        let v = match ty {
            Type::I64 => self.word(),
            Type::Addr | Type::Ref => self.int(),
            Type::F64 => self.float(),
        };
        self.b.def_var(var, v);
    }

    fn call(&mut self) {
        let (w, x) = (self.word(), self.word());
        let name = |n: &str| self.module.lookup(n).expect("in the prelude");
        let v = match self.source.below(4) {
            0 => self.b.call(name("touch"), &[w], Some(Type::I64)),
            1 => self.b.call(name("peek"), &[w], Some(Type::I64)),
            2 => self.b.call(name("mix"), &[w, x], Some(Type::I64)),
            _ if self.callees.is_empty() => return,
            _ => {
                let callees = self.callees.clone();
                let callee = self.source.pick(&callees);
                let (i, f) = (self.int(), self.float());
                self.b.call(callee, &[w, i, f], Some(Type::I64))
            }
        };
        self.words.extend(v);
    }

    /// A condition, more often about ints than not.
    fn condition(&mut self) -> Value {
        if self.source.below(2) == 0 {
            return self.word();
        }
        let (a, c) = (self.int(), self.int());
        let cond = self.source.pick(&Cond::ALL[..6]) as i64;
        self.b.inst(Op::IntCmp, &[a, c], cond, None, Some(Type::I64)).expect("result")
    }

    fn if_else(&mut self, depth: usize) {
        let c = self.condition();
        let (then, other, join) = (self.b.new_block(), self.b.new_block(), self.b.new_block());
        self.b.brif(c, then, &[], other, &[]);
        for block in [then, other] {
            self.b.switch_to(block);
            self.scope(depth);
            self.b.jump(join, &[]);
        }
        self.b.switch_to(join);
    }

    fn switch(&mut self, depth: usize) {
        let w = self.word();
        let (default, join) = (self.b.new_block(), self.b.new_block());
        let mut cases = Vec::new();
        for k in 0..1 + self.source.below(3) {
            cases.push((CONSTANTS[k * 3], self.b.new_block()));
        }
        self.b.switch(w, default, &cases);
        for block in cases.iter().map(|c| c.1).chain([default]) {
            self.b.switch_to(block);
            self.scope(depth);
            self.b.jump(join, &[]);
        }
        self.b.switch_to(join);
    }

    /// `for i in a..b` over tagged ints, at most a few times round.
    fn counted_loop(&mut self, depth: usize) {
        let start = self.source.below(6) as i64 - 2;
        let step = 1 + self.source.below(2) as i64;
        let first = self.b.rconst(start * 2);
        let i = self.b.declare_var(Type::Ref);
        self.b.def_var(i, first);
        let end = if self.source.below(2) == 0 {
            self.b.rconst((start + self.source.below(6) as i64) * 2)
        } else {
            let w = self.word();
            let mask = self.b.iconst(14);
            self.b.op(Op::And, &[w, mask], Type::Ref)
        };
        let (head, body, exit) = (self.b.new_block(), self.b.new_block(), self.b.new_block());
        self.b.jump(head, &[]);
        self.b.switch_to(head);
        let at = self.b.use_var(i);
        let c = self.b.inst(Op::IntCmp, &[at, end], Cond::Slt as i64, None, Some(Type::I64));
        self.b.brif(c.expect("result"), body, &[], exit, &[]);
        self.b.switch_to(body);
        self.ints.push(at);
        self.scope(depth);
        self.ints.pop();
        let at = self.b.use_var(i);
        let step = self.b.rconst(step * 2);
        let next = self.b.op(Op::IntAdd, &[at, step], Type::Ref);
        self.b.def_var(i, next);
        self.b.jump(head, &[]);
        self.b.switch_to(exit);
    }

    /// A loop with any condition that also ends when its fuel does.
    fn fuel_loop(&mut self, depth: usize) {
        let fuel = self.b.declare_var(Type::I64);
        let full = self.b.iconst(1 + self.source.below(5) as i64);
        self.b.def_var(fuel, full);
        let (head, body, exit) = (self.b.new_block(), self.b.new_block(), self.b.new_block());
        self.b.jump(head, &[]);
        self.b.switch_to(head);
        let left = self.b.use_var(fuel);
        let one = self.b.iconst(1);
        let less = self.b.bin(Op::Sub, left, one);
        self.b.def_var(fuel, less);
        self.b.brif(left, body, &[], exit, &[]);
        self.b.switch_to(body);
        self.scope(depth);
        let c = self.condition();
        self.b.brif(c, head, &[], exit, &[]);
        self.b.switch_to(exit);
    }
}

/// What running a module shows: the results and the scratch memory.
pub type Outcome = Vec<(Result<Option<u64>, Trap>, Vec<u8>)>;

/// Calls [`MAIN`] with each of [`ARGUMENTS`]; memory starts fresh each time.
pub fn observe(module: &Module) -> Outcome {
    let program = link(&[module], false).expect("generated modules are complete");
    let scratch = program.address("scratch").expect("in the prelude");
    let run = |args: &[u64; 3]| {
        let mut machine = Machine::new(&program, Linux::default());
        machine.steps = 200_000;
        let result = machine.call(MAIN, args);
        (result, machine.memory.read(scratch, 512).expect("mapped"))
    };
    ARGUMENTS.iter().map(run).collect()
}

/// `print(parse(print(m)))` is `print(m)`.
pub fn check_round_trip(bytes: &[u8]) {
    let text = print_module(&generate(bytes));
    let again = parse_module(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    assert_eq!(print_module(&again), text);
}

/// Parsing any text gives a module that prints and parses to the same, or an error.
pub fn check_parser(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(module) = parse_module(&text) {
        let printed = print_module(&module);
        let again = parse_module(&printed).unwrap_or_else(|e| panic!("{e}\n{printed}"));
        assert_eq!(print_module(&again), printed);
        let _ = verify_module(&module);
    }
}

fn same(before: &Outcome, after: &Outcome) -> bool {
    before.iter().zip(after).all(|(b, a)| b.0.is_err() || b == a)
}

/// The optimising pipeline, and each pass alone, keep the meaning.
pub fn check_passes(bytes: &[u8]) {
    let original = generate(bytes);
    let before = observe(&original);
    let transformed = |name: &str, module: &Module| {
        let after = observe(module);
        if !same(&before, &after) {
            let (i, _) = before.iter().zip(&after).enumerate().find(|(_, (b, a))| b != a).expect("differ");
            panic!(
                "{name} changes {:?} to {:?} for {:x?}\nbefore:\n{}\nafter:\n{}",
                before[i].0,
                after[i].0,
                ARGUMENTS[i],
                print_module(&original),
                print_module(module)
            );
        }
    };
    for pass in passes::PASSES {
        let mut module = original.clone();
        passes::run_named(&mut module, &Library::EMPTY, &[pass.name.to_string()]);
        transformed(pass.name, &module);
    }
    let mut module = original.clone();
    let options = passes::Options {
        steps: passes::OPTIMISE,
        library: &Library::EMPTY,
        verify: true,
        stop_after: None,
        time: false,
    };
    passes::run(&mut module, &options);
    transformed("the pipeline", &module);
}

#[cfg(test)]
mod tests {
    use super::*;
    use mochi_testkit::Random;

    /// Runs a body on random bytes.
    fn run(salt: u64, count: u64, body: impl Fn(&[u8])) {
        for seed in mochi_testkit::seeds(count) {
            let bytes = Random::new(seed * 8 + salt).bytes(40 + (seed as usize * 37) % 1200);
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| body(&bytes)));
            assert!(result.is_ok(), "seed {seed}");
        }
    }

    #[test]
    fn programs_are_worth_running() {
        let (mut returned, mut total, mut insts) = (0, 0, 0);
        for seed in 0..50 {
            let module = generate(&Random::new(seed).bytes(600));
            insts += module.funcs.iter().map(|f| f.insts.len()).sum::<usize>();
            for (result, _) in observe(&module) {
                total += 1;
                returned += usize::from(result.is_ok());
            }
        }
        assert!(returned * 2 > total && insts > 50 * 100, "{returned} of {total}, {insts} instructions");
    }

    #[test]
    fn round_trip() {
        run(1, 1000, check_round_trip);
    }

    #[test]
    fn passes() {
        run(2, 300, check_passes);
    }

    #[test]
    fn parser() {
        run(3, 3000, |bytes| {
            // Random damage to a good text.
            let mut text = print_module(&generate(&bytes[..bytes.len() / 4])).into_bytes();
            for pair in bytes.chunks(2).take(6) {
                let at = (pair[0] as usize * 251 + bytes.len() * 7) % text.len();
                text[at] = *pair.last().expect("chunks are not empty");
            }
            check_parser(&text);
        });
    }
}
