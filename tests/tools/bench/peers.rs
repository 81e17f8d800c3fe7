//! Who builds the programs: our compilers, and others that are on the path.

use mochi_testkit::kernels::Language;
use mochi_testkit::{installed, output, text};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The peer that the others are compared with.
pub const BASE: &str = "gcc -O2";

/// A compiler of ours.
pub struct Mochi {
    /// Name in tables.
    pub name: String,
    /// The program.
    pub program: PathBuf,
}

/// A way to build a program.
pub struct Peer {
    /// Name in tables.
    pub name: String,
    /// What it says about itself.
    pub version: String,
    /// The language that it compiles.
    pub language: Language,
    program: PathBuf,
    /// Arguments before the output.
    args: &'static [&'static str],
}

/// Compilers of other people: program, arguments before the output, argument that asks for the version.
const OTHERS: [(&str, Language, &[&str], &str); 4] = [
    ("gcc", Language::C, &["-O2", "-o"], "--version"),
    ("clang", Language::C, &["-O2", "-o"], "--version"),
    ("tcc", Language::C, &["-o"], "-v"),
    ("go", Language::Go, &["build", "-o"], "version"),
];

impl Peer {
    /// The command that builds a program.
    pub fn build(&self, source: &Path, executable: &Path) -> Command {
        let mut c = Command::new(&self.program);
        c.args(self.args).arg(executable).arg(source);
        if self.language == Language::Go {
            // A file alone: no module is looked up, whatever is around.
            c.envs([("GOPROXY", "off"), ("GOFLAGS", "-mod=mod"), ("GOWORK", "off")]);
        }
        c
    }
}

/// All peers that are here, the base first.
pub fn all(compilers: &[Mochi], debug: bool) -> Result<Vec<Peer>, String> {
    let mut peers = Vec::new();
    for (program, language, args, version) in OTHERS {
        if installed(program) {
            let level = args.iter().find(|arg| arg.starts_with("-O"));
            let name = level.map_or(program.to_string(), |level| format!("{program} {level}"));
            peers.push(Peer {
                name,
                version: says(Path::new(program), version),
                language,
                program: program.into(),
                args,
            });
        } else {
            eprintln!("bench: {program} is not installed");
        }
    }
    if peers.first().is_none_or(|peer| peer.name != BASE) {
        return Err(format!("{BASE}, with which the others are compared, is not installed"));
    }
    for mochi in compilers {
        let mut add = |name: String, args| {
            let (program, version) = (mochi.program.clone(), says(&mochi.program, "--version"));
            peers.push(Peer { name, version, language: Language::Mochi, program, args });
        };
        add(mochi.name.clone(), &["build", "-o"]);
        if debug {
            add(format!("{} --debug", mochi.name), &["build", "--debug", "-o"]);
        }
    }
    let mut names: Vec<&str> = peers.iter().map(|peer| peer.name.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format!("two peers are called {}", pair[0])),
        None => Ok(peers),
    }
}

/// The first line of what a program says about itself.
fn says(program: &Path, argument: &str) -> String {
    let said = output(Command::new(program).arg(argument));
    let said = text(&said.stdout) + &text(&said.stderr);
    said.lines().next().unwrap_or("?").trim().to_string()
}
