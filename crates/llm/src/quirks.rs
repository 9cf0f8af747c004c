//! The request parameters that a model accepts, and how a refusal changes them.

use super::Request;
use super::message_roles::{self, InstructionRole};
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

/// The request parameters that one model accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quirks {
    /// Whether it accepts `stream`.
    pub(super) stream: bool,
    /// The role that it accepts for instructions.
    pub(super) instructions: InstructionRole,
    /// Whether it wants `max_completion_tokens` instead of `max_tokens`.
    pub(super) completion_limit: bool,
    pub(super) temperature: bool,
    pub(super) stream_options: bool,
    pub(super) format: JsonMode,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            stream: true,
            instructions: InstructionRole::System,
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

    /// The parameters to try next after a refusal that is, or may be, about a parameter.
    ///
    /// Each step gives up one parameter, so a server that refuses everything gets at most eight more requests.
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
            && message_roles::messages(&request.messages, instructions)
                != message_roles::messages(&request.messages, self.instructions)
        {
            return Some(Self { instructions, ..self });
        }
        if request.schema.is_some() && self.format != JsonMode::Prompt {
            // The schema is the parameter that is refused most often, also in unknown words.
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
            return self.without_optional_parameter();
        }
        None
    }

    /// Whether `next` gives up a response format that the refusal does not name.
    pub(super) fn gives_up_unnamed_format(self, next: Self, refusal: &Refusal) -> bool {
        let text = refusal.error_body.message.to_lowercase();
        next.format != self.format
            && refusal.subject() == Subject::Request
            && !refusal.error_body.param.starts_with("response_format")
            && !FORMAT.iter().any(|phrase| text.contains(phrase))
    }

    /// The next role to try for instructions.
    fn instructions_after(self, text: &str) -> Option<InstructionRole> {
        let wants_developer = text.contains("developer")
            && !["developer instruction", "support 'developer'", "developer role is not", "developer' role is not"]
                .iter()
                .any(|phrase| text.contains(phrase));
        match self.instructions {
            InstructionRole::System if wants_developer => Some(InstructionRole::Developer),
            InstructionRole::System | InstructionRole::Developer => Some(InstructionRole::FirstUser),
            InstructionRole::FirstUser => None,
        }
    }

    /// The parameters without one that is optional.
    fn without_optional_parameter(self) -> Option<Self> {
        if self.stream && self.stream_options {
            Some(Self { stream_options: false, ..self })
        } else if self.temperature {
            Some(Self { temperature: false, ..self })
        } else {
            None
        }
    }
}

/// Phrases about an unknown or invalid response format.
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

/// Phrases that refuse streaming.
const NO_STREAM: [&str; 12] = [
    "verified to stream",
    "'stream'",
    "`stream`",
    "\"stream\"",
    "streaming is not",
    "streaming not",
    "support streaming",
    "supports streaming",
    "stream is not",
    "stream not ",
    "non-stream",
    "stream must be false",
];

/// Phrases of servers and chat templates about roles that are unknown or in the wrong order.
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

/// Names of roles that make a sentence with the word "role" one about roles.
const ROLE_NAMES: [&str; 7] = ["assistant", "'user'", "\"user\"", "only user", "user and ", "system", "first message"];

/// Phrases about an unknown parameter.
const UNKNOWN: [&str; 7] =
    ["unsupported", "not supported", "unrecognized", "unknown", "unexpected", "extra inputs", "not permitted"];

#[cfg(test)]
mod tests;
