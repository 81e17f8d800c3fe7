//! Builtins (section 6), each by what its arguments are: output, lists and maps, folds, functions that
//! take functions. Those on strings and numbers are in `builtin_text.rs` and `builtin_number.rs`, those on
//! what the program was given in `builtin_world.rs`.

use crate::key::{Key, frozen, order};
use crate::machine::{Frame, Machine, Run};
use crate::number::{Arith, Int, int_arith};
use crate::ops::as_float;
use crate::show::{Mode, Show, ordered};
use crate::value::{List, Map, Value};
use mochi_lang::tree::{Builtin, Expr, ExprKind};
use mochi_lang::types::{Ty, TyKind};
use std::collections::HashSet;
use std::rc::Rc;

impl<'p> Machine<'p> {
    /// A call of a builtin.
    pub fn builtin(
        &mut self,
        f: &mut Frame<'p>,
        e: &'p Expr,
        builtin: Builtin,
        args: &'p [Expr],
    ) -> Run<Value> {
        if builtin == Builtin::Assert {
            return self.assert(f, e, args);
        }
        let mut values = Vec::with_capacity(args.len());
        for (k, a) in args.iter().enumerate() {
            values.push(self.of_kind(f, a, expects(builtin, k))?);
        }
        let types: Vec<Ty> = args.iter().map(|a| self.ty(f, a.ty)).collect();
        let want = self.ty(f, e.ty);
        self.at = e.span;
        self.builtin_value(builtin, values, &types, want)
    }

    /// An operand whose type says a kind, none included. Where it comes from an `any` that holds another kind,
    /// the program ends with `message`, if there is one.
    pub fn of_kind(&mut self, f: &mut Frame<'p>, e: &'p Expr, message: Option<&str>) -> Run<Value> {
        let (ExprKind::Coerce { value }, Some(message)) = (&e.kind, message) else { return self.expr(f, e) };
        if self.ty(f, value.ty) != Ty::ANY {
            return self.expr(f, e);
        }
        let v = self.expr(f, value)?;
        self.at = e.span;
        let to = self.ty(f, e.ty);
        let fits = match self.types.kind(self.types.strip(to)) {
            TyKind::Str => matches!(v, Value::Str(_)),
            TyKind::List(_) => matches!(v, Value::List(_)),
            _ => true,
        };
        if fits || v.is_none() { self.coerce(v, Ty::ANY, to) } else { self.fail(message) }
    }

    /// The message is evaluated when the condition does not hold.
    fn assert(&mut self, f: &mut Frame<'p>, e: &'p Expr, args: &'p [Expr]) -> Run<Value> {
        if self.condition(f, &args[0])? {
            return Ok(Value::None);
        }
        let message = match args.get(1) {
            Some(m) => {
                let v = self.expr(f, m)?;
                self.str_text(&v)
            }
            None => b"assertion failed".to_vec(),
        };
        self.at = e.span;
        self.fail(message)
    }

    /// The `str` form of a value (section 7, S).
    pub fn str_text(&self, v: &Value) -> Vec<u8> {
        Show::new(&self.types.types).text(v, Mode::Str)
    }

