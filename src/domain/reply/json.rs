//! A reader of almost-JSON.
//!
//! Servers without schema support let models write JSON with prose or fences around it, trailing or missing commas,
//! raw line breaks in strings, single or curly quotes, Python's `None`, or stop in the middle. What is whole is read;
//! a string or list item that was cut off is left out, since half a sentence is not what the model meant.

use serde_json::{Map, Number, Value};

/// Deepest nesting that is followed; deeper values are read as nothing.
const MAX_DEPTH: usize = 16;
/// Most places in a text where an object is tried.
const MAX_STARTS: usize = 16;

/// The objects in a text, each tried at a `{`, outermost first. Strict JSON is read strictly.
pub(crate) fn objects(text: &str) -> impl Iterator<Item = Map<String, Value>> {
    let strict = match serde_json::from_str(text.trim()) {
        Ok(Value::Object(map)) if !map.is_empty() => Some(map),
        _ => None,
    };
    let starts = text.match_indices('{').take(MAX_STARTS).filter_map(|(at, _)| {
        let mut reader = Reader { rest: &text[at..] };
        match reader.value(0) {
            Some(Value::Object(map)) if !map.is_empty() => Some(map),
            _ => None,
        }
    });
    strict.into_iter().chain(starts)
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn skip(&mut self, what: impl Fn(char) -> bool) {
        self.rest = self.rest.trim_start_matches(what);
    }

    /// The value that begins here; `None` when there is none or it is cut off.
    fn value(&mut self, depth: usize) -> Option<Value> {
        self.skip(char::is_whitespace);
        match self.peek()? {
            '{' if depth < MAX_DEPTH => Some(Value::Object(self.object(depth + 1))),
            '[' if depth < MAX_DEPTH => Some(Value::Array(self.array(depth + 1))),
            '"' | '“' | '”' | '\'' | '‘' => self.string().map(Value::String),
            c if c.is_alphanumeric() || c == '-' => Some(self.word()),
            _ => None,
        }
    }

    fn object(&mut self, depth: usize) -> Map<String, Value> {
        let mut map = Map::new();
        self.bump();
        loop {
            self.skip(|c: char| c.is_whitespace() || c == ',');
            match self.peek() {
                None => return map,
                Some('}') => {
                    self.bump();
                    return map;
                }
                Some(_) => {}
            }
            let key = match self.value(depth) {
                Some(Value::String(key)) => key,
                _ => return map,
            };
            self.skip(|c: char| c.is_whitespace());
            if !matches!(self.peek(), Some(':' | '：' | '=')) {
                return map;
            }
            self.skip(|c: char| matches!(c, ':' | '：' | '=' | '>'));
            match self.value(depth) {
                Some(value) => map.insert(key, value),
                None => return map,
            };
        }
    }

    fn array(&mut self, depth: usize) -> Vec<Value> {
        let mut items = Vec::new();
        self.bump();
        loop {
            self.skip(|c: char| c.is_whitespace() || c == ',');
            match self.peek() {
                None => return items,
                Some(']') => {
                    self.bump();
                    return items;
                }
                Some(_) => match self.value(depth) {
                    Some(item) => items.push(item),
                    None => return items,
                },
            }
        }
    }

    fn string(&mut self) -> Option<String> {
        let close: &[char] = match self.bump()? {
            '"' => &['"'],
            '\'' => &['\''],
            '‘' => &['’'],
            _ => &['”', '"'],
        };
        let mut text = String::new();
        loop {
            match self.bump()? {
                '\\' => self.escape(&mut text)?,
                c if close.contains(&c) && self.string_ends() => return Some(text),
                c => text.push(c),
            }
        }
    }

    /// Whether a quote really closes a string, or is one that the model forgot to escape: after a string comes a
    /// comma, a colon, a bracket or the end, or the next line begins a new string.
    fn string_ends(&self) -> bool {
        let rest = self.rest.trim_start();
        match rest.chars().next() {
            None | Some('}' | ']' | ':' | '：') => true,
            // `"그는 "네", 라고` against `"가", "나"`: what follows the comma must be able to follow it.
            Some(',') => matches!(
                rest[1..].trim_start().chars().next(),
                None | Some(
                    '"' | '\'' | '“' | '‘' | '{' | '[' | '}' | ']' | '-' | '0'
                        ..='9' | 'n' | 'N' | 't' | 'T' | 'f' | 'F'
                )
            ),
            Some('"') => self.rest.starts_with(['\n', '\r']),
            _ => false,
        }
    }

    fn escape(&mut self, text: &mut String) -> Option<()> {
        match self.bump()? {
            'n' => text.push('\n'),
            't' => text.push('\t'),
            'r' | 'b' | 'f' => {}
            'u' => text.push(self.unicode().unwrap_or(char::REPLACEMENT_CHARACTER)),
            c => text.push(c),
        }
        Some(())
    }

    fn unicode(&mut self) -> Option<char> {
        let high = self.hex4()?;
        if !(0xD800..0xDC00).contains(&high) {
            return char::from_u32(high);
        }
        self.rest = self.rest.strip_prefix("\\u")?;
        let low = self.hex4()?.checked_sub(0xDC00).filter(|low| *low < 0x400)?;
        char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + low)
    }

    fn hex4(&mut self) -> Option<u32> {
        let digits = self.rest.get(..4)?;
        let code = u32::from_str_radix(digits, 16).ok()?;
        self.rest = &self.rest[4..];
        Some(code)
    }

    /// A number, a literal, or a bare word such as an unquoted key.
    fn word(&mut self) -> Value {
        let end = self
            .rest
            .find(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '-' | '+' | '.' | '/'))
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        match word.to_ascii_lowercase().as_str() {
            "null" | "none" | "nil" | "undefined" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => match (word.parse::<i64>(), word.parse::<f64>().ok().and_then(Number::from_f64)) {
                (Ok(n), _) => n.into(),
                (_, Some(n)) => n.into(),
                _ => word.into(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn first(text: &str) -> Value {
        objects(text).next().map_or(Value::Null, Value::Object)
    }

    #[test]
    fn almost_json_is_read() {
        for (text, value) in [
            (r#"{"a": "b"}"#, json!({"a": "b"})),
            ("네, 여기 있어요.\n```json\n{\"a\": [1, 2,],}\n```\n도움이 됐나요?", json!({"a": [1, 2]})),
            ("{'a': None, b: True, “c”: “d”}", json!({"a": null, "b": true, "c": "d"})),
            ("{\"a\": \"두\n줄\", \"b\": true}", json!({"a": "두\n줄", "b": true})),
            ("{\"a\": \"하나\"\n\"b\": 2}", json!({"a": "하나", "b": 2})),
            (r#"{"a": "그는 "네" 하고 답했다", "b": 1.5}"#, json!({"a": "그는 \"네\" 하고 답했다", "b": 1.5})),
            (r#"{"a": "\u003c\ud83d\ude00\n\"", "b": "x"#, json!({"a": "<😀\n\""})),
            (r#"{"a": ["다 쓴 말", "쓰다 만"#, json!({"a": ["다 쓴 말"]})),
            (r#"{"a": {"b": {"c": 1"#, json!({"a": {"b": {"c": 1}}})),
        ] {
            assert_eq!(first(text), value, "{text}");
        }
    }

    #[test]
    fn prose_is_no_object() {
        for text in ["", "안녕하세요", "{}", "{", "{ 그림 }", "[1, 2]"] {
            assert_eq!(first(text), Value::Null, "{text}");
        }
    }

    #[test]
    fn deep_nesting_is_cut_not_followed() {
        let text = "{\"a\":".repeat(100_000);
        assert!(objects(&text).count() <= MAX_STARTS);
        assert!(objects(&format!("{{\"a\":{}", "[".repeat(100_000))).count() <= 1);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[{}\\[\\]\",:'\\\\u0-9a가😀\n ]{0,60}") {
            let _ = objects(&text).count();
        }

        #[test]
        fn what_strict_json_means_is_kept_in_prose(a in "\\PC{0,20}", b in prop::collection::vec("[가-힣 ,.?!]{0,9}", 0..4)) {
            let value = json!({"a": a, "b": b, "c": null});
            // Quotes inside strings are escaped by the writer, so nothing is ambiguous.
            prop_assert_eq!(first(&format!("네!\n{value}\n끝")), value);
        }
    }
}
