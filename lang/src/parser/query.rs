//! Queries: `from x in xs ... select e`.

use super::expr::begins_operand;
use super::{Parse, Parser};
use crate::ast::{Expr, ExprKind, Group, Ident, Join, JoinKind, Query};
use crate::lexer::Kind;

impl Parser<'_> {
    /// A query, at `from`. The clauses have a fixed order.
    pub(super) fn query(&mut self) -> Parse<ExprKind> {
        let start = self.here();
        let mut sources = Vec::new();
        while self.at_word("from") {
            self.bump();
            sources.push(self.variable_in()?);
        }
        let mut joins = Vec::new();
        while let Some(kind) = self.join_kind() {
            joins.push(self.join(kind)?);
        }
        let filter = if self.eat_word("where") { Some(self.expr()?) } else { None };
        let group = if self.at_word("group") { Some(self.group()?) } else { None };
        let sort = if self.at_word("sort") || self.at_word("order") { self.sort()? } else { Vec::new() };
        let skip = if self.eat_word("skip") { Some(self.expr()?) } else { None };
        let take = if self.eat_word("take") { Some(self.expr()?) } else { None };
        if !self.at_word("select") {
            let label = (start, "this query has no `select`");
            return Err(self.unexpected_with(self.missing_select(), None, &[label]));
        }
        self.bump();
        let distinct = self.at_word("distinct") && begins_operand(self.peek(1));
        if distinct {
            self.bump();
        }
        let select = self.expr()?;
        Ok(ExprKind::Query(Box::new(Query {
            sources,
            joins,
            filter,
            group,
            sort,
            skip,
            take,
            distinct,
            select,
        })))
    }

    /// What to say where `select` is expected: a clause out of order is the usual reason.
    fn missing_select(&self) -> &'static str {
        let clause = matches!(
            self.text_at(0),
            "from"
                | "join"
                | "left"
                | "right"
                | "outer"
                | "where"
                | "group"
                | "sort"
                | "order"
                | "skip"
                | "take"
        );
        if clause && self.kind() == Kind::Ident {
            "`select` (the order of clauses is from, join, where, group by, sort by, skip, take, select)"
        } else {
            "`select`"
        }
    }

    /// `x in xs`.
    fn variable_in(&mut self) -> Parse<(Ident, Expr)> {
        let name = self.ident("a variable name")?;
        self.expect(Kind::In, "`in`")?;
        Ok((name, self.expr()?))
    }

    /// Takes a side; `None` when no join follows.
    fn join_kind(&mut self) -> Option<JoinKind> {
        if self.at_word("join") {
            return Some(JoinKind::Inner);
        }
        let kind = match self.text_at(0) {
            "left" => JoinKind::Left,
            "right" => JoinKind::Right,
            "outer" => JoinKind::Outer,
            _ => return None,
        };
        if self.kind() != Kind::Ident || self.text_at(1) != "join" {
            return None;
        }
        self.bump();
        Some(kind)
    }

    /// `join [from] x in xs on condition`.
    fn join(&mut self, kind: JoinKind) -> Parse<Join> {
        self.bump();
        if self.at_word("from") && self.peek(1) == Kind::Ident {
            self.bump();
        }
        let (name, source) = self.variable_in()?;
        self.expect(Kind::On, "`on`")?;
        Ok(Join { kind, name, source, on: self.expr()? })
    }

    /// `group by keys into name having condition`.
    fn group(&mut self) -> Parse<Group> {
        self.bump();
        self.expect_word("by")?;
        let mut keys = vec![self.expr()?];
        while self.eat(Kind::Comma) {
            keys.push(self.expr()?);
        }
        self.expect_word("into")?;
        let name = self.ident("a variable name")?;
        let having = if self.eat_word("having") { Some(self.expr()?) } else { None };
        Ok(Group { keys, name, having })
    }

    /// `sort by keys`.
    fn sort(&mut self) -> Parse<Vec<Expr>> {
        self.bump();
        self.expect_word("by")?;
        let mut keys = vec![self.expr()?];
        while self.eat(Kind::Comma) {
            keys.push(self.expr()?);
        }
        Ok(keys)
    }
}
