//! WebAssembly modules from hand-assembled functions: an engine runs them, and a validator reads
//! back names, debug information and sections.

use crate::support::*;
use gimli::{EndianSlice, LittleEndian};
use mochi_objwrite::target::{self, Target};
use mochi_objwrite::wasm::about;
use mochi_objwrite::{
    AtomKind, DebugOptions, FunctionInfo, LineRow, LinkError, LinkInput, Object, RelocKind, identity, link,
};
use wasmparser::{KnownCustom, Name, Parser, Payload, Validator};

/// The target.
pub fn target() -> Target {
    target::parse("wasm32-wasi").expect("a supported target")
}

/// A function under construction: bytes, and relocations at places between them.
#[derive(Default)]
pub struct Code {
    pub bytes: Vec<u8>,
    pub relocs: Vec<(u32, RelocKind, String, i64)>,
    /// A row for each instruction that was given a line.
    pub lines: Vec<LineRow>,
}

/// Types as atoms have them: parameters, results.
pub const NOTHING: &[u8] = &[0, 0];
pub const TO_WORD: &[u8] = &[0, 1, 0x7E];
pub const WORD_TO_WORD: &[u8] = &[1, 0x7E, 1, 0x7E];

impl Code {
    /// A function of a type, without locals.
    pub fn new(ty: &[u8]) -> Code {
        Code { bytes: [ty, &[0]].concat(), ..Code::default() }
    }

    pub fn hex(mut self, code: &str) -> Code {
        self.bytes.extend(hex(code));
        self
    }

    /// What follows is of this line.
    pub fn line(mut self, line: u32) -> Code {
        let offset = self.bytes.len() as u32;
        self.lines.push(LineRow { offset, line, column: 1, is_stmt: true, prologue_end: false, call: None });
        self
    }

    fn insert(mut self, kind: RelocKind, name: &str, addend: i64) -> Code {
        self.relocs.push((self.bytes.len() as u32, kind, name.into(), addend));
        self
    }

    pub fn call(self, name: &str) -> Code {
        self.hex("10").insert(RelocKind::WasmFunc, name, 0)
    }

    pub fn addr(self, name: &str, addend: i64) -> Code {
        self.hex("42").insert(RelocKind::WasmAddr, name, addend)
    }

    /// An instruction with the index of a type.
    pub fn typed(self, opcode: &str, own: &str, ty: &[u8]) -> Code {
        let mut code = self.hex(opcode).insert(RelocKind::WasmType, own, ty.len() as i64);
        code.bytes.extend(ty);
        code
    }

    /// Ends the function and adds it to an object.
    pub fn end(mut self, b: &mut Builder, name: &str, file: Option<u32>) {
        self.bytes.push(0x0B);
        let relocs: Vec<_> = self.relocs.iter().map(|(at, k, n, a)| (*at, *k, n.as_str(), *a)).collect();
        let atom = b.atom(name, AtomKind::Text, &self.bytes, &relocs);
        atom.align = 1;
        atom.function = Some(FunctionInfo {
            display: format!("the {name}"),
            file,
            line: self.lines.first().map_or(1, |r| r.line),
            lines: self.lines,
            ..FunctionInfo::default()
        });
    }
}

pub fn module(object: &Object, entry: &str, debug: Option<DebugOptions>) -> Result<Vec<u8>, LinkError> {
    let input = LinkInput { object, archives: &[], entry, symbols: debug.is_some(), debug, build_id: false };
    link(&input).map(|image| image.bytes)
}

pub fn validated(bytes: Vec<u8>) -> Vec<u8> {
    if let Err(e) = Validator::new().validate_all(&bytes) {
        panic!("{e}");
    }
    bytes
}

