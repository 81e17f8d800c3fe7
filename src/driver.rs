//! What the commands do: files in, steps in order, files out.

use crate::cli::{Build, Check, Cli, CodeOptions, ColorWhen, Command, Emit, Input, MessageFormat, Run};
use crate::error::Error;
use crate::time::Timer;
use crate::{input, output, run};
use mochi_ir::passes;
use mochi_ir::{Library, Module};
use mochi_isa::{Context, module::compile_module};
use mochi_lang::diag::{Diagnostics, Format};
use mochi_lang::span::{FileId, SourceMap};
use mochi_lang::{ast, dump, lower, parser, sema, tree};
use mochi_objwrite::archive::Archive;
use mochi_objwrite::link::{self, DebugOptions, LinkInput, RelocatableInput};
use mochi_objwrite::{Object, Target, target};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

/// The compiler and its version, as debug information names it.
const PRODUCER: &str = concat!("mochi ", env!("CARGO_PKG_VERSION"));

/// Carries out a command.
pub fn run_command(cli: Cli) -> Result<(), Error> {
    match cli.command {
        Command::Build(options) => build(&options),
        Command::Run(options) => run_program(&options),
        Command::Check(options) => check(&options),
    }
}

fn build(options: &Build) -> Result<(), Error> {
    let target = match &options.target {
        Some(name) => target::parse(name),
        None => target::host(),
    }
    .map_err(|e| Error::Usage(e.to_string()))?;
    set_jobs(&options.code);
    let mut timer = Timer::new(options.code.time_passes);
    let mut session = Session::read(&options.input)?;
    timer.step("read");
    if options.emit == Emit::Ast {
        let program = session.parse()?;
        return text_output(options, &dump::dump(&program, &session.map));
    }
    let program = session.check()?;
    timer.step("check");
    let bytes = match &options.emit {
        Emit::Ir(pass) => {
            let text = session.ir(&program, &options.code, pass.as_deref(), &mut timer)?;
            return text_output(options, &text);
        }
        Emit::Asm => {
            let module = session.optimized(&program, &options.code, &mut timer);
            let object = session.object(&module, target, &options.code, &mut timer);
            return text_output(options, &mochi_isa::module::disassemble_module(&object));
        }
        Emit::Obj => session.relocatable(&program, target, options, &mut timer)?,
        Emit::Exe | Emit::Ast => {
            session.executable(&program, target, &options.code, options.strip, &mut timer)?
        }
    };
    let path = output_path(options)?;
    output::write(&path, &bytes, options.emit == Emit::Exe).map_err(|e| Error::Write(path, e))?;
    timer.step("write");
    timer.print();
    Ok(())
}

fn run_program(options: &Run) -> Result<(), Error> {
    set_jobs(&options.code);
    let mut timer = Timer::new(options.code.time_passes);
    let mut session = Session::read(&options.input)?;
    timer.step("read");
    let program = session.check()?;
    timer.step("check");
    let target = target::host().map_err(|e| Error::Usage(e.to_string()))?;
    let image = session.executable(&program, target, &options.code, false, &mut timer)?;
    timer.print();
    match run::execute(&image, &options.input.file, &options.args)? {}
}

fn check(options: &Check) -> Result<(), Error> {
    Session::read(&options.input)?.check().map(|_| ())
}

/// Threads of code generation.
fn set_jobs(code: &CodeOptions) {
    if let Some(n) = code.jobs {
        // Fails only when the pool exists already, and nothing has used it yet.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(n.into()).build_global();
    }
}

/// Where the output goes: `-o`, or the source's name without its extension.
fn output_path(options: &Build) -> Result<PathBuf, Error> {
    if let Some(path) = &options.output {
        return Ok(path.clone());
    }
    if input::is_stdin(&options.input.file) {
        return Err(Error::Usage("give the output a name with -o when the source is standard input".into()));
    }
    let name = PathBuf::from(options.input.file.file_name().unwrap_or_default());
    let path = name.with_extension(if options.emit == Emit::Obj { "o" } else { "" });
    if path == name {
        return Err(Error::Usage(format!(
            "the output would replace the source {}: name it with -o",
            options.input.file.display()
        )));
    }
    Ok(path)
}

/// Text goes to the output file, or to standard output.
fn text_output(options: &Build, text: &str) -> Result<(), Error> {
    match &options.output {
        Some(path) => output::write(path, text.as_bytes(), false).map_err(|e| Error::Write(path.clone(), e)),
        None => std::io::stdout()
            .lock()
            .write_all(text.as_bytes())
            .map_err(|e| Error::Write("standard output".into(), e)),
    }
}

/// One compilation: the source, and how to report on it.
struct Session {
    map: SourceMap,
    file: FileId,
    diags: Diagnostics,
    format: Format,
}

impl Session {
    fn read(options: &Input) -> Result<Session, Error> {
        let mut map = SourceMap::default();
        let file = input::read(options, &mut map)?;
        let color = match options.color {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            ColorWhen::Auto => std::env::var_os("NO_COLOR").is_none() && std::io::stderr().is_terminal(),
        };
        let format = match options.message_format {
            MessageFormat::Human => Format::Human { color },
            MessageFormat::Json => Format::Json,
        };
        Ok(Session { map, file, diags: Diagnostics::new(), format })
    }

