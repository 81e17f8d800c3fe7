//! What the tables of machine instructions (`insts.rs`) share: the roles of operands, and the
//! macro that makes enum and table from the rows.

/// What an instruction does with an operand. Immediates are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Reads it.
    R,
    /// Writes it.
    W,
    /// Reads and writes it.
    Rw,
}

/// Makes `Row`, with a variant for each row, from the rows' names and the fields of their
/// `RowInfo`, which has the variant's name as `variant` too.
macro_rules! row_table {
    ($($variant:ident { $($fields:tt)* })*) => {
        /// A machine instruction. See the table in this file.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u16)]
        #[allow(missing_docs)]
        pub enum Row { $($variant),* }

        impl Row {
            /// Every row, in table order.
            pub const ALL: &'static [Row] = &[$(Row::$variant),*];

            /// The row's data.
            pub fn info(self) -> &'static RowInfo {
                static TABLE: &[RowInfo] = &[$(RowInfo { variant: stringify!($variant), $($fields)* }),*];
                &TABLE[self as usize]
            }
        }
    };
}

pub(crate) use row_table;
