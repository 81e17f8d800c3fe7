//! Tests of the interpreter.

use super::*;
use crate::text::parse_module;

fn run(text: &str, name: &str, args: &[u64]) -> Result<Option<u64>, Trap> {
    let module = parse_module(text).unwrap();
    assert_eq!(crate::verify::verify_module(&module), []);
    let program = link(&[&module], true).unwrap();
    let mut machine = Machine::new(&program, Linux::default());
    machine.steps = 1_000_000;
    machine.call(name, args)
}

const FACTORIAL: &str = "
func @fact -> i64 {
b0(v0:i64):
  v1:i64 = iconst 1
  v2:i64 = icmp sle v0, v1
  brif v2, b1, b2
b1:
  ret v1
b2:
  v3:i64 = sub v0, v1
  v4:i64 = call @fact(v3)
  v5:i64 = mul v0, v4
  ret v5
}";

#[test]
fn recursion() {
    assert_eq!(run(FACTORIAL, "fact", &[10]), Ok(Some(3_628_800)));
    assert_eq!(run(FACTORIAL, "fact", &[100_000]), Ok(Some(0)));
    assert_eq!(run(FACTORIAL, "fact", &[u64::MAX >> 1]), Err(Trap::StepLimit));
    let module = parse_module(FACTORIAL).unwrap();
    let program = link(&[&module], false).unwrap();
    let mut machine = Machine::new(&program, Linux::default());
    assert_eq!(machine.call("fact", &[u64::MAX >> 1]), Err(Trap::StackOverflow));
    assert_eq!(machine.trace()[0].function, "fact");
}

#[test]
fn parameters_are_assigned_at_once() {
    let text = "func @f -> i64 {
    b0(v0:i64, v1:i64): v2:i64 = iconst 3 jump b1(v0, v1, v2)
    b1(v3:i64, v4:i64, v5:i64):
      v6:i64 = iconst 1 v7:i64 = sub v5, v6
      brif v7, b1(v4, v3, v7), b2
    b2: ret v3 }";
    assert_eq!(run(text, "f", &[10, 20]), Ok(Some(10)));
}

#[test]
fn memory_and_data() {
    let text = "
    declare data @table
    func @g -> i64 { b0: v0:i64 = iconst 77 ret v0 }
    data @table align 8 { hex x0102030405060708 x0000000000000000 reloc 8 @g }
    data @room align 16 writable zero 32
    func @f -> i64 { b0:
      v0:addr = symaddr @table+6
      v1:i64 = load.u16 v0
      v2:addr = symaddr @room
      store.32 v2+4, v1
      v3:i64 = load.64 v2
      v4:i64 = load.64 v0+2
      v5:i64 = call.ind v4()
      v6:i64 = add v3, v5
      ret v6 }
    func @w { b0: v0:addr = symaddr @table store.8 v0, v0 ret }
    func @n { b0: v0:addr = iconst 0 v1:i64 = load.64 v0+8 ret }
    func @u { b0: unreachable }
    func @d -> i64 { b0(v0:i64): v1:i64 = srem v0, v0 ret v1 }";
    assert_eq!(run(text, "f", &[]), Ok(Some((0x0807 << 32) + 77)));
    assert!(matches!(run(text, "w", &[]), Err(Trap::ReadOnly(_))));
    assert_eq!(run(text, "n", &[]), Err(Trap::NullDereference));
    assert_eq!(run(text, "u", &[]), Err(Trap::Unreachable));
    assert_eq!(run(text, "d", &[0]), Err(Trap::DivisionByZero));
}

#[test]
fn int_slow_paths_and_facts() {
    let text = "
    func @int_add_slow preserve_all -> ref { b0(v0:ref, v1:ref): v2:ref = iconst 42 ret v2 }
    func @int_cmp_slow preserve_all -> i64 { b0(v0:ref, v1:ref): v2:i64 = iconst 2 ret v2 }
    func @int_eq_slow preserve_all -> i64 { b0(v0:ref, v1:ref): v2:i64 = icmp ne v0, v1 ret v2 }
    func @add -> ref { b0(v0:ref, v1:ref): v2:ref = int.add v0, v1 ret v2 }
    func @lie -> ref { b0(v0:ref, v1:ref): v2:ref = int.add v0, v1 [a fits] ret v2 }
    func @mul -> ref { b0(v0:ref, v1:ref): v2:ref = int.mul v0, v1 ret v2 }
    func @lt -> i64 { b0(v0:ref, v1:ref): v2:i64 = int.cmp slt v0, v1 ret v2 }
    func @ne -> i64 { b0(v0:ref, v1:ref): v2:i64 = int.cmp ne v0, v1 ret v2 }";
    assert_eq!(run(text, "add", &[4, 6]), Ok(Some(10)));
    assert_eq!(run(text, "add", &[1, 6]), Ok(Some(42)));
    assert_eq!(run(text, "lie", &[1, 6]), Err(Trap::BrokenFact(Op::IntAdd)));
    assert_eq!(run(text, "lie", &[4, i64::MAX as u64 - 1]), Err(Trap::BrokenFact(Op::IntAdd)));
    assert_eq!(run(text, "mul", &[3, 4]), Err(Trap::NoSlowPath(Op::IntMul)));
    assert_eq!(run(text, "lt", &[1, 4]), Ok(Some(0)));
    assert_eq!(run(text, "ne", &[1, 4]), Ok(Some(1)));
    assert_eq!(run(text, "ne", &[1, 1]), Ok(Some(0)));
    assert_eq!(run(text, "lt", &[2, 4]), Ok(Some(1)));
}