    /// The syntax tree; the rest of the compilation needs it to be without errors.
    fn parse(&mut self) -> Result<ast::Program, Error> {
        let program = parser::parse(&self.map, self.file, &mut self.diags);
        if self.diags.has_errors() {
            return Err(self.report());
        }
        Ok(program)
    }

    /// The typed tree. Reports errors and remarks.
    fn check(&mut self) -> Result<tree::Program, Error> {
        let program = parser::parse(&self.map, self.file, &mut self.diags);
        if self.diags.has_errors() {
            return Err(self.report());
        }
        let tree = sema::check(&self.map, &program, &mut self.diags);
        let failed = tree.is_none() || self.diags.has_errors();
        if !self.diags.is_empty() {
            self.report();
        }
        tree.filter(|_| !failed).ok_or(Error::Program)
    }

    /// Writes what was found to standard error.
    fn report(&self) -> Error {
        // Nothing can be done when standard error is closed.
        let _ = std::io::stderr().write_all(self.diags.render(&self.map, self.format).as_bytes());
        Error::Program
    }

    fn lower(&self, program: &tree::Program, timer: &mut Timer) -> Module {
        let module = lower::lower(&self.map, program, &mochi_runtime::library(), &lower::Options::default());
        timer.step("lower");
        module
    }

    fn pass_options<'a>(code: &CodeOptions, library: &'a Library) -> passes::Options<'a> {
        passes::Options {
            steps: if code.debug { passes::DEBUG } else { passes::OPTIMISE },
            library,
            verify: code.verify || cfg!(debug_assertions),
            stop_after: None,
            time: code.time_passes,
        }
    }

    fn optimized(&self, program: &tree::Program, code: &CodeOptions, timer: &mut Timer) -> Module {
        let mut module = self.lower(program, timer);
        let library = mochi_runtime::library();
        let report = passes::run(&mut module, &Self::pass_options(code, &library));
        for (pass, time) in report.times {
            timer.part(pass, time);
        }
        timer.step("passes");
        module
    }

    /// The IR after a pass, as text.
    fn ir(
        &self,
        program: &tree::Program,
        code: &CodeOptions,
        pass: Option<&str>,
        timer: &mut Timer,
    ) -> Result<String, Error> {
        let mut module = self.lower(program, timer);
        if pass != Some("lower") {
            let library = mochi_runtime::library();
            let options = passes::Options { stop_after: pass, ..Self::pass_options(code, &library) };
            let names: Vec<&str> = options.steps.iter().map(|s| s.pass.name).collect();
            if let Some(pass) = pass.filter(|p| !names.contains(p)) {
                let message = format!("no pass `{pass}`; passes: lower, {}", names.join(", "));
                return Err(Error::Usage(message));
            }
            passes::run(&mut module, &options);
        }
        Ok(mochi_ir::text::print_module(&module))
    }

    fn object(&self, module: &Module, target: Target, code: &CodeOptions, timer: &mut Timer) -> Object {
        let options = mochi_isa::Options { debug: code.debug, verify: code.verify };
        let object = compile_module(&Context { module, target, options });
        timer.step("code generation");
        object
    }

    fn debug_options(&self) -> DebugOptions {
        DebugOptions {
            producer: PRODUCER.into(),
            unit: self.map.file(self.file).output_name().to_string(),
            directory: ".".into(),
        }
    }

    fn executable(
        &self,
        program: &tree::Program,
        target: Target,
        code: &CodeOptions,
        strip: bool,
        timer: &mut Timer,
    ) -> Result<Vec<u8>, Error> {
        let module = self.optimized(program, code, timer);
        let object = self.object(&module, target, code, timer);
        let runtime = Archive::open(mochi_runtime::archive(target)).map_err(|e| Error::Link(e.into()))?;
        let image = link::link(&LinkInput {
            object: &object,
            archives: &[runtime],
            entry: "_start",
            symbols: !strip,
            debug: (!strip).then(|| self.debug_options()),
            build_id: false,
        })
        .map_err(Error::Link)?;
        timer.step("link");
        Ok(image.bytes)
    }

    fn relocatable(
        &self,
        program: &tree::Program,
        target: Target,
        options: &Build,
        timer: &mut Timer,
    ) -> Result<Vec<u8>, Error> {
        let module = self.optimized(program, &options.code, timer);
        let object = self.object(&module, target, &options.code, timer);
        let runtime = Archive::open(mochi_runtime::archive(target)).map_err(|e| Error::Link(e.into()))?;
        let image = link::relocatable(&RelocatableInput {
            object: &object,
            archives: &[runtime],
            exports: &["main"],
            debug: (!options.strip).then(|| self.debug_options()),
        })
        .map_err(Error::Link)?;
        timer.step("link");
        Ok(image.bytes)
    }
}
