//! `mochi run`: executes a finished program from memory.

use crate::error::Error;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs a program to its end, and gives its status. Where the system lets a file be executed that is only in
/// memory, this process becomes the program, and this returns only when that fails.
pub fn execute(image: &[u8], name: &Path, args: &[OsString]) -> Result<u8, Error> {
    // Without memory files, or a /proc to name them by, a file in some folder has to do.
    let _ = from_memory(image, name, args);
    from_folder(image, name, args).map_err(Error::Start)
}

/// The file lives in memory (`memfd_create(2)`), has no name, and is gone when the program ends.
#[cfg(target_os = "linux")]
fn from_memory(image: &[u8], name: &Path, args: &[OsString]) -> io::Error {
    use rustix::fs::{MemfdFlags, memfd_create};
    use std::os::fd::AsRawFd;
    use std::os::unix::process::CommandExt;

    let open = || -> io::Result<std::fs::File> {
        let mut file = std::fs::File::from(memfd_create("mochi", MemfdFlags::CLOEXEC)?);
        file.write_all(image)?;
        Ok(file)
    };
    match open() {
        // The file is open until here, and closed by its flag once the program is loaded.
        Ok(file) => Command::new(format!("/proc/self/fd/{}", file.as_raw_fd())).arg0(name).args(args).exec(),
        Err(error) => error,
    }
}

/// A temporary file that is removed when the program has ended, in the first folder that takes it.
#[cfg(target_os = "linux")]
fn from_folder(image: &[u8], name: &Path, args: &[OsString]) -> io::Result<u8> {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::{CommandExt, ExitStatusExt};

    let start = |folder: PathBuf| -> io::Result<_> {
        let mode = Permissions::from_mode(0o700);
        let mut file = tempfile::Builder::new().prefix(".mochi-").permissions(mode).tempfile_in(folder)?;
        file.write_all(image)?;
        // A file that is open for writing cannot be executed.
        let path = file.into_temp_path();
        let child = Command::new(&path).arg0(name).args(args).spawn()?;
        Ok((child, path))
    };
    let (mut child, path) = start(std::env::temp_dir()).or_else(|_| start(".".into()))?;
    let status = child.wait()?;
    drop(path);
    // An end by a signal is told as shells do.
    Ok(status.code().or(status.signal().map(|n| 128 + n)).unwrap_or(1) as u8)
}
