//! The syntax tree as text for people (`--emit ast`) and for tests.
//!
//! A statement is a line that begins with its position (`line:column`); the statements of a block
//! are indented below. Expressions are in prefix form, which shows how operators group:
//! `1 + 2 * x` is `(+ 1 (* 2 x))`. Parentheses of the source are `(paren e)`.

use crate::ast::*;
use crate::span::{SourceMap, Span};
use std::fmt::{Display, Write};

/// The tree of a file as text.
pub fn dump(program: &Program, map: &SourceMap) -> String {
    let mut d = Dump { out: String::new(), indent: 0, map };
    if let Some(name) = &program.package {
        d.line(name.span, format_args!("package {}", name.name));
        d.out.push('\n');
    }
    d.statements(&program.statements);
    d.out
}

struct Dump<'a> {
    out: String,
    indent: usize,
    map: &'a SourceMap,
}

impl Dump<'_> {
    /// Begins a line: indentation, position, text.
    fn line(&mut self, span: Span, text: impl Display) {
        let (line, column) = self.map.file(span.file).position(span.start);
        self.text(format_args!("{:1$}{line}:{column} {text}", "", 2 * self.indent));
    }

    fn text(&mut self, text: impl Display) {
        // Writing to a String cannot fail.
        let _ = write!(self.out, "{text}");
    }

    fn statements(&mut self, statements: &[Stmt]) {
        for s in statements {
            self.statement(s);
        }
    }

    /// The lines of a block, one level deeper.
    fn block(&mut self, block: &Block) {
        self.out.push('\n');
        self.indent += 1;
        self.statements(&block.statements);
        self.indent -= 1;
    }

    fn statement(&mut self, s: &Stmt) {
        let at = s.span;
        match &s.kind {
            StmtKind::Test { name, body } => self.with_block(at, format_args!("test {name:?}"), body),
            StmtKind::Bench { name, body } => self.with_block(at, format_args!("bench {name:?}"), body),
            StmtKind::Agent { name, body } => self.with_block(at, format_args!("agent {}", name.name), body),
            StmtKind::On { stream, alias, body } => {
                self.with_block(at, format_args!("on {} as {}", stream.name, alias.name), body);
            }
            StmtKind::Fun(f) => self.function(at, "fun", f),
            StmtKind::Intent(f) => self.function(at, "intent", f),
            StmtKind::If { cond, then, otherwise } => {
                self.line(at, "if ");
                self.expr(cond);
                self.block(then);
                self.otherwise(otherwise.as_deref());
            }
            StmtKind::While { cond, body } => {
                self.line(at, "while ");
                self.expr(cond);
                self.block(body);
            }
            StmtKind::For { name, source, end, inclusive, body } => {
                self.line(at, format_args!("for {} in ", name.name));
                self.expr(source);
                if let Some(end) = end {
                    self.text(if *inclusive { " ..= " } else { " .. " });
                    self.expr(end);
                }
                self.block(body);
            }
            StmtKind::Type(t) => self.type_decl(at, t),
            _ => {
                self.line(at, "");
                self.simple(&s.kind);
                self.out.push('\n');
            }
        }
    }

    /// A statement of one line.
    fn simple(&mut self, kind: &StmtKind) {
        match kind {
            StmtKind::Expect(e) => self.clause("expect ", Some(e)),
            StmtKind::Expr(e) => self.expr(e),
            StmtKind::Return(e) => {
                self.text("return");
                self.clause(" ", e.as_ref());
            }
            StmtKind::Break => self.text("break"),
            StmtKind::Continue => self.text("continue"),
            StmtKind::Let { mutable, name, ty, value } => {
                self.text(format_args!("{} {}", if *mutable { "var" } else { "let" }, name.name));
                self.annotation(ty.as_ref());
                self.clause(" = ", value.as_ref());
            }
            StmtKind::Assign { name, path, op, value } => {
                self.text(&name.name);
                for place in path {
                    match place {
                        Place::Index { index, .. } => {
                            self.clause("[", Some(index));
                            self.text("]");
                        }
                        Place::Slice(_) => self.text("[0:]"),
                        Place::Field(f) => self.text(format_args!(".{}", f.name)),
                    }
                }
                self.text(format_args!(" {}= ", op.map_or("", BinOp::text)));
                self.expr(value);
            }
            StmtKind::Import { language, path, alias, auto } => {
                self.text("import ");
                if let Some(l) = language {
                    self.text(format_args!("{} ", l.name));
                }
                self.text(format_args!("{path:?}"));
                if let Some(a) = alias {
                    self.text(format_args!(" as {}", a.name));
                }
                self.text(if *auto { " auto" } else { "" });
            }
            StmtKind::Extern(e) => self.external(e),
            StmtKind::Stream { name, fields } => {
                self.text(format_args!("stream {} {}", name.name, Fields(fields)))
            }
            StmtKind::Model { name, entries } => {
                self.text(format_args!("model {}", name.name));
                self.entries(entries);
            }
            StmtKind::Emit { stream, fields } => {
                self.text(format_args!("emit {}", stream.name));
                self.entries(fields);
            }
            StmtKind::Fact(p) => self.text(format_args!("fact {}", Predicate(p))),
            StmtKind::Rule { head, body } => {
                self.text(format_args!("rule {} :-", Predicate(head)));
                for (i, c) in body.iter().enumerate() {
                    self.text(if i > 0 { ", " } else { " " });
                    match c {
                        Cond::Pred(p) => self.text(Predicate(p)),
                        Cond::NotEqual(a, b) => self.text(format_args!("{} != {}", a.name, b.name)),
                    }
                }
            }
            StmtKind::Fetch { url, target, with } => {
                self.clause("fetch ", Some(url));
                self.text(format_args!(" into {}", target.name));
                self.clause(" with ", with.as_ref());
            }
            StmtKind::Update { target, set, filter } => {
                self.text(format_args!("update {} set", target.name));
                self.entries(set);
                self.clause(" where ", filter.as_ref());
            }
            // These have blocks, see `statement`.
            StmtKind::Test { .. } | StmtKind::Bench { .. } | StmtKind::Agent { .. } => {}
            StmtKind::On { .. } | StmtKind::Fun(_) | StmtKind::Intent(_) | StmtKind::Type(_) => {}
            StmtKind::If { .. } | StmtKind::While { .. } | StmtKind::For { .. } => {}
        }
    }

    fn with_block(&mut self, at: Span, head: impl Display, body: &Block) {
        self.line(at, head);
        self.block(body);
    }

    fn otherwise(&mut self, mut otherwise: Option<&Else>) {
        while let Some(part) = otherwise {
            match part {
                Else::Block(b) => {
                    self.line(b.span, "else");
                    self.block(b);
                    return;
                }
                Else::If(s) => {
                    let StmtKind::If { cond, then, otherwise: next } = &s.kind else { return };
                    self.line(s.span, "else if ");
                    self.expr(cond);
                    self.block(then);
                    otherwise = next.as_deref();
                }
            }
        }
    }

    fn function(&mut self, at: Span, word: &str, f: &Fun) {
        self.line(at, format_args!("{}{word} ", if f.export { "export " } else { "" }));
        self.text(Signature(f));
        match &f.body {
            FunBody::Block(b) => self.block(b),
            FunBody::Expr(e) => {
                self.clause(" => ", Some(e));
                self.out.push('\n');
            }
        }
    }

    fn type_decl(&mut self, at: Span, t: &TypeDecl) {
        self.line(at, format_args!("type {}", t.name.name));
        match &t.kind {
            TypeDeclKind::Alias(ty) => self.text(format_args!(" = {}\n", Type(ty))),
            TypeDeclKind::Struct { fields, methods } => {
                self.text(format_args!(" {}\n", Fields(fields)));
                self.indent += 1;
                for m in methods {
                    self.function(m.span, "fun", m);
                }
                self.indent -= 1;
            }
            TypeDeclKind::Union(variants) => {
                for (i, v) in variants.iter().enumerate() {
                    self.text(format_args!(
                        "{}{} {}",
                        if i > 0 { " | " } else { " = " },
                        v.name.name,
                        Fields(&v.fields)
                    ));
                }
                self.out.push('\n');
            }
        }
    }

    fn external(&mut self, e: &Extern) {
        let dotted = |path: &[Ident]| path.iter().map(|i| i.name.as_str()).collect::<Vec<_>>().join(".");
        match e {
            Extern::Type(name) => self.text(format_args!("extern type {}", name.name)),
            Extern::Object(name) => self.text(format_args!("extern object {}", name.name)),
            Extern::Var { path, ty } => self.text(format_args!("extern var {}: {}", dotted(path), Type(ty))),
            Extern::Fun { path, params, result } => {
                self.text(format_args!("extern fun {}{}", dotted(path), Params(params)));
                self.annotation(result.as_ref());
            }
        }
    }

    fn annotation(&mut self, ty: Option<&TypeRef>) {
        if let Some(ty) = ty {
            self.text(format_args!(": {}", Type(ty)));
        }
    }

    /// `word` and the expression, when there is one.
    fn clause(&mut self, word: &str, e: Option<&Expr>) {
        if let Some(e) = e {
            self.text(word);
            self.expr(e);
        }
    }

    /// ` {name: value, ...}`
    fn entries(&mut self, entries: &[(Ident, Expr)]) {
        self.text(" {");
        for (i, (name, value)) in entries.iter().enumerate() {
            self.text(format_args!("{}{}: ", if i > 0 { ", " } else { "" }, name.name));
            self.expr(value);
        }
        self.text("}");
    }

    /// `(word e e ...)`
    fn form<'e>(&mut self, word: impl Display, parts: impl IntoIterator<Item = &'e Expr>) {
        self.text(format_args!("({word}"));
        for e in parts {
            self.text(" ");
            self.expr(e);
        }
        self.text(")");
    }

    fn expr(&mut self, e: &Expr) {
        match &e.kind {
            ExprKind::Int(v) => self.text(v),
            ExprKind::Float(v) => self.text(format_args!("{v:?}")),
            ExprKind::Bool(v) => self.text(v),
            ExprKind::Str(v) => self.text(format_args!("{v:?}")),
            ExprKind::None => self.text("none"),
            ExprKind::Name(name) => self.text(&name.name),
            ExprKind::Paren(e) => self.form("paren", [&**e]),
            ExprKind::List(items) => self.form("list", items),
            ExprKind::Map(items) => self.form("map", items.iter().flat_map(|(k, v)| [k, v])),
            ExprKind::Struct { name, fields } => {
                self.text(format_args!("(struct {}", name.name));
                self.entries(fields);
                self.text(")");
            }
            ExprKind::Lambda(f) => self.lambda(f),
            ExprKind::Unary { op, operand } => {
                self.form(if *op == UnOp::Neg { "-" } else { "!" }, [&**operand])
            }
            ExprKind::Binary { op, left, right, .. } => self.form(op.text(), [&**left, &**right]),
            ExprKind::Call { callee, args } => self.form("call", std::iter::once(&**callee).chain(args)),
            ExprKind::Field { base, field } => self.form(format_args!(". {}", field.name), [&**base]),
            ExprKind::SafeField { base, field } => self.form(format_args!("?. {}", field.name), [&**base]),
            ExprKind::Index { base, index } => self.form("index", [&**base, &**index]),
            ExprKind::SafeIndex { base, index } => self.form("?index", [&**base, &**index]),
            ExprKind::Slice { base, start, end, step } => {
                self.clause("(slice ", Some(base));
                for bound in [start, end, step] {
                    self.text(" ");
                    match bound {
                        Some(e) => self.expr(e),
                        None => self.text("_"),
                    }
                }
                self.text(")");
            }
            ExprKind::Cast { value, ty } => self.form(format_args!("as {}", Type(ty)), [&**value]),
            ExprKind::If { cond, then, otherwise } => {
                self.form("if", [&**cond, &**then].into_iter().chain(otherwise.as_deref()));
            }
            ExprKind::Match { value, arms } => {
                self.clause("(match ", Some(value));
                for arm in arms {
                    self.clause(" [", Some(&arm.pattern));
                    self.clause(" => ", Some(&arm.result));
                    self.text("]");
                }
                self.text(")");
            }
            ExprKind::Query(q) => self.query(q),
            ExprKind::LogicQuery(p) => self.text(format_args!("(query {})", Predicate(p))),
            ExprKind::Generate { model, fields } => {
                self.text(format_args!("(generate {}", model.name));
                self.entries(fields);
                self.text(")");
            }
            ExprKind::Fetch { url, with } => {
                self.form("fetch", std::iter::once(&**url).chain(with.as_deref()))
            }
            ExprKind::Load { path, ty, with } => {
                let path = path.as_deref().unwrap_or("-");
                self.form(format_args!("load {path:?} as {}", Type(ty)), with.as_deref());
            }
            ExprKind::Save { value, path, with } => {
                let path = path.as_deref().unwrap_or("-");
                self.form(format_args!("save {path:?}"), std::iter::once(&**value).chain(with.as_deref()));
            }
            ExprKind::Block(b) => self.nested("(block", b),
            ExprKind::Error => self.text("(error)"),
        }
    }

    /// A block inside an expression: its statements on lines of their own.
    fn nested(&mut self, head: impl Display, block: &Block) {
        self.text(head);
        self.indent += 1;
        self.block(block);
        self.indent -= 1;
        self.text(format_args!("{:1$})", "", 2 * (self.indent + 1)));
    }

    fn lambda(&mut self, f: &Fun) {
        match &f.body {
            FunBody::Block(b) => self.nested(format_args!("(fun {}", Signature(f)), b),
            FunBody::Expr(e) => self.form(format_args!("fun {} =>", Signature(f)), [&**e]),
        }
    }

    fn query(&mut self, q: &Query) {
        self.text("(");
        for (i, (name, source)) in q.sources.iter().enumerate() {
            self.text(format_args!("{}from {} in ", if i > 0 { " " } else { "" }, name.name));
            self.expr(source);
        }
        for j in &q.joins {
            let side = match j.kind {
                JoinKind::Inner => "",
                JoinKind::Left => "left ",
                JoinKind::Right => "right ",
                JoinKind::Outer => "outer ",
            };
            self.text(format_args!(" {side}join {} in ", j.name.name));
            self.expr(&j.source);
            self.clause(" on ", Some(&j.on));
        }
        self.clause(" where ", q.filter.as_ref());
        if let Some(g) = &q.group {
            for (i, key) in g.keys.iter().enumerate() {
                self.clause(if i > 0 { ", " } else { " group by " }, Some(key));
            }
            self.text(format_args!(" into {}", g.name.name));
            self.clause(" having ", g.having.as_ref());
        }
        for (i, key) in q.sort.iter().enumerate() {
            self.clause(if i > 0 { ", " } else { " sort by " }, Some(key));
        }
        self.clause(" skip ", q.skip.as_ref());
        self.clause(" take ", q.take.as_ref());
        self.clause(if q.distinct { " select distinct " } else { " select " }, Some(&q.select));
        self.text(")");
    }
}

