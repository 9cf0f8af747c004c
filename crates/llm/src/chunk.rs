//! One event of a reply, parsed leniently: a field that is missing, null or of an unexpected type is ignored, and the
//! other fields are still read.

use super::Finish;
use super::lenient;
use serde_json::{Map, Value};

/// One event of a stream, or a whole `chat.completion`.
#[derive(Debug, Default)]
pub(super) struct Chunk(Map<String, Value>);

/// The content of the first choice.
#[derive(Debug, Default)]
pub(super) struct Delta {
    /// Text of the answer.
    pub(super) text: String,
    /// Whether the text is the model's refusal to answer.
    pub(super) is_refusal: bool,
    /// Thoughts that the server sends in a field of their own. They are counted and dropped.
    pub(super) thought: String,
}

/// The tokens a server counts.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    pub(super) prompt: Option<u32>,
    pub(super) completion: Option<u32>,
    /// The part of the completion tokens that is thoughts.
    pub(super) reasoning: u32,
    /// The part of the prompt tokens that was in the server's cache.
    pub(super) cached: u32,
}

impl Chunk {
    /// Parses an event's data. `None` for data that is not an object, such as `ping`. A list with one object counts as that
    /// object, because Gemini wraps its errors so. Fails for data that begins as an object but cannot be parsed: it may
    /// contain text of the answer.
    pub(super) fn parse(data: &str) -> Result<Option<Self>, String> {
        let value = match lenient::parse(data) {
            Err(error) if data.starts_with(['{', '[']) => return Err(error.to_string()),
            // A word such as `ping`.
            Err(_) => return Ok(None),
            Ok(value) => value,
        };
        match value {
            Value::Object(map) => Ok(Some(Self(map))),
            Value::Array(mut items) if items.len() == 1 => match items.remove(0) {
                Value::Object(map) => Ok(Some(Self(map))),
                _ => Ok(None),
            },
            _ => Ok(None),
        }
    }

    /// The error, if the event is one.
    pub(super) fn error(&self) -> Option<Value> {
        let is_error = self.0.get("object").and_then(Value::as_str) == Some("error");
        match self.0.get("error") {
            Some(error) if has_content(error) => Some(error.clone()),
            _ if is_error => Some(Value::Object(self.0.clone())),
            _ => None,
        }
    }

    pub(super) fn model(&self) -> Option<&str> {
        self.0.get("model")?.as_str().filter(|model| !model.is_empty())
    }

    pub(super) fn tokens(&self) -> Option<Tokens> {
        let usage = self.0.get("usage")?.as_object()?;
        let count = |key: &str| number(usage.get(key)?);
        let details = usage.get("prompt_tokens_details").and_then(Value::as_object);
        let cached = details.and_then(|details| number(details.get("cached_tokens")?)).unwrap_or_default();
        let details = usage.get("completion_tokens_details").and_then(Value::as_object);
        // xAI and others put it beside the rest.
        let reasoning = details.unwrap_or(usage).get("reasoning_tokens").and_then(number).unwrap_or_default();
        Some(Tokens { prompt: count("prompt_tokens"), completion: count("completion_tokens"), reasoning, cached })
    }

    /// The entries that belong to the first choice. Unnumbered ones are numbered by their place.
    pub(super) fn first_choice(&self) -> impl Iterator<Item = Choice<'_>> {
        let choices = match self.0.get("choices") {
            Some(Value::Array(choices)) => choices.as_slice(),
            Some(choice @ Value::Object(_)) => std::slice::from_ref(choice),
            _ => &[],
        };
        (0..).zip(choices).filter_map(|(place, choice)| {
            let choice = choice.as_object()?;
            let index = choice.get("index").and_then(number).unwrap_or(place);
            (index == 0).then_some(Choice(choice))
        })
    }
}

/// One entry of `choices`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choice<'a>(&'a Map<String, Value>);

impl Choice<'_> {
    /// The new text.
    pub(super) fn delta(self) -> Option<Delta> {
        self.0.get("delta").and_then(delta)
    }

    /// The whole answer, in a reply that is not streamed and at the end of some streams.
    pub(super) fn message(self) -> Option<Delta> {
        self.0.get("message").and_then(delta)
    }

    /// Why the model stopped, if it has.
    pub(super) fn finish(self) -> Option<Finish> {
        finish(self.0.get("finish_reason")?.as_str()?)
    }
}

