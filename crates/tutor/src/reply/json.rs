//! A reader of almost-JSON.
//!
//! Servers without schema support let models write JSON with prose or fences around it, trailing or missing commas,
//! raw line breaks in strings, single, curly or missing quotes, comments, Python's `None`, backslashes that should be two,
//! JSON in a JSON string, a call in place of an object, or stop in the middle. What is whole is read; a string or list item that was cut off is left out, since
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
/// Most characters of a key.
const MAX_KEY_CHARS: usize = 40;

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
    // A reply that goes on behind a bracket that the server had begun.
    if text.starts_with(is_quote) && begins_entry(bounded(text)) {
        let mut reader = Reader { rest };
        add(Value::Object(reader.entries(1)), wraps, found);
        rest = reader.rest;
    }
    for _ in 0..MAX_STARTS {
        // A call, `feedback(strengths="…")`, is an object in round brackets.
        let begins_object = |&(at, bracket): &(usize, &str)| bracket == "{" || begins_entry(bounded(&rest[at + 1..]));
        let Some((at, _)) = rest.match_indices(['{', '(']).find(begins_object) else { return };
        let mut reader = Reader { rest: &rest[at + 1..] };
        let map = reader.entries(1);
        if map.is_empty() {
            rest = &rest[at + 1..];
        } else {
            rest = reader.rest;
            add(Value::Object(map), wraps, found);
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

/// A text without the white space and comments that it begins with. A line break that was escaped outside of a string
/// counts as white space.
fn without_comments(text: &str) -> &str {
    let is_space = |c: char| c.is_whitespace() || matches!(c, '\u{200b}' | '\u{feff}');
    let mut rest = text.trim_start_matches(is_space);
    loop {
        let after = if let Some(line) = rest.strip_prefix("//").or_else(|| rest.strip_prefix('#')) {
            line.split_once('\n').map_or("", |(_, after)| after)
        } else if let Some(block) = rest.strip_prefix("/*") {
            block.split_once("*/").map_or("", |(_, after)| after)
        } else if let Some(after) = ["\\n", "\\t", "\\r"].iter().find_map(|escape| rest.strip_prefix(escape)) {
            after
        } else {
            return rest;
        };
        rest = after.trim_start_matches(is_space);
    }
}

/// Whether a key with its separator begins here, and a value behind it.
fn begins_entry(text: &str) -> bool {
    let text = without_comments(text);
    let begins_value = |text: &str| {
        let text = without_comments(text.trim_start_matches(is_separator));
        let is_literal = ["null", "None", "true", "True", "false", "False"].iter().any(|word| text.starts_with(word));
        is_literal
            || text.starts_with(|c: char| is_quote(c) || matches!(c, '{' | '[' | '(' | '-') || c.is_ascii_digit())
    };
    if let Some(key) = text.strip_prefix(is_quote) {
        let end = key.char_indices().take(MAX_KEY_CHARS).find(|(_, c)| is_quote(*c));
        let after = end.map_or("", |(end, quote)| without_comments(&key[end + quote.len_utf8()..]));
        return after.starts_with(is_separator) && begins_value(after);
    }
    bare_key(text).is_some_and(|key| key.len() < text.len() && begins_value(&text[key.len()..]))
}

/// The text before a separator, if it can be a key without quotes.
fn bare_key(text: &str) -> Option<&str> {
    let is_in_key = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '_' | '-' | '.' | '*' | '/');
    let end = text.char_indices().take(MAX_KEY_CHARS).find(|(_, c)| !is_in_key(*c));
    let (end, c) = end?;
    let key = &text[..end];
    (is_separator(c) && key.contains(char::is_alphabetic)).then_some(key)
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'' | '`' | '“' | '”' | '‘' | '’')
}

/// Between a key and its value.
fn is_separator(c: char) -> bool {
    matches!(c, ':' | '：' | '=' | '>')
}

/// Between two entries or items.
fn is_comma(c: char) -> bool {
    matches!(c, ',' | ';' | '，' | '、')
}

/// The beginning of a text that is looked at to tell how it goes on.
fn bounded(text: &str) -> &str {
    &text[..text.floor_char_boundary(LOOK_AHEAD)]
}

