//! The tolerant reader of values, objects and strings.

use serde_json::{Map, Number, Value};

use super::lexical::{bare_key, begins_entry, bounded, is_comma, is_quote, is_scalar, is_separator, without_comments};

/// Deepest nesting that is followed; deeper values are read as nothing.
const MAX_DEPTH: usize = 16;

/// Reads a text from left to right.
pub(super) struct Reader<'a> {
    pub(super) rest: &'a str,
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
    pub(super) fn entries(&mut self, depth: usize) -> Map<String, Value> {
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
