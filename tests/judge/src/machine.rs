//! The machine: what a running program has besides the variables of its calls, how a call is made,
//! and how a program ends with an error (section 9, decision 5).

use crate::types::TypeTable;
use crate::value::{Fun, Slot, Value};
use crate::{Ended, Given, Limits, Outcome};
use mochi_lang::ast;
use mochi_lang::parts::Part;
use mochi_lang::span::{SourceMap, Span};
use mochi_lang::tree::{ExprKind, FuncId, Function, LocalId, Program, StmtKind, VarRef};
use mochi_lang::types::Ty;
use std::rc::Rc;

/// Why an expression or statement does not come to its end.
pub enum Exit {
    /// `break`.
    Break,
    /// `continue`.
    Continue,
    /// `return`.
    Return(Value),
    /// The program ends with this status; what it writes is complete.
    End(i32),
    /// Beyond the limits.
    Undecided(&'static str),
}

/// The result of doing something.
pub type Run<T> = Result<T, Exit>;

/// The variables of a call.
pub struct Frame<'p> {
    /// The function.
    pub func: &'p Function,
    /// Which function.
    pub id: FuncId,
    /// Type arguments.
    pub args: Rc<[Ty]>,
    /// Local variables; those of the captures are shared with others.
    pub locals: Vec<Slot>,
    /// What the function captured.
    pub captures: Vec<Slot>,
}

/// A call that has not ended, as a trace shows it.
struct Active {
    id: FuncId,
    args: Rc<[Ty]>,
    /// The place it has reached: that of the call it waits for.
    at: Span,
}

/// A running program.
pub struct Machine<'p> {
    /// The program.
    pub program: &'p Program,
    /// Its source.
    map: &'p SourceMap,
    /// Its types.
    pub types: TypeTable,
    /// Top-level variables.
    pub globals: Vec<Value>,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
    /// What it was given; of standard input, what is left.
    pub given: Given<'p>,
    /// State of the sequence that `now` gives.
    pub now: i64,
    /// The place that an error has from now on.
    pub at: Span,
    /// Variables that were declared without a value.
    pub unset: Unset,
    calls: Vec<Active>,
    steps: u64,
    limits: Limits,
}

/// Variables declared without a value, by function; those captured from one are such, too.
pub struct Unset {
    locals: Vec<Vec<bool>>,
    globals: Vec<bool>,
}

impl Unset {
    fn new(program: &Program) -> Unset {
        let locals = program.functions.iter().map(|f| vec![false; f.locals.len()]).collect();
        let mut unset = Unset { locals, globals: vec![false; program.globals.len()] };
        // Functions inside of others come later.
        for (i, f) in program.functions.iter().enumerate() {
            let mut work = vec![Part::Stmts(&f.body)];
            while let Some(part) = work.pop() {
                let (stmts, expr) = match part {
                    Part::Stmts(stmts) => (stmts, None),
                    Part::Expr(e) => (&[][..], Some(e)),
                };
                for s in stmts {
                    match s.kind {
                        StmtKind::Let { var: VarRef::Local(l), value: None } => {
                            unset.locals[i][l.0 as usize] = true;
                        }
                        StmtKind::Let { var: VarRef::Global(g), value: None } => {
                            unset.globals[g.0 as usize] = true;
                        }
                        StmtKind::NestedFun { func, .. } => unset.capture(program, i, func),
                        _ => {}
                    }
                    s.each_part(&mut |p| work.push(p));
                }
                if let Some(e) = expr {
                    if let ExprKind::Closure(func) = e.kind {
                        unset.capture(program, i, func);
                    }
                    e.each_part(&mut |p| work.push(p));
                }
            }
        }
        unset
    }

    fn capture(&mut self, program: &Program, outer: usize, inner: FuncId) {
        for c in &program.functions[inner.0 as usize].captures {
            self.locals[inner.0 as usize][c.inner.0 as usize] = self.locals[outer][c.outer.0 as usize];
        }
    }

