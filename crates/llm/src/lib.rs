//! A client of OpenAI-compatible model servers.
//!
//! [`Client::stream`] sends one request and returns its answer as [`Piece`]s. The bytes of a reply pass through these
//! modules: `lines` (whole, bounded, valid lines) → `events` (server-sent events) → `decoder` (with `chunk`, `lenient` and the
//! crate `thoughts`) → `reply_reader` (pieces) → `answer` (time limits) → `stream`. Around them `client` retries and
//! falls back to other models, `refusal` classifies refusals, `quirks` and `request_form` find a form of the request that
//! the server accepts, `learned` stores it, `reply_speed` chooses between a stream and a whole reply, and `breaker` is the circuit breaker.
//!
//! ```
//! let client = llm::Client::new(llm::Settings::new("http://127.0.0.1:11434/v1", "gemma3"))?;
//! assert_eq!(client.model(), "gemma3");
//! assert_eq!(client.breaker_state(), llm::BreakerState::Closed);
//! # Ok::<(), llm::SetupError>(())
//! ```

mod answer;
mod breaker;
mod call_metrics;
mod chunk;
mod client;
mod connection;
mod decoder;
mod deviation;
mod discovery;
mod endpoint;
mod error;
mod error_body;
mod events;
mod fault;
mod last_refusal;
mod learned;
mod lenient;
mod lines;
mod message_roles;
mod overflow;
mod quirks;
mod refusal;
mod reply_format;
mod reply_reader;
mod reply_speed;
mod request_form;
mod request_progress;
mod retry;
mod settings;
mod spending;
mod stream;
mod token_scale;
mod transport;
mod window;
mod wire;

pub use breaker::{BreakerChange, BreakerState, OpenCause};
pub use call_metrics::{COST, describe_metrics};
pub use client::Client;
pub use deviation::Deviation;
pub use error::{Error, SetupError, TimeoutPhase};
pub use reply_format::ReplyFormat;
pub use request_progress::RequestProgress;
pub use settings::Settings;
pub use spending::Price;
pub use stream::AnswerStream;
pub use transport::install_crypto_provider;
pub use window::{ModelLimits, RequestSize};

use serde::Serialize;

/// The author of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The program's instructions.
    System,
    /// The student, or data for the model.
    User,
    /// The model's earlier answers.
    Assistant,
}

/// One message of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// The author.
    pub role: Role,
    /// The text.
    pub content: String,
}

/// The JSON schema of an answer. A server may ignore it, so the caller checks the answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Schema {
    /// Its name: letters, digits, `_` and `-`, at most 64.
    pub name: &'static str,
    /// The JSON schema, in the strict subset: every property required, no additional ones.
    pub schema: serde_json::Value,
}

/// A request to a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The messages, oldest first.
    pub messages: Vec<Message>,
    /// The longest answer, in tokens.
    pub max_tokens: u32,
    /// 0 to 2; left out for a model that refuses it.
    pub temperature: f32,
    /// A JSON answer in this shape, or free text.
    pub schema: Option<Schema>,
    /// Another model than the configured one. The caller checks it against the allow-list.
    pub model: Option<String>,
    /// Whether the caller waits for the whole answer. Then it is requested without a stream, which costs less to read,
    /// as long as the model writes such answers within seconds: a slow one is followed, so that silence is noticed.
    pub is_whole: bool,
    /// What the call is for (`chat`, `tutor`, `guide`): a label on metrics and in logs, never sent.
    pub purpose: &'static str,
}

impl Request {
    /// The estimated tokens of the messages.
    fn estimate_tokens(&self) -> u32 {
        let tokens: usize = self.messages.iter().map(|message| domain::estimate_tokens(&message.content)).sum();
        tokens.try_into().unwrap_or(u32::MAX)
    }
}

/// A part of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// More text; never empty.
    Text(String),
    /// The model writes thoughts, which are dropped. Sent once until text follows.
    Thinking,
    /// All text so far turned out to be thoughts: the answer starts again.
    Withdrawn,
    /// The answer is complete. Always the last piece, and there is exactly one.
    End(End),
}

/// How an answer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// Why the model stopped.
    pub finish: Finish,
    /// The model that answered, as the server names it; otherwise as requested.
    pub model: String,
    /// The model that was asked, by its configured name: the requested one or a fallback.
    pub asked_model: String,
    /// The tokens of the call.
    pub usage: Usage,
}

/// The tokens of a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the request.
    pub prompt_tokens: u32,
    /// The part of these that is in the server's cache, and costs less.
    pub cached_tokens: u32,
    /// Tokens of the answer.
    pub completion_tokens: u32,
    /// Whether a number is an estimate, because the server did not send it.
    pub estimated: bool,
}

/// Why a model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// The answer is complete.
    Stop,
    /// The token limit cut it off.
    Length,
    /// The provider's filter cut it off.
    ContentFilter,
    /// It declined; the text is its refusal.
    Refusal,
    /// Another reason.
    Other,
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The text.
    pub text: String,
    /// How it ended.
    pub end: End,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_counts_the_tokens_of_its_messages_and_their_frames() {
        let message = Message { role: Role::User, content: "하늘".into() };
        let messages = vec![message.clone(), message];
        let request = Request {
            messages,
            max_tokens: 1,
            temperature: 0.0,
            schema: None,
            model: None,
            is_whole: false,
            purpose: "chat",
        };
        assert_eq!(request.estimate_tokens(), 12);
    }
}
