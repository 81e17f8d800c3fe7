//! What the unwinder reads of a file: code, functions, sections.

use crate::Judged;
use object::{Object, ObjectSection, ObjectSymbol, SectionKind, SymbolKind};

/// An executable.
#[derive(Debug)]
pub struct Image<'a> {
    /// Its machine.
    pub architecture: object::Architecture,
    /// Where offsets in its tables begin.
    pub base: u64,
    /// Start and end of its code.
    pub code: (u64, u64),
    /// The bytes of the code.
    pub text: &'a [u8],
    /// Functions: start, end with what follows the code, name.
    pub functions: Vec<(u64, u64, String)>,
    /// The directory of exceptions, in PE.
    pub exceptions: Option<&'a [u8]>,
    sections: Vec<(String, u64, &'a [u8])>,
}

impl<'a> Image<'a> {
    /// Reads a file with symbols.
    pub fn read(file: &'a [u8]) -> Judged<Image<'a>> {
        let shown = |e: object::Error| e.to_string();
        let o = object::File::parse(file).map_err(shown)?;
        let mut sections = Vec::new();
        for s in o.sections() {
            let name = s.name().map_err(shown)?.to_string();
            sections.push((name, s.address(), s.data().map_err(shown)?));
        }
        let text = o.sections().find(|s| s.kind() == SectionKind::Text).ok_or("no code")?;
        let code = (text.address(), text.address() + text.size());
        // Mapping symbols of ELF begin with a dollar sign.
        let names_code = |s: &object::Symbol| {
            !matches!(s.kind(), SymbolKind::Section | SymbolKind::File)
                && s.name().is_ok_and(|name| !name.starts_with('$'))
        };
        let symbols = o.symbols().filter(names_code);
        let inside = symbols.filter(|s| (code.0..code.1).contains(&s.address()));
        let mut starts: Vec<(u64, String)> =
            inside.map(|s| (s.address(), s.name().unwrap_or("?").to_string())).collect();
        starts.sort();
        starts.dedup_by_key(|s| s.0);
        let ends = starts.iter().skip(1).map(|s| s.0).chain([code.1]).collect::<Vec<_>>();
        let functions = starts.into_iter().zip(ends).map(|((start, name), end)| (start, end, name)).collect();
        Ok(Image {
            architecture: o.architecture(),
            base: o.relative_address_base(),
            code,
            text: text.data().map_err(shown)?,
            functions,
            exceptions: directory(&o, &sections),
            sections,
        })
    }

    /// Address and contents of a section.
    pub fn section(&self, name: &str) -> Option<(u64, &'a [u8])> {
        self.sections.iter().find(|s| s.0 == name).map(|s| (s.1, s.2))
    }

    /// Bytes at an address.
    pub fn bytes(&self, address: u64, size: usize) -> Option<&'a [u8]> {
        at(&self.sections, address, size)
    }
}

fn at<'a>(sections: &[(String, u64, &'a [u8])], address: u64, size: usize) -> Option<&'a [u8]> {
    sections.iter().find_map(|(_, start, bytes)| {
        let from = usize::try_from(address.checked_sub(*start)?).ok()?;
        bytes.get(from..from.checked_add(size)?)
    })
}

fn directory<'a>(o: &object::File<'a>, sections: &[(String, u64, &'a [u8])]) -> Option<&'a [u8]> {
    let object::File::Pe64(pe) = o else { return None };
    let entry = pe.data_directory(object::pe::IMAGE_DIRECTORY_ENTRY_EXCEPTION)?;
    let (start, size) = entry.address_range();
    at(sections, o.relative_address_base() + u64::from(start), size as usize)
}