    fn builtin_value(&mut self, builtin: Builtin, args: Vec<Value>, types: &[Ty], want: Ty) -> Run<Value> {
        use Builtin::*;
        match builtin {
            Print => {
                let line = self.line(&args);
                self.print(&line)?;
                Ok(args.into_iter().next().unwrap_or(Value::None))
            }
            Eprint => {
                let line = self.line(&args);
                self.stderr.extend_from_slice(&line);
                Ok(Value::None)
            }
            Json => {
                let mut text = Show::new(&self.types.types).json(&args[0]);
                text.push(b'\n');
                self.print(&text)?;
                Ok(args.into_iter().next().unwrap_or(Value::None))
            }
            ToJson => Ok(Value::str(Show::new(&self.types.types).json(&args[0]))),
            Str => Ok(Value::str(self.str_text(&args[0]))),
            Panic => {
                let message = self.str_text(&args[0]);
                self.fail(message)
            }
            Input | ReadLine | Lines | Args | Env | Exit => self.world(builtin, &args, want),
            Now => Ok(self.tick()),
            TypeOf => Ok(Value::str(self.type_of(&args[0], types[0]))),
            Bool => Ok(Value::Bool(args[0].truth())),
            Len => self.len(&args[0]),
            Count => match &args[0] {
                Value::List(_) | Value::Group(_) | Value::None => self.len(&args[0]),
                _ => self.fail("count expects list"),
            },
            Exists => Ok(Value::Bool(match &args[0] {
                Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Rat(_) | Value::Fun(_) => false,
                _ => self.len(&args[0])?.truth(),
            })),
            Append | Push => self.append(&args[0], args[1].clone(), want),
            Concat => {
                let ty = self.types.strip(want);
                self.joined(ty, &args)
            }
            First | Last => Ok(end(builtin, &args[0])),
            Reverse | Distinct | Sort => self.rearranged(builtin, &args[0], types[0]),
            Keys | Values => {
                let ty = self.types.strip(want);
                self.keys_or_values(builtin, &args[0], ty)
            }
            Range => self.range(&args, want),
            Slice => {
                let absent = Value::None;
                let bound = |k: usize| args.get(k).unwrap_or(&absent);
                self.slice(&args[0], bound(1), bound(2), want)
            }
            Sum | Avg | Min | Max => {
                let (items, elem) = self.folded(builtin, &args[0], types[0])?;
                self.fold(builtin, &items, elem, want)
            }
            Map | Filter | Reduce | Find => self.higher_order(builtin, &args, want),
            Int | Float | Abs | Ceil | Floor | Sqrt | Pow | Round | Num | Denom => {
                self.number_builtin(builtin, &args, types, want)
            }
            _ => self.text_builtin(builtin, &args, types, want),
        }
    }

    fn type_of(&mut self, v: &Value, ty: Ty) -> String {
        if ty != Ty::ANY {
            return self.types.name(self.types.strip(ty));
        }
        match v {
            Value::None => "none".into(),
            Value::Bool(_) => "bool".into(),
            Value::Int(_) => "int".into(),
            Value::Float(_) => "float".into(),
            Value::Rat(_) => "bigrat".into(),
            Value::Str(_) => "string".into(),
            Value::List(l) => self.types.name(l.ty),
            Value::Map(m) => self.types.name(m.ty),
            Value::Struct(s) => self.types.types.struct_def(s.id).name.clone(),
            Value::Group(_) => "group".into(),
            Value::Fun(_) => "function".into(),
        }
    }

    /// Characters, elements, entries; none has none; a number has those of its text.
    fn len(&mut self, v: &Value) -> Run<Value> {
        Ok(Value::count(match v {
            Value::None => 0,
            Value::Str(s) => s.len(),
            Value::List(l) => l.items.borrow().len(),
            Value::Group(g) => g.items.items.borrow().len(),
            Value::Map(m) => m.entries.borrow().len(),
            // A struct is the map it prints as, with its name.
            Value::Struct(s) => {
                let def = self.types.types.struct_def(s.id);
                def.fields.len() + def.methods.len() + 1
            }
            Value::Int(_) => self.str_text(v).len(),
            // Without exponent and without a denominator of 1.
            Value::Float(_) => {
                let text = Show::new(&self.types.types).text(v, Mode::Inner);
                text.strip_suffix(b".0").unwrap_or(&text).len()
            }
            Value::Rat(_) => {
                let text = self.str_text(v);
                text.strip_suffix(b"/1").unwrap_or(&text).len()
            }
            Value::Bool(_) | Value::Fun(_) => return self.fail("invalid len operand"),
        }))
    }

