//! What is known of a machine's state inside a function, relative to its entry, and how its code is followed.
//!
//! The code is run with what is not known left open: from the entry along every path, until no place has
//! anything new. Where paths meet, only what they agree on is known; a register or slot can only become
//! unknown, and there are finitely many of both, so this ends.

use crate::Judged;
use std::collections::BTreeMap;

/// A register, by its DWARF number.
pub type Reg = u16;

/// What is in a register or slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Value {
    /// Anything.
    Unknown,
    /// What the register held at the entry, or the return address by its number in DWARF.
    Entry(Reg),
    /// The low half of what the register held, which is wider than a slot.
    Low(Reg),
    /// The high half of that; in slots only.
    High(Reg),
    /// The stack pointer of the caller (the canonical frame address) plus this.
    Frame(i64),
    /// A number or an address.
    Const(u64),
}

impl Value {
    /// The sum.
    pub fn plus(self, n: i64) -> Value {
        match self {
            Value::Frame(at) => Value::Frame(at.wrapping_add(n)),
            Value::Const(v) => Value::Const(v.wrapping_add(n as u64)),
            _ => Value::Unknown,
        }
    }
}

/// A machine: its registers and what functions must keep.
#[derive(Debug)]
pub struct Machine {
    /// The stack pointer.
    pub stack_pointer: Reg,
    /// The return address, as a register that holds it or as a name.
    pub return_address: Reg,
    /// The return address is on the stack at the entry.
    pub pushed: bool,
    /// Registers that functions of C keep.
    pub kept: &'static [Reg],
    /// All that has a number below this.
    pub registers: Reg,
    /// Executes an instruction.
    pub step: fn(&Code, u64, &mut State) -> Judged<Flow>,
}

/// Where control goes after an instruction of so many bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flow {
    /// On.
    Next(u64),
    /// There; or on as well.
    Jump(u64),
    /// There, or on.
    Branch(u64, u64),
    /// On after a call.
    Call(u64),
    /// To an entry of the table that was last addressed.
    Table,
    /// Out of the function, to another one or to the caller.
    Leave,
    /// To the caller.
    Return,
    /// Nowhere.
    Stop,
}

/// No more bytes are counted that nothing has touched.
const MOST: i64 = 1 << 20;

/// A state at an instruction.
#[derive(Clone, PartialEq, Debug)]
pub struct State {
    regs: Vec<Value>,
    /// Slots of eight bytes by their place from the canonical frame address.
    pub slots: BTreeMap<i64, Value>,
    stack_pointer: Reg,
    /// The last address in the function that was made: that of a table, if control goes by one.
    pub table: Option<u64>,
    /// The last number that something was compared with: how many entries that has.
    pub bound: Option<u64>,
    /// The stack pointer was compared with this value.
    pub compared: Option<Value>,
    /// So far above the stack pointer is the lowest place that was touched.
    pub untouched: i64,
    /// A place was touched, or the stack pointer moved, beyond what was touched by more than this, at most.
    pub reach: i64,
}

impl State {
    fn entry(machine: &Machine) -> State {
        let mut state = State {
            regs: (0..machine.registers).map(Value::Entry).collect(),
            slots: BTreeMap::new(),
            stack_pointer: machine.stack_pointer,
            table: None,
            bound: None,
            compared: None,
            untouched: 0,
            reach: 0,
        };
        let mut at = 0;
        if machine.pushed {
            at = -8;
            state.slots.insert(at, Value::Entry(machine.return_address));
        }
        state.regs[usize::from(machine.stack_pointer)] = Value::Frame(at);
        state
    }

    /// What a register holds.
    pub fn get(&self, reg: Reg) -> Value {
        self.regs[usize::from(reg)]
    }

    /// The stack pointer.
    pub fn sp(&self) -> Value {
        self.get(self.stack_pointer)
    }

    /// Writes a register.
    pub fn set(&mut self, reg: Reg, value: Value) {
        if reg == self.stack_pointer {
            // Where only one of both is known, it moves up: to the end of what a loop has touched, or back.
            if let (Value::Frame(old), Value::Frame(new)) = (self.sp(), value) {
                self.untouched = MOST.min(self.untouched + old - new);
                self.reach = self.reach.max(self.untouched);
            }
            // What is below may be overwritten by a signal.
            if let Value::Frame(new) = value {
                self.slots.retain(|&at, _| at >= new);
            }
        }
        self.regs[usize::from(reg)] = value;
    }

    /// Moves the stack pointer, wherever it is.
    pub fn move_sp(&mut self, by: i64) {
        if self.sp() == Value::Unknown {
            self.untouched = MOST.min(self.untouched - by);
            self.reach = self.reach.max(self.untouched);
        }
        self.set(self.stack_pointer, self.sp().plus(by));
    }

    /// The address of memory that is accessed at this distance from a register.
    pub fn access(&mut self, base: Reg, displacement: i64) -> Value {
        let address = self.get(base).plus(displacement);
        let above = match (address, self.sp()) {
            (Value::Frame(at), Value::Frame(sp)) => Some(at - sp),
            _ => (base == self.stack_pointer).then_some(displacement),
        };
        if let Some(above) = above {
            self.reach = self.reach.max(self.untouched - above);
            self.untouched = self.untouched.min(above);
        }
        address
    }

