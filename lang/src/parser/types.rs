//! Types, parameters and signatures.

use super::{Abort, Parse, Parser};
use crate::ast::{Field, Ident, Param, TypeRef, TypeRefKind};
use crate::diag::Code;
use crate::lexer::Kind;

/// What follows the name of a function, up to its body.
pub(super) struct Signature {
    pub generics: Vec<Ident>,
    pub params: Vec<Param>,
    pub result: Option<TypeRef>,
    pub effects: Option<Vec<Ident>>,
}

impl Parser<'_> {
    pub(super) fn type_ref(&mut self) -> Parse<TypeRef> {
        self.type_in(false)
    }

    /// The type of `e as T`. There `T < x` may be a comparison: type arguments are tried, and
    /// given back when they do not end with `>`.
    pub(super) fn cast_type(&mut self) -> Parse<TypeRef> {
        self.type_in(true)
    }

    fn type_in(&mut self, cast: bool) -> Parse<TypeRef> {
        self.enter()?;
        let start = self.here();
        let kind = match self.kind() {
            Kind::Fun => self.fun_type()?,
            Kind::LBrace => TypeRefKind::Struct(self.inline_struct()?),
            Kind::Ident => {
                let name = self.ident("a type")?.name;
                let args = match (self.kind(), cast) {
                    (Kind::Lt, false) => Some(self.type_args()?),
                    (Kind::Lt, true) => self.type_args_ahead(),
                    _ => None,
                };
                match args {
                    Some(args) => TypeRefKind::Generic(name, args),
                    None => TypeRefKind::Name(name),
                }
            }
            _ => return Err(self.unexpected("a type", None)),
        };
        let mut ty = TypeRef { kind, span: self.since(start) };
        if self.eat(Kind::Question) {
            ty = TypeRef { kind: TypeRefKind::Option(Box::new(ty)), span: self.since(start) };
        }
        self.leave();
        Ok(ty)
    }

    fn fun_type(&mut self) -> Parse<TypeRefKind> {
        self.bump();
        let open = self.expect(Kind::LParen, "`(`")?.span(self.file);
        let mut params = Vec::new();
        if self.kind() != Kind::RParen {
            params.push(self.type_ref()?);
            while self.eat(Kind::Comma) {
                params.push(self.type_ref()?);
            }
        }
        self.expect_close(Kind::RParen, "`,` or `)`", open)?;
        let result = if self.eat(Kind::Colon) { Some(Box::new(self.type_ref()?)) } else { None };
        Ok(TypeRefKind::Fun(params, result))
    }

    fn inline_struct(&mut self) -> Parse<Vec<Field>> {
        let open = self.bump().span(self.file);
        let mut fields = Vec::new();
        while self.kind() == Kind::Ident {
            fields.push(self.field()?);
            if !self.eat(Kind::Comma) {
                break;
            }
        }
        self.expect_close(Kind::RBrace, "`,` or `}`", open)?;
        Ok(fields)
    }

    fn type_args(&mut self) -> Parse<Vec<TypeRef>> {
        let open = self.bump().span(self.file);
        let mut args = vec![self.type_ref()?];
        while self.eat(Kind::Comma) {
            args.push(self.type_ref()?);
        }
        self.expect_close(Kind::Gt, "`,` or `>`", open)?;
        Ok(args)
    }

    fn type_args_ahead(&mut self) -> Option<Vec<TypeRef>> {
        let saved = (self.at, self.open_braces, self.open_parens, self.depth);
        let quiet = std::mem::replace(&mut self.quiet, true);
        let args = self.type_args();
        self.quiet = quiet;
        if args.is_err() {
            (self.at, self.open_braces, self.open_parens, self.depth) = saved;
        }
        args.ok()
    }

    /// `name: type`.
    pub(super) fn field(&mut self) -> Parse<Field> {
        let name = self.ident("a field name")?;
        self.expect(Kind::Colon, "`:`")?;
        Ok(Field { name, ty: self.type_ref()? })
    }

    /// `<T, U>`, when there is one.
    pub(super) fn generics(&mut self) -> Parse<Vec<Ident>> {
        let mut names = Vec::new();
        let open = self.here();
        if self.eat(Kind::Lt) {
            names.push(self.ident("a type parameter name")?);
            while self.eat(Kind::Comma) {
                names.push(self.ident("a type parameter name")?);
            }
            self.expect_close(Kind::Gt, "`,` or `>`", open)?;
        }
        Ok(names)
    }

    /// `(a: int, b)`. `code` is that of a missing parenthesis.
    pub(super) fn params(&mut self, code: Code) -> Parse<Vec<Param>> {
        if self.kind() != Kind::LParen {
            return Err(self.unexpected("`(`", Some(code)));
        }
        let open = self.bump().span(self.file);
        let mut params = Vec::new();
        if self.kind() != Kind::RParen {
            if self.kind() != Kind::Ident {
                return Err(self.unexpected("a parameter name or `)`", Some(code)));
            }
            loop {
                let name = self.ident("a parameter name")?;
                let ty = if self.eat(Kind::Colon) { Some(self.type_ref()?) } else { None };
                params.push(Param { name, ty });
                if !self.eat(Kind::Comma) {
                    break;
                }
            }
        }
        if self.kind() != Kind::RParen {
            let label = (open, "this `(` is not closed");
            return Err(self.unexpected_with("`,` or `)`", Some(code), &[label]));
        }
        self.bump();
        Ok(params)
    }

    /// `: type`, when there is one.
    pub(super) fn result_type(&mut self) -> Parse<Option<TypeRef>> {
        if self.eat(Kind::Colon) { Ok(Some(self.type_ref()?)) } else { Ok(None) }
    }

    /// `<T>(a: int): int ! io`.
    pub(super) fn signature(&mut self, code: Code) -> Parse<Signature> {
        let generics = self.generics()?;
        let params = self.params(code)?;
        let result = self.result_type()?;
        let mut effects = None;
        if self.eat(Kind::Not) {
            let mut names = vec![self.ident("an effect name")?];
            while self.eat(Kind::Comma) {
                names.push(self.ident("an effect name")?);
            }
            effects = Some(names);
        }
        Ok(Signature { generics, params, result, effects })
    }

    /// The signature of a named function. When it is wrong but a block follows on the same line,
    /// it is skipped: the body is parsed all the same.
    pub(super) fn signature_or_skip(&mut self) -> Parse<Signature> {
        let depth = self.depth;
        let (braces, parens) = (self.open_braces, self.open_parens);
        match self.signature(Code::P052) {
            Ok(s) => Ok(s),
            Err(Abort) => {
                let ends_line = |i: usize| self.tokens.get(i + 1).is_some_and(|t| t.first_on_line);
                let mut i = self.at;
                while self.tokens[i].kind != Kind::Eof
                    && !(self.tokens[i].kind == Kind::LBrace && ends_line(i))
                {
                    i += 1;
                    if self.tokens[i].first_on_line {
                        return Err(Abort);
                    }
                }
                if self.tokens[i].kind == Kind::Eof {
                    return Err(Abort);
                }
                self.at = i;
                (self.depth, self.open_braces, self.open_parens) = (depth, braces, parens);
                Ok(Signature { generics: Vec::new(), params: Vec::new(), result: None, effects: None })
            }
        }
    }
}
