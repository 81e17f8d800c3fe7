//! Builtins on strings (section 6). Positions and lengths count characters.

use crate::machine::{Exit, Machine, Run};
use crate::number::Int;
use crate::text::{self, Text, characters, find};
use crate::value::Value;
use mochi_lang::tree::Builtin;
use mochi_lang::types::Ty;
use sha2::{Digest, Sha256};
use std::rc::Rc;

/// Nobody waits for a string longer than this.
const LONG: usize = 1 << 28;

impl Machine<'_> {
    /// An argument that has to be a string.
    fn string(&mut self, v: &Value) -> Run<Rc<Text>> {
        match v {
            Value::Str(s) => Ok(s.clone()),
            Value::None => self.fail("cannot use none here"),
            other => self.fail(format!("cannot cast {} to string", other.kind_name())),
        }
    }

    /// A builtin on strings.
    pub fn text_builtin(&mut self, builtin: Builtin, args: &[Value], types: &[Ty], want: Ty) -> Run<Value> {
        use Builtin::*;
        match builtin {
            Join => return self.join(&args[0], &args[1]),
            Sha256 => return self.sha256(&args[0], want),
            IndexOf if matches!(args[0], Value::List(_)) => {
                let Value::List(l) = &args[0] else { return Ok(Value::None) };
                let at =
                    l.items.borrow().iter().position(|x| crate::key::same(&self.types.types, x, &args[1]));
                return Ok(at.map_or(Value::int(-1), Value::count));
            }
            Contains => return self.contains(&args[1], &args[0], types[0]).map(Value::Bool),
            _ => {}
        }
        if builtin == Lower {
            return Ok(Value::str(text::lower(&self.str_text(&args[0]))));
        }
        let s = self.string(&args[0])?;
        let bytes = s.bytes();
        self.work(bytes.len() / 8)?;
        Ok(match builtin {
            Upper => Value::str(text::upper(bytes)),
            Trim => Value::str(text::trim(bytes)),
            // The third argument is the end.
            Substring => return self.slice(&args[0], &args[1], &args[2], Ty::STR),
            PadStart => return self.pad_start(&s, &args[1], &args[2]),
            ParseIntStr => return self.parse_int(&s, args.get(1)),
            Repeat => return self.repeat(&s, &args[1]),
            Split => {
                let parts = text::split(bytes, self.string(&args[1])?.bytes());
                let ty = self.types.strip(want);
                Value::list(ty, parts.into_iter().map(Value::str).collect())
            }
            Replace => {
                let (old, new) = (self.string(&args[1])?, self.string(&args[2])?);
                self.work(bytes.len() * (1 + new.bytes().len()) / 8)?;
                Value::str(text::replace(bytes, old.bytes(), new.bytes()))
            }
            StartsWith | EndsWith | IndexOf => {
                let part = self.string(&args[1])?;
                let (whole, part) = (characters(bytes), characters(part.bytes()));
                match builtin {
                    StartsWith => Value::Bool(whole.starts_with(&part)),
                    EndsWith => Value::Bool(whole.ends_with(&part)),
                    _ => find(&whole, &part, 0).map_or(Value::int(-1), Value::count),
                }
            }
            other => unreachable!("builtin {other:?}"),
        })
    }

    /// Repetitions of `pad` (a space when it is empty) before the text, up to `width` characters.
    fn pad_start(&mut self, s: &Rc<Text>, width: &Value, pad: &Value) -> Run<Value> {
        let pad = self.string(pad)?;
        let Value::Int(width) = width else {
            return self.fail("padStart expects (string, int, string)");
        };
        let length = Int::from(s.len() as i64);
        if *width <= length {
            return Ok(Value::Str(s.clone()));
        }
        let need = match width.small() {
            Some(w) if (w as usize) < LONG => w as usize - s.len(),
            _ => return Err(Exit::Undecided("a very long string")),
        };
        self.work(need / 8)?;
        let unit = if pad.bytes().is_empty() { &b" "[..] } else { pad.bytes() };
        let padding: Vec<&[u8]> = characters(unit).into_iter().cycle().take(need).collect();
        Ok(Value::str([&padding.concat(), s.bytes()].concat()))
    }

    fn parse_int(&mut self, s: &Rc<Text>, base: Option<&Value>) -> Run<Value> {
        let base = match base {
            Some(Value::Int(b)) => b.small().unwrap_or(0),
            Some(_) => 0,
            None => 10,
        };
        let value = if (2..=36).contains(&base) { Int::parse_base(s.bytes(), base as u32) } else { None };
        match value {
            Some(v) => Ok(Value::Int(v)),
            None => self.fail_text("cannot cast ", s.bytes(), "int"),
        }
    }

    /// A count below 1 gives the empty string.
    fn repeat(&mut self, s: &Rc<Text>, count: &Value) -> Run<Value> {
        let Value::Int(count) = count else { return self.fail("cannot use none here") };
        if s.bytes().is_empty() || count.is_negative() || count.is_zero() {
            return Ok(Value::str(""));
        }
        let total = count.small().and_then(|n| (n as usize).checked_mul(s.bytes().len()));
        match total.filter(|&n| n < LONG) {
            Some(n) => {
                self.work(n / 8)?;
                Ok(Value::str(s.bytes().repeat(n / s.bytes().len())))
            }
            None => Err(Exit::Undecided("a very long string")),
        }
    }

    /// The strings of a list with a separator between them; none is written as `str` writes it.
    fn join(&mut self, list: &Value, separator: &Value) -> Run<Value> {
        let separator = self.string(separator)?;
        let items = match list {
            Value::List(l) => l.items.borrow().clone(),
            _ => Vec::new(),
        };
        let texts: Vec<Vec<u8>> = items.iter().map(|v| self.str_text(v)).collect();
        let joined = texts.join(separator.bytes());
        self.work(joined.len() / 8)?;
        Ok(Value::str(joined))
    }

    /// 32 ints.
    fn sha256(&mut self, v: &Value, want: Ty) -> Run<Value> {
        let v = match v {
            Value::List(_) => self.adopt(v.clone(), want)?,
            _ => v.clone(),
        };
        let bytes = match &v {
            Value::Str(s) => s.bytes().to_vec(),
            Value::List(l) => {
                let byte = |v: &Value| match v {
                    Value::Int(i) => i.big().to_signed_bytes_le()[0],
                    _ => 0,
                };
                l.items.borrow().iter().map(byte).collect()
            }
            _ => return self.fail("sha256 expects string or list"),
        };
        self.work(bytes.len())?;
        let digest = Sha256::digest(&bytes);
        let ty = self.types.strip(want);
        Ok(Value::list(ty, digest.iter().map(|b| Value::int(i64::from(*b))).collect()))
    }
}
