//! Rules of the signature: traps 29 to 31 (`osfmk/kern/cs_blobs.h`; all numbers are big-endian).

use super::image::{Image, Unreadable};
use crate::rules::Problems;
use sha2::{Digest, Sha256};

const SUPER_BLOB: u32 = 0xFADE_0CC0;
const CODE_DIRECTORY: u32 = 0xFADE_0C02;
/// The version that has the executable segment.
const VERSION: u32 = 0x2_0400;
/// Ad hoc, made by a linker.
const FLAGS: u32 = 0x2_0002;
/// The executable segment is a main program's.
const MAIN_BINARY: u64 = 1;
/// Bytes of the directory's fields, and of a hash.
const FIELDS: usize = 88;
const HASH: usize = 32;

/// A code directory's fields.
#[derive(Debug)]
struct Directory<'a> {
    bytes: &'a [u8],
    identifier: Option<&'a [u8]>,
    hashes: usize,
    pages: u32,
    limit: u64,
    page: u64,
}

fn word(bytes: &[u8], at: usize) -> Result<u32, Unreadable> {
    let field = bytes.get(at..).and_then(|b| b.first_chunk());
    Ok(u32::from_be_bytes(*field.ok_or("the signature ends early")?))
}

fn long(bytes: &[u8], at: usize) -> Result<u64, Unreadable> {
    Ok(u64::from(word(bytes, at)?) << 32 | u64::from(word(bytes, at + 4)?))
}

/// The one directory of the signature.
fn directory<'a>(image: &Image<'a>) -> Result<Directory<'a>, Unreadable> {
    let signature = image.part(image.signature.ok_or("no LC_CODE_SIGNATURE")?)?;
    if (word(signature, 0)?, word(signature, 8)?) != (SUPER_BLOB, 1) || word(signature, 12)? != 0 {
        return Err("the signature is not one code directory".into());
    }
    let length = word(signature, 4)? as usize;
    let padding = signature.get(length..).filter(|rest| rest.len() < 16 && rest.iter().all(|&b| b == 0));
    padding.ok_or("the signature is not as long as it says")?;
    let bytes = signature.get(word(signature, 16)? as usize..length).ok_or("no code directory")?;
    if word(bytes, 0)? != CODE_DIRECTORY || word(bytes, 4)? as usize != bytes.len() || bytes.len() < FIELDS {
        return Err("the code directory is none, or not as long as it says".into());
    }
    let identifier = bytes.get(word(bytes, 20)? as usize..).unwrap_or_default();
    let end = identifier.iter().position(|&b| b == 0);
    Ok(Directory {
        bytes,
        identifier: end.map(|end| &identifier[..end]),
        hashes: word(bytes, 16)? as usize,
        pages: word(bytes, 28)?,
        limit: word(bytes, 32)?.into(),
        page: 1u64.checked_shl(bytes[39].into()).unwrap_or(0),
    })
}

/// 29: the fields of an ad hoc signature by a linker, with the file's range of `__TEXT`.
pub fn fields(image: &Image, out: &mut Problems) {
    let found = directory(image).and_then(|d| {
        let b = d.bytes;
        let text = image.segment("__TEXT").map_or(0, |s| s.file.size);
        let words = [("version", word(b, 8)?, VERSION), ("flags", word(b, 12)?, FLAGS)];
        let no_words = [("special hashes", 24), ("spare", 40), ("scatter", 44), ("team", 48), ("spare", 52)];
        let longs = [
            ("long limit", long(b, 56)?, 0),
            ("start of the executable segment", long(b, 64)?, 0),
            ("end of the executable segment", long(b, 72)?, text),
            ("flags of the executable segment", long(b, 80)?, MAIN_BINARY),
            // SHA-256 (2) of 32 bytes for no platform.
            ("kind of hashes", u64::from(b[36]) << 16 | u64::from(b[37]) << 8 | u64::from(b[38]), 0x20_0200),
        ];
        let words = words.iter().map(|&(name, is, should)| (name, u64::from(is), u64::from(should)));
        for (name, is, should) in words.chain(longs) {
            if is != should {
                out.push(format!("signature, {name}: {is:#x} in place of {should:#x}"));
            }
        }
        for (name, at) in no_words {
            if word(b, at)? != 0 {
                out.push(format!("signature, {name}: not 0"));
            }
        }
        if ![0x1000, 0x4000].contains(&d.page) {
            out.push(format!("signature, bytes of a page: {:#x}", d.page));
        }
        Ok(())
    });
    out.extend(found.err().map(|e: Unreadable| e.0));
}

/// 30: everything before the signature is hashed by pages, the last as far as the limit goes.
pub fn hashes(image: &Image, out: &mut Problems) {
    let found = directory(image).and_then(|d| {
        if image.signature.map(|s| s.offset) != Some(d.limit) {
            out.push(format!("the limit {:#x} of the signature is not where it begins", d.limit));
        }
        let code = image.file.get(..d.limit as usize).ok_or("the signature's limit is behind the file")?;
        let pages =
            code.chunks(usize::try_from(d.page).ok().filter(|&p| p != 0).ok_or("pages without bytes")?);
        if pages.len() as u64 != u64::from(d.pages) {
            out.push(format!("{} hashes for {} pages", d.pages, pages.len()));
        }
        for (n, page) in pages.enumerate() {
            let at = d.hashes + n * HASH;
            if d.bytes.get(at..at + HASH) != Some(&Sha256::digest(page)[..]) {
                out.push(format!("the hash of page {n} is another"));
            }
        }
        Ok(())
    });
    out.extend(found.err().map(|e: Unreadable| e.0));
}

/// 31: the program's identifier is a name, not the path of a file.
pub fn identifier(image: &Image, out: &mut Problems) {
    match directory(image).map(|d| d.identifier) {
        Ok(Some(name)) if !name.is_empty() && !name.contains(&b'/') && name.is_ascii() => {}
        Ok(name) => out.push(format!("the identifier is {name:?}")),
        Err(e) => out.push(e.0),
    }
}
