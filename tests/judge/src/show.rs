//! Output formatting, section 7: the three renderers P (`print`), C (inside what P shows) and S (`str`), and
//! JSON. Digits of floats come from Rust's formatter; their form is the document's.

use crate::text::{quote, quote_json};
use crate::value::{Group, List, Map, Struct, Value};
use mochi_lang::types::Types;
use std::rc::Rc;

/// A renderer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// P: `print` at top level.
    Print,
    /// C: inside a list or map printed by P.
    Inner,
    /// S: `str`, at every depth.
    Str,
}

/// Renders values of a program.
pub struct Show<'t> {
    /// The program's types, for the names of fields.
    pub types: &'t Types,
    /// Addresses of the containers around what is being shown.
    path: Vec<*const ()>,
    /// A value without JSON form was met.
    bad: bool,
}

impl<'t> Show<'t> {
    /// A renderer.
    pub fn new(types: &'t Types) -> Show<'t> {
        Show { types, path: Vec::new(), bad: false }
    }

    /// The text of a value.
    pub fn text(mut self, v: &Value, mode: Mode) -> Vec<u8> {
        let mut out = Vec::new();
        self.value(&mut out, v, mode);
        out
    }

    /// The JSON text of a value; empty when it has none.
    pub fn json(mut self, v: &Value) -> Vec<u8> {
        let mut out = Vec::new();
        self.json_value(&mut out, v, 0);
        if self.bad { Vec::new() } else { out }
    }

    /// Appends a value.
    fn value(&mut self, out: &mut Vec<u8>, v: &Value, mode: Mode) {
        let text = match v {
            Value::None if mode == Mode::Str => "<nil>".to_string(),
            Value::None => "nil".to_string(),
            Value::Bool(b) => b.to_string(),
            Value::Int(i) => i.to_string(),
            Value::Float(x) if mode == Mode::Inner => plain_float(*x),
            Value::Float(x) => float(*x),
            Value::Rat(_) if mode == Mode::Inner => "nil".to_string(),
            Value::Rat(r) => format!("{}/{}", r.numer(), r.denom()),
            Value::Str(s) if mode == Mode::Inner => return quote(out, s.bytes()),
            Value::Str(s) => return out.extend_from_slice(s.bytes()),
            Value::Fun(_) => match mode {
                Mode::Print => "&{1 []}".to_string(),
                Mode::Inner => "nil".to_string(),
                // The document leaves it open: an address in the reference.
                Mode::Str => "<fun>".to_string(),
            },
            Value::List(_) | Value::Map(_) | Value::Struct(_) | Value::Group(_) => {
                return self.container(out, v, mode);
            }
        };
        out.extend_from_slice(text.as_bytes());
    }

    /// Whether a container is inside itself; otherwise it is on the path from now on.
    fn enter(&mut self, v: &Value) -> bool {
        let address = match v {
            Value::List(l) => Rc::as_ptr(l).cast(),
            Value::Map(m) => Rc::as_ptr(m).cast(),
            Value::Struct(s) => Rc::as_ptr(s).cast(),
            Value::Group(g) => Rc::as_ptr(g).cast(),
            _ => std::ptr::null(),
        };
        if self.path.contains(&address) {
            return false;
        }
        self.path.push(address);
        true
    }

    fn container(&mut self, out: &mut Vec<u8>, v: &Value, mode: Mode) {
        if !self.enter(v) {
            let text = if matches!(v, Value::List(_)) { "[...]" } else { "{...}" };
            return out.extend_from_slice(text.as_bytes());
        }
        let inner = if mode == Mode::Str { Mode::Str } else { Mode::Inner };
        match v {
            Value::List(l) => self.list(out, l, inner),
            _ => {
                out.extend_from_slice(if mode == Mode::Str { b"map[" } else { b"{" });
                for (k, (name, part)) in self.fields(v).into_iter().enumerate() {
                    if mode == Mode::Str {
                        out.extend_from_slice(if k > 0 { b" " } else { b"" });
                        out.extend_from_slice(&name);
                        out.push(b':');
                    } else {
                        out.extend_from_slice(if k > 0 { b", " } else { b"" });
                        quote(out, &name);
                        out.extend_from_slice(b": ");
                    }
                    self.value(out, &part.unwrap_or(Value::None), inner);
                }
                out.push(if mode == Mode::Str { b']' } else { b'}' });
            }
        }
        self.path.pop();
    }

    fn list(&mut self, out: &mut Vec<u8>, list: &List, inner: Mode) {
        out.push(b'[');
        for (k, item) in list.items.borrow().iter().enumerate() {
            let separator: &[u8] = if inner == Mode::Str { b" " } else { b", " };
            out.extend_from_slice(if k > 0 { separator } else { b"" });
            self.value(out, item, inner);
        }
        out.push(b']');
    }

    /// What a map, struct or group shows: names in byte order with their values; a method has a name
    /// and no value.
    fn fields(&self, v: &Value) -> Vec<(Vec<u8>, Option<Value>)> {
        match v {
            Value::Map(m) => self.map_fields(m),
            Value::Struct(s) => self.struct_fields(s),
            Value::Group(g) => group_fields(g),
            _ => Vec::new(),
        }
    }

    fn map_fields(&self, map: &Map) -> Vec<(Vec<u8>, Option<Value>)> {
        let entries = ordered(self.types, map);
        entries.into_iter().map(|(k, v)| (key_text(self.types, &k), Some(v))).collect()
    }

    fn struct_fields(&self, s: &Struct) -> Vec<(Vec<u8>, Option<Value>)> {
        let def = self.types.struct_def(s.id);
        let values = s.fields.borrow();
        let mut fields: Vec<(Vec<u8>, Option<Value>)> = Vec::new();
        fields.extend(
            def.fields.iter().zip(values.iter()).map(|((n, _), v)| (n.clone().into(), Some(v.clone()))),
        );
        fields.extend(def.methods.iter().map(|(n, _)| (n.clone().into(), None)));
        if !def.name.is_empty() {
            fields.push((b"__name".to_vec(), Some(Value::str(def.name.as_bytes()))));
        }
        fields.sort_by(|a, b| a.0.cmp(&b.0));
        fields
    }

    fn json_value(&mut self, out: &mut Vec<u8>, v: &Value, depth: usize) {
        match v {
            Value::None => out.extend_from_slice(b"null"),
            Value::Float(x) if !x.is_finite() => self.bad = true,
            Value::Float(x) => out.extend_from_slice(json_float(*x).as_bytes()),
            Value::Str(s) => quote_json(out, s.bytes()),
            Value::Rat(_) => {
                out.push(b'"');
                self.value(out, v, Mode::Str);
                out.push(b'"');
            }
            Value::Fun(_) => out.extend_from_slice(b"{}"),
            Value::Bool(_) | Value::Int(_) => self.value(out, v, Mode::Print),
            Value::List(_) | Value::Map(_) | Value::Struct(_) | Value::Group(_) => {
                // What contains itself has no JSON text.
                if self.enter(v) {
                    self.json_container(out, v, depth);
                    self.path.pop();
                } else {
                    self.bad = true;
                }
            }
        }
    }

    fn json_container(&mut self, out: &mut Vec<u8>, v: &Value, depth: usize) {
        let line = |out: &mut Vec<u8>, depth: usize| {
            out.push(b'\n');
            out.resize(out.len() + depth * 2, b' ');
        };
        if let Value::List(l) = v {
            out.push(b'[');
            let items = l.items.borrow();
            for (k, item) in items.iter().enumerate() {
                out.extend_from_slice(if k > 0 { b"," } else { b"" });
                line(out, depth + 1);
                self.json_value(out, item, depth + 1);
            }
            if !items.is_empty() {
                line(out, depth);
            }
            return out.push(b']');
        }
        let fields = self.fields(v);
        let empty = fields.is_empty();
        out.push(b'{');
        for (k, (name, part)) in fields.into_iter().enumerate() {
            out.extend_from_slice(if k > 0 { b"," } else { b"" });
            line(out, depth + 1);
            quote_json(out, &name);
            out.extend_from_slice(b": ");
            match part {
                Some(part) => self.json_value(out, &part, depth + 1),
                // A method is a function.
                None => out.extend_from_slice(b"{}"),
            }
        }
        if !empty {
            line(out, depth);
        }
        out.push(b'}');
    }
}

fn group_fields(g: &Group) -> Vec<(Vec<u8>, Option<Value>)> {
    let count = Value::count(g.items.items.borrow().len());
    vec![
        (b"__group__".to_vec(), Some(Value::Bool(true))),
        (b"count".to_vec(), Some(count)),
        (b"items".to_vec(), Some(Value::List(g.items.clone()))),
        (b"key".to_vec(), Some(g.key.clone())),
    ]
}

/// The string form of a map key (section 4, "Maps"): a string itself, others as inside a list.
pub fn key_text(types: &Types, key: &Value) -> Vec<u8> {
    match key {
        Value::Str(s) => s.bytes().to_vec(),
        other => Show::new(types).text(other, Mode::Inner),
    }
}

/// The entries of a map in the order of iteration: by the string form of the keys, byte by byte.
pub fn ordered(types: &Types, map: &Map) -> Vec<(Value, Value)> {
    let entries = map.entries.borrow();
    let mut list: Vec<(Vec<u8>, &(Value, Value))> =
        entries.iter().map(|e| (key_text(types, &e.0), e)).collect();
    list.sort_by(|a, b| a.0.cmp(&b.0));
    list.into_iter().map(|(_, e)| e.clone()).collect()
}

/// The shortest digits of a finite float that only it has, the nearest of that length (the even one of two
/// as near), and the decimal exponent of the first one.
fn digits(x: f64) -> (String, i32) {
    let shortest = format!("{:e}", x.abs());
    let length = shortest.bytes().take_while(|&c| c != b'e').filter(u8::is_ascii_digit).count();
    // Rust's shortest digits are not always the even ones, those of a given length are.
    let nearest = format!("{:.*e}", length - 1, x.abs());
    let text = if nearest.parse() == Ok(x.abs()) { nearest } else { shortest };
    let (mantissa, exponent) = text.split_once('e').expect("the form of {:e}");
    (mantissa.replace('.', ""), exponent.parse().expect("an exponent"))
}

/// NaN and infinities; `None` for finite floats.
fn special(x: f64) -> Option<&'static str> {
    match x {
        _ if x.is_nan() => Some("NaN"),
        f64::INFINITY => Some("+Inf"),
        f64::NEG_INFINITY => Some("-Inf"),
        _ => None,
    }
}

