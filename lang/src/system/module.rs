//! Declarations of the system dialect: symbols, constants, globals and static data; then the
//! functions one after the other ([`super::lower`]).

use super::fold::{fold_binary, fold_cast, fold_unary, wrap};
use super::syntax::*;
use super::{Compiled, Fault, fault, intrinsics, lower};
use mochi_ir as ir;
use std::collections::HashMap;

/// A compile-time value.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Const {
    /// An integer without a type; it takes the type of its context.
    Int(i128),
    /// An integer with a type.
    Typed(i128, Ty),
    Float(f64),
    Bool(bool),
}

/// A declared function.
#[derive(Clone, Debug)]
pub(super) struct FunInfo {
    pub sym: ir::Sym,
    pub params: Vec<Ty>,
    pub result: Option<Ty>,
    pub noreturn: bool,
}

/// A field: its offset in bytes, and the memory that it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct FieldInfo {
    pub offset: u32,
    pub region: ir::Region,
    /// As many as there are.
    many: bool,
}

/// A record.
#[derive(Clone, Debug, Default)]
struct Record {
    /// In bytes, without what there is as many as there are of.
    size: u32,
    fields: HashMap<String, FieldInfo>,
}

/// What a top-level name means.
#[derive(Clone, Debug)]
pub(super) enum Global {
    Const(Const),
    Var(ir::Sym, Ty),
    Fun(FunInfo),
    /// Data with its size in bytes, where known.
    Data(ir::Sym, Option<u64>),
}

/// The module while it is built.
pub(super) struct ModuleBuilder<'a> {
    pub module: ir::Module,
    items: HashMap<&'a str, &'a Item>,
    pub globals: HashMap<&'a str, Global>,
    records: HashMap<&'a str, Record>,
    /// The memory of globals.
    pub variables: ir::Region,
    strings: HashMap<String, ir::Sym>,
}

