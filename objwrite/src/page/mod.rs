//! A page for browsers that runs a module: one file without references to others, that works from a disk as well
//! as from a server.
//!
//! `page.html` is the frame, in which `{{name}}` stands for what is inserted: the style, the script of the page
//! (`page.js`), that of the worker in which the program runs (`worker.js`, which says what the program finds
//! there), and the module, base64. A policy in the page forbids it everything else.
//!
//! Sources: HTML ("Web workers", "script data state"), RFC 4648 (base64).

const FRAME: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const PAGE: &str = include_str!("page.js");
const WORKER: &str = include_str!("worker.js");

/// The page that runs a module, under the name of the program.
pub fn write(name: &str, module: &[u8]) -> Vec<u8> {
    let (name, module) = (escaped(name), base64(module));
    let mut out = String::with_capacity(FRAME.len() + STYLE.len() + PAGE.len() + WORKER.len() + module.len());
    for (i, part) in FRAME.split("{{").enumerate() {
        let (insert, after) = if i == 0 { ("", part) } else { part.split_once("}}").expect("is closed") };
        out.push_str(match insert {
            "" => "",
            "name" => &name,
            "style" => STYLE,
            "page" => PAGE,
            "worker" => WORKER,
            "module" => &module,
            _ => unreachable!("the frame has no `{insert}`"),
        });
        out.push_str(after);
    }
    out.into_bytes()
}

/// Text between tags.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// Bytes as text: 6 bits a character, from the highest on, in groups of four.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |i: usize| u32::from(group.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * i) & 63) as usize];
            out.push(if i <= group.len() { digit.into() } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm::imports;

    /// RFC 4648, section 10.
    #[test]
    fn base64_of_the_standard() {
        let of = |text: &str| base64(text.as_bytes());
        let all = ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map(of);
        assert_eq!(all, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"]);
        assert_eq!(base64(&[0xFB, 0xEF, 0xBE, 0xFF, 0xFF, 0xFF]), "++++////");
    }

    #[test]
    fn everything_is_inserted_and_ends_nothing() {
        let page = String::from_utf8(write("a<b>&{{module}}.mochi", b"foobar")).expect("text");
        assert_eq!(page.matches("<title>a&lt;b>&amp;{{module}}.mochi</title>").count(), 1);
        assert_eq!(page.matches("Zm9vYmFy").count(), 1);
        for part in [STYLE, PAGE, WORKER] {
            assert_eq!(page.matches(part).count(), 1);
            assert!(!part.to_lowercase().contains("</s") && !part.contains("<!--"), "ends what it is in");
        }
        // Nothing is fetched from anywhere.
        assert!(!page.contains("://"), "a place of another file");
    }

    #[test]
    fn the_worker_has_every_function_of_the_host() {
        for name in imports::called() {
            let defined = [format!("  {name}("), format!("  {name}: ")];
            assert!(defined.iter().any(|d| WORKER.contains(d)), "worker.js has no {name}");
        }
    }
}
