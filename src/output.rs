//! Writes output files: an existing file is replaced only by a complete new one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Symbolic links that are followed, as many as the system follows.
const MAX_LINKS: usize = 40;

/// Writes `bytes` to `path` by way of a temporary file in the same folder and a rename, so that
/// a failure at any point leaves what was there before. Where the system has files without names, the
/// temporary one gets its name when it is complete: whatever ends this process leaves nothing. Special files
/// (`/dev/null`, pipes) are written in place. A file that was there passes its permissions on.
pub fn write(path: &Path, bytes: &[u8], executable: bool) -> io::Result<()> {
    let (given, path) = (path, &resolve(path)?);
    let old = fs::metadata(given).ok();
    match &old {
        Some(m) if m.is_dir() => return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a directory")),
        // Links of `/proc` to open files say what they lead to, not where it is.
        Some(m) if !m.is_file() || !is_same(path, m) => {
            return OpenOptions::new().write(true).truncate(m.is_file()).open(given)?.write_all(bytes);
        }
        _ => {}
    }
    let folder = path.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        let message = format!("there is no folder {}", folder.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, message));
    }
    check_size(bytes.len())?;
    let fill = |mut file: &File| {
        file.write_all(bytes)?;
        set_permissions(file, old.as_ref().map(|m| m.permissions()), executable)
    };
    // A named temporary file is removed when it is dropped before the rename.
    if let Some(file) = unnamed(folder) {
        fill(&file)?;
        if old.is_none() && give_name(&file, path).is_ok() {
            return Ok(());
        }
        if let Ok(named) = temporary().make_in(folder, |name| give_name(&file, name)) {
            return named.persist(path).map_err(|e| e.error);
        }
    }
    let file = temporary().tempfile_in(folder)?;
    fill(file.as_file())?;
    file.persist(path).map_err(|e| e.error)?;
    Ok(())
}

/// A file without a name, where the folder's file system has such.
#[cfg(target_os = "linux")]
fn unnamed(folder: &Path) -> Option<File> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    rustix::fs::open(folder, flags, Mode::from_raw_mode(0o666)).ok().map(File::from)
}

/// Fails where `/proc` is not there.
#[cfg(target_os = "linux")]
fn give_name(file: &File, name: &Path) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD};
    use std::os::fd::AsRawFd;
    let open = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(rustix::fs::linkat(CWD, open, CWD, name, AtFlags::SYMLINK_FOLLOW)?)
}

#[cfg(not(target_os = "linux"))]
fn unnamed(_: &Path) -> Option<File> {
    None
}

#[cfg(not(target_os = "linux"))]
fn give_name(_: &File, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// What a symbolic link leads to, there or not: that is written, not the link.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_path_buf();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&path) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

/// Whether a path leads to a file.
#[cfg(unix)]
pub fn is_same(path: &Path, file: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).is_ok_and(|m| (m.dev(), m.ino()) == (file.dev(), file.ino()))
}

#[cfg(not(unix))]
fn is_same(_: &Path, _: &fs::Metadata) -> bool {
    true
}

/// A file of more bytes than the process may write would end it by a signal, and the temporary file stay.
#[cfg(target_os = "linux")]
fn check_size(bytes: usize) -> io::Result<()> {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Fsize).current;
    match limit {
        Some(limit) if bytes as u64 > limit => Err(io::ErrorKind::FileTooLarge.into()),
        _ => Ok(()),
    }
}

#[cfg(not(target_os = "linux"))]
fn check_size(_: usize) -> io::Result<()> {
    Ok(())
}

/// How temporary files are named and made: new files' permissions are the process's usual ones.
#[cfg(unix)]
fn temporary() -> tempfile::Builder<'static, 'static> {
    use std::os::unix::fs::PermissionsExt;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".mochi-").permissions(fs::Permissions::from_mode(0o666));
    builder
}

#[cfg(not(unix))]
fn temporary() -> tempfile::Builder<'static, 'static> {
    tempfile::Builder::new()
}

#[cfg(unix)]
fn set_permissions(file: &File, old: Option<fs::Permissions>, executable: bool) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let new = file.metadata()?.permissions();
    let mut mode = old.map_or(new.mode(), |old| old.mode()) & 0o777;
    if executable {
        // By whoever may read it, as linkers do.
        mode |= (mode & 0o444) >> 2;
    }
    if mode == new.mode() & 0o777 { Ok(()) } else { file.set_permissions(fs::Permissions::from_mode(mode)) }
}

#[cfg(not(unix))]
fn set_permissions(_: &File, _: Option<fs::Permissions>, _: bool) -> io::Result<()> {
    Ok(())
}
