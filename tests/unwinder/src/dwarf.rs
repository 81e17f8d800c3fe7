//! Steps by call frame information: `.debug_frame` and `__eh_frame`, which gimli reads.

use crate::machine::{Machine, Reg, State, Value};
use crate::{Caller, Image, Judged};
use gimli::{
    BaseAddresses, CfaRule, DebugFrame, EhFrame, EndianSlice, LittleEndian, RegisterRule, UnwindContext,
    UnwindSection, UnwindTableRow,
};

/// A row: from address, to address, and what it says.
struct Row {
    start: u64,
    end: u64,
    /// The canonical frame address: register and distance.
    frame: (Reg, i64),
    /// Places of registers from there.
    saved: Vec<(Reg, i64)>,
    /// Nothing called this.
    last: bool,
}

/// The rows of a program in order of address.
pub struct Frames(Vec<Row>);

impl Frames {
    /// The frames of a section of this name; none when the file has no such section.
    pub fn read(image: &Image, machine: &Machine, section: &str) -> Judged<Option<Frames>> {
        let Some((address, bytes)) = image.section(section) else { return Ok(None) };
        let bases = BaseAddresses::default().set_eh_frame(address).set_text(image.code.0);
        let slice = EndianSlice::new(bytes, LittleEndian);
        let mut rows = if section == ".debug_frame" {
            rows(&DebugFrame::from(slice), &bases, machine)?
        } else {
            rows(&EhFrame::from(slice), &bases, machine)?
        };
        rows.sort_by_key(|r| r.start);
        if let Some(two) = rows.windows(2).find(|two| two[0].end > two[1].start) {
            return Err(format!("{section}: two entries for {:#x}", two[1].start));
        }
        Ok(Some(Frames(rows)))
    }

    /// The caller's state.
    pub fn step_out(&self, machine: &Machine, at: u64, state: &State) -> Judged<Option<Caller>> {
        let row = self.0.partition_point(|r| r.start <= at).checked_sub(1).map(|i| &self.0[i]);
        let Some(row) = row.filter(|r| at < r.end) else { return Ok(None) };
        if row.last {
            return Ok(Some(Caller::None));
        }
        let frame = state.get(row.frame.0).plus(row.frame.1);
        let mut registers: Vec<Value> = (0..machine.registers).map(|r| state.get(r)).collect();
        let mut return_address = match machine.pushed {
            true => Value::Unknown,
            false => state.get(machine.return_address),
        };
        for &(reg, place) in &row.saved {
            let value = state.load(frame.plus(place));
            match registers.get_mut(usize::from(reg)) {
                Some(register) if !(machine.pushed && reg == machine.return_address) => *register = value,
                _ => {}
            }
            if reg == machine.return_address {
                return_address = value;
            }
        }
        registers[usize::from(machine.stack_pointer)] = frame;
        let named = row.saved.iter().map(|s| s.0).filter(|&r| r != machine.return_address).collect();
        Ok(Some(Caller::State { registers, return_address, named }))
    }
}

fn rows<'a, S>(section: &S, bases: &BaseAddresses, machine: &Machine) -> Judged<Vec<Row>>
where
    S: UnwindSection<EndianSlice<'a, LittleEndian>>,
    S::Offset: gimli::UnwindOffset<usize>,
{
    let shown = |e: gimli::Error| e.to_string();
    let mut out = Vec::new();
    let mut context = UnwindContext::new();
    let mut entries = section.entries(bases);
    while let Some(entry) = entries.next().map_err(shown)? {
        let gimli::CieOrFde::Fde(partial) = entry else { continue };
        let fde =
            partial.parse(|section, bases, offset| section.cie_from_offset(bases, offset)).map_err(shown)?;
        let mut table = fde.rows(section, bases, &mut context).map_err(shown)?;
        while let Some(row) = table.next_row().map_err(shown)? {
            if row.start_address() < row.end_address() {
                out.push(read_row(row, machine)?);
            }
        }
    }
    Ok(out)
}

fn read_row<T: Copy + Eq + gimli::ReaderOffset>(row: &UnwindTableRow<T>, machine: &Machine) -> Judged<Row> {
    let at = row.start_address();
    let &CfaRule::RegisterAndOffset { register, offset } = row.cfa() else {
        return Err(format!("{at:#x}: a frame address by an expression"));
    };
    let (mut saved, mut last) = (Vec::new(), false);
    for &(register, ref rule) in row.registers() {
        match *rule {
            RegisterRule::Offset(place) => saved.push((register.0, place)),
            RegisterRule::Undefined if register.0 == machine.return_address => last = true,
            RegisterRule::SameValue => {}
            ref other => return Err(format!("{at:#x}: register {} has {other:?}", register.0)),
        }
    }
    Ok(Row { start: at, end: row.end_address(), frame: (register.0, offset), saved, last })
}
