//! `match`: as a value and as a statement, with nested patterns, sometimes of many arms.

use super::tree::{Expr, Part, Stmt, parts};
use super::types::Ty;
use super::writer::{Writer, stmt};

/// Arms from which on a match is large: what its arms do is small.
const LARGE: usize = 16;

impl Writer {
    /// What is matched, and its type; `large`: it may take many arms.
    fn matched(&mut self, d: u32, large: bool) -> (Ty, Expr) {
        let fits = |u: &usize| large || self.decls.unions[*u].variants.len() < LARGE;
        let unions: Vec<usize> = (0..self.decls.unions.len()).filter(fits).collect();
        let ty = match self.below(10) {
            0..=5 if !unions.is_empty() => Ty::Union(self.pick(&unions)),
            6 => Ty::Str,
            7 => Ty::Bool,
            8 => Ty::opt(self.optional_type()),
            _ => Ty::Int,
        };
        let e = self.expr(&ty, d);
        (ty, e)
    }

    /// A match that gives a value.
    pub fn match_value(&mut self, ty: &Ty, d: u32) -> Option<Expr> {
        let mut parts = parts!["("];
        parts.extend(self.match_parts(ty, d)?);
        parts.push(")".into());
        Some(self.expr_of(ty, parts))
    }

    /// The same without parentheses, as a statement.
    pub fn match_parts(&mut self, ty: &Ty, d: u32) -> Option<Vec<Part>> {
        if matches!(ty, Ty::Opt(_) | Ty::Fun(..) | Ty::Param(_)) {
            return None;
        }
        let (of, value) = self.matched(d, true);
        let mut parts = parts!["match (", value, ") { "];
        let large = self.chance(5);
        let patterns = self.patterns(&of, large);
        let last = patterns.len() - 1;
        let d = if last > LARGE { 0 } else { d };
        for (i, (pattern, binds)) in patterns.into_iter().enumerate() {
            let mark = self.scope.mark();
            binds.iter().for_each(|(name, ty)| self.declare(name, ty, true));
            let arm: Part = match self.pure == 0 && self.chance(20) {
                true if i < last => self.value_or_return(ty, d.min(1)).into(),
                true => self.value_block(ty, d.min(1)).into(),
                false => self.expr(ty, d.min(2)).into(),
            };
            self.scope.leave(mark);
            parts.extend(parts![format!("{pattern} => "), arm, ", "]);
        }
        parts.pop();
        parts.push(" }".into());
        Some(parts)
    }

    pub fn match_statement(&mut self, nesting: u32) -> Vec<Stmt> {
        let (of, value) = self.matched(2, false);
        let mut parts = parts!["match (", value, ") {"];
        for (pattern, binds) in self.patterns(&of, false) {
            let mark = self.scope.mark();
            binds.iter().for_each(|(name, ty)| self.declare(name, ty, true));
            let (result, loops) = (self.result.take(), std::mem::take(&mut self.loops));
            let body = self.body(nesting);
            (self.result, self.loops) = (result, loops);
            self.scope.leave(mark);
            parts.extend(parts![format!("\n  {pattern} => "), body]);
        }
        parts.push(" }".into());
        vec![stmt(parts)]
    }

    /// Patterns that together match every value, with the variables that each binds.
    fn patterns(&mut self, ty: &Ty, large: bool) -> Vec<(String, Vec<(String, Ty)>)> {
        let all = || ("_".to_string(), Vec::new());
        match ty {
            Ty::Bool => vec![("true".into(), Vec::new()), ("false".into(), Vec::new())],
            Ty::Opt(_) => vec![("none".into(), Vec::new()), all()],
            Ty::Str => vec![("\"a\"".into(), Vec::new()), ("\"é\"".into(), Vec::new()), all()],
            Ty::Int if large => {
                let (first, step, count) = (self.below(3), self.below(3) + 1, self.below(13) + 28);
                let literal = |k: usize| ((first + k * step).to_string(), Vec::new());
                let mut rows: Vec<_> = (0..count).map(literal).collect();
                rows.push(all());
                rows
            }
            Ty::Int => {
                let mut rows: Vec<_> = ["1", "2", "0", "4611686018427387904"]
                    .iter()
                    .map(|t| (t.to_string(), Vec::new()))
                    .collect();
                rows.truncate(self.pick(&[1, 2, 4]));
                rows.push(all());
                rows
            }
            Ty::Union(i) => {
                let mut rows = Vec::new();
                let variants = self.decls.unions[*i].variants.clone();
                let covered = if self.chance(70) { variants.len() } else { self.below(variants.len()) + 1 };
                for v in &variants[..covered] {
                    // A narrower pattern first, whose values the wide one does not get.
                    let narrows =
                        |f: &(String, Ty)| matches!(f.1, Ty::Int | Ty::Str | Ty::Bool | Ty::Union(_));
                    if v.fields.iter().any(narrows) && self.chance(30) {
                        rows.push(self.variant_pattern(&v.name, &v.fields, true));
                    }
                    rows.push(self.variant_pattern(&v.name, &v.fields, false));
                }
                if covered < variants.len() || self.chance(10) {
                    rows.push(all());
                }
                rows
            }
            _ => vec![all()],
        }
    }

    fn variant_pattern(
        &mut self,
        name: &str,
        fields: &[(String, Ty)],
        narrow: bool,
    ) -> (String, Vec<(String, Ty)>) {
        if fields.is_empty() {
            return (name.to_string(), Vec::new());
        }
        let mut binds = Vec::new();
        let mut shown: Vec<String> = Vec::new();
        for (_, ty) in fields {
            let inner = match ty {
                Ty::Int if narrow => Some(self.pick(&["1", "2", "0"]).to_string()),
                Ty::Str if narrow => Some("\"a\"".to_string()),
                Ty::Bool if narrow => Some("true".to_string()),
                Ty::Union(i) if narrow => {
                    let variants = self.decls.unions[*i].variants.clone();
                    let v = self.pick(&variants);
                    let (text, more) = self.variant_pattern(&v.name, &v.fields, false);
                    binds.extend(more);
                    Some(text)
                }
                _ => None,
            };
            shown.push(match inner {
                Some(text) => text,
                None if self.chance(20) => "_".to_string(),
                None => {
                    let name = self.fresh("b");
                    binds.push((name.clone(), ty.clone()));
                    name
                }
            });
        }
        (format!("{name}({})", shown.join(", ")), binds)
    }
}
