//! Compares what tables say with what code does, for every function of a program.

use crate::machine::{Code, Flow, Followed, Machine, Reg, State, Value, follow};
use crate::{Caller, Image, Judged, a64, dwarf, pe_a64, pe_x64, rv64, x64};
use object::Architecture;

/// What a system asks of programs.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// How far the stack may go down untouched, where that is a rule.
    pub probe: Option<i64>,
    /// The largest frame, where there is a limit.
    pub reserve: Option<i64>,
}

/// What was compared.
#[derive(Debug, Default)]
pub struct Report {
    /// Functions that were followed.
    pub functions: usize,
    /// Instructions at which tables were asked, and the calls among them.
    pub steps: usize,
    /// Places that calls come back to.
    pub calls: usize,
    /// Functions that keep what Windows wants.
    pub for_windows: usize,
    /// What is wrong.
    pub wrong: Vec<String>,
}

enum Table<'a> {
    Frames(&'static str, dwarf::Frames),
    X64(pe_x64::Tables<'a>),
    A64(pe_a64::Tables),
}

impl Table<'_> {
    fn name(&self) -> &'static str {
        match self {
            Table::Frames(name, _) => name,
            Table::X64(_) | Table::A64(_) => ".pdata",
        }
    }

    fn step_out(&self, machine: &Machine, code: &Code, at: u64, state: &State) -> Judged<Option<Caller>> {
        match self {
            Table::Frames(_, frames) => frames.step_out(machine, at, state),
            Table::X64(tables) => tables.step_out(code, at, state),
            Table::A64(tables) => tables.step_out(at, state),
        }
    }
}

/// Names that readers have for sections with call frames.
const FRAMES: [&str; 2] = [".debug_frame", "__eh_frame"];
/// What functions of Windows keep on x86-64 beside what functions of C do elsewhere.
const WIN64: [Reg; 12] = [4, 5, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32];

/// Checks a program whose code has symbols.
pub fn check(file: &[u8], rules: &Rules) -> Judged<Report> {
    let image = Image::read(file)?;
    let machine = match image.architecture {
        Architecture::X86_64 => &x64::X64,
        Architecture::Aarch64 => &a64::A64,
        Architecture::Riscv64 => &rv64::RV64,
        other => return Err(format!("no machine {other:?}")),
    };
    let mut tables = Vec::new();
    for name in FRAMES {
        tables.extend(dwarf::Frames::read(&image, machine, name)?.map(|frames| Table::Frames(name, frames)));
    }
    if image.exceptions.is_some() || image.base != 0 && image.section(".pdata").is_some() {
        tables.push(match image.architecture {
            Architecture::Aarch64 => Table::A64(pe_a64::Tables::read(&image)?),
            _ => Table::X64(pe_x64::Tables::read(&image)?),
        });
    }
    let mut report = Report::default();
    if tables.is_empty() {
        report.wrong.push("no table".into());
    }
    for &(start, end, ref name) in &image.functions {
        let code = Code { start: image.code.0, bytes: image.text, function: (start, end) };
        let followed = match follow(machine, &code) {
            Ok(followed) => followed,
            Err(e) => {
                report.wrong.push(format!("{name}: {e}"));
                continue;
            }
        };
        report.functions += 1;
        let wrong = [function(machine, &code, &followed, &tables, &mut report), stack(&followed, rules)];
        report.wrong.extend(wrong.into_iter().flatten().map(|w| format!("{name}: {w}")));
    }
    Ok(report)
}

/// Steps out of every instruction of a function.
fn function(
    machine: &Machine,
    code: &Code,
    followed: &Followed,
    tables: &[Table],
    report: &mut Report,
) -> Option<String> {
    let kept = kept(followed);
    report.for_windows += usize::from(kept.is_some_and(|registers| !registers.is_empty()));
    for (&at, (state, flow)) in &followed.steps {
        report.steps += 1;
        report.calls += usize::from(matches!(flow, Flow::Call(_)));
        if let Flow::Call(next) = *flow
            && !followed.steps.contains_key(&next)
        {
            return Some(format!("{at:#x}: nothing follows a call"));
        }
        if *flow == Flow::Return
            && let Some(lost) = machine.kept.iter().find(|&&r| state.get(r) != Value::Entry(r))
        {
            return Some(format!("{at:#x}: register {lost} is not restored: {:?}", state.get(*lost)));
        }
        for table in tables {
            let wrong = match table.step_out(machine, code, at, state) {
                Ok(caller) => compare(machine, state, caller, table, kept),
                Err(e) => Some(e),
            };
            if let Some(wrong) = wrong {
                return Some(format!("{at:#x}: {}: {wrong}", table.name()));
            }
        }
    }
    None
}

/// The registers of Windows that a function keeps: ours only keep what ours rely on, but those that Windows calls
/// keep all. They are known by saving floats whole. Nothing of a function that does not return.
fn kept(followed: &Followed) -> Option<&'static [Reg]> {
    if !followed.returns() {
        return None;
    }
    let whole = |v: &Value| matches!(v, Value::High(_));
    let for_windows = followed.steps.values().any(|(state, _)| state.slots.values().any(whole));
    Some(if for_windows { &WIN64 } else { &[] })
}

