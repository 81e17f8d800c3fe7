//! LEB128, the variable-length integers of pc tables, archives, DWARF and WebAssembly: seven bits
//! per byte, low ones first; the top bit of a byte says that more follow. Signed numbers are
//! sign-extended from bit 6 of the last byte.

/// Appends an unsigned number in its shortest form.
pub fn write(out: &mut Vec<u8>, mut v: u64) {
    while v >= 0x80 {
        out.push(v as u8 | 0x80);
        v >>= 7;
    }
    out.push(v as u8);
}

/// Appends a signed number in its shortest form.
pub fn write_signed(out: &mut Vec<u8>, v: i64) {
    write_padded(out, v, size_signed(v));
}

/// Appends a number in exactly `size` bytes, enough for it ([`size`], [`size_signed`]).
pub fn write_padded(out: &mut Vec<u8>, mut v: i64, size: usize) {
    for left in (0..size).rev() {
        out.push(v as u8 & 0x7F | if left == 0 { 0 } else { 0x80 });
        v >>= 7;
    }
}

/// Bytes of the shortest form of an unsigned number.
pub fn size(v: u64) -> usize {
    (64 - (v | 1).leading_zeros() as usize).div_ceil(7)
}

/// Bytes of the shortest form of a signed number.
pub fn size_signed(v: i64) -> usize {
    let magnitude = (v ^ v >> 63) as u64;
    (64 - magnitude.leading_zeros() as usize + 1).div_ceil(7)
}

/// Reads an unsigned number at `at`, which moves behind it; `None` when the bytes end before it
/// does, and for more than `bits` bits' worth of bytes.
pub fn read(bytes: &[u8], at: &mut usize, bits: u32) -> Option<u64> {
    let mut v = 0;
    for shift in (0..bits).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        v |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Some(v);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The judge is gimli's reader.
    #[test]
    fn numbers_are_read_back_and_shortest() {
        let around = |n: u32| [0u64, 1, 2].map(|d| (1u64 << n).wrapping_sub(1).wrapping_add(d));
        for v in (0..64).flat_map(around).chain([u64::MAX]) {
            let mut out = Vec::new();
            write(&mut out, v);
            assert_eq!(out.len(), size(v), "{v:#x}");
            assert_eq!(read(&out, &mut 0, 64), Some(v));
            let read_unsigned =
                gimli::leb128::read::unsigned(&mut gimli::EndianSlice::new(&out, gimli::LittleEndian));
            assert_eq!(read_unsigned, Ok(v));
            for v in [v as i64, (v as i64).wrapping_neg()] {
                let mut out = Vec::new();
                write_signed(&mut out, v);
                assert_eq!(out.len(), gimli::leb128::write::sleb128_size(v), "{v:#x}");
                for size in [out.len(), 10] {
                    let mut out = Vec::new();
                    write_padded(&mut out, v, size);
                    let mut bytes = gimli::EndianSlice::new(&out, gimli::LittleEndian);
                    assert_eq!(gimli::leb128::read::signed(&mut bytes), Ok(v));
                    assert!(bytes.is_empty());
                }
            }
        }
        assert_eq!(read(&[0x80, 0x80], &mut 0, 64), None);
        assert_eq!(read(&[0xFF; 20], &mut 0, 32), None);
    }
}