    /// A fresh list with one more element; none acts as an empty list.
    fn append(&mut self, list: &Value, item: Value, want: Ty) -> Run<Value> {
        let ty = self.types.strip(want);
        let (Value::List(_) | Value::None) = list else { return self.fail("append expects list") };
        let grown = self.joined(ty, std::slice::from_ref(list))?;
        if let Value::List(l) = &grown {
            l.items.borrow_mut().push(item);
        }
        Ok(grown)
    }

    /// `reverse`, `distinct`, `sort`: a fresh outer list.
    fn rearranged(&mut self, builtin: Builtin, v: &Value, ty: Ty) -> Run<Value> {
        let list = match v {
            Value::List(l) => l,
            Value::Str(s) if builtin == Builtin::Reverse => {
                let mut all = crate::text::characters(s.bytes());
                all.reverse();
                return Ok(Value::str(all.concat()));
            }
            Value::None if ty != Ty::ANY => return self.fail("cannot use none here"),
            _ => return self.fail("reverse expects list or string"),
        };
        let mut items = list.items.borrow().clone();
        self.work(items.len())?;
        match builtin {
            Builtin::Reverse => items.reverse(),
            Builtin::Sort => items.sort_by(order),
            _ => items = self.distinct(items),
        }
        let ty = self.list_ty(ty, list.ty);
        Ok(Value::list(ty, items))
    }

    /// First occurrences, compared by their text inside a list (decision 14).
    pub fn distinct(&mut self, items: Vec<Value>) -> Vec<Value> {
        let mut seen = HashSet::new();
        items.into_iter().filter(|v| seen.insert(Key::new(&self.types.types, v))).collect()
    }

    /// In the order of the keys; keys are copies (decision 14). None has no entries.
    fn keys_or_values(&mut self, builtin: Builtin, v: &Value, ty: Ty) -> Run<Value> {
        let entries = match v {
            Value::Map(m) => ordered(&self.types.types, m as &Rc<Map>),
            _ => Vec::new(),
        };
        self.work(entries.len())?;
        let part = |(k, v): (Value, Value)| if builtin == Builtin::Keys { frozen(&k) } else { v };
        Ok(Value::list(ty, entries.into_iter().map(part).collect()))
    }

    /// The ints from the first on in steps, while below the second (above it for a negative step).
    fn range(&mut self, args: &[Value], want: Ty) -> Run<Value> {
        let (Some(Value::Int(from)), Some(Value::Int(to)), Some(Value::Int(step))) =
            (args.first(), args.get(1), args.get(2))
        else {
            return self.fail("cannot use none here");
        };
        if step.is_zero() {
            return self.fail("range step is zero");
        }
        let mut items = Vec::new();
        let mut at: Int = from.clone();
        while if step.is_negative() { at > *to } else { at < *to } {
            self.work(1)?;
            items.push(Value::Int(at.clone()));
            let Some(next) = int_arith(Arith::Add, &at, step) else { break };
            at = next;
        }
        let ty = self.types.strip(want);
        Ok(Value::list(ty, items))
    }

    /// The elements that a fold goes over, and their type.
    fn folded(&mut self, builtin: Builtin, v: &Value, ty: Ty) -> Run<(Vec<Value>, Ty)> {
        let list: &List = match v {
            Value::List(l) => l,
            Value::Group(g) => &g.items,
            Value::None => return Ok((Vec::new(), self.types.elem(ty))),
            _ => return self.fail(format!("{} expects list", builtin.name())),
        };
        let elem = if ty == Ty::ANY { Ty::ANY } else { self.types.elem(ty) };
        let items = list.items.borrow().clone();
        self.work(items.len())?;
        Ok((items, elem))
    }

