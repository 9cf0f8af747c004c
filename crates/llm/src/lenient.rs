//! Lenient JSON parsing of server replies: `NaN`, duplicate keys, and half an emoji or syllable in a string.
//!
//! Some servers cut a character between two tokens and send each half in its own event. The parser represents a half as a
//! private-use character, and [`Joiner`] joins it with the half in the next event.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Stands for the code unit 0xD800 + n, half of a character in UTF-16.
const UNIT: u32 = 0x10_F000;
/// Stands for the byte n, part of a character in UTF-8.
const BYTE: u32 = 0x10_FE00;

/// A byte that is no part of valid UTF-8, as a character.
pub(super) fn stray_byte(byte: u8) -> char {
    char::from_u32(BYTE + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// Parses JSON, including the literals that only Python writes (`NaN`, `Infinity`). Fails if the text is still not JSON, or
/// is nested too deeply.
pub(super) fn parse(text: &str) -> serde_json::Result<Value> {
    let strict = |text: &str| serde_json::from_str::<Lenient>(text).map(|value| value.0);
    strict(text).or_else(|error| match repaired(text) {
        Some(repaired) => strict(&repaired),
        None => Err(error),
    })
}

/// The text with private-use characters for halves of characters, and `null` for `NaN` and infinities. `None` if nothing
/// was repaired.
fn repaired(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut in_string = false;
    let mut is_repaired = false;
    while let Some(c) = rest.chars().next() {
        let mut length = c.len_utf8();
        match c {
            '"' => {
                in_string = !in_string;
                out.push(c);
            }
            '\\' if in_string => match unit(rest) {
                Some(0xD800..0xDC00) if matches!(rest.get(6..).and_then(unit), Some(0xDC00..0xE000)) => {
                    length = 12;
                    out.push_str(&rest[..length]);
                }
                Some(unit @ 0xD800..0xE000) => {
                    (length, is_repaired) = (6, true);
                    out.extend(char::from_u32(UNIT + unit - 0xD800));
                }
                _ => {
                    length += rest[length..].chars().next().map_or(0, char::len_utf8);
                    out.push_str(&rest[..length]);
                }
            },
            'N' | 'I' | '-' if !in_string => {
                match ["NaN", "Infinity", "-Infinity", "-NaN"].into_iter().find(|word| rest.starts_with(word)) {
                    Some(word) => {
                        (length, is_repaired) = (word.len(), true);
                        out.push_str("null");
                    }
                    None => out.push(c),
                }
            }
            _ => out.push(c),
        }
        rest = &rest[length..];
    }
    is_repaired.then_some(out)
}

/// The UTF-16 code unit of the `\\u` escape at the start of the text.
fn unit(text: &str) -> Option<u32> {
    u32::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok()
}

/// Joins halves of characters across the pieces of a text.
#[derive(Debug, Default)]
pub(super) struct Joiner {
    /// The first half of a character in UTF-16.
    unit: Option<u32>,
    /// The first bytes of a character in UTF-8.
    bytes: Vec<u8>,
}

impl Joiner {
    /// Returns the text with joined halves. A half at the end is held back for the next piece. A half without its
    /// counterpart becomes U+FFFD.
    pub(super) fn push(&mut self, text: String) -> String {
        let is_half = |c: char| (UNIT..=BYTE + 0xFF).contains(&u32::from(c));
        if self.unit.is_none() && self.bytes.is_empty() && !text.contains(is_half) {
            return text;
        }
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            match u32::from(c) {
                code @ BYTE..=0x10_FEFF => {
                    self.end_unit(&mut out);
                    self.bytes.extend(u8::try_from(code - BYTE));
                    self.join_bytes(&mut out);
                }
                code @ UNIT..=0x10_F7FF => {
                    self.end_bytes(&mut out);
                    let unit = code - UNIT + 0xD800;
                    match self.unit.take() {
                        Some(high) if unit >= 0xDC00 => {
                            out.extend(char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (unit - 0xDC00)));
                        }
                        high => {
                            if high.is_some() || unit >= 0xDC00 {
                                out.push(char::REPLACEMENT_CHARACTER);
                            }
                            self.unit = (unit < 0xDC00).then_some(unit);
                        }
                    }
                }
                _ => {
                    out.push_str(&self.finish());
                    out.push(c);
                }
            }
        }
        out
    }

    /// Returns U+FFFD for halves that are still held back at the end of the text.
    pub(super) fn finish(&mut self) -> String {
        let mut out = String::new();
        self.end_unit(&mut out);
        self.end_bytes(&mut out);
        out
    }

    fn join_bytes(&mut self, out: &mut String) {
        while !self.bytes.is_empty() {
            match std::str::from_utf8(&self.bytes) {
                Ok(text) => {
                    out.push_str(text);
                    self.bytes.clear();
                }
                Err(error) => {
                    // Without a length, more bytes may complete it.
                    let Some(wrong) = error.error_len() else { return };
                    out.push(char::REPLACEMENT_CHARACTER);
                    self.bytes.drain(..wrong);
                }
            }
        }
    }

    fn end_unit(&mut self, out: &mut String) {
        out.extend(self.unit.take().map(|_| char::REPLACEMENT_CHARACTER));
    }

    fn end_bytes(&mut self, out: &mut String) {
        if !self.bytes.is_empty() {
            out.push(char::REPLACEMENT_CHARACTER);
            self.bytes.clear();
        }
    }
}

