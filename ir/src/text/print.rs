//! Printer of the text form.

use super::lex::is_plain_symbol;
use crate::func::{Block, BlockCall, Function, Inst, Value};
use crate::module::{Attributes, Data, Module, Sym, SymDecl, SymKind};
use crate::ops::{Cond, FCond, Imm, KNOWN_A, KNOWN_B, NO_OVERFLOW, Op};
use crate::positions::{Position, SrcLoc};
use std::fmt::Write;

/// The whole module.
pub fn print_module(module: &Module) -> String {
    let mut p = Printer { module, out: String::new() };
    for file in &module.files {
        p.out.push_str("file ");
        quote(&mut p.out, file);
        p.out.push('\n');
    }
    for (name, promise) in module.regions.rows() {
        p.out.push_str("region ");
        p.symbol_name(name);
        p.out.push_str(if promise.constant { " constant" } else { "" });
        p.out.push_str(if promise.count { " count" } else { "" });
        p.out.push_str(if promise.by_kind { " by_kind" } else { "" });
        p.out.push_str(if promise.own { " own\n" } else { "\n" });
    }
    for decl in &module.syms {
        p.decl(decl);
    }
    for data in &module.datas {
        p.data(data);
    }
    for func in &module.funcs {
        p.function(func);
    }
    p.out
}

/// One function of a module. The function need not be in [`Module::funcs`].
pub fn print_function(module: &Module, func: &Function) -> String {
    let mut p = Printer { module, out: String::new() };
    p.function(func);
    p.out
}

/// One instruction, for messages.
pub fn print_inst(module: &Module, func: &Function, inst: Inst) -> String {
    let mut p = Printer { module, out: String::new() };
    p.inst(func, inst);
    p.out
}

struct Printer<'a> {
    module: &'a Module,
    out: String,
}

fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if (c as u32) < 0x20 => write!(out, "\\x{:02x}", c as u32).expect("write to string"),
            c => out.push(c),
        }
    }
    out.push('"');
}

macro_rules! put {
    ($p:expr, $($arg:tt)*) => { write!($p.out, $($arg)*).expect("write to string") };
}

