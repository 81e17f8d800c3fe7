//! What random functions live in: a heap, exact ints of any size, and somebody who looks on.
//!
//! It is a host of the interpreter and answers these functions:
//!
//! - `new(size) -> ref`: a zeroed object. Before that, and before every slow path of an exact int,
//!   every object is freed that the collector is not shown, and what is freed is not mapped any
//!   more: whoever still uses it traps.
//! - `see(i64)` and `see_int(ref)`: a number or an exact int is seen, which no pass may change.
//! - `int_*_slow`: arithmetic modulo 2^128, so that every law of integers that passes use holds, and
//!   objects for what is not small. Any operation with a none gives one, but that none equals none; division by zero traps.
//!
//! Addresses of objects are not the same after a pass; functions must not show them.

use crate::interp::memory::Memory;
use crate::interp::{Host, Trap, Visible};
use std::collections::{BTreeMap, BTreeSet};

/// The word of a none.
const NONE: u64 = 1;
/// What `int_cmp_slow` gives when none is an operand.
const UNORDERED: u64 = 2;

/// The host.
#[derive(Default, Debug)]
pub struct World {
    /// What was seen, in order.
    pub events: Vec<u64>,
    /// Bytes of objects made so far.
    pub made: u64,
    /// Some int was not small.
    pub big: bool,
    /// Objects by address, with their sizes.
    objects: BTreeMap<u64, u64>,
    /// Integers by the address of their objects.
    bigs: BTreeMap<u64, i128>,
}

/// Size of the object of an int that is not small.
const BIG_SIZE: u64 = 16;

/// The words of an area that begins at one.
fn words_of(memory: &mut Memory, start: u64, size: u64) -> Result<Vec<u64>, Trap> {
    let bytes = memory.read(start, size)?;
    let word = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
    Ok(bytes.chunks_exact(8).map(word).collect())
}

impl World {
    fn make(&mut self, memory: &mut Memory, size: u64) -> u64 {
        let base = memory.map(size);
        self.objects.insert(base, size);
        base
    }

    /// The object that a word points to or into.
    fn object(&self, word: u64) -> Option<u64> {
        let (&base, &size) = self.objects.range(..=word).next_back()?;
        (word - base < size).then_some(base)
    }

    /// Frees what is not reached from what is shown, or from the arguments of the function that collects.
    fn collect(&mut self, memory: &mut Memory, visible: &Visible, args: &[u64]) -> Result<(), Trap> {
        let mut live = BTreeSet::new();
        let mut words = args.to_vec();
        for area in [&visible.stack, &visible.data] {
            words.extend(words_of(memory, area.start, area.end - area.start)?);
        }
        while let Some(word) = words.pop() {
            if let Some(base) = self.object(word)
                && live.insert(base)
            {
                words.extend(words_of(memory, base, self.objects[&base])?);
            }
        }
        for (&base, &size) in self.objects.iter().filter(|(base, _)| !live.contains(base)) {
            memory.unmap(base, size);
        }
        self.objects.retain(|base, _| live.contains(base));
        self.bigs.retain(|base, _| live.contains(base));
        Ok(())
    }

    /// The integer of a word that is not a none.
    fn integer(&self, word: u64) -> Result<i128, Trap> {
        match word & 1 {
            0 => Ok(i128::from(word as i64 >> 1)),
            _ => self.bigs.get(&(word - 1)).copied().ok_or(Trap::BadAddress(word)),
        }
    }

    fn word(&mut self, memory: &mut Memory, value: i128) -> u64 {
        if let Ok(small) = i64::try_from(value)
            && small << 1 >> 1 == small
        {
            return (small << 1) as u64;
        }
        self.big = true;
        let base = self.make(memory, BIG_SIZE);
        self.bigs.insert(base, value);
        base + 1
    }

