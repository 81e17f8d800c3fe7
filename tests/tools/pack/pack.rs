//! The folder: `programs`, `given` (standard input) and `expected` by the names of the golden programs, and the
//! script.

use mochi_objwrite::{Os, Target};
use mochi_testkit::{Golden, output, parallel, text, threads};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is packed.
pub struct Pack<'a> {
    /// The compiler.
    pub compiler: &'a Path,
    /// For which target.
    pub target: Target,
    /// Options of `mochi build`.
    pub options: &'a [String],
    /// The programs, with the files beside them.
    pub programs: &'a [PathBuf],
}

/// Why there is no folder.
#[derive(Debug)]
pub enum PackError {
    /// A file that cannot be written.
    File(PathBuf, io::Error),
    /// A program that does not compile, and what the compiler said.
    Build(PathBuf, String),
}

impl fmt::Display for PackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PackError::File(path, e) => write!(f, "{}: {e}", path.display()),
            PackError::Build(path, said) => write!(f, "{}: {said}", path.display()),
        }
    }
}

/// The scripts, in which a line `CASES` stands for the programs: on Windows, elsewhere.
const SCRIPTS: [(&str, &str); 2] = [("run.ps1", include_str!("run.ps1")), ("run.sh", include_str!("run.sh"))];

impl Pack<'_> {
    /// Writes the folder, which must not exist.
    pub fn write(&self, folder: &Path) -> Result<(), PackError> {
        let failed = |path: &Path, e| PackError::File(path.to_path_buf(), e);
        fs::create_dir(folder).map_err(|e| failed(folder, e))?;
        for part in ["programs", "given", "expected"] {
            fs::create_dir(folder.join(part)).map_err(|e| failed(folder, e))?;
        }
        let windows = self.target.os == Os::Windows;
        let cases = parallel(threads(), self.programs, |program| {
            let name = program.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let exe =
                folder.join("programs").join(if windows { format!("{name}.exe") } else { name.clone() });
            self.build(program, &exe)?;
            let golden = Golden::beside(program);
            let files = [
                ("given", name.clone(), &golden.stdin),
                ("expected", format!("{name}.out"), &golden.stdout),
                ("expected", format!("{name}.err"), &golden.stderr),
            ];
            for (part, file, bytes) in files {
                let path = folder.join(part).join(file);
                fs::write(&path, bytes).map_err(|e| failed(&path, e))?;
            }
            Ok(if windows { powershell(&name, &golden) } else { shell(&name, &golden) })
        });
        let cases: Vec<String> = cases.into_iter().collect::<Result<_, PackError>>()?;
        let (name, script) = SCRIPTS[usize::from(!windows)];
        let text = script.replace("CASES\n", &cases.concat());
        let path = folder.join(name);
        fs::write(&path, text).map_err(|e| failed(&path, e))
    }

    fn build(&self, program: &Path, exe: &Path) -> Result<(), PackError> {
        let mut build = Command::new(self.compiler);
        build.arg("build").arg(program).args(["--target", self.target.short]).args(self.options);
        let built = output(build.arg("-o").arg(exe));
        if built.status.success() {
            return Ok(());
        }
        Err(PackError::Build(program.to_path_buf(), text(&built.stderr)))
    }
}

/// A call of the script's function: a name, a status, a command.
fn shell(name: &str, golden: &Golden) -> String {
    let quoted = |word: &str| format!(" '{}'", word.replace('\'', "'\\''"));
    let variables: String =
        golden.env.iter().map(|(name, value)| quoted(&format!("{name}={value}"))).collect();
    let env = if variables.is_empty() { String::new() } else { format!(" env{variables}") };
    let args: String = golden.args.iter().map(|arg| quoted(arg)).collect();
    format!("    check {name} {}{env} ./programs/{name}{args}\n", golden.status)
}

/// A call of the script's function: a name, a status, the arguments in a line, variables.
fn powershell(name: &str, golden: &Golden) -> String {
    // All of these end a text of PowerShell, and two of them stand for one.
    let quote = |c: char| matches!(c, '\'' | '\u{2018}' | '\u{2019}' | '\u{201A}' | '\u{201B}');
    let text = |word: &str| {
        let doubled = word.chars().flat_map(|c| std::iter::repeat_n(c, 1 + usize::from(quote(c))));
        format!("'{}'", doubled.collect::<String>())
    };
    let variables: Vec<String> =
        golden.env.iter().map(|(name, value)| format!("{} = {}", text(name), text(value))).collect();
    let args: Vec<String> = golden.args.iter().map(|arg| windows_argument(arg)).collect();
    let (args, variables) = (text(&args.join(" ")), variables.join("; "));
    format!("Check {} {} {args} @{{ {variables} }}\n", text(name), golden.status)
}

/// An argument as the rules for splitting want it (Microsoft, "Parsing C command-line arguments").
fn windows_argument(arg: &str) -> String {
    if !arg.is_empty() && !arg.contains([' ', '\t', '"']) {
        return arg.to_string();
    }
    let mut out = String::from("\"");
    let mut slashes = 0;
    for c in arg.chars() {
        if c == '"' {
            out.extend(std::iter::repeat_n('\\', slashes + 1));
        }
        slashes = if c == '\\' { slashes + 1 } else { 0 };
        out.push(c);
    }
    out.extend(std::iter::repeat_n('\\', slashes));
    out + "\""
}
