//! An engine for WebAssembly in this process: the wasmi interpreter with as much of WASI preview 1 as
//! the runtime imports, and nothing else of this machine: arguments, input, environment and limits are given,
//! output is returned. Clocks start at 0 and move when they are read, random numbers are always the
//! same.
//!
//! A trap ends a program as a signal does elsewhere; its text is added to standard error.

use crate::process::{End, Outcome};
use std::time::{Duration, Instant};
use wasmi::{
    Caller, CompilationMode, Config, Engine, Error, Extern, Func, Linker, Memory, Module, ResumableCall,
    Store, StoreLimits, StoreLimitsBuilder,
};

const MODULE: &str = "wasi_snapshot_preview1";

/// Fuel (about instructions) between looks at the clock.
const FUEL: u64 = 20_000_000;

/// The signal that stands for a trap: SIGTRAP.
const TRAP: i32 = 5;

/// Error numbers.
const SUCCESS: i32 = 0;
const BADF: i32 = 8;
const FAULT: i32 = 21;

/// What a program is given.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// Arguments, without the program's name.
    pub args: &'a [String],
    /// Standard input.
    pub stdin: &'a [u8],
    /// All environment variables.
    pub env: &'a [(&'a str, &'a str)],
    /// Time it may take.
    pub time: Duration,
    /// Bytes that its memory may grow to.
    pub memory: usize,
}

/// The state of a program's host.
struct Host {
    stdin: Vec<u8>,
    stdin_at: usize,
    output: [Vec<u8>; 2],
    /// The program's name and its arguments, each with its end.
    args: Vec<Vec<u8>>,
    /// Entries of the environment, each with its end.
    env: Vec<Vec<u8>>,
    nanoseconds: u64,
    limits: StoreLimits,
}

/// Runs a module to its end. Fails when it is not a module, or imports what is not here.
pub fn run(module: &[u8], options: &Options) -> Result<Outcome, Error> {
    let mut config = Config::default();
    config.consume_fuel(true);
    // Lazily it would use fuel, too, and end the program when that is used up.
    config.compilation_mode(CompilationMode::Eager);
    // The stack of the language is what ends a recursion.
    config.set_max_recursion_depth(1 << 24);
    config.set_max_stack_height(1 << 30);
    let engine = Engine::new(&config);
    let module = Module::new(&engine, module)?;
    let host = Host {
        stdin: options.stdin.to_vec(),
        stdin_at: 0,
        output: [Vec::new(), Vec::new()],
        args: arguments(options.args),
        env: environment(options.env),
        nanoseconds: 0,
        limits: StoreLimitsBuilder::new().memory_size(options.memory).build(),
    };
    let mut store = Store::new(&engine, host);
    store.limiter(|host| &mut host.limits);
    store.set_fuel(FUEL)?;
    let instance = linker(&engine)?.instantiate_and_start(&mut store, &module)?;
    let start = instance.get_func(&store, "_start").ok_or_else(|| Error::new("no `_start`"))?;
    let ended = call(&mut store, start, Instant::now() + options.time);
    let [stdout, mut stderr] = store.into_data().output;
    let end = match ended {
        Ok(end) => end,
        Err(e) => e.i32_exit_status().map(End::Status).unwrap_or_else(|| {
            stderr.extend(format!("trap: {e}\n").bytes());
            End::Signal(TRAP)
        }),
    };
    Ok(Outcome { end, stdout, stderr })
}

/// The program's name and its arguments.
fn arguments(args: &[String]) -> Vec<Vec<u8>> {
    let all = ["program"].into_iter().chain(args.iter().map(String::as_str));
    all.map(|arg| format!("{arg}\0").into_bytes()).collect()
}

/// Of variables with one name the last holds, as in a process.
fn environment(env: &[(&str, &str)]) -> Vec<Vec<u8>> {
    let last: std::collections::BTreeMap<_, _> = env.iter().copied().collect();
    last.iter().map(|(name, value)| format!("{name}={value}\0").into_bytes()).collect()
}

fn call(store: &mut Store<Host>, start: Func, deadline: Instant) -> Result<End, Error> {
    let mut state = start.call_resumable(&mut *store, &[], &mut [])?;
    loop {
        state = match state {
            ResumableCall::Finished => return Ok(End::Status(0)),
            ResumableCall::HostTrap(trap) => return Err(trap.into_host_error()),
            ResumableCall::OutOfFuel(_) if Instant::now() > deadline => return Ok(End::Timeout),
            ResumableCall::OutOfFuel(call) => {
                store.set_fuel(FUEL.max(call.required_fuel()))?;
                call.resume(&mut *store, &mut [])?
            }
        }
    }
}

fn memory(caller: &Caller<Host>) -> Result<Memory, Error> {
    let memory = caller.get_export("memory").and_then(Extern::into_memory);
    memory.ok_or_else(|| Error::new("no `memory`"))
}

/// Texts of the host: arguments or environment.
type Texts = fn(&Host) -> &Vec<Vec<u8>>;

/// A call of the host: linear memory, and the host's state.
struct Access<'a> {
    memory: &'a mut [u8],
    host: &'a mut Host,
}

