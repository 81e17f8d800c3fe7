//! Builtins on what a program was given, and its end (decisions 12 and 13).

use crate::machine::{Exit, Machine, Run};
use crate::value::Value;
use mochi_lang::tree::Builtin;
use mochi_lang::types::Ty;
use num_traits::{Euclid, ToPrimitive};

impl Machine<'_> {
    /// Input, arguments, environment, and the end of the program.
    pub fn world(&mut self, builtin: Builtin, args: &[Value], want: Ty) -> Run<Value> {
        match (builtin, args) {
            (Builtin::Input, _) => Ok(self.next_line().unwrap_or(Value::str(""))),
            (Builtin::ReadLine, _) => Ok(self.next_line().unwrap_or(Value::None)),
            (Builtin::Lines, _) => {
                let lines = std::iter::from_fn(|| self.next_line()).collect();
                Ok(Value::list(self.types.strip(want), lines))
            }
            (Builtin::Args, _) => {
                let args = self.given.args.iter().map(|arg| Value::str(arg.as_str())).collect();
                Ok(Value::list(self.types.strip(want), args))
            }
            (Builtin::Env, [Value::Str(name)]) => {
                let found = self.given.env.iter().find(|(n, _)| n.as_bytes() == name.bytes());
                Ok(found.map_or(Value::None, |(_, value)| Value::str(*value)))
            }
            (Builtin::Exit, [Value::Int(code)]) => {
                let status = code.big().rem_euclid(&256.into()).to_i32();
                Err(Exit::End(status.expect("a byte")))
            }
            _ => self.fail("cannot use none here"),
        }
    }

    /// One line of standard input without its end, `\n` or `\r\n`; what is left when there is no end;
    /// nothing when nothing is left.
    pub fn next_line(&mut self) -> Option<Value> {
        let stdin = &mut self.given.stdin;
        if stdin.is_empty() {
            return None;
        }
        let Some(end) = stdin.iter().position(|c| *c == b'\n') else {
            return Some(Value::str(std::mem::take(stdin)));
        };
        let line = &stdin[..end];
        *stdin = &stdin[end + 1..];
        Some(Value::str(line.strip_suffix(b"\r").unwrap_or(line)))
    }

    /// `now()` with MOCHI_NOW_SEED.
    pub fn tick(&mut self) -> Value {
        self.now = (self.now * 1_664_525 + 1_013_904_223) % 2_147_483_647;
        Value::int(self.now)
    }
}