#[test]
fn modules_are_linked_by_name() {
    let user = parse_module(
        "declare func @twice(i64) -> i64\nfunc @f -> i64 { b0(v0:i64): v1:i64 = call @twice(v0) ret v1 }",
    );
    let lib = parse_module(
        "declare func @twice(i64) -> i64 export\nfunc @twice -> i64 { b0(v0:i64): v1:i64 = add v0, v0 ret v1 }",
    );
    let (user, lib) = (user.unwrap(), lib.unwrap());
    assert_eq!(link(&[&user], false).unwrap_err(), LinkError::Undefined("twice".into()));
    assert_eq!(link(&[&lib, &lib], false).unwrap_err(), LinkError::Duplicate("twice".into()));
    let program = link(&[&user, &lib], false).unwrap();
    let mut machine = Machine::new(&program, Linux::default());
    assert_eq!(machine.call("f", &[21]), Ok(Some(42)));
}

#[test]
fn system_calls_and_stacks() {
    let text = "
    declare data @msg
    declare data @word
    data @msg align 8 { hex x68690a }
    data @word align 8 { hex x7856341200000000 }
    func @scan -> i64 { ; the caller's value is somewhere between the stack pointer and the top
    b0(v0:i64):
      v1:addr = get.sp
      jump b1(v1)
    b1(v2:addr):
      v3:i64 = load.64 v2
      v4:i64 = iconst 8
      v5:addr = add v2, v4
      v6:i64 = iconst 305419896
      v7:i64 = sub v3, v6
      brif v7, b1(v5), b2
    b2:
      v8:addr = get.fp
      v9:i64 = load.64 v8
      v10:i64 = icmp ugt v9, v8
      ret v10
    }
    func @main2 {
    b0(v0:i64):
      v1:addr = symaddr @word
      v2:ref = load.64 v1
      v3:i64 = call @scan(v0)
      v4:i64 = iconst 1
      v5:i64 = symaddr @msg
      v6:i64 = iconst 3
      v7:i64 = syscall v4, v4, v5, v6
      v8:i64 = iconst 231
      v9:i64 = add v3, v2
      v10:i64 = sub v9, v2
      v11:i64 = syscall v8, v10
      unreachable
    }
    func @main {
    b0:
      v0:i64 = iconst 9
      v1:i64 = iconst 0
      v2:i64 = iconst 1048576
      v3:i64 = iconst 34
      v4:i64 = syscall v0, v1, v2, v1, v3
      v5:i64 = add v4, v2
      v6:i64 = symaddr @main2
      switch.stack v5, v6, v1
      unreachable
    }";
    let module = parse_module(text).unwrap();
    assert_eq!(crate::verify::verify_module(&module), []);
    let program = link(&[&module], false).unwrap();
    let mut machine = Machine::new(&program, Linux::default());
    machine.steps = 100_000;
    assert_eq!(machine.call("main", &[]), Err(Trap::Exit(1)));
    assert_eq!(machine.host.stdout, b"hi\n");
    // A number is not shown, and neither is a reference that nobody needs any more: the scan leaves the
    // stack.
    for (from, to) in [
        ("v2:ref = load", "v2:i64 = load"),
        ("add v3, v2\n      v10:i64 = sub v9, v2", "add v3, v6\n      v10:i64 = sub v9, v6"),
    ] {
        assert!(text.contains(from));
        let module = parse_module(&text.replace(from, to)).unwrap();
        let program = link(&[&module], false).unwrap();
        let got = Machine::new(&program, Linux::default()).call("main", &[]);
        assert!(matches!(got, Err(Trap::BadAddress(_))), "{got:?}");
    }
}

#[test]
fn pages_are_seamless() {
    let mut memory = Memory::new();
    let a = memory.map(1 << 40);
    memory.store(a + 65_533, 8, 0x1122_3344_5566_7788).unwrap();
    assert_eq!(memory.load(a + 65_533, 8), Ok(0x1122_3344_5566_7788));
    assert_eq!(memory.load(a + 65_536, 2), Ok(0x4455));
    let bytes: Vec<u8> = (0..200_000u32).map(|i| i as u8).collect();
    memory.write(a + 1_000_000, &bytes).unwrap();
    assert_eq!(memory.read(a + 1_000_000, 200_000).unwrap(), bytes);
    memory.fill(a + 1_000_001, 9, 199_998).unwrap();
    assert_eq!(memory.load(a + 1_199_998, 2).unwrap(), u64::from(bytes[199_999]) << 8 | 9);
    assert!(memory.load(a + (1 << 40) - 7, 8).is_err());
    assert!(memory.load(a - 1, 1).is_err());
}

