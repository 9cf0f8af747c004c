//! A reader of almost-JSON.
//!
//! Servers without schema support let models write JSON with prose or fences around it, trailing or missing commas,
//! raw line breaks in strings, single or curly quotes, comments, Python's `None`, backslashes that should be two, JSON in
//! a JSON string, or stop in the middle. What is whole is read; a string or list item that was cut off is left out, since
//! half a sentence is not what the model meant.

use serde_json::{Map, Number, Value};

use super::{decode_entities, escapes::keep_backslashes};

/// Deepest nesting that is followed; deeper values are read as nothing.
const MAX_DEPTH: usize = 16;
/// Most places in a text where an object is tried.
const MAX_STARTS: usize = 64;
/// Most bytes that are looked at behind a quote to tell whether it ends a string.
const LOOK_AHEAD: usize = 1024;
/// How often JSON may be wrapped in a string of JSON.
const MAX_WRAPS: usize = 3;

/// The objects in a text, in their order; an object that others write as a string in it comes behind the outer one.
/// JSON is read strictly but for backslashes that stand for themselves, as in `"\\frac"`.
pub(crate) fn objects(text: &str) -> Vec<Map<String, Value>> {
    let mut found = Vec::new();
    collect(text, MAX_WRAPS, &mut found);
    found
}

fn collect(text: &str, wraps: usize, found: &mut Vec<Map<String, Value>>) {
    let before = found.len();
    let mended = keep_backslashes(text.trim());
    match serde_json::from_str(&mended) {
        Ok(value @ (Value::Object(_) | Value::Array(_) | Value::String(_))) => add(value, wraps, found),
        Ok(_) => {}
        Err(_) => read_all(&mended, wraps, found),
    }
    if found.len() > before || wraps == 0 {
        return;
    }
    // Written for HTML, or as a string without the quotes around it.
    if text.contains("&quot;") {
        collect(&decode_entities(text), wraps - 1, found);
    } else if text.contains("{\\\"") {
        collect(&text.replace("\\\"", "\"").replace("\\\\", "\\"), wraps - 1, found);
    }
}

fn read_all(text: &str, wraps: usize, found: &mut Vec<Map<String, Value>>) {
    let mut rest = text;
    for _ in 0..MAX_STARTS {
        let Some(at) = rest.find('{') else { return };
        let mut reader = Reader { rest: &rest[at..] };
        match reader.value(0) {
            Some(value @ Value::Object(_)) if !value.as_object().is_some_and(Map::is_empty) => {
                rest = reader.rest;
                add(value, wraps, found);
            }
            _ => rest = &rest[at + 1..],
        }
    }
}

fn add(value: Value, wraps: usize, found: &mut Vec<Map<String, Value>>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            let mut inner = Vec::new();
            map.values().for_each(|value| wrapped(value, wraps, &mut inner));
            found.push(map);
            found.append(&mut inner);
        }
        Value::Array(items) => items.into_iter().for_each(|item| add(item, wraps, found)),
        Value::String(text) if wraps > 0 => collect(&text, wraps - 1, found),
        _ => {}
    }
}

/// The objects that stand as strings in a value, such as `arguments` of a call of a function.
fn wrapped(value: &Value, wraps: usize, found: &mut Vec<Map<String, Value>>) {
    match value {
        Value::String(text) if wraps > 0 && text.trim_start().starts_with('{') => collect(text, wraps - 1, found),
        Value::Array(items) => items.iter().for_each(|item| wrapped(item, wraps, found)),
        Value::Object(map) => map.values().for_each(|value| wrapped(value, wraps, found)),
        _ => {}
    }
}

