//! What the commands do: files in, steps in order, files out.

use crate::cli::{
    Build, Check, Cli, CodeOptions, ColorWhen, Command, Emit, Feature, Input, MessageFormat, Run,
};
use crate::error::Error;
use crate::notes::Notes;
use crate::time::Timer;
use crate::{input, output, run, targets};
use clap::ValueEnum;
use mochi::pipeline::{self, FileOptions, Source};
use mochi_ir::Module;
use mochi_lang::diag::{Diagnostics, Format};
use mochi_lang::{ast, dump, stack, tree};
use mochi_objwrite::target::{self, FileKind, Output, Target, UnknownTarget};
use mochi_objwrite::{Object, link};
use std::io::{IsTerminal, Write};
use std::mem::ManuallyDrop;
use std::path::PathBuf;

/// Carries out a command, on a stack for deeply nested programs; the exit status.
pub fn run_command(cli: Cli) -> Result<u8, Error> {
    let done = stack::large(|| match cli.command {
        Command::Build(options) => build(&options).map(|()| 0),
        Command::Run(options) => run_program(&options),
        Command::Check(options) => check(&options).map(|()| 0),
        Command::Targets(options) => {
            write_stdout(targets::list(options.messages.format).as_bytes()).map(|()| 0)
        }
    });
    done.map_err(Error::Stack)?
}

fn build(options: &Build) -> Result<(), Error> {
    let made_for = match &options.target {
        Some(name) => target::parse_output(name),
        None => match options.emit {
            Emit::File(kind) => target::for_files(kind),
            _ => target::host(),
        }
        .map(Output::One),
    }
    .map_err(|e| Error::Usage(e.to_string() + advice(&e)))?;
    let code = &options.code;
    let targets = made_for.targets();
    for &target in &targets {
        check_features(code, target)?;
    }
    let destination = match options.emit {
        Emit::File(kind) => Some(output_path(options, made_for, kind)?),
        _ => options.output.clone(),
    }
    .filter(|path| !input::is_stdin(path));
    if destination.as_ref().is_some_and(|path| input::is_source(&options.input, path)) {
        let source = options.input.file.display();
        let message = format!("the output would replace the source {source}: give it another name with -o");
        return Err(Error::Usage(message));
    }
    set_jobs(code);
    let mut timer = Timer::new(code.time_passes);
    let mut session = Session::read(&options.input)?;
    session.notes = Notes::new(code);
    timer.step("read");
    let bytes = match &options.emit {
        Emit::Ast => {
            let program = session.parse()?;
            dump::dump(&program, &session.source.map).into_bytes()
        }
        Emit::Ir(pass) => {
            let target = one_target(made_for)?;
            let program = session.check(&mut timer)?;
            session.ir(&program, target, code, pass.as_deref(), &mut timer)?.into_bytes()
        }
        Emit::Asm => {
            let target = one_target(made_for)?;
            let program = session.check(&mut timer)?;
            let object = session.object(&program, target, code, &mut timer);
            let text = match mochi_isa::program_text(target) {
                Some(text) => {
                    text(&session.link(&object, target, FileKind::Executable, FileOptions::default())?)
                }
                None => mochi_isa::module::disassemble_module(&object),
            };
            text.into_bytes()
        }
        Emit::File(kind) => {
            let program = session.check(&mut timer)?;
            let file = FileOptions { strip: options.strip, build_id: !options.no_build_id };
            let files = targets.iter().map(|t| session.file(&program, t, *kind, code, file, &mut timer));
            link::joined(made_for, files.collect::<Result<_, _>>()?).map_err(Error::Link)?
        }
    };
    match destination {
        Some(path) => {
            let started = targets.iter().all(|t| t.format.is_started());
            let executable = options.emit == Emit::File(FileKind::Executable) && started;
            output::write(&path, &bytes, executable).map_err(|e| Error::Write(path, e))?;
        }
        None => write_stdout(&bytes)?,
    }
    timer.step("write");
    session.notes.print(&session.source.map, session.format);
    timer.print();
    Ok(())
}

