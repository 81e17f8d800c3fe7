//! What the generator makes: source text as a tree, in which reduction can delete and exchange parts.

use std::fmt::Write;
use std::sync::Arc;

/// A piece of source text.
#[derive(Clone, Debug)]
pub enum Part {
    /// Text as it is.
    Text(String),
    /// An expression.
    Expr(Expr),
    /// Statements in braces.
    Block(Block),
}

/// An expression, whose text is that of its parts in order.
#[derive(Clone, Debug)]
pub struct Expr {
    /// Its type as the language writes it.
    pub ty: Arc<str>,
    /// Its text.
    pub parts: Vec<Part>,
}

/// A statement.
#[derive(Clone, Debug)]
pub struct Stmt {
    /// Its text.
    pub parts: Vec<Part>,
}

/// Statements.
#[derive(Clone, Debug, Default)]
pub struct Block(pub Vec<Stmt>);

impl From<&str> for Part {
    fn from(text: &str) -> Part {
        Part::Text(text.to_string())
    }
}

impl From<String> for Part {
    fn from(text: String) -> Part {
        Part::Text(text)
    }
}

impl From<Expr> for Part {
    fn from(e: Expr) -> Part {
        Part::Expr(e)
    }
}

impl From<Block> for Part {
    fn from(b: Block) -> Part {
        Part::Block(b)
    }
}

/// Parts from anything that is one.
macro_rules! parts {
    ($($part:expr),* $(,)?) => { vec![$($crate::generate::tree::Part::from($part)),*] };
}
pub(super) use parts;

/// Puts `separator` between expressions.
pub fn separated(items: Vec<Expr>, separator: &str) -> Vec<Part> {
    let mut parts = Vec::with_capacity(items.len() * 2);
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            parts.push(separator.into());
        }
        parts.push(item.into());
    }
    parts
}

impl Expr {
    /// The simplest expression of this type, if there is a short one.
    pub fn simplest(ty: &Arc<str>) -> Option<Expr> {
        let text = match &**ty {
            "int" => "1".to_string(),
            "float" => "1.5".to_string(),
            "bool" => "true".to_string(),
            "string" => "\"s\"".to_string(),
            "any" => "(1 as any)".to_string(),
            list if list.starts_with("list<") && !list.ends_with('?') => format!("([] as {list})"),
            map if map.starts_with("map<") && !map.ends_with('?') => format!("({{}} as {map})"),
            _ => return None,
        };
        Some(Expr { ty: ty.clone(), parts: vec![Part::Text(text)] })
    }

    /// Its text in one string; blocks in it take several lines.
    pub fn text(&self) -> String {
        let mut out = String::new();
        print_parts(&self.parts, 0, &mut out);
        out
    }
}

impl Block {
    /// The statements, each on lines of its own, without braces.
    pub fn text(&self) -> String {
        let mut out = String::new();
        print_statements(self, 0, &mut out);
        out
    }
}

fn print_statements(block: &Block, indent: usize, out: &mut String) {
    for s in &block.0 {
        let _ = write!(out, "{:1$}", "", indent * 2);
        print_parts(&s.parts, indent, out);
        out.push('\n');
    }
}

fn print_parts(parts: &[Part], indent: usize, out: &mut String) {
    for p in parts {
        match p {
            Part::Text(t) => out.push_str(t),
            Part::Expr(e) => print_parts(&e.parts, indent, out),
            Part::Block(b) => {
                out.push_str("{\n");
                print_statements(b, indent + 1, out);
                let _ = write!(out, "{:1$}}}", "", indent * 2);
            }
        }
    }
}
