//! Parser of the text form: recursive descent with one token of look-ahead.
//!
//! Value and block numbers are kept as written. Numbers nobody defines become holes: values
//! defined by an instruction outside every block. To bound memory, a number may be at most a
//! constant times the size of the text.

use super::lex::{Lexer, Token};
use super::{ParseError, ParseErrorKind};
use crate::func::{ArgList, Block, BlockCall, BlockData, Function, Inst, InstData, Type};
use crate::func::{Value, ValueData, ValueDef};
use crate::library::Library;
use crate::module::{Attributes, Conv, Data, Module, Reloc, Signature, Sym, SymKind};
use crate::ops::{Cond, FCond, Imm, KNOWN_A, KNOWN_B, NO_OVERFLOW, Op};
use crate::positions::{InlinedCall, Position, Positions, SrcLoc};
use crate::regions::{Promise, Region};
use std::borrow::Cow;

/// Parses a module.
pub fn parse_module(text: &str) -> Result<Module, ParseError> {
    let mut module = Module::new();
    let mut p = Parser::new(text, &mut module, None)?;
    while p.token != Token::End {
        p.item()?;
    }
    Ok(module)
}

/// Parses one function. Symbols the module does not have are declared: as the library says, and
/// those the library does not know as data. The function is returned, not added to the module.
pub fn parse_function(text: &str, module: &mut Module, library: &Library) -> Result<Function, ParseError> {
    let mut p = Parser::new(text, module, Some(library))?;
    p.keyword("func", "`func`")?;
    let func = p.function()?;
    if p.token != Token::End {
        return Err(p.error(ParseErrorKind::Expected("the end of the text")));
    }
    Ok(func)
}

struct Parser<'t, 'm> {
    lexer: Lexer<'t>,
    token: Token<'t>,
    /// Offset of `token`.
    start: usize,
    module: &'m mut Module,
    library: Option<&'m Library>,
    /// Bound of value and block numbers.
    max_id: u32,
    /// Operands or parameters of the construct being read.
    scratch: Vec<Value>,
}

/// A function being read.
struct Body {
    func: Function,
    /// Which values have a definition.
    defined: Vec<bool>,
    /// Which blocks have a body.
    bodies: Vec<bool>,
    edges: Vec<BlockCall>,
}

type Result<T, E = ParseError> = std::result::Result<T, E>;

impl<'t, 'm> Parser<'t, 'm> {
    fn new(text: &'t str, module: &'m mut Module, library: Option<&'m Library>) -> Result<Self> {
        let mut p = Parser {
            lexer: Lexer::new(text),
            token: Token::End,
            start: 0,
            module,
            library,
            max_id: u32::try_from(text.len()).unwrap_or(u32::MAX).saturating_mul(16).saturating_add(4096),
            scratch: Vec::new(),
        };
        p.advance()?;
        Ok(p)
    }

    fn error(&self, kind: ParseErrorKind) -> ParseError {
        self.lexer.error_at(self.start, kind)
    }

    fn expected<T>(&self, what: &'static str) -> Result<T> {
        Err(self.error(ParseErrorKind::Expected(what)))
    }

