//! Positions in source files.

/// A source file, an index into [`SourceMap::files`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct FileId(pub u16);

/// A range of bytes in a file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
    /// File.
    pub file: FileId,
}

impl Span {
    /// The smallest span that holds both (of one file).
    pub fn to(self, end: Span) -> Span {
        Span { start: self.start, end: end.end, file: self.file }
    }
}

/// A file's name and text.
#[derive(Debug)]
pub struct SourceFile {
    /// Name as given (`-` for standard input).
    pub name: String,
    /// Text, without a leading byte order mark; U+FFFD stands for what is not UTF-8.
    pub text: String,
    /// Where bytes that are not UTF-8 stood: offset in the text, first byte.
    pub not_utf8: Vec<(u32, u8)>,
    line_starts: Vec<u32>,
    /// Characters in front of each [`STRIDE`]th byte; empty where every byte is a character.
    chars: Vec<u32>,
}

/// Bytes between counts of characters.
const STRIDE: usize = 64;

impl SourceFile {
    /// A file.
    pub fn new(name: &str, bytes: &[u8]) -> SourceFile {
        let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
        let mut text = String::with_capacity(bytes.len());
        let mut not_utf8 = Vec::new();
        if let Ok(whole) = str::from_utf8(bytes) {
            text.push_str(whole);
        } else {
            for chunk in bytes.utf8_chunks() {
                text.push_str(chunk.valid());
                if let Some(&byte) = chunk.invalid().first() {
                    not_utf8.push((text.len() as u32, byte));
                    text.push(char::REPLACEMENT_CHARACTER);
                }
            }
        }
        let mut line_starts = vec![0];
        line_starts.extend(text.match_indices('\n').map(|(i, _)| i as u32 + 1));
        let mut chars = Vec::new();
        if !text.is_ascii() {
            let mut before = 0;
            for part in text.as_bytes().chunks(STRIDE) {
                chars.push(before);
                before += starts_of_chars(part);
            }
            chars.push(before);
        }
        SourceFile { name: name.to_string(), text, not_utf8, line_starts, chars }
    }

    /// How many characters start before a byte offset.
    fn chars_before(&self, offset: u32) -> u32 {
        if self.chars.is_empty() {
            return offset;
        }
        let end = (offset as usize).min(self.text.len());
        let part = end / STRIDE;
        self.chars[part] + starts_of_chars(&self.text.as_bytes()[part * STRIDE..end])
    }

    /// The name as it appears in reports.
    pub fn shown_name(&self) -> &str {
        if self.name == "-" { "<stdin>" } else { &self.name }
    }

    /// The name as it appears in what is built (debug information, traces, messages of the program):
    /// without its folder, so that the output does not depend on where the source is.
    pub fn output_name(&self) -> &str {
        let name = self.shown_name();
        name.rsplit(['/', '\\']).next().unwrap_or(name)
    }

    /// Line and column of a byte offset, both 1-based; the column counts characters.
    pub fn position(&self, offset: u32) -> (u32, u32) {
        self.position_near(offset, 1)
    }

    /// The same, found at once where it is in a line that was found before or in the one after that.
    pub fn position_near(&self, offset: u32, near: u32) -> (u32, u32) {
        let start = |line: usize| self.line_starts.get(line).copied().unwrap_or(u32::MAX);
        let mut line = near as usize - 1;
        if start(line + 1) <= offset {
            line += 1;
        }
        if !(start(line)..start(line + 1)).contains(&offset) {
            line = self.line_starts.partition_point(|&s| s <= offset) - 1;
        }
        let column = self.chars_before(offset) - self.chars_before(self.line_starts[line]);
        (line as u32 + 1, column + 1)
    }

    /// The byte offset of a line and column as [`SourceFile::position`] gives them; the end of the line when the
    /// column is behind it.
    pub fn offset(&self, line: u32, column: u32) -> u32 {
        let text = self.line(line);
        let within =
            text.char_indices().nth(column.saturating_sub(1) as usize).map_or(text.len(), |(i, _)| i);
        self.line_starts[line as usize - 1] + within as u32
    }

    /// The text of a 1-based line, without its terminator.
    pub fn line(&self, line: u32) -> &str {
        let start = self.line_starts[line as usize - 1] as usize;
        let rest = &self.text[start..];
        rest.split('\n').next().unwrap_or("").trim_end_matches('\r')
    }
}

fn starts_of_chars(bytes: &[u8]) -> u32 {
    bytes.iter().filter(|b| **b & 0xc0 != 0x80).count() as u32
}

/// All files of a compilation.
#[derive(Debug, Default)]
pub struct SourceMap {
    /// Files by [`FileId`].
    pub files: Vec<SourceFile>,
}

impl SourceMap {
    /// Adds a file.
    pub fn add(&mut self, name: &str, text: impl AsRef<[u8]>) -> FileId {
        self.files.push(SourceFile::new(name, text.as_ref()));
        FileId(self.files.len() as u16 - 1)
    }

    /// A file.
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id.0 as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::{STRIDE, SourceMap};

    #[test]
    fn columns_count_characters_however_long_the_line_is() {
        let line: String = (0..3 * STRIDE).map(|i| if i % 3 == 0 { 'ü' } else { 'a' }).collect();
        let text = format!("é\n{line}\n{line}");
        let mut map = SourceMap::default();
        let file = map.add("t", &text);
        let (mut row, mut column) = (1, 1);
        for (at, c) in text.char_indices() {
            assert_eq!(map.file(file).position(at as u32), (row, column), "at {at}");
            assert_eq!(map.file(file).offset(row, column), at as u32, "{row}:{column}");
            (row, column) = if c == '\n' { (row + 1, 1) } else { (row, column + 1) };
        }
        assert_eq!(map.file(file).position(text.len() as u32), (row, column));
        assert_eq!(map.file(file).offset(1, 9), 2, "behind the line");
    }
}
