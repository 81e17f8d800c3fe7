//! Processes with time limits, and executables that tests write.
//!
//! Linux refuses to start a file that someone has open for writing, and a process that is being
//! started by another thread holds copies of all open files for a moment. So no process is started
//! while an executable is written: both go through one lock.

use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

/// Held for writing while an executable is written, for reading while a process starts.
static EXECUTABLES: RwLock<()> = RwLock::new(());

/// What is kept of an output at most; a program that prints more finds its pipe closed.
const OUTPUT_BYTES: u64 = 256 << 20;

/// Writes a file that can be executed.
pub fn write_executable(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let _nothing_starts = EXECUTABLES.write().unwrap_or_else(PoisonError::into_inner);
    std::fs::write(path, bytes)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// Starts a process.
pub fn spawn(command: &mut Command) -> io::Result<Child> {
    let _nothing_is_written = EXECUTABLES.read().unwrap_or_else(PoisonError::into_inner);
    command.spawn()
}

/// How a program ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// By itself, with this status.
    Status(i32),
    /// By this signal.
    Signal(i32),
    /// Not within the time it had.
    Timeout,
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            End::Status(n) => write!(f, "status {n}"),
            End::Signal(n) => write!(f, "signal {n}"),
            End::Timeout => f.write_str("no end in time"),
        }
    }
}

/// What a program did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

/// Runs a command with this input, and ends it when it takes longer than `time`.
pub fn run(command: &mut Command, stdin: &[u8], time: Duration) -> io::Result<Outcome> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = spawn(command)?;
    let (to, out, err) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // A program that does not read its input may have ended already.
            let _ = to.map(|mut pipe| pipe.write_all(stdin));
        });
        let stdout = scope.spawn(move || contents(out));
        let stderr = scope.spawn(move || contents(err));
        let end = wait(&mut child, time)?;
        let read = |reader: std::thread::ScopedJoinHandle<'_, io::Result<Vec<u8>>>| {
            reader.join().expect("reading does not panic")
        };
        Ok(Outcome { end, stdout: read(stdout)?, stderr: read(stderr)? })
    })
}

fn contents(pipe: Option<impl Read>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    pipe.map_or(Ok(0), |pipe| pipe.take(OUTPUT_BYTES).read_to_end(&mut bytes))?;
    Ok(bytes)
}

/// Waits for the end of a process, and ends it when it takes longer than `time`.
fn wait(child: &mut Child, time: Duration) -> io::Result<End> {
    let begin = Instant::now();
    let mut pause = Duration::from_micros(500);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(end(status));
        }
        if begin.elapsed() > time {
            // It may have ended just now.
            let _ = child.kill();
            child.wait()?;
            return Ok(End::Timeout);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

fn end(status: ExitStatus) -> End {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return End::Signal(signal);
    }
    End::Status(status.code().unwrap_or(-1))
}
