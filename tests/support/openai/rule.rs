//! What a server refuses, in the words of real ones.

use serde::Deserialize;
use serde_json::{Value, json};

/// What a refused request carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// It asks for a stream.
    Stream,
    /// It asks for the number of tokens at the end of a stream.
    StreamOptions,
    /// A message of the role `system`.
    SystemRole,
    /// A message of the role `system` or `developer`.
    InstructionRole,
    /// Roles that don't alternate between `user` and `assistant`, beginning with `user`.
    RolesInDisorder,
    /// A schema for the answer.
    JsonSchema,
    /// Any format for the answer.
    ResponseFormat,
}

impl When {
    fn holds(self, request: &Value) -> bool {
        let roles = || {
            let messages = request["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
            messages.iter().map(|message| message["role"].as_str().unwrap_or_default())
        };
        match self {
            Self::Stream => request["stream"] == true,
            Self::StreamOptions => request.get("stream_options").is_some(),
            Self::SystemRole => roles().any(|role| role == "system"),
            Self::InstructionRole => roles().any(|role| role == "system" || role == "developer"),
            Self::RolesInDisorder => {
                !roles().enumerate().all(|(at, role)| role == if at % 2 == 0 { "user" } else { "assistant" })
            }
            Self::JsonSchema => request["response_format"]["type"] == "json_schema",
            Self::ResponseFormat => request.get("response_format").is_some(),
        }
    }
}

/// One refusal.
#[derive(Debug, Clone, Deserialize)]
pub struct Rule {
    pub when: When,
    pub status: u16,
    pub body: String,
}

impl Rule {
    /// A refusal with a sentence in an error object.
    pub fn new(when: When, status: u16, message: &str) -> Self {
        let error =
            json!({ "error": { "message": message, "type": "invalid_request_error", "param": null, "code": null } });
        Self { when, status, body: error.to_string() }
    }

    /// OpenAI, of an organisation that isn't verified.
    pub fn unverified() -> Self {
        let error = json!({ "error": { "message": "Your organization must be verified to stream this model.",
            "type": "invalid_request_error", "param": "stream", "code": "unsupported_value" } });
        Self { when: When::Stream, status: 400, body: error.to_string() }
    }

    /// The first rule that a request breaks.
    pub(super) fn broken<'a>(rules: &'a [Self], request: &Value) -> Option<&'a Self> {
        rules.iter().find(|rule| rule.when.holds(request))
    }
}