fn delta(value: &Value) -> Option<Delta> {
    let fields = match value {
        Value::Object(fields) => fields,
        // Some servers leave out the object around the text.
        Value::String(text) if !text.is_empty() => return Some(Delta { text: text.clone(), ..Delta::default() }),
        _ => return None,
    };
    let refusal = fields.get("refusal").and_then(Value::as_str).unwrap_or_default();
    let (text, parts_thought) = fields.get("content").map(content).unwrap_or_default();
    let thought = ["reasoning_content", "reasoning", "thinking", "reasoning_details", "thinking_blocks"]
        .into_iter()
        .filter_map(|key| fields.get(key))
        .map(words)
        .find(|words| !words.is_empty())
        .unwrap_or(parts_thought);
    // Gemini's OpenAI endpoint marks a delta whose text is a thought.
    let is_thought = value.pointer("/extra_content/google/thought").and_then(Value::as_bool) == Some(true);
    if is_thought {
        return Some(Delta { thought: thought + &text, ..Delta::default() });
    }
    Some(Delta { text: text + refusal, is_refusal: !refusal.is_empty(), thought })
}

/// Text, whole or in parts, and the thoughts among the parts.
fn content(value: &Value) -> (String, String) {
    let (mut text, mut thought) = (String::new(), String::new());
    match value {
        Value::String(whole) => text.push_str(whole),
        Value::Number(number) => text.push_str(&number.to_string()),
        Value::Array(parts) => {
            for part in parts {
                match (part, part.get("type").and_then(Value::as_str)) {
                    (Value::Object(_), Some(kind)) if !matches!(kind, "text" | "output_text") => {
                        thought.push_str(&words(part));
                    }
                    _ => text.push_str(&words(part)),
                }
            }
        }
        _ => {}
    }
    (text, thought)
}

/// The text in a value, also inside lists and objects.
fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(words).collect(),
        Value::Object(map) => {
            ["text", "thinking", "summary"].iter().find_map(|key| map.get(*key)).map(words).unwrap_or_default()
        }
        _ => String::new(),
    }
}

/// A whole number that isn't negative, also as text.
fn number(value: &Value) -> Option<u32> {
    match value {
        Value::Number(number) => number.to_string().trim_end_matches(".0").parse().ok(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Whether an `error` field contains an error: some servers send `null`, `false`, `0` or empty texts with every chunk.
fn has_content(error: &Value) -> bool {
    match error {
        Value::Null => false,
        Value::Bool(is_error) => *is_error,
        Value::Number(code) => code.as_f64() != Some(0.0),
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(items) => items.iter().any(has_content),
        Value::Object(fields) => fields.values().any(has_content),
    }
}

/// Parses a finish reason. `None` for a word that means that the model has not finished.
fn finish(word: &str) -> Option<Finish> {
    Some(match word.trim().to_ascii_lowercase().as_str() {
        ""
        | "null"
        | "none"
        | "nil"
        | "undefined"
        | "unspecified"
        | "finish_reason_unspecified"
        | "in_progress"
        | "continue" => return None,
        "stop" | "end_turn" | "eos" | "eos_token" | "stop_sequence" => Finish::Stop,
        "length" | "max_tokens" => Finish::Length,
        "content_filter" | "safety" => Finish::ContentFilter,
        "refusal" => Finish::Refusal,
        _ => Finish::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_error_field_is_no_error() {
        for error in ["null", "false", "0", "0.0", "\"\"", "\" \"", "[]", "{}", "[null]", r#"{"code":0,"message":""}"#]
        {
            let chunk = Chunk::parse(&format!("{{\"choices\":[],\"error\":{error}}}")).unwrap().unwrap();
            assert_eq!(chunk.error(), None, "{error}");
        }
        for error in ["true", "1", "\"busy\"", "[{\"code\":500}]", r#"{"code":500}"#] {
            let chunk = Chunk::parse(&format!("{{\"choices\":[],\"error\":{error}}}")).unwrap().unwrap();
            assert!(chunk.error().is_some(), "{error}");
        }
    }
}
