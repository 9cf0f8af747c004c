//! Decides by the text behind a word what the word is. `None` always means that more text is needed.

use crate::marker::{self, Found, Marker};

/// So much is read ahead, in bytes. A longer run of control words and white space ends an answer.
const MAX_RUN_BYTES: usize = 256;

/// The longest name in code that is read as one, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// Whether nothing but control words and white space follows up to the end of the text, or up to a control word that
/// cannot be part of prose. At the end of the text the answer is `None`.
pub(super) fn stands_at_end(after: &str) -> Option<bool> {
    if after.len() > MAX_RUN_BYTES && after[..after.floor_char_boundary(MAX_RUN_BYTES)].trim().is_empty() {
        return Some(true);
    }
    let mut rest = after.trim_start();
    while !rest.is_empty() {
        if after.len() - rest.len() > MAX_RUN_BYTES {
            return Some(true);
        }
        match marker::find(rest) {
            Found::Marker(Marker::Instruction, _) => return Some(true),
            Found::Marker(marker, length) if marker::is_plain(&marker, &rest[..length]) => {
                rest = rest[length..].trim_start();
            }
            Found::Marker(marker, _) => return Some(!marker.is_tag()),
            Found::Beginning => return None,
            Found::Nothing => return Some(false),
        }
    }
    None
}

/// Whether a call follows the word that announces one. Prose about the word goes on otherwise.
pub(super) fn holds_tool_call(marker: &Marker<'_>, after: &str) -> Option<bool> {
    let rest = after.trim_start();
    match (marker, rest.chars().next()) {
        (_, None) => None,
        (_, Some('{' | '[')) => Some(true),
        // Qwen writes `<function=name>`, MiniMax `<invoke name="…">`.
        (Marker::ToolCallOpens, Some('<')) => {
            let starts = ["<function", "<invoke"];
            if starts.iter().any(|start| rest.starts_with(start)) {
                return Some(true);
            }
            if starts.iter().any(|start| start.starts_with(rest)) { None } else { Some(false) }
        }
        _ => Some(false),
    }
}

/// Whether a text that begins like `analysisResult` goes on like code or a sentence about it, not like a channel's text.
pub(super) fn begins_with_code(text: &str) -> Option<bool> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let Some(end) = text.find(|c: char| !is_name(c)) else {
        return (text.len() > MAX_NAME_BYTES).then_some(false);
    };
    let after = &text[end..];
    let mut chars = after.chars();
    match chars.next() {
        Some('(' | '[' | ';' | '`' | '가'..='힣') => Some(true),
        Some('.') => chars.next().map(|next| next.is_ascii_lowercase()),
        _ => match after.trim_start().chars().next() {
            None if after.len() > MAX_NAME_BYTES => Some(false),
            next => next.map(|next| next == '='),
        },
    }
}