/// Runs the exported entry; what it writes with `fd_write` is collected. Arguments and results are words.
fn run(bytes: &[u8], entry: &str, argument: Option<i64>) -> (i64, Vec<u8>) {
    use wasmi::{Caller, Engine, Extern, Linker, Memory, Module, Store, Val};
    let engine = Engine::default();
    let module = Module::new(&engine, bytes).unwrap();
    let mut store = Store::new(&engine, Vec::<u8>::new());
    let mut linker = Linker::new(&engine);
    let memory = |caller: &Caller<Vec<u8>>| -> Memory {
        caller.get_export("memory").and_then(Extern::into_memory).expect("memory is exported")
    };
    let write = move |mut caller: Caller<Vec<u8>>, fd: i32, areas: i32, count: i32, written: i32| -> i32 {
        assert_eq!((fd, count), (1, 1));
        let memory = memory(&caller);
        let word =
            |at: usize| u32::from_le_bytes(memory.data(&caller)[at..at + 4].try_into().unwrap()) as usize;
        let (from, size) = (word(areas as usize), word(areas as usize + 4));
        let text = memory.data(&caller)[from..from + size].to_vec();
        memory.data_mut(&mut caller)[written as usize..][..4].copy_from_slice(&(size as u32).to_le_bytes());
        caller.data_mut().extend(text);
        // An error number that is negative as an i32, to see it extended.
        i32::MIN
    };
    linker.func_wrap("wasi_snapshot_preview1", "fd_write", write).unwrap();
    let instance = linker.instantiate_and_start(&mut store, &module).unwrap();
    let function = instance.get_func(&store, entry).unwrap();
    let arguments: Vec<Val> = argument.map(Val::I64).into_iter().collect();
    let mut results = vec![Val::I64(0); function.ty(&store).results().len()];
    function.call(&mut store, &arguments, &mut results).unwrap();
    let result = results.first().and_then(Val::i64).unwrap_or(0);
    (result, store.into_data())
}

/// `_start` writes "hello\n" through an address made by a call through a table of functions, and
/// gives the sum of the error number and what a counter in writable data has become.
fn hello() -> Object {
    let mut b = Builder::of(target());
    b.0.files = vec!["hello.mochi".into(), "lib/lines.mochi".into()];
    b.atom("message", AtomKind::ReadOnly, b"..hello\n", &[]).align = 1;
    b.atom("area", AtomKind::Data, &[0, 0, 0, 0, 6, 0, 0, 0], &[]);
    b.atom("written", AtomKind::Bss, &[], &[]).zero_size = 40;
    b.atom(
        "table",
        AtomKind::RelRo,
        &[0; 24],
        &[(0, ABS, "message", 2), (8, ABS, "add", 0), (16, ABS, "table", 8)],
    );
    b.atom("unused", AtomKind::Text, &[1; 99], &[(1, CALL, "nowhere", 0)]);
    // i64.store32 [area] = i64.load [table]
    let code =
        Code::new(TO_WORD).line(1).addr("area", 0).hex("A7").line(2).addr("table", 0).hex("A7 290300 3E0200");
    // fd_write(1, area, 1, written)
    let code = code.line(3).hex("4201").addr("area", 0).hex("4201").addr("written", 4).call("fd_write");
    // + add(i64.load32_u [written + 4]) through table[8]
    let code = code.line(4).addr("written", 4).hex("A7 350200").addr("table", 8).hex("A7 290300 A7");
    code.typed("11", "_start", WORD_TO_WORD).hex("00 7C").end(&mut b, "_start", Some(0));
    Code::new(WORD_TO_WORD).line(10).hex("2000").line(11).call("ten").hex("7C").end(&mut b, "add", Some(1));
    Code::new(TO_WORD).hex("420A").end(&mut b, "ten", None);
    b.0
}

#[test]
fn runs() {
    for debug in [None, Some(debug())] {
        let bytes = validated(module(&hello(), "_start", debug).unwrap());
        let (result, output) = run(&bytes, "_start", None);
        assert_eq!(output, b"hello\n");
        assert_eq!(result, i64::from(i32::MIN) + 16);
    }
}

#[test]
fn small_and_the_same_every_time() {
    let bytes = module(&hello(), "_start", None).unwrap();
    // A fifth of it is what it says of itself.
    assert!(bytes.len() < 570, "{} bytes", bytes.len());
    let full = || module(&hello(), "_start", Some(debug())).unwrap();
    assert_eq!(full(), full());
}

