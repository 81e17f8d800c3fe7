//! Bytes of files while they are made: little-endian numbers, tables of strings.

/// Growing little-endian bytes.
#[derive(Debug, Default)]
pub struct Bytes(pub Vec<u8>);

impl Bytes {
    /// Appends a half word.
    pub fn u16(&mut self, v: u16) {
        self.0.extend(v.to_le_bytes());
    }

    /// Appends a word.
    pub fn u32(&mut self, v: u32) {
        self.0.extend(v.to_le_bytes());
    }

    /// Appends a double word.
    pub fn u64(&mut self, v: u64) {
        self.0.extend(v.to_le_bytes());
    }
}

/// A string table: starts with a NUL, strings end with one.
#[derive(Debug)]
pub struct StringTable(pub Vec<u8>);

impl Default for StringTable {
    fn default() -> StringTable {
        StringTable(vec![0])
    }
}

impl StringTable {
    /// Appends a string and returns its offset.
    pub fn add(&mut self, text: &str) -> u32 {
        let at = self.0.len() as u32;
        self.0.extend(text.as_bytes());
        self.0.push(0);
        at
    }
}
