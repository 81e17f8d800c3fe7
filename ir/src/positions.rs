//! Positions of instructions: where in the source, and in which inlined call.
//!
//! An instruction holds a [`SrcLoc`], one word. A position in the function's own text is packed into it; one in
//! a body that was inlined is a row of the function's table, which also names the inlined call. Calls name the
//! position that they were made at, which may be in an inlined call again, so a position stands for a chain
//! of frames: what traces print ([`Positions::frames`]) and debuggers show.
//!
//! ```
//! use mochi_ir::positions::{InlinedCall, Position, Positions, SrcLoc};
//!
//! let mut positions = Positions::default();
//! let (function, at) = ("g".into(), SrcLoc::new(3, 9));
//! let call = positions.add_call(InlinedCall { function, file: 0, declared: 1, at });
//! let loc = positions.add(Position { line: 1, column: 5, call: Some(call) });
//! let frames: Vec<_> = positions.frames(loc).map(|(call, at)| (call.map(|c| &c.function[..]), at.line)).collect();
//! assert_eq!(frames, [(Some("g"), 1), (None, 3)]);
//! ```

use std::sync::Arc;

/// The last line that a position tells from those after it.
pub const LAST_LINE: u32 = (1 << (31 - COLUMN_BITS)) - 1;
/// The last column that a position tells from those after it.
pub const LAST_COLUMN: u32 = (1 << COLUMN_BITS) - 1;

const COLUMN_BITS: u32 = 12;
/// The rest is an index into [`Positions::rows`].
const ROW: u32 = 1 << 31;

/// A position: nothing, line and column in the function's own text, or a row of its [`Positions`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, PartialOrd, Ord)]
pub struct SrcLoc(u32);

impl SrcLoc {
    /// Unknown position.
    pub const NONE: SrcLoc = SrcLoc(0);

    /// A position in the function's own text, 1-based; larger ones become [`LAST_LINE`] and [`LAST_COLUMN`].
    pub fn new(line: u32, column: u32) -> SrcLoc {
        SrcLoc(line.min(LAST_LINE) << COLUMN_BITS | column.min(LAST_COLUMN))
    }

    /// Index of its row, if it has one.
    fn row(self) -> Option<usize> {
        (self.0 & ROW != 0).then_some((self.0 & !ROW) as usize)
    }
}

/// What a [`SrcLoc`] stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Position {
    /// Line, 1-based; 0 when unknown.
    pub line: u32,
    /// Column, 1-based; 0 when unknown.
    pub column: u32,
    /// The inlined call whose body it is in, by index; `None` in the function's own text.
    pub call: Option<u32>,
}

impl Position {
    /// Nobody can tell a step from one to the other: same line of the same body.
    pub fn same_line(self, other: Position) -> bool {
        (self.line, self.call) == (other.line, other.call)
    }
}

/// A call that was replaced by the callee's body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InlinedCall {
    /// The callee's name for people, which the calls copied with a body share.
    pub function: Arc<str>,
    /// Its file, an index into [`crate::Module::files`].
    pub file: u32,
    /// Line of its declaration; 0 when unknown.
    pub declared: u32,
    /// Where the call was: in the function's own text or in an inlined call with a smaller index.
    pub at: SrcLoc,
}

/// The positions of a function that do not fit into one word.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Positions {
    rows: Vec<Position>,
    calls: Vec<InlinedCall>,
}

impl Positions {
    /// What a position stands for.
    pub fn get(&self, loc: SrcLoc) -> Position {
        match loc.row() {
            Some(row) => self.rows[row],
            None => Position { line: loc.0 >> COLUMN_BITS, column: loc.0 & LAST_COLUMN, call: None },
        }
    }

    /// The position as a word. Rows are looked for among the last ones, which neighbours share.
    pub fn add(&mut self, position: Position) -> SrcLoc {
        if position.call.is_none() {
            return SrcLoc::new(position.line, position.column);
        }
        let position = Position {
            line: position.line.min(LAST_LINE),
            column: position.column.min(LAST_COLUMN),
            ..position
        };
        let recent = self.rows.len().saturating_sub(RECENT);
        let row = match self.rows[recent..].iter().rposition(|p| *p == position) {
            Some(k) => recent + k,
            None => {
                self.rows.push(position);
                self.rows.len() - 1
            }
        };
        SrcLoc(ROW | row as u32)
    }

    /// Adds an inlined call.
    pub fn add_call(&mut self, call: InlinedCall) -> u32 {
        self.calls.push(call);
        self.calls.len() as u32 - 1
    }

    /// The inlined calls, by index.
    pub fn calls(&self) -> &[InlinedCall] {
        &self.calls
    }