/// Any JSON value. Of duplicate keys, the last one with a value other than `null` or an empty string counts.
struct Lenient(Value);

impl<'de> Deserialize<'de> for Lenient {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue).map(Self)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<Lenient>()? {
            list.push(item.0);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some((key, Lenient(value))) = entries.next_entry::<String, Lenient>()? {
            let is_empty_value = value.is_null() || value.as_str() == Some("");
            if !(is_empty_value && map.contains_key(&key)) {
                map.insert(key, value);
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn literals_of_python_and_duplicate_keys_are_read() {
        for (text, value) in [
            (r#"{"a":NaN,"b":-Infinity,"c":"NaN"}"#, json!({"a": null, "b": null, "c": "NaN"})),
            (r#"{"a":"x","a":null}"#, json!({"a": "x"})),
            (r#"{"a":"","a":"y"}"#, json!({"a": "y"})),
            (r#"{"a":"x","a":"y","b":NaN}"#, json!({"a": "y", "b": null})),
            (r#"{"a":"\\ud83d \ud83d\ude00","b":NaN}"#, json!({"a": "\\ud83d 😀", "b": null})),
        ] {
            assert_eq!(parse(text).unwrap(), value, "{text}");
        }
        for nonsense in ["", "{", "NaN}", "nonsense", "{\"a\":nan}"] {
            assert!(parse(nonsense).is_err(), "{nonsense}");
        }
    }

    fn joined(pieces: &[&str]) -> String {
        let mut joiner = Joiner::default();
        let mut text = String::new();
        for piece in pieces {
            let Value::String(piece) = parse(&format!("\"{piece}\"")).unwrap() else { panic!("{piece}") };
            text.push_str(&joiner.push(piece));
        }
        text + &joiner.finish()
    }

    #[test]
    fn halves_of_an_emoji_are_joined_or_replaced() {
        assert_eq!(joined(&[r"가\ud83d", r"\ude00나"]), "가😀나");
        assert_eq!(joined(&[r"가\ud83d", "", r"\ude00"]), "가😀");
        assert_eq!(joined(&[r"\ud83d\ude00\ud83d"]), "😀\u{FFFD}");
        assert_eq!(joined(&[r"\ud83d", "나"]), "\u{FFFD}나");
        assert_eq!(joined(&[r"\ude00"]), "\u{FFFD}");
        assert_eq!(joined(&[r"\ud83d", r"\ud83d\ude00"]), "\u{FFFD}😀");
    }

    #[test]
    fn bytes_of_a_syllable_are_joined_or_replaced() {
        let bytes = |bytes: &[u8]| bytes.iter().copied().map(stray_byte).collect::<String>();
        let syllable = "한".as_bytes();
        for cut in 0..=syllable.len() {
            assert_eq!(joined(&[&bytes(&syllable[..cut]), &bytes(&syllable[cut..])]), "한");
        }
        assert_eq!(joined(&[&bytes(&syllable[..2]), "나"]), "\u{FFFD}나");
        assert_eq!(joined(&[&bytes(b"\xFF"), "나"]), "\u{FFFD}나");
        assert_eq!(joined(&[&bytes(&syllable[..2]), &bytes(syllable)]), "\u{FFFD}한");
    }
}