    /// `sum`, `avg`, `min`, `max`, `count` of values of a static type. None counts nowhere but in `count`.
    pub fn fold(&mut self, builtin: Builtin, items: &[Value], elem: Ty, want: Ty) -> Run<Value> {
        let present = || items.iter().filter(|v| !v.is_none());
        match builtin {
            Builtin::Count => Ok(Value::count(items.len())),
            Builtin::Sum => {
                let mut total = if elem == Ty::FLOAT { Value::Float(0.0) } else { Value::int(0) };
                for v in present() {
                    total = self.arithmetic(Arith::Add, Ty::ANY, total, v.clone())?;
                }
                self.coerce(total, Ty::ANY, want)
            }
            Builtin::Avg => {
                // Ints are added exactly.
                let (mut ints, mut total) = (Int::from(0), 0.0);
                for v in present() {
                    match (v, as_float(v)) {
                        (Value::Int(i), _) => ints = int_arith(Arith::Add, &ints, i).unwrap_or(ints),
                        (_, Some(x)) => total += x,
                        _ => return self.fail("avg expects list"),
                    }
                }
                let count = present().count();
                Ok(Value::Float(if count == 0 { 0.0 } else { (total + ints.to_f64()) / count as f64 }))
            }
            _ => {
                let best = present().reduce(|best, v| {
                    let better =
                        if builtin == Builtin::Min { order(v, best).is_lt() } else { order(v, best).is_gt() };
                    if better { v } else { best }
                });
                match best {
                    Some(v) => Ok(v.clone()),
                    None if !items.is_empty() => Ok(Value::None),
                    // Empty: 0 in the type of the elements.
                    None => Ok(match self.types.kind(self.types.strip(elem)) {
                        TyKind::Str => Value::str(""),
                        TyKind::Float => Value::Float(0.0),
                        TyKind::Bool => Value::Bool(false),
                        TyKind::BigRat => Value::rat(Int::from(0).to_rat()),
                        _ => Value::int(0),
                    }),
                }
            }
        }
    }

    /// `map(list, f)`, `filter(list, f)`, `reduce(list, f, start)`, `find(list, f)`.
    fn higher_order(&mut self, builtin: Builtin, args: &[Value], want: Ty) -> Run<Value> {
        let at = self.at;
        let Value::List(list) = &args[0] else { return self.fail("cannot use none here") };
        let length = list.items.borrow().len();
        let mut result = Vec::new();
        let mut so_far = args.get(2).cloned().unwrap_or(Value::None);
        for k in 0..length {
            let item = list.items.borrow()[k].clone();
            self.at = at;
            match builtin {
                Builtin::Map => result.push(self.call_value(&args[1], vec![item])?),
                Builtin::Reduce => so_far = self.call_value(&args[1], vec![so_far, item])?,
                _ => {
                    let keep = self.call_value(&args[1], vec![item.clone()])?.truth();
                    if keep && builtin == Builtin::Find {
                        return Ok(item);
                    }
                    if keep {
                        result.push(item);
                    }
                }
            }
        }
        self.at = at;
        match builtin {
            Builtin::Reduce => Ok(so_far),
            Builtin::Find => Ok(Value::None),
            _ => Ok(Value::list(self.types.strip(want), result)),
        }
    }
}

/// First or last element, none of an empty list.
fn end(builtin: Builtin, v: &Value) -> Value {
    let Value::List(l) = v else { return Value::None };
    let items = l.items.borrow();
    let item = if builtin == Builtin::First { items.first() } else { items.last() };
    item.cloned().unwrap_or(Value::None)
}

/// What a builtin says about an argument of the wrong kind in an `any` (section 9, "Traced").
fn expects(builtin: Builtin, k: usize) -> Option<&'static str> {
    match (builtin, k) {
        (Builtin::Append, 0) => Some("append expects list"),
        (Builtin::Push, 0) => Some("push expects list"),
        (Builtin::Concat, _) => Some("union expects lists"),
        (Builtin::Upper, 0) => Some("upper expects string"),
        (Builtin::PadStart, 0 | 2) => Some("padStart expects (string, int, string)"),
        _ => None,
    }
}
