//! The operating system seen by interpreted programs: system calls by their Linux x86-64 numbers
//! (arch/x86/entry/syscalls/syscall_64.tbl), as far as the runtime uses them.

use super::memory::Memory;
use super::{Machine, Trap};
use std::ops::Range;

/// What answers system calls, and calls of functions that no module defines.
pub trait Host {
    /// Performs a system call. [`Trap::Exit`] ends the program.
    fn syscall(&mut self, memory: &mut Memory, number: i64, args: &[u64]) -> Result<i64, Trap>;

    /// Calls a function; gives its result, anything where it has none. `None` when the host has no
    /// function of this name.
    fn call(&mut self, _: &mut Memory, _: &str, _: &[u64], _: Visible) -> Option<Result<u64, Trap>> {
        None
    }
}

/// Where a collector looks for references: addresses of the simulated stack in use, and of data.
#[derive(Clone, Debug)]
pub struct Visible {
    /// The stack. It holds what [`crate::roots`] promises of each frame.
    pub stack: Range<u64>,
    /// Data with references.
    pub data: Range<u64>,
}

/// A closed Linux: input from a buffer, output to buffers, no files, no time.
#[derive(Default, Debug)]
pub struct Linux {
    /// What reading descriptor 0 gives.
    pub stdin: Vec<u8>,
    /// What was written to descriptor 1.
    pub stdout: Vec<u8>,
    /// What was written to descriptor 2.
    pub stderr: Vec<u8>,
    read: usize,
    clock: u64,
}

const EBADF: i64 = -9;
const EFAULT: i64 = -14;
const ENOSYS: i64 = -38;
const MAP_FIXED: u64 = 0x10;

impl Linux {
    fn write(&mut self, memory: &mut Memory, fd: u64, addr: u64, size: u64) -> i64 {
        let Ok(bytes) = memory.read(addr, size) else { return EFAULT };
        match fd {
            1 => self.stdout.extend_from_slice(&bytes),
            2 => self.stderr.extend_from_slice(&bytes),
            _ => return EBADF,
        }
        size as i64
    }

    fn read(&mut self, memory: &mut Memory, fd: u64, addr: u64, size: u64) -> i64 {
        if fd != 0 {
            return EBADF;
        }
        let n = (self.stdin.len() - self.read).min(size as usize);
        let bytes = &self.stdin[self.read..self.read + n];
        if memory.write(addr, bytes).is_err() {
            return EFAULT;
        }
        self.read += n;
        n as i64
    }

    fn mmap(memory: &mut Memory, addr: u64, size: u64, flags: u64) -> i64 {
        if flags & MAP_FIXED == 0 {
            return memory.map(size) as i64;
        }
        if !memory.is_mapped(addr) {
            memory.map_at(addr, size, true);
        } else if memory.fill(addr, 0, size).is_err() {
            return EFAULT;
        }
        addr as i64
    }
}

impl Machine<'_, '_, Linux> {
    /// Starts a program as the system does: calls the entry with the address of a block with these
    /// arguments, the program's name first, and this environment. Gives why it ended.
    pub fn start(&mut self, entry: &str, args: &[&str], env: &[&str]) -> Result<Option<u64>, Trap> {
        let base = self.memory.map(1 << 16);
        self.memory.store(base, 8, args.len() as u64)?;
        let (mut slot, mut at) = (base + 8, base + 4096);
        for texts in [args, env] {
            for text in texts {
                self.memory.store(slot, 8, at)?;
                self.memory.write(at, text.as_bytes())?;
                slot += 8;
                at += text.len() as u64 + 1;
            }
            // The end of the list.
            slot += 8;
        }
        self.call(entry, &[base])
    }
}

impl Host for Linux {
    fn syscall(&mut self, memory: &mut Memory, number: i64, args: &[u64]) -> Result<i64, Trap> {
        let arg = |i: usize| args.get(i).copied().unwrap_or(0);
        Ok(match number {
            0 => self.read(memory, arg(0), arg(1), arg(2)),
            1 => self.write(memory, arg(0), arg(1), arg(2)),
            9 => Linux::mmap(memory, arg(0), arg(1), arg(3)),
            11 => {
                memory.unmap(arg(0), arg(1));
                0
            }
            // mprotect, rt_sigaction, rt_sigprocmask, madvise, sigaltstack.
            10 | 13 | 14 | 28 | 131 => 0,
            60 | 231 => return Err(Trap::Exit(arg(0) as i32)),
            // clock_gettime: a clock that advances by a microsecond per look.
            228 => {
                self.clock += 1000;
                memory.store(arg(1), 8, self.clock / 1_000_000_000)?;
                memory.store(arg(1) + 8, 8, self.clock % 1_000_000_000)?;
                0
            }
            // getrandom: the same numbers every time.
            318 => {
                memory.fill(arg(0), 0x5a, arg(1))?;
                arg(1) as i64
            }
            _ => ENOSYS,
        })
    }
}