/// What is wrong with what a table says.
fn compare(
    machine: &Machine,
    state: &State,
    caller: Option<Caller>,
    table: &Table,
    kept: Option<&[Reg]>,
) -> Option<String> {
    let frames = matches!(table, Table::Frames(..));
    let (registers, return_address, named) = match caller {
        Some(Caller::State { registers, return_address, named }) => (registers, return_address, named),
        Some(Caller::None) if kept.is_some() => return Some("no caller of a function that returns".into()),
        Some(Caller::None) => return None,
        None => leaf(machine, state),
    };
    let frame = registers[usize::from(machine.stack_pointer)];
    if frame != Value::Frame(0) {
        return Some(format!("the caller's stack pointer would be {frame:?}"));
    }
    if return_address != Value::Entry(machine.return_address) {
        return Some(format!("the return address would be {return_address:?}"));
    }
    let windows = if matches!(table, Table::X64(_)) { kept.unwrap_or(&[]) } else { &[] };
    for &reg in machine.kept.iter().chain(windows).chain(&named) {
        let value = registers[usize::from(reg)];
        let right = value == Value::Entry(reg) || frames && value == Value::Low(reg);
        // Functions that do not return need not keep anything.
        if !right && (kept.is_some() || named.contains(&reg) || state.has(reg)) {
            return Some(format!("register {reg} would be {value:?}"));
        }
    }
    None
}

/// The caller of a function without an entry: nothing has changed.
fn leaf(machine: &Machine, state: &State) -> (Vec<Value>, Value, Vec<Reg>) {
    let mut registers: Vec<Value> = (0..machine.registers).map(|r| state.get(r)).collect();
    if !machine.pushed {
        let return_address = state.get(machine.return_address);
        return (registers, return_address, Vec::new());
    }
    let sp = &mut registers[usize::from(machine.stack_pointer)];
    let return_address = state.load(*sp);
    *sp = sp.plus(8);
    (registers, return_address, Vec::new())
}

/// What is wrong with how a function moves the stack pointer.
fn stack(followed: &Followed, rules: &Rules) -> Option<String> {
    for (at, (state, _)) in &followed.steps {
        if rules.probe.is_some_and(|probe| state.reach > probe) {
            return Some(format!("{at:#x}: {} bytes of stack are not probed", state.reach));
        }
        if let Value::Frame(sp) = state.sp()
            && rules.reserve.is_some_and(|reserve| -sp > reserve)
        {
            return Some(format!("{at:#x}: a frame of {} bytes", -sp));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules { probe: Some(4096), reserve: Some(1 << 20) };

    fn judge(machine: &Machine, bytes: &[u8]) -> Option<String> {
        let code = Code { start: 0x1000, bytes, function: (0x1000, 0x1000 + bytes.len() as u64) };
        stack(&follow(machine, &code).expect("code that can be followed"), &RULES)
    }

    #[test]
    fn loops_of_probes_on_x86_64() {
        let prologue = [0x55, 0x48, 0x8b, 0xec, 0x4c, 0x8d, 0x9c, 0x24, 0x78, 0x44, 0xff, 0xff];
        let down = [0x48, 0x81, 0xec, 0x00, 0x10, 0, 0];
        let rest =
            [0x49, 0x3b, 0xe3, 0x77, 0xf0, 0x49, 0x8b, 0xe3, 0x48, 0x81, 0xc4, 0x88, 0xbb, 0, 0, 0x5d, 0xc3];
        let with = |touch: [u8; 4]| judge(&x64::X64, &[&prologue[..], &down, &touch, &rest].concat());
        assert_eq!(with([0x48, 0x85, 0x24, 0x24]), None);
        // Something else than what is at the stack pointer: far above it, nothing at all.
        for touch in [[0x48, 0x85, 0x65, 0x00], [0x90; 4]] {
            assert!(with(touch).is_some_and(|w| w.contains("not probed")), "{touch:02x?}");
        }
    }

    #[test]
    fn loops_of_probes_on_arm64() {
        let code = |step: u32, touch: u32| {
            let words = [
                0xa9bf7bfd, 0x910003fd, 0xd2960010, 0xcb3063f0, step, touch, 0xeb3063ff, 0x54ffffa8,
                0xd12e03ff, 0x910003bf, 0xa8c17bfd, 0xd65f03c0,
            ];
            judge(&a64::A64, &words.into_iter().flat_map(u32::to_le_bytes).collect::<Vec<u8>>())
        };
        let (page, touch) = (0xd14007ff, 0xf90003ff);
        assert_eq!(code(page, touch), None);
        for (step, touch) in [(page, 0xd503201f), (0xd1400bff, touch), (page, 0xf90007ff)] {
            assert!(code(step, touch).is_some_and(|w| w.contains("not probed")), "{step:x} {touch:x}");
        }
    }

    #[test]
    fn frames_beyond_the_reserve() {
        // `sub rsp, 0x200000; add rsp, 0x200000; ret`.
        let code = [0x48, 0x81, 0xec, 0, 0, 0x20, 0, 0x48, 0x81, 0xc4, 0, 0, 0x20, 0, 0xc3];
        let code = Code { start: 0, bytes: &code, function: (0, code.len() as u64) };
        let followed = follow(&x64::X64, &code).expect("code that can be followed");
        let found = stack(&followed, &Rules { probe: None, ..RULES });
        assert!(found.is_some_and(|w| w.contains("a frame of 2097160 bytes")));
    }
}
