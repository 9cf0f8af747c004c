//! In what a model or its server deviates from OpenAI's, in words for operators.

use super::arrange::Instructions;
use super::quirks::{JsonMode, Quirks};
use reqwest::Url;

/// One deviation that was found, and that every later request respects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deviation {
    /// The API is at another path than the settings say.
    Path(String),
    /// Answers come whole.
    NoStream,
    /// The number of tokens at the end of a stream can't be asked for.
    NoStreamOptions,
    /// Instructions go into a message of the role `developer`.
    DeveloperRole,
    /// Instructions go into the first question.
    NoSystemRole,
    /// The answer's limit is called `max_completion_tokens`.
    CompletionLimit,
    /// The temperature can't be set.
    NoTemperature,
    /// JSON can be asked for, but not by schema.
    JsonObject,
    /// JSON can be asked for by words alone.
    NoFormat,
}

impl Deviation {
    pub(super) fn all(quirks: Quirks, path: Option<&Url>) -> Vec<Self> {
        let Quirks { stream, instructions, completion_limit, temperature, stream_options, format } = quirks;
        let instructions = match instructions {
            Instructions::System => None,
            Instructions::Developer => Some(Self::DeveloperRole),
            Instructions::FirstUser => Some(Self::NoSystemRole),
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
