//! The one table of everything the compiler can tell the user about a program.
//!
//! A row is: variant, code as printed (empty: printed without one), severity, message, help.
//! `{0}`, `{1}`, ... in message and help stand for the arguments of the report, in the order of
//! the message; any other brace is literal. Codes, messages and help of P and T rows are those of
//! the reference compiler (its `parser/` and `types/errors.go`), except the P1xx and T1xx
//! rows, which report limits and constructs that only this compiler tells apart.

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The program is rejected.
    Error,
    /// The program is accepted, probably not meant so.
    Warning,
    /// A remark on an accepted program.
    Note,
}

impl Severity {
    /// As printed.
    pub fn text(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}

macro_rules! codes {
    ($($variant:ident $code:literal $severity:ident $message:literal $help:literal;)*) => {
        /// Which diagnostic: a row of the table in `diag/codes.rs`.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
        pub enum Code {
            $(
                #[doc = concat!("`", $code, "` ", $message)]
                $variant
            ),*
        }

        impl Code {
            /// Every row.
            pub const ALL: &'static [Code] = &[$(Code::$variant),*];

            /// The code as printed, such as `T008`; empty for diagnostics without one.
            pub fn text(self) -> &'static str {
                match self { $(Code::$variant => $code),* }
            }

            /// Severity.
            pub fn severity(self) -> Severity {
                match self { $(Code::$variant => Severity::$severity),* }
            }

            /// Message template.
            pub fn message(self) -> &'static str {
                match self { $(Code::$variant => $message),* }
            }

            /// Help template; empty for none.
            pub fn help(self) -> &'static str {
                match self { $(Code::$variant => $help),* }
            }
        }
    };
}

