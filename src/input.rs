//! Reads source text, from a file or standard input.

use crate::cli::Input;
use crate::error::Error;
use mochi::pipeline::Source;
use std::io::Read;
use std::path::Path;

/// Whether a path means standard input.
pub fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Reads the program. In messages the file has the name the user gave.
pub fn read(input: &Input) -> Result<Source, Error> {
    let mut bytes = Vec::new();
    let done = if is_stdin(&input.file) {
        std::io::stdin().lock().read_to_end(&mut bytes).map(|_| ())
    } else {
        std::fs::read(&input.file).map(|b| bytes = b)
    };
    done.map_err(|e| Error::Read(input.file.clone(), e))?;
    Ok(Source::new(&input.file.to_string_lossy(), bytes))
}
