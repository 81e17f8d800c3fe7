//! Operational errors: what the system did wrong, with what we were doing.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a command could not be carried out, beside errors in the program (those are diagnostics).
#[derive(Debug)]
pub enum Error {
    /// The program has errors; they have been reported.
    Program,
    /// The command line makes no sense in a way that its grammar cannot say.
    Usage(String),
    /// A file could not be read.
    Read(PathBuf, io::Error),
    /// A file could not be written.
    Write(PathBuf, io::Error),
    /// There is no memory for the compiler's own stack.
    Stack(io::Error),
    /// The program could not be started (`mochi run`).
    Start(io::Error),
    /// The parts of the program could not be put together.
    Link(mochi_objwrite::link::LinkError),
}

impl Error {
    /// The exit status, as `--help` documents it.
    pub fn status(&self) -> u8 {
        match self {
            Error::Program => 1,
            Error::Usage(_) => 2,
            Error::Read(..) | Error::Write(..) | Error::Stack(_) | Error::Start(_) | Error::Link(_) => 3,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Program => f.write_str("the program has errors"),
            Error::Usage(message) => f.write_str(message),
            Error::Read(path, e) => write!(f, "cannot read {}: {e}", path.display()),
            Error::Write(path, e) => write!(f, "cannot write {}: {e}", path.display()),
            Error::Stack(e) => write!(f, "no memory for the stack of the compiler: {e}"),
            Error::Start(e) => write!(f, "cannot start the program: {e}"),
            Error::Link(e) => write!(f, "cannot link: {e}"),
        }
    }
}