/// The digits with a point where one is needed, and no exponent.
fn fixed(x: f64) -> String {
    let (digits, exponent) = digits(x);
    let sign = if x.is_sign_negative() { "-" } else { "" };
    let whole = usize::try_from(exponent + 1).unwrap_or(0);
    match () {
        _ if whole == 0 => format!("{sign}0.{}{digits}", "0".repeat(exponent.unsigned_abs() as usize - 1)),
        _ if digits.len() <= whole => format!("{sign}{digits}{}", "0".repeat(whole - digits.len())),
        _ => format!("{sign}{}.{}", &digits[..whole], &digits[whole..]),
    }
}

/// d.ddde+XX with at least `width` digits of exponent.
fn scientific(x: f64, width: usize) -> String {
    let (digits, exponent) = digits(x);
    let sign = if x.is_sign_negative() { "-" } else { "" };
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    let exponent_sign = if exponent < 0 { '-' } else { '+' };
    format!("{sign}{first}{point}{rest}e{exponent_sign}{:0width$}", exponent.abs())
}

/// P and S: fixed for decimal exponents from -4 to 5.
pub fn float(x: f64) -> String {
    if let Some(text) = special(x) {
        return text.to_string();
    }
    if x == 0.0 || (-4..=5).contains(&digits(x).1) { fixed(x) } else { scientific(x, 2) }
}

