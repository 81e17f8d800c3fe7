//! Makes random functions: what bytes stand for.
//!
//! The bytes are choices in order; when they run out, every choice is the first one, which ends the
//! function. There is structured control flow with bounded loops, calls of earlier functions, words,
//! exact ints, floats, memory in a scratch area, objects with fields, and storages with elements. Some
//! functions are of the program (they have a file), with everything that this promises. Ints and
//! objects are never turned into words: their addresses are nobody's business. Every op occurs but those
//! for the machine's state and the system.

mod memory;

use super::MAIN;
use crate::builder::{FunctionBuilder, Var};
use crate::func::{Block, Function, Type, Value};
use crate::module::{Attributes, Conv, Module, Signature, Sym, SymKind};
use crate::ops::{Class, Cond, Effect, Imm, Op};
use crate::positions::{InlinedCall, Position, SrcLoc};
use crate::text::{parse_module, print_module};
use crate::verify::verify_module;
use std::sync::OnceLock;

const PRELUDE: &str = "
file \"random.mochi\"
region @Object.label constant
region @Object.word
region @Object.object
region @Object.int
region @Object.float
region @Object.count count
region @Storage.words
region @Storage.objects
region @kept
declare data @scratch export
declare data @kept export
declare data @table
declare func @int_add_slow(ref, ref) -> ref preserve_all cold
declare func @int_sub_slow(ref, ref) -> ref preserve_all cold
declare func @int_mul_slow(ref, ref) -> ref preserve_all cold
declare func @int_div_slow(ref, ref) -> ref preserve_all cold
declare func @int_mod_slow(ref, ref) -> ref preserve_all cold
declare func @int_neg_slow(ref) -> ref preserve_all cold
declare func @int_eq_slow(ref, ref) -> i64 preserve_all cold
declare func @int_cmp_slow(ref, ref) -> i64 preserve_all cold
declare func @new(i64) -> ref fresh
declare func @see(i64)
declare func @see_int(ref)
declare func @touch(i64) -> i64
declare func @peek(i64) -> i64 readonly
declare func @mix(i64, i64) -> i64 pure
data @scratch align 8 writable zero 40960
data @kept align 8 writable roots zero 32
data @table align 8 { hex x0102030405060708 xf1f2f3f4f5f6f7f8 x8899aabbccddeeff x1100220033004400 }
func @touch -> i64 {
b0(v0:i64):
  v1:addr = symaddr @scratch+4096
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
  v1:addr = symaddr @scratch+4096
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
const DIVISIONS: [Op; 4] = [Op::Sdiv, Op::Srem, Op::Udiv, Op::Urem];
const CONSTANTS: [i64; 16] =
    [0, 1, 2, -1, 3, 8, 10, 16, 255, 63, -2, 1 << 31, i64::MIN, i64::MAX, 1 << 62, 0x1234_5678_9abc];
/// Size of the scratch memory, as the prelude says it.
pub const SCRATCH: u64 = 40_960;
/// Numbers of parameters beyond those that every function has: all in registers, and some on the stack.
const MORE_PARAMETERS: [usize; 8] = [0, 0, 0, 1, 3, 5, 9, 14];
/// Size of an object.
const OBJECT: i64 = 48;
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

/// What every generated module begins with; made once.
fn prelude() -> &'static Module {
    static MADE: OnceLock<Module> = OnceLock::new();
    MADE.get_or_init(|| parse_module(PRELUDE).expect("the prelude parses"))
}

/// A generated module without the functions that all of them have.
pub fn generate_functions(bytes: &[u8]) -> Module {
    let mut module = generate(bytes);
    module.funcs.drain(..prelude().funcs.len());
    module
}

