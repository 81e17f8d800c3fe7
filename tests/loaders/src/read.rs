//! Numbers and texts of files, none of which is trusted to be there.

/// What of a file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable(pub String);

impl From<String> for Unreadable {
    fn from(what: String) -> Unreadable {
        Unreadable(what)
    }
}

impl From<&str> for Unreadable {
    fn from(what: &str) -> Unreadable {
        Unreadable(what.to_string())
    }
}

/// The text of a field of fixed size.
pub fn text(field: &[u8]) -> String {
    let end = field.iter().position(|&b| b == 0).unwrap_or(field.len());
    String::from_utf8_lossy(&field[..end]).into_owned()
}

/// A little-endian number of 2 bytes.
pub fn u16_at(bytes: &[u8], at: usize) -> Result<u16, Unreadable> {
    Ok(u16::from_le_bytes(array(bytes, at)?))
}

/// A little-endian number of 4 bytes.
pub fn u32_at(bytes: &[u8], at: usize) -> Result<u32, Unreadable> {
    Ok(u32::from_le_bytes(array(bytes, at)?))
}

/// A little-endian number of 8 bytes.
pub fn u64_at(bytes: &[u8], at: usize) -> Result<u64, Unreadable> {
    Ok(u64::from_le_bytes(array(bytes, at)?))
}

/// Bytes of a known number.
pub fn array<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Unreadable> {
    let field = bytes.get(at..).and_then(|b| b.first_chunk());
    Ok(*field.ok_or_else(|| format!("nothing at {at:#x}"))?)
}