fn run_program(options: &Run) -> Result<u8, Error> {
    let target = target::host().map_err(|e| Error::Usage(e.to_string()))?;
    check_features(&options.code, target)?;
    set_jobs(&options.code);
    let mut timer = Timer::new(options.code.time_passes);
    let mut session = Session::read(&options.input)?;
    session.notes = Notes::new(&options.code);
    timer.step("read");
    let program = session.check(&mut timer)?;
    let (kind, file) = (FileKind::Executable, FileOptions::default());
    let image = session.file(&program, target, kind, &options.code, file, &mut timer)?;
    session.notes.print(&session.source.map, session.format);
    timer.print();
    run::execute(&image, &options.input.file, &options.args)
}

fn check(options: &Check) -> Result<(), Error> {
    Session::read(&options.input)?.check(&mut Timer::new(false)).map(|_| ())
}

/// The target of what there is one of for each.
fn one_target(made_for: Output) -> Result<Target, Error> {
    let targets = made_for.targets();
    if let [target] = targets[..] {
        return Ok(target);
    }
    let names: Vec<&str> = targets.iter().map(|t| t.short).collect();
    let message = format!("{} is for several machines: name one of {}", made_for.short(), names.join(", "));
    Err(Error::Usage(message))
}

/// What else may have been meant by the name of a target: browsers are none.
fn advice(unknown: &UnknownTarget) -> &'static str {
    let near = unknown.nearest();
    if near.iter().any(|row| row.format.extension(FileKind::Page).is_some()) {
        " (`--emit html` writes a page for browsers)"
    } else {
        ""
    }
}

/// Extensions are for machines that may have them.
fn check_features(code: &CodeOptions, target: Target) -> Result<(), Error> {
    let there = mochi_isa::Features::of(target);
    let Some(missing) = code.features.iter().find(|f| !f.is_in(there)) else { return Ok(()) };
    let name = |f: &Feature| f.to_possible_value().map_or_else(String::new, |v| v.get_name().to_string());
    let known: Vec<String> = Feature::value_variants().iter().filter(|f| f.is_in(there)).map(name).collect();
    let known = if known.is_empty() { "none".to_string() } else { known.join(", ") };
    let (missing, machine) = (name(missing), target.short);
    Err(Error::Usage(format!("no extension `{missing}` for {machine}; extensions of this machine: {known}")))
}

/// More threads than this only wait for each other.
const MOST_THREADS: u16 = 256;

/// Threads of code generation.
fn set_jobs(code: &CodeOptions) {
    if let Some(n) = code.jobs.map(|n| n.min(MOST_THREADS)) {
        // One of them is this one. Fails only when the pool exists already, and nothing has used it yet.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(n.into()).use_current_thread().build_global();
    }
}

/// Bytes that the compiler needs for a byte of source, and of how many it makes sure.
const ROOM: usize = 64;
const MOST_ROOM: usize = 48 << 20;

/// What allocators still take from a heap: larger pieces they get from the system.
const PIECE: usize = 96 << 10;

/// Takes memory for a source of this size, and gives it back unused. In the heap of a thread, glibc makes page after
/// page accessible as it grows, each by a system call; in a heap that was larger before, they are.
fn make_room(source: usize) {
    let pieces = source.saturating_mul(ROOM).min(MOST_ROOM) / PIECE;
    drop(std::hint::black_box((0..pieces).map(|_| Vec::with_capacity(PIECE)).collect::<Vec<Vec<u8>>>()));
}

/// Where a file goes: `-o`, or the source's name with the extension that such files have.
fn output_path(options: &Build, made_for: Output, kind: FileKind) -> Result<PathBuf, Error> {
    let files = made_for.files();
    let Some(extension) = files.iter().find(|f| f.0 == kind).map(|f| f.1) else {
        let kinds: Vec<&str> = files.iter().map(|f| f.0.name()).collect();
        let message =
            format!("no `--emit {}` for {}; there is {}", kind.name(), made_for.triple(), kinds.join(", "));
        return Err(Error::Usage(message));
    };
    if let Some(path) = &options.output {
        return Ok(path.clone());
    }
    if input::is_stdin(&options.input.file) {
        return Err(Error::Usage("give the output a name with -o when the source is standard input".into()));
    }
    let name = PathBuf::from(options.input.file.file_name().unwrap_or_default());
    Ok(name.with_extension(extension))
}

fn write_stdout(bytes: &[u8]) -> Result<(), Error> {
    let written = std::io::stdout().lock().write_all(bytes);
    written.map_err(|e| Error::Write("standard output".into(), e))
}

