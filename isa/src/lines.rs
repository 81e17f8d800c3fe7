//! Positions of the IR as line rows and inlined calls of the object model.

use mochi_ir::positions::{Position, SrcLoc};
use mochi_ir::{Function, positions};
use mochi_objwrite::{FrameInfo, FunctionInfo, InlinedCall, LineRow};

/// The row of a position of a function, behind code that has the position `before`.
pub fn row(func: &Function, before: SrcLoc, loc: SrcLoc, prologue_end: bool) -> LineRow {
    let here = func.positions.get(loc);
    let is_stmt = !here.same_line(func.positions.get(before)) || prologue_end;
    let Position { line, column, call } = here;
    LineRow { offset: 0, line, column, is_stmt, prologue_end, call }
}

/// What is known of a function beside its code. Inlined calls without a row are left out.
pub fn info(func: &Function, code_size: u32, mut lines: Vec<LineRow>, frame: FrameInfo) -> FunctionInfo {
    let calls = func.positions.calls();
    let site = |call: &positions::InlinedCall| func.positions.get(call.at);
    let mut used = vec![false; calls.len()];
    for row in &lines {
        let mut at = row.call;
        while let Some(c) = at
            && !std::mem::replace(&mut used[c as usize], true)
        {
            at = site(&calls[c as usize]).call;
        }
    }
    let mut number = vec![0; calls.len()];
    let mut inlined = Vec::new();
    for (i, call) in calls.iter().enumerate().filter(|(i, _)| used[*i]) {
        number[i] = inlined.len() as u32;
        let Position { line, column, call: outer } = site(call);
        inlined.push(InlinedCall {
            display: call.function.to_string(),
            file: call.file,
            declared: call.declared,
            line,
            column,
            call: outer.map(|c| number[c as usize]),
        });
    }
    for row in &mut lines {
        row.call = row.call.map(|c| number[c as usize]);
    }
    let (display, line) = (func.display.clone(), func.positions.get(func.loc).line);
    FunctionInfo { display, file: func.file, line, code_size, lines, inlined, frame }
}