    /// A word in memory.
    pub fn load(&self, address: Value) -> Value {
        match address {
            Value::Frame(at) => self.slots.get(&at).copied().unwrap_or(Value::Unknown),
            _ => Value::Unknown,
        }
    }

    /// Writes so many bytes, of which the first eight are a word. What goes to a place that is not known goes
    /// to no slot: code has no address of these.
    pub fn store(&mut self, address: Value, size: i64, value: Value) {
        let Value::Frame(at) = address else { return };
        self.slots.retain(|&slot, _| slot + 8 <= at || at + size <= slot);
        if size >= 8 && value != Value::Unknown {
            self.slots.insert(at, value);
        }
    }

    /// A call returned: what is below the stack is lost, and all registers but those that are kept.
    pub fn called(&mut self, machine: &Machine) {
        for reg in 0..machine.registers {
            if !machine.kept.contains(&reg) && reg != self.stack_pointer {
                self.regs[usize::from(reg)] = Value::Unknown;
            }
        }
    }

    /// What the register held at the entry is still somewhere.
    pub fn has(&self, reg: Reg) -> bool {
        let is = |v: &Value| matches!(*v, Value::Entry(r) | Value::Low(r) if r == reg);
        is(&self.get(reg)) || self.slots.values().any(is)
    }

    /// Keeps what is known in the other one, too. Gives whether that changes anything.
    fn meet(&mut self, other: &State) -> bool {
        let before = self.clone();
        for (mine, theirs) in self.regs.iter_mut().zip(&other.regs) {
            if mine != theirs {
                *mine = Value::Unknown;
            }
        }
        self.slots.retain(|at, v| other.slots.get(at) == Some(v));
        let both = |a: Option<u64>, b| a.filter(|_| a == b);
        (self.table, self.bound) = (both(self.table, other.table), both(self.bound, other.bound));
        self.compared = self.compared.filter(|_| self.compared == other.compared);
        self.untouched = self.untouched.max(other.untouched);
        self.reach = self.reach.max(other.reach);
        before != *self
    }
}

/// The code of a program.
#[derive(Debug)]
pub struct Code<'a> {
    /// Where it begins.
    pub start: u64,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Start and end of the function.
    pub function: (u64, u64),
}

impl Code<'_> {
    /// The bytes from an address on.
    pub fn at(&self, address: u64) -> &[u8] {
        let from = address.checked_sub(self.start).and_then(|at| self.bytes.get(at as usize..));
        from.unwrap_or(&[])
    }

    /// The address is in the function.
    pub fn has(&self, address: u64) -> bool {
        (self.function.0..self.function.1).contains(&address)
    }

    /// A word of 32 bits.
    pub fn word(&self, address: u64) -> Option<u32> {
        Some(u32::from_le_bytes(self.at(address).get(..4)?.try_into().expect("four bytes")))
    }
}

/// A function that was followed: each of its instructions.
#[derive(Debug, Default)]
pub struct Followed {
    /// State before, and where it goes, by address.
    pub steps: BTreeMap<u64, (State, Flow)>,
}

impl Followed {
    /// The function may come back to its caller.
    pub fn returns(&self) -> bool {
        self.steps.values().any(|(_, flow)| *flow == Flow::Return)
    }
}

/// Follows a function. Errors name what this cannot do.
pub fn follow(machine: &Machine, code: &Code) -> Judged<Followed> {
    let mut followed = Followed::default();
    let mut work = vec![(code.function.0, State::entry(machine))];
    while let Some((at, state)) = work.pop() {
        if !code.has(at) {
            return Err(format!("{at:#x}: control leaves the function"));
        }
        let state = match followed.steps.get_mut(&at) {
            Some((known, _)) => {
                if !known.meet(&state) {
                    continue;
                }
                known.clone()
            }
            None => state,
        };
        let mut after = state.clone();
        let flow = (machine.step)(code, at, &mut after).map_err(|e| format!("{at:#x}: {e}"))?;
        followed.steps.insert(at, (state, flow));
        match flow {
            Flow::Next(next) => work.push((next, after)),
            Flow::Call(next) => {
                after.called(machine);
                work.push((next, after));
            }
            Flow::Jump(to) => work.push((to, after)),
            Flow::Branch(to, next) => {
                let mut on = after.clone();
                // Only loops of probes compare it: they go on until it is there.
                if let Some(bound @ Value::Frame(_)) = on.compared.take()
                    && to < at
                {
                    on.regs[usize::from(machine.stack_pointer)] = bound;
                }
                work.extend([(to, after), (next, on)]);
            }
            Flow::Table => {
                for to in table(code, &after).ok_or_else(|| format!("{at:#x}: a table of unknown size"))? {
                    work.push((to, after.clone()));
                }
            }
            Flow::Leave | Flow::Return | Flow::Stop => {}
        }
    }
    Ok(followed)
}

/// Where a table of distances from itself leads to.
fn table(code: &Code, state: &State) -> Option<Vec<u64>> {
    let (start, count) = (state.table?, state.bound?);
    let target = |i| Some(start.wrapping_add(i64::from(code.word(start + 4 * i)? as i32) as u64));
    (0..count.min(1 << 20)).map(target).collect()
}
