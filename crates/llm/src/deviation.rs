//! Deviations of a model or its server from OpenAI's API, for operators.

use super::message_roles::InstructionRole;
use super::quirks::{JsonMode, Quirks};
use reqwest::Url;

/// One deviation. Every later request respects it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deviation {
    /// The API is at another path than the configured one.
    Path(String),
    /// Answers are not streamed.
    NoStream,
    /// `stream_options` is refused, so a stream may end without token counts.
    NoStreamOptions,
    /// Instructions are sent with the role `developer`.
    DeveloperRole,
    /// Instructions are sent at the beginning of the first question.
    NoSystemRole,
    /// The token limit is named `max_completion_tokens`.
    CompletionLimit,
    /// The temperature cannot be set.
    NoTemperature,
    /// JSON objects are supported, but no schema.
    JsonObject,
    /// JSON can be requested by the prompt only.
    NoFormat,
}

impl Deviation {
    pub(super) fn all(quirks: Quirks, path: Option<&Url>) -> Vec<Self> {
        let Quirks { stream, instructions, completion_limit, temperature, stream_options, format } = quirks;
        let instructions = match instructions {
            InstructionRole::System => None,
            InstructionRole::Developer => Some(Self::DeveloperRole),
            InstructionRole::FirstUser => Some(Self::NoSystemRole),
        };
        let format = match format {
            JsonMode::Schema => None,
            JsonMode::JsonObject => Some(Self::JsonObject),
            JsonMode::Prompt => Some(Self::NoFormat),
        };
        [
            path.map(|url| Self::Path(url.path().to_owned())),
            (!stream).then_some(Self::NoStream),
            (!stream_options).then_some(Self::NoStreamOptions),
            instructions,
            completion_limit.then_some(Self::CompletionLimit),
            (!temperature).then_some(Self::NoTemperature),
            format,
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
