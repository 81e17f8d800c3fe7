//! What tests of tables share: the atoms of a module, its line rows, and the meaning of the
//! instructions of call frame information (DWARF 5, section 6.4.2).

use mochi_ir::module::Module;
use mochi_ir::text::parse_module;
use mochi_isa::{Context, Options, compile};
use mochi_objwrite::target;
use mochi_objwrite::{Atom, CfiOp, LineRow, RelocKind};

/// The compiled functions of a module.
pub fn atoms(target: &str, module: &Module, debug: bool) -> Vec<Atom> {
    let options = Options { debug, verify: true, ..Options::default() };
    let context = Context::new(module, target::parse(target).expect("a target"), options);
    module.funcs.iter().map(|f| compile(&context, f)).collect()
}

const LINES: &str = "
file \"a.mochi\"
declare func @int_add_slow(ref, ref) -> ref preserve_all cold
declare func @g(i64) -> i64
func @f \"f\" file 0 -> ref @3:1 {
b0(v0:ref, v1:i64):
  v2:i64 = call @g(v1) @4:3
  brif v2, b1, b2 @5:3
b1:
  v3:ref = int.add v0, v0 @6:7
  v4:i64 = call @g(v2) @7:2
  ret v3 @8:2
b2:
  v5:i64 = call @g(v1) @9:9
  v6:ref = iconst 1
  ret v6 @10:1
}
";

fn row_at(rows: &[LineRow], offset: u32) -> &LineRow {
    let n = rows.partition_point(|r| r.offset <= offset);
    &rows[n - 1]
}

/// Checks the line rows of a function with calls. The return address is `before` bytes behind the
/// place of a call's relocation.
pub fn calls_have_their_lines(target: &str, call: RelocKind, before: u32) {
    for debug in [false, true] {
        let module = parse_module(LINES).unwrap();
        let atom = &atoms(target, &module, debug)[0];
        let info = atom.function.as_ref().unwrap();
        assert!(info.lines.is_sorted_by_key(|r| r.offset), "rows in order");
        assert_eq!(info.lines[0].line, 3, "starts with the declaration");
        assert_eq!(info.lines.iter().filter(|r| r.prologue_end).count(), 1);
        let end = info.lines.iter().find(|r| r.prologue_end).unwrap();
        assert_eq!(end.line, 4, "the prologue ends before the first statement");
        let mut lines = Vec::new();
        for r in atom.relocs.iter().filter(|r| r.kind == call) {
            // The byte before the return address.
            let row = row_at(&info.lines, r.offset + before - 1);
            lines.push((module.syms[r.sym.0 as usize].name.as_str(), row.line, row.column));
        }
        lines.sort();
        let expected = [("g", 4, 3), ("g", 7, 2), ("g", 9, 9), ("int_add_slow", 6, 7)];
        assert_eq!(lines, expected, "debug {debug}");
    }
}

/// The frame's address by the rules: register, offset; and where registers are saved.
#[derive(Clone, PartialEq, Debug)]
pub struct Rules {
    pub register: u16,
    pub offset: i64,
    pub saved: Vec<(u16, i32)>,
    /// Unwinding ends here.
    pub no_caller: bool,
}

impl Rules {
    /// Does what an instruction says.
    pub fn apply(&mut self, stack: &mut Vec<Rules>, op: CfiOp) {
        match op {
            CfiOp::DefCfa(r, o) => (self.register, self.offset) = (r, o as i64),
            CfiOp::DefCfaOffset(o) => self.offset = o as i64,
            CfiOp::DefCfaRegister(r) => self.register = r,
            CfiOp::Offset(r, o) | CfiOp::WholeOffset(r, o) => self.saved.push((r, o)),
            CfiOp::Restore(r) => self.saved.retain(|s| s.0 != r),
            CfiOp::RememberState => stack.push(self.clone()),
            CfiOp::RestoreState => *self = stack.pop().expect("remembered"),
            CfiOp::NoCaller => self.no_caller = true,
        }
    }
}