    /// The frames of a position, innermost first: the inlined call whose body it is in (`None` for the function
    /// itself), and where in it.
    pub fn frames(&self, loc: SrcLoc) -> impl Iterator<Item = (Option<&InlinedCall>, Position)> {
        let mut next = Some(self.get(loc));
        std::iter::from_fn(move || {
            let position = next?;
            let call = position.call.map(|c| &self.calls[c as usize]);
            next = call.map(|c| self.get(c.at));
            Some((call, position))
        })
    }

    /// Takes over the inlined calls of a body that is copied here: what was its own text is now in `call`.
    pub fn adopt(&mut self, body: &Positions, call: u32) -> Adopted {
        let first = self.calls.len() as u32;
        let adopted = Adopted { call, first };
        for c in &body.calls {
            let at = self.adopted(body, &adopted, c.at);
            self.calls.push(InlinedCall { at, ..c.clone() });
        }
        adopted
    }

    /// A position of such a body as one here.
    pub fn adopted(&mut self, body: &Positions, adopted: &Adopted, loc: SrcLoc) -> SrcLoc {
        if loc == SrcLoc::NONE {
            return loc;
        }
        let position = body.get(loc);
        self.add(Position {
            call: Some(position.call.map_or(adopted.call, |c| adopted.first + c)),
            ..position
        })
    }

    /// Every row names a call that is there.
    pub(crate) fn is_sound(&self, files: usize) -> bool {
        let calls = self.calls.iter().enumerate().all(|(i, c)| {
            (c.file as usize) < files
                && self.has(c.at)
                && self.get(c.at).call.is_none_or(|c| (c as usize) < i)
        });
        calls && self.rows.iter().all(|p| p.call.is_some_and(|c| (c as usize) < self.calls.len()))
    }

    /// The position is one of this function.
    pub(crate) fn has(&self, loc: SrcLoc) -> bool {
        loc.row().is_none_or(|row| row < self.rows.len())
    }
}

/// So many rows are compared with a new one: more than a body of the inliner has instructions.
const RECENT: usize = 64;

/// Inlined calls that came with a body ([`Positions::adopt`]).
pub struct Adopted {
    /// The call of the body itself.
    call: u32,
    /// Index of the first of the calls within the body.
    first: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(function: &str, at: SrcLoc) -> InlinedCall {
        InlinedCall { function: function.into(), file: 0, declared: 1, at }
    }

    #[test]
    fn lines_and_columns_saturate() {
        let positions = Positions::default();
        let at = |line, column| {
            let p = positions.get(SrcLoc::new(line, column));
            (p.line, p.column, p.call)
        };
        assert_eq!(at(7, 3), (7, 3, None));
        assert_eq!(at(LAST_LINE, LAST_COLUMN), (LAST_LINE, LAST_COLUMN, None));
        assert_eq!(at(u32::MAX, u32::MAX), (LAST_LINE, LAST_COLUMN, None));
        assert_eq!(positions.get(SrcLoc::NONE), Position::default());
    }

    #[test]
    fn equal_rows_are_one() {
        let mut positions = Positions::default();
        let g = positions.add_call(call("g", SrcLoc::new(2, 1)));
        let row = |line| Position { line, column: 1, call: Some(g) };
        let (a, b) = (positions.add(row(5)), positions.add(row(6)));
        assert_ne!(a, b);
        assert_eq!(positions.add(row(5)), a);
        assert!(positions.is_sound(1) && !positions.is_sound(0));
    }

    #[test]
    fn bodies_bring_their_calls() {
        // h was inlined into g at line 4, and g is now into f at line 9, behind another call.
        let mut g = Positions::default();
        let in_g = g.add_call(call("h", SrcLoc::new(4, 2)));
        let in_h = g.add(Position { line: 1, column: 8, call: Some(in_g) });
        let mut f = Positions::default();
        f.add_call(call("k", SrcLoc::new(8, 1)));
        let at = f.add_call(call("g", SrcLoc::new(9, 3)));
        let adopted = f.adopt(&g, at);
        let loc = f.adopted(&g, &adopted, in_h);
        let frames: Vec<_> = f.frames(loc).map(|(c, p)| (c.map(|c| &c.function[..]), p.line)).collect();
        assert_eq!(frames, [(Some("h"), 1), (Some("g"), 4), (None, 9)]);
        assert_eq!(f.adopted(&g, &adopted, SrcLoc::NONE), SrcLoc::NONE);
        assert!(f.is_sound(1));
    }

    #[test]
    fn no_call_is_in_itself_or_a_later_one() {
        let mut positions = Positions::default();
        let g = positions.add_call(call("g", SrcLoc::new(1, 1)));
        let at = positions.add(Position { line: 1, column: 1, call: Some(g) });
        positions.add_call(call("h", at));
        assert!(positions.is_sound(1));
        positions.calls.reverse();
        assert!(!positions.is_sound(1));
    }
}
