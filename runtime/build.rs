//! Compiles the runtime library when the compiler is built.
//!
//! For every target: the files of `lib/` that are for it -> IR (system dialect) -> verifier ->
//! passes -> code -> archive. From that come, in `OUT_DIR`: `library.rs` (declarations of all
//! functions that every target has, with the bodies of those that are inlined), `<target>.ir`
//! (the IR before the passes, so that tests by the interpreter judge them too) and `<target>.rt` (the
//! archive, with the entry point that its system wants).
//!
//! A file whose name ends as a row of the target table says (`Platform::runtime`) is for such rows only,
//! every other one for all.

use mochi_ir::{
    Attributes, Function, Module, Op, Promise, Signature, Sym, SymKind, Type, passes, text, verify,
};
use mochi_isa::{Context, Options, entry_stub, import_stub, module::compile_module};
use mochi_lang::lower::{LAYOUT, RUNTIME_DATA, RUNTIME_FUNCTIONS, RUNTIME_REGIONS};
use mochi_lang::system::{self, Compiled};
use mochi_objwrite::target::{TARGETS, Target, TargetRow};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, process};

fn main() {
    println!("cargo::rerun-if-changed=lib");
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let sources = sources(Path::new("lib"));
    let mut library: Option<BTreeMap<String, Row>> = None;
    let (mut regions, mut layouts) = (BTreeMap::new(), BTreeMap::new());
    let (mut modules, mut archives) = (String::new(), String::new());
    for target in TARGETS {
        let Compiled { mut module, layout } = compile(&sources, target);
        let plain = text::print_module(&module);
        let inlined = passes::optimise_library(&mut module, mochi_isa::abilities(target));
        let rows = library_rows(&module, &inlined);
        expect_names(&rows, &module, target);
        regions.extend(module.regions.rows().iter().cloned());
        layouts.extend(layout);
        if let Some(others) = &mut library {
            // What only some systems have is for the runtime itself.
            others.retain(|name, _| rows.contains_key(name));
            for (name, row) in others {
                if (&row.signature, &row.body) != (&rows[name].signature, &rows[name].body) {
                    fail(&[format!("{name} of {} differs from that of other targets", target.triple)]);
                }
                row.attributes = row.attributes.common(rows[name].attributes);
            }
        } else {
            library = Some(rows);
        }
        let emit = |table: &mut String, kind: &str, include: &str, bytes: &[u8]| {
            let name = format!("{}.{kind}", target.short);
            save(&out.join(&name), bytes);
            let path = format!("concat!(env!(\"OUT_DIR\"), \"/{name}\")");
            writeln!(table, "(\"{}\", {include}!({path})),", target.triple).expect("string");
        };
        emit(&mut modules, "ir", "include_str", plain.as_bytes());
        emit(&mut archives, "rt", "include_bytes", &archive(&mut module, target));
    }
    let rows: String = library.unwrap_or_default().iter().map(|(name, row)| row.text(name)).collect();
    let mut generated = format!("static DECLS: &[Decl] = &[\n{rows}];\n");
    let regions: Vec<(String, Promise)> = regions.into_iter().collect();
    writeln!(generated, "static REGIONS: &[(&str, Promise)] = &{regions:?};").expect("string");
    for (name, bytes) in LAYOUT {
        if layouts.get(*name) != Some(bytes) {
            fail(&[format!("`{name}` is not {bytes}, as lang/src/lower/layout.rs says")]);
        }
    }
    if let Some(name) = RUNTIME_REGIONS.iter().find(|name| !regions.iter().any(|(region, _)| region == *name))
    {
        fail(&[format!("no record has the region `{name}` of lang/src/lower/layout.rs")]);
    }
    writeln!(generated, "static MODULES: &[(&str, &str)] = &[\n{modules}];").expect("string");
    writeln!(generated, "static ARCHIVES: &[(&str, &[u8])] = &[\n{archives}];").expect("string");
    save(&out.join("library.rs"), generated.as_bytes());
}

/// Every target has what lowering and selection name.
fn expect_names(rows: &BTreeMap<String, Row>, module: &Module, target: &TargetRow) {
    let data: BTreeSet<&str> = module.datas.iter().map(|d| module.sym(d.sym).name.as_str()).collect();
    let functions = RUNTIME_FUNCTIONS.into_iter().chain(Op::SLOW_PATHS).filter(|f| !rows.contains_key(*f));
    let missing = functions.chain(RUNTIME_DATA.into_iter().filter(|d| !data.contains(d)));
    let errors: Vec<String> = missing
        .map(|name| format!("the runtime of {} has no `{name}`, which the compiler uses", target.triple))
        .collect();
    if !errors.is_empty() {
        fail(&errors);
    }
}

/// Ends the build with errors.
fn fail(errors: &[String]) -> ! {
    for e in errors {
        println!("cargo::error={}", e.replace('\n', " "));
    }
    process::exit(1);
}