    fn arithmetic(&mut self, memory: &mut Memory, name: &str, args: &[u64]) -> Result<u64, Trap> {
        if args.contains(&NONE) {
            return Ok(match name {
                "int_eq_slow" => u64::from(args[0] != args[1]),
                "int_cmp_slow" => UNORDERED,
                _ => NONE,
            });
        }
        let a = self.integer(args[0])?;
        let b = args.get(1).map_or(Ok(0), |&b| self.integer(b))?;
        if b == 0 && matches!(name, "int_div_slow" | "int_mod_slow") {
            return Err(Trap::DivisionByZero);
        }
        let value = match name {
            "int_add_slow" => a.wrapping_add(b),
            "int_sub_slow" => a.wrapping_sub(b),
            "int_mul_slow" => a.wrapping_mul(b),
            "int_div_slow" => a.wrapping_div(b),
            "int_mod_slow" => a.wrapping_rem(b),
            "int_neg_slow" => a.wrapping_neg(),
            _ => return Ok(a.cmp(&b) as i64 as u64),
        };
        Ok(self.word(memory, value))
    }

    fn see_int(&mut self, word: u64) -> Result<(), Trap> {
        if word & 1 == 0 || word == NONE {
            self.events.push(word);
        } else {
            let value = self.integer(word)?;
            self.events.extend([value as u64, (value >> 64) as u64]);
        }
        Ok(())
    }
}

impl Host for World {
    fn syscall(&mut self, _: &mut Memory, number: i64, _: &[u64]) -> Result<i64, Trap> {
        panic!("system call {number} of a random function")
    }

    fn call(
        &mut self,
        memory: &mut Memory,
        name: &str,
        args: &[u64],
        visible: Visible,
    ) -> Option<Result<u64, Trap>> {
        match name {
            "see" => self.events.push(args[0]),
            "see_int" => return Some(self.see_int(args[0]).map(|()| 0)),
            "new" => {
                self.made += args[0];
                let collected = self.collect(memory, &visible, args);
                return Some(collected.map(|()| self.make(memory, args[0])));
            }
            _ if name.starts_with("int_") && name.ends_with("_slow") => {
                let collected = self.collect(memory, &visible, args);
                return Some(collected.and_then(|()| self.arithmetic(memory, name, args)));
            }
            _ => return None,
        }
        Some(Ok(0))
    }
}

#[cfg(test)]
mod tests {
    use super::World;
    use crate::interp::{Machine, Trap, link};
    use crate::text::parse_module;

    /// An object that only a word of this type knows of while another one is made.
    fn run(ty: &str) -> Result<Option<u64>, Trap> {
        let text = format!(
            "declare func @new(i64) -> ref
            func @f -> i64 {{ b0:
              v0:i64 = iconst 32
              v1:ref = call @new(v0)
              store.64 v1+24, v0
              v2:i64 = iconst 8
              v3:{ty} = add v1, v2
              v4:ref = call @new(v0)
              v5:i64 = load.64 v3+16
              ret v5 }}"
        );
        let module = parse_module(&text).unwrap();
        let program = link(&[&module], true).unwrap();
        Machine::new(&program, World::default()).call("f", &[])
    }

    #[test]
    fn what_is_not_shown_is_freed() {
        assert_eq!(run("addr"), Ok(Some(32)));
        assert!(matches!(run("i64"), Err(Trap::BadAddress(_))));
    }

    #[test]
    fn ints_of_any_size() {
        let text = "
            declare func @see_int(ref)
            func @f { b0(v0:ref, v1:ref):
              v2:ref = int.mul v0, v0
              v3:ref = int.mul v2, v0
              v4:ref = int.div v3, v0
              call @see_int(v4)
              v5:ref = int.div v4, v0
              call @see_int(v5)
              v6:ref = int.add v5, v1
              call @see_int(v6)
              v7:i64 = iconst 0
              v8:ref = iconst 0
              v9:ref = int.mod v4, v8
              ret }";
        let module = parse_module(text).unwrap();
        let program = link(&[&module], true).unwrap();
        let mut machine = Machine::new(&program, World::default());
        let word = 1u64 << 41;
        assert_eq!(machine.call("f", &[word, 1]), Err(Trap::DivisionByZero));
        assert_eq!(machine.host.events, [0, 1 << 16, word, 1]);
        assert!(machine.host.big);
    }
}