/// A text without the white space and comments that it begins with.
fn without_comments(text: &str) -> &str {
    let mut rest = text.trim_start();
    loop {
        let after = if let Some(line) = rest.strip_prefix("//").or_else(|| rest.strip_prefix('#')) {
            line.split_once('\n').map_or("", |(_, after)| after)
        } else if let Some(block) = rest.strip_prefix("/*") {
            block.split_once("*/").map_or("", |(_, after)| after)
        } else {
            return rest;
        };
        rest = after.trim_start();
    }
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

    /// Skips white space and comments.
    fn skip_space(&mut self) {
        self.rest = without_comments(self.rest);
    }

    /// Skips these, and commas between them.
    fn skip_commas(&mut self) {
        self.skip_space();
        while let Some(rest) = self.rest.strip_prefix(',') {
            self.rest = rest;
            self.skip_space();
        }
    }

    /// The value that begins here; `None` when there is none or it is cut off.
    fn value(&mut self, depth: usize) -> Option<Value> {
        self.skip_space();
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
            self.skip_commas();
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
            self.skip_space();
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
            self.skip_commas();
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
        // A bound, so that many quotes before what looks like a comment take no quadratic time.
        let ahead = &self.rest[..self.rest.floor_char_boundary(LOOK_AHEAD)];
        let rest = without_comments(ahead);
        match rest.chars().next() {
            None | Some('}' | ']' | ':' | '：') => true,
            // `"그는 "네", 라고` against `"가", "나"`: what follows the comma must be able to follow it.
            Some(',') => matches!(
                without_comments(&rest[1..]).chars().next(),
                None | Some(
                    '"' | '\'' | '“' | '‘' | '{' | '[' | '}' | ']' | '-' | '0'
                        ..='9' | 'n' | 'N' | 't' | 'T' | 'f' | 'F'
                )
            ),
            Some('"') => ahead[..ahead.len() - rest.len()].contains(['\n', '\r']),
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
        objects(text).into_iter().next().map_or(Value::Null, Value::Object)
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
    fn comments_and_formulas_are_read_as_meant() {
        for (text, value) in [
            (
                "{\"a\": \"가\", // 첫째\n \"b\": \"나\" /* 둘째 */, # 셋째\n \"c\": [1, // 하나\n 2] }",
                json!({"a": "가", "b": "나", "c": [1, 2]}),
            ),
            ("{// 처음\n\"a\": \"https://example.com\" // 끝\n}", json!({"a": "https://example.com"})),
            (r#"{"a": "\frac{1}{2} \times \sqrt{3}"}"#, json!({"a": r"\frac{1}{2} \times \sqrt{3}"})),
            (r#"{"a": "\\frac{1}{2}\n\(x\)",}"#, json!({"a": "\\frac{1}{2}\n\\(x\\)"})),
            ("{'a': 'b', 'c': True, 'd': None,}", json!({"a": "b", "c": true, "d": null})),
        ] {
            assert_eq!(first(text), value, "{text}");
        }
    }

    #[test]
    fn json_in_a_string_is_found_behind_what_holds_it() {
        let inner = json!({"a": "가 \"나\"", "b": [1]});
        for text in [
            Value::String(inner.to_string()).to_string(),
            json!({"name": "note", "arguments": inner.to_string()}).to_string(),
            json!({"tool_calls": [{"function": {"name": "note", "arguments": inner.to_string()}}]}).to_string(),
            inner
                .to_string()
                .replace('"', "&quot;")
                .replace("\\&quot;", "\\\\&quot;")
                .replace("\\\\&quot;", "\\&quot;"),
            inner.to_string().replace('\\', "\\\\").replace('"', "\\\""),
        ] {
            let last = objects(&text).pop().map_or(Value::Null, Value::Object);
            assert_eq!(last, inner, "{text}");
        }
    }

    #[test]
    fn prose_is_no_object() {
        for text in ["", "안녕하세요", "{}", "{", "{ 그림 }", "[1, 2]"] {
            assert_eq!(first(text), Value::Null, "{text}");
        }
    }

    #[test]
    fn quotes_before_what_looks_like_a_comment_are_read_in_linear_time() {
        // Quadratic, this takes minutes.
        let text = format!("{{{}", "\"/*".repeat(1 << 16));
        assert!(objects(&text).len() <= MAX_STARTS);
        assert!(objects(&"{\"/*".repeat(1 << 16)).len() <= MAX_STARTS);
    }

    #[test]
    fn deep_nesting_is_cut_not_followed() {
        let text = "{\"a\":".repeat(100_000);
        assert!(objects(&text).len() <= MAX_STARTS);
        assert!(objects(&format!("{{\"a\":{}", "[".repeat(100_000))).len() <= 1);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[{}\\[\\]\",:'\\\\u0-9a가😀\n ]{0,60}") {
            let _ = objects(&text).len();
        }

        #[test]
        fn what_strict_json_means_is_kept_in_prose(a in "\\PC{0,20}", b in prop::collection::vec("[가-힣 ,.?!]{0,9}", 0..4)) {
            let value = json!({"a": a, "b": b, "c": null});
            // Quotes inside strings are escaped by the writer, so nothing is ambiguous.
            prop_assert_eq!(first(&format!("네!\n{value}\n끝")), value);
        }
    }
}
