//! The type checker: [`ast`](crate::ast) in, [`tree`](crate::tree) out.
//!
//! A walk in source order resolves names, gives every expression its type, inserts conversions
//! and collects diagnostics; an expression that was reported has [`Ty::ERROR`] and silences what
//! follows from it. Before the walk, types and the signatures of top-level functions are declared,
//! so that both may be used before their declaration. The rules are those of the reference checker
//! (same codes, same lines) with the extensions of the language document.
//!
//! | file | concern |
//! |---|---|
//! | `relations` | compatible, assignable, casts, numeric join, writing types |
//! | `meet` | what values become where they meet, or flow into a place of a type |
//! | `generics` | matching and substituting type parameters |
//! | `scope` | scopes, function contexts, captures, views of variables |
//! | `decl`, `typeref` | declarations of types and functions; types as written |
//! | `stmt`, `assign` | statements |
//! | `expr`, `literal`, `binary`, `access` | expressions |
//! | `call`, `signature`, `builtin_call`, `members` | calls |
//! | `lambda` | lambdas, functions as values |
//! | `matching`, `narrow` | match, narrowing by `none` |
//! | `query`, `group` | queries |
//! | `convert` | conversion nodes |
//! | `effects` | effect labels |
//! | `alias` | T051, T052 |
//! | `foreign` | fetch, load, generate, streams, agents, logic, imports |
//! | `verify` | the promises of the typed tree |
//! | `infer`, `units` | more precise types for variables that start empty; what is walked again for them |

mod access;
mod alias;
mod assign;
mod binary;
mod builtin_call;
mod call;
mod convert;
mod decl;
mod effects;
mod expr;
mod flow;
mod foreign;
mod generics;
mod group;
mod infer;
mod lambda;
mod literal;
mod matching;
mod meet;
mod members;
mod narrow;
mod query;
mod relations;
mod scope;
mod signature;
mod stmt;
mod typeref;
mod units;
mod verify;

#[cfg(test)]
mod tests;

pub(crate) use effects::EffectSet;
pub use verify::verify;

use crate::ast;
use crate::diag::{Code, Diagnostics};
use crate::span::{SourceMap, Span};
use crate::tree;
use crate::types::{StructId, Ty, Types, UnionId};
use decl::Sig;
use flow::{Exposed, Flow};
use infer::Refinements;
use scope::{FnCtx, ResultMode, Scope};
use signature::Table;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Display;
use typeref::TypeName;
use units::Units;

/// Checks a program. `None` when there are errors; remarks are reported either way. Deep programs
/// need a [large stack](crate::stack).
pub fn check(map: &SourceMap, program: &ast::Program, diags: &mut Diagnostics) -> Option<tree::Program> {
    check_with(map, program, diags, false)
}

/// As [`check`], but no variable is seen under the type of what was assigned to it: a judge of that. What
/// is accepted both ways does the same.
pub fn check_as_declared(
    map: &SourceMap,
    program: &ast::Program,
    diags: &mut Diagnostics,
) -> Option<tree::Program> {
    check_with(map, program, diags, true)
}

fn check_with(
    map: &SourceMap,
    program: &ast::Program,
    diags: &mut Diagnostics,
    viewless: bool,
) -> Option<tree::Program> {
    let mut checker = Checker::new(map);
    checker.viewless = viewless;
    let main = checker.run(program);
    diags.append(&checker.diags);
    (!checker.diags.has_errors()).then(|| checker.finish(main))
}

/// Fields of a record of query variables, and the types of the variables where they are not missing.
type RowKey = (Vec<(String, Ty)>, Vec<Ty>);