/// What happens with a store in one region and an access in another one, to the same word.
fn regions(second: &str) -> Result<Option<u64>, Trap> {
    let text = format!(
        "region @A.x
        region @A.y
        region @A.k constant
        declare data @d
        data @d align 8 writable zero 16
        func @f -> i64 {{
        b0(v0:i64):
          v1:addr = symaddr @d
          store.64 v1, v0 in @A.x
          store.64 v1+8, v0 in @A.k
          {second}
          v2:i64 = load.64 v1 in @A.x
          ret v2
        }}"
    );
    let module = parse_module(&text).unwrap();
    let program = link(&[&module], false).unwrap();
    let mut machine = Machine::new(&program, Linux::default());
    machine.judge_regions();
    machine.call("f", &[7])
}

#[test]
fn accesses_keep_to_their_regions() {
    let wrong = |new: &str, old: &str| Err(Trap::WrongRegion(new.into(), old.into()));
    assert_eq!(regions(""), Ok(Some(7)));
    assert_eq!(regions("store.8 v1+3, v0 in @A.y"), wrong("A.y", "A.x"));
    assert_eq!(regions("v3:i64 = load.u16 v1+7 in @A.x"), wrong("A.x", "A.k"));
    assert_eq!(regions("v3:i64 = load.u8 v1+7"), Ok(Some(7)));
    // A constant is written once, unless others have the memory in between.
    assert_eq!(regions("store.64 v1+8, v0 in @A.k"), wrong("A.k", "A.k"));
    assert_eq!(regions("store.8 v1+8, v0\n store.64 v1+8, v0 in @A.k"), Ok(Some(7)));
    // What is copied and filled may be anybody's.
    let fill =
        "v3:i64 = iconst 16\n mem.fill v1, v0, v3\n store.64 v1+8, v0 in @A.k\n store.64 v1, v0 in @A.x";
    assert_eq!(regions(fill), Ok(Some(7)));
}

#[test]
fn counts_are_counts() {
    let text = "
        region @A.n count
        declare data @d
        data @d align 8 writable zero 16
        func @f -> i64 {
        b0(v0:i64):
          v1:addr = symaddr @d
          store.64 v1, v0 in @A.n
          store.8 v1+7, v0 in @A.n
          v2:i64 = load.64 v1 in @A.n
          ret v2
        }";
    let module = parse_module(text).unwrap();
    let program = link(&[&module], false).unwrap();
    let run = |word: u64| {
        let mut machine = Machine::new(&program, Linux::default());
        machine.judge_regions();
        machine.call("f", &[word])
    };
    let wrong = |word: u64| Err(Trap::NoCount("A.n".into(), word));
    assert_eq!(run(0), Ok(Some(0)));
    assert_eq!(run(1 << 48), wrong(1 << 48));
    assert_eq!(run(u64::MAX), wrong(u64::MAX));
    // A part of a word is seen when that is loaded.
    assert_eq!(run(1), wrong(1 << 56 | 1));
}

#[test]
fn new_objects_are_new() {
    // The first gives the next words of a table, the second the same ones again, the third none.
    let text = "
    declare data @room
    declare data @next
    declare func @new(i64) -> ref fresh
    declare func @again(i64) -> ref fresh
    declare func @none(i64) -> ref fresh
    data @room align 16 writable zero 64
    data @next align 8 writable zero 8
    func @new -> ref { b0(v0:i64):
      v1:addr = symaddr @next
      v2:i64 = load.64 v1
      v3:i64 = add v2, v0
      store.64 v1, v3
      v4:addr = symaddr @room
      v5:ref = add v4, v2
      store.64 v5, v0
      ret v5 }
    func @again -> ref { b0(v0:i64): v1:ref = symaddr @room ret v1 }
    func @none -> ref { b0(v0:i64): v1:ref = iconst 0 ret v1 }
    func @f -> i64 { b0:
      v0:i64 = iconst 16
      v1:ref = call @new(v0)
      v2:ref = call @SECOND(v0)
      v3:i64 = load.64 v1
      ret v3 }
    func @full -> i64 { b0:
      v0:i64 = iconst 16
      v1:addr = symaddr @room
      store.64 v1+8, v0
      v2:ref = call @again(v0)
      v3:i64 = load.64 v2+8
      ret v3 }";
    let run = |second: &str, name: &str| {
        let module = parse_module(&text.replace("SECOND", second)).unwrap();
        assert_eq!(crate::verify::verify_module(&module), []);
        let program = link(&[&module], true).unwrap();
        let mut machine = Machine::new(&program, Linux::default());
        machine.judge_regions();
        machine.call(name, &[])
    };
    assert_eq!(run("new", "f"), Ok(Some(16)));
    assert_eq!(run("again", "f"), Err(Trap::NotNew("again".into())));
    assert_eq!(run("none", "f"), Err(Trap::NotNew("none".into())));
    assert_eq!(run("new", "full"), Err(Trap::NotNew("again".into())));
}