/// One compilation: the source, and how to report on it.
struct Session {
    source: Source,
    diags: Diagnostics,
    format: Format,
    /// What is to be said about the finished program.
    notes: Notes,
}

impl Session {
    fn read(options: &Input) -> Result<Session, Error> {
        let source = input::read(options)?;
        make_room(source.map.file(source.file).text.len());
        let color = match options.color {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            ColorWhen::Auto => std::env::var_os("NO_COLOR").is_none() && std::io::stderr().is_terminal(),
        };
        let format = match options.messages.format {
            MessageFormat::Human => Format::Human { color },
            MessageFormat::Json => Format::Json,
        };
        Ok(Session { source, diags: Diagnostics::new(), format, notes: Notes::default() })
    }

    /// The syntax tree; the rest of the compilation needs it to be without errors.
    fn parse(&mut self) -> Result<ast::Program, Error> {
        let program = self.source.parse(&mut self.diags);
        if self.diags.has_errors() {
            return Err(self.report());
        }
        Ok(program)
    }

    /// The typed tree, which stays to the end: then the process gives its memory back at once. (What comes before and
    /// after it makes room for others.) Reports errors and remarks.
    fn check(&mut self, timer: &mut Timer) -> Result<ManuallyDrop<tree::Program>, Error> {
        let program = self.parse()?;
        timer.step("parse");
        let tree = self.source.check(&program, &mut self.diags);
        if !self.diags.is_empty() {
            self.report();
        }
        timer.step("check");
        tree.map(ManuallyDrop::new).ok_or(Error::Program)
    }

    /// Writes what was found to standard error.
    fn report(&self) -> Error {
        // Nothing can be done when standard error is closed.
        let _ = std::io::stderr().write_all(self.diags.render(&self.source.map, self.format).as_bytes());
        Error::Program
    }

    fn lower(&self, program: &tree::Program, timer: &mut Timer) -> Module {
        let module = self.source.lower(program);
        timer.step("lower");
        module
    }

    fn optimized(
        &mut self,
        program: &tree::Program,
        target: Target,
        code: &CodeOptions,
        timer: &mut Timer,
    ) -> Module {
        let mut module = self.lower(program, timer);
        let report = pipeline::optimize(&mut module, target, &code.code(), None);
        for (pass, time) in &report.times {
            timer.part(pass, *time);
        }
        self.notes.passes(report);
        timer.step("passes");
        module
    }

    /// The IR after a pass, as text.
    fn ir(
        &mut self,
        program: &tree::Program,
        target: Target,
        code: &CodeOptions,
        pass: Option<&str>,
        timer: &mut Timer,
    ) -> Result<String, Error> {
        let mut module = self.lower(program, timer);
        if pass != Some("lower") {
            let names: Vec<&str> = pipeline::steps(&code.code()).iter().map(|s| s.pass.name).collect();
            if let Some(pass) = pass.filter(|p| !names.contains(p)) {
                let message = format!("no pass `{pass}`; passes: lower, {}", names.join(", "));
                return Err(Error::Usage(message));
            }
            let report = pipeline::optimize(&mut module, target, &code.code(), pass);
            self.notes.passes(report);
        }
        Ok(mochi_ir::text::print_module(&module))
    }

    fn object(
        &mut self,
        program: &tree::Program,
        target: Target,
        code: &CodeOptions,
        timer: &mut Timer,
    ) -> Object {
        let module = self.optimized(program, target, code, timer);
        let (object, costs) = pipeline::generate(&module, target, &code.code());
        self.notes.code(costs);
        timer.step("code generation");
        object
    }

    /// The finished file: an executable, or an object for other linkers.
    fn file(
        &mut self,
        program: &tree::Program,
        target: Target,
        kind: FileKind,
        code: &CodeOptions,
        options: FileOptions,
        timer: &mut Timer,
    ) -> Result<Vec<u8>, Error> {
        let object = self.object(program, target, code, timer);
        let bytes = self.link(&object, target, kind, options);
        timer.step("link");
        bytes
    }

    fn link(
        &self,
        object: &Object,
        target: Target,
        kind: FileKind,
        options: FileOptions,
    ) -> Result<Vec<u8>, Error> {
        self.source.link(object, target, kind, options).map_err(Error::Link)
    }
}