impl Printer<'_> {
    fn symbol_name(&mut self, name: &str) {
        self.out.push('@');
        if is_plain_symbol(name) {
            self.out.push_str(name);
        } else {
            quote(&mut self.out, name);
        }
    }

    fn symbol(&mut self, sym: Sym) {
        let module = self.module;
        self.symbol_name(&module.sym(sym).name);
    }

    fn decl(&mut self, decl: &SymDecl) {
        match &decl.kind {
            SymKind::Func(sig) => {
                self.out.push_str("declare func ");
                self.symbol_name(&decl.name);
                self.out.push('(');
                for (i, ty) in sig.params.iter().enumerate() {
                    put!(self, "{}{}", if i == 0 { "" } else { ", " }, ty.name());
                }
                self.out.push(')');
                if let Some(ty) = sig.result {
                    put!(self, " -> {}", ty.name());
                }
                if let Some(word) = sig.conv.word() {
                    put!(self, " {word}");
                }
            }
            SymKind::Data => {
                self.out.push_str("declare data ");
                self.symbol_name(&decl.name);
            }
        }
        let mut attributes = decl.attributes;
        for (name, field) in Attributes::TABLE {
            if *field(&mut attributes) {
                put!(self, " {name}");
            }
        }
        if decl.export {
            self.out.push_str(" export");
        }
        self.out.push('\n');
    }

    fn data(&mut self, data: &Data) {
        self.out.push_str("\ndata ");
        self.symbol(data.sym);
        put!(self, " align {}", data.align);
        if data.writable {
            self.out.push_str(" writable");
        }
        if data.roots {
            self.out.push_str(" roots");
        }
        if data.zero_size > 0 {
            put!(self, " zero {}", data.zero_size);
        }
        if data.bytes.is_empty() && data.relocs.is_empty() {
            self.out.push('\n');
            return;
        }
        self.out.push_str(" {\n");
        for line in data.bytes.chunks(32) {
            self.out.push_str("  hex");
            for word in line.chunks(8) {
                self.out.push_str(" x");
                for byte in word {
                    put!(self, "{byte:02x}");
                }
            }
            self.out.push('\n');
        }
        for reloc in &data.relocs {
            put!(self, "  reloc {} ", reloc.offset);
            self.symbol(reloc.sym);
            self.addend(reloc.addend);
            self.out.push('\n');
        }
        self.out.push_str("}\n");
    }

    fn addend(&mut self, addend: i64) {
        match addend {
            0 => {}
            n if n > 0 => put!(self, "+{n}"),
            n => put!(self, "{n}"),
        }
    }

    fn position(&mut self, func: &Function, loc: SrcLoc) {
        if loc != SrcLoc::NONE {
            let Position { line, column, call } = func.positions.get(loc);
            put!(self, " @{line}:{column}");
            if let Some(call) = call {
                put!(self, ":{call}");
            }
        }
    }

    fn function(&mut self, func: &Function) {
        self.out.push_str("\nfunc ");
        self.symbol(func.sym);
        if func.display != self.module.sym(func.sym).name {
            self.out.push(' ');
            quote(&mut self.out, &func.display);
        }
        if let Some(file) = func.file {
            put!(self, " file {file}");
        }
        if func.save_all {
            self.out.push_str(" save_all");
        }
        if let Some(word) = func.conv.word() {
            put!(self, " {word}");
        }
        if let Some(ty) = func.result {
            put!(self, " -> {}", ty.name());
        }
        self.position(func, func.loc);
        self.out.push_str(" {\n");
        for call in func.positions.calls() {
            self.out.push_str("inlined ");
            quote(&mut self.out, &call.function);
            put!(self, " file {} line {} at", call.file, call.declared);
            self.position(func, call.at);
            self.out.push('\n');
        }
        for &block in &func.layout {
            self.block(func, block);
        }
        self.out.push_str("}\n");
    }

    fn block(&mut self, func: &Function, block: Block) {
        let data = &func.blocks[block.index()];
        if data.cold {
            self.out.push_str("cold ");
        }
        put!(self, "b{}", block.0);
        for (i, &v) in data.params.iter().enumerate() {
            put!(self, "{}v{}:{}", if i == 0 { "(" } else { ", " }, v.0, func.ty(v).name());
        }
        self.out.push_str(if data.params.is_empty() { ":\n" } else { "):\n" });
        for &inst in &data.insts {
            self.out.push_str("  ");
            self.inst(func, inst);
            self.out.push('\n');
        }
    }

    fn list(&mut self, values: &[Value]) {
        for (i, v) in values.iter().enumerate() {
            put!(self, "{}v{}", if i == 0 { "" } else { ", " }, v.0);
        }
    }

    fn edge(&mut self, func: &Function, call: &BlockCall) {
        put!(self, "b{}", call.block.0);
        let args = func.list(call.args);
        if !args.is_empty() {
            self.out.push('(');
            self.list(args);
            self.out.push(')');
        }
    }

    fn known(&mut self, bits: i64) {
        if bits & (KNOWN_A | KNOWN_B | NO_OVERFLOW) == 0 {
            return;
        }
        let mut words = Vec::new();
        for (bit, word) in [(KNOWN_A, "a"), (KNOWN_B, "b"), (NO_OVERFLOW, "fits")] {
            if bits & bit != 0 {
                words.push(word);
            }
        }
        put!(self, " [{}]", words.join(" "));
    }

    fn inst(&mut self, func: &Function, inst: Inst) {
        let data = &func.insts[inst.index()];
        let info = data.op.info();
        if let Some(v) = data.result {
            put!(self, "v{}:{} = ", v.0, func.ty(v).name());
        }
        self.out.push_str(info.name);
        let args = func.list(data.args);
        match info.imm {
            Imm::Int => put!(self, " {}", data.imm),
            Imm::Float => self.float(data.imm),
            Imm::Sym => {
                self.out.push(' ');
                if let Some(sym) = data.sym {
                    self.symbol(sym);
                }
                self.addend(data.imm);
            }
            Imm::Callee => {
                self.out.push(' ');
                if let Some(sym) = data.sym {
                    self.symbol(sym);
                }
                self.out.push('(');
                self.list(args);
                self.out.push(')');
            }
            Imm::Offset => {
                self.memory(data.imm, args);
                if let Some(name) = self.module.regions.name(data.region) {
                    self.out.push_str(" in ");
                    self.symbol_name(name);
                }
            }
            Imm::Cond | Imm::IntCond => {
                put!(self, " {} ", Cond::from_imm(data.imm).name());
                self.list(args);
                if info.imm == Imm::IntCond {
                    self.known(data.imm >> 8);
                }
            }
            Imm::FCond => {
                put!(self, " {} ", FCond::from_imm(data.imm).name());
                self.list(args);
            }
            Imm::Known => {
                self.out.push(' ');
                self.list(args);
                self.known(data.imm);
            }
            Imm::None | Imm::Switch => self.plain(func, inst),
        }
        self.position(func, data.loc);
    }

    fn float(&mut self, bits: i64) {
        let value = f64::from_bits(bits as u64);
        if value.is_finite() {
            put!(self, " {value:?}");
        } else {
            put!(self, " 0x{bits:016x}");
        }
    }

    fn memory(&mut self, imm: i64, args: &[Value]) {
        if let Some((addr, rest)) = args.split_first() {
            put!(self, " v{}", addr.0);
            self.addend(imm);
            for v in rest {
                put!(self, ", v{}", v.0);
            }
        }
    }

    fn plain(&mut self, func: &Function, inst: Inst) {
        let data = &func.insts[inst.index()];
        let args = func.list(data.args);
        if data.op == Op::CallInd {
            if let Some((target, rest)) = args.split_first() {
                put!(self, " v{}(", target.0);
                self.list(rest);
                self.out.push(')');
            }
            return;
        }
        if !args.is_empty() {
            self.out.push(' ');
            self.list(args);
        }
        for (i, call) in func.edges_of(inst).iter().enumerate() {
            self.out.push_str(if i == 0 && args.is_empty() { " " } else { ", " });
            if data.op == Op::Switch && i > 0 {
                put!(self, "{}: ", call.case);
            }
            self.edge(func, call);
        }
    }
}
