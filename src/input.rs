//! Reads source text, from a file or standard input.

use crate::cli::Input;
use crate::error::Error;
#[cfg(unix)]
use crate::output::is_same;
use mochi::pipeline::Source;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Whether a path means standard input.
pub fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn open(path: &Path) -> io::Result<File> {
    if is_stdin(path) { stdin() } else { File::open(path) }
}

#[cfg(unix)]
fn stdin() -> io::Result<File> {
    use std::os::fd::AsFd;
    Ok(File::from(io::stdin().as_fd().try_clone_to_owned()?))
}

#[cfg(windows)]
fn stdin() -> io::Result<File> {
    use std::os::windows::io::AsHandle;
    Ok(File::from(io::stdin().as_handle().try_clone_to_owned()?))
}

/// Whether writing to a path would replace the source, by whatever names.
#[cfg(unix)]
pub fn is_source(input: &Input, output: &Path) -> bool {
    // Opening a pipe would take it from whoever reads it.
    let file = &input.file;
    let source = if is_stdin(file) { stdin().and_then(|f| f.metadata()) } else { std::fs::metadata(file) };
    source.is_ok_and(|source| source.is_file() && is_same(output, &source))
}

/// Whether writing to a path would replace the source, by whatever names.
#[cfg(not(unix))]
pub fn is_source(input: &Input, output: &Path) -> bool {
    let source = std::fs::canonicalize(&input.file);
    matches!((source, std::fs::canonicalize(output)), (Ok(a), Ok(b)) if a == b)
}

/// Reads the program. In messages the file has the name the user gave.
pub fn read(input: &Input) -> Result<Source, Error> {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = open(&input.file)?;
        if file.metadata()?.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a folder, not a source file"));
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|e| Error::Read(input.file.clone(), e))?;
    Ok(Source::new(&input.file.to_string_lossy(), bytes))
}
