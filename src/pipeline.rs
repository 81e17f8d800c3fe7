//! From a program's text to a file in memory, step by step. No step reads or writes anything.

use mochi_ir::{Module, passes};
use mochi_isa::costs::Costs;
use mochi_isa::module::compile_and_count;
use mochi_isa::{Context, Features};
use mochi_lang::diag::Diagnostics;
use mochi_lang::span::{FileId, SourceMap};
use mochi_lang::{ast, lower, parser, sema, tree};
use mochi_objwrite::archive::Archive;
use mochi_objwrite::link::{self, DebugOptions, LinkError, LinkInput, RelocatableInput};
use mochi_objwrite::target::{FileKind, Target};
use mochi_objwrite::{Object, page};

/// The compiler and its version, as debug information names it.
const PRODUCER: &str = concat!("mochi ", env!("CARGO_PKG_VERSION"));

/// The text that is compiled.
#[derive(Debug)]
pub struct Source {
    /// All files.
    pub map: SourceMap,
    /// The program's file.
    pub file: FileId,
}

/// How code is generated.
#[derive(Clone, Copy, Debug)]
pub struct Code {
    /// Compile fast, without optimisation: the debugger sees every line and every frame.
    pub debug: bool,
    /// Check the intermediate code after each pass, and every register allocation (the default in
    /// debug builds of the compiler).
    pub verify: bool,
    /// Measure the passes.
    pub time: bool,
    /// Count and remark what they do and leave.
    pub notes: bool,
    /// Extensions of the machine that code may use.
    pub features: Features,
}

impl Default for Code {
    fn default() -> Code {
        let mochi_isa::Options { debug, verify, features, .. } = mochi_isa::Options::default();
        Code { debug, verify, time: false, notes: false, features }
    }
}

/// What a finished file has besides code and data.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileOptions {
    /// Leave out symbols and debug information.
    pub strip: bool,
    /// Write a build id into an executable. An object gets one from its linker.
    pub build_id: bool,
}

impl Source {
    /// A program of one file; the name is what messages and traces show.
    pub fn new(name: &str, text: impl AsRef<[u8]>) -> Source {
        let mut map = SourceMap::default();
        let file = map.add(name, text);
        Source { map, file }
    }

    /// The syntax tree, which has holes where errors are.
    pub fn parse(&self, diags: &mut Diagnostics) -> ast::Program {
        parser::parse(&self.map, self.file, diags)
    }

    /// The typed tree. `None` when there are errors.
    pub fn check(&self, program: &ast::Program, diags: &mut Diagnostics) -> Option<tree::Program> {
        sema::check(&self.map, program, diags).filter(|_| !diags.has_errors())
    }

    /// IR that no pass has changed.
    pub fn lower(&self, program: &tree::Program) -> Module {
        lower::lower(&self.map, program, &mochi_runtime::library())
    }

    /// The finished file.
    pub fn link(
        &self,
        object: &Object,
        target: Target,
        kind: FileKind,
        options: FileOptions,
    ) -> Result<Vec<u8>, LinkError> {
        let runtime = Archive::open(mochi_runtime::archive(target))?;
        let archives = &[runtime][..];
        let FileOptions { strip, build_id } = options;
        let debug = (!strip).then(|| self.debug_options());
        let executable = |debug| {
            let (entry, symbols) = (target.platform.start, !strip);
            link::link(&LinkInput { object, archives, entry, symbols, debug, build_id })
        };
        Ok(match kind {
            FileKind::Executable => executable(debug)?.bytes,
            FileKind::Object => {
                let exports = &["main"];
                link::relocatable(&RelocatableInput { object, archives, exports, debug })?.bytes
            }
            FileKind::Page => page::write(&self.name(), &executable(debug)?.bytes),
        })
    }

    /// The name of the program's file, as it is in what is written.
    fn name(&self) -> String {
        self.map.file(self.file).output_name().to_string()
    }

    fn debug_options(&self) -> DebugOptions {
        DebugOptions { producer: PRODUCER.into(), unit: self.name(), directory: ".".into() }
    }
}

/// Runs the passes, up to one of them if it is named, and says what was asked for: how long each took, what they did.
pub fn optimize(
    module: &mut Module,
    target: Target,
    code: &Code,
    stop_after: Option<&str>,
) -> passes::Report {
    let options = passes::Options {
        steps: steps(code),
        library: &mochi_runtime::library(),
        abilities: mochi_isa::abilities(target),
        verify: code.verify,
        stop_after,
        time: code.time,
        notes: code.notes,
    };
    passes::run(module, &options)
}

/// The passes.
pub fn steps(code: &Code) -> &'static [passes::Step] {
    if code.debug { passes::DEBUG } else { passes::OPTIMISE }
}

/// Machine code, and what it is made of.
pub fn generate(module: &Module, target: Target, code: &Code) -> (Object, Costs) {
    let options = mochi_isa::Options {
        debug: code.debug,
        verify: code.verify,
        features: code.features,
        ..mochi_isa::Options::default()
    };
    compile_and_count(&Context::new(module, target, options))
}