/// State of the walks over a program.
struct Checker<'a> {
    map: &'a SourceMap,
    diags: Diagnostics,
    types: Types,
    builtins: Table,
    /// Functions by [`tree::FuncId`]; `sigs` and `parents` have the same indexes.
    functions: Vec<tree::Function>,
    sigs: Vec<Sig>,
    parents: Vec<Option<tree::FuncId>>,
    globals: Vec<tree::Global>,
    /// Those declared by `let`.
    fixed_globals: HashSet<tree::GlobalId>,
    /// Type names and what they mean here.
    type_names: HashMap<String, TypeName<'a>>,
    /// Variants by name, as it is meant here.
    variants: HashMap<String, (UnionId, StructId)>,
    /// Inline struct types by their fields.
    inline_structs: HashMap<Vec<(String, Ty)>, StructId>,
    /// Type parameters in scope, innermost last.
    type_params: Vec<(String, Ty)>,
    /// Hoisted functions by name, and by the place of their declaration.
    top_funs: HashMap<String, tree::FuncId>,
    fun_ids: HashMap<Span, tree::FuncId>,
    /// Streams by name, for the checks of `on` and `emit`.
    streams: HashMap<String, StructId>,
    /// Records of query variables: the types of the variables where they are not missing.
    rows: BTreeMap<StructId, Vec<Ty>>,
    /// The same records by their fields and those types.
    row_ids: HashMap<RowKey, StructId>,
    /// Group variables in scope whose keys are records.
    group_keys: Vec<group::GroupKeys>,
    scopes: Vec<Scope<'a>>,
    ctx: Vec<FnCtx>,
    lambdas: u32,
    /// Of main's variables.
    refinements: Refinements,
    units: Units,
    flow: Flow,
    exposed: Exposed,
    /// Assignments make no views.
    viewless: bool,
    /// Variables that have had a view.
    viewed: HashSet<scope::VarKey>,
}

impl<'a> Checker<'a> {
    fn new(map: &'a SourceMap) -> Checker<'a> {
        let mut types = Types::default();
        let builtins = Table::new(&mut types);
        Checker {
            map,
            diags: Diagnostics::new(),
            types,
            builtins,
            functions: Vec::new(),
            sigs: Vec::new(),
            parents: Vec::new(),
            globals: Vec::new(),
            fixed_globals: HashSet::new(),
            type_names: HashMap::new(),
            variants: HashMap::new(),
            inline_structs: HashMap::new(),
            type_params: Vec::new(),
            top_funs: HashMap::new(),
            fun_ids: HashMap::new(),
            streams: HashMap::new(),
            rows: BTreeMap::new(),
            row_ids: HashMap::new(),
            group_keys: Vec::new(),
            scopes: Vec::new(),
            ctx: Vec::new(),
            lambdas: 0,
            refinements: Refinements::default(),
            units: Units::default(),
            flow: Flow::default(),
            exposed: Exposed::default(),
            viewless: false,
            viewed: HashSet::new(),
        }
    }

    /// Checks everything; the result is the implicit main function.
    fn run(&mut self, program: &'a ast::Program) -> tree::FuncId {
        let span = program.statements.first().map_or(Span::default(), |s| s.span);
        let main = self.new_function("__main", span);
        self.scopes.push(Scope::default());
        self.declare_types(&program.statements);
        self.declare_functions(&program.statements);
        self.walk_main(main, &program.statements);
        self.settle_captures();
        main
    }

    /// Walks the top level once.
    fn main_body(&mut self, main: tree::FuncId, statements: &'a [ast::Stmt]) {
        self.flow = Flow::default();
        self.push_ctx(main, ResultMode::Declared(Ty::UNIT), None, None);
        let body = self.statements(statements);
        let ctx = self.pop_ctx();
        let f = &mut self.functions[main.0 as usize];
        f.locals = ctx.locals;
        f.body = body;
    }

    fn finish(self, main: tree::FuncId) -> tree::Program {
        tree::Program { types: self.types, functions: self.functions, globals: self.globals, main }
    }

    /// Reports an error.
    fn error(&mut self, code: Code, span: Span, args: &[&dyn Display]) {
        self.diags.error(code, span, args);
    }

    /// Reports an error whose arguments are types; says nothing when one of them was reported.
    fn type_error(&mut self, code: Code, span: Span, types: &[Ty]) {
        if types.contains(&Ty::ERROR) {
            return;
        }
        let texts: Vec<String> = types.iter().map(|t| relations::render(&self.types, *t)).collect();
        let args: Vec<&dyn Display> = texts.iter().map(|t| t as &dyn Display).collect();
        self.diags.error(code, span, &args);
    }

    /// A type as messages write it.
    fn show(&self, ty: Ty) -> String {
        relations::render(&self.types, ty)
    }
}