/// Builds the module of these declarations, and the table of its records.
pub(super) fn build(items: &[Item]) -> Result<Compiled, Vec<Fault>> {
    let mut module = ir::Module::new();
    let mut m = ModuleBuilder {
        variables: module.regions.declare(ir::regions::VARIABLE, ir::Promise::default()),
        module,
        items: HashMap::new(),
        globals: HashMap::new(),
        records: HashMap::new(),
        strings: HashMap::new(),
    };
    let mut faults = Vec::new();
    for item in items {
        faults.extend(m.register(item).err());
    }
    for item in items {
        faults.extend(m.record(&item.name, item.pos, 0).err());
    }
    for item in items {
        faults.extend(m.constant(&item.name, item.pos, 0).err());
    }
    for item in items {
        faults.extend(m.define_data(item).err());
    }
    for item in items {
        if let ItemKind::Fun(fun) = &item.kind {
            faults.extend(lower::lower(&mut m, item, fun).err());
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut layout = Vec::new();
    for (name, record) in &m.records {
        layout.push((format!("sizeof {name}"), record.size));
        layout.extend(record.fields.iter().map(|(field, info)| (format!("{name}.{field}"), info.offset)));
    }
    layout.sort();
    Ok(Compiled { module: m.module, layout })
}

impl<'a> ModuleBuilder<'a> {
    fn register(&mut self, item: &'a Item) -> Result<(), Fault> {
        if intrinsics::is_intrinsic(&item.name) || Ty::from_name(&item.name).is_some() {
            return fault(item.pos, format!("`{}` is a name of the dialect itself", item.name));
        }
        if let Some(old) = self.items.insert(&item.name, item) {
            return fault(item.pos, format!("`{}` is already declared in line {}", item.name, old.pos.line));
        }
        let global = match &item.kind {
            ItemKind::Const { .. } | ItemKind::Record { .. } => return Ok(()),
            ItemKind::Var { ty, .. } => Global::Var(self.module.declare_data(&item.name, true), *ty),
            ItemKind::Data(init) => {
                let export = !matches!(init, DataInit::Extern);
                Global::Data(self.module.declare_data(&item.name, export), None)
            }
            ItemKind::Fun(fun) => self.declare_fun(item, fun)?,
        };
        self.globals.insert(&item.name, global);
        Ok(())
    }

    fn declare_fun(&mut self, item: &Item, fun: &Fun) -> Result<Global, Fault> {
        let a = fun.attributes;
        if a.noreturn && fun.result.is_some() {
            return fault(item.pos, "a @noreturn function has no result");
        }
        let conv = match (a.cold, a.system) {
            (true, true) => return fault(item.pos, "@cold and @system are two conventions"),
            (true, false) => ir::Conv::PreserveAll,
            (false, true) => ir::Conv::System,
            (false, false) => ir::Conv::C,
        };
        let attributes = ir::Attributes {
            noreturn: a.noreturn,
            inline: a.inline,
            cold: a.cold || a.noreturn,
            quiet: a.quiet,
            bounded: a.quiet,
            barren: a.cold && !a.fresh,
            fresh: a.fresh,
            // The system's functions call nothing back.
            apart: fun.body.is_none() && (a.quiet || a.system),
            ..ir::Attributes::default()
        };
        let params: Vec<Ty> = fun.params.iter().map(|p| p.ty).collect();
        let sig = ir::Signature {
            params: params.iter().map(|t| t.ir()).collect(),
            result: fun.result.map(Ty::ir),
            conv,
        };
        let sym = self.module.declare_func(&item.name, sig, attributes, fun.body.is_some());
        Ok(Global::Fun(FunInfo { sym, params, result: fun.result, noreturn: a.noreturn }))
    }

    /// Lays a record out, on first use; nothing for other names.
    fn record(&mut self, name: &str, pos: Pos, depth: u32) -> Result<Option<&Record>, Fault> {
        let Some((&name, item)) = self.items.get_key_value(name) else {
            return fault(pos, format!("unknown name `{name}`"));
        };
        let item = *item;
        let ItemKind::Record { base, fields } = &item.kind else { return Ok(None) };
        if self.records.contains_key(name) {
            return Ok(self.records.get(name));
        }
        if depth > 100 {
            return fault(item.pos, format!("the record `{name}` begins with itself"));
        }
        let mut record = match base {
            Some(base) => match self.record(base, item.pos, depth + 1)? {
                Some(base) => base.clone(),
                None => return fault(item.pos, format!("`{base}` is not a record")),
            },
            None => Record::default(),
        };
        for field in fields.iter().filter(|f| !f.many).chain(fields.iter().filter(|f| f.many)) {
            let offset = record.size.next_multiple_of(field.ty.size());
            // What is in one word is one region.
            let neighbour = record.fields.values().find(|f| !field.many && f.offset / 8 == offset / 8);
            let region = match neighbour {
                Some(other) if self.module.regions.is_constant(other.region) != field.constant => {
                    return fault(field.pos, "fields in one word are all `let` or all `var`");
                }
                Some(field) => field.region,
                None => {
                    let Field { constant, count, by_kind, own, .. } = *field;
                    let promise = ir::Promise { constant, count, by_kind, own };
                    self.module.regions.declare(&format!("{name}.{}", field.name), promise)
                }
            };
            if record
                .fields
                .insert(field.name.clone(), FieldInfo { offset, region, many: field.many })
                .is_some()
            {
                return fault(field.pos, format!("`{name}` has a field `{}` already", field.name));
            }
            if !field.many {
                record.size = offset + field.ty.size();
            }
        }
        self.records.insert(name, record);
        Ok(self.records.get(name))
    }

    /// A field of a record.
    fn field(&mut self, name: &str, field: &str, pos: Pos) -> Result<FieldInfo, Fault> {
        match self.record(name, pos, 0)? {
            Some(record) => match record.fields.get(field) {
                Some(info) => Ok(*info),
                None => fault(pos, format!("`{name}` has no field `{field}`")),
            },
            None => fault(pos, format!("`{name}` is not a record")),
        }
    }

    /// The memory that an offset leads to: that of the field in it.
    pub fn region(&mut self, offset: &Expr) -> Result<ir::Region, Fault> {
        Ok(match &offset.kind {
            ExprKind::Field(name, field) => self.field(name, field, offset.pos)?.region,
            // What lies behind a field is another one.
            ExprKind::Binary(BinOp::Add, a, _) => match &a.kind {
                ExprKind::Field(name, field) if self.field(name, field, a.pos)?.many => self.region(a)?,
                _ => ir::Region::ANY,
            },
            _ => ir::Region::ANY,
        })
    }

    /// The value of a `const`, evaluated on first use; nothing for other names.
    fn constant(&mut self, name: &str, pos: Pos, depth: u32) -> Result<Option<Const>, Fault> {
        if let Some(global) = self.globals.get(name) {
            return Ok(if let Global::Const(c) = global { Some(*c) } else { None });
        }
        let Some(item) = self.items.get(name).copied() else {
            return fault(pos, format!("unknown name `{name}`"));
        };
        let ItemKind::Const { ty, value } = &item.kind else {
            return Ok(None);
        };
        if depth > 100 {
            return fault(item.pos, format!("the value of `{name}` depends on itself"));
        }
        let mut c = self.evaluate(value, depth + 1)?;
        if let Some(ty) = ty {
            c = adapt(c, *ty, item.pos)?;
        }
        self.globals.insert(&item.name, Global::Const(c));
        Ok(Some(c))
    }

    /// Evaluates a constant expression.
    pub fn evaluate(&mut self, e: &Expr, depth: u32) -> Result<Const, Fault> {
        match &e.kind {
            ExprKind::Int(n) => Ok(Const::Int(*n)),
            ExprKind::Float(x) => Ok(Const::Float(*x)),
            ExprKind::Bool(b) => Ok(Const::Bool(*b)),
            ExprKind::Name(name) => match self.constant(name, e.pos, depth)? {
                Some(c) => Ok(c),
                None => fault(e.pos, format!("`{name}` is not a constant")),
            },
            ExprKind::Field(name, field) => Ok(Const::Int(self.field(name, field, e.pos)?.offset.into())),
            ExprKind::Unary(op, a) => fold_unary(*op, self.evaluate(a, depth)?, e.pos),
            ExprKind::Binary(op, a, b) => {
                let (a, b) = (self.evaluate(a, depth)?, self.evaluate(b, depth)?);
                fold_binary(*op, a, b, e.pos)
            }
            ExprKind::Cast(a, ty) => fold_cast(self.evaluate(a, depth)?, *ty, e.pos),
            ExprKind::Call(f, args) if f == "sizeof" => {
                self.size_of(args, e.pos).map(|n| Const::Int(n as i128))
            }
            _ => fault(e.pos, "not a constant expression"),
        }
    }

    /// `sizeof` of data or a record, in bytes.
    pub fn size_of(&mut self, args: &[Expr], pos: Pos) -> Result<u64, Fault> {
        if let [Expr { kind: ExprKind::Name(name), .. }] = args
            && let Some(record) = self.record(name, pos, 0)?
        {
            return Ok(record.size.into());
        }
        if let [Expr { kind: ExprKind::Name(name), .. }] = args
            && let Some(item) = self.items.get(name.as_str())
            && let ItemKind::Data(DataInit::Elements(ty, elements)) = &item.kind
            && !elements.iter().any(|e| matches!(e.kind, ExprKind::Str(_)) && *ty == Ty::U8)
        {
            return Ok(ty.size() as u64 * elements.len() as u64);
        }
        if let [Expr { kind: ExprKind::Name(name), .. }] = args
            && let Some(Global::Data(_, Some(size))) = self.globals.get(name.as_str())
        {
            return Ok(*size);
        }
        fault(pos, "`sizeof` needs the name of a record or of data with a known size")
    }

    /// The symbol of a static string object with this text.
    pub fn string(&mut self, text: &str) -> ir::Sym {
        if let Some(&sym) = self.strings.get(text) {
            return sym;
        }
        let desc = self.module.declare_data("desc_str", false);
        let sym = self.module.declare_data(&format!("rt_str_{}", self.strings.len()), true);
        self.strings.insert(text.to_string(), sym);
        let mut bytes = vec![0; 8];
        bytes.extend((text.len() as u64).to_le_bytes());
        bytes.extend((text.chars().count() as u64).to_le_bytes());
        bytes.extend([0; 8]);
        bytes.extend(text.as_bytes());
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        let relocs =
            vec![ir::Reloc { offset: 0, sym: desc, addend: 0 }, ir::Reloc { offset: 24, sym, addend: 32 }];
        let data = ir::Data { bytes, relocs, ..ir::Data::new(sym) };
        self.module.datas.push(data);
        sym
    }

    fn define_data(&mut self, item: &'a Item) -> Result<(), Fault> {
        let (sym, mut data) = match self.globals.get(item.name.as_str()) {
            Some(Global::Var(sym, _) | Global::Data(sym, _)) => (*sym, ir::Data::new(*sym)),
            _ => return Ok(()),
        };
        match &item.kind {
            ItemKind::Var { ty, value } => {
                data.writable = true;
                data.roots = *ty == Ty::Ref;
                // A global has eight bytes whatever its type.
                let wide = if *ty == Ty::F64 { Ty::F64 } else { Ty::I64 };
                self.check_var(*ty, value)?;
                self.element(&mut data, wide, value)?;
                if data.relocs.is_empty() && data.bytes.iter().all(|b| *b == 0) {
                    data.bytes.clear();
                    data.zero_size = 8;
                }
            }
            ItemKind::Data(DataInit::Zero(size)) => {
                data.writable = true;
                data.align = 16;
                data.zero_size = match self.evaluate(size, 0)? {
                    Const::Int(n) | Const::Typed(n, _) if (1..1 << 40).contains(&n) => n as u64,
                    _ => return fault(size.pos, "not a size"),
                };
            }
            ItemKind::Data(DataInit::Elements(ty, elements)) => {
                for e in elements {
                    self.element(&mut data, *ty, e)?;
                }
                if data.bytes.is_empty() {
                    return fault(item.pos, "data cannot be empty");
                }
            }
            _ => return Ok(()),
        }
        if let ItemKind::Data(_) = item.kind {
            let size = data.zero_size + data.bytes.len() as u64;
            self.globals.insert(&item.name, Global::Data(sym, Some(size)));
        }
        self.module.datas.push(data);
        Ok(())
    }

    fn check_var(&mut self, ty: Ty, value: &Expr) -> Result<(), Fault> {
        if self.address(value)?.is_some() {
            return if ty.is_address() {
                Ok(())
            } else {
                fault(value.pos, format!("an address is not of type {ty}"))
            };
        }
        let c = self.evaluate(value, 0)?;
        adapt(c, ty, value.pos).map(|_| ())
    }

    /// `addr(name)`, `addr(name) + n` or a string: symbol and addend.
    fn address(&mut self, e: &Expr) -> Result<Option<(ir::Sym, i64)>, Fault> {
        match &e.kind {
            ExprKind::Str(s) => Ok(Some((self.string(s), 0))),
            ExprKind::Call(f, args) if f == "addr" => {
                let [Expr { kind: ExprKind::Name(name), pos }] = args.as_slice() else {
                    return fault(e.pos, "`addr` needs a name");
                };
                self.symbol(name, *pos).map(|s| Some((s, 0)))
            }
            ExprKind::Binary(BinOp::Add, a, b) => match self.address(a)? {
                Some((sym, base)) => match self.evaluate(b, 0)? {
                    Const::Int(n) => Ok(Some((sym, base + n as i64))),
                    _ => fault(b.pos, "not an offset"),
                },
                None => Ok(None),
            },
            _ => Ok(None),
        }
    }

    /// The symbol of a function, global or data item.
    pub fn symbol(&self, name: &str, pos: Pos) -> Result<ir::Sym, Fault> {
        match self.globals.get(name) {
            Some(Global::Fun(info)) => Ok(info.sym),
            Some(Global::Var(sym, _) | Global::Data(sym, _)) => Ok(*sym),
            Some(Global::Const(_)) => fault(pos, format!("the constant `{name}` has no address")),
            None => fault(pos, format!("unknown name `{name}`")),
        }
    }

    /// Appends one element of static data.
    fn element(&mut self, data: &mut ir::Data, ty: Ty, e: &Expr) -> Result<(), Fault> {
        if let (ExprKind::Str(s), Ty::U8) = (&e.kind, ty) {
            data.bytes.extend(s.as_bytes());
            return Ok(());
        }
        if let Some((sym, addend)) = self.address(e)? {
            if ty.size() != 8 || ty == Ty::F64 {
                return fault(e.pos, format!("an address is not of type {ty}"));
            }
            data.relocs.push(ir::Reloc { offset: data.bytes.len() as u32, sym, addend });
            data.bytes.extend([0; 8]);
            return Ok(());
        }
        match self.evaluate(e, 0)? {
            Const::Float(x) if ty.size() == 8 => data.bytes.extend(x.to_bits().to_le_bytes()),
            Const::Bool(b) if ty.is_int() => {
                data.bytes.extend(&(b as u64).to_le_bytes()[..ty.size() as usize])
            }
            Const::Int(n) | Const::Typed(n, _) if ty.holds(n) => {
                data.bytes.extend(&(n as u64).to_le_bytes()[..ty.size() as usize]);
            }
            _ => return fault(e.pos, format!("not a value of type {ty}")),
        }
        Ok(())
    }
}

/// A constant as a value of a type, where the dialect allows that without `as`.
pub(super) fn adapt(c: Const, ty: Ty, pos: Pos) -> Result<Const, Fault> {
    match c {
        Const::Int(n) if ty != Ty::Bool && ty.holds(n) => Ok(Const::Typed(wrap(n, ty), ty)),
        Const::Int(n) if ty.is_int() => fault(pos, format!("{n} does not fit {ty}")),
        Const::Int(_) => fault(pos, format!("expected {ty}, found an integer")),
        Const::Typed(_, t) if t == ty => Ok(c),
        Const::Typed(_, t) => fault(pos, format!("expected {ty}, found {t}")),
        Const::Float(_) if ty == Ty::F64 => Ok(c),
        Const::Float(_) => fault(pos, format!("expected {ty}, found f64")),
        Const::Bool(_) if ty == Ty::Bool => Ok(c),
        Const::Bool(_) => fault(pos, format!("expected {ty}, found bool")),
    }
}