/// Items with a separator between.
fn separated<T: Display>(
    f: &mut std::fmt::Formatter<'_>,
    items: impl IntoIterator<Item = T>,
) -> std::fmt::Result {
    for (i, item) in items.into_iter().enumerate() {
        write!(f, "{}{item}", if i > 0 { ", " } else { "" })?;
    }
    Ok(())
}

/// A type as in the source.
struct Type<'a>(&'a TypeRef);

impl Display for Type<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0.kind {
            TypeRefKind::Name(name) => f.write_str(name),
            TypeRefKind::Generic(name, args) => {
                write!(f, "{name}<")?;
                separated(f, args.iter().map(Type))?;
                f.write_str(">")
            }
            TypeRefKind::Fun(params, result) => {
                f.write_str("fun(")?;
                separated(f, params.iter().map(Type))?;
                f.write_str(")")?;
                result.as_ref().map_or(Ok(()), |r| write!(f, ": {}", Type(r)))
            }
            TypeRefKind::Struct(fields) => write!(f, "{}", Fields(fields)),
            TypeRefKind::Option(ty) => write!(f, "{}?", Type(ty)),
        }
    }
}

/// `{name: type, ...}`
struct Fields<'a>(&'a [Field]);

impl Display for Fields<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("{")?;
        separated(f, self.0.iter().map(|x| format!("{}: {}", x.name.name, Type(&x.ty))))?;
        f.write_str("}")
    }
}

