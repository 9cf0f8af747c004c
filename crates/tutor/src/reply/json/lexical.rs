//! The characters and words that almost-JSON consists of.

/// Most bytes that are looked at behind a quote to tell whether it ends a string.
const LOOK_AHEAD: usize = 1024;
/// Most characters of a key.
const MAX_KEY_CHARS: usize = 40;

/// A text without the white space and comments that it begins with. A line break that was escaped outside of a string
/// counts as white space.
pub(super) fn without_comments(text: &str) -> &str {
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
pub(super) fn begins_entry(text: &str) -> bool {
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
pub(super) fn bare_key(text: &str) -> Option<&str> {
    let is_in_key = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '_' | '-' | '.' | '*' | '/');
    let end = text.char_indices().take(MAX_KEY_CHARS).find(|(_, c)| !is_in_key(*c));
    let (end, c) = end?;
    let key = &text[..end];
    (is_separator(c) && key.contains(char::is_alphabetic)).then_some(key)
}

pub(super) fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'' | '`' | '“' | '”' | '‘' | '’')
}

/// Between a key and its value.
pub(super) fn is_separator(c: char) -> bool {
    matches!(c, ':' | '：' | '=' | '>')
}

/// Between two entries or items.
pub(super) fn is_comma(c: char) -> bool {
    matches!(c, ',' | ';' | '，' | '、')
}

/// The beginning of a text that is looked at to tell how it goes on.
pub(super) fn bounded(text: &str) -> &str {
    &text[..text.floor_char_boundary(LOOK_AHEAD)]
}

/// Whether a text without quotes is a number or a literal.
pub(super) fn is_scalar(word: &str) -> bool {
    let is_literal = |literal: &str| word.trim().eq_ignore_ascii_case(literal);
    word.trim().parse::<f64>().is_ok()
        || ["null", "none", "nil", "undefined", "true", "false"].into_iter().any(is_literal)
}
