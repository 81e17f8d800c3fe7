//! What a link costs. The bounds are generous: they catch a change of order, not of percent. The
//! measured times are printed (`cargo test -p mochi-objwrite speed -- --nocapture`).

use crate::support::*;
use mochi_objwrite::{
    Archive, Atom, AtomKind, DebugOptions, FrameInfo, FunctionInfo, LineRow, LinkInput, Object, RelocEntry,
    SymRef, Symbol, link,
};
use std::time::{Duration, Instant};

/// An object of `n` functions of 200 bytes with ten line rows; each refers to the next three, and
/// `root` to the first.
fn functions(prefix: &str, root: &str, n: u32, file: Option<u32>) -> Object {
    let mut object = Builder::new().0;
    object.files = vec!["a.mochi".into()];
    object.symbols = (0..n).map(|i| Symbol { name: format!("{prefix}_{i}"), global: true }).collect();
    object.symbols[0].name = root.to_string();
    for i in 0..n {
        let reloc = |k: u32| RelocEntry { offset: k * 8, kind: CALL, sym: SymRef((i + k) % n), addend: -4 };
        let row = |k: u32| LineRow {
            offset: k * 20,
            line: i * 3 + k,
            column: k,
            is_stmt: true,
            prologue_end: k == 1,
            call: None,
        };
        let function = FunctionInfo {
            display: format!("{prefix} {i}"),
            file,
            line: i * 3 + 1,
            code_size: 200,
            lines: (0..10).map(row).collect(),
            inlined: Vec::new(),
            frame: FrameInfo { ops: vec![(1, mochi_objwrite::CfiOp::DefCfaOffset(16))] },
        };
        object.atoms.push(Atom {
            sym: SymRef(i),
            kind: AtomKind::Text,
            align: 16,
            bytes: vec![0x90; 200],
            zero_size: 0,
            relocs: (1..4).map(reloc).collect(),
            function: Some(function),
        });
    }
    object
}

/// The best of several runs: what the machine can do when nothing disturbs it.
fn best(runs: u32, mut f: impl FnMut()) -> Duration {
    let time = |f: &mut dyn FnMut()| {
        let start = Instant::now();
        f();
        start.elapsed()
    };
    (0..runs).map(|_| time(&mut f)).min().unwrap()
}

#[test]
fn speed() {
    let large = functions("f", "_start", 5000, Some(0));
    let unused = functions("unused", "unused", 2000, None).to_bytes();
    let archives = [Archive::open(&unused).unwrap()];
    let debug = DebugOptions { producer: "mochi".into(), unit: "a.mochi".into(), directory: "/".into() };
    let full = LinkInput {
        object: &large,
        archives: &archives,
        entry: "_start",
        symbols: true,
        debug: Some(debug),
        build_id: false,
    };
    let symbols = LinkInput { debug: None, ..full.clone() };
    let stripped = LinkInput { symbols: false, ..symbols.clone() };
    for (what, input) in
        [("with debug information", &full), ("with symbols", &symbols), ("stripped", &stripped)]
    {
        let size = link(input).unwrap().bytes.len();
        let time = best(5, || drop(link(input).unwrap()));
        println!("5000 functions {what}: {time:?}, {size} bytes");
        assert!(time < Duration::from_secs(1));
    }
    let hello = hello();
    let runtime = runtime().to_bytes();
    let time = best(20, || {
        let archives = [Archive::open(&runtime).unwrap(), Archive::open(&unused).unwrap()];
        let input = LinkInput { object: &hello, archives: &archives, ..stripped.clone() };
        drop(link(&input).unwrap());
    });
    println!("hello with 2000 unused functions: {time:?}");
    assert!(time < Duration::from_millis(20));
}