    /// Whether it is one.
    pub fn contains(&self, func: FuncId, var: VarRef) -> bool {
        match var {
            VarRef::Local(l) => self.locals[func.0 as usize][l.0 as usize],
            VarRef::Global(g) => self.globals[g.0 as usize],
        }
    }
}

/// A trace shows the first and the last calls of a deep stack.
const TRACE_FIRST: usize = 20;
const TRACE_LAST: usize = 5;

impl<'p> Machine<'p> {
    /// A machine about to run a program.
    pub fn new(program: &'p Program, map: &'p SourceMap, given: Given<'p>, limits: Limits) -> Machine<'p> {
        Machine {
            program,
            map,
            types: TypeTable::new(program.types.clone()),
            globals: vec![Value::None; program.globals.len()],
            stdout: Vec::new(),
            stderr: Vec::new(),
            given,
            now: 1,
            at: Span::default(),
            unset: Unset::new(program),
            calls: Vec::new(),
            steps: 0,
            limits,
        }
    }

    /// Runs the top-level statements.
    pub fn run(mut self) -> Outcome {
        let end = self.call(self.program.main, Rc::new([]), Vec::new(), Vec::new());
        let status = match end {
            Err(Exit::Undecided(why)) => return Outcome::Undecided(why),
            Err(Exit::End(status)) => status,
            _ => 0,
        };
        Outcome::Ended(Ended { stdout: self.stdout, stderr: self.stderr, status })
    }

    /// Counts work; beyond the limit nobody waits for the program.
    pub fn work(&mut self, steps: usize) -> Run<()> {
        self.steps += steps as u64;
        if self.steps > self.limits.steps { Err(Exit::Undecided("too many steps")) } else { Ok(()) }
    }

    /// Writes to standard output.
    pub fn print(&mut self, bytes: &[u8]) -> Run<()> {
        self.stdout.extend_from_slice(bytes);
        if self.stdout.len() > self.limits.output { Err(Exit::Undecided("too much output")) } else { Ok(()) }
    }

    /// Calls a function with all its arguments.
    pub fn call(
        &mut self,
        id: FuncId,
        type_args: Rc<[Ty]>,
        captures: Vec<Slot>,
        args: Vec<Value>,
    ) -> Run<Value> {
        if self.calls.len() >= self.limits.depth as usize {
            return Err(Exit::Undecided("too many nested calls"));
        }
        let func = &self.program.functions[id.0 as usize];
        self.work(1 + func.locals.len())?;
        if let Some(caller) = self.calls.last_mut() {
            caller.at = self.at;
        }
        self.calls.push(Active { id, args: type_args.clone(), at: func.span });
        let locals = func.locals.iter().map(|l| Slot::new(Value::None, l.captured)).collect();
        let mut frame = Frame { func, id, args: type_args, locals, captures };
        for (capture, slot) in func.captures.iter().zip(&frame.captures) {
            frame.locals[capture.inner.0 as usize] = slot.clone();
        }
        for (&param, value) in func.params.iter().zip(args) {
            frame.bind(param, value);
        }
        if let Some(own) = func.self_ref {
            let (args, captures) = (frame.args.clone(), frame.captures.clone());
            frame.bind(own, Value::Fun(Rc::new(Fun::Closure { func: id, args, captures })));
        }
        let end = self.block(&mut frame, &func.body);
        if !matches!(end, Err(Exit::End(_) | Exit::Undecided(_))) {
            self.calls.pop();
        }
        match end {
            // Falling off the end gives none (section 11.1, D27).
            Ok(()) => Ok(Value::None),
            Err(Exit::Return(value)) => Ok(value),
            Err(other) => Err(other),
        }
    }

    /// Calls a function value.
    pub fn call_value(&mut self, callee: &Value, mut args: Vec<Value>) -> Run<Value> {
        match callee {
            Value::Fun(fun) => match &**fun {
                Fun::Closure { func, args: type_args, captures } => {
                    self.call(*func, type_args.clone(), captures.clone(), args)
                }
                Fun::Partial { callee, args: given } => {
                    let mut all = given.clone();
                    all.append(&mut args);
                    self.call_value(callee, all)
                }
                Fun::Adapted { callee, ty } => self.call_adapted(callee, *ty, args),
            },
            _ => self.fail("cannot use none here"),
        }
    }

    /// Ends the program with a message and a trace.
    pub fn fail<T>(&mut self, message: impl AsRef<[u8]>) -> Run<T> {
        if let Some(innermost) = self.calls.last_mut() {
            innermost.at = self.at;
        }
        self.stderr.extend_from_slice(message.as_ref());
        self.stderr.push(b'\n');
        let total = self.calls.len();
        for (k, call) in self.calls.iter().rev().enumerate() {
            let line = if k < TRACE_FIRST || k >= total - TRACE_LAST {
                let file = self.map.file(call.at.file);
                let (name, line) = (self.function_name(call), file.position(call.at.start).0);
                format!("  at {name} ({}:{line})\n", file.output_name())
            } else if k == TRACE_FIRST {
                format!("  ... {} more calls\n", total - TRACE_FIRST - TRACE_LAST)
            } else {
                continue;
            };
            self.stderr.extend_from_slice(line.as_bytes());
        }
        Err(Exit::End(1))
    }

    /// `f`, `f<int>`, `P.method`, `fn3`, `__main`.
    fn function_name(&self, call: &Active) -> String {
        let func = &self.program.functions[call.id.0 as usize];
        if func.generics == 0 {
            return func.name.clone();
        }
        let args: Vec<String> = call.args.iter().map(|t| self.types.name(*t)).collect();
        format!("{}<{}>", func.name, args.join(", "))
    }

    /// The text of the place where an expectation stands: file and line.
    pub fn place(&self, span: Span) -> String {
        let file = self.map.file(span.file);
        format!("{}:{}", file.output_name(), file.position(span.start).0)
    }

    /// A type of the tree as it is in a frame.
    pub fn ty(&mut self, f: &Frame<'p>, ty: Ty) -> Ty {
        self.types.resolve(ty, &f.args)
    }

    /// The type of a variable as it is in a frame.
    pub fn var_ty(&mut self, f: &Frame<'p>, var: VarRef) -> Ty {
        match var {
            VarRef::Local(l) => self.ty(f, f.func.locals[l.0 as usize].ty),
            VarRef::Global(g) => self.ty(f, self.program.globals[g.0 as usize].ty),
        }
    }

    /// The value of a variable.
    pub fn read(&self, f: &Frame<'p>, var: VarRef) -> Value {
        match var {
            VarRef::Local(l) => f.locals[l.0 as usize].get(),
            VarRef::Global(g) => self.globals[g.0 as usize].clone(),
        }
    }

    /// Declares a variable: a local one is new each time (section 4, "Scope").
    pub fn bind(&mut self, f: &mut Frame<'p>, var: VarRef, value: Value) {
        match var {
            VarRef::Local(l) => f.bind(l, value),
            VarRef::Global(g) => self.globals[g.0 as usize] = value,
        }
    }

    /// Assigns a variable.
    pub fn assign(&mut self, f: &mut Frame<'p>, var: VarRef, value: Value) {
        match var {
            VarRef::Local(l) => f.locals[l.0 as usize].set(value),
            VarRef::Global(g) => self.globals[g.0 as usize] = value,
        }
    }
}

impl Frame<'_> {
    /// Declares a local variable.
    pub fn bind(&mut self, local: LocalId, value: Value) {
        let captured = self.func.locals[local.0 as usize].captured;
        self.locals[local.0 as usize] = Slot::new(value, captured);
    }
}

/// The operators of arithmetic.
pub fn arith_of(op: ast::BinOp) -> Option<crate::number::Arith> {
    use crate::number::Arith;
    Some(match op {
        ast::BinOp::Add => Arith::Add,
        ast::BinOp::Sub => Arith::Sub,
        ast::BinOp::Mul => Arith::Mul,
        ast::BinOp::Div => Arith::Div,
        ast::BinOp::Mod => Arith::Mod,
        _ => return None,
    })
}
