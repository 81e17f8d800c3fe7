//! Tests of the text form.

use super::*;
use crate::library::{Decl, Library};
use crate::module::{Attributes, Conv, SymKind};
use crate::{Module, Op, Type};

const SAMPLE: &str = r#"file "a \"b\".mochi"
file "b.mochi"
region @"a region"
region @List.length constant count
declare func @f(ref, i64) -> ref
declare func @"list<int>.push"(ref, f64) preserve_all readonly pure noreturn inline cold quiet bounded barren apart fresh export
declare data @d export
declare data @z
declare func @main()

data @d align 8 {
  hex x0001020304050607 x08
  reloc 0 @f+8
  reloc 8 @z-8
}

data @z align 16 writable zero 4096

func @f "P.f" file 1 save_all preserve_all -> ref @3:1 {
inlined "g" file 0 line 8 at @3:7
inlined "a \"b\"" file 1 line 0 at @9:2:0
b0(v0:ref, v1:i64):
  v2:i64 = load.64 v0+8 @3:7
  v3:i64 = icmp slt v1, v2
  v4:ref = int.add v0, v0 [a b fits]
  v5:i64 = int.cmp sge v0, v4 [b]
  v7:f64 = fconst -0.0
  v8:f64 = fconst 1e300
  v9:f64 = fconst 0x7ff8000000000a0e
  v10:i64 = symaddr @d-8
  store.64 v10-16, v1 in @"a region" @524287:4095
  v11:i64 = fcmp le v7, v8 @524287:4095:1
  call @"list<int>.push"(v0, v9)
  v12:ref = call.ind v10(v0, v1)
  v13:i64 = syscall v1, v2
  brif v3, b7(v2), b2
b7(v30:i64):
  v20:ref = call @f(v0, v30)
  switch v30, b3, -5: b2, 7: b3
b3:
  ret v20
cold b2:
  unreachable
}

func @main {
b0:
  v0:i64 = iconst -9223372036854775808
  ret
}
"#;

#[test]
fn round_trip() {
    let module = parse_module(SAMPLE).unwrap();
    assert_eq!(print_module(&module), SAMPLE);
}

#[test]
fn short_forms() {
    let text = "func @f -> i64 { ; comment\nb0(v0:i64): v1:f64 = fconst 0x3ff0000000000000 ret v0 }";
    let module = parse_module(text).unwrap();
    let SymKind::Func(sig) = &module.syms[0].kind else { panic!() };
    assert_eq!((sig.params.as_slice(), sig.result), (&[Type::I64][..], Some(Type::I64)));
    assert!(print_module(&module).contains("fconst 1.0"));
}

fn fails(text: &str) -> (u32, u32, ParseErrorKind) {
    let e = parse_module(text).unwrap_err();
    (e.line, e.column, e.kind)
}

#[test]
fn errors_have_places() {
    use ParseErrorKind::*;
    assert_eq!(fails("func @f {\nb0:\n  foo v1\n}"), (3, 3, UnknownOp("foo".into())));
    assert_eq!(fails("func @f {\nb0:\n  ret v1\n}").2, UndefinedValue(1));
    assert_eq!(fails("func @f {\nb0:\n  jump b1\n}").2, UndefinedBlock(1));
    assert_eq!(fails("func @f {\nb0:\n  call @g()\n ret }"), (3, 8, UnknownSymbol("g".into())));
    assert_eq!(fails("func @f {\nb0:\n v0:i64 = iconst 99999999999999999999"), (3, 18, OutOfRange));
    assert_eq!(fails("func @f {\nb0:\n v4000000000:i64 = iconst 1 ret}").2, OutOfRange);
    assert_eq!(fails("declare data @d data @d zero -8").2, OutOfRange);
    assert_eq!(fails("file \"x").2, BadToken);
    assert_eq!(fails("declare data @d declare data @d").2, Duplicate("d".into()));
    assert_eq!(fails("func @f { b0: ret b0: ret }").2, Duplicate("b0".into()));
    assert!(matches!(fails("func @f {}").2, Expected(_)));
    assert!(matches!(fails("func @f { b0: v0:i64 = icmp v0, v0").2, Expected(_)));
}

#[test]
fn never_panics_on_cut_texts() {
    for end in 0..SAMPLE.len() {
        let _ = parse_module(&SAMPLE[..end]);
        if let Some(rest) = SAMPLE.get(end..) {
            let _ = parse_module(rest);
        }
    }
}

#[test]
fn every_op_name_is_found() {
    for &op in Op::ALL {
        assert_eq!(Op::from_name(op.info().name), Some(op));
    }
    assert_eq!(Op::from_name("nothing"), None);
}

#[test]
fn functions_declare_what_they_need() {
    const COLD: Attributes = Attributes { cold: true, ..Attributes::NONE };
    const INLINE: Attributes = Attributes { inline: true, ..Attributes::NONE };
    static DECLS: [Decl; 2] = [
        Decl {
            name: "grow",
            params: &[Type::Ref],
            result: Some(Type::Ref),
            conv: Conv::PreserveAll,
            attributes: COLD,
            body: None,
        },
        Decl {
            name: "push",
            params: &[Type::Ref],
            result: Some(Type::Ref),
            conv: Conv::C,
            attributes: INLINE,
            body: Some(
                "func @push -> ref {\nb0(v0:ref):\n v2:i64 = symaddr @desc_int\n v1:ref = call @grow(v0)\n ret v1\n}\n",
            ),
        },
    ];
    let library = Library { decls: &DECLS, ..Library::EMPTY };
    let mut module = Module::new();
    let func = parse_function(DECLS[1].body.unwrap(), &mut module, &library).unwrap();
    assert_eq!(module.sym(func.sym).name, "push");
    assert!(module.sym(func.sym).attributes.inline);
    assert!(module.sym(module.lookup("grow").unwrap()).attributes.cold);
    assert_eq!(module.sym(module.lookup("desc_int").unwrap()).kind, SymKind::Data);
}