codes! {
    // Syntax: the message says what was found and what was expected.
    P001 "P001" Error
        "unexpected {0}, expected {1}"
        "Check for a missing `{` or `}` to close the block.";
    P011 "P011" Error
        "unexpected {0}, expected {1}"
        "`=>` cannot replace a full `{}` block in function bodies.";
    P051 "P051" Error
        "unexpected {0}, expected {1}"
        "Separate function arguments or list elements with commas.";
    P052 "P052" Error
        "unexpected {0}, expected {1}"
        "Unbalanced parentheses. Check for missing `(` or `)`.";
    P055 "P055" Error
        "unexpected {0}, expected {1}"
        "Stray `.` dot — expected a selector after it. Did you forget an identifier?";
    P031 "P031" Error
        "unexpected {0}, expected {1}"
        "`let` must be followed by a variable name.";
    P056 "P056" Error
        "unexpected {0}, expected {1}"
        "Unexpected `let` — remove redundant declaration keyword.";
    P999 "P999" Error
        "unexpected {0}, expected {1}"
        "Parse error occurred. Check syntax near this location.";

    // Tokens.
    P040 "P040" Error
        "unterminated string literal"
        "Close the string with a matching `\"` before end of file.";
    IllegalCharacter "P040" Error
        "illegal character {0}"
        "Remove the character. Only string literals and comments may hold arbitrary text.";
    P041 "P041" Error
        "invalid escape sequence in string literal"
        "Mochi accepts the standard Go escapes: \\\\, \\\", \\n, \\r, \\t, \\b, \\f, \\v, \\a, \\xHH, \\uHHHH, \\UHHHHHHHH.";
    NameNotText "P041" Error
        "this name is not UTF-8"
        "The escapes `\\xHH` and `\\ooo` give bytes; in a name they have to form characters.";
    NotUtf8 "P040" Error
        "the source is not UTF-8: byte 0x{0}"
        "Save the file as UTF-8; in a string literal, `\\x{0}` gives this byte.";
    P042 "P042" Error
        "unterminated block comment"
        "Block comments must be closed with `*/`; they do not nest.";
    P043 "P043" Error
        "invalid numeric literal: missing whitespace before \"{0}\""
        "Separate the numeric literal from the following identifier with whitespace.";
    P045 "P045" Error
        "integer literal {0} is out of range for a 64-bit signed integer"
        "Use a value in the range [-9223372036854775808, 9223372036854775807].";
    FloatRange "P045" Error
        "float literal {0} is out of range"
        "The largest float is about 1.7976931348623157e308.";
    P046 "P046" Error
        "incomplete numeric literal \"{0}\": missing digits after base prefix"
        "`0x`, `0b`, and `0o` must be followed by at least one digit of the chosen base.";

    // Shapes that parse but mean nothing.
    P060 "P060" Error
        "index expression has no key, range, or step"
        "Use `xs[i]` for a subscript, or supply at least one of start/end/step in a slice like `xs[1:]`, `xs[:3]`, or `xs[::2]`.";
    P061 "P061" Error
        "match case has no result expression or block"
        "Provide a result after `=>`, e.g. `0 => \"zero\"`, or a block: `0 => { ... }`.";
    P062 "P062" Error
        "load/save path is the empty string"
        "Omit the literal entirely to use stdin/stdout (e.g. `load as T` or `save x`), or supply a real path.";
    P063 "P063" Error
        "match case pattern is not a recognised pattern shape"
        "A pattern must be a literal (e.g. `1`, `\"foo\"`, `true`, `none`), an identifier (e.g. `x`, `_`, or a variant name like `Leaf`), or a variant constructor call (e.g. `Node(l, v, r)`). Compound expressions, indexing, field access, casts, and quoted constructors are not patterns.";
    P064 "P064" Error
        "unknown import language: \"{0}\""
        "The supported languages are `go`, `python`, `typescript`, `zig`, `lua`, `clj`, and `clojure`. Omit the language to use the Mochi default, or check the spelling.";
    P065 "P065" Error
        "expression statement has no observable effect"
        "An expression used as a statement must perform I/O or call a function (what a function gives stands behind `return`). Bare values, arithmetic, and field/index access compute a result that nothing reads. Use `let _ = ...` if you need to evaluate for a side effect inside an argument, or remove the line.";
    P070 "P070" Error
        "function literal has no body"
        "Write `fun(x: int): int { return x + 1 }` or `fun(x: int): int => x + 1`.";

    // Limits of this compiler.
    P100 "P100" Error
        "nesting is too deep: more than {0} levels"
        "Give inner parts names, or split the code into functions.";
    P101 "P101" Error
        "expression is too long: more than {0} operators in a row"
        "Split the expression into several statements.";
    P102 "P102" Error
        "source file is too large"
        "A source file may have at most 4294967295 bytes.";

    P103 "P103" Error
        "type is too large: more than {0} parts"
        "Give parts of it names, as fields of a struct.";

    // Checker.
    T000 "T000" Error
        "`let` requires a type or a value"
        "Use `let x = ...` or `let x: int` to declare a variable.";
    T001 "T001" Error
        "assignment to undeclared variable: {0}"
        "Declare `{0}` first using `let`.";
    T002 "T002" Error
        "undefined variable: {0}"
        "Check if the variable was declared in this scope.";
    T003 "T003" Error
        "unknown function: {0}"
        "Ensure the function is defined before it's called.";
    T004 "T004" Error
        "`{0}` is not callable"
        "Use a function or closure in this position.";
    T005 "T005" Error
        "parameter `{0}` is missing a type"
        "Add a type like `x: int` to this parameter.";
    T006 "T006" Error
        "too many arguments: expected {0}, got {1}"
        "Remove extra arguments or update the function definition.";
    T007 "T007" Error
        "argument {0}: expected {1}, got {2}"
        "Ensure the argument type matches the function’s signature.";
    T008 "T008" Error
        "type mismatch: expected {0}, got {1}"
        "Change the value to match the expected type.";
    T009 "T009" Error
        "cannot assign {0} to `{1}` (expected {2})"
        "Make sure the assigned value is compatible with `{1}`.";
    T010 "T010" Error
        "return type mismatch: expected {0}, got {1}"
        "Update the return value to match the function's return type. A block arm of a `match` that stands as a statement cannot return from the function: write `return match ...`, or `if`.";
    T011 "T011" Error
        "`expect` must be a boolean"
        "`expect` should evaluate to `true` or `false`.";
    T013 "T013" Error
        "incompatible types in comparison"
        "Use comparable types like numbers or strings with `<`, `>`.";
    T014 "T014" Error
        "invalid primary expression"
        "Expected a complete value or expression (e.g., literal, variable, function).";
    T015 "T015" Error
        "index must be an integer"
        "Use an `int` value for indexing (e.g., `list[0]`).";
    T016 "T016" Error
        "missing index expression"
        "Provide an index inside `[ ... ]`.";
    T017 "T017" Error
        "slicing not allowed on map"
        "Maps do not support slicing like `map[a:b]`.";
    T018 "T018" Error
        "type {0} does not support indexing"
        "Only `list<T>` and `map<K,V>` can be indexed.";
    T019 "T019" Error
        "map key type mismatch: expected {0}, got {1}"
        "Make sure the key matches the map’s key type.";
    T020 "T020" Error
        "operator `{0}` cannot be used on types {1} and {2}"
        "Choose an operator that supports these operand types.";
    T021 "T021" Error
        "unsupported operator: `{0}`"
        "Use a valid operator like +, -, ==, or <.";
    T022 "T022" Error
        "cannot iterate over type {0}"
        "Only `list<T>`, `map<K,V>`, or integer ranges are allowed in `for ... in ...` loops.";
    T023 "T023" Error
        "range loop requires integer start and end expressions"
        "Use `for i in 0..10` or ensure both expressions are of type `int`.";
    T024 "T024" Error
        "cannot assign to `{0}` (immutable)"
        "Use `var` to declare mutable variables.";
    T025 "T025" Error
        "unknown type: {0}"
        "Ensure the type is defined before use.";
    T026 "T026" Error
        "unknown field `{0}` on {1}"
        "Check the struct definition for valid fields.";
    T027 "T027" Error
        "{0} is not a struct"
        "Field access is only valid on struct types.";
    T028 "T028" Error
        "fetch URL must be a string"
        "Use a string literal or variable of type string.";
    T029 "T029" Error
        "fetch options must be a map"
        "Pass a map like `{\"method\": \"POST\"}` after `with`.";
    T030 "T030" Error
        "invalid type for fetch option `{0}`: expected {1}, got {2}"
        "Ensure the option value matches the expected type.";
    T031 "T031" Error
        "unknown stream: {0}"
        "Declare the stream before using it.";
    T032 "T032" Error
        "query source must be a list"
        "Use a list value after `in`.";
    T033 "T033" Error
        "`where` condition must be boolean"
        "Ensure the condition evaluates to true or false.";
    T034 "T034" Error
        "join source must be a list"
        "Use a list value after `in`.";
    T035 "T035" Error
        "`on` condition must be boolean"
        "Ensure the condition evaluates to true or false.";
    T036 "T036" Error
        "cannot take length of type {0}"
        "Use `len(...)` only on lists, strings, or maps.";
    T037 "T037" Error
        "count() expects list or group, got {0}"
        "Pass a list or group to count().";
    T038 "T038" Error
        "avg() expects numeric list or group, got {0}"
        "Ensure the list or group contains numbers.";
    T039 "T039" Error
        "function {0} expects {1} arguments, got {2}"
        "Pass exactly {1} arguments to `{0}`.";
    T040 "T040" Error
        "`if` condition must be boolean"
        "Ensure the condition evaluates to true or false.";
    T041 "T041" Error
        "sum() expects numeric list or group, got {0}"
        "Ensure the list or group contains numbers.";
    T042 "T042" Error
        "`having` condition must be boolean"
        "Ensure the condition evaluates to true or false.";
    T043 "T043" Error
        "operator `{0}` cannot be used with `any`"
        "Cast values to concrete types before using `{0}`.";
    T044 "T044" Error
        "call to `{0}` produces effect(s) {1}, not allowed in `{2}` predicate"
        "Only pure functions may be called inside `where` and `having` predicates. Refactor the predicate to read pre-computed values, or move the effectful call outside the query.";
    T045 "T045" Error
        "`{0}` outside of loop"
        "Move `{0}` inside a `for` or `while` loop body.";
    T046 "T046" Error
        "invalid cast: `{0}` as `{1}` is not allowed"
        "Only numeric-tower, union-to-variant, map-to-struct, and any-related casts are allowed. Use a parsing function (e.g. `parseIntStr`) for string conversions.";
    T047 "T047" Error
        "cannot unify type parameter `{0}`: {1} vs {2}"
        "Two argument positions require incompatible bindings for the same generic parameter. Pick argument types that agree.";
    T048 "T048" Error
        "type parameter `{0}` escapes function result"
        "The result type still mentions `{0}` after argument unification. Constrain the parameter at a call argument or supply an explicit type argument.";
    T049 "T049" Error
        "type argument arity mismatch for `{0}`: expected {1}, got {2}"
        "Supply exactly one type argument per declared type parameter.";
    T050 "T050" Error
        "non-exhaustive match on union `{0}`: missing variant(s) {1}"
        "Add an arm for each missing variant or use a wildcard `_` arm to cover the remainder.";
    T051 "T051" Error
        "cannot alias immutable aggregate `{0}` into a mutable binding"
        "Aliasing a let-bound list, map, or struct into a `var` would let writes through the alias mutate the original. Copy it (a list by `xs[0:len(xs)]`) or bind the source as `var`.";
    T052 "T052" Error
        "cannot alias `{0}` ({1}) into a binding of type {2}"
        "Aliasing widens the source's element type, which would let a write through the alias deposit a value the source cannot hold. Aggregate element, key, and value types are invariant at aliasing sites. Copy the elements (`from x in xs select x as ...`) or declare the destination with the source's exact element type.";
    T053 "T053" Error
        "struct literal `{0}` is missing required field(s) {1}"
        "Provide a value for every declared field. Mochi structs do not have field defaults.";
    T054 "T054" Error
        "redundant match arm: {0}"
        "Remove the arm or merge it with the earlier arm it duplicates. Mochi does not have pattern guards, so duplicate patterns can never both fire.";
    T055 "T055" Error
        "`{0}` operand must be `int`, got {1}"
        "`skip` and `take` count rows; supply an integer expression.";
    T056 "T056" Error
        "`sort by` expression must be an ordered type, got {0}"
        "Ordered types are int, int64, bigint, bigrat, float, bool, and string. Project a scalar field of an ordered type, or compare with an explicit key.";
    T057 "T057" Error
        "`select distinct` expression must be a hashable type, got {0}"
        "Distinct deduplicates by structural equality. Function values do not have a stable hash. Project a scalar or record of scalars.";
    T058 "T058" Error
        "dereference of optional `{0}` requires a none guard"
        "Narrow with `if {0} != none { ... }` first, or supply a fallback (`?? default`).";
    T059 "T059" Error
        "comparison with `none` requires an optional operand, got {0}"
        "`none` is the empty side of `Option<T>`; comparing it to a non-optional value can never be true. Change the operand to `T?` or drop the comparison; to compare a value that may be missing, such as `m[k]` of a map, with one that is not, give it a default: `m[k] ?? d`.";
    T060 "T060" Error
        "safe-call `?.{0}` requires an option-typed receiver, got {1}"
        "`a?.f` is only defined when `a : T?`. Drop the `?` for a plain field access, or change the receiver's type.";
    T061 "T061" Error
        "safe-call `?.{0}` requires the wrapped type to be a struct, got {1}"
        "The element side of the option must expose a field named `{0}`.";
    T062 "T062" Error
        "safe-index `?[ ]` requires an option-typed receiver, got {0}"
        "`a?[k]` is only defined when `a : list<T>?` or `a : map<K, V>?`. Drop the `?` for a plain index access.";
    T063 "T063" Error
        "safe-index `?[ ]` requires the wrapped type to be a list or map, got {0}"
        "Only `list<T>` and `map<K, V>` support indexed access after `?[`.";
    T064 "T064" Error
        "unknown effect label `{0}`"
        "Effect annotations may only mention the closed label set: io, fs, net, time, meta.";
    T065 "T065" Error
        "function `{0}` declares effects {1} but its body produces {2}"
        "Either add the missing label(s) to the `!` annotation, or remove the call that produces the extra effect.";
    T066 "T066" Error
        "expression produces effect(s) {0}, not allowed in {1}"
        "This position requires a pure expression. Replace the effectful call with a pre-computed value, or hoist the call out so only its result reaches this position.";

    // Checker, without a code in the reference.
    AmbiguousField "T100" Error
        "field `{0}` is ambiguous: {1} have it"
        "Write the variable in front of the field.";
    SliceStore "T101" Error
        "a slice is no place to assign to"
        "A slice is a copy: assign the elements one by one, or write `xs = xs[:a] + values + xs[b:]`.";
    RowlessSource "T102" Error
        "the source of this {0} join cannot use `{1}`"
        "Its items are taken one by one, whether a row matches or not, so there is no `{1}` yet. Use `from` or `join`.";
    ExpectsNumericOrString "" Error
        "{0}() expects numeric or string"
        "";
    ExpectsNumeric "" Error
        "{0}() expects numeric"
        "";
    ExpectsNumericList "" Error
        "{0}() expects numeric list"
        "";
    ExpectsNumericExpression "" Error
        "min/max() expects numeric expression"
        "";
    ExpectsList "" Error
        "{0}() expects list"
        "";
    ExpectsMap "" Error
        "{0}() expects map"
        "";
    ExpectsKind "" Error
        "{0}() expects {1}, got {2}"
        "";
    ExistsOperand "" Error
        "exists expects list, map or string"
        "";
    Sha256Operand "" Error
        "sha256 expects string or list"
        "";
    UpdateElement "" Error
        "update element is not struct"
        "`update` rewrites the elements of a list of structs.";
    InterpreterOnly "" Error
        "{0} are interpreter-only; the compiler does not implement them"
        "Compiled programs have no streams, agents, facts or rules.";
    Unsupported "" Error
        "{0} is not supported"
        "";

    // Remarks.
    // What `--remarks` says.
    Remark "" Note
        "{0}"
        "";
    NilName "" Note
        "`{0}` means `none`"
        "Write `none`.";
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placeholders(template: &str) -> Vec<usize> {
        let bytes = template.as_bytes();
        (0..bytes.len().saturating_sub(2))
            .filter(|&i| bytes[i] == b'{' && bytes[i + 1].is_ascii_digit() && bytes[i + 2] == b'}')
            .map(|i| usize::from(bytes[i + 1] - b'0'))
            .collect()
    }

    #[test]
    fn rows_are_well_formed() {
        for &code in Code::ALL {
            let message = placeholders(code.message());
            let expected: Vec<usize> = (0..message.len()).collect();
            assert_eq!(message, expected, "{code:?}: placeholders of the message are not in order");
            for p in placeholders(code.help()) {
                assert!(p < message.len(), "{code:?}: help uses an argument the message has not");
            }
            assert!(!code.message().contains('%'), "{code:?}: a Go verb is left in the message");
            assert!(!code.message().ends_with('.'), "{code:?}: message ends with a period");
            let name = format!("{code:?}");
            let coded = name[1..].bytes().all(|b| b.is_ascii_digit());
            assert!(!coded || name == code.text(), "{code:?} prints another code");
        }
    }
}
