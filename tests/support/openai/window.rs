//! A context window: requests that don't fit are refused in a server's words, or lose their oldest messages.

use super::Behaviour;
use serde_json::Value;

/// What happens to a request that doesn't fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// Refused as OpenAI and vLLM do, with the size of the window.
    RefuseStated,
    /// Refused without the size.
    Refuse,
    /// Refused in words that say nothing of the size.
    RefuseUnexplained,
    /// Read without its oldest messages after the first, as by Ollama.
    DropOldest,
}

/// A model's context window.
#[derive(Debug, Clone)]
pub struct Window {
    /// Tokens of prompt and answer together.
    pub tokens: usize,
    /// Tokens of a Hangul syllable, and of any other character outside ASCII.
    pub per_syllable: f64,
    pub full: Full,
    /// Whether `/v1/models` contains the size.
    pub is_listed: bool,
}

pub(super) enum Admission {
    Refused(Box<Behaviour>),
    Read { prompt_tokens: usize },
}

impl Window {
    /// A window of a model that reads a Hangul syllable as one token.
    pub fn new(tokens: usize, full: Full) -> Self {
        Self { tokens, per_syllable: 1.0, full, is_listed: false }
    }

    /// Tokens of a request: its messages and its schema.
    pub fn prompt_tokens(&self, request: &Value) -> usize {
        let messages = request["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
        let schema = &request["response_format"]["json_schema"]["schema"];
        let schema = if schema.is_null() { 0 } else { self.count(&schema.to_string()) };
        messages.iter().map(|message| self.message(message)).sum::<usize>() + schema
    }

    fn message(&self, message: &Value) -> usize {
        4 + self.count(message["content"].as_str().unwrap_or_default())
    }

    fn count(&self, text: &str) -> usize {
        let tokens: f64 = text.chars().map(|c| if c.is_ascii() { 0.25 } else { self.per_syllable }).sum();
        tokens.ceil() as usize
    }

    pub(super) fn admit(&self, request: &Value) -> Admission {
        let prompt = self.prompt_tokens(request);
        let answer = request["max_tokens"].as_u64().unwrap_or_default() as usize;
        let asked = prompt + answer;
        match self.full {
            _ if asked <= self.tokens => Admission::Read { prompt_tokens: prompt },
            Full::RefuseStated => refused(Behaviour::error(
                400,
                "context_length_exceeded",
                &format!(
                    "This model's maximum context length is {} tokens. However, you requested {asked} tokens ({prompt} \
                     in the messages, {answer} in the completion). Please reduce the length of the messages.",
                    self.tokens
                ),
            )),
            Full::Refuse => refused(Behaviour::error(400, "", "max_tokens must be at least 1, got -112.")),
            Full::RefuseUnexplained => refused(Behaviour::error(400, "1210", "The request is not acceptable.")),
            Full::DropOldest => {
                let messages = request["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
                let mut left = self.tokens.saturating_sub(messages.first().map_or(0, |first| self.message(first)));
                let whole = left;
                for message in messages.iter().skip(1).rev() {
                    match left.checked_sub(self.message(message)) {
                        Some(rest) => left = rest,
                        None => break,
                    }
                }
                Admission::Read { prompt_tokens: self.tokens - whole + (whole - left) }
            }
        }
    }
}

fn refused(refusal: Behaviour) -> Admission {
    Admission::Refused(Box::new(refusal))
}