impl Access<'_> {
    fn slice(&mut self, at: i32, size: usize) -> Option<&mut [u8]> {
        let at = at as u32 as usize;
        self.memory.get_mut(at..at.checked_add(size)?)
    }

    fn load(&mut self, at: i32) -> Option<i32> {
        Some(i32::from_le_bytes(self.slice(at, 4)?.try_into().ok()?))
    }

    fn store(&mut self, at: i32, bytes: &[u8]) -> Option<()> {
        self.slice(at, bytes.len())?.copy_from_slice(bytes);
        Some(())
    }

    /// The areas of `fd_read` and `fd_write`: address and size.
    fn areas(&mut self, at: i32, count: i32) -> Option<Vec<(i32, usize)>> {
        (0..count)
            .map(|i| Some((self.load(at + i * 8)?, self.load(at + i * 8 + 4)? as u32 as usize)))
            .collect()
    }

    fn write(&mut self, fd: i32, areas: i32, count: i32, done: i32) -> Option<i32> {
        let (1 | 2) = fd else { return Some(BADF) };
        let mut written = 0;
        for (at, size) in self.areas(areas, count)? {
            let bytes = self.slice(at, size)?.to_vec();
            self.host.output[fd as usize - 1].extend(bytes);
            written += size as u32;
        }
        self.store(done, &written.to_le_bytes())?;
        Some(SUCCESS)
    }

    fn read(&mut self, fd: i32, areas: i32, count: i32, done: i32) -> Option<i32> {
        if fd != 0 {
            return Some(BADF);
        }
        let mut read = 0;
        for (at, size) in self.areas(areas, count)? {
            let from = self.host.stdin_at;
            let to = self.host.stdin.len().min(from + size);
            let bytes = self.host.stdin[from..to].to_vec();
            self.store(at, &bytes)?;
            self.host.stdin_at = to;
            read += bytes.len() as u32;
        }
        self.store(done, &read.to_le_bytes())?;
        Some(SUCCESS)
    }

    /// Gives texts: their addresses, and what stands there.
    fn texts(&mut self, of: Texts, entries: i32, text: i32) -> Option<i32> {
        let mut at = text;
        for (i, entry) in of(self.host).clone().iter().enumerate() {
            self.store(entries + i as i32 * 4, &at.to_le_bytes())?;
            self.store(at, entry)?;
            at += entry.len() as i32;
        }
        Some(SUCCESS)
    }

    /// The number of texts and the size of all.
    fn sizes(&mut self, of: Texts, count: i32, size: i32) -> Option<i32> {
        let bytes: usize = of(self.host).iter().map(Vec::len).sum();
        self.store(count, &(of(self.host).len() as u32).to_le_bytes())?;
        self.store(size, &(bytes as u32).to_le_bytes())?;
        Some(SUCCESS)
    }

    /// A regular file that cannot be anything: programs do not take it for a terminal.
    fn stat(&mut self, fd: i32, at: i32) -> Option<i32> {
        let (0..=2) = fd else { return Some(BADF) };
        let mut stat = [0; 24];
        stat[0] = 4;
        self.store(at, &stat)?;
        Some(SUCCESS)
    }

    fn time(&mut self, at: i32) -> Option<i32> {
        self.host.nanoseconds += 1_000_000;
        let now = self.host.nanoseconds;
        self.store(at, &now.to_le_bytes())?;
        Some(SUCCESS)
    }

    fn random(&mut self, at: i32, size: i32) -> Option<i32> {
        let area = self.slice(at, size as u32 as usize)?;
        area.iter_mut().enumerate().for_each(|(i, b)| *b = (i as u8).wrapping_mul(151) ^ 0x5A);
        Some(SUCCESS)
    }
}

/// Calls a function of the host; what it finds outside the memory is an error of the program.
fn host(mut caller: Caller<Host>, f: impl FnOnce(&mut Access) -> Option<i32>) -> Result<i32, Error> {
    let memory = memory(&caller)?;
    let (memory, host) = memory.data_and_store_mut(&mut caller);
    Ok(f(&mut Access { memory, host }).unwrap_or(FAULT))
}

fn linker(engine: &Engine) -> Result<Linker<Host>, Error> {
    type C<'a> = Caller<'a, Host>;
    let mut l = Linker::new(engine);
    l.func_wrap(MODULE, "fd_write", |c: C<'_>, fd: i32, areas: i32, count: i32, done: i32| {
        host(c, |a| a.write(fd, areas, count, done))
    })?;
    l.func_wrap(MODULE, "fd_read", |c: C<'_>, fd: i32, areas: i32, count: i32, done: i32| {
        host(c, |a| a.read(fd, areas, count, done))
    })?;
    l.func_wrap(MODULE, "fd_fdstat_get", |c: C<'_>, fd: i32, at: i32| host(c, |a| a.stat(fd, at)))?;
    let texts: [(&str, &str, Texts); 2] =
        [("args_get", "args_sizes_get", |h| &h.args), ("environ_get", "environ_sizes_get", |h| &h.env)];
    for (get, sizes, of) in texts {
        l.func_wrap(MODULE, get, move |c: C<'_>, entries: i32, text: i32| {
            host(c, |a| a.texts(of, entries, text))
        })?;
        l.func_wrap(MODULE, sizes, move |c: C<'_>, count: i32, size: i32| {
            host(c, |a| a.sizes(of, count, size))
        })?;
    }
    l.func_wrap(MODULE, "clock_time_get", |c: C<'_>, _clock: i32, _precision: i64, at: i32| {
        host(c, |a| a.time(at))
    })?;
    l.func_wrap(MODULE, "random_get", |c: C<'_>, at: i32, size: i32| host(c, |a| a.random(at, size)))?;
    // Output never has to wait.
    l.func_wrap(MODULE, "poll_oneoff", |_: C<'_>, _: i32, _: i32, _: i32, _: i32| SUCCESS)?;
    l.func_wrap(MODULE, "proc_exit", |status: i32| -> Result<(), Error> { Err(Error::i32_exit(status)) })?;
    Ok(l)
}
