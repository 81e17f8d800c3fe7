//! The files of the repository, and its compiler.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Every file below a root that git knows or would add, relative to it and in order; without git (a source
/// archive) every file outside build folders.
pub fn files_of(root: &Path) -> Vec<String> {
    let out = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output();
    let mut list: Vec<String> = match out {
        Ok(out) if out.status.success() => {
            String::from_utf8_lossy(&out.stdout).lines().map(str::to_string).collect()
        }
        _ => walk(root),
    };
    list.retain(|f| root.join(f).is_file());
    list.sort();
    list.dedup();
    list
}

fn walk(root: &Path) -> Vec<String> {
    let mut result = Vec::new();
    let mut work = vec![PathBuf::new()];
    while let Some(dir) = work.pop() {
        for entry in fs::read_dir(root.join(&dir)).expect("readable folder").flatten() {
            let path = dir.join(entry.file_name());
            let name = entry.file_name();
            if entry.path().is_dir() {
                if name != "target" && name != ".git" {
                    work.push(path);
                }
            } else {
                result.push(path.to_string_lossy().into_owned());
            }
        }
    }
    result
}

/// Builds the compiler with the profile of this program, a tool of the repository; it is put into the folder above.
pub fn build_compiler() -> Result<PathBuf, String> {
    let me = std::env::current_exe().map_err(|e| e.to_string())?;
    let folder = me.parent().and_then(Path::parent).ok_or("this program is in no folder of cargo's")?;
    if let Some(cargo) = std::env::var_os("CARGO") {
        let profile = match folder.file_name().and_then(|n| n.to_str()) {
            Some("debug") | None => "dev",
            Some(name) => name,
        };
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.toml");
        let mut build = Command::new(cargo);
        build
            .args(["build", "--quiet", "--bin", "mochi", "--profile", profile, "--manifest-path"])
            .arg(manifest);
        let status = build.status().map_err(|e| format!("cargo: {e}"))?;
        if !status.success() {
            return Err("the compiler does not build".into());
        }
    }
    Ok(folder.join("mochi"))
}