/// The entry is exported under its own name with its own type; linker symbols have their order;
/// memory grows by the built-ins.
#[test]
fn memory_and_symbols() {
    let mut b = Builder::of(target());
    b.atom("word", AtomKind::Roots, &[7; 9], &[]);
    b.atom("data", AtomKind::Data, &[7; 8], &[]);
    b.atom("zeros", AtomKind::Bss, &[], &[]).zero_size = 100_000;
    b.atom("keep", AtomKind::RelRo, &[0; 16], &[(0, ABS, "word", 0), (8, ABS, "zeros", 0)]);
    let symbols = [
        "keep",
        "data",
        "__roots_start",
        "word",
        "__roots_end",
        "zeros",
        "__stack_low",
        "__stack_top",
        "__pctab",
        "__heap_start",
        "__text_start",
        "__text_end",
    ];
    for (i, name) in symbols.iter().enumerate() {
        Code::new(TO_WORD).addr("keep", 0).hex("1A").addr(name, 1).hex("4201 7D").end(
            &mut b,
            &format!("get{i}"),
            None,
        );
    }
    Code::new(WORD_TO_WORD).hex("2000").call("memory_grow").end(&mut b, "grow", None);
    Code::new(TO_WORD).call("memory_size").end(&mut b, "size", None);
    // Grows by the argument, then gives the size, or -1.
    let code =
        Code::new(WORD_TO_WORD).addr("keep", 0).hex("1A 2000").call("grow").hex("4200 53 047E 427F 05");
    code.call("size").hex("0B").end(&mut b, "main", None);
    let get = |i: usize| {
        run(&validated(module(&b.0, &format!("get{i}"), None).unwrap()), &format!("get{i}"), None).0
    };
    let [text_start, text_end] = [get(10), get(11)];
    assert_eq!((text_start, text_end > 5), (0, true));
    let bytes = validated(module(&b.0, "main", None).unwrap());
    let pages = run(&bytes, "main", Some(0)).0;
    assert_eq!(run(&bytes, "main", Some(3)).0, pages + 3);
    assert_eq!(run(&bytes, "main", Some(65536)).0, -1);
    // 928 KiB of stack, 100,000 bytes of zeros.
    assert_eq!(pages, 17);
    for i in [6, 7, 9] {
        assert_eq!(get(i) % 16, 0, "{}", symbols[i]);
    }
    assert_eq!(get(4) - get(2), 16, "nine bytes and no others, 8-aligned");
    assert_eq!(get(7) - get(6), 864 << 10);
    assert_eq!(get(8) % 8, 0);
    assert_eq!(get(9) - get(8), 16, "an empty table behind the stack");
}

fn custom<'a>(bytes: &'a [u8], name: &str) -> Option<wasmparser::CustomSectionReader<'a>> {
    Parser::new(0).parse_all(bytes).find_map(|p| match p.unwrap() {
        Payload::CustomSection(s) if s.name() == name => Some(s),
        _ => None,
    })
}

/// Function names by index.
pub fn names(bytes: &[u8]) -> Vec<String> {
    let section = custom(bytes, "name").expect("names");
    let KnownCustom::Name(reader) = section.as_known() else { panic!() };
    let mut list = Vec::new();
    for part in reader {
        let Name::Function(map) = part.unwrap() else { panic!("only functions are named") };
        for naming in map {
            let naming = naming.unwrap();
            assert_eq!(naming.index as usize, list.len());
            list.push(naming.name.to_string());
        }
    }
    list
}

/// The line program's file and line at an address.
pub fn dwarf_line(bytes: &[u8], address: u64) -> Option<(String, u64)> {
    let section = |id: gimli::SectionId| {
        let data = custom(bytes, id.name()).map_or(&[][..], |s| s.data());
        Ok::<_, gimli::Error>(EndianSlice::new(data, LittleEndian))
    };
    let dwarf = gimli::Dwarf::load(section).unwrap();
    let header = dwarf.units().next().unwrap().unwrap();
    assert_eq!((header.version(), header.address_size()), (4, 4));
    let unit = dwarf.unit(header).unwrap();
    crate::debug::line_of(&unit, &dwarf, address)
}

