//! The parts of the runtime's objects that lowering itself reads, writes or lays out as static data. Their
//! home are the runtime's records (`runtime/lib/layout.mochi`); its build compares [`LAYOUT`] and [`RUNTIME_REGIONS`] with them.

use super::Lowerer;
use crate::types::{StructId, Ty};
use mochi_ir::{Promise, Region};

macro_rules! layout {
    ($($(#[$doc:meta])* $name:ident $text:literal $bytes:literal;)*) => {
        $($(#[$doc])* pub(crate) const $name: i64 = $bytes;)*

        /// Names and bytes, as the runtime's records must have them.
        pub const LAYOUT: &[(&str, u32)] = &[$(($text, $bytes)),*];
    };
}

layout! {
    /// The descriptor of an object.
    OBJECT_DESC "Object.desc" 0;
    /// The header of every object.
    OBJECT_SIZE "sizeof Object" 8;
    /// The number of elements.
    LIST_LEN "List.len" 8;
    /// Where the elements are.
    LIST_STORE "List.store" 16;
    /// A list without its elements.
    LIST_SIZE "sizeof List" 32;
    /// The number of bytes.
    STR_BYTES "Str.bytes" 8;
    /// Where the bytes are.
    STR_START "Str.start" 24;
    /// A string without its bytes.
    STR_SIZE "sizeof Str" 32;
    /// The code of a function.
    CLOSURE_CODE "Closure.code" 8;
    /// A function without what it captured.
    CLOSURE_SIZE "sizeof Closure" 16;
    /// The value of a variable that closures share.
    CELL_VALUE "Cell.value" 8;
    /// In the descriptor of a variant: its number in the union.
    VARIANT_NUMBER "VariantDesc.number" 64;
    /// Words of a descriptor.
    DESC_SIZE "sizeof Desc" 72;
    /// A row of a table of fields.
    FIELD_ROW_SIZE "sizeof FieldRow" 24;
}

/// Words in front of the fields of an object.
pub(crate) const OBJECT_HEADER: u32 = OBJECT_SIZE as u32 / 8;

macro_rules! regions {
    ($($(#[$doc:meta])* $name:ident $text:expr;)*) => {
        /// The regions of objects that the runtime and compiled code share.
        #[derive(Clone, Copy)]
        pub(crate) enum RuntimeRegion { $($(#[$doc])* $name),* }

        /// Their names, as the runtime's records must have them.
        pub const RUNTIME_REGIONS: [&str; [$($text),*].len()] = [$($text),*];
    };
}

regions! {
    /// The descriptor of any object.
    Desc "Object.desc";
    /// The number of a variant, in its descriptor.
    VariantNumber "VariantDesc.number";
    ListLen "List.len";
    StrBytes "Str.bytes";
    StrStart "Str.start";
    ClosureCode "Closure.code";
    /// The descriptor of a storage.
    StorageKind "Storage.kind";
    /// The value of a key in a map.
    MapSlot "Storage.slots";
    /// What a closure holds.
    Captured "Closure.captured";
    /// The value of a variable that closures share.
    Cell "Cell.value";
    /// Words of global data.
    Variable mochi_ir::regions::VARIABLE;
}

/// Regions that were asked for.
#[derive(Default)]
pub(crate) struct RegionTable([Option<Region>; RUNTIME_REGIONS.len()]);

impl Lowerer<'_> {
    /// A region of the runtime's objects.
    pub(crate) fn runtime_region(&mut self, region: RuntimeRegion) -> Region {
        if let Some(known) = self.regions.0[region as usize] {
            return known;
        }
        let name = RUNTIME_REGIONS[region as usize];
        let row = self.library.regions.iter().find(|row| row.0 == name);
        let declared = self.module.regions.declare(name, row.map_or(Promise::default(), |row| row.1));
        self.regions.0[region as usize] = Some(declared);
        declared
    }

    /// Regions for the fields of a struct or variant: no other field of any object is there.
    pub(super) fn declare_fields(&mut self, id: StructId) -> Vec<Region> {
        let def = self.types.types.struct_def(id);
        let name = |field: &(String, Ty)| format!("{}#{}.{}", def.name, id.0, field.0);
        let regions = def.fields.iter().map(|f| self.module.regions.declare(&name(f), Promise::default()));
        regions.collect()
    }

    /// The region of a field of a struct or variant.
    pub(crate) fn field_region(&mut self, id: StructId, field: u32) -> Region {
        self.layout(id).regions[field as usize]
    }

    /// The region of a group's key, or of its items.
    pub(crate) fn group_region(&mut self, field: &str) -> Region {
        self.module
            .regions
            .declare(&format!("group.{field}"), Promise { constant: true, ..Promise::default() })
    }
}