/// Whether a text without quotes is a number or a literal.
fn is_scalar(word: &str) -> bool {
    let is_literal = |literal: &str| word.trim().eq_ignore_ascii_case(literal);
    word.trim().parse::<f64>().is_ok()
        || ["null", "none", "nil", "undefined", "true", "false"].into_iter().any(is_literal)
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

    /// Skips white space and comments.
    fn skip_space(&mut self) {
        self.rest = without_comments(self.rest);
    }

    /// Skips these, and commas between them.
    fn skip_commas(&mut self) {
        self.skip_space();
        while let Some(rest) = self.rest.strip_prefix(is_comma) {
            self.rest = rest;
            self.skip_space();
        }
    }

    /// The value that begins here; `None` when there is none or it is cut off.
    fn value(&mut self, depth: usize) -> Option<Value> {
        self.skip_space();
        match self.peek()? {
            '{' if depth < MAX_DEPTH => {
                self.bump();
                Some(Value::Object(self.entries(depth + 1)))
            }
            '[' | '(' if depth < MAX_DEPTH => Some(Value::Array(self.array(depth + 1))),
            // Python's `r"…"` and `f"…"`
            'r' | 'f' | 'b' | 'u' if self.rest[1..].starts_with(['"', '\'']) => {
                self.bump();
                self.string().map(Value::String)
            }
            c if is_quote(c) => self.string().map(Value::String),
            c if c.is_alphanumeric() || c == '-' => Some(self.word()),
            _ => None,
        }
    }

    /// The entries of an object up to its closing bracket.
    fn entries(&mut self, depth: usize) -> Map<String, Value> {
        let mut map = Map::new();
        loop {
            self.skip_commas();
            match self.peek() {
                None => return map,
                Some('}' | ')') => {
                    self.bump();
                    return map;
                }
                Some(_) => {}
            }
            let Some(key) = self.key() else { return map };
            self.skip_space();
            if !self.rest.starts_with(is_separator) {
                return map;
            }
            self.rest = self.rest.trim_start_matches(is_separator);
            match self.value(depth) {
                Some(value) => map.insert(key, value),
                None => return map,
            };
        }
    }

    /// A key, with or without quotes. It ends at the first quote: quotes inside a key are unknown.
    fn key(&mut self) -> Option<String> {
        if let Some(quoted) = self.rest.strip_prefix(is_quote) {
            let (key, rest) = quoted.split_once(is_quote)?;
            self.rest = rest;
            return Some(key.to_owned());
        }
        let key = bare_key(self.rest)?;
        self.rest = &self.rest[key.len()..];
        Some(key.trim().to_owned())
    }

    fn array(&mut self, depth: usize) -> Vec<Value> {
        let mut items = Vec::new();
        self.bump();
        loop {
            self.skip_commas();
            match self.peek() {
                None => return items,
                Some(']' | ')') => {
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
        if let Some(rest) = self.rest.strip_prefix("\"\"\"")
            && let Some((text, rest)) = rest.split_once("\"\"\"")
        {
            self.rest = rest;
            return Some(text.trim().to_owned());
        }
        let close: &[char] = match self.bump()? {
            '"' => &['"'],
            '\'' => &['\''],
            '`' => &['`'],
            '‘' | '’' => &['’'],
            _ => &['”', '"'],
        };
        let mut text = String::new();
        loop {
            match self.bump()? {
                '\\' => self.escape(&mut text)?,
                // The quote at the end of the line is missing.
                '\n' if begins_entry(self.ahead()) && without_comments(self.ahead()).starts_with(is_quote) => {
                    return Some(text.trim_end().trim_end_matches(is_comma).to_owned());
                }
                c if close.contains(&c) && self.skip_concatenation(close) => {}
                c if close.contains(&c) && self.string_ends(&text) => return Some(text),
                c => text.push(c),
            }
        }
    }

    /// The text that follows, as far as it is looked at. Without a bound, many quotes before what looks like a comment
    /// would take quadratic time.
    fn ahead(&self) -> &str {
        bounded(self.rest)
    }

    /// Skips the `" + "` between two halves of a string.
    fn skip_concatenation(&mut self, quotes: &[char]) -> bool {
        let second = without_comments(self.ahead()).strip_prefix('+').map(without_comments);
        let Some(rest) = second.and_then(|second| second.strip_prefix(quotes)) else { return false };
        let skipped = self.ahead().len() - rest.len();
        self.rest = &self.rest[skipped..];
        true
    }

    /// Whether a quote behind `text` closes a string, or is one that the model forgot to escape: after a string comes a
    /// comma, a bracket, the end, or the next entry or item.
    fn string_ends(&self, text: &str) -> bool {
        let ahead = self.ahead();
        let rest = without_comments(ahead);
        match rest.chars().next() {
            None | Some('}' | ']' | ')') => true,
            // `"그는 "네", 라고` against `"가", "나"`: what follows the comma must be able to follow it.
            Some(c) if is_comma(c) => {
                let next = without_comments(&rest[c.len_utf8()..]);
                let begins_item = |c: char| {
                    is_quote(c)
                        || c.is_ascii_digit()
                        || matches!(c, '{' | '[' | '}' | ']' | ')' | '-' | 'n' | 'N' | 't' | 'T' | 'f' | 'F')
                };
                next.is_empty() || next.starts_with(begins_item) || begins_entry(next)
            }
            // No comma before the next item: on a line of its own, or behind a whole sentence.
            Some('"') if ahead[..ahead.len() - rest.len()].contains(['\n', '\r']) => true,
            Some('"') if rest.len() < ahead.len() && text.ends_with(['.', '?', '!']) => {
                !rest[1..].starts_with(|c: char| c.is_whitespace() || is_comma(c) || matches!(c, ']' | '}'))
            }
            _ => begins_entry(rest),
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

    /// A number, a literal, or a text without quotes.
    fn word(&mut self) -> Value {
        let end = self
            .rest
            .char_indices()
            .find(|&(at, c)| {
                let is_end = |c: char| matches!(c, '\n' | '\r' | '}' | ']' | '{' | '[') || is_quote(c);
                is_end(c)
                    || is_comma(c)
                        && (begins_entry(bounded(&self.rest[at + c.len_utf8()..])) || is_scalar(&self.rest[..at]))
            })
            .map_or(self.rest.len(), |(at, _)| at);
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        let word = word.split("//").next().unwrap_or_default().trim();
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
    fn brackets_in_prose_do_not_hide_an_object() {
        let text = format!("{}{{\"a\": 1}}", "학생은 (초등학생이 아니라) 중학생이다. ".repeat(100));
        assert_eq!(first(&text), json!({"a": 1}));
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