/// `(name: type, ...)`
struct Params<'a>(&'a [Param]);

impl Display for Params<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(")?;
        separated(
            f,
            self.0.iter().map(|p| match &p.ty {
                Some(ty) => format!("{}: {}", p.name.name, Type(ty)),
                None => p.name.name.clone(),
            }),
        )?;
        f.write_str(")")
    }
}

/// `name<T>(params): result ! effects`
struct Signature<'a>(&'a Fun);

impl Display for Signature<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let fun = self.0;
        f.write_str(fun.name.as_ref().map_or("", |n| &n.name))?;
        if !fun.generics.is_empty() {
            f.write_str("<")?;
            separated(f, fun.generics.iter().map(|g| &g.name))?;
            f.write_str(">")?;
        }
        write!(f, "{}", Params(&fun.params))?;
        if let Some(ty) = &fun.result {
            write!(f, ": {}", Type(ty))?;
        }
        if let Some(effects) = &fun.effects {
            f.write_str(" ! ")?;
            separated(f, effects.iter().map(|e| &e.name))?;
        }
        Ok(())
    }
}

/// `name(terms)`
struct Predicate<'a>(&'a Pred);

impl Display for Predicate<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}(", self.0.name.name)?;
        separated(
            f,
            self.0.terms.iter().map(|t| match t {
                Term::Var(name) => name.name.clone(),
                Term::Str(s) => format!("{s:?}"),
                Term::Int(v) => v.to_string(),
            }),
        )?;
        f.write_str(")")
    }
}
