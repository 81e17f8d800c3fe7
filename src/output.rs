//! Writes output files: an existing file is replaced only by a complete new one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes `bytes` to `path` by way of a temporary file in the same folder and a rename, so that
/// a failure at any point leaves what was there before. Special files (`/dev/null`, pipes) are
/// written in place.
pub fn write(path: &Path, bytes: &[u8], executable: bool) -> io::Result<()> {
    // What a symbolic link points to is replaced, not the link.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    match fs::metadata(&path) {
        Ok(m) if m.is_dir() => return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a directory")),
        Ok(m) if !m.is_file() => return OpenOptions::new().write(true).open(&path)?.write_all(bytes),
        _ => {}
    }
    let (temporary, mut file) = create_beside(&path)?;
    let done = file
        .write_all(bytes)
        .and_then(|()| if executable { make_executable(&file) } else { Ok(()) })
        .and_then(|()| fs::rename(&temporary, &path));
    if done.is_err() {
        // The error that matters is the first one.
        let _ = fs::remove_file(&temporary);
    }
    done
}

/// Creates a new file in the folder of `path`.
fn create_beside(path: &Path) -> io::Result<(PathBuf, File)> {
    let name =
        path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not a file name"))?;
    for k in 0u32.. {
        let mut temporary = std::ffi::OsString::from(".");
        temporary.push(name);
        temporary.push(format!(".{}.{k}", std::process::id()));
        let temporary = path.with_file_name(temporary);
        match OpenOptions::new().write(true).create_new(true).open(&temporary) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(e) => return Err(e),
            Ok(file) => return Ok((temporary, file)),
        }
    }
    unreachable!("some name is free")
}

#[cfg(unix)]
fn make_executable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mut mode = file.metadata()?.permissions();
    // Executable by whoever may read it, as linkers do.
    mode.set_mode(mode.mode() | (mode.mode() & 0o444) >> 2);
    file.set_permissions(mode)
}

#[cfg(not(unix))]
fn make_executable(_: &File) -> io::Result<()> {
    Ok(())
}
