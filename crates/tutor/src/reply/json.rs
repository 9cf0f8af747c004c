//! Reads the JSON in a model's reply: strictly, then with one tolerant reader.
//!
//! Without schema support on the server, models write JSON with prose or fences around it, trailing or missing commas,
//! raw line breaks in strings, single, curly or missing quotes, comments, Python's `None`, single backslashes, JSON inside
//! a JSON string, or a function call instead of an object; and a reply may end in the middle. Everything complete is read.
//! A string or list item that was cut off is dropped, because half a sentence is not what the model meant.

mod lexical;
mod reader;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use super::{decode_entities, escapes::escape_literal_backslashes};
use lexical::{begins_entry, bounded, is_quote};
use reader::Reader;

/// Most places in a text where an object is tried.
const MAX_STARTS: usize = 64;
/// How often JSON may be wrapped in a string of JSON.
const MAX_WRAPS: usize = 3;

/// The objects in a text, in their order; an object that others write as a string in it comes behind the outer one.
/// Valid JSON is read strictly, with backslashes that stand for themselves (`"\\frac"`) escaped; other text is read tolerantly.
pub(crate) fn objects(text: &str) -> Vec<Map<String, Value>> {
    let mut found = Vec::new();
    collect(text, MAX_WRAPS, &mut found);
    found
}

fn collect(text: &str, wraps: usize, found: &mut Vec<Map<String, Value>>) {
    let before = found.len();
    let escaped = escape_literal_backslashes(text.trim());
    match serde_json::from_str(&escaped) {
        Ok(value @ (Value::Object(_) | Value::Array(_) | Value::String(_))) => add(value, wraps, found),
        Ok(_) => {}
        Err(_) => read_all(&escaped, wraps, found),
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
