//! The table of builtins: one row each, with all that checker and lowering know about it.
//!
//! ```text
//! Variant "name" "further name"... EFFECTS "signature" SHARING [Mark...] lowering;
//! ```
//!
//! A signature is written like a declaration: `<T>(list<T>, T): list<T>`. `...` before the last
//! parameter makes it variadic, `=` after a parameter makes it optional. A parameter of type `any`
//! takes the argument as it is, without a conversion node; lowering or the runtime chooses by its type.
//! Rules that a signature cannot say (what `len`, `sum`, `int`, ... accept) are in `sema/builtin_call.rs`.
//!
//! SHARING says what the builtin does with references ([`Sharing`]).
//! Marks are for the name of the reference, which is the first; further names are ours.
//! Lowering is `calls` and a function of the runtime that takes the arguments and gives the result of the
//! signature, or `by` and a method of lowering (`lower/builtin/`).
//!
//! A definition of the same name in the program wins over a builtin.

use crate::lower::builtin::Lowering;
use crate::lower::runtime::Rt;
use crate::sema::EffectSet;

/// What is known of a builtin.
#[derive(Debug)]
pub(crate) struct Definition {
    /// Names in the program.
    pub(crate) names: &'static [&'static str],
    /// Effects of a call.
    pub(crate) effects: EffectSet,
    /// Parameters and result.
    pub(crate) signature: &'static str,
    /// What it does with references.
    pub(crate) sharing: Sharing,
    marks: &'static [Mark],
    /// How a call is lowered.
    pub(crate) lowering: Lowering,
}

/// What else is true of a builtin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mark {
    /// In the reference: a wrong number of arguments is T039. Others curry.
    Exact,
    /// It only looks at its arguments, so a variable is passed under its declared type.
    Peeks,
    /// It may be written after a dot, behind a string.
    OnString,
    /// The same behind a list or group.
    OnList,
    /// The same behind a map.
    OnMap,
    /// The same behind an `any`.
    OnAny,
}

/// What a builtin does with an argument.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Use {
    /// Is done with it when the call ends; elements may be copied into the result.
    Read,
    /// Gives it a holder.
    Keep,
    /// Calls it, and reads it.
    Call,
}

/// What the result of a builtin has to do with the arguments, as far as lists are concerned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Gives {
    /// A fresh value that holds nothing of them.
    Fresh,
    /// A fresh list of elements of theirs, which the runtime has marked (`list_copied`).
    Copy,
    /// An argument or a part of one.
    Part,
}

/// What a builtin does with references: the words are those of lowering's model (`lower/sharing`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sharing {
    args: &'static [Use],
    pub(crate) gives: Gives,
}

impl Sharing {
    /// What is done with argument `k`; the last entry stands for all that follow.
    pub(crate) fn arg(&self, k: usize) -> Use {
        self.args[k.min(self.args.len() - 1)]
    }

    /// Whether the builtin may call an argument.
    pub(crate) fn calls(&self) -> bool {
        self.args.contains(&Use::Call)
    }
}

impl Builtin {
    /// Name in the language.
    pub fn name(self) -> &'static str {
        self.definition().names[0]
    }

    /// The table's row.
    pub(crate) fn definition(self) -> &'static Definition {
        &ROWS[self as usize]
    }

    /// Whether a call ends the program.
    pub(crate) fn ends(self) -> bool {
        matches!(self, Builtin::Exit | Builtin::Panic)
    }

    /// What it does with references.
    pub(crate) fn sharing(self) -> Sharing {
        self.definition().sharing
    }

    /// Whether this is true of it under a name.
    pub(crate) fn has(self, mark: Mark, name: &str) -> bool {
        name == self.name() && self.definition().marks.contains(&mark)
    }
}

macro_rules! rows {
    ($($builtin:ident $($name:literal)+ $effects:ident $signature:literal $sharing:ident
        $([$($mark:ident)+])? $how:ident $what:ident;)*) => {
        /// A builtin.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[allow(missing_docs)]
        pub enum Builtin { $($builtin),* }

        impl Builtin {
            /// Every builtin.
            pub const ALL: &'static [Builtin] = &[$(Builtin::$builtin),*];
        }

        /// In the order of [`Builtin`].
        const ROWS: &[Definition] = &[$(Definition {
            names: &[$($name),+],
            effects: EffectSet::$effects,
            signature: $signature,
            sharing: $sharing,
            marks: &[$($(Mark::$mark),+)?],
            lowering: rows!(@ $how $what),
        }),*];
    };
    (@ calls $function:ident) => { Lowering::Calls(Rt::$function) };
    (@ by $method:ident) => { Lowering::By(|fx, call| fx.$method(call)) };
}

const READS: Sharing = Sharing { args: &[Use::Read], gives: Gives::Fresh };
const COPIES: Sharing = Sharing { args: &[Use::Read], gives: Gives::Copy };
const PART: Sharing = Sharing { args: &[Use::Read], gives: Gives::Part };
const ADDS: Sharing = Sharing { args: &[Use::Read, Use::Keep], gives: Gives::Copy };
const MAPS: Sharing = Sharing { args: &[Use::Read, Use::Call], gives: Gives::Fresh };
const FILTERS: Sharing = Sharing { args: &[Use::Read, Use::Call], gives: Gives::Copy };
const FINDS: Sharing = Sharing { args: &[Use::Read, Use::Call], gives: Gives::Part };
const REDUCES: Sharing = Sharing { args: &[Use::Read, Use::Call, Use::Keep], gives: Gives::Part };

