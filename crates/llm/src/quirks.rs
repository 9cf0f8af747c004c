//! What a model takes less or otherwise than OpenAI's, and what its refusals tell of it.

use super::Request;
use super::arrange::{self, Instructions};
use super::refusal::{Refusal, Subject};

/// How a JSON answer is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JsonMode {
    /// By schema.
    Schema,
    /// As any JSON object; the prompt says the shape.
    JsonObject,
    /// By the prompt alone.
    Prompt,
}

/// What one model takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quirks {
    /// Whether it sends its answer in pieces.
    pub(super) stream: bool,
    /// Where it takes instructions.
    pub(super) instructions: Instructions,
    /// It wants `max_completion_tokens` in place of `max_tokens`.
    pub(super) completion_limit: bool,
    pub(super) temperature: bool,
    pub(super) stream_options: bool,
    pub(super) format: JsonMode,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            stream: true,
            instructions: Instructions::System,
            completion_limit: false,
            temperature: true,
            stream_options: true,
            format: JsonMode::Schema,
        }
    }
}

impl Quirks {
    /// The field that carries the answer's limit.
    pub(super) fn limit_field(self) -> &'static str {
        if self.completion_limit { "max_completion_tokens" } else { "max_tokens" }
    }

    /// These quirks with every field changed that differs between `before` and `after`.
    pub(super) fn with_changes(self, before: Self, after: Self) -> Self {
        fn changed<T: PartialEq>(known: T, before: T, after: T) -> T {
            if before == after { known } else { after }
        }
        Self {
            stream: changed(self.stream, before.stream, after.stream),
            instructions: changed(self.instructions, before.instructions, after.instructions),
            completion_limit: changed(self.completion_limit, before.completion_limit, after.completion_limit),
            temperature: changed(self.temperature, before.temperature, after.temperature),
            stream_options: changed(self.stream_options, before.stream_options, after.stream_options),
            format: changed(self.format, before.format, after.format),
        }
    }

    /// What to try next after a refusal that is about a parameter, or may be.
    ///
    /// Each step gives one thing up for good, so a server that refuses everything is asked eight times more at most.
    pub(super) fn after(self, refusal: &Refusal, request: &Request) -> Option<Self> {
        if !refusal.may_be_of_a_parameter() {
            return None;
        }
        let error_body = &refusal.error_body;
        let text = error_body.message.to_lowercase();
        let says = |phrases: &[&str]| phrases.iter().any(|phrase| text.contains(phrase));
        let about = |name: &str| error_body.param.split(['.', '[']).next() == Some(name) || text.contains(name);
        if self.stream && self.stream_options && (about("stream_options") || text.contains("include_usage")) {
            return Some(Self { stream_options: false, ..self });
        }
        if self.stream && (error_body.param == "stream" || says(&NO_STREAM)) {
            return Some(Self { stream: false, ..self });
        }
        // A limit that is merely too high names the same field and must not look like an unknown one.
        let unknown = error_body.code == "unsupported_parameter" || says(&UNKNOWN);
        if !self.completion_limit && about("max_tokens") && (unknown || text.contains("max_completion_tokens")) {
            return Some(Self { completion_limit: true, ..self });
        }
        if self.temperature && about("temperature") {
            return Some(Self { temperature: false, ..self });
        }
        let is_about_roles =
            says(&ROLES) || (text.contains("role") && (error_body.param.starts_with("messages") || says(&ROLE_NAMES)));
        if let Some(instructions) = self.instructions_after(&text).filter(|_| is_about_roles)
            && arrange::messages(&request.messages, instructions)
                != arrange::messages(&request.messages, self.instructions)
        {
            return Some(Self { instructions, ..self });
        }
        if request.schema.is_some() && self.format != JsonMode::Prompt {
            // A schema is by far the likeliest of all parameters to be refused, also in words that nobody foresaw.
            let is_likely = match refusal.subject() {
                Subject::SomeParameter => true,
                Subject::Request | Subject::Failure => matches!(refusal.status, 400 | 422 | 501),
                _ => false,
            };
            if is_likely || says(&FORMAT) || error_body.param.starts_with("response_format") {
                let format = if self.format == JsonMode::Schema { JsonMode::JsonObject } else { JsonMode::Prompt };
                return Some(Self { format, ..self });
            }
        }
        if refusal.subject() == Subject::SomeParameter {
            return self.with_less();
        }
        None
    }

    /// Where a model wants its instructions that refused them where they were.
    fn instructions_after(self, text: &str) -> Option<Instructions> {
        let wants_developer = text.contains("developer")
            && !["developer instruction", "support 'developer'", "developer role is not", "developer' role is not"]
                .iter()
                .any(|phrase| text.contains(phrase));
        match self.instructions {
            Instructions::System if wants_developer => Some(Instructions::Developer),
            Instructions::System | Instructions::Developer => Some(Instructions::FirstUser),
            Instructions::FirstUser => None,
        }
    }

    /// Without one of the parameters that can be spared.
    fn with_less(self) -> Option<Self> {
        if self.stream && self.stream_options {
            Some(Self { stream_options: false, ..self })
        } else if self.temperature {
            Some(Self { temperature: false, ..self })
        } else {
            None
        }
    }
}

/// How servers name the answer's format when they don't know it or can't compile it.
const FORMAT: [&str; 15] = [
    "response_format",
    "response format",
    "response_schema",
    "schema",
    "json_object",
    "json mode",
    "the word 'json'",
    "structured output",
    "grammar",
    "required for format",
    "invalid format",
    "guided",
    "constrained",
    "outlines",
    "initialize samplers",
];

/// How servers refuse to send an answer in pieces.
const NO_STREAM: [&str; 11] = [
    "verified to stream",
    "'stream'",
    "`stream`",
    "\"stream\"",
    "streaming is not",
    "streaming not",
    "support streaming",
    "supports streaming",
    "stream is not",
    "stream not supported",
    "stream must be false",
];

/// How servers and chat templates speak of roles that they don't take or not in this order.
const ROLES: [&str; 15] = [
    "system role",
    "'system'",
    "\"system\"",
    "`system`",
    "role system",
    "role: system",
    "system message",
    "system prompt",
    "system instruction",
    "developer instruction",
    "alternate",
    "unexpected role",
    "invalid role",
    "unsupported role",
    "only user and assistant",
];

/// Roles beside the word "role".
const ROLE_NAMES: [&str; 5] = ["assistant", "'user'", "\"user\"", "system", "first message"];

/// How servers say that they don't know a parameter.
const UNKNOWN: [&str; 7] =
    ["unsupported", "not supported", "unrecognized", "unknown", "unexpected", "extra inputs", "not permitted"];
