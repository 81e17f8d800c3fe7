//! Seeded faults: changes that make the product wrong, with which the tests are tested.
//!
//! They are in the files `tests/faults/*.txt`. A fault begins with a line `fault NAME: WHY`; then come
//! `file PATH`, perhaps `after TEXT` (the fault is in what follows this text, which occurs once),
//! lines `- TEXT` that occur once, and lines `+ TEXT` for their place; perhaps `test NAME`, a file of `tests`
//! that is meant to notice it and would else be among the last that are tried. In a Rust file both are
//! expressions (or statements), so that one build can hold all faults, each with a switch; other files
//! are changed for good. `#` starts a comment.

use std::fs;
use std::ops::Range;
use std::path::Path;

/// The environment variable whose value names the fault that is switched on.
pub const SWITCH: &str = "MOCHI_FAULT";

/// A change that makes the product wrong.
#[derive(Clone, Debug, Default)]
pub struct Fault {
    /// Its name, with words and `-`.
    pub name: String,
    /// What is wrong then.
    pub why: String,
    /// The file it changes, relative to the root.
    pub file: String,
    /// The file of `tests` that is meant to notice it, unless those do that all faults are shown to first.
    pub test: Option<String>,
    after: String,
    from: String,
    to: String,
}

/// All faults, in the order of files and lines.
pub fn all(root: &Path) -> Result<Vec<Fault>, String> {
    let folder = root.join("tests/faults");
    let list = fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut files: Vec<_> = list.flatten().map(|e| e.path()).collect();
    files.sort();
    let mut faults = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        faults.extend(parse(&text).map_err(|e| format!("{}:{e}", file.display()))?);
    }
    Ok(faults)
}

fn parse(text: &str) -> Result<Vec<Fault>, String> {
    let mut faults: Vec<Fault> = Vec::new();
    for (n, line) in text.lines().enumerate() {
        let wrong = |what: &str| format!("{}: {what}: {line}", n + 1);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(head) = line.strip_prefix("fault ") {
            let (name, why) = head.split_once(": ").ok_or_else(|| wrong("no reason"))?;
            faults.push(Fault { name: name.into(), why: why.into(), ..Fault::default() });
            continue;
        }
        let fault = faults.last_mut().ok_or_else(|| wrong("no fault yet"))?;
        let add = |part: &mut String, line: &str| {
            if !part.is_empty() {
                part.push('\n');
            }
            part.push_str(line);
        };
        match line.split_once(' ').unwrap_or((line, "")) {
            ("file", path) => fault.file = path.into(),
            ("test", name) => fault.test = Some(name.into()),
            ("after", text) => fault.after = text.into(),
            ("-", text) => add(&mut fault.from, text),
            ("+", text) => add(&mut fault.to, text),
            _ => return Err(wrong("not a line of a fault")),
        }
    }
    Ok(faults)
}

impl Fault {
    /// Whether it is switched on by [`SWITCH`] when the program runs; else the file is changed.
    pub fn is_switched(&self) -> bool {
        self.file.ends_with(".rs")
    }

    /// Where the file has what the fault changes.
    pub fn find(&self, text: &str) -> Result<Range<usize>, String> {
        let once = |text: &str, what: &str| match text.match_indices(what).collect::<Vec<_>>()[..] {
            [(at, _)] => Ok(at),
            [] => Err(format!("{}: {} has no `{what}`", self.name, self.file)),
            _ => Err(format!("{}: {} has several `{what}`", self.name, self.file)),
        };
        if self.from.is_empty() || self.from == self.to {
            return Err(format!("{}: changes nothing", self.name));
        }
        // A `let` would end with the block that it stands in.
        let is_expression = |text: &str| {
            syn::parse_str::<syn::Block>(&format!("{{ {text} }}")).is_ok() && !text.starts_with("let ")
        };
        if self.is_switched() && !(is_expression(&self.from) && is_expression(&self.to)) {
            return Err(format!("{}: `{}` or its replacement is no expression", self.name, self.from));
        }
        if self.after.is_empty() {
            let at = once(text, &self.from)?;
            return Ok(at..at + self.from.len());
        }
        let start = once(text, &self.after)? + self.after.len();
        let at = text[start..].find(&self.from).ok_or_else(|| {
            format!("{}: {} has no `{}` after `{}`", self.name, self.file, self.from, self.after)
        })?;
        Ok(start + at..start + at + self.from.len())
    }

    /// What stands in the file's place when the fault is in it.
    pub fn replacement(&self) -> String {
        if !self.is_switched() {
            return self.to.clone();
        }
        format!(
            "(if {{ static ON: std::sync::LazyLock<bool> = std::sync::LazyLock::new(|| \
             std::env::var(\"{SWITCH}\").is_ok_and(|f| f == \"{}\")); *ON }} {{ {} }} else {{ {} }})",
            self.name, self.to, self.from
        )
    }
}
