//! Benchmark programs: folders `NAME` with `NAME.mochi` and perhaps `NAME.c` and `NAME.go`, which do the same work
//! with the same algorithm and print the same.
//!
//! How much work is one line in each (`let N = 20`, `#define N 20`, `const N = 20`), which is rewritten to the size
//! that is wanted. The values are in the first line of the Mochi program:
//!
//! ```text
//! // bench: small=20 vm=31 full=42
//! ```

use std::fs;
use std::path::{Path, PathBuf};

/// A language that such a program is written in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Language {
    /// Ours.
    Mochi,
    /// What others are compared with.
    C,
    /// Another one with a collector.
    Go,
}

impl Language {
    /// How names of its files end.
    pub fn extension(self) -> &'static str {
        match self {
            Language::Mochi => "mochi",
            Language::C => "c",
            Language::Go => "go",
        }
    }

    /// What the line with the size starts with.
    fn size_line(self) -> &'static str {
        match self {
            Language::Mochi => "let N = ",
            Language::C => "#define N ",
            Language::Go => "const N = ",
        }
    }
}

/// A program of such a folder.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// Its name.
    pub name: String,
    /// Its files, without their extensions.
    path: PathBuf,
}

impl Kernel {
    /// The file in a language, which need not exist.
    pub fn file(&self, language: Language) -> PathBuf {
        self.path.with_extension(language.extension())
    }

    /// The value that the first line of the Mochi program gives to a size (`small`, `vm`, `full`).
    pub fn value(&self, size: &str) -> Result<String, String> {
        let first = read(&self.file(Language::Mochi))?.lines().next().unwrap_or("").to_string();
        let found = first.split_whitespace().find_map(|word| word.strip_prefix(size)?.strip_prefix('='));
        found.map(str::to_string).ok_or(format!("{}: no `{size}=N` in its first line", self.name))
    }

    /// The program in a language, with a size; none when it is not written in it.
    pub fn source(&self, language: Language, size: &str) -> Result<Option<String>, String> {
        let file = self.file(language);
        if !file.is_file() {
            return Ok(None);
        }
        let text = resized(&read(&file)?, language.size_line(), &self.value(size)?);
        text.map(Some).map_err(|e| format!("{}: {e}", file.display()))
    }
}

/// The programs in a folder, in order of name.
pub fn kernels(folder: &Path) -> Result<Vec<Kernel>, String> {
    let entries = fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut names: Vec<String> =
        entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    let kernels: Vec<Kernel> = names
        .into_iter()
        .map(|name| Kernel { path: folder.join(&name).join(&name), name })
        .filter(|kernel| kernel.file(Language::Mochi).is_file())
        .collect();
    if kernels.is_empty() { Err(format!("no kernels in {}", folder.display())) } else { Ok(kernels) }
}

fn read(path: &Path) -> Result<String, String> {
    let bytes = fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A program with another value in the only line that starts so.
fn resized(text: &str, start: &str, value: &str) -> Result<String, String> {
    let mut count = 0;
    let line = |line: &str| {
        let found = line.starts_with(start);
        count += usize::from(found);
        if found { format!("{start}{value}\n") } else { format!("{line}\n") }
    };
    let resized: String = text.lines().map(line).collect();
    if count == 1 { Ok(resized) } else { Err(format!("{count} lines `{start}...`, not one")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_with_the_size_is_rewritten_and_no_other() {
        let text = "let Nx = 1\n  let N = 2\nlet N = 3\nprint(N)";
        assert_eq!(
            resized(text, "let N = ", "70").as_deref(),
            Ok("let Nx = 1\n  let N = 2\nlet N = 70\nprint(N)\n")
        );
        assert_eq!(resized("print(1)", "let N = ", "7"), Err("0 lines `let N = ...`, not one".into()));
        assert!(resized("let N = 1\nlet N = 2", "let N = ", "7").is_err());
    }

    #[test]
    fn sizes_and_programs_are_found() {
        let scratch = crate::Scratch::new("kernels");
        fs::create_dir(scratch.path("sum")).expect("a folder");
        fs::create_dir(scratch.path("no")).expect("a folder");
        scratch.write("sum/sum.mochi", "// bench: small=2 vm=30 full=4_000\nlet N = 2\nprint(N)\n");
        scratch.write("sum/sum.c", "#define N 2\n");
        let all = kernels(&scratch.0).expect("one kernel");
        let [sum] = &all[..] else { panic!("{all:?}") };
        assert_eq!((sum.name.as_str(), sum.value("full").as_deref()), ("sum", Ok("4_000")));
        assert_eq!(sum.value("fu"), Err("sum: no `fu=N` in its first line".into()));
        assert_eq!(sum.source(Language::C, "vm"), Ok(Some("#define N 30\n".into())));
        assert_eq!(sum.source(Language::Go, "vm"), Ok(None));
        assert!(kernels(&scratch.path("no")).is_err());
    }
}