#[test]
fn names_lines_and_functions() {
    let bytes = validated(module(&hello(), "_start", Some(debug())).unwrap());
    let module = "wasi_snapshot_preview1.fd_write";
    assert_eq!(names(&bytes), [module, "_start", "add", "ten", "fd_write"]);
    // After the number of functions and the size of the first.
    assert_eq!(dwarf_line(&bytes, 2), Some(("hello.mochi".into(), 1)));
    assert!(custom(&bytes, ".debug_frame").is_none());
}

/// What a module says of itself, also when it has neither names nor debug information.
#[test]
fn features_and_producers() {
    let bytes = module(&hello(), "_start", None).unwrap();
    let sections = Parser::new(0).parse_all(&bytes).filter_map(|p| match p.unwrap() {
        Payload::CustomSection(s) => Some(s.name().to_string()),
        _ => None,
    });
    assert_eq!(sections.collect::<Vec<_>>(), ["producers", "target_features"]);
    let producers = custom(&bytes, "producers").unwrap();
    let KnownCustom::Producers(fields) = producers.as_known() else { panic!("not read as producers") };
    let mut said = Vec::new();
    for field in fields {
        let field = field.unwrap();
        for value in field.values {
            let value = value.unwrap();
            said.push((field.name, value.name, value.version));
        }
    }
    assert_eq!(said, [("language", "Mochi", ""), ("processed-by", "mochi", env!("CARGO_PKG_VERSION"))]);
    let mut expected = vec![about::FEATURES.len() as u8];
    for feature in about::FEATURES {
        expected.extend([b'+', feature.len() as u8]);
        expected.extend(feature.bytes());
    }
    assert_eq!(custom(&bytes, "target_features").unwrap().data(), expected);
}

#[test]
fn build_ids() {
    let object = hello();
    let mut input = LinkInput {
        object: &object,
        archives: &[],
        entry: "_start",
        symbols: false,
        debug: None,
        build_id: true,
    };
    let with = validated(link(&input).unwrap().bytes);
    input.build_id = false;
    assert!(with.starts_with(&link(&input).unwrap().bytes));
    assert_eq!(custom(&with, "build_id").map(|s| s.data().len()), Some(1 + identity::SIZE));
}

/// Tools of other people, where they are installed.
#[test]
fn tools_agree() {
    let path = directory("wasm").join("hello.wasm");
    std::fs::write(&path, module(&hello(), "_start", Some(debug())).unwrap()).unwrap();
    let path = path.to_str().unwrap();
    tool("wasm-validate", &[path]);
    if let Some(text) = tool("wasm-objdump", &["-d", path]) {
        assert!(text.contains("<_start>") && text.contains("call_indirect"), "{text}");
    }
    if let Some(text) = tool("llvm-dwarfdump", &["--verify", path]) {
        assert!(text.contains("No errors") && !text.contains("warning"), "{text}");
    }
}

#[test]
fn errors() {
    let fails = |code: Code| {
        let mut b = Builder::of(target());
        b.atom("data", AtomKind::Data, &[0; 8], &[]);
        code.end(&mut b, "_start", None);
        module(&b.0, "_start", None).unwrap_err()
    };
    let why = |code: Code| match fails(code) {
        LinkError::BadAtom { why, .. } => why,
        other => panic!("{other}"),
    };
    assert_eq!(why(Code::new(&[5])), "code without a function type");
    assert_eq!(why(Code::new(NOTHING).call("data")), "call of what is no function");
    assert_eq!(
        why(Code::new(NOTHING).typed("02", "_start", &[0, 0, 0])),
        "index of what is no function type"
    );
    assert_eq!(
        why(Code::new(NOTHING).hex("00000000").insert(RelocKind::X64Call, "_start", 0).hex("00000000")),
        "relocation of another machine"
    );
    let undefined = fails(Code::new(NOTHING).call("fd_wrote").addr("__relr_start", 0)).to_string();
    assert_eq!(
        undefined,
        "undefined symbol `fd_wrote`, needed by `_start`; undefined symbol `__relr_start`, needed by `_start`"
    );
    let object = hello();
    let input =
        mochi_objwrite::RelocatableInput { object: &object, archives: &[], exports: &[], debug: None };
    assert!(matches!(mochi_objwrite::relocatable(&input), Err(LinkError::Unsupported(_))));
}