/// C: never an exponent, always a point.
fn plain_float(x: f64) -> String {
    match special(x) {
        Some(text) => format!("{text}.0"),
        None => {
            let text = fixed(x);
            if text.contains('.') { text } else { format!("{text}.0") }
        }
    }
}

/// JSON: an exponent only below 1e-6 and from 1e21 on.
fn json_float(x: f64) -> String {
    if x == 0.0 || (-6..21).contains(&digits(x).1) { fixed(x) } else { scientific(x, 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_have_the_forms_of_the_document() {
        let all = |x: f64| (float(x), plain_float(x), json_float(x));
        let of = |a: &str, b: &str, c: &str| (a.to_string(), b.to_string(), c.to_string());
        assert_eq!(all(1.0), of("1", "1.0", "1"));
        assert_eq!(all(100000.0), of("100000", "100000.0", "100000"));
        assert_eq!(all(1000000.0), of("1e+06", "1000000.0", "1000000"));
        assert_eq!(all(1234567.5), of("1.2345675e+06", "1234567.5", "1234567.5"));
        assert_eq!(all(0.0001), of("0.0001", "0.0001", "0.0001"));
        assert_eq!(all(0.00001), of("1e-05", "0.00001", "0.00001"));
        assert_eq!(all(1e21), of("1e+21", "1000000000000000000000.0", "1e+21"));
        assert_eq!(all(1e-7), of("1e-07", "0.0000001", "1e-7"));
        assert_eq!(all(-0.0), of("-0", "-0.0", "-0"));
        // As near to ...62 as to ...63.
        assert_eq!(float(2001599834386906.2), "2.0015998343869062e+15");
        assert_eq!(plain_float(2001599834386906.2), "2001599834386906.2");
        assert_eq!(float(f64::INFINITY), "+Inf");
        assert_eq!(plain_float(f64::NAN), "NaN.0");
    }
}