rows! {
    Print "print" IO "(...any): unit" PART [Peeks] by call_print;
    Eprint "eprint" IO "(...any): unit" READS [Peeks] by call_eprint;
    Json "json" IO "(any): unit" PART [Exact Peeks] by call_json;
    Input "input" IO "(): string" READS [Exact] calls input;
    ReadLine "read_line" IO "(): string?" READS calls read_line;
    Lines "lines" IO "(): list<string>" READS by call_lines;
    Args "args" NONE "(): list<string>" READS by call_args;
    Env "env" NONE "(string): string?" READS calls env_value;
    Now "now" TIME "(): int64" READS [Exact] calls now;
    Exit "exit" NONE "(int): unit" READS by call_exit;
    Panic "panic" NONE "(any): unit" READS by call_panic;
    Assert "assert" NONE "(bool, string=): unit" READS by call_assert;

    Len "len" NONE "(any): int" READS [Exact Peeks OnString OnList OnMap OnAny] by call_len;
    Count "count" NONE "(any): int" READS [Exact OnList] by call_count;
    Exists "exists" NONE "(any): bool" READS [Exact] by call_exists;
    Contains "contains" NONE "(any, any): bool" READS [Exact OnString OnList OnAny] by call_contains;
    Slice "slice" NONE "(any, int, int): any" COPIES calls any_slice;
    Reverse "reverse" NONE "(any): any" COPIES [Exact OnString OnList] by call_reverse;
    Append "append" NONE "<T>(list<T>, T): list<T>" ADDS [Exact OnList] by call_append;
    Push "push" NONE "<T>(list<T>, T): list<T>" ADDS [Exact OnList] by call_append;
    Concat "concat" NONE "<T>(...list<T>): list<T>" COPIES [OnList] by call_concat;
    First "first" NONE "<T>(list<T>): T?" PART [Exact OnList] by call_first;
    Last "last" NONE "<T>(list<T>): T?" PART [OnList] by call_last;
    Distinct "distinct" "unique" NONE "<T>(list<T>): list<T>" COPIES [Exact OnList] calls list_distinct;
    Sort "sort" NONE "<T>(list<T>): list<T>" COPIES [OnList] calls list_sort;
    Keys "keys" NONE "<K, V>(map<K, V>): list<K>" READS [Exact OnMap] by call_keys;
    Values "values" NONE "<K, V>(map<K, V>): list<V>" COPIES [Exact OnMap] by call_values;
    Range "range" NONE "(int, int=, int=): list<int>" READS by call_range;

    Sum "sum" NONE "(any): any" READS [Exact OnList] by call_sum;
    Avg "avg" NONE "(any): float" READS [Exact] by call_fold;
    Min "min" NONE "<T>(list<T>): T" PART [Exact OnList] by call_fold;
    Max "max" NONE "<T>(list<T>): T" PART [Exact OnList] by call_fold;

    Map "map" NONE "<T, U>(list<T>, fun(T): U): list<U>" MAPS [OnList] by call_map;
    Filter "filter" NONE "<T>(list<T>, fun(T): bool): list<T>" FILTERS [OnList] by call_filter;
    Reduce "reduce" NONE "<A, B>(list<A>, fun(B, A): B, B): B" REDUCES [Exact] by call_reduce;
    Find "find" NONE "<T>(list<T>, fun(T): bool): T?" FINDS by call_find;

    Str "str" NONE "(any): string" READS [Exact Peeks] by call_str;
    ToJson "to_json" NONE "(any): string" READS [Exact Peeks] by call_to_json;
    TypeOf "type_of" NONE "(any): string" READS by call_type_of;
    Lower "lower" NONE "(any): string" READS [Exact OnString OnAny] by call_lower;
    Upper "upper" NONE "(string): string" READS [Exact OnString OnAny] calls str_upper;
    Trim "trim" NONE "(string): string" READS [Exact OnString OnAny] calls str_trim;
    StartsWith "starts_with" NONE "(string, string): bool" READS [OnString OnAny] calls str_starts_with;
    EndsWith "ends_with" NONE "(string, string): bool" READS [OnString OnAny] calls str_ends_with;
    IndexOf "indexOf" NONE "(string, string): int" READS [Exact OnString] calls str_index_of;
    Replace "replace" NONE "(string, string, string): string" READS [OnString] calls str_replace;
    Split "split" NONE "(string, string): list<string>" READS [Exact OnString OnAny] by call_split;
    Join "join" NONE "(list<string>, string): string" READS [Exact OnList] calls str_join;
    Substring "substring" "substr" NONE "(string, int, int): string" READS [Exact OnString] calls str_slice;
    PadStart "padStart" NONE "(string, int, string): string" READS [Exact OnString] calls pad_start;
    Repeat "repeat" NONE "(string, int): string" READS [Exact OnString] calls str_repeat;
    Sha256 "sha256" NONE "(any): list<int>" READS [Exact] by call_sha256;

    Bool "bool" NONE "(any): bool" READS by call_bool;
    Int "int" "to_int" NONE "(any): int" READS [Exact] by call_int;
    Float "float" "to_float" NONE "(any): float" READS by call_float;
    ParseIntStr "parseIntStr" NONE "(string, int): int" READS [Exact] calls int_parse_base;
    Abs "abs" NONE "(any): any" PART [Exact] by call_abs;
    Ceil "ceil" NONE "(any): float" READS [Exact] by call_ceil;
    Floor "floor" NONE "(any): float" READS [Exact] by call_floor;
    Round "round" NONE "(float, int=): float" READS by call_round;
    Sqrt "sqrt" NONE "(any): float" READS by call_sqrt;
    Pow "pow" NONE "(any, any): any" READS by call_pow;
    Num "num" NONE "(any): bigint" READS [Exact] by call_num;
    Denom "denom" NONE "(any): bigint" READS [Exact] by call_denom;
}