/// Makes a verified module.
pub fn generate(bytes: &[u8]) -> Module {
    let mut module = prelude().clone();
    let mut source = Source { bytes, at: 0 };
    let count = 1 + source.below(3);
    let mut callees = Vec::new();
    for i in 0..count {
        let name = if i + 1 == count { MAIN.to_string() } else { format!("f{i}") };
        let kind = source.below(4);
        let sig = signature(&mut source, name == MAIN);
        let attributes = Attributes { inline: kind & 1 == 1, ..Attributes::default() };
        let sym = module.declare_func(&name, sig.clone(), attributes, name == MAIN);
        let mut func = Function::new(sym, &name, sig.result);
        func.conv = sig.conv;
        func.file = (kind & 2 == 0).then_some(0);
        let params = sig.params;
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
            objects: Vec::new(),
            storages: Vec::new(),
            vars: Vec::new(),
            line: 0,
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

/// A word, an int, a float; but for the main function an object, and more words and floats.
fn signature(source: &mut Source, main: bool) -> Signature {
    let mut sig = Signature {
        params: vec![Type::I64, Type::Ref, Type::F64],
        result: Some(Type::I64),
        ..Signature::default()
    };
    if !main {
        sig.params.push(Type::Ref);
        for _ in 0..source.pick(&MORE_PARAMETERS) {
            sig.params.push(source.pick(&[Type::I64, Type::I64, Type::F64]));
        }
        sig.result = source.pick(&[Some(Type::I64), Some(Type::I64), Some(Type::Ref), Some(Type::F64), None]);
        sig.conv = source.pick(&[Conv::C, Conv::C, Conv::System, Conv::PreserveAll]);
    }
    sig
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
    /// References to objects of [`OBJECT`], or none.
    objects: Vec<Value>,
    /// References to storages.
    storages: Vec<Value>,
    /// Variables, assigned everywhere.
    vars: Vec<(Var, Kind)>,
    line: u32,
}

/// What a value stands for; two kinds have references as their type.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Word,
    Int,
    Float,
    Object,
}

impl Kind {
    const ALL: [Kind; 4] = [Kind::Word, Kind::Int, Kind::Float, Kind::Object];

    fn ty(self) -> Type {
        match self {
            Kind::Word => Type::I64,
            Kind::Int | Kind::Object => Type::Ref,
            Kind::Float => Type::F64,
        }
    }
}

impl Generator<'_> {
    fn function(&mut self) -> Function {
        let params = self.b.params();
        self.words.push(params[0]);
        self.ints.push(params[1]);
        self.floats.push(params[2]);
        // The main function is called with plain words.
        let object = match params.get(3) {
            Some(&object) => object,
            None => {
                let size = self.b.iconst(OBJECT);
                self.call_named("new", &[size], Some(Type::Ref)).expect("has a result")
            }
        };
        for &more in params.iter().skip(4) {
            let list = if self.b.func.ty(more) == Type::F64 { &mut self.floats } else { &mut self.words };
            list.push(more);
        }
        self.objects.push(object);
        let none = self.b.rconst(0);
        let objects = [object, none];
        for object in objects {
            for (kind, value) in Kind::ALL.into_iter().zip([params[0], params[1], params[2], object]) {
                let var = self.b.declare_var(kind.ty());
                self.b.def_var(var, value);
                self.vars.push((var, kind));
            }
        }
        self.statements(0);
        // Everything that is left is seen or decides the result.
        let mut result = self.word();
        for (var, kind) in self.vars.clone() {
            let v = self.b.use_var(var);
            let word = match kind {
                Kind::Word => v,
                Kind::Float => self.float_word(v),
                Kind::Int => {
                    self.call_named("see_int", &[v], None);
                    continue;
                }
                Kind::Object => self.is_none(v),
            };
            result = self.b.bin(Op::Xor, result, word);
            let k = self.b.iconst(7);
            result = self.b.bin(Op::Rotr, result, k);
        }
        let result = match self.b.func.result {
            None => None,
            Some(Type::F64) => Some(self.b.op(Op::FcvtFromS, &[result], Type::F64)),
            Some(Type::Ref) => Some(self.small(result)),
            Some(_) => Some(result),
        };
        self.b.ret(result);
        let empty = FunctionBuilder::new(Function::new(Sym(0), "", None), &[]);
        std::mem::replace(&mut self.b, empty).finish()
    }

    fn call_named(&mut self, name: &str, args: &[Value], result: Option<Type>) -> Option<Value> {
        self.b.call(self.module.lookup(name).expect("in the prelude"), args, result)
    }

    fn is_none(&mut self, object: Value) -> Value {
        let none = self.b.rconst(0);
        self.b.icmp(Cond::Eq, object, none)
    }

    /// A word that tells floats apart, of NaN without the sign, which is not the same on all machines
    /// when no operand was NaN.
    fn float_word(&mut self, v: Value) -> Value {
        let same = self.b.fcmp(crate::ops::FCond::Eq, v, v);
        let bits = self.b.op(Op::FbitsTo, &[v], Type::I64);
        let above = self.b.iconst(13);
        let payload = self.b.bin(Op::Shl, bits, above);
        self.b.op(Op::Select, &[same, bits, payload], Type::I64)
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

    /// A small int from any word.
    fn small(&mut self, word: Value) -> Value {
        let mask = self.b.iconst(0x7fff);
        let plain = self.b.bin(Op::And, word, mask);
        let one = self.b.iconst(1);
        self.b.op(Op::Shl, &[plain, one], Type::Ref)
    }

    fn int(&mut self) -> Value {
        match self.source.below(5) {
            0 => {
                let c = self.source.byte() as i8 as i64;
                self.b.rconst(c * 2)
            }
            1 => {
                let w = self.word();
                self.small(w)
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
            let nan = f64::from_bits(0x7ff8_0000_0000_0a0e);
            let c = self.source.pick(&[0.0, -0.0, 1.0, 0.5, -3.25, 1e300, f64::INFINITY, 1e-310, nan]);
            return self.b.fconst(c);
        }
        let floats = std::mem::take(&mut self.floats);
        let v = self.source.pick(&floats);
        self.floats = floats;
        v
    }

    /// Position of a statement. Three lines in five of functions with a file are in inlined calls.
    fn position(&mut self) -> SrcLoc {
        let func = &mut self.b.func;
        let calls = func.positions.calls().len() as u32;
        match (func.file, self.line % 5) {
            (Some(file), 0) => {
                let (function, at) = (format!("inlined{calls}"), self.b.loc);
                func.positions.add_call(InlinedCall {
                    function: function.into(),
                    file,
                    declared: self.line,
                    at,
                });
            }
            (Some(_), 1 | 2) => {}
            _ => return SrcLoc::new(self.line, 1),
        }
        let call = (func.positions.calls().len() as u32).checked_sub(1);
        func.positions.add(Position { line: self.line, column: 1, call })
    }

    fn statements(&mut self, depth: usize) {
        for _ in 0..24 {
            if self.source.done() {
                return;
            }
            self.line += 1;
            self.b.loc = self.position();
            match self.source.below(24) {
                0 => return,
                1..=4 => self.word_op(),
                5..=7 => self.int_op(),
                8 => self.float_op(),
                9 => self.memory(),
                10 => self.area(),
                11..=13 => self.object_op(),
                14 | 15 => self.element(),
                16 | 17 => self.assign(),
                18 => self.call(),
                19 => self.see(),
                20 if depth < 4 => self.if_else(depth),
                21 if depth < 3 => self.counted_loop(depth),
                22 if depth < 3 => self.fuel_loop(depth),
                23 if depth < 3 => self.switch(depth),
                _ => self.assign(),
            }
        }
    }

    /// Statements whose values are not visible afterwards.
    fn scope(&mut self, depth: usize) {
        let lists = |g: &mut Self| [&g.words, &g.ints, &g.floats, &g.objects, &g.storages].map(Vec::len);
        let [words, ints, floats, objects, storages] = lists(self);
        self.statements(depth + 1);
        self.words.truncate(words);
        self.ints.truncate(ints);
        self.floats.truncate(floats);
        self.objects.truncate(objects);
        self.storages.truncate(storages);
    }

    fn word_op(&mut self) {
        // Any op of the table that computes a word from words.
        let fits = |op: &&Op| {
            let info = op.info();
            op.computes()
                && info.result == Some(Class::Word)
                && matches!(info.imm, Imm::None | Imm::Cond)
                && info.operands.is_some_and(|o| !o.is_empty() && o.iter().all(|r| r.class() == Class::Word))
        };
        static OPS: OnceLock<Vec<Op>> = OnceLock::new();
        let op = match self.source.below(6) {
            0 => self.source.pick(&DIVISIONS),
            _ => self.source.pick(OPS.get_or_init(|| Op::ALL.iter().filter(fits).copied().collect())),
        };
        let mut args: Vec<Value> = Vec::new();
        for _ in 0..op.info().operands.map_or(0, |o| o.len()) {
            args.push(self.word());
        }
        if op.info().effect == Effect::Partial {
            let constant = self.source.below(2) == 0;
            let nonzero = if constant { self.divisor() } else { 1 };
            let nonzero = self.b.iconst(nonzero);
            args[1] = if constant { nonzero } else { self.b.bin(Op::Or, args[1], nonzero) };
        }
        let imm = if op == Op::Icmp { self.source.pick(&Cond::ALL) as i64 } else { 0 };
        let mut v = self.b.inst(op, &args, imm, None, Some(Type::I64)).expect("has a result");
        if op == Op::Srem && self.source.below(2) == 0 {
            // Nothing else is asked of it.
            let zero = self.b.iconst(0);
            v = self.b.inst(Op::Icmp, &[v, zero], Cond::Eq as i64, None, Some(Type::I64)).expect("result");
        }
        self.words.push(v);
        self.other_half(op, &args, v);
    }

    /// Often what is selected together with an op: the other half of a product, or of a sum and its carry,
    /// which goes on into a sum of more words.
    fn other_half(&mut self, op: Op, args: &[Value], v: Value) {
        let other = match op {
            Op::Mul => self.source.pick(&[Op::Smulh, Op::Umulh]),
            Op::Smulh | Op::Umulh => Op::Mul,
            Op::Addc => Op::Carry,
            Op::Carry => Op::Addc,
            _ => return,
        };
        if self.source.below(2) == 0 {
            return;
        }
        let other_half = self.b.op(other, args, Type::I64);
        self.words.push(other_half);
        if args.len() == 3 {
            let bit = if op == Op::Carry { v } else { other_half };
            let next = [self.word(), self.word(), bit];
            for op in [Op::Addc, Op::Carry] {
                let v = self.b.op(op, &next, Type::I64);
                self.words.push(v);
            }
        }
    }

    /// A constant other than 0: powers of two, their multiples and neighbours, of any size and sign.
    fn divisor(&mut self) -> i64 {
        let few = self.source.pick(&[1i64, 1, 1, 1, 3, 7, 10, 641]);
        let c = few.wrapping_shl(self.source.below(64) as u32);
        let c = c.wrapping_add(self.source.pick(&[0, 0, 1, -1]));
        let c = if self.source.below(4) == 0 { c.wrapping_neg() } else { c };
        if c == 0 { 1 } else { c }
    }

    fn int_op(&mut self) {
        let a = self.int();
        match self.source.below(8) {
            0 => {
                let op = self.source.pick(&[Op::IntNeg, Op::Copy]);
                let v = self.b.op(op, &[a], Type::Ref);
                self.ints.push(v);
            }
            1 | 2 => {
                let b = self.int();
                let cond = self.source.pick(&Cond::ALL[..6]) as i64;
                let v = self.b.inst(Op::IntCmp, &[a, b], cond, None, Some(Type::I64)).expect("result");
                self.words.push(v);
            }
            _ => {
                let op = self.source.pick(&INT_OPS);
                let mut b = self.int();
                if matches!(op, Op::IntDiv | Op::IntMod) && self.source.below(4) != 0 {
                    // A divisor that is not zero: a constant, or small and odd.
                    b = if self.source.below(2) == 0 {
                        let c = self.divisor() << 1;
                        self.b.rconst(if c == 0 { 2 } else { c })
                    } else {
                        let (w, mask, two) = (self.word(), self.b.iconst(0x7ffe), self.b.rconst(2));
                        let small = self.b.bin(Op::And, w, mask);
                        self.b.op(Op::Or, &[small, two], Type::Ref)
                    };
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
            9 => {
                // Machines differ in what they do with signaling NaN.
                let quiet = self.b.iconst(1 << 51);
                let w = self.b.bin(Op::Or, w, quiet);
                self.b.op(Op::FbitsFrom, &[w], Type::F64)
            }
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

    fn see(&mut self) {
        if self.source.below(2) == 0 {
            let v = self.word();
            self.call_named("see", &[v], None);
        } else {
            let v = self.int();
            self.call_named("see_int", &[v], None);
        }
    }

    fn assign(&mut self) {
        let vars = self.vars.clone();
        let (var, kind) = self.source.pick(&vars);
        if self.source.below(2) == 0 {
            let v = self.b.use_var(var);
            return match kind {
                Kind::Word => self.words.push(v),
                Kind::Int => self.ints.push(v),
                Kind::Float => self.floats.push(v),
                Kind::Object => self.objects.push(v),
            };
        }
        let v = match kind {
            Kind::Word => self.word(),
            Kind::Int => self.int(),
            Kind::Float => self.float(),
            Kind::Object => self.object(),
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
            _ => return self.call_earlier(),
        };
        self.words.extend(v);
    }

    /// Calls an earlier function by its name or by its address.
    fn call_earlier(&mut self) {
        if self.callees.is_empty() {
            return;
        }
        let callees = self.callees.clone();
        let callee = self.source.pick(&callees);
        let module = self.module;
        let SymKind::Func(sig) = &module.sym(callee).kind else { unreachable!("a function") };
        let mut args = Vec::new();
        for (i, ty) in sig.params.iter().enumerate() {
            args.push(match ty {
                Type::F64 => self.float(),
                Type::Ref if i == 1 => self.int(),
                Type::Ref => self.object(),
                _ => self.word(),
            });
        }
        let v = if sig.conv == Conv::C && self.source.below(4) == 0 {
            args.insert(0, self.b.symaddr(callee, 0, Type::I64));
            self.b.call_ind(&args, sig.result)
        } else {
            self.b.call(callee, &args, sig.result)
        };
        match sig.result {
            Some(Type::F64) => self.floats.extend(v),
            Some(Type::Ref) => self.ints.extend(v),
            _ => self.words.extend(v),
        }
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
        let cold = self.source.below(4) == 0;
        let then = if cold { self.b.new_cold_block() } else { self.b.new_block() };
        let (other, join) = (self.b.new_block(), self.b.new_block());
        self.b.brif(c, then, &[], other, &[]);
        for block in [then, other] {
            self.b.switch_to(block);
            self.scope(depth);
            self.b.jump(join, &[]);
        }
        self.b.switch_to(join);
    }

    fn switch(&mut self, depth: usize) {
        let mut w = self.word();
        let (default, join) = (self.b.new_block(), self.b.new_block());
        let mut blocks = Vec::new();
        for _ in 0..1 + self.source.below(3) {
            blocks.push(self.b.new_block());
        }
        // Few cases far apart, or a table's, with holes or without, also across the ends of the words.
        let cases: Vec<(i64, Block)> = match self.source.below(3) {
            0 => blocks.iter().enumerate().map(|(k, &block)| (CONSTANTS[k * 3], block)).collect(),
            _ => {
                let (first, step) = (self.source.pick(&CONSTANTS), self.source.pick(&[1, 1, 2, 3]));
                let count = blocks.len() + self.source.pick(&[0, 1, 4, 9, 20]);
                if self.source.below(4) != 0 {
                    // One that is likely to have a case.
                    let (mask, base) = (self.b.iconst(15), self.b.iconst(first));
                    let low = self.b.bin(Op::And, w, mask);
                    w = self.b.bin(Op::Add, low, base);
                }
                let case = |k: usize| (first.wrapping_add(k as i64 * step), blocks[k % blocks.len()]);
                (0..count).map(case).collect()
            }
        };
        self.b.switch(w, default, &cases);
        for block in blocks.into_iter().chain([default]) {
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
