//! What code is made of, for people.

use regalloc2::{Edit, Output};

/// Counts of a function, or of several.
#[derive(Clone, Copy, Debug, Default)]
pub struct Costs {
    /// Moves from registers to the frame.
    pub spills: u64,
    /// Moves from the frame to registers.
    pub reloads: u64,
    /// Bytes of code.
    pub bytes: u64,
    /// Bytes of them that are unlikely to run. WebAssembly has no place of its own for these.
    pub cold_bytes: u64,
}

impl Costs {
    /// What register allocation has added.
    pub(crate) fn of(output: &Output) -> Costs {
        let mut costs = Costs::default();
        for (_, Edit::Move { from, to }) in &output.edits {
            costs.spills += u64::from(to.is_stack());
            costs.reloads += u64::from(from.is_stack());
        }
        costs
    }

    /// Adds those of another function.
    pub fn merge(&mut self, other: Costs) {
        self.spills += other.spills;
        self.reloads += other.reloads;
        self.bytes += other.bytes;
        self.cold_bytes += other.cold_bytes;
    }

    /// The numbers with what they are of.
    pub fn rows(&self) -> Vec<(u64, String)> {
        let rows = [
            (self.spills, "spills"),
            (self.reloads, "reloads"),
            (self.bytes - self.cold_bytes, "bytes of likely code"),
            (self.cold_bytes, "bytes of unlikely code"),
        ];
        rows.map(|(n, label)| (n, label.to_string())).into()
    }
}
