//! Statements: declarations, branches, loops, tests and `update`.
//!
//! A `while` loop is a header that decides and a body that jumps back; a range loop keeps its
//! counter as a tagged int compared with `int.cmp` and stepped with `int.add` by a constant, its
//! bound clamped to a small int once where the start is far from the limits (nobody can count that
//! far), so that range analysis sees that the counter is small.

use super::desc::str_size;
use super::func::{Fx, Loop};
use super::layout::{RuntimeRegion, STR_BYTES, STR_START};
use super::ops::strip_coerce;
use super::reserve;
use super::runtime::{Rt, RtData};
use super::variables::Home;
use crate::ast::{BinOp, UnOp};
use crate::tree::{Builtin, Expr, ExprKind, LocalId, Stmt, StmtKind, VarRef};
use crate::types::{StructId, Ty, TyKind};
use mochi_ir::{Block, Cond, Op, Type, Value};

/// The largest and the smallest small int, tagged.
const MAX_SMALL: i64 = i64::MAX - 1;
const MIN_SMALL: i64 = i64::MIN;

/// A loop over a literal with so many elements makes no list of them.
const FEW_ITEMS: usize = 8;

impl<'a> Fx<'_, 'a> {
    /// Statements, up to one that does not come back.
    pub(crate) fn stmts(&mut self, stmts: &'a [Stmt]) {
        for (k, s) in stmts.iter().enumerate() {
            if !self.b.is_reachable() {
                return;
            }
            self.room_for = reserve::appended(&stmts[..k], s);
            self.stmt(s);
        }
    }

    fn stmt(&mut self, s: &'a Stmt) {
        self.at(s.span);
        match &s.kind {
            StmtKind::Let { var, value } => self.declare(*var, value.as_ref()),
            StmtKind::Assign { place, op, value } => self.assign_place(place, *op, value),
            StmtKind::Expr(e) => {
                self.effect(e);
            }
            StmtKind::Return(e) => self.ret(e.as_ref()),
            StmtKind::If { cond, then, otherwise } => self.if_stmt(cond, then, otherwise),
            StmtKind::While { cond, body } => self.while_stmt(cond, body),
            StmtKind::ForRange { var, start, end, inclusive, body } => {
                self.for_range(*var, start, end, *inclusive, body);
            }
            StmtKind::ForEach { var, source, body } => self.for_each(*var, source, body),
            StmtKind::Break => {
                let exit = self.loops.last().expect("break is in a loop").exit;
                self.b.jump(exit, &[]);
            }
            StmtKind::Continue => {
                let next = self.loops.last().expect("continue is in a loop").next;
                self.b.jump(next, &[]);
            }
            StmtKind::Expect { cond, text } => self.expect(s, cond, text),
            StmtKind::Test { body, .. } => self.stmts(body),
            StmtKind::Bench { name, body } => {
                self.rt_void(Rt::bench_begin, &[]);
                self.stmts(body);
                if self.b.is_reachable() {
                    let name = self.str_value(name);
                    self.rt_void(Rt::bench_end, &[name]);
                }
            }
            StmtKind::Update { target, elem, fields, set, filter } => {
                self.update(*target, *elem, fields, set, filter.as_ref());
            }
            StmtKind::NestedFun { local, func } => {
                let closure = self.closure(*func);
                self.bind_local(*local, closure);
            }
        }
    }

    fn declare(&mut self, var: VarRef, value: Option<&'a Expr>) {
        let value = match value {
            Some(e) => self.keep(e),
            None => {
                let ty = self.var_ty(var);
                let repr = self.lw.types.repr(ty);
                self.none(repr)
            }
        };
        self.bind(var, value);
    }

    fn ret(&mut self, value: Option<&'a Expr>) {
        let ty = self.result;
        match value {
            Some(e) if self.b.func.result.is_none() => {
                self.effect(e);
                self.b.ret(None);
            }
            Some(e) => {
                let v = self.return_value(e, ty);
                self.b.ret(Some(v));
            }
            None => self.return_none(),
        }
    }

    fn if_stmt(&mut self, cond: &'a Expr, then: &'a [Stmt], otherwise: &'a [Stmt]) {
        let (t, join) = (self.b.new_block(), self.b.new_block());
        if otherwise.is_empty() {
            self.branch(cond, t, join);
            self.enter(t);
            self.stmts(then);
            self.jump(join);
        } else {
            let f = self.b.new_block();
            self.branch(cond, t, f);
            self.enter(t);
            self.stmts(then);
            self.jump(join);
            self.enter(f);
            self.stmts(otherwise);
            self.jump(join);
        }
        self.leave(join);
    }

    /// Goes on in a block if something leads to it.
    fn leave(&mut self, join: Block) {
        let reached = self.b.has_predecessors(join);
        self.enter(join);
        if !reached {
            self.b.unreachable();
        }
    }

    fn while_stmt(&mut self, cond: &'a Expr, body: &'a [Stmt]) {
        let (head, inside, exit) = (self.b.new_block(), self.b.new_block(), self.b.new_block());
        self.b.jump(head, &[]);
        self.b.switch_to(head);
        self.branch(cond, inside, exit);
        self.enter(inside);
        self.loops.push(Loop { exit, next: head });
        self.stmts(body);
        self.loops.pop();
        self.jump(head);
        self.leave(exit);
    }

    /// An int expression that is far from the limits of small ints, so that nothing can count from
    /// it to them.
    fn is_modest(&self, e: &Expr) -> bool {
        match &strip_coerce(e).kind {
            ExprKind::Int(v) => v.unsigned_abs() < 1 << 61,
            ExprKind::Var(VarRef::Local(l)) => self.counters.contains(l),
            ExprKind::Builtin { builtin, .. } => matches!(builtin, Builtin::Len | Builtin::Count),
            ExprKind::Binary { op: BinOp::Mod, right, .. } => self.is_modest(right),
            ExprKind::Binary { op: BinOp::Add | BinOp::Sub | BinOp::Div, left, right } => {
                matches!(right.kind, ExprKind::Int(v) if v.unsigned_abs() < 1 << 32) && self.is_modest(left)
            }
            _ => false,
        }
    }

    /// A tagged bound that is known to be small: a big one is clamped, which no loop that starts at
    /// a modest value can tell.
    fn clamp(&mut self, bound: Value) -> Value {
        if self.b.func.as_iconst(bound).is_some_and(|w| w & 1 == 0) {
            return bound;
        }
        let clear = self.b.iconst(-2);
        let one = self.b.iconst(1);
        let odd = self.b.bin(Op::And, bound, one);
        let (small, big, join) = (self.b.new_block(), self.b.new_cold_block(), self.b.new_block());
        let result = self.b.declare_var(Type::Ref);
        self.brif(odd, big, small);
        self.enter(small);
        let even = self.b.op(Op::And, &[bound, clear], Type::Ref);
        self.b.def_var(result, even);
        self.b.jump(join, &[]);
        self.enter(big);
        let zero = self.b.rconst(0);
        let sign = self.rt(Rt::int_cmp_slow, &[bound, zero]);
        let positive = self.b.icmp(Cond::Eq, sign, one);
        let (max, min) = (self.b.rconst(MAX_SMALL), self.b.rconst(MIN_SMALL));
        let end = self.b.op(Op::Select, &[positive, max, min], Type::Ref);
        let even = self.b.op(Op::And, &[end, clear], Type::Ref);
        self.b.def_var(result, even);
        self.b.jump(join, &[]);
        self.enter(join);
        self.b.use_var(result)
    }

    fn for_range(&mut self, var: VarRef, start: &'a Expr, end: &'a Expr, inclusive: bool, body: &'a [Stmt]) {
        let growing = std::mem::take(&mut self.room_for);
        let first = self.expr(start);
        let mut bound = self.expr(end);
        self.reserve(&growing, first, bound);
        // The variable itself counts when no cell and no other function is involved.
        let private = self.is_private(var);
        let own = matches!(var, VarRef::Local(l) if private && !self.facts(l).rebound);
        let modest = own && self.is_modest(start);
        if modest {
            bound = self.clamp(bound);
        }
        let counter = match self.home(var) {
            Home::Var(v) => v,
            _ => self.b.declare_var(Type::Ref),
        };
        self.b.def_var(counter, first);
        let (head, inside) = (self.b.new_block(), self.b.new_block());
        let (next, exit) = (self.b.new_block(), self.b.new_block());
        self.b.jump(head, &[]);
        self.b.switch_to(head);
        let at = self.b.use_var(counter);
        let cond = if inclusive { Cond::Sle } else { Cond::Slt };
        let more = self.int_cmp(cond, at, bound);
        self.brif(more, inside, exit);
        self.enter(inside);
        if !private {
            self.bind(var, at);
        }
        let counter_local = match var {
            VarRef::Local(l) if modest => Some(l),
            _ => None,
        };
        self.counters.extend(counter_local);
        self.loops.push(Loop { exit, next });
        self.stmts(body);
        self.loops.pop();
        if counter_local.is_some() {
            self.counters.pop();
        }
        self.jump(next);
        let again = self.b.has_predecessors(next);
        self.enter(next);
        if again {
            self.at(end.span);
            let at = if private { self.b.use_var(counter) } else { self.read(var) };
            let step = self.b.rconst(2);
            let at = self.b.inst(Op::IntAdd, &[at, step], 0, None, Some(Type::Ref)).expect("result");
            self.b.def_var(counter, at);
            self.b.jump(head, &[]);
        } else {
            self.b.unreachable();
        }
        self.enter(exit);
    }

    fn for_each(&mut self, var: VarRef, source: &'a Expr, body: &'a [Stmt]) {
        let growing = std::mem::take(&mut self.room_for);
        self.at(source.span);
        let ty = self.ty(source.ty);
        let stripped = self.lw.types.strip(ty);
        match self.lw.types.kind(stripped).clone() {
            TyKind::Str => {
                let s = self.expr(source);
                self.for_chars(var, s, body);
            }
            TyKind::Map(key, _) => {
                let map = self.expr(source);
                let keys_ty = self.lw.types.types.list(key);
                let desc = self.desc(keys_ty);
                let keys = self.rt(Rt::map_loop_keys, &[map, desc]);
                self.for_items(var, key, keys, body, &growing);
            }
            TyKind::Group(key, item) => {
                let group = self.expr(source);
                let items = self.group_items(key, group);
                self.for_items(var, item, items, body, &growing);
            }
            TyKind::List(_) if source.is_input() => self.line_loop(source, |fx, line, around| {
                fx.bind(var, line);
                fx.loops.push(around);
                fx.stmts(body);
                fx.loops.pop();
            }),
            TyKind::List(elem)
                if let ExprKind::List(items) = &source.kind
                    && (1..=FEW_ITEMS).contains(&items.len()) =>
            {
                let values: Vec<Value> = items.iter().map(|x| self.keep_as(x, elem)).collect();
                let len = self.b.iconst(values.len() as i64);
                self.for_indexes(var, elem, len, (body, &growing), |fx, at| fx.one_of(at, &values));
            }
            TyKind::List(elem) => {
                // The loop goes on with this list when the variable gets another one.
                let list = if self.is_steady(source) { self.expr(source) } else { self.keep(source) };
                self.for_items(var, elem, list, body, &growing);
            }
            _ => {
                let any = self.expr(source);
                let any = self.convert(any, ty, Ty::ANY);
                let list_ty = self.lw.types.types.list(Ty::ANY);
                let list = self.convert(any, Ty::ANY, list_ty);
                self.for_items(var, Ty::ANY, list, body, &growing);
            }
        }
    }

    /// A local variable of this function alone that always has the same list.
    fn is_steady(&mut self, e: &Expr) -> bool {
        match e.kind {
            ExprKind::Var(var @ VarRef::Local(l)) => {
                let facts = self.facts(l);
                self.is_private(var) && !facts.rebound && !facts.extended
            }
            _ => false,
        }
    }

    /// Loops over the elements a list has now.
    fn for_items(&mut self, var: VarRef, elem: Ty, list: Value, body: &'a [Stmt], growing: &[VarRef]) {
        let len = self.raw_len(list);
        self.for_indexes(var, elem, len, (body, growing), |fx, at| fx.raw_get(elem, list, at));
    }

    /// The value with an index that there is.
    fn one_of(&mut self, index: Value, values: &[Value]) -> Value {
        let (last, others) = values.split_last().expect("one of some values");
        if others.is_empty() {
            return *last;
        }
        let result = self.b.declare_var(self.b.func.ty(*last));
        let (rest, join) = (self.b.new_block(), self.b.new_block());
        let cases: Vec<(i64, Block)> = (0..).zip(others.iter().map(|_| self.b.new_block())).collect();
        self.b.switch(index, rest, &cases);
        for (block, value) in cases.into_iter().map(|c| c.1).zip(others).chain([(rest, last)]) {
            self.enter(block);
            self.b.def_var(result, *value);
            self.jump(join);
        }
        self.enter(join);
        self.b.use_var(result)
    }

    /// Loops over so many indexes, with the item that there is for each. Each turn of the body appends to some lists.
    fn for_indexes(
        &mut self,
        var: VarRef,
        elem: Ty,
        len: Value,
        (body, growing): (&'a [Stmt], &[VarRef]),
        item: impl FnOnce(&mut Self, Value) -> Value,
    ) {
        if !growing.is_empty() {
            let one = self.b.iconst(1);
            let (none, all) = (self.b.rconst(0), self.b.bin(Op::Shl, len, one));
            let all = self.b.op(Op::Copy, &[all], Type::Ref);
            self.reserve(growing, none, all);
        }
        let i = self.b.declare_var(Type::I64);
        let zero = self.b.iconst(0);
        self.b.def_var(i, zero);
        let (head, inside) = (self.b.new_block(), self.b.new_block());
        let (next, exit) = (self.b.new_block(), self.b.new_block());
        self.b.jump(head, &[]);
        self.b.switch_to(head);
        let at = self.b.use_var(i);
        let more = self.b.icmp(Cond::Slt, at, len);
        self.brif(more, inside, exit);
        self.enter(inside);
        let item = item(self, at);
        self.bind_part(var, elem, item);
        self.loop_body(body, next, exit);
        if self.b.is_reachable() {
            let one = self.b.iconst(1);
            let at = self.b.bin(Op::Add, at, one);
            self.b.def_var(i, at);
            self.b.jump(head, &[]);
        }
        self.enter(exit);
    }

    fn for_chars(&mut self, var: VarRef, s: Value, body: &'a [Stmt]) {
        let bytes = self.load_part(s, STR_BYTES, RuntimeRegion::StrBytes);
        let pos = self.b.declare_var(Type::I64);
        let zero = self.b.iconst(0);
        self.b.def_var(pos, zero);
        let (head, inside) = (self.b.new_block(), self.b.new_block());
        let (next, exit) = (self.b.new_block(), self.b.new_block());
        self.b.jump(head, &[]);
        self.b.switch_to(head);
        let at = self.b.use_var(pos);
        let more = self.b.icmp(Cond::Slt, at, bytes);
        self.brif(more, inside, exit);
        self.enter(inside);
        let (ch, width) = self.char_at(s, at);
        self.bind(var, ch);
        self.loop_body(body, next, exit);
        if self.b.is_reachable() {
            let at = self.b.bin(Op::Add, at, width);
            self.b.def_var(pos, at);
            self.b.jump(head, &[]);
        }
        self.enter(exit);
    }

    /// The character of a string at a byte offset, and its width. Most are one byte, whose strings are in a table.
    fn char_at(&mut self, s: Value, at: Value) -> (Value, Value) {
        let start = self.b.load(Op::Load64, s, STR_START, Type::Addr);
        let region = self.lw.runtime_region(RuntimeRegion::StrStart);
        self.b.set_region(region);
        let place = self.b.op(Op::Add, &[start, at], Type::Addr);
        let byte = self.b.load(Op::Load8u, place, 0, Type::I64);
        let (ch, width) = (self.b.declare_var(Type::Ref), self.b.declare_var(Type::I64));
        let (single, longer, found) = (self.b.new_block(), self.b.new_cold_block(), self.b.new_block());
        let bound = self.b.iconst(0x80);
        let is_single = self.b.icmp(Cond::Ult, byte, bound);
        self.brif(is_single, single, longer);
        self.enter(single);
        let table = self.lw.runtime_data(RtData::byte_strings);
        let table = self.b.symaddr(table, 0, Type::Addr);
        let size = self.b.iconst(str_size(1) as i64);
        let row = self.b.bin(Op::Mul, byte, size);
        let value = self.b.op(Op::Add, &[table, row], Type::Ref);
        self.b.def_var(ch, value);
        let one = self.b.iconst(1);
        self.b.def_var(width, one);
        self.jump(found);
        self.enter(longer);
        let value = self.rt(Rt::str_char_at, &[s, at]);
        self.b.def_var(ch, value);
        let bytes = self.load_part(value, STR_BYTES, RuntimeRegion::StrBytes);
        self.b.def_var(width, bytes);
        self.jump(found);
        self.enter(found);
        (self.b.use_var(ch), self.b.use_var(width))
    }

    /// The body of a loop; goes on in `next`, unreachable when nothing leads there.
    fn loop_body(&mut self, body: &'a [Stmt], next: Block, exit: Block) {
        self.loops.push(Loop { exit, next });
        self.stmts(body);
        self.loops.pop();
        self.jump(next);
        self.leave(next);
    }

    fn expect(&mut self, s: &Stmt, cond: &'a Expr, text: &str) {
        let (ok, fail) = (self.b.new_block(), self.b.new_cold_block());
        self.branch(cond, ok, fail);
        self.enter(fail);
        self.at(s.span);
        let line = self.lw.line(s.span);
        let file = self.lw.file_name(s.span);
        let message = self.str_value(format!("expect condition failed at {file}:{line}: {text}"));
        self.rt_void(Rt::panic_msg, &[message]);
        self.b.unreachable();
        self.enter(ok);
    }

    fn update(
        &mut self,
        target: VarRef,
        elem: StructId,
        fields: &'a [LocalId],
        set: &'a [(u32, Expr)],
        filter: Option<&'a Expr>,
    ) {
        let list = self.read(target);
        let list_ty = self.var_ty(target);
        let changes = self.changes(filter.into_iter().chain(set.iter().map(|s| &s.1)));
        if self.may_grow(&changes, Some(target)) {
            self.share(list);
        }
        let elem_ty = self.lw.types.elem(list_ty);
        let layout = self.lw.layout(elem);
        let len = self.raw_len(list);
        self.count_loop(len, |fx, i| {
            let item = fx.raw_get(elem_ty, list, i);
            for (k, &local) in fields.iter().enumerate() {
                let repr = fx.lw.types.repr(layout.types[k]);
                let region = fx.lw.field_region(elem, k as u32);
                let v = fx.load_slot(repr, item, i64::from(layout.offsets[k]), region);
                fx.bind_part(VarRef::Local(local), layout.types[k], v);
            }
            let (hit, done) = (fx.b.new_block(), fx.b.new_block());
            match filter {
                Some(f) => fx.branch(f, hit, done),
                None => fx.b.jump(hit, &[]),
            }
            fx.enter(hit);
            let values: Vec<Value> = set.iter().map(|(_, e)| fx.keep(e)).collect();
            for ((field, _), v) in set.iter().zip(values) {
                let region = fx.lw.field_region(elem, *field);
                fx.store_slot(item, v, i64::from(layout.offsets[*field as usize]), region);
            }
            fx.jump(done);
            fx.enter(done);
        });
    }

    /// Evaluates a condition and goes to one of two blocks.
    pub(crate) fn branch(&mut self, e: &'a Expr, then: Block, otherwise: Block) {
        match &e.kind {
            ExprKind::Bool(true) => self.b.jump(then, &[]),
            ExprKind::Bool(false) => self.b.jump(otherwise, &[]),
            ExprKind::Unary { op: UnOp::Not, operand } => self.branch(operand, otherwise, then),
            ExprKind::Binary { op: op @ (BinOp::And | BinOp::Or), .. } => {
                let mut terms = Vec::new();
                let mut spine = e;
                while let ExprKind::Binary { op: o, left, right } = &spine.kind {
                    if o != op {
                        break;
                    }
                    terms.push(&**right);
                    spine = left;
                }
                terms.push(spine);
                while let Some(term) = terms.pop() {
                    if terms.is_empty() {
                        self.branch(term, then, otherwise);
                        return;
                    }
                    let more = self.b.new_block();
                    match op {
                        BinOp::And => self.branch(term, more, otherwise),
                        _ => self.branch(term, then, more),
                    }
                    self.enter(more);
                }
            }
            _ => {
                let cond = self.truth(e);
                self.brif(cond, then, otherwise);
            }
        }
    }
}
