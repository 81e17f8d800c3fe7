//! The functions and data of the runtime that lowering names, and calls of these functions.
//!
//! The tables here are the only place where their names are written. The runtime's build compares them with what the
//! runtime declares, so that a name which it does not have ends our build and not that of a user. Variants are
//! spelled as in `runtime/lib/`.

use super::Lowerer;
use super::func::Fx;
use super::repr::Repr;
use crate::types::TyKind;
use mochi_ir::{Op, Sym, Type, Value};

/// No runtime function that lowering calls has more parameters.
const MAX_ARGS: usize = 6;

macro_rules! runtime {
    ($(#[$doc:meta])* $Name:ident $LIST:ident { $($item:ident)* }) => {
        $(#[$doc])*
        #[allow(non_camel_case_types)]
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(crate) enum $Name { $($item),* }

        $(#[$doc])*
        pub const $LIST: [&str; [$(stringify!($item)),*].len()] = [$(stringify!($item)),*];
    };
}

runtime! {
    /// The runtime functions that lowering calls.
    Rt RUNTIME_FUNCTIONS {
        alloc panic_msg fun_apply

        int_from_i64 int_from_f64 int_to_f64 int_as_f64 int_is_f64 int_of_text int_parse_base
        int_cmp_slow int_f64_eq int_f64_order int_abs int_pow

        f64_parse f64_div f64_mod f64_pow f64_ceil f64_floor f64_round

        rat_from_int rat_from_f64 rat_from_str rat_to_f64 rat_num rat_den rat_cmp
        rat_add rat_sub rat_mul rat_div rat_mod rat_neg rat_abs

        bool_parse

        str_of_int str_of_f64 str_of_bool str_of_val str_len str_index str_slice str_char_at str_eq str_lt str_le
        str_lt_char str_le_char
        str_concat str_contains str_starts_with str_ends_with str_index_of str_join str_split str_replace
        str_repeat str_reverse str_trim str_lower str_upper pad_start sha256

        list_new list_reserve list_len list_share list_pin list_unpin list_slice list_concat list_concat_place
        list_get_r list_get_w list_get_f list_get_b
        list_get_raw_r list_get_raw_w list_get_raw_f list_get_raw_b
        list_set_r list_set_w list_set_f list_set_b
        list_set_copy_r list_set_copy_w list_set_copy_f list_set_copy_b
        list_push_r list_push_w list_push_f list_push_b
        list_fill_r list_fill_w list_fill_f list_fill_b list_filled
        list_append_r list_append_w list_append_f list_append_b
        list_append_place_r list_append_place_w list_append_place_f list_append_place_b
        list_first_w list_first_f list_first_b
        list_last_w list_last_f list_last_b
        list_contains list_range list_range_step list_reverse list_distinct list_sort list_sort_by
        list_union list_except list_intersect
        list_sum list_sum_int list_sum_f64 list_avg list_min list_max

        map_new map_len map_keys map_values map_loop_keys
        map_find_i map_find_s map_find_x
        map_add_i map_add_s
        map_put_i map_put_s map_put_x

        join_next
        join_index_i join_index_f join_index_b join_index_s
        join_find_i join_find_f join_find_b join_find_s

        any_from_f64 any_from_bool any_from_list any_from_fun
        any_to_int any_to_f64 any_to_bool any_to_str any_to_rat any_to_ref any_as_int any_expect any_type_of
        any_truth any_eq any_cmp any_in any_add any_sub any_mul any_div any_mod any_neg any_abs any_pow
        any_len any_count any_exists any_items any_index any_slice any_field any_set_index any_set_field
        any_reverse any_sha256

        val_eq val_copy cast_val row_field json_str json_val

        out_int out_f64 out_bool out_str out_val out_byte out_newline out_mark out_trim
        err_begin err_end bench_begin bench_end input read_line read_lines now
        args_list env_value exit_with
    }
}

runtime! {
    /// The runtime's static data that lowering refers to.
    RtData RUNTIME_DATA {
        byte_strings
        desc_int desc_float desc_bool desc_str desc_any desc_bigrat desc_list_any
        desc_cell_ref desc_cell_tag desc_cell_raw
    }
}

/// A function of lists that there is for each kind of element: for references, plain or `any`, ints, floats, bools.
#[derive(Clone, Copy)]
pub(crate) struct ListRt(Rt, Rt, Rt, Rt);

impl ListRt {
    /// An element by tagged index, checked.
    pub(crate) const GET: ListRt = ListRt(Rt::list_get_r, Rt::list_get_w, Rt::list_get_f, Rt::list_get_b);
    /// An element by raw index, unchecked.
    pub(crate) const GET_RAW: ListRt =
        ListRt(Rt::list_get_raw_r, Rt::list_get_raw_w, Rt::list_get_raw_f, Rt::list_get_raw_b);
    /// Stores an element; gives the list that has it.
    pub(crate) const SET: ListRt = ListRt(Rt::list_set_r, Rt::list_set_w, Rt::list_set_f, Rt::list_set_b);
    /// The same for lists that other holders may not see grow.
    pub(crate) const SET_COPY: ListRt =
        ListRt(Rt::list_set_copy_r, Rt::list_set_copy_w, Rt::list_set_copy_f, Rt::list_set_copy_b);
    /// Adds an element to a list nobody else holds.
    pub(crate) const PUSH: ListRt =
        ListRt(Rt::list_push_r, Rt::list_push_w, Rt::list_push_f, Rt::list_push_b);
    /// Stores an element of a new list by raw index.
    pub(crate) const FILL: ListRt =
        ListRt(Rt::list_fill_r, Rt::list_fill_w, Rt::list_fill_f, Rt::list_fill_b);
    /// A list with one more element.
    pub(crate) const APPEND: ListRt =
        ListRt(Rt::list_append_r, Rt::list_append_w, Rt::list_append_f, Rt::list_append_b);
    /// The same in place, when nobody else holds the list.
    pub(crate) const APPEND_PLACE: ListRt = ListRt(
        Rt::list_append_place_r,
        Rt::list_append_place_w,
        Rt::list_append_place_f,
        Rt::list_append_place_b,
    );
    /// The first element or none.
    pub(crate) const FIRST: ListRt =
        ListRt(Rt::list_first_w, Rt::list_first_w, Rt::list_first_f, Rt::list_first_b);
    /// The last element or none.
    pub(crate) const LAST: ListRt =
        ListRt(Rt::list_last_w, Rt::list_last_w, Rt::list_last_f, Rt::list_last_b);

    /// The one for elements of a representation.
    pub(crate) fn of(self, elements: Repr) -> Rt {
        match elements {
            Repr::Ref | Repr::Any => self.0,
            Repr::Int => self.1,
            Repr::Float => self.2,
            Repr::Bool => self.3,
        }
    }
}

/// A function of maps that there is for each class of keys: for ints, strings, all others.
#[derive(Clone, Copy)]
pub(crate) struct MapRt(Rt, Rt, Rt);

impl MapRt {
    /// Address of the slot of a key, 0 when there is none.
    pub(crate) const FIND: MapRt = MapRt(Rt::map_find_i, Rt::map_find_s, Rt::map_find_x);
    /// Address of the slot of a key, which is made when there is none.
    pub(crate) const PUT: MapRt = MapRt(Rt::map_put_i, Rt::map_put_s, Rt::map_put_x);
    /// Address of the slot of a key that is not there; finding one of the last class is so slow that it makes it.
    pub(crate) const ADD: MapRt = MapRt(Rt::map_add_i, Rt::map_add_s, Rt::map_put_x);

    /// The one for keys of a type.
    pub(crate) fn of(self, key: &TyKind) -> Rt {
        match key {
            TyKind::Int => self.0,
            TyKind::Str => self.1,
            _ => self.2,
        }
    }
}

/// A function of indexes of joins that there is for each kind of keys.
#[derive(Clone, Copy)]
pub(crate) struct JoinRt {
    int: Rt,
    float: Rt,
    bool: Rt,
    string: Rt,
}

impl JoinRt {
    /// The index of a list of keys.
    pub(crate) const INDEX: JoinRt = JoinRt {
        int: Rt::join_index_i,
        float: Rt::join_index_f,
        bool: Rt::join_index_b,
        string: Rt::join_index_s,
    };
    /// The number of the first item with a key: one more than its index, or 0.
    pub(crate) const FIND: JoinRt = JoinRt {
        int: Rt::join_find_i,
        float: Rt::join_find_f,
        bool: Rt::join_find_b,
        string: Rt::join_find_s,
    };

    /// The one for keys of a type, if there is one.
    pub(crate) fn of(self, key: &TyKind) -> Option<Rt> {
        match key {
            TyKind::Int => Some(self.int),
            TyKind::Float => Some(self.float),
            TyKind::Bool => Some(self.bool),
            TyKind::Str => Some(self.string),
            _ => None,
        }
    }
}

/// The symbols of what a module has used of the runtime so far.
pub(super) struct Declared {
    functions: [Option<Sym>; RUNTIME_FUNCTIONS.len()],
    data: [Option<Sym>; RUNTIME_DATA.len()],
}

impl Declared {
    pub(super) const NOTHING: Declared =
        Declared { functions: [None; RUNTIME_FUNCTIONS.len()], data: [None; RUNTIME_DATA.len()] };
}

impl Lowerer<'_> {
    /// Declares a runtime function.
    pub(crate) fn runtime(&mut self, f: Rt) -> Sym {
        let at = f as usize;
        if let Some(s) = self.runtime.functions[at] {
            return s;
        }
        let s = self.library.declare(&mut self.module, RUNTIME_FUNCTIONS[at]);
        self.runtime.functions[at] = Some(s);
        s
    }

    /// Declares static data of the runtime.
    pub(crate) fn runtime_data(&mut self, data: RtData) -> Sym {
        let module = &mut self.module;
        *self.runtime.data[data as usize]
            .get_or_insert_with(|| module.declare_data(RUNTIME_DATA[data as usize], false))
    }

    /// Whether a symbol is this data of the runtime.
    pub(crate) fn is_runtime_data(&self, sym: Sym, data: RtData) -> bool {
        self.runtime.data[data as usize] == Some(sym)
    }
}

impl Fx<'_, '_> {
    /// Calls a runtime function; words are converted between `i64` and `ref` as it wants.
    pub(crate) fn rt_opt(&mut self, f: Rt, args: &[Value]) -> Option<Value> {
        let sym = self.lw.runtime(f);
        let signature = self.lw.module.signature(sym);
        assert_eq!(signature.params.len(), args.len(), "arguments of runtime function {f:?}");
        let mut converted = [args.first().copied().unwrap_or(Value(0)); MAX_ARGS];
        for (k, (&arg, &want)) in args.iter().zip(&signature.params).enumerate() {
            let have = self.b.func.ty(arg);
            assert_eq!(have.is_word(), want.is_word(), "argument class of runtime function {f:?}");
            converted[k] = if have == want { arg } else { self.b.op(Op::Copy, &[arg], want) };
        }
        self.b.call(sym, &converted[..args.len()], signature.result)
    }

    /// Calls a runtime function with a result.
    pub(crate) fn rt(&mut self, f: Rt, args: &[Value]) -> Value {
        match self.rt_opt(f, args) {
            Some(v) => v,
            None => panic!("runtime function {f:?} has no result"),
        }
    }

    /// Calls a runtime function without a result.
    pub(crate) fn rt_void(&mut self, f: Rt, args: &[Value]) {
        self.rt_opt(f, args);
    }

    /// Calls a runtime function that gives a word, and takes the word as this representation.
    pub(crate) fn rt_as(&mut self, repr: Repr, f: Rt, args: &[Value]) -> Value {
        let v = self.rt(f, args);
        if self.b.func.ty(v) == Type::F64 { v } else { self.unpack(repr, v) }
    }
}
