//! An executable whose bytes are changed. What its format has is in the format's folder.

/// An executable by its fields.
#[derive(Clone)]
pub struct File {
    /// The file.
    pub bytes: Vec<u8>,
    /// It is signed again at the end, where its format has signatures.
    pub signs: bool,
}

impl File {
    pub fn u16(&self, at: usize) -> u16 {
        u16::from_le_bytes(self.bytes[at..at + 2].try_into().expect("2 bytes"))
    }

    pub fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.bytes[at..at + 4].try_into().expect("4 bytes"))
    }

    pub fn u64(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.bytes[at..at + 8].try_into().expect("8 bytes"))
    }

    pub fn set_half(&mut self, at: usize, value: u16) {
        self.bytes[at..at + 2].copy_from_slice(&value.to_le_bytes());
    }

    pub fn set(&mut self, at: usize, value: u32) {
        self.bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }

    pub fn set_long(&mut self, at: usize, value: u64) {
        self.bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }

    pub fn add(&mut self, at: usize, value: i64) {
        self.set_long(at, self.u64(at).wrapping_add_signed(value));
    }

    /// Where the string is first behind some place.
    pub fn find(&self, from: usize, text: &str) -> usize {
        let mut places = self.bytes[from..].windows(text.len());
        from + places.position(|w| w == text.as_bytes()).expect("the text")
    }
}
