//! The command line: what can be asked for. Meaning is in [`crate::driver`].

use clap::{Args, Parser, Subcommand, ValueEnum};
use mochi::pipeline::Code;
use mochi_objwrite::target::FileKind;
use std::path::PathBuf;

/// Compiles Mochi programs to native executables, with no other tool.
#[derive(Parser, Debug)]
#[command(name = "mochi", version, about, long_about = None, after_help = EXAMPLES, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  mochi build prog.mochi -o prog        write the executable `prog`
  mochi run prog.mochi -- one two       compile to memory and execute with arguments
  mochi check prog.mochi                report errors only
  echo 'print(1)' | mochi run -         read the source from standard input
  mochi build --emit asm prog.mochi     print the machine code as text
  mochi build --emit html prog.mochi    write `prog.html`, which runs the program in a browser
  mochi targets                         list what --target takes

Exit status:
  0  success (for `run`: the program's own status)
  1  the program has errors; they are on standard error
  2  the command line is wrong
  3  a file could not be read or written, or the system gave no memory
  101  the compiler has a bug
";

/// A command.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Compile to an executable, object file or text
    Build(Build),
    /// Compile to memory and execute
    Run(Run),
    /// Report errors without generating code
    Check(Check),
    /// List what `--target` takes
    Targets(Targets),
}

/// What every command reads.
#[derive(Args, Debug, Clone)]
pub struct Input {
    /// Source file; `-` reads standard input
    pub file: PathBuf,

    /// Messages.
    #[command(flatten)]
    pub messages: Messages,

    /// Colour in error messages
    #[arg(long, value_enum, default_value_t = ColorWhen::Auto, value_name = "WHEN")]
    pub color: ColorWhen,
}

/// For whom output that is no program's is written.
#[derive(Args, Debug, Clone)]
pub struct Messages {
    /// How messages are written
    #[arg(long = "message-format", value_enum, default_value_t = MessageFormat::Human, value_name = "FORMAT")]
    pub format: MessageFormat,
}

/// How code is generated.
#[derive(Args, Debug, Clone)]
pub struct CodeOptions {
    /// Optimise (the default)
    #[arg(short = 'O', conflicts_with = "debug")]
    pub optimize: bool,

    /// Compile fast, without optimisation: the debugger sees every line and every frame
    #[arg(long)]
    pub debug: bool,

    /// Check the intermediate code after each pass and every register allocation
    #[arg(
        long,
        num_args = 0..=1,
        require_equals = true,
        default_value_t = Code::default().verify,
        default_missing_value = "true",
        action = clap::ArgAction::Set,
        hide_default_value = true,
        hide_possible_values = true,
        value_name = "BOOL"
    )]
    pub verify: bool,

    /// Print how long each step took, on standard error
    #[arg(long)]
    pub time_passes: bool,

    /// Print how often passes did what to the program, what they left, and what its code is made of, on standard error
    #[arg(long)]
    pub stats: bool,

    /// Say for each line why a check stays in a loop, a call is not inlined or a loop is not split, on standard error
    #[arg(long, conflicts_with = "debug")]
    pub remarks: bool,

    /// Threads for code generation; the output does not depend on it
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,

    /// Use extensions of the RISC-V baseline; the program needs a machine that has them
    #[arg(long, value_enum, value_delimiter = ',', value_name = "LIST")]
    pub features: Vec<Feature>,

    /// Accepted for clarity: no other tool is ever used
    #[arg(long)]
    pub no_external_tools: bool,
}

impl CodeOptions {
    /// What they say about code.
    pub fn code(&self) -> Code {
        let has = |f| self.features.contains(&f);
        Code {
            debug: self.debug,
            verify: self.verify,
            time: self.time_passes,
            notes: self.stats || self.remarks,
            features: mochi_isa::Features { zba: has(Feature::Zba), zbb: has(Feature::Zbb) },
        }
    }
}

impl Feature {
    /// Whether it is among these.
    pub fn is_in(self, features: mochi_isa::Features) -> bool {
        match self {
            Feature::Zba => features.zba,
            Feature::Zbb => features.zbb,
        }
    }
}

/// `mochi build`.
#[derive(Args, Debug)]
pub struct Build {
    /// Input.
    #[command(flatten)]
    pub input: Input,

    /// Output file, `-` for standard output [default: the source's name without `.mochi`; text goes to standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Target triple or short name, as `mochi targets` lists them [default: this machine, or the only target that
    /// has files of the kind]
    #[arg(long, value_name = "TRIPLE")]
    pub target: Option<String>,

    /// What to write: exe, obj, html (a page that runs the program), asm, ir, ast, or ir:PASS for the IR after
    /// that pass
    #[arg(long, value_name = "KIND", default_value = "exe", value_parser = parse_emit)]
    pub emit: Emit,

    /// Leave out symbols and debug information (stack traces keep their lines)
    #[arg(long)]
    pub strip: bool,

    /// Leave out the executable's build id: a hash of its contents, by which core dumps, debug information and
    /// packages are matched (macOS wants one in every program, and gets it)
    #[arg(long)]
    pub no_build_id: bool,

    /// Code generation.
    #[command(flatten)]
    pub code: CodeOptions,
}

/// `mochi run`.
#[derive(Args, Debug)]
pub struct Run {
    /// Input.
    #[command(flatten)]
    pub input: Input,

    /// Code generation.
    #[command(flatten)]
    pub code: CodeOptions,

    /// Arguments of the program, after `--`
    #[arg(last = true, value_name = "ARGS")]
    pub args: Vec<std::ffi::OsString>,
}

/// `mochi check`.
#[derive(Args, Debug)]
pub struct Check {
    /// Input.
    #[command(flatten)]
    pub input: Input,
}

/// `mochi targets`.
#[derive(Args, Debug)]
pub struct Targets {
    /// Messages.
    #[command(flatten)]
    pub messages: Messages,
}

/// `--features`.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// Address generation: shifts that add
    Zba,
    /// Basic bit manipulation
    Zbb,
}

/// `--message-format`.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageFormat {
    /// Text
    Human,
    /// One JSON object a line
    Json,
}

/// `--color`.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColorWhen {
    /// When standard error is a terminal and NO_COLOR is not set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// `--emit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Emit {
    /// A file of the target's format.
    File(FileKind),
    /// Machine code as text.
    Asm,
    /// IR: after all passes, or after the named one (`lower`: before the first).
    Ir(Option<String>),
    /// Syntax tree.
    Ast,
}

fn parse_emit(text: &str) -> Result<Emit, EmitError> {
    if let Some(kind) = FileKind::ALL.into_iter().find(|kind| kind.name() == text) {
        return Ok(Emit::File(kind));
    }
    Ok(match text {
        "asm" => Emit::Asm,
        "ir" => Emit::Ir(None),
        "ast" => Emit::Ast,
        _ => match text.strip_prefix("ir:") {
            Some(pass) if !pass.is_empty() => Emit::Ir(Some(pass.to_string())),
            _ => return Err(EmitError),
        },
    })
}

/// Not a kind of output.
#[derive(Debug)]
struct EmitError;

impl std::fmt::Display for EmitError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("expected exe, obj, html, asm, ir, ir:PASS or ast")
    }
}

impl std::error::Error for EmitError {}
