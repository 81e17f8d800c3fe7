//! `mochi run`: executes a finished program from memory.

use crate::error::Error;
use std::convert::Infallible;
use std::ffi::OsString;
use std::path::Path;

/// Replaces this process by the program. Returns only when that fails.
///
/// The file lives in memory (`memfd_create(2)`), has no name, and is gone when the program ends.
#[cfg(target_os = "linux")]
pub fn execute(image: &[u8], name: &Path, args: &[OsString]) -> Result<Infallible, Error> {
    use rustix::fs::{MemfdFlags, memfd_create};
    use std::io::Write;
    use std::os::fd::AsRawFd;
    use std::os::unix::process::CommandExt;

    let open = || -> std::io::Result<std::fs::File> {
        let mut file = std::fs::File::from(memfd_create("mochi", MemfdFlags::CLOEXEC)?);
        file.write_all(image)?;
        Ok(file)
    };
    let file = open().map_err(Error::Start)?;
    let mut command = std::process::Command::new(format!("/proc/self/fd/{}", file.as_raw_fd()));
    command.arg0(name).args(args);
    // The file is open until here, and closed by its flag once the program is loaded.
    let error = command.exec();
    drop(file);
    Err(Error::Start(error))
}