fn save(path: &Path, bytes: &[u8]) {
    if let Err(e) = fs::write(path, bytes) {
        fail(&[format!("{}: {e}", path.display())]);
    }
}

/// All files of the library, by name: name and text.
fn sources(dir: &Path) -> Vec<(String, String)> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) => fail(&[format!("{}: {e}", dir.display())]),
    };
    let mut files = Vec::new();
    for path in entries.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "mochi")) {
        match fs::read_to_string(&path) {
            Ok(text) => {
                files.push((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), text))
            }
            Err(e) => fail(&[format!("{}: {e}", path.display())]),
        }
    }
    files.sort();
    files
}

/// Whether a file is for a target: its name ends as one of the target's, or as no target's.
fn is_for(name: &str, target: &TargetRow) -> bool {
    let stem = name.trim_end_matches(".mochi");
    let ends = |row: &TargetRow| row.platform.runtime.iter().any(|end| stem.ends_with(&format!("_{end}")));
    ends(target) || !TARGETS.iter().any(ends)
}

fn compile(sources: &[(String, String)], target: &TargetRow) -> Compiled {
    let files: Vec<(&str, &str)> =
        sources.iter().filter(|(n, _)| is_for(n, target)).map(|(n, t)| (n.as_str(), t.as_str())).collect();
    let Compiled { module, layout } = match system::compile(&files) {
        Ok(compiled) => compiled,
        Err(errors) => {
            let text: Vec<String> = errors.iter().map(|e| format!("runtime/lib/{e}")).collect();
            fail(&text);
        }
    };
    let violations = verify::verify_module(&module);
    if !violations.is_empty() {
        fail(&violations.iter().map(|v| format!("runtime: {v}")).collect::<Vec<_>>());
    }
    Compiled { module, layout }
}

/// What the entry point calls, with what its system gives: no function for others.
const START: &str = "rt_start";

/// The module's code and data as an archive.
fn archive(module: &mut Module, target: Target) -> Vec<u8> {
    let entry = module.declare_func(target.platform.start, Signature::default(), Attributes::default(), true);
    let start = module.lookup(START).unwrap_or_else(|| fail(&[format!("the runtime has no `{START}`")]));
    let imports = imports(module, target);
    let context = Context::new(module, target, Options::default());
    let mut object = compile_module(&context);
    object.atoms.push(entry_stub(target, entry, start));
    object.atoms.extend(imports.iter().map(|&(function, slot)| import_stub(target, function, slot)));
    object.to_bytes()
}

/// The functions that the target's libraries have, with the symbols of their slots.
fn imports(module: &mut Module, target: Target) -> Vec<(Sym, Sym)> {
    let names: Vec<String> = module.syms.iter().map(|s| s.name.clone()).collect();
    let slots = names.iter().filter_map(|name| Some((name, target.platform.slot_symbol(name)?)));
    let symbols =
        slots.filter_map(|(name, slot)| Some((module.lookup(name)?, module.declare_data(&slot, false))));
    symbols.collect()
}

/// A row of the `Library` table.
struct Row {
    /// Its fields for parameters, result and convention, as Rust text.
    signature: String,
    /// What holds on every target.
    attributes: Attributes,
    /// IR of functions that are inlined.
    body: Option<String>,
}

/// The rows of the `Library` table, one per exported function, by name.
fn library_rows(module: &Module, inlined: &[Function]) -> BTreeMap<String, Row> {
    let bodies: BTreeMap<&str, String> =
        inlined.iter().map(|f| (module.sym(f.sym).name.as_str(), text::print_function(module, f))).collect();
    let mut rows = BTreeMap::new();
    for func in &module.funcs {
        let decl = module.sym(func.sym);
        if decl.name == START {
            continue;
        }
        let SymKind::Func(sig) = &decl.kind else { unreachable!("a function has a signature") };
        let body = bodies.get(decl.name.as_str()).cloned();
        let row = Row { signature: signature(sig, func), attributes: decl.attributes, body };
        rows.insert(decl.name.clone(), row);
    }
    rows
}

impl Row {
    /// The row as Rust text.
    fn text(&self, name: &str) -> String {
        let Row { signature, attributes, body } = self;
        format!("Decl {{ name: {name:?}, {signature}, attributes: {attributes:?}, body: {body:?} }},\n")
    }
}

fn signature(sig: &Signature, func: &Function) -> String {
    let ty = |t: &Type| format!("Type::{t:?}");
    let params: Vec<String> = sig.params.iter().map(ty).collect();
    let result = sig.result.as_ref().map_or("None".to_string(), |t| format!("Some({})", ty(t)));
    format!("params: &[{}], result: {result}, conv: Conv::{:?}", params.join(", "), func.conv)
}