    /// Moves to the next token and returns the current one.
    fn advance(&mut self) -> Result<Token<'t>> {
        self.lexer.skip_space();
        self.start = self.lexer.offset();
        let next = self.lexer.next()?;
        Ok(std::mem::replace(&mut self.token, next))
    }

    fn eat(&mut self, punct: u8) -> Result<bool> {
        let found = self.token == Token::Punct(punct);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn punct(&mut self, punct: u8, what: &'static str) -> Result<()> {
        if self.eat(punct)? { Ok(()) } else { self.expected(what) }
    }

    fn eat_word(&mut self, word: &str) -> Result<bool> {
        let found = matches!(self.token, Token::Word(w) if w == word);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn conv(&mut self) -> Result<Conv> {
        for (word, conv) in Conv::WORDS {
            if self.eat_word(word)? {
                return Ok(conv);
            }
        }
        Ok(Conv::C)
    }

    fn keyword(&mut self, word: &str, what: &'static str) -> Result<()> {
        if self.eat_word(word)? { Ok(()) } else { self.expected(what) }
    }

    fn int(&mut self) -> Result<i64> {
        let Token::Int(n) = self.token else { return self.expected("an integer") };
        self.advance()?;
        Ok(n)
    }

    fn unsigned(&mut self) -> Result<u32> {
        let n = match self.token {
            Token::Int(n) => u32::try_from(n).map_err(|_| self.error(ParseErrorKind::OutOfRange))?,
            _ => return self.expected("a number"),
        };
        self.advance()?;
        Ok(n)
    }

    fn string(&mut self) -> Result<String> {
        if !matches!(self.token, Token::Str(_)) {
            return self.expected("a string");
        }
        match self.advance()? {
            Token::Str(s) => Ok(s.into_owned()),
            _ => unreachable!("checked above"),
        }
    }

    fn symbol_name(&mut self) -> Result<Cow<'t, str>> {
        if !matches!(self.token, Token::Symbol(_)) {
            return self.expected("a symbol");
        }
        match self.advance()? {
            Token::Symbol(s) => Ok(s),
            _ => unreachable!("checked above"),
        }
    }

    fn symbol(&mut self) -> Result<Sym> {
        let start = self.start;
        let name = self.symbol_name()?;
        if let Some(sym) = self.module.lookup(&name) {
            return Ok(sym);
        }
        match self.library {
            Some(library) if library.find(&name).is_some() => Ok(library.declare(self.module, &name)),
            Some(_) => Ok(self.module.declare_data(&name, false)),
            None => Err(self.lexer.error_at(start, ParseErrorKind::UnknownSymbol(name.into_owned()))),
        }
    }

    fn region(&mut self) -> Result<Region> {
        let start = self.start;
        let name = self.symbol_name()?;
        if let Some(region) = self.module.regions.find(&name) {
            return Ok(region);
        }
        match self.library.and_then(|l| l.regions.iter().find(|row| row.0 == name)) {
            Some((name, promise)) => Ok(self.module.regions.declare(name, *promise)),
            None => Err(self.lexer.error_at(start, ParseErrorKind::UnknownSymbol(name.into_owned()))),
        }
    }

    fn ty(&mut self) -> Result<Type> {
        let ty = match self.token {
            Token::Word("i64") => Type::I64,
            Token::Word("addr") => Type::Addr,
            Token::Word("ref") => Type::Ref,
            Token::Word("f64") => Type::F64,
            _ => return self.expected("a type"),
        };
        self.advance()?;
        Ok(ty)
    }

    /// `+n`, `-n` or nothing.
    fn addend(&mut self) -> Result<i64> {
        if self.eat(b'+')? {
            return self.int();
        }
        match self.token {
            Token::Int(n) if n < 0 => self.int(),
            _ => Ok(0),
        }
    }

    fn position(&mut self, positions: &mut Positions) -> Result<SrcLoc> {
        let Token::Position(line, column, call) = self.token else { return Ok(SrcLoc::NONE) };
        if call.is_some_and(|c| c as usize >= positions.calls().len()) {
            return Err(self.error(ParseErrorKind::OutOfRange));
        }
        self.advance()?;
        Ok(positions.add(Position { line, column, call }))
    }

    /// `inlined "g" file 0 line 1 at @3:9`, as often as there are.
    fn inlined_calls(&mut self, positions: &mut Positions) -> Result<()> {
        while self.eat_word("inlined")? {
            let function = self.string()?;
            self.keyword("file", "`file`")?;
            let file = self.unsigned()?;
            self.keyword("line", "`line`")?;
            let declared = self.unsigned()?;
            self.keyword("at", "`at`")?;
            let at = self.position(positions)?;
            positions.add_call(InlinedCall { function: function.into(), file, declared, at });
        }
        Ok(())
    }

    // Modules.

    fn item(&mut self) -> Result<()> {
        match self.token {
            Token::Word("file") => {
                self.advance()?;
                let file = self.string()?;
                self.module.files.push(file);
            }
            Token::Word("region") => {
                self.advance()?;
                let name = self.symbol_name()?;
                let constant = self.eat_word("constant")?;
                let count = self.eat_word("count")?;
                let by_kind = self.eat_word("by_kind")?;
                let own = self.eat_word("own")?;
                self.module.regions.declare(&name, Promise { constant, count, by_kind, own });
            }
            Token::Word("declare") => {
                self.advance()?;
                self.declaration()?;
            }
            Token::Word("data") => {
                self.advance()?;
                self.data()?;
            }
            Token::Word("func") => {
                self.advance()?;
                let start = self.start;
                let func = self.function()?;
                if self.module.funcs.iter().any(|f| f.sym == func.sym) {
                    let name = self.module.sym(func.sym).name.clone();
                    return Err(self.lexer.error_at(start, ParseErrorKind::Duplicate(name)));
                }
                self.module.funcs.push(func);
            }
            _ => return self.expected("`file`, `region`, `declare`, `data` or `func`"),
        }
        Ok(())
    }

    fn declaration(&mut self) -> Result<()> {
        let is_func = self.eat_word("func")?;
        if !is_func {
            self.keyword("data", "`func` or `data`")?;
        }
        let start = self.start;
        let name = self.symbol_name()?;
        if self.module.lookup(&name).is_some() {
            return Err(self.lexer.error_at(start, ParseErrorKind::Duplicate(name.into_owned())));
        }
        let mut sig = Signature::default();
        if is_func {
            self.punct(b'(', "`(`")?;
            while self.token != Token::Punct(b')') {
                sig.params.push(self.ty()?);
                if !self.eat(b',')? {
                    break;
                }
            }
            self.punct(b')', "`)`")?;
            if self.eat(b'>')? {
                sig.result = Some(self.ty()?);
            }
            sig.conv = self.conv()?;
        }
        let mut attributes = Attributes::default();
        for (name, field) in Attributes::TABLE {
            *field(&mut attributes) = self.eat_word(name)?;
        }
        let export = self.eat_word("export")?;
        let kind = if is_func { SymKind::Func(sig) } else { SymKind::Data };
        self.module.declare(&name, kind, attributes, export);
        Ok(())
    }

    fn data(&mut self) -> Result<()> {
        let start = self.start;
        let name = self.symbol_name()?;
        let sym = self.module.lookup(&name).unwrap_or_else(|| self.module.declare_data(&name, false));
        if self.module.sym(sym).kind != SymKind::Data || self.module.datas.iter().any(|d| d.sym == sym) {
            return Err(self.lexer.error_at(start, ParseErrorKind::Duplicate(name.into_owned())));
        }
        let mut data = Data::new(sym);
        if self.eat_word("align")? {
            data.align = self.unsigned()?;
        }
        data.writable = self.eat_word("writable")?;
        data.roots = data.writable && self.eat_word("roots")?;
        if self.eat_word("zero")? {
            let Ok(size) = u64::try_from(self.int()?) else {
                return Err(self.error(ParseErrorKind::OutOfRange));
            };
            data.zero_size = size;
        }
        if self.eat(b'{')? {
            while !self.eat(b'}')? {
                self.data_line(&mut data)?;
            }
        }
        self.module.datas.push(data);
        Ok(())
    }

    fn data_line(&mut self, data: &mut Data) -> Result<()> {
        if self.eat_word("reloc")? {
            let offset = self.unsigned()?;
            let sym = self.symbol()?;
            let addend = self.addend()?;
            data.relocs.push(Reloc { offset, sym, addend });
            return Ok(());
        }
        self.keyword("hex", "`hex`, `reloc` or `}`")?;
        while let Token::Word(word) = self.token {
            let Some(digits) = word.strip_prefix('x') else { break };
            if digits.len() % 2 != 0 {
                return self.expected("pairs of hexadecimal digits");
            }
            for pair in digits.as_bytes().chunks(2) {
                let value = |b: u8| (b as char).to_digit(16);
                match (value(pair[0]), value(pair[1])) {
                    (Some(a), Some(b)) => data.bytes.push((a << 4 | b) as u8),
                    _ => return self.expected("hexadecimal digits"),
                }
            }
            self.advance()?;
        }
        Ok(())
    }

    // Functions.

    fn function(&mut self) -> Result<Function> {
        let name_start = self.start;
        let name = self.symbol_name()?;
        let display = match self.token {
            Token::Str(_) => self.string()?,
            _ => name.to_string(),
        };
        let mut func = Function::new(Sym(u32::MAX), &display, None);
        if self.eat_word("file")? {
            func.file = Some(self.unsigned()?);
        }
        func.save_all = self.eat_word("save_all")?;
        func.conv = self.conv()?;
        if self.eat(b'>')? {
            func.result = Some(self.ty()?);
        }
        func.loc = self.position(&mut func.positions)?;
        self.punct(b'{', "`{`")?;
        self.inlined_calls(&mut func.positions)?;
        let mut body = Body { func, defined: Vec::new(), bodies: Vec::new(), edges: Vec::new() };
        if self.token == Token::Punct(b'}') {
            return self.expected("a block");
        }
        while self.token != Token::Punct(b'}') {
            self.block_header(&mut body)?;
            if body.func.layout.len() == 1 {
                body.func.sym = self.function_symbol(&name, name_start, &body.func)?;
            }
            while self.instruction(&mut body)? {}
        }
        self.check_defined(&body)?;
        self.advance()?;
        Ok(body.func)
    }

    /// The symbol of a function whose entry block's header has been read.
    fn function_symbol(&mut self, name: &str, start: usize, func: &Function) -> Result<Sym> {
        if self.module.lookup(name).is_none()
            && let Some(library) = self.library
            && library.find(name).is_some()
        {
            return Ok(library.declare(self.module, name));
        }
        if let Some(sym) = self.module.lookup(name) {
            return match self.module.sym(sym).kind {
                SymKind::Func(_) => Ok(sym),
                SymKind::Data => Err(self.lexer.error_at(start, ParseErrorKind::Duplicate(name.to_string()))),
            };
        }
        let params = func.blocks[func.entry().index()].params.iter().map(|&v| func.ty(v)).collect();
        let sig = Signature { params, result: func.result, conv: func.conv };
        Ok(self.module.declare_func(name, sig, Attributes::default(), false))
    }

    fn check_defined(&self, body: &Body) -> Result<()> {
        for (i, &defined) in body.bodies.iter().enumerate() {
            if !defined && body.func.edges.iter().any(|e| e.block.index() == i) {
                return Err(self.error(ParseErrorKind::UndefinedBlock(i as u32)));
            }
        }
        for v in &body.func.pool {
            if !body.defined[v.index()] {
                return Err(self.error(ParseErrorKind::UndefinedValue(v.0)));
            }
        }
        Ok(())
    }

    /// `b3` as a number.
    fn id(&mut self, prefix: char, what: &'static str) -> Result<u32> {
        let Token::Word(word) = self.token else { return self.expected(what) };
        let Some(digits) = word.strip_prefix(prefix) else { return self.expected(what) };
        match digits.parse::<u32>() {
            Ok(n) if n < self.max_id => {
                self.advance()?;
                Ok(n)
            }
            Ok(_) => Err(self.error(ParseErrorKind::OutOfRange)),
            Err(_) => self.expected(what),
        }
    }

    fn block(&mut self, body: &mut Body) -> Result<Block> {
        let b = self.id('b', "a block")?;
        let n = b as usize + 1;
        if body.func.blocks.len() < n {
            body.func.blocks.resize_with(n, BlockData::default);
            body.bodies.resize(n, false);
        }
        Ok(Block(b))
    }

    fn value(&mut self, body: &mut Body) -> Result<Value> {
        let v = self.id('v', "a value")?;
        let n = v as usize + 1;
        if body.func.values.len() < n {
            body.func.values.resize(n, ValueData { ty: Type::I64, def: ValueDef::Inst(Inst(u32::MAX)) });
            body.defined.resize(n, false);
        }
        Ok(Value(v))
    }

    /// A value with its type, being defined.
    fn definition(&mut self, body: &mut Body, def: ValueDef) -> Result<Value> {
        let start = self.start;
        let v = self.value(body)?;
        self.punct(b':', "`:` and a type")?;
        let ty = self.ty()?;
        if std::mem::replace(&mut body.defined[v.index()], true) {
            return Err(self.lexer.error_at(start, ParseErrorKind::Duplicate(format!("v{}", v.0))));
        }
        body.func.values[v.index()] = ValueData { ty, def };
        Ok(v)
    }

    fn block_header(&mut self, body: &mut Body) -> Result<()> {
        let cold = self.eat_word("cold")?;
        let start = self.start;
        let b = self.block(body)?;
        if std::mem::replace(&mut body.bodies[b.index()], true) {
            return Err(self.lexer.error_at(start, ParseErrorKind::Duplicate(format!("b{}", b.0))));
        }
        body.func.blocks[b.index()].cold = cold;
        body.func.layout.push(b);
        if self.eat(b'(')? {
            loop {
                let index = body.func.blocks[b.index()].params.len() as u32;
                let v = self.definition(body, ValueDef::Param(b, index))?;
                body.func.blocks[b.index()].params.push(v);
                if !self.eat(b',')? {
                    break;
                }
            }
            self.punct(b')', "`)`")?;
        }
        self.punct(b':', "`:` after the block's name")
    }

    /// Reads an instruction into the last block; says whether another may follow.
    fn instruction(&mut self, body: &mut Body) -> Result<bool> {
        let inst = Inst(body.func.insts.len() as u32);
        let result = match self.token {
            Token::Word(w) if w.starts_with('v') && w[1..].bytes().all(|b| b.is_ascii_digit()) => {
                let v = self.definition(body, ValueDef::Inst(inst))?;
                self.punct(b'=', "`=`")?;
                Some(v)
            }
            _ => None,
        };
        let Token::Word(name) = self.token else { return self.expected("an instruction") };
        let Some(op) = Op::from_name(name) else {
            return Err(self.error(ParseErrorKind::UnknownOp(name.to_string())));
        };
        self.advance()?;
        let mut data = InstData {
            op,
            args: ArgList::default(),
            imm: 0,
            sym: None,
            result,
            edges: ArgList::default(),
            loc: SrcLoc::NONE,
            region: Region::ANY,
        };
        self.scratch.clear();
        self.fields(body, &mut data)?;
        data.loc = self.position(&mut body.func.positions)?;
        let scratch = std::mem::take(&mut self.scratch);
        data.args = body.func.args(&scratch);
        self.scratch = scratch;
        body.func.insts.push(data);
        let edges = std::mem::take(&mut body.edges);
        body.func.set_edges(inst, &edges);
        body.edges = edges;
        body.edges.clear();
        let block = *body.func.layout.last().expect("in a block");
        body.func.blocks[block.index()].insts.push(inst);
        Ok(!op.is_terminator())
    }

    fn fields(&mut self, body: &mut Body, data: &mut InstData) -> Result<()> {
        match data.op.info().imm {
            Imm::Int => data.imm = self.int()?,
            Imm::Float => data.imm = self.float()?,
            Imm::Sym => {
                data.sym = Some(self.symbol()?);
                data.imm = self.addend()?;
            }
            Imm::Callee => {
                data.sym = Some(self.symbol()?);
                self.parenthesised(body)?;
            }
            Imm::Offset => {
                let addr = self.value(body)?;
                self.scratch.push(addr);
                data.imm = self.addend()?;
                while self.eat(b',')? {
                    let v = self.value(body)?;
                    self.scratch.push(v);
                }
                if self.eat_word("in")? {
                    data.region = self.region()?;
                }
            }
            Imm::Cond | Imm::IntCond => {
                let Token::Word(w) = self.token else { return self.expected("a condition") };
                let Some(cond) = Cond::ALL.iter().find(|c| c.name() == w) else {
                    return self.expected("a condition");
                };
                data.imm = *cond as i64;
                self.advance()?;
                self.operands(body)?;
                if data.op.info().imm == Imm::IntCond {
                    data.imm |= self.known()? << 8;
                }
            }
            Imm::FCond => {
                let Token::Word(w) = self.token else { return self.expected("a condition") };
                let Some(cond) = FCond::ALL.iter().find(|c| c.name() == w) else {
                    return self.expected("a condition");
                };
                data.imm = *cond as i64;
                self.advance()?;
                self.operands(body)?;
            }
            Imm::Known => {
                self.operands(body)?;
                data.imm = self.known()?;
            }
            Imm::None | Imm::Switch => self.plain(body, data.op)?,
        }
        Ok(())
    }

    fn float(&mut self) -> Result<i64> {
        let bits = match self.token {
            Token::Float(value) => value.to_bits() as i64,
            Token::Int(bits) => bits,
            _ => return self.expected("a float"),
        };
        self.advance()?;
        Ok(bits)
    }

    fn known(&mut self) -> Result<i64> {
        let mut bits = 0;
        if self.eat(b'[')? {
            for (word, bit) in [("a", KNOWN_A), ("b", KNOWN_B), ("fits", NO_OVERFLOW)] {
                if self.eat_word(word)? {
                    bits |= bit;
                }
            }
            self.punct(b']', "`a`, `b`, `fits` in this order, then `]`")?;
        }
        Ok(bits)
    }

    fn at_value(&self) -> bool {
        matches!(self.token, Token::Word(w) if w.starts_with('v') && w[1..].bytes().all(|b| b.is_ascii_digit()))
    }

    /// Values separated by commas, at least one.
    fn operands(&mut self, body: &mut Body) -> Result<()> {
        loop {
            let v = self.value(body)?;
            self.scratch.push(v);
            if !self.eat(b',')? {
                return Ok(());
            }
        }
    }

    /// Values in parentheses, perhaps none.
    fn parenthesised(&mut self, body: &mut Body) -> Result<()> {
        self.punct(b'(', "`(`")?;
        if self.token != Token::Punct(b')') {
            self.operands(body)?;
        }
        self.punct(b')', "`,` or `)`")
    }

    fn edge(&mut self, body: &mut Body, case: i64) -> Result<()> {
        let block = self.block(body)?;
        let operands = std::mem::take(&mut self.scratch);
        if self.token == Token::Punct(b'(') {
            self.parenthesised(body)?;
        }
        let args = body.func.args(&self.scratch);
        self.scratch = operands;
        body.edges.push(BlockCall { block, args, case });
        Ok(())
    }

    /// Ops without an immediate.
    fn plain(&mut self, body: &mut Body, op: Op) -> Result<()> {
        match op {
            Op::Jump => self.edge(body, 0),
            Op::Brif => {
                let v = self.value(body)?;
                self.scratch.push(v);
                self.punct(b',', "`,`")?;
                self.edge(body, 0)?;
                self.punct(b',', "`,`")?;
                self.edge(body, 0)
            }
            Op::Switch => {
                let v = self.value(body)?;
                self.scratch.push(v);
                self.punct(b',', "`,`")?;
                self.edge(body, 0)?;
                while self.eat(b',')? {
                    let case = self.int()?;
                    self.punct(b':', "`:`")?;
                    self.edge(body, case)?;
                }
                Ok(())
            }
            Op::CallInd => {
                let v = self.value(body)?;
                self.scratch.push(v);
                self.parenthesised(body)
            }
            _ if self.at_value() && op.info().operands.is_none_or(|o| !o.is_empty()) => self.operands(body),
            _ => Ok(()),
        }
    }
}
