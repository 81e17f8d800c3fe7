//! `mochi run`: executes a finished program from memory.

use crate::error::Error;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

/// Runs a program to its end, and gives its status. Where the system lets a file be executed that is only in
/// memory, this process becomes the program, and this returns only when that fails.
pub fn execute(image: &[u8], name: &Path, args: &[OsString]) -> Result<u8, Error> {
    // Without memory files, or a /proc to name them by, a file in some folder has to do.
    #[cfg(target_os = "linux")]
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
fn from_folder(image: &[u8], name: &Path, args: &[OsString]) -> io::Result<u8> {
    let start = |folder: PathBuf| -> io::Result<_> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".mochi-").suffix(std::env::consts::EXE_SUFFIX);
        allow_execution(&mut builder);
        let mut file = builder.tempfile_in(folder)?;
        file.write_all(image)?;
        // A file that is open for writing cannot be executed.
        let path = file.into_temp_path();
        let mut command = Command::new(&path);
        set_name(&mut command, name);
        let child = command.args(args).spawn()?;
        Ok((child, path))
    };
    let (mut child, path) = start(std::env::temp_dir()).or_else(|_| start(".".into()))?;
    let status = child.wait()?;
    drop(path);
    Ok(status.code().or_else(|| by_signal(status)).unwrap_or(1) as u8)
}

#[cfg(unix)]
fn allow_execution(builder: &mut tempfile::Builder) {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(std::fs::Permissions::from_mode(0o700));
}

/// Every file may be executed here.
#[cfg(not(unix))]
fn allow_execution(_: &mut tempfile::Builder) {}

/// The program sees the name of its source.
#[cfg(unix)]
fn set_name(command: &mut Command, name: &Path) {
    use std::os::unix::process::CommandExt;
    command.arg0(name);
}

/// The program sees the name of its file.
#[cfg(not(unix))]
fn set_name(_: &mut Command, _: &Path) {}

/// An end by a signal is told as shells do.
#[cfg(unix)]
fn by_signal(status: ExitStatus) -> Option<i32> {
    use std::os::unix::process::ExitStatusExt;
    status.signal().map(|n| 128 + n)
}

/// There are no signals.
#[cfg(not(unix))]
fn by_signal(_: ExitStatus) -> Option<i32> {
    None
}
